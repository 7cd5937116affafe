//! What every command needs: settings, connection, wallets, and the accounts that are named or the only ones there are.
use crate::exit::Ended;
use crate::offline::OfflineArgs;
use crate::output::{harmless, sol, Format, Output, Token};
use crate::progress::Progress;
use crate::signers::{is_typed, key_file, Key};
use crate::{address_book, dry_run, offline};
use anyhow::{anyhow, bail, Context as _, Result};
use lode_client::cli_config::{self, Overrides, Settings};
use lode_client::send::Packed;
use lode_client::{addresses, filter, Client, LodeAccount, PriorityFee, Sent};
use lode_jobs::state::Market;
use lode_oracle::state::Committee;
use lode_sealed::Identities;
use lode_staking::state::{Node, StakingConfig};
use lode_store::Gateways;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::collections::HashMap;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Help of `--keypair`: only what this build can sign with.
const WALLET: &str = if cfg!(feature = "hardware-wallet") {
    "Wallet that acts: a file, usb://ledger, prompt://, ASK, `-` for stdin, or an address with --signer or --sign-only"
} else {
    "Wallet that acts: a file, `-` for stdin, or an address with --signer or --sign-only"
};

/// How a command is told which node is meant.
const NAMES_A_NODE: &str = "with --node, or with the address alone in `lode node show`";

/// Options that every command takes, as the Solana CLI does.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Options of every command")]
pub struct GlobalArgs {
    /// The Solana CLI's config file, if it is not the usual one
    #[arg(long, short = 'C', global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// RPC server: a URL, or localhost (l), devnet (d), testnet (t), mainnet-beta (m)
    #[arg(long, short = 'u', global = true, value_name = "URL")]
    pub url: Option<String>,
    /// RPC server of the same cluster that is asked where the first does not answer; once for each
    #[arg(long = "fallback-url", global = true, value_name = "URL")]
    pub fallback_urls: Vec<String>,
    /// Mirror of a market's store: files are read from it too where the market's gateways fail; once for each
    #[arg(long = "mirror", global = true, value_name = "URL")]
    pub mirrors: Vec<String>,
    #[arg(long, short = 'k', global = true, value_name = "KEY", help = WALLET)]
    pub keypair: Option<PathBuf>,
    /// Wallet that pays the transaction fees, if it is not the one that acts; named in the same ways
    #[arg(long, global = true, value_name = "KEY")]
    pub fee_payer: Option<String>,
    #[command(flatten)]
    pub offline: OfflineArgs,
    /// processed, confirmed or finalized
    #[arg(long, global = true, value_name = "LEVEL")]
    pub commitment: Option<String>,
    /// Priority fee in micro-lamports per compute unit; without it, what recent transactions paid
    #[arg(long, global = true, value_name = "MICROLAMPORTS")]
    pub with_compute_unit_price: Option<u64>,
    /// Say what the command would send and what that would change, and send nothing
    #[arg(long, global = true)]
    pub dry_run: bool,
    /// Do not ask before what cannot be undone
    #[arg(long, global = true)]
    pub yes: bool,
    /// How results are printed
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    pub output: Format,
    /// How logs are written: text or json; without it, as results are printed
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<lode_telemetry::logs::Format>,
}

/// Settings and connection of one command.
pub struct Context {
    /// Where to connect, and as whom.
    pub settings: Settings,
    /// The connection.
    pub client: Client,
    /// Connections to the stores of markets.
    pub gateways: Gateways,
    /// Where results go.
    pub out: Output,
    /// Nothing is sent.
    pub dry_run: bool,
    yes: bool,
    /// Where a transaction is signed in one place and sent from another.
    pub offline: OfflineArgs,
    /// Priority fee that was given, micro-lamports per compute unit; 0 if none was.
    pub fixed_price: u64,
    fee_payer: Option<String>,
    /// Keys that were found, by the texts that name them: stdin is read once, a seed phrase typed once, a device opened once.
    keys: Mutex<HashMap<String, Key>>,
}

