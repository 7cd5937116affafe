//! What instructions would do, by simulation: nothing is signed and nothing is sent.
use crate::send::{budgeted, with_margin, writable, MOST_UNITS};
use crate::token::TokenAccount;
use crate::{accounts, Client, Error, LodeAccount, Result};
use solana_account::Account;
use solana_account_decoder_client_types::UiAccountEncoding;
use solana_address::Address;
use solana_client::rpc_config::RpcSimulateTransactionAccountsConfig;
use solana_instruction::Instruction;
use solana_message::Message;

/// Lamports that the network takes for a signature.
pub const SIGNATURE_FEE: u64 = 5_000;

/// What a transaction would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// Compute units that it takes.
    pub compute_units: u64,
    /// Lamports that its payer pays the network, for signatures and priority.
    pub fee: u64,
    /// The accounts that it may change, the payer first.
    pub touched: Vec<Touched>,
}

/// An account before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    /// Which.
    pub address: Address,
    /// As it is now, if it is there.
    pub before: Option<Account>,
    /// As it would be; nothing where it would be closed.
    pub after: Option<Account>,
}

impl Touched {
    /// Lamports before and after.
    pub fn lamports(&self) -> (u64, u64) {
        let of = |account: &Option<Account>| account.as_ref().map_or(0, |a| a.lamports);
        (of(&self.before), of(&self.after))
    }

    /// The token account before and after; `None` where it is none at either time.
    pub fn token_account(&self) -> (Option<TokenAccount>, Option<TokenAccount>) {
        let of = |account: &Option<Account>| {
            let account = account.as_ref()?;
            TokenAccount::decode(&self.address, account).ok()
        };
        (of(&self.before), of(&self.after))
    }

    /// An account of Lode's before and after; `None` where it is none of this type at either time.
    pub fn account<T: LodeAccount>(&self) -> (Option<T>, Option<T>) {
        let of = |account: &Option<Account>| {
            let account = account.as_ref()?;
            accounts::decode(&self.address, account).ok()
        };
        (of(&self.before), of(&self.after))
    }
}

impl Client {
    /// Simulates what [`Client::send`] would send, and compares the accounts it may change before and after.
    ///
    /// # Errors
    /// As those of [`Client::send`], as far as a simulation comes to them.
    pub async fn preview(&self, instructions: &[Instruction], payer: &Address) -> Result<Preview> {
        let price = self.price(instructions, payer).await;
        let probe = budgeted(instructions, MOST_UNITS, price);
        let message = Message::new(&probe, Some(payer));
        let writable = writable(instructions, payer);
        let before = self.raw_accounts(&writable).await?;
        let asked = RpcSimulateTransactionAccountsConfig {
            encoding: Some(UiAccountEncoding::Base64),
            addresses: writable.iter().map(Address::to_string).collect(),
        };
        let ended = self.simulate_with(&probe, payer, Some(asked)).await?;
        let compute_units = ended.units_consumed.unwrap_or(u64::from(MOST_UNITS));
        // A server that says nothing must not be taken for one that says that everything is gone.
        let after = ended.accounts.filter(|told| told.len() == writable.len());
        let after = after.ok_or_else(|| Error::Rpc {
            url: self.url(),
            reason: "it does not tell what the simulated transaction changes: ask another server with --url".into(),
        })?;
        let mut touched = Vec::with_capacity(writable.len());
        for ((address, before), after) in writable.into_iter().zip(before).zip(after) {
            let found = after.map(|account| accounts::whole(&address, account));
            touched.push(Touched {
                address,
                before,
                // An account that is left without lamports is gone.
                after: found.transpose()?.filter(|account| account.lamports > 0),
            });
        }
        let signatures = u64::from(message.header.num_required_signatures);
        let priority = u128::from(price).saturating_mul(with_margin(compute_units).into());
        let priority = u64::try_from(priority.div_ceil(1_000_000)).unwrap_or(u64::MAX);
        Ok(Preview {
            compute_units,
            fee: SIGNATURE_FEE
                .saturating_mul(signatures)
                .saturating_add(priority),
            touched,
        })
    }
}
