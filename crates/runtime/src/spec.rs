//! A job spec: what to run, on what, within which limits.

use crate::{receipt, sha256, Blob, Error, Result, RUNTIME};
use serde::Deserialize;
use std::collections::BTreeSet;

/// Most bytes of a spec.
pub const MAX_SPEC_BYTES: usize = 64 << 10;

/// Most bytes of stdin and the files under `/in` together, each path counted.
pub const MAX_INPUT_BYTES: u64 = 256 << 20;

/// Most bytes of outputs that a spec may ask for.
pub const MAX_OUTPUT_BYTES: u64 = 256 << 20;

/// Most MiB of WebAssembly memory: all that 32 bits address.
pub const MAX_MEMORY_MIB: u64 = 4096;

/// The clock of a spec that names none: 2026-01-01 00:00:00 UTC.
pub const DEFAULT_CLOCK: u64 = 1_767_225_600;

/// Longest path, in bytes.
pub(crate) const MAX_PATH_BYTES: usize = 4096;

/// Most parts of a path.
pub(crate) const MAX_PATH_PARTS: usize = 64;

/// Above this, integers differ between readers of JSON.
const INTEGER_LIMIT: u64 = 1 << 53;

/// The last clock whose nanoseconds fit 64 bits.
const MAX_CLOCK: u64 = u64::MAX / 1_000_000_000;

/// A parsed spec. Its identity is the hash of the stored bytes: nothing ever writes it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobSpec {
    /// SHA-256 of the stored bytes.
    pub hash: [u8; 32],
    /// The WebAssembly module.
    pub module: Blob,
    /// Arguments, the program's name first.
    pub args: Vec<String>,
    /// The whole environment, `NAME=value` each.
    pub env: Vec<String>,
    /// What the program reads on stdin; nothing if absent.
    pub stdin: Option<Blob>,
    /// Files under `/in`.
    pub inputs: Vec<InputFile>,
    /// Most memory, in MiB.
    pub memory_mib: u64,
    /// Most bytes of stdout, stderr and the files in `/out` and `/tmp` together.
    pub output_limit: u64,
    /// The time that the program is told, in whole seconds since 1970.
    pub clock: u64,
    /// Makes equal jobs differ in their random numbers.
    pub seed: Option<u64>,
}

/// A file under `/in`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFile {
    /// Path below `/in`.
    pub path: String,
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
    /// Bytes of the file.
    pub size: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    v: u64,
    runtime: u64,
    module: receipt::BlobFields,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: Vec<String>,
    #[serde(default)]
    stdin: Option<receipt::BlobFields>,
    #[serde(default)]
    inputs: Vec<receipt::FileFields>,
    memory_mib: u64,
    output_limit: u64,
    #[serde(default)]
    clock: Option<u64>,
    #[serde(default)]
    seed: Option<u64>,
}

