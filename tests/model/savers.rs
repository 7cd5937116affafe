//! Owners, delegators, a governor, a guardian and a treasury who do anything to staking and emissions at any time, and an
//! outsider who tries every call that succeeds with a signer or a token account of his own in it. After each step the
//! programs' accounts must be what `books` says, every token must be where it says, and no saver may have lost what
//! the protocol does not take from him.

use crate::books::{Books, Epoch, Holding, Legal, Pool, Rules, Share, Slip, Terms, Ticket, Whose};
use crate::stage::{Dice, Outcome};
use anchor_lang::prelude::sha256;
use lode_client::instructions::{emissions as mints, staking as stakes};
use lode_client::token::{transfer, MintInfo};
use lode_emissions::state::{claimed, Schedule};
use lode_staking::state::{
    Delegation, Node, NodeDescription, ParameterArgs, StakingConfig, Unbonding,
};
use lode_tests::emissions::{self, give_points, open_work, Emissions};
use lode_tests::jobs::work;
use lode_tests::staking::{self, delegation, node_args, vault, DAY, TOKENS};
use lode_tests::{with_account, World};
use solana_address::Address;
use solana_instruction::error::InstructionError;
use solana_instruction::Instruction;
use solana_signer::Signer;
use std::collections::BTreeMap;

/// What each wallet begins with.
const MONEY: u64 = 100_000 * TOKENS;

/// Every instruction of staking and emissions that a step can call.
pub const INSTRUCTIONS: [&str; 32] = [
    "update_config",
    "propose_governor",
    "accept_governor",
    "set_guardian",
    "pause",
    "register_node",
    "update_node",
    "set_worker",
    "set_payout",
    "set_commission",
    "stake",
    "unstake",
    "restake",
    "force_unstake",
    "withdraw",
    "sweep_rewards",
    "claim_rewards",
    "claim_commission",
    "slash",
    "unjail",
    "exit_node",
    "close_delegation",
    "close_node",
    "record",
    "finalize_epoch",
    "claim_work",
    "claim_stake",
    "claim_treasury",
    "propose_treasury",
    "accept_treasury",
    "close_share",
    "close_epoch",
];

/// What must have come about, so that the rules for it were tried.
pub const SITUATIONS: [&str; 8] = [
    "a dearer slash of the same incident",
    "a leaving node is slashed",
    "ceiling or cap bind",
    "no room for all of a slash",
    "one incident, one slash",
    "the breaker trips",
    "theta binds",
    "tickets are slashed too",
];

/// How often each call went through and was refused, and how many forgeries were refused.
#[derive(Default)]
pub struct Tally {
    pub calls: BTreeMap<&'static str, (u64, u64)>,
    pub forgeries: u64,
    /// Situations that a rule is made for.
    pub situations: BTreeMap<&'static str, u64>,
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        for (name, (went, refused)) in &other.calls {
            let entry = self.calls.entry(name).or_default();
            entry.0 += went;
            entry.1 += refused;
        }
        for (what, count) in &other.situations {
            *self.situations.entry(what).or_default() += count;
        }
        self.forgeries += other.forgeries;
    }
}

struct Savers {
    world: World,
    net: Emissions,
    mint: MintInfo,
    dice: Dice,
    books: Books,
    tally: Tally,
    owners: Vec<Address>,
    savers: Vec<Address>,
    outsider: Address,
    /// What there was of the mint when it began.
    genesis: u64,
}

fn rules(config: &StakingConfig) -> Rules {
    Rules {
        governor: config.governor,
        pending_governor: config.pending_governor,
        guardian: config.guardian,
        paused_until: config.paused_until,
        unbonding: config.unbonding_seconds,
        minimum: config.minimum_self_stake,
        jail: config.jail_seconds,
        ratio: config.delegation_ratio,
        cap: config.commission_cap,
        step: config.commission_step,
    }
}

fn pool(node: &Node) -> Pool {
    Pool {
        owner: node.owner,
        payout: node.payout,
        worker: node.worker,
        cores: node.cores,
        stake: node.stake,
        active: node.active_shares,
        unbonding: node.unbonding_shares,
        own: node.self_active_shares,
        per_share: node.reward_per_share(),
        stream: node.stream_left,
        stream_at: node.stream_at,
        stream_end: node.stream_end,
        rewards: node.rewards_owed,
        commission_owed: node.commission_owed,
        commission: node.commission,
        announced: node.pending_commission,
        announced_at: node.commission_effective_at,
        children: node.open_children,
        exiting: node.is_exiting(),
        jailed_at: node.jailed_at,
        jailed_until: node.jailed_until,
        window: node.slash_window_start,
        parts: [0, 16, 32].map(|bits| node.slash_window_used >> bits & 0xffff),
        incident: node.incident_bps,
        exited: node.exited_at,
        slashed: node.slashed_total,
    }
}

/// A difference between the chain and the books.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, chain: T, books: T) -> Outcome<()> {
    if chain == books {
        return Ok(());
    }
    Err(format!("{what} is\n{chain:?}\nby the books\n{books:?}"))
}

