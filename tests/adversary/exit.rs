//! Credible exit (protocol, "Authority"). On a network in full swing every privileged key is lost, every hot key is
//! silent, and everything that can be paused stays paused for ever, which no guardian could do. What is left are the
//! wallets of those whose money it is, and anybody who turns what anybody may turn, as the crank decides it. Each party
//! leaves with all its funds: invariants 5, 6 and 7 in one piece.
//!
//! What stays behind is what the protocol lets stay: configurations, schedule, committee, markets with their vaults, and
//! in these what nobody had to collect of the check pool and the ledger of the market's authority. That ledger is its
//! loss alone: whoever sweeps goes on crediting it with the market's fees, nobody else may take them, and since it is not
//! empty its rent stays too - also where a stranger paid it, so that a market whose authority never opened a ledger costs
//! somebody that rent before the others' ledgers can close. The same with the treasuries' owners: what is theirs goes to
//! wallets that nobody can open.

use crate::help::*;
use lode_attestation::{is_drawn, seal, Verdict};
use lode_client::emissions::records;
use lode_client::instructions::{emissions as mints, oracle as seats, staking as stakes};
use lode_client::token::open_associated;
use lode_crank::{due, errands, Action, Now, Step};
use lode_emissions::state::{Epoch, Schedule, Share};
use lode_jobs::state::{flag, Job, JobState, JobsConfig, Ledger, Market, MarketArgs, Work};
use lode_oracle::error::OracleError;
use lode_oracle::state::{Committee, Oracle};
use lode_staking::error::StakingError;
use lode_staking::state::{Delegation, Node, StakingConfig, Unbonding};
use lode_tests::emissions::{epoch, finalize_epoch, over_jobs, record, schedule, share, to_epoch};
use lode_tests::jobs::{self, ledger, owed, work, Jobs, LIMIT, PRICE, RESULT, SPEC, UNITS};
use lode_tests::oracle::{bond_vault, oracle, MINIMUM_BOND};
use lode_tests::staking::{self, delegation, node_args, vault, Operator, DAY, TOKENS};
use lode_tests::*;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::collections::{BTreeMap, BTreeSet};

/// What every wallet of the tests begins with, lamports.
const SOL: u64 = 100_000_000_000;
/// Price at which the jobs ran that earned points: a million times that of the others.
const DEAR: u64 = 1_000_000 * PRICE;
/// Rewards that came to the node beside emissions.
const REWARD: u64 = 10 * TOKENS;
/// Of the stake, lost for the one lie.
const SLASH_BPS: u64 = 300;

/// A network with everything going on at once.
struct Network {
    world: World,
    jobs: Jobs,
    /// An auction in another mint, of the same authority and committee.
    auction: Address,
    coin: Address,
    bidder: Operator,
    challenger: Keypair,
    /// On the node: on its way out already, there to stay, and one who has lost his key.
    delegators: [Keypair; 3],
    /// Anybody.
    crank: Keypair,
    /// Jobs whose result nobody seals, and whose bid nobody awards.
    forgotten: BTreeSet<Address>,
    /// What anybody's calls were.
    turned: BTreeMap<&'static str, u64>,
    /// Seats that signed the verdict of a job whose result is good, by job.
    signed: Vec<Vec<u8>>,
    /// Seats that signed that a result is wrong.
    caught: Vec<u8>,
    /// Seats that signed nothing when the whole committee was asked, by job.
    silent: Vec<Vec<u8>>,
}

fn network() -> Network {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let crank = world.wallet();
    let coin = world.mint(&TOKEN);
    let terms = MarketArgs {
        id: 1,
        ..auction_terms()
    };
    let authority = jobs.authority.insecure_clone();
    let create = jobs::create_market(&authority.pubkey(), &jobs.panel, &coin, terms);
    world.ok(create, &[&authority, &jobs.panel.governor]);
    let auction = jobs::market(&authority.pubkey(), 1);
    over_jobs(&mut world, &jobs, |_| {});

    // everybody else comes: delegators, a bidder, a challenger, members who want to be paid, the authority
    let node = jobs.node.node;
    let delegators = [300, 400, 500].map(|stake| {
        jobs.staking
            .delegator(&mut world, &node, stake * TOKENS)
            .insecure_clone()
    });
    let bidder = jobs.staking.staked_operator(&mut world, 1_000 * TOKENS);
    let challenger = patron(&mut world, &jobs);
    let payer = world.payer.pubkey();
    let members: Vec<Address> = jobs
        .panel
        .members
        .iter()
        .map(|m| m.owner.pubkey())
        .collect();
    for wallet in members.iter().chain([&authority.pubkey()]) {
        world.associated_account(&jobs.mint, wallet, 0);
        world.ok(jobs.open_ledger(&payer, wallet), &[]);
    }
    let customer = jobs.customer.pubkey();
    for wallet in [bidder.owner.pubkey(), customer] {
        world.associated_account(&coin, &wallet, 1_000 * TOKENS);
    }
    let first = (jobs.market, jobs.mint);
    (jobs.market, jobs.mint) = (auction, coin);
    for wallet in [&customer, &authority.pubkey()] {
        world.ok(jobs.open_ledger(&payer, wallet), &[]);
    }
    let deposit = jobs.deposit(&world, &customer, &customer, ALL);
    world.ok(deposit, &[&jobs.customer]);
    jobs.open_node(&mut world, &bidder);
    (jobs.market, jobs.mint) = first;
    Network {
        world,
        jobs,
        auction,
        coin,
        bidder,
        challenger,
        delegators,
        crank,
        forgotten: BTreeSet::new(),
        turned: BTreeMap::new(),
        signed: vec![],
        caught: vec![],
        silent: vec![],
    }
}

