//! Invariants 3 and 4 over random epochs: real jobs earn the points, real stake earns beside them, anyone records,
//! finalises, claims and closes at any time; and washing on the chain itself.
//!
//! `LODE_WASHING_NETWORKS` sets how many random networks wash on the chain (30 unless said otherwise; 10 000 in the nightly
//! setting, as many as the model in `lode-simulation` always tries).

use anchor_lang::InstructionData;
use lode_emissions::error::EmissionsError;
use lode_emissions::state::{Epoch, Schedule, Share};
use lode_jobs::state::{Job, Ledger, Work};
use lode_math::emission;
use lode_staking::state::Node;
use lode_tests::emissions::*;
use lode_tests::jobs::{expect, ledger, Jobs, LIMIT, RESULT, SPEC, UNITS};
use lode_tests::staking::{vault, Operator, DAY, TOKENS};
use lode_tests::*;
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::collections::BTreeMap;

/// Numbers that follow from a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % below
    }

    /// A number of a random size up to `2^bits`.
    fn size(&mut self, bits: u64) -> u64 {
        let bits = self.roll(bits) + 1;
        self.roll(1 << bits)
    }
}

/// A network under random fire, and what should be true of it.
struct Run {
    world: World,
    dice: Dice,
    jobs: Jobs,
    emissions: Emissions,
    nodes: Vec<Operator>,
    delegators: Vec<Keypair>,
    tickets: BTreeMap<Address, u32>,
    /// Burn fees by node and epoch: what points must be.
    earned: BTreeMap<(usize, u64), u64>,
    /// Epoch and amount of every finalisation.
    finalised: Vec<(u64, u64)>,
    /// What every step that went through was.
    done: BTreeMap<&'static str, u32>,
}

impl Run {
    fn new(seed: u8) -> Self {
        let mut world = World::seeded([seed; 32]);
        let mut terms = lode_tests::jobs::args(3);
        terms.burn_bps = 1_000;
        let jobs = Jobs::with(&mut world, terms, 3, 3);
        let mut nodes = Vec::new();
        for stake in [200, 900, 4_000] {
            let node = jobs.staking.staked_operator(&mut world, stake * TOKENS);
            jobs.open_node(&mut world, &node);
            nodes.push(node);
        }
        let delegators = (0..2)
            .map(|_| jobs.staking.wallet(&mut world, 2_000 * TOKENS))
            .collect();
        // ceiling, breaker and cap are of the size of what real jobs earn here, so that each binds at times
        let emissions = over_jobs(&mut world, &jobs, |args| {
            args.first_ceiling = 1_000_000;
            args.breaker_limit = 1_200_000;
            args.cap = 4_000_000;
            args.era_epochs = 3;
            args.breaker_epochs = 2;
            args.c_bps = 15_000;
        });
        Self {
            world,
            dice: Dice(u64::from(seed) + 0x9e37_79b9),
            jobs,
            emissions,
            nodes,
            delegators,
            tickets: BTreeMap::new(),
            earned: BTreeMap::new(),
            finalised: Vec::new(),
            done: BTreeMap::new(),
        }
    }

    fn epoch(&self) -> u64 {
        read_schedule(&self.world).epoch(self.world.now()).unwrap()
    }

    fn note(&mut self, what: &'static str, sent: Sent) -> bool {
        if sent.is_ok() {
            *self.done.entry(what).or_default() += 1;
        }
        sent.is_ok()
    }

    /// A job from post to settlement by node `index`, all of it real.
    fn work(&mut self, index: usize) {
        let world = &mut self.world;
        let price = 1_000 + self.dice.size(38);
        std::mem::swap(&mut self.jobs.node, &mut self.nodes[index]);
        let jobs = &mut self.jobs;
        let mut args = jobs.post_args();
        args.price = price;
        world.ok(jobs.post(args), &[&jobs.customer]);
        let at = lode_tests::jobs::job(&jobs.customer_ledger(), args.nonce).0;
        let mut accept = jobs.accept(&jobs.node, &at);
        accept.data = lode_jobs::instruction::AcceptJob {
            spec: SPEC,
            units_limit: LIMIT,
            price,
        }
        .data();
        let burned = |world: &World| {
            let own = ledger(&jobs.market, &jobs.node.node);
            world.read::<Ledger>(&own).burn_owed
        };
        let before = burned(world);
        let taken = world.send_one(accept, &[&jobs.node.worker]).is_ok();
        if taken {
            let submit = jobs.submit(&jobs.node, &at, &RESULT, UNITS, 0);
            world.ok(submit, &[&jobs.node.worker]);
            jobs.pass_to_seal(world, 2);
            world.ok(jobs.seal(&world.payer.pubkey(), &at), &[]);
            let panel = world.read::<Job>(&at).panel;
            let seats: Vec<u8> = (0..32).filter(|seat| panel >> seat & 1 == 1).collect();
            let attest = jobs.attested(world, &at, lode_attestation::Verdict::Match, &seats);
            expect(world.send(&attest, &[]));
            world.ok(jobs.settle(&world.payer.pubkey(), &at), &[]);
        }
        let fee = burned(world) - before;
        std::mem::swap(&mut self.jobs.node, &mut self.nodes[index]);
        if taken {
            assert!(fee > 0);
            *self.earned.entry((index, self.epoch())).or_default() += fee;
            *self.done.entry("settle").or_default() += 1;
        }
    }

