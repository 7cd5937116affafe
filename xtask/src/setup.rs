//! `cargo xtask setup`: everything that the other commands need, installed once.

use crate::shell::{on_path, root, run, says, step, succeeds};
use anyhow::{bail, ensure, Context, Result};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// How programs are compiled on this machine.
pub enum SbfToolchain {
    /// Anza's `cargo build-sbf`, found on PATH.
    Anza,
    /// The toolchain that `xtask/sbf/setup.sh` assembles from package registries, in this folder.
    Registry(PathBuf),
}

/// Debian's packages that `xtask/sbf/setup.sh` begins with.
const SBF_PACKAGES: [&str; 6] = [
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "debian-archive-keyring",
    "gcc",
    "libc6-dev",
];

/// Debian's packages that compile for WebAssembly.
const WASM_PACKAGES: [&str; 5] = [
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "lld-22",
    "wasi-libc",
];

/// What does instead of a toolchain of ours.
const ANZA: &str =
    "install Anza's tools so that `cargo build-sbf` is on PATH (https://docs.anza.xyz/cli/install)";

/// The test runner's version, or a later one that is there already.
const NEXTEST: &str = "0.9.143";

/// Node's oldest version that runs the TypeScript client.
const NODE: u32 = 20;

/// Installs all that is missing. What only Node's absence can stop comes last.
pub fn everything() -> Result<()> {
    components()?;
    sbf_toolchain()?;
    nextest()?;
    mdbook()?;
    typescript()?;
    println!("ready: `cargo xtask test` runs the tests, `cargo xtask build` compiles the programs and `lode`");
    Ok(())
}

/// Finds the SBF toolchain, or installs one.
pub fn sbf_toolchain() -> Result<SbfToolchain> {
    if on_path("cargo-build-sbf") {
        return Ok(SbfToolchain::Anza);
    }
    let folder = match std::env::var_os("SBF_TOOLCHAIN") {
        Some(folder) => PathBuf::from(folder),
        None => cache()?.join("sbf"),
    };
    let script = root().join("xtask/sbf/setup.sh");
    let text = std::fs::read_to_string(&script)
        .with_context(|| format!("{} cannot be read", script.display()))?;
    // The stamp is the script that made the folder: a changed script is run again, and mends only what changed.
    let stamp = folder.join("made-by");
    if std::fs::read_to_string(&stamp).is_ok_and(|made_by| made_by == text) {
        return Ok(SbfToolchain::Registry(folder));
    }
    let debian = Debian::look(&SBF_PACKAGES);
    let way = debian.way(&format!("there is no Solana toolchain here: {ANZA}"))?;
    step(&format!(
        "`cargo build-sbf` is not on PATH: assembling a Solana toolchain in {} from Debian's packages (rustc-web, \
         cargo-web, rust-web-src, LLVM 23) and the Cargo registry (sbpf-linker); 3 to 7 minutes, 240 MB, once",
        folder.display()
    ));
    debian
        .install(way)
        .and_then(|()| run(Command::new("bash").arg(&script).arg(&folder)))
        .with_context(|| {
            format!("no Solana toolchain could be assembled, what is above says why: mend that and try again, or {ANZA}")
        })?;
    std::fs::write(&stamp, text)
        .with_context(|| format!("{} cannot be written", stamp.display()))?;
    Ok(SbfToolchain::Registry(folder))
}

/// Makes sure that there is a compiler for the example workloads, as `examples/workloads/build.sh` looks for one.
pub fn wasm_compiler() -> Result<()> {
    let sysroot = says("rustc", &["--print", "sysroot"]).unwrap_or_default();
    let std = PathBuf::from(sysroot.trim()).join("lib/rustlib/wasm32-wasip1");
    if std.is_dir() {
        return Ok(());
    }
    let debian = Debian::look(&WASM_PACKAGES);
    let way = debian.way(
        "there is no compiler for wasm32-wasip1 here: run `rustup target add wasm32-wasip1`",
    )?;
    debian.install(way).context(
        "no compiler for wasm32-wasip1 could be installed, what is above says why: mend that and try again, or run \
         `rustup target add wasm32-wasip1`",
    )
}