impl Network {
    /// Work of three epochs: the first is final and unclaimed, the second recorded, the third only earned. Of the jobs in
    /// the auction one is paid.
    fn work(&mut self) {
        let Self { world, jobs, .. } = self;
        let (node, crank) = (jobs.node.node, self.crank.insecure_clone());
        for index in 0..3 {
            if index > 0 {
                to_epoch(world, index);
                world.ok(record(&crank.pubkey(), &node, index - 1), &[&crank]);
            }
            let at = submitted(world, jobs, false, DEAR);
            seal_now(world, jobs, &at);
            world.ok(jobs.reveal(&at, &RESULT), &[]);
            let paid = settled(world, &at);
            assert_eq!(paid.state, JobState::Settled as u8);
        }
        world.ok(finalize_epoch(0), &[]);
        // rewards flow, and half of them have; then the first delegator begins to leave
        let staking = &jobs.staking;
        staking.reward(world, &node, REWARD);
        world.pass_seconds(DAY / 2);
        let [leaving, ..] = &self.delegators;
        let unstake = staking.unstake(&node, &leaving.pubkey(), 0, 300 * TOKENS);
        world.ok(unstake, &[leaving]);

        let at = self.auctioned();
        let world = &mut self.world;
        pass_until(world, &at, 0);
        world.ok(build::award_job(&at, &state(world, &at)), &[]);
        let submit = self.jobs.submit(&self.bidder, &at, &RESULT, UNITS, 0);
        let submit = with_account(submit, 1, self.auction);
        world.ok(submit, &[&self.bidder.worker]);
        self.jobs.pass_to_seal(world, 2);
        let committee = self.jobs.panel.committee;
        let seal = build::seal_job(&crank.pubkey(), &at, &state(world, &at), &committee);
        world.ok(seal, &[]);
        let reveal = build::reveal_result(&at, &state(world, &at), RESULT);
        world.ok(reveal, &[]);
        assert_eq!(settled(world, &at).state, JobState::Settled as u8);
    }

    /// A job of the auction, with no bid yet; its result will not be drawn if it is submitted as soon as it is awarded.
    fn posted_in_the_auction(&mut self) -> Address {
        let (world, customer) = (&mut self.world, &self.jobs.customer);
        let own = ledger(&self.auction, &customer.pubkey());
        let terms: Market = world.read(&self.auction);
        let hash = World::slot_hash(world.slot() + terms.accept_window + 1);
        let undrawn = |nonce: &u64| {
            let (at, bump) = jobs::job(&own, *nonce);
            bump == u8::MAX && !is_drawn(&seal(&hash, &at, 0), terms.check_bps)
        };
        let top = world.read::<Ledger>(&own).nonce_top;
        let args = lode_jobs::PostArgs {
            nonce: (top + 1..top + 64).find(undrawn).unwrap(),
            spec: SPEC,
            price: PRICE,
            units_limit: LIMIT,
            target: Address::default(),
            checked: false,
            nodes: Default::default(),
        };
        let post = build::post_job(&customer.pubkey(), &self.auction, args);
        world.ok(post, &[customer]);
        jobs::job(&own, args.nonce).0
    }

    /// The same, with a bid.
    fn auctioned(&mut self) -> Address {
        let at = self.posted_in_the_auction();
        let bid = bid(&self.world, &self.bidder, &at, PRICE);
        self.world.ok(bid, &[&self.bidder.worker]);
        at
    }

