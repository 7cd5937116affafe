//! Addresses of a program's accounts.

use anchor_lang::prelude::ProgramError;
use anchor_lang::solana_program::hash::hashv;
use anchor_lang::{address_eq, find_and_verify_program_address, Address};

const MARKER: &[u8] = b"ProgramDerivedAddress";

/// The bump of `address`, if it is that of these seeds in `program`; the account is about to be created there.
///
/// Clients choose seeds whose first bump serves, and that one is asked for by its hash alone. Whether it lies off the
/// curve, as it must, is not asked twice: creating the account asks it, which fails otherwise.
///
/// Errors: `InvalidSeeds` where it is another address.
#[inline(always)]
pub fn bump_of(
    seeds: [&[u8]; 3],
    program: &Address,
    address: &Address,
) -> Result<u8, ProgramError> {
    let [a, b, c] = seeds;
    let first = hashv(&[a, b, c, &[u8::MAX], program.as_ref(), MARKER]).to_bytes();
    if address_eq(&Address::new_from_array(first), address) {
        return Ok(u8::MAX);
    }
    search(seeds, program, address)
}

#[cold]
#[inline(never)]
fn search(seeds: [&[u8]; 3], program: &Address, address: &Address) -> Result<u8, ProgramError> {
    find_and_verify_program_address(&seeds, program, address)
}
