//! The stage: three markets, two committees, wallets and nodes that do anything at any time, and an outsider who tries
//! every call that succeeds with something forged in it. After each step the programs' accounts must be the model's.

use crate::mirror::Mirror;
use crate::rules::*;
use anchor_lang::prelude::sha256;
use anchor_lang::{InstructionData, ToAccountMetas};
use lode_attestation::{commitment, Statement, Verdict};
use lode_client::instructions::{jobs as build, oracle as seats, staking as stakes};
use lode_client::token::MintInfo;
use lode_jobs::state::{flag, Job, JobState, Ledger, MarketArgs, NodeFilter};
use lode_jobs::PostArgs;
use lode_oracle::state::{Committee, Oracle};
use lode_staking::state::NodeDescription;
use lode_tests::jobs::{self, RESULT};
use lode_tests::oracle::{self as panels, Panel, MINIMUM_BOND};
use lode_tests::staking::{self, Operator, Staking, TOKENS};
use lode_tests::{Sent, World, TOKEN};
use solana_address::Address;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::collections::{BTreeMap, BTreeSet};

/// What went wrong, with the step and the seed to see it again.
pub type Outcome<T> = Result<T, String>;

/// A number that follows from the seed and from how many were taken: the same on every machine.
pub struct Dice {
    state: u64,
}

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// splitmix64.
    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    /// One time in `n`.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()].clone()
    }
}

/// A call that is about to be made.
struct Call {
    name: &'static str,
    instructions: Vec<Instruction>,
    /// Accounts of the last instruction that anybody may choose: a crank, an account that may be left out.
    free: &'static [usize],
    /// Accounts whose like may be passed as well: another ledger to sweep, another job to seal.
    like: &'static [usize],
}

/// What was seen: of each instruction, how often it went through and how often it was refused.
#[derive(Default)]
pub struct Seen {
    pub calls: BTreeMap<&'static str, (u64, u64)>,
    pub forgeries: u64,
    pub steps: u64,
    /// Jobs by how they ended.
    pub ends: BTreeMap<u8, u64>,
    /// Situations that a rule is made for, and how often they came about.
    pub situations: BTreeMap<&'static str, u64>,
}

impl Seen {
    fn note(&mut self, came_about: bool, what: &'static str) {
        if came_about {
            *self.situations.entry(what).or_default() += 1;
        }
    }

    pub fn add(&mut self, other: &Self) {
        for (name, (went, refused)) in &other.calls {
            let entry = self.calls.entry(name).or_default();
            entry.0 += went;
            entry.1 += refused;
        }
        for (state, count) in &other.ends {
            *self.ends.entry(*state).or_default() += count;
        }
        for (what, count) in &other.situations {
            *self.situations.entry(what).or_default() += count;
        }
        self.forgeries += other.forgeries;
        self.steps += other.steps;
    }
}

pub struct Stage {
    world: World,
    pub model: Model,
    dice: Dice,
    pub seen: Seen,
    customers: Vec<Address>,
    nodes: Vec<Operator>,
    /// Owners who may sit in a committee, by committee.
    members: Vec<(Address, Vec<Address>)>,
    /// Keys that signed for a seat's owner once, the last is the current one.
    attesters: BTreeMap<Address, Vec<Keypair>>,
    panels: Vec<Panel>,
    mints: BTreeMap<Address, MintInfo>,
    supply: BTreeMap<Address, u64>,
    token_accounts: BTreeSet<Address>,
    outsider: Keypair,
    landlord: Keypair,
    authority: Address,
    governor: Address,
    guardian: Address,
    treasury: Address,
    payment: [Address; 2],
    /// Wallet of every ledger that ever was.
    parties: BTreeMap<Address, Address>,
    /// Rent of a job and of a ledger, lamports.
    job_rent: u64,
    ledger_rent: u64,
    /// What the index makes of it all: with what it can read of seals, and without.
    mirrors: [Mirror; 2],
    /// Where the index could not follow.
    unlike: Option<String>,
}

fn terms(id: u32) -> MarketArgs {
    let base = MarketArgs {
        id,
        units_limit: 10_000,
        least_reserved: 10,
        most_reserved: 1 << 30,
        base_slots: 50,
        slots_per_million: 1_000,
        accept_window: 150,
        attest_window: 200,
        challenge_window: 60,
        ..jobs::args(3)
    };
    match id {
        // every result checked
        0 => base,
        // sampled, with a lottery, small escrows final at once
        1 => MarketArgs {
            check_bps: 4_000,
            surcharge_bps: 12_000,
            final_below: 4_000,
            ramp: 40,
            ..base
        },
        // an auction in another mint than the emission mint
        _ => MarketArgs {
            kind: 1,
            check_bps: 5_000,
            surcharge_bps: 25_000,
            burn_bps: 1_000,
            fee_bps: 33,
            late_bps: 10_000,
            ..base
        },
    }
}

impl Stage {
    pub fn new(seed: u64, mistake: Mistake) -> Self {
        let mut world = World::seeded(sha256(&seed.to_le_bytes()));
        world.svm = std::mem::take(&mut world.svm).with_sigverify(false);
        let mut dice = Dice::new(seed);
        let staking = Staking::new(&mut world);
        let panels = vec![
            Panel::serving(&mut world, 3, 7),
            Panel::serving(&mut world, 5, 5),
        ];
        let (governor, guardian, authority) = (world.wallet(), world.wallet(), world.wallet());
        let payment = [staking.mint, world.mint(&TOKEN)];
        let upgrade = world.upgrade_authority.insecure_clone();
        world.ok(
            jobs::initialize_config(
                &upgrade.pubkey(),
                &staking.mint,
                jobs::config_args(&governor.pubkey(), &guardian.pubkey()),
            ),
            &[&upgrade],
        );
        for id in 0..3u32 {
            let (panel, mint) = (&panels[usize::from(id == 2)], payment[usize::from(id == 2)]);
            world.ok(
                jobs::create_market(&authority.pubkey(), panel, &mint, terms(id)),
                &[&authority, &panel.governor],
            );
        }
        let mut stage = Self {
            model: Model {
                mistake,
                markets: vec![],
                ledgers: BTreeMap::new(),
                jobs: BTreeMap::new(),
                committees: BTreeMap::new(),
                members: BTreeMap::new(),
                nodes: BTreeMap::new(),
                hashes: BTreeSet::new(),
                paused_until: 0,
                minimum_stake: 100 * TOKENS,
                unbonding: 14 * DAY,
                jail: 7 * DAY,
            },
            seen: Seen::default(),
            customers: vec![],
            nodes: vec![],
            members: vec![],
            attesters: BTreeMap::new(),
            mints: BTreeMap::new(),
            supply: BTreeMap::new(),
            token_accounts: BTreeSet::new(),
            outsider: world.wallet(),
            landlord: world.wallet(),
            authority: authority.pubkey(),
            governor: governor.pubkey(),
            guardian: guardian.pubkey(),
            treasury: governor.pubkey(),
            payment,
            parties: BTreeMap::new(),
            job_rent: world
                .svm
                .minimum_balance_for_rent_exemption(8 + size_of::<Job>()),
            ledger_rent: world
                .svm
                .minimum_balance_for_rent_exemption(8 + size_of::<Ledger>()),
            mirrors: [Mirror::new(true), Mirror::new(false)],
            unlike: None,
            dice: Dice::new(dice.next()),
            panels,
            world,
        };
        stage.settle_in(&staking);
        stage
    }

    /// Everyone with wallets, accounts, ledgers and money.
    fn settle_in(&mut self, staking: &Staking) {
        for id in 0..3u32 {
            let panel = &self.panels[usize::from(id == 2)];
            let at = jobs::market(&self.authority, id);
            let k = self.world.read::<Committee>(&panel.committee).k;
            self.model.markets.push(Market {
                at,
                committee: panel.committee,
                terms: terms(id),
                k,
                emits: id != 2,
                open: true,
                pool: 0,
                given: 0,
            });
            self.token_accounts.insert(jobs::vault(&at));
        }
        for wallet in 0..4 {
            let key = self.world.wallet();
            for mint in self.payment {
                // the third customer is poor
                let amount = if wallet == 2 { 60_000 } else { 1_000 * TOKENS };
                self.give(&key.pubkey(), &mint, amount);
            }
            self.customers.push(key.pubkey());
        }
        // two of them can be paid in the committees' mint
        for wallet in [self.customers[0], self.customers[3]] {
            let mint = self.panels[0].mint;
            self.give(&wallet, &mint, 0);
        }
        for stake in [1_000, 1_000, 104] {
            let operator = staking.staked_operator(&mut self.world, stake * TOKENS);
            let owner = operator.owner.pubkey();
            self.token_accounts.insert(operator.wallet);
            self.token_accounts.insert(staking::vault(&operator.node));
            self.give(&owner, &self.payment[1].clone(), 1_000 * TOKENS);
            self.model.nodes.insert(
                operator.node,
                Node {
                    worker: operator.worker.pubkey(),
                    declared: (2, 4, 8_192, *b"DE"),
                    stake: stake * TOKENS,
                    jailed_at: 0,
                    jailed_until: 0,
                    incident: 0,
                    window_start: 0,
                    slashes: Vec::new(),
                    exiting: false,
                    gone: false,
                },
            );
            self.nodes.push(operator);
        }
        for index in 0..self.panels.len() {
            let (committee, mint) = (self.panels[index].committee, self.panels[index].mint);
            let mut owners = vec![];
            let founders: Vec<_> = self.panels[index]
                .members
                .iter()
                .map(|m| (m.owner.insecure_clone(), m.attester.insecure_clone()))
                .collect();
            for (owner, attester) in founders {
                let at = panels::oracle(&committee, &owner.pubkey());
                let oracle: Oracle = self.world.read(&at);
                self.model.members.insert(at, Member { oracle });
                self.token_accounts.insert(panels::bond_vault(&at));
                self.remember(&owner, attester, &mint);
                owners.push(owner.pubkey());
            }
            // three more, not admitted yet
            for _ in 0..3 {
                let member = Panel::wallet(&mut self.world, &mint);
                self.remember(&member.owner, member.attester, &mint);
                owners.push(member.owner.pubkey());
            }
            let state: Committee = self.world.read(&committee);
            self.model.committees.insert(committee, state);
            self.members.push((committee, owners));
        }
        let mut mints: Vec<Address> = self.payment.to_vec();
        mints.extend(self.panels.iter().map(|panel| panel.mint));
        for mint in mints {
            self.mints.insert(
                mint,
                MintInfo {
                    address: mint,
                    program: TOKEN,
                    authority: None,
                    freeze_authority: None,
                    supply: 0,
                    decimals: 9,
                    symbol: None,
                },
            );
        }
        for mint in self.payment {
            self.give(&self.governor.clone(), &mint, 0);
            self.give(&self.authority.clone(), &mint, 0);
            self.give(&self.outsider.pubkey(), &mint, 5);
        }
        for mint in self.mints.keys() {
            self.supply.insert(*mint, self.world.supply(mint));
        }
        let now = self.world.slot();
        self.model.hashes = (now - 512..now).collect();
        self.world.set_slot_hashes([]);
        self.open_books();
    }

