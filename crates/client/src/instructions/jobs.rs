//! Builders for the jobs program.
use super::build;
use crate::addresses::{self, SYSTEM};
use crate::token::MintInfo;
use lode_attestation::{Statement, Verdict};
use lode_jobs::state::{flag, ConfigArgs, Job, Market, MarketArgs, Offence};
use lode_jobs::{accounts, instruction, PostArgs, ID};
use solana_address::Address;
use solana_instruction::Instruction;

/// Starts the program; signed by its upgrade authority.
pub fn initialize_config(
    authority: &Address,
    emission_mint: &Address,
    args: ConfigArgs,
) -> Instruction {
    build(
        ID,
        instruction::InitializeConfig { args },
        accounts::InitializeConfig {
            authority: *authority,
            config: addresses::jobs::config(),
            program_data: addresses::program_data(&ID),
            emission_mint: *emission_mint,
            system_program: SYSTEM,
        },
    )
}

fn govern(signer: &Address) -> accounts::Govern {
    accounts::Govern {
        signer: *signer,
        config: addresses::jobs::config(),
    }
}

/// Names who may become governor; signed by the governor.
pub fn propose_governor(governor: &Address, pending: &Address) -> Instruction {
    let data = instruction::ProposeGovernor { pending: *pending };
    build(ID, data, govern(governor))
}

/// Becomes governor; signed by the pending one.
pub fn accept_governor(pending: &Address) -> Instruction {
    build(ID, instruction::AcceptGovernor {}, govern(pending))
}

/// Names the guardian; signed by the governor.
pub fn set_guardian(governor: &Address, guardian: &Address) -> Instruction {
    let data = instruction::SetGuardian {
        guardian: *guardian,
    };
    build(ID, data, govern(governor))
}

/// Names who may become the treasury's owner; signed by the governor.
pub fn propose_treasury(governor: &Address, pending: &Address) -> Instruction {
    let data = instruction::ProposeTreasury { pending: *pending };
    build(ID, data, govern(governor))
}

/// Becomes the treasury's owner; signed by the pending one.
pub fn accept_treasury(pending: &Address) -> Instruction {
    build(ID, instruction::AcceptTreasury {}, govern(pending))
}

/// Stops new exposure for a week; signed by the guardian.
pub fn pause(guardian: &Address) -> Instruction {
    build(
        ID,
        instruction::Pause {},
        accounts::Pause {
            guardian: *guardian,
            config: addresses::jobs::config(),
        },
    )
}

/// Opens a market with terms that hold for ever; signed by its authority and by the committee's governor.
pub fn create_market(
    authority: &Address,
    governor: &Address,
    committee: &Address,
    mint: &MintInfo,
    args: MarketArgs,
) -> Instruction {
    let market = addresses::jobs::market(authority, args.id);
    build(
        ID,
        instruction::CreateMarket { args },
        accounts::CreateMarket {
            authority: *authority,
            governor: *governor,
            config: addresses::jobs::config(),
            committee: *committee,
            market,
            vault: addresses::jobs::vault(&market),
            mint: mint.address,
            token_program: mint.program,
            system_program: SYSTEM,
        },
    )
}

/// Opens or closes a market to new jobs; signed by its authority.
pub fn set_market_open(authority: &Address, market: &Address, open: bool) -> Instruction {
    build(
        ID,
        instruction::SetMarketOpen { open },
        accounts::SetMarketOpen {
            authority: *authority,
            market: *market,
        },
    )
}

/// Opens a wallet's ledger; signed by whoever pays the rent.
pub fn open_ledger(payer: &Address, market: &Address, wallet: &Address) -> Instruction {
    build(
        ID,
        instruction::OpenLedger { party: *wallet },
        accounts::OpenLedger {
            payer: *payer,
            market: *market,
            ledger: addresses::jobs::ledger(market, wallet),
            system_program: SYSTEM,
        },
    )
}

