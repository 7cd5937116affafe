//! What the tests of auctions, challenges and punishments have in common.

use lode_attestation::{is_drawn, seal, Verdict};
pub use lode_client::instructions::jobs as build;
pub use lode_client::token::MintInfo;
use lode_jobs::error::JobsError;
use lode_jobs::state::{Job, JobState, Ledger, MarketArgs, NodeFilter};
use lode_jobs::PostArgs;
use lode_staking::state::NodeDescription;
use lode_tests::jobs::*;
use lode_tests::staking::{Operator, TOKENS};
use lode_tests::*;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_signer::Signer;

/// What every party brings to a market.
pub const ALL: u64 = 500 * TOKENS;

/// Half of the results checked by panels of three: work 2 000, checks 3 000, escrow 5 000, collateral 10 000, late
/// 1 000, bond of a challenge 6 000.
pub fn sampled_terms() -> MarketArgs {
    let mut terms = args(3);
    (terms.check_bps, terms.surcharge_bps) = (5_000, 15_000);
    terms
}

/// The same, jobs go to the lowest bid.
pub fn auction_terms() -> MarketArgs {
    MarketArgs {
        kind: 1,
        ..sampled_terms()
    }
}

/// A market that checks half of its results, with a committee of seven.
pub fn sampled(world: &mut World) -> Jobs {
    Jobs::with(world, sampled_terms(), 3, 7)
}

/// An auction, and a second node with a ledger.
pub fn auction(world: &mut World) -> (Jobs, Operator) {
    let jobs = Jobs::with(world, auction_terms(), 3, 7);
    let other = jobs.staking.staked_operator(world, 1_000 * TOKENS);
    jobs.open_node(world, &other);
    (jobs, other)
}

/// A job posted at a price whose result, submitted in this slot, will be drawn for a check or will not.
pub fn fated_at(world: &mut World, jobs: &mut Jobs, drawn: bool, price: u64) -> Address {
    let check_bps = jobs.terms(world).check_bps;
    let hash = World::slot_hash(world.slot() + 1);
    loop {
        let mut args = jobs.post_args();
        args.price = price;
        let at = job(&jobs.customer_ledger(), args.nonce).0;
        if is_drawn(&seal(&hash, &at, 0), check_bps) == drawn {
            world.ok(jobs.post(args), &[&jobs.customer]);
            return at;
        }
    }
}

/// A job of that fate whose result is submitted, and not sealed yet.
pub fn submitted(world: &mut World, jobs: &mut Jobs, drawn: bool, price: u64) -> Address {
    let at = fated_at(world, jobs, drawn, price);
    let (worker, node) = (jobs.node.worker.pubkey(), jobs.node.node);
    let accept = build::accept_job(&worker, &node, &at, &state(world, &at));
    world.ok(accept, &[&jobs.node.worker]);
    let submit = jobs.submit(&jobs.node, &at, &RESULT, UNITS, 0);
    world.ok(submit, &[&jobs.node.worker]);
    at
}

/// Seals a job that was just submitted.
pub fn seal_now(world: &mut World, jobs: &Jobs, at: &Address) {
    jobs.pass_to_seal(world, 2);
    world.ok(jobs.seal(&world.payer.pubkey(), at), &[]);
}

/// A sealed job, drawn for a check or not.
pub fn sealed(world: &mut World, jobs: &mut Jobs, drawn: bool) -> Address {
    let at = submitted(world, jobs, drawn, PRICE);
    seal_now(world, jobs, &at);
    assert_eq!(state(world, &at).panel != 0, drawn);
    at
}

/// A job whose result was not drawn, and told.
pub fn revealed(world: &mut World, jobs: &mut Jobs) -> Address {
    let at = sealed(world, jobs, false);
    world.ok(jobs.reveal(&at, &RESULT), &[]);
    at
}

