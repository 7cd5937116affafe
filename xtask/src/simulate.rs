//! `cargo xtask simulate emissions`: ten years of emissions, into `docs/emissions.md` and its figure; fails where a bound is
//! broken.

use crate::shell::{root, step};
use anyhow::{bail, Context, Result};
use lode_simulation::report;

/// Runs the simulation, prints it and writes it down.
pub fn emissions() -> Result<()> {
    step("ten years of emissions, 10 000 random networks, 10 000 random splits");
    let outcome = lode_simulation::emissions(report::NETWORKS);
    println!("{}", report::tables(&outcome));
    for (path, text) in report::documents(&root(), &outcome).map_err(anyhow::Error::msg)? {
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        println!("wrote {}", path.display());
    }
    let broken = outcome.violations();
    for what in &broken {
        eprintln!("broken: {what}");
    }
    if !broken.is_empty() {
        bail!(
            "{} bounds were broken; the lines above say which",
            broken.len()
        );
    }
    Ok(())
}
