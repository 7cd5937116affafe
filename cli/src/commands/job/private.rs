//! Private jobs at the customer's side: sealing what is posted, opening what came out.
use crate::context::Context;
use crate::progress::Progress;
use crate::spec::Prepared;
use anyhow::{bail, Context as _, Error, Result};
use lode_jobs::state::{Job, Market};
use lode_map::require_receipt;
use lode_oracle::state::Committee;
use lode_runtime::{Blob, Receipt};
use lode_sealed::{
    sealed_receipt, sealed_result, sealed_size, seats, DataKey, Envelope, Identity, Opened,
    Private, Recipient,
};
use lode_staking::state::Node;
use lode_store::{BlobHash, GatewayClient, Writer, MOST_RECEIPT_BYTES, MOST_SPEC_BYTES};
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::path::Path;

/// A job as it is posted and stored: everything but its envelope sealed.
pub(super) struct Sealed {
    /// The envelope, which the job's spec hash names.
    pub stored: Vec<u8>,
    key: DataKey,
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
}

impl Sealed {
    /// Seals a job for a node, for this wallet, and for the seats of the market's committee unless they are left out.
    pub(super) async fn new(
        prepared: &Prepared,
        node_at: &Address,
        market: &Market,
        no_committee: bool,
        context: &Context,
    ) -> Result<Self> {
        let node: Node = context.client.get_account(node_at).await?;
        if node.encryption_key == [0; 32] {
            bail!("The node {node_at} has published no encryption key: its owner does with `lode node update --encryption-key`, or name another node");
        }
        let wallet = context.wallet()?.pubkey();
        let me = Recipient::of_key(&wallet)
            .context("The wallet's key cannot open what is sealed for it: use another wallet")?;
        let mut to = vec![Recipient(node.encryption_key), me];
        if !no_committee {
            let committee: Committee = context.client.get_account(&market.committee).await?;
            to.extend(seats(
                &committee,
                context.client.clock().await?.unix_timestamp,
            ));
        }
        let progress = Progress::start("sealing the spec");
        let key = DataKey::random();
        let mut blobs = Vec::with_capacity(prepared.files.len());
        // in the spec's order, whatever that of the files is
        for named in prepared.spec.blobs() {
            if sealed_size(named.size) > market.blob_limit {
                bail!(
                    "A file of the job has {} bytes when it is sealed, the market's store takes {}: make it smaller, or take another market",
                    sealed_size(named.size),
                    market.blob_limit
                );
            }
            let path = prepared.path(&named.sha256)?;
            progress.say(format!("sealing {}", path.display()));
            let plain = read(path)?;
            if Blob::of(&plain) != named {
                bail!("{} changed while it was being sealed", path.display());
            }
            blobs.push(Blob::of(&key.seal(&plain)));
        }
        let spec = Blob::of(&key.seal(&prepared.stored));
        let limit = prepared.spec.output_limit;
        let stored = Envelope::new(&key, &to, spec, blobs, limit)?.to_bytes();
        if stored.len() as u64 > MOST_SPEC_BYTES {
            bail!("The job has too many files for a private one: put several into one");
        }
        Ok(Self { stored, key })
    }

