//! What a private job's spec hash names: who can open it, and the names of all that is sealed.

use crate::{age, hash, sealed_size, DataKey, Error, Identity, Named, Recipient, Result};
use lode_oracle::state::Committee;
use lode_runtime::{Blob, JobSpec};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The public part of a private job. It says how many recipients, blobs and bytes there are, and nothing of what is in
/// them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The head of an age file: the data key for each recipient.
    key: String,
    /// The sealed spec.
    spec: Blob,
    /// What it names, sealed, in its order.
    blobs: Vec<Blob>,
    /// Most output of a run, as the spec says.
    output_limit: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    key: String,
    spec: Named,
    blobs: Vec<Named>,
    output_limit: u64,
}

/// The recipients that those seats of a committee are which serve, or will, from `now` on: at posting.
pub fn seats(committee: &Committee, now: i64) -> Vec<Recipient> {
    let seats = committee.seats.iter();
    let serve = seats.filter(|seat| seat.active_from != 0 && seat.left_at > now);
    serve
        .filter_map(|seat| Recipient::of_key(&seat.attester))
        .collect()
}

impl Envelope {
    /// An envelope that `to` can open. `spec` is the sealed spec, `blobs` what the spec names, sealed, in its order.
    ///
    /// # Errors
    /// [`Error::WeakKey`].
    pub fn new(
        key: &DataKey,
        to: &[Recipient],
        spec: Blob,
        blobs: Vec<Blob>,
        output_limit: u64,
    ) -> Result<Self> {
        Ok(Self {
            key: age::head(&key.0, to)?,
            spec,
            blobs,
            output_limit,
        })
    }

    /// The envelope in stored bytes; nothing where they are no private job's.
    ///
    /// # Errors
    /// [`Error::Envelope`] for one that is not as it must be.
    pub fn of(stored: &[u8]) -> Result<Option<Self>> {
        let Some(fields) = crate::read::<Fields>(stored)? else {
            return Ok(None);
        };
        let blobs: Option<Vec<Blob>> = fields.blobs.iter().map(Named::blob).collect();
        let (Some(spec), Some(blobs)) = (fields.spec.blob(), blobs) else {
            return Err(Error::Envelope("a name is no hash".into()));
        };
        Ok(Some(Self {
            key: fields.key,
            spec,
            blobs,
            output_limit: fields.output_limit,
        }))
    }

    /// The bytes that are stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        crate::write(Fields {
            key: self.key.clone(),
            spec: Named::from(&self.spec),
            blobs: self.blobs.iter().map(Named::from).collect(),
            output_limit: self.output_limit,
        })
    }

    /// The sealed spec.
    pub fn spec(&self) -> Blob {
        self.spec
    }

    /// All that the customer puts beside the envelope.
    pub fn named(&self) -> impl Iterator<Item = Blob> + '_ {
        std::iter::once(self.spec).chain(self.blobs.iter().copied())
    }

    /// Most output of a run, bytes of plain text.
    pub fn output_limit(&self) -> u64 {
        self.output_limit
    }

    /// Opens it by one of the identities.
    ///
    /// # Errors
    /// [`Error::NotForUs`].
    pub fn unlock(self, by: &[Identity]) -> Result<Private> {
        let key = age::unlock(&self.key, by).ok_or(Error::NotForUs)?;
        Ok(Private {
            envelope: self,
            key: DataKey(key),
        })
    }
}

/// An envelope that was opened.
#[derive(Clone, Debug)]
pub struct Private {
    envelope: Envelope,
    key: DataKey,
}

impl Private {
    /// The envelope.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// The data key: whoever has it reads all of the job.
    pub fn key(&self) -> &DataKey {
        &self.key
    }

    /// Whether the envelope holds the data key for a recipient: the very stanza that the key makes.
    pub fn is_for(&self, to: &Recipient) -> bool {
        age::is_for(&self.envelope.key, &self.key.0, to)
    }

    /// The first seat that serves at `now` and cannot open the job: it would find it unrunnable.
    pub fn leaves_out(&self, committee: &Committee, now: i64) -> Option<usize> {
        committee.seats.iter().position(|seat| {
            let recipient = Recipient::of_key(&seat.attester);
            seat.is_eligible(now) && recipient.is_some_and(|to| !self.is_for(&to))
        })
    }

    /// Opens the sealed spec: its stored bytes, and the same read. It must fit the envelope.
    ///
    /// # Errors
    /// What does not open, is no spec, or names other blobs than the envelope.
    pub fn open_spec(&self, sealed: &[u8]) -> Result<(Zeroizing<Vec<u8>>, JobSpec)> {
        let stored = self.key.open(sealed)?;
        // the parser's own words would tell what is in it
        let spec = JobSpec::parse(&stored)
            .map_err(|_| Error::WrongContent("its spec is none of runtime 1"))?;
        let sizes = spec.blobs().into_iter().map(|blob| sealed_size(blob.size));
        if !sizes.eq(self.envelope.blobs.iter().map(|blob| blob.size)) {
            return Err(Error::WrongContent("the spec names other blobs"));
        }
        if spec.output_limit != self.envelope.output_limit {
            return Err(Error::WrongContent("the spec has another output limit"));
        }
        Ok((stored, spec))
    }

    /// What a blob that the spec names is called in the store.
    pub fn sealed(&self, spec: &JobSpec, plain: &[u8; 32]) -> Option<Blob> {
        let at = spec.blobs().iter().position(|blob| blob.sha256 == *plain)?;
        self.envelope.blobs.get(at).copied()
    }

    /// Opens a sealed blob that is to hold `plain`.
    ///
    /// # Errors
    /// What does not open, and what holds something else.
    pub fn open(&self, plain: &Blob, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let opened = self.key.open(sealed)?;
        if Blob::of(&opened) != *plain {
            return Err(Error::WrongContent("a blob has another hash"));
        }
        Ok(opened)
    }
}

/// For documents that map names.
pub(crate) fn hash_or(text: &str, what: &'static str) -> Result<[u8; 32]> {
    hash(text).ok_or(Error::WrongContent(what))
}
