//! Programs that want a host to betray itself: they end without a receipt, on every back end and in the child.
//!
//! Run without a harness, because the child is this program again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod damage;
mod programs;

use damage::damage;
use lode_runtime::child::{self, Limits};
use lode_runtime::verify::{self, Place};
use lode_runtime::{
    run_on, sha256, BackEnd, End, HostEnd, Invalid, JobSpec, Outcome, Receipt, Result, RunRequest,
    Trap, MAX_BODY_BYTES, MAX_BRANCH_TARGETS, MAX_INPUT_BYTES, MAX_LOOP_NESTING, MAX_OUTPUT_BYTES,
    WASM_STACK_BYTES, WORKER_STACK_BYTES,
};
use programs::Vector;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
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

const EXIT: End = End::Exit(0);

const SHORT: Limits = Limits {
    wall: Duration::from_secs(120),
    cpu_seconds: 120,
    stack_bytes: WASM_STACK_BYTES,
    threads: 2,
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

/// Whoever commits has half of the stack: how much a call takes differs between machines, but nowhere by so much.
fn what_fits_the_stack_of_a_worker_fits_that_of_whoever_checks_it() {
    let depth = |calls: u32| {
        let program = programs::program(
            "depth",
            End::Exit(0),
            &format!(
                r#"(func $f (param i32) (result i32)
                     (if (result i32) (i32.eqz (local.get 0))
                       (then (i32.const 0))
                       (else (i32.add (i32.const 1) (call $f (i32.sub (local.get 0) (i32.const 1)))))))
                   (func (export "_start") (drop (call $f (i32.const {calls}))))"#
            ),
        );
        move |stack_bytes| {
            let limits = Limits {
                stack_bytes,
                ..SHORT
            };
            match in_child(&program, limits).unwrap() {
                Outcome::Receipt(_) => true,
                Outcome::Host(HostEnd::Stack) => false,
                other => panic!("{other:?}"),
            }
        }
    };
    let most = |stack_bytes| {
        let (mut fits, mut fails) = (0, 4 << 20);
        while fails - fits > 1000 {
            let middle = (fits + fails) / 2;
            match depth(middle)(stack_bytes) {
                true => fits = middle,
                false => fails = middle,
            }
        }
        fits
    };
    let (worker, checker) = (most(WORKER_STACK_BYTES), most(WASM_STACK_BYTES));
    assert!(worker > 10_000, "{worker}");
    let ratio = f64::from(checker) / f64::from(worker);
    assert!((1.8..2.2).contains(&ratio), "{checker} calls to {worker}");
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
                // On every machine the stacks of eight threads, and three times the output limit.
                let data = (4u64 << 20) + (1536 << 20) + 8 * (16 << 20) + 3 * 65_536;
                let data = data.to_string();
                let bounded = |name: &str, value: &str| {
                    limits.lines().any(|line| {
                        line.starts_with(name) && line.split_whitespace().any(|word| word == value)
                    })
                };
                field("Seccomp:", "2")
                    && field("NoNewPrivs:", "1")
                    && bounded("Max data size", &data)
                    && bounded("Max stack size", "8388608")
                    && bounded("Max cpu time", "120")
                    && bounded("Max core file size", "0")
                    && bounded("Max file size", "0")
                    && bounded("Max open files", "0")
                    && read("environ").is_empty()
            });
        }
        assert!(confined);
        assert_eq!(run.join().unwrap().unwrap(), Outcome::Host(HostEnd::Time));
    });
}

/// CPU time that each thread of a child that compiles has taken, in seconds, by the thread's name.
#[cfg(target_os = "linux")]
fn compiling_seconds(child: &str) -> Vec<(String, f64)> {
    // SAFETY: the call takes a plain number and only answers.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64;
    let seconds = |thread: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(thread.path().join("stat")).ok()?;
        let (name, numbers) = stat.split_once(") ")?;
        let numbers: Vec<&str> = numbers.split_whitespace().collect();
        let taken = |at: usize| numbers.get(at)?.parse::<f64>().ok();
        let seconds = (taken(11)? + taken(12)?) / ticks;
        name.contains("(compile-")
            .then(|| (name.to_owned(), seconds))
    };
    std::fs::read_dir(format!("/proc/{child}/task"))
        .into_iter()
        .flatten()
        .filter_map(|thread| seconds(thread.ok()?))
        .collect()
}

