//! Who works, who stakes where, and what an epoch pays to each of them.

use lode_math::emission::{self, Buckets, Terms};
use lode_math::rewards;

/// A node: what `record` reads of it, and whose it is.
#[derive(Clone, Debug)]
pub struct Node {
    /// Owner: an index that the caller gives a meaning.
    pub owner: usize,
    /// Points of the epoch: burn fees, base units.
    pub points: u64,
    /// Active stake by owner, base units, which is as many shares: nobody was slashed here. Each owner once.
    pub stakes: Vec<(usize, u64)>,
    /// Commission on what others' stake earns here, basis points.
    pub commission: u64,
}

impl Node {
    /// Active stake, base units.
    pub fn stake(&self) -> u64 {
        self.stakes.iter().map(|(_, stake)| stake).sum()
    }
}

/// What an epoch minted, and to whom.
#[derive(Clone, Debug, Default)]
pub struct Paid {
    /// Amount and buckets as finalised, base units.
    pub amount: u64,
    /// The work bucket.
    pub work: u64,
    /// The stake bucket.
    pub stake: u64,
    /// Work emission by owner.
    pub by_work: Vec<u64>,
    /// Stake emission by owner, commissions moved to the operators.
    pub by_stake: Vec<u64>,
    /// The treasury's.
    pub treasury: u64,
    /// All claims together: what the supply grew by.
    pub claimed: u64,
}

impl Paid {
    /// Work and stake emission of an owner.
    pub fn of(&self, owner: usize) -> u64 {
        self.by_work[owner] + self.by_stake[owner]
    }
}

/// Shares `amount` out among the nodes, all of them recorded, all claims made. `None` where a sum does not fit.
pub fn pay(terms: &Terms, nodes: &[Node], owners: usize, amount: u64) -> Option<Paid> {
    let points: u64 = nodes.iter().map(|node| node.points).sum();
    let recorded = || nodes.iter().filter(|node| node.points > 0);
    let all_stake: u64 = recorded().map(Node::stake).sum();
    let Buckets {
        work,
        stake,
        treasury,
    } = emission::buckets(terms, amount)?;
    let mut paid = Paid {
        amount,
        work,
        stake,
        by_work: vec![0; owners],
        by_stake: vec![0; owners],
        ..Paid::default()
    };
    let mut worked = 0;
    for node in recorded() {
        let for_work = emission::work_claim(work, node.points, points)?;
        paid.by_work[node.owner] += for_work;
        worked += for_work;
        let own = node.stake();
        let for_stake = emission::stake_claim(stake, terms.c, own, all_stake, node.points, points)?;
        // the node's vault takes it; the sweep gives the commission to the operator and the rest to the shares
        let commission = lode_math::bps_floor(for_stake, node.commission)?;
        paid.by_stake[node.owner] += commission;
        let per_share = rewards::per_share(for_stake - commission, own).unwrap_or(0);
        for (owner, shares) in &node.stakes {
            paid.by_stake[*owner] += rewards::earned(*shares, 0, per_share)?;
        }
        paid.claimed += for_work + for_stake;
    }
    paid.treasury = emission::treasury_due(treasury, worked, work)?;
    paid.claimed += paid.treasury;
    Some(paid)
}
