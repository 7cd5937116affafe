//! What anybody may do with a job now: from its account, its market and the chain's clock alone.

use lode_attestation::{majority, Verdict};
use lode_client::{addresses, Client, Result};
use lode_jobs::constants::{PUNISHING, SEAL_AFTER};
use lode_jobs::state::{flag, Job, JobState, Market};
use lode_math::windows::effective_deadline;
use solana_address::Address;

/// The sysvar that holds the slot of the cluster's last restart.
pub const LAST_RESTART: Address =
    Address::from_str_const("SysvarLastRestartS1ot1111111111111111111111");

/// The chain's time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Slot.
    pub slot: u64,
    /// Slot of the cluster's last restart, 0 if it never restarted.
    pub last_restart: u64,
}

impl Now {
    /// `restart` are the bytes of [`LAST_RESTART`]: a cluster without that account never restarted.
    pub fn of(slot: u64, restart: Option<&[u8]>) -> Self {
        let restart: Option<[u8; 8]> = restart.and_then(|data| data.get(..8)?.try_into().ok());
        Self {
            slot,
            last_restart: restart.map_or(0, u64::from_le_bytes),
        }
    }

    /// Asks the chain, both at once: what programs go by is the clock's slot.
    ///
    /// # Errors
    /// A server that does not answer.
    pub async fn read(client: &Client) -> Result<Self> {
        let both = [addresses::CLOCK, LAST_RESTART];
        let both = client.raw_accounts(&both).await?;
        let found = |at: usize| both.get(at).and_then(Option::as_ref);
        let clock = client.clock_of(found(0))?;
        let restart = found(1).map(|account| account.data.as_slice());
        Ok(Self::of(clock.slot, restart))
    }
}

/// A permissionless step of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Nobody accepted in time, or no award was possible: the customer's money returns.
    Cancel,
    /// The best bid gets the job.
    Award,
    /// Draw whether the result is checked.
    Seal,
    /// An attempt was late: with its result, or with revealing it.
    Expire,
    /// Bring signatures from the store to the chain, if there are enough of them.
    Attest,
    /// A panel stayed silent: the whole committee decides; or it did, and the verdict stands.
    Escalate,
    /// Nobody decided: everything returns.
    Void,
    /// Money follows the verdict.
    Settle,
    /// The node's stake pays for a lie.
    Slash,
    /// This seat's bond pays for a wrong verdict or for silence.
    Penalise(u8),
    /// This seat's owner is credited with his share of the checks.
    Collect(u8),
    /// Rent and deposit return.
    Close,
}

impl Action {
    /// What it is called in logs and reports.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Award => "award",
            Self::Seal => "seal",
            Self::Expire => "expire",
            Self::Attest => "attest",
            Self::Escalate => "escalate",
            Self::Void => "void",
            Self::Settle => "settle",
            Self::Slash => "slash",
            Self::Penalise(_) => "penalise",
            Self::Collect(_) => "collect",
            Self::Close => "close",
        }
    }

    /// Whether the job pays a slice for it.
    pub fn is_paid(&self) -> bool {
        match self {
            Self::Seal
            | Self::Expire
            | Self::Escalate
            | Self::Void
            | Self::Settle
            | Self::Close => true,
            // the account is closed in the same transaction, and that is paid
            Self::Cancel => true,
            Self::Award | Self::Attest | Self::Slash | Self::Penalise(_) | Self::Collect(_) => {
                false
            }
        }
    }
}

/// Seats of a mask, ascending.
pub(crate) fn seats(mask: u32) -> impl Iterator<Item = u8> {
    (0u8..32).filter(move |seat| mask >> seat & 1 == 1)
}

/// The end of the state's window, a restart counted. Nothing where the account makes no sense.
pub fn deadline(job: &Job, market: &Market, now: &Now) -> Option<u64> {
    let window = job.window(market).ok()?;
    Some(effective_deadline(job.deadline, window, now.last_restart))
}

/// Where the time to award a job ends that somebody bid for; a restart moves it as any other deadline. Nothing where the
/// account makes no sense.
pub fn award_end(job: &Job, market: &Market, now: &Now) -> Option<u64> {
    let bidding = deadline(job, market, now)?;
    let window = market.accept_window;
    let end = bidding.saturating_add(window);
    Some(effective_deadline(end, window, now.last_restart))
}