#[cfg(target_os = "linux")]
fn compiling_takes_as_many_threads_as_it_is_told_and_the_limit_counts_all_of_them() {
    // Many times more than the limit's two seconds.
    let bomb = module("many bodies", &crossing(30, 2000).repeat(64));
    let bomb = Vector {
        long: Some((bomb.module(), 0, 0, Vec::new())),
        ..bomb
    };
    // Whatever cores this machine has.
    for threads in [1, 3] {
        let limits = Limits {
            cpu_seconds: 2,
            threads,
            ..SHORT
        };
        std::thread::scope(|scope| {
            let run = scope.spawn(|| in_child(&bomb, limits));
            let child = running_child(std::process::id());
            // What was seen last: the threads of a child that is being killed go one after the other.
            let mut taken = BTreeMap::new();
            while !run.is_finished() {
                taken.extend(compiling_seconds(&child));
                std::thread::sleep(Duration::from_millis(5));
            }
            assert_eq!(run.join().unwrap().unwrap(), Outcome::Host(HostEnd::Time));
            println!("    {taken:?}");
            assert_eq!(taken.len(), threads);
            assert!(taken.values().all(|seconds| *seconds > 0.05), "{taken:?}");
            // Together they came to the limit, and no further.
            let all: f64 = taken.values().sum();
            assert!((1.0..2.5).contains(&all), "{taken:?}");
        });
    }
}

/// A module that many threads compile at once comes to what it comes to on one.
fn any_number_of_threads_yields_the_same_receipt() {
    let many = crossing(30, 200).replace("(func ", r#"(func $f "#);
    let functions: String = (0..40)
        .map(|n| many.replace("$f", &format!("$f{n}")))
        .collect();
    let calls: String = (0..40).map(|n| format!("(call $f{n}) ")).collect();
    let module = text(
        "threads",
        format!(
            r#"(module (memory (export "memory") 1) {functions}
                 (func (export "_start") {calls} (i32.store (i32.const 0) (i32.const 7))))"#
        ),
    );
    let module = Vector {
        long: Some((module.module(), 0, 0, Vec::new())),
        ..module
    };
    let line = |threads| {
        let limits = Limits { threads, ..SHORT };
        match in_child(&module, limits).unwrap() {
            Outcome::Receipt(finished) => finished.line,
            Outcome::Host(end) => panic!("{threads} threads: {end}"),
        }
    };
    let one = line(1);
    assert_eq!(Receipt::parse(&one).unwrap().end, EXIT);
    // More than there may be are as many as there may be, and none is one.
    for threads in [0, 8, 1000] {
        assert_eq!(line(threads), one, "{threads} threads");
    }
}

/// What an agent's cores are to the limits of its jobs.
fn a_job_has_no_more_threads_than_its_agent_has_cores() {
    let all = Limits::of(Duration::from_secs(9), WORKER_STACK_BYTES);
    let cores = std::thread::available_parallelism().unwrap().get();
    assert_eq!(all.threads, cores.min(8));
    assert_eq!(all.cpu_seconds, 10 * all.threads as u64);
    let one = all.within(1);
    assert_eq!((one.threads, one.cpu_seconds), (1, 10));
    assert_eq!((one.wall, one.stack_bytes), (all.wall, all.stack_bytes));
    assert_eq!(all.within(0), one);
    assert_eq!(all.within(1_000), all);
}

