//! `lode epoch`: what the network emits, epoch by epoch. Anyone may record, finalise, claim and close.
use crate::context::{landed, require_all, signatures, Context};
use crate::dry_run;
use crate::exit::not_yet;
use crate::output::{bps, time, Cell, Format, Token};
use anyhow::{bail, Result};
use lode_client::emissions::{can_be_closed, recording};
use lode_client::instructions::{emissions, staking};
use lode_emissions::constants::LAST_CLAIM_AGE;
use lode_emissions::state::{Epoch, Schedule};
use lode_math::emission;
use lode_staking::state::Node;
use serde_json::json;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_signer::Signer;
use std::collections::BTreeSet;

/// Commands of epochs.
#[derive(clap::Subcommand)]
pub enum Command {
    /// List epochs
    List,
    /// Show an epoch and what each node has of it
    Show {
        /// Which epoch; without it, the one that runs
        epoch: Option<u64>,
    },
    /// Write down what nodes earned in the epoch that ended last: what is not recorded is never minted
    Record {
        /// Only this node
        #[arg(long, value_name = "ADDRESS")]
        node: Option<Address>,
    },
    /// Fix what epochs mint, from the second epoch after them on
    Finalize {
        /// Only this epoch
        epoch: Option<u64>,
    },
    /// Mint what final epochs owe: for work to the operators, for stake to the nodes' vaults, the treasury's
    Claim {
        /// Only of this epoch
        epoch: Option<u64>,
        /// Only for this node
        #[arg(long, value_name = "ADDRESS")]
        node: Option<Address>,
    },
    /// Close what is claimed or over; the rents go back to whoever paid them
    Close,
}

pub async fn run(command: Command, context: &Context) -> Result<()> {
    let (schedule, now) = schedule(context).await?;
    let token = context.token(&schedule.mint).await?;
    let stage = Stage {
        context,
        schedule,
        now,
        token,
    };
    match command {
        Command::List => stage.list().await,
        Command::Show { epoch } => stage.show(epoch).await,
        Command::Record { node } => stage.record(node).await,
        Command::Finalize { epoch } => stage.finalize(epoch).await,
        Command::Claim { epoch, node } => stage.claim(epoch, node).await,
        Command::Close => stage.close().await,
    }
}

/// The schedule and the chain's time.
pub async fn schedule(context: &Context) -> Result<(Schedule, i64)> {
    let Some(schedule) = context.client.schedule().await? else {
        bail!(
            "There are no emissions on {}: its plan has not started their schedule",
            context.client.url()
        );
    };
    Ok((schedule, context.client.clock().await?.unix_timestamp))
}

struct Stage<'a> {
    context: &'a Context,
    schedule: Schedule,
    now: i64,
    token: Token,
}

