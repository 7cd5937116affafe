//! The bench that every on-chain test stands on: a LiteSVM with the programs loaded as they are deployed (behind
//! an upgrade authority), a clock that tests move, mints, wallets, and sentences for what came out.
//!
//! Each program's fixtures stand in a module of its own name.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod costs;
mod doubles;
pub mod emissions;
pub mod jobs;
pub mod oracle;
mod reached;
pub mod staking;

pub use doubles::try_set_ups_too;

use litesvm::types::{FailedTransactionMetadata, TransactionMetadata};
use litesvm::LiteSVM;
use solana_account::Account;
use solana_address::Address;
use solana_clock::Clock;
use solana_instruction::error::InstructionError;
use solana_instruction::{AccountMeta, Instruction};
use solana_keypair::Keypair;
use solana_message::Message;
use solana_signer::Signer;
use solana_slot_hashes::SlotHashes;
use solana_transaction::Transaction;
use solana_transaction_error::TransactionError;
use std::cell::Cell;

/// The classic token program.
pub const TOKEN: Address = spl_token_interface::ID;
/// Token-2022.
pub const TOKEN_2022: Address =
    Address::from_str_const("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");
/// The system program.
pub const SYSTEM: Address = Address::from_str_const("11111111111111111111111111111111");
/// The instructions sysvar.
pub const INSTRUCTIONS: Address =
    Address::from_str_const("Sysvar1nstructions1111111111111111111111111");
const LOADER: Address = Address::from_str_const("BPFLoaderUpgradeab1e11111111111111111111111");
const COMPUTE_BUDGET: Address =
    Address::from_str_const("ComputeBudget111111111111111111111111111111");

/// Unix time at which every test begins: 2026-06-01 00:00:00 UTC.
pub const START: i64 = 1_780_272_000;
/// Slot at which every test begins; far enough that 512 slots lie before it.
pub const START_SLOT: u64 = 1_000_000;

/// A program under test: its id and the file `cargo xtask build` makes.
pub struct Program {
    /// Compiled id.
    pub id: Address,
    /// File name under `target/deploy`.
    pub file: &'static str,
}

/// The four programs of the suite.
pub const PROGRAMS: [Program; 4] = [
    Program {
        id: lode_staking::ID,
        file: "lode_staking.so",
    },
    Program {
        id: lode_oracle::ID,
        file: "lode_oracle.so",
    },
    Program {
        id: lode_jobs::ID,
        file: "lode_jobs.so",
    },
    Program {
        id: lode_emissions::ID,
        file: "lode_emissions.so",
    },
];

/// Reads a program that `cargo xtask build` made, or the one in the folder that `LODE_PROGRAMS` names: so
/// `cargo xtask mutants` tests others.
pub fn program_bytes(file: &str) -> Vec<u8> {
    let built = || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/deploy");
    let path = std::env::var_os("LODE_PROGRAMS")
        .map_or_else(built, std::path::PathBuf::from)
        .join(file);
    std::fs::read(&path).unwrap_or_else(|e| {
        panic!(
            "{}: {e}; run `cargo xtask build` first",
            path.canonicalize().unwrap_or(path.clone()).display()
        )
    })
}

/// Why a transaction failed, short enough to assert on.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// Index of the failing instruction, compute budget not counted.
    pub index: u8,
    /// Its error; `None` where the transaction failed outside of an instruction.
    pub error: Option<InstructionError>,
    /// Everything the log said.
    pub log: String,
}

impl Failure {
    /// Of a transaction with so many instructions before those of the test.
    fn of(FailedTransactionMetadata { err, meta }: FailedTransactionMetadata, before: u8) -> Self {
        let (index, error) = match err {
            TransactionError::InstructionError(index, ref error) => {
                (index.saturating_sub(before), Some(error.clone()))
            }
            _ => (0, None),
        };
        Self {
            index,
            error,
            log: format!("{err:?}\n{}", meta.logs.join("\n")),
        }
    }

    /// The program's own error code, if it is one.
    pub fn code(&self) -> Option<u32> {
        match self.error {
            Some(InstructionError::Custom(code)) => Some(code),
            _ => None,
        }
    }
}

/// Outcome of a transaction.
pub type Sent = Result<TransactionMetadata, Failure>;

