//! Every command in README and guides is one that this program takes.
#![allow(clippy::unwrap_used)]

use crate::tree;
use clap::error::ErrorKind;
use std::path::{Path, PathBuf};

/// What a word in capitals may stand for: itself, a number, an address, an amount, a key's signature.
const STANDS_FOR: [&str; 4] = [
    "1",
    "11111111111111111111111111111111",
    "0.5",
    "11111111111111111111111111111111=1111111111111111111111111111111111111111111111111111111111111111",
];

fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut pages = vec![root.join("README.md")];
    let mut folders = vec![root.join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                pages.push(path);
            }
        }
    }
    pages
}

/// The commands of a page: lines of code that begin with the program's name, continued by a backslash.
fn commands(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fenced = false;
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if !fenced && !line.starts_with("    ") {
            continue;
        }
        let line = line.trim().trim_start_matches("$ ");
        let line = line.strip_prefix("target/debug/").unwrap_or(line);
        if !line.starts_with("lode ") {
            continue;
        }
        let mut whole = line.split(" #").next().unwrap_or_default().to_string();
        while whole.trim_end().ends_with('\\') {
            whole = whole.trim_end().trim_end_matches('\\').to_string();
            let next = lines.next().unwrap_or_default();
            whole.push_str(next.split(" #").next().unwrap_or_default());
        }
        found.push(whole);
    }
    found
}

/// Whether the words are a command, whatever its words in capitals stand for.
fn is_taken(words: &[String], from: usize) -> Result<(), clap::Error> {
    let stands_for_something =
        |word: &String| word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    let refused = match tree::command().try_get_matches_from(words) {
        Ok(_) => return Ok(()),
        Err(error) => error,
    };
    let place = (from..words.len()).find(|place| stands_for_something(&words[*place]));
    if let Some(place) = place {
        for meant in STANDS_FOR {
            let mut other = words.to_vec();
            other[place] = meant.to_string();
            if is_taken(&other, place + 1).is_ok() {
                return Ok(());
            }
        }
        return is_taken(words, place + 1);
    }
    Err(refused)
}

/// Fails unless a command, as documentation writes it, is one that this program takes. `place` is where it stands.
pub fn require_taken(command: &str, place: &str) {
    // what a page leaves out may be an option that must be there
    let shortened = |word: &str| ["..", "..."].contains(&word);
    // where the shell puts what it prints
    let typed = command.split(" > ").next().unwrap_or_default();
    let words: Vec<String> = typed
        .split_whitespace()
        .filter(|word| !shortened(word))
        .map(str::to_string)
        .collect();
    if let Err(error) = is_taken(&words, 1) {
        let asked = match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => true,
            ErrorKind::MissingRequiredArgument => command.split_whitespace().any(shortened),
            _ => false,
        };
        assert!(asked, "{place}: {command}\n{error}");
    }
}

#[test]
fn every_documented_command_is_taken() {
    let mut taken = 0;
    for page in pages() {
        for command in commands(&std::fs::read_to_string(&page).unwrap()) {
            require_taken(&command, &page.display().to_string());
            taken += 1;
        }
    }
    assert!(taken > 40, "only {taken} commands were found");
}

#[test]
fn a_command_that_is_none_is_refused() {
    let page = "text\n\n    lode job postpone JOB   # no such thing\n```\nlode job list \\\n   --nonsense\n```\n";
    let found = commands(page);
    assert_eq!(found.len(), 2);
    for command in found {
        let words: Vec<String> = command.split_whitespace().map(str::to_string).collect();
        assert!(is_taken(&words, 1).is_err(), "{command}");
    }
}
