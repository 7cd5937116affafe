use crate::help::*;
use anchor_lang::{InstructionData, ToAccountMetas};
use lode_attestation::Verdict;
use lode_jobs::error::JobsError;
use lode_jobs::state::{Ledger, LedgerKind, Work};
use lode_jobs::{accounts, instruction, ID};
use lode_tests::jobs::*;
use lode_tests::staking::TOKENS;
use lode_tests::*;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_signer::Signer;

fn set_cap(authority: &Address, ledger: &Address, locked_cap: u64) -> Instruction {
    let accounts = accounts::SetLockedCap {
        authority: *authority,
        ledger: *ledger,
    };
    lode_tests::instruction(
        ID,
        accounts.to_account_metas(None),
        instruction::SetLockedCap { locked_cap }.data(),
    )
}

fn close(signer: &Address, payer: &Address, ledger: &Address) -> Instruction {
    let accounts = accounts::CloseLedger {
        signer: *signer,
        payer: *payer,
        ledger: *ledger,
    };
    lode_tests::instruction(
        ID,
        accounts.to_account_metas(None),
        instruction::CloseLedger {}.data(),
    )
}

#[test]
fn anyone_opens_a_wallets_ledger_and_it_is_the_wallets() {
    let mut world = World::new();
    let jobs = Jobs::new(&mut world, 3);
    let (payer, wallet) = (world.wallet(), Address::new_unique());
    world.ok(jobs.open_ledger(&payer.pubkey(), &wallet), &[&payer]);
    let state: Ledger = world.read(&ledger(&jobs.market, &wallet));
    assert_eq!((state.version, state.kind), (1, LedgerKind::Wallet as u8));
    assert_eq!(
        (state.market, state.party, state.authority, state.payer),
        (jobs.market, wallet, wallet, payer.pubkey())
    );
    assert_eq!(state.nonce_top, (START as u64 + 1) << 20);
    assert_refused(world.send_one(jobs.open_ledger(&payer.pubkey(), &wallet), &[&payer]));
    let elsewhere = with_account(
        jobs.open_ledger(&payer.pubkey(), &payer.pubkey()),
        3,
        ledger(&jobs.market, &wallet),
    );
    assert_refused(world.send_one(elsewhere, &[&payer]));
}

#[test]
fn only_its_owner_opens_a_nodes_ledger() {
    let mut world = World::new();
    let jobs = Jobs::new(&mut world, 3);
    let (node, stranger) = (jobs.staking.operator(&mut world), world.wallet());
    let open = jobs.open_node_ledger(&node.owner.pubkey(), &node.node, 7);
    let foreign = with_account(open.clone(), 0, stranger.pubkey());
    assert_error(
        world.send_one(foreign, &[&stranger]),
        JobsError::NotLedgerAuthority,
    );
    let workers = with_account(open.clone(), 0, node.worker.pubkey());
    assert_error(
        world.send_one(workers, &[&node.worker]),
        JobsError::NotLedgerAuthority,
    );
    let forged = world.foreign_owned(&node.node);
    assert_refused(world.send_one(with_account(open.clone(), 3, forged), &[&node.owner]));
    world.ok(open, &[&node.owner]);
    let state: Ledger = world.read(&ledger(&jobs.market, &node.node));
    assert_eq!(
        (state.kind, state.party, state.authority),
        (LedgerKind::Node as u8, node.node, node.owner.pubkey())
    );
    assert_eq!(state.locked_cap, 7);
    let points: Work = world.read(&work(&node.node));
    assert_eq!(
        (points.node, points.payer, points.points),
        (node.node, node.owner.pubkey(), 0)
    );
}

/// The points of a node that was closed are closed too; its address may be taken again, and its ledger stands.
#[test]
fn a_node_that_is_registered_again_earns_points_again() {
    let mut world = World::new();
    let jobs = Jobs::new(&mut world, 3);
    let node = jobs.staking.operator(&mut world);
    let open = jobs.open_node_ledger(&node.owner.pubkey(), &node.node, 7);
    world.ok(open.clone(), &[&node.owner]);
    let at = ledger(&jobs.market, &node.node);
    let before: Ledger = world.read(&at);
    world.pass_seconds(1);
    let again = jobs.open_node_ledger(&node.owner.pubkey(), &node.node, 8);
    assert_error(
        world.send_one(again.clone(), &[&node.owner]),
        JobsError::LedgerExists,
    );
    world
        .svm
        .set_account(work(&node.node), Default::default())
        .unwrap();
    world.ok(again, &[&node.owner]);
    assert_eq!(world.read::<Work>(&work(&node.node)).node, node.node);
    // the ledger stays as it was, with its nonces, but for the cap that its owner just signed
    let mut after: Ledger = world.read(&at);
    assert_eq!((before.locked_cap, after.locked_cap), (7, 8));
    after.locked_cap = before.locked_cap;
    assert_eq!(bytemuck::bytes_of(&after), bytemuck::bytes_of(&before));
}

