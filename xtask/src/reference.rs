//! `docs/reference.md`: every instruction, account, event, type, number and error, from the descriptions in `idl/`; what
//! numbers stand for, which these do not tell, from the sources. And whether `SECURITY.md` says of every key what it signs.

use crate::shell::root;
use anyhow::{bail, ensure, Context, Result};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Whose key a signer's account is, as the table of `SECURITY.md` names it: by program, name of the account and a part of
/// what "Who:" says. Nothing stands for anything; the first that fits holds.
const KEYS: [(&str, &str, &str, &str); 21] = [
    ("upgrade authority", "", "authority", "upgrade authority"),
    ("worker", "", "worker", "the node's worker"),
    ("node's owner", "", "", "the node's owner"),
    ("node's owner", "staking", "owner", "the owner-to-be"),
    ("wallet with stake", "staking", "wallet", ""),
    ("oracle's owner", "oracle", "owner", ""),
    ("guardian", "", "guardian", "the guardian"),
    ("governor of a committee", "oracle", "", "governor"),
    (
        "governor of a committee",
        "jobs",
        "governor",
        "the committee's governor",
    ),
    (
        "market's authority",
        "jobs",
        "authority",
        "the committee's governor",
    ),
    (
        "market's authority",
        "jobs",
        "authority",
        "the market's authority",
    ),
    ("governor of staking", "staking", "", "governor"),
    ("governor of jobs", "jobs", "", "governor"),
    ("owner of the treasury", "emissions", "", "owner"),
    (
        "owner of the burn fees",
        "jobs",
        "signer",
        "its pending owner",
    ),
    ("wallet with an account in a market", "jobs", "customer", ""),
    ("wallet with an account in a market", "jobs", "wallet", ""),
    (
        "wallet with an account in a market",
        "jobs",
        "authority",
        "the ledger's authority",
    ),
    ("wallet with an account in a market", "jobs", "signer", ""),
    ("jobs program", "", "slasher", "the jobs program"),
    ("anyone", "", "", "anyone"),
];

/// Where the table of `SECURITY.md` begins.
const TABLE: &str = "## The worst each key can do";

/// Where numbers get their names: the program that they are of, and a file or a folder of files.
const SOURCES: [(&str, &str); 5] = [
    ("staking", "programs/staking/src/state"),
    ("oracle", "programs/oracle/src/state"),
    ("jobs", "programs/jobs/src/state"),
    ("jobs", "crates/attestation/src"),
    ("emissions", "programs/emissions/src/state"),
];
const CLASSES: &str = "crates/client/src/nodes.rs";

/// What the numbers of a byte stand for.
#[derive(Debug, PartialEq, Eq)]
struct Numbers {
    program: String,
    name: String,
    docs: String,
    /// Number, name, documentation.
    rows: Vec<(u64, String, String)>,
}

/// The page for these descriptions. Fails where an instruction does not say who may call it, where a key signs something of
/// which `SECURITY.md` (its text is `security`) does not tell, or where something refers to numbers that stand nowhere.
pub fn page(descriptions: &[Value], security: &str) -> Result<String> {
    written(descriptions, security, &numbers()?)
}

