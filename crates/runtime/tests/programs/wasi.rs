//! Each WASI function: what it answers, also to nonsense.

use super::{program, start, stat, u64s, Vector, EXIT};
use lode_runtime::{sha256, End, DEFAULT_CLOCK};

/// Imports that the older programs do without.
const MORE: [(&str, &str); 21] = [
    ("environ_sizes_get", "i32 i32"),
    ("clock_res_get", "i32 i32"),
    ("fd_datasync", "i32"),
    ("fd_fdstat_set_flags", "i32 i32"),
    ("fd_prestat_dir_name", "i32 i32 i32"),
    ("fd_sync", "i32"),
    ("fd_tell", "i32 i32"),
    ("sched_yield", ""),
    ("fd_advise", "i32 i64 i64 i32"),
    ("fd_allocate", "i32 i64 i64"),
    ("fd_fdstat_set_rights", "i32 i64 i64"),
    ("fd_filestat_set_times", "i32 i64 i64 i32"),
    ("fd_renumber", "i32 i32"),
    ("path_filestat_set_times", "i32 i32 i32 i32 i64 i64 i32"),
    ("path_link", "i32 i32 i32 i32 i32 i32 i32"),
    ("path_readlink", "i32 i32 i32 i32 i32 i32"),
    ("proc_raise", "i32"),
    ("sock_accept", "i32 i32 i32"),
    ("sock_recv", "i32 i32 i32 i32 i32 i32"),
    ("sock_send", "i32 i32 i32 i32 i32"),
    ("sock_shutdown", "i32 i32"),
];

/// A program that imports also the functions it names here.
fn importing(name: &'static str, code: &str) -> Vector {
    let mut vector = program(name, EXIT, code);
    let used = MORE
        .iter()
        .filter(|(name, _)| code.contains(&format!("(call ${name}")));
    let imports: String = used
        .map(|(name, params)| {
            format!(
                "  (import \"wasi_snapshot_preview1\" \"{name}\" (func ${name} (param {params}) (result i32)))\n"
            )
        })
        .collect();
    vector.text = vector
        .text
        .replacen("(module\n", &format!("(module\n{imports}"), 1);
    vector
}

/// Prints the error numbers of calls, one byte each.
fn bytes(calls: &[&str]) -> String {
    calls
        .iter()
        .map(|call| format!("    (call $byte (call ${call}))\n"))
        .collect()
}

const CLOCK: u64 = 1_000_000_000_000_000_000;

/// All of them.
pub fn all() -> Vec<Vector> {
    let mut list = vec![
        arguments(),
        least_spec(),
        clocks(),
        poll(),
        descriptors(),
        prestat(),
        positions(),
        reading(),
        writing(),
        open_flags(),
        names_and_places(),
        long_paths(),
        renaming(),
        lacking(),
        yielding(),
        inputs(),
        output_order(),
        streams(),
        listing(),
    ];
    list.push(
        program(
            "exit-code-of-32-bits",
            End::Exit(u32::MAX),
            &start("(call $proc_exit (i32.const -1))"),
        )
        .stdout(""),
    );
    list
}

fn arguments() -> Vector {
    let mut out = vec![0];
    out.extend([2, 0, 0, 0, 12, 0, 0, 0]);
    out.push(0);
    out.extend([2, 0, 0, 0, 18, 0, 0, 0]);
    // Pointers, texts, and the second result where there is no memory.
    out.extend([21, 21, 21, 21, 21, 21]);
    importing(
        "argument-sizes",
        &start(&format!(
            r#"
    (call $byte (call $args_sizes_get (i32.const 8192) (i32.const 8196))) (call $print (i32.const 8192) (i32.const 8))
    (call $byte (call $environ_sizes_get (i32.const 8192) (i32.const 8196))) (call $print (i32.const 8192) (i32.const 8))
{}"#,
            bytes(&[
                "args_get (i32.const 131068) (i32.const 8192)",
                "args_get (i32.const 8192) (i32.const 131070)",
                "environ_get (i32.const 131068) (i32.const 8192)",
                "environ_get (i32.const 8192) (i32.const -4)",
                "args_sizes_get (i32.const 8192) (i32.const 131070)",
                "environ_sizes_get (i32.const 131072) (i32.const 8192)",
            ])
        )),
    )
    .stdout(out)
}

/// A spec that says no more than it must: no arguments, no environment, the default clock.
fn least_spec() -> Vector {
    let mut out = vec![0; 16];
    out.extend(u64s(&[DEFAULT_CLOCK * 1_000_000_000]));
    importing(
        "least-spec",
        &start(
            r#"
    (drop (call $args_sizes_get (i32.const 8192) (i32.const 8196))) (drop (call $environ_sizes_get (i32.const 8200) (i32.const 8204)))
    (call $print (i32.const 8192) (i32.const 16))
    (drop (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 64))) (call $print (i32.const 64) (i32.const 8))
    (drop (call $random_get (i32.const 8192) (i32.const 16)))
    (drop (call $write (i32.const 2) (i32.const 8192) (i32.const 16)))"#,
        ),
    )
    .least()
    .stdout(out)
}