/// Who appeals against a verdict needs a ledger before a deadline.
#[test]
fn no_pause_keeps_a_wallet_from_a_ledger() {
    let mut world = World::new();
    let jobs = Jobs::new(&mut world, 3);
    world.ok(build::pause(&jobs.guardian.pubkey()), &[&jobs.guardian]);
    let (payer, wallet) = (world.payer.pubkey(), world.wallet().pubkey());
    world.ok(jobs.open_ledger(&payer, &wallet), &[]);
    let node = jobs.staking.operator(&mut world);
    let open = jobs.open_node_ledger(&node.owner.pubkey(), &node.node, 7);
    assert_error(world.send_one(open, &[&node.owner]), JobsError::Paused);
}

#[test]
fn money_goes_in_from_anyone_and_out_to_its_authority_alone() {
    let mut world = World::new();
    let jobs = Jobs::new(&mut world, 3);
    let friend = jobs.staking.wallet(&mut world, 10 * TOKENS);
    let (customer, node) = (jobs.customer.pubkey(), jobs.node.node);
    world.ok(
        jobs.deposit(&world, &friend.pubkey(), &customer, 10 * TOKENS),
        &[&friend],
    );
    assert_eq!(
        world.read::<Ledger>(&jobs.customer_ledger()).available,
        510 * TOKENS
    );
    assert_vault_balances(&world, &jobs);

    let withdraw = jobs.withdraw(&world, &customer, &customer, 510 * TOKENS);
    let too_much = jobs.withdraw(&world, &customer, &customer, 510 * TOKENS + 1);
    assert_error(
        world.send_one(too_much, &[&jobs.customer]),
        JobsError::InsufficientFunds,
    );
    let friends = world.associated(&friend.pubkey(), &jobs.mint);
    assert_error(
        world.send_one(
            with_account(withdraw.clone(), 4, friends),
            &[&jobs.customer],
        ),
        JobsError::WrongDestination,
    );
    let foreign = with_account(
        with_account(withdraw.clone(), 0, friend.pubkey()),
        4,
        friends,
    );
    assert_error(
        world.send_one(foreign, &[&friend]),
        JobsError::NotLedgerAuthority,
    );
    let other_mint = world.mint(&TOKEN);
    assert_error(
        world.send_one(
            with_account(withdraw.clone(), 5, other_mint),
            &[&jobs.customer],
        ),
        JobsError::WrongMint,
    );
    assert_refused(world.send_one(unsigned(withdraw.clone(), 0), &[]));
    for index in [2, 3, 4] {
        assert_refused(world.send_one(read_only(withdraw.clone(), index), &[&jobs.customer]));
    }
    world.ok(withdraw, &[&jobs.customer]);
    assert_vault_balances(&world, &jobs);

    // the worker's key moves no money
    let worker = jobs.node.worker.pubkey();
    let workers = world.token_account(&jobs.mint, &worker, 0);
    let mut theft = with_account(
        jobs.withdraw(&world, &jobs.node.owner.pubkey(), &node, TOKENS),
        4,
        workers,
    );
    theft.accounts[0].pubkey = worker;
    assert_error(
        world.send_one(theft, &[&jobs.node.worker]),
        JobsError::NotLedgerAuthority,
    );
    let deposit = jobs.deposit(&world, &customer, &customer, TOKENS);
    assert_error(
        world.send_one(
            with_account(deposit.clone(), 5, other_mint),
            &[&jobs.customer],
        ),
        JobsError::WrongMint,
    );
    assert_refused(world.send_one(
        with_account(deposit.clone(), 3, lode_tests::staking::vault(&node)),
        &[&jobs.customer],
    ));
    assert_refused(world.send_one(unsigned(deposit, 0), &[]));
    assert_vault_balances(&world, &jobs);
}

