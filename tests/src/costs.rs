//! What instructions cost, as every test that goes through sees it, and with which errors they are refused. Written down
//! for `cargo xtask bench` and `cargo xtask test` where `LODE_COSTS` names a file; one line a call, one a figure that a test
//! is about, one a refusal.

use crate::{Address, FailedTransactionMetadata, LiteSVM, TransactionMetadata, PROGRAMS};
use solana_compute_budget_interface::ComputeBudgetInstruction;
use solana_instruction::error::InstructionError;
use solana_instruction::{AccountMeta, Instruction};
use solana_message::Message;
use solana_transaction::Transaction;
use solana_transaction_error::TransactionError;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::sync::OnceLock;

fn file() -> Option<&'static File> {
    static FILE: OnceLock<Option<File>> = OnceLock::new();
    let open = || {
        let path = std::env::var_os("LODE_COSTS")?;
        Some(
            File::options()
                .create(true)
                .append(true)
                .open(path)
                .unwrap(),
        )
    };
    FILE.get_or_init(open).as_ref()
}

/// Lines are short and go out in one write each, so the tests' processes do not cut into each other.
fn write(mut file: &File, lines: &str) {
    file.write_all(lines.as_bytes()).unwrap();
}

/// A figure that a test is about: printed, and written down.
pub fn figure(what: &str, units: u64) {
    println!("{what}: {units} compute units");
    if let Some(file) = file() {
        write(file, &format!("figure {units} {what}\n"));
    }
}

/// The sum of compute units that the log says each instruction of ours took, in order, and how many calls of other programs
/// it made for that, the system's left out, which makes accounts in one or in three: they are part of their caller's.
fn units(logs: &[String]) -> Vec<(u64, u64)> {
    let mut found = vec![];
    let (mut depth, mut within) = (0, 0);
    for line in logs {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["Program", id, "invoke", _] => {
                within = match depth {
                    0 => 0,
                    _ => within + u64::from(*id != crate::SYSTEM.to_string()),
                };
                depth += 1;
            }
            ["Program", id, "consumed", units, ..]
                if depth == 1 && PROGRAMS.iter().any(|p| p.id.to_string() == *id) =>
            {
                found.push((units.parse().unwrap(), within));
            }
            ["Program", _, "success"] => depth -= 1,
            _ => {}
        }
    }
    found
}

/// Writes down what each instruction of ours in a transaction that went through took.
pub(crate) fn record(
    svm: &LiteSVM,
    instructions: &[Instruction],
    payer: &Address,
    meta: &TransactionMetadata,
) {
    let Some(file) = file() else { return };
    let mut units = units(&meta.logs).into_iter();
    let mut lines = String::new();
    for (i, instruction) in instructions.iter().enumerate() {
        if PROGRAMS.iter().all(|p| p.id != instruction.program_id) {
            continue;
        }
        // A log that was cut off tells nothing.
        let Some((units, within)) = units.next() else {
            return;
        };
        let before = i.checked_sub(1).and_then(|i| instructions.get(i));
        let proof = before.filter(|i| i.program_id == lode_attestation::ED25519_PROGRAM);
        let alone: Vec<Instruction> = proof.into_iter().chain([instruction]).cloned().collect();
        let bytes = bytes(&alone, payer);
        for meta in &instruction.accounts {
            let Some(account) = svm.get_account(&meta.pubkey) else {
                continue;
            };
            if PROGRAMS.iter().any(|p| p.id == account.owner) {
                lines += &format!(
                    "account {} {} {} {}\n",
                    account.owner,
                    hex(&account.data[..8]),
                    account.data.len(),
                    svm.minimum_balance_for_rent_exemption(account.data.len()),
                );
            }
        }
        let shared: Vec<&str> = shared(svm, &instruction.accounts).into_iter().collect();
        lines += &format!(
            "call {} {} {units} {within} {} {} {bytes} {}\n",
            instruction.program_id,
            hex(&instruction.data[..8]),
            instruction.accounts.len(),
            instruction
                .accounts
                .iter()
                .filter(|m| m.is_writable)
                .count(),
            shared.join(",")
        );
    }
    write(file, &lines);
}

/// Writes down with which error of its own an instruction of ours was refused.
pub(crate) fn refused(transaction: &Transaction, failed: &FailedTransactionMetadata) {
    let Some(file) = file() else { return };
    let TransactionError::InstructionError(index, InstructionError::Custom(code)) = failed.err
    else {
        return;
    };
    let message = &transaction.message;
    let Some(instruction) = message.instructions.get(usize::from(index)) else {
        return;
    };
    let program = message.account_keys[usize::from(instruction.program_id_index)];
    // Who was called by it and refused is named first.
    let first = failed
        .meta
        .logs
        .iter()
        .find(|log| log.contains(" failed: "));
    let own = format!("Program {program} failed: ");
    if PROGRAMS.iter().any(|p| p.id == program) && first.is_some_and(|log| log.starts_with(&own)) {
        let name = hex(&instruction.data[..8]);
        write(file, &format!("refused {program} {name} {code}\n"));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes of a transaction of these instructions alone, as the client builds it: compute limit and priority fee before
/// them, paid by the first who signs anyway.
pub fn bytes(instructions: &[Instruction], otherwise: &Address) -> usize {
    let metas = instructions.iter().flat_map(|i| &i.accounts);
    let first = metas.clone().find(|meta| meta.is_signer);
    let payer = first.map_or(*otherwise, |meta| meta.pubkey);
    let mut all = vec![
        ComputeBudgetInstruction::set_compute_unit_limit(20_000),
        ComputeBudgetInstruction::set_compute_unit_price(1_000),
    ];
    all.extend_from_slice(instructions);
    let message = Message::new(&all, Some(&payer));
    let signatures = usize::from(message.header.num_required_signatures);
    message.serialize().len() + 1 + 64 * signatures
}

/// What an instruction writes that actors share who have nothing to do with each other: configurations, markets and
/// their vaults, committees, mints, schedules and epochs.
fn shared(svm: &LiteSVM, metas: &[AccountMeta]) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::new();
    for meta in metas.iter().filter(|meta| meta.is_writable) {
        let Some(account) = svm.get_account(&meta.pubkey) else {
            continue;
        };
        if let Some(name) = shared_type(&account.owner, &account.data) {
            found.insert(name);
        } else if [crate::TOKEN, crate::TOKEN_2022].contains(&account.owner) {
            if account.data.len() < 165 {
                found.insert("mint");
                continue;
            }
            let owner = Address::try_from(&account.data[32..64]).unwrap();
            let owner = svm.get_account(&owner);
            if owner.is_some_and(|o| shared_type(&o.owner, &o.data) == Some("market")) {
                found.insert("market_vault");
            }
        }
    }
    found
}

fn shared_type(owner: &Address, data: &[u8]) -> Option<&'static str> {
    use anchor_lang::Discriminator;
    if PROGRAMS.iter().all(|p| p.id != *owner) {
        return None;
    }
    let types: [(&[u8], &str); 6] = [
        (
            lode_staking::state::StakingConfig::DISCRIMINATOR,
            "configuration",
        ),
        (lode_jobs::state::JobsConfig::DISCRIMINATOR, "configuration"),
        (lode_jobs::state::Market::DISCRIMINATOR, "market"),
        (lode_oracle::state::Committee::DISCRIMINATOR, "committee"),
        (lode_emissions::state::Schedule::DISCRIMINATOR, "schedule"),
        (lode_emissions::state::Epoch::DISCRIMINATOR, "epoch"),
    ];
    types
        .iter()
        .find(|(disc, _)| data.starts_with(disc))
        .map(|(_, name)| *name)
}
