//! Runs a spec in this process.

use crate::compile::{compile, threads_here};
use crate::wasi::{self, Exit, OutOfFuel, Prices, State, PRICES};
use crate::{
    scan, sha256, units, v1, BackEnd, Blob, End, Error, JobSpec, Receipt, ReceiptFile, Result, Trap,
};
use std::time::{Duration, Instant};
use wasmtime::{Engine, Instance, Linker, Module, Store};

/// What a run needs: the spec, its blobs, and the job's limit.
#[derive(Clone, Debug)]
pub struct RunRequest {
    /// The spec.
    pub spec: JobSpec,
    /// The module's bytes.
    pub module: Vec<u8>,
    /// Stdin's bytes; empty if the spec names none.
    pub stdin: Vec<u8>,
    /// The inputs' bytes, in the order of the spec.
    pub inputs: Vec<Vec<u8>>,
    /// Most units, as the job says.
    pub limit: u64,
}

impl RunRequest {
    /// Collects what the spec names from a source of blobs: `fetch` gets a hash and answers with its bytes.
    ///
    /// # Errors
    /// Whatever `fetch` fails with.
    pub fn collect<E>(
        spec: JobSpec,
        limit: u64,
        mut fetch: impl FnMut(&[u8; 32]) -> std::result::Result<Vec<u8>, E>,
    ) -> std::result::Result<RunRequest, E> {
        let module = fetch(&spec.module.sha256)?;
        let stdin = match &spec.stdin {
            Some(stdin) => fetch(&stdin.sha256)?,
            None => Vec::new(),
        };
        let inputs = spec
            .inputs
            .iter()
            .map(|input| fetch(&input.sha256))
            .collect::<std::result::Result<_, E>>()?;
        Ok(RunRequest {
            spec,
            module,
            stdin,
            inputs,
            limit,
        })
    }

    /// Checks every blob against the spec, and the limit; answers with the fuel of the run.
    pub(crate) fn check(&self) -> Result<u64> {
        let fuel = self.spec.fuel(self.limit)?;
        same("the module", &self.spec.module, &self.module)?;
        let stdin = self.spec.stdin.unwrap_or_else(|| Blob::of(b""));
        same("stdin", &stdin, &self.stdin)?;
        if self.inputs.len() != self.spec.inputs.len() {
            return Err(Error::Inputs {
                expected: self.spec.inputs.len(),
                given: self.inputs.len(),
            });
        }
        for (input, bytes) in self.spec.inputs.iter().zip(&self.inputs) {
            let named = Blob {
                sha256: input.sha256,
                size: input.size,
            };
            same(&input.path, &named, bytes)?;
        }
        Ok(fuel)
    }
}

fn same(what: &str, named: &Blob, bytes: &[u8]) -> Result<()> {
    match Blob::of(bytes) == *named {
        true => Ok(()),
        false => Err(Error::Blob {
            what: what.to_owned(),
            expected: hex::encode(named.sha256),
        }),
    }
}

/// What a run comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// What every machine comes to.
    Receipt(Box<Finished>),
    /// What may differ on another machine: no receipt, no signature.
    Host(HostEnd),
}

/// A receipt with all that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The receipt.
    pub receipt: Receipt,
    /// Its line: the blob that the result names.
    pub line: Vec<u8>,
    /// SHA-256 of the line.
    pub result_hash: [u8; 32],
    /// The blobs that the receipt names, each once: stdout, stderr and files.
    pub outputs: Vec<Vec<u8>>,
    /// Bytes of WebAssembly memory at the end; no part of the receipt.
    pub memory_bytes: u64,
    /// Where the time went; no part of the receipt.
    pub timing: Timing,
}

/// Time of each phase, on this machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// Checking and compiling the module.
    pub compile: Duration,
    /// Running it.
    pub run: Duration,
    /// Hashing its memory and outputs.
    pub hash: Duration,
    /// From the request to the program's first instruction: checking the blobs, compiling, laying out its memory; in a
    /// child, also being told what to run.
    pub first: Duration,
}

/// Why a run ended without a receipt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostEnd {
    /// The WebAssembly stack is full; how deep it reaches differs between back ends.
    #[error("the stack is full: endless recursion, or a function that needs more than 8 MiB")]
    Stack,
    /// The host could not give memory that the spec allows.
    #[error("the host has too little memory: {0}")]
    Memory(String),
    /// The run took longer than the agent allows.
    #[error("the run took longer than this machine allows")]
    Time,
    /// The process that ran it ended without an answer.
    #[error("the process that ran the job ended: {0}")]
    Crash(String),
    /// Anything else that the engine says.
    #[error("the engine failed: {0}")]
    Engine(String),
}

