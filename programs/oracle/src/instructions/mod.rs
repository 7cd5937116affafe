//! One instruction per file: accounts, checks, effect - in that order.

mod add_bond;
mod admit_oracle;
mod close_oracle;
mod create_committee;
mod free_seat;
mod governor;
mod join;
mod leave;
mod retire_oracle;
mod set_attester;
mod slash_oracle;
mod withdraw_bond;

pub use add_bond::*;
pub use admit_oracle::*;
pub use close_oracle::*;
pub use create_committee::*;
pub use free_seat::*;
pub use governor::*;
pub use join::*;
pub use leave::*;
pub use retire_oracle::*;
pub use set_attester::*;
pub use slash_oracle::*;
pub use withdraw_bond::*;
