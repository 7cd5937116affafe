//! Which nodes are meant, as options of commands.
use crate::context::Context;
use crate::output::Cell;
use anyhow::{bail, Result};
use lode_client::{addresses, filter, NodesWanted};
use lode_jobs::state::{Ledger, LedgerKind, Market, NodeFilter};
use lode_staking::state::{Node, NodeStatus};
use serde_json::json;
use solana_address::Address;

/// What nodes declare. Nobody proves it.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Which nodes, by what they declare")]
pub struct NodesArgs {
    /// Only these classes: phone, desktop, server, unknown, or numbers below 8
    #[arg(long = "class", value_name = "CLASS,CLASS", value_delimiter = ',')]
    classes: Vec<String>,
    /// Only with so many processor cores
    #[arg(long, value_name = "NUMBER")]
    cores: Option<u16>,
    /// Only with so much memory
    #[arg(long, value_name = "MIB")]
    node_memory_mib: Option<u16>,
    /// Only in these countries: up to seven ISO 3166 codes
    #[arg(long = "region", value_name = "CODE,CODE", value_delimiter = ',')]
    regions: Vec<String>,
    /// Only outside of these countries
    #[arg(
        long = "not-region",
        value_name = "CODE,CODE",
        value_delimiter = ',',
        conflicts_with = "regions"
    )]
    not_regions: Vec<String>,
}

impl NodesArgs {
    /// The same in words.
    pub fn wanted(&self) -> NodesWanted {
        NodesWanted {
            classes: self.classes.clone(),
            cores: self.cores.unwrap_or_default(),
            memory_mib: self.node_memory_mib.unwrap_or_default(),
            regions: self.regions.clone(),
            not_regions: self.not_regions.clone(),
        }
    }
}

/// A filter, as people and as programs read it.
pub fn cell(filter: &NodeFilter) -> Cell {
    let wanted = NodesWanted::from(filter);
    Cell::new(wanted.to_string(), json!(wanted))
}

/// A job that is meant for one node is refused where that node could not take it: its price would lie there until the accept
/// window ends.
pub async fn require_target(
    target: &Address,
    market_at: &Address,
    market: &Market,
    filter: &NodeFilter,
    context: &Context,
) -> Result<()> {
    let Some(node) = context.client.try_account::<Node>(target).await? else {
        bail!("There is no node {target}, so nothing was posted: `lode node list` lists the nodes");
    };
    let ledger = addresses::jobs::ledger(market_at, target);
    let ledger: Option<Ledger> = context.client.try_account(&ledger).await?;
    if ledger.is_none() {
        bail!("The node {target} works in other markets than {market_at}, so nothing was posted: its owner lets it in with `lode account open --node {target}`");
    }
    if node.status != NodeStatus::Active as u8 {
        bail!("The node {target} is leaving and takes no job, so nothing was posted: `lode node list` lists the others");
    }
    if [&market.nodes, filter]
        .iter()
        .any(|f| f.require(&node).is_err())
    {
        bail!("The node {target} does not declare what the job or its market asks for, so nothing was posted: `lode node show {target}` says what it declares");
    }
    Ok(())
}

/// Says how many nodes of a market may take a job: where there is none, it waits for nothing.
pub async fn tell_choice(
    market_at: &Address,
    market: &Market,
    filter: &NodeFilter,
    context: &Context,
) -> Result<()> {
    let client = &context.client;
    let ledgers = client
        .get_program_accounts::<Ledger>(&[
            filter!(Ledger, market, *market_at),
            filter!(Ledger, kind, LedgerKind::Node as u8),
        ])
        .await?;
    let at: Vec<Address> = ledgers.iter().map(|(_, ledger)| ledger.party).collect();
    let mut nodes = client.get_accounts::<Node>(&at).await?;
    let works = |node: &Node| !node.is_exiting() && !node.is_jailed();
    nodes.retain(|node| node.as_ref().is_some_and(works));
    let pass = |node: &Node| {
        [&market.nodes, filter]
            .iter()
            .all(|f| f.require(node).is_ok())
    };
    let found = nodes.iter().flatten().filter(|node| pass(node)).count();
    let asks = !(filter.is_any() && market.nodes.is_any());
    context.out.note(&choice(found, nodes.len(), asks));
    Ok(())
}

/// How many of a market's nodes that work now may take a job; `asks` if that hangs on what they declare.
fn choice(found: usize, of: usize, asks: bool) -> String {
    let waits = "the job waits until one does, or until its accept window ends";
    match (found, of) {
        (_, 0) => format!("No node works in the market now: {waits}."),
        (0, _) => format!("No node of the market declares what is asked for: {waits}."),
        _ if asks => format!("{found} of {of} nodes of the market declare what is asked for."),
        _ => format!("Nodes that work in the market: {of}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_counted_whatever_a_job_asks_for() {
        let none = choice(0, 0, false);
        assert!(
            none.starts_with("No node works in the market now"),
            "{none}"
        );
        assert_eq!(choice(0, 0, true), none);
        assert!(choice(0, 2, true).starts_with("No node of the market declares"));
        let some = choice(1, 2, true);
        assert_eq!(
            some,
            "1 of 2 nodes of the market declare what is asked for."
        );
        assert_eq!(choice(2, 2, false), "Nodes that work in the market: 2.");
    }
}
