use crate::help::{describe, filters};
use lode_jobs::error::JobsError;
use lode_jobs::state::{Job, JobState, Ledger, MarketArgs};
use lode_jobs::PostArgs;
use lode_staking::state::{Node, NodeDescription, NodeStatus};
use lode_tests::jobs::*;
use lode_tests::staking::TOKENS;
use lode_tests::*;
use solana_address::Address;
use solana_signer::Signer;

#[test]
fn accepting_locks_the_nodes_own_money_and_starts_the_run_window() {
    let mut world = World::new();
    let mut terms = args(3);
    (terms.check_bps, terms.surcharge_bps) = (1_000, 3_000);
    let mut jobs = Jobs::with(&mut world, terms, 3, 3);
    let at = jobs.open(&mut world);
    world.ok(jobs.accept(&jobs.node, &at), &[&jobs.node.worker]);
    let state: Job = world.read(&at);
    assert_eq!(
        (state.state, state.node, state.accepted_at),
        (JobState::Accepted as u8, jobs.node.node, world.now())
    );
    // escrow 2 600 at a tenth: ten times as much; 100 + 1 slots
    assert_eq!(
        (state.collateral, state.deadline),
        (26_000, world.slot() + 101)
    );
    let ledger: Ledger = world.read(&jobs.node_ledger());
    assert_eq!(
        (ledger.locked, ledger.available, ledger.open_jobs),
        (26_000, 500 * TOKENS - 26_000, 1)
    );
    assert_vault_balances(&world, &jobs);
    // once
    assert_error(
        world.send_one(jobs.accept(&jobs.node, &at), &[&jobs.node.worker]),
        JobsError::IllegalTransition,
    );
}

#[test]
fn a_job_is_accepted_before_its_deadline() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let (late, in_time) = (jobs.open(&mut world), jobs.open(&mut world));
    world.pass_slots(999);
    world.ok(jobs.accept(&jobs.node, &in_time), &[&jobs.node.worker]);
    world.pass_slots(1);
    assert_error(
        world.send_one(jobs.accept(&jobs.node, &late), &[&jobs.node.worker]),
        JobsError::WindowOver,
    );
}

#[test]
fn nobody_is_given_other_terms_than_he_read() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let base = jobs.post_args();
    for change in [
        PostArgs {
            spec: [8; 32],
            ..base
        },
        PostArgs {
            units_limit: LIMIT + 1,
            nonce: jobs.next_nonce(),
            ..base
        },
        PostArgs {
            price: PRICE - 1,
            nonce: jobs.next_nonce(),
            ..base
        },
    ] {
        world.ok(jobs.post(change), &[&jobs.customer]);
        let at = job(&jobs.customer_ledger(), change.nonce).0;
        assert_error(
            world.send_one(jobs.accept(&jobs.node, &at), &[&jobs.node.worker]),
            JobsError::UnexpectedTerms,
        );
    }
}

#[test]
fn a_node_accepts_only_with_its_owners_skin_in() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let at = jobs.open(&mut world);
    let accept = jobs.accept(&jobs.node, &at);
    let owner = jobs.node.owner.pubkey();
    // 100 tokens are the minimum
    let unstake = jobs
        .staking
        .unstake(&jobs.node.node, &owner, 0, 900 * TOKENS + 1);
    world.ok(unstake, &[&jobs.node.owner]);
    assert_error(
        world.send_one(accept.clone(), &[&jobs.node.worker]),
        JobsError::SkinNotIn,
    );
    world.ok(
        jobs.staking.stake(&world, &jobs.node.node, &owner, 1),
        &[&jobs.node.owner],
    );
    // delegated stake up to five times as much, and no more
    let delegator = jobs.staking.wallet(&mut world, 500 * TOKENS);
    let delegate = jobs
        .staking
        .stake(&world, &jobs.node.node, &delegator.pubkey(), 500 * TOKENS);
    world.ok(delegate, &[&delegator]);
    world.ok(accept, &[&jobs.node.worker]);

    let at = jobs.open(&mut world);
    world.ok(
        jobs.staking
            .stake(&world, &jobs.node.node, &owner, 10 * TOKENS),
        &[&jobs.node.owner],
    );
    let mut state: Node = world.read(&jobs.node.node);
    state.self_active_shares -= 11 * TOKENS;
    world.write(&jobs.node.node, &state);
    assert_error(
        world.send_one(jobs.accept(&jobs.node, &at), &[&jobs.node.worker]),
        JobsError::SkinNotIn,
    );
}

