//! What several instructions share: how a vault pays, and whom.

use crate::constants::NODE_SEED;
use crate::error::StakingError;
use crate::state::Node;
use anchor_lang::address_eq;
use anchor_lang::prelude::*;

/// Pays `amount` from a node's vault, which the node signs for. The caller has bound vault, mint and destination; that
/// they are what they should be to the token program, the token program demands.
#[inline(always)]
pub(crate) fn pay(
    token_program: &Address,
    vault: &AccountView,
    mint: &AccountView,
    to: &AccountView,
    node: &Account<Node>,
    amount: u64,
) -> Result<()> {
    let (index, bump) = (node.index.to_le_bytes(), [node.bump]);
    // SAFETY: a writable account that is passed twice is refused before any is loaded, so nothing writes to the mint
    // while it is read; the value is copied before the call.
    let decimals = lode_token::decimals(unsafe { mint.borrow_unchecked() });
    lode_token::transfer_checked(
        token_program,
        vault,
        mint,
        to,
        node.account(),
        amount,
        decimals,
        &[NODE_SEED, node.owner.as_ref(), &index, &bump],
    );
    Ok(())
}

/// Money goes to the wallet's associated account, or to the stored payout account where there is one - and there only
/// while the account is the wallet's: token accounts can be given away. The token program refuses to pay into what is
/// no token account of its own.
#[inline(always)]
pub(crate) fn require_destination(
    to: &AccountView,
    wallet: &Address,
    payout: Option<&Address>,
    mint: &Address,
    token_program: &Address,
) -> Result<()> {
    // SAFETY: as above: no other account of the instruction is this one.
    let owner = lode_token::owner(unsafe { to.borrow_unchecked() });
    require!(
        owner.is_some_and(|owner| address_eq(&owner, wallet))
            && (payout.is_some_and(|payout| address_eq(payout, to.address()))
                || lode_token::is_associated(to.address(), wallet, mint, token_program)),
        StakingError::WrongDestination
    );
    Ok(())
}
