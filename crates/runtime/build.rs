//! Lists the vectors of `tests/vectors`, so that [`verify`](src/verify.rs) carries all of them.

use std::fmt::Write;
use std::path::{Path, PathBuf};

fn main() {
    let manifest = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let root = manifest.join("../../tests/vectors");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={}", root.display());
    let mut list = String::from("&[\n");
    for folder in sorted(&root).into_iter().filter(|path| path.is_dir()) {
        let name = folder
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let bytes = |file: &Path| format!("include_bytes!({:?})", file.display().to_string());
        let module = match std::fs::read_to_string(folder.join("module.long")) {
            Ok(text) => format!("Source::Long({:?})", text.trim()),
            Err(_) => format!("Source::Bytes({})", bytes(&folder.join("module.wasm"))),
        };
        let blobs: Vec<String> = sorted(&folder.join("blobs"))
            .iter()
            .map(|file| bytes(file))
            .collect();
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            list,
            "Vector {{ name: {:?}, module: {module}, spec: {}, receipt: {}, blobs: &[{}] }},",
            name.unwrap_or_default(),
            bytes(&folder.join("spec.json")),
            bytes(&folder.join("receipt.json")),
            blobs.join(", "),
        );
    }
    list.push(']');
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default()).join("vectors.rs");
    if let Err(error) = std::fs::write(&out, list) {
        println!("cargo::error={} cannot be written: {error}", out.display());
    }
}

/// What is in a folder, by name; nothing if there is no such folder.
fn sorted(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    paths
}
