//! What a job wrote.
use super::ending::without_result;
use super::private::Found;
use super::{gateway_of, state_name, too_dear};
use crate::context::{hex32, Context};
use crate::exit::{not_yet, with_advice};
use crate::output::{Cell, Format, Token};
use crate::progress::Progress;
use anyhow::{bail, Context as _, Result};
use lode_attestation::{Statement, Verdict};
use lode_jobs::state::{flag, Job, JobState, Market};
use lode_oracle::state::Committee;
use lode_runtime::Blob;
use lode_store::GatewayClient;
use serde_json::json;
use solana_address::Address;
use std::path::{Component, Path};

/// A program's stdout up to this size is shown with its result.
const SHOWN_BYTES: u64 = 64 << 10;

pub(super) async fn fetch(
    at: &Address,
    job: &Job,
    save_to: Option<&Path>,
    context: &Context,
) -> Result<()> {
    let (_, market) = context.market(Some(job.market)).await?;
    let token = context.token(&market.mint).await?;
    require_result(at, job, &market, &token)?;
    let fetched = fetch_from_store(at, job, save_to, &market, &token, context).await;
    fetched.map_err(|error| advise(error, at, job))
}

/// A job that is over without a result never has one: whoever waits for it must not be sent to wait on.
fn require_result(at: &Address, job: &Job, market: &Market, token: &Token) -> Result<()> {
    if job.is_final() && job.state != JobState::Settled as u8 {
        bail!(without_result(at, job, market, token)?);
    }
    if !job.has(flag::REVEALED) {
        not_yet!(
            "The job {at} is {} and has no result yet: follow it with `lode job watch {at}`",
            state_name(job)
        );
    }
    Ok(())
}

/// What can be done where the store does not give what the job wrote, said with the error.
fn advise(error: anyhow::Error, at: &Address, job: &Job) -> anyhow::Error {
    use lode_store::Error;
    let advice = match error.downcast_ref() {
        Some(Error::NotFound { .. } | Error::WrongHash { .. }) => {
            let open = job.state == JobState::Attested as u8 && !job.has(flag::FINAL);
            if open {
                format!("a mirror may have it, which --mirror URL names; while the challenge window is open `lode job challenge {at} --without-running` has the oracles put it there, and costs its bond if the result is right")
            } else {
                "a mirror may have it, which --mirror URL names".into()
            }
        }
        Some(error) if error.is_transient() => {
            "fetch it later, or now from a mirror that --mirror URL names".into()
        }
        _ => return error,
    };
    with_advice(error, &advice)
}

async fn fetch_from_store(
    at: &Address,
    job: &Job,
    save_to: Option<&Path>,
    market: &Market,
    token: &Token,
    context: &Context,
) -> Result<()> {
    let gateway = gateway_of(market, context)?;
    let progress = Progress::start("fetching the receipt");
    let found = Found::fetch(job, &gateway, context).await?;
    let receipt = &found.receipt;
    let mut written = vec![
        ("stdout".to_string(), receipt.stdout),
        ("stderr".to_string(), receipt.stderr),
    ];
    for file in &receipt.files {
        // Apart from stdout and stderr, which a program's files may be called too.
        written.push((format!("out/{}", file.path), file.blob));
    }
    if let Some(folder) = save_to {
        for (name, blob) in &written {
            progress.say(format!("fetching {name} ({} bytes)", blob.size));
            save(&found, &gateway, folder, name, blob, market.blob_limit).await?;
        }
    }
    let stdout = if receipt.stdout.size > 0 && receipt.stdout.size <= SHOWN_BYTES {
        let bytes = found.get(&gateway, &receipt.stdout, SHOWN_BYTES).await?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    } else {
        None
    };
    drop(progress);
    let paid = lode_math::bills::work(job.price, job.units).ok_or_else(too_dear)?;
    let files: Vec<_> = written
        .iter()
        .map(|(name, blob)| serde_json::json!({ "name": name, "sha256": hex::encode(blob.sha256), "size": blob.size }))
        .collect();
    let names: Vec<String> = written
        .iter()
        .filter(|(_, blob)| blob.size > 0)
        .map(|(name, blob)| format!("{name} ({} bytes)", blob.size))
        .collect();
    let mut rows = vec![
        ("job", (*at).into()),
        ("result", hex32(&job.result)),
        ("end", format!("{:?}", receipt.end).to_lowercase().into()),
        ("fuel", receipt.fuel.into()),
        ("units", job.units.into()),
        ("work", token.cell(paid)),
        (
            "files",
            Cell::new(names.join(", "), serde_json::Value::Array(files)),
        ),
    ];
    if let Some(folder) = save_to {
        rows.push(("saved_to", folder.display().to_string().into()));
    }
    if context.out.format == Format::Json {
        if let Some(text) = stdout {
            rows.push(("stdout", text.into()));
        }
        context.out.sheet(rows);
        return Ok(());
    }
    context.out.sheet(rows);
    if let Some(text) = stdout {
        context.out.note(&format!("\n{}", text.trim_end()));
    }
    Ok(())
}

