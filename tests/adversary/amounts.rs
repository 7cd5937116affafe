//! Dust, and more than there is.

use crate::help::*;
use lode_attestation::Verdict;
use lode_jobs::error::JobsError;
use lode_jobs::state::{JobState, MarketArgs};
use lode_tests::jobs::*;
use lode_tests::staking::TOKENS;
use lode_tests::*;
use solana_address::Address;
use solana_signer::Signer;

/// A market whose smallest job is the smallest there can be, with a job of one unit at a price of one in it, sealed.
fn smallest(world: &mut World) -> (Jobs, Address) {
    let mut jobs = Jobs::with(world, args(3), 3, 3);
    let at = posted(world, &mut jobs, |args| {
        (args.price, args.units_limit) = (1, 1);
    });
    let (worker, node) = (jobs.node.worker.pubkey(), jobs.node.node);
    let accept = build::accept_job(&worker, &node, &at, &state(world, &at));
    world.ok(accept, &[&jobs.node.worker]);
    let submit = jobs.submit(&jobs.node, &at, &RESULT, 1, 0);
    world.ok(submit, &[&jobs.node.worker]);
    jobs.pass_to_seal(world, 2);
    world.ok(jobs.seal(&world.payer.pubkey(), &at), &[]);
    (jobs, at)
}

#[test]
fn the_smallest_job_there_is_ends_with_every_unit_accounted_for() {
    // (verdict, customer, node, burn, market, checks): work 1, checks 3, escrow and collateral 4, late 1
    for (verdict, customer, node, owed) in [
        (Verdict::Mismatch, 0i64, -4i64, (1u64, 0u64, 3u64)),
        (Verdict::Unrunnable, -1, -1, (0, 0, 2)),
    ] {
        let mut world = World::new();
        let (jobs, at) = smallest(&mut world);
        sign(&mut world, &jobs, &at, verdict, &[0, 1, 2]);
        settled(&mut world, &at);
        let (c, n) = (customers(&world, &jobs), nodes(&world, &jobs));
        assert_eq!(
            (c.available as i64, n.available as i64),
            (ALL as i64 + customer, ALL as i64 + node),
            "{verdict:?}"
        );
        assert_eq!((n.burn_owed, n.market_owed, n.checks_owed), owed);
        assert_vault_balances(&world, &jobs);
    }
    // a match names its units: of the one base unit all burns
    let mut world = World::new();
    let (jobs, at) = smallest(&mut world);
    let job = state(&world, &at);
    let statement = lode_attestation::Statement {
        program: &lode_jobs::ID,
        job: &at,
        attempt: 0,
        seal: &job.seal,
        verdict: Verdict::Match,
        result: &RESULT,
        units: 1,
        committee: &jobs.panel.committee,
    };
    let signed: Vec<_> = jobs
        .panel
        .members
        .iter()
        .enumerate()
        .map(|(seat, member)| {
            let message = statement.message(u8::try_from(seat).unwrap());
            let signature = member.attester.sign_message(&message);
            (member.attester.pubkey(), signature.into(), message)
        })
        .collect();
    let attest = [proof(&signed), jobs.attest(&at, 1, &RESULT, 1, 0b111)];
    expect(world.send(&attest, &[]));
    settled(&mut world, &at);
    let (c, n) = (customers(&world, &jobs), nodes(&world, &jobs));
    assert_eq!((c.available, n.available), (ALL - 4, ALL));
    assert_eq!((n.burn_owed, n.market_owed, n.checks_owed), (1, 0, 3));
    assert_vault_balances(&world, &jobs);
}

