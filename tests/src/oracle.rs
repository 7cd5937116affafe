//! Fixtures of the `oracle` program.