    /// A token account of a wallet, unless it has one.
    fn give(&mut self, wallet: &Address, mint: &Address, amount: u64) {
        let at = self.world.associated(wallet, mint);
        if !self.world.exists(&at) {
            self.world.associated_account(mint, wallet, amount);
        }
        self.token_accounts.insert(at);
    }

    fn remember(&mut self, owner: &Keypair, attester: Keypair, mint: &Address) {
        let wallet = owner.pubkey();
        self.attesters.insert(wallet, vec![attester]);
        let at = self.world.associated(&wallet, mint);
        self.token_accounts.insert(at);
        for mint in self.payment {
            self.give(&wallet, &mint, 0);
        }
    }

    /// Ledgers of customers, nodes, and some of the members; the rest open theirs later.
    fn open_books(&mut self) {
        for market in 0..3 {
            for wallet in self.customers.clone() {
                self.open_wallet(market, wallet).unwrap();
                let most = if wallet == self.customers[2] {
                    50_000
                } else {
                    100 * TOKENS
                };
                self.deposit(market, wallet, wallet, most).unwrap();
            }
            let authority = self.authority;
            self.open_wallet(market, authority).unwrap();
            // every other member of the market's committee; the rest may come later
            let own = self.members[usize::from(market == 2)].1.clone();
            for owner in own.iter().step_by(2) {
                self.open_wallet(market, *owner).unwrap();
            }
            for node in 0..self.nodes.len() {
                let cap = [u64::MAX, 1_000_000, 120_000][node];
                self.open_node(market, node, cap).unwrap();
                let (owner, party) = (self.nodes[node].owner.pubkey(), self.nodes[node].node);
                self.deposit(market, owner, party, 100 * TOKENS).unwrap();
            }
        }
    }

    fn now(&self) -> Now {
        let restart = self
            .world
            .svm
            .get_sysvar::<solana_last_restart_slot::LastRestartSlot>();
        Now {
            time: self.world.now(),
            slot: self.world.slot(),
            restart: restart.last_restart_slot,
        }
    }

    fn mint_of(&self, market: usize) -> MintInfo {
        self.mints
            .get(&self.payment[usize::from(market == 2)])
            .copied()
            .unwrap_or(MintInfo {
                address: self.payment[usize::from(market == 2)],
                program: TOKEN,
                authority: None,
                freeze_authority: None,
                supply: 0,
                decimals: 9,
                symbol: None,
            })
    }

    // ---- sending and comparing

    /// Sends instructions, whose signatures nobody checks; the index follows what went through.
    fn deliver(&mut self, instructions: &[Instruction]) -> Sent {
        let sent = self.world.send_unchecked(instructions);
        if sent.is_ok() {
            for mirror in &mut self.mirrors {
                let carried = mirror.carry(&self.world, self.payment[0], instructions);
                self.unlike = self.unlike.take().or(carried.err());
            }
        }
        sent
    }

    /// The same for what must go through.
    fn expect(&mut self, instruction: Instruction) -> Outcome<()> {
        match self.deliver(&[instruction]) {
            Ok(_) => Ok(()),
            Err(failure) => Err(failure.log),
        }
    }

    /// Sends a call. `broken` is what the model says of it, which has changed its books already.
    fn make(&mut self, call: Call, broken: &Broken) -> Outcome<bool> {
        if broken.nothing() && self.dice.one_in(4) {
            self.forge(&call)?;
        }
        let sent = self.deliver(&call.instructions);
        let entry = self.seen.calls.entry(call.name).or_default();
        match (&sent, broken.nothing()) {
            (Ok(_), true) => {
                entry.0 += 1;
                Ok(true)
            }
            (Err(failure), false) if broken.explains(failure) => {
                entry.1 += 1;
                Ok(false)
            }
            (Ok(_), false) => Err(format!("{} went through, though {broken:?}", call.name)),
            (Err(failure), _) => Err(format!(
                "{} was refused with {:?}, the model says {broken:?}\n{}",
                call.name, failure.error, failure.log
            )),
        }
    }

    /// Invariant 5: the same call with one thing forged is refused.
    fn forge(&mut self, call: &Call) -> Outcome<()> {
        let mut forged = call.instructions.clone();
        let target = forged.last_mut().unwrap();
        let count = target.accounts.len();
        let index = usize::try_from(self.dice.below(count as u64)).unwrap();
        let meta = target.accounts[index].clone();
        // programs are named by their type, and sysvars by their address
        if call.free.contains(&index) || meta.pubkey == TOKEN || meta.pubkey == lode_jobs::ID {
            return Ok(());
        }
        let mut copies = vec![];
        // an account that is passed twice is written or signed for by its other place all the same
        let twice = target.accounts.iter().filter(|a| a.pubkey == meta.pubkey);
        if twice.count() > 1 {
            return Ok(());
        }
        let kind = self.dice.below(5);
        let what = match kind {
            _ if meta.is_signer => {
                if self.dice.one_in(2) {
                    target.accounts[index].pubkey = self.outsider.pubkey();
                    "another signer"
                } else {
                    target.accounts[index].is_signer = false;
                    "no signature"
                }
            }
            0 => {
                if !self.world.exists(&meta.pubkey) || meta.pubkey.is_on_curve() {
                    return Ok(());
                }
                let copy = self.world.foreign_owned(&meta.pubkey);
                copies.push(copy);
                target.accounts[index].pubkey = copy;
                "a copy owned by another program"
            }
            1 => {
                if !meta.is_writable {
                    return Ok(());
                }
                target.accounts[index].is_writable = false;
                "read-only"
            }
            2 => {
                let other = self.dice.pick(&target.accounts).pubkey;
                if other == meta.pubkey || other == self.world.payer.pubkey() {
                    return Ok(());
                }
                target.accounts[index].pubkey = other;
                "another account of the call"
            }
            3 => {
                if call.like.contains(&index) {
                    return Ok(());
                }
                let Some(other) = self.like(&meta.pubkey) else {
                    return Ok(());
                };
                target.accounts[index].pubkey = other;
                "another account of its kind"
            }
            _ => {
                if count < 2 {
                    return Ok(());
                }
                target.accounts.truncate(count - 1);
                if call.free.contains(&(count - 1)) {
                    return Ok(());
                }
                "one account fewer"
            }
        };
        self.seen.forgeries += 1;
        let sent = self.deliver(&forged);
        for copy in copies {
            let empty = solana_account::Account::default();
            self.world.svm.set_account(copy, empty).unwrap();
        }
        match sent {
            Err(_) => Ok(()),
            Ok(_) => Err(format!(
                "{} went through with {what} at account {index}",
                call.name
            )),
        }
    }

    /// Another account of the same type and owner.
    fn like(&mut self, at: &Address) -> Option<Address> {
        let account = self.world.svm.get_account(at)?;
        let mut pool: Vec<Address> = if account.owner == TOKEN {
            if account.data.len() == 82 {
                self.mints.keys().copied().collect()
            } else {
                self.token_accounts.iter().copied().collect()
            }
        } else {
            let mut all: Vec<Address> = self.model.ledgers.keys().copied().collect();
            all.extend(self.model.jobs.keys());
            all.extend(self.model.markets.iter().map(|market| market.at));
            all.extend(self.model.committees.keys());
            all.extend(self.model.members.keys());
            all.extend(self.nodes.iter().map(|node| node.node));
            all.extend(self.nodes.iter().map(|node| jobs::work(&node.node)));
            let kind = account.data.get(..8)?.to_vec();
            all.retain(|other| {
                self.world
                    .svm
                    .get_account(other)
                    .is_some_and(|a| a.data.starts_with(&kind))
            });
            all
        };
        pool.retain(|other| other != at);
        if pool.is_empty() {
            return None;
        }
        Some(self.dice.pick(&pool))
    }

    /// The programs' accounts are the model's, to the byte; invariant 2, exactly.
    pub fn compare(&self) -> Outcome<()> {
        let mut booked = vec![0u64; self.model.markets.len()];
        for (at, ledger) in &self.model.ledgers {
            self.state_is_ledger(at, ledger)?;
            let market = self
                .model
                .markets
                .iter()
                .position(|market| market.at == ledger.market)
                .unwrap();
            booked[market] += ledger.available
                + ledger.locked
                + ledger.burn_owed
                + ledger.fees_owed
                + ledger.market_owed
                + ledger.checks_owed;
        }
        for (market, booked) in self.model.markets.iter().zip(booked) {
            let state: lode_jobs::state::Market = self.world.read(&market.at);
            if state.check_pool != market.pool || state.is_open() != market.open {
                return Err(format!(
                    "pool {} of {}, open {}; expected {} and {}",
                    state.check_pool,
                    market.at,
                    state.is_open(),
                    market.pool,
                    market.open
                ));
            }
            let held = self.world.amount(&jobs::vault(&market.at));
            if held != booked + market.pool + market.given {
                return Err(format!(
                    "vault of {} holds {held}, booked are {booked}, pool {}, given {}",
                    market.at, market.pool, market.given
                ));
            }
        }
        if let Some(what) = &self.unlike {
            return Err(format!("the index does not follow: {what}"));
        }
        for mirror in &self.mirrors {
            let (ledgers, jobs) = (self.model.ledgers.keys(), self.model.jobs.keys());
            mirror.compare(&self.world, ledgers, jobs)?;
        }
        for (at, task) in &self.model.jobs {
            self.state_is_job(at, &task.job)?;
            let expected = self.job_rent + u64::from(task.job.slices) * SLICE;
            let lamports = self.world.lamports(at);
            if lamports != expected {
                return Err(format!("{at} holds {lamports} lamports, not {expected}"));
            }
        }
        for (at, committee) in &self.model.committees {
            let state: Committee = self.world.read(at);
            if bytemuck::bytes_of(&state) != bytemuck::bytes_of(committee) {
                return Err(format!("committee {at} has other seats than expected"));
            }
        }
        for (at, member) in &self.model.members {
            let state: Oracle = self.world.read(at);
            let expected = &member.oracle;
            if bytemuck::bytes_of(&state) != bytemuck::bytes_of(expected) {
                return Err(format!(
                    "oracle {at}: bond {} seat {} left {}, expected {} {} {}",
                    state.bond,
                    state.seat,
                    state.left_at,
                    expected.bond,
                    expected.seat,
                    expected.left_at
                ));
            }
            if expected.state == 1 {
                let held = self.world.amount(&panels::bond_vault(at));
                if held != expected.bond {
                    return Err(format!("bond of {at} is {held}, not {}", expected.bond));
                }
            }
        }
        for (at, node) in &self.model.nodes {
            if node.gone {
                continue;
            }
            let state: lode_staking::state::Node = self.world.read(at);
            if (state.stake, state.jailed_until) != (node.stake, node.jailed_until) {
                return Err(format!(
                    "node {at}: stake {} jailed {}, expected {} {}",
                    state.stake, state.jailed_until, node.stake, node.jailed_until
                ));
            }
        }
        for (mint, supply) in &self.supply {
            let state = self.world.supply(mint);
            if state != *supply {
                return Err(format!("supply of {mint} is {state}, not {supply}"));
            }
        }
        Ok(())
    }

