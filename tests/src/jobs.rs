//! Fixtures of the `jobs` program.
