//! The embedded network: Surfpool in process, programs deployed at their compiled ids behind an upgrade authority,
//! and made into a Lode network by a migration plan.
//!
//! It speaks the RPC of any cluster: what works here works elsewhere. Offline, nothing is fetched from anywhere.

mod apply;
mod error;
mod fund;
mod network;
mod plan;
mod survey;

pub use apply::{apply, unsigned, Outcome, Report, Step, Unsigned};
pub use error::{Error, Result};
pub use fund::fund;
pub use network::{time_travel, Localnet, Options, Program, PROGRAMS, RPC_PORT, WS_PORT};
pub use plan::{
    from_toml, CommitteePlan, EmissionsPlan, JobsPlan, KeysPlan, KindPlan, MarketPlan, MintPlan,
    Plan, StakingPlan,
};
pub use survey::{survey, Difference, Finding, Standing};
