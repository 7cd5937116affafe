//! How fast this machine is, in the unit in which a market allows time: seconds for a million units.

use crate::{Error, Result};
use lode_runtime::{child, JobSpec, Outcome, FUEL_PER_UNIT, WORKER_STACK_BYTES};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Runs that are remembered. The slowest of them counts: programs differ, and whoever is late pays.
const REMEMBERED: usize = 16;
/// What is shorter than this says more about starting a process than about the machine.
const LEAST: Duration = Duration::from_secs(1);
/// A program may be so much slower for each unit than what was measured.
const MARGIN: f64 = 1.5;
/// Time that any run takes: a process, a module to compile, memory and outputs to hash.
const ANY_RUN: Duration = Duration::from_secs(2);
/// Units of the run that measures a machine of which nothing is known yet.
const CALIBRATION: u64 = 400;
/// That run must not take longer.
const CALIBRATION_WALL: Duration = Duration::from_secs(60);

/// What is known of this machine's speed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rating {
    /// Seconds for a million units, of the last runs that took long enough.
    runs: Vec<f64>,
    /// The same of the calibration, if there was one.
    calibrated: Option<f64>,
}

fn per_million(units: u64, took: Duration) -> Option<f64> {
    let seconds = took.as_secs_f64() * 1e6 / units as f64;
    (units > 0 && seconds.is_finite()).then_some(seconds)
}

impl Rating {
    /// Notes a run of a job. Says whether that changed anything.
    pub fn note(&mut self, units: u64, took: Duration) -> bool {
        let Some(seconds) = per_million(units, took).filter(|_| took >= LEAST) else {
            return false;
        };
        self.runs.push(seconds);
        let many = self.runs.len().saturating_sub(REMEMBERED);
        self.runs.drain(..many);
        true
    }

    /// Seconds that this machine takes for a million units, at worst; `None` as long as nothing is known.
    pub fn seconds_per_million(&self) -> Option<f64> {
        // the calibration is one kind of program: what was really run says more
        let slowest = self.runs.iter().copied().reduce(f64::max);
        slowest.or(self.calibrated)
    }

    /// Whether nothing was measured yet.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.calibrated.is_none()
    }

    /// The same in slots, which is how a market says what it allows.
    pub fn slots_per_million(&self, slot: Duration) -> Option<u64> {
        let seconds = self.seconds_per_million()?;
        // saturates, as the cast does
        Some((seconds / slot.as_secs_f64()).ceil() as u64)
    }

    /// Whether a run of `units` would end inside a window of so many slots, with some to spare for submitting.
    pub fn finishes(&self, units: u64, window: u64, slot: Duration) -> bool {
        let Some(seconds) = self.seconds_per_million() else {
            return true;
        };
        let needed = ANY_RUN.as_secs_f64() + seconds * MARGIN * units as f64 / 1e6;
        let given = slot.as_secs_f64() * window as f64 * 0.9;
        needed <= given
    }

    /// Measures the machine with a program of its own, in a child as jobs have it. Takes about a second.
    pub fn calibrate(&mut self) -> Result<()> {
        let spec = format!(
            r#"{{"v":1,"runtime":1,"module":{{"sha256":"{}","size":{}}},"memory_mib":1,"output_limit":0}}"#,
            hex::encode(lode_runtime::sha256(LOOP)),
            LOOP.len()
        );
        let failed = |error: &dyn std::fmt::Display| Error::Runtime(error.to_string());
        let base = JobSpec::parse(spec.as_bytes()).map_err(|error| failed(&error))?;
        let limit = base.base_units().saturating_add(CALIBRATION);
        let limits = child::Limits::of(CALIBRATION_WALL, WORKER_STACK_BYTES);
        let outcome = child::run(spec.as_bytes(), LOOP, &[], &[], limit, limits)
            .map_err(|error| failed(&error))?;
        let finished = match outcome {
            Outcome::Receipt(finished) => finished,
            Outcome::Host(end) => return Err(failed(&end)),
        };
        let units = finished.receipt.fuel / FUEL_PER_UNIT;
        let seconds = per_million(units, finished.timing.run);
        self.calibrated = Some(seconds.ok_or_else(|| failed(&"nothing was measured"))?);
        Ok(())
    }
}

