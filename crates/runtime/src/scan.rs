//! Says whether a module may run, from its bytes alone and before anything compiles it. Nothing else decides that.

use crate::wasi::signatures::{self, Signature};
use wasmparser::{
    BlockType, CompositeInnerType, Element, ElementItems, Encoding, ExternalKind, FuncType,
    FunctionBody, Operator, Parser, Payload, TypeRef, Validator,
};

/// Most bytes of a module.
pub const MAX_MODULE_BYTES: usize = 32 << 20;

/// Most bytes of a function's body.
pub const MAX_BODY_BYTES: usize = 512 << 10;

/// Most parameters and locals of a function.
pub const MAX_LOCALS: u64 = 512;

/// Most loops of a function within each other.
pub const MAX_LOOP_NESTING: usize = 32;

/// Most branch targets of a function.
pub const MAX_BRANCH_TARGETS: u64 = 8192;

/// Values that a block takes or gives: a branch moves all of them for one price.
const MAX_VALUES: usize = 16;
/// Where ways part or meet, and the values that pass there, are joints. A compiler's work grows with the square of their
/// number in a function: at most as many for nothing as branches, and one more for so many bytes of the body.
const FREE_JOINTS: u64 = MAX_BRANCH_TARGETS;
const BYTES_PER_JOINT: u64 = 64;
/// A call that gives more than so many values has so many joints for each value that it takes or gives.
const FEW_RESULTS: usize = 4;
const JOINTS_PER_RESULT: u64 = 8;
/// Each branch may carry each local, so a compiler's work grows with their product: at most this much for nothing, and
/// this much for each byte of the body.
const FREE_CROSSINGS: u64 = 1 << 15;
const CROSSINGS_PER_BYTE: u64 = 8;
/// A function costs a compiler something however little it does: so many for nothing, and one for so many bytes.
const FREE_FUNCTIONS: usize = 1024;
const BYTES_PER_FUNCTION: usize = 32;
/// What a compiler keeps of each function until all are compiled is five kilobytes, twice where something else than a call
/// names it, and as much of each type, of so many values of types, and of so many calls and exports.
const MAX_KEPT: u64 = 1 << 16;
const VALUES_PER_KEPT: u64 = 64;
const CALLS_PER_KEPT: u64 = 32;
/// A module is set up by one function more, which the compiler makes: for each entry of a table that the module fills in, for
/// each global and each data segment it has calls and branches. So many for nothing, one for so many bytes, and no more than
/// one function may have in memory.
const MAX_FILLED: u64 = 40_960;
const FREE_FILLED: u64 = 4096;
const BYTES_PER_FILLED: u64 = 16;
/// As many bytes of a body take as much memory to compile as what sets up one of these.
const BODY_BYTES_PER_FILLED: usize = 13;
const MAX_TABLE_ELEMENTS: u64 = 1_000_000;
const PAGES_PER_MIB: u64 = 16;

