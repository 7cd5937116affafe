use lode_emissions::error::EmissionsError;
use lode_emissions::state::claimed;
use lode_staking::state::Node;
use lode_tests::emissions::*;
use lode_tests::staking::{exit_node, TOKENS};
use lode_tests::*;
use solana_address::Address;
use solana_signer::Signer;

#[test]
fn work_is_paid_to_the_operator_in_proportion_and_once() {
    let mut world = World::new();
    let emissions = Emissions::new(&mut world);
    let one = emissions.operator(&mut world, 900 * TOKENS);
    let two = emissions.operator(&mut world, 100 * TOKENS);
    // the delegator of the one gets nothing of it
    let delegator = emissions.staking.wallet(&mut world, 500 * TOKENS);
    let stake = emissions
        .staking
        .stake(&world, &one.node, &delegator.pubkey(), 500 * TOKENS);
    world.ok(stake, &[&delegator]);
    let genesis = world.supply(&emissions.mint);
    emissions.finalised(&mut world, 0, &[(&one, 800), (&two, 300)]);
    // amount 900, work 720
    let held = [world.amount(&one.wallet), world.amount(&two.wallet)];
    let claim = emissions.claim_work(&world, &one.node, 0);
    world.ok(claim.clone(), &[]);
    world.ok(emissions.claim_work(&world, &two.node, 0), &[]);
    assert_eq!(world.amount(&one.wallet), held[0] + 720 * 800 / 1_100);
    assert_eq!(world.amount(&two.wallet), held[1] + 720 * 300 / 1_100);
    // a second claim is no error and pays nothing
    let share_before = read_share(&world, &one.node, 0);
    assert_eq!(
        (share_before.flags, share_before.work_claimed),
        (claimed::WORK, 523)
    );
    world.ok(claim.clone(), &[]);
    world.send(&[claim.clone(), claim], &[]).unwrap();
    assert_eq!(world.amount(&one.wallet), held[0] + 523);
    let (state, schedule) = (read_epoch(&world, 0), read_schedule(&world));
    assert_eq!((state.work_claimed, schedule.claimed), (719, 719));
    assert_eq!(world.supply(&emissions.mint), genesis + 719);
}

#[test]
fn work_is_claimed_from_final_until_26_epochs_after() {
    let mut world = World::new();
    let emissions = Emissions::new(&mut world);
    let operator = emissions.operator(&mut world, TOKENS);
    give_points(&mut world, &operator.node, 0, 1_100);
    to_epoch(&mut world, 1);
    let payer = world.payer.pubkey();
    world.ok(record(&payer, &operator.node, 0), &[]);
    let claim = emissions.claim_work(&world, &operator.node, 0);
    assert_error(world.send_one(claim.clone(), &[]), EmissionsError::NotFinal);
    to_epoch(&mut world, 2);
    assert_error(world.send_one(claim.clone(), &[]), EmissionsError::NotFinal);
    world.ok(finalize_epoch(0), &[]);
    to_epoch(&mut world, 27);
    assert_error(
        world.send_one(claim.clone(), &[]),
        EmissionsError::EpochLapsed,
    );
    world.set_time(world.now() - 1, world.slot());
    let before = world.amount(&operator.wallet);
    world.ok(claim, &[]);
    assert_eq!(world.amount(&operator.wallet), before + 720);
}

#[test]
fn work_goes_to_the_payout_account_or_the_owners_associated_one_only() {
    let mut world = World::new();
    let emissions = Emissions::new(&mut world);
    let operator = emissions.operator(&mut world, TOKENS);
    let owner = operator.owner.pubkey();
    let payout = world.token_account(&emissions.mint, &owner, 0);
    let mut state: Node = world.read(&operator.node);
    state.payout = payout;
    world.write(&operator.node, &state);
    emissions.finalised(&mut world, 0, &[(&operator, 1_100)]);
    let kept = world.svm.get_account(&share(&operator.node, 0)).unwrap();
    let to = |world: &World, to: &Address| emissions.claim_work_to(world, &operator.node, 0, to);

    let another = world.token_account(&emissions.mint, &owner, 0);
    let stranger = world.token_account(&emissions.mint, &Address::new_unique(), 0);
    let vault = lode_tests::staking::vault(&operator.node);
    for wrong in [another, stranger, vault] {
        let claim = to(&world, &wrong);
        assert_error(world.send_one(claim, &[]), EmissionsError::WrongDestination);
    }
    // a payout account that was given away
    let mut account = world.svm.get_account(&payout).unwrap();
    let original = account.clone();
    account.data[32..64].copy_from_slice(stranger.as_ref());
    world.svm.set_account(payout, account).unwrap();
    let claim = to(&world, &payout);
    assert_error(
        world.send_one(claim.clone(), &[]),
        EmissionsError::WrongDestination,
    );
    world.svm.set_account(payout, original).unwrap();
    assert_eq!(
        world.svm.get_account(&share(&operator.node, 0)).unwrap(),
        kept
    );
    world.ok(claim, &[]);
    assert_eq!(world.amount(&payout), 720);
    // the associated account always serves, also where another was named
    to_epoch(&mut world, 3);
    emissions.finalised(&mut world, 3, &[(&operator, 2_200)]);
    let before = world.amount(&operator.wallet);
    let claim = emissions.claim_work_to(&world, &operator.node, 3, &operator.wallet);
    world.ok(claim, &[]);
    assert_eq!(world.amount(&operator.wallet), before + 1_440);
}

