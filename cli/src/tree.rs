//! The tree of commands as it is used: what the commands declare, and what is the same for all of them.
use crate::{address_book, examples, exit, Cli};
use clap::{ArgMatches, Command, CommandFactory as _};
use solana_address::Address;
use std::any::TypeId;

/// Every command, with its examples, and with names of the address book wherever an address is taken.
pub fn command() -> Command {
    dress(Cli::command(), "").after_help(exit::HELP)
}

/// `path` are the names above and of this command, without the program's.
fn dress(command: Command, path: &str) -> Command {
    let dressed = command
        .mut_args(|arg| {
            if arg.get_value_parser().type_id() == TypeId::of::<Address>() {
                arg.value_parser(address_book::parse)
            } else {
                arg
            }
        })
        .mut_subcommands(|sub| {
            let path = join(path, sub.get_name());
            dress(sub, &path)
        });
    match examples::help_of(path) {
        Some(examples) => dressed.after_help(examples),
        None => dressed,
    }
}

fn join(path: &str, name: &str) -> String {
    match path {
        "" => name.to_string(),
        path => format!("{path} {name}"),
    }
}

/// The command that was given: `node run`.
pub fn path_of(matches: &ArgMatches) -> String {
    let (mut path, mut at) = (String::new(), matches);
    while let Some((name, below)) = at.subcommand() {
        path = join(&path, name);
        at = below;
    }
    path
}

/// The commands that do something, by their path, in the order of the help.
#[cfg(test)]
pub fn leaves() -> Vec<(String, Command)> {
    fn walk(command: Command, path: &str, found: &mut Vec<(String, Command)>) {
        let below: Vec<Command> = command.get_subcommands().cloned().collect();
        if below.is_empty() {
            found.push((path.to_string(), command));
            return;
        }
        for sub in below {
            let path = join(path, sub.get_name());
            walk(sub, &path, found);
        }
    }
    let mut found = Vec::new();
    walk(command(), "", &mut found);
    found
}

#[cfg(test)]
#[path = "../tests/common/snapshot.rs"]
#[allow(clippy::unwrap_used)]
mod snapshot;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn no_command_contradicts_itself() {
        command().debug_assert();
    }

    /// The help of a command and all below it, as it is in a terminal 100 characters wide.
    fn help(command: &mut Command, told: &mut String) {
        let text = command.render_long_help().to_string();
        // what every command takes is told once
        let (own, shared) = text.split_once(EVERYWHERE).unwrap_or((&text, ""));
        let after = shared.split_once("\n\nExamples:").map(|(_, after)| after);
        let examples = after.map_or_else(String::new, |after| format!("Examples:{after}"));
        let name = command.get_bin_name().unwrap_or("lode");
        let shown = match name {
            "lode" => text.clone(),
            _ => format!("{own}{examples}"),
        };
        told.push_str(&format!("===== {name} =====\n{}\n\n", shown.trim_end()));
        for sub in command.get_subcommands_mut() {
            help(sub, told);
        }
    }

    const EVERYWHERE: &str = "Options of every command:";

    #[test]
    fn the_help_of_every_command_is_what_it_was() {
        let mut told = String::new();
        let mut all = command().term_width(100).disable_help_subcommand(true);
        all.build();
        help(&mut all, &mut told);
        assert_eq!(
            told.contains("usb://ledger"),
            cfg!(feature = "hardware-wallet")
        );
        // the one that is kept is of the build that most people have
        if cfg!(feature = "localnet") && !cfg!(feature = "hardware-wallet") {
            snapshot::require_same("help.txt", &told);
        }
    }

    #[test]
    fn the_path_of_a_command_is_its_names() {
        let matches = command().try_get_matches_from(["lode", "job", "list", "--all"]);
        assert_eq!(path_of(&matches.unwrap()), "job list");
        let alias = command().try_get_matches_from(["lode", "market", "close"]);
        assert_eq!(path_of(&alias.unwrap()), "market close-entry");
    }

    #[test]
    fn every_address_may_be_a_name() {
        for (path, command) in leaves() {
            for arg in command.get_arguments() {
                let named = arg.get_value_names().into_iter().flatten();
                let is_address = named.clone().any(|name| name == "ADDRESS");
                let of_address = arg.get_value_parser().type_id() == TypeId::of::<Address>();
                // --listen and --metrics are addresses of sockets
                if is_address && !["listen", "metrics"].contains(&arg.get_id().as_str()) {
                    assert!(of_address, "{path}: {}", arg.get_id());
                }
            }
        }
    }
}
