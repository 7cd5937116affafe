//! Writes programs and crates anew with a switch at each check, so that one build holds every mutant.
//!
//! `mutants programs TREE` and `mutants crates TREE` change the sources of a copy of the repository and print a list of
//! what they put there, a line of JSON for each mutant. `cargo xtask mutants` makes the copy, compiles it, and sets one
//! switch after another.

mod sites;

use anyhow::{bail, ensure, Context, Result};
use sites::Where;
use std::path::{Path, PathBuf};

/// Where programs have checks. The switch goes into the crate that all of them know.
const PROGRAMS: [&str; 9] = [
    "crates/program/src",
    "programs/staking/src/instructions",
    "programs/staking/src/state",
    "programs/oracle/src/instructions",
    "programs/oracle/src/state",
    "programs/jobs/src/instructions",
    "programs/jobs/src/state",
    "programs/emissions/src/instructions",
    "programs/emissions/src/state",
];
/// Crates with tests of their own.
const CRATES: [&str; 4] = [
    "crates/math/src",
    "crates/attestation/src",
    "crates/token/src",
    "crates/authority/src",
];

const ON_CHAIN: &str = concat!(
    include_str!("on_chain.rs.txt"),
    include_str!("operations.rs.txt")
);
const ON_HOST: &str = concat!(
    include_str!("on_host.rs.txt"),
    include_str!("operations.rs.txt")
);

fn main() -> Result<()> {
    let usage = "usage: mutants programs|crates TREE";
    let mut arguments = std::env::args();
    let (what, tree) = (arguments.nth(1), arguments.next());
    let tree = PathBuf::from(tree.context(usage)?);
    match what.as_deref() {
        Some("programs") => {
            rewrite(&tree, &PROGRAMS, Where::Chain)?;
            put(&tree.join("crates/program/src"), ON_CHAIN)
        }
        Some("crates") => {
            rewrite(&tree, &CRATES, Where::Host)?;
            CRATES
                .iter()
                .try_for_each(|folder| put(&tree.join(folder), ON_HOST))
        }
        _ => bail!(usage),
    }
}

fn rewrite(tree: &Path, folders: &[&str], place: Where) -> Result<()> {
    // 0 is no mutant.
    let mut next = 1;
    for folder in folders {
        for file in sources(&tree.join(folder))? {
            let name = file.strip_prefix(tree)?.display().to_string();
            let text = std::fs::read_to_string(&file).with_context(|| name.clone())?;
            let found = sites::of(&name, &text, next, place).with_context(|| name.clone())?;
            next += u16::try_from(found.mutants.len())?;
            ensure!(
                next < u16::MAX,
                "more mutants than the switch has positions"
            );
            for mutant in found.mutants {
                println!("{mutant}");
            }
            std::fs::write(&file, found.text)?;
        }
    }
    Ok(())
}

/// Puts the switch into a crate.
fn put(sources: &Path, switch: &str) -> Result<()> {
    std::fs::write(sources.join("mutant.rs"), switch)?;
    let lib = sources.join("lib.rs");
    let text = std::fs::read_to_string(&lib)?;
    let module = "#[allow(dead_code, missing_docs)]\npub mod mutant;\n";
    Ok(std::fs::write(lib, format!("{text}\n{module}"))?)
}

fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut files: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|kind| kind == "rs"));
    files.sort();
    Ok(files)
}