/// Opens a node's ledger: opts in to the market; signed by the node's owner.
pub fn open_node_ledger(
    owner: &Address,
    market: &Address,
    node: &Address,
    locked_cap: u64,
) -> Instruction {
    build(
        ID,
        instruction::OpenNodeLedger { locked_cap },
        accounts::OpenNodeLedger {
            owner: *owner,
            config: addresses::jobs::config(),
            market: *market,
            node: *node,
            ledger: addresses::jobs::ledger(market, node),
            work: addresses::jobs::work(node),
            system_program: SYSTEM,
        },
    )
}

/// Pays into a party's ledger from the wallet's associated account; signed by the wallet.
pub fn deposit(
    wallet: &Address,
    market: &Address,
    party: &Address,
    mint: &MintInfo,
    amount: u64,
) -> Instruction {
    build(
        ID,
        instruction::Deposit { amount },
        accounts::Deposit {
            wallet: *wallet,
            market: *market,
            ledger: addresses::jobs::ledger(market, party),
            vault: addresses::jobs::vault(market),
            from: mint.account_of(wallet),
            mint: mint.address,
            token_program: mint.program,
        },
    )
}

/// Pays out of a party's ledger to the authority's associated account; signed by the authority: the wallet, or the
/// node's owner.
pub fn withdraw(
    authority: &Address,
    market: &Address,
    party: &Address,
    mint: &MintInfo,
    amount: u64,
) -> Instruction {
    build(
        ID,
        instruction::Withdraw { amount },
        accounts::Withdraw {
            authority: *authority,
            market: *market,
            ledger: addresses::jobs::ledger(market, party),
            vault: addresses::jobs::vault(market),
            to: mint.account_of(authority),
            mint: mint.address,
            token_program: mint.program,
        },
    )
}

/// Sets how much of a node's money its jobs may lock; signed by the node's owner.
pub fn set_locked_cap(
    owner: &Address,
    market: &Address,
    node: &Address,
    locked_cap: u64,
) -> Instruction {
    build(
        ID,
        instruction::SetLockedCap { locked_cap },
        accounts::SetLockedCap {
            authority: *owner,
            ledger: addresses::jobs::ledger(market, node),
        },
    )
}

/// Closes a ledger that holds nothing; signed by its authority or by whoever paid its rent, to whom the rent returns.
pub fn close_ledger(signer: &Address, rent_payer: &Address, ledger: &Address) -> Instruction {
    build(
        ID,
        instruction::CloseLedger {},
        accounts::CloseLedger {
            signer: *signer,
            payer: *rent_payer,
            ledger: *ledger,
        },
    )
}

/// Posts a job from the customer's ledger; signed by the customer. Take the nonce from [`crate::nonce::next_nonce`].
pub fn post_job(customer: &Address, market: &Address, args: PostArgs) -> Instruction {
    let ledger = addresses::jobs::ledger(market, customer);
    let (job, _) = addresses::jobs::job(&ledger, args.nonce);
    build(
        ID,
        instruction::PostJob { args },
        accounts::PostJob {
            customer: *customer,
            config: addresses::jobs::config(),
            market: *market,
            ledger,
            job,
            system_program: SYSTEM,
        },
    )
}

/// The ledger that a job names, if it names one.
fn named(ledger: &Address) -> Option<Address> {
    (*ledger != Address::default()).then_some(*ledger)
}

/// The best bidder's ledger, if a bid stands.
fn bidder(job: &Job) -> Option<Address> {
    job.has(flag::BID)
        .then(|| addresses::jobs::ledger(&job.market, &job.node))
}

/// Pays for more units of an open job; signed by the customer.
pub fn raise_limit(
    customer: &Address,
    job_at: &Address,
    job: &Job,
    units_limit: u64,
) -> Instruction {
    build(
        ID,
        instruction::RaiseLimit { units_limit },
        accounts::RaiseLimit {
            customer: *customer,
            market: job.market,
            ledger: job.customer,
            job: *job_at,
        },
    )
}

/// Takes an open job back; signed by the customer, or by anyone once its window is over.
pub fn cancel_job(signer: &Address, job_at: &Address, job: &Job) -> Instruction {
    build(
        ID,
        instruction::CancelJob {},
        accounts::CancelJob {
            signer: *signer,
            market: job.market,
            job: *job_at,
            customer: job.customer,
            bidder: bidder(job),
        },
    )
}

