//! What a spec would cost: exact, because it is deterministic.

use crate::{run, End, Finished, JobSpec, Outcome, Receipt, Result, RunRequest, FUEL_PER_UNIT};

/// What a run of a spec came to, under the limit it was tried with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// Units before the first instruction.
    pub base_units: u64,
    /// What came out: fuel, units, memory, time by phase, outputs.
    pub outcome: Outcome,
}

impl Estimate {
    /// The finished run, unless the host ended it.
    pub fn finished(&self) -> Option<&Finished> {
        match &self.outcome {
            Outcome::Receipt(finished) => Some(finished),
            Outcome::Host(_) => None,
        }
    }

    /// The receipt of the same run under another limit, where that is known without running again: when the program
    /// came to its end, and the limit pays for it.
    pub fn under(&self, limit: u64) -> Option<Receipt> {
        let receipt = &self.finished()?.receipt;
        let own_end = matches!(receipt.end, End::Exit(_) | End::Unreachable);
        // Strictly more fuel than was used: a run whose last drop is gone ends where the engine next looks.
        let pays = |limit: u64| {
            let units = limit.saturating_sub(self.base_units);
            units.saturating_mul(FUEL_PER_UNIT) > receipt.fuel
        };
        (own_end && pays(limit) && pays(receipt.limit)).then(|| Receipt {
            limit,
            ..receipt.clone()
        })
    }
}

/// Runs a request in this process, to see what it costs. `limit` bounds the trial.
///
/// # Errors
/// What is wrong with the request.
pub fn estimate(request: &RunRequest) -> Result<Estimate> {
    let spec: &JobSpec = &request.spec;
    Ok(Estimate {
        base_units: spec.base_units(),
        outcome: run(request)?,
    })
}
