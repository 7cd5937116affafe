//! `lode oracle admit | retire`: what the governor of a committee does with who sits in it.
use crate::context::Context;
use crate::output::time;
use anyhow::{bail, Result};
use lode_client::addresses;
use lode_client::instructions::oracle;
use lode_oracle::constants::RETIRE_NOTICE;
use lode_oracle::state::Oracle;
use solana_address::Address;
use solana_signer::Signer;

/// What is done with a member.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Let a wallet join within 30 days; the governor's key signs and pays the rent
    Admit(Member),
    /// End a member's service in 14 days; the governor's key signs
    Retire(Member),
}

/// Who, and of which committee.
#[derive(clap::Args)]
pub struct Member {
    /// The oracle's wallet
    #[arg(value_name = "ADDRESS")]
    owner: Address,
    /// The committee, if there are several
    #[arg(long, value_name = "ADDRESS")]
    committee: Option<Address>,
}

pub async fn run(command: Command, context: &Context) -> Result<()> {
    let wallet = context.wallet()?;
    let me = wallet.pubkey();
    let (Command::Admit(member) | Command::Retire(member)) = &command;
    let (at, committee) = context.committee(member.committee).await?;
    let (doing, instruction) = match command {
        Command::Admit(_) => (
            "admitting the oracle",
            oracle::admit_oracle(&me, &at, &member.owner),
        ),
        Command::Retire(_) => {
            // a question comes after all that the chain would refuse
            if committee.governor != me {
                bail!("Only the governor of the committee {at} retires its members, {}: sign with that key (--keypair)", committee.governor);
            }
            if !committee
                .seats
                .iter()
                .any(|seat| seat.owner == member.owner)
            {
                bail!(
                    "{} has no seat in the committee {at}: `lode oracle show` lists who has",
                    member.owner
                );
            }
            context.confirm(&format!(
                "The service of {} in the committee {at} would end in {} days, and there is no way back",
                member.owner,
                RETIRE_NOTICE / 86_400
            ))?;
            (
                "retiring the oracle",
                oracle::retire_oracle(&me, &at, &member.owner),
            )
        }
    };
    let sent = context.send(doing, &[instruction], &wallet, &[]).await?;
    let oracle_at = addresses::oracle::oracle(&at, &member.owner);
    let look = format!("`lode oracle show --committee {at}`");
    let oracle: Oracle = context.read_back(&oracle_at, &sent, &look).await?;
    let until = match command {
        Command::Admit(_) => ("may_join_until", time(oracle.admitted_until)),
        Command::Retire(_) => ("serves_until", time(oracle.left_at)),
    };
    context.out.sheet(vec![
        ("oracle", oracle_at.into()),
        ("owner", member.owner.into()),
        ("committee", at.into()),
        until,
        ("signature", sent.signature.to_string().into()),
    ]);
    Ok(())
}
