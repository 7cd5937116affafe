//! What the tests of this crate share: the plan of `migrations/localnet.toml`, and networks on free ports. Needs the
//! programs that `cargo xtask build` makes.
// each test file uses a part of it
#![allow(dead_code, clippy::unwrap_used)]
use lode_attestation::Statement;
use lode_client::instructions::jobs::SeatSignature;
use lode_client::instructions::{jobs, oracle, staking};
use lode_client::{addresses, Client};
use lode_jobs::state::Job;
use lode_localnet::{apply, free_port, fund, Localnet, Options, Plan, Report};
use lode_oracle::state::Committee;
use lode_staking::state::NodeDescription;
use lode_staking::NodeArgs;
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Base units of one LODE.
pub const LODE: u64 = 1_000_000_000;

pub fn root() -> PathBuf {
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
    Options {
        rpc_port: free_port().unwrap(),
        ws_port: free_port().unwrap(),
        slot_millis: 100,
        ..Options::new(root().join("target/deploy"), authority.pubkey())
    }
}

/// A network that tests start, with a committee of five.
pub struct Network {
    pub client: Client,
    pub authority: Keypair,
    pub report: Report,
    /// Owner and attester of each seat, in the order of the seats.
    pub oracles: Vec<(Keypair, Keypair)>,
}

impl Network {
    /// Starts one with a plan that `change` changes.
    pub async fn start(change: impl FnOnce(&mut Plan)) -> (Localnet, Self) {
        let authority = Keypair::new();
        let running = Localnet::start(options(&authority)).await.unwrap();
        let client = running.client();
        let oracles: Vec<_> = (0..5).map(|_| (Keypair::new(), Keypair::new())).collect();
        let founders = oracles.iter().map(|(owner, _)| owner.pubkey()).collect();
        let mut plan = plan(founders);
        change(&mut plan);
        let report = apply(&plan, &client, &authority).await.unwrap();
        let network = Self {
            client,
            authority,
            report,
            oracles,
        };
        (running, network)
    }

    /// Signatures of a statement by the first `count` seats of a panel.
    pub fn sign(
        &self,
        committee: &Committee,
        statement: &Statement,
        panel: u32,
        count: usize,
    ) -> Vec<SeatSignature> {
        (0..32u8)
            .filter(|seat| panel >> seat & 1 == 1)
            .take(count)
            .map(|seat| {
                let place = committee.seats[usize::from(seat)];
                let (_, attester) = self
                    .oracles
                    .iter()
                    .find(|(owner, _)| owner.pubkey() == place.owner)
                    .unwrap();
                let message = statement.message(seat);
                SeatSignature {
                    seat,
                    owner: place.owner,
                    attester: place.attester,
                    signature: attester.sign_message(&message).into(),
                }
            })
            .collect()
    }

    pub async fn wallet(&self) -> Keypair {
        let wallet = Keypair::new();
        let mint = &self.report.stake_mint;
        let tokens = 10_000 * LODE;
        fund(
            &self.client,
            &self.authority,
            &wallet.pubkey(),
            LODE,
            mint,
            tokens,
        )
        .await
        .unwrap();
        wallet
    }

    pub async fn slots_pass(&self, slots: u64) {
        let until = self.client.slot().await.unwrap() + slots;
        while self.client.slot().await.unwrap() < until {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn job(&self, at: &Address) -> Job {
        self.client.get_account(at).await.unwrap()
    }

    /// A committee of five joins.
    pub async fn oracles_join(&self) {
        let network = self;
        let mint = &network.report.stake_mint;
        let committee = network.report.committee;
        for (owner, attester) in &network.oracles {
            let tokens = 1_000 * LODE;
            fund(
                &network.client,
                &network.authority,
                &owner.pubkey(),
                LODE,
                mint,
                tokens,
            )
            .await
            .unwrap();
            let join = oracle::join(
                &owner.pubkey(),
                &committee,
                mint,
                &attester.pubkey(),
                tokens,
            );
            network.client.send(&[join], owner, &[]).await.unwrap();
        }
    }

    /// A node is registered, staked and opted in; returns owner, worker and the node.
    pub async fn node_joins(&self) -> (Keypair, Keypair, Address) {
        let network = self;
        let client = &network.client;
        let mint = &network.report.stake_mint;
        let market = network.report.market;
        let (owner, worker) = (network.wallet().await, network.wallet().await);
        let me = owner.pubkey();
        let node = addresses::staking::node(&me, 0);
        let args = NodeArgs {
            index: 0,
            worker: worker.pubkey(),
            description: NodeDescription {
                class: 1,
                cores: 2,
                memory_mib: 2_048,
                ..NodeDescription::default()
            },
        };
        client
            .send(
                &[
                    staking::register_node(&me, mint, &mint.account_of(&me), args),
                    staking::stake(&me, &node, mint, 1_000 * LODE),
                    jobs::open_node_ledger(&me, &market, &node, 100 * LODE),
                    jobs::deposit(&me, &market, &node, mint, 100 * LODE),
                ],
                &owner,
                &[],
            )
            .await
            .unwrap();
        (owner, worker, node)
    }
}