/// The WebAssembly that runtime 1 speaks.
pub(crate) const FEATURES: wasmparser::WasmFeatures = wasmparser::WasmFeatures::FLOATS
    .union(wasmparser::WasmFeatures::MUTABLE_GLOBAL)
    .union(wasmparser::WasmFeatures::SIGN_EXTENSION)
    .union(wasmparser::WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(wasmparser::WasmFeatures::MULTI_VALUE)
    .union(wasmparser::WasmFeatures::BULK_MEMORY)
    .union(wasmparser::WasmFeatures::BULK_MEMORY_OPT)
    .union(wasmparser::WasmFeatures::CALL_INDIRECT_OVERLONG)
    .union(wasmparser::WasmFeatures::REFERENCE_TYPES)
    .union(wasmparser::WasmFeatures::SIMD)
    .union(wasmparser::WasmFeatures::TAIL_CALL);

/// Why a module is invalid; the number is the receipt's `code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[repr(u8)]
pub enum Invalid {
    /// It is larger than 32 MiB.
    #[error("the module is larger than 32 MiB")]
    Size = 1,
    /// It is no WebAssembly module, or uses what runtime 1 does not speak.
    #[error("the module is not valid WebAssembly of runtime 1")]
    Malformed = 2,
    /// A function body is larger than 512 KiB.
    #[error("a function is larger than 512 KiB")]
    Body = 3,
    /// A function has more than 512 parameters and locals.
    #[error("a function has more than 512 parameters and locals")]
    Locals = 4,
    /// Loops are nested more than 32 deep.
    #[error("loops are nested more than 32 deep")]
    LoopNesting = 5,
    /// A function has more than 8 192 branch targets, or too many branches, loops and ifs together.
    #[error("a function has too many branches, loops and ifs: split it")]
    BranchTargets = 6,
    /// It has a start section.
    #[error("the module has a start section: export `_start` only")]
    Start = 7,
    /// It imports what is no WASI preview 1 function of that signature.
    #[error("the module imports something else than WASI preview 1 functions")]
    Import = 8,
    /// It exports no function `_start` without parameters and results.
    #[error("the module exports no function `_start` without parameters and results")]
    Entry = 9,
    /// It has not exactly one memory of its own, exported as `memory`.
    #[error("the module does not export its own memory as `memory`")]
    MemoryExport = 10,
    /// Its memory starts above the spec's limit.
    #[error("the module's memory starts above the spec's `memory_mib`")]
    MemorySize = 11,
    /// Its tables start above a million elements.
    #[error("the module's tables start above 1000000 elements")]
    TableSize = 12,
    /// A block takes or gives more than 16 values, or a function gives more.
    #[error("a block or a function of the module gives more than 16 values")]
    Values = 13,
    /// A function has too many branches for its many locals.
    #[error("a function of the module has too many branches for its many locals: split it")]
    Crossings = 14,
    /// It has more functions than one for each 32 bytes, and 1 024.
    #[error("the module has more functions than one for each 32 of its bytes")]
    Functions = 15,
    /// Its functions, those that tables, globals and exports name once more, its types and each 32 calls and exports are more
    /// than 65 536 together.
    #[error("the module has too many functions, types, exports and calls: more than 65536 together, where 32 calls count as one, and what a table names counts twice")]
    Parts = 16,
    /// It fills in more entries of tables, globals and data segments than 40 960, or than one for each 16 bytes, and 4 096.
    #[error("the module fills in more entries of tables, globals and data segments than 40960, or than one for each 16 of its bytes")]
    SetUp = 17,
}

impl Invalid {
    pub(crate) const ALL: [Invalid; 17] = [
        Invalid::Size,
        Invalid::Malformed,
        Invalid::Body,
        Invalid::Locals,
        Invalid::LoopNesting,
        Invalid::BranchTargets,
        Invalid::Start,
        Invalid::Import,
        Invalid::Entry,
        Invalid::MemoryExport,
        Invalid::MemorySize,
        Invalid::TableSize,
        Invalid::Values,
        Invalid::Crossings,
        Invalid::Functions,
        Invalid::Parts,
        Invalid::SetUp,
    ];
}

impl From<wasmparser::BinaryReaderError> for Invalid {
    fn from(_: wasmparser::BinaryReaderError) -> Invalid {
        Invalid::Malformed
    }
}

/// Says whether `module` may run with `memory_mib` MiB of memory.
///
/// # Errors
/// The first reason why not, in the order of the module's bytes.
pub fn scan(module: &[u8], memory_mib: u64) -> Result<(), Invalid> {
    if module.len() > MAX_MODULE_BYTES {
        return Err(Invalid::Size);
    }
    let mut facts = Facts {
        most_functions: FREE_FUNCTIONS + module.len() / BYTES_PER_FUNCTION,
        most_filled: most_filled(module.len()),
        ..Facts::default()
    };
    // Limits come before validation, whose own time depends on what they bound.
    for payload in Parser::new(0).parse_all(module) {
        facts.read(payload?, memory_mib)?;
    }
    Validator::new_with_features(FEATURES).validate_all(module)?;
    facts.check()
}

#[derive(Default)]
struct Facts {
    types: Vec<Option<FuncType>>,
    /// Type of each function, imported ones first.
    functions: Vec<u32>,
    imported: usize,
    most_functions: usize,
    bodies: usize,
    memories: u64,
    table_elements: u64,
    /// Entries of tables, globals and data segments that the module fills in.
    filled: u64,
    most_filled: u64,
    /// Values that its types take and give.
    type_values: u64,
    /// Where a function is named by something else than a call: exports, entries of tables, globals, instructions.
    names: u64,
    /// All calls in it, also those that the compiler makes of other instructions, and all exports.
    calls: u64,
    entry: Option<u32>,
    memory_exported: bool,
}

impl Facts {
    fn read(&mut self, payload: Payload<'_>, memory_mib: u64) -> Result<(), Invalid> {
        match payload {
            Payload::Version { encoding, .. } if encoding != Encoding::Module => {
                return Err(Invalid::Malformed)
            }
            Payload::TypeSection(section) => {
                // Before any is read: what is kept of them takes more than their bytes.
                if u64::from(section.count()) > MAX_KEPT {
                    return Err(Invalid::Parts);
                }
                for group in section {
                    for (_, sub_type) in group?.into_types_and_offsets() {
                        self.types.push(match sub_type.composite_type.inner {
                            CompositeInnerType::Func(function) => {
                                if function.results().len() > MAX_VALUES {
                                    return Err(Invalid::Values);
                                }
                                self.type_values =
                                    self.type_values.saturating_add(values(&function));
                                Some(function)
                            }
                            _ => None,
                        });
                        self.require_kept()?;
                    }
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    let TypeRef::Func(index) = import.ty else {
                        return Err(Invalid::Import);
                    };
                    let known = signatures::find(import.module, import.name);
                    match (known, self.type_at(index)) {
                        (Some(signature), Some(ty)) if is(ty, signature) => {}
                        _ => return Err(Invalid::Import),
                    }
                    self.functions.push(index);
                    self.imported += 1;
                }
            }
            Payload::FunctionSection(section) => {
                if section.count() as usize > self.most_functions {
                    return Err(Invalid::Functions);
                }
                for index in section {
                    self.functions.push(index?);
                }
                self.require_kept()?;
            }
            Payload::TableSection(section) => {
                for table in section {
                    self.table_elements = self.table_elements.saturating_add(table?.ty.initial);
                }
                if self.table_elements > MAX_TABLE_ELEMENTS {
                    return Err(Invalid::TableSize);
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    self.memories += 1;
                    if memory?.initial > memory_mib.saturating_mul(PAGES_PER_MIB) {
                        return Err(Invalid::MemorySize);
                    }
                }
            }
            Payload::GlobalSection(section) => {
                self.fill_in(section.count())?;
                self.name(section.count())?;
            }
            Payload::ElementSection(section) => {
                for element in section {
                    let entries = entries(&element?);
                    self.fill_in(entries.saturating_add(1))?;
                    self.name(entries)?;
                }
            }
            Payload::DataSection(section) => self.fill_in(section.count())?,
            Payload::StartSection { .. } => return Err(Invalid::Start),
            Payload::ExportSection(section) => {
                self.calls = self.calls.saturating_add(u64::from(section.count()));
                self.name(section.count())?;
                for export in section {
                    let export = export?;
                    match (export.name, export.kind) {
                        ("_start", ExternalKind::Func) => self.entry = Some(export.index),
                        ("memory", ExternalKind::Memory) => self.memory_exported = true,
                        _ => {}
                    }
                }
            }
            Payload::CodeSectionEntry(body) => {
                let at = self.imported.saturating_add(self.bodies);
                self.bodies += 1;
                let (calls, names) = self.check_body(&body, self.function_type(at))?;
                self.calls = self.calls.saturating_add(calls);
                self.names = self.names.saturating_add(names);
                self.require_kept()?;
            }
            _ => {}
        }
        Ok(())
    }

    fn fill_in(&mut self, more: u32) -> Result<(), Invalid> {
        self.filled = self.filled.saturating_add(u64::from(more));
        match self.filled > self.most_filled {
            true => Err(Invalid::SetUp),
            false => Ok(()),
        }
    }

    /// So many more may name a function.
    fn name(&mut self, more: u32) -> Result<(), Invalid> {
        self.names = self.names.saturating_add(u64::from(more));
        self.require_kept()
    }

    /// What a compiler would keep, as far as the module is read.
    fn require_kept(&self) -> Result<(), Invalid> {
        let functions = self.functions.len() as u64;
        let kept = (self.types.len() as u64)
            .saturating_add(self.type_values / VALUES_PER_KEPT)
            .saturating_add(functions)
            .saturating_add(functions.min(self.names))
            .saturating_add(self.calls / CALLS_PER_KEPT);
        match kept > MAX_KEPT {
            true => Err(Invalid::Parts),
            false => Ok(()),
        }
    }

    fn type_at(&self, index: u32) -> Option<&FuncType> {
        self.types.get(usize::try_from(index).ok()?)?.as_ref()
    }

    fn function_type(&self, at: usize) -> Option<&FuncType> {
        self.functions.get(at).and_then(|ty| self.type_at(*ty))
    }

    /// How many values a block takes and gives. A type that is no list names one of the module's.
    fn block_values(&self, ty: BlockType) -> Result<u64, Invalid> {
        match ty {
            BlockType::Empty => Ok(0),
            BlockType::Type(_) => Ok(1),
            BlockType::FuncType(index) => match self.type_at(index) {
                Some(ty) if ty.params().len() > MAX_VALUES => Err(Invalid::Values),
                ty => Ok(ty.map_or(0, values)),
            },
        }
    }

    /// Checks a function; how many calls it has, and how often it names a function otherwise.
    fn check_body(
        &self,
        body: &FunctionBody<'_>,
        ty: Option<&FuncType>,
    ) -> Result<(u64, u64), Invalid> {
        let bytes = body.as_bytes().len();
        if bytes > MAX_BODY_BYTES {
            return Err(Invalid::Body);
        }
        let bytes = bytes as u64;
        let mut locals = ty.map_or(0, |ty| ty.params().len() as u64);
        for group in body.get_locals_reader()? {
            locals = locals.saturating_add(u64::from(group?.0));
        }
        if locals > MAX_LOCALS {
            return Err(Invalid::Locals);
        }
        // Open blocks, and whether each is a loop.
        let mut blocks: Vec<bool> = Vec::new();
        let mut loops = 0usize;
        let (mut entered, mut ifs, mut targets, mut joints) = (0u64, 0u64, 0u64, 0u64);
        let (mut calls, mut names) = (0u64, 0u64);
        let most_joints = FREE_JOINTS.saturating_add(bytes / BYTES_PER_JOINT);
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            let operator = operators.read()?;
            calls += u64::from(is_call(&operator));
            names += u64::from(matches!(operator, Operator::RefFunc { .. }));
            let more = match operator {
                Operator::Loop { blockty } => {
                    let values = self.block_values(blockty)?;
                    blocks.push(true);
                    loops += 1;
                    entered += 1;
                    if loops > MAX_LOOP_NESTING {
                        return Err(Invalid::LoopNesting);
                    }
                    // It is entered from two sides, and looked at again for each.
                    3 + values
                }
                Operator::Block { blockty } => {
                    blocks.push(false);
                    self.block_values(blockty)?
                }
                Operator::If { blockty } => {
                    blocks.push(false);
                    ifs += 1;
                    1 + self.block_values(blockty)?
                }
                Operator::End => {
                    loops -= usize::from(blocks.pop() == Some(true));
                    0
                }
                Operator::Br { .. } | Operator::BrIf { .. } => {
                    targets += 1;
                    1
                }
                Operator::BrTable { targets: table } => {
                    let all = u64::from(table.len()) + 1;
                    targets += all;
                    all
                }
                Operator::Call { function_index } => {
                    call_joints(self.function_type(function_index as usize))
                }
                Operator::CallIndirect { type_index, .. } => call_joints(self.type_at(type_index)),
                _ => 0,
            };
            joints = joints.saturating_add(more);
            if targets > MAX_BRANCH_TARGETS || joints > most_joints {
                return Err(Invalid::BranchTargets);
            }
        }
        let free = bytes
            .saturating_mul(CROSSINGS_PER_BYTE)
            .saturating_add(FREE_CROSSINGS);
        // An `if` is half a branch: what it leaves out comes back at its end.
        let ways = targets.saturating_add(entered).saturating_add(ifs / 2);
        match locals.saturating_mul(ways) > free {
            true => Err(Invalid::Crossings),
            false => Ok((calls, names)),
        }
    }

    fn check(&self) -> Result<(), Invalid> {
        let entry = self
            .entry
            .and_then(|index| self.functions.get(usize::try_from(index).ok()?))
            .and_then(|ty| self.type_at(*ty));
        if !entry.is_some_and(|ty| ty.params().is_empty() && ty.results().is_empty()) {
            return Err(Invalid::Entry);
        }
        if self.memories != 1 || !self.memory_exported {
            return Err(Invalid::MemoryExport);
        }
        Ok(())
    }
}

