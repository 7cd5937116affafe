//! Stake rewards: what is due to whom now, and the instructions that pay it.
//!
//! Everything here may be sent by anyone: a claim pays the wallet it belongs to, a sweep pays nobody.
use crate::instructions::staking;
use crate::token::{MintInfo, TokenAccount};
use crate::{addresses, filter, Client, Error, Result};
use lode_staking::state::{Delegation, Node, StakingConfig};
use solana_address::Address;
use solana_instruction::Instruction;
use std::collections::BTreeMap;

/// What is due on one node.
#[derive(Clone, Copy)]
pub struct NodeDues {
    /// The node.
    pub at: Address,
    /// The node as a sweep now would leave it: its stream has flowed, its vault is booked.
    pub node: Node,
    /// Base units in the vault that nobody has booked: what a sweep would find.
    pub unswept: u64,
}

/// What is due to one wallet on one node.
#[derive(Clone, Copy)]
pub struct WalletDues {
    /// The node.
    pub on: NodeDues,
    /// The wallet's delegation, if it has one.
    pub delegation: Option<Delegation>,
    /// Base units of stake rewards that a sweep and a claim now would pay the wallet.
    pub rewards: u64,
    /// Base units of commission that they would pay; 0 unless the wallet owns the node.
    pub commission: u64,
}

impl NodeDues {
    /// What a node's books would say at `now` (unix seconds) after a sweep, with `vault` base units in its vault.
    pub fn new(
        at: Address,
        node: &Node,
        vault: u64,
        config: &StakingConfig,
        now: i64,
    ) -> Result<Self> {
        let mut node = *node;
        let unswept = node
            .flow(now)
            .and_then(|()| node.booked())
            .map(|booked| vault.saturating_sub(booked))
            .and_then(|unswept| {
                if unswept > 0 {
                    node.receive(unswept, config.stream_seconds, now)?;
                }
                Ok(unswept)
            })
            .map_err(|_| unsound(&at))?;
        Ok(Self { at, node, unswept })
    }

    /// Base units of rewards that a claim now would pay a delegation.
    pub fn claimable(&self, delegation: &Delegation) -> Result<u64> {
        delegation
            .claimable(&self.node)
            .map_err(|_| unsound(&self.at))
    }
}

impl WalletDues {
    /// Whether there is anything to pay.
    pub fn is_due(&self) -> bool {
        self.rewards > 0 || self.commission > 0
    }

    /// The instructions that pay `wallet` what is due here to `to`: its associated account or, on a node of its own, the
    /// node's payout account. See [`Client::payouts`].
    pub fn claim(&self, wallet: &Address, to: &Address, mint: &MintInfo) -> Vec<Instruction> {
        let node = &self.on.at;
        let mut instructions = Vec::new();
        // What is swept begins to stream now; only its commission can be claimed at once.
        if self.on.unswept > 0 {
            instructions.push(staking::sweep_rewards(node));
        }
        if self.rewards > 0 {
            instructions.push(staking::claim_rewards_to(node, wallet, to, mint));
        }
        if self.commission > 0 {
            instructions.push(staking::claim_commission(node, to, mint));
        }
        instructions
    }
}

fn unsound(node: &Address) -> Error {
    Error::Invalid(format!(
        "the books of node {node} do not add up at this time: try again, with a server that is up to date"
    ))
}

impl Client {
    /// Where what the owners of these nodes earn is to go, in their order: the payout account that the owner chose while it
    /// is his and of the mint, else his associated account.
    pub async fn payouts(&self, nodes: &[Node], mint: &MintInfo) -> Result<Vec<Address>> {
        let chosen: Vec<Address> = nodes.iter().map(|node| node.payout).collect();
        let found = self.raw_accounts(&chosen).await?;
        Ok(nodes
            .iter()
            .zip(found)
            .map(|(node, account)| {
                let account = account.and_then(|a| TokenAccount::decode(&node.payout, &a).ok());
                let fits = |a: &TokenAccount| a.owner == node.owner && a.mint == mint.address;
                match account.filter(fits) {
                    Some(_) => node.payout,
                    None => mint.account_of(&node.owner),
                }
            })
            .collect())
    }

