//! `cargo xtask bench`: measures what tests print of compute units, with accounts and binaries, into `docs/costs.md`.

use crate::build::{self, PROGRAMS};
use crate::setup::{sbf_toolchain, SbfToolchain};
use crate::shell::{cargo, root, step};
use anyhow::{ensure, Context, Result};
use std::fmt::Write;
use std::process::Stdio;

/// Rent of an account: bytes it holds and 128 more, each at this many lamports (mainnet, November 2026).
const LAMPORTS_PER_BYTE: usize = 5_080;

/// Measures and writes.
pub fn everything() -> Result<()> {
    build::programs()?;
    step("measuring");
    let output = cargo(&["nextest", "run", "--workspace", "--no-capture"])
        .args([
            "-E",
            "test(/^story::/) + test(/^stake::an_owner_stakes/) + test(/^transactions::/)",
        ])
        .current_dir(root())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("`cargo nextest` could not be started")?;
    ensure!(
        output.status.success(),
        "the tests that measure fail: `cargo xtask test` says why"
    );
    let printed = String::from_utf8_lossy(&output.stdout);
    let measured: Vec<(&str, &str)> = printed
        .lines()
        .filter_map(|line| {
            let (what, units) = line
                .trim()
                .strip_suffix(" compute units")?
                .rsplit_once(' ')?;
            Some((what.trim().trim_end_matches(':'), units))
        })
        .collect();
    let accounts: Vec<(&str, usize)> = printed
        .lines()
        .filter_map(|line| {
            let (name, bytes) = line
                .trim()
                .strip_prefix("account ")?
                .strip_suffix(" bytes")?
                .rsplit_once(' ')?;
            Some((name.trim(), bytes.parse().ok()?))
        })
        .collect();
    ensure!(
        measured.len() >= 8 && accounts.len() >= 7,
        "only {} figures and {} accounts were printed",
        measured.len(),
        accounts.len()
    );

    let mut text = String::from(
        "# What things cost\n\nMade by `cargo xtask bench`; do not edit. Compute units are those of LiteSVM, for addresses whose first bump is valid, as the \
         client chooses a job's nonce; every further try of a bump costs about 1 500 more.\n\n| instruction | compute units |\n|---|---:|\n",
    );
    for (what, units) in measured {
        writeln!(text, "| {what} | {units} |")?;
    }
    text.push_str("\n| account | bytes | rent, lamports |\n|---|---:|---:|\n");
    for (name, bytes) in accounts {
        writeln!(
            text,
            "| {name} | {bytes} | {} |",
            (bytes + 128) * LAMPORTS_PER_BYTE
        )?;
    }
    text.push_str("\n| program | bytes |\n|---|---:|\n");
    for name in PROGRAMS {
        let file = root().join(format!("target/deploy/lode_{name}.so"));
        writeln!(text, "| {name} | {} |", std::fs::metadata(&file)?.len())?;
    }
    let toolchain = match sbf_toolchain()? {
        SbfToolchain::Anza => "`cargo build-sbf`",
        SbfToolchain::Registry(_) => {
            "the toolchain of `xtask/sbf/setup.sh` (Debian's rustc, LLVM 23, `sbpf-linker`)"
        }
    };
    writeln!(
        text,
        "\nPrograms compiled with {toolchain}; other compilers differ by a few per cent."
    )?;
    let file = root().join("docs/costs.md");
    std::fs::write(&file, text).with_context(|| format!("{} cannot be written", file.display()))?;
    println!("{} is written", file.display());
    Ok(())
}
