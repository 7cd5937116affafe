//! `cargo xtask mutants`: whether some test fails wherever a check of a program, or of a crate that it is made of, is
//! taken out.
//!
//! The programs are compiled once, with a switch at every check, comparison, sum and step (`xtask/mutants`). A mutant is
//! then two bytes in the binary, so each takes only the time of the tests that reach it. What a mutant's tests are, a run
//! in which every place tells that it was reached says.

use crate::build::{self, PROGRAMS};
use crate::shell::{cargo, root, step};
use anyhow::{bail, ensure, Context, Result};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

/// Tests that are run, the quickest first.
const BINARIES: [&str; 6] = [
    "staking",
    "oracle",
    "emissions",
    "jobs",
    "adversary",
    "model",
];
/// Crates with tests of their own that programs and clients share.
const CRATES: [&str; 4] = [
    "lode-math",
    "lode-attestation",
    "lode-token",
    "lode-authority",
];
/// What stands before the number in a binary, as `xtask/mutants` writes it.
const MARK: &[u8] = b"<lode's mutants>";
/// The number that makes every place tell that it was reached.
const TELL: u16 = u16::MAX;
/// How many tests are run at once: few at first, as most mutants fail in those that are nearest to them.
const BATCHES: [usize; 3] = [4, 16, usize::MAX];
/// Kinds of mutants that take a check out: they come first.
const CHECKS: [&str; 7] = [
    "signer",
    "address",
    "seeds",
    "owner",
    "type",
    "constraint",
    "require",
];
/// Whoever takes longer hangs, which a test would show.
const LONGEST: Duration = Duration::from_secs(180);

/// One mutant.
struct Mutant {
    number: u16,
    file: String,
    line: u64,
    function: String,
    kind: String,
    text: String,
}

/// A test: its binary and its name.
type Test = (String, String);

/// Which mutants are run.
pub struct Asked {
    /// Stop after so many minutes.
    pub minutes: Option<u64>,
    /// Also those that survived before.
    pub again: bool,
    /// Only those whose file, line and kind contain this.
    pub only: Option<String>,
}

/// Runs the programs' mutants against the tests on the SVM.
pub fn programs(asked: &Asked) -> Result<()> {
    let mut work = Work {
        folder: root().join("target/mutants"),
        switches: vec![],
    };
    work.prepare("programs", |tree| {
        build::programs_of(tree, &work.deploy(), &work.folder.join("sbf"))
    })?;
    work.find_switches()?;
    // Of the whole workspace, as `cargo xtask test` compiles them: with other features of what they depend on, all of it
    // would be compiled anew.
    let which = BINARIES.iter().flat_map(|name| ["--test", *name]);
    let mut command = cargo(&["test", "--workspace"]);
    command.args(which).current_dir(root());
    let mut binaries = test_binaries(command, "tests/Cargo.toml")?;
    binaries.retain(|name, _| BINARIES.contains(&name.as_str()));
    // Kept aside, so that who works on meanwhile changes nothing here.
    let kept = work.folder.join("tests");
    fs::create_dir_all(&kept)?;
    for (name, binary) in &mut binaries {
        let copy = kept.join(name);
        fs::copy(&binary, &copy)?;
        *binary = copy;
    }
    let reached = work.reached(&binaries)?;
    work.run(asked, |mutant| work.kill(mutant, &binaries, &reached))
}

