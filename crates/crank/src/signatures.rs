//! The panel's signatures that lie in a market's store.

use crate::due::{seats, Batch};
use crate::{Error, Result};
use futures_util::{stream, StreamExt};
use lode_attestation::{Statement, Verdict};
use lode_client::instructions::jobs::{self, SeatSignature};
use lode_jobs::state::{flag, Job, Market};
use lode_oracle::state::Committee;
use lode_store::GatewayClient;
use solana_address::Address;
use solana_instruction::Instruction;

/// How many seats are asked for at the same time.
const AT_ONCE: usize = 8;

/// A seat's signature under a verdict, which holds.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// What it says.
    pub verdict: Verdict,
    /// Whose it is, and the signature itself.
    pub signature: SeatSignature,
}

/// Hash and units of a receipt.
pub type Receipt = ([u8; 32], u64);

/// What a match of this job names: what was revealed, else what this machine knows. The store tells neither.
pub(crate) fn receipt(job: &Job, known: Option<Receipt>) -> Option<Receipt> {
    if job.has(flag::REVEALED) {
        Some((job.result, job.units))
    } else {
        known
    }
}

/// All signatures of the panel that hold and are in the market's `store`, but for those of seats that have decided on the chain. A match can be read
/// only where its receipt is known.
///
/// # Errors
/// [`Error::Store`].
pub async fn find(
    store: &GatewayClient,
    at: &Address,
    job: &Job,
    market: &Market,
    committee: &Committee,
    known: Option<Receipt>,
) -> Result<Vec<Found>> {
    let open = job.panel & !(job.signed_match | job.signed_mismatch);
    let asked: Vec<_> = stream::iter(seats(open))
        .map(|seat| async move { (seat, store.attestations(at, job.attempt, seat).await) })
        .buffered(AT_ONCE)
        .collect()
        .await;
    let mut found = Vec::new();
    for (seat, answer) in asked {
        let attestations = match answer {
            Ok(attestations) => attestations,
            Err(lode_store::Error::NotAnAttestation) => continue,
            Err(error) => return Err(Error::Store(error)),
        };
        let Some(sitting) = committee.seats.get(usize::from(seat)) else {
            continue;
        };
        let holding = attestations.iter().filter_map(|attestation| {
            let verdict = Verdict::try_from(attestation.verdict).ok()?;
            let (result, units) = match (verdict, receipt(job, known)) {
                (Verdict::Match, Some(receipt)) => receipt,
                (Verdict::Match, None) => return None,
                _ => ([0; 32], 0),
            };
            let message = Statement {
                program: &lode_jobs::ID,
                job: at,
                attempt: job.attempt,
                seal: &job.seal,
                verdict,
                result: &result,
                units,
                committee: &market.committee,
            }
            .message(seat);
            let holds = sitting.is_eligible(job.submitted_at)
                && attestation
                    .signature
                    .verify(sitting.attester.as_ref(), &message);
            if !holds {
                tracing::debug!(job = %at, attempt = job.attempt, seat, "the store has a signature that does not hold");
            }
            holds.then(|| Found {
                verdict,
                signature: SeatSignature {
                    seat,
                    owner: sitting.owner,
                    attester: sitting.attester,
                    signature: attestation.signature.into(),
                },
            })
        });
        // of several gateways one may still have what the seat has taken back: only `unrunnable` may be
        found.extend(holding.min_by_key(|found| found.verdict == Verdict::Unrunnable));
    }
    Ok(found)
}

/// The instructions that bring those of `found` which a batch names; `known` as [`find`] was told.
pub fn attest(
    at: &Address,
    job: &Job,
    market: &Market,
    batch: &Batch,
    found: &[Found],
    known: Option<Receipt>,
) -> Vec<Instruction> {
    let signed: Vec<_> = found
        .iter()
        .filter(|f| f.verdict == batch.verdict && batch.seats.contains(&f.signature.seat))
        .map(|f| f.signature)
        .collect();
    let (result, units) = match batch.verdict {
        Verdict::Match => receipt(job, known).unwrap_or_default(),
        Verdict::Mismatch | Verdict::Unrunnable => Receipt::default(),
    };
    let committee = &market.committee;
    jobs::attest_job(at, job, committee, batch.verdict, result, units, &signed).to_vec()
}
