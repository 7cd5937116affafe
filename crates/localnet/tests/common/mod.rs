//! What the tests of this crate share: the plan of `migrations/localnet.toml`, and networks on free ports. Needs the
//! programs that `cargo xtask build` makes.
#![allow(clippy::unwrap_used)]
use lode_localnet::{Options, Plan};
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The plan, with a committee of these founders.
pub fn plan(founders: Vec<Address>) -> Plan {
    let mut plan = Plan::read(&root().join("migrations/localnet.toml")).unwrap();
    plan.committee.founders = founders;
    plan
}

/// Options on two ports that are free now.
pub fn options(authority: &Keypair) -> Options {
    let free: Vec<TcpListener> = (0..2)
        .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    let port = |i: usize| free[i].local_addr().unwrap().port();
    Options {
        rpc_port: port(0),
        ws_port: port(1),
        slot_millis: 100,
        ..Options::new(root().join("target/deploy"), authority.pubkey())
    }
}
