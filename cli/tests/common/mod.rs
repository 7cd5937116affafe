//! A network of the real binary's own, for tests.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

pub mod schema;
pub mod snapshot;

use lode_localnet::free_port;
use serde_json::Value;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The wallet that a network funds of itself, the owner of its first node, and who may do everything on it.
pub const WALLET: &str = ".localnet/keys/wallet";
pub const OWNER: &str = ".localnet/keys/node-0";
pub const AUTHORITY: &str = ".localnet/keys/authority";

/// Among a network's arguments: with its crank, as people start it.
pub const WITH_CRANK: &str = "with its crank";

/// Among a network's arguments: all that it logs, of every kind, goes into [`LOG`].
pub const LOGGED: &str = "with its log in a file";
pub const LOG: &str = "network.log";
/// Where commands and network leave temporary files.
pub const TEMPORARY: &str = "temporary";

/// The command that is tested: `LODE_TEST_BINARY`, for instance one of `cargo xtask dist`, or the one built with the
/// tests. What starts a whole network is always the latter.
pub fn binary() -> OsString {
    let built = || env!("CARGO_BIN_EXE_lode").into();
    std::env::var_os("LODE_TEST_BINARY").unwrap_or_else(built)
}

/// Prints the file that its last argument names behind a few letters, and leaves the same as `/out/copy`: for jobs of whose
/// work a test wants to know nothing. It is compiled in no time wherever it runs, which the example workloads are not.
const COPY: &str = r#"(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 16)
  (data (i32.const 64) "copied: out/copy")
  ;; where what was read is, after the letters before it
  (data (i32.const 32) "\40\00\00\00\08\00\00\00\00\00\01\00\00\00\0e\00")
  (func (export "_start") (local $path i32) (local $length i32) (local $i i32)
    (drop (call $sizes (i32.const 0) (i32.const 4)))
    (drop (call $args (i32.const 1024) (i32.const 4096)))
    ;; the folder is descriptor 3, its paths have no slash at their beginning
    (local.set $path (i32.add (i32.const 1) (i32.load
      (i32.add (i32.const 1020) (i32.mul (i32.const 4) (i32.load (i32.const 0)))))))
    (loop $letters
      (if (i32.load8_u (i32.add (local.get $path) (local.get $length)))
        (then (local.set $length (i32.add (local.get $length) (i32.const 1))) (br $letters))))
    (drop (call $open (i32.const 3) (i32.const 0) (local.get $path) (local.get $length)
      (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 8)))
    (drop (call $read (i32.load (i32.const 8)) (i32.const 40) (i32.const 1) (i32.const 12)))
    (i32.store (i32.const 44) (i32.load (i32.const 12)))
    (drop (call $write (i32.const 1) (i32.const 32) (i32.const 2) (i32.const 12)))
    (drop (call $open (i32.const 3) (i32.const 0) (i32.const 72) (i32.const 8)
      (i32.const 1) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 8)))
    (drop (call $write (i32.load (i32.const 8)) (i32.const 32) (i32.const 2) (i32.const 12)))
    ;; what is paid for
    (loop $count
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $count (i32.lt_u (local.get $i) (i32.const 12000000))))))"#;

/// A network that ends with the test.
pub struct Network {
    pub folder: TempDir,
    process: Child,
    pub url: String,
    ports: [String; 3],
    wallets: Vec<(String, Keypair)>,
}

