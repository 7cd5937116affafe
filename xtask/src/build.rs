//! `cargo xtask build`: the programs, compiled to SBPF v3, and the `lode` command.

use crate::setup::{sbf_toolchain, wasm_compiler, SbfToolchain};
use crate::shell::{cargo, root, run, run_in, step};
use anyhow::{bail, Result};
use std::path::Path;
use std::process::Command;

/// Programs that are deployed.
pub const PROGRAMS: [&str; 4] = ["staking", "oracle", "jobs", "emissions"];

/// Compiles the programs and the command, and the example workloads where that is asked for.
pub fn everything(with_workloads: bool) -> Result<()> {
    if with_workloads {
        wasm_compiler()?;
    }
    programs()?;
    command()?;
    if with_workloads {
        workloads()?;
    }
    Ok(())
}

/// Compiles the programs to `target/deploy/lode_*.so`.
pub fn programs() -> Result<()> {
    let (deploy, target) = (root().join("target/deploy"), root().join("target/sbf"));
    programs_of(&root(), &deploy, &target)
}

/// Compiles the programs of another copy of the repository to `lode_*.so` in a folder.
pub fn programs_of(tree: &Path, deploy: &Path, target: &Path) -> Result<()> {
    let packages: Vec<String> = PROGRAMS.iter().map(|name| format!("lode-{name}")).collect();
    compile(&packages, tree, deploy, target)
}

/// Compiles the program that shows whether this toolchain can be trusted.
pub fn selftest() -> Result<()> {
    let (deploy, target) = (root().join("target/deploy"), root().join("target/sbf"));
    compile(&["lode-selftest".to_string()], &root(), &deploy, &target)
}

fn compile(packages: &[String], tree: &Path, deploy: &Path, target: &Path) -> Result<()> {
    let toolchain = sbf_toolchain()?;
    step(&format!("compiling {} for SBPF v3", packages.join(", ")));
    match toolchain {
        SbfToolchain::Registry(folder) => run_in(
            tree,
            Command::new("bash")
                .arg("xtask/sbf/build-sbf.sh")
                .args(packages)
                .env("SBF_TOOLCHAIN", folder)
                .env("SBF_OUT", deploy)
                .env("SBF_TARGET_DIR", target),
        ),
        SbfToolchain::Anza => {
            for package in packages {
                let folder = match package.strip_prefix("lode-") {
                    Some("selftest") => "xtask/sbf/selftest/program".to_string(),
                    Some(name) => format!("programs/{name}"),
                    None => bail!("{package} is no program"),
                };
                run_in(
                    tree,
                    Command::new("cargo")
                        .args(["build-sbf", "--arch", "v3", "--manifest-path"])
                        .arg(format!("{folder}/Cargo.toml"))
                        .arg("--sbf-out-dir")
                        .arg(deploy),
                )?;
            }
            Ok(())
        }
    }
}

/// Compiles the `lode` command to `debug/lode` in cargo's folder. With the whole workspace, so that the command, the tests
/// and the demonstration share what they compile.
pub fn command() -> Result<()> {
    step("compiling the `lode` command");
    run(&mut cargo(&["build", "--workspace"]))
}

/// Compiles the example workloads to WebAssembly modules, beside their sources.
fn workloads() -> Result<()> {
    step("compiling the example workloads for wasm32-wasip1");
    run(Command::new("bash").arg("examples/workloads/build.sh"))
}
