//! A job spec and its blobs, from files on this machine.
use anyhow::{anyhow, bail, Context as _, Result};
use lode_runtime::{Blob, JobSpec, RUNTIME};
use lode_store::BlobHash;
use serde_json::{json, Map, Value};
use std::path::{Path, PathBuf};

/// How every WebAssembly module begins.
const WASM_MAGIC: &[u8] = b"\0asm";

/// What a program finds around it.
#[derive(clap::Args, Clone, Debug)]
pub struct Surroundings {
    /// A variable of the program's environment. Once for each
    #[arg(long = "env", value_name = "NAME=VALUE")]
    pub env: Vec<String>,
    /// Most memory of a job
    #[arg(long, default_value_t = 64, value_name = "MIB")]
    pub memory_mib: u64,
    /// Most output of a job: stdout, stderr and files together
    #[arg(long, default_value_t = 4, value_name = "MIB")]
    pub output_mib: u64,
    /// The time that the program is told, unix seconds
    #[arg(long, value_name = "SECONDS")]
    pub clock: Option<u64>,
    /// Makes equal jobs differ in their random numbers
    #[arg(long)]
    pub seed: Option<u64>,
}

impl Surroundings {
    /// Most bytes of output.
    pub fn output_limit(&self) -> u64 {
        self.output_mib.saturating_mul(1 << 20)
    }
}

/// What a job is made of.
#[derive(clap::Args, Clone, Debug)]
pub struct SpecArgs {
    /// A WebAssembly module, or a job spec (JSON)
    #[arg(value_name = "MODULE OR SPEC")]
    source: PathBuf,
    /// A file for /in; `NAME=FILE` to call it NAME there. Once for each
    #[arg(long = "input", short = 'i', value_name = "[NAME=]FILE")]
    inputs: Vec<String>,
    /// What the program reads on stdin
    #[arg(long, value_name = "FILE")]
    stdin: Option<PathBuf>,
    #[command(flatten)]
    around: Surroundings,
    /// A file that a given spec names by its hash. Once for each
    #[arg(long = "blob", value_name = "FILE")]
    blobs: Vec<PathBuf>,
    /// Arguments of the program
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<String>,
}

/// A spec as it is stored, and where its blobs lie.
pub struct Prepared {
    /// The stored bytes.
    pub stored: Vec<u8>,
    /// The same, read.
    pub spec: JobSpec,
    /// Each blob that the spec names, and a file that has it.
    pub files: Vec<(Blob, PathBuf)>,
}

impl Prepared {
    /// The file that has a blob which the spec names.
    pub fn path(&self, sha256: &[u8; 32]) -> Result<&Path> {
        let found = self.files.iter().find(|(blob, _)| blob.sha256 == *sha256);
        let (_, path) =
            found.ok_or_else(|| anyhow!("The blob {} is missing", hex::encode(sha256)))?;
        Ok(path)
    }
}

impl SpecArgs {
    /// Reads everything, hashes it, and checks that nothing is missing.
    pub fn prepare(&self) -> Result<Prepared> {
        let head = read(&self.source, "module")?;
        if head.starts_with(WASM_MAGIC) {
            return self.spec_of_module();
        }
        if head.trim_ascii_start().starts_with(b"{") {
            return self.given_spec(head);
        }
        bail!(
            "{} is neither a WebAssembly module nor a job spec: compile the program with `--target wasm32-wasip1`",
            self.source.display()
        )
    }

