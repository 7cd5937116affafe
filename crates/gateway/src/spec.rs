//! What a job spec names: the blobs its customer may put, and how large its outputs may be.

use lode_runtime::{Blob, JobSpec};
use lode_sealed::{sealed_outputs, Envelope};
use lode_store::{BlobHash, MOST_RECEIPT_BYTES};
use std::collections::HashMap;

/// What a spec names.
pub(crate) struct Named {
    /// Size of each blob.
    pub blobs: HashMap<BlobHash, u64>,
    /// Most bytes of all outputs together, the receipt left out.
    pub output_limit: u64,
}

/// Reads a stored spec or the envelope of a private job, or says what is wrong with it.
pub(crate) fn named(stored: &[u8]) -> Result<Named, String> {
    let private = Envelope::of(stored).map_err(|error| error.to_string())?;
    let (blobs, output_limit): (Vec<Blob>, u64) = match private {
        // its receipt is in a second one, with a map of names
        Some(envelope) => (
            envelope.named().collect(),
            sealed_outputs(envelope.output_limit()).saturating_add(MOST_RECEIPT_BYTES),
        ),
        None => {
            let spec = JobSpec::parse(stored).map_err(|error| error.to_string())?;
            (spec.blobs(), spec.output_limit)
        }
    };
    Ok(Named {
        blobs: blobs
            .iter()
            .map(|blob| (BlobHash(blob.sha256), blob.size))
            .collect(),
        output_limit,
    })
}
