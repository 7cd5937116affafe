//! What a delegator pays does not depend on how many others there are: nothing walks over them.

use anchor_lang::Discriminator;
use lode_staking::state::{Delegation, Node};
use lode_tests::costs::figure;
use lode_tests::staking::*;
use lode_tests::*;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_signer::Signer;

/// What all delegators together have on the node.
const CROWD: u64 = 3_000 * TOKENS;

/// Puts so many delegations on a node, all alike, as if each had staked: accounts, pool and vault.
fn crowd(world: &mut World, staking: &Staking, node: &Address, count: u64) {
    let each = CROWD / count;
    let mut state: Node = world.read(node);
    for number in 0..count {
        let wallet = anchor_lang::prelude::sha256(&number.to_le_bytes()).into();
        let at = delegation(node, &wallet);
        let mut own: Delegation = bytemuck::Zeroable::zeroed();
        own.open(255, *node, wallet, wallet);
        own.add_shares(each).unwrap();
        own.book(&state).unwrap();
        let data = [Delegation::DISCRIMINATOR, bytemuck::bytes_of(&own)].concat();
        world.put(at, data, lode_staking::ID);
        let bought = state.add_stake(each, false).unwrap();
        assert_eq!(bought, each);
        state.add_child().unwrap();
    }
    world.write(node, &state);
    staking.drop_into_vault(world, node, CROWD);
    assert_vault_holds_stake(world, node);
}

/// Compute units of everything that a delegator does, and of a slash, on a node with so many others.
fn costs(count: u64) -> Vec<(&'static str, u64)> {
    // the same keys in both worlds
    let mut world = World::seeded([5; 32]);
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 1_000 * TOKENS);
    let node = operator.node;
    crowd(&mut world, &staking, &node, count);
    let wallet = staking.wallet(&mut world, 1_000 * TOKENS);
    let at = wallet.pubkey();
    let mut spent = vec![];
    let mut send = |world: &mut World, what, call: Instruction| {
        // the compute budget instruction of the bench is 150 of it
        let signs = call.accounts[0].pubkey == at;
        let signers: &[&Keypair] = if signs { &[&wallet] } else { &[] };
        let units = world.ok(call, signers).compute_units_consumed - 150;
        spent.push((what, units));
    };
    let stake = staking.stake(&world, &node, &at, 100 * TOKENS);
    send(&mut world, "stake for the first time", stake.clone());
    send(&mut world, "stake", stake);
    staking.reward(&mut world, &node, 86_400 * TOKENS);
    world.pass_seconds(DAY / 2);
    let claim = staking.claim_rewards(&world, &node, &at);
    send(&mut world, "claim_rewards", claim);
    world.pass_seconds(DAY / 4);
    let unstake = staking.unstake(&node, &at, 0, 70 * TOKENS);
    send(&mut world, "unstake", unstake);
    world.pass_seconds(14 * DAY);
    let withdraw = staking.withdraw(&world, &node, &at, 0);
    send(&mut world, "withdraw", withdraw);
    let slash = staking.slash(&node, 500, world.now());
    let slashed = world.send_as_program(slash).unwrap();
    spent.push(("slash", slashed.compute_units_consumed));
    let state: Node = world.read(&node);
    assert_eq!(u64::from(state.open_children), count + 2);
    assert_eq!(state.slashed_total, (1_000 + 3_000 + 130) * TOKENS / 20);
    spent
}

#[test]
fn nothing_costs_more_with_ten_thousand_delegators_than_with_one() {
    let (one, many) = (costs(1), costs(10_000));
    for (count, costs) in [("one other delegator", &one), ("10 000 others", &many)] {
        for (what, units) in costs {
            figure(&format!("{what}, {count} on the node"), *units);
        }
    }
    assert_eq!(one, many);
}
