//! `lode oracle attester | bond | leave | withdraw | duties | credits`: what an owner does with his seat, and what it asks and earns.
use crate::commands::crank;
use crate::context::{address_of, Context};
use crate::output::{time, Cell, Token};
use crate::progress::Progress;
use anyhow::{bail, Result};
use lode_attestation::Verdict;
use lode_client::instructions::oracle;
use lode_client::{addresses, filter, token};
use lode_crank::{deadline, Now};
use lode_crank::{uncollected, Crank, Duty, Policy};
use lode_jobs::state::{Job, JobState, Ledger, Market};
use lode_oracle::constants::BOND_AFTER_LEAVING;
use lode_oracle::state::{Committee, Oracle};
use solana_address::Address;
use solana_signer::Signer;
use std::collections::hash_map::Entry;
use std::collections::HashMap;
use std::sync::Arc;

/// What is done with a seat.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Change the hot key that signs your seat's verdicts
    Attester {
        /// The new key: its keypair file or address
        #[arg(value_name = "FILE OR ADDRESS")]
        key: String,
        /// The committee, if there are several
        #[arg(long, value_name = "ADDRESS")]
        committee: Option<Address>,
    },
    /// Add to your bond, from the wallet; a fine that leaves less than the least ends your service
    Bond {
        /// Tokens, such as 500
        amount: String,
        /// The committee, if there are several
        #[arg(long, value_name = "ADDRESS")]
        committee: Option<Address>,
    },
    /// End your service in a day; the bond answers for 14 days more
    Leave {
        /// The committee, if there are several
        #[arg(long, value_name = "ADDRESS")]
        committee: Option<Address>,
    },
    /// Take the bond home and free the seat, 14 days after it was left
    Withdraw {
        /// The committee, if there are several
        #[arg(long, value_name = "ADDRESS")]
        committee: Option<Address>,
        /// Another owner's, who may have lost his key: it goes home to his associated account; if that cannot be paid, the
        /// seat is freed and the bond waits for him
        #[arg(long, value_name = "ADDRESS")]
        of: Option<Address>,
        /// Another token account of yours than the associated one
        #[arg(long, value_name = "TOKEN_ACCOUNT", conflicts_with = "of")]
        to: Option<Address>,
    },
    /// Show which jobs ask your seat now, and until when
    Duties {
        /// The committee, if there are several
        #[arg(long, value_name = "ADDRESS")]
        committee: Option<Address>,
        /// Another owner's seat
        #[arg(long, value_name = "ADDRESS")]
        of: Option<Address>,
    },
    /// Show what your seat earned by checking, and how much of it can be redeemed
    Credits {
        /// The committee, if there are several
        #[arg(long, value_name = "ADDRESS")]
        committee: Option<Address>,
        /// Another owner's seat
        #[arg(long, value_name = "ADDRESS")]
        of: Option<Address>,
        /// Collect what jobs owe the seat, and turn credits into money as far as the pools go
        #[arg(long)]
        redeem: bool,
    },
}

pub async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Attester { key, committee } => attester(&key, committee, context).await,
        Command::Bond { amount, committee } => bond(&amount, committee, context).await,
        Command::Leave { committee } => leave(committee, context).await,
        Command::Withdraw { committee, of, to } => withdraw(committee, of, to, context).await,
        Command::Duties { committee, of } => duties(committee, of, context).await,
        Command::Credits {
            committee,
            of,
            redeem,
        } => credits(committee, of, redeem, context).await,
    }
}

async fn attester(key: &str, named: Option<Address>, context: &Context) -> Result<()> {
    let key = address_of(key)?;
    let wallet = context.wallet()?;
    let me = wallet.pubkey();
    let (at, _) = context.committee(named).await?;
    let instruction = oracle::set_attester(&me, &at, &key);
    let sent = context
        .send("changing the key", &[instruction], &wallet, &[])
        .await?;
    context.out.sheet(vec![
        ("oracle", addresses::oracle::oracle(&at, &me).into()),
        ("attester", key.into()),
        ("signature", sent.signature.to_string().into()),
    ]);
    context.out.note("Start `lode oracle run` anew with this key, in the same folder: jobs that were sealed before ask for it too.");
    Ok(())
}

