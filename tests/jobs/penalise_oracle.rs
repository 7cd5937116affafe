use crate::help::*;
use lode_attestation::Verdict;
use lode_jobs::error::JobsError;
use lode_jobs::state::JobState;
use lode_oracle::state::{Committee, Oracle};
use lode_tests::jobs::*;
use lode_tests::oracle::{bond_vault, MINIMUM_BOND};
use lode_tests::staking::DAY;
use lode_tests::*;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_signer::Signer;

fn penalise(
    world: &World,
    jobs: &Jobs,
    at: &Address,
    seat: u8,
    appellant: Option<&Address>,
) -> Instruction {
    let owner = jobs.panel.members[usize::from(seat)].owner.pubkey();
    build::penalise_oracle(
        at,
        &state(world, at),
        &jobs.panel.committee,
        seat,
        Some(&owner),
        appellant,
        &mint(world, &jobs.panel.mint),
    )
}

fn oracle(world: &World, jobs: &Jobs, seat: u8) -> Oracle {
    world.read(&jobs.panel.oracle(&jobs.panel.members[usize::from(seat)]))
}

/// A match of two jurors that an appellant had overturned by the other five; the two, and the appellant.
fn overturned(world: &mut World) -> (Jobs, Address, Vec<u8>, Keypair) {
    let mut jobs = sampled(world);
    let at = judged(world, &mut jobs, Verdict::Match);
    let wrong = seats_of(state(world, &at).signed_match);
    let appellant = patron(world, &jobs);
    world.associated_account(&jobs.panel.mint, &appellant.pubkey(), 0);
    world.ok(challenge(world, &appellant, &at), &[&appellant]);
    let outside = others(&jobs, mask_of(&wrong));
    sign(world, &jobs, &at, Verdict::Mismatch, &outside[..4]);
    settled(world, &at);
    (jobs, at, wrong, appellant)
}

/// A job that the whole committee left undecided but for its first seat.
fn silent(world: &mut World) -> (Jobs, Address) {
    let mut jobs = Jobs::new(world, 3);
    let at = jobs.sealed(world);
    sign(world, &jobs, &at, Verdict::Match, &[0]);
    pass_until(world, &at, 0);
    world.ok(void(world, &at), &[]);
    (jobs, at)
}

#[test]
fn a_juror_who_was_overturned_loses_three_tenths_half_of_it_to_the_appellant() {
    let mut world = World::new();
    let (jobs, at, wrong, appellant) = overturned(&mut world);
    let wallet = appellant.pubkey();
    let reward = world.associated(&wallet, &jobs.panel.mint);
    let supply = world.supply(&jobs.panel.mint);
    let good = penalise(&world, &jobs, &at, wrong[0], Some(&wallet));
    let units = world.ok(good.clone(), &[]).compute_units_consumed;
    costs::figure("penalty of an oracle", units - 150);
    let state_after = oracle(&world, &jobs, wrong[0]);
    assert_eq!(state_after.bond, MINIMUM_BOND * 7 / 10);
    assert_eq!((state_after.faults, state_after.misses), (1, 0));
    assert_eq!(world.amount(&reward), MINIMUM_BOND * 3 / 20);
    assert_eq!(
        world.supply(&jobs.panel.mint),
        supply - MINIMUM_BOND * 3 / 20
    );
    let member = &jobs.panel.members[usize::from(wrong[0])];
    assert_eq!(
        world.amount(&bond_vault(&jobs.panel.oracle(member))),
        MINIMUM_BOND * 7 / 10
    );
    // below the smallest bond: it serves one more day
    assert_eq!(state_after.left_at, world.now() + DAY);
    assert_eq!(state(&world, &at).penalised, 1 << wrong[0]);
    // once
    assert_error(world.send_one(good, &[]), JobsError::NothingToPunish);
    let second = penalise(&world, &jobs, &at, wrong[1], Some(&wallet));
    assert_error(
        world.send(&[second.clone(), second.clone()], &[]),
        JobsError::NothingToPunish,
    );
    world.ok(second, &[]);
    assert_eq!(world.amount(&reward), MINIMUM_BOND * 3 / 10);
}

