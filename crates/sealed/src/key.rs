//! Who can open what: identities and recipients.

use crate::{age, Error, Result};
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::MontgomeryPoint;
use rand::RngCore;
use sha2::{Digest, Sha512};
use solana_address::Address;
use solana_keypair::Keypair;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use zeroize::Zeroizing;

/// File of a node's identities in its agent's folder.
const FILE: &str = "encryption.key";

/// Whoever a data key is wrapped for: an X25519 public key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Recipient(pub [u8; 32]);

impl Recipient {
    /// The recipient that a wallet or a seat's attester is: its Ed25519 key on the other curve. Nothing for what is no
    /// key of anybody, such as most addresses of programs.
    pub fn of_key(key: &Address) -> Option<Self> {
        let point = CompressedEdwardsY(key.to_bytes()).decompress()?;
        (!point.is_small_order()).then(|| Self(point.to_montgomery().0))
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for Recipient {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let key = crate::hash(text).map(Self);
        // the very keys that `head` refuses
        key.filter(|key| *Identity::from_secret([1; 32]).shared(key) != [0; 32])
            .ok_or_else(|| Error::NotAKey(text.chars().take(80).collect()))
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The secret half of a [`Recipient`].
#[derive(Clone)]
pub struct Identity(Zeroizing<[u8; 32]>);

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.recipient())
    }
}

impl Identity {
    pub(crate) fn from_secret(secret: [u8; 32]) -> Self {
        Self(Zeroizing::new(secret))
    }

    /// A new one.
    pub fn random() -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        rand::rngs::OsRng.fill_bytes(&mut *secret);
        Self(secret)
    }

    /// The identity that a wallet or a seat's attester has, by its own key.
    pub fn of_key(key: &Keypair) -> Self {
        let hashed = Zeroizing::new(<[u8; 64]>::from(Sha512::digest(key.secret_bytes())));
        let mut secret = Zeroizing::new([0; 32]);
        secret.copy_from_slice(&hashed[..32]);
        Self(secret)
    }

    /// Its public half.
    pub fn recipient(&self) -> Recipient {
        Recipient(MontgomeryPoint::mul_base_clamped(*self.0).0)
    }

    pub(crate) fn shared(&self, with: &Recipient) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(MontgomeryPoint(with.0).mul_clamped(*self.0).0)
    }
}

/// The identities of a node, in its agent's folder: the one that the node's account is to name, and those that it named
/// before, for jobs that were posted then.
#[derive(Clone, Debug)]
pub struct Identities {
    path: PathBuf,
    current: Recipient,
    all: Vec<Identity>,
}

impl Identities {
    /// Those in the folder; where it has none, one is made.
    ///
    /// # Errors
    /// A folder or file that cannot be used, and a file that is none of ours.
    pub fn open(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
        match Self::find(folder)? {
            Some(found) => Ok(found),
            None => Self::renewed(folder.join(FILE), Vec::new()),
        }
    }

    /// Those in the folder, if it has any.
    ///
    /// # Errors
    /// A file that cannot be read, and one that is none of ours.
    pub fn find(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::file(&path)(error)),
        };
        let read = |line: &str| {
            let mut secret = Zeroizing::new([0; 32]);
            hex::decode_to_slice(line, &mut *secret).ok()?;
            Some(Identity(secret))
        };
        let all: Option<Vec<Identity>> = text.lines().map(read).collect();
        let all = all.unwrap_or_default();
        match all.first().map(Identity::recipient) {
            Some(current) => Ok(Some(Self { path, current, all })),
            None => Err(Error::KeyFile(path)),
        }
    }

    /// All of them.
    pub fn all(&self) -> &[Identity] {
        &self.all
    }

    /// The one that the node's account is to name.
    pub fn current(&self) -> Recipient {
        self.current
    }

    /// The same with a new one, which is the current one from now on. Those before stay, and open what was sealed for
    /// them.
    ///
    /// # Errors
    /// A file that cannot be written; then nothing has changed.
    pub fn rotate(self) -> Result<Self> {
        Self::renewed(self.path, self.all)
    }

    fn renewed(path: PathBuf, former: Vec<Identity>) -> Result<Self> {
        let fresh = Identity::random();
        let current = fresh.recipient();
        let mut all = vec![fresh];
        all.extend(former);
        let mut text = Zeroizing::new(String::new());
        for identity in &all {
            text.push_str(&Zeroizing::new(hex::encode(*identity.0)));
            text.push('\n');
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        // a temporary file is its owner's alone from the start
        let write = || -> std::io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(text.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            Ok(())
        };
        write().map_err(Error::file(&path))?;
        Ok(Self { path, current, all })
    }
}

/// The key of one private job: whoever has it reads all of it.
#[derive(Clone)]
pub struct DataKey(pub(crate) Zeroizing<[u8; age::KEY_BYTES]>);

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey")
    }
}

impl DataKey {
    /// A new one.
    pub fn random() -> Self {
        let mut key = Zeroizing::new([0; age::KEY_BYTES]);
        rand::rngs::OsRng.fill_bytes(&mut *key);
        Self(key)
    }

    /// Seals a text. The same text under the same key is the same bytes, on every machine.
    pub fn seal(&self, plain: &[u8]) -> Vec<u8> {
        age::seal(&self.0, plain)
    }

    /// Opens what [`DataKey::seal`] made.
    ///
    /// # Errors
    /// [`Error::NotSealed`].
    pub fn open(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        age::open(&self.0, sealed).ok_or(Error::NotSealed)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_wallet_is_the_recipient_whose_identity_its_key_is() {
        for _ in 0..20 {
            let wallet = Keypair::new();
            let address = Address::new_from_array(wallet_bytes(&wallet));
            let recipient = Recipient::of_key(&address).unwrap();
            assert_eq!(Identity::of_key(&wallet).recipient(), recipient);
        }
        // the neutral point is of low order
        let mut neutral = [0; 32];
        neutral[0] = 1;
        assert_eq!(Recipient::of_key(&Address::new_from_array(neutral)), None);
        // 2 is no y of the curve
        neutral[0] = 2;
        assert_eq!(Recipient::of_key(&Address::new_from_array(neutral)), None);
    }

    fn wallet_bytes(wallet: &Keypair) -> [u8; 32] {
        wallet.to_bytes()[32..].try_into().unwrap()
    }

    #[test]
    fn keys_outlive_the_process_and_old_ones_still_open() {
        let folder = tempfile::tempdir().unwrap();
        let made = Identities::open(folder.path()).unwrap();
        let first = made.current();
        assert_eq!(Identities::open(folder.path()).unwrap().current(), first);
        let second = made.rotate().unwrap().current();
        assert_ne!(first, second);
        let read = Identities::open(folder.path()).unwrap();
        let all: Vec<_> = read.all().iter().map(Identity::recipient).collect();
        assert_eq!(all, [second, first]);
        let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "{names:?}");
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_on_the_machine_reads_the_keys() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        Identities::open(folder.path()).unwrap().rotate().unwrap();
        let about = std::fs::metadata(folder.path().join(FILE)).unwrap();
        assert_eq!(about.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_file_of_keys_is_not_taken_for_none() {
        let folder = tempfile::tempdir().unwrap();
        Identities::open(folder.path()).unwrap();
        let path = folder.path().join(FILE);
        for damage in ["", "00", "zz\n"] {
            std::fs::write(&path, damage).unwrap();
            let refused = Identities::open(folder.path()).unwrap_err();
            assert!(matches!(refused, Error::KeyFile(_)), "{refused}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), damage);
        }
    }
}
