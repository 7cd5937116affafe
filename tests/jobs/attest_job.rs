use lode_attestation::{Message, Verdict};
use lode_jobs::error::JobsError;
use lode_jobs::state::{flag, Job, JobState};
use lode_tests::jobs::*;
use lode_tests::oracle::Panel;
use lode_tests::*;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_signer::Signer;

/// A sealed job of a panel of five of seven, and the seats of the panel.
fn sealed(world: &mut World) -> (Jobs, Address, Vec<u8>) {
    let mut jobs = Jobs::with(world, args(5), 5, 7);
    let at = jobs.sealed(world);
    let panel = world.read::<Job>(&at).panel;
    let seats = (0..32).filter(|seat| panel >> seat & 1 == 1).collect();
    (jobs, at, seats)
}

fn mask(seats: &[u8]) -> u32 {
    seats.iter().fold(0, |mask, seat| mask | 1 << seat)
}

/// An attestation of a match by `seats` whose proof is made by `forge` from the honest one.
fn forged(
    world: &World,
    jobs: &Jobs,
    at: &Address,
    seats: &[u8],
    forge: impl Fn(&mut Vec<(Address, [u8; 64], Message)>),
) -> [Instruction; 2] {
    let state: Job = world.read(at);
    let mut signed = jobs.digests(at, &state, Verdict::Match, seats);
    forge(&mut signed);
    [
        proof(&signed),
        jobs.attest(at, 1, &RESULT, UNITS, mask(seats)),
    ]
}

/// A statement like the honest one but for a change, signed by the seats themselves.
fn resigned(
    world: &World,
    jobs: &Jobs,
    at: &Address,
    seats: &[u8],
    change: impl Fn(&mut Job),
) -> [Instruction; 2] {
    let mut state: Job = world.read(at);
    change(&mut state);
    let signed = jobs.digests(at, &state, Verdict::Match, seats);
    [
        proof(&signed),
        jobs.attest(at, 1, &RESULT, UNITS, mask(seats)),
    ]
}

#[test]
fn a_majority_of_the_panel_decides() {
    let mut world = World::new();
    let (jobs, at, seats) = sealed(&mut world);
    let attest = jobs.attested(&world, &at, Verdict::Match, &seats[1..4]);
    expect(world.send(&attest, &[]));
    let state: Job = world.read(&at);
    assert_eq!(
        (state.state, state.verdict, state.result),
        (JobState::Attested as u8, 1, RESULT)
    );
    assert_eq!(
        (state.signed_match, state.signed_mismatch),
        (mask(&seats[1..4]), 0)
    );
    // three of seven are no majority of all: it may be challenged
    assert_eq!(state.flags, flag::REVEALED);
    assert_eq!(state.deadline, world.slot() + 500);
    assert_error(world.send(&attest, &[]), JobsError::IllegalTransition);
}

#[test]
fn a_majority_of_all_eligible_seats_is_final() {
    let mut world = World::new();
    let (jobs, at, seats) = sealed(&mut world);
    expect(world.send(
        &jobs.attested(&world, &at, Verdict::Match, &seats[..4]),
        &[],
    ));
    assert!(world.read::<Job>(&at).has(flag::FINAL));
}

#[test]
fn a_mismatch_names_no_result_and_makes_a_slash_due_only_when_it_is_settled() {
    let mut world = World::new();
    let (jobs, at, seats) = sealed(&mut world);
    let named = jobs.attest(&at, 2, &RESULT, UNITS, mask(&seats[..3]));
    let attest = jobs.attested(&world, &at, Verdict::Mismatch, &seats[..3]);
    assert_error(
        world.send(&[attest[0].clone(), named], &[]),
        JobsError::BadVerdict,
    );
    expect(world.send(&attest, &[]));
    let state: Job = world.read(&at);
    // until then it may be appealed against
    assert_eq!((state.verdict, state.flags), (2, 0));
    assert_ne!(state.result, RESULT);
}

