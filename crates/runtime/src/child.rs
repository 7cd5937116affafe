//! Runs a spec in a limited child process: the module's compiler and its code are kept from the agent's memory, files,
//! keys and network.
//!
//! The child is this program again: [`maybe_run_child`] must be the first thing in `main`. It limits itself before it
//! reads a byte of the module (data segment, CPU time, no files, few system calls) and answers over its stdout. However
//! it ends without an answer, that is a [`HostEnd`]. On Linux it dies with whoever started it, however that one died.

use crate::receipt::MAX_RECEIPT_BYTES;
use crate::{
    compile, v1, Finished, HostEnd, JobSpec, Outcome, Receipt, Result, RunRequest, Timing,
};
use std::collections::HashSet;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The first argument that makes this program a child.
const ARGUMENT: &str = "__run-job";

/// Memory of the child beyond what its spec asks for: compiler, receipt, this program.
const OVERHEAD_BYTES: u64 = 1536 << 20;
/// Most stack of the child's first thread, which reads and writes: jobs run and compile on others.
#[cfg(unix)]
const MAIN_STACK_BYTES: u64 = 8 << 20;
/// How long an agent has to end that was told to together with a child, before that counts as the child's own end.
#[cfg(unix)]
const TOLD: Duration = Duration::from_secs(2);

/// Most bytes of an answer beyond receipt and outputs: the lengths of at most 65 538 of these, and the times.
const FRAMES_BYTES: u64 = 1 << 20;

const POLL: Duration = Duration::from_millis(5);

/// How long a job may keep this machine. A breach is a host end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most time on the clock on the wall.
    pub wall: Duration,
    /// Most CPU time, in whole seconds.
    pub cpu_seconds: u64,
    /// Most bytes of WebAssembly stack: [`crate::WORKER_STACK_BYTES`] for who commits to the result,
    /// [`crate::WASM_STACK_BYTES`] for who checks one.
    pub stack_bytes: usize,
    /// Most threads that compile the module, 8 at most. What comes out is the same for any number.
    pub threads: usize,
}

impl Limits {
    /// All the CPU time that a run can use in `wall`: that of every thread that may compile its module, as many as this
    /// machine has cores.
    pub fn of(wall: Duration, stack_bytes: usize) -> Limits {
        let threads = compile::threads_here();
        Limits {
            wall,
            cpu_seconds: cpu_seconds(wall, threads),
            stack_bytes,
            threads,
        }
    }

    /// The same for who gives jobs no more than so many cores of this machine.
    pub fn within(self, cores: usize) -> Limits {
        let threads = cores.clamp(1, self.threads.max(1));
        Limits {
            cpu_seconds: cpu_seconds(self.wall, threads),
            threads,
            ..self
        }
    }
}

fn cpu_seconds(wall: Duration, threads: usize) -> u64 {
    let seconds = wall.as_secs().saturating_add(1);
    seconds.saturating_mul(threads as u64)
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::of(Duration::from_secs(3600), v1::WORKER_STACK_BYTES)
    }
}

/// Whether [`maybe_run_child`] was called: only then can this program be its own child.
static READY: AtomicBool = AtomicBool::new(false);

/// Runs the job and ends the process, if this process was started as a child. Must come first in `main`.
pub fn maybe_run_child() {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().is_some_and(|first| first == ARGUMENT) {
        let parent = arguments.next().and_then(|id| id.parse().ok());
        std::process::exit(match parent.map(serve) {
            Some(Ok(())) => 0,
            _ => 1,
        });
    }
    READY.store(true, Ordering::Relaxed);
}

/// Whether this program can run jobs in children: its `main` began with [`maybe_run_child`].
pub fn is_ready() -> bool {
    READY.load(Ordering::Relaxed)
}

/// Runs a request in a child process.
///
/// `spec_bytes` is the stored spec, `limit` the job's limit in units; blobs as in [`RunRequest`].
///
/// # Errors
/// What is wrong with the request, and a child that cannot be started. What happens to it later is a host end.
pub fn run(
    spec_bytes: &[u8],
    module: &[u8],
    stdin: &[u8],
    inputs: &[Vec<u8>],
    limit: u64,
    limits: Limits,
) -> Result<Outcome> {
    run_while(spec_bytes, module, stdin, inputs, limit, limits, || true)
}

