//! What staking and emissions should do, in plain Rust, after the protocol and not after the programs: whole numbers of
//! 128 bits, no shared function. `None` is a refusal, after which the books that asked are thrown away.

use solana_address::Address;
use std::collections::BTreeMap;

/// A refusal is `None`.
pub type Legal = Option<()>;

const DAY: i64 = 86_400;

fn only(what: bool) -> Legal {
    what.then_some(())
}

/// `floor(a x b / c)`.
fn part(a: u64, b: u64, c: u64) -> u64 {
    u64::try_from(u128::from(a) * u128::from(b) / u128::from(c)).unwrap()
}

/// A mistake that the model can make, to see that it would be noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slip {
    None,
    /// A slash rounds in favour of the node.
    SlashRoundedDown,
    /// Tickets keep their worth when a node is slashed.
    TicketsSpared,
    /// A second slash of the period may take all it wants.
    NoRoom,
    /// A rise of the commission is in force at once.
    CommissionRisesAtOnce,
    /// New rewards restart the whole stream.
    StreamRestarts,
    /// A ticket is paid a second too early.
    ReleasedEarly,
    /// A claim that finds nothing moves the checkpoint all the same.
    NothingMovesCheckpoint,
    /// Stake rewards are not bound by work.
    StakeUnbound,
    /// The breaker looks back one epoch less.
    BreakerShort,
    /// Claims end an epoch too early.
    LapsesEarly,
}

/// What the governor and the guardian set.
#[derive(Clone, Debug)]
pub struct Rules {
    pub governor: Address,
    pub pending_governor: Address,
    pub guardian: Address,
    pub paused_until: i64,
    pub unbonding: i64,
    pub minimum: u64,
    pub jail: i64,
    pub ratio: u16,
    pub cap: u16,
    pub step: u16,
}

/// A node and its pool.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pool {
    pub owner: Address,
    pub payout: Address,
    pub worker: Address,
    pub cores: u16,
    pub stake: u64,
    pub active: u64,
    pub unbonding: u64,
    pub own: u64,
    /// 64 bits behind the point, wraps.
    pub per_share: u128,
    pub stream: u64,
    pub stream_at: i64,
    pub stream_end: i64,
    pub rewards: u64,
    pub commission_owed: u64,
    pub commission: u16,
    pub announced: u16,
    pub announced_at: i64,
    pub children: u32,
    pub exiting: bool,
    pub jailed_at: i64,
    pub jailed_until: i64,
    /// When the running part of the slash window began, and what was slashed in it and in the two before it: a part is
    /// half an unbonding period.
    pub window: i64,
    pub parts: [u64; 3],
    /// What the last incident costs, basis points.
    pub incident: u16,
    pub exited: i64,
    pub slashed: u64,
}

/// A wallet's stake on a node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Holding {
    pub shares: u64,
    pub checkpoint: u128,
    pub pending: u64,
    pub next: u32,
    pub tickets: u32,
    pub payer: Address,
    /// What an even share of all that flowed would be, and how often rounding may have taken a unit of it: no part of the
    /// books, but what they are judged by.
    pub fair: f64,
    pub paid: u64,
    pub rounded: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Ticket {
    pub shares: u64,
    pub release: i64,
    pub payer: Address,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Epoch {
    pub payer: Address,
    pub points: u64,
    pub stake: u64,
    pub shares: u64,
    /// Work, stake and treasury, once it is final.
    pub buckets: Option<[u64; 3]>,
    pub amount: u64,
    pub claimed: [u64; 3],
}

#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    pub payer: Address,
    pub points: u64,
    pub stake: u64,
    pub claimed: [Option<u64>; 2],
}

/// The fixed terms of emissions.
#[derive(Clone, Debug)]
pub struct Terms {
    pub cap: u64,
    pub first_ceiling: u64,
    pub era: u64,
    pub decay: u64,
    pub shares: [u64; 3],
    pub theta: u64,
    pub c: u64,
    pub breaker: u64,
    pub breaker_limit: u64,
}

/// A delegation, by node and wallet.
pub type Whose = (Address, Address);