    /// What is due on these nodes now, in their order, if their vaults were also given `more`.
    pub async fn node_dues(
        &self,
        nodes: &[(Address, Node)],
        more: &BTreeMap<Address, u64>,
    ) -> Result<Vec<NodeDues>> {
        let config: StakingConfig = self.get_account(&addresses::staking::config()).await?;
        let now = self.clock().await?.unix_timestamp;
        let vaults: Vec<Address> = nodes.iter().map(|(_, node)| node.vault).collect();
        let balances = self.token_balances(&vaults).await?;
        nodes
            .iter()
            .zip(balances)
            .map(|((at, node), vault)| {
                let vault = vault.saturating_add(more.get(at).copied().unwrap_or_default());
                NodeDues::new(*at, node, vault, &config, now)
            })
            .collect()
    }

    /// What is due to a wallet now, on every node that it owns or has a delegation on, in the order of their addresses; if
    /// the nodes' vaults were also given `more`, such as an emission that is claimed first.
    pub async fn wallet_dues(
        &self,
        wallet: &Address,
        more: &BTreeMap<Address, u64>,
    ) -> Result<Vec<WalletDues>> {
        let delegations = self
            .get_program_accounts::<Delegation>(&[filter!(Delegation, owner, *wallet)])
            .await?;
        let own = self
            .get_program_accounts::<Node>(&[filter!(Node, owner, *wallet)])
            .await?;
        let mut at: Vec<Address> = delegations.iter().map(|(_, d)| d.node).collect();
        at.extend(own.iter().map(|(at, _)| *at));
        at.sort_unstable();
        at.dedup();
        let found = self.get_accounts::<Node>(&at).await?;
        let nodes: Vec<(Address, Node)> = at
            .into_iter()
            .zip(found)
            .filter_map(|(at, node)| Some((at, node?)))
            .collect();
        let dues = self.node_dues(&nodes, more).await?;
        dues.into_iter()
            .map(|on| {
                let delegation = delegations
                    .iter()
                    .find(|(_, delegation)| delegation.node == on.at)
                    .map(|(_, delegation)| *delegation);
                let rewards = match &delegation {
                    Some(delegation) => on.claimable(delegation)?,
                    None => 0,
                };
                let commission = match on.node.owner == *wallet {
                    true => on.node.commission_owed,
                    false => 0,
                };
                Ok(WalletDues {
                    on,
                    delegation,
                    rewards,
                    commission,
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn config() -> StakingConfig {
        let mut config: StakingConfig = bytemuck::Zeroable::zeroed();
        config.stream_seconds = 1_000;
        config
    }

    fn node(shares: u64) -> Node {
        let mut node: Node = bytemuck::Zeroable::zeroed();
        node.version = 1;
        node.stake = shares;
        node.active_shares = shares;
        node.commission = 1_000;
        node
    }

    #[test]
    fn what_is_swept_pays_commission_at_once_and_the_rest_by_and_by() {
        let (at, mut delegation): (_, Delegation) =
            (Address::default(), bytemuck::Zeroable::zeroed());
        delegation.active_shares = 500;
        let dues = NodeDues::new(at, &node(1_000), 1_000 + 5_000, &config(), 10).unwrap();
        assert_eq!(dues.unswept, 5_000);
        assert_eq!(dues.node.commission_owed, 500);
        assert_eq!(dues.claimable(&delegation).unwrap(), 0);
        // half the stream later, half of 4 500 has flowed, half of that to half of the shares
        let later = NodeDues::new(at, &dues.node, 6_000, &config(), 510).unwrap();
        assert_eq!(later.unswept, 0);
        assert_eq!(later.claimable(&delegation).unwrap(), 1_125);
    }

    #[test]
    fn only_what_is_due_is_claimed() {
        let on = NodeDues::new(Address::default(), &node(1_000), 1_000, &config(), 10).unwrap();
        let wallet = Address::new_from_array([5; 32]);
        let mint = MintInfo {
            address: Address::new_from_array([6; 32]),
            program: addresses::TOKEN,
            authority: None,
            freeze_authority: None,
            supply: 0,
            decimals: 9,
            symbol: None,
        };
        let dues = |unswept, rewards, commission| WalletDues {
            on: NodeDues { unswept, ..on },
            delegation: None,
            rewards,
            commission,
        };
        assert!(!dues(0, 0, 0).is_due());
        let to = Address::new_from_array([7; 32]);
        let claim = |dues: WalletDues| dues.claim(&wallet, &to, &mint);
        assert!(claim(dues(0, 0, 0)).is_empty());
        assert!(!dues(9, 0, 0).is_due());
        assert_eq!(claim(dues(9, 1, 1)).len(), 3);
        assert_eq!(claim(dues(0, 0, 1)).len(), 1);
    }
}
