use crate::help::*;
use lode_attestation::Verdict;
use lode_jobs::error::JobsError;
use lode_jobs::state::Market;
use lode_tests::jobs::*;
use lode_tests::*;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_signer::Signer;

/// A node's ledger that owes: burn 54, market 36, checks 2 700.
fn owing(world: &mut World) -> Jobs {
    let mut jobs = sampled(world);
    let at = judged(world, &mut jobs, Verdict::Match);
    settled(world, &at);
    let node = nodes(world, &jobs);
    assert_eq!(
        (
            node.burn_owed,
            node.fees_owed,
            node.market_owed,
            node.checks_owed
        ),
        (54, 0, 36, 2_700)
    );
    jobs
}

fn sweep(world: &World, jobs: &Jobs, treasury: Option<&Address>, market: bool) -> Instruction {
    let payment = mint(world, &jobs.mint);
    let (terms, node) = (jobs.terms(world), jobs.node.node);
    build::sweep_fees(&jobs.market, &terms, &node, &payment, treasury, market)
}

/// The market's authority has a ledger.
fn authority_ledger(world: &mut World, jobs: &Jobs) {
    let authority = jobs.authority.pubkey();
    world.ok(jobs.open_ledger(&world.payer.pubkey(), &authority), &[]);
}

#[test]
fn what_is_owed_goes_where_the_terms_said() {
    let mut world = World::new();
    let jobs = owing(&mut world);
    authority_ledger(&mut world, &jobs);
    let (supply, held) = (world.supply(&jobs.mint), world.amount(&vault(&jobs.market)));
    let available = nodes(&world, &jobs).available;
    let good = sweep(&world, &jobs, None, true);
    let units = world.ok(good.clone(), &[]).compute_units_consumed;
    costs::figure("sweep of burn, market and checks", units - 150);
    assert_eq!(world.supply(&jobs.mint), supply - 54);
    assert_eq!(world.amount(&vault(&jobs.market)), held - 54);
    assert_eq!(money(&world, &jobs, &jobs.authority.pubkey()).available, 36);
    assert_eq!(jobs.terms(&world).check_pool, 2_700);
    let node = nodes(&world, &jobs);
    assert_eq!(
        (
            node.burn_owed,
            node.market_owed,
            node.checks_owed,
            node.available
        ),
        (0, 0, 0, available)
    );
    assert_vault_balances(&world, &jobs);
    // a second sweep finds nothing
    world.ok(good, &[]);
    assert_eq!(world.supply(&jobs.mint), supply - 54);
    assert_eq!(jobs.terms(&world).check_pool, 2_700);
    assert_vault_balances(&world, &jobs);
}

#[test]
fn whoever_leaves_an_account_out_only_leaves_its_part_owed() {
    let mut world = World::new();
    let jobs = owing(&mut world);
    let supply = world.supply(&jobs.mint);
    world.ok(sweep(&world, &jobs, None, false), &[]);
    let node = nodes(&world, &jobs);
    assert_eq!((node.burn_owed, node.market_owed), (0, 36));
    assert_eq!(world.supply(&jobs.mint), supply - 54);
    assert_vault_balances(&world, &jobs);
    authority_ledger(&mut world, &jobs);
    world.ok(sweep(&world, &jobs, None, true), &[]);
    assert_eq!(money(&world, &jobs, &jobs.authority.pubkey()).available, 36);
    assert_vault_balances(&world, &jobs);
}