/// Everything.
#[derive(Clone, Debug)]
pub struct Books {
    pub slip: Slip,
    pub rules: Rules,
    pub terms: Terms,
    pub genesis: i64,
    pub pools: BTreeMap<Address, Pool>,
    pub holdings: BTreeMap<Whose, Holding>,
    pub tickets: BTreeMap<(Whose, u32), Ticket>,
    /// Tokens, by token account: vaults, wallets' associated accounts, payout accounts.
    pub tokens: BTreeMap<Address, u64>,
    pub burned: u64,
    /// Points by node and epoch.
    pub points: BTreeMap<(Address, u64), u64>,
    pub epochs: BTreeMap<u64, Epoch>,
    pub shares: BTreeMap<(Address, u64), Share>,
    /// When, and how much.
    pub finalised: Vec<(u64, u64)>,
    pub minted: u64,
    pub treasury: Address,
    pub pending_treasury: Address,
}

impl Pool {
    pub fn total(&self) -> u64 {
        self.active + self.unbonding
    }

    pub fn worth(&self, shares: u64) -> u64 {
        match self.total() {
            0 => 0,
            total => part(shares, self.stake, total),
        }
    }

    pub fn booked(&self) -> u64 {
        self.stake + self.stream + self.rewards + self.commission_owed
    }

    fn open(&self) -> Legal {
        only(!self.exiting && self.jailed_until == 0)
    }

    fn supports(&self, rules: &Rules) -> bool {
        let delegated = self.active - self.own;
        u128::from(delegated) <= u128::from(self.own) * u128::from(rules.ratio)
    }

    fn takes_stake(&self) -> bool {
        self.total() == 0
            || self.stake > 0 && u128::from(self.total()) <= 1_024 * u128::from(self.stake)
    }

    fn announced_is_due(&mut self, now: i64) {
        if self.announced_at != 0 && now >= self.announced_at {
            self.commission = self.announced;
            self.announced_at = 0;
        }
    }
}

impl Holding {
    fn claimable(&self, pool: &Pool) -> u64 {
        let more = pool.per_share.wrapping_sub(self.checkpoint);
        let (whole, rest) = (more >> 64, more & u128::from(u64::MAX));
        let shares = u128::from(self.shares);
        let earned = shares * whole + ((shares * rest) >> 64);
        self.pending + u64::try_from(earned).unwrap()
    }

    fn book(&mut self, pool: &Pool) {
        self.pending = self.claimable(pool);
        self.checkpoint = pool.per_share;
        self.rounded += 1;
    }
}

impl Books {
    pub fn epoch_at(&self, now: i64) -> u64 {
        u64::try_from((now - self.genesis) / DAY).unwrap()
    }

    fn pay(&mut self, from: &Address, to: &Address, amount: u64) -> Legal {
        let held = self.tokens.get_mut(from)?;
        *held = held.checked_sub(amount)?;
        *self.tokens.get_mut(to)? += amount;
        Some(())
    }

    // ---- the governor and the guardian

    pub fn update(&mut self, by: &Address, new: &Rules) -> Legal {
        only(*by == self.rules.governor)?;
        only(
            (14 * DAY..=28 * DAY).contains(&new.unbonding)
                && (3_600..=28 * DAY).contains(&new.jail)
                && new.minimum <= 10_000_000_000_000
                && new.ratio <= 10
                && new.cap <= 5_000
                && new.step <= 500,
        )?;
        self.rules = new.clone();
        Some(())
    }

    pub fn pause(&mut self, by: &Address, now: i64) -> Legal {
        only(*by == self.rules.guardian)?;
        let last = self.rules.paused_until;
        only(last == 0 || now >= last + 7 * DAY)?;
        self.rules.paused_until = now + 7 * DAY;
        Some(())
    }

    // ---- owners

    pub fn register(&mut self, at: Address, pool: Pool, vault: Address, now: i64) -> Legal {
        only(now >= self.rules.paused_until && !self.pools.contains_key(&at))?;
        only(pool.worker != pool.owner)?;
        // an earlier node's jobs at this address cost this one nothing
        let pool = Pool {
            jailed_at: now - 1,
            incident: 1_000,
            ..pool
        };
        self.pools.insert(at, pool);
        self.tokens.insert(vault, 0);
        Some(())
    }

