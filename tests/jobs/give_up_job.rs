use lode_jobs::error::JobsError;
use lode_jobs::state::{Job, JobState, Ledger};
use lode_jobs::PostArgs;
use lode_tests::jobs::*;
use lode_tests::staking::TOKENS;
use lode_tests::*;
use solana_address::Address;
use solana_signer::Signer;

#[test]
fn giving_up_at_once_costs_a_twentieth_of_being_late() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let at = jobs.accepted(&mut world);
    world.ok(jobs.give_up(&jobs.node, &at), &[&jobs.node.worker]);
    // late is a fifth of the escrow of 8 000
    let node: Ledger = world.read(&jobs.node_ledger());
    assert_eq!(
        (node.locked, node.available, node.burn_owed, node.open_jobs),
        (0, 500 * TOKENS - 80, 80, 0)
    );
    let state: Job = world.read(&at);
    assert_eq!(
        (state.state, state.attempt, state.node, state.collateral),
        (JobState::Open as u8, 1, Address::default(), 0)
    );
    assert_eq!(state.deadline, world.slot() + 1_000);
    let customer: Ledger = world.read(&jobs.customer_ledger());
    assert_eq!((customer.locked, customer.open_jobs), (8_000, 1));
    assert_vault_balances(&world, &jobs);
}

#[test]
fn the_later_the_dearer_and_after_the_deadline_not_at_all() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let (at, other) = (jobs.accepted(&mut world), jobs.accepted(&mut world));
    world.pass_slots(100);
    world.ok(jobs.give_up(&jobs.node, &at), &[&jobs.node.worker]);
    // 500 + floor(9 500 x 100 / 101) = 9 905 of 10 000
    assert_eq!(world.read::<Ledger>(&jobs.node_ledger()).burn_owed, 1_585);
    world.pass_slots(1);
    assert_error(
        world.send_one(jobs.give_up(&jobs.node, &other), &[&jobs.node.worker]),
        JobsError::WindowOver,
    );
}

#[test]
fn the_third_attempt_is_the_last_and_the_escrow_returns() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let at = jobs.open(&mut world);
    for attempt in 0..3 {
        assert_eq!(world.read::<Job>(&at).attempt, attempt);
        world.ok(jobs.accept(&jobs.node, &at), &[&jobs.node.worker]);
        world.ok(jobs.give_up(&jobs.node, &at), &[&jobs.node.worker]);
    }
    assert_eq!(world.read::<Job>(&at).state, JobState::Failed as u8);
    let customer: Ledger = world.read(&jobs.customer_ledger());
    // the customer gets his escrow back and no more: a failure is nobody's income
    assert_eq!(
        (
            customer.available,
            customer.locked,
            customer.open_jobs,
            customer.failed
        ),
        (500 * TOKENS, 0, 0, 1)
    );
    let node: Ledger = world.read(&jobs.node_ledger());
    assert_eq!(
        (node.available, node.burn_owed, node.failed),
        (500 * TOKENS - 240, 240, 1)
    );
    assert_vault_balances(&world, &jobs);
}

#[test]
fn a_targeted_job_fails_with_its_target() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let args = PostArgs {
        target: jobs.node.node,
        ..jobs.post_args()
    };
    world.ok(jobs.post(args), &[&jobs.customer]);
    let at = job(&jobs.customer_ledger(), args.nonce).0;
    world.ok(jobs.accept(&jobs.node, &at), &[&jobs.node.worker]);
    world.ok(jobs.give_up(&jobs.node, &at), &[&jobs.node.worker]);
    assert_eq!(world.read::<Job>(&at).state, JobState::Failed as u8);
}

#[test]
fn only_the_nodes_worker_gives_up() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let other = jobs.staking.staked_operator(&mut world, 1_000 * TOKENS);
    jobs.open_node(&mut world, &other);
    let (open, at) = (jobs.open(&mut world), jobs.accepted(&mut world));
    assert_error(
        world.send_one(jobs.give_up(&other, &at), &[&other.worker]),
        JobsError::ForeignAccount,
    );
    // nor with the ledger of the node whose job it is
    let others = with_account(jobs.give_up(&other, &at), 4, jobs.node_ledger());
    assert_error(
        world.send_one(others, &[&other.worker]),
        JobsError::ForeignAccount,
    );
    let give_up = jobs.give_up(&jobs.node, &at);
    // other terms would make it cheaper
    let terms = with_account(give_up.clone(), 1, world.look_alike(&jobs.market));
    assert_error(
        world.send_one(terms, &[&jobs.node.worker]),
        JobsError::ForeignAccount,
    );
    let owners = with_account(give_up.clone(), 0, jobs.node.owner.pubkey());
    assert_error(
        world.send_one(owners, &[&jobs.node.owner]),
        JobsError::NotWorker,
    );
    let ledgers = with_account(give_up.clone(), 4, ledger(&jobs.market, &other.node));
    assert_error(
        world.send_one(ledgers, &[&jobs.node.worker]),
        JobsError::ForeignAccount,
    );
    let look_alike = world.look_alike(&jobs.customer_ledger());
    assert_error(
        world.send_one(
            with_account(give_up.clone(), 5, look_alike),
            &[&jobs.node.worker],
        ),
        JobsError::ForeignAccount,
    );
    for index in [2, 4, 5] {
        assert_refused(world.send_one(read_only(give_up.clone(), index), &[&jobs.node.worker]));
    }
    assert_refused(world.send_one(unsigned(give_up, 0), &[]));
    assert_error(
        world.send_one(jobs.give_up(&jobs.node, &open), &[&jobs.node.worker]),
        JobsError::ForeignAccount,
    );
    let submitted = jobs.submitted(&mut world);
    assert_error(
        world.send_one(jobs.give_up(&jobs.node, &submitted), &[&jobs.node.worker]),
        JobsError::IllegalTransition,
    );
}

#[test]
fn a_result_that_waits_for_its_reveal_cannot_be_given_up() {
    let mut world = World::new();
    let (jobs, at) = unchecked(&mut world);
    assert_error(
        world.send_one(jobs.give_up(&jobs.node, &at), &[&jobs.node.worker]),
        JobsError::IllegalTransition,
    );
}
