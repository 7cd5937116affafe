//! Accounts that are not what they are passed as, programs that are not the named ones, accounts that come back.

use crate::help::*;
use lode_attestation::Verdict;
use lode_jobs::error::JobsError;
use lode_oracle::state::Committee;
use lode_tests::emissions::Emissions;
use lode_tests::jobs::*;
use lode_tests::staking::DAY;
use lode_tests::*;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_signer::Signer;

#[test]
fn what_set_ups_send_takes_no_other_account() {
    try_set_ups_too();
    let mut world = World::new();
    let jobs = sampled(&mut world);
    Emissions::start(&mut world, jobs.staking, |_| {});
}

#[test]
#[should_panic(expected = "deposit with market read-only")]
fn what_is_passed_to_be_written_and_need_not_be_is_noticed() {
    let mut world = World::new();
    let jobs = Jobs::new(&mut world, 3);
    let wallet = jobs.customer.pubkey();
    let mut deposit = jobs.deposit(&world, &wallet, &wallet, 1);
    let market = deposit
        .accounts
        .iter_mut()
        .find(|meta| meta.pubkey == jobs.market);
    market.unwrap().is_writable = true;
    let _ = world.send_one(deposit, &[&jobs.customer]);
}

#[test]
fn an_account_of_another_type_is_never_taken() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = judged(&mut world, &mut jobs, Verdict::Match);
    let wallet = patron(&mut world, &jobs);
    let other = jobs.open(&mut world);
    // one of every type of jobs and of the sisters
    let kinds = [
        config(),
        jobs.market,
        jobs.customer_ledger(),
        at,
        work(&jobs.node.node),
        jobs.node.node,
        staking::config(),
        jobs.panel.committee,
        jobs.panel.oracle(&jobs.panel.members[0]),
        vault(&jobs.market),
        jobs.mint,
    ];
    let discriminator = |world: &World, at: &Address| {
        let account = world.svm.get_account(at).unwrap();
        (
            account.owner,
            account.data[..8].to_vec(),
            account.data.len(),
        )
    };
    let owner = jobs.panel.members[0].owner.pubkey();
    let calls: Vec<(Instruction, Vec<&Keypair>)> = vec![
        (challenge(&world, &wallet, &at), vec![&wallet]),
        (
            settle(&world, &jobs.customer.pubkey(), &at),
            vec![&jobs.customer],
        ),
        (
            jobs.cancel(&jobs.customer.pubkey(), &other),
            vec![&jobs.customer],
        ),
        (jobs.accept(&jobs.node, &other), vec![&jobs.node.worker]),
        (
            jobs.withdraw(&world, &wallet.pubkey(), &wallet.pubkey(), 1),
            vec![&wallet],
        ),
        (build::redeem_credits(&jobs.market, &owner), vec![]),
        (
            build::collect_check(&at, &state(&world, &at), &jobs.panel.committee, 0, &owner),
            vec![],
        ),
    ];
    let mut tried = 0;
    for (call, signers) in &calls {
        for index in 0..call.accounts.len() {
            let meta = &call.accounts[index];
            if meta.is_signer || !world.exists(&meta.pubkey) || meta.pubkey == TOKEN {
                continue;
            }
            let own = discriminator(&world, &meta.pubkey);
            for kind in &kinds {
                if discriminator(&world, kind) == own {
                    continue;
                }
                tried += 1;
                let forged = with_account(call.clone(), index, *kind);
                assert_refused(world.send_one(forged, signers));
            }
        }
    }
    assert!(tried > 250, "{tried}");
    assert_vault_balances(&world, &jobs);
}

#[test]
fn no_program_is_called_but_the_named_ones() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = judged(&mut world, &mut jobs, Verdict::Mismatch);
    settled(&mut world, &at);
    // the token program's own code at another address, and programs of the suite that would answer to other calls
    let copy = Address::new_unique();
    let account = world.svm.get_account(&TOKEN).unwrap();
    assert!(account.executable);
    world.svm.set_account(copy, account).unwrap();
    let (customer, payment) = (jobs.customer.pubkey(), mint(&world, &jobs.mint));
    let terms = jobs.terms(&world);
    let sweep = build::sweep_fees(&jobs.market, &terms, &jobs.node.node, &payment, None, false);
    let slash = build::slash_job(&at, &state(&world, &at), &payment);
    for (call, index) in [
        (jobs.withdraw(&world, &customer, &customer, 1), 6),
        (jobs.deposit(&world, &customer, &customer, 1), 6),
        (sweep.clone(), 7),
        (slash.clone(), 3),
        (slash.clone(), 8),
    ] {
        for program in [
            copy,
            lode_jobs::ID,
            lode_oracle::ID,
            TOKEN_2022,
            world.payer.pubkey(),
        ] {
            assert_ne!(call.accounts[index].pubkey, program);
            let forged = with_account(call.clone(), index, program);
            let signs = forged.accounts[0].is_signer;
            let signers: &[&Keypair] = if signs { &[&jobs.customer] } else { &[] };
            assert_refused(world.send_one(forged, signers));
        }
    }
    world.ok(sweep, &[]);
    world.ok(slash, &[]);
}

