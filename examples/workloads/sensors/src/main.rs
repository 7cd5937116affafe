//! A day of a city's sensors becomes alerts and a map.
//!
//! `sensors STATIONS READINGS` reads lines `station,name,x,y` (metres) and `minute,station,dust,noise,temperature`, and
//! writes `/out/alerts.json` (limits that were passed, sensors that are broken), `/out/hours.csv` (each station's hours)
//! and `/out/map.png` (the day's fine dust over the city). What it found it also prints.
mod alerts;
mod map;

use alerts::Alert;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

type Error = Box<dyn std::error::Error>;

/// A place where sensors stand.
#[derive(Deserialize)]
pub struct Station {
    pub station: String,
    pub name: String,
    pub x: f64,
    pub y: f64,
}

/// What a station said at one time: fine dust in micrograms a cubic metre, noise in dB, temperature in °C.
#[derive(Clone, Deserialize)]
pub struct Reading {
    pub minute: u32,
    pub station: String,
    pub dust: f64,
    pub noise: f64,
    pub temperature: f64,
}

/// Means of an hour.
#[derive(Serialize)]
struct Hour<'a> {
    station: &'a str,
    hour: u32,
    readings: usize,
    dust: f64,
    noise: f64,
    temperature: f64,
}

fn main() {
    if let Err(error) = run() {
        eprintln!("sensors: {error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Error> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let [stations, readings] = &paths[..] else {
        return Err("give two files: stations and readings".into());
    };
    let stations: Vec<Station> = rows(Path::new(stations))?
        .collect::<Result<_, _>>()
        .map_err(|error| format!("{stations}: {error}"))?;
    if stations.is_empty() {
        return Err("there are no stations".into());
    }
    let mut heard: BTreeMap<&str, Vec<Reading>> = stations
        .iter()
        .map(|station| (station.station.as_str(), Vec::new()))
        .collect();
    let (mut read, mut torn, mut strange) = (0u64, 0u64, 0u64);
    for row in rows::<Reading>(Path::new(readings))? {
        read += 1;
        match row {
            // one line that was damaged on its way is no reason to lose the day
            Err(_) => torn += 1,
            Ok(reading) => match heard.get_mut(reading.station.as_str()) {
                Some(of) => of.push(reading),
                None => strange += 1,
            },
        }
    }

    let mut alerts = Vec::new();
    let mut hours = csv::Writer::from_path("/out/hours.csv")?;
    let mut means = Vec::new();
    for station in &stations {
        let readings = heard.remove(station.station.as_str()).unwrap_or_default();
        let (good, found) = alerts::of(station, readings);
        alerts.extend(found);
        for hour in by_hour(station, &good) {
            hours.serialize(hour)?;
        }
        if let Some(dust) = mean(good.iter().map(|reading| reading.dust)) {
            means.push((station, dust));
        }
    }
    hours.flush()?;
    alerts.sort_by(|a, b| (a.from, a.kind, &a.station).cmp(&(b.from, b.kind, &b.station)));
    std::fs::write(
        "/out/alerts.json",
        serde_json::to_string_pretty(&alerts)? + "\n",
    )?;
    std::fs::write("/out/map.png", map::draw(&means)?)?;
    report(read, torn, strange, &alerts);
    Ok(())
}

fn rows<T: for<'a> Deserialize<'a>>(
    path: &Path,
) -> Result<impl Iterator<Item = Result<T, csv::Error>>, Error> {
    let reader =
        csv::Reader::from_path(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(reader.into_deserialize())
}

fn by_hour<'a>(station: &'a Station, readings: &'a [Reading]) -> impl Iterator<Item = Hour<'a>> {
    readings
        .chunk_by(|a, b| a.minute / 60 == b.minute / 60)
        .map(|part| {
            let mean = |of: fn(&Reading) -> f64| tenths(mean(part.iter().map(of)).unwrap_or(0.0));
            Hour {
                station: &station.station,
                hour: part[0].minute / 60,
                readings: part.len(),
                dust: mean(|r| r.dust),
                noise: mean(|r| r.noise),
                temperature: mean(|r| r.temperature),
            }
        })
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> Option<f64> {
    let count = values.len();
    (count > 0).then(|| values.sum::<f64>() / count as f64)
}

pub fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn report(read: u64, torn: u64, strange: u64, alerts: &[Alert]) {
    println!("{read} readings, {torn} torn, {strange} of unknown stations");
    println!("{} alerts", alerts.len());
    for alert in alerts {
        println!(
            "{} to {}  {:<8} {} {}: {}",
            clock(alert.from),
            clock(alert.to),
            alert.kind,
            alert.station,
            alert.name,
            alert.what
        );
    }
}

fn clock(minute: u32) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}
