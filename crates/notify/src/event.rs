//! What can happen, and how it is written: one JSON object, whose fields are described in `docs/operator.md`.

use lode_client::token::{self, MintInfo};
use lode_client::JobEnd;
use lode_jobs::state::JobState;
use serde::{Serialize, Serializer};
use solana_address::Address;
use solana_signature::Signature;
use std::fmt::Display;

/// Base units of a token, or lamports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// So many.
    pub base_units: u64,
    /// The same as people write it: `1.5`.
    pub amount: String,
    /// The token's mint; nothing for SOL.
    #[serde(serialize_with = "option")]
    pub mint: Option<Address>,
}

impl Amount {
    /// Of a token.
    pub fn of(mint: &MintInfo, base_units: u64) -> Self {
        Self {
            base_units,
            amount: mint.show(base_units),
            mint: Some(mint.address),
        }
    }

    /// Of SOL.
    pub fn sol(lamports: u64) -> Self {
        Self {
            base_units: lamports,
            amount: token::show(lamports, 9),
            mint: None,
        }
    }
}

/// Why an attempt was not paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NotPaid {
    /// It gave no result in time, or gave up.
    NoResult,
    /// The committee said that the result is wrong.
    Mismatch,
    /// The committee could not run the job.
    Unrunnable,
    /// Nobody could decide: everything returned.
    Voided,
}

/// What an oracle signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The result is right.
    Match,
    /// It is wrong.
    Mismatch,
    /// The job cannot be run.
    Unrunnable,
}

impl From<lode_attestation::Verdict> for Verdict {
    fn from(verdict: lode_attestation::Verdict) -> Self {
        match verdict {
            lode_attestation::Verdict::Match => Self::Match,
            lode_attestation::Verdict::Mismatch => Self::Mismatch,
            lode_attestation::Verdict::Unrunnable => Self::Unrunnable,
        }
    }
}

/// Where money becomes scarce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Purse {
    /// SOL of the key that pays the agent's transactions.
    Fees,
    /// Money available in an account of a market: the collateral for the next job.
    Ledger,
}

/// What has a version that this program does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Thing {
    /// The layout of an account: the programs were upgraded.
    Layout,
    /// The runtime of a market that the node has an account in.
    Runtime,
}

/// An attempt of a job by a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// The job.
    #[serde(serialize_with = "text")]
    pub job: Address,
    /// Its attempt.
    pub attempt: u8,
    /// Its market.
    #[serde(serialize_with = "text")]
    pub market: Address,
    /// The node.
    #[serde(serialize_with = "text")]
    pub node: Address,
}

/// What an oracle was fined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fine {
    /// The committee.
    #[serde(serialize_with = "text")]
    pub committee: Address,
    /// The oracle.
    #[serde(serialize_with = "text")]
    pub oracle: Address,
    /// How often for this, in all.
    pub count: u32,
    /// Bond that is left.
    pub bond: Amount,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A node accepted a job, or was awarded one.
    JobAccepted {
        /// Which attempt, and whose.
        #[serde(flatten)]
        of: Attempt,
        /// Price of a million units.
        price: Amount,
        /// Most units that are paid.
        units_limit: u64,
    },
    /// The node submitted its result. Whether it is paid is not said yet.
    JobDone {
        /// Which attempt, and whose.
        #[serde(flatten)]
        of: Attempt,
        /// Units of the result.
        units: u64,
    },
    /// A job was settled and its node paid.
    Paid {
        /// Which attempt, and whose.
        #[serde(flatten)]
        of: Attempt,
        /// Units that were paid.
        units: u64,
        /// What the node got, as the settlement itself says.
        amount: Amount,
        /// The settlement.
        #[serde(serialize_with = "text")]
        signature: Signature,
    },
    /// An attempt ended, and its node was not paid for it.
    NotPaid {
        /// Which attempt, and whose.
        #[serde(flatten)]
        of: Attempt,
        /// Why.
        reason: NotPaid,
        /// What the node lost, as the chain says.
        lost: Amount,
        /// The transaction that ended it.
        #[serde(serialize_with = "text")]
        signature: Signature,
    },
    /// A node was slashed, which also jails it.
    Slashed {
        /// The node.
        #[serde(serialize_with = "text")]
        node: Address,
        /// Stake that was burned; 0 where the period's most was reached.
        burned: Amount,
        /// Stake that is left.
        left: Amount,
        /// When its owner may unjail it, unix seconds.
        jailed_until: i64,
    },
    /// A seat was asked to check a job.
    SeatDrawn {
        /// The job.
        #[serde(serialize_with = "text")]
        job: Address,
        /// Its attempt.
        attempt: u8,
        /// Its market.
        #[serde(serialize_with = "text")]
        market: Address,
        /// The committee.
        #[serde(serialize_with = "text")]
        committee: Address,
        /// The seat.
        seat: u8,
        /// The slot before which it must sign.
        deadline: u64,
    },
    /// A seat's signature lies in the market's store.
    Attested {
        /// The job.
        #[serde(serialize_with = "text")]
        job: Address,
        /// Its attempt.
        attempt: u8,
        /// The committee.
        #[serde(serialize_with = "text")]
        committee: Address,
        /// The seat.
        seat: u8,
        /// What it signed.
        verdict: Verdict,
    },
    /// An oracle was fined for silence.
    Miss(Fine),
    /// An oracle was fined for a verdict that a majority of all overturned.
    Fault(Fine),
    /// Checks of an oracle were paid: so much is available in its account that was not before.
    CreditsPaid {
        /// The market.
        #[serde(serialize_with = "text")]
        market: Address,
        /// Whose account it is.
        #[serde(serialize_with = "text")]
        owner: Address,
        /// What was redeemed, as the chain says.
        amount: Amount,
        /// The redemption.
        #[serde(serialize_with = "text")]
        signature: Signature,
    },
    /// Money becomes scarce. Told once, and again only after there was enough.
    LowBalance {
        /// Where.
        purse: Purse,
        /// Whose: the wallet, or the account.
        #[serde(serialize_with = "text")]
        address: Address,
        /// What is left.
        left: Amount,
        /// Below which it is told.
        threshold: Amount,
    },
    /// Something on the chain is newer than this program: install a newer one.
    NewVersion {
        /// What.
        what: Thing,
        /// The account, or the market.
        #[serde(serialize_with = "text")]
        address: Address,
        /// Its version.
        version: u64,
        /// The newest that this program knows.
        known: u64,
    },
    /// A job that is watched changed.
    JobChanged {
        /// The job.
        #[serde(serialize_with = "text")]
        job: Address,
        /// Its attempt.
        attempt: u8,
        /// Its market.
        #[serde(serialize_with = "text")]
        market: Address,
        /// Its state now.
        state: String,
        /// Its verdict, if one stands.
        verdict: Option<Verdict>,
        /// Its node, if one has it.
        #[serde(serialize_with = "option")]
        node: Option<Address>,
    },
}

