//! `lode completions` and `lode man`: the commands, as a shell and as `man` read them.
use crate::output::{self, Output};
use crate::tree;
use anyhow::{Context as _, Result};
use clap::Command;
use clap_complete::Shell;
use serde_json::json;
use std::path::Path;

/// Prints the completions of a shell.
pub fn completions(shell: Shell, out: &Output) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut tree::command(), "lode", &mut script);
    if !out.is_for_people() {
        let script = String::from_utf8(script)?;
        out.json(&json!({ "shell": shell.to_string(), "script": script }));
        return Ok(());
    }
    output::write(&script);
    Ok(())
}

/// Writes a manual page for each command.
pub fn man(folder: &Path, out: &Output) -> Result<()> {
    let cannot = || {
        format!(
            "The manual cannot be written into {}: name another folder",
            folder.display()
        )
    };
    std::fs::create_dir_all(folder).with_context(cannot)?;
    let all = tree::command();
    let pages = count(&all);
    clap_mangen::generate_to(all, folder).with_context(cannot)?;
    out.sheet(vec![
        ("folder", folder.display().to_string().into()),
        ("pages", pages.into()),
    ]);
    Ok(())
}

/// A command and all below it.
fn count(command: &Command) -> usize {
    let below: usize = command.get_subcommands().map(count).sum();
    below.saturating_add(1)
}
