//! Attacks, by known class and by what the protocol's rules are for. What another test proves already is not proved again:
//! `docs/threats.md` says which test answers which attack, and a test here checks that each of them exists.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod accounts;
mod amounts;
mod errors;
mod exit;
mod games;
#[path = "../jobs/help.rs"]
#[allow(dead_code)]
mod help;
mod table;
