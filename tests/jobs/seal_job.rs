use lode_attestation::{is_drawn, seal};
use lode_jobs::error::JobsError;
use lode_jobs::state::{flag, Job, JobState, MarketArgs};
use lode_tests::jobs::*;
use lode_tests::oracle::Panel;
use lode_tests::*;
use solana_signer::Signer;

#[test]
fn a_seal_is_drawn_from_the_first_slot_after_the_submission_and_once() {
    let mut world = World::new();
    let mut jobs = Jobs::with(&mut world, args(3), 3, 7);
    let at = jobs.submitted(&mut world);
    let slot = world.slot();
    let crank = world.wallet();
    let seal = jobs.seal(&crank.pubkey(), &at);
    assert_error(world.send_one(seal.clone(), &[]), JobsError::SealTooEarly);
    jobs.pass_to_seal(&mut world, 1);
    assert_error(world.send_one(seal.clone(), &[]), JobsError::SealTooEarly);
    jobs.pass_to_seal(&mut world, 1);
    world.ok(seal.clone(), &[]);
    let state: Job = world.read(&at);
    let expected = lode_attestation::seal(&World::slot_hash(slot + 1), &at, 0);
    assert_eq!(
        (state.state, state.seal),
        (JobState::Sealed as u8, expected)
    );
    assert_eq!(state.eligible, 0b111_1111);
    assert_eq!(
        state.drawn,
        lode_attestation::panel(&expected, 0b111_1111, 3)
    );
    assert_eq!((state.panel, state.drawn.count_ones()), (state.drawn, 3));
    assert_eq!(
        (state.flags & flag::LATE, state.deadline),
        (0, world.slot() + 3_000)
    );
    assert_eq!(world.lamports(&crank.pubkey()), 100_000_000_000 + 15_000);
    assert_error(world.send_one(seal, &[]), JobsError::IllegalTransition);
}

#[test]
fn skipped_slots_have_no_hash_and_the_next_one_serves() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let at = jobs.submitted(&mut world);
    let slot = world.slot();
    world.pass_slots(10);
    // slots 1 to 6 after the submission were skipped, and some before it
    let recorded =
        (slot - 700..slot + 10).filter(|s| !(slot + 1..slot + 7).contains(s) && s % 20 != 0);
    world.set_slot_hashes(recorded);
    world.ok(jobs.seal(&world.payer.pubkey(), &at), &[]);
    let first = (slot + 7..).find(|s| s % 20 != 0).unwrap();
    assert_eq!(
        world.read::<Job>(&at).seal,
        lode_attestation::seal(&World::slot_hash(first), &at, 0)
    );
}

#[test]
fn while_every_slot_since_was_skipped_there_is_nothing_to_draw_from() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let at = jobs.submitted(&mut world);
    let slot = world.slot();
    world.pass_slots(5);
    world.set_slot_hashes(slot - 511..=slot);
    assert_error(
        world.send_one(jobs.seal(&world.payer.pubkey(), &at), &[]),
        JobsError::SealTooEarly,
    );
}

#[test]
fn the_last_provable_slot_is_drawn_and_the_one_after_it_is_late() {
    for (newest, late) in [(511u64, false), (512, true)] {
        let mut world = World::new();
        let mut jobs = Jobs::with(&mut world, args(3), 3, 7);
        let at = jobs.submitted(&mut world);
        let slot = world.slot();
        world.pass_slots(newest + 1);
        // 512 entries: the oldest is the submission's own slot, or the one after it
        world.set_slot_hashes(slot + newest - 511..=slot + newest);
        world.ok(jobs.seal(&world.payer.pubkey(), &at), &[]);
        let state: Job = world.read(&at);
        assert_eq!(state.has(flag::LATE), late);
        if late {
            // everyone checks: waiting gains nothing
            assert_eq!(state.seal, lode_attestation::late_seal(slot, &at, 0));
            assert_eq!((state.drawn, state.panel), (0b111_1111, 0b111_1111));
        } else {
            assert_eq!(
                state.seal,
                lode_attestation::seal(&World::slot_hash(slot + 1), &at, 0)
            );
            assert_eq!(state.panel.count_ones(), 3);
        }
    }
}

#[test]
fn seats_serve_by_the_time_of_the_submission() {
    let mut world = World::new();
    let mut jobs = Jobs::with(&mut world, args(3), 3, 4);
    let leaver = &jobs.panel.members[3];
    world.ok(jobs.panel.leave(leaver), &[&leaver.owner]);
    world.pass_seconds(1_000);
    let before = jobs.submitted(&mut world);
    // the day of notice is over, that of the seal is not
    world.pass_seconds(85_400);
    jobs.pass_to_seal(&mut world, 2);
    world.ok(jobs.seal(&world.payer.pubkey(), &before), &[]);
    assert_eq!(world.read::<Job>(&before).eligible, 0b1111);
    let after = jobs.sealed(&mut world);
    assert_eq!(world.read::<Job>(&after).eligible, 0b0111);
}

#[test]
fn a_check_that_nobody_can_do_does_not_turn_into_none() {
    // drawn or not: where nobody checks, nobody can challenge
    let (mut drawn, mut spared) = (false, false);
    let terms = MarketArgs {
        check_bps: 5_000,
        ..args(3)
    };
    let mut world = World::new();
    let mut jobs = Jobs::with(&mut world, terms, 3, 3);
    for member in &jobs.panel.members {
        world.ok(jobs.panel.leave(member), &[&member.owner]);
    }
    world.pass_seconds(86_400);
    for _ in 0..20 {
        let at = jobs.submitted(&mut world);
        jobs.pass_to_seal(&mut world, 2);
        let job: Job = world.read(&at);
        let hash = World::slot_hash(job.submitted_slot + 1);
        match is_drawn(&seal(&hash, &at, job.attempt), 5_000) {
            true => drawn = true,
            false => spared = true,
        }
        assert_error(
            world.send_one(jobs.seal(&world.payer.pubkey(), &at), &[]),
            JobsError::NobodyEligible,
        );
        assert_eq!(world.read::<Job>(&at).state, JobState::Submitted as u8);
    }
    assert!(drawn && spared);
}

#[test]
fn fewer_than_k_eligible_seats_are_all_drawn() {
    let mut world = World::new();
    let mut jobs = Jobs::with(&mut world, args(5), 5, 4);
    let at = jobs.sealed(&mut world);
    assert_eq!(world.read::<Job>(&at).panel, 0b1111);
}

#[test]
fn another_committee_or_market_seals_nothing() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let other = Panel::serving(&mut world, 3, 3);
    let at = jobs.submitted(&mut world);
    jobs.pass_to_seal(&mut world, 2);
    let seal = jobs.seal(&world.payer.pubkey(), &at);
    assert_error(
        world.send_one(with_account(seal.clone(), 2, other.committee), &[]),
        JobsError::ForeignAccount,
    );
    let market = world.look_alike(&jobs.market);
    assert_error(
        world.send_one(with_account(seal.clone(), 1, market), &[]),
        JobsError::ForeignAccount,
    );
    let forged = world.foreign_owned(&jobs.panel.committee);
    assert_refused(world.send_one(with_account(seal.clone(), 2, forged), &[]));
    assert_refused(world.send_one(read_only(seal.clone(), 3), &[]));
    let open = jobs.open(&mut world);
    assert_error(
        world.send_one(with_account(seal, 3, open), &[]),
        JobsError::IllegalTransition,
    );
}
