//! What a job spec names: the blobs its customer may put, and how large its outputs may be.

use lode_runtime::{Blob, JobSpec};
use lode_sealed::{sealed_outputs, sealed_receipt, Envelope};
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
            sealed_outputs(envelope.output_limit())
                .saturating_add(sealed_receipt(MOST_RECEIPT_BYTES)),
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use lode_runtime::{End, Finished, Receipt, ReceiptFile};
    use lode_sealed::{DataKey, Identity, Private};

    /// Bytes of all that a node puts for a run with so many files of two bytes.
    fn put(private: &Private, files: u16) -> u64 {
        let outputs: Vec<Vec<u8>> = (0..files).map(|n| n.to_le_bytes().to_vec()).collect();
        let named = outputs.iter().map(|bytes| ReceiptFile {
            path: "\"".repeat(65),
            blob: Blob::of(bytes),
        });
        let receipt = Receipt {
            spec: [1; 32],
            limit: 9,
            end: End::Exit(0),
            fuel: 5,
            units: 2,
            memory: None,
            stdout: Blob::of(b""),
            stderr: Blob::of(b""),
            files: named.collect(),
        };
        let run = Finished {
            line: receipt.line(),
            result_hash: receipt.result_hash(),
            receipt,
            outputs,
            memory_bytes: 0,
            timing: Default::default(),
        };
        let blobs = private.conceal(&run).unwrap().blobs;
        blobs.iter().map(|blob| blob.len() as u64).sum()
    }

    #[test]
    fn a_gateway_takes_the_longest_sealed_receipt_that_a_run_can_leave() {
        let (key, node) = (DataKey::random(), Identity::random());
        // as many files with such a path as a receipt has room for: 128 bytes beside it, of which each quote takes two
        let most = MOST_RECEIPT_BYTES / (128 + 130);
        let spec = Blob::of(b"a spec");
        let envelope = Envelope::new(&key, &[node.recipient()], spec, vec![], 2 * most).unwrap();
        let takes = named(&envelope.to_bytes()).unwrap().output_limit + MOST_RECEIPT_BYTES;
        let private = envelope.unlock(&[node]).unwrap();
        let (none, few) = (put(&private, 0), put(&private, 100));
        let all = none + (few - none).div_ceil(100) * most;
        assert!(all <= takes, "{all} of {takes}");
    }
}
