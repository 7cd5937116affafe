//! Reading accounts: decoded into the programs' own types, found by the fields at their frozen offsets.
use crate::{Client, Error, Result};
use anchor_lang::Discriminator;
use bytemuck::Pod;
use solana_account::Account;
use solana_account_decoder_client_types::{UiAccount, UiAccountEncoding, UiDataSliceConfig};
use solana_address::Address;
use solana_client::rpc_config::{RpcAccountInfoConfig, RpcProgramAccountsConfig};
use solana_client::rpc_filter::{Memcmp, RpcFilterType};

/// Bytes of the discriminator before every account's struct.
pub const DISCRIMINATOR_BYTES: usize = 8;
/// Most accounts one `getMultipleAccounts` takes.
const MULTIPLE: usize = 100;
/// Most bytes that one filter compares.
const MOST_BYTES: usize = 128;
/// Most filters one `getProgramAccounts` takes.
const MOST_FILTERS: usize = 4;

/// A zero-copy account of a Lode program.
pub trait LodeAccount: Pod + Discriminator {
    /// The program that owns it.
    const PROGRAM: Address;
    /// What people call it.
    const KIND: &'static str;
    /// The layout's version that this client reads: the first byte after the discriminator.
    const VERSION: u8 = 1;
}

/// A condition on the bytes of an account; see [`crate::filter`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Offset in the account's data, the discriminator counted.
    pub offset: usize,
    /// What must stand there.
    pub bytes: Vec<u8>,
}

impl Filter {
    fn fits(&self, data: &[u8]) -> bool {
        self.offset
            .checked_add(self.bytes.len())
            .and_then(|end| data.get(self.offset..end))
            == Some(self.bytes.as_slice())
    }
}

/// The condition that a field of an account struct has a value: `filter!(Job, market, market_address)`.
#[macro_export]
macro_rules! filter {
    ($account:ty, $field:ident, $value:expr) => {{
        // The closure ties the value to the field's type: a filter of another width would match nothing.
        let bytes_of = |account: &$account| $crate::bytemuck::bytes_of(&account.$field).to_vec();
        let mut account: $account = $crate::bytemuck::Zeroable::zeroed();
        account.$field = $value;
        $crate::Filter {
            offset: $crate::accounts::DISCRIMINATOR_BYTES + ::core::mem::offset_of!($account, $field),
            bytes: bytes_of(&account),
        }
    }};
}

/// Decodes an account's data into its type. `address` is only for the error.
pub fn decode<T: LodeAccount>(address: &Address, account: &Account) -> Result<T> {
    let version = layout_of::<T>(address, account)?;
    if version != T::VERSION {
        return Err(unknown_layout::<T>(address, version));
    }
    let body = body::<T>(address, account)?
        .get(..size_of::<T>())
        .ok_or_else(|| too_short::<T>(address, account))?;
    Ok(bytemuck::pod_read_unaligned(body))
}

/// The version of an account's layout, whether this client reads it or not.
///
/// # Errors
/// [`Error::WrongAccount`].
pub fn layout_of<T: LodeAccount>(address: &Address, account: &Account) -> Result<u8> {
    body::<T>(address, account)?
        .first()
        .copied()
        .ok_or_else(|| too_short::<T>(address, account))
}

/// What stands behind the discriminator, if it is that of the type, in an account of its program.
fn body<'a, T: LodeAccount>(address: &Address, account: &'a Account) -> Result<&'a [u8]> {
    if account.owner != T::PROGRAM {
        let reason = format!("it belongs to program {}", account.owner);
        return Err(wrong::<T>(address, reason));
    }
    account
        .data
        .strip_prefix(T::DISCRIMINATOR)
        .ok_or_else(|| wrong::<T>(address, "it is an account of another kind".into()))
}

fn wrong<T: LodeAccount>(address: &Address, reason: String) -> Error {
    Error::WrongAccount {
        kind: T::KIND,
        address: *address,
        reason,
    }
}

fn too_short<T: LodeAccount>(address: &Address, account: &Account) -> Error {
    wrong::<T>(address, format!("it has only {} bytes", account.data.len()))
}