#[test]
fn burn_fees_in_another_mint_are_the_treasurys() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    // another configuration's emission mint would be another: say so
    let mut config: lode_jobs::state::JobsConfig = world.read(&config());
    config.emission_mint = Address::new_unique();
    world.write(&lode_tests::jobs::config(), &config);
    let at = judged(&mut world, &mut jobs, Verdict::Match);
    settled(&mut world, &at);
    let node = nodes(&world, &jobs);
    assert_eq!((node.burn_owed, node.fees_owed), (0, 54));
    assert_vault_balances(&world, &jobs);

    let (owner, supply) = (jobs.governor.pubkey(), world.supply(&jobs.mint));
    // without the account it waits
    world.ok(sweep(&world, &jobs, None, false), &[]);
    assert_eq!(nodes(&world, &jobs).fees_owed, 54);
    let treasury = world.associated_account(&jobs.mint, &owner, 0);
    let good = sweep(&world, &jobs, Some(&owner), false);
    // the treasury's own is one account only: not another of the owner's, nor a stranger's
    let stranger = world.wallet().pubkey();
    for wrong in [
        world.token_account(&jobs.mint, &owner, 0),
        world.associated_account(&jobs.mint, &stranger, 0),
    ] {
        assert_error(
            world.send_one(with_account(good.clone(), 5, wrong), &[]),
            JobsError::WrongDestination,
        );
    }
    // nor the vault itself, which is passed twice then
    assert_refused(world.send_one(with_account(good.clone(), 5, vault(&jobs.market)), &[]));
    // nor the treasury's own, once it was given away
    let kept = world.svm.get_account(&treasury).unwrap();
    let mut given = kept.clone();
    given.data[32..64].copy_from_slice(stranger.as_ref());
    world.svm.set_account(treasury, given).unwrap();
    assert_error(
        world.send_one(good.clone(), &[]),
        JobsError::WrongDestination,
    );
    world.svm.set_account(treasury, kept).unwrap();
    world.ok(good.clone(), &[]);
    assert_eq!(world.amount(&treasury), 54);
    assert_eq!(world.supply(&jobs.mint), supply);
    assert_eq!(nodes(&world, &jobs).fees_owed, 0);
    assert_vault_balances(&world, &jobs);
    world.ok(good, &[]);
    assert_eq!(world.amount(&treasury), 54);
}

#[test]
fn a_late_nodes_forfeit_burns_in_any_mint() {
    let mut world = World::new();
    let mut jobs = sampled(&mut world);
    let mut config: lode_jobs::state::JobsConfig = world.read(&config());
    config.emission_mint = Address::new_unique();
    world.write(&lode_tests::jobs::config(), &config);
    let at = jobs.accepted(&mut world);
    pass_until(&mut world, &at, 0);
    world.ok(jobs.expire(&world.payer.pubkey(), &at), &[]);
    let supply = world.supply(&jobs.mint);
    world.ok(sweep(&world, &jobs, None, false), &[]);
    assert_eq!(world.supply(&jobs.mint), supply - 1_000);
    assert_vault_balances(&world, &jobs);
}

#[test]
fn the_fees_go_to_nobody_else() {
    let mut world = World::new();
    let jobs = owing(&mut world);
    authority_ledger(&mut world, &jobs);
    let stranger = patron(&mut world, &jobs);
    let good = sweep(&world, &jobs, None, true);
    for wrong in [
        ledger(&jobs.market, &stranger.pubkey()),
        jobs.customer_ledger(),
    ] {
        assert_error(
            world.send_one(with_account(good.clone(), 6, wrong), &[]),
            JobsError::ForeignAccount,
        );
    }
    assert_refused(world.send_one(with_account(good.clone(), 6, jobs.node_ledger()), &[]));
    assert_error(
        world.send_one(with_account(good.clone(), 4, jobs.panel.mint), &[]),
        JobsError::WrongMint,
    );
    let mut terms = sampled_terms();
    terms.id = 1;
    world.ok(
        create_market(&jobs.authority.pubkey(), &jobs.panel, &jobs.mint, terms),
        &[&jobs.authority, &jobs.panel.governor],
    );
    let second = market(&jobs.authority.pubkey(), 1);
    let authority = jobs.authority.pubkey();
    world.ok(
        build::open_ledger(&world.payer.pubkey(), &second, &authority),
        &[],
    );
    for (index, wrong) in [
        (1, second),
        (3, vault(&second)),
        (6, ledger(&second, &authority)),
        (4, jobs.panel.mint),
        (7, TOKEN_2022),
    ] {
        assert_refused(world.send_one(with_account(good.clone(), index, wrong), &[]));
    }
    forge_each(&mut world, &good, &[5], &[1, 3, 4], &[]);
    assert_eq!(nodes(&world, &jobs).market_owed, 36);
    world.ok(good, &[]);
}

#[test]
fn a_pool_that_no_number_holds_takes_no_more() {
    let mut world = World::new();
    let jobs = owing(&mut world);
    let mut market: Market = world.read(&jobs.market);
    market.check_pool = u64::MAX;
    world.write(&jobs.market, &market);
    let sweep = sweep(&world, &jobs, None, false);
    assert_error(world.send_one(sweep, &[]), JobsError::Overflow);
    // that is no state a market can come to: no more tokens exist
    assert!(world.supply(&jobs.mint) < u64::MAX);
}
