//! Whether what a command answered is what the committed schema says: every test that asks something compares it.
use serde_json::{Map, Value};
use std::sync::LazyLock;

static SCHEMA: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../schema.json")).unwrap());

/// The command in the words that were typed, by the name that it has in the schema.
fn command(args: &[&str]) -> &'static str {
    if args.contains(&"--dry-run") {
        return "dry-run";
    }
    if args.contains(&"--sign-only") {
        return "sign-only";
    }
    let typed = |name: &&String| {
        let mut words = name.split(' ').zip(args);
        let all = words.clone().count() == name.split(' ').count();
        // `market close` is another name of `market close-entry`
        all && words.all(|(name, typed)| name == *typed || name == format!("{typed}-entry"))
    };
    let mut commands = SCHEMA["commands"].as_object().unwrap().keys();
    match commands.find(typed) {
        Some(found) => found,
        None => panic!("{args:?} is not in cli/schema.json"),
    }
}

/// Fails unless the answer fits, and has nothing that the schema does not know.
pub fn require_fit(args: &[&str], answer: &Value) {
    let name = command(args);
    if let Err(why) = fit(&SCHEMA["commands"][name], answer) {
        panic!(
            "{args:?} answered what cli/schema.json does not say for `{name}`: {why}\n{answer:#}"
        );
    }
}

fn fit(schema: &Value, value: &Value) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.strip_prefix("#/$defs/").unwrap();
        let text = value.as_str().unwrap_or_default();
        let is_right = match name {
            "address" => text.parse::<solana_address::Address>().is_ok(),
            "signature" => text.parse::<solana_signature::Signature>().is_ok(),
            "hash" => value.is_null() || text.len() == 64 && hex::decode(text).is_ok(),
            _ => true,
        };
        if !is_right {
            return Err(format!("{value} is no {name}"));
        }
        return fit(&SCHEMA["$defs"][name], value);
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let tried: Vec<_> = choices.iter().map(|choice| fit(choice, value)).collect();
        if tried.iter().any(Result::is_ok) {
            return Ok(());
        }
        let why: Vec<String> = tried.into_iter().filter_map(Result::err).collect();
        return Err(why.join("; and "));
    }
    if !schema["type"].is_null() {
        let mut types = match &schema["type"] {
            Value::Array(types) => types.iter().collect(),
            one => vec![one],
        }
        .into_iter();
        if !types.any(|one| is(one.as_str().unwrap(), value)) {
            return Err(format!("{value} is not of type {}", schema["type"]));
        }
    }
    if let Some(items) = value.as_array() {
        for item in items {
            fit(&schema["items"], item)?;
        }
    }
    let (Some(members), Some(properties)) = (value.as_object(), schema["properties"].as_object())
    else {
        return Ok(());
    };
    for name in schema["required"].as_array().unwrap() {
        let name = name.as_str().unwrap();
        if !members.contains_key(name) {
            return Err(format!("`{name}` is missing"));
        }
    }
    fit_members(members, properties)
}

fn fit_members(members: &Map<String, Value>, schema: &Map<String, Value>) -> Result<(), String> {
    for (name, value) in members {
        let known = schema.get(name).ok_or(format!("`{name}` is not known"))?;
        fit(known, value).map_err(|why| format!("{name}: {why}"))?;
    }
    Ok(())
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{other}"),
    }
}
