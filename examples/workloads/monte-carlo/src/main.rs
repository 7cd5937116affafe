//! How likely is it that water finds a way through a porous square? A Monte-Carlo estimate that divides into parts.
//!
//! `monte-carlo [--trials N] [--size N] [--open PERCENT] SEED...` throws N squares for each seed and prints a line
//! `seed trials hits`. `monte-carlo --combine` reads such lines from stdin and prints the estimate of all of them
//! together: what `lode job map` does with the parts.
use std::io::Read;
use std::process::ExitCode;

/// What is thrown.
struct Square {
    size: usize,
    open_percent: u64,
    trials: u64,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("monte-carlo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let mut square = Square {
        size: 32,
        open_percent: 59,
        trials: 2_000,
    };
    let mut seeds = Vec::new();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut number = || number(&args.next().ok_or(format!("{arg} needs a value"))?);
        match arg.as_str() {
            "--combine" => return combine(),
            "--trials" => square.trials = number()?,
            "--size" => square.size = number()?.clamp(1, 1_000) as usize,
            "--open" => square.open_percent = number()?,
            other => seeds.push(self::number(other)?),
        }
    }
    if seeds.is_empty() {
        return Err("give a seed, or several".into());
    }
    for seed in seeds {
        println!("{seed} {} {}", square.trials, square.hits(seed));
    }
    Ok(())
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` is no number"))
}

impl Square {
    /// In how many squares the top is connected with the bottom through open cells.
    fn hits(&self, seed: u64) -> u64 {
        // Above this, of 2^32, a cell is closed: no float decides anything.
        let open = ((1u64 << 32) * self.open_percent.min(100)) / 100;
        let mut random = Random(seed);
        let mut cells = vec![false; self.size * self.size];
        let mut stack = Vec::new();
        let mut hits = 0;
        for _ in 0..self.trials {
            for cell in &mut cells {
                *cell = random.next() >> 32 < open;
            }
            hits += u64::from(self.leaks(&mut cells, &mut stack));
        }
        hits
    }

    /// Pours water in at the top; closes every cell that it reaches.
    fn leaks(&self, cells: &mut [bool], stack: &mut Vec<usize>) -> bool {
        let size = self.size;
        stack.clear();
        stack.extend(0..size);
        while let Some(at) = stack.pop() {
            if !std::mem::replace(&mut cells[at], false) {
                continue;
            }
            if at >= size * (size - 1) {
                return true;
            }
            let column = at % size;
            stack.push(at + size);
            stack.extend((at >= size).then(|| at - size));
            stack.extend((column > 0).then(|| at - 1));
            stack.extend((column + 1 < size).then(|| at + 1));
        }
        false
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// Adds up the parts.
fn combine() -> Result<(), String> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| format!("stdin cannot be read: {error}"))?;
    let (mut parts, mut trials, mut hits) = (0u64, 0u64, 0u64);
    for line in text.lines() {
        let fields: Result<Vec<u64>, String> = line.split(' ').map(number).collect();
        let [_, of, hit] = fields?[..] else {
            return Err(format!("`{line}` is not `seed trials hits`"));
        };
        (parts, trials, hits) = (parts + 1, trials + of, hits + hit);
    }
    if trials == 0 {
        return Err("there is nothing to combine".into());
    }
    let p = hits as f64 / trials as f64;
    // Square roots and divisions are exact to the last bit on every machine.
    let error = (p * (1.0 - p) / trials as f64).sqrt();
    println!("parts     {parts}\ntrials    {trials}\nhits      {hits}");
    println!("estimate  {p:.6}");
    println!("95 %      {:.6} to {:.6}", p - 1.96 * error, p + 1.96 * error);
    Ok(())
}
