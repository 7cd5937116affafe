//! Forgers who know the precompile and the layout: beside the tests of `attest_job`, what would take money if a single
//! check were missing.

use lode_attestation::{instruction_data, Message, Statement, Verdict, ED25519_PROGRAM};
use lode_jobs::error::JobsError;
use lode_jobs::state::{flag, Job, JobState};
use lode_tests::jobs::*;
use lode_tests::*;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_signer::Signer;

/// Key, signature, message.
type Signed = (Address, [u8; 64], Message);

/// A sealed job whose panel is five of seven seats.
struct Case {
    world: World,
    jobs: Jobs,
    job: Address,
    /// Three seats of the panel, ascending: a majority.
    seats: [u8; 3],
}

impl Case {
    fn new() -> Self {
        let mut world = World::new();
        let mut jobs = Jobs::with(&mut world, args(5), 5, 7);
        let job = jobs.sealed(&mut world);
        let state: Job = world.read(&job);
        assert_eq!(
            (state.panel.count_ones(), state.eligible),
            (5, 0b111_1111),
            "a drawn panel is meant to be tested"
        );
        let mut panel = (0..7).filter(|seat| state.panel >> seat & 1 == 1);
        let seats = core::array::from_fn(|_| panel.next().unwrap());
        Self {
            world,
            jobs,
            job,
            seats,
        }
    }

    fn state(&self) -> Job {
        self.world.read(&self.job)
    }

    fn mask(seats: &[u8]) -> u32 {
        seats.iter().fold(0, |mask, seat| mask | 1 << seat)
    }

    /// What the three seats sign of a match, honestly.
    fn signed(&self) -> Vec<Signed> {
        self.jobs
            .digests(&self.job, &self.state(), Verdict::Match, &self.seats)
    }

    /// `attest_job` of a match by the three seats.
    fn attest(&self) -> Instruction {
        let signers = Self::mask(&self.seats);
        self.jobs
            .attest(&self.job, Verdict::Match as u8, &RESULT, UNITS, signers)
    }

    fn send(&mut self, instructions: &[Instruction]) -> Sent {
        self.world.send(instructions, &[])
    }

    /// Nothing was counted.
    #[track_caller]
    fn assert_untouched(&self) {
        let state = self.state();
        assert_eq!(state.state, JobState::Sealed as u8);
        assert_eq!(
            state.signed_match | state.signed_mismatch | state.signed_unrunnable,
            0
        );
    }

    /// The honest signatures go through: what was refused before was refused for its own fault.
    #[track_caller]
    fn assert_honest_goes_through(&mut self) {
        self.assert_untouched();
        let honest = [proof(&self.signed()), self.attest()];
        expect(self.send(&honest));
        let state = self.state();
        assert_eq!(state.state, JobState::Attested as u8);
        assert_eq!(state.signed_match, Self::mask(&self.seats));
        // three of seven are a verdict, not a final one
        assert_eq!(state.flags & flag::FINAL, 0);
    }
}

/// A signature of `key` over `message`.
fn sign(key: &Keypair, message: Message) -> Signed {
    (key.pubkey(), key.sign_message(&message).into(), message)
}

#[test]
fn a_verdict_without_a_proof_directly_before_it_is_refused() {
    let mut case = Case::new();
    let (proof, attest) = (proof(&case.signed()), case.attest());
    // only the compute budget's instruction stands before it
    assert_error(
        case.send(std::slice::from_ref(&attest)),
        JobsError::NotAProof,
    );
    // nothing at all stands before it
    assert_error(
        case.world.send_as_program(attest.clone()),
        JobsError::NotAProof,
    );
    // the proof stands behind it
    assert_error(
        case.send(&[attest.clone(), proof.clone()]),
        JobsError::NotAProof,
    );
    // something stands between them
    let reveal = case
        .jobs
        .open_ledger(&case.world.payer.pubkey(), &case.jobs.authority.pubkey());
    assert_error(
        case.send(&[proof, reveal, attest.clone()]),
        JobsError::NotAProof,
    );
    // a proof of nothing
    let empty = Instruction {
        program_id: ED25519_PROGRAM,
        accounts: vec![],
        data: vec![0, 0],
    };
    assert_error(case.send(&[empty, attest]), JobsError::WrongProofCount);
    case.assert_honest_goes_through();
}

