//! A job run on this machine, as a node would run it.
use crate::context::hex32;
use crate::output::{Cell, Rows};
use crate::progress::Progress;
use crate::spec::Prepared;
use anyhow::{bail, Context as _, Result};
use lode_runtime::child::{self, Limits};
use lode_runtime::{Blob, End, Estimate, Finished, JobSpec, Outcome, RunRequest, MAX_UNITS};
use serde_json::json;
use std::time::{Duration, Instant};

/// Without another limit, a trial ends here: that takes a minute or two, and few wait longer unasked.
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

/// Runs a prepared job in a limited child process, from the files that it was made of.
pub async fn run(prepared: &Prepared, units_limit: Option<u64>) -> Result<Trial> {
    let read = |hash: &[u8; 32]| -> Result<Vec<u8>> {
        let path = prepared.path(hash)?;
        std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
    };
    let (stored, spec) = (prepared.stored.clone(), prepared.spec.clone());
    run_stored(stored, spec, units_limit, read).await
}

/// Runs a stored spec in a limited child process, which gets the blobs that `read` has through a pipe: what only is in memory
/// is on no disk.
pub async fn run_stored(
    stored: Vec<u8>,
    spec: JobSpec,
    units_limit: Option<u64>,
    read: impl FnMut(&[u8; 32]) -> Result<Vec<u8>>,
) -> Result<Trial> {
    let limit = units_limit.unwrap_or(TRIAL_UNITS).min(MAX_UNITS);
    let base_units = spec.base_units();
    let request = RunRequest::collect(spec, limit, read)?;
    let progress = Progress::start("running the job here");
    let begun = Instant::now();
    let outcome = tokio::task::spawn_blocking(move || {
        let RunRequest {
            module,
            stdin,
            inputs,
            ..
        } = &request;
        child::run(&stored, module, stdin, inputs, limit, Limits::default())
    })
    .await
    .context("The run was interrupted")??;
    let took = begun.elapsed();
    drop(progress);
    let estimate = Estimate {
        base_units,
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

    /// Why it is no success, if it is none: how it ended, and the last line that the program wrote to stderr.
    pub fn failure(&self) -> Option<String> {
        let finished = self.estimate.finished()?;
        let receipt = &finished.receipt;
        if receipt.end == End::Exit(0) {
            return None;
        }
        let outputs = &finished.outputs;
        let stderr = outputs.iter().find(|out| Blob::of(out) == receipt.stderr);
        let text = String::from_utf8_lossy(stderr.map_or(&[], Vec::as_slice));
        let last = text.lines().rev().find(|line| !line.trim().is_empty());
        let said = last.unwrap_or_default();
        Some(match said.is_empty() {
            true => receipt.end.to_string(),
            false => format!("{}, after it said `{said}`", receipt.end),
        })
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
            let written = |blob: &Blob| {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use lode_runtime::{Receipt, Timing, Trap};

    fn trial(end: End, stderr: &[u8]) -> Trial {
        let receipt = Receipt {
            spec: [1; 32],
            limit: 9,
            end,
            fuel: 5,
            units: 2,
            memory: None,
            stdout: Blob::of(b"fine"),
            stderr: Blob::of(stderr),
            files: Vec::new(),
        };
        let finished = Finished {
            line: receipt.line(),
            result_hash: receipt.result_hash(),
            receipt,
            outputs: vec![b"fine".to_vec(), stderr.to_vec()],
            memory_bytes: 0,
            timing: Timing::default(),
        };
        Trial {
            units: 2,
            limit: 2,
            estimate: Estimate {
                base_units: 1,
                outcome: Outcome::Receipt(Box::new(finished)),
            },
            result: [0; 32],
            took: Duration::ZERO,
        }
    }

    #[test]
    fn whatever_ends_with_another_code_than_0_is_a_failure_and_says_why() {
        let why = |end, stderr: &[u8]| trial(end, stderr).failure();
        assert_eq!(why(End::Exit(0), b"a warning\n"), None);
        for (end, said) in [
            (End::Exit(1), "exit code 1"),
            (End::Unreachable, "aborted (unreachable)"),
            (End::Trap(Trap::DivisionByZero), "trap: DivisionByZero"),
            (End::Fuel, "out of fuel: the limit was reached"),
        ] {
            assert_eq!(why(end, b"").as_deref(), Some(said));
        }
        let said = why(End::Exit(1), b"usage\nno file a\n\n");
        let told = "exit code 1, after it said `no file a`";
        assert_eq!(said.as_deref(), Some(told));
    }
}