impl Savers {
    fn new(seed: u64, slip: Slip) -> Self {
        let mut world = World::seeded(sha256(&[&seed.to_le_bytes()[..], b"savers"].concat()));
        world.svm = std::mem::take(&mut world.svm).with_sigverify(false);
        let shares = [
            [8_000, 1_000, 1_000],
            [7_000, 2_000, 1_000],
            [8_500, 1_500, 0],
        ];
        let pick = usize::try_from(seed % 3).unwrap();
        let (shares, c, theta) = (shares[pick], [10_000, 20_000, 5_000][pick], 9_000);
        let mut terms = None;
        let net = Emissions::with(&mut world, |args| {
            (args.work_bps, args.stake_bps, args.treasury_bps) = shares.into();
            (args.c_bps, args.theta_bps) = (c, theta);
            args.cap = 40_000 * TOKENS;
            terms = Some(Terms {
                cap: args.cap,
                first_ceiling: args.first_ceiling,
                era: args.era_epochs,
                decay: args.decay_bps.into(),
                shares: shares.map(u64::from),
                theta: theta.into(),
                c: c.into(),
                breaker: args.breaker_epochs.into(),
                breaker_limit: args.breaker_limit,
            });
        });
        let mut tokens = BTreeMap::new();
        let mut wallets = |count: usize| -> Vec<Address> {
            (0..count)
                .map(|_| {
                    let wallet = net.staking.wallet(&mut world, MONEY).pubkey();
                    tokens.insert(world.associated(&wallet, &net.mint), MONEY);
                    wallet
                })
                .collect()
        };
        let (owners, savers, others) = (wallets(3), wallets(4), wallets(1));
        let treasury = net.treasury.pubkey();
        tokens.insert(world.associated(&treasury, &net.mint), 0);
        let books = Books {
            slip,
            rules: rules(&staking::read_config(&world)),
            terms: terms.unwrap(),
            genesis: lode_tests::START,
            pools: BTreeMap::new(),
            holdings: BTreeMap::new(),
            tickets: BTreeMap::new(),
            tokens,
            burned: 0,
            points: BTreeMap::new(),
            epochs: BTreeMap::new(),
            shares: BTreeMap::new(),
            finalised: vec![],
            minted: 0,
            treasury,
            pending_treasury: Address::default(),
        };
        let mint = MintInfo {
            address: net.mint,
            program: net.staking.token,
            authority: None,
            freeze_authority: None,
            symbol: None,
            supply: 0,
            decimals: 9,
        };
        Self {
            genesis: world.supply(&net.mint),
            dice: Dice::new(seed),
            tally: Tally::default(),
            outsider: others[0],
            world,
            net,
            mint,
            books,
            owners,
            savers,
        }
    }

    /// Sends a call. `after` is what the books are if it is legal.
    fn make(
        &mut self,
        name: &'static str,
        call: Instruction,
        after: Option<Books>,
    ) -> Outcome<bool> {
        if after.is_some() && self.dice.one_in(5) {
            self.forge(name, &call)?;
        }
        let sent = self.world.send_unchecked(&[call]);
        let entry = self.tally.calls.entry(name).or_default();
        match (sent, after) {
            (Ok(_), Some(books)) => {
                entry.0 += 1;
                self.nobody_lost(name, &books)?;
                self.books = books;
                Ok(true)
            }
            (Err(failure), None)
                if failure.error != Some(InstructionError::ComputationalBudgetExceeded) =>
            {
                entry.1 += 1;
                Ok(false)
            }
            (Ok(_), None) => Err(format!("{name} went through, the books refuse it")),
            (Err(failure), _) => Err(format!("{name} was refused: {}", failure.log)),
        }
    }

    /// Invariant 5: the same call with an outsider's signature, or with his token account, is refused.
    fn forge(&mut self, name: &'static str, call: &Instruction) -> Outcome<()> {
        let his = self.mint.account_of(&self.outsider);
        // whoever pays a rent may be anybody
        let anybody = ["record", "force_unstake"].contains(&name);
        for (i, meta) in call.accounts.iter().enumerate() {
            let forged = if meta.is_signer && !anybody && meta.pubkey != self.outsider {
                self.outsider
            } else if self.books.tokens.contains_key(&meta.pubkey) && meta.pubkey != his {
                his
            } else {
                continue;
            };
            let forged = with_account(call.clone(), i, forged);
            if self.world.send_unchecked(&[forged]).is_ok() {
                return Err(format!("{name} went through with account {i} forged"));
            }
            self.tally.forgeries += 1;
        }
        Ok(())
    }

