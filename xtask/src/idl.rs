//! `cargo xtask idl`: describes the programs for clients in other languages, under `idl/`, and makes the TypeScript client,
//! `docs/reference.md` and the Rust client's table of errors from that.
//!
//! Anchor's derive makes tests that print the parts; this puts them together. What has no documentation is refused.

use crate::build::PROGRAMS;
use crate::reference;
use crate::setup;
use crate::shell::{cargo, root, step, target};
use anyhow::{bail, ensure, Context, Result};
use serde_json::{json, Map, Value};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Writes `idl/*.json`, the reference, the Rust client's errors and the TypeScript client.
pub fn write() -> Result<()> {
    let described = describe()?;
    let parsed = parsed(&described)?;
    for (path, text) in [(REFERENCE, reference(&parsed)?), (ERRORS, errors(&parsed)?)] {
        std::fs::write(root().join(path), text)?;
        println!("{path}");
    }
    for (name, text) in described {
        let file = file(&name);
        std::fs::create_dir_all(root().join("idl"))?;
        std::fs::write(&file, text).with_context(|| format!("{}", file.display()))?;
        println!("{}", file.display());
    }
    generate()
}

const REFERENCE: &str = "docs/reference.md";
/// Anchor keeps the messages of errors in descriptions alone. A package of the Rust client can read neither those nor the
/// programs' sources, so it has them in a file of its own.
const ERRORS: &str = "crates/client/src/error/table.rs";

fn parsed(described: &[(String, String)]) -> Result<Vec<Value>> {
    let parsed = described.iter().map(|(_, text)| serde_json::from_str(text));
    Ok(parsed.collect::<serde_json::Result<_>>()?)
}

fn reference(parsed: &[Value]) -> Result<String> {
    let security = std::fs::read_to_string(root().join("SECURITY.md"))
        .context("SECURITY.md cannot be read")?;
    reference::page(parsed, &security)
}

/// The table of every program's errors.
fn errors(parsed: &[Value]) -> Result<String> {
    let mut tables = BTreeMap::new();
    for program in parsed {
        let name = program["metadata"]["name"].as_str().unwrap_or_default();
        let name = name.strip_prefix("lode_").context("whose errors?")?;
        let mut rows = String::new();
        for error in program["errors"].as_array().into_iter().flatten() {
            let code = error["code"].as_u64().context("an error without a code")?;
            let message = error["msg"].as_str().context("an error without words")?;
            rows += &format!("    row({code}, {:?}, {message:?}),\n", named(error));
        }
        let table = format!(
            "\npub(super) const {}: &[Row] = &[\n{rows}];\n",
            name.to_uppercase()
        );
        tables.insert(name, table);
    }
    let head = "//! Errors of the programs. Made by `cargo xtask idl`; do not edit.\nuse super::{row, Row};\n";
    Ok(tables.values().fold(head.to_string(), |all, one| all + one))
}

/// Fails where `idl/*.json`, the reference or the Rust client's errors are not what the programs say, or the TypeScript
/// client not what follows from it, or where that does not type-check.
pub fn check() -> Result<()> {
    let described = describe()?;
    let parsed = parsed(&described)?;
    for (path, text) in [(REFERENCE, reference(&parsed)?), (ERRORS, errors(&parsed)?)] {
        ensure!(
            std::fs::read_to_string(root().join(path)).unwrap_or_default() == text,
            "{path} is not what the programs say: run `cargo xtask idl` and commit what it writes"
        );
    }
    for (name, text) in described {
        let committed = std::fs::read_to_string(file(&name)).unwrap_or_default();
        ensure!(
            committed == text,
            "idl/{name}.json is not what the program says: run `cargo xtask idl` and commit what it writes"
        );
    }
    let before = generated()?;
    generate()?;
    ensure!(
        generated()? == before,
        "clients/typescript/src/generated was not what follows from idl/: commit it as it is now"
    );
    step("checking the TypeScript client's types");
    // It looks anew at what differs from the last time, and at all that depends on it.
    in_client(
        Command::new("npx")
            .args(["tsc", "--noEmit", "--incremental", "--tsBuildInfoFile"])
            .arg(root().join("target/typescript.tsbuildinfo")),
    )
}

/// Generates the TypeScript client.
fn generate() -> Result<()> {
    setup::typescript()?;
    step("generating the TypeScript client");
    in_client(Command::new("node").arg("generate.mjs"))
}

