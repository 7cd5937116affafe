//! Fixtures of the `jobs` program.

use crate::oracle::{Member, Panel};
use crate::staking::{Operator, Staking, DAY, TOKENS};
use crate::{Sent, World, SYSTEM, TOKEN};
use anchor_lang::{InstructionData, ToAccountMetas};
use lode_attestation::{commitment, Message, Statement, Verdict};
use lode_jobs::state::{ConfigArgs, Job, Ledger, Market, MarketArgs, NodeFilter};
use lode_jobs::{accounts, instruction, PostArgs, ID};
use solana_address::Address;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_signer::Signer;

/// Hash of the spec that tests post.
pub const SPEC: [u8; 32] = [7; 32];
/// Hash of the result that honest nodes of tests get.
pub const RESULT: [u8; 32] = [9; 32];
/// Base units per million units.
pub const PRICE: u64 = 2_000_000;
/// Units of the jobs of tests.
pub const LIMIT: u64 = 1_000;
/// Units of their results.
pub const UNITS: u64 = 900;

/// Address of the configuration.
pub fn config() -> Address {
    Address::find_program_address(&[b"config"], &ID).0
}

/// Address of an authority's market.
pub fn market(authority: &Address, id: u32) -> Address {
    Address::find_program_address(&[b"market", authority.as_ref(), &id.to_le_bytes()], &ID).0
}

/// Address of a market's vault.
pub fn vault(market: &Address) -> Address {
    Address::find_program_address(&[b"vault", market.as_ref()], &ID).0
}

/// Address of a party's ledger.
pub fn ledger(market: &Address, party: &Address) -> Address {
    Address::find_program_address(&[b"ledger", market.as_ref(), party.as_ref()], &ID).0
}

/// Address of a node's points.
pub fn work(node: &Address) -> Address {
    Address::find_program_address(&[b"work", node.as_ref()], &ID).0
}

/// Address and bump of a job.
pub fn job(ledger: &Address, nonce: u64) -> (Address, u8) {
    Address::find_program_address(&[b"job", ledger.as_ref(), &nonce.to_le_bytes()], &ID)
}

/// The terms that tests use: every result checked, 3 % burned, 2 % for the market.
pub fn args(k: u8) -> MarketArgs {
    let mut store_url = [0; 96];
    store_url[..21].copy_from_slice(b"http://127.0.0.1:9000");
    MarketArgs {
        id: 0,
        kind: 0,
        runtime: 1,
        store_url,
        units_limit: 1_000_000,
        memory_mib: 512,
        blob_limit: 1 << 20,
        least_reserved: 1,
        most_reserved: 1 << 40,
        base_slots: 100,
        slots_per_million: 1_000,
        accept_window: 1_000,
        attest_window: 3_000,
        challenge_window: 500,
        retention_days: 1,
        check_bps: 10_000,
        surcharge_bps: 10_000 * u32::from(k),
        burn_bps: 300,
        fee_bps: 200,
        late_bps: 2_000,
        fault_bps: 300,
        final_below: 0,
        ramp: 0,
        nodes: NodeFilter::default(),
    }
}

/// Jobs, ready to run: staking, a committee, a market in the stake mint, a node and a customer with money in it.
pub struct Jobs {
    /// Staking.
    pub staking: Staking,
    /// The committee.
    pub panel: Panel,
    /// Governor of the configuration.
    pub governor: Keypair,
    /// Guardian of the configuration.
    pub guardian: Keypair,
    /// Authority of the market.
    pub authority: Keypair,
    /// The market.
    pub market: Address,
    /// Its payment mint: the emission mint.
    pub mint: Address,
    /// The node.
    pub node: Operator,
    /// The customer.
    pub customer: Keypair,
    /// His next nonce, less one.
    nonce: u64,
}

/// `initialize_config`.
pub fn initialize_config(authority: &Address, mint: &Address, args: ConfigArgs) -> Instruction {
    crate::instruction(
        ID,
        accounts::InitializeConfig {
            authority: *authority,
            config: config(),
            program_data: World::program_data(&ID),
            emission_mint: *mint,
            system_program: SYSTEM,
        }
        .to_account_metas(None),
        instruction::InitializeConfig { args }.data(),
    )
}

