use anchor_lang::{InstructionData, ToAccountMetas};
use lode_jobs::error::JobsError;
use lode_jobs::state::{Market, MarketArgs};
use lode_jobs::{accounts, instruction, ID};
use lode_tests::jobs::*;
use lode_tests::oracle::Panel;
use lode_tests::*;
use solana_instruction::Instruction;
use solana_signer::Signer;

fn attempt(world: &mut World, jobs: &Jobs, change: impl Fn(&mut MarketArgs)) -> Sent {
    let mut args = args(3);
    args.id = 1;
    change(&mut args);
    let create = create_market(&jobs.authority.pubkey(), &jobs.panel, &jobs.mint, args);
    world.send_one(create, &[&jobs.authority, &jobs.panel.governor])
}

#[test]
fn terms_are_fixed_as_given() {
    let mut world = World::new();
    let jobs = Jobs::new(&mut world, 3);
    let market: Market = world.read(&jobs.market);
    let args = args(3);
    assert_eq!(
        (market.version, market.kind, market.runtime, market.k),
        (1, 0, 1, 3)
    );
    assert_eq!(
        (market.authority, market.payer),
        (jobs.authority.pubkey(), jobs.authority.pubkey())
    );
    assert_eq!(
        (market.mint, market.committee),
        (jobs.mint, jobs.panel.committee)
    );
    assert_eq!(market.store_url, args.store_url);
    assert_eq!(
        (market.units_limit, market.memory_mib, market.blob_limit),
        (args.units_limit, args.memory_mib, args.blob_limit)
    );
    assert_eq!(
        (
            market.check_bps,
            market.surcharge_bps,
            market.burn_bps,
            market.fee_bps
        ),
        (10_000, 30_000, 300, 200)
    );
    assert!(market.is_open());
    // a name is taken once
    let again = create_market(&jobs.authority.pubkey(), &jobs.panel, &jobs.mint, args);
    assert_refused(world.send_one(again, &[&jobs.authority, &jobs.panel.governor]));
}

#[test]
fn every_term_has_its_bounds() {
    let mut world = World::new();
    let jobs = Jobs::new(&mut world, 3);
    let changes: [fn(&mut MarketArgs); 19] = [
        |a| a.kind = 2,
        |a| a.runtime = 0,
        |a| a.runtime = 2,
        |a| a.units_limit = 0,
        |a| a.memory_mib = 0,
        |a| a.blob_limit = 0,
        |a| a.least_reserved = 0,
        |a| a.least_reserved = a.most_reserved + 1,
        |a| a.most_reserved = (1 << 50) + 1,
        |a| a.check_bps = 0,
        |a| a.check_bps = 10_001,
        |a| a.burn_bps = 1_001,
        |a| a.fee_bps = 1_001,
        |a| a.late_bps = 999,
        |a| a.late_bps = 10_001,
        |a| a.fault_bps = 501,
        |a| a.retention_days = 31,
        |a| a.accept_window = 0,
        |a| a.challenge_window = 0,
    ];
    for (i, change) in changes.into_iter().enumerate() {
        let sent = attempt(&mut world, &jobs, change);
        assert!(sent.is_err(), "change {i} went through");
        assert_error(sent, JobsError::OutOfBounds);
    }
    assert_error(
        attempt(&mut world, &jobs, |a| a.retention_days = 0),
        JobsError::OutOfBounds,
    );
    // the bounds themselves are legal
    let edge = attempt(&mut world, &jobs, |a| {
        (a.burn_bps, a.fee_bps, a.late_bps, a.fault_bps) = (1_000, 1_000, 10_000, 500);
        (a.retention_days, a.most_reserved) = (30, 1 << 50);
    });
    expect(edge);
}

#[test]
fn a_market_asks_no_more_of_a_committee_than_it_promised() {
    let mut world = World::new();
    let jobs = Jobs::new(&mut world, 3);
    let changes: [fn(&mut MarketArgs); 5] = [
        |a| a.units_limit = 1_000_000_001,
        |a| a.memory_mib = 1_025,
        |a| a.blob_limit = (64 << 20) + 1,
        |a| a.base_slots = 9,
        |a| a.slots_per_million = 0,
    ];
    for change in changes {
        assert_error(attempt(&mut world, &jobs, change), JobsError::BeyondPromise);
    }
}

