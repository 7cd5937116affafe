//! One instruction per file: accounts, checks, effect - in that order.

mod accept_job;
mod attest_job;
mod award_job;
mod cancel_job;
mod challenge_job;
mod close_job;
mod close_ledger;
mod close_work;
mod collect_check;
mod create_market;
mod deposit;
mod escalate_job;
mod expire_job;
mod give_up_job;
mod governor;
mod initialize_config;
mod open_ledger;
mod open_node_ledger;
mod pause;
mod penalise_oracle;
mod place_bid;
mod post_job;
mod raise_limit;
mod redeem_credits;
mod reveal_result;
mod seal_job;
mod set_locked_cap;
mod set_market_open;
mod settle_job;
mod slash_job;
mod submit_result;
mod sweep_fees;
mod void_job;
mod withdraw;

pub use accept_job::*;
pub use attest_job::*;
pub use award_job::*;
pub use cancel_job::*;
pub use challenge_job::*;
pub use close_job::*;
pub use close_ledger::*;
pub use close_work::*;
pub use collect_check::*;
pub use create_market::*;
pub use deposit::*;
pub use escalate_job::*;
pub use expire_job::*;
pub use give_up_job::*;
pub use governor::*;
pub use initialize_config::*;
pub use open_ledger::*;
pub use open_node_ledger::*;
pub use pause::*;
pub use penalise_oracle::*;
pub use place_bid::*;
pub use post_job::*;
pub use raise_limit::*;
pub use redeem_credits::*;
pub use reveal_result::*;
pub use seal_job::*;
pub use set_locked_cap::*;
pub use set_market_open::*;
pub use settle_job::*;
pub use slash_job::*;
pub use submit_result::*;
pub use sweep_fees::*;
pub use void_job::*;
pub use withdraw::*;

use crate::constants::{CRANK_SLICE, SISTER_VERSION};
use crate::error::JobsError;
use crate::state::{Job, Ledger, Market};
use anchor_lang::address_eq;
use anchor_lang::prelude::*;
use lode_staking::state::{Node, StakingConfig};

/// A node may take on a job: it is active, its owner has enough of his own at stake, and what he declares of it passes
/// the market's filter and the job's. What he declares later does not matter.
pub(crate) fn require_fit(
    node: &Node,
    staking: &StakingConfig,
    market: &Market,
    job: &Job,
) -> Result<()> {
    require_active(node, market, job)?;
    require!(staking.version == SISTER_VERSION, JobsError::UnknownVersion);
    require!(node.skin_is_in(staking)?, JobsError::SkinNotIn);
    Ok(())
}

/// A node that works, and passes both filters. All of it only its owner and the jobs it ran can change.
pub(crate) fn require_active(node: &Node, market: &Market, job: &Job) -> Result<()> {
    require!(
        node.version == SISTER_VERSION && !node.is_jailed() && !node.is_exiting(),
        JobsError::NodeNotActive
    );
    market.nodes.require(node)?;
    job.nodes.require(node)
}

/// Applies a change to the ledger that a job names, which is passed iff it names one. It may be the customer's, and the
/// same may be named twice: so each is loaded anew, changed and let go.
pub(crate) fn named_ledger(
    customer: &mut Account<Ledger>,
    passed: Option<&UncheckedAccount>,
    named: &Address,
    change: impl FnOnce(&mut Ledger) -> Result<()>,
) -> Result<()> {
    let Some(passed) = passed else {
        require!(
            address_eq(named, &Address::default()),
            JobsError::NamedLedger
        );
        return Ok(());
    };
    require!(address_eq(named, passed.address()), JobsError::NamedLedger);
    if address_eq(named, customer.address()) {
        return change(customer);
    }
    // SAFETY: the customer's ledger, the only other wallet's that is loaded, is another account; the node's is of
    // another kind. What is loaded here ends here.
    let mut ledger = unsafe { Account::<Ledger>::load_mut(*passed.account()) }?;
    change(&mut ledger)
}

/// Pays a crank slice from what a job holds above its rent; a missing slice fails nothing, nor does a crank that can take
/// none.
///
/// Posting put the slices there, and nothing else takes from the account, so they are counted and the rent, which
/// costs a call, is not asked for.
pub(crate) fn pay_crank(job: &mut Account<Job>, crank: &impl Lamports) -> Result<()> {
    let Some(left) = job.slices.checked_sub(1) else {
        return Ok(());
    };
    // An account that has nothing may not hold so little: the runtime would refuse all of the transaction.
    if crank.get_lamports() == 0 {
        return Ok(());
    }
    job.slices = left;
    job.sub_lamports(CRANK_SLICE)?;
    crank.add_lamports(CRANK_SLICE)?;
    Ok(())
}