fn clocks() -> Vector {
    let told = |id: &str| {
        format!("    (call $byte (call $clock_time_get (i32.const {id}) (i64.const 0) (i32.const 64))) (call $print (i32.const 64) (i32.const 8))\n")
    };
    let resolution = |id: &str| {
        format!("    (call $byte (call $clock_res_get (i32.const {id}) (i32.const 64))) (call $print (i32.const 64) (i32.const 8))\n")
    };
    let code: String = [
        resolution("0"),
        resolution("1"),
        resolution("2"),
        resolution("3"),
        resolution("4"),
        // Each read adds a microsecond; one that fails does not.
        told("1"),
        told("2"),
        told("3"),
        told("0"),
        told("4"),
        "    (call $byte (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 131070)))\n"
            .to_owned(),
        told("0"),
    ]
    .concat();
    let mut out = Vec::new();
    for (errno, value) in [
        (0u8, 1000),
        (0, 1000),
        (0, 1000),
        (0, 1000),
        (28, 1000),
        (0, 0),
        (0, 1000),
        (0, 2000),
        (0, CLOCK + 3000),
        (28, CLOCK + 3000),
    ] {
        out.push(errno);
        out.extend(u64s(&[value]));
    }
    out.push(21);
    out.push(0);
    out.extend(u64s(&[CLOCK + 4000]));
    importing("clocks", &start(&code)).stdout(out)
}

fn poll() -> Vector {
    // A subscription: user data, tag, then clock id, timeout, flags; or a descriptor.
    let clock = |at: u32, data: u32, id: u32, timeout: u64, absolute: u32| {
        format!(
            "    (i64.store (i32.const {at}) (i64.const {data})) (i32.store8 (i32.const {}) (i32.const 0)) (i32.store (i32.const {}) (i32.const {id})) (i64.store (i32.const {}) (i64.const {timeout})) (i32.store16 (i32.const {}) (i32.const {absolute}))\n",
            at + 8, at + 16, at + 24, at + 40
        )
    };
    let descriptor = |at: u32, data: u32, tag: u32, fd: u32| {
        format!(
            "    (i64.store (i32.const {at}) (i64.const {data})) (i32.store8 (i32.const {}) (i32.const {tag})) (i32.store (i32.const {}) (i32.const {fd}))\n",
            at + 8, at + 16
        )
    };
    let ask = |count: u32| {
        format!("    (call $byte (call $poll_oneoff (i32.const 8192) (i32.const 9216) (i32.const {count}) (i32.const 64))) (call $print (i32.const 64) (i32.const 4)) (call $print (i32.const 9216) (i32.mul (i32.const 32) (i32.load (i32.const 64))))\n")
    };
    let event = |data: u64, errno: u16, tag: u8, bytes: u64| {
        let mut event = data.to_le_bytes().to_vec();
        event.extend(errno.to_le_bytes());
        event.extend([tag, 0, 0, 0, 0, 0]);
        event.extend(bytes.to_le_bytes());
        event.extend([0; 8]);
        event
    };
    let now = "    (drop (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 72))) (call $print (i32.const 72) (i32.const 8))\n";
    let code = [
        // Descriptors are ready at once, so no time passes and the clock is not due.
        descriptor(8192, 1, 1, 0),
        descriptor(8240, 2, 2, 1),
        descriptor(8288, 3, 1, 99),
        descriptor(8336, 4, 2, 0),
        clock(8384, 5, 1, 500, 0),
        ask(5),
        now.to_owned(),
        // Absolute, already past; relative; a clock that does not exist is due at once with its error.
        clock(8192, 6, 1, 500, 1),
        clock(8240, 7, 1, 900, 0),
        ask(2),
        clock(8192, 8, 9, 500, 0),
        ask(1),
        // Two due at the same moment both report; time stops at the end of its range.
        clock(8192, 9, 0, CLOCK + 1_000_000, 1),
        clock(8240, 10, 1, 1_000_000, 1),
        ask(2),
        clock(8192, 11, 1, u64::MAX >> 1, 0),
        ask(1),
        ask(1),
        ask(1),
        now.to_owned(),
        // Nonsense.
        "    (i32.store8 (i32.const 8200) (i32.const 3))\n".to_owned(),
        bytes(&[
            "poll_oneoff (i32.const 8192) (i32.const 9216) (i32.const 1) (i32.const 64)",
            "poll_oneoff (i32.const 8192) (i32.const 9216) (i32.const 0) (i32.const 64)",
            "poll_oneoff (i32.const 8192) (i32.const 9216) (i32.const 1025) (i32.const 64)",
            "poll_oneoff (i32.const 131060) (i32.const 9216) (i32.const 1) (i32.const 64)",
            "poll_oneoff (i32.const 8240) (i32.const 131060) (i32.const 1) (i32.const 64)",
            "poll_oneoff (i32.const 8240) (i32.const 9216) (i32.const 1) (i32.const 131070)",
        ]),
    ]
    .concat();
    let mut out = vec![0, 4, 0, 0, 0];
    out.extend(event(1, 0, 1, 5));
    out.extend(event(2, 0, 2, 0));
    out.extend(event(3, 8, 1, 0));
    out.extend(event(4, 8, 2, 0));
    out.extend(u64s(&[0]));
    out.extend([0, 1, 0, 0, 0]);
    out.extend(event(6, 0, 0, 0));
    out.extend([0, 1, 0, 0, 0]);
    out.extend(event(8, 28, 0, 0));
    out.extend([0, 2, 0, 0, 0]);
    out.extend(event(9, 0, 0, 0));
    out.extend(event(10, 0, 0, 0));
    for _ in 0..3 {
        out.extend([0, 1, 0, 0, 0]);
        out.extend(event(11, 0, 0, 0));
    }
    out.extend(u64s(&[u64::MAX]));
    out.extend([28, 28, 28, 21, 21, 21]);
    importing("poll", &start(&code)).stdin(b"ready").stdout(out)
}

