module anagrams

go 1.21
