//! Fixtures of the `staking` program.

use crate::{World, SYSTEM, TOKEN};
use anchor_lang::{InstructionData, ToAccountMetas};
use lode_staking::constants::SLASHER;
use lode_staking::state::{ConfigArgs, Node, NodeDescription, ParameterArgs, StakingConfig};
use lode_staking::{accounts, instruction, NodeArgs, ID};
use solana_address::Address;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_signer::Signer;

/// One token of a mint with nine decimals.
pub const TOKENS: u64 = 1_000_000_000;
/// A day, seconds.
pub const DAY: i64 = 86_400;

/// Address of the configuration.
pub fn config() -> Address {
    Address::find_program_address(&[b"config"], &ID).0
}

/// Address of a node.
pub fn node(owner: &Address, index: u32) -> Address {
    Address::find_program_address(&[b"node", owner.as_ref(), &index.to_le_bytes()], &ID).0
}

/// Address of a node's vault.
pub fn vault(node: &Address) -> Address {
    Address::find_program_address(&[b"vault", node.as_ref()], &ID).0
}

/// Address of a wallet's delegation on a node.
pub fn delegation(node: &Address, owner: &Address) -> Address {
    Address::find_program_address(&[b"delegation", node.as_ref(), owner.as_ref()], &ID).0
}

/// Address of a delegation's ticket.
pub fn ticket(delegation: &Address, index: u32) -> Address {
    Address::find_program_address(
        &[b"unbonding", delegation.as_ref(), &index.to_le_bytes()],
        &ID,
    )
    .0
}

/// Staking, initialised, with a mint and its keys.
pub struct Staking {
    /// The stake mint.
    pub mint: Address,
    /// Its token program.
    pub token: Address,
    /// Governor of the configuration.
    pub governor: Keypair,
    /// Guardian of the configuration.
    pub guardian: Keypair,
}

/// A node of a test, its owner and its worker.
pub struct Operator {
    /// Cold wallet.
    pub owner: Keypair,
    /// Hot key.
    pub worker: Keypair,
    /// The node.
    pub node: Address,
    /// The owner's associated account of the stake mint: its money and its payout account.
    pub wallet: Address,
}

/// The parameters that tests use: 14 days of unbonding, 100 tokens of self-stake, a ratio of 5.
pub fn args(governor: &Address, guardian: &Address) -> ConfigArgs {
    ConfigArgs {
        governor: *governor,
        guardian: *guardian,
        stream_seconds: DAY,
        unbonding_seconds: 14 * DAY,
        minimum_self_stake: 100 * TOKENS,
        jail_seconds: 7 * DAY,
        delegation_ratio: 5,
        commission_cap: 3_000,
        commission_step: 500,
    }
}

/// `initialize_config`.
pub fn initialize_config(authority: &Address, mint: &Address, args: ConfigArgs) -> Instruction {
    crate::instruction(
        ID,
        accounts::InitializeConfig {
            authority: *authority,
            config: config(),
            program_data: World::program_data(&ID),
            stake_mint: *mint,
            system_program: SYSTEM,
        }
        .to_account_metas(None),
        instruction::InitializeConfig { args }.data(),
    )
}

impl Staking {
    /// Initialises the program with a mint of the classic token program.
    pub fn new(world: &mut World) -> Self {
        Self::with_token(world, &TOKEN)
    }

    /// Initialises the program with a mint of either token program.
    pub fn with_token(world: &mut World, token: &Address) -> Self {
        let mint = world.mint(token);
        let (governor, guardian) = (world.wallet(), world.wallet());
        let authority = world.upgrade_authority.insecure_clone();
        world.ok(
            initialize_config(
                &authority.pubkey(),
                &mint,
                args(&governor.pubkey(), &guardian.pubkey()),
            ),
            &[&authority],
        );
        Self {
            mint,
            token: *token,
            governor,
            guardian,
        }
    }

