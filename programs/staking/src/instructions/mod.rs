//! One instruction per file: accounts, checks, effect - in that order.

mod governor;
mod initialize_config;
mod pause;
mod register_node;
mod set_payout;
mod set_worker;
mod stake;
mod unstake;
mod withdraw;

pub use governor::*;
pub use initialize_config::*;
pub use pause::*;
pub use register_node::*;
pub use set_payout::*;
pub use set_worker::*;
pub use stake::*;
pub use unstake::*;
pub use withdraw::*;
