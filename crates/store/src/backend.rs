//! Blobs in any `object_store`.

use crate::disk::Disk;
use crate::{names, Attestation, BlobHash, Error, Hasher, Result};
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::path::Path as Key;
use object_store::prefix::PrefixStore;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutPayload, WriteMultipart};
use solana_address::Address;
use std::io::{Read, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use tokio::io::AsyncReadExt;

/// Bytes of one part of an upload to the back end.
const PART: usize = 8 * 1024 * 1024;
/// Bytes that are read of a file at a time.
const PIECE: usize = 256 * 1024;

/// Blobs and attestations in an object store: a folder, a bucket.
#[derive(Clone, Debug)]
pub struct BlobStore {
    objects: Arc<dyn ObjectStore>,
    /// Where the back end is a folder, what is put goes by this.
    disk: Option<Disk>,
}

/// A part of a blob on its way out.
pub struct BlobPart {
    /// Size of the whole blob.
    pub size: u64,
    /// Which of its bytes come.
    pub range: Range<u64>,
    /// They.
    pub bytes: BoxStream<'static, Result<Bytes>>,
}

impl BlobStore {
    /// Over any back end.
    pub fn new(objects: Arc<dyn ObjectStore>) -> Self {
        Self {
            objects,
            disk: None,
        }
    }

    /// In a folder, which is made where it is missing.
    pub fn in_folder(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
        let objects = object_store::local::LocalFileSystem::new_with_prefix(folder)?
            .with_automatic_cleanup(true);
        Ok(Self {
            objects: Arc::new(objects),
            disk: Some(Disk::new(folder)),
        })
    }

    /// Removes from a folder what a crash left half written, which no list shows. Only for whoever is alone in it: what
    /// another process is writing goes too.
    pub fn remove_staged(&self) -> Result<()> {
        self.disk.as_ref().map_or(Ok(()), Disk::remove_staged)
    }

    /// At an address such as `s3://bucket/prefix` (credentials from the environment, as the back end names them) or a
    /// folder's path.
    pub fn at(address: &str) -> Result<Self> {
        Self::with_options(address, std::env::vars())
    }

    /// At an address, with options as the back end names them: `aws_endpoint`, `aws_access_key_id`; what it does not know
    /// is passed over.
    pub fn with_options(
        address: &str,
        options: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self> {
        let Ok(url) = url::Url::parse(address) else {
            return Self::in_folder(Path::new(address));
        };
        if url.scheme() == "file" {
            let folder = url.to_file_path().map_err(|()| Error::BadUrl {
                url: address.into(),
                reason: "it is no path of this machine".into(),
            })?;
            return Self::in_folder(&folder);
        }
        let options = options.into_iter().map(|(k, v)| (k.to_lowercase(), v));
        let (objects, prefix) = object_store::parse_url_opts(&url, options)?;
        Ok(Self::new(Arc::new(PrefixStore::new(objects, prefix))))
    }

    /// Size of a blob, or `None` where it is not here.
    pub async fn size(&self, blob: BlobHash) -> Result<Option<u64>> {
        found(self.objects.head(&Key::from(names::blob(&blob))).await)
            .map(|meta| meta.map(|m| m.size))
    }

    /// A blob, or the part of it that `range` asks for; `None` where it is not here.
    pub async fn read(&self, blob: BlobHash, range: Option<GetRange>) -> Result<Option<BlobPart>> {
        let options = GetOptions {
            range,
            ..GetOptions::default()
        };
        let key = Key::from(names::blob(&blob));
        let Some(got) = found(self.objects.get_opts(&key, options).await)? else {
            return Ok(None);
        };
        Ok(Some(BlobPart {
            size: got.meta.size,
            range: got.range.clone(),
            bytes: got.into_stream().map_err(Error::from).boxed(),
        }))
    }

    /// A blob of at most `limit` bytes, whole, its hash checked.
    pub async fn get(&self, blob: BlobHash, limit: u64) -> Result<Option<Bytes>> {
        let key = Key::from(names::blob(&blob));
        let Some(got) = found(self.objects.get(&key).await)? else {
            return Ok(None);
        };
        if got.meta.size > limit {
            return Err(Error::TooLarge {
                what: format!("blob {blob}"),
                limit,
            });
        }
        let bytes = got.bytes().await?;
        require(blob, BlobHash::of(&bytes))?;
        Ok(Some(bytes))
    }

    /// Keeps a file's bytes as the blob `blob`. It becomes visible only after its hash has been found right.
    pub async fn put_file(&self, blob: BlobHash, file: &Path) -> Result<()> {
        if let Some(disk) = &self.disk {
            let file = file.to_owned();
            let fill = move |to: &mut std::fs::File| copy(blob, &file, to);
            return disk.put(names::blob(&blob), fill).await;
        }
        let key = Key::from(names::blob(&blob));
        let mut reader = tokio::fs::File::open(file)
            .await
            .map_err(Error::file(file))?;
        let size = reader.metadata().await.map_err(Error::file(file))?.len();
        if size <= PART as u64 {
            let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(PART));
            let read = reader.read_to_end(&mut bytes).await;
            read.map_err(Error::file(file))?;
            return self.put_bytes(blob, bytes).await;
        }
        let mut part =
            WriteMultipart::new_with_chunk_size(self.objects.put_multipart(&key).await?, PART);
        let mut hasher = Hasher::default();
        let mut piece = vec![0; PIECE];
        let copied = loop {
            match reader.read(&mut piece).await {
                Ok(0) => break Ok(()),
                Ok(n) => {
                    let bytes = piece.get(..n).unwrap_or_default();
                    hasher.update(bytes);
                    if let Err(e) = part.wait_for_capacity(2).await {
                        break Err(Error::from(e));
                    }
                    part.write(bytes);
                }
                Err(e) => break Err(Error::file(file)(e)),
            }
        };
        if let Err(error) = copied.and(require(blob, hasher.name())) {
            part.abort().await?;
            return Err(error);
        }
        part.finish().await?;
        Ok(())
    }

    async fn put_bytes(&self, blob: BlobHash, bytes: Vec<u8>) -> Result<()> {
        require(blob, BlobHash::of(&bytes))?;
        self.put_object(&names::blob(&blob), bytes).await
    }

    /// Whether a blob's bytes still have its hash; `None` where it is not here. Reads it in pieces.
    pub async fn is_whole(&self, blob: BlobHash) -> Result<Option<bool>> {
        let Some(mut part) = self.read(blob, None).await? else {
            return Ok(None);
        };
        let mut hasher = Hasher::default();
        while let Some(bytes) = part.bytes.try_next().await? {
            hasher.update(&bytes);
        }
        Ok(Some(hasher.name() == blob))
    }

    /// Forgets a blob; it is no error if it was not here.
    pub async fn delete(&self, blob: BlobHash) -> Result<()> {
        self.delete_object(&names::blob(&blob)).await
    }

    /// A seat's attestation of an attempt.
    pub async fn attestation(
        &self,
        job: &Address,
        attempt: u8,
        seat: u8,
    ) -> Result<Option<Attestation>> {
        let key = Key::from(names::attestation(job, attempt, seat));
        match found(self.objects.get(&key).await)? {
            Some(got) => Attestation::from_bytes(&got.bytes().await?).map(Some),
            None => Ok(None),
        }
    }

    /// Keeps a seat's attestation of an attempt, in place of an earlier one.
    pub async fn put_attestation(
        &self,
        job: &Address,
        attempt: u8,
        seat: u8,
        attestation: &Attestation,
    ) -> Result<()> {
        self.put_object(
            &names::attestation(job, attempt, seat),
            attestation.to_bytes().to_vec(),
        )
        .await
    }

    /// Forgets all attestations of a job.
    pub async fn delete_attestations(&self, job: &Address) -> Result<()> {
        for name in self.list(&format!("attest/{job}")).await? {
            self.delete_object(&name).await?;
        }
        Ok(())
    }

    /// Names of all objects below `prefix`, for whoever keeps this store; a gateway shows no list to anyone.
    pub async fn list(&self, prefix: &str) -> Result<Vec<String>> {
        let found = self
            .objects
            .list(Some(&Key::from(prefix)))
            .map_ok(|meta| meta.location.to_string());
        Ok(found.try_collect().await?)
    }

    /// Keeps a small object beside the blobs, in place of an earlier one.
    pub async fn put_object(&self, name: &str, bytes: Vec<u8>) -> Result<()> {
        if let Some(disk) = &self.disk {
            let place = std::path::PathBuf::from(name);
            let fill =
                move |to: &mut std::fs::File| to.write_all(&bytes).map_err(Error::file(place));
            return disk.put(name.to_owned(), fill).await;
        }
        self.objects
            .put(&Key::from(name), PutPayload::from(bytes))
            .await?;
        Ok(())
    }

    /// Forgets an object; it is no error if it was not here.
    pub async fn delete_object(&self, name: &str) -> Result<()> {
        found(self.objects.delete(&Key::from(name)).await).map(|_| ())
    }
}

/// The bytes are those that the name stands for.
fn require(expected: BlobHash, found: BlobHash) -> Result<()> {
    if found == expected {
        Ok(())
    } else {
        Err(Error::WrongHash { expected, found })
    }
}

/// Copies the blob `blob` from one file to another.
fn copy(blob: BlobHash, file: &Path, to: &mut std::fs::File) -> Result<()> {
    let mut from = std::fs::File::open(file).map_err(Error::file(file))?;
    let mut hasher = Hasher::default();
    let mut piece = vec![0; PIECE];
    loop {
        let length = from.read(&mut piece).map_err(Error::file(file))?;
        let bytes = piece.get(..length).unwrap_or_default();
        if bytes.is_empty() {
            return require(blob, hasher.name());
        }
        hasher.update(bytes);
        to.write_all(bytes).map_err(Error::file(file))?;
    }
}

fn found<T>(result: object_store::Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn store() -> (tempfile::TempDir, BlobStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = BlobStore::at(folder.path().to_str().unwrap()).unwrap();
        (folder, store)
    }

    #[tokio::test]
    async fn a_blob_becomes_visible_only_under_its_own_name() {
        let (folder, store) = store();
        let file = folder.path().join("upload");
        std::fs::write(&file, b"lode").unwrap();
        let blob = BlobHash::of(b"lode");
        let other = BlobHash::of(b"other");
        let error = store.put_file(other, &file).await.unwrap_err();
        assert!(matches!(error, Error::WrongHash { .. }), "{error}");
        assert_eq!(store.size(other).await.unwrap(), None);
        assert_eq!(store.list("blobs").await.unwrap(), Vec::<String>::new());

        store.put_file(blob, &file).await.unwrap();
        assert_eq!(store.size(blob).await.unwrap(), Some(4));
        assert_eq!(store.get(blob, 4).await.unwrap().unwrap(), &b"lode"[..]);
        assert!(matches!(
            store.get(blob, 3).await,
            Err(Error::TooLarge { .. })
        ));
        store.delete(blob).await.unwrap();
        store.delete(blob).await.unwrap();
        assert_eq!(store.get(blob, 4).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_damaged_blob_is_not_handed_out_as_whole() {
        let (folder, store) = store();
        let blob = BlobHash::of(b"lode");
        std::fs::create_dir_all(folder.path().join("blobs")).unwrap();
        std::fs::write(folder.path().join(names::blob(&blob)), b"mode").unwrap();
        assert!(matches!(
            store.get(blob, 10).await,
            Err(Error::WrongHash { .. })
        ));
        assert_eq!(store.is_whole(blob).await.unwrap(), Some(false));
        let absent = store.is_whole(BlobHash::of(b"other")).await;
        assert_eq!(absent.unwrap(), None);
    }

    #[tokio::test]
    async fn what_a_crash_left_half_written_is_neither_shown_nor_in_the_way() {
        let (folder, store) = store();
        let blob = BlobHash::of(b"lode");
        let half = |number| {
            let half = folder
                .path()
                .join(format!("{}#{number}", names::blob(&blob)));
            std::fs::create_dir_all(half.parent().unwrap()).unwrap();
            std::fs::write(&half, b"lo").unwrap();
            half
        };
        half(0);
        let other = half(17);
        assert_eq!(store.size(blob).await.unwrap(), None);
        assert_eq!(store.list("blobs").await.unwrap(), Vec::<String>::new());
        let file = folder.path().join("upload");
        std::fs::write(&file, b"lode").unwrap();
        store.put_file(blob, &file).await.unwrap();
        assert_eq!(store.is_whole(blob).await.unwrap(), Some(true));
        assert_eq!(store.list("blobs").await.unwrap(), [names::blob(&blob)]);
        store.remove_staged().unwrap();
        assert!(!other.exists());
        assert_eq!(store.is_whole(blob).await.unwrap(), Some(true));
    }

    #[tokio::test]
    async fn objects_come_and_go_in_the_same_folder_at_once() {
        let (_folder, store) = store();
        let turns = (0..8).map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let name = format!("blobs/{n}");
                for _ in 0..50 {
                    store.put_object(&name, vec![n]).await.unwrap();
                    store.delete_object(&name).await.unwrap();
                }
            })
        });
        for turn in turns.collect::<Vec<_>>() {
            turn.await.unwrap();
        }
        assert_eq!(store.list("blobs").await.unwrap(), Vec::<String>::new());
    }

    #[tokio::test]
    async fn an_empty_blob_is_kept_like_any_other() {
        let (folder, store) = store();
        let file = folder.path().join("upload");
        std::fs::write(&file, b"").unwrap();
        let blob = BlobHash::of(b"");
        store.put_file(blob, &file).await.unwrap();
        assert_eq!(store.get(blob, 0).await.unwrap().unwrap(), &b""[..]);
    }

    #[tokio::test]
    async fn attestations_of_a_job_go_together() {
        let (_folder, store) = store();
        let (job, other) = (
            Address::new_from_array([1; 32]),
            Address::new_from_array([2; 32]),
        );
        let attestation = Attestation {
            verdict: 1,
            signature: Default::default(),
        };
        for (job, attempt, seat) in [(job, 1, 0), (job, 2, 31), (other, 1, 0)] {
            store
                .put_attestation(&job, attempt, seat, &attestation)
                .await
                .unwrap();
        }
        store.delete_attestations(&job).await.unwrap();
        assert_eq!(store.attestation(&job, 1, 0).await.unwrap(), None);
        assert_eq!(store.attestation(&job, 2, 31).await.unwrap(), None);
        assert_eq!(
            store.attestation(&other, 1, 0).await.unwrap(),
            Some(attestation)
        );
    }
}
