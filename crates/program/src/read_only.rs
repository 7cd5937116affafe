//! Accounts that an instruction only reads.

use anchor_lang::bytemuck::Pod;
use anchor_lang::prelude::{Account, ProgramError};
use anchor_lang::{
    __alloc::vec::Vec, address_eq, AccountView, Address, AnchorAccount, Discriminator,
    IdlAccountType, Owner,
};
use core::marker::PhantomData;
use core::mem::{align_of, size_of};
use core::ops::Deref;

/// An account of `T` that the instruction only reads. Checked as [`Account`] is: owner, size, discriminator; and no
/// mutable wrapper may hold it.
///
/// Unlike [`Account`] it marks no borrow, so there is none to give back on every way out of the instruction. It needs
/// none: an instruction whose writable accounts appear a second time is refused before any of them is loaded, so what
/// this refers to is written by nobody while the instruction runs. Where another program is called that may write the
/// account, use [`Account`].
pub struct ReadOnly<T> {
    view: AccountView,
    _data: PhantomData<T>,
}

impl<T> ReadOnly<T> {
    /// The account's address.
    #[inline(always)]
    pub fn address(&self) -> &Address {
        self.view.address()
    }
}

impl<T: Owner + Discriminator + Pod> AnchorAccount for ReadOnly<T> {
    type Data = T;
    const MIN_DATA_LEN: usize = 8 + size_of::<T>();

    #[inline(always)]
    fn load(view: AccountView) -> Result<Self, ProgramError> {
        const {
            assert!(T::DISCRIMINATOR.len() == 8);
            assert!(align_of::<T>() <= 8);
        }
        if !address_eq(view.owner(), &T::OWNER) {
            return Err(ProgramError::IllegalOwner);
        }
        view.check_borrow()?;
        // SAFETY: nothing holds it mutably, as was just checked.
        let data = unsafe { view.borrow_unchecked() };
        if data.len() < Self::MIN_DATA_LEN {
            return Err(ProgramError::AccountDataTooSmall);
        }
        if &data[..8] != T::DISCRIMINATOR {
            return Err(ProgramError::InvalidAccountData);
        }
        Ok(Self {
            view,
            _data: PhantomData,
        })
    }

    /// Never: this is for reading.
    unsafe fn load_mut(_: AccountView) -> Result<Self, ProgramError> {
        Err(ProgramError::Immutable)
    }

    #[inline(always)]
    fn account(&self) -> &AccountView {
        &self.view
    }
}

impl<T: Owner + Discriminator + Pod> Deref for ReadOnly<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: `load` checked the size; an account's data begin at a multiple of eight, so `T` does too; any bytes
        // are a `T`; and nobody writes them while the instruction runs.
        unsafe { &*self.view.data_ptr().add(8).cast::<T>() }
    }
}

impl<T> AsRef<AccountView> for ReadOnly<T> {
    #[inline(always)]
    fn as_ref(&self) -> &AccountView {
        &self.view
    }
}

impl<T> IdlAccountType for ReadOnly<T>
where
    Account<T>: IdlAccountType,
    T: Owner + Discriminator + Pod,
{
    const __IDL_ACCOUNT_ENTRY: Option<&'static str> = Account::<T>::__IDL_ACCOUNT_ENTRY;
    const __IDL_TYPE_DEF: Option<&'static str> = Account::<T>::__IDL_TYPE_DEF;

    fn __idl_account_entry() -> Option<&'static str> {
        Account::<T>::__idl_account_entry()
    }

    fn __idl_type_def() -> Option<&'static str> {
        Account::<T>::__idl_type_def()
    }

    fn __register_idl_deps(accounts: &mut Vec<&'static str>, types: &mut Vec<&'static str>) {
        Account::<T>::__register_idl_deps(accounts, types);
    }
}