    fn given_spec(&self, stored: Vec<u8>) -> Result<Prepared> {
        let of_modules = [
            ("--input", self.inputs.is_empty()),
            ("--stdin", self.stdin.is_none()),
            ("--env", self.around.env.is_empty()),
            ("--clock", self.around.clock.is_none()),
            ("--seed", self.around.seed.is_none()),
            ("arguments after `--`", self.args.is_empty()),
        ];
        if let Some((name, _)) = of_modules.iter().find(|(_, absent)| !absent) {
            bail!("A job spec says everything itself, so {name} cannot be added: change the spec, or give the module in its place");
        }
        let spec = JobSpec::parse(&stored)
            .with_context(|| format!("{} is no job spec that can be run", self.source.display()))?;
        let mut offered = Vec::new();
        for path in &self.blobs {
            offered.push((blob(path)?, path.clone()));
        }
        let mut files = Vec::new();
        for wanted in spec.blobs() {
            let Some(found) = offered.iter().find(|(blob, _)| *blob == wanted) else {
                bail!(
                    "The spec names the blob {} of {} bytes, and none of the given files is that: give it with --blob FILE",
                    hex::encode(wanted.sha256),
                    wanted.size
                );
            };
            files.push(found.clone());
        }
        Ok(Prepared {
            stored,
            spec,
            files,
        })
    }

    fn spec_of_module(&self) -> Result<Prepared> {
        if !self.blobs.is_empty() {
            bail!("--blob belongs to a job spec: give a module's files with --input");
        }
        let mut offered = vec![(blob(&self.source)?, self.source.clone())];
        let module = offered[0].0;
        let mut fields = Map::new();
        fields.insert("v".into(), json!(1));
        fields.insert("runtime".into(), json!(RUNTIME));
        fields.insert("module".into(), named(module));
        let name = self.source.file_stem().unwrap_or_default();
        let args: Vec<String> = std::iter::once(name.to_string_lossy().into_owned())
            .chain(self.args.iter().cloned())
            .collect();
        fields.insert("args".into(), json!(args));
        if !self.around.env.is_empty() {
            fields.insert("env".into(), json!(self.around.env));
        }
        if let Some(path) = &self.stdin {
            let stdin = blob(path)?;
            fields.insert("stdin".into(), named(stdin));
            offered.push((stdin, path.clone()));
        }
        let mut inputs = Vec::new();
        for input in &self.inputs {
            let (name, path) = input_of(input)?;
            let file = blob(&path)?;
            let mut entry = named(file);
            entry["path"] = json!(name);
            inputs.push(entry);
            offered.push((file, path));
        }
        if !inputs.is_empty() {
            fields.insert("inputs".into(), json!(inputs));
        }
        fields.insert("memory_mib".into(), json!(self.around.memory_mib));
        fields.insert("output_limit".into(), json!(self.around.output_limit()));
        if let Some(clock) = self.around.clock {
            fields.insert("clock".into(), json!(clock));
        }
        if let Some(seed) = self.around.seed {
            fields.insert("seed".into(), json!(seed));
        }
        let stored = serde_json::to_vec(&Value::Object(fields))?;
        let spec = JobSpec::parse(&stored).context("These arguments make no job")?;
        let files = spec
            .blobs()
            .iter()
            .filter_map(|wanted| offered.iter().find(|(blob, _)| blob == wanted).cloned())
            .collect();
        Ok(Prepared {
            stored,
            spec,
            files,
        })
    }
}

/// `NAME=FILE` or `FILE`, which is called as it is.
fn input_of(text: &str) -> Result<(String, PathBuf)> {
    if let Some((name, path)) = text.split_once('=') {
        return Ok((name.into(), path.into()));
    }
    let path = PathBuf::from(text);
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.with_context(|| {
        format!("The input `{text}` has no name for /in: write it as NAME=FILE")
    })?;
    Ok((name.into(), path.clone()))
}

fn named(blob: Blob) -> Value {
    json!({ "sha256": hex::encode(blob.sha256), "size": blob.size })
}

fn blob(path: &Path) -> Result<Blob> {
    readable(path, "file")?;
    let (hash, size) = BlobHash::of_file(path)?;
    Ok(Blob {
        sha256: hash.0,
        size,
    })
}

fn read(path: &Path, what: &str) -> Result<Vec<u8>> {
    readable(path, what)?;
    std::fs::read(path).with_context(|| format!("The {what} {} cannot be read", path.display()))
}

fn readable(path: &Path, what: &str) -> Result<()> {
    if path.is_dir() {
        bail!("{} is a folder: give a {what}", path.display());
    }
    if !path.exists() {
        bail!("There is no {what} {}: check the path", path.display());
    }
    Ok(())
}
