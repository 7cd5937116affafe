//! What takes the place of an account and should not. Before an instruction goes through for the first time in a test, it
//! is simulated once for each account with somebody or something else in that place: unsigned, signed by a stranger, another
//! account of the same type, one of another type, and an account that says the same but is another program's. Each of
//! these must fail, unless it stands in [`FREE`].

use crate::World;
use serde_json::Value;
use solana_account::Account;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_message::Message;
use solana_signer::Signer;
use solana_transaction::Transaction;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// A program of nobody's.
const FOREIGN: Address = Address::new_from_array([0xfe; 32]);
/// How many others of a type are tried in a place.
const TRIED: usize = 2;

/// What may take a place, and why.
const FREE: [(&str, &str, &str, &str); 45] = [
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
        "claim_rewards",
        "to",
        "another",
        "an owner's own stake is paid to his payout or to his associated account",
    ),
    (
        "close_job",
        "crank",
        "stranger",
        "whoever turns is paid for it",
    ),
    (
        "create_committee",
        "bond_mint",
        "another",
        "a governor chooses",
    ),
    ("create_market", "mint", "another", "an authority chooses"),
    (
        "escalate_job",
        "crank",
        "stranger",
        "whoever turns is paid for it",
    ),
    (
        "expire_job",
        "crank",
        "stranger",
        "whoever turns is paid for it",
    ),
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
        "initialize_schedule",
        "jobs",
        "another",
        "a test writes a second configuration, which no instruction does",
    ),
    (
        "open_ledger",
        "payer",
        "stranger",
        "anyone opens, at his expense",
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
        "foreign",
        "it counts only where the node is paid",
    ),
    (
        "settle_job",
        "work",
        "type",
        "it counts only where the node is paid",
    ),
    (
        "slash_job",
        "mint",
        "another",
        "where the node is gone nothing is burned",
    ),
    (
        "slash_job",
        "mint",
        "foreign",
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
        "staking",
        "foreign",
        "where the node is gone nothing is asked",
    ),
    (
        "slash_job",
        "staking",
        "type",
        "where the node is gone nothing is asked",
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
    ("withdraw", "to", "another", "who signs says where to"),
    (
        "withdraw_bond",
        "owner",
        "unsigned",
        "without the owner it goes to his associated account",
    ),
    ("withdraw_bond", "to", "another", "who signs says where to"),
    ("close_job", "job", "another", "anyone clears what is over"),
    (
        "escalate_job",
        "job",
        "another",
        "anyone escalates what is due",
    ),
    ("expire_job", "job", "another", "anyone ends what is late"),
    ("slash_job", "job", "another", "anyone has a lie punished"),
    (
        "void_job",
        "job",
        "another",
        "anyone ends what nobody judged",
    ),
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

/// Tries all of them, the first time that this test sends this instruction.
#[track_caller]
pub(crate) fn refused(world: &mut World, instruction: &Instruction, signers: &[&Keypair]) {
    thread_local!(static KNOWN: RefCell<BTreeSet<(Address, [u8; 8])>> = const { RefCell::new(BTreeSet::new()) });
    let Some(tag) = instruction.data.first_chunk::<8>() else {
        return;
    };
    let key = (instruction.program_id, *tag);
    let Some((name, accounts)) = named().get(&key) else {
        return;
    };
    // What does not go through by itself says nothing.
    if !KNOWN.with_borrow_mut(|known| known.insert(key)) || !goes(world, instruction, signers) {
        return;
    }
    let stranger = Keypair::new_from_array([0xfd; 32]);
    let signers = [signers, &[&stranger]].concat();
    for double in doubles(world, instruction, &stranger.pubkey()) {
        let mut forged = instruction.clone();
        let meta = &mut forged.accounts[double.place];
        (meta.pubkey, meta.is_signer) = (double.with, double.signed);
        let before = world.svm.get_account(&double.with).unwrap_or_default();
        if let Some(account) = double.account {
            world.svm.set_account(double.with, account).unwrap();
        }
        let went = goes(world, &forged, &signers);
        world.svm.set_account(double.with, before).unwrap();
        let account = accounts.get(double.place).map_or("more", String::as_str);
        let is_free = FREE.iter().any(|(instruction, of, kind, _)| {
            (*instruction, *of, *kind) == (name.as_str(), account, double.kind)
        });
        assert!(
            !went || is_free,
            "{name} goes through with another {account} ({}: {})",
            double.kind,
            double.with
        );
    }
}

/// Whether it would go through.
fn goes(world: &World, instruction: &Instruction, signers: &[&Keypair]) -> bool {
    let message = Message::new_with_blockhash(
        std::slice::from_ref(instruction),
        Some(&world.payer.pubkey()),
        &world.svm.latest_blockhash(),
    );
    let needed = usize::from(message.header.num_required_signatures);
    let signs = |key: &Address| {
        let mut all = [&[&world.payer], signers].concat().into_iter();
        all.find(|signer| signer.pubkey() == *key)
    };
    let keys: Option<Vec<&Keypair>> = message.account_keys[..needed].iter().map(signs).collect();
    let mut transaction = Transaction::new_unsigned(message);
    match keys {
        Some(keys) => transaction.sign(&keys, world.svm.latest_blockhash()),
        None => return false,
    }
    world.svm.simulate_transaction(transaction).is_ok()
}

fn doubles(world: &World, instruction: &Instruction, stranger: &Address) -> Vec<Double> {
    let mut all = Vec::new();
    let taken = |at: &Address| instruction.accounts.iter().any(|meta| meta.pubkey == *at);
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
        let purse = Account {
            lamports: 100_000_000_000,
            ..Account::default()
        };
        if meta.is_signer {
            if meta.pubkey != world.payer.pubkey() {
                add("unsigned", meta.pubkey, false, None);
            }
            add("stranger", *stranger, true, Some(purse));
            continue;
        }
        let Some(account) = world.svm.get_account(&meta.pubkey) else {
            continue;
        };
        if account.executable {
            continue;
        }
        if account.data.is_empty() {
            add("stranger", *stranger, false, Some(purse));
            continue;
        }
        let copy = Account {
            owner: FOREIGN,
            ..account.clone()
        };
        add(
            "foreign",
            Address::new_from_array([0xfc; 32]),
            false,
            Some(copy),
        );
        let head = |account: &Account| account.data.first_chunk::<8>().copied();
        let own = (account.data.len(), head(&account));
        let is_tagged = named().keys().any(|(program, _)| *program == account.owner);
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
