//! How the three claims mint: written once and called, for the size of the program.

use crate::constants::MINT_AUTHORITY_SEED;
use crate::state::Schedule;
use anchor_lang::{AccountView, Address};

/// Makes `amount` base units of the mint in a token account, signed by the mint's authority.
#[inline(never)]
pub(super) fn mint_to(
    schedule: &Schedule,
    program: &Address,
    mint: &AccountView,
    to: &AccountView,
    authority: &AccountView,
    amount: u64,
) {
    let seeds = [MINT_AUTHORITY_SEED, &[schedule.mint_authority_bump]];
    lode_token::mint_to(program, mint, to, authority, amount, &seeds);
}