impl JobSpec {
    /// Reads stored bytes.
    ///
    /// # Errors
    /// [`Error::Spec`] for anything but exactly one JSON object with the known fields, each at most once, and values
    /// within the limits of runtime 1.
    pub fn parse(stored: &[u8]) -> Result<JobSpec> {
        if stored.len() > MAX_SPEC_BYTES {
            return refuse(format!(
                "it has {} bytes, at most {MAX_SPEC_BYTES} are allowed",
                stored.len()
            ));
        }
        receipt::only_objects(stored).map_err(Error::Spec)?;
        let fields: Fields =
            serde_json::from_slice(stored).map_err(|error| Error::Spec(error.to_string()))?;
        if fields.v != 1 {
            return refuse(format!("`v` is {}, only 1 is known", fields.v));
        }
        if fields.runtime != u64::from(RUNTIME) {
            return refuse(format!("`runtime` is {}, only 1 is known", fields.runtime));
        }
        if fields.memory_mib == 0 || fields.memory_mib > MAX_MEMORY_MIB {
            return refuse(format!("`memory_mib` must be 1 to {MAX_MEMORY_MIB}"));
        }
        if fields.output_limit > MAX_OUTPUT_BYTES {
            return refuse(format!("`output_limit` must be at most {MAX_OUTPUT_BYTES}"));
        }
        let clock = fields.clock.unwrap_or(DEFAULT_CLOCK);
        if clock > MAX_CLOCK {
            return refuse(format!("`clock` must be at most {MAX_CLOCK}"));
        }
        strings(&fields.args, "args")?;
        strings(&fields.env, "env")?;
        if let Some(entry) = fields
            .env
            .iter()
            .find(|entry| entry.find('=').is_none_or(|at| at == 0))
        {
            return refuse(format!("`env` entry {entry:?} is not NAME=value"));
        }
        let inputs = fields
            .inputs
            .into_iter()
            .map(|file| {
                Ok(InputFile {
                    sha256: receipt::hash(&file.sha256).map_err(Error::Spec)?,
                    path: file.path,
                    size: file.size,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        check_paths(&inputs)?;
        let blob = |fields: receipt::BlobFields| fields.blob().map_err(Error::Spec);
        let spec = JobSpec {
            hash: sha256(stored),
            module: blob(fields.module)?,
            args: fields.args,
            env: fields.env,
            stdin: fields.stdin.map(blob).transpose()?,
            inputs,
            memory_mib: fields.memory_mib,
            output_limit: fields.output_limit,
            clock,
            seed: fields.seed,
        };
        spec.check_integers()?;
        // A blob that stands under many paths is in memory many times.
        if spec.input_bytes() > MAX_INPUT_BYTES {
            return refuse(format!(
                "`stdin` and `inputs` have {} bytes together, at most {MAX_INPUT_BYTES} are allowed; split the job \
                 (`lode job map`)",
                spec.input_bytes()
            ));
        }
        Ok(spec)
    }

    /// Bytes of stdin and the files under `/in` together, each path counted.
    pub fn input_bytes(&self) -> u64 {
        let inputs = self.inputs.iter().map(|input| input.size);
        self.stdin
            .iter()
            .map(|stdin| stdin.size)
            .chain(inputs)
            .fold(0, u64::saturating_add)
    }

    /// Every blob that the spec names, each hash once: module, stdin, inputs.
    pub fn blobs(&self) -> Vec<Blob> {
        let inputs = self.inputs.iter().map(|input| Blob {
            sha256: input.sha256,
            size: input.size,
        });
        let mut blobs: Vec<Blob> = Vec::new();
        for blob in std::iter::once(self.module).chain(self.stdin).chain(inputs) {
            if !blobs.contains(&blob) {
                blobs.push(blob);
            }
        }
        blobs
    }

    fn check_integers(&self) -> Result<()> {
        let sizes = self.inputs.iter().map(|input| ("inputs.size", input.size));
        let stdin = self.stdin.iter().map(|stdin| ("stdin.size", stdin.size));
        let seed = self.seed.iter().map(|seed| ("seed", *seed));
        let own = [
            ("module.size", self.module.size),
            ("output_limit", self.output_limit),
        ];
        match own
            .into_iter()
            .chain(sizes)
            .chain(stdin)
            .chain(seed)
            .find(|(_, value)| *value >= INTEGER_LIMIT)
        {
            Some((name, value)) => refuse(format!("`{name}` is {value}, it must be below 2^53")),
            None => Ok(()),
        }
    }
}

fn refuse<T>(why: String) -> Result<T> {
    Err(Error::Spec(why))
}

fn strings(list: &[String], name: &str) -> Result<()> {
    match list.iter().any(|entry| entry.contains('\0')) {
        true => refuse(format!("`{name}` holds a zero byte")),
        false => Ok(()),
    }
}

/// Relative, no empty, `.` or `..` part, each once, no file that is also a folder.
fn check_paths(inputs: &[InputFile]) -> Result<()> {
    let mut files = BTreeSet::new();
    let mut folders = BTreeSet::new();
    for InputFile { path, .. } in inputs {
        let parts: Vec<&str> = path.split('/').collect();
        let bad_part = parts.iter().any(|part| matches!(*part, "" | "." | ".."));
        if bad_part || path.contains('\0') {
            return refuse(format!(
                "input path {path:?} must be relative, without empty, `.` or `..` parts"
            ));
        }
        if path.len() > MAX_PATH_BYTES || parts.len() > MAX_PATH_PARTS {
            return refuse(format!(
                "input path {path:?} is longer than {MAX_PATH_BYTES} bytes or {MAX_PATH_PARTS} parts"
            ));
        }
        if !files.insert(path.as_str()) {
            return refuse(format!("input path {path:?} stands twice"));
        }
        folders.extend(path.match_indices('/').map(|(at, _)| &path[..at]));
    }
    match files.intersection(&folders).next() {
        Some(path) => refuse(format!("input path {path:?} is a file and a folder")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HASH: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn spec(more: &str) -> String {
        format!(
            r#"{{"v":1,"runtime":1,"module":{{"sha256":"{HASH}","size":1000}},"memory_mib":64,"output_limit":1048576{more}}}"#
        )
    }

    fn inputs(paths: &[&str]) -> String {
        let list: Vec<String> = paths
            .iter()
            .map(|path| format!(r#"{{"path":"{path}","sha256":"{HASH}","size":3}}"#))
            .collect();
        spec(&format!(r#","inputs":[{}]"#, list.join(",")))
    }

    fn refused(text: &str) -> String {
        JobSpec::parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn the_hash_is_of_the_stored_bytes_space_for_space() {
        let tight = spec("");
        let loose = tight.replace(':', ": ");
        let (tight, loose) = (
            JobSpec::parse(tight.as_bytes()).unwrap(),
            JobSpec::parse(loose.as_bytes()).unwrap(),
        );
        assert_ne!(tight.hash, loose.hash);
        assert_eq!(tight.clock, DEFAULT_CLOCK);
    }

    #[test]
    fn base_units_come_from_the_spec_alone() {
        let parsed = JobSpec::parse(spec("").as_bytes()).unwrap();
        assert_eq!(parsed.base_units(), 2 + 64 + 4);
        let parsed = JobSpec::parse(inputs(&["a"]).as_bytes()).unwrap();
        assert_eq!(parsed.base_units(), 2 + 64 + 5);
    }

    #[test]
    fn unknown_fields_and_duplicate_keys_are_refused() {
        assert!(refused(&spec(r#","speed":1"#)).contains("unknown field"));
        assert!(refused(&spec(r#","seed":1,"seed":1"#)).contains("duplicate field"));
        assert!(
            refused(&inputs(&["a"]).replace(r#""size":3"#, r#""size":3,"size":3"#))
                .contains("duplicate field")
        );
    }

    #[test]
    fn integers_of_two_to_the_53_are_refused() {
        assert!(JobSpec::parse(spec(r#","seed":9007199254740991"#).as_bytes()).is_ok());
        assert!(refused(&spec(r#","seed":9007199254740992"#)).contains("2^53"));
        assert!(refused(&spec(r#","seed":1.0"#)).contains("invalid type"));
        assert!(refused(&spec(r#","seed":-1"#)).contains("invalid value"));
    }

    #[test]
    fn inputs_are_counted_by_path_and_outputs_have_a_most() {
        let large = |size: u64, stdin: u64| {
            let file =
                |path: u64| format!(r#"{{"path":"{path}","sha256":"{HASH}","size":{size}}}"#);
            let files: Vec<String> = (0..4).map(file).collect();
            spec(&format!(
                r#","stdin":{{"sha256":"{HASH}","size":{stdin}}},"inputs":[{}]"#,
                files.join(",")
            ))
        };
        let quarter = MAX_INPUT_BYTES / 4;
        let most = JobSpec::parse(large(quarter, 0).as_bytes()).unwrap();
        assert_eq!(most.input_bytes(), MAX_INPUT_BYTES);
        let text = refused(&large(quarter, 1));
        assert!(text.contains("268435457 bytes together"), "{text}");
        assert!(refused(&large((1 << 53) - 1, 1)).contains("together"));
        let outputs = |bytes: u64| spec("").replace("1048576", &bytes.to_string());
        assert!(JobSpec::parse(outputs(MAX_OUTPUT_BYTES).as_bytes()).is_ok());
        assert!(refused(&outputs(MAX_OUTPUT_BYTES + 1)).contains("`output_limit`"));
    }

    #[test]
    fn an_array_in_the_place_of_an_object_is_refused() {
        assert!(refused(&format!(r#"[1,1,["{HASH}",5],[],[],null,[],1,1]"#)).contains("object"));
        let module = format!(r#"{{"sha256":"{HASH}","size":1000}}"#);
        let array = format!(r#"["{HASH}",1000]"#);
        assert!(refused(&spec("").replace(&module, &array)).contains("object"));
    }

    #[test]
    fn paths_that_could_leave_or_shadow_are_refused() {
        for path in ["", "/a", "a//b", "a/", ".", "..", "a/../b", "./a"] {
            assert!(refused(&inputs(&[path])).contains("relative"), "{path}");
        }
        assert!(refused(&inputs(&["a", "a"])).contains("twice"));
        assert!(refused(&inputs(&["a/b", "a"])).contains("a file and a folder"));
        assert!(refused(&inputs(&["a", "a/b/c"])).contains("a file and a folder"));
        assert!(JobSpec::parse(inputs(&["a/b", "a/c", "ab"]).as_bytes()).is_ok());
    }

    #[test]
    fn hashes_are_64_lower_case_hex_digits() {
        assert!(refused(&spec("").replace("ba78", "BA78")).contains("hex"));
        assert!(refused(&spec("").replace("ba78", "")).contains("hex"));
    }
}