fn unknown_layout<T: LodeAccount>(address: &Address, version: u8) -> Error {
    Error::UnknownLayout {
        kind: T::KIND,
        address: *address,
        version,
        known: T::VERSION,
    }
}

/// Decodes an account that must exist.
///
/// # Errors
/// [`Error::NoAccount`], [`Error::WrongAccount`], [`Error::UnknownLayout`].
pub fn required<T: LodeAccount>(address: &Address, account: Option<&Account>) -> Result<T> {
    let account = account.ok_or(Error::NoAccount {
        kind: T::KIND,
        address: *address,
    })?;
    decode(address, account)
}

impl Client {
    /// An account as it is, or `None` if there is none.
    pub async fn raw_account(&self, address: &Address) -> Result<Option<Account>> {
        let one = self.raw_accounts(std::slice::from_ref(address)).await?;
        Ok(one.into_iter().next().flatten())
    }

    /// Accounts as they are, in the order of `addresses`.
    pub async fn raw_accounts(&self, addresses: &[Address]) -> Result<Vec<Option<Account>>> {
        let mut accounts = Vec::with_capacity(addresses.len());
        for part in addresses.chunks(MULTIPLE) {
            let response = self
                .rpc
                .get_multiple_ui_accounts_with_config(part, self.base64())
                .await
                .map_err(|e| self.failed(e))?;
            for (address, account) in part.iter().zip(response.value) {
                accounts.push(account.map(|a| whole(address, a)).transpose()?);
            }
        }
        Ok(accounts)
    }

    /// A decoded account that must exist.
    pub async fn get_account<T: LodeAccount>(&self, address: &Address) -> Result<T> {
        required(address, self.raw_account(address).await?.as_ref())
    }

    /// A decoded account, or `None` if there is none.
    pub async fn try_account<T: LodeAccount>(&self, address: &Address) -> Result<Option<T>> {
        self.raw_account(address)
            .await?
            .map(|account| decode(address, &account))
            .transpose()
    }

    /// Decoded accounts, in the order of `addresses`.
    pub async fn get_accounts<T: LodeAccount>(
        &self,
        addresses: &[Address],
    ) -> Result<Vec<Option<T>>> {
        let accounts = self.raw_accounts(addresses).await?;
        addresses
            .iter()
            .zip(accounts)
            .map(|(address, account)| account.map(|a| decode(address, &a)).transpose())
            .collect()
    }

    /// All accounts of a type that fit every filter. Accounts of layouts that this client does not know are left out.
    pub async fn get_program_accounts<T: LodeAccount>(
        &self,
        filters: &[Filter],
    ) -> Result<Vec<(Address, T)>> {
        let found = self.program_accounts::<T>(filters, None).await?;
        let mut accounts = Vec::with_capacity(found.len());
        for (address, account) in found {
            let account = whole(&address, account)?;
            if filters.iter().all(|f| f.fits(&account.data)) {
                accounts.push((address, decode(&address, &account)?));
            }
        }
        Ok(accounts)
    }

    /// Of all accounts of a type that fit every filter only the bytes of one field, as its `filter!` names it: for lists
    /// too long to be fetched whole. An error where the server cannot check all filters itself.
    pub async fn get_program_fields<T: LodeAccount>(
        &self,
        filters: &[Filter],
        field: &Filter,
    ) -> Result<Vec<(Address, Vec<u8>)>> {
        if merged::<T>(T::VERSION, filters).len() > MOST_FILTERS - 1 {
            return Err(Error::Invalid(
                "That is more than a server filters by at once: name fewer".into(),
            ));
        }
        let slice = UiDataSliceConfig {
            offset: field.offset,
            length: field.bytes.len(),
        };
        let found = self.program_accounts::<T>(filters, Some(slice)).await?;
        found
            .into_iter()
            .map(|(address, account)| Ok((address, whole(&address, account)?.data)))
            .collect()
    }