/// Runs the mutants of the crates that programs and clients share, against these crates' own tests.
pub fn crates(asked: &Asked) -> Result<()> {
    let work = Work {
        folder: root().join("target/mutants/crates"),
        switches: vec![],
    };
    work.prepare("crates", |_| Ok(()))?;
    let tree = work.folder.join("tree");
    // What passes runs to its end: twenty thousand cases of long arithmetic.
    let fast = CRATES.map(|name| format!("profile.dev.package.{name}.opt-level=2"));
    let mut command = cargo(&["test", "--lib"]);
    command
        .args(CRATES.iter().flat_map(|name| ["--package", *name]))
        .args(
            fast.iter()
                .flat_map(|setting| ["--config", setting.as_str()]),
        )
        .arg("--target-dir")
        .arg(root().join("target"))
        .current_dir(&tree);
    let binaries = test_binaries(command, "Cargo.toml")?;
    for binary in binaries.values() {
        ensure!(
            failing(crate_tests(binary, 0))?.is_none(),
            "{} fails without a mutant",
            binary.display()
        );
    }
    work.run(asked, |mutant| {
        let name = mutant.file.split('/').nth(1).unwrap_or_default();
        let binary = binaries.get(&format!("lode_{name}"));
        let binary = binary.with_context(|| format!("{name} has no tests"))?;
        let killer = failing(crate_tests(binary, mutant.number))?;
        Ok(killer.unwrap_or("-".to_string()))
    })
}

/// A crate's own tests with this mutant on.
fn crate_tests(binary: &Path, number: u16) -> Command {
    let mut command = Command::new(binary);
    command
        .args(["--test-threads", "2"])
        .env("LODE_MUTANT", number.to_string())
        // The first counterexample is enough, and none is written down.
        .env("PROPTEST_MAX_SHRINK_ITERS", "0")
        .env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "true")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

struct Work {
    folder: PathBuf,
    /// The binaries, and where in each the switch is.
    switches: Vec<(String, usize)>,
}

impl Work {
    fn deploy(&self) -> PathBuf {
        self.folder.join("deploy")
    }

    /// Runs mutants, those first that take a check out, and says what became of all.
    fn run(&self, asked: &Asked, kill: impl Fn(&Mutant) -> Result<String>) -> Result<()> {
        let minutes = asked.minutes;
        let end = minutes.map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
        let mutants = self.mutants()?;
        let mut results = self.results()?;
        let mut known = results.clone();
        if asked.again {
            known.retain(|_, (killer, _)| killer != "-");
        }
        step("running mutants");
        for mutant in &mutants {
            let name = format!("{}:{} {}", mutant.file, mutant.line, mutant.kind);
            let is_asked = asked.only.as_ref().is_none_or(|only| name.contains(only));
            if known.contains_key(&mutant.number) || !is_asked {
                continue;
            }
            let begun = Instant::now();
            if end.is_some_and(|end| begun >= end) {
                break;
            }
            let killer = kill(mutant)?;
            let seconds = begun.elapsed().as_secs_f32();
            self.write_result(mutant.number, &killer, seconds)?;
            results.insert(mutant.number, (killer, seconds));
        }
        report(&mutants, &results);
        Ok(())
    }

    /// Makes a copy with switches and compiles it, unless it is as it was.
    fn prepare(&self, what: &str, compile: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        let tree = self.folder.join("tree");
        let stamp = stamp()?;
        let file = self.folder.join("stamp");
        if fs::read_to_string(&file).is_ok_and(|before| before == stamp) {
            return Ok(());
        }
        step("putting a switch at every check");
        let _ = fs::remove_dir_all(&tree);
        for name in tracked()? {
            let to = tree.join(&name);
            fs::create_dir_all(to.parent().context("a file without folder")?)?;
            fs::copy(root().join(&name), to).with_context(|| name.clone())?;
        }
        let manifest = root().join("xtask/mutants/Cargo.toml");
        let output = cargo(&["run", "--quiet", "--locked"])
            .arg("--manifest-path")
            .arg(manifest)
            .arg("--target-dir")
            .arg(root().join("target/mutants/target"))
            .args(["--", what])
            .arg(&tree)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .context("the rewriter could not be started")?;
        ensure!(
            output.status.success(),
            "the sources could not be rewritten"
        );
        // Where only tests changed, what was found still holds.
        let list = self.folder.join("list");
        if fs::read(&list).is_ok_and(|before| before != output.stdout) {
            let _ = fs::remove_file(self.folder.join("results"));
            let _ = fs::remove_file(self.folder.join("reached"));
        }
        fs::write(list, output.stdout)?;
        compile(&tree)?;
        fs::write(file, stamp)?;
        Ok(())
    }

