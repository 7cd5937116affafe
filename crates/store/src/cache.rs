//! Blobs on this machine's disk.

use crate::{BlobHash, Error, GatewayClient, Result, Writer, MOST_SPEC_BYTES};
use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// A folder of blobs, each in a file of its name. A cache and nothing more: whatever is missing or damaged is fetched
/// again. Several processes may share one.
#[derive(Clone, Debug)]
pub struct BlobCache {
    folder: PathBuf,
    held: Held,
}

/// How many hold a blob, by its path.
#[derive(Clone, Debug, Default)]
struct Held(Arc<Mutex<HashMap<PathBuf, usize>>>);

impl Held {
    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, usize>> {
        // whoever panicked with it in hand changed one count or none
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Blobs that are in use: [`BlobCache::trim`] leaves them where they are while this lives.
#[derive(Debug)]
pub struct Hold {
    held: Held,
    paths: Vec<PathBuf>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut held = self.held.lock();
        for path in &self.paths {
            if let Some(count) = held.get_mut(path) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    held.remove(path);
                }
            }
        }
    }
}

impl BlobCache {
    /// Opens the cache in `folder`, which is made where it is missing.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self> {
        let folder = folder.into();
        std::fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
        Ok(Self {
            folder,
            held: Held::default(),
        })
    }

    /// Holds blobs, whether they are here or still come.
    pub fn hold(&self, blobs: impl IntoIterator<Item = BlobHash>) -> Hold {
        let paths: Vec<PathBuf> = blobs.into_iter().map(|blob| self.path(blob)).collect();
        let mut held = self.held.lock();
        for path in &paths {
            let count = held.entry(path.clone()).or_default();
            *count = count.saturating_add(1);
        }
        drop(held);
        Hold {
            held: self.held.clone(),
            paths,
        }
    }

    /// Where a blob is, or would be.
    pub fn path(&self, blob: BlobHash) -> PathBuf {
        self.folder.join(blob.to_string())
    }

    /// The path of a blob that is here and whole; a damaged one is removed.
    pub async fn find(&self, blob: BlobHash) -> Result<Option<PathBuf>> {
        let path = self.path(blob);
        let checked = blocking(move || {
            if !path.is_file() {
                return Ok(None);
            }
            if BlobHash::of_file(&path)?.0 == blob {
                // the file's time is what `trim` goes by; a failure only makes it older than it is
                if let Ok(file) = std::fs::File::open(&path) {
                    let _ = file.set_modified(SystemTime::now());
                }
                return Ok(Some(path));
            }
            tracing::warn!(%blob, "damaged in the cache, fetched again");
            std::fs::remove_file(&path).map_err(Error::file(&path))?;
            Ok(None)
        });
        checked.await
    }

    /// The path of a blob of at most `limit` bytes, fetched from the gateway where it is not here.
    pub async fn get(
        &self,
        blob: BlobHash,
        limit: u64,
        gateway: &GatewayClient,
    ) -> Result<PathBuf> {
        let path = match self.find(blob).await? {
            Some(path) => path,
            None => {
                let path = self.path(blob);
                gateway.fetch(blob, limit, &path).await?;
                path
            }
        };
        let size = std::fs::metadata(&path).map_err(Error::file(&path))?.len();
        if size > limit {
            return Err(Error::TooLarge {
                what: format!("blob {blob}"),
                limit,
            });
        }
        Ok(path)
    }

    /// Puts an output that is here; `spec` is the job's. Where a gateway wants the spec first and that is not here any more,
    /// it is fetched from another one.
    pub async fn put_output(
        &self,
        writer: &Writer<'_>,
        spec: BlobHash,
        output: BlobHash,
        gateway: &GatewayClient,
    ) -> Result<()> {
        let (spec_at, output_at) = (self.path(spec), self.path(output));
        let put = || gateway.put_output(writer, &spec_at, output_at.as_path());
        match put().await {
            Err(Error::File { path, .. }) if path == spec_at && !spec_at.is_file() => {}
            put => return put.map(|_| ()),
        }
        self.get(spec, MOST_SPEC_BYTES, gateway).await?;
        put().await.map(|_| ())
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps bytes under their name: whole or not at all.
    pub async fn insert(&self, bytes: Vec<u8>) -> Result<(BlobHash, PathBuf)> {
        self.insert_shared(Arc::new(bytes)).await
    }

    /// The same of bytes that the caller still has where it fails.
    pub async fn insert_shared(&self, bytes: Arc<Vec<u8>>) -> Result<(BlobHash, PathBuf)> {
        let folder = self.folder.clone();
        blocking(move || {
            let blob = BlobHash::of(&bytes);
            let path = folder.join(blob.to_string());
            let write = || -> std::io::Result<()> {
                // named as a partial download is: who holds the blob holds it too
                let name = format!("{blob}.");
                let mut file = tempfile::Builder::new()
                    .prefix(&name)
                    .tempfile_in(&folder)?;
                std::io::Write::write_all(&mut file, &bytes)?;
                file.as_file().sync_all()?;
                file.persist(&path)?;
                Ok(())
            };
            write().map_err(Error::file(&path))?;
            Ok((blob, path))
        })
        .await
    }

    /// Removes what was used longest ago until at most `most` bytes are left, or nothing but what is held. Partial
    /// downloads count and go too.
    pub async fn trim(&self, most: u64) -> Result<()> {
        let (folder, held) = (self.folder.clone(), self.held.clone());
        blocking(move || {
            let mut files = list(&folder).map_err(Error::file(&folder))?;
            files.sort();
            let mut total = files
                .iter()
                .fold(0u64, |sum, (_, size, _)| sum.saturating_add(*size));
            for (_, size, path) in files {
                if total <= most {
                    break;
                }
                // locked until it is gone: nobody holds it meanwhile
                let held = held.lock();
                if held.contains_key(&blob_of(&path)) {
                    continue;
                }
                match std::fs::remove_file(&path) {
                    // whoever else makes room was first
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    removed => removed.map_err(Error::file(&path))?,
                }
                total = total.saturating_sub(size);
            }
            Ok(())
        })
        .await
    }

    /// Bytes that nobody holds: what trimming to nothing makes free.
    pub async fn loose_bytes(&self) -> Result<u64> {
        let (folder, held) = (self.folder.clone(), self.held.clone());
        blocking(move || {
            let files = list(&folder).map_err(Error::file(&folder))?;
            let held = held.lock();
            let loose = files
                .iter()
                .filter(|(_, _, path)| !held.contains_key(&blob_of(path)));
            Ok(loose.fold(0, |sum: u64, (_, size, _)| sum.saturating_add(*size)))
        })
        .await
    }
}

