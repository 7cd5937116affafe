//! What takes the place of an account and should not. Before an instruction goes through for the first time in a test, it
//! is simulated for each account with somebody or something else in that place: unsigned, signed by a stranger, another
//! account of the same type, one of another type, one that says the same elsewhere, or says it as another program's, as
//! another type, or as a layout that is not known; read-only where it is to be written; left out; and with all that
//! follows it missing. Each of these must fail, unless it stands in [`FREE`].

use crate::World;
use serde_json::Value;
use solana_account::Account;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_message::Message;
use solana_signer::Signer;
use solana_transaction::Transaction;
use solana_transaction_error::TransactionError;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;
use std::path::Path;
use std::sync::OnceLock;

/// A program of nobody's.
const FOREIGN: Address = Address::new_from_array([0xfe; 32]);
/// How many others of a type are tried in a place.
const TRIED: usize = 3;
/// The kind of a variant that has the same account in the place, but not to be written.
const READ_ONLY: &str = "read-only";
/// The kind of a variant whose list ends before the place.
const CUT: &str = "cut";

/// What may take a place, and why.
const FREE: [(&str, &str, &str, &str); 91] = [
    (
        "accept_job",
        "job",
        "another",
        "a worker chooses among the jobs of its market",
    ),
    ("award_job", "job", "another", "anyone awards what is due"),
    (
        "cancel_job",
        "job",
        "another",
        "a customer cancels which of his jobs he likes",
    ),
    (
        "cancel_job",
        "signer",
        "stranger",
        "anyone cancels what nobody took in time",
    ),
    ("challenge_job", "job", "another", "a challenger chooses"),
    (
        "claim_commission",
        "mint",
        "foreign",
        "a claim of nothing moves nothing",
    ),
    (
        "claim_commission",
        "to",
        "another",
        "commission is paid to the owner's payout or to his associated account",
    ),
    (
        "claim_rewards",
        "mint",
        "foreign",
        "a claim of nothing moves nothing",
    ),
    (
        "claim_rewards",
        "to",
        "another",
        "an owner's own stake is paid to his payout or to his associated account",
    ),
    (
        "claim_rewards",
        "to",
        "foreign",
        "a claim of nothing moves nothing",
    ),
    (
        "claim_rewards",
        "vault",
        "foreign",
        "a claim of nothing moves nothing",
    ),
    (
        "close_job",
        "crank",
        "stranger",
        "whoever turns is paid for it",
    ),
    ("close_job", "job", "another", "anyone clears what is over"),
    ("close_node", "to", "foreign", "an empty vault pays nothing"),
    (
        "create_committee",
        "bond_mint",
        "another",
        "a governor chooses",
    ),
    ("create_market", "mint", "another", "an authority chooses"),
    (
        "deposit",
        "ledger",
        "another",
        "anyone pays in, for whom he likes",
    ),
    (
        "escalate_job",
        "crank",
        "stranger",
        "whoever turns is paid for it",
    ),
    (
        "escalate_job",
        "job",
        "another",
        "anyone escalates what is due",
    ),
    (
        "expire_job",
        "crank",
        "stranger",
        "whoever turns is paid for it",
    ),
    ("expire_job", "job", "another", "anyone ends what is late"),
    (
        "finalize_epoch",
        "epoch",
        "another",
        "anyone ends what is due",
    ),
    (
        "force_unstake",
        "payer",
        "stranger",
        "anyone pushes out, at his expense",
    ),
    (
        "give_up_job",
        "job",
        "another",
        "a worker gives up which of its jobs it likes",
    ),
    (
        "initialize_config",
        "emission_mint",
        "another",
        "an upgrade authority chooses",
    ),
    (
        "initialize_config",
        "program_data",
        "foreign",
        "its address says all",
    ),
    (
        "initialize_schedule",
        "jobs",
        "another",
        "a test writes a second configuration, which no instruction does",
    ),
    (
        "initialize_schedule",
        "program_data",
        "foreign",
        "its address says all",
    ),
    (
        "open_ledger",
        "payer",
        "stranger",
        "anyone opens, at his expense",
    ),
    (
        "penalise_oracle",
        "reward",
        "foreign",
        "a bond that is empty pays nothing",
    ),
    ("place_bid", "job", "another", "a worker chooses"),
    (
        "raise_limit",
        "job",
        "another",
        "a customer raises which of his jobs he likes",
    ),
    (
        "record",
        "payer",
        "stranger",
        "anyone records, at his expense",
    ),
    ("retire_oracle", "oracle", "another", "a governor chooses"),
    (
        "reveal_result",
        "job",
        "another",
        "a worker tells the same result of two jobs",
    ),
    (
        "seal_job",
        "crank",
        "stranger",
        "whoever turns is paid for it",
    ),
    ("seal_job", "job", "another", "anyone seals what is due"),
    (
        "set_market_open",
        "market",
        "another",
        "an authority may have several",
    ),
    ("settle_job", "job", "another", "anyone settles what is due"),
    (
        "settle_job",
        "signer",
        "stranger",
        "after the window anyone settles",
    ),
    (
        "settle_job",
        "work",
        "foreign copy",
        "it counts only where the node is paid",
    ),
    (
        "settle_job",
        "work",
        "mistyped",
        "it counts only where the node is paid",
    ),
    (
        "settle_job",
        "work",
        "type",
        "it counts only where the node is paid",
    ),
    ("slash_job", "job", "another", "anyone has a lie punished"),
    (
        "slash_job",
        "mint",
        "another",
        "where the node is gone nothing is burned",
    ),
    (
        "slash_job",
        "mint",
        "foreign copy",
        "where the node is gone nothing is burned",
    ),
    (
        "slash_job",
        "mint",
        "type",
        "where the node is gone nothing is burned",
    ),
    (
        "slash_job",
        "node",
        "foreign",
        "a node that is another program's is gone",
    ),
    (
        "slash_job",
        "staking",
        "foreign copy",
        "where the node is gone nothing is asked",
    ),
    (
        "slash_job",
        "staking",
        "mistyped",
        "where the node is gone nothing is asked",
    ),
    (
        "slash_job",
        "staking",
        "type",
        "where the node is gone nothing is asked",
    ),
    (
        "stake",
        "mint",
        "foreign",
        "the token program asks for its address alone",
    ),
    (
        "submit_result",
        "job",
        "another",
        "a worker submits for which of its jobs it likes",
    ),
    (
        "sweep_fees",
        "ledger",
        "another",
        "anyone sweeps what is owed, from any account of the market",
    ),
    (
        "void_job",
        "crank",
        "stranger",
        "whoever turns is paid for it",
    ),
    (
        "void_job",
        "job",
        "another",
        "anyone ends what nobody judged",
    ),
    (
        "withdraw",
        "mint",
        "foreign",
        "the token program asks for its address alone",
    ),
    ("withdraw", "to", "another", "who signs says where to"),
    (
        "withdraw_bond",
        "owner",
        "unsigned",
        "without the owner it goes to his associated account",
    ),
    ("withdraw_bond", "to", "another", "who signs says where to"),
    (
        "settle_job",
        "work",
        "foreign",
        "it counts only where the node is paid",
    ),
    (
        "slash_job",
        "mint",
        "foreign",
        "where the node is gone nothing is burned",
    ),
    (
        "slash_job",
        "staking",
        "foreign",
        "where the node is gone nothing is asked",
    ),
    (
        "claim_commission",
        "mint",
        "foreign copy",
        "a claim of nothing moves nothing",
    ),
    (
        "claim_commission",
        "mint",
        "type",
        "a claim of nothing moves nothing",
    ),
    (
        "claim_commission",
        "to",
        "foreign",
        "a claim of nothing moves nothing",
    ),
    (
        "claim_commission",
        "vault",
        "foreign",
        "a claim of nothing moves nothing",
    ),
    (
        "restake",
        "ticket",
        "another",
        "a wallet chooses among its tickets",
    ),
    (
        "slash_oracle",
        "oracle",
        "another",
        "where the seat answers for nothing, nothing is asked",
    ),
    (
        "slash_oracle",
        "vault",
        "another",
        "where the seat answers for nothing, nothing is asked",
    ),
    (
        "slash_oracle",
        "reward",
        "another",
        "a silence rewards nobody",
    ),
    (
        "slash_oracle",
        "reward",
        "foreign",
        "a silence rewards nobody",
    ),
    (
        "slash_oracle",
        "reward",
        "foreign copy",
        "a silence rewards nobody",
    ),
    ("slash_oracle", "reward", "type", "a silence rewards nobody"),
    (
        "give_up_job",
        "node",
        "newer",
        "of it only the key is read, whose place is fixed for ever",
    ),
    (
        "submit_result",
        "node",
        "newer",
        "of it only the key is read, whose place is fixed for ever",
    ),
    (
        "penalise_oracle",
        "committee",
        "newer",
        "it is handed on to its own program",
    ),
    (
        "slash_job",
        "staking",
        "newer",
        "it is handed on to its own program",
    ),
    (
        "penalise_oracle",
        "oracle",
        "newer",
        "it is handed on to its own program",
    ),
    (
        "claim_commission",
        "mint",
        "left out",
        "a claim of nothing moves nothing",
    ),
    (
        "claim_stake",
        "mint_authority",
        "left out",
        "a claim of nothing mints nothing",
    ),
    (
        "claim_treasury",
        "mint_authority",
        "left out",
        "a claim of nothing mints nothing",
    ),
    (
        "slash",
        "node",
        "left out",
        "only `jobs` may call it, and passes the node that lied",
    ),
    (
        "slash_job",
        "staking",
        "left out",
        "where the node is gone nothing is asked",
    ),
    (
        "slash_oracle",
        "oracle",
        "left out",
        "where the seat answers for nothing, nothing is asked",
    ),
    (
        "slash_oracle",
        "reward",
        "left out",
        "only `jobs` may call it, and says whether somebody was right",
    ),
    (
        "claim_work",
        "mint_authority",
        "left out",
        "a claim of nothing mints nothing",
    ),
    (
        "slash_job",
        "token_program",
        "left out",
        "where the node is gone nothing is burned",
    ),
    (
        "slash_oracle",
        "vault",
        "left out",
        "where the seat answers for nothing, nothing is asked",
    ),
    (
        "sweep_fees",
        "market_ledger",
        "left out",
        "what is left out stays owed",
    ),
    (
        "sweep_fees",
        "treasury",
        "left out",
        "what is left out stays owed",
    ),
];