/// A drawn job with a verdict of two of its three jurors: no majority of the seven seats.
pub fn judged(world: &mut World, jobs: &mut Jobs, verdict: Verdict) -> Address {
    let at = sealed(world, jobs, true);
    let seats = seats_of(state(world, &at).panel);
    sign(world, jobs, &at, verdict, &seats[..2]);
    assert_eq!(state(world, &at).state, JobState::Attested as u8);
    at
}

/// The job.
pub fn state(world: &World, at: &Address) -> Job {
    world.read(at)
}

/// A wallet's or node's ledger.
pub fn money(world: &World, jobs: &Jobs, party: &Address) -> Ledger {
    world.read(&ledger(&jobs.market, party))
}

/// The node's ledger.
pub fn nodes(world: &World, jobs: &Jobs) -> Ledger {
    world.read(&jobs.node_ledger())
}

/// The customer's ledger.
pub fn customers(world: &World, jobs: &Jobs) -> Ledger {
    world.read(&jobs.customer_ledger())
}

/// A wallet with a ledger of the market and as much in it as everyone has.
pub fn patron(world: &mut World, jobs: &Jobs) -> Keypair {
    let wallet = jobs.staking.wallet(world, 1_000 * TOKENS);
    let at = wallet.pubkey();
    world.ok(jobs.open_ledger(&world.payer.pubkey(), &at), &[]);
    world.ok(jobs.deposit(world, &at, &at, ALL), &[&wallet]);
    wallet
}

/// Seats of a mask, ascending.
pub fn seats_of(mask: u32) -> Vec<u8> {
    (0..32).filter(|seat| mask >> seat & 1 == 1).collect()
}

/// Mask of seats.
pub fn mask_of(seats: &[u8]) -> u32 {
    seats.iter().fold(0, |mask, seat| mask | 1 << seat)
}

/// Seats of the committee that are not in a mask.
pub fn others(jobs: &Jobs, mask: u32) -> Vec<u8> {
    let all = u8::try_from(jobs.panel.members.len()).unwrap();
    (0..all).filter(|seat| mask >> seat & 1 == 0).collect()
}

/// These seats attest, and it goes through.
#[track_caller]
pub fn sign(world: &mut World, jobs: &Jobs, at: &Address, verdict: Verdict, seats: &[u8]) {
    let attest = jobs.attested(world, at, verdict, seats);
    expect(world.send(&attest, &[]));
}

/// `challenge_job` by a wallet.
pub fn challenge(world: &World, wallet: &Keypair, at: &Address) -> Instruction {
    build::challenge_job(&wallet.pubkey(), at, &state(world, at))
}

/// `settle_job`, with the ledgers that the job names.
pub fn settle(world: &World, signer: &Address, at: &Address) -> Instruction {
    build::settle_job(signer, at, &state(world, at))
}

/// Settles as soon as the window is over.
#[track_caller]
pub fn settled(world: &mut World, at: &Address) -> Job {
    let job = state(world, at);
    world.pass_slots(job.deadline.saturating_sub(world.slot()));
    let crank = world.payer.pubkey();
    world.ok(settle(world, &crank, at), &[]);
    state(world, at)
}

/// Lets slots pass until `slots` before the job's deadline.
pub fn pass_until(world: &mut World, at: &Address, slots: u64) {
    let deadline = state(world, at).deadline - slots;
    world.pass_slots(deadline - world.slot());
}

/// `escalate_job`, `void_job` by the payer.
pub fn escalate(world: &World, at: &Address) -> Instruction {
    build::escalate_job(&world.payer.pubkey(), at, &state(world, at))
}

/// The same.
pub fn void(world: &World, at: &Address) -> Instruction {
    build::void_job(&world.payer.pubkey(), at, &state(world, at))
}

/// A mint as clients know it.
pub fn mint(world: &World, address: &Address) -> MintInfo {
    MintInfo {
        address: *address,
        program: world.token_program_of(address),
        authority: None,
        freeze_authority: None,
        supply: 0,
        decimals: 9,
        symbol: None,
    }
}

