//! `cargo xtask dist`: `lode` for operators' machines, one static file for each kind of processor.

use crate::setup::cache;
use crate::shell::{root, run, step};
use anyhow::Result;
use std::process::Command;

/// Builds `target/dist/lode-TARGET` for these targets, for all without one.
pub fn build(targets: &[String]) -> Result<()> {
    step("building static binaries (half an hour for each target, minutes when little changed)");
    let script = root().join("xtask/dist/build.sh");
    run(Command::new("bash")
        .arg(script)
        .arg(cache()?.join("dist"))
        .args(targets))
}