/// Runs a request like [`run`], as long as it is `wanted`: a child whose answer nobody waits for any more is killed at
/// once, and what it came to is that its time was over.
///
/// # Errors
/// As [`run`].
pub fn run_while(
    spec_bytes: &[u8],
    module: &[u8],
    stdin: &[u8],
    inputs: &[Vec<u8>],
    limit: u64,
    limits: Limits,
    wanted: impl Fn() -> bool,
) -> Result<Outcome> {
    let spec = JobSpec::parse(spec_bytes)?;
    if !is_ready() {
        // The child would be the whole program once more.
        return Err(std::io::Error::other("`main` does not begin with `maybe_run_child`").into());
    }
    let answer_limit = spec
        .output_limit
        .saturating_add(MAX_RECEIPT_BYTES as u64)
        .saturating_add(FRAMES_BYTES);
    let mut child = Command::new(this_program()?)
        .arg(ARGUMENT)
        .arg(std::process::id().to_string())
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let (Some(mut to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(std::io::Error::other("the child has no pipes").into());
    };
    let ended = std::thread::scope(|scope| {
        scope.spawn(move || {
            // A child that died early breaks the pipe; its end says why.
            let _ = send(&mut to, spec_bytes, module, stdin, inputs, limit, limits);
        });
        let reader = scope.spawn(move || {
            let mut answer = Vec::new();
            from.take(answer_limit)
                .read_to_end(&mut answer)
                .map(|_| answer)
        });
        let status = wait(&mut child, limits.wall, wanted);
        (status, reader.join())
    });
    Ok(match ended {
        (Err(end), _) => Outcome::Host(end),
        (Ok(status), Ok(Ok(answer))) if status.success() => read_answer(&spec, limit, &answer)
            .unwrap_or_else(|| {
                Outcome::Host(HostEnd::Crash("its answer cannot be read".to_owned()))
            }),
        (Ok(status), _) => Outcome::Host(crash(status)),
    })
}

/// What to start as a child. By its path an agent would find nothing, or another version, once its file was replaced by a
/// newer one: the kernel knows the program that runs here, which is the same for a child that has not begun anything else.
fn this_program() -> std::io::Result<PathBuf> {
    match cfg!(target_os = "linux") {
        true => Ok(PathBuf::from("/proc/self/exe")),
        false => std::env::current_exe(),
    }
}

/// What a child came to that ended before it answered.
fn crash(status: ExitStatus) -> HostEnd {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        let killed = "something killed the process that ran it, as Linux does when memory runs out";
        match status.signal() {
            Some(libc::SIGXCPU) => return HostEnd::Time,
            Some(libc::SIGKILL) => return HostEnd::Memory(killed.to_owned()),
            Some(libc::SIGTERM | libc::SIGINT | libc::SIGHUP | libc::SIGQUIT) => {
                // Whoever stops an agent may tell all its processes at once, which says nothing of the job.
                std::thread::sleep(TOLD);
                return HostEnd::Memory(killed.to_owned());
            }
            _ => {}
        }
    }
    HostEnd::Crash(status.to_string())
}

/// Waits for the child, and kills it when its time is over or nobody wants it any more.
fn wait(
    child: &mut Child,
    wall: Duration,
    wanted: impl Fn() -> bool,
) -> std::result::Result<ExitStatus, HostEnd> {
    let started = Instant::now();
    let failed = |error: std::io::Error| HostEnd::Crash(error.to_string());
    loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            return Ok(status);
        }
        if started.elapsed() > wall || !wanted() {
            child.kill().map_err(failed)?;
            child.wait().map_err(failed)?;
            return Err(HostEnd::Time);
        }
        std::thread::sleep(POLL);
    }
}

fn send(
    to: &mut impl Write,
    spec: &[u8],
    module: &[u8],
    stdin: &[u8],
    inputs: &[Vec<u8>],
    limit: u64,
    limits: Limits,
) -> std::io::Result<()> {
    put_frame(to, spec)?;
    put_number(to, limits.cpu_seconds)?;
    put_number(to, limits.stack_bytes as u64)?;
    put_number(to, limits.threads as u64)?;
    put_number(to, limit)?;
    put_frame(to, module)?;
    put_frame(to, stdin)?;
    put_number(to, inputs.len() as u64)?;
    for input in inputs {
        put_frame(to, input)?;
    }
    to.flush()
}

