//! Accounts: layouts, derived questions, legal changes. Eight bytes of discriminator, then `version`, state, bump,
//! flags, four bytes of small fields, then keys from byte 16 on.

mod committee;
mod oracle;

pub use committee::{Committee, CommitteeArgs, Seat};
pub use oracle::Oracle;
