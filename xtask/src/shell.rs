//! Running other programs, with errors that name them.

use anyhow::{bail, Context, Result};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default()
}

/// Where cargo puts what it compiles.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Forgets what `cargo run` says of this package. Crates watch it (`ring` does), and would be compiled anew, with all that
/// depend on them, whenever somebody takes turns between `cargo xtask` and `cargo`.
pub fn forget_cargo() {
    for (name, _) in std::env::vars_os() {
        let told = name.to_string_lossy();
        if told.starts_with("CARGO_PKG_") || told.starts_with("CARGO_MANIFEST_") {
            std::env::remove_var(&name);
        }
    }
}

/// Says what happens next.
pub fn step(what: &str) {
    println!("==> {what}");
}

/// Whether a program is on PATH.
pub fn on_path(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    })
}

/// Whether a command runs and ends well; its output is not shown.
pub fn succeeds(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// What a command prints, where it runs and ends well.
pub fn says(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then_some(text)
}

/// Runs a command in the repository's root; its failure is an error that names it.
pub fn run(command: &mut Command) -> Result<()> {
    run_in(&root(), command)
}

/// The same in another folder.
pub fn run_in(folder: &Path, command: &mut Command) -> Result<()> {
    command.current_dir(folder).stdin(Stdio::null());
    let name = format!("{command:?}").replace('"', "");
    let status = command
        .status()
        .with_context(|| format!("`{name}` could not be started"))?;
    if !status.success() {
        bail!("`{name}` failed ({status})");
    }
    Ok(())
}

/// The cargo that runs this task, with what Agave's declared compiler makes necessary: its crates declare a newer
/// Rust than they need, and an older compiler refuses them unless told.
pub fn cargo(subcommand: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(subcommand);
    if rustc_minor().is_some_and(|minor| minor < 98) {
        command.arg("--ignore-rust-version");
    }
    command
}

/// `95` of `rustc 1.95.0`.
fn rustc_minor() -> Option<u32> {
    says("rustc", &["--version"])?
        .split_whitespace()
        .nth(1)?
        .split('.')
        .nth(1)?
        .parse()
        .ok()
}

/// Whether a process runs: what has ended and was not waited for does not.
#[cfg(test)]
pub fn runs(id: &str) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let after = state.rsplit_once(") ").map_or("", |(_, after)| after);
    !after.is_empty() && !after.starts_with(['Z', 'X'])
}
