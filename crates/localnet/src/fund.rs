//! Money for the wallets of a local network.
use crate::error::Result;
use lode_client::send::Wallet;
use lode_client::token::{self, MintInfo};
use lode_client::{Client, Sent};
use solana_address::Address;

/// Gives a wallet SOL from the authority's own, and tokens made for it in its associated account.
pub async fn fund(
    client: &Client,
    authority: Wallet<'_>,
    wallet: &Address,
    lamports: u64,
    mint: &MintInfo,
    tokens: u64,
) -> Result<Sent> {
    let from = authority.pubkey();
    let mut instructions = Vec::new();
    if lamports > 0 {
        instructions.push(solana_system_interface::instruction::transfer(
            &from, wallet, lamports,
        ));
    }
    instructions.push(token::open_associated(&from, wallet, mint));
    if tokens > 0 {
        instructions.push(token::mint_to(
            &from,
            mint,
            &mint.account_of(wallet),
            tokens,
        ));
    }
    Ok(client.send(&instructions, authority, &[]).await?)
}

/// Makes tokens in a wallet's associated account.
pub async fn mint_to(
    client: &Client,
    authority: Wallet<'_>,
    wallet: &Address,
    mint: &MintInfo,
    tokens: u64,
) -> Result<Sent> {
    fund(client, authority, wallet, 0, mint, tokens).await
}