/// Offers to run a job of an auction, as it was read, for `price` base units per million units. Signed by the node's
/// worker.
pub fn place_bid(
    worker: &Address,
    node: &Address,
    job_at: &Address,
    job: &Job,
    price: u64,
) -> Instruction {
    build(
        ID,
        instruction::PlaceBid {
            spec: job.spec,
            units_limit: job.units_limit,
            price,
        },
        accounts::PlaceBid {
            worker: *worker,
            config: addresses::jobs::config(),
            staking: addresses::staking::config(),
            market: job.market,
            job: *job_at,
            node: *node,
            ledger: addresses::jobs::ledger(&job.market, node),
            displaced: bidder(job),
        },
    )
}

/// Gives a job of an auction to its best bidder; anyone may send it once the bidding is over.
pub fn award_job(job_at: &Address, job: &Job) -> Instruction {
    build(
        ID,
        instruction::AwardJob {},
        accounts::AwardJob {
            market: job.market,
            job: *job_at,
            node: job.node,
        },
    )
}

/// Accepts a job as it was read: other terms by the time it arrives are refused. Signed by the node's worker.
pub fn accept_job(worker: &Address, node: &Address, job_at: &Address, job: &Job) -> Instruction {
    build(
        ID,
        instruction::AcceptJob {
            spec: job.spec,
            units_limit: job.units_limit,
            price: job.price,
        },
        accounts::AcceptJob {
            worker: *worker,
            config: addresses::jobs::config(),
            staking: addresses::staking::config(),
            market: job.market,
            job: *job_at,
            node: *node,
            ledger: addresses::jobs::ledger(&job.market, node),
        },
    )
}

/// Ends an attempt before its deadline; signed by the node's worker.
pub fn give_up_job(worker: &Address, job_at: &Address, job: &Job) -> Instruction {
    build(
        ID,
        instruction::GiveUpJob {},
        accounts::GiveUpJob {
            worker: *worker,
            market: job.market,
            job: *job_at,
            node: job.node,
            ledger: addresses::jobs::ledger(&job.market, &job.node),
            customer: job.customer,
        },
    )
}

/// Ends an attempt that was late; anyone may send it, `crank` earns the slice.
pub fn expire_job(crank: &Address, job_at: &Address, job: &Job) -> Instruction {
    build(
        ID,
        instruction::ExpireJob {},
        accounts::ExpireJob {
            crank: *crank,
            market: job.market,
            job: *job_at,
            ledger: addresses::jobs::ledger(&job.market, &job.node),
            customer: job.customer,
        },
    )
}

/// Commits to a result (see [`lode_attestation::commitment`]); signed by the node's worker.
pub fn submit_result(
    worker: &Address,
    job_at: &Address,
    job: &Job,
    commitment: [u8; 32],
    units: u64,
) -> Instruction {
    build(
        ID,
        instruction::SubmitResult { commitment, units },
        accounts::SubmitResult {
            worker: *worker,
            market: job.market,
            job: *job_at,
            node: job.node,
        },
    )
}

/// Draws whether a result is checked, and by whom; anyone may send it, `crank` earns the slice.
pub fn seal_job(crank: &Address, job_at: &Address, job: &Job, committee: &Address) -> Instruction {
    build(
        ID,
        instruction::SealJob {},
        accounts::SealJob {
            crank: *crank,
            market: job.market,
            committee: *committee,
            job: *job_at,
        },
    )
}

/// Tells a result that was not drawn for a check; anyone who knows it may send it.
pub fn reveal_result(job_at: &Address, job: &Job, result: [u8; 32]) -> Instruction {
    build(
        ID,
        instruction::RevealResult { result },
        accounts::RevealResult {
            market: job.market,
            job: *job_at,
        },
    )
}

/// A seat's signature under a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeatSignature {
    /// The seat's number.
    pub seat: u8,
    /// Who sits there.
    pub owner: Address,
    /// The key that signed.
    pub attester: Address,
    /// Over the seat's own message, `Statement::message`.
    pub signature: [u8; 64],
}

