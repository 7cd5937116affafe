//! What a list of jobs left out: whether it went on, the job itself says.

use crate::Result;
use lode_client::accounts::decode;
use lode_client::Client;
use lode_jobs::state::Job;
use solana_address::Address;
use std::collections::HashMap;

/// Jobs as they are now. Those that are gone, or whose layout nobody here can read, are none.
///
/// A list comes from one server at one moment: of one that is behind, or made of markets and seats as they were before,
/// follows nothing about a run of hours.
pub(crate) async fn jobs_at(
    client: &Client,
    mut addresses: Vec<Address>,
) -> Result<HashMap<Address, Job>> {
    addresses.sort_unstable();
    addresses.dedup();
    let found = client.raw_accounts(&addresses).await?;
    let jobs = addresses.into_iter().zip(found);
    let jobs = jobs.filter_map(|(at, account)| Some((at, decode::<Job>(&at, &account?).ok()?)));
    Ok(jobs.collect())
}