    /// A wallet with SOL and an associated account of the stake mint holding `amount`.
    pub fn wallet(&self, world: &mut World, amount: u64) -> Keypair {
        let program = world.token_program_of(&self.mint);
        // Whose associated account is found at the first try, so that what a claim costs is the same in every run.
        let wallet = loop {
            let wallet = world.wallet();
            let seeds = [wallet.pubkey(), program, self.mint];
            let seeds = seeds.each_ref().map(Address::as_ref);
            if Address::find_program_address(&seeds, &lode_token::ASSOCIATED).1 == u8::MAX {
                break wallet;
            }
        };
        world.associated_account(&self.mint, &wallet.pubkey(), amount);
        wallet
    }

    /// `register_node`.
    pub fn register_node(&self, world: &World, owner: &Address, args: NodeArgs) -> Instruction {
        let node = node(owner, args.index);
        crate::instruction(
            ID,
            accounts::RegisterNode {
                owner: *owner,
                config: config(),
                node,
                vault: vault(&node),
                mint: self.mint,
                payout: world.associated(owner, &self.mint),
                token_program: self.token,
                system_program: SYSTEM,
            }
            .to_account_metas(None),
            instruction::RegisterNode { args }.data(),
        )
    }

    /// `stake`.
    pub fn stake(
        &self,
        world: &World,
        node: &Address,
        wallet: &Address,
        amount: u64,
    ) -> Instruction {
        crate::instruction(
            ID,
            accounts::Stake {
                wallet: *wallet,
                config: config(),
                node: *node,
                delegation: delegation(node, wallet),
                vault: vault(node),
                from: world.associated(wallet, &self.mint),
                mint: self.mint,
                token_program: self.token,
                system_program: SYSTEM,
            }
            .to_account_metas(None),
            instruction::Stake { amount }.data(),
        )
    }

    /// `unstake` into ticket `index`.
    pub fn unstake(
        &self,
        node: &Address,
        wallet: &Address,
        index: u32,
        shares: u64,
    ) -> Instruction {
        let delegation = delegation(node, wallet);
        crate::instruction(
            ID,
            accounts::Unstake {
                wallet: *wallet,
                config: config(),
                node: *node,
                delegation,
                ticket: ticket(&delegation, index),
                system_program: SYSTEM,
            }
            .to_account_metas(None),
            instruction::Unstake { shares }.data(),
        )
    }

    /// `withdraw` of ticket `index`.
    pub fn withdraw(
        &self,
        world: &World,
        node: &Address,
        wallet: &Address,
        index: u32,
    ) -> Instruction {
        let delegation = delegation(node, wallet);
        crate::instruction(
            ID,
            accounts::Withdraw {
                config: config(),
                ticket: ticket(&delegation, index),
                payer: *wallet,
                node: *node,
                delegation,
                vault: vault(node),
                to: world.associated(wallet, &self.mint),
                mint: self.mint,
                token_program: self.token,
                wallet: None,
            }
            .to_account_metas(None),
            instruction::Withdraw {}.data(),
        )
    }

    /// `restake` of ticket `index`.
    pub fn restake(&self, node: &Address, wallet: &Address, index: u32) -> Instruction {
        let delegation = delegation(node, wallet);
        crate::instruction(
            ID,
            accounts::Restake {
                wallet: *wallet,
                config: config(),
                ticket: ticket(&delegation, index),
                payer: *wallet,
                node: *node,
                delegation,
            }
            .to_account_metas(None),
            instruction::Restake {}.data(),
        )
    }

    /// `sweep_rewards`.
    pub fn sweep_rewards(&self, node: &Address) -> Instruction {
        crate::instruction(
            ID,
            accounts::SweepRewards {
                config: config(),
                node: *node,
                vault: vault(node),
            }
            .to_account_metas(None),
            instruction::SweepRewards {}.data(),
        )
    }

