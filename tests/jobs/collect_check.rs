use crate::help::*;
use lode_attestation::Verdict;
use lode_jobs::error::JobsError;
use lode_oracle::state::Committee;
use lode_tests::jobs::*;
use lode_tests::oracle::Panel;
use lode_tests::*;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_signer::Signer;

fn collect(world: &World, jobs: &Jobs, at: &Address, seat: u8) -> Instruction {
    let owner = jobs.panel.members[usize::from(seat)].owner.pubkey();
    build::collect_check(at, &state(world, at), &jobs.panel.committee, seat, &owner)
}

/// Ledgers of all seats.
fn open_all(world: &mut World, jobs: &Jobs) {
    for member in &jobs.panel.members {
        let owner = member.owner.pubkey();
        world.ok(jobs.open_ledger(&world.payer.pubkey(), &owner), &[]);
    }
}

fn credits(world: &World, jobs: &Jobs, seat: u8) -> u64 {
    let owner = jobs.panel.members[usize::from(seat)].owner.pubkey();
    money(world, jobs, &owner).credits
}

#[test]
fn each_signer_of_the_final_verdict_has_an_equal_share_once() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    open_all(&mut world, &jobs);
    let at = judged(&mut world, &mut jobs, Verdict::Match);
    let signers = seats_of(state(&world, &at).signed_match);
    let silent = others(&jobs, mask_of(&signers))[0];
    let early = collect(&world, &jobs, &at, signers[0]);
    assert_error(world.send_one(early, &[]), JobsError::IllegalTransition);
    settled(&mut world, &at);
    for seat in &signers {
        let good = collect(&world, &jobs, &at, *seat);
        world.ok(good.clone(), &[]);
        // three works of the units, 5 400, shared by two
        assert_eq!(credits(&world, &jobs, *seat), 2_700);
        assert_error(world.send_one(good, &[]), JobsError::NothingToCollect);
    }
    let others = collect(&world, &jobs, &at, silent);
    assert_error(world.send_one(others, &[]), JobsError::NothingToCollect);
    assert_eq!(state(&world, &at).collected, mask_of(&signers));
    // credits are no money of the vault's yet
    assert_vault_balances(&world, &jobs);
}

#[test]
fn twice_in_one_transaction_is_once() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    open_all(&mut world, &jobs);
    let at = judged(&mut world, &mut jobs, Verdict::Match);
    let signers = seats_of(state(&world, &at).signed_match);
    settled(&mut world, &at);
    let good = collect(&world, &jobs, &at, signers[0]);
    assert_error(
        world.send(&[good.clone(), good], &[]),
        JobsError::NothingToCollect,
    );
    assert_eq!(credits(&world, &jobs, signers[0]), 0);
}

#[test]
fn shares_are_of_what_the_ending_brought_in() {
    // (verdict of the panel, base units due to its two signers)
    for (verdict, due) in [
        (Verdict::Match, 5_400),
        (Verdict::Mismatch, 6_000),
        (Verdict::Unrunnable, 2_000),
    ] {
        let mut world = World::new();
        let mut jobs = sampled(&mut world);
        open_all(&mut world, &jobs);
        let at = judged(&mut world, &mut jobs, verdict);
        let signers = seats_of(state(&world, &at).signers(verdict));
        settled(&mut world, &at);
        world.ok(collect(&world, &jobs, &at, signers[0]), &[]);
        assert_eq!(credits(&world, &jobs, signers[0]), due / 2, "{verdict:?}");
    }
}

#[test]
fn a_lost_challenge_pays_the_check_and_a_lost_appeal_comes_on_top() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    open_all(&mut world, &jobs);
    let at = revealed(&mut world, &mut jobs);
    let challenger = patron(&mut world, &jobs);
    world.ok(challenge(&world, &challenger, &at), &[&challenger]);
    let panel = seats_of(state(&world, &at).panel);
    sign(&mut world, &jobs, &at, Verdict::Match, &panel[..2]);
    world.ok(challenge(&world, &challenger, &at), &[&challenger]);
    let outside = others(&jobs, mask_of(&panel[..2]));
    sign(&mut world, &jobs, &at, Verdict::Match, &outside[..2]);
    settled(&mut world, &at);
    // 6 000 and 14 000, shared by four
    for seat in [panel[0], panel[1], outside[0], outside[1]] {
        world.ok(collect(&world, &jobs, &at, seat), &[]);
        assert_eq!(credits(&world, &jobs, seat), 5_000);
    }
}