/// Where an account is taken wherever it lies. Only its program can have made it, so what it says is true, and it says who
/// it is: its address is not asked for. (Token accounts among them are those of whoever signs.)
const ANYWHERE: [(&str, &[&str]); 66] = [
    ("accept_governor", &["committee"]),
    ("accept_job", &["config", "job", "ledger", "staking"]),
    ("add_bond", &["from"]),
    ("award_job", &["job"]),
    ("cancel_job", &["bidder", "job"]),
    ("challenge_job", &["job", "ledger"]),
    ("claim_rewards", &["delegation"]),
    ("claim_stake", &["epoch", "schedule", "share"]),
    ("claim_treasury", &["epoch", "schedule"]),
    ("claim_work", &["epoch", "schedule", "share"]),
    ("close_delegation", &["delegation"]),
    ("close_epoch", &["epoch", "schedule"]),
    ("close_job", &["job"]),
    ("close_ledger", &["ledger"]),
    ("close_node", &["config"]),
    ("close_oracle", &["oracle"]),
    ("close_share", &["epoch", "schedule", "share"]),
    ("close_work", &["config", "work"]),
    ("collect_check", &["job", "ledger"]),
    ("create_committee", &["bond_mint"]),
    ("create_market", &["committee", "mint"]),
    ("deposit", &["from", "ledger"]),
    ("escalate_job", &["job"]),
    ("exit_node", &["node"]),
    ("expire_job", &["job", "ledger"]),
    ("finalize_epoch", &["epoch", "schedule"]),
    ("force_unstake", &["config"]),
    ("free_seat", &["oracle"]),
    ("give_up_job", &["job", "ledger"]),
    ("initialize_config", &["emission_mint", "stake_mint"]),
    ("initialize_schedule", &["jobs", "staking"]),
    ("join", &["from"]),
    ("leave", &["oracle"]),
    ("migrate_node", &["node"]),
    ("penalise_oracle", &["job"]),
    (
        "place_bid",
        &["config", "displaced", "job", "ledger", "staking"],
    ),
    ("post_job", &["config"]),
    ("propose_governor", &["committee"]),
    ("raise_limit", &["job"]),
    ("record", &["schedule", "work"]),
    ("redeem_credits", &["ledger"]),
    ("register_node", &["config", "payout"]),
    ("restake", &["config", "ticket"]),
    ("retire_oracle", &["oracle"]),
    ("seal_job", &["job"]),
    ("set_attester", &["oracle"]),
    ("set_commission", &["config", "node"]),
    ("set_locked_cap", &["ledger"]),
    ("set_market_open", &["market"]),
    ("set_payout", &["config", "node", "payout"]),
    ("set_worker", &["node"]),
    ("settle_job", &["config", "job", "ledger", "work"]),
    ("slash_job", &["job", "mint", "staking"]),
    ("stake", &["config", "delegation", "from"]),
    ("submit_result", &["job"]),
    ("sweep_fees", &["config", "ledger", "market_ledger"]),
    ("sweep_rewards", &["config", "node"]),
    ("unjail", &["node"]),
    ("unstake", &["config"]),
    ("update_node", &["node"]),
    ("void_job", &["job", "ledger"]),
    ("withdraw", &["config", "ledger", "ticket", "to"]),
    ("withdraw_bond", &["to"]),
    ("claim_commission", &["mint", "node"]),
    ("slash", &["config", "node"]),
    ("slash_oracle", &["committee", "oracle", "reward", "vault"]),
];