#[test]
fn a_ledger_of_another_market_takes_and_gives_nothing_here() {
    let mut world = World::new();
    let jobs = Jobs::new(&mut world, 3);
    let mut terms = args(3);
    terms.id = 1;
    world.ok(
        create_market(&jobs.authority.pubkey(), &jobs.panel, &jobs.mint, terms),
        &[&jobs.authority, &jobs.panel.governor],
    );
    let other = market(&jobs.authority.pubkey(), 1);
    let customer = jobs.customer.pubkey();
    for (instruction, index) in [
        (jobs.deposit(&world, &customer, &customer, TOKENS), 1),
        (jobs.withdraw(&world, &customer, &customer, TOKENS), 1),
    ] {
        assert_error(
            world.send_one(with_account(instruction, index, other), &[&jobs.customer]),
            JobsError::ForeignAccount,
        );
    }
    let forged = world.foreign_owned(&jobs.customer_ledger());
    let withdraw = jobs.withdraw(&world, &customer, &customer, TOKENS);
    assert_refused(world.send_one(with_account(withdraw, 2, forged), &[&jobs.customer]));
}

/// The same parties have ledgers in another market, of the same terms: money of one market is not money of the other.
#[test]
fn a_job_takes_no_ledger_of_another_market() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let mut terms = sampled_terms();
    terms.id = 1;
    world.ok(
        create_market(&jobs.authority.pubkey(), &jobs.panel, &jobs.mint, terms),
        &[&jobs.authority, &jobs.panel.governor],
    );
    let other = market(&jobs.authority.pubkey(), 1);
    let own = jobs.market;
    let seats: Vec<Address> = jobs
        .panel
        .members
        .iter()
        .map(|m| m.owner.pubkey())
        .collect();
    for at in [other, own] {
        jobs.market = at;
        for seat in &seats {
            world.ok(jobs.open_ledger(&world.payer.pubkey(), seat), &[]);
        }
    }
    jobs.market = other;
    let node = jobs.open_node_ledger(&jobs.node.owner.pubkey(), &jobs.node.node, 7);
    world.ok(node, &[&jobs.node.owner]);
    jobs.market = own;

    let elsewhere = |call: Instruction, party: &Address| {
        let here = ledger(&own, party);
        let mut accounts = call.accounts.iter();
        let place = accounts.position(|meta| meta.pubkey == here).unwrap();
        with_account(call, place, ledger(&other, party))
    };
    let worker = jobs.node.worker.insecure_clone();
    let party = jobs.node.node;
    let open = jobs.open(&mut world);
    let accept = elsewhere(jobs.accept(&jobs.node, &open), &party);
    assert_error(
        world.send_one(accept, &[&worker]),
        JobsError::ForeignAccount,
    );
    let accepted = jobs.accepted(&mut world);
    let give_up = elsewhere(jobs.give_up(&jobs.node, &accepted), &party);
    assert_error(
        world.send_one(give_up, &[&worker]),
        JobsError::ForeignAccount,
    );

    let checked = judged(&mut world, &mut jobs, Verdict::Match);
    let customer = jobs.customer.insecure_clone();
    let settle = elsewhere(settle(&world, &customer.pubkey(), &checked), &party);
    assert_error(
        world.send_one(settle, &[&customer]),
        JobsError::ForeignAccount,
    );
    settled(&mut world, &checked);
    // What it owes is not swept out of the other market's vault.
    let (terms, payment) = (jobs.terms(&world), mint(&world, &jobs.mint));
    let sweep = build::sweep_fees(&own, &terms, &party, &payment, None, false);
    let mut there = sweep.clone();
    for meta in &mut there.accounts {
        for (this, that) in [(own, other), (vault(&own), vault(&other))] {
            if meta.pubkey == this {
                meta.pubkey = that;
            }
        }
    }
    assert_error(world.send_one(there, &[]), JobsError::ForeignAccount);
    world.ok(sweep, &[]);
    let job = state(&world, &checked);
    let seat = seats_of(job.signed_match)[0];
    let owner = &seats[usize::from(seat)];
    let share = build::collect_check(&checked, &job, &jobs.panel.committee, seat, owner);
    let there = elsewhere(share.clone(), owner);
    assert_error(world.send_one(there, &[]), JobsError::ForeignAccount);
    world.ok(share, &[]);

    let unsealed = jobs.submitted(&mut world);
    world.pass_slots(216_000);
    let good = void(&world, &unsealed);
    let there = elsewhere(good.clone(), &party);
    assert_error(world.send_one(there, &[]), JobsError::ForeignAccount);
    // nor another node's of this market
    let second = jobs.staking.staked_operator(&mut world, 1_000 * TOKENS);
    jobs.open_node(&mut world, &second);
    let here = jobs.node_ledger();
    let mut theirs = good.clone();
    for meta in &mut theirs.accounts {
        if meta.pubkey == here {
            meta.pubkey = ledger(&own, &second.node);
        }
    }
    assert_error(world.send_one(theirs, &[]), JobsError::ForeignAccount);
    world.ok(good, &[]);

    let expire = jobs.expire(&world.payer.pubkey(), &accepted);
    let there = elsewhere(expire.clone(), &party);
    assert_error(world.send_one(there, &[]), JobsError::ForeignAccount);
    world.ok(expire, &[]);
}

