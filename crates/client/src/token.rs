//! Tokens of either token program: mints, associated accounts, balances.
use crate::addresses::{self, SYSTEM, TOKEN, TOKEN_2022};
use crate::{Client, Error, Result};
use solana_account::Account;
use solana_address::Address;
use solana_instruction::{AccountMeta, Instruction};
use std::str::FromStr;

/// Bytes of a mint without extensions.
pub const MINT_BYTES: usize = 82;
/// Where the extensions of a Token-2022 mint begin.
const EXTENSIONS: usize = 166;
/// The extension that is the mint's metadata.
const METADATA: u16 = 19;

/// What a mint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MintInfo {
    /// The mint.
    pub address: Address,
    /// The token program that owns it.
    pub program: Address,
    /// Who makes more of it, if anyone.
    pub authority: Option<Address>,
    /// Who may freeze accounts of it - a market's vault too -, if anyone.
    pub freeze_authority: Option<Address>,
    /// Base units in existence.
    pub supply: u64,
    /// Digits after the point.
    pub decimals: u8,
    /// What a Token-2022 mint's own metadata calls its tokens, filled up with zeros. Anybody may make a mint that says so.
    pub symbol: Option<[u8; 12]>,
}

impl MintInfo {
    fn decode(address: &Address, account: &Account) -> Option<Self> {
        let data = &account.data;
        let is_token = account.owner == TOKEN || account.owner == TOKEN_2022;
        let initialised = data.get(45) == Some(&1);
        // A Token-2022 mint with extensions is longer, and says at byte 165 that it is a mint.
        let is_mint = data.len() == MINT_BYTES || data.get(165) == Some(&1);
        if !(is_token && initialised && is_mint) {
            return None;
        }
        Some(Self {
            address: *address,
            program: account.owner,
            authority: optional(data, 0)?,
            freeze_authority: optional(data, 46)?,
            supply: word(data, 36)?,
            decimals: *data.get(44)?,
            symbol: (account.owner == TOKEN_2022)
                .then(|| own_symbol(address, data))
                .flatten(),
        })
    }

    /// What the mint calls its tokens, if it says so.
    pub fn calls_itself(&self) -> Option<String> {
        let symbol = self.symbol?;
        let text = std::str::from_utf8(&symbol).ok()?;
        Some(text.trim_end_matches('\0').to_string())
    }

    /// A wallet's associated account of this mint.
    pub fn account_of(&self, wallet: &Address) -> Address {
        addresses::associated_token(wallet, &self.address, &self.program)
    }

    /// An amount in base units as people write it: `1.5`.
    pub fn show(&self, amount: u64) -> String {
        show(amount, self.decimals)
    }

    /// Base units of an amount as people write it.
    pub fn parse(&self, text: &str) -> Result<u64> {
        parse(text, self.decimals)
    }
}

/// Base units as people write them: `show(1_500, 3)` is `1.5`.
pub fn show(amount: u64, decimals: u8) -> String {
    let digits = usize::from(decimals);
    let text = format!("{amount:0>width$}", width = digits + 1);
    let (whole, part) = text.split_at(text.len() - digits);
    let part = part.trim_end_matches('0');
    if part.is_empty() {
        whole.to_string()
    } else {
        format!("{whole}.{part}")
    }
}

/// Base units of an amount as people write it; refused where it has more digits than the mint.
pub fn parse(text: &str, decimals: u8) -> Result<u64> {
    let wrong = || {
        Error::Setting(format!(
            "`{text}` is no amount: write a number such as 1.5, with at most {decimals} digits after the point"
        ))
    };
    let (whole, part) = digits_of(text).ok_or_else(wrong)?;
    if part.len() > usize::from(decimals) {
        return Err(wrong());
    }
    let digits = format!("{whole}{part:0<width$}", width = usize::from(decimals));
    digits
        .parse()
        .map_err(|_| Error::Setting(format!("`{text}` is more than any token account can hold")))
}

