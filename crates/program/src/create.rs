//! Accounts of a program.

use anchor_lang::cpi::{CpiSeed, CpiSigner, InstructionAccount, InstructionView};
use anchor_lang::pinocchio::cpi::{invoke_signed_unchecked, CpiAccount};
use anchor_lang::prelude::{Account, ProgramError};
use anchor_lang::{bytemuck::Pod, AccountView, Address, AnchorAccount, Discriminator, Owner};
use core::mem::size_of;

const SYSTEM: Address = Address::new_from_array([0; 32]);

/// Creates an account of the calling program at the address of `seeds`, the bump being the last of them: all zero but
/// for its discriminator, with its rent and `above` it, which `payer` pays.
///
/// One call, where nothing lies at the address. Lamports that somebody sent there before hinder nobody: they count
/// towards the rent, never towards what is `above`. The caller has checked the address.
///
/// Errors: those of the rent sysvar. A call that fails ends the transaction.
#[inline(always)]
pub fn create<T: Owner + Discriminator + Pod>(
    payer: &AccountView,
    account: &AccountView,
    above: u64,
    seeds: &[CpiSeed],
) -> Result<Account<T>, ProgramError> {
    create_bytes(payer, account, 8 + size_of::<T>(), above, &T::OWNER, seeds)?;
    let mut view = *account;
    // SAFETY: the account was created a moment ago, nothing else refers to its data.
    let data = unsafe { view.borrow_unchecked_mut() };
    data.get_mut(..8)
        .ok_or(ProgramError::AccountDataTooSmall)?
        .copy_from_slice(T::DISCRIMINATOR);
    // SAFETY: as above.
    unsafe { Account::<T>::load_mut_after_init(*account) }
}

#[inline(never)]
fn create_bytes(
    payer: &AccountView,
    account: &AccountView,
    space: usize,
    above: u64,
    program: &Address,
    seeds: &[CpiSeed],
) -> Result<(), ProgramError> {
    let signer = CpiSigner::from(seeds);
    let rent = anchor_lang::cpi::rent_exempt_lamports(space)?;
    if account.lamports() != 0 {
        return create_funded(payer, account, space, rent, above, program, signer);
    }
    let lamports = rent
        .checked_add(above)
        .ok_or(ProgramError::ArithmeticOverflow)?;
    let mut data = [0; 52];
    data[4..12].copy_from_slice(&lamports.to_le_bytes());
    data[12..20].copy_from_slice(&(space as u64).to_le_bytes());
    data[20..].copy_from_slice(program.as_array());
    call(
        &data,
        [
            InstructionAccount::writable_signer(payer.address()),
            InstructionAccount::writable_signer(account.address()),
        ],
        [payer, account],
        &[signer],
    );
    Ok(())
}

/// The long way, for an address at which lamports lie: transfer, allocate, assign.
#[cold]
#[inline(never)]
fn create_funded(
    payer: &AccountView,
    account: &AccountView,
    space: usize,
    rent: u64,
    above: u64,
    program: &Address,
    signer: CpiSigner,
) -> Result<(), ProgramError> {
    let missing = rent
        .saturating_sub(account.lamports())
        .checked_add(above)
        .ok_or(ProgramError::ArithmeticOverflow)?;
    let signers = [signer];
    if missing > 0 {
        let mut transfer = [0; 12];
        transfer[0] = 2;
        transfer[4..].copy_from_slice(&missing.to_le_bytes());
        call(
            &transfer,
            [
                InstructionAccount::writable_signer(payer.address()),
                InstructionAccount::writable(account.address()),
            ],
            [payer, account],
            &[],
        );
    }
    let itself = || [InstructionAccount::writable_signer(account.address())];
    let mut allocate = [0; 12];
    allocate[0] = 8;
    allocate[4..].copy_from_slice(&(space as u64).to_le_bytes());
    call(&allocate, itself(), [account], &signers);
    let mut assign = [0; 36];
    assign[0] = 1;
    assign[4..].copy_from_slice(program.as_array());
    call(&assign, itself(), [account], &signers);
    Ok(())
}

/// Calls the system program.
#[inline(always)]
fn call<const N: usize>(
    data: &[u8],
    metas: [InstructionAccount; N],
    accounts: [&AccountView; N],
    signers: &[CpiSigner],
) {
    let instruction = InstructionView {
        program_id: &SYSTEM,
        accounts: &metas,
        data,
    };
    let accounts = accounts.map(CpiAccount::from);
    // SAFETY: the accounts are those of the metas, in their order, and nothing of their data is borrowed: `payer` is a
    // wallet, and the account does not exist yet.
    unsafe { invoke_signed_unchecked(&instruction, &accounts, signers) }
}
