//! Fixtures of the `emissions` program.

use crate::jobs::{self, Jobs};
use crate::staking::{self, Operator, Staking, DAY, TOKENS};
use crate::{World, SYSTEM, TOKEN};
use anchor_lang::{InstructionData, ToAccountMetas};
use lode_emissions::state::{Epoch, Schedule, ScheduleArgs, Share};
use lode_emissions::{accounts, instruction, ID};
use lode_jobs::state::Work;
use lode_staking::state::Node;
use solana_address::Address;
use solana_instruction::{AccountMeta, Instruction};
use solana_keypair::Keypair;
use solana_signer::Signer;

/// Address of the schedule.
pub fn schedule() -> Address {
    Address::find_program_address(&[b"schedule"], &ID).0
}

/// Address that signs every mint.
pub fn mint_authority() -> Address {
    Address::find_program_address(&[b"mint-authority"], &ID).0
}

/// Address of an epoch.
pub fn epoch(index: u64) -> Address {
    Address::find_program_address(&[b"epoch", &index.to_le_bytes()], &ID).0
}

/// Address of a node's share of an epoch.
pub fn share(node: &Address, index: u64) -> Address {
    Address::find_program_address(&[b"share", node.as_ref(), &index.to_le_bytes()], &ID).0
}

/// The schedule that tests use: 80 % work, 10 % stake, 10 % treasury, theta 90 %, c = 1; a ceiling of 1 000 tokens that
/// loses 15 % every 10 epochs; a cap of 20 000; at most 2 000 finalised in any 4 epochs.
pub fn args(treasury_owner: &Address) -> ScheduleArgs {
    ScheduleArgs {
        treasury_owner: *treasury_owner,
        cap: 20_000 * TOKENS,
        first_ceiling: 1_000 * TOKENS,
        era_epochs: 10,
        breaker_limit: 2_000 * TOKENS,
        work_bps: 8_000,
        stake_bps: 1_000,
        treasury_bps: 1_000,
        theta_bps: 9_000,
        c_bps: 10_000,
        decay_bps: 1_500,
        breaker_epochs: 4,
    }
}

/// `initialize_schedule`.
pub fn initialize_schedule(authority: &Address, mint: &Address, args: ScheduleArgs) -> Instruction {
    crate::instruction(
        ID,
        accounts::InitializeSchedule {
            authority: *authority,
            schedule: schedule(),
            mint_authority: mint_authority(),
            program_data: World::program_data(&ID),
            staking: staking::config(),
            jobs: jobs::config(),
            mint: *mint,
            system_program: SYSTEM,
        }
        .to_account_metas(None),
        instruction::InitializeSchedule { args }.data(),
    )
}

/// The token program's `SetAuthority` of a mint's authority (0 to mint, 1 to freeze), signed by the one it has.
pub fn set_authority(
    world: &World,
    mint: &Address,
    kind: u8,
    current: &Address,
    to: Option<&Address>,
) -> Instruction {
    let mut data = vec![6, kind, to.is_some() as u8];
    data.extend(to.map(|to| to.as_array().as_slice()).unwrap_or_default());
    let accounts = vec![
        AccountMeta::new(*mint, false),
        AccountMeta::new_readonly(*current, true),
    ];
    crate::instruction(world.token_program_of(mint), accounts, data)
}

/// Emissions, ready to run: staking and jobs of one mint, whose authority is the program's.
pub struct Emissions {
    /// Staking.
    pub staking: Staking,
    /// The mint.
    pub mint: Address,
    /// Owner of the treasury, with an associated account of the mint.
    pub treasury: Keypair,
}

/// Initialises staking and jobs with one mint of a token program; nothing of emissions.
pub fn sisters(world: &mut World, token: &Address) -> Staking {
    let staking = Staking::with_token(world, token);
    let authority = world.upgrade_authority.insecure_clone();
    let key = authority.pubkey();
    let configuration = jobs::config_args(&key, &key);
    world.ok(
        jobs::initialize_config(&key, &staking.mint, configuration),
        &[&authority],
    );
    staking
}

impl Emissions {
    /// The usual schedule, a mint of the classic token program.
    pub fn new(world: &mut World) -> Self {
        Self::with(world, |_| {})
    }