    fn state_is_ledger(&self, at: &Address, expected: &Ledger) -> Outcome<()> {
        if !self.world.exists(at) {
            return Err(format!("ledger {at} is gone"));
        }
        let state: Ledger = self.world.read(at);
        if bytemuck::bytes_of(&state) == bytemuck::bytes_of(expected) {
            return Ok(());
        }
        let show = |l: &Ledger| {
            format!(
                "available {} locked {} cap {} open {} top {} taken {:x} burn {} fees {} market {} checks {} credits {} settled {} failed {} units {} turnover {}",
                l.available, l.locked, l.locked_cap, l.open_jobs, l.nonce_top, l.nonce_taken, l.burn_owed,
                l.fees_owed, l.market_owed, l.checks_owed, l.credits, l.settled, l.failed, l.units, l.turnover
            )
        };
        Err(format!(
            "ledger {at} is\n{}\nexpected\n{}",
            show(&state),
            show(expected)
        ))
    }

    fn state_is_job(&self, at: &Address, expected: &Job) -> Outcome<()> {
        if !self.world.exists(at) {
            return Err(format!("job {at} is gone"));
        }
        let state: Job = self.world.read(at);
        if bytemuck::bytes_of(&state) == bytemuck::bytes_of(expected) {
            return Ok(());
        }
        let show = |j: &Job| {
            format!(
                "state {} flags {:b} attempt {} verdict {} first {} node {} price {} bid {} limit {} units {} collateral {} deadline {} eligible {:b} drawn {:b} panel {:b} silent {:b} match {:b} mismatch {:b} unrunnable {:b} collected {:b} penalised {:b} challenger {} appellant {}",
                j.state, j.flags, j.attempt, j.verdict, j.first_verdict, j.node, j.price, j.bid, j.units_limit,
                j.units, j.collateral, j.deadline, j.eligible, j.drawn, j.panel, j.silent, j.signed_match,
                j.signed_mismatch, j.signed_unrunnable, j.collected, j.penalised, j.challenger, j.appellant
            )
        };
        Err(format!(
            "job {at} is\n{}\nexpected\n{}",
            show(&state),
            show(expected)
        ))
    }

    // ---- time

    fn pass(&mut self, slots: u64) {
        if slots == 0 {
            return;
        }
        let before = self.world.slot();
        self.world.pass_slots(slots);
        let now = self.world.slot();
        // one slot in ten is skipped and has no hash
        let from = (now - slots.min(600)).max(before);
        for slot in from..now {
            if !self.dice.one_in(10) {
                self.model.hashes.insert(slot);
            }
        }
        while self.model.hashes.len() > 512 {
            self.model.hashes.pop_first();
        }
        if self.dice.one_in(60) {
            let slot = now - self.dice.below(slots.max(30));
            self.world.set_last_restart(slot);
        }
    }

    /// Lets the clock run until a job's window ends, or one slot short of it.
    fn pass_to_deadline(&mut self, at: &Address, short: u64) {
        let job = self.model.jobs[at].job;
        let market = self.model.market_of(&job);
        // the cluster may restart while one waits, and the window grow
        for _ in 0..3 {
            let end = self.model.markets[market].deadline(&job, &self.now());
            let wait = end.saturating_sub(short).saturating_sub(self.world.slot());
            self.pass(wait);
        }
    }

    // ---- calls

    fn open_wallet(&mut self, market: usize, wallet: Address) -> Outcome<bool> {
        let market_at = self.model.markets[market].at;
        let payer = self.landlord.insecure_clone();
        let (at, bump) = Address::find_program_address(
            &[b"ledger", market_at.as_ref(), wallet.as_ref()],
            &lode_jobs::ID,
        );
        let now = self.now();
        let broken = self
            .model
            .open_ledger(&now, at, market, wallet, payer.pubkey(), None, bump);
        self.parties.insert(at, wallet);
        self.make(
            Call {
                name: "open_ledger",
                instructions: vec![build::open_ledger(&payer.pubkey(), &market_at, &wallet)],
                free: &[0],
                like: &[],
            },
            &broken,
        )
    }

    fn open_node(&mut self, market: usize, node: usize, cap: u64) -> Outcome<bool> {
        let market_at = self.model.markets[market].at;
        let (owner, at) = (
            self.nodes[node].owner.insecure_clone(),
            self.nodes[node].node,
        );
        let (ledger, bump) = Address::find_program_address(
            &[b"ledger", market_at.as_ref(), at.as_ref()],
            &lode_jobs::ID,
        );
        let now = self.now();
        let broken =
            self.model
                .open_ledger(&now, ledger, market, at, owner.pubkey(), Some(cap), bump);
        self.parties.insert(ledger, at);
        self.make(
            Call {
                name: "open_node_ledger",
                instructions: vec![build::open_node_ledger(
                    &owner.pubkey(),
                    &market_at,
                    &at,
                    cap,
                )],
                free: &[],
                like: &[],
            },
            &broken,
        )
    }

    fn deposit(
        &mut self,
        market: usize,
        wallet: Address,
        party: Address,
        amount: u64,
    ) -> Outcome<bool> {
        let (market_at, mint) = (self.model.markets[market].at, self.mint_of(market));
        let held = self.world.amount(&mint.account_of(&wallet));
        let amount = amount.min(held);
        let at = jobs::ledger(&market_at, &party);
        let broken = self.model.deposit(&at, amount);
        self.make(
            Call {
                name: "deposit",
                instructions: vec![build::deposit(&wallet, &market_at, &party, &mint, amount)],
                free: &[],
                like: &[2],
            },
            &broken,
        )
    }

    fn withdraw(&mut self, at: Address, signer: Address, amount: u64) -> Outcome<bool> {
        let Some(ledger) = self.model.ledgers.get(&at).copied() else {
            return Ok(false);
        };
        let market = self
            .model
            .markets
            .iter()
            .position(|market| market.at == ledger.market)
            .unwrap();
        let mint = self.mint_of(market);
        let broken = self.model.withdraw(&at, &signer, amount);
        self.make(
            Call {
                name: "withdraw",
                instructions: vec![build::withdraw(
                    &signer,
                    &ledger.market,
                    &ledger.party,
                    &mint,
                    amount,
                )],
                free: &[],
                like: &[2],
            },
            &broken,
        )
    }

    fn close_ledger(&mut self, at: Address, signer: Address) -> Outcome<bool> {
        let Some(ledger) = self.model.ledgers.get(&at).copied() else {
            return Ok(false);
        };
        let before = self.world.lamports(&ledger.payer);
        let broken = self.model.close_ledger(&at, &signer, &self.now());
        let done = self.make(
            Call {
                name: "close_ledger",
                instructions: vec![build::close_ledger(&signer, &ledger.payer, &at)],
                free: &[],
                like: &[2],
            },
            &broken,
        )?;
        if done {
            if self.world.exists(&at) {
                return Err("a closed ledger is still there".into());
            }
            let rent = self.world.lamports(&ledger.payer) - before;
            if rent != self.ledger_rent {
                return Err(format!("the rent of a ledger came back as {rent}"));
            }
        }
        Ok(done)
    }

    /// Which nodes a job takes: mostly any.
    fn wanted(&mut self) -> NodeFilter {
        let mut wanted = NodeFilter::default();
        match self.dice.below(24) {
            0 => wanted.classes = 0b0110,
            1 => wanted.cores = 4,
            2 => wanted.memory_mib = 4_096,
            3 => wanted.regions[..4].copy_from_slice(b"DEFR"),
            4 => {
                wanted.denies = 1;
                wanted.regions[..2].copy_from_slice(b"FR");
            }
            5 => wanted.denies = 2,
            _ => {}
        }
        wanted
    }

    fn post(&mut self) -> Outcome<bool> {
        let market = self.dice.pick(&[0, 1, 1, 2, 2]);
        let customer = self.dice.pick(&self.customers.clone());
        let market_at = self.model.markets[market].at;
        let ledger_at = jobs::ledger(&market_at, &customer);
        let top = self
            .model
            .ledgers
            .get(&ledger_at)
            .map_or(0, |ledger| ledger.nonce_top);
        let nonce = match self.dice.below(20) {
            0 => top,
            1 => top.saturating_sub(self.dice.below(80)),
            2 => top + self.dice.below(80),
            _ => top + 1 + self.dice.below(3),
        };
        let units_limit = match self.dice.below(25) {
            0 => 0,
            1 => 10_001,
            2 => 1,
            3 => 10_000,
            _ => 1 + self.dice.below(10_000),
        };
        let price = match self.dice.below(25) {
            0 => 0,
            1 => 1,
            2 => u64::from(u32::MAX),
            _ => 1 + self.dice.below(4_000_000),
        };
        let target = if self.dice.one_in(8) {
            let node = self.dice.below(3);
            self.nodes[usize::try_from(node).unwrap()].node
        } else {
            Address::default()
        };
        let args = PostArgs {
            nonce,
            spec: jobs::SPEC,
            price,
            units_limit,
            target,
            checked: self.dice.one_in(6),
            nodes: self.wanted(),
        };
        let (at, bump) = jobs::job(&ledger_at, nonce);
        let now = self.now();
        let broken = self.model.post(&now, at, bump, ledger_at, customer, &args);
        self.make(
            Call {
                name: "post_job",
                instructions: vec![build::post_job(&customer, &market_at, args)],
                free: &[],
                like: &[],
            },
            &broken,
        )
    }