/// The digits before and after the point, if a text is an amount.
fn digits_of(text: &str) -> Option<(&str, &str)> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let is_amount = !whole.is_empty() && all_digits(whole) && all_digits(part);
    (is_amount && !text.ends_with('.')).then_some((whole, part))
}

/// So many tokens at least, of mints that are not known yet: `1.5`, read from what people write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Threshold(String);

impl Threshold {
    /// The least base units of a mint with so many decimals that reach it: what such a mint cannot divide is rounded up.
    pub fn of(&self, decimals: u8) -> u64 {
        let digits = usize::from(decimals);
        let (whole, part) = digits_of(&self.0).unwrap_or_default();
        let (kept, beyond) = part.split_at_checked(digits).unwrap_or((part, ""));
        let more = u64::from(beyond.bytes().any(|digit| digit != b'0'));
        let units = format!("{whole}{kept:0<digits$}").parse::<u64>();
        // more than any account holds is never reached
        let units = units.ok().and_then(|units| units.checked_add(more));
        units.unwrap_or(u64::MAX)
    }
}

/// Nothing at all, which every amount reaches.
impl Default for Threshold {
    fn default() -> Self {
        Self("0".into())
    }
}

impl FromStr for Threshold {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::Setting(format!("`{text}` is no amount: write a number such as 1.5"));
        digits_of(text).ok_or_else(wrong)?;
        Ok(Self(text.into()))
    }
}

/// The symbol in the metadata that a Token-2022 mint carries about itself: up to twelve letters and digits.
fn own_symbol(mint: &Address, data: &[u8]) -> Option<[u8; 12]> {
    let mut rest = data.get(EXTENSIONS..)?;
    loop {
        let (kind, after) = rest.split_first_chunk::<2>()?;
        let (size, after) = after.split_first_chunk::<2>()?;
        let (body, after) = after.split_at_checked(u16::from_le_bytes(*size).into())?;
        if u16::from_le_bytes(*kind) != METADATA {
            rest = after;
            continue;
        }
        // Who may change it, whose it is, name, symbol.
        let (of, body) = body.get(32..)?.split_first_chunk::<32>()?;
        let (_, body) = counted(body)?;
        let (symbol, _) = counted(body)?;
        let plain = symbol.iter().all(u8::is_ascii_alphanumeric);
        let mut found = [0; 12];
        let fits = found.get_mut(..symbol.len())?;
        fits.copy_from_slice(symbol);
        return (of == mint.as_array() && plain && !symbol.is_empty()).then_some(found);
    }
}

/// Bytes after their number, and what follows them.
fn counted(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (count, rest) = data.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*count)).ok()?)
}

fn word(data: &[u8], at: usize) -> Option<u64> {
    let bytes = data.get(at..at.checked_add(8)?)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

fn key(data: &[u8], at: usize) -> Option<Address> {
    let bytes: [u8; 32] = data.get(at..at.checked_add(32)?)?.try_into().ok()?;
    Some(Address::from(bytes))
}

/// A `COption<Address>`: a u32, then the address.
fn optional(data: &[u8], at: usize) -> Option<Option<Address>> {
    let key = key(data, at.checked_add(4)?)?;
    Some((data.get(at) == Some(&1)).then_some(key))
}

/// A token account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenAccount {
    /// What it holds.
    pub mint: Address,
    /// Whose it is.
    pub owner: Address,
    /// Base units.
    pub amount: u64,
}

impl TokenAccount {
    pub(crate) fn decode(address: &Address, account: &Account) -> Result<Self> {
        let data = &account.data;
        let is_token = account.owner == TOKEN || account.owner == TOKEN_2022;
        // State 1 is initialised, 2 is frozen.
        let is_account = data.len() >= 165 && matches!(data.get(108), Some(1 | 2));
        let decoded = (is_token && is_account).then(|| {
            Some(TokenAccount {
                mint: key(data, 0)?,
                owner: key(data, 32)?,
                amount: word(data, 64)?,
            })
        });
        decoded.flatten().ok_or_else(|| Error::WrongAccount {
            kind: "token account",
            address: *address,
            reason: "it is an account of another kind".into(),
        })
    }
}

