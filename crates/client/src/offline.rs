//! Transactions that are signed in one place and sent from another: by keys that are never on a machine with a network, or
//! by several people one after the other.
//!
//! Whoever signs and whoever sends must come to the same bytes, so nothing is looked up: no compute limit by simulation and
//! no fee that others paid. A blockhash lasts for about a minute; a durable nonce lasts until it is used.
use crate::send::{signature_of, size, Outcome, Sent, Wallet, MOST_BYTES};
use crate::{addresses, Client, Error, Result};
use solana_address::Address;
use solana_client::rpc_config::RpcSimulateTransactionConfig;
use solana_compute_budget_interface::ComputeBudgetInstruction;
use solana_hash::Hash;
use solana_instruction::Instruction;
use solana_message::Message;
use solana_signature::Signature;
use solana_signer::Signer;
use solana_transaction::Transaction;
use solana_transaction_error::TransactionError;
use solana_transaction_status_client_types::UiTransactionEncoding;

/// Blocks for which a blockhash is good.
const LIFE: u64 = 150;
/// Where a nonce account says whose it is, and its blockhash: after a version and a state of four bytes each.
const NONCE_AUTHORITY: usize = 8;
const NONCE_HASH: usize = 40;

/// What a transaction hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// A recent blockhash, or that of the nonce.
    pub blockhash: Hash,
    /// The nonce account and who may advance it, if the transaction is to last.
    pub nonce: Option<(Address, Address)>,
    /// Micro-lamports per compute unit on top of the base fee.
    pub price: u64,
}

/// The transaction of these instructions, unsigned.
///
/// # Errors
/// [`Error::Invalid`] where it is too large.
pub fn transaction(
    instructions: &[Instruction],
    payer: &Address,
    terms: &Terms,
) -> Result<Transaction> {
    let mut all = Vec::new();
    if let Some((account, authority)) = &terms.nonce {
        // the runtime looks for it in the first place only
        all.push(solana_system_interface::instruction::advance_nonce_account(
            account, authority,
        ));
    }
    if terms.price > 0 {
        all.push(ComputeBudgetInstruction::set_compute_unit_price(
            terms.price,
        ));
    }
    all.extend_from_slice(instructions);
    let message = Message::new_with_blockhash(&all, Some(payer), &terms.blockhash);
    let transaction = Transaction::new_unsigned(message);
    let bytes = size(&transaction);
    if bytes > MOST_BYTES {
        return Err(Error::Invalid(format!(
            "the transaction would have {bytes} bytes, more than the {MOST_BYTES} a transaction may have"
        )));
    }
    Ok(transaction)
}

