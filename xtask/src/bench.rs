//! `cargo xtask bench`: what instructions, accounts and programs cost, as the tests on the SVM measure it, into
//! `docs/costs.md`; and whether that file still tells the truth, for `cargo xtask test`.
//!
//! The tests write down every call that goes through (`lode_tests::costs`). Nothing here is estimated: an
//! instruction that no test calls, or an account that none makes, is an error.

use crate::build::{self, PROGRAMS};
use crate::setup::{self, SbfToolchain};
use crate::shell::{cargo, root, step};
use anyhow::{bail, ensure, Context, Result};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// The figure by which a further try of a bump is known.
const TRY: &str = "each further try of a bump";
/// Compute units by which a figure may differ before the file counts as stale: so many, and a share of it.
const SLACK: u64 = 40;
/// The share, per cent, with the toolchain that the file names, and with another.
const SLACK_PERCENT: [u64; 2] = [2, 15];
/// An instruction called less often may never have met addresses that were right at the first try.
const MANY_CALLS: u64 = 50;
/// Most tries of bumps by which a rarely called instruction may differ.
const TRIES: u64 = 4;
/// Most bytes of a program for each of its instructions, with the toolchain that the file names.
const MOST_BYTES: u64 = 9_000;

/// Where the tests write down what they measure.
pub fn file() -> PathBuf {
    root().join("target/costs.txt")
}

/// Measures and writes.
pub fn everything() -> Result<()> {
    setup::sbf_toolchain()?;
    setup::nextest()?;
    build::programs()?;
    build::selftest()?;
    step("measuring");
    forget()?;
    let status = cargo(&["nextest", "run", "--workspace", "-E", "package(lode-tests)"])
        .current_dir(root())
        .env("LODE_COSTS", file())
        .stdin(Stdio::null())
        .status()
        .context("`cargo nextest` could not be started")?;
    ensure!(
        status.success(),
        "the tests that measure fail: `cargo xtask test` says why"
    );
    write()
}

/// Writes what the last tests measured.
pub fn write() -> Result<()> {
    let text = Costs::measured(&file())?.text()?;
    let file = root().join("docs/costs.md");
    std::fs::write(&file, text).with_context(|| format!("{} cannot be written", file.display()))?;
    println!("{} is written", file.display());
    Ok(())
}

/// Forgets what earlier tests measured.
pub fn forget() -> Result<()> {
    match std::fs::remove_file(file()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).context("old measurements cannot be removed")
        }
        _ => Ok(()),
    }
}

/// Whether `docs/costs.md` still tells what the tests have just measured.
pub fn check() -> Result<()> {
    let fresh = Costs::measured(&file())?;
    let text = std::fs::read_to_string(root().join("docs/costs.md")).unwrap_or_default();
    let stale = fresh.differences(&text)?;
    if !stale.is_empty() {
        bail!(
            "docs/costs.md is stale, `cargo xtask bench --measured` writes it anew from these tests:\n  {}",
            stale.join("\n  ")
        );
    }
    let large = fresh.too_large(&text)?;
    ensure!(large.is_empty(), "{}", large.join("\n"));
    Ok(())
}

/// All that was measured of an instruction.
#[derive(Default)]
struct Calls {
    /// Most calls of other programs, the system's left out, that one of them made.
    within: u64,
    /// How many made so many, and compute units of the cheapest of those: what moves nothing is cheap and tells nothing.
    full: u64,
    least: u64,
    /// Accounts it takes, and how many of them it writes, at most.
    accounts: u64,
    written: u64,
    /// Bytes of the largest transaction with this instruction alone.
    bytes: u64,
    /// Accounts it writes that unrelated actors share.
    shared: BTreeSet<String>,
}

impl Calls {
    /// What stands behind the compute units of a row. Neither compiler nor luck changes it: the tests' keys follow from
    /// their names, and all tests are run.
    fn rest(&self) -> [String; 4] {
        let shared: Vec<String> = self.shared.iter().map(|s| s.replace('_', " ")).collect();
        let [accounts, written, bytes] = [self.accounts, self.written, self.bytes];
        [
            accounts.to_string(),
            written.to_string(),
            bytes.to_string(),
            shared.join(", "),
        ]
    }
}

