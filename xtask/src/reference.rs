//! `docs/reference.md`: every instruction, account, event and error, from the descriptions in `idl/`.

use anyhow::{ensure, Context, Result};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Keys that hold an office or sign for a program: what they can do is a line each in `SECURITY.md`.
const OFFICES: [(&str, &str); 4] = [
    ("governor", "governor"),
    ("guardian", "guardian"),
    ("upgrade authority", "upgrade authority"),
    ("worker", "worker"),
];

/// The page for these descriptions. Fails where an instruction does not say who may call it, or where an office signs
/// of which `SECURITY.md` (its text is `security`) says nothing.
pub fn page(descriptions: &[Value], security: &str) -> Result<String> {
    let mut page = String::from(
        "# Reference\n\nMade by `cargo xtask idl` from the programs; do not edit. `idl/` has the same for machines.\n\n\
         ## Who may call what\n\nWhat each office can do at worst, and why no more, stands in `SECURITY.md`.\n\n\
         | program | instruction | who | signers |\n|---|---|---|---|\n",
    );
    for description in descriptions {
        let program = title(description)?;
        for instruction in each(&description["instructions"]) {
            let name = name(instruction)?;
            let docs = text(instruction);
            let who = who(&docs)
                .with_context(|| format!("{program}: {name} does not say who may call it"))?;
            for (office, row) in OFFICES {
                ensure!(
                    !who.contains(office) || security.contains(row),
                    "{program}: {name} asks for the {office}, of whom SECURITY.md says nothing"
                );
            }
            let signers: Vec<&str> = each(&instruction["accounts"])
                .iter()
                .filter(|account| account["signer"] == true)
                .filter_map(|account| account["name"].as_str())
                .collect();
            writeln!(
                page,
                "| {program} | `{name}` | {who} | {} |",
                signers.join(", ")
            )?;
        }
    }
    for description in descriptions {
        program(&mut page, description)?;
    }
    Ok(page)
}

fn program(page: &mut String, description: &Value) -> Result<()> {
    let address = description["address"].as_str().unwrap_or_default();
    writeln!(page, "\n## {}\n\n`{address}`", title(description)?)?;
    writeln!(page, "\n### Instructions")?;
    for instruction in each(&description["instructions"]) {
        writeln!(
            page,
            "\n#### {}\n\n{}\n",
            name(instruction)?,
            text(instruction)
        )?;
        let arguments = each(&instruction["args"]);
        if !arguments.is_empty() {
            let shown: Vec<String> = arguments
                .iter()
                .map(|argument| {
                    Ok(format!(
                        "`{}`: {}",
                        name(argument)?,
                        kind(&argument["type"])
                    ))
                })
                .collect::<Result<_>>()?;
            writeln!(page, "Arguments: {}.\n", shown.join(", "))?;
        }
        writeln!(page, "| account | | what |\n|---|---|---|")?;
        for account in each(&instruction["accounts"]) {
            let mut how = Vec::new();
            for (key, word) in [
                ("signer", "signs"),
                ("writable", "written"),
                ("optional", "optional"),
            ] {
                if account[key] == true {
                    how.push(word);
                }
            }
            writeln!(
                page,
                "| `{}` | {} | {} |",
                name(account)?,
                how.join(", "),
                text(account)
            )?;
        }
    }
    let types: BTreeMap<&str, &Value> = each(&description["types"])
        .iter()
        .filter_map(|kind| Some((kind["name"].as_str()?, kind)))
        .collect();
    for (heading, list) in [("Accounts", "accounts"), ("Events", "events")] {
        writeln!(page, "\n### {heading}")?;
        for entry in each(&description[list]) {
            let name = name(entry)?;
            let kind = types
                .get(name)
                .with_context(|| format!("{name} has no type"))?;
            writeln!(page, "\n#### {name}\n\n{}\n", text(kind))?;
            fields(page, kind)?;
        }
    }
    writeln!(
        page,
        "\n### Errors\n\n| code | name | what to do |\n|---:|---|---|"
    )?;
    for error in each(&description["errors"]) {
        let message = error["msg"].as_str().unwrap_or_default();
        writeln!(
            page,
            "| {} | `{}` | {message} |",
            error["code"],
            name(error)?
        )?;
    }
    Ok(())
}