/// What is known of this machine where packages of Debian 12 are wanted.
struct Debian {
    bookworm: bool,
    missing: Vec<&'static str>,
    root: bool,
    /// `sudo` asks for no password, now.
    sudo: bool,
}

/// How missing packages are installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// None is missing, so nobody need be root.
    Nothing,
    AsRoot,
    WithSudo,
}

impl Debian {
    fn look(wanted: &[&'static str]) -> Self {
        let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
        // It fails where it knows one of them not at all, and lists the others even so.
        let listed = Command::new("dpkg-query")
            .args(["--show", "--showformat", "${Package} ${Status}\\n"])
            .args(wanted)
            .stderr(Stdio::null())
            .output()
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let root = says("id", &["-u"]).is_some_and(|id| id.trim() == "0");
        Self {
            bookworm: is_bookworm(&release),
            missing: missing(wanted, &listed.unwrap_or_default()),
            root,
            sudo: !root && succeeds("sudo", &["-n", "true"]),
        }
    }

    /// How the packages get here; where they cannot, one sentence says what helps: `otherwise`, or this.
    fn way(&self, otherwise: &str) -> Result<Way> {
        if !self.bookworm {
            bail!("{otherwise}; or run this on Debian 12 (bookworm), where it is made of packages");
        }
        if self.missing.is_empty() {
            return Ok(Way::Nothing);
        }
        match (self.root, self.sudo) {
            (true, _) => Ok(Way::AsRoot),
            (false, true) => Ok(Way::WithSudo),
            (false, false) => bail!(
                "{otherwise}; or type `sudo -v` first, or have root type `apt-get install --no-install-recommends {}`: it can \
                 be made of packages, and only root installs those",
                self.missing.join(" ")
            ),
        }
    }

    fn install(&self, way: Way) -> Result<()> {
        if way == Way::Nothing {
            return Ok(());
        }
        step(&format!(
            "installing Debian's packages {}",
            self.missing.join(", ")
        ));
        let apt = |arguments: &[&str]| {
            let words: &[&str] = match way {
                Way::WithSudo => &["sudo", "-n", "env"],
                Way::AsRoot | Way::Nothing => &["env"],
            };
            let mut command = Command::new(words[0]);
            command
                .args(&words[1..])
                .args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"])
                .args(arguments)
                .stdout(Stdio::null());
            command
        };
        run(&mut apt(&["update"]))?;
        run(apt(&["install", "-y", "--no-install-recommends"]).args(&self.missing))
    }
}

/// Whether `/etc/os-release` is Debian 12's.
fn is_bookworm(release: &str) -> bool {
    let has = |field: &str, value: &str| {
        release
            .lines()
            .filter_map(|line| line.split_once('='))
            .any(|(name, is)| name == field && is.trim_matches(['"', '\'']) == value)
    };
    has("ID", "debian") && has("VERSION_CODENAME", "bookworm")
}

/// Those packages that `dpkg-query` does not list as installed.
fn missing(wanted: &[&'static str], listed: &str) -> Vec<&'static str> {
    let installed = |package: &&str| {
        listed.lines().any(|line| {
            let mut words = line.split_whitespace();
            words.next() == Some(*package) && words.last() == Some("installed")
        })
    };
    let all = wanted.iter().copied();
    all.filter(|package| !installed(package)).collect()
}

/// Makes sure that `cargo nextest` is there.
pub fn nextest() -> Result<()> {
    let is_there = || {
        let said = says("cargo", &["nextest", "--version"]);
        said.is_some_and(|said| is_at_least(&said, NEXTEST))
    };
    if is_there() {
        return Ok(());
    }
    step(&format!(
        "installing cargo-nextest {NEXTEST}, the test runner, from the Cargo registry (some minutes, once)"
    ));
    run(Command::new("cargo").args([
        "install",
        "--locked",
        "--version",
        NEXTEST,
        "cargo-nextest",
    ]))?;
    ensure!(
        is_there(),
        "cargo-nextest {NEXTEST} is installed, and cargo finds an older one first: remove that one from PATH"
    );
    Ok(())
}

/// Whether a program's `--version` names this version or a later one.
fn is_at_least(said: &str, wanted: &str) -> bool {
    let numbers = |version: &str| -> Option<Vec<u32>> {
        let released = version.split(['-', '+']).next()?;
        released.split('.').map(|part| part.parse().ok()).collect()
    };
    let found = said.split_whitespace().nth(1).and_then(numbers);
    found.is_some_and(|found| Some(found) >= numbers(wanted))
}

/// Makes sure that cargo can format and lint: not every toolchain comes with what does.
pub fn components() -> Result<()> {
    require_components(|command| succeeds("cargo", &[command, "--version"]))
}

fn require_components(works: impl Fn(&str) -> bool) -> Result<()> {
    for command in ["fmt", "clippy"] {
        ensure!(
            works(command),
            "`cargo {command}` does not work here: `rustup component add rustfmt clippy` installs what it takes"
        );
    }
    Ok(())
}

/// Makes sure that `mdbook` is there.
pub fn mdbook() -> Result<()> {
    if succeeds("mdbook", &["--version"]) {
        return Ok(());
    }
    step("installing mdbook, which makes a book of the guides, from the Cargo registry (some minutes, once)");
    run(Command::new("cargo").args([
        "install",
        "--locked",
        "--no-default-features",
        "--version",
        "0.5.4",
        "mdbook",
    ]))
}

/// Makes sure that Node and npm are there, which nothing here installs.
pub fn node() -> Result<()> {
    let version = says("node", &["--version"]);
    require_node(version.as_deref(), on_path("npm"))
}

fn require_node(version: Option<&str>, npm: bool) -> Result<()> {
    // `20` of `v20.20.2`
    let major = version
        .and_then(|said| said.trim().strip_prefix('v')?.split('.').next())
        .and_then(|major| major.parse::<u32>().ok());
    ensure!(
        npm && major.is_some_and(|major| major >= NODE),
        "the TypeScript client needs Node {NODE} or later and npm: install them (https://nodejs.org) so that `node` and `npm` \
         are on PATH"
    );
    Ok(())
}

/// Makes sure that the packages of the TypeScript client are there, as its lock file names them.
pub fn typescript() -> Result<()> {
    node()?;
    let folder = root().join("clients/typescript");
    let wanted = std::fs::read(folder.join("package-lock.json"))
        .context("clients/typescript/package-lock.json cannot be read")?;
    let stamp = folder.join("node_modules/.installed");
    if std::fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    step("installing the TypeScript client's packages from the npm registry");
    let status = Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
        .current_dir(&folder)
        .status()
        .context("`npm` could not be started")?;
    if !status.success() {
        bail!("`npm ci` failed in {}", folder.display());
    }
    std::fs::write(&stamp, wanted).with_context(|| format!("{} cannot be written", stamp.display()))
}

/// Where things are kept between checkouts.
pub fn cache() -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os("XDG_CACHE_HOME") {
        return Ok(PathBuf::from(folder).join("lode"));
    }
    let home = std::env::var_os("HOME")
        .context("HOME is not set: set it, or XDG_CACHE_HOME to a folder")?;
    Ok(PathBuf::from(home).join(".cache/lode"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HERE: Debian = Debian {
        bookworm: true,
        missing: Vec::new(),
        root: false,
        sudo: false,
    };

    fn lacking() -> Debian {
        Debian {
            missing: vec!["lld-22", "wasi-libc"],
            ..HERE
        }
    }

    fn refused(debian: &Debian) -> String {
        debian.way("Nothing here: do that").unwrap_err().to_string()
    }

    #[test]
    fn packages_that_are_there_ask_nobody_to_be_root() {
        assert_eq!(HERE.way("").unwrap(), Way::Nothing);
        let root = Debian { root: true, ..HERE };
        assert_eq!(root.way("").unwrap(), Way::Nothing);
    }

    #[test]
    fn packages_that_are_missing_are_installed_by_root_or_where_sudo_asks_nothing() {
        let (mut root, mut sudo) = (lacking(), lacking());
        (root.root, root.sudo) = (true, true);
        sudo.sudo = true;
        assert_eq!(root.way("").unwrap(), Way::AsRoot);
        assert_eq!(sudo.way("").unwrap(), Way::WithSudo);
    }

    #[test]
    fn whoever_may_not_install_packages_is_told_what_root_can_type_and_what_else_helps() {
        let said = refused(&lacking());
        assert!(said.starts_with("Nothing here: do that; or "), "{said}");
        let typed = "`apt-get install --no-install-recommends lld-22 wasi-libc`";
        assert!(said.contains(typed) && said.contains("`sudo -v`"), "{said}");
    }

    #[test]
    fn another_system_is_told_that_it_is_one_whatever_it_has() {
        for mut other in [HERE, lacking()] {
            (other.bookworm, other.root) = (false, true);
            let said = refused(&other);
            assert!(said.starts_with("Nothing here: do that; or "), "{said}");
            assert!(said.contains("Debian 12"), "{said}");
            assert!(!said.contains("apt-get"), "{said}");
        }
    }

    #[test]
    fn debian_12_is_known_by_its_release_and_not_by_apt() {
        let release =
            |id: &str, name: &str| format!("NAME=\"X\"\nVERSION_CODENAME={name}\nID={id}\n");
        assert!(is_bookworm(&release("debian", "bookworm")));
        assert!(is_bookworm(&release("\"debian\"", "'bookworm'")));
        for (id, name) in [
            ("ubuntu", "noble"),
            ("debian", "trixie"),
            ("mint", "bookworm"),
        ] {
            assert!(!is_bookworm(&release(id, name)), "{id} {name}");
        }
        assert!(!is_bookworm("ID_LIKE=debian\nVERSION_CODENAME=bookworm\n"));
        assert!(!is_bookworm(""));
    }

    #[test]
    fn a_package_is_there_only_when_it_is_installed() {
        let listed = "gcc install ok installed\nlld-22 deinstall ok config-files\nwasi-libc install ok unpacked\n";
        let wanted = ["gcc", "lld-22", "wasi-libc", "g"];
        assert_eq!(missing(&wanted, listed), ["lld-22", "wasi-libc", "g"]);
        assert_eq!(missing(&wanted, "").len(), 4);
    }

    #[test]
    fn a_later_test_runner_does_as_well_and_an_earlier_one_does_not() {
        let is = |version: &str| {
            let said =
                format!("cargo-nextest {version} (60fa45f63 2026-08-04)\nrelease: {version}\n");
            is_at_least(&said, "0.9.143")
        };
        assert!(is("0.9.143") && is("0.9.144-rc.1") && is("0.10.0") && is("1.0.0"));
        assert!(!is("0.9.99") && !is("0.8.200") && !is("nightly"));
        assert!(!is_at_least("", "0.9.143"));
        assert!(is_at_least(&format!("cargo-nextest {NEXTEST}"), NEXTEST));
    }

    #[test]
    fn node_is_asked_for_by_one_sentence_whatever_of_it_is_missing() {
        assert!(require_node(Some("v20.20.2\n"), true).is_ok());
        assert!(require_node(Some("v100.0.0\n"), true).is_ok());
        for (version, npm) in [
            (None, true),
            (Some("v20.20.2"), false),
            (Some("v18.19.0"), true),
            (Some("node"), true),
        ] {
            let said = require_node(version, npm).unwrap_err().to_string();
            assert!(said.contains("Node 20 or later and npm"), "{said}");
        }
    }

    #[test]
    fn a_toolchain_that_cannot_format_or_lint_is_told_what_it_lacks() {
        assert!(require_components(|_| true).is_ok());
        for lacks in ["fmt", "clippy"] {
            let said = require_components(|command| command != lacks).unwrap_err();
            let said = said.to_string();
            assert!(said.contains(&format!("`cargo {lacks}`")), "{said}");
            assert!(
                said.contains("`rustup component add rustfmt clippy`"),
                "{said}"
            );
        }
    }
}
