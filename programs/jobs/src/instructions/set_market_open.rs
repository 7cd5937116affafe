//! `set_market_open`: a market's authority opens it to new jobs, or closes it. Nothing that runs is touched.

use crate::error::JobsError;
use crate::event::MarketChanged;
use crate::state::Market;
use anchor_lang::prelude::*;
use lode_program::tell;

/// Accounts of `set_market_open`.
#[derive(Accounts)]
pub struct SetMarketOpen {
    /// The market's authority.
    pub authority: Signer,
    /// The market; bound to its authority by the stored key.
    #[account(mut, constraint = anchor_lang::address_eq(&market.authority, authority.address()) @ JobsError::NotMarketAuthority)]
    pub market: Account<Market>,
}

impl SetMarketOpen {
    /// Writes the flag.
    pub fn handle(&mut self, open: bool) -> Result<()> {
        self.market.set_open(open);
        tell(MarketChanged {
            market: *self.market.address(),
            authority: self.market.authority,
            committee: self.market.committee,
            open: u64::from(open),
        });
        Ok(())
    }
}
