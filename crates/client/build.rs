//! Turns the programs' error enums into a table of code, name and message.
//!
//! Anchor keeps the messages of `#[error_code]` in the IDL only, so that a program does not carry them. They are
//! read from the source here, the one place where they are written.
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// First code of an `#[error_code]` enum, unless its attribute names another.
const FIRST_CODE: u32 = 6000;

fn main() {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let mut out = String::new();
    for program in ["staking", "oracle", "jobs", "emissions"] {
        let source = root.join("../../programs").join(program).join("src");
        println!("cargo:rerun-if-changed={}", source.display());
        let mut rows = String::new();
        for file in rust_files(&source) {
            rows += &rows_of(&file);
        }
        let name = program.to_uppercase();
        let _ = writeln!(out, "pub static {name}: &[Row] = &[{rows}];");
    }
    let at = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default()).join("errors.rs");
    if let Err(error) = std::fs::write(&at, out) {
        fail(&at, &error);
    }
}

fn fail(at: &Path, why: &dyn std::fmt::Display) -> ! {
    eprintln!("{}: {why}", at.display());
    std::process::exit(1)
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => fail(folder, &error),
    };
    let mut files = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The rows of every `#[error_code]` enum in a file.
fn rows_of(path: &Path) -> String {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => fail(path, &error),
    };
    if !text.contains("error_code") {
        return String::new();
    }
    let file = match syn::parse_file(&text) {
        Ok(file) => file,
        Err(error) => fail(path, &error),
    };
    let mut rows = String::new();
    for item in &file.items {
        let syn::Item::Enum(item) = item else {
            continue;
        };
        let Some(attribute) = item.attrs.iter().find(|a| a.path().is_ident("error_code")) else {
            continue;
        };
        if !matches!(attribute.meta, syn::Meta::Path(_)) {
            fail(path, &"`#[error_code]` with arguments is not read yet");
        }
        let mut next = 0u32;
        for variant in &item.variants {
            if let Some((_, value)) = &variant.discriminant {
                next = match integer(value) {
                    Some(value) => value,
                    None => fail(path, &"a discriminant that is no integer literal"),
                };
            }
            let message = variant.attrs.iter().find_map(message_of);
            let Some(message) = message else {
                fail(path, &format!("{} has no #[msg]", variant.ident));
            };
            let _ = write!(
                rows,
                "Row {{ code: {}, name: {:?}, message: {message:?} }},",
                FIRST_CODE + next,
                variant.ident.to_string()
            );
            next += 1;
        }
    }
    rows
}

fn integer(value: &syn::Expr) -> Option<u32> {
    match value {
        syn::Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Int(value),
            ..
        }) => value.base10_parse().ok(),
        _ => None,
    }
}

fn message_of(attribute: &syn::Attribute) -> Option<String> {
    if !attribute.path().is_ident("msg") {
        return None;
    }
    let list = attribute.meta.require_list().ok()?;
    Some(list.parse_args::<syn::LitStr>().ok()?.value())
}
