//! Tests of the `jobs` program, one file an instruction, and the life of a job as a story.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod accept_job;
mod attest_edges;
mod attest_forgeries;
mod attest_job;
mod award_job;
mod cancel_job;
mod close_job;
mod configuration;
mod create_market;
mod expire_job;
mod give_up_job;
mod help;
mod ledgers;
mod open_node_ledger;
mod place_bid;
mod post_job;
mod raise_limit;
mod reveal_result;
mod seal_job;
mod settle_job;
mod story;
mod submit_result;
mod transactions;
