//! `redeem_credits`: what a checker earned becomes money, as far as the market's pool of check fees goes.

use crate::error::JobsError;
use crate::event::CreditsRedeemed;
use crate::state::{add, sub, Ledger, Market};
use anchor_lang::prelude::*;
use lode_program::tell;

/// Accounts of `redeem_credits`.
#[derive(Accounts)]
pub struct RedeemCredits {
    /// The market of the ledger.
    #[account(mut, address = ledger.market @ JobsError::ForeignAccount)]
    pub market: Account<Market>,
    /// The ledger: any account of this program and type is one.
    #[account(mut)]
    pub ledger: Account<Ledger>,
}

impl RedeemCredits {
    /// Moves `min(credits, pool)`; what the pool does not hold yet waits. Nobody signs: the money has one way to go.
    pub fn handle(&mut self) -> Result<()> {
        let amount = self.ledger.credits.min(self.market.check_pool);
        require!(amount > 0, JobsError::NothingToCollect);
        let ledger = &mut *self.ledger;
        ledger.credits = sub(ledger.credits, amount)?;
        ledger.available = add(ledger.available, amount)?;
        let left = ledger.credits;
        self.market.check_pool = sub(self.market.check_pool, amount)?;
        tell(CreditsRedeemed {
            ledger: *self.ledger.address(),
            redeemed: amount,
            credits: left,
            pool: self.market.check_pool,
        });
        Ok(())
    }
}
