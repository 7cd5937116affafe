//! Fixtures of the `oracle` program.

use crate::{World, SYSTEM, TOKEN};
use anchor_lang::{InstructionData, ToAccountMetas};
use lode_oracle::state::CommitteeArgs;
use lode_oracle::{accounts, instruction, ID};
use solana_address::Address;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_signer::Signer;

/// Smallest bond of the committees of tests, base units.
pub const MINIMUM_BOND: u64 = 1_000_000_000;

/// Address of a creator's committee.
pub fn committee(creator: &Address, id: u16) -> Address {
    Address::find_program_address(&[b"committee", creator.as_ref(), &id.to_le_bytes()], &ID).0
}

/// Address of a membership.
pub fn oracle(committee: &Address, owner: &Address) -> Address {
    Address::find_program_address(&[b"oracle", committee.as_ref(), owner.as_ref()], &ID).0
}

/// Address of a membership's bond vault.
pub fn bond_vault(oracle: &Address) -> Address {
    Address::find_program_address(&[b"bond", oracle.as_ref()], &ID).0
}

/// A member: cold wallet and signing key.
pub struct Member {
    /// Cold wallet, with ten times the minimum bond in its associated account.
    pub owner: Keypair,
    /// Signing key.
    pub attester: Keypair,
}

/// A committee of a test.
pub struct Panel {
    /// The committee.
    pub committee: Address,
    /// Its governor and creator.
    pub governor: Keypair,
    /// Mint of the bonds.
    pub mint: Address,
    /// Its token program.
    pub token_program: Address,
    /// Founders, in the order of their seats.
    pub members: Vec<Member>,
}

/// The terms that tests use.
pub fn args(governor: &Address, k: u8) -> CommitteeArgs {
    CommitteeArgs {
        id: 0,
        k,
        governor: *governor,
        minimum_bond: MINIMUM_BOND,
        most_units: 1_000_000_000,
        most_blob: 64 << 20,
        most_memory_mib: 1_024,
        least_base_slots: 10,
        least_slots_per_million: 1,
    }
}

/// `create_committee`.
pub fn create_committee(
    creator: &Address,
    mint: &Address,
    args: CommitteeArgs,
    founders: Vec<Address>,
) -> Instruction {
    crate::instruction(
        ID,
        accounts::CreateCommittee {
            creator: *creator,
            committee: committee(creator, args.id),
            bond_mint: *mint,
            system_program: SYSTEM,
        }
        .to_account_metas(None),
        instruction::CreateCommittee { args, founders }.data(),
    )
}

impl Panel {
    /// A committee of `k` whose `founders` have not joined yet, bonds in the classic token program.
    pub fn founded(world: &mut World, k: u8, founders: usize) -> Self {
        Self::founded_in(world, &TOKEN, k, founders)
    }

    /// The same, bonds in a token program.
    pub fn founded_in(world: &mut World, token_program: &Address, k: u8, founders: usize) -> Self {
        let mint = world.mint(token_program);
        let governor = world.wallet();
        let members: Vec<Member> = (0..founders).map(|_| Self::wallet(world, &mint)).collect();
        let names = members.iter().map(|m| m.owner.pubkey()).collect();
        let create = create_committee(
            &governor.pubkey(),
            &mint,
            args(&governor.pubkey(), k),
            names,
        );
        world.ok(create, &[&governor]);
        Self {
            committee: committee(&governor.pubkey(), 0),
            governor,
            mint,
            token_program: *token_program,
            members,
        }
    }

    /// A committee whose founders have all joined and serve.
    pub fn serving(world: &mut World, k: u8, founders: usize) -> Self {
        let panel = Self::founded(world, k, founders);
        for member in &panel.members {
            world.ok(panel.join(world, member, MINIMUM_BOND), &[&member.owner]);
        }
        world.pass_seconds(1);
        panel
    }

    /// A wallet that can bond.
    pub fn wallet(world: &mut World, mint: &Address) -> Member {
        let owner = world.wallet();
        world.associated_account(mint, &owner.pubkey(), 10 * MINIMUM_BOND);
        Member {
            owner,
            attester: world.keypair(),
        }
    }

    /// A member's membership.
    pub fn oracle(&self, member: &Member) -> Address {
        oracle(&self.committee, &member.owner.pubkey())
    }

    /// `join`.
    pub fn join(&self, world: &World, member: &Member, bond: u64) -> Instruction {
        let owner = member.owner.pubkey();
        let oracle = self.oracle(member);
        crate::instruction(
            ID,
            accounts::Join {
                owner,
                committee: self.committee,
                oracle,
                vault: bond_vault(&oracle),
                from: world.associated(&owner, &self.mint),
                mint: self.mint,
                token_program: self.token_program,
                system_program: SYSTEM,
            }
            .to_account_metas(None),
            instruction::Join {
                attester: member.attester.pubkey(),
                bond,
            }
            .data(),
        )
    }

