//! `lode gateway`.
use crate::context::Context;
use crate::shutdown;
use anyhow::{Context as _, Result};
use lode_gateway::{Config, Gateway, RpcChain};
use lode_store::BlobStore;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Commands of gateways.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Store blobs and signatures for whoever the chain says may write them
    Run(Run),
}

/// Arguments of `gateway run`.
#[derive(clap::Args)]
pub struct Run {
    /// Address and port to listen on
    #[arg(long, default_value = "127.0.0.1:8800", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Its URL exactly as markets name it; without it, http:// and the address to listen on
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Where blobs are kept: a folder, or the URL of an object store (s3://bucket, file:///path)
    #[arg(long, default_value = "lode-gateway", value_name = "FOLDER OR URL")]
    store: String,
    /// Folder for uploads in progress, emptied at the start; without it, beside the folder of the store
    #[arg(long, value_name = "FOLDER")]
    uploads: Option<PathBuf>,
    /// Seconds between two sweeps of what is no longer needed
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    sweep_seconds: u64,
}

pub async fn run(command: Command, context: &Context) -> Result<()> {
    let Command::Run(args) = command;
    let url = args
        .public_url
        .unwrap_or_else(|| format!("http://{}", args.listen));
    let is_url = args.store.contains("://");
    let store = if is_url {
        BlobStore::at(&args.store)?
    } else {
        folder(&PathBuf::from(&args.store).join("blobs"))?
    };
    let uploads = args.uploads.unwrap_or_else(|| {
        let beside = if is_url { "lode-gateway" } else { &args.store };
        PathBuf::from(beside).join("uploads")
    });
    // Without a clock there is no cluster, and nobody could ever write.
    context.client.clock().await?;
    let gateway = open(context, url.clone(), store, uploads, args.sweep_seconds).await?;
    let listener = listen(args.listen).await?;
    context.out.note(&format!(
        "The gateway {url} listens on {}; ctrl-c stops it.",
        args.listen
    ));
    gateway.serve(listener, shutdown::token()?).await?;
    Ok(())
}

/// A store in a folder, which is made.
pub fn folder(path: &std::path::Path) -> Result<BlobStore> {
    std::fs::create_dir_all(path).with_context(|| {
        format!(
            "The folder {} cannot be made: name another with --store",
            path.display()
        )
    })?;
    Ok(BlobStore::in_folder(path)?)
}

/// A gateway of this context's cluster.
pub async fn open(
    context: &Context,
    url: String,
    store: BlobStore,
    uploads: PathBuf,
    sweep_seconds: u64,
) -> Result<std::sync::Arc<Gateway<RpcChain>>> {
    let config = Config {
        url,
        store,
        uploads,
        sweep_every: Duration::from_secs(sweep_seconds),
    };
    Ok(Gateway::open(config, RpcChain(context.client.clone())).await?)
}

/// A socket, or a sentence about why not.
pub async fn listen(at: SocketAddr) -> Result<tokio::net::TcpListener> {
    tokio::net::TcpListener::bind(at).await.with_context(|| {
        format!(
            "{at} cannot be listened on: stop what listens there, or choose another with --listen"
        )
    })
}
