//! Says whether this machine is fit to work: whether it comes to the receipts that every machine must come to.
//!
//! The vectors of `tests/vectors` are part of the program: module, spec, blobs, and the one receipt that runtime 1 has
//! for them. [`verify`] runs all of them on every back end, and in a limited child as jobs run, and compares bytes. It
//! also measures what a unit takes here: markets' windows are made for [`MILLISECONDS_PER_UNIT`].

use crate::{child, run_on, sha256, BackEnd, HostEnd, JobSpec, Outcome, Receipt, RunRequest};
use std::time::{Duration, Instant};

/// What a unit may take on the slowest machine that should offer to work: the windows of markets are made for it.
pub const MILLISECONDS_PER_UNIT: f64 = 15.0;

/// No vector takes longer in a child, on any machine worth having.
const LONGEST: Duration = Duration::from_secs(300);

/// A module, its spec and its receipt, with the blobs that the spec names.
pub(crate) struct Vector {
    pub(crate) name: &'static str,
    module: Source,
    spec: &'static [u8],
    pub(crate) receipt: &'static [u8],
    blobs: &'static [&'static [u8]],
}

/// Where a module comes from.
pub(crate) enum Source {
    /// It is part of this program.
    Bytes(&'static [u8]),
    /// It is long and says little: hex of what comes first, a byte in hex and how often it comes, hex of what comes last.
    Long(&'static str),
}

/// All vectors, by name.
pub(crate) static VECTORS: &[Vector] = include!(concat!(env!("OUT_DIR"), "/vectors.rs"));

impl Vector {
    pub(crate) fn module(&self) -> Vec<u8> {
        match self.module {
            Source::Bytes(bytes) => bytes.to_vec(),
            Source::Long(text) => expanded(text).unwrap_or_default(),
        }
    }

    /// The request whose receipt is known.
    pub(crate) fn request(&self) -> crate::Result<RunRequest> {
        let spec = JobSpec::parse(self.spec)?;
        let limit = Receipt::parse(self.receipt)?.limit;
        let module = self.module();
        RunRequest::collect(spec, limit, |hash| {
            let named = |bytes: &[u8]| sha256(bytes) == *hash;
            if named(&module) {
                return Ok(module.clone());
            }
            let found = self.blobs.iter().find(|blob| named(blob));
            found
                .map(|blob| blob.to_vec())
                .ok_or_else(|| crate::Error::Blob {
                    what: self.name.to_owned(),
                    expected: hex::encode(hash),
                })
        })
    }
}

/// The module that a line like `0061736d 01 300 0b` stands for; `-` is nothing.
fn expanded(text: &str) -> Option<Vec<u8>> {
    let mut words = text.split_whitespace();
    let mut part = || match words.next()? {
        "-" => Some(Vec::new()),
        word => hex::decode(word).ok(),
    };
    let (mut module, byte) = (part()?, part()?);
    let count = words.next()?.parse().ok()?;
    let byte = *byte.first()?;
    module.resize(module.len().checked_add(count)?, byte);
    match words.next()? {
        "-" => {}
        word => module.extend(hex::decode(word).ok()?),
    }
    Some(module)
}

/// Where a vector ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In this process, compiled like this.
    Here(BackEnd),
    /// In a limited child process, as agents run jobs.
    Child,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Place::Here(BackEnd::Optimised) => "the compiler",
            Place::Here(BackEnd::Plain) => "the compiler without optimisation",
            Place::Here(BackEnd::Unguarded) => "the compiler without guard pages",
            Place::Here(BackEnd::Pulley) => "the interpreter",
            Place::Child => "a limited process",
        })
    }
}

/// A vector that did not come to its receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which vector.
    pub vector: &'static str,
    /// Where it ran.
    pub place: Place,
    /// The receipt it must come to.
    pub expected: String,
    /// The receipt it came to, or why there is none.
    pub found: String,
}

/// What this machine came to.
#[derive(Clone, Debug)]
pub struct Verification {
    /// How many vectors there are.
    pub vectors: usize,
    /// Where each of them ran.
    pub places: Vec<Place>,
    /// Every vector that did not come to its receipt.
    pub differences: Vec<Difference>,
    /// What a unit took, in the vector that took longest for its units; 0 where none took long enough to be measured.
    pub milliseconds_per_unit: f64,
    /// How long all took.
    pub took: Duration,
}

impl Verification {
    /// Whether this machine may work for money: every vector came to its receipt everywhere.
    pub fn is_fit(&self) -> bool {
        self.vectors > 0 && self.differences.is_empty()
    }

    /// Whether this machine is slower than markets expect: it may come too late for long jobs.
    pub fn is_slow(&self) -> bool {
        self.milliseconds_per_unit > MILLISECONDS_PER_UNIT
    }
}

