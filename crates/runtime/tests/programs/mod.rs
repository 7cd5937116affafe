//! The programs of the vectors, and what must come out of each.
#![allow(dead_code)]

mod bills;
mod core;
mod modules;
mod sweeps;
pub mod wasi;

use lode_runtime::{sha256, End, Invalid, JobSpec, Trap};

/// A program with its spec.
#[derive(Clone)]
pub struct Vector {
    /// Folder in `tests/vectors`.
    pub name: &'static str,
    /// WebAssembly text; empty if the module is a long one.
    pub text: String,
    /// A module that is long and says little: its first bytes, one byte that comes so often, its last bytes.
    pub long: Option<(Vec<u8>, u8, usize, Vec<u8>)>,
    /// Units beyond the base.
    pub units: u64,
    pub memory_mib: u64,
    pub output_limit: u64,
    pub args: Vec<&'static str>,
    pub env: Vec<&'static str>,
    pub stdin: Option<&'static [u8]>,
    pub inputs: Vec<(&'static str, &'static [u8])>,
    /// Whether the spec leaves out all that it may.
    pub least: bool,
    /// How it must end.
    pub end: End,
    /// What it must write, where that is not just any bytes.
    pub stdout: Option<Vec<u8>>,
    pub stderr: Option<Vec<u8>>,
    /// Units that it must be billed, where that is what it is about.
    pub bill: Option<u64>,
    pub files: Vec<(&'static str, Vec<u8>)>,
}

impl Vector {
    pub fn module(&self) -> Vec<u8> {
        if let Some((first, byte, count, last)) = &self.long {
            return [first.as_slice(), &vec![*byte; *count], last].concat();
        }
        wat::parse_str(&self.text).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    pub fn spec(&self) -> Vec<u8> {
        if self.least {
            let module = self.module();
            return format!(
                r#"{{"v":1,"runtime":1,"module":{{"sha256":"{}","size":{}}},"memory_mib":{},"output_limit":{}}}"#,
                hex::encode(sha256(&module)),
                module.len(),
                self.memory_mib,
                self.output_limit,
            )
            .into_bytes();
        }
        let blob = |bytes: &[u8]| {
            format!(
                r#""sha256":"{}","size":{}"#,
                hex::encode(sha256(bytes)),
                bytes.len()
            )
        };
        let quoted = |list: &[&str]| {
            let list: Vec<String> = list.iter().map(|text| format!("{text:?}")).collect();
            list.join(",")
        };
        let stdin = match self.stdin {
            Some(stdin) => format!("{{{}}}", blob(stdin)),
            None => "null".to_owned(),
        };
        let inputs: Vec<String> = self
            .inputs
            .iter()
            .map(|(path, bytes)| format!("{{\"path\":{path:?},{}}}", blob(bytes)))
            .collect();
        format!(
            "{{\"v\":1,\"runtime\":1,\"module\":{{{}}},\"args\":[{}],\"env\":[{}],\"stdin\":{stdin},\"inputs\":[{}],\"memory_mib\":{},\"output_limit\":{},\"clock\":1000000000,\"seed\":7}}\n",
            blob(&self.module()),
            quoted(&self.args),
            quoted(&self.env),
            inputs.join(","),
            self.memory_mib,
            self.output_limit,
        )
        .into_bytes()
    }

    pub fn blobs(&self) -> Vec<(String, &'static [u8])> {
        self.inputs
            .iter()
            .map(|(_, bytes)| *bytes)
            .chain(self.stdin)
            .map(|bytes| (hex::encode(sha256(bytes)), bytes))
            .collect()
    }

    pub fn limit(&self) -> u64 {
        JobSpec::parse(&self.spec()).unwrap().base_units() + self.units
    }

    fn stdin(mut self, bytes: &'static [u8]) -> Vector {
        self.stdin = Some(bytes);
        self
    }

    fn stdout(mut self, bytes: impl Into<Vec<u8>>) -> Vector {
        self.stdout = Some(bytes.into());
        self
    }

    fn stderr(mut self, bytes: impl Into<Vec<u8>>) -> Vector {
        self.stderr = Some(bytes.into());
        self
    }

    fn least(mut self) -> Vector {
        self.least = true;
        self
    }

    fn bill(mut self, units: u64) -> Vector {
        self.bill = Some(units);
        self
    }

    fn memory_mib(mut self, mib: u64) -> Vector {
        self.memory_mib = mib;
        self
    }

    fn file(mut self, path: &'static str, bytes: impl Into<Vec<u8>>) -> Vector {
        self.files.push((path, bytes.into()));
        self
    }

    fn input(mut self, path: &'static str, bytes: &'static [u8]) -> Vector {
        self.inputs.push((path, bytes));
        self
    }

    fn units(mut self, units: u64) -> Vector {
        self.units = units;
        self
    }

    fn output_limit(mut self, bytes: u64) -> Vector {
        self.output_limit = bytes;
        self
    }
}

fn raw(name: &'static str, end: End, text: &str) -> Vector {
    Vector {
        name,
        text: text.to_owned(),
        long: None,
        units: 1000,
        memory_mib: 4,
        output_limit: 65_536,
        args: vec!["job", "one two"],
        env: vec!["NAME=value", "EMPTY="],
        stdin: None,
        inputs: Vec::new(),
        least: false,
        end,
        stdout: None,
        stderr: None,
        bill: None,
        files: Vec::new(),
    }
}

/// A program with the imports and helpers below. `{text}` in its code becomes the address and length of that text.
pub fn program(name: &'static str, end: End, main: &str) -> Vector {
    let mut code = String::new();
    let mut data = String::new();
    let mut at = 1024;
    let mut rest = main;
    while let Some((before, after)) = rest.split_once('{') {
        let (text, after) = after.split_once('}').expect("a text ends with }");
        let length = wat_length(text);
        code.push_str(&format!("{before}(i32.const {at}) (i32.const {length})"));
        data.push_str(&format!("  (data (i32.const {at}) \"{text}\")\n"));
        at += length;
        rest = after;
    }
    code.push_str(rest);
    assert!(at <= 4096);
    raw(
        name,
        end,
        &format!("(module\n{IMPORTS}{HELPERS}{data}{code})\n"),
    )
}

/// Bytes of a text in WebAssembly's notation, where `\xx` is a byte.
fn wat_length(text: &str) -> usize {
    text.len() - 2 * text.matches('\\').count()
}

/// Scratch lives below 1 024, texts below 4 096, what a program uses itself above.
const IMPORTS: &str = r#"  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_get" (func $fd_filestat_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_set_size" (func $fd_filestat_set_size (param i32 i64) (result i32)))
  (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $fd_fdstat_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_prestat_get" (func $fd_prestat_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pread" (func $fd_pread (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pwrite" (func $fd_pwrite (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_readdir" (func $fd_readdir (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_seek" (func $fd_seek (param i32 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_create_directory" (func $mkdir (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_get" (func $path_filestat_get (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_remove_directory" (func $rmdir (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_rename" (func $rename (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_unlink_file" (func $unlink (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_symlink" (func $symlink (param i32 i32 i32 i32 i32) (result i32)))
"#;

const HELPERS: &str = r#"  (memory (export "memory") 2 4)
  (func $write (param $fd i32) (param $at i32) (param $n i32) (result i32)
    (i32.store (i32.const 0) (local.get $at)) (i32.store (i32.const 4) (local.get $n))
    (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)))
  (func $print (param $at i32) (param $n i32) (drop (call $write (i32.const 1) (local.get $at) (local.get $n))))
  (func $byte (param $b i32) (i32.store8 (i32.const 12) (local.get $b)) (call $print (i32.const 12) (i32.const 1)))
  ;; Answers a descriptor, or minus the error number.
  (func $open (param $at i32) (param $n i32) (param $flags i32) (param $rights i64) (result i32)
    (local $e i32)
    (local.set $e (call $path_open (i32.const 3) (i32.const 0) (local.get $at) (local.get $n) (local.get $flags) (local.get $rights) (i64.const 0) (i32.const 0) (i32.const 16)))
    (if (result i32) (local.get $e) (then (i32.sub (i32.const 0) (local.get $e))) (else (i32.load (i32.const 16)))))
  (func $read_only (param $at i32) (param $n i32) (result i32) (call $open (local.get $at) (local.get $n) (i32.const 0) (i64.const 2)))
  (func $create (param $at i32) (param $n i32) (result i32) (call $open (local.get $at) (local.get $n) (i32.const 9) (i64.const 66)))
  ;; Prints what a path's status is: the error number, then inode, type, links, size and one time.
  (func $stat (param $at i32) (param $n i32)
    (call $byte (call $path_filestat_get (i32.const 3) (i32.const 0) (local.get $at) (local.get $n) (i32.const 64)))
    (call $print (i32.const 64) (i32.const 64)))
"#;

fn start(code: &str) -> String {
    format!("  (func (export \"_start\") (local $i i32) (local $fd i32) (local $e i32) {code})")
}

/// 64 bytes of file status as runtime 1 tells it.
fn stat(inode: u64, kind: u64, size: u64) -> Vec<u8> {
    let clock = 1_000_000_000_000_000_000;
    [1, inode, kind, 1, size, clock, clock, clock]
        .iter()
        .flat_map(|field: &u64| field.to_le_bytes())
        .collect()
}

fn entry(next: u64, inode: u64, kind: u8, name: &str) -> Vec<u8> {
    let mut bytes = next.to_le_bytes().to_vec();
    bytes.extend(inode.to_le_bytes());
    bytes.extend((name.len() as u32).to_le_bytes());
    bytes.extend([kind, 0, 0, 0]);
    bytes.extend(name.as_bytes());
    bytes
}

fn u64s(list: &[u64]) -> Vec<u8> {
    list.iter()
        .flat_map(|number| number.to_le_bytes())
        .collect()
}

const EXIT: End = End::Exit(0);

/// Every vector.
pub fn all() -> Vec<Vector> {
    let mut list = ordinary();
    list.extend(ends());
    list.extend(leaks());
    list.extend(limits());
    list.extend(bills::all());
    list.extend(core::all());
    list.extend(modules::all());
    list.extend(sweeps::all());
    list.extend(wasi::all());
    list
}

fn ordinary() -> Vec<Vector> {
    let text_tool = program(
        "text-tool",
        EXIT,
        &start(
            r#"
    (i32.store (i32.const 20) (i32.const 8192)) (i32.store (i32.const 24) (i32.const 7))
    (local.set $fd (call $create {out/upper.txt}))
    (block $done (loop $more
      (br_if $done (call $fd_read (i32.const 0) (i32.const 20) (i32.const 1) (i32.const 28)))
      (br_if $done (i32.eqz (i32.load (i32.const 28))))
      (local.set $i (i32.const 0))
      (loop $each
        (local.set $e (i32.load8_u (i32.add (i32.const 8192) (local.get $i))))
        (if (i32.lt_u (i32.sub (local.get $e) (i32.const 97)) (i32.const 26))
          (then (i32.store8 (i32.add (i32.const 8192) (local.get $i)) (i32.sub (local.get $e) (i32.const 32)))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $each (i32.lt_u (local.get $i) (i32.load (i32.const 28)))))
      (call $print (i32.const 8192) (i32.load (i32.const 28)))
      (drop (call $write (local.get $fd) (i32.const 8192) (i32.load (i32.const 28))))
      (br $more)))"#,
        ),
    )
    .stdin("the keeper counts her steps: 3, 5, 8\n".as_bytes())
    .stdout("THE KEEPER COUNTS HER STEPS: 3, 5, 8\n")
    .file("upper.txt", "THE KEEPER COUNTS HER STEPS: 3, 5, 8\n");

    // Brightness is the square root of the product of the coordinates: floats that must round alike.
    let mut pixels = b"P5 64 64 255\n".to_vec();
    for y in 0..64u32 {
        for x in 0..64u32 {
            pixels.push((f64::from(x * y).sqrt() * 4.0) as u8);
        }
    }
    let picture = program(
        "picture",
        EXIT,
        &start(
            r#"
    (local.set $fd (call $create {out/picture.pgm}))
    (drop (call $write (local.get $fd) {P5 64 64 255\0a}))
    (loop $pixel
      (i32.store8 (i32.add (i32.const 8192) (local.get $i))
        (i32.trunc_f64_u (f64.mul (f64.const 4) (f64.sqrt (f64.convert_i32_u (i32.mul (i32.and (local.get $i) (i32.const 63)) (i32.shr_u (local.get $i) (i32.const 6))))))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $pixel (i32.lt_u (local.get $i) (i32.const 4096))))
    (drop (call $write (local.get $fd) (i32.const 8192) (i32.const 4096)))"#,
        ),
    )
    .stdout("")
    .file("picture.pgm", pixels);

    let arguments = program(
        "arguments",
        EXIT,
        &start(
            r#"
    (drop (call $args_get (i32.const 4096) (i32.const 8192)))
    (call $print (i32.load (i32.const 4096)) (i32.const 12))
    (drop (call $environ_get (i32.const 4096) (i32.const 8192)))
    (call $print (i32.load (i32.const 4096)) (i32.const 18))"#,
        ),
    )
    .stdout("job\0one two\0NAME=value\0EMPTY=\0");

    let files = program(
        "files",
        EXIT,
        &start(
            r#"
    ;; A hole, a shorter end, a name that moves, a directory that goes, a file that outlives its name.
    (local.set $fd (call $create {tmp/a}))
    (call $byte (call $fd_seek (local.get $fd) (i64.const 5) (i32.const 0) (i32.const 32)))
    (call $byte (call $write (local.get $fd) {xyz}))
    (call $byte (call $fd_filestat_set_size (local.get $fd) (i64.const 7)))
    (call $byte (call $mkdir (i32.const 3) {out/d}))
    (call $byte (call $mkdir (i32.const 3) {out/empty}))
    (call $byte (call $rename (i32.const 3) {tmp/a} (i32.const 3) {out/d/b}))
    (call $byte (call $write (local.get $fd) {!}))
    (call $byte (call $rmdir (i32.const 3) {out/d}))
    (call $byte (call $unlink (i32.const 3) {out/d}))
    (call $byte (call $rename (i32.const 3) {out/d} (i32.const 3) {out/d/e}))
    (call $byte (call $rename (i32.const 3) {out/d/b} (i32.const 3) {in/b}))
    (call $byte (call $rename (i32.const 3) {out/d/b} (i32.const 3) {out/empty}))
    (call $byte (call $rename (i32.const 3) {out/empty} (i32.const 3) {out/d/b}))
    (local.set $fd (call $create {out/gone}))
    (call $byte (call $unlink (i32.const 3) {out/gone}))
    (call $byte (call $write (local.get $fd) {unseen}))
    (call $byte (call $fd_close (local.get $fd)))
    (call $byte (call $fd_close (local.get $fd)))"#,
        ),
    )
    .stdout([0, 0, 0, 0, 0, 0, 0, 55, 31, 28, 69, 31, 54, 0, 0, 0, 8])
    .file("d/b", "\0\0\0\0\0xy\0!");
    vec![text_tool, picture, arguments, files]
}

fn ends() -> Vec<Vector> {
    let trap = |name, trap, code: &str| program(name, End::Trap(trap), &start(code));
    vec![
        program("exit-code", End::Exit(42), &start("(call $proc_exit (i32.const 42))")),
        program(
            "panic",
            End::Unreachable,
            &start("(drop (call $write (i32.const 2) {panicked at the disco\\0a})) unreachable"),
        ),
        trap("trap-memory", Trap::MemoryOutOfBounds, "(i32.store (i32.const -4) (i32.const 1))"),
        trap("trap-division", Trap::DivisionByZero, "(drop (i32.div_s (i32.const 1) (local.get $i)))"),
        trap("trap-overflow", Trap::IntegerOverflow, "(drop (i32.div_s (i32.const 0x80000000) (i32.sub (local.get $i) (i32.const 1))))"),
        trap(
            "trap-receipt-too-long",
            Trap::ReceiptTooLong,
            // Names of 4 092 bytes, nearly all of which a receipt writes as six: 680 fit into it, 681 do not.
            "(memory.fill (i32.const 8192) (i32.const 1) (i32.const 4096))
             (i32.store (i32.const 8192) (i32.const 0x2f74756f))
             (loop $l
               (i32.store8 (i32.const 8196) (i32.add (i32.const 97) (i32.and (local.get $i) (i32.const 15))))
               (i32.store8 (i32.const 8197) (i32.add (i32.const 97) (i32.and (i32.shr_u (local.get $i) (i32.const 4)) (i32.const 15))))
               (i32.store8 (i32.const 8198) (i32.add (i32.const 97) (i32.and (i32.shr_u (local.get $i) (i32.const 8)) (i32.const 15))))
               (drop (call $fd_close (call $create (i32.const 8192) (i32.const 4096))))
               (local.set $i (i32.add (local.get $i) (i32.const 1)))
               (br_if $l (i32.lt_u (local.get $i) (i32.const 681))))",
        ),
        trap("trap-conversion", Trap::BadConversion, "(drop (i32.trunc_f32_s (f32.div (f32.const 0) (f32.convert_i32_s (local.get $i)))))"),
        raw(
            "trap-tables",
            End::Trap(Trap::TableOutOfBounds),
            r#"(module (memory (export "memory") 1) (table 2 funcref) (func (export "_start") (call_indirect (i32.const 2))))"#,
        ),
        raw(
            "trap-null",
            End::Trap(Trap::IndirectCallToNull),
            r#"(module (memory (export "memory") 1) (table 2 funcref) (func (export "_start") (call_indirect (i32.const 1))))"#,
        ),
        raw(
            "trap-signature",
            End::Trap(Trap::BadSignature),
            r#"(module (memory (export "memory") 1) (table funcref (elem $f)) (func $f (param i32)) (func (export "_start") (call_indirect (i32.const 0))))"#,
        ),
        raw(
            "segment-out-of-bounds",
            End::Trap(Trap::MemoryOutOfBounds),
            r#"(module (memory (export "memory") 1) (data (i32.const 65535) "ab") (func (export "_start")))"#,
        ),
        program(
            "fuel-in-mid-block",
            End::Fuel,
            &start("(loop $l (i32.store (i32.const 4096) (local.tee $i (i32.add (local.get $i) (i32.const 1)))) (br $l))"),
        )
        .units(2),
        raw(
            "fuel-while-instantiating",
            End::Fuel,
            &format!(
                r#"(module (memory (export "memory") 20) (data (i32.const 0) "{}") (func (export "_start")))"#,
                "0123456789abcdef".repeat(256)
            ),
        )
        .units(0),
        raw(
            "big-data-segment",
            EXIT,
            &format!(
                r#"(module (memory (export "memory") 20) (data (i32.const 0) "{}") (func (export "_start")))"#,
                "0123456789abcdef".repeat(4096)
            ),
        ),
        raw(
            "invalid-import",
            End::Invalid(Invalid::Import),
            r#"(module (import "env" "now" (func)) (memory (export "memory") 1) (func (export "_start")))"#,
        ),
        Vector {
            long: Some((Vec::new(), 0, (32 << 20) + 1, Vec::new())),
            ..raw("invalid-size", End::Invalid(Invalid::Size), "")
        },
        raw(
            "invalid-memory",
            End::Invalid(Invalid::MemorySize),
            r#"(module (memory (export "memory") 65) (func (export "_start")))"#,
        ),
        raw(
            "invalid-start",
            End::Invalid(Invalid::Start),
            r#"(module (memory (export "memory") 1) (func $f (export "_start")) (start $f))"#,
        ),
    ]
}

fn leaks() -> Vec<Vector> {
    let mut inodes = vec![0];
    inodes.extend(stat(5, 4, 3));
    inodes.push(0);
    inodes.extend(stat(2, 3, 0));
    inodes.push(0);
    inodes.extend(stat(6, 4, 2));
    inodes.push(0);
    inodes.extend(stat(0, 3, 0));
    inodes.push(0);
    inodes.extend(stat(u64::MAX - 1, 0, 0));
    let inode_printer = program(
        "inode-printer",
        EXIT,
        &start(
            r#"
    (drop (call $write (call $create {out/new}) {hi}))
    (call $stat {in/folder/a})
    (call $stat {out})
    (call $stat {out/../out/./new})
    (call $byte (call $fd_filestat_get (i32.const 3) (i32.const 64))) (call $print (i32.const 64) (i32.const 64))
    (call $byte (call $fd_filestat_get (i32.const 1) (i32.const 64))) (call $print (i32.const 64) (i32.const 64))"#,
        ),
    )
    .input("folder/a", b"abc")
    .stdout(inodes);

    let mut listing = entry(1, 3, 3, ".");
    listing.extend(entry(2, 0, 3, ".."));
    listing.extend(entry(8, 5, 4, "B"));
    listing.extend(entry(7, 4, 4, "a"));
    listing.extend(entry(10, 7, 3, "z"));
    listing.extend(entry(9, 6, 4, "\u{e4}"));
    // Again from the third cookie, with room for a part of one entry.
    listing.extend(&entry(7, 4, 4, "a")[..20]);
    let directory_order = program(
        "directory-order",
        EXIT,
        &start(
            r#"
    (drop (call $create {tmp/a})) (drop (call $create {tmp/B})) (drop (call $create {tmp/\c3\a4})) (drop (call $mkdir (i32.const 3) {tmp/z}))
    (local.set $fd (call $open {tmp} (i32.const 2) (i64.const 0x4000)))
    (drop (call $fd_readdir (local.get $fd) (i32.const 8192) (i32.const 4096) (i64.const 0) (i32.const 32)))
    (call $print (i32.const 8192) (i32.load (i32.const 32)))
    (drop (call $unlink (i32.const 3) {tmp/B}))
    (drop (call $fd_readdir (local.get $fd) (i32.const 8192) (i32.const 20) (i64.const 8) (i32.const 32)))
    (call $print (i32.const 8192) (i32.load (i32.const 32)))"#,
        ),
    )
    .stdout(listing);

    // Realtime, monotonic, an hour of sleep (two clocks, one due), monotonic, realtime.
    let hour = 3_600_000_000_000;
    let clock = 1_000_000_000_000_000_000;
    let mut told = u64s(&[clock, 1_000]);
    told.extend([0, 1, 0, 0, 0]);
    told.extend(u64s(&[7, 0, 0, 0]));
    told.extend(u64s(&[hour + 2_000, clock + hour + 3_000]));
    let sleeper = program(
        "sleeper",
        EXIT,
        &start(
            r#"
    (drop (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 64))) (call $print (i32.const 64) (i32.const 8))
    (drop (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 64))) (call $print (i32.const 64) (i32.const 8))
    (i64.store (i32.const 8192) (i64.const 7)) (i32.store (i32.const 8208) (i32.const 1)) (i64.store (i32.const 8216) (i64.const 3600000000000))
    (i64.store (i32.const 8240) (i64.const 8)) (i32.store (i32.const 8256) (i32.const 0)) (i64.store (i32.const 8264) (i64.const 7200000000000))
    (call $byte (call $poll_oneoff (i32.const 8192) (i32.const 9216) (i32.const 2) (i32.const 64))) (call $print (i32.const 64) (i32.const 4))
    (call $print (i32.const 9216) (i32.const 32))
    (drop (call $clock_time_get (i32.const 3) (i64.const 0) (i32.const 64))) (call $print (i32.const 64) (i32.const 8))
    (drop (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 64))) (call $print (i32.const 64) (i32.const 8))"#,
        ),
    )
    .stdout(told);

    let mut bits = [0x7fc0_0000u32; 3]
        .iter()
        .flat_map(|bits| bits.to_le_bytes())
        .collect::<Vec<_>>();
    bits.extend(u64s(&[0x7ff8_0000_0000_0000; 5]));
    let nan = program(
        "nan-bits",
        EXIT,
        &start(
            r#"
    (f32.store (i32.const 8192) (f32.div (f32.convert_i32_s (local.get $i)) (f32.const 0)))
    (f32.store (i32.const 8196) (f32.sqrt (f32.sub (f32.convert_i32_s (local.get $i)) (f32.const 1))))
    (f32.store (i32.const 8200) (f32.add (f32.reinterpret_i32 (i32.const 0xffe12345)) (f32.const 1)))
    (f64.store (i32.const 8204) (f64.div (f64.convert_i32_s (local.get $i)) (f64.const 0)))
    (f64.store (i32.const 8212) (f64.mul (f64.const nan:0x123456789) (f64.const -2)))
    (f64.store (i32.const 8220) (f64.promote_f32 (f32.reinterpret_i32 (i32.const 0xffe12345))))
    (v128.store (i32.const 8228) (f64x2.sub (f64x2.splat (f64.const inf)) (f64x2.splat (f64.const inf))))
    (call $print (i32.const 8192) (i32.const 52))"#,
        ),
    )
    .stdout(bits);

    let escapes = program(
        "path-escapes",
        EXIT,
        &start(
            r#"
    (call $byte (i32.sub (i32.const 0) (call $read_only {../etc/passwd})))
    (call $byte (i32.sub (i32.const 0) (call $read_only {/etc/passwd})))
    (call $byte (i32.sub (i32.const 0) (call $read_only {in/../../in/a})))
    (call $byte (i32.sub (i32.const 0) (call $read_only {in/a/..})))
    (call $byte (i32.sub (i32.const 0) (call $read_only {in/a/b})))
    (call $byte (i32.sub (i32.const 0) (call $read_only {in/a/})))
    (call $byte (i32.sub (i32.const 0) (call $read_only {in/none})))
    (call $byte (i32.sub (i32.const 0) (call $read_only {in/none/b})))
    (call $byte (i32.sub (i32.const 0) (call $read_only {in/\ff})))
    (call $byte (i32.sub (i32.const 0) (call $read_only {in/a\00b})))
    (call $byte (i32.sub (i32.const 0) (call $read_only (i32.const 0) (i32.const 0))))
    (call $byte (i32.sub (i32.const 0) (call $read_only (i32.const 8192) (i32.const 4097))))
    (call $byte (i32.sub (i32.const 0) (call $read_only (i32.const -8) (i32.const 16))))
    (call $byte (i32.sub (i32.const 0) (call $open {in/a} (i32.const 0) (i64.const 66))))
    (call $byte (i32.sub (i32.const 0) (call $create {in/b})))
    (call $byte (i32.sub (i32.const 0) (call $create {b})))
    (call $byte (i32.sub (i32.const 0) (call $open {out} (i32.const 0) (i64.const 64))))
    (call $byte (i32.sub (i32.const 0) (call $open {in/a} (i32.const 2) (i64.const 2))))
    (call $byte (i32.sub (i32.const 0) (call $open {out/x} (i32.const 3) (i64.const 2))))
    (call $byte (call $unlink (i32.const 3) {in/a}))
    (call $byte (call $unlink (i32.const 3) {in}))
    (call $byte (call $rmdir (i32.const 3) {tmp}))
    (call $byte (call $rmdir (i32.const 3) {in/a}))
    (call $byte (call $rmdir (i32.const 3) {.}))
    (call $byte (call $rename (i32.const 3) {out} (i32.const 3) {tmp/o}))
    (call $byte (call $mkdir (i32.const 3) {out}))
    (call $byte (call $mkdir (i32.const 9) {out/x}))
    (call $byte (call $symlink {a} (i32.const 3) {out/l}))
    (call $byte (call $fd_seek (i32.const 1) (i64.const 0) (i32.const 0) (i32.const 64)))
    (call $byte (call $write (i32.const 0) {x}))
    (call $byte (call $fd_prestat_get (i32.const 4) (i32.const 64)))
    (call $byte (call $fd_filestat_get (i32.const 3) (i32.const 262140)))"#,
        ),
    )
    .input("a", b"x")
    .stdout([
        63, 63, 63, 54, 54, 54, 44, 44, 25, 28, 44, 37, 21, 69, 69, 69, 31, 54, 28, 69, 31, 69, 54,
        28, 69, 20, 8, 52, 70, 8, 8, 21,
    ]);

    let random = program(
        "random",
        EXIT,
        &start(
            r#"
    (drop (call $random_get (i32.const 8192) (i32.const 1)))
    (call $byte (call $random_get (i32.const 262140) (i32.const 8)))
    (drop (call $random_get (i32.const 8193) (i32.const 62)))
    (drop (call $random_get (i32.const 8255) (i32.const 137)))
    (call $print (i32.const 8192) (i32.const 200))"#,
        ),
    );
    vec![
        inode_printer,
        directory_order,
        sleeper,
        nan,
        escapes,
        random,
    ]
}

fn limits() -> Vec<Vector> {
    vec![
        program(
            "memory-bomb",
            End::Exit(64),
            r#"  (func (export "_start") (local $n i32) (loop $l
      (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
    (call $proc_exit (memory.size)))"#,
        )
        .units(2000)
        .without_maximum(),
        program(
            "grow-past-the-declared-maximum",
            End::Exit(4),
            &start(
                r#"
    (if (i32.ne (memory.grow (i32.const 3)) (i32.const -1)) (then unreachable))
    (if (i32.ne (memory.grow (i32.const 65536)) (i32.const -1)) (then unreachable))
    (if (i32.ne (memory.grow (i32.const 2)) (i32.const 2)) (then unreachable))
    (call $proc_exit (memory.size))"#,
            ),
        ),
        program(
            "output-limit",
            End::Exit(51),
            &start(
                r#"
    ;; 100 bytes in all: a file of 60, a write of 41 that must leave no trace, freed bytes, and then it fits.
    (local.set $fd (call $create {tmp/a}))
    (drop (call $write (local.get $fd) (i32.const 8192) (i32.const 60)))
    (local.set $e (call $write (i32.const 1) (i32.const 8192) (i32.const 41)))
    (drop (call $fd_filestat_set_size (local.get $fd) (i64.const 59)))
    (if (call $write (i32.const 1) (i32.const 8192) (i32.const 41)) (then unreachable))
    (if (i32.ne (call $fd_filestat_set_size (local.get $fd) (i64.const 60)) (i32.const 51)) (then unreachable))
    (if (i32.ne (call $fd_pwrite (local.get $fd) (i32.const 0) (i32.const 1) (i64.const 0x7fffffffffffff00) (i32.const 8)) (i32.const 51)) (then unreachable))
    (call $proc_exit (local.get $e))"#,
            ),
        )
        .output_limit(100)
        .stdout([0; 41]),
        program(
            "huge-output",
            End::Fuel,
            &start(
                r#"
    ;; 1 024 parts that claim 4 GiB each.
    (loop $l
      (i32.store (i32.add (i32.const 8196) (local.get $i)) (i32.const -1))
      (local.set $i (i32.add (local.get $i) (i32.const 8)))
      (br_if $l (i32.lt_u (local.get $i) (i32.const 8192))))
    (drop (call $fd_write (i32.const 1) (i32.const 8192) (i32.const 1024) (i32.const 8)))"#,
            ),
        )
        .stdout(""),
        program(
            "huge-random",
            End::Fuel,
            &start("(drop (call $random_get (i32.const 0) (i32.const -1)))"),
        )
        .units(10_000),
        program(
            "descriptor-flood",
            End::Exit(33),
            &start(
                r#"
    (loop $l
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $l (i32.ge_s (local.tee $e (call $read_only {out})) (i32.const 0))))
    ;; 0 to 3 were taken: 1 020 fit.
    (if (i32.ne (local.get $i) (i32.const 1021)) (then unreachable))
    (call $proc_exit (i32.sub (i32.const 0) (local.get $e)))"#,
            ),
        ),
        program(
            "node-flood",
            End::Exit(51),
            &start(
                r#"
    ;; Made and removed again: an inode is used once.
    (loop $l
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (local.set $e (call $mkdir (i32.const 3) {tmp/d}))
      (drop (call $rmdir (i32.const 3) {tmp/d}))
      (br_if $l (i32.eqz (local.get $e))))
    (if (i32.ne (local.get $i) (i32.const 65533)) (then unreachable))
    (call $proc_exit (local.get $e))"#,
            ),
        )
        .units(20_000),
    ]
}

impl Vector {
    fn without_maximum(mut self) -> Vector {
        self.text = self.text.replace("\"memory\") 2 4)", "\"memory\") 2)");
        self
    }
}
