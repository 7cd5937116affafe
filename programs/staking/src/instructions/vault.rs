//! What several instructions share: how a vault pays, and whom.

use crate::constants::NODE_SEED;
use crate::error::StakingError;
use crate::state::Node;
use anchor_lang::address_eq;
use anchor_lang::prelude::*;
use anchor_spl::token_interface::{Mint, TokenAccount};

/// Pays `amount` from a node's vault, which the node signs for.
pub(crate) fn pay(
    token_program: &Address,
    vault: &InterfaceAccount<TokenAccount>,
    mint: &InterfaceAccount<Mint>,
    to: &InterfaceAccount<TokenAccount>,
    node: &Account<Node>,
    amount: u64,
) {
    let (owner, index, bump) = (node.owner, node.index.to_le_bytes(), [node.bump]);
    lode_token::transfer_checked(
        token_program,
        vault.cpi_handle(),
        mint.cpi_handle(),
        to.cpi_handle(),
        node.cpi_handle(),
        amount,
        mint.decimals(),
        &[&[NODE_SEED, owner.as_ref(), &index, &bump]],
    );
}

/// Money goes to the wallet's associated account, or to the stored payout account where there is one - and there only
/// while the account is the wallet's: token accounts can be given away.
pub(crate) fn require_destination(
    to: &InterfaceAccount<TokenAccount>,
    wallet: &Address,
    payout: Option<&Address>,
    mint: &Address,
    token_program: &Address,
) -> Result<()> {
    require!(
        address_eq(to.owner(), wallet)
            && (payout.is_some_and(|payout| address_eq(payout, to.address()))
                || lode_token::is_associated(to.address(), wallet, mint, token_program)),
        StakingError::WrongDestination
    );
    Ok(())
}
