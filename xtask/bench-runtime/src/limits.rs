//! What real modules need of the limits of rule 11, and whether they keep all of them.

use anyhow::Result;
use lode_runtime::{scan, Invalid, MAX_MEMORY_MIB};
use std::path::Path;
use wasmparser::{BlockType, CompositeInnerType, FuncType, Operator, Parser, Payload};

/// The largest of everything that rule 11 bounds, over the functions of a module.
#[derive(Default, Clone, Copy)]
pub struct Largest {
    pub bytes: usize,
    pub body: usize,
    pub locals: u64,
    pub loops: usize,
    pub targets: u64,
    /// Locals times branch targets of one function.
    pub product: u64,
    /// The same for each byte of the function's body, where the product is above 32 768.
    pub density: f64,
    /// Values that a block takes and gives.
    pub arity: usize,
    /// Parameters and results of a function.
    pub signature: usize,
    pub functions: usize,
    /// Why runtime 1 refuses the module, whatever memory it is given.
    pub invalid: Option<Invalid>,
}

/// Reads a module.
pub fn largest(module: &[u8]) -> Result<Largest> {
    let mut most = Largest {
        bytes: module.len(),
        invalid: scan(module, MAX_MEMORY_MIB).err(),
        ..Largest::default()
    };
    let mut types: Vec<Option<FuncType>> = Vec::new();
    let mut functions: Vec<u32> = Vec::new();
    let mut at = 0;
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::TypeSection(section) => {
                for group in section {
                    for (_, ty) in group?.into_types_and_offsets() {
                        types.push(match ty.composite_type.inner {
                            CompositeInnerType::Func(function) => Some(function),
                            _ => None,
                        });
                    }
                }
            }
            Payload::FunctionSection(section) => {
                for index in section {
                    functions.push(index?);
                }
            }
            Payload::CodeSectionEntry(body) => {
                let ty = functions.get(at).and_then(|ty| types.get(*ty as usize));
                let ty = ty.and_then(Option::as_ref);
                at += 1;
                let size = body.as_bytes().len();
                let mut locals = ty.map_or(0, |ty| ty.params().len() as u64);
                let signature = ty.map_or(0, |ty| ty.params().len().max(ty.results().len()));
                for group in body.get_locals_reader()? {
                    locals += u64::from(group?.0);
                }
                let (mut blocks, mut loops, mut deepest, mut targets, mut arity) =
                    (Vec::new(), 0usize, 0, 0u64, 0);
                let mut width = |ty: BlockType| {
                    if let BlockType::FuncType(index) = ty {
                        if let Some(Some(ty)) = types.get(index as usize) {
                            arity = arity.max(ty.params().len().max(ty.results().len()));
                        }
                    }
                };
                let mut operators = body.get_operators_reader()?;
                while !operators.eof() {
                    match operators.read()? {
                        Operator::Loop { blockty } => {
                            width(blockty);
                            blocks.push(true);
                            loops += 1;
                            deepest = deepest.max(loops);
                        }
                        Operator::Block { blockty } | Operator::If { blockty } => {
                            width(blockty);
                            blocks.push(false);
                        }
                        Operator::End => loops -= usize::from(blocks.pop() == Some(true)),
                        Operator::Br { .. } | Operator::BrIf { .. } => targets += 1,
                        Operator::BrTable { targets: table } => {
                            targets += u64::from(table.len()) + 1;
                        }
                        _ => {}
                    }
                }
                most.functions += 1;
                most.body = most.body.max(size);
                most.locals = most.locals.max(locals);
                most.loops = most.loops.max(deepest);
                most.targets = most.targets.max(targets);
                most.product = most.product.max(locals * targets);
                if locals * targets > 1 << 15 {
                    most.density = most.density.max((locals * targets) as f64 / size as f64);
                }
                most.arity = most.arity.max(arity);
                most.signature = most.signature.max(signature);
            }
            _ => {}
        }
    }
    Ok(most)
}

/// The table, a line a module.
pub fn table(files: &[String]) -> Result<String> {
    let mut text = String::from(
        "| module | bytes | functions | largest body | locals | loops | branch targets | locals x targets | a byte | block arity | signature | `invalid` |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for file in files {
        let most = largest(&std::fs::read(file)?)?;
        let name = Path::new(file).file_name().unwrap_or_default().to_string_lossy();
        text.push_str(&format!(
            "| {name} | {} | {} | {} | {} | {} | {} | {} | {:.1} | {} | {} | {} |\n",
            most.bytes, most.functions, most.body, most.locals, most.loops, most.targets,
            most.product, most.density, most.arity, most.signature,
            most.invalid.map_or("-".to_owned(), |reason| (reason as u8).to_string()),
        ));
    }
    Ok(text)
}
