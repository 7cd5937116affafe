//! Tests of the `oracle` program, one file an instruction.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