/// A variant of an instruction.
struct Double {
    kind: &'static str,
    place: usize,
    with: Address,
    signed: bool,
    account: Option<Account>,
}

/// The names of an instruction and of its accounts, by its program and its first eight bytes.
type Named = BTreeMap<(Address, [u8; 8]), (String, Vec<String>)>;

fn named() -> &'static Named {
    static NAMED: OnceLock<Named> = OnceLock::new();
    NAMED.get_or_init(|| {
        let texts = [
            (
                lode_staking::ID,
                include_str!("../../idl/lode_staking.json"),
            ),
            (lode_oracle::ID, include_str!("../../idl/lode_oracle.json")),
            (lode_jobs::ID, include_str!("../../idl/lode_jobs.json")),
            (
                lode_emissions::ID,
                include_str!("../../idl/lode_emissions.json"),
            ),
        ];
        let mut named = Named::new();
        for (program, text) in texts {
            let idl: Value = serde_json::from_str(text).unwrap();
            for instruction in idl["instructions"].as_array().unwrap() {
                let bytes = instruction["discriminator"].as_array().unwrap();
                let bytes = bytes.iter().map(|byte| byte.as_u64().unwrap() as u8);
                let tag: Vec<u8> = bytes.collect();
                let accounts = instruction["accounts"].as_array().unwrap();
                let accounts = accounts.iter().map(|account| text_of(&account["name"]));
                let about = (text_of(&instruction["name"]), accounts.collect());
                named.insert((program, tag.try_into().unwrap()), about);
            }
        }
        named
    })
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap().to_string()
}

