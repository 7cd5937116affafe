//! Events of the programs, read from the logs of transactions.
//!
//! A program's event counts only where the log says that this program ran: what another program prints is not taken for it.
use crate::{Client, Error, Result};
use anchor_lang::Discriminator;
use base64::Engine as _;
use bytemuck::Pod;
use solana_address::Address;
use solana_client::rpc_client::GetConfirmedSignaturesForAddress2Config;
use solana_signature::Signature;

/// Most signatures that one request returns.
const PAGE: usize = 1_000;

/// An event of a Lode program.
pub trait LodeEvent: Pod + Discriminator {
    /// The program that tells it.
    const PROGRAM: Address;
}

macro_rules! events_of {
    ($program:ident: $($event:ident),+ $(,)?) => {$(
        impl LodeEvent for $program::event::$event {
            const PROGRAM: Address = $program::ID;
        }
    )+};
}

events_of!(lode_staking:
    NodeRegistered, NodeUpdated, Staked, Unstaked, Withdrawn, Restaked, CommissionChanged, RewardsSwept, RewardsClaimed,
    CommissionClaimed, NodeSlashed, NodeUnjailed, NodeExiting, DelegationClosed, NodeClosed, NodeMigrated,
);
events_of!(lode_oracle: SeatChanged, BondSlashed, BondChanged);
events_of!(lode_jobs: LedgerChanged, Moved, CheckCollected, CreditsRedeemed, FeesSwept, JobChanged, JobSettled);
events_of!(lode_emissions:
    Recorded, EpochFinalized, WorkClaimed, StakeClaimed, TreasuryClaimed,
);

/// What a program told in a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The program.
    pub program: Address,
    /// Discriminator and body.
    pub data: Vec<u8>,
}

impl Told {
    /// The event, if it is one of this type.
    pub fn read<T: LodeEvent>(&self) -> Option<T> {
        if self.program != T::PROGRAM {
            return None;
        }
        let body = self.data.strip_prefix(T::DISCRIMINATOR)?;
        // Later versions of a program may add to the end of an event.
        Some(bytemuck::pod_read_unaligned(body.get(..size_of::<T>())?))
    }
}

/// What programs told in a log, in order.
pub fn told(log: &[String]) -> Vec<Told> {
    let mut running: Vec<Address> = Vec::new();
    let mut found = Vec::new();
    for line in log {
        if let Some(data) = line.strip_prefix("Program data: ") {
            let decoded = base64::engine::general_purpose::STANDARD.decode(data);
            if let (Some(program), Ok(data)) = (running.last(), decoded) {
                found.push(Told {
                    program: *program,
                    data,
                });
            }
            continue;
        }
        let Some((program, rest)) = line
            .strip_prefix("Program ")
            .and_then(|line| line.split_once(' '))
        else {
            continue;
        };
        let Ok(program) = program.parse::<Address>() else {
            continue;
        };
        if rest.starts_with("invoke [") {
            running.push(program);
        } else if rest == "success" || rest.starts_with("failed") {
            running.pop();
        }
    }
    found
}

/// A transaction as the chain remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// Its name.
    pub signature: Signature,
    /// The slot it is in.
    pub slot: u64,
    /// When that was, unix seconds.
    pub time: i64,
    /// Who paid the fee.
    pub payer: Address,
    /// The fee, lamports.
    pub fee: u64,
    /// It had no effect but the fee.
    pub failed: bool,
    /// What the programs told; nothing where it failed.
    pub told: Vec<Told>,
    /// The log was longer than the server keeps: something may be missing.
    pub truncated: bool,
}

