//! `slash`: a node pays for a lie. What it loses burns: nobody gains.
//!
//! It never fails for whatever became of the node since.

use crate::constants::*;
use crate::error::StakingError;
use crate::event::NodeSlashed;
use crate::state::{Node, StakingConfig};
use anchor_lang::accounts::Interface;
use anchor_lang::address_eq;
use anchor_lang::prelude::*;
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};
use lode_program::{tell, ReadOnly};

/// Accounts of `slash`.
#[derive(Accounts)]
pub struct Slash {
    /// The jobs program's own address: no key can sign for it.
    #[account(address = SLASHER @ StakingError::NotSlasher)]
    pub slasher: Signer,
    /// The configuration: the window, the jail, the mint. Of this program and type there is only one.
    pub config: ReadOnly<StakingConfig>,
    /// The node: the caller says which. Left out where it is gone.
    #[account(mut)]
    pub node: Option<Account<Node>>,
    /// Its vault, left out likewise; bound by its address in `validate`.
    #[account(mut)]
    pub vault: Option<InterfaceAccount<TokenAccount>>,
    /// The stake mint; its supply falls by what is burned.
    #[account(mut, address = config.stake_mint @ StakingError::WrongMint)]
    pub mint: InterfaceAccount<Mint>,
    /// The mint's token program; the burn fails under any other.
    pub token_program: Interface<'static, TokenInterface>,
}

impl Slash {
    /// Checks, books the loss, then burns it.
    pub fn handle(&mut self, bps: u16, accepted_at: i64, now: i64) -> Result<()> {
        let Some(node) = self.node.as_mut() else {
            return Ok(());
        };
        // The one instruction that does not ask for the present layout but makes it: it never fails for what became of the
        // node.
        if node.require_current().is_err() {
            super::migrate(node, now)?;
        }
        let vault = self.vault.as_ref().ok_or(StakingError::ForeignAccount)?;
        let at = *node.address();
        require!(
            address_eq(vault.address(), &node.vault),
            StakingError::ForeignAccount
        );
        // What a mint's freeze authority froze cannot be burned: the node is jailed all the same.
        let bps = if vault.is_frozen() { 0 } else { bps };
        let Some(amount) = node.slash(bps, accepted_at, &self.config, now)? else {
            return Ok(());
        };
        let (owner, index, bump) = (node.owner, node.index.to_le_bytes(), [node.bump]);
        if amount > 0 {
            lode_token::burn(
                self.token_program.address(),
                vault.account(),
                self.mint.account(),
                node.account(),
                amount,
                &[NODE_SEED, owner.as_ref(), &index, &bump],
            );
        }
        tell(NodeSlashed {
            node: at,
            burned: amount,
            stake: node.stake,
            jailed_until: node.jailed_until,
        });
        Ok(())
    }
}
