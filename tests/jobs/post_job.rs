use lode_jobs::error::JobsError;
use lode_jobs::state::{flag, Job, JobState, Ledger, NodeFilter};
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

#[test]
fn lamports_sent_to_a_jobs_address_before_hinder_nobody_and_pay_no_crank() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let rent = world.svm.minimum_balance_for_rent_exemption(432);
    for sent in [1_000_000, rent - 1, rent, rent + 500_000] {
        let args = jobs.post_args();
        let at = job(&jobs.customer_ledger(), args.nonce).0;
        world.svm.airdrop(&at, sent).unwrap();
        let before = world.lamports(&jobs.customer.pubkey());
        world.ok(jobs.post(args), &[&jobs.customer]);
        let state: Job = world.read(&at);
        assert_eq!((state.version, state.bump, state.spec), (1, 255, SPEC));
        let deposit = 12 * 15_000;
        assert_eq!(world.lamports(&at), sent.max(rent) + deposit);
        assert_eq!(
            world.lamports(&jobs.customer.pubkey()),
            before - rent.saturating_sub(sent) - deposit
        );
    }
}

#[test]
fn a_nonce_has_one_address_and_that_is_the_first_off_the_curve() {
    let mut world = World::new();
    let jobs = Jobs::new(&mut world, 3);
    let ledger = jobs.customer_ledger();
    let top = world.read::<Ledger>(&ledger).nonce_top;
    let hash = |nonce: u64, bump: u8| {
        let seeds = [
            b"job",
            ledger.as_ref(),
            &nonce.to_le_bytes(),
            &[bump],
            lode_jobs::ID.as_ref(),
            b"ProgramDerivedAddress",
        ];
        Address::new_from_array(anchor_lang::prelude::sha256(&seeds.concat()))
    };
    let find = |first: bool| {
        (top + 1..=top + 64)
            .find(|nonce| (job(&ledger, *nonce).1 == 255) == first)
            .unwrap()
    };
    for nonce in [find(true), find(false)] {
        let (at, bump) = job(&ledger, nonce);
        assert_eq!(hash(nonce, bump), at);
        let args = PostArgs {
            nonce,
            spec: SPEC,
            price: PRICE,
            units_limit: LIMIT,
            target: Address::default(),
            checked: false,
            nodes: NodeFilter::default(),
        };
        let post = jobs.post(args);
        // neither a hash on the curve nor any later bump's, nor another nonce's
        for other in (0..=255).filter(|other| *other != bump).step_by(50) {
            let forged = with_account(post.clone(), 4, hash(nonce, other));
            assert_refused(world.send_one(forged, &[&jobs.customer]));
        }
        for other in [hash(nonce, 255), hash(nonce, 254), hash(nonce + 1, bump)] {
            if other != at {
                let forged = with_account(post.clone(), 4, other);
                assert_refused(world.send_one(forged, &[&jobs.customer]));
            }
        }
        world.ok(post, &[&jobs.customer]);
        assert_eq!(world.read::<Job>(&at).bump, bump);
    }
}

#[test]
fn a_filter_is_stored_as_given_and_a_malformed_one_is_refused() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let base = jobs.post_args();
    let with = |classes, denies, codes: &[u8]| {
        let mut nodes = NodeFilter {
            classes,
            denies,
            ..NodeFilter::default()
        };
        nodes.regions[..codes.len()].copy_from_slice(codes);
        PostArgs { nodes, ..base }
    };
    for bad in [
        with(1, 1, b""),
        with(0, 2, b"DE"),
        with(0, 0, b"de"),
        with(0, 0, b"D"),
        with(0, 0, b"\0\0DE"),
        with(0, 1, b"DEFRUSCNINBRZ"),
    ] {
        assert_error(
            world.send_one(jobs.post(bad), &[&jobs.customer]),
            JobsError::BadFilter,
        );
    }
    let good = with(0xFF, 1, b"DEFRUSCNINBRZA");
    let units = world.ok(jobs.post(good), &[&jobs.customer]);
    costs::figure(
        "post_job with a filter of seven regions",
        units.compute_units_consumed - 150,
    );
    let at = job(&jobs.customer_ledger(), base.nonce).0;
    assert_eq!(world.read::<Job>(&at).nodes, good.nodes);
}
