//! The Ed25519 instruction that proves signatures, in the one layout that is accepted.
//!
//! `[count][0]`, then per signature seven offsets (14 bytes), then all keys, all signatures, all 33-byte messages. The
//! precompile checks whatever the offsets point at, in whichever instruction; so every offset must be exactly the
//! canonical one and name this instruction (`0xFFFF`). Then what stands here is what was verified.

use crate::digest::{same, Message};
use anchor_lang::{address_eq, Address};

/// The precompile that verifies Ed25519 signatures.
pub const ED25519_PROGRAM: Address =
    Address::from_str_const("Ed25519SigVerify111111111111111111111111111");

/// Signatures in one proof at most: a whole committee's.
pub const MOST_SIGNERS: usize = 32;

const OFFSETS: usize = 14;
const KEY: usize = 32;
const SIGNATURE: usize = 64;
const MESSAGE: usize = core::mem::size_of::<Message>();
/// This instruction, in the precompile's numbering.
const HERE: u16 = u16::MAX;

/// Why an instruction proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofError {
    /// It is not addressed to the Ed25519 program.
    Program,
    /// Another number of signatures than expected.
    Count,
    /// Its length or an offset is not the canonical one.
    Layout,
}

/// Keys and messages of an Ed25519 instruction that the precompile has verified.
#[derive(Clone, Copy, Debug)]
pub struct Proof<'a> {
    keys: &'a [[u8; KEY]],
    messages: &'a [Message],
}

impl<'a> Proof<'a> {
    /// Reads the instruction of `program` with `data` as a proof of exactly `count` signatures.
    ///
    /// The caller must take program and data from the instructions sysvar, at a place before its own: only then has
    /// the precompile run.
    pub fn read(program: &Address, data: &'a [u8], count: usize) -> Result<Self, ProofError> {
        if !address_eq(program, &ED25519_PROGRAM) {
            return Err(ProofError::Program);
        }
        let (keys, signatures, messages, end) = places(count).ok_or(ProofError::Count)?;
        let (Some(&given), Some(&0)) = (data.first(), data.get(1)) else {
            return Err(ProofError::Layout);
        };
        if usize::from(given) != count {
            return Err(ProofError::Count);
        }
        if data.len() != end {
            return Err(ProofError::Layout);
        }
        let mut expected = Offsets::first(keys, signatures, messages);
        for offsets in data[2..keys].as_chunks::<OFFSETS>().0 {
            if !expected.are(offsets) {
                return Err(ProofError::Layout);
            }
            expected = expected.next();
        }
        Ok(Self {
            keys: data[keys..signatures].as_chunks().0,
            messages: data[messages..end].as_chunks().0,
        })
    }

    /// The signatures in their order.
    #[inline(always)]
    pub fn signed(&self) -> impl Iterator<Item = Signed<'a>> {
        let pairs = self.keys.iter().zip(self.messages);
        pairs.map(|(key, message)| Signed { key, message })
    }

    /// Whether signature `i` is that of `key` for `seat` over a statement's digest.
    pub fn is(&self, i: usize, key: &Address, digest: &[u8; 32], seat: u8) -> Result<(), Mistake> {
        let signed = self.signed().nth(i).ok_or(Mistake::Key)?;
        signed.is(key, digest, seat)
    }
}

/// One signature of a proof.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    key: &'a [u8; KEY],
    message: &'a Message,
}

impl Signed<'_> {
    /// Whether it is that of `key` for `seat` over a statement's digest.
    #[inline(always)]
    pub fn is(&self, key: &Address, digest: &[u8; 32], seat: u8) -> Result<(), Mistake> {
        if !same(self.key, key.as_array()) {
            return Err(Mistake::Key);
        }
        let [signed @ .., number] = self.message;
        if !same(signed, digest) || *number != seat {
            return Err(Mistake::Message);
        }
        Ok(())
    }
}

/// What is wrong with one signature of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// It is by another key.
    Key,
    /// It is over another message.
    Message,
}

/// Where keys, signatures and messages begin, and where all ends.
fn places(count: usize) -> Option<(usize, usize, usize, usize)> {
    if count == 0 || count > MOST_SIGNERS {
        return None;
    }
    let keys = 2 + OFFSETS * count;
    let signatures = keys + KEY * count;
    let messages = signatures + SIGNATURE * count;
    Some((keys, signatures, messages, messages + MESSAGE * count))
}

/// The seven numbers of a signature: signature, its instruction, key, its instruction (in `start`); message, its size
/// (in `middle`) and instruction. Kept as they are compared and moved on, so that a signature costs few of both.
#[derive(Clone, Copy)]
struct Offsets {
    start: u64,
    middle: u32,
}

impl Offsets {
    /// Those of the first signature. At most 32 signatures: no place is beyond 2 + 143 x 32, so none reaches the next.
    #[inline(always)]
    fn first(keys: usize, signatures: usize, messages: usize) -> Self {
        let here = u64::from(HERE);
        Self {
            start: signatures as u64 | here << 16 | (keys as u64) << 32 | here << 48,
            middle: messages as u32 | (MESSAGE as u32) << 16,
        }
    }

    /// Those of the signature after it.
    #[inline(always)]
    fn next(self) -> Self {
        Self {
            start: self
                .start
                .wrapping_add(SIGNATURE as u64 | (KEY as u64) << 32),
            middle: self.middle.wrapping_add(MESSAGE as u32),
        }
    }

    #[inline(always)]
    fn are(self, bytes: &[u8; OFFSETS]) -> bool {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = *bytes;
        self.start == u64::from_le_bytes([a, b, c, d, e, f, g, h])
            && self.middle == u32::from_le_bytes([i, j, k, l])
            && HERE == u16::from_le_bytes([m, n])
    }

