//! `cargo xtask soak`: a thousand jobs on a whole network, some of it lying, silent or failing; what is left must add up.

use crate::build;
use crate::shell::{cargo, run};
use anyhow::Result;

/// Builds everything, then runs the soak with these arguments; `--help` is one.
pub fn everything(arguments: &[String]) -> Result<()> {
    build::programs()?;
    build::command()?;
    run(cargo(&["run", "--quiet", "--package", "lode-soak"])
        .arg("--")
        .args(arguments))
}