impl Context {
    /// Reads the settings; connects to nothing yet.
    pub fn new(args: &GlobalArgs) -> Result<Self> {
        let settings = cli_config::load(&Overrides {
            config_file: args.config.clone(),
            url: args.url.clone(),
            fallback_urls: args.fallback_urls.clone(),
            keypair: args.keypair.clone(),
            commitment: args.commitment.clone(),
        })?;
        let fee = args
            .with_compute_unit_price
            .map_or(PriorityFee::Recent, PriorityFee::Fixed);
        let mut urls = vec![settings.rpc_url.clone()];
        urls.extend(settings.fallback_urls.iter().cloned());
        let mut client = Client::of_servers(urls, settings.commitment).with_priority_fee(fee);
        if args.dry_run {
            client = client.only_looking();
        }
        Ok(Self {
            settings,
            client,
            gateways: Gateways::with_mirrors(args.mirrors.clone())?,
            out: Output::new(args.output),
            dry_run: args.dry_run,
            offline: args.offline.clone(),
            fixed_price: args.with_compute_unit_price.unwrap_or_default(),
            fee_payer: args.fee_payer.clone(),
            keys: Mutex::default(),
            yes: args.yes,
        })
    }

    /// The same settings on another cluster.
    #[cfg(feature = "localnet")]
    pub fn at(&self, client: Client) -> Self {
        Self {
            settings: self.settings.clone(),
            client,
            gateways: self.gateways.clone(),
            out: self.out,
            dry_run: self.dry_run,
            offline: self.offline.clone(),
            fixed_price: self.fixed_price,
            fee_payer: self.fee_payer.clone(),
            keys: Mutex::default(),
            yes: self.yes,
        }
    }

    /// The wallet that acts.
    pub fn wallet(&self) -> Result<Key> {
        self.key(&self.settings.keypair_path.to_string_lossy(), "keypair")
    }

    /// The key that a text names; `what` is what it is for.
    pub fn key(&self, named: &str, what: &'static str) -> Result<Key> {
        // two phrases may be typed, each for what it is asked for
        let name = match is_typed(named) {
            true => format!("{named} {what}"),
            false => named.into(),
        };
        // whoever panicked with it in hand put in a key or none
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = keys.get(&name) {
            return Ok(key.clone());
        }
        let key = Key::find(named, what, &self.offline.elsewhere())?;
        keys.insert(name, key.clone());
        Ok(key)
    }

    /// The wallet of a command that goes on signing: its key must lie in a file.
    pub fn keypair(&self) -> Result<Keypair> {
        self.require_online()?;
        key_file(&self.settings.keypair_path, "--keypair")
    }

