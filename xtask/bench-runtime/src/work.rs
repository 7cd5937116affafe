//! Runs a module and says what it took, in CPU time: other programs on this machine must not count.

use anyhow::{anyhow, bail, Result};
use lode_runtime::{sha256, Finished, JobSpec, Outcome, RunRequest};
use std::time::Duration;

/// A job to be measured.
#[derive(Default, Clone)]
pub struct Job {
    pub module: Vec<u8>,
    pub args: Vec<String>,
    pub stdin: Vec<u8>,
    pub inputs: Vec<(String, Vec<u8>)>,
    pub memory_mib: u64,
    pub output_limit: u64,
    /// Units beyond the base.
    pub units: u64,
}

impl Job {
    pub fn of_text(text: &str) -> Result<Job> {
        Ok(Job {
            module: wat::parse_str(text)?,
            memory_mib: 4,
            output_limit: 1 << 20,
            units: 1_000,
            ..Job::default()
        })
    }

    pub fn request(&self) -> Result<RunRequest> {
        let blob = |bytes: &[u8]| {
            serde_json::json!({ "sha256": hex::encode(sha256(bytes)), "size": bytes.len() })
        };
        let inputs: Vec<_> = self
            .inputs
            .iter()
            .map(|(path, bytes)| {
                let mut input = blob(bytes);
                input["path"] = serde_json::json!(path);
                input
            })
            .collect();
        let spec = serde_json::json!({
            "v": 1, "runtime": 1, "module": blob(&self.module), "args": self.args, "stdin": blob(&self.stdin),
            "inputs": inputs, "memory_mib": self.memory_mib, "output_limit": self.output_limit,
        });
        let spec = JobSpec::parse(&serde_json::to_vec(&spec)?)?;
        Ok(RunRequest {
            limit: spec.base_units() + self.units,
            spec,
            module: self.module.clone(),
            stdin: self.stdin.clone(),
            inputs: self.inputs.iter().map(|(_, bytes)| bytes.clone()).collect(),
        })
    }
}

/// CPU time that this process has used, all threads together.
pub fn cpu() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a live struct of the type that the call writes.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// What a job took.
pub struct Taken {
    pub finished: Finished,
    pub cpu: Duration,
}

/// Runs a job in this process.
pub fn run(job: &Job) -> Result<Taken> {
    let request = job.request()?;
    let before = cpu();
    match lode_runtime::run(&request).map_err(|error| anyhow!("{error}"))? {
        Outcome::Receipt(finished) => Ok(Taken {
            finished: *finished,
            cpu: cpu() - before,
        }),
        Outcome::Host(end) => bail!("the host ended it: {end}"),
    }
}
