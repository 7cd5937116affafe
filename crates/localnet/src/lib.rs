//! The embedded network: Surfpool in process, programs deployed at their compiled ids behind an upgrade authority,
//! and made into a Lode network by a migration plan.
//!
//! It speaks the RPC of any cluster: what works here works elsewhere. Offline, nothing is fetched from anywhere.
//!
//! Without the feature `network` there is no embedded network, only what makes any cluster into a Lode network.
#![warn(missing_docs)]

mod apply;
mod clock;
mod error;
mod fund;
#[cfg(feature = "network")]
mod network;
mod plan;
mod ports;
mod programs;
mod survey;

pub use apply::{apply, due, unsigned, Outcome, Report, Step, Unsigned};
pub use clock::time_travel;
pub use error::{Error, Result};
pub use fund::fund;
#[cfg(feature = "network")]
pub use network::{Localnet, Options, RPC_PORT, WS_PORT};
pub use plan::{
    from_toml, CommitteePlan, EmissionsPlan, JobsPlan, KeysPlan, KindPlan, MarketPlan, MintPlan,
    Plan, StakingPlan,
};
pub use ports::free_port;
pub use programs::{read_programs, Program, PROGRAMS};
pub use survey::{survey, Difference, Finding, Standing};
