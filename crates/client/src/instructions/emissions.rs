//! Builders for the emissions program. All but the first and the treasury's two may be sent by anyone.
use super::build;
use crate::addresses::{self, SYSTEM};
use crate::token::MintInfo;
use lode_emissions::state::{Epoch, ScheduleArgs, Share};
use lode_emissions::{accounts, instruction, ID};
use lode_staking::state::Node;
use solana_address::Address;
use solana_instruction::Instruction;

/// Fixes the schedule; signed by the program's upgrade authority. The mint's authority must be
/// [`addresses::emissions::mint_authority`] by then.
pub fn initialize_schedule(authority: &Address, mint: &Address, args: ScheduleArgs) -> Instruction {
    build(
        ID,
        instruction::InitializeSchedule { args },
        accounts::InitializeSchedule {
            authority: *authority,
            schedule: addresses::emissions::schedule(),
            mint_authority: addresses::emissions::mint_authority(),
            program_data: addresses::program_data(&ID),
            staking: addresses::staking::config(),
            jobs: addresses::jobs::config(),
            mint: *mint,
            system_program: SYSTEM,
        },
    )
}

/// Records a node in an epoch, while the next one runs; `payer` signs and lends the rents.
pub fn record(payer: &Address, node: &Address, epoch: u64) -> Instruction {
    build(
        ID,
        instruction::Record { index: epoch },
        accounts::Record {
            payer: *payer,
            schedule: addresses::emissions::schedule(),
            epoch: addresses::emissions::epoch(epoch),
            share: addresses::emissions::share(node, epoch),
            work: addresses::jobs::work(node),
            node: *node,
            system_program: SYSTEM,
        },
    )
}

/// Fixes what an epoch mints, from the second epoch after it on.
pub fn finalize_epoch(epoch: u64) -> Instruction {
    build(
        ID,
        instruction::FinalizeEpoch {},
        accounts::FinalizeEpoch {
            schedule: addresses::emissions::schedule(),
            epoch: addresses::emissions::epoch(epoch),
        },
    )
}

/// Mints a node's reward for the work of an epoch to its payout account.
pub fn claim_work(node_at: &Address, node: &Node, epoch: u64, mint: &MintInfo) -> Instruction {
    claim_work_to(node_at, epoch, &node.payout, mint)
}

/// The same to another account: the owner's associated one.
pub fn claim_work_to(node: &Address, epoch: u64, to: &Address, mint: &MintInfo) -> Instruction {
    build(
        ID,
        instruction::ClaimWork {},
        accounts::ClaimWork {
            schedule: addresses::emissions::schedule(),
            epoch: addresses::emissions::epoch(epoch),
            share: addresses::emissions::share(node, epoch),
            node: *node,
            to: *to,
            mint: mint.address,
            mint_authority: addresses::emissions::mint_authority(),
            token_program: mint.program,
        },
    )
}

/// Mints a node's reward for the stake of an epoch into its vault; follow it with `staking::sweep_rewards`.
pub fn claim_stake(node: &Address, epoch: u64, mint: &MintInfo) -> Instruction {
    build(
        ID,
        instruction::ClaimStake {},
        accounts::ClaimStake {
            schedule: addresses::emissions::schedule(),
            epoch: addresses::emissions::epoch(epoch),
            share: addresses::emissions::share(node, epoch),
            node: *node,
            vault: addresses::staking::vault(node),
            mint: mint.address,
            mint_authority: addresses::emissions::mint_authority(),
            token_program: mint.program,
        },
    )
}

/// Mints what the treasury is due of an epoch to its owner's associated account.
pub fn claim_treasury(treasury_owner: &Address, epoch: u64, mint: &MintInfo) -> Instruction {
    build(
        ID,
        instruction::ClaimTreasury {},
        accounts::ClaimTreasury {
            schedule: addresses::emissions::schedule(),
            epoch: addresses::emissions::epoch(epoch),
            to: mint.account_of(treasury_owner),
            mint: mint.address,
            mint_authority: addresses::emissions::mint_authority(),
            token_program: mint.program,
        },
    )
}

fn treasury(signer: &Address) -> accounts::Treasury {
    accounts::Treasury {
        signer: *signer,
        schedule: addresses::emissions::schedule(),
    }
}

/// Names who may own the treasury by accepting, zero for nobody; signed by its owner.
pub fn propose_treasury(owner: &Address, pending: &Address) -> Instruction {
    let data = instruction::ProposeTreasury { pending: *pending };
    build(ID, data, treasury(owner))
}

/// Becomes the treasury's owner; signed by the pending one.
pub fn accept_treasury(pending: &Address) -> Instruction {
    build(ID, instruction::AcceptTreasury {}, treasury(pending))
}

/// Closes a share that is claimed or lapsed; the rent goes to whoever paid it.
pub fn close_share(share: &Share) -> Instruction {
    build(
        ID,
        instruction::CloseShare {},
        accounts::CloseShare {
            schedule: addresses::emissions::schedule(),
            epoch: addresses::emissions::epoch(share.epoch),
            share: addresses::emissions::share(&share.node, share.epoch),
            payer: share.payer,
        },
    )
}

/// Closes an epoch whose claims are over and whose shares are closed; the rent goes to whoever paid it.
pub fn close_epoch(epoch: &Epoch) -> Instruction {
    build(
        ID,
        instruction::CloseEpoch {},
        accounts::CloseEpoch {
            schedule: addresses::emissions::schedule(),
            epoch: addresses::emissions::epoch(epoch.index),
            payer: epoch.payer,
        },
    )
}
