//! The vectors of `tests/vectors` are what their sources say, and their receipts mean what their authors say. That
//! every back end comes to the same bytes is tested where `lode runtime verify` does it, in `src/verify.rs`.
//!
//! `LODE_WRITE_VECTORS=1` writes the folder anew from the list below; that is a change of the protocol wherever a
//! receipt changes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod programs;

use lode_runtime::{run_on, sha256, BackEnd, JobSpec, Outcome, Receipt, RunRequest};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors")
}

/// A vector's folder: `module.wat` and `module.wasm`, or a line that stands for a long module in `module.long`, `spec.json`, `receipt.json`,
/// and its blobs under `blobs/`.
fn request(folder: &Path, limit: u64) -> RunRequest {
    let spec = JobSpec::parse(&std::fs::read(folder.join("spec.json")).unwrap()).unwrap();
    let blobs = files(&folder.join("blobs"))
        .iter()
        .map(|file| std::fs::read(file).unwrap())
        .chain([module(folder)])
        .map(|bytes| (sha256(&bytes), bytes))
        .collect::<BTreeMap<_, _>>();
    RunRequest::collect(spec, limit, |hash| blobs.get(hash).cloned().ok_or(())).unwrap()
}

fn module(folder: &Path) -> Vec<u8> {
    let Ok(text) = std::fs::read_to_string(folder.join("module.long")) else {
        return std::fs::read(folder.join("module.wasm")).unwrap();
    };
    let [first, byte, count, last] = text.split_whitespace().collect::<Vec<_>>()[..] else {
        panic!("{}", folder.display());
    };
    let part = |word: &str| hex::decode(word.trim_matches('-')).unwrap();
    let middle = part(byte).repeat(count.parse().unwrap());
    [part(first), middle, part(last)].concat()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    match std::fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
        Err(_) => Vec::new(),
    }
}

fn write_all() {
    for vector in programs::all() {
        let folder = folder().join(vector.name);
        std::fs::create_dir_all(&folder).unwrap();
        if let Some((first, byte, count, last)) = &vector.long {
            let part = |bytes: &[u8]| match bytes {
                [] => "-".to_owned(),
                _ => hex::encode(bytes),
            };
            let line = format!("{} {byte:02x} {count} {}\n", part(first), part(last));
            std::fs::write(folder.join("module.long"), line).unwrap();
        } else {
            std::fs::write(folder.join("module.wat"), &vector.text).unwrap();
            std::fs::write(folder.join("module.wasm"), vector.module()).unwrap();
        }
        std::fs::write(folder.join("spec.json"), vector.spec()).unwrap();
        for (name, bytes) in vector.blobs() {
            std::fs::create_dir_all(folder.join("blobs")).unwrap();
            std::fs::write(folder.join("blobs").join(name), bytes).unwrap();
        }
        let request = request(&folder, vector.limit());
        match run_on(&request, BackEnd::Optimised).unwrap() {
            Outcome::Receipt(finished) => {
                std::fs::write(folder.join("receipt.json"), &finished.line).unwrap();
            }
            Outcome::Host(end) => panic!("{}: {end}", vector.name),
        }
    }
}

#[test]
fn every_program_is_a_committed_vector_and_every_vector_a_program() {
    if std::env::var_os("LODE_WRITE_VECTORS").is_some() {
        write_all();
    }
    let committed: BTreeSet<String> = files(&folder())
        .iter()
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    let listed: BTreeSet<String> = programs::all()
        .iter()
        .map(|vector| vector.name.to_owned())
        .collect();
    assert_eq!(committed, listed);
}

#[test]
fn the_committed_modules_are_what_their_sources_say() {
    for vector in programs::all() {
        let folder = folder().join(vector.name);
        assert_eq!(module(&folder), vector.module(), "{}", vector.name);
        assert_eq!(
            std::fs::read(folder.join("spec.json")).unwrap(),
            vector.spec(),
            "{}",
            vector.name
        );
    }
}

/// What the receipts must mean, so that a wrong one cannot be committed by writing the folder anew.
#[test]
fn the_vectors_end_as_their_authors_say() {
    let wrong: Vec<String> = programs::all().iter().flat_map(judge).collect();
    assert_eq!(wrong, Vec::<String>::new());
}

/// What a vector does not do that its author says.
fn judge(vector: &programs::Vector) -> Vec<String> {
    let folder = folder().join(vector.name);
    let line = std::fs::read(folder.join("receipt.json")).unwrap();
    let receipt = Receipt::parse(&line).unwrap();
    let request = request(&folder, receipt.limit);
    let Outcome::Receipt(finished) = run_on(&request, BackEnd::Optimised).unwrap() else {
        panic!("{} ends on the host", vector.name);
    };
    let get = |hash: [u8; 32]| {
        let mut outputs = finished.outputs.iter();
        outputs.find(|output| sha256(output) == hash).unwrap()
    };
    let mut wrong = Vec::new();
    let mut expect = |what: &str, fine: bool, found: String| {
        if !fine {
            wrong.push(format!("{}: {what} is {found}", vector.name));
        }
    };
    let same = finished.line == line;
    expect("the receipt", same, format!("{:?}", finished.receipt));
    expect(
        "the end",
        receipt.end == vector.end,
        format!("{:?}", receipt.end),
    );
    if let Some(units) = vector.bill {
        expect(
            "the bill",
            receipt.units == units,
            format!("{}, not {units}", receipt.units),
        );
    }
    let streams = [
        ("stdout", &vector.stdout, receipt.stdout),
        ("stderr", &vector.stderr, receipt.stderr),
    ];
    for (what, expected, blob) in streams {
        let found = get(blob.sha256);
        if let Some(expected) = expected {
            let differs = found
                .iter()
                .zip(expected)
                .position(|(found, must)| found != must);
            let around = differs.unwrap_or(0).saturating_sub(8);
            let show = |bytes: &[u8]| {
                format!(
                    "{:?}",
                    &bytes[around.min(bytes.len())..(around + 40).min(bytes.len())]
                )
            };
            expect(
                what,
                found == expected,
                format!(
                    "{} bytes, from {around} on {}, not {} bytes, {}",
                    found.len(),
                    show(found),
                    expected.len(),
                    show(expected)
                ),
            );
        }
    }
    for (path, bytes) in &vector.files {
        let file = receipt.files.iter().find(|file| file.path == *path);
        let found = file.map(|file| get(file.blob.sha256));
        expect(path, found == Some(bytes), format!("{found:?}"));
    }
    wrong
}

#[test]
fn the_random_vector_prints_the_key_stream_from_its_first_byte() {
    let vector = programs::all()
        .into_iter()
        .find(|vector| vector.name == "random")
        .unwrap();
    let stream = programs::wasi::random_stream(&vector.spec(), 200);
    let receipt = std::fs::read(folder().join("random/receipt.json")).unwrap();
    let mut printed = vec![21];
    printed.extend(stream);
    assert_eq!(
        Receipt::parse(&receipt).unwrap().stdout.sha256,
        sha256(&printed)
    );
}