    /// The usual schedule but for a change.
    pub fn with(world: &mut World, change: impl FnOnce(&mut ScheduleArgs)) -> Self {
        let staking = sisters(world, &TOKEN);
        Self::start(world, staking, change)
    }

    /// Hands the mint over and starts the schedule, over staking and jobs that run.
    pub fn start(
        world: &mut World,
        staking: Staking,
        change: impl FnOnce(&mut ScheduleArgs),
    ) -> Self {
        let (mint, treasury) = (staking.mint, world.wallet());
        world.associated_account(&mint, &treasury.pubkey(), 0);
        let mut args = args(&treasury.pubkey());
        change(&mut args);
        hand_over(world, &mint);
        let authority = world.upgrade_authority.insecure_clone();
        world.ok(
            initialize_schedule(&authority.pubkey(), &mint, args),
            &[&authority],
        );
        Self {
            staking,
            mint,
            treasury,
        }
    }

    /// An operator with stake and an account for points.
    pub fn operator(&self, world: &mut World, stake: u64) -> Operator {
        let operator = match stake {
            0 => self.staking.operator(world),
            _ => self.staking.staked_operator(world, stake),
        };
        open_work(world, &operator.node);
        operator
    }

    /// `claim_work` to the payout account.
    pub fn claim_work(&self, world: &World, node: &Address, index: u64) -> Instruction {
        let to = world.read::<Node>(node).payout;
        self.claim_work_to(world, node, index, &to)
    }

    /// `claim_work` to `to`.
    pub fn claim_work_to(
        &self,
        world: &World,
        node: &Address,
        index: u64,
        to: &Address,
    ) -> Instruction {
        crate::instruction(
            ID,
            accounts::ClaimWork {
                schedule: schedule(),
                epoch: epoch(index),
                share: share(node, index),
                node: *node,
                to: *to,
                mint: self.mint,
                mint_authority: mint_authority(),
                token_program: world.token_program_of(&self.mint),
            }
            .to_account_metas(None),
            instruction::ClaimWork {}.data(),
        )
    }

    /// `claim_stake`.
    pub fn claim_stake(&self, world: &World, node: &Address, index: u64) -> Instruction {
        crate::instruction(
            ID,
            accounts::ClaimStake {
                schedule: schedule(),
                epoch: epoch(index),
                share: share(node, index),
                node: *node,
                vault: staking::vault(node),
                mint: self.mint,
                mint_authority: mint_authority(),
                token_program: world.token_program_of(&self.mint),
            }
            .to_account_metas(None),
            instruction::ClaimStake {}.data(),
        )
    }

    /// `claim_treasury` to the associated account of the treasury's owner.
    pub fn claim_treasury(&self, world: &World, index: u64) -> Instruction {
        let owner = world.read::<Schedule>(&schedule()).treasury_owner;
        crate::instruction(
            ID,
            accounts::ClaimTreasury {
                schedule: schedule(),
                epoch: epoch(index),
                to: world.associated(&owner, &self.mint),
                mint: self.mint,
                mint_authority: mint_authority(),
                token_program: world.token_program_of(&self.mint),
            }
            .to_account_metas(None),
            instruction::ClaimTreasury {}.data(),
        )
    }

    /// Records nodes in an epoch with these points each and makes it final: from within any epoch before `index + 1`.
    pub fn finalised(&self, world: &mut World, index: u64, nodes: &[(&Operator, u64)]) {
        for (operator, points) in nodes {
            give_points(world, &operator.node, index, *points);
        }
        to_epoch(world, index + 1);
        for (operator, _) in nodes {
            world.ok(record(&world.payer.pubkey(), &operator.node, index), &[]);
        }
        to_epoch(world, index + 2);
        world.ok(finalize_epoch(index), &[]);
    }
}

/// Hands a mint's authority over to the program, as its holder does it.
pub fn hand_over(world: &mut World, mint: &Address) {
    let holder = world.mint_authority.insecure_clone();
    let hand = set_authority(world, mint, 0, &holder.pubkey(), Some(&mint_authority()));
    world.ok(hand, &[&holder]);
}

