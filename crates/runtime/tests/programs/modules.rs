//! Modules at the limits of rule 11, and past each.

use super::{raw, Vector, EXIT};
use lode_runtime::{End, Invalid};

/// All of them.
pub fn all() -> Vec<Vector> {
    let body = |code: &str| {
        format!(r#"(module (memory (export "memory") 1) (func (export "_start") {code}))"#)
    };
    let with = |parts: &str| {
        format!(r#"(module {parts} (memory (export "memory") 1) (func (export "_start")))"#)
    };
    let invalid = |name, reason, text: &str| raw(name, End::Invalid(reason), text);
    let loops = |count: usize| format!("{}{}", "loop ".repeat(count), "end ".repeat(count));
    let locals = |count: usize| format!("(func (param i64) (local {}))", "i32 ".repeat(count));
    let branches = |count: usize| {
        format!(
            "(func (block (br_table {} (i32.const 0))))",
            "0 ".repeat(count)
        )
    };
    // 19 bytes each; the declaration of locals and the end are a byte each.
    let long = |bytes: usize| {
        let (constants, nops) = ((bytes - 2) / 19, (bytes - 2) % 19);
        body(&format!(
            "{} {}",
            "(drop (v128.const i64x2 0 0)) ".repeat(constants),
            "nop ".repeat(nops)
        ))
    };
    vec![
        raw(
            "module-at-its-limits",
            EXIT,
            &format!(
                r#"(module (memory (export "memory") 64) (table 500000 funcref) (table 500000 funcref)
  (func (export "_start") {})
  {}
  {})"#,
                loops(32),
                locals(999),
                branches(4096),
            ),
        ),
        raw("body-of-128-kib", EXIT, &long(128 << 10)),
        invalid(
            "invalid-body",
            Invalid::Body,
            &long((128 << 10) + 1),
        ),
        invalid(
            "invalid-locals",
            Invalid::Locals,
            &with(&locals(1000)),
        ),
        invalid(
            "invalid-loops",
            Invalid::LoopNesting,
            &body(&loops(33)),
        ),
        invalid(
            "invalid-branches",
            Invalid::BranchTargets,
            &with(&branches(4097)),
        ),
        invalid(
            "invalid-tables",
            Invalid::TableSize,
            &with("(table 500000 funcref) (table 500001 funcref)"),
        ),
        invalid(
            "invalid-entry",
            Invalid::Entry,
            r#"(module (memory (export "memory") 1) (func (export "_start") (result i32) (i32.const 0)))"#,
        ),
        invalid(
            "invalid-memory-export",
            Invalid::MemoryExport,
            r#"(module (memory (export "mem") 1) (func (export "_start")))"#,
        ),
        // What other engines speak, and runtime 1 does not.
        invalid(
            "invalid-externref",
            Invalid::Malformed,
            &with("(table 1 externref)"),
        ),
        invalid(
            "invalid-relaxed-simd",
            Invalid::Malformed,
            &with("(func (param v128) (result v128) (i8x16.relaxed_swizzle (local.get 0) (local.get 0)))"),
        ),
        invalid(
            "invalid-threads",
            Invalid::Malformed,
            &with("(func (drop (i32.atomic.load (i32.const 0))))"),
        ),
        invalid(
            "invalid-memory64",
            Invalid::Malformed,
            r#"(module (memory (export "memory") i64 1) (func (export "_start")))"#,
        ),
        invalid(
            "invalid-type",
            Invalid::Malformed,
            &body("(drop (i32.add (i32.const 1) (i64.const 1)))"),
        ),
        invalid(
            "invalid-import-type",
            Invalid::Import,
            &with(
                r#"(import "wasi_snapshot_preview1" "fd_close" (func (param i64) (result i32)))"#,
            ),
        ),
        invalid(
            "invalid-import-name",
            Invalid::Import,
            &with(
                r#"(import "wasi_snapshot_preview1" "fd_shut" (func (param i32) (result i32)))"#,
            ),
        ),
    ]
}