thread_local!(static SET_UPS_TOO: Cell<bool> = const { Cell::new(false) });

/// From here on this test also tries what set-ups send.
pub fn try_set_ups_too() {
    SET_UPS_TOO.set(true);
}

/// Whether a call comes from a set-up, here beside this file.
#[track_caller]
fn is_set_up() -> bool {
    let beside = Path::new(file!()).parent();
    Path::new(Location::caller().file()).parent() == beside
}

/// Tries all of them for each instruction that this test sends for the first time. Set-ups send the same in every test, and
/// that takes longer than all else: what they send is tried only where [`try_set_ups_too`] says so. `None` for the signers where
/// nobody's signature is checked.
#[track_caller]
pub(crate) fn refused(
    world: &mut World,
    instructions: &[Instruction],
    signers: Option<&[&Keypair]>,
) {
    /// What was tried: program, instruction, and which of its accounts were there.
    type Known = BTreeSet<(Address, [u8; 8], Vec<bool>)>;
    thread_local!(static KNOWN: RefCell<Known> = const { RefCell::new(BTreeSet::new()) });
    if is_set_up() && !SET_UPS_TOO.get() {
        return;
    }
    let mut goes_as_it_is = None;
    for (index, instruction) in instructions.iter().enumerate() {
        let Some(tag) = instruction.data.first_chunk::<8>() else {
            continue;
        };
        let Some((name, accounts)) = named().get(&(instruction.program_id, *tag)) else {
            continue;
        };
        // What an instruction makes the first time it only finds the next time. The program itself stands for what is left out.
        let is_there = |at: &Address| *at != instruction.program_id && world.exists(at);
        let there = instruction.accounts.iter();
        let there = there.map(|meta| is_there(&meta.pubkey)).collect();
        let key = (instruction.program_id, *tag, there);
        // What does not go through by itself says nothing.
        if KNOWN.with_borrow(|known| known.contains(&key))
            || !*goes_as_it_is.get_or_insert_with(|| {
                tried(world, instructions, &world.payer.pubkey(), signers).is_ok()
            })
        {
            continue;
        }
        KNOWN.with_borrow_mut(|known| known.insert(key));
        let stranger = Keypair::new_from_array([0xfd; 32]);
        let signers = signers.map(|signers| [signers, &[&stranger]].concat());
        let purse = Account {
            lamports: 100_000_000_000,
            ..Account::default()
        };
        world.svm.set_account(stranger.pubkey(), purse).unwrap();
        for double in doubles(world, instructions, index, &stranger.pubkey()) {
            let mut forged = instructions.to_vec();
            let metas = &mut forged[index].accounts;
            let meta = &mut metas[double.place];
            (meta.pubkey, meta.is_signer) = (double.with, double.signed);
            // Who pays the fee is written whatever the instruction says: where it may be the account, a stranger pays.
            let mut payer = world.payer.pubkey();
            if double.kind == READ_ONLY {
                meta.is_writable = false;
                payer = stranger.pubkey();
            }
            if double.kind == CUT {
                metas.truncate(double.place);
            }
            let before = double.account.map(|account| {
                let before = world.svm.get_account(&double.with).unwrap_or_default();
                world.svm.set_account(double.with, account).unwrap();
                before
            });
            let went = tried(world, &forged, &payer, signers.as_deref());
            if let Some(before) = before {
                world.svm.set_account(double.with, before).unwrap();
            }
            let account = accounts.get(double.place).map_or("more", String::as_str);
            assert!(
                is_refusal(&went, index, double.kind) || is_free(name, account, double.kind),
                "{name} with {account} {} ({}): {went:?}",
                double.kind,
                double.with
            );
        }
        let nobody = Account::default();
        world.svm.set_account(stranger.pubkey(), nobody).unwrap();
    }
}