/// Asserts that a transaction failed with this program error (an `#[error_code]` variant).
#[track_caller]
pub fn assert_error(sent: Sent, error: impl Into<anchor_lang::Error>) {
    let anchor_lang::Error::Custom(code) = error.into() else {
        panic!("not an error of a program's own");
    };
    match sent {
        Ok(meta) => panic!(
            "went through, expected error {code}:\n{}",
            meta.logs.join("\n")
        ),
        Err(failure) => assert_eq!(
            failure.code(),
            Some(code),
            "another error: {:?}\n{}",
            failure.error,
            failure.log
        ),
    }
}

/// Asserts that a transaction failed, with any error but running out of compute units.
#[track_caller]
pub fn assert_refused(sent: Sent) -> Failure {
    match sent {
        Ok(meta) => panic!("went through:\n{}", meta.logs.join("\n")),
        Err(failure) => {
            assert_ne!(
                failure.error,
                Some(InstructionError::ComputationalBudgetExceeded),
                "{}",
                failure.log
            );
            failure
        }
    }
}

/// The network of a test.
pub struct World {
    /// The SVM itself, for what the helpers do not cover.
    pub svm: LiteSVM,
    /// Pays every fee and every rent that a test does not name a payer for.
    pub payer: Keypair,
    /// Upgrade authority of all programs.
    pub upgrade_authority: Keypair,
    /// Mints' authority.
    pub mint_authority: Keypair,
    /// What all keys are made from.
    seed: [u8; 32],
    /// How many were made.
    keys: u64,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// All programs deployed, nothing initialised. Keys follow from the test's name, so that what is measured is the
    /// same in every run.
    pub fn new() -> Self {
        thread_local!(static WORLDS: Cell<u64> = const { Cell::new(0) });
        let number = WORLDS.replace(WORLDS.get() + 1);
        let test = std::thread::current()
            .name()
            .unwrap_or_default()
            .to_string();
        let seed = [test.as_bytes(), &number.to_le_bytes()].concat();
        Self::seeded(anchor_lang::prelude::sha256(&seed))
    }

    /// The same; all keys, and so all addresses and draws, follow from a seed.
    pub fn seeded(seed: [u8; 32]) -> Self {
        let placeholder = Keypair::new_from_array([1; 32]);
        let mut world = Self {
            svm: reached::whole_logs(LiteSVM::new().with_transaction_history(0)),
            payer: placeholder.insecure_clone(),
            upgrade_authority: placeholder.insecure_clone(),
            mint_authority: placeholder,
            seed,
            keys: 0,
        };
        world.payer = world.keypair();
        world.upgrade_authority = world.keypair();
        world.mint_authority = world.keypair();
        for wallet in [
            world.payer.pubkey(),
            world.upgrade_authority.pubkey(),
            world.mint_authority.pubkey(),
        ] {
            world.fund(&wallet);
        }
        for program in PROGRAMS {
            world
                .svm
                .add_program(program.id, &program_bytes(program.file))
                .unwrap();
            world.set_upgrade_authority(
                &program.id,
                Some(&world.upgrade_authority.pubkey().clone()),
            );
        }
        world.set_time(START, START_SLOT);
        world.set_slot_hashes(START_SLOT - 512..START_SLOT);
        world
    }

    /// Address of a program's `ProgramData` account.
    pub fn program_data(program: &Address) -> Address {
        Address::find_program_address(&[program.as_ref()], &LOADER).0
    }

    /// Writes the upgrade authority into a program's `ProgramData` (u32 tag, u64 slot, option of 32 bytes).
    pub fn set_upgrade_authority(&mut self, program: &Address, authority: Option<&Address>) {
        let at = Self::program_data(program);
        let mut account = self.svm.get_account(&at).unwrap();
        account.data[12] = authority.is_some() as u8;
        account.data[13..45].copy_from_slice(authority.map_or(&[0; 32], |a| a.as_array()));
        self.svm.set_account(at, account).unwrap();
    }

    /// Gives a wallet 100 SOL.
    pub fn fund(&mut self, wallet: &Address) {
        self.svm.airdrop(wallet, 100_000_000_000).unwrap();
    }

    /// A new key, the next of the seed's.
    pub fn keypair(&mut self) -> Keypair {
        self.keys += 1;
        let secret = [&self.seed[..], &self.keys.to_le_bytes()].concat();
        Keypair::new_from_array(anchor_lang::prelude::sha256(&secret))
    }

    /// A new wallet with 100 SOL.
    pub fn wallet(&mut self) -> Keypair {
        let wallet = self.keypair();
        self.fund(&wallet.pubkey());
        wallet
    }

