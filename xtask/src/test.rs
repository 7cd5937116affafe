//! `cargo xtask test`: formatting, lints, descriptions and generated clients, every test, the demonstration; ends with
//! `N passed, N failed`.

use crate::postgres::Server;
use crate::shell::{cargo, root, run, step, succeeds};
use crate::{bench, book, build, idl, refusals, setup};
use anyhow::{bail, ensure, Context, Result};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// All tests but those that want a bucket, and all but those that want a Postgres database.
const WITHOUT_BUCKET: &str = "not (package(lode-store) & binary(s3))";
const WITHOUT_POSTGRES: &str = "not test(postgres)";

/// Runs everything.
pub fn everything() -> Result<()> {
    // What is asked of people first, before anything that takes long.
    setup::node()?;
    setup::components()?;
    step("formatting");
    formatting()?;
    setup::sbf_toolchain()?;
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
        bail!("tests failed; `{}` runs one again", again());
    }
    Ok(())
}

/// The demonstration is the end-to-end story: the real command, real RPC, its own checks. It counts as one test. Most of its
/// time it waits for slots, so it runs beside the tests; what it says is shown when they are done.
struct Story {
    process: Child,
    said: PathBuf,
    /// Held until the end: in a group of its own the demonstration hears no ctrl-c, and this tells it that nobody waits for
    /// it any more.
    _input: Option<ChildStdin>,
}

impl Story {
    fn begin() -> Result<Self> {
        let mut demo = Command::new(std::env::current_exe()?);
        demo.args(["demo", "--built", "--beside-tests"]);
        Self::of(&mut demo, root().join("target/demo.log"))
    }

    /// A process and all that it starts, as one group.
    fn of(command: &mut Command, said: PathBuf) -> Result<Self> {
        let log = File::create(&said)?;
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .context("the demonstration could not be started")?;
        // waiting for it would close what it holds itself
        let input = process.stdin.take();
        Ok(Self {
            process,
            said,
            _input: input,
        })
    }

    fn end(mut self) -> Result<()> {
        let status = self.process.wait()?;
        print!("{}", std::fs::read_to_string(&self.said)?);
        ensure!(status.success(), "the demonstration failed");
        Ok(())
    }

    /// Sends a signal to the group; whether somebody is left in it.
    fn signal(&self, signal: &str) -> bool {
        let group = format!("-{}", self.process.id());
        succeeds("kill", &[signal, "--", &group])
    }
}

impl Drop for Story {
    /// Where the tests end before it does: no network is left running.
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(Some(_))) {
            return;
        }
        let patience = Instant::now() + Duration::from_secs(20);
        self.signal("-TERM");
        // its end is taken notice of, or it would stay in the group
        while matches!(self.process.try_wait(), Ok(None)) || self.signal("-0") {
            if Instant::now() > patience {
                self.signal("-KILL");
                drop(self.process.wait());
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn formatting() -> Result<()> {
    run(Command::new("cargo").args(["fmt", "--all", "--check"]))
        .context("what is above is not formatted, or no Rust: run `cargo fmt --all` and commit what it changes")
}

/// What runs one test again, as it is typed.
fn again() -> String {
    let command = nextest(&["-E", "'test(NAME)'"]);
    let words = command.get_args().map(|word| word.to_string_lossy());
    words.fold("cargo".to_string(), |all, word| all + " " + &word)
}

fn nextest(more: &[&str]) -> Command {
    let mut command = cargo(&["nextest", "run", "--workspace"]);
    command.args(more);
    command
}

/// Runs the tests, passing their output on; how many passed and how many failed.
fn tests() -> Result<(u64, u64)> {
    let mut all = nextest(&["--no-fail-fast", "--test-threads", &at_once().to_string()]);
    let mut without = Vec::new();
    let mut started = true;
    // lives as long as the tests
    let mut postgres = None;
    if std::env::var_os("LODE_TEST_POSTGRES").is_none() {
        match Server::start() {
            Ok(server) => postgres = server,
            Err(error) => {
                println!("failed: Postgres is here and does not start: {error:#}");
                started = false;
            }
        }
        match &postgres {
            Some(server) => {
                all.env("LODE_TEST_POSTGRES", server.database());
            }
            // it has said why
            None => without.push(WITHOUT_POSTGRES),
        }
    }
    if std::env::var_os("LODE_TEST_S3").is_none() {
        println!("left out: tests with a bucket, because LODE_TEST_S3 names none");
        without.push(WITHOUT_BUCKET);
    }
    all.args(["--run-ignored", "all"]);
    if !without.is_empty() {
        all.args(["-E", &without.join(" & ")]);
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
    6 * std::thread::available_parallelism().map_or(1, usize::from)
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
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::shell::runs;

    #[test]
    fn a_demonstration_that_nobody_waits_for_ends_with_all_that_it_started() {
        let said = std::env::temp_dir().join(format!("lode-story-{}", std::process::id()));
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 600 & echo $!; wait"]);
        let story = Story::of(&mut command, said.clone()).unwrap();
        let patience = Instant::now() + Duration::from_secs(60);
        let started = loop {
            let text = std::fs::read_to_string(&said).unwrap();
            if let Some(id) = text.strip_suffix('\n') {
                break id.to_string();
            }
            assert!(Instant::now() < patience, "it says nothing");
            std::thread::sleep(Duration::from_millis(20));
        };
        let first = story.process.id().to_string();
        assert!(runs(&first) && runs(&started));
        drop(story);
        assert!(!runs(&first) && !runs(&started));
        std::fs::remove_file(&said).unwrap();
    }

    #[test]
    fn what_is_said_to_run_a_test_again_is_how_tests_are_run_here() {
        let typed = again();
        assert!(typed.starts_with("cargo nextest run"), "{typed}");
        assert!(typed.contains(" --workspace "), "{typed}");
        assert!(typed.ends_with(" -E 'test(NAME)'"), "{typed}");
        // an older compiler is refused without it
        let ignores = cargo(&[])
            .get_args()
            .any(|word| word == "--ignore-rust-version");
        assert_eq!(typed.contains(" --ignore-rust-version "), ignores);
    }

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
