//! The disk that results and blobs lie on.

use crate::{Error, Result};
use lode_store::{tells_of_a_full_disk, BlobCache};
use std::path::Path;

/// Bytes that are free on the disk of a folder, for this user.
#[cfg(unix)]
pub(crate) fn free_bytes(folder: &Path) -> std::io::Result<u64> {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(folder.as_os_str().as_bytes())?;
    // SAFETY: all fields of the struct are numbers: zero is a value of each.
    let mut stat: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: `path` ends in a zero byte and `stat` is a live struct of the type that the call writes.
    if unsafe { libc::statvfs(path.as_ptr(), &mut stat) } != 0 {
        return Err(std::io::Error::last_os_error());
    }
    #[allow(clippy::useless_conversion)]
    let (blocks, size) = (u64::from(stat.f_bavail), u64::from(stat.f_frsize));
    Ok(blocks.saturating_mul(size))
}

#[cfg(not(unix))]
pub(crate) fn free_bytes(_: &Path) -> std::io::Result<u64> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// The disk, or what this user may have of it, is full.
pub(crate) fn is_full(error: &Error) -> bool {
    match error {
        Error::File { source, .. } => tells_of_a_full_disk(source),
        Error::Store(error) => error.is_of_a_full_disk(),
        _ => false,
    }
}

/// So many bytes have room beside the cache of blobs, which forgets all that nobody uses where that makes it so.
pub(crate) async fn require(needed: u64, blobs: &BlobCache) -> Result<()> {
    // where it is not known, writing shows it
    let free = || free_bytes(blobs.folder()).unwrap_or(u64::MAX);
    if free() >= needed {
        return Ok(());
    }
    // a cache that is emptied in vain is fetched again
    let loose = blobs.loose_bytes().await?;
    if free().saturating_add(loose) >= needed {
        blobs.trim(0).await?;
    }
    let left = free();
    if left >= needed {
        return Ok(());
    }
    Err(Error::DiskFull {
        folder: blobs.folder().into(),
        free_mib: left >> 20,
        needed_mib: needed.div_ceil(1 << 20),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use lode_store::BlobHash;
    use std::io::ErrorKind;

    #[tokio::test]
    async fn the_cache_gives_way_only_where_the_disk_is_too_small() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = BlobCache::open(folder.path()).unwrap();
        let (used, _) = blobs.insert(b"used".to_vec()).await.unwrap();
        let (unused, _) = blobs.insert(b"unused".to_vec()).await.unwrap();
        let _hold = blobs.hold([used]);
        let is_there = |blob: BlobHash| blobs.path(blob).exists();
        require(0, &blobs).await.unwrap();
        assert!(is_there(used) && is_there(unused));
        let error = require(u64::MAX - 1, &blobs).await.unwrap_err();
        assert!(matches!(error, Error::DiskFull { .. }), "{error}");
        // not even then, where it would not help
        assert!(is_there(used) && is_there(unused));
        // where it may: a file as large as what is missing, of holes
        let hole = std::fs::File::create(blobs.path(BlobHash::of(b"hole"))).unwrap();
        hole.set_len(1 << 33).unwrap();
        let more = free_bytes(folder.path()).unwrap() + (1 << 32);
        let error = require(more, &blobs).await.unwrap_err();
        assert!(matches!(error, Error::DiskFull { .. }), "{error}");
        assert!(is_there(used) && !is_there(unused));
    }

    #[test]
    fn a_disk_is_full_whoever_says_so_and_a_file_that_is_missing_is_another_thing() {
        let file = |kind: ErrorKind| Error::File {
            path: "results".into(),
            source: kind.into(),
        };
        let blob = |kind: ErrorKind| lode_store::Error::File {
            path: "blobs".into(),
            source: kind.into(),
        };
        assert!(is_full(&file(ErrorKind::StorageFull)));
        assert!(is_full(&blob(ErrorKind::QuotaExceeded).into()));
        assert!(!is_full(&blob(ErrorKind::NotFound).into()));
        assert!(!is_full(&Error::Runtime("full".into())));
    }
}