#[test]
fn a_signature_is_for_one_job_attempt_seal_verdict_result_committee_and_seat() {
    let mut case = Case::new();
    let state = case.state();
    let (other, hash) = (Address::new_unique(), [0x77; 32]);
    let honest = Statement {
        program: &lode_jobs::ID,
        job: &case.job,
        attempt: state.attempt,
        seal: &state.seal,
        verdict: Verdict::Match,
        result: &RESULT,
        units: UNITS,
        committee: &case.jobs.panel.committee,
    };
    let [first, second, _] = case.seats;
    let member = &case.jobs.panel.members[usize::from(first)];
    let key = member.attester.insecure_clone();
    let wrong = [
        (
            "program",
            Statement {
                program: &other,
                ..honest
            }
            .message(first),
        ),
        (
            "job",
            Statement {
                job: &other,
                ..honest
            }
            .message(first),
        ),
        (
            "attempt",
            Statement {
                attempt: state.attempt + 1,
                ..honest
            }
            .message(first),
        ),
        (
            "seal",
            Statement {
                seal: &hash,
                ..honest
            }
            .message(first),
        ),
        (
            "verdict",
            Statement {
                verdict: Verdict::Mismatch,
                ..honest
            }
            .message(first),
        ),
        (
            "result",
            Statement {
                result: &hash,
                ..honest
            }
            .message(first),
        ),
        (
            "units",
            Statement {
                units: UNITS + 1,
                ..honest
            }
            .message(first),
        ),
        (
            "committee",
            Statement {
                committee: &other,
                ..honest
            }
            .message(first),
        ),
        ("seat", honest.message(second)),
    ];
    let attest = case.attest();
    for (field, digest) in wrong {
        let mut signed = case.signed();
        assert_ne!(signed[0].2, digest, "{field}");
        signed[0] = sign(&key, digest);
        let sent = case.send(&[proof(&signed), attest.clone()]);
        assert!(sent.is_err(), "another {field} was accepted");
        assert_error(sent, JobsError::WrongMessage);
    }
    case.assert_honest_goes_through();
}

#[test]
fn signatures_of_an_earlier_attempt_prove_nothing_in_the_next() {
    let mut case = Case::new();
    let old = case.signed();
    let deadline = case.state().deadline;
    // the same node runs the job again in its second attempt, with the same result
    let mut state = case.state();
    state.attempt += 1;
    state.result = lode_attestation::commitment(
        &RESULT,
        UNITS,
        &case.job,
        state.attempt,
        &case.jobs.node.node,
    );
    case.world.write(&case.job, &state);
    assert!(case.world.slot() < deadline);
    let attest = case.attest();
    assert_error(case.send(&[proof(&old), attest]), JobsError::WrongMessage);
    case.assert_honest_goes_through();
}

#[test]
fn a_match_names_the_committed_result_and_units_and_no_other_verdict_names_any() {
    let mut case = Case::new();
    let signers = Case::mask(&case.seats);
    let honest = proof(&case.signed());
    let zero = [0; 32];
    for (verdict, result, units, error) in [
        (1, [8; 32], UNITS, JobsError::WrongResult),
        (1, RESULT, UNITS + 1, JobsError::WrongResult),
        (1, RESULT, UNITS - 1, JobsError::WrongResult),
        (1, zero, 0, JobsError::WrongResult),
        (0, RESULT, UNITS, JobsError::BadVerdict),
        (4, RESULT, UNITS, JobsError::BadVerdict),
        (255, zero, 0, JobsError::BadVerdict),
        (2, RESULT, UNITS, JobsError::BadVerdict),
        (2, RESULT, 0, JobsError::BadVerdict),
        (3, zero, 1, JobsError::BadVerdict),
        // the honest match, relayed as something else
        (2, zero, 0, JobsError::WrongMessage),
        (3, zero, 0, JobsError::WrongMessage),
    ] {
        let attest = case
            .jobs
            .attest(&case.job, verdict, &result, units, signers);
        assert_error(case.send(&[honest.clone(), attest]), error);
    }
    case.assert_honest_goes_through();
}

