//! Attestation objects, and where things stand below a gateway's URL.

use crate::{BlobHash, Error, Result};
use solana_address::Address;
use solana_signature::Signature;

/// Bytes of an attestation object: verdict and signature.
pub const ATTESTATION_BYTES: usize = 65;

/// What an oracle leaves in the store: its verdict and its signature over the digest that `lode_attestation` defines.
/// Never the result hash or the units: whoever wants to use a *match* has computed or fetched them himself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attestation {
    /// 1 match, 2 mismatch, 3 unrunnable.
    pub verdict: u8,
    /// Signature of the seat's attester over its own 32 bytes.
    pub signature: Signature,
}

impl Attestation {
    /// The object's bytes.
    pub fn to_bytes(self) -> [u8; ATTESTATION_BYTES] {
        let mut bytes = [0; ATTESTATION_BYTES];
        bytes[0] = self.verdict;
        bytes[1..].copy_from_slice(self.signature.as_ref());
        bytes
    }

    /// Reads an object's bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        match bytes {
            [verdict @ 1..=3, signature @ ..] => Ok(Self {
                verdict: *verdict,
                signature: Signature::from(
                    <[u8; 64]>::try_from(signature).map_err(|_| Error::NotAnAttestation)?,
                ),
            }),
            _ => Err(Error::NotAnAttestation),
        }
    }
}

/// `blobs/<sha256>`.
pub(crate) fn blob(hash: &BlobHash) -> String {
    format!("blobs/{hash}")
}

/// `attest/<job>/<attempt>/<seat>`.
pub(crate) fn attestation(job: &Address, attempt: u8, seat: u8) -> String {
    format!("attest/{job}/{attempt}/{seat}")
}

/// `jobs/<job>`: all that is stored for a job.
pub(crate) fn job(job: &Address) -> String {
    format!("jobs/{job}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_attestation_is_65_bytes_with_a_verdict_from_1_to_3() {
        let attestation = Attestation {
            verdict: 2,
            signature: Signature::from([7; 64]),
        };
        let bytes = attestation.to_bytes();
        assert_eq!(Attestation::from_bytes(&bytes).unwrap(), attestation);
        for wrong in [0, 4, 255] {
            let mut bytes = bytes;
            bytes[0] = wrong;
            assert!(Attestation::from_bytes(&bytes).is_err(), "{wrong}");
        }
        assert!(Attestation::from_bytes(&bytes[..64]).is_err());
        assert!(Attestation::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
        assert!(Attestation::from_bytes(&[]).is_err());
    }
}