/// The local network's plan with other terms, in a file.
pub fn plan(changes: &[(&str, &str)]) -> tempfile::NamedTempFile {
    let mut text = include_str!("../../../migrations/localnet.toml").to_string();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

/// Terms under which one result in ten thousand is checked, and one is paid two seconds after it is known: where a test asks
/// nothing of checks, three seats on this machine would only compile its module three times more.
pub const UNCHECKED: [(&str, &str); 5] = [
    ("check_bps = 10_000", "check_bps = 1"),
    ("surcharge_bps = 30_000", "surcharge_bps = 3"),
    ("final_below = 2_000_000_000_000_000", "final_below = 0"),
    (
        "most_reserved = 1_000_000_000_000_000",
        "most_reserved = 100_000_000_000",
    ),
    ("challenge_window = 9_000", "challenge_window = 20"),
];

fn start(
    folder: &Path,
    ports: &[String; 3],
    more: &[&str],
    wallets: &[(String, Keypair)],
) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lode"));
    command
        .args(["localnet", "--rpc-port", &ports[0], "--ws-port", &ports[1]])
        .args(["--gateway-port", &ports[2], "--slot-millis", "100"])
        // what a test does not do itself nobody does, unless it says so
        .args((!more.contains(&"--bare") && !more.contains(&WITH_CRANK)).then_some("--no-crank"))
        // wherever this test was compiled to, the programs are where `cargo xtask build` puts them
        .args([
            "--programs",
            concat!(env!("CARGO_MANIFEST_DIR"), "/../target/deploy"),
        ])
        .args(
            more.iter()
                .filter(|arg| ![WITH_CRANK, LOGGED].contains(arg)),
        );
    if more.contains(&LOGGED) {
        let log = std::fs::File::create(folder.join(LOG)).unwrap();
        command.env("RUST_LOG", "debug").stderr(log);
    }
    for (_, key) in wallets {
        command.args(["--fund", &key.pubkey().to_string()]);
    }
    let mut process = command
        .current_dir(folder)
        .env("HOME", folder)
        .env("TMPDIR", folder.join(TEMPORARY))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut told = String::new();
    let ready = said.map_while(Result::ok).any(|line| {
        told.push_str(&line);
        // what it says to programs is one object
        line.contains("ctrl-c stops") || line == "}"
    });
    assert!(ready, "the network did not start");
    if more.contains(&"json") {
        schema::require_fit(&["localnet"], &serde_json::from_str(&told).unwrap());
    }
    process
}

