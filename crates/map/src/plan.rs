//! What is asked, and how it is divided.
use crate::work::{self, PLACE};
use crate::{Error, Input, Range, Result};
use lode_client::NodesWanted;
use lode_jobs::state::Market;
use lode_runtime::child::{self, Limits};
use lode_runtime::{Blob, End, Outcome, FUEL_PER_UNIT, MAX_INPUT_BYTES, MAX_SPEC_BYTES};
use lode_store::BlobHash;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Inputs that are run here to see what the others take.
const SAMPLES: usize = 3;
/// However small the inputs are, as many jobs as this are made of them: several nodes work at the same time.
const LEAST_JOBS: usize = 16;
/// A job's own costs are at most this part of the work in it, where enough inputs are there to make it so.
const OVERHEAD_PART: u64 = 10;
/// A limit is this many times what the samples let expect: what is not used is not paid, and a run that hits its limit is
/// paid for nothing.
const MARGIN: u64 = 2;
/// Of a spec, the inputs may take so many bytes.
const SPEC_ROOM: usize = MAX_SPEC_BYTES - (8 << 10);
/// What an input takes in a spec beside its name, which stands there twice.
const ENTRY_BYTES: usize = 150;
/// The least that a file takes in a spec beside its name.
const LEAST_ENTRY_BYTES: usize = 97;

/// A module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Where it lies on this machine.
    pub path: PathBuf,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// Its bytes.
    pub size: u64,
}

impl Program {
    /// The module in a file.
    ///
    /// # Errors
    /// A file that cannot be read or is no WebAssembly module.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::reading(path))?;
        if !bytes.starts_with(b"\0asm") {
            return Err(Error::asked(format!(
                "{} is no WebAssembly module: compile the program with `--target wasm32-wasip1`",
                path.display()
            )));
        }
        Ok(Self {
            path: path.into(),
            sha256: BlobHash::of(&bytes).to_string(),
            size: bytes.len() as u64,
        })
    }

    pub(crate) fn blob(&self) -> Result<Blob> {
        let hash: BlobHash = self.sha256.parse()?;
        Ok(Blob {
            sha256: hash.0,
            size: self.size,
        })
    }
}

/// What is asked. Who asks the same again in the same folder goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Market in which the jobs are posted.
    pub market: String,
    /// Who posts them.
    pub customer: String,
    /// Base units per million units.
    pub price: u64,
    /// Every job is checked for certain.
    pub checked: bool,
    /// Which nodes may run them.
    #[serde(default)]
    pub nodes: NodesWanted,
    /// What every job runs.
    pub program: Program,
    /// Its arguments; `{}` stands for the inputs.
    pub args: Vec<String>,
    /// Its environment.
    pub env: Vec<String>,
    /// Most memory of a job.
    pub memory_mib: u64,
    /// Most output of a job, bytes.
    pub output_limit: u64,
    /// The time that the programs are told.
    pub clock: Option<u64>,
    /// Seed of their random numbers.
    pub seed: Option<u64>,
    /// The inputs, in order.
    pub inputs: Vec<Input>,
    /// So many inputs a job, whatever they take.
    pub batch: Option<usize>,
    /// Most units of a job; without it, a multiple of what the samples let expect.
    pub units_limit: Option<u64>,
    /// The module of the last job, over all results.
    pub reduce: Option<Program>,
    /// Its arguments.
    pub reduce_args: Vec<String>,
}

impl Task {
    /// The first thing that differs from another task.
    pub(crate) fn difference(&self, other: &Self) -> Option<&'static str> {
        [
            ("the market", self.market == other.market),
            ("the wallet", self.customer == other.customer),
            (
                "the price",
                self.price == other.price && self.checked == other.checked,
            ),
            ("which nodes may run it", self.nodes == other.nodes),
            ("the module", self.program == other.program),
            (
                "an argument",
                self.args == other.args && self.env == other.env,
            ),
            (
                "the list of inputs or one of them",
                self.inputs == other.inputs,
            ),
            (
                "the last job",
                self.reduce == other.reduce && self.reduce_args == other.reduce_args,
            ),
            ("an option", self == other),
        ]
        .into_iter()
        .find_map(|(what, same)| (!same).then_some(what))
    }

    /// Only one input has room where `{}` is part of an argument.
    fn takes_one(&self) -> bool {
        self.args
            .iter()
            .any(|arg| arg != PLACE && arg.contains(PLACE))
    }
}