    #[cfg(not(target_os = "solana"))]
    fn bytes(self) -> std::vec::Vec<u8> {
        let (start, middle) = (self.start.to_le_bytes(), self.middle.to_le_bytes());
        [&start[..], &middle, &HERE.to_le_bytes()].concat()
    }
}

/// Data of the Ed25519 instruction that proves these signatures (key, signature, message); empty where they are none
/// or more than [`MOST_SIGNERS`], which the precompile refuses.
#[cfg(not(target_os = "solana"))]
pub fn instruction_data(signed: &[(Address, [u8; 64], Message)]) -> std::vec::Vec<u8> {
    let Some((keys, signatures, messages, end)) = places(signed.len()) else {
        return std::vec::Vec::new();
    };
    let mut data = std::vec::Vec::with_capacity(end);
    data.extend([signed.len() as u8, 0]);
    let mut offsets = Offsets::first(keys, signatures, messages);
    for _ in signed {
        data.extend(offsets.bytes());
        offsets = offsets.next();
    }
    for (key, _, _) in signed {
        data.extend(key.as_ref());
    }
    for (_, signature, _) in signed {
        data.extend(signature);
    }
    for (_, _, message) in signed {
        data.extend(message);
    }
    data
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ed25519_dalek::{Signer, SigningKey};

    fn signed(n: u8) -> std::vec::Vec<(Address, [u8; 64], Message)> {
        (1..=n)
            .map(|i| {
                let key = SigningKey::from_bytes(&[i; 32]);
                let message = [i.wrapping_mul(7); 33];
                (
                    Address::new_from_array(key.verifying_key().to_bytes()),
                    key.sign(&message).to_bytes(),
                    message,
                )
            })
            .collect()
    }

    fn split(message: &Message) -> ([u8; 32], u8) {
        let [digest @ .., seat] = *message;
        (digest, seat)
    }

    #[test]
    fn what_is_built_is_read() {
        for n in [1, 3, 9, 32] {
            let signed = signed(n);
            let data = instruction_data(&signed);
            assert_eq!(data.len(), 2 + 143 * usize::from(n));
            let proof = Proof::read(&ED25519_PROGRAM, &data, usize::from(n)).unwrap();
            for (i, (key, _, message)) in signed.iter().enumerate() {
                let (digest, seat) = split(message);
                assert_eq!(proof.is(i, key, &digest, seat), Ok(()));
                assert_eq!(proof.is(i + 1, key, &digest, seat), Err(Mistake::Key));
                assert_eq!(proof.is(i, key, &[0; 32], seat), Err(Mistake::Message));
                assert_eq!(proof.is(i, key, &digest, seat ^ 1), Err(Mistake::Message));
            }
        }
    }

    #[test]
    fn another_program_or_count_proves_nothing() {
        let data = instruction_data(&signed(3));
        assert_eq!(
            Proof::read(&Address::default(), &data, 3).err(),
            Some(ProofError::Program)
        );
        assert_eq!(
            Proof::read(&ED25519_PROGRAM, &data, 2).err(),
            Some(ProofError::Count)
        );
        assert_eq!(
            Proof::read(&ED25519_PROGRAM, &data, 0).err(),
            Some(ProofError::Count)
        );
        assert_eq!(
            Proof::read(&ED25519_PROGRAM, &data, 33).err(),
            Some(ProofError::Count)
        );
        assert!(instruction_data(&[]).is_empty());
    }

    #[test]
    fn every_changed_byte_of_the_head_is_refused() {
        let data = instruction_data(&signed(3));
        for place in 0..2 + 14 * 3 {
            for change in 1..=255u8 {
                let mut other = data.clone();
                other[place] ^= change;
                assert!(
                    Proof::read(&ED25519_PROGRAM, &other, 3).is_err(),
                    "byte {place} ^ {change}"
                );
            }
        }
    }

    #[test]
    fn every_changed_byte_of_a_key_or_message_is_told() {
        let signed = signed(3);
        let data = instruction_data(&signed);
        let (keys, signatures, messages, end) = places(3).unwrap();
        for place in (keys..signatures).chain(messages..end) {
            let is_key = place < signatures;
            let (i, mistake) = if is_key {
                ((place - keys) / KEY, Mistake::Key)
            } else {
                ((place - messages) / MESSAGE, Mistake::Message)
            };
            for bit in 0..8 {
                let mut other = data.clone();
                other[place] ^= 1 << bit;
                let proof = Proof::read(&ED25519_PROGRAM, &other, 3).unwrap();
                for (n, (key, _, message)) in signed.iter().enumerate() {
                    let expected = if n == i { Err(mistake) } else { Ok(()) };
                    let (digest, seat) = split(message);
                    assert_eq!(proof.is(n, key, &digest, seat), expected, "byte {place}");
                }
            }
        }
    }

    #[test]
    fn signers_in_another_order_are_told() {
        let signed = signed(2);
        let swapped = instruction_data(&[signed[1], signed[0]]);
        let proof = Proof::read(&ED25519_PROGRAM, &swapped, 2).unwrap();
        for (i, (key, _, message)) in signed.iter().enumerate() {
            let (digest, seat) = split(message);
            assert_eq!(proof.is(i, key, &digest, seat), Err(Mistake::Key));
            assert_eq!(proof.is(1 - i, key, &digest, seat), Ok(()));
        }
    }

    #[test]
    fn a_byte_more_or_less_is_refused() {
        let data = instruction_data(&signed(3));
        let longer = [&data[..], &[0]].concat();
        for other in [&data[..data.len() - 1], &longer, &data[..1], &[]] {
            assert!(Proof::read(&ED25519_PROGRAM, other, 3).is_err());
        }
    }
}