/// The configuration that tests use: epochs of a day since the start.
pub fn config_args(governor: &Address, guardian: &Address) -> ConfigArgs {
    ConfigArgs {
        governor: *governor,
        guardian: *guardian,
        treasury_owner: *governor,
        epoch_genesis: crate::START,
        epoch_seconds: DAY,
    }
}

/// `create_market`.
pub fn create_market(
    authority: &Address,
    panel: &Panel,
    mint: &Address,
    args: MarketArgs,
) -> Instruction {
    let market = market(authority, args.id);
    crate::instruction(
        ID,
        accounts::CreateMarket {
            authority: *authority,
            governor: panel.governor.pubkey(),
            config: config(),
            committee: panel.committee,
            market,
            vault: vault(&market),
            mint: *mint,
            token_program: TOKEN,
            system_program: SYSTEM,
        }
        .to_account_metas(None),
        instruction::CreateMarket { args }.data(),
    )
}

impl Jobs {
    /// A market with a committee of `k` and as many members, every result checked.
    pub fn new(world: &mut World, k: u8) -> Self {
        Self::with(world, args(k), k, usize::from(k))
    }

    /// A market with these terms and a committee of `members`.
    pub fn with(world: &mut World, args: MarketArgs, k: u8, members: usize) -> Self {
        let staking = Staking::new(world);
        let panel = Panel::serving(world, k, members);
        let (governor, guardian, authority) = (world.wallet(), world.wallet(), world.wallet());
        let upgrade = world.upgrade_authority.insecure_clone();
        let mint = staking.mint;
        let configuration = config_args(&governor.pubkey(), &guardian.pubkey());
        world.ok(
            initialize_config(&upgrade.pubkey(), &mint, configuration),
            &[&upgrade],
        );
        world.ok(
            create_market(&authority.pubkey(), &panel, &mint, args),
            &[&authority, &panel.governor],
        );
        let market = market(&authority.pubkey(), args.id);
        let node = staking.staked_operator(world, 1_000 * TOKENS);
        let customer = staking.wallet(world, 1_000 * TOKENS);
        let mut jobs = Self {
            staking,
            panel,
            governor,
            guardian,
            authority,
            market,
            mint,
            node,
            customer,
            nonce: 0,
        };
        jobs.open_node(world, &jobs.node);
        let customer = jobs.customer.pubkey();
        world.ok(jobs.open_ledger(&world.payer.pubkey(), &customer), &[]);
        world.ok(
            jobs.deposit(world, &customer, &customer, 500 * TOKENS),
            &[&jobs.customer],
        );
        jobs.nonce = world.read::<Ledger>(&jobs.customer_ledger()).nonce_top;
        jobs
    }

    /// Opens a node's ledger with a cap of 1 000 tokens and puts 500 tokens into it.
    pub fn open_node(&self, world: &mut World, node: &Operator) {
        let owner = node.owner.pubkey();
        world.ok(
            self.open_node_ledger(&owner, &node.node, 1_000 * TOKENS),
            &[&node.owner],
        );
        world.ok(
            self.deposit(world, &owner, &node.node, 500 * TOKENS),
            &[&node.owner],
        );
    }

    /// The customer's ledger.
    pub fn customer_ledger(&self) -> Address {
        ledger(&self.market, &self.customer.pubkey())
    }

    /// The node's ledger.
    pub fn node_ledger(&self) -> Address {
        ledger(&self.market, &self.node.node)
    }

    /// `open_ledger`.
    pub fn open_ledger(&self, payer: &Address, party: &Address) -> Instruction {
        crate::instruction(
            ID,
            accounts::OpenLedger {
                payer: *payer,
                market: self.market,
                ledger: ledger(&self.market, party),
                system_program: SYSTEM,
            }
            .to_account_metas(None),
            instruction::OpenLedger { party: *party }.data(),
        )
    }

    /// `open_node_ledger`.
    pub fn open_node_ledger(&self, owner: &Address, node: &Address, cap: u64) -> Instruction {
        crate::instruction(
            ID,
            accounts::OpenNodeLedger {
                owner: *owner,
                config: config(),
                market: self.market,
                node: *node,
                ledger: ledger(&self.market, node),
                work: work(node),
                system_program: SYSTEM,
            }
            .to_account_metas(None),
            instruction::OpenNodeLedger { locked_cap: cap }.data(),
        )
    }

