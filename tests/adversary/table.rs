use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub fn sources(at: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(at).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// Every test there is, as `file::test`: functions that stand under a line that makes them one, and those that a file
/// without a harness lists.
fn tests() -> BTreeSet<String> {
    let mut files = vec![];
    for folder in ["tests", "crates", "programs"] {
        sources(&root().join(folder), &mut files);
    }
    let mut found = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let stem = file.file_stem().unwrap().to_str().unwrap();
        if let Some((_, listed)) = text.split_once("const TESTS: &[(&str, fn())] = &[") {
            let listed = listed.split("];").next().unwrap();
            let names = listed.split('"').skip(1).step_by(2);
            found.extend(names.map(|name| format!("{stem}::{name}")));
        }
        for (i, line) in lines.iter().enumerate() {
            if *line != "#[test]" && !line.starts_with("#[tokio::test") {
                continue;
            }
            let name = lines[i + 1..].iter().take(4).find_map(|line| {
                let rest = line.strip_prefix("async ").unwrap_or(line);
                rest.strip_prefix("fn ")?.split('(').next()
            });
            if let Some(name) = name {
                found.insert(format!("{stem}::{name}"));
            }
        }
    }
    found
}

/// `file::test` of every name in the table that stands between backticks and has two colons in it.
fn named() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("docs/threats.md")).unwrap();
    let quoted = text.split('`').skip(1).step_by(2);
    quoted
        .filter(|name| name.contains("::"))
        .map(str::to_string)
        .collect()
}

#[test]
fn every_test_that_the_threats_name_exists() {
    let (tests, named) = (tests(), named());
    assert!(named.len() > 60, "only {} tests are named", named.len());
    let missing: Vec<_> = named.iter().filter(|name| !tests.contains(*name)).collect();
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
    // the control: a name that no test has is missing
    assert!(!tests.contains("table::a_test_that_nobody_wrote"));
}

#[test]
fn every_row_of_the_protocols_last_table_is_answered() {
    let protocol = std::fs::read_to_string(root().join("docs/protocol.md")).unwrap();
    let threats = std::fs::read_to_string(root().join("docs/threats.md")).unwrap();
    let why = protocol.split("\n## Why").nth(1).unwrap();
    let attacks: Vec<&str> = why
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| attack"))
        .filter_map(|line| line.split('|').nth(1))
        .map(str::trim)
        .collect();
    assert!(attacks.len() >= 23, "{attacks:?}");
    let missing: Vec<_> = attacks
        .iter()
        .filter(|attack| {
            let row = threats
                .lines()
                .find(|line| line.starts_with(&format!("| {attack} |")));
            row.is_none_or(|row| !row.contains("::"))
        })
        .collect();
    assert!(missing.is_empty(), "not answered: {missing:#?}");
}