    pub fn owned(&mut self, at: &Address, by: &Address) -> Option<&mut Pool> {
        self.pools.get_mut(at).filter(|pool| pool.owner == *by)
    }

    pub fn set_commission(&mut self, at: &Address, by: &Address, to: u16, now: i64) -> Legal {
        let (rules, slip) = (self.rules.clone(), self.slip);
        let pool = self.owned(at, by)?;
        pool.announced_is_due(now);
        if to <= pool.commission {
            (pool.commission, pool.announced, pool.announced_at) = (to, to, 0);
            return Some(());
        }
        only(pool.announced_at == 0)?;
        only(to <= rules.cap && to - pool.commission <= rules.step)?;
        pool.announced = to;
        pool.announced_at = now + rules.unbonding;
        if slip == Slip::CommissionRisesAtOnce {
            pool.announced_at = now;
        }
        Some(())
    }

    pub fn unjail(&mut self, at: &Address, by: &Address, now: i64) -> Legal {
        let pool = self.owned(at, by)?;
        only(pool.jailed_until != 0 && now >= pool.jailed_until)?;
        pool.jailed_until = 0;
        Some(())
    }

    pub fn exit(&mut self, at: &Address, by: &Address, now: i64) -> Legal {
        let pool = self.owned(at, by)?;
        only(!pool.exiting)?;
        (pool.exiting, pool.exited) = (true, now);
        Some(())
    }

    pub fn close(&mut self, at: &Address, by: &Address, vault: &Address, to: &Address) -> Legal {
        let pool = self.owned(at, by)?;
        only(pool.exiting && pool.children == 0)?;
        self.pools.remove(at);
        let left = self.tokens.get(vault).copied()?;
        self.pay(vault, to, left)?;
        self.tokens.remove(vault);
        Some(())
    }

    // ---- stake

    /// Lets the stream of a node flow.
    fn flow(&mut self, at: &Address, now: i64) -> Legal {
        let pool = self.pools.get_mut(at)?;
        if pool.stream == 0 || now <= pool.stream_at {
            return Some(());
        }
        let span = |to: i64| u64::try_from(to - pool.stream_at).unwrap();
        let flowed = if now >= pool.stream_end {
            pool.stream
        } else {
            part(pool.stream, span(now), span(pool.stream_end))
        };
        pool.stream_at = now;
        pool.stream -= flowed;
        if pool.active == 0 {
            pool.commission_owed += flowed;
            return Some(());
        }
        pool.rewards += flowed;
        let more = (u128::from(flowed) << 64) / u128::from(pool.active);
        pool.per_share = pool.per_share.wrapping_add(more);
        let active = pool.active as f64;
        let own = (*at, Address::default())..=(*at, Address::new_from_array([255; 32]));
        for (_, holding) in self.holdings.range_mut(own) {
            holding.fair += flowed as f64 * holding.shares as f64 / active;
        }
        Some(())
    }

    /// Returns the shares bought.
    pub fn stake(
        &mut self,
        (at, wallet): Whose,
        from: &Address,
        vault: &Address,
        amount: u64,
        now: i64,
    ) -> Legal {
        only(now >= self.rules.paused_until)?;
        self.pools.get(&at)?.open()?;
        self.flow(&at, now)?;
        let pool = self.pools.get_mut(&at)?;
        let first = !self.holdings.contains_key(&(at, wallet));
        let holding = self.holdings.entry((at, wallet)).or_default();
        if first {
            pool.children += 1;
            (holding.payer, holding.checkpoint) = (wallet, pool.per_share);
        }
        holding.book(pool);
        only(pool.takes_stake())?;
        let bought = match pool.total() {
            0 => u128::from(amount),
            total => u128::from(amount) * u128::from(total) / u128::from(pool.stake),
        };
        let bought = u64::try_from(bought).ok().filter(|shares| *shares > 0)?;
        pool.stake += amount;
        pool.active += bought;
        holding.shares += bought;
        if pool.owner == wallet {
            pool.own += bought;
        } else {
            only(pool.supports(&self.rules))?;
        }
        self.pay(from, vault, amount)
    }

