//! The seal and what it draws.

use crate::digest::{first_u64, hashed};
use anchor_lang::{prelude::sha256, Address};
use bytemuck::{bytes_of, Pod, Zeroable};

hashed!(SealBytes: 81 {
    tag: [u8; 16], slot_hash: [u8; 32], job: [u8; 32], attempt: u8,
});
hashed!(LateSealBytes: 57 {
    tag: [u8; 16], submitted_slot: [u8; 8], job: [u8; 32], attempt: u8,
});

/// `sha256(tag, slot hash, job, attempt)`: drawn from the first slot hash after a submission, so nobody knew it when
/// the result was submitted.
pub fn seal(slot_hash: &[u8; 32], job: &Address, attempt: u8) -> [u8; 32] {
    sha256(bytes_of(&SealBytes {
        tag: *b"lode:seal:1.....",
        slot_hash: *slot_hash,
        job: *job.as_array(),
        attempt,
    }))
}

/// `sha256(tag, submitted slot, job, attempt)`: the seal of a result whose slot hash is gone. It draws the whole
/// committee, so that waiting gains nothing.
pub fn late_seal(submitted_slot: u64, job: &Address, attempt: u8) -> [u8; 32] {
    sha256(bytes_of(&LateSealBytes {
        tag: *b"lode:late-seal:1",
        submitted_slot: submitted_slot.to_le_bytes(),
        job: *job.as_array(),
        attempt,
    }))
}

/// Whether a seal asks for a check: the first eight bytes, little-endian, modulo 10 000 lie below `check_bps`.
pub fn is_drawn(seal: &[u8; 32], check_bps: u16) -> bool {
    first_u64(seal) % 10_000 < u64::from(check_bps)
}

/// The seats that a seal draws: `k` of the `eligible` ones (a bit each), or all of them where they are no more than `k`.
///
/// Floyd's sampling; draw `i` takes bytes `8 + 2i` and `9 + 2i` of the seal, so `k` is at most 12 (the protocol's
/// ceiling is 9). Sixteen bits over at most 32 seats leave a bias below one in two thousand: the draw balances load,
/// safety comes from bonds and challenges.
pub fn panel(seal: &[u8; 32], eligible: u32, k: u8) -> u32 {
    let count = eligible.count_ones();
    let k = u32::from(k.min(12));
    if count <= k {
        return eligible;
    }
    let mut places = 0u32;
    for (last, draw) in (count - k..count).zip(seal[8..].as_chunks().0) {
        let draw = u32::from(u16::from_le_bytes(*draw));
        let place = (draw * (last + 1)) >> 16;
        places |= if places & (1 << place) == 0 {
            1 << place
        } else {
            1 << last
        };
    }
    // the n-th place is the n-th eligible seat
    let (mut left, mut drawn) = (eligible, 0u32);
    while places != 0 {
        let seat = left & left.wrapping_neg();
        if places & 1 == 1 {
            drawn |= seat;
        }
        left ^= seat;
        places >>= 1;
    }
    drawn
}

/// More than half of these seats (a bit each): how many signatures a verdict needs.
pub fn majority(seats: u32) -> u32 {
    seats.count_ones() / 2 + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_panel_is_k_of_the_eligible_seats(seal: [u8; 32], eligible: u32, k in 1u8..=9) {
            let drawn = panel(&seal, eligible, k);
            prop_assert_eq!(drawn & !eligible, 0);
            prop_assert_eq!(drawn.count_ones(), eligible.count_ones().min(u32::from(k)));
        }
    }

    #[test]
    fn every_seat_is_drawn_about_as_often() {
        let (eligible, k, rounds) = (0b1011_0110_0000_0000_0000_0101_0000_0111u32, 3u8, 20_000u64);
        let mut times = [0u64; 32];
        for round in 0..rounds {
            let drawn = panel(&late_seal(round, &Address::default(), 0), eligible, k);
            for (seat, times) in times.iter_mut().enumerate() {
                *times += u64::from(drawn >> seat & 1);
            }
        }
        let each = rounds * u64::from(k) / u64::from(eligible.count_ones());
        for (seat, times) in times.iter().enumerate() {
            if eligible >> seat & 1 == 1 {
                assert!(
                    times.abs_diff(each) < each / 20,
                    "seat {seat}: {times} of {each}"
                );
            } else {
                assert_eq!(*times, 0);
            }
        }
    }

    #[test]
    fn a_share_of_the_seals_asks_for_a_check() {
        let drawn = (0..20_000u64)
            .filter(|n| is_drawn(&late_seal(*n, &Address::default(), 0), 1_000))
            .count();
        assert!(drawn.abs_diff(2_000) < 150, "{drawn}");
        assert!((0..1_000).all(|n| is_drawn(&late_seal(n, &Address::default(), 0), 10_000)));
    }

    #[test]
    fn seals_bind_slot_hash_job_and_attempt() {
        let (a, b) = (
            Address::new_from_array([1; 32]),
            Address::new_from_array([2; 32]),
        );
        let base = seal(&[1; 32], &a, 1);
        assert_ne!(base, seal(&[2; 32], &a, 1));
        assert_ne!(base, seal(&[1; 32], &b, 1));
        assert_ne!(base, seal(&[1; 32], &a, 2));
        assert_ne!(late_seal(1, &a, 1), late_seal(2, &a, 1));
        assert_ne!(late_seal(1, &a, 1), late_seal(1, &b, 1));
        assert_ne!(late_seal(1, &a, 1), late_seal(1, &a, 2));
    }
}
