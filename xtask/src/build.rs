//! `cargo xtask build`: the programs, compiled to SBPF v3.

use crate::setup::{sbf_toolchain, SbfToolchain};
use crate::shell::{root, run, step};
use anyhow::{bail, Result};
use std::process::Command;

/// Programs that are deployed.
pub const PROGRAMS: [&str; 4] = ["staking", "oracle", "jobs", "emissions"];

/// Compiles the programs to `target/deploy/lode_*.so`.
pub fn programs() -> Result<()> {
    let packages: Vec<String> = PROGRAMS.iter().map(|name| format!("lode-{name}")).collect();
    compile(&packages)
}

/// Compiles the program that shows whether this toolchain can be trusted.
pub fn selftest() -> Result<()> {
    compile(&["lode-selftest".to_string()])
}

fn compile(packages: &[String]) -> Result<()> {
    let toolchain = sbf_toolchain()?;
    step(&format!("compiling {} for SBPF v3", packages.join(", ")));
    match toolchain {
        SbfToolchain::Registry(folder) => run(Command::new("bash")
            .arg("xtask/sbf/build-sbf.sh")
            .args(packages)
            .env("SBF_TOOLCHAIN", folder)
            .env("SBF_OUT", root().join("target/deploy"))
            .env("SBF_TARGET_DIR", root().join("target/sbf"))),
        SbfToolchain::Anza => {
            for package in packages {
                let folder = match package.strip_prefix("lode-") {
                    Some("selftest") => "xtask/sbf/selftest/program".to_string(),
                    Some(name) => format!("programs/{name}"),
                    None => bail!("{package} is no program"),
                };
                run(Command::new("cargo")
                    .args(["build-sbf", "--arch", "v3", "--manifest-path"])
                    .arg(format!("{folder}/Cargo.toml"))
                    .args(["--sbf-out-dir", "target/deploy"]))?;
            }
            Ok(())
        }
    }
}

/// Compiles the example workloads to WebAssembly modules, beside their sources.
pub fn workloads() -> Result<()> {
    step("compiling the example workloads for wasm32-wasip1");
    run(Command::new("bash").arg("examples/workloads/build.sh"))
}
