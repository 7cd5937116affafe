//! Sysvars that the framework has no type for, read by system call.

use crate::error::JobsError;
use anchor_lang::prelude::*;

/// Slot of the cluster's last restart, 0 if it never restarted.
#[cfg(target_os = "solana")]
pub fn last_restart_slot() -> Result<u64> {
    use anchor_lang::pinocchio::sysvars::get_sysvar_unchecked;
    const ID: Address = Address::from_str_const("SysvarLastRestartS1ot1111111111111111111111");
    let mut slot = [0u8; 8];
    // SAFETY: the sysvar holds eight bytes, and as many are read into as many.
    unsafe { get_sysvar_unchecked(slot.as_mut_ptr(), &ID, 0, 8) }
        .map_err(|_| JobsError::SlotHashes)?;
    Ok(u64::from_le_bytes(slot))
}

/// Off chain there is no sysvar to read: clients pass what the cluster told them to `lode_math`.
#[cfg(not(target_os = "solana"))]
pub fn last_restart_slot() -> Result<u64> {
    Err(JobsError::SlotHashes.into())
}

/// What SlotHashes says of a submission.
pub enum SlotHash {
    /// No slot after it is recorded yet.
    NotYet,
    /// There is a first recorded slot after it.
    First,
    /// It may have been evicted: the oldest entry is newer than the submission.
    Gone,
}

/// Looks up the first recorded slot after `submitted`, and shows its hash.
pub fn slot_hash_after(submitted: u64, show: impl FnOnce(&[u8; 32])) -> Result<SlotHash> {
    use anchor_lang::pinocchio::sysvars::slot_hashes::{SlotHashEntry, SlotHashes};
    let hashes = SlotHashes::fetch().map_err(|_| JobsError::SlotHashes)?;
    // newest first; skipped slots have no entry
    let entries = hashes.entries();
    let Some(ahead) = entries
        .first()
        .and_then(|newest| newest.slot().checked_sub(submitted))
    else {
        return Ok(SlotHash::NotYet);
    };
    // Every entry is a slot of its own: no more than `ahead` of them lie after the submission, and so many do where no
    // slot was skipped. Only where some were, they are searched.
    let most = usize::try_from(ahead).map_or(entries.len(), |ahead| ahead.min(entries.len()));
    let is_after = |entry: &SlotHashEntry| entry.slot() > submitted;
    let upper = &entries[..most];
    let after = match upper.last() {
        Some(last) if is_after(last) => most,
        _ => upper.partition_point(is_after),
    };
    Ok(match upper[..after].last() {
        None => SlotHash::NotYet,
        // nothing at or before the submission is left, so something in between may be missing
        Some(_) if after == entries.len() => SlotHash::Gone,
        Some(entry) => {
            show(&entry.hash);
            SlotHash::First
        }
    })
}
