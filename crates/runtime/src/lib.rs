//! Runs a job spec in WebAssembly, deterministically, and says what came out.
