//! Hardware wallets and seed phrases, as the Solana CLI reads them, by its own code.
use anyhow::{anyhow, Context as _, Result};
use solana_address::Address;
use solana_clap_utils::keypair::signer_from_path;
use solana_signature::Signature;
use solana_signer::{Signer, SignerError};
use std::sync::mpsc;

/// A message, and where its signature goes.
type Question = (Vec<u8>, mpsc::Sender<Result<Signature, SignerError>>);

/// A signer that may be tied to the thread that made it, as the connection to a device is: it lives in a thread of its
/// own, and is asked there.
pub struct Hosted {
    address: Address,
    interactive: bool,
    ask: mpsc::Sender<Question>,
}

impl Hosted {
    /// The signer that a text names; `what` it is for is said where somebody is asked.
    pub fn find(text: &str, what: &'static str) -> Result<Self> {
        let (ask, asked) = mpsc::channel::<Question>();
        let (tell, told) = mpsc::channel();
        let named = text.to_string();
        std::thread::spawn(move || {
            // The options that it would look for are our own, and were looked at.
            let options = clap_2::ArgMatches::default();
            let found = signer_from_path(&options, &named, what, &mut None);
            let signer = match found.and_then(|signer| Ok((signer.try_pubkey()?, signer))) {
                Ok((address, signer)) => {
                    let _ = tell.send(Ok((address, signer.is_interactive())));
                    signer
                }
                Err(error) => {
                    let _ = tell.send(Err(error.to_string()));
                    return;
                }
            };
            while let Ok((message, answer)) = asked.recv() {
                let _ = answer.send(signer.try_sign_message(&message));
            }
        });
        let found = told.recv().context("The key's thread broke")?;
        let (address, interactive) =
            found.map_err(|error| anyhow!("The key {text} cannot be used: {error}"))?;
        Ok(Self {
            address,
            interactive,
            ask,
        })
    }
}

impl Signer for Hosted {
    fn try_pubkey(&self) -> Result<Address, SignerError> {
        Ok(self.address)
    }

    fn try_sign_message(&self, message: &[u8]) -> Result<Signature, SignerError> {
        let gone = || SignerError::Custom("the key's thread broke".into());
        let (tell, told) = mpsc::channel();
        let question = (message.to_vec(), tell);
        self.ask.send(question).map_err(|_| gone())?;
        told.recv().map_err(|_| gone())?
    }

    fn is_interactive(&self) -> bool {
        self.interactive
    }
}
