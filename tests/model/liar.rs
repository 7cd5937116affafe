//! What a liar may expect: nodes that commit to garbage in every job they take, by the programs' own formulas for money
//! and by the real draw. The assumptions favour the liar: lying costs nothing, nobody challenges, and whoever is bribed
//! pretends to be honest wherever the lie is lost.

use anchor_lang::prelude::sha256;
use bytemuck::Zeroable;
use lode_attestation::{is_drawn, majority, panel, seal};
use lode_jobs::state::{Job, Ledger, Market};
use lode_math::bills;
use solana_address::Address;

/// Jobs of each simulation.
const JOBS: u64 = 10_000;
/// Seats of the committee, all eligible.
const SEATS: u32 = 30;
/// Price and units of every job: work 2 000 base units.
const PRICE: u64 = 2_000_000;
const LIMIT: u64 = 1_000;

/// What came of a simulation, base units.
struct Outcome {
    /// Of the coalition, node and bribed seats, over all jobs.
    gain: i128,
    /// Lies that were paid, because nobody was drawn to check them.
    unchecked: u64,
    /// Lies that were paid although they were checked.
    bought: u64,
    /// Lies that cost their collateral.
    caught: u64,
}

/// A market that checks this share of its results with panels of `k`, at the least surcharge it may have.
fn market(check_bps: u16, k: u8) -> Market {
    Market {
        check_bps,
        k,
        surcharge_bps: u32::from(check_bps) * u32::from(k),
        burn_bps: 300,
        fee_bps: 200,
        late_bps: 2_000,
        ..Market::zeroed()
    }
}

/// `JOBS` lies, `parallel` of them open at a time, checked by a committee of which `bribed` seats obey the liar.
fn simulate(market: &Market, parallel: u64, bribed: u32) -> Outcome {
    let mut job = Job::zeroed();
    (job.price, job.units_limit, job.units) = (PRICE, LIMIT, LIMIT);
    let escrow = job.escrow(market).unwrap();
    let collateral = bills::collateral(escrow, u64::from(job.check_bps(market))).unwrap();
    let surcharge = job.surcharge(market);
    let bill = bills::bill(
        PRICE,
        LIMIT,
        surcharge,
        u64::from(market.burn_bps),
        u64::from(market.fee_bps),
    )
    .unwrap();
    // match: `k x work(units)`; mismatch: `k x work(limit)`; here the same, and shared by whoever signed
    let due = job.panel_work(market, LIMIT).unwrap();
    let friends = (1u32 << bribed) - 1;

    // the node brings as much as so many jobs lock at once, and the seats what they earn
    let mut node = Ledger::zeroed();
    node.available = collateral * JOBS;
    node.locked_cap = collateral * parallel;
    let brought = node.available;
    let mut seats = 0u64;
    let mut outcome = Outcome {
        gain: 0,
        unchecked: 0,
        bought: 0,
        caught: 0,
    };
    let mut begun = 0;
    while begun < JOBS {
        let batch = begun..(begun + parallel).min(JOBS);
        for _ in batch.clone() {
            node.lock_capped(collateral).unwrap();
        }
        // all of them stand before the first is known to be a lie: nothing is shared between them
        assert_eq!(node.locked, (batch.end - batch.start) * collateral);
        for number in batch.clone() {
            let at = Address::new_from_array(sha256(&number.to_le_bytes()));
            let hash = sha256(&[&b"slot"[..], &number.to_le_bytes()].concat());
            let seal = seal(&hash, &at, 0);
            if !is_drawn(&seal, job.check_bps(market)) {
                outcome.unchecked += 1;
                node.unlock(collateral, collateral + bill.node).unwrap();
                continue;
            }
            let drawn = panel(&seal, u32::MAX >> (32 - SEATS), market.k);
            let on_our_side = (drawn & friends).count_ones();
            let needed = majority(drawn);
            if on_our_side >= needed {
                // they alone sign and share
                outcome.bought += 1;
                node.unlock(collateral, collateral + bill.node).unwrap();
                seats += due / u64::from(on_our_side) * u64::from(on_our_side);
            } else {
                // a majority of the honest and whoever hurries to be among them: all the friends, at best
                outcome.caught += 1;
                node.unlock(collateral, 0).unwrap();
                let signers = needed.max(on_our_side);
                seats += due / u64::from(signers) * u64::from(on_our_side);
            }
        }
        begun = batch.end;
    }
    assert_eq!(node.locked, 0);
    outcome.gain = i128::from(node.available) + i128::from(seats) - i128::from(brought);
    outcome
}

#[test]
fn a_liar_loses_in_expectation_however_many_lies_run_at_once() {
    println!("check_bps   k  bribed  parallel  unchecked  bought  caught  gain, works a lie");
    for check_bps in [1_000, 10_000] {
        for k in [3, 5, 9] {
            for bribed in [0, SEATS / 5] {
                for parallel in [1, 10, 100, 1_000] {
                    let outcome = simulate(&market(check_bps, k), parallel, bribed);
                    let work = bills::work(PRICE, LIMIT).unwrap();
                    let each = outcome.gain as f64 / (JOBS * work) as f64;
                    println!(
                        "{check_bps:9} {k:3} {:5} %  {parallel:8} {:10} {:7} {:7}  {each:+.3}",
                        100 * bribed / SEATS,
                        outcome.unchecked,
                        outcome.bought,
                        outcome.caught,
                    );
                    assert!(outcome.gain < 0, "lying pays: {}", outcome.gain);
                    assert_eq!(outcome.unchecked + outcome.bought + outcome.caught, JOBS);
                    // both sides of the draw were seen
                    assert!(
                        outcome.caught > 0 && (check_bps == 10_000) == (outcome.unchecked == 0)
                    );
                }
            }
        }
    }
}

#[test]
fn a_collateral_of_the_mere_escrow_would_let_a_liar_gain() {
    // the control: the same lies against a collateral that does not grow as checks get rarer
    let terms = market(1_000, 3);
    let outcome = simulate(&terms, 1, 0);
    let mut job = Job::zeroed();
    (job.price, job.units_limit) = (PRICE, LIMIT);
    let escrow = i128::from(job.escrow(&terms).unwrap());
    let collateral = escrow * 10;
    let saved = i128::from(outcome.caught) * (collateral - escrow);
    assert!(outcome.gain < 0 && outcome.gain + saved > 0);
}
