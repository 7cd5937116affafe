//! The folder of a local network: whose it is, who uses it now, and what a start that begins anew forgets.
use anyhow::{bail, Context as _, Result};
use lode_client::cli_config::read_keypair;
use solana_keypair::Keypair;
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// Stands in every folder that `lode localnet` made, and in no other. It is locked while a network runs there.
const MARK: &str = "lode-localnet";
/// What the mark says to whoever opens it.
const SAYS: &str = "`lode localnet` made this folder. When it begins anew it removes chain, gateway, nodes and oracles in here; keys stay.\n";
/// What belongs to one chain, and is worth nothing without it.
const OF_A_CHAIN: [&str; 4] = ["chain", "gateway", "nodes", "oracles"];

/// A folder of this command's own, which no other network uses as long as this lives.
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Takes the folder, which is made where it is missing. One that holds anything without the mark is somebody else's.
    pub fn take(path: &Path) -> Result<Self> {
        let mark = path.join(MARK);
        if !mark.exists() {
            require_empty(path, &mark)?;
            make(path)?;
        }
        let unusable = || cannot_be_used(path);
        let mut lock = File::options()
            .read(true)
            .append(true)
            .create(true)
            .open(&mark)
            .with_context(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "Another `lode localnet` uses the folder {}: stop that one, or name another folder with --folder",
                path.display()
            ),
            Err(TryLockError::Error(error)) => return Err(error).with_context(unusable),
        }
        if lock.metadata().with_context(unusable)?.len() == 0 {
            lock.write_all(SAYS.as_bytes()).with_context(unusable)?;
        }
        Ok(Self {
            path: path.into(),
            _lock: lock,
        })
    }

    /// What is in it, or will be.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn database(&self) -> PathBuf {
        self.join("chain").join("chain.sqlite")
    }

    /// Whether a chain was kept here.
    pub fn has_chain(&self) -> bool {
        self.database().exists()
    }

    /// File for a chain that is kept, in its folder, which is made.
    pub fn chain(&self) -> Result<PathBuf> {
        make(&self.join("chain"))?;
        Ok(self.database())
    }

    /// Removes what belongs to a chain that is gone: its own data, and what agents and gateway remember of it.
    pub fn forget(&self) -> Result<()> {
        for name in OF_A_CHAIN {
            let folder = self.join(name);
            match std::fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(error).with_context(|| {
                        format!(
                            "The old data in {} cannot be removed: remove it yourself",
                            folder.display()
                        )
                    })
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Where a key is.
    pub fn key_file(&self, name: &str) -> PathBuf {
        key_file(&self.path, name)
    }

    /// A key of the network, made at its first start.
    pub fn key(&self, name: &str) -> Result<Keypair> {
        let path = self.key_file(name);
        if path.exists() {
            return Ok(read_keypair(&path)?);
        }
        make(&self.join("keys"))?;
        let key = Keypair::new();
        write_key(&path, &key)?;
        Ok(key)
    }
}

/// Where a key of the network in a folder is.
pub fn key_file(folder: &Path, name: &str) -> PathBuf {
    folder.join("keys").join(format!("{name}.json"))
}

fn cannot_be_used(folder: &Path) -> String {
    format!(
        "The folder {} cannot be used: name another with --folder",
        folder.display()
    )
}

fn make(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| cannot_be_used(folder))
}

fn require_empty(path: &Path, mark: &Path) -> Result<()> {
    let mut entries = match std::fs::read_dir(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(|| cannot_be_used(path))?,
    };
    if entries.next().is_some() {
        bail!(
            "`lode localnet` did not make the folder {}, and there is something in it: name a new one with --folder; if an older lode made it, `touch {}` says so",
            path.display(),
            mark.display()
        );
    }
    Ok(())
}

fn write_key(path: &Path, key: &Keypair) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let text = serde_json::to_string(&key.to_bytes().to_vec())?;
    // Never over a key that is there, and for nobody else to read.
    File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("The key {} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use solana_signer::Signer as _;

    fn refused(path: &Path) -> String {
        Folder::take(path).err().unwrap().to_string()
    }

    #[test]
    fn a_folder_has_one_network_at_a_time() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("network");
        let folder = Folder::take(&path).unwrap();
        let said = refused(&path);
        assert!(
            said.contains("Another `lode localnet`") && said.contains("--folder"),
            "{said}"
        );
        drop(folder);
        let folder = Folder::take(&path).unwrap();
        assert_eq!(std::fs::read_to_string(path.join(MARK)).unwrap(), SAYS);
        let key = folder.key("wallet").unwrap();
        assert_eq!(
            folder.key("wallet").unwrap().pubkey(),
            read_keypair(&folder.key_file("wallet")).unwrap().pubkey()
        );
        assert_eq!(folder.key("wallet").unwrap().pubkey(), key.pubkey());
    }

    #[test]
    fn what_is_forgotten_is_a_chains_data_in_a_folder_of_ones_own() {
        let home = tempfile::tempdir().unwrap();
        let strange = home.path().join("nodes/mine");
        std::fs::create_dir_all(&strange).unwrap();
        let said = refused(home.path());
        assert!(
            said.contains("did not make") && said.contains("--folder"),
            "{said}"
        );
        assert!(strange.exists() && !home.path().join(MARK).exists());
        // a file where the folder should be
        let file = home.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(refused(&file).contains("--folder"));

        let folder = Folder::take(&home.path().join("network")).unwrap();
        // nothing is there yet
        folder.forget().unwrap();
        assert!(!folder.has_chain());
        std::fs::write(folder.chain().unwrap(), "").unwrap();
        assert!(folder.has_chain());
        for name in OF_A_CHAIN {
            std::fs::create_dir_all(folder.join(name).join("deep")).unwrap();
        }
        folder.key("authority").unwrap();
        folder.forget().unwrap();
        assert!(!folder.has_chain());
        assert!(OF_A_CHAIN.iter().all(|name| !folder.join(name).exists()));
        assert!(folder.key_file("authority").exists() && folder.join(MARK).exists());
    }
}
