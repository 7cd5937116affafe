//! Compiles a module on several threads. How many there are changes no byte of what comes out, and not much the memory
//! that it takes.

use crate::scan::{self, MAX_BODY_BYTES};
use crate::{v1, HostEnd};
use wasmparser::{Parser, Payload};
use wasmtime::{Engine, Module};

/// Most threads that compile a module. The allowance of a child has room for their stacks, on every machine.
pub(crate) const MOST_THREADS: usize = 8;

/// Stack of a thread that compiles: a job's, so that no module compiles in one place and overflows in another.
pub(crate) const STACK_BYTES: usize = v1::THREAD_STACK_BYTES;

/// Most threads that compile a module here: the cores of this machine, or a container's share of them.
///
/// The share stands in a file, so a child, which can open none, is told how many threads it may take.
pub(crate) fn threads_here() -> usize {
    std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(MOST_THREADS)
}

/// Compiles a module that has passed [`crate::scan()`], on at most this many threads.
pub(crate) fn compile(engine: &Engine, module: &[u8], most: usize) -> Result<Module, HostEnd> {
    let most = most.min(MOST_THREADS);
    on(threads(&body_sizes(module), most), engine, module)
}

/// Compiles on this many threads, which are gone when it is done.
fn on(threads: usize, engine: &Engine, module: &[u8]) -> Result<Module, HostEnd> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(STACK_BYTES)
        .thread_name(|index| format!("compile-{index}"))
        .build()
        .map_err(|error| HostEnd::Memory(error.to_string()))?;
    pool.install(|| Module::new(engine, module))
        .map_err(|error| HostEnd::Engine(format!("{error:#}")))
}

/// Bytes of each function's body, that of what sets the module up among them, the largest first.
fn body_sizes(module: &[u8]) -> Vec<usize> {
    let mut sizes = Vec::new();
    let mut set_up = 0usize;
    for payload in Parser::new(0).parse_all(module).map_while(Result::ok) {
        match payload {
            Payload::CodeSectionEntry(body) => sizes.push(body.as_bytes().len()),
            other => set_up = set_up.saturating_add(scan::set_up_bytes(&other)),
        }
    }
    if set_up > 0 {
        sizes.push(set_up);
    }
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes
}

/// How many threads compile bodies of these sizes, the largest first, where there may be `most`.
///
/// The compiler can take two KiB a byte of a body, so that eight of the largest would take eight GiB. What is compiled
/// at once is never more than one body of the largest size: a module that one core can compile, many can.
fn threads(sizes: &[usize], most: usize) -> usize {
    let mut room = MAX_BODY_BYTES;
    let fit = sizes.iter().take(most).take_while(|size| {
        let fits = **size <= room;
        room = room.saturating_sub(**size);
        fits
    });
    fit.count().max(1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::BackEnd;

    #[test]
    fn bodies_compiled_at_once_are_no_larger_than_one_may_be() {
        const KIB: usize = 1 << 10;
        assert_eq!(threads(&[KIB; 100], 8), 8);
        assert_eq!(threads(&[KIB; 100], 2), 2);
        assert_eq!(threads(&[KIB; 3], 8), 3);
        assert_eq!(threads(&[512 * KIB, KIB], 8), 1);
        assert_eq!(threads(&[256 * KIB; 3], 8), 2);
        assert_eq!(threads(&[300 * KIB, 200 * KIB, 12 * KIB, KIB], 8), 3);
        assert_eq!(threads(&[], 8), 1);
        assert_eq!(threads(&[KIB; 100], 0), 1);
    }

    fn module(functions: usize) -> Vec<u8> {
        let function = "(func (param i32) (result i32) (loop (br_if 0 (local.get 0))) (i32.mul (local.get 0) (i32.const 3)))";
        wat::parse_str(format!(
            "(module {} (func (drop (i64.const 99999))))",
            function.repeat(functions)
        ))
        .unwrap()
    }

    #[test]
    fn the_sizes_are_those_of_the_bodies() {
        assert_eq!(body_sizes(&module(0)), [7]);
        assert_eq!(body_sizes(&module(2)), [14, 14, 7]);
        assert!(body_sizes(b"no module").is_empty());
        // What sets a module up is compiled beside its functions.
        let set_up = "(global i32 (i32.const 0)) (data \"\") (elem func 0 0 0) (func)";
        let module = wat::parse_str(format!("(module (memory 1) {set_up})")).unwrap();
        assert_eq!(body_sizes(&module), [6 * 13, 2]);
    }

    #[test]
    fn any_number_of_threads_compiles_to_the_same_bytes() {
        let engine = v1::engine(BackEnd::Optimised).unwrap();
        let module = module(200);
        let code = |threads| {
            let module = on(threads, &engine, &module).unwrap();
            module.serialize().unwrap()
        };
        let one = code(1);
        assert!(one.len() > 10_000);
        for threads in [2, 3, MOST_THREADS] {
            assert!(code(threads) == one, "{threads} threads");
        }
    }
}
