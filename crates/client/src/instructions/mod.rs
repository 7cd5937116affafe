//! One builder for each instruction of each program: data and account lists are the programs' own types.
//!
//! What an account can be derived from is derived here, so a caller names only what is his to choose.

pub mod emissions;
pub mod jobs;
pub mod oracle;
pub mod staking;

use anchor_lang::{InstructionData, ToAccountMetas};
use solana_address::Address;
use solana_instruction::Instruction;

fn build(
    program: Address,
    data: impl InstructionData,
    accounts: impl ToAccountMetas,
) -> Instruction {
    Instruction {
        program_id: program,
        accounts: accounts.to_account_metas(None),
        data: data.data(),
    }
}
