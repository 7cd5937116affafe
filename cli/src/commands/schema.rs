//! `lode schema`: what commands answer under `--output json`.
use crate::output::Output;
use anyhow::{bail, Result};
use serde_json::{json, Value};

/// The schema of all answers, as committed; tests compare it with what commands answer.
const SCHEMA: &str = include_str!("../../schema.json");

/// Prints the schema of all commands, or of the one that is named; `dry-run` is that of every dry run.
pub fn show(path: &str, out: &Output) -> Result<()> {
    let all: Value = serde_json::from_str(SCHEMA)?;
    if path.is_empty() {
        out.json(&all);
        return Ok(());
    }
    let Some(answer) = all["commands"].get(path) else {
        let known = all["commands"].as_object().into_iter().flatten();
        let below: Vec<String> = known
            .filter(|(name, _)| name.starts_with(&format!("{path} ")))
            .map(|(name, _)| format!("`lode schema {name}`"))
            .collect();
        if !below.is_empty() {
            bail!(
                "`lode {path}` is a group of commands: ask for {}",
                below.join(", ")
            );
        }
        bail!("There is no command `lode {path}`, or it prints no answer: `lode schema` shows those that do");
    };
    let mut schema = json!({
        "$schema": all["$schema"],
        "title": format!("lode {path} --output json"),
        "version": all["version"],
    });
    for (name, value) in answer.as_object().into_iter().flatten() {
        schema[name] = value.clone();
    }
    schema["$defs"] = all["$defs"].clone();
    out.json(&schema);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::tree;

    /// Commands whose answer is a file's text or nothing: agents, whose lines `docs/cli.md` describes.
    const WITHOUT_ANSWER: [&str; 6] = [
        "node run",
        "oracle run",
        "watch run",
        "gateway run",
        "gateway mirror",
        "schema",
    ];

    #[test]
    fn every_command_is_in_the_schema_or_is_known_to_answer_nothing() {
        let all: Value = serde_json::from_str(SCHEMA).unwrap();
        let mut known: Vec<String> = all["commands"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        known.extend(WITHOUT_ANSWER.map(str::to_string));
        known.sort();
        let mut leaves: Vec<String> = tree::leaves().into_iter().map(|(path, _)| path).collect();
        leaves.extend(["dry-run", "sign-only"].map(str::to_string));
        leaves.sort();
        assert_eq!(known, leaves);
    }

    #[test]
    fn the_schema_names_nothing_that_it_does_not_define() {
        let all: Value = serde_json::from_str(SCHEMA).unwrap();
        let mut asked = vec![&all];
        while let Some(value) = asked.pop() {
            match value {
                Value::Object(members) => asked.extend(members.values()),
                Value::Array(items) => asked.extend(items),
                Value::String(text) => {
                    if let Some(name) = text.strip_prefix("#/$defs/") {
                        assert!(all["$defs"].get(name).is_some(), "{name}");
                    }
                }
                _ => {}
            }
        }
    }
}
