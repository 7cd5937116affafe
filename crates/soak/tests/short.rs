//! A short soak in the ordinary tests: the long one is `cargo xtask soak`. Needs the programs that `cargo xtask build`
//! makes.
#![allow(clippy::unwrap_used)]

use std::process::Command;

#[test]
fn jobs_of_a_network_that_lies_is_silent_and_fails_all_end_and_add_up() {
    let output = Command::new(env!("CARGO_BIN_EXE_lode-soak"))
        .args(["--jobs", "8", "--nodes", "4", "--liars", "1"])
        .args(["--oracles", "5", "--customers", "2", "--kill-seconds", "6"])
        .args([
            "--programs",
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/deploy"),
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{error}");
    assert!(said.contains("jobs final                 8 of 8"), "{said}");
    assert!(said.contains("base units unaccounted     0"), "{said}");
    println!("{said}");
}