    fn find_switches(&mut self) -> Result<()> {
        for program in PROGRAMS {
            let name = format!("lode_{program}.so");
            let bytes = fs::read(self.deploy().join(&name))?;
            let mark = bytes.windows(MARK.len()).position(|bytes| bytes == MARK);
            let mark = mark.with_context(|| format!("{name} has no switch"))?;
            self.switches.push((name, mark + MARK.len()));
        }
        Ok(())
    }

    fn mutants(&self) -> Result<Vec<Mutant>> {
        let text = fs::read_to_string(self.folder.join("list"))?;
        let mut mutants: Vec<Mutant> = text.lines().map(mutant).collect::<Result<_>>()?;
        mutants.sort_by_key(|mutant| !CHECKS.iter().any(|check| mutant.kind.starts_with(check)));
        Ok(mutants)
    }

    /// The programs with this mutant on, in a folder of their own.
    fn switch(&self, number: u16) -> Result<PathBuf> {
        let folder = self.folder.join("on");
        fs::create_dir_all(&folder)?;
        for (name, at) in &self.switches {
            let mut bytes = fs::read(self.deploy().join(name))?;
            let switch = bytes
                .get_mut(*at..at + 2)
                .context("a program has changed")?;
            switch.copy_from_slice(&number.to_le_bytes());
            fs::write(folder.join(name), bytes)?;
        }
        Ok(folder)
    }

    /// The tests that reach each mutant, among those that pass without one. What fails without one measures what the
    /// programs cost, and says nothing here.
    fn reached(&self, binaries: &BTreeMap<String, PathBuf>) -> Result<BTreeMap<u16, Vec<Test>>> {
        let file = self.folder.join("reached");
        let mut known = fs::read_to_string(&file).unwrap_or_default();
        for (name, binary) in binaries {
            let header = format!("= {name} {}\n", hex(Sha256::digest(fs::read(binary)?)));
            if known.contains(&header) {
                continue;
            }
            step(&format!("which mutants the tests of {name} reach"));
            known = without(&known, name) + &header + &self.reach(name, binary)?;
            fs::write(&file, &known)?;
        }
        let mut breadth: BTreeMap<Test, usize> = BTreeMap::new();
        let mut found: BTreeMap<u16, Vec<Test>> = BTreeMap::new();
        let mut binary = String::new();
        for line in known.lines() {
            if let Some(header) = line.strip_prefix("= ") {
                binary = header.split(' ').next().unwrap_or_default().to_string();
                continue;
            }
            let (test, number) = line.rsplit_once(' ').context("a line of another form")?;
            let test = (binary.clone(), test.to_string());
            *breadth.entry(test.clone()).or_default() += 1;
            found.entry(number.parse()?).or_default().push(test);
        }
        for tests in found.values_mut() {
            tests.sort_by_key(|test| (rank(&test.0), breadth[test]));
        }
        Ok(found)
    }

    fn reach(&self, name: &str, binary: &Path) -> Result<String> {
        let output = tests(binary, &self.switch(0)?, &[]).output()?;
        let passing: BTreeSet<String> = outcomes(&output.stdout, "ok").collect();
        let failing: Vec<String> = outcomes(&output.stdout, "FAILED").collect();
        println!("{} pass; left out: {}", passing.len(), failing.join(", "));
        let file = self.folder.join("reached.new");
        let _ = fs::remove_file(&file);
        tests(binary, &self.switch(TELL)?, &[])
            .env("LODE_REACHED", &file)
            .output()?;
        let text = fs::read_to_string(&file)
            .with_context(|| format!("no test of {name} reaches anything"))?;
        let lines = text.lines().filter(|line| {
            line.rsplit_once(' ')
                .is_some_and(|(test, _)| passing.contains(test))
        });
        Ok(lines.map(|line| format!("{line}\n")).collect())
    }

