//! WebAssembly itself: control, memory, tables, and the ends they can come to.

use super::{program, raw, start, Vector, EXIT};
use lode_runtime::{End, Trap};

/// All of them.
pub fn all() -> Vec<Vector> {
    let mut list = vec![control(), tail_calls(), loads_and_stores(), vector_memory()];
    list.extend(bulk_memory());
    list.extend(tables());
    list.extend(growth());
    list.extend(traps());
    list
}

/// A module that prints bytes from 8 192 on, as many as `$out` passed, and has the given functions besides.
fn printing(name: &'static str, parts: &str, main: &str) -> Vector {
    raw(
        name,
        EXIT,
        &format!(
            r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (global $out (mut i32) (i32.const 8192))
  (func $put (param i32) (i32.store (global.get $out) (local.get 0)) (global.set $out (i32.add (global.get $out) (i32.const 4))))
  (func $putl (param i64) (i64.store (global.get $out) (local.get 0)) (global.set $out (i32.add (global.get $out) (i32.const 8))))
{parts}
  (func (export "_start")
{main}
    (i32.store (i32.const 0) (i32.const 8192))
    (i32.store (i32.const 4) (i32.sub (global.get $out) (i32.const 8192)))
    (if (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable))))
"#
        ),
    )
}

fn words(list: &[u32]) -> Vec<u8> {
    list.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn longs(list: &[u64]) -> Vec<u8> {
    list.iter().flat_map(|long| long.to_le_bytes()).collect()
}

fn control() -> Vector {
    printing(
        "control",
        r#"  (global $fixed i32 (i32.const 77))
  (global $long (mut i64) (i64.const -5))
  (func $divided (param i32 i32) (result i32 i32)
    (i32.div_u (local.get 0) (local.get 1)) (i32.rem_u (local.get 0) (local.get 1)))
  (func $fibonacci (param $n i32) (result i64)
    (if (result i64) (i32.lt_u (local.get $n) (i32.const 2))
      (then (i64.extend_i32_u (local.get $n)))
      (else (i64.add (call $fibonacci (i32.sub (local.get $n) (i32.const 1))) (call $fibonacci (i32.sub (local.get $n) (i32.const 2)))))))
  (func $switch (param i32) (result i32)
    (block $other (block $two (block $one (block $zero
      (br_table $zero $one $two $other (local.get 0)))
      (return (i32.const 100))) (return (i32.const 101))) (return (i32.const 102)))
    (i32.const 103))
  (func $early (param i32) (result i32)
    nop
    (block (br_if 0 (i32.eqz (local.get 0))) (return (i32.const 1)))
    (i32.const 2))"#,
        r#"    (local $i i32)
    (call $put (global.get $fixed))
    (global.set $long (i64.mul (global.get $long) (i64.const 3))) (call $putl (global.get $long))
    (call $divided (i32.const 47) (i32.const 5)) (call $put) (call $put)
    (call $putl (call $fibonacci (i32.const 15)))
    (loop $l (call $put (call $switch (local.get $i))) (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 5))))
    (call $put (call $early (i32.const 0))) (call $put (call $early (i32.const 9)))
    (call $put (select (i32.const 5) (i32.const 6) (i32.const 0)))
    (call $put (select (result i32) (i32.const 5) (i32.const 6) (i32.const 1)))
    ;; A block that takes and gives two values.
    (i32.const 20) (i32.const 8)
    (block (param i32 i32) (result i32 i32) (call $divided))
    (call $put) (call $put)
    (block $done (br $done) unreachable)
    (drop (f32.const 1)) (drop (f64.const 1))
    ;; Ten thousand levels deep, and back.
    (call $put (call $deep (i32.const 10000)))"#,
    )
    .with_parts(
        "  (func $deep (param i32) (result i32) (if (result i32) (local.get 0) (then (i32.add (i32.const 1) (call $deep (i32.sub (local.get 0) (i32.const 1))))) (else (i32.const 0))))",
    )
    .stdout(
        [
            words(&[77]),
            longs(&[(-15i64) as u64]),
            words(&[2, 9]),
            longs(&[610]),
            words(&[100, 101, 102, 103, 103, 2, 1, 6, 5, 4, 2, 10_000]),
        ]
        .concat(),
    )
}