fn written(descriptions: &[Value], security: &str, numbers: &[Numbers]) -> Result<String> {
    let mut page = String::from(
        "# Reference\n\nMade by `cargo xtask idl` from the programs; do not edit. `idl/` has the same for machines, but for the \
         names of numbers.\n\n\
         ## Who may call what\n\nWhat each key can do at worst, and why no more, stands in `SECURITY.md`.\n\n\
         | program | instruction | who | signers |\n|---|---|---|---|\n",
    );
    let mut signed: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for description in descriptions {
        let program = title(description)?;
        for instruction in each(&description["instructions"]) {
            let name = name(instruction)?;
            let docs = text(instruction);
            let who = who(&docs)
                .with_context(|| format!("{program}: {name} does not say who may call it"))?;
            let signers: Vec<&str> = each(&instruction["accounts"])
                .iter()
                .filter(|account| account["signer"] == true)
                .filter_map(|account| account["name"].as_str())
                .collect();
            for signer in &signers {
                let key = key_of(program, signer, who).with_context(|| {
                    format!(
                        "{program}: {name} is signed by its account `{signer}` (who: {who}): say in KEYS of xtask/src/reference.rs \
                         whose key that is, and in the table of SECURITY.md what it can do"
                    )
                })?;
                let entry = format!("{program}::{name}");
                signed.entry(key).or_default().insert(entry);
            }
            writeln!(
                page,
                "| {program} | `{name}` | {who} | {} |",
                signers.join(", ")
            )?;
        }
    }
    require_told(&signed, security)?;
    require_named(descriptions, numbers)?;
    for description in descriptions {
        program(&mut page, description, numbers)?;
    }
    Ok(linked(&page, numbers))
}

/// Whose key signs as this account.
fn key_of(program: &str, signer: &str, who: &str) -> Option<&'static str> {
    let is = |wanted: &str, found: &str| wanted.is_empty() || wanted == found;
    KEYS.iter()
        .find(|(_, in_program, account, says)| {
            is(in_program, program) && is(account, signer) && who.contains(says)
        })
        .map(|(key, ..)| *key)
}

/// The table of `SECURITY.md` names in its last column exactly the instructions that each key signs.
fn require_told(signed: &BTreeMap<&str, BTreeSet<String>>, security: &str) -> Result<()> {
    let told = told(security)?;
    let nothing = BTreeSet::new();
    let mut wrong = Vec::new();
    for (key, instructions) in signed {
        if !told.contains_key(*key) {
            let all: Vec<&str> = instructions.iter().map(String::as_str).collect();
            wrong.push(format!(
                "the {key} signs {}, and has no row: add one that says what the key can do at worst, and names these in the last column",
                all.join(", ")
            ));
        }
    }
    for (key, named) in &told {
        let signs = signed.get(key.as_str()).unwrap_or(&nothing);
        for missing in signs.difference(named) {
            wrong.push(format!(
                "the row of the {key} lacks {missing}, which it signs: see what that lets it do at worst, say so, and name it in the last column"
            ));
        }
        for extra in named.difference(signs) {
            wrong.push(format!(
                "the row of the {key} names {extra}, which it does not sign: take it out, or move it to the row of the key that does"
            ));
        }
    }
    ensure!(
        wrong.is_empty(),
        "SECURITY.md, \"{}\": {}",
        TABLE.trim_start_matches("## "),
        wrong.join("\nSECURITY.md: ")
    );
    Ok(())
}

/// Each row's key and the instructions in its last column: a program's name with a colon, then its instructions.
fn told(security: &str) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let (_, after) = security
        .split_once(TABLE)
        .with_context(|| format!("SECURITY.md has no \"{TABLE}\""))?;
    let mut told = BTreeMap::new();
    let rows = after
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'));
    for row in rows.skip(2) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let (Some(key), Some(column)) = (cells.first(), cells.last()) else {
            continue;
        };
        let mut instructions = BTreeSet::new();
        for part in column.split(';') {
            let Some((program, list)) = part.split_once(':') else {
                continue;
            };
            let program = program.trim().trim_matches('`');
            for name in list.split('`').skip(1).step_by(2) {
                instructions.insert(format!("{program}::{name}"));
            }
        }
        ensure!(
            told.insert(key.to_string(), instructions).is_none(),
            "SECURITY.md has two rows of the {key}: make one of them"
        );
    }
    Ok(told)
}

