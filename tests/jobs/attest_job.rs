use lode_attestation::{commitment, instruction_data, seal, Statement, Verdict};
use lode_jobs::error::JobsError;
use lode_jobs::state::{flag, Job, JobState};
use lode_jobs::ID;
use lode_oracle::state::Committee;
use lode_tests::jobs::*;
use lode_tests::oracle::Panel;
use lode_tests::*;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_message::Message;
use solana_signer::Signer;

const MATCH: u8 = Verdict::Match as u8;
const NOTHING: [u8; 32] = [0; 32];
/// Place of the job among the accounts of `attest_job`.
const JOB: usize = 2;

type Signed = (Address, [u8; 64], [u8; 32]);

/// Three seats of five are drawn.
fn drawn_panel() -> (World, Jobs, Address, Vec<u8>) {
    let mut world = World::new();
    let mut jobs = Jobs::with(&mut world, args(3), 3, 5);
    let at = jobs.sealed(&mut world);
    let panel = seats(world.read::<Job>(&at).panel);
    assert_eq!(panel.len(), 3);
    (world, jobs, at, panel)
}

/// All five seats decide.
fn whole_committee() -> (World, Jobs, Address) {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 5);
    let at = jobs.sealed(&mut world);
    assert_eq!(world.read::<Job>(&at).panel, 0b11111);
    (world, jobs, at)
}

fn seats(mask: u32) -> Vec<u8> {
    (0..32).filter(|seat| mask >> seat & 1 == 1).collect()
}

fn mask(seats: &[u8]) -> u32 {
    seats.iter().fold(0, |mask, seat| mask | 1 << seat)
}

/// What the seats have to sign for a match.
fn matching<'a>(jobs: &'a Jobs, at: &'a Address, state: &'a Job) -> Statement<'a> {
    Statement {
        program: &ID,
        job: at,
        attempt: state.attempt,
        seal: &state.seal,
        verdict: Verdict::Match,
        result: &RESULT,
        units: UNITS,
        committee: &jobs.panel.committee,
    }
}

/// A statement as these seats sign it.
fn sign(jobs: &Jobs, statement: &Statement, seats: &[u8]) -> Vec<Signed> {
    seats
        .iter()
        .map(|seat| {
            let member = &jobs.panel.members[usize::from(*seat)];
            let digest = statement.digest(*seat, &member.owner.pubkey());
            signature(&member.attester, digest)
        })
        .collect()
}

fn signature(key: &Keypair, message: [u8; 32]) -> Signed {
    (key.pubkey(), key.sign_message(&message).into(), message)
}

/// A match by a mask of seats with whatever proof.
fn claim(jobs: &Jobs, at: &Address, signed: &[Signed], signers: u32) -> [Instruction; 2] {
    [
        proof(signed),
        jobs.attest(at, MATCH, &RESULT, UNITS, signers),
    ]
}

#[track_caller]
fn assert_unsigned(world: &World, at: &Address) {
    let state: Job = world.read(at);
    assert_eq!(state.state, JobState::Sealed as u8);
    let signed = state.signed_match | state.signed_mismatch | state.signed_unrunnable;
    assert_eq!((signed, state.verdict), (0, 0));
}

#[test]
fn a_majority_of_the_panel_decides_and_tells_the_result() {
    let (mut world, jobs, at, panel) = drawn_panel();
    let slot = world.slot();
    let two = &panel[..2];
    let attest = jobs.attested(&world, &at, Verdict::Match, two);
    expect(world.send(&attest, &[]));
    let state: Job = world.read(&at);
    assert_eq!(state.state, JobState::Attested as u8);
    assert_eq!(
        (state.verdict, state.result, state.signed_match),
        (MATCH, RESULT, mask(two))
    );
    // two of five seats: not final, so the challenge window runs
    assert!(state.has(flag::REVEALED) && !state.has(flag::FINAL) && !state.has(flag::SLASH_DUE));
    assert_eq!(state.deadline, slot + 500);
}

#[test]
fn a_majority_of_all_seats_is_final() {
    let (mut world, jobs, at, panel) = drawn_panel();
    let attest = jobs.attested(&world, &at, Verdict::Match, &panel);
    expect(world.send(&attest, &[]));
    let state: Job = world.read(&at);
    assert!(state.has(flag::FINAL));
    assert_eq!(state.deadline, world.slot());
}