/// Where the blob is, or will be, that a file belongs to: of one that is not whole yet, what stands before the first dot is
/// its name.
fn blob_of(path: &Path) -> PathBuf {
    let name = path.file_name().and_then(|name| name.to_str());
    let blob = name.and_then(|name| name.split('.').next());
    path.with_file_name(blob.unwrap_or_default())
}

/// Time, size and path of every file; what is gone meanwhile is left out.
fn list(folder: &Path) -> std::io::Result<Vec<(SystemTime, u64, PathBuf)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let about = match entry.metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            about => about?,
        };
        if about.is_file() {
            files.push((about.modified()?, about.len(), entry.path()));
        }
    }
    Ok(files)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| Error::file("blob cache")(std::io::Error::other(e)))?
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn a_damaged_blob_leaves_the_cache() {
        let folder = tempfile::tempdir().unwrap();
        let cache = BlobCache::open(folder.path()).unwrap();
        let (blob, path) = cache.insert(b"lode".to_vec()).await.unwrap();
        assert_eq!(cache.find(blob).await.unwrap(), Some(path.clone()));
        std::fs::write(&path, b"mode").unwrap();
        assert_eq!(cache.find(blob).await.unwrap(), None);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_is_not_whole_yet_is_held_with_its_blob_and_two_may_make_room_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let cache = BlobCache::open(folder.path()).unwrap();
        let (coming, other) = (BlobHash::of(b"coming"), BlobHash::of(b"other"));
        let part = |blob: BlobHash| folder.path().join(format!("{blob}.x1"));
        for blob in [coming, other] {
            std::fs::write(part(blob), b"half").unwrap();
        }
        let _hold = cache.hold([coming]);
        assert_eq!(cache.loose_bytes().await.unwrap(), 4);
        let (one, two) = tokio::join!(cache.trim(0), cache.trim(0));
        one.unwrap();
        two.unwrap();
        assert!(part(coming).exists() && !part(other).exists());
        assert_eq!(cache.loose_bytes().await.unwrap(), 0);
        // what is written here is named so too
        let file = tempfile::Builder::new()
            .prefix(&format!("{coming}."))
            .tempfile_in(folder.path())
            .unwrap();
        assert_eq!(blob_of(file.path()), cache.path(coming));
    }

    #[tokio::test]
    async fn the_cache_forgets_what_was_used_longest_ago() {
        let folder = tempfile::tempdir().unwrap();
        let cache = BlobCache::open(folder.path()).unwrap();
        let mut blobs = Vec::new();
        for (age, bytes) in [(300, [1; 100]), (200, [2; 100]), (100, [3; 100])] {
            let (blob, path) = cache.insert(bytes.to_vec()).await.unwrap();
            let then = SystemTime::now() - std::time::Duration::from_secs(age);
            std::fs::File::open(path)
                .unwrap()
                .set_modified(then)
                .unwrap();
            blobs.push(blob);
        }
        // using the oldest makes it the youngest
        assert!(cache.find(blobs[0]).await.unwrap().is_some());
        cache.trim(200).await.unwrap();
        assert!(cache.find(blobs[0]).await.unwrap().is_some());
        assert!(cache.find(blobs[1]).await.unwrap().is_none());
        assert!(cache.find(blobs[2]).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn what_is_held_stays_until_nobody_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let cache = BlobCache::open(folder.path()).unwrap();
        let (used, path) = cache.insert(vec![1; 100]).await.unwrap();
        let partial = path.with_extension("0123456789abcdef.partial");
        std::fs::write(&partial, [1; 50]).unwrap();
        let (_, other) = cache.insert(vec![2; 100]).await.unwrap();
        let then = SystemTime::now() - std::time::Duration::from_secs(300);
        let file = std::fs::File::open(&path).unwrap();
        file.set_modified(then).unwrap();
        let (first, second) = (cache.hold([used]), cache.clone().hold([used]));
        cache.trim(100).await.unwrap();
        assert!(path.exists() && partial.exists() && !other.exists());
        drop(first);
        cache.trim(0).await.unwrap();
        assert!(path.exists());
        drop(second);
        cache.trim(0).await.unwrap();
        assert!(!path.exists());
    }
}