/// What inputs take, as far as samples tell.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// Fuel of the smallest sample.
    pub fuel: u64,
    /// Bytes of that sample.
    pub bytes: u64,
    /// Fuel that each further byte takes.
    pub fuel_a_byte: u64,
}

impl Measure {
    /// The line below which all samples lie.
    fn of(samples: &[(u64, u64)]) -> Self {
        let (bytes, mut fuel) = samples.iter().copied().min().unwrap_or_default();
        let mut fuel_a_byte = 0;
        for (size, taken) in samples {
            match size.checked_sub(bytes) {
                None | Some(0) => fuel = fuel.max(*taken),
                Some(more) => {
                    fuel_a_byte = fuel_a_byte.max(taken.saturating_sub(fuel).div_ceil(more));
                }
            }
        }
        Self {
            fuel,
            bytes,
            fuel_a_byte,
        }
    }

    fn fuel_of(&self, input: &Input) -> u64 {
        let more = input.size().saturating_sub(self.bytes);
        self.fuel
            .saturating_add(self.fuel_a_byte.saturating_mul(more))
    }
}

/// How a task is divided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of this file.
    pub v: u32,
    /// What was asked.
    pub task: Task,
    /// What the samples took.
    pub measure: Measure,
    /// The jobs, in order.
    pub jobs: Vec<Range>,
}

impl Plan {
    /// Runs a few inputs here and divides the rest by what they took. `fees` is what a job costs in network fees, in the
    /// market's base units, or 0 where nobody knows.
    ///
    /// The program that runs this must begin with [`child::maybe_run_child`].
    ///
    /// # Errors
    /// No inputs, inputs that no job can have, and a program that fails on a sample.
    pub fn make(task: Task, market: &Market, fees: u64) -> Result<Self> {
        if task.inputs.is_empty() {
            return Err(Error::asked(
                "There are no inputs: give files, a folder, --list or --lines",
            ));
        }
        if task.batch == Some(0) || (task.batch.is_some_and(|n| n > 1) && task.takes_one()) {
            return Err(Error::asked(
                "Where `{}` is part of an argument, a job takes one input: give --batch 1, or an argument that is `{}` alone",
            ));
        }
        let limit = task.units_limit.unwrap_or(market.units_limit);
        let mut samples = Vec::new();
        let mut written = Vec::new();
        for at in samples_of(&task.inputs) {
            let input = task.inputs.get(at..=at).unwrap_or_default();
            let work = work::over(&task, input)?;
            require_fit(&work, market)?;
            let tried = trial(&work, limit)?;
            if tried.end != End::Exit(0) {
                let name = input.first().map(Input::argument).unwrap_or_default();
                return Err(Error::asked(format!(
                    "The program fails on {name} when it is run here ({}), and nothing was posted: {}",
                    tried.end, tried.said
                )));
            }
            samples.push((input.first().map_or(0, Input::size), tried.fuel));
            written.push(tried.files);
        }
        let measure = Measure::of(&samples);
        let jobs = divide(&task, market, &measure, fees)?;
        if task.reduce.is_some() {
            let writers = writers(&task, &jobs, &written, limit)?;
            require_last(&written, writers, jobs.len())?;
        }
        Ok(Self {
            v: 1,
            task,
            measure,
            jobs,
        })
    }

    /// The inputs of a job.
    pub fn inputs(&self, range: Range) -> &[Input] {
        self.task
            .inputs
            .get(range.from..range.to)
            .unwrap_or_default()
    }

    /// Where the last job stands: behind all inputs.
    pub fn last(&self) -> Range {
        let end = self.task.inputs.len();
        Range { from: end, to: end }
    }

