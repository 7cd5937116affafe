//! An inverted index: for each word the passages that have it, and how often.
use std::collections::BTreeMap;

/// How an index begins.
const MAGIC: &[u8] = b"passages 1\n";
/// How soon more of the same word counts no more, and how much long passages lose: the usual values of BM25.
const K1: f64 = 1.2;
const B: f64 = 0.75;

/// A part of a text.
pub struct Passage {
    pub file: String,
    /// Which passage of the file, from 1.
    pub number: u64,
    /// Its first characters.
    pub begin: String,
    pub words: u64,
}

#[derive(Default)]
pub struct Index {
    passages: Vec<Passage>,
    /// The passages of each word in ascending order, and how often each has it.
    terms: BTreeMap<String, Vec<(u64, u64)>>,
}

/// Letters and digits that stand together, in small letters; what an apostrophe joins stays together.
fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'')
        .map(|word| word.replace('\'', "").to_lowercase())
        .filter(|word| !word.is_empty())
}

impl Index {
    pub fn add(&mut self, mut passage: Passage, text: &str) {
        let at = self.passages.len() as u64;
        for word in words(text) {
            passage.words += 1;
            let places = self.terms.entry(word).or_default();
            match places.last_mut() {
                Some((last, times)) if *last == at => *times += 1,
                _ => places.push((at, 1)),
            }
        }
        self.passages.push(passage);
    }

    /// Passages, words, different words.
    pub fn size(&self) -> (usize, u64, usize) {
        let words = self.passages.iter().map(|passage| passage.words).sum();
        (self.passages.len(), words, self.terms.len())
    }

    /// The passages that fit best, best first, by BM25.
    pub fn best(&self, query: &str, top: usize) -> Vec<(f64, &Passage)> {
        let count = self.passages.len() as f64;
        let mean = self.size().1 as f64 / count.max(1.0);
        let mut scores: BTreeMap<u64, f64> = BTreeMap::new();
        for word in words(query) {
            let Some(places) = self.terms.get(&word) else {
                continue;
            };
            let having = places.len() as f64;
            let rare = ((count - having + 0.5) / (having + 0.5) + 1.0).ln();
            for (at, times) in places {
                let (times, words) = (*times as f64, self.passages[*at as usize].words as f64);
                let long = 1.0 - B + B * words / mean;
                let score = rare * times * (K1 + 1.0) / (times + K1 * long);
                *scores.entry(*at).or_default() += score;
            }
        }
        let mut found: Vec<(f64, u64)> =
            scores.into_iter().map(|(at, score)| (score, at)).collect();
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        found.truncate(top);
        let passage = |(score, at): (f64, u64)| (score, &self.passages[at as usize]);
        found.into_iter().map(passage).collect()
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut to = MAGIC.to_vec();
        number(&mut to, self.passages.len() as u64);
        for passage in &self.passages {
            text(&mut to, &passage.file);
            number(&mut to, passage.number);
            text(&mut to, &passage.begin);
            number(&mut to, passage.words);
        }
        number(&mut to, self.terms.len() as u64);
        for (word, places) in &self.terms {
            text(&mut to, word);
            number(&mut to, places.len() as u64);
            let mut last = 0;
            for (at, times) in places {
                // distances are smaller than places
                number(&mut to, at - last);
                number(&mut to, *times);
                last = *at;
            }
        }
        to
    }

    /// Reads what [`Index::to_bytes`] wrote; nothing if it is anything else.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut from = Reader(bytes.strip_prefix(MAGIC)?);
        let mut index = Index::default();
        for _ in 0..from.number()? {
            index.passages.push(Passage {
                file: from.text()?,
                number: from.number()?,
                begin: from.text()?,
                words: from.number()?,
            });
        }
        for _ in 0..from.number()? {
            let word = from.text()?;
            let (mut places, mut at) = (Vec::new(), 0u64);
            for _ in 0..from.number()? {
                at = at.checked_add(from.number()?)?;
                if at >= index.passages.len() as u64 {
                    return None;
                }
                places.push((at, from.number()?));
            }
            index.terms.insert(word, places);
        }
        from.0.is_empty().then_some(index)
    }
}

/// Seven bits a byte, the lowest first; the last byte has no eighth bit.
fn number(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

fn text(to: &mut Vec<u8>, text: &str) {
    number(to, text.len() as u64);
    to.extend(text.as_bytes());
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn number(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for place in (0..63).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << place;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }
}