/// A module that is damaged somehow ends in the child as it ends here, and the child never breaks.
fn damaged_modules_end_in_the_child_as_they_end_here() {
    const SAMPLE: u64 = 40;
    let modules: Vec<Vec<u8>> = programs::all()
        .iter()
        .filter(|vector| vector.long.is_none())
        .map(Vector::module)
        .collect();
    let (mut invalid, mut ran) = (0, 0);
    for seed in 0..SAMPLE {
        let random = sha256(&seed.to_le_bytes());
        let number = |at: usize| usize::from(random[at]) << 8 | usize::from(random[at + 1]);
        let module = &modules[number(0) % modules.len()];
        let hits: Vec<(usize, u8, u8)> = match seed % 2 {
            0 => (4..24)
                .step_by(4)
                .map(|at| (number(at), random[at + 2], random[at + 3]))
                .collect(),
            // A bit of one byte where code and data are: what is damaged more is hardly ever a module still.
            _ => {
                let at = module.len() - 1 - number(2) % (module.len() / 4);
                vec![(at, 0, module[at] ^ 1 << (random[4] % 4))]
            }
        };
        let module = damage(module, &hits);
        let vector = Vector {
            long: Some((module, 0, 0, Vec::new())),
            units: 2,
            ..programs::program("damaged", EXIT, "")
        };
        let here = lode_runtime::run(&request(&vector)).unwrap();
        let there = in_child(&vector, SHORT).unwrap();
        match (here, there) {
            (Outcome::Receipt(here), Outcome::Receipt(there)) => {
                assert_eq!(there.line, here.line, "seed {seed}");
                assert_eq!(there.outputs, here.outputs, "seed {seed}");
                match here.receipt.end {
                    End::Invalid(_) => invalid += 1,
                    _ => ran += 1,
                }
            }
            // Endless recursion is the one thing that may end here.
            (here, there) => {
                assert_eq!(there, Outcome::Host(HostEnd::Stack), "seed {seed}");
                assert_eq!(here, there, "seed {seed}");
            }
        }
    }
    println!("    {invalid} invalid, {ran} ran");
    assert!(invalid > 5 && ran > 5, "{invalid} invalid, {ran} ran");
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
                // As the kernel does where memory runs out: no lack of time.
                Outcome::Host(HostEnd::Memory(_)) if signal == libc::SIGKILL => {}
                other => panic!("{signal}: {other:?}"),
            }
        });
    }
    // Whoever ends an agent and all its processes says nothing of the job: nothing comes of it before the agent has ended too.
    // Where it goes on, something wanted the memory.
    std::thread::scope(|scope| {
        let run = scope.spawn(|| in_child(&endless(), SHORT));
        let child = running_child(std::process::id()).parse().unwrap();
        let begun = Instant::now();
        // SAFETY: the process is this test's own child, and not waited for yet.
        assert_eq!(unsafe { libc::kill(child, libc::SIGTERM) }, 0);
        let ended = run.join().unwrap().unwrap();
        assert!(
            matches!(ended, Outcome::Host(HostEnd::Memory(_))),
            "{ended:?}"
        );
        assert!(begun.elapsed() >= Duration::from_secs(2));
    });
    // The next job is none the worse for it.
    let next = programs::program("next", End::Exit(7), &exit(7));
    assert_eq!(receipt(in_child(&next, SHORT)).end, End::Exit(7));
}