#[test]
fn a_drawn_panels_minority_counts_only_in_the_last_quarter_of_the_window() {
    let mut world = World::new();
    let (jobs, at, seats) = sealed(&mut world);
    let sealed_at = world.slot();
    let minority = jobs.attested(&world, &at, Verdict::Match, &seats[..2]);
    assert_error(world.send(&minority, &[]), JobsError::MajorityIncomplete);
    world.pass_slots(2_249);
    assert_error(world.send(&minority, &[]), JobsError::MajorityIncomplete);
    world.pass_slots(1);
    expect(world.send(&minority, &[]));
    assert_eq!(world.slot(), sealed_at + 2_250);
    assert_eq!(world.read::<Job>(&at).state, JobState::Sealed as u8);
    // a seat signs once
    assert_error(world.send(&minority, &[]), JobsError::AlreadySigned);
    let other = jobs.attested(&world, &at, Verdict::Mismatch, &seats[..2]);
    assert_error(world.send(&other, &[]), JobsError::AlreadySigned);
    world.pass_slots(749);
    expect(world.send(
        &jobs.attested(&world, &at, Verdict::Match, &seats[2..3]),
        &[],
    ));
    assert_eq!(world.read::<Job>(&at).state, JobState::Attested as u8);
}

#[test]
fn the_window_ends_at_its_deadline() {
    let mut world = World::new();
    let (jobs, at, seats) = sealed(&mut world);
    world.pass_slots(3_000);
    let attest = jobs.attested(&world, &at, Verdict::Match, &seats[..3]);
    assert_error(world.send(&attest, &[]), JobsError::WindowOver);
}

#[test]
fn a_seat_may_move_from_unrunnable_to_another_verdict_and_not_back() {
    let mut world = World::new();
    let (jobs, at, seats) = sealed(&mut world);
    world.pass_slots(2_500);
    expect(world.send(
        &jobs.attested(&world, &at, Verdict::Unrunnable, &seats[..2]),
        &[],
    ));
    let again = jobs.attested(&world, &at, Verdict::Unrunnable, &seats[..1]);
    assert_error(world.send(&again, &[]), JobsError::AlreadySigned);
    expect(world.send(
        &jobs.attested(&world, &at, Verdict::Match, &seats[..2]),
        &[],
    ));
    let state: Job = world.read(&at);
    assert_eq!(
        (state.signed_unrunnable, state.signed_match),
        (0, mask(&seats[..2]))
    );
    let back = jobs.attested(&world, &at, Verdict::Unrunnable, &seats[..1]);
    assert_error(world.send(&back, &[]), JobsError::AlreadySigned);
}

#[test]
fn a_whole_committees_signatures_gather() {
    let mut world = World::new();
    let mut jobs = Jobs::with(&mut world, args(3), 3, 3);
    let at = jobs.sealed(&mut world);
    expect(world.send(&jobs.attested(&world, &at, Verdict::Match, &[1]), &[]));
    expect(world.send(&jobs.attested(&world, &at, Verdict::Match, &[2]), &[]));
    let state: Job = world.read(&at);
    assert_eq!(
        (state.state, state.has(flag::FINAL)),
        (JobState::Attested as u8, true)
    );
}

#[test]
fn a_match_fits_the_commitment() {
    let mut world = World::new();
    let (jobs, at, seats) = sealed(&mut world);
    let honest = jobs.attested(&world, &at, Verdict::Match, &seats[..3]);
    for (result, units) in [([1; 32], UNITS), (RESULT, UNITS - 1), (RESULT, LIMIT)] {
        let attest = jobs.attest(&at, 1, &result, units, mask(&seats[..3]));
        assert_error(
            world.send(&[honest[0].clone(), attest], &[]),
            JobsError::WrongResult,
        );
    }
    for verdict in [0, 4, 255] {
        let attest = jobs.attest(&at, verdict, &RESULT, UNITS, mask(&seats[..3]));
        assert_error(
            world.send(&[honest[0].clone(), attest], &[]),
            JobsError::BadVerdict,
        );
    }
    expect(world.send(&honest, &[]));
}

