use crate::help::*;
use lode_attestation::Verdict;
use lode_jobs::error::JobsError;
use lode_jobs::state::{flag, JobState};
use lode_tests::jobs::*;
use lode_tests::*;
use solana_signer::Signer;

#[test]
fn a_silent_panel_gives_way_to_the_whole_committee_and_is_marked() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = sealed(&mut world, &mut jobs, true);
    let panel = state(&world, &at).panel;
    // one of three signs in the last quarter, two stay silent
    pass_until(&mut world, &at, 750);
    let seats = seats_of(panel);
    sign(&mut world, &jobs, &at, Verdict::Match, &seats[..1]);
    pass_until(&mut world, &at, 1);
    assert_error(
        world.send_one(escalate(&world, &at), &[]),
        JobsError::WindowOpen,
    );
    world.pass_slots(1);
    let crank = world.wallet();
    let good = build::escalate_job(&crank.pubkey(), &at, &state(&world, &at));
    forge_each(&mut world, &good, &[0], &[1], &[]);
    world.ok(good.clone(), &[]);
    let job = state(&world, &at);
    assert_eq!(
        (job.state, job.panel, job.drawn),
        (JobState::Sealed as u8, 0b111_1111, panel)
    );
    assert_eq!(job.silent, mask_of(&seats[1..]));
    assert_eq!(job.deadline, world.slot() + 3_000);
    assert_eq!(world.lamports(&crank.pubkey()), 100_000_000_000 + 15_000);
    // once: now all are asked, and after their window comes the void
    assert_error(
        world.send_one(good.clone(), &[]),
        JobsError::WholeCommitteeDecides,
    );
    pass_until(&mut world, &at, 0);
    assert_error(world.send_one(good, &[]), JobsError::WholeCommitteeDecides);
    assert_vault_balances(&world, &jobs);
}

#[test]
fn what_the_panel_signed_counts_in_the_whole_committee() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = sealed(&mut world, &mut jobs, true);
    let seats = seats_of(state(&world, &at).panel);
    pass_until(&mut world, &at, 750);
    sign(&mut world, &jobs, &at, Verdict::Match, &seats[..1]);
    pass_until(&mut world, &at, 0);
    world.ok(escalate(&world, &at), &[]);
    let outside = others(&jobs, mask_of(&seats));
    // a whole committee's signatures gather; four of seven are a majority, and final
    sign(&mut world, &jobs, &at, Verdict::Match, &outside[..2]);
    assert_eq!(state(&world, &at).state, JobState::Sealed as u8);
    let again = jobs.attested(&world, &at, Verdict::Mismatch, &seats[..1]);
    assert_error(world.send(&again, &[]), JobsError::AlreadySigned);
    // who was silent as a juror may still speak, and stays marked
    sign(&mut world, &jobs, &at, Verdict::Match, &seats[1..2]);
    let job = state(&world, &at);
    assert_eq!(job.state, JobState::Attested as u8);
    assert!(job.has(flag::FINAL));
    assert_eq!(job.silent, mask_of(&seats[1..]));
    world.ok(settle(&world, &world.payer.pubkey(), &at), &[]);
    assert_vault_balances(&world, &jobs);
}

#[test]
fn an_appealed_verdict_stands_where_the_whole_committee_did_not_decide() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = judged(&mut world, &mut jobs, Verdict::Mismatch);
    let signed = state(&world, &at).signed_mismatch;
    let appellant = patron(&mut world, &jobs);
    world.ok(challenge(&world, &appellant, &at), &[&appellant]);
    let outside = others(&jobs, signed);
    sign(&mut world, &jobs, &at, Verdict::Match, &outside[..3]);
    pass_until(&mut world, &at, 1);
    assert_error(
        world.send_one(escalate(&world, &at), &[]),
        JobsError::WindowOpen,
    );
    world.pass_slots(1);
    world.ok(escalate(&world, &at), &[]);
    let job = state(&world, &at);
    assert_eq!(
        (job.state, job.verdict, job.first_verdict),
        (JobState::Attested as u8, 2, 2)
    );
    assert!(job.has(flag::FINAL));
    // three of seven said otherwise, two said so, two said nothing
    assert_eq!(job.silent, mask_of(&outside[3..]));
    world.ok(settle(&world, &world.payer.pubkey(), &at), &[]);
    // neither won nor lost: the bond returns as it was
    let ledger = money(&world, &jobs, &appellant.pubkey());
    assert_eq!((ledger.available, ledger.locked), (ALL, 0));
    assert_vault_balances(&world, &jobs);
}

#[test]
fn only_what_a_part_of_the_committee_left_open_is_escalated() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let unchecked = sealed(&mut world, &mut jobs, false);
    let told = revealed(&mut world, &mut jobs);
    let judged = judged(&mut world, &mut jobs, Verdict::Match);
    let states = [
        (jobs.open(&mut world), JobsError::IllegalTransition),
        (jobs.accepted(&mut world), JobsError::IllegalTransition),
        (jobs.submitted(&mut world), JobsError::IllegalTransition),
        (unchecked, JobsError::NotDrawn),
        (told, JobsError::IllegalTransition),
        (judged, JobsError::IllegalTransition),
    ];
    world.pass_slots(10_000);
    for (at, error) in states {
        assert_error(world.send_one(escalate(&world, &at), &[]), error);
    }
}

#[test]
fn a_panel_of_all_is_not_escalated() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let at = jobs.sealed(&mut world);
    pass_until(&mut world, &at, 0);
    assert_error(
        world.send_one(escalate(&world, &at), &[]),
        JobsError::WholeCommitteeDecides,
    );
}

#[test]
fn a_restart_of_the_cluster_gives_the_panel_more_time() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = sealed(&mut world, &mut jobs, true);
    let deadline = state(&world, &at).deadline;
    world.set_last_restart(deadline - 1);
    world.set_time(world.now(), deadline + 8_999);
    assert_error(
        world.send_one(escalate(&world, &at), &[]),
        JobsError::WindowOpen,
    );
    world.set_time(world.now(), deadline + 9_000);
    world.ok(escalate(&world, &at), &[]);
}
