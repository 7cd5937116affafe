//! The README's way by hand, word for word, on a network of the test's own.
#![allow(clippy::unwrap_used)]
mod common;

use common::Network;
use std::path::Path;
use std::process::Command;

const README: &str = include_str!("../../README.md");

/// The indented block after a sentence, without comments.
fn block<'a>(after: &str) -> Vec<&'a str> {
    let (_, rest) = README.split_once(after).unwrap();
    rest.lines()
        .skip_while(|line| line.trim().is_empty())
        .take_while(|line| line.starts_with("    "))
        .map(|line| line.split(" #").next().unwrap().trim())
        .collect()
}

#[test]
fn the_readme_leads_from_nothing_to_a_settled_job_of_ones_own_in_at_most_five_commands() {
    let before = block("## By hand");
    assert!(
        matches!(before[..], [build, "target/debug/lode localnet"] if build.starts_with("cargo xtask build")),
        "{before:?}"
    );
    let commands = block("and in another terminal");
    // with the network's own there are five
    assert!(commands.len() < 5, "{commands:?}");

    let network = Network::start(&[], &[]);
    let folder = network.folder.path();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let examples = root.join("examples").canonicalize().unwrap();
    std::os::unix::fs::symlink(examples, folder.join("examples")).unwrap();
    for command in &commands {
        let words: Vec<&str> = command.split_whitespace().collect();
        let (program, arguments) = words.split_first().unwrap();
        assert_eq!(*program, "target/debug/lode");
        let arguments = arguments.iter().map(|word| match *word {
            "localhost" => network.url.as_str(),
            other => other,
        });
        let output = Command::new(env!("CARGO_BIN_EXE_lode"))
            .args(arguments)
            .current_dir(folder)
            .env("HOME", folder)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {said}");
    }
    let picture = std::fs::read(folder.join("picture/out/picture.png")).unwrap();
    assert!(picture.starts_with(b"\x89PNG"));
    let jobs = network.ask(common::WALLET, &["job", "list", "--state", "settled"]);
    assert_eq!(jobs.as_array().unwrap().len(), 1);
    network.stop();
}