#[test]
fn only_seats_of_the_panel_count() {
    let mut world = World::new();
    let (jobs, at, seats) = sealed(&mut world);
    let outside = (0..7).find(|seat| !seats.contains(seat)).unwrap();
    let mut named = vec![seats[0], seats[1], outside];
    named.sort();
    let attest = jobs.attested(&world, &at, Verdict::Match, &named);
    assert_error(world.send(&attest, &[]), JobsError::NotInPanel);
    let honest = jobs.attested(&world, &at, Verdict::Match, &seats[..3]);
    let nobody = jobs.attest(&at, 1, &RESULT, UNITS, 0);
    assert_error(
        world.send(&[honest[0].clone(), nobody], &[]),
        JobsError::NotInPanel,
    );
    let beyond = jobs.attest(&at, 1, &RESULT, UNITS, 1 << 31 | mask(&seats[..2]));
    assert_error(
        world.send(&[honest[0].clone(), beyond], &[]),
        JobsError::NotInPanel,
    );
}

#[test]
fn a_signature_by_another_key_is_refused() {
    let mut world = World::new();
    let (jobs, at, seats) = sealed(&mut world);
    let stranger = Keypair::new();
    let wrong_key = forged(&world, &jobs, &at, &seats[..3], |signed| {
        let message = signed[1].2;
        signed[1] = (
            stranger.pubkey(),
            stranger.sign_message(&message).into(),
            message,
        );
    });
    assert_error(world.send(&wrong_key, &[]), JobsError::WrongSigner);
    // one seat's signature three times
    let repeated = forged(&world, &jobs, &at, &seats[..3], |signed| {
        let first = signed[0];
        signed.fill(first);
    });
    assert_error(world.send(&repeated, &[]), JobsError::WrongSigner);
    // the right ones in another order
    let shuffled = forged(&world, &jobs, &at, &seats[..3], |signed| signed.reverse());
    assert_error(world.send(&shuffled, &[]), JobsError::WrongSigner);
    // after a key change only the new key counts
    let member = &jobs.panel.members[usize::from(seats[0])];
    let honest = jobs.attested(&world, &at, Verdict::Match, &seats[..3]);
    world.ok(
        jobs.panel.set_attester(member, &stranger.pubkey()),
        &[&member.owner],
    );
    assert_error(world.send(&honest, &[]), JobsError::WrongSigner);
}

#[test]
fn a_signature_over_anything_else_is_refused() {
    let mut world = World::new();
    let (jobs, at, seats) = sealed(&mut world);
    let wrong_attempt = resigned(&world, &jobs, &at, &seats[..3], |job| job.attempt = 1);
    assert_error(world.send(&wrong_attempt, &[]), JobsError::WrongMessage);
    let wrong_seal = resigned(&world, &jobs, &at, &seats[..3], |job| job.seal[0] ^= 1);
    assert_error(world.send(&wrong_seal, &[]), JobsError::WrongMessage);
    // another job's attestation
    let state: Job = world.read(&at);
    let signed = jobs.digests(&Address::new_unique(), &state, Verdict::Match, &seats[..3]);
    let foreign = [
        proof(&signed),
        jobs.attest(&at, 1, &RESULT, UNITS, mask(&seats[..3])),
    ];
    assert_error(world.send(&foreign, &[]), JobsError::WrongMessage);
    // a mismatch sold as a match
    let signed = jobs.digests(&at, &state, Verdict::Mismatch, &seats[..3]);
    let sold = [
        proof(&signed),
        jobs.attest(&at, 1, &RESULT, UNITS, mask(&seats[..3])),
    ];
    assert_error(world.send(&sold, &[]), JobsError::WrongMessage);
    // one seat's message signed by another
    let swapped = forged(&world, &jobs, &at, &seats[..3], |signed| {
        let message = signed[1].2;
        let attester = &jobs.panel.members[usize::from(seats[0])].attester;
        signed[0] = (
            attester.pubkey(),
            attester.sign_message(&message).into(),
            message,
        );
    });
    assert_error(world.send(&swapped, &[]), JobsError::WrongMessage);
}

#[test]
fn a_signature_that_does_not_verify_never_reaches_the_program() {
    let mut world = World::new();
    let (jobs, at, seats) = sealed(&mut world);
    let broken = forged(&world, &jobs, &at, &seats[..3], |signed| {
        signed[0].1[5] ^= 1
    });
    let failure = assert_refused(world.send(&broken, &[]));
    assert_eq!(failure.index, 0, "{}", failure.log);
    assert_eq!(world.read::<Job>(&at).state, JobState::Sealed as u8);
}