    /// Asks before what cannot be undone. `what` is a sentence without its full stop that says what would be so.
    pub fn confirm(&self, what: &str) -> Result<()> {
        if self.yes || self.dry_run {
            return Ok(());
        }
        let stdin = std::io::stdin();
        if !stdin.is_terminal() {
            return Err(Ended::nothing(format!("{what}: add --yes if that is what you want (nothing was sent, and there is no terminal to ask at)")).into());
        }
        eprint!("{}. Go on? [y/N] ", harmless(what));
        std::io::stderr().flush()?;
        let mut answer = String::new();
        stdin.read_line(&mut answer)?;
        match answer.trim().to_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(Ended::nothing("You did not say yes, so nothing was sent").into()),
        }
    }

    /// Asks before something is made that never closes, so that its rent never comes back. `made` says what, `sizes` are the
    /// bytes of its accounts. Returns the lamports that it locks.
    pub async fn confirm_for_ever(&self, made: &str, sizes: &[usize]) -> Result<u64> {
        let mut rent = 0u64;
        for bytes in sizes {
            rent = rent.saturating_add(self.client.rent(*bytes).await?);
        }
        self.confirm(&format!(
            "This would make {made}: its terms hold for ever, and {} of rent are locked in it and never come back",
            sol(rent).text()
        ))?;
        Ok(rent)
    }

    /// The same of the key that pays the fees.
    pub fn payer_keypair(&self) -> Result<Keypair> {
        match self.fee_payer()? {
            Some(payer) => Ok(payer),
            None => self.keypair(),
        }
    }

    /// The key of the fee payer, if one is named, for what goes on signing: it must lie in a file.
    pub fn fee_payer(&self) -> Result<Option<Keypair>> {
        self.require_online()?;
        let path = self.fee_payer.as_ref().map(Path::new);
        path.map(|path| key_file(path, "--fee-payer")).transpose()
    }

    /// Refuses what belongs to one transaction where a command sends more as it goes.
    pub fn require_online(&self) -> Result<()> {
        if self.offline.are_used() {
            bail!("This command sends transactions as it goes: --sign-only, --blockhash, --nonce and --signer are for commands that send one");
        }
        Ok(())
    }

    /// Sends instructions signed by the wallet and paid by the fee payer; in a dry run, the command ends here.
    pub async fn send(
        &self,
        what: &str,
        instructions: &[Instruction],
        wallet: &Key,
        others: &[&Key],
    ) -> Result<Sent> {
        let payer = self.payer(wallet)?;
        if self.dry_run {
            let group = instructions.to_vec();
            return Err(dry_run::show(self, &[group], &payer.pubkey()).await);
        }
        if self.offline.are_used() {
            return offline::send(self, instructions, &payer, wallet, others).await;
        }
        let mut signers: Vec<lode_client::send::Wallet<'_>> = vec![wallet];
        for other in others {
            signers.push(*other);
        }
        let _progress = Progress::start(what);
        let sent = self.client.send(instructions, &payer, &signers).await?;
        crate::landed::remember();
        Ok(sent)
    }

    /// The key that pays the fees: the fee payer's, else the wallet's.
    pub fn payer(&self, wallet: &Key) -> Result<Key> {
        match &self.fee_payer {
            Some(named) => self.key(named, "fee payer"),
            None => Ok(wallet.clone()),
        }
    }

    /// Sends groups of instructions in as few transactions as they fit; `what` is told with how many are done. In a dry
    /// run, the command ends here if there is any.
    pub async fn send_packed(
        &self,
        what: &str,
        groups: &[Vec<Instruction>],
        wallet: &Key,
    ) -> Result<Packed> {
        let payer = self.payer(wallet)?;
        if self.dry_run && !groups.is_empty() {
            return Err(dry_run::show(self, groups, &payer.pubkey()).await);
        }
        let count = groups.len();
        if self.offline.are_used() && count > 0 {
            let all = groups.concat();
            let sent = offline::send(self, &all, &payer, wallet, &[]).await?;
            return Ok(Packed {
                sent: vec![((0..count).collect(), sent)],
                ..Packed::default()
            });
        }
        let progress = Progress::start(format!("{what}: 0 of {count}"));
        let tell = |done: usize| progress.say(format!("{what}: {done} of {count}"));
        let packed = self
            .client
            .send_packed(groups, &payer, &[wallet], &tell)
            .await?;
        if !packed.sent.is_empty() {
            crate::landed::remember();
        }
        Ok(packed)
    }

    /// The configuration of staking, and its token.
    pub async fn staking(&self) -> Result<(StakingConfig, Token)> {
        let at = addresses::staking::config();
        let Some(config) = self.client.try_account::<StakingConfig>(&at).await? else {
            bail!(
                "There is no Lode network on {}: check --url, or start one with `lode localnet`",
                self.client.url()
            );
        };
        let token = self.token(&config.stake_mint).await?;
        Ok((config, token))
    }

    /// A mint and its symbol.
    pub async fn token(&self, mint: &Address) -> Result<Token> {
        Ok(Token::new(self.client.mint(mint).await?))
    }

    /// The market of this address, or the only one there is.
    pub async fn market(&self, named: Option<Address>) -> Result<(Address, Market)> {
        let how = "with --market, or with the address alone in commands of `lode market`";
        self.named_or_only(named, "market", how, "`lode market list`")
            .await
    }

    /// The committee of this address, or the only one there is.
    pub async fn committee(&self, named: Option<Address>) -> Result<(Address, Committee)> {
        self.named_or_only(
            named,
            "committee",
            "with --committee",
            "`lode oracle show --all`",
        )
        .await
    }

    async fn named_or_only<T: LodeAccount>(
        &self,
        named: Option<Address>,
        kind: &str,
        how: &str,
        list: &str,
    ) -> Result<(Address, T)> {
        if let Some(address) = named {
            return Ok((address, self.client.get_account(&address).await?));
        }
        let mut found = self.client.get_program_accounts::<T>(&[]).await?;
        let count = found.len();
        match found.pop() {
            Some(only) if count == 1 => Ok(only),
            Some(_) => bail!(
                "There are {count} accounts of kind {kind}: name one {how}; {list} shows them"
            ),
            None => bail!(
                "There is no {kind} on {}: check --url, or start a network with `lode localnet`",
                self.client.url()
            ),
        }
    }

    /// The node of this address, or the wallet's only one.
    pub async fn node(&self, named: Option<Address>) -> Result<(Address, Node)> {
        if let Some(address) = named {
            return Ok((address, self.client.get_account(&address).await?));
        }
        let owner = self.wallet()?.pubkey();
        let his = [filter!(Node, owner, owner)];
        let mut found = self.client.get_program_accounts::<Node>(&his).await?;
        let count = found.len();
        match found.pop() {
            Some(only) if count == 1 => return Ok(only),
            Some(_) => bail!("The wallet {owner} has {count} nodes: name one {NAMES_A_NODE}; `lode node list` shows them"),
            None => {}
        }
        match self.client.older_accounts::<Node>(&his).await?.first() {
            Some(older) => bail!("The wallet's node {older} has an older layout than the programs: bring it up to date with `lode node migrate {older}`"),
            None => bail!("The wallet {owner} has no node: register one with `lode node register`, or name another's {NAMES_A_NODE}"),
        }
    }

    /// Refuses what the wallet cannot pay, before the chain does it in its own words.
    pub async fn require_tokens(&self, wallet: &Address, token: &Token, amount: u64) -> Result<()> {
        let held = self
            .client
            .token_balance(&token.mint.account_of(wallet))
            .await?;
        if held < amount {
            bail!(
                "The wallet {wallet} holds {}, less than the {} that are needed: send it more of mint {}",
                token.show(held),
                token.show(amount),
                token.mint.address
            );
        }
        Ok(())
    }

    /// Address of a party's ledger: the node's if one is named, else the wallet's.
    pub fn ledger(&self, market: &Address, node: Option<Address>) -> Result<(Address, Address)> {
        let party = match node {
            Some(node) => node,
            None => self.wallet()?.pubkey(),
        };
        Ok((party, addresses::jobs::ledger(market, &party)))
    }
}

