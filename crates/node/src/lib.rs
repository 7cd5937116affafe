//! The operator's agent.
