use lode_oracle::error::OracleError;
use lode_oracle::state::Committee;
use lode_tests::oracle::*;
use lode_tests::*;
use solana_address::Address;
use solana_signer::Signer;

#[test]
fn a_new_key_changes_no_draw() {
    let mut world = World::new();
    let panel = Panel::serving(&mut world, 3, 5);
    let before: Committee = world.read(&panel.committee);
    let fresh = Address::new_from_array([5; 32]);
    world.ok(
        panel.set_attester(&panel.members[1], &fresh),
        &[&panel.members[1].owner],
    );
    let after: Committee = world.read(&panel.committee);
    assert_eq!(after.seats[1].attester, fresh);
    for time in [START, world.now(), world.now() + 1_000_000] {
        assert_eq!(before.eligible(time), after.eligible(time));
    }
}

#[test]
fn only_the_owner_changes_the_key() {
    let mut world = World::new();
    let panel = Panel::serving(&mut world, 3, 3);
    let (owner, fresh) = (
        panel.members[0].owner.pubkey(),
        Address::new_from_array([5; 32]),
    );
    let mut foreign = panel.set_attester(&panel.members[0], &fresh);
    foreign.accounts[0].pubkey = panel.governor.pubkey();
    assert_error(
        world.send_one(foreign, &[&panel.governor]),
        OracleError::ForeignAccount,
    );
    for bad in [owner, Address::default()] {
        let set = panel.set_attester(&panel.members[0], &bad);
        assert_error(
            world.send_one(set, &[&panel.members[0].owner]),
            OracleError::WrongAttester,
        );
    }
    let set = panel.set_attester(&panel.members[0], &fresh);
    assert_refused(world.send_one(unsigned(set.clone(), 0), &[]));
    assert_refused(world.send_one(read_only(set.clone(), 1), &[&panel.members[0].owner]));
    let other = Panel::serving(&mut world, 3, 3);
    assert_error(
        world.send_one(
            with_account(set, 1, other.committee),
            &[&panel.members[0].owner],
        ),
        OracleError::ForeignAccount,
    );
    let newcomer = Panel::wallet(&mut world, &panel.mint);
    world.ok(panel.admit(&newcomer.owner.pubkey()), &[&panel.governor]);
    assert_error(
        world.send_one(panel.set_attester(&newcomer, &fresh), &[&newcomer.owner]),
        OracleError::NotSeated,
    );
}