    fn step(&mut self) {
        let index = self.dice.roll(self.nodes.len() as u64) as usize;
        let node = self.nodes[index].node;
        let now = self.epoch();
        let past = now.saturating_sub(1 + self.dice.roll(4));
        let payer = self.world.payer.pubkey();
        match self.dice.roll(20) {
            0..=2 => self.work(index),
            3..=6 => {
                // mostly in time, at times too early or too late
                let past = match self.dice.roll(6) {
                    0 => past,
                    1 => now,
                    _ => now.saturating_sub(1),
                };
                let sent = self.world.send_one(record(&payer, &node, past), &[]);
                if self.note("record", sent) {
                    // only the epoch that ended last, and exactly what real jobs earned
                    assert_eq!(past + 1, now);
                    let share = read_share(&self.world, &node, past);
                    assert_eq!(share.points, self.earned[&(index, past)]);
                    let state: Node = self.world.read(&node);
                    assert_eq!(share.stake, state.active_stake().unwrap());
                }
            }
            7..=8 => {
                let sent = self.world.send_one(finalize_epoch(past), &[]);
                if let Err(failure) = &sent {
                    if failure.code() == Some(6000 + EmissionsError::BreakerTripped as u32) {
                        *self.done.entry("breaker").or_default() += 1;
                    }
                }
                if self.note("finalize", sent) {
                    assert!(past + 2 <= now);
                    self.look_for_bounds(past);
                    self.finalised
                        .push((now, read_epoch(&self.world, past).amount));
                }
            }
            9..=10 => self.claim("claim work", index, past, |run, node| {
                run.emissions.claim_work(&run.world, node, past)
            }),
            11..=12 => self.claim("claim stake", index, past, |run, node| {
                run.emissions.claim_stake(&run.world, node, past)
            }),
            13 => {
                let claim = self.emissions.claim_treasury(&self.world, past);
                let sent = self.world.send_one(claim, &[]);
                self.note("claim treasury", sent);
            }
            14 => {
                for node in &self.nodes {
                    let close = close_share(&node.node, past, &payer);
                    let share = self.world.exists(&share(&node.node, past));
                    let ready = share && read_share(&self.world, &node.node, past).is_claimed();
                    let sent = self.world.send_one(close, &[]);
                    assert_eq!(sent.is_ok(), ready);
                    *self.done.entry("close share").or_default() += u32::from(ready);
                }
            }
            15 => {
                let sent = self.world.send_one(close_epoch(past, &payer), &[]);
                assert!(sent.is_err(), "an epoch was closed in its time");
            }
            16 => {
                let who = self.dice.roll(2) as usize;
                let delegator = self.delegators[who].insecure_clone();
                let amount = self.dice.size(40);
                let stake =
                    self.emissions
                        .staking
                        .stake(&self.world, &node, &delegator.pubkey(), amount);
                let sent = self.world.send_one(stake, &[&delegator]);
                self.note("stake", sent);
            }
            17 => {
                let owner = self.nodes[index].owner.insecure_clone();
                let ticket = self.tickets.entry(node).or_default();
                let shares = self.dice.size(37);
                let unstake =
                    self.emissions
                        .staking
                        .unstake(&node, &owner.pubkey(), *ticket, shares);
                let sent = self.world.send_one(unstake, &[&owner]);
                if sent.is_ok() {
                    *ticket += 1;
                }
                self.note("unstake", sent);
            }
            18 => {
                let sweep = self.emissions.staking.sweep_rewards(&node);
                let sent = self.world.send_one(sweep, &[]);
                assert!(self.note("sweep", sent));
            }
            _ => {
                // a jailed node takes no jobs, so one of them alone
                if self.dice.roll(4) == 0 {
                    let (at, node) = (self.world.now(), self.nodes[2].node);
                    let slash = self.emissions.staking.slash(&node, 100, at);
                    let sent = self.world.send_as_program(slash);
                    assert!(self.note("slash", sent));
                }
            }
        }
        // an epoch takes some forty steps
        let seconds = self.dice.roll(DAY as u64 / 20) as i64;
        self.world.pass_seconds(seconds);
    }

