//! Measures runtime 1 for `docs/runtime.md`: `bench-runtime WORKLOADS MODULES [GROUP]`, as `cargo xtask bench runtime`
//! calls it. Prints the tables in Markdown. Ends with exit code 2 if all was measured and a unit took longer somewhere than
//! markets expect.

mod limits;
mod meter;
mod speed;
mod work;

use anyhow::{Context, Result};
use lode_runtime::verify::MILLISECONDS_PER_UNIT;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> Result<ExitCode> {
    let mut slow = Vec::new();
    let mut args = std::env::args().skip(1);
    let workloads = PathBuf::from(args.next().context("the folder of the example workloads")?);
    let modules = PathBuf::from(args.next().context("the folder of modules from packages")?);
    let group = args.next().unwrap_or_default();
    let wants = |name: &str| group.is_empty() || group == name;
    if wants("speed") {
        println!("## Speed\n\n| program | runtime 1, ms | plain wasmtime, ms | ratio | compiling, ms | plain, ms | units | ms a unit |\n|---|---:|---:|---:|---:|---:|---:|---:|");
        let folder = std::env::temp_dir().join(format!("lode-bench-{}", std::process::id()));
        for program in speed::programs(&workloads, &modules)? {
            let line = speed::compare(&program, &folder)?;
            let ms = |time: std::time::Duration| time.as_secs_f64() * 1e3;
            println!(
                "| {} | {:.0} | {:.0} | {:.2} | {:.0} | {:.0} | {} | {:.2} |",
                line.name, ms(line.ours), ms(line.plain), ms(line.ours) / ms(line.plain), ms(line.compile), ms(line.plain_compile), line.units,
                ms(line.ours) / line.units as f64,
            );
        }
        println!();
    }
    if wants("limits") {
        let mut files: Vec<String> = Vec::new();
        for folder in [&workloads, &modules] {
            for entry in std::fs::read_dir(folder)? {
                let path = entry?.path();
                if path.extension().is_some_and(|kind| kind == "wasm") {
                    files.push(path.display().to_string());
                }
            }
        }
        files.sort();
        println!("## Real modules\n\n{}", limits::table(&files)?);
    }
    if wants("meter") {
        println!("## What a unit takes\n\n| group | what | ms a unit |\n|---|---|---:|");
        let only = args.next().unwrap_or_default();
        slow = meter::measure(&only, |group, line| {
            println!("| {group} | {} | {:.2} |", line.what, line.per_unit());
        })?;
        println!();
    }
    if slow.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("a unit takes more than {MILLISECONDS_PER_UNIT} ms, which markets' windows allow: {}", slow.join("; "));
    Ok(ExitCode::from(2))
}