#[test]
fn the_surcharge_pays_for_the_checks_to_the_basis_point() {
    let mut world = World::new();
    let jobs = Jobs::new(&mut world, 3);
    assert_error(
        attempt(&mut world, &jobs, |a| a.surcharge_bps = 29_999),
        JobsError::ChecksUnpaid,
    );
    let sampled =
        |surcharge| move |a: &mut MarketArgs| (a.check_bps, a.surcharge_bps) = (1_000, surcharge);
    assert_error(
        attempt(&mut world, &jobs, sampled(2_999)),
        JobsError::ChecksUnpaid,
    );
    expect(attempt(&mut world, &jobs, sampled(3_000)));
}

#[test]
fn windows_leave_everyone_his_time_and_end_within_a_week() {
    let mut world = World::new();
    let jobs = Jobs::new(&mut world, 3);
    // run window at the limit: 100 + 1 000 slots
    assert_error(
        attempt(&mut world, &jobs, |a| a.attest_window = 2_199),
        JobsError::Windows,
    );
    assert_error(
        attempt(&mut world, &jobs, |a| a.ramp = 501),
        JobsError::Windows,
    );
    assert_error(
        attempt(&mut world, &jobs, |a| a.slots_per_million = u64::MAX),
        JobsError::Windows,
    );
    assert_error(
        attempt(&mut world, &jobs, |a| a.accept_window = 1_512_000),
        JobsError::Windows,
    );
    // 1 100 + 3 x 3 000 + 2 x challenge < 1 512 000
    assert_error(
        attempt(&mut world, &jobs, |a| a.challenge_window = 750_950),
        JobsError::Windows,
    );
    expect(attempt(&mut world, &jobs, |a| {
        (a.attest_window, a.challenge_window) = (3_000, 750_949)
    }));
    // A bid may be made a whole window before its award, and awarded at that window's end: 2 x accept more.
    let auction = |accept_window, id| {
        move |a: &mut MarketArgs| {
            (a.kind, a.id, a.accept_window) = (1, id, accept_window);
            (a.attest_window, a.challenge_window) = (3_000, 700_950);
        }
    };
    assert_error(
        attempt(&mut world, &jobs, auction(50_000, 2)),
        JobsError::Windows,
    );
    expect(attempt(&mut world, &jobs, auction(49_999, 2)));
}

#[test]
fn a_committee_serves_only_markets_it_agreed_to() {
    let mut world = World::new();
    let jobs = Jobs::new(&mut world, 3);
    let other = Panel::serving(&mut world, 3, 3);
    let mut args = args(3);
    args.id = 1;
    let create = create_market(&jobs.authority.pubkey(), &jobs.panel, &jobs.mint, args);
    let foreign = with_account(create.clone(), 1, other.governor.pubkey());
    assert_error(
        world.send_one(foreign, &[&jobs.authority, &other.governor]),
        JobsError::CommitteeDisagrees,
    );
    assert_refused(world.send_one(unsigned(create.clone(), 1), &[&jobs.authority]));
    let forged = world.foreign_owned(&jobs.panel.committee);
    assert_refused(world.send_one(
        with_account(create.clone(), 3, forged),
        &[&jobs.authority, &jobs.panel.governor],
    ));
    let config = world.look_alike(&config());
    assert_refused(world.send_one(
        with_account(create.clone(), 2, config),
        &[&jobs.authority, &jobs.panel.governor],
    ));
    world.ok(create, &[&jobs.authority, &jobs.panel.governor]);
    // who governs the committee may open a market for it himself
    let own = create_market(
        &other.governor.pubkey(),
        &other,
        &jobs.mint,
        lode_tests::jobs::args(3),
    );
    world.ok(own, &[&other.governor]);
}

#[test]
fn native_sol_and_mints_with_extensions_are_refused() {
    let mut world = World::new();
    let jobs = Jobs::new(&mut world, 3);
    let mut args = args(3);
    args.id = 1;
    let plain = world.svm.get_account(&jobs.mint).unwrap();
    for native in lode_token::NATIVE_MINTS {
        world.svm.set_account(native, plain.clone()).unwrap();
        let create = create_market(&jobs.authority.pubkey(), &jobs.panel, &native, args);
        assert_error(
            world.send_one(create, &[&jobs.authority, &jobs.panel.governor]),
            JobsError::MintNotAccepted,
        );
    }
    // Of Token-2022, with a fee on each transfer; and, to compare, with nothing.
    let mint = world.mint(&TOKEN_2022);
    let create = create_market(&jobs.authority.pubkey(), &jobs.panel, &mint, args);
    let mut programs = create.accounts.iter();
    let place = programs.position(|meta| meta.pubkey == TOKEN).unwrap();
    let create = with_account(create, place, TOKEN_2022);
    let signers = [&jobs.authority, &jobs.panel.governor];
    let plain = world.svm.get_account(&mint).unwrap();
    world.charge_transfers(&mint);
    assert_error(
        world.send_one(create.clone(), &signers),
        JobsError::MintNotAccepted,
    );
    world.svm.set_account(mint, plain).unwrap();
    world.ok(create, &signers);
}

