//! The `lode` command: arguments, output, progress. What it does is done by the libraries.
mod address_book;
mod commands;
mod context;
#[cfg(test)]
mod documented;
mod dry_run;
mod examples;
mod exit;
mod hooks;
mod landed;
mod local;
mod nodes;
mod offline;
mod output;
mod progress;
mod sheet;
mod shutdown;
mod signers;
mod spec;
mod telemetry;
mod tree;

use clap::{FromArgMatches as _, Parser};
use std::process::ExitCode;

/// Lode: buy and sell computing on Solana.
#[derive(Parser)]
#[command(name = "lode", version, propagate_version = true)]
struct Cli {
    #[command(flatten)]
    global: context::GlobalArgs,
    #[command(subcommand)]
    command: commands::Command,
}

fn main() -> ExitCode {
    // A job is run by this same binary, started again with less rights: nothing may happen before this line.
    lode_runtime::child::maybe_run_child();
    let matches = tree::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    init_logs(&cli.global);
    if let Some(why) = dry_run::refusal(&cli.global, &tree::path_of(&matches)) {
        let conflict = clap::error::ErrorKind::ArgumentConflict;
        tree::command().error(conflict, why).exit();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::anyhow!("The system gives no threads: {error}")),
    };
    let ended = match runtime.block_on(commands::run(cli.command, &cli.global)) {
        // it ended early, having shown what it was asked to show
        Err(error) if error.is::<exit::Shown>() => Ok(()),
        ended => ended,
    };
    match ended.and_then(|()| landed::require_written()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(error: &anyhow::Error) -> ExitCode {
    // Causes are part of the sentence; a backtrace is for who wrote this, not for who uses it.
    let sentence = output::harmless(&exit::sentence(error));
    eprintln!("{} {sentence}", output::error_prefix());
    exit::Code::of(error).into()
}

fn init_logs(global: &context::GlobalArgs) {
    use lode_telemetry::logs::{self, Format};
    let format = global.log_format.unwrap_or(match global.output {
        output::Format::Json => Format::Json,
        output::Format::Table => Format::Text,
    });
    let usual = "warn,lode_node=info,lode_oracle_agent=info,lode_gateway=info,lode_crank=info,lode_index=info";
    logs::init(format, usual, output::stderr_has_colour());
}
