use lode_emissions::error::EmissionsError;
use lode_tests::emissions::*;
use lode_tests::staking::TOKENS;
use lode_tests::*;
use solana_address::Address;
use solana_signer::Signer;

#[test]
fn the_treasury_changes_hands_in_two_steps() {
    let mut world = World::new();
    let emissions = Emissions::new(&mut world);
    let (owner, next, stranger) = (
        emissions.treasury.insecure_clone(),
        world.wallet(),
        world.wallet(),
    );
    let propose = propose_treasury(&owner.pubkey(), &next.pubkey());
    let accept = accept_treasury(&next.pubkey());
    assert_error(
        world.send_one(accept.clone(), &[&next]),
        EmissionsError::NotPendingTreasuryOwner,
    );
    assert_error(
        world.send_one(
            propose_treasury(&stranger.pubkey(), &stranger.pubkey()),
            &[&stranger],
        ),
        EmissionsError::NotTreasuryOwner,
    );
    assert_refused(world.send_one(unsigned(propose.clone(), 0), &[]));
    assert_refused(world.send_one(read_only(propose.clone(), 1), &[&owner]));
    for forged in [
        world.look_alike(&schedule()),
        world.foreign_owned(&schedule()),
    ] {
        let propose = with_account(propose.clone(), 1, forged);
        assert_refused(world.send_one(propose, &[&owner]));
    }

    world.ok(propose.clone(), &[&owner]);
    assert_eq!(read_schedule(&world).pending_treasury_owner, next.pubkey());
    // a proposal can be taken back
    world.ok(
        propose_treasury(&owner.pubkey(), &Address::default()),
        &[&owner],
    );
    assert_error(
        world.send_one(accept.clone(), &[&next]),
        EmissionsError::NotPendingTreasuryOwner,
    );
    world.ok(propose.clone(), &[&owner]);
    assert_refused(world.send_one(unsigned(accept.clone(), 0), &[]));
    assert_error(
        world.send_one(accept_treasury(&stranger.pubkey()), &[&stranger]),
        EmissionsError::NotPendingTreasuryOwner,
    );
    world.ok(accept.clone(), &[&next]);
    let state = read_schedule(&world);
    assert_eq!(
        (state.treasury_owner, state.pending_treasury_owner),
        (next.pubkey(), Address::default())
    );
    // once
    assert_error(
        world.send_one(accept, &[&next]),
        EmissionsError::NotPendingTreasuryOwner,
    );
    assert_error(
        world.send_one(propose, &[&owner]),
        EmissionsError::NotTreasuryOwner,
    );
}

#[test]
fn what_is_due_goes_to_whoever_owns_the_treasury_then() {
    let mut world = World::new();
    let emissions = Emissions::new(&mut world);
    let operator = emissions.operator(&mut world, TOKENS);
    emissions.finalised(&mut world, 0, &[(&operator, 1_100)]);
    world.ok(emissions.claim_work(&world, &operator.node, 0), &[]);
    let old = emissions.claim_treasury(&world, 0);
    let next = world.wallet();
    world.associated_account(&emissions.mint, &next.pubkey(), 0);
    world.ok(
        propose_treasury(&emissions.treasury.pubkey(), &next.pubkey()),
        &[&emissions.treasury],
    );
    world.ok(accept_treasury(&next.pubkey()), &[&next]);
    assert_error(world.send_one(old, &[]), EmissionsError::WrongDestination);
    world.ok(emissions.claim_treasury(&world, 0), &[]);
    assert_eq!(
        world.amount(&world.associated(&next.pubkey(), &emissions.mint)),
        90
    );
}
