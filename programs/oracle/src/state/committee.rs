//! [`Committee`]: who may be drawn to check results, and on which terms.

use crate::constants::*;
use crate::error::OracleError;
use anchor_lang::address_eq;
use anchor_lang::prelude::*;

/// One seat. Seats never move: whoever is drawn for a submission is a function of the submission alone.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable, IdlType)]
pub struct Seat {
    /// Who sits here; zero for nobody. A founder who has not joined yet stands here with `active_from` 0.
    pub owner: Address,
    /// Hot key that signs verdicts.
    pub attester: Address,
    /// Serves submissions from this unix second on; 0 while only reserved for a founder.
    pub active_from: i64,
    /// Serves submissions before this unix second; [`NEVER`] while nobody leaves. Only ever moves earlier.
    pub left_at: i64,
}

impl Seat {
    /// Serves a result submitted at `submitted_at`, unix seconds.
    #[inline]
    pub fn is_eligible(&self, submitted_at: i64) -> bool {
        // Free seats are all zero: this order asks least of them. A founder's who has not joined begins at 0, and one
        // before 0 is, without a sign, after everything: both ways of not serving yet are one question.
        submitted_at < self.left_at
            && (self.active_from as u64).wrapping_sub(1) < submitted_at as u64
    }

    /// Nobody sits here and nobody may.
    pub fn is_free(&self) -> bool {
        address_eq(&self.owner, &Address::default())
    }

    /// Reserved for a founder who has not joined.
    pub fn is_reserved(&self) -> bool {
        self.active_from == 0 && !self.is_free()
    }

    /// Moves the end of the service to `at`, or leaves it where it is if that is earlier.
    pub fn leave(&mut self, at: i64) {
        self.left_at = self.left_at.min(at);
    }
}

/// A committee. The whole account is frozen: `jobs` reads it. Never closes: its rent is the price of a name whose
/// terms hold for ever.
///
/// PDA `"committee", creator, id`.
#[account]
pub struct Committee {
    /// Layout version, 1.
    pub version: u8,
    /// Always 0.
    pub state: u8,
    /// Bump of the address.
    pub bump: u8,
    /// Reserved, 0.
    pub flags: u8,
    /// Which of the creator's committees this is.
    pub id: u16,
    /// Panel size k: 3, 5, 7 or 9. Fixed.
    pub k: u8,
    /// Padding, 0.
    pub padding: u8,
    /// Who created it; pays the rent.
    pub creator: Address,
    /// Admits and retires with notice, agrees to markets.
    pub governor: Address,
    /// Who becomes governor by accepting; zero for nobody.
    pub pending_governor: Address,
    /// Mint of the bonds. Fixed.
    pub bond_mint: Address,
    /// Smallest bond, base units. Fixed.
    pub minimum_bond: u64,
    /// Its members re-execute jobs of at most this many units. Fixed.
    pub most_units: u64,
    /// Its members fetch blobs of at most this many bytes. Fixed.
    pub most_blob: u64,
    /// Its members get at least this many slots a job, whatever its size. Fixed.
    pub least_base_slots: u64,
    /// Its members get at least this many more slots for each million units. Fixed.
    pub least_slots_per_million: u64,
    /// Founders may join before this unix second.
    pub founding_until: i64,
    /// Its members run jobs of at most this much memory, MiB. Fixed.
    pub most_memory_mib: u32,
    /// Padding, 0.
    pub padding_2: [u8; 4],
    /// The seats.
    pub seats: [Seat; SEATS],
    /// Reserved, 0.
    pub reserved: [u8; 64],
}

/// What `create_committee` fixes.
#[derive(Clone, Copy, AnchorSerialize, AnchorDeserialize, IdlType)]
pub struct CommitteeArgs {
    /// See [`Committee::id`].
    pub id: u16,
    /// See [`Committee::k`].
    pub k: u8,
    /// See [`Committee::governor`].
    pub governor: Address,
    /// See [`Committee::minimum_bond`].
    pub minimum_bond: u64,
    /// See [`Committee::most_units`].
    pub most_units: u64,
    /// See [`Committee::most_blob`].
    pub most_blob: u64,
    /// See [`Committee::most_memory_mib`].
    pub most_memory_mib: u32,
    /// See [`Committee::least_base_slots`].
    pub least_base_slots: u64,
    /// See [`Committee::least_slots_per_million`].
    pub least_slots_per_million: u64,
}

