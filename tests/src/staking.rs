//! Fixtures of the `staking` program.
