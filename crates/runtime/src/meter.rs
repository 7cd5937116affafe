//! No unit takes longer than 15 ms, as markets' windows expect: the worst of each kind, by the CPU time of the thread that
//! does it, so that neither other programs nor other tests count. The whole table is in `docs/runtime.md`, made by
//! `cargo xtask bench runtime`.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use crate::compile::{compile, threads_here, STACK_BYTES};
use crate::run::{conclude, finish, start, Setup};
use crate::units::MODULE_BYTES_PER_UNIT;
use crate::verify::MILLISECONDS_PER_UNIT;
use crate::wasi::{Prices, PRICES};
use crate::{
    scan, v1, BackEnd, Blob, End, JobSpec, RunRequest, FUEL_PER_UNIT, MAX_BODY_BYTES,
    MAX_BRANCH_TARGETS, MAX_LOOP_NESTING,
};
use wasmtime::{Engine, Module, OperatorCost};

/// How many times longer than in a release this crate's own code may take here. What a program is compiled to is the same
/// in both, and so, nearly, is what it is compiled with: tests build the compiler's crates optimised and without
/// assertions. But the functions of WASI they build as everything of ours, without optimisation. A call that does not cost
/// what it should is out by more than that.
const OURS: f64 = if cfg!(debug_assertions) { 20.0 } else { 1.0 };

/// How many times longer work may take that waits for memory, or that a compiler does, where other programs keep the
/// machine busy: they share a core's caches with it, and the memory. A quiet machine takes 13 to 15 ms for the worst.
const BUSY: f64 = 2.0;

/// CPU time of this thread, in ms.
fn cpu() -> f64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a live struct of the type that the call writes.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(failed, 0);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

fn request(text: &str, memory_mib: u64) -> RunRequest {
    let module = wat::parse_str(text).unwrap();
    let spec = JobSpec {
        hash: [3; 32],
        module: Blob::of(&module),
        args: Vec::new(),
        env: Vec::new(),
        stdin: None,
        inputs: Vec::new(),
        memory_mib,
        output_limit: 1 << 20,
        clock: 0,
        seed: None,
    };
    RunRequest {
        limit: crate::MAX_UNITS,
        spec,
        module,
        stdin: Vec::new(),
        inputs: Vec::new(),
    }
}

/// A program that does something once, and then something else until its fuel is gone.
struct Endless {
    what: &'static str,
    parts: String,
    first: String,
    round: String,
    mib: u64,
    fuel: u64,
}

impl Endless {
    fn of(what: &'static str, round: impl Into<String>) -> Endless {
        Endless {
            what,
            parts: String::new(),
            first: String::new(),
            round: round.into(),
            mib: 1,
            fuel: 60 * FUEL_PER_UNIT,
        }
    }

    fn with(self, parts: impl Into<String>) -> Endless {
        Endless {
            parts: parts.into(),
            ..self
        }
    }

    fn after(self, first: impl Into<String>) -> Endless {
        Endless {
            first: first.into(),
            ..self
        }
    }

    fn request(&self, then: &str) -> RunRequest {
        let text = format!(
            r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_advise" (func $fd_advise (param i32 i64 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_get" (func $path_filestat_get (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") {pages}) (table 10 funcref) (func $f) (elem $e declare func $f)
  (data (i32.const 1024) "out/x") {parts}
  (func (export "_start") (local $i i32) (local $x i32) (local $v v128) {first} {then}))"#,
            pages = self.mib * 16,
            parts = self.parts,
            first = self.first,
        );
        request(&text, self.mib)
    }

    /// What a unit takes, in ms; what the program does first is run by itself, and taken off.
    fn pace(&self, setup: &Setup) -> f64 {
        let whole = self.request(&format!("(loop $l {} (br $l))", self.round));
        let whole = Spent::of(&whole, self.fuel, setup);
        assert_eq!(whole.end, End::Fuel, "{}", self.what);
        let first = match self.first.is_empty() {
            true => Spent::NOTHING,
            false => Spent::of(&self.request(""), self.fuel, setup),
        };
        assert_eq!(first.end, End::Exit(0), "{}", self.what);
        let fuel = whole.fuel.checked_sub(first.fuel).unwrap();
        (whole.ms - first.ms) * FUEL_PER_UNIT as f64 / fuel as f64
    }

    fn check(&self, setup: &Setup, most: f64) {
        let pace = self.pace(setup);
        println!("{}: {pace:.2} ms a unit", self.what);
        assert!(pace <= most, "{}: {pace} ms", self.what);
    }
}

/// What a run took, compiling and hashing aside.
struct Spent {
    ms: f64,
    fuel: u64,
    end: End,
}

impl Spent {
    const NOTHING: Spent = Spent {
        ms: 0.0,
        fuel: 0,
        end: End::Exit(0),
    };

