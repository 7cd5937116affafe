//! Ten years of emissions, computed with the functions the programs themselves use, and what must be true of them.
//!
//! Nothing here is random from run to run: every number follows from a fixed seed and integers, so that the figure and the
//! table in `docs/` can be compared byte by byte. `cargo xtask simulate emissions` starts it.
#![warn(missing_docs)]

pub mod decade;
pub mod network;
pub mod plot;
pub mod report;
pub mod trials;

/// Base units of one LODE: nine decimals.
pub const LODE: u64 = 1_000_000_000;

/// Everything that `cargo xtask simulate emissions` shows.
pub struct Outcome {
    /// The ten years.
    pub decade: decade::Decade,
    /// The random networks and splits beside them.
    pub trials: trials::Trials,
}

/// Runs the ten years and `networks` random networks and as many random splits.
pub fn emissions(networks: u64) -> Outcome {
    Outcome {
        decade: decade::run(&decade::Plan::mainnet()),
        trials: trials::run(networks),
    }
}

impl Outcome {
    /// The bounds that were broken, a sentence each.
    pub fn violations(&self) -> Vec<String> {
        let all = self.decade.violations.iter().chain(&self.trials.violations);
        all.cloned().collect()
    }
}

/// Numbers that follow from a seed (xorshift64*).
pub struct Dice(u64);

impl Dice {
    /// Dice of a seed, which is not 0.
    pub fn new(seed: u64) -> Self {
        Self(seed.max(1))
    }

    /// The next number, below `below`; 0 where that is 0.
    pub fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let raw = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d);
        raw.checked_rem(below).unwrap_or(0)
    }

    /// A number of a random size up to `2^bits`.
    pub fn size(&mut self, bits: u64) -> u64 {
        let bits = self.roll(bits) + 1;
        self.roll(1 << bits)
    }
}
