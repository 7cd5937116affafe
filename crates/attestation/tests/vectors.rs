//! Golden vectors, computed with another implementation of SHA-256 and of the sampling: whoever writes a client in
//! another language has to meet them, and no change of the code may move them.

use anchor_lang::Address;
use lode_attestation::{
    commitment, is_drawn, late_seal, lottery_number, panel, seal, Statement, Verdict,
};

const A: Address = Address::new_from_array([1; 32]);
const B: Address = Address::new_from_array([2; 32]);
const C: [u8; 32] = [3; 32];

/// Bytes 0 to 31.
fn result() -> [u8; 32] {
    core::array::from_fn(|i| i as u8)
}

fn hex(bytes: [u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_commitment_is_these_bytes() {
    assert_eq!(
        hex(commitment(&result(), 1_234_567, &A, 2, &B)),
        "fe5c47724faadc72e49e8caeb3339c74d2e7ae9c05116994ed7a4d7f3d12e166"
    );
}

#[test]
fn a_lottery_number_is_this() {
    assert_eq!(
        lottery_number(987_654_321, &A, 1, &B),
        1_758_491_490_938_174_839
    );
}

#[test]
fn a_signed_digest_is_these_bytes() {
    let statement = Statement {
        program: &A,
        job: &B,
        attempt: 1,
        seal: &result(),
        verdict: Verdict::Match,
        result: &C,
        units: 7,
        committee: &A,
    };
    assert_eq!(
        hex(statement.digest()),
        "231b4d18d3784ded55251075827b4d65732aec18df1e9df804aa842862e407f1"
    );
}

#[test]
fn seals_are_these_bytes() {
    assert_eq!(
        hex(seal(&result(), &A, 1)),
        "3c084ccd57021e043a196ccdf122329c04f4c9da6f95f6b78d67f80d6436f405"
    );
    assert_eq!(
        hex(late_seal(1_000_001, &A, 1)),
        "01b328543322f5590697794ed6ca31fcf21e16c750d316e31cdf02f820000f9f"
    );
}

#[test]
fn a_seal_is_drawn_from_the_share_on_that_it_names() {
    // this seal's first eight bytes are 3 852 modulo 10 000
    let seal = seal(&result(), &A, 1);
    assert!(!is_drawn(&seal, 0));
    assert!(!is_drawn(&seal, 3_852));
    assert!(is_drawn(&seal, 3_853));
    assert!(is_drawn(&seal, 10_000));
}

#[test]
fn a_seal_draws_these_seats() {
    let seal = seal(&result(), &A, 1);
    for (eligible, k, drawn) in [
        (0xffff_ffff, 9, 0x0553_100c),
        (0xffff_ffff, 3, 0x0100_0014),
        (0x0000_001f, 3, 0x0000_0019),
        (0xb600_0507, 5, 0xa200_0003),
        (0x8000_0001, 3, 0x8000_0001),
        (0x0000_0000, 3, 0x0000_0000),
    ] {
        assert_eq!(panel(&seal, eligible, k), drawn, "{k} of {eligible:#034b}");
    }
}