    fn of(request: &RunRequest, fuel: u64, setup: &Setup) -> Spent {
        scan(&request.module, request.spec.memory_mib).unwrap();
        let module = compile(&setup.engine, &request.module, threads_here()).unwrap();
        let run = || {
            let before = cpu();
            let ran = start(request, fuel, setup, &module).unwrap();
            let ms = cpu() - before;
            let receipt = finish(request, conclude(ran).unwrap()).receipt;
            Spent {
                ms,
                fuel: receipt.fuel,
                end: receipt.end,
            }
        };
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(v1::THREAD_STACK_BYTES);
            thread.spawn_scoped(scope, run).unwrap().join().unwrap()
        })
    }
}

fn optimised() -> Setup {
    Setup::new(v1::engine(BackEnd::Optimised).unwrap()).unwrap()
}

/// A walk through memory in which each step waits for the line that says where the next one goes.
fn walk(what: &'static str, mib: u64) -> Endless {
    let lines = mib * (1 << 20) / 64;
    let loads = format!("{}(local.get $x){}", "(i32.load ".repeat(8), ")".repeat(8));
    let layout = format!(
        r#"(loop $b
    (i32.store (i32.mul (local.get $i) (i32.const 64)) (i32.mul (i32.and (i32.add (i32.mul (local.get $i) (i32.const 1664525)) (i32.const 1013904223)) (i32.const {})) (i32.const 64)))
    (br_if $b (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const {lines}))))"#,
        lines - 1
    );
    let mut walk = Endless::of(what, format!("(local.set $x {loads}) ").repeat(10)).after(layout);
    walk.mib = mib;
    // Laying a line out takes 27 fuel, a step of the walk 21.
    walk.fuel = (12 + mib / 2) * FUEL_PER_UNIT;
    walk
}

#[test]
fn no_unit_takes_longer_than_markets_expect() {
    let setup = optimised();
    // One through 1 GiB is slower by a sixth, and takes too long to lay out here: `cargo xtask bench runtime` has it.
    walk("a walk through 256 MiB", 256).check(&setup, MILLISECONDS_PER_UNIT * BUSY);
    let worst = [
        walk("a walk through 16 MiB", 16),
        Endless::of("ref.func", "(drop (ref.func $f)) ".repeat(100)),
        Endless::of("elem.drop", "(elem.drop $d) ".repeat(100)).with("(elem $d func $f)"),
        Endless::of(
            "conversions",
            "(local.set $v (f32x4.convert_i32x4_u (local.get $v))) ".repeat(100),
        ),
        Endless::of(
            "square roots",
            "(local.set $v (f64x2.sqrt (f64x2.sqrt (local.get $v)))) ".repeat(100),
        ),
        Endless::of(
            "sixteen values that change places",
            "(call $turn (i32.const 9999)) ".repeat(100),
        )
        .with(format!(
            "(func $turn (param $n i32) {} (loop (param {v}) (result {v}) (i64.const 7) (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))) drop) {})",
            "(i64.const 9) ".repeat(16),
            "drop ".repeat(16),
            v = "i64 ".repeat(16),
        )),
    ];
    for program in worst {
        program.check(&setup, MILLISECONDS_PER_UNIT);
    }
}

