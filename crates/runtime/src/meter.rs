//! No unit takes longer than 15 ms, as markets' windows expect: the worst of each kind, by CPU time. The whole table
//! is in `docs/runtime.md`, made by `cargo xtask bench runtime`.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use crate::run::{run_with, Setup};
use crate::verify::MILLISECONDS_PER_UNIT;
use crate::{v1, BackEnd, Blob, End, JobSpec, Outcome, RunRequest};
use wasmtime::{Engine, OperatorCost};

/// CPU time of this process, in ms: what other programs take does not count.
fn cpu() -> f64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a live struct of the type that the call writes.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    assert_eq!(failed, 0);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

fn request(text: &str, memory_mib: u64, units: u64) -> RunRequest {
    let module = wat::parse_str(text).unwrap();
    let spec = JobSpec {
        hash: [3; 32],
        module: Blob::of(&module),
        args: Vec::new(),
        env: Vec::new(),
        stdin: None,
        inputs: Vec::new(),
        memory_mib,
        output_limit: 0,
        clock: 0,
        seed: None,
    };
    RunRequest {
        limit: spec.base_units() + units,
        spec,
        module,
        stdin: Vec::new(),
        inputs: Vec::new(),
    }
}

/// What a unit of a program takes that runs until its fuel is gone, compiling aside.
fn pace(request: &RunRequest, setup: impl FnOnce() -> Setup + Send) -> f64 {
    let before = cpu();
    let Outcome::Receipt(finished) = run_with(request, || Ok(setup())).unwrap() else {
        return f64::INFINITY;
    };
    let all = cpu() - before;
    assert_eq!(finished.receipt.end, End::Fuel);
    let timing = finished.timing;
    let wall = timing.compile + timing.run + timing.hash;
    let share = timing.run.as_secs_f64() / wall.as_secs_f64();
    all * share / (finished.receipt.units - request.spec.base_units()) as f64
}

fn optimised() -> Setup {
    Setup::new(v1::engine(BackEnd::Optimised).unwrap()).unwrap()
}

/// A walk through 16 MiB in which each step waits for the memory that says where the next one goes.
fn walk(units: u64) -> RunRequest {
    let loads = format!("{}(local.get $x){}", "(i32.load ".repeat(8), ")".repeat(8));
    request(
        &format!(
            r#"(module (memory (export "memory") 256) (func (export "_start") (local $i i32) (local $x i32)
  (loop $b
    (i32.store (i32.mul (local.get $i) (i32.const 64)) (i32.mul (i32.and (i32.add (i32.mul (local.get $i) (i32.const 1664525)) (i32.const 1013904223)) (i32.const 262143)) (i32.const 64)))
    (br_if $b (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 262144))))
  (loop $l {} (br $l))))"#,
            format!("(local.set $x {loads}) ").repeat(10)
        ),
        16,
        units,
    )
}

fn endless(parts: &str, code: &str) -> RunRequest {
    let text = format!(
        r#"(module (memory (export "memory") 1) (table 10 funcref) (func $f) (elem $e declare func $f) {parts}
  (func (export "_start") (local $x v128) (loop $l {} (br $l))))"#,
        code.repeat(100)
    );
    request(&text, 1, 60)
}

#[test]
fn no_unit_takes_longer_than_markets_expect() {
    let worst = [
        ("a walk through memory", walk(60)),
        ("ref.func", endless("", "(drop (ref.func $f)) ")),
        (
            "elem.drop",
            endless("(elem $d func $f)", "(elem.drop $d) "),
        ),
        (
            "conversions",
            endless("", "(local.set $x (f32x4.convert_i32x4_u (local.get $x))) "),
        ),
        (
            "square roots",
            endless("", "(local.set $x (f64x2.sqrt (f64x2.sqrt (local.get $x)))) "),
        ),
        (
            "sixteen values that change places",
            endless(
                &format!(
                    "(func $turn (param $n i32) {} (loop (param {v}) (result {v}) (i64.const 7) (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))) drop) {})",
                    "(i64.const 9) ".repeat(16),
                    "drop ".repeat(16),
                    v = "i64 ".repeat(16),
                ),
                "(call $turn (i32.const 9999)) ",
            ),
        ),
    ];
    for (what, request) in worst {
        let pace = pace(&request, optimised);
        println!("{what}: {pace:.2} ms a unit");
        assert!(pace <= MILLISECONDS_PER_UNIT, "{what}: {pace} ms");
    }
}

#[test]
fn a_price_list_without_the_dear_ones_would_be_found_out() {
    let flat = || {
        let mut config = v1::config(BackEnd::Optimised).unwrap();
        config.operator_cost(OperatorCost::new());
        Setup::new(Engine::new(&config).unwrap()).unwrap()
    };
    let walk = walk(12);
    assert!(pace(&walk, flat) > 2.0 * pace(&walk, optimised));
}
