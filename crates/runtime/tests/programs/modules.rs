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
    // A body of so many bytes: no locals, an instruction that does nothing again and again, the end.
    let long = |body: usize| {
        let mut first = wat::parse_str(with("")).expect("a module");
        let code = first.split_off(first.len() - 6);
        assert_eq!(code, [10, 4, 1, 2, 0, 0x0b]);
        first.push(10);
        first.extend(leb(1 + leb(body).len() + body));
        first.push(1);
        first.extend(leb(body));
        first.push(0);
        Some((first, 1, body - 2, vec![0x0b]))
    };
    // So many types, of which none is read.
    let types = |count: usize| {
        let mut first = b"\0asm\x01\0\0\0\x01".to_vec();
        first.extend(leb(leb(count).len() + count));
        first.extend(leb(count));
        Some((first, 0, count, Vec::new()))
    };
    // So many entries for a table.
    let entries = |count: usize| {
        let mut first = wat::parse_str(with("")).expect("a module");
        let code = first.split_off(first.len() - 6);
        first.push(9);
        first.extend(leb(3 + leb(count).len() + count));
        // one list, of functions, for whoever asks
        first.extend([1, 1, 0]);
        first.extend(leb(count));
        Some((first, 0, count, code))
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
                locals(511),
                branches(8192),
            ),
        ),
        Vector {
            long: long(512 << 10),
            ..raw("body-of-512-kib", EXIT, "")
        },
        Vector {
            long: long((512 << 10) + 1),
            ..invalid("invalid-body", Invalid::Body, "")
        },
        invalid(
            "invalid-locals",
            Invalid::Locals,
            &with(&locals(512)),
        ),
        invalid(
            "invalid-loops",
            Invalid::LoopNesting,
            &body(&loops(33)),
        ),
        invalid(
            "invalid-branches",
            Invalid::BranchTargets,
            &with(&branches(8193)),
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
        invalid(
            "invalid-values",
            Invalid::Values,
            &body(&format!(
                "{} (loop (param {}) {})",
                "(i32.const 1) ".repeat(17),
                "i32 ".repeat(17),
                "drop ".repeat(17)
            )),
        ),
        invalid(
            "invalid-crossings",
            Invalid::Crossings,
            &with(&format!(
                "(func (param i32) (local {}) (loop {}))",
                "i32 ".repeat(99),
                "(br_if 0 (local.get 0)) ".repeat(490)
            )),
        ),
        invalid(
            "invalid-functions",
            Invalid::Functions,
            &with(&"(func) ".repeat(1250)),
        ),
        Vector {
            long: types(65_537),
            ..invalid("invalid-parts", Invalid::Parts, "")
        },
        Vector {
            long: entries(4_000),
            ..raw("set-up-of-4000-entries", EXIT, "")
        },
        Vector {
            long: entries(5_000),
            ..invalid("invalid-set-up", Invalid::SetUp, "")
        },
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

/// A number as WebAssembly writes it.
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
