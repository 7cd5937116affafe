use anchor_lang::{InstructionData, ToAccountMetas};
use lode_oracle::error::OracleError;
use lode_oracle::state::Committee;
use lode_oracle::{accounts, instruction, ID};
use lode_tests::oracle::*;
use lode_tests::*;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_signer::Signer;

fn govern(signer: &Address, committee: &Address, data: Vec<u8>) -> Instruction {
    let accounts = accounts::Govern {
        signer: *signer,
        committee: *committee,
    };
    lode_tests::instruction(ID, accounts.to_account_metas(None), data)
}

#[test]
fn a_committee_changes_hands_in_two_steps() {
    let mut world = World::new();
    let panel = Panel::founded(&mut world, 3, 3);
    let other = Panel::founded(&mut world, 3, 3);
    let (next, governor) = (world.wallet(), panel.governor.pubkey());
    let propose = |signer: &Address, committee: &Address| {
        let pending = next.pubkey();
        govern(
            signer,
            committee,
            instruction::ProposeGovernor { pending }.data(),
        )
    };
    let accept = |signer: &Address| {
        govern(
            signer,
            &panel.committee,
            instruction::AcceptGovernor {}.data(),
        )
    };
    assert_error(
        world.send_one(propose(&next.pubkey(), &panel.committee), &[&next]),
        OracleError::NotGovernor,
    );
    assert_error(
        world.send_one(propose(&governor, &other.committee), &[&panel.governor]),
        OracleError::NotGovernor,
    );
    assert_error(
        world.send_one(accept(&next.pubkey()), &[&next]),
        OracleError::NotPendingGovernor,
    );
    let forged = world.foreign_owned(&panel.committee);
    assert_refused(world.send_one(propose(&governor, &forged), &[&panel.governor]));
    assert_refused(world.send_one(
        read_only(propose(&governor, &panel.committee), 1),
        &[&panel.governor],
    ));
    assert_refused(world.send_one(unsigned(propose(&governor, &panel.committee), 0), &[]));
    world.ok(propose(&governor, &panel.committee), &[&panel.governor]);
    world.ok(accept(&next.pubkey()), &[&next]);
    let committee: Committee = world.read(&panel.committee);
    assert_eq!(
        (committee.governor, committee.pending_governor),
        (next.pubkey(), Address::default())
    );
    assert_error(
        world.send_one(propose(&governor, &panel.committee), &[&panel.governor]),
        OracleError::NotGovernor,
    );
}
