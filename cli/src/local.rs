//! A job run on this machine, as a node would run it.
use crate::context::hex32;
use crate::output::{Cell, Rows};
use crate::progress::Progress;
use crate::spec::Prepared;
use anyhow::{bail, Context as _, Result};
use lode_runtime::child::{self, Limits};
use lode_runtime::{Estimate, Finished, Outcome, MAX_UNITS};
use serde_json::json;
use std::time::{Duration, Instant};

/// Without another limit, a trial ends here: 10 000 million of fuel take seconds, and few wait longer unasked.
const TRIAL_UNITS: u64 = 1_000_000;

/// What a run here came to.
pub struct Trial {
    /// Units that the run bills.
    pub units: u64,
    /// The smallest limit under which it comes to the same end.
    pub limit: u64,
    estimate: Estimate,
    result: [u8; 32],
    took: Duration,
}

/// Runs a prepared job in a limited child process.
pub async fn run(prepared: &Prepared, units_limit: Option<u64>) -> Result<Trial> {
    let limit = units_limit.unwrap_or(TRIAL_UNITS).min(MAX_UNITS);
    let spec = &prepared.spec;
    let read = |hash: &[u8; 32]| -> Result<Vec<u8>> {
        let path = prepared.path(hash)?;
        std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
    };
    let module = read(&spec.module.sha256)?;
    let stdin = match &spec.stdin {
        Some(blob) => read(&blob.sha256)?,
        None => Vec::new(),
    };
    let inputs = spec
        .inputs
        .iter()
        .map(|input| read(&input.sha256))
        .collect::<Result<Vec<_>>>()?;
    let stored = prepared.stored.clone();
    let progress = Progress::start("running the job here");
    let begun = Instant::now();
    let outcome = tokio::task::spawn_blocking(move || {
        child::run(&stored, &module, &stdin, &inputs, limit, Limits::default())
    })
    .await
    .context("The run was interrupted")??;
    let took = begun.elapsed();
    drop(progress);
    let estimate = Estimate {
        base_units: spec.base_units(),
        outcome,
    };
    let finished = match &estimate.outcome {
        Outcome::Receipt(finished) => finished,
        Outcome::Host(end) => bail!(
            "This machine could not bring the job to an end ({end}), and a node might not either: make it smaller, or give it less to do"
        ),
    };
    let units = finished.receipt.units;
    // The last started unit may be used to its last drop: then it takes one more to come to the same end.
    let under = (units..=units.saturating_add(1)).find_map(|limit| {
        let receipt = estimate.under(limit)?;
        Some((limit, receipt.result_hash()))
    });
    let (limit, result) = under.unwrap_or((limit, finished.result_hash));
    Ok(Trial {
        units,
        limit,
        result,
        took,
        estimate,
    })
}

fn seconds(time: Duration) -> Cell {
    let seconds = time.as_secs_f64();
    Cell::new(format!("{seconds:.2}"), json!(seconds))
}

impl Trial {
    /// What it came to under the limit that was given: what a node must have come to under the same.
    pub fn under_its_limit(&self) -> Option<&Finished> {
        self.estimate.finished()
    }

    /// What people and programs are told of it.
    pub fn rows(&self) -> Rows {
        let mut rows: Rows = vec![
            ("units", self.units.into()),
            ("of_these_base", self.estimate.base_units.into()),
            ("units_limit", self.limit.into()),
        ];
        if let Some(finished) = self.estimate.finished() {
            let receipt = &finished.receipt;
            let written = |blob: &lode_runtime::Blob| {
                let value = json!({ "sha256": hex::encode(blob.sha256), "size": blob.size });
                Cell::new(format!("{} bytes", blob.size), value)
            };
            let files: Vec<String> = receipt
                .files
                .iter()
                .map(|file| format!("{} ({} bytes)", file.path, file.blob.size))
                .collect();
            let listed = receipt.files.iter().map(|file| {
                json!({ "path": file.path, "sha256": hex::encode(file.blob.sha256), "size": file.blob.size })
            });
            let listed = serde_json::Value::Array(listed.collect());
            rows.extend([
                ("fuel", receipt.fuel.into()),
                ("end", format!("{:?}", receipt.end).to_lowercase().into()),
                ("memory_bytes", finished.memory_bytes.into()),
                ("result", hex32(&self.result)),
                ("stdout", written(&receipt.stdout)),
                ("stderr", written(&receipt.stderr)),
                ("files", Cell::new(files.join(", "), listed)),
                (
                    "seconds_to_first_instruction",
                    seconds(finished.timing.first),
                ),
            ]);
        }
        rows.push(("seconds_here", seconds(self.took)));
        rows
    }
}
