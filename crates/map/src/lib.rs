//! Spreads a list of inputs over many jobs of a sensible least size, follows them, posts again what failed, and gathers
//! the results in order.
//!
//! A map is like `xargs`: a job's program gets some of the inputs as arguments, and what the programs print is put one
//! after the other, in the order of the inputs. So a program that treats each input by itself prints the same however
//! the inputs are divided.
//!
//! - [`input`] finds the inputs, [`Task`] says what is asked, [`Plan`] divides it ([`Plan::make`] runs a few inputs
//!   here to see what they take).
//! - [`run`] does it, in a folder of the map's own. Before anything is posted its nonce is written there, and a nonce is
//!   accepted once: so a map that was killed at any moment goes on and pays for nothing twice. What became of a job is
//!   asked of the chain, never remembered.
#![warn(missing_docs)]

mod engine;
mod error;
mod folder;
pub mod input;
mod journal;
mod plan;
mod work;

pub use engine::{require_receipt, run, Network, Options, Progress, Report};
pub use error::{Error, Result};
pub use input::Input;
pub use journal::Range;
pub use plan::{Measure, Plan, Program, Task};