#[test]
fn an_owner_sets_the_cap_of_his_node_and_nobody_else() {
    let mut world = World::new();
    let jobs = Jobs::new(&mut world, 3);
    let (owner, at) = (jobs.node.owner.pubkey(), jobs.node_ledger());
    world.ok(set_cap(&owner, &at, 5), &[&jobs.node.owner]);
    assert_eq!(world.read::<Ledger>(&at).locked_cap, 5);
    let worker = jobs.node.worker.pubkey();
    assert_error(
        world.send_one(set_cap(&worker, &at, 9), &[&jobs.node.worker]),
        JobsError::NotLedgerAuthority,
    );
    let customers = set_cap(&jobs.customer.pubkey(), &jobs.customer_ledger(), 9);
    assert_error(
        world.send_one(customers, &[&jobs.customer]),
        JobsError::WrongLedgerKind,
    );
    assert_refused(world.send_one(unsigned(set_cap(&owner, &at, 9), 0), &[]));
    assert_refused(world.send_one(read_only(set_cap(&owner, &at, 9), 1), &[&jobs.node.owner]));
}

#[test]
fn an_empty_ledger_closes_and_an_old_address_never_returns() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let (customer, at, payer) = (
        jobs.customer.pubkey(),
        jobs.customer_ledger(),
        world.payer.pubkey(),
    );
    assert_error(
        world.send_one(close(&customer, &payer, &at), &[&jobs.customer]),
        JobsError::LedgerNotEmpty,
    );
    let job_at = jobs.open(&mut world);
    let rest = world.read::<Ledger>(&at).available;
    world.ok(
        jobs.withdraw(&world, &customer, &customer, rest),
        &[&jobs.customer],
    );
    // nothing available, but a job is open
    assert_error(
        world.send_one(close(&customer, &payer, &at), &[&jobs.customer]),
        JobsError::LedgerNotEmpty,
    );
    world.ok(jobs.cancel(&customer, &job_at), &[&jobs.customer]);
    let rest = world.read::<Ledger>(&at).available;
    world.ok(
        jobs.withdraw(&world, &customer, &customer, rest),
        &[&jobs.customer],
    );
    let stranger = world.wallet();
    assert_error(
        world.send_one(close(&stranger.pubkey(), &payer, &at), &[&stranger]),
        JobsError::NotLedgerAuthority,
    );
    assert_error(
        world.send_one(close(&customer, &stranger.pubkey(), &at), &[&jobs.customer]),
        JobsError::WrongPayer,
    );
    // Whoever opened it again within this second could post at the same addresses.
    let old = world.read::<Ledger>(&at).nonce_top;
    assert_error(
        world.send_one(close(&customer, &payer, &at), &[&jobs.customer]),
        JobsError::PostedJustNow,
    );
    world.pass_seconds(1);
    world.ok(close(&customer, &payer, &at), &[&jobs.customer]);
    assert!(!world.exists(&at));
    world.ok(jobs.open_ledger(&payer, &customer), &[]);
    let again = world.read::<Ledger>(&at);
    assert!(again.nonce_top > old && again.nonce_taken == u64::MAX);
    // nor does one from below where it begins: an account of the second before may have come as far
    world.ok(
        jobs.deposit(&world, &customer, &customer, 1_000_000),
        &[&jobs.customer],
    );
    for below in [0, 5, 63] {
        let mut args = jobs.post_args();
        args.nonce = again.nonce_top - below;
        assert_error(
            world.send_one(jobs.post(args), &[&jobs.customer]),
            JobsError::NonceTaken,
        );
    }
    world.ok(
        jobs.withdraw(&world, &customer, &customer, 1_000_000),
        &[&jobs.customer],
    );
    // whoever paid may close an empty one as well
    world.ok(close(&payer, &payer, &at), &[]);
}