    /// `unstake` and, for a node on its way out, `force_unstake`.
    pub fn begin(&mut self, whose: Whose, shares: u64, payer: Address, now: i64) -> Legal {
        self.flow(&whose.0, now)?;
        let pool = self.pools.get_mut(&whose.0)?;
        let holding = self.holdings.get_mut(&whose)?;
        holding.book(pool);
        only(shares > 0)?;
        holding.shares = holding.shares.checked_sub(shares)?;
        let ticket = Ticket {
            shares,
            release: now + self.rules.unbonding,
            payer,
        };
        self.tickets.insert((whose, holding.next), ticket);
        holding.next += 1;
        holding.tickets += 1;
        pool.active -= shares;
        pool.unbonding += shares;
        pool.children += 1;
        if pool.owner == whose.1 {
            pool.own -= shares;
        }
        Some(())
    }

    pub fn force(&mut self, whose: Whose, payer: Address, now: i64) -> Legal {
        let pool = self.pools.get(&whose.0)?;
        // four streams, and as long as its last jobs may live
        only(pool.exiting && now >= pool.exited + (4 + 8) * DAY)?;
        let shares = self.holdings.get(&whose)?.shares;
        self.begin(whose, shares, payer, now)
    }

    pub fn restake(&mut self, whose: Whose, index: u32, now: i64) -> Legal {
        let ticket = self.tickets.remove(&(whose, index))?;
        self.pools.get(&whose.0)?.open()?;
        self.flow(&whose.0, now)?;
        let pool = self.pools.get_mut(&whose.0)?;
        let holding = self.holdings.get_mut(&whose)?;
        holding.book(pool);
        only(pool.takes_stake())?;
        pool.unbonding -= ticket.shares;
        pool.active += ticket.shares;
        pool.children -= 1;
        holding.shares += ticket.shares;
        holding.tickets -= 1;
        if pool.owner == whose.1 {
            pool.own += ticket.shares;
            return Some(());
        }
        only(pool.supports(&self.rules))
    }

    pub fn withdraw(
        &mut self,
        whose: Whose,
        index: u32,
        vault: &Address,
        to: &Address,
        now: i64,
    ) -> Legal {
        let ticket = self.tickets.remove(&(whose, index))?;
        let early = i64::from(self.slip == Slip::ReleasedEarly);
        only(now >= ticket.release - early)?;
        let pool = self.pools.get_mut(&whose.0)?;
        let amount = pool.worth(ticket.shares);
        pool.stake -= amount;
        pool.unbonding -= ticket.shares;
        pool.children -= 1;
        self.holdings.get_mut(&whose)?.tickets -= 1;
        self.pay(vault, to, amount)
    }

    pub fn close_holding(&mut self, whose: Whose) -> Legal {
        let holding = self.holdings.remove(&whose)?;
        only(holding.shares == 0 && holding.tickets == 0 && holding.pending == 0)?;
        self.pools.get_mut(&whose.0)?.children -= 1;
        Some(())
    }

    /// Nothing is refused here; what is taken is returned.
    pub fn slash(
        &mut self,
        at: &Address,
        vault: &Address,
        bps: u16,
        accepted: i64,
        now: i64,
    ) -> Option<u64> {
        let (rules, slip) = (self.rules.clone(), self.slip);
        let pool = self.pools.get_mut(at)?;
        // one incident costs what the dearest of its jobs does
        let is_new = accepted > pool.jailed_at;
        let paid = if is_new { 0 } else { pool.incident };
        if !is_new && bps <= paid {
            return Some(0);
        }
        pool.incident = bps.max(paid);
        // the longest unbonding period there may be
        let part = 14 * DAY;
        if now - pool.window >= 3 * part || pool.parts == [0; 3] {
            (pool.window, pool.parts) = (now, [0; 3]);
        }
        while now - pool.window >= part {
            pool.window += part;
            pool.parts = [0, pool.parts[0], pool.parts[1]];
        }
        let room = match slip {
            Slip::NoRoom => 1_000,
            _ => 1_000 - pool.parts.iter().sum::<u64>(),
        };
        let taken = u64::from(bps.saturating_sub(paid)).min(room);
        let base = match slip {
            Slip::TicketsSpared => pool.worth(pool.active),
            _ => pool.stake,
        };
        let up = match slip {
            Slip::SlashRoundedDown => 0,
            _ => 9_999,
        };
        let amount = u64::try_from((u128::from(base) * u128::from(taken) + up) / 10_000).unwrap();
        pool.parts[0] += taken;
        pool.stake -= amount;
        pool.slashed += amount;
        if is_new {
            (pool.jailed_at, pool.jailed_until) = (now, now + rules.jail);
        }
        *self.tokens.get_mut(vault)? -= amount;
        self.burned += amount;
        Some(amount)
    }

