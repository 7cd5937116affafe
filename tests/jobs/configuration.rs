use anchor_lang::{InstructionData, ToAccountMetas};
use lode_jobs::error::JobsError;
use lode_jobs::state::JobsConfig;
use lode_jobs::{accounts, instruction, ID};
use lode_tests::jobs::*;
use lode_tests::staking::{DAY, TOKENS};
use lode_tests::*;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_signer::Signer;

fn govern(signer: &Address, data: Vec<u8>) -> Instruction {
    let accounts = accounts::Govern {
        signer: *signer,
        config: config(),
    };
    lode_tests::instruction(ID, accounts.to_account_metas(None), data)
}

fn pause(guardian: &Address) -> Instruction {
    let accounts = accounts::Pause {
        guardian: *guardian,
        config: config(),
    };
    lode_tests::instruction(
        ID,
        accounts.to_account_metas(None),
        instruction::Pause {}.data(),
    )
}

#[test]
fn only_the_upgrade_authority_starts_the_program_and_once() {
    let mut world = World::new();
    let (mint, stranger) = (world.mint(&TOKEN), world.wallet());
    let me = stranger.pubkey();
    let start = initialize_config(&me, &mint, config_args(&me, &me));
    assert_error(
        world.send_one(start.clone(), &[&stranger]),
        JobsError::NotUpgradeAuthority,
    );
    let look_alike = world.look_alike(&World::program_data(&ID));
    assert_error(
        world.send_one(with_account(start, 2, look_alike), &[&stranger]),
        JobsError::NotUpgradeAuthority,
    );

    let authority = world.upgrade_authority.insecure_clone();
    let key = authority.pubkey();
    for (genesis, seconds) in [(START, 3_599), (START, 7 * DAY + 1), (-1, DAY)] {
        let mut args = config_args(&me, &me);
        (args.epoch_genesis, args.epoch_seconds) = (genesis, seconds);
        assert_error(
            world.send_one(initialize_config(&key, &mint, args), &[&authority]),
            JobsError::OutOfBounds,
        );
    }
    // mints of Token-2022 with a fee on each transfer, of a group, and native ones
    let refused = |world: &mut World, mint: &Address| {
        let start = initialize_config(&key, mint, config_args(&me, &me));
        let sent = world.send_one(start, &[&authority]);
        assert_error(sent, JobsError::MintNotAccepted);
    };
    for (kind, length) in [(1, 108), (20, 64), (999, 4)] {
        let extended = world.mint(&TOKEN_2022);
        world.extend_mint(&extended, &[(18, 64), (kind, length)]);
        refused(&mut world, &extended);
    }
    let plain = world.svm.get_account(&mint).unwrap();
    for native in lode_token::NATIVE_MINTS {
        world.svm.set_account(native, plain.clone()).unwrap();
        refused(&mut world, &native);
    }
    world.ok(
        initialize_config(&key, &mint, config_args(&me, &me)),
        &[&authority],
    );
    let state: JobsConfig = world.read(&config());
    assert_eq!(
        (state.version, state.governor, state.emission_mint),
        (1, me, mint)
    );
    assert_eq!(
        (
            state.epoch(START - 1),
            state.epoch(START),
            state.epoch(START + 2 * DAY)
        ),
        (None, Some(0), Some(2))
    );
    assert_refused(world.send_one(
        initialize_config(&key, &mint, config_args(&key, &key)),
        &[&authority],
    ));
}

