//! `attest_job` where the whole committee decides: challenged verdicts, and how many transactions thirty-two seats take.

use crate::help::*;
use lode_attestation::Verdict;
use lode_jobs::error::JobsError;
use lode_jobs::state::{flag, JobState};
use lode_oracle::state::{Committee, Oracle, Seat};
use lode_tests::jobs::*;
use lode_tests::oracle::{self, Member, MINIMUM_BOND};
use lode_tests::*;
use solana_compute_budget_interface::ComputeBudgetInstruction;
use solana_message::Message;
use solana_signer::Signer;

#[test]
fn a_challenged_verdict_falls_to_a_majority_of_all_and_to_no_less() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = judged(&mut world, &mut jobs, Verdict::Mismatch);
    let first = seats_of(state(&world, &at).signed_mismatch);
    let appellant = patron(&mut world, &jobs);
    world.ok(challenge(&world, &appellant, &at), &[&appellant]);
    let outside = others(&jobs, mask_of(&first));
    sign(&mut world, &jobs, &at, Verdict::Match, &outside[..3]);
    let job = state(&world, &at);
    assert_eq!((job.state, job.verdict), (JobState::Challenged as u8, 2));
    // who gave the first verdict signed already
    let again = jobs.attested(&world, &at, Verdict::Match, &first[..1]);
    assert_error(world.send(&again, &[]), JobsError::AlreadySigned);
    sign(&mut world, &jobs, &at, Verdict::Match, &outside[3..4]);
    let job = state(&world, &at);
    assert_eq!((job.state, job.verdict), (JobState::Attested as u8, 1));
    assert!(job.has(flag::FINAL));
    assert_eq!(job.deadline, world.slot());
    let late = jobs.attested(&world, &at, Verdict::Match, &outside[4..5]);
    assert_error(world.send(&late, &[]), JobsError::IllegalTransition);
}

#[test]
fn a_challenged_verdicts_window_ends_at_its_deadline() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = judged(&mut world, &mut jobs, Verdict::Mismatch);
    let first = seats_of(state(&world, &at).signed_mismatch);
    let appellant = patron(&mut world, &jobs);
    world.ok(challenge(&world, &appellant, &at), &[&appellant]);
    let outside = others(&jobs, mask_of(&first));
    pass_until(&mut world, &at, 1);
    sign(&mut world, &jobs, &at, Verdict::Match, &outside[..1]);
    world.pass_slots(1);
    let late = jobs.attested(&world, &at, Verdict::Match, &outside[1..4]);
    assert_error(world.send(&late, &[]), JobsError::WindowOver);
}

#[test]
fn a_challenged_revealed_result_is_matched_as_it_was_told() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = revealed(&mut world, &mut jobs);
    let challenger = patron(&mut world, &jobs);
    world.ok(challenge(&world, &challenger, &at), &[&challenger]);
    let panel = seats_of(state(&world, &at).panel);
    let [proof, _] = jobs.attested(&world, &at, Verdict::Match, &panel[..2]);
    for (result, units) in [(SPEC, UNITS), (RESULT, UNITS + 1), ([0; 32], 0)] {
        let other = jobs.attest(&at, 1, &result, units, mask_of(&panel[..2]));
        assert_error(
            world.send(&[proof.clone(), other], &[]),
            JobsError::WrongResult,
        );
    }
    sign(&mut world, &jobs, &at, Verdict::Match, &panel[..2]);
}

/// Fills all 32 seats of the committee, as if they had joined long ago.
fn fill(world: &mut World, jobs: &mut Jobs) {
    let mut committee: Committee = world.read(&jobs.panel.committee);
    for number in jobs.panel.members.len()..32 {
        let member = Member {
            owner: world.wallet(),
            attester: world.keypair(),
        };
        committee.seats[number] = Seat {
            owner: member.owner.pubkey(),
            attester: member.attester.pubkey(),
            active_from: 1,
            left_at: i64::MAX,
        };
        let at = oracle::oracle(&jobs.panel.committee, &member.owner.pubkey());
        let copy = world
            .svm
            .get_account(&jobs.panel.oracle(&jobs.panel.members[0]))
            .unwrap();
        world.svm.set_account(at, copy).unwrap();
        let mut state: Oracle = world.read(&at);
        (state.owner, state.bond) = (member.owner.pubkey(), MINIMUM_BOND);
        state.seat = u8::try_from(number).unwrap();
        world.write(&at, &state);
        jobs.panel.members.push(member);
    }
    world.write(&jobs.panel.committee, &committee);
}

#[test]
fn thirty_two_seats_decide_in_four_transactions() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    fill(&mut world, &mut jobs);
    let at = sealed(&mut world, &mut jobs, true);
    pass_until(&mut world, &at, 0);
    world.ok(escalate(&world, &at), &[]);
    assert_eq!(state(&world, &at).panel, u32::MAX);
    // 17 of 32 are a majority, and no transaction holds them all
    let seats: Vec<u8> = (0..17).collect();
    let mut transactions = 0;
    for part in seats.chunks(5) {
        let attest = jobs.attested(&world, &at, Verdict::Match, part);
        let mut all = vec![
            ComputeBudgetInstruction::set_compute_unit_limit(20_000),
            ComputeBudgetInstruction::set_compute_unit_price(1_000),
        ];
        all.extend(attest.clone());
        let payer = world.payer.pubkey();
        let bytes = Message::new(&all, Some(&payer)).serialize().len() + 65;
        assert!(bytes <= 1_232, "{bytes}");
        assert_eq!(state(&world, &at).state, JobState::Sealed as u8);
        let units = expect(world.send(&attest, &[])).compute_units_consumed;
        transactions += 1;
        costs::figure(
            &format!("attest of {} of a whole committee of 32", part.len()),
            units - 150,
        );
    }
    println!("a whole committee's verdict: {transactions} transactions");
    assert!(transactions <= 4);
    let job = state(&world, &at);
    assert_eq!((job.state, job.verdict), (JobState::Attested as u8, 1));
    assert!(job.has(flag::FINAL));
    settled(&mut world, &at);
    assert_vault_balances(&world, &jobs);
}

#[test]
fn a_panel_of_nine_attests_with_five_signatures() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 9);
    let at = jobs.sealed(&mut world);
    let attest = jobs.attested(&world, &at, Verdict::Match, &[0, 2, 4, 6, 8]);
    let units = expect(world.send(&attest, &[])).compute_units_consumed - 150;
    costs::figure("attest k = 9 with 5 signatures", units);
    assert_eq!(state(&world, &at).state, JobState::Attested as u8);
}
