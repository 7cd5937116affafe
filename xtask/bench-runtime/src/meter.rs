//! What a unit takes at worst: each instruction, host call and compile that should cost most for its price.

use crate::work::{run, Job};
use anyhow::{ensure, Context, Result};
use lode_runtime::verify::MILLISECONDS_PER_UNIT;
use lode_runtime::{
    End, FUEL_PER_UNIT, MAX_BODY_BYTES, MAX_BRANCH_TARGETS, MAX_LOCALS, MAX_LOOP_NESTING,
};

/// A line of the table.
pub struct Line {
    pub what: String,
    /// Fuel, or what costs as much.
    pub fuel: u64,
    pub ms: f64,
}

impl Line {
    pub fn per_unit(&self) -> f64 {
        self.ms * FUEL_PER_UNIT as f64 / self.fuel as f64
    }
}

/// A program, and the same without its loop where it does something before: that is no part of what is measured.
struct Program {
    text: String,
    before: Option<String>,
}

/// A loop over straight code: `count` copies of `body`, round and round until the fuel is gone.
fn endless(parts: &str, locals: &str, before: &str, body: &str, count: usize) -> Program {
    let forever = format!("(loop $forever {} (br $forever))", body.repeat(count));
    Program {
        text: program(parts, locals, before, &forever),
        before: (!before.is_empty()).then(|| program(parts, locals, before, "")),
    }
}

