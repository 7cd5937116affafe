//! The oracle's agent.
