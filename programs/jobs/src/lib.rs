//! Lode jobs: markets, ledgers, and jobs from posting to payment.
//!
//! Money moves as ledger entries: only deposit and withdrawal touch a token account, and no two unrelated jobs write
//! the same account. Every state has one deadline; what a party may do before it, anyone may end after it.

// `#[derive(Accounts)]` binds instruction arguments that only some of its generated functions use.
#![allow(unused_variables)]

pub mod constants;
pub mod error;
pub mod event;
pub mod instructions;
pub mod state;
mod sysvar;

use anchor_lang::prelude::*;
pub use instructions::*;
use state::{ConfigArgs, MarketArgs};

declare_id!("Fj4LXRkdHfx2775yE5VfeJQSnfrhECF9szYNktPywK6D");
lode_program::security_txt!("Lode jobs");

/// The jobs program.
#[program]
pub mod lode_jobs {
    use super::*;

    /// Starts the program: keys, emission mint, epochs.
    ///
    /// Who: the program's upgrade authority, once. Errors: `NotUpgradeAuthority`, `MintNotAccepted`, `OutOfBounds`.
    pub fn initialize_config(ctx: &mut Context<InitializeConfig>, args: ConfigArgs) -> Result<()> {
        let bump = ctx.bumps.config;
        ctx.accounts.handle(bump, &args)
    }

    /// Names who may become governor by accepting; zero takes it back.
    ///
    /// Who: the governor. Errors: `NotGovernor`.
    pub fn propose_governor(ctx: &mut Context<Govern>, pending: Address) -> Result<()> {
        ctx.accounts.propose(pending)
    }

    /// Becomes governor.
    ///
    /// Who: the pending governor. Errors: `NotPendingGovernor`.
    pub fn accept_governor(ctx: &mut Context<Govern>) -> Result<()> {
        ctx.accounts.accept()
    }

    /// Names the guardian.
    ///
    /// Who: the governor. Errors: `NotGovernor`.
    pub fn set_guardian(ctx: &mut Context<Govern>, guardian: Address) -> Result<()> {
        ctx.accounts.guard(guardian)
    }

    /// Names who may become the treasury's owner by accepting; zero takes it back.
    ///
    /// Who: the governor. Errors: `NotGovernor`.
    pub fn propose_treasury(ctx: &mut Context<Govern>, pending: Address) -> Result<()> {
        ctx.accounts.propose_treasury(pending)
    }

    /// Becomes the treasury's owner.
    ///
    /// Who: its pending owner. Errors: `NotPendingTreasuryOwner`.
    pub fn accept_treasury(ctx: &mut Context<Govern>) -> Result<()> {
        ctx.accounts.accept_treasury()
    }