    /// Which bound an epoch's amount met.
    fn look_for_bounds(&mut self, index: u64) {
        let (schedule, epoch) = (read_schedule(&self.world), read_epoch(&self.world, index));
        let decay = u64::from(schedule.decay_bps);
        let ceiling =
            emission::ceiling(schedule.first_ceiling, decay, schedule.era_epochs, index).unwrap();
        assert!(epoch.amount <= ceiling);
        let met = if epoch.amount == ceiling {
            "ceiling"
        } else if schedule.finalised == schedule.cap {
            "cap"
        } else {
            "theta"
        };
        *self.done.entry(met).or_default() += 1;
    }

    /// A claim: what it mints is what the share stands for, whatever others did meanwhile.
    fn claim(
        &mut self,
        what: &'static str,
        index: usize,
        past: u64,
        build: impl Fn(&Self, &Address) -> solana_instruction::Instruction,
    ) {
        let node = self.nodes[index].node;
        let claim = build(self, &node);
        let before = self.world.supply(&self.emissions.mint);
        let first = self
            .world
            .svm
            .get_account(&share(&node, past))
            .filter(|account| account.lamports > 0)
            .map(|_| read_share(&self.world, &node, past));
        let sent = self.world.send_one(claim, &[]);
        if !self.note(what, sent) {
            return;
        }
        let minted = self.world.supply(&self.emissions.mint) - before;
        let share = first.expect("a claim without a share");
        let epoch = read_epoch(&self.world, past);
        let c = u128::from(read_schedule(&self.world).c_bps);
        let part = |bucket: u128, own: u64, all: u64| bucket * u128::from(own) / u128::from(all);
        let expected = match what {
            _ if minted == 0 => 0,
            "claim work" => {
                assert_eq!(share.flags & 1, 0);
                part(epoch.work.into(), share.points, epoch.points)
            }
            _ => {
                assert_eq!(share.flags & 2, 0);
                let bucket = u128::from(epoch.stake_amount);
                part(bucket, share.stake, epoch.stake).min(part(
                    bucket * c / 10_000,
                    share.points,
                    epoch.points,
                ))
            }
        };
        assert_eq!(u128::from(minted), expected);
    }

    /// Invariants 1, 3 and 4.
    fn check(&self) {
        let world = &self.world;
        let schedule: Schedule = read_schedule(world);
        let slashed: u64 = self
            .nodes
            .iter()
            .map(|node| world.read::<Node>(&node.node).slashed_total)
            .sum();
        assert_eq!(
            world.supply(&self.emissions.mint) + slashed,
            schedule.genesis_supply + schedule.claimed
        );
        assert!(schedule.claimed <= schedule.finalised && schedule.finalised <= schedule.cap);
        let all: u64 = self.finalised.iter().map(|(_, amount)| amount).sum();
        assert_eq!(schedule.finalised, all);
        for (at, _) in &self.finalised {
            let window: u64 = self
                .finalised
                .iter()
                .filter(|(other, _)| other <= at && at - other < u64::from(schedule.breaker_epochs))
                .map(|(_, amount)| amount)
                .sum();
            assert!(window <= schedule.breaker_limit);
        }
        let mut claimed = 0;
        for (_, epoch) in world.accounts::<Epoch>(&lode_emissions::ID) {
            assert!(epoch.work_claimed <= epoch.work);
            assert!(epoch.stake_claimed <= epoch.stake_amount);
            assert!(epoch.treasury_claimed <= epoch.treasury);
            let minted = epoch.claimed().unwrap();
            assert!(minted <= epoch.amount);
            assert!(
                u128::from(epoch.amount) * 10_000
                    <= u128::from(epoch.points) * u128::from(schedule.theta_bps)
            );
            claimed += minted;
        }
        assert_eq!(claimed, schedule.claimed);
        for node in &self.nodes {
            let state: Node = world.read(&node.node);
            assert!(world.amount(&vault(&node.node)) >= state.booked().unwrap());
        }
    }
}

#[test]
fn supply_and_claims_stay_in_their_bounds_whatever_happens() {
    let mut done = BTreeMap::new();
    for seed in 1..=2 {
        let mut run = Run::new(seed);
        for _ in 0..400 {
            run.step();
            run.check();
        }
        println!(
            "seed {seed}: epoch {}, {} of {} minted, {:?}",
            run.epoch(),
            read_schedule(&run.world).claimed,
            read_schedule(&run.world).finalised,
            run.done
        );
        for (what, times) in run.done {
            *done.entry(what).or_insert(0) += times;
        }
    }
    // the seeds are fixed, so this says what was tried
    for (what, least) in [
        ("settle", 60),
        ("record", 30),
        ("finalize", 12),
        ("theta", 3),
        ("ceiling", 2),
        ("breaker", 1),
        ("claim work", 12),
        ("claim stake", 12),
        ("claim treasury", 5),
        ("close share", 1),
        ("stake", 10),
        ("unstake", 10),
        ("sweep", 10),
        ("slash", 3),
    ] {
        assert!(
            done.get(what).copied().unwrap_or(0) >= least,
            "{what}: {done:?}"
        );
    }
}