impl Network {
    /// Starts it with wallets of these names, each funded and kept in `<name>.json`.
    pub fn start(more: &[&str], wallets: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(TEMPORARY)).unwrap();
        let wallets: Vec<(String, Keypair)> = wallets
            .iter()
            .map(|name| {
                let key = Keypair::new();
                let path = folder.path().join(format!("{name}.json"));
                std::fs::write(path, format!("{:?}", key.to_bytes())).unwrap();
                (name.to_string(), key)
            })
            .collect();
        let ports = [(); 3].map(|()| free_port().unwrap().to_string());
        let process = start(folder.path(), &ports, more, &wallets);
        Self {
            folder,
            process,
            url: format!("http://127.0.0.1:{}", ports[0]),
            ports,
            wallets,
        }
    }

    /// The same, where results are paid unchecked: see [`UNCHECKED`].
    pub fn start_unchecked(more: &[&str], wallets: &[&str]) -> Self {
        let plan = plan(&UNCHECKED);
        let path = plan.path().to_str().unwrap();
        Self::start(&[more, &["--plan", path]].concat(), wallets)
    }

    /// Stops it, and starts it again in the same folder after something else was done there.
    pub fn restart(&mut self, more: &[&str], meanwhile: impl FnOnce(&Path)) {
        self.end();
        meanwhile(self.folder.path());
        self.process = start(self.folder.path(), &self.ports, more, &self.wallets);
    }

    /// SIGTERM, and it must end by itself without a complaint.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        end(&mut self.process);
    }

    /// Its gateway's URL.
    pub fn gateway(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[2])
    }

    /// Writes a file into the folder in which commands run.
    pub fn file(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// A small module, in the folder in which commands run: see [`COPY`].
    pub fn copy_module(&self) -> String {
        let module = wat::parse_str(COPY).unwrap();
        std::fs::write(self.folder.path().join("copy.wasm"), module).unwrap();
        "copy.wasm".into()
    }

    /// A wallet's key.
    pub fn key(&self, name: &str) -> &Keypair {
        let found = self.wallets.iter().find(|(wallet, _)| wallet == name);
        &found.unwrap().1
    }

    /// A wallet's address.
    pub fn address(&self, name: &str) -> String {
        self.key(name).pubkey().to_string()
    }

    pub fn client(&self) -> lode_client::Client {
        lode_client::Client::new(self.url.clone())
    }

    pub fn lode(&self, wallet: &str, args: &[&str]) -> Output {
        let file = format!("{wallet}.json");
        Command::new(binary())
            .args(["-u", &self.url, "-k", &file, "--output", "json"])
            .args(args)
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .env_remove("XDG_CONFIG_HOME")
            .stdin(Stdio::null())
            .env("TMPDIR", self.folder.path().join(TEMPORARY))
            .output()
            .unwrap()
    }

    /// Starts the binary with a wallet, for as long as what is returned lives.
    pub fn spawn(&self, wallet: &str, args: &[&str]) -> Process {
        let child = Command::new(binary())
            .args(["-u", &self.url, "-k", &format!("{wallet}.json")])
            .args(args)
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .stdout(Stdio::null())
            .spawn();
        Process(child.unwrap())
    }

    /// What a command prints as JSON, which must be what its schema says.
    pub fn ask(&self, wallet: &str, args: &[&str]) -> Value {
        let output = self.lode(wallet, args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {said}");
        let answer = serde_json::from_slice(&output.stdout).unwrap();
        schema::require_fit(args, &answer);
        answer
    }

    /// What a command tells people, on stdout, which must succeed.
    pub fn told(&self, wallet: &str, args: &[&str]) -> String {
        let output = Command::new(binary())
            .args(["-u", &self.url, "-k", &format!("{wallet}.json")])
            .args(args)
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .env_remove("XDG_CONFIG_HOME")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The one sentence of a command that must fail.
    pub fn refused(&self, wallet: &str, args: &[&str]) -> String {
        let output = self.lode(wallet, args);
        let said = String::from_utf8(output.stderr).unwrap();
        require_code(&output.status, &said);
        assert!(said.starts_with("error: "), "{said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{said}");
        said
    }
}

/// SIGTERM, and it must end by itself without a complaint.
fn end(process: &mut Child) {
    let pid = i32::try_from(process.id()).unwrap();
    // SAFETY: a signal to a process that this test started and has not waited for yet.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGTERM) }, 0);
    let deadline = Instant::now() + Duration::from_secs(60);
    let status = loop {
        if let Some(status) = process.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < deadline, "it does not stop");
        std::thread::sleep(Duration::from_millis(100));
    };
    assert_eq!(status.code(), Some(0));
}

/// A command that runs beside a test: killed when it is dropped, not asked to end.
pub struct Process(Child);

impl Process {
    /// SIGTERM, and it must end by itself without a complaint.
    pub fn stop(mut self) {
        end(&mut self.0);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The exit code of a refusal fits its sentence: 3 where nobody answers, else 1, or 4 where it is not time or nobody agreed.
pub fn require_code(status: &ExitStatus, said: &str) {
    let fits: &[i32] = match said {
        said if said.contains("does not answer") => &[3],
        said if said.contains("--yes") => &[4],
        _ => &[1, 4],
    };
    let code = status.code().unwrap_or_default();
    assert!(fits.contains(&code), "exit code {code}: {said}");
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Every file below a folder, which other processes may change meanwhile.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// The years in which the events of a test may lie whose chain says that it is this second: it may have begun in one and
/// gone on into the next, and this year is only about right in its first and last hours.
pub fn years(unix: i64) -> [String; 3] {
    let year = 1970 + unix / 31_556_952;
    [year - 1, year, year + 1].map(|year| year.to_string())
}

/// Base units of an amount.
pub fn units(value: &Value) -> u64 {
    value["base_units"].as_u64().unwrap()
}

/// A file of the example workloads.
pub fn workload(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/workloads");
    path.join(name).to_str().unwrap().to_string()
}