#[test]
fn a_mismatch_makes_a_slash_due_and_tells_no_result() {
    let (mut world, jobs, at, panel) = drawn_panel();
    let before: Job = world.read(&at);
    let attest = jobs.attested(&world, &at, Verdict::Mismatch, &panel[1..]);
    expect(world.send(&attest, &[]));
    let state: Job = world.read(&at);
    assert_eq!(
        (state.state, state.verdict),
        (JobState::Attested as u8, Verdict::Mismatch as u8)
    );
    assert_eq!(state.signed_mismatch, mask(&panel[1..]));
    assert!(state.has(flag::SLASH_DUE) && !state.has(flag::REVEALED));
    assert_eq!(state.result, before.result);
}

#[test]
fn an_unrunnable_job_slashes_nobody() {
    let (mut world, jobs, at, panel) = drawn_panel();
    let attest = jobs.attested(&world, &at, Verdict::Unrunnable, &panel);
    expect(world.send(&attest, &[]));
    let state: Job = world.read(&at);
    assert_eq!(state.verdict, Verdict::Unrunnable as u8);
    assert!(state.has(flag::FINAL) && !state.has(flag::SLASH_DUE));
}

#[test]
fn a_signature_by_another_key_is_refused() {
    let (mut world, jobs, at, panel) = drawn_panel();
    let state: Job = world.read(&at);
    let mut signed = sign(&jobs, &matching(&jobs, &at, &state), &panel);
    // the right message, truly signed, by somebody who is not the seat
    signed[1] = signature(&Keypair::new(), signed[1].2);
    let sent = world.send(&claim(&jobs, &at, &signed, mask(&panel)), &[]);
    assert_error(sent, JobsError::WrongSigner);
    // nor by the cold wallet of the seat itself
    let owner = &jobs.panel.members[usize::from(panel[1])].owner;
    signed[1] = signature(owner, signed[1].2);
    let sent = world.send(&claim(&jobs, &at, &signed, mask(&panel)), &[]);
    assert_error(sent, JobsError::WrongSigner);
    assert_unsigned(&world, &at);
}

#[test]
fn a_forged_signature_fails_in_the_precompile() {
    let (mut world, jobs, at, panel) = drawn_panel();
    let state: Job = world.read(&at);
    let mut signed = sign(&jobs, &matching(&jobs, &at, &state), &panel);
    signed[2].1 = Keypair::new().sign_message(&signed[2].2).into();
    let sent = world.send(&claim(&jobs, &at, &signed, mask(&panel)), &[]);
    assert_eq!(assert_refused(sent).index, 0);
    assert_unsigned(&world, &at);
}

#[test]
fn a_signature_over_anything_else_is_refused() {
    let (mut world, mut jobs, at, panel) = drawn_panel();
    let sibling = jobs.sealed(&mut world);
    let state: Job = world.read(&at);
    let stranger = Address::new_unique();
    let right = matching(&jobs, &at, &state);
    let others = [
        (
            "program",
            Statement {
                program: &stranger,
                ..right
            },
        ),
        (
            "job",
            Statement {
                job: &sibling,
                ..right
            },
        ),
        (
            "attempt",
            Statement {
                attempt: 1,
                ..right
            },
        ),
        (
            "seal",
            Statement {
                seal: &[1; 32],
                ..right
            },
        ),
        (
            "verdict",
            Statement {
                verdict: Verdict::Mismatch,
                ..right
            },
        ),
        (
            "result",
            Statement {
                result: &SPEC,
                ..right
            },
        ),
        (
            "units",
            Statement {
                units: UNITS + 1,
                ..right
            },
        ),
        (
            "committee",
            Statement {
                committee: &stranger,
                ..right
            },
        ),
    ];
    for (what, other) in &others {
        let mut signed = sign(&jobs, &right, &panel);
        signed[2] = sign(&jobs, other, &panel)[2];
        let sent = world.send(&claim(&jobs, &at, &signed, mask(&panel)), &[]);
        println!("{what}");
        assert_error(sent, JobsError::WrongMessage);
    }
    // the bytes of another seat, or of another owner of this one
    let member = &jobs.panel.members[usize::from(panel[2])];
    for digest in [
        right.digest(panel[1], &member.owner.pubkey()),
        right.digest(panel[2], &stranger),
    ] {
        let mut signed = sign(&jobs, &right, &panel);
        signed[2] = signature(&member.attester, digest);
        let sent = world.send(&claim(&jobs, &at, &signed, mask(&panel)), &[]);
        assert_error(sent, JobsError::WrongMessage);
    }
    assert_unsigned(&world, &at);
    // the control: with the right bytes it goes through
    let signed = sign(&jobs, &right, &panel);
    expect(world.send(&claim(&jobs, &at, &signed, mask(&panel)), &[]));
}