/// Runs every vector on every back end and, where this program can be a child (see [`child::is_ready`]), in a limited
/// child. `progress` is told how many runs are done, how many there are, and the vector that comes next.
pub fn verify(mut progress: impl FnMut(usize, usize, &'static str)) -> Verification {
    let here = BackEnd::ALL.map(Place::Here);
    let places: Vec<Place> = here
        .into_iter()
        .chain(child::is_ready().then_some(Place::Child))
        .collect();
    let started = Instant::now();
    let all = VECTORS.len() * places.len();
    let mut done = 0;
    let mut differences = Vec::new();
    let mut slowest = 0f64;
    for place in &places {
        for vector in VECTORS {
            progress(done, all, vector.name);
            match compare(vector, *place) {
                Ok(pace) => slowest = slowest.max(pace),
                Err(difference) => differences.push(difference),
            }
            done += 1;
        }
    }
    Verification {
        vectors: VECTORS.len(),
        places,
        differences,
        milliseconds_per_unit: slowest,
        took: started.elapsed(),
    }
}

/// Every vector that does not come to its receipt at one place.
pub fn differences_at(place: Place) -> Vec<Difference> {
    VECTORS
        .iter()
        .filter_map(|vector| compare(vector, place).err())
        .collect()
}

/// Runs a vector at one place. Answers with milliseconds per unit where that says something of a node's pace, else 0.
pub(crate) fn compare(vector: &Vector, place: Place) -> Result<f64, Difference> {
    let differs = |found: String| Difference {
        vector: vector.name,
        place,
        expected: String::from_utf8_lossy(vector.receipt).into_owned(),
        found,
    };
    let outcome = vector.request().and_then(|request| match place {
        Place::Here(back_end) => run_on(&request, back_end),
        Place::Child => child::run(
            vector.spec,
            &request.module,
            &request.stdin,
            &request.inputs,
            request.limit,
            child::Limits::of(LONGEST, crate::WASM_STACK_BYTES),
        ),
    });
    match outcome {
        Ok(Outcome::Receipt(finished)) if finished.line == vector.receipt => {
            let timing = finished.timing;
            let took = timing.compile + timing.run + timing.hash;
            // A node compiles with optimisation; and what is over at once says nothing.
            let telling = place == Place::Here(BackEnd::Optimised) && took > TELLING;
            Ok(match finished.receipt.units {
                units if telling && units > 0 => took.as_secs_f64() * 1e3 / units as f64,
                _ => 0.0,
            })
        }
        Ok(Outcome::Receipt(finished)) => Err(differs(
            String::from_utf8_lossy(&finished.line).into_owned(),
        )),
        Ok(Outcome::Host(HostEnd::Stack)) => Err(differs(HostEnd::Stack.to_string())),
        Ok(Outcome::Host(end)) => Err(differs(end.to_string())),
        Err(error) => Err(differs(error.to_string())),
    }
}

/// Shorter runs are mostly what the machine does besides.
const TELLING: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn vector(name: &str) -> &'static Vector {
        VECTORS.iter().find(|vector| vector.name == name).unwrap()
    }

    #[test]
    fn a_receipt_that_differs_in_one_digit_is_noticed() {
        let right = vector("exit-code");
        let text = String::from_utf8(right.receipt.to_vec()).unwrap();
        let wrong = text.replace(r#""code":42"#, r#""code":43"#);
        assert_ne!(text, wrong);
        let forged = Vector {
            name: right.name,
            module: Source::Bytes(right.module().leak()),
            spec: right.spec,
            receipt: wrong.clone().into_bytes().leak(),
            blobs: right.blobs,
        };
        let place = Place::Here(BackEnd::Optimised);
        assert!(compare(right, place).is_ok());
        let difference = compare(&forged, place).unwrap_err();
        assert_eq!((difference.expected, difference.found), (wrong, text));
    }

    fn all_are_equal(back_end: BackEnd) {
        assert_eq!(differences_at(Place::Here(back_end)), []);
    }

    // With optimisation: `tests/vectors.rs`.
    #[test]
    fn every_vector_yields_its_receipt_compiled_without_optimisation() {
        all_are_equal(BackEnd::Plain);
    }

    #[test]
    fn every_vector_yields_its_receipt_compiled_without_guard_pages() {
        all_are_equal(BackEnd::Unguarded);
    }

    #[test]
    fn every_vector_yields_its_receipt_in_the_interpreter() {
        all_are_equal(BackEnd::Pulley);
    }

    #[test]
    fn a_vector_whose_blob_is_gone_is_a_difference_and_no_pass() {
        let right = vector("text-tool");
        let robbed = Vector {
            name: right.name,
            module: Source::Bytes(right.module().leak()),
            spec: right.spec,
            receipt: right.receipt,
            blobs: &[],
        };
        assert!(compare(&robbed, Place::Here(BackEnd::Optimised)).is_err());
    }

    #[test]
    fn a_machine_without_vectors_or_with_a_difference_is_not_fit() {
        let mut machine = Verification {
            vectors: 0,
            places: Vec::new(),
            differences: Vec::new(),
            milliseconds_per_unit: 15.1,
            took: Duration::ZERO,
        };
        assert!(!machine.is_fit());
        assert!(machine.is_slow());
        machine.vectors = 1;
        assert!(machine.is_fit());
        machine.differences.push(Difference {
            vector: "x",
            place: Place::Child,
            expected: String::new(),
            found: String::new(),
        });
        assert!(!machine.is_fit());
    }
}