fn tail_calls() -> Vector {
    printing(
        "tail-calls",
        r#"  (table funcref (elem $even $odd))
  (type $t (func (param i32) (result i32)))
  (func $even (type $t) (if (result i32) (local.get 0) (then (return_call $odd (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 1))))
  (func $odd (type $t) (if (result i32) (local.get 0) (then (return_call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0))) (else (i32.const 0))))
  (func $sum (param $n i64) (param $total i64) (result i64)
    (if (result i64) (i64.eqz (local.get $n)) (then (local.get $total))
      (else (return_call $sum (i64.sub (local.get $n) (i64.const 1)) (i64.add (local.get $total) (local.get $n))))))"#,
        r#"    ;; Deeper than any stack: a tail call takes none.
    (call $put (call $even (i32.const 1000001)))
    (call $put (call $even (i32.const 1000000)))
    (call $putl (call $sum (i64.const 1000000) (i64.const 0)))"#,
    )
    .stdout([words(&[0, 1]), longs(&[500_000_500_000])].concat())
}

fn loads_and_stores() -> Vector {
    let mut main = String::new();
    // Unaligned, with an offset, and the last bytes of the memory.
    for (index, (kind, load, store)) in [
        ("i32", "load", "store"),
        ("i32", "load8_s", "store8"),
        ("i32", "load8_u", "store8"),
        ("i32", "load16_s", "store16"),
        ("i32", "load16_u", "store16"),
        ("i64", "load", "store"),
        ("i64", "load8_s", "store8"),
        ("i64", "load8_u", "store8"),
        ("i64", "load16_s", "store16"),
        ("i64", "load16_u", "store16"),
        ("i64", "load32_s", "store32"),
        ("i64", "load32_u", "store32"),
    ]
    .into_iter()
    .enumerate()
    {
        let put = if kind == "i32" { "$put" } else { "$putl" };
        main.push_str(&format!(
            "    ({kind}.{store} offset=3 align=1 (i32.const {at}) ({kind}.const 0x89abcdef))
    (call {put} ({kind}.{load} offset=1 align=1 (i32.const {back})))
    ({kind}.{store} (i32.const {last}) ({kind}.const -2))
    (call {put} ({kind}.{load} (i32.const {last})))\n",
            at = 1024 + 32 * index,
            back = 1026 + 32 * index,
            last = 65_536 - if kind == "i32" { 4 } else { 8 },
        ));
    }
    main.push_str(
        r#"    (f32.store align=1 (i32.const 2001) (f32.const 1.5)) (call $put (i32.reinterpret_f32 (f32.load align=1 (i32.const 2001))))
    (f64.store align=1 (i32.const 2011) (f64.const -2.25)) (call $putl (i64.reinterpret_f64 (f64.load align=1 (i32.const 2011))))
    ;; A signalling NaN is carried, not quieted.
    (f32.store (i32.const 2024) (f32.const nan:0x1)) (call $put (i32.load (i32.const 2024)))
    (call $put (memory.size))"#,
    );
    let mut expected = Vec::new();
    let w: [u32; 5] = [0x89ab_cdef, 0xffff_ffef, 0xef, 0xffff_cdef, 0xcdef];
    // What was stored at the end is all ones but for its last bit; narrow stores leave what stood above.
    let ends: [u32; 5] = [0xffff_fffe, 0xffff_fffe, 0xfe, 0xffff_fffe, 0xfffe];
    for (value, end) in w.into_iter().zip(ends) {
        expected.extend(words(&[value, end]));
    }
    let l: [u64; 7] = [
        0x89ab_cdef,
        0xffff_ffff_ffff_ffef,
        0xef,
        0xffff_ffff_ffff_cdef,
        0xcdef,
        0xffff_ffff_89ab_cdef,
        0x89ab_cdef,
    ];
    let ends: [u64; 7] = [
        u64::MAX - 1,
        u64::MAX - 1,
        0xfe,
        u64::MAX - 1,
        0xfffe,
        u64::MAX - 1,
        0xffff_fffe,
    ];
    for (value, end) in l.into_iter().zip(ends) {
        expected.extend(longs(&[value, end]));
    }
    expected.extend(words(&[1.5f32.to_bits()]));
    expected.extend(longs(&[(-2.25f64).to_bits()]));
    expected.extend(words(&[0x7f80_0001, 1]));
    printing("loads-and-stores", "", &main).stdout(expected)
}