#[test]
fn amounts_that_do_not_fit_are_errors() {
    let mut world = World::new();
    let terms = MarketArgs {
        most_reserved: lode_jobs::constants::HIGHEST_RESERVED,
        check_bps: 1,
        surcharge_bps: 3,
        ..args(3)
    };
    let mut jobs = Jobs::with(&mut world, terms, 3, 3);
    let base = jobs.post_args();
    for (price, units_limit, error) in [
        (u64::MAX, 1_000_000, Some(JobsError::Overflow)),
        (u64::MAX, 1, None),
        (u64::MAX / 1_000_000, 1_000_000, None),
        (0, 1, Some(JobsError::EscrowOutOfRange)),
    ] {
        let mut args = base;
        (args.price, args.units_limit) = (price, units_limit);
        let sent = world.send_one(jobs.post(args), &[&jobs.customer]);
        match error {
            Some(error) => assert_error(sent, error),
            None => {
                let failure = assert_refused(sent);
                assert!(failure.code().is_some(), "{}", failure.log);
            }
        }
    }
    let customer = jobs.customer.pubkey();
    for amount in [u64::MAX, ALL + 1] {
        let home = jobs.withdraw(&world, &customer, &customer, amount);
        assert_error(
            world.send_one(home, &[&jobs.customer]),
            JobsError::InsufficientFunds,
        );
        let more = jobs.deposit(&world, &customer, &customer, amount);
        assert_refused(world.send_one(more, &[&jobs.customer]));
    }
    // the largest escrow there may be, at the rarest check: collateral of ten thousand times as much still is a number
    let mut ledger = customers(&world, &jobs);
    ledger.available = lode_jobs::constants::HIGHEST_RESERVED;
    world.write(&jobs.customer_ledger(), &ledger);
    let at = posted(&mut world, &mut jobs, |args| {
        (args.price, args.units_limit) = (1 << 50, 999_000);
    });
    let (worker, node) = (jobs.node.worker.pubkey(), jobs.node.node);
    let accept = build::accept_job(&worker, &node, &at, &state(&world, &at));
    assert_error(
        world.send_one(accept.clone(), &[&jobs.node.worker]),
        JobsError::InsufficientFunds,
    );
    let mut ledger = nodes(&world, &jobs);
    (ledger.available, ledger.locked_cap) = (u64::MAX - 1, u64::MAX);
    world.write(&jobs.node_ledger(), &ledger);
    world.ok(accept, &[&jobs.node.worker]);
    assert_eq!(state(&world, &at).state, JobState::Accepted as u8);
    assert!(nodes(&world, &jobs).locked > 10_000_000 * TOKENS);
}

#[test]
fn a_flood_of_tiny_jobs_costs_nobody_but_its_poster() {
    let mut world = World::new();
    let mut jobs = Jobs::with(&mut world, args(3), 3, 3);
    let (flooder, crank) = (jobs.customer.pubkey(), world.wallet());
    let honest = patron(&mut world, &jobs);
    let before = world.lamports(&flooder);
    let flood: Vec<Address> = (0..40)
        .map(|_| {
            posted(&mut world, &mut jobs, |args| {
                (args.price, args.units_limit) = (1, 1);
            })
        })
        .collect();
    // everybody else's job is posted and taken as ever
    let flooding = std::mem::replace(&mut jobs.customer, honest);
    let nonce = customers(&world, &jobs).nonce_top + 1;
    let mut args = jobs.post_args();
    args.nonce = nonce;
    world.ok(jobs.post(args), &[&jobs.customer]);
    let theirs = job(&jobs.customer_ledger(), nonce).0;
    world.ok(jobs.accept(&jobs.node, &theirs), &[&jobs.node.worker]);
    jobs.customer = flooding;
    // nobody need take one; whoever tidies up is paid by the one who posted
    pass_until(&mut world, &flood[0], 0);
    for at in &flood {
        let cancel = build::cancel_job(&crank.pubkey(), at, &state(&world, at));
        let close = build::close_job(&crank.pubkey(), at, &state(&world, at));
        expect(world.send(&[cancel, close], &[&crank]));
    }
    let slices = 40 * 15_000;
    assert_eq!(world.lamports(&flooder), before - slices);
    assert_eq!(world.lamports(&crank.pubkey()), 100_000_000_000 + slices);
    assert_eq!(customers(&world, &jobs).available, ALL);
    assert_vault_balances(&world, &jobs);
}