/// Type, flags and rights, as runtime 1 tells them.
fn fdstat(kind: u8, flags: u16, rights: u64) -> Vec<u8> {
    let mut stat = vec![kind, 0];
    stat.extend(flags.to_le_bytes());
    stat.extend([0; 4]);
    stat.extend(rights.to_le_bytes());
    stat.extend(ALL_RIGHTS.to_le_bytes());
    stat
}

const ALL_RIGHTS: u64 = (1 << 30) - 1;
const READ: u64 = 1 << 1;
const WRITE: u64 = 1 << 6;
const SEEK_AND_TELL: u64 = 1 << 2 | 1 << 5;

fn descriptors() -> Vector {
    let told = |fd: &str| {
        format!("    (call $byte (call $fd_fdstat_get {fd} (i32.const 64))) (call $print (i32.const 64) (i32.const 24))\n")
    };
    let code = [
        told("(i32.const 0)"),
        told("(i32.const 1)"),
        told("(i32.const 3)"),
        "    (local.set $fd (call $create {out/log}))\n".to_owned(),
        told("(local.get $fd)"),
        // Append: wherever the position is.
        bytes(&[
            "fd_fdstat_set_flags (local.get $fd) (i32.const 1)",
            "write (local.get $fd) {first}",
            "fd_seek (local.get $fd) (i64.const 0) (i32.const 0) (i32.const 64)",
            "write (local.get $fd) {second}",
            "fd_tell (local.get $fd) (i32.const 64)",
        ]),
        "    (call $print (i32.const 64) (i32.const 8))\n".to_owned(),
        told("(local.get $fd)"),
        bytes(&[
            "fd_fdstat_set_flags (local.get $fd) (i32.const 0)",
            "fd_seek (local.get $fd) (i64.const 1) (i32.const 0) (i32.const 64)",
            "write (local.get $fd) {I}",
            "fd_fdstat_set_flags (local.get $fd) (i32.const 32)",
            "fd_fdstat_set_flags (local.get $fd) (i32.const 65536)",
            "fd_fdstat_set_flags (i32.const 99) (i32.const 0)",
            "fd_fdstat_get (i32.const 99) (i32.const 64)",
            "fd_fdstat_get (i32.const 0) (i32.const 131060)",
            "fd_sync (local.get $fd)",
            "fd_datasync (local.get $fd)",
            "fd_sync (i32.const 1)",
            "fd_sync (i32.const 99)",
            "fd_datasync (i32.const 99)",
            "fd_close (local.get $fd)",
            "fd_sync (local.get $fd)",
            "fd_datasync (local.get $fd)",
        ]),
        // The lowest free number is used again, also that of a stream.
        "    (call $byte (call $fd_close (i32.const 0))) (call $byte (call $read_only {out}))\n"
            .to_owned(),
    ]
    .concat();
    let mut out = vec![0];
    out.extend(fdstat(0, 0, ALL_RIGHTS & !WRITE & !SEEK_AND_TELL));
    out.push(0);
    out.extend(fdstat(0, 0, ALL_RIGHTS & !READ & !SEEK_AND_TELL));
    out.push(0);
    out.extend(fdstat(3, 0, ALL_RIGHTS & !WRITE));
    out.push(0);
    out.extend(fdstat(4, 0, ALL_RIGHTS));
    out.extend([0, 0, 0, 0, 0]);
    out.extend(u64s(&[11]));
    out.push(0);
    out.extend(fdstat(4, 1, ALL_RIGHTS));
    out.extend([0, 0, 0, 28, 28, 8, 8, 21, 0, 0, 0, 8, 8, 0, 8, 8, 0, 0]);
    importing("descriptors", &start(&code))
        .stdout(out)
        .file("log", "fIrstsecond")
}

