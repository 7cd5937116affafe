//! The hashes that bind a result to its job.

use anchor_lang::{address_eq, prelude::sha256, Address};
use bytemuck::{bytes_of, Pod, Zeroable};

/// What an oracle says of a result.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// I get this result, and it fits the commitment.
    Match = 1,
    /// I get another result.
    Mismatch = 2,
    /// The spec, the module or an input cannot be had from the store.
    Unrunnable = 3,
}

impl TryFrom<u8> for Verdict {
    type Error = u8;

    /// The verdict of a byte, or the byte where it is none.
    fn try_from(byte: u8) -> Result<Self, u8> {
        match byte {
            1 => Ok(Self::Match),
            2 => Ok(Self::Mismatch),
            3 => Ok(Self::Unrunnable),
            other => Err(other),
        }
    }
}

/// What is hashed: plain bytes end to end, laid out by the compiler without a call.
macro_rules! hashed {
    ($name:ident: $length:literal { $($field:ident: $type:ty),+ $(,)? }) => {
        #[repr(C)]
        #[derive(Clone, Copy, Pod, Zeroable)]
        struct $name { $($field: $type),+ }
        const _: () = assert!(core::mem::size_of::<$name>() == $length);
    };
}
pub(crate) use hashed;

hashed!(CommitmentBytes: 121 {
    tag: [u8; 16], result: [u8; 32], units: [u8; 8], job: [u8; 32], attempt: u8, node: [u8; 32],
});
hashed!(LotteryBytes: 89 {
    tag: [u8; 16], opened_at: [u8; 8], job: [u8; 32], attempt: u8, node: [u8; 32],
});
hashed!(StatementBytes: 186 {
    tag: [u8; 16], program: [u8; 32], job: [u8; 32], attempt: u8, seal: [u8; 32], verdict: u8, result: [u8; 32],
    units: [u8; 8], committee: [u8; 32],
});

/// What a seat signs: the digest of a [`Statement`], then the seat's number.
pub type Message = [u8; 33];

/// `sha256(tag, result hash, units, job, attempt, node)`: what `submit_result` publishes instead of the result, so
/// that nobody can copy what he did not compute. The job binds it to one customer and market, the attempt and the
/// node to one run.
pub fn commitment(
    result: &[u8; 32],
    units: u64,
    job: &Address,
    attempt: u8,
    node: &Address,
) -> [u8; 32] {
    sha256(bytes_of(&CommitmentBytes {
        tag: *b"lode:commit:1...",
        result: *result,
        units: units.to_le_bytes(),
        job: *job.as_array(),
        attempt,
        node: *node.as_array(),
    }))
}

/// `u64 of sha256(tag, opening slot, job, attempt, node)`, the first eight bytes, little-endian: a node's number in
/// the lottery of one opening.
pub fn lottery_number(opened_at: u64, job: &Address, attempt: u8, node: &Address) -> u64 {
    first_u64(&sha256(bytes_of(&LotteryBytes {
        tag: *b"lode:lottery:1..",
        opened_at: opened_at.to_le_bytes(),
        job: *job.as_array(),
        attempt,
        node: *node.as_array(),
    })))
}

/// Equality of hashes and keys by four numbers, without the call that comparing slices costs on chain.
#[inline(always)]
pub fn same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    address_eq(&Address::new_from_array(*a), &Address::new_from_array(*b))
}

/// The first eight bytes of a hash, little-endian.
pub(crate) fn first_u64(hash: &[u8; 32]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *hash;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

/// What the signers of one verdict have in common.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// Id of the jobs program, so that a signature serves one cluster's programs only.
    pub program: &'a Address,
    /// The job.
    pub job: &'a Address,
    /// Its attempt: the same job run again is another matter.
    pub attempt: u8,
    /// The seal, which names submission and panel.
    pub seal: &'a [u8; 32],
    /// The verdict.
    pub verdict: Verdict,
    /// Hash of the receipt for a match, else zero: whoever relays another verdict need not know it.
    pub result: &'a [u8; 32],
    /// Units of the receipt for a match, else 0.
    pub units: u64,
    /// The committee.
    pub committee: &'a Address,
}

impl Statement<'_> {
    /// `sha256(tag, program, job, attempt, seal, verdict, result, units, committee)`: what all signers have in common.
    pub fn digest(&self) -> [u8; 32] {
        sha256(bytes_of(&StatementBytes {
            tag: *b"lode:attest:1...",
            program: *self.program.as_array(),
            job: *self.job.as_array(),
            attempt: self.attempt,
            seal: *self.seal,
            verdict: self.verdict as u8,
            result: *self.result,
            units: self.units.to_le_bytes(),
            committee: *self.committee.as_array(),
        }))
    }

    /// What a seat signs. Its number makes every signer's bytes its own, also where one key signs for two seats. Whose
    /// seat it was at the submission, the number says: a seat that changed hands serves no submission of before.
    pub fn message(&self, seat: u8) -> Message {
        let mut message = [seat; 33];
        message[..32].copy_from_slice(&self.digest());
        message
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::collections::BTreeSet;

    const A: Address = Address::new_from_array([1; 32]);
    const B: Address = Address::new_from_array([2; 32]);

    #[test]
    fn a_commitment_binds_every_field() {
        let all = [
            commitment(&[9; 32], 5, &A, 1, &B),
            commitment(&[8; 32], 5, &A, 1, &B),
            commitment(&[9; 32], 6, &A, 1, &B),
            commitment(&[9; 32], 5, &B, 1, &B),
            commitment(&[9; 32], 5, &A, 2, &B),
            commitment(&[9; 32], 5, &A, 1, &A),
        ];
        assert_eq!(BTreeSet::from(all).len(), all.len());
    }

    #[test]
    fn a_lottery_number_binds_every_field() {
        let all = [
            lottery_number(5, &A, 1, &B),
            lottery_number(6, &A, 1, &B),
            lottery_number(5, &B, 1, &B),
            lottery_number(5, &A, 2, &B),
            lottery_number(5, &A, 1, &A),
        ];
        assert_eq!(BTreeSet::from(all).len(), all.len());
    }

    #[test]
    fn a_signed_message_binds_every_field() {
        let base = Statement {
            program: &A,
            job: &A,
            attempt: 1,
            seal: &[3; 32],
            verdict: Verdict::Match,
            result: &[4; 32],
            units: 7,
            committee: &A,
        };
        let all = [
            base.message(0),
            base.message(1),
            Statement {
                program: &B,
                ..base
            }
            .message(0),
            Statement { job: &B, ..base }.message(0),
            Statement { attempt: 2, ..base }.message(0),
            Statement {
                seal: &[4; 32],
                ..base
            }
            .message(0),
            Statement {
                verdict: Verdict::Mismatch,
                ..base
            }
            .message(0),
            Statement {
                result: &[5; 32],
                ..base
            }
            .message(0),
            Statement { units: 8, ..base }.message(0),
            Statement {
                committee: &B,
                ..base
            }
            .message(0),
        ];
        assert_eq!(BTreeSet::from(all).len(), all.len());
    }

    #[test]
    fn a_verdict_is_read_back_from_its_byte() {
        for verdict in [Verdict::Match, Verdict::Mismatch, Verdict::Unrunnable] {
            assert_eq!(Verdict::try_from(verdict as u8), Ok(verdict));
        }
        assert_eq!(Verdict::try_from(0), Err(0));
        assert_eq!(Verdict::try_from(4), Err(4));
    }
}
