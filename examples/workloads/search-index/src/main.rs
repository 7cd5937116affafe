//! A full-text index, and answers from it.
//!
//! `search-index build FILE...` takes the texts apart into passages (empty lines stand between them) and words, and
//! writes `/out/index`. `search-index query [--top N] INDEX QUERY...` prints the passages that fit each query best; the
//! queries are lines of stdin if none is given.
mod index;

use index::{Index, Passage};
use std::io::Read;
use std::path::Path;

/// How much of a passage is shown, characters.
const SHOWN: usize = 60;

fn main() {
    if let Err(error) = run() {
        eprintln!("search-index: {error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), String> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["build", ref files @ ..] if !files.is_empty() => build(files),
        ["query", "--top", top, index, ref queries @ ..] => {
            let top = top.parse().map_err(|_| format!("`{top}` is no number"))?;
            query(top, index, queries)
        }
        ["query", index, ref queries @ ..] => query(5, index, queries),
        _ => Err("say `build FILE...` or `query [--top N] INDEX QUERY...`".into()),
    }
}

fn unreadable(path: &str, error: std::io::Error) -> String {
    format!("{path} cannot be read: {error}")
}

fn build(files: &[&str]) -> Result<(), String> {
    let mut index = Index::default();
    for file in files {
        let text = std::fs::read_to_string(file).map_err(|error| unreadable(file, error))?;
        let name = Path::new(file).file_name().unwrap_or_default();
        let (name, mut number) = (name.to_string_lossy(), 0);
        for passage in text
            .split("\n\n")
            .filter(|passage| !passage.trim().is_empty())
        {
            number += 1;
            let begin: Vec<&str> = passage.split_whitespace().collect();
            let passage_at = Passage {
                file: name.to_string(),
                number,
                begin: begin.join(" ").chars().take(SHOWN).collect(),
                words: 0,
            };
            index.add(passage_at, passage);
        }
        println!("{name}: {number} passages");
    }
    let bytes = index.to_bytes();
    std::fs::write("/out/index", &bytes).map_err(|error| format!("/out/index: {error}"))?;
    let (passages, words, terms) = index.size();
    println!(
        "{passages} passages, {words} words, {terms} of them different, {} bytes of index",
        bytes.len()
    );
    Ok(())
}

fn query(top: usize, path: &str, queries: &[&str]) -> Result<(), String> {
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, error))?;
    let index = Index::parse(&bytes).ok_or(format!("{path} is no index"))?;
    let mut stdin = String::new();
    if queries.is_empty() {
        std::io::stdin()
            .read_to_string(&mut stdin)
            .map_err(|error| unreadable("stdin", error))?;
    }
    for query in queries.iter().copied().chain(stdin.lines()) {
        println!("{query}");
        let found = index.best(query, top);
        if found.is_empty() {
            println!("  nothing");
        }
        for (score, passage) in found {
            let Passage {
                file,
                number,
                begin,
                ..
            } = passage;
            println!("  {score:.4}  {file} {number}: {begin}");
        }
    }
    Ok(())
}