    /// Where accounts of a type lie that fit every filter and whose layout is older than the one that this client reads.
    /// Filters of fields that no layout moved, and no more of them than a server takes.
    pub async fn older_accounts<T: LodeAccount>(&self, filters: &[Filter]) -> Result<Vec<Address>> {
        let nothing = UiDataSliceConfig {
            offset: 0,
            length: 0,
        };
        let mut older = Vec::new();
        for version in 0..T::VERSION {
            // an older layout may have had another size
            let filters = memcmps(&merged::<T>(version, filters));
            let found = self.filtered::<T>(filters, Some(nothing)).await?;
            older.extend(found.into_iter().map(|(address, _)| address));
        }
        older.sort_unstable();
        Ok(older)
    }

    /// Which of these accounts of a type have a layout older than the one that this client reads.
    ///
    /// # Errors
    /// [`Error::NoAccount`], [`Error::WrongAccount`]; [`Error::UnknownLayout`] for one of a newer layout.
    pub async fn older_of<T: LodeAccount>(&self, addresses: &[Address]) -> Result<Vec<Address>> {
        let accounts = self.raw_accounts(addresses).await?;
        let mut older = Vec::new();
        for (address, account) in addresses.iter().zip(accounts) {
            let account = account.ok_or(Error::NoAccount {
                kind: T::KIND,
                address: *address,
            })?;
            let version = layout_of::<T>(address, &account)?;
            if version > T::VERSION {
                return Err(unknown_layout::<T>(address, version));
            }
            if version < T::VERSION {
                older.push(*address);
            }
        }
        Ok(older)
    }

    async fn program_accounts<T: LodeAccount>(
        &self,
        filters: &[Filter],
        slice: Option<UiDataSliceConfig>,
    ) -> Result<Vec<(Address, UiAccount)>> {
        let size = u64::try_from(DISCRIMINATOR_BYTES + size_of::<T>()).unwrap_or(u64::MAX);
        // A server takes four filters; what it did not check, the caller does.
        let mut sent = vec![RpcFilterType::DataSize(size)];
        let mut filters = merged::<T>(T::VERSION, filters);
        filters.truncate(MOST_FILTERS - 1);
        sent.extend(memcmps(&filters));
        self.filtered::<T>(sent, slice).await
    }

    async fn filtered<T: LodeAccount>(
        &self,
        filters: Vec<RpcFilterType>,
        slice: Option<UiDataSliceConfig>,
    ) -> Result<Vec<(Address, UiAccount)>> {
        let config = RpcProgramAccountsConfig {
            filters: Some(filters),
            account_config: RpcAccountInfoConfig {
                data_slice: slice,
                ..self.base64()
            },
            ..RpcProgramAccountsConfig::default()
        };
        self.rpc
            .get_program_ui_accounts_with_config(&T::PROGRAM, config)
            .await
            .map_err(|e| self.failed(e))
    }

    fn base64(&self) -> RpcAccountInfoConfig {
        RpcAccountInfoConfig {
            encoding: Some(UiAccountEncoding::Base64),
            commitment: Some(self.commitment),
            ..RpcAccountInfoConfig::default()
        }
    }
}

fn memcmps(filters: &[Filter]) -> Vec<RpcFilterType> {
    filters
        .iter()
        .map(|f| RpcFilterType::Memcmp(Memcmp::new_base58_encoded(f.offset, &f.bytes)))
        .collect()
}

/// The filters of a type and one of its layouts, with those that touch each other joined: a server takes only few, and the
/// first fields of an account stand side by side.
fn merged<T: LodeAccount>(version: u8, filters: &[Filter]) -> Vec<Filter> {
    let kind = Filter {
        offset: 0,
        bytes: [T::DISCRIMINATOR, &[version]].concat(),
    };
    let mut all: Vec<Filter> = std::iter::once(kind)
        .chain(filters.iter().cloned())
        .collect();
    all.sort_by_key(|filter| filter.offset);
    let mut joined: Vec<Filter> = Vec::new();
    for filter in all {
        match joined.last_mut() {
            Some(last)
                if last.offset + last.bytes.len() == filter.offset
                    && last.bytes.len() + filter.bytes.len() <= MOST_BYTES =>
            {
                last.bytes.extend(filter.bytes);
            }
            _ => joined.push(filter),
        }
    }
    joined
}

