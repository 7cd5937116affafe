//! Tests of the `jobs` program, one file an instruction, and the life of a job as a story.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod accept_job;
mod attest_all;
mod attest_edges;
mod attest_forgeries;
mod attest_job;
mod award_job;
mod cancel_job;
mod challenge_job;
mod close_job;
mod close_work;
mod collect_check;
mod configuration;
mod create_market;
mod escalate_job;
mod expire_job;
mod give_up_job;
mod help;
mod ledgers;
mod open_node_ledger;
mod penalise_oracle;
mod place_bid;
mod post_job;
mod raise_limit;
mod redeem_credits;
mod reveal_result;
mod seal_job;
mod settle_bonds;
mod settle_job;
mod slash_job;
mod story;
mod submit_result;
mod sweep_fees;
mod transactions;
mod void_job;
