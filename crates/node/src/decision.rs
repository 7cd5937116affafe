//! What to do next, from a job's account alone.

use lode_attestation::{lottery_number, Verdict};
use lode_jobs::constants::SEAL_AFTER;
use lode_jobs::state::{flag, Job, JobState, Ledger, Market};
use lode_math::{bills, lottery};
use solana_address::Address;

/// The next step of a job that this node accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Run it; what it came to is not known here.
    Run,
    /// Publish the commitment to the known result.
    Submit,
    /// Draw whether it is checked.
    Seal,
    /// Tell the result, which nobody checks.
    Reveal,
    /// Collect the panel's signatures.
    Attest,
    /// Move the money.
    Settle,
    /// The attempt was late: end it, so that what is left of the collateral returns.
    Expire,
    /// Nothing, until something changes.
    Wait,
}

/// The next step of a job of this node at `slot`. `known` says whether the attempt's result is in the folder.
///
/// A deadline that a restart of the cluster has moved is the chain's to judge: a step that comes too early is refused
/// and tried again.
pub fn next_step(job: &Job, known: bool, slot: u64) -> Step {
    let Ok(state) = JobState::try_from(job.state) else {
        return Step::Wait;
    };
    let over = slot >= job.deadline;
    let checked = job.panel != 0;
    match state {
        JobState::Accepted if over => Step::Expire,
        JobState::Accepted if known => Step::Submit,
        JobState::Accepted => Step::Run,
        JobState::Submitted if slot >= job.submitted_slot.saturating_add(SEAL_AFTER) => Step::Seal,
        JobState::Sealed if over && checked => Step::Wait,
        JobState::Sealed if over => Step::Expire,
        // without the folder only a second run tells the result
        JobState::Sealed if !known => Step::Run,
        JobState::Sealed if checked => Step::Attest,
        JobState::Sealed => Step::Reveal,
        JobState::Attested if over || job.flags & flag::FINAL != 0 => Step::Settle,
        _ => Step::Wait,
    }
}

/// A majority of these seats.
fn majority(seats: u32) -> u32 {
    seats.count_ones() / 2 + 1
}

/// Signatures of a match that are still wanted before a majority of the panel stands.
pub(crate) fn wanted(job: &Job) -> u32 {
    majority(job.panel).saturating_sub(job.signed_match.count_ones())
}

/// Whether the market takes signatures one by one: from a whole committee, not from a drawn panel.
pub(crate) fn gathers(job: &Job) -> bool {
    job.panel == job.eligible
}

/// Whether a match that these seats complete may be settled at once.
pub(crate) fn settles_at_once(job: &Job, market: &Market, signers: u32) -> bool {
    let mut then = *job;
    then.verdict = Verdict::Match as u8;
    if (job.signed_match | signers).count_ones() >= majority(job.eligible) {
        then.flags |= flag::FINAL;
    }
    then.challenge_window(market)
        .is_ok_and(|window| window == 0)
}

/// What the node takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The node.
    pub node: Address,
    /// Least price, base units per million units.
    pub min_price: u64,
}

/// An open job that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Base units that accepting locks.
    pub collateral: u64,
}