    /// The test that fails with this mutant, `-` if none does.
    fn kill(
        &self,
        mutant: &Mutant,
        binaries: &BTreeMap<String, PathBuf>,
        reached: &BTreeMap<u16, Vec<Test>>,
    ) -> Result<String> {
        // No test comes here.
        let Some(all) = reached.get(&mutant.number) else {
            return Ok("-".to_string());
        };
        let folder = self.switch(mutant.number)?;
        let stem = Path::new(&mutant.file).file_stem().unwrap_or_default();
        let prefix = format!("{}::", stem.to_string_lossy());
        for (name, binary) in BINARIES
            .iter()
            .filter_map(|name| Some((*name, binaries.get(*name)?)))
        {
            // An instruction's own tests first.
            let (near, far): (Vec<&str>, Vec<&str>) = all
                .iter()
                .filter(|(of, _)| of == name)
                .map(|(_, test)| test.as_str())
                .partition(|test| test.starts_with(&prefix));
            let mut left: &[&str] = &[near, far].concat();
            for batch in BATCHES {
                let (now, later) = left.split_at(batch.min(left.len()));
                left = later;
                if now.is_empty() {
                    break;
                }
                if let Some(killer) = failing(tests(binary, &folder, now))? {
                    return Ok(format!("{name}::{killer}"));
                }
            }
        }
        Ok("-".to_string())
    }

    /// What was found so far: the number, the test that failed, the seconds it took.
    fn results(&self) -> Result<BTreeMap<u16, (String, f32)>> {
        let text = fs::read_to_string(self.folder.join("results")).unwrap_or_default();
        let mut found = BTreeMap::new();
        for line in text.lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            let [number, killer, seconds] = fields[..] else {
                bail!("target/mutants/results has a line of another form: {line}");
            };
            found.insert(number.parse()?, (killer.to_string(), seconds.parse()?));
        }
        Ok(found)
    }

    fn write_result(&self, number: u16, killer: &str, seconds: f32) -> Result<()> {
        let mut file = fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("results"))?;
        Ok(writeln!(file, "{number}\t{killer}\t{seconds:.1}")?)
    }
}

/// What is known but of one binary.
fn without(known: &str, binary: &str) -> String {
    let mut kept = String::new();
    let mut is_kept = true;
    for line in known.lines() {
        if let Some(header) = line.strip_prefix("= ") {
            is_kept = header.split(' ').next() != Some(binary);
        }
        if is_kept {
            kept += line;
            kept.push('\n');
        }
    }
    kept
}

fn rank(binary: &str) -> usize {
    BINARIES
        .iter()
        .position(|name| *name == binary)
        .unwrap_or(usize::MAX)
}

/// A binary's tests, all or these.
fn tests(binary: &Path, programs: &Path, names: &[&str]) -> Command {
    let mut command = Command::new(binary);
    command
        .args(["--test-threads", "2"])
        .current_dir(root().join("tests"))
        .env("LODE_PROGRAMS", programs)
        .env("LODE_MODEL_STEPS", "300")
        .env("LODE_SAVERS_STEPS", "150")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if !names.is_empty() {
        command.arg("--exact").args(names);
    }
    command
}

/// A test that fails, if one does. The others are ended then.
fn failing(mut command: Command) -> Result<Option<String>> {
    let mut child = command.spawn()?;
    let stdout = child.stdout.take().context("no output")?;
    let (sender, lines) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(stdout)
            .lines()
            .map_while(std::io::Result::ok)
        {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    let end = Instant::now() + LONGEST;
    let killer = loop {
        match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                if let Some(test) = outcome(&line, "FAILED") {
                    break Some(test);
                }
            }
            Err(RecvTimeoutError::Timeout) => break Some("(hangs)".to_string()),
            Err(RecvTimeoutError::Disconnected) => break None,
        }
    };
    if killer.is_some() {
        child.kill()?;
    }
    drop(lines);
    let status = child.wait()?;
    let _ = reader.join();
    Ok(match killer {
        None if !status.success() => Some("(ends)".to_string()),
        killer => killer,
    })
}

