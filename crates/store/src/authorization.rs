//! The signatures under which a blob is put, and a job forgotten.
//!
//! The signer signs, with ed25519, these bytes end to end:
//!
//! | bytes | what |
//! |---|---|
//! | 16 | `lode:put-blob:1.`: no other message of Lode begins so, and no transaction does (it would have 108 signers) |
//! | 2 | length of the URL, little-endian |
//! | n | the store's URL as the market names it: another gateway cannot use the signature |
//! | 32 | address of the job |
//! | 1 | attempt of the job |
//! | 32 | SHA-256 of the blob |
//! | 8 | expiry, unix seconds, little-endian |
//!
//! It travels as `Authorization: Lode key=..,job=..,attempt=..,expires=..,signature=..`, keys and signature in base58.
//!
//! A customer who wants all that is stored for his closed job forgotten signs `lode:forget-job.`, the URL with its length,
//! the job and the expiry, written alike. It travels without an attempt.

use crate::{BlobHash, Error, Result};
use solana_address::Address;
use solana_signature::Signature;
use solana_signer::Signer;
use std::time::{SystemTime, UNIX_EPOCH};

const TAG: &[u8; 16] = b"lode:put-blob:1.";
const FORGET: &[u8; 16] = b"lode:forget-job.";
const SCHEME: &str = "Lode ";
/// How long a client's authorisation holds, seconds. Every request is signed anew.
pub const AUTHORIZATION_SECONDS: i64 = 300;
/// A gateway refuses an authorisation that expires later than this from now, seconds.
pub const MOST_AUTHORIZATION_SECONDS: i64 = 3_600;

/// Unix seconds on this machine.
pub fn unix_now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
        })
}

/// What is signed: this blob may be put into this store for this attempt of this job until then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutRequest<'a> {
    /// The store's URL as the market names it, without a slash at its end.
    pub url: &'a str,
    /// The job.
    pub job: Address,
    /// Its attempt.
    pub attempt: u8,
    /// The blob.
    pub blob: BlobHash,
    /// Unix second from which on the signature no longer holds.
    pub expires: i64,
}

impl PutRequest<'_> {
    /// The bytes that are signed; see the module's table.
    pub fn message(&self) -> Vec<u8> {
        let length = u16::try_from(self.url.len()).unwrap_or(u16::MAX);
        [
            &TAG[..],
            &length.to_le_bytes(),
            self.url.as_bytes(),
            self.job.as_ref(),
            &[self.attempt],
            &self.blob.0,
            &self.expires.to_le_bytes(),
        ]
        .concat()
    }

    /// Signs it.
    pub fn sign(&self, signer: &dyn Signer) -> Result<Authorization> {
        Ok(Authorization {
            key: signer.pubkey(),
            job: self.job,
            attempt: self.attempt,
            expires: self.expires,
            signature: signed(signer, &self.message())?,
        })
    }
}

fn signed(signer: &dyn Signer, message: &[u8]) -> Result<Signature> {
    let signed = signer.try_sign_message(message);
    signed.map_err(|_| Error::Authorization("the wallet does not sign it"))
}

/// What is signed: this store may forget all that it has for this job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForgetRequest<'a> {
    /// The store's URL, without a slash at its end.
    pub url: &'a str,
    /// The job.
    pub job: Address,
    /// Unix second from which on the signature no longer holds.
    pub expires: i64,
}

impl ForgetRequest<'_> {
    /// The bytes that are signed.
    pub fn message(&self) -> Vec<u8> {
        let length = u16::try_from(self.url.len()).unwrap_or(u16::MAX);
        [
            &FORGET[..],
            &length.to_le_bytes(),
            self.url.as_bytes(),
            self.job.as_ref(),
            &self.expires.to_le_bytes(),
        ]
        .concat()
    }

    /// Signs it.
    pub fn sign(&self, signer: &dyn Signer) -> Result<ForgetAuthorization> {
        Ok(ForgetAuthorization {
            key: signer.pubkey(),
            job: self.job,
            expires: self.expires,
            signature: signed(signer, &self.message())?,
        })
    }
}