    fn owner_of(&self, ledger: &Address) -> Address {
        self.parties[ledger]
    }

    fn raise(&mut self, at: &Address) -> Outcome<bool> {
        let job = self.model.jobs[at].job;
        let signer = if self.dice.one_in(10) {
            self.dice.pick(&self.customers.clone())
        } else {
            self.owner_of(&job.customer)
        };
        let limit = match self.dice.below(8) {
            0 => job.units_limit,
            1 => 10_001,
            _ => job.units_limit + self.dice.below(3_000),
        };
        let now = self.now();
        let broken = self.model.raise(&now, at, &signer, limit);
        self.make(
            Call {
                name: "raise_limit",
                instructions: vec![build::raise_limit(&signer, at, &job, limit)],
                free: &[],
                like: &[3],
            },
            &broken,
        )
    }

    fn cancel(&mut self, at: &Address, signer: Address) -> Outcome<bool> {
        let job = self.model.jobs[at].job;
        let now = self.now();
        let broken = self.model.cancel(&now, at, &signer);
        let done = self.make(
            Call {
                name: "cancel_job",
                instructions: vec![build::cancel_job(&signer, at, &job)],
                // by then anybody may
                free: &[0],
                like: &[2],
            },
            &broken,
        )?;
        let bid = job.flags & flag::BID != 0;
        self.seen.note(done && bid, "a bidder forfeited");
        Ok(done)
    }

    /// A node and who signs for it: its worker, now and then somebody else.
    fn operator(&mut self) -> (Address, Address) {
        let node = usize::try_from(self.dice.below(3)).unwrap();
        let signer = match self.dice.below(25) {
            0 => self.nodes[node].owner.pubkey(),
            1 => self.nodes[(node + 1) % 3].worker.pubkey(),
            _ => self.nodes[node].worker.pubkey(),
        };
        (self.nodes[node].node, signer)
    }

    /// The job as somebody may have read it: as it is, or as it was before its terms changed.
    fn read_by(&mut self, job: &Job) -> Job {
        let mut read = *job;
        match self.dice.below(30) {
            0 => read.spec[0] ^= 1,
            1 => read.units_limit += 1,
            2 => read.price += 1,
            _ => {}
        }
        read
    }

    fn accept(&mut self, at: &Address) -> Outcome<bool> {
        let job = self.model.jobs[at].job;
        let (mut node, mut signer) = self.operator();
        if job.flags & flag::TARGETED != 0 && self.dice.percent(80) {
            node = job.node;
            signer = self.model.nodes[&node].worker;
        }
        let read = self.read_by(&job);
        let now = self.now();
        let broken = self.model.accept(
            &now,
            at,
            &node,
            &signer,
            &read.spec,
            read.units_limit,
            read.price,
        );
        self.make(
            Call {
                name: "accept_job",
                instructions: vec![build::accept_job(&signer, &node, at, &read)],
                free: &[],
                like: &[4],
            },
            &broken,
        )
    }

    fn bid(&mut self, at: &Address) -> Outcome<bool> {
        let job = self.model.jobs[at].job;
        let (node, signer) = self.operator();
        let best = if job.flags & flag::BID != 0 {
            job.bid * 99 / 100
        } else {
            job.price
        };
        let price = match self.dice.below(8) {
            0 => best + 1,
            1 => 0,
            2 => best,
            3 => 1,
            _ => best.saturating_sub(self.dice.below(best / 4 + 1)),
        };
        let read = self.read_by(&job);
        let now = self.now();
        let broken = self.model.bid(
            &now,
            at,
            &node,
            &signer,
            &read.spec,
            read.units_limit,
            price,
        );
        self.make(
            Call {
                name: "place_bid",
                instructions: vec![build::place_bid(&signer, &node, at, &read, price)],
                free: &[],
                like: &[4],
            },
            &broken,
        )
    }

    fn award(&mut self, at: &Address) -> Outcome<bool> {
        let job = self.model.jobs[at].job;
        let now = self.now();
        let broken = self.model.award(&now, at);
        self.make(
            Call {
                name: "award_job",
                instructions: vec![build::award_job(at, &job)],
                free: &[],
                like: &[2],
            },
            &broken,
        )
    }

    fn worker_of(&mut self, job: &Job) -> Address {
        if self.dice.one_in(25) {
            let node = usize::try_from(self.dice.below(3)).unwrap();
            return self.nodes[node].worker.pubkey();
        }
        match self.model.nodes.get(&job.node) {
            Some(node) => node.worker,
            None => self.nodes[0].worker.pubkey(),
        }
    }

    fn give_up(&mut self, at: &Address) -> Outcome<bool> {
        let job = self.model.jobs[at].job;
        let signer = self.worker_of(&job);
        let now = self.now();
        let broken = self.model.give_up(&now, at, &job.node, &signer);
        self.make(
            Call {
                name: "give_up_job",
                instructions: vec![build::give_up_job(&signer, at, &job)],
                free: &[],
                like: &[2],
            },
            &broken,
        )
    }

    fn expire(&mut self, at: &Address) -> Outcome<bool> {
        let job = self.model.jobs[at].job;
        let now = self.now();
        let broken = self.model.expire(&now, at);
        let done = self.make(
            Call {
                name: "expire_job",
                instructions: vec![build::expire_job(&self.outsider.pubkey(), at, &job)],
                free: &[0],
                like: &[2],
            },
            &broken,
        )?;
        if done {
            let after = self.model.jobs[at].job;
            let sealed = job.state == JobState::Sealed as u8;
            self.seen.note(sealed, "a result was not told in time");
            let ended = after.state == JobState::Failed as u8;
            self.seen.note(ended, "the last attempt failed");
            self.seen.note(!ended, "open again after an attempt");
        }
        Ok(done)
    }

    fn submit(&mut self, at: &Address) -> Outcome<bool> {
        let job = self.model.jobs[at].job;
        let signer = self.worker_of(&job);
        let units = match self.dice.below(20) {
            0 => 0,
            1 => job.units_limit + 1,
            2 => 1,
            _ => 1 + self.dice.below(job.units_limit),
        };
        // one in five lies
        let result = if self.dice.percent(20) {
            [0x66; 32]
        } else {
            RESULT
        };
        let promise = commitment(&result, units, at, job.attempt, &job.node);
        let now = self.now();
        let broken = self
            .model
            .submit(&now, at, &job.node, &signer, result, units);
        self.make(
            Call {
                name: "submit_result",
                instructions: vec![build::submit_result(&signer, at, &job, promise, units)],
                free: &[],
                like: &[2],
            },
            &broken,
        )
    }

    fn committee_of(&self, job: &Job) -> Address {
        self.model.markets[self.model.market_of(job)].committee
    }

    fn seal(&mut self, at: &Address) -> Outcome<bool> {
        let job = self.model.jobs[at].job;
        // Nothing else reads the slot hashes, and the world decodes all of them whenever its clock moves.
        self.world.set_slot_hashes(self.model.hashes.clone());
        let now = self.now();
        let broken = self.model.seal(&now, at);
        let committee = self.committee_of(&job);
        let done = self.make(
            Call {
                name: "seal_job",
                instructions: vec![build::seal_job(
                    &self.outsider.pubkey(),
                    at,
                    &job,
                    &committee,
                )],
                free: &[0],
                like: &[3],
            },
            &broken,
        );
        self.world.set_slot_hashes([]);
        if done == Ok(true) {
            let sealed = self.model.jobs[at].job;
            let late = sealed.flags & flag::LATE != 0;
            self.seen.note(late, "sealed late");
            self.seen.note(sealed.panel == 0, "not drawn");
            self.seen.note(
                sealed.panel != sealed.eligible,
                "drawn a part of the committee",
            );
        }
        done
    }

    fn reveal(&mut self, at: &Address) -> Outcome<bool> {
        let task = &self.model.jobs[at];
        let (job, mut result) = (task.job, task.result);
        if self.dice.one_in(12) {
            result[5] ^= 1;
        }
        let now = self.now();
        let broken = self.model.reveal(&now, at, &result);
        self.make(
            Call {
                name: "reveal_result",
                instructions: vec![build::reveal_result(at, &job, result)],
                free: &[],
                like: &[],
            },
            &broken,
        )
    }