#[test]
fn keys_change_as_the_governor_says_and_in_two_steps() {
    let mut world = World::new();
    let jobs = Jobs::new(&mut world, 3);
    let (next, governor) = (world.wallet(), jobs.governor.pubkey());
    let propose = |signer: &Address| {
        govern(
            signer,
            instruction::ProposeGovernor {
                pending: next.pubkey(),
            }
            .data(),
        )
    };
    let accept = |signer: &Address| govern(signer, instruction::AcceptGovernor {}.data());
    let guard = |signer: &Address| {
        govern(
            signer,
            instruction::SetGuardian {
                guardian: next.pubkey(),
            }
            .data(),
        )
    };
    let treasury = |signer: &Address| {
        govern(
            signer,
            instruction::ProposeTreasury {
                pending: next.pubkey(),
            }
            .data(),
        )
    };
    let accept_treasury = |signer: &Address| govern(signer, instruction::AcceptTreasury {}.data());
    for foreign in [
        propose(&next.pubkey()),
        guard(&next.pubkey()),
        treasury(&next.pubkey()),
    ] {
        assert_error(world.send_one(foreign, &[&next]), JobsError::NotGovernor);
    }
    assert_error(
        world.send_one(accept(&next.pubkey()), &[&next]),
        JobsError::NotPendingGovernor,
    );
    assert_error(
        world.send_one(accept_treasury(&next.pubkey()), &[&next]),
        JobsError::NotPendingTreasuryOwner,
    );
    for change in [treasury(&governor), guard(&governor), propose(&governor)] {
        assert_refused(world.send_one(unsigned(change.clone(), 0), &[]));
        assert_refused(world.send_one(read_only(change.clone(), 1), &[&jobs.governor]));
        let look_alike = world.look_alike(&config());
        assert_refused(world.send_one(
            with_account(change.clone(), 1, look_alike),
            &[&jobs.governor],
        ));
        world.ok(change, &[&jobs.governor]);
    }
    // Nothing has changed hands by a proposal, and nobody accepts for another: not even who governs and has it.
    let state: JobsConfig = world.read(&config());
    assert_eq!(
        (state.treasury_owner, state.pending_treasury_owner),
        (governor, next.pubkey())
    );
    assert_error(
        world.send_one(accept_treasury(&governor), &[&jobs.governor]),
        JobsError::NotPendingTreasuryOwner,
    );
    world.ok(accept_treasury(&next.pubkey()), &[&next]);
    assert_error(
        world.send_one(accept_treasury(&next.pubkey()), &[&next]),
        JobsError::NotPendingTreasuryOwner,
    );
    world.ok(accept(&next.pubkey()), &[&next]);
    let state: JobsConfig = world.read(&config());
    assert_eq!(
        (state.governor, state.guardian, state.treasury_owner),
        (next.pubkey(), next.pubkey(), next.pubkey())
    );
    assert_error(
        world.send_one(propose(&governor), &[&jobs.governor]),
        JobsError::NotGovernor,
    );
}

#[test]
fn a_pause_stops_new_exposure_and_nothing_else() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let open = jobs.open(&mut world);
    let running = jobs.accepted(&mut world);
    assert_error(
        world.send_one(pause(&jobs.governor.pubkey()), &[&jobs.governor]),
        JobsError::NotGuardian,
    );
    assert_refused(world.send_one(unsigned(pause(&jobs.guardian.pubkey()), 0), &[]));
    world.ok(pause(&jobs.guardian.pubkey()), &[&jobs.guardian]);
    assert_error(
        world.send_one(pause(&jobs.guardian.pubkey()), &[&jobs.guardian]),
        JobsError::PauseTooSoon,
    );

    let args = jobs.post_args();
    assert_error(
        world.send_one(jobs.post(args), &[&jobs.customer]),
        JobsError::Paused,
    );
    assert_error(
        world.send_one(jobs.accept(&jobs.node, &open), &[&jobs.node.worker]),
        JobsError::Paused,
    );
    let node = jobs.staking.operator(&mut world);
    let ledger = jobs.open_node_ledger(&node.owner.pubkey(), &node.node, 0);
    assert_error(world.send_one(ledger, &[&node.owner]), JobsError::Paused);
    let mut terms = lode_tests::jobs::args(3);
    terms.id = 1;
    let create = create_market(&jobs.authority.pubkey(), &jobs.panel, &jobs.mint, terms);
    assert_error(
        world.send_one(create, &[&jobs.authority, &jobs.panel.governor]),
        JobsError::Paused,
    );

    // running jobs, exits and deposits go on, and the ledger that an appeal takes
    let stranger = Address::new_unique();
    world.ok(jobs.open_ledger(&world.payer.pubkey(), &stranger), &[]);
    let submit = jobs.submit(&jobs.node, &running, &RESULT, UNITS, 0);
    world.ok(submit, &[&jobs.node.worker]);
    let customer = jobs.customer.pubkey();
    world.ok(jobs.cancel(&customer, &open), &[&jobs.customer]);
    world.ok(
        jobs.withdraw(&world, &customer, &customer, TOKENS),
        &[&jobs.customer],
    );
    world.ok(
        jobs.deposit(&world, &customer, &customer, TOKENS),
        &[&jobs.customer],
    );

    world.pass_seconds(7 * DAY - 1);
    assert_error(
        world.send_one(jobs.post(args), &[&jobs.customer]),
        JobsError::Paused,
    );
    world.pass_seconds(1);
    world.ok(jobs.post(args), &[&jobs.customer]);
}
