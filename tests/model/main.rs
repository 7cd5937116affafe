//! Jobs and oracles under random fire: a reference model beside the programs, and what a liar may expect.
//!
//! `LODE_MODEL_STEPS` sets the number of steps (10 000 unless said otherwise; 200 000 in the nightly setting),
//! `LODE_MODEL_SEED` the first seed, `LODE_MODEL_EPISODE` how many steps a world lives (500). A failure prints what to
//! set to see it again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod liar;
mod mirror;
mod rules;
mod stage;

use rules::Mistake;
use stage::{episode, Seen};

/// Steps of an episode unless said otherwise; a new world begins after them.
const EPISODE: u64 = 500;

fn setting(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().expect("a number"),
        Err(_) => otherwise,
    }
}

/// Every instruction of jobs and of oracle that a step can call.
const INSTRUCTIONS: [&str; 45] = [
    "open_ledger",
    "open_node_ledger",
    "deposit",
    "withdraw",
    "set_locked_cap",
    "close_ledger",
    "close_work",
    "post_job",
    "raise_limit",
    "cancel_job",
    "place_bid",
    "award_job",
    "accept_job",
    "give_up_job",
    "expire_job",
    "submit_result",
    "seal_job",
    "reveal_result",
    "attest_job",
    "escalate_job",
    "void_job",
    "challenge_job",
    "settle_job",
    "collect_check",
    "redeem_credits",
    "slash_job",
    "penalise_oracle",
    "close_job",
    "sweep_fees",
    "set_market_open",
    "pause",
    "propose_governor (jobs)",
    "accept_governor (jobs)",
    "set_guardian",
    "set_treasury",
    "admit_oracle",
    "retire_oracle",
    "join",
    "leave",
    "set_attester",
    "add_bond",
    "withdraw_bond",
    "close_oracle",
    "propose_governor",
    "accept_governor",
];

/// What must have come about, so that the rules for it were tried. Rarer things are printed only.
const SITUATIONS: [&str; 20] = [
    "a bidder forfeited",
    "a challenger was right",
    "a challenger was wrong",
    "a juror was overturned",
    "a result was not told in time",
    "a seat was gone before its penalty",
    "an appeal was not decided",
    "an appellant was right",
    "an appellant was wrong",
    "an appellant's part of a penalty",
    "drawn a part of the committee",
    "not drawn",
    "open again after an attempt",
    "paid by the customer himself",
    "sealed late",
    "the last attempt failed",
    "unrunnable",
    "void: a bond returned",
    "void: nobody decided",
    "void: nobody sealed",
];

#[test]
fn the_programs_do_what_the_model_says_and_every_job_ends() {
    let steps = setting("LODE_MODEL_STEPS", 10_000);
    let seed = setting("LODE_MODEL_SEED", 1);
    let each = setting("LODE_MODEL_EPISODE", EPISODE);
    println!("seed {seed}, {steps} steps, {each} to an episode");
    let mut seen = Seen::default();
    let mut done = 0;
    while done < steps {
        let length = each.min(steps - done);
        let number = seed + done / each;
        match episode(number, length, Mistake::None) {
            Ok(more) => seen.add(&more),
            Err(what) => panic!(
                "{what}\nto see it again: LODE_MODEL_SEED={number} LODE_MODEL_STEPS={length} LODE_MODEL_EPISODE={length}"
            ),
        }
        done += length;
        if done % 10_000 == 0 {
            println!(
                "{done} steps agree, {} forgeries were refused",
                seen.forgeries
            );
        }
    }
    for (name, (went, refused)) in &seen.calls {
        println!("{name:24} {went:7} went through, {refused:7} were refused");
    }
    println!(
        "{} forgeries were refused, ends of jobs by state: {:?}",
        seen.forgeries, seen.ends
    );
    for (what, count) in &seen.situations {
        println!("{count:7} times: {what}");
    }
    // nothing was left out, so that agreement means something
    if steps >= 10_000 {
        for name in INSTRUCTIONS {
            let went = seen.calls.get(name).map_or(0, |(went, _)| *went);
            assert!(went > 0, "{name} never went through");
        }
        // settled, failed, voided, cancelled
        for state in 7..=10 {
            assert!(seen.ends.contains_key(&state), "no job ended in {state}");
        }
        assert!(seen.forgeries > steps / 20);
        for what in SITUATIONS {
            assert!(
                seen.situations.contains_key(what),
                "it never happened: {what}"
            );
        }
    }
}

#[test]
fn a_model_with_a_mistake_is_noticed() {
    for mistake in [
        Mistake::BurnRoundedDown,
        Mistake::DeadlineIncluded,
        Mistake::BondKept,
        Mistake::HalfIsMajority,
        Mistake::BidderForgotten,
        Mistake::SeatsServeOn,
        Mistake::PoolUnbounded,
    ] {
        let noticed = (1..=12).find_map(|seed| {
            let run = std::panic::catch_unwind(|| episode(seed, EPISODE, mistake));
            match run {
                Ok(Ok(_)) => None,
                Ok(Err(what)) => Some(what.lines().next().unwrap_or_default().to_string()),
                // the wrong books may not even add up
                Err(_) => Some(format!("seed {seed}: the books do not add up")),
            }
        });
        println!("{mistake:?}: {noticed:?}");
        assert!(noticed.is_some(), "{mistake:?} went unnoticed");
    }
}