/// What anybody may do with a job now, the first thing first; nothing until something changes.
///
/// Only a final job has more than one: punishments and shares do not wait for each other, and its closing comes last,
/// because it ends the others. `patience` is how many slots a party's own agent has for a step that it does itself:
/// sealing, expiring, settling.
pub fn due(job: &Job, market: &Market, now: &Now, patience: u64) -> Vec<Action> {
    let (Ok(state), Some(deadline)) = (job.state(), deadline(job, market, now)) else {
        return Vec::new();
    };
    let slot = now.slot;
    let over = slot >= deadline;
    let patient = slot >= deadline.saturating_add(patience);
    let step = match state {
        JobState::Open if !over => None,
        JobState::Open if !job.has(flag::BID) => Some(Action::Cancel),
        // for an accept window more the best bid may be awarded, then it is the bidder who did not see to it
        JobState::Open if award_end(job, market, now).is_some_and(|end| slot < end) => {
            Some(Action::Award)
        }
        JobState::Open => Some(Action::Cancel),
        JobState::Accepted => patient.then_some(Action::Expire),
        JobState::Submitted if over => Some(Action::Void),
        JobState::Submitted => {
            let from = job.submitted_slot.saturating_add(SEAL_AFTER);
            (slot >= from.saturating_add(patience)).then_some(Action::Seal)
        }
        JobState::Sealed if !job.is_checked() => patient.then_some(Action::Expire),
        JobState::Sealed if !over => Some(Action::Attest),
        JobState::Sealed if job.panel == job.eligible => Some(Action::Void),
        JobState::Sealed => Some(Action::Escalate),
        JobState::Challenged if over => Some(Action::Escalate),
        JobState::Challenged => Some(Action::Attest),
        JobState::Attested => {
            // what is final was entered at its deadline
            let may = over || job.has(flag::FINAL);
            (may && patient).then_some(Action::Settle)
        }
        JobState::Settled | JobState::Failed | JobState::Voided | JobState::Cancelled => {
            return after_the_end(job, state, slot);
        }
    };
    step.into_iter().collect()
}

/// What is left to do with a final job.
fn after_the_end(job: &Job, state: JobState, slot: u64) -> Vec<Action> {
    let mut actions = Vec::new();
    if state != JobState::Cancelled {
        if job.has(flag::SLASH_DUE) {
            actions.push(Action::Slash);
        }
        actions.extend(seats(job.to_penalise()).map(Action::Penalise));
    }
    if matches!(state, JobState::Settled | JobState::Failed) {
        actions.extend(seats(uncollected(job)).map(Action::Collect));
    }
    let patience = if job.is_clean() { 0 } else { PUNISHING };
    if slot >= job.deadline.saturating_add(patience) {
        actions.push(Action::Close);
    }
    actions
}

/// Seats that signed the final verdict and have not taken their share yet.
pub fn uncollected(job: &Job) -> u32 {
    let signed = job.verdict().map_or(0, |verdict| job.signers(verdict));
    if job.is_checked() {
        signed & !job.collected
    } else {
        0
    }
}

/// Signatures of one verdict that go to the chain together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The verdict.
    pub verdict: Verdict,
    /// Who signed it, ascending.
    pub seats: Vec<u8>,
}

impl Batch {
    /// Its seats as a mask.
    pub fn mask(&self) -> u32 {
        let bit = |seat: &u8| 1u32.checked_shl(u32::from(*seat)).unwrap_or(0);
        self.seats.iter().fold(0, |mask, seat| mask | bit(seat))
    }
}

/// Signatures in one transaction at most: more do not fit its bytes.
pub const MOST_SIGNATURES: usize = 5;

/// In the last quarter of the attest window single signatures of a drawn panel are taken too.
pub fn is_last_quarter(job: &Job, market: &Market, slot: u64) -> bool {
    slot >= job.deadline.saturating_sub(market.attest_window / 4)
}

