//! Whether the vectors cover what they must: every function, end, price and operator. Where a rule can be broken on
//! purpose it is, and some vector must notice.
#![allow(clippy::unwrap_used, clippy::panic)]

use crate::receipt::Trap;
use crate::run::{run_with, Setup};
use crate::scan::{Invalid, FEATURES};
use crate::verify::{Vector, VECTORS};
use crate::wasi::signatures::{self, Signature};
use crate::wasi::{errno::Errno, Prices, PRICES};
use crate::{v1, BackEnd, End, Outcome, Receipt, RunRequest, FUEL_PER_UNIT};
use std::collections::{BTreeMap, BTreeSet};
use wasmparser::{Operator, Parser, Payload, TypeRef, WasmFeatures};
use wasmtime::{Engine, FuncType, OperatorCost, Val, ValType};

/// A vector, read.
struct Known {
    name: &'static str,
    request: RunRequest,
    receipt: Receipt,
    /// Names of the operators in its code.
    operators: BTreeSet<&'static str>,
    /// Names of the WASI functions that its code calls.
    calls: BTreeSet<String>,
}

macro_rules! name_of {
    ($( @$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*) )*) => {
        fn name_of(operator: &Operator<'_>) -> &'static str {
            match operator {
                $( Operator::$op $({ $($arg: _),* })? => stringify!($op), )*
                _ => "",
            }
        }

        /// Every operator that the parser knows, with the proposal that brought it.
        const OPERATORS: &[(&str, &str)] = &[$( (stringify!($proposal), stringify!($op)) ),*];
    };
}
wasmparser::for_each_operator!(name_of);

fn read(vector: &'static Vector) -> Known {
    let request = vector.request().unwrap();
    let receipt = Receipt::parse(vector.receipt).unwrap();
    let (mut operators, mut calls) = (BTreeSet::new(), BTreeSet::new());
    // What is not valid does not run, so it covers nothing but its end.
    let runs = !matches!(receipt.end, End::Invalid(_));
    let mut imports = Vec::new();
    for payload in Parser::new(0)
        .parse_all(&request.module)
        .take_while(|_| runs)
    {
        match payload.unwrap() {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import.unwrap();
                    assert!(matches!(import.ty, TypeRef::Func(_)));
                    imports.push(import.name.to_owned());
                }
            }
            Payload::CodeSectionEntry(body) => {
                for operator in body.get_operators_reader().unwrap() {
                    let operator = operator.unwrap();
                    operators.insert(name_of(&operator));
                    if let Operator::Call { function_index } = operator {
                        calls.extend(imports.get(function_index as usize).cloned());
                    }
                }
            }
            _ => {}
        }
    }
    Known {
        name: vector.name,
        request,
        receipt,
        operators,
        calls,
    }
}

fn all() -> Vec<Known> {
    VECTORS.iter().map(read).collect()
}

/// What a vector comes to in a world that is set up otherwise; nothing where the host ends it.
fn outcome(known: &Known, setup: impl FnOnce() -> Setup + Send) -> Option<Receipt> {
    match run_with(&known.request, 1, || Ok(setup())).unwrap() {
        Outcome::Receipt(finished) => Some(finished.receipt),
        Outcome::Host(_) => None,
    }
}

/// Fuel aside: an answer is missed for what it is, not for what it costs.
fn without_fuel(receipt: Receipt) -> Receipt {
    Receipt {
        fuel: 0,
        units: 0,
        ..receipt
    }
}

fn engine() -> Engine {
    v1::engine(BackEnd::Plain).unwrap()
}

#[test]
fn there_are_at_least_60_vectors_and_each_has_a_name_of_its_own() {
    let names: BTreeSet<&str> = VECTORS.iter().map(|vector| vector.name).collect();
    assert_eq!(names.len(), VECTORS.len());
    assert!(VECTORS.len() >= 60, "{}", VECTORS.len());
}

/// A function that answers otherwise: those of runtime 1 do nothing and say they do not exist, the others succeed.
fn answering_otherwise(engine: &Engine, signature: &Signature) -> Setup {
    let mut setup = Setup::new(engine.clone()).unwrap();
    let value = |kind| match kind {
        wasmparser::ValType::I64 => ValType::I64,
        _ => ValType::I32,
    };
    let ty = FuncType::new(
        engine,
        signature.params().map(value),
        signature.results().map(value),
    );
    let answer = match signature.implemented {
        true => Errno::Nosys as i32,
        false => 0,
    };
    setup.linker.allow_shadowing(true);
    setup
        .linker
        .func_new(
            signatures::MODULE,
            signature.name,
            ty,
            move |_, _, results| {
                if let Some(result) = results.first_mut() {
                    *result = Val::I32(answer);
                }
                Ok(())
            },
        )
        .unwrap();
    setup
}

