//! `lode runtime`.
use crate::context::Context;
use crate::output::{Cell, Rows};
use crate::progress::Progress;
use anyhow::{bail, Context as _, Result};
use lode_runtime::verify::{self, Verification, MILLISECONDS_PER_UNIT};
use lode_runtime::RUNTIME;
use serde_json::json;

/// Commands of the runtime that jobs run in.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Say whether this machine is fit to work: run every known job and compare the receipts, byte for byte
    Verify,
}

pub async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Verify => verify(context).await,
    }
}

async fn verify(context: &Context) -> Result<()> {
    let found = machine().await?;
    context.out.sheet(rows(&found));
    for difference in &found.differences {
        context.out.note(&format!(
            "{} on {}:\n  must be {}\n  but was {}",
            difference.vector,
            difference.place,
            difference.expected.trim_end(),
            difference.found.trim_end()
        ));
    }
    require_fit(&found)?;
    tell_pace(&found, context);
    Ok(())
}

/// Checks this machine before it is made a node.
pub(super) async fn require_machine(context: &Context) -> Result<()> {
    let found = machine().await?;
    require_fit(&found)?;
    tell_pace(&found, context);
    Ok(())
}

/// Refuses a machine that is not fit to work.
fn require_fit(found: &Verification) -> Result<()> {
    if found.is_fit() {
        return Ok(());
    }
    let runs = found.vectors.saturating_mul(found.places.len());
    let why = match found.differences.first() {
        Some(first) => format!(
            "{} of {runs} runs differ (the first is `{}` on {})",
            found.differences.len(),
            first.vector,
            first.place
        ),
        None => "nothing was run that could tell".into(),
    };
    bail!(
        "This machine is not fit to work: {why}, and a node whose results differ loses its collateral. Check its memory, take another machine, and report this with the output of `lode runtime verify`"
    )
}

/// Warns of a machine that is slow.
fn tell_pace(found: &Verification, context: &Context) {
    if found.is_slow() {
        context.out.note(&format!(
            "A unit may take {MILLISECONDS_PER_UNIT} ms where markets make their windows: this machine will be late with long jobs. Choose short ones, or give it less to do besides."
        ));
    }
}

/// Runs all vectors, saying which while it does.
async fn machine() -> Result<Verification> {
    let progress = Progress::start("checking this machine");
    tokio::task::spawn_blocking(move || {
        verify::verify(|done, all, vector| progress.say(format!("{vector} ({done} of {all})")))
    })
    .await
    .context("The check was interrupted")
}

fn rows(found: &Verification) -> Rows {
    let places: Vec<String> = found.places.iter().map(ToString::to_string).collect();
    let pace = found.milliseconds_per_unit;
    vec![
        ("fit", found.is_fit().into()),
        ("runtime", RUNTIME.into()),
        ("vectors", found.vectors.into()),
        ("run_on", Cell::new(places.join(", "), json!(places))),
        ("differences", found.differences.len().into()),
        (
            "milliseconds_per_unit",
            Cell::new(format!("{pace:.1}"), json!(pace)),
        ),
        ("slow", found.is_slow().into()),
        (
            "seconds",
            Cell::new(
                format!("{:.1}", found.took.as_secs_f64()),
                json!(found.took.as_secs_f64()),
            ),
        ),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use lode_runtime::verify::{Difference, Place};
    use std::time::Duration;

    #[test]
    fn a_machine_is_refused_that_differs_in_one_run_and_one_that_ran_nothing() {
        let mut found = Verification {
            vectors: 3,
            places: vec![Place::Child],
            differences: Vec::new(),
            milliseconds_per_unit: 1.0,
            took: Duration::ZERO,
        };
        require_fit(&found).unwrap();
        found.differences.push(Difference {
            vector: "text-tool",
            place: Place::Child,
            expected: "7".into(),
            found: "8".into(),
        });
        let said = require_fit(&found).unwrap_err().to_string();
        assert!(
            said.contains("1 of 3 runs differ (the first is `text-tool` on a limited process)")
                && said.contains("another machine"),
            "{said}"
        );
        found.differences.clear();
        found.vectors = 0;
        let said = require_fit(&found).unwrap_err().to_string();
        assert!(said.contains("nothing was run"), "{said}");
    }
}