    /// What a job may take, the margin counted.
    pub(crate) fn limit(&self, range: Range, base: u64, market: &Market) -> u64 {
        let wanted = self.task.units_limit.unwrap_or_else(|| {
            let fuel = self.inputs(range).iter().fold(0u64, |sum, input| {
                sum.saturating_add(self.measure.fuel_of(input))
            });
            base.saturating_add(units(fuel).saturating_mul(MARGIN))
                .saturating_add(1)
        });
        wanted.min(market.units_limit)
    }
}

fn units(fuel: u64) -> u64 {
    fuel.div_ceil(FUEL_PER_UNIT)
}

/// The smallest input, the largest and the one in between.
fn samples_of(inputs: &[Input]) -> Vec<usize> {
    let mut by_size: Vec<usize> = (0..inputs.len()).collect();
    by_size.sort_by_key(|at| inputs.get(*at).map_or(0, Input::size));
    let last = by_size.len().saturating_sub(1);
    let mut chosen: Vec<usize> = (0..SAMPLES)
        .filter_map(|i| by_size.get(last * i / (SAMPLES - 1)).copied())
        .collect();
    chosen.dedup();
    chosen
}

/// What a run here came to.
pub(crate) struct Tried {
    /// How it ended.
    pub end: End,
    /// Fuel that it took.
    pub fuel: u64,
    /// What it said on stderr.
    pub said: String,
    /// The files that it wrote.
    pub files: Vec<String>,
}

/// Runs a job here.
pub(crate) fn trial(work: &work::Work, limit: u64) -> Result<Tried> {
    let read = |hash: [u8; 32]| -> Result<Vec<u8>> {
        match work.files.iter().find(|(blob, _)| blob.sha256 == hash) {
            Some((_, path)) => std::fs::read(path).map_err(Error::reading(path)),
            None => Ok(Vec::new()),
        }
    };
    let spec = &work.spec;
    let inputs = spec.inputs.iter().map(|input| read(input.sha256));
    let inputs = inputs.collect::<Result<Vec<_>>>()?;
    let stdin = spec
        .stdin
        .map_or(Ok(Vec::new()), |blob| read(blob.sha256))?;
    let module = read(spec.module.sha256)?;
    let limits = Limits::default();
    match child::run(&work.stored, &module, &stdin, &inputs, limit, limits)? {
        Outcome::Receipt(run) => {
            let receipt = run.receipt;
            let mut outputs = run.outputs.iter();
            let said = outputs.find(|bytes| Blob::of(bytes) == receipt.stderr);
            let said = said.map(|bytes| String::from_utf8_lossy(bytes).trim().to_string());
            Ok(Tried {
                end: receipt.end,
                fuel: receipt.fuel,
                said: said.unwrap_or_default(),
                files: receipt.files.into_iter().map(|file| file.path).collect(),
            })
        }
        Outcome::Host(end) => Err(Error::asked(format!(
            "This machine could not bring a job to an end ({end}), and a node might not either: give each job less to do"
        ))),
    }
}

/// How often the jobs write as many files as a sample did: once for each input where two inputs of one job write more than
/// one of them, else once for each job.
fn writers(task: &Task, jobs: &[Range], written: &[Vec<String>], limit: u64) -> Result<usize> {
    let least = written.iter().map(Vec::len).min().unwrap_or_default();
    let several = jobs.iter().find(|range| range.count() > 1 && least > 0);
    let Some(range) = several else {
        return Ok(jobs.len());
    };
    let two = range.from..range.from.saturating_add(2);
    let work = work::over(task, task.inputs.get(two).unwrap_or_default())?;
    let tried = trial(&work, limit)?;
    let each = tried.end == End::Exit(0) && tried.files.len() >= least.saturating_mul(2);
    Ok(match each {
        true => task.inputs.len(),
        false => jobs.len(),
    })
}

