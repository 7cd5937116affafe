//! This node's jobs that are under way, and which of them a look has to read.
//!
//! What is over stays on the chain for as long as its market keeps it, a week on the plan for the main network: too much to
//! fetch with every look. So all jobs of the node are listed now and then, and between two listings a look reads only those
//! that may have changed.

use crate::decision::needs_agent;
use lode_jobs::state::{flag, Job, JobState};
use solana_address::Address;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;
use tokio::time::Instant;

/// Time between two listings.
const LIST_EVERY: Duration = Duration::from_secs(15);
/// What the agent has just accepted or bid for is read for so long, whatever a server says that is behind.
const TOUCHED: Duration = Duration::from_secs(30);

/// A job as it was last read.
struct Known {
    job: Job,
    /// It was this node's, and under way, when it was last read. If not, it is read all the same until the next listing: the
    /// server may be behind, or know nothing yet.
    goes_on: bool,
}

/// What is known of the node's jobs.
pub(crate) struct Mine {
    node: Address,
    known: BTreeMap<Address, Known>,
    touched: HashMap<Address, Instant>,
    listed: Option<Instant>,
}

impl Mine {
    pub fn new(node: Address) -> Self {
        Self {
            node,
            known: BTreeMap::new(),
            touched: HashMap::new(),
            listed: None,
        }
    }

    /// This job may be the node's since now.
    pub fn touch(&mut self, at: Address, now: Instant) {
        self.touched.insert(at, now);
    }

    /// Which jobs a look at `slot` reads, beside those that the agent's tasks have `in_hand`; nothing where it lists all.
    pub fn wanted(
        &mut self,
        in_hand: impl Iterator<Item = Address>,
        slot: u64,
        now: Instant,
    ) -> Option<Vec<Address>> {
        let lately = |at: Instant, how: Duration| now.duration_since(at) < how;
        if self.listed.is_none_or(|at| !lately(at, LIST_EVERY)) {
            return None;
        }
        self.touched.retain(|_, at| lately(*at, TOUCHED));
        // a verdict that waits for its window's end changes only if somebody appeals: that, a listing tells early enough
        let may_change =
            |job: &Job| needs_agent(job) || job.flags & flag::FINAL != 0 || slot >= job.deadline;
        let changing = self
            .known
            .iter()
            .filter(|(_, known)| may_change(&known.job));
        let all: BTreeSet<Address> = changing
            .map(|(at, _)| *at)
            .chain(self.touched.keys().copied())
            .chain(in_hand)
            .collect();
        Some(all.into_iter().collect())
    }

    /// Takes in a listing of all jobs that name this node.
    pub fn list(&mut self, all: Vec<(Address, Job)>, now: Instant) {
        self.listed = Some(now);
        // what the one before had and this one has not is read until the next
        self.known
            .retain(|_, known| std::mem::take(&mut known.goes_on));
        for (at, job) in all {
            self.read(at, Some(job));
        }
    }

    /// Takes in what was read of one job, if there was one.
    pub fn read(&mut self, at: Address, job: Option<Job>) {
        let under_way = |job: &Job| needs_agent(job) || job.state == JobState::Attested as u8;
        match job.filter(|job| job.node == self.node && under_way(job)) {
            Some(job) => {
                let known = Known { job, goes_on: true };
                self.known.insert(at, known);
            }
            None => {
                if let Some(known) = self.known.get_mut(&at) {
                    known.goes_on = false;
                }
            }
        }
    }

    /// All that are under way.
    pub fn all(&self) -> Vec<(Address, Job)> {
        let known = self.known.iter().filter(|(_, known)| known.goes_on);
        known.map(|(at, known)| (*at, known.job)).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bytemuck::Zeroable;

    const NODE: Address = Address::new_from_array([9; 32]);

    fn job(state: JobState) -> Job {
        let mut job = Job::zeroed();
        (job.state, job.node, job.deadline) = (state as u8, NODE, 1_000);
        job
    }

    fn at(number: u8) -> Address {
        Address::new_from_array([number; 32])
    }

    fn reads(mine: &mut Mine, in_hand: &[Address], slot: u64, now: Instant) -> Vec<Address> {
        mine.wanted(in_hand.iter().copied(), slot, now).unwrap()
    }

    fn addresses(mine: &Mine) -> Vec<Address> {
        mine.all().into_iter().map(|(at, _)| at).collect()
    }

    #[test]
    fn between_two_listings_only_what_may_change_is_read() {
        let (mut mine, start) = (Mine::new(NODE), Instant::now());
        assert_eq!(mine.wanted([].into_iter(), 0, start), None);
        let mut last = job(JobState::Attested);
        last.flags = flag::FINAL;
        let all = vec![
            (at(1), job(JobState::Accepted)),
            (at(2), job(JobState::Attested)),
            (at(3), last),
            (at(4), job(JobState::Settled)),
            (at(5), job(JobState::Open)),
        ];
        mine.list(all, start);
        assert_eq!(addresses(&mine), [at(1), at(2), at(3)]);
        assert_eq!(
            reads(&mut mine, &[at(6)], 999, start),
            [at(1), at(3), at(6)]
        );
        // its window is over: it may be settled
        assert_eq!(reads(&mut mine, &[], 1_000, start), [at(1), at(2), at(3)]);
        let later = start + LIST_EVERY;
        assert_eq!(mine.wanted([].into_iter(), 0, later), None);
    }

    #[test]
    fn what_a_server_that_is_behind_does_not_know_is_read_again() {
        let (mut mine, start) = (Mine::new(NODE), Instant::now());
        mine.list(vec![(at(1), job(JobState::Sealed))], start);
        mine.read(at(1), None);
        assert!(addresses(&mine).is_empty());
        assert_eq!(reads(&mut mine, &[], 0, start), [at(1)]);
        mine.read(at(1), Some(job(JobState::Sealed)));
        assert_eq!(addresses(&mine), [at(1)]);

        // nor is a job over that one listing leaves out, and a bid that landed is not on every server yet
        mine.touch(at(2), start);
        mine.list(Vec::new(), start);
        assert_eq!(reads(&mut mine, &[], 0, start), [at(1), at(2)]);
        let mut bid = job(JobState::Open);
        bid.flags = flag::BID;
        mine.read(at(2), Some(bid));
        assert_eq!(addresses(&mine), [at(2)]);
        // outbid
        bid.node = at(7);
        mine.read(at(2), Some(bid));
        assert!(addresses(&mine).is_empty());
        let later = start + TOUCHED;
        mine.list(Vec::new(), later);
        assert!(reads(&mut mine, &[], 0, later).is_empty());
    }
}
