use crate::help::*;
use lode_jobs::error::JobsError;
use lode_jobs::state::{flag, JobState, MarketArgs};
use lode_staking::state::{Node, NodeStatus};
use lode_tests::jobs::*;
use lode_tests::staking::TOKENS;
use lode_tests::*;
use solana_instruction::Instruction;
use solana_signer::Signer;

#[test]
fn the_best_bid_stands_and_whoever_it_displaces_is_free_at_once() {
    let mut world = World::new();
    let (mut jobs, other) = auction(&mut world);
    let at = jobs.open(&mut world);
    let deadline = state(&world, &at).deadline;
    let first = bid(&world, &jobs.node, &at, PRICE);
    world.ok(first, &[&jobs.node.worker]);
    let job = state(&world, &at);
    assert_eq!(
        (job.state, job.flags, job.node, job.bid, job.price),
        (
            JobState::Open as u8,
            flag::BID,
            jobs.node.node,
            PRICE,
            PRICE
        )
    );
    // collateral of the posted escrow: 5 000 at a half
    assert_eq!((job.collateral, job.deadline), (10_000, deadline));
    let ledger = nodes(&world, &jobs);
    assert_eq!(
        (ledger.available, ledger.locked, ledger.open_jobs),
        (ALL - 10_000, 10_000, 1)
    );
    assert_vault_balances(&world, &jobs);

    let second = bid(&world, &other, &at, PRICE / 2);
    let units = world.ok(second, &[&other.worker]).compute_units_consumed;
    costs::figure("bid that displaces another", units - 150);
    let job = state(&world, &at);
    assert_eq!(
        (job.node, job.bid, job.collateral),
        (other.node, PRICE / 2, 10_000)
    );
    let ledger = nodes(&world, &jobs);
    assert_eq!(
        (ledger.available, ledger.locked, ledger.open_jobs),
        (ALL, 0, 0)
    );
    let ledger = money(&world, &jobs, &other.node);
    assert_eq!(
        (ledger.available, ledger.locked, ledger.open_jobs),
        (ALL - 10_000, 10_000, 1)
    );
    assert_vault_balances(&world, &jobs);
}

#[test]
fn a_bid_is_a_whole_price_and_a_hundredth_below_the_best() {
    let mut world = World::new();
    let (mut jobs, other) = auction(&mut world);
    let at = posted(&mut world, &mut jobs, |args| args.price = 1_000);
    for price in [0, 1_001, u64::MAX] {
        let bad = bid(&world, &jobs.node, &at, price);
        assert_error(
            world.send_one(bad, &[&jobs.node.worker]),
            JobsError::BidTooHigh,
        );
    }
    world.ok(bid(&world, &jobs.node, &at, 1_000), &[&jobs.node.worker]);
    for price in [1_000, 991, 0] {
        let bad = bid(&world, &other, &at, price);
        assert_error(world.send_one(bad, &[&other.worker]), JobsError::BidTooHigh);
    }
    world.ok(bid(&world, &other, &at, 990), &[&other.worker]);
    // the floor of 99 % of 990
    let bad = bid(&world, &jobs.node, &at, 981);
    assert_error(
        world.send_one(bad, &[&jobs.node.worker]),
        JobsError::BidTooHigh,
    );
    world.ok(bid(&world, &jobs.node, &at, 980), &[&jobs.node.worker]);
    world.ok(bid(&world, &other, &at, 1), &[&other.worker]);
    // nobody displaces the lowest price there is
    for price in [0, 1] {
        let bad = bid(&world, &jobs.node, &at, price);
        assert_error(
            world.send_one(bad, &[&jobs.node.worker]),
            JobsError::BidTooHigh,
        );
    }
}

/// By the bid the committee is paid, so it has a floor: the market's, as if the job had been posted at it.
#[test]
fn a_bid_reaches_the_markets_least_escrow() {
    let mut world = World::new();
    let terms = MarketArgs {
        least_reserved: 2_500,
        ..auction_terms()
    };
    let mut jobs = Jobs::with(&mut world, terms, 3, 7);
    // an escrow of 5 000
    let at = jobs.open(&mut world);
    let half = PRICE / 2;
    assert_eq!(state(&world, &at).price, PRICE);
    let low = bid(&world, &jobs.node, &at, half - 2_000);
    assert_error(
        world.send_one(low, &[&jobs.node.worker]),
        JobsError::BidTooLow,
    );
    world.ok(bid(&world, &jobs.node, &at, half), &[&jobs.node.worker]);
}

