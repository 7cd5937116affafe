//! Every vector of `tests/vectors` yields its committed receipt, byte for byte, on every back end.
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

/// A vector's folder: `module.wat`, `module.wasm`, `spec.json`, `receipt.json`, and its blobs under `blobs/`.
fn request(folder: &Path, limit: u64) -> RunRequest {
    let spec = JobSpec::parse(&std::fs::read(folder.join("spec.json")).unwrap()).unwrap();
    let mut blobs = BTreeMap::new();
    for file in std::iter::once(folder.join("module.wasm")).chain(files(&folder.join("blobs"))) {
        let bytes = std::fs::read(&file).unwrap();
        blobs.insert(sha256(&bytes), bytes);
    }
    RunRequest::collect(spec, limit, |hash| blobs.get(hash).cloned().ok_or(())).unwrap()
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
        std::fs::write(folder.join("module.wat"), &vector.text).unwrap();
        std::fs::write(folder.join("module.wasm"), vector.module()).unwrap();
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
fn every_vector_yields_its_receipt_on_every_back_end() {
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
    for name in committed {
        let folder = folder().join(&name);
        let expected = std::fs::read(folder.join("receipt.json")).unwrap();
        let limit = Receipt::parse(&expected).unwrap().limit;
        let request = request(&folder, limit);
        for back_end in BackEnd::ALL {
            let Outcome::Receipt(finished) = run_on(&request, back_end).unwrap() else {
                panic!("{name} ends on the host with {back_end:?}");
            };
            assert_eq!(
                String::from_utf8_lossy(&finished.line),
                String::from_utf8_lossy(&expected),
                "{name} on {back_end:?}"
            );
        }
    }
}

#[test]
fn the_committed_modules_are_what_their_sources_say() {
    for vector in programs::all() {
        let folder = folder().join(vector.name);
        assert_eq!(
            std::fs::read(folder.join("module.wasm")).unwrap(),
            vector.module(),
            "{}",
            vector.name
        );
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
    for vector in programs::all() {
        let folder = folder().join(vector.name);
        let receipt = Receipt::parse(&std::fs::read(folder.join("receipt.json")).unwrap()).unwrap();
        assert_eq!(receipt.end, vector.end, "{}", vector.name);
        let request = request(&folder, receipt.limit);
        let Outcome::Receipt(finished) = run_on(&request, BackEnd::Optimised).unwrap() else {
            panic!("{}", vector.name);
        };
        let get = |hash: [u8; 32]| {
            finished
                .outputs
                .iter()
                .find(|output| sha256(output) == hash)
                .unwrap()
        };
        if let Some(stdout) = &vector.stdout {
            assert_eq!(get(receipt.stdout.sha256), stdout, "{}", vector.name);
        }
        for (path, bytes) in &vector.files {
            let file = receipt
                .files
                .iter()
                .find(|file| file.path == *path)
                .unwrap();
            assert_eq!(get(file.blob.sha256), bytes, "{} {path}", vector.name);
        }
    }
}
