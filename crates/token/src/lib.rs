//! SPL Token and Token-2022 instructions as fixed-array calls, and the mints that Lode takes.
//!
//! anchor-spl's helpers build the same instructions on the heap, which costs 2 000 to 4 000 compute units more each.
//! A call that fails ends the whole transaction, so none of these returns anything.
#![no_std]
#![warn(missing_docs)]

use anchor_lang::cpi::{CpiSeed, CpiSigner, InstructionAccount, InstructionView};
use anchor_lang::pinocchio::cpi::{invoke_signed_unchecked, CpiAccount};
use anchor_lang::solana_program::hash::hashv;
use anchor_lang::{address_eq, AccountView, Address};
use core::ops::RangeInclusive;

/// Token-2022.
pub const TOKEN_2022: Address =
    Address::from_str_const("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");

/// Wrapped SOL, of the classic token program and of Token-2022: neither can be burned, and an account of theirs holds
/// lamports.
pub const NATIVE_MINTS: [Address; 2] = [
    Address::from_str_const("So11111111111111111111111111111111111111112"),
    Address::from_str_const("9pan9bMn5HatX4EJdBwg9VgCp7Uz5HL8N1m5D3NdXej9"),
];

const TRANSFER_CHECKED: u8 = 12;
const MINT_TO: u8 = 7;
const BURN: u8 = 8;
const CLOSE_ACCOUNT: u8 = 9;

/// Moves `amount` base units of `mint` from one token account to another, signed by `authority` (by `seeds`, the bump
/// being the last, where it is an address of the calling program, else none).
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub fn transfer_checked<const S: usize>(
    program: &Address,
    from: &AccountView,
    mint: &AccountView,
    to: &AccountView,
    authority: &AccountView,
    amount: u64,
    decimals: u8,
    seeds: &[&[u8]; S],
) {
    let mut data = [TRANSFER_CHECKED; 10];
    data[1..9].copy_from_slice(&amount.to_le_bytes());
    data[9] = decimals;
    let metas = [
        InstructionAccount::writable(from.address()),
        InstructionAccount::readonly(mint.address()),
        InstructionAccount::writable(to.address()),
        InstructionAccount::readonly_signer(authority.address()),
    ];
    let seeds = seeds.map(CpiSeed::from);
    call(program, &data, &metas, &[from, mint, to, authority], &seeds);
}

/// Destroys `amount` base units of a token account; not possible for the native mint.
#[inline(always)]
pub fn burn<const S: usize>(
    program: &Address,
    account: &AccountView,
    mint: &AccountView,
    authority: &AccountView,
    amount: u64,
    seeds: &[&[u8]; S],
) {
    let mut data = [BURN; 9];
    data[1..].copy_from_slice(&amount.to_le_bytes());
    let metas = [
        InstructionAccount::writable(account.address()),
        InstructionAccount::writable(mint.address()),
        InstructionAccount::readonly_signer(authority.address()),
    ];
    let seeds = seeds.map(CpiSeed::from);
    call(program, &data, &metas, &[account, mint, authority], &seeds);
}

/// Makes `amount` new base units of a mint, signed by the mint's authority (by `seeds` where it is an address of the
/// calling program).
#[inline(always)]
pub fn mint_to<const S: usize>(
    program: &Address,
    mint: &AccountView,
    to: &AccountView,
    authority: &AccountView,
    amount: u64,
    seeds: &[&[u8]; S],
) {
    let mut data = [MINT_TO; 9];
    data[1..].copy_from_slice(&amount.to_le_bytes());
    let metas = [
        InstructionAccount::writable(mint.address()),
        InstructionAccount::writable(to.address()),
        InstructionAccount::readonly_signer(authority.address()),
    ];
    let seeds = seeds.map(CpiSeed::from);
    call(program, &data, &metas, &[mint, to, authority], &seeds);
}