#[test]
fn a_match_signed_for_an_earlier_attempt_is_refused() {
    let mut world = World::new();
    let mut jobs = Jobs::with(&mut world, args(3), 3, 5);
    let at = jobs.accepted(&mut world);
    world.ok(jobs.give_up(&jobs.node, &at), &[&jobs.node.worker]);
    world.ok(jobs.accept(&jobs.node, &at), &[&jobs.node.worker]);
    let submit = jobs.submit(&jobs.node, &at, &RESULT, UNITS, 1);
    world.ok(submit, &[&jobs.node.worker]);
    jobs.pass_to_seal(&mut world, 2);
    world.ok(jobs.seal(&world.payer.pubkey(), &at), &[]);
    let state: Job = world.read(&at);
    assert_eq!(state.attempt, 1);
    let panel = seats(state.panel);
    let now = matching(&jobs, &at, &state);
    let earlier = Statement { attempt: 0, ..now };
    let signed = sign(&jobs, &earlier, &panel);
    let sent = world.send(&claim(&jobs, &at, &signed, mask(&panel)), &[]);
    assert_error(sent, JobsError::WrongMessage);
    let signed = sign(&jobs, &now, &panel);
    expect(world.send(&claim(&jobs, &at, &signed, mask(&panel)), &[]));
}

#[test]
fn a_match_must_fit_the_commitment() {
    let (mut world, jobs, at, panel) = drawn_panel();
    let state: Job = world.read(&at);
    let right = matching(&jobs, &at, &state);
    // even if the whole panel signs it
    for (result, units) in [(SPEC, UNITS), (RESULT, UNITS - 1), (NOTHING, 0)] {
        let other = Statement {
            result: &result,
            units,
            ..right
        };
        let signed = sign(&jobs, &other, &panel);
        let attest = jobs.attest(&at, MATCH, &result, units, mask(&panel));
        assert_error(
            world.send(&[proof(&signed), attest], &[]),
            JobsError::WrongResult,
        );
    }
    assert_unsigned(&world, &at);
}

