use lode_oracle::error::OracleError;
use lode_oracle::state::Oracle;
use lode_tests::oracle::*;
use lode_tests::*;
use solana_signer::Signer;

#[test]
fn the_governor_admits_and_renews() {
    let mut world = World::new();
    let panel = Panel::founded(&mut world, 3, 3);
    let member = Panel::wallet(&mut world, &panel.mint);
    let admit = panel.admit(&member.owner.pubkey());
    world.ok(admit.clone(), &[&panel.governor]);
    let oracle: Oracle = world.read(&panel.oracle(&member));
    assert_eq!(
        (oracle.state, oracle.owner, oracle.payer),
        (0, member.owner.pubkey(), panel.governor.pubkey())
    );
    assert_eq!(oracle.admitted_until, START + 30 * 86_400);
    world.pass_seconds(1_000);
    world.ok(admit, &[&panel.governor]);
    assert_eq!(
        world.read::<Oracle>(&panel.oracle(&member)).admitted_until,
        START + 1_000 + 30 * 86_400
    );
}

#[test]
fn nobody_else_admits_and_nobody_is_admitted_who_sits() {
    let mut world = World::new();
    let panel = Panel::serving(&mut world, 3, 3);
    let other = Panel::founded(&mut world, 3, 3);
    let member = Panel::wallet(&mut world, &panel.mint);
    let mut foreign = panel.admit(&member.owner.pubkey());
    foreign.accounts[0].pubkey = other.governor.pubkey();
    assert_error(
        world.send_one(foreign, &[&other.governor]),
        OracleError::NotGovernor,
    );
    let admit = panel.admit(&member.owner.pubkey());
    assert_refused(world.send_one(unsigned(admit.clone(), 0), &[]));
    assert_refused(world.send_one(
        with_account(admit, 2, other.oracle(&other.members[0])),
        &[&panel.governor],
    ));
    let seated = panel.admit(&panel.members[0].owner.pubkey());
    assert_error(
        world.send_one(seated, &[&panel.governor]),
        OracleError::AlreadySeated,
    );
}
