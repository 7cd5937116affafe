//! The workloads of `examples/workloads`: the committed module, run as a job, and the same sources, compiled for this
//! machine, write the same bytes.
#![allow(clippy::unwrap_used)]

use lode_runtime::{estimate, Blob, End, Finished, JobSpec, RunRequest};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Most units of a run here.
const LIMIT: u64 = 100_000;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/workloads")
}

/// Runs the module as a job.
fn as_job(name: &str, args: &[&str], inputs: &[(&str, &[u8])], stdin: &[u8]) -> Finished {
    let module = std::fs::read(folder().join(format!("{name}.wasm"))).unwrap();
    let named = |bytes: &[u8]| {
        let blob = Blob::of(bytes);
        json!({ "sha256": hex::encode(blob.sha256), "size": blob.size })
    };
    let inputs_json: Vec<_> = inputs
        .iter()
        .map(|(path, bytes)| {
            let mut entry = named(bytes);
            entry["path"] = json!(path);
            entry
        })
        .collect();
    let args: Vec<&str> = [name].into_iter().chain(args.iter().copied()).collect();
    let spec = json!({
        "v": 1, "runtime": 1, "module": named(&module), "args": args, "stdin": named(stdin),
        "inputs": inputs_json, "memory_mib": 64, "output_limit": 4 << 20,
    });
    let request = RunRequest {
        spec: JobSpec::parse(spec.to_string().as_bytes()).unwrap(),
        module,
        stdin: stdin.to_vec(),
        inputs: inputs.iter().map(|(_, bytes)| bytes.to_vec()).collect(),
        limit: LIMIT,
    };
    let run = estimate(&request).unwrap();
    run.finished().unwrap().clone()
}

/// Compiles the sources for this machine and runs them in a folder of their own.
fn natively(name: &str, args: &[&str], stdin: &Path) -> Output {
    let manifest = folder().join(name).join("Cargo.toml");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("workloads");
    let built = Command::new(env!("CARGO"))
        .args([
            "build",
            "--release",
            "--locked",
            "--quiet",
            "--manifest-path",
        ])
        .arg(&manifest)
        .env("CARGO_TARGET_DIR", &target)
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    Command::new(target.join("release").join(name))
        .args(args)
        .stdin(std::fs::File::open(stdin).unwrap())
        .output()
        .unwrap()
}

/// The bytes that the receipt names.
fn output(finished: &Finished, blob: Blob) -> &[u8] {
    let found = finished
        .outputs
        .iter()
        .find(|bytes| Blob::of(bytes) == blob);
    found.unwrap()
}

fn file<'a>(finished: &'a Finished, path: &str) -> &'a [u8] {
    let file = finished.receipt.files.iter().find(|file| file.path == path);
    output(finished, file.unwrap().blob)
}

#[test]
fn the_word_statistics_are_the_same_in_the_module_and_natively_from_file_and_from_stdin() {
    let book_at = folder().join("word-stats/keepers-book.txt");
    let book = std::fs::read(&book_at).unwrap();
    assert!(book.len() > 50_000);
    let out = tempfile::tempdir().unwrap();
    let to = out.path().to_str().unwrap();
    let book_path = book_at.to_str().unwrap();

    for (format, report) in [("json", "report.json"), ("text", "report.txt")] {
        let job = as_job(
            "word-stats",
            &["--format", format, "/in/book.txt"],
            &[("book.txt", &book)],
            b"",
        );
        let from_stdin = as_job("word-stats", &["--format", format], &[], &book);
        let native = natively(
            "word-stats",
            &["--format", format, "--out", to, book_path],
            Path::new("/dev/null"),
        );
        assert!(native.status.success());
        assert_eq!(job.receipt.end, End::Exit(0));
        let stdout = output(&job, job.receipt.stdout);
        assert_eq!(stdout, native.stdout);
        assert_eq!(stdout, output(&from_stdin, from_stdin.receipt.stdout));
        assert_eq!(file(&job, report), native.stdout);
        assert_eq!(
            std::fs::read(out.path().join(report)).unwrap(),
            native.stdout
        );
    }
    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(out.path().join("report.json")).unwrap()).unwrap();
    assert_eq!(json["bytes"], book.len());
    assert!(json["distinct_words"].as_u64().unwrap() > 500);
}

#[test]
fn the_picture_is_the_same_in_the_module_and_natively_down_to_the_last_bit() {
    let out = tempfile::tempdir().unwrap();
    let path = out.path().join("picture.png");
    let to = path.to_str().unwrap();
    let view = [
        "--width",
        "160",
        "--height",
        "100",
        "--c",
        "-0.7453,0.1127",
        "--zoom",
        "1.3",
    ];
    let job = as_job("picture", &view, &[], b"");
    let native = natively(
        "picture",
        &[&view[..], &["--out", to]].concat(),
        Path::new("/dev/null"),
    );
    assert!(native.status.success());
    assert_eq!(job.receipt.end, End::Exit(0));
    assert_eq!(output(&job, job.receipt.stdout), native.stdout);
    let png = file(&job, "picture.png");
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    assert_eq!(png, std::fs::read(&path).unwrap());
}

#[test]
fn each_module_was_compiled_from_the_sources_beside_it() {
    let mut compared = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let workload = entry.unwrap().path();
        // Those in C and Go are compiled by hand, as their pages say.
        if !workload.join("Cargo.toml").exists() {
            continue;
        }
        let mut sources = vec![PathBuf::from("Cargo.lock"), PathBuf::from("Cargo.toml")];
        let mut folders = vec![PathBuf::from("src")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(workload.join(&folder)).unwrap() {
                let path = folder.join(entry.unwrap().file_name());
                match workload.join(&path).is_dir() {
                    true => folders.push(path),
                    false => sources.push(path),
                }
            }
        }
        sources.sort();
        let lines = sources.iter().map(|path| {
            let hash = lode_runtime::sha256(&std::fs::read(workload.join(path)).unwrap());
            format!("{}  {}\n", hex::encode(hash), path.display())
        });
        let known = std::fs::read_to_string(workload.join("sources.sha256")).unwrap();
        let name = workload.file_name().unwrap().to_str().unwrap();
        assert!(
            known == lines.collect::<String>(),
            "the sources of {name} are not those of its module: compile it anew with `examples/workloads/build.sh {name}`"
        );
        compared += 1;
    }
    assert_eq!(compared, 9);
}

#[test]
fn a_workload_that_is_asked_for_nonsense_says_so_and_exits_with_1() {
    for (name, args) in [
        ("word-stats", &["/in/nothing.txt"][..]),
        ("word-stats", &["--format", "verse"][..]),
        ("picture", &["--zoom", "never"][..]),
        ("picture", &["--c"][..]),
        ("digits", &["/in/nothing.onnx", "/in/nothing.png"][..]),
    ] {
        let job = as_job(name, args, &[], b"");
        assert_eq!(job.receipt.end, End::Exit(1), "{name} {args:?}");
        let said = String::from_utf8_lossy(output(&job, job.receipt.stderr)).into_owned();
        assert!(said.starts_with(name), "{said}");
        assert!(job.receipt.files.is_empty());
    }
}