/// The address of a key that is given as an address, as a name in the address book or as a keypair file.
pub fn address_of(text: &str) -> Result<Address> {
    if let Some(address) = known(text)? {
        return Ok(address);
    }
    let path = Path::new(text);
    if !path.exists() {
        return Err(anyhow!(
            "`{text}` is neither an address, nor a name in the address book (`lode address list`), nor a keypair file: check the spelling, or make a key with `solana-keygen new --outfile {text}`"
        ));
    }
    Ok(cli_config::read_keypair(path)?.pubkey())
}

/// The address that a text is or, in the address book, names: whose key it is need not lie on this machine.
pub fn known(text: &str) -> Result<Option<Address>> {
    match text.parse() {
        Ok(address) => Ok(Some(address)),
        Err(_) => address_book::named(text).map_err(anyhow::Error::msg),
    }
}

/// The encryption keys of a node's folder; the first is made where there is none.
pub fn encryption_keys(folder: &Path) -> Result<Identities> {
    Identities::open(folder).with_context(|| {
        format!(
            "The keys in {} cannot be used: name another folder with --folder, or mend its permissions",
            folder.display()
        )
    })
}

/// How many groups landed.
pub fn landed(packed: &Packed) -> usize {
    packed.sent.iter().map(|(part, _)| part.len()).sum()
}

/// The transactions in which they did.
pub fn signatures(packed: &Packed) -> crate::output::Cell {
    let sent = packed.sent.iter();
    crate::output::Cell::list(sent.map(|(_, sent)| sent.signature.to_string()))
}

/// What became of groups that were sent together, as an error if not all of them landed: what landed is not undone.
pub fn require_all(packed: &Packed, count: usize, what: &str) -> Result<()> {
    let landed = landed(packed);
    let why = match (&packed.broke_off, packed.refused.first()) {
        (Some(error), _) | (None, Some((_, error))) => error,
        (None, None) => return Ok(()),
    };
    let text = format!("{landed} of {count} {what} went through, the others did not ({why}): run the same command again for the rest");
    Err(Ended::like(why, text).into())
}

/// A number of the chain in hex.
pub fn hex32(bytes: &[u8; 32]) -> crate::output::Cell {
    if *bytes == [0; 32] {
        crate::output::Cell::none()
    } else {
        hex::encode(bytes).into()
    }
}