/// A program as its source declares it.
struct Source {
    id: String,
    instructions: Vec<String>,
    accounts: Vec<String>,
}

struct Costs {
    /// By program, in the order of its source.
    instructions: Vec<(&'static str, Vec<(String, Calls)>)>,
    /// Program, name, bytes, rent.
    accounts: Vec<(&'static str, String, u64, u64)>,
    figures: BTreeMap<String, u64>,
    /// Program and size.
    programs: Vec<(&'static str, u64)>,
    toolchain: &'static str,
}

impl Source {
    fn read(program: &str) -> Result<Self> {
        let folder = root().join("programs").join(program).join("src");
        let lib = std::fs::read_to_string(folder.join("lib.rs"))?;
        let id = lib
            .split_once("declare_id!(\"")
            .and_then(|(_, after)| after.split('"').next())
            .with_context(|| format!("{program} declares no id"))?;
        // A handler stands in the program's module, one indentation deep.
        let instructions = lib
            .lines()
            .filter_map(|line| line.strip_prefix("    pub fn ")?.split(['(', '<']).next())
            .map(String::from)
            .collect();
        let mut accounts = Vec::new();
        let mut states: Vec<_> = std::fs::read_dir(folder.join("state"))?
            .collect::<std::io::Result<_>>()
            .map(|files: Vec<_>| files.iter().map(std::fs::DirEntry::path).collect())?;
        states.sort();
        for path in states {
            let text = std::fs::read_to_string(path)?;
            let after = text.split("#[account]\npub struct ").skip(1);
            accounts
                .extend(after.filter_map(|text| Some(text.split_whitespace().next()?.to_string())));
        }
        Ok(Self {
            id: id.to_string(),
            instructions,
            accounts,
        })
    }
}

/// How Anchor marks instructions (`global`) and accounts (`account`).
fn discriminator(space: &str, name: &str) -> String {
    let hash = Sha256::digest(format!("{space}:{name}"));
    hash.iter().take(8).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Costs {
    fn measured(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("{} is not there: no test measured", path.display()))?;
        let mut calls: BTreeMap<String, Calls> = BTreeMap::new();
        let mut sizes: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        let mut figures: BTreeMap<String, u64> = BTreeMap::new();
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let number = |i: usize| -> Result<u64> {
                let word: &&str = words.get(i).context("a line is cut off")?;
                Ok(word.parse()?)
            };
            match words.as_slice() {
                ["call", program, name, ..] => {
                    let found = calls.entry(format!("{program} {name}")).or_default();
                    let (units, within) = (number(3)?, number(4)?);
                    if found.full == 0 || within > found.within {
                        (found.within, found.full, found.least) = (within, 1, units);
                    } else if within == found.within {
                        found.full += 1;
                        found.least = found.least.min(units);
                    }
                    found.accounts = found.accounts.max(number(5)?);
                    found.written = found.written.max(number(6)?);
                    found.bytes = found.bytes.max(number(7)?);
                    let shared = words.get(8).into_iter().flat_map(|w| w.split(','));
                    found
                        .shared
                        .extend(shared.filter(|w| !w.is_empty()).map(String::from));
                }
                ["account", program, name, ..] => {
                    sizes.insert(format!("{program} {name}"), (number(3)?, number(4)?));
                }
                ["figure", _, what @ ..] => {
                    // Of a figure that several tests print, the least: addresses right at the first try.
                    let units = number(1)?;
                    let least = figures.entry(what.join(" ")).or_insert(units);
                    *least = units.min(*least);
                }
                ["refused", ..] => {}
                _ => bail!("`{line}` in {} is no measurement", path.display()),
            }
        }
        let mut costs = Self {
            instructions: Vec::new(),
            accounts: Vec::new(),
            figures,
            programs: Vec::new(),
            toolchain: match setup::sbf_toolchain()? {
                SbfToolchain::Anza => "`cargo build-sbf`",
                SbfToolchain::Registry(_) => {
                    "the toolchain of `xtask/sbf/setup.sh` (Debian's rustc, LLVM 23, `sbpf-linker`)"
                }
            },
        };
        for program in PROGRAMS {
            let source = Source::read(program)?;
            let mut instructions = Vec::new();
            for name in source.instructions {
                let mark = discriminator("global", &name);
                let Some(calls) = calls.remove(&format!("{} {mark}", source.id)) else {
                    bail!("no test on the SVM calls {program}'s `{name}` and sees it go through: write one");
                };
                instructions.push((name, calls));
            }
            costs.instructions.push((program, instructions));
            for name in source.accounts {
                let mark = discriminator("account", &name);
                let Some((bytes, rent)) = sizes.get(&format!("{} {mark}", source.id)) else {
                    bail!("no test on the SVM passes {program}'s account `{name}`: write one");
                };
                costs.accounts.push((program, name, *bytes, *rent));
            }
            let file = root().join(format!("target/deploy/lode_{program}.so"));
            costs
                .programs
                .push((program, std::fs::metadata(&file)?.len()));
        }
        ensure!(costs.figures.contains_key(TRY), "no test measured {TRY}");
        Ok(costs)
    }

    fn text(&self) -> Result<String> {
        let mut text = String::from(
            "# What things cost\n\n\
             Made by `cargo xtask bench`; do not edit. `cargo xtask test` fails when this file is stale.\n\n\
             ## Instructions\n\n\
             Compute units are those of the cheapest call that a test on the SVM made, of those that move, mint and burn all that the instruction can:\n\
             its addresses are right at the first try of a bump, as the client chooses a job's nonce. *Bytes* are those of the largest transaction with this instruction alone as the client builds it: signatures, compute limit and\n\
             priority fee counted, for an attestation also its proof. *Shared* are accounts it writes that actors share who have nothing to do with each other.\n",
        );
        for (program, instructions) in &self.instructions {
            writeln!(text, "\n### {program}\n\n| instruction | compute units | accounts | written | bytes | shared |\n|---|---:|---:|---:|---:|---|")?;
            for (name, c) in instructions {
                writeln!(text, "| {name} | {} | {} |", c.least, c.rest().join(" | "))?;
            }
        }
        text.push_str("\n## Ways that tests are about\n\n| what | compute units |\n|---|---:|\n");
        for (what, units) in &self.figures {
            writeln!(text, "| {what} | {units} |")?;
        }
        text.push_str("\n## Accounts\n\nRent is returned when an account closes.\n\n| account | bytes | rent, lamports |\n|---|---:|---:|\n");
        for (program, name, bytes, rent) in &self.accounts {
            writeln!(text, "| {program} {name} | {bytes} | {rent} |")?;
        }
        text.push_str("\n## Programs\n\n| program | bytes | instructions | bytes an instruction |\n|---|---:|---:|---:|\n");
        for ((program, bytes), (_, instructions)) in self.programs.iter().zip(&self.instructions) {
            let (count, each) = (instructions.len(), each(*bytes, instructions)?);
            writeln!(text, "| {program} | {bytes} | {count} | {each} |")?;
        }
        writeln!(
            text,
            "\nCompiled with {}; what another compiler makes takes a few per cent more or less. With this one, \
             `cargo xtask test` fails where a program takes more than {MOST_BYTES} bytes an instruction.",
            self.toolchain
        )?;
        Ok(text)
    }

    /// Programs that take more bytes than they may. What another toolchain makes than that of the committed file is of
    /// another size.
    fn too_large(&self, committed: &str) -> Result<Vec<String>> {
        let mut large = Vec::new();
        if !committed.contains(self.toolchain) {
            return Ok(large);
        }
        for ((program, bytes), (_, instructions)) in self.programs.iter().zip(&self.instructions) {
            let each = each(*bytes, instructions)?;
            if each > MOST_BYTES {
                large.push(format!(
                    "{program} takes {each} bytes an instruction, and may take {MOST_BYTES}: make it smaller"
                ));
            }
        }
        Ok(large)
    }

    /// What a committed file says otherwise.
    fn differences(&self, committed: &str) -> Result<Vec<String>> {
        let [same, other] = SLACK_PERCENT;
        let percent = match committed.contains(self.toolchain) {
            true => same,
            false => other,
        };
        let further = self.figures.get(TRY).copied().unwrap_or_default();
        // Written by the same hand, so rows are found where they would be written.
        let mut known: BTreeMap<String, u64> = BTreeMap::new();
        let (mut heading, mut fixed) = (String::new(), BTreeMap::new());
        for line in committed.lines() {
            if let Some(name) = line.strip_prefix("### ").or(line.strip_prefix("## ")) {
                heading = name.to_string();
            }
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let ["", name, number, rest @ ..] = cells.as_slice() else {
                continue;
            };
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            known.insert(format!("{heading}: {name}"), number);
            fixed.insert(format!("{heading}: {name}"), rest.join("|"));
        }
        let mut stale = Vec::new();
        let mut compare = |row: String, measured: u64, calls: u64| match known.remove(&row) {
            None => stale.push(format!("{row} is missing")),
            Some(said) => {
                let slack = SLACK + said.max(measured) * percent / 100;
                let difference = said.abs_diff(measured);
                // What is cheaper by whole tries met better addresses than the file's tests did.
                let luck = measured < said || calls < MANY_CALLS;
                let tries = if luck { TRIES } else { 0 };
                if (0..=tries).all(|n| difference.abs_diff(n * further) > slack) {
                    stale.push(format!("{row} takes {measured}, it says {said}"));
                }
            }
        };
        let mut others = Vec::new();
        for (program, instructions) in &self.instructions {
            for (name, c) in instructions {
                let row = format!("{program}: {name}");
                let (is, said) = (c.rest().join("|") + "|", fixed.get(&row));
                if let Some(said) = said.filter(|said| **said != is) {
                    others.push(format!(
                        "{row} has accounts, written, bytes and shared |{is}, it says |{said}"
                    ));
                }
                compare(row, c.least, c.full);
            }
        }
        for (what, units) in &self.figures {
            compare(format!("Ways that tests are about: {what}"), *units, 0);
        }
        for (program, name, bytes, rent) in &self.accounts {
            let row = format!("Accounts: {program} {name}");
            let rest = fixed.get(&row).map(String::as_str).unwrap_or_default();
            match known.remove(&row) {
                Some(said) if said == *bytes && rest == format!("{rent}|") => {}
                _ => stale.push(format!("{row} has {bytes} bytes and rent {rent}")),
            }
        }
        for (program, bytes) in &self.programs {
            let said = known.remove(&format!("Programs: {program}")).unwrap_or(0);
            // Another compiler's binaries are of another size.
            if percent == same && said.abs_diff(*bytes) > bytes * percent / 100 {
                stale.push(format!(
                    "Programs: {program} has {bytes} bytes, it says {said}"
                ));
            }
        }
        stale.extend(others);
        stale.extend(known.keys().map(|row| format!("{row} is there no more")));
        Ok(stale)
    }
}

/// Bytes of a program for each of its instructions.
fn each<T>(bytes: u64, instructions: &[T]) -> Result<u64> {
    let count = u64::try_from(instructions.len())?;
    Ok(bytes.checked_div(count).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn costs(units: u64, calls: u64) -> Costs {
        let found = Calls {
            within: 1,
            full: calls,
            least: units,
            accounts: 6,
            written: 2,
            bytes: 484,
            shared: BTreeSet::new(),
        };
        Costs {
            instructions: vec![("jobs", vec![("post_job".into(), found)])],
            accounts: vec![("jobs", "Job".into(), 432, 2_844_800)],
            figures: BTreeMap::from([(TRY.to_string(), 1_500)]),
            programs: vec![("jobs", 250_000)],
            toolchain: "this toolchain",
        }
    }

    #[test]
    fn a_file_that_was_just_written_is_not_stale() {
        let fresh = costs(4_000, 99);
        let none: Vec<String> = vec![];
        assert_eq!(fresh.differences(&fresh.text().unwrap()).unwrap(), none);
    }

    #[test]
    fn a_file_is_stale_once_an_instruction_takes_more_or_less_than_the_slack() {
        let file = costs(4_000, 99).text().unwrap();
        let stale = |units, calls| costs(units, calls).differences(&file).unwrap().len();
        assert_eq!(stale(4_000 + 120, 99), 0);
        assert_eq!((stale(4_200, 99), stale(3_800, 99)), (1, 1));
        // one further try of a bump, of an instruction that tests call seldom, and of one that they call often
        assert_eq!((stale(5_500, 9), stale(5_500, 99)), (0, 1));
        assert_eq!(stale(4_750, 9), 1);
        assert_eq!((stale(2_500, 99), stale(3_250, 99)), (0, 1));
    }

    #[test]
    fn another_toolchain_has_more_slack_and_its_binaries_are_not_compared() {
        let file = costs(4_000, 99).text().unwrap();
        let file = file.replace("this toolchain", "another");
        let mut fresh = costs(4_400, 99);
        fresh.programs = vec![("jobs", 300_000)];
        assert!(fresh.differences(&file).unwrap().is_empty());
        let again = file.replace("another", "this toolchain");
        assert_eq!(fresh.differences(&again).unwrap().len(), 2);
    }

    #[test]
    fn a_file_is_stale_once_anything_else_of_an_instruction_differs_whatever_compiled_it() {
        let file = costs(4_000, 99).text().unwrap();
        let other = file.replace("this toolchain", "another");
        let change: [fn(&mut Calls); 4] = [
            |calls| calls.accounts = 7,
            |calls| calls.written = 1,
            |calls| calls.bytes = 485,
            |calls| {
                calls.shared.insert("check_pool".into());
            },
        ];
        for change in change {
            let mut fresh = costs(4_000, 99);
            change(&mut fresh.instructions[0].1[0].1);
            for file in [&file, &other] {
                let stale = fresh.differences(file).unwrap();
                assert_eq!(stale.len(), 1, "{stale:?}");
                assert!(stale[0].starts_with("jobs: post_job has"), "{stale:?}");
            }
            let again = fresh.text().unwrap();
            assert!(fresh.differences(&again).unwrap().is_empty());
        }
    }

    #[test]
    fn a_program_takes_at_most_so_many_bytes_an_instruction_with_the_files_toolchain() {
        let mut fresh = costs(4_000, 99);
        let twice = fresh.instructions[0].1[0].0.clone();
        fresh.instructions[0].1.push((twice, Calls::default()));
        let mut large = |bytes, file: &str| {
            fresh.programs = vec![("jobs", bytes)];
            fresh.too_large(file).unwrap()
        };
        assert!(large(2 * MOST_BYTES + 1, "with this toolchain").is_empty());
        let said = large(2 * MOST_BYTES + 2, "with this toolchain");
        assert_eq!(
            said,
            ["jobs takes 9001 bytes an instruction, and may take 9000: make it smaller"]
        );
        assert!(large(3 * MOST_BYTES, "with another").is_empty());
    }

    #[test]
    fn rows_that_are_missing_or_gone_or_have_another_size_make_a_file_stale() {
        let fresh = costs(4_000, 99);
        let file = fresh.text().unwrap();
        for (from, to) in [
            ("| post_job |", "| post_jobs |"),
            ("| 432 |", "| 440 |"),
            ("| 2844800 |", "| 2844801 |"),
            (TRY, "a try"),
        ] {
            let other = file.replace(from, to);
            assert!(!fresh.differences(&other).unwrap().is_empty(), "{from}");
        }
        assert!(!fresh.differences("").unwrap().is_empty());
    }
}
