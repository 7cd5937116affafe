//! What to do next, from a job's account alone.

use crate::rating::Rating;
use lode_attestation::{lottery_number, majority, Verdict};
use lode_crank::Now;
use lode_jobs::constants::{BID_STEP_BPS, SEAL_AFTER};
use lode_jobs::state::{flag, Job, JobState, Ledger, Market};
use lode_math::{bps_floor, lottery};
use lode_staking::state::Node;
use solana_address::Address;
use std::time::Duration;

/// The next step of a job that this node accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The bidding is over, and this node's bid stands: begin.
    Award,
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
    /// The panel let its window pass: the whole committee decides, or the verdict that was challenged stands.
    Escalate,
    /// Nobody sealed or decided in time: everything returns.
    Void,
    /// Nothing, until something changes.
    Wait,
}

/// Whether a job of this node needs its agent to come to an end, and not only anyone.
pub fn needs_agent(job: &Job) -> bool {
    match JobState::try_from(job.state) {
        Ok(JobState::Open) => job.flags & flag::BID != 0,
        Ok(JobState::Accepted | JobState::Submitted | JobState::Sealed | JobState::Challenged) => {
            true
        }
        _ => false,
    }
}

/// Where the window of a job's state ends: later than planned, if the cluster restarted inside it.
pub(crate) fn deadline(job: &Job, market: &Market, now: &Now) -> u64 {
    // an account that makes no sense is the chain's to judge
    lode_crank::deadline(job, market, now).unwrap_or(job.deadline)
}

/// The next step of a job of this node in this market. `known` says whether the attempt's result is in the folder.
pub fn next_step(job: &Job, market: &Market, known: bool, now: &Now) -> Step {
    let Ok(state) = JobState::try_from(job.state) else {
        return Step::Wait;
    };
    let slot = now.slot;
    let over = slot >= deadline(job, market, now);
    let checked = job.panel != 0;
    match state {
        JobState::Open if over && job.flags & flag::BID != 0 => Step::Award,
        JobState::Accepted if over => Step::Expire,
        JobState::Accepted if known => Step::Submit,
        JobState::Accepted => Step::Run,
        JobState::Submitted if over => Step::Void,
        JobState::Submitted if slot >= job.submitted_slot.saturating_add(SEAL_AFTER) => Step::Seal,
        JobState::Sealed if over && checked && job.panel == job.eligible => Step::Void,
        JobState::Sealed if over && checked => Step::Escalate,
        JobState::Sealed if over => Step::Expire,
        // without the folder only a second run tells the result
        JobState::Sealed if !known => Step::Run,
        JobState::Sealed if checked => Step::Attest,
        JobState::Sealed => Step::Reveal,
        JobState::Challenged if over => Step::Escalate,
        JobState::Challenged if !known => Step::Run,
        JobState::Challenged => Step::Attest,
        JobState::Attested if over || job.flags & flag::FINAL != 0 => Step::Settle,
        _ => Step::Wait,
    }
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
#[derive(Clone)]
pub struct Terms {
    /// The node.
    pub node: Address,
    /// Its account: markets and jobs filter by what it declares.
    pub account: Node,
    /// Least price, base units per million units.
    pub min_price: u64,
    /// How fast this machine is.
    pub rating: Rating,
    /// How long a slot lasts.
    pub slot: Duration,
}

/// An open job that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Base units that accepting or bidding locks.
    pub collateral: u64,
    /// The slot from which on the lottery lets this node accept.
    pub from: u64,
    /// What to bid where nodes bid, base units per million units.
    pub bid: Option<u64>,
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
    if job.state != JobState::Open as u8 || slot >= job.deadline {
        return None;
    }
    if market.runtime != lode_runtime::RUNTIME {
        return None;
    }
    let targeted = job.flags & flag::TARGETED != 0;
    if targeted && job.node != terms.node {
        return None;
    }
    let filters = [&market.nodes, &job.nodes];
    if filters.iter().any(|f| f.require(&terms.account).is_err()) {
        return None;
    }
    let bid = if market.is_auction() {
        let bid = next_bid(job, &terms.node, terms.min_price)?;
        if job.escrow_at(bid, market).ok()? < market.least_reserved {
            return None;
        }
        Some(bid)
    } else if job.price >= terms.min_price {
        None
    } else {
        return None;
    };
    let window = market.run_window(job.units_limit)?;
    if !terms.rating.finishes(job.units_limit, window, terms.slot) {
        return None;
    }
    let from = if targeted || market.is_auction() {
        slot
    } else {
        let opened = job.opened(market).ok()?;
        let number = lottery_number(opened, at, job.attempt, &terms.node);
        opened.saturating_add(lottery::turn(number, market.ramp))
    };
    let collateral = job.collateral_due(market).ok()?;
    let locking = reserved.checked_add(collateral)?;
    let free = ledger.available >= locking;
    let capped = ledger.locked.checked_add(locking)? <= ledger.locked_cap;
    (free && capped).then_some(Offer {
        collateral,
        from,
        bid,
    })
}

