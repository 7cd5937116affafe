//! Instructions and events in words, by the programs' own descriptions under `idl/`.
use serde_json::{json, Map, Value};
use solana_address::Address;
use std::collections::HashMap;
use std::sync::LazyLock;

/// The four descriptions, each as committed.
const DESCRIPTIONS: [&str; 4] = [
    include_str!("../../../idl/lode_staking.json"),
    include_str!("../../../idl/lode_oracle.json"),
    include_str!("../../../idl/lode_jobs.json"),
    include_str!("../../../idl/lode_emissions.json"),
];

/// Something that a program carried out or told, in words.
#[derive(Clone, Debug, PartialEq)]
pub struct Described {
    /// What it is called.
    pub name: String,
    /// What it is for, in a sentence without its full stop; empty for an event.
    pub purpose: String,
    /// Its arguments or fields: numbers as text, so that none is rounded; addresses in base58, other bytes in hex.
    pub fields: Value,
    /// Names of its accounts, in order; none for an event.
    pub accounts: Vec<String>,
}

struct Shape {
    name: String,
    purpose: String,
    fields: Vec<Value>,
    accounts: Vec<String>,
}

struct Program {
    types: HashMap<String, Vec<Value>>,
    instructions: HashMap<[u8; 8], Shape>,
    events: HashMap<[u8; 8], Shape>,
}

static PROGRAMS: LazyLock<HashMap<Address, Program>> = LazyLock::new(|| {
    let read = |text: &&str| {
        let description: Value = serde_json::from_str(text).ok()?;
        let address = description["address"].as_str()?.parse().ok()?;
        Some((address, program(&description)))
    };
    DESCRIPTIONS.iter().filter_map(read).collect()
});

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn tag(value: &Value) -> [u8; 8] {
    let mut tag = [0; 8];
    for (to, from) in tag.iter_mut().zip(list(value)) {
        *to = from
            .as_u64()
            .and_then(|byte| u8::try_from(byte).ok())
            .unwrap_or_default();
    }
    tag
}

/// The first sentence of a description, without its full stop.
fn first_sentence(lines: &[Value]) -> String {
    let lines: Vec<String> = lines.iter().map(text).collect();
    let paragraph: Vec<String> = lines.into_iter().take_while(|l| !l.is_empty()).collect();
    let whole = paragraph.join(" ");
    let first = whole.split(". ").next().unwrap_or_default();
    first.trim_end_matches('.').to_string()
}

fn program(description: &Value) -> Program {
    let types: HashMap<String, Vec<Value>> = list(&description["types"])
        .iter()
        .map(|one| (text(&one["name"]), list(&one["type"]["fields"])))
        .collect();
    let instructions = list(&description["instructions"]);
    let instructions = instructions.iter().map(|one| {
        let accounts = list(&one["accounts"]);
        let shape = Shape {
            name: text(&one["name"]),
            purpose: first_sentence(&list(&one["docs"])),
            fields: list(&one["args"]),
            accounts: accounts
                .iter()
                .map(|account| text(&account["name"]))
                .collect(),
        };
        (tag(&one["discriminator"]), shape)
    });
    let events = list(&description["events"]);
    let events = events.iter().map(|one| {
        let name = text(&one["name"]);
        let fields = types.get(&name).cloned().unwrap_or_default();
        let shape = Shape {
            name,
            purpose: String::new(),
            fields,
            accounts: Vec::new(),
        };
        (tag(&one["discriminator"]), shape)
    });
    Program {
        instructions: instructions.collect(),
        events: events.collect(),
        types,
    }
}

/// An instruction in words; `None` for one that the descriptions do not know.
pub fn instruction(program: &Address, data: &[u8]) -> Option<Described> {
    let program = PROGRAMS.get(program)?;
    described(program, &program.instructions, data)
}

/// An event in words; `None` for one that the descriptions do not know.
pub fn event(program: &Address, data: &[u8]) -> Option<Described> {
    let program = PROGRAMS.get(program)?;
    described(program, &program.events, data)
}

fn described(
    program: &Program,
    shapes: &HashMap<[u8; 8], Shape>,
    data: &[u8],
) -> Option<Described> {
    let (tag, mut body) = data.split_first_chunk::<8>()?;
    let shape = shapes.get(tag)?;
    Some(Described {
        name: shape.name.clone(),
        purpose: shape.purpose.clone(),
        fields: fields(program, &shape.fields, &mut body)?,
        accounts: shape.accounts.clone(),
    })
}

fn fields(program: &Program, shapes: &[Value], body: &mut &[u8]) -> Option<Value> {
    let mut found = Map::new();
    for shape in shapes {
        let name = text(&shape["name"]);
        let value = value(program, &shape["type"], body)?;
        if !name.starts_with("padding") && !name.starts_with("reserved") {
            found.insert(name, value);
        }
    }
    Some(Value::Object(found))
}