fn prestat() -> Vector {
    let code = [
        "    (call $byte (call $fd_prestat_get (i32.const 3) (i32.const 64))) (call $print (i32.const 64) (i32.const 8))\n",
        "    (call $byte (call $fd_prestat_dir_name (i32.const 3) (i32.const 64) (i32.const 1))) (call $print (i32.const 64) (i32.const 1))\n",
        &bytes(&[
            "fd_prestat_dir_name (i32.const 3) (i32.const 64) (i32.const 0)",
            "fd_prestat_dir_name (i32.const 3) (i32.const 131072) (i32.const 1)",
            "fd_prestat_dir_name (i32.const 1) (i32.const 64) (i32.const 1)",
            "fd_prestat_get (i32.const 1) (i32.const 64)",
            "fd_prestat_get (i32.const 4) (i32.const 64)",
            "fd_prestat_get (i32.const 3) (i32.const 131065)",
        ]),
        // Another root is another descriptor; another directory under that number was not given.
        "    (call $byte (call $read_only {.}))\n",
        &bytes(&["fd_prestat_get (i32.const 4) (i32.const 64)", "fd_close (i32.const 3)"]),
        // Without the root, only what is open is in reach.
        "    (call $byte (i32.sub (i32.const 0) (call $read_only {out})))\n",
        "    (call $byte (call $path_open (i32.const 4) (i32.const 0) {out} (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 64))) (call $byte (i32.load (i32.const 64)))\n",
        &bytes(&["fd_prestat_get (i32.const 3) (i32.const 64)"]),
    ]
    .concat();
    let mut out = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, b'/'];
    out.extend([37, 21, 8, 8, 8, 21, 4, 8, 0, 8, 0, 3, 8]);
    importing("prestat", &start(&code)).stdout(out)
}

fn positions() -> Vector {
    let seek = |offset: &str, whence: u32| {
        format!("    (call $byte (call $fd_seek (local.get $fd) (i64.const {offset}) (i32.const {whence}) (i32.const 64))) (call $print (i32.const 64) (i32.const 8))\n")
    };
    let code = [
        "    (i64.store (i32.const 64) (i64.const 0)) (local.set $fd (call $create {out/a}))\n    (drop (call $write (local.get $fd) {0123456789}))\n".to_owned(),
        seek("-3", 1), seek("-3", 2), seek("100", 2), seek("4", 0),
        seek("-5", 1), seek("0", 3), seek("0x7fffffffffffffff", 0), seek("1", 1), seek("0x7fffffffffffffff", 2), seek("4", 0),
        // Reading and writing at a place moves nothing.
        "    (i32.store (i32.const 20) (i32.const 8192)) (i32.store (i32.const 24) (i32.const 3))\n".to_owned(),
        bytes(&["fd_pread (local.get $fd) (i32.const 20) (i32.const 1) (i64.const 8) (i32.const 28)"]),
        "    (call $byte (i32.load (i32.const 28))) (call $print (i32.const 8192) (i32.const 2))\n".to_owned(),
        bytes(&[
            "fd_pread (local.get $fd) (i32.const 20) (i32.const 1) (i64.const 10) (i32.const 28)",
            "fd_pread (local.get $fd) (i32.const 20) (i32.const 1) (i64.const -1) (i32.const 28)",
            "fd_pwrite (local.get $fd) (i32.const 20) (i32.const 1) (i64.const 12) (i32.const 28)",
            "fd_pwrite (local.get $fd) (i32.const 20) (i32.const 1) (i64.const -2) (i32.const 28)",
            "fd_tell (local.get $fd) (i32.const 64)",
        ]),
        "    (call $print (i32.const 64) (i32.const 8))\n".to_owned(),
        bytes(&[
            "fd_pread (i32.const 0) (i32.const 20) (i32.const 1) (i64.const 0) (i32.const 28)",
            "fd_pwrite (i32.const 1) (i32.const 20) (i32.const 1) (i64.const 0) (i32.const 28)",
            "fd_pwrite (i32.const 0) (i32.const 20) (i32.const 1) (i64.const 0) (i32.const 28)",
            "fd_tell (i32.const 1) (i32.const 64)",
            "fd_tell (i32.const 3) (i32.const 64)",
            "fd_tell (i32.const 99) (i32.const 64)",
            "fd_seek (i32.const 3) (i64.const 0) (i32.const 0) (i32.const 64)",
            "fd_seek (local.get $fd) (i64.const 9) (i32.const 0) (i32.const 131068)",
            "fd_tell (local.get $fd) (i32.const 64)",
            "fd_filestat_set_size (local.get $fd) (i64.const -1)",
            "fd_filestat_set_size (i32.const 1) (i64.const 0)",
            "fd_filestat_set_size (i32.const 3) (i64.const 0)",
        ]),
    ]
    .concat();
    let mut out = Vec::new();
    for (errno, position) in [
        (0u8, 7),
        (0, 7),
        (0, 110),
        (0, 4),
        (28, 4),
        (28, 4),
        (0, i64::MAX as u64),
        (28, i64::MAX as u64),
        (28, i64::MAX as u64),
        (0, 4),
    ] {
        out.push(errno);
        out.extend(u64s(&[position]));
    }
    out.extend([0, 2, b'8', b'9', 0, 0, 0, 22, 0]);
    out.extend(u64s(&[4]));
    out.extend([70, 70, 8, 70, 31, 8, 31, 21, 0, 51, 8, 8]);
    importing("positions", &start(&code))
        .stdout(out)
        .file("a", b"0123456789\x00\x0089\x00".to_vec())
}

