//! `cargo xtask test`: formatting, lints, descriptions and generated clients, every test, the demonstration; ends with
//! `N passed, N failed`.

use crate::postgres::Server;
use crate::shell::{cargo, root, run, step};
use crate::{bench, book, build, idl, refusals, setup};
use anyhow::{bail, ensure, Context, Result};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// All tests that want nothing of somebody else's but a Postgres database.
const WITHOUT_A_BUCKET: &str = "not (package(lode-store) & binary(s3))";

/// Runs everything.
pub fn everything() -> Result<()> {
    step("formatting");
    formatting()?;
    setup::nextest()?;
    build::programs()?;
    build::selftest()?;
    step("lints");
    run(cargo(&["clippy", "--workspace", "--all-targets"]).args(["--", "-D", "warnings"]))?;
    idl::check()?;
    book::make()?;
    step("tests, and beside them the demonstration");
    bench::forget()?;
    run(&mut nextest(&["--no-run"]))?;
    let story = Story::begin()?;
    let (passed, failed) = tests()?;
    // What costs are committed, and which errors are documented, are tests of their own; where tests failed, not all was
    // measured.
    let measured = match failed {
        0 => vec![bench::check(), refusals::check()],
        _ => Vec::new(),
    };
    let held = measured.iter().filter(|check| check.is_ok()).count();
    let passed = passed + u64::try_from(held)?;
    let failed = failed + u64::try_from(measured.len() - held)?;
    step("end to end: the demonstration");
    let story = story.end();
    let (passed, failed) = match &story {
        Ok(()) => (passed + 1, failed),
        Err(_) => (passed, failed + 1),
    };
    println!("{passed} passed, {failed} failed");
    story?;
    for check in measured {
        check?;
    }
    if failed > 0 {
        bail!("tests failed; `cargo nextest run -E 'test(NAME)'` runs one again");
    }
    Ok(())
}

/// The demonstration is the end-to-end story: the real command, real RPC, its own checks. It counts as one test. Most of its
/// time it waits for slots, so it runs beside the tests; what it says is shown when they are done.
struct Story {
    process: Child,
    said: PathBuf,
}

impl Story {
    fn begin() -> Result<Self> {
        let said = root().join("target/demo.log");
        let log = File::create(&said)?;
        let process = Command::new(std::env::current_exe()?)
            .args(["demo", "--built"])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("the demonstration could not be started")?;
        Ok(Self { process, said })
    }

    fn end(mut self) -> Result<()> {
        let status = self.process.wait()?;
        print!("{}", std::fs::read_to_string(&self.said)?);
        ensure!(status.success(), "the demonstration failed");
        Ok(())
    }
}

fn formatting() -> Result<()> {
    run(Command::new("cargo").args(["fmt", "--all", "--check"]))
        .context("run `cargo fmt --all` and commit what it changed")
}

fn nextest(more: &[&str]) -> Command {
    let mut command = cargo(&["nextest", "run", "--workspace"]);
    command.args(more);
    command
}

/// Runs the tests, passing their output on; how many passed and how many failed.
fn tests() -> Result<(u64, u64)> {
    let mut all = nextest(&["--no-fail-fast", "--test-threads", &at_once().to_string()]);
    // lives as long as the tests; left out only where there is none
    let (postgres, started) = match Server::start() {
        Ok(server) => (server, true),
        Err(error) => {
            println!("failed: Postgres is here and does not start: {error:#}");
            (None, false)
        }
    };
    if let Some(server) = &postgres {
        all.args(["--run-ignored", "all", "-E", WITHOUT_A_BUCKET])
            .env("LODE_TEST_POSTGRES", server.database());
    }
    let mut child = all
        .current_dir(root())
        .env("LODE_COSTS", bench::file())
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("`cargo nextest` could not be started")?;
    let mut summary = None;
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).lines() {
            let line = line?;
            eprintln!("{line}");
            if line.contains("Summary [") {
                summary = Some(line);
            }
        }
    }
    let status = child.wait()?;
    let summary = summary
        .context("`cargo nextest` ended without running the tests; its output above says why")?;
    let passed = count(&summary, "passed");
    // A test that timed out has failed for whoever counts.
    let failed = count(&summary, "failed") + count(&summary, "timed out");
    // The runner can fail without a test that did.
    let failed = if status.success() { 0 } else { failed.max(1) };
    Ok((passed, failed + u64::from(!started)))
}

/// How many tests run at once: those of whole networks, which take longest, wait for slots most of their time.
fn at_once() -> usize {
    5 * std::thread::available_parallelism().map_or(1, usize::from)
}

/// The number before a word in nextest's summary, for instance `Summary [1.2s] 10 tests run: 9 passed, 1 failed`.
fn count(summary: &str, what: &str) -> u64 {
    let words: Vec<&str> = summary
        .split(|c: char| c.is_whitespace() || c == ',' || c == '(')
        .filter(|word| !word.is_empty())
        .collect();
    let what: Vec<&str> = what.split(' ').collect();
    words
        .windows(what.len() + 1)
        .find(|window| window[1..] == what[..])
        .and_then(|window| window[0].parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn the_summary_of_the_test_runner_is_counted() {
        let line = "     Summary [   1.234s] 12 tests run: 9 passed (1 slow), 2 failed, 1 timed out, 3 skipped";
        assert_eq!(count(line, "passed"), 9);
        assert_eq!(count(line, "failed"), 2);
        assert_eq!(count(line, "timed out"), 1);
        assert_eq!(
            count("Summary [ 0.1s] 3 tests run: 3 passed, 0 skipped", "failed"),
            0
        );
    }
}