    /// Of whoever did nothing himself the stake is worth what it was, but for a slash, which takes a tenth at most.
    fn nobody_lost(&self, name: &'static str, after: &Books) -> Outcome<()> {
        for (whose, holding) in &self.books.holdings {
            let (Some(now), Some(pool)) = (after.holdings.get(whose), after.pools.get(&whose.0))
            else {
                continue;
            };
            if now.shares != holding.shares {
                continue;
            }
            let before = u128::from(self.books.pools[&whose.0].worth(holding.shares));
            let worth = u128::from(pool.worth(now.shares));
            let least = match name {
                "slash" => (before * 9_000 / 10_000).saturating_sub(2),
                _ => before,
            };
            if worth < least || name == "slash" && worth > before {
                return Err(format!(
                    "by {name} the stake {before} of {whose:?} became {worth}"
                ));
            }
        }
        Ok(())
    }

    /// The chain is as the books say, and invariants 1, 3 and 4 hold of the chain.
    fn compare(&mut self, everything: bool) -> Outcome<()> {
        let (world, books) = (&self.world, &self.books);
        let config = rules(&staking::read_config(world));
        same(
            "the configuration",
            format!("{config:?}"),
            format!("{:?}", books.rules),
        )?;
        for (at, mine) in &books.pools {
            let node: Node = world.read(at);
            same("a node", &pool(&node), mine)?;
            if world.amount(&vault(at)) < node.booked().unwrap() {
                return Err(format!("the vault of {at} holds less than is booked"));
            }
        }
        for ((node, wallet), mine) in &books.holdings {
            let state: Delegation = world.read(&delegation(node, wallet));
            let chain = Holding {
                shares: state.active_shares,
                checkpoint: state.checkpoint(),
                pending: state.rewards_pending,
                next: state.next_ticket,
                tickets: state.open_tickets,
                payer: state.payer,
                ..mine.clone()
            };
            same("a delegation", &chain, mine)?;
        }
        for (((node, wallet), index), mine) in &books.tickets {
            let state: Unbonding = world.read(&staking::ticket(&delegation(node, wallet), *index));
            let chain = Ticket {
                shares: state.shares,
                release: state.release_at,
                payer: state.payer,
            };
            same("a ticket", &chain, mine)?;
        }
        for (at, mine) in &books.tokens {
            same("a token account", world.amount(at), *mine)?;
        }
        let terms: Schedule = emissions::read_schedule(world);
        let finalised: u64 = books.finalised.iter().map(|(_, amount)| amount).sum();
        same(
            "the schedule",
            (terms.finalised, terms.claimed),
            (finalised, books.minted),
        )?;
        same(
            "the treasury",
            (terms.treasury_owner, terms.pending_treasury_owner),
            (books.treasury, books.pending_treasury),
        )?;
        let supply = self.genesis + terms.claimed - books.burned;
        same("the supply", world.supply(&self.mint.address), supply)?;
        if terms.claimed > terms.finalised || terms.finalised > terms.cap {
            return Err("claimed <= finalised <= cap does not hold".into());
        }
        for (index, mine) in &books.epochs {
            let state: lode_emissions::state::Epoch = emissions::read_epoch(world, *index);
            let buckets = [state.work, state.stake_amount, state.treasury];
            let chain = Epoch {
                payer: state.payer,
                points: state.points,
                stake: state.stake,
                shares: state.open_shares,
                buckets: state.is_final().then_some(buckets),
                amount: state.amount,
                claimed: [
                    state.work_claimed,
                    state.stake_claimed,
                    state.treasury_claimed,
                ],
            };
            same("an epoch", &chain, mine)?;
            let theta = u128::from(state.points) * u128::from(terms.theta_bps);
            if state.claimed().unwrap() > state.amount || u128::from(state.amount) * 10_000 > theta
            {
                return Err(format!("epoch {index} mints more than it may"));
            }
        }
        for ((node, index), mine) in &books.shares {
            let state = emissions::read_share(world, node, *index);
            let done = |flag: u8, amount: u64| (state.flags & flag != 0).then_some(amount);
            let chain = Share {
                payer: state.payer,
                points: state.points,
                stake: state.stake,
                claimed: [
                    done(claimed::WORK, state.work_claimed),
                    done(claimed::STAKE, state.stake_claimed),
                ],
            };
            same("a share", &chain, mine)?;
        }
        self.all_are_paid_their_part()?;
        if everything {
            // and there is nothing else
            let count = |program| world.svm.get_program_accounts(program).len();
            let stakes = books.pools.len() + books.holdings.len() + books.tickets.len() + 1;
            same(
                "the number of staking's accounts",
                count(&lode_staking::ID),
                stakes,
            )?;
            let mints = books.epochs.len() + books.shares.len() + 1;
            same(
                "the number of emissions' accounts",
                count(&lode_emissions::ID),
                mints,
            )?;
            let all: u64 = books.tokens.values().sum();
            same("the supply of all accounts", all, supply)?;
        }
        Ok(())
    }

    /// What a delegation was paid and may claim is its even part of all that flowed, rounded down a unit a booking.
    fn all_are_paid_their_part(&self) -> Outcome<()> {
        for (whose, holding) in &self.books.holdings {
            let more = self.books.pools[&whose.0]
                .per_share
                .wrapping_sub(holding.checkpoint);
            let unbooked = more as f64 / 2f64.powi(64) * holding.shares as f64;
            let has = (holding.paid + holding.pending) as f64 + unbooked;
            let slack = 1e-9 * holding.fair + 1.0;
            if has > holding.fair + slack || has < holding.fair - slack - holding.rounded as f64 {
                return Err(format!("{whose:?} has {has} of {}", holding.fair));
            }
        }
        Ok(())
    }

