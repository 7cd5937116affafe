//! Every event.

use anchor_lang::prelude::*;

/// The program was initialised.
#[event(bytemuck)]
pub struct ConfigInitialized {
    /// The configuration account.
    pub config: Address,
    /// Its governor.
    pub governor: Address,
    /// Mint of all stake.
    pub stake_mint: Address,
}

/// A key of the configuration changed.
#[event(bytemuck)]
pub struct AuthorityChanged {
    /// The governor after the change.
    pub governor: Address,
    /// Who may become governor by accepting; zero for nobody.
    pub pending_governor: Address,
    /// The guardian after the change.
    pub guardian: Address,
}

/// New exposure is paused.
#[event(bytemuck)]
pub struct Paused {
    /// Until this unix second.
    pub until: i64,
}

/// A node was registered.
#[event(bytemuck)]
pub struct NodeRegistered {
    /// The node.
    pub node: Address,
    /// Its owner.
    pub owner: Address,
    /// Its worker.
    pub worker: Address,
}

/// A node's worker or payout account changed.
#[event(bytemuck)]
pub struct NodeUpdated {
    /// The node.
    pub node: Address,
    /// The worker after the change.
    pub worker: Address,
    /// The payout account after the change.
    pub payout: Address,
}

/// Stake was added.
#[event(bytemuck)]
pub struct Staked {
    /// The node.
    pub node: Address,
    /// Whose stake.
    pub owner: Address,
    /// Base units put in.
    pub amount: u64,
    /// Shares bought.
    pub shares: u64,
}

/// Shares began to unbond.
#[event(bytemuck)]
pub struct Unstaked {
    /// The node.
    pub node: Address,
    /// Whose shares.
    pub owner: Address,
    /// The ticket.
    pub ticket: Address,
    /// Shares on the ticket.
    pub shares: u64,
    /// When the ticket may be withdrawn, unix seconds.
    pub release_at: i64,
}

/// A ticket was paid out and closed.
#[event(bytemuck)]
pub struct Withdrawn {
    /// The node.
    pub node: Address,
    /// Whose ticket.
    pub owner: Address,
    /// Base units paid.
    pub amount: u64,
    /// Shares that were redeemed.
    pub shares: u64,
}