impl Client {
    /// A mint.
    pub async fn mint(&self, address: &Address) -> Result<MintInfo> {
        self.try_mint(address).await?.ok_or(Error::NoAccount {
            kind: "token mint",
            address: *address,
        })
    }

    /// A mint, or `None` if nothing is there.
    pub async fn try_mint(&self, address: &Address) -> Result<Option<MintInfo>> {
        let Some(account) = self.raw_account(address).await? else {
            return Ok(None);
        };
        let mint = MintInfo::decode(address, &account);
        mint.map(Some).ok_or_else(|| Error::WrongAccount {
            kind: "token mint",
            address: *address,
            reason: "it is an account of another kind".into(),
        })
    }

    /// A token account, or `None` if nothing is there.
    pub async fn token_account(&self, address: &Address) -> Result<Option<TokenAccount>> {
        let account = self.raw_account(address).await?;
        account
            .map(|account| TokenAccount::decode(address, &account))
            .transpose()
    }

    /// Whether a wallet's associated account is there and still the wallet's: token accounts can be given away, and then
    /// the programs pay nothing into them. Nor can they where anybody sent lamports to the address before it was opened.
    pub async fn is_payable(&self, wallet: &Address, mint: &MintInfo) -> Result<bool> {
        let at = mint.account_of(wallet);
        let account = self.raw_account(&at).await?;
        let account = account.and_then(|account| TokenAccount::decode(&at, &account).ok());
        Ok(account.is_some_and(|account| account.owner == *wallet))
    }

    /// Base units in token accounts, in the order of `addresses`; 0 where there is none.
    pub async fn token_balances(&self, addresses: &[Address]) -> Result<Vec<u64>> {
        let accounts = self.raw_accounts(addresses).await?;
        addresses
            .iter()
            .zip(accounts)
            .map(|(address, account)| match account {
                Some(account) => Ok(TokenAccount::decode(address, &account)?.amount),
                None => Ok(0),
            })
            .collect()
    }

    /// Base units in a token account; 0 where there is none.
    pub async fn token_balance(&self, address: &Address) -> Result<u64> {
        Ok(self.token_account(address).await?.map_or(0, |a| a.amount))
    }

    /// Instructions that open those of these wallets' associated accounts that are not open.
    pub async fn open_missing(
        &self,
        payer: &Address,
        wallets: impl IntoIterator<Item = Address>,
        mint: &MintInfo,
    ) -> Result<Vec<Instruction>> {
        let mut wallets: Vec<Address> = wallets.into_iter().collect();
        wallets.sort_unstable();
        wallets.dedup();
        let homes: Vec<Address> = wallets.iter().map(|w| mint.account_of(w)).collect();
        let found = self.raw_accounts(&homes).await?;
        Ok(wallets
            .iter()
            .zip(found)
            .filter(|(_, account)| account.is_none())
            .map(|(wallet, _)| open_associated(payer, wallet, mint))
            .collect())
    }

    /// Lamports that keep an account of so many bytes alive.
    pub async fn rent(&self, bytes: usize) -> Result<u64> {
        let answer = self.rpc.get_minimum_balance_for_rent_exemption(bytes).await;
        answer.map_err(|e| self.failed(e))
    }

    /// Lamports of a wallet.
    pub async fn balance(&self, wallet: &Address) -> Result<u64> {
        Ok(self.raw_account(wallet).await?.map_or(0, |a| a.lamports))
    }
}

