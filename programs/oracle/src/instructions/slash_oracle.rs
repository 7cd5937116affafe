//! `slash_oracle`: a bond pays for a wrong verdict or for silence.
//!
//! It never fails for whatever the oracle did since: a seat that was freed after the submission answers for nothing,
//! and then neither membership nor vault is needed. What cannot be paid out is burned.

use crate::constants::*;
use crate::error::OracleError;
use crate::event::BondSlashed;
use crate::state::{Committee, Oracle};
use anchor_lang::accounts::Interface;
use anchor_lang::address_eq;
use anchor_lang::prelude::*;
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};
use lode_math::{bps_ceil, bps_floor, BPS};
use lode_program::tell;

/// Accounts of `slash_oracle`.
#[derive(Accounts)]
pub struct SlashOracle {
    /// The jobs program's own address: no key can sign for it.
    #[account(address = SLASHER @ OracleError::NotSlasher)]
    pub slasher: Signer,
    /// The committee: any account of this program and type is one; the caller says which.
    #[account(mut)]
    pub committee: Account<Committee>,
    /// The membership of the seat's owner; may be left out where the seat was freed. Bound by its stored keys.
    #[account(mut)]
    pub oracle: Option<Account<Oracle>>,
    /// Its bond's vault, left out likewise; bound by its address.
    #[account(mut)]
    pub vault: Option<InterfaceAccount<TokenAccount>>,
    /// Who is rewarded, if anybody; the caller says who. Checked for being able to receive.
    #[account(mut)]
    pub reward: Option<UncheckedAccount>,
    /// The bond mint; its supply falls by what is burned.
    #[account(mut, address = committee.bond_mint @ OracleError::WrongMint)]
    pub mint: InterfaceAccount<Mint>,
    /// The mint's token program; a transfer or burn fails under any other.
    pub token_program: Interface<'static, TokenInterface>,
}

impl SlashOracle {
    /// Whether the reward account takes a plain transfer of the bond mint.
    fn can_receive(&self, account: &UncheckedAccount) -> Result<bool> {
        let view = account.account();
        Ok(view.owned_by(self.token_program.address())
            && lode_token::can_receive(self.mint.address(), &view.try_borrow()?))
    }

    /// Checks, books the loss, then moves the money.
    pub fn handle(
        &mut self,
        number: u8,
        submitted_at: i64,
        fault: bool,
        bps: u16,
        reward_bps: u16,
        now: i64,
    ) -> Result<()> {
        if !self.committee.seat_is_eligible(number, submitted_at) {
            return Ok(());
        }
        let (Some(oracle), Some(vault)) = (self.oracle.as_ref(), self.vault.as_ref()) else {
            return Err(OracleError::ForeignAccount.into());
        };
        let (committee, owner) = (
            *self.committee.address(),
            self.committee.seat(number)?.owner,
        );
        require!(
            address_eq(&oracle.committee, &committee) && address_eq(&oracle.owner, &owner),
            OracleError::ForeignAccount
        );
        let vault_at = Address::create_program_address(
            &[BOND_SEED, oracle.address().as_ref(), &[oracle.vault_bump]],
            &crate::ID,
        )
        .map_err(|_| OracleError::ForeignAccount)?;
        require!(
            address_eq(vault.address(), &vault_at),
            OracleError::ForeignAccount
        );

        let share = |bps: u16| u64::from(bps).min(BPS);
        let slashed = bps_ceil(oracle.bond, share(bps)).ok_or(OracleError::Overflow)?;
        let bond = oracle
            .bond
            .checked_sub(slashed)
            .ok_or(OracleError::Overflow)?;
        // A mint's freeze authority could freeze the vault. The loss is booked all the same, and burned on withdrawal.
        let paid = if vault.is_frozen() { 0 } else { slashed };
        let rewarded = match &self.reward {
            Some(reward) if self.can_receive(reward)? => {
                bps_floor(paid, share(reward_bps)).ok_or(OracleError::Overflow)?
            }
            _ => 0,
        };
        let burned = paid.checked_sub(rewarded).ok_or(OracleError::Overflow)?;
        let bump = [oracle.bump];

        if bond < self.committee.minimum_bond {
            let at = now.checked_add(LEAVE_NOTICE).ok_or(OracleError::Overflow)?;
            self.committee.seat_mut(number)?.leave(at);
        }
        let left_at = self.committee.seat(number)?.left_at;
        let (Some(oracle), Some(vault)) = (self.oracle.as_mut(), self.vault.as_mut()) else {
            return Err(OracleError::ForeignAccount.into());
        };
        oracle.bond = bond;
        oracle.left_at = left_at;
        oracle.count(fault);

        let signer: &[&[u8]; 4] = &[ORACLE_SEED, committee.as_ref(), owner.as_ref(), &bump];
        if let (Some(reward), true) = (&self.reward, rewarded > 0) {
            lode_token::transfer_checked(
                self.token_program.address(),
                vault.account(),
                self.mint.account(),
                reward.account(),
                oracle.account(),
                rewarded,
                self.mint.decimals(),
                signer,
            );
        }
        if burned > 0 {
            lode_token::burn(
                self.token_program.address(),
                vault.account(),
                self.mint.account(),
                oracle.account(),
                burned,
                signer,
            );
        }
        tell(BondSlashed {
            committee,
            owner,
            bond,
            slashed,
            rewarded,
            seat: u64::from(number),
        });
        Ok(())
    }
}