/// Whether a compiler makes a call of it.
fn is_call(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::Call { .. }
            | Operator::CallIndirect { .. }
            | Operator::ReturnCall { .. }
            | Operator::ReturnCallIndirect { .. }
            | Operator::RefFunc { .. }
            | Operator::MemoryGrow { .. }
            | Operator::MemoryInit { .. }
            | Operator::MemoryCopy { .. }
            | Operator::MemoryFill { .. }
            | Operator::DataDrop { .. }
            | Operator::TableGrow { .. }
            | Operator::TableInit { .. }
            | Operator::TableCopy { .. }
            | Operator::TableFill { .. }
            | Operator::ElemDrop { .. }
    )
}

/// Most entries of tables, globals and data segments of a module of so many bytes.
fn most_filled(bytes: usize) -> u64 {
    (bytes as u64 / BYTES_PER_FILLED)
        .saturating_add(FREE_FILLED)
        .min(MAX_FILLED)
}

/// How many entries an element segment has.
fn entries(element: &Element<'_>) -> u32 {
    match &element.items {
        ElementItems::Functions(items) => items.count(),
        ElementItems::Expressions(_, items) => items.count(),
    }
}

/// Bytes of a body that takes as much memory to compile as what sets up the module, of which this is a part.
pub(crate) fn set_up_bytes(payload: &Payload<'_>) -> usize {
    let filled = match payload {
        Payload::GlobalSection(section) => section.count() as usize,
        Payload::DataSection(section) => section.count() as usize,
        Payload::ElementSection(section) => {
            let elements = section.clone().into_iter().map_while(Result::ok);
            elements.map(|element| entries(&element) as usize + 1).sum()
        }
        _ => 0,
    };
    filled.saturating_mul(BODY_BYTES_PER_FILLED)
}