#[test]
fn nobody_outbids_himself() {
    let mut world = World::new();
    let (mut jobs, _) = auction(&mut world);
    let at = jobs.open(&mut world);
    world.ok(bid(&world, &jobs.node, &at, PRICE), &[&jobs.node.worker]);
    let again = bid(&world, &jobs.node, &at, PRICE / 2);
    // his ledger would be the one that is displaced too
    assert_refused(world.send_one(again.clone(), &[&jobs.node.worker]));
    // nor by leaving out the ledger that would be displaced
    let last = again.accounts.len() - 1;
    let hidden = with_account(again, last, lode_jobs::ID);
    assert_error(
        world.send_one(hidden, &[&jobs.node.worker]),
        JobsError::OwnBid,
    );
}

#[test]
fn bidding_ends_where_the_award_begins() {
    let mut world = World::new();
    let (mut jobs, other) = auction(&mut world);
    let at = jobs.open(&mut world);
    pass_until(&mut world, &at, 1);
    let early = build::award_job(&at, &state(&world, &at));
    world.ok(bid(&world, &jobs.node, &at, PRICE), &[&jobs.node.worker]);
    let award = build::award_job(&at, &state(&world, &at));
    assert_error(world.send_one(award.clone(), &[]), JobsError::WindowOpen);
    world.pass_slots(1);
    let late = bid(&world, &other, &at, 1);
    assert_error(
        world.send_one(late, &[&other.worker]),
        JobsError::WindowOver,
    );
    // whoever named nobody's node is refused
    assert_refused(world.send_one(early, &[]));
    world.ok(award, &[]);
}

#[test]
fn a_restart_of_the_cluster_lengthens_the_bidding_and_not_the_award() {
    let mut world = World::new();
    let (mut jobs, other) = auction(&mut world);
    let at = jobs.open(&mut world);
    world.ok(bid(&world, &jobs.node, &at, PRICE), &[&jobs.node.worker]);
    let deadline = state(&world, &at).deadline;
    world.set_time(world.now(), deadline + 8_999);
    world.set_last_restart(deadline - 1);
    let award = build::award_job(&at, &state(&world, &at));
    assert_error(world.send_one(award.clone(), &[]), JobsError::WindowOpen);
    world.ok(bid(&world, &other, &at, PRICE / 2), &[&other.worker]);
    let award = build::award_job(&at, &state(&world, &at));
    world.set_time(world.now(), deadline + 9_000);
    world.ok(award, &[]);
}

#[test]
fn auctions_are_bid_for_and_other_jobs_accepted() {
    let mut world = World::new();
    let (mut jobs, _) = auction(&mut world);
    let at = jobs.open(&mut world);
    assert_error(
        world.send_one(jobs.accept(&jobs.node, &at), &[&jobs.node.worker]),
        JobsError::WrongMarketKind,
    );
    // nobody is meant by name where everyone bids
    let mut args = jobs.post_args();
    args.target = jobs.node.node;
    assert_error(
        world.send_one(jobs.post(args), &[&jobs.customer]),
        JobsError::WrongMarketKind,
    );
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = jobs.open(&mut world);
    let wrong = bid(&world, &jobs.node, &at, PRICE);
    assert_error(
        world.send_one(wrong, &[&jobs.node.worker]),
        JobsError::WrongMarketKind,
    );
}

#[test]
fn a_bid_takes_no_ledger_of_another_market() {
    let mut world = World::new();
    let (mut jobs, second) = auction(&mut world);
    let at = jobs.open(&mut world);
    let good = bid(&world, &jobs.node, &at, PRICE);
    let here = jobs.node_ledger();
    let mut terms = sampled_terms();
    terms.id = 1;
    world.ok(
        create_market(&jobs.authority.pubkey(), &jobs.panel, &jobs.mint, terms),
        &[&jobs.authority, &jobs.panel.governor],
    );
    jobs.market = market(&jobs.authority.pubkey(), 1);
    jobs.open_node(&mut world, &jobs.node);
    let there = jobs.node_ledger();
    let elsewhere = |call: &Instruction| {
        let mut accounts = call.accounts.iter();
        let place = accounts.position(|meta| meta.pubkey == here).unwrap();
        with_account(call.clone(), place, there)
    };
    assert_error(
        world.send_one(elsewhere(&good), &[&jobs.node.worker]),
        JobsError::ForeignAccount,
    );
    world.ok(good, &[&jobs.node.worker]);
    // nor is the money of who is outbid unlocked there
    let lower = bid(&world, &second, &at, PRICE / 2);
    assert_error(
        world.send_one(elsewhere(&lower), &[&second.worker]),
        JobsError::NamedLedger,
    );
    world.ok(lower, &[&second.worker]);
}

