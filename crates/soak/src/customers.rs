//! Customers who post jobs, through servers that fail, and lose none.
use crate::stage::{NODE_PRICE, UNITS_LIMIT};
use anyhow::{bail, Context as _, Result};
use lode_client::instructions::jobs;
use lode_client::{addresses, nonce, Client};
use lode_jobs::state::{Job, Ledger, NodeFilter};
use lode_jobs::PostArgs;
use lode_store::{BlobHash, GatewayClient, Writer};
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// How often one thing is tried through faults.
const TRIES: usize = 60;
const PAUSE: Duration = Duration::from_millis(700);

/// Reads its standard input of nothing, counts for a while, writes the seed's random bytes: every job has a result of
/// its own.
const PROGRAM: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\40\00\00\00\20\00\00\00")
  (func (export "_start") (local $i i32)
    (local.set $i (i32.const 2000000))
    (loop $again
      (local.set $i (i32.sub (local.get $i) (i32.const 1)))
      (br_if $again (local.get $i)))
    (drop (call $random (i32.const 64) (i32.const 32)))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))))"#;

/// The module that every job runs.
pub fn module() -> Result<Vec<u8>> {
    wat::parse_str(PROGRAM).context("the soak's module is not right")
}

/// How far all customers are.
pub struct Progress {
    /// Jobs that were posted.
    pub posted: AtomicUsize,
    /// Room for jobs that are not final.
    pub room: Semaphore,
}

/// One customer.
pub struct Customer {
    /// The chain, through the proxy.
    pub client: Client,
    /// The gateway, through the proxy.
    pub store: GatewayClient,
    /// His wallet.
    pub wallet: Keypair,
    /// The market.
    pub market: Address,
    /// What every job runs.
    pub module: Vec<u8>,
    /// Number of the next job, of all customers'.
    pub next: Arc<AtomicUsize>,
    /// Jobs to post, of all customers.
    pub jobs: usize,
    /// Nothing is posted after this.
    pub until: Option<Instant>,
    /// How far all customers are.
    pub progress: Arc<Progress>,
}

impl Customer {
    /// Posts until all are posted.
    pub async fn run(self) -> Result<()> {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let late = || self.until.is_some_and(|until| Instant::now() >= until);
            if number >= self.jobs || late() {
                return Ok(());
            }
            // Given back by who sees the job end.
            self.progress.room.acquire().await?.forget();
            if late() {
                return Ok(());
            }
            self.post(number, None).await?;
        }
    }

    /// Posts the next job for this node alone, to be checked for certain.
    pub async fn try_out(&self, node: Address) -> Result<()> {
        self.progress.room.acquire().await?.forget();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.post(number, Some(node)).await
    }

    async fn post(&self, number: usize, only: Option<Address>) -> Result<()> {
        self.try_to_post(number, only)
            .await
            .with_context(|| format!("job {number} cannot be posted"))?;
        self.progress.posted.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn try_to_post(&self, number: usize, only: Option<Address>) -> Result<()> {
        let spec = format!(
            r#"{{"v":1,"runtime":1,"module":{{"sha256":"{}","size":{}}},"memory_mib":1,"output_limit":1000,"seed":{number}}}"#,
            BlobHash::of(&self.module),
            self.module.len()
        );
        let me = self.wallet.pubkey();
        let ledger_at = addresses::jobs::ledger(&self.market, &me);
        let mut chosen = None;
        for _ in 0..TRIES {
            if let Some((at, args)) = chosen {
                // The answer may be lost and the job posted: its address tells.
                match self.client.try_account::<Job>(&at).await {
                    Ok(Some(job)) => return self.store(&at, &job, spec.as_bytes()).await,
                    Ok(None) => {
                        let post = jobs::post_job(&me, &self.market, args);
                        if self.client.send(&[post], &self.wallet, &[]).await.is_ok() {
                            continue;
                        }
                    }
                    Err(_) => {}
                }
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            let Ok(ledger) = self.client.get_account::<Ledger>(&ledger_at).await else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let nonce = nonce::next_nonce(&ledger_at, nonce::window(&ledger), 0)
                .context("no nonce is free")?;
            let args = PostArgs {
                nonce,
                spec: BlobHash::of(spec.as_bytes()).0,
                price: NODE_PRICE,
                units_limit: UNITS_LIMIT,
                target: only.unwrap_or_default(),
                checked: only.is_some(),
                nodes: NodeFilter::default(),
            };
            chosen = Some((addresses::jobs::job(&ledger_at, nonce).0, args));
        }
        bail!("after {TRIES} tries it is not on the chain")
    }

    async fn store(&self, at: &Address, job: &Job, spec: &[u8]) -> Result<()> {
        let writer = Writer {
            signer: &self.wallet,
            job: *at,
            attempt: job.attempt,
        };
        let mut last = None;
        for _ in 0..TRIES {
            let put = async {
                self.store.put(&writer, spec.to_vec()).await?;
                self.store.put(&writer, self.module.clone()).await
            };
            match put.await {
                Ok(_) => return Ok(()),
                Err(error) => last = Some(error),
            }
            tokio::time::sleep(PAUSE).await;
        }
        bail!("its files cannot be stored: {last:?}")
    }
}
