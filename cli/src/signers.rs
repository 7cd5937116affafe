//! Keys that sign, from wherever the user has them: a file, a hardware wallet, a seed phrase, stdin, or nowhere at all, with
//! a signature that was made elsewhere. All but files as the Solana CLI reads them, by its own code.
#[cfg(feature = "hardware-wallet")]
mod hosted;

use anyhow::{anyhow, bail, Result};
use lode_client::cli_config::read_keypair;
use solana_address::Address;
use solana_keypair::Keypair;
use solana_presigner::Presigner;
use solana_signature::Signature;
use solana_signer::null_signer::NullSigner;
use solana_signer::{Signer, SignerError};
use std::path::Path;
use std::sync::Arc;

/// A key that signs. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Key(Arc<dyn Signer + Send + Sync>);

impl Signer for Key {
    fn try_pubkey(&self) -> Result<Address, SignerError> {
        self.0.try_pubkey()
    }

    fn try_sign_message(&self, message: &[u8]) -> Result<Signature, SignerError> {
        self.0.try_sign_message(message)
    }

    fn is_interactive(&self) -> bool {
        self.0.is_interactive()
    }
}

/// What is known of keys that are elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Elsewhere {
    /// Signatures that were made by them.
    pub signatures: Vec<(Address, Signature)>,
    /// A key without one is no error: it signs later.
    pub later: bool,
}

impl Key {
    /// The key that a text names; `what` is what it is for, which is said where somebody is asked.
    pub fn find(text: &str, what: &'static str, elsewhere: &Elsewhere) -> Result<Self> {
        if let Ok(address) = text.parse::<Address>() {
            let brought = elsewhere.signatures.iter().find(|(key, _)| *key == address);
            return match brought {
                Some((key, signature)) => Ok(Self(Arc::new(Presigner::new(key, signature)))),
                None if elsewhere.later => Ok(Self(Arc::new(NullSigner::new(&address)))),
                None => bail!("{address} is an address, and nothing here signs for it: name its key, or bring its signature with --signer {address}=SIGNATURE"),
            };
        }
        if text == "-" {
            let key = solana_keypair::read_keypair(&mut std::io::stdin());
            let key = key.map_err(|error| anyhow!("No key can be read from stdin ({error})"))?;
            return Ok(Self(Arc::new(key)));
        }
        if is_read_by_solana(text) {
            return Self::hosted(text, what);
        }
        Ok(Self(Arc::new(read_keypair(Path::new(text))?)))
    }

    /// A signer that is none of these: that of the Solana CLI, where this lode was built with it.
    #[cfg(not(feature = "hardware-wallet"))]
    fn hosted(text: &str, _: &'static str) -> Result<Self> {
        bail!("The key {text} cannot be used: this lode was built without hardware wallets and seed phrases; `cargo build -p lode-cli --features hardware-wallet` builds one with them")
    }

    #[cfg(feature = "hardware-wallet")]
    fn hosted(text: &str, what: &'static str) -> Result<Self> {
        Ok(Self(Arc::new(hosted::Hosted::find(text, what)?)))
    }
}

/// Whether a text stands for a seed phrase that is asked for.
pub fn is_typed(text: &str) -> bool {
    text == "ASK" || text.starts_with("prompt:")
}

/// Whether a text names a key as the Solana CLI does where it is no file.
fn is_read_by_solana(text: &str) -> bool {
    let schemes = ["usb:", "stdin:", "file:"];
    is_typed(text) || schemes.iter().any(|scheme| text.starts_with(scheme))
}

/// The key in a file, for what a [`Key`] does not do: goes on signing for as long as an agent runs, opens what was sealed.
/// `option` is the one that names it.
pub fn key_file(path: &Path, option: &str) -> Result<Keypair> {
    let text = path.to_string_lossy();
    if text == "-" || is_read_by_solana(&text) || text.parse::<Address>().is_ok() {
        bail!("This command takes a key only from a file, and `{text}` is no path of one: save the key in a file that only you can read, and name that with {option}");
    }
    if option != "--keypair" && !path.exists() {
        bail!("There is no key at {}: make one with `solana-keygen new --outfile {0}`, or name another with {option}", path.display());
    }
    Ok(read_keypair(path)?)
}

/// Reads `PUBKEY=SIGNATURE`.
///
/// # Errors
/// A sentence for whoever typed it.
pub fn signature_of(text: &str) -> Result<(Address, Signature), String> {
    let parts = text.split_once('=');
    let read =
        parts.and_then(|(key, signature)| Some((key.parse().ok()?, signature.parse().ok()?)));
    read.ok_or_else(|| {
        format!(
            "`{text}` is no signature of a key: give PUBKEY=SIGNATURE, as --sign-only prints it"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_is_not_told_as_one_that_is_missing() {
        let said = |text: &str| {
            let refused = key_file(Path::new(text), "--fee-payer");
            let refused = refused.map_err(|error| error.to_string());
            refused.err().unwrap_or_default()
        };
        let address = Address::new_from_array([5; 32]).to_string();
        for text in ["-", "ASK", "usb://ledger", "prompt://", &address] {
            let said = said(text);
            assert!(said.contains("only from a file"), "{said}");
            assert!(said.contains(text), "{said}");
            assert!(said.ends_with("--fee-payer"), "{said}");
        }
        let missing = said("no.json");
        assert!(missing.contains("solana-keygen new"), "{missing}");
    }
}