    // ---- who, what and where

    fn wallet(&mut self) -> Address {
        match self.dice.below(3) {
            0 => self.dice.pick(&self.owners),
            _ => self.dice.pick(&self.savers),
        }
    }

    /// A node that is there or could be.
    fn node(&mut self) -> Address {
        let there: Vec<Address> = self.books.pools.keys().copied().collect();
        if there.is_empty() || self.dice.one_in(12) {
            let index = u32::try_from(self.dice.below(2)).unwrap();
            return staking::node(&self.dice.pick(&self.owners), index);
        }
        self.dice.pick(&there)
    }

    /// Its owner, or at times somebody else.
    fn owner(&mut self, at: &Address) -> Address {
        match self.books.pools.get(at) {
            Some(pool) if !self.dice.one_in(12) => pool.owner,
            _ => self.wallet(),
        }
    }

    fn holding(&mut self) -> Option<Whose> {
        let all: Vec<Whose> = self.books.holdings.keys().copied().collect();
        (!all.is_empty()).then(|| self.dice.pick(&all))
    }

    fn ticket(&mut self) -> Option<(Whose, u32)> {
        let all: Vec<(Whose, u32)> = self.books.tickets.keys().copied().collect();
        (!all.is_empty()).then(|| self.dice.pick(&all))
    }

    /// A number of any size up to `2^bits`.
    fn size(&mut self, bits: u64) -> u64 {
        let bits = self.dice.below(bits + 1);
        self.dice.below(1 << bits)
    }

    /// A share of the last epochs, or one that may not be there.
    fn share(&mut self) -> (Address, u64) {
        let all: Vec<(Address, u64)> = self.books.shares.keys().copied().collect();
        if all.is_empty() || self.dice.one_in(10) {
            let now = self.books.epoch_at(self.world.now());
            return (self.node(), now.saturating_sub(self.dice.below(4)));
        }
        self.dice.pick(&all)
    }

    fn epoch(&mut self) -> u64 {
        let all: Vec<u64> = self.books.epochs.keys().copied().collect();
        match all.is_empty() || self.dice.one_in(10) {
            true => self.books.epoch_at(self.world.now()),
            false => self.dice.pick(&all),
        }
    }

    /// The books after a change, if it is legal.
    fn after(&self, change: impl FnOnce(&mut Books) -> Legal) -> Option<Books> {
        let mut books = self.books.clone();
        change(&mut books).map(|()| books)
    }

    /// Where an owner is paid: his own account or the payout account.
    fn payout(&mut self, at: &Address, wallet: &Address) -> Address {
        match self.books.pools.get(at) {
            Some(pool) if pool.owner == *wallet && self.dice.one_in(2) => pool.payout,
            _ => self.mint.account_of(wallet),
        }
    }

    /// What a rule is made for came about.
    fn note(&mut self, came_about: bool, what: &'static str) {
        if came_about {
            *self.tally.situations.entry(what).or_default() += 1;
        }
    }

    // ---- steps

    fn step(&mut self) -> Outcome<()> {
        let seconds = match self.dice.below(100) {
            0..=29 => 0,
            30..=91 => self.dice.below(3_600),
            92..=98 => self.dice.below(DAY as u64),
            _ => self.dice.below(6 * DAY as u64),
        };
        self.world.pass_seconds(i64::try_from(seconds).unwrap());
        match self.dice.below(100) {
            0..=3 => self.govern()?,
            4..=14 => self.keep()?,
            15..=42 => self.save()?,
            43..=57 => self.reward()?,
            58..=59 => self.slash()?,
            60..=67 => self.earn()?,
            _ => self.emit()?,
        };
        let everything = self.dice.one_in(20);
        self.compare(everything)
    }

