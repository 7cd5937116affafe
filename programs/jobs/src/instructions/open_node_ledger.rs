//! `open_node_ledger`: an owner opts his node in to a market, its committee and its gateway.

use super::open_ledger::write_ledger;
use crate::constants::*;
use crate::error::JobsError;
use crate::state::{JobsConfig, Ledger, LedgerKind, Market, Work};
use anchor_lang::prelude::*;
use lode_program::ReadOnly;
use lode_staking::state::Node;

/// Accounts of `open_node_ledger`.
#[derive(Accounts)]
pub struct OpenNodeLedger {
    /// The node's owner; pays the rents.
    #[account(mut)]
    pub owner: Signer,
    /// The configuration: not paused.
    #[account(seeds = [CONFIG_SEED], bump = config.bump)]
    pub config: ReadOnly<JobsConfig>,
    /// The market: any account of this program and type is one.
    pub market: ReadOnly<Market>,
    /// The node; bound to its owner by the stored key.
    #[account(constraint = anchor_lang::address_eq(&node.owner, owner.address()) @ JobsError::NotLedgerAuthority)]
    pub node: ReadOnly<Node>,
    /// The new ledger. Anyone may have opened one for the node's address as if it were a wallet's, also before the node
    /// existed: it is taken over, so that nobody is kept out of a market for the price of a rent.
    #[account(init_if_needed, payer = owner, space = 8 + core::mem::size_of::<Ledger>(), seeds = [LEDGER_SEED, market.address().as_ref(), node.address().as_ref()], bump)]
    pub ledger: Account<Ledger>,
    /// The node's points, opened with its first ledger.
    #[account(init_if_needed, payer = owner, space = 8 + core::mem::size_of::<Work>(), seeds = [WORK_SEED, node.address().as_ref()], bump)]
    pub work: Account<Work>,
    /// The system program.
    pub system_program: Program<System>,
}

impl OpenNodeLedger {
    /// Checks, then writes the ledger and, the first time, the points. What a ledger that is taken over holds stays in it;
    /// its rent is the owner's from now on. A ledger that was the node's already keeps all but its cap, where only the points
    /// are missing: they were closed with a node whose address is taken again.
    pub fn handle(&mut self, bump: u8, work_bump: u8, locked_cap: u64, now: i64) -> Result<()> {
        self.config.require_running(now)?;
        require!(
            self.node.version == SISTER_VERSION,
            JobsError::UnknownVersion
        );
        // No wallet has a node's address, so nobody can have used such a ledger: all it holds was given to the node.
        let is_new = self.ledger.version == 0 || self.ledger.kind == LedgerKind::Wallet as u8;
        require!(is_new || self.work.version == 0, JobsError::LedgerExists);
        let (owner, market, node) = (
            *self.owner.address(),
            *self.market.address(),
            *self.node.address(),
        );
        if self.work.version == 0 {
            let work = &mut *self.work;
            work.version = VERSION;
            work.bump = work_bump;
            work.node = node;
            work.payer = owner;
        }
        let ledger = &mut self.ledger;
        if !is_new {
            ledger.locked_cap = locked_cap;
            return Ok(());
        }
        write_ledger(
            ledger,
            bump,
            LedgerKind::Node,
            market,
            node,
            owner,
            owner,
            locked_cap,
            now,
        )
    }
}
