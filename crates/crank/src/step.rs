//! Every step that a crank knows, of jobs and of everything else.

use crate::due::Action;

/// A step, of whatever account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// A job's.
    Job(Action),
}

impl Step {
    /// What it is called in logs and reports.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Job(action) => action.name(),
        }
    }
}
