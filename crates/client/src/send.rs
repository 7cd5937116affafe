//! Sending: the compute budget by simulation, a priority fee, and one effect however often the network forgets us.
//!
//! A transaction that did not land before its blockhash expired is signed again - but only after the chain, at a
//! block beyond the expiry, has said that it does not know it. So no effect is doubled, whatever was lost on the way.
use crate::{Client, Error, Result};
use solana_address::Address;
use solana_client::client_error::ClientErrorKind as ErrorKind;
use solana_client::rpc_config::{
    RpcSendTransactionConfig, RpcSimulateTransactionAccountsConfig, RpcSimulateTransactionConfig,
    RpcTransactionConfig,
};
use solana_client::rpc_response::RpcSimulateTransactionResult;
use solana_compute_budget_interface::ComputeBudgetInstruction;
use solana_hash::Hash;
use solana_instruction::Instruction;
use solana_message::Message;
use solana_signature::Signature;
use solana_signer::Signer;
use solana_transaction::Transaction;
use solana_transaction_error::TransactionError;
use solana_transaction_status_client_types::UiTransactionEncoding;
use std::time::{Duration, Instant};

/// A key that signs.
pub type Wallet<'a> = &'a (dyn Signer + Send + Sync);

/// Compute units of a transaction while it is simulated: the most there are.
pub(crate) const MOST_UNITS: u32 = 1_400_000;
/// Most bytes of a transaction.
pub const MOST_BYTES: usize = 1_232;
/// The highest price that is paid without being told to, in micro-lamports per compute unit.
const HIGHEST_PRICE: u64 = 1_000_000;
/// How often one effect is signed anew.
const SIGNINGS: usize = 4;
/// How often a transaction is looked for.
const POLL: Duration = Duration::from_millis(200);
/// How often it is sent again while it is not seen.
const RESEND: Duration = Duration::from_secs(2);
/// How long the server may be silent, or stand still, before we give up on knowing the outcome.
const SILENCE: Duration = Duration::from_secs(60);

/// What is paid per compute unit on top of the base fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriorityFee {
    /// What three of four recent transactions on the same accounts paid, at most a million micro-lamports.
    Recent,
    /// So many micro-lamports.
    Fixed(u64),
}

/// A transaction that is on the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its name.
    pub signature: Signature,
    /// The slot it is in.
    pub slot: u64,
    /// Compute units its simulation took; [`Client::costs`] has what the chain measured.
    pub compute_units: u64,
    /// Its size.
    pub bytes: usize,
}

/// What a transaction cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Costs {
    /// Compute units, the budget instructions counted.
    pub compute_units: u64,
    /// Lamports paid as fees.
    pub fee: u64,
}

/// What became of many groups of instructions; see [`Client::send_packed`].
#[derive(Debug, Default)]
pub struct Packed {
    /// The transactions that are on the chain, each with the numbers of its groups.
    pub sent: Vec<(Vec<usize>, Sent)>,
    /// Groups that were refused also when they were alone, and why.
    pub refused: Vec<(usize, Error)>,
    /// Why the rest was not sent: the network's fault. What was sent is not sent again by trying again.
    pub broke_off: Option<Error>,
}

pub(crate) enum Outcome {
    Landed { slot: u64 },
    Expired,
}

