//! What a map did, as lines that are only ever added, and what follows from them.
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Inputs of one job: from the first up to, and without, the second number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Range {
    /// Number of the first input.
    pub from: usize,
    /// One more than the number of the last.
    pub to: usize,
}

impl Range {
    /// How many inputs.
    pub fn count(self) -> usize {
        self.to.saturating_sub(self.from)
    }

    /// The two halves, where there is more than one input.
    fn halves(self) -> Option<[Self; 2]> {
        let middle = self.from.saturating_add(self.count() / 2);
        let [first, second] =
            [(self.from, middle), (middle, self.to)].map(|(from, to)| Self { from, to });
        (self.count() > 1).then_some([first, second])
    }
}

/// What follows from the end of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Then {
    /// Its results are here.
    Done,
    /// It is posted again, with this limit if it needs more.
    Again {
        /// Most units.
        units_limit: Option<u64>,
    },
    /// One of its inputs may be the culprit: each half is a job of its own.
    Split,
    /// It cannot be had.
    Failed {
        /// Why.
        why: String,
    },
}

/// Something that happened. Written before it is acted upon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Line {
    /// A job is about to be posted under this nonce, which the chain takes once.
    Posting {
        range: Range,
        nonce: u64,
        units_limit: u64,
    },
    /// Transactions were paid for.
    Sent { count: u64 },
    /// A job is over.
    Ended {
        range: Range,
        nonce: u64,
        job: String,
        /// Units that were billed.
        units: u64,
        /// What its work cost.
        work: u64,
        /// What its checks cost, or what it forfeited.
        checks: u64,
        then: Then,
    },
}

/// What a job stands at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The nonce it was last posted under, or was about to be, and its limit; none once that ended.
    pub posted: Option<(u64, u64)>,
    /// The limit it needs, where that is known better than from the samples.
    pub units_limit: Option<u64>,
    /// How often it ended without a result.
    pub failures: u32,
    /// Its results are here.
    pub done: bool,
    /// Why it cannot be had.
    pub failed: Option<String>,
}

impl Entry {
    pub fn is_over(&self) -> bool {
        self.done || self.failed.is_some()
    }
}

/// Sums over all jobs that ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub jobs: u64,
    pub units: u64,
    pub work: u64,
    pub checks: u64,
    pub transactions: u64,
}

/// All jobs of a map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub entries: BTreeMap<Range, Entry>,
    pub sums: Sums,
}

impl State {
    /// Nothing is posted yet.
    pub fn new(jobs: &[Range]) -> Self {
        let entries = jobs.iter().map(|range| (*range, Entry::default()));
        Self {
            entries: entries.collect(),
            sums: Sums::default(),
        }
    }

    /// What follows from a line.
    pub fn apply(&mut self, line: &Line) {
        match line {
            Line::Posting {
                range,
                nonce,
                units_limit,
            } => {
                self.entries.entry(*range).or_default().posted = Some((*nonce, *units_limit));
            }
            Line::Sent { count } => {
                self.sums.transactions = self.sums.transactions.saturating_add(*count);
            }
            Line::Ended {
                range,
                units,
                work,
                checks,
                then,
                ..
            } => {
                let sums = &mut self.sums;
                sums.jobs = sums.jobs.saturating_add(1);
                sums.units = sums.units.saturating_add(*units);
                sums.work = sums.work.saturating_add(*work);
                sums.checks = sums.checks.saturating_add(*checks);
                self.follow(*range, then);
            }
        }
    }

    fn follow(&mut self, range: Range, then: &Then) {
        let entry = self.entries.entry(range).or_default();
        entry.posted = None;
        match then {
            Then::Done => entry.done = true,
            Then::Again { units_limit: None } => entry.failures = entry.failures.saturating_add(1),
            Then::Again { units_limit } => entry.units_limit = *units_limit,
            Then::Failed { why } => entry.failed = Some(why.clone()),
            Then::Split => {
                if let Some(halves) = range.halves() {
                    self.entries.remove(&range);
                    let halves = halves.map(|half| (half, Entry::default()));
                    self.entries.extend(halves);
                }
            }
        }
    }

    /// Inputs whose jobs are over.
    pub fn inputs_over(&self) -> usize {
        let over = self.entries.iter().filter(|(_, entry)| entry.is_over());
        over.map(|(range, _)| range.count()).sum()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ended(from: usize, to: usize, then: Then) -> Line {
        Line::Ended {
            range: Range { from, to },
            nonce: 5,
            job: "job".into(),
            units: 10,
            work: 3,
            checks: 2,
            then,
        }
    }

    fn replay(lines: &[Line]) -> State {
        let mut state = State::new(&[Range { from: 0, to: 3 }, Range { from: 3, to: 4 }]);
        for line in lines {
            // as it comes back from the file
            let text = serde_json::to_string(line).unwrap();
            state.apply(&serde_json::from_str(&text).unwrap());
        }
        state
    }

    #[test]
    fn a_job_whose_program_failed_becomes_two_until_the_culprit_is_alone() {
        let state = replay(&[
            ended(0, 3, Then::Split),
            ended(0, 1, Then::Done),
            ended(1, 3, Then::Split),
            ended(1, 2, Then::Failed { why: "trap".into() }),
            ended(2, 3, Then::Done),
        ]);
        let ranges: Vec<(usize, usize)> = state.entries.keys().map(|r| (r.from, r.to)).collect();
        assert_eq!(ranges, [(0, 1), (1, 2), (2, 3), (3, 4)]);
        assert_eq!(state.inputs_over(), 3);
        let failed: Vec<_> = state
            .entries
            .values()
            .filter_map(|e| e.failed.clone())
            .collect();
        assert_eq!(failed, ["trap"]);
        assert_eq!(
            (
                state.sums.jobs,
                state.sums.units,
                state.sums.work,
                state.sums.checks
            ),
            (5, 50, 15, 10)
        );
    }

    #[test]
    fn what_is_posted_is_known_until_it_ended_and_failures_are_counted() {
        let range = Range { from: 3, to: 4 };
        let posting = Line::Posting {
            range,
            nonce: 9,
            units_limit: 70,
        };
        let state = replay(&[posting.clone(), Line::Sent { count: 2 }]);
        assert_eq!(state.entries[&range].posted, Some((9, 70)));
        assert_eq!(state.sums.transactions, 2);
        let again = |units_limit| ended(3, 4, Then::Again { units_limit });
        let state = replay(&[posting.clone(), again(None), posting, again(Some(140))]);
        let entry = &state.entries[&range];
        assert_eq!(
            (entry.posted, entry.failures, entry.units_limit),
            (None, 1, Some(140))
        );
        assert!(!entry.is_over());
    }
}
