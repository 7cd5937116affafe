//! The panel's signatures that lie in a market's store.

use crate::due::seats;
use crate::{Error, Result};
use futures_util::{stream, StreamExt};
use lode_attestation::{Statement, Verdict};
use lode_client::instructions::jobs::SeatSignature;
use lode_jobs::state::{flag, Job, Market};
use lode_oracle::state::Committee;
use lode_store::GatewayClient;
use solana_address::Address;

/// How many seats are asked for at the same time.
const AT_ONCE: usize = 8;

/// A seat's signature under a verdict, which holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub verdict: Verdict,
    pub signature: SeatSignature,
}

/// Hash and units of a receipt.
pub(crate) type Receipt = ([u8; 32], u64);

/// The market's store.
pub(crate) fn gateway(market: &Market) -> Result<GatewayClient> {
    let url = String::from_utf8_lossy(&market.store_url);
    Ok(GatewayClient::new(url.trim_end_matches('\0'))?)
}

/// What a match of this job names: what was revealed, else what this machine knows. The store tells neither.
pub(crate) fn receipt(job: &Job, known: Option<Receipt>) -> Option<Receipt> {
    if job.has(flag::REVEALED) {
        Some((job.result, job.units))
    } else {
        known
    }
}

/// All signatures of the panel that hold, but for those of seats that have decided on the chain. A match can be read
/// only where its receipt is known.
pub(crate) async fn find(
    at: &Address,
    job: &Job,
    market: &Market,
    committee: &Committee,
    known: Option<Receipt>,
) -> Result<Vec<Found>> {
    let store = gateway(market)?;
    let open = job.panel & !(job.signed_match | job.signed_mismatch);
    let asked: Vec<_> = stream::iter(seats(open))
        .map(|seat| {
            let store = &store;
            async move { (seat, store.attestation(at, job.attempt, seat).await) }
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    let mut found = Vec::new();
    for (seat, answer) in asked {
        let attestation = match answer {
            Ok(Some(attestation)) => attestation,
            Ok(None) | Err(lode_store::Error::NotAnAttestation) => continue,
            Err(error) => return Err(Error::Store(error)),
        };
        let (Ok(verdict), Some(sitting)) = (
            Verdict::try_from(attestation.verdict),
            committee.seats.get(usize::from(seat)),
        ) else {
            continue;
        };
        let (result, units) = match (verdict, receipt(job, known)) {
            (Verdict::Match, Some(receipt)) => receipt,
            (Verdict::Match, None) => continue,
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
            continue;
        }
        found.push(Found {
            verdict,
            signature: SeatSignature {
                seat,
                owner: sitting.owner,
                attester: sitting.attester,
                signature: attestation.signature.into(),
            },
        });
    }
    Ok(found)
}