#[test]
fn no_wasi_function_could_answer_otherwise_without_a_vector_noticing() {
    let all = all();
    let engine = engine();
    let unnoticed: Vec<&str> = signatures::ALL
        .iter()
        .filter(|signature| {
            !all.iter()
                .filter(|known| known.calls.contains(signature.name))
                .any(|known| {
                    let found = outcome(known, || answering_otherwise(&engine, signature));
                    found.map(without_fuel) != Some(without_fuel(known.receipt.clone()))
                })
        })
        .map(|signature| signature.name)
        .collect();
    assert_eq!(unnoticed, Vec::<&str>::new());
}

#[test]
fn every_end_has_a_vector() {
    let ends: Vec<End> = all().iter().map(|known| known.receipt.end).collect();
    let mut wanted = vec![
        End::Exit(0),
        End::Exit(u32::MAX),
        End::Unreachable,
        End::Fuel,
    ];
    wanted.extend(Trap::ALL.map(End::Trap));
    wanted.extend(Invalid::ALL.map(End::Invalid));
    for end in wanted {
        assert!(ends.contains(&end), "{end:?} has no vector");
    }
}

#[test]
fn every_operator_of_runtime_1_is_in_a_vector() {
    // Proposals by the parser's names; whoever adds a feature to runtime 1 adds it here, and vectors for it.
    let spoken = [
        "mvp",
        "sign_extension",
        "saturating_float_to_int",
        "bulk_memory",
        "reference_types",
        "simd",
        "tail_call",
    ];
    let features = WasmFeatures::FLOATS
        | WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::MULTI_VALUE
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::BULK_MEMORY_OPT
        | WasmFeatures::CALL_INDIRECT_OVERLONG
        | WasmFeatures::REFERENCE_TYPES
        | WasmFeatures::SIMD
        | WasmFeatures::TAIL_CALL;
    assert_eq!(FEATURES, features);
    let covered: BTreeSet<&str> = all()
        .into_iter()
        .flat_map(|known| known.operators)
        .collect();
    let wanted: BTreeSet<&str> = OPERATORS
        .iter()
        .filter(|(proposal, _)| spoken.contains(proposal))
        // No module with it is valid: it waits for a proposal of its own.
        .filter(|(_, name)| *name != "TypedSelectMulti")
        .map(|(_, name)| *name)
        .collect();
    assert!(wanted.len() > 400, "{}", wanted.len());
    let missing: Vec<_> = wanted.difference(&covered).collect();
    assert_eq!(missing, Vec::<&&str>::new());
}

#[test]
fn no_host_price_could_change_without_a_vector_noticing() {
    let changed: [(&str, Prices); 5] = [
        (
            "call",
            Prices {
                call: PRICES.call + 1,
                ..PRICES
            },
        ),
        (
            "path",
            Prices {
                path: PRICES.path + 1,
                ..PRICES
            },
        ),
        (
            "byte_out",
            Prices {
                byte_out: PRICES.byte_out + 1,
                ..PRICES
            },
        ),
        (
            "byte_in",
            Prices {
                byte_in: PRICES.byte_in + 1,
                ..PRICES
            },
        ),
        (
            "entry",
            Prices {
                entry: PRICES.entry + 1,
                ..PRICES
            },
        ),
    ];
    let all = all();
    let engine = engine();
    for (name, prices) in changed {
        let noticed = all
            .iter()
            .filter(|known| !known.calls.is_empty() && matches!(known.receipt.end, End::Exit(_)))
            .any(|known| {
                let found = outcome(known, || Setup {
                    prices,
                    ..Setup::new(engine.clone()).unwrap()
                });
                found.as_ref() != Some(&known.receipt)
            });
        assert!(noticed, "{name}");
    }
}