#[test]
fn a_commitment_to_other_units_than_submitted_never_matches() {
    let (mut world, jobs, at, panel) = drawn_panel();
    let mut state: Job = world.read(&at);
    // as if the node had committed to 900 units and billed 1 000
    state.units = LIMIT;
    world.write(&at, &state);
    for units in [UNITS, LIMIT] {
        let right = matching(&jobs, &at, &state);
        let signed = sign(&jobs, &Statement { units, ..right }, &panel);
        let attest = jobs.attest(&at, MATCH, &RESULT, units, mask(&panel));
        assert_error(
            world.send(&[proof(&signed), attest], &[]),
            JobsError::WrongResult,
        );
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
    let other = Statement {
        result: &SPEC,
        ..matching(&jobs, &at, &state)
    };
    let signed = sign(&jobs, &other, &panel);
    let attest = jobs.attest(&at, MATCH, &SPEC, UNITS, mask(&panel));
    assert_error(
        world.send(&[proof(&signed), attest], &[]),
        JobsError::WrongResult,
    );
    let attest = jobs.attested(&world, &at, Verdict::Match, &panel);
    expect(world.send(&attest, &[]));
}

#[test]
fn only_a_match_names_a_result_and_there_are_three_verdicts() {
    let (mut world, jobs, at, panel) = drawn_panel();
    let state: Job = world.read(&at);
    let signed = sign(&jobs, &matching(&jobs, &at, &state), &panel);
    for (verdict, result, units) in [
        (0, NOTHING, 0),
        (4, NOTHING, 0),
        (255, RESULT, UNITS),
        (2, RESULT, 0),
        (2, NOTHING, 1),
        (3, RESULT, 0),
        (3, NOTHING, 1),
    ] {
        let attest = jobs.attest(&at, verdict, &result, units, mask(&panel));
        assert_error(
            world.send(&[proof(&signed), attest], &[]),
            JobsError::BadVerdict,
        );
    }
    assert_unsigned(&world, &at);
}

#[test]
fn a_seat_outside_of_the_panel_is_refused() {
    let (mut world, jobs, at, panel) = drawn_panel();
    let outside = (0..5).find(|seat| !panel.contains(seat)).unwrap();
    let mut with_outsider = vec![panel[0], outside];
    with_outsider.sort_unstable();
    for signers in [vec![outside], with_outsider] {
        let attest = jobs.attested(&world, &at, Verdict::Match, &signers);
        assert_error(world.send(&attest, &[]), JobsError::NotInPanel);
    }
    let state: Job = world.read(&at);
    let signed = sign(&jobs, &matching(&jobs, &at, &state), &panel);
    // nobody at all, and a seat that nobody holds
    for signers in [0, 1 << 31 | mask(&panel)] {
        let sent = world.send(&claim(&jobs, &at, &signed, signers), &[]);
        assert_error(sent, JobsError::NotInPanel);
    }
    assert_unsigned(&world, &at);
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
    assert_unsigned(&world, &at);
}

#[test]
fn a_changed_key_signs_and_the_old_one_no_longer_does() {
    let (mut world, mut jobs, at, panel) = drawn_panel();
    let seat = usize::from(panel[0]);
    let old = jobs.attested(&world, &at, Verdict::Match, &panel);
    let new = Keypair::new();
    let change = jobs
        .panel
        .set_attester(&jobs.panel.members[seat], &new.pubkey());
    world.ok(change, &[&jobs.panel.members[seat].owner]);
    assert_error(world.send(&old, &[]), JobsError::WrongSigner);
    jobs.panel.members[seat].attester = new;
    let attest = jobs.attested(&world, &at, Verdict::Match, &panel);
    expect(world.send(&attest, &[]));
}

#[test]
fn a_seat_cannot_be_counted_twice_in_one_proof() {
    let (mut world, jobs, at, panel) = drawn_panel();
    let state: Job = world.read(&at);
    let signed = sign(&jobs, &matching(&jobs, &at, &state), &panel);
    let repeated = [signed[0], signed[0]];
    let sent = world.send(&claim(&jobs, &at, &repeated, mask(&panel[..2])), &[]);
    assert_error(sent, JobsError::WrongSigner);
    // nor in another order than the mask's
    let turned = [signed[1], signed[0]];
    let sent = world.send(&claim(&jobs, &at, &turned, mask(&panel[..2])), &[]);
    assert_error(sent, JobsError::WrongSigner);
    assert_unsigned(&world, &at);
}

#[test]
fn a_proof_of_more_or_fewer_signatures_than_seats_is_refused() {
    let (mut world, jobs, at, panel) = drawn_panel();
    let state: Job = world.read(&at);
    let signed = sign(&jobs, &matching(&jobs, &at, &state), &panel);
    for (signed, signers) in [
        (&signed[..2], &panel[..]),
        (&signed[..], &panel[..2]),
        (&signed[..1], &panel[..2]),
    ] {
        let sent = world.send(&claim(&jobs, &at, signed, mask(signers)), &[]);
        assert_error(sent, JobsError::WrongProofCount);
    }
    assert_unsigned(&world, &at);
}

#[test]
fn the_proof_must_stand_directly_before() {
    let (mut world, jobs, at, panel) = drawn_panel();
    let [proof, attest] = jobs.attested(&world, &at, Verdict::Match, &panel);
    // none; behind; with something between
    let between = solana_system_interface::instruction::transfer(&world.payer.pubkey(), &at, 1);
    for (order, index) in [
        (vec![attest.clone()], 0),
        (vec![attest.clone(), proof.clone()], 0),
        (vec![proof.clone(), between, attest.clone()], 2),
    ] {
        let sent = world.send(&order, &[]);
        assert_eq!(sent.clone().unwrap_err().index, index);
        assert_error(sent, JobsError::NotAProof);
    }
    assert_unsigned(&world, &at);
    expect(world.send(&[proof, attest], &[]));
}

#[test]
fn offsets_that_point_into_another_instruction_are_refused() {
    let (mut world, jobs, at, panel) = drawn_panel();
    let state: Job = world.read(&at);
    let honest = sign(&jobs, &matching(&jobs, &at, &state), &panel);
    // A stranger's own signatures, which the precompile finds valid, and a second instruction that shows the seats'
    // keys and messages in their canonical places but has the precompile check the first one's.
    let own: Vec<Signed> = (0..3)
        .map(|_| signature(&Keypair::new(), [5; 32]))
        .collect();
    let first = proof(&own);
    let mut data = instruction_data(
        &honest
            .iter()
            .map(|(key, _, digest)| (*key, [0; 64], *digest))
            .collect::<Vec<_>>(),
    );
    // instruction 0 of the transaction is the bench's compute budget, 1 is `first`
    for i in 0..3 {
        for index in [4, 8, 14] {
            data[14 * i + index..14 * i + index + 2].copy_from_slice(&1u16.to_le_bytes());
        }
    }
    let mut second = first.clone();
    second.data = data;
    let attest = jobs.attest(&at, MATCH, &RESULT, UNITS, mask(&panel));
    let sent = world.send(&[first, second, attest.clone()], &[]);
    // both proofs hold in the precompile: it is the program that refuses
    assert_eq!(sent.clone().unwrap_err().index, 2);
    assert_error(sent, JobsError::NotAProof);

    // one offset at a time, named by its number instead of "this one": the same bytes, yet not canonical
    for index in [4, 8, 14] {
        let mut named = proof(&honest);
        named.data[index..index + 2].copy_from_slice(&1u16.to_le_bytes());
        let sent = world.send(&[named, attest.clone()], &[]);
        assert_eq!(sent.clone().unwrap_err().index, 1);
        assert_error(sent, JobsError::NotAProof);
    }
    assert_unsigned(&world, &at);
}

#[test]
fn offsets_that_point_behind_the_canonical_places_are_refused() {
    let (mut world, jobs, at, panel) = drawn_panel();
    let state: Job = world.read(&at);
    let honest = sign(&jobs, &matching(&jobs, &at, &state), &panel);
    let (key, signature, message) = signature(&Keypair::new(), [5; 32]);
    // the seats' keys and messages where they belong, a stranger's behind them, where all offsets point
    let shown: Vec<Signed> = honest
        .iter()
        .map(|(key, _, digest)| (*key, [0; 64], *digest))
        .collect();
    let mut forged = proof(&shown);
    let behind = u16::try_from(forged.data.len()).unwrap();
    for i in 0..3 {
        for (place, offset) in [(2, behind), (6, behind + 64), (10, behind + 96)] {
            let place = 14 * i + place;
            forged.data[place..place + 2].copy_from_slice(&offset.to_le_bytes());
        }
    }
    forged.data.extend(signature);
    forged.data.extend(key.as_ref());
    forged.data.extend(message);
    let attest = jobs.attest(&at, MATCH, &RESULT, UNITS, mask(&panel));
    let sent = world.send(&[forged, attest], &[]);
    assert_eq!(sent.clone().unwrap_err().index, 1);
    assert_error(sent, JobsError::NotAProof);
    assert_unsigned(&world, &at);
}

#[test]
fn a_drawn_panels_signatures_wait_for_a_majority_until_the_last_quarter() {
    let (mut world, jobs, at, panel) = drawn_panel();
    let deadline = world.read::<Job>(&at).deadline;
    let one = jobs.attested(&world, &at, Verdict::Match, &panel[..1]);
    world.set_time(world.now(), deadline - 751);
    assert_error(world.send(&one, &[]), JobsError::MajorityIncomplete);
    assert_unsigned(&world, &at);

    world.set_time(world.now(), deadline - 750);
    expect(world.send(&one, &[]));
    let state: Job = world.read(&at);
    assert_eq!(
        (state.state, state.signed_match, state.verdict),
        (JobState::Sealed as u8, mask(&panel[..1]), 0)
    );
    // the window runs on as it was, and nothing is told yet
    assert_eq!(state.deadline, deadline);
    assert!(!state.has(flag::REVEALED));

    // a dissenter counts for himself; the second of the same mind completes it
    let other = jobs.attested(&world, &at, Verdict::Mismatch, &panel[1..2]);
    expect(world.send(&other, &[]));
    let third = jobs.attested(&world, &at, Verdict::Match, &panel[2..]);
    expect(world.send(&third, &[]));
    let state: Job = world.read(&at);
    assert_eq!(
        (state.state, state.verdict),
        (JobState::Attested as u8, MATCH)
    );
    assert_eq!(state.signed_match, mask(&[panel[0], panel[2]]));
    assert_eq!(state.signed_mismatch, mask(&panel[1..2]));
}

#[test]
fn the_last_slot_of_the_window_counts_and_the_next_does_not() {
    let (mut world, jobs, at, panel) = drawn_panel();
    let deadline = world.read::<Job>(&at).deadline;
    let attest = jobs.attested(&world, &at, Verdict::Match, &panel);
    world.set_time(world.now(), deadline);
    assert_error(world.send(&attest, &[]), JobsError::WindowOver);
    assert_unsigned(&world, &at);
    world.set_time(world.now(), deadline - 1);
    expect(world.send(&attest, &[]));
}

#[test]
fn a_restart_inside_the_window_lengthens_it() {
    let (mut world, jobs, at, panel) = drawn_panel();
    let deadline = world.read::<Job>(&at).deadline;
    let attest = jobs.attested(&world, &at, Verdict::Match, &panel);
    world.set_time(world.now(), deadline + 8_999);
    for outside in [deadline - 3_000, deadline] {
        world.set_last_restart(outside);
        assert_error(world.send(&attest, &[]), JobsError::WindowOver);
    }
    world.set_last_restart(deadline - 1);
    world.set_time(world.now(), deadline + 9_000);
    assert_error(world.send(&attest, &[]), JobsError::WindowOver);
    world.set_time(world.now(), deadline + 8_999);
    expect(world.send(&attest, &[]));
}

#[test]
fn a_whole_committees_signatures_gather_and_each_seat_signs_once() {
    let (mut world, jobs, at) = whole_committee();
    let by = |world: &mut World, verdict, seats: &[u8]| {
        let attest = jobs.attested(world, &at, verdict, seats);
        world.send(&attest, &[])
    };
    expect(by(&mut world, Verdict::Match, &[0]));
    let state: Job = world.read(&at);
    assert_eq!(
        (state.state, state.signed_match),
        (JobState::Sealed as u8, 1)
    );
    for verdict in [Verdict::Match, Verdict::Mismatch, Verdict::Unrunnable] {
        let sent = by(&mut world, verdict, &[0]);
        assert_error(sent, JobsError::AlreadySigned);
        let sent = by(&mut world, verdict, &[0, 1]);
        assert_error(sent, JobsError::AlreadySigned);
    }
    expect(by(&mut world, Verdict::Match, &[3]));
    expect(by(&mut world, Verdict::Match, &[4]));
    let state: Job = world.read(&at);
    assert_eq!(
        (state.state, state.signed_match),
        (JobState::Attested as u8, 0b11001)
    );
    assert!(state.has(flag::FINAL));
}

#[test]
fn who_found_a_job_unrunnable_may_find_it_runnable_once() {
    let (mut world, jobs, at) = whole_committee();
    let by = |world: &mut World, verdict, seats: &[u8]| {
        let attest = jobs.attested(world, &at, verdict, seats);
        world.send(&attest, &[])
    };
    expect(by(&mut world, Verdict::Unrunnable, &[1, 2]));
    assert_error(
        by(&mut world, Verdict::Unrunnable, &[2]),
        JobsError::AlreadySigned,
    );
    expect(by(&mut world, Verdict::Mismatch, &[2]));
    let state: Job = world.read(&at);
    // he moved, he does not count twice
    assert_eq!(
        (state.signed_unrunnable, state.signed_mismatch),
        (0b10, 0b100)
    );
    assert_error(
        by(&mut world, Verdict::Unrunnable, &[2]),
        JobsError::AlreadySigned,
    );
    assert_error(
        by(&mut world, Verdict::Match, &[2]),
        JobsError::AlreadySigned,
    );
    assert_eq!(world.read::<Job>(&at).state, JobState::Sealed as u8);
}

#[test]
fn only_a_sealed_job_that_was_drawn_is_attested_and_only_once() {
    let mut world = World::new();
    let mut jobs = Jobs::with(&mut world, args(3), 3, 5);
    let submitted = jobs.submitted(&mut world);
    let attest = jobs.attested(&world, &submitted, Verdict::Match, &[0, 1, 2]);
    assert_error(world.send(&attest, &[]), JobsError::IllegalTransition);

    let at = jobs.sealed(&mut world);
    let mut state: Job = world.read(&at);
    let panel = seats(state.panel);
    let attest = jobs.attested(&world, &at, Verdict::Match, &panel);
    // drawn as every job is, but nobody asked for a check
    state.panel = 0;
    world.write(&at, &state);
    assert_error(world.send(&attest, &[]), JobsError::NotDrawn);
    state.panel = state.drawn;
    world.write(&at, &state);
    expect(world.send(&attest, &[]));
    assert_error(world.send(&attest, &[]), JobsError::IllegalTransition);
}

#[test]
fn foreign_accounts_and_look_alikes_are_refused() {
    let (mut world, jobs, at, panel) = drawn_panel();
    let [proof, attest] = jobs.attested(&world, &at, Verdict::Match, &panel);
    // a second market of the same committee, another committee, and copies that no seed made
    let terms = lode_jobs::state::MarketArgs { id: 1, ..args(3) };
    let authority = jobs.authority.pubkey();
    world.ok(
        create_market(&authority, &jobs.panel, &jobs.mint, terms),
        &[&jobs.authority, &jobs.panel.governor],
    );
    let other = Panel::serving(&mut world, 3, 5);
    for (place, account) in [
        (0, market(&authority, 1)),
        (0, world.look_alike(&jobs.market)),
        (1, other.committee),
        (1, world.look_alike(&jobs.panel.committee)),
    ] {
        let forged = with_account(attest.clone(), place, account);
        let sent = world.send(&[proof.clone(), forged], &[]);
        assert_error(sent, JobsError::ForeignAccount);
    }
    // accounts of another type or owner, and another sysvar
    for (place, account) in [
        (0, jobs.panel.committee),
        (1, jobs.market),
        (JOB, jobs.customer_ledger()),
        (JOB, world.foreign_owned(&at)),
        (3, solana_sdk_ids::sysvar::slot_hashes::ID),
    ] {
        let forged = with_account(attest.clone(), place, account);
        assert_refused(world.send(&[proof.clone(), forged], &[]));
    }
    assert_refused(world.send(&[proof.clone(), read_only(attest.clone(), JOB)], &[]));
    assert_unsigned(&world, &at);
    expect(world.send(&[proof, attest], &[]));
}

#[test]
fn signatures_serve_no_copy_of_a_job() {
    let (mut world, jobs, at, panel) = drawn_panel();
    let copy = world.look_alike(&at);
    for (verdict, error) in [
        // the commitment names the job, and so does what the seats signed
        (Verdict::Match, JobsError::WrongResult),
        (Verdict::Mismatch, JobsError::WrongMessage),
    ] {
        let [proof, attest] = jobs.attested(&world, &at, verdict, &panel);
        let sent = world.send(&[proof, with_account(attest, JOB, copy)], &[]);
        assert_error(sent, error);
    }
    assert_unsigned(&world, &copy);
}

#[test]
fn seal_attest_and_settle_of_a_panel_of_five_are_one_transaction() {
    let mut world = World::new();
    let mut jobs = Jobs::with(&mut world, args(5), 5, 5);
    let at = jobs.submitted(&mut world);
    jobs.pass_to_seal(&mut world, 2);
    let mut state: Job = world.read(&at);
    // whoever collects the signatures knows the seal before it is written
    state.seal = seal(&World::slot_hash(state.submitted_slot + 1), &at, 0);
    let signed = jobs.digests(&at, &state, Verdict::Match, &[0, 1, 3]);
    let crank = world.payer.pubkey();
    let all = [
        jobs.seal(&crank, &at),
        proof(&signed),
        jobs.attest(&at, MATCH, &RESULT, UNITS, 0b1011),
        jobs.settle(&crank, &at),
    ];
    // compute budget and priority fee, as clients send them; one signature of 64 bytes and its count
    let budget = [
        solana_compute_budget_interface::ComputeBudgetInstruction::set_compute_unit_limit(20_000),
        solana_compute_budget_interface::ComputeBudgetInstruction::set_compute_unit_price(1_000),
    ];
    let message = Message::new(&[&budget[..], &all[..]].concat(), Some(&crank));
    let bytes = message.serialize().len() + 1 + 64;
    println!("[seal, attest, settle] with k = 5 and 3 signatures: {bytes} bytes");
    assert!(bytes <= 1_232, "{bytes}");

    expect(world.send(&all, &[]));
    assert_eq!(world.read::<Job>(&at).state, JobState::Settled as u8);
    assert_vault_balances(&world, &jobs);
}
