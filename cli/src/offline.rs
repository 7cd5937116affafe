//! `--sign-only` and its kin: a transaction that is signed in one place and sent from another, as the Solana CLI does it.
use crate::context::Context;
use crate::exit::Shown;
use crate::landed;
use crate::output::Cell;
use crate::signers::{signature_of, Elsewhere, Key};
use anyhow::{bail, Result};
use base64::prelude::{Engine as _, BASE64_STANDARD};
use lode_client::offline::{self, Terms};
use lode_client::send::Wallet;
use lode_client::Sent;
use solana_address::Address;
use solana_hash::Hash;
use solana_instruction::Instruction;
use solana_signature::Signature;
use solana_signer::Signer;

/// Options of every command that sends one transaction.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct OfflineArgs {
    /// Sign with the keys that are here, print the signatures, and send nothing
    #[arg(long, global = true)]
    pub sign_only: bool,
    /// Blockhash that the transaction hangs on: of a recent block, good for a minute, or of --nonce
    #[arg(long, global = true, value_name = "HASH")]
    blockhash: Option<Hash>,
    /// Nonce account that the transaction hangs on: it is good until the nonce is advanced
    #[arg(long, global = true, value_name = "ADDRESS")]
    nonce: Option<Address>,
    /// Key that may advance the nonce, if it is not the wallet
    #[arg(long, global = true, value_name = "KEY")]
    nonce_authority: Option<String>,
    /// Signature that --sign-only printed elsewhere; once for each
    #[arg(long = "signer", global = true, value_name = "PUBKEY=SIGNATURE", value_parser = signature_of)]
    signers: Vec<(Address, Signature)>,
}

impl OfflineArgs {
    /// The transaction is what these options make it, and nothing is looked up for it.
    pub fn are_used(&self) -> bool {
        self.sign_only
            || self.blockhash.is_some()
            || self.nonce.is_some()
            || self.nonce_authority.is_some()
            || !self.signers.is_empty()
    }

    /// What is known of keys that are elsewhere.
    pub fn elsewhere(&self) -> Elsewhere {
        Elsewhere {
            signatures: self.signers.clone(),
            later: self.sign_only,
        }
    }
}

/// Signs one transaction with what is here and what was brought, and sends it; with `--sign-only` the command ends with the
/// signatures.
pub async fn send(
    context: &Context,
    instructions: &[Instruction],
    payer: &Key,
    wallet: &Key,
    others: &[&Key],
) -> Result<Sent> {
    let args = &context.offline;
    let authority = match (&args.nonce, &args.nonce_authority) {
        (None, None) => None,
        (Some(_), None) => Some(wallet.clone()),
        (Some(_), Some(text)) => Some(context.key(text, "nonce authority")?),
        (None, Some(_)) => bail!("--nonce-authority belongs to a --nonce: name the account too"),
    };
    let nonce = args.nonce.zip(authority.as_ref().map(Signer::pubkey));
    let blockhash = match (args.blockhash, &nonce) {
        (Some(hash), _) => hash,
        (None, Some((account, authority))) => context.client.nonce_hash(account, authority).await?,
        (None, None) => bail!("Say what the transaction hangs on, so that all who sign sign the same: --nonce ADDRESS, or --blockhash HASH"),
    };
    let terms = Terms {
        blockhash,
        nonce,
        price: context.fixed_price,
    };
    let mut transaction = offline::transaction(instructions, &payer.pubkey(), &terms)?;
    let mut keys: Vec<Wallet<'_>> = vec![payer, wallet];
    keys.extend(others.iter().map(|key| *key as Wallet<'_>));
    keys.extend(authority.iter().map(|key| key as Wallet<'_>));
    offline::sign(&mut transaction, &keys)?;
    if !args.sign_only {
        let sent = context.client.send_signed(&transaction, &terms).await?;
        landed::remember();
        return Ok(sent);
    }
    let (there, missing) = offline::signatures(&transaction);
    let there = there
        .iter()
        .map(|(key, signature)| format!("{key}={signature}"));
    let message = transaction.message_data();
    context.out.sheet(vec![
        ("blockhash", blockhash.to_string().into()),
        ("signers", Cell::list(there)),
        (
            "missing",
            Cell::list(missing.iter().map(ToString::to_string)),
        ),
        ("message", BASE64_STANDARD.encode(&message).into()),
        // what a multisig's transaction builder imports
        (
            "message_base58",
            bs58::encode(&message).into_string().into(),
        ),
    ]);
    Err(Shown.into())
}