#[test]
fn forged_accounts_claim_nothing() {
    let mut world = World::new();
    let emissions = Emissions::new(&mut world);
    let one = emissions.operator(&mut world, 900 * TOKENS);
    let two = emissions.operator(&mut world, 100 * TOKENS);
    emissions.finalised(&mut world, 0, &[(&one, 1_000), (&two, 1_000_000)]);
    to_epoch(&mut world, 3);
    emissions.finalised(&mut world, 3, &[(&one, 1_000), (&two, 1_000)]);
    let other_mint = world.mint(&TOKEN);
    let foreign = world.associated_account(&other_mint, &one.owner.pubkey(), 0);
    for good in [
        emissions.claim_work(&world, &one.node, 0),
        emissions.claim_stake(&world, &one.node, 0),
    ] {
        let supply = world.supply(&emissions.mint);
        // another's share, another epoch's, another node
        for (index, account) in [
            (1, epoch(3)),
            (2, share(&one.node, 3)),
            (2, share(&two.node, 0)),
            (3, two.node),
        ] {
            let forged = with_account(good.clone(), index, account);
            assert_error(world.send_one(forged, &[]), EmissionsError::ForeignAccount);
        }
        let mut forged = with_account(good.clone(), 5, other_mint);
        forged.accounts[4].pubkey = foreign;
        assert_refused(world.send_one(forged, &[]));
        let stranger = world.wallet();
        for (index, account) in [
            (0, world.foreign_owned(&schedule())),
            (0, epoch(0)),
            (1, world.foreign_owned(&epoch(0))),
            (1, share(&one.node, 0)),
            (2, world.foreign_owned(&share(&one.node, 0))),
            (2, epoch(0)),
            (3, world.foreign_owned(&one.node)),
            (4, two.wallet),
            (4, lode_tests::staking::vault(&two.node)),
            (4, foreign),
            (6, stranger.pubkey()),
            (6, schedule()),
            (7, TOKEN_2022),
            (7, SYSTEM),
        ] {
            let forged = with_account(good.clone(), index, account);
            assert_refused(world.send_one(forged, &[]));
        }
        assert_error(
            world.send_one(with_account(good.clone(), 5, other_mint), &[]),
            EmissionsError::WrongMint,
        );
        for index in [0, 1, 2, 4, 5] {
            assert_refused(world.send_one(read_only(good.clone(), index), &[]));
        }
        let mut state: Node = world.read(&one.node);
        state.version = 2;
        world.write(&one.node, &state);
        assert_error(
            world.send_one(good.clone(), &[]),
            EmissionsError::UnknownVersion,
        );
        state.version = 1;
        world.write(&one.node, &state);
        assert_eq!(world.supply(&emissions.mint), supply);
        world.ok(good, &[]);
    }
}

#[test]
fn a_closed_nodes_claims_lapse() {
    let mut world = World::new();
    let emissions = Emissions::new(&mut world);
    let operator = emissions.operator(&mut world, 0);
    let owner = operator.owner.pubkey();
    emissions.finalised(&mut world, 0, &[(&operator, 1_100)]);
    let claims = [
        emissions.claim_work(&world, &operator.node, 0),
        emissions.claim_stake(&world, &operator.node, 0),
    ];
    world.ok(exit_node(&owner, &operator.node), &[&operator.owner]);
    let close = emissions.staking.close_node(&world, &operator.node, &owner);
    world.ok(close, &[&operator.owner]);
    for claim in &claims {
        assert_refused(world.send_one(claim.clone(), &[]));
    }
    // its rent waits until the claims are over
    let payer = world.payer.pubkey();
    let close = close_share(&operator.node, 0, &payer);
    to_epoch(&mut world, 26);
    assert_error(
        world.send_one(close.clone(), &[]),
        EmissionsError::StillClaimable,
    );
    to_epoch(&mut world, 27);
    for claim in claims {
        assert_refused(world.send_one(claim, &[]));
    }
    world.ok(close, &[]);
    world.ok(close_epoch(0, &payer), &[]);
    let schedule = read_schedule(&world);
    assert_eq!((schedule.finalised, schedule.claimed), (900, 0));
}

#[test]
fn a_token_2022_mint_is_minted_too() {
    let mut world = World::new();
    let staking = sisters(&mut world, &TOKEN_2022);
    let emissions = Emissions::start(&mut world, staking, |_| {});
    let operator = emissions.operator(&mut world, 500 * TOKENS);
    let held = world.amount(&operator.wallet);
    emissions.finalised(&mut world, 0, &[(&operator, 1_100)]);
    world.ok(emissions.claim_work(&world, &operator.node, 0), &[]);
    world.ok(emissions.claim_stake(&world, &operator.node, 0), &[]);
    world.ok(emissions.claim_treasury(&world, 0), &[]);
    assert_eq!(world.amount(&operator.wallet), held + 720);
    assert_eq!(read_schedule(&world).claimed, 900);
}