#[test]
fn fewer_or_more_signatures_than_named_prove_nothing() {
    let mut world = World::new();
    let (jobs, at, seats) = sealed(&mut world);
    let partial = forged(&world, &jobs, &at, &seats[..3], |signed| signed.truncate(2));
    assert_error(world.send(&partial, &[]), JobsError::WrongProofCount);
    let state: Job = world.read(&at);
    let four = proof(&jobs.digests(&at, &state, Verdict::Match, &seats[..4]));
    let three = jobs.attest(&at, 1, &RESULT, UNITS, mask(&seats[..3]));
    assert_error(world.send(&[four, three], &[]), JobsError::WrongProofCount);
}

#[test]
fn the_proof_stands_directly_before_in_its_one_layout() {
    let mut world = World::new();
    let (jobs, at, seats) = sealed(&mut world);
    let [proof, attest] = jobs.attested(&world, &at, Verdict::Match, &seats[..3]);
    // none at all: what stands before is the compute budget's
    assert_error(world.send_one(attest.clone(), &[]), JobsError::NotAProof);
    // after it, and with something in between
    assert_error(
        world.send(&[attest.clone(), proof.clone()], &[]),
        JobsError::NotAProof,
    );
    let between = jobs.seal(&world.payer.pubkey(), &at);
    assert_refused(world.send(&[proof.clone(), between, attest.clone()], &[]));
    // offsets that point into the instruction before this one, which holds the same bytes: the precompile agrees
    for field in [1usize, 3, 6] {
        let mut elsewhere = proof.clone();
        // instructions: compute budget, the honest proof, the one that points at it
        elsewhere.data[2 + 2 * field..4 + 2 * field].copy_from_slice(&1u16.to_le_bytes());
        let sent = world.send(&[proof.clone(), elsewhere, attest.clone()], &[]);
        assert_error(sent, JobsError::NotAProof);
    }
    // a byte behind it
    let mut longer = proof.clone();
    longer.data.push(0);
    assert_error(
        world.send(&[longer, attest.clone()], &[]),
        JobsError::NotAProof,
    );
    // another instructions sysvar than the real one
    let fake = world.look_alike(&jobs.market);
    assert_refused(world.send(&[proof.clone(), with_account(attest.clone(), 3, fake)], &[]));
    expect(world.send(&[proof, attest], &[]));
}

#[test]
fn other_committees_markets_and_jobs_are_refused() {
    let mut world = World::new();
    let (mut jobs, at, seats) = sealed(&mut world);
    let other = Panel::serving(&mut world, 5, 7);
    let [proof, attest] = jobs.attested(&world, &at, Verdict::Match, &seats[..3]);
    let committee = with_account(attest.clone(), 1, other.committee);
    assert_error(
        world.send(&[proof.clone(), committee], &[]),
        JobsError::ForeignAccount,
    );
    let market = with_account(attest.clone(), 0, world.look_alike(&jobs.market));
    assert_error(
        world.send(&[proof.clone(), market], &[]),
        JobsError::ForeignAccount,
    );
    let forged = with_account(attest.clone(), 2, world.foreign_owned(&at));
    assert_refused(world.send(&[proof.clone(), forged], &[]));
    let look_alike = with_account(attest.clone(), 2, world.look_alike(&at));
    assert_refused(world.send(&[proof.clone(), look_alike], &[]));
    assert_refused(world.send(&[proof.clone(), read_only(attest.clone(), 2)], &[]));
    let submitted = jobs.submitted(&mut world);
    let early = with_account(attest, 2, submitted);
    assert_error(
        world.send(&[proof, early], &[]),
        JobsError::IllegalTransition,
    );
}

#[test]
fn what_was_not_drawn_is_not_attested() {
    let mut world = World::new();
    let (jobs, at) = unchecked(&mut world);
    let attest = jobs.attested(&world, &at, Verdict::Match, &[0, 1]);
    assert_error(world.send(&attest, &[]), JobsError::NotDrawn);
}