impl Event {
    /// How an attempt ended for its node. `mint` is the market's.
    pub fn ended(end: &JobEnd, market: Address, node: Address, mint: &MintInfo) -> Self {
        let of = Attempt {
            job: end.job,
            attempt: end.attempt,
            market,
            node,
        };
        let (amount, signature) = (Amount::of(mint, end.amount), end.signature);
        if end.state == JobState::Settled {
            return Self::Paid {
                of,
                units: end.units,
                amount,
                signature,
            };
        }
        let reason = match (end.state, end.verdict) {
            (JobState::Voided, _) => NotPaid::Voided,
            (_, Some(lode_attestation::Verdict::Mismatch)) => NotPaid::Mismatch,
            (_, Some(lode_attestation::Verdict::Unrunnable)) => NotPaid::Unrunnable,
            _ => NotPaid::NoResult,
        };
        Self::NotPaid {
            of,
            reason,
            lost: amount,
            signature,
        }
    }

    /// Its name, as it stands in the field `event`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::JobAccepted { .. } => "job_accepted",
            Self::JobDone { .. } => "job_done",
            Self::Paid { .. } => "paid",
            Self::NotPaid { .. } => "not_paid",
            Self::Slashed { .. } => "slashed",
            Self::SeatDrawn { .. } => "seat_drawn",
            Self::Attested { .. } => "attested",
            Self::Miss(_) => "miss",
            Self::Fault(_) => "fault",
            Self::CreditsPaid { .. } => "credits_paid",
            Self::LowBalance { .. } => "low_balance",
            Self::NewVersion { .. } => "new_version",
            Self::JobChanged { .. } => "job_changed",
        }
    }
}

fn text<T: Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

fn option<T: Display, S: Serializer>(value: &Option<T>, to: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => to.collect_str(value),
        None => to.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_name_of_an_event_is_the_one_in_its_json() {
        let (job, market, node) = (
            Address::new_from_array([1; 32]),
            Address::new_from_array([2; 32]),
            Address::new_from_array([3; 32]),
        );
        let (attempt, signature) = (0, Signature::default());
        let amount = |mint| Amount {
            base_units: 1_500,
            amount: "1.5".into(),
            mint,
        };
        let of = Attempt {
            job,
            attempt,
            market,
            node,
        };
        let (committee, seat) = (job, 4);
        let fine = Fine {
            committee,
            oracle: node,
            count: 1,
            bond: amount(Some(market)),
        };
        let all = [
            Event::JobAccepted {
                of,
                price: amount(Some(market)),
                units_limit: 6,
            },
            Event::JobDone { of, units: 7 },
            Event::Paid {
                of,
                units: 7,
                amount: amount(Some(market)),
                signature,
            },
            Event::NotPaid {
                of,
                reason: NotPaid::NoResult,
                lost: amount(Some(market)),
                signature,
            },
            Event::Slashed {
                node,
                burned: amount(Some(market)),
                left: amount(Some(market)),
                jailed_until: 8,
            },
            Event::SeatDrawn {
                job,
                attempt,
                market,
                committee,
                seat,
                deadline: 9,
            },
            Event::Attested {
                job,
                attempt,
                committee,
                seat,
                verdict: Verdict::Match,
            },
            Event::Miss(fine.clone()),
            Event::Fault(fine.clone()),
            Event::CreditsPaid {
                market,
                owner: node,
                amount: amount(Some(market)),
                signature,
            },
            Event::LowBalance {
                purse: Purse::Fees,
                address: node,
                left: amount(None),
                threshold: amount(None),
            },
            Event::NewVersion {
                what: Thing::Runtime,
                address: market,
                version: 2,
                known: 1,
            },
            Event::JobChanged {
                job,
                attempt,
                market,
                state: "open".into(),
                verdict: None,
                node: None,
            },
        ];
        for event in &all {
            let value = serde_json::to_value(event).unwrap();
            assert_eq!(value["event"], event.kind());
        }
        let paid = serde_json::to_value(&all[2]).unwrap();
        assert_eq!(paid["job"], job.to_string());
        assert_eq!(paid["amount"]["base_units"], 1_500);
        assert_eq!(paid["amount"]["mint"], market.to_string());
        let low = serde_json::to_value(&all[10]).unwrap();
        assert!(low["left"]["mint"].is_null());
        assert_eq!(low["purse"], "fees");
    }
}
