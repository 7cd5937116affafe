//! `restake`: a ticket's shares become active again, on the same node and no other. Refused wherever new stake would
//! be, but for the pause: the stake is there already.

use crate::error::StakingError;
use crate::event::Restaked;
use crate::state::{Delegation, Node, StakingConfig, Unbonding};
use anchor_lang::address_eq;
use anchor_lang::prelude::*;
use lode_program::{tell, ReadOnly};

/// Accounts of `restake`.
#[derive(Accounts)]
pub struct Restake {
    /// The wallet that owns the ticket.
    pub wallet: Signer,
    /// The configuration: the ratio. Of this program and type there is only one.
    pub config: ReadOnly<StakingConfig>,
    /// The ticket; its rent goes back to its payer.
    #[account(mut, close = payer, constraint = anchor_lang::address_eq(&ticket.owner, wallet.address()) @ StakingError::NotDelegator)]
    pub ticket: Account<Unbonding>,
    /// Who paid the ticket's rent; may be the wallet, and only ever receives.
    #[account(mut, unsafe(dup), address = ticket.payer @ StakingError::WrongPayer)]
    pub payer: UncheckedAccount,
    /// The node of the ticket.
    #[account(mut, address = ticket.node @ StakingError::ForeignAccount)]
    pub node: Account<Node>,
    /// The delegation of the ticket.
    #[account(mut, address = ticket.delegation @ StakingError::ForeignAccount)]
    pub delegation: Account<Delegation>,
}

impl Restake {
    /// Checks, then moves the shares back.
    pub fn handle(&mut self, now: i64) -> Result<()> {
        self.node.require_current()?;
        self.node.require_open()?;
        let shares = self.ticket.shares;
        let is_own = address_eq(&self.node.owner, self.wallet.address());
        self.node.flow(now)?;
        self.delegation.book(&self.node)?;
        self.node.end_unbonding(shares, is_own)?;
        require!(
            is_own || self.node.ratio_holds(&self.config)?,
            StakingError::RatioExceeded
        );
        self.node.drop_child()?;
        self.delegation.close_ticket()?;
        self.delegation.add_shares(shares)?;
        tell(Restaked {
            node: *self.node.address(),
            owner: *self.wallet.address(),
            shares,
        });
        Ok(())
    }
}
