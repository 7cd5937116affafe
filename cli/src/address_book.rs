//! Names for addresses: a file of the user's own, read wherever an address is taken or shown.
use anyhow::{bail, Context as _, Result};
use solana_address::Address;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Longest name. Every address is longer, so no name can be taken for one.
const LONGEST: usize = 24;
/// Fewest characters of an address.
const SHORTEST_ADDRESS: usize = 32;
/// Words that stand for something else where an address is taken.
const TAKEN: [&str; 3] = ["all", "epoch", "nobody"];

/// The names, by themselves.
pub type Names = BTreeMap<String, Address>;

/// Where the book lies: beside other settings of the user, in `lode/addresses.json`.
pub fn path() -> Result<PathBuf> {
    let folder = dirs::config_dir()
        .context("The address book has no place: this user has no home folder, set HOME")?;
    Ok(folder.join("lode").join("addresses.json"))
}

/// The names that the book has; none where there is no book.
pub fn read() -> Result<Names> {
    read_at(&path()?)
}

fn read_at(path: &Path) -> Result<Names> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Names::new()),
        Err(error) => {
            return Err(error)
                .with_context(|| format!("The address book {} cannot be read", path.display()))
        }
    };
    let written: BTreeMap<String, String> = serde_json::from_str(&text).with_context(|| {
        format!(
            "The address book {} is not one: it is a JSON object of names and addresses; mend it, or remove it",
            path.display()
        )
    })?;
    let mut names = Names::new();
    for (name, address) in written {
        require_name(&name).with_context(|| format!("In the address book {}", path.display()))?;
        let Ok(parsed) = address.parse() else {
            bail!(
                "The address book {} says that {name} is `{address}`, which is no address: mend it there",
                path.display()
            );
        };
        names.insert(name, parsed);
    }
    Ok(names)
}

/// Changes the book: reads it, lets `change` change it, and writes it anew, whole or not at all.
pub fn change<T>(change: impl FnOnce(&mut Names) -> Result<T>) -> Result<T> {
    change_at(&path()?, change)
}

fn change_at<T>(path: &Path, change: impl FnOnce(&mut Names) -> Result<T>) -> Result<T> {
    let cannot = || format!("The address book {} cannot be written", path.display());
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).with_context(cannot)?;
    // Two commands at a time must not lose what the other wrote. The lock ends with the file's handle.
    let lock = File::create(path.with_extension("lock")).with_context(cannot)?;
    lock.lock().with_context(cannot)?;
    let mut names = read_at(path)?;
    let told = change(&mut names)?;
    let written: BTreeMap<&String, String> = names
        .iter()
        .map(|(name, address)| (name, address.to_string()))
        .collect();
    let text = serde_json::to_string_pretty(&written)? + "\n";
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(cannot)?;
    file.write_all(text.as_bytes()).with_context(cannot)?;
    file.as_file().sync_all().with_context(cannot)?;
    file.persist(path).with_context(cannot)?;
    Ok(told)
}

/// Refuses what cannot be a name, or could be taken for something else.
pub fn require_name(name: &str) -> Result<()> {
    let base58 = |c: char| c.is_ascii_alphanumeric() && !"0OIl".contains(c);
    if name.len() >= SHORTEST_ADDRESS && name.chars().all(base58) {
        bail!("`{name}` looks like an address: a name is one that nobody could take for one");
    }
    if TAKEN.contains(&name) {
        bail!("`{name}` means something else where an address is taken: choose another name");
    }
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    if !begins || name.len() > LONGEST || !name.chars().all(fits) {
        bail!("`{name}` is no name: use at most {LONGEST} small letters, digits, - and _, beginning with a letter");
    }
    Ok(())
}

/// The book as this process found it.
fn book() -> Result<&'static Names, String> {
    static BOOK: OnceLock<Result<Names, String>> = OnceLock::new();
    let found = BOOK.get_or_init(|| read().map_err(|error| format!("{error:#}")));
    found.as_ref().map_err(Clone::clone)
}

/// An address, or the one that a name stands for.
pub fn parse(text: &str) -> Result<Address, String> {
    match text.parse() {
        Ok(address) => Ok(address),
        Err(_) => named(text)?.ok_or_else(|| format!(
            "it is neither an address nor a name in the address book; `lode address list` shows the names, `lode address add {text} ADDRESS` makes one"
        )),
    }
}

/// The address that a name stands for, if it does.
pub fn named(name: &str) -> Result<Option<Address>, String> {
    Ok(book()?.get(name).copied())
}

/// The name of an address, to stand beside it. A book that cannot be read is no reason to show less than the address.
pub fn name_of(address: &Address) -> Option<&'static str> {
    let names = book().ok()?;
    let found = names.iter().find(|(_, named)| *named == address);
    found.map(|(name, _)| name.as_str())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ADDRESS: &str = "7cFVjMmfX3wbPP8JBniYGsdHNBwknZb73F7xD6hokXHX";

    #[test]
    fn a_name_is_short_and_small_and_cannot_be_an_address() {
        for name in [
            "a",
            "treasury",
            "node-1",
            "my_wallet",
            "abcdefghijkmnopqrstuvwxy",
        ] {
            require_name(name).unwrap();
        }
        for name in [
            "",
            "1a",
            "-a",
            "Treasury",
            "my wallet",
            "é",
            "a.json",
            "a/b",
            "nobody",
            "all",
            "abcdefghijkmnopqrstuvwxyz",
        ] {
            assert!(require_name(name).is_err(), "{name}");
        }
        for name in [ADDRESS, &ADDRESS[..32], &"a".repeat(44)] {
            let said = require_name(name).unwrap_err().to_string();
            assert!(said.contains("looks like an address"), "{said}");
        }
    }

    #[test]
    fn what_is_written_is_read_and_a_change_that_fails_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lode/addresses.json");
        assert!(read_at(&path).unwrap().is_empty());
        let address: Address = ADDRESS.parse().unwrap();
        let add = |names: &mut Names| {
            names.insert("treasury".into(), address);
            Ok(())
        };
        change_at(&path, add).unwrap();
        assert_eq!(read_at(&path).unwrap()["treasury"], address);
        let before = std::fs::read(&path).unwrap();
        let refused = change_at(&path, |names| -> Result<()> {
            names.clear();
            bail!("no")
        });
        assert!(refused.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn changes_at_the_same_time_are_all_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = &folder.path().join("addresses.json");
        std::thread::scope(|scope| {
            for i in 0..8u8 {
                scope.spawn(move || {
                    let add = |names: &mut Names| {
                        names.insert(format!("n{i}"), Address::new_from_array([i; 32]));
                        Ok(())
                    };
                    change_at(path, add).unwrap();
                });
            }
        });
        assert_eq!(read_at(path).unwrap().len(), 8);
    }

    #[test]
    fn a_broken_book_is_named_with_what_is_wrong_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("addresses.json");
        for (text, wrong) in [
            ("[", "is not one"),
            (r#"{"a": 1}"#, "is not one"),
            (r#"{"a": "x"}"#, "no address"),
            (&format!(r#"{{"{ADDRESS}": "{ADDRESS}"}}"#), "looks like"),
        ] {
            std::fs::write(&path, text).unwrap();
            let said = format!("{:#}", read_at(&path).unwrap_err());
            assert!(
                said.contains(wrong) && said.contains("addresses.json"),
                "{said}"
            );
        }
    }
}
