//! Random modules come to the same receipt and the same exported globals on every back end - and the comparison bites.
//!
//! Most are generated; the others are vectors and the example workloads with some of their instructions changed. The
//! test command runs 500. `LODE_FUZZ_MODULES=20000` runs as many, and `LODE_FUZZ_SEED=N` begins with seed N, so that
//! every night can have modules of its own. A module that differs is named by its seed; it becomes a vector.
#![allow(clippy::unwrap_used, clippy::panic)]

use crate::run::{conclude, finish, start, HostEnd, Setup};
use crate::verify::VECTORS;
use crate::{scan, sha256, v1, BackEnd, Blob, JobSpec, Receipt, RunRequest};
use arbitrary::Unstructured;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use wasmparser::{Operator, Parser, Payload};
use wasmtime::{Engine, Extern, Module, OperatorCost, Val};

const MODULES: u64 = 500;
const FUEL: u64 = 2_000_000;
const MEMORY_MIB: u64 = 8;
const LIMIT: u64 = 1_000_000;

const IMPORTS: &str = r#"(module
    (import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "clock_time_get" (func (param i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sched_yield" (func (result i32))))"#;

const EXPORTS: &str = r#"(module (func (export "_start")) (memory (export "memory") 1)
    (global (export "g0") (mut f64) (f64.const 0)) (global (export "g1") (mut f32) (f32.const 0))
    (global (export "g2") (mut i64) (i64.const 0)) (global (export "g3") (mut v128) (v128.const i64x2 0 0))
    (global (export "g4") (mut i32) (i32.const 0)))"#;

/// Bytes that a seed stands for.
fn random(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    chacha20::ChaCha20::new(&sha256(&seed.to_le_bytes()).into(), &[0; 12].into())
        .apply_keystream(&mut bytes);
    bytes
}

/// A module with what it runs on.
struct Case {
    kind: &'static str,
    request: RunRequest,
}

/// The case of a seed, unless it is no valid module.
fn case(seed: u64, real: &[RunRequest]) -> Option<Case> {
    let (kind, request) = match seed % 8 {
        0 if seed.is_multiple_of(64) => {
            let at = (seed / 64) as usize % real.len();
            ("mutated workload", mutated(&real[at], seed)?)
        }
        0 => {
            let at = (seed / 8) as usize % VECTORS.len();
            let vector = VECTORS[at].request().unwrap();
            ("mutated vector", mutated(&vector, seed)?)
        }
        _ => ("generated", generated(seed)?),
    };
    scan(&request.module, request.spec.memory_mib).ok()?;
    Some(Case { kind, request })
}

fn generated(seed: u64) -> Option<RunRequest> {
    let config = wasm_smith::Config {
        available_imports: Some(wat::parse_str(IMPORTS).unwrap()),
        exports: Some(wat::parse_str(EXPORTS).unwrap()),
        allow_start_export: false,
        max_memories: 0,
        reference_types_enabled: false,
        max_memory32_bytes: 4 << 20,
        max_tables: 1,
        max_instructions: 400,
        min_funcs: 3,
        max_funcs: 12,
        gc_enabled: false,
        exceptions_enabled: false,
        threads_enabled: false,
        memory64_enabled: false,
        relaxed_simd_enabled: false,
        custom_page_sizes_enabled: false,
        shared_everything_threads_enabled: false,
        wide_arithmetic_enabled: false,
        extended_const_enabled: false,
        canonicalize_nans: false,
        ..wasm_smith::Config::default()
    };
    let bytes = random(seed, 8192);
    let module = wasm_smith::Module::new(config, &mut Unstructured::new(&bytes)).ok()?;
    let module = module.to_bytes();
    let spec = JobSpec {
        hash: [1; 32],
        module: Blob::of(&module),
        args: vec!["job".to_owned()],
        env: Vec::new(),
        stdin: None,
        inputs: Vec::new(),
        memory_mib: MEMORY_MIB,
        output_limit: 1 << 20,
        clock: 5,
        seed: None,
    };
    Some(RunRequest {
        spec,
        module,
        stdin: Vec::new(),
        inputs: Vec::new(),
        limit: LIMIT,
    })
}

/// Operators that take and give the same, by their bytes: one may stand for another.
const ALIKE: [std::ops::RangeInclusive<u8>; 13] = [
    0x46..=0x4f, // i32 comparisons
    0x51..=0x5a, // i64 comparisons
    0x5b..=0x60, // f32 comparisons
    0x61..=0x66, // f64 comparisons
    0x67..=0x69, // i32 counts
    0x6a..=0x78, // i32 arithmetic
    0x79..=0x7b, // i64 counts
    0x7c..=0x8a, // i64 arithmetic
    0x8b..=0x91, // f32, one
    0x92..=0x98, // f32, two
    0x99..=0x9f, // f64, one
    0xa0..=0xa6, // f64, two
    0xc0..=0xc1, // i32 sign extensions
];

/// The same request with some instructions changed: operators for others of the same type, numbers for other numbers.
fn mutated(request: &RunRequest, seed: u64) -> Option<RunRequest> {
    let mut places: Vec<(usize, bool)> = Vec::new();
    for payload in Parser::new(0).parse_all(&request.module) {
        let Payload::CodeSectionEntry(body) = payload.ok()? else {
            continue;
        };
        for item in body.get_operators_reader().ok()?.into_iter_with_offsets() {
            let (operator, offset) = item.ok()?;
            match operator {
                // Small numbers are a byte, and stay one.
                Operator::I32Const { value } if (-64..64).contains(&value) => {
                    places.push((offset + 1, true));
                }
                Operator::I64Const { value } if (-64..64).contains(&value) => {
                    places.push((offset + 1, true));
                }
                _ if ALIKE
                    .iter()
                    .any(|class| class.contains(&request.module[offset])) =>
                {
                    places.push((offset, false));
                }
                _ => {}
            }
        }
    }
    if places.is_empty() {
        return None;
    }
    let mut changed = request.clone();
    for change in random(seed, 64).chunks(8) {
        let number = |from: usize| usize::from(change[from]) << 8 | usize::from(change[from + 1]);
        let (at, is_number) = places[(number(0) << 16 | number(2)) % places.len()];
        let byte = &mut changed.module[at];
        if is_number {
            *byte = change[4] & 0x7f;
            continue;
        }
        let class = ALIKE.iter().find(|class| class.contains(byte))?;
        let size = usize::from(class.end() - class.start()) + 1;
        *byte = class.start() + (number(4) % size) as u8;
    }
    changed.spec.module = Blob::of(&changed.module);
    Some(changed)
}

/// The example workloads, with little to do.
fn workloads() -> Vec<RunRequest> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/workloads");
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let request = |module: Vec<u8>, args: &[&str], inputs: Vec<(&str, Vec<u8>)>| RunRequest {
        spec: JobSpec {
            hash: [2; 32],
            module: Blob::of(&module),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            env: Vec::new(),
            stdin: None,
            inputs: inputs
                .iter()
                .map(|(path, bytes)| crate::InputFile {
                    path: (*path).to_owned(),
                    sha256: sha256(bytes),
                    size: bytes.len() as u64,
                })
                .collect(),
            memory_mib: MEMORY_MIB,
            output_limit: 1 << 20,
            clock: 5,
            seed: None,
        },
        module,
        stdin: Vec::new(),
        inputs: inputs.into_iter().map(|(_, bytes)| bytes).collect(),
        limit: LIMIT,
    };
    vec![
        request(
            read("picture.wasm"),
            &[
                "picture",
                "--width",
                "8",
                "--height",
                "8",
                "--iterations",
                "9",
            ],
            Vec::new(),
        ),
        request(
            read("word-stats.wasm"),
            &["word-stats", "/in/book.txt"],
            vec![(
                "book.txt",
                b"The keeper counts her steps, and counts them again.".to_vec(),
            )],
        ),
    ]
}

/// All that a run can be seen by.
#[derive(Debug, PartialEq)]
struct Seen {
    receipt: Result<Receipt, HostEnd>,
    /// Exported globals by name; none where a trap struck, while some were in registers.
    globals: BTreeMap<String, Vec<u8>>,
}

fn observe(setup: &Setup, request: &RunRequest) -> Seen {
    let module = Module::new(&setup.engine, &request.module).unwrap();
    let mut ran = start(request, FUEL, setup, &module).unwrap();
    let mut globals = BTreeMap::new();
    if let Some(instance) = ran.instance {
        let exports: Vec<(String, Extern)> = instance
            .exports(&mut ran.store)
            .map(|export| (export.name().to_owned(), export.into_extern()))
            .collect();
        for (name, export) in exports {
            if let Extern::Global(global) = export {
                let bytes = match global.get(&mut ran.store) {
                    Val::I32(value) => value.to_le_bytes().to_vec(),
                    Val::I64(value) => value.to_le_bytes().to_vec(),
                    Val::F32(bits) => bits.to_le_bytes().to_vec(),
                    Val::F64(bits) => bits.to_le_bytes().to_vec(),
                    Val::V128(value) => value.as_u128().to_le_bytes().to_vec(),
                    _ => Vec::new(),
                };
                globals.insert(name, bytes);
            }
        }
    }
    let receipt = conclude(ran).map(|ended| finish(request, ended).receipt);
    let struck = match &receipt {
        Ok(receipt) => matches!(receipt.end, crate::End::Trap(_)),
        Err(_) => true,
    };
    Seen {
        globals: if struck { BTreeMap::new() } else { globals },
        receipt,
    }
}

/// Whether two machines disagree. How deep a stack reaches differs, and its end is no receipt: it contradicts none.
fn differ(a: &Seen, b: &Seen) -> bool {
    let full = |seen: &Seen| seen.receipt == Err(HostEnd::Stack);
    a != b && !full(a) && !full(b)
}

/// What many runs came to.
#[derive(Default)]
struct Tally {
    kinds: BTreeMap<&'static str, u64>,
    ends: BTreeMap<String, u64>,
    wrote: u64,
    with_globals: u64,
    priced_otherwise: u64,
    differences: Vec<String>,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        for (kind, count) in other.kinds {
            *self.kinds.entry(kind).or_default() += count;
        }
        for (end, count) in other.ends {
            *self.ends.entry(end).or_default() += count;
        }
        self.wrote += other.wrote;
        self.with_globals += other.with_globals;
        self.priced_otherwise += other.priced_otherwise;
        self.differences.extend(other.differences);
    }

    fn compared(&self) -> u64 {
        self.kinds.values().sum()
    }
}