impl Committee {
    /// The seats that serve a result submitted at `submitted_at`, a bit each. A function of the submission alone:
    /// joining, leaving or changing a key later changes nothing of it.
    #[inline]
    pub fn eligible(&self, submitted_at: i64) -> u32 {
        const { assert!(SEATS == 32) };
        // by sixteens, which the compiler lays out in a row: sealing asks all of them
        let (halves, _) = self.seats.as_chunks::<16>();
        let mut mask = 0u32;
        for seats in halves.iter().rev() {
            let mut half = 0;
            for (i, seat) in seats.iter().enumerate() {
                if seat.is_eligible(submitted_at) {
                    half |= 1 << i;
                }
            }
            mask = mask << 16 | half;
        }
        mask
    }

    /// Whether a seat serves a result submitted at `submitted_at`; false for a number that is no seat. Also false where
    /// the seat was freed and taken by somebody else, who answers for nothing that was submitted before him.
    pub fn seat_is_eligible(&self, seat: u8, submitted_at: i64) -> bool {
        self.seats
            .get(usize::from(seat))
            .is_some_and(|seat| seat.is_eligible(submitted_at))
    }

    /// The seat of a number, if there is one.
    #[inline]
    pub fn seat(&self, seat: u8) -> Result<&Seat> {
        self.seats
            .get(usize::from(seat))
            .ok_or(OracleError::NotSeated.into())
    }

    /// Writable.
    pub fn seat_mut(&mut self, seat: u8) -> Result<&mut Seat> {
        self.seats
            .get_mut(usize::from(seat))
            .ok_or(OracleError::NotSeated.into())
    }

    /// Frees a seat, for whoever joins next.
    pub fn free(&mut self, seat: u8) -> Result<()> {
        *self.seat_mut(seat)? = Seat {
            owner: Address::default(),
            attester: Address::default(),
            active_from: 0,
            left_at: 0,
        };
        Ok(())
    }

    /// Sets the terms from the arguments.
    pub fn set(&mut self, args: &CommitteeArgs) -> Result<()> {
        self.id = args.id;
        self.k = args.k;
        self.governor = args.governor;
        self.minimum_bond = args.minimum_bond;
        self.most_units = args.most_units;
        self.most_blob = args.most_blob;
        self.most_memory_mib = args.most_memory_mib;
        self.least_base_slots = args.least_base_slots;
        self.least_slots_per_million = args.least_slots_per_million;
        self.invariant()
    }

    /// The terms lie inside their bounds.
    pub fn invariant(&self) -> Result<()> {
        require!(PANEL_SIZES.contains(&self.k), OracleError::PanelSize);
        require!(
            (1..=MOST_UNITS).contains(&self.most_units)
                && (1..=MOST_MEMORY_MIB).contains(&self.most_memory_mib)
                && self.most_blob >= 1
                && self.least_base_slots >= 1
                && self.minimum_bond >= 1,
            OracleError::OutOfBounds
        );
        Ok(())
    }

    /// Reserves the first seats for founders.
    pub fn reserve(&mut self, founders: &[Address], founding_until: i64) -> Result<()> {
        require!(
            (1..=MOST_FOUNDERS).contains(&founders.len()),
            OracleError::Founders
        );
        for (i, founder) in founders.iter().enumerate() {
            require!(
                !address_eq(founder, &Address::default()) && !founders[..i].contains(founder),
                OracleError::Founders
            );
            self.seats[i].owner = *founder;
            self.seats[i].left_at = NEVER;
        }
        self.founding_until = founding_until;
        Ok(())
    }

    /// The seat reserved for a founder, while founders may join.
    pub fn founders_seat(&self, owner: &Address, now: i64) -> Option<u8> {
        if now >= self.founding_until {
            return None;
        }
        let place = self
            .seats
            .iter()
            .position(|seat| seat.is_reserved() && address_eq(&seat.owner, owner))?;
        u8::try_from(place).ok()
    }

    /// A seat that may be taken: free, or reserved for a founder who did not come in time.
    pub fn open_seat(&self, now: i64) -> Result<u8> {
        self.seats
            .iter()
            .position(|seat| seat.is_free() || (seat.is_reserved() && now >= self.founding_until))
            .and_then(|place| u8::try_from(place).ok())
            .ok_or(OracleError::CommitteeFull.into())
    }

    /// Fewer than eight seats wait to serve.
    pub fn require_few_waiting(&self, now: i64) -> Result<()> {
        let waiting = self
            .seats
            .iter()
            .filter(|seat| seat.active_from > now)
            .count();
        require!(waiting < MOST_WAITING, OracleError::TooManyWaiting);
        Ok(())
    }
}
