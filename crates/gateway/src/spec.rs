//! What a job spec names: the blobs its customer may put, and how large its outputs may be.

use lode_store::BlobHash;
use serde::Deserialize;
use std::collections::HashMap;

/// Of a spec, only what a gateway must know; whether it can be run is judged by who runs it.
#[derive(Debug, Deserialize)]
struct Fields {
    module: Name,
    #[serde(default)]
    stdin: Option<Name>,
    #[serde(default)]
    inputs: Vec<Blob>,
    output_limit: u64,
}

/// A blob by its hash alone, or with its size.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Name {
    Hash(BlobHash),
    Blob(Blob),
}

#[derive(Debug, Deserialize)]
struct Blob {
    sha256: BlobHash,
    #[serde(default)]
    size: Option<u64>,
}

/// What a spec names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// Size of each blob, where the spec says it.
    pub blobs: HashMap<BlobHash, Option<u64>>,
    /// Most bytes of all outputs together, the receipt left out.
    pub output_limit: u64,
}

/// Reads a stored spec, or says that it is none.
pub(crate) fn named(spec: &[u8]) -> Option<Named> {
    let fields: Fields = serde_json::from_slice(spec).ok()?;
    let mut blobs = HashMap::new();
    for name in [Some(fields.module), fields.stdin].into_iter().flatten() {
        match name {
            Name::Hash(hash) => blobs.insert(hash, None),
            Name::Blob(blob) => blobs.insert(blob.sha256, blob.size),
        };
    }
    blobs.extend(fields.inputs.iter().map(|b| (b.sha256, b.size)));
    Some(Named {
        blobs,
        output_limit: fields.output_limit,
    })
}