    fn attest(&mut self, at: &Address) -> Outcome<bool> {
        let task = self.model.jobs[at].clone();
        let job = task.job;
        let committee = self.committee_of(&job);
        let honest = if task.result == RESULT {
            Verdict::Match
        } else {
            Verdict::Mismatch
        };
        let verdict = match self.dice.below(20) {
            0..=12 => honest,
            13..=16 if honest == Verdict::Match => Verdict::Mismatch,
            13..=16 => Verdict::Match,
            _ => Verdict::Unrunnable,
        };
        let taken = job.signed_match
            | job.signed_mismatch
            | if verdict == Verdict::Unrunnable {
                job.signed_unrunnable
            } else {
                0
            };
        let mut open: Vec<u8> = (0..32)
            .filter(|seat| (job.panel & !taken) >> seat & 1 == 1)
            .collect();
        if open.is_empty() || self.dice.one_in(20) {
            let members = self
                .members
                .iter()
                .find(|(at, _)| *at == committee)
                .unwrap()
                .1
                .len();
            open = (0..u8::try_from(members).unwrap()).collect();
        }
        let count = if self.dice.percent(60) {
            5
        } else {
            1 + usize::try_from(self.dice.below(3)).unwrap()
        };
        while open.len() > count {
            let drop = usize::try_from(self.dice.below(open.len() as u64)).unwrap();
            open.remove(drop);
        }
        let is_match = verdict == Verdict::Match;
        let (mut result, units) = if is_match {
            (task.result, task.units)
        } else {
            ([0; 32], 0)
        };
        if self.dice.one_in(30) {
            result[7] ^= 1;
        }
        let statement = Statement {
            program: &lode_jobs::ID,
            job: at,
            attempt: job.attempt,
            seal: &job.seal,
            verdict,
            result: &result,
            units,
            committee: &committee,
        };
        let (mut signed, mut keys) = (vec![], vec![]);
        for seat in &open {
            let owner = self.model.committees[&committee].seats[usize::from(*seat)].owner;
            let key = match self.attesters.get(&owner) {
                // the present key, now and then one of before
                Some(keys) if self.dice.one_in(40) => self.dice.below(keys.len() as u64),
                Some(keys) => keys.len() as u64 - 1,
                None => 0,
            };
            let key = match self.attesters.get(&owner) {
                Some(keys) => keys[usize::try_from(key).unwrap()].insecure_clone(),
                None => self.outsider.insecure_clone(),
            };
            let message = statement.message(*seat);
            signed.push((key.pubkey(), key.sign_message(&message).into(), message));
            keys.push((*seat, key.pubkey()));
        }
        let names = open.iter().fold(0u32, |mask, seat| mask | 1 << seat);
        let now = self.now();
        let broken = self
            .model
            .attest(&now, at, verdict as u8, &result, units, &keys);
        let attest = lode_tests::instruction(
            lode_jobs::ID,
            lode_jobs::accounts::AttestJob {
                market: job.market,
                committee,
                job: *at,
                instructions: lode_tests::INSTRUCTIONS,
            }
            .to_account_metas(None),
            lode_jobs::instruction::AttestJob {
                verdict: verdict as u8,
                result,
                units,
                signers: names,
            }
            .data(),
        );
        self.make(
            Call {
                name: "attest_job",
                instructions: vec![jobs::proof(&signed), attest],
                free: &[],
                like: &[],
            },
            &broken,
        )
    }

    fn escalate(&mut self, at: &Address) -> Outcome<bool> {
        let job = self.model.jobs[at].job;
        let now = self.now();
        let broken = self.model.escalate(&now, at);
        self.make(
            Call {
                name: "escalate_job",
                instructions: vec![build::escalate_job(&self.outsider.pubkey(), at, &job)],
                free: &[0],
                like: &[2],
            },
            &broken,
        )
    }

    fn void(&mut self, at: &Address) -> Outcome<bool> {
        let job = self.model.jobs[at].job;
        let now = self.now();
        let broken = self.model.void(&now, at);
        let done = self.make(
            Call {
                name: "void_job",
                instructions: vec![build::void_job(&self.outsider.pubkey(), at, &job)],
                free: &[0],
                like: &[2],
            },
            &broken,
        )?;
        if done {
            let unsealed = job.state == JobState::Submitted as u8;
            self.seen.note(unsealed, "void: nobody sealed");
            self.seen.note(!unsealed, "void: nobody decided");
            let bond = job.challenger != Address::default();
            self.seen.note(bond, "void: a bond returned");
        }
        Ok(done)
    }

    fn challenge(&mut self, at: &Address) -> Outcome<bool> {
        let job = self.model.jobs[at].job;
        let wallet = if self.dice.one_in(20) {
            self.nodes[0].owner.pubkey()
        } else if job.challenger != Address::default() && self.dice.percent(70) {
            self.owner_of(&job.challenger)
        } else if self.dice.one_in(3) {
            self.owner_of(&job.customer)
        } else {
            self.dice.pick(&self.customers.clone())
        };
        let ledger = jobs::ledger(&job.market, &wallet);
        let now = self.now();
        let broken = self.model.challenge(&now, at, &ledger, &wallet);
        self.make(
            Call {
                name: "challenge_job",
                instructions: vec![build::challenge_job(&wallet, at, &job)],
                free: &[],
                like: &[2],
            },
            &broken,
        )
    }

    fn settle(&mut self, at: &Address, signer: Address) -> Outcome<bool> {
        let job = self.model.jobs[at].job;
        let now = self.now();
        let broken = self.model.settle(&now, at, &signer);
        let done = self.make(
            Call {
                name: "settle_job",
                instructions: vec![build::settle_job(&signer, at, &job)],
                // anybody, once the window is over; a job without points has no use for them
                free: &[0, 6],
                like: &[3],
            },
            &broken,
        )?;
        if done {
            let named = |ledger: &Address| *ledger != Address::default();
            let (lie, fine) = (job.verdict == 2, job.verdict == 1);
            let by_all = self.model.by_all(&job);
            let same = job.verdict == job.first_verdict;
            let roles = named(&job.challenger) && job.challenger == job.appellant;
            for (came_about, what) in [
                (named(&job.challenger) && lie, "a challenger was right"),
                (named(&job.challenger) && fine, "a challenger was wrong"),
                (named(&job.appellant) && !same, "an appellant was right"),
                (
                    named(&job.appellant) && same && by_all,
                    "an appellant was wrong",
                ),
                (
                    named(&job.appellant) && !by_all,
                    "an appeal was not decided",
                ),
                (roles, "one wallet in two roles"),
                (job.verdict == 3, "unrunnable"),
                (
                    job.flags & flag::LATE != 0 && fine,
                    "paid though sealed late",
                ),
                (
                    signer != self.outsider.pubkey(),
                    "paid by the customer himself",
                ),
            ] {
                self.seen.note(came_about, what);
            }
        }
        Ok(done)
    }

    fn collect(&mut self, at: &Address, seat: u8) -> Outcome<bool> {
        let job = self.model.jobs[at].job;
        let committee = self.committee_of(&job);
        let owner = self.model.committees[&committee].seats[usize::from(seat)].owner;
        let ledger = jobs::ledger(&job.market, &owner);
        let broken = self.model.collect(at, seat, &ledger);
        self.make(
            Call {
                name: "collect_check",
                instructions: vec![build::collect_check(at, &job, &committee, seat, &owner)],
                free: &[],
                like: &[2],
            },
            &broken,
        )
    }

    fn redeem(&mut self, at: Address) -> Outcome<bool> {
        let Some(ledger) = self.model.ledgers.get(&at).copied() else {
            return Ok(false);
        };
        let broken = self.model.redeem(&at);
        self.make(
            Call {
                name: "redeem_credits",
                instructions: vec![build::redeem_credits(&ledger.market, &ledger.party)],
                free: &[],
                like: &[1],
            },
            &broken,
        )
    }

    fn sweep(&mut self, at: Address, whole: bool) -> Outcome<bool> {
        let Some(ledger) = self.model.ledgers.get(&at).copied() else {
            return Ok(false);
        };
        let market = self
            .model
            .markets
            .iter()
            .position(|market| market.at == ledger.market)
            .unwrap();
        let mint = self.mint_of(market);
        let (treasury, to_market) = (whole || self.dice.one_in(2), whole || self.dice.one_in(2));
        let own = jobs::ledger(&ledger.market, &self.authority);
        let account = mint.account_of(&self.treasury);
        let before = self.world.amount(&account);
        let (broken, burned, fees) = self.model.sweep(&at, treasury, to_market.then_some(&own));
        let state: lode_jobs::state::Market = self.world.read(&ledger.market);
        let owner = self.treasury;
        let done = self.make(
            Call {
                name: "sweep_fees",
                instructions: vec![build::sweep_fees(
                    &ledger.market,
                    &state,
                    &ledger.party,
                    &mint,
                    treasury.then_some(&owner),
                    to_market,
                )],
                free: &[5, 6],
                like: &[2],
            },
            &broken,
        )?;
        if done {
            *self.supply.get_mut(&mint.address).unwrap() -= burned;
            let got = self.world.amount(&account) - before;
            if got != fees {
                return Err(format!("the treasury got {got}, not {fees}"));
            }
        }
        Ok(done)
    }

    fn slash(&mut self, at: &Address) -> Outcome<bool> {
        let job = self.model.jobs[at].job;
        let now = self.now();
        let known = self.model.nodes.contains_key(&job.node);
        let gone = known && self.model.nodes[&job.node].gone;
        let (broken, lost) = self.model.slash(&now, at);
        let mint = self.mint_of(0);
        let done = self.make(
            Call {
                name: "slash_job",
                instructions: vec![build::slash_job(at, &job, &mint)],
                // where the node is gone nothing more is looked at
                free: if gone {
                    &[2, 3, 4, 5, 6, 7, 8]
                } else {
                    &[3, 8]
                },
                like: &[1],
            },
            &broken,
        )?;
        if done {
            *self.supply.get_mut(&mint.address).unwrap() -= lost;
        }
        Ok(done)
    }

    fn penalise(&mut self, at: &Address, seat: u8) -> Outcome<bool> {
        let job = self.model.jobs[at].job;
        let committee = self.committee_of(&job);
        let place = self.model.committees[&committee].seats[usize::from(seat)];
        let serves = place.active_from != 0
            && place.active_from <= job.submitted_at
            && job.submitted_at < place.left_at;
        let panel = self
            .panels
            .iter()
            .find(|panel| panel.committee == committee)
            .unwrap();
        let mint = self.mints[&panel.mint];
        let wallet = self.parties.get(&job.appellant).copied();
        let account = wallet.map(|wallet| mint.account_of(&wallet));
        let before = account
            .filter(|at| self.world.exists(at))
            .map(|at| self.world.amount(&at));
        let now = self.now();
        let (broken, lost, reward) = self.model.penalise(&now, at, seat);
        let owner = serves.then_some(&place.owner);
        let done = self.make(
            Call {
                name: "penalise_oracle",
                instructions: vec![build::penalise_oracle(
                    at,
                    &job,
                    &committee,
                    seat,
                    owner,
                    wallet.as_ref(),
                    &mint,
                )],
                // a seat that was freed answers for nothing: nothing more is looked at
                free: if serves {
                    &[3, 10]
                } else {
                    &[2, 3, 5, 6, 7, 8, 9, 10]
                },
                like: &[1],
            },
            &broken,
        )?;
        if done {
            self.seen
                .note(!serves, "a seat was gone before its penalty");
            self.seen
                .note(reward > 0, "an appellant's part of a penalty");
            self.seen
                .note(lost > MINIMUM_BOND / 10, "a juror was overturned");
            let reward = if before.is_some() { reward } else { 0 };
            *self.supply.get_mut(&mint.address).unwrap() -= lost - reward;
            if let (Some(before), Some(account)) = (before, account) {
                let got = self.world.amount(&account) - before;
                if got != reward {
                    return Err(format!("the appellant got {got}, not {reward}"));
                }
            }
        }
        Ok(done)
    }

