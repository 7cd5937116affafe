//! What a job spec names: the blobs its customer may put, and how large its outputs may be.

use lode_runtime::JobSpec;
use lode_store::BlobHash;
use std::collections::HashMap;

/// What a spec names.
pub(crate) struct Named {
    /// Size of each blob.
    pub blobs: HashMap<BlobHash, u64>,
    /// Most bytes of all outputs together, the receipt left out.
    pub output_limit: u64,
}

/// Reads a stored spec, or says what is wrong with it.
pub(crate) fn named(spec: &[u8]) -> Result<Named, lode_runtime::Error> {
    let spec = JobSpec::parse(spec)?;
    let blobs = spec.blobs().into_iter();
    Ok(Named {
        blobs: blobs.map(|b| (BlobHash(b.sha256), b.size)).collect(),
        output_limit: spec.output_limit,
    })
}