    /// `deposit` from a wallet's associated account into a party's ledger.
    pub fn deposit(
        &self,
        world: &World,
        wallet: &Address,
        party: &Address,
        amount: u64,
    ) -> Instruction {
        crate::instruction(
            ID,
            accounts::Deposit {
                wallet: *wallet,
                market: self.market,
                ledger: ledger(&self.market, party),
                vault: vault(&self.market),
                from: world.associated(wallet, &self.mint),
                mint: self.mint,
                token_program: TOKEN,
            }
            .to_account_metas(None),
            instruction::Deposit { amount }.data(),
        )
    }

    /// `withdraw` to the authority's associated account.
    pub fn withdraw(
        &self,
        world: &World,
        authority: &Address,
        party: &Address,
        amount: u64,
    ) -> Instruction {
        crate::instruction(
            ID,
            accounts::Withdraw {
                authority: *authority,
                market: self.market,
                ledger: ledger(&self.market, party),
                vault: vault(&self.market),
                to: world.associated(authority, &self.mint),
                mint: self.mint,
                token_program: TOKEN,
            }
            .to_account_metas(None),
            instruction::Withdraw { amount }.data(),
        )
    }

    /// The customer's next nonce whose job has bump 255, as clients choose it.
    pub fn next_nonce(&mut self) -> u64 {
        let ledger = self.customer_ledger();
        let after = self.nonce;
        self.nonce = (after + 1..after + 64)
            .find(|nonce| job(&ledger, *nonce).1 == 255)
            .expect("one nonce in two has bump 255");
        self.nonce
    }

    /// What tests post.
    pub fn post_args(&mut self) -> PostArgs {
        PostArgs {
            nonce: self.next_nonce(),
            spec: SPEC,
            price: PRICE,
            units_limit: LIMIT,
            target: Address::default(),
            checked: false,
            nodes: NodeFilter::default(),
        }
    }

    /// `post_job`.
    pub fn post(&self, args: PostArgs) -> Instruction {
        let ledger = self.customer_ledger();
        crate::instruction(
            ID,
            accounts::PostJob {
                customer: self.customer.pubkey(),
                config: config(),
                market: self.market,
                ledger,
                job: job(&ledger, args.nonce).0,
                system_program: SYSTEM,
            }
            .to_account_metas(None),
            instruction::PostJob { args }.data(),
        )
    }

    /// `cancel_job`.
    pub fn cancel(&self, signer: &Address, job: &Address) -> Instruction {
        crate::instruction(
            ID,
            accounts::CancelJob {
                signer: *signer,
                market: self.market,
                job: *job,
                customer: self.customer_ledger(),
                bidder: None,
            }
            .to_account_metas(None),
            instruction::CancelJob {}.data(),
        )
    }

    /// `accept_job` by a node's worker.
    pub fn accept(&self, node: &Operator, job: &Address) -> Instruction {
        crate::instruction(
            ID,
            accounts::AcceptJob {
                worker: node.worker.pubkey(),
                config: config(),
                staking: crate::staking::config(),
                market: self.market,
                job: *job,
                node: node.node,
                ledger: ledger(&self.market, &node.node),
            }
            .to_account_metas(None),
            instruction::AcceptJob {
                spec: SPEC,
                units_limit: LIMIT,
                price: PRICE,
            }
            .data(),
        )
    }

    /// `give_up_job` by a node's worker.
    pub fn give_up(&self, node: &Operator, job: &Address) -> Instruction {
        crate::instruction(
            ID,
            accounts::GiveUpJob {
                worker: node.worker.pubkey(),
                market: self.market,
                job: *job,
                node: node.node,
                ledger: ledger(&self.market, &node.node),
                customer: self.customer_ledger(),
            }
            .to_account_metas(None),
            instruction::GiveUpJob {}.data(),
        )
    }

