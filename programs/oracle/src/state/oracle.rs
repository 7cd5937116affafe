//! [`Oracle`]: one wallet's membership in one committee.

use crate::constants::BOND_AFTER_LEAVING;
use crate::error::OracleError;
use anchor_lang::prelude::*;

/// Membership and bond. PDA `"oracle", committee, owner`; its bond lies in the token account `"bond", oracle`.
#[account]
pub struct Oracle {
    /// Layout version, 1.
    pub version: u8,
    /// 0 admitted, 1 seated, 2 its seat was freed and its bond waits in the vault.
    pub state: u8,
    /// Bump of the address.
    pub bump: u8,
    /// Reserved, 0.
    pub flags: u8,
    /// The seat, while seated.
    pub seat: u8,
    /// Bump of the bond vault's address.
    pub vault_bump: u8,
    /// Padding, 0.
    pub padding: [u8; 2],
    /// The committee.
    pub committee: Address,
    /// Cold wallet: bonds, joins, leaves, withdraws.
    pub owner: Address,
    /// Who paid this account's rent.
    pub payer: Address,
    /// Base units bonded.
    pub bond: u64,
    /// Copy of the seat's `left_at`, kept when the seat is freed.
    pub left_at: i64,
    /// An admission lapses at this unix second.
    pub admitted_until: i64,
    /// Panels in which this oracle stayed silent.
    pub misses: u32,
    /// Verdicts that a final one overturned.
    pub faults: u32,
    /// Reserved, 0.
    pub reserved: [u8; 64],
}

impl Oracle {
    /// [`Oracle::state`] of an owner who was admitted, and of one whose bond went home.
    pub const ADMITTED: u8 = 0;
    /// [`Oracle::state`] of an owner in the committee.
    pub const SEATED: u8 = 1;
    /// [`Oracle::state`] of an owner whose seat was freed while his bond could not go home.
    pub const FREED: u8 = 2;

    /// Sits in the committee.
    pub fn is_seated(&self) -> bool {
        self.state == Self::SEATED
    }

    /// Has a bond in its vault.
    pub fn has_bond(&self) -> bool {
        self.state != Self::ADMITTED
    }

    /// The service ended long enough ago that the bond answers for nothing any more.
    pub fn require_answered(&self, now: i64) -> Result<()> {
        let free_at = self
            .left_at
            .checked_add(BOND_AFTER_LEAVING)
            .ok_or(OracleError::BondStillAnswers)?;
        require!(now >= free_at, OracleError::BondStillAnswers);
        Ok(())
    }

    /// Counts one offence: a verdict that was overturned, or a silence.
    pub fn count(&mut self, fault: bool) {
        let counter = if fault {
            &mut self.faults
        } else {
            &mut self.misses
        };
        // A statistic: at its end it stays there rather than to let an oracle off.
        *counter = counter.saturating_add(1);
    }
}
