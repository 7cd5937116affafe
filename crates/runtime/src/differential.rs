//! Random modules come to the same end, fuel, memory, globals and output on every back end - and the comparison bites.
#![allow(clippy::unwrap_used, clippy::panic)]

use crate::run::{classify, HostEnd};
use crate::wasi::{self, State};
use crate::{scan, sha256, v1, BackEnd, Blob, End, JobSpec};
use arbitrary::Unstructured;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use std::collections::BTreeMap;
use wasmtime::{Engine, Module, OperatorCost, Store, Val};

const MODULES: u64 = 100;
const FUEL: u64 = 2_000_000;
const MEMORY_MIB: u64 = 8;

const IMPORTS: &str = r#"(module
    (import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "clock_time_get" (func (param i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sched_yield" (func (result i32))))"#;

const EXPORTS: &str = r#"(module (func (export "_start")) (memory (export "memory") 1)
    (global (export "g0") (mut f64) (f64.const 0)) (global (export "g1") (mut f32) (f32.const 0))
    (global (export "g2") (mut i64) (i64.const 0)) (global (export "g3") (mut v128) (v128.const i64x2 0 0))
    (global (export "g4") (mut i32) (i32.const 0)))"#;

fn module(seed: u64) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 8192];
    chacha20::ChaCha20::new(&sha256(&seed.to_le_bytes()).into(), &[0; 12].into())
        .apply_keystream(&mut bytes);
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
        max_funcs: 20,
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
    let module = wasm_smith::Module::new(config, &mut Unstructured::new(&bytes)).ok()?;
    let module = module.to_bytes();
    scan(&module, MEMORY_MIB).is_ok().then_some(module)
}

fn spec() -> JobSpec {
    JobSpec {
        hash: [1; 32],
        module: Blob::of(b""),
        args: vec!["job".to_owned()],
        env: Vec::new(),
        stdin: None,
        inputs: Vec::new(),
        memory_mib: MEMORY_MIB,
        output_limit: 1 << 20,
        clock: 5,
        seed: None,
    }
}

/// All that a run can be seen by.
#[derive(Debug, PartialEq)]
struct Seen {
    end: Result<End, HostEnd>,
    fuel: u64,
    memory: Option<[u8; 32]>,
    globals: Vec<Vec<u8>>,
    stdout: Vec<u8>,
}

/// Runs a test on a stack that holds WebAssembly's, as a job's thread does.
fn on_a_jobs_stack(test: fn()) {
    std::thread::Builder::new()
        .stack_size(v1::THREAD_STACK_BYTES)
        .spawn(test)
        .unwrap()
        .join()
        .unwrap();
}

fn observe(engine: &Engine, module: &[u8]) -> Seen {
    let module = Module::new(engine, module).unwrap();
    let state = State::new(&spec(), Vec::new(), Vec::new()).unwrap();
    let mut store = Store::new(engine, state);
    store.limiter(|state| state);
    store.set_fuel(FUEL).unwrap();
    let mut instance = None;
    let outcome = wasi::linker(engine)
        .unwrap()
        .instantiate(&mut store, &module)
        .and_then(|instantiated| {
            instance = Some(instantiated);
            let entry = instantiated.get_typed_func::<(), ()>(&mut store, "_start")?;
            entry.call(&mut store, ())
        });
    let end = classify(outcome);
    let trapped = matches!(end, Ok(End::Trap(_)) | Err(_));
    let mut seen = Seen {
        fuel: if trapped {
            0
        } else {
            store.get_fuel().unwrap()
        },
        memory: None,
        globals: Vec::new(),
        stdout: Vec::new(),
        end,
    };
    if let (Some(instance), false) = (instance, trapped) {
        let memory = instance.get_memory(&mut store, "memory").unwrap();
        seen.memory = Some(sha256(memory.data(&store)));
        for name in ["g0", "g1", "g2", "g3", "g4"] {
            let global = instance.get_global(&mut store, name).unwrap();
            seen.globals.push(match global.get(&mut store) {
                Val::I32(value) => value.to_le_bytes().to_vec(),
                Val::I64(value) => value.to_le_bytes().to_vec(),
                Val::F32(bits) => bits.to_le_bytes().to_vec(),
                Val::F64(bits) => bits.to_le_bytes().to_vec(),
                Val::V128(value) => value.as_u128().to_le_bytes().to_vec(),
                other => panic!("{other:?}"),
            });
        }
    }
    seen.stdout = store.into_data().stdout;
    seen
}

#[test]
fn random_modules_agree_on_every_back_end() {
    on_a_jobs_stack(compare);
}

fn compare() {
    let engines = BackEnd::ALL.map(|back_end| v1::engine(back_end).unwrap());
    let mut priced_otherwise = v1::config(BackEnd::Optimised).unwrap();
    priced_otherwise.operator_cost(OperatorCost::new());
    let priced_otherwise = Engine::new(&priced_otherwise).unwrap();
    let mut ends: BTreeMap<String, u32> = BTreeMap::new();
    let (mut compared, mut wrote, mut priced) = (0, 0, 0);
    let blank = sha256(&[0; 65_536]);
    for (seed, module) in (0..)
        .filter_map(|seed| Some((seed, module(seed)?)))
        .take(MODULES as usize)
    {
        let all = engines.each_ref().map(|engine| observe(engine, &module));
        for seen in &all {
            assert_eq!(*seen, all[0], "module of seed {seed}");
        }
        compared += 1;
        wrote += u32::from(all[0].memory.is_some_and(|memory| memory != blank));
        priced += u32::from(observe(&priced_otherwise, &module) != all[0]);
        *ends.entry(format!("{:?}", all[0].end)).or_default() += 1;
    }
    println!("{compared} modules, {wrote} with a memory of their own, ends {ends:?}");
    assert_eq!(compared, MODULES);
    assert!(ends.len() >= 4, "{ends:?}");
    assert!(wrote >= 10, "{wrote}");
    assert!(priced >= 1, "another price list went unnoticed");
}

#[test]
fn without_canonical_nans_the_bits_of_the_vector_differ() {
    on_a_jobs_stack(compare_nans);
}

fn compare_nans() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/nan-bits/");
    let module = std::fs::read(format!("{folder}module.wasm")).unwrap();
    let mut config = v1::config(BackEnd::Optimised).unwrap();
    config.cranelift_nan_canonicalization(false);
    let loose = observe_stdout(&Engine::new(&config).unwrap(), &module);
    let strict = observe_stdout(&v1::engine(BackEnd::Optimised).unwrap(), &module);
    assert_ne!(loose, strict);
}

fn observe_stdout(engine: &Engine, module: &[u8]) -> Vec<u8> {
    let module = Module::new(engine, module).unwrap();
    let mut store = Store::new(engine, State::new(&spec(), Vec::new(), Vec::new()).unwrap());
    store.limiter(|state| state);
    store.set_fuel(FUEL).unwrap();
    let instance = wasi::linker(engine)
        .unwrap()
        .instantiate(&mut store, &module)
        .unwrap();
    let entry = instance
        .get_typed_func::<(), ()>(&mut store, "_start")
        .unwrap();
    entry.call(&mut store, ()).unwrap();
    store.into_data().stdout
}
