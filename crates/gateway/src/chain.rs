//! What a gateway asks the chain.

use lode_client::accounts::decode;
use lode_jobs::state::{Job, Ledger, Market};
use lode_oracle::state::Committee;
use lode_staking::state::Node;
use solana_address::Address;
use std::future::Future;

/// Reads accounts; `None` where there is none.
pub trait Chain: Send + Sync + 'static {
    /// A job.
    fn job(
        &self,
        address: &Address,
    ) -> impl Future<Output = lode_client::Result<Option<Job>>> + Send;
    /// Jobs at these addresses, in their order; one that cannot be read is an error of its own.
    fn jobs_at(
        &self,
        addresses: &[Address],
    ) -> impl Future<Output = lode_client::Result<Vec<lode_client::Result<Option<Job>>>>> + Send;
    /// All jobs of a market that have an account.
    fn jobs(
        &self,
        market: &Address,
    ) -> impl Future<Output = lode_client::Result<Vec<(Address, Job)>>> + Send;
    /// A market.
    fn market(
        &self,
        address: &Address,
    ) -> impl Future<Output = lode_client::Result<Option<Market>>> + Send;
    /// A party's account with a market.
    fn ledger(
        &self,
        address: &Address,
    ) -> impl Future<Output = lode_client::Result<Option<Ledger>>> + Send;
    /// An operator's node.
    fn node(
        &self,
        address: &Address,
    ) -> impl Future<Output = lode_client::Result<Option<Node>>> + Send;
    /// A committee of oracles.
    fn committee(
        &self,
        address: &Address,
    ) -> impl Future<Output = lode_client::Result<Option<Committee>>> + Send;
}

/// The chain behind an RPC server.
#[derive(Clone, Debug)]
pub struct RpcChain(pub lode_client::Client);

impl Chain for RpcChain {
    async fn job(&self, address: &Address) -> lode_client::Result<Option<Job>> {
        self.0.try_account(address).await
    }

    async fn jobs_at(
        &self,
        addresses: &[Address],
    ) -> lode_client::Result<Vec<lode_client::Result<Option<Job>>>> {
        let found = self.0.raw_accounts(addresses).await?;
        let found = addresses.iter().zip(found);
        let read = found.map(|(at, account)| account.map(|a| decode(at, &a)).transpose());
        Ok(read.collect())
    }

    async fn jobs(&self, market: &Address) -> lode_client::Result<Vec<(Address, Job)>> {
        let of_market = [lode_client::filter!(Job, market, *market)];
        self.0.get_program_accounts(&of_market).await
    }

    async fn market(&self, address: &Address) -> lode_client::Result<Option<Market>> {
        self.0.try_account(address).await
    }

    async fn ledger(&self, address: &Address) -> lode_client::Result<Option<Ledger>> {
        self.0.try_account(address).await
    }

    async fn node(&self, address: &Address) -> lode_client::Result<Option<Node>> {
        self.0.try_account(address).await
    }

    async fn committee(&self, address: &Address) -> lode_client::Result<Option<Committee>> {
        self.0.try_account(address).await
    }
}