async fn bond(amount: &str, named: Option<Address>, context: &Context) -> Result<()> {
    let wallet = context.wallet()?;
    let me = wallet.pubkey();
    let (at, committee) = context.committee(named).await?;
    let token = context.token(&committee.bond_mint).await?;
    let amount = token.parse_positive("AMOUNT", amount)?;
    context.require_tokens(&me, &token, amount).await?;
    let instruction = oracle::add_bond(&me, &at, &token.mint, amount);
    let sent = context
        .send("adding to the bond", &[instruction], &wallet, &[])
        .await?;
    let oracle_at = addresses::oracle::oracle(&at, &me);
    let look = format!("`lode oracle show --committee {at}`");
    let bonded: Oracle = context.read_back(&oracle_at, &sent, &look).await?;
    context.out.sheet(vec![
        ("oracle", oracle_at.into()),
        ("added", token.cell(amount)),
        ("bond", token.cell(bonded.bond)),
        ("least", token.cell(committee.minimum_bond)),
        ("signature", sent.signature.to_string().into()),
    ]);
    Ok(())
}

async fn leave(named: Option<Address>, context: &Context) -> Result<()> {
    let wallet = context.wallet()?;
    let me = wallet.pubkey();
    let (at, _) = context.committee(named).await?;
    context.confirm(&format!(
        "The seat of {me} in the committee {at} would end its service in a day, and there is no way back"
    ))?;
    let instruction = oracle::leave(&me, &at);
    let sent = context
        .send("leaving the committee", &[instruction], &wallet, &[])
        .await?;
    let oracle_at = addresses::oracle::oracle(&at, &me);
    let look = format!("`lode oracle show --committee {at}`");
    let left: Oracle = context.read_back(&oracle_at, &sent, &look).await?;
    context.out.sheet(vec![
        ("oracle", oracle_at.into()),
        ("serves_until", time(left.left_at)),
        (
            "bond_answers_until",
            time(left.left_at.saturating_add(BOND_AFTER_LEAVING)),
        ),
        ("signature", sent.signature.to_string().into()),
    ]);
    context.out.note(
        "Keep `lode oracle run` going for eight days: what was submitted while you served may ask your seat until then, and silence is fined.",
    );
    Ok(())
}

async fn withdraw(
    named: Option<Address>,
    of: Option<Address>,
    to: Option<Address>,
    context: &Context,
) -> Result<()> {
    let wallet = context.wallet()?;
    let payer = context.payer(&wallet)?.pubkey();
    let owner = of.unwrap_or_else(|| wallet.pubkey());
    let (at, committee) = context.committee(named).await?;
    let token = context.token(&committee.bond_mint).await?;
    let oracle_at = addresses::oracle::oracle(&at, &owner);
    let before: Oracle = context.client.get_account(&oracle_at).await?;
    let associated = token.mint.account_of(&owner);
    let taken = to.is_none()
        && context.client.raw_account(&associated).await?.is_some()
        && !context.client.is_payable(&owner, &token.mint).await?;
    if taken && owner == wallet.pubkey() {
        bail!("Your associated account {associated} was given away, nothing can be paid into it: name another token account of yours with --to");
    }
    if taken {
        return free(&owner, &at, &before, &token, context).await;
    }
    let mut instructions = match &to {
        Some(to) => vec![oracle::withdraw_bond_to(&owner, &at, &token.mint, to)],
        None => vec![
            token::open_associated(&payer, &owner, &token.mint),
            oracle::withdraw_bond(&owner, &at, &token.mint),
        ],
    };
    let now = context.client.clock().await?.unix_timestamp;
    if now >= before.admitted_until {
        // the membership has nothing left but its rent
        instructions.push(oracle::close_oracle(&oracle_at, &before));
    }
    let sent = context
        .send("withdrawing the bond", &instructions, &wallet, &[])
        .await?;
    context.out.sheet(vec![
        ("oracle", oracle_at.into()),
        ("owner", owner.into()),
        ("withdrawn", token.cell(before.bond)),
        ("signature", sent.signature.to_string().into()),
    ]);
    Ok(())
}