/// Fetches a file of the result below a folder, never beside it.
async fn save(
    found: &Found,
    gateway: &GatewayClient,
    folder: &Path,
    name: &str,
    blob: &Blob,
    limit: u64,
) -> Result<()> {
    let inside = Path::new(name.trim_start_matches('/'));
    let only_names = inside
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if !only_names {
        bail!("The result names a file `{name}` that would leave the folder; it is not fetched");
    }
    let to = folder.join(inside);
    let parent = to.parent().unwrap_or(folder);
    std::fs::create_dir_all(parent).with_context(|| {
        format!(
            "The folder {} cannot be made: name another with --save-to",
            parent.display()
        )
    })?;
    found.save(gateway, blob, limit, &to).await
}

/// The receipt of a result, and whether everything that says so is true.
pub(super) async fn receipt(at: &Address, save_to: Option<&Path>, context: &Context) -> Result<()> {
    let job: Job = context.client.get_account(at).await?;
    let (_, market) = context.market(Some(job.market)).await?;
    let token = context.token(&market.mint).await?;
    require_result(at, &job, &market, &token)?;
    let checked = check_receipt(at, &job, &market, save_to, context).await;
    checked.map_err(|error| advise(error, at, &job))
}

async fn check_receipt(
    at: &Address,
    job: &Job,
    market: &Market,
    save_to: Option<&Path>,
    context: &Context,
) -> Result<()> {
    let gateway = gateway_of(market, context)?;
    let progress = Progress::start("fetching the receipt");
    let Found { line, .. } = Found::fetch(job, &gateway, context).await?;
    let committee: Committee = context.client.get_account(&market.committee).await?;
    let statement = Statement {
        program: &lode_jobs::ID,
        job: at,
        attempt: job.attempt,
        seal: &job.seal,
        verdict: Verdict::Match,
        result: &job.result,
        units: job.units,
        committee: &market.committee,
    };
    let mut rows = Vec::new();
    for (number, seat) in (0u8..).zip(&committee.seats) {
        if job.signed_match >> number & 1 == 0 {
            continue;
        }
        progress.say(format!("checking the signature of seat {number}"));
        let message = statement.message(number);
        let signature = match gateway.attestation(at, job.attempt, number).await? {
            None => "the store has it no more",
            Some(found) if found.signature.verify(seat.attester.as_ref(), &message) => "verified",
            // The chain verified it when it was counted; a key that was changed since fits no more.
            Some(_) => "of another key than the seat's present one",
        };
        rows.push(
            json!({ "seat": number, "owner": seat.owner.to_string(), "signature": signature }),
        );
    }
    drop(progress);
    if let Some(path) = save_to {
        std::fs::write(path, &line)
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    let signed: Vec<String> = rows
        .iter()
        .map(|row| {
            format!(
                "seat {} ({})",
                row["seat"],
                row["signature"].as_str().unwrap_or("-")
            )
        })
        .collect();
    let signed = if signed.is_empty() {
        "nobody: the result was not drawn for a check".to_string()
    } else {
        signed.join(", ")
    };
    let text = String::from_utf8_lossy(&line).into_owned();
    context.out.sheet(vec![
        ("job", (*at).into()),
        ("spec", hex32(&job.spec)),
        ("node", job.node.into()),
        ("attempt", job.attempt.into()),
        ("result", hex32(&job.result)),
        ("units", job.units.into()),
        ("seal", hex32(&job.seal)),
        (
            "signed_by",
            Cell::new(signed, serde_json::Value::Array(rows)),
        ),
        (
            "receipt",
            match serde_json::from_str(&text) {
                Ok(value) => Cell::new(text.trim_end(), value),
                Err(_) => text.into(),
            },
        ),
    ]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::{sentence, Code};
    use lode_client::bytemuck::Zeroable as _;
    use lode_store::{BlobHash, Error};

    #[test]
    fn what_the_store_does_not_give_is_said_with_where_else_it_may_be() {
        let at = Address::new_from_array([5; 32]);
        let challenge = format!("`lode job challenge {at} --without-running`");
        let blob = BlobHash([7; 32]);
        let url = "http://127.0.0.1:1".to_string();
        let missing = || Error::NotFound {
            what: blob.to_string(),
            url: url.clone(),
        };
        let wrong = || Error::WrongHash {
            expected: blob,
            found: BlobHash([8; 32]),
        };
        let silent = || Error::Unreachable {
            url: url.clone(),
            reason: "connection refused".into(),
        };
        let told = |error: Error, state: JobState, flags: u8| {
            let mut job = Job::zeroed();
            (job.state, job.flags) = (state as u8, flags);
            let told = advise(error.into(), &at, &job);
            (Code::of(&told), sentence(&told))
        };
        for (error, code, words) in [
            (missing(), Code::Failed, "is not in the store"),
            (wrong(), Code::Failed, "damaged or dishonest"),
            (silent(), Code::Unreachable, "fetch it later"),
        ] {
            let (found, text) = told(error, JobState::Settled, flag::REVEALED);
            assert_eq!(found, code, "{text}");
            assert!(
                text.contains(words) && text.contains("--mirror URL"),
                "{text}"
            );
            assert!(!text.contains(&challenge), "{text}");
        }
        for error in [missing(), wrong()] {
            let (_, text) = told(error, JobState::Attested, flag::REVEALED);
            assert!(text.contains(&challenge), "{text}");
        }
        let (_, text) = told(missing(), JobState::Attested, flag::REVEALED | flag::FINAL);
        assert!(!text.contains(&challenge), "{text}");
        // which has nothing to do with the store
        let text = sentence(&advise(anyhow::anyhow!("no"), &at, &Job::zeroed()));
        assert_eq!(text, "no");
    }
}
