use lode_oracle::error::OracleError;
use lode_oracle::state::{Committee, Oracle};
use lode_tests::oracle::*;
use lode_tests::*;
use solana_signer::Signer;

const DAY: i64 = 86_400;

#[test]
fn who_leaves_serves_one_more_day_and_past_submissions_for_ever() {
    let mut world = World::new();
    let panel = Panel::serving(&mut world, 3, 3);
    let now = world.now();
    world.ok(panel.leave(&panel.members[0]), &[&panel.members[0].owner]);
    let committee: Committee = world.read(&panel.committee);
    assert_eq!(committee.eligible(now + DAY - 1), 0b111);
    assert_eq!(committee.eligible(now + DAY), 0b110);
    assert_eq!(committee.eligible(now), 0b111);
    assert_eq!(
        world
            .read::<Oracle>(&panel.oracle(&panel.members[0]))
            .left_at,
        now + DAY
    );
    // leaving again later does not prolong the service
    world.pass_seconds(100);
    world.ok(panel.leave(&panel.members[0]), &[&panel.members[0].owner]);
    assert_eq!(
        world.read::<Committee>(&panel.committee).seats[0].left_at,
        now + DAY
    );
}

#[test]
fn the_governor_retires_with_fourteen_days_notice() {
    let mut world = World::new();
    let panel = Panel::serving(&mut world, 3, 3);
    let now = world.now();
    world.ok(panel.retire(&panel.members[2]), &[&panel.governor]);
    let committee: Committee = world.read(&panel.committee);
    assert_eq!(committee.eligible(now + 14 * DAY - 1), 0b111);
    assert_eq!(committee.eligible(now + 14 * DAY), 0b011);
    // who is retired may still leave sooner; who left is not kept longer by it
    world.ok(panel.leave(&panel.members[2]), &[&panel.members[2].owner]);
    world.ok(panel.retire(&panel.members[2]), &[&panel.governor]);
    assert_eq!(
        world.read::<Committee>(&panel.committee).seats[2].left_at,
        now + DAY
    );
}

#[test]
fn nobody_ends_anothers_service() {
    let mut world = World::new();
    let panel = Panel::serving(&mut world, 3, 3);
    let other = Panel::serving(&mut world, 3, 3);
    let mut foreign = panel.leave(&panel.members[0]);
    foreign.accounts[0].pubkey = panel.members[1].owner.pubkey();
    assert_error(
        world.send_one(foreign, &[&panel.members[1].owner]),
        OracleError::ForeignAccount,
    );
    let elsewhere = with_account(panel.leave(&panel.members[0]), 1, other.committee);
    assert_error(
        world.send_one(elsewhere, &[&panel.members[0].owner]),
        OracleError::ForeignAccount,
    );
    let mut retire = panel.retire(&panel.members[0]);
    retire.accounts[0].pubkey = other.governor.pubkey();
    assert_error(
        world.send_one(retire, &[&other.governor]),
        OracleError::NotGovernor,
    );
    let stranger = with_account(
        panel.retire(&panel.members[0]),
        2,
        other.oracle(&other.members[0]),
    );
    assert_error(
        world.send_one(stranger, &[&panel.governor]),
        OracleError::ForeignAccount,
    );
    for index in [1, 2] {
        assert_refused(world.send_one(
            read_only(panel.leave(&panel.members[0]), index),
            &[&panel.members[0].owner],
        ));
        assert_refused(world.send_one(
            read_only(panel.retire(&panel.members[0]), index),
            &[&panel.governor],
        ));
    }
    assert_refused(world.send_one(unsigned(panel.leave(&panel.members[0]), 0), &[]));
    // admitted, not seated
    let newcomer = Panel::wallet(&mut world, &panel.mint);
    world.ok(panel.admit(&newcomer.owner.pubkey()), &[&panel.governor]);
    assert_error(
        world.send_one(panel.leave(&newcomer), &[&newcomer.owner]),
        OracleError::NotSeated,
    );
    assert_error(
        world.send_one(panel.retire(&newcomer), &[&panel.governor]),
        OracleError::NotSeated,
    );
    assert_eq!(
        world
            .read::<Committee>(&panel.committee)
            .eligible(i64::MAX - 1),
        0b111
    );
}