/// Runs a request as who checks a result does, but in this process and without a limit of time.
///
/// # Errors
/// What is wrong with the request; never what the program does.
pub fn run(request: &RunRequest) -> Result<Outcome> {
    run_on(request, BackEnd::Optimised)
}

/// Runs a request on a back end.
///
/// # Errors
/// As [`run`].
pub fn run_on(request: &RunRequest, back_end: BackEnd) -> Result<Outcome> {
    run_with(request, threads_here(), || {
        Setup::new(v1::engine(back_end)?)
    })
}

/// Runs a request as [`run`] does, with at most so many bytes of WebAssembly stack and so many threads that compile.
pub(crate) fn run_within(
    request: &RunRequest,
    stack_bytes: usize,
    threads: usize,
) -> Result<Outcome> {
    run_with(request, threads, || {
        let mut config = v1::config(BackEnd::Optimised)?;
        config.max_wasm_stack(stack_bytes.min(v1::WASM_STACK_BYTES));
        Setup::new(Engine::new(&config)?)
    })
}

/// All that the rules of runtime 1 decide about a run. Tests change one thing at a time, to see that it is noticed.
pub(crate) struct Setup {
    pub(crate) engine: Engine,
    pub(crate) linker: Linker<State>,
    pub(crate) prices: Prices,
}

impl Setup {
    pub(crate) fn new(engine: Engine) -> wasmtime::Result<Setup> {
        Ok(Setup {
            linker: wasi::linker(&engine)?,
            engine,
            prices: PRICES,
        })
    }
}

/// Runs a request as it is set up, and compiles its module on at most so many threads.
pub(crate) fn run_with(
    request: &RunRequest,
    threads: usize,
    setup: impl FnOnce() -> wasmtime::Result<Setup> + Send,
) -> Result<Outcome> {
    let started = Instant::now();
    let fuel = request.check()?;
    if let Err(reason) = scan(&request.module, request.spec.memory_mib) {
        return Ok(Outcome::Receipt(Box::new(finish(
            request,
            Ended::nothing(End::Invalid(reason)),
        ))));
    }
    let ended = std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("job".to_owned())
            .stack_size(v1::THREAD_STACK_BYTES)
            .spawn_scoped(scope, || execute(request, fuel, threads, setup, started))?
            .join()
            .map_err(|_| std::io::Error::other("the thread of the job panicked"))
    });
    Ok(match ended {
        Ok(Ok(ended)) => Outcome::Receipt(Box::new(finish(request, ended))),
        Ok(Err(end)) => Outcome::Host(end),
        Err(error) => Outcome::Host(HostEnd::Crash(error.to_string())),
    })
}

pub(crate) struct Ended {
    end: End,
    fuel: u64,
    memory: Option<[u8; 32]>,
    memory_bytes: u64,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    files: Vec<(String, Vec<u8>)>,
    timing: Timing,
}

impl Ended {
    fn nothing(end: End) -> Ended {
        Ended {
            end,
            fuel: 0,
            memory: None,
            memory_bytes: 0,
            stdout: Vec::new(),
            stderr: Vec::new(),
            files: Vec::new(),
            timing: Timing::default(),
        }
    }
}

fn execute(
    request: &RunRequest,
    fuel: u64,
    threads: usize,
    setup: impl FnOnce() -> wasmtime::Result<Setup>,
    asked: Instant,
) -> std::result::Result<Ended, HostEnd> {
    let started = Instant::now();
    let setup = setup().map_err(broken)?;
    let module = compile(&setup.engine, &request.module, threads)?;
    let compile = started.elapsed();
    let ran = start(request, fuel, &setup, &module)?;
    let first = ran.first.saturating_duration_since(asked);
    let mut ended = conclude(ran)?;
    ended.timing.compile = compile;
    ended.timing.first = first;
    Ok(ended)
}

fn broken(error: wasmtime::Error) -> HostEnd {
    HostEnd::Engine(format!("{error:#}"))
}

/// A run that is over, and not looked at yet.
pub(crate) struct Ran {
    pub(crate) store: Store<State>,
    pub(crate) instance: Option<Instance>,
    outcome: wasmtime::Result<()>,
    fuel: u64,
    took: Duration,
    /// When its first instruction was due.
    first: Instant,
}

/// Instantiates and calls a compiled module, on the calling thread.
pub(crate) fn start(
    request: &RunRequest,
    fuel: u64,
    setup: &Setup,
    module: &Module,
) -> std::result::Result<Ran, HostEnd> {
    let started = Instant::now();
    let mut state = State::new(&request.spec, request.stdin.clone(), request.inputs.clone())?;
    state.prices = setup.prices;
    let mut store = Store::new(&setup.engine, state);
    store.limiter(|state| state);
    store.set_fuel(fuel).map_err(broken)?;
    let mut instance = None;
    let instantiated = setup.linker.instantiate(&mut store, module);
    let first = Instant::now();
    let outcome = instantiated.and_then(|instantiated| {
        instance = Some(instantiated);
        let entry = instantiated.get_typed_func::<(), ()>(&mut store, "_start")?;
        entry.call(&mut store, ())
    });
    Ok(Ran {
        store,
        instance,
        outcome,
        fuel,
        took: started.elapsed(),
        first,
    })
}