/// Most memory of a child that runs this spec: what the job may have, its inputs as they came and as its files, its
/// outputs while they grow (a file that grows is copied to twice its room), what serves it, and the stacks of the threads
/// that compile it. What these hold besides does not grow with their number (`compile.rs`).
///
/// The same on every machine: what fits one must fit all.
pub fn memory_bytes(spec: &JobSpec) -> u64 {
    (spec.memory_mib << 20)
        .saturating_add(spec.input_bytes().saturating_mul(2))
        .saturating_add(spec.output_limit.saturating_mul(3))
        .saturating_add(OVERHEAD_BYTES)
        .saturating_add((compile::MOST_THREADS as u64).saturating_mul(compile::STACK_BYTES as u64))
}

/// The child's side.
fn serve(parent: u32) -> std::io::Result<()> {
    let started = Instant::now();
    #[cfg(target_os = "linux")]
    linux::die_with(parent)?;
    #[cfg(not(target_os = "linux"))]
    let _ = parent;
    let mut from = std::io::stdin().lock();
    let refused = |error: crate::Error| std::io::Error::other(error.to_string());
    let spec_bytes = get_frame(&mut from)?;
    let cpu_seconds = get_number(&mut from)?;
    let stack_bytes = usize::try_from(get_number(&mut from)?).map_err(std::io::Error::other)?;
    let threads = usize::try_from(get_number(&mut from)?).map_err(std::io::Error::other)?;
    let spec = JobSpec::parse(&spec_bytes).map_err(refused)?;
    confine(memory_bytes(&spec), cpu_seconds)?;
    let limit = get_number(&mut from)?;
    let module = get_frame(&mut from)?;
    let stdin = get_frame(&mut from)?;
    let count = get_number(&mut from)?;
    let inputs = (0..count)
        .map(|_| get_frame(&mut from))
        .collect::<std::io::Result<_>>()?;
    let request = RunRequest {
        spec,
        module,
        stdin,
        inputs,
        limit,
    };
    let told = started.elapsed();
    let mut to = std::io::BufWriter::new(std::io::stdout().lock());
    match crate::run::run_within(&request, stack_bytes, threads) {
        Ok(Outcome::Receipt(finished)) => {
            put_number(&mut to, 0)?;
            put_frame(&mut to, &finished.line)?;
            put_number(&mut to, finished.memory_bytes)?;
            let Timing {
                compile,
                run,
                hash,
                first,
            } = finished.timing;
            for time in [compile, run, hash, first.saturating_add(told)] {
                put_number(&mut to, u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))?;
            }
            put_number(&mut to, finished.outputs.len() as u64)?;
            for output in &finished.outputs {
                put_frame(&mut to, output)?;
            }
        }
        Ok(Outcome::Host(end)) => {
            let (kind, text) = match end {
                HostEnd::Stack => (1, String::new()),
                HostEnd::Memory(text) => (2, text),
                HostEnd::Time => (3, String::new()),
                HostEnd::Crash(text) => (4, text),
                HostEnd::Engine(text) => (5, text),
            };
            put_number(&mut to, kind)?;
            put_frame(&mut to, text.as_bytes())?;
        }
        // The parent parsed the same spec; blobs and limit it finds wrong here.
        Err(error) => {
            put_number(&mut to, 6)?;
            put_frame(&mut to, error.to_string().as_bytes())?;
        }
    }
    to.flush()
}

