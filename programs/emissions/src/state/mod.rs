//! Accounts: layouts, derived questions, legal changes.
//!
//! Every account is zero-copy: eight bytes of discriminator, then `version`, state, bump, flags, four bytes of small
//! fields, then keys from byte 16 on, so that `getProgramAccounts` can filter on frozen offsets.

mod epoch;
mod schedule;
mod share;

pub use epoch::{Epoch, EpochStatus};
pub use schedule::{Schedule, ScheduleArgs};
pub use share::{claimed, Share};
