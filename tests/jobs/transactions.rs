//! Properties of transactions as they are sent: how many bytes, and which accounts they write.

use lode_attestation::{seal, Verdict};
use lode_client::instructions::jobs as build;
use lode_jobs::state::{Job, JobState, NodeFilter};
use lode_jobs::PostArgs;
use lode_tests::costs::figure;
use lode_tests::jobs::*;
use lode_tests::staking::{self, Operator};
use lode_tests::*;
use solana_address::Address;
use solana_compute_budget_interface::ComputeBudgetInstruction;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_message::Message;
use solana_signer::Signer;
use std::collections::{BTreeMap, BTreeSet};

const MATCH: u8 = Verdict::Match as u8;

/// A transaction as clients send it, with compute limit and priority fee.
fn message(instructions: &[Instruction], payer: &Address) -> Message {
    let mut all = vec![
        ComputeBudgetInstruction::set_compute_unit_limit(20_000),
        ComputeBudgetInstruction::set_compute_unit_price(1_000),
    ];
    all.extend_from_slice(instructions);
    Message::new(&all, Some(payer))
}

fn bytes(message: &Message) -> usize {
    let signatures = usize::from(message.header.num_required_signatures);
    message.serialize().len() + 1 + 64 * signatures
}

#[test]
fn seal_attest_and_settle_of_a_panel_of_five_are_one_transaction() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 5);
    let at = jobs.submitted(&mut world);
    jobs.pass_to_seal(&mut world, 2);
    let mut state: Job = world.read(&at);
    // whoever collects the signatures knows the seal before it is written
    state.seal = seal(&World::slot_hash(state.submitted_slot + 1), &at, 0);
    let signed = jobs.digests(&at, &state, Verdict::Match, &[0, 1, 3]);
    let crank = world.payer.pubkey();
    let all = [
        jobs.seal(&crank, &at),
        proof(&signed),
        jobs.attest(&at, MATCH, &RESULT, UNITS, 0b1011),
        jobs.settle(&crank, &at),
    ];
    let bytes = bytes(&message(&all, &crank));
    println!("[seal, attest, settle] with k = 5 and 3 signatures: {bytes} bytes");
    assert!(bytes <= 1_232, "{bytes}");
    let meta = expect(world.send(&all, &[]));
    figure(
        "[seal, attest, settle] in one, k = 5 and 3 signatures",
        meta.compute_units_consumed - 150,
    );
    assert_eq!(world.read::<Job>(&at).state, JobState::Settled as u8);
    assert_vault_balances(&world, &jobs);
}

#[test]
fn no_account_is_written_by_two_unrelated_jobs() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 5);
    // of a real job, so that the attestations are whole
    let real = jobs.sealed(&mut world);
    let sealed: Job = world.read(&real);
    let signed = jobs.digests(&real, &sealed, Verdict::Match, &[0, 1, 3]);

    let mut writers: BTreeMap<Address, BTreeSet<usize>> = BTreeMap::new();
    let mut transactions = 0;
    // one market, one committee; every job has a customer, a node and a crank of its own
    for number in 0..2_000 {
        jobs.customer = Keypair::new();
        let owner = Keypair::new();
        jobs.node = Operator {
            node: staking::node(&owner.pubkey(), 0),
            wallet: world.associated(&owner.pubkey(), &jobs.mint),
            owner,
            worker: Keypair::new(),
        };
        let (customer, worker) = (jobs.customer.pubkey(), jobs.node.worker.pubkey());
        let crank = Address::new_unique();
        let args = PostArgs {
            nonce: 1,
            spec: SPEC,
            price: PRICE,
            units_limit: LIMIT,
            target: Address::default(),
            checked: false,
            nodes: NodeFilter::default(),
        };
        let at = job(&jobs.customer_ledger(), 1).0;
        let attest = jobs.attest(&at, MATCH, &RESULT, UNITS, 0b1011);
        let (challenger, node) = (Address::new_unique(), jobs.node.node);
        let read = Job {
            customer,
            node,
            challenger,
            ..sealed
        };
        for (instructions, payer) in [
            (vec![jobs.post(args)], customer),
            (vec![jobs.cancel(&customer, &at)], customer),
            (vec![jobs.accept(&jobs.node, &at)], worker),
            (vec![jobs.give_up(&jobs.node, &at)], worker),
            (
                vec![jobs.submit(&jobs.node, &at, &RESULT, UNITS, 0)],
                worker,
            ),
            (vec![jobs.expire(&crank, &at)], crank),
            (vec![jobs.seal(&crank, &at)], crank),
            (vec![jobs.reveal(&at, &RESULT)], crank),
            (vec![proof(&signed), attest], crank),
            (
                vec![jobs.settle(&crank, &at), jobs.close(&crank, &at)],
                crank,
            ),
            (
                vec![build::raise_limit(&customer, &at, &read, LIMIT)],
                customer,
            ),
            (
                vec![build::place_bid(&worker, &node, &at, &read, PRICE)],
                worker,
            ),
            (vec![build::award_job(&at, &read)], crank),
            (
                vec![build::challenge_job(&challenger, &at, &read)],
                challenger,
            ),
            (vec![build::escalate_job(&crank, &at, &read)], crank),
            (vec![build::void_job(&crank, &at, &read)], crank),
        ] {
            transactions += 1;
            let message = message(&instructions, &payer);
            assert!(bytes(&message) <= 1_232);
            let metas = instructions.iter().flat_map(|i| &i.accounts);
            let written = metas.filter(|meta| meta.is_writable).map(|m| m.pubkey);
            for account in written.chain([payer]) {
                writers.entry(account).or_default().insert(number);
            }
        }
    }
    assert_eq!(transactions, 32_000);
    let shared: Vec<_> = writers
        .iter()
        .filter(|(_, jobs)| jobs.len() > 1)
        .map(|(account, _)| account)
        .collect();
    assert!(shared.is_empty(), "{shared:?}");
    // job, three ledgers, points, customer, worker, challenger, crank: nothing else is written at all
    assert_eq!(writers.len(), 2_000 * 9);
}

#[test]
fn a_job_at_an_address_of_bump_255_is_cheapest_and_every_further_try_costs_the_same() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let ledger = jobs.customer_ledger();
    let after = jobs.next_nonce();
    let mut args = jobs.post_args();
    // each within the ledger's window above the one before, which another job moves where it holds none of that bump
    let mut post = |bump: u8, mut after: u64| {
        let found = loop {
            match (after + 1..after + 64).find(|nonce| job(&ledger, *nonce).1 == bump) {
                Some(nonce) => break nonce,
                None => {
                    after += 63;
                    args.nonce = after;
                    world.ok(jobs.post(args), &[&jobs.customer]);
                }
            }
        };
        args.nonce = found;
        let meta = world.ok(jobs.post(args), &[&jobs.customer]);
        (args.nonce, meta.compute_units_consumed)
    };
    let (nonce, fourth) = post(252, after);
    let (nonce, third) = post(253, nonce);
    let (nonce, second) = post(254, nonce);
    let (_, first) = post(255, nonce);
    let each = third - second;
    assert_eq!(each, fourth - third);
    // bump 255 is asked for by its hash alone; where that is not it, the search begins at the beginning
    assert!(second - first > each && second - first < 3 * each);
    figure("each further try of a bump", each);
}
