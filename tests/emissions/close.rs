use lode_emissions::error::EmissionsError;
use lode_tests::emissions::*;
use lode_tests::staking::TOKENS;
use lode_tests::*;
use solana_signer::Signer;

#[test]
fn a_claimed_share_returns_its_rent_and_never_comes_back() {
    let mut world = World::new();
    let emissions = Emissions::new(&mut world);
    let operator = emissions.operator(&mut world, TOKENS);
    let node = operator.node;
    give_points(&mut world, &node, 0, 1_100);
    to_epoch(&mut world, 1);
    let payer = world.wallet();
    world.ok(record(&payer.pubkey(), &node, 0), &[&payer]);
    let close = close_share(&node, 0, &payer.pubkey());
    let refuse = |world: &mut World| {
        assert_error(
            world.send_one(close.clone(), &[]),
            EmissionsError::StillClaimable,
        );
    };
    refuse(&mut world);
    to_epoch(&mut world, 2);
    world.ok(finalize_epoch(0), &[]);
    refuse(&mut world);
    world.ok(emissions.claim_work(&world, &node, 0), &[]);
    refuse(&mut world);
    world.ok(emissions.claim_stake(&world, &node, 0), &[]);

    let stranger = world.wallet();
    assert_error(
        world.send_one(close_share(&node, 0, &stranger.pubkey()), &[]),
        EmissionsError::WrongPayer,
    );
    let rent = world.lamports(&share(&node, 0));
    let before = world.lamports(&payer.pubkey());
    world.ok(close.clone(), &[]);
    assert_eq!(world.lamports(&payer.pubkey()), before + rent);
    assert!(!world.exists(&share(&node, 0)));
    assert_eq!(read_epoch(&world, 0).open_shares, 0);
    // neither closed again, nor claimed again, nor recorded again
    assert_refused(world.send_one(close, &[]));
    let claim = emissions.claim_treasury(&world, 0);
    world.ok(claim, &[]);
    let to = operator.wallet;
    let claim = emissions.claim_work_to(&world, &node, 0, &to);
    assert_refused(world.send_one(claim, &[]));
    assert_error(
        world.send_one(record(&world.payer.pubkey(), &node, 0), &[]),
        EmissionsError::NotRecordTime,
    );
}

#[test]
fn an_epoch_is_closed_when_its_claims_are_over_and_its_shares_closed() {
    let mut world = World::new();
    let emissions = Emissions::new(&mut world);
    let one = emissions.operator(&mut world, TOKENS);
    let two = emissions.operator(&mut world, TOKENS);
    give_points(&mut world, &one.node, 0, 1_100);
    give_points(&mut world, &two.node, 0, 1_100);
    to_epoch(&mut world, 1);
    let first = world.wallet();
    world.ok(record(&first.pubkey(), &one.node, 0), &[&first]);
    let payer = world.payer.pubkey();
    world.ok(record(&payer, &two.node, 0), &[]);
    to_epoch(&mut world, 2);
    world.ok(finalize_epoch(0), &[]);
    for node in [&one.node, &two.node] {
        world.ok(emissions.claim_work(&world, node, 0), &[]);
        world.ok(emissions.claim_stake(&world, node, 0), &[]);
    }
    world.ok(close_share(&one.node, 0, &first.pubkey()), &[]);
    let close = close_epoch(0, &first.pubkey());
    to_epoch(&mut world, 27);
    world.set_time(world.now() - 1, world.slot());
    assert_error(
        world.send_one(close.clone(), &[]),
        EmissionsError::ClaimsRunning,
    );
    world.pass_seconds(1);
    assert_error(
        world.send_one(close.clone(), &[]),
        EmissionsError::SharesOpen,
    );
    world.ok(close_share(&two.node, 0, &payer), &[]);
    assert_error(
        world.send_one(close_epoch(0, &payer), &[]),
        EmissionsError::WrongPayer,
    );
    for (index, account) in [
        (0, world.foreign_owned(&schedule())),
        (1, world.foreign_owned(&epoch(0))),
        (1, schedule()),
    ] {
        let forged = with_account(close.clone(), index, account);
        assert_refused(world.send_one(forged, &[]));
    }
    for index in [1, 2] {
        assert_refused(world.send_one(read_only(close.clone(), index), &[]));
    }
    let rent = world.lamports(&epoch(0));
    let before = world.lamports(&first.pubkey());
    world.ok(close.clone(), &[]);
    assert_eq!(world.lamports(&first.pubkey()), before + rent);
    assert!(!world.exists(&epoch(0)));
    assert_refused(world.send_one(close, &[]));
}

#[test]
fn shares_lapse_with_their_epoch_final_or_not() {
    let mut world = World::new();
    let emissions = Emissions::new(&mut world);
    let operator = emissions.operator(&mut world, TOKENS);
    let wallet = world.wallet();
    let payer = wallet.pubkey();
    give_points(&mut world, &operator.node, 0, 1_100);
    to_epoch(&mut world, 1);
    world.ok(record(&payer, &operator.node, 0), &[&wallet]);
    give_points(&mut world, &operator.node, 1, 1_100);
    to_epoch(&mut world, 2);
    world.ok(record(&payer, &operator.node, 1), &[&wallet]);
    to_epoch(&mut world, 27);
    let good = close_share(&operator.node, 0, &payer);
    // another epoch's counter, other accounts
    assert_error(
        world.send_one(with_account(good.clone(), 1, epoch(1)), &[]),
        EmissionsError::ForeignAccount,
    );
    for (index, account) in [
        (0, world.foreign_owned(&schedule())),
        (1, world.foreign_owned(&epoch(0))),
        (2, world.foreign_owned(&share(&operator.node, 0))),
        (2, epoch(0)),
    ] {
        let forged = with_account(good.clone(), index, account);
        assert_refused(world.send_one(forged, &[]));
    }
    for index in [1, 2, 3] {
        assert_refused(world.send_one(read_only(good.clone(), index), &[]));
    }
    assert_error(
        world.send_one(close_share(&operator.node, 1, &payer), &[]),
        EmissionsError::StillClaimable,
    );
    world.ok(good, &[]);
    world.ok(close_epoch(0, &payer), &[]);
    let schedule = read_schedule(&world);
    assert_eq!((schedule.finalised, schedule.claimed), (0, 0));
}