fn in_client(command: &mut Command) -> Result<()> {
    let status = command
        .current_dir(root().join("clients/typescript"))
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("{command:?} could not be started"))?;
    ensure!(status.success(), "{command:?} failed in clients/typescript");
    Ok(())
}

/// Every generated file and what is in it.
fn generated() -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root().join("clients/typescript/src/generated")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| format!("{}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read(&path)?;
                files.insert(path, text);
            }
        }
    }
    Ok(files)
}

fn file(name: &str) -> PathBuf {
    root().join(format!("idl/{name}.json"))
}

/// Name and text of each program's description.
fn describe() -> Result<Vec<(String, String)>> {
    step("describing the programs");
    let packages = PROGRAMS.map(|name| format!("lode-{name}"));
    let features = packages.clone().map(|name| format!("{name}/idl-build"));
    let mut command = cargo(&["test", "--lib"]);
    for package in &packages {
        command.args(["--package", package]);
    }
    let output = command
        .args(["--features", &features.join(",")])
        // With these features the programs are other crates under the same file names: in the common folder everything that
        // depends on them would be compiled anew after each description.
        .arg("--target-dir")
        .arg(target().join("idl"))
        // they only print
        .args(["--config", r#"profile.dev.package."*".opt-level=0"#])
        .args(["__anchor_private_print_idl", "--"])
        .args(["--show-output", "--quiet", "--test-threads=1"])
        .current_dir(root())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("`cargo test` could not be started")?;
    ensure!(output.status.success(), "the programs do not compile");
    let printed = String::from_utf8(output.stdout).context("what was printed is no text")?;
    let mut programs: Vec<Parts> = Vec::new();
    for (kind, text) in blocks(&printed)? {
        // each program's tests run in the order of their names, so its address comes first
        if kind == "address" {
            programs.push(Parts::default());
        }
        let parts = programs
            .last_mut()
            .context("a description without an address")?;
        parts.add(kind, text)?;
    }
    ensure!(
        programs.len() == PROGRAMS.len(),
        "{} programs are described, {} were expected",
        programs.len(),
        PROGRAMS.len()
    );
    let described = programs.into_iter().map(Parts::assemble);
    described.collect()
}

/// Kind and text of every marked block.
fn blocks(printed: &str) -> Result<Vec<(&str, String)>> {
    let mut found = Vec::new();
    let mut lines = printed.lines();
    while let Some(line) = lines.next() {
        let Some(kind) = marked(line, "begin") else {
            continue;
        };
        let mut text = String::new();
        loop {
            match lines.next() {
                Some(line) if marked(line, "end") == Some(kind) => break,
                Some(line) => text.push_str(line),
                None => bail!("the block {kind} does not end"),
            }
        }
        found.push((kind, text));
    }
    Ok(found)
}

fn marked<'a>(line: &'a str, which: &str) -> Option<&'a str> {
    line.trim()
        .strip_prefix("--- IDL ")?
        .strip_prefix(which)?
        .trim()
        .strip_suffix(" ---")
}

/// What one program printed.
#[derive(Default)]
struct Parts {
    address: String,
    program: Map<String, Value>,
    constants: Vec<Value>,
    errors: Vec<Value>,
    events: Vec<Value>,
    types: Vec<Value>,
}

impl Parts {
    fn add(&mut self, kind: &str, text: String) -> Result<()> {
        let parse = || {
            serde_json::from_str::<Value>(&text)
                .with_context(|| format!("the block {kind}: {text}"))
        };
        match kind {
            "address" => self.address = text.trim().trim_matches('"').to_string(),
            "program" => match parse()? {
                Value::Object(program) => self.program = program,
                _ => bail!("the block program is no object"),
            },
            "const" => self.constants.push(parse()?),
            "errors" => self.errors = list(parse()?)?,
            "event" => {
                let mut event = parse()?;
                self.events.push(event["event"].take());
                self.types.extend(list(event["types"].take())?);
            }
            other => bail!("an unknown block: {other}"),
        }
        Ok(())
    }