/// Reads the fields of a header's value, one after the other.
struct Fields<'a>(std::str::Split<'a, char>);

impl<'a> Fields<'a> {
    fn of(header: &'a str) -> Option<Self> {
        Some(Self(header.strip_prefix(SCHEME)?.split(',')))
    }

    fn next<T: std::str::FromStr>(&mut self, name: &str) -> Option<T> {
        let value = self.0.next()?.strip_prefix(name)?.strip_prefix('=')?;
        value.parse().ok()
    }

    fn end(mut self) -> Option<()> {
        self.0.next().is_none().then_some(())
    }
}

/// An expiry is neither over nor far away.
fn in_time(expires: i64, now: i64) -> Result<()> {
    if now >= expires {
        return Err(Error::Authorization(
            "it has expired: sign again, and check the clock of this machine",
        ));
    }
    if expires.saturating_sub(now) > MOST_AUTHORIZATION_SECONDS {
        return Err(Error::Authorization(
            "it holds longer than an hour: choose an earlier expiry",
        ));
    }
    Ok(())
}

/// The value of the `Authorization` header of a DELETE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForgetAuthorization {
    /// Who signed.
    pub key: Address,
    /// The job.
    pub job: Address,
    /// Unix second from which on it no longer holds.
    pub expires: i64,
    /// Over [`ForgetRequest::message`].
    pub signature: Signature,
}

impl ForgetAuthorization {
    /// The header's value.
    pub fn to_header(&self) -> String {
        format!(
            "{SCHEME}key={},job={},expires={},signature={}",
            self.key, self.job, self.expires, self.signature
        )
    }

    /// Reads a header's value: exactly the four fields, in this order.
    pub fn parse(header: &str) -> Result<Self> {
        let read = || -> Option<Self> {
            let mut fields = Fields::of(header)?;
            let authorization = Self {
                key: fields.next("key")?,
                job: fields.next("job")?,
                expires: fields.next("expires")?,
                signature: fields.next("signature")?,
            };
            fields.end().map(|()| authorization)
        };
        read().ok_or(Error::Authorization(
            "the header must be `Lode key=..,job=..,expires=..,signature=..`",
        ))
    }

    /// Holds for this store at `now`, unix seconds. Whether the key is the customer's is another question.
    pub fn verify(&self, url: &str, now: i64) -> Result<()> {
        in_time(self.expires, now)?;
        let request = ForgetRequest {
            url,
            job: self.job,
            expires: self.expires,
        };
        if !self.signature.verify(self.key.as_ref(), &request.message()) {
            return Err(Error::Authorization(
                "the signature is not over this store's URL, job and expiry",
            ));
        }
        Ok(())
    }
}

/// The value of the `Authorization` header of a PUT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// Who signed.
    pub key: Address,
    /// The job for which the blob is put.
    pub job: Address,
    /// Its attempt.
    pub attempt: u8,
    /// Unix second from which on it no longer holds.
    pub expires: i64,
    /// Over [`PutRequest::message`].
    pub signature: Signature,
}

impl Authorization {
    /// The header's value.
    pub fn to_header(&self) -> String {
        format!(
            "{SCHEME}key={},job={},attempt={},expires={},signature={}",
            self.key, self.job, self.attempt, self.expires, self.signature
        )
    }

    /// Reads a header's value: exactly the five fields, in this order.
    pub fn parse(header: &str) -> Result<Self> {
        let wrong = Error::Authorization(
            "the header must be `Lode key=..,job=..,attempt=..,expires=..,signature=..`",
        );
        let read = || -> Option<Self> {
            let mut fields = Fields::of(header)?;
            let authorization = Self {
                key: fields.next("key")?,
                job: fields.next("job")?,
                attempt: fields.next("attempt")?,
                expires: fields.next("expires")?,
                signature: fields.next("signature")?,
            };
            fields.end().map(|()| authorization)
        };
        read().ok_or(wrong)
    }

