//! Builders for the staking program.
use super::build;
use crate::addresses::{self, SYSTEM};
use crate::token::MintInfo;
use lode_staking::state::{ConfigArgs, Unbonding};
use lode_staking::{accounts, instruction, NodeArgs, ID};
use solana_address::Address;
use solana_instruction::Instruction;

/// Starts the program; signed by its upgrade authority.
pub fn initialize_config(
    authority: &Address,
    stake_mint: &Address,
    args: ConfigArgs,
) -> Instruction {
    build(
        ID,
        instruction::InitializeConfig { args },
        accounts::InitializeConfig {
            authority: *authority,
            config: addresses::staking::config(),
            program_data: addresses::program_data(&ID),
            stake_mint: *stake_mint,
            system_program: SYSTEM,
        },
    )
}

fn govern(signer: &Address) -> accounts::Govern {
    accounts::Govern {
        signer: *signer,
        config: addresses::staking::config(),
    }
}

/// Names who may become governor; signed by the governor.
pub fn propose_governor(governor: &Address, pending: &Address) -> Instruction {
    let data = instruction::ProposeGovernor { pending: *pending };
    build(ID, data, govern(governor))
}

/// Becomes governor; signed by the pending one.
pub fn accept_governor(pending: &Address) -> Instruction {
    build(ID, instruction::AcceptGovernor {}, govern(pending))
}

/// Names the guardian; signed by the governor.
pub fn set_guardian(governor: &Address, guardian: &Address) -> Instruction {
    let data = instruction::SetGuardian {
        guardian: *guardian,
    };
    build(ID, data, govern(governor))
}

/// Stops new stake and new nodes for a week; signed by the guardian.
pub fn pause(guardian: &Address) -> Instruction {
    build(
        ID,
        instruction::Pause {},
        accounts::Pause {
            guardian: *guardian,
            config: addresses::staking::config(),
        },
    )
}

/// Opens a node; signed by its owner, who pays the rents. `payout` is a token account of the stake mint and the owner's.
pub fn register_node(
    owner: &Address,
    mint: &MintInfo,
    payout: &Address,
    args: NodeArgs,
) -> Instruction {
    let node = addresses::staking::node(owner, args.index);
    build(
        ID,
        instruction::RegisterNode { args },
        accounts::RegisterNode {
            owner: *owner,
            config: addresses::staking::config(),
            node,
            vault: addresses::staking::vault(&node),
            mint: mint.address,
            payout: *payout,
            token_program: mint.program,
            system_program: SYSTEM,
        },
    )
}

/// Changes the hot key; signed by the node's owner.
pub fn set_worker(owner: &Address, node: &Address, worker: &Address) -> Instruction {
    build(
        ID,
        instruction::SetWorker { worker: *worker },
        accounts::SetWorker {
            owner: *owner,
            node: *node,
        },
    )
}

/// Changes where everything earned goes; signed by the node's owner.
pub fn set_payout(owner: &Address, node: &Address, payout: &Address) -> Instruction {
    build(
        ID,
        instruction::SetPayout {},
        accounts::SetPayout {
            owner: *owner,
            config: addresses::staking::config(),
            node: *node,
            payout: *payout,
        },
    )
}

/// Stakes from the wallet's associated account; signed by the wallet.
pub fn stake(wallet: &Address, node: &Address, mint: &MintInfo, amount: u64) -> Instruction {
    build(
        ID,
        instruction::Stake { amount },
        accounts::Stake {
            wallet: *wallet,
            config: addresses::staking::config(),
            node: *node,
            delegation: addresses::staking::delegation(node, wallet),
            vault: addresses::staking::vault(node),
            from: mint.account_of(wallet),
            mint: mint.address,
            token_program: mint.program,
            system_program: SYSTEM,
        },
    )
}

/// Moves shares to ticket number `next_ticket` of the wallet's delegation; signed by the wallet.
pub fn unstake(wallet: &Address, node: &Address, next_ticket: u32, shares: u64) -> Instruction {
    let delegation = addresses::staking::delegation(node, wallet);
    build(
        ID,
        instruction::Unstake { shares },
        accounts::Unstake {
            wallet: *wallet,
            config: addresses::staking::config(),
            node: *node,
            delegation,
            ticket: addresses::staking::unbonding(&delegation, next_ticket),
            system_program: SYSTEM,
        },
    )
}

/// Pays a ticket that is due to its wallet's associated account; anyone may send it.
pub fn withdraw(ticket_at: &Address, ticket: &Unbonding, mint: &MintInfo) -> Instruction {
    build(
        ID,
        instruction::Withdraw {},
        accounts::Withdraw {
            config: addresses::staking::config(),
            ticket: *ticket_at,
            payer: ticket.payer,
            node: ticket.node,
            delegation: ticket.delegation,
            vault: addresses::staking::vault(&ticket.node),
            to: mint.account_of(&ticket.owner),
            mint: mint.address,
            token_program: mint.program,
        },
    )
}
