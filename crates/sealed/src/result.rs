//! What a run comes to, sealed: each output, the receipt with a map from plain names to sealed ones, and the wrapper
//! whose hash is the job's result.

use crate::envelope::hash_or;
use crate::{Error, Named, Private, Result};
use lode_runtime::{Blob, Finished, Receipt};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What is put into the store for a run, and the hash that goes on the chain.
#[derive(Clone, Debug)]
pub struct Results {
    /// Outputs, and last what the hash is of: the receipt. Of a private job the sealed outputs, the sealed receipt and the
    /// wrapper.
    pub blobs: Vec<Vec<u8>>,
    /// The result on chain: the same on every machine. Of a private job it is no help to whoever wants to confirm a guess.
    pub hash: [u8; 32],
}

impl Results {
    /// What a run came to, sealed where the job is private.
    ///
    /// # Errors
    /// None for what [`lode_runtime`] finished: its receipts are text.
    pub fn of(finished: Finished, private: Option<&Private>) -> Result<Self> {
        match private {
            Some(private) => private.conceal(&finished),
            None => Ok(Self {
                blobs: finished
                    .outputs
                    .into_iter()
                    .chain([finished.line])
                    .collect(),
                hash: finished.result_hash,
            }),
        }
    }
}

/// A receipt that was opened.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Its line, as runtime 1 wrote it.
    pub line: Vec<u8>,
    /// The same, read.
    pub receipt: Receipt,
    sealed: HashMap<[u8; 32], Blob>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrapper {
    result: Named,
    /// Also sealed; the map from plain names is in the result. Whoever copies a store finds them here.
    outputs: Vec<Named>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    receipt: String,
    outputs: Vec<Output>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Output {
    plain: String,
    sealed: Named,
}

/// What a result's bytes name that is sealed: the receipt, then the outputs; nothing where they are an ordinary receipt.
///
/// # Errors
/// [`Error::Envelope`] for a wrapper that is not as it must be.
pub fn sealed_result(stored: &[u8]) -> Result<Option<(Blob, Vec<Blob>)>> {
    let Some(wrapper) = crate::read::<Wrapper>(stored)? else {
        return Ok(None);
    };
    let outputs: Option<Vec<Blob>> = wrapper.outputs.iter().map(Named::blob).collect();
    let named = wrapper.result.blob().zip(outputs);
    named
        .map(Some)
        .ok_or_else(|| Error::Envelope("a name is no hash".into()))
}

impl Private {
    /// Seals what a run came to.
    ///
    /// # Errors
    /// None for what [`lode_runtime`] finished: its receipts are text.
    pub fn conceal(&self, finished: &Finished) -> Result<Results> {
        let mut blobs = Vec::with_capacity(finished.outputs.len().saturating_add(2));
        let mut outputs = Vec::with_capacity(finished.outputs.len());
        for plain in &finished.outputs {
            let sealed = self.key().seal(plain);
            outputs.push(Output {
                plain: hex::encode(Blob::of(plain).sha256),
                sealed: Named::from(&Blob::of(&sealed)),
            });
            blobs.push(sealed);
        }
        let receipt = String::from_utf8(finished.line.clone())
            .map_err(|_| Error::WrongContent("its receipt is no text"))?;
        let content = serde_json::to_vec(&Content { receipt, outputs })
            .map_err(|_| Error::WrongContent("its receipt is no text"))?;
        let sealed = self.key().seal(&content);
        let wrapper = crate::write(Wrapper {
            result: Named::from(&Blob::of(&sealed)),
            outputs: blobs
                .iter()
                .map(|blob| Named::from(&Blob::of(blob)))
                .collect(),
        });
        let hash = Blob::of(&wrapper).sha256;
        blobs.extend([sealed, wrapper]);
        Ok(Results { blobs, hash })
    }

    /// Opens a sealed receipt.
    ///
    /// # Errors
    /// What does not open, and what holds no receipt.
    pub fn open_result(&self, sealed: &[u8]) -> Result<Opened> {
        const NONE: &str = "its receipt is none";
        let content = self.key().open(sealed)?;
        let content: Content =
            serde_json::from_slice(&content).map_err(|_| Error::WrongContent(NONE))?;
        let line = content.receipt.into_bytes();
        let receipt = Receipt::parse(&line).map_err(|_| Error::WrongContent(NONE))?;
        let mut sealed = HashMap::new();
        for output in &content.outputs {
            let blob = output.sealed.blob().ok_or(Error::WrongContent(NONE))?;
            sealed.insert(hash_or(&output.plain, NONE)?, blob);
        }
        Ok(Opened {
            line,
            receipt,
            sealed,
        })
    }
}

impl Opened {
    /// What an output of the receipt is called in the store.
    ///
    /// # Errors
    /// An output that the sealed receipt does not map.
    pub fn sealed(&self, plain: &[u8; 32]) -> Result<Blob> {
        let found = self.sealed.get(plain).copied();
        found.ok_or(Error::WrongContent("its receipt leaves an output out"))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{sealed_outputs, sealed_size, DataKey, Envelope, Identity, Recipient};
    use bytemuck::Zeroable;
    use lode_oracle::state::Committee;
    use lode_runtime::{End, JobSpec, ReceiptFile};

    struct Posted {
        envelope: Vec<u8>,
        spec: Vec<u8>,
        inputs: Vec<Vec<u8>>,
        plain: Vec<u8>,
    }

    /// A job with a module and an input that are sealed for these.
    fn posted(to: &[Recipient]) -> Posted {
        let key = DataKey::random();
        let (module, input) = (b"a module".to_vec(), b"the secret input".to_vec());
        let named = |bytes: &[u8]| {
            let blob = Blob::of(bytes);
            format!(
                r#""sha256":"{}","size":{}"#,
                hex::encode(blob.sha256),
                blob.size
            )
        };
        let plain = format!(
            r#"{{"v":1,"runtime":1,"module":{{{}}},"inputs":[{{"path":"in",{}}}],"memory_mib":1,"output_limit":100}}"#,
            named(&module),
            named(&input)
        )
        .into_bytes();
        let inputs: Vec<Vec<u8>> = [module, input]
            .iter()
            .map(|bytes| key.seal(bytes))
            .collect();
        let blobs = inputs.iter().map(|sealed| Blob::of(sealed)).collect();
        let spec = key.seal(&plain);
        let envelope = Envelope::new(&key, to, Blob::of(&spec), blobs, 100).unwrap();
        Posted {
            envelope: envelope.to_bytes(),
            spec,
            inputs,
            plain,
        }
    }

    fn opened(posted: &Posted, by: &Identity) -> Result<Private> {
        let envelope = Envelope::of(&posted.envelope)?.unwrap();
        envelope.unlock(std::slice::from_ref(by))
    }

    fn finished(private: &Private, posted: &Posted) -> Finished {
        let (_, spec) = private.open_spec(&posted.spec).unwrap();
        let outputs = vec![b"stdout of it".to_vec(), vec![]];
        let receipt = Receipt {
            spec: spec.hash,
            limit: 9,
            end: End::Exit(0),
            fuel: 5,
            units: 2,
            memory: None,
            stdout: Blob::of(&outputs[0]),
            stderr: Blob::of(&outputs[1]),
            files: vec![ReceiptFile {
                path: "a file \u{1F512} \"quoted\"".into(),
                blob: Blob::of(&outputs[0]),
            }],
        };
        Finished {
            line: receipt.line(),
            result_hash: receipt.result_hash(),
            receipt,
            outputs,
            memory_bytes: 0,
            timing: Default::default(),
        }
    }

    #[test]
    fn every_recipient_comes_to_the_same_and_a_stranger_to_nothing() {
        let (node, seat, stranger) = (Identity::random(), Identity::random(), Identity::random());
        let posted = posted(&[node.recipient(), seat.recipient()]);
        assert!(matches!(opened(&posted, &stranger), Err(Error::NotForUs)));
        let (one, other) = (
            opened(&posted, &node).unwrap(),
            opened(&posted, &seat).unwrap(),
        );
        let (stored, spec) = one.open_spec(&posted.spec).unwrap();
        assert_eq!(*stored, posted.plain);
        for (blob, sealed) in spec.blobs().iter().zip(&posted.inputs) {
            assert_eq!(one.sealed(&spec, &blob.sha256), Some(Blob::of(sealed)));
            assert_eq!(Blob::of(&other.open(blob, sealed).unwrap()), *blob);
        }
        let run = finished(&one, &posted);
        let (mine, theirs) = (one.conceal(&run).unwrap(), other.conceal(&run).unwrap());
        assert_eq!((&mine.blobs, mine.hash), (&theirs.blobs, theirs.hash));
        let wrapper = mine.blobs.last().unwrap();
        assert_eq!(Blob::of(wrapper).sha256, mine.hash);
        let (name, outputs) = sealed_result(wrapper).unwrap().unwrap();
        let all: Vec<Blob> = mine.blobs.iter().map(|bytes| Blob::of(bytes)).collect();
        assert_eq!(outputs, all[..all.len() - 2]);
        let sealed = mine
            .blobs
            .iter()
            .find(|bytes| Blob::of(bytes) == name)
            .unwrap();
        let read = other.open_result(sealed).unwrap();
        assert_eq!(
            (read.line, read.receipt.clone()),
            (run.line.clone(), run.receipt)
        );
        let stdout = read.receipt.stdout;
        let at = read.sealed.get(&stdout.sha256).copied().unwrap();
        let sealed = mine
            .blobs
            .iter()
            .find(|bytes| Blob::of(bytes) == at)
            .unwrap();
        assert_eq!(&other.open(&stdout, sealed).unwrap()[..], b"stdout of it");
    }

    #[test]
    fn what_is_stored_holds_nothing_of_what_is_sealed() {
        let node = Identity::random();
        let posted = posted(&[node.recipient()]);
        let private = opened(&posted, &node).unwrap();
        let run = finished(&private, &posted);
        let concealed = private.conceal(&run).unwrap();
        let all = [&posted.envelope, &posted.spec].into_iter();
        let all = all.chain(&posted.inputs).chain(&concealed.blobs);
        let hashes = [
            b"a module".as_slice(),
            b"the secret input",
            b"stdout of it",
            &posted.plain,
            &run.line,
        ]
        .map(|plain| hex::encode(Blob::of(plain).sha256));
        for bytes in all {
            let text = String::from_utf8_lossy(bytes);
            for told in ["secret", "module", "stdout of it"]
                .map(String::from)
                .iter()
                .chain(&hashes)
            {
                assert!(!text.contains(told.as_str()), "{told} in {text}");
            }
        }
    }

    #[test]
    fn an_envelope_that_names_other_than_its_spec_is_refused() {
        let node = Identity::random();
        let good = posted(&[node.recipient()]);
        let private = opened(&good, &node).unwrap();
        let with = |blobs: Vec<Blob>, limit| {
            let envelope = Envelope::new(
                private.key(),
                &[node.recipient()],
                Blob::of(&good.spec),
                blobs,
                limit,
            );
            let private = envelope
                .unwrap()
                .unlock(std::slice::from_ref(&node))
                .unwrap();
            private.open_spec(&good.spec).map(|_| ())
        };
        let blobs: Vec<Blob> = good.inputs.iter().map(|bytes| Blob::of(bytes)).collect();
        with(blobs.clone(), 100).unwrap();
        assert!(with(blobs.clone(), 101).is_err());
        assert!(with(blobs[..1].to_vec(), 100).is_err());
        assert!(with([blobs.clone(), blobs.clone()].concat(), 100).is_err());
        // of the right size, but another blob: seen when it is opened
        let swapped = private.open(
            &JobSpec::parse(&good.plain).unwrap().blobs()[0],
            &good.inputs[1],
        );
        assert!(matches!(swapped, Err(Error::WrongContent(_))));
        let other = posted(&[node.recipient()]);
        assert!(matches!(
            private.open_spec(&other.spec),
            Err(Error::NotSealed)
        ));
        // no word of what is in it
        let no_spec = private.key().seal(b"{\"v\":1,\"secret\":2}");
        let refused = private.open_spec(&no_spec).unwrap_err().to_string();
        assert!(!refused.contains("secret"), "{refused}");
    }

    #[test]
    fn a_document_has_one_form_and_others_are_not_taken_for_it() {
        let node = Identity::random();
        let posted = posted(&[node.recipient()]);
        assert!(Envelope::of(&posted.plain).unwrap().is_none());
        assert!(Envelope::of(b"").unwrap().is_none());
        assert!(Envelope::of(b"{}").unwrap().is_none());
        assert!(sealed_result(&posted.plain).unwrap().is_none());
        let text = String::from_utf8(posted.envelope.clone()).unwrap();
        for bad in [
            text.replace(r#""v":1"#, r#""v":2"#),
            text.replace(r#"{"v""#, r#"{ "v""#),
            text.replace(r#""output_limit":100"#, r#""output_limit":100,"more":1"#),
            text.replace(r#""output_limit":100"#, r#""output_limit":1e2"#),
            format!("{text} "),
            r#"{"v":1,"private":{}}"#.into(),
        ] {
            assert!(Envelope::of(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_node_sees_which_seat_is_left_out() {
        let mut committee = Committee::zeroed();
        let attesters: Vec<_> = (0..3).map(|_| solana_keypair::Keypair::new()).collect();
        for (seat, key) in committee.seats.iter_mut().zip(&attesters) {
            let address: [u8; 32] = key.to_bytes()[32..].try_into().unwrap();
            seat.attester = address.into();
            (seat.active_from, seat.left_at) = (10, 100);
        }
        // a founder who has not joined, and one who serves later
        committee.seats[3].owner = [9; 32].into();
        committee.seats[2].active_from = 60;
        let all = crate::seats(&committee, 50);
        assert_eq!(
            all,
            attesters
                .iter()
                .map(|key| Identity::of_key(key).recipient())
                .collect::<Vec<_>>()
        );
        let node = Identity::random();
        let with = |seats: &[Recipient]| {
            let to = [&[node.recipient()], seats].concat();
            opened(&posted(&to), &node).unwrap()
        };
        assert_eq!(with(&all).leaves_out(&committee, 50), None);
        assert_eq!(with(&all[..2]).leaves_out(&committee, 50), None);
        assert_eq!(with(&all[..2]).leaves_out(&committee, 60), Some(2));
        assert_eq!(with(&all[..1]).leaves_out(&committee, 50), Some(1));
        assert_eq!(with(&[]).leaves_out(&committee, 50), Some(0));
        assert_eq!(with(&[]).leaves_out(&committee, 100), None);
    }

    #[test]
    fn sealed_outputs_have_room_for_as_many_files_as_a_run_may_leave() {
        // the worst: all of them of one byte over a piece, or empty
        let files = 65_536;
        assert!(sealed_outputs(0) >= files * sealed_size(0));
        assert!(sealed_outputs(files) >= files * sealed_size(1));
        let large = 64 << 20;
        assert!(sealed_outputs(large) >= (large / 65_537) * sealed_size(65_537));
    }
}