#[test]
fn no_price_by_size_could_change_without_a_vector_noticing() {
    let all = all();
    let change = |change: fn(&mut OperatorCost), operator: &str| {
        let mut cost = v1::OPERATOR_COST;
        change(&mut cost);
        let mut config = v1::config(BackEnd::Plain).unwrap();
        config.operator_cost(cost);
        let engine = Engine::new(&config).unwrap();
        let noticed = all
            .iter()
            .filter(|known| {
                known.operators.contains(operator) && matches!(known.receipt.end, End::Exit(_))
            })
            .any(|known| {
                let found = outcome(known, || Setup::new(engine.clone()).unwrap());
                found.as_ref() != Some(&known.receipt)
            });
        assert!(noticed, "{operator}");
    };
    change(|cost| cost.variable.memory_copy_per_byte = 2, "MemoryCopy");
    change(|cost| cost.variable.memory_fill_per_byte = 2, "MemoryFill");
    change(|cost| cost.variable.memory_init_per_byte = 2, "MemoryInit");
    change(
        |cost| cost.variable.memory_grow_per_page = 254,
        "MemoryGrow",
    );
    change(|cost| cost.variable.table_copy_per_element = 2, "TableCopy");
    change(|cost| cost.variable.table_fill_per_element = 2, "TableFill");
    change(|cost| cost.variable.table_init_per_element = 2, "TableInit");
    change(|cost| cost.variable.table_grow_per_element = 2, "TableGrow");
}

#[test]
fn every_billing_rule_has_a_vector_at_its_edge() {
    struct Bill<'a> {
        known: &'a Known,
        base: u64,
        given: u64,
    }
    type Rule = (&'static str, fn(&Bill<'_>) -> bool);
    let rules: &[Rule] = &[
        ("a whole unit of fuel is one unit", |bill| {
            let fuel = bill.known.receipt.fuel;
            fuel > 0
                && fuel % FUEL_PER_UNIT == 0
                && fuel < bill.given
                && bill.known.receipt.units == bill.base + fuel / FUEL_PER_UNIT
        }),
        ("one fuel more is a unit more", |bill| {
            let fuel = bill.known.receipt.fuel;
            fuel % FUEL_PER_UNIT == 1
                && bill.known.receipt.units == bill.base + fuel / FUEL_PER_UNIT + 1
        }),
        ("an exit may use all that was given", |bill| {
            bill.given > 0
                && bill.known.receipt.fuel == bill.given
                && matches!(bill.known.receipt.end, End::Exit(_))
        }),
        ("an exit code is paid like any end", |bill| {
            matches!(bill.known.receipt.end, End::Exit(code) if code > 0)
                && bill.known.receipt.units > bill.base
        }),
        ("an abort is billed what it used", |bill| {
            bill.known.receipt.end == End::Unreachable && bill.known.receipt.fuel < bill.given
        }),
        ("a trap is billed all that was given", |bill| {
            matches!(bill.known.receipt.end, End::Trap(_))
                && bill.known.receipt.fuel == bill.given
                && bill.known.receipt.units == bill.known.receipt.limit
        }),
        ("out of fuel is billed all that was given", |bill| {
            bill.known.receipt.end == End::Fuel
                && bill.given > 0
                && bill.known.receipt.fuel == bill.given
                && bill.known.receipt.units == bill.known.receipt.limit
        }),
        ("a limit of the base alone gives no fuel", |bill| {
            bill.known.receipt.end == End::Fuel
                && bill.given == 0
                && bill.known.receipt.units == bill.base
        }),
        ("an invalid module is billed nothing", |bill| {
            matches!(bill.known.receipt.end, End::Invalid(_))
                && bill.known.receipt.units == 0
                && bill.known.receipt.fuel == 0
        }),
        ("512 bytes of module are a unit", |bill| {
            bill.known.request.module.len() == 512
        }),
        ("a byte more is another", |bill| {
            bill.known.request.module.len() == 513
        }),
        ("256 KiB of data are a unit", |bill| {
            data(bill.known) == 256 << 10
        }),
        ("a byte more of data is another", |bill| {
            data(bill.known) == (256 << 10) + 1
        }),
        ("no data is none", |bill| data(bill.known) == 0),
        ("memory is a unit a MiB", |bill| {
            bill.known.request.spec.memory_mib == 9
        }),
    ];
    let all = all();
    let bills: Vec<Bill<'_>> = all
        .iter()
        .map(|known| Bill {
            known,
            base: known.request.spec.base_units(),
            given: known.request.spec.fuel(known.request.limit).unwrap(),
        })
        .collect();
    let mut table: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (rule, applies) in rules {
        let names = bills
            .iter()
            .filter(|bill| applies(bill))
            .map(|bill| bill.known.name);
        table.insert(rule, names.collect());
    }
    for (rule, names) in table {
        assert!(!names.is_empty(), "no vector: {rule}");
    }
}

fn data(known: &Known) -> u64 {
    let spec = &known.request.spec;
    let inputs: u64 = spec.inputs.iter().map(|input| input.size).sum();
    inputs + spec.stdin.map_or(0, |stdin| stdin.size) + spec.output_limit
}