pub(crate) fn whole(address: &Address, account: UiAccount) -> Result<Account> {
    account.to_account().ok_or_else(|| Error::WrongAccount {
        kind: "account",
        address: *address,
        reason: "the server sent it in an encoding that nobody asked for".into(),
    })
}

macro_rules! accounts_of {
    ($program:ident: $($account:ident $kind:literal),+ $(,)?) => {$(
        impl LodeAccount for $program::state::$account {
            const PROGRAM: Address = $program::ID;
            const KIND: &'static str = $kind;
        }
    )+};
}

accounts_of!(lode_staking:
    StakingConfig "staking configuration",
    Node "node",
    Delegation "delegation",
    Unbonding "unbonding ticket",
);

accounts_of!(lode_oracle:
    Committee "committee",
    Oracle "oracle",
);

accounts_of!(lode_jobs:
    JobsConfig "jobs configuration",
    Market "market",
    Ledger "ledger",
    Work "work account",
    Job "job",
);

accounts_of!(lode_emissions:
    Schedule "emission schedule",
    Epoch "epoch",
    Share "share of an epoch",
);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use lode_staking::state::{Node, StakingConfig};

    fn account<T: LodeAccount>(value: &T) -> Account {
        Account {
            lamports: 1,
            data: [T::DISCRIMINATOR, bytemuck::bytes_of(value)].concat(),
            owner: T::PROGRAM,
            ..Account::default()
        }
    }

    fn node() -> Node {
        let mut node: Node = bytemuck::Zeroable::zeroed();
        node.version = 1;
        node.owner = Address::new_from_array([7; 32]);
        node.stake = 9;
        node
    }

    #[test]
    fn a_filter_fits_exactly_the_accounts_with_that_field() {
        let owner = Address::new_from_array([7; 32]);
        let filter = filter!(Node, owner, owner);
        assert_eq!(filter.offset, 16);
        assert_eq!(filter.bytes, owner.as_ref());
        assert!(filter.fits(&account(&node()).data));
        assert!(!filter!(Node, worker, owner).fits(&account(&node()).data));
        assert!(filter!(Node, stake, 9).fits(&account(&node()).data));
        assert!(!filter.fits(&account(&node()).data[..40]));
    }

    #[test]
    fn filters_of_neighbouring_fields_are_one() {
        use lode_jobs::state::Job;
        let key = Address::new_from_array([7; 32]);
        let joined = merged::<Job>(
            1,
            &[
                filter!(Job, node, key),
                filter!(Job, state, 3),
                filter!(Job, market, key),
                filter!(Job, customer, key),
            ],
        );
        let shape: Vec<(usize, usize)> = joined.iter().map(|f| (f.offset, f.bytes.len())).collect();
        // discriminator, version and state; market, customer and node
        assert_eq!(shape, [(0, 10), (16, 96)]);
        assert_eq!(joined[0].bytes[8..], [1, 3]);
        let apart = merged::<Job>(1, &[filter!(Job, market, key), filter!(Job, node, key)]);
        assert_eq!(apart.len(), 3);
    }

    #[test]
    fn only_the_right_kind_owner_size_and_version_are_decoded() {
        let at = Address::default();
        let good = account(&node());
        assert_eq!(decode::<Node>(&at, &good).unwrap().stake, 9);
        let refused = |account: &Account| decode::<Node>(&at, account).err().unwrap().to_string();

        let mut other = good.clone();
        other.owner = Address::default();
        assert!(refused(&other).contains("belongs to program"));
        let mut other = good.clone();
        other.data.truncate(100);
        assert!(refused(&other).contains("only 100 bytes"));
        let mut other = good.clone();
        other.data[8] = 2;
        assert!(refused(&other).contains("version 2"));
        assert!(refused(&other).contains("newer lode"));
        // one of an older layout may be shorter
        let mut other = good.clone();
        other.data[8] = 0;
        other.data.truncate(100);
        assert!(refused(&other).contains("lode node migrate"));
        assert_eq!(layout_of::<Node>(&at, &other).unwrap(), 0);
        other.data.truncate(8);
        assert!(refused(&other).contains("only 8 bytes"));
        assert!(decode::<StakingConfig>(&at, &good)
            .err()
            .unwrap()
            .to_string()
            .contains("another kind"));
    }
}
