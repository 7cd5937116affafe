//! The pages of `docs/workloads`: every command on them is run as it stands, on a network with nodes and oracles, and
//! each workload writes what is committed beside it. A result is settled here only if three seats of the committee came
//! to it too, and `lode job estimate` runs it once more. Needs the programs that `cargo xtask build` makes.
#![allow(clippy::unwrap_used)]

mod common;

use common::Network;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The sections of a page: heading, and the commands of `lode` in it.
fn sections(page: &str) -> Vec<(String, Vec<Vec<String>>)> {
    let text = std::fs::read_to_string(root().join("docs/workloads").join(page)).unwrap();
    let mut sections: Vec<(String, Vec<Vec<String>>)> = Vec::new();
    // a command goes on after a backslash
    for line in text.replace("\\\n", " ").lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            sections.push((heading.into(), Vec::new()));
        } else if let (Some(command), Some(section)) =
            (line.strip_prefix("    lode "), sections.last_mut())
        {
            section.1.push(words(command));
        }
    }
    sections.retain(|(_, commands)| !commands.is_empty());
    sections
}

/// As a shell divides a line, quotes counted.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut begun) = (Vec::new(), String::new(), false, false);
    for c in line.chars() {
        match c {
            '"' => (quoted, begun) = (!quoted, true),
            ' ' if !quoted => {
                if begun || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            _ => word.push(c),
        }
    }
    if begun || !word.is_empty() {
        words.push(word);
    }
    words
}

/// Every file that is committed as expected is there with the same bytes, and no other.
fn is_as_expected(workload: &str, out: &Path) {
    let expected = root()
        .join("examples/workloads")
        .join(workload)
        .join("expected");
    let mut wanted: Vec<String> = names(&expected);
    wanted.sort();
    let mut found: Vec<String> = names(&out.join("out"));
    found.push("stdout".into());
    found.sort();
    assert_eq!(found, wanted, "{workload}");
    for name in wanted {
        let at = if name == "stdout" {
            out.join(&name)
        } else {
            out.join("out").join(&name)
        };
        let (is, should) = (std::fs::read(at), std::fs::read(expected.join(&name)));
        assert!(is.unwrap() == should.unwrap(), "{workload}: {name} differs");
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// The row of the page's table says size and units as they are.
fn is_in_the_table(page: &str, workload: &str, units: &Value) {
    let module = root()
        .join("examples/workloads")
        .join(format!("{workload}.wasm"));
    let bytes = std::fs::metadata(module).unwrap().len();
    let work = units.as_u64().unwrap() as f64 / 1_000.0;
    let row = format!(
        "| [{workload}](#{workload}) | {bytes} | {units} | {work} | {} |",
        work * 3.0
    );
    assert!(page.contains(&row), "the table lacks: {row}");
}

#[test]
fn every_command_of_the_workloads_page_runs_and_writes_what_is_committed() {
    let sections = sections("README.md");
    let page = std::fs::read_to_string(root().join("docs/workloads/README.md")).unwrap();
    let wallets: Vec<String> = (0..sections.len()).map(|i| format!("wallet-{i}")).collect();
    let names: Vec<&str> = wallets.iter().map(String::as_str).collect();
    let network = Network::start(&["--nodes", "2"], &names);
    let examples = network.folder.path().join("examples");
    std::os::unix::fs::symlink(root().canonicalize().unwrap().join("examples"), examples).unwrap();
    let workloads: Vec<&str> = sections.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        workloads,
        [
            "monte-carlo",
            "tour",
            "sensors",
            "images",
            "search-index",
            "csv-to-parquet",
            "digits"
        ]
    );
    std::thread::scope(|scope| {
        for ((workload, commands), wallet) in sections.iter().zip(&wallets) {
            let (network, page) = (&network, &page);
            scope.spawn(move || {
                network.ask(wallet, &["account", "deposit", "50000"]);
                for command in commands {
                    let args: Vec<&str> = command.iter().map(String::as_str).collect();
                    let said = network.ask(wallet, &args);
                    if args[..2] == ["job", "run"] {
                        is_in_the_table(page, workload, &said["units"]);
                    }
                }
                is_as_expected(workload, &network.folder.path().join(workload));
            });
        }
    });
    network.stop();
}
