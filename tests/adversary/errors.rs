//! Every error that a program can give is documented, and a test reaches it. What is read here are the tests' sources: a
//! variant counts where a function names it that asserts refusals, itself or by a function of its file that does nothing
//! else with what it is handed. Comments count for nothing.

use crate::table::{root, sources};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Errors that no test reaches, and why not.
const UNREACHED: [(&str, &str); 1] = [
    // every cluster has the sysvars, and a program that cannot read them has no test bench to run on
    ("JobsError", "SlotHashes"),
];

/// A program's error enum: its name and variants, in order.
struct Errors {
    program: &'static str,
    name: String,
    variants: Vec<String>,
    /// What the comment of each says its number is.
    numbers: Vec<String>,
}

fn errors(program: &'static str) -> Errors {
    let path = root().join(format!("programs/{program}/src/error.rs"));
    let text = std::fs::read_to_string(path).unwrap();
    let (_, rest) = text.split_once("pub enum ").unwrap();
    let (name, rest) = rest.split_once(" {\n").unwrap();
    let (body, _) = rest.split_once("\n}").unwrap();
    let lines = body.lines().map(str::trim);
    let is_variant = |line: &&str| {
        let word = line.strip_suffix(',').unwrap_or_default();
        !word.is_empty() && word.chars().all(char::is_alphanumeric)
    };
    Errors {
        program,
        name: name.to_string(),
        variants: lines
            .clone()
            .filter(is_variant)
            .map(|line| line.trim_end_matches(',').to_string())
            .collect(),
        numbers: lines
            .filter_map(|line| line.strip_prefix("/// 6"))
            .map(|rest| format!("6{}", &rest[..3]))
            .collect(),
    }
}

/// Functions of a source, by name, without comments.
fn functions(text: &str) -> Vec<(String, String)> {
    let bare: Vec<&str> = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect();
    let bare = bare.join("\n");
    bare.split("\nfn ")
        .flat_map(|part| part.split("\npub fn "))
        .skip(1)
        .map(|part| {
            let end = part.find("\n}").unwrap_or(part.len());
            let name = part.split(['(', '<']).next().unwrap_or_default();
            (name.to_string(), part[..end].to_string())
        })
        .collect()
}

/// What functions of a source that assert refusals say.
fn asserted(text: &str) -> String {
    let all = functions(text);
    let asserts = |body: &str| calls(body, "assert_error(");
    let helpers: Vec<String> = all
        .iter()
        .filter(|(_, body)| asserts(body))
        .map(|(name, _)| format!("{name}("))
        .collect();
    let bodies = all
        .iter()
        .filter(|(_, body)| asserts(body) || helpers.iter().any(|helper| calls(body, helper)));
    bodies.map(|(_, body)| body.as_str()).collect()
}

/// A call of a function by its whole name.
fn calls(body: &str, function: &str) -> bool {
    body.match_indices(function).any(|(at, _)| {
        let before = body[..at].chars().next_back();
        before.is_none_or(|before| !before.is_alphanumeric() && before != '_')
    })
}

/// `Enum::Variant` as a whole word.
fn names(text: &str, what: &str) -> bool {
    text.match_indices(what).any(|(at, _)| {
        let next = text[at + what.len()..].chars().next();
        next.is_none_or(|next| !next.is_alphanumeric() && next != '_')
    })
}

fn read_all(files: &[PathBuf]) -> Vec<String> {
    files
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect()
}

#[test]
fn every_error_is_documented_and_reached() {
    let mut tests = vec![];
    for folder in ["staking", "oracle", "jobs", "emissions", "adversary"] {
        sources(&root().join("tests").join(folder), &mut tests);
    }
    let texts = read_all(&tests);
    let mut asserted: Vec<String> = texts.iter().map(|text| asserted(text)).collect();
    // tables that asserting functions walk over
    let tables = texts.iter().flat_map(|text| functions(text));
    let walked = tables
        .filter(|(name, _)| {
            let call = format!("{name}()");
            asserted.iter().any(|text| calls(text, &call))
        })
        .map(|(_, body)| body);
    let walked: Vec<String> = walked.collect();
    asserted.extend(walked);
    let reached = |what: &str| asserted.iter().any(|text| names(text, what));
    let reference = std::fs::read_to_string(root().join("docs/reference.md")).unwrap();
    let mut wrong = vec![];
    let mut found = BTreeSet::new();
    for program in ["staking", "oracle", "jobs", "emissions"] {
        let errors = errors(program);
        assert!(
            errors.variants.len() > 20,
            "{}: {:?}",
            program,
            errors.variants
        );
        let mut sources_of = vec![];
        sources(
            &root().join("programs").join(program).join("src"),
            &mut sources_of,
        );
        sources_of.retain(|path| !path.ends_with("error.rs"));
        let own = read_all(&sources_of);
        for (i, variant) in errors.variants.iter().enumerate() {
            let what = format!("{}::{variant}", errors.name);
            let number = 6_000 + i;
            if errors.numbers.get(i) != Some(&number.to_string()) {
                wrong.push(format!("{what} is {number}, its comment says otherwise"));
            }
            if !reference.contains(&format!("| {number} | `{variant}` |")) {
                wrong.push(format!("{what} is not in docs/reference.md"));
            }
            let excepted = UNREACHED.contains(&(errors.name.as_str(), variant.as_str()));
            if reached(&what) == excepted {
                wrong.push(format!(
                    "{what} is asserted by no test, or is and stands among those that are not"
                ));
            }
            if !excepted && !own.iter().any(|text| names(text, &what)) {
                wrong.push(format!("{what} is never given by {}", errors.program));
            }
            found.insert((errors.name.clone(), variant.clone()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for (name, variant) in UNREACHED {
        assert!(found.contains(&(name.to_string(), variant.to_string())));
    }
}

#[test]
fn a_variant_that_is_only_mentioned_is_not_reached() {
    let source = "\nfn helper(error: E) {\n    assert_error(sent, error);\n}\n
fn a() {\n    helper(E::One);\n    // E::Two\n}\n
fn b() {\n    let kept = E::Three;\n    assert_refused(sent);\n}\n
fn c() {\n    assert_error(sent, E::FourAndMore);\n}\n";
    let text = asserted(source);
    let reached = ["E::One", "E::Two", "E::Three", "E::Four", "E::FourAndMore"];
    let reached = reached.map(|what| names(&text, what));
    assert_eq!(reached, [true, false, false, false, true]);
}
