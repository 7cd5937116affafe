use crate::help::*;
use lode_attestation::Verdict;
use lode_jobs::error::JobsError;
use lode_jobs::state::flag;
use lode_staking::state::Node;
use lode_tests::jobs::*;
use lode_tests::staking::{self, TOKENS};
use lode_tests::*;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_signer::Signer;

/// A lie that was found and settled.
fn lie(world: &mut World) -> (Jobs, Address) {
    let mut jobs = sampled(world);
    let at = judged(world, &mut jobs, Verdict::Mismatch);
    settled(world, &at);
    (jobs, at)
}

fn slash(world: &World, jobs: &Jobs, at: &Address) -> Instruction {
    build::slash_job(at, &state(world, at), &mint(world, &jobs.mint))
}

#[test]
fn a_lie_burns_the_fault_share_of_the_stake_and_jails_the_node() {
    let mut world = World::new();
    let (jobs, at) = lie(&mut world);
    let supply = world.supply(&jobs.mint);
    let good = slash(&world, &jobs, &at);
    let units = world.ok(good.clone(), &[]).compute_units_consumed;
    costs::figure("slash of a node", units - 150);
    // 300 bps of 1 000 tokens
    let node: Node = world.read(&jobs.node.node);
    assert_eq!(node.stake, 970 * TOKENS);
    assert_eq!(world.supply(&jobs.mint), supply - 30 * TOKENS);
    assert_eq!(node.jailed_until, world.now() + 7 * staking::DAY);
    staking::assert_vault_holds_stake(&world, &jobs.node.node);
    assert!(!state(&world, &at).has(flag::SLASH_DUE));
    // once
    assert_error(world.send_one(good, &[]), JobsError::NothingToPunish);
    assert_vault_balances(&world, &jobs);
}

#[test]
fn one_incident_is_slashed_once_however_many_lies_it_had() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let lies: Vec<_> = (0..2)
        .map(|_| judged(&mut world, &mut jobs, Verdict::Mismatch))
        .collect();
    for at in &lies {
        settled(&mut world, at);
    }
    let both = [
        slash(&world, &jobs, &lies[0]),
        slash(&world, &jobs, &lies[1]),
    ];
    expect(world.send(&both, &[]));
    assert_eq!(world.read::<Node>(&jobs.node.node).stake, 970 * TOKENS);
    for at in &lies {
        assert!(!state(&world, at).has(flag::SLASH_DUE));
    }
}

#[test]
fn a_node_that_is_gone_only_clears_the_mark() {
    let mut world = World::new();
    let (jobs, at) = lie(&mut world);
    let node = jobs.node.node;
    for gone in [node, staking::vault(&node)] {
        remove(&mut world, &gone);
    }
    let supply = world.supply(&jobs.mint);
    world.ok(slash(&world, &jobs, &at), &[]);
    assert_eq!(world.supply(&jobs.mint), supply);
    assert!(!state(&world, &at).has(flag::SLASH_DUE));
    world.pass_slots(216_000);
    world.ok(jobs.close(&world.payer.pubkey(), &at), &[]);
}

#[test]
fn only_a_settled_lie_is_slashed() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let pending = judged(&mut world, &mut jobs, Verdict::Mismatch);
    let matched = judged(&mut world, &mut jobs, Verdict::Match);
    let unrunnable = judged(&mut world, &mut jobs, Verdict::Unrunnable);
    let running = jobs.accepted(&mut world);
    settled(&mut world, &matched);
    settled(&mut world, &unrunnable);
    let expired = jobs.accepted(&mut world);
    for at in [pending, matched, unrunnable, running, expired] {
        assert_error(
            world.send_one(slash(&world, &jobs, &at), &[]),
            JobsError::NothingToPunish,
        );
    }
    // nor what was overturned before it was settled
    let appellant = patron(&mut world, &jobs);
    let cleared = judged(&mut world, &mut jobs, Verdict::Mismatch);
    let first = state(&world, &cleared).signed_mismatch;
    world.ok(challenge(&world, &appellant, &cleared), &[&appellant]);
    let outside = others(&jobs, first);
    sign(&mut world, &jobs, &cleared, Verdict::Match, &outside[..4]);
    settled(&mut world, &cleared);
    assert_error(
        world.send_one(slash(&world, &jobs, &cleared), &[]),
        JobsError::NothingToPunish,
    );
    assert_eq!(world.read::<Node>(&jobs.node.node).stake, 1_000 * TOKENS);
}

#[test]
fn no_other_node_vault_mint_or_program_is_taken() {
    let mut world = World::new();
    let (jobs, at) = lie(&mut world);
    let other = jobs.staking.staked_operator(&mut world, 1_000 * TOKENS);
    let good = slash(&world, &jobs, &at);
    let committee_mint = jobs.panel.mint;
    for (index, wrong) in [
        (2, world.payer.pubkey()),
        (3, lode_oracle::ID),
        (3, TOKEN),
        (4, config()),
        (5, other.node),
        (5, world.payer.pubkey()),
        (6, staking::vault(&other.node)),
        (6, vault(&jobs.market)),
        (7, committee_mint),
        (8, TOKEN_2022),
        (8, lode_jobs::ID),
    ] {
        let forged = with_account(good.clone(), index, wrong);
        assert_refused(world.send_one(forged, &[]));
    }
    // the node left out, as if it were gone
    let gone = with_account(good.clone(), 5, Address::new_unique());
    assert_error(world.send_one(gone, &[]), JobsError::ForeignAccount);
    forge_each(&mut world, &good, &[2, 3, 8], &[0, 5, 6, 7], &[]);
    assert!(state(&world, &at).has(flag::SLASH_DUE));
    assert_eq!(world.read::<Node>(&jobs.node.node).stake, 1_000 * TOKENS);
    world.ok(good, &[]);
}

#[test]
fn a_lie_keeps_its_job_until_it_is_slashed_or_two_weeks_have_passed() {
    let mut world = World::new();
    let (jobs, at) = lie(&mut world);
    let crank = world.payer.pubkey();
    world.pass_slots(216_000);
    assert_error(
        world.send_one(jobs.close(&crank, &at), &[]),
        JobsError::NotClosable,
    );
    world.ok(slash(&world, &jobs, &at), &[]);
    // the jurors were all heard: one is silent in a panel that decided, and owes nothing
    world.ok(jobs.close(&crank, &at), &[]);
}
