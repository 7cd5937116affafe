//! Offers a job: `cargo run -p lode-client --example post_job -- URL KEYPAIR MARKET SPEC`, of which SPEC is the job's spec
//! as a file. It and what it names belong into the market's store afterwards, which `lode job post` does besides.

use lode_client::instructions::jobs;
use lode_client::{addresses, cli_config, nonce, Client, Error, Result};
use lode_jobs::state::{Ledger, Market, NodeFilter};
use lode_jobs::PostArgs;
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::path::Path;

/// Pays 50 tokens into the wallet's account in a market and offers a job for 3 of them and its checks; says where it is.
pub async fn post(
    client: &Client,
    wallet: &Keypair,
    market_at: &Address,
    spec: [u8; 32],
) -> Result<Address> {
    let me = wallet.pubkey();
    let market: Market = client.get_account(market_at).await?;
    let mint = client.mint(&market.mint).await?;
    let ledger_at = addresses::jobs::ledger(market_at, &me);
    let mut paying = Vec::new();
    if client.try_account::<Ledger>(&ledger_at).await?.is_none() {
        paying.push(jobs::open_ledger(&me, market_at, &me));
    }
    let amount = mint.parse("50")?;
    paying.push(jobs::deposit(&me, market_at, &me, &mint, amount));
    client.send(&paying, wallet, &[]).await?;

    let ledger: Ledger = client.get_account(&ledger_at).await?;
    let nonce = nonce::next_nonce(&ledger_at, nonce::window(&ledger), 0)
        .ok_or_else(|| Error::Invalid("too many jobs were posted at once".into()))?;
    let args = PostArgs {
        nonce,
        spec,
        // for a million units, of which this job takes 300 at most
        price: mint.parse("10000")?,
        units_limit: 300,
        target: Address::default(),
        checked: false,
        nodes: NodeFilter::default(),
    };
    let offer = jobs::post_job(&me, market_at, args);
    client.send(&[offer], wallet, &[]).await?;
    Ok(addresses::jobs::job(&ledger_at, nonce).0)
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, keypair, market, spec] = arguments.as_slice() else {
        return Err(Error::Setting("give URL KEYPAIR MARKET SPEC".into()));
    };
    let client = Client::new(url.as_str());
    let wallet = cli_config::read_keypair(Path::new(keypair))?;
    let market = market
        .parse()
        .map_err(|_| Error::Setting(format!("`{market}` is no address")))?;
    let spec = std::fs::read(spec)
        .map_err(|error| Error::Setting(format!("{spec} cannot be read: {error}")))?;
    let spec = anchor_lang::prelude::sha256(&spec);
    println!("{}", post(&client, &wallet, &market, spec).await?);
    Ok(())
}