/// Brings signatures of one verdict to the chain: the proof, and directly after it the instruction that reads it. Keep
/// them next to each other. Anyone may send them; `result` and `units` are zero unless the verdict is a match.
pub fn attest_job(
    job_at: &Address,
    job: &Job,
    committee: &Address,
    verdict: Verdict,
    result: [u8; 32],
    units: u64,
    signatures: &[SeatSignature],
) -> [Instruction; 2] {
    let statement = Statement {
        program: &ID,
        job: job_at,
        attempt: job.attempt,
        seal: &job.seal,
        verdict,
        result: &result,
        units,
        committee,
    };
    // The program reads the keys in ascending order of the seats.
    let mut by_seat = signatures.to_vec();
    by_seat.sort_unstable_by_key(|signature| signature.seat);
    by_seat.dedup_by_key(|signature| signature.seat);
    let signed: Vec<_> = by_seat
        .iter()
        .map(|s| (s.attester, s.signature, statement.message(s.seat)))
        .collect();
    let signers = by_seat.iter().fold(0u32, |mask, s| {
        mask | 1u32.checked_shl(u32::from(s.seat)).unwrap_or(0)
    });
    let proof = Instruction {
        program_id: solana_sdk_ids::ed25519_program::ID,
        accounts: Vec::new(),
        data: lode_attestation::instruction_data(&signed),
    };
    let attest = build(
        ID,
        instruction::AttestJob {
            verdict: verdict as u8,
            result,
            units,
            signers,
        },
        accounts::AttestJob {
            market: job.market,
            committee: *committee,
            job: *job_at,
            instructions: addresses::INSTRUCTIONS,
        },
    );
    [proof, attest]
}

/// Moves the money as the verdict says; signed by the customer or anyone, who earns the slice.
pub fn settle_job(signer: &Address, job_at: &Address, job: &Job) -> Instruction {
    build(
        ID,
        instruction::SettleJob {},
        accounts::SettleJob {
            signer: *signer,
            config: addresses::jobs::config(),
            market: job.market,
            job: *job_at,
            customer: job.customer,
            ledger: addresses::jobs::ledger(&job.market, &job.node),
            work: addresses::jobs::work(&job.node),
            challenger: named(&job.challenger),
            appellant: named(&job.appellant),
        },
    )
}

/// Asks the whole committee, or lets an appealed verdict stand, once the attest window is over; anyone may send it,
/// `crank` earns the slice.
pub fn escalate_job(crank: &Address, job_at: &Address, job: &Job) -> Instruction {
    build(
        ID,
        instruction::EscalateJob {},
        accounts::EscalateJob {
            crank: *crank,
            market: job.market,
            job: *job_at,
        },
    )
}

/// Ends a job that nobody sealed or decided; anyone may send it, `crank` earns the slice.
pub fn void_job(crank: &Address, job_at: &Address, job: &Job) -> Instruction {
    build(
        ID,
        instruction::VoidJob {},
        accounts::VoidJob {
            crank: *crank,
            market: job.market,
            job: *job_at,
            customer: job.customer,
            ledger: addresses::jobs::ledger(&job.market, &job.node),
            challenger: named(&job.challenger),
        },
    )
}

/// Contests a result or a verdict; signed by a wallet, whose ledger locks the bond ([`Job::challenge_bond`] or
/// [`Job::appeal_bond`]).
pub fn challenge_job(wallet: &Address, job_at: &Address, job: &Job) -> Instruction {
    build(
        ID,
        instruction::ChallengeJob {},
        accounts::ChallengeJob {
            wallet: *wallet,
            market: job.market,
            job: *job_at,
            ledger: addresses::jobs::ledger(&job.market, wallet),
        },
    )
}

/// Books the share of the seat that `owner` holds; anyone may send it once the job is settled or failed.
pub fn collect_check(
    job_at: &Address,
    job: &Job,
    committee: &Address,
    seat: u8,
    owner: &Address,
) -> Instruction {
    build(
        ID,
        instruction::CollectCheck { seat },
        accounts::CollectCheck {
            market: job.market,
            committee: *committee,
            job: *job_at,
            ledger: addresses::jobs::ledger(&job.market, owner),
        },
    )
}