/// Names of the tests with this outcome.
fn outcomes<'a>(output: &'a [u8], what: &'a str) -> impl Iterator<Item = String> + use<'a> {
    let lines = output.split(|byte| *byte == b'\n');
    lines.filter_map(move |line| outcome(std::str::from_utf8(line).ok()?, what))
}

/// The test that this line of the runner is about, if it ended so.
fn outcome(line: &str, what: &str) -> Option<String> {
    let (name, ended) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    (ended == what).then(|| name.split(" - ").next().unwrap_or(name).to_string())
}

fn mutant(line: &str) -> Result<Mutant> {
    let value: Value = serde_json::from_str(line)?;
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_string();
    Ok(Mutant {
        number: u16::try_from(value["number"].as_u64().unwrap_or_default())?,
        file: text("file"),
        line: value["line"].as_u64().unwrap_or_default(),
        function: text("in"),
        kind: text("kind"),
        text: text("text"),
    })
}

/// Compiles tests; where the binaries are of those whose manifest's path ends so.
fn test_binaries(mut command: Command, manifest: &str) -> Result<BTreeMap<String, PathBuf>> {
    step("compiling the tests");
    let output = command
        .args(["--no-run", "--message-format", "json"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("`cargo test` could not be started")?;
    ensure!(output.status.success(), "the tests do not compile");
    let mut found = BTreeMap::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let Ok(value) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let name = value["target"]["name"].as_str().unwrap_or_default();
        let of = value["manifest_path"].as_str().unwrap_or_default();
        let is_asked = value["profile"]["test"] == true && of.ends_with(manifest);
        if let (true, Some(path)) = (is_asked, value["executable"].as_str()) {
            found.insert(name.to_string(), PathBuf::from(path));
        }
    }
    Ok(found)
}

/// Files of the repository.
fn tracked() -> Result<Vec<String>> {
    let output = Command::new("git")
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ])
        .current_dir(root())
        .output()
        .context("`git` could not be started")?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text
        .split('\0')
        .filter(|name| root().join(name).is_file())
        .map(str::to_string)
        .collect())
}

/// What the programs, the crates below them and the switches follow from.
fn stamp() -> Result<String> {
    let mut hash = Sha256::new();
    for name in tracked()? {
        let counts = ["programs/", "xtask/mutants/"]
            .iter()
            .any(|folder| name.starts_with(folder))
            || ["math", "attestation", "token", "authority", "program"]
                .iter()
                .any(|crate_| name.starts_with(&format!("crates/{crate_}/")));
        if counts {
            hash.update(&name);
            hash.update(fs::read(root().join(&name))?);
        }
    }
    Ok(hex(hash.finalize()))
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    let bytes = bytes.as_ref().iter();
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

/// Says how many were killed, by kind, and which survived.
fn report(mutants: &[Mutant], results: &BTreeMap<u16, (String, f32)>) {
    let mut counts: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    let mut survivors = vec![];
    let mut seconds = 0.0;
    for mutant in mutants {
        let kind = mutant.kind.as_str();
        let count = counts.entry(kind).or_default();
        count[0] += 1;
        let Some((killer, took)) = results.get(&mutant.number) else {
            continue;
        };
        count[1] += 1;
        seconds += took;
        if killer != "-" {
            count[2] += 1;
            continue;
        }
        count[3] += 1;
        survivors.push(format!(
            "{} {}:{} {} {}: {}",
            mutant.number, mutant.file, mutant.line, mutant.function, mutant.kind, mutant.text
        ));
    }
    println!("| kind | mutants | run | killed | survived |\n|---|---|---|---|---|");
    let mut sum = [0; 4];
    for (kind, count) in counts {
        println!(
            "| {kind} | {} | {} | {} | {} |",
            count[0], count[1], count[2], count[3]
        );
        for (sum, count) in sum.iter_mut().zip(count) {
            *sum += count;
        }
    }
    println!(
        "| all | {} | {} | {} | {} |",
        sum[0], sum[1], sum[2], sum[3]
    );
    println!("{seconds:.0} s for {} mutants", sum[1]);
    for survivor in survivors {
        println!("{survivor}");
    }
}