/// Closes an empty token account; its lamports go to `to`.
#[inline(always)]
pub fn close_account<const S: usize>(
    program: &Address,
    account: &AccountView,
    to: &AccountView,
    authority: &AccountView,
    seeds: &[&[u8]; S],
) {
    let metas = [
        InstructionAccount::writable(account.address()),
        InstructionAccount::writable(to.address()),
        InstructionAccount::readonly_signer(authority.address()),
    ];
    let accounts = [account, to, authority];
    let seeds = seeds.map(CpiSeed::from);
    call(program, &[CLOSE_ACCOUNT], &metas, &accounts, &seeds);
}

/// Calls a token program.
#[inline(never)]
fn call<const N: usize>(
    program: &Address,
    data: &[u8],
    metas: &[InstructionAccount; N],
    accounts: &[&AccountView; N],
    seeds: &[CpiSeed],
) {
    let signer = [CpiSigner::from(seeds)];
    let signers = if seeds.is_empty() { &[] } else { &signer[..] };
    let instruction = InstructionView {
        program_id: program,
        accounts: metas,
        data,
    };
    let accounts = accounts.map(CpiAccount::from);
    // SAFETY: the accounts are those of the metas, in their order. Token accounts and mints belong to the token program;
    // what is read of them here is read by value, never across a call; an authority's data are not touched by it.
    unsafe { invoke_signed_unchecked(&instruction, &accounts, signers) }
}

/// Size of a token account without extensions, and of one whose only extension fixes its owner.
const ACCOUNT: usize = 165;
const FIXED_OWNER_ACCOUNT: usize = ACCOUNT + 5;
/// What follows in the latter: a token account; the extension "immutable owner", empty.
const FIXED_OWNER: [u8; 5] = [2, 7, 0, 0, 0];
const STATE: usize = 108;
const STATE_INITIALIZED: u8 = 1;

/// Whose a token account is; `None` where the data is too short for one.
#[inline(always)]
pub fn owner(data: &[u8]) -> Option<Address> {
    let key: [u8; 32] = data.get(32..64)?.try_into().ok()?;
    Some(Address::new_from_array(key))
}

/// Decimals of a mint, 0 where the data is too short for one: the token program checks what it is told.
#[inline(always)]
pub fn decimals(mint: &[u8]) -> u8 {
    mint.get(44).copied().unwrap_or_default()
}

/// What a token account holds, base units; `None` where the data is too short for one.
pub fn amount(data: &[u8]) -> Option<u64> {
    data.get(64..72)?.try_into().ok().map(u64::from_le_bytes)
}

/// Whether a token account (its owner is checked by the caller) can be paid `mint` by a plain transfer: of that mint,
/// not frozen, and with no extension that may refuse, such as a required memo.
pub fn can_receive(mint: &Address, data: &[u8]) -> bool {
    let plain = data.len() == ACCOUNT
        || (data.len() == FIXED_OWNER_ACCOUNT && data[ACCOUNT..] == FIXED_OWNER);
    plain && data[..32] == *mint.as_ref() && data[STATE] == STATE_INITIALIZED
}

/// The program whose addresses associated token accounts are.
pub const ASSOCIATED: Address =
    Address::from_str_const("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");
/// What follows the keys in the hash that an associated account's address is: bump, program, and the mark of such
/// addresses. With the bump that nearly every address has it is hashed as one piece.
const TAIL: [u8; 54] = tail(u8::MAX);

const fn tail(bump: u8) -> [u8; 54] {
    let (mut tail, mark) = ([bump; 54], b"ProgramDerivedAddress");
    let (_, rest) = tail.split_at_mut(1);
    let (program, place) = rest.split_at_mut(32);
    program.copy_from_slice(ASSOCIATED.as_array());
    place.copy_from_slice(mark);
    tail
}

