//! Lode staking: nodes, stake, delegation, slashing.