/// Calls of the host, in a loop.
fn call(what: &'static str, call: &str) -> Endless {
    Endless {
        fuel: 10 * FUEL_PER_UNIT,
        ..Endless::of(what, format!("(drop {call})"))
    }
}

#[test]
fn no_host_call_takes_longer_than_its_price_allows() {
    let setup = optimised();
    // The parts of a list are empty as memory is, or are made a byte long each.
    let of_a_byte = "(loop $l (i32.store8 (i32.add (i32.const 65540) (i32.mul (local.get $i) (i32.const 8))) (i32.const 1))
        (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1024))))";
    // A path of 4 096 bytes with 64 parts.
    let long = "(memory.fill (i32.const 4096) (i32.const 0x61) (i32.const 4096))
        (loop $p (i32.store16 (i32.add (i32.const 4096) (local.get $i)) (i32.const 0x2f2e))
        (br_if $p (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 2))) (i32.const 126))))";
    let worst = [
        call("a function that is lacking", "(call $fd_advise (i32.const 3) (i64.const 0) (i64.const 0) (i32.const 0))"),
        call("random_get of 64 KiB", "(call $random_get (i32.const 0) (i32.const 65536))"),
        call("random_get of 64 bytes", "(call $random_get (i32.const 0) (i32.const 64))"),
        call("fd_read of 1 024 empty parts", "(call $fd_read (i32.const 0) (i32.const 65536) (i32.const 1024) (i32.const 64))"),
        call("fd_write of 1 024 empty parts", "(call $fd_write (i32.const 1) (i32.const 65536) (i32.const 1024) (i32.const 64))"),
        call("fd_write of 1 024 bytes in as many parts", "(call $fd_write (i32.const 1) (i32.const 65536) (i32.const 1024) (i32.const 64))").after(of_a_byte),
        call("poll_oneoff of 1 024", "(call $poll_oneoff (i32.const 65536) (i32.const 262144) (i32.const 1024) (i32.const 64))"),
        call("poll_oneoff of one", "(call $poll_oneoff (i32.const 65536) (i32.const 262144) (i32.const 1) (i32.const 64))"),
        call("path_filestat_get of 64 parts", "(call $path_filestat_get (i32.const 3) (i32.const 0) (i32.const 4096) (i32.const 4096) (i32.const 64))").after(long),
        call("path_open and fd_close", "(i32.add
            (call $path_open (i32.const 3) (i32.const 0) (i32.const 1024) (i32.const 5) (i32.const 1) (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 16))
            (call $fd_close (i32.load (i32.const 16))))"),
    ];
    for program in worst {
        program.check(&setup, MILLISECONDS_PER_UNIT * OURS);
    }
}

