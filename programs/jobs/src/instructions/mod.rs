//! One instruction per file: accounts, checks, effect - in that order.

mod accept_job;
mod attest_job;
mod cancel_job;
mod close_job;
mod close_ledger;
mod create_market;
mod deposit;
mod expire_job;
mod give_up_job;
mod governor;
mod initialize_config;
mod open_ledger;
mod open_node_ledger;
mod pause;
mod post_job;
mod reveal_result;
mod seal_job;
mod set_locked_cap;
mod set_market_open;
mod settle_job;
mod submit_result;
mod withdraw;

pub use accept_job::*;
pub use attest_job::*;
pub use cancel_job::*;
pub use close_job::*;
pub use close_ledger::*;
pub use create_market::*;
pub use deposit::*;
pub use expire_job::*;
pub use give_up_job::*;
pub use governor::*;
pub use initialize_config::*;
pub use open_ledger::*;
pub use open_node_ledger::*;
pub use pause::*;
pub use post_job::*;
pub use reveal_result::*;
pub use seal_job::*;
pub use set_locked_cap::*;
pub use set_market_open::*;
pub use settle_job::*;
pub use submit_result::*;
pub use withdraw::*;

use crate::constants::CRANK_SLICE;
use crate::state::Job;
use anchor_lang::prelude::*;

/// Pays a crank slice from what a job holds above its rent; a missing slice fails nothing.
pub(crate) fn pay_crank(job: &Account<Job>, crank: &impl Lamports) -> Result<()> {
    let rent = anchor_lang::cpi::rent_exempt_lamports(8 + core::mem::size_of::<Job>())?;
    let slice = job.get_lamports().saturating_sub(rent).min(CRANK_SLICE);
    job.sub_lamports(slice)?;
    crank.add_lamports(slice)?;
    Ok(())
}