    /// The clock: unix seconds.
    pub fn now(&self) -> i64 {
        self.svm.get_sysvar::<Clock>().unix_timestamp
    }

    /// The clock: slot.
    pub fn slot(&self) -> u64 {
        self.svm.get_sysvar::<Clock>().slot
    }

    /// Sets the clock.
    pub fn set_time(&mut self, unix_timestamp: i64, slot: u64) {
        let mut clock = self.svm.get_sysvar::<Clock>();
        clock.unix_timestamp = unix_timestamp;
        clock.slot = slot;
        self.svm.set_sysvar(&clock);
    }

    /// Moves the clock on by whole seconds, and by the slots that pass in them (0.4 s each).
    pub fn pass_seconds(&mut self, seconds: i64) {
        let slots = u64::try_from(seconds).unwrap() * 5 / 2;
        self.set_time(self.now() + seconds, self.slot() + slots);
    }

    /// Moves the clock on by slots, and by the seconds that pass in them (0.4 s each, rounded down).
    pub fn pass_slots(&mut self, slots: u64) {
        let seconds = i64::try_from(slots * 2 / 5).unwrap();
        self.set_time(self.now() + seconds, self.slot() + slots);
    }

    /// Hash that `set_slot_hashes` gives to a slot.
    pub fn slot_hash(slot: u64) -> [u8; 32] {
        let mut hash = [0x5a; 32];
        hash[..8].copy_from_slice(&slot.to_le_bytes());
        hash
    }

    /// Sets the SlotHashes sysvar to these slots (at most the newest 512 of them). LiteSVM never moves it itself.
    pub fn set_slot_hashes(&mut self, slots: impl IntoIterator<Item = u64>) {
        let mut slots: Vec<u64> = slots.into_iter().collect();
        slots.sort_unstable_by(|a, b| b.cmp(a));
        slots.truncate(512);
        let entries: Vec<_> = slots
            .iter()
            .map(|slot| {
                (
                    *slot,
                    solana_hash::Hash::new_from_array(Self::slot_hash(*slot)),
                )
            })
            .collect();
        self.svm.set_sysvar(&SlotHashes::new(&entries));
    }

    /// Sets the slot of the last cluster restart.
    pub fn set_last_restart(&mut self, slot: u64) {
        self.svm
            .set_sysvar(&solana_last_restart_slot::LastRestartSlot {
                last_restart_slot: slot,
            });
    }

    /// Sends instructions in one transaction, paid by the world's payer, which signs along with `signers`. See [`doubles`] for
    /// what is tried before.
    #[track_caller]
    pub fn send(&mut self, instructions: &[Instruction], signers: &[&Keypair]) -> Sent {
        let mut all = vec![Instruction {
            program_id: COMPUTE_BUDGET,
            accounts: vec![],
            data: [&[2u8][..], &1_400_000u32.to_le_bytes()].concat(),
        }];
        all.extend_from_slice(instructions);
        self.svm.expire_blockhash();
        doubles::refused(self, &all, Some(signers));
        let mut keys: Vec<&Keypair> = vec![&self.payer];
        for signer in signers {
            if keys.iter().all(|k| k.pubkey() != signer.pubkey()) {
                keys.push(signer);
            }
        }
        let message = Message::new(&all, Some(&self.payer.pubkey()));
        let transaction = Transaction::new(&keys, message, self.svm.latest_blockhash());
        self.deliver(transaction, instructions)
    }

    /// Sends an instruction that a program's own address signs, as only that program could by a call: nobody checks
    /// signatures while it is sent. The payer pays.
    #[track_caller]
    pub fn send_as_program(&mut self, instruction: Instruction) -> Sent {
        self.svm.expire_blockhash();
        let message = Message::new_with_blockhash(
            std::slice::from_ref(&instruction),
            Some(&self.payer.pubkey()),
            &self.svm.latest_blockhash(),
        );
        self.verify_signatures(false);
        doubles::refused(self, std::slice::from_ref(&instruction), None);
        let sent = self.deliver(Transaction::new_unsigned(message), &[instruction]);
        self.verify_signatures(true);
        sent
    }

    fn verify_signatures(&mut self, verify: bool) {
        let svm = std::mem::take(&mut self.svm);
        self.svm = svm.with_sigverify(verify);
    }