/// Opens a wallet's associated token account; does nothing if it is open.
pub fn open_associated(payer: &Address, wallet: &Address, mint: &MintInfo) -> Instruction {
    Instruction {
        program_id: addresses::ASSOCIATED_TOKEN,
        accounts: vec![
            AccountMeta::new(*payer, true),
            AccountMeta::new(mint.account_of(wallet), false),
            AccountMeta::new_readonly(*wallet, false),
            AccountMeta::new_readonly(mint.address, false),
            AccountMeta::new_readonly(SYSTEM, false),
            AccountMeta::new_readonly(mint.program, false),
        ],
        // CreateIdempotent
        data: vec![1],
    }
}

/// Makes tokens, into a token account.
pub fn mint_to(authority: &Address, mint: &MintInfo, to: &Address, amount: u64) -> Instruction {
    Instruction {
        program_id: mint.program,
        accounts: vec![
            AccountMeta::new(mint.address, false),
            AccountMeta::new(*to, false),
            AccountMeta::new_readonly(*authority, true),
        ],
        // MintToChecked
        data: [&[14], &amount.to_le_bytes()[..], &[mint.decimals]].concat(),
    }
}

/// Hands over who makes tokens of a mint; signed by whoever does now.
pub fn set_mint_authority(authority: &Address, mint: &MintInfo, to: &Address) -> Instruction {
    Instruction {
        program_id: mint.program,
        accounts: vec![
            AccountMeta::new(mint.address, false),
            AccountMeta::new_readonly(*authority, true),
        ],
        // SetAuthority, of MintTokens, to somebody
        data: [&[6, 0, 1], to.as_array().as_slice()].concat(),
    }
}

/// Moves tokens between token accounts.
pub fn transfer(
    owner: &Address,
    mint: &MintInfo,
    from: &Address,
    to: &Address,
    amount: u64,
) -> Instruction {
    Instruction {
        program_id: mint.program,
        accounts: vec![
            AccountMeta::new(*from, false),
            AccountMeta::new_readonly(mint.address, false),
            AccountMeta::new(*to, false),
            AccountMeta::new_readonly(*owner, true),
        ],
        // TransferChecked
        data: [&[12], &amount.to_le_bytes()[..], &[mint.decimals]].concat(),
    }
}

/// Address of the mint that `authority` makes under a name: nobody else can take it, and it needs no key of its own.
/// `None` if the name is longer than 32 bytes.
pub fn mint_address(authority: &Address, name: &str, program: &Address) -> Option<Address> {
    Address::create_with_seed(authority, name, program).ok()
}