    /// Stops new markets, ledgers of nodes, jobs, bids and accepting for 7 days; 7 free days follow.
    ///
    /// Who: the guardian. Errors: `NotGuardian`, `PauseTooSoon`.
    pub fn pause(ctx: &mut Context<Pause>) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(now)
    }

    /// Fixes a market's terms for ever.
    ///
    /// Who: anyone, with the committee's governor. Errors: `Paused`, `CommitteeDisagrees`, `MintNotAccepted`,
    /// `OutOfBounds`, `BeyondPromise`, `ChecksUnpaid`, `Windows`, `BadFilter`, `UnknownVersion`.
    pub fn create_market(ctx: &mut Context<CreateMarket>, args: MarketArgs) -> Result<()> {
        let (bump, vault_bump) = (ctx.bumps.market, ctx.bumps.vault);
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(bump, vault_bump, &args, now)
    }

    /// Opens a market to new jobs or closes it; what runs is not touched.
    ///
    /// Who: the market's authority. Errors: `NotMarketAuthority`.
    pub fn set_market_open(ctx: &mut Context<SetMarketOpen>, open: bool) -> Result<()> {
        ctx.accounts.handle(open)
    }

    /// Opens a wallet's ledger. Never paused: an appeal against a verdict needs one in time.
    ///
    /// Who: anyone, who pays the rent.
    pub fn open_ledger(ctx: &mut Context<OpenLedger>, party: Address) -> Result<()> {
        let bump = ctx.bumps.ledger;
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(bump, party, now)
    }

    /// Opens a node's ledger: opts it in to market, committee and gateway. Opens its points the first time.
    ///
    /// Who: the node's owner. Errors: `Paused`, `NotLedgerAuthority`, `LedgerExists`, `UnknownVersion`.
    pub fn open_node_ledger(ctx: &mut Context<OpenNodeLedger>, locked_cap: u64) -> Result<()> {
        let (bump, work_bump) = (ctx.bumps.ledger, ctx.bumps.work);
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(bump, work_bump, locked_cap, now)
    }

    /// Puts money into a ledger.
    ///
    /// Who: anyone. Errors: `ForeignAccount`, `WrongMint`, `Overflow`; the token program's own where `from` does not
    /// hold the amount or is not the wallet's.
    pub fn deposit(ctx: &mut Context<Deposit>, amount: u64) -> Result<()> {
        ctx.accounts.handle(amount)
    }

    /// Takes available money home. Never paused.
    ///
    /// Who: the ledger's authority. Errors: `InsufficientFunds`, `NotLedgerAuthority`, `WrongDestination`,
    /// `ForeignAccount`, `WrongMint`.
    pub fn withdraw(ctx: &mut Context<Withdraw>, amount: u64) -> Result<()> {
        ctx.accounts.handle(amount)
    }

    /// Sets how much of the owner's money a node's jobs may lock.
    ///
    /// Who: the node's owner. Errors: `NotLedgerAuthority`, `WrongLedgerKind`.
    pub fn set_locked_cap(ctx: &mut Context<SetLockedCap>, locked_cap: u64) -> Result<()> {
        ctx.accounts.handle(locked_cap)
    }

    /// Closes an empty ledger. Its authority gives up credits that it still holds.
    ///
    /// Who: its authority or its payer. Errors: `LedgerNotEmpty`, `NotLedgerAuthority`, `WrongPayer`, `PostedJustNow`.
    pub fn close_ledger(ctx: &mut Context<CloseLedger>) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(now)
    }

    /// Offers a job and locks its price.
    ///
    /// Who: the wallet of the ledger. Errors: `Paused`, `MarketClosed`, `WrongLedgerKind`, `UnitsOutOfRange`,
    /// `BadFilter`, `EscrowOutOfRange`, `NonceTaken`, `InsufficientFunds`, `NotLedgerAuthority`, `ForeignAccount`, `Overflow`,
    /// `WrongMarketKind`.
    pub fn post_job(ctx: &mut Context<PostJob>, args: PostArgs) -> Result<()> {
        let clock = Clock::get()?;
        ctx.accounts.handle(&args, clock.unix_timestamp, clock.slot)
    }

    /// Pays for more units of an open job.
    ///
    /// Who: the customer, before a bid. Errors: `IllegalTransition`, `BidStands`, `WindowOver`, `LimitNotRaised`,
    /// `UnitsOutOfRange`, `EscrowOutOfRange`, `InsufficientFunds`, `NotLedgerAuthority`, `ForeignAccount`, `Overflow`.
    pub fn raise_limit(ctx: &mut Context<RaiseLimit>, units_limit: u64) -> Result<()> {
        let slot = Clock::get()?.slot;
        ctx.accounts.handle(units_limit, slot)
    }

    /// Takes an open job back; the escrow returns. A bidder who was not awarded the job pays `late`.
    ///
    /// Who: the customer at any time before a bid, anyone when the accept window is over, with a bid one accept window
    /// later. Errors: `IllegalTransition`, `WindowOpen`, `NamedLedger`, `ForeignAccount`.
    pub fn cancel_job(ctx: &mut Context<CancelJob>) -> Result<()> {
        let slot = Clock::get()?.slot;
        ctx.accounts.handle(slot)
    }

    /// Offers to run a job of an auction for `price` base units per million units; locks collateral, frees that of
    /// the bid it displaces.
    ///
    /// Who: the node's worker. Errors: `Paused`, `WrongMarketKind`, `IllegalTransition`, `WindowOver`,
    /// `UnexpectedTerms`, `WrongLedgerKind`, `NodeNotActive`, `SkinNotIn`, `ClassNotTaken`, `TooFewCores`,
    /// `TooLittleMemory`, `RegionNotTaken`, `OwnBid`, `BidTooHigh`, `BidTooLow`, `NamedLedger`, `InsufficientFunds`, `CapExceeded`, `NotWorker`, `ForeignAccount`.
    pub fn place_bid(
        ctx: &mut Context<PlaceBid>,
        spec: [u8; 32],
        units_limit: u64,
        price: u64,
    ) -> Result<()> {
        let clock = Clock::get()?;
        ctx.accounts
            .handle(&spec, units_limit, price, clock.unix_timestamp, clock.slot)
    }

    /// Gives a job of an auction to the best bidder, for what he bid.
    ///
    /// Who: anyone, from the end of the accept window for as long again. Errors: `IllegalTransition`, `NoBid`,
    /// `WindowOpen`, `WindowOver`, `NodeNotActive`, `ClassNotTaken`, `TooFewCores`, `TooLittleMemory`, `RegionNotTaken`,
    /// `ForeignAccount`.
    pub fn award_job(ctx: &mut Context<AwardJob>) -> Result<()> {
        let clock = Clock::get()?;
        ctx.accounts.handle(clock.unix_timestamp, clock.slot)
    }

    /// Takes a job and locks collateral for it.
    ///
    /// Who: the node's worker. Errors: `Paused`, `WrongMarketKind`, `IllegalTransition`, `WindowOver`, `UnexpectedTerms`,
    /// `WrongLedgerKind`, `NodeNotActive`, `SkinNotIn`, `ClassNotTaken`, `TooFewCores`, `TooLittleMemory`,
    /// `RegionNotTaken`, `AnotherNodesJob`, `NotDrawnYet`, `InsufficientFunds`, `CapExceeded`, `NotWorker`, `ForeignAccount`.
    pub fn accept_job(
        ctx: &mut Context<AcceptJob>,
        spec: [u8; 32],
        units_limit: u64,
        price: u64,
    ) -> Result<()> {
        let clock = Clock::get()?;
        ctx.accounts
            .handle(&spec, units_limit, price, clock.unix_timestamp, clock.slot)
    }

    /// Ends an attempt before its deadline; costs the less the sooner.
    ///
    /// Who: the node's worker. Errors: `IllegalTransition`, `WindowOver`, `NotWorker`, `ForeignAccount`.
    pub fn give_up_job(ctx: &mut Context<GiveUpJob>) -> Result<()> {
        let slot = Clock::get()?.slot;
        ctx.accounts.handle(slot)
    }

    /// Ends an attempt that was late; costs the node all of `late`.
    ///
    /// Who: anyone. Errors: `IllegalTransition`, `WindowOpen`, `ForeignAccount`.
    pub fn expire_job(ctx: &mut Context<ExpireJob>) -> Result<()> {
        let slot = Clock::get()?.slot;
        ctx.accounts.handle(slot)
    }

    /// Commits to a result.
    ///
    /// Who: the node's worker. Errors: `IllegalTransition`, `WindowOver`, `UnitsOutOfRange`, `NotWorker`,
    /// `ForeignAccount`.
    pub fn submit_result(
        ctx: &mut Context<SubmitResult>,
        commitment: [u8; 32],
        units: u64,
    ) -> Result<()> {
        let clock = Clock::get()?;
        ctx.accounts
            .handle(commitment, units, clock.unix_timestamp, clock.slot)
    }

    /// Draws whether a result is checked, and by whom.
    ///
    /// Who: anyone, within a day of the submission. Errors: `IllegalTransition`, `SealTooEarly`, `WindowOver`,
    /// `NobodyEligible`, `SlotHashes`, `ForeignAccount`, `UnknownVersion`.
    pub fn seal_job(ctx: &mut Context<SealJob>) -> Result<()> {
        let slot = Clock::get()?.slot;
        ctx.accounts.handle(slot)
    }

    /// Tells a result that was not drawn for a check.
    ///
    /// Who: anyone who knows it. Errors: `IllegalTransition`, `MustBeAttested`, `WindowOver`, `WrongResult`,
    /// `ForeignAccount`.
    pub fn reveal_result(ctx: &mut Context<RevealResult>, result: [u8; 32]) -> Result<()> {
        let slot = Clock::get()?.slot;
        ctx.accounts.handle(result, slot)
    }

    /// Counts signatures of the panel, proved by the Ed25519 instruction directly before.
    ///
    /// Who: anyone. Errors: `IllegalTransition`, `NotDrawn`, `WindowOver`, `BadVerdict`, `WrongResult`, `NotInPanel`,
    /// `AlreadySigned`, `NotAProof`, `WrongProofCount`, `WrongSigner`, `WrongMessage`, `MajorityIncomplete`,
    /// `ForeignAccount`, `UnknownVersion`.
    pub fn attest_job(
        ctx: &mut Context<AttestJob>,
        verdict: u8,
        result: [u8; 32],
        units: u64,
        signers: u32,
    ) -> Result<()> {
        let slot = Clock::get()?.slot;
        ctx.accounts.handle(verdict, &result, units, signers, slot)
    }

    /// Asks the whole committee where a panel did not decide in time, and marks the silent. Where the whole committee
    /// was appealed to and did not decide, the first verdict stands.
    ///
    /// Who: anyone, when the attest window is over. Errors: `IllegalTransition`, `NotDrawn`, `WholeCommitteeDecides`,
    /// `WindowOpen`, `ForeignAccount`.
    pub fn escalate_job(ctx: &mut Context<EscalateJob>) -> Result<()> {
        let slot = Clock::get()?.slot;
        ctx.accounts.handle(slot)
    }

    /// Ends a job that nobody could decide: escrow, collateral and bond return.
    ///
    /// Who: anyone, a day after a submission that was not sealed, or when the whole committee's window is over.
    /// Errors: `IllegalTransition`, `NotDrawn`, `EscalateFirst`, `WindowOpen`, `NamedLedger`, `ForeignAccount`.
    pub fn void_job(ctx: &mut Context<VoidJob>) -> Result<()> {
        let slot = Clock::get()?.slot;
        ctx.accounts.handle(slot)
    }

    /// Contests an unchecked result, which the drawn panel then decides, or a panel's verdict, which the whole
    /// committee then decides; locks a bond.
    ///
    /// Who: the wallet of any wallet's ledger, in the challenge window. Errors: `IllegalTransition`, `WindowOver`,
    /// `NotChallengeable`, `WrongLedgerKind`, `InsufficientFunds`, `NotLedgerAuthority`,
    /// `ForeignAccount`.
    pub fn challenge_job(ctx: &mut Context<ChallengeJob>) -> Result<()> {
        let slot = Clock::get()?.slot;
        ctx.accounts.handle(slot)
    }

    /// Moves the money as the verdict says.
    ///
    /// Who: anyone when the window is over or the verdict final, the customer a match that nobody challenged at once.
    /// Errors: `IllegalTransition`, `WindowOpen`, `WrongWork`, `NamedLedger`, `ForeignAccount`.
    pub fn settle_job(ctx: &mut Context<SettleJob>) -> Result<()> {
        let clock = Clock::get()?;
        ctx.accounts.handle(clock.unix_timestamp, clock.slot)
    }

    /// Books a seat's share of what a checked job owes, as credits of the seat's owner.
    ///
    /// Who: anyone, once, for a seat that signed the final verdict. Errors: `IllegalTransition`, `NothingToCollect`,
    /// `WrongLedgerKind`, `ForeignAccount`, `UnknownVersion`.
    pub fn collect_check(ctx: &mut Context<CollectCheck>, seat: u8) -> Result<()> {
        ctx.accounts.handle(seat)
    }

    /// Turns credits into available money, as far as the market's check pool goes.
    ///
    /// Who: anyone. Errors: `NothingToCollect`, `ForeignAccount`.
    pub fn redeem_credits(ctx: &mut Context<RedeemCredits>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Has the staking program burn the fault share of the stake of a node that lied. A node that is gone is no error.
    ///
    /// Who: anyone, once. Errors: `NothingToPunish`, `ForeignAccount`; those of `staking::slash`.
    pub fn slash_job(ctx: &mut Context<SlashJob>) -> Result<()> {
        let slot = Clock::get()?.slot;
        ctx.accounts.handle(slot)
    }

    /// Has the oracle program take what a seat owes: 30 % of its bond for a verdict that the whole committee overturned,
    /// 0.2 % for silence or a wrong *unrunnable*. An oracle that is gone is no error.
    ///
    /// Who: anyone, once for each seat. Errors: `IllegalTransition`, `NothingToPunish`, `WrongReward`,
    /// `ForeignAccount`; those of `oracle::slash_oracle`.
    pub fn penalise_oracle(ctx: &mut Context<PenaliseOracle>, seat: u8) -> Result<()> {
        ctx.accounts.handle(seat)
    }

    /// Moves on what a ledger owes: to the burn, the treasury, the market's authority, the check pool.
    ///
    /// Who: anyone. Errors: `WrongDestination`, `WrongMint`, `ForeignAccount`, `Overflow`.
    pub fn sweep_fees(ctx: &mut Context<SweepFees>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Closes the points of a node that is gone.
    ///
    /// Who: anyone, two epochs after the last points. Errors: `WorkInUse`, `WrongPayer`, `ForeignAccount`.
    pub fn close_work(ctx: &mut Context<CloseWork>) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        ctx.accounts.handle(now)
    }

    /// Returns a final job's rent and what is left of its crank deposit.
    ///
    /// Who: anyone, when the retention is over. Errors: `NotClosable`, `WrongPayer`, `ForeignAccount`.
    pub fn close_job(ctx: &mut Context<CloseJob>) -> Result<()> {
        let slot = Clock::get()?.slot;
        ctx.accounts.handle(slot)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bytemuck::Zeroable;
    use core::mem::{offset_of, size_of};
    use state::{Job, JobState, JobsConfig, Ledger, Market, NodeFilter, Work, TRANSITIONS};

    #[test]
    fn frozen_offsets_do_not_move() {
        // within the account, that is eight bytes of discriminator later than in the struct
        assert_eq!(8 + offset_of!(Job, state), 9);
        assert_eq!(8 + offset_of!(Job, market), 16);
        assert_eq!(8 + offset_of!(Job, customer), 48);
        assert_eq!(8 + offset_of!(Job, node), 80);
        assert_eq!(8 + offset_of!(Job, spec), 112);
        assert_eq!(8 + offset_of!(Job, payer), 272);
        assert_eq!(8 + offset_of!(Job, deadline), 368);
        assert_eq!(8 + offset_of!(Job, nodes), 412);
        assert_eq!(8 + size_of::<Job>(), 432);
        assert_eq!(size_of::<NodeFilter>(), 20);
        assert_eq!(8 + offset_of!(Market, authority), 16);
        assert_eq!(8 + offset_of!(Market, committee), 80);
        assert_eq!(8 + offset_of!(Market, nodes), 360);
        assert_eq!(8 + size_of::<Market>(), 424);
        assert_eq!(8 + offset_of!(Ledger, market), 16);
        assert_eq!(8 + offset_of!(Ledger, party), 48);
        assert_eq!(8 + offset_of!(Ledger, authority), 80);
        assert_eq!(8 + offset_of!(Work, node), 16);
        assert_eq!(8 + offset_of!(Work, points), 88);
        assert_eq!(8 + size_of::<Work>(), 136);
        assert_eq!(8 + offset_of!(JobsConfig, emission_mint), 48);
        assert_eq!(8 + offset_of!(JobsConfig, epoch_genesis), 80);
        assert_eq!(8 + offset_of!(JobsConfig, treasury_owner), 128);
    }

    #[test]
    fn sister_instructions_are_called_by_their_own_names() {
        use anchor_lang::Discriminator;
        assert_eq!(SLASH, lode_staking::instruction::Slash::DISCRIMINATOR);
        assert_eq!(
            SLASH_ORACLE,
            lode_oracle::instruction::SlashOracle::DISCRIMINATOR
        );
    }

    #[test]
    fn the_table_decides_every_step() {
        let states = (0..=11u8).filter_map(|byte| JobState::try_from(byte).ok());
        let states: Vec<_> = states.collect();
        assert_eq!(states.len(), 10);
        for from in &states {
            for to in &states {
                let mut job = Job::zeroed();
                job.state = *from as u8;
                assert_eq!(
                    job.can_transition_to(*to),
                    TRANSITIONS.contains(&(*from, *to))
                );
                assert_eq!(
                    job.enter(*to, 5, 7).is_ok(),
                    TRANSITIONS.contains(&(*from, *to))
                );
            }
        }
    }

    #[test]
    fn nothing_leaves_a_final_state_and_every_other_state_can_end() {
        for byte in 1..=10u8 {
            let mut job = Job::zeroed();
            job.state = byte;
            let ways = TRANSITIONS
                .iter()
                .filter(|(from, _)| *from as u8 == byte)
                .count();
            assert_eq!(job.is_final(), ways == 0, "{byte}");
        }
        // from every state that is not final some path leads to one that is
        let mut ends: Vec<u8> = (7..=10).collect();
        for _ in 0..10 {
            for (from, to) in TRANSITIONS {
                if ends.contains(&(to as u8)) && !ends.contains(&(from as u8)) {
                    ends.push(from as u8);
                }
            }
        }
        assert_eq!(ends.len(), 10);
    }
}
