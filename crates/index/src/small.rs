//! Straight from a server, without an index: one job, or one account with little history.
use crate::follow::{names, Replay};
use crate::read::{JobStep, Statement, Who};
use crate::store::{Index, Written};
use crate::{books, Error, Result};
use futures_util::StreamExt as _;
use lode_client::events::told;
use lode_client::record::{Place, Record};
use lode_client::Client;
use lode_jobs::state::Job;
use solana_address::Address;
use solana_signature::Signature;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

/// Most transactions that are read without an index.
const MOST: usize = 5_000;
/// How many transactions are asked for at the same time.
const AT_ONCE: usize = 8;

/// Every change of one job.
pub async fn job_history(
    client: &Client,
    job: &Address,
    tell: &(dyn Fn(usize, usize) + Send + Sync),
) -> Result<Vec<JobStep>> {
    index_of(client, job, tell)
        .await?
        .job_history(Who::Job(*job))
}

/// How a job stood before its account was closed, or stands; nothing where the server knows of no transaction that
/// changed it.
pub async fn last_of_job(client: &Client, job: &Address) -> Result<Option<Job>> {
    index_of(client, job, &|_, _| ()).await?.last_job(job)
}

/// An index in memory of one job.
async fn index_of(
    client: &Client,
    job: &Address,
    tell: &(dyn Fn(usize, usize) + Send + Sync),
) -> Result<Index> {
    let places = client.places_of(job, None, &|_| ()).await?;
    let records = records(client, &places, tell).await?;
    replayed(client, &[places], &records, &[*job].into(), HashSet::new()).await
}

/// The statement of one account; see [`Index::statement`].
pub async fn statement(
    client: &Client,
    ledger: &Address,
    since: i64,
    until: i64,
    tell: &(dyn Fn(usize, usize) + Send + Sync),
) -> Result<Statement> {
    let own = client.places_of(ledger, None, &|_| ()).await?;
    let mut records = records(client, &own, tell).await?;
    let jobs: BTreeSet<Address> = records
        .values()
        .flat_map(|record| &record.instructions)
        .filter(|one| one.program == lode_jobs::ID && one.accounts.contains(ledger))
        .filter_map(books::job_of)
        .collect();
    let mut lists = vec![own];
    let mut missing: Vec<Place> = Vec::new();
    for job in &jobs {
        let places = client.places_of(job, None, &|_| ()).await?;
        missing.extend(
            places
                .iter()
                .filter(|place| !records.contains_key(&place.signature)),
        );
        lists.push(places);
    }
    missing.sort_by_key(|place| place.signature);
    missing.dedup();
    records.extend(self::records(client, &missing, tell).await?);
    let mut index = replayed(client, &lists, &records, &jobs, HashSet::from([*ledger])).await?;
    index.statement(ledger, since, until)
}

async fn records(
    client: &Client,
    places: &[Place],
    tell: &(dyn Fn(usize, usize) + Send + Sync),
) -> Result<HashMap<Signature, Record>> {
    if places.len() > MOST {
        return Err(Error::Unknown(format!(
            "This takes more than {MOST} transactions: make an index once with `lode index run --once --index FILE`, and name it with --index FILE"
        )));
    }
    let fetch = |signature: Signature| async move { client.record(&signature).await };
    let mut fetched = futures_util::stream::iter(names(places))
        .map(fetch)
        .buffered(AT_ONCE);
    let mut found = HashMap::new();
    while let Some(record) = fetched.next().await {
        let record = record?;
        found.insert(record.signature, record);
        tell(found.len(), places.len());
    }
    Ok(found)
}

/// An index in memory of these transactions, and in them of these jobs and accounts alone: what else they are about has a
/// past that was not read.
async fn replayed(
    client: &Client,
    lists: &[Vec<Place>],
    records: &HashMap<Signature, Record>,
    jobs: &BTreeSet<Address>,
    only: HashSet<Address>,
) -> Result<Index> {
    let mut index = Index::open(":memory:")?;
    let mut replay = Replay::new(client.clone());
    for (seq, signature) in merged(lists).iter().enumerate() {
        let Some(record) = records.get(signature) else {
            continue;
        };
        let mut record = record.clone();
        record.instructions.retain(|one| match books::job_of(one) {
            Some(job) => jobs.contains(&job),
            None => one.accounts.iter().any(|at| only.contains(at)),
        });
        index.only = Some(only.clone());
        let told = match &record.log {
            Some(log) if !record.failed => told(log),
            _ => Vec::new(),
        };
        let (effects, doubts) = replay.transaction(&mut index, &record, &told).await?;
        index.write(&Written {
            program: lode_jobs::ID,
            seq: crate::store::int(seq)?,
            is_final: false,
            record: &record,
            told: &told,
            effects: &effects,
            doubts: &doubts,
        })?;
    }
    Ok(index)
}

/// One order that agrees with every list: a transaction comes when it is the next in each list that has it, those of
/// earlier slots first.
fn merged(lists: &[Vec<Place>]) -> Vec<Signature> {
    let mut ahead: HashMap<Signature, usize> = HashMap::new();
    for place in lists.iter().flatten() {
        let count = ahead.entry(place.signature).or_default();
        *count = count.saturating_add(1);
    }
    let mut queues: Vec<VecDeque<Place>> = lists
        .iter()
        .map(|list| list.iter().copied().collect())
        .collect();
    let mut order = Vec::with_capacity(ahead.len());
    loop {
        let heads: Vec<Place> = queues
            .iter()
            .filter_map(|queue| queue.front().copied())
            .collect();
        let at_the_head = |place: &Place| heads.iter().filter(|head| *head == place).count();
        let ready = heads
            .iter()
            .filter(|place| ahead.get(&place.signature) == Some(&at_the_head(place)));
        // Lists of one chain never contradict each other, so one is always ready.
        let Some(next) = ready
            .min_by_key(|place| (place.slot, place.signature))
            .copied()
        else {
            return order;
        };
        for queue in &mut queues {
            if queue.front() == Some(&next) {
                queue.pop_front();
            }
        }
        order.push(next.signature);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(byte: u8, slot: u64) -> Place {
        Place {
            signature: Signature::from([byte; 64]),
            slot,
        }
    }

    #[test]
    fn lists_are_merged_so_that_each_keeps_its_order_and_nothing_comes_twice() {
        // 9 and 2 stand in the same slot, in this order by the first list; 3 is only in the second
        let (a, b, c, d) = (place(9, 5), place(2, 5), place(3, 6), place(1, 7));
        let order = merged(&[vec![a, b, d], vec![b, c, d], vec![]]);
        assert_eq!(order, [a.signature, b.signature, c.signature, d.signature]);
        assert_eq!(merged(&[]), Vec::<Signature>::new());
    }
}
