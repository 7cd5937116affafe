use lode_jobs::error::JobsError;
use lode_jobs::state::{flag, Job, JobState, Ledger};
use lode_jobs::PostArgs;
use lode_tests::jobs::*;
use lode_tests::staking::TOKENS;
use lode_tests::*;
use solana_address::Address;
use solana_signer::Signer;

#[test]
fn posting_locks_the_escrow_and_nothing_more() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let args = jobs.post_args();
    let before: Ledger = world.read(&jobs.customer_ledger());
    world.ok(jobs.post(args), &[&jobs.customer]);
    let at = job(&jobs.customer_ledger(), args.nonce).0;
    let state: Job = world.read(&at);
    assert_eq!(
        (
            state.version,
            state.state,
            state.bump,
            state.flags,
            state.attempt
        ),
        (1, JobState::Open as u8, 255, 0, 0)
    );
    assert_eq!(
        (state.market, state.customer, state.payer),
        (jobs.market, jobs.customer_ledger(), jobs.customer.pubkey())
    );
    assert_eq!(
        (state.spec, state.price, state.units_limit),
        (SPEC, PRICE, LIMIT)
    );
    assert_eq!(
        (state.node, state.deadline),
        (Address::default(), world.slot() + 1_000)
    );
    // work 2 000, checks three times as much
    let after: Ledger = world.read(&jobs.customer_ledger());
    assert_eq!(
        (after.available, after.locked, after.open_jobs),
        (before.available - 8_000, 8_000, 1)
    );
    let rent = world.svm.minimum_balance_for_rent_exemption(432);
    assert_eq!(world.lamports(&at), rent + 12 * 15_000);
    assert_vault_balances(&world, &jobs);
}

#[test]
fn a_job_posted_checked_pays_for_its_check() {
    let mut world = World::new();
    let mut terms = args(3);
    (terms.check_bps, terms.surcharge_bps) = (1_000, 3_000);
    let mut jobs = Jobs::with(&mut world, terms, 3, 3);
    let usual = jobs.post_args();
    world.ok(jobs.post(usual), &[&jobs.customer]);
    assert_eq!(world.read::<Ledger>(&jobs.customer_ledger()).locked, 2_600);
    let checked = PostArgs {
        checked: true,
        ..jobs.post_args()
    };
    world.ok(jobs.post(checked), &[&jobs.customer]);
    assert_eq!(
        world.read::<Ledger>(&jobs.customer_ledger()).locked,
        2_600 + 8_000
    );
    let at = job(&jobs.customer_ledger(), checked.nonce).0;
    assert!(world.read::<Job>(&at).has(flag::CHECKED));
}

#[test]
fn units_escrow_and_money_have_their_bounds() {
    let mut world = World::new();
    let mut terms = args(3);
    (terms.least_reserved, terms.most_reserved) = (8_000, 80_000);
    let mut jobs = Jobs::with(&mut world, terms, 3, 3);
    let base = jobs.post_args();
    let tries = [
        (
            PostArgs {
                units_limit: 0,
                ..base
            },
            JobsError::UnitsOutOfRange,
        ),
        (
            PostArgs {
                units_limit: 1_000_001,
                ..base
            },
            JobsError::UnitsOutOfRange,
        ),
        (
            PostArgs {
                units_limit: 999,
                ..base
            },
            JobsError::EscrowOutOfRange,
        ),
        (
            PostArgs {
                units_limit: 10_001,
                ..base
            },
            JobsError::EscrowOutOfRange,
        ),
        (
            PostArgs {
                price: u64::MAX,
                units_limit: 1_000_000,
                ..base
            },
            JobsError::Overflow,
        ),
    ];
    for (args, error) in tries {
        assert_error(world.send_one(jobs.post(args), &[&jobs.customer]), error);
    }
    let rest = world.read::<Ledger>(&jobs.customer_ledger()).available;
    let customer = jobs.customer.pubkey();
    world.ok(
        jobs.withdraw(&world, &customer, &customer, rest - 7_999),
        &[&jobs.customer],
    );
    assert_error(
        world.send_one(jobs.post(base), &[&jobs.customer]),
        JobsError::InsufficientFunds,
    );
    world.ok(
        jobs.deposit(&world, &customer, &customer, 1),
        &[&jobs.customer],
    );
    world.ok(jobs.post(base), &[&jobs.customer]);
}

#[test]
fn a_nonce_serves_once_and_only_near_the_newest() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let top = world.read::<Ledger>(&jobs.customer_ledger()).nonce_top;
    let base = jobs.post_args();
    let with = |nonce: u64| PostArgs { nonce, ..base };
    assert_error(
        world.send_one(jobs.post(with(top)), &[&jobs.customer]),
        JobsError::NonceTaken,
    );
    assert_error(
        world.send_one(jobs.post(with(top + 65)), &[&jobs.customer]),
        JobsError::NonceTaken,
    );
    assert_error(
        world.send_one(jobs.post(with(top - 64)), &[&jobs.customer]),
        JobsError::NonceTaken,
    );
    world.ok(jobs.post(with(top + 64)), &[&jobs.customer]);
    world.ok(jobs.post(with(top + 10)), &[&jobs.customer]);
    assert_refused(world.send_one(jobs.post(with(top + 10)), &[&jobs.customer]));
    // not even when the job has been closed
    let at = job(&jobs.customer_ledger(), top + 10).0;
    world.ok(jobs.cancel(&jobs.customer.pubkey(), &at), &[&jobs.customer]);
    world.ok(jobs.close(&world.payer.pubkey(), &at), &[]);
    assert!(!world.exists(&at));
    assert_error(
        world.send_one(jobs.post(with(top + 10)), &[&jobs.customer]),
        JobsError::NonceTaken,
    );
}

#[test]
fn only_the_wallet_of_a_wallets_ledger_posts() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let stranger = world.wallet();
    let args = jobs.post_args();
    let post = jobs.post(args);
    assert_error(
        world.send_one(
            with_account(post.clone(), 0, stranger.pubkey()),
            &[&stranger],
        ),
        JobsError::NotLedgerAuthority,
    );
    assert_refused(world.send_one(unsigned(post.clone(), 0), &[]));
    for index in [0, 3, 4] {
        assert_refused(world.send_one(read_only(post.clone(), index), &[&jobs.customer]));
    }
    for (index, account) in [
        (1, world.foreign_owned(&config())),
        (2, world.foreign_owned(&jobs.market)),
        (2, world.look_alike(&jobs.market)),
        (3, world.foreign_owned(&jobs.customer_ledger())),
        (4, Address::new_unique()),
    ] {
        assert_refused(world.send_one(
            with_account(post.clone(), index, account),
            &[&jobs.customer],
        ));
    }
    // a node's ledger is not for posting, not even by its owner
    let owner = jobs.node.owner.pubkey();
    let nonce = world.read::<Ledger>(&jobs.node_ledger()).nonce_top + 1;
    let mut nodes = jobs.post(PostArgs { nonce, ..args });
    nodes.accounts[0].pubkey = owner;
    nodes.accounts[3].pubkey = jobs.node_ledger();
    nodes.accounts[4].pubkey = job(&jobs.node_ledger(), nonce).0;
    assert_error(
        world.send_one(nodes, &[&jobs.node.owner]),
        JobsError::WrongLedgerKind,
    );
    assert_eq!(
        world.read::<Ledger>(&jobs.customer_ledger()).available,
        500 * TOKENS
    );
}