/// Which of the signatures that `found` names should go to the chain now, a batch a transaction, in this order.
///
/// A verdict whose majority stands goes at once, with every signer that fits, because only those who signed it are
/// paid. Others wait for the last quarter: what is seen early can be copied, and a single signature costs as much as
/// a majority. Then all go, so that no honest minority counts as silent.
pub fn batches(job: &Job, market: &Market, slot: u64, found: &[(u8, Verdict)]) -> Vec<Batch> {
    let decided = job.signed_match | job.signed_mismatch;
    let fresh = |verdict| -> Vec<u8> {
        let taken = match verdict {
            Verdict::Unrunnable => decided | job.signed_unrunnable,
            Verdict::Match | Verdict::Mismatch => decided,
        };
        let open = job.panel & !taken;
        let of = found.iter().filter(|(_, said)| *said == verdict);
        let mask = of.fold(0u32, |mask, (seat, _)| {
            mask | 1u32.checked_shl(u32::from(*seat)).unwrap_or(0)
        });
        seats(mask & open).collect()
    };
    let all = [Verdict::Match, Verdict::Mismatch, Verdict::Unrunnable];
    let needed = majority(job.panel) as usize;
    for verdict in all {
        let stand = job.signers(verdict).count_ones() as usize;
        let fresh = fresh(verdict);
        if stand < needed && stand + fresh.len() >= needed && job.panel != 0 {
            let missing = needed - stand;
            // What comes after the batch that completes the majority would be refused.
            let sent = missing.div_ceil(MOST_SIGNATURES);
            let gathers = job.panel == job.eligible || is_last_quarter(job, market, slot);
            if sent > 1 && !gathers {
                return Vec::new();
            }
            let parts = fresh.chunks(MOST_SIGNATURES).take(sent);
            return parts.map(|seats| batch(verdict, seats)).collect();
        }
    }
    if !is_last_quarter(job, market, slot) {
        return Vec::new();
    }
    let mut sent = Vec::new();
    for verdict in all {
        sent.extend(
            fresh(verdict)
                .chunks(MOST_SIGNATURES)
                .map(|seats| batch(verdict, seats)),
        );
    }
    sent
}

