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

/// Parameters of the configuration changed.
#[event(bytemuck)]
pub struct ConfigUpdated {
    /// Unbonding of tickets made from now on, seconds.
    pub unbonding_seconds: i64,
    /// Self-stake that a node needs to accept jobs, base units.
    pub minimum_self_stake: u64,
    /// How long a slash jails, seconds.
    pub jail_seconds: i64,
    /// Most delegated stake as a multiple of self-stake.
    pub delegation_ratio: u64,
    /// Highest commission, basis points.
    pub commission_cap: u64,
    /// Largest single rise of a commission, basis points.
    pub commission_step: u64,
}

/// The owner described his node anew.
#[event(bytemuck)]
pub struct NodeDescribed {
    /// The node.
    pub node: Address,
    /// SHA-256 of its public description.
    pub metadata: [u8; 32],
    /// Its X25519 key.
    pub encryption_key: [u8; 32],
}

/// A ticket's shares became active again.
#[event(bytemuck)]
pub struct Restaked {
    /// The node.
    pub node: Address,
    /// Whose shares.
    pub owner: Address,
    /// Shares.
    pub shares: u64,
}

/// A commission fell, or a rise was announced.
#[event(bytemuck)]
pub struct CommissionChanged {
    /// The node.
    pub node: Address,
    /// Commission now, basis points.
    pub commission: u64,
    /// Commission announced, basis points; the same as now for none.
    pub pending: u64,
    /// When the announced one takes effect, unix seconds; 0 for none.
    pub effective_at: i64,
}

/// A reward was found in a vault and booked.
#[event(bytemuck)]
pub struct RewardsSwept {
    /// The node.
    pub node: Address,
    /// Base units found.
    pub reward: u64,
    /// Of them the operator's.
    pub commission: u64,
    /// When the node's stream ends now, unix seconds.
    pub stream_end: i64,
}

/// Rewards were paid to a delegation's wallet.
#[event(bytemuck)]
pub struct RewardsClaimed {
    /// The node.
    pub node: Address,
    /// The wallet.
    pub owner: Address,
    /// Base units paid.
    pub amount: u64,
}

/// Commission was paid to the operator.
#[event(bytemuck)]
pub struct CommissionClaimed {
    /// The node.
    pub node: Address,
    /// Base units paid.
    pub amount: u64,
}

/// A node was slashed and jailed.
#[event(bytemuck)]
pub struct NodeSlashed {
    /// The node.
    pub node: Address,
    /// Base units burned; 0 where the period's most was reached.
    pub burned: u64,
    /// Base units of stake that are left.
    pub stake: u64,
    /// When its owner may unjail it, unix seconds.
    pub jailed_until: i64,
}

/// A node is in service again.
#[event(bytemuck)]
pub struct NodeUnjailed {
    /// The node.
    pub node: Address,
}

/// A node is on its way out.
#[event(bytemuck)]
pub struct NodeExiting {
    /// The node.
    pub node: Address,
    /// Its owner.
    pub owner: Address,
}

/// A delegation was closed.
#[event(bytemuck)]
pub struct DelegationClosed {
    /// The node.
    pub node: Address,
    /// Its wallet.
    pub owner: Address,
}

/// A node and its vault were closed.
#[event(bytemuck)]
pub struct NodeClosed {
    /// The node.
    pub node: Address,
    /// Its owner.
    pub owner: Address,
    /// Base units that were left in the vault, paid to the owner.
    pub amount: u64,
}

/// A node of an older layout was brought to the present one.
#[event(bytemuck)]
pub struct NodeMigrated {
    /// The node.
    pub node: Address,
    /// Version of the layout that it had.
    pub from: u64,
}
