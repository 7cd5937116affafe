//! Every event.

use anchor_lang::prelude::*;

/// The schedule was fixed.
#[event(bytemuck)]
pub struct ScheduleInitialized {
    /// The schedule.
    pub schedule: Address,
    /// The mint.
    pub mint: Address,
    /// Owner of the treasury.
    pub treasury_owner: Address,
    /// Most that is ever minted, base units.
    pub cap: u64,
    /// The mint's supply at that moment, base units.
    pub genesis_supply: u64,
}

/// A node's points and stake of an epoch were recorded.
#[event(bytemuck)]
pub struct Recorded {
    /// The node.
    pub node: Address,
    /// The epoch.
    pub epoch: u64,
    /// Its points: base units of burn fee.
    pub points: u64,
    /// Its active stake, base units.
    pub stake: u64,
}

/// An epoch's amount was fixed.
#[event(bytemuck)]
pub struct EpochFinalized {
    /// The epoch.
    pub epoch: u64,
    /// Nodes recorded.
    pub nodes: u64,
    /// Their points.
    pub points: u64,
    /// Most that the epoch mints, base units.
    pub amount: u64,
    /// Finalised of all epochs, base units.
    pub finalised: u64,
    /// How concentrated the epoch's work is: the sum of squared shares, basis points.
    pub herfindahl: u64,
}

/// A node's reward for work was minted.
#[event(bytemuck)]
pub struct WorkClaimed {
    /// The node.
    pub node: Address,
    /// Where it went.
    pub to: Address,
    /// The epoch.
    pub epoch: u64,
    /// Base units.
    pub amount: u64,
}

/// A node's reward for stake was minted into its vault.
#[event(bytemuck)]
pub struct StakeClaimed {
    /// The node.
    pub node: Address,
    /// The epoch.
    pub epoch: u64,
    /// Base units.
    pub amount: u64,
}

/// A part of the treasury's share was minted.
#[event(bytemuck)]
pub struct TreasuryClaimed {
    /// Where it went.
    pub to: Address,
    /// The epoch.
    pub epoch: u64,
    /// Base units.
    pub amount: u64,
}

/// The treasury's owner changed, or is about to.
#[event(bytemuck)]
pub struct TreasuryChanged {
    /// The owner after the change.
    pub owner: Address,
    /// Who may become owner by accepting; zero for nobody.
    pub pending: Address,
}

/// A share was closed.
#[event(bytemuck)]
pub struct ShareClosed {
    /// The node.
    pub node: Address,
    /// The epoch.
    pub epoch: u64,
}

/// An epoch was closed.
#[event(bytemuck)]
pub struct EpochClosed {
    /// The epoch.
    pub epoch: u64,
    /// What it might have minted, base units.
    pub amount: u64,
    /// What it minted, base units.
    pub claimed: u64,
}