/// Modules that take a compiler long, each at a limit of the scan.
fn bombs() -> Vec<(&'static str, String)> {
    let list = |count: usize, what: &str| what.repeat(count);
    let module = |functions: &str| {
        format!(
            r#"(module (type $t (func (param {v}) (result {v}))) (memory (export "memory") 1) (func $f (export "_start"))
            (func $v (type $t) {}) {functions})"#,
            list(16, "(i32.const 0) "),
            v = list(16, "i32 "),
        )
    };
    // Locals that depend on each other.
    let turn = |locals: usize| -> String {
        let step = |n: usize| {
            let other = (n + 7) % locals;
            format!("(local.set {n} (i32.add (local.get {n}) (local.get {other})))")
        };
        (0..locals).map(step).collect()
    };
    let branch = "(br_if 0 (local.get 0)) ";
    let branches = list(MAX_BRANCH_TARGETS as usize, branch);
    let (loops, ends) = (
        list(MAX_LOOP_NESTING, "loop "),
        list(MAX_LOOP_NESTING, "end "),
    );
    let calls = list(MAX_BODY_BYTES / 2 - 1, "(call $f) ");
    // Sixteen values that pass through all of it; a function for itself is over too soon to be measured.
    let passing = |code: String| {
        let put = list(16, "(i32.const 0) ");
        let function = format!("(func (local i32) {put} {code} {})", list(16, "drop "));
        module(&list(20, &function))
    };
    vec![
        (
            "as many entries of a table as cost nothing",
            module(&format!(
                "(table 4000 funcref) (elem (i32.const 0) func {})",
                list(4_000, "0 ")
            )),
        ),
        (
            "all branches in all loops",
            module(&format!("(func (local i32) {loops} {branches} {ends})")),
        ),
        (
            "all branches back with 35 locals",
            module(&format!(
                "(func (local {}) (loop {} {branches}))",
                list(35, "i32 "),
                turn(35)
            )),
        ),
        (
            "511 locals through all loops",
            module(&format!(
                "(func (local {}) {loops} {} {branch} {})",
                list(511, "i32 "),
                turn(511),
                list(MAX_LOOP_NESTING, &format!("{branch} end "))
            )),
        ),
        (
            "all ifs",
            module(&format!(
                "(func (local i32) {})",
                list(8_880, "(if (local.get 0) (then)) ")
            )),
        ),
        (
            "ifs with 80 locals",
            module(&format!(
                "(func (local {}) (loop {} {} {branch}))",
                list(80, "i32 "),
                turn(80),
                list(8_800, "(if (local.get 0) (then)) ")
            )),
        ),
        (
            "all loops",
            module(&format!("(func {})", list(2_770, "loop end "))),
        ),
        (
            "all loops with values",
            passing(list(233, "(loop (type $t)) ")),
        ),
        (
            "all ifs with values",
            passing(list(247, "(if (type $t) (local.get 0) (then)) ")),
        ),
        (
            "all blocks with values",
            passing(list(255, "(block (type $t)) ")),
        ),
        ("all calls with values", passing(list(32, "(call $v) "))),
        ("a whole body of calls", module(&format!("(func {calls})"))),
    ]
}

#[test]
fn no_module_takes_longer_to_compile_than_its_bytes_cost() {
    let engine = v1::engine(BackEnd::Optimised).unwrap();
    // One thread does all of it, so that its time is that of all.
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .stack_size(STACK_BYTES)
        .build()
        .unwrap();
    for (what, text) in bombs() {
        let request = request(&text, 1);
        let ms = pool.install(|| {
            let before = cpu();
            scan(&request.module, 1).unwrap();
            Module::new(&engine, &request.module).unwrap();
            cpu() - before
        });
        let units = request.spec.module.size.div_ceil(MODULE_BYTES_PER_UNIT);
        let pace = ms / units as f64;
        println!("compiling {what}: {pace:.2} ms a unit, {ms:.0} in all");
        assert!(pace <= MILLISECONDS_PER_UNIT * BUSY, "{what}: {pace} ms");
    }
}

#[test]
fn a_price_list_without_the_dear_ones_would_be_found_out() {
    let mut config = v1::config(BackEnd::Optimised).unwrap();
    config.operator_cost(OperatorCost::new());
    let flat = Setup::new(Engine::new(&config).unwrap()).unwrap();
    let walk = walk("a walk through 16 MiB", 16);
    assert!(walk.pace(&flat) > 2.0 * walk.pace(&optimised()));
}

#[test]
fn bytes_of_the_host_that_cost_nothing_would_be_found_out() {
    let free = Setup {
        prices: Prices {
            byte_out: 0,
            ..PRICES
        },
        ..optimised()
    };
    let flood = Endless {
        // Five calls, which take long here without optimisation.
        fuel: 10_000,
        ..call(
            "random_get of much",
            "(call $random_get (i32.const 0) (i32.const 1000000))",
        )
    };
    assert!(flood.pace(&free) > MILLISECONDS_PER_UNIT * OURS);
}