/// Every number that the documentation refers to has its names on the page.
fn require_named(descriptions: &[Value], numbers: &[Numbers]) -> Result<()> {
    let types = descriptions
        .iter()
        .flat_map(|description| each(&description["types"]));
    let mut known: BTreeSet<&str> = types
        .clone()
        .filter_map(|kind| kind["name"].as_str())
        .collect();
    known.extend(numbers.iter().map(|group| group.name.as_str()));
    for kind in types {
        for field in each(&kind["type"]["fields"]) {
            for reference in references(&text(field)) {
                let of = reference.split("::").next().unwrap_or_default();
                let is_constant = of.chars().all(|c| c.is_ascii_uppercase() || c == '_');
                ensure!(
                    is_constant || known.contains(reference) || known.contains(of),
                    "{}.{} refers to `{reference}`, of which neither idl/ nor the sources tell the numbers: make it an enum of \
                     `repr(u8)`, or constants of u8 in a module, in a file of SOURCES of xtask/src/reference.rs",
                    name(kind)?,
                    name(field)?
                );
            }
        }
    }
    Ok(())
}

/// What stands between "[`" and "`]".
fn references(text: &str) -> Vec<&str> {
    let parts = text.split("[`").skip(1);
    parts
        .filter_map(|part| Some(part.split_once("`]")?.0))
        .collect()
}

/// References lead to the numbers that they name; others keep their name only.
fn linked(page: &str, numbers: &[Numbers]) -> String {
    let mut linked = String::new();
    let mut rest = page;
    while let Some((before, after)) = rest.split_once("[`") {
        let Some((reference, behind)) = after.split_once("`]") else {
            break;
        };
        linked.push_str(before);
        if numbers.iter().any(|group| group.name == reference) {
            let place = reference.replace(':', "").to_lowercase();
            linked.push_str(&format!("[`{reference}`](#{place})"));
        } else {
            linked.push_str(&format!("`{reference}`"));
        }
        rest = behind;
    }
    linked.push_str(rest);
    linked
}

/// What the sources say of numbers. Fails where one says nothing.
fn numbers() -> Result<Vec<Numbers>> {
    let mut all = Vec::new();
    for (program, folder) in SOURCES {
        let folder = root().join(folder);
        let entries = std::fs::read_dir(&folder)
            .with_context(|| format!("{} cannot be read", folder.display()))?;
        let mut files = entries
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<Vec<_>>>()?;
        files.retain(|file| file.extension().is_some_and(|end| end == "rs"));
        files.sort();
        for file in files {
            let source = std::fs::read_to_string(&file)
                .with_context(|| format!("{} cannot be read", file.display()))?;
            let found = numbers_of(program, &source);
            all.extend(found.with_context(|| format!("{}", file.display()))?);
        }
    }
    let source = std::fs::read_to_string(root().join(CLASSES))
        .with_context(|| format!("{CLASSES} cannot be read"))?;
    all.push(classes(&source)?);
    Ok(all)
}