#[test]
fn a_bid_is_for_the_terms_that_were_read() {
    let mut world = World::new();
    let (mut jobs, _) = auction(&mut world);
    let at = jobs.open(&mut world);
    let read = state(&world, &at);
    for (spec, units_limit) in [([8; 32], read.units_limit), (read.spec, LIMIT + 1)] {
        let mut other = read;
        (other.spec, other.units_limit) = (spec, units_limit);
        let (worker, node) = (jobs.node.worker.pubkey(), jobs.node.node);
        let wrong = build::place_bid(&worker, &node, &at, &other, PRICE);
        assert_error(
            world.send_one(wrong, &[&jobs.node.worker]),
            JobsError::UnexpectedTerms,
        );
    }
    // raised in the very transaction
    let switch = [
        build::raise_limit(&jobs.customer.pubkey(), &at, &read, 2 * LIMIT),
        bid(&world, &jobs.node, &at, PRICE),
    ];
    assert_error(
        world.send(&switch, &[&jobs.customer, &jobs.node.worker]),
        JobsError::UnexpectedTerms,
    );
}

#[test]
fn who_bids_is_fit_and_has_the_collateral_under_his_cap() {
    let mut world = World::new();
    let (mut jobs, _) = auction(&mut world);
    let at = jobs.open(&mut world);
    let good = bid(&world, &jobs.node, &at, PRICE);
    let node: Node = world.read(&jobs.node.node);
    for (bad, error) in [
        (
            Node {
                jailed_until: 1,
                ..node
            },
            JobsError::NodeNotActive,
        ),
        (
            Node {
                status: NodeStatus::Exiting as u8,
                ..node
            },
            JobsError::NodeNotActive,
        ),
        (Node { version: 2, ..node }, JobsError::NodeNotActive),
        (
            Node {
                self_active_shares: 100 * TOKENS - 1,
                ..node
            },
            JobsError::SkinNotIn,
        ),
    ] {
        world.write(&jobs.node.node, &bad);
        assert_error(world.send_one(good.clone(), &[&jobs.node.worker]), error);
    }
    world.write(&jobs.node.node, &node);
    let whole = nodes(&world, &jobs);
    for (cap, available, error) in [
        (9_999, ALL, JobsError::CapExceeded),
        (10_000, 9_999, JobsError::InsufficientFunds),
    ] {
        let mut poor = whole;
        (poor.locked_cap, poor.available) = (cap, available);
        world.write(&jobs.node_ledger(), &poor);
        assert_error(world.send_one(good.clone(), &[&jobs.node.worker]), error);
    }
    let mut enough = whole;
    (enough.locked_cap, enough.available) = (10_000, 10_000);
    world.write(&jobs.node_ledger(), &enough);
    world.ok(good, &[&jobs.node.worker]);
}

#[test]
fn a_pause_stops_bids() {
    let mut world = World::new();
    let (mut jobs, _) = auction(&mut world);
    let at = jobs.open(&mut world);
    world.ok(build::pause(&jobs.guardian.pubkey()), &[&jobs.guardian]);
    let good = bid(&world, &jobs.node, &at, PRICE);
    assert_error(
        world.send_one(good, &[&jobs.node.worker]),
        JobsError::Paused,
    );
}

#[test]
fn the_displaced_ledger_is_passed_iff_a_bid_stands_and_is_the_best_bidders() {
    let mut world = World::new();
    let (mut jobs, other) = auction(&mut world);
    let third = jobs.staking.staked_operator(&mut world, 1_000 * TOKENS);
    jobs.open_node(&mut world, &third);
    let at = jobs.open(&mut world);
    let first = bid(&world, &jobs.node, &at, PRICE);
    let last = first.accounts.len() - 1;
    // nobody is displaced by the first
    let mut extra = with_account(first.clone(), last, ledger(&jobs.market, &other.node));
    extra.accounts[last].is_writable = true;
    assert_error(
        world.send_one(extra, &[&jobs.node.worker]),
        JobsError::NamedLedger,
    );
    world.ok(first, &[&jobs.node.worker]);

    let good = bid(&world, &other, &at, PRICE / 2);
    for (wrong, error) in [
        // collateral of the first would stay locked for ever
        (lode_jobs::ID, JobsError::NamedLedger),
        // or would be taken from somebody else
        (ledger(&jobs.market, &third.node), JobsError::NamedLedger),
        (jobs.customer_ledger(), JobsError::NamedLedger),
    ] {
        let forged = with_account(good.clone(), last, wrong);
        assert_error(world.send_one(forged, &[&other.worker]), error);
    }
    // the bidder's own ledger for both
    let twice = with_account(good.clone(), last, ledger(&jobs.market, &other.node));
    assert_refused(world.send_one(twice, &[&other.worker]));
    let worker = other.worker.insecure_clone();
    forge_each(&mut world, &good, &[], &[3], &[&worker]);
    let before = (nodes(&world, &jobs), money(&world, &jobs, &other.node));
    assert_eq!((before.0.locked, before.1.locked), (10_000, 0));
    world.ok(good, &[&worker]);
}