fn is_free(name: &str, account: &str, kind: &str) -> bool {
    FREE.iter()
        .any(|(instruction, of, free, _)| (*instruction, *of, *free) == (name, account, kind))
        || kind == "copy"
            && ANYWHERE
                .iter()
                .any(|(instruction, places)| *instruction == name && places.contains(&account))
}

/// Whether a variant was refused as it must be. A read-only one differs in nothing but that, so only the instruction
/// itself, or the runtime while it runs, may refuse it: anything else would not be for that.
fn is_refusal(went: &Result<(), TransactionError>, index: usize, kind: &str) -> bool {
    match went {
        Ok(()) => false,
        Err(TransactionError::InstructionError(at, _)) if kind == READ_ONLY => {
            usize::from(*at) == index
        }
        Err(_) => kind != READ_ONLY,
    }
}

/// What would become of it, paid by `payer`.
fn tried(
    world: &World,
    instructions: &[Instruction],
    payer: &Address,
    signers: Option<&[&Keypair]>,
) -> Result<(), TransactionError> {
    let blockhash = world.svm.latest_blockhash();
    let message = Message::new_with_blockhash(instructions, Some(payer), &blockhash);
    let needed = usize::from(message.header.num_required_signatures);
    let mut transaction = Transaction::new_unsigned(message.clone());
    if let Some(signers) = signers {
        let signs = |key: &Address| {
            let mut all = [&[&world.payer], signers].concat().into_iter();
            all.find(|signer| signer.pubkey() == *key)
        };
        let keys: Option<Vec<&Keypair>> =
            message.account_keys[..needed].iter().map(signs).collect();
        match keys {
            Some(keys) => transaction.sign(&keys, blockhash),
            None => return Err(TransactionError::SignatureFailure),
        }
    }
    let went = world.svm.simulate_transaction(transaction);
    went.map(drop).map_err(|failed| failed.err)
}