fn vector_memory() -> Vector {
    let mut main = String::from(
        "    (v128.store (i32.const 1024) (v128.const i8x16 0x80 1 0x82 3 0x84 5 0x86 7 0x88 9 0x8a 11 0x8c 13 0x8e 15))\n",
    );
    let put = "(v128.store (global.get $out) ";
    let step = ") (global.set $out (i32.add (global.get $out) (i32.const 16)))\n";
    for load in [
        "load",
        "load8x8_s",
        "load8x8_u",
        "load16x4_s",
        "load16x4_u",
        "load32x2_s",
        "load32x2_u",
        "load8_splat",
        "load16_splat",
        "load32_splat",
        "load64_splat",
        "load32_zero",
        "load64_zero",
    ] {
        main.push_str(&format!(
            "    {put}(v128.{load} offset=1 align=1 (i32.const 1024)){step}"
        ));
    }
    for (bits, lane) in [(8, 15), (16, 7), (32, 3), (64, 1)] {
        main.push_str(&format!(
            "    {put}(v128.load{bits}_lane align=1 {lane} (i32.const 1025) (v128.const i64x2 -1 -1)){step}"
        ));
        main.push_str(&format!(
            "    {put}(v128.const i64x2 0 0){step}    (v128.store{bits}_lane align=1 {lane} (i32.sub (global.get $out) (i32.const 9)) (v128.load (i32.const 1024)))\n"
        ));
    }
    for (shape, scalar, value) in [
        ("i8x16", "i32", "200"),
        ("i16x8", "i32", "40000"),
        ("i32x4", "i32", "-7"),
        ("i64x2", "i64", "-7"),
        ("f32x4", "f32", "nan:0x1"),
        ("f64x2", "f64", "-0x1p-1074"),
    ] {
        main.push_str(&format!(
            "    {put}({shape}.splat ({scalar}.const {value})){step}"
        ));
    }
    printing("simd-memory", "", &main)
}

fn bulk_memory() -> Vec<Vector> {
    vec![
        printing(
            "bulk-memory",
            r#"  (data $passive "0123456789abcdef")
  (data $empty "")
  (data (i32.const 1024) "keeper")"#,
            r#"    ;; Overlapping, forwards and backwards.
    (memory.init $passive (i32.const 2048) (i32.const 2) (i32.const 10))
    (memory.copy (i32.const 2050) (i32.const 2048) (i32.const 8))
    (call $putl (i64.load (i32.const 2048)))
    (memory.copy (i32.const 2047) (i32.const 2050) (i32.const 8))
    (call $putl (i64.load (i32.const 2047)))
    (memory.fill (i32.const 3000) (i32.const 0x1ff) (i32.const 3))
    (call $put (i32.load (i32.const 2999)))
    (call $putl (i64.load (i32.const 1024)))
    ;; Nothing, at the very end: no trap.
    (memory.copy (i32.const 65536) (i32.const 65536) (i32.const 0))
    (memory.fill (i32.const 65536) (i32.const 1) (i32.const 0))
    (memory.init $empty (i32.const 65536) (i32.const 0) (i32.const 0))
    (data.drop $passive)
    (memory.init $passive (i32.const 0) (i32.const 0) (i32.const 0))"#,
        )
        .stdout(
            [
                b"23234567".to_vec(),
                b"23456789".to_vec(),
                words(&[0xffff_ff00]),
                b"keeper\0\0".to_vec(),
            ]
            .concat(),
        ),
        trap(
            "trap-dropped-segment",
            Trap::MemoryOutOfBounds,
            r#"(data $d "x")"#,
            "(data.drop $d) (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))",
        ),
        trap(
            "trap-memory-fill",
            Trap::MemoryOutOfBounds,
            "",
            "(memory.fill (i32.const 65535) (i32.const 1) (i32.const 2))",
        ),
        trap(
            "trap-memory-copy",
            Trap::MemoryOutOfBounds,
            "",
            "(memory.copy (i32.const 0) (i32.const 65530) (i32.const 7))",
        ),
    ]
}

