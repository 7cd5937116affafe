use lode_attestation::Verdict;
use lode_jobs::error::JobsError;
use lode_jobs::state::{flag, Job, JobState, Ledger, Work};
use lode_tests::jobs::*;
use lode_tests::staking::{DAY, TOKENS};
use lode_tests::*;
use solana_account::Account;
use solana_address::Address;
use solana_signer::Signer;

const ALL: u64 = 500 * TOKENS;

#[test]
fn the_customer_pays_a_match_at_once_and_anyone_when_the_window_is_over() {
    let mut world = World::new();
    let mut jobs = Jobs::with(&mut world, args(3), 3, 9);
    let (first, second) = (
        jobs.decided(&mut world, Verdict::Match),
        jobs.decided(&mut world, Verdict::Match),
    );
    let crank = world.wallet();
    let settle = jobs.settle(&crank.pubkey(), &second);
    assert_error(
        world.send_one(settle.clone(), &[&crank]),
        JobsError::WindowOpen,
    );
    world.ok(
        jobs.settle(&jobs.customer.pubkey(), &first),
        &[&jobs.customer],
    );
    world.pass_slots(499);
    let left = world.read::<Job>(&second).deadline - world.slot();
    world.pass_slots(left - 1);
    assert_error(
        world.send_one(settle.clone(), &[&crank]),
        JobsError::WindowOpen,
    );
    world.pass_slots(1);
    world.ok(settle.clone(), &[&crank]);
    let node: Ledger = world.read(&jobs.node_ledger());
    assert_eq!(
        (node.settled, node.units, node.turnover),
        (2, 2 * UNITS, 2 * 1_710)
    );
    assert_vault_balances(&world, &jobs);
    assert_error(
        world.send_one(settle, &[&crank]),
        JobsError::IllegalTransition,
    );
}

#[test]
fn a_customer_without_a_lamport_pays_a_match_at_once_too() {
    let mut world = World::new();
    let mut jobs = Jobs::with(&mut world, args(3), 3, 9);
    let at = jobs.decided(&mut world, Verdict::Match);
    let before: Job = world.read(&at);
    let customer = jobs.customer.pubkey();
    world.svm.set_account(customer, Account::default()).unwrap();
    world.ok(jobs.settle(&customer, &at), &[&jobs.customer]);
    let job: Job = world.read(&at);
    assert_eq!(job.state, JobState::Settled as u8);
    assert!(before.slices > 0 && job.slices == before.slices);
    assert_eq!(world.lamports(&customer), 0);
}

#[test]
fn a_small_escrow_has_no_challenge_window_after_a_match() {
    let mut world = World::new();
    let mut terms = args(3);
    terms.final_below = 8_001;
    let mut jobs = Jobs::with(&mut world, terms, 3, 9);
    let at = jobs.decided(&mut world, Verdict::Match);
    world.ok(jobs.settle(&world.payer.pubkey(), &at), &[]);
    // a mismatch keeps its window
    let at = jobs.decided(&mut world, Verdict::Mismatch);
    assert_error(
        world.send_one(jobs.settle(&world.payer.pubkey(), &at), &[]),
        JobsError::WindowOpen,
    );
}

#[test]
fn a_lie_loses_all_collateral_and_is_nobodys_income() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let at = jobs.decided(&mut world, Verdict::Mismatch);
    let stranger = world.wallet();
    world.ok(jobs.settle(&stranger.pubkey(), &at), &[&stranger]);
    let state: Job = world.read(&at);
    assert_eq!(
        (state.state, state.has(flag::SLASH_DUE)),
        (JobState::Failed as u8, true)
    );
    let (customer, node): (Ledger, Ledger) = (
        world.read(&jobs.customer_ledger()),
        world.read(&jobs.node_ledger()),
    );
    assert_eq!(
        (customer.available, customer.locked, customer.failed),
        (ALL, 0, 1)
    );
    // collateral 8 000: three works of 2 000 to the checks, the rest burns
    assert_eq!((node.available, node.locked), (ALL - 8_000, 0));
    assert_eq!(
        (node.checks_owed, node.burn_owed, node.failed),
        (6_000, 2_000, 1)
    );
    assert_vault_balances(&world, &jobs);
}

#[test]
fn the_customer_cannot_hurry_a_mismatch() {
    let mut world = World::new();
    let mut jobs = Jobs::with(&mut world, args(3), 3, 9);
    let at = jobs.decided(&mut world, Verdict::Mismatch);
    let hurried = jobs.settle(&jobs.customer.pubkey(), &at);
    assert_error(
        world.send_one(hurried, &[&jobs.customer]),
        JobsError::WindowOpen,
    );
}