    fn assemble(mut self) -> Result<(String, String)> {
        let mut program = self.program;
        let name = program["metadata"]["name"]
            .as_str()
            .context("a program without a name")?
            .to_string();
        self.types.extend(list(program["types"].take())?);
        for part in [&mut self.constants, &mut self.events, &mut self.types] {
            part.sort_by_key(named);
            part.dedup();
        }
        for pair in self.types.windows(2) {
            if let [a, b] = pair {
                ensure!(named(a) != named(b), "{name}: two types {}", named(a));
            }
        }
        let mut accounts = list(program["accounts"].take())?;
        accounts.sort_by_key(named);
        let whole = json!({
            "address": self.address,
            "metadata": program["metadata"].take(),
            "instructions": program["instructions"].take(),
            "accounts": accounts,
            "events": self.events,
            "errors": self.errors,
            "types": self.types,
            "constants": self.constants,
        });
        require_documented(&name, &whole)?;
        Ok((name, serde_json::to_string_pretty(&whole)? + "\n"))
    }
}

fn list(value: Value) -> Result<Vec<Value>> {
    match value {
        Value::Array(list) => Ok(list),
        Value::Null => Ok(Vec::new()),
        other => bail!("not a list: {other}"),
    }
}

fn named(value: &Value) -> String {
    value["name"].as_str().unwrap_or_default().to_string()
}

/// Every instruction, account, field and error says what it is.
fn require_documented(program: &str, idl: &Value) -> Result<()> {
    let mut missing = Vec::new();
    let says = |value: &Value| {
        value["docs"]
            .as_array()
            .is_some_and(|docs| !docs.is_empty())
    };
    let each = |value: &Value| value.as_array().cloned().unwrap_or_default();
    for instruction in each(&idl["instructions"]) {
        if !says(&instruction) {
            missing.push(named(&instruction));
        }
        for account in each(&instruction["accounts"]) {
            if !says(&account) {
                missing.push(format!("{}.{}", named(&instruction), named(&account)));
            }
        }
    }
    for kind in each(&idl["types"]) {
        // aliases and wrappers of the framework's have nothing to say of their own
        let fields = each(&kind["type"]["fields"]);
        if !fields.is_empty() && !says(&kind) {
            missing.push(named(&kind));
        }
        for field in fields {
            if !says(&field) {
                missing.push(format!("{}.{}", named(&kind), named(&field)));
            }
        }
    }
    for error in each(&idl["errors"]) {
        if error["msg"].as_str().unwrap_or_default().is_empty() {
            missing.push(format!("error {}", named(&error)));
        }
    }
    ensure!(
        missing.is_empty(),
        "{program}: without documentation: {}",
        missing.join(", ")
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn parts_are_put_together_and_sorted() {
        let printed = "noise\n--- IDL begin address ---\nAbc\n--- IDL end address ---\n\
            --- IDL begin program ---\n{\"metadata\":{\"name\":\"p\"},\"instructions\":[],\"accounts\":[],\"types\":[{\"name\":\"Z\",\"docs\":[\"z\"]}]}\n\
            --- IDL end program ---\n--- IDL begin event ---\n{\"event\":{\"name\":\"E\"},\"types\":[{\"name\":\"E\",\"docs\":[\"e\"]}]}\n--- IDL end event ---\n";
        let mut parts = Parts::default();
        for (kind, text) in blocks(printed).unwrap() {
            parts.add(kind, text).unwrap();
        }
        let (name, text) = parts.assemble().unwrap();
        let whole: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (name.as_str(), whole["address"].as_str()),
            ("p", Some("Abc"))
        );
        assert_eq!(whole["types"][0]["name"], "E");
        assert_eq!(whole["types"][1]["name"], "Z");
        assert_eq!(whole["events"][0]["name"], "E");
    }

    #[test]
    fn what_is_not_documented_is_named() {
        let idl = json!({
            "instructions": [{"name": "go", "docs": ["Goes."], "accounts": [{"name": "who"}]}],
            "types": [{"name": "T", "docs": ["A t."], "type": {"fields": [{"name": "f"}]}}],
            "errors": [{"name": "Bad"}],
        });
        let error = require_documented("p", &idl).unwrap_err().to_string();
        assert_eq!(error, "p: without documentation: go.who, T.f, error Bad");
    }

    #[test]
    fn the_rust_client_has_the_errors_of_the_descriptions() {
        let parsed = PROGRAMS.map(|program| {
            let text = std::fs::read_to_string(file(&format!("lode_{program}"))).unwrap();
            serde_json::from_str(&text).unwrap()
        });
        let committed = std::fs::read_to_string(root().join(ERRORS)).unwrap();
        assert_eq!(committed, errors(&parsed).unwrap());
    }

    #[test]
    fn a_block_must_end() {
        assert!(blocks("--- IDL begin const ---\n{}").is_err());
    }
}