    fn close(&mut self, at: &Address) -> Outcome<bool> {
        let job = self.model.jobs[at].job;
        let now = self.now();
        let (broken, slice, rest) = self.model.close(&now, at);
        let crank = self.outsider.pubkey();
        let before = (self.world.lamports(&crank), self.world.lamports(&job.payer));
        let done = self.make(
            Call {
                name: "close_job",
                instructions: vec![build::close_job(&crank, at, &job)],
                free: &[0],
                like: &[3],
            },
            &broken,
        )?;
        if done {
            *self.seen.ends.entry(job.state).or_default() += 1;
            if self.world.exists(at) {
                return Err("a closed job is still there".into());
            }
            let got = (
                self.world.lamports(&crank) - before.0,
                self.world.lamports(&job.payer) - before.1,
            );
            if got != (slice, self.job_rent + rest) {
                return Err(format!(
                    "closing paid {got:?} lamports, not {slice} and {}",
                    self.job_rent + rest
                ));
            }
        }
        Ok(done)
    }

    // ---- seats

    fn governor_of(&self, committee: &Address) -> Address {
        self.model.committees[committee].governor
    }

    fn seat_call(&mut self) -> Outcome<bool> {
        let (committee, owners) = self.dice.pick(&self.members);
        // those who do not sit there yet more often than founders
        let owner = if self.dice.one_in(2) {
            self.dice.pick(&owners[owners.len() - 3..])
        } else {
            self.dice.pick(&owners)
        };
        let (at, bump) = Address::find_program_address(
            &[b"oracle", committee.as_ref(), owner.as_ref()],
            &lode_oracle::ID,
        );
        let panel_mint = self
            .panels
            .iter()
            .find(|panel| panel.committee == committee)
            .unwrap()
            .mint;
        let mint = self.mints[&panel_mint];
        let now = self.now();
        let governor = self.governor_of(&committee);
        match self.dice.below(16) {
            0..=2 => {
                let broken = self
                    .model
                    .admit(&now, &committee, &governor, at, owner, bump);
                let call = Call {
                    name: "admit_oracle",
                    instructions: vec![seats::admit_oracle(&governor, &committee, &owner)],
                    free: &[],
                    like: &[],
                };
                self.make(call, &broken)
            }
            3..=6 => {
                let attester = self.attesters[&owner].last().unwrap().pubkey();
                let held = self.world.amount(&mint.account_of(&owner));
                let bond = match self.dice.below(6) {
                    0 => MINIMUM_BOND - 1,
                    1 => MINIMUM_BOND + self.dice.below(1_000),
                    _ => MINIMUM_BOND,
                };
                if held < bond {
                    return Ok(false);
                }
                let (vault, vault_bump) =
                    Address::find_program_address(&[b"bond", at.as_ref()], &lode_oracle::ID);
                let broken = self.model.join(
                    &now,
                    &committee,
                    at,
                    owner,
                    attester,
                    bond,
                    (bump, vault_bump),
                );
                let call = Call {
                    name: "join",
                    instructions: vec![seats::join(&owner, &committee, &mint, &attester, bond)],
                    free: &[],
                    like: &[],
                };
                let done = self.make(call, &broken)?;
                if done {
                    self.token_accounts.insert(vault);
                }
                Ok(done)
            }
            7 => {
                let broken = self.model.leave(&now, &at, DAY);
                let call = Call {
                    name: "leave",
                    instructions: vec![seats::leave(&owner, &committee)],
                    free: &[],
                    like: &[],
                };
                self.make(call, &broken)
            }
            8 => {
                let broken = self.model.leave(&now, &at, 14 * DAY);
                let call = Call {
                    name: "retire_oracle",
                    instructions: vec![seats::retire_oracle(&governor, &committee, &owner)],
                    free: &[],
                    // the governor may retire whom he likes
                    like: &[2],
                };
                self.make(call, &broken)
            }
            9 | 10 => {
                let new = match self.dice.below(6) {
                    0 => Keypair::new_from_array([0; 32]),
                    _ => self.world.keypair(),
                };
                let attester = if self.dice.one_in(8) {
                    owner
                } else {
                    new.pubkey()
                };
                let broken = self.model.set_attester(&at, attester);
                let call = Call {
                    name: "set_attester",
                    instructions: vec![seats::set_attester(&owner, &committee, &attester)],
                    free: &[],
                    like: &[],
                };
                let done = self.make(call, &broken)?;
                if done {
                    self.attesters.get_mut(&owner).unwrap().push(new);
                }
                Ok(done)
            }
            11 => {
                let amount = self.dice.below(1_000);
                if self.world.amount(&mint.account_of(&owner)) < amount {
                    return Ok(false);
                }
                let broken = self.model.add_bond(&at, amount);
                let call = Call {
                    name: "add_bond",
                    instructions: vec![seats::add_bond(&owner, &committee, &mint, amount)],
                    free: &[],
                    like: &[],
                };
                self.make(call, &broken)
            }
            12 => self.withdraw_bond(&committee, &owner),
            13 => self.free_seat(&committee, &owner),
            14 => self.close_oracle(&at),
            _ => {
                // power passes to somebody and back: the members' own matter
                let next = self.dice.pick(&self.customers.clone());
                self.pass_power(&committee, next)
            }
        }
    }

    fn withdraw_bond(&mut self, committee: &Address, owner: &Address) -> Outcome<bool> {
        let at = panels::oracle(committee, owner);
        let panel_mint = self
            .panels
            .iter()
            .find(|panel| panel.committee == *committee)
            .unwrap()
            .mint;
        let mint = self.mints[&panel_mint];
        let now = self.now();
        let account = mint.account_of(owner);
        let before = self.world.amount(&account);
        let (broken, bond) = self.model.withdraw_bond(&now, &at);
        let call = Call {
            name: "withdraw_bond",
            instructions: vec![seats::withdraw_bond(owner, committee, &mint)],
            free: &[],
            like: &[],
        };
        let done = self.make(call, &broken)?;
        if done {
            let got = self.world.amount(&account) - before;
            if got != bond {
                return Err(format!("the bond came home as {got}, not {bond}"));
            }
            self.token_accounts.remove(&panels::bond_vault(&at));
        }
        Ok(done)
    }

    fn free_seat(&mut self, committee: &Address, owner: &Address) -> Outcome<bool> {
        let now = self.now();
        let broken = self
            .model
            .free_seat(&now, &panels::oracle(committee, owner));
        let call = Call {
            name: "free_seat",
            instructions: vec![seats::free_seat(owner, committee)],
            free: &[],
            // any seat that was left long enough
            like: &[1],
        };
        self.make(call, &broken)
    }

    fn close_oracle(&mut self, at: &Address) -> Outcome<bool> {
        let Some(member) = self.model.members.get(at) else {
            return Ok(false);
        };
        let oracle = member.oracle;
        let now = self.now();
        let broken = self.model.close_oracle(&now, at);
        let call = Call {
            name: "close_oracle",
            instructions: vec![seats::close_oracle(at, &oracle)],
            free: &[],
            like: &[0],
        };
        self.make(call, &broken)
    }

    fn pass_power(&mut self, committee: &Address, next: Address) -> Outcome<bool> {
        let governor = self.governor_of(committee);
        let state = self.model.committees.get_mut(committee).unwrap();
        state.pending_governor = next;
        let call = Call {
            name: "propose_governor",
            instructions: vec![seats::propose_governor(&governor, committee, &next)],
            free: &[],
            // whoever governs both may name his follower in either
            like: &[1],
        };
        self.make(call, &Broken::default())?;
        let state = self.model.committees.get_mut(committee).unwrap();
        state.governor = next;
        state.pending_governor = Address::default();
        let call = Call {
            name: "accept_governor",
            instructions: vec![seats::accept_governor(&next, committee)],
            free: &[],
            like: &[1],
        };
        self.make(call, &Broken::default())
    }

    // ---- power in jobs, and nodes

    fn govern(&mut self) -> Outcome<bool> {
        let (governor, guardian) = (self.governor, self.guardian);
        let next = self.dice.pick(&self.customers.clone());
        let call = |name, instruction| Call {
            name,
            instructions: vec![instruction],
            free: &[],
            like: &[],
        };
        match self.dice.below(6) {
            0 => {
                let propose = build::propose_governor(&governor, &next);
                self.make(call("propose_governor (jobs)", propose), &Broken::default())?;
                self.governor = next;
                let accept = build::accept_governor(&next);
                self.make(call("accept_governor (jobs)", accept), &Broken::default())
            }
            1 => {
                self.guardian = next;
                let set = build::set_guardian(&governor, &next);
                self.make(call("set_guardian", set), &Broken::default())
            }
            2 => {
                let propose = build::propose_treasury(&governor, &next);
                self.make(call("propose_treasury (jobs)", propose), &Broken::default())?;
                self.treasury = next;
                let accept = build::accept_treasury(&next);
                self.make(call("accept_treasury (jobs)", accept), &Broken::default())
            }
            3 if self.dice.one_in(4) => {
                let now = self.now();
                let mut broken = Broken::default();
                let free =
                    self.model.paused_until == 0 || now.time >= self.model.paused_until + 7 * DAY;
                broken.must(free, lode_jobs::error::JobsError::PauseTooSoon);
                if free {
                    self.model.paused_until = now.time + 7 * DAY;
                }
                self.make(call("pause", build::pause(&guardian)), &broken)
            }
            _ => {
                let market = usize::try_from(self.dice.below(3)).unwrap();
                let open = !self.model.markets[market].open || self.dice.one_in(2);
                self.model.markets[market].open = open;
                let at = self.model.markets[market].at;
                let authority = self.authority;
                let set = build::set_market_open(&authority, &at, open);
                let mut call = call("set_market_open", set);
                call.like = &[1];
                self.make(call, &Broken::default())
            }
        }
    }

    /// A node's owner says something else of it.
    fn describe(&mut self, index: usize) -> Outcome<bool> {
        let (owner, at) = (self.nodes[index].owner.pubkey(), self.nodes[index].node);
        let description = NodeDescription {
            class: self.dice.pick(&[0, 1, 2, 3, 200]),
            cores: self.dice.pick(&[1, 4]),
            memory_mib: self.dice.pick(&[1_024, 4_096, 1 << 20]),
            region: self.dice.pick(&[[0; 2], *b"DE", *b"FR", *b"US"]),
            ..NodeDescription::default()
        };
        self.model.nodes.get_mut(&at).unwrap().declared = (
            description.class,
            description.cores,
            description.memory_mib,
            description.region,
        );
        let update = stakes::update_node(&owner, &at, description);
        let call = Call {
            name: "update_node",
            instructions: vec![update],
            free: &[],
            like: &[],
        };
        self.make(call, &Broken::default())
    }

