//! Making a plan true.
//!
//! Everything is looked at first: what is true already is left alone, what is fixed and otherwise is an error before
//! anything is sent, and only what is missing or may be changed is. So a plan can be applied as often as one likes, and
//! goes on where it was interrupted.
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::survey::{survey, Finding, Standing};
use lode_client::send::Wallet;
use lode_client::token::MintInfo;
use lode_client::{Client, Sent};
use solana_address::Address;
use solana_instruction::Instruction;
use solana_message::Message;

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was made, by this transaction.
    Made(Sent),
    /// What its governor may change was changed, by this transaction.
    Changed(Sent),
    /// It was true already.
    Skipped,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it makes: "mint LODE".
    pub what: String,
    /// Where.
    pub address: Address,
    /// What became of it.
    pub outcome: Outcome,
}

/// What [`apply`] did, and where everything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// All steps, in order.
    pub steps: Vec<Step>,
    /// Mint of all stake.
    pub stake_mint: MintInfo,
    /// Mint that the market is paid in.
    pub payment_mint: MintInfo,
    /// The committee.
    pub committee: Address,
    /// The market.
    pub market: Address,
}

impl Report {
    /// Whether everything was true already.
    pub fn all_skipped(&self) -> bool {
        self.steps
            .iter()
            .all(|step| step.outcome == Outcome::Skipped)
    }
}

/// Makes a plan true.
///
/// `authority` is the programs' upgrade authority; it makes the mints, creates the committee and the market, holds the
/// offices that the plan gives to nobody else, and pays for all of it.
pub async fn apply(plan: &Plan, client: &Client, authority: Wallet<'_>) -> Result<Report> {
    let me = authority.pubkey();
    let findings = possible(plan, client, &me).await?;
    let mut steps = Vec::new();
    for finding in findings {
        let outcome = match &finding.standing {
            Standing::There | Standing::Incomplete(_) | Standing::Contradicts(_) => {
                Outcome::Skipped
            }
            Standing::Missing(with) => Outcome::Made(client.send(with, authority, &[]).await?),
            Standing::Changes(_, with) => {
                let with = std::slice::from_ref(with.as_ref());
                Outcome::Changed(client.send(with, authority, &[]).await?)
            }
        };
        if let Outcome::Made(sent) | Outcome::Changed(sent) = outcome {
            tracing::info!(at = %finding.address, signature = %sent.signature, "made {}", finding.what);
        }
        steps.push(Step {
            what: finding.what,
            address: finding.address,
            outcome,
        });
    }
    // read at the end: starting the schedule changed who makes more of a mint
    let stake_mint = client.mint(&plan.mint(&plan.staking.mint, &me)?).await?;
    let payment_mint = client.mint(&plan.mint(&plan.market.mint, &me)?).await?;
    Ok(Report {
        steps,
        stake_mint,
        payment_mint,
        committee: plan.committee_address(&me),
        market: plan.market_address(&me),
    })
}

/// The steps that [`apply`] would send now, in their order: none where the plan is true. What it would refuse is refused.
pub async fn due(plan: &Plan, client: &Client, authority: &Address) -> Result<Vec<Finding>> {
    let mut findings = possible(plan, client, authority).await?;
    findings.retain(|f| matches!(f.standing, Standing::Missing(_) | Standing::Changes(..)));
    Ok(findings)
}

/// How the chain stands to a plan, if `authority` alone can make it true.
async fn possible(plan: &Plan, client: &Client, authority: &Address) -> Result<Vec<Finding>> {
    let findings = survey(plan, client, authority).await?;
    require_possible(&findings)?;
    if let Some(other) = findings
        .iter()
        .find(|f| f.signer != *authority && matches!(f.standing, Standing::Changes(..)))
    {
        return Err(Error::Plan(format!(
            "The plan changes the {}, which only its governor {} may: apply it with that wallet, or with --unsigned for a multisig",
            other.what, other.signer
        )));
    }
    Ok(findings)
}

/// A transaction that somebody else is to sign: a multisig's members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsigned {
    /// What it makes or changes.
    pub what: String,
    /// Where.
    pub address: Address,
    /// Who has to sign; pays as well.
    pub signer: Address,
    /// The transaction, its signatures and blockhash zero, as it is sent over the wire.
    pub transaction: Vec<u8>,
    /// Its message alone: what multisigs take in.
    pub message: Vec<u8>,
}

/// What [`apply`] would send for `authority`, without signatures, in the order in which it is to be carried out.
pub async fn unsigned(plan: &Plan, client: &Client, authority: &Address) -> Result<Vec<Unsigned>> {
    let findings = survey(plan, client, authority).await?;
    require_possible(&findings)?;
    Ok(findings.into_iter().filter_map(unsigned_step).collect())
}

fn unsigned_step(finding: Finding) -> Option<Unsigned> {
    let with: Vec<Instruction> = match finding.standing {
        Standing::There | Standing::Incomplete(_) | Standing::Contradicts(_) => return None,
        Standing::Missing(with) => with,
        Standing::Changes(_, with) => vec![*with],
    };
    let message = Message::new(&with, Some(&finding.signer));
    let signatures = message.header.num_required_signatures;
    let message = message.serialize();
    let mut transaction = vec![signatures];
    transaction.resize(1 + 64 * usize::from(signatures), 0);
    transaction.extend(&message);
    Some(Unsigned {
        what: finding.what,
        address: finding.address,
        signer: finding.signer,
        transaction,
        message,
    })
}

/// What is fixed and otherwise than the plan says is an error, and so is what cannot be made.
fn require_possible(findings: &[Finding]) -> Result<()> {
    for finding in findings {
        if let Standing::Contradicts(differences) = &finding.standing {
            if let Some(first) = differences.first() {
                return Err(Error::Contradiction {
                    what: finding.what.clone(),
                    address: finding.address,
                    field: first.field,
                    found: first.found.clone(),
                    wanted: first.wanted.clone(),
                });
            }
        }
    }
    for finding in findings {
        if let Standing::Incomplete(why) = &finding.standing {
            return Err(Error::Plan(why.clone()));
        }
    }
    Ok(())
}