    /// Rewards come to a node's vault, as tokens out of nowhere, and are swept.
    pub fn reward(&self, world: &mut World, node: &Address, amount: u64) {
        self.drop_into_vault(world, node, amount);
        world.ok(self.sweep_rewards(node), &[]);
    }

    /// Tokens come to a node's vault.
    pub fn drop_into_vault(&self, world: &mut World, node: &Address, amount: u64) {
        let at = vault(node);
        let held = world.amount(&at) + amount;
        for (account, offset, value) in [
            (at, 64, held),
            (self.mint, 36, world.supply(&self.mint) + amount),
        ] {
            let mut changed = world.svm.get_account(&account).unwrap();
            changed.data[offset..offset + 8].copy_from_slice(&value.to_le_bytes());
            world.svm.set_account(account, changed).unwrap();
        }
    }

    /// `claim_rewards` to the wallet's associated account.
    pub fn claim_rewards(&self, world: &World, node: &Address, wallet: &Address) -> Instruction {
        crate::instruction(
            ID,
            accounts::ClaimRewards {
                node: *node,
                delegation: delegation(node, wallet),
                vault: vault(node),
                to: world.associated(wallet, &self.mint),
                mint: self.mint,
                token_program: self.token,
            }
            .to_account_metas(None),
            instruction::ClaimRewards {}.data(),
        )
    }

    /// `claim_commission` to `to`.
    pub fn claim_commission(&self, node: &Address, to: &Address) -> Instruction {
        crate::instruction(
            ID,
            accounts::ClaimCommission {
                node: *node,
                vault: vault(node),
                to: *to,
                mint: self.mint,
                token_program: self.token,
            }
            .to_account_metas(None),
            instruction::ClaimCommission {}.data(),
        )
    }

    /// `slash`; the slasher is the jobs program's address, so only [`World::send_as_program`] can send it.
    pub fn slash(&self, node: &Address, bps: u16, accepted_at: i64) -> Instruction {
        self.slash_by(&SLASHER, Some(*node), bps, accepted_at)
    }

    /// `slash` by anyone, of a node or of none.
    pub fn slash_by(
        &self,
        slasher: &Address,
        node: Option<Address>,
        bps: u16,
        accepted_at: i64,
    ) -> Instruction {
        crate::instruction(
            ID,
            accounts::Slash {
                slasher: *slasher,
                config: config(),
                node,
                vault: node.map(|node| vault(&node)),
                mint: self.mint,
                token_program: self.token,
            }
            .to_account_metas(None),
            instruction::Slash { bps, accepted_at }.data(),
        )
    }

    /// `force_unstake` of a wallet's delegation into ticket `index`, paid by `payer`.
    pub fn force_unstake(
        &self,
        node: &Address,
        wallet: &Address,
        index: u32,
        payer: &Address,
    ) -> Instruction {
        let delegation = delegation(node, wallet);
        crate::instruction(
            ID,
            accounts::ForceUnstake {
                payer: *payer,
                config: config(),
                node: *node,
                delegation,
                ticket: ticket(&delegation, index),
                system_program: SYSTEM,
            }
            .to_account_metas(None),
            instruction::ForceUnstake {}.data(),
        )
    }

    /// `close_node`; what is left goes to the owner's associated account.
    pub fn close_node(&self, world: &World, node: &Address, owner: &Address) -> Instruction {
        crate::instruction(
            ID,
            accounts::CloseNode {
                owner: *owner,
                config: config(),
                node: *node,
                payer: *owner,
                vault: vault(node),
                to: world.associated(owner, &self.mint),
                mint: self.mint,
                token_program: self.token,
            }
            .to_account_metas(None),
            instruction::CloseNode {}.data(),
        )
    }

    /// A wallet with `amount` delegated to a node.
    pub fn delegator(&self, world: &mut World, node: &Address, amount: u64) -> Keypair {
        let wallet = self.wallet(world, amount);
        world.ok(
            self.stake(world, node, &wallet.pubkey(), amount),
            &[&wallet],
        );
        wallet
    }

