//! `register_node`: an operator's machine joins.

use crate::constants::*;
use crate::error::StakingError;
use crate::event::NodeRegistered;
use crate::state::{Node, NodeDescription, StakingConfig};
use anchor_lang::accounts::Interface;
use anchor_lang::address_eq;
use anchor_lang::prelude::*;
use anchor_spl::token;
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};
use lode_program::{tell, ReadOnly};

/// What `register_node` is told.
#[derive(Clone, Copy, AnchorSerialize, AnchorDeserialize, IdlType)]
pub struct NodeArgs {
    /// See [`Node::index`].
    pub index: u32,
    /// See [`Node::worker`].
    pub worker: Address,
    /// What the owner says of it.
    pub description: NodeDescription,
}

/// Accounts of `register_node`.
#[derive(Accounts)]
#[instruction(args: NodeArgs)]
pub struct RegisterNode {
    /// The operator's cold wallet; pays the rents.
    #[account(mut)]
    pub owner: Signer,
    /// The configuration: not paused, and the mint. Of this program and type there is only one.
    pub config: ReadOnly<StakingConfig>,
    /// The new node.
    #[account(init, payer = owner, space = 8 + core::mem::size_of::<Node>(), seeds = [NODE_SEED, owner.address().as_ref(), &args.index.to_le_bytes()], bump)]
    pub node: Account<Node>,
    /// The node's vault, owned by the node.
    #[account(init, payer = owner, seeds = [VAULT_SEED, node.address().as_ref()], bump, token::mint = mint, token::authority = node, token::token_program = token_program)]
    pub vault: InterfaceAccount<TokenAccount>,
    /// The stake mint.
    #[account(address = config.stake_mint @ StakingError::WrongMint)]
    pub mint: InterfaceAccount<Mint>,
    /// Where everything earned goes: of the stake mint and the owner's, checked in `validate`.
    pub payout: InterfaceAccount<TokenAccount>,
    /// The token program of the mint; the vault's creation fails under any other.
    pub token_program: Interface<'static, TokenInterface>,
    /// The system program.
    pub system_program: Program<System>,
}

/// The payout account holds the stake mint and is the owner's.
pub(crate) fn require_payout(
    payout: &InterfaceAccount<TokenAccount>,
    mint: &Address,
    owner: &Address,
) -> Result<()> {
    require!(
        address_eq(payout.mint(), mint) && address_eq(payout.owner(), owner),
        StakingError::WrongPayout
    );
    Ok(())
}

/// The worker is a key of its own: the owner's cold key has no business on the machine.
pub(crate) fn require_worker(worker: &Address, owner: &Address) -> Result<()> {
    require!(
        !address_eq(worker, owner) && !address_eq(worker, &Address::default()),
        StakingError::WrongWorker
    );
    Ok(())
}

impl RegisterNode {
    fn validate(&self, args: &NodeArgs, now: i64) -> Result<()> {
        self.config.require_running(now)?;
        require_worker(&args.worker, self.owner.address())?;
        require_payout(&self.payout, &self.config.stake_mint, self.owner.address())
    }

    /// Checks, then writes the node.
    pub fn handle(&mut self, bump: u8, vault_bump: u8, args: &NodeArgs, now: i64) -> Result<()> {
        self.validate(args, now)?;
        let (owner, payout) = (*self.owner.address(), *self.payout.address());
        let vault = *self.vault.address();
        let node = &mut *self.node;
        node.version = VERSION;
        node.bump = bump;
        node.vault_bump = vault_bump;
        node.vault = vault;
        node.index = args.index;
        node.owner = owner;
        node.worker = args.worker;
        node.payout = payout;
        node.payer = owner;
        // The address may have been another node's: its jobs are an incident that was punished whole.
        node.jailed_at = now.saturating_sub(1);
        node.incident_bps = SLASH_MOST as u16;
        node.describe(&args.description)?;
        tell(NodeRegistered {
            node: *self.node.address(),
            owner,
            worker: args.worker,
        });
        Ok(())
    }
}