fn doubles(
    world: &World,
    instructions: &[Instruction],
    index: usize,
    stranger: &Address,
) -> Vec<Double> {
    let instruction = &instructions[index];
    // Who signs for the fee or another instruction of a transaction has signed for all of it.
    let signs_elsewhere = |key: &Address| {
        let others = instructions.iter().enumerate();
        let mut others = others.filter(|(other, _)| *other != index);
        *key == world.payer.pubkey()
            || others.any(|(_, other)| {
                let mut metas = other.accounts.iter();
                metas.any(|meta| meta.is_signer && meta.pubkey == *key)
            })
    };
    let mut all = Vec::new();
    let elsewhere = Address::new_from_array([0xfc; 32]);
    let taken = |at: &Address| instruction.accounts.iter().any(|meta| meta.pubkey == *at);
    // What another place writes is written for the whole transaction.
    let written_here_only = |at: &Address| {
        let metas = instructions.iter().flat_map(|other| &other.accounts);
        metas
            .filter(|meta| meta.is_writable && meta.pubkey == *at)
            .count()
            == 1
    };
    for (place, meta) in instruction.accounts.iter().enumerate() {
        let mut add = |kind, with, signed, account| {
            all.push(Double {
                kind,
                place,
                with,
                signed,
                account,
            });
        };
        if meta.is_writable && written_here_only(&meta.pubkey) {
            add(READ_ONLY, meta.pubkey, meta.is_signer, None);
        }
        add(CUT, meta.pubkey, meta.is_signer, None);
        // The program itself stands for what is left out.
        if meta.pubkey != instruction.program_id {
            add("left out", instruction.program_id, false, None);
        }
        if meta.is_signer {
            if !signs_elsewhere(&meta.pubkey) {
                add("unsigned", meta.pubkey, false, None);
            }
            add("stranger", *stranger, true, None);
            continue;
        }
        let Some(account) = world.svm.get_account(&meta.pubkey) else {
            continue;
        };
        if account.executable {
            continue;
        }
        if account.data.is_empty() {
            add("stranger", *stranger, false, None);
            continue;
        }
        let foreign = Account {
            owner: FOREIGN,
            ..account.clone()
        };
        add("foreign", meta.pubkey, false, Some(foreign.clone()));
        add("foreign copy", elsewhere, false, Some(foreign));
        add("copy", elsewhere, false, Some(account.clone()));
        let head = |account: &Account| account.data.first_chunk::<8>().copied();
        let own = (account.data.len(), head(&account));
        let is_tagged = named().keys().any(|(program, _)| *program == account.owner);
        if is_tagged {
            let mut mistyped = account.clone();
            mistyped.data[0] ^= 1;
            add("mistyped", meta.pubkey, false, Some(mistyped));
            // a layout that a sister program may have some day
            if account.owner != instruction.program_id {
                let mut newer = account.clone();
                newer.data[8] ^= 0x80;
                add("newer", meta.pubkey, false, Some(newer));
            }
        }
        let mut others = world.svm.get_program_accounts(&account.owner);
        others.retain(|(at, other)| !taken(at) && !other.executable);
        others.sort_by_key(|(at, _)| *at);
        let (same, different): (Vec<_>, Vec<_>) = others.into_iter().partition(|(_, other)| {
            own.0 == other.data.len() && (!is_tagged || own.1 == head(other))
        });
        for (at, _) in same.iter().take(TRIED) {
            add("another", *at, false, None);
        }
        for (at, _) in different.iter().take(TRIED) {
            add("type", *at, false, None);
        }
    }
    all
}
