//! Random modules come to the same receipt, the same exported globals and the same exported table on every back end - and
//! the comparison bites.
//!
//! Most are generated, with references to functions in values, globals and tables; the others are vectors and the
//! example workloads with some of their instructions changed. The test command runs 500. `LODE_FUZZ_MODULES=20000` runs
//! as many, and `LODE_FUZZ_SEED=N` begins with seed N, so that every night can have modules of its own. A module that
//! differs is named by its seed; it becomes a vector.
#![allow(clippy::unwrap_used, clippy::panic)]

use crate::run::{conclude, finish, start, HostEnd, Setup};
use crate::verify::VECTORS;
use crate::{scan, sha256, v1, BackEnd, Blob, End, JobSpec, Receipt, RunRequest};
use arbitrary::Unstructured;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use wasm_encoder::reencode::{Error as ReencodeError, Reencode};
use wasmparser::{Operator, Parser, Payload};
use wasmtime::{Engine, Extern, Module, OperatorCost, Ref, Val};

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
    (global (export "g4") (mut i32) (i32.const 0)) (global (export "g5") (mut funcref) (ref.null func))
    (table (export "t0") 9 funcref))"#;

/// What the exported table is at first: each element null.
const EMPTY_TABLE: [u8; 9] = [0; 9];

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
        max_memory32_bytes: 4 << 20,
        max_tables: 3,
        max_table_elements: 100_000,
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
    let module = without_externref(&module.to_bytes());
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

/// Takes every `externref` for a `funcref`. The generator has either both or none, and hardly a module has no `externref`,
/// which runtime 1 does not speak. As all of them change, what fitted together still does.
struct NoExternref;

impl Reencode for NoExternref {
    type Error = std::convert::Infallible;

    fn abstract_heap_type(
        &mut self,
        ty: wasmparser::AbstractHeapType,
    ) -> Result<wasm_encoder::AbstractHeapType, ReencodeError<Self::Error>> {
        let ty = match ty {
            wasmparser::AbstractHeapType::Extern => wasmparser::AbstractHeapType::Func,
            other => other,
        };
        Ok(wasm_encoder::reencode::utils::abstract_heap_type(self, ty))
    }
}

fn without_externref(module: &[u8]) -> Vec<u8> {
    let mut changed = wasm_encoder::Module::new();
    NoExternref
        .parse_core_module(&mut changed, Parser::new(0), module)
        .unwrap();
    changed.finish()
}

/// Operators that make references, or move them in and out of tables.
const REFERENCES: [&str; 7] = [
    "ref.func",
    "ref.is_null",
    "ref.null",
    "table.fill",
    "table.get",
    "table.grow",
    "table.set",
];

/// Which of them a module has.
fn references(module: &[u8]) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::new();
    for payload in Parser::new(0).parse_all(module) {
        let Payload::CodeSectionEntry(body) = payload.unwrap() else {
            continue;
        };
        for operator in body.get_operators_reader().unwrap() {
            found.extend(match operator.unwrap() {
                Operator::RefFunc { .. } => Some("ref.func"),
                Operator::RefIsNull => Some("ref.is_null"),
                Operator::RefNull { .. } => Some("ref.null"),
                Operator::TableFill { .. } => Some("table.fill"),
                Operator::TableGet { .. } => Some("table.get"),
                Operator::TableGrow { .. } => Some("table.grow"),
                Operator::TableSet { .. } => Some("table.set"),
                _ => None,
            });
        }
    }
    found
}

/// The engine with another price for each of them: whoever comes to one is billed otherwise.
fn references_priced_otherwise() -> Setup {
    let mut config = v1::config(BackEnd::Plain).unwrap();
    let cost = v1::OPERATOR_COST;
    config.operator_cost(OperatorCost {
        RefFunc: cost.RefFunc + 1,
        RefIsNull: cost.RefIsNull + 1,
        RefNull: cost.RefNull + 1,
        TableFill: cost.TableFill + 1,
        TableGet: cost.TableGet + 1,
        TableGrow: cost.TableGrow + 1,
        TableSet: cost.TableSet + 1,
        ..cost
    });
    Setup::new(Engine::new(&config).unwrap()).unwrap()
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
    /// Exported globals by name, and of an exported table which elements are null; none where a trap struck, while some
    /// were in registers.
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
            let bytes = match export {
                Extern::Global(global) => match global.get(&mut ran.store) {
                    Val::I32(value) => value.to_le_bytes().to_vec(),
                    Val::I64(value) => value.to_le_bytes().to_vec(),
                    Val::F32(bits) => bits.to_le_bytes().to_vec(),
                    Val::F64(bits) => bits.to_le_bytes().to_vec(),
                    Val::V128(value) => value.as_u128().to_le_bytes().to_vec(),
                    Val::FuncRef(function) => vec![u8::from(function.is_some())],
                    other => panic!("a global of {other:?}"),
                },
                Extern::Table(table) => (0..table.size(&ran.store))
                    .map(|at| match table.get(&mut ran.store, at) {
                        Some(Ref::Func(function)) => u8::from(function.is_some()),
                        other => panic!("an element {other:?}"),
                    })
                    .collect(),
                _ => continue,
            };
            globals.insert(name, bytes);
        }
    }
    let receipt = conclude(ran).map(|ended| finish(request, ended).receipt);
    let struck = match &receipt {
        Ok(receipt) => matches!(receipt.end, End::Trap(_)),
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
    /// How many generated modules have each operator of [`REFERENCES`].
    references: BTreeMap<&'static str, u64>,
    /// How many generated modules have a bill that tells what they came to, as they ended by themselves, and how many of
    /// these came to such an operator.
    watched: u64,
    came_to_references: u64,
    /// How many ended with something in the exported table, or with more room in it than at first.
    filled_table: u64,
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
        for (operator, count) in other.references {
            *self.references.entry(operator).or_default() += count;
        }
        self.watched += other.watched;
        self.came_to_references += other.came_to_references;
        self.filled_table += other.filled_table;
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
    let dearer = references_priced_otherwise();
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
            if case.kind == "generated" {
                for operator in references(&case.request.module) {
                    *tally.references.entry(operator).or_default() += 1;
                }
                let told = |end| matches!(end, End::Exit(_) | End::Unreachable);
                if all[0]
                    .receipt
                    .as_ref()
                    .is_ok_and(|receipt| told(receipt.end))
                {
                    tally.watched += 1;
                    let dearer = observe(&dearer, &case.request);
                    tally.came_to_references += u64::from(dearer != all[0]);
                }
            }
            let table = all[0].globals.get("t0");
            tally.filled_table += u64::from(table.is_some_and(|table| *table != EMPTY_TABLE));
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
        "{:?}, {} with a memory of their own, {} with globals, {} with a table, ends {:?}",
        tally.kinds, tally.wrote, tally.with_globals, tally.filled_table, tally.ends
    );
    println!(
        "{:?}; {} came to one of them, of {} whose bill tells",
        tally.references, tally.came_to_references, tally.watched
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
    // References are in many modules, each kind of them, and are come to: another price of theirs is seen.
    for operator in REFERENCES {
        let count = tally.references.get(operator).copied().unwrap_or_default();
        assert!(count * 40 >= modules, "{operator} in {count} modules");
    }
    let (came, watched) = (tally.came_to_references, tally.watched);
    assert!(watched * 5 >= modules, "{watched}");
    assert!(came * 8 >= watched, "{came} of {watched}");
    assert!(tally.filled_table * 50 >= modules, "{}", tally.filled_table);
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