    // ---- rewards

    /// Tokens come to an account.
    pub fn gift(&mut self, from: &Address, to: &Address, amount: u64) -> Legal {
        self.pay(from, to, amount)
    }

    pub fn sweep(&mut self, at: &Address, vault: &Address, now: i64) -> Legal {
        let held = self.tokens.get(vault).copied()?;
        let reward = held - self.pools.get(at)?.booked();
        if reward == 0 {
            return Some(());
        }
        self.flow(at, now)?;
        let restarts = self.slip == Slip::StreamRestarts;
        let pool = self.pools.get_mut(at)?;
        pool.announced_is_due(now);
        let commission = match pool.active {
            0 => reward,
            _ => part(reward, u64::from(pool.commission), 10_000),
        };
        let new = reward - commission;
        pool.commission_owed += commission;
        if new > 0 {
            // each unit has its time to go; the stream takes their mean
            let rest = u128::try_from((pool.stream_end - now).max(0)).unwrap();
            let (left, new, day) = (u128::from(pool.stream), u128::from(new), DAY as u128);
            let mean = match restarts {
                true => day,
                false => ((left * rest + new * day) / (left + new)).max(1),
            };
            pool.stream_end = now + i64::try_from(mean).unwrap();
            pool.stream_at = now;
            pool.stream += u64::try_from(new).unwrap();
        }
        Some(())
    }

    pub fn claim(&mut self, whose: Whose, vault: &Address, to: &Address, now: i64) -> Legal {
        let slip = self.slip;
        self.holdings.get(&whose)?;
        self.flow(&whose.0, now)?;
        let pool = self.pools.get_mut(&whose.0)?;
        let holding = self.holdings.get_mut(&whose)?;
        let amount = holding.claimable(pool);
        if amount == 0 {
            if slip == Slip::NothingMovesCheckpoint {
                holding.checkpoint = pool.per_share;
            }
            return Some(());
        }
        holding.book(pool);
        holding.pending = 0;
        holding.paid += amount;
        pool.rewards = pool.rewards.checked_sub(amount)?;
        self.pay(vault, to, amount)
    }

    pub fn claim_commission(
        &mut self,
        at: &Address,
        vault: &Address,
        to: &Address,
        now: i64,
    ) -> Legal {
        self.flow(at, now)?;
        let pool = self.pools.get_mut(at)?;
        let amount = std::mem::take(&mut pool.commission_owed);
        self.pay(vault, to, amount)
    }

    // ---- emissions

    fn age(&self, index: u64, now: i64) -> i64 {
        self.epoch_at(now) as i64 - index as i64
    }

    fn lapsed(&self, index: u64, now: i64) -> bool {
        self.age(index, now) > 26 - i64::from(self.slip == Slip::LapsesEarly)
    }

    pub fn record(&mut self, at: &Address, index: u64, payer: Address, now: i64) -> Legal {
        let pool = self.pools.get(at)?;
        only(self.age(index, now) == 1 && !self.shares.contains_key(&(*at, index)))?;
        let points = *self.points.get(&(*at, index))?;
        let stake = pool.worth(pool.active);
        let share = Share {
            payer,
            points,
            stake,
            claimed: [None; 2],
        };
        self.shares.insert((*at, index), share);
        let epoch = self.epochs.entry(index).or_default();
        if epoch.shares == 0 {
            epoch.payer = payer;
        }
        epoch.points += points;
        epoch.stake += stake;
        epoch.shares += 1;
        Some(())
    }