    fn govern(&mut self) -> Outcome<bool> {
        let now = self.world.now();
        let rules = self.books.rules.clone();
        let (other, other_2) = (self.wallet(), self.wallet());
        let mut by = |right: Address| match self.dice.one_in(5) {
            true => other,
            false => right,
        };
        let (governor, guardian) = (by(rules.governor), by(rules.guardian));
        // nobody signs for the address of zeros
        let next = match rules.pending_governor == Address::default() {
            true => other,
            false => by(rules.pending_governor),
        };
        match self.dice.below(6) {
            0 => {
                let after = self.after(|books| books.pause(&guardian, now));
                self.make("pause", stakes::pause(&guardian), after)
            }
            1 => {
                let legal = governor == rules.governor;
                let after = self.after(|books| {
                    books.rules.pending_governor = other_2;
                    legal.then_some(())
                });
                self.make(
                    "propose_governor",
                    stakes::propose_governor(&governor, &other_2),
                    after,
                )
            }
            2 => {
                let legal = next == rules.pending_governor;
                let after = self.after(|books| {
                    books.rules.governor = next;
                    books.rules.pending_governor = Address::default();
                    legal.then_some(())
                });
                self.make("accept_governor", stakes::accept_governor(&next), after)
            }
            3 => {
                let legal = governor == rules.governor;
                let after = self.after(|books| {
                    books.rules.guardian = other_2;
                    legal.then_some(())
                });
                self.make(
                    "set_guardian",
                    stakes::set_guardian(&governor, &other_2),
                    after,
                )
            }
            _ => {
                let mut new = rules.clone();
                new.unbonding = DAY * (13 + self.dice.below(16) as i64);
                new.jail = DAY * self.dice.below(20) as i64;
                new.minimum = self.size(44);
                new.ratio = self.dice.below(12) as u16;
                new.cap = 1_000 * self.dice.below(6) as u16;
                new.step = 100 * self.dice.below(6) as u16;
                let args = ParameterArgs {
                    unbonding_seconds: new.unbonding,
                    minimum_self_stake: new.minimum,
                    jail_seconds: new.jail,
                    delegation_ratio: new.ratio,
                    commission_cap: new.cap,
                    commission_step: new.step,
                };
                let after = self.after(|books| books.update(&governor, &new));
                self.make(
                    "update_config",
                    stakes::update_config(&governor, args),
                    after,
                )
            }
        }
    }

    /// What owners do with their nodes.
    fn keep(&mut self) -> Outcome<bool> {
        let (now, at) = (self.world.now(), self.node());
        let owner = self.owner(&at);
        // more nodes where there are few
        let few = self.books.pools.len() < 3;
        match self.dice.below(if few { 12 } else { 26 }) {
            0..=2 => {
                let owner = self.dice.pick(&self.owners);
                let worker = self.wallet();
                let args = lode_staking::NodeArgs {
                    index: u32::try_from(self.dice.below(2)).unwrap(),
                    ..node_args(&worker)
                };
                let at = staking::node(&owner, args.index);
                let payout = self.mint.account_of(&owner);
                let new = Pool {
                    owner,
                    payout,
                    worker,
                    cores: args.description.cores,
                    ..Pool::default()
                };
                let after = self.after(|books| books.register(at, new, vault(&at), now));
                let call = stakes::register_node(&owner, &self.mint, &payout, args);
                let done = self.make("register_node", call, after)?;
                if done && !self.world.exists(&work(&at)) {
                    open_work(&mut self.world, &at);
                }
                Ok(done)
            }
            3..=6 => {
                let to = 50 * self.dice.below(30) as u16;
                let after = self.after(|books| books.set_commission(&at, &owner, to, now));
                self.make(
                    "set_commission",
                    stakes::set_commission(&owner, &at, to),
                    after,
                )
            }
            7 => {
                let worker = self.wallet();
                let after = self.after(|books| {
                    books.owned(&at, &owner)?.worker = worker;
                    (worker != owner).then_some(())
                });
                self.make(
                    "set_worker",
                    stakes::set_worker(&owner, &at, &worker),
                    after,
                )
            }
            8 => {
                let described = NodeDescription {
                    class: 1,
                    cores: self.dice.below(64) as u16,
                    memory_mib: 1,
                    region: *b"FR",
                    metadata: [1; 32],
                    encryption_key: [2; 32],
                };
                let after = self.after(|books| {
                    books.owned(&at, &owner)?.cores = described.cores;
                    Some(())
                });
                self.make(
                    "update_node",
                    stakes::update_node(&owner, &at, described),
                    after,
                )
            }
            9..=11 => {
                let payout = if self.dice.one_in(2) {
                    let other = self.world.token_account(&self.mint.address, &owner, 0);
                    self.books.tokens.insert(other, 0);
                    other
                } else {
                    self.mint.account_of(&owner)
                };
                let after = self.after(|books| {
                    books.owned(&at, &owner)?.payout = payout;
                    Some(())
                });
                self.make(
                    "set_payout",
                    stakes::set_payout(&owner, &at, &payout),
                    after,
                )
            }
            12..=24 => {
                let after = self.after(|books| books.unjail(&at, &owner, now));
                self.make("unjail", stakes::unjail(&owner, &at), after)
            }
            _ => {
                let after = self.after(|books| books.exit(&at, &owner, now));
                self.make("exit_node", stakes::exit_node(&owner, &at), after)
            }
        }
    }

