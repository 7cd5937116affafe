//! Money: what the fees of jobs take, and what was earned.
//!
//! What is more than the collateral needs goes to the owner's wallet. The worker's key moves no money. So this happens
//! only where the owner gives the agent his own key; who wants it cold withdraws himself.

use crate::Result;
use lode_client::instructions::jobs;
use lode_client::{token, Client};
use lode_jobs::state::{Ledger, Market};
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::sync::Arc;

/// Lamports that an account must hold, and cannot pay with.
const BARE_ACCOUNT: u64 = 890_880;
/// Fees of a job from its accept to its settlement, lamports, generously: two signatures for each of the node's own steps, one
/// for each seat that is brought, and the price of their units where that is highest.
const JOB_FEES: u64 = 100_000;

/// The fees of how many jobs so many lamports pay.
pub(crate) fn affords(lamports: u64) -> u64 {
    lamports.saturating_sub(BARE_ACCOUNT) / JOB_FEES
}

/// When money leaves the node's ledgers.
#[derive(Clone, Debug)]
pub struct Withdrawals {
    /// The node's owner, who signs; his associated account receives.
    pub owner: Arc<Keypair>,
    /// So much stays in each ledger as collateral, in whole tokens as people write them.
    pub keep: String,
    /// Nothing leaves a ledger that has no more than this available, in whole tokens.
    pub above: String,
}

/// What may leave a ledger that has so much available.
pub(crate) fn surplus(available: u64, keep: u64, above: u64) -> Option<u64> {
    (available > above)
        .then(|| available.saturating_sub(keep))
        .filter(|surplus| *surplus > 0)
}

impl Withdrawals {
    /// Withdraws what is due of one ledger; says how much that was. `payer` pays the fee.
    pub(crate) async fn apply(
        &self,
        client: &Client,
        payer: &Keypair,
        market: &Market,
        ledger: &Ledger,
    ) -> Result<Option<String>> {
        let mint = client.mint(&market.mint).await?;
        let (keep, above) = (mint.parse(&self.keep)?, mint.parse(&self.above)?);
        let Some(amount) = surplus(ledger.available, keep, above) else {
            return Ok(None);
        };
        let owner = self.owner.pubkey();
        let instructions = [
            token::open_associated(&payer.pubkey(), &owner, &mint),
            jobs::withdraw(&owner, &ledger.market, &ledger.party, &mint, amount),
        ];
        client.send(&instructions, payer, &[&*self.owner]).await?;
        Ok(Some(mint.show(amount)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fees_are_paid_with_what_an_account_need_not_hold() {
        assert_eq!(affords(0), 0);
        assert_eq!(affords(BARE_ACCOUNT + JOB_FEES - 1), 0);
        assert_eq!(affords(BARE_ACCOUNT + JOB_FEES), 1);
        assert_eq!(affords(BARE_ACCOUNT + 3 * JOB_FEES), 3);
    }

    #[test]
    fn only_what_is_above_the_mark_leaves_down_to_what_is_kept() {
        assert_eq!(surplus(150, 100, 150), None);
        assert_eq!(surplus(151, 100, 150), Some(51));
        assert_eq!(surplus(0, 0, 0), None);
        assert_eq!(surplus(1, 0, 0), Some(1));
        assert_eq!(surplus(90, 100, 50), None);
    }
}
