//! [`Oracle`]: one wallet's membership in one committee.

use anchor_lang::prelude::*;

/// Membership and bond. PDA `"oracle", committee, owner`; its bond lies in the token account `"bond", oracle`.
#[account]
pub struct Oracle {
    /// Layout version, 1.
    pub version: u8,
    /// 0 admitted, 1 seated.
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
    /// Sits in the committee.
    pub fn is_seated(&self) -> bool {
        self.state == 1
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