    fn deliver(&mut self, transaction: Transaction, instructions: &[Instruction]) -> Sent {
        let sent = self.svm.send_transaction(transaction.clone());
        reached::record(&sent);
        sent.inspect(|meta| {
            costs::record(&self.svm, instructions, &self.payer.pubkey(), meta);
        })
        .inspect_err(|failed| costs::refused(&transaction, failed))
        .map_err(|failed| Failure::of(failed, 1))
    }

    /// Sends instructions alone, paid by the world's payer, in a world that checks no signatures and remembers no
    /// transactions: nobody makes them, which is not the programs' business and takes most of the time. Who signs is what
    /// the account lists say. What it costs is written down nowhere.
    pub fn send_unchecked(&mut self, instructions: &[Instruction]) -> Sent {
        let message = Message::new_with_blockhash(
            instructions,
            Some(&self.payer.pubkey()),
            &self.svm.latest_blockhash(),
        );
        let sent = self
            .svm
            .send_transaction(Transaction::new_unsigned(message));
        reached::record(&sent);
        sent.map_err(|failed| Failure::of(failed, 0))
    }

    /// Sends one instruction.
    #[track_caller]
    pub fn send_one(&mut self, instruction: Instruction, signers: &[&Keypair]) -> Sent {
        self.send(&[instruction], signers)
    }

    /// Sends one instruction that must go through; returns its outcome.
    #[track_caller]
    pub fn ok(&mut self, instruction: Instruction, signers: &[&Keypair]) -> TransactionMetadata {
        match self.send(&[instruction], signers) {
            Ok(meta) => meta,
            Err(failure) => panic!("failed: {:?}\n{}", failure.error, failure.log),
        }
    }

    /// Reads a zero-copy account; panics where it is missing or of another type.
    #[track_caller]
    pub fn read<T: bytemuck::Pod + anchor_lang::Discriminator>(&self, at: &Address) -> T {
        let account = self.svm.get_account(at).expect("no such account");
        assert_eq!(
            &account.data[..8],
            T::DISCRIMINATOR,
            "an account of another type"
        );
        bytemuck::pod_read_unaligned(&account.data[8..8 + size_of::<T>()])
    }

    /// All accounts of a program that are of this type.
    pub fn accounts<T: bytemuck::Pod + anchor_lang::Discriminator>(
        &self,
        program: &Address,
    ) -> Vec<(Address, T)> {
        self.svm
            .get_program_accounts(program)
            .iter()
            .filter(|(_, account)| account.data.starts_with(T::DISCRIMINATOR))
            .map(|(at, _)| (*at, self.read(at)))
            .collect()
    }

    /// Overwrites a zero-copy account's content, keeping owner and lamports.
    pub fn write<T: bytemuck::Pod>(&mut self, at: &Address, value: &T) {
        let mut account = self.svm.get_account(at).expect("no such account");
        account.data[8..8 + size_of::<T>()].copy_from_slice(bytemuck::bytes_of(value));
        self.svm.set_account(*at, account).unwrap();
    }

    /// Whether an account exists.
    pub fn exists(&self, at: &Address) -> bool {
        self.svm.get_account(at).is_some_and(|a| a.lamports > 0)
    }

    /// Lamports of an account, 0 where there is none.
    pub fn lamports(&self, at: &Address) -> u64 {
        self.svm.get_account(at).map_or(0, |a| a.lamports)
    }

    /// A copy of an account at a new address: same bytes, same owner - a look-alike that no seed made.
    pub fn look_alike(&mut self, of: &Address) -> Address {
        let at = Address::new_unique();
        let account = self.svm.get_account(of).expect("no such account");
        self.svm.set_account(at, account).unwrap();
        at
    }

    /// A copy of an account at a new address, owned by another program.
    pub fn foreign_owned(&mut self, of: &Address) -> Address {
        let at = Address::new_unique();
        let mut account = self.svm.get_account(of).expect("no such account");
        account.owner = Address::new_unique();
        self.svm.set_account(at, account).unwrap();
        at
    }

    /// Gives a mint of Token-2022 the extension of a fee on each transfer.
    pub fn charge_transfers(&mut self, mint: &Address) {
        self.extend_mint(mint, &[(1, 108)]);
    }

    /// Gives a mint of Token-2022 extensions: their types and lengths. What is in them is zero.
    pub fn extend_mint(&mut self, mint: &Address, extensions: &[(u16, u16)]) {
        let mut account = self.svm.get_account(mint).expect("no such mint");
        account.data.resize(165, 0);
        // a mint, and no token account
        account.data.push(1);
        for (kind, length) in extensions {
            account.data.extend(kind.to_le_bytes());
            account.data.extend(length.to_le_bytes());
            account.data.extend(vec![0; usize::from(*length)]);
        }
        account.lamports *= 10;
        self.svm.set_account(*mint, account).unwrap();
    }

