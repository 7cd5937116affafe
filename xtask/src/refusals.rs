//! Whether each instruction is refused in a test with every error that its documentation names, and with no other of its
//! program. The tests on the SVM write down each refusal where costs are written down (`lode_tests::costs`).

use crate::bench;
use crate::build::PROGRAMS;
use crate::shell::root;
use anyhow::{bail, Context, Result};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Documented, and reached by no test: instruction, error, and why.
const UNREACHED: [(&str, &str, &str); 1] = [(
    "jobs seal_job",
    "SlotHashes",
    "every cluster has the sysvar, and a program that cannot read it has no test bench to run on",
)];

/// Instruction (with its program) and error.
type Pairs = BTreeSet<(String, String)>;

/// What the descriptions of the programs say of errors, and how instructions and errors are known in what tests write.
#[derive(Default)]
struct Described {
    documented: Pairs,
    /// Program's id and discriminator: the instruction.
    instructions: BTreeMap<(String, String), String>,
    /// Program's id and number: the error.
    errors: BTreeMap<(String, String), String>,
}

/// Fails where the documentation and the tests differ.
pub fn check() -> Result<()> {
    let mut described = Described::default();
    for program in PROGRAMS {
        let path = root().join(format!("idl/lode_{program}.json"));
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("{} cannot be read", path.display()))?;
        described
            .add(program, &serde_json::from_str(&text)?)
            .with_context(|| format!("{} is no description of a program", path.display()))?;
    }
    let seen = described.seen(&std::fs::read_to_string(bench::file())?)?;
    let wrong = differences(&described.documented, &seen);
    if !wrong.is_empty() {
        bail!(
            "what instructions are refused with is not what their documentation says:\n  {}",
            wrong.join("\n  ")
        );
    }
    Ok(())
}

fn differences(documented: &Pairs, seen: &Pairs) -> Vec<String> {
    let excepted: Pairs = UNREACHED
        .iter()
        .map(|(instruction, error, _)| (instruction.to_string(), error.to_string()))
        .collect();
    let mut wrong = Vec::new();
    for (instruction, error) in documented.difference(seen) {
        if !excepted.contains(&(instruction.clone(), error.clone())) {
            wrong.push(format!(
                "{instruction}: no test on the SVM sees it refused with `{error}`: write one, or document it no more"
            ));
        }
    }
    for (instruction, error) in seen.difference(documented) {
        wrong.push(format!(
            "{instruction}: a test sees it refused with `{error}`, which its documentation in lib.rs does not name"
        ));
    }
    for (instruction, error) in excepted.intersection(seen) {
        wrong.push(format!(
            "{instruction}: `{error}` is reached by a test and stands among those that are not"
        ));
    }
    wrong
}

impl Described {
    fn add(&mut self, program: &str, idl: &Value) -> Result<()> {
        let id = idl["address"].as_str().context("it has no address")?;
        let mut names = BTreeSet::new();
        for error in idl["errors"].as_array().context("it has no errors")? {
            let name = error["name"].as_str().context("an error without name")?;
            let code = error["code"].as_u64().context("an error without number")?;
            self.errors
                .insert((id.to_string(), code.to_string()), name.to_string());
            names.insert(name);
        }
        let instructions = idl["instructions"].as_array();
        for instruction in instructions.context("it has no instructions")? {
            let name = instruction["name"].as_str().context("one without name")?;
            let marked = instruction["discriminator"].as_array();
            let mark: String = marked
                .context("an instruction without discriminator")?
                .iter()
                .map(|byte| format!("{:02x}", byte.as_u64().unwrap_or_default()))
                .collect();
            let full = format!("{program} {name}");
            self.instructions
                .insert((id.to_string(), mark), full.clone());
            let docs = instruction["docs"].as_array().into_iter().flatten();
            let docs: Vec<&str> = docs.filter_map(Value::as_str).collect();
            let docs = docs.join(" ");
            let Some((_, said)) = docs.split_once("Errors:") else {
                continue;
            };
            let words = said.split('`').skip(1).step_by(2);
            for error in words.filter(|word| names.contains(word)) {
                self.documented.insert((full.clone(), error.to_string()));
            }
        }
        Ok(())
    }

    /// The refusals that tests wrote down.
    fn seen(&self, measured: &str) -> Result<Pairs> {
        let mut seen = Pairs::new();
        for line in measured.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let ["refused", program, name, code] = words.as_slice() else {
                continue;
            };
            let of = |name: &str| (program.to_string(), name.to_string());
            let instruction = self.instructions.get(&of(name));
            // An error that is none of the program's is the framework's: of an account that is not what it must be.
            if let (Some(instruction), Some(error)) = (instruction, self.errors.get(&of(code))) {
                seen.insert((instruction.clone(), error.clone()));
            }
        }
        if seen.is_empty() {
            bail!(
                "{} names no refusal: no test measured",
                bench::file().display()
            );
        }
        Ok(seen)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn described() -> Described {
        let mut described = Described::default();
        let idl = json!({
            "address": "Here",
            "errors": [
                {"code": 6000, "name": "NotYours"},
                {"code": 6001, "name": "TooLate"},
            ],
            "instructions": [{
                "name": "go",
                "discriminator": [1, 255],
                "docs": ["Goes, or says `TooLate`.", "", "Who: anyone. Errors: `NotYours`, `Other`."],
            }],
        });
        described.add("jobs", &idl).unwrap();
        described
    }

    #[test]
    fn what_is_documented_and_what_tests_saw_must_be_the_same() {
        let described = described();
        let wrong =
            |measured: &str| differences(&described.documented, &described.seen(measured).unwrap());
        let documented = "call Here 01ff 5\nrefused Here 01ff 6000\nrefused Here 01ff 2003\n";
        assert_eq!(wrong(documented), Vec::<String>::new());
        let undocumented = wrong("refused Here 01ff 6000\nrefused Here 01ff 6001\n");
        assert!(
            undocumented[0].contains("does not name"),
            "{undocumented:?}"
        );
        let both = wrong("refused Here 01ff 6001\n");
        assert_eq!(both.len(), 2, "{both:?}");
        assert!(both[0].contains("write one"), "{both:?}");
        assert!(described.seen("refused There 01ff 6000\n").is_err());
    }
}
