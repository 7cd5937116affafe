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
    require_fit(&found, context)
}

/// Checks this machine before it is made a node.
pub(super) async fn require_machine(context: &Context) -> Result<()> {
    require_fit(&machine().await?, context)
}

/// Refuses a machine that is not fit to work, and warns of one that is slow.
fn require_fit(found: &Verification, context: &Context) -> Result<()> {
    let Some(first) = found.differences.first() else {
        if found.is_slow() {
            context.out.note(&format!(
                "A unit may take {MILLISECONDS_PER_UNIT} ms where markets make their windows: this machine will be late with long jobs. Choose short ones, or give it less to do besides."
            ));
        }
        return Ok(());
    };
    bail!(
        "This machine is not fit to work: {} of {} runs differ (the first is `{}` on {}), and a node whose results differ loses its collateral. Check its memory, take another machine, and report this with the output of `lode runtime verify`",
        found.differences.len(),
        found.vectors * found.places.len(),
        first.vector,
        first.place
    )
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