#[test]
fn what_a_called_program_changed_is_not_overwritten() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = judged(&mut world, &mut jobs, Verdict::Match);
    let wrong = seats_of(state(&world, &at).signed_match);
    let appellant = patron(&mut world, &jobs);
    world.ok(challenge(&world, &appellant, &at), &[&appellant]);
    let outside = others(&jobs, mask_of(&wrong));
    sign(&mut world, &jobs, &at, Verdict::Mismatch, &outside[..4]);
    settled(&mut world, &at);
    let wallet = appellant.pubkey();
    let bonds = mint(&world, &jobs.panel.mint);
    let both: Vec<Instruction> = wrong
        .iter()
        .map(|seat| {
            let owner = jobs.panel.members[usize::from(*seat)].owner.pubkey();
            let job = state(&world, &at);
            build::penalise_oracle(
                &at,
                &job,
                &jobs.panel.committee,
                *seat,
                Some(&owner),
                Some(&wallet),
                &bonds,
            )
        })
        .collect();
    expect(world.send(&both, &[]));
    // both seats end, and the rest of the committee is as it was
    let committee: Committee = world.read(&jobs.panel.committee);
    for (number, seat) in committee.seats.iter().enumerate().take(7) {
        let guilty = wrong.contains(&u8::try_from(number).unwrap());
        let expected = if guilty { world.now() + DAY } else { i64::MAX };
        assert_eq!(seat.left_at, expected, "{number}");
    }
    assert_eq!(state(&world, &at).penalised, mask_of(&wrong));
}

#[test]
fn a_closed_job_does_not_come_back() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let args = jobs.post_args();
    world.ok(jobs.post(args), &[&jobs.customer]);
    let at = job(&jobs.customer_ledger(), args.nonce).0;
    let customer = jobs.customer.pubkey();
    let cancel = jobs.cancel(&customer, &at);
    world.ok(cancel.clone(), &[&jobs.customer]);
    // closed, and kept alive with lamports in the very transaction
    let close = jobs.close(&customer, &at);
    let keep = solana_system_interface::instruction::transfer(&customer, &at, 10_000_000);
    let sent = [close.clone(), keep.clone(), cancel.clone()];
    assert_refused(world.send(&sent, &[&jobs.customer]));
    expect(world.send(&[close.clone(), keep], &[&jobs.customer]));
    let left = world.svm.get_account(&at).unwrap();
    assert!(left.data.is_empty() && left.owner == SYSTEM);
    assert_refused(world.send_one(cancel, &[&jobs.customer]));
    assert_refused(world.send_one(close, &[]));
    // nor is there ever another job at its address
    assert_error(
        world.send_one(jobs.post(args), &[&jobs.customer]),
        JobsError::NonceTaken,
    );
    assert_vault_balances(&world, &jobs);
}

#[test]
fn a_ledger_passed_for_two_parties_pays_nobody_twice() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let at = revealed(&mut world, &mut jobs);
    let challenger = patron(&mut world, &jobs);
    world.ok(challenge(&world, &challenger, &at), &[&challenger]);
    let panel = seats_of(state(&world, &at).panel);
    sign(&mut world, &jobs, &at, Verdict::Mismatch, &panel);
    pass_until(&mut world, &at, 0);
    let crank = world.payer.pubkey();
    let good = settle(&world, &crank, &at);
    let theirs = ledger(&jobs.market, &challenger.pubkey());
    let places = [4, 5, 7];
    assert_eq!(good.accounts[7].pubkey, theirs);
    for from in places {
        for to in places {
            if from != to {
                let twice = with_account(good.clone(), to, good.accounts[from].pubkey);
                assert_refused(world.send_one(twice, &[]));
            }
        }
    }
    // once more in the same transaction
    let sent = world.send(&[good.clone(), good.clone()], &[]);
    assert_error(sent, JobsError::IllegalTransition);
    world.ok(good, &[]);
    assert_vault_balances(&world, &jobs);
}
