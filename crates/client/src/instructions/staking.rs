//! Builders for the staking program.
use super::build;
use crate::addresses::{self, SYSTEM};
use crate::token::MintInfo;
use lode_staking::state::{
    ConfigArgs, Delegation, Node, NodeDescription, ParameterArgs, Unbonding,
};
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

/// Moves parameters inside their compiled bounds; signed by the governor.
pub fn update_config(governor: &Address, args: ParameterArgs) -> Instruction {
    build(
        ID,
        instruction::UpdateConfig { args },
        accounts::UpdateConfig {
            governor: *governor,
            config: addresses::staking::config(),
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

/// Says anew what the machine is; signed by the node's owner.
pub fn update_node(owner: &Address, node: &Address, args: NodeDescription) -> Instruction {
    build(
        ID,
        instruction::UpdateNode { args },
        accounts::UpdateNode {
            owner: *owner,
            node: *node,
        },
    )
}

/// Lowers the commission at once, or announces a rise by one step; signed by the node's owner.
pub fn set_commission(owner: &Address, node: &Address, bps: u16) -> Instruction {
    build(
        ID,
        instruction::SetCommission { bps },
        accounts::SetCommission {
            owner: *owner,
            config: addresses::staking::config(),
            node: *node,
        },
    )
}

/// Takes a jailed node back into service; signed by the node's owner.
pub fn unjail(owner: &Address, node: &Address) -> Instruction {
    build(
        ID,
        instruction::Unjail {},
        accounts::Unjail {
            owner: *owner,
            node: *node,
        },
    )
}

/// Brings a node of an older layout to the present one; anyone may.
pub fn migrate_node(node: &Address) -> Instruction {
    build(
        ID,
        instruction::MigrateNode {},
        accounts::MigrateNode { node: *node },
    )
}

/// Takes a node out for good; signed by the node's owner.
pub fn exit_node(owner: &Address, node: &Address) -> Instruction {
    build(
        ID,
        instruction::ExitNode {},
        accounts::ExitNode {
            owner: *owner,
            node: *node,
        },
    )
}

/// Closes a node that everyone has left; signed by its owner. What is left in the vault goes to his associated account.
pub fn close_node(node_at: &Address, node: &Node, mint: &MintInfo) -> Instruction {
    build(
        ID,
        instruction::CloseNode {},
        accounts::CloseNode {
            owner: node.owner,
            config: addresses::staking::config(),
            node: *node_at,
            payer: node.payer,
            vault: node.vault,
            to: mint.account_of(&node.owner),
            mint: mint.address,
            token_program: mint.program,
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

/// Makes a ticket's shares active again on the same node; signed by the ticket's wallet.
pub fn restake(ticket_at: &Address, ticket: &Unbonding) -> Instruction {
    build(
        ID,
        instruction::Restake {},
        accounts::Restake {
            wallet: ticket.owner,
            config: addresses::staking::config(),
            ticket: *ticket_at,
            payer: ticket.payer,
            node: ticket.node,
            delegation: ticket.delegation,
        },
    )
}

/// Moves all shares of a delegation on a leaving node to its next ticket; anyone may send it, `payer` lends the rent.
pub fn force_unstake(
    payer: &Address,
    delegation_at: &Address,
    delegation: &Delegation,
) -> Instruction {
    build(
        ID,
        instruction::ForceUnstake {},
        accounts::ForceUnstake {
            payer: *payer,
            config: addresses::staking::config(),
            node: delegation.node,
            delegation: *delegation_at,
            ticket: addresses::staking::unbonding(delegation_at, delegation.next_ticket),
            system_program: SYSTEM,
        },
    )
}

/// Closes an empty delegation; anyone may send it, the rent goes to whoever paid it.
pub fn close_delegation(delegation_at: &Address, delegation: &Delegation) -> Instruction {
    build(
        ID,
        instruction::CloseDelegation {},
        accounts::CloseDelegation {
            delegation: *delegation_at,
            payer: delegation.payer,
            node: delegation.node,
        },
    )
}

/// Books what a node's vault holds above everything booked; anyone may send it.
pub fn sweep_rewards(node: &Address) -> Instruction {
    build(
        ID,
        instruction::SweepRewards {},
        accounts::SweepRewards {
            config: addresses::staking::config(),
            node: *node,
            vault: addresses::staking::vault(node),
        },
    )
}

/// Pays a wallet's rewards on a node to its associated account; anyone may send it.
pub fn claim_rewards(node: &Address, wallet: &Address, mint: &MintInfo) -> Instruction {
    claim_rewards_to(node, wallet, &mint.account_of(wallet), mint)
}

/// The same to another account: the node's payout account, for its owner's own stake.
pub fn claim_rewards_to(
    node: &Address,
    wallet: &Address,
    to: &Address,
    mint: &MintInfo,
) -> Instruction {
    build(
        ID,
        instruction::ClaimRewards {},
        accounts::ClaimRewards {
            node: *node,
            delegation: addresses::staking::delegation(node, wallet),
            vault: addresses::staking::vault(node),
            to: *to,
            mint: mint.address,
            token_program: mint.program,
        },
    )
}

/// Pays a node's commission to an account of its owner: the payout account or his associated one; anyone may send it.
pub fn claim_commission(node: &Address, to: &Address, mint: &MintInfo) -> Instruction {
    build(
        ID,
        instruction::ClaimCommission {},
        accounts::ClaimCommission {
            node: *node,
            vault: addresses::staking::vault(node),
            to: *to,
            mint: mint.address,
            token_program: mint.program,
        },
    )
}

/// Pays a ticket that is due to its wallet's associated account; anyone may send it.
pub fn withdraw(ticket_at: &Address, ticket: &Unbonding, mint: &MintInfo) -> Instruction {
    pay_ticket(
        ticket_at,
        ticket,
        mint,
        mint.account_of(&ticket.owner),
        None,
    )
}

/// Pays a ticket that is due to any token account; signed by its wallet.
pub fn withdraw_to(
    ticket_at: &Address,
    ticket: &Unbonding,
    mint: &MintInfo,
    to: &Address,
) -> Instruction {
    pay_ticket(ticket_at, ticket, mint, *to, Some(ticket.owner))
}

fn pay_ticket(
    ticket_at: &Address,
    ticket: &Unbonding,
    mint: &MintInfo,
    to: Address,
    wallet: Option<Address>,
) -> Instruction {
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
            to,
            mint: mint.address,
            token_program: mint.program,
            wallet,
        },
    )
}