impl Client {
    /// Names of the transactions that mention an address, from `since` to before `until` (unix seconds), oldest first.
    pub async fn signatures_of(
        &self,
        address: &Address,
        since: i64,
        until: i64,
    ) -> Result<Vec<Signature>> {
        let mut found = Vec::new();
        let mut before = None;
        loop {
            let config = GetConfirmedSignaturesForAddress2Config {
                before,
                until: None,
                limit: Some(PAGE),
                commitment: Some(self.commitment),
            };
            let page = self
                .rpc
                .get_signatures_for_address_with_config(address, config)
                .await
                .map_err(|e| self.failed(e))?;
            let (full, mut older) = (page.len() >= PAGE, false);
            for one in &page {
                let signature = one.signature.parse::<Signature>().map_err(|_| Error::Rpc {
                    url: self.url(),
                    reason: format!("`{}` is no signature", one.signature),
                })?;
                before = Some(signature);
                // A server that keeps no time has the transaction itself looked at.
                let time = one.block_time;
                older = time.is_some_and(|time| time < since);
                if !older && time.is_none_or(|time| time < until) {
                    found.push(signature);
                }
            }
            if !full || older {
                found.reverse();
                return Ok(found);
            }
        }
    }

    /// A transaction of the past.
    pub async fn past(&self, signature: &Signature) -> Result<Past> {
        let found = self.transaction(signature).await?;
        let missing = |what: &str| {
            Error::Rpc {
            url: self.url(),
            reason: format!("it keeps no {what} of transaction {signature}: ask a server with the whole history"),
        }
        };
        let time = found.block_time.ok_or_else(|| missing("time"))?;
        let meta = found.transaction.meta.ok_or_else(|| missing("outcome"))?;
        let decoded = found.transaction.transaction.decode();
        let payer = decoded
            .and_then(|t| t.message.static_account_keys().first().copied())
            .ok_or_else(|| missing("content"))?;
        let failed = meta.err.is_some();
        let log: Vec<String> = Option::from(meta.log_messages).ok_or_else(|| missing("log"))?;
        Ok(Past {
            signature: *signature,
            slot: found.slot,
            time,
            payer,
            fee: meta.fee,
            failed,
            told: match failed {
                true => Vec::new(),
                false => told(&log),
            },
            truncated: log.iter().any(|line| line == "Log truncated"),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use anchor_lang::Event as _;
    use lode_staking::event::{CommissionClaimed, NodeUnjailed, RewardsClaimed};

    fn line(data: &[u8]) -> String {
        let data = base64::engine::general_purpose::STANDARD.encode(data);
        format!("Program data: {data}")
    }

    #[test]
    fn an_event_is_read_from_the_log_of_its_own_program_and_of_no_other() {
        let node = Address::new_from_array([7; 32]);
        let event = CommissionClaimed { node, amount: 9 };
        let told_by = |program: Address| {
            told(&[
                format!("Program {program} invoke [1]"),
                "Program log: hello".into(),
                line(&event.data()),
                format!("Program {program} consumed 5 of 10 compute units"),
                format!("Program {program} success"),
            ])
        };
        let found = told_by(lode_staking::ID);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].read::<CommissionClaimed>().unwrap().amount, 9);
        // as long as another event, but another one
        assert!(found[0].read::<RewardsClaimed>().is_none());
        assert!(found[0].read::<NodeUnjailed>().is_none());
        let other = told_by(Address::new_from_array([1; 32]));
        assert!(other[0].read::<CommissionClaimed>().is_none());
    }

    #[test]
    fn who_calls_and_who_is_called_are_told_apart() {
        let node = Address::new_from_array([7; 32]);
        let event = line(&CommissionClaimed { node, amount: 1 }.data());
        let (outer, inner) = (Address::new_from_array([1; 32]), lode_staking::ID);
        let found = told(&[
            format!("Program {outer} invoke [1]"),
            event.clone(),
            format!("Program {inner} invoke [2]"),
            event.clone(),
            format!("Program {inner} success"),
            event.clone(),
            format!("Program {outer} failed: custom program error: 0x1"),
            event,
        ]);
        let programs: Vec<Address> = found.iter().map(|told| told.program).collect();
        assert_eq!(programs, [outer, inner, outer]);
    }

    #[test]
    fn what_is_no_event_is_left_out() {
        let at = format!("Program {} invoke [1]", lode_staking::ID);
        for data in ["Program data: !!!", "Program data: ", "Program data: AAAA"] {
            let found = told(&[at.clone(), data.into()]);
            assert!(found.iter().all(|t| t.read::<RewardsClaimed>().is_none()));
        }
    }
}