/// Enums of one byte, and constants of one in a module or of a type.
fn numbers_of(program: &str, source: &str) -> Result<Vec<Numbers>> {
    let mut found: Vec<Numbers> = Vec::new();
    let mut docs = String::new();
    let mut is_byte = false;
    // where the lines are: in an enum or a module whose numbers are the last that was found, or in neither
    let mut inside = false;
    for line in source.lines() {
        let code = line.trim();
        if let Some(more) = code.strip_prefix("///") {
            docs = format!("{docs} {}", more.trim()).trim().to_string();
            continue;
        }
        if code.starts_with("#[") {
            is_byte |= code == "#[repr(u8)]";
            continue;
        }
        let opened = code.strip_suffix(" {").and_then(|head| {
            head.strip_prefix("pub enum ")
                .filter(|_| is_byte)
                .or_else(|| head.strip_prefix("pub mod "))
        });
        let number = code
            .strip_prefix("pub const ")
            .and_then(|rest| rest.strip_suffix(';')?.split_once(": u8 = "))
            .or_else(|| code.strip_suffix(',')?.split_once(" = "));
        if let Some(name) = opened {
            found.push(Numbers {
                program: program.into(),
                name: name.into(),
                docs: std::mem::take(&mut docs),
                rows: Vec::new(),
            });
            inside = true;
        } else if line == "}" {
            inside = false;
        } else if inside && line.starts_with("    ") && code.ends_with(',') && !code.contains(' ') {
            bail!("{code} has no number of its own: write it");
        } else if let Some((name, value)) = number {
            if !inside {
                // of a type: the documentation begins with what it is a number of
                let Some(of) = references(&docs).first().map(|of| of.to_string()) else {
                    docs.clear();
                    continue;
                };
                if found.last().is_none_or(|group| group.name != of) {
                    found.push(Numbers {
                        program: program.into(),
                        docs: format!("What `{of}` may be."),
                        name: of,
                        rows: Vec::new(),
                    });
                }
            }
            if let Some(group) = found.last_mut() {
                ensure!(
                    !docs.is_empty(),
                    "{}::{name} says nothing: write above it what it means",
                    group.name
                );
                let value = value_of(value, &group.rows)
                    .with_context(|| format!("{}::{name} = {value}", group.name))?;
                let docs = std::mem::take(&mut docs);
                group.rows.push((value, name.into(), docs));
            }
        }
        if !code.is_empty() {
            docs.clear();
            is_byte = false;
        }
    }
    found.retain(|group| !group.rows.is_empty());
    for group in &found {
        ensure!(
            !group.docs.is_empty(),
            "{} says nothing: write above it what it is",
            group.name
        );
    }
    Ok(found)
}

/// `4`, `1 << 2`, or `A | B` of those before it.
fn value_of(text: &str, before: &[(u64, String, String)]) -> Result<u64> {
    if let Some((base, by)) = text.split_once(" << ") {
        let (base, by): (u64, u32) = (base.parse()?, by.parse()?);
        return base.checked_shl(by).context("too large");
    }
    let mut value = 0;
    for part in text.split(" | ") {
        value |= match part.parse() {
            Ok(number) => number,
            Err(_) => match before.iter().find(|(_, name, _)| name == part) {
                Some((number, ..)) => *number,
                None => bail!("`{part}` is no number"),
            },
        };
    }
    Ok(value)
}

/// The classes of machines, which are a convention of clients: the programs compare numbers.
fn classes(source: &str) -> Result<Numbers> {
    let (_, after) = source
        .split_once("pub const CLASSES: [&str; ")
        .with_context(|| format!("{CLASSES} has no CLASSES"))?;
    let list = after.split(']').nth(1).unwrap_or_default();
    let names = list.split('"').skip(1).step_by(2);
    Ok(Numbers {
        program: "staking".into(),
        name: "Node::class".into(),
        docs: "What owners declare, by convention of the clients: the programs compare numbers below 8, and know no name.".into(),
        rows: (0..)
            .zip(names)
            .map(|(number, name)| (number, name.to_string(), String::new()))
            .collect(),
    })
}