    /// `admit_oracle`.
    pub fn admit(&self, owner: &Address) -> Instruction {
        crate::instruction(
            ID,
            accounts::AdmitOracle {
                governor: self.governor.pubkey(),
                committee: self.committee,
                oracle: oracle(&self.committee, owner),
                system_program: SYSTEM,
            }
            .to_account_metas(None),
            instruction::AdmitOracle { owner: *owner }.data(),
        )
    }

    /// `leave`.
    pub fn leave(&self, member: &Member) -> Instruction {
        crate::instruction(
            ID,
            accounts::Leave {
                owner: member.owner.pubkey(),
                committee: self.committee,
                oracle: self.oracle(member),
            }
            .to_account_metas(None),
            instruction::Leave {}.data(),
        )
    }

    /// `retire_oracle`.
    pub fn retire(&self, member: &Member) -> Instruction {
        crate::instruction(
            ID,
            accounts::RetireOracle {
                governor: self.governor.pubkey(),
                committee: self.committee,
                oracle: self.oracle(member),
            }
            .to_account_metas(None),
            instruction::RetireOracle {}.data(),
        )
    }

    /// `set_attester`.
    pub fn set_attester(&self, member: &Member, attester: &Address) -> Instruction {
        crate::instruction(
            ID,
            accounts::SetAttester {
                owner: member.owner.pubkey(),
                committee: self.committee,
                oracle: self.oracle(member),
            }
            .to_account_metas(None),
            instruction::SetAttester {
                attester: *attester,
            }
            .data(),
        )
    }

    /// `add_bond`.
    pub fn add_bond(&self, world: &World, member: &Member, amount: u64) -> Instruction {
        let owner = member.owner.pubkey();
        let oracle = self.oracle(member);
        crate::instruction(
            ID,
            accounts::AddBond {
                owner,
                committee: self.committee,
                oracle,
                vault: bond_vault(&oracle),
                from: world.associated(&owner, &self.mint),
                mint: self.mint,
                token_program: self.token_program,
            }
            .to_account_metas(None),
            instruction::AddBond { amount }.data(),
        )
    }

    /// `withdraw_bond`, signed by the owner.
    pub fn withdraw_bond(&self, world: &World, member: &Member) -> Instruction {
        let owner = member.owner.pubkey();
        let oracle = self.oracle(member);
        let mut withdraw = crate::instruction(
            ID,
            accounts::WithdrawBond {
                owner,
                committee: self.committee,
                oracle,
                vault: bond_vault(&oracle),
                to: world.associated(&owner, &self.mint),
                mint: self.mint,
                token_program: self.token_program,
            }
            .to_account_metas(None),
            instruction::WithdrawBond {}.data(),
        );
        withdraw.accounts[0].is_signer = true;
        withdraw
    }

    /// `free_seat`.
    pub fn free_seat(&self, member: &Member) -> Instruction {
        crate::instruction(
            ID,
            accounts::FreeSeat {
                committee: self.committee,
                oracle: self.oracle(member),
            }
            .to_account_metas(None),
            instruction::FreeSeat {}.data(),
        )
    }

    /// `close_oracle`, the rent to `payer`.
    pub fn close(&self, owner: &Address, payer: &Address) -> Instruction {
        crate::instruction(
            ID,
            accounts::CloseOracle {
                oracle: oracle(&self.committee, owner),
                payer: *payer,
            }
            .to_account_metas(None),
            instruction::CloseOracle {}.data(),
        )
    }

    /// `slash_oracle`, as the jobs program calls it. `reward`: who is paid a part.
    pub fn slash(&self, member: &Member, slash: Slash, reward: Option<Address>) -> Instruction {
        let oracle = self.oracle(member);
        crate::instruction(
            ID,
            accounts::SlashOracle {
                slasher: lode_oracle::constants::SLASHER,
                committee: self.committee,
                oracle: Some(oracle),
                vault: Some(bond_vault(&oracle)),
                reward,
                mint: self.mint,
                token_program: self.token_program,
            }
            .to_account_metas(None),
            instruction::SlashOracle {
                seat: slash.seat,
                submitted_at: slash.submitted_at,
                fault: slash.fault,
                bps: slash.bps,
                reward_bps: slash.reward_bps,
            }
            .data(),
        )
    }
}

/// Arguments of `slash_oracle`.
#[derive(Clone, Copy)]
pub struct Slash {
    /// The seat.
    pub seat: u8,
    /// When the job was submitted, unix seconds.
    pub submitted_at: i64,
    /// An overturned verdict, not a silence.
    pub fault: bool,
    /// Of the bond, lost.
    pub bps: u16,
    /// Of the loss, paid to the reward account.
    pub reward_bps: u16,
}