/// A node of a random network: points, stake, whether it is the coalition's.
type Member = (u64, u64, bool);

/// What the coalition gets of an epoch with these nodes, on the chain, all claims made.
fn income(
    world: &mut World,
    emissions: &Emissions,
    operators: &[Operator],
    members: &[Member],
    index: u64,
    treasury: bool,
) -> u64 {
    to_epoch(world, index);
    for (operator, (points, stake, _)) in operators.iter().zip(members) {
        let mut state: Node = world.read(&operator.node);
        (state.stake, state.active_shares) = (*stake, *stake);
        (state.unbonding_shares, state.self_active_shares) = (0, 0);
        world.write(&operator.node, &state);
        let at = lode_tests::jobs::work(&operator.node);
        let mut work: Work = world.read(&at);
        (work.epoch, work.points, work.previous) = (index, *points, 0);
        world.write(&at, &work);
    }
    to_epoch(world, index + 1);
    let payer = world.payer.pubkey();
    let recorded = || {
        operators
            .iter()
            .zip(members)
            .filter(|(_, (points, ..))| *points > 0)
    };
    for (operator, _) in recorded() {
        world.ok(record(&payer, &operator.node, index), &[]);
    }
    to_epoch(world, index + 2);
    world.ok(finalize_epoch(index), &[]);
    let mut own = 0;
    for (operator, (_, _, ours)) in recorded() {
        let claims = [
            emissions.claim_work(world, &operator.node, index),
            emissions.claim_stake(world, &operator.node, index),
        ];
        expect(world.send(&claims, &[]));
        let share: Share = read_share(world, &operator.node, index);
        if *ours {
            own += share.work_claimed + share.stake_claimed;
        }
    }
    world.ok(emissions.claim_treasury(world, index), &[]);
    if treasury {
        own += read_epoch(world, index).treasury_claimed;
    }
    own
}

#[test]
fn washing_never_pays_on_the_chain() {
    let networks: u64 = std::env::var("LODE_WASHING_NETWORKS")
        .map_or(30, |text| text.parse().expect("a number of networks"));
    let mut dice = Dice(0x5eed);
    let mut best = 0.0_f64;
    for (work, stake, treasury_bps, theta, c) in [
        (8_000, 1_000, 1_000, 9_000, 10_000),
        (7_000, 2_000, 1_000, 9_500, 20_000),
        (7_500, 2_000, 500, 9_500, 5_000),
    ] {
        let mut world = World::seeded([7; 32]);
        let emissions = Emissions::with(&mut world, |args| {
            (args.work_bps, args.stake_bps, args.treasury_bps) = (work, stake, treasury_bps);
            (args.theta_bps, args.c_bps, args.decay_bps) = (theta, c, 0);
            args.first_ceiling = 1 << 46;
            args.cap = 1 << 60;
            args.breaker_limit = 1 << 60;
        });
        let operators: Vec<Operator> = (0..4).map(|_| emissions.operator(&mut world, 0)).collect();
        for network in 0..networks.div_ceil(3) {
            let mut members: Vec<Member> = operators
                .iter()
                .map(|_| (dice.size(48), dice.size(48), dice.roll(2) == 1))
                .collect();
            let washer = dice.roll(members.len() as u64) as usize;
            members[washer].2 = true;
            members[(washer + 1) % 4].0 += 1;
            let (burned, treasury) = (1 + dice.size(46), dice.roll(2) == 1);
            let mut try_at = |members: &[Member], index| {
                income(&mut world, &emissions, &operators, members, index, treasury)
            };
            let before = try_at(&members, network * 6);
            members[washer].0 += burned;
            let after = try_at(&members, network * 6 + 3);
            let gain = after.saturating_sub(before);
            // every claim is rounded down, the ones before too
            let dust = 3 * members.len() as u64 + 12;
            let most = lode_math::bps_floor(burned, u64::from(theta)).unwrap() + dust;
            assert!(gain <= most, "{gain} for {burned} burned: {members:?}");
            if burned > 1 << 20 {
                best = best.max(gain as f64 / burned as f64);
            }
        }
        let schedule = read_schedule(&world);
        assert!(schedule.claimed <= schedule.finalised);
        assert!(emission::need(&schedule.terms()).unwrap() >= 100_000_000);
    }
    println!("best marginal return of {networks} networks: {best:.4} a unit burned");
    // some network comes near the bound, so the bound is tried
    assert!(best > 0.5 && best <= 0.951, "{best}");
}
