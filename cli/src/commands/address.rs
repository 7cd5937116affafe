//! `lode address`: names for addresses.
use crate::address_book::{self, Names};
use crate::output::{Cell, Output};
use anyhow::{bail, Result};
use solana_address::Address;

/// Commands of the address book.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Give an address a name, which every command takes in its place
    Add {
        /// At most 24 small letters, digits, - and _
        name: String,
        /// What it stands for
        address: Address,
    },
    /// List the names
    List,
    /// Forget a name
    Remove {
        /// The name
        name: String,
    },
}

pub fn run(command: Command, out: &Output) -> Result<()> {
    match command {
        Command::Add { name, address } => add(name, address, out),
        Command::List => list(out),
        Command::Remove { name } => remove(&name, out),
    }
}

fn add(name: String, address: Address, out: &Output) -> Result<()> {
    address_book::require_name(&name)?;
    address_book::change(|names: &mut Names| {
        match names.get(&name) {
        Some(other) if *other != address => bail!(
            "{name} stands for {other} already: remove it first with `lode address remove {name}`, or choose another name"
        ),
        _ => {
            names.insert(name.clone(), address);
            Ok(())
        }
    }
    })?;
    out.sheet(vec![
        ("name", name.into()),
        ("address", address.to_string().into()),
        ("book", address_book::path()?.display().to_string().into()),
    ]);
    Ok(())
}

fn list(out: &Output) -> Result<()> {
    let rows = address_book::read()?
        .into_iter()
        .map(|(name, address)| vec![Cell::from(name), address.to_string().into()]);
    out.table(
        &["name", "address"],
        rows.collect(),
        "No names: give one with `lode address add NAME ADDRESS`.",
    );
    Ok(())
}

fn remove(name: &str, out: &Output) -> Result<()> {
    let stood_for = address_book::change(|names: &mut Names| match names.remove(name) {
        Some(address) => Ok(address),
        None => bail!("`{name}` is not in the address book: `lode address list` shows the names"),
    })?;
    out.sheet(vec![
        ("removed", name.into()),
        ("address", stood_for.to_string().into()),
    ]);
    Ok(())
}