#[test]
fn the_overruled_and_the_unchecked_earn_nothing() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    open_all(&mut world, &jobs);
    let at = judged(&mut world, &mut jobs, Verdict::Mismatch);
    let first = seats_of(state(&world, &at).signed_mismatch);
    let appellant = patron(&mut world, &jobs);
    world.ok(challenge(&world, &appellant, &at), &[&appellant]);
    let outside = others(&jobs, mask_of(&first));
    sign(&mut world, &jobs, &at, Verdict::Match, &outside[..4]);
    settled(&mut world, &at);
    assert_error(
        world.send_one(collect(&world, &jobs, &at, first[0]), &[]),
        JobsError::NothingToCollect,
    );
    world.ok(collect(&world, &jobs, &at, outside[0]), &[]);
    assert_eq!(credits(&world, &jobs, outside[0]), 5_400 / 4);

    let at = revealed(&mut world, &mut jobs);
    settled(&mut world, &at);
    for seat in 0..7 {
        assert_error(
            world.send_one(collect(&world, &jobs, &at, seat), &[]),
            JobsError::NothingToCollect,
        );
    }
}

#[test]
fn a_void_pays_nobody() {
    let mut world = World::new();
    let mut jobs = Jobs::with(&mut world, args(3), 3, 4);
    open_all(&mut world, &jobs);
    let at = jobs.sealed(&mut world);
    pass_until(&mut world, &at, 0);
    world.ok(escalate(&world, &at), &[]);
    sign(&mut world, &jobs, &at, Verdict::Match, &[0, 1]);
    pass_until(&mut world, &at, 0);
    world.ok(void(&world, &at), &[]);
    assert_error(
        world.send_one(collect(&world, &jobs, &at, 0), &[]),
        JobsError::IllegalTransition,
    );
}

#[test]
fn a_seat_that_changed_hands_collects_nothing_for_whoever_sat_there_before() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    open_all(&mut world, &jobs);
    let at = judged(&mut world, &mut jobs, Verdict::Match);
    let seat = seats_of(state(&world, &at).signed_match)[0];
    let job = settled(&mut world, &at);
    let mut committee: Committee = world.read(&jobs.panel.committee);
    let whole = committee;
    committee.seats[usize::from(seat)].active_from = job.submitted_at + 1;
    world.write(&jobs.panel.committee, &committee);
    assert_error(
        world.send_one(collect(&world, &jobs, &at, seat), &[]),
        JobsError::NothingToCollect,
    );
    let mut unknown = whole;
    unknown.version = 2;
    world.write(&jobs.panel.committee, &unknown);
    assert_error(
        world.send_one(collect(&world, &jobs, &at, seat), &[]),
        JobsError::UnknownVersion,
    );
    world.write(&jobs.panel.committee, &whole);
    world.ok(collect(&world, &jobs, &at, seat), &[]);
}

#[test]
fn a_share_goes_to_the_seats_owner_alone() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    open_all(&mut world, &jobs);
    let at = judged(&mut world, &mut jobs, Verdict::Match);
    let seat = seats_of(state(&world, &at).signed_match)[0];
    settled(&mut world, &at);
    let good = collect(&world, &jobs, &at, seat);
    let stranger = patron(&mut world, &jobs);
    let theirs = ledger(&jobs.market, &stranger.pubkey());
    let outsider = others(&jobs, state(&world, &at).signed_match)[0];
    let member = jobs.panel.members[usize::from(outsider)].owner.pubkey();
    for wrong in [
        theirs,
        ledger(&jobs.market, &member),
        jobs.customer_ledger(),
    ] {
        assert_error(
            world.send_one(with_account(good.clone(), 3, wrong), &[]),
            JobsError::ForeignAccount,
        );
    }
    assert_error(
        world.send_one(with_account(good.clone(), 3, jobs.node_ledger()), &[]),
        JobsError::WrongLedgerKind,
    );
    let other = Panel::serving(&mut world, 3, 3);
    assert_error(
        world.send_one(with_account(good.clone(), 1, other.committee), &[]),
        JobsError::ForeignAccount,
    );
    for number in [32, 33, 255] {
        let owner = jobs.panel.members[0].owner.pubkey();
        let none = build::collect_check(
            &at,
            &state(&world, &at),
            &jobs.panel.committee,
            number,
            &owner,
        );
        assert_error(world.send_one(none, &[]), JobsError::NothingToCollect);
    }
    forge_each(&mut world, &good, &[], &[0, 1], &[]);
    assert_eq!(credits(&world, &jobs, seat), 0);
    world.ok(good, &[]);
}