/// Runs each seed's module on every back end, as many as are wanted, on all cores.
fn compare(modules: u64, first: u64) -> Tally {
    let setups = BackEnd::ALL.map(|back_end| Setup::new(v1::engine(back_end).unwrap()).unwrap());
    let mut otherwise = v1::config(BackEnd::Plain).unwrap();
    otherwise.operator_cost(OperatorCost::new());
    let otherwise = Setup::new(Engine::new(&otherwise).unwrap()).unwrap();
    let real = workloads();
    let (next, done) = (AtomicU64::new(first), AtomicU64::new(0));
    let work = || {
        let mut tally = Tally::default();
        let blank = sha256(&[0; 65_536]);
        while done.load(Ordering::Relaxed) < modules {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = case(seed, &real) else {
                continue;
            };
            if done.fetch_add(1, Ordering::Relaxed) >= modules {
                break;
            }
            let all = setups.each_ref().map(|setup| observe(setup, &case.request));
            for (back_end, seen) in BackEnd::ALL.iter().zip(&all) {
                if differ(seen, &all[0]) {
                    tally.differences.push(format!(
                        "seed {seed} ({}) on {back_end:?}: {seen:?}, not {:?}",
                        case.kind, all[0]
                    ));
                }
            }
            *tally.kinds.entry(case.kind).or_default() += 1;
            let memory = all[0]
                .receipt
                .as_ref()
                .ok()
                .and_then(|receipt| receipt.memory);
            tally.wrote += u64::from(memory.is_some_and(|memory| memory != blank));
            tally.with_globals += u64::from(!all[0].globals.is_empty());
            if seed % 16 == 1 {
                tally.priced_otherwise += u64::from(observe(&otherwise, &case.request) != all[0]);
            }
            let end = match &all[0].receipt {
                Ok(receipt) => format!("{:?}", receipt.end),
                Err(end) => format!("{end:?}"),
            };
            *tally.ends.entry(end).or_default() += 1;
        }
        tally
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                // A stack that holds WebAssembly's, as a job's thread has.
                std::thread::Builder::new()
                    .stack_size(v1::THREAD_STACK_BYTES)
                    .spawn_scoped(scope, work)
                    .unwrap()
            })
            .collect();
        workers
            .into_iter()
            .fold(Tally::default(), |mut all, worker| {
                all.add(worker.join().unwrap());
                all
            })
    })
}