/// `post_job` of an auction or any other market, and where the job stands.
pub fn posted(world: &mut World, jobs: &mut Jobs, change: impl Fn(&mut PostArgs)) -> Address {
    let mut args = jobs.post_args();
    change(&mut args);
    world.ok(jobs.post(args), &[&jobs.customer]);
    job(&jobs.customer_ledger(), args.nonce).0
}

/// A node's bid on a job as it stands.
pub fn bid(world: &World, node: &Operator, at: &Address, price: u64) -> Instruction {
    build::place_bid(
        &node.worker.pubkey(),
        &node.node,
        at,
        &state(world, at),
        price,
    )
}

/// Each way of asking for something that nodes of tests (desktops of 4 cores and 8 GiB in DE) do not declare, what
/// refuses them, and the description with which they pass.
pub fn filters() -> [(NodeFilter, JobsError, NodeDescription); 5] {
    let says = lode_tests::staking::node_args(&Address::default()).description;
    let any = NodeFilter::default();
    let mut regions = [0; 14];
    regions[..4].copy_from_slice(b"USFR");
    let mut german = [0; 14];
    german[..2].copy_from_slice(b"DE");
    [
        (
            NodeFilter {
                classes: 0b0010,
                ..any
            },
            JobsError::ClassNotTaken,
            NodeDescription { class: 1, ..says },
        ),
        (
            NodeFilter { cores: 5, ..any },
            JobsError::TooFewCores,
            NodeDescription { cores: 5, ..says },
        ),
        (
            NodeFilter {
                memory_mib: 8_193,
                ..any
            },
            JobsError::TooLittleMemory,
            NodeDescription {
                memory_mib: 8_193,
                ..says
            },
        ),
        (
            NodeFilter { regions, ..any },
            JobsError::RegionNotTaken,
            NodeDescription {
                region: *b"FR",
                ..says
            },
        ),
        (
            NodeFilter {
                denies: 1,
                regions: german,
                ..any
            },
            JobsError::RegionNotTaken,
            NodeDescription {
                region: *b"FR",
                ..says
            },
        ),
    ]
}

/// The owner says something else of his node.
pub fn describe(world: &mut World, node: &Operator, says: NodeDescription) {
    let update = lode_tests::staking::update_node(&node.owner.pubkey(), &node.node, says);
    world.ok(update, &[&node.owner]);
}

/// Takes an account away, as if it had been closed.
pub fn remove(world: &mut World, at: &Address) {
    let mut account = world.svm.get_account(at).unwrap();
    (account.data, account.owner, account.lamports) = (vec![], SYSTEM, 0);
    world.svm.set_account(*at, account).unwrap();
}

/// Tries every account of an instruction that is not free to choose: a copy owned by another program, a copy at another
/// address where `bound` says that the address counts, and read-only where it is written. All must be refused, and
/// nothing may have changed.
#[track_caller]
pub fn forge_each(
    world: &mut World,
    good: &Instruction,
    free: &[usize],
    bound: &[usize],
    signers: &[&Keypair],
) {
    for index in 0..good.accounts.len() {
        let meta = good.accounts[index].clone();
        if free.contains(&index) || meta.pubkey == lode_jobs::ID {
            continue;
        }
        if meta.is_signer {
            let stranger = world.wallet();
            let forged = with_account(good.clone(), index, stranger.pubkey());
            assert_refused(world.send_one(forged, &[&stranger]));
            assert_refused(world.send_one(unsigned(good.clone(), index), &[]));
            continue;
        }
        if world.exists(&meta.pubkey) && !meta.pubkey.is_on_curve() {
            let foreign = world.foreign_owned(&meta.pubkey);
            assert_refused(world.send_one(with_account(good.clone(), index, foreign), signers));
            remove(world, &foreign);
        }
        if bound.contains(&index) {
            let copy = world.look_alike(&meta.pubkey);
            assert_refused(world.send_one(with_account(good.clone(), index, copy), signers));
            remove(world, &copy);
        }
        if meta.is_writable {
            assert_refused(world.send_one(read_only(good.clone(), index), signers));
        }
    }
}