    /// Unjails a node, adds to its stake, or says something else of it.
    fn tend(&mut self) -> Outcome<bool> {
        let index = usize::try_from(self.dice.below(3)).unwrap();
        let (owner, at) = (
            self.nodes[index].owner.insecure_clone(),
            self.nodes[index].node,
        );
        let now = self.now();
        let node = self.model.nodes.get_mut(&at).unwrap();
        let call = |name, instruction| Call {
            name,
            instructions: vec![instruction],
            free: &[],
            like: &[],
        };
        if node.jailed_until != 0 {
            if now.time < node.jailed_until {
                return Ok(false);
            }
            node.jailed_until = 0;
            let unjail = stakes::unjail(&owner.pubkey(), &at);
            return self.make(call("unjail", unjail), &Broken::default());
        }
        if node.stake >= self.model.minimum_stake {
            return self.describe(index);
        }
        node.stake += 10 * TOKENS;
        let mint = self.mint_of(0);
        let stake = stakes::stake(&owner.pubkey(), &at, &mint, 10 * TOKENS);
        self.make(call("stake", stake), &Broken::default())
    }

    // ---- steps

    fn unfinished(&self) -> Vec<Address> {
        let mut found: Vec<Address> = self
            .model
            .jobs
            .iter()
            .filter(|(_, task)| !is_final(&task.job))
            .map(|(at, _)| *at)
            .collect();
        found.sort();
        found
    }

    fn paused(&self) -> bool {
        self.world.now() < self.model.paused_until
    }

    fn any_job(&mut self, final_ones: bool) -> Option<Address> {
        let jobs: Vec<Address> = self
            .model
            .jobs
            .iter()
            .filter(|(_, task)| is_final(&task.job) == final_ones)
            .map(|(at, _)| *at)
            .collect();
        if jobs.is_empty() {
            return None;
        }
        Some(self.dice.pick(&jobs))
    }

    /// Any call on any job, whether or not it makes sense.
    fn blunder(&mut self, at: &Address) -> Outcome<bool> {
        let job = self.model.jobs[at].job;
        let outsider = self.outsider.pubkey();
        let customer = self.owner_of(&job.customer);
        let seat = u8::try_from(self.dice.below(9)).unwrap();
        match self.dice.below(21) {
            0 => self.raise(at),
            1 => self.cancel(at, outsider),
            2 => self.cancel(at, customer),
            3 => self.accept(at),
            4 => self.bid(at),
            5 => self.award(at),
            6 => self.give_up(at),
            7 => self.expire(at),
            8 => self.submit(at),
            9 => self.seal(at),
            10 => self.reveal(at),
            11 => self.attest(at),
            12 => self.escalate(at),
            13 => self.void(at),
            14 => self.challenge(at),
            15 => self.settle(at, outsider),
            16 => self.settle(at, customer),
            17 => self.collect(at, seat),
            18 => self.slash(at),
            19 => self.penalise(at, seat),
            _ => self.close(at),
        }
    }

    /// What somebody would do next with a job.
    fn advance(&mut self, at: &Address) -> Outcome<bool> {
        let job = self.model.jobs[at].job;
        let outsider = self.outsider.pubkey();
        let customer = self.owner_of(&job.customer);
        let market = self.model.market_of(&job);
        let auction = self.model.markets[market].terms.kind == 1;
        let lies = self.model.jobs[at].result != RESULT;
        let end = self.model.markets[market].deadline(&job, &self.now());
        // in the first slot after the window some still try what was theirs before
        let tries = self.world.slot() == end && self.dice.one_in(2);
        let over = self.world.slot() >= end && !tries;
        match JobState::try_from(job.state).unwrap() {
            JobState::Open if auction => match self.dice.below(10) {
                0 => self.raise(at),
                1 if self.dice.one_in(3) => self.cancel(at, customer),
                _ if over && job.flags & flag::BID != 0 && self.dice.percent(75) => self.award(at),
                _ if over => self.cancel(at, outsider),
                _ => self.bid(at),
            },
            JobState::Open => match self.dice.below(12) {
                0 => self.raise(at),
                1 if self.dice.one_in(3) => self.cancel(at, customer),
                _ if over => self.cancel(at, outsider),
                _ => self.accept(at),
            },
            JobState::Accepted if over => self.expire(at),
            JobState::Accepted if self.dice.one_in(8) => self.give_up(at),
            JobState::Accepted => self.submit(at),
            JobState::Submitted if over => self.void(at),
            JobState::Submitted => self.seal(at),
            JobState::Sealed if job.panel == 0 => {
                if over {
                    self.expire(at)
                } else {
                    self.reveal(at)
                }
            }
            JobState::Sealed | JobState::Challenged if over => {
                if job.state == JobState::Sealed as u8 && job.panel == job.eligible {
                    self.void(at)
                } else {
                    self.escalate(at)
                }
            }
            // over some jobs the whole committee is silent
            JobState::Sealed | JobState::Challenged if at.as_array()[0].is_multiple_of(10) => {
                self.pass_to_deadline(at, 0);
                Ok(false)
            }
            JobState::Sealed | JobState::Challenged => self.attest(at),
            JobState::Attested if !over && self.dice.percent(if lies { 90 } else { 45 }) => {
                self.challenge(at)
            }
            JobState::Attested if self.dice.one_in(3) => self.settle(at, customer),
            JobState::Attested => self.settle(at, outsider),
            _ => self.aftermath(at),
        }
    }

    /// What is left to do with a final job.
    fn aftermath(&mut self, at: &Address) -> Outcome<bool> {
        let job = self.model.jobs[at].job;
        let signed = job.signed_match | job.signed_mismatch | job.signed_unrunnable;
        let seats: Vec<u8> = (0..32)
            .filter(|seat| (signed | job.silent) >> seat & 1 == 1)
            .collect();
        match self.dice.below(5) {
            0 | 1 if !seats.is_empty() => {
                let seat = self.dice.pick(&seats);
                if self.dice.one_in(2) {
                    self.collect(at, seat)
                } else {
                    self.penalise(at, seat)
                }
            }
            2 => self.slash(at),
            _ => self.close(at),
        }
    }

    /// Money, ledgers, power.
    fn household(&mut self) -> Outcome<bool> {
        let ledgers: Vec<Address> = self.model.ledgers.keys().copied().collect();
        let at = self.dice.pick(&ledgers);
        let ledger = self.model.ledgers[&at];
        let market = usize::try_from(self.dice.below(3)).unwrap();
        match self.dice.below(14) {
            0 | 1 => self.sweep(at, false),
            2 | 3 => self.redeem(at),
            4 => {
                let amount = match self.dice.below(3) {
                    0 => ledger.available + 1,
                    1 => ledger.available / 2,
                    _ => self.dice.below(1_000),
                };
                let signer = if self.dice.one_in(6) {
                    self.dice.pick(&self.customers.clone())
                } else {
                    ledger.authority
                };
                self.withdraw(at, signer, amount)
            }
            5 | 6 => {
                let wallet = self.dice.pick(&self.customers.clone());
                let amount = self.dice.below(50_000);
                let market = self
                    .model
                    .markets
                    .iter()
                    .position(|market| market.at == ledger.market)
                    .unwrap();
                self.deposit(market, wallet, ledger.party, amount)
            }
            7 => {
                let cap = match self.dice.below(3) {
                    0 => 0,
                    1 => self.dice.below(500_000),
                    _ => u64::MAX,
                };
                let broken = self.model.set_locked_cap(&at, &ledger.authority, cap);
                let set =
                    build::set_locked_cap(&ledger.authority, &ledger.market, &ledger.party, cap);
                self.make(
                    Call {
                        name: "set_locked_cap",
                        instructions: vec![set],
                        free: &[],
                        like: &[1],
                    },
                    &broken,
                )
            }
            8 | 9 => {
                let (_, owners) = self.dice.pick(&self.members);
                let wallet = self.dice.pick(&owners);
                self.open_wallet(market, wallet)
            }
            10 => {
                let signer = if self.dice.one_in(2) {
                    ledger.authority
                } else {
                    self.landlord.pubkey()
                };
                self.close_ledger(at, signer)
            }
            11 => {
                let node = usize::try_from(self.dice.below(3)).unwrap();
                self.open_node(market, node, u64::MAX)
            }
            12 => self.govern(),
            _ => {
                // somebody sends tokens to a vault without a ledger
                let at = jobs::vault(&self.model.markets[market].at);
                let mint = self.mint_of(market).address;
                for (account, offset) in [(at, 64), (mint, 36)] {
                    let mut state = self.world.svm.get_account(&account).unwrap();
                    let old =
                        u64::from_le_bytes(state.data[offset..offset + 8].try_into().unwrap());
                    state.data[offset..offset + 8].copy_from_slice(&(old + 3).to_le_bytes());
                    self.world.svm.set_account(account, state).unwrap();
                }
                self.model.markets[market].given += 3;
                *self.supply.get_mut(&mint).unwrap() += 3;
                Ok(true)
            }
        }
    }