/// Says whether an open job fits this node at `slot`; `reserved` is what jobs that it is about to accept will lock in
/// the same ledger. What the spec says comes later: it has to be fetched first.
pub fn fits(
    terms: &Terms,
    at: &Address,
    job: &Job,
    market: &Market,
    ledger: &Ledger,
    reserved: u64,
    slot: u64,
) -> Option<Offer> {
    if job.state != JobState::Open as u8 || slot >= job.deadline || job.price < terms.min_price {
        return None;
    }
    if market.runtime != lode_runtime::RUNTIME {
        return None;
    }
    let targeted = job.flags & flag::TARGETED != 0;
    if targeted && job.node != terms.node {
        return None;
    }
    if !targeted && market.ramp > 0 {
        let opened = job.opened(market).ok()?;
        let number = lottery_number(opened, at, job.attempt, &terms.node);
        if !lottery::may_accept(number, slot.saturating_sub(opened), market.ramp) {
            return None;
        }
    }
    let escrow = job.escrow(market).ok()?;
    let collateral = bills::collateral(escrow, u64::from(job.check_bps(market)))?;
    let locking = reserved.checked_add(collateral)?;
    let free = ledger.available >= locking;
    let capped = ledger.locked.checked_add(locking)? <= ledger.locked_cap;
    (free && capped).then_some(Offer { collateral })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bytemuck::Zeroable;

    const AT: Address = Address::new_from_array([1; 32]);
    const NODE: Address = Address::new_from_array([2; 32]);
    const OTHER: Address = Address::new_from_array([3; 32]);

    fn job(state: JobState) -> Job {
        let mut job = Job::zeroed();
        job.state = state as u8;
        job.node = NODE;
        job.deadline = 1_000;
        job
    }

    #[test]
    fn an_accepted_job_is_run_then_submitted_and_never_after_its_deadline() {
        let job = job(JobState::Accepted);
        assert_eq!(next_step(&job, false, 999), Step::Run);
        assert_eq!(next_step(&job, true, 999), Step::Submit);
        assert_eq!(next_step(&job, true, 1_000), Step::Expire);
        assert_eq!(next_step(&job, false, 1_000), Step::Expire);
    }

    #[test]
    fn a_submitted_job_is_sealed_from_the_second_slot_on() {
        let mut job = job(JobState::Submitted);
        job.submitted_slot = 10;
        assert_eq!(next_step(&job, true, 11), Step::Wait);
        assert_eq!(next_step(&job, true, 12), Step::Seal);
        assert_eq!(next_step(&job, false, 12), Step::Seal);
    }

    #[test]
    fn a_sealed_job_is_revealed_unless_it_was_drawn() {
        let mut job = job(JobState::Sealed);
        assert_eq!(next_step(&job, true, 999), Step::Reveal);
        assert_eq!(next_step(&job, true, 1_000), Step::Expire);
        job.panel = 0b111;
        assert_eq!(next_step(&job, true, 999), Step::Attest);
        assert_eq!(next_step(&job, true, 1_000), Step::Wait);
    }

    #[test]
    fn a_result_whose_file_is_lost_is_computed_again() {
        let mut job = job(JobState::Sealed);
        assert_eq!(next_step(&job, false, 999), Step::Run);
        job.panel = 0b111;
        assert_eq!(next_step(&job, false, 999), Step::Run);
    }

    #[test]
    fn an_attested_job_is_settled_when_its_window_is_over_or_it_is_final() {
        let mut job = job(JobState::Attested);
        assert_eq!(next_step(&job, true, 999), Step::Wait);
        assert_eq!(next_step(&job, false, 1_000), Step::Settle);
        job.flags = flag::FINAL;
        assert_eq!(next_step(&job, true, 0), Step::Settle);
    }

    #[test]
    fn what_is_challenged_or_final_is_left_alone() {
        for state in [
            JobState::Challenged,
            JobState::Settled,
            JobState::Failed,
            JobState::Voided,
            JobState::Cancelled,
        ] {
            for slot in [0, 1_000] {
                assert_eq!(next_step(&job(state), true, slot), Step::Wait, "{state:?}");
            }
        }
    }

    #[test]
    fn a_majority_of_the_panel_is_wanted_less_what_stands() {
        let mut job = job(JobState::Sealed);
        job.panel = 0b10101;
        job.eligible = 0b11111;
        assert_eq!(wanted(&job), 2);
        assert!(!gathers(&job));
        job.panel = 0b11111;
        job.signed_match = 0b1;
        assert_eq!(wanted(&job), 2);
        assert!(gathers(&job));
    }

    fn market() -> Market {
        let mut market = Market::zeroed();
        market.runtime = lode_runtime::RUNTIME;
        market.accept_window = 1_000;
        market.challenge_window = 50;
        market.check_bps = 1_000;
        market.surcharge_bps = 3_000;
        market
    }

    /// An escrow of 130, a collateral of 1 300.
    fn open() -> Job {
        let mut job = job(JobState::Open);
        job.node = Address::default();
        job.price = 100;
        job.units_limit = 1_000_000;
        job
    }

    fn ledger() -> Ledger {
        let mut ledger = Ledger::zeroed();
        ledger.available = 1_300;
        ledger.locked_cap = 1_300;
        ledger
    }

    const TERMS: Terms = Terms {
        node: NODE,
        min_price: 100,
    };

    fn takes(job: &Job, market: &Market, ledger: &Ledger) -> bool {
        fits(&TERMS, &AT, job, market, ledger, 0, 500).is_some()
    }

    #[test]
    fn a_job_fits_as_long_as_it_is_open_and_pays_enough() {
        let offer = fits(&TERMS, &AT, &open(), &market(), &ledger(), 0, 999);
        assert_eq!(offer, Some(Offer { collateral: 1_300 }));
        let at = |slot| fits(&TERMS, &AT, &open(), &market(), &ledger(), 0, slot);
        assert_eq!(at(1_000), None);
        let mut cheap = open();
        cheap.price = 99;
        assert!(!takes(&cheap, &market(), &ledger()));
        let mut taken = open();
        taken.state = JobState::Accepted as u8;
        assert!(!takes(&taken, &market(), &ledger()));
        let mut foreign = market();
        foreign.runtime = 2;
        assert!(!takes(&open(), &foreign, &ledger()));
    }

    #[test]
    fn collateral_is_free_under_the_cap_beside_what_is_reserved() {
        let mut poor = ledger();
        poor.available = 1_299;
        assert!(!takes(&open(), &market(), &poor));
        let mut capped = ledger();
        capped.locked = 1;
        assert!(!takes(&open(), &market(), &capped));
        assert_eq!(
            fits(&TERMS, &AT, &open(), &market(), &ledger(), 1, 500),
            None
        );
    }

    #[test]
    fn a_targeted_job_is_taken_by_its_target_only_and_without_lottery() {
        let mut market = market();
        market.ramp = 400;
        let mut job = open();
        job.flags = flag::TARGETED;
        job.node = OTHER;
        assert!(!takes(&job, &market, &ledger()));
        job.node = NODE;
        let first = fits(&TERMS, &AT, &job, &market, &ledger(), 0, 0);
        assert!(first.is_some());
    }

    #[test]
    fn the_lottery_lets_the_node_in_exactly_from_its_turn_on() {
        let mut market = market();
        market.ramp = 400;
        let job = open();
        let number = lottery_number(0, &AT, 0, &NODE);
        let at = |slot| fits(&TERMS, &AT, &job, &market, &ledger(), 0, slot).is_some();
        let turn = (0..1_000).find(|slot| at(*slot)).unwrap();
        assert!(turn < 400);
        assert!(number > (u64::MAX / 400).saturating_mul(turn));
        assert!((turn..1_000).all(at));
    }

    #[test]
    fn a_match_settles_at_once_only_if_it_is_final_or_small() {
        let mut job = open();
        job.state = JobState::Sealed as u8;
        job.panel = 0b111;
        job.eligible = 0b11111;
        let mut market = market();
        assert!(!settles_at_once(&job, &market, 0b011));
        assert!(settles_at_once(&job, &market, 0b111));
        market.final_below = 131;
        assert!(settles_at_once(&job, &market, 0b011));
        market.final_below = 130;
        assert!(!settles_at_once(&job, &market, 0b011));
    }
}