/// Turns a wallet's credits into available money, as far as the market's pool goes; anyone may send it.
pub fn redeem_credits(market: &Address, wallet: &Address) -> Instruction {
    build(
        ID,
        instruction::RedeemCredits {},
        accounts::RedeemCredits {
            market: *market,
            ledger: addresses::jobs::ledger(market, wallet),
        },
    )
}

/// Has the stake of a node that lied slashed; anyone may send it once the job is settled as a mismatch.
pub fn slash_job(job_at: &Address, job: &Job, stake_mint: &MintInfo) -> Instruction {
    build(
        ID,
        instruction::SlashJob {},
        accounts::SlashJob {
            market: job.market,
            job: *job_at,
            slasher: addresses::jobs::slasher(),
            staking_program: lode_staking::ID,
            staking: addresses::staking::config(),
            node: job.node,
            vault: addresses::staking::vault(&job.node),
            mint: stake_mint.address,
            token_program: stake_mint.program,
        },
    )
}

/// Has the bond of a seat slashed that was wrong or silent; anyone may send it once the job is final. `owner` is who holds
/// the seat, `None` where it was freed; `appellant` the wallet that the job's appellant ledger belongs to, if any.
pub fn penalise_oracle(
    job_at: &Address,
    job: &Job,
    committee: &Address,
    seat: u8,
    owner: Option<&Address>,
    appellant: Option<&Address>,
    bond_mint: &MintInfo,
) -> Instruction {
    let oracle = owner.map(|owner| addresses::oracle::oracle(committee, owner));
    let bit = 1u32.checked_shl(u32::from(seat)).unwrap_or(0);
    let rewarded =
        appellant.filter(|_| job.appellant_won() && job.offence(bit) == Some(Offence::Overturned));
    build(
        ID,
        instruction::PenaliseOracle { seat },
        accounts::PenaliseOracle {
            market: job.market,
            job: *job_at,
            slasher: addresses::jobs::slasher(),
            oracle_program: lode_oracle::ID,
            committee: *committee,
            oracle,
            vault: oracle.map(|oracle| addresses::oracle::bond(&oracle)),
            appellant: rewarded.copied(),
            reward: rewarded.map(|wallet| bond_mint.account_of(wallet)),
            mint: bond_mint.address,
            token_program: bond_mint.program,
        },
    )
}

/// Moves on what a party's ledger owes; anyone may send it. `treasury_owner` only where fees are owed to him and his
/// associated account exists; `to_market` where the market's authority has a ledger.
pub fn sweep_fees(
    market_at: &Address,
    market: &Market,
    party: &Address,
    mint: &MintInfo,
    treasury_owner: Option<&Address>,
    to_market: bool,
) -> Instruction {
    build(
        ID,
        instruction::SweepFees {},
        accounts::SweepFees {
            config: addresses::jobs::config(),
            market: *market_at,
            ledger: addresses::jobs::ledger(market_at, party),
            vault: addresses::jobs::vault(market_at),
            mint: mint.address,
            treasury: treasury_owner.map(|owner| mint.account_of(owner)),
            market_ledger: to_market.then(|| addresses::jobs::ledger(market_at, &market.authority)),
            token_program: mint.program,
        },
    )
}

/// Closes the points of a node that is gone; anyone may send it, the rent goes to `payer`, who paid it.
pub fn close_work(node: &Address, payer: &Address) -> Instruction {
    build(
        ID,
        instruction::CloseWork {},
        accounts::CloseWork {
            config: addresses::jobs::config(),
            node: *node,
            payer: *payer,
            work: addresses::jobs::work(node),
        },
    )
}

/// Returns a final job's rent and deposit to who paid them; anyone may send it, `crank` earns the slice.
pub fn close_job(crank: &Address, job_at: &Address, job: &Job) -> Instruction {
    build(
        ID,
        instruction::CloseJob {},
        accounts::CloseJob {
            crank: *crank,
            payer: job.payer,
            market: job.market,
            job: *job_at,
        },
    )
}
