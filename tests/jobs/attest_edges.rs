//! What an attestation must hold to when the world around it moved: a restart, a seat that changed hands, a result that
//! is known already, a bill that is not the committed one.

use lode_attestation::{commitment, Statement, Verdict};
use lode_jobs::error::JobsError;
use lode_jobs::state::{flag, Job, JobState};
use lode_jobs::ID;
use lode_oracle::state::Committee;
use lode_tests::jobs::*;
use lode_tests::*;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_signer::Signer;

const MATCH: u8 = Verdict::Match as u8;

/// A sealed job of which three seats of five are drawn.
fn drawn_panel() -> (World, Jobs, Address, Vec<u8>) {
    let mut world = World::new();
    let mut jobs = Jobs::with(&mut world, args(3), 3, 5);
    let at = jobs.sealed(&mut world);
    let drawn = world.read::<Job>(&at).panel;
    let panel: Vec<u8> = (0..32).filter(|seat| drawn >> seat & 1 == 1).collect();
    assert_eq!(panel.len(), 3);
    (world, jobs, at, panel)
}

/// The drawn seats' proof of a match with this result, and the attestation that names it.
fn claim(
    world: &World,
    jobs: &Jobs,
    at: &Address,
    panel: &[u8],
    result: &[u8; 32],
    units: u64,
) -> [Instruction; 2] {
    let state: Job = world.read(at);
    let statement = Statement {
        program: &ID,
        job: at,
        attempt: state.attempt,
        seal: &state.seal,
        verdict: Verdict::Match,
        result,
        units,
        committee: &jobs.panel.committee,
    };
    let signed: Vec<_> = panel
        .iter()
        .map(|seat| {
            let member = &jobs.panel.members[usize::from(*seat)];
            let message = statement.message(*seat);
            let signature = member.attester.sign_message(&message);
            (member.attester.pubkey(), signature.into(), message)
        })
        .collect();
    let signers = panel.iter().fold(0, |mask, seat| mask | 1 << seat);
    [
        proof(&signed),
        jobs.attest(at, MATCH, result, units, signers),
    ]
}

#[test]
fn a_commitment_to_other_units_than_submitted_never_matches() {
    let (mut world, jobs, at, panel) = drawn_panel();
    let mut state: Job = world.read(&at);
    // as if the node had committed to 900 units and billed 1 000
    state.units = LIMIT;
    world.write(&at, &state);
    for units in [UNITS, LIMIT] {
        let attest = claim(&world, &jobs, &at, &panel, &RESULT, units);
        assert_error(world.send(&attest, &[]), JobsError::WrongResult);
    }
}

#[test]
fn a_revealed_result_is_matched_as_it_stands() {
    let (mut world, jobs, at, panel) = drawn_panel();
    let mut state: Job = world.read(&at);
    assert_eq!(
        state.result,
        commitment(&RESULT, UNITS, &at, 0, &jobs.node.node)
    );
    state.result = RESULT;
    state.flags |= flag::REVEALED;
    world.write(&at, &state);
    let other = claim(&world, &jobs, &at, &panel, &SPEC, UNITS);
    assert_error(world.send(&other, &[]), JobsError::WrongResult);
    let attest = jobs.attested(&world, &at, Verdict::Match, &panel);
    expect(world.send(&attest, &[]));
}

#[test]
fn a_seat_that_somebody_took_after_the_submission_does_not_sign() {
    let (mut world, jobs, at, panel) = drawn_panel();
    let mut committee: Committee = world.read(&jobs.panel.committee);
    let submitted = world.read::<Job>(&at).submitted_at;
    committee.seats[usize::from(panel[0])].active_from = submitted + 1;
    world.write(&jobs.panel.committee, &committee);
    let attest = jobs.attested(&world, &at, Verdict::Match, &panel);
    assert_error(world.send(&attest, &[]), JobsError::NotInPanel);
    assert_eq!(world.read::<Job>(&at).state, JobState::Sealed as u8);
}

#[test]
fn a_restart_inside_the_window_lengthens_it_and_a_second_one_takes_nothing_away() {
    let (mut world, jobs, at, panel) = drawn_panel();
    let deadline = world.read::<Job>(&at).deadline;
    let attest = jobs.attested(&world, &at, Verdict::Match, &panel);
    world.set_time(world.now(), deadline + 8_999);
    for outside in [deadline - 3_000, deadline + 9_000] {
        world.set_last_restart(outside);
        assert_error(world.send(&attest, &[]), JobsError::WindowOver);
    }
    world.set_last_restart(deadline - 1);
    world.set_time(world.now(), deadline + 9_000);
    assert_error(world.send(&attest, &[]), JobsError::WindowOver);
    world.set_last_restart(deadline + 8_000);
    assert_error(world.send(&attest, &[]), JobsError::WindowOver);
    world.set_time(world.now(), deadline + 8_999);
    expect(world.send(&attest, &[]));
}