fn wanted(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{variable} must be a number")),
        Err(_) => default,
    }
}

#[test]
fn random_and_mutated_modules_agree_on_every_back_end() {
    let modules = wanted("LODE_FUZZ_MODULES", MODULES);
    let tally = compare(modules, wanted("LODE_FUZZ_SEED", 0));
    println!(
        "{:?}, {} with a memory of their own, {} with globals, ends {:?}",
        tally.kinds, tally.wrote, tally.with_globals, tally.ends
    );
    assert_eq!(tally.differences, Vec::<String>::new());
    assert_eq!(tally.compared(), modules);
    // The modules are worth comparing, and a change of one price is seen in them.
    assert_eq!(tally.kinds.len(), 3, "{:?}", tally.kinds);
    assert!(tally.ends.len() >= 6, "{:?}", tally.ends);
    assert!(tally.wrote * 10 >= modules, "{}", tally.wrote);
    assert!(tally.with_globals * 4 >= modules, "{}", tally.with_globals);
    assert!(
        tally.priced_otherwise > 0,
        "another price list went unnoticed"
    );
}

#[test]
fn without_canonical_nans_the_bits_of_the_vector_differ() {
    let request = VECTORS
        .iter()
        .find(|vector| vector.name == "nan-bits")
        .unwrap()
        .request()
        .unwrap();
    let mut config = v1::config(BackEnd::Optimised).unwrap();
    config.cranelift_nan_canonicalization(false);
    let loose = Setup::new(Engine::new(&config).unwrap()).unwrap();
    let strict = Setup::new(v1::engine(BackEnd::Optimised).unwrap()).unwrap();
    std::thread::scope(|scope| {
        let seen = std::thread::Builder::new()
            .stack_size(v1::THREAD_STACK_BYTES)
            .spawn_scoped(scope, || {
                (observe(&loose, &request), observe(&strict, &request))
            })
            .unwrap();
        let (loose, strict) = seen.join().unwrap();
        assert_ne!(loose, strict);
    });
}