#[cfg(target_os = "linux")]
fn a_run_that_nobody_waits_for_is_ended_at_once() {
    let wanted = AtomicBool::new(true);
    let request = request(&endless());
    std::thread::scope(|scope| {
        let run = scope.spawn(|| {
            child::run_while(
                &endless().spec(),
                &request.module,
                &request.stdin,
                &request.inputs,
                request.limit,
                SHORT,
                || wanted.load(Ordering::Relaxed),
            )
        });
        let child = running_child(std::process::id());
        std::thread::sleep(Duration::from_millis(200));
        assert!(!run.is_finished(), "it is wanted");
        let started = Instant::now();
        wanted.store(false, Ordering::Relaxed);
        let ended = run.join().unwrap().unwrap();
        assert_eq!(ended, Outcome::Host(HostEnd::Time));
        assert!(started.elapsed() < Duration::from_secs(10));
        assert!(!children(std::process::id()).contains(&child));
    });
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

/// The argument that makes this program an agent whose file is gone when it runs its next job.
#[cfg(target_os = "linux")]
const REPLACED: &str = "__replaced";

#[cfg(target_os = "linux")]
fn an_agent_whose_file_was_replaced_runs_its_jobs_as_before() {
    let agent = std::env::temp_dir().join(format!("lode-replaced-{}", std::process::id()));
    std::fs::copy(std::env::current_exe().unwrap(), &agent).unwrap();
    let ended = std::process::Command::new(&agent)
        .args([REPLACED.as_ref(), agent.as_os_str()])
        .status();
    assert_eq!(ended.unwrap().code(), Some(0));
    assert!(!agent.exists());
}

/// What that agent does.
#[cfg(target_os = "linux")]
fn run_without_file(file: &str) {
    std::fs::remove_file(file).unwrap();
    let job = programs::program("replaced", End::Exit(7), &exit(7));
    assert_eq!(receipt(in_child(&job, SHORT)).end, End::Exit(7));
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

/// The most that a spec may ask for fits the memory of a child, while it grows too.
fn the_largest_inputs_and_outputs_fit_the_child() {
    let large: &'static [u8] = vec![7; MAX_INPUT_BYTES as usize / 4].leak();
    let mut most = programs::program(
        "most",
        EXIT,
        // Files that grow piece by piece are moved again and again.
        r#"(func (export "_start") (local $a i32) (local $b i32) (local $size i64)
             (local.set $a (call $create {out/a}))
             (local.set $b (call $create {out/b}))
             (loop $l
               (local.set $size (i64.add (local.get $size) (i64.const 1048576)))
               (if (call $fd_filestat_set_size (local.get $a) (local.get $size)) (then unreachable))
               (if (call $fd_filestat_set_size (local.get $b) (local.get $size)) (then unreachable))
               (br_if $l (i64.lt_u (local.get $size) (i64.const 134217728)))))"#,
    );
    most.inputs = vec![("a", large), ("b", large), ("c", large)];
    most.stdin = Some(large);
    most.output_limit = MAX_OUTPUT_BYTES;
    most.units = 10_000;
    let receipt = ends(&most, EXIT, 120);
    let sizes: Vec<u64> = receipt.files.iter().map(|file| file.blob.size).collect();
    assert_eq!(sizes, [128 << 20; 2]);
}

/// What a program gave up it may take again, and no more is held for it than that.
fn files_that_shrink_give_their_memory_back() {
    let grow = |name: char| {
        format!(
            r#"(local.set $fd (call $create {{tmp/{name}}}))
               (if (call $fd_filestat_set_size (local.get $fd) (i64.const {MAX_OUTPUT_BYTES})) (then unreachable))"#
        )
    };
    let shrink =
        "(if (call $fd_filestat_set_size (local.get $fd) (i64.const 0)) (then unreachable))";
    let rounds: String = ('a'..='k').map(|name| grow(name) + shrink).collect();
    let mut files = programs::program(
        "shrinking",
        EXIT,
        &format!(r#"(func (export "_start") (local $fd i32) {rounds})"#),
    );
    files.output_limit = MAX_OUTPUT_BYTES;
    files.units = 50_000;
    ends(&files, EXIT, 120);
}

/// A chain of folders with long names, with this in the last one.
fn chain(within: &str) -> Vector {
    programs::program(
        "chain",
        EXIT,
        &format!(
            r#"(func (export "_start") (local $i i32) (local $fd i32) (local $next i32)
                 (memory.fill (i32.const 8192) (i32.const 97) (i32.const 4096))
                 (local.set $fd (call $open {{out}} (i32.const 2) (i64.const 0)))
                 (loop $l
                   (if (call $mkdir (local.get $fd) (i32.const 8192) (i32.const 4096)) (then unreachable))
                   (if (call $path_open (local.get $fd) (i32.const 0) (i32.const 8192) (i32.const 4096) (i32.const 2) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 16)) (then unreachable))
                   (drop (call $fd_close (local.get $fd)))
                   (local.set $fd (i32.load (i32.const 16)))
                   (local.set $i (i32.add (local.get $i) (i32.const 1)))
                   (br_if $l (i32.lt_u (local.get $i) (i32.const 4200))))
                 {within})"#
        ),
    )
}