    /// An operator with 10 000 tokens and a registered node of 4 cores and 8 GiB, nothing staked.
    pub fn operator(&self, world: &mut World) -> Operator {
        let (owner, worker) = (self.wallet(world, 10_000 * TOKENS), world.wallet());
        let args = node_args(&worker.pubkey());
        world.ok(self.register_node(world, &owner.pubkey(), args), &[&owner]);
        Operator {
            node: node(&owner.pubkey(), 0),
            wallet: world.associated(&owner.pubkey(), &self.mint),
            owner,
            worker,
        }
    }

    /// An operator whose node holds `amount` of its owner's stake.
    pub fn staked_operator(&self, world: &mut World, amount: u64) -> Operator {
        let operator = self.operator(world);
        world.ok(
            self.stake(world, &operator.node, &operator.owner.pubkey(), amount),
            &[&operator.owner],
        );
        operator
    }
}

/// `update_config`.
pub fn update_config(governor: &Address, args: ParameterArgs) -> Instruction {
    crate::instruction(
        ID,
        accounts::UpdateConfig {
            governor: *governor,
            config: config(),
        }
        .to_account_metas(None),
        instruction::UpdateConfig { args }.data(),
    )
}

/// `update_node`.
pub fn update_node(owner: &Address, node: &Address, args: NodeDescription) -> Instruction {
    crate::instruction(
        ID,
        accounts::UpdateNode {
            owner: *owner,
            node: *node,
        }
        .to_account_metas(None),
        instruction::UpdateNode { args }.data(),
    )
}

/// `set_commission`.
pub fn set_commission(owner: &Address, node: &Address, bps: u16) -> Instruction {
    crate::instruction(
        ID,
        accounts::SetCommission {
            owner: *owner,
            config: config(),
            node: *node,
        }
        .to_account_metas(None),
        instruction::SetCommission { bps }.data(),
    )
}

/// `unjail`.
pub fn unjail(owner: &Address, node: &Address) -> Instruction {
    crate::instruction(
        ID,
        accounts::Unjail {
            owner: *owner,
            node: *node,
        }
        .to_account_metas(None),
        instruction::Unjail {}.data(),
    )
}

/// `exit_node`.
pub fn exit_node(owner: &Address, node: &Address) -> Instruction {
    crate::instruction(
        ID,
        accounts::ExitNode {
            owner: *owner,
            node: *node,
        }
        .to_account_metas(None),
        instruction::ExitNode {}.data(),
    )
}

/// `close_delegation`, whose rent `payer` paid.
pub fn close_delegation(node: &Address, wallet: &Address, payer: &Address) -> Instruction {
    crate::instruction(
        ID,
        accounts::CloseDelegation {
            delegation: delegation(node, wallet),
            payer: *payer,
            node: *node,
        }
        .to_account_metas(None),
        instruction::CloseDelegation {}.data(),
    )
}

/// What operators of tests say of their nodes.
pub fn node_args(worker: &Address) -> NodeArgs {
    NodeArgs {
        index: 0,
        worker: *worker,
        description: NodeDescription {
            class: 2,
            cores: 4,
            memory_mib: 8_192,
            region: *b"DE",
            metadata: [3; 32],
            encryption_key: [4; 32],
        },
    }
}

/// Checks that the vault holds the stake, exactly: of nodes without rewards.
#[track_caller]
pub fn assert_vault_holds_stake(world: &World, node: &Address) {
    let state: Node = world.read(node);
    assert_eq!(world.amount(&vault(node)), state.stake);
}

/// Checks invariant 1, after a sweep: the vault holds what is booked, exactly.
#[track_caller]
pub fn assert_vault_holds_what_is_booked(world: &World, node: &Address) {
    let state: Node = world.read(node);
    assert_eq!(world.amount(&vault(node)), state.booked().unwrap());
}

/// The configuration.
pub fn read_config(world: &World) -> StakingConfig {
    world.read(&config())
}
