//! After an own transaction is on the chain. What fails from then on must not read as if all of it had failed: whoever
//! believes that says the same again, and pays twice.
use crate::context::Context;
use crate::exit::{sentence, Ended};
use crate::output;
use lode_client::{Error, LodeAccount, Sent};
use solana_address::Address;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long an account that an own transaction wrote is asked for: a server that is behind does not have it yet, and one
/// that is away for a moment comes back.
pub const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(300);

/// An own transaction is on the chain.
static ANY: AtomicBool = AtomicBool::new(false);

/// Remembers that an own transaction is on the chain.
pub fn remember() {
    ANY.store(true, Ordering::Relaxed);
}

/// Refuses to call it a success where a part of the answer could not be written.
pub fn require_written() -> anyhow::Result<()> {
    match output::unwritten() {
        None => Ok(()),
        Some(why) => Err(unwritten(why, ANY.load(Ordering::Relaxed))),
    }
}

fn unwritten(why: &std::io::Error, any: bool) -> anyhow::Error {
    if any {
        let text = format!("This is done, so do not do it again: only its answer could not be written ({why}); the `show` and `list` commands say what there is now");
        return Ended::sent(text).into();
    }
    anyhow::anyhow!("The answer could not be written ({why}): make room, or have it written elsewhere; whatever the command did is done")
}

impl Context {
    /// Reads an account that an own transaction made or changed. `look` is the command that shows it later, in backticks.
    pub async fn read_back<T: LodeAccount>(
        &self,
        at: &Address,
        sent: &Sent,
        look: &str,
    ) -> anyhow::Result<T> {
        let begun = Instant::now();
        loop {
            match self.client.get_account(at).await {
                Ok(found) => return Ok(found),
                Err(error) if may_come(&error) && begun.elapsed() < PATIENCE => {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(unread(&error.into(), &at.to_string(), sent, look)),
            }
        }
    }
}

/// Asking again may bring the account.
pub fn may_come(error: &Error) -> bool {
    matches!(error, Error::NoAccount { .. }) || error.is_transient()
}

/// What was sent is done, and only reading back what it did failed.
pub fn unread(error: &anyhow::Error, what: &str, sent: &Sent, look: &str) -> anyhow::Error {
    let why = match error.downcast_ref() {
        Some(Error::NoAccount { .. }) => "the RPC server does not have it yet".to_string(),
        _ => sentence(error),
    };
    let text = format!(
        "This is done, by transaction {}, so do not do it again: only reading {what} back failed ({why}); {look} shows it",
        sent.signature
    );
    Ended::sent(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Code;
    use solana_signature::Signature;

    #[test]
    fn what_cannot_be_read_back_is_said_to_be_done_with_its_signature_and_what_shows_it() {
        let sent = Sent {
            signature: Signature::from([7; 64]),
            slot: 9,
            compute_units: 0,
            bytes: 0,
        };
        let address = Address::new_from_array([9; 32]);
        let silent = Error::Unreachable {
            url: "http://127.0.0.1:1".into(),
            reason: "connection refused".into(),
        };
        let behind = Error::NoAccount {
            kind: "job",
            address,
        };
        for (error, why) in [(silent, "connection refused"), (behind, "not have it yet")] {
            assert!(may_come(&error));
            let look = "`lode account show`";
            let told = unread(&error.into(), &address.to_string(), &sent, look);
            let text = sentence(&told);
            let named = [sent.signature.to_string(), address.to_string()];
            for said in [why, look, "do not do it again", &*named[0], &*named[1]] {
                assert!(text.contains(said), "{said}: {text}");
            }
            // a script that takes it for a server that is away would begin anew
            assert_eq!(Code::of(&told), Code::Unknown);
        }
        assert!(!may_come(&Error::Invalid("too long".into())));
    }

    #[test]
    fn an_answer_that_is_lost_is_an_error_and_says_whether_the_command_may_be_repeated() {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        for (any, code, said) in [
            (false, Code::Failed, "The answer could not be written"),
            (true, Code::Unknown, "do not do it again"),
        ] {
            let told = unwritten(&full, any);
            let text = sentence(&told);
            assert!(text.contains(said), "{text}");
            assert!(text.contains(&full.to_string()), "{text}");
            assert_eq!(Code::of(&told), code);
        }
    }
}
