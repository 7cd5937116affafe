//! `open_ledger`: anyone opens a wallet's account with a market; money in it is the wallet's alone.

use crate::constants::*;
use crate::error::JobsError;
use crate::event::LedgerChanged;
use crate::state::{Ledger, LedgerKind, Market};
use anchor_lang::prelude::*;
use lode_math::nonce::Window;
use lode_program::{tell, ReadOnly};

/// Accounts of `open_ledger`.
#[derive(Accounts)]
#[instruction(party: Address)]
pub struct OpenLedger {
    /// Anyone; pays the rent.
    #[account(mut)]
    pub payer: Signer,
    /// The market: any account of this program and type is one.
    pub market: ReadOnly<Market>,
    /// The new ledger.
    #[account(init, payer = payer, space = 8 + core::mem::size_of::<Ledger>(), seeds = [LEDGER_SEED, market.address().as_ref(), party.as_ref()], bump)]
    pub ledger: Account<Ledger>,
    /// The system program.
    pub system_program: Program<System>,
}

/// Writes a new ledger.
#[allow(clippy::too_many_arguments)]
pub(crate) fn write_ledger(
    ledger: &mut Account<Ledger>,
    bump: u8,
    kind: LedgerKind,
    market: Address,
    party: Address,
    authority: Address,
    payer: Address,
    locked_cap: u64,
    now: i64,
) -> Result<()> {
    let nonces = Window::opened_at(now).ok_or(JobsError::Overflow)?;
    let address = *ledger.address();
    let new = &mut **ledger;
    new.version = VERSION;
    new.kind = kind as u8;
    new.bump = bump;
    new.market = market;
    new.party = party;
    new.authority = authority;
    new.payer = payer;
    new.locked_cap = locked_cap;
    new.nonce_top = nonces.top;
    new.nonce_taken = nonces.taken;
    tell(LedgerChanged {
        ledger: address,
        market,
        party,
        open: 1,
    });
    Ok(())
}

impl OpenLedger {
    /// Writes the ledger. No pause stops it: who appeals against a verdict needs one before a deadline.
    pub fn handle(&mut self, bump: u8, party: Address, now: i64) -> Result<()> {
        let (market, payer) = (*self.market.address(), *self.payer.address());
        // a wallet's own money needs no cap
        let ledger = &mut self.ledger;
        write_ledger(
            ledger,
            bump,
            LedgerKind::Wallet,
            market,
            party,
            party,
            payer,
            u64::MAX,
            now,
        )
    }
}
