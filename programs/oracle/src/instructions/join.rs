//! `join`: a founder or an admitted wallet bonds and takes a seat.

use crate::constants::*;
use crate::error::OracleError;
use crate::event::SeatChanged;
use crate::state::{Committee, Oracle};
use anchor_lang::accounts::Interface;
use anchor_lang::address_eq;
use anchor_lang::prelude::*;
use anchor_spl::token;
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};
use lode_program::tell;

/// Accounts of `join`.
#[derive(Accounts)]
pub struct Join {
    /// The wallet that joins; pays what is not there yet.
    #[account(mut)]
    pub owner: Signer,
    /// The committee: any account of this program and type is one.
    #[account(mut)]
    pub committee: Account<Committee>,
    /// The membership: opened by the admission, or here for a founder.
    #[account(init_if_needed, payer = owner, space = 8 + core::mem::size_of::<Oracle>(), seeds = [ORACLE_SEED, committee.address().as_ref(), owner.address().as_ref()], bump)]
    pub oracle: Account<Oracle>,
    /// The bond's vault, owned by the membership.
    #[account(init_if_needed, payer = owner, seeds = [BOND_SEED, oracle.address().as_ref()], bump, token::mint = mint, token::authority = oracle, token::token_program = token_program)]
    pub vault: InterfaceAccount<TokenAccount>,
    /// Where the bond comes from; the token program demands the owner's authority over it.
    #[account(mut)]
    pub from: InterfaceAccount<TokenAccount>,
    /// The bond mint.
    #[account(address = committee.bond_mint @ OracleError::WrongMint)]
    pub mint: InterfaceAccount<Mint>,
    /// The mint's token program; the transfer fails under any other.
    pub token_program: Interface<'static, TokenInterface>,
    /// The system program.
    pub system_program: Program<System>,
}

/// The attester is a key of its own: the owner's cold key has no business on the machine.
pub(crate) fn require_attester(attester: &Address, owner: &Address) -> Result<()> {
    require!(
        !address_eq(attester, owner) && !address_eq(attester, &Address::default()),
        OracleError::WrongAttester
    );
    Ok(())
}

impl Join {
    /// The seat to take and when it begins to serve.
    fn place(&self, now: i64) -> Result<(u8, i64)> {
        let after = |notice| now.checked_add(notice).ok_or(OracleError::Overflow);
        if let Some(seat) = self.committee.founders_seat(self.owner.address(), now) {
            return Ok((seat, after(FOUNDER_NOTICE)?));
        }
        require!(self.oracle.version != 0, OracleError::NotAFounder);
        require!(
            now < self.oracle.admitted_until,
            OracleError::AdmissionLapsed
        );
        self.committee.require_few_waiting(now)?;
        Ok((self.committee.open_seat(now)?, after(JOIN_NOTICE)?))
    }

    /// Checks, moves the bond, takes the seat.
    pub fn handle(
        &mut self,
        bump: u8,
        vault_bump: u8,
        attester: Address,
        bond: u64,
        now: i64,
    ) -> Result<()> {
        let (owner, committee) = (*self.owner.address(), *self.committee.address());
        require_attester(&attester, &owner)?;
        require!(!self.oracle.has_bond(), OracleError::AlreadySeated);
        require!(
            bond >= self.committee.minimum_bond,
            OracleError::BondTooSmall
        );
        let (seat, active_from) = self.place(now)?;
        let oracle = &mut *self.oracle;
        if oracle.version == 0 {
            oracle.version = VERSION;
            oracle.bump = bump;
            oracle.committee = committee;
            oracle.owner = owner;
            oracle.payer = owner;
        }
        oracle.state = Oracle::SEATED;
        oracle.seat = seat;
        oracle.vault_bump = vault_bump;
        oracle.bond = bond;
        oracle.left_at = NEVER;
        oracle.admitted_until = 0;
        let place = self.committee.seat_mut(seat)?;
        place.owner = owner;
        place.attester = attester;
        place.active_from = active_from;
        place.left_at = NEVER;
        lode_token::transfer_checked(
            self.token_program.address(),
            self.from.account(),
            self.mint.account(),
            self.vault.account(),
            self.owner.account(),
            bond,
            self.mint.decimals(),
            &[],
        );
        tell(SeatChanged {
            committee,
            owner,
            attester,
            active_from,
            left_at: NEVER,
            seat: u64::from(seat),
        });
        Ok(())
    }
}
