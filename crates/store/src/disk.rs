//! Objects in a folder of this machine that a power cut does not take away.
//!
//! `object_store` writes a file, renames it and syncs neither: what a gateway has answered for may be cut short or gone when
//! the machine comes back. Here the bytes are on the disk before their name is, and the name before anybody hears of it.

use crate::{Error, Result};
use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

/// The folder of a store.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    folder: Arc<Path>,
    /// Tells apart what is written at the same time.
    next: Arc<AtomicU64>,
}

impl Disk {
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.into(),
            next: Arc::default(),
        }
    }

    /// Puts an object in its place, which `fill` writes; where that fails, nothing changes.
    pub(crate) async fn put(
        &self,
        name: String,
        fill: impl FnOnce(&mut File) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let (disk, path) = (self.clone(), self.folder.join(&name));
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        // what `object_store` lists never, as its own files on their way are called so too
        let staged = self.folder.join(format!("{name}#{number}"));
        let broke = Error::file(path.clone());
        let put = move || {
            let put = disk.write(&staged, &path, fill);
            if put.is_err() {
                // it may never have been there
                let _ = std::fs::remove_file(&staged);
            }
            put
        };
        let put = tokio::task::spawn_blocking(put).await;
        put.map_err(|error| broke(std::io::Error::other(error)))?
    }

    /// Removes what a crash left half written.
    pub(crate) fn remove_staged(&self) -> Result<()> {
        remove_staged(&self.folder).map_err(Error::file(&*self.folder))
    }

    fn write(
        &self,
        staged: &Path,
        path: &Path,
        fill: impl FnOnce(&mut File) -> Result<()>,
    ) -> Result<()> {
        let mut file = loop {
            match File::create(staged) {
                // also where somebody took an empty folder away just now
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    let parent = path.parent().unwrap_or(&self.folder);
                    std::fs::create_dir_all(parent).map_err(Error::file(parent))?;
                }
                made => break made.map_err(Error::file(staged))?,
            }
        };
        fill(&mut file)?;
        file.sync_all().map_err(Error::file(staged))?;
        drop(file);
        std::fs::rename(staged, path).map_err(Error::file(path))?;
        // the name stands in its folder, and a folder that is new in the one above
        let above = path.ancestors().skip(1);
        for folder in above.take_while(|folder| folder.starts_with(&self.folder)) {
            let synced = File::open(folder).and_then(|folder| folder.sync_all());
            synced.map_err(Error::file(folder))?;
        }
        Ok(())
    }
}

fn remove_staged(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.rsplit_once('#'));
        if entry.file_type()?.is_dir() {
            remove_staged(&entry.path())?;
        } else if number.is_some_and(|(_, number)| number.parse::<u64>().is_ok()) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
