use crate::help::*;
use lode_jobs::error::JobsError;
use lode_jobs::state::{Ledger, MarketArgs};
use lode_jobs::PostArgs;
use lode_tests::jobs::*;
use lode_tests::*;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_signer::Signer;

fn raise(world: &World, jobs: &Jobs, at: &Address, limit: u64) -> Instruction {
    build::raise_limit(&jobs.customer.pubkey(), at, &state(world, at), limit)
}

#[test]
fn a_customer_pays_for_more_units_while_nobody_runs_them() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = jobs.open(&mut world);
    let deadline = state(&world, &at).deadline;
    let more = raise(&world, &jobs, &at, 3 * LIMIT);
    world.ok(more.clone(), &[&jobs.customer]);
    let job = state(&world, &at);
    assert_eq!((job.units_limit, job.deadline), (3 * LIMIT, deadline));
    // thrice 5 000
    let ledger = customers(&world, &jobs);
    assert_eq!((ledger.available, ledger.locked), (ALL - 15_000, 15_000));
    assert_vault_balances(&world, &jobs);
    // once
    assert_error(
        world.send_one(more, &[&jobs.customer]),
        JobsError::LimitNotRaised,
    );
    // back home it goes as a whole
    world.ok(jobs.cancel(&jobs.customer.pubkey(), &at), &[&jobs.customer]);
    assert_eq!(customers(&world, &jobs).available, ALL);
}

#[test]
fn a_limit_only_rises_within_the_markets_terms_and_the_customers_money() {
    let mut world = World::new();
    let terms = MarketArgs {
        units_limit: 2 * LIMIT,
        most_reserved: 8_000,
        ..sampled_terms()
    };
    let mut jobs = Jobs::with(&mut world, terms, 3, 7);
    let at = jobs.open(&mut world);
    for (limit, error) in [
        (LIMIT, JobsError::LimitNotRaised),
        (LIMIT - 1, JobsError::LimitNotRaised),
        (0, JobsError::LimitNotRaised),
        (2 * LIMIT + 1, JobsError::UnitsOutOfRange),
        (u64::MAX, JobsError::UnitsOutOfRange),
        // 1 601 units: work 3 202, checks 4 803
        (1_601, JobsError::EscrowOutOfRange),
    ] {
        let more = raise(&world, &jobs, &at, limit);
        assert_error(world.send_one(more, &[&jobs.customer]), error);
    }
    let customer = jobs.customer.pubkey();
    let home = jobs.withdraw(&world, &customer, &customer, ALL - 5_000 - 2_999);
    world.ok(home, &[&jobs.customer]);
    let more = raise(&world, &jobs, &at, 1_600);
    assert_error(
        world.send_one(more.clone(), &[&jobs.customer]),
        JobsError::InsufficientFunds,
    );
    world.ok(
        jobs.deposit(&world, &customer, &customer, 1),
        &[&jobs.customer],
    );
    world.ok(more, &[&jobs.customer]);
    let ledger = customers(&world, &jobs);
    assert_eq!((ledger.available, ledger.locked), (0, 8_000));
    assert_vault_balances(&world, &jobs);
}

#[test]
fn a_limit_is_raised_before_the_deadline_and_never_under_a_node() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let (in_time, late, taken) = (
        jobs.open(&mut world),
        jobs.open(&mut world),
        jobs.accepted(&mut world),
    );
    let under = raise(&world, &jobs, &taken, 2 * LIMIT);
    assert_error(
        world.send_one(under, &[&jobs.customer]),
        JobsError::IllegalTransition,
    );
    pass_until(&mut world, &in_time, 1);
    let more = raise(&world, &jobs, &in_time, 2 * LIMIT);
    world.ok(more, &[&jobs.customer]);
    world.pass_slots(1);
    let more = raise(&world, &jobs, &late, 2 * LIMIT);
    assert_error(
        world.send_one(more, &[&jobs.customer]),
        JobsError::WindowOver,
    );
}

#[test]
fn a_limit_stands_while_a_bid_does() {
    let mut world = World::new();
    let (mut jobs, _) = auction(&mut world);
    let at = jobs.open(&mut world);
    world.ok(bid(&world, &jobs.node, &at, PRICE), &[&jobs.node.worker]);
    let more = raise(&world, &jobs, &at, 2 * LIMIT);
    assert_error(
        world.send_one(more, &[&jobs.customer]),
        JobsError::BidStands,
    );
}

#[test]
fn a_node_never_accepts_a_limit_that_it_did_not_read() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = jobs.open(&mut world);
    // the customer is quicker, in the very transaction
    let switch = [
        raise(&world, &jobs, &at, 2 * LIMIT),
        jobs.accept(&jobs.node, &at),
    ];
    assert_error(
        world.send(&switch, &[&jobs.customer, &jobs.node.worker]),
        JobsError::UnexpectedTerms,
    );
    assert_eq!(state(&world, &at).units_limit, LIMIT);
}

#[test]
fn nobody_else_raises_a_limit_and_no_other_account_is_taken() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = jobs.open(&mut world);
    let good = raise(&world, &jobs, &at, 2 * LIMIT);
    let stranger = patron(&mut world, &jobs);
    let theirs = with_account(good.clone(), 0, stranger.pubkey());
    assert_error(
        world.send_one(theirs.clone(), &[&stranger]),
        JobsError::NotLedgerAuthority,
    );
    let paid = with_account(theirs, 2, ledger(&jobs.market, &stranger.pubkey()));
    assert_error(
        world.send_one(paid, &[&stranger]),
        JobsError::ForeignAccount,
    );
    let customer = jobs.customer.insecure_clone();
    forge_each(&mut world, &good, &[], &[1, 2], &[&customer]);
    world.ok(good, &[&customer]);
}

#[test]
fn a_limit_whose_escrow_no_number_holds_is_refused() {
    let mut world = World::new();
    let terms = MarketArgs {
        most_reserved: 1 << 50,
        ..args(3)
    };
    let mut jobs = Jobs::with(&mut world, terms, 3, 3);
    let at = jobs.customer_ledger();
    let mut ledger: Ledger = world.read(&at);
    ledger.available = 1 << 50;
    world.write(&at, &ledger);
    let posted = posted(&mut world, &mut jobs, |args: &mut PostArgs| {
        (args.price, args.units_limit) = (u64::MAX / 3, 1);
    });
    let more = raise(&world, &jobs, &posted, 1_000_000);
    assert_error(world.send_one(more, &[&jobs.customer]), JobsError::Overflow);
}