fn batch(verdict: Verdict, seats: &[u8]) -> Batch {
    Batch {
        verdict,
        seats: seats.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bytemuck::Zeroable;
    use Action::*;

    fn market() -> Market {
        let mut market = Market::zeroed();
        market.k = 3;
        market.accept_window = 50;
        market.attest_window = 100;
        market.challenge_window = 40;
        market.base_slots = 30;
        market.retention_days = 1;
        market
    }

    /// A job in `state` whose window ends at slot 1 000.
    fn job(state: JobState) -> Job {
        let mut job = Job::zeroed();
        job.state = state as u8;
        job.deadline = 1_000;
        job.submitted_slot = 900;
        job.eligible = 0b1_1111;
        job
    }

    fn with(state: JobState, change: impl Fn(&mut Job)) -> Job {
        let mut job = job(state);
        change(&mut job);
        job
    }

    fn at(slot: u64) -> Now {
        Now {
            slot,
            last_restart: 0,
        }
    }

    #[test]
    fn every_state_has_its_step_and_its_time() {
        use JobState::*;
        let bid = |j: &mut Job| j.flags = flag::BID;
        let drawn = |j: &mut Job| j.panel = 0b111;
        let whole = |j: &mut Job| j.panel = j.eligible;
        let last = |j: &mut Job| j.flags = flag::FINAL;
        let never: Option<Action> = None;
        // what the job is, and what is due at these slots: the slot before the step, the first one that allows it
        let table = [
            (with(Open, |_| ()), 999, never, 1_000, Some(Cancel)),
            (with(Open, bid), 999, never, 1_000, Some(Award)),
            (with(Open, bid), 1_049, Some(Award), 1_050, Some(Cancel)),
            (with(Accepted, |_| ()), 1_006, never, 1_007, Some(Expire)),
            (with(Submitted, |_| ()), 908, never, 909, Some(Seal)),
            (with(Submitted, |_| ()), 999, Some(Seal), 1_000, Some(Void)),
            (with(Sealed, |_| ()), 1_006, never, 1_007, Some(Expire)),
            (
                with(Sealed, drawn),
                999,
                Some(Attest),
                1_000,
                Some(Escalate),
            ),
            (with(Sealed, whole), 999, Some(Attest), 1_000, Some(Void)),
            (
                with(Challenged, whole),
                999,
                Some(Attest),
                1_000,
                Some(Escalate),
            ),
            (with(Attested, |_| ()), 1_006, never, 1_007, Some(Settle)),
            (with(Attested, last), 1_006, never, 1_007, Some(Settle)),
            (with(Settled, |_| ()), 999, never, 1_000, Some(Close)),
            (with(Cancelled, |_| ()), 999, never, 1_000, Some(Close)),
        ];
        for (i, (job, before, earlier, from, later)) in table.into_iter().enumerate() {
            let due = |slot| due(&job, &market(), &at(slot), 7);
            assert_eq!(due(before), Vec::from_iter(earlier), "row {i}, before");
            assert_eq!(due(from), Vec::from_iter(later), "row {i}, from");
        }
        assert!(due(&Job::zeroed(), &market(), &at(2_000), 0).is_empty());
    }

    #[test]
    fn the_last_restart_is_read_and_a_cluster_without_one_has_none() {
        let read = |data: Option<&[u8]>| Now::of(7, data).last_restart;
        assert_eq!(read(Some(&960u64.to_le_bytes()[..])), 960);
        assert_eq!(read(Some(&[1; 7][..])), 0);
        assert_eq!(read(None), 0);
    }

    #[test]
    fn a_restart_inside_the_window_moves_the_crank_too() {
        // the window of an open job is 50 slots long: 950 to 1 000
        let restarted = |last_restart, slot| {
            let now = Now { slot, last_restart };
            due(&job(JobState::Open), &market(), &now, 0)
        };
        assert_eq!(restarted(949, 1_000), [Cancel]);
        assert!(restarted(960, 1_000).is_empty());
        assert!(restarted(960, 9_999).is_empty());
        assert_eq!(restarted(960, 10_000), [Cancel]);
        // a second one takes nothing away from what the first one gave
        assert!(restarted(9_000, 9_999).is_empty());
        assert_eq!(restarted(9_000, 10_000), [Cancel]);
        // with a bid the time to award moves too: 1 000 to 1 050
        let auction = with(JobState::Open, |job| job.flags = flag::BID);
        let restarted = |last_restart, slot| {
            let now = Now { slot, last_restart };
            due(&auction, &market(), &now, 0)
        };
        assert_eq!(restarted(0, 1_050), [Cancel]);
        assert!(restarted(1_020, 1_050).is_empty(), "bids are taken again");
        assert_eq!(restarted(1_020, 10_049), [Award]);
        assert_eq!(restarted(1_020, 10_050), [Cancel]);
    }

    #[test]
    fn a_final_job_is_punished_and_shared_before_it_closes() {
        let lied = with(JobState::Failed, |job| {
            job.panel = 0b1_1111;
            job.verdict = Verdict::Mismatch as u8;
            job.flags = flag::FINAL | flag::SLASH_DUE;
            job.signed_mismatch = 0b1_1010;
            job.signed_match = 0b1;
            job.silent = 0b100;
            job.collected = 0b10;
        });
        let left = [Slash, Penalise(0), Penalise(2), Collect(3), Collect(4)];
        assert_eq!(due(&lied, &market(), &at(0), 0), left);
        assert_eq!(due(&lied, &market(), &at(1_000), 0), left);
        let closes = due(&lied, &market(), &at(1_000 + PUNISHING), 0);
        assert_eq!(closes, [&left[..], &[Close]].concat());
        // what is punished and shared closes when its retention is over
        let mut done = lied;
        done.flags = flag::FINAL;
        done.penalised = 0b101;
        done.collected = 0b1_1010;
        assert!(due(&done, &market(), &at(999), 0).is_empty());
        assert_eq!(due(&done, &market(), &at(1_000), 0), [Close]);
    }

    #[test]
    fn nobody_is_paid_for_a_void_and_nobody_is_punished_for_a_cancelled_job() {
        let signed = |job: &mut Job| {
            job.panel = 0b111;
            job.verdict = Verdict::Match as u8;
            job.signed_match = 0b11;
            job.silent = 0b100;
        };
        assert_eq!(
            due(&with(JobState::Voided, signed), &market(), &at(0), 0),
            [Penalise(2)]
        );
        assert!(due(&with(JobState::Cancelled, signed), &market(), &at(0), 0).is_empty());
        assert_eq!(
            due(&with(JobState::Settled, signed), &market(), &at(0), 0),
            [Penalise(2), Collect(0), Collect(1)]
        );
        let unchecked = with(JobState::Settled, |job| {
            signed(job);
            (job.panel, job.silent) = (0, 0);
        });
        assert!(due(&unchecked, &market(), &at(0), 0).is_empty());
    }

    fn sealed(panel: u32) -> Job {
        with(JobState::Sealed, |job| job.panel = panel)
    }

    fn says(verdict: Verdict, seats: &[u8]) -> Vec<(u8, Verdict)> {
        seats.iter().map(|seat| (*seat, verdict)).collect()
    }

    fn sent(job: &Job, slot: u64, found: &[(u8, Verdict)]) -> Vec<(Verdict, Vec<u8>)> {
        let batches = batches(job, &market(), slot, found);
        batches.into_iter().map(|b| (b.verdict, b.seats)).collect()
    }

    #[test]
    fn a_drawn_panels_signatures_wait_for_a_majority_or_the_last_quarter() {
        use Verdict::*;
        let job = sealed(0b111);
        assert!(sent(&job, 974, &says(Mismatch, &[1])).is_empty());
        assert_eq!(
            sent(&job, 975, &says(Mismatch, &[1])),
            [(Mismatch, vec![1])]
        );
        // all who signed, not only as many as it takes
        let three = says(Mismatch, &[2, 0, 1]);
        assert_eq!(sent(&job, 0, &three), [(Mismatch, vec![0, 1, 2])]);
        // others' seats are not asked
        assert!(sent(&job, 0, &says(Mismatch, &[1, 3, 4])).is_empty());
        let mixed = [
            says(Match, &[0]),
            says(Mismatch, &[1]),
            says(Unrunnable, &[2]),
        ]
        .concat();
        assert!(sent(&job, 974, &mixed).is_empty());
        assert_eq!(
            sent(&job, 999, &mixed),
            [(Match, vec![0]), (Mismatch, vec![1]), (Unrunnable, vec![2])]
        );
    }

    #[test]
    fn what_the_chain_has_is_not_sent_again_but_who_found_it_unrunnable_may_change_his_mind() {
        use Verdict::*;
        let mut job = sealed(0b111);
        job.signed_unrunnable = 0b1;
        job.signed_match = 0b10;
        let again = [says(Unrunnable, &[0]), says(Match, &[1])].concat();
        assert!(sent(&job, 999, &again).is_empty());
        // with the one that stands the moved seat completes the majority
        assert_eq!(sent(&job, 0, &says(Match, &[0])), [(Match, vec![0])]);
        assert!(sent(&job, 999, &says(Mismatch, &[1])).is_empty());
    }

    #[test]
    fn a_whole_committee_comes_in_several_transactions_and_none_after_the_last_that_counts() {
        use Verdict::*;
        let mut job = sealed(0xffff);
        job.eligible = 0xffff;
        let all: Vec<u8> = (0..16).collect();
        let batches = sent(&job, 0, &says(Mismatch, &all));
        // nine of sixteen: two transactions of five
        let sizes: Vec<usize> = batches.iter().map(|(_, seats)| seats.len()).collect();
        assert_eq!(sizes, [5, 5]);
        assert!(sent(&job, 0, &says(Mismatch, &all[..8])).is_empty());
        job.signed_mismatch = 0b1_1111;
        assert_eq!(
            sent(&job, 0, &says(Mismatch, &all)),
            [(Mismatch, (5..10).collect())]
        );
        // eight of sixteen in the last quarter: all, though none of them decides
        job.signed_mismatch = 0;
        let sizes = sent(&job, 999, &says(Mismatch, &all[..8]));
        assert_eq!(
            sizes,
            [(Mismatch, vec![0, 1, 2, 3, 4]), (Mismatch, vec![5, 6, 7])]
        );
    }

    #[test]
    fn a_majority_that_one_transaction_cannot_hold_waits_where_single_signatures_are_refused() {
        use Verdict::*;
        let mut job = sealed(0b111_1111_1111);
        job.eligible = 0xffff;
        let six = says(Match, &[0, 1, 2, 3, 4, 5]);
        assert!(sent(&job, 0, &six).is_empty());
        assert_eq!(sent(&job, 999, &six).len(), 2);
    }

    #[test]
    fn only_what_a_job_pays_a_slice_for_is_paid() {
        let paid = [Seal, Expire, Escalate, Void, Settle, Close, Cancel];
        let unpaid = [Award, Attest, Slash, Penalise(1), Collect(1)];
        assert!(paid.iter().all(Action::is_paid));
        assert!(!unpaid.iter().any(Action::is_paid));
        assert_eq!(Penalise(3).name(), "penalise");
    }
}