fn fields(page: &mut String, of: &Value) -> Result<()> {
    writeln!(page, "| field | type | what |\n|---|---|---|")?;
    for field in each(&of["type"]["fields"]) {
        writeln!(
            page,
            "| `{}` | {} | {} |",
            name(field)?,
            kind(&field["type"]),
            text(field)
        )?;
    }
    Ok(())
}

/// `lode_jobs` of a description's metadata, without the prefix.
fn title(description: &Value) -> Result<&str> {
    let name = description["metadata"]["name"]
        .as_str()
        .context("a program without a name")?;
    Ok(name.trim_start_matches("lode_"))
}

fn name(value: &Value) -> Result<&str> {
    value["name"].as_str().context("something without a name")
}

fn each(list: &Value) -> &[Value] {
    list.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The documentation of something in one line.
fn text(value: &Value) -> String {
    let lines = each(&value["docs"]).iter().filter_map(Value::as_str);
    let joined = lines.map(str::trim).collect::<Vec<_>>().join(" ");
    joined.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What stands between "Who: " and the errors, without its full stop.
fn who(docs: &str) -> Option<&str> {
    let (_, after) = docs.split_once("Who: ")?;
    let who = after.split(" Errors:").next()?;
    Some(who.trim_end_matches('.'))
}

/// A type as one writes it.
fn kind(of: &Value) -> String {
    match of {
        Value::String(name) => name.clone(),
        Value::Object(map) => {
            if let Some(inner) = map.get("option") {
                return format!("optional {}", kind(inner));
            }
            if let Some(inner) = map.get("vec") {
                return format!("list of {}", kind(inner));
            }
            if let Some([inner, length]) = map.get("array").map(each) {
                return format!("{length} x {}", kind(inner));
            }
            match of["defined"]["name"].as_str() {
                Some(name) => format!("`{name}`"),
                None => of.to_string(),
            }
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn described(docs: &str) -> Value {
        json!({
            "address": "Abc",
            "metadata": {"name": "lode_p"},
            "instructions": [{
                "name": "go",
                "docs": [docs],
                "args": [{"name": "amount", "type": {"option": "u64"}}],
                "accounts": [{"name": "who", "docs": ["Him."], "signer": true}],
            }],
            "accounts": [{"name": "T"}],
            "types": [{"name": "T", "docs": ["A t."], "type": {"fields": [
                {"name": "f", "docs": ["An f."], "type": {"array": ["u8", 4]}},
            ]}}],
            "events": [],
            "errors": [{"code": 6000, "name": "Bad", "msg": "Do better"}],
        })
    }

    #[test]
    fn everything_stands_on_the_page() {
        let page = page(
            &[described("Goes. Who: the guardian. Errors: `Bad`.")],
            "guardian",
        )
        .unwrap();
        for part in [
            "| p | `go` | the guardian | who |",
            "Arguments: `amount`: optional u64.",
            "| `who` | signs | Him. |",
            "| `f` | 4 x u8 | An f. |",
            "| 6000 | `Bad` | Do better |",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
    }

    #[test]
    fn an_office_that_security_does_not_name_and_an_instruction_for_nobody_are_refused() {
        let governed = [described("Goes. Who: the governor. Errors: none.")];
        let error = page(&governed, "guardian").unwrap_err().to_string();
        assert!(error.contains("SECURITY.md"), "{error}");
        let error = page(&[described("Goes.")], "").unwrap_err().to_string();
        assert!(error.contains("does not say who"), "{error}");
    }
}
