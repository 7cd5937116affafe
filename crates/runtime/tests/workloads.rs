//! The example workloads, ordinary Rust programs, yield one receipt on every back end.
#![allow(clippy::unwrap_used, clippy::panic)]

use lode_runtime::{
    estimate, run_on, sha256, BackEnd, Blob, End, Finished, JobSpec, Outcome, RunRequest,
};
use std::path::{Path, PathBuf};

fn workloads() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/workloads")
}

fn request(name: &str, args: &str, inputs: &[(&str, Vec<u8>)]) -> RunRequest {
    let module = std::fs::read(workloads().join(format!("{name}.wasm"))).unwrap();
    let blob = |bytes: &[u8]| {
        format!(
            r#""sha256":"{}","size":{}"#,
            hex::encode(sha256(bytes)),
            bytes.len()
        )
    };
    let list: Vec<String> = inputs
        .iter()
        .map(|(path, bytes)| format!(r#"{{"path":"{path}",{}}}"#, blob(bytes)))
        .collect();
    let spec = format!(
        r#"{{"v":1,"runtime":1,"module":{{{}}},"args":[{args}],"inputs":[{}],"memory_mib":64,"output_limit":4194304}}"#,
        blob(&module),
        list.join(",")
    );
    let spec = JobSpec::parse(spec.as_bytes()).unwrap();
    RunRequest {
        limit: spec.base_units() + 100_000,
        spec,
        module,
        stdin: Vec::new(),
        inputs: inputs.iter().map(|(_, bytes)| bytes.clone()).collect(),
    }
}

fn everywhere(request: &RunRequest) -> Finished {
    on(request, &BackEnd::ALL)
}

/// What a run comes to, which is the same on each of these.
fn on(request: &RunRequest, back_ends: &[BackEnd]) -> Finished {
    let mut all = back_ends
        .iter()
        .map(|back_end| match run_on(request, *back_end).unwrap() {
            Outcome::Receipt(finished) => *finished,
            Outcome::Host(end) => panic!("{back_end:?}: {end}"),
        });
    let first = all.next().unwrap();
    for other in all {
        assert_eq!(
            String::from_utf8_lossy(&other.line),
            String::from_utf8_lossy(&first.line)
        );
        assert_eq!(other.outputs, first.outputs);
    }
    first
}

#[test]
fn word_statistics_of_the_book_are_the_same_everywhere() {
    let book = std::fs::read(workloads().join("word-stats/keepers-book.txt")).unwrap();
    let finished = everywhere(&request(
        "word-stats",
        r#""word-stats","--format","json","/in/book.txt""#,
        &[("book.txt", book)],
    ));
    assert_eq!(finished.receipt.end, End::Exit(0));
    let [report] = finished.receipt.files.as_slice() else {
        panic!("{:?}", finished.receipt.files);
    };
    assert_eq!(report.path, "report.json");
    assert_eq!(report.blob, finished.receipt.stdout);
}

#[test]
fn the_picture_is_the_same_everywhere_and_its_bill_is_known_under_any_limit() {
    let request = request(
        "picture",
        r#""picture","--width","96","--height","64","--iterations","60""#,
        &[],
    );
    let finished = everywhere(&request);
    assert_eq!(finished.receipt.end, End::Exit(0));
    assert_eq!(finished.receipt.files.len(), 1);
    assert_eq!(finished.receipt.files[0].path, "picture.png");

    let estimated = estimate(&request).unwrap();
    let tight = finished.receipt.units + 1;
    let same = RunRequest {
        limit: tight,
        ..request
    };
    let Outcome::Receipt(run) = run_on(&same, BackEnd::Optimised).unwrap() else {
        panic!("the host ended it");
    };
    assert_eq!(estimated.under(tight), Some(run.receipt));
    assert_eq!(estimated.under(finished.receipt.units - 1), None);
}

#[test]
fn what_a_neural_network_reads_is_the_same_everywhere() {
    let read = |name: &str| std::fs::read(workloads().join("digits").join(name)).unwrap();
    let inputs = ["digits.onnx", "held-out.png", "labels.txt"];
    let request = request(
        "digits",
        r#""digits","--labels","/in/labels.txt","/in/digits.onnx","/in/held-out.png""#,
        &inputs.map(|name| (name, read(name))),
    );
    // the two that have least in common: its megabyte takes seconds to compile for each
    let finished = on(&request, &[BackEnd::Optimised, BackEnd::Pulley]);
    assert_eq!(finished.receipt.end, End::Exit(0));
    assert_eq!(finished.receipt.stdout, Blob::of(&read("expected/stdout")));
}
