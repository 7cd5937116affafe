//! Tests of the `staking` program, one file an instruction.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