/// Whether `account` is the associated token account of `wallet` for `mint`.
///
/// Every bump is tried by its hash alone, without asking whether the point lies on the curve, which is far cheaper:
/// an existing account at such a hash is one that the associated token program made, as nobody has its key.
pub fn is_associated(
    account: &Address,
    wallet: &Address,
    mint: &Address,
    token_program: &Address,
) -> bool {
    let keys = [wallet.as_ref(), token_program.as_ref(), mint.as_ref()];
    hashes_to(account, keys, &TAIL)
        || (0..u8::MAX)
            .rev()
            .any(|bump| hashes_to(account, keys, &tail(bump)))
}

#[inline(always)]
fn hashes_to(address: &Address, [a, b, c]: [&[u8]; 3], tail: &[u8; 54]) -> bool {
    let hash = hashv(&[a, b, c, tail]);
    address_eq(&Address::new_from_array(hash.to_bytes()), address)
}

/// Size of a mint without extensions.
const MINT: usize = 82;
/// Where a Token-2022 mint says what kind of account it is; extensions follow.
const ACCOUNT_TYPE: usize = 165;
const ACCOUNT_TYPE_MINT: u8 = 1;

/// Whether a mint has no extension but those that only describe it: metadata and groups, and pointers to them.
///
/// Checked by presence and by allow-list, so that an extension nobody here has heard of is refused: a transfer fee
/// or hook, a permanent delegate, a pausable or confidential mint would break what vaults promise.
pub fn is_plain_mint(owner: &Address, data: &[u8]) -> bool {
    // metadata pointer, metadata, group pointer, group, member pointer, member
    has_only(owner, data, 18..=23)
}

/// Whether a mint has no extension but metadata and the pointer to it. Checked as [`is_plain_mint`] is.
pub fn has_only_metadata(owner: &Address, data: &[u8]) -> bool {
    has_only(owner, data, 18..=19)
}

