//! Who may initialise a program, and how long a pause may last: rules that several programs share.
#![no_std]
#![warn(missing_docs)]

use anchor_lang::{find_program_address, Address};

/// The loader of upgradeable programs.
pub const LOADER: Address = Address::from_str_const("BPFLoaderUpgradeab1e11111111111111111111111");

/// Longest pause, seconds: 7 days.
pub const LONGEST_PAUSE: i64 = 7 * 86_400;
/// Least time between the end of a pause and the next one, seconds: 7 days.
pub const FREE_AFTER_PAUSE: i64 = 7 * 86_400;

/// Whether `signer` is the upgrade authority of `program`, by the program's `ProgramData` account.
///
/// The account's address is derived here, so no look-alike passes; its layout is the loader's: `u32` 3, the slot, an
/// option of the authority. A program whose authority is gone has nobody.
pub fn is_upgrade_authority(
    program: &Address,
    at: &Address,
    data: &[u8],
    signer: &Address,
) -> bool {
    let (expected, _) = find_program_address(&[program.as_ref()], &LOADER);
    at == &expected
        && data.get(..4) == Some(&[3, 0, 0, 0])
        && data.get(12) == Some(&1)
        && data.get(13..45) == Some(signer.as_ref())
}

/// When a pause begun at `now` ends, `paused_until` being the end of the last one; `None` while that one runs or the
/// 7 days after it do. A guardian can thus stop new exposure in one week of any two, and no longer.
pub fn pause(now: i64, paused_until: i64) -> Option<i64> {
    if paused_until != 0 && now < paused_until.checked_add(FREE_AFTER_PAUSE)? {
        return None;
    }
    now.checked_add(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_pause_lasts_a_week_and_a_free_week_follows() {
        let until = pause(1_000, 0).unwrap();
        assert_eq!(until, 1_000 + LONGEST_PAUSE);
        assert_eq!(pause(until, until), None);
        assert_eq!(pause(until + FREE_AFTER_PAUSE - 1, until), None);
        assert!(pause(until + FREE_AFTER_PAUSE, until).is_some());
        assert_eq!(pause(0, i64::MAX), None);
    }

    #[test]
    fn only_the_authority_in_the_programs_own_account_counts() {
        let program = Address::new_from_array([1; 32]);
        let authority = Address::new_from_array([2; 32]);
        let (at, _) = find_program_address(&[program.as_ref()], &LOADER);
        let mut data = [0u8; 60];
        data[0] = 3;
        data[12] = 1;
        data[13..45].copy_from_slice(authority.as_ref());
        assert!(is_upgrade_authority(&program, &at, &data, &authority));
        assert!(!is_upgrade_authority(&program, &at, &data, &program));
        assert!(!is_upgrade_authority(
            &program, &authority, &data, &authority
        ));
        assert!(!is_upgrade_authority(&authority, &at, &data, &authority));
        assert!(!is_upgrade_authority(
            &program,
            &at,
            &data[..44],
            &authority
        ));
        let mut gone = data;
        gone[12] = 0;
        assert!(!is_upgrade_authority(&program, &at, &gone, &authority));
        let mut buffer = data;
        buffer[0] = 1;
        assert!(!is_upgrade_authority(&program, &at, &buffer, &authority));
    }
}