fn reading() -> Vector {
    let code = [
        // Three parts: one overlaps another, one is empty.
        "    (i32.store (i32.const 20) (i32.const 8192)) (i32.store (i32.const 24) (i32.const 4))
    (i32.store (i32.const 28) (i32.const 131072)) (i32.store (i32.const 32) (i32.const 0))
    (i32.store (i32.const 36) (i32.const 8194)) (i32.store (i32.const 40) (i32.const 6))\n".to_owned(),
        bytes(&["fd_read (i32.const 0) (i32.const 20) (i32.const 3) (i32.const 64)"]),
        "    (call $byte (i32.load (i32.const 64))) (call $print (i32.const 8192) (i32.const 8))\n".to_owned(),
        bytes(&[
            // Too many parts; a list and a part outside the memory; a place for the answer outside it.
            "fd_read (i32.const 0) (i32.const 20) (i32.const 1025) (i32.const 64)",
            "fd_read (i32.const 0) (i32.const 131068) (i32.const 1) (i32.const 64)",
            "fd_read (i32.const 0) (i32.const -8) (i32.const 2) (i32.const 64)",
            "fd_read (i32.const 0) (i32.const 20) (i32.const 1) (i32.const 131070)",
        ]),
        "    (i32.store (i32.const 28) (i32.const 131070)) (i32.store (i32.const 32) (i32.const 9))\n".to_owned(),
        bytes(&[
            "fd_read (i32.const 0) (i32.const 20) (i32.const 2) (i32.const 64)",
            "fd_read (i32.const 0) (i32.const 20) (i32.const 0) (i32.const 64)",
            "fd_read (i32.const 1) (i32.const 20) (i32.const 1) (i32.const 64)",
            "fd_read (i32.const 3) (i32.const 20) (i32.const 1) (i32.const 64)",
            "fd_read (i32.const 99) (i32.const 20) (i32.const 1) (i32.const 64)",
            // Nothing of what failed was taken from the stream.
            "fd_read (i32.const 0) (i32.const 20) (i32.const 1) (i32.const 64)",
        ]),
        "    (call $byte (i32.load (i32.const 64))) (call $print (i32.const 8192) (i32.const 4))\n".to_owned(),
        bytes(&["fd_read (i32.const 0) (i32.const 20) (i32.const 1) (i32.const 64)"]),
        "    (call $byte (i32.load (i32.const 64)))\n".to_owned(),
        bytes(&["fd_read (i32.const 0) (i32.const 20) (i32.const 1) (i32.const 64)"]),
        "    (call $byte (i32.load (i32.const 64)))\n".to_owned(),
    ]
    .concat();
    let mut out = vec![0, 10];
    out.extend(b"01456789");
    out.extend([28, 21, 21, 21, 21, 0, 8, 31, 8, 0, 4]);
    out.extend(b"abcd");
    out.extend([0, 2, 0, 0]);
    importing("reading", &start(&code))
        .stdin(b"0123456789abcdef")
        .stdout(out)
}

fn writing() -> Vector {
    let code = [
        "    (i32.store (i32.const 20) (i32.const 1024)) (i32.store (i32.const 24) (i32.const 3))
    (i32.store (i32.const 28) (i32.const 1025)) (i32.store (i32.const 32) (i32.const 2))
    (i32.store (i32.const 36) (i32.const 131071)) (i32.store (i32.const 40) (i32.const 2))\n"
            .to_owned(),
        "    (if (i32.eqz (call $byte_length {abc})) (then unreachable))\n".to_owned(),
        bytes(&["fd_write (i32.const 2) (i32.const 20) (i32.const 2) (i32.const 64)"]),
        "    (call $byte (i32.load (i32.const 64)))\n".to_owned(),
        bytes(&[
            // A bad part writes nothing at all.
            "fd_write (i32.const 2) (i32.const 20) (i32.const 3) (i32.const 64)",
            "fd_write (i32.const 2) (i32.const 20) (i32.const 1025) (i32.const 64)",
            "fd_write (i32.const 2) (i32.const 20) (i32.const 0) (i32.const 64)",
            "fd_write (i32.const 2) (i32.const 20) (i32.const 1) (i32.const 131070)",
            "fd_write (i32.const 0) (i32.const 20) (i32.const 1) (i32.const 64)",
            "fd_write (i32.const 3) (i32.const 20) (i32.const 1) (i32.const 64)",
            "fd_write (i32.const 99) (i32.const 20) (i32.const 1) (i32.const 64)",
        ]),
        // 1 024 parts are allowed: all of them empty but the last.
        "    (memory.fill (i32.const 8192) (i32.const 0) (i32.const 8192))
    (i32.store (i32.const 16376) (i32.const 1024)) (i32.store (i32.const 16380) (i32.const 1))\n"
            .to_owned(),
        bytes(&["fd_write (i32.const 2) (i32.const 8192) (i32.const 1024) (i32.const 64)"]),
        // A file that was opened to be read.
        "    (local.set $fd (call $read_only {in/a}))\n".to_owned(),
        bytes(&[
            "write (local.get $fd) {x}",
            "fd_filestat_set_size (local.get $fd) (i64.const 0)",
            "fd_pwrite (local.get $fd) (i32.const 20) (i32.const 1) (i64.const 0) (i32.const 64)",
        ]),
    ]
    .concat();
    importing(
        "writing",
        &format!(
            "  (func $byte_length (param i32 i32) (result i32) (local.get 1))\n{}",
            start(&code)
        ),
    )
    .input("a", b"a")
    .stdout([0, 5, 21, 28, 0, 21, 8, 8, 8, 0, 8, 8, 8])
    .stderr("abcbca")
}

