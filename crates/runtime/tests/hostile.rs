//! Programs that want a host to betray itself: they end without a receipt, on every back end and in the child.
//!
//! Run without a harness, because the child is this program again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod programs;

use lode_runtime::child::{self, Limits};
use lode_runtime::verify::{self, Place};
use lode_runtime::{run_on, BackEnd, End, HostEnd, JobSpec, Outcome, Receipt, Result, RunRequest};
use programs::Vector;
use std::time::{Duration, Instant};

fn request(vector: &Vector) -> RunRequest {
    RunRequest {
        spec: JobSpec::parse(&vector.spec()).unwrap(),
        module: vector.module(),
        stdin: vector.stdin.unwrap_or_default().to_vec(),
        inputs: vector
            .inputs
            .iter()
            .map(|(_, bytes)| bytes.to_vec())
            .collect(),
        limit: vector.limit(),
    }
}

fn in_child(vector: &Vector, limits: Limits) -> Result<Outcome> {
    let request = request(vector);
    child::run(
        &vector.spec(),
        &request.module,
        &request.stdin,
        &request.inputs,
        request.limit,
        limits,
    )
}

const SHORT: Limits = Limits {
    wall: Duration::from_secs(120),
    cpu_seconds: 120,
};

fn exit(code: u32) -> String {
    format!(r#"(func (export "_start") (call $proc_exit (i32.const {code})))"#)
}

fn receipt(outcome: Result<Outcome>) -> Receipt {
    match outcome.unwrap() {
        Outcome::Receipt(finished) => finished.receipt,
        Outcome::Host(end) => panic!("{end}"),
    }
}

const ENDLESS: &str = r#"(func (export "_start") (loop $l (br $l)))"#;

fn the_child_comes_to_the_same_receipts() {
    assert_eq!(verify::differences_at(Place::Child), []);
}

fn endless_recursion_is_a_host_end_everywhere() {
    let recursion = programs::program(
        "deep-recursion",
        End::Fuel,
        r#"(func $f (param i64) (result i64) (i64.add (i64.const 1) (call $f (local.get 0))))
           (func (export "_start") (drop (call $f (i64.const 0))))"#,
    );
    for back_end in BackEnd::ALL {
        let outcome = run_on(&request(&recursion), back_end).unwrap();
        assert_eq!(outcome, Outcome::Host(HostEnd::Stack), "{back_end:?}");
    }
    let outcome = in_child(&recursion, SHORT).unwrap();
    assert_eq!(outcome, Outcome::Host(HostEnd::Stack));
}

fn a_job_that_takes_too_long_is_killed() {
    let endless = endless();
    let started = Instant::now();
    let wall = Limits {
        wall: Duration::from_secs(1),
        ..SHORT
    };
    assert_eq!(
        in_child(&endless, wall).unwrap(),
        Outcome::Host(HostEnd::Time)
    );
    let cpu = Limits {
        cpu_seconds: 1,
        ..SHORT
    };
    assert_eq!(
        in_child(&endless, cpu).unwrap(),
        Outcome::Host(HostEnd::Time)
    );
    assert!(started.elapsed() < Duration::from_secs(60));
}

/// What the kernel says of the child while it runs.
#[cfg(target_os = "linux")]
fn the_child_is_confined() {
    let endless = endless();
    let limits = Limits {
        wall: Duration::from_secs(2),
        ..SHORT
    };
    std::thread::scope(|scope| {
        let run = scope.spawn(|| in_child(&endless, limits));
        let mut confined = false;
        while !run.is_finished() && !confined {
            std::thread::sleep(Duration::from_millis(20));
            confined = children(std::process::id()).iter().any(|id| {
                let read = |file: &str| {
                    std::fs::read_to_string(format!("/proc/{id}/{file}")).unwrap_or_default()
                };
                let (status, limits) = (read("status"), read("limits"));
                let field = |name: &str, value: &str| {
                    status
                        .lines()
                        .any(|line| line.split_whitespace().eq([name, value]))
                };
                let data = ((4u64 << 20) + (1 << 30)).to_string();
                let bounded = |name: &str, value: &str| {
                    limits.lines().any(|line| {
                        line.starts_with(name) && line.split_whitespace().any(|word| word == value)
                    })
                };
                field("Seccomp:", "2")
                    && field("NoNewPrivs:", "1")
                    && bounded("Max data size", &data)
                    && bounded("Max cpu time", "120")
                    && bounded("Max core file size", "0")
                    && read("environ").is_empty()
            });
        }
        assert!(confined);
        assert_eq!(run.join().unwrap().unwrap(), Outcome::Host(HostEnd::Time));
    });
}

#[cfg(target_os = "linux")]
fn children(of: u32) -> Vec<String> {
    let threads = std::fs::read_dir(format!("/proc/{of}/task"));
    threads
        .into_iter()
        .flatten()
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("children")).ok())
        .flat_map(|list| {
            list.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Starts an endless job and answers with the process that runs it, seen from `/proc/AGENT/task`.
#[cfg(target_os = "linux")]
fn running_child(agent: u32) -> String {
    let started = Instant::now();
    loop {
        let confined = |id: &String| {
            let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
            status.contains("Seccomp:\t2")
        };
        if let Some(child) = children(agent).into_iter().find(confined) {
            return child;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "no child");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn endless() -> Vector {
    let mut endless = programs::program("endless", End::Fuel, ENDLESS);
    endless.units = 8_000_000_000;
    endless
}

#[cfg(target_os = "linux")]
fn a_child_that_crashes_is_a_host_end_and_harms_nobody() {
    for signal in [libc::SIGABRT, libc::SIGSYS, libc::SIGKILL] {
        std::thread::scope(|scope| {
            let run = scope.spawn(|| in_child(&endless(), SHORT));
            let child = running_child(std::process::id()).parse().unwrap();
            // SAFETY: the process is this test's own child, and not waited for yet.
            assert_eq!(unsafe { libc::kill(child, signal) }, 0);
            match run.join().unwrap().unwrap() {
                Outcome::Host(HostEnd::Crash(_)) if signal != libc::SIGKILL => {}
                Outcome::Host(HostEnd::Time) if signal == libc::SIGKILL => {}
                other => panic!("{signal}: {other:?}"),
            }
        });
    }
    // The next job is none the worse for it.
    let next = programs::program("next", End::Exit(7), &exit(7));
    assert_eq!(receipt(in_child(&next, SHORT)).end, End::Exit(7));
}

/// The argument that makes this program an agent with an endless job.
#[cfg(target_os = "linux")]
const AGENT: &str = "__agent";

#[cfg(target_os = "linux")]
fn a_job_does_not_outlive_the_agent_that_runs_it() {
    let mut agent = std::process::Command::new(std::env::current_exe().unwrap())
        .arg(AGENT)
        .spawn()
        .unwrap();
    let child = running_child(agent.id());
    agent.kill().unwrap();
    agent.wait().unwrap();
    let started = Instant::now();
    // Gone, or dead and not yet fetched by whoever adopted it.
    while std::fs::read_to_string(format!("/proc/{child}/stat"))
        .is_ok_and(|stat| !stat.contains(") Z "))
    {
        assert!(started.elapsed() < Duration::from_secs(10), "it runs on");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(target_os = "linux")]
fn a_child_whose_parent_is_gone_already_does_not_begin() {
    // As it looks to a child whose parent died before it could tie itself to it: somebody else is its parent.
    let mut orphan = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["__run-job", "1"])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let started = Instant::now();
    let status = loop {
        if let Some(status) = orphan.try_wait().unwrap() {
            break status;
        }
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "it waits for a job"
        );
        std::thread::sleep(Duration::from_millis(10));
    };
    assert_eq!(status.code(), Some(1));
}

fn memory_beyond_the_childs_share_is_a_host_end() {
    // 3 GiB of holes where the child may have 1 GiB and 4 MiB: allowed by the spec, more than the host gives.
    let mut flood = programs::program(
        "flood",
        End::Fuel,
        r#"(func (export "_start")
             (drop (call $fd_filestat_set_size (call $create {tmp/a}) (i64.const 3221225472))))"#,
    );
    flood.output_limit = 4 << 30;
    flood.units = 1_000_000;
    match in_child(&flood, SHORT).unwrap() {
        Outcome::Host(HostEnd::Crash(_) | HostEnd::Memory(_)) => {}
        other => panic!("{other:?}"),
    }
}

fn a_bomb_for_the_compiler_ends_in_time() {
    // The worst that the scan lets through, as far as we know: deep loops, as many branches as allowed, many times.
    let function = format!(
        "(func (local i32) {} {} {})",
        "loop ".repeat(32),
        "(br_if 0 (local.get 0)) ".repeat(4000),
        "end ".repeat(32),
    );
    let mut bomb = programs::program("compile-bomb", End::Exit(0), r#"(func (export "_start"))"#);
    bomb.text = bomb.text.replace(
        "(func (export \"_start\"))",
        &format!("(func (export \"_start\")) {}", function.repeat(4)),
    );
    let started = Instant::now();
    match in_child(&bomb, SHORT).unwrap() {
        Outcome::Receipt(finished) => assert_eq!(finished.receipt.end, End::Exit(0)),
        other => panic!("{other:?}"),
    }
    println!("    the compiler took {:?}", started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(60));
}

fn a_blob_that_is_not_the_named_one_is_refused() {
    let vector = &programs::all()[0];
    let mut request = request(vector);
    request.stdin.push(b'!');
    assert!(run_on(&request, BackEnd::Optimised)
        .unwrap_err()
        .to_string()
        .contains("stdin is not the blob"));
    request.stdin.pop();
    request.limit = request.spec.base_units() - 1;
    assert!(run_on(&request, BackEnd::Optimised)
        .unwrap_err()
        .to_string()
        .contains("below the base"));
}

const TESTS: &[(&str, fn())] = &[
    #[cfg(target_os = "linux")]
    ("the_child_is_confined", the_child_is_confined),
    #[cfg(target_os = "linux")]
    (
        "a_child_that_crashes_is_a_host_end_and_harms_nobody",
        a_child_that_crashes_is_a_host_end_and_harms_nobody,
    ),
    #[cfg(target_os = "linux")]
    (
        "a_job_does_not_outlive_the_agent_that_runs_it",
        a_job_does_not_outlive_the_agent_that_runs_it,
    ),
    #[cfg(target_os = "linux")]
    (
        "a_child_whose_parent_is_gone_already_does_not_begin",
        a_child_whose_parent_is_gone_already_does_not_begin,
    ),
    (
        "the_child_comes_to_the_same_receipts",
        the_child_comes_to_the_same_receipts,
    ),
    (
        "endless_recursion_is_a_host_end_everywhere",
        endless_recursion_is_a_host_end_everywhere,
    ),
    (
        "a_job_that_takes_too_long_is_killed",
        a_job_that_takes_too_long_is_killed,
    ),
    (
        "memory_beyond_the_childs_share_is_a_host_end",
        memory_beyond_the_childs_share_is_a_host_end,
    ),
    (
        "a_bomb_for_the_compiler_ends_in_time",
        a_bomb_for_the_compiler_ends_in_time,
    ),
    (
        "a_blob_that_is_not_the_named_one_is_refused",
        a_blob_that_is_not_the_named_one_is_refused,
    ),
];

/// As much of a harness as `cargo test` and `cargo nextest` ask for.
fn main() {
    child::maybe_run_child();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    #[cfg(target_os = "linux")]
    if arguments.first().is_some_and(|first| first == AGENT) {
        let _ = in_child(&endless(), SHORT);
        return;
    }
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    if has("--list") {
        if !has("--ignored") {
            TESTS.iter().for_each(|(name, _)| println!("{name}: test"));
        }
        return;
    }
    let names: Vec<&String> = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let chosen = |name: &str| {
        names.is_empty()
            || names.iter().any(|wanted| match has("--exact") {
                true => *wanted == name,
                false => name.contains(wanted.as_str()),
            })
    };
    let mut passed = 0;
    for (name, test) in TESTS.iter().filter(|(name, _)| chosen(name)) {
        println!("test {name}");
        test();
        passed += 1;
    }
    println!("\ntest result: ok. {passed} passed; 0 failed");
}
