//! What is billed, at the edge of each rule.

use super::{raw, Vector, EXIT};
use lode_runtime::End;

/// Fuel that a function takes before its first operator.
const ENTRY_FUEL: u64 = 1;
const PER_ROUND: u64 = 5;

/// All of them.
pub fn all() -> Vec<Vector> {
    vec![
        // A started million is a unit.
        burning("bill-of-a-whole-unit", EXIT, 2_000_000).bill_beyond_base(2),
        burning("bill-of-a-started-unit", EXIT, 2_000_001).bill_beyond_base(3),
        // The limit pays exactly; then the last straight line passes it, and still ends.
        burning("fuel-to-the-last-drop", EXIT, 2_000_000)
            .units(2)
            .bill_beyond_base(2),
        burning("fuel-past-the-last-drop", EXIT, 2_000_004)
            .units(2)
            .bill_beyond_base(2),
        burning("fuel-one-round-short", End::Fuel, 2_000_000 + 2 * PER_ROUND)
            .units(2)
            .bill_beyond_base(2),
        // A limit that is the base alone pays for nothing.
        Vector {
            end: End::Fuel,
            ..idle("no-fuel-at-all", 4, 65_536)
                .units(0)
                .bill_beyond_base(0)
        },
        // The base, by each of its parts.
        padded("base-of-512-bytes", 512).bill(1 + 4 + 1 + 1),
        padded("base-of-513-bytes", 513).bill(2 + 4 + 1 + 1),
        idle("base-of-memory", 9, 65_536).bill(1 + 9 + 1 + 1),
        idle("base-without-output", 4, 0).bill(1 + 4 + 1),
        idle("base-of-256-kib", 4, (256 << 10) - 9)
            .stdin(b"stdin")
            .input("a", b"in")
            .input("b", b"in")
            .bill(1 + 4 + 1 + 1),
        idle("base-of-256-kib-and-a-byte", 4, (256 << 10) - 8)
            .stdin(b"stdin")
            .input("a", b"in")
            .input("b", b"in")
            .bill(1 + 4 + 2 + 1),
    ]
}

/// A program that uses this much fuel.
fn burning(name: &'static str, end: End, fuel: u64) -> Vector {
    let rounds = (fuel - ENTRY_FUEL - 2) / PER_ROUND;
    let rest = (fuel - ENTRY_FUEL - 2) % PER_ROUND;
    // The last rounds' fuel lies in a straight line, so that a limit can be passed in it.
    let (rounds, rest) = match end {
        End::Fuel => (rounds, rest),
        _ => (rounds - 1, rest + PER_ROUND),
    };
    raw(
        name,
        end,
        &format!(
            r#"(module (memory (export "memory") 1)
  (func (export "_start") (local $i i32)
    (local.set $i (i32.const {rounds}))
    (loop $l (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
    {}))
"#,
            "(drop (i32.const 0)) ".repeat(rest as usize)
        ),
    )
}

fn idle(name: &'static str, memory_mib: u64, output_limit: u64) -> Vector {
    raw(
        name,
        EXIT,
        r#"(module (memory (export "memory") 1) (func (export "_start")))"#,
    )
    .memory_mib(memory_mib)
    .output_limit(output_limit)
}

/// A module of exactly this size.
fn padded(name: &'static str, bytes: usize) -> Vector {
    let text = |padding: usize| {
        format!(
            r#"(module (memory (export "memory") 1) (func (export "_start")) (@custom "padding" "{}"))"#,
            "-".repeat(padding)
        )
    };
    let padding = (0..bytes)
        .find(|padding| wat::parse_str(text(*padding)).is_ok_and(|module| module.len() == bytes))
        .expect("some padding fits");
    raw(name, EXIT, &text(padding))
}

impl Vector {
    /// Must be billed its base and so many units.
    fn bill_beyond_base(mut self, units: u64) -> Vector {
        self.bill = Some(self.limit() - self.units + units);
        self
    }
}