fn open_flags() -> Vector {
    let open = |path: &str, flags: u32, rights: u32, status: u32| {
        format!(
            "    (local.set $e (call $path_open (i32.const 3) (i32.const 1) {{{path}}} (i32.const {flags}) (i64.const {rights}) (i64.const -1) (i32.const {status}) (i32.const 64))) (call $byte (local.get $e)) (if (i32.eqz (local.get $e)) (then (drop (call $fd_close (i32.load (i32.const 64))))))\n"
        )
    };
    let list = [
        // Create, exclusive, truncate, directory.
        (open("out/a", 1, 66, 0), 0),
        (open("out/a", 1, 66, 0), 0),
        (open("out/a", 5, 66, 0), 20),
        (open("out/a", 8, 2, 0), 0),
        (open("out/a", 2, 2, 0), 54),
        (open("out", 2, 2, 0), 0),
        (open("out", 1, 2, 0), 0),
        (open("out", 8, 2, 0), 31),
        (open("out", 0, 64, 0), 31),
        (open("out/none", 0, 2, 0), 44),
        (open("out/none", 8, 66, 0), 44),
        (open("out/none/x", 1, 66, 0), 44),
        (open("out/a/x", 1, 66, 0), 54),
        (open("out/b/", 1, 66, 0), 31),
        (open("out/b", 3, 66, 0), 28),
        (open("in/a", 8, 66, 0), 69),
        (open("in/a", 8, 2, 0), 69),
        (open("in/a", 0, 64, 0), 69),
        (open("in/new", 1, 66, 0), 69),
        // Status flags: all five, and one that does not exist.
        (open("out/a", 0, 66, 31), 0),
        (open("out/a", 0, 66, 32), 28),
        // Neither to be read nor to be written.
        (open("out/a", 0, 0, 0), 0),
        (open("in/a", 0, 2, 0), 0),
    ];
    let code: String = list.iter().map(|(code, _)| code.as_str()).collect();
    let mut out: Vec<u8> = list.iter().map(|(_, errno)| *errno).collect();
    out.push(21);
    let code = format!(
        "{code}{}",
        bytes(&["path_open (i32.const 3) (i32.const 0) {out/a} (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 131070)"])
    );
    importing("open-flags", &start(&code))
        .input("a", b"a")
        .stdout(out)
        .file("a", "")
}

fn names_and_places() -> Vector {
    let code = [
        // Relative to a directory that is open: neither above it nor beside it.
        "    (drop (call $mkdir (i32.const 3) {out/d})) (local.set $fd (call $read_only {out/d}))\n",
        &bytes(&[
            "mkdir (local.get $fd) {e}",
            "mkdir (local.get $fd) {./e/../f/}",
            "mkdir (local.get $fd) {../g}",
            "mkdir (local.get $fd) {e/../../g}",
            "mkdir (local.get $fd) {/g}",
            "mkdir (local.get $fd) {}",
            "mkdir (local.get $fd) {.}",
            "mkdir (i32.const 1) {g}",
            "mkdir (i32.const 3) {g}",
            "mkdir (i32.const 3) {in/g}",
            "mkdir (i32.const 3) {out//h}",
            "mkdir (i32.const 3) {tmp/\\c3\\28}",
            "rmdir (local.get $fd) {f}",
            "rmdir (local.get $fd) {f}",
            "rmdir (i32.const 3) {out/d}",
            "unlink (local.get $fd) {e}",
            "rmdir (local.get $fd) {e/.}",
            "rmdir (local.get $fd) {e}",
            "rmdir (i32.const 3) {out/d}",
            // The directory is gone; its descriptor sees nothing and makes nothing.
            "mkdir (local.get $fd) {e}",
            "path_filestat_get (local.get $fd) (i32.const 0) {.} (i32.const 64)",
            "fd_filestat_get (local.get $fd) (i32.const 64)",
            "path_filestat_get (i32.const 3) (i32.const 0) {out/h} (i32.const 131050)",
            "path_filestat_get (i32.const 3) (i32.const 0) {out/none} (i32.const 64)",
            "path_filestat_get (i32.const 3) (i32.const 0) {in/a/} (i32.const 64)",
            "fd_filestat_get (i32.const 99) (i32.const 64)",
        ]),
        "    (drop (call $fd_filestat_get (i32.const 0) (i32.const 64))) (call $print (i32.const 64) (i32.const 64))
    (drop (call $fd_filestat_get (i32.const 2) (i32.const 64))) (call $print (i32.const 64) (i32.const 64))
    (call $stat {in/a})\n",
    ]
    .concat();
    let mut out = vec![
        0, 0, 63, 63, 63, 44, 20, 54, 69, 69, 0, 25, 0, 44, 55, 31, 0, 44, 0, 44, 44, 0, 21, 44,
        54, 8,
    ];
    out.extend(stat(u64::MAX, 0, 0));
    out.extend(stat(u64::MAX - 2, 0, 0));
    out.push(0);
    out.extend(stat(4, 4, 2));
    importing("names-and-places", &start(&code))
        .input("a", b"aa")
        .stdout(out)
}