fn has_only(owner: &Address, data: &[u8], allowed: RangeInclusive<u16>) -> bool {
    if data.len() == MINT {
        return true;
    }
    if owner != &TOKEN_2022 || data.get(ACCOUNT_TYPE) != Some(&ACCOUNT_TYPE_MINT) {
        return false;
    }
    let mut rest = data.get(ACCOUNT_TYPE + 1..).unwrap_or_default();
    loop {
        let [a, b, c, d, value @ ..] = rest else {
            // Fewer than four bytes hold no extension.
            return rest.iter().all(|byte| *byte == 0);
        };
        match u16::from_le_bytes([*a, *b]) {
            0 => return rest.iter().all(|byte| *byte == 0),
            kind if allowed.contains(&kind) => {}
            _ => return false,
        }
        let Some(next) = value.get(usize::from(u16::from_le_bytes([*c, *d]))..) else {
            return false;
        };
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec;
    use std::vec::Vec;

    const OTHER: Address = Address::new_from_array([7; 32]);

    fn mint(extensions: &[(u16, usize)]) -> Vec<u8> {
        let mut data = vec![0; ACCOUNT_TYPE];
        data.push(ACCOUNT_TYPE_MINT);
        for (kind, size) in extensions {
            data.extend(kind.to_le_bytes());
            data.extend((*size as u16).to_le_bytes());
            data.extend(vec![9; *size]);
        }
        data
    }

    #[test]
    fn only_a_live_account_of_the_mint_without_conditions_can_receive() {
        let mut account = vec![0; ACCOUNT];
        account[..32].copy_from_slice(OTHER.as_ref());
        account[STATE] = 1;
        assert!(can_receive(&OTHER, &account));
        assert_eq!(owner(&account), Some(Address::default()));
        account[32] = 3;
        assert_eq!(owner(&account).unwrap_or_default().as_array()[0], 3);
        assert_eq!(owner(&account[..63]), None);
        account[44] = 6;
        assert_eq!((decimals(&account), decimals(&account[..44])), (6, 0));
        account[64] = 7;
        account[71] = 1;
        assert_eq!(amount(&account), Some(7 + (1 << 56)));
        assert_eq!(amount(&account[..71]), None);
        assert!(!can_receive(&TOKEN_2022, &account));
        assert!(!can_receive(&OTHER, &account[..164]));
        assert!(!can_receive(&OTHER, &[]));
        assert!(can_receive(&OTHER, &[&account[..], &FIXED_OWNER].concat()));
        // a required memo; and that beside a fixed owner
        let memo = [&account[..], &[2, 8, 0, 1, 0, 1]].concat();
        assert!(!can_receive(&OTHER, &memo));
        assert!(!can_receive(
            &OTHER,
            &[&account[..], &FIXED_OWNER, &[8, 0, 1, 0, 1]].concat()
        ));
        assert!(!can_receive(
            &OTHER,
            &[&account[..], &[2, 8, 0, 0, 0]].concat()
        ));
        for state in [0, 2, 255] {
            account[STATE] = state;
            assert!(!can_receive(&OTHER, &account));
        }
    }

    #[test]
    fn an_associated_account_is_that_of_its_wallet_mint_and_program() {
        for seed in 0..32u8 {
            let [wallet, mint, program] =
                [1, 2, 3].map(|kind| Address::new_from_array([seed ^ kind << 6; 32]));
            let (at, _) = Address::find_program_address(
                &[wallet.as_ref(), program.as_ref(), mint.as_ref()],
                &ASSOCIATED,
            );
            assert!(is_associated(&at, &wallet, &mint, &program));
            assert!(!is_associated(&at, &mint, &wallet, &program));
            assert!(!is_associated(&at, &wallet, &mint, &wallet));
            assert!(!is_associated(&wallet, &wallet, &mint, &program));
        }
    }

    #[test]
    fn a_mint_without_extensions_is_plain() {
        assert!(is_plain_mint(&OTHER, &[0; MINT]));
        assert!(has_only_metadata(&OTHER, &[0; MINT]));
        assert!(has_only_metadata(&TOKEN_2022, &mint(&[(18, 64), (19, 80)])));
        for kind in [17, 20, 21, 22, 23, 24, 999] {
            let both = mint(&[(18, 64), (kind, 64)]);
            assert!(!has_only_metadata(&TOKEN_2022, &both), "{kind}");
        }
        assert!(is_plain_mint(&TOKEN_2022, &[0; MINT]));
        assert!(is_plain_mint(&TOKEN_2022, &mint(&[])));
        assert!(is_plain_mint(
            &TOKEN_2022,
            &[mint(&[]), vec![0; 9]].concat()
        ));
    }

    #[test]
    fn metadata_and_groups_are_let_through() {
        assert!(is_plain_mint(
            &TOKEN_2022,
            &mint(&[(18, 64), (19, 120), (20, 64), (21, 80), (22, 64), (23, 72)])
        ));
    }

    #[test]
    fn every_other_extension_is_refused_wherever_it_stands() {
        for kind in (1..18).chain(24..200) {
            assert!(!is_plain_mint(&TOKEN_2022, &mint(&[(kind, 4)])), "{kind}");
            assert!(
                !is_plain_mint(&TOKEN_2022, &mint(&[(18, 64), (kind, 0)])),
                "{kind}"
            );
        }
    }

    #[test]
    fn broken_extension_data_is_refused() {
        let mut cut = mint(&[(18, 64)]);
        cut.pop();
        assert!(!is_plain_mint(&TOKEN_2022, &cut));
        assert!(!is_plain_mint(
            &TOKEN_2022,
            &[mint(&[]), vec![0, 0, 0, 0, 1]].concat()
        ));
        assert!(!is_plain_mint(&TOKEN_2022, &[mint(&[]), vec![1]].concat()));
        // a token account is no mint, and the classic program knows no extensions
        let mut account = mint(&[]);
        account[ACCOUNT_TYPE] = 2;
        assert!(!is_plain_mint(&TOKEN_2022, &account));
        assert!(!is_plain_mint(&OTHER, &mint(&[])));
    }
}
