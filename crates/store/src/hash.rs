//! The name of a blob.

use crate::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// SHA-256 of a blob's bytes: its name. Shown as 64 lower-case hexadecimal digits; nothing else parses, so a name can
/// never be a path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobHash(pub [u8; 32]);

impl BlobHash {
    /// The name of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Name and size of a file's bytes, read in pieces.
    pub fn of_file(path: &Path) -> crate::Result<(Self, u64)> {
        let mut file = std::fs::File::open(path).map_err(Error::file(path))?;
        let mut hasher = Hasher::default();
        std::io::copy(&mut file, &mut hasher).map_err(Error::file(path))?;
        Ok((hasher.name(), hasher.bytes()))
    }
}

impl fmt::Display for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for BlobHash {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::NotAHash(text.chars().take(80).collect());
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| wrong())?;
        Ok(Self(bytes))
    }
}

impl From<[u8; 32]> for BlobHash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl Serialize for BlobHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BlobHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// A name in the making: hashes and counts what is written into it.
#[derive(Clone, Default)]
pub struct Hasher {
    state: Sha256,
    bytes: u64,
}

impl Hasher {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.state.update(bytes);
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
    }

    /// Bytes taken so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The name of everything taken.
    pub fn name(&self) -> BlobHash {
        BlobHash(self.state.clone().finalize().into())
    }
}

impl std::io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_name_is_read_back_as_it_is_shown() {
        let name = BlobHash::of(b"lode");
        assert_eq!(name.to_string().parse::<BlobHash>().unwrap(), name);
        let json = serde_json::to_string(&name).unwrap();
        assert_eq!(json, format!("\"{name}\""));
        assert_eq!(serde_json::from_str::<BlobHash>(&json).unwrap(), name);
    }

    #[test]
    fn only_64_lower_case_digits_are_a_name() {
        let name = BlobHash::of(b"lode").to_string();
        for wrong in [
            "",
            "../../etc/passwd",
            "..",
            &name[1..],
            &format!("{name}0"),
            &name.to_uppercase(),
            &format!("{}/.", &name[2..]),
            &format!(" {}", &name[1..]),
        ] {
            assert!(
                matches!(wrong.parse::<BlobHash>(), Err(Error::NotAHash(_))),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_file_has_the_name_of_its_bytes() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"lode").unwrap();
        assert_eq!(
            BlobHash::of_file(file.path()).unwrap(),
            (BlobHash::of(b"lode"), 4)
        );
    }
}