/// Frees the seat of an owner whose associated account cannot be paid.
async fn free(
    owner: &Address,
    committee: &Address,
    before: &Oracle,
    token: &Token,
    context: &Context,
) -> Result<()> {
    let oracle_at = addresses::oracle::oracle(committee, owner);
    if !before.is_seated() {
        bail!("The seat is free already, and the associated account of {owner} cannot be paid: only its owner can take the bond, with `lode oracle withdraw --to ACCOUNT`");
    }
    let sent = context
        .send(
            "freeing the seat",
            &[oracle::free_seat(owner, committee)],
            &context.wallet()?,
            &[],
        )
        .await?;
    context.out.sheet(vec![
        ("oracle", oracle_at.into()),
        ("owner", (*owner).into()),
        ("withdrawn", token.cell(0)),
        ("bond_waiting", token.cell(before.bond)),
        ("signature", sent.signature.to_string().into()),
    ]);
    Ok(())
}

/// A committee, the seats of a wallet in it, and the markets that it serves.
struct Seats {
    owner: Address,
    seats: Vec<u8>,
    committee: Committee,
    markets: HashMap<Address, Market>,
}

async fn seats(named: Option<Address>, of: Option<Address>, context: &Context) -> Result<Seats> {
    let owner = match of {
        Some(owner) => owner,
        None => context.wallet()?.pubkey(),
    };
    let (at, committee) = context.committee(named).await?;
    let seats: Vec<u8> = (0u8..)
        .zip(&committee.seats)
        .filter(|(_, seat)| seat.owner == owner && !seat.is_reserved())
        .map(|(number, _)| number)
        .collect();
    if seats.is_empty() {
        bail!("The wallet {owner} has no seat in committee {at}: `lode oracle show` lists who has");
    }
    let markets = context
        .client
        .get_program_accounts::<Market>(&[filter!(Market, committee, at)])
        .await?;
    Ok(Seats {
        owner,
        seats,
        committee,
        markets: markets.into_iter().collect(),
    })
}

impl Seats {
    /// Jobs of the committee's markets in these states.
    async fn jobs(&self, states: &[JobState], context: &Context) -> Result<Vec<(Address, Job)>> {
        let mut found = Vec::new();
        for market in self.markets.keys() {
            for state in states {
                let filters = [
                    filter!(Job, state, *state as u8),
                    filter!(Job, market, *market),
                ];
                found.extend(context.client.get_program_accounts::<Job>(&filters).await?);
            }
        }
        Ok(found)
    }

    fn serves(&self, seat: u8, job: &Job) -> bool {
        self.committee.seat_is_eligible(seat, job.submitted_at)
    }
}

/// What a seat has said of a job on the chain.
fn said(job: &Job, seat: u8) -> Option<Verdict> {
    let all = [Verdict::Match, Verdict::Mismatch, Verdict::Unrunnable];
    all.into_iter()
        .find(|verdict| job.signers(*verdict) >> seat & 1 == 1)
}

fn verdict_cell(verdict: Option<Verdict>) -> Cell {
    match verdict {
        Some(Verdict::Match) => "match".into(),
        Some(Verdict::Mismatch) => "mismatch".into(),
        Some(Verdict::Unrunnable) => "unrunnable".into(),
        None => Cell::none(),
    }
}

