//! `lode network forward`: the clock of a local network, moved on.
use crate::context::Context;
use crate::output::time;
use anyhow::{bail, Result};
use lode_client::addresses;
use lode_jobs::state::JobsConfig;

/// Seconds of `90s`, `30m`, `2h`, `14d`.
fn parse(text: &str) -> Result<u64> {
    let (number, seconds) = match text.char_indices().last() {
        Some((at, 's')) => (&text[..at], 1),
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 'h')) => (&text[..at], 3_600),
        Some((at, 'd')) => (&text[..at], 86_400),
        _ => ("", 1),
    };
    let parsed = number.parse::<u64>().ok();
    match parsed.and_then(|number| number.checked_mul(seconds)) {
        Some(seconds) if seconds > 0 => Ok(seconds),
        _ => bail!("`{text}` is no time: write 90s, 30m, 2h, 14d, or `epoch` for the beginning of the next one"),
    }
}

/// Moves the clock on.
pub async fn forward(how_far: &str, context: &Context) -> Result<()> {
    let asked = match how_far {
        "epoch" => None,
        text => Some(parse(text)?),
    };
    let client = &context.client;
    let before = client.clock().await?.unix_timestamp;
    let jobs: JobsConfig = client.get_account(&addresses::jobs::config()).await?;
    let seconds = match asked {
        Some(seconds) => seconds,
        None => {
            let since = before.saturating_sub(jobs.epoch_genesis);
            let left = jobs
                .epoch_seconds
                .saturating_sub(since.rem_euclid(jobs.epoch_seconds));
            u64::try_from(left).unwrap_or_default()
        }
    };
    lode_localnet::time_travel(client, seconds).await?;
    // The clock that programs read moves with the next block.
    let target = before.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX));
    let mut now = client.clock().await?.unix_timestamp;
    for _ in 0..100 {
        if now >= target {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        now = client.clock().await?.unix_timestamp;
    }
    let epoch = jobs.epoch(now);
    context.out.sheet(vec![
        ("before", time(before)),
        ("now", time(now)),
        (
            "epoch",
            epoch.map_or_else(crate::output::Cell::none, Into::into),
        ),
    ]);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_are_a_number_and_a_unit() {
        assert_eq!(parse("90s").unwrap(), 90);
        assert_eq!(parse("2h").unwrap(), 7_200);
        assert_eq!(parse("14d").unwrap(), 1_209_600);
        for text in [
            "",
            "5",
            "h",
            "-1h",
            "1.5h",
            "0s",
            "18446744073709551615d",
            "1 h",
            "5ü",
        ] {
            let said = parse(text).unwrap_err().to_string();
            assert!(said.contains("is no time"), "{said}");
        }
    }
}
