//! Real programs in runtime 1 beside plain wasmtime: no fuel, no canonical NaN, WASI by `wasmtime-wasi`.

use crate::work::{cpu, run, Job};
use anyhow::{anyhow, ensure, Context, Result};
use std::path::Path;
use std::time::Duration;
use wasmtime::{Config, Engine, Linker, Module, OptLevel, Store};
use wasmtime_wasi::p1::{self, WasiP1Ctx};
use wasmtime_wasi::p2::pipe::{MemoryInputPipe, MemoryOutputPipe};
use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

/// A program with enough to do.
pub struct Program {
    pub name: &'static str,
    pub job: Job,
}

/// What both took.
pub struct Line {
    pub name: &'static str,
    pub ours: Duration,
    pub plain: Duration,
    pub compile: Duration,
    pub plain_compile: Duration,
    pub units: u64,
}

/// The programs: two of this repository's, and what a registry's package holds, as far as it is there.
pub fn programs(workloads: &Path, modules: &Path) -> Result<Vec<Program>> {
    let read = |path: &Path| std::fs::read(path).with_context(|| path.display().to_string());
    let job = |module: Vec<u8>, args: &[&str], stdin: &[u8]| Job {
        module,
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        stdin: stdin.to_vec(),
        memory_mib: 512,
        output_limit: 64 << 20,
        units: 3_000_000,
        ..Job::default()
    };
    let book = read(&workloads.join("word-stats/keepers-book.txt"))?;
    let mut statistics = job(read(&workloads.join("word-stats.wasm"))?, &["word-stats", "/in/book.txt"], b"");
    statistics.inputs.push(("book.txt".into(), book.repeat(400)));
    let picture = ["picture", "--width", "1600", "--height", "1200", "--iterations", "400"];
    let mut list = vec![
        Program { name: "picture (floats)", job: job(read(&workloads.join("picture.wasm"))?, &picture, b"") },
        Program { name: "word-stats", job: statistics },
    ];
    let script = "let a=[];for(let i=0;i<1500000;i++)a.push((i*7919)%100003);a.sort((x,y)=>x-y);let s=0;for(const x of a)s=(s*31+x)%1000007;console.log(s);let o={};for(let i=0;i<1500000;i++){const k='k'+(i%5000);o[k]=(o[k]||0)+i}console.log(Object.keys(o).length)";
    let floats = "let x=0.5,s=0;for(let i=0;i<20000000;i++){x=3.7*x*(1-x);s+=Math.sqrt(x)*1.0001}console.log(s.toFixed(9))";
    let strings = "let t='';for(let i=0;i<60000;i++){t+=String.fromCharCode(97+i*7%26);if(i%11==0)t+=' '}let n=0;for(let r=0;r<90;r++)for(const w of t.split(' '))n+=w.replace(/[aeiou]+/g,'-').length;console.log(n)";
    for (name, file, args) in [
        ("QuickJS: sorting, counting", "quickjs.wasm", ["qjs", "-e", script]),
        ("QuickJS: texts, patterns", "quickjs.wasm", ["qjs", "-e", strings]),
        ("QuickJS: floats", "quickjs.wasm", ["qjs", "-e", floats]),
    ] {
        let path = modules.join(file);
        if path.exists() {
            list.push(Program { name, job: job(read(&path)?, &args, b"") });
        }
    }
    Ok(list)
}

fn plain(job: &Job, folder: &Path) -> wasmtime::Result<(Duration, Duration, Vec<u8>)> {
    let before = cpu();
    let mut config = Config::new();
    config.cranelift_opt_level(OptLevel::Speed);
    let engine = Engine::new(&config)?;
    let module = Module::new(&engine, &job.module)?;
    let compile = cpu() - before;
    let _ = std::fs::remove_dir_all(folder);
    for part in ["in", "out", "tmp"] {
        std::fs::create_dir_all(folder.join(part))?;
    }
    for (path, bytes) in &job.inputs {
        std::fs::write(folder.join("in").join(path), bytes)?;
    }
    let before = cpu();
    let mut linker: Linker<WasiP1Ctx> = Linker::new(&engine);
    p1::add_to_linker_sync(&mut linker, |context| context)?;
    let stdout = MemoryOutputPipe::new(64 << 20);
    let context = WasiCtxBuilder::new()
        .args(&job.args)
        .stdin(MemoryInputPipe::new(job.stdin.clone()))
        .stdout(stdout.clone())
        .preopened_dir(folder, "/", FsPerms::ReadWrite)?
        .build_p1();
    let mut store = Store::new(&engine, context);
    let instance = linker.instantiate(&mut store, &module)?;
    let entry = instance.get_typed_func::<(), ()>(&mut store, "_start")?;
    if let Err(error) = entry.call(&mut store, ()) {
        let exit = error.downcast_ref::<wasmtime_wasi::I32Exit>().map(|exit| exit.0);
        if exit != Some(0) {
            return Err(error);
        }
    }
    let took = cpu() - before;
    std::fs::remove_dir_all(folder)?;
    Ok((took, compile, stdout.contents().to_vec()))
}

/// Runs a program twice in each, in turn, and keeps the quickest of each.
pub fn compare(program: &Program, folder: &Path) -> Result<Line> {
    let mut line = Line {
        name: program.name,
        ours: Duration::MAX,
        plain: Duration::MAX,
        compile: Duration::MAX,
        plain_compile: Duration::MAX,
        units: 0,
    };
    // Without fuel it is over before its first instruction: what is left then is the compiler's work, on all cores.
    let idle = Job {
        units: 0,
        ..program.job.clone()
    };
    for _ in 0..2 {
        line.compile = line.compile.min(run(&idle)?.cpu);
        let taken = run(&program.job)?;
        let receipt = &taken.finished.receipt;
        ensure!(receipt.end == lode_runtime::End::Exit(0), "{}: {}", program.name, receipt.end);
        line.ours = line.ours.min(taken.cpu);
        line.units = receipt.units;
        let (took, compile, stdout) = plain(&program.job, folder)
            .map_err(|error| anyhow!("{} in plain wasmtime: {error:#}", program.name))?;
        line.plain = line.plain.min(took);
        line.plain_compile = line.plain_compile.min(compile);
        let same = taken.finished.outputs.iter().any(|output| *output == stdout);
        ensure!(same, "{} prints something else in plain wasmtime: {:?}", program.name, String::from_utf8_lossy(&stdout[..stdout.len().min(200)]));
    }
    line.ours = line.ours.saturating_sub(line.compile);
    Ok(line)
}
