//! The bill: units of a job, from its spec and the fuel it used.

use crate::{Error, JobSpec, Result};

/// Fuel that one unit pays for.
pub const FUEL_PER_UNIT: u64 = 1_000_000;

/// Most units of a job: its fuel stays below 2^53.
pub const MAX_UNITS: u64 = 9_000_000_000;

pub(crate) const MODULE_BYTES_PER_UNIT: u64 = 512;
const DATA_BYTES_PER_UNIT: u64 = 256 << 10;

impl JobSpec {
    /// Units that a job of this spec costs before its first instruction: for compiling the module, for its memory, and
    /// for carrying its inputs (stdin is one) and outputs.
    pub fn base_units(&self) -> u64 {
        self.module
            .size
            .div_ceil(MODULE_BYTES_PER_UNIT)
            .saturating_add(self.memory_mib)
            .saturating_add(self.data_bytes().div_ceil(DATA_BYTES_PER_UNIT))
    }

    /// Bytes of inputs (stdin is one), and of outputs at most.
    fn data_bytes(&self) -> u64 {
        self.input_bytes().saturating_add(self.output_limit)
    }

    /// Memory that a run holds beside the program's own, MiB: module, inputs and outputs. Compiling takes more for a while.
    pub fn held_mib(&self) -> u64 {
        self.data_bytes()
            .saturating_add(self.module.size)
            .div_ceil(1 << 20)
    }

    /// Fuel that a run under this limit is given.
    ///
    /// # Errors
    /// [`Error::LimitBelowBase`], [`Error::LimitTooHigh`].
    pub fn fuel(&self, limit: u64) -> Result<u64> {
        let base = self.base_units();
        if limit > MAX_UNITS {
            return Err(Error::LimitTooHigh(limit));
        }
        match limit.checked_sub(base) {
            Some(units) => Ok(units.saturating_mul(FUEL_PER_UNIT)),
            None => Err(Error::LimitBelowBase { limit, base }),
        }
    }
}

/// Units billed for `fuel`, at most the limit.
pub(crate) fn billed(base: u64, fuel: u64, limit: u64) -> u64 {
    base.saturating_add(fuel.div_ceil(FUEL_PER_UNIT)).min(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_started_million_of_fuel_is_a_unit() {
        assert_eq!(billed(10, 0, 100), 10);
        assert_eq!(billed(10, 1, 100), 11);
        assert_eq!(billed(10, FUEL_PER_UNIT, 100), 11);
        assert_eq!(billed(10, FUEL_PER_UNIT + 1, 100), 12);
    }

    #[test]
    fn a_run_holds_its_module_inputs_and_outputs() {
        let blob = format!(r#"{{"sha256":"{}","size":1048576}}"#, "00".repeat(32));
        let input = blob.replace('{', r#"{"path":"a","#);
        let holds = |more: &str| {
            let text = format!(
                r#"{{"v":1,"runtime":1,"module":{blob},"memory_mib":64,"output_limit":1{more}}}"#
            );
            JobSpec::parse(text.as_bytes()).map(|spec| spec.held_mib())
        };
        assert!(matches!(holds(""), Ok(2)));
        let more = format!(r#","stdin":{blob},"inputs":[{input}]"#);
        assert!(matches!(holds(&more), Ok(4)));
    }

    #[test]
    fn the_bill_never_passes_the_limit() {
        assert_eq!(billed(10, u64::MAX, 12), 12);
    }
}
