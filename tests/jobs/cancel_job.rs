use crate::help::*;
use lode_jobs::error::JobsError;
use lode_jobs::state::{Job, JobState, Ledger};
use lode_tests::jobs::*;
use lode_tests::staking::TOKENS;
use lode_tests::*;
use solana_signer::Signer;

#[test]
fn a_customer_takes_his_open_job_back_at_any_time() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let at = jobs.open(&mut world);
    world.ok(jobs.cancel(&jobs.customer.pubkey(), &at), &[&jobs.customer]);
    let ledger: Ledger = world.read(&jobs.customer_ledger());
    assert_eq!(
        (ledger.available, ledger.locked, ledger.open_jobs),
        (500 * TOKENS, 0, 0)
    );
    assert_eq!(world.read::<Job>(&at).state, JobState::Cancelled as u8);
    assert_vault_balances(&world, &jobs);
    // once
    assert_error(
        world.send_one(jobs.cancel(&jobs.customer.pubkey(), &at), &[&jobs.customer]),
        JobsError::IllegalTransition,
    );
}

#[test]
fn anyone_cancels_what_nobody_accepted_from_the_deadline_on() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let at = jobs.open(&mut world);
    let stranger = world.wallet();
    let cancel = jobs.cancel(&stranger.pubkey(), &at);
    world.pass_slots(999);
    assert_error(
        world.send_one(cancel.clone(), &[&stranger]),
        JobsError::WindowOpen,
    );
    world.pass_slots(1);
    // at the deadline accepting is over and cancelling begins: never both
    assert_error(
        world.send_one(jobs.accept(&jobs.node, &at), &[&jobs.node.worker]),
        JobsError::WindowOver,
    );
    assert_refused(world.send_one(unsigned(cancel.clone(), 0), &[]));
    for index in [2, 3] {
        assert_refused(world.send_one(read_only(cancel.clone(), index), &[&stranger]));
    }
    assert_error(
        world.send_one(
            with_account(cancel.clone(), 3, jobs.node_ledger()),
            &[&stranger],
        ),
        JobsError::ForeignAccount,
    );
    let look_alike = world.look_alike(&jobs.market);
    assert_error(
        world.send_one(with_account(cancel.clone(), 1, look_alike), &[&stranger]),
        JobsError::ForeignAccount,
    );
    let forged = world.foreign_owned(&at);
    assert_refused(world.send_one(with_account(cancel.clone(), 2, forged), &[&stranger]));
    world.ok(cancel, &[&stranger]);
    assert_eq!(
        world.read::<Ledger>(&jobs.customer_ledger()).available,
        500 * TOKENS
    );
}

#[test]
fn a_restart_of_the_cluster_inside_the_window_lengthens_it() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let at = jobs.open(&mut world);
    let opened = world.slot();
    let stranger = world.wallet();
    let cancel = jobs.cancel(&stranger.pubkey(), &at);
    world.pass_slots(1_000);
    world.set_last_restart(opened + 500);
    assert_error(
        world.send_one(cancel.clone(), &[&stranger]),
        JobsError::WindowOpen,
    );
    world.pass_slots(8_999);
    assert_error(
        world.send_one(cancel.clone(), &[&stranger]),
        JobsError::WindowOpen,
    );
    world.pass_slots(1);
    world.ok(cancel, &[&stranger]);
}

#[test]
fn what_a_node_runs_is_not_cancelled() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let at = jobs.accepted(&mut world);
    assert_error(
        world.send_one(jobs.cancel(&jobs.customer.pubkey(), &at), &[&jobs.customer]),
        JobsError::IllegalTransition,
    );
}

#[test]
fn nobody_goes_back_on_a_bid_before_the_award_is_over() {
    let mut world = World::new();
    let (mut jobs, other) = auction(&mut world);
    let at = jobs.open(&mut world);
    world.ok(bid(&world, &jobs.node, &at, PRICE), &[&jobs.node.worker]);
    let (customer, stranger) = (jobs.customer.pubkey(), world.wallet());
    let theirs = build::cancel_job(&customer, &at, &state(&world, &at));
    let anyones = build::cancel_job(&stranger.pubkey(), &at, &state(&world, &at));
    for slots in [0, 999, 1, 999] {
        world.pass_slots(slots);
        assert_error(
            world.send_one(theirs.clone(), &[&jobs.customer]),
            JobsError::WindowOpen,
        );
        assert_error(
            world.send_one(anyones.clone(), &[&stranger]),
            JobsError::WindowOpen,
        );
    }
    world.pass_slots(1);
    // the bidder is named, and nobody else
    let last = anyones.accounts.len() - 1;
    for wrong in [
        lode_jobs::ID,
        ledger(&jobs.market, &other.node),
        jobs.customer_ledger(),
    ] {
        let forged = with_account(anyones.clone(), last, wrong);
        assert_refused(world.send_one(forged, &[&stranger]));
    }
    forge_each(&mut world, &anyones, &[0], &[1, 3], &[&stranger]);
    world.ok(anyones.clone(), &[&stranger]);
    assert_error(
        world.send_one(theirs, &[&jobs.customer]),
        JobsError::IllegalTransition,
    );
    // a fifth of the escrow of 5 000, all of it burned
    let node = nodes(&world, &jobs);
    assert_eq!(
        (node.available, node.locked, node.burn_owed, node.open_jobs),
        (ALL - 1_000, 0, 1_000, 0)
    );
    let customer = customers(&world, &jobs);
    assert_eq!((customer.available, customer.locked), (ALL, 0));
    assert_vault_balances(&world, &jobs);
}

#[test]
fn without_a_bid_no_bidder_is_named_and_the_customer_is_free() {
    let mut world = World::new();
    let (mut jobs, _) = auction(&mut world);
    let at = jobs.open(&mut world);
    let cancel = build::cancel_job(&jobs.customer.pubkey(), &at, &state(&world, &at));
    let last = cancel.accounts.len() - 1;
    let mut named = with_account(cancel.clone(), last, jobs.node_ledger());
    named.accounts[last].is_writable = true;
    assert_error(
        world.send_one(named, &[&jobs.customer]),
        JobsError::NamedLedger,
    );
    world.ok(cancel, &[&jobs.customer]);
    assert_eq!(customers(&world, &jobs).available, ALL);
}