    /// `expire_job`.
    pub fn expire(&self, crank: &Address, job: &Address) -> Instruction {
        crate::instruction(
            ID,
            accounts::ExpireJob {
                crank: *crank,
                market: self.market,
                job: *job,
                ledger: self.node_ledger(),
                customer: self.customer_ledger(),
            }
            .to_account_metas(None),
            instruction::ExpireJob {}.data(),
        )
    }

    /// `submit_result` of a result and its units.
    pub fn submit(
        &self,
        node: &Operator,
        job: &Address,
        result: &[u8; 32],
        units: u64,
        attempt: u8,
    ) -> Instruction {
        crate::instruction(
            ID,
            accounts::SubmitResult {
                worker: node.worker.pubkey(),
                market: self.market,
                job: *job,
                node: node.node,
            }
            .to_account_metas(None),
            instruction::SubmitResult {
                commitment: commitment(result, units, job, attempt, &node.node),
                units,
            }
            .data(),
        )
    }

    /// `seal_job`.
    pub fn seal(&self, crank: &Address, job: &Address) -> Instruction {
        crate::instruction(
            ID,
            accounts::SealJob {
                crank: *crank,
                market: self.market,
                committee: self.panel.committee,
                job: *job,
            }
            .to_account_metas(None),
            instruction::SealJob {}.data(),
        )
    }

    /// `reveal_result`.
    pub fn reveal(&self, job: &Address, result: &[u8; 32]) -> Instruction {
        crate::instruction(
            ID,
            accounts::RevealResult {
                market: self.market,
                job: *job,
            }
            .to_account_metas(None),
            instruction::RevealResult { result: *result }.data(),
        )
    }

    /// `attest_job`, without its proof.
    pub fn attest(
        &self,
        job: &Address,
        verdict: u8,
        result: &[u8; 32],
        units: u64,
        signers: u32,
    ) -> Instruction {
        crate::instruction(
            ID,
            accounts::AttestJob {
                market: self.market,
                committee: self.panel.committee,
                job: *job,
                instructions: crate::INSTRUCTIONS,
            }
            .to_account_metas(None),
            instruction::AttestJob {
                verdict,
                result: *result,
                units,
                signers,
            }
            .data(),
        )
    }

    /// The statement that seats sign of a job as it stands.
    pub fn digests(
        &self,
        at: &Address,
        state: &Job,
        verdict: Verdict,
        seats: &[u8],
    ) -> Vec<(Address, [u8; 64], Message)> {
        let is_match = verdict == Verdict::Match;
        let statement = Statement {
            program: &ID,
            job: at,
            attempt: state.attempt,
            seal: &state.seal,
            verdict,
            result: if is_match { &RESULT } else { &[0; 32] },
            units: if is_match { UNITS } else { 0 },
            committee: &self.panel.committee,
        };
        seats
            .iter()
            .map(|seat| {
                let Member { attester, .. } = &self.panel.members[usize::from(*seat)];
                let message = statement.message(*seat);
                let signature = attester.sign_message(&message);
                (attester.pubkey(), signature.into(), message)
            })
            .collect()
    }

    /// Proof and `attest_job` by these seats, in ascending order.
    pub fn attested(
        &self,
        world: &World,
        at: &Address,
        verdict: Verdict,
        seats: &[u8],
    ) -> [Instruction; 2] {
        let state: Job = world.read(at);
        let signed = self.digests(at, &state, verdict, seats);
        let is_match = verdict == Verdict::Match;
        let (result, units) = if is_match {
            (RESULT, UNITS)
        } else {
            ([0; 32], 0)
        };
        let signers = seats.iter().fold(0, |mask, seat| mask | 1 << seat);
        [
            proof(&signed),
            self.attest(at, verdict as u8, &result, units, signers),
        ]
    }

    /// `settle_job`.
    pub fn settle(&self, signer: &Address, job: &Address) -> Instruction {
        crate::instruction(
            ID,
            accounts::SettleJob {
                signer: *signer,
                config: config(),
                market: self.market,
                job: *job,
                customer: self.customer_ledger(),
                ledger: self.node_ledger(),
                work: work(&self.node.node),
                challenger: None,
                appellant: None,
            }
            .to_account_metas(None),
            instruction::SettleJob {}.data(),
        )
    }