    /// What savers do with their stake.
    fn save(&mut self) -> Outcome<bool> {
        let now = self.world.now();
        match self.dice.below(20) {
            0..=6 => {
                let at = self.node();
                let wallet = match self.dice.one_in(2) {
                    true => self.owner(&at),
                    false => self.wallet(),
                };
                if !self.books.pools.contains_key(&at) {
                    return Ok(false);
                }
                let amount = self.size(43);
                let from = self.mint.account_of(&wallet);
                let after =
                    self.after(|books| books.stake((at, wallet), &from, &vault(&at), amount, now));
                self.make(
                    "stake",
                    stakes::stake(&wallet, &at, &self.mint, amount),
                    after,
                )
            }
            7..=11 => {
                let Some(whose) = self.holding() else {
                    return Ok(false);
                };
                let own = self.books.holdings[&whose].clone();
                let shares = match self.dice.below(4) {
                    0 => own.shares,
                    1 => self.size(44),
                    _ => self.dice.below(own.shares + 1),
                };
                let after = self.after(|books| books.begin(whose, shares, whose.1, now));
                let call = stakes::unstake(&whose.1, &whose.0, own.next, shares);
                self.make("unstake", call, after)
            }
            12 | 13 => {
                let Some((whose, index)) = self.ticket() else {
                    return Ok(false);
                };
                let (at, ticket) = self.read_ticket(whose, index);
                let after = self.after(|books| books.restake(whose, index, now));
                self.make("restake", stakes::restake(&at, &ticket), after)
            }
            14 => {
                let Some(whose) = self.holding() else {
                    return Ok(false);
                };
                self.force(whose)
            }
            15..=17 => {
                let Some((whose, index)) = self.ticket() else {
                    return Ok(false);
                };
                self.withdraw(whose, index)
            }
            18 => {
                let Some(whose) = self.holding() else {
                    return Ok(false);
                };
                self.close_holding(whose)
            }
            _ => {
                let at = self.node();
                let owner = self.owner(&at);
                self.close_node(at, owner)
            }
        }
    }

    fn read_ticket(&self, (node, wallet): Whose, index: u32) -> (Address, Unbonding) {
        let at = staking::ticket(&delegation(&node, &wallet), index);
        (at, self.world.read(&at))
    }

    fn force(&mut self, whose: Whose) -> Outcome<bool> {
        let (now, payer) = (self.world.now(), self.outsider);
        let after = self.after(|books| books.force(whose, payer, now));
        let at = delegation(&whose.0, &whose.1);
        let call = stakes::force_unstake(&payer, &at, &self.world.read(&at));
        self.make("force_unstake", call, after)
    }

    fn withdraw(&mut self, whose: Whose, index: u32) -> Outcome<bool> {
        let now = self.world.now();
        let (at, ticket) = self.read_ticket(whose, index);
        if self.dice.one_in(2) && ticket.release_at > now && ticket.release_at - now < 10 * DAY {
            // to the second, or a second before
            let early = i64::from(self.dice.one_in(2));
            self.world.pass_seconds(ticket.release_at - now - early);
        }
        let (now, to) = (self.world.now(), self.mint.account_of(&whose.1));
        let after = self.after(|books| books.withdraw(whose, index, &vault(&whose.0), &to, now));
        self.make(
            "withdraw",
            stakes::withdraw(&at, &ticket, &self.mint),
            after,
        )
    }

    fn close_holding(&mut self, whose: Whose) -> Outcome<bool> {
        let at = delegation(&whose.0, &whose.1);
        let after = self.after(|books| books.close_holding(whose));
        let call = stakes::close_delegation(&at, &self.world.read(&at));
        self.make("close_delegation", call, after)
    }

    fn close_node(&mut self, at: Address, owner: Address) -> Outcome<bool> {
        if !self.books.pools.contains_key(&at) {
            return Ok(false);
        }
        let node = Node {
            owner,
            ..self.world.read(&at)
        };
        let to = self.mint.account_of(&owner);
        let after = self.after(|books| books.close(&at, &owner, &vault(&at), &to));
        self.make(
            "close_node",
            stakes::close_node(&at, &node, &self.mint),
            after,
        )
    }

    fn reward(&mut self) -> Outcome<bool> {
        let (now, at) = (self.world.now(), self.node());
        if !self.books.pools.contains_key(&at) {
            return Ok(false);
        }
        match self.dice.below(10) {
            0..=2 => {
                let from = self.wallet();
                let (account, amount) = (self.mint.account_of(&from), self.size(38));
                let call = transfer(&from, &self.mint, &account, &vault(&at), amount);
                let after = self.after(|books| books.gift(&account, &vault(&at), amount));
                // the token program's own, with nothing of ours to forge
                let sent = self.world.send_unchecked(&[call]).is_ok();
                if let (true, Some(after)) = (sent, after) {
                    self.books = after;
                }
                self.sweep(at)
            }
            3 => self.sweep(at),
            4 | 5 => {
                let owner = self.books.pools[&at].owner;
                let to = self.payout(&at, &owner);
                let after = self.after(|books| books.claim_commission(&at, &vault(&at), &to, now));
                let call = stakes::claim_commission(&at, &to, &self.mint);
                self.make("claim_commission", call, after)
            }
            _ => {
                let Some(whose) = self.holding() else {
                    return Ok(false);
                };
                self.claim(whose)
            }
        }
    }