/// Overwrites one of the seven numbers of a proof's signature `i`.
fn set_offset(data: &mut [u8], i: usize, field: usize, value: u16) {
    let at = 2 + 14 * i + 2 * field;
    data[at..at + 2].copy_from_slice(&value.to_le_bytes());
}

#[test]
fn offsets_that_point_into_another_instruction_prove_nothing() {
    let mut case = Case::new();
    let attest = case.attest();
    // a thief signs whatever he likes, honestly
    let thief = Keypair::new();
    let own: Vec<Signed> = (0..3).map(|i| sign(&thief, [i; 33])).collect();
    let genuine = proof(&own);
    // and shows the seats' keys and digests in a second instruction whose offsets point at the first
    let shown: Vec<Signed> = case
        .signed()
        .into_iter()
        .map(|(key, _, digest)| (key, [0; 64], digest))
        .collect();
    let mut data = instruction_data(&shown);
    for i in 0..3 {
        for field in [1, 3, 6] {
            // the compute budget's is instruction 0, the genuine proof 1
            set_offset(&mut data, i, field, 1);
        }
    }
    let fake = Instruction {
        program_id: ED25519_PROGRAM,
        accounts: vec![],
        data,
    };
    // the precompile is content with both
    expect(case.send(&[genuine.clone(), fake.clone()]));
    assert_error(case.send(&[genuine, fake, attest]), JobsError::NotAProof);
    case.assert_honest_goes_through();
}

#[test]
fn offsets_that_point_elsewhere_in_the_same_instruction_prove_nothing() {
    let mut case = Case::new();
    let attest = case.attest();
    let thief = Keypair::new();
    let shown: Vec<Signed> = case
        .signed()
        .into_iter()
        .map(|(key, _, digest)| (key, [0; 64], digest))
        .collect();
    // the thief's own key, signature and message stand behind the canonical data, and all offsets name them
    let mut data = instruction_data(&shown);
    let (key, signature, message) = sign(&thief, [5; 33]);
    let at = data.len() as u16;
    data.extend(key.as_ref());
    data.extend(signature);
    data.extend(message);
    for i in 0..3 {
        set_offset(&mut data, i, 0, at + 32);
        set_offset(&mut data, i, 2, at);
        set_offset(&mut data, i, 4, at + 96);
    }
    let longer = Instruction {
        program_id: ED25519_PROGRAM,
        accounts: vec![],
        data,
    };
    expect(case.send(std::slice::from_ref(&longer)));
    assert_error(case.send(&[longer, attest.clone()]), JobsError::NotAProof);

    // no byte more, but all three offsets name the first signature, which is real
    let mut one_real = shown.clone();
    one_real[0] = case.signed()[0];
    let mut data = instruction_data(&one_real);
    let head: [u8; 14] = data[2..16].try_into().unwrap();
    data[16..30].copy_from_slice(&head);
    data[30..44].copy_from_slice(&head);
    let repeated = Instruction {
        program_id: ED25519_PROGRAM,
        accounts: vec![],
        data,
    };
    expect(case.send(std::slice::from_ref(&repeated)));
    assert_error(case.send(&[repeated, attest.clone()]), JobsError::NotAProof);

    // a trailing byte, and offsets that name this instruction by its number instead of as itself
    let mut trailing = proof(&case.signed());
    trailing.data.push(0);
    expect(case.send(std::slice::from_ref(&trailing)));
    assert_error(case.send(&[trailing, attest.clone()]), JobsError::NotAProof);
    let mut numbered = proof(&case.signed());
    for field in [1, 3, 6] {
        set_offset(&mut numbered.data, 0, field, 1);
    }
    expect(case.send(std::slice::from_ref(&numbered)));
    assert_error(case.send(&[numbered, attest]), JobsError::NotAProof);
    case.assert_honest_goes_through();
}

#[test]
fn three_of_a_panel_of_five_cost_less_than_three_thousand_compute_units() {
    let mut case = Case::new();
    let honest = [proof(&case.signed()), case.attest()];
    let sent = expect(case.send(&honest));
    // what the compute budget's own instruction costs
    let units = sent.compute_units_consumed - 150;
    assert!(units < 3_000, "attest_job: {units} compute units");
}