fn long_paths() -> Vector {
    let code = [
        // 64 parts and 65; 4 096 bytes and 4 097.
        "    (loop $l
      (i32.store16 (i32.add (i32.const 8192) (local.get $i)) (i32.const 0x2f2e))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 2))) (i32.const 130))))\n",
        &bytes(&[
            "path_filestat_get (i32.const 3) (i32.const 0) (i32.const 8192) (i32.const 128) (i32.const 64)",
            "path_filestat_get (i32.const 3) (i32.const 0) (i32.const 8192) (i32.const 130) (i32.const 64)",
        ]),
        "    (memory.fill (i32.const 8192) (i32.const 97) (i32.const 8192))
    (i32.store (i32.const 8192) (i32.const 0x2f706d74))\n",
        &bytes(&[
            "mkdir (i32.const 3) (i32.const 8192) (i32.const 4096)",
            "mkdir (i32.const 3) (i32.const 8192) (i32.const 4097)",
            "path_filestat_get (i32.const 3) (i32.const 0) (i32.const 8192) (i32.const 4096) (i32.const 64)",
        ]),
    ]
    .concat();
    importing("long-paths", &start(&code)).stdout([0, 37, 0, 37, 0])
}

fn renaming() -> Vector {
    let code = [
        "    (drop (call $write (call $create {out/a}) {aa})) (drop (call $write (call $create {out/b}) {bbb}))
    (drop (call $mkdir (i32.const 3) {out/d})) (drop (call $mkdir (i32.const 3) {out/e})) (drop (call $mkdir (i32.const 3) {out/e/f}))\n",
        &bytes(&[
            "rename (i32.const 3) {out/a} (i32.const 3) {out/a}",
            "rename (i32.const 3) {out/a} (i32.const 3) {out/b}",
            "rename (i32.const 3) {out/a} (i32.const 3) {out/c}",
            "rename (i32.const 3) {out/d} (i32.const 3) {out/e}",
            "rename (i32.const 3) {out/e} (i32.const 3) {out/d}",
            "rename (i32.const 3) {out/d} (i32.const 3) {out/d}",
            "rename (i32.const 3) {out/b} (i32.const 3) {out/d/}",
            "rename (i32.const 3) {out/b} (i32.const 3) {out/new/}",
            "rename (i32.const 3) {out/d/f} (i32.const 3) {tmp/f/}",
            "rename (i32.const 3) {out} (i32.const 3) {out2}",
            "rename (i32.const 3) {out/b} (i32.const 3) {.}",
            "rename (i32.const 3) {.} (i32.const 3) {out/x}",
            "rename (i32.const 3) {out/b} (i32.const 9) {x}",
            "rename (i32.const 3) {out/b} (i32.const 3) {out/d/b}",
            "rename (i32.const 3) {out/b} (i32.const 3) {../b}",
            "unlink (i32.const 3) {out/d/b/}",
            "unlink (i32.const 3) {out/none}",
        ]),
        // An inode stays what it was.
        "    (call $stat {out/d/b})\n",
    ]
    .concat();
    let mut out = vec![
        0, 0, 44, 55, 0, 0, 54, 54, 0, 69, 28, 28, 8, 0, 63, 54, 44, 0,
    ];
    out.extend(stat(4, 4, 2));
    importing("renaming", &start(&code))
        .stdout(out)
        .file("d/b", "aa")
}

fn lacking() -> Vector {
    let code = bytes(&[
        "fd_advise (i32.const 3) (i64.const 0) (i64.const 0) (i32.const 0)",
        "fd_allocate (i32.const 3) (i64.const 0) (i64.const 1)",
        "fd_fdstat_set_rights (i32.const 3) (i64.const 0) (i64.const 0)",
        "fd_filestat_set_times (i32.const 3) (i64.const 0) (i64.const 0) (i32.const 0)",
        "fd_renumber (i32.const 3) (i32.const 4)",
        "path_filestat_set_times (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0) (i64.const 0) (i32.const 0)",
        "path_link (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 0)",
        "path_readlink (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)",
        "symlink (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 0)",
        "proc_raise (i32.const 6)",
        "sock_accept (i32.const 3) (i32.const 0) (i32.const 0)",
        "sock_recv (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)",
        "sock_send (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)",
        "sock_shutdown (i32.const 3) (i32.const 0)",
    ]);
    importing("functions-that-are-lacking", &start(&code)).stdout([52; 14])
}

fn yielding() -> Vector {
    // Time does not pass while others would run.
    let mut out = vec![0, 0];
    out.extend(u64s(&[0]));
    importing(
        "yielding",
        &start(
            "    (call $byte (call $sched_yield)) (call $byte (call $sched_yield)) (drop (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 64))) (call $print (i32.const 64) (i32.const 8))",
        ),
    )
    .stdout(out)
}

