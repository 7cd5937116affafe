//! Limits that were passed, and sensors that are broken.
use crate::{tenths, Reading, Station};
use serde::Serialize;

/// Minutes in a day.
const DAY: u32 = 1_440;
/// Minutes without a word after which a station is silent.
const SILENCE: u32 = 60;
/// Equal readings one after the other of a sensor that is stuck.
const STUCK: usize = 12;
/// How many readings on each side say what is usual.
const AROUND: usize = 4;
/// Micrograms by which a reading must stand out among its neighbours to be a spike.
const SPIKE: f64 = 100.0;
/// Micrograms of fine dust that people are warned of, as mean of an hour.
const DUST: f64 = 50.0;
/// Readings in an hour.
const HOUR: usize = 6;

/// Something that somebody should look at.
#[derive(Serialize)]
pub struct Alert {
    pub station: String,
    pub name: String,
    pub kind: &'static str,
    /// Minutes of the day.
    pub from: u32,
    pub to: u32,
    pub what: String,
}

/// The readings that can be believed, and the alerts.
pub fn of(station: &Station, mut readings: Vec<Reading>) -> (Vec<Reading>, Vec<Alert>) {
    let mut alerts = Vec::new();
    let mut alert = |kind, from, to, what| {
        alerts.push(Alert {
            station: station.station.clone(),
            name: station.name.clone(),
            kind,
            from,
            to,
            what,
        });
    };
    readings.sort_by_key(|reading| reading.minute);

    let mut last = 0;
    for minute in readings.iter().map(|reading| reading.minute).chain([DAY]) {
        if minute.saturating_sub(last) > SILENCE {
            alert(
                "silent",
                last,
                minute,
                format!("{} minutes without a word", minute - last),
            );
        }
        last = minute;
    }

    let same = |a: &Reading, b: &Reading| {
        (a.dust, a.noise, a.temperature) == (b.dust, b.noise, b.temperature)
    };
    let mut good: Vec<Reading> = Vec::with_capacity(readings.len());
    for run in readings.chunk_by(same) {
        if run.len() < STUCK {
            good.extend_from_slice(run);
            continue;
        }
        let what = format!("{} times {} ug of dust", run.len(), run[0].dust);
        alert("stuck", run[0].minute, run[run.len() - 1].minute, what);
    }

    let dust: Vec<f64> = good.iter().map(|reading| reading.dust).collect();
    let mut place = 0_usize;
    good.retain(|reading| {
        let usual = median(&dust[place.saturating_sub(AROUND)..dust.len().min(place + AROUND + 1)]);
        place += 1;
        let spike = (reading.dust - usual).abs() > SPIKE;
        if spike {
            let what = format!("{} ug of dust among {} ug", reading.dust, tenths(usual));
            alert("spike", reading.minute, reading.minute, what);
        }
        !spike
    });

    // hours that glide over the day; those that pass the limit and touch are one alert
    let mut passed: Option<(u32, u32, f64)> = None;
    for hour in good.windows(HOUR) {
        let mean = hour.iter().map(|reading| reading.dust).sum::<f64>() / HOUR as f64;
        let (from, to) = (hour[0].minute, hour[HOUR - 1].minute);
        if mean <= DUST || to - from > SILENCE {
            continue;
        }
        passed = match passed {
            Some((begin, end, most)) if from <= end => Some((begin, to, most.max(mean))),
            other => {
                if let Some(over) = other {
                    alert("dust", over.0, over.1, over_limit(over.2));
                }
                Some((from, to, mean))
            }
        };
    }
    if let Some((from, to, most)) = passed {
        alert("dust", from, to, over_limit(most));
    }
    (good, alerts)
}

fn over_limit(most: f64) -> String {
    format!(
        "up to {} ug of dust in an hour, {DUST} are the limit",
        tenths(most)
    )
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
