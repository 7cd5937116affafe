//! The statistics themselves: a text goes in, numbers come out.
use serde::Serialize;
use std::collections::BTreeMap;

/// Words shorter than this are too alike to be worth comparing.
const PAIR_LETTERS: usize = 6;

/// A word, or a run of two, and how often it occurs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Count {
    pub text: String,
    pub count: usize,
}

/// Everything that is said about a text. Ratios are rounded to four digits, so that they read well.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub bytes: usize,
    pub characters: usize,
    pub lines: usize,
    pub paragraphs: usize,
    pub sentences: usize,
    pub words: usize,
    pub distinct_words: usize,
    pub words_that_occur_once: usize,
    pub letters_per_word: f64,
    pub words_per_sentence: f64,
    pub longest_sentence_words: usize,
    pub type_token_ratio: f64,
    /// Yule's K: how often words repeat, independent of the text's length.
    pub yule_k: f64,
    pub longest_words: Vec<String>,
    pub most_frequent: Vec<Count>,
    pub most_frequent_pairs: Vec<Count>,
    pub letters: Vec<Count>,
    pub length_histogram: Vec<usize>,
    /// Long words that one edit turns into another: the bulk of the work.
    pub near_words: Vec<[String; 2]>,
}

/// Counts everything; lists hold at most `top` entries.
pub fn report(text: &str, top: usize) -> Report {
    let mut words: Vec<String> = Vec::new();
    let mut sentences = 0;
    let mut longest_sentence_words = 0;
    for sentence in text.split(['.', '!', '?']) {
        let before = words.len();
        words.extend(words_of(sentence));
        let length = words.len() - before;
        if length > 0 {
            sentences += 1;
            longest_sentence_words = longest_sentence_words.max(length);
        }
    }

    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut letters: BTreeMap<char, usize> = BTreeMap::new();
    let mut length_histogram: Vec<usize> = Vec::new();
    let mut letters_in_words = 0;
    for word in &words {
        *counts.entry(word).or_default() += 1;
        let mut length = 0;
        for letter in word.chars().filter(|c| c.is_alphabetic()) {
            *letters.entry(letter).or_default() += 1;
            length += 1;
        }
        letters_in_words += length;
        if length_histogram.len() <= length {
            length_histogram.resize(length + 1, 0);
        }
        length_histogram[length] += 1;
    }
    let mut pairs: BTreeMap<String, usize> = BTreeMap::new();
    for pair in words.windows(2) {
        *pairs.entry(pair.join(" ")).or_default() += 1;
    }
    let mut longest: Vec<&str> = counts.keys().copied().collect();
    longest.sort_by_key(|word| (std::cmp::Reverse(word.chars().count()), *word));
    let squares: usize = counts.values().map(|n| n * n).sum();
    let total = words.len() as f64;

    Report {
        bytes: text.len(),
        characters: text.chars().count(),
        lines: text.lines().count(),
        paragraphs: paragraphs(text),
        sentences,
        words: words.len(),
        distinct_words: counts.len(),
        words_that_occur_once: counts.values().filter(|n| **n == 1).count(),
        letters_per_word: ratio(letters_in_words as f64, total),
        words_per_sentence: ratio(total, sentences as f64),
        longest_sentence_words,
        type_token_ratio: ratio(counts.len() as f64, total),
        yule_k: ratio(10_000.0 * (squares as f64 - total), total * total),
        longest_words: longest.iter().take(top).map(|w| w.to_string()).collect(),
        most_frequent: most(counts.iter().map(|(w, n)| (w.to_string(), *n)), top),
        most_frequent_pairs: most(pairs.into_iter(), top),
        letters: most(letters.iter().map(|(c, n)| (c.to_string(), *n)), usize::MAX),
        length_histogram,
        near_words: near_words(&counts, top),
    }
}

/// Words in lower case; an apostrophe or a hyphen inside belongs to the word.
fn words_of(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !(c.is_alphanumeric() || c == '\'' || c == '-'))
        .map(|word| word.trim_matches(['\'', '-']))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

fn paragraphs(text: &str) -> usize {
    let mut count = 0;
    let mut inside = false;
    for line in text.lines() {
        let blank = line.trim().is_empty();
        if !blank && !inside {
            count += 1;
        }
        inside = !blank;
    }
    count
}

/// Rounded to four digits; 0 where there is nothing to divide by.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 {
        return 0.0;
    }
    (part / whole * 10_000.0).round() / 10_000.0
}

/// The most frequent first, equals in their own order.
fn most(counts: impl Iterator<Item = (String, usize)>, top: usize) -> Vec<Count> {
    let mut all: Vec<Count> = counts.map(|(text, count)| Count { text, count }).collect();
    all.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.text.cmp(&b.text)));
    all.truncate(top);
    all
}

fn near_words(counts: &BTreeMap<&str, usize>, top: usize) -> Vec<[String; 2]> {
    let long: Vec<(&str, Vec<char>)> = counts
        .keys()
        .map(|word| (*word, word.chars().collect::<Vec<char>>()))
        .filter(|(_, letters)| letters.len() >= PAIR_LETTERS)
        .collect();
    let mut found = Vec::new();
    for (i, (word, letters)) in long.iter().enumerate() {
        for (other, others) in long.iter().skip(i + 1) {
            if letters.len().abs_diff(others.len()) <= 1 && edits(letters, others) == 1 {
                found.push([word.to_string(), other.to_string()]);
            }
        }
    }
    found.truncate(top);
    found
}

/// Levenshtein's distance: how many letters to put in, take out or change.
fn edits(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_is_counted_by_hand() {
        let r = report(
            "The sea. The sea again!\n\nWell, it's late; the lamp is lit.\n",
            3,
        );
        assert_eq!((r.lines, r.paragraphs, r.sentences, r.words), (3, 2, 3, 12));
        assert_eq!((r.distinct_words, r.words_that_occur_once), (9, 7));
        assert_eq!(
            r.most_frequent[0],
            Count {
                text: "the".into(),
                count: 3
            }
        );
        assert_eq!(
            r.most_frequent[1],
            Count {
                text: "sea".into(),
                count: 2
            }
        );
        assert_eq!(
            r.most_frequent_pairs[0],
            Count {
                text: "the sea".into(),
                count: 2
            }
        );
        assert_eq!(r.longest_sentence_words, 7);
        assert_eq!(r.longest_words[0], "again");
        assert_eq!(r.words_per_sentence, 4.0);
        assert_eq!(r.length_histogram.iter().sum::<usize>(), 12);
    }

    #[test]
    fn an_empty_text_has_nothing_and_divides_by_nothing() {
        let r = report("", 5);
        assert_eq!((r.words, r.sentences, r.paragraphs), (0, 0, 0));
        assert_eq!((r.letters_per_word, r.yule_k), (0.0, 0.0));
    }

    #[test]
    fn edits_are_levenshteins() {
        let of = |a: &str, b: &str| {
            edits(
                &a.chars().collect::<Vec<_>>(),
                &b.chars().collect::<Vec<_>>(),
            )
        };
        assert_eq!(of("kitten", "sitting"), 3);
        assert_eq!(of("harbour", "harbours"), 1);
        assert_eq!(of("lamp", "lamp"), 0);
        let r = report("harbour harbours lantern", 9);
        assert_eq!(
            r.near_words,
            [["harbour".to_string(), "harbours".to_string()]]
        );
    }
}