    /// A job in every state that one can be in, and a cancelled one that nobody closed.
    fn jobs_in_every_state(&mut self) {
        let (awarded, forgotten) = (self.auctioned(), self.auctioned());
        assert_eq!(state(&self.world, &awarded).flags & flag::BID, flag::BID);
        self.posted_in_the_auction();
        let Self { world, jobs, .. } = self;
        let cancelled = jobs.open(world);
        let cancel = jobs.cancel(&jobs.customer.pubkey(), &cancelled);
        world.ok(cancel, &[&jobs.customer]);
        for _ in 0..3 {
            revealed(world, jobs);
        }
        let good = judged(world, jobs, Verdict::Match);
        let bad = judged(world, jobs, Verdict::Mismatch);
        self.caught = seats_of(state(world, &bad).signed_mismatch);
        let contested = revealed(world, jobs);
        world.ok(
            challenge(world, &self.challenger, &contested),
            &[&self.challenger],
        );
        let appealed = judged(world, jobs, Verdict::Match);
        world.ok(
            challenge(world, &self.challenger, &appealed),
            &[&self.challenger],
        );
        sealed(world, jobs, false);
        let drawn = sealed(world, jobs, true);
        let never = submitted(world, jobs, false, PRICE);
        submitted(world, jobs, false, PRICE);
        let checked = submitted(world, jobs, true, PRICE);
        jobs.accepted(world);
        jobs.open(world);
        self.forgotten = BTreeSet::from([forgotten, never]);
        let signers = |at: &Address| seats_of(state(world, at).signed_match);
        self.signed = vec![signers(&good), signers(&appealed)];
        let whole: Vec<u8> = (0..7).collect();
        let still = others(jobs, state(world, &appealed).signed_match);
        self.silent = vec![whole.clone(), whole.clone(), whole, still];

        let found: BTreeSet<u8> = [contested, drawn, checked]
            .iter()
            .map(|at| state(world, at).state)
            .chain(
                world
                    .accounts::<Job>(&lode_jobs::ID)
                    .iter()
                    .map(|(_, job)| job.state),
            )
            .collect();
        use JobState::*;
        let all = [
            Open, Accepted, Submitted, Sealed, Attested, Challenged, Settled, Cancelled,
        ];
        assert_eq!(found, all.map(|state| state as u8).into());
        assert_eq!(state(world, &contested).state, Sealed as u8);
    }

    /// Guardians pause and the authority shuts its markets, then nobody has any of the keys; and the pause never ends.
    fn lose_every_key(&mut self) {
        let Self { world, jobs, .. } = self;
        for (pause, guardian) in [
            (
                stakes::pause(&jobs.staking.guardian.pubkey()),
                &jobs.staking.guardian,
            ),
            (build::pause(&jobs.guardian.pubkey()), &jobs.guardian),
        ] {
            world.ok(pause, &[guardian]);
        }
        for market in [jobs.market, self.auction] {
            let shut = build::set_market_open(&jobs.authority.pubkey(), &market, false);
            world.ok(shut, &[&jobs.authority]);
        }
        let nobody = |world: &mut World| world.keypair().pubkey();
        let mut config: StakingConfig = world.read(&staking::config());
        (config.governor, config.guardian) = (nobody(world), nobody(world));
        config.paused_until = i64::MAX;
        world.write(&staking::config(), &config);
        let mut config: JobsConfig = world.read(&jobs::config());
        (config.governor, config.guardian) = (nobody(world), nobody(world));
        (config.treasury_owner, config.paused_until) = (nobody(world), i64::MAX);
        world.write(&jobs::config(), &config);
        let mut committee: Committee = world.read(&jobs.panel.committee);
        committee.governor = nobody(world);
        for seat in committee.seats.iter_mut().filter(|seat| !seat.is_free()) {
            seat.attester = nobody(world);
        }
        world.write(&jobs.panel.committee, &committee);
        let mut terms: Schedule = world.read(&schedule());
        terms.treasury_owner = nobody(world);
        world.write(&schedule(), &terms);
        for program in PROGRAMS {
            let nobody = nobody(world);
            world.set_upgrade_authority(&program.id, Some(&nobody));
        }
        for at in [jobs.node.node, self.bidder.node] {
            let mut node: Node = world.read(&at);
            node.worker = nobody(world);
            world.write(&at, &node);
        }
        // the slasher has no key, and a market's address follows from its authority's, whose key is thrown away
        jobs.authority = world.keypair();

        // it is as it should be: nothing new begins, and the keys that were command nothing
        let wallet = jobs.customer.pubkey();
        let stake = jobs.staking.stake(world, &jobs.node.node, &wallet, TOKENS);
        assert_error(
            world.send_one(stake, &[&jobs.customer]),
            StakingError::Paused,
        );
        let owner = world.wallet();
        let register =
            jobs.staking
                .register_node(world, &jobs.customer.pubkey(), node_args(&owner.pubkey()));
        assert_error(
            world.send_one(register, &[&jobs.customer]),
            StakingError::Paused,
        );
        let args = jobs.post_args();
        assert_refused(world.send_one(jobs.post(args), &[&jobs.customer]));
        let old = jobs.staking.governor.insecure_clone();
        let take = stakes::set_guardian(&old.pubkey(), &old.pubkey());
        assert_error(world.send_one(take, &[&old]), StakingError::NotGovernor);
        let old = jobs.panel.governor.insecure_clone();
        let admit = jobs.panel.admit(&owner.pubkey());
        assert_error(world.send_one(admit, &[&old]), OracleError::NotGovernor);
    }