fn is(ty: &FuncType, signature: &Signature) -> bool {
    ty.params().iter().copied().eq(signature.params())
        && ty.results().iter().copied().eq(signature.results())
}

/// What a function takes and gives.
fn values(ty: &FuncType) -> u64 {
    (ty.params().len() as u64).saturating_add(ty.results().len() as u64)
}

/// The joints of a call: a compiler moves each value of one that gives many, for two bytes. What gives few is an
/// instruction like others.
fn call_joints(ty: Option<&FuncType>) -> u64 {
    match ty {
        Some(ty) if ty.results().len() > FEW_RESULTS => {
            values(ty).saturating_mul(JOINTS_PER_RESULT)
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn judge(text: &str) -> Result<(), Invalid> {
        scan(&wat::parse_str(text).unwrap(), 1)
    }

    fn body(code: &str) -> String {
        format!(r#"(module (memory (export "memory") 1) (func (export "_start") {code}))"#)
    }

    fn with(parts: &str) -> String {
        format!(r#"(module {parts} (memory (export "memory") 1) (func (export "_start")))"#)
    }

    #[test]
    fn a_plain_module_is_valid() {
        assert_eq!(judge(&body("")), Ok(()));
    }

    #[test]
    fn bytes_that_are_no_module_are_malformed() {
        assert_eq!(scan(b"", 1), Err(Invalid::Malformed));
        assert_eq!(scan(b"\0asm\x0d\0\x01\0", 1), Err(Invalid::Malformed));
        assert_eq!(scan(&vec![0; MAX_MODULE_BYTES + 1], 1), Err(Invalid::Size));
    }

    #[test]
    fn what_runtime_1_does_not_speak_is_malformed() {
        for text in [
            with("(table 1 externref)"),
            with("(global (mut externref) (ref.null extern))"),
            with("(func (param externref))"),
            with("(tag)"),
            with("(type (struct))"),
            with("(memory 1)"),
            with("(global i32 (i32.add (i32.const 1) (i32.const 1)))"),
            r#"(module (memory (export "memory") i64 1) (func (export "_start")))"#.to_owned(),
            r#"(module (memory (export "memory") 1 1 shared) (func (export "_start")))"#.to_owned(),
        ] {
            assert_eq!(judge(&text), Err(Invalid::Malformed), "{text}");
        }
    }

    #[test]
    fn funcref_simd_and_tail_calls_are_valid() {
        assert_eq!(
            judge(&with(
                "(table 1 funcref) (func $f) (elem declare func $f) (func (drop (ref.func $f)))"
            )),
            Ok(())
        );
        assert_eq!(
            judge(&with(
                "(func (param v128) (result v128) (i8x16.add (local.get 0) (local.get 0)))"
            )),
            Ok(())
        );
        assert_eq!(judge(&with("(func $f) (func (return_call $f))")), Ok(()));
    }

    #[test]
    fn bodies_locals_nesting_and_branches_have_limits_that_hold_to_the_one() {
        let nops = |n: usize| body(&"nop ".repeat(n));
        assert_eq!(judge(&nops(MAX_BODY_BYTES - 2)), Ok(()));
        assert_eq!(judge(&nops(MAX_BODY_BYTES - 1)), Err(Invalid::Body));
        let locals = |n: usize| with(&format!("(func (param i32) (local {}))", "i32 ".repeat(n)));
        assert_eq!(judge(&locals(511)), Ok(()));
        assert_eq!(judge(&locals(512)), Err(Invalid::Locals));
        let loops = |n: usize| body(&format!("{}{}", "loop ".repeat(n), "end ".repeat(n)));
        assert_eq!(judge(&loops(32)), Ok(()));
        assert_eq!(judge(&loops(33)), Err(Invalid::LoopNesting));
        assert_eq!(judge(&body(&"loop end ".repeat(40))), Ok(()));
        let branches = |n: usize| {
            body(&format!(
                "block {} end",
                "(br_if 0 (i32.const 0)) ".repeat(n)
            ))
        };
        assert_eq!(judge(&branches(8192)), Ok(()));
        assert_eq!(judge(&branches(8193)), Err(Invalid::BranchTargets));
        let table = |n: usize| {
            body(&format!(
                "block i32.const 0 br_table {} 0 end",
                "0 ".repeat(n)
            ))
        };
        assert_eq!(judge(&table(8191)), Ok(()));
        assert_eq!(judge(&table(8192)), Err(Invalid::BranchTargets));
    }

    #[test]
    fn where_ways_part_or_meet_is_bounded_whatever_makes_them() {
        let most = |parts: &str, code: &str| {
            let judge_times =
                |count: usize| judge(&with(&format!("{parts} (func {})", code.repeat(count))));
            let (mut fits, mut fails) = (0, 40_000);
            while fails - fits > 1 {
                let middle = (fits + fails) / 2;
                match judge_times(middle) {
                    Ok(()) => fits = middle,
                    Err(reason) => {
                        assert_eq!(reason, Invalid::BranchTargets, "{middle} times {code}");
                        fails = middle;
                    }
                }
            }
            fits
        };
        // An `if` is one of 8 192, and has five bytes: each 64 of them are one more.
        assert_eq!(most("", "(if (i32.const 0) (then)) "), 8886);
        assert_eq!(most("", "loop end "), 2774);
        assert_eq!(most("", "(drop (loop (result i32) (i32.const 0))) "), 2097);
        let pair = "(type $t (func (param i32 i32) (result i32 i32)))";
        let two = "(i32.const 0) (i32.const 0)";
        assert_eq!(
            most(pair, &format!("{two} (block (type $t)) drop drop ")),
            2122
        );
        let gives = |values: usize| {
            let (list, put) = ("i32 ".repeat(values), "(i32.const 0) ".repeat(values));
            let function = format!("(func $g (param {list}) (result {list}) {put})");
            let call = format!("{put} (call $g) {}", "drop ".repeat(values));
            (function, call)
        };
        let (function, call) = gives(5);
        assert_eq!(most(&function, &call), 102);
        // Blocks without values, and calls that give few, are no joints.
        let (function, call) = gives(4);
        let plain = format!("block end {call}").repeat(10_000);
        assert_eq!(judge(&with(&format!("{function} (func {plain})"))), Ok(()));
    }

    #[test]
    fn ifs_carry_locals_too() {
        let function = |ifs: usize| {
            with(&format!(
                "(func (param i32) (local {}) {})",
                "i32 ".repeat(499),
                "(if (local.get 0) (then)) ".repeat(ifs)
            ))
        };
        assert_eq!(judge(&function(140)), Ok(()));
        assert_eq!(judge(&function(170)), Err(Invalid::Crossings));
    }

    #[test]
    fn blocks_and_functions_give_at_most_16_values_and_blocks_take_as_many() {
        let block = |values: usize| {
            let (list, put, drop) = (
                "i32 ".repeat(values),
                "(i32.const 1) ".repeat(values),
                "drop ".repeat(values),
            );
            body(&format!("{put} (loop (param {list}) {drop})"))
        };
        assert_eq!(judge(&block(16)), Ok(()));
        assert_eq!(judge(&block(17)), Err(Invalid::Values));
        let function = |values: usize| {
            let put = "(i32.const 1) ".repeat(values);
            with(&format!("(func (result {}) {put})", "i32 ".repeat(values)))
        };
        assert_eq!(judge(&function(16)), Ok(()));
        assert_eq!(judge(&function(17)), Err(Invalid::Values));
        // Functions may take more: each value is pushed, and paid.
        assert_eq!(
            judge(&with(&format!("(func (param {}))", "i32 ".repeat(99)))),
            Ok(())
        );
    }

    #[test]
    fn functions_are_bounded_by_the_modules_bytes() {
        let functions = |count: usize| with(&"(func) ".repeat(count));
        // Four bytes each: an eighth of what a function must have beyond the first 1 024.
        assert_eq!(judge(&functions(1100)), Ok(()));
        assert_eq!(judge(&functions(1250)), Err(Invalid::Functions));
    }

    #[test]
    fn functions_types_exports_and_calls_are_bounded_together() {
        let most = MAX_KEPT as usize;
        let many = |types: usize, calls: usize, more: &str| {
            let types = "(type (func (param i64))) ".repeat(types);
            let bodies = format!("(func {}) ", "(call 0) ".repeat(65_536)).repeat(calls / 65_536);
            let rest = "(drop (memory.grow (i32.const 0))) ".repeat(calls % 65_536);
            judge(&with(&format!("{types} {bodies} (func {rest}) {more}")))
        };
        // Two functions, both named by the two exports, the type of both, and the values of all types.
        let types = (most - 5) * 64 / 65;
        let left = most - 5 - types - types / 64;
        assert_eq!(many(types, 32 * left + 29, ""), Ok(()));
        assert_eq!(many(types, 32 * left + 30, ""), Err(Invalid::Parts));
        // Three functions more of 65 536 calls, which are 2 048 each.
        let types = types - 6_144;
        let left = most - 5 - 3 - types - types / 64;
        let calls = |more: usize| many(types, 3 * 65_536 + more, "");
        let more = 32 * (left - 6_144) + 29;
        assert_eq!(calls(more), Ok(()));
        assert_eq!(calls(more + 1), Err(Invalid::Parts));
        // Long types are more than one each: 16 of 64 values are 32.
        let long = format!("(type (func (param {}))) ", "i64 ".repeat(64)).repeat(16);
        let short = 63_000;
        let left = most - 5 - short - short / 64 - 32;
        assert_eq!(many(short, 32 * left + 29, &long), Ok(()));
        assert_eq!(many(short, 32 * left + 30, &long), Err(Invalid::Parts));
        // A function that a table names is two, and only once.
        let named = |functions: usize, entries: usize| {
            let bodies = "(func) ".repeat(functions);
            let text = format!(
                "(elem func {}) (data \"{}\")",
                "0 ".repeat(entries),
                "a".repeat(2_000_000)
            );
            judge(&with(&format!("{bodies} {text}")))
        };
        assert_eq!(named(40_000, 20_000), Ok(()));
        assert_eq!(named(40_000, 30_000), Err(Invalid::Parts));
        assert_eq!(named(30_000, 40_000), Ok(()));
    }

    #[test]
    fn what_a_module_fills_in_is_bounded() {
        // So many bytes, whatever else there is.
        let long = |text: &str| with(&format!("(data \"{}\") {text}", "a".repeat(700_000)));
        let most = MAX_FILLED as usize;
        let many = |part: &str, count: usize| judge(&long(&part.repeat(count)));
        for part in ["(global i32 (i32.const 0)) ", "(data \"\") "] {
            assert_eq!(many(part, most - 1), Ok(()), "{part}");
            assert_eq!(many(part, most), Err(Invalid::SetUp), "{part}");
        }
        // A list is one more than its entries, if it has none either.
        for (list, each) in [("(elem func) ", 1), ("(elem (i32.const 0) func 0) ", 2)] {
            let most = (most - 1) / each;
            let lists =
                |count: usize| judge(&long(&format!("(table 1 funcref) {}", list.repeat(count))));
            assert_eq!(lists(most), Ok(()), "{list}");
            assert_eq!(lists(most + 1), Err(Invalid::SetUp), "{list}");
        }
        // All count together, whichever way a table is filled.
        let all = |more: usize| {
            let list = "0 ".repeat(most - 20_003);
            let values = "(ref.func 0) ".repeat(10_000);
            let globals = "(global i32 (i32.const 0)) ".repeat(10_000 + more);
            let text =
                format!("(table 70000 funcref) {globals} (elem (i32.const 0) func {list}) (elem funcref {values})");
            judge(&long(&text))
        };
        assert_eq!(all(0), Ok(()));
        assert_eq!(all(1), Err(Invalid::SetUp));
        // A byte an entry: a sixteenth of what they must have beyond the first 4 096.
        let short = |entries: usize| judge(&with(&format!("(elem func {})", "0 ".repeat(entries))));
        assert_eq!(short(4_300), Ok(()));
        assert_eq!(short(4_500), Err(Invalid::SetUp));
    }

    #[test]
    fn branches_times_locals_are_bounded_by_the_body() {
        // Four bytes a branch: the body pays for 32, and each costs 100.
        let function = |branches: usize| {
            with(&format!(
                "(func (param i32) (local {}) loop {} end)",
                "i32 ".repeat(99),
                "(br_if 0 (local.get 0)) ".repeat(branches)
            ))
        };
        assert_eq!(judge(&function(480)), Ok(()));
        assert_eq!(judge(&function(490)), Err(Invalid::Crossings));
    }

    #[test]
    fn a_start_section_is_invalid() {
        assert_eq!(judge(&with("(func $f) (start $f)")), Err(Invalid::Start));
    }

    #[test]
    fn only_preview_1_functions_of_the_right_signature_may_be_imported() {
        let import = |module: &str, name: &str, ty: &str| {
            judge(&with(&format!("(import \"{module}\" \"{name}\" {ty})")))
        };
        let wasi = "wasi_snapshot_preview1";
        assert_eq!(
            import(wasi, "fd_close", "(func (param i32) (result i32))"),
            Ok(())
        );
        assert_eq!(
            import(
                wasi,
                "path_symlink",
                "(func (param i32 i32 i32 i32 i32) (result i32))"
            ),
            Ok(())
        );
        for (module, name, ty) in [
            ("env", "fd_close", "(func (param i32) (result i32))"),
            (wasi, "fd_shut", "(func (param i32) (result i32))"),
            (wasi, "fd_close", "(func (param i64) (result i32))"),
            (wasi, "fd_close", "(func (param i32))"),
            (wasi, "fd_close", "(global i32)"),
            ("env", "memory", "(memory 1)"),
        ] {
            assert_eq!(
                import(module, name, ty),
                Err(Invalid::Import),
                "{module} {name} {ty}"
            );
        }
    }

    #[test]
    fn entry_and_memory_must_be_exported() {
        let judge_all = |text: &str| judge(text);
        assert_eq!(
            judge_all(r#"(module (memory (export "memory") 1))"#),
            Err(Invalid::Entry)
        );
        assert_eq!(
            judge_all(
                r#"(module (memory (export "memory") 1) (func (export "_start") (param i32)))"#
            ),
            Err(Invalid::Entry)
        );
        assert_eq!(
            judge_all(
                r#"(module (memory (export "memory") 1) (global (export "_start") i32 (i32.const 0)))"#
            ),
            Err(Invalid::Entry)
        );
        assert_eq!(
            judge_all(r#"(module (memory 1) (func (export "_start")))"#),
            Err(Invalid::MemoryExport)
        );
        assert_eq!(
            judge_all(r#"(module (func (export "_start")))"#),
            Err(Invalid::MemoryExport)
        );
    }

    #[test]
    fn memory_and_tables_start_within_the_limits() {
        let memory = |pages: u32| {
            judge(&format!(
                r#"(module (memory (export "memory") {pages}) (func (export "_start")))"#
            ))
        };
        assert_eq!(memory(16), Ok(()));
        assert_eq!(memory(17), Err(Invalid::MemorySize));
        assert_eq!(
            judge(&with("(table 500000 funcref) (table 500000 funcref)")),
            Ok(())
        );
        assert_eq!(
            judge(&with("(table 500000 funcref) (table 500001 funcref)")),
            Err(Invalid::TableSize)
        );
    }
}