    /// One step: somebody does something, time passes, and the books are compared.
    pub fn step(&mut self) -> Outcome<()> {
        self.seen.steps += 1;
        let running = self.unfinished();
        let roll = self.dice.below(100);
        match roll {
            0..=14 if running.len() < 12 => {
                self.post()?;
            }
            0..=64 if !running.is_empty() => {
                let at = self.dice.pick(&running);
                self.advance(&at)?;
            }
            65..=74 => {
                if let Some(at) = self.any_job(true) {
                    self.aftermath(&at)?;
                }
            }
            75..=82 if !running.is_empty() => {
                let at = self.dice.pick(&running);
                self.blunder(&at)?;
            }
            83 => {
                if let Some(at) = self.any_job(true) {
                    self.blunder(&at)?;
                }
            }
            84..=90 => {
                self.household()?;
            }
            91..=96 => {
                self.seat_call()?;
            }
            97 => {
                self.tend()?;
            }
            _ => {
                self.post()?;
            }
        }
        let jailed = self.model.nodes.values().filter(|n| n.jailed_until != 0);
        let jailed = jailed.count() as u64;
        match self.dice.below(100) {
            0..=3 if !running.is_empty() => {
                let at = self.dice.pick(&running);
                let open = JobState::Open as u8;
                let known = self.model.jobs.get(&at).map(|task| task.job.state);
                // most open jobs find a node in time
                if known.is_some_and(|state| state != open || self.dice.one_in(4)) {
                    let short = self.dice.below(2);
                    self.pass_to_deadline(&at, short);
                }
            }
            4 if self.dice.one_in(12) => self.pass(SLOTS / 2),
            5 if self.dice.one_in(12) => self.pass(15 * SLOTS),
            // until the nodes that lied may serve again, or a pause is over
            6 | 7 if self.dice.one_in(2) && jailed + u64::from(self.paused()) > 1 => {
                self.pass(7 * SLOTS + 1);
                for _ in 0..6 {
                    self.tend()?;
                }
            }
            _ => {
                let slots = self.dice.below(3);
                self.pass(slots);
            }
        }
        self.compare()
    }

    // ---- the end

    fn must(&self, done: bool, what: &str, at: &Address) -> Outcome<()> {
        if done {
            return Ok(());
        }
        Err(format!("{what} of {at} was refused at the end"))
    }

    /// Invariant 6: with everyone silent, an outsider brings every job to its end, and then everything is closed.
    pub fn wind_down(&mut self) -> Outcome<()> {
        let outsider = self.outsider.pubkey();
        for at in self.unfinished() {
            let mut rounds = 0;
            while !is_final(&self.model.jobs[&at].job) {
                rounds += 1;
                if rounds > 12 {
                    return Err(format!("{at} does not end"));
                }
                self.pass(3);
                let job = self.model.jobs[&at].job;
                let state = JobState::try_from(job.state).unwrap();
                let seals = state == JobState::Submitted && self.dice.percent(70);
                if !seals {
                    self.pass_to_deadline(&at, 0);
                }
                let done = match state {
                    JobState::Open if job.flags & flag::BID != 0 => {
                        if self.dice.one_in(2) && self.award(&at)? {
                            true
                        } else {
                            self.pass(20_000);
                            self.cancel(&at, outsider)?
                        }
                    }
                    JobState::Open => self.cancel(&at, outsider)?,
                    JobState::Accepted => self.expire(&at)?,
                    JobState::Submitted if seals => {
                        // refused where the day is over, or where nobody serves and a check was drawn
                        self.seal(&at)? || {
                            self.pass_to_deadline(&at, 0);
                            self.void(&at)?
                        }
                    }
                    JobState::Submitted => self.void(&at)?,
                    JobState::Sealed if job.panel == 0 => self.expire(&at)?,
                    JobState::Sealed if job.panel == job.eligible => self.void(&at)?,
                    JobState::Sealed | JobState::Challenged => self.escalate(&at)?,
                    _ => self.settle(&at, outsider)?,
                };
                let what = format!(
                    "a step (state {}, flags {:b}, panel {:b} of {:b}, deadline {}, {:?})",
                    job.state,
                    job.flags,
                    job.panel,
                    job.eligible,
                    job.deadline,
                    self.now()
                );
                self.must(done, &what, &at)?;
                self.compare()?;
            }
        }
        let jobs: Vec<Address> = self.model.jobs.keys().copied().collect();
        match self.dice.below(10) {
            // nobody punishes anybody: two weeks later that is no reason to keep a job
            0 | 1 => self.pass(16 * SLOTS),
            // who should be punished has left with his bond
            2 | 3 => {
                self.seats_empty()?;
                for at in &jobs {
                    self.punish_all(at)?;
                }
            }
            _ => {
                for at in &jobs {
                    self.punish_all(at)?;
                }
                self.pass(2 * SLOTS);
            }
        }
        for at in &jobs {
            let done = self.close(at)?;
            self.must(done, "the close of the job", at)?;
        }
        self.compare()?;
        self.everyone_leaves()
    }

    fn punish_all(&mut self, at: &Address) -> Outcome<()> {
        let job = self.model.jobs[at].job;
        if job.flags & flag::SLASH_DUE != 0 {
            let done = self.slash(at)?;
            self.must(done, "the slash", at)?;
        }
        let signed = job.signed_match | job.signed_mismatch | job.signed_unrunnable;
        for seat in (0..32).filter(|seat| (signed | job.silent) >> seat & 1 == 1) {
            self.collect(at, seat)?;
            if !self.model.clean(&self.model.jobs[at].job) {
                self.penalise(at, seat)?;
            }
        }
        if !self.model.clean(&self.model.jobs[at].job) {
            return Err(format!("{at} still has something to punish"));
        }
        self.compare()
    }

    /// Invariant 7, as far as jobs and oracles go: ledgers empty and closed, vaults empty but for pool and gifts.
    fn everyone_leaves(&mut self) -> Outcome<()> {
        // the market's authority may have closed its ledger: anyone opens it again, if need be after a pause
        self.pass(8 * SLOTS);
        for market in 0..3 {
            let own = jobs::ledger(&self.model.markets[market].at, &self.authority);
            if !self.model.ledgers.contains_key(&own) {
                let done = self.open_wallet(market, self.authority)?;
                self.must(done, "the ledger of the authority", &own)?;
            }
        }
        let ledgers: Vec<Address> = self.model.ledgers.keys().copied().collect();
        let owners: Vec<Address> = ledgers
            .iter()
            .copied()
            .filter(|at| self.model.ledgers[at].party != self.authority)
            .collect();
        for at in &owners {
            if self.model.ledgers[at].locked != 0 || self.model.ledgers[at].open_jobs != 0 {
                return Err(format!("{at} still has something locked"));
            }
            self.sweep(*at, true)?;
        }
        for at in &ledgers {
            let ledger = self.model.ledgers[at];
            if ledger.credits > 0 {
                self.redeem(*at)?;
            }
            let ledger = self.model.ledgers[at];
            if ledger.available > 0 {
                let done = self.withdraw(*at, ledger.authority, ledger.available)?;
                self.must(done, "the withdrawal", at)?;
            }
            let done = self.close_ledger(*at, ledger.authority)?;
            self.must(done, "the close of the ledger", at)?;
        }
        if !self.model.ledgers.is_empty() {
            return Err("ledgers are left".into());
        }
        self.compare()?;
        self.seats_empty()?;
        self.nodes_go()?;
        // every token is somewhere, and nowhere twice
        for (mint, supply) in &self.supply {
            let mut found = 0u64;
            for at in &self.token_accounts {
                let Some(account) = self.world.svm.get_account(at) else {
                    continue;
                };
                if account.data.len() >= 72 && account.data[..32] == mint.to_bytes() {
                    found += u64::from_le_bytes(account.data[64..72].try_into().unwrap());
                }
            }
            if found != *supply {
                return Err(format!("{found} of {supply} tokens of {mint} are found"));
            }
        }
        Ok(())
    }

    /// All members leave and have their bonds.
    fn seats_empty(&mut self) -> Outcome<()> {
        let members: Vec<(Address, Address, Address)> = self
            .model
            .members
            .iter()
            .map(|(at, member)| (*at, member.oracle.committee, member.oracle.owner))
            .collect();
        for (at, committee, owner) in &members {
            if self.model.members[at].oracle.state == 1 {
                let now = self.now();
                let broken = self.model.leave(&now, at, DAY);
                let call = Call {
                    name: "leave",
                    instructions: vec![seats::leave(owner, committee)],
                    free: &[],
                    like: &[],
                };
                self.make(call, &broken)?;
            }
        }
        self.pass(31 * SLOTS);
        for (at, committee, owner) in &members {
            let state = self.model.members[at].oracle.state;
            if state != 0 {
                if state == 1 && self.dice.one_in(2) {
                    self.free_seat(committee, owner)?;
                }
                let done = self.withdraw_bond(committee, owner)?;
                self.must(done, "the bond", at)?;
            }
            let done = self.close_oracle(at)?;
            self.must(done, "the close of the membership", at)?;
        }
        self.compare()
    }

    /// Nodes exit, unbond and close; then their points do.
    fn nodes_go(&mut self) -> Outcome<()> {
        let mint = self.mint_of(0);
        for index in 0..self.nodes.len() {
            let (wallet, at) = (self.nodes[index].owner.pubkey(), self.nodes[index].node);
            let early = build::close_work(&at, &wallet);
            if self.deliver(&[early]).is_ok() {
                return Err("points of a living node were closed".into());
            }
            let delegation = staking::delegation(&at, &wallet);
            let state: lode_staking::state::Delegation = self.world.read(&delegation);
            let calls = [
                stakes::exit_node(&wallet, &at),
                stakes::unstake(&wallet, &at, state.next_ticket, state.active_shares),
            ];
            for call in calls {
                self.expect(call)?;
            }
            self.pass(15 * SLOTS);
            let ticket_at = staking::ticket(&delegation, state.next_ticket);
            let ticket: lode_staking::state::Unbonding = self.world.read(&ticket_at);
            let home = stakes::withdraw(&ticket_at, &ticket, &mint);
            self.expect(home)?;
            let state: lode_staking::state::Delegation = self.world.read(&delegation);
            let close = stakes::close_delegation(&delegation, &state);
            self.expect(close)?;
            let state: lode_staking::state::Node = self.world.read(&at);
            let close = stakes::close_node(&at, &state, &mint);
            self.expect(close)?;
            self.model.nodes.get_mut(&at).unwrap().gone = true;
            // two epochs after the last points
            let call = Call {
                name: "close_work",
                instructions: vec![build::close_work(&at, &wallet)],
                free: &[],
                like: &[],
            };
            self.make(call, &Broken::default())?;
            if self.world.exists(&jobs::work(&at)) || self.world.exists(&at) {
                return Err(format!("{at} or its points are still there"));
            }
        }
        self.compare()
    }
}

/// One episode: `steps` steps from a seed, then the end.
pub fn episode(seed: u64, steps: u64, mistake: Mistake) -> Outcome<Seen> {
    let mut stage = Stage::new(seed, mistake);
    for step in 0..steps {
        stage
            .step()
            .map_err(|what| format!("seed {seed}, step {step}: {what}"))?;
    }
    stage
        .wind_down()
        .map_err(|what| format!("seed {seed}, at the end: {what}"))?;
    Ok(stage.seen)
}