fn paths_cost_what_a_receipt_can_hold_and_no_more() {
    // 4 200 folders deep: the path of the last is 17 MiB long, and all of them together 36 GiB.
    assert_eq!(ends(&chain(""), EXIT, 30).files, []);
    let file = r#"(if (call $path_open (local.get $fd) (i32.const 0) (i32.const 8192) (i32.const 1) (i32.const 9) (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 16)) (then unreachable))"#;
    let receipt = ends(&chain(file), End::Trap(Trap::ReceiptTooLong), 30);
    assert_eq!(receipt.files, []);
    assert_eq!(receipt.memory, None);
    assert_eq!(receipt.units, receipt.limit);
}

/// A hostile program comes to its end in the child, within this much time and the memory that its spec allows.
fn ends(vector: &Vector, end: End, seconds: u64) -> Receipt {
    // Assembling the text takes longer than what is measured.
    let vector = &Vector {
        long: Some((vector.module(), 0, 0, Vec::new())),
        ..vector.clone()
    };
    let started = Instant::now();
    let receipt = receipt(in_child(vector, SHORT));
    assert_eq!(receipt.end, end, "{}", vector.name);
    let took = started.elapsed();
    println!("    {}: {took:?}", vector.name);
    assert!(
        took < Duration::from_secs(seconds),
        "{}: {took:?}",
        vector.name
    );
    #[cfg(target_os = "linux")]
    {
        // The most that any child of this process ever held, in KiB.
        let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: the call fills the struct, all of whose fields may also be zero.
        let usage = unsafe {
            assert_eq!(
                libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr()),
                0
            );
            usage.assume_init()
        };
        let allowed = (vector.memory_mib << 10) + (1 << 20) + (64 << 10);
        assert!(usage.ru_maxrss as u64 <= allowed, "{} KiB", usage.ru_maxrss);
    }
    receipt
}