fn trap(name: &'static str, trap: Trap, parts: &str, code: &str) -> Vector {
    raw(
        name,
        End::Trap(trap),
        &format!(
            r#"(module (memory (export "memory") 1) {parts} (func (export "_start") {code}))"#
        ),
    )
}

fn tables() -> Vec<Vector> {
    vec![
        printing(
            "tables",
            r#"  (type $t (func (result i32)))
  (table $t 4 20 funcref)
  (table $u funcref (elem $one $two $three))
  (elem $passive func $three $two)
  (elem (table $t) (i32.const 1) func $one)
  (func $one (result i32) (i32.const 1))
  (func $two (result i32) (i32.const 2))
  (func $three (result i32) (i32.const 3))
  (func $all
    (local $i i32)
    ;; Each entry of $t: 0 if null, else what it answers.
    (loop $l
      (call $put (if (result i32) (ref.is_null (table.get $t (local.get $i))) (then (i32.const 0)) (else (call_indirect $t (type $t) (local.get $i)))))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (table.size $t)))))"#,
            r#"    (call $all)
    (table.set $t (i32.const 0) (ref.func $two))
    (table.init $t $passive (i32.const 2) (i32.const 0) (i32.const 2))
    (call $all)
    (call $put (table.grow $t (ref.func $three) (i32.const 2)))
    (table.copy $t $u (i32.const 0) (i32.const 0) (i32.const 3))
    (table.copy $t $t (i32.const 1) (i32.const 0) (i32.const 3))
    (call $all)
    (table.fill $t (i32.const 4) (ref.null func) (i32.const 2))
    (call $all)
    (elem.drop $passive)
    (table.init $t $passive (i32.const 6) (i32.const 0) (i32.const 0))
    ;; Past the declared maximum.
    (call $put (table.grow $t (ref.null func) (i32.const 15)))
    (call $put (table.grow $t (ref.null func) (i32.const 14)))
    (call $put (table.size $t))
    (call $put (table.size $u))"#,
        )
        .stdout(words(&[
            0, 1, 0, 0, // as declared
            2, 1, 3, 2, // set and initialised
            4, // grown from
            1, 1, 2, 3, 3, 3, // copied
            1, 1, 2, 3, 0, 0, // filled
            u32::MAX, 6, 20, 3,
        ])),
        trap(
            "trap-table-set",
            Trap::TableOutOfBounds,
            "(table 2 funcref)",
            "(table.set (i32.const 2) (ref.null func))",
        ),
        trap(
            "trap-table-init",
            Trap::TableOutOfBounds,
            "(table 2 funcref) (func $f) (elem $e func $f)",
            "(elem.drop $e) (table.init $e (i32.const 0) (i32.const 0) (i32.const 1))",
        ),
        trap(
            "trap-table-segment",
            Trap::TableOutOfBounds,
            "(table 2 funcref) (func $f) (elem (i32.const 1) func $f $f)",
            "",
        ),
    ]
}