#[test]
fn only_its_authority_opens_and_closes_a_market() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let set = |jobs: &Jobs, open: bool| -> Instruction {
        let accounts = accounts::SetMarketOpen {
            authority: jobs.authority.pubkey(),
            market: jobs.market,
        };
        lode_tests::instruction(
            ID,
            accounts.to_account_metas(None),
            instruction::SetMarketOpen { open }.data(),
        )
    };
    let foreign = with_account(set(&jobs, false), 0, jobs.customer.pubkey());
    assert_error(
        world.send_one(foreign, &[&jobs.customer]),
        JobsError::NotMarketAuthority,
    );
    assert_refused(world.send_one(unsigned(set(&jobs, false), 0), &[]));
    assert_refused(world.send_one(read_only(set(&jobs, false), 1), &[&jobs.authority]));
    let running = jobs.accepted(&mut world);
    world.ok(set(&jobs, false), &[&jobs.authority]);
    let args = jobs.post_args();
    assert_error(
        world.send_one(jobs.post(args), &[&jobs.customer]),
        JobsError::MarketClosed,
    );
    world.ok(
        jobs.submit(&jobs.node, &running, &RESULT, UNITS, 0),
        &[&jobs.node.worker],
    );
    world.ok(set(&jobs, true), &[&jobs.authority]);
    world.ok(jobs.post(args), &[&jobs.customer]);
}

#[test]
fn committees_and_nodes_of_an_unknown_version_are_not_read() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let (submitted, sealed) = (jobs.submitted(&mut world), jobs.sealed(&mut world));
    let attest = jobs.attested(&world, &sealed, lode_attestation::Verdict::Match, &[0, 1]);
    let seal = jobs.seal(&world.payer.pubkey(), &submitted);
    let node = jobs.staking.operator(&mut world);
    let open = jobs.open_node_ledger(&node.owner.pubkey(), &node.node, 0);
    let mut committee: lode_oracle::state::Committee = world.read(&jobs.panel.committee);
    committee.version = 2;
    world.write(&jobs.panel.committee, &committee);
    let mut state: lode_staking::state::Node = world.read(&node.node);
    state.version = 2;
    world.write(&node.node, &state);
    assert_error(
        attempt(&mut world, &jobs, |_| ()),
        JobsError::UnknownVersion,
    );
    assert_error(world.send_one(seal, &[]), JobsError::UnknownVersion);
    assert_error(world.send(&attest, &[]), JobsError::UnknownVersion);
    assert_error(
        world.send_one(open, &[&node.owner]),
        JobsError::UnknownVersion,
    );
}

#[test]
fn a_market_s_filter_is_fixed_as_given_and_well_formed() {
    let mut world = World::new();
    let jobs = Jobs::new(&mut world, 3);
    for change in [
        |a: &mut MarketArgs| a.nodes.denies = 1,
        |a: &mut MarketArgs| a.nodes.denies = 2,
        |a: &mut MarketArgs| a.nodes.regions[0] = b'D',
        |a: &mut MarketArgs| a.nodes.regions[2..4].copy_from_slice(b"DE"),
    ] {
        assert_error(attempt(&mut world, &jobs, change), JobsError::BadFilter);
    }
    expect(attempt(&mut world, &jobs, |a| {
        (a.nodes.classes, a.nodes.cores, a.nodes.memory_mib) = (0b1110, 8, 1_024);
        a.nodes.denies = 1;
        a.nodes.regions[..2].copy_from_slice(b"US");
    }));
    let at = market(&jobs.authority.pubkey(), 1);
    let nodes = world.read::<Market>(&at).nodes;
    assert_eq!(
        (nodes.classes, nodes.cores, nodes.memory_mib),
        (14, 8, 1_024)
    );
    assert_eq!((nodes.denies, &nodes.regions[..3]), (1, &b"US\0"[..]));
}
