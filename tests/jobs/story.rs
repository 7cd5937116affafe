use lode_attestation::Verdict;
use lode_client::events::told;
use lode_jobs::event::JobSettled;
use lode_jobs::state::{Job, JobState, Ledger, Work};
use lode_tests::costs::figure;
use lode_tests::jobs::*;
use lode_tests::*;
use solana_signer::Signer;

#[test]
fn a_verified_job_goes_from_posting_to_money_in_the_operators_wallet() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 5);
    let crank = world.wallet();
    let (customer_ledger, node_ledger) = (jobs.customer_ledger(), jobs.node_ledger());
    let before: (Ledger, Ledger) = (world.read(&customer_ledger), world.read(&node_ledger));
    let mut costs = vec![];

    let args = jobs.post_args();
    let at = job(&customer_ledger, args.nonce).0;
    let lamports = world.lamports(&jobs.customer.pubkey());
    costs.push((
        "post",
        world
            .ok(jobs.post(args), &[&jobs.customer])
            .compute_units_consumed,
    ));
    // work(1000) = 2000, checks five times as much
    let ledger: Ledger = world.read(&customer_ledger);
    assert_eq!((ledger.locked, ledger.open_jobs), (12_000, 1));
    assert_vault_balances(&world, &jobs);

    costs.push((
        "accept",
        world
            .ok(jobs.accept(&jobs.node, &at), &[&jobs.node.worker])
            .compute_units_consumed,
    ));
    let ledger: Ledger = world.read(&node_ledger);
    assert_eq!((ledger.locked, ledger.open_jobs), (12_000, 1));

    let submit = jobs.submit(&jobs.node, &at, &RESULT, UNITS, 0);
    costs.push((
        "submit",
        world
            .ok(submit, &[&jobs.node.worker])
            .compute_units_consumed,
    ));
    jobs.pass_to_seal(&mut world, 2);
    costs.push((
        "seal",
        world
            .ok(jobs.seal(&crank.pubkey(), &at), &[])
            .compute_units_consumed,
    ));
    let state: Job = world.read(&at);
    assert_eq!(
        (state.state, state.panel),
        (JobState::Sealed as u8, 0b11111)
    );

    let attest = jobs.attested(&world, &at, Verdict::Match, &[0, 2, 4]);
    costs.push((
        "attest",
        expect(world.send(&attest, &[])).compute_units_consumed,
    ));
    let state: Job = world.read(&at);
    assert_eq!(
        (state.state, state.verdict, state.result),
        (JobState::Attested as u8, 1, RESULT)
    );

    let settled = world.ok(jobs.settle(&crank.pubkey(), &at), &[&crank]);
    costs.push(("settle", settled.compute_units_consumed));
    let told = told(&settled.logs);
    let event = told[0].read::<JobSettled>().unwrap();
    assert_eq!(
        (event.job, event.ledger, event.units, event.amount),
        (at, node_ledger, UNITS, 1_710)
    );
    assert_eq!(
        (event.state, event.attempt, event.verdict),
        (JobState::Settled as u8, 0, 1)
    );
    assert_eq!(told.len(), 1);
    // work(900) = 1800: 54 burned, 36 to the market, 1710 to the node; checks 9000
    let (customer, node): (Ledger, Ledger) =
        (world.read(&customer_ledger), world.read(&node_ledger));
    assert_eq!(
        (
            customer.locked,
            customer.open_jobs,
            node.locked,
            node.open_jobs
        ),
        (0, 0, 0, 0)
    );
    assert_eq!(customer.available, before.0.available - 1_800 - 9_000);
    assert_eq!(node.available, before.1.available + 1_710);
    assert_eq!(
        (
            node.burn_owed,
            node.fees_owed,
            node.market_owed,
            node.checks_owed
        ),
        (54, 0, 36, 9_000)
    );
    let points: Work = world.read(&work(&jobs.node.node));
    assert_eq!((points.epoch, points.points), (0, 54));
    assert_vault_balances(&world, &jobs);

    assert!(world.svm.get_account(&at).unwrap().data.len() <= 432);

    world.pass_slots(216_000);
    costs.push((
        "close",
        world
            .ok(jobs.close(&crank.pubkey(), &at), &[])
            .compute_units_consumed,
    ));
    assert!(!world.exists(&at));
    // the customer has his rent and what the cranks left of the deposit
    assert_eq!(
        world.lamports(&jobs.customer.pubkey()),
        lamports - 3 * 15_000
    );
    assert_eq!(
        world.lamports(&crank.pubkey()),
        100_000_000_000 + 3 * 15_000
    );

    let (owner, gained) = (jobs.node.owner.pubkey(), node.available);
    let wallet = world.amount(&jobs.node.wallet);
    world.ok(
        jobs.withdraw(&world, &owner, &jobs.node.node, gained),
        &[&jobs.node.owner],
    );
    assert_eq!(world.amount(&jobs.node.wallet), wallet + gained);
    assert_vault_balances(&world, &jobs);

    // the compute budget instruction of the bench is 150 of each
    let sum: u64 = costs.iter().take(6).map(|(_, units)| units - 150).sum();
    for (name, units) in &costs {
        figure(&format!("a verified job, k = 5: {name}"), units - 150);
    }
    figure("a verified job, k = 5: posting to payment", sum);
    // Kept from rising unseen: whoever makes one dearer says why here. What they cost was measured and has little room;
    // those of a seal and an attestation, like the sum, are what was aimed at.
    let most = [2_630, 1_250, 800, 1_300, 1_800, 1_740, 680];
    for ((name, units), most) in costs.iter().zip(most) {
        assert!(units - 150 <= most, "{name}: {} of {most}", units - 150);
    }
    assert!(sum <= 10_000, "{sum}");
}