/// Writes an account for a node's points, as opening its first ledger does.
pub fn open_work(world: &mut World, node: &Address) {
    use anchor_lang::Discriminator;
    let mut work: Work = bytemuck::Zeroable::zeroed();
    work.version = 1;
    work.node = *node;
    work.payer = world.payer.pubkey();
    let data = [Work::DISCRIMINATOR, bytemuck::bytes_of(&work)].concat();
    world.put(jobs::work(node), data, lode_jobs::ID);
}

/// Points earned in an epoch, out of nowhere; by the rules of the jobs program.
pub fn give_points(world: &mut World, node: &Address, index: u64, points: u64) {
    let at = jobs::work(node);
    let mut work: Work = world.read(&at);
    work.earn(index, points).unwrap();
    world.write(&at, &work);
}

/// Moves the clock to the first second of an epoch.
pub fn to_epoch(world: &mut World, index: u64) {
    let start = crate::START + i64::try_from(index).unwrap() * DAY;
    let seconds = start - world.now();
    assert!(seconds >= 0, "the clock does not run backwards");
    world.pass_seconds(seconds);
}

/// `record`.
pub fn record(payer: &Address, node: &Address, index: u64) -> Instruction {
    crate::instruction(
        ID,
        accounts::Record {
            payer: *payer,
            schedule: schedule(),
            epoch: epoch(index),
            share: share(node, index),
            work: jobs::work(node),
            node: *node,
            system_program: SYSTEM,
        }
        .to_account_metas(None),
        instruction::Record { index }.data(),
    )
}

/// `finalize_epoch`.
pub fn finalize_epoch(index: u64) -> Instruction {
    crate::instruction(
        ID,
        accounts::FinalizeEpoch {
            schedule: schedule(),
            epoch: epoch(index),
        }
        .to_account_metas(None),
        instruction::FinalizeEpoch {}.data(),
    )
}

/// `propose_treasury`.
pub fn propose_treasury(owner: &Address, pending: &Address) -> Instruction {
    crate::instruction(
        ID,
        accounts::Treasury {
            signer: *owner,
            schedule: schedule(),
        }
        .to_account_metas(None),
        instruction::ProposeTreasury { pending: *pending }.data(),
    )
}

/// `accept_treasury`.
pub fn accept_treasury(pending: &Address) -> Instruction {
    crate::instruction(
        ID,
        accounts::Treasury {
            signer: *pending,
            schedule: schedule(),
        }
        .to_account_metas(None),
        instruction::AcceptTreasury {}.data(),
    )
}

/// `close_share`, whose rent `payer` paid.
pub fn close_share(node: &Address, index: u64, payer: &Address) -> Instruction {
    crate::instruction(
        ID,
        accounts::CloseShare {
            schedule: schedule(),
            epoch: epoch(index),
            share: share(node, index),
            payer: *payer,
        }
        .to_account_metas(None),
        instruction::CloseShare {}.data(),
    )
}

/// `close_epoch`, whose rent `payer` paid.
pub fn close_epoch(index: u64, payer: &Address) -> Instruction {
    crate::instruction(
        ID,
        accounts::CloseEpoch {
            schedule: schedule(),
            epoch: epoch(index),
            payer: *payer,
        }
        .to_account_metas(None),
        instruction::CloseEpoch {}.data(),
    )
}

/// The schedule.
#[track_caller]
pub fn read_schedule(world: &World) -> Schedule {
    world.read(&schedule())
}

/// An epoch.
#[track_caller]
pub fn read_epoch(world: &World, index: u64) -> Epoch {
    world.read(&epoch(index))
}

/// A node's share of an epoch.
#[track_caller]
pub fn read_share(world: &World, node: &Address, index: u64) -> Share {
    world.read(&share(node, index))
}

/// A whole market on top of the schedule, for points that real jobs earn.
pub fn over_jobs(
    world: &mut World,
    jobs: &Jobs,
    change: impl FnOnce(&mut ScheduleArgs),
) -> Emissions {
    let staking = Staking {
        mint: jobs.staking.mint,
        token: jobs.staking.token,
        governor: jobs.staking.governor.insecure_clone(),
        guardian: jobs.staking.guardian.insecure_clone(),
    };
    Emissions::start(world, staking, change)
}
