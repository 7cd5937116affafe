//! Money for the wallets of a local network.
use crate::error::Result;
use lode_client::send::Wallet;
use lode_client::token::{self, MintInfo};
use lode_client::{Client, Sent};
use solana_address::Address;

/// Gives a wallet SOL and tokens of the authority's own: the tokens in its associated account, made for it while the
/// authority can make some, else of what the authority holds.
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
        let to = mint.account_of(wallet);
        instructions.push(if mint.authority == Some(from) {
            token::mint_to(&from, mint, &to, tokens)
        } else {
            token::transfer(&from, mint, &mint.account_of(&from), &to, tokens)
        });
    }
    Ok(client.send(&instructions, authority, &[]).await?)
}
