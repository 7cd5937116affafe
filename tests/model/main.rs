//! Jobs and oracles under random fire: a reference model beside the programs, and what a liar may expect.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod liar;
