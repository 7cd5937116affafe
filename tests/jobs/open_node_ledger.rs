use lode_jobs::error::JobsError;
use lode_jobs::state::{Ledger, LedgerKind, Work};
use lode_tests::jobs::*;
use lode_tests::staking::TOKENS;
use lode_tests::*;
use solana_signer::Signer;

#[test]
fn nobody_keeps_a_node_out_by_opening_its_ledger_first() {
    let mut world = World::new();
    let jobs = Jobs::new(&mut world, 3);
    let (node, stranger) = (jobs.staking.operator(&mut world), world.wallet());
    let (owner, at) = (node.owner.pubkey(), ledger(&jobs.market, &node.node));
    // a node's address is no secret, not even before it is registered
    let squat = jobs.open_ledger(&stranger.pubkey(), &node.node);
    world.ok(squat, &[&stranger]);
    let gift = jobs.deposit(&world, &owner, &node.node, 3 * TOKENS);
    world.ok(gift, &[&node.owner]);
    let lamports = world.lamports(&at);

    let open = jobs.open_node_ledger(&owner, &node.node, 7);
    let foreign = with_account(open.clone(), 0, stranger.pubkey());
    let sent = world.send_one(foreign, &[&stranger]);
    assert_error(sent, JobsError::NotLedgerAuthority);
    world.ok(open, &[&node.owner]);
    let state: Ledger = world.read(&at);
    assert_eq!(
        (state.kind, state.party, state.authority, state.payer),
        (LedgerKind::Node as u8, node.node, owner, owner)
    );
    assert_eq!((state.available, state.locked_cap), (3 * TOKENS, 7));
    assert_eq!(world.lamports(&at), lamports);
    assert_eq!(world.read::<Work>(&work(&node.node)).node, node.node);
    assert_vault_balances(&world, &jobs);
}

#[test]
fn a_node_opens_its_ledger_once() {
    let mut world = World::new();
    let jobs = Jobs::new(&mut world, 3);
    let before: Ledger = world.read(&jobs.node_ledger());
    let open = jobs.open_node_ledger(&jobs.node.owner.pubkey(), &jobs.node.node, 7);
    let sent = world.send_one(open, &[&jobs.node.owner]);
    assert_error(sent, JobsError::LedgerExists);
    let after: Ledger = world.read(&jobs.node_ledger());
    assert_eq!(bytemuck::bytes_of(&before), bytemuck::bytes_of(&after));
}