impl Client {
    /// Sends instructions in one transaction and waits until it stands at this client's commitment.
    ///
    /// `payer` pays the fee; `signers` are the other keys (the payer may be among them). The instructions stay next to
    /// each other in their order, so an Ed25519 instruction placed before one that reads it stays directly before it.
    pub async fn send(
        &self,
        instructions: &[Instruction],
        payer: Wallet<'_>,
        signers: &[Wallet<'_>],
    ) -> Result<Sent> {
        if self.only_looks {
            return Err(Error::Invalid("this is a dry run".into()));
        }
        let paying = payer.pubkey();
        let price = self.price(instructions, &paying).await;
        let probe = budgeted(instructions, MOST_UNITS, price);
        let compute_units = self.simulate(&probe, &paying).await?;
        let all = budgeted(instructions, with_margin(compute_units), price);
        for _ in 0..SIGNINGS {
            let (blockhash, last_valid) = self
                .rpc
                .get_latest_blockhash_with_commitment(self.commitment)
                .await
                .map_err(|e| self.failed(e))?;
            let transaction = signed(&all, payer, signers, blockhash)?;
            let bytes = size(&transaction);
            if bytes > MOST_BYTES {
                return Err(Error::Invalid(format!(
                    "the transaction would have {bytes} bytes, more than the {MOST_BYTES} a transaction may have: send fewer instructions at once"
                )));
            }
            match self.land(&transaction, last_valid, &all).await? {
                Outcome::Landed { slot } => {
                    return Ok(Sent {
                        signature: signature_of(&transaction)?,
                        slot,
                        compute_units,
                        bytes,
                    })
                }
                Outcome::Expired => tracing::debug!("blockhash expired, signing again"),
            }
        }
        Err(Error::Expired { times: SIGNINGS })
    }

    /// Sends groups of instructions in as few transactions as they fit, one after the other, in their order.
    ///
    /// A group is never divided. A transaction that is refused is sent again group by group, so that one bad group costs
    /// the others nothing. `tell` hears how many groups are dealt with, after each transaction.
    pub async fn send_packed(
        &self,
        groups: &[Vec<Instruction>],
        payer: Wallet<'_>,
        signers: &[Wallet<'_>],
        tell: &(dyn Fn(usize) + Send + Sync),
    ) -> Result<Packed> {
        let mut packed = Packed::default();
        let mut dealt = 0usize;
        for part in pack(groups, &payer.pubkey())? {
            match self.send_groups(groups, &part, payer, signers).await {
                Ok(sent) => packed.sent.push((part.clone(), sent)),
                Err(error) if is_about_the_network(&error) => {
                    packed.broke_off = Some(error);
                    return Ok(packed);
                }
                Err(error) if part.len() == 1 => {
                    packed.refused.extend(part.iter().copied().zip([error]));
                }
                Err(_) => {
                    for group in part.iter().copied() {
                        match self.send_groups(groups, &[group], payer, signers).await {
                            Ok(sent) => packed.sent.push((vec![group], sent)),
                            Err(error) if is_about_the_network(&error) => {
                                packed.broke_off = Some(error);
                                return Ok(packed);
                            }
                            Err(error) => packed.refused.push((group, error)),
                        }
                    }
                }
            }
            dealt = dealt.saturating_add(part.len());
            tell(dealt);
        }
        Ok(packed)
    }

    async fn send_groups(
        &self,
        groups: &[Vec<Instruction>],
        part: &[usize],
        payer: Wallet<'_>,
        signers: &[Wallet<'_>],
    ) -> Result<Sent> {
        let all: Vec<Instruction> = part
            .iter()
            .filter_map(|i| groups.get(*i))
            .flatten()
            .cloned()
            .collect();
        self.send(&all, payer, signers).await
    }

    /// Runs instructions without sending them; returns the compute units they take.
    pub async fn simulate(&self, instructions: &[Instruction], payer: &Address) -> Result<u64> {
        let ended = self.simulate_with(instructions, payer, None).await?;
        Ok(ended.units_consumed.unwrap_or(u64::from(MOST_UNITS)))
    }

    /// Runs instructions without sending them; `accounts` are those that are told as they would be afterwards.
    pub(crate) async fn simulate_with(
        &self,
        instructions: &[Instruction],
        payer: &Address,
        accounts: Option<RpcSimulateTransactionAccountsConfig>,
    ) -> Result<RpcSimulateTransactionResult> {
        let mut transaction = Transaction::new_unsigned(Message::new(instructions, Some(payer)));
        let bytes = size(&transaction);
        if bytes > MOST_BYTES {
            return Err(Error::Invalid(format!(
                "the transaction would have {bytes} bytes, more than the {MOST_BYTES} a transaction may have: send fewer instructions at once"
            )));
        }
        // The server replaces the blockhash and checks no signature.
        transaction.message.recent_blockhash = Hash::default();
        let config = RpcSimulateTransactionConfig {
            replace_recent_blockhash: true,
            commitment: Some(self.commitment),
            encoding: Some(UiTransactionEncoding::Base64),
            accounts,
            ..RpcSimulateTransactionConfig::default()
        };
        let result = self
            .rpc
            .simulate_transaction_with_config(&transaction, config)
            .await
            .map_err(|e| self.failed(e))?
            .value;
        match result.err {
            Some(error) => Err(Error::of_transaction(
                TransactionError::from(error),
                instructions,
                payer,
                result.logs.unwrap_or_default(),
            )),
            None => Ok(result),
        }
    }

    /// Sends a signed transaction again and again until it is on the chain, or never can be.
    pub(crate) async fn land(
        &self,
        transaction: &Transaction,
        last_valid: u64,
        instructions: &[Instruction],
    ) -> Result<Outcome> {
        self.land_within(SILENCE, transaction, last_valid, instructions)
            .await
    }

    /// The same, and gives up after so long a silence.
    async fn land_within(
        &self,
        silence: Duration,
        transaction: &Transaction,
        last_valid: u64,
        instructions: &[Instruction],
    ) -> Result<Outcome> {
        let signature = signature_of(transaction)?;
        let config = RpcSendTransactionConfig {
            // It was simulated a moment ago.
            skip_preflight: true,
            preflight_commitment: Some(self.commitment.commitment),
            encoding: Some(UiTransactionEncoding::Base64),
            max_retries: Some(0),
            min_context_slot: None,
        };
        let mut sent: Option<Instant> = None;
        // When the chain was last seen to go on: who answers out of one and the same block will never tell.
        let (mut newest, mut moved) = (0, Instant::now());
        loop {
            if sent.is_none_or(|at| at.elapsed() >= RESEND) {
                let answer = self
                    .rpc
                    .send_transaction_with_config(transaction, config)
                    .await;
                match answer {
                    Ok(_) => {}
                    // Refused by the server itself, and never passed on before: there is nothing to wait for.
                    Err(error) if sent.is_none() && refuses(error.kind()) => {
                        return Err(self.failed(error))
                    }
                    Err(error) => tracing::debug!(%signature, %error, "sending again later"),
                }
                sent = Some(Instant::now());
            }
            let reason = match self.look(&signature, last_valid).await {
                Ok(Seen::Landed { slot, error: None }) => return Ok(Outcome::Landed { slot }),
                Ok(Seen::Landed {
                    error: Some(error), ..
                }) => {
                    let logs = self.logs(&signature).await;
                    let payer = transaction.message.account_keys.first();
                    let payer = payer.copied().unwrap_or_default();
                    return Err(Error::of_transaction(error, instructions, &payer, logs));
                }
                Ok(Seen::Expired) => return Ok(Outcome::Expired),
                Ok(Seen::Nothing { height }) => {
                    if height > newest {
                        (newest, moved) = (height, Instant::now());
                    }
                    format!("the RPC server stands still at block {newest}")
                }
                Err(error) => {
                    tracing::debug!(%signature, %error, "asking again later");
                    error.to_string()
                }
            };
            if moved.elapsed() >= silence {
                return Err(Error::Unconfirmed { signature, reason });
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Looks for a transaction once.
    async fn look(&self, signature: &Signature, last_valid: u64) -> Result<Seen> {
        let asked = std::slice::from_ref(signature);
        let statuses = self
            .rpc
            .get_signature_statuses(asked)
            .await
            .map_err(|e| self.failed(e))?;
        let status = statuses.value.into_iter().next().flatten();
        let known = status.is_some();
        // Also a failure counts only at our commitment: on another fork it may still go through.
        if let Some(status) = status.filter(|s| s.satisfies_commitment(self.commitment)) {
            return Ok(Seen::Landed {
                slot: status.slot,
                error: status.err,
            });
        }
        let now = self
            .rpc
            .get_epoch_info_with_commitment(self.commitment)
            .await
            .map_err(|e| self.failed(e))?;
        let nothing = Seen::Nothing {
            height: now.block_height,
        };
        if known || now.block_height <= last_valid {
            return Ok(nothing);
        }
        // Too late for it to land. Whether it did is asked of a bank that has seen the last block in which it could;
        // behind one address there may be servers that have not.
        let last = self
            .rpc
            .get_signature_statuses_with_history(asked)
            .await
            .map_err(|e| self.failed(e))?;
        let knows = last.context.slot >= now.absolute_slot;
        Ok(match last.value.into_iter().next().flatten() {
            Some(status) if status.satisfies_commitment(self.commitment) => Seen::Landed {
                slot: status.slot,
                error: status.err,
            },
            None if knows => Seen::Expired,
            _ => nothing,
        })
    }

    async fn logs(&self, signature: &Signature) -> Vec<String> {
        let found = self.transaction(signature).await;
        found
            .ok()
            .and_then(|t| t.transaction.meta)
            .and_then(|meta| Option::from(meta.log_messages))
            .unwrap_or_default()
    }

    /// A transaction, as the server keeps it.
    pub(crate) async fn transaction(
        &self,
        signature: &Signature,
    ) -> Result<solana_transaction_status_client_types::EncodedConfirmedTransactionWithStatusMeta>
    {
        let config = RpcTransactionConfig {
            encoding: Some(UiTransactionEncoding::Base64),
            // The server knows no transaction by a lesser commitment.
            commitment: Some(if self.commitment.is_finalized() {
                self.commitment
            } else {
                solana_commitment_config::CommitmentConfig::confirmed()
            }),
            max_supported_transaction_version: Some(0),
        };
        self.rpc
            .get_transaction_with_config(signature, config)
            .await
            .map_err(|e| self.failed(e))
    }

    /// What a transaction cost, as the chain measured it.
    pub async fn costs(&self, signature: &Signature) -> Result<Costs> {
        let meta = self.transaction(signature).await?.transaction.meta;
        let meta = meta.ok_or_else(|| {
            Error::Invalid(format!(
                "the server kept no record of what transaction {signature} cost"
            ))
        })?;
        let units: Option<u64> = Option::from(meta.compute_units_consumed);
        Ok(Costs {
            compute_units: units.unwrap_or_default(),
            fee: meta.fee,
        })
    }

    /// The price per compute unit; never a reason to fail.
    pub(crate) async fn price(&self, instructions: &[Instruction], payer: &Address) -> u64 {
        match self.priority_fee {
            PriorityFee::Fixed(price) => price,
            PriorityFee::Recent => {
                let writable = writable(instructions, payer);
                let recent = self.rpc.get_recent_prioritization_fees(&writable).await;
                let fees = recent.unwrap_or_default();
                third_quartile(fees.iter().map(|f| f.prioritization_fee).collect())
                    .min(HIGHEST_PRICE)
            }
        }
    }
}

/// Divides groups of instructions among transactions, in their order: each transaction takes groups until the next one
/// has no room. Returns the numbers of each transaction's groups.
pub fn pack(groups: &[Vec<Instruction>], payer: &Address) -> Result<Vec<Vec<usize>>> {
    let bytes = |part: &[usize]| {
        let all: Vec<Instruction> = part
            .iter()
            .filter_map(|i| groups.get(*i))
            .flatten()
            .cloned()
            .collect();
        // with a price, whether one will be paid or not: a transaction must fit in either case
        let all = budgeted(&all, MOST_UNITS, 1);
        size(&Transaction::new_unsigned(Message::new(&all, Some(payer))))
    };
    let mut parts: Vec<Vec<usize>> = Vec::new();
    for group in 0..groups.len() {
        let fits = |part: &Vec<usize>| bytes(&[part.as_slice(), &[group]].concat()) <= MOST_BYTES;
        match parts.last_mut().filter(|part| fits(part)) {
            Some(part) => part.push(group),
            None if bytes(&[group]) <= MOST_BYTES => parts.push(vec![group]),
            None => {
                return Err(Error::Invalid(
                    "one step of it is larger than a transaction may be".into(),
                ))
            }
        }
    }
    Ok(parts)
}

/// Whether the next transaction would end the same way: the connection, the fee, the wallet that pays.
fn is_about_the_network(error: &Error) -> bool {
    error.is_transient() || matches!(error, Error::Unconfirmed { .. } | Error::NotACluster { .. })
}

enum Seen {
    Landed {
        slot: u64,
        error: Option<TransactionError>,
    },
    Expired,
    /// Neither yet, by a server at this block.
    Nothing {
        height: u64,
    },
}

/// Whether a server's answer to `sendTransaction` says that it will not pass the transaction on. A transaction that
/// it knows already, and a blockhash that it does not know yet, are none of that; nor is an answer that got lost.
fn refuses(kind: &ErrorKind) -> bool {
    match kind.get_transaction_error() {
        Some(TransactionError::AlreadyProcessed | TransactionError::BlockhashNotFound) => false,
        Some(_) => true,
        None => match kind {
            ErrorKind::RpcError(solana_client::rpc_request::RpcError::RpcResponseError {
                message,
                ..
            }) => {
                let message = message.to_lowercase();
                !["already", "blockhash not found", "behind", "unhealthy"]
                    .iter()
                    .any(|known| message.contains(known))
            }
            _ => false,
        },
    }
}

pub(crate) fn budgeted(instructions: &[Instruction], units: u32, price: u64) -> Vec<Instruction> {
    let mut all = vec![ComputeBudgetInstruction::set_compute_unit_limit(units)];
    if price > 0 {
        all.push(ComputeBudgetInstruction::set_compute_unit_price(price));
    }
    all.extend_from_slice(instructions);
    all
}

/// The accounts that instructions may change, each once: the payer, then as the instructions name them.
pub(crate) fn writable(instructions: &[Instruction], payer: &Address) -> Vec<Address> {
    let mut writable = vec![*payer];
    let named = instructions.iter().flat_map(|i| &i.accounts);
    for meta in named.filter(|meta| meta.is_writable) {
        if !writable.contains(&meta.pubkey) {
            writable.push(meta.pubkey);
        }
    }
    writable
}

/// A fifth and a thousand more than simulated: another transaction may come before ours and make it take another path.
pub(crate) fn with_margin(units: u64) -> u32 {
    let wanted = units.saturating_add(units / 5).saturating_add(1_000);
    u32::try_from(wanted).unwrap_or(MOST_UNITS).min(MOST_UNITS)
}

fn third_quartile(mut fees: Vec<u64>) -> u64 {
    fees.sort_unstable();
    let at = fees.len() * 3 / 4;
    fees.get(at).copied().unwrap_or_default()
}

fn signed(
    instructions: &[Instruction],
    payer: Wallet<'_>,
    signers: &[Wallet<'_>],
    blockhash: Hash,
) -> Result<Transaction> {
    let mut keys: Vec<&dyn Signer> = vec![payer];
    for signer in signers {
        if keys.iter().all(|key| key.pubkey() != signer.pubkey()) {
            keys.push(*signer);
        }
    }
    let mut transaction =
        Transaction::new_unsigned(Message::new(instructions, Some(&payer.pubkey())));
    // A wallet for whom somebody else pays, and of whom no instruction asks a signature, does not sign.
    let wanted = usize::from(transaction.message.header.num_required_signatures);
    keys.retain(|key| {
        let mut signing = transaction.message.account_keys.iter().take(wanted);
        signing.any(|account| *account == key.pubkey())
    });
    transaction
        .try_sign(&keys, blockhash)
        .map_err(|error| Error::Invalid(format!("the transaction could not be signed: {error}")))?;
    Ok(transaction)
}

pub(crate) fn signature_of(transaction: &Transaction) -> Result<Signature> {
    let first = transaction.signatures.first().copied();
    first.ok_or_else(|| Error::Invalid("the transaction has no signature".into()))
}

/// Bytes on the wire: a length, the signatures, the message.
pub fn size(transaction: &Transaction) -> usize {
    let signatures = transaction.signatures.len();
    1 + signatures * 64 + transaction.message_data().len()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use base64::Engine as _;
    use serde_json::{json, Value};
    use solana_client::client_error::{ClientError as RequestError, Result as RequestResult};
    use solana_client::nonblocking::rpc_client::RpcClient;
    use solana_client::rpc_client::RpcClientConfig;
    use solana_client::rpc_request::RpcRequest;
    use solana_client::rpc_sender::{RpcSender, RpcTransportStats};
    use solana_commitment_config::CommitmentConfig;
    use solana_keypair::Keypair;
    use std::future::Future;
    use std::pin::Pin;
    use std::sync::{Arc, Mutex};

    /// A cluster that loses and hides what it is told to. A block passes with every question about the height.
    #[derive(Default)]
    struct Cluster {
        height: u64,
        /// Signatures that were sent to it, in order, each once.
        sent: Vec<String>,
        /// Transactions that it drops before one may land.
        drops: usize,
        /// Statuses are told only from this height on.
        silent_until: u64,
        /// Slots by which the server of signature statuses is behind at first; one less with each question.
        behind: u64,
        /// What the landed transaction ends with.
        failure: Option<Value>,
        /// Requests that get no answer at all, after the first send.
        lost: usize,
        budget: Option<Vec<u8>>,
        /// Not only the first transaction after the drops lands, but all.
        lands_all: bool,
        /// An account whose transactions fail in simulation.
        refuses: Option<Address>,
        /// No block passes any more.
        stands: bool,
        /// What others paid lately, 7 without it.
        others_pay: Option<u64>,
    }

    const LIFE: u64 = 5;

    impl Cluster {
        fn landed(&self) -> Option<&String> {
            self.sent.get(self.drops)
        }

        fn answer(&mut self, request: &RpcRequest, params: &Value) -> RequestResult<Value> {
            if self.lost > 0 && !self.sent.is_empty() {
                self.lost -= 1;
                return Err(RequestError::from(std::io::Error::from(
                    std::io::ErrorKind::ConnectionReset,
                )));
            }
            let context = json!({"slot": self.height.saturating_sub(self.behind)});
            Ok(match request {
                RpcRequest::GetRecentPrioritizationFees => {
                    json!([{"slot": 1, "prioritizationFee": self.others_pay.unwrap_or(7)}])
                }
                RpcRequest::SimulateTransaction => {
                    let bytes = base64::engine::general_purpose::STANDARD
                        .decode(params[0].as_str().unwrap())
                        .unwrap();
                    let names = |a: &Address| bytes.windows(32).any(|part| part == a.as_ref());
                    if self.refuses.as_ref().is_some_and(names) {
                        let error = json!({"InstructionError": [2, {"Custom": 1}]});
                        return Ok(
                            json!({"context": context, "value": {"err": error, "logs": []}}),
                        );
                    }
                    json!({"context": context, "value": {"err": null, "logs": [], "unitsConsumed": 1_000}})
                }
                RpcRequest::GetMultipleAccounts => {
                    let asked = params[0].as_array().unwrap().len();
                    json!({"context": context, "value": vec![Value::Null; asked]})
                }
                RpcRequest::GetLatestBlockhash => {
                    let hash = Hash::new_from_array([self.sent.len() as u8; 32]);
                    json!({"context": context, "value": {"blockhash": hash.to_string(), "lastValidBlockHeight": self.height + LIFE}})
                }
                RpcRequest::SendTransaction => {
                    let bytes = base64::engine::general_purpose::STANDARD
                        .decode(params[0].as_str().unwrap())
                        .unwrap();
                    let signature = Signature::try_from(&bytes[1..65]).unwrap().to_string();
                    if !self.sent.contains(&signature) {
                        self.sent.push(signature.clone());
                    }
                    self.budget = Some(bytes);
                    json!(signature)
                }
                RpcRequest::GetSignatureStatuses => {
                    let told = self.height >= self.silent_until && self.behind == 0;
                    let asked = params[0][0].as_str().unwrap();
                    self.behind = self.behind.saturating_sub(1);
                    let after = self.sent.iter().skip(self.drops);
                    let landed = match self.lands_all {
                        true => after.clone().any(|landed| landed == asked),
                        false => self.landed().is_some_and(|landed| landed == asked),
                    };
                    let known = told && landed;
                    let result = self
                        .failure
                        .as_ref()
                        .map_or(json!({"Ok": null}), |f| json!({"Err": f}));
                    let status = json!({"slot": 3, "confirmations": 1, "err": self.failure, "status": result, "confirmationStatus": "confirmed"});
                    json!({"context": context, "value": [if known { status } else { Value::Null }]})
                }
                RpcRequest::GetEpochInfo => {
                    if !self.stands {
                        self.height += 2;
                    }
                    json!({"absoluteSlot": self.height, "blockHeight": self.height, "epoch": 0, "slotIndex": 0, "slotsInEpoch": 9, "transactionCount": 0})
                }
                // Only for the log of a failure, which this cluster has forgotten.
                RpcRequest::GetTransaction => Value::Null,
                other => {
                    let text = format!("nobody should ask for {other}");
                    return Err(RequestError::from(ErrorKind::Custom(text)));
                }
            })
        }
    }

    struct Scripted(Arc<Mutex<Cluster>>);

    impl RpcSender for Scripted {
        fn send<'a, 'b>(
            &'a self,
            request: RpcRequest,
            params: Value,
        ) -> Pin<Box<dyn Future<Output = RequestResult<Value>> + Send + 'b>>
        where
            'a: 'b,
            Self: 'b,
        {
            let answer = self.0.lock().unwrap().answer(&request, &params);
            Box::pin(async { answer })
        }

        fn get_transport_stats(&self) -> RpcTransportStats {
            RpcTransportStats::default()
        }

        fn url(&self) -> String {
            "http://scripted".into()
        }
    }

    fn scripted(cluster: Cluster) -> (Client, Arc<Mutex<Cluster>>) {
        let shared = Arc::new(Mutex::new(cluster));
        let commitment = CommitmentConfig::confirmed();
        let client = Client {
            rpc: Arc::new(RpcClient::new_sender(
                Scripted(shared.clone()),
                RpcClientConfig::with_commitment(commitment),
            )),
            commitment,
            priority_fee: PriorityFee::Recent,
            only_looks: false,
        };
        (client, shared)
    }

    async fn send_to(cluster: Cluster) -> (Result<Sent>, Cluster) {
        let (client, shared) = scripted(cluster);
        let payer = Keypair::new();
        let instruction =
            solana_system_interface::instruction::transfer(&payer.pubkey(), &payer.pubkey(), 1);
        let sent = client.send(&[instruction], &payer, &[&payer]).await;
        let mut cluster = shared.lock().unwrap();
        (sent, std::mem::take(&mut *cluster))
    }

    #[tokio::test]
    async fn what_expired_unseen_is_signed_again_and_lands_once() {
        let (sent, cluster) = send_to(Cluster {
            drops: 2,
            ..Cluster::default()
        })
        .await;
        let sent = sent.unwrap();
        assert_eq!(cluster.sent.len(), 3);
        assert_eq!(cluster.landed(), Some(&sent.signature.to_string()));
        assert_eq!((sent.slot, sent.compute_units), (3, 1_000));
    }

    #[tokio::test]
    async fn what_landed_and_was_told_of_after_its_expiry_is_not_signed_again() {
        // The status appears with the question that follows the discovery of the expiry, and not before.
        let (sent, cluster) = send_to(Cluster {
            silent_until: LIFE + 1,
            ..Cluster::default()
        })
        .await;
        assert_eq!(cluster.sent.len(), 1);
        assert_eq!(sent.unwrap().signature.to_string(), cluster.sent[0]);
    }

    #[tokio::test]
    async fn a_server_that_is_behind_cannot_say_that_a_transaction_is_lost() {
        let (sent, cluster) = send_to(Cluster {
            behind: 8,
            ..Cluster::default()
        })
        .await;
        assert_eq!(cluster.sent.len(), 1);
        assert_eq!(sent.unwrap().signature.to_string(), cluster.sent[0]);
    }

    #[tokio::test]
    async fn lost_answers_are_asked_for_again() {
        let (sent, cluster) = send_to(Cluster {
            lost: 3,
            ..Cluster::default()
        })
        .await;
        assert_eq!(cluster.sent.len(), 1);
        assert!(sent.is_ok(), "{sent:?}");
    }

    #[tokio::test]
    async fn what_a_server_that_stands_still_never_tells_is_not_waited_for() {
        let (client, _) = scripted(Cluster {
            drops: 99,
            stands: true,
            ..Cluster::default()
        });
        let payer = Keypair::new();
        let instruction =
            solana_system_interface::instruction::transfer(&payer.pubkey(), &payer.pubkey(), 1);
        let instructions = [instruction];
        let transaction = signed(&instructions, &payer, &[], Hash::default()).unwrap();
        let silence = Duration::from_secs(1);
        let landing = client.land_within(silence, &transaction, LIFE, &instructions);
        let ended = tokio::time::timeout(Duration::from_secs(30), landing).await;
        let error = ended.unwrap().err().unwrap();
        assert!(matches!(error, Error::Unconfirmed { .. }), "{error:?}");
        assert!(error.to_string().contains("stands still"), "{error}");
    }

    #[tokio::test]
    async fn what_never_lands_ends_with_an_error_that_says_that_it_never_will() {
        let (sent, cluster) = send_to(Cluster {
            drops: 99,
            ..Cluster::default()
        })
        .await;
        assert_eq!(cluster.sent.len(), SIGNINGS);
        assert!(matches!(sent, Err(Error::Expired { .. })), "{sent:?}");
    }

    fn transfers(count: u8) -> Vec<Vec<Instruction>> {
        (0..count)
            .map(|i| {
                let (from, to) = (Address::new_from_array([1; 32]), [i.wrapping_add(2); 32]);
                vec![solana_system_interface::instruction::transfer(
                    &from,
                    &Address::new_from_array(to),
                    1,
                )]
            })
            .collect()
    }

    #[test]
    fn groups_fill_transactions_that_fit_and_none_is_lost_or_sent_twice() {
        let payer = Address::new_from_array([1; 32]);
        let groups = transfers(60);
        let parts = pack(&groups, &payer).unwrap();
        assert_eq!(parts.concat(), (0..60).collect::<Vec<_>>());
        let bytes = |part: &[usize]| {
            let instructions: Vec<Instruction> =
                part.iter().flat_map(|i| groups[*i].clone()).collect();
            let all = budgeted(&instructions, 1, 1);
            size(&Transaction::new_unsigned(Message::new(&all, Some(&payer))))
        };
        for (i, part) in parts.iter().enumerate() {
            assert!(bytes(part) <= MOST_BYTES);
            // the next group would not have fitted
            if let Some(next) = parts.get(i + 1) {
                assert!(bytes(&[part.as_slice(), &next[..1]].concat()) > MOST_BYTES);
            }
        }
        assert!(pack(&[transfers(60).concat()], &payer).is_err());
        assert_eq!(pack(&[], &payer).unwrap(), Vec::<Vec<usize>>::new());
    }

    async fn pack_to(cluster: Cluster, count: u8) -> (Packed, Cluster) {
        let (client, shared) = scripted(cluster);
        let payer = Keypair::new();
        let groups: Vec<_> = transfers(count)
            .into_iter()
            .map(|mut group| {
                group[0].accounts[0].pubkey = payer.pubkey();
                group
            })
            .collect();
        let packed = client.send_packed(&groups, &payer, &[], &|_| {}).await;
        let mut cluster = shared.lock().unwrap();
        (packed.unwrap(), std::mem::take(&mut *cluster))
    }

    #[tokio::test]
    async fn packed_groups_survive_the_expiry_of_blockhashes() {
        let (packed, cluster) = pack_to(
            Cluster {
                drops: 2,
                lands_all: true,
                ..Cluster::default()
            },
            40,
        )
        .await;
        assert!(packed.broke_off.is_none() && packed.refused.is_empty());
        let groups: usize = packed.sent.iter().map(|(part, _)| part.len()).sum();
        assert_eq!((groups, packed.sent.len()), (40, 2));
        assert_eq!(cluster.sent.len(), 2 + 2);
    }

    #[tokio::test]
    async fn a_group_that_is_refused_costs_the_others_nothing() {
        let (packed, _) = pack_to(
            Cluster {
                lands_all: true,
                refuses: Some(Address::new_from_array([4; 32])),
                ..Cluster::default()
            },
            5,
        )
        .await;
        let mut landed: Vec<usize> = packed.sent.iter().flat_map(|(p, _)| p.clone()).collect();
        landed.sort_unstable();
        assert_eq!(landed, [0, 1, 3, 4]);
        assert_eq!(packed.refused.len(), 1);
        assert_eq!(packed.refused[0].0, 2);
        assert!(packed.broke_off.is_none());
    }

    #[tokio::test]
    async fn where_the_network_takes_nothing_the_rest_is_not_sent_and_the_reason_is_told() {
        let (packed, cluster) = pack_to(
            Cluster {
                drops: 99,
                ..Cluster::default()
            },
            40,
        )
        .await;
        assert!(packed.sent.is_empty() && packed.refused.is_empty());
        let broke_off = packed.broke_off;
        assert!(
            matches!(broke_off, Some(Error::Expired { .. })),
            "{broke_off:?}"
        );
        // only the first transaction was tried, as often as any is
        assert_eq!(cluster.sent.len(), SIGNINGS);
    }

    #[tokio::test]
    async fn who_need_not_sign_need_not_sign() {
        let (client, shared) = scripted(Cluster::default());
        let (payer, other) = (Keypair::new(), Keypair::new());
        let instruction =
            solana_system_interface::instruction::transfer(&payer.pubkey(), &payer.pubkey(), 1);
        let sent = client.send(&[instruction], &payer, &[&other]).await;
        assert!(sent.is_ok(), "{sent:?}");
        assert_eq!(shared.lock().unwrap().sent.len(), 1);
    }

    #[tokio::test]
    async fn the_budget_is_what_the_simulation_took_and_a_margin_and_the_price_is_what_others_paid()
    {
        let (_, cluster) = send_to(Cluster::default()).await;
        let bytes = cluster.budget.unwrap();
        let has = |wanted: &[u8]| bytes.windows(wanted.len()).any(|part| part == wanted);
        assert!(has(&[&[2u8][..], &2_200u32.to_le_bytes()].concat()));
        assert!(has(&[&[3u8][..], &7u64.to_le_bytes()].concat()));
    }

    #[tokio::test]
    async fn what_others_pay_is_followed_up_to_a_bound_and_what_is_named_is_paid() {
        for (named, paid) in [
            (None, HIGHEST_PRICE),
            (Some(9), 9),
            (Some(2_000_000), 2_000_000),
        ] {
            let (client, shared) = scripted(Cluster {
                others_pay: Some(5 * HIGHEST_PRICE),
                ..Cluster::default()
            });
            let client =
                client.with_priority_fee(named.map_or(PriorityFee::Recent, PriorityFee::Fixed));
            let payer = Keypair::new();
            let instruction =
                solana_system_interface::instruction::transfer(&payer.pubkey(), &payer.pubkey(), 1);
            client.send(&[instruction], &payer, &[]).await.unwrap();
            let bytes = shared.lock().unwrap().budget.take().unwrap();
            let price = [&[3u8][..], &paid.to_le_bytes()].concat();
            assert!(bytes.windows(9).any(|part| part == price), "{named:?}");
        }
    }

    #[tokio::test]
    async fn a_failure_on_the_chain_is_told_and_not_tried_again() {
        let (sent, cluster) = send_to(Cluster {
            failure: Some(json!({"InstructionError": [2, {"Custom": 1}]})),
            ..Cluster::default()
        })
        .await;
        assert_eq!(cluster.sent.len(), 1);
        let error = sent.unwrap_err();
        assert_eq!(error.code_of(&crate::addresses::SYSTEM), Some(1));
    }

    #[tokio::test]
    async fn a_client_that_only_looks_sends_nothing() {
        let (client, shared) = scripted(Cluster::default());
        let client = client.only_looking();
        let payer = Keypair::new();
        let instruction =
            solana_system_interface::instruction::transfer(&payer.pubkey(), &payer.pubkey(), 1);
        let refused = client.send(&[instruction], &payer, &[&payer]).await;
        assert!(refused.unwrap_err().to_string().contains("dry run"));
        assert!(shared.lock().unwrap().sent.is_empty());
    }

    #[tokio::test]
    async fn a_server_that_does_not_tell_what_would_change_is_not_taken_to_say_that_all_is_gone() {
        let (client, _) = scripted(Cluster::default());
        let payer = Keypair::new().pubkey();
        let instruction = solana_system_interface::instruction::transfer(&payer, &payer, 1);
        let error = client.preview(&[instruction], &payer).await.unwrap_err();
        assert!(error.to_string().contains("--url"), "{error}");
    }

    #[test]
    fn the_price_is_what_three_of_four_paid() {
        assert_eq!(third_quartile(vec![]), 0);
        assert_eq!(third_quartile(vec![5]), 5);
        assert_eq!(third_quartile(vec![4, 1, 3, 2]), 4);
        assert_eq!(third_quartile(vec![0, 0, 0, 9]), 9);
        assert_eq!(third_quartile(vec![0, 0, 0, 0, 9]), 0);
    }

    #[test]
    fn the_margin_never_passes_the_most_there_is() {
        assert_eq!(with_margin(10_000), 13_000);
        assert_eq!(with_margin(1_399_999), MOST_UNITS);
        assert_eq!(with_margin(u64::MAX), MOST_UNITS);
    }
}
