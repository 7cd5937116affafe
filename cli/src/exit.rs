//! How a command ends. The codes are few, and documented in `docs/cli.md` and at the end of `lode help`.
use std::fmt;
use std::process::ExitCode;

/// What stands at the end of `lode help`.
pub const HELP: &str = "\
Exit codes:
  0  done
  1  refused or failed; the one sentence on stderr says what is wrong and what to do
  2  wrong usage: nothing was tried
  3  the RPC server or the market's gateway does not answer
  4  nothing was done: you said no, there was nobody to ask and no --yes, or it is not time yet
  5  a transaction was sent, and its outcome is not known or not read: look before you try again

docs/cli.md describes JSON answers, the address book, dry runs and confirmation.";

/// How a command ended that did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Refused or failed.
    Failed = 1,
    /// The network or the gateway does not answer.
    Unreachable = 3,
    /// Nothing was done, because nobody agreed or it is not time yet.
    Nothing = 4,
    /// A transaction was sent, and what became of it is not known or could not be read: whoever begins anew may do it twice.
    Unknown = 5,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// An error that says itself with which code the command ends. The text is a whole sentence.
#[derive(Debug)]
pub struct Ended {
    code: Code,
    text: String,
}

impl Ended {
    /// Nothing was done: nobody agreed, or it is not time yet.
    pub fn nothing(text: impl Into<String>) -> Self {
        Self {
            code: Code::Nothing,
            text: text.into(),
        }
    }

    /// A transaction is on the chain, and what came after it failed.
    pub fn sent(text: impl Into<String>) -> Self {
        Self {
            code: Code::Unknown,
            text: text.into(),
        }
    }

    /// It ends as this error of the client would, which the text tells.
    pub fn like(error: &lode_client::Error, text: String) -> Self {
        Self {
            code: Code::of_chain(error).unwrap_or(Code::Failed),
            text,
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Ended {}

/// Why a command ends early without having failed: a dry run showed what it would send, or `--sign-only` the signatures.
#[derive(Debug)]
pub struct Shown;

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("This was only shown: nothing was sent")
    }
}

impl std::error::Error for Shown {}

impl Code {
    /// The code of an error: that of the first of its causes that has one of its own.
    pub fn of(error: &anyhow::Error) -> Self {
        error
            .chain()
            .find_map(|cause| {
                if let Some(ended) = cause.downcast_ref::<Ended>() {
                    return Some(ended.code);
                }
                if let Some(store) = store_error(cause) {
                    let silent = matches!(store, lode_store::Error::Unreachable { .. });
                    return silent.then_some(Self::Unreachable);
                }
                Self::of_chain(chain_error(cause)?)
            })
            .unwrap_or(Self::Failed)
    }

    fn of_chain(error: &lode_client::Error) -> Option<Self> {
        match error {
            lode_client::Error::Unreachable { .. } => Some(Self::Unreachable),
            lode_client::Error::Unconfirmed { .. } => Some(Self::Unknown),
            _ => None,
        }
    }
}

/// What stands inside the first of these errors that the cause is. Errors of our libraries that pass another one on say
/// what it says, and hide it.
macro_rules! inside {
    ($cause:ident, $($variant:path),+) => {$(
        if let Some($variant(inner)) = $cause.downcast_ref() {
            return Some(inner);
        }
    )+};
}

fn chain_error<'a>(cause: &'a (dyn std::error::Error + 'static)) -> Option<&'a lode_client::Error> {
    inside!(
        cause,
        lode_localnet::Error::Client,
        lode_map::Error::Client,
        lode_index::Error::Chain,
        lode_crank::Error::Chain,
        lode_node::Error::Chain,
        lode_oracle_agent::Error::Chain,
        lode_gateway::Error::Chain
    );
    cause.downcast_ref()
}

fn store_error<'a>(cause: &'a (dyn std::error::Error + 'static)) -> Option<&'a lode_store::Error> {
    inside!(
        cause,
        lode_map::Error::Store,
        lode_crank::Error::Store,
        lode_node::Error::Store,
        lode_oracle_agent::Error::Store,
        lode_gateway::Error::Store
    );
    cause.downcast_ref()
}

/// An error and its causes, each said once.
pub fn sentence(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let said = cause.to_string();
        if text.contains(&said) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&said);
    }
    text
}

/// An error with what can be done about it behind its own words. Its causes still say with which code the command ends.
pub fn with_advice(error: anyhow::Error, advice: &str) -> anyhow::Error {
    let text = format!("{}; {advice}", sentence(&error));
    error.context(text)
}

/// Ends a command with the sentence that it is not time yet.
macro_rules! not_yet {
    ($($sentence:tt)*) => {
        return Err($crate::exit::Ended::nothing(format!($($sentence)*)).into())
    };
}
pub(crate) use not_yet;

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    fn silent() -> lode_client::Error {
        lode_client::Error::Unreachable {
            url: "http://127.0.0.1:1".into(),
            reason: "connection refused".into(),
        }
    }

    #[test]
    fn the_cause_decides_the_code_however_deep_it_stands() {
        let plain = anyhow::anyhow!("no");
        assert_eq!(Code::of(&plain), Code::Failed);
        assert_eq!(Code::of(&silent().into()), Code::Unreachable);
        let wrapped: anyhow::Error = lode_crank::Error::Chain(silent()).into();
        assert_eq!(Code::of(&wrapped), Code::Unreachable);
        let wrapped = Err::<(), _>(lode_map::Error::Client(silent()));
        let wrapped = wrapped
            .context("mapping")
            .map_err(|error| error.context("again"));
        assert_eq!(wrapped.map_err(|e| Code::of(&e)), Err(Code::Unreachable));
        let gateway = lode_store::Error::Unreachable {
            url: "http://127.0.0.1:1".into(),
            reason: "connection refused".into(),
        };
        assert_eq!(Code::of(&gateway.into()), Code::Unreachable);
        assert_eq!(Code::of(&Ended::nothing("later").into()), Code::Nothing);
        let lost = lode_client::Error::Unconfirmed {
            signature: solana_signature::Signature::default(),
            reason: "it took too long".into(),
        };
        let told = Ended::like(&lost, "half of it".into());
        assert_eq!(Code::of(&told.into()), Code::Unknown);
        assert_eq!(Code::of(&lost.into()), Code::Unknown);
        let refused = lode_client::Error::Invalid("too long".into());
        assert_eq!(Code::of(&refused.into()), Code::Failed);
    }

    #[test]
    fn advice_stands_behind_the_error_once_and_leaves_it_its_code() {
        let error = anyhow::Error::from(silent()).context("asking");
        let error = with_advice(error, "look with `lode job show JOB`");
        let text = sentence(&error);
        assert!(text.starts_with("asking: The RPC server"), "{text}");
        assert!(text.ends_with("; look with `lode job show JOB`"), "{text}");
        assert_eq!(text.matches("does not answer").count(), 1, "{text}");
        assert_eq!(Code::of(&error), Code::Unreachable);
        assert_eq!(Code::of(&Ended::sent("done").into()), Code::Unknown);
    }

    #[test]
    fn every_code_stands_in_the_help() {
        for code in [
            Code::Failed,
            Code::Unreachable,
            Code::Nothing,
            Code::Unknown,
        ] {
            assert!(HELP.contains(&format!("\n  {}  ", code as u8)));
        }
    }
}