/// What a run came to.
pub(crate) fn conclude(ran: Ran) -> std::result::Result<Ended, HostEnd> {
    let Ran {
        mut store,
        instance,
        outcome,
        fuel,
        took,
        ..
    } = ran;
    let started = Instant::now();
    let files = store.data_mut().tree.take_outputs();
    let end = match &files {
        Some(_) => classify(outcome)?,
        None => classify(outcome).map(|_| End::Trap(Trap::ReceiptTooLong))?,
    };
    let left = store.get_fuel().map_err(broken)?;
    let used = match end {
        // A trap strikes while the counter is in a register: what it cost is not known, so all is.
        End::Trap(_) | End::Fuel => fuel,
        _ => fuel.saturating_sub(left),
    };
    let memory = instance.and_then(|instance| instance.get_memory(&mut store, "memory"));
    let memory_bytes = memory.map_or(0, |memory| memory.data_size(&store) as u64);
    let memory = match end {
        // A store that traps may or may not have written its first bytes.
        End::Trap(_) | End::Invalid(_) => None,
        _ => memory.map(|memory| sha256(memory.data(&store))),
    };
    let state = store.into_data();
    Ok(Ended {
        end,
        fuel: used,
        memory,
        memory_bytes,
        stdout: state.stdout,
        stderr: state.stderr,
        files: files.unwrap_or_default(),
        timing: Timing {
            run: took,
            hash: started.elapsed(),
            ..Timing::default()
        },
    })
}

/// The end, from the error's type; never from its text.
fn classify(outcome: wasmtime::Result<()>) -> std::result::Result<End, HostEnd> {
    let Err(error) = outcome else {
        return Ok(End::Exit(0));
    };
    if let Some(Exit(code)) = error.downcast_ref() {
        return Ok(End::Exit(*code));
    }
    if error.is::<OutOfFuel>() {
        return Ok(End::Fuel);
    }
    if let Some(end) = error.downcast_ref::<HostEnd>() {
        return Err(end.clone());
    }
    use wasmtime::Trap as T;
    match error.downcast_ref::<T>() {
        Some(T::OutOfFuel) => Ok(End::Fuel),
        Some(T::UnreachableCodeReached) => Ok(End::Unreachable),
        Some(T::MemoryOutOfBounds) => Ok(End::Trap(Trap::MemoryOutOfBounds)),
        Some(T::TableOutOfBounds) => Ok(End::Trap(Trap::TableOutOfBounds)),
        Some(T::IndirectCallToNull) => Ok(End::Trap(Trap::IndirectCallToNull)),
        Some(T::BadSignature) => Ok(End::Trap(Trap::BadSignature)),
        Some(T::IntegerOverflow) => Ok(End::Trap(Trap::IntegerOverflow)),
        Some(T::IntegerDivisionByZero) => Ok(End::Trap(Trap::DivisionByZero)),
        Some(T::BadConversionToInteger) => Ok(End::Trap(Trap::BadConversion)),
        Some(T::StackOverflow) => Err(HostEnd::Stack),
        _ => Err(HostEnd::Engine(format!("{error:#}"))),
    }
}

pub(crate) fn finish(request: &RunRequest, ended: Ended) -> Finished {
    let started = Instant::now();
    let mut outputs: Vec<Vec<u8>> = Vec::new();
    let mut names = std::collections::BTreeSet::new();
    let mut keep = |bytes: Vec<u8>| {
        let blob = Blob::of(&bytes);
        if names.insert(blob.sha256) {
            outputs.push(bytes);
        }
        blob
    };
    let stdout = keep(ended.stdout);
    let stderr = keep(ended.stderr);
    let files = ended
        .files
        .into_iter()
        .map(|(path, bytes)| ReceiptFile {
            path,
            blob: keep(bytes),
        })
        .collect();
    let units = match ended.end {
        End::Invalid(_) => 0,
        _ => units::billed(request.spec.base_units(), ended.fuel, request.limit),
    };
    let receipt = Receipt {
        spec: request.spec.hash,
        limit: request.limit,
        end: ended.end,
        fuel: ended.fuel,
        units,
        memory: ended.memory,
        stdout,
        stderr,
        files,
    };
    let line = receipt.line();
    let mut timing = ended.timing;
    timing.hash += started.elapsed();
    Finished {
        result_hash: sha256(&line),
        line,
        receipt,
        outputs,
        memory_bytes: ended.memory_bytes,
        timing,
    }
}