/// What this node bids next: the posted price if nobody bid, else a hundredth less than the best bid; nothing where that
/// is less than it takes, or where the best bid is its own.
pub fn next_bid(job: &Job, node: &Address, min_price: u64) -> Option<u64> {
    let most = if job.flags & flag::BID == 0 {
        job.price
    } else if job.node == *node {
        return None;
    } else {
        bps_floor(job.bid, BID_STEP_BPS)?
    };
    (most >= min_price.max(1)).then_some(most)
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

    fn next_step(job: &Job, known: bool, slot: u64) -> Step {
        let now = Now {
            slot,
            last_restart: 0,
        };
        super::next_step(job, &market(), known, &now)
    }

    #[test]
    fn a_restart_inside_the_window_gives_the_node_as_long_as_the_chain_does() {
        let mut market = market();
        (market.base_slots, market.attest_window) = (100, 100);
        let (bid, unchecked, checked) = (flag::BID, 0, 0b111);
        for (state, panel, longer, over) in [
            (JobState::Open, unchecked, Step::Wait, Step::Award),
            (JobState::Accepted, unchecked, Step::Submit, Step::Expire),
            (JobState::Submitted, unchecked, Step::Seal, Step::Void),
            (JobState::Sealed, unchecked, Step::Reveal, Step::Expire),
            (JobState::Sealed, checked, Step::Attest, Step::Escalate),
            (JobState::Challenged, checked, Step::Attest, Step::Escalate),
            (JobState::Attested, checked, Step::Wait, Step::Settle),
        ] {
            let mut job = job(state);
            (job.panel, job.eligible, job.flags) = (panel, 0b1_1111, bid);
            let step = |last_restart, slot| {
                let now = Now { slot, last_restart };
                super::next_step(&job, &market, true, &now)
            };
            assert_eq!(step(0, 1_000), over, "{state:?}");
            assert_eq!(step(960, 1_000), longer, "{state:?}");
            assert_eq!(step(960, 9_999), longer, "{state:?}");
            assert_eq!(step(960, 10_000), over, "{state:?}");
        }
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
    }

    #[test]
    fn a_panel_that_was_silent_is_widened_and_a_whole_committee_s_silence_voids() {
        let mut job = job(JobState::Sealed);
        (job.panel, job.eligible) = (0b111, 0b11111);
        assert_eq!(next_step(&job, true, 1_000), Step::Escalate);
        job.panel = 0b11111;
        assert_eq!(next_step(&job, true, 999), Step::Attest);
        assert_eq!(next_step(&job, true, 1_000), Step::Void);
        let job = self::job(JobState::Submitted);
        assert_eq!(next_step(&job, true, 1_000), Step::Void);
    }

    #[test]
    fn a_challenged_result_is_defended_with_signatures_until_the_window_ends() {
        let job = job(JobState::Challenged);
        assert_eq!(next_step(&job, true, 999), Step::Attest);
        assert_eq!(next_step(&job, false, 999), Step::Run);
        assert_eq!(next_step(&job, true, 1_000), Step::Escalate);
    }

    #[test]
    fn a_bid_that_stands_is_awarded_when_the_bidding_is_over() {
        let mut job = job(JobState::Open);
        assert_eq!(next_step(&job, false, 1_000), Step::Wait);
        job.flags = flag::BID;
        assert_eq!(next_step(&job, false, 999), Step::Wait);
        assert_eq!(next_step(&job, false, 1_000), Step::Award);
    }

    #[test]
    fn a_bid_is_the_posted_price_then_a_hundredth_less_and_never_below_what_the_node_takes() {
        let mut job = open();
        assert_eq!(next_bid(&job, &NODE, 100), Some(100));
        assert_eq!(next_bid(&job, &NODE, 101), None);
        job.flags = flag::BID;
        (job.node, job.bid) = (OTHER, 10_000);
        assert_eq!(next_bid(&job, &NODE, 9_900), Some(9_900));
        assert_eq!(next_bid(&job, &NODE, 9_901), None);
        job.bid = 1;
        assert_eq!(
            next_bid(&job, &NODE, 0),
            None,
            "a whole price is at least 1"
        );
        job.node = NODE;
        job.bid = 10_000;
        assert_eq!(next_bid(&job, &NODE, 1), None, "its own bid");
    }

    #[test]
    fn what_needs_the_agent_is_what_nobody_else_can_or_would_end() {
        for (state, needs) in [
            (JobState::Open, false),
            (JobState::Accepted, true),
            (JobState::Submitted, true),
            (JobState::Sealed, true),
            (JobState::Challenged, true),
            (JobState::Attested, false),
            (JobState::Settled, false),
            (JobState::Failed, false),
        ] {
            assert_eq!(needs_agent(&job(state)), needs, "{state:?}");
        }
        let mut bid = job(JobState::Open);
        bid.flags = flag::BID;
        assert!(needs_agent(&bid));
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
    fn what_is_final_is_left_alone() {
        for state in [
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

    fn terms() -> Terms {
        Terms {
            node: NODE,
            account: Node::zeroed(),
            min_price: 100,
            rating: Rating::default(),
            slot: Duration::from_millis(400),
        }
    }

    fn offer(job: &Job, market: &Market, ledger: &Ledger, slot: u64) -> Option<Offer> {
        fits(&terms(), &AT, job, market, ledger, 0, slot)
    }

    fn takes(job: &Job, market: &Market, ledger: &Ledger) -> bool {
        offer(job, market, ledger, 500).is_some()
    }

    #[test]
    fn a_job_fits_as_long_as_it_is_open_and_pays_enough() {
        let found = offer(&open(), &market(), &ledger(), 999);
        let fitting = Offer {
            collateral: 1_300,
            from: 0,
            bid: None,
        };
        assert_eq!(found, Some(fitting));
        assert_eq!(offer(&open(), &market(), &ledger(), 1_000), None);
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
            fits(&terms(), &AT, &open(), &market(), &ledger(), 1, 500),
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
        let first = offer(&job, &market, &ledger(), 0).unwrap();
        assert_eq!(first.from, 0);
    }

    #[test]
    fn a_job_is_left_alone_whose_filter_or_market_would_refuse_the_node() {
        let (mut job, mut market) = (open(), market());
        let mut terms = terms();
        (terms.account.class, terms.account.region) = (1, *b"DE");
        let fits = |terms: &Terms, job: &Job, market: &Market| {
            fits(terms, &AT, job, market, &ledger(), 0, 500).is_some()
        };
        job.nodes.classes = 0b10;
        market.nodes.regions[..2].copy_from_slice(b"DE");
        assert!(fits(&terms, &job, &market));
        terms.account.class = 2;
        assert!(!fits(&terms, &job, &market));
        (terms.account.class, terms.account.region) = (1, *b"FR");
        assert!(!fits(&terms, &job, &market));
    }

    #[test]
    fn the_lottery_says_exactly_from_when_on_the_node_may_accept() {
        let mut market = market();
        market.ramp = 400;
        let number = lottery_number(0, &AT, 0, &NODE);
        let turn = offer(&open(), &market, &ledger(), 0).unwrap().from;
        assert!(turn > 0 && turn < 400, "{turn}");
        assert!(lottery::may_accept(number, turn, 400));
        assert!(!lottery::may_accept(number, turn - 1, 400));
    }

    #[test]
    fn in_an_auction_the_node_bids_what_it_takes_and_there_is_no_lottery() {
        let mut market = market();
        market.kind = 1;
        market.ramp = 400;
        let found = offer(&open(), &market, &ledger(), 7).unwrap();
        assert_eq!((found.bid, found.from), (Some(100), 7));
        let mut best = open();
        best.flags = flag::BID;
        (best.node, best.bid) = (OTHER, 101);
        assert!(!takes(&best, &market, &ledger()), "99 is too little");
    }

    #[test]
    fn a_job_that_this_machine_could_not_finish_in_time_is_left_alone() {
        let mut market = market();
        market.base_slots = 100;
        market.slots_per_million = 1_000;
        let mut terms = terms();
        let fits = |terms: &Terms| fits(terms, &AT, &open(), &market, &ledger(), 0, 500);
        // 1 100 slots of 400 ms: of 440 s, 396 s; a run takes 1.5 x and 2 s more
        terms.rating.note(1_000_000, Duration::from_secs(262));
        assert!(fits(&terms).is_some());
        terms.rating.note(1_000_000, Duration::from_secs(263));
        assert!(fits(&terms).is_none());
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
