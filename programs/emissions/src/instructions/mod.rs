//! One instruction per file: accounts, checks, effect - in that order.

mod claim_stake;
mod claim_treasury;
mod claim_work;
mod close_epoch;
mod close_share;
mod finalize_epoch;
mod initialize_schedule;
mod mint;
mod record;
mod treasury;

pub use claim_stake::*;
pub use claim_treasury::*;
pub use claim_work::*;
pub use close_epoch::*;
pub use close_share::*;
pub use finalize_epoch::*;
pub use initialize_schedule::*;
pub use record::*;
pub use treasury::*;