    fn sweep(&mut self, at: Address) -> Outcome<bool> {
        let now = self.world.now();
        let after = self.after(|books| books.sweep(&at, &vault(&at), now));
        let done = self.make("sweep_rewards", stakes::sweep_rewards(&at), after)?;
        // invariant 1: exactly, after a sweep
        let node: Node = self.world.read(&at);
        same(
            "a swept vault",
            self.world.amount(&vault(&at)),
            node.booked().unwrap(),
        )?;
        Ok(done)
    }

    fn claim(&mut self, whose: Whose) -> Outcome<bool> {
        let (now, to) = (self.world.now(), self.payout(&whose.0, &whose.1));
        let after = self.after(|books| books.claim(whose, &vault(&whose.0), &to, now));
        let call = stakes::claim_rewards_to(&whose.0, &whose.1, &to, &self.mint);
        self.make("claim_rewards", call, after)
    }

    fn slash(&mut self) -> Outcome<bool> {
        let (now, at) = (self.world.now(), self.node());
        let Some(pool) = self.books.pools.get(&at).cloned() else {
            return Ok(false);
        };
        let bps = self.dice.pick(&[1, 37, 300, 500, 1_000, 20_000]);
        let accepted = match self.dice.below(3) {
            0 => pool.jailed_at,
            _ => now - self.dice.below(3) as i64,
        };
        let after = self.after(|books| {
            books
                .slash(&at, &vault(&at), bps, accepted, now)
                .map(|_| ())
        });
        let call = self.net.staking.slash(&at, bps, accepted);
        let new = accepted > pool.jailed_at;
        let used: u64 = pool.parts.iter().sum();
        let full = used > 0 && used + u64::from(bps) > 1_000;
        self.note(!new, "one incident, one slash");
        self.note(
            !new && bps > pool.incident,
            "a dearer slash of the same incident",
        );
        self.note(new && pool.unbonding > 0, "tickets are slashed too");
        self.note(new && full, "no room for all of a slash");
        self.note(new && pool.exiting, "a leaving node is slashed");
        self.make("slash", call, after)
    }

    /// Fees are burned for a node's work, and in time recorded.
    fn earn(&mut self) -> Outcome<bool> {
        let (index, at) = (self.books.epoch_at(self.world.now()), self.node());
        if !self.world.exists(&work(&at)) {
            return Ok(false);
        }
        let points = match self.dice.one_in(2) {
            true => 1 + self.size(42),
            false => 500 * TOKENS + self.dice.below(2_000 * TOKENS),
        };
        give_points(&mut self.world, &at, index, points);
        *self.books.points.entry((at, index)).or_default() += points;
        Ok(true)
    }

    fn emit(&mut self) -> Outcome<bool> {
        let now = self.world.now();
        let current = self.books.epoch_at(now);
        match self.dice.below(24) {
            0..=6 => {
                let (at, payer) = (self.node(), self.wallet());
                if !self.world.exists(&work(&at)) {
                    return Ok(false);
                }
                let index = match self.dice.below(8) {
                    0 => current,
                    1 => current.saturating_sub(2),
                    _ => current.saturating_sub(1),
                };
                let after = self.after(|books| books.record(&at, index, payer, now));
                self.make("record", mints::record(&payer, &at, index), after)
            }
            7..=10 => {
                let open = self
                    .books
                    .epochs
                    .iter()
                    .find(|(_, epoch)| epoch.buckets.is_none());
                let open = open.map(|(index, _)| *index);
                let index = match open.filter(|_| !self.dice.one_in(4)) {
                    Some(index) => index,
                    None => self.epoch(),
                };
                let after = self.after(|books| books.finalise(index, now));
                let epoch = self.books.epochs.get(&index);
                let ready = epoch.is_some_and(|epoch| epoch.buckets.is_none());
                let tripped = ready && after.is_none() && (2..=26).contains(&(current - index));
                self.note(tripped, "the breaker trips");
                let last = after
                    .as_ref()
                    .map(|books| (index, books.epochs[&index].amount));
                let done = self.make("finalize_epoch", mints::finalize_epoch(index), after)?;
                if let Some((index, amount)) = last.filter(|_| done) {
                    let points = u128::from(self.books.epochs[&index].points);
                    let theta = points * u128::from(self.books.terms.theta) / 10_000;
                    // what one point adds to all claims is 1.4 of it at most
                    let bound = theta * 10 <= u128::from(amount) * 14 + 14;
                    self.note(!bound, "ceiling or cap bind");
                    self.note(bound, "theta binds");
                }
                Ok(done)
            }
            11..=13 => {
                let (at, index) = self.share();
                let Some(pool) = self.books.pools.get(&at) else {
                    return Ok(false);
                };
                let to = match self.dice.one_in(2) {
                    true => pool.payout,
                    false => self.mint.account_of(&pool.owner),
                };
                let after = self.after(|books| books.claim_share(&at, index, 0, &to, now));
                let call = mints::claim_work_to(&at, index, &to, &self.mint);
                self.make("claim_work", call, after)
            }
            14..=16 => {
                let (at, index) = self.share();
                let after = self.after(|books| books.claim_share(&at, index, 1, &vault(&at), now));
                let done = self.make(
                    "claim_stake",
                    mints::claim_stake(&at, index, &self.mint),
                    after,
                )?;
                if done {
                    self.sweep(at)?;
                }
                Ok(done)
            }
            17 | 18 => {
                let (index, owner) = (self.epoch(), self.books.treasury);
                let to = self.mint.account_of(&owner);
                let after = self.after(|books| books.claim_treasury(index, &to, now));
                self.make(
                    "claim_treasury",
                    mints::claim_treasury(&owner, index, &self.mint),
                    after,
                )
            }
            19 => {
                let (right, other) = (self.books.treasury, self.wallet());
                let by = if self.dice.one_in(4) {
                    self.wallet()
                } else {
                    right
                };
                let after = self.after(|books| {
                    books.pending_treasury = other;
                    (by == right).then_some(())
                });
                self.make(
                    "propose_treasury",
                    mints::propose_treasury(&by, &other),
                    after,
                )
            }
            20 => {
                let right = self.books.pending_treasury;
                let nobody = right == Address::default();
                let by = match nobody || self.dice.one_in(4) {
                    true => self.wallet(),
                    false => right,
                };
                let after = self.after(|books| {
                    (books.treasury, books.pending_treasury) = (by, Address::default());
                    (by == right).then_some(())
                });
                self.make("accept_treasury", mints::accept_treasury(&by), after)
            }
            21 | 22 => {
                let (at, index) = self.share();
                self.close_share(at, index)
            }
            _ => {
                let index = self.epoch();
                self.close_epoch(index)
            }
        }
    }

