//! Transactions as the chain keeps them: which there are, in its order, and what each carried out.
use crate::{Client, Error, Result};
use solana_address::Address;
use solana_client::rpc_client::GetConfirmedSignaturesForAddress2Config;
use solana_commitment_config::CommitmentConfig;
use solana_message::compiled_instruction::CompiledInstruction;
use solana_signature::Signature;
use solana_transaction_status_client_types::{
    option_serializer::OptionSerializer, UiInstruction, UiTransactionStatusMeta,
};

/// Most signatures that one request returns.
const PAGE: usize = 1_000;

/// A transaction's place on the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its name.
    pub signature: Signature,
    /// The slot it is in.
    pub slot: u64,
}

/// One instruction that was carried out, also one that another program called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// The program.
    pub program: Address,
    /// Its accounts, in order.
    pub accounts: Vec<Address>,
    /// Discriminator and arguments.
    pub data: Vec<u8>,
}

/// A transaction with what it carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its name.
    pub signature: Signature,
    /// The slot it is in.
    pub slot: u64,
    /// When that was, unix seconds.
    pub time: i64,
    /// Who paid the fee.
    pub payer: Address,
    /// The fee, lamports.
    pub fee: u64,
    /// Compute units that it took; 0 where the server keeps no figure.
    pub compute_units: u64,
    /// Its size, bytes.
    pub bytes: u64,
    /// It had no effect but the fee.
    pub failed: bool,
    /// The instructions, each followed by those that it called: the order in which they took effect.
    pub instructions: Vec<Carried>,
    /// The log, if the server kept one.
    pub log: Option<Vec<String>>,
}

impl Record {
    /// The log is there from beginning to end.
    pub fn has_whole_log(&self) -> bool {
        let cut = |log: &Vec<String>| log.iter().any(|line| line == "Log truncated");
        self.log.as_ref().is_some_and(|log| !cut(log))
    }
}

impl Client {
    /// Transactions that mention an address, oldest first, in the order of the chain; only those after `after`, if one is
    /// named. `tell` hears how many have been found so far.
    pub async fn places_of(
        &self,
        address: &Address,
        after: Option<Signature>,
        tell: &(dyn Fn(usize) + Send + Sync),
    ) -> Result<Vec<Place>> {
        let mut found = Vec::new();
        let mut before = None;
        loop {
            let config = GetConfirmedSignaturesForAddress2Config {
                before,
                until: after,
                limit: Some(PAGE),
                commitment: Some(self.commitment),
            };
            let page = self
                .rpc
                .get_signatures_for_address_with_config(address, config)
                .await
                .map_err(|e| self.failed(e))?;
            for one in &page {
                let signature = one.signature.parse().map_err(|_| Error::Rpc {
                    url: self.url(),
                    reason: format!("`{}` is no signature", one.signature),
                })?;
                before = Some(signature);
                found.push(Place {
                    signature,
                    slot: one.slot,
                });
            }
            tell(found.len());
            if page.len() < PAGE {
                found.reverse();
                return Ok(found);
            }
        }
    }

    /// The hash by which a chain is known.
    pub async fn genesis(&self) -> Result<String> {
        let hash = self
            .rpc
            .get_genesis_hash()
            .await
            .map_err(|e| self.failed(e))?;
        Ok(hash.to_string())
    }

    /// The newest slot that the server knows at a commitment.
    pub async fn slot_at(&self, commitment: CommitmentConfig) -> Result<u64> {
        let slot = self.rpc.get_slot_with_commitment(commitment).await;
        slot.map_err(|e| self.failed(e))
    }

    /// A transaction with what it carried out.
    pub async fn record(&self, signature: &Signature) -> Result<Record> {
        let found = self.transaction(signature).await?;
        let missing = |what: &str| {
            Error::Rpc {
            url: self.url(),
            reason: format!("it keeps no {what} of transaction {signature}: ask a server with the whole history"),
        }
        };
        let time = found.block_time.ok_or_else(|| missing("time"))?;
        let meta = found.transaction.meta.ok_or_else(|| missing("outcome"))?;
        let decoded = found.transaction.transaction.decode();
        let transaction = decoded.ok_or_else(|| missing("content"))?;
        // one byte counts the signatures of any transaction that fits a packet
        let signatures = 1 + 64 * transaction.signatures.len();
        let message = transaction.message;
        let bytes = signatures + message.serialize().len();
        let mut keys = message.static_account_keys().to_vec();
        if let OptionSerializer::Some(loaded) = &meta.loaded_addresses {
            for text in loaded.writable.iter().chain(&loaded.readonly) {
                keys.push(text.parse().map_err(|_| missing("readable addresses"))?);
            }
        }
        let payer = *keys.first().ok_or_else(|| missing("content"))?;
        let failed = meta.err.is_some();
        let instructions = match failed {
            true => Vec::new(),
            false => carried(message.instructions(), &meta, &keys)
                .ok_or_else(|| missing("whole account of instructions"))?,
        };
        Ok(Record {
            signature: *signature,
            slot: found.slot,
            time,
            payer,
            fee: meta.fee,
            compute_units: Option::from(meta.compute_units_consumed).unwrap_or_default(),
            bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
            failed,
            instructions,
            log: Option::from(meta.log_messages),
        })
    }
}

/// Outer instructions, each followed by the inner ones; `None` where an index points nowhere.
fn carried(
    outer: &[CompiledInstruction],
    meta: &UiTransactionStatusMeta,
    keys: &[Address],
) -> Option<Vec<Carried>> {
    let resolve = |program: u8, accounts: &[u8], data: Vec<u8>| {
        let key = |index: u8| keys.get(usize::from(index)).copied();
        Some(Carried {
            program: key(program)?,
            accounts: accounts.iter().map(|i| key(*i)).collect::<Option<_>>()?,
            data,
        })
    };
    let mut found = Vec::new();
    for (number, one) in outer.iter().enumerate() {
        let (program, data) = (one.program_id_index, one.data.clone());
        found.push(resolve(program, &one.accounts, data)?);
        let OptionSerializer::Some(groups) = &meta.inner_instructions else {
            continue;
        };
        let own = groups.iter().filter(|g| usize::from(g.index) == number);
        for inner in own.flat_map(|group| &group.instructions) {
            // A server asked for base64 answers with compiled instructions, whose data is base58 all the same.
            let UiInstruction::Compiled(inner) = inner else {
                return None;
            };
            let data = bs58::decode(&inner.data).into_vec().ok()?;
            found.push(resolve(inner.program_id_index, &inner.accounts, data)?);
        }
    }
    Some(found)
}
