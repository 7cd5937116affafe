//! `lode gateway`.
use crate::context::Context;
use crate::{shutdown, telemetry};
use anyhow::{Context as _, Result};
use lode_gateway::{Config, Gateway, Limits, Mirror, RpcChain};
use lode_store::BlobStore;
use solana_address::Address;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Commands of gateways.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Store blobs and signatures for whoever the chain says may write them
    Run(Run),
    /// Copy what the jobs of a market name from its gateways, and serve it too
    Mirror(MirrorArgs),
}

/// What every gateway is told.
#[derive(clap::Args)]
pub struct Run {
    /// Address and port to listen on
    #[arg(long, default_value = "127.0.0.1:8800", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Its URL exactly as markets name it; without it, http:// and the address to listen on
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Where blobs are kept: a folder, or the URL of an object store (s3://bucket)
    #[arg(long, default_value = "lode-gateway", value_name = "FOLDER OR URL")]
    store: String,
    /// Folder for uploads in progress, emptied at the start; without it, beside the folder of the store
    #[arg(long, value_name = "FOLDER")]
    uploads: Option<PathBuf>,
    /// Seconds between two sweeps of what is no longer needed
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    sweep_seconds: u64,
    /// Hours between two readings of everything that is stored, to find what is damaged; 0 for never
    #[arg(long, default_value_t = 168, value_name = "HOURS")]
    scrub_every: u64,
    /// Another gateway that may have what is lost here; once for each
    #[arg(long = "from", value_name = "URL")]
    peers: Vec<String>,
    /// Requests a second of one address, ten seconds' worth at once; 0 for no limit
    #[arg(long, default_value_t = 100, value_name = "NUMBER")]
    requests_per_second: u32,
    /// Writes of blobs a second under one key, ten seconds' worth at once; 0 for no limit
    #[arg(long, default_value_t = 20, value_name = "NUMBER")]
    writes_per_second: u32,
    /// Most MiB of all blobs of one job; without it, what its spec and market allow
    #[arg(long, value_name = "MIB")]
    most_job_mib: Option<u64>,
    /// Most MiB of all blobs of one key, in all its jobs together
    #[arg(long, value_name = "MIB")]
    most_key_mib: Option<u64>,
    /// A proxy of yours stands before it: take whose request it is from the last address of X-Forwarded-For
    #[arg(long)]
    behind_proxy: bool,
    #[command(flatten)]
    metrics: telemetry::Metrics,
}

/// Arguments of `gateway mirror`.
#[derive(clap::Args)]
pub struct MirrorArgs {
    /// The market that is copied, if there is not only one
    #[arg(long, value_name = "ADDRESS")]
    market: Option<Address>,
    /// Seconds between two looks at its jobs
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..))]
    copy_seconds: u64,
    #[command(flatten)]
    run: Run,
}

pub async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Run(args) => serve(args, None, context).await,
        Command::Mirror(args) => {
            let (at, market) = context.market(args.market).await?;
            let mut run = args.run;
            if run.peers.is_empty() {
                run.peers = lode_store::gateway_urls(&market.store_url);
            }
            let mirror = Mirror {
                market: at,
                every: Duration::from_secs(args.copy_seconds),
            };
            serve(run, Some(mirror), context).await
        }
    }
}

async fn serve(args: Run, mirror: Option<Mirror>, context: &Context) -> Result<()> {
    let url = args
        .public_url
        .unwrap_or_else(|| format!("http://{}", args.listen));
    // A folder is this gateway's alone, however it is written.
    let path = args.store.strip_prefix("file://").unwrap_or(&args.store);
    let mut config = if path.contains("://") {
        Config::new(url.clone(), BlobStore::at(path)?, "lode-gateway/uploads")
    } else {
        in_folder(url.clone(), Path::new(path), "--store")?
    };
    if let Some(uploads) = args.uploads {
        config.uploads = uploads;
    }
    let some = |number: u32| (number > 0).then_some(number);
    let bytes = |mib: u64| mib.saturating_mul(1 << 20);
    config.sweep_every = Duration::from_secs(args.sweep_seconds);
    let hours = Some(args.scrub_every).filter(|hours| *hours > 0);
    config.scrub_every = hours.map(|hours| Duration::from_secs(hours.saturating_mul(3_600)));
    config.limits = Limits {
        job_bytes: args.most_job_mib.map(bytes),
        key_bytes: args.most_key_mib.map(bytes),
        requests_per_second: some(args.requests_per_second),
        writes_per_second: some(args.writes_per_second),
    };
    config.behind_proxy = args.behind_proxy;
    config.peers = args.peers;
    config.mirror = mirror;
    // Without a clock there is no cluster, and nobody could ever write.
    context.client.clock().await?;
    let stop = shutdown::token()?;
    config.telemetry = args.metrics.start("gateway", &stop).await?;
    let gateway = Gateway::open(config, RpcChain(context.client.clone())).await?;
    let listener = listen(args.listen, "another address or port with --listen").await?;
    let what = mirror.map_or(String::new(), |mirror| {
        format!(" and copies the market {}", mirror.market)
    });
    context.out.note(&format!(
        "The gateway {url} listens on {}{what}; ctrl-c stops it.",
        args.listen
    ));
    gateway.serve(listener, stop).await?;
    Ok(())
}

/// A gateway with all that it keeps in a folder, which is made; `option` is the one that names the folder.
pub fn in_folder(url: String, folder: &Path, option: &str) -> Result<Config> {
    Config::in_folder(url, folder).with_context(|| {
        format!(
            "The folder {} cannot be used: name another with {option}",
            folder.display()
        )
    })
}

/// A socket, or a sentence about why not; `instead` is what may be chosen in its place, and with which option.
pub async fn listen(at: SocketAddr, instead: &str) -> Result<tokio::net::TcpListener> {
    tokio::net::TcpListener::bind(at).await.with_context(|| {
        format!("{at} cannot be listened on: stop what listens there, or choose {instead}")
    })
}