    /// A new mint of nine decimals under `mint_authority`, without freeze authority, of `program` (TOKEN or TOKEN_2022).
    pub fn mint(&mut self, program: &Address) -> Address {
        let at = self.keypair().pubkey();
        let mut data = vec![0u8; 82];
        data[0] = 1;
        data[4..36].copy_from_slice(self.mint_authority.pubkey().as_ref());
        data[44] = 9;
        data[45] = 1;
        self.put(at, data, *program);
        at
    }

    /// Program that owns a mint or token account.
    pub fn token_program_of(&self, account: &Address) -> Address {
        self.svm
            .get_account(account)
            .expect("no such account")
            .owner
    }

    /// A new token account of `owner` holding `amount`, booked on the mint's supply.
    pub fn token_account(&mut self, mint: &Address, owner: &Address, amount: u64) -> Address {
        let at = Address::new_unique();
        self.token_account_at(at, mint, owner, amount);
        at
    }

    /// The same at a given address.
    pub fn token_account_at(&mut self, at: Address, mint: &Address, owner: &Address, amount: u64) {
        let program = self.token_program_of(mint);
        let mut data = vec![0u8; 165];
        data[..32].copy_from_slice(mint.as_ref());
        data[32..64].copy_from_slice(owner.as_ref());
        data[64..72].copy_from_slice(&amount.to_le_bytes());
        data[108] = 1;
        self.put(at, data, program);
        let mut account = self.svm.get_account(mint).unwrap();
        let supply = u64::from_le_bytes(account.data[36..44].try_into().unwrap()) + amount;
        account.data[36..44].copy_from_slice(&supply.to_le_bytes());
        self.svm.set_account(*mint, account).unwrap();
    }

    /// Address of a wallet's associated token account.
    pub fn associated(&self, wallet: &Address, mint: &Address) -> Address {
        spl_associated_token_account_interface::address::get_associated_token_address_with_program_id(
            wallet,
            mint,
            &self.token_program_of(mint),
        )
    }

    /// A wallet's associated token account, made with `amount`.
    pub fn associated_account(&mut self, mint: &Address, wallet: &Address, amount: u64) -> Address {
        let at = self.associated(wallet, mint);
        self.token_account_at(at, mint, wallet, amount);
        at
    }

    /// Amount in a token account.
    #[track_caller]
    pub fn amount(&self, account: &Address) -> u64 {
        let account = self.svm.get_account(account).expect("no such account");
        u64::from_le_bytes(account.data[64..72].try_into().unwrap())
    }

    /// Supply of a mint.
    #[track_caller]
    pub fn supply(&self, mint: &Address) -> u64 {
        let account = self.svm.get_account(mint).expect("no such account");
        u64::from_le_bytes(account.data[36..44].try_into().unwrap())
    }

    /// Sets an account that is exempt from rent.
    pub fn put(&mut self, at: Address, data: Vec<u8>, owner: Address) {
        let lamports = self.svm.minimum_balance_for_rent_exemption(data.len());
        self.svm
            .set_account(
                at,
                Account {
                    lamports,
                    data,
                    owner,
                    executable: false,
                    rent_epoch: u64::MAX,
                },
            )
            .unwrap();
    }
}

/// The same instruction with one account replaced, all else kept: how look-alikes are tried.
pub fn with_account(mut instruction: Instruction, index: usize, account: Address) -> Instruction {
    instruction.accounts[index].pubkey = account;
    instruction
}

/// The same instruction with one account passed read-only.
pub fn read_only(mut instruction: Instruction, index: usize) -> Instruction {
    assert!(
        instruction.accounts[index].is_writable,
        "account {index} is read-only already"
    );
    instruction.accounts[index].is_writable = false;
    instruction
}

/// The same instruction with one signer's signature left out.
pub fn unsigned(mut instruction: Instruction, index: usize) -> Instruction {
    assert!(
        instruction.accounts[index].is_signer,
        "account {index} signs nothing"
    );
    instruction.accounts[index].is_signer = false;
    instruction
}

/// An instruction of a program from its accounts and data.
pub fn instruction(program_id: Address, accounts: Vec<AccountMeta>, data: Vec<u8>) -> Instruction {
    Instruction {
        program_id,
        accounts,
        data,
    }
}