fn inputs() -> Vector {
    let mut out = Vec::new();
    for (inode, kind, size) in [
        (4, 4, 0),
        (5, 3, 0),
        (6, 3, 0),
        (7, 4, 4),
        (8, 4, 4),
        (1, 3, 0),
    ] {
        out.push(0);
        out.extend(stat(inode, kind, size));
    }
    out.extend(b"same");
    importing(
        "inputs",
        &start(
            r#"
    (call $stat {in/empty}) (call $stat {in/d}) (call $stat {in/d/e}) (call $stat {in/d/e/one}) (call $stat {in/d/two}) (call $stat {in})
    (i32.store (i32.const 20) (i32.const 8192)) (i32.store (i32.const 24) (i32.const 99))
    (drop (call $fd_read (call $read_only {in/d/two}) (i32.const 20) (i32.const 1) (i32.const 28)))
    (call $print (i32.const 8192) (i32.load (i32.const 28)))"#,
        ),
    )
    .input("empty", b"")
    .input("d/e/one", b"same")
    .input("d/two", b"same")
    .stdout(out)
}

/// Files stand in the receipt by the bytes of their paths: a slash before letters, after hyphens; capitals first.
fn output_order() -> Vector {
    let create = |path: &str| {
        format!(
            "    (drop (call $write (call $create {{{path}}}) {{{}}}))\n",
            path.len()
        )
    };
    let code = [
        create("out/\\c3\\a4"),
        create("out/a-b"),
        "    (drop (call $mkdir (i32.const 3) {out/a})) (drop (call $mkdir (i32.const 3) {out/empty}))\n".to_owned(),
        create("out/a/b"),
        create("out/B"),
        create("out/a\\22\\5c\\0a\\7f"),
        "    (drop (call $create {out/nothing})) (drop (call $write (call $create {tmp/unseen}) {tmp}))\n".to_owned(),
    ]
    .concat();
    importing("output-order", &start(&code))
        .file("B", "5")
        .file("a/b", "7")
        .file("a-b", "7")
        .file("\u{e4}", "10")
        .file("a\"\\\n\u{7f}", "17")
        .file("nothing", "")
}

/// Three places share one limit, to the byte.
fn streams() -> Vector {
    let code = [
        "    (local.set $fd (call $create {tmp/a}))\n",
        &bytes(&[
            "write (i32.const 2) {errors}",
            "write (local.get $fd) {file}",
            // 6, 4 and the bytes of these answers leave 10: 11 more do not fit.
            "fd_filestat_set_size (local.get $fd) (i64.const 15)",
            // 9 do, and then there is no room for the answer.
            "fd_filestat_set_size (local.get $fd) (i64.const 13)",
        ]),
        // Freed bytes are there again.
        &bytes(&["fd_filestat_set_size (local.get $fd) (i64.const 0)"]),
    ]
    .concat();
    importing("shared-limit", &start(&code))
        .output_limit(22)
        .stdout([0, 0, 51, 0])
        .stderr("errors")
}

fn listing() -> Vector {
    let list = |fd: &str, length: u32, cookie: &str| {
        format!("    (call $byte (call $fd_readdir {fd} (i32.const 8192) (i32.const {length}) (i64.const {cookie}) (i32.const 32))) (call $byte (i32.load (i32.const 32)))\n")
    };
    let code = [
        "    (local.set $fd (call $read_only {out}))\n".to_owned(),
        // Room for nothing; for one entry and not one byte more; from a cookie that nobody gave.
        list("(local.get $fd)", 0, "0"),
        list("(local.get $fd)", 25, "0"),
        list("(local.get $fd)", 4096, "0"),
        list("(local.get $fd)", 4096, "1"),
        list("(local.get $fd)", 4096, "2"),
        list("(local.get $fd)", 4096, "999"),
        list("(local.get $fd)", 4096, "-1"),
        "    (drop (call $create {out/a})) (i32.store (i32.const 32) (i32.const 0))\n".to_owned(),
        list("(call $read_only {out/a})", 4096, "0"),
        list("(i32.const 1)", 4096, "0"),
        list("(i32.const 99)", 4096, "0"),
        bytes(&[
            "fd_readdir (local.get $fd) (i32.const 130900) (i32.const 4096) (i64.const 0) (i32.const 32)",
            "fd_readdir (local.get $fd) (i32.const 131070) (i32.const 4096) (i64.const 0) (i32.const 32)",
            "fd_readdir (local.get $fd) (i32.const 8192) (i32.const 4096) (i64.const 0) (i32.const 131070)",
        ]),
    ]
    .concat();
    importing("listing", &start(&code)).stdout([
        0, 0, 0, 25, 0, 51, 0, 26, 0, 0, 28, 0, 28, 0, 54, 0, 54, 0, 8, 0, 0, 21, 21,
    ])
}

/// What the vector `random` must print: ChaCha20 keyed by the spec, from its first byte, nothing skipped.
pub fn random_stream(spec: &[u8], length: usize) -> Vec<u8> {
    use chacha20::cipher::{KeyIvInit, StreamCipher};
    let key = sha256(&[b"lode:rng:1".as_slice(), &sha256(spec)].concat());
    let mut bytes = vec![0; length];
    chacha20::ChaCha20::new(&key.into(), &[0; 12].into()).apply_keystream(&mut bytes);
    bytes
}
