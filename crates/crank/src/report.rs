//! What a crank did, and what it earned by it.

use std::collections::BTreeMap;

/// Sums since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Steps that were taken, by name.
    pub steps: BTreeMap<&'static str, u64>,
    /// Steps that another took first.
    pub raced: u64,
    /// Steps that were refused and not taken by anybody else either.
    pub failed: u64,
    /// Transactions that were sent.
    pub transactions: u64,
    /// Lamports paid for them.
    pub fees: u64,
    /// Lamports received in them.
    pub earned: u64,
    /// Lamports in the wallet when it last looked.
    pub balance: u64,
    /// Steps that were not taken because the wallet would have fallen below its floor.
    pub unaffordable: u64,
}

impl Report {
    /// Steps that were taken.
    pub fn taken(&self) -> u64 {
        self.steps.values().sum()
    }

    pub(crate) fn count(&mut self, step: &'static str) {
        *self.steps.entry(step).or_default() += 1;
    }
}
