//! The Solana CLI's config file, so that who already has a wallet and a cluster there need not say them again.
use crate::{Error, Result};
use solana_cli_config::{Config, ConfigInput, CONFIG_FILE};
use solana_commitment_config::CommitmentConfig;
use solana_keypair::Keypair;
use std::path::{Path, PathBuf};

/// What the user said on the command line; each wins over the file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Config file to read in place of the Solana CLI's default.
    pub config_file: Option<PathBuf>,
    /// RPC address, or a moniker: `localhost` (`l`), `devnet` (`d`), `testnet` (`t`), `mainnet-beta` (`m`).
    pub url: Option<String>,
    /// RPC addresses or monikers of the same cluster that are asked where that one does not answer.
    pub fallback_urls: Vec<String>,
    /// Wallet file.
    pub keypair: Option<PathBuf>,
    /// `processed`, `confirmed` or `finalized`.
    pub commitment: Option<String>,
}

/// What to connect to, and as whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// RPC address.
    pub rpc_url: String,
    /// RPC addresses that are asked where that one does not answer.
    pub fallback_urls: Vec<String>,
    /// Address for subscriptions.
    pub websocket_url: String,
    /// Wallet file. It may not exist yet.
    pub keypair_path: PathBuf,
    /// Commitment.
    pub commitment: CommitmentConfig,
}

/// Settings from the command line, else from the config file, else the Solana CLI's defaults.
///
/// A config file that was named must exist; the default one need not.
pub fn load(overrides: &Overrides) -> Result<Settings> {
    let named = overrides.config_file.as_deref();
    let path = match named {
        Some(path) => Some(path.to_path_buf()),
        None => CONFIG_FILE.as_ref().map(PathBuf::from),
    };
    let config = match path {
        Some(path) if named.is_some() || path.exists() => read(&path)?,
        _ => Config::default(),
    };
    let url = overrides.url.as_deref().unwrap_or("");
    let rpc_url = rpc_address(url, &config.json_rpc_url)?;
    let others = overrides.fallback_urls.iter();
    let fallback_urls = others
        .map(|url| rpc_address(url, ""))
        .collect::<Result<Vec<_>>>()?;
    // A websocket address in the file belongs to the file's own RPC address.
    let of_file = if overrides.url.is_none() {
        config.websocket_url.as_str()
    } else {
        ""
    };
    let (_, websocket_url) =
        ConfigInput::compute_websocket_url_setting("", of_file, url, &config.json_rpc_url);
    let keypair_path = match &overrides.keypair {
        Some(path) => path.clone(),
        None => {
            let (_, path) = ConfigInput::compute_keypair_path_setting("", &config.keypair_path);
            PathBuf::from(path)
        }
    };
    let commitment = overrides
        .commitment
        .as_deref()
        .or(Some(config.commitment.as_str()).filter(|c| !c.is_empty()))
        .unwrap_or("confirmed");
    Ok(Settings {
        rpc_url,
        fallback_urls,
        websocket_url,
        keypair_path,
        commitment: commitment.parse().map_err(|_| {
            Error::Setting(format!(
                "`{commitment}` is no commitment: use processed, confirmed or finalized"
            ))
        })?,
    })
}

/// The address that was said, else that of the file.
fn rpc_address(said: &str, in_file: &str) -> Result<String> {
    let (_, url) = ConfigInput::compute_json_rpc_url_setting(said, in_file);
    if !(url.starts_with("http://") || url.starts_with("https://")) {
        return Err(Error::Setting(format!(
            "`{url}` is no RPC address: give a URL that begins with http:// or https://, or one of localhost, devnet, testnet, mainnet-beta"
        )));
    }
    Ok(url)
}

fn read(path: &Path) -> Result<Config> {
    Config::load(&path.to_string_lossy()).map_err(|error| {
        Error::Setting(format!(
            "The Solana CLI's config file {} cannot be read ({error}); mend it, or write a new one with `solana config set --url localhost`",
            path.display()
        ))
    })
}

