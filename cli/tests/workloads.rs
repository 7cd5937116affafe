//! The pages of `docs/workloads`: every command on them is run as it stands, on one network with nodes, and each workload
//! writes what is committed beside it. A node ran it, and `lode job estimate` comes to the same here; seats that check it
//! are in the tests of smaller modules. Needs the programs that `cargo xtask build` makes.
//!
//! `LODE_WRITE_EXPECTED=1 cargo nextest run -p lode-cli --test workloads` writes what is expected anew, after a change.
//! `LODE_TEST_GO=1` takes the page on Go along, whose module alone compiles for as long as all others.
#![allow(clippy::unwrap_used)]

mod common;

use common::{workload, Network};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn pages() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/workloads")
}

/// The commands of `lode` on a page, divided as a shell does.
fn commands(page: &str) -> Vec<Vec<String>> {
    // a command goes on after a backslash
    page.replace("\\\n", " ")
        .lines()
        .filter_map(|line| line.strip_prefix("    lode "))
        .map(|line| line.split(" # ").next().unwrap())
        .map(|line| line.split_whitespace().map(str::to_string).collect())
        .collect()
}

/// What follows an option.
fn after<'a>(command: &'a [String], option: &str) -> Option<&'a str> {
    let at = command.iter().position(|word| word == option)?;
    Some(&command[at + 1])
}

/// A run as the table of the overview tells it: where it saves to without the name of its module, and its folder.
struct Run {
    workload: String,
    saved: String,
    expected: PathBuf,
}

impl Run {
    fn of(command: &[String]) -> Self {
        let module = Path::new(&command[2]).file_stem().unwrap();
        let workload = module.to_str().unwrap().to_string();
        let saved = after(command, "--save-to").unwrap_or(&workload).to_string();
        let more = saved.strip_prefix(&workload).unwrap();
        let expected = common::workload(&workload) + "/expected" + more;
        Self {
            expected: expected.into(),
            workload,
            saved,
        }
    }

    /// Every file that is committed as expected was written with the same bytes.
    fn wrote_what_is_expected(&self, to: &Path, names: &BTreeSet<String>) {
        if std::env::var_os("LODE_WRITE_EXPECTED").is_some() {
            for name in names {
                let at = self.expected.join(name);
                std::fs::create_dir_all(at.parent().unwrap()).unwrap();
                std::fs::copy(to.join(name), at).unwrap();
            }
        }
        assert_eq!(&files(&self.expected), names, "{}", self.saved);
        for name in names {
            let is = std::fs::read(to.join(name)).unwrap();
            let should = std::fs::read(self.expected.join(name)).unwrap();
            assert!(is == should, "{}: {name} is not as committed", self.saved);
        }
    }

    /// A run here says the same of what it would write.
    fn would_write_what_is_expected(&self, estimate: &Value) {
        let wrote = |blob: &Value, name: &str| {
            let expected = std::fs::read(self.expected.join(name)).unwrap_or_default();
            let should = lode_runtime::Blob::of(&expected);
            let (hash, size) = (&blob["sha256"], &blob["size"]);
            assert_eq!(*hash, hex::encode(should.sha256), "{}: {name}", self.saved);
            assert_eq!(*size, should.size, "{}: {name}", self.saved);
        };
        wrote(&estimate["stdout"], "stdout");
        wrote(&estimate["stderr"], "stderr");
        for file in estimate["files"].as_array().unwrap() {
            wrote(file, &format!("out/{}", file["path"].as_str().unwrap()));
        }
    }

    /// Overview and page say size, units and price as they are.
    fn is_told(&self, overview: &str, page: &str, estimate: &Value) {
        let module = std::fs::metadata(workload(&format!("{}.wasm", self.workload)));
        let (bytes, units) = (module.unwrap().len(), estimate["units"].as_u64().unwrap());
        let base = &estimate["of_these_base"];
        // tokens at 1000 for a million units, and at three times that
        let (work, checks) = (units as f64 / 1_000.0, (3 * units) as f64 / 1_000.0);
        let row = format!(
            "| {} | {bytes} | {base} | {units} | {work} | {checks} |",
            self.saved
        );
        assert!(overview.contains(&row), "the overview lacks: {row}");
        let told = format!(
            "{units} units, {base} of them base: {work} tokens of work and {checks} of checks"
        );
        assert!(
            page.contains(&told),
            "the page of {} lacks: {told}",
            self.saved
        );
    }
}

