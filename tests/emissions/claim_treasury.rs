use lode_emissions::error::EmissionsError;
use lode_tests::emissions::*;
use lode_tests::staking::TOKENS;
use lode_tests::*;
use solana_address::Address;
use solana_signer::Signer;

#[test]
fn the_treasury_is_due_in_proportion_to_the_work_claimed() {
    let mut world = World::new();
    let emissions = Emissions::new(&mut world);
    let one = emissions.operator(&mut world, 100 * TOKENS);
    let two = emissions.operator(&mut world, 100 * TOKENS);
    emissions.finalised(&mut world, 0, &[(&one, 2_750), (&two, 8_250)]);
    // amount 9 000: work 7 200, stake 900, treasury 900
    let treasury = world.associated(&emissions.treasury.pubkey(), &emissions.mint);
    let claim = emissions.claim_treasury(&world, 0);
    let mut claimed = 0;
    let mut expect = |world: &mut World, total: u64| {
        // twice is no more than once
        for _ in 0..2 {
            world.ok(claim.clone(), &[]);
        }
        assert_eq!(world.amount(&treasury), total);
        assert_eq!(read_epoch(world, 0).treasury_claimed, total);
        assert!(claimed <= total);
        claimed = total;
    };
    expect(&mut world, 0);
    world.ok(emissions.claim_work(&world, &one.node, 0), &[]);
    expect(&mut world, 225);
    // stake claims make nothing due
    world.ok(emissions.claim_stake(&world, &one.node, 0), &[]);
    world.ok(emissions.claim_stake(&world, &two.node, 0), &[]);
    expect(&mut world, 225);
    world.ok(emissions.claim_work(&world, &two.node, 0), &[]);
    expect(&mut world, 900);
    let (state, schedule) = (read_epoch(&world, 0), read_schedule(&world));
    assert_eq!(state.claimed().unwrap(), 7_200 + 675 + 900);
    assert_eq!(schedule.claimed, 7_200 + 675 + 900);
}

#[test]
fn the_treasurys_money_has_one_way_to_go() {
    let mut world = World::new();
    let emissions = Emissions::new(&mut world);
    let operator = emissions.operator(&mut world, 100 * TOKENS);
    give_points(&mut world, &operator.node, 0, 1_100);
    to_epoch(&mut world, 1);
    let payer = world.payer.pubkey();
    world.ok(record(&payer, &operator.node, 0), &[]);
    to_epoch(&mut world, 2);
    let claim = emissions.claim_treasury(&world, 0);
    assert_error(world.send_one(claim.clone(), &[]), EmissionsError::NotFinal);
    world.ok(finalize_epoch(0), &[]);
    world.ok(emissions.claim_work(&world, &operator.node, 0), &[]);

    let owner = emissions.treasury.pubkey();
    let other = world.token_account(&emissions.mint, &owner, 0);
    let stranger = world.wallet();
    let strangers = world.associated_account(&emissions.mint, &stranger.pubkey(), 0);
    // the associated account of the owner, given away
    let own = world.associated(&owner, &emissions.mint);
    let original = world.svm.get_account(&own).unwrap();
    let mut given = original.clone();
    given.data[32..64].copy_from_slice(stranger.pubkey().as_ref());
    world.svm.set_account(own, given).unwrap();
    for to in [own, other, strangers, operator.wallet] {
        assert_error(
            world.send_one(with_account(claim.clone(), 2, to), &[]),
            EmissionsError::WrongDestination,
        );
    }
    world.svm.set_account(own, original).unwrap();

    let other_mint = world.mint(&TOKEN);
    assert_error(
        world.send_one(with_account(claim.clone(), 3, other_mint), &[]),
        EmissionsError::WrongMint,
    );
    for (index, account) in [
        (0, world.foreign_owned(&schedule())),
        (1, world.foreign_owned(&epoch(0))),
        (1, share(&operator.node, 0)),
        (4, stranger.pubkey()),
        (5, TOKEN_2022),
        (5, Address::new_unique()),
    ] {
        let forged = with_account(claim.clone(), index, account);
        assert_refused(world.send_one(forged, &[]));
    }
    for index in [0, 1, 2, 3] {
        assert_refused(world.send_one(read_only(claim.clone(), index), &[]));
    }
    to_epoch(&mut world, 27);
    assert_error(
        world.send_one(claim.clone(), &[]),
        EmissionsError::EpochLapsed,
    );
    world.set_time(world.now() - 1, world.slot());
    world.ok(claim, &[]);
    assert_eq!(world.amount(&own), 90);
}