impl Stage<'_> {
    /// When an epoch begins, unix seconds.
    fn begins(&self, epoch: u64) -> i64 {
        let index = i64::try_from(epoch).unwrap_or(i64::MAX);
        index
            .saturating_mul(self.schedule.epoch_seconds)
            .saturating_add(self.schedule.genesis)
    }

    /// Where an epoch stands, and what can be done.
    fn state(&self, index: u64, epoch: Option<&Epoch>) -> &'static str {
        let age = self.schedule.age(index, self.now);
        match (age, epoch) {
            (None, _) => "not begun",
            (Some(0), _) => "runs",
            (Some(1), _) => "is recorded",
            (Some(age), _) if age > LAST_CLAIM_AGE => "over",
            (Some(_), Some(epoch)) if epoch.is_final() => "is claimed",
            (Some(_), Some(_)) => "waits to be final",
            (Some(_), None) => "nothing recorded",
        }
    }

    async fn list(&self) -> Result<()> {
        let mut epochs = self.context.client.epochs().await?;
        epochs.reverse();
        let mut rows = Vec::new();
        if let Some(running) = self.schedule.epoch(self.now) {
            // The one that runs and the one that is recorded stand there also while nobody has recorded anything.
            for index in (running.saturating_sub(1)..=running).rev() {
                if epochs.iter().all(|epoch| epoch.index != index) {
                    rows.push(self.row(index, None)?);
                }
            }
        }
        for epoch in &epochs {
            rows.push(self.row(epoch.index, Some(epoch))?);
        }
        self.context.out.table(
            &[
                "epoch",
                "state",
                "begins",
                "ends",
                "nodes",
                "points",
                "amount",
                "claimed",
                "concentration",
            ],
            rows,
            "The first epoch has not begun.",
        );
        Ok(())
    }

    fn row(&self, index: u64, epoch: Option<&Epoch>) -> Result<Vec<Cell>> {
        let of = |get: fn(&Epoch) -> u64| epoch.map(get).unwrap_or_default();
        let claimed = epoch.map_or(Ok(0), Epoch::claimed)?;
        Ok(vec![
            index.into(),
            self.state(index, epoch).into(),
            time(self.begins(index)),
            time(self.begins(index.saturating_add(1))),
            of(|e| e.nodes).into(),
            of(|e| e.points).into(),
            self.token.cell(of(|e| e.amount)),
            self.token.cell(claimed),
            bps(of(|e| e.herfindahl)),
        ])
    }

    async fn show(&self, epoch: Option<u64>) -> Result<()> {
        let running = self.schedule.epoch(self.now);
        let Some(index) = epoch.or(running) else {
            bail!(
                "The first epoch has not begun: it does at {}",
                time(self.schedule.genesis).text()
            );
        };
        let client = &self.context.client;
        let at = lode_client::addresses::emissions::epoch(index);
        let found: Option<Epoch> = client.try_account(&at).await?;
        let shares = client.shares(Some(index), None).await?;
        let zero: Epoch = lode_client::bytemuck::Zeroable::zeroed();
        let epoch = found.unwrap_or(zero);
        let mut rows = Vec::new();
        for share in &shares {
            let (mut work, mut stake) = (Cell::none(), Cell::none());
            if epoch.is_final() {
                work = self.token.cell(epoch.work_of(share.points)?);
                let amount = epoch.stake_of(&self.schedule, share.stake, share.points)?;
                stake = self.token.cell(amount);
            }
            rows.push(vec![
                Cell::from(share.node),
                share.points.into(),
                self.token.cell(share.stake),
                work,
                stake,
                share.is_claimed().into(),
                can_be_closed(&self.schedule, share, self.now).into(),
            ]);
        }
        let columns = [
            "node",
            "points",
            "stake",
            "for_work",
            "for_stake",
            "claimed",
            "can_be_closed",
        ];
        let listed = self.context.out.objects(&columns, &rows);
        let ceiling = emission::ceiling(
            self.schedule.first_ceiling,
            u64::from(self.schedule.decay_bps),
            self.schedule.era_epochs,
            index,
        );
        let burned = Cell::new(self.token.show(epoch.points), json!(epoch.points));
        self.context.out.sheet(vec![
            ("epoch", index.into()),
            ("state", self.state(index, found.as_ref()).into()),
            ("begins", time(self.begins(index))),
            ("ends", time(self.begins(index.saturating_add(1)))),
            ("points", burned),
            ("nodes", epoch.nodes.into()),
            (
                "ceiling",
                ceiling.map_or_else(Cell::none, |amount| self.token.cell(amount)),
            ),
            ("amount", self.token.cell(epoch.amount)),
            ("for_work", self.token.cell(epoch.work)),
            ("for_stake", self.token.cell(epoch.stake_amount)),
            ("for_the_treasury", self.token.cell(epoch.treasury)),
            ("claimed", self.token.cell(epoch.claimed()?)),
            ("concentration", bps(epoch.herfindahl)),
            ("final_at", time(epoch.finalised_at)),
            ("shares", Cell::new(shares.len().to_string(), listed)),
        ]);
        if self.context.out.format == Format::Table {
            self.context
                .out
                .table(&columns, rows, "No node is recorded in it.");
        }
        Ok(())
    }

    async fn record(&self, node: Option<Address>) -> Result<()> {
        let Some(epoch) = recording(&self.schedule, self.now) else {
            not_yet!(
                "No epoch has ended yet: the first one ends at {}",
                time(self.begins(1)).text()
            );
        };
        let wallet = self.context.wallet()?;
        let payer = self.context.payer(&wallet)?.pubkey();
        let client = &self.context.client;
        let mut found = client.recordable(&self.schedule, self.now).await?;
        if let Some(node) = node {
            found.retain(|one| one.node == node);
            if found.is_empty() {
                bail!("The node {node} has no points of epoch {epoch}, or is recorded already: `lode epoch show {epoch}` lists who is");
            }
        }
        let groups: Vec<Vec<Instruction>> = found
            .iter()
            .map(|one| vec![emissions::record(&payer, &one.node, one.epoch)])
            .collect();
        let packed = self
            .context
            .send_packed("recording", &groups, &wallet)
            .await?;
        dry_run::end_where_nothing_is_due(self.context)?;
        let sum = found
            .iter()
            .fold(0u64, |sum, one| sum.saturating_add(one.points));
        self.context.out.sheet(vec![
            ("epoch", epoch.into()),
            ("recorded", landed(&packed).into()),
            ("points", Cell::new(self.token.show(sum), json!(sum))),
            ("signatures", signatures(&packed)),
        ]);
        require_all(&packed, groups.len(), "nodes")
    }

    async fn finalize(&self, epoch: Option<u64>) -> Result<()> {
        let wallet = self.context.wallet()?;
        let client = &self.context.client;
        let mut found = client.finalisable(&self.schedule, self.now).await?;
        if let Some(index) = epoch {
            found.retain(|epoch| epoch.index == index);
            if found.is_empty() {
                let at = lode_client::addresses::emissions::epoch(index);
                let epoch: Option<Epoch> = client.try_account(&at).await?;
                not_yet!(
                    "Epoch {index} cannot be made final now, it {}: that is possible from {} on, once a node is recorded in it",
                    self.state(index, epoch.as_ref()),
                    time(self.begins(index.saturating_add(2))).text()
                );
            }
        }
        let groups: Vec<Vec<Instruction>> = found
            .iter()
            .map(|epoch| vec![emissions::finalize_epoch(epoch.index)])
            .collect();
        let packed = self
            .context
            .send_packed("finalising", &groups, &wallet)
            .await?;
        dry_run::end_where_nothing_is_due(self.context)?;
        let mut rows = Vec::new();
        for (part, sent) in &packed.sent {
            for one in part.iter().filter_map(|i| found.get(*i)) {
                let at = lode_client::addresses::emissions::epoch(one.index);
                let epoch: Epoch = client.get_account(&at).await?;
                rows.push(vec![
                    epoch.index.into(),
                    epoch.nodes.into(),
                    epoch.points.into(),
                    self.token.cell(epoch.amount),
                    self.token.cell(epoch.work),
                    self.token.cell(epoch.stake_amount),
                    self.token.cell(epoch.treasury),
                    sent.signature.to_string().into(),
                ]);
            }
        }
        self.context.out.table(
            &[
                "epoch",
                "nodes",
                "points",
                "amount",
                "for_work",
                "for_stake",
                "for_the_treasury",
                "signature",
            ],
            rows,
            "No epoch waits to be made final.",
        );
        require_all(&packed, groups.len(), "epochs")
    }

    async fn claim(&self, epoch: Option<u64>, node: Option<Address>) -> Result<()> {
        let wallet = self.context.wallet()?;
        let payer = self.context.payer(&wallet)?.pubkey();
        let client = &self.context.client;
        let mint = &self.token.mint;
        let fits = |index: u64| epoch.is_none_or(|epoch| epoch == index);
        let mut dues = client.share_dues(&self.schedule, node, self.now).await?;
        dues.retain(|due| fits(due.share.epoch));
        let nodes: Vec<Node> = dues.iter().map(|due| due.node).collect();
        let payouts = client.payouts(&nodes, mint).await?;
        let claims: Vec<_> = dues.iter().zip(&payouts).collect();
        let mut wallets: Vec<Address> = claims
            .iter()
            .filter(|(due, to)| due.work_open && **to == mint.account_of(&due.node.owner))
            .map(|(due, _)| due.node.owner)
            .collect();
        let treasury = self.schedule.treasury_owner;
        // The treasury is due in proportion to what was claimed: also of what is claimed now, and after it.
        let mut epochs: BTreeSet<u64> = BTreeSet::new();
        if node.is_none() {
            epochs.extend(dues.iter().map(|due| due.share.epoch));
            let waiting = client.treasury_dues(&self.schedule, self.now).await?;
            let waiting = waiting.iter().map(|(index, _)| *index);
            epochs.extend(waiting.filter(|index| fits(*index)));
        }
        if !epochs.is_empty() {
            wallets.push(treasury);
        }
        let open = client.open_missing(&payer, wallets, mint).await?;
        let mut groups: Vec<Vec<Instruction>> = open.into_iter().map(|open| vec![open]).collect();
        groups.extend(claims.iter().map(|(due, to)| due.claim(to, mint)));
        let swept: BTreeSet<Address> = dues
            .iter()
            .filter(|due| due.stake_open)
            .map(|due| due.share.node)
            .collect();
        groups.extend(swept.iter().map(|node| vec![staking::sweep_rewards(node)]));
        groups.extend(
            epochs
                .iter()
                .map(|index| vec![emissions::claim_treasury(&treasury, *index, mint)]),
        );
        let before = client.mint(&mint.address).await?.supply;
        let packed = self
            .context
            .send_packed("claiming", &groups, &wallet)
            .await?;
        dry_run::end_where_nothing_is_due(self.context)?;
        let after = client.mint(&mint.address).await?.supply;
        let sum = |get: fn(&lode_client::emissions::ShareDues) -> u64| {
            dues.iter()
                .fold(0u64, |sum, due| sum.saturating_add(get(due)))
        };
        self.context.out.sheet(vec![
            ("shares", dues.len().into()),
            ("for_work", self.token.cell(sum(|due| due.work))),
            ("for_stake", self.token.cell(sum(|due| due.stake))),
            ("supply_before", self.token.cell(before)),
            ("supply", self.token.cell(after)),
            ("transactions", packed.sent.len().into()),
            ("signatures", signatures(&packed)),
        ]);
        require_all(&packed, groups.len(), "claims")
    }

    async fn close(&self) -> Result<()> {
        let wallet = self.context.wallet()?;
        let client = &self.context.client;
        let (shares, _) = client.closable(&self.schedule, self.now).await?;
        let groups: Vec<Vec<Instruction>> = shares
            .iter()
            .map(|share| vec![emissions::close_share(share)])
            .collect();
        let packed = self
            .context
            .send_packed("closing shares", &groups, &wallet)
            .await?;
        require_all(&packed, groups.len(), "shares")?;
        // Closing shares may have emptied epochs.
        let (_, epochs) = client.closable(&self.schedule, self.now).await?;
        let ends: Vec<Vec<Instruction>> = epochs
            .iter()
            .map(|epoch| vec![emissions::close_epoch(epoch)])
            .collect();
        let ended = self
            .context
            .send_packed("closing epochs", &ends, &wallet)
            .await?;
        dry_run::end_where_nothing_is_due(self.context)?;
        self.context.out.sheet(vec![
            ("shares_closed", landed(&packed).into()),
            ("epochs_closed", landed(&ended).into()),
        ]);
        require_all(&ended, ends.len(), "epochs")
    }
}