/// Signs with those of the keys whose signature the transaction wants.
///
/// # Errors
/// [`Error::Invalid`] where a key does not sign, or a signature that was brought is one of another transaction.
pub fn sign(transaction: &mut Transaction, keys: &[Wallet<'_>]) -> Result<()> {
    let wanted = wanted(transaction).to_vec();
    let mut signing: Vec<&dyn Signer> = Vec::new();
    for key in keys {
        let address = key.pubkey();
        let twice = signing.iter().any(|other| other.pubkey() == address);
        if wanted.contains(&address) && !twice {
            signing.push(*key);
        }
    }
    let blockhash = transaction.message.recent_blockhash;
    transaction
        .try_partial_sign(&signing, blockhash)
        .map_err(|error| Error::Invalid(format!("the transaction could not be signed ({error}): a signature from elsewhere fits only the same command with the same options")))
}

/// Whose signatures it wants, the payer's first.
fn wanted(transaction: &Transaction) -> &[Address] {
    let count = usize::from(transaction.message.header.num_required_signatures);
    let keys = &transaction.message.account_keys;
    keys.get(..count).unwrap_or(keys)
}

/// The signatures that are there, and whose are missing.
pub fn signatures(transaction: &Transaction) -> (Vec<(Address, Signature)>, Vec<Address>) {
    let (mut there, mut missing) = (Vec::new(), Vec::new());
    for (key, signature) in wanted(transaction).iter().zip(&transaction.signatures) {
        if *signature == Signature::default() {
            missing.push(*key);
        } else {
            there.push((*key, *signature));
        }
    }
    (there, missing)
}

impl Client {
    /// The blockhash of a nonce account, which must be the authority's.
    ///
    /// # Errors
    /// [`Error::NoAccount`], [`Error::WrongAccount`].
    pub async fn nonce_hash(&self, account: &Address, authority: &Address) -> Result<Hash> {
        let kind = "nonce account";
        let wrong = |reason: String| Error::WrongAccount {
            kind,
            address: *account,
            reason,
        };
        let found = self.raw_account(account).await?.ok_or(Error::NoAccount {
            kind,
            address: *account,
        })?;
        let key = |at: usize| -> Option<[u8; 32]> {
            let bytes = found.data.get(at..at.checked_add(32)?)?;
            bytes.try_into().ok()
        };
        // of the present version, and initialised
        let is_nonce =
            found.owner == addresses::SYSTEM && found.data.starts_with(&[1, 0, 0, 0, 1, 0, 0, 0]);
        let (Some(owner), Some(hash), true) = (key(NONCE_AUTHORITY), key(NONCE_HASH), is_nonce)
        else {
            return Err(wrong("make one with `solana create-nonce-account`".into()));
        };
        if owner != authority.to_bytes() {
            let owner = Address::from(owner);
            return Err(wrong(format!(
                "its authority is {owner}, not {authority}: name that one with --nonce-authority"
            )));
        }
        Ok(Hash::new_from_array(hash))
    }

    /// Sends a transaction whose signatures are all there, and waits until it stands at this client's commitment.
    ///
    /// It is sent as it is, never signed anew: an expired blockhash, or a nonce that was used, is an error.
    pub async fn send_signed(&self, transaction: &Transaction, terms: &Terms) -> Result<Sent> {
        let (_, missing) = signatures(transaction);
        if !missing.is_empty() {
            let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
            return Err(Error::Invalid(format!(
                "the signature of {} is missing: bring it with --signer PUBKEY=SIGNATURE, or name a key that signs",
                missing.join(" and of ")
            )));
        }
        let instructions: Vec<Instruction> = instructions(transaction);
        let compute_units = self.try_signed(transaction, &instructions, terms).await?;
        let now = self.rpc.get_block_height_with_commitment(self.commitment);
        let last_valid = now.await.map_err(|e| self.failed(e))?.saturating_add(LIFE);
        match self.land(transaction, last_valid, &instructions).await? {
            Outcome::Landed { slot } => Ok(Sent {
                signature: signature_of(transaction)?,
                slot,
                compute_units,
                bytes: size(transaction),
            }),
            Outcome::Expired if terms.nonce.is_some() => Err(Error::Invalid("the network did not take the transaction yet; it stays good until its nonce is advanced: send the same again, or make it void with `solana new-nonce`".into())),
            Outcome::Expired => Err(Error::Expired { times: 1 }),
        }
    }

    /// Runs it as it is, signatures and all, before it is sent.
    async fn try_signed(
        &self,
        transaction: &Transaction,
        instructions: &[Instruction],
        terms: &Terms,
    ) -> Result<u64> {
        let config = RpcSimulateTransactionConfig {
            sig_verify: true,
            commitment: Some(self.commitment),
            encoding: Some(UiTransactionEncoding::Base64),
            ..RpcSimulateTransactionConfig::default()
        };
        let simulated = self
            .rpc
            .simulate_transaction_with_config(transaction, config);
        let ended = simulated.await.map_err(|e| self.failed(e))?.value;
        let payer = transaction.message.account_keys.first();
        match ended.err.map(TransactionError::from) {
            None => Ok(ended.units_consumed.unwrap_or_default()),
            Some(TransactionError::BlockhashNotFound) => Err(Error::Invalid(match terms.nonce {
                Some(_) => "the nonce was advanced since this was signed: sign again with the nonce's present blockhash".into(),
                None => "the blockhash is too old, or of another cluster: sign again with a new one, or with a durable nonce".into(),
            })),
            Some(TransactionError::AlreadyProcessed) => Err(Error::Invalid(format!(
                "this very transaction, {}, was sent before: it has its effect once",
                signature_of(transaction)?
            ))),
            Some(error) => Err(Error::of_transaction(
                error,
                instructions,
                &payer.copied().unwrap_or_default(),
                ended.logs.unwrap_or_default(),
            )),
        }
    }
}

/// Which program each instruction calls: what an error is told by.
fn instructions(transaction: &Transaction) -> Vec<Instruction> {
    let message = &transaction.message;
    let program = |index: u8| message.account_keys.get(usize::from(index)).copied();
    let called = message.instructions.iter();
    called
        .map(|one| Instruction {
            program_id: program(one.program_id_index).unwrap_or_default(),
            accounts: Vec::new(),
            data: Vec::new(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use solana_keypair::Keypair;
    use solana_signer::null_signer::NullSigner;

    fn terms(nonce: Option<(Address, Address)>) -> Terms {
        Terms {
            blockhash: Hash::new_from_array([9; 32]),
            nonce,
            price: 0,
        }
    }

    #[test]
    fn a_transaction_is_signed_in_parts_and_the_parts_fit_together() {
        let (payer, cold) = (Keypair::new(), Keypair::new());
        let pay =
            solana_system_interface::instruction::transfer(&cold.pubkey(), &payer.pubkey(), 1);
        let terms = terms(Some((Address::new_from_array([1; 32]), cold.pubkey())));
        let build = || transaction(std::slice::from_ref(&pay), &payer.pubkey(), &terms).unwrap();
        let first = build();
        let advance = &first.message.instructions[0];
        assert_eq!(advance.data, [4, 0, 0, 0], "the nonce comes first");

        let mut offline = build();
        sign(&mut offline, &[&NullSigner::new(&payer.pubkey()), &cold]).unwrap();
        let (there, missing) = signatures(&offline);
        assert_eq!(missing, [payer.pubkey()]);
        assert_eq!(there[0].0, cold.pubkey());

        let mut whole = build();
        let brought = solana_presigner::Presigner::new(&cold.pubkey(), &there[0].1);
        sign(&mut whole, &[&payer, &brought]).unwrap();
        whole.verify().unwrap();
        assert!(signatures(&whole).1.is_empty());

        // for other money it is no signature
        let other =
            solana_system_interface::instruction::transfer(&cold.pubkey(), &payer.pubkey(), 2);
        let mut whole = transaction(&[other], &payer.pubkey(), &terms).unwrap();
        let said = sign(&mut whole, &[&payer, &brought])
            .unwrap_err()
            .to_string();
        assert!(said.contains("same command"), "{said}");
    }
}
