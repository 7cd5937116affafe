use lode_oracle::error::OracleError;
use lode_oracle::state::Oracle;
use lode_tests::oracle::*;
use lode_tests::*;
use solana_signer::Signer;

#[test]
fn a_bond_grows_by_what_its_owner_adds() {
    let mut world = World::new();
    let panel = Panel::serving(&mut world, 3, 3);
    let member = &panel.members[0];
    world.ok(panel.add_bond(&world, member, 5), &[&member.owner]);
    let at = panel.oracle(member);
    assert_eq!(world.read::<Oracle>(&at).bond, MINIMUM_BOND + 5);
    assert_eq!(world.amount(&bond_vault(&at)), MINIMUM_BOND + 5);

    let beyond = panel.add_bond(&world, member, u64::MAX);
    assert_error(
        world.send_one(beyond, &[&member.owner]),
        OracleError::Overflow,
    );
    let add = panel.add_bond(&world, member, 5);
    let other = Panel::serving(&mut world, 3, 3);
    assert_error(
        world.send_one(
            with_account(add.clone(), 1, other.committee),
            &[&member.owner],
        ),
        OracleError::ForeignAccount,
    );
    assert_error(
        world.send_one(
            with_account(add.clone(), 2, panel.oracle(&panel.members[1])),
            &[&member.owner],
        ),
        OracleError::ForeignAccount,
    );
    assert_error(
        world.send_one(with_account(add.clone(), 5, other.mint), &[&member.owner]),
        OracleError::WrongMint,
    );
    assert_refused(world.send_one(
        with_account(add.clone(), 3, bond_vault(&panel.oracle(&panel.members[1]))),
        &[&member.owner],
    ));
    for index in [2, 3, 4] {
        assert_refused(world.send_one(read_only(add.clone(), index), &[&member.owner]));
    }
    assert_refused(world.send_one(unsigned(add, 0), &[]));
    let newcomer = Panel::wallet(&mut world, &panel.mint);
    world.ok(panel.admit(&newcomer.owner.pubkey()), &[&panel.governor]);
    assert_error(
        world.send_one(panel.add_bond(&world, &newcomer, 5), &[&newcomer.owner]),
        OracleError::NotSeated,
    );
    assert_eq!(world.read::<Oracle>(&at).bond, MINIMUM_BOND + 5);
}