    /// What a job that is posted already was sealed as, from its envelope in the store.
    pub(super) async fn again(
        job: &Job,
        gateway: &GatewayClient,
        context: &Context,
    ) -> Result<Option<Self>> {
        let stored = match gateway.get(BlobHash(job.spec), MOST_SPEC_BYTES).await {
            Ok(stored) => stored.to_vec(),
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let Some(private) = unlocked(&stored, context)? else {
            return Ok(None);
        };
        let key = private.key().clone();
        Ok(Some(Self { stored, key }))
    }

    /// Hash of the envelope.
    pub(super) fn hash(&self) -> [u8; 32] {
        Blob::of(&self.stored).sha256
    }

    /// Puts all of it into the store.
    pub(super) async fn put(
        &self,
        gateway: &GatewayClient,
        writer: &Writer<'_>,
        prepared: &Prepared,
    ) -> Result<()> {
        let progress = Progress::start("storing the sealed job");
        gateway.put(writer, self.stored.clone()).await?;
        gateway.put(writer, self.key.seal(&prepared.stored)).await?;
        for (blob, path) in &prepared.files {
            progress.say(format!("storing {} ({} bytes)", path.display(), blob.size));
            // a file that changed meanwhile is none that the envelope names: the gateway refuses it
            gateway.put(writer, self.key.seal(&read(path)?)).await?;
        }
        Ok(())
    }
}

/// Opens a stored envelope by this wallet; nothing where the job is not private.
pub(super) fn unlocked(stored: &[u8], context: &Context) -> Result<Option<Private>> {
    let Some(envelope) = Envelope::of(stored)? else {
        return Ok(None);
    };
    let wallet: Keypair = context.keypair()?;
    let private = envelope.unlock(&[Identity::of_key(&wallet)]);
    let private = private.with_context(|| {
        format!(
            "The wallet {} cannot read this job: only its customer, its node and the seats that he let in can",
            wallet.pubkey()
        )
    })?;
    Ok(Some(private))
}

/// A result: its receipt, and how to have what it names.
pub(super) struct Found {
    /// The receipt's line, in plain text.
    pub line: Vec<u8>,
    /// The same, read.
    pub receipt: Receipt,
    sealed: Option<(Private, Opened)>,
}

impl Found {
    /// Fetches the result of a job, and opens it where it is private.
    pub(super) async fn fetch(
        job: &Job,
        gateway: &GatewayClient,
        context: &Context,
    ) -> Result<Self> {
        // The gateway cannot lie: what does not have this hash is refused.
        let stored = gateway.get(BlobHash(job.result), MOST_RECEIPT_BYTES);
        let stored = stored.await?;
        let Some((name, _)) = sealed_result(&stored)? else {
            let receipt = Receipt::parse(&stored).context("The result is no receipt")?;
            require_receipt(&receipt, job, &job.spec).map_err(Error::msg)?;
            return Ok(Self {
                line: stored.to_vec(),
                receipt,
                sealed: None,
            });
        };
        let envelope = gateway.get(BlobHash(job.spec), MOST_SPEC_BYTES).await?;
        let private = unlocked(&envelope, context)?
            .context("The result is sealed and the job is not private: do not trust it")?;
        let most = sealed_receipt(MOST_RECEIPT_BYTES);
        let sealed = gateway.get(BlobHash(name.sha256), most).await?;
        let opened = private.open_result(&sealed)?;
        let spec = private.envelope().spec();
        let spec = gateway.get(BlobHash(spec.sha256), spec.size).await?;
        let (_, spec) = private.open_spec(&spec)?;
        require_receipt(&opened.receipt, job, &spec.hash).map_err(Error::msg)?;
        Ok(Self {
            line: opened.line.clone(),
            receipt: opened.receipt.clone(),
            sealed: Some((private, opened)),
        })
    }

    /// An output of at most so many bytes, in plain text.
    pub(super) async fn get(
        &self,
        gateway: &GatewayClient,
        blob: &Blob,
        limit: u64,
    ) -> Result<Vec<u8>> {
        let Some((private, opened)) = &self.sealed else {
            return Ok(gateway.get(BlobHash(blob.sha256), limit).await?.to_vec());
        };
        let sealed = opened.sealed(&blob.sha256)?;
        let bytes = gateway
            .get(BlobHash(sealed.sha256), sealed_size(limit))
            .await?;
        Ok(private.open(blob, &bytes)?.to_vec())
    }

    /// Writes an output into a file.
    pub(super) async fn save(
        &self,
        gateway: &GatewayClient,
        blob: &Blob,
        limit: u64,
        to: &Path,
    ) -> Result<()> {
        if self.sealed.is_none() {
            gateway.fetch(BlobHash(blob.sha256), limit, to).await?;
            return Ok(());
        }
        let plain = self.get(gateway, blob, limit).await?;
        std::fs::write(to, plain).with_context(|| format!("{} cannot be written", to.display()))
    }
}