/// All files below a folder.
fn files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
                found.insert(name.to_string());
            }
        }
    }
    found
}

/// Runs a page's commands one after the other; how many of each kind there were.
fn follow(network: &Network, wallet: &str, overview: &str, page: &str) -> [usize; 3] {
    let (mut estimates, mut runs, mut maps) = (0, 0, 0);
    let mut estimated = Value::Null;
    let commands = commands(page);
    for (at, command) in commands.iter().enumerate() {
        let args: Vec<&str> = command.iter().map(String::as_str).collect();
        let said = network.ask(wallet, &args);
        match args[..2] {
            ["job", "estimate"] => {
                // what is run next is called as that
                let next = commands.get(at + 1).filter(|next| next[1] == "run");
                let run = Run::of(next.unwrap_or(command));
                assert_eq!(said["end"], "exit(0)", "{}", run.saved);
                run.is_told(overview, page, &said);
                if next.is_none() {
                    run.would_write_what_is_expected(&said);
                }
                estimated = said;
                estimates += 1;
            }
            ["job", "run"] => {
                let run = Run::of(command);
                assert_eq!(said["end"], "exit(0)", "{}", run.saved);
                let written = said["files"].as_array().unwrap().iter();
                let written = written
                    .filter(|file| file["size"] != 0)
                    .map(|file| file["name"].as_str().unwrap().to_string());
                let to = network.folder.path().join(&run.saved);
                run.wrote_what_is_expected(&to, &written.collect());
                let estimate = std::mem::take(&mut estimated);
                assert_eq!(estimate["result"], said["result"], "{}", run.saved);
                assert_eq!(estimate["units"], said["units"], "{}", run.saved);
                run.would_write_what_is_expected(&estimate);
                let job = said["job"].as_str().unwrap();
                let receipt = network.ask(wallet, &["job", "receipt", job]);
                assert_eq!(receipt["result"], said["result"], "{}", run.saved);
                runs += 1;
            }
            ["job", "map"] => {
                let run = Run::of(command);
                let to = network.folder.path().join(&run.saved);
                let put_together = |name: &String| !name.starts_with("jobs/");
                let named = ["stdout", "reduced/stdout"].map(str::to_string);
                let wrote = files(&to).into_iter().filter(put_together);
                let wrote = wrote.filter(|name| named.contains(name) || name.starts_with("out/"));
                run.wrote_what_is_expected(&to, &wrote.collect());
                assert_eq!(said["failed"], serde_json::json!([]), "{}", run.saved);
                maps += 1;
            }
            _ => {}
        }
    }
    [estimates, runs, maps]
}

#[test]
fn every_command_of_the_workloads_pages_runs_and_writes_what_is_committed() {
    let read = |name: &str| std::fs::read_to_string(pages().join(name)).unwrap();
    let overview = read("overview.md");
    let names = files(&pages());
    let mut names: Vec<&str> = names
        .iter()
        .filter_map(|name| name.strip_suffix(".md"))
        .filter(|name| *name != "go" || std::env::var_os("LODE_TEST_GO").is_some())
        .collect();
    // the largest first: the others fill the time that is left
    names.sort_by_key(|name| {
        let module = std::fs::metadata(workload(&format!("{name}.wasm")));
        std::cmp::Reverse(module.map_or(0, |module| module.len()))
    });
    let network = Network::start_unchecked(&["--nodes", "2"], &names);
    let examples = pages().join("../../examples").canonicalize().unwrap();
    std::os::unix::fs::symlink(examples, network.folder.path().join("examples")).unwrap();
    let done: Vec<[usize; 3]> = std::thread::scope(|scope| {
        let (network, overview) = (&network, &overview);
        let begun: Vec<_> = names
            .iter()
            .map(|name| {
                let page = read(&format!("{name}.md"));
                scope.spawn(move || {
                    network.ask(name, &["account", "deposit", "50000"]);
                    follow(network, name, overview, &page)
                })
            })
            .collect();
        begun.into_iter().map(|page| page.join().unwrap()).collect()
    });
    for (name, [estimates, runs, maps]) in names.iter().zip(&done) {
        println!("{name}: {estimates} estimates, {runs} runs, {maps} maps");
    }
    let sum = |kind: usize| done.iter().map(|counts| counts[kind]).sum::<usize>();
    assert!(sum(0) >= 10 && sum(1) >= 10 && sum(2) >= 2, "{done:?}");
    network.stop();
}
