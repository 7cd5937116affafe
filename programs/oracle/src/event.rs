//! Every event.

use anchor_lang::prelude::*;

/// A committee was created.
#[event(bytemuck)]
pub struct CommitteeCreated {
    /// The committee.
    pub committee: Address,
    /// Its governor.
    pub governor: Address,
    /// Mint of the bonds.
    pub bond_mint: Address,
    /// Smallest bond, base units.
    pub minimum_bond: u64,
}

/// A committee's governor, or who may become it, changed.
#[event(bytemuck)]
pub struct GovernorChanged {
    /// The committee.
    pub committee: Address,
    /// The governor after the change.
    pub governor: Address,
    /// Who may become governor by accepting; zero for nobody.
    pub pending_governor: Address,
}

/// An owner may join.
#[event(bytemuck)]
pub struct OracleAdmitted {
    /// The committee.
    pub committee: Address,
    /// The wallet.
    pub owner: Address,
    /// Until this unix second.
    pub until: i64,
}

/// A seat's terms changed: joined, left, retired, another key; or it was freed, and has no owner.
#[event(bytemuck)]
pub struct SeatChanged {
    /// The committee.
    pub committee: Address,
    /// Who sits there.
    pub owner: Address,
    /// Its signing key.
    pub attester: Address,
    /// Serves submissions from this unix second on.
    pub active_from: i64,
    /// Serves submissions before this unix second.
    pub left_at: i64,
    /// The seat.
    pub seat: u64,
}

impl SeatChanged {
    /// A seat of this committee has no owner any more.
    pub(crate) fn freed(committee: Address, seat: u8) -> Self {
        Self {
            committee,
            owner: Address::default(),
            attester: Address::default(),
            active_from: 0,
            left_at: 0,
            seat: u64::from(seat),
        }
    }
}

/// A bond was slashed.
#[event(bytemuck)]
pub struct BondSlashed {
    /// The committee.
    pub committee: Address,
    /// The oracle's owner.
    pub owner: Address,
    /// Base units of the bond after the slash.
    pub bond: u64,
    /// Base units slashed in all.
    pub slashed: u64,
    /// Base units of them paid to the reward account; the rest was burned.
    pub rewarded: u64,
    /// The seat.
    pub seat: u64,
}

/// A membership's account was closed.
#[event(bytemuck)]
pub struct OracleClosed {
    /// The committee.
    pub committee: Address,
    /// The wallet.
    pub owner: Address,
}

/// A bond grew or was withdrawn.
#[event(bytemuck)]
pub struct BondChanged {
    /// The oracle.
    pub oracle: Address,
    /// Base units of the bond after the change.
    pub bond: u64,
}
