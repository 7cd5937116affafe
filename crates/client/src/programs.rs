//! Programs as they are deployed: is it the one that was built from these sources?
use crate::{addresses, Client, Error, Result};
use solana_account::Account;
use solana_address::Address;

/// Bytes before the executable in a `ProgramData` account: tag, slot, authority.
const HEAD: usize = 45;
/// Tag of a `ProgramData` account.
const PROGRAM_DATA: [u8; 4] = [3, 0, 0, 0];

/// A program on the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deployed {
    /// Hash of its executable, see [`executable_hash`].
    pub hash: [u8; 32],
    /// The slot in which it was deployed.
    pub slot: u64,
    /// Who may replace it; nobody where it is final.
    pub authority: Option<Address>,
}

/// SHA-256 of an executable without the zeros at its end, as `solana-verify` reckons it: an account may be longer than
/// the program in it.
pub fn executable_hash(executable: &[u8]) -> [u8; 32] {
    let end = executable.iter().rposition(|byte| *byte != 0);
    let whole = end.map_or(0, |last| last.saturating_add(1));
    anchor_lang::prelude::sha256(executable.get(..whole).unwrap_or_default())
}

impl Deployed {
    fn read(data: &[u8]) -> Option<Self> {
        let head = data.get(..HEAD)?;
        if head.get(..4)? != PROGRAM_DATA {
            return None;
        }
        let authority = match head.get(12)? {
            0 => None,
            _ => Some(Address::from(<[u8; 32]>::try_from(head.get(13..45)?).ok()?)),
        };
        Some(Self {
            hash: executable_hash(data.get(HEAD..)?),
            slot: u64::from_le_bytes(head.get(4..12)?.try_into().ok()?),
            authority,
        })
    }
}

impl Client {
    /// A program as it is deployed; `None` if there is none.
    pub async fn deployed(&self, program: &Address) -> Result<Option<Deployed>> {
        let at = addresses::program_data(program);
        let Some(account) = self.raw_account(&at).await? else {
            return Ok(None);
        };
        let of_loader = |account: &Account| account.owner == addresses::LOADER;
        let found = Deployed::read(&account.data).filter(|_| of_loader(&account));
        found.map(Some).ok_or(Error::WrongAccount {
            kind: "deployed program",
            address: at,
            reason: "it is an account of another kind".into(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn zeros_at_the_end_belong_to_the_account_and_not_to_the_program() {
        let built = [0u8, 7, 0, 9];
        let deployed = [&built[..], &[0; 100]].concat();
        assert_eq!(executable_hash(&built), executable_hash(&deployed));
        assert_ne!(executable_hash(&built), executable_hash(&[0, 7, 0, 8]));
        assert_ne!(executable_hash(&built), executable_hash(&built[1..]));
        // the hash of nothing at all, which is well known
        assert!(hex_of(&executable_hash(&[0; 9])).starts_with("e3b0c44298fc1c149afb"));
    }

    fn hex_of(hash: &[u8]) -> String {
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn who_may_replace_a_program_is_read_beside_it() {
        let authority = Address::new_from_array([5; 32]);
        let mut data = [
            &PROGRAM_DATA[..],
            &9u64.to_le_bytes(),
            &[1],
            authority.as_ref(),
        ]
        .concat();
        data.extend([7, 0]);
        let found = Deployed::read(&data).unwrap();
        assert_eq!(found.hash, executable_hash(&[7]));
        assert_eq!((found.slot, found.authority), (9, Some(authority)));
        data[12] = 0;
        assert_eq!(Deployed::read(&data).unwrap().authority, None);
        data[0] = 2;
        assert_eq!(Deployed::read(&data), None);
        assert_eq!(Deployed::read(&data[..44]), None);
    }
}