/// Reads what the child says, and believes it only what a receipt of this job can say.
fn read_answer(spec: &JobSpec, limit: u64, mut answer: &[u8]) -> Option<Outcome> {
    let from = &mut answer;
    let kind = get_number(from).ok()?;
    if kind != 0 {
        let text = String::from_utf8(get_frame(from).ok()?).ok()?;
        return Some(Outcome::Host(match kind {
            1 => HostEnd::Stack,
            2 => HostEnd::Memory(text),
            3 => HostEnd::Time,
            4 => HostEnd::Crash(text),
            _ => HostEnd::Engine(text),
        }));
    }
    let line = get_frame(from).ok()?;
    let receipt = Receipt::parse(&line).ok()?;
    let memory_bytes = get_number(from).ok()?;
    let mut time = || get_number(from).ok().map(Duration::from_nanos);
    let timing = Timing {
        compile: time()?,
        run: time()?,
        hash: time()?,
        first: time()?,
    };
    let count = get_number(from).ok()?;
    let outputs = (0..count)
        .map(|_| get_frame(from).ok())
        .collect::<Option<Vec<_>>>()?;
    let known: HashSet<[u8; 32]> = outputs.iter().map(|output| crate::sha256(output)).collect();
    let complete = std::iter::once(&receipt.stdout)
        .chain([&receipt.stderr])
        .chain(receipt.files.iter().map(|file| &file.blob))
        .all(|blob| known.contains(&blob.sha256));
    let ours = receipt.spec == spec.hash && receipt.limit == limit && receipt.units <= limit;
    (complete && ours).then(|| {
        Outcome::Receipt(Box::new(Finished {
            result_hash: crate::sha256(&line),
            line,
            receipt,
            outputs,
            memory_bytes,
            timing,
        }))
    })
}

fn put_number(to: &mut impl Write, number: u64) -> std::io::Result<()> {
    to.write_all(&number.to_le_bytes())
}

fn put_frame(to: &mut impl Write, bytes: &[u8]) -> std::io::Result<()> {
    put_number(to, bytes.len() as u64)?;
    to.write_all(bytes)
}

fn get_number(from: &mut impl Read) -> std::io::Result<u64> {
    let mut number = [0; 8];
    from.read_exact(&mut number)?;
    Ok(u64::from_le_bytes(number))
}

