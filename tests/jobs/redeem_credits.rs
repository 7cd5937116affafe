use crate::help::*;
use lode_attestation::Verdict;
use lode_jobs::error::JobsError;
use lode_jobs::state::Ledger;
use lode_tests::jobs::*;
use lode_tests::*;
use solana_instruction::Instruction;
use solana_signer::Signer;

/// A settled check of 2 700 owed to each of two seats, collected by the first, nothing swept; the seat's owner.
fn earned(world: &mut World) -> (Jobs, usize) {
    let mut jobs = sampled(world);
    let at = judged(world, &mut jobs, Verdict::Match);
    let seat = seats_of(state(world, &at).signed_match)[0];
    let owner = jobs.panel.members[usize::from(seat)].owner.pubkey();
    world.ok(jobs.open_ledger(&world.payer.pubkey(), &owner), &[]);
    settled(world, &at);
    let collect =
        build::collect_check(&at, &state(world, &at), &jobs.panel.committee, seat, &owner);
    world.ok(collect, &[]);
    (jobs, usize::from(seat))
}

fn sweep(world: &World, jobs: &Jobs) -> Instruction {
    let payment = mint(world, &jobs.mint);
    let terms = jobs.terms(world);
    build::sweep_fees(&jobs.market, &terms, &jobs.node.node, &payment, None, false)
}

fn redeem(jobs: &Jobs, seat: usize) -> Instruction {
    build::redeem_credits(&jobs.market, &jobs.panel.members[seat].owner.pubkey())
}

#[test]
fn credits_become_money_as_far_as_the_pool_goes() {
    let mut world = World::new();
    let (jobs, seat) = earned(&mut world);
    let owner = jobs.panel.members[seat].owner.insecure_clone();
    // nothing is in the pool before the sweep
    assert_error(
        world.send_one(redeem(&jobs, seat), &[]),
        JobsError::NothingToCollect,
    );
    world.ok(sweep(&world, &jobs), &[]);
    // the bill's checks: half of what the two are owed, as this job was drawn and others will not be
    assert_eq!(jobs.terms(&world).check_pool, 2_700);
    let mut ledger: Ledger = money(&world, &jobs, &owner.pubkey());
    ledger.credits = 3_000;
    world.write(
        &lode_tests::jobs::ledger(&jobs.market, &owner.pubkey()),
        &ledger,
    );
    world.ok(redeem(&jobs, seat), &[]);
    let ledger = money(&world, &jobs, &owner.pubkey());
    assert_eq!((ledger.available, ledger.credits), (2_700, 300));
    assert_eq!(jobs.terms(&world).check_pool, 0);
    assert_vault_balances(&world, &jobs);
    // the rest waits
    assert_error(
        world.send_one(redeem(&jobs, seat), &[]),
        JobsError::NothingToCollect,
    );
    // and what is money now goes home
    world.associated_account(&jobs.mint, &owner.pubkey(), 0);
    let wallet = owner.pubkey();
    world.ok(jobs.withdraw(&world, &wallet, &wallet, 2_700), &[&owner]);
    assert_vault_balances(&world, &jobs);
}

#[test]
fn redeeming_twice_in_one_transaction_pays_once() {
    let mut world = World::new();
    let (jobs, seat) = earned(&mut world);
    world.ok(sweep(&world, &jobs), &[]);
    let good = redeem(&jobs, seat);
    assert_error(
        world.send(&[good.clone(), good.clone()], &[]),
        JobsError::NothingToCollect,
    );
    world.ok(good, &[]);
    let owner = jobs.panel.members[seat].owner.pubkey();
    assert_eq!(money(&world, &jobs, &owner).available, 2_700);
}

#[test]
fn another_markets_pool_pays_nothing() {
    let mut world = World::new();
    let (jobs, seat) = earned(&mut world);
    world.ok(sweep(&world, &jobs), &[]);
    let mut terms = sampled_terms();
    terms.id = 1;
    world.ok(
        create_market(&jobs.authority.pubkey(), &jobs.panel, &jobs.mint, terms),
        &[&jobs.authority, &jobs.panel.governor],
    );
    let second = market(&jobs.authority.pubkey(), 1);
    let good = redeem(&jobs, seat);
    assert_error(
        world.send_one(with_account(good.clone(), 0, second), &[]),
        JobsError::ForeignAccount,
    );
    forge_each(&mut world, &good, &[], &[0], &[]);
    world.ok(good, &[]);
}

#[test]
fn credits_are_given_up_by_their_owner_alone() {
    let mut world = World::new();
    let (jobs, seat) = earned(&mut world);
    let owner = jobs.panel.members[seat].owner.insecure_clone();
    let at = ledger(&jobs.market, &owner.pubkey());
    let payer = world.payer.pubkey();
    let by_payer = build::close_ledger(&payer, &payer, &at);
    assert_error(world.send_one(by_payer, &[]), JobsError::LedgerNotEmpty);
    let by_owner = build::close_ledger(&owner.pubkey(), &payer, &at);
    world.ok(by_owner, &[&owner]);
    assert!(!world.exists(&at));
}