fn program(page: &mut String, description: &Value, numbers: &[Numbers]) -> Result<()> {
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
    let mut shown = BTreeSet::new();
    for (heading, list) in [("Accounts", "accounts"), ("Events", "events")] {
        writeln!(page, "\n### {heading}")?;
        for entry in each(&description[list]) {
            let name = name(entry)?;
            let kind = types
                .get(name)
                .with_context(|| format!("{name} has no type"))?;
            writeln!(page, "\n#### {name}\n\n{}\n", text(kind))?;
            fields(page, kind)?;
            shown.insert(name);
        }
    }
    let others = types.iter().filter(|(name, _)| !shown.contains(*name));
    for (number, (name, kind)) in others.enumerate() {
        if number == 0 {
            writeln!(
                page,
                "\n### Types\n\nArguments of instructions, and parts of accounts."
            )?;
        }
        let docs = text(kind);
        ensure!(
            !docs.is_empty(),
            "{}: the type {name} says nothing: write above it what it is",
            title(description)?
        );
        writeln!(page, "\n#### {name}\n\n{docs}\n")?;
        fields(page, kind)?;
    }
    let program = title(description)?;
    let own = numbers.iter().filter(|group| group.program == program);
    for (number, group) in own.enumerate() {
        if number == 0 {
            writeln!(
                page,
                "\n### Numbers\n\nWhat a byte of an account or an event stands for."
            )?;
        }
        writeln!(page, "\n#### {}\n\n{}\n", group.name, group.docs)?;
        writeln!(page, "| number | name | what |\n|---:|---|---|")?;
        for (number, name, docs) in &group.rows {
            writeln!(page, "| {number} | `{name}` | {docs} |")?;
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
                "accounts": [{"name": "guardian", "docs": ["Him."], "signer": true}],
            }],
            "accounts": [{"name": "T"}],
            "types": [
                {"name": "T", "docs": ["A t."], "type": {"fields": [
                    {"name": "f", "docs": ["An f, as [`T`] has."], "type": {"array": ["u8", 4]}},
                    {"name": "state", "docs": ["A [`State`]."], "type": "u8"},
                ]}},
                {"name": "GoArgs", "docs": ["What is told."], "type": {"fields": [
                    {"name": "g", "docs": ["A g."], "type": "u8"},
                ]}},
            ],
            "events": [],
            "errors": [{"code": 6000, "name": "Bad", "msg": "Do better"}],
        })
    }

    const SOURCE: &str = "/// Where it stands.\n#[repr(u8)]\n#[derive(Clone)]\npub enum State {\n    /// Begun.\n    \
        Begun = 1,\n    /// Over.\n    Over = 2,\n}\n\n/// Bits of [`T::flags`].\npub mod flag {\n    /// One.\n    \
        pub const ONE: u8 = 1;\n    /// Two.\n    pub const TWO: u8 = 1 << 1;\n    /// Both.\n    pub const ALL: u8 = ONE | TWO;\n}\n\n\
        /// No numbers.\npub enum Other {\n    A,\n}\n\n/// A byte by itself.\npub const VERSION: u8 = 1;\n\nimpl T {\n    \
        /// [`T::kind`] of a small one.\n    pub const SMALL: u8 = 0;\n    /// [`T::kind`] of a large one.\n    \
        pub const LARGE: u8 = 1;\n\n    /// Does.\n    pub fn does() {\n        let a = 1;\n    }\n}\n";

    fn source_numbers() -> Vec<Numbers> {
        numbers_of("p", SOURCE).unwrap()
    }

    fn security(rows: &str) -> String {
        format!("# S\n\n{TABLE}\n\nText.\n\n| key | can | signs |\n|---|---|---|\n{rows}")
    }

    #[test]
    fn everything_stands_on_the_page() {
        let page = written(
            &[described("Goes. Who: the guardian. Errors: `Bad`.")],
            &security("| guardian | go | `p`: `go` |\n| gateway | keep files | nothing |\n"),
            &source_numbers(),
        )
        .unwrap();
        for part in [
            "| p | `go` | the guardian | guardian |",
            "Arguments: `amount`: optional u64.",
            "| `guardian` | signs | Him. |",
            "| `f` | 4 x u8 | An f, as `T` has. |",
            "| `state` | u8 | A [`State`](#state). |",
            "#### GoArgs\n\nWhat is told.\n\n",
            "| `g` | u8 | A g. |",
            "#### State\n\nWhere it stands.\n\n",
            "| 2 | `Over` | Over. |",
            "#### flag\n\nBits of `T::flags`.\n\n",
            "| 2 | `TWO` | Two. |\n| 3 | `ALL` | Both. |",
            "| 1 | `LARGE` | [`T::kind`](#tkind) of a large one. |",
            "| 6000 | `Bad` | Do better |",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        assert!(
            !page.contains("Other") && !page.contains("VERSION"),
            "{page}"
        );
    }

    #[test]
    fn a_key_of_which_security_says_too_little_or_too_much_is_named() {
        let descriptions = [described("Goes. Who: the guardian. Errors: none.")];
        let refused = |rows: &str| {
            let page = written(&descriptions, &security(rows), &source_numbers());
            page.unwrap_err().to_string()
        };
        let error = refused("| worker | x | nothing |\n");
        assert!(
            error.contains("guardian signs p::go, and has no row: add one"),
            "{error}"
        );
        let error = refused("| guardian | x | nothing |\n");
        assert!(error.contains("row of the guardian lacks p::go"), "{error}");
        let error = refused("| guardian | x | `p`: `go`, `stop`; `q`: `go` |\n");
        assert!(
            error.contains("guardian names p::stop, which it does not sign"),
            "{error}"
        );
        assert!(error.contains("guardian names q::go"), "{error}");
        let error = refused("| guardian | x | `p`: `go` |\n| guardian | x | nothing |\n");
        assert!(error.contains("two rows"), "{error}");
    }

    #[test]
    fn an_instruction_for_nobody_and_a_signer_of_whom_nothing_is_known_are_refused() {
        let error = written(&[described("Goes.")], "", &[])
            .unwrap_err()
            .to_string();
        assert!(error.contains("does not say who"), "{error}");
        let stranger = [described("Goes. Who: the moon. Errors: none.")];
        let error = written(&stranger, "", &[]).unwrap_err().to_string();
        assert!(error.contains("say in KEYS"), "{error}");
    }

    #[test]
    fn numbers_without_documentation_and_references_to_none_are_refused() {
        let silent = SOURCE.replace("    /// Over.\n", "");
        let error = numbers_of("p", &silent).unwrap_err().to_string();
        assert!(error.contains("State::Over says nothing"), "{error}");
        let implicit = SOURCE.replace("Over = 2", "Over");
        let error = numbers_of("p", &implicit).unwrap_err().to_string();
        assert!(error.contains("Over, has no number"), "{error}");
        let silent = SOURCE.replace("/// Where it stands.\n", "");
        let error = numbers_of("p", &silent).unwrap_err().to_string();
        assert!(error.contains("State says nothing"), "{error}");
        let descriptions = [described("Goes. Who: the guardian. Errors: none.")];
        let told = security("| guardian | go | `p`: `go` |\n");
        let error = written(&descriptions, &told, &[]).unwrap_err().to_string();
        assert!(error.contains("T.state refers to `State`"), "{error}");
        let mut untold = described("Goes. Who: the guardian. Errors: none.");
        untold["types"][1]["docs"] = json!([]);
        let error = written(&[untold], &told, &source_numbers()).unwrap_err();
        assert!(error.to_string().contains("GoArgs says nothing"), "{error}");
    }

    #[test]
    fn the_committed_table_of_keys_is_that_of_the_committed_descriptions() {
        let mut files: Vec<_> = std::fs::read_dir(root().join("idl"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        let descriptions: Vec<Value> = files
            .iter()
            .map(|file| serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap())
            .collect();
        let security = std::fs::read_to_string(root().join("SECURITY.md")).unwrap();
        page(&descriptions, &security).unwrap();
    }

    #[test]
    fn the_numbers_of_the_programs_are_found() {
        let all = numbers().unwrap();
        let names: BTreeSet<&str> = all.iter().map(|group| group.name.as_str()).collect();
        for name in [
            "JobState",
            "Verdict",
            "flag",
            "LedgerKind",
            "MarketKind",
            "NodeStatus",
            "Node::class",
            "Oracle::state",
            "EpochStatus",
            "claimed",
        ] {
            assert!(names.contains(name), "{name} is not among {names:?}");
        }
        let state = all.iter().find(|group| group.name == "JobState").unwrap();
        assert_eq!(state.rows.len(), 10);
        let class = all
            .iter()
            .find(|group| group.name == "Node::class")
            .unwrap();
        assert_eq!(class.rows[3].1, "server");
    }
}
