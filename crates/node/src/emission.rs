//! The node's emission: recorded, made final, claimed and swept by its own agent, so that no operator needs somebody's
//! crank for it.
//!
//! The steps are a crank's, of one node ([`Duty::Emission`]). All of them become due when an epoch ends and stay due
//! until somebody has taken them. So the agent asks the chain seldom, and not in the same moment as all the others.

use lode_client::Client;
use lode_crank::{Crank, Duty, Policy};
use lode_jobs::state::JobsConfig;
use lode_telemetry::Telemetry;
use solana_address::Address;
use solana_keypair::Keypair;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

/// Agents look within this part of an epoch after its end, each at a moment of its own.
const SPREAD: i64 = 100;
/// But within so many seconds.
const LONGEST_SPREAD: i64 = 600;
/// Looks at an epoch at least: a server may be behind, and what is sent may be lost.
const LOOKS: i64 = 2;
/// So many failures in a row make the next look later, and no more of them: a record cannot be made up for.
const MOST_FAILURES: u32 = 3;

/// What an agent does for its node's emission, beside its other work.
pub(crate) struct Emission {
    crank: Arc<Mutex<Crank>>,
    /// The look that is under way; it ends with whether nothing was left undone.
    look: JoinSet<bool>,
    /// When to look again, by the chain's clock.
    next: i64,
    failures: u32,
}

impl Emission {
    /// Of this node; `payer` pays and keeps `floor` lamports for its jobs. The first look is at once.
    pub fn new(
        client: &Client,
        node: Address,
        payer: &Arc<Keypair>,
        floor: u64,
        telemetry: &Telemetry,
    ) -> Self {
        let policy = Policy {
            duty: Duty::Emission(node),
            floor,
            parallel: 1,
            ..Policy::default()
        };
        let crank = Crank::new(client.clone(), payer.clone(), policy, telemetry.clone());
        Self {
            crank: Arc::new(Mutex::new(crank)),
            look: JoinSet::new(),
            next: i64::MIN,
            failures: 0,
        }
    }

    /// Begins to look whether something is due, if it is time to. Whatever keeps it from being done is told in the log,
    /// and tried again.
    pub fn look_after(&mut self, config: &JobsConfig, unix: i64) {
        while let Some(ended) = self.look.try_join_next() {
            if matches!(ended, Ok(true)) {
                self.failures = 0;
                continue;
            }
            self.failures = self.failures.saturating_add(1);
            let again = next_look(config, unix, self.failures, any_number());
            self.next = self.next.min(again);
        }
        if !self.look.is_empty() || unix < self.next {
            return;
        }
        self.next = next_look(config, unix, 0, any_number());
        let crank = self.crank.clone();
        self.look
            .spawn(async move { turn(&mut *crank.lock().await).await });
    }

    /// Breaks off: what was sent lands or does not, and the next start sees which.
    pub async fn stop(&mut self) {
        self.look.shutdown().await;
    }
}

/// Takes all that is due. Says whether nothing was left undone.
async fn turn(crank: &mut Crank) -> bool {
    let before = crank.report().failed;
    match crank.once().await {
        Ok(()) => crank.report().failed == before,
        Err(lode_crank::Error::Floor {
            wallet,
            balance,
            floor,
        }) => {
            tracing::warn!(%wallet, balance, keeps = floor, "too few lamports to record and claim this node's emission: send the wallet SOL");
            false
        }
        Err(error) => {
            tracing::warn!(%error, "this node's emission is not looked after; trying again");
            false
        }
    }
}

/// When to look again after a look at `unix`: when the epoch that runs has ended, or earlier where an epoch lasts long or
/// something failed so many times. `number` is any number: it makes the difference between agents.
fn next_look(config: &JobsConfig, unix: i64, failures: u32, number: u64) -> i64 {
    let seconds = config.epoch_seconds.max(1);
    let spread = (seconds / SPREAD).clamp(1, LONGEST_SPREAD);
    let own = number
        .checked_rem(spread.unsigned_abs())
        .unwrap_or_default();
    let passed = unix
        .saturating_sub(config.epoch_genesis)
        .rem_euclid(seconds);
    let longest = seconds / LOOKS;
    let pause = match failures {
        0 => longest,
        _ => spread
            .saturating_mul(1 << failures.min(MOST_FAILURES))
            .min(longest),
    };
    unix.saturating_add(pause.min(seconds.saturating_sub(passed)))
        .saturating_add(i64::try_from(own).unwrap_or_default())
}

/// A number that nobody else has at the same time: the keys of a hasher are random.
fn any_number() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lode_client::bytemuck::Zeroable;

    const WEEK: i64 = 7 * 86_400;
    const GENESIS: i64 = 1_000;

    fn config(epoch_seconds: i64) -> JobsConfig {
        let mut config = JobsConfig::zeroed();
        (config.epoch_genesis, config.epoch_seconds) = (GENESIS, epoch_seconds);
        config
    }

    #[test]
    fn an_agent_looks_when_an_epoch_has_ended_and_once_between_two_ends() {
        let config = config(WEEK);
        let mut unix = GENESIS + 5;
        let mut looks = vec![0; 10];
        while let Some(of_epoch) = usize::try_from((unix - GENESIS) / WEEK)
            .ok()
            .and_then(|epoch| looks.get_mut(epoch))
        {
            *of_epoch += 1;
            let next = next_look(&config, unix, 0, 0);
            assert!(next > unix && next - unix <= WEEK / 2);
            unix = next;
        }
        assert_eq!(looks, [2; 10]);
    }

    #[test]
    fn agents_look_at_moments_of_their_own_soon_after_the_end() {
        for (seconds, spread) in [(WEEK, LONGEST_SPREAD), (3_600, 36), (60, 1)] {
            let config = config(seconds);
            let end = GENESIS + 3 * seconds;
            let looks: Vec<i64> = (0..2_000)
                .map(|number| next_look(&config, end - 1, 0, number) - end)
                .collect();
            assert_eq!(looks.iter().min(), Some(&0));
            assert_eq!(looks.iter().max(), Some(&(spread - 1)));
        }
        assert_ne!(any_number(), any_number());
    }

    #[test]
    fn what_fails_is_tried_again_later_each_time_and_at_the_latest_when_the_epoch_ends() {
        let config = config(WEEK);
        let pauses = [1, 2, 3, 4, u32::MAX].map(|n| next_look(&config, GENESIS, n, 0) - GENESIS);
        assert_eq!(pauses, [1_200, 2_400, 4_800, 4_800, 4_800]);
        let last = GENESIS + WEEK - 60;
        assert_eq!(next_look(&config, last, 3, 0), GENESIS + WEEK);
        // before the first epoch has begun, and with a clock that cannot be
        assert_eq!(next_look(&config, GENESIS - 60, 0, 0), GENESIS);
        assert_eq!(next_look(&config, i64::MAX, 0, u64::MAX), i64::MAX);
    }
}