fn growth() -> Vec<Vector> {
    vec![
        program(
            "grow-to-the-limit",
            EXIT,
            r#"  (func (export "_start")
    (call $byte (memory.grow (i32.const 0)))
    (call $byte (memory.grow (i32.const 62)))
    (call $byte (memory.grow (i32.const 1)))
    (call $byte (memory.size))
    (i32.store (i32.const 4194300) (i32.const 0x2a2b2c2d))
    (call $print (i32.const 4194300) (i32.const 4)))"#,
        )
        .without_maximum()
        .stdout([2, 2, 255, 64, 0x2d, 0x2c, 0x2b, 0x2a]),
        // What grew is zero, and the memory that is hashed is all of it.
        program(
            "grown-memory-is-zero",
            EXIT,
            r#"  (func (export "_start") (local $i i32)
    (drop (memory.grow (i32.const 2)))
    (local.set $i (i32.const 131072))
    (loop $l
      (if (i64.ne (i64.load (local.get $i)) (i64.const 0)) (then unreachable))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 8))) (i32.const 262144))))
    (i32.store8 (i32.const 262143) (i32.const 1)))"#,
        )
        .stdout(""),
        raw(
            "table-growth-to-a-million",
            EXIT,
            r#"(module (memory (export "memory") 1) (table $a 400000 funcref) (table $b 400000 funcref)
  (func (export "_start")
    ;; All tables together hold a million elements, and not one more.
    (if (i32.ne (table.grow $a (ref.null func) (i32.const 200001)) (i32.const -1)) (then unreachable))
    (if (i32.ne (table.grow $b (ref.null func) (i32.const 200000)) (i32.const 400000)) (then unreachable))
    (if (i32.ne (table.grow $a (ref.null func) (i32.const 1)) (i32.const -1)) (then unreachable))
    (if (i32.ne (table.grow $a (ref.null func) (i32.const 0)) (i32.const 400000)) (then unreachable))
    (table.fill $b (i32.const 599999) (ref.null func) (i32.const 1))))"#,
        ),
    ]
}

fn traps() -> Vec<Vector> {
    vec![
        trap(
            "trap-remainder",
            Trap::DivisionByZero,
            "",
            "(drop (i64.rem_u (i64.const 7) (i64.load (i32.const 0))))",
        ),
        trap(
            "trap-overflow-long",
            Trap::IntegerOverflow,
            "",
            "(drop (i64.div_s (i64.const 0x8000000000000000) (i64.sub (i64.load (i32.const 0)) (i64.const 1))))",
        ),
        trap(
            "trap-conversion-range",
            Trap::IntegerOverflow,
            "",
            "(drop (i32.trunc_f64_u (f64.add (f64.load (i32.const 0)) (f64.const 4294967296))))",
        ),
        trap(
            "trap-unaligned-end",
            Trap::MemoryOutOfBounds,
            "",
            "(drop (i64.load offset=1 align=1 (i32.const 65528)))",
        ),
        trap(
            "trap-far-offset",
            Trap::MemoryOutOfBounds,
            "",
            "(drop (i32.load8_u offset=0xffffffff (i32.const -1)))",
        ),
        trap(
            "trap-vector-store",
            Trap::MemoryOutOfBounds,
            "",
            "(v128.store (i32.const 65521) (v128.const i64x2 1 2))",
        ),
        // What was written before the trap is in the receipt all the same.
        program(
            "trap-after-output",
            End::Trap(Trap::DivisionByZero),
            &start(
                r#"
    (call $print {before})
    (drop (call $write (call $create {out/file}) {kept}))
    (drop (i32.div_u (i32.const 1) (local.get $i)))"#,
            ),
        )
        .stdout("before")
        .file("file", "kept"),
    ]
}

impl Vector {
    /// Adds functions beside the program's own.
    fn with_parts(mut self, parts: &str) -> Vector {
        self.text = self.text.replacen(
            "  (func (export \"_start\")",
            &format!("{parts}\n  (func (export \"_start\")"),
            1,
        );
        self
    }
}