fn take<const N: usize>(body: &mut &[u8]) -> Option<[u8; N]> {
    let (found, rest) = body.split_first_chunk::<N>()?;
    *body = rest;
    Some(*found)
}

fn value(program: &Program, shape: &Value, body: &mut &[u8]) -> Option<Value> {
    if let Some(plain) = shape.as_str() {
        return Some(match plain {
            "bool" => json!(take::<1>(body)? != [0]),
            "u8" => json!(u8::from_le_bytes(take(body)?)),
            "u16" => json!(u16::from_le_bytes(take(body)?)),
            "u32" => json!(u32::from_le_bytes(take(body)?)),
            "u64" => json!(u64::from_le_bytes(take(body)?).to_string()),
            "u128" => json!(u128::from_le_bytes(take(body)?).to_string()),
            "i64" => json!(i64::from_le_bytes(take(body)?).to_string()),
            "pubkey" => json!(Address::new_from_array(take(body)?).to_string()),
            _ => return None,
        });
    }
    if let Some(defined) = shape["defined"]["name"].as_str() {
        return fields(program, program.types.get(defined)?, body);
    }
    let many = |count: usize, of: &Value, body: &mut &[u8]| {
        if of == "u8" {
            let (bytes, rest) = body.split_at_checked(count)?;
            *body = rest;
            return Some(json!(hex::encode(bytes)));
        }
        let items: Option<Vec<Value>> = (0..count).map(|_| value(program, of, body)).collect();
        items.map(Value::Array)
    };
    if let Some([of, count]) = shape["array"].as_array().map(Vec::as_slice) {
        return many(usize::try_from(count.as_u64()?).ok()?, of, body);
    }
    let count = u32::from_le_bytes(take(body)?);
    many(usize::try_from(count).ok()?, shape.get("vec")?, body)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use anchor_lang::Event as _;
    use lode_client::instructions::{jobs, oracle, staking};
    use lode_jobs::state::NodeFilter;
    use lode_jobs::PostArgs;

    fn key(byte: u8) -> Address {
        Address::new_from_array([byte; 32])
    }

    #[test]
    fn an_instruction_is_named_with_its_arguments_and_accounts() {
        let args = PostArgs {
            nonce: u64::MAX,
            spec: [7; 32],
            price: 3,
            units_limit: 4,
            target: key(9),
            checked: true,
            nodes: NodeFilter::default(),
        };
        let built = jobs::post_job(&key(1), &key(2), args);
        let found = instruction(&built.program_id, &built.data).unwrap();
        assert_eq!(found.name, "post_job");
        assert_eq!(found.purpose, "Offers a job and locks its price");
        let args = &found.fields["args"];
        assert_eq!(args["nonce"], "18446744073709551615");
        assert_eq!(args["spec"], "07".repeat(32));
        assert_eq!(args["target"], key(9).to_string());
        assert_eq!(args["checked"], true);
        assert_eq!(found.accounts.len(), built.accounts.len());
        assert_eq!(found.accounts[4], "job");
    }

    #[test]
    fn an_event_is_named_with_its_fields_but_for_padding() {
        let told = lode_jobs::event::JobChanged {
            job: key(1),
            amount: 5,
            state: 2,
            attempt: 0,
            verdict: 0,
            flags: 4,
            padding: [0; 4],
        };
        let found = event(&lode_jobs::ID, &told.data()).unwrap();
        assert_eq!(found.name, "JobChanged");
        assert_eq!(found.fields["amount"], "5");
        assert_eq!(found.fields["flags"], 4);
        assert!(found.fields.get("padding").is_none());
        // what one program tells is no event of another
        assert!(event(&lode_oracle::ID, &told.data()).is_none());
    }

    #[test]
    fn lists_of_any_length_are_read_and_what_is_cut_off_is_not() {
        let args = lode_oracle::state::CommitteeArgs {
            id: 3,
            k: 3,
            governor: key(8),
            minimum_bond: 1,
            most_memory_mib: 1,
            most_units: 1,
            most_blob: 1,
            least_base_slots: 1,
            least_slots_per_million: 1,
        };
        let founders = vec![key(4), key(5)];
        let built = oracle::create_committee(&key(1), &key(2), args, founders);
        let found = instruction(&built.program_id, &built.data).unwrap();
        let text = found.fields.to_string();
        assert!(
            text.contains(&key(4).to_string()) && text.contains(&key(5).to_string()),
            "{text}"
        );
        assert!(instruction(&built.program_id, &built.data[..built.data.len() - 1]).is_none());
        let other = staking::sweep_rewards(&key(1));
        assert!(instruction(&lode_jobs::ID, &other.data).is_none());
    }

    #[test]
    fn all_four_programs_are_described() {
        let programs = [
            lode_staking::ID,
            lode_oracle::ID,
            lode_jobs::ID,
            lode_emissions::ID,
        ];
        let known: Vec<Address> = PROGRAMS.keys().copied().collect();
        assert_eq!(known.len(), programs.len());
        assert!(programs.iter().all(|program| known.contains(program)));
    }
}