/// Makes a mint at [`mint_address`], with `authority` making its tokens and nobody freezing them. `rent` is the
/// lamports that keep [`MINT_BYTES`] alive. `None` if the name is longer than 32 bytes.
pub fn create_mint(
    authority: &Address,
    name: &str,
    program: &Address,
    decimals: u8,
    rent: u64,
) -> Option<[Instruction; 2]> {
    let at = mint_address(authority, name, program)?;
    let create = solana_system_interface::instruction::create_account_with_seed(
        authority,
        &at,
        authority,
        name,
        rent,
        MINT_BYTES as u64,
        program,
    );
    let initialize = Instruction {
        program_id: *program,
        accounts: vec![AccountMeta::new(at, false)],
        // InitializeMint2, without freeze authority
        data: [&[20, decimals], authority.as_ref(), &[0]].concat(),
    };
    Some([create, initialize])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn amounts_are_shown_and_read_as_people_write_them() {
        for (amount, decimals, text) in [
            (0, 9, "0"),
            (1, 9, "0.000000001"),
            (1_500_000_000, 9, "1.5"),
            (12_000_000_000, 9, "12"),
            (7, 0, "7"),
            (u64::MAX, 6, "18446744073709.551615"),
        ] {
            assert_eq!(show(amount, decimals), text);
            assert_eq!(parse(text, decimals).unwrap(), amount);
        }
        for wrong in [
            "", ".", "1.", ".5", "-1", "1e3", "1.23", "1,5", "1.2.3", " 1",
        ] {
            assert!(parse(wrong, 1).is_err(), "{wrong}");
        }
        assert!(parse("18446744073709.551616", 6).is_err());
    }

    #[test]
    fn a_threshold_is_reached_by_no_less_than_it_says_whatever_the_mint_can_divide() {
        let of = |text: &str, decimals| text.parse::<Threshold>().unwrap().of(decimals);
        for (text, decimals, units) in [
            ("0.8", 9, 800_000_000),
            ("12", 0, 12),
            ("1.5", 0, 2),
            ("1.50", 1, 15),
            ("1.501", 1, 16),
            ("0.000", 2, 0),
            ("0.001", 2, 1),
            ("99999999999999999999", 0, u64::MAX),
            ("18446744073709551615.1", 0, u64::MAX),
            ("20", 20, u64::MAX),
        ] {
            assert_eq!(of(text, decimals), units, "{text} with {decimals}");
        }
        assert_eq!(Threshold::default().of(9), 0);
        assert_eq!(Threshold::default().of(0), 0);
        for wrong in ["", ".5", "5.", "-1", "1e3", "1.5 LODE", "1.2.3"] {
            assert!(wrong.parse::<Threshold>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_mint_s_own_metadata_names_its_tokens_and_another_s_does_not() {
        let at = Address::new_from_array([1; 32]);
        let metadata = |of: &Address, symbol: &str| {
            let text = |s: &str| [&(s.len() as u32).to_le_bytes()[..], s.as_bytes()].concat();
            let body = [
                &[9; 32][..],
                of.as_ref(),
                &text("A name"),
                &text(symbol),
                &text(""),
            ]
            .concat();
            let pointer = [&18u16.to_le_bytes()[..], &64u16.to_le_bytes(), &[5; 64]].concat();
            let head = [
                &METADATA.to_le_bytes()[..],
                &(body.len() as u16).to_le_bytes(),
            ]
            .concat();
            let mut data = vec![0; EXTENSIONS];
            data[45] = 1;
            data[165] = 1;
            [data, pointer, head, body].concat()
        };
        let called = |data: Vec<u8>, owner: Address| {
            let account = Account {
                data,
                owner,
                ..Account::default()
            };
            MintInfo::decode(&at, &account).unwrap().calls_itself()
        };
        let data = metadata(&at, "USDX");
        assert_eq!(called(data.clone(), TOKEN_2022).as_deref(), Some("USDX"));
        assert_eq!(called(data.clone(), TOKEN), None);
        assert_eq!(called(data[..200].to_vec(), TOKEN_2022), None);
        assert_eq!(called(metadata(&SYSTEM, "USDX"), TOKEN_2022), None);
        for symbol in ["", "TOO LONG BY FAR", "THIRTEENCHARS", "\u{1b}[2J"] {
            assert_eq!(called(metadata(&at, symbol), TOKEN_2022), None, "{symbol}");
        }
    }

    #[test]
    fn a_mint_is_read_and_a_token_account_is_no_mint() {
        let mut data = vec![0; MINT_BYTES];
        data[0] = 1;
        data[4..36].fill(3);
        data[36..44].copy_from_slice(&77u64.to_le_bytes());
        data[44] = 6;
        data[45] = 1;
        let mut account = Account {
            data,
            owner: TOKEN,
            ..Account::default()
        };
        let at = Address::new_from_array([1; 32]);
        let mint = MintInfo::decode(&at, &account).unwrap();
        assert_eq!((mint.supply, mint.decimals), (77, 6));
        assert_eq!(mint.authority, Some(Address::new_from_array([3; 32])));
        assert_eq!(mint.freeze_authority, None);
        account.data.resize(165, 0);
        assert_eq!(MintInfo::decode(&at, &account), None);
        account.data.truncate(MINT_BYTES);
        account.owner = SYSTEM;
        assert_eq!(MintInfo::decode(&at, &account), None);
    }
}
