//! `attest_job`: signatures of the panel are counted. Whoever sends them needs no permission: they are proved by the
//! Ed25519 instruction directly before.

use crate::constants::*;
use crate::error::JobsError;
use crate::state::{flag, Job, JobState, Market};
use anchor_lang::prelude::*;
use lode_attestation::{
    commitment, majority, same, Mistake, Proof, ProofError, Statement, Verdict,
};
use lode_oracle::state::Committee;
use lode_program::ReadOnly;

/// Accounts of `attest_job`. Only the job is written: no two jobs' attestations wait for each other.
#[derive(Accounts)]
pub struct AttestJob {
    /// The job's market.
    #[account(address = job.market @ JobsError::ForeignAccount)]
    pub market: ReadOnly<Market>,
    /// The market's committee.
    #[account(address = market.committee @ JobsError::ForeignAccount)]
    pub committee: ReadOnly<Committee>,
    /// The job: any account of this program and type is one.
    #[account(mut)]
    pub job: Account<Job>,
    /// The instructions sysvar: where the proof stands.
    pub instructions: Sysvar<SysvarInstructions>,
}

/// Every seat of `signers` serves the submission, and signed the message with its current key. A function of its own,
/// so that what one signature costs depends on nothing else.
#[inline(never)]
fn require_seats(
    committee: &Committee,
    proof: &Proof,
    digest: &[u8; 32],
    signers: u32,
    submitted_at: i64,
) -> Result<()> {
    let mut left = signers;
    for signed in proof.signed() {
        let number = left.trailing_zeros() as u8;
        left &= left.wrapping_sub(1);
        let seat = committee.seat(number)?;
        // the panel was eligible when it was drawn; a seat freed since then is nobody's
        require!(seat.is_eligible(submitted_at), JobsError::NotInPanel);
        signed
            .is(&seat.attester, digest, number)
            .map_err(|mistake| match mistake {
                Mistake::Key => JobsError::WrongSigner,
                Mistake::Message => JobsError::WrongMessage,
            })?;
    }
    Ok(())
}

impl AttestJob {
    /// The verdict is one, and names a result iff it is a match, which must fit the commitment.
    fn validate(&self, verdict: u8, result: &[u8; 32], units: u64) -> Result<Verdict> {
        let verdict = Verdict::try_from(verdict).map_err(|_| JobsError::BadVerdict)?;
        if verdict != Verdict::Match {
            require!(same(result, &[0; 32]) && units == 0, JobsError::BadVerdict);
            return Ok(verdict);
        }
        let job = &self.job;
        let fits = if job.has(flag::REVEALED) {
            same(result, &job.result)
        } else {
            let at = job.address();
            let expected = commitment(result, units, at, job.attempt, &job.node);
            same(&expected, &job.result)
        };
        require!(fits && units == job.units, JobsError::WrongResult);
        Ok(verdict)
    }

    /// Every seat of `signers` signed this statement with its current key: proved by the instruction directly before.
    fn require_signed(
        &self,
        verdict: Verdict,
        result: &[u8; 32],
        units: u64,
        signers: u32,
    ) -> Result<()> {
        let before = self
            .instructions
            .get_instruction_relative(-1)
            .map_err(|_| JobsError::NotAProof)?;
        let count = signers.count_ones() as usize;
        let proof = Proof::read(
            before.get_program_id(),
            before.get_instruction_data(),
            count,
        )
        .map_err(|error| match error {
            ProofError::Count => JobsError::WrongProofCount,
            ProofError::Program | ProofError::Layout => JobsError::NotAProof,
        })?;
        let statement = Statement {
            program: &crate::ID,
            job: self.job.address(),
            attempt: self.job.attempt,
            seal: &self.job.seal,
            verdict,
            result,
            units,
            committee: self.committee.address(),
        };
        require_seats(
            &self.committee,
            &proof,
            &statement.digest(),
            signers,
            self.job.submitted_at,
        )
    }

    /// Checks, counts, and closes the tally where a majority stands.
    pub fn handle(
        &mut self,
        verdict: u8,
        result: &[u8; 32],
        units: u64,
        signers: u32,
        slot: u64,
    ) -> Result<()> {
        require!(
            self.job.state == JobState::Sealed as u8
                || self.job.state == JobState::Challenged as u8,
            JobsError::IllegalTransition
        );
        require!(self.job.is_checked(), JobsError::NotDrawn);
        require!(
            self.committee.version == SISTER_VERSION,
            JobsError::UnknownVersion
        );
        self.job.require_open_window(&self.market, slot)?;
        let verdict = self.validate(verdict, result, units)?;
        let panel = self.job.panel;
        require!(signers != 0 && signers & !panel == 0, JobsError::NotInPanel);
        // A seat signs once, but who found the job unrunnable may find it runnable after all.
        let decided = self.job.signed_match | self.job.signed_mismatch;
        let taken = match verdict {
            Verdict::Unrunnable => decided | self.job.signed_unrunnable,
            Verdict::Match | Verdict::Mismatch => decided,
        };
        require!(signers & taken == 0, JobsError::AlreadySigned);
        self.require_signed(verdict, result, units, signers)?;

        let eligible = self.job.eligible;
        let market = &self.market;
        let job = &mut *self.job;
        let tally = match verdict {
            Verdict::Match => &mut job.signed_match,
            Verdict::Mismatch => &mut job.signed_mismatch,
            Verdict::Unrunnable => &mut job.signed_unrunnable,
        };
        *tally |= signers;
        let stands = tally.count_ones();
        if verdict != Verdict::Unrunnable {
            job.signed_unrunnable &= !signers;
        }
        if stands >= majority(panel) {
            job.verdict = verdict as u8;
            if verdict == Verdict::Match {
                job.result = *result;
                job.flags |= flag::REVEALED;
            }
            if panel == eligible || stands >= majority(eligible) {
                job.flags |= flag::FINAL;
            }
            let window = job.challenge_window(market)?;
            job.enter(JobState::Attested, slot, window)?;
        } else {
            // A drawn panel's verdict appears at once or late, so that nobody can copy the first to sign. A whole
            // committee's signatures gather: no transaction holds so many.
            let late = slot >= job.deadline.saturating_sub(market.attest_window / 4);
            require!(panel == eligible || late, JobsError::MajorityIncomplete);
        }
        self.job.tell(self.job.address(), 0);
        Ok(())
    }
}