/// Refuses what the last job could not be given: a file of one name from several jobs, and more names than its spec has room
/// for. What the samples write their like write too.
fn require_last(written: &[Vec<String>], writers: usize, jobs: usize) -> Result<()> {
    const INSTEAD: &str = "let the programs print, which the last job reads on stdin, or leave --reduce out and run that job over the files that it needs";
    let mut names = BTreeSet::new();
    let twice = written.iter().flatten().find(|name| !names.insert(*name));
    if let (Some(name), true) = (twice, jobs > 1) {
        return Err(Error::asked(format!(
            "Several jobs would write a file `{name}`, and the last job can have only one of that name, so nothing was posted: call files by their inputs, {INSTEAD}"
        )));
    }
    let bytes = |files: &Vec<String>| {
        let entries = files.iter().map(|name| LEAST_ENTRY_BYTES + name.len());
        entries.fold(0, usize::saturating_add)
    };
    let least = written.iter().map(bytes).min().unwrap_or_default();
    if least.saturating_mul(writers) > MAX_SPEC_BYTES {
        let files = written.iter().map(Vec::len).min().unwrap_or_default();
        return Err(Error::asked(format!(
            "The jobs would write {} files or more, and the last job's spec has no room to name so many, so nothing was posted: {INSTEAD}",
            files.saturating_mul(writers)
        )));
    }
    Ok(())
}

/// What a market lets a job have.
pub(crate) fn require_fit(work: &work::Work, market: &Market) -> Result<()> {
    if work.spec.memory_mib > u64::from(market.memory_mib) {
        return Err(Error::asked(format!(
            "A job asks for {} MiB of memory, the market gives {}: lower --memory-mib, or take another market",
            work.spec.memory_mib, market.memory_mib
        )));
    }
    let largest = work.spec.blobs().iter().map(|blob| blob.size).max();
    let largest = largest.unwrap_or_default().max(work.spec.output_limit);
    if largest > market.blob_limit {
        return Err(Error::asked(format!(
            "A job has or may write {largest} bytes in one file, the market's store takes {}: make the files or --output-mib smaller, or take another market",
            market.blob_limit
        )));
    }
    if work.spec.base_units() >= market.units_limit {
        return Err(Error::asked(format!(
            "A job takes {} units before it begins, the market gives {}: make the module or the files smaller, or take another market",
            work.spec.base_units(), market.units_limit
        )));
    }
    Ok(())
}

/// How many inputs a job takes so that its own costs are a small part of its work, and several nodes have work.
fn batch(task: &Task, base: u64, measure: &Measure, fees: u64) -> usize {
    if task.takes_one() {
        return 1;
    }
    let count = task.inputs.len();
    let fuel = task.inputs.iter().fold(0u64, |sum, input| {
        sum.saturating_add(measure.fuel_of(input))
    });
    let fuel_each = (fuel / count.max(1) as u64).max(1);
    // Fees in units at this price, as they are in tokens.
    let fees =
        u128::from(fees) * u128::from(lode_math::bills::PRICE_PER) / u128::from(task.price.max(1));
    let own = (u128::from(base) + fees) * u128::from(FUEL_PER_UNIT);
    let wanted = (own * u128::from(OVERHEAD_PART)).div_ceil(u128::from(fuel_each));
    let most = count.div_ceil(LEAST_JOBS).max(1);
    usize::try_from(wanted).unwrap_or(most).clamp(1, most)
}

