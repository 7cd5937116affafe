//! Every command in README, guides and what the sources say to people is one that this program takes.
#![allow(clippy::unwrap_used, clippy::panic)]

use crate::tree;
use clap::error::ErrorKind;
use clap::Command;
use std::path::{Path, PathBuf};

/// What a word in capitals may stand for: itself, a number, an address, an amount, an office, a key's signature.
const STANDS_FOR: [&str; 5] = [
    "1",
    "11111111111111111111111111111111",
    "0.5",
    "staking",
    "11111111111111111111111111111111=1111111111111111111111111111111111111111111111111111111111111111",
];

/// Everything below a folder that ends so.
fn files(folder: PathBuf, end: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(path, end, found);
        } else if path.extension().is_some_and(|is| is == end) {
            found.push(path);
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md"), root().join("SECURITY.md")];
    files(root().join("docs"), "md", &mut pages);
    pages
}

/// Sources whose sentences people read: of the command, what it is made of, the programs, and `cargo xtask`.
fn sources() -> Vec<PathBuf> {
    let mut sources = Vec::new();
    for folder in ["cli/src", "xtask/src"] {
        files(root().join(folder), "rs", &mut sources);
    }
    for group in ["crates", "programs"] {
        for member in std::fs::read_dir(root().join(group)).unwrap() {
            files(member.unwrap().path().join("src"), "rs", &mut sources);
        }
    }
    files(root().join("migrations"), "toml", &mut sources);
    // what it quotes is no command
    sources.retain(|path| !path.ends_with("cli/src/documented.rs"));
    sources
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

/// The commands that sentences name: between two backticks on one line, outside blocks of code.
fn named(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in page.lines() {
        fenced ^= line.trim_start().starts_with("```");
        if fenced || line.starts_with("    ") {
            continue;
        }
        for quoted in line.split('`').skip(1).step_by(2) {
            if quoted.starts_with("lode ") {
                found.extend(alternatives(quoted));
            }
        }
    }
    found
}

/// The sentences of a source: without comments that only its readers see, text that goes on after a backslash in one line.
fn sentences(source: &str) -> String {
    let mut told = String::new();
    for line in source.lines() {
        let line = line.trim();
        if line.starts_with("//!") {
            continue;
        }
        match line.strip_suffix('\\') {
            Some(begun) => told.push_str(begun),
            None => {
                told.push_str(line);
                told.push('\n');
            }
        }
    }
    told
}

/// `pause staking|jobs` names two commands, `show [EPOCH]` one.
fn alternatives(command: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    for word in command.split_whitespace() {
        let word = word.trim_matches(['[', ']']);
        let ways = word.split('|').filter(|way| !way.is_empty());
        all = ways
            .flat_map(|way| all.iter().map(move |begun| format!("{begun} {way}")))
            .map(|command| command.trim_start().to_string())
            .collect();
    }
    all
}

/// Whether a word stands for what the reader has: in capitals, or put in by the program that says it.
fn stands_for_something(word: &str) -> bool {
    word.contains('{') || word.chars().all(|c| c.is_ascii_uppercase() || c == '_')
}

/// Whether the words are a command, whatever its words in capitals stand for. `partly`: what must be there may be left away.
fn is_taken(
    command: &Command,
    words: &[String],
    from: usize,
    partly: bool,
) -> Result<(), clap::Error> {
    let refused = match command.clone().try_get_matches_from(words) {
        Ok(_) => return Ok(()),
        Err(error) => error,
    };
    match refused.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => return Ok(()),
        ErrorKind::MissingRequiredArgument
        | ErrorKind::MissingSubcommand
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            if partly =>
        {
            return Ok(())
        }
        _ => {}
    }
    let place = (from..words.len()).find(|place| stands_for_something(&words[*place]));
    if let Some(place) = place {
        for meant in STANDS_FOR {
            let mut other = words.to_vec();
            other[place] = meant.to_string();
            if is_taken(command, &other, place + 1, partly).is_ok() {
                return Ok(());
            }
        }
        return is_taken(command, words, place + 1, partly);
    }
    Err(refused)
}

/// Fails unless a command, as documentation writes it, is one that this program takes. `place` is where it stands.
pub fn require_taken(command: &str, place: &str) {
    require(command, place, false);
}

fn require(command: &str, place: &str, partly: bool) {
    // what a page leaves out may be an option that must be there
    let shortened = |word: &str| ["..", "..."].contains(&word);
    let partly = partly || command.split_whitespace().any(shortened);
    // where the shell puts what it prints
    let typed = command.split(" > ").next().unwrap_or_default();
    let mut words: Vec<String> = typed
        .split_whitespace()
        .filter(|word| !shortened(word))
        .map(str::to_string)
        .collect();
    // an option that is only named
    if partly && words.last().is_some_and(|last| last.starts_with("--")) {
        let tree = tree::command();
        if is_taken(&tree, &words, 1, partly).is_ok() {
            return;
        }
        words.push("VALUE".into());
    }
    if let Err(error) = is_taken(&tree::command(), &words, 1, partly) {
        panic!("{place}: {command}\n{error}");
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
fn every_command_that_a_sentence_names_is_taken() {
    let mut taken = 0;
    let texts = pages().into_iter().map(|path| (path, false));
    let sources = sources().into_iter().map(|path| (path, true));
    for (path, is_source) in texts.chain(sources) {
        let mut text = std::fs::read_to_string(&path).unwrap();
        if is_source {
            text = sentences(&text);
        }
        for command in named(&text) {
            // which command it is the program puts in itself
            if !command.starts_with("lode {") {
                require(&command, &path.display().to_string(), true);
                taken += 1;
            }
        }
    }
    assert!(taken > 200, "only {taken} commands were found");
}

#[test]
fn a_command_that_is_none_is_refused() {
    let page = "text\n\n    lode job postpone JOB   # no such thing\n```\nlode job list \\\n   --nonsense\n```\n\
        say `lode stake add`, `lode network pause staking|everything` or `lode node update --nonsense`\n";
    let (typed, named) = (commands(page), named(page));
    assert_eq!((typed.len(), named.len()), (2, 4));
    let fine = "lode network pause staking";
    for command in typed.iter().chain(named.iter().filter(|is| *is != fine)) {
        let words: Vec<String> = command.split_whitespace().map(str::to_string).collect();
        assert!(
            is_taken(&tree::command(), &words, 1, true).is_err(),
            "{command}"
        );
    }
    require(fine, "here", true);
}

#[test]
fn every_check_of_the_doctor_stands_in_the_table_of_what_its_lines_mean() {
    let doctor = std::fs::read_to_string(root().join("crates/node/src/doctor.rs")).unwrap();
    let (doctor, _) = doctor.split_once("#[cfg(test)]").unwrap();
    let mut checks = std::collections::BTreeSet::new();
    for call in ["all.ok(", "all.warn(", "all.fail(", "let check = "] {
        for rest in doctor.split(call).skip(1) {
            if let Some(literal) = rest.trim_start().strip_prefix('"') {
                checks.insert(literal.split('"').next().unwrap());
            }
        }
    }
    let page = std::fs::read_to_string(root().join("docs/troubleshooting.md")).unwrap();
    let (_, table) = page.split_once("## What each line means").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    let told = table.lines().filter_map(|line| line.strip_prefix("| `"));
    let told = told.map(|row| row.split('`').next().unwrap()).collect();
    assert!(checks.len() > 15, "{checks:?}");
    assert_eq!(
        checks, told,
        "docs/troubleshooting.md, \"What each line means\""
    );
}
