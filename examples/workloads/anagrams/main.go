// Anagrams finds words of a text that have the same letters.
//
// `anagrams FILE...` prints the groups, the longest words first, and writes how often each letter occurs to
// /out/letters.csv.
package main

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strings"
	"unicode"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "anagrams:", err)
		os.Exit(1)
	}
}

func run(files []string) error {
	words := map[string]bool{}
	letters := map[rune]int{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, word := range strings.FieldsFunc(string(text), func(c rune) bool { return !unicode.IsLetter(c) }) {
			word = strings.ToLower(word)
			words[word] = true
			for _, c := range word {
				letters[c]++
			}
		}
	}

	// a map has no order of its own, and a job must come to the same bytes each time: what is printed is sorted
	groups := map[string][]string{}
	for word := range words {
		sorted := []rune(word)
		slices.Sort(sorted)
		groups[string(sorted)] = append(groups[string(sorted)], word)
	}
	var found [][]string
	for _, group := range groups {
		if len(group) > 1 {
			slices.Sort(group)
			found = append(found, group)
		}
	}
	slices.SortFunc(found, func(a, b []string) int {
		if len(a[0]) != len(b[0]) {
			return len(b[0]) - len(a[0])
		}
		return strings.Compare(a[0], b[0])
	})
	for _, group := range found {
		fmt.Println(strings.Join(group, " "))
	}
	fmt.Printf("%d words, %d groups\n", len(words), len(found))
	return table("/out/letters.csv", letters)
}

func table(path string, letters map[rune]int) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	to := bufio.NewWriter(file)
	fmt.Fprintln(to, "letter,times")
	for c := 'a'; c <= 'z'; c++ {
		fmt.Fprintf(to, "%c,%d\n", c, letters[c])
	}
	if err := to.Flush(); err != nil {
		return err
	}
	return file.Close()
}
