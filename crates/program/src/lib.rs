//! What the programs do alike on chain: events told from the stack, accounts created in one call, their
//! addresses, accounts that are only read. Written once and
//! without the heap, for compute units and for the size of the programs.
#![no_std]
#![warn(missing_docs)]

mod address;
mod create;
mod event;
mod read_only;
mod security;

pub use address::bump_of;
pub use anchor_lang::cpi::CpiSeed;
pub use create::create;
pub use event::tell;
pub use read_only::ReadOnly;
