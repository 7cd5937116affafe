//! `cargo xtask`: what people and CI run.
//!
//! Every command prepares what it needs by itself, so a fresh machine needs nothing but a Rust toolchain, and Node for the
//! tests.

mod bench;
mod bench_runtime;
mod book;
mod build;
mod demo;
mod dist;
mod idl;
mod keys;
mod mutants;
mod postgres;
mod reference;
mod refusals;
mod setup;
mod shell;
mod simulate;
mod soak;
mod test;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Build, test and demonstrate Lode")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what is missing (says so first; safe to run twice)
    Setup,
    /// Compile the programs to target/deploy/*.so, and the `lode` command to target/debug/lode
    Build {
        /// Also recompile the example workloads to WebAssembly modules
        #[arg(long)]
        workloads: bool,
    },
    /// Check formatting and lints, then run every test
    Test,
    /// A whole network on this machine, two real jobs, the money before and after
    Demo {
        /// With what is built already
        #[arg(long)]
        built: bool,
        /// Beside the tests: it may take longer, and ends with whoever holds its standard input
        #[arg(long, hide = true, requires = "built")]
        beside_tests: bool,
    },
    /// Measure compute units, accounts and binaries into docs/costs.md; `bench runtime` measures jobs into docs/runtime.md
    Bench {
        #[command(subcommand)]
        what: Option<Bench>,
        /// Take what the last tests measured, and run nothing
        #[arg(long)]
        measured: bool,
    },
    /// Describe the programs for clients in other languages, in idl/
    Idl {
        /// Only say whether what is committed is current
        #[arg(long)]
        check: bool,
    },
    /// Build `lode` as static files for operators' machines, in target/dist
    Dist {
        /// x86_64-unknown-linux-musl, aarch64-unknown-linux-musl; both without one
        targets: Vec<String>,
    },
    /// Make a book of the guides, in target/book
    Book,
    /// A thousand jobs on a network that lies, is silent and fails; what is left must add up
    Soak {
        /// Arguments of the soak, such as `--jobs 50`; `-- --help` lists them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Take checks out one by one, and say where no test fails
    Mutants {
        #[command(subcommand)]
        what: Mutants,
        /// Stop after so many minutes; the next call goes on from there
        #[arg(long, global = true)]
        minutes: Option<u64>,
        /// Run those that survived once more
        #[arg(long, global = true)]
        again: bool,
        /// Only those whose file, line and kind contain this
        #[arg(long, global = true)]
        only: Option<String>,
    },
    /// Compute what the protocol would do over years, and fail where it would break a bound
    Simulate {
        #[command(subcommand)]
        what: Simulate,
    },
    /// Make program ids of your own and write them wherever they stand
    Keys,
}

#[derive(Subcommand)]
enum Bench {
    /// Measure what a unit takes, how fast jobs are and what real modules need, into docs/runtime.md
    Runtime,
}

#[derive(Subcommand)]
enum Mutants {
    /// Of the programs, against the tests on the SVM
    Programs,
    /// Of math, attestation, token and authority, against their own tests
    Crates,
}

#[derive(Subcommand)]
enum Simulate {
    /// Ten years of emissions with whales, splitters and washers, into docs/emissions.md and docs/emissions.svg
    Emissions,
}

fn main() -> std::process::ExitCode {
    shell::forget_cargo();
    let result = match Arguments::parse().command {
        Command::Setup => setup::everything(),
        Command::Build { workloads } => build::everything(workloads),
        Command::Test => test::everything(),
        Command::Demo {
            beside_tests: true, ..
        } => demo::beside_tests(),
        Command::Demo { built: true, .. } => demo::alone(),
        Command::Demo { built: false, .. } => demo::everything(),
        Command::Bench {
            what: Some(Bench::Runtime),
            ..
        } => bench_runtime::everything(),
        Command::Bench {
            measured: false, ..
        } => bench::everything(),
        Command::Bench { measured: true, .. } => bench::write(),
        Command::Idl { check: true } => idl::check(),
        Command::Idl { check: false } => idl::write(),
        Command::Dist { targets } => dist::build(&targets),
        Command::Book => book::make(),
        Command::Mutants {
            what,
            minutes,
            again,
            only,
        } => {
            let asked = mutants::Asked {
                minutes,
                again,
                only,
            };
            match what {
                Mutants::Programs => mutants::programs(&asked),
                Mutants::Crates => mutants::crates(&asked),
            }
        }
        Command::Soak { arguments } => soak::everything(&arguments),
        Command::Simulate {
            what: Simulate::Emissions,
        } => simulate::emissions(),
        Command::Keys => keys::write(),
    };
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
