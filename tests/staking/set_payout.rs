use anchor_lang::{InstructionData, ToAccountMetas};
use lode_staking::error::StakingError;
use lode_staking::state::Node;
use lode_staking::{accounts, instruction, ID};
use lode_tests::staking::*;
use lode_tests::*;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_signer::Signer;

fn set_payout(owner: &Address, node: &Address, payout: &Address) -> Instruction {
    let accounts = accounts::SetPayout {
        owner: *owner,
        config: config(),
        node: *node,
        payout: *payout,
    };
    lode_tests::instruction(
        ID,
        accounts.to_account_metas(None),
        instruction::SetPayout {}.data(),
    )
}

#[test]
fn only_the_owner_moves_the_payout_and_only_to_an_account_of_his() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let (operator, other) = (staking.operator(&mut world), staking.operator(&mut world));
    let owner = operator.owner.pubkey();
    let second = world.token_account(&staking.mint, &owner, 0);
    world.ok(
        set_payout(&owner, &operator.node, &second),
        &[&operator.owner],
    );
    assert_eq!(world.read::<Node>(&operator.node).payout, second);

    let worker = operator.worker.pubkey();
    let workers = world.token_account(&staking.mint, &worker, 0);
    assert_error(
        world.send_one(
            set_payout(&worker, &operator.node, &workers),
            &[&operator.worker],
        ),
        StakingError::NotOwner,
    );
    assert_error(
        world.send_one(set_payout(&owner, &other.node, &second), &[&operator.owner]),
        StakingError::NotOwner,
    );
    assert_error(
        world.send_one(
            set_payout(&owner, &operator.node, &workers),
            &[&operator.owner],
        ),
        StakingError::WrongPayout,
    );
    let other_mint = world.mint(&TOKEN);
    let wrong_mint = world.token_account(&other_mint, &owner, 0);
    assert_error(
        world.send_one(
            set_payout(&owner, &operator.node, &wrong_mint),
            &[&operator.owner],
        ),
        StakingError::WrongPayout,
    );
    assert_refused(world.send_one(
        unsigned(set_payout(&owner, &operator.node, &operator.wallet), 0),
        &[],
    ));
    assert_refused(world.send_one(
        read_only(set_payout(&owner, &operator.node, &operator.wallet), 2),
        &[&operator.owner],
    ));
    let config = world.foreign_owned(&config());
    assert_refused(world.send_one(
        with_account(
            set_payout(&owner, &operator.node, &operator.wallet),
            1,
            config,
        ),
        &[&operator.owner],
    ));
    assert_eq!(world.read::<Node>(&operator.node).payout, second);
}
