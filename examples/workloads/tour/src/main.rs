//! A short round trip through many cities.
//!
//! `tour [--rounds N] [--seed N] CITIES` reads lines `name,x,y` (kilometres, whole or not), looks for a short round
//! trip, and prints its length and the cities in order. `/out/tour.svg` draws it, `/out/tour.csv` has each leg.
mod search;

use search::{Random, Tour};
use std::fmt::Write as _;
use std::path::PathBuf;

struct City {
    name: String,
    x: f64,
    y: f64,
}

fn main() {
    if let Err(error) = run() {
        eprintln!("tour: {error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), String> {
    let (mut rounds, mut seed, mut file) = (2_000, 1, None);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut number = || {
            let text = args.next().ok_or(format!("{arg} needs a value"))?;
            text.parse::<u64>()
                .map_err(|_| format!("`{text}` is no number"))
        };
        match arg.as_str() {
            "--rounds" => rounds = number()?,
            "--seed" => seed = number()?,
            _ => file = Some(PathBuf::from(&arg)),
        }
    }
    let file = file.ok_or("give a file of cities: lines `name,x,y`")?;
    let text = std::fs::read_to_string(&file)
        .map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    let cities = cities(&text)?;

    let mut tour = Tour::nearest_first(distances(&cities));
    let first = tour.length();
    tour.improve();
    let second = tour.length();
    let found = tour.search(rounds, &mut Random::new(seed));
    let order = tour.order();

    println!("cities            {}", cities.len());
    println!("nearest first     {}", kilometres(first));
    println!("no crossings      {}", kilometres(second));
    println!("{rounds:<6} rounds     {}", kilometres(tour.length()));
    println!("last improvement  round {found}");
    let names: Vec<&str> = order.iter().map(|at| cities[*at].name.as_str()).collect();
    println!("{}", names.join(" "));

    let write = |path: &str, text: String| {
        std::fs::write(path, text).map_err(|error| format!("{path} cannot be written: {error}"))
    };
    write("/out/tour.csv", legs(&cities, &tour))?;
    write("/out/tour.svg", drawing(&cities, order))
}

fn cities(text: &str) -> Result<Vec<City>, String> {
    let mut cities = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let wrong = || format!("line {number}: `{line}` is not `name,x,y`");
        let mut fields = line.split(',');
        let name = fields
            .next()
            .filter(|name| !name.is_empty())
            .ok_or_else(wrong)?;
        let mut place = || {
            let number: f64 = fields.next()?.trim().parse().ok()?;
            (number.abs() <= 1e6).then_some(number)
        };
        let (x, y) = (place().ok_or_else(wrong)?, place().ok_or_else(wrong)?);
        cities.push(City {
            name: name.into(),
            x,
            y,
        });
    }
    // fewer make no choice, and with more the table of distances does not fit
    if !(5..=2_000).contains(&cities.len()) {
        return Err(format!("{} cities: give 5 to 2000", cities.len()));
    }
    Ok(cities)
}

/// Metres from each city to each. A square root is exact to the last bit on every machine.
fn distances(cities: &[City]) -> Vec<Vec<u64>> {
    let metres = |a: &City, b: &City| {
        let (dx, dy) = (a.x - b.x, a.y - b.y);
        ((dx * dx + dy * dy).sqrt() * 1_000.0).round() as u64
    };
    cities
        .iter()
        .map(|from| cities.iter().map(|to| metres(from, to)).collect())
        .collect()
}

fn kilometres(metres: u64) -> String {
    format!("{}.{:03} km", metres / 1_000, metres % 1_000)
}

fn legs(cities: &[City], tour: &Tour) -> String {
    let mut text = String::from("from,to,metres\n");
    for (from, to, metres) in tour.legs() {
        // writing to a string cannot fail
        let _ = writeln!(text, "{},{},{metres}", cities[from].name, cities[to].name);
    }
    text
}

fn drawing(cities: &[City], order: &[usize]) -> String {
    let range = |of: fn(&City) -> f64| {
        let all = cities.iter().map(of);
        all.fold((f64::MAX, f64::MIN), |(least, most), n| {
            (least.min(n), most.max(n))
        })
    };
    let ((left, right), (top, bottom)) = (range(|city| city.x), range(|city| city.y));
    let margin = ((right - left).max(bottom - top) / 40.0).max(1.0);
    let points: Vec<String> = order
        .iter()
        .map(|at| format!("{:.1},{:.1}", cities[*at].x, cities[*at].y))
        .collect();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"{:.1} {:.1} {:.1} {:.1}\">\n\
         <rect x=\"{0:.1}\" y=\"{1:.1}\" width=\"100%\" height=\"100%\" fill=\"#fbf7ee\"/>\n\
         <polygon points=\"{}\" fill=\"#dfe9e0\" stroke=\"#2f5d50\" stroke-width=\"{:.1}\"/>\n",
        left - margin,
        top - margin,
        right - left + 2.0 * margin,
        bottom - top + 2.0 * margin,
        points.join(" "),
        margin / 6.0,
    );
    for city in cities {
        let _ = writeln!(
            svg,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"{:.1}\" fill=\"#b4432f\"><title>{}</title></circle>",
            city.x,
            city.y,
            margin / 4.0,
            city.name.replace('&', "&amp;").replace('<', "&lt;"),
        );
    }
    svg + "</svg>\n"
}