/// Multiplies, adds, loads and stores for ever: [`WAT`], assembled.
const LOOP: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x05\x03\x01\0\x01\x07\x13\x02\x06memory\x02\0\x06_start\0\0\x0a\x3a\x01\x38\x02\x01\x7f\x01\x7e\x03\x40\x20\0\x41\xf8\xff\x03\x71\x20\x01\x42\xad\xfe\xd5\xe4\xd4\x85\xfd\xa8\xd8\0\x7e\x20\x01\xa7\x41\xf8\xff\x03\x71\x29\x03\0\x7c\x22\x01\x37\x03\0\x20\0\x41\x08\x6a\x21\0\x0c\0\x0b\x0b";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::pace::PLANNED;

    /// Local 0 is where it writes, local 1 what.
    const WAT: &str = r#"(module
      (memory (export "memory") 1)
      (func (export "_start") (local i32 i64)
        (loop
          (i64.store (i32.and (local.get 0) (i32.const 65528))
            (local.tee 1 (i64.add
              (i64.mul (local.get 1) (i64.const 6364136223846793005))
              (i64.load (i32.and (i32.wrap_i64 (local.get 1)) (i32.const 65528))))))
          (local.set 0 (i32.add (local.get 0) (i32.const 8)))
          (br 0))))"#;

    #[test]
    fn the_calibration_is_the_program_it_says_it_is_and_runtime_1_takes_it() {
        assert_eq!(wat::parse_str(WAT).unwrap(), LOOP);
        lode_runtime::scan(LOOP, 1).unwrap();
    }

    #[test]
    fn the_slowest_run_counts_and_old_runs_are_forgotten() {
        let mut rating = Rating::default();
        assert_eq!(rating.seconds_per_million(), None);
        assert!(rating.note(1_000, Duration::from_secs(4)));
        assert!(rating.note(1_000, Duration::from_secs(2)));
        assert_eq!(rating.seconds_per_million(), Some(4_000.0));
        assert_eq!(rating.slots_per_million(PLANNED), Some(10_000));
        for _ in 0..REMEMBERED {
            rating.note(1_000, Duration::from_secs(1));
        }
        assert_eq!(rating.seconds_per_million(), Some(1_000.0));
    }

    #[test]
    fn a_run_that_was_over_at_once_says_nothing() {
        let mut rating = Rating::default();
        assert!(!rating.note(10, Duration::from_millis(999)));
        assert!(!rating.note(0, Duration::from_secs(9)));
        assert!(rating.is_empty());
    }

    #[test]
    fn what_was_really_run_counts_before_the_calibration() {
        let mut rating = Rating {
            runs: vec![],
            calibrated: Some(3.0),
        };
        assert_eq!(rating.seconds_per_million(), Some(3.0));
        rating.note(1_000_000, Duration::from_secs(2));
        assert_eq!(rating.seconds_per_million(), Some(2.0));
    }

    #[test]
    fn a_job_is_taken_only_if_the_machine_is_fast_enough_for_its_window() {
        let mut rating = Rating::default();
        assert!(rating.finishes(u64::MAX, 1, PLANNED), "nothing is known");
        rating.note(100, Duration::from_secs(10));
        // 1 000 units: 100 s, half as much again, 2 s for the process; a window of 423 slots is 169 s, of which 152
        assert!(rating.finishes(1_000, 423, PLANNED));
        assert!(!rating.finishes(1_000, 422, PLANNED));
        assert!(!rating.finishes(1_000, 423, PLANNED / 2));
    }
}
