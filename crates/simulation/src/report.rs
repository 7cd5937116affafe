//! The figures in words: tables for the terminal and for `docs/emissions.md`.

use crate::decade::{parts, Decade, Plan, COALITIONS, GROUPS, SIZES, YEAR};
use crate::{Outcome, LODE};
use std::fmt::Write;
use std::path::Path;

/// Where the page keeps what is written by the command: between these lines.
const BEGIN: &str = "<!-- written by `cargo xtask simulate emissions` -->\n";
const END: &str = "<!-- end of what is written -->\n";

/// Networks and splits that the command and the page's figures are made of.
pub const NETWORKS: u64 = 10_000;

/// Parts of a million as a percentage, rounded.
fn percent(parts: u64) -> String {
    let parts = parts + 50;
    format!("{}.{:02} %", parts / 10_000, parts / 100 % 100)
}

/// Parts of a million as a decimal fraction.
fn fraction(parts: u64) -> String {
    format!("{}.{:04}", parts / 1_000_000, parts % 1_000_000 / 100)
}

/// Whole LODE, in groups of three digits.
fn lode(units: u64) -> String {
    let digits = (units / LODE).to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// Everything, as Markdown that reads well in a terminal too.
pub fn tables(outcome: &Outcome) -> String {
    let mut out = String::new();
    let plan = Plan::mainnet();
    years(&mut out, &outcome.decade, &plan);
    owners(&mut out, &outcome.decade);
    washing(&mut out, outcome, &plan);
    out
}

fn line(out: &mut String, text: std::fmt::Arguments) {
    // writing into a string cannot fail
    let _ = writeln!(out, "{text}");
}

fn years(out: &mut String, decade: &Decade, plan: &Plan) {
    line(out, format_args!("| year | burned, LODE | minted, LODE | minted of burned | ceilings, LODE | supply at the end, LODE | minted so far, of the cap |"));
    line(out, format_args!("|---:|---:|---:|---:|---:|---:|---:|"));
    let mut so_far = 0;
    for (index, weeks) in decade.weeks.chunks(YEAR as usize).enumerate() {
        let sum = |of: fn(&crate::decade::Week) -> u64| weeks.iter().map(of).sum::<u64>();
        let (burned, minted) = (sum(|week| week.burned), sum(|week| week.minted));
        so_far += minted;
        line(
            out,
            format_args!(
                "| {} | {} | {} | {} | {} | {} | {} |",
                index + 1,
                lode(burned),
                lode(minted),
                percent(parts(minted, burned)),
                lode(sum(|week| week.ceiling)),
                lode(weeks.last().map_or(0, |week| week.supply)),
                percent(parts(so_far, plan.cap)),
            ),
        );
    }
    line(out, format_args!(""));
}

fn owners(out: &mut String, decade: &Decade) {
    line(out, format_args!("| owner | of all stake | of all work | of work and stake emission | fees burned, LODE | emission, LODE |"));
    line(out, format_args!("|---|---:|---:|---:|---:|---:|"));
    let all_work: u64 = decade.groups.iter().map(|group| group.work).sum();
    let all_stake: u64 = decade.groups.iter().map(|group| group.stake).sum();
    for ((name, _), group) in GROUPS.iter().zip(&decade.groups) {
        let emission = group.by_work + group.by_stake;
        line(
            out,
            format_args!(
                "| {name} | {} | {} | {} | {} | {} |",
                percent(parts(group.stake, all_stake)),
                percent(parts(group.work, all_work)),
                percent(parts(emission, decade.buckets)),
                lode(group.work),
                lode(emission),
            ),
        );
    }
    line(out, format_args!(""));
    line(
        out,
        format_args!("| by owner | Gini | Herfindahl | owners with more than half |"),
    );
    line(out, format_args!("|---|---:|---:|---:|"));
    for (what, figures) in ["work", "stake", "work and stake emission"]
        .iter()
        .zip(decade.concentration)
    {
        line(
            out,
            format_args!(
                "| {what} | {} | {} | {} |",
                fraction(figures.gini * 100),
                fraction(figures.herfindahl * 100),
                figures.nakamoto
            ),
        );
    }
    line(out, format_args!(""));
}

fn washing(out: &mut String, outcome: &Outcome, plan: &Plan) {
    let names = COALITIONS.join(" | ");
    line(
        out,
        format_args!("| burned more, times the week's fees | {names} |"),
    );
    line(out, format_args!("|---:|---:|---:|---:|"));
    for (size, best) in SIZES.zip(&outcome.decade.returns) {
        let times = match size {
            ..0 => format!("1/{}", 10u64.pow(size.unsigned_abs())),
            _ => 10u64.pow(size.unsigned_abs()).to_string(),
        };
        let [alone, whales, all] = best.map(fraction);
        line(
            out,
            format_args!("| {times} | {alone} | {whales} | {all} |"),
        );
    }
    line(out, format_args!(""));
    let best = outcome.decade.returns.iter().flatten().max();
    line(
        out,
        format_args!(
            "- Best return of a unit burned in these ten years: {} (theta {}).",
            fraction(best.copied().unwrap_or(0)),
            fraction(plan.terms.theta * 100)
        ),
    );
    let trials = &outcome.trials;
    line(
        out,
        format_args!(
            "- {} random networks with shares, theta and c of their own: the best return was {} of the network's theta.",
            trials.networks,
            percent(trials.best_of_theta)
        ),
    );
    line(
        out,
        format_args!(
            "- {} random ways in which a holder of 30 % of the stake and 5 % of the work splits both: at most {} of work and stake emission (8 % is the bound). In the ten years: {}.",
            trials.splits,
            percent(trials.whale),
            percent(outcome.decade.whale_most)
        ),
    );
}

/// What belongs into the repository: its figure and its page, the page's own words kept. Errors if the page lacks the
/// lines between which tables are written.
pub fn documents(
    root: &Path,
    outcome: &Outcome,
) -> Result<[(std::path::PathBuf, String); 2], String> {
    let page = root.join("docs/emissions.md");
    let text =
        std::fs::read_to_string(&page).map_err(|error| format!("docs/emissions.md: {error}"))?;
    let between = text
        .find(BEGIN)
        .map(|at| at + BEGIN.len())
        .zip(text.find(END))
        .filter(|(from, to)| from <= to)
        .ok_or("docs/emissions.md lacks the lines between which its tables stand")?;
    let written = format!(
        "{}\n{}{}",
        &text[..between.0],
        tables(outcome),
        &text[between.1..]
    );
    let figure = crate::plot::svg(&outcome.decade, &Plan::mainnet());
    Ok([(page, written), (root.join("docs/emissions.svg"), figure)])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn the_figure_and_the_page_are_current() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let outcome = crate::emissions(NETWORKS);
        for (path, text) in documents(&root, &outcome).expect("the page") {
            let there = std::fs::read_to_string(&path).expect("a committed file");
            assert!(
                there == text,
                "{} is stale: run `cargo xtask simulate emissions` and commit it",
                path.display()
            );
        }
    }

    #[test]
    fn figures_read_as_they_are_meant() {
        assert_eq!(percent(900_000), "90.00 %");
        assert_eq!(percent(78_012), "7.80 %");
        assert_eq!(percent(49_999), "5.00 %");
        assert_eq!(fraction(1_000_050), "1.0000");
        assert_eq!(fraction(899_999), "0.8999");
        assert_eq!(lode(1_234_567 * LODE + 5), "1 234 567");
        assert_eq!(lode(12 * LODE), "12");
    }
}
