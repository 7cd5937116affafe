//! `cargo xtask keys`: program ids for a cluster of one's own.
//!
//! Ids, and the addresses derived from them that sister programs must know, are compiled constants: nothing to
//! front-run or to replace. This writes them wherever they stand.

use crate::build::PROGRAMS;
use crate::shell::root;
use crate::{idl, setup};
use anyhow::{bail, Context, Result};
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::path::{Path, PathBuf};

/// Makes a keypair per program, unless it is there already, and writes the ids into the sources.
pub fn write() -> Result<()> {
    // What the sources say is written first, and what follows from it wants Node.
    setup::node()?;
    let folder = root().join("target/deploy");
    std::fs::create_dir_all(&folder)?;
    for name in PROGRAMS {
        let file = folder.join(format!("lode_{name}-keypair.json"));
        let (keypair, made) = keypair(&file, name)?;
        let id = keypair.pubkey();
        write_id(name, &id)?;
        if name == "jobs" {
            let (slasher, bump) = slasher(&id);
            if bump != u8::MAX {
                bail!(
                    "{}: the slasher's bump is {bump}, the program wants 255; remove the file and run this again",
                    file.display()
                );
            }
            for sister in ["staking", "oracle"] {
                write_slasher(sister, &slasher)?;
            }
        }
        let how = if made { "new" } else { "kept" };
        println!("{name:8} {id}  ({how}: {})", file.display());
    }
    // Descriptions, reference and TypeScript client name the ids too, and are made from the sources.
    idl::write()?;
    println!("Keep the keypairs: they deploy the programs. Then `cargo xtask build`.");
    Ok(())
}

/// The key with which `jobs` signs for slashing, and its bump.
fn slasher(jobs: &Address) -> (Address, u8) {
    Address::find_program_address(&[b"slasher"], jobs)
}

/// Reads a program's keypair, or makes and writes one.
fn keypair(file: &Path, name: &str) -> Result<(Keypair, bool)> {
    if file.exists() {
        let text = std::fs::read_to_string(file)?;
        let bytes: Vec<u8> = serde_json::from_str(&text)
            .with_context(|| format!("{} is no keypair file (64 numbers)", file.display()))?;
        let keypair = Keypair::try_from(bytes.as_slice())
            .map_err(|error| anyhow::anyhow!("{} is no keypair: {error}", file.display()))?;
        return Ok((keypair, false));
    }
    let keypair = loop {
        let keypair = Keypair::new();
        // The program signs with bump 255, the cheapest to check: one key in two has it.
        if name != "jobs" || slasher(&keypair.pubkey()).1 == u8::MAX {
            break keypair;
        }
    };
    write_private(file, &serde_json::to_string(&keypair.to_bytes().to_vec())?)?;
    Ok((keypair, true))
}

/// Writes a file that only its owner may read.
fn write_private(file: &Path, text: &str) -> Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(file)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("{} cannot be written", file.display()))
}

fn write_id(name: &str, id: &Address) -> Result<()> {
    let source = root().join("programs").join(name).join("src/lib.rs");
    replace(&source, "declare_id!(\"", &id.to_string())?;
    replace(
        &root().join("Anchor.toml"),
        &format!("lode_{name} = \""),
        &id.to_string(),
    )
}

fn write_slasher(name: &str, slasher: &Address) -> Result<()> {
    let source: PathBuf = root().join("programs").join(name).join("src/constants.rs");
    replace(
        &source,
        "pub const SLASHER: Address = address!(\"",
        &slasher.to_string(),
    )
}

/// Replaces what follows `before` up to the closing quote, at its only place in a file.
fn replace(file: &Path, before: &str, by: &str) -> Result<()> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("{} cannot be read", file.display()))?;
    let changed = replaced(&text, before, by)
        .with_context(|| format!("{}: `{before}` must stand there once", file.display()))?;
    std::fs::write(file, changed).with_context(|| format!("{} cannot be written", file.display()))
}

fn replaced(text: &str, before: &str, by: &str) -> Option<String> {
    let (head, rest) = text.split_once(before)?;
    let (_, tail) = rest.split_once('"')?;
    if tail.contains(before) {
        return None;
    }
    Some(format!("{head}{before}{by}\"{tail}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_id_is_replaced_at_its_only_place() {
        assert_eq!(
            replaced("a declare_id!(\"old\");", "declare_id!(\"", "new").unwrap(),
            "a declare_id!(\"new\");"
        );
        assert_eq!(replaced("no id here", "declare_id!(\"", "new"), None);
        assert_eq!(replaced("id!(\"a\") id!(\"b\")", "id!(\"", "new"), None);
    }

    #[test]
    fn every_place_that_keys_writes_to_is_there() {
        for name in PROGRAMS {
            let source =
                std::fs::read_to_string(root().join("programs").join(name).join("src/lib.rs"))
                    .unwrap();
            assert!(replaced(&source, "declare_id!(\"", "x").is_some(), "{name}");
            let anchor = std::fs::read_to_string(root().join("Anchor.toml")).unwrap();
            assert!(
                replaced(&anchor, &format!("lode_{name} = \""), "x").is_some(),
                "{name}"
            );
        }
        for name in ["staking", "oracle"] {
            let source = std::fs::read_to_string(
                root().join("programs").join(name).join("src/constants.rs"),
            )
            .unwrap();
            assert!(
                replaced(&source, "pub const SLASHER: Address = address!(\"", "x").is_some(),
                "{name}"
            );
        }
    }
}