fn program(parts: &str, locals: &str, before: &str, then: &str) -> String {
    format!(
        r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pwrite" (func $fd_pwrite (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pread" (func $fd_pread (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_seek" (func $fd_seek (param i32 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_readdir" (func $fd_readdir (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_get" (func $fd_filestat_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_set_size" (func $set_size (param i32 i64) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sched_yield" (func $sched_yield (result i32)))
  (import "wasi_snapshot_preview1" "fd_advise" (func $fd_advise (param i32 i64 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_get" (func $path_filestat_get (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_create_directory" (func $mkdir (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_remove_directory" (func $rmdir (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_rename" (func $rename (param i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") MEMORY)
  {parts}
  (func (export "_start") {locals} {before} {then}))"#
    )
}

/// A case: what it is, its module, pages of memory, and how many units it may burn.
struct Case {
    what: String,
    program: Program,
    pages: u64,
    units: u64,
}

impl Case {
    /// CPU time in ms, and fuel, of one of its two texts.
    fn spent(&self, text: &str, expected: End) -> Result<(f64, u64)> {
        let text = text.replace("MEMORY", &self.pages.to_string());
        let mut job = Job::of_text(&text)?;
        job.memory_mib = self.pages.div_ceil(16);
        job.units = self.units;
        job.args = vec!["job".into(), "argument".repeat(100)];
        let taken = run(&job)?;
        let timing = taken.finished.timing;
        // CPU time of the run is what is left of all when compiling, which has little to do, is not counted.
        let wall = timing.compile + timing.run + timing.hash;
        let share = timing.run.as_secs_f64() / wall.as_secs_f64();
        let receipt = &taken.finished.receipt;
        ensure!(receipt.end == expected, "it ends as {}", receipt.end);
        Ok((taken.cpu.as_secs_f64() * 1e3 * share, receipt.fuel))
    }

    fn line(&self) -> Result<Line> {
        let (ms, fuel) = self.spent(&self.program.text, End::Fuel)?;
        let (ms_before, fuel_before) = match &self.program.before {
            Some(before) => self.spent(before, End::Exit(0))?,
            None => (0.0, 0),
        };
        ensure!(fuel >= fuel_before + FUEL_PER_UNIT, "all its fuel goes before its loop");
        Ok(Line {
            what: self.what.clone(),
            fuel: fuel - fuel_before,
            ms: ms - ms_before,
        })
    }
}

fn case(what: &str, program: Program) -> Case {
    Case {
        what: what.to_owned(),
        program,
        pages: 16,
        units: 200,
    }
}

/// Chains in which each instruction waits for the one before.
fn instructions() -> Vec<Case> {
    let mut list = Vec::new();
    let mut chain = |what: &str, ty: &str, start: &str, step: &str| {
        list.push(case(
            what,
            endless("", &format!("(local $x {ty})"), &format!("(local.set $x {start})"), &format!("(local.set $x {step}) "), 200),
        ));
    };
    let x = "(local.get $x)";
    chain("i32.add", "i32", "(i32.const 1)", &format!("(i32.add {x} {x})"));
    chain("i32.mul", "i32", "(i32.const 3)", &format!("(i32.mul {x} {x})"));
    chain("i32.div_s", "i32", "(i32.const -7)", &format!("(i32.div_s (i32.const 0x7fffffff) (i32.or {x} (i32.const 3)))"));
    chain("i64.mul", "i64", "(i64.const 3)", &format!("(i64.mul {x} {x})"));
    chain("i64.div_u", "i64", "(i64.const -7)", &format!("(i64.div_u (i64.const -1) (i64.or {x} (i64.const 3)))"));
    chain("i64.rem_s", "i64", "(i64.const -7)", &format!("(i64.rem_s (i64.const 0x7fffffffffffffff) (i64.or {x} (i64.const 3)))"));
    chain("i64.popcnt", "i64", "(i64.const -7)", &format!("(i64.popcnt {x})"));
    for ty in ["f32", "f64"] {
        chain(&format!("{ty}.add"), ty, &format!("({ty}.const 1.5)"), &format!("({ty}.add {x} {x})"));
        chain(&format!("{ty}.div"), ty, &format!("({ty}.const 1.5)"), &format!("({ty}.div ({ty}.const 1.1) {x})"));
        chain(&format!("{ty}.sqrt"), ty, &format!("({ty}.const 1.5)"), &format!("({ty}.sqrt {x})"));
        chain(&format!("{ty}.min"), ty, &format!("({ty}.const 1.5)"), &format!("({ty}.min {x} ({ty}.const 1.5))"));
        chain(&format!("{ty}.nearest"), ty, &format!("({ty}.const 1.5)"), &format!("({ty}.nearest {x})"));
        chain(&format!("{ty}.mul of denormals"), ty, &format!("({ty}.const 0x1p-{})", if ty == "f32" { 140 } else { 1070 }), &format!("({ty}.mul {x} ({ty}.const 1))"));
    }
    chain("f64.convert_i64_u, i64.trunc_sat_f64_u", "i64", "(i64.const -5)", &format!("(i64.trunc_sat_f64_u (f64.convert_i64_u {x}))"));
    chain("f32.convert_i64_u, i64.trunc_sat_f32_u", "i64", "(i64.const -5)", &format!("(i64.trunc_sat_f32_u (f32.convert_i64_u {x}))"));
    chain("i32.trunc_f64_u", "i32", "(i32.const 5)", &format!("(i32.trunc_f64_u (f64.convert_i32_u {x}))"));
    for op in [
        "i8x16.add", "i8x16.swizzle", "i16x8.mul", "i64x2.mul", "i32x4.dot_i16x8_s", "i16x8.q15mulr_sat_s", "i8x16.avgr_u", "i64x2.gt_s",
        "f32x4.add", "f32x4.div", "f64x2.div", "f64x2.min", "f32x4.pmax",
    ] {
        chain(op, "v128", "(v128.const f64x2 1.5 1.25)", &format!("({op} {x} (v128.const f64x2 1.5 1.25))"));
    }
    for op in [
        "i8x16.popcnt", "i64x2.abs", "f32x4.sqrt", "f64x2.sqrt", "f32x4.nearest", "i32x4.trunc_sat_f32x4_u", "i32x4.trunc_sat_f64x2_u_zero",
        "f32x4.convert_i32x4_u", "f64x2.convert_low_i32x4_u", "f32x4.demote_f64x2_zero", "f64x2.promote_low_f32x4",
    ] {
        chain(op, "v128", "(v128.const f64x2 1.5 1.25)", &format!("({op} {x})"));
    }
    chain("i8x16.shl", "v128", "(v128.const i64x2 1 2)", &format!("(i8x16.shl {x} (i32.const 3))"));
    chain("i8x16.shr_s by a lane", "v128", "(v128.const i64x2 1 2)", &format!("(i8x16.shr_s {x} (i8x16.extract_lane_u 0 {x}))"));
    chain("i64x2.shr_s by a lane", "v128", "(v128.const i64x2 1 2)", &format!("(i64x2.shr_s {x} (i8x16.extract_lane_u 0 {x}))"));
    chain("i8x16.bitmask", "v128", "(v128.const i64x2 1 2)", &format!("(i8x16.splat (i8x16.bitmask {x}))"));
    list
}

fn control() -> Vec<Case> {
    let types = "(type $t (func (param i32) (result i32)))";
    let random = "(local.set $x (i32.add (i32.mul (local.get $x) (i32.const 1664525)) (i32.const 1013904223)))";
    let many = |count: usize, text: &str| text.repeat(count);
    let arity = |count: usize| format!("(param {0}) (result {0})", many(count, "i64 "));
    let mut list = vec![
        case("a loop of nothing", endless("", "", "", "(loop $a (br_if $a (i32.const 0)))", 100)),
        case("a call of nothing", endless("(func $f)", "", "", "(call $f) ", 200)),
        case("a call, in and out of recursion", endless("(func $f (param i32) (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1))))))", "", "", "(call $f (i32.const 5000)) ", 10)),
        case("an indirect call, each another", endless(
            &format!("{types} (table funcref (elem {})) {}", (0..64).map(|n| format!("$f{n} ")).collect::<String>(),
                (0..64).map(|n| format!("(func $f{n} (type $t) (i32.add (local.get 0) (i32.const {n})))\n")).collect::<String>()),
            "(local $x i32)", "", &format!("{random} (drop (call_indirect (type $t) (local.get $x) (i32.shr_u (local.get $x) (i32.const 26)))) "), 50)),
        case("br_table, each another", endless("", "(local $x i32)", "", &format!(
            "{random} {} (br_table {} (i32.shr_u (local.get $x) (i32.const 27))) {} ",
            many(32, "(block "), (0..32).map(|n| format!("{n} ")).collect::<String>(), many(32, ") (local.set $x (i32.add (local.get $x) (i32.const 1))) ")), 8)),
        case("br_if, never guessed", endless("", "(local $x i32) (local $y i32)", "", &format!("{random} (block (br_if 0 (i32.lt_s (local.get $x) (i32.const 0))) (local.set $y (i32.add (local.get $y) (i32.const 1)))) "), 50)),
        case("ref.func", endless("(func $f) (elem declare func $f)", "", "", "(drop (ref.func $f)) ", 200)),
        case("table.get", endless("(table 10 funcref)", "", "", "(drop (table.get (i32.const 3))) ", 200)),
        case("table.set", endless("(table 10 funcref)", "", "", "(table.set (i32.const 3) (ref.null func)) ", 200)),
        case("table.fill of nothing", endless("(table 10 funcref)", "", "", "(table.fill (i32.const 3) (ref.null func) (i32.const 0)) ", 200)),
        case("table.fill", endless("(table 1000 funcref)", "", "", "(table.fill (i32.const 3) (ref.null func) (i32.const 900)) ", 200)),
        case("table.copy of nothing", endless("(table 10 funcref)", "", "", "(table.copy (i32.const 3) (i32.const 3) (i32.const 0)) ", 200)),
        case("table.copy", endless("(table 1000 funcref)", "", "", "(table.copy (i32.const 3) (i32.const 9) (i32.const 900)) ", 200)),
        case("table.init of nothing", endless("(table 10 funcref) (func $f) (elem $e func $f)", "", "", "(table.init $e (i32.const 3) (i32.const 0) (i32.const 0)) ", 200)),
        case("table.init", endless(&format!("(table 2000 funcref) (func $f) (elem $e func {})", many(900, "$f ")), "", "", "(table.init $e (i32.const 3) (i32.const 0) (i32.const 900)) ", 200)),
        case("table.grow by nothing", endless("(table 10 funcref)", "", "", "(drop (table.grow (ref.null func) (i32.const 0))) ", 200)),
        case("table.size", endless("(table 10 funcref)", "(local $x i32)", "", "(local.set $x (i32.add (local.get $x) (table.size))) ", 200)),
        case("elem.drop", endless("(func $f) (elem $e func $f)", "", "", "(elem.drop $e) ", 200)),
        case("data.drop", endless("(data $d \"x\")", "", "", "(data.drop $d) ", 200)),
        case("memory.init of nothing", endless("(data $d \"x\")", "", "", "(memory.init $d (i32.const 3) (i32.const 0) (i32.const 0)) ", 200)),
        case("memory.fill of nothing", endless("", "", "", "(memory.fill (i32.const 3) (i32.const 0) (i32.const 0)) ", 200)),
        case("memory.copy of nothing", endless("", "(local $n i32)", "", "(memory.copy (i32.const 3) (i32.const 0) (local.get $n)) ", 200)),
        case("memory.copy of a byte", endless("", "(local $n i32)", "(local.set $n (i32.const 1))", "(memory.copy (i32.const 3) (i32.const 0) (local.get $n)) ", 200)),
        case("memory.fill", endless("", "", "", "(memory.fill (i32.const 3) (i32.const 0) (i32.const 900000)) ", 20)),
        case("memory.copy", endless("", "", "", "(memory.copy (i32.const 3) (i32.const 100000) (i32.const 900000)) ", 20)),
        case("memory.grow by nothing", endless("", "", "", "(drop (memory.grow (i32.const 0))) ", 200)),
        case("memory.size", endless("", "(local $x i32)", "", "(local.set $x (i32.add (local.get $x) (memory.size))) ", 200)),
    ];
    // Values that change places on the stack, for the price of a branch.
    for count in [4, 16] {
        list.push(case(&format!("a loop that turns {count} values"), endless(
            &format!("(func $turn {} (local $n i32) {} (local.set $n (i32.const 100000)) (loop {} (i64.const 7) (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))) drop))",
                arity(count), (0..count).map(|n| format!("(local.get {n}) ")).collect::<String>(), arity(count)),
            "", "", &format!("{} (call $turn) {} ", many(count, "(i64.const 9) "), many(count, "drop ")), 1)));
    }
    // A function whose many locals are all alive in a loop that runs once.
    for (count, ty, one) in [(100, "i64", "i64"), (511, "i64", "i64"), (511, "v128", "v128")] {
        let sets: String = (0..count).map(|n| match ty {
            "v128" => format!("(local.set {n} (v128.load (i32.const {})))", n * 16),
            _ => format!("(local.set {n} (i64.load (i32.const {})))", n * 8),
        }).collect();
        let stores: String = (0..count).map(|n| format!("({one}.store (i32.const {}) (local.get {n}))", n * 16)).collect();
        list.push(case(&format!("a call of a function with {count} {ty} locals in a loop"), endless(
            &format!("(func $f (local {}) (loop $l (br_if 1 (i32.eqz (i32.load (i32.const 60000)))) {sets} {stores} (br_if $l (i32.load (i32.const 60004)))))", many(count, &format!("{ty} "))),
            "", "", "(call $f) ", 100)));
    }
    list
}

fn memory() -> Vec<Case> {
    let mut list = Vec::new();
    // A walk through all of it, each step's address in the step before: fill it with a random cycle first.
    for (mib, depth) in [(16u64, 8usize), (256, 8), (1024, 8)] {
        let slots = mib * (1 << 20) / 64;
        let build = format!(
            "(loop $b (i32.store (i32.mul (local.get $i) (i32.const 64)) (i32.mul (i32.and (i32.add (i32.mul (local.get $i) (i32.const 1664525)) (i32.const 1013904223)) (i32.const {mask})) (i32.const 64)))
               (br_if $b (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const {slots}))))",
            mask = slots - 1,
        );
        let loads = "(i32.load ".repeat(depth) + "(local.get $x)" + &")".repeat(depth);
        list.push(Case {
            pages: mib * 16,
            // The cycle is laid out first, for 27 fuel a line; the walk itself has at least 60 units.
            units: 60 + mib / 2,
            ..case(&format!("i32.load, each of another line of {mib} MiB"), endless("", "(local $i i32) (local $x i32)", &build, &format!("(local.set $x {loads}) "), 20))
        });
        // Addresses that stand in the code: nothing is paid for but the store.
        let mut at = 12_345u32;
        let stores: String = (0..9_000)
            .map(|_| {
                at = at.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                format!("(i32.store (i32.const {}) (i32.const 1)) ", u64::from(at) % (mib << 20) & !63)
            })
            .collect();
        list.push(Case {
            pages: mib * 16,
            units: 60,
            ..case(&format!("i32.store, each to another line of {mib} MiB"), endless("", "", "", &stores, 1))
        });
        let mut at = 12_345u32;
        let copies: String = (0..6_000)
            .map(|_| {
                at = at.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let to = u64::from(at) % (mib << 20) & !63;
                format!("(memory.copy (i32.const {to}) (i32.const {}) (local.get $n)) ", (to * 7 + 4096) % (mib << 20))
            })
            .collect();
        list.push(Case {
            pages: mib * 16,
            units: 60,
            ..case(&format!("memory.copy of a byte, each in another line of {mib} MiB"), endless("", "(local $n i32)", "(local.set $n (i32.const 1))", &copies, 1))
        });
    }
    // Code and tables that no cache holds.
    for functions in [1_000usize, 20_000] {
        let all: String = (0..functions)
            .map(|n| {
                let to = (n.wrapping_mul(48_271) + 11) % functions;
                format!("(func $f{n} (param i32) (if (local.get 0) (then (return_call $f{to} (i32.sub (local.get 0) (i32.const 1))))))\n")
            })
            .collect();
        // A module must have 32 bytes for each function.
        let all = format!("{all} (data \"{}\")", "-".repeat(functions * 32));
        list.push(case(&format!("return_call, each to another of {functions} functions"), endless(&all, "", "", &format!("(call $f0 (i32.const {functions})) "), 1)));
        let table: String = (0..functions).map(|n| format!("$f{n} ")).collect();
        let all: String = (0..functions)
            .map(|n| format!("(func $f{n} (param i32) (result i32) (i32.add (local.get 0) (i32.const {n})))\n"))
            .collect();
        let all = format!("{all} (data \"{}\")", "-".repeat(functions * 32));
        list.push(case(&format!("call_indirect, each to another of {functions} functions"), endless(
            &format!("(type $t (func (param i32) (result i32))) (table funcref (elem {table})) {all}"), "(local $x i32)", "",
            &format!("(local.set $x (call_indirect (type $t) (i32.mul (local.get $x) (i32.const 1664525)) (i32.rem_u (i32.shr_u (local.get $x) (i32.const 8)) (i32.const {functions})))) "), 20)));
    }
    list
}

fn host_calls() -> Vec<Case> {
    let call = |what: &str, before: &str, code: &str| {
        case(what, endless("(data (i32.const 1024) \"out/x/y/z\")", "(local $i i32) (local $fd i32)", before, &format!("(drop {code}) "), 20))
    };
    let list = |at: u32, bytes: u32| format!("(i32.store (i32.const 0) (i32.const {at})) (i32.store (i32.const 4) (i32.const {bytes}))");
    let open = |path: &str, flags: u32| format!("(call $path_open (i32.const 3) (i32.const 0) {path} (i32.const {flags}) (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 16))");
    // 500 entries in out, and a path of many parts.
    let fill = "(i32.store (i32.const 2048) (i32.const 0x2f74756f)) (loop $f (i32.store (i32.const 2052) (i32.add (i32.const 0x61616161) (i32.add (i32.and (local.get $i) (i32.const 15)) (i32.shl (i32.shr_u (local.get $i) (i32.const 4)) (i32.const 8))))) (drop (call $mkdir (i32.const 3) (i32.const 2048) (i32.const 8))) (br_if $f (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 240))))";
    let long = "(memory.fill (i32.const 4096) (i32.const 0x61) (i32.const 4096)) (loop $p (i32.store16 (i32.add (i32.const 4096) (local.get $i)) (i32.const 0x2f2e)) (br_if $p (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 2))) (i32.const 126))))";
    vec![
        call("sched_yield", "", "(call $sched_yield)"),
        call("a function that is lacking", "", "(call $fd_advise (i32.const 3) (i64.const 0) (i64.const 0) (i32.const 0))"),
        call("clock_time_get", "", "(call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 64))"),
        call("fd_seek", &format!("(drop {}) (local.set $fd (i32.load (i32.const 16)))", open("(i32.const 1024) (i32.const 5)", 1)), "(call $fd_seek (local.get $fd) (i64.const 0) (i32.const 0) (i32.const 64))"),
        call("fd_filestat_get", "", "(call $fd_filestat_get (i32.const 3) (i32.const 64))"),
        call("random_get of nothing", "", "(call $random_get (i32.const 0) (i32.const 0))"),
        call("random_get of 64 bytes", "", "(call $random_get (i32.const 0) (i32.const 64))"),
        call("random_get of 512 KiB", "", "(call $random_get (i32.const 0) (i32.const 524288))"),
        call("fd_write of nothing", "", "(call $fd_write (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 64))"),
        call("fd_write of 1 024 empty parts", "", "(call $fd_write (i32.const 1) (i32.const 65536) (i32.const 1024) (i32.const 64))"),
        call("fd_write of 1 024 bytes in as many parts", "(loop $l (i32.store8 (i32.add (i32.const 65540) (i32.mul (local.get $i) (i32.const 8))) (i32.const 1)) (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1024))))", "(call $fd_write (i32.const 1) (i32.const 65536) (i32.const 1024) (i32.const 64))"),
        call("fd_pwrite of 512 KiB over itself", &format!("{} (drop {}) (local.set $fd (i32.load (i32.const 16)))", list(65_536, 524_288), open("(i32.const 1024) (i32.const 5)", 1)), "(call $fd_pwrite (local.get $fd) (i32.const 0) (i32.const 1) (i64.const 0) (i32.const 64))"),
        call("fd_pwrite of a byte in a file of 512 KiB", &format!("{} (drop {}) (local.set $fd (i32.load (i32.const 16))) (drop (call $set_size (local.get $fd) (i64.const 524288)))", list(65_536, 1), open("(i32.const 1024) (i32.const 5)", 1)), "(call $fd_pwrite (local.get $fd) (i32.const 0) (i32.const 1) (i64.const 9000) (i32.const 64))"),
        call("fd_filestat_set_size, up and down by 512 KiB", &format!("(drop {}) (local.set $fd (i32.load (i32.const 16)))", open("(i32.const 1024) (i32.const 5)", 1)), "(i32.add (call $set_size (local.get $fd) (i64.const 524288)) (call $set_size (local.get $fd) (i64.const 0)))"),
        call("fd_pread of 512 KiB", &format!("{} (drop {}) (local.set $fd (i32.load (i32.const 16))) (drop (call $set_size (local.get $fd) (i64.const 524288)))", list(65_536, 524_288), open("(i32.const 1024) (i32.const 5)", 1)), "(call $fd_pread (local.get $fd) (i32.const 0) (i32.const 1) (i64.const 0) (i32.const 64))"),
        call("fd_read of nothing", "", "(call $fd_read (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 64))"),
        call("fd_read of 1 024 empty parts", "", "(call $fd_read (i32.const 0) (i32.const 65536) (i32.const 1024) (i32.const 64))"),
        call("fd_readdir of 240 entries", &format!("{fill} (drop {}) (local.set $fd (i32.load (i32.const 16)))", open("(i32.const 1024) (i32.const 3)", 0).replace("i64.const 66", "i64.const 2")), "(call $fd_readdir (local.get $fd) (i32.const 65536) (i32.const 60000) (i64.const 0) (i32.const 64))"),
        call("fd_readdir of one entry", &format!("{fill} (drop {}) (local.set $fd (i32.load (i32.const 16)))", open("(i32.const 1024) (i32.const 3)", 0).replace("i64.const 66", "i64.const 2")), "(call $fd_readdir (local.get $fd) (i32.const 65536) (i32.const 30) (i64.const 200) (i32.const 64))"),
        call("poll_oneoff of 1 024", "", "(call $poll_oneoff (i32.const 65536) (i32.const 262144) (i32.const 1024) (i32.const 64))"),
        call("poll_oneoff of one", "", "(call $poll_oneoff (i32.const 65536) (i32.const 262144) (i32.const 1) (i32.const 64))"),
        call("path_filestat_get", "", "(call $path_filestat_get (i32.const 3) (i32.const 0) (i32.const 1024) (i32.const 3) (i32.const 64))"),
        call("path_filestat_get of 64 parts, 4 096 bytes", long, "(call $path_filestat_get (i32.const 3) (i32.const 0) (i32.const 4096) (i32.const 4096) (i32.const 64))"),
        call("path_open and fd_close", "", &format!("(i32.add {} (call $fd_close (i32.load (i32.const 16))))", open("(i32.const 1024) (i32.const 5)", 1))),
        call("path_open and fd_close, 1 000 descriptors open", &format!("(loop $l (drop {}) (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000))))", open("(i32.const 1024) (i32.const 5)", 1)), &format!("(i32.add {} (call $fd_close (i32.load (i32.const 16))))", open("(i32.const 1024) (i32.const 5)", 1))),
        call("path_create_directory and path_remove_directory", "", "(i32.add (call $mkdir (i32.const 3) (i32.const 1024) (i32.const 5)) (call $rmdir (i32.const 3) (i32.const 1024) (i32.const 5)))"),
        call("path_rename", "(drop (call $mkdir (i32.const 3) (i32.const 1024) (i32.const 5)))", "(call $rename (i32.const 3) (i32.const 1024) (i32.const 5) (i32.const 3) (i32.const 1024) (i32.const 5))"),
        call("args_get", "", "(call $args_get (i32.const 65536) (i32.const 262144))"),
    ]
}

/// A module of a function that does this as often as the largest body may hold it.
fn filled(locals: &str, code: &str) -> Result<String> {
    let module = |count: usize| {
        format!(
            r#"(module (type $n (func)) (table 10 funcref) (elem declare func $f) (memory (export "memory") 1)
            (func $f (export "_start")) (func $g (param i32) (result i32) (local.get 0)) (func {locals} {}))"#,
            code.repeat(count)
        )
    };
    let bytes = |count: usize| anyhow::Ok(wat::parse_str(module(count))?.len());
    let each = (bytes(200)? - bytes(100)?) / 100;
    // Its locals and its end have their bytes too.
    Ok(module((MAX_BODY_BYTES - 64) / each))
}

/// Modules that should take a compiler long, at the limits of the scan; units are those of the base.
fn compiles() -> Result<Vec<(String, String)>> {
    let module = |functions: &str| {
        format!(r#"(module (memory (export "memory") 1) (func (export "_start")) {functions})"#)
    };
    let branches = |to: &str| format!("(br_if {to} (local.get 0)) ").repeat(MAX_BRANCH_TARGETS as usize);
    let (loops, ends) = ("loop ".repeat(MAX_LOOP_NESTING), "end ".repeat(MAX_LOOP_NESTING));
    let most = MAX_LOCALS as usize - 1;
    let sets = |count: usize| (0..count).map(|n| format!("(local.set {n} (i32.add (local.get {n}) (local.get {})))", (n + 7) % count)).collect::<String>();
    let ifs = |count: usize| "(if (local.get 0) (then)) ".repeat(count);
    // Functions through all of which sixteen values pass.
    let passing = |code: &str| {
        let (values, put) = ("i32 ".repeat(16), "(i32.const 0) ".repeat(16));
        let function = format!("(func (local i32) {put} {code} {})", "drop ".repeat(16));
        module(&format!("(type $t (func (param {values}) (result {values}))) (func $v (type $t) {put}) {}", function.repeat(20)))
    };
    let mut list = vec![
        ("32 loops, 8 192 branches".to_owned(), module(&format!("(func (local i32) {loops} {} {ends})", branches("0")).repeat(4))),
        ("32 loops, 8 192 branches out of half of them".to_owned(), module(&format!("(func (local i32) {loops} {} {ends})", branches("16")).repeat(4))),
        ("many small functions".to_owned(), module(&format!("{} {}", "(func (param i32) (result i32) (local.get 0))".repeat(12_000), r#"(data "0123456789abcdef0123456789abcdef")"#.repeat(9_000)))),
        ("512 KiB of arithmetic".to_owned(), filled("(local i32 i32)", "(local.set 0 (i32.mul (i32.add (local.get 0) (local.get 1)) (i32.xor (local.get 0) (i32.const 77)))) ")?),
        ("512 KiB of SIMD".to_owned(), filled("(local v128)", "(local.set 0 (i8x16.popcnt (i8x16.shr_s (local.get 0) (i32.const 3)))) ")?),
        ("512 KiB of conversions".to_owned(), filled("(local f64)", "(local.set 0 (f64.convert_i64_u (i64.trunc_sat_f64_u (local.get 0)))) ")?),
        ("512 KiB of loads".to_owned(), filled("(local i32)", "(local.set 0 (i32.load offset=9 (local.get 0))) ")?),
        ("512 KiB of calls with a value".to_owned(), filled("(local i32)", "(local.set 0 (call $g (local.get 0))) ")?),
        ("512 KiB of calls".to_owned(), filled("", "(call $f) ")?),
        ("512 KiB of selects".to_owned(), filled("(local i32 i32)", "(local.set 0 (select (local.get 1) (local.get 0) (local.get 1))) ")?),
        ("512 KiB of indirect calls".to_owned(), filled("", "(call_indirect (type $n) (i32.const 0)) ")?),
        ("512 KiB of ref.func".to_owned(), filled("", "(drop (ref.func $f)) ")?),
        ("8 880 ifs".to_owned(), module(&format!("(func (local i32) {})", ifs(8_880)))),
        ("8 000 ifs that set".to_owned(), module(&format!("(func (local i32 i32) {})", "(if (local.get 0) (then (local.set 1 (local.get 0))) (else (local.set 0 (i32.const 3)))) ".repeat(8_000)).repeat(4))),
        ("80 locals through 8 800 ifs".to_owned(), module(&format!("(func (local {}) (loop {} {} (br_if 0 (local.get 0))))", "i32 ".repeat(80), sets(80), ifs(8_800)))),
        ("2 770 loops".to_owned(), module(&format!("(func {})", "loop end ".repeat(2_770)))),
        ("233 loops through which 16 values pass".to_owned(), passing(&"(loop (type $t)) ".repeat(233))),
        ("247 ifs through which 16 values pass".to_owned(), passing(&"(if (type $t) (local.get 0) (then)) ".repeat(247))),
        ("255 blocks through which 16 values pass".to_owned(), passing(&"(block (type $t)) ".repeat(255))),
        ("32 calls that take and give 16 values".to_owned(), passing(&"(call $v) ".repeat(32))),
        ("passive data segments".to_owned(), module(&r#"(data "x")"#.repeat(4_000))),
        ("all active data segments there may be".to_owned(), module(&r#"(data (i32.const 0) "0123456789abcdef")"#.repeat(40_960))),
        ("entries of a table".to_owned(), module(&format!("(table 4000 funcref) (elem (i32.const 0) func {})", "0 ".repeat(4_000)))),
        ("exports".to_owned(), module(&(0..30_000).map(|n| format!(r#"(export "e{n}" (func 0))"#)).collect::<String>())),
        ("types".to_owned(), module(&(0..900).map(|n| format!("(type (func (param {})))", "i32 i64 ".repeat(n % 450))).collect::<String>())),
    ];
    for (locals, branches) in [(35usize, MAX_BRANCH_TARGETS as usize), (30, 2000), (100, 400), (250, 170), (most, 90)] {
        list.push((
            format!("{locals} locals in a loop with {branches} branches back"),
            module(&format!("(func (local {}) (loop $l {} {}))", "i32 ".repeat(locals), sets(locals), "(br_if $l (local.get 0)) ".repeat(branches))),
        ));
    }
    for (locals, loops) in [(most, MAX_LOOP_NESTING), (250, MAX_LOOP_NESTING)] {
        list.push((
            format!("{locals} locals through {loops} loops"),
            module(&format!("(func (local {}) {} {} (br_if 0 (local.get 0)) {})", "i32 ".repeat(locals), "loop ".repeat(loops), sets(locals), "(br_if 0 (local.get 0)) end ".repeat(loops))),
        ));
    }
    list.push((
        "br_table of 90 with 511 locals".to_owned(),
        module(&format!(
            "(func (local {}) (loop $l {} (br_table {} (local.get 0))))",
            "i32 ".repeat(most), sets(most), "$l ".repeat(90)
        )),
    ));
    list.push((
        "br_table of 8 192 with 12 locals".to_owned(),
        module(&format!(
            "(func (local {}) (loop $l {} (br_table {} (local.get 0))))",
            "i32 ".repeat(12), sets(12), "$l ".repeat(MAX_BRANCH_TARGETS as usize)
        ).repeat(4)),
    ));
    Ok(list)
}

/// Measures all; `only` bounds what is measured to names that hold it. Returns where a unit took longer than markets
/// expect.
pub fn measure(only: &str, mut line: impl FnMut(&str, &Line)) -> Result<Vec<String>> {
    let mut slow = Vec::new();
    let mut said = |group: &str, measured: Line| {
        line(group, &measured);
        if measured.per_unit() > MILLISECONDS_PER_UNIT {
            slow.push(format!("{}, {:.2} ms", measured.what, measured.per_unit()));
        }
    };
    for (group, cases) in [
        ("instructions", instructions()),
        ("control and tables", control()),
        ("memory", memory()),
        ("host calls", host_calls()),
    ] {
        for case in cases.into_iter().filter(|case| case.what.contains(only) || group.contains(only)) {
            said(group, case.line().with_context(|| case.what.clone())?);
        }
    }
    for (what, text) in compiles()?.into_iter().filter(|(what, _)| what.contains(only) || "compiling".contains(only)) {
        let job = Job::of_text(&text).with_context(|| what.clone())?;
        let taken = run(&job).with_context(|| what.clone())?;
        let units = (job.module.len() as u64).div_ceil(512);
        let end = taken.finished.receipt.end;
        ensure!(end == End::Exit(0), "{what} ends as {end}");
        said("compiling", Line {
            what,
            fuel: units * FUEL_PER_UNIT,
            ms: taken.cpu.as_secs_f64() * 1e3,
        });
    }
    Ok(slow)
}
