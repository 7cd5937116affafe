//! Fixtures of the `staking` program.

use crate::{World, SYSTEM, TOKEN};
use anchor_lang::{InstructionData, ToAccountMetas};
use lode_staking::state::{ConfigArgs, Node, StakingConfig};
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
        let wallet = world.wallet();
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
            }
            .to_account_metas(None),
            instruction::Withdraw {}.data(),
        )
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

/// What operators of tests say of their nodes.
pub fn node_args(worker: &Address) -> NodeArgs {
    NodeArgs {
        index: 0,
        worker: *worker,
        class: 2,
        cores: 4,
        memory_mib: 8_192,
        metadata: [3; 32],
        encryption_key: [4; 32],
    }
}

/// Checks invariant 1 as far as it is built: the vault holds the stake, exactly.
#[track_caller]
pub fn assert_vault_holds_stake(world: &World, node: &Address) {
    let state: Node = world.read(node);
    assert_eq!(world.amount(&vault(node)), state.stake);
}

/// The configuration.
pub fn read_config(world: &World) -> StakingConfig {
    world.read(&config())
}