#[test]
fn what_cannot_be_run_costs_both_alike() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let at = jobs.decided(&mut world, Verdict::Unrunnable);
    world.ok(jobs.settle(&world.payer.pubkey(), &at), &[]);
    let (customer, node): (Ledger, Ledger) = (
        world.read(&jobs.customer_ledger()),
        world.read(&jobs.node_ledger()),
    );
    assert_eq!(
        (customer.available, node.available),
        (ALL - 1_600, ALL - 1_600)
    );
    assert_eq!(
        (
            node.checks_owed,
            node.burn_owed,
            customer.locked,
            node.locked
        ),
        (3_200, 0, 0, 0)
    );
    assert_eq!(world.read::<Job>(&at).flags & flag::SLASH_DUE, 0);
    assert_vault_balances(&world, &jobs);
}

#[test]
fn a_result_sealed_late_is_checked_at_its_nodes_expense() {
    let mut world = World::new();
    let mut terms = args(3);
    (terms.check_bps, terms.surcharge_bps) = (1_000, 3_000);
    let mut jobs = Jobs::with(&mut world, terms, 3, 3);
    let at = jobs.submitted(&mut world);
    jobs.pass_to_seal(&mut world, 600);
    world.ok(jobs.seal(&world.payer.pubkey(), &at), &[]);
    expect(world.send(&jobs.attested(&world, &at, Verdict::Match, &[0, 1, 2]), &[]));
    world.ok(jobs.settle(&world.payer.pubkey(), &at), &[]);
    let (customer, node): (Ledger, Ledger) = (
        world.read(&jobs.customer_ledger()),
        world.read(&jobs.node_ledger()),
    );
    // work 1 800, checks 540; three works are 5 400: the node adds 4 860
    assert_eq!(customer.available, ALL - 1_800 - 540);
    assert_eq!(
        (node.available, node.checks_owed),
        (ALL + 1_710 - 4_860, 5_400)
    );
    assert_vault_balances(&world, &jobs);
}

#[test]
fn points_are_the_burn_fees_of_an_epoch_in_the_emission_mint() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    for (day, points, previous) in [(0, 54, 0), (1, 54, 54), (3, 54, 0)] {
        let elapsed = world.now() - START;
        world.pass_seconds(day * DAY + 100 - elapsed);
        let at = jobs.decided(&mut world, Verdict::Match);
        world.ok(jobs.settle(&world.payer.pubkey(), &at), &[]);
        let state: Work = world.read(&work(&jobs.node.node));
        assert_eq!(
            (state.epoch, state.points, state.previous),
            (day as u64, points, previous)
        );
    }
}

#[test]
fn nobody_denies_a_node_its_points_by_passing_another_account() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let other = jobs.staking.staked_operator(&mut world, 1_000 * TOKENS);
    jobs.open_node(&mut world, &other);
    let at = jobs.decided(&mut world, Verdict::Match);
    let settle = jobs.settle(&world.payer.pubkey(), &at);
    for account in [
        Address::new_unique(),
        work(&other.node),
        world.foreign_owned(&work(&jobs.node.node)),
    ] {
        assert_error(
            world.send_one(with_account(settle.clone(), 6, account), &[]),
            JobsError::WrongWork,
        );
    }
    assert_refused(world.send_one(with_account(settle.clone(), 6, jobs.market), &[]));
    assert_refused(world.send_one(read_only(settle.clone(), 6), &[]));
    // where the points were closed there are none, and no failure
    let at_work = work(&jobs.node.node);
    let mut gone = world.svm.get_account(&at_work).unwrap();
    gone.data.clear();
    gone.owner = SYSTEM;
    gone.lamports = 0;
    world.svm.set_account(at_work, gone).unwrap();
    world.ok(settle, &[]);
    assert_eq!(world.read::<Job>(&at).state, JobState::Settled as u8);
}

#[test]
fn foreign_ledgers_markets_and_states_are_refused() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let other = jobs.staking.staked_operator(&mut world, 1_000 * TOKENS);
    jobs.open_node(&mut world, &other);
    let at = jobs.decided(&mut world, Verdict::Match);
    let settle = jobs.settle(&world.payer.pubkey(), &at);
    for (index, account) in [
        (2, world.look_alike(&jobs.market)),
        (4, world.look_alike(&jobs.customer_ledger())),
        (4, jobs.node_ledger()),
        (5, ledger(&jobs.market, &other.node)),
        (5, jobs.customer_ledger()),
    ] {
        assert_refused(world.send_one(with_account(settle.clone(), index, account), &[]));
    }
    for (index, account) in [
        (1, world.foreign_owned(&config())),
        (3, world.foreign_owned(&at)),
        (5, world.foreign_owned(&jobs.node_ledger())),
    ] {
        assert_refused(world.send_one(with_account(settle.clone(), index, account), &[]));
    }
    for index in [3, 4, 5] {
        assert_refused(world.send_one(read_only(settle.clone(), index), &[]));
    }
    world.ok(settle, &[]);
    for early in [
        jobs.open(&mut world),
        jobs.accepted(&mut world),
        jobs.sealed(&mut world),
    ] {
        assert_refused(world.send_one(jobs.settle(&world.payer.pubkey(), &early), &[]));
    }
}
