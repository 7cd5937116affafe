//! The whole agent, running a module in its limited child. The child is this program again, so `main` is our own.
#![allow(clippy::unwrap_used)]

mod world;

use lode_attestation::{commitment, Verdict};
use lode_oracle_agent::{Entry, Journal};
use lode_runtime::{JobSpec, Outcome, RunRequest};
use lode_store::{BlobHash, Writer};
use solana_address::Address;
use world::{ends, World, JOB, NODE};

/// Writes a line to its stdout.
const MODULE: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\10\00\00\00\05\00\00\00")
    (data (i32.const 16) "lode\n")
    (func (export "_start")
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#;

const TESTS: [&str; 4] = [
    "the_same_result_is_a_match_and_what_the_node_withholds_is_put",
    "another_result_is_a_mismatch",
    "what_is_stored_for_another_job_alone_is_put_for_this_one_too",
    "a_seat_that_died_after_it_decided_puts_a_receipt_that_only_another_job_has",
];
/// Another job of the same spec.
const OTHER: Address = Address::new_from_array([6; 32]);

fn main() {
    lode_runtime::child::maybe_run_child();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|a| a == name);
    if has("--list") {
        // none of them is ignored
        for test in TESTS.iter().filter(|_| !has("--ignored")) {
            println!("{test}: test");
        }
        return;
    }
    let named = |test: &&&str| arguments.iter().any(|a| a == **test);
    let chosen: Vec<_> = TESTS.iter().filter(named).collect();
    let all = arguments.iter().all(|a| a.starts_with('-'));
    for test in TESTS.iter().filter(|t| all || chosen.contains(t)) {
        let case = Case {
            honest: *test != TESTS[1],
            elsewhere: *test == TESTS[2] || *test == TESTS[3],
            decided: *test == TESTS[3],
        };
        tokio::runtime::Runtime::new()
            .unwrap()
            .block_on(checked(case));
        println!("{test} ... ok");
    }
}

struct Case {
    /// The node's result is right.
    honest: bool,
    /// All of it is in the store, but for another job.
    elsewhere: bool,
    /// The seat had decided before, and died before it put anything.
    decided: bool,
}

async fn checked(case: Case) {
    let Case {
        honest,
        elsewhere,
        decided,
    } = case;
    let module = wat::parse_str(MODULE).unwrap();
    let spec = format!(
        r#"{{"v":1,"runtime":1,"module":{{"sha256":"{}","size":{}}},"memory_mib":1,"output_limit":100}}"#,
        BlobHash::of(&module),
        module.len()
    );
    let request = RunRequest {
        spec: JobSpec::parse(spec.as_bytes()).unwrap(),
        module: module.clone(),
        stdin: Vec::new(),
        inputs: Vec::new(),
        limit: 100,
    };
    let Outcome::Receipt(finished) = lode_runtime::run(&request).unwrap() else {
        unreachable!("no receipt");
    };
    assert_eq!(finished.outputs[0], b"lode\n");

    let world = World::new(spec.as_bytes()).await;
    let result = if honest {
        finished.result_hash
    } else {
        [8; 32]
    };
    let units = finished.receipt.units;
    let mut job = world.job().await;
    job.units_limit = 100;
    job.units = units;
    job.result = commitment(&result, units, &JOB, 0, &NODE);
    world.set(JOB, &job);
    world.put(&world.customer, spec.as_bytes()).await;
    world.put(&world.customer, &module).await;

    if elsewhere {
        // nobody's turn to check, so that it is left alone
        job.panel = 0;
        world.set(OTHER, &job);
        let put = async |signer, bytes: &[u8]| {
            let writer = Writer {
                signer,
                job: OTHER,
                attempt: 0,
            };
            world.store.put(&writer, bytes.to_vec()).await.unwrap();
        };
        put(&world.customer, spec.as_bytes()).await;
        put(&world.worker, &finished.line).await;
        put(&world.worker, b"lode\n").await;
    }

    if decided {
        let journal = Journal::open(&world.agent_folder().join("journal")).unwrap();
        let entry = Entry {
            job: JOB,
            attempt: 0,
            verdict: Verdict::Match,
            result: finished.result_hash,
            units,
        };
        journal.decide(&entry).unwrap();
    }

    let (running, stop) = world.start();
    let verdict = if honest {
        Verdict::Match
    } else {
        Verdict::Mismatch
    };
    world.wait_for(verdict).await;
    stop.cancel();
    ends(running).await.unwrap();
    assert_eq!(world.decided(), Some(verdict));
    // the worker put nothing: of a match the seat did, of a mismatch there is nothing to put
    for blob in [BlobHash(finished.result_hash), BlobHash::of(b"lode\n")] {
        let stored = world.store.size(blob).await.unwrap();
        assert_eq!(stored.is_some(), honest, "{blob}");
    }
}