/// Takes inputs into a job until it is full.
fn divide(task: &Task, market: &Market, measure: &Measure, fees: u64) -> Result<Vec<Range>> {
    let base = work::over(task, &[])?.spec.base_units();
    let most = task
        .batch
        .unwrap_or_else(|| batch(task, base, measure, fees));
    // Half of what the market takes at most: the margin needs the rest.
    let room = market.units_limit.saturating_sub(base) / MARGIN;
    let mut jobs: Vec<Range> = Vec::new();
    let (mut from, mut bytes, mut fuel, mut size) = (0, 0usize, 0u64, 0u64);
    for (at, input) in task.inputs.iter().enumerate() {
        let name = input.argument().len();
        let entry = name.saturating_mul(4).saturating_add(ENTRY_BYTES);
        let takes = measure.fuel_of(input);
        let full = at.saturating_sub(from) >= most
            || bytes.saturating_add(entry) > SPEC_ROOM
            || size.saturating_add(input.size()) > MAX_INPUT_BYTES
            || units(fuel.saturating_add(takes)) > room;
        if full && at > from {
            jobs.push(Range { from, to: at });
            (from, bytes, fuel, size) = (at, 0, 0, 0);
        }
        bytes = bytes.saturating_add(entry);
        fuel = fuel.saturating_add(takes);
        size = size.saturating_add(input.size());
    }
    jobs.push(Range {
        from,
        to: task.inputs.len(),
    });
    // Whatever was reckoned above: each of them is a job that can be.
    for range in &jobs {
        let inputs = task.inputs.get(range.from..range.to).unwrap_or_default();
        require_fit(&work::over(task, inputs)?, market)?;
    }
    Ok(jobs)
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use lode_client::bytemuck::Zeroable;
    use proptest::prelude::*;

    pub(crate) fn market() -> Market {
        let mut market = Market::zeroed();
        market.units_limit = 1_000_000;
        market.memory_mib = 1_024;
        market.blob_limit = 64 << 20;
        market
    }

    pub(crate) fn task(inputs: Vec<Input>) -> Task {
        Task {
            market: String::new(),
            customer: String::new(),
            price: 1_000,
            checked: false,
            nodes: NodesWanted::default(),
            program: Program {
                path: "program.wasm".into(),
                sha256: "ab".repeat(32),
                size: 51_200,
            },
            args: Vec::new(),
            env: Vec::new(),
            memory_mib: 64,
            output_limit: 1 << 20,
            clock: None,
            seed: None,
            inputs,
            batch: None,
            units_limit: None,
            reduce: None,
            reduce_args: Vec::new(),
        }
    }

    fn lines(count: usize) -> Vec<Input> {
        (0..count).map(|i| Input::Line(i.to_string())).collect()
    }

    const TINY: Measure = Measure {
        fuel: 1_000,
        bytes: 0,
        fuel_a_byte: 0,
    };

    proptest! {
        // Each case parses every spec that it makes.
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn every_input_is_in_exactly_one_job_in_order_and_no_job_is_too_large(
            sizes in prop::collection::vec(0u64..60_000_000, 1..300),
            batch in prop::option::of(1usize..50), fuel_a_byte in 0u64..20_000,
        ) {
            let inputs = sizes.iter().enumerate().map(|(i, size)| Input::File {
                name: format!("input-{i}"), path: PathBuf::new(), sha256: "cd".repeat(32), size: *size,
            });
            let mut task = task(inputs.collect());
            task.batch = batch;
            let (market, measure) = (market(), Measure { fuel_a_byte, ..TINY });
            let jobs = divide(&task, &market, &measure, 0).unwrap();
            let mut next = 0;
            for range in &jobs {
                prop_assert_eq!(range.from, next);
                prop_assert!(range.to > range.from);
                next = range.to;
                let inputs = &task.inputs[range.from..range.to];
                prop_assert!(batch.is_none_or(|most| inputs.len() <= most));
                let fuel: u64 = inputs.iter().map(|input| measure.fuel_of(input)).sum();
                prop_assert!(inputs.len() == 1 || units(fuel) * MARGIN <= market.units_limit);
            }
            prop_assert_eq!(next, task.inputs.len());
        }
    }

    #[test]
    fn small_inputs_share_a_job_as_long_as_several_nodes_have_work_and_large_ones_do_not() {
        let of = |count, fuel, fees| {
            let measure = Measure { fuel, ..TINY };
            batch(&task(lines(count)), 164, &measure, fees)
        };
        assert_eq!(of(2_000, 1_000, 0), 125);
        assert_eq!(of(2_000, 164 * FUEL_PER_UNIT, 0), 10);
        assert_eq!(of(2_000, 164 * FUEL_PER_UNIT * 10, 0), 1);
        // what the network takes for a job counts like units that the job takes for itself
        assert_eq!(of(2_000, 164 * FUEL_PER_UNIT * 10, 164), 125);
        assert_eq!(of(3, 1_000, 0), 1);
        let mut one = task(lines(2_000));
        one.args = vec!["--seed={}".into()];
        assert_eq!(batch(&one, 164, &TINY, 0), 1);
    }

    #[test]
    fn many_long_names_fill_a_spec_and_begin_another_job() {
        let long = (0..400).map(|i| Input::Line(format!("{i}{}", "n".repeat(1_000))));
        let jobs = divide(&task(long.collect()), &market(), &TINY, 0).unwrap();
        assert!(jobs.len() > 16, "{}", jobs.len());
    }

    #[test]
    fn a_last_job_that_could_not_have_every_file_is_refused_while_nothing_is_paid() {
        let files = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
        let said = |written: &[Vec<String>], writers, jobs| {
            require_last(written, writers, jobs).map_err(|error| error.to_string())
        };
        let same: [Vec<String>; 2] = [files(&["a", "report"]), files(&["b", "report"])];
        let refused = said(&same, 2, 2).unwrap_err();
        assert!(refused.contains("`report`"), "{refused}");
        // one job writes it over what it wrote before
        said(&same, 1, 1).unwrap();
        // files that only some inputs have are not known of all
        said(&[files(&["a"]), files(&[])], 100_000, 100_000).unwrap();

        let apart: [Vec<String>; 2] = [files(&["a-name", "another"]), files(&["third"])];
        let fit = MAX_SPEC_BYTES / (LEAST_ENTRY_BYTES + 5);
        said(&apart, fit, fit).unwrap();
        let refused = said(&apart, fit + 1, 16).unwrap_err();
        assert!(
            refused.contains(&format!("{} files", fit + 1)) && refused.contains("stdin"),
            "{refused}"
        );
    }

    #[test]
    fn the_least_that_a_file_takes_in_a_spec_is_what_the_shortest_takes() {
        let spec = |count: u8| {
            let blob = Blob {
                sha256: [1; 32],
                size: 1,
            };
            let files = (0..count).map(|i| (i.to_string(), PathBuf::new(), blob));
            let stdin = (PathBuf::new(), blob);
            let task = task(Vec::new());
            let work = work::last(&task, &task.program, stdin, files.collect());
            work.unwrap().stored.len()
        };
        assert_eq!(spec(3) - spec(2), LEAST_ENTRY_BYTES + 1);
    }

    #[test]
    fn all_samples_lie_below_the_line_that_limits_are_made_of() {
        for samples in [
            vec![(10, 500)],
            vec![(10, 500), (10, 900), (10, 100)],
            vec![(10, 500), (20, 800), (1_000, 1_000)],
            vec![(0, 0), (1, 7), (3, 1)],
        ] {
            let measure = Measure::of(&samples);
            for (size, fuel) in &samples {
                let input = Input::File {
                    name: String::new(),
                    path: PathBuf::new(),
                    sha256: String::new(),
                    size: *size,
                };
                assert!(measure.fuel_of(&input) >= *fuel, "{samples:?}");
            }
        }
    }

    #[test]
    fn samples_are_the_smallest_the_largest_and_one_between() {
        let inputs: Vec<Input> = [5, 1, 9, 3, 7]
            .iter()
            .map(|n| Input::Line("x".repeat(*n)))
            .collect();
        assert_eq!(samples_of(&inputs), [1, 0, 2]);
        assert_eq!(samples_of(&inputs[..1]), [0]);
    }

    #[test]
    fn whatever_differs_is_named() {
        let first = task(lines(3));
        let differs = |change: fn(&mut Task)| {
            let mut other = first.clone();
            change(&mut other);
            other.difference(&first)
        };
        assert_eq!(differs(|_| {}), None);
        assert_eq!(differs(|task| task.price += 1), Some("the price"));
        assert_eq!(differs(|task| task.checked = true), Some("the price"));
        assert_eq!(
            differs(|task| task.program.sha256.push('0')),
            Some("the module")
        );
        assert_eq!(
            differs(|task| task.args.push("x".into())),
            Some("an argument")
        );
        assert_eq!(
            differs(|task| task.inputs.truncate(2)),
            Some("the list of inputs or one of them")
        );
        assert_eq!(differs(|task| task.batch = Some(7)), Some("an option"));
        assert_eq!(differs(|task| task.seed = Some(7)), Some("an option"));
    }
}
