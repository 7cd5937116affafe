use anchor_lang::{InstructionData, ToAccountMetas};
use lode_staking::error::StakingError;
use lode_staking::state::Node;
use lode_staking::{accounts, instruction, ID};
use lode_tests::staking::*;
use lode_tests::*;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_signer::Signer;

fn set_worker(owner: &Address, node: &Address, worker: &Address) -> Instruction {
    let accounts = accounts::SetWorker {
        owner: *owner,
        node: *node,
    };
    lode_tests::instruction(
        ID,
        accounts.to_account_metas(None),
        instruction::SetWorker { worker: *worker }.data(),
    )
}

#[test]
fn only_the_owner_changes_the_worker() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let (operator, other) = (staking.operator(&mut world), staking.operator(&mut world));
    let (owner, fresh) = (operator.owner.pubkey(), Address::new_from_array([6; 32]));
    world.ok(
        set_worker(&owner, &operator.node, &fresh),
        &[&operator.owner],
    );
    assert_eq!(world.read::<Node>(&operator.node).worker, fresh);

    let worker = operator.worker.pubkey();
    assert_error(
        world.send_one(
            set_worker(&worker, &operator.node, &worker),
            &[&operator.worker],
        ),
        StakingError::NotOwner,
    );
    assert_error(
        world.send_one(set_worker(&owner, &other.node, &fresh), &[&operator.owner]),
        StakingError::NotOwner,
    );
    assert_refused(world.send_one(
        unsigned(set_worker(&owner, &operator.node, &worker), 0),
        &[],
    ));
    assert_refused(world.send_one(
        read_only(set_worker(&owner, &operator.node, &worker), 1),
        &[&operator.owner],
    ));
    let forged = world.foreign_owned(&operator.node);
    assert_refused(world.send_one(set_worker(&owner, &forged, &worker), &[&operator.owner]));
    // an account of the program, but of another type
    assert_refused(world.send_one(set_worker(&owner, &config(), &worker), &[&operator.owner]));
    assert_eq!(world.read::<Node>(&operator.node).worker, fresh);
}

#[test]
fn the_owners_key_never_becomes_the_worker() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.operator(&mut world);
    let owner = operator.owner.pubkey();
    for worker in [owner, Address::default()] {
        assert_error(
            world.send_one(
                set_worker(&owner, &operator.node, &worker),
                &[&operator.owner],
            ),
            StakingError::WrongWorker,
        );
    }
}