#[test]
fn jailed_leaving_and_unknown_nodes_accept_nothing() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let at = jobs.open(&mut world);
    let accept = jobs.accept(&jobs.node, &at);
    let node: Node = world.read(&jobs.node.node);
    for bad in [
        Node {
            jailed_until: 1,
            ..node
        },
        Node {
            status: NodeStatus::Exiting as u8,
            ..node
        },
        Node { version: 2, ..node },
    ] {
        world.write(&jobs.node.node, &bad);
        assert_error(
            world.send_one(accept.clone(), &[&jobs.node.worker]),
            JobsError::NodeNotActive,
        );
    }
    world.write(&jobs.node.node, &node);
    world.ok(accept, &[&jobs.node.worker]);
}

#[test]
fn collateral_stays_under_the_owners_cap_and_within_his_money() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let (first, second) = (jobs.open(&mut world), jobs.open(&mut world));
    let mut ledger: Ledger = world.read(&jobs.node_ledger());
    ledger.locked_cap = 15_999;
    world.write(&jobs.node_ledger(), &ledger);
    world.ok(jobs.accept(&jobs.node, &first), &[&jobs.node.worker]);
    assert_error(
        world.send_one(jobs.accept(&jobs.node, &second), &[&jobs.node.worker]),
        JobsError::CapExceeded,
    );
    let mut ledger: Ledger = world.read(&jobs.node_ledger());
    ledger.locked_cap = 16_000;
    world.write(&jobs.node_ledger(), &ledger);
    let (owner, rest) = (jobs.node.owner.pubkey(), ledger.available);
    world.ok(
        jobs.withdraw(&world, &owner, &jobs.node.node, rest - 7_999),
        &[&jobs.node.owner],
    );
    assert_error(
        world.send_one(jobs.accept(&jobs.node, &second), &[&jobs.node.worker]),
        JobsError::InsufficientFunds,
    );
    world.ok(
        jobs.deposit(&world, &owner, &jobs.node.node, 1),
        &[&jobs.node.owner],
    );
    world.ok(jobs.accept(&jobs.node, &second), &[&jobs.node.worker]);
}

#[test]
fn a_targeted_job_is_its_targets_alone() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let other = jobs.staking.staked_operator(&mut world, 1_000 * TOKENS);
    jobs.open_node(&mut world, &other);
    let args = PostArgs {
        target: other.node,
        ..jobs.post_args()
    };
    world.ok(jobs.post(args), &[&jobs.customer]);
    let at = job(&jobs.customer_ledger(), args.nonce).0;
    assert_error(
        world.send_one(jobs.accept(&jobs.node, &at), &[&jobs.node.worker]),
        JobsError::AnotherNodesJob,
    );
    world.ok(jobs.accept(&other, &at), &[&other.worker]);
}

#[test]
fn the_lottery_lets_every_node_in_by_the_end_of_the_ramp() {
    let mut world = World::new();
    let mut terms = args(3);
    terms.ramp = 100;
    let mut jobs = Jobs::with(&mut world, terms, 3, 3);
    let at = jobs.open(&mut world);
    let opened = world.slot();
    let number = lode_attestation::lottery_number(opened, &at, 0, &jobs.node.node);
    let first = (0..100)
        .find(|slot| lode_math::lottery::may_accept(number, *slot, 100))
        .unwrap();
    let accept = jobs.accept(&jobs.node, &at);
    if first > 0 {
        world.pass_slots(first - 1);
        assert_error(
            world.send_one(accept.clone(), &[&jobs.node.worker]),
            JobsError::NotDrawnYet,
        );
        world.pass_slots(1);
    }
    world.ok(accept, &[&jobs.node.worker]);
    // whoever is the target needs no luck
    let args = PostArgs {
        target: jobs.node.node,
        ..jobs.post_args()
    };
    world.ok(jobs.post(args), &[&jobs.customer]);
    let at = job(&jobs.customer_ledger(), args.nonce).0;
    world.ok(jobs.accept(&jobs.node, &at), &[&jobs.node.worker]);
}