    /// `close_job`.
    pub fn close(&self, crank: &Address, job: &Address) -> Instruction {
        crate::instruction(
            ID,
            accounts::CloseJob {
                crank: *crank,
                payer: self.customer.pubkey(),
                market: self.market,
                job: *job,
            }
            .to_account_metas(None),
            instruction::CloseJob {}.data(),
        )
    }

    /// A posted job.
    pub fn open(&mut self, world: &mut World) -> Address {
        let args = self.post_args();
        world.ok(self.post(args), &[&self.customer]);
        job(&self.customer_ledger(), args.nonce).0
    }

    /// A job that the node accepted.
    pub fn accepted(&mut self, world: &mut World) -> Address {
        let job = self.open(world);
        world.ok(self.accept(&self.node, &job), &[&self.node.worker]);
        job
    }

    /// A job whose result is submitted.
    pub fn submitted(&mut self, world: &mut World) -> Address {
        let job = self.accepted(world);
        let submit = self.submit(&self.node, &job, &RESULT, UNITS, 0);
        world.ok(submit, &[&self.node.worker]);
        job
    }

    /// A job that is sealed.
    pub fn sealed(&mut self, world: &mut World) -> Address {
        let job = self.submitted(world);
        self.pass_to_seal(world, 2);
        world.ok(self.seal(&world.payer.pubkey(), &job), &[]);
        job
    }

    /// A job with a verdict of all seats.
    pub fn decided(&mut self, world: &mut World, verdict: Verdict) -> Address {
        let job = self.sealed(world);
        let drawn = world.read::<Job>(&job).panel;
        let seats: Vec<u8> = (0..32).filter(|seat| drawn >> seat & 1 == 1).collect();
        let attest = self.attested(world, &job, verdict, &seats);
        expect(world.send(&attest, &[]));
        job
    }

    /// Lets slots pass, recording a hash for each.
    pub fn pass_to_seal(&self, world: &mut World, slots: u64) {
        world.pass_slots(slots);
        let now = world.slot();
        world.set_slot_hashes(now - 512..now);
    }

    /// The market's terms.
    pub fn terms(&self, world: &World) -> Market {
        world.read(&self.market)
    }
}

/// The Ed25519 instruction that proves signatures.
pub fn proof(signed: &[(Address, [u8; 64], Message)]) -> Instruction {
    Instruction {
        program_id: lode_attestation::ED25519_PROGRAM,
        accounts: vec![],
        data: lode_attestation::instruction_data(signed),
    }
}

/// The transaction went through.
#[track_caller]
pub fn expect(sent: Sent) -> litesvm::types::TransactionMetadata {
    match sent {
        Ok(meta) => meta,
        Err(failure) => panic!("failed: {:?}\n{}", failure.error, failure.log),
    }
}

/// Checks invariant 2: the vault holds what all ledgers of the market are owed and owe onward, here exactly.
#[track_caller]
pub fn assert_vault_balances(world: &World, jobs: &Jobs) {
    assert_eq!(
        world.amount(&vault(&jobs.market)),
        owed(world, &jobs.market)
    );
}

/// What a market's vault holds for somebody: all that its ledgers are owed and owe onward, and the check pool.
pub fn owed(world: &World, market: &Address) -> u64 {
    let booked: u64 = world
        .accounts::<Ledger>(&ID)
        .iter()
        .map(|(_, ledger)| ledger)
        .filter(|ledger| ledger.market == *market)
        .map(|l| l.available + l.locked + l.burn_owed + l.fees_owed + l.market_owed + l.checks_owed)
        .sum();
    booked + world.read::<Market>(market).check_pool
}

/// A market that checks one result in ten thousand, and a job of it that was not drawn.
pub fn unchecked(world: &mut World) -> (Jobs, Address) {
    let mut terms = args(3);
    (terms.check_bps, terms.surcharge_bps) = (1, 3);
    let mut jobs = Jobs::with(world, terms, 3, 3);
    let at = jobs.sealed(world);
    // one seal in ten thousand draws, and the addresses of tests are random
    let at = match world.read::<Job>(&at).panel {
        0 => at,
        _ => jobs.sealed(world),
    };
    (jobs, at)
}