/// Reads a wallet file (the Solana CLI's format: a JSON list of 64 numbers).
pub fn read_keypair(path: &Path) -> Result<Keypair> {
    if !path.exists() {
        return Err(Error::Setting(format!(
            "There is no wallet at {}: make one with `solana-keygen new --outfile {0}`, or name another with --keypair",
            path.display()
        )));
    }
    solana_keypair::read_keypair_file(path).map_err(|error| {
        Error::Setting(format!(
            "{} is no wallet file ({error}): name another with --keypair",
            path.display()
        ))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use solana_signer::Signer;

    fn file(name: &str, text: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("lode-client-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        path
    }

    const CONFIG: &str = "json_rpc_url: http://127.0.0.1:7777\nwebsocket_url: ''\nkeypair_path: /wallets/me.json\naddress_labels: {}\ncommitment: finalized\n";

    #[test]
    fn the_config_file_is_used_and_the_command_line_wins() {
        let path = file("config.yml", CONFIG);
        let from_file = Overrides {
            config_file: Some(path.clone()),
            ..Overrides::default()
        };
        let settings = load(&from_file).unwrap();
        assert_eq!(settings.rpc_url, "http://127.0.0.1:7777");
        assert_eq!(settings.websocket_url, "ws://127.0.0.1:7778/");
        assert_eq!(settings.keypair_path, Path::new("/wallets/me.json"));
        assert_eq!(settings.commitment, CommitmentConfig::finalized());

        let settings = load(&Overrides {
            url: Some("l".into()),
            keypair: Some("/other.json".into()),
            commitment: Some("processed".into()),
            ..from_file
        })
        .unwrap();
        assert_eq!(settings.rpc_url, "http://localhost:8899");
        assert_eq!(settings.websocket_url, "ws://localhost:8900/");
        assert_eq!(settings.keypair_path, Path::new("/other.json"));
        assert_eq!(settings.commitment, CommitmentConfig::processed());
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_websocket_address_of_the_file_is_not_kept_for_another_cluster() {
        let text = CONFIG.replace("websocket_url: ''", "websocket_url: ws://127.0.0.1:9");
        let path = file("websocket.yml", &text);
        let mut overrides = Overrides {
            config_file: Some(path.clone()),
            ..Overrides::default()
        };
        assert_eq!(load(&overrides).unwrap().websocket_url, "ws://127.0.0.1:9");
        overrides.url = Some("devnet".into());
        assert_eq!(
            load(&overrides).unwrap().websocket_url,
            "wss://api.devnet.solana.com/"
        );
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn wrong_settings_are_refused_with_what_to_do() {
        let say = |overrides: Overrides| load(&overrides).unwrap_err().to_string();
        let path = file("plain.yml", CONFIG);
        let base = Overrides {
            config_file: Some(path.clone()),
            ..Overrides::default()
        };
        let text = say(Overrides {
            url: Some("devnett".into()),
            ..base.clone()
        });
        assert!(
            text.contains("devnett") && text.contains("http://"),
            "{text}"
        );
        let text = say(Overrides {
            commitment: Some("soon".into()),
            ..base
        });
        assert!(
            text.contains("soon") && text.contains("confirmed"),
            "{text}"
        );
        let text = say(Overrides {
            config_file: Some("/no/such/file.yml".into()),
            ..Overrides::default()
        });
        assert!(text.contains("/no/such/file.yml"), "{text}");
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn fallbacks_are_read_as_the_address_itself_is() {
        let with = |urls: &[&str]| {
            load(&Overrides {
                url: Some("http://127.0.0.1:7777".into()),
                fallback_urls: urls.iter().map(ToString::to_string).collect(),
                ..Overrides::default()
            })
        };
        let settings = with(&["l", "https://rpc.example"]).unwrap();
        assert_eq!(settings.rpc_url, "http://127.0.0.1:7777");
        assert_eq!(
            settings.fallback_urls,
            ["http://localhost:8899", "https://rpc.example"]
        );
        let text = with(&["rpc.example"]).unwrap_err().to_string();
        assert!(text.contains("rpc.example"), "{text}");
    }

    #[test]
    fn a_wallet_file_is_read_and_a_missing_or_broken_one_is_named() {
        let wallet = Keypair::new();
        let path = file("wallet.json", &format!("{:?}", wallet.to_bytes()));
        assert_eq!(read_keypair(&path).unwrap().pubkey(), wallet.pubkey());
        std::fs::write(&path, "[1,2,3]").unwrap();
        let text = read_keypair(&path).unwrap_err().to_string();
        assert!(text.contains("no wallet file"), "{text}");
        std::fs::remove_file(&path).unwrap();
        let text = read_keypair(&path).unwrap_err().to_string();
        assert!(text.contains("solana-keygen new"), "{text}");
    }
}