    pub fn finalise(&mut self, index: u64, now: i64) -> Legal {
        let all: u64 = self.finalised.iter().map(|(_, amount)| amount).sum();
        let current = self.epoch_at(now);
        only(self.age(index, now) >= 2 && !self.lapsed(index, now))?;
        let (terms, slip) = (self.terms.clone(), self.slip);
        let epoch = self.epochs.get_mut(&index)?;
        only(epoch.buckets.is_none())?;
        let mut ceiling = terms.first_ceiling;
        for _ in 0..index / terms.era {
            ceiling = part(ceiling, 10_000 - terms.decay, 10_000);
        }
        let [work, stake, treasury] = terms.shares.map(u128::from);
        let c = u128::from(terms.c);
        let need = ((work + treasury) * 10_000 + stake * (c + c.min(10_000))).max(100_000_000);
        let earned = u128::from(epoch.points) * u128::from(terms.theta) * 10_000 / need;
        let most = ceiling.min(terms.cap - all);
        let amount = u64::try_from(earned.min(most.into())).unwrap();
        let back = terms.breaker - u64::from(slip == Slip::BreakerShort);
        let lately = |(at, _): &&(u64, u64)| current - at < back;
        let used: u64 = self.finalised.iter().filter(lately).map(|(_, a)| a).sum();
        only(used + amount <= terms.breaker_limit)?;
        epoch.amount = amount;
        epoch.buckets = Some(terms.shares.map(|bps| part(amount, bps, 10_000)));
        self.finalised.push((current, amount));
        Some(())
    }

    fn mint(&mut self, to: &Address, amount: u64) -> Legal {
        self.minted += amount;
        *self.tokens.get_mut(to)? += amount;
        Some(())
    }

    /// A claim for work (0) or for stake (1).
    pub fn claim_share(
        &mut self,
        at: &Address,
        index: u64,
        which: usize,
        to: &Address,
        now: i64,
    ) -> Legal {
        only(!self.lapsed(index, now) && self.pools.contains_key(at))?;
        let share = self.shares.get_mut(&(*at, index))?;
        let epoch = self.epochs.get_mut(&index)?;
        let bucket = epoch.buckets?[which];
        if share.claimed[which].is_some() {
            return Some(());
        }
        let by_work = |bucket: u64| part(bucket, share.points, epoch.points);
        let amount = match which {
            0 => by_work(bucket),
            _ if epoch.stake == 0 => 0,
            _ => {
                let by_stake = part(bucket, share.stake, epoch.stake);
                match self.slip {
                    Slip::StakeUnbound => by_stake,
                    _ => by_stake.min(by_work(part(bucket, self.terms.c, 10_000))),
                }
            }
        };
        share.claimed[which] = Some(amount);
        epoch.claimed[which] += amount;
        self.mint(to, amount)
    }

    pub fn claim_treasury(&mut self, index: u64, to: &Address, now: i64) -> Legal {
        only(!self.lapsed(index, now))?;
        let epoch = self.epochs.get_mut(&index)?;
        let [work, _, treasury] = epoch.buckets?;
        let due = match work {
            0 => 0,
            _ => part(treasury, epoch.claimed[0], work) - epoch.claimed[2],
        };
        epoch.claimed[2] += due;
        self.mint(to, due)
    }

    pub fn close_share(&mut self, at: &Address, index: u64, now: i64) -> Legal {
        let share = self.shares.remove(&(*at, index))?;
        only(self.lapsed(index, now) || share.claimed.iter().all(Option::is_some))?;
        self.epochs.get_mut(&index)?.shares -= 1;
        Some(())
    }

    pub fn close_epoch(&mut self, index: u64, now: i64) -> Legal {
        let epoch = self.epochs.remove(&index)?;
        only(self.lapsed(index, now) && epoch.shares == 0)
    }
}