fn text(name: &'static str, text: String) -> Vector {
    Vector {
        text,
        ..programs::program(name, End::Exit(0), r#"(func (export "_start"))"#)
    }
}

fn module(name: &'static str, parts: &str) -> Vector {
    text(
        name,
        format!(r#"(module (memory (export "memory") 1) (func (export "_start")) {parts})"#),
    )
}

fn a_module_that_is_too_large_is_invalid() {
    let large = Vector {
        long: Some((b"\0asm\x01\0\0\0".to_vec(), 0, 32 << 20, Vec::new())),
        ..module("size", "")
    };
    ends(&large, End::Invalid(Invalid::Size), 60);
}

fn four_thousand_million_locals_are_invalid() {
    // One group of 2^32 - 1 locals: ten bytes of module, 16 GiB of nothing for who would list them.
    let mut bytes = module("locals", "").module();
    let code = bytes.split_off(bytes.len() - 6);
    assert_eq!(code, [10, 4, 1, 2, 0, 0x0b]);
    bytes.extend([10, 10, 1, 8, 1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f, 0x0b]);
    let bomb = Vector {
        long: Some((bytes, 0, 0, Vec::new())),
        ..module("locals", "")
    };
    ends(&bomb, End::Invalid(Invalid::Locals), 60);
}

fn deep_nesting_is_invalid_as_loops_and_harmless_as_blocks() {
    let nested = |what: &str| {
        format!(
            "(func {} {})",
            format!("{what} ").repeat(10_000),
            "end ".repeat(10_000)
        )
    };
    ends(
        &module("loops", &nested("loop")),
        End::Invalid(Invalid::LoopNesting),
        60,
    );
    ends(&module("blocks", &nested("block")), End::Exit(0), 60);
}

fn tables_and_memories_that_begin_too_large_are_invalid() {
    ends(
        &module("table", "(table 4294967295 funcref)"),
        End::Invalid(Invalid::TableSize),
        60,
    );
    let memory = text(
        "memory",
        r#"(module (memory (export "memory") 65536) (func (export "_start")))"#.to_owned(),
    );
    ends(&memory, End::Invalid(Invalid::MemorySize), 60);
}

fn a_flood_of_data_segments_is_paid_or_out_of_fuel() {
    let segments = r#"(data (i32.const 0) "0123456789abcdef")"#.repeat(5_000);
    let bomb = Vector {
        units: 0,
        ..module("data", &segments)
    };
    ends(&bomb, End::Fuel, 60);
    ends(
        &module("passive data", &r#"(data "x")"#.repeat(5_000)),
        End::Exit(0),
        60,
    );
}

/// A function whose locals live across all of its branches back.
fn crossing(locals: usize, branches: usize) -> String {
    let sets: String = (0..locals)
        .map(|n| {
            format!(
                "(local.set {n} (i32.add (local.get {n}) (local.get {})))",
                (n + 7) % locals
            )
        })
        .collect();
    format!(
        "(func (local {}) (loop $l {sets} {}))",
        "i32 ".repeat(locals),
        "(br_if $l (local.get 0)) ".repeat(branches)
    )
}

fn bombs_for_the_compiler_end_in_time() {
    // The worst that the scan lets through, as far as we know, and what it must not: without its bounds on locals times
    // branches and on joints, the first is a hundred times worse, and the floods of ifs and loops take minutes.
    ends(
        &module("crossings", &crossing(500, 4000)),
        End::Invalid(Invalid::Crossings),
        60,
    );
    const BRANCHES: usize = MAX_BRANCH_TARGETS as usize;
    ends(
        &module("few locals", &crossing(35, BRANCHES)),
        End::Exit(0),
        60,
    );
    ends(
        &module("few branches", &crossing(500, 120)),
        End::Exit(0),
        60,
    );
    let loops = |branches: usize| {
        let function = format!(
            "(func (local i32) {} {} {})",
            "loop ".repeat(MAX_LOOP_NESTING),
            "(br_if 0 (local.get 0)) ".repeat(branches),
            "end ".repeat(MAX_LOOP_NESTING),
        );
        function.repeat(2)
    };
    ends(&module("loops", &loops(BRANCHES)), End::Exit(0), 60);
    let more = End::Invalid(Invalid::BranchTargets);
    ends(&module("branches", &loops(BRANCHES + 1)), more, 60);
    for (name, code) in [
        ("ifs", "(if (i32.const 0) (then)) "),
        ("loops", "loop end "),
    ] {
        let flood = format!("(func {})", code.repeat(100_000));
        ends(
            &module(name, &flood),
            End::Invalid(Invalid::BranchTargets),
            60,
        );
    }
    // The largest body there may be, of what takes most memory to compile: two bytes a call.
    let calls = |count: usize| format!("(func $f) (func {})", "(call $f) ".repeat(count));
    const CALLS: usize = MAX_BODY_BYTES / 2 - 1;
    ends(&module("calls", &calls(CALLS)), End::Exit(0), 60);
    let larger = End::Invalid(Invalid::Body);
    ends(&module("body", &calls(CALLS + 1)), larger, 60);
    // The function that sets a module up takes as much.
    const SEGMENTS: usize = 40_960;
    let data = |count: usize| r#"(data (i32.const 0) "0123456789abcdef")"#.repeat(count);
    ends(&module("set-up", &data(SEGMENTS)), End::Exit(0), 60);
    let more = End::Invalid(Invalid::SetUp);
    ends(&module("more to set up", &data(SEGMENTS + 1)), more, 60);
}

fn memory_and_tables_grow_to_their_limits_and_no_further() {
    for name in ["memory-bomb", "table-growth-to-a-million"] {
        let all = programs::all();
        let vector = all.iter().find(|vector| vector.name == name).unwrap();
        ends(vector, vector.end, 60);
    }
}

fn an_endless_loop_in_mid_block_runs_out_of_fuel() {
    let vector = programs::program("mid-block", End::Fuel, ENDLESS);
    let receipt = ends(&vector, End::Fuel, 60);
    assert_eq!(receipt.units, receipt.limit);
}

fn a_flood_of_output_ends_at_the_limit() {
    let flood = programs::program(
        "output",
        End::Fuel,
        r#"(func (export "_start") (local $fd i32)
             (local.set $fd (call $create {out/flood}))
             (loop $l
               (drop (call $write (i32.const 1) (i32.const 8192) (i32.const 1000)))
               (drop (call $write (i32.const 2) (i32.const 8192) (i32.const 1000)))
               (drop (call $write (local.get $fd) (i32.const 8192) (i32.const 1000)))
               (br $l)))"#,
    );
    let receipt = ends(&flood, End::Fuel, 60);
    let files: u64 = receipt.files.iter().map(|file| file.blob.size).sum();
    let written = receipt.stdout.size + receipt.stderr.size + files;
    assert!(
        written <= flood.output_limit && written > flood.output_limit - 1000,
        "{written}"
    );
}

fn paths_of_every_spelling_stay_inside() {
    let spellings = [
        "..",
        "../",
        "../..",
        "/",
        "//",
        "/etc/passwd",
        "/in/../..",
        "in/..",
        "in/../..",
        "in/../../etc/passwd",
        "./..",
        "././../x",
        "in/a/../../../..",
        "in//..//..",
        "..//..",
        ".../...",
        "..\\5cetc",
        "C:\\5c",
        "%2e%2e/etc",
        "\\c0\\ae\\c0\\ae/etc",
        "\\ef\\bc\\8e\\ef\\bc\\8e/etc",
        "~",
        "~root",
        "in/a\\00/../..",
        "out/../../x",
        "/proc/self/mem",
        "proc/self/mem",
        "dev/null",
        "in/./../../in/a",
    ];
    // Each is opened, made, stat-ed, renamed to and unlinked; the sum of successes but for what stays inside is 0.
    let code: String = spellings
        .iter()
        .map(|path| {
            format!(
                "(if (i32.ge_s (call $create {{{path}}}) (i32.const 0)) (then (call $byte (i32.const 1))))
                 (if (i32.eqz (call $rename (i32.const 3) {{out/mine}} (i32.const 3) {{{path}}})) (then (call $byte (i32.const 2))))
                 (if (i32.eqz (call $unlink (i32.const 3) {{{path}}})) (then (call $byte (i32.const 3))))
                 (if (i32.eqz (call $rmdir (i32.const 3) {{{path}}})) (then (call $byte (i32.const 4))))
                 (if (i32.eqz (call $symlink {{{path}}} (i32.const 3) {{out/l}})) (then (call $byte (i32.const 5))))\n"
            )
        })
        .collect();
    let mut escapes = programs::program(
        "escapes",
        End::Exit(0),
        &format!(r#"(func (export "_start") (drop (call $create {{out/mine}})) {code})"#),
    );
    escapes.inputs.push(("a", b"a"));
    let receipt = ends(&escapes, End::Exit(0), 60);
    assert_eq!(receipt.stdout.size, 0);
    assert_eq!(receipt.files.len(), 1);
    assert_eq!(receipt.files[0].path, "mine");
}

fn descriptors_and_nodes_run_out_and_nothing_else_does() {
    for name in ["descriptor-flood", "node-flood"] {
        let all = programs::all();
        let vector = all.iter().find(|vector| vector.name == name).unwrap();
        ends(vector, vector.end, 60);
    }
}

fn floods_of_host_calls_are_paid_until_the_fuel_is_gone() {
    for (name, call) in [
        ("random", "(call $random_get (i32.const 8192) (i32.const 65536))"),
        ("poll", "(call $poll_oneoff (i32.const 8192) (i32.const 65536) (i32.const 1024) (i32.const 64))"),
        ("clock", "(call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 64))"),
        ("path", "(call $mkdir (i32.const 3) (i32.const 8192) (i32.const 4096))"),
        ("readdir", "(call $fd_readdir (i32.const 3) (i32.const 8192) (i32.const 65536) (i64.const 0) (i32.const 64))"),
        ("nothing", "(call $symlink (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 0))"),
    ] {
        let code = format!(r#"(func (export "_start") (loop $l (drop {call}) (br $l)))"#);
        let flood = Vector {
            units: 300,
            ..programs::program(name, End::Fuel, &code)
        };
        ends(&flood, End::Fuel, 60);
    }
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
        "a_run_that_nobody_waits_for_is_ended_at_once",
        a_run_that_nobody_waits_for_is_ended_at_once,
    ),
    #[cfg(target_os = "linux")]
    (
        "a_job_does_not_outlive_the_agent_that_runs_it",
        a_job_does_not_outlive_the_agent_that_runs_it,
    ),
    #[cfg(target_os = "linux")]
    (
        "an_agent_whose_file_was_replaced_runs_its_jobs_as_before",
        an_agent_whose_file_was_replaced_runs_its_jobs_as_before,
    ),
    #[cfg(target_os = "linux")]
    (
        "a_child_whose_parent_is_gone_already_does_not_begin",
        a_child_whose_parent_is_gone_already_does_not_begin,
    ),
    #[cfg(target_os = "linux")]
    (
        "compiling_takes_as_many_threads_as_it_is_told_and_the_limit_counts_all_of_them",
        compiling_takes_as_many_threads_as_it_is_told_and_the_limit_counts_all_of_them,
    ),
    (
        "any_number_of_threads_yields_the_same_receipt",
        any_number_of_threads_yields_the_same_receipt,
    ),
    (
        "a_job_has_no_more_threads_than_its_agent_has_cores",
        a_job_has_no_more_threads_than_its_agent_has_cores,
    ),
    (
        "damaged_modules_end_in_the_child_as_they_end_here",
        damaged_modules_end_in_the_child_as_they_end_here,
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
        "the_largest_inputs_and_outputs_fit_the_child",
        the_largest_inputs_and_outputs_fit_the_child,
    ),
    (
        "paths_cost_what_a_receipt_can_hold_and_no_more",
        paths_cost_what_a_receipt_can_hold_and_no_more,
    ),
    (
        "what_fits_the_stack_of_a_worker_fits_that_of_whoever_checks_it",
        what_fits_the_stack_of_a_worker_fits_that_of_whoever_checks_it,
    ),
    (
        "a_module_that_is_too_large_is_invalid",
        a_module_that_is_too_large_is_invalid,
    ),
    (
        "four_thousand_million_locals_are_invalid",
        four_thousand_million_locals_are_invalid,
    ),
    (
        "deep_nesting_is_invalid_as_loops_and_harmless_as_blocks",
        deep_nesting_is_invalid_as_loops_and_harmless_as_blocks,
    ),
    (
        "tables_and_memories_that_begin_too_large_are_invalid",
        tables_and_memories_that_begin_too_large_are_invalid,
    ),
    (
        "a_flood_of_data_segments_is_paid_or_out_of_fuel",
        a_flood_of_data_segments_is_paid_or_out_of_fuel,
    ),
    (
        "bombs_for_the_compiler_end_in_time",
        bombs_for_the_compiler_end_in_time,
    ),
    (
        "memory_and_tables_grow_to_their_limits_and_no_further",
        memory_and_tables_grow_to_their_limits_and_no_further,
    ),
    (
        "an_endless_loop_in_mid_block_runs_out_of_fuel",
        an_endless_loop_in_mid_block_runs_out_of_fuel,
    ),
    (
        "a_flood_of_output_ends_at_the_limit",
        a_flood_of_output_ends_at_the_limit,
    ),
    (
        "files_that_shrink_give_their_memory_back",
        files_that_shrink_give_their_memory_back,
    ),
    (
        "paths_of_every_spelling_stay_inside",
        paths_of_every_spelling_stay_inside,
    ),
    (
        "descriptors_and_nodes_run_out_and_nothing_else_does",
        descriptors_and_nodes_run_out_and_nothing_else_does,
    ),
    (
        "floods_of_host_calls_are_paid_until_the_fuel_is_gone",
        floods_of_host_calls_are_paid_until_the_fuel_is_gone,
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
    #[cfg(target_os = "linux")]
    if let [first, file] = &arguments[..] {
        if first == REPLACED {
            return run_without_file(file);
        }
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
