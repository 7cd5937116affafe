//! What gateways keep of a job that is over.
use super::gateway_of;
use crate::context::Context;
use crate::output::Cell;
use crate::progress::Progress;
use anyhow::{bail, Result};
use lode_jobs::state::Job;
use solana_address::Address;

/// Asks each gateway of the market, and each mirror that is named, to forget a job.
pub(super) async fn forget(at: &Address, market: Option<Address>, context: &Context) -> Result<()> {
    if context.client.try_account::<Job>(at).await?.is_some() {
        bail!("The job {at} has its account still: what is stored for it is needed until that is closed");
    }
    let (_, market) = context.market(market).await?;
    let wallet = context.wallet()?;
    let gateways = gateway_of(&market, context)?.each();
    context.confirm(&format!(
        "This has {} gateways forget what they keep of the job {at}, its result among it; there is no way back",
        gateways.len()
    ))?;
    let mut rows = Vec::new();
    let mut failed = 0;
    for gateway in &gateways {
        let progress = Progress::start(format!("asking {}", gateway.url()));
        let forgotten = gateway.forget(&wallet, *at).await;
        drop(progress);
        let said = match forgotten {
            Ok(()) => "forgotten".to_owned(),
            Err(error) if error.is_not_found() => "it keeps nothing".to_owned(),
            Err(error) => {
                failed += 1;
                error.to_string()
            }
        };
        rows.push(vec![Cell::from(gateway.url()), said.into()]);
    }
    context.out.table(&["gateway", "job"], rows, "");
    if failed > 0 {
        bail!("{failed} of {} gateways still keep the job: ask them again later, or let them forget it a week after it was closed", gateways.len());
    }
    Ok(())
}
