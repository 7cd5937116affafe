//! Bytes that nobody meant: a module, a spec or a receipt that is broken is refused or runs as the rules say, and
//! nothing panics.
#![allow(clippy::unwrap_used, clippy::panic)]

mod damage;

use damage::damage;
use lode_runtime::{
    run_on, scan, sha256, BackEnd, End, HostEnd, JobSpec, Outcome, Receipt, RunRequest,
};
use proptest::prelude::*;
use std::path::Path;
use std::sync::OnceLock;

/// A module, its spec and its receipt.
type Known = (Vec<u8>, Vec<u8>, Vec<u8>);

/// Each vector that has a module of its own.
fn vectors() -> &'static [Known] {
    static ALL: OnceLock<Vec<Known>> = OnceLock::new();
    ALL.get_or_init(read_all)
}

fn read_all() -> Vec<Known> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors");
    let mut folders: Vec<_> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|folder| folder.join("module.wasm").exists())
        .collect();
    folders.sort();
    folders
        .iter()
        .map(|folder| {
            let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
            (read("module.wasm"), read("spec.json"), read("receipt.json"))
        })
        .collect()
}

fn hits() -> impl Strategy<Value = Vec<(usize, u8, u8)>> {
    prop::collection::vec((any::<usize>(), any::<u8>(), any::<u8>()), 1..6)
}

/// Runs a module that nobody checked, with little fuel.
fn run(module: Vec<u8>) -> Outcome {
    let text = format!(
        r#"{{"v":1,"runtime":1,"module":{{"sha256":"{}","size":{}}},"memory_mib":4,"output_limit":65536}}"#,
        hex::encode(sha256(&module)),
        module.len()
    );
    let spec = JobSpec::parse(text.as_bytes()).unwrap();
    let request = RunRequest {
        limit: spec.base_units() + 2,
        spec,
        module,
        stdin: Vec::new(),
        inputs: Vec::new(),
    };
    run_on(&request, BackEnd::Plain).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_module_is_invalid_or_runs(which in any::<usize>(), hits in hits()) {
        let vectors = vectors();
        let (module, ..) = &vectors[which % vectors.len()];
        let module = damage(module, &hits);
        let valid = scan(&module, 4);
        match run(module) {
            Outcome::Receipt(finished) => {
                prop_assert_eq!(valid.err().map(End::Invalid).is_some(), matches!(finished.receipt.end, End::Invalid(_)));
                prop_assert!(finished.receipt.units <= finished.receipt.limit);
                prop_assert_eq!(Receipt::parse(&finished.line).unwrap(), finished.receipt);
            }
            // Endless recursion is the one thing that may end here.
            Outcome::Host(end) => prop_assert_eq!(end, HostEnd::Stack),
        }
    }

    #[test]
    fn bytes_that_are_no_module_are_invalid(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(scan(&bytes, 4).is_err());
        let with_magic = [b"\0asm\x01\0\0\0".as_slice(), &bytes].concat();
        // An empty module lacks its entry, so it is invalid too.
        prop_assert!(scan(&with_magic, 4).is_err());
    }

    #[test]
    fn a_damaged_spec_is_refused_or_says_what_it_says(which in any::<usize>(), hits in hits()) {
        let vectors = vectors();
        let (_, spec, _) = &vectors[which % vectors.len()];
        let bytes = damage(spec, &hits);
        if let Ok(parsed) = JobSpec::parse(&bytes) {
            prop_assert_eq!(parsed.hash, sha256(&bytes));
            prop_assert!((1..=4096).contains(&parsed.memory_mib));
            prop_assert!(parsed.base_units() > 0);
            // What was read is what a second reader reads.
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_ok());
        }
    }

    #[test]
    fn bytes_that_are_no_spec_and_no_receipt_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(JobSpec::parse(&bytes).is_err());
        prop_assert!(Receipt::parse(&bytes).is_err());
    }

    #[test]
    fn a_damaged_receipt_is_refused_or_is_another_whole_one(which in any::<usize>(), hits in hits()) {
        let vectors = vectors();
        let (_, _, receipt) = &vectors[which % vectors.len()];
        let bytes = damage(receipt, &hits);
        if let Ok(parsed) = Receipt::parse(&bytes) {
            prop_assert_eq!(parsed.line(), bytes);
        }
    }
}