    /// Whoever has an account leaves by himself: nobody else can, and with nothing forged in it.
    fn go(&mut self, call: &Instruction, who: &Keypair) {
        // who pays for the transaction is writable whatever the list says
        let payer = self.world.payer.pubkey();
        let free: Vec<usize> = (0..call.accounts.len())
            .filter(|index| call.accounts[*index].pubkey == payer)
            .collect();
        forge_each(&mut self.world, call, &free, &[], &[who]);
        self.world.ok(call.clone(), &[who]);
    }

    /// Anybody's call.
    fn turn_one(&mut self, what: &'static str, call: Instruction) {
        // most need nobody's signature at all
        let signs = call.accounts.iter().any(|meta| meta.is_signer);
        let signers: &[&Keypair] = if signs { &[&self.crank] } else { &[] };
        self.world.ok(call, signers);
        *self.turned.entry(what).or_default() += 1;
    }

    /// Everything that anybody may do now, as the crank decides it; how much that was.
    fn turn(&mut self) -> usize {
        let crank = self.crank.pubkey();
        let mut calls: Vec<(&'static str, Instruction)> = vec![];
        let world = &self.world;
        let (now, unix) = (
            Now {
                slot: world.slot(),
                last_restart: 0,
            },
            world.now(),
        );
        let committee_at = self.jobs.panel.committee;
        let committee: Committee = world.read(&committee_at);
        let (stake_mint, bond_mint) = (
            mint(world, &self.jobs.mint),
            mint(world, &self.jobs.panel.mint),
        );
        for (at, job) in world.accounts::<Job>(&lode_jobs::ID) {
            let market: Market = world.read(&job.market);
            for action in due(&job, &market, &now, 0) {
                let owner = |seat: u8| committee.seats[usize::from(seat)].owner;
                let call = match action {
                    Action::Seal | Action::Award if self.forgotten.contains(&at) => continue,
                    // nobody signs any more
                    Action::Attest => continue,
                    Action::Cancel => build::cancel_job(&crank, &at, &job),
                    Action::Award => build::award_job(&at, &job),
                    Action::Seal => build::seal_job(&crank, &at, &job, &committee_at),
                    Action::Expire => build::expire_job(&crank, &at, &job),
                    Action::Escalate => build::escalate_job(&crank, &at, &job),
                    Action::Void => build::void_job(&crank, &at, &job),
                    Action::Settle => build::settle_job(&crank, &at, &job),
                    Action::Slash => build::slash_job(&at, &job, &stake_mint),
                    Action::Penalise(seat) => {
                        let owner = owner(seat);
                        build::penalise_oracle(
                            &at,
                            &job,
                            &committee_at,
                            seat,
                            Some(&owner),
                            None,
                            &bond_mint,
                        )
                    }
                    Action::Collect(seat) => {
                        build::collect_check(&at, &job, &committee_at, seat, &owner(seat))
                    }
                    Action::Close => build::close_job(&crank, &at, &job),
                };
                calls.push((action.name(), call));
            }
        }
        let config: JobsConfig = world.read(&jobs::config());
        for (_, account) in world.accounts::<Ledger>(&lode_jobs::ID) {
            let market: Market = world.read(&account.market);
            let mint = mint(world, &market.mint);
            let treasury = mint.account_of(&config.treasury_owner);
            let takers = errands::Takers {
                treasury: world.exists(&treasury),
                market: world.exists(&ledger(&account.market, &market.authority)),
            };
            if account.fees_owed > 0 && !takers.treasury {
                let open = open_associated(&crank, &config.treasury_owner, &mint);
                calls.push(("open the treasury's account", open));
            } else if errands::sweepable(&account, takers) > 0 {
                let treasury = takers.treasury.then_some(&config.treasury_owner);
                let sweep = build::sweep_fees(
                    &account.market,
                    &market,
                    &account.party,
                    &mint,
                    treasury,
                    takers.market,
                );
                calls.push(("sweep_fees", sweep));
            } else if errands::redeemable(&account, market.check_pool) > 0 {
                calls.push((
                    "redeem",
                    build::redeem_credits(&account.market, &account.party),
                ));
            }
        }
        let terms: Schedule = world.read(&schedule());
        for (_, points) in world.accounts::<Work>(&lode_jobs::ID) {
            let node = world.exists(&points.node);
            if errands::closes_work(&points, node, &config, unix) {
                calls.push(("close_work", build::close_work(&points.node, &points.payer)));
            }
            let recorded = |index: &u64| !world.exists(&share(&points.node, *index));
            if let Some(index) =
                records(&points, &terms, unix).filter(|index| node && recorded(index))
            {
                calls.push(("record", mints::record(&crank, &points.node, index)));
            }
        }
        for (at, account) in world.accounts::<Node>(&lode_staking::ID) {
            if errands::sweeps_rewards(&account, world.amount(&vault(&at))) {
                calls.push(("sweep_rewards", stakes::sweep_rewards(&at)));
            }
        }
        let staked: StakingConfig = world.read(&staking::config());
        for (at, account) in world.accounts::<Delegation>(&lode_staking::ID) {
            if errands::forces_unstake(&account, &world.read(&account.node), &staked, unix) {
                calls.push((
                    "force_unstake",
                    stakes::force_unstake(&crank, &at, &account),
                ));
            }
        }
        for (at, ticket) in world.accounts::<Unbonding>(&lode_staking::ID) {
            if errands::withdraws(&ticket, &world.read(&ticket.node), unix) {
                calls.push(("withdraw", stakes::withdraw(&at, &ticket, &stake_mint)));
            }
        }
        for (_, account) in world.accounts::<Epoch>(&lode_emissions::ID) {
            let call = match errands::of_epoch(&account, &terms, false, unix) {
                Some(Step::FinalizeEpoch) => mints::finalize_epoch(account.index),
                Some(Step::CloseEpoch) => mints::close_epoch(&account),
                _ => continue,
            };
            calls.push(("epoch", call));
        }
        for (_, account) in world.accounts::<Share>(&lode_emissions::ID) {
            let index = account.epoch;
            let node = account.node;
            let of: Epoch = world.read(&epoch(index));
            for step in errands::of_share(&account, &of, &terms, world.exists(&node), unix) {
                let call = match step {
                    Step::ClaimWork => {
                        mints::claim_work(&node, &world.read(&node), index, &stake_mint)
                    }
                    Step::ClaimStake => mints::claim_stake(&node, index, &stake_mint),
                    _ => mints::close_share(&account),
                };
                calls.push((step.name(), call));
            }
        }
        let made = calls.len();
        for (what, call) in calls {
            self.turn_one(what, call);
        }
        self.vaults_are_covered();
        made
    }

    /// Invariants 1 and 2, whatever was just done.
    fn vaults_are_covered(&self) {
        let world = &self.world;
        for market in [self.jobs.market, self.auction] {
            assert_eq!(world.amount(&jobs::vault(&market)), owed(world, &market));
        }
        for (at, node) in world.accounts::<Node>(&lode_staking::ID) {
            assert!(world.amount(&vault(&at)) >= node.booked().unwrap());
        }
        for (at, member) in world.accounts::<Oracle>(&lode_oracle::ID) {
            if member.is_seated() {
                assert_eq!(world.amount(&bond_vault(&at)), member.bond);
            }
        }
    }

    /// Slots until something can happen next; nothing where nothing can.
    fn next(&self) -> Option<u64> {
        let world = &self.world;
        let (slot, unix) = (world.slot(), world.now());
        let seconds = |at: i64| u64::try_from((at - unix) * 5 + 1).unwrap_or(0) / 2;
        let mut times: Vec<u64> = vec![];
        for (_, job) in world.accounts::<Job>(&lode_jobs::ID) {
            let market: Market = world.read(&job.market);
            times.push(job.deadline.saturating_sub(slot));
            // where nobody awards
            times.push((job.deadline + market.accept_window).saturating_sub(slot));
        }
        for (_, ticket) in world.accounts::<Unbonding>(&lode_staking::ID) {
            times.push(seconds(ticket.release_at));
        }
        for (_, node) in world.accounts::<Node>(&lode_staking::ID) {
            if node.is_exiting() {
                // from when on others may unstake
                times.push(seconds(node.exited_at + 12 * DAY));
            }
        }
        let emitting = !world.accounts::<Epoch>(&lode_emissions::ID).is_empty();
        let points = world.accounts::<Work>(&lode_jobs::ID);
        let pending = points
            .iter()
            .any(|(_, w)| w.points + w.previous > 0 && !world.exists(&w.node));
        if emitting || pending {
            let terms: Schedule = world.read(&schedule());
            let index = i64::try_from(terms.epoch(unix).unwrap()).unwrap() + 1;
            times.push(seconds(terms.genesis + index * terms.epoch_seconds));
        }
        times.into_iter().filter(|slots| *slots > 0).min()
    }

    /// Anybody turns and waits, until nothing is left to turn or to wait for.
    fn turn_to_the_end(&mut self) {
        for _ in 0..300 {
            while self.turn() > 0 {}
            let Some(slots) = self.next() else { return };
            self.jobs.pass_to_seal(&mut self.world, slots);
        }
        panic!("it does not end: {:?}", self.turned);
    }

    /// A party takes what its ledger holds and closes it.
    fn leave_market(&mut self, market: Address, party: &Address, who: &Keypair) {
        let own = ledger(&market, party);
        let account: Ledger = self.world.read(&own);
        let still = [account.locked, account.open_jobs, account.credits];
        assert_eq!(still, [0; 3], "{party} has something left in {market}");
        let mint = mint(&self.world, &self.world.read::<Market>(&market).mint);
        if account.available > 0 {
            let home = build::withdraw(&who.pubkey(), &market, party, &mint, account.available);
            self.go(&home, who);
        }
        let close = build::close_ledger(&who.pubkey(), &account.payer, &own);
        self.go(&close, who);
    }

    /// What a delegation earned goes to its wallet, by anybody; then it closes.
    fn close_delegation(&mut self, node: &Address, wallet: &Address) {
        let mint = mint(&self.world, &self.jobs.mint);
        self.turn_one("claim_rewards", stakes::claim_rewards(node, wallet, &mint));
        let at = delegation(node, wallet);
        let close = stakes::close_delegation(&at, &self.world.read(&at));
        self.turn_one("close_delegation", close);
    }

    /// Lamports in all jobs, and in what was recorded of epochs.
    fn lent_to_jobs_and_emissions(&self) -> u64 {
        let world = &self.world;
        let jobs = world.accounts::<Job>(&lode_jobs::ID).into_iter();
        let epochs = world.accounts::<Epoch>(&lode_emissions::ID).into_iter();
        let shares = world.accounts::<Share>(&lode_emissions::ID).into_iter();
        jobs.map(|(at, _)| at)
            .chain(epochs.map(|(at, _)| at))
            .chain(shares.map(|(at, _)| at))
            .map(|at| world.lamports(&at))
            .sum()
    }

    /// All accounts that are left of the four programs.
    fn left(&self) -> BTreeSet<Address> {
        PROGRAMS
            .iter()
            .flat_map(|program| self.world.svm.get_program_accounts(&program.id))
            .filter(|(_, account)| account.lamports > 0)
            .map(|(at, _)| at)
            .collect()
    }
}

#[test]
fn everybody_leaves_with_all_his_funds_when_every_key_is_lost() {
    let mut network = network();
    network.work();
    network.jobs_in_every_state();
    network.lose_every_key();
    let supply = [network.jobs.mint, network.coin].map(|mint| network.world.supply(&mint));
    assert_eq!(network.world.read::<Schedule>(&schedule()).claimed, 0);
    // what customer and crank have, lent to jobs and to emissions, or at home
    let lamports = network.lent_to_jobs_and_emissions()
        + [&network.jobs.customer, &network.crank]
            .map(|key| network.world.lamports(&key.pubkey()))
            .iter()
            .sum::<u64>();

    // whoever can begins to leave at once: the seats of the committee, and with them all who could judge
    let members: Vec<Keypair> = network
        .jobs
        .panel
        .members
        .iter()
        .map(|m| m.owner.insecure_clone())
        .collect();
    let committee = network.jobs.panel.committee;
    for member in &members {
        let leave = seats::leave(&member.pubkey(), &committee);
        network.go(&leave, member);
    }
    // invariant 6: every job ends, every epoch is paid, everything that is nobody's is closed
    network.jobs.pass_to_seal(&mut network.world, 2);
    network.turn_to_the_end();
    assert!(network.world.accounts::<Job>(&lode_jobs::ID).is_empty());
    assert!(network
        .left()
        .iter()
        .all(
            |at| network.world.svm.get_account(at).unwrap().owner != lode_emissions::ID
                || *at == schedule()
        ));
    for what in [
        "cancel",
        "award",
        "seal",
        "expire",
        "escalate",
        "void",
        "settle",
        "slash",
        "penalise",
        "collect",
        "close",
        "sweep_fees",
        "redeem",
        "record",
        "claim_work",
        "claim_stake",
        "close_share",
        "sweep_rewards",
    ] {
        assert!(
            network.turned.contains_key(what),
            "nobody had to {what}: {:?}",
            network.turned
        );
    }

    // then the parties, each by its own signature and no other
    let (market, auction) = (network.jobs.market, network.auction);
    let customer = network.jobs.customer.insecure_clone();
    let challenger = network.challenger.insecure_clone();
    let (node, owner) = (
        network.jobs.node.node,
        network.jobs.node.owner.insecure_clone(),
    );
    let (other, bidder) = (network.bidder.node, network.bidder.owner.insecure_clone());
    network.leave_market(market, &customer.pubkey(), &customer);
    network.leave_market(auction, &customer.pubkey(), &customer);
    network.leave_market(market, &challenger.pubkey(), &challenger);
    network.leave_market(market, &node, &owner);
    network.leave_market(auction, &other, &bidder);
    let bonds = mint(&network.world, &network.jobs.panel.mint);
    for member in &members {
        network.leave_market(market, &member.pubkey(), member);
        let home = seats::withdraw_bond(&member.pubkey(), &committee, &bonds);
        network.turn_one("withdraw_bond", home);
        let at = oracle(&committee, &member.pubkey());
        let close = seats::close_oracle(&at, &network.world.read(&at));
        network.turn_one("close_oracle", close);
    }

    // the stake: the one who stayed asks himself, the one without a key and the bidder are brought out by anybody
    let [leaving, staying, lost] = network
        .delegators
        .each_ref()
        .map(|key| key.insecure_clone());
    for (at, key) in [(node, &owner), (other, &bidder)] {
        let exit = staking::exit_node(&key.pubkey(), &at);
        network.go(&exit, key);
    }
    for key in [&owner, &staying] {
        let own: Delegation = network.world.read(&delegation(&node, &key.pubkey()));
        let unstake = stakes::unstake(&key.pubkey(), &node, own.next_ticket, own.active_shares);
        network.go(&unstake, key);
    }
    network.turn_to_the_end();
    for wallet in [&leaving, &staying, &lost, &owner] {
        network.close_delegation(&node, &wallet.pubkey());
    }
    network.close_delegation(&other, &bidder.pubkey());
    let stake_mint = mint(&network.world, &network.jobs.mint);
    for (at, key) in [(node, &owner), (other, &bidder)] {
        let close = stakes::close_node(&at, &network.world.read(&at), &stake_mint);
        network.go(&close, key);
    }
    network.turn_to_the_end();
    println!("turned by anybody: {:?}", network.turned);

    // invariant 7: accounts. Nothing is left but what stands for ever, and the ledgers whose owner lost his key
    let authority = network.world.read::<Market>(&market).authority;
    let ledgers = [market, auction].map(|market| ledger(&market, &authority));
    let ever = [
        staking::config(),
        jobs::config(),
        schedule(),
        committee,
        market,
        auction,
    ];
    assert_eq!(network.left(), ever.into_iter().chain(ledgers).collect());
    for at in [vault(&node), vault(&other), work(&node), work(&other)] {
        assert!(!network.world.exists(&at));
    }
    for member in &members {
        let at = oracle(&committee, &member.pubkey());
        assert!(!network.world.exists(&bond_vault(&at)));
    }
    // vaults of markets: the check pool and the ledger that nobody can open
    let credited = ledgers.map(|at| network.world.read::<Ledger>(&at).available);
    let pools = [market, auction].map(|market| network.world.read::<Market>(&market).check_pool);
    for (i, market) in [market, auction].into_iter().enumerate() {
        assert_eq!(
            network.world.amount(&jobs::vault(&market)),
            credited[i] + pools[i]
        );
    }

    // Funds, to the unit. A small job: work 1 800 of 2 000, checks 2 700 of 3 000; 54 burn or are fees, 36 are the
    // market's. Paid in the first market: three revealed, one judged, one appealed, and three that cost a million times
    // as much; in the auction one.
    let small = 5;
    let paid = small + 3 * 1_000_000;
    assert_eq!(credited, [36 * paid, 36]);
    // Nobody gained from the lie: 6 000 of its collateral pay those who found it, who are paid as the others are.
    let credits = 2 * 2 * 2_700 + 2 * 3_000;
    assert_eq!(pools, [2_700 * paid + 6_000 + 2 * 3_000 - credits, 2_700]);
    let wallet = |wallet: &Address, mint: &Address| {
        network
            .world
            .amount(&network.world.associated(wallet, mint))
    };
    let (token, coin) = (network.jobs.mint, network.coin);
    let home = |key: &Keypair| wallet(&key.pubkey(), &token);
    assert_eq!(home(&customer), 1_000 * TOKENS - 4_500 * paid);
    assert_eq!(wallet(&customer.pubkey(), &coin), 1_000 * TOKENS - 4_500);
    // both bonds are back: nobody judged, so nobody was wrong
    assert_eq!(home(&challenger), 1_000 * TOKENS);
    for (seat, member) in members.iter().enumerate() {
        let seat = u8::try_from(seat).unwrap();
        let judged = network
            .signed
            .iter()
            .filter(|seats| seats.contains(&seat))
            .count() as u64;
        let caught = u64::from(network.caught.contains(&seat));
        assert_eq!(home(member), judged * 2_700 + caught * 3_000);
        // a fifth of a per cent of the bond for each silence
        let silences = network
            .silent
            .iter()
            .filter(|seats| seats.contains(&seat))
            .count();
        let bond = (0..silences).fold(MINIMUM_BOND, |bond, _| bond - (bond * 20).div_ceil(10_000));
        assert_eq!(
            wallet(&member.pubkey(), &bonds.address),
            9 * MINIMUM_BOND + bond
        );
    }
    // late with the award it got, and with the one that nobody made
    assert_eq!(
        wallet(&bidder.pubkey(), &coin),
        1_000 * TOKENS - 2_000 + 1_710
    );
    assert_eq!(home(&bidder), 10_000 * TOKENS);
    // all stake lost the same fraction, on its way out or not, and is back to the unit; the rewards were theirs
    let kept = |stake: u64| stake * TOKENS / 10_000 * (10_000 - SLASH_BPS);
    let gained = [&leaving, &staying, &lost]
        .iter()
        .zip([300, 400, 500])
        .map(|(key, stake)| home(key) - kept(stake))
        .collect::<Vec<_>>();
    // theta is 9 000, need 11 000 of 10 000; the small jobs were settled in the third epoch
    let amounts =
        [54_000_000, 54_000_000, 54_000_000 + 54 * small].map(|points: u64| points * 9 / 11);
    let work_minted: u64 = amounts.iter().map(|amount| amount * 8 / 10).sum();
    let stake_minted: u64 = amounts.iter().map(|amount| amount / 10).sum();
    // late three times: with what was accepted, and with two results that nobody was told of, which pay their checks too
    let earned = 1_710 * paid + work_minted;
    let lost_on_jobs = 3 * 1_000 + 2 * 3_000 + 10_000;
    let own = home(&owner) - (9_000 * TOKENS + kept(1_000) + earned - lost_on_jobs);
    assert_eq!(gained.iter().sum::<u64>() + own, REWARD + stake_minted);
    // half of the reward flowed to 2 200 tokens of stake, the rest to the 1 900 that stayed, and emissions to these
    let (half, rest) = (REWARD / 2, REWARD / 2 + stake_minted);
    for (gained, stake, stayed) in [
        (gained[0], 300, 0),
        (gained[1], 400, 400),
        (gained[2], 500, 500),
        (own, 1_000, 1_000),
    ] {
        let exact = half * stake / 2_200 + rest * stayed / 1_900;
        assert!(gained.abs_diff(exact) <= 20, "{gained} of {exact}");
    }
    // invariant 3: what was minted and what burned, and where the treasury's part went
    let slashed = 2_200 * TOKENS / 10_000 * SLASH_BPS;
    // the lie: what is left of its collateral when those who found it are paid
    let burned = 54 * paid + 3 * 1_000 + 4_000 + slashed;
    assert_eq!(
        network.world.supply(&token),
        supply[0] + work_minted + stake_minted - burned
    );
    assert_eq!(network.world.supply(&coin), supply[1] - 2_000);
    let treasury = network
        .world
        .read::<JobsConfig>(&jobs::config())
        .treasury_owner;
    assert_eq!(wallet(&treasury, &coin), 54);

    // and the rents: nobody is poorer by a lamport but who posted jobs, by the slices that the crank is richer, which paid
    // the rent of the treasury's account
    for key in [&challenger, &leaving, &staying, &lost, &owner, &bidder]
        .into_iter()
        .chain(&members)
    {
        assert_eq!(network.world.lamports(&key.pubkey()), SOL);
    }
    let given = network
        .world
        .lamports(&network.world.associated(&treasury, &coin));
    let now = [&customer, &network.crank].map(|key| network.world.lamports(&key.pubkey()));
    assert_eq!(now.iter().sum::<u64>() + given, lamports);
}