async fn duties(named: Option<Address>, of: Option<Address>, context: &Context) -> Result<()> {
    let seats = seats(named, of, context).await?;
    let now = Now::read(&context.client).await?;
    let states = [JobState::Sealed, JobState::Challenged];
    let mut jobs = seats.jobs(&states, context).await?;
    let end = |job: &Job| {
        let market = seats.markets.get(&job.market);
        let end = market.and_then(|market| deadline(job, market, &now));
        end.unwrap_or(job.deadline)
    };
    jobs.sort_by_key(|(at, job)| (end(job), *at));
    let mut rows = Vec::new();
    for (at, job) in &jobs {
        for seat in &seats.seats {
            if job.panel >> seat & 1 == 0 || !seats.serves(*seat, job) {
                continue;
            }
            let state = if job.state == JobState::Challenged as u8 {
                "challenged"
            } else {
                "sealed"
            };
            let left = end(job).saturating_sub(now.slot);
            rows.push(vec![
                Cell::from(*at),
                job.attempt.into(),
                (*seat).into(),
                state.into(),
                verdict_cell(said(job, *seat)),
                job.panel.count_ones().into(),
                job.signed().count_ones().into(),
                end(job).into(),
                // as slots are planned: 400 ms each
                Cell::from(left * 2 / 5),
                job.market.into(),
            ]);
        }
    }
    context.out.table(
        &[
            "job",
            "attempt",
            "seat",
            "state",
            "your_verdict",
            "panel",
            "signed",
            "deadline_slot",
            "seconds_left",
            "market",
        ],
        rows,
        "No job asks this seat now.",
    );
    Ok(())
}

async fn credits(
    named: Option<Address>,
    of: Option<Address>,
    redeem: bool,
    context: &Context,
) -> Result<()> {
    let seats = seats(named, of, context).await?;
    if redeem && context.dry_run {
        bail!("--redeem has no dry run, as a crank does it: without --redeem the command says how much can be redeemed");
    }
    if redeem {
        let policy = Policy {
            duty: Duty::Collect(seats.owner),
            floor: 0,
            ..Policy::default()
        };
        let wallet = Arc::new(context.payer_keypair()?);
        let telemetry = lode_telemetry::Telemetry::default();
        let progress = Progress::start("collecting and redeeming");
        let mut crank = Crank::new(context.client.clone(), wallet, policy, telemetry);
        let ended = crank.once().await;
        drop(progress);
        if context.out.is_for_people() {
            crank::show(crank.report(), context);
            context.out.note("");
        }
        ended?;
    }
    let over = [JobState::Settled, JobState::Failed];
    let jobs = seats.jobs(&over, context).await?;
    let mut tokens: HashMap<Address, Token> = HashMap::new();
    let mut rows = Vec::new();
    let mut markets: Vec<_> = seats.markets.iter().collect();
    markets.sort_by_key(|(at, _)| **at);
    for (at, market) in markets {
        let token = match tokens.entry(market.mint) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(context.token(&market.mint).await?),
        };
        // A redemption may just have changed the pool.
        let market: Market = context.client.get_account(at).await.unwrap_or(*market);
        let ledger_at = addresses::jobs::ledger(at, &seats.owner);
        let ledger = context.client.try_account::<Ledger>(&ledger_at).await?;
        let (credits, available) = ledger.map_or((0, 0), |l| (l.credits, l.available));
        let (mut count, mut earned) = (0u64, 0u64);
        for (_, job) in jobs.iter().filter(|(_, job)| job.market == *at) {
            let mine = seats
                .seats
                .iter()
                .filter(|seat| uncollected(job) >> **seat & 1 == 1 && seats.serves(**seat, job));
            let mine = mine.count() as u64;
            if mine == 0 {
                continue;
            }
            let signers = job.verdict().map_or(0, |verdict| job.signers(verdict));
            let due = job.checks_due(&market).unwrap_or(0);
            let share = due / u64::from(signers.count_ones().max(1));
            count += mine;
            earned = earned.saturating_add(share.saturating_mul(mine));
        }
        rows.push(vec![
            Cell::from(*at),
            count.into(),
            token.cell(earned),
            token.cell(credits),
            token.cell(market.check_pool),
            token.cell(credits.min(market.check_pool)),
            token.cell(available),
        ]);
    }
    context.out.table(
        &[
            "market",
            "checks_to_collect",
            "worth",
            "credits",
            "pool",
            "redeemable",
            "available",
        ],
        rows,
        "This committee serves no market.",
    );
    Ok(())
}
