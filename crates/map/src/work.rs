//! One job of a map: its spec, and what the spec names.
use crate::plan::{Program, Task};
use crate::{Error, Input, Result};
use lode_runtime::{Blob, JobSpec, RUNTIME};
use serde_json::{json, Map, Value};
use std::path::PathBuf;

/// Stands for the inputs in the arguments of a map.
pub(crate) const PLACE: &str = "{}";

/// A job as it is stored, and where its blobs lie.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    /// The stored bytes.
    pub stored: Vec<u8>,
    /// The same, read.
    pub spec: JobSpec,
    /// Each blob that the spec names, and a file that has it.
    pub files: Vec<(Blob, PathBuf)>,
}

/// A job over some of a task's inputs.
pub(crate) fn over(task: &Task, inputs: &[Input]) -> Result<Work> {
    let mut files = Vec::new();
    for input in inputs {
        if let Some((name, path, blob)) = input.file()? {
            files.push((name.to_string(), path.to_path_buf(), blob));
        }
    }
    let args = arguments(&task.args, inputs);
    make(task, &task.program, args, None, files)
}

/// The last job of a task: its stdin is what all jobs printed, its inputs are their files.
pub(crate) fn last(
    task: &Task,
    reduce: &Program,
    stdin: (PathBuf, Blob),
    files: Vec<(String, PathBuf, Blob)>,
) -> Result<Work> {
    make(task, reduce, task.reduce_args.clone(), Some(stdin), files)
}

/// `{}` becomes the inputs, one argument each; inside an argument, where there is one input only, its text. Without
/// any, the inputs come last.
fn arguments(args: &[String], inputs: &[Input]) -> Vec<String> {
    let texts: Vec<String> = inputs.iter().map(Input::argument).collect();
    let mut all = Vec::new();
    for arg in args {
        if arg == PLACE {
            all.extend(texts.iter().cloned());
        } else {
            all.push(arg.replace(PLACE, &texts.join(" ")));
        }
    }
    if !args.iter().any(|arg| arg.contains(PLACE)) {
        all.extend(texts);
    }
    all
}

fn make(
    task: &Task,
    program: &Program,
    args: Vec<String>,
    stdin: Option<(PathBuf, Blob)>,
    files: Vec<(String, PathBuf, Blob)>,
) -> Result<Work> {
    let module = program.blob()?;
    let mut fields = Map::new();
    fields.insert("v".into(), json!(1));
    fields.insert("runtime".into(), json!(RUNTIME));
    fields.insert("module".into(), named(module));
    let name = program.path.file_stem().unwrap_or_default();
    let mut all = vec![name.to_string_lossy().into_owned()];
    all.extend(args);
    fields.insert("args".into(), json!(all));
    if !task.env.is_empty() {
        fields.insert("env".into(), json!(task.env));
    }
    if let Some((_, blob)) = &stdin {
        fields.insert("stdin".into(), named(*blob));
    }
    if !files.is_empty() {
        let inputs = files.iter().map(|(name, _, blob)| {
            let mut entry = named(*blob);
            entry["path"] = json!(name);
            entry
        });
        fields.insert("inputs".into(), inputs.collect());
    }
    fields.insert("memory_mib".into(), json!(task.memory_mib));
    fields.insert("output_limit".into(), json!(task.output_limit));
    if let Some(clock) = task.clock {
        fields.insert("clock".into(), json!(clock));
    }
    if let Some(seed) = task.seed {
        fields.insert("seed".into(), json!(seed));
    }
    let stored = serde_json::to_vec(&Value::Object(fields))
        .map_err(|error| Error::asked(format!("These arguments make no job: {error}")))?;
    let spec = JobSpec::parse(&stored)?;
    let mut offered = vec![(module, program.path.clone())];
    offered.extend(stdin.map(|(path, blob)| (blob, path)));
    offered.extend(files.into_iter().map(|(_, path, blob)| (blob, path)));
    let files = spec
        .blobs()
        .iter()
        .filter_map(|wanted| offered.iter().find(|(blob, _)| blob == wanted).cloned())
        .collect();
    Ok(Work {
        stored,
        spec,
        files,
    })
}

fn named(blob: Blob) -> Value {
    json!({ "sha256": hex::encode(blob.sha256), "size": blob.size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inputs_stand_where_the_braces_are_or_last() {
        let lines = |texts: &[&str]| -> Vec<Input> {
            texts
                .iter()
                .map(|text| Input::Line((*text).into()))
                .collect()
        };
        let args = |args: &[&str], inputs: &[&str]| {
            let args: Vec<String> = args.iter().map(|arg| (*arg).into()).collect();
            arguments(&args, &lines(inputs))
        };
        assert_eq!(
            args(&["-v", "{}", "end"], &["a", "b c"]),
            ["-v", "a", "b c", "end"]
        );
        assert_eq!(args(&["-v"], &["a", "b"]), ["-v", "a", "b"]);
        assert_eq!(args(&["--of={}"], &["a"]), ["--of=a"]);
    }
}