#[test]
fn only_a_nodes_worker_bids_and_only_with_a_nodes_ledger() {
    let mut world = World::new();
    let (mut jobs, other) = auction(&mut world);
    let at = jobs.open(&mut world);
    let good = bid(&world, &jobs.node, &at, PRICE);
    for signer in [&jobs.node.owner, &other.worker, &jobs.customer] {
        let theirs = with_account(good.clone(), 0, signer.pubkey());
        assert_error(world.send_one(theirs, &[signer]), JobsError::NotWorker);
    }
    let customers = with_account(good.clone(), 6, jobs.customer_ledger());
    assert_error(
        world.send_one(customers, &[&jobs.node.worker]),
        JobsError::ForeignAccount,
    );
    let mut state = nodes(&world, &jobs);
    state.kind = 0;
    world.write(&jobs.node_ledger(), &state);
    assert_error(
        world.send_one(good, &[&jobs.node.worker]),
        JobsError::WrongLedgerKind,
    );
}

#[test]
fn two_bids_in_one_transaction_displace_each_other() {
    let mut world = World::new();
    let (mut jobs, other) = auction(&mut world);
    let at = jobs.open(&mut world);
    let first = bid(&world, &jobs.node, &at, PRICE);
    let mut after = state(&world, &at);
    (after.flags, after.node) = (flag::BID, jobs.node.node);
    let (worker, node) = (other.worker.pubkey(), other.node);
    let second = build::place_bid(&worker, &node, &at, &after, PRICE / 2);
    expect(world.send(&[first, second], &[&jobs.node.worker, &other.worker]));
    assert_eq!(state(&world, &at).node, other.node);
    assert_eq!(nodes(&world, &jobs).available, ALL);
    assert_vault_balances(&world, &jobs);
}

#[test]
fn bids_grieve_nobody_each_locks_money_and_halves_of_a_price_run_out() {
    let mut world = World::new();
    let terms = MarketArgs {
        least_reserved: 1,
        ..auction_terms()
    };
    let mut jobs = Jobs::with(&mut world, terms, 3, 7);
    let other = jobs.staking.staked_operator(&mut world, 1_000 * TOKENS);
    jobs.open_node(&mut world, &other);
    let at = posted(&mut world, &mut jobs, |args| args.price = 100);
    // the smallest steps there are: from a hundred down to one, one bidder outbids the other
    let mut best = 101;
    let mut bids = 0;
    while best > 1 {
        let price = if best == 101 { 100 } else { best * 99 / 100 };
        let bidder = if bids % 2 == 0 { &jobs.node } else { &other };
        world.ok(bid(&world, bidder, &at, price), &[&bidder.worker]);
        (best, bids) = (price, bids + 1);
        let locked = nodes(&world, &jobs).locked + money(&world, &jobs, &other.node).locked;
        assert_eq!(locked, state(&world, &at).collateral);
    }
    assert_eq!(bids, 100);
    assert_vault_balances(&world, &jobs);
}

#[test]
fn what_is_awarded_or_cancelled_takes_no_more_bids() {
    let mut world = World::new();
    let (mut jobs, other) = auction(&mut world);
    let (awarded, cancelled) = (jobs.open(&mut world), jobs.open(&mut world));
    world.ok(
        bid(&world, &jobs.node, &awarded, PRICE),
        &[&jobs.node.worker],
    );
    world.ok(
        jobs.cancel(&jobs.customer.pubkey(), &cancelled),
        &[&jobs.customer],
    );
    pass_until(&mut world, &awarded, 0);
    world.ok(build::award_job(&awarded, &state(&world, &awarded)), &[]);
    for at in [awarded, cancelled] {
        let late = bid(&world, &other, &at, 1);
        assert_error(
            world.send_one(late, &[&other.worker]),
            JobsError::IllegalTransition,
        );
    }
}

#[test]
fn a_bidder_passes_the_filter_when_he_bids_and_when_the_job_becomes_his() {
    let mut world = World::new();
    let (mut jobs, _) = auction(&mut world);
    for (nodes, error, says) in filters() {
        let at = posted(&mut world, &mut jobs, |args| args.nodes = nodes);
        let said = lode_tests::staking::node_args(&jobs.node.worker.pubkey()).description;
        let bid = bid(&world, &jobs.node, &at, PRICE);
        assert_error(world.send_one(bid.clone(), &[&jobs.node.worker]), error);
        describe(&mut world, &jobs.node, says);
        world.ok(bid, &[&jobs.node.worker]);
        pass_until(&mut world, &at, 0);
        let award = build::award_job(&at, &state(&world, &at));
        describe(&mut world, &jobs.node, said);
        assert_error(world.send_one(award.clone(), &[]), error);
        describe(&mut world, &jobs.node, says);
        world.ok(award, &[]);
        describe(&mut world, &jobs.node, said);
        assert_eq!(state(&world, &at).state, JobState::Accepted as u8);
    }
}
