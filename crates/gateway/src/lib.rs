//! The market's blob server: who may write is read from the chain.
