//! Jobs and oracles under random fire: a reference model beside the programs, and what a liar may expect. Staking and
//! emissions likewise, with a model of their own.
//!
//! `LODE_MODEL_STEPS` sets the number of steps of jobs and oracles (10 000 unless said otherwise; 200 000 in the nightly
//! setting), `LODE_SAVERS_STEPS` that of staking and emissions (9 000; 100 000), `LODE_MODEL_SEED` the first seed,
//! `LODE_MODEL_EPISODE` how many steps a world lives (500; 3 000). A failure prints what to set to see it again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod books;
mod liar;
mod mirror;
mod rules;
mod savers;
mod stage;

use books::Slip;
use rules::Mistake;
use savers::Tally;
use stage::{episode, Outcome, Seen};

/// Steps of an episode unless said otherwise; a new world begins after them. Jobs end within hundreds of steps, savings have
/// slashes, tickets and streams of weeks on each other.
const EPISODE: u64 = 500;
const EPISODE_OF_SAVINGS: u64 = 3_000;

fn setting(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().expect("a number"),
        Err(_) => otherwise,
    }
}

/// Runs episodes from the first seed on until all steps are done, and says how many there were. `run` returns how many
/// forgeries were refused so far.
fn episodes(
    name: &str,
    [otherwise, episode]: [u64; 2],
    mut run: impl FnMut(u64, u64) -> Outcome<u64>,
) -> u64 {
    let steps = setting(name, otherwise);
    let seed = setting("LODE_MODEL_SEED", 1);
    let each = setting("LODE_MODEL_EPISODE", episode);
    println!("seed {seed}, {steps} steps, {each} to an episode");
    let mut done = 0;
    while done < steps {
        let length = each.min(steps - done);
        let number = seed + done / each;
        let forgeries = run(number, length).unwrap_or_else(|what| {
            panic!("{what}\nto see it again: LODE_MODEL_SEED={number} {name}={length} LODE_MODEL_EPISODE={length}")
        });
        done += length;
        if done % 10_000 == 0 {
            println!("{done} steps agree, {forgeries} forgeries were refused");
        }
    }
    steps
}

/// Every instruction of jobs and of oracle that a step can call.
const INSTRUCTIONS: [&str; 47] = [
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
    "propose_treasury (jobs)",
    "accept_treasury (jobs)",
    "admit_oracle",
    "retire_oracle",
    "join",
    "leave",
    "set_attester",
    "add_bond",
    "withdraw_bond",
    "free_seat",
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
    let mut seen = Seen::default();
    let steps = episodes("LODE_MODEL_STEPS", [10_000, EPISODE], |seed, length| {
        seen.add(&episode(seed, length, Mistake::None)?);
        Ok(seen.forgeries)
    });
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

/// What a wrong model is found by, in the first of a dozen episodes that finds it.
fn noticed(run: impl Fn(u64) -> Outcome<()> + std::panic::RefUnwindSafe) -> Option<String> {
    (1..=12).find_map(|seed| match std::panic::catch_unwind(|| run(seed)) {
        Ok(Ok(())) => None,
        Ok(Err(what)) => Some(what.lines().next().unwrap_or_default().to_string()),
        // the wrong books may not even add up
        Err(_) => Some(format!("seed {seed}: the books do not add up")),
    })
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
        let noticed = noticed(|seed| episode(seed, EPISODE, mistake).map(|_| ()));
        println!("{mistake:?}: {noticed:?}");
        assert!(noticed.is_some(), "{mistake:?} went unnoticed");
    }
}

#[test]
fn savings_are_what_the_books_say_and_everybody_can_leave() {
    let mut seen = Tally::default();
    let steps = episodes(
        "LODE_SAVERS_STEPS",
        [9_000, EPISODE_OF_SAVINGS],
        |seed, length| {
            seen.add(&savers::episode(seed, length, Slip::None)?);
            Ok(seen.forgeries)
        },
    );
    for (name, (went, refused)) in &seen.calls {
        println!("{name:24} {went:7} went through, {refused:7} were refused");
    }
    println!("{} forgeries were refused", seen.forgeries);
    for (what, count) in &seen.situations {
        println!("{count:7} times: {what}");
    }
    if steps >= 9_000 {
        for name in savers::INSTRUCTIONS {
            let went = seen.calls.get(name).map_or(0, |(went, _)| *went);
            assert!(went > 0, "{name} never went through");
        }
        assert!(seen.forgeries > steps / 10);
        for what in savers::SITUATIONS {
            assert!(
                seen.situations.contains_key(what),
                "it never happened: {what}"
            );
        }
    }
}

#[test]
fn books_with_a_slip_are_noticed() {
    for slip in [
        Slip::SlashRoundedDown,
        Slip::TicketsSpared,
        Slip::NoRoom,
        Slip::CommissionRisesAtOnce,
        Slip::StreamRestarts,
        Slip::ReleasedEarly,
        Slip::NothingMovesCheckpoint,
        Slip::StakeUnbound,
        Slip::BreakerShort,
        Slip::LapsesEarly,
    ] {
        let noticed = noticed(|seed| savers::episode(seed, EPISODE, slip).map(|_| ()));
        println!("{slip:?}: {noticed:?}");
        assert!(noticed.is_some(), "{slip:?} went unnoticed");
    }
}