fn get_frame(from: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let length = get_number(from)?;
    let mut bytes = Vec::new();
    // Exactly: doubling would take twice the room. What names a length that no memory has is refused here.
    bytes
        .try_reserve_exact(usize::try_from(length).map_err(std::io::Error::other)?)
        .map_err(std::io::Error::other)?;
    from.take(length).read_to_end(&mut bytes)?;
    match bytes.len() as u64 == length {
        true => Ok(bytes),
        false => Err(std::io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Takes from this process all that a job does not need.
fn confine(data_bytes: u64, cpu_seconds: u64) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        limit(libc::RLIMIT_CORE, 0, 0)?;
        // The signal of the first limit says what happened, the second kills whoever ignores it.
        limit(libc::RLIMIT_CPU, cpu_seconds, cpu_seconds.saturating_add(1))?;
        // Not the address space: an instance reserves 4 GiB of it.
        limit(libc::RLIMIT_DATA, data_bytes, data_bytes)?;
        // The first thread's own grows outside of it. Where that is refused it is bounded lower already.
        let _ = limit(libc::RLIMIT_STACK, MAIN_STACK_BYTES, MAIN_STACK_BYTES);
    }
    #[cfg(target_os = "linux")]
    linux::confine()?;
    #[cfg(unix)]
    {
        // Last: the rules above are a file while they are made.
        limit(libc::RLIMIT_FSIZE, 0, 0)?;
        limit(libc::RLIMIT_NOFILE, 0, 0)?;
    }
    #[cfg(target_os = "linux")]
    linux::filter()?;
    Ok(())
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
type Resource = libc::__rlimit_resource_t;
#[cfg(all(unix, not(all(target_os = "linux", target_env = "gnu"))))]
type Resource = libc::c_int;

#[cfg(unix)]
fn limit(resource: Resource, soft: u64, hard: u64) -> std::io::Result<()> {
    let limit = libc::rlimit {
        rlim_cur: soft as libc::rlim_t,
        rlim_max: hard as libc::rlim_t,
    };
    // SAFETY: `limit` is a live struct of the type that the call reads.
    match unsafe { libc::setrlimit(resource, &limit) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule,
    };
    use std::collections::BTreeMap;
    use std::io::Error;

    /// What compiling and running need, now that all files are open: memory, threads, clocks, reading and writing.
    const ALLOWED: &[libc::c_long] = &[
        libc::SYS_read,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_close,
        libc::SYS_fstat,
        libc::SYS_lseek,
        libc::SYS_munmap,
        libc::SYS_mprotect,
        libc::SYS_madvise,
        libc::SYS_brk,
        libc::SYS_membarrier,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_futex,
        libc::SYS_sched_yield,
        libc::SYS_sched_getaffinity,
        libc::SYS_gettid,
        libc::SYS_getpid,
        libc::SYS_rseq,
        libc::SYS_set_robust_list,
        libc::SYS_getrandom,
        libc::SYS_clock_gettime,
        libc::SYS_restart_syscall,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];

    /// Has the kernel kill this process when its parent is gone, whatever killed that one.
    ///
    /// The kernel means the thread that started this process; [`super::run`] stays on it until the child has ended.
    pub(super) fn die_with(parent: u32) -> std::io::Result<()> {
        // SAFETY: the call takes plain numbers.
        if unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong) } != 0 {
            return Err(Error::last_os_error());
        }
        // Else lists of processes call it by the last part of the path that it was started by.
        // SAFETY: the call reads a text that ends with a zero and outlives it.
        unsafe { libc::prctl(libc::PR_SET_NAME, c"lode-job".as_ptr()) };
        // A parent that was gone before that call sends no signal any more; then another one stands in its place.
        // SAFETY: the call takes nothing and cannot fail.
        match u32::try_from(unsafe { libc::getppid() }) {
            Ok(now) if now == parent => Ok(()),
            _ => Err(Error::other("the process that asked for this run is gone")),
        }
    }

    /// Closes what was open in the parent, and all files to come.
    pub(super) fn confine() -> std::io::Result<()> {
        use landlock::{Access, AccessFs, Ruleset, RulesetAttr, ABI};
        // A kernel without Landlock is left to the filter below, which opens no file either.
        Ruleset::default()
            .handle_access(AccessFs::from_all(ABI::V5))
            .and_then(Ruleset::create)
            .and_then(|rules| rules.restrict_self())
            .map_err(Error::other)?;
        // What somebody opened without saying that it is not for children. An older kernel knows no such call.
        // SAFETY: the call takes plain numbers; nothing here uses a file above the three streams.
        unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
        Ok(())
    }

    /// Leaves this process few system calls.
    pub(super) fn filter() -> std::io::Result<()> {
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
            ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
        // Threads and memory get names; what ties this process to its parent stays.
        let names = [libc::PR_SET_NAME, libc::PR_SET_VMA]
            .map(|option| (0, SeccompCmpOp::Eq, option as u64));
        rules.insert(libc::SYS_prctl, any_of(&names)?);
        // Threads, never processes: these would outlive the limit of time, and the parent.
        let thread = libc::CLONE_THREAD as u64;
        rules.insert(
            libc::SYS_clone,
            any_of(&[(0, SeccompCmpOp::MaskedEq(thread), thread)])?,
        );
        rules.insert(libc::SYS_clone3, Vec::new());
        // Memory that counts as its own: what is shared, or grows as a stack does, is no part of the data segment.
        let uncounted = (libc::MAP_SHARED | libc::MAP_GROWSDOWN) as u64;
        rules.insert(
            libc::SYS_mmap,
            any_of(&[(3, SeccompCmpOp::MaskedEq(uncounted), 0)])?,
        );
        // What moves memory makes no stack of it either: a piece of one that is moved grows uncounted.
        let here = 0u8;
        let below = (std::ptr::from_ref(&here) as u64).saturating_sub(super::MAIN_STACK_BYTES);
        let moves = SeccompCondition::new(0, SeccompCmpArgLen::Qword, SeccompCmpOp::Lt, below)
            .and_then(|moves| SeccompRule::new(vec![moves]))
            .map_err(Error::other)?;
        rules.insert(libc::SYS_mremap, vec![moves]);
        // The flags of `clone3` lie in memory, where no filter reads. C libraries take `clone` where it is unknown.
        let unknown = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
        apply(
            unknown,
            SeccompAction::Allow,
            SeccompAction::Errno(libc::ENOSYS as u32),
        )?;
        // Refused, not killed: another C library may try a call that it can do without.
        apply(
            rules,
            SeccompAction::Errno(libc::EPERM as u32),
            SeccompAction::Allow,
        )
    }

    /// Rules of which one must hold: an argument of the call, and what it is compared with.
    fn any_of(conditions: &[(u8, SeccompCmpOp, u64)]) -> std::io::Result<Vec<SeccompRule>> {
        let rule = |(argument, compared, with): &(u8, SeccompCmpOp, u64)| {
            let is =
                SeccompCondition::new(*argument, SeccompCmpArgLen::Dword, compared.clone(), *with)?;
            SeccompRule::new(vec![is])
        };
        let rules: Result<_, _> = conditions.iter().map(rule).collect();
        rules.map_err(Error::other)
    }

    fn apply(
        rules: BTreeMap<i64, Vec<SeccompRule>>,
        otherwise: SeccompAction,
        matched: SeccompAction,
    ) -> std::io::Result<()> {
        let arch = std::env::consts::ARCH.try_into().map_err(Error::other)?;
        let filter = SeccompFilter::new(rules, otherwise, matched, arch).map_err(Error::other)?;
        let program: BpfProgram = filter.try_into().map_err(Error::other)?;
        seccompiler::apply_filter(&program).map_err(Error::other)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// What a job that broke out of the engine could try, each with whether it succeeded.
    fn tries() -> Vec<(&'static str, bool)> {
        use std::ptr::null_mut;
        let thread = std::thread::Builder::new().spawn(|| 7);
        let mut pipe = [0; 2];
        let anonymous = |kind: libc::c_int| {
            let access = libc::PROT_READ | libc::PROT_WRITE;
            // SAFETY: asks for fresh memory that nothing uses.
            let at = unsafe {
                let kind = libc::MAP_ANONYMOUS | kind;
                libc::mmap(null_mut(), 4096, access, kind, -1, 0)
            };
            at != libc::MAP_FAILED
        };
        // SAFETY: plain numbers, a path that ends in a zero, and room for two descriptors.
        unsafe {
            vec![
                (
                    "a thread",
                    thread.is_ok_and(|t| t.join().is_ok_and(|n| n == 7)),
                ),
                ("memory of its own", anonymous(libc::MAP_PRIVATE)),
                ("shared memory", anonymous(libc::MAP_SHARED)),
                ("a stack as large as memory", {
                    // the environment lies in the first thread's
                    let page = libc::getenv(c"PATH".as_ptr()) as usize & !4095;
                    let moved = libc::mremap(page as *mut _, 4096, 1 << 30, libc::MREMAP_MAYMOVE);
                    page != 0 && moved != libc::MAP_FAILED
                }),
                (
                    "memory that grows as a stack does",
                    anonymous(libc::MAP_PRIVATE | libc::MAP_GROWSDOWN),
                ),
                (
                    "a process",
                    libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) >= 0,
                ),
                (
                    "a file",
                    libc::open(c"/dev/null".as_ptr(), libc::O_RDONLY) >= 0,
                ),
                ("a pipe", libc::pipe2(pipe.as_mut_ptr(), 0) >= 0),
                ("a descriptor", libc::dup(0) >= 0),
                (
                    "a socket",
                    libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0) >= 0,
                ),
                (
                    "life beyond its parent",
                    libc::prctl(libc::PR_SET_PDEATHSIG, 0) >= 0,
                ),
                ("more memory", {
                    let more = libc::rlimit {
                        rlim_cur: 1 << 40,
                        rlim_max: 1 << 40,
                    };
                    libc::setrlimit(libc::RLIMIT_DATA, &more) >= 0
                }),
            ]
        }
    }

    #[test]
    fn a_job_that_broke_out_of_the_engine_has_threads_and_memory_and_nothing_else() {
        // SAFETY: the copy makes its tries and ends without returning into the test.
        let copy = unsafe { libc::fork() };
        if copy == 0 {
            let succeeded = match confine(1 << 30, 60) {
                Ok(()) => tries()
                    .iter()
                    .enumerate()
                    .fold(0, |bits, (at, (_, done))| bits | i32::from(*done) << at),
                Err(_) => 0,
            };
            // The two first have the lowest bits, and fit an exit code with what must not succeed.
            let code = if succeeded > 0b11 { 0x80 } else { succeeded };
            // SAFETY: ends this process at once.
            unsafe { libc::_exit(code) };
        }
        assert!(copy > 0);
        let mut status = 0;
        // SAFETY: waits for the child above, into a live number.
        assert_eq!(unsafe { libc::waitpid(copy, &mut status, 0) }, copy);
        assert!(libc::WIFEXITED(status), "{status}");
        assert_eq!(libc::WEXITSTATUS(status), 0b11);
    }
}
