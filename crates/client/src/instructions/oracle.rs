//! Builders for the oracle program.
use super::build;
use crate::addresses::{self, SYSTEM};
use crate::token::MintInfo;
use lode_oracle::state::{CommitteeArgs, Oracle};
use lode_oracle::{accounts, instruction, ID};
use solana_address::Address;
use solana_instruction::Instruction;

/// Founds a committee; signed by its creator. The founders may join within a day.
pub fn create_committee(
    creator: &Address,
    bond_mint: &Address,
    args: CommitteeArgs,
    founders: Vec<Address>,
) -> Instruction {
    build(
        ID,
        instruction::CreateCommittee { args, founders },
        accounts::CreateCommittee {
            creator: *creator,
            committee: addresses::oracle::committee(creator, args.id),
            bond_mint: *bond_mint,
            system_program: SYSTEM,
        },
    )
}

fn govern(signer: &Address, committee: &Address) -> accounts::Govern {
    accounts::Govern {
        signer: *signer,
        committee: *committee,
    }
}

/// Names who may become governor; signed by the governor.
pub fn propose_governor(governor: &Address, committee: &Address, pending: &Address) -> Instruction {
    let data = instruction::ProposeGovernor { pending: *pending };
    build(ID, data, govern(governor, committee))
}

/// Becomes governor; signed by the pending one.
pub fn accept_governor(pending: &Address, committee: &Address) -> Instruction {
    let data = instruction::AcceptGovernor {};
    build(ID, data, govern(pending, committee))
}

/// Lets a wallet join within 30 days; signed by the governor, who pays the rent.
pub fn admit_oracle(governor: &Address, committee: &Address, owner: &Address) -> Instruction {
    build(
        ID,
        instruction::AdmitOracle { owner: *owner },
        accounts::AdmitOracle {
            governor: *governor,
            committee: *committee,
            oracle: addresses::oracle::oracle(committee, owner),
            system_program: SYSTEM,
        },
    )
}

/// Bonds from the owner's associated account and takes a seat; signed by the owner.
pub fn join(
    owner: &Address,
    committee: &Address,
    mint: &MintInfo,
    attester: &Address,
    bond: u64,
) -> Instruction {
    let oracle = addresses::oracle::oracle(committee, owner);
    build(
        ID,
        instruction::Join {
            attester: *attester,
            bond,
        },
        accounts::Join {
            owner: *owner,
            committee: *committee,
            oracle,
            vault: addresses::oracle::bond(&oracle),
            from: mint.account_of(owner),
            mint: mint.address,
            token_program: mint.program,
            system_program: SYSTEM,
        },
    )
}

/// Ends one's own service in a day; signed by the owner.
pub fn leave(owner: &Address, committee: &Address) -> Instruction {
    build(
        ID,
        instruction::Leave {},
        accounts::Leave {
            owner: *owner,
            committee: *committee,
            oracle: addresses::oracle::oracle(committee, owner),
        },
    )
}

/// Ends an oracle's service in 14 days; signed by the governor.
pub fn retire_oracle(governor: &Address, committee: &Address, owner: &Address) -> Instruction {
    build(
        ID,
        instruction::RetireOracle {},
        accounts::RetireOracle {
            governor: *governor,
            committee: *committee,
            oracle: addresses::oracle::oracle(committee, owner),
        },
    )
}

/// Changes the signing key; signed by the owner.
pub fn set_attester(owner: &Address, committee: &Address, attester: &Address) -> Instruction {
    build(
        ID,
        instruction::SetAttester {
            attester: *attester,
        },
        accounts::SetAttester {
            owner: *owner,
            committee: *committee,
            oracle: addresses::oracle::oracle(committee, owner),
        },
    )
}

/// Adds to the bond from the owner's associated account; signed by the owner.
pub fn add_bond(owner: &Address, committee: &Address, mint: &MintInfo, amount: u64) -> Instruction {
    let oracle = addresses::oracle::oracle(committee, owner);
    build(
        ID,
        instruction::AddBond { amount },
        accounts::AddBond {
            owner: *owner,
            committee: *committee,
            oracle,
            vault: addresses::oracle::bond(&oracle),
            from: mint.account_of(owner),
            mint: mint.address,
            token_program: mint.program,
        },
    )
}

/// Takes the bond home to the owner's associated account and frees the seat; anyone may send it.
pub fn withdraw_bond(owner: &Address, committee: &Address, mint: &MintInfo) -> Instruction {
    take_bond(owner, committee, mint, mint.account_of(owner))
}

/// Takes the bond home to a token account of the owner's, who signs, and frees the seat.
pub fn withdraw_bond_to(
    owner: &Address,
    committee: &Address,
    mint: &MintInfo,
    to: &Address,
) -> Instruction {
    let mut instruction = take_bond(owner, committee, mint, *to);
    // whose name comes first
    if let Some(owner) = instruction.accounts.first_mut() {
        owner.is_signer = true;
    }
    instruction
}

fn take_bond(owner: &Address, committee: &Address, mint: &MintInfo, to: Address) -> Instruction {
    let oracle = addresses::oracle::oracle(committee, owner);
    build(
        ID,
        instruction::WithdrawBond {},
        accounts::WithdrawBond {
            owner: *owner,
            committee: *committee,
            oracle,
            vault: addresses::oracle::bond(&oracle),
            to,
            mint: mint.address,
            token_program: mint.program,
        },
    )
}

/// Frees a seat that was left 14 days ago, and leaves the bond where it is; anyone may send it.
pub fn free_seat(owner: &Address, committee: &Address) -> Instruction {
    build(
        ID,
        instruction::FreeSeat {},
        accounts::FreeSeat {
            committee: *committee,
            oracle: addresses::oracle::oracle(committee, owner),
        },
    )
}

/// Closes a membership that has no bond; anyone may send it, the rent goes to whoever paid it.
pub fn close_oracle(oracle_at: &Address, oracle: &Oracle) -> Instruction {
    build(
        ID,
        instruction::CloseOracle {},
        accounts::CloseOracle {
            oracle: *oracle_at,
            payer: oracle.payer,
        },
    )
}