#[test]
fn the_appellants_part_goes_to_him_or_burns_and_never_elsewhere() {
    let mut world = World::new();
    let (jobs, at, wrong, appellant) = overturned(&mut world);
    let wallet = appellant.pubkey();
    let good = penalise(&world, &jobs, &at, wrong[0], Some(&wallet));
    let (stranger, second) = (world.wallet().pubkey(), world.wallet().pubkey());
    let theirs = world.associated_account(&jobs.panel.mint, &stranger, 0);
    let other = world.token_account(&jobs.panel.mint, &wallet, 0);
    // left out, redirected, or to another account of his
    let nobody = penalise(&world, &jobs, &at, wrong[0], None);
    assert_error(world.send_one(nobody, &[]), JobsError::WrongReward);
    for (index, account) in [(8, theirs), (8, other), (7, stranger), (7, second)] {
        assert_error(
            world.send_one(with_account(good.clone(), index, account), &[]),
            JobsError::WrongReward,
        );
    }
    let both = with_account(with_account(good.clone(), 7, stranger), 8, theirs);
    assert_error(world.send_one(both, &[]), JobsError::WrongReward);
    // an account that cannot receive: all of it burns, nothing fails
    let reward = world.associated(&wallet, &jobs.panel.mint);
    remove(&mut world, &reward);
    let supply = world.supply(&jobs.panel.mint);
    world.ok(good, &[]);
    assert_eq!(
        world.supply(&jobs.panel.mint),
        supply - MINIMUM_BOND * 3 / 10
    );
}

#[test]
fn an_appellants_account_that_was_given_away_is_not_paid() {
    let mut world = World::new();
    let (jobs, at, wrong, appellant) = overturned(&mut world);
    let wallet = appellant.pubkey();
    let good = penalise(&world, &jobs, &at, wrong[0], Some(&wallet));
    let reward = world.associated(&wallet, &jobs.panel.mint);
    let mut given = world.svm.get_account(&reward).unwrap();
    given.data[32..64].copy_from_slice(jobs.governor.pubkey().as_ref());
    world.svm.set_account(reward, given).unwrap();
    let (supply, before) = (world.supply(&jobs.panel.mint), world.amount(&reward));
    world.ok(good, &[]);
    assert_eq!(world.amount(&reward), before);
    assert_eq!(
        world.supply(&jobs.panel.mint),
        supply - MINIMUM_BOND * 3 / 10
    );
}

#[test]
fn silence_in_a_window_that_ended_undecided_costs_a_five_hundredth() {
    let mut world = World::new();
    let (jobs, at) = silent(&mut world);
    let supply = world.supply(&jobs.panel.mint);
    assert_error(
        world.send_one(penalise(&world, &jobs, &at, 0, None), &[]),
        JobsError::NothingToPunish,
    );
    for seat in [1, 2] {
        let good = penalise(&world, &jobs, &at, seat, None);
        world.ok(good.clone(), &[]);
        let after = oracle(&world, &jobs, seat);
        assert_eq!(after.bond, MINIMUM_BOND * 998 / 1_000);
        assert_eq!((after.misses, after.faults), (1, 0));
        assert_error(world.send_one(good, &[]), JobsError::NothingToPunish);
    }
    assert_eq!(
        world.supply(&jobs.panel.mint),
        supply - 2 * MINIMUM_BOND / 500
    );
    assert_eq!(state(&world, &at).penalised, 0b110);
}

#[test]
fn the_silent_pay_nobody_and_a_reward_for_it_is_refused() {
    let mut world = World::new();
    let (jobs, at) = silent(&mut world);
    let stranger = world.wallet().pubkey();
    let theirs = world.associated_account(&jobs.panel.mint, &stranger, 0);
    let good = penalise(&world, &jobs, &at, 1, None);
    // one of both, and both
    for places in [&[7][..], &[8], &[7, 8]] {
        let mut asked = good.clone();
        for place in places {
            let account = if *place == 7 { stranger } else { theirs };
            asked.accounts[*place].pubkey = account;
            asked.accounts[*place].is_writable = *place == 8;
        }
        assert_error(world.send_one(asked, &[]), JobsError::WrongReward);
    }
}

#[test]
fn unrunnable_against_what_others_ran_costs_as_much_as_silence() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = sealed(&mut world, &mut jobs, true);
    let panel = seats_of(state(&world, &at).panel);
    pass_until(&mut world, &at, 750);
    sign(&mut world, &jobs, &at, Verdict::Unrunnable, &panel[..1]);
    sign(&mut world, &jobs, &at, Verdict::Match, &panel[1..]);
    settled(&mut world, &at);
    world.ok(penalise(&world, &jobs, &at, panel[0], None), &[]);
    let after = oracle(&world, &jobs, panel[0]);
    assert_eq!(after.bond, MINIMUM_BOND * 998 / 1_000);
}

#[test]
fn a_panel_alone_makes_nobody_guilty() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = sealed(&mut world, &mut jobs, true);
    let panel = seats_of(state(&world, &at).panel);
    // one match, two mismatches of seven: the majority of a panel only
    pass_until(&mut world, &at, 750);
    sign(&mut world, &jobs, &at, Verdict::Match, &panel[..1]);
    sign(&mut world, &jobs, &at, Verdict::Mismatch, &panel[1..]);
    settled(&mut world, &at);
    for seat in 0..7 {
        assert_error(
            world.send_one(penalise(&world, &jobs, &at, seat, None), &[]),
            JobsError::NothingToPunish,
        );
    }
}