    fn close_share(&mut self, at: Address, index: u64) -> Outcome<bool> {
        if !self.books.shares.contains_key(&(at, index)) {
            return Ok(false);
        }
        let now = self.world.now();
        let after = self.after(|books| books.close_share(&at, index, now));
        let call = mints::close_share(&emissions::read_share(&self.world, &at, index));
        self.make("close_share", call, after)
    }

    fn close_epoch(&mut self, index: u64) -> Outcome<bool> {
        if !self.books.epochs.contains_key(&index) {
            return Ok(false);
        }
        let now = self.world.now();
        let after = self.after(|books| books.close_epoch(index, now));
        let call = mints::close_epoch(&emissions::read_epoch(&self.world, index));
        self.make("close_epoch", call, after)
    }

    /// Invariant 7: an outsider brings everybody out, and nothing is left but the configuration and the schedule.
    fn everybody_leaves(&mut self) -> Outcome<()> {
        let must = |done: bool, what: &str| match done {
            true => Ok(()),
            false => Err(format!("at the end it was refused: {what}")),
        };
        let now = self.world.now();
        for (at, pool) in self.books.pools.clone() {
            if !pool.exiting {
                let after = self.after(|books| books.exit(&at, &pool.owner, now));
                let done = self.make("exit_node", stakes::exit_node(&pool.owner, &at), after)?;
                must(done, "a node's exit")?;
            }
            self.sweep(at)?;
        }
        // before, only its owner may
        self.world.pass_seconds(12 * DAY);
        for (whose, holding) in self.books.holdings.clone() {
            if holding.shares > 0 {
                let done = self.force(whose)?;
                must(done, "the way out of a delegation")?;
            }
        }
        self.world.pass_seconds(28 * DAY);
        for ((whose, index), _) in self.books.tickets.clone() {
            let done = self.withdraw(whose, index)?;
            must(done, "a withdrawal")?;
        }
        for whose in self.books.holdings.clone().into_keys() {
            self.claim(whose)?;
            let done = self.close_holding(whose)?;
            must(done, "the close of a delegation")?;
        }
        self.compare(true)?;
        for (at, pool) in self.books.pools.clone() {
            // all that is left is the operator's: commission, rewards that found no shares, dust
            let done = self.close_node(at, pool.owner)?;
            must(done, "the close of a node")?;
        }
        for (at, index) in self.books.shares.clone().into_keys() {
            let done = self.close_share(at, index)?;
            must(done, "the close of a share")?;
        }
        for index in self.books.epochs.clone().into_keys() {
            let done = self.close_epoch(index)?;
            must(done, "the close of an epoch")?;
        }
        self.compare(true)?;
        let vaults = self
            .books
            .tokens
            .keys()
            .filter(|at| self.world.svm.get_account(at).is_none());
        same("the number of vaults", vaults.count(), 0)?;
        same(
            "what is left",
            self.books.pools.len() + self.books.epochs.len(),
            0,
        )
    }
}

/// One episode: `steps` steps from a seed, then everybody leaves.
pub fn episode(seed: u64, steps: u64, slip: Slip) -> Outcome<Tally> {
    let mut savers = Savers::new(seed, slip);
    for step in 0..steps {
        savers
            .step()
            .map_err(|what| format!("seed {seed}, step {step}: {what}"))?;
    }
    savers
        .everybody_leaves()
        .map_err(|what| format!("seed {seed}, at the end: {what}"))?;
    Ok(savers.tally)
}