#[test]
fn foreign_and_forged_accounts_are_refused() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let other = jobs.staking.staked_operator(&mut world, 1_000 * TOKENS);
    jobs.open_node(&mut world, &other);
    let at = jobs.open(&mut world);
    let accept = jobs.accept(&jobs.node, &at);
    let workers = with_account(accept.clone(), 0, other.worker.pubkey());
    assert_error(
        world.send_one(workers, &[&other.worker]),
        JobsError::NotWorker,
    );
    let owners = with_account(accept.clone(), 0, jobs.node.owner.pubkey());
    assert_error(
        world.send_one(owners, &[&jobs.node.owner]),
        JobsError::NotWorker,
    );
    let ledgers = with_account(accept.clone(), 6, ledger(&jobs.market, &other.node));
    assert_error(
        world.send_one(ledgers, &[&jobs.node.worker]),
        JobsError::ForeignAccount,
    );
    let market = world.look_alike(&jobs.market);
    assert_error(
        world.send_one(
            with_account(accept.clone(), 3, market),
            &[&jobs.node.worker],
        ),
        JobsError::ForeignAccount,
    );
    for (index, account) in [
        (1, world.foreign_owned(&config())),
        (2, world.foreign_owned(&lode_tests::staking::config())),
        (2, config()),
        (4, world.foreign_owned(&at)),
        (5, world.foreign_owned(&jobs.node.node)),
        (6, world.foreign_owned(&jobs.node_ledger())),
        (6, jobs.customer_ledger()),
        (4, Address::new_unique()),
    ] {
        assert_refused(world.send_one(
            with_account(accept.clone(), index, account),
            &[&jobs.node.worker],
        ));
    }
    for index in [4, 6] {
        assert_refused(world.send_one(read_only(accept.clone(), index), &[&jobs.node.worker]));
    }
    assert_refused(world.send_one(unsigned(accept, 0), &[]));
}

#[test]
fn a_wallets_ledger_takes_no_job_though_it_was_opened_in_the_nodes_name() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let at = jobs.open(&mut world);
    let mut wallets: lode_jobs::state::Ledger = world.read(&jobs.node_ledger());
    wallets.kind = lode_jobs::state::LedgerKind::Wallet as u8;
    world.write(&jobs.node_ledger(), &wallets);
    assert_error(
        world.send_one(jobs.accept(&jobs.node, &at), &[&jobs.node.worker]),
        JobsError::WrongLedgerKind,
    );
}

#[test]
fn a_node_accepts_only_what_its_declaration_passes_and_may_declare_anything_later() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    for (nodes, error, says) in filters() {
        let args = PostArgs {
            nodes,
            ..jobs.post_args()
        };
        world.ok(jobs.post(args), &[&jobs.customer]);
        let at = job(&jobs.customer_ledger(), args.nonce).0;
        assert_eq!(world.read::<Job>(&at).nodes, nodes);
        let before: Node = world.read(&jobs.node.node);
        assert_error(
            world.send_one(jobs.accept(&jobs.node, &at), &[&jobs.node.worker]),
            error,
        );
        describe(&mut world, &jobs.node, says);
        world.ok(jobs.accept(&jobs.node, &at), &[&jobs.node.worker]);
        // what it declares afterwards takes nothing from it
        let said = NodeDescription {
            class: before.class,
            cores: before.cores,
            memory_mib: before.memory_mib,
            region: before.region,
            metadata: before.metadata,
            encryption_key: before.encryption_key,
        };
        describe(&mut world, &jobs.node, said);
        let submit = jobs.submit(&jobs.node, &at, &RESULT, UNITS, 0);
        world.ok(submit, &[&jobs.node.worker]);
    }
}

#[test]
fn a_market_s_filter_binds_every_job_of_it_beside_the_job_s_own() {
    for (nodes, error, says) in filters() {
        let mut world = World::new();
        let mut jobs = Jobs::with(&mut world, MarketArgs { nodes, ..args(3) }, 3, 3);
        let at = jobs.open(&mut world);
        let accept = jobs.accept(&jobs.node, &at);
        assert_error(world.send_one(accept.clone(), &[&jobs.node.worker]), error);
        let mut narrow = jobs.post_args();
        narrow.nodes.classes = 1 << 7;
        world.ok(jobs.post(narrow), &[&jobs.customer]);
        describe(&mut world, &jobs.node, says);
        world.ok(accept, &[&jobs.node.worker]);
        let at = job(&jobs.customer_ledger(), narrow.nonce).0;
        assert_error(
            world.send_one(jobs.accept(&jobs.node, &at), &[&jobs.node.worker]),
            JobsError::ClassNotTaken,
        );
    }
}

#[test]
fn a_target_that_does_not_pass_is_refused_when_it_accepts_and_not_before() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let [(nodes, error, says), ..] = filters();
    let args = PostArgs {
        target: jobs.node.node,
        nodes,
        ..jobs.post_args()
    };
    world.ok(jobs.post(args), &[&jobs.customer]);
    let at = job(&jobs.customer_ledger(), args.nonce).0;
    assert_error(
        world.send_one(jobs.accept(&jobs.node, &at), &[&jobs.node.worker]),
        error,
    );
    describe(&mut world, &jobs.node, says);
    world.ok(jobs.accept(&jobs.node, &at), &[&jobs.node.worker]);
}