#[test]
fn who_was_silent_and_then_overturned_pays_the_larger_once() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = sealed(&mut world, &mut jobs, true);
    let panel = seats_of(state(&world, &at).panel);
    pass_until(&mut world, &at, 0);
    world.ok(escalate(&world, &at), &[]);
    let outside = others(&jobs, mask_of(&panel));
    sign(&mut world, &jobs, &at, Verdict::Match, &panel[..1]);
    sign(&mut world, &jobs, &at, Verdict::Mismatch, &outside);
    settled(&mut world, &at);
    let good = penalise(&world, &jobs, &at, panel[0], None);
    world.ok(good.clone(), &[]);
    let after = oracle(&world, &jobs, panel[0]);
    assert_eq!(after.bond, MINIMUM_BOND * 7 / 10);
    assert_error(world.send_one(good, &[]), JobsError::NothingToPunish);
    // the two that only were silent
    world.ok(penalise(&world, &jobs, &at, panel[1], None), &[]);
    assert_eq!(
        oracle(&world, &jobs, panel[1]).bond,
        MINIMUM_BOND * 998 / 1_000
    );
}

#[test]
fn nothing_is_punished_before_the_end() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = sealed(&mut world, &mut jobs, true);
    let silent = seats_of(state(&world, &at).panel)[0];
    pass_until(&mut world, &at, 0);
    world.ok(escalate(&world, &at), &[]);
    assert_error(
        world.send_one(penalise(&world, &jobs, &at, silent, None), &[]),
        JobsError::IllegalTransition,
    );
    pass_until(&mut world, &at, 0);
    world.ok(void(&world, &at), &[]);
    assert_eq!(state(&world, &at).state, JobState::Voided as u8);
    world.ok(penalise(&world, &jobs, &at, silent, None), &[]);
}

#[test]
fn a_seat_that_was_freed_answers_for_nothing_and_its_mark_is_cleared() {
    let mut world = World::new();
    let (jobs, at) = silent(&mut world);
    let member = &jobs.panel.members[1];
    let mut committee: Committee = world.read(&jobs.panel.committee);
    committee.seats[1] = bytemuck::Zeroable::zeroed();
    world.write(&jobs.panel.committee, &committee);
    let gone = build::penalise_oracle(
        &at,
        &state(&world, &at),
        &jobs.panel.committee,
        1,
        None,
        None,
        &mint(&world, &jobs.panel.mint),
    );
    world.ok(gone, &[]);
    assert_eq!(state(&world, &at).penalised, 0b010);
    assert_eq!(
        world.read::<Oracle>(&jobs.panel.oracle(member)).bond,
        MINIMUM_BOND
    );
}

#[test]
fn a_seat_that_still_answers_is_not_let_off_by_leaving_it_out() {
    let mut world = World::new();
    let (jobs, at) = silent(&mut world);
    let good = penalise(&world, &jobs, &at, 1, None);
    let hidden = build::penalise_oracle(
        &at,
        &state(&world, &at),
        &jobs.panel.committee,
        1,
        None,
        None,
        &mint(&world, &jobs.panel.mint),
    );
    assert_refused(world.send_one(hidden, &[]));
    let innocent = jobs.panel.oracle(&jobs.panel.members[0]);
    for (index, wrong) in [
        (2, world.payer.pubkey()),
        (3, lode_staking::ID),
        (5, innocent),
        (6, bond_vault(&innocent)),
        (6, vault(&jobs.market)),
        (9, jobs.mint),
        (10, TOKEN_2022),
    ] {
        let forged = with_account(good.clone(), index, wrong);
        assert_refused(world.send_one(forged, &[]));
    }
    let both = with_account(
        with_account(good.clone(), 5, innocent),
        6,
        bond_vault(&innocent),
    );
    assert_refused(world.send_one(both, &[]));
    for number in [3, 32, 255] {
        let none = build::penalise_oracle(
            &at,
            &state(&world, &at),
            &jobs.panel.committee,
            number,
            None,
            None,
            &mint(&world, &jobs.panel.mint),
        );
        assert_error(world.send_one(none, &[]), JobsError::NothingToPunish);
    }
    forge_each(&mut world, &good, &[2, 3, 10], &[0, 4, 5, 6, 9], &[]);
    assert_eq!(state(&world, &at).penalised, 0);
    world.ok(good, &[]);
}