    /// Holds for this store and blob at `now`, unix seconds. Who may write is another question, which only the chain
    /// answers.
    pub fn verify(&self, url: &str, blob: BlobHash, now: i64) -> Result<()> {
        in_time(self.expires, now)?;
        let request = PutRequest {
            url,
            job: self.job,
            attempt: self.attempt,
            blob,
            expires: self.expires,
        };
        if !self.signature.verify(self.key.as_ref(), &request.message()) {
            return Err(Error::Authorization(
                "the signature is not over this store's URL, job, attempt, blob and expiry",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use solana_keypair::Keypair;

    const URL: &str = "http://127.0.0.1:8800";

    fn signed(expires: i64) -> (Authorization, BlobHash) {
        let blob = BlobHash::of(b"lode");
        let request = PutRequest {
            url: URL,
            job: Address::new_from_array([5; 32]),
            attempt: 2,
            blob,
            expires,
        };
        (request.sign(&Keypair::new()).unwrap(), blob)
    }

    #[test]
    fn a_header_is_read_back_and_holds() {
        let (authorization, blob) = signed(1_000);
        let header = authorization.to_header();
        let read = Authorization::parse(&header).unwrap();
        assert_eq!(read, authorization);
        read.verify(URL, blob, 999).unwrap();
    }

    #[test]
    fn a_signature_binds_url_job_attempt_blob_and_expiry() {
        let (base, blob) = signed(1_000);
        assert!(base.verify("http://127.0.0.1:8801", blob, 999).is_err());
        assert!(base.verify(URL, BlobHash::of(b"other"), 999).is_err());
        for foreign in [
            Authorization {
                job: Address::new_from_array([6; 32]),
                ..base
            },
            Authorization { attempt: 3, ..base },
            Authorization {
                expires: 1_001,
                ..base
            },
            Authorization {
                key: Address::new_from_array([6; 32]),
                ..base
            },
        ] {
            assert!(foreign.verify(URL, blob, 999).is_err(), "{foreign:?}");
        }
    }

    #[test]
    fn a_request_to_forget_binds_url_job_and_expiry_and_is_no_request_to_put() {
        let request = ForgetRequest {
            url: URL,
            job: Address::new_from_array([5; 32]),
            expires: 1_000,
        };
        let signed = request.sign(&Keypair::new()).unwrap();
        let read = ForgetAuthorization::parse(&signed.to_header()).unwrap();
        assert_eq!(read, signed);
        read.verify(URL, 999).unwrap();
        assert!(read.verify(URL, 1_000).is_err());
        assert!(read.verify("http://127.0.0.1:8801", 999).is_err());
        let job = Address::new_from_array([6; 32]);
        assert!(ForgetAuthorization { job, ..read }
            .verify(URL, 999)
            .is_err());
        let expires = 1_001;
        assert!(ForgetAuthorization { expires, ..read }
            .verify(URL, 999)
            .is_err());
        assert!(Authorization::parse(&signed.to_header()).is_err());
        let (put, _) = super::tests::signed(1_000);
        assert!(ForgetAuthorization::parse(&put.to_header()).is_err());
    }

    #[test]
    fn a_signature_ends_at_its_expiry_and_may_not_hold_for_long() {
        let (authorization, blob) = signed(10_000);
        assert!(authorization.verify(URL, blob, 10_000).is_err());
        assert!(authorization.verify(URL, blob, 9_999).is_ok());
        assert!(authorization.verify(URL, blob, 6_400).is_ok());
        assert!(authorization.verify(URL, blob, 6_399).is_err());
    }

    #[test]
    fn a_header_of_another_shape_is_refused() {
        let header = signed(1_000).0.to_header();
        for wrong in [
            String::new(),
            header.replace("Lode ", "Bearer "),
            header.replace("attempt=2", "attempt=256"),
            header.replace("attempt=2,", ""),
            format!("{header},more=1"),
            format!("{header}0000"),
        ] {
            assert!(Authorization::parse(&wrong).is_err(), "{wrong}");
        }
    }
}
