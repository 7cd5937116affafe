//! Nodes of an older layout: what an old program wrote is brought to the present layout and lives on.
//!
//! `fixtures/node-version-0.hex` was written by the program of commit bc094cc, the last before the audit's changes (037c52c),
//! in the tests' own world; only its version byte was set to 0, as all programs numbered their layout 1 until then.

use anchor_lang::Discriminator;
use bytemuck::{Pod, Zeroable};
use lode_client::events::told;
use lode_client::instructions::staking as build;
use lode_jobs::error::JobsError;
use lode_staking::error::StakingError;
use lode_staking::event::NodeMigrated;
use lode_staking::state::{Node, NodeStatus};
use lode_tests::jobs::Jobs;
use lode_tests::staking::*;
use lode_tests::*;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::collections::BTreeSet;

/// [`Node`] in its version 0, field by field as commit bafe4e4 had it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
struct NodeV0 {
    version: u8,
    status: u8,
    bump: u8,
    flags: u8,
    index: u32,
    owner: Address,
    worker: Address,
    payout: Address,
    payer: Address,
    stake: u64,
    active_shares: u64,
    unbonding_shares: u64,
    self_active_shares: u64,
    jailed_at: i64,
    jailed_until: i64,
    memory_mib: u32,
    cores: u16,
    class: u8,
    vault_bump: u8,
    reward_per_share_low: u64,
    reward_per_share_high: u64,
    commission: u16,
    pending_commission: u16,
    open_children: u32,
    commission_effective_at: i64,
    slash_window_start: i64,
    slash_window_used: u64,
    slashed_total: u64,
    stream_left: u64,
    stream_at: i64,
    stream_end: i64,
    rewards_owed: u64,
    commission_owed: u64,
    metadata: [u8; 32],
    encryption_key: [u8; 32],
    vault: Address,
    reserved: [u8; 32],
}

impl NodeV0 {
    /// What the node would be in the old layout, without a slash or an exit.
    fn of(node: &Node) -> Self {
        let mut old: Self = bytemuck::cast(*node);
        old.version = 0;
        old.reserved = [0; 32];
        old
    }

    /// What it must become when it is migrated at `now`: every field is named.
    fn migrated(&self, now: i64) -> Node {
        Node {
            version: 1,
            status: self.status,
            bump: self.bump,
            flags: self.flags,
            index: self.index,
            owner: self.owner,
            worker: self.worker,
            payout: self.payout,
            payer: self.payer,
            stake: self.stake,
            active_shares: self.active_shares,
            unbonding_shares: self.unbonding_shares,
            self_active_shares: self.self_active_shares,
            jailed_at: self.jailed_at,
            jailed_until: self.jailed_until,
            memory_mib: self.memory_mib,
            cores: self.cores,
            class: self.class,
            vault_bump: self.vault_bump,
            reward_per_share_low: self.reward_per_share_low,
            reward_per_share_high: self.reward_per_share_high,
            commission: self.commission,
            pending_commission: self.pending_commission,
            open_children: self.open_children,
            commission_effective_at: self.commission_effective_at,
            slash_window_start: self.jailed_at,
            slash_window_used: self.slash_window_used,
            slashed_total: self.slashed_total,
            stream_left: self.stream_left,
            stream_at: self.stream_at,
            stream_end: self.stream_end,
            rewards_owed: self.rewards_owed,
            commission_owed: self.commission_owed,
            metadata: self.metadata,
            encryption_key: self.encryption_key,
            vault: self.vault,
            exited_at: if self.status == 0 { 0 } else { now },
            incident_bps: u16::try_from(self.slash_window_used).unwrap(),
            region: [0; 2],
            reserved: [0; 20],
        }
    }
}

/// The account that an old program wrote.
fn fixture() -> Vec<u8> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/staking/fixtures/node-version-0.hex"
    );
    let text = std::fs::read_to_string(path).unwrap();
    hex::decode(text.split_whitespace().collect::<String>()).unwrap()
}

fn migrate(node: &Address) -> Instruction {
    build::migrate_node(node)
}

fn bytes(world: &World, at: &Address) -> Vec<u8> {
    world.svm.get_account(at).unwrap().data
}

/// Puts a node into the old layout, as `change` makes it there.
fn age(world: &mut World, at: &Address, change: impl FnOnce(&mut NodeV0)) -> NodeV0 {
    let mut old = NodeV0::of(&world.read(at));
    change(&mut old);
    world.write(at, &old);
    old
}

#[test]
fn what_an_old_program_wrote_is_migrated_field_by_field() {
    let mut world = World::new();
    let data = fixture();
    assert_eq!(
        (&data[..8], data.len()),
        (Node::DISCRIMINATOR, 8 + size_of::<NodeV0>())
    );
    let old: NodeV0 = bytemuck::pod_read_unaligned(&data[8..]);
    // what was done to it, so that the table above is the layout which that program had
    assert_eq!((old.version, old.status), (0, NodeStatus::Exiting as u8));
    assert_eq!(node(&old.owner, old.index), {
        let seeds: &[&[u8]] = &[b"node", old.owner.as_ref(), &[7, 0, 0, 0], &[old.bump]];
        Address::create_program_address(seeds, &lode_staking::ID).unwrap()
    });
    assert_eq!(
        (old.vault, old.payer),
        (vault(&node(&old.owner, 7)), old.owner)
    );
    assert_eq!((old.class, old.cores, old.memory_mib), (2, 4, 8_192));
    assert_eq!((old.metadata, old.encryption_key), ([3; 32], [4; 32]));
    // 200 own, 300 delegated of which 100 unbond, twice slashed: 3 and 4 per cent
    let stake = 500 * TOKENS * 97 / 100 * 96 / 100;
    assert_eq!(
        (old.stake, old.slashed_total),
        (stake, 500 * TOKENS - stake)
    );
    assert_eq!(
        (
            old.active_shares,
            old.unbonding_shares,
            old.self_active_shares
        ),
        (400 * TOKENS, 100 * TOKENS, 200 * TOKENS)
    );
    let first = START + 5_000;
    assert_eq!(
        (old.slash_window_start, old.slash_window_used),
        (first, 700)
    );
    assert_eq!(
        (old.jailed_at, old.jailed_until),
        (first + DAY, first + 8 * DAY)
    );
    assert_eq!((old.commission, old.pending_commission), (0, 500));
    assert_eq!(old.commission_effective_at, START + 14 * DAY);
    assert_eq!((old.stream_left, old.open_children), (15_000, 3));
    assert_eq!(
        (old.stream_at, old.stream_end),
        (START + DAY / 4, START + DAY)
    );
    assert_eq!(old.reserved, [0; 32]);

    let at = node(&old.owner, old.index);
    world.put(at, data, lode_staking::ID);
    world.set_time(START + 40 * DAY, START_SLOT);
    let lamports = world.lamports(&at);
    let sent = world.ok(migrate(&at), &[]);
    lode_tests::costs::figure("migrate_node", sent.compute_units_consumed);
    assert_eq!(
        bytes(&world, &at)[8..],
        *bytemuck::bytes_of(&old.migrated(START + 40 * DAY))
    );
    assert_eq!(bytes(&world, &at).len(), 8 + size_of::<Node>());
    assert_eq!(world.lamports(&at), lamports);
}

#[test]
fn a_node_is_migrated_once_and_by_anyone() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let [first, second] = [0, 1].map(|_| staking.staked_operator(&mut world, 200 * TOKENS));
    let old = age(&mut world, &first.node, |_| {});
    // twice in one transaction: neither
    let twice = [migrate(&first.node), migrate(&first.node)];
    assert_error(world.send(&twice, &[]), StakingError::NothingToMigrate);
    assert_eq!(bytes(&world, &first.node)[8..], *bytemuck::bytes_of(&old));
    // of the present layout already
    let both = [migrate(&first.node), migrate(&second.node)];
    assert_error(world.send(&both, &[]), StakingError::NothingToMigrate);
    assert_eq!(world.read::<Node>(&first.node).version, 0);
    // no signature but that of whoever pays the fee
    let alone = migrate(&first.node);
    assert!(alone.accounts.iter().all(|account| !account.is_signer));
    world.ok(alone.clone(), &[]);
    assert_eq!(
        bytes(&world, &first.node)[8..],
        *bytemuck::bytes_of(&old.migrated(world.now()))
    );
    let once = bytes(&world, &first.node);
    assert_error(world.send_one(alone, &[]), StakingError::NothingToMigrate);
    assert_eq!(bytes(&world, &first.node), once);
    // it is what it was before it was put back, but for its country, which the old layout did not know
    let mut here: Node = world.read(&first.node);
    assert_eq!(here.region, [0; 2]);
    here.region = *b"DE";
    let other: Node = world.read(&second.node);
    assert_eq!((here.stake, here.region), (other.stake, other.region));
}

#[test]
fn nothing_else_is_migrated() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 200 * TOKENS);
    let at = operator.node;
    age(&mut world, &at, |_| {});
    let foreign = world.foreign_owned(&at);
    let put = |world: &mut World, data: Vec<u8>| {
        let at = Address::new_unique();
        world.put(at, data, lode_staking::ID);
        at
    };
    let old = bytes(&world, &at);
    let shorter = put(&mut world, old[..old.len() - 1].to_vec());
    let empty = put(&mut world, vec![]);
    let unnamed = put(&mut world, [&[0; 8], &old[8..]].concat());
    let mine = delegation(&at, &operator.owner.pubkey());
    for account in [
        foreign,
        shorter,
        empty,
        unnamed,
        mine,
        config(),
        vault(&at),
        operator.owner.pubkey(),
    ] {
        let before = world.svm.get_account(&account);
        assert_refused(world.send_one(migrate(&account), &[]));
        assert_eq!(world.svm.get_account(&account), before);
    }
    // of newer programs
    for version in [2, u8::MAX] {
        let mut newer = old.clone();
        newer[8] = version;
        let newer = put(&mut world, newer);
        assert_error(
            world.send_one(migrate(&newer), &[]),
            StakingError::UnknownVersion,
        );
    }
    assert_refused(world.send_one(read_only(migrate(&at), 0), &[]));
    assert_eq!(bytes(&world, &at), old);
    world.ok(migrate(&at), &[]);
}

#[test]
fn a_node_whose_lamports_fall_short_of_the_rent_is_migrated_all_the_same() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 200 * TOKENS);
    let at = operator.node;
    let old = age(&mut world, &at, |_| {});
    let mut account = world.svm.get_account(&at).unwrap();
    account.lamports = 1;
    world.svm.set_account(at, account).unwrap();
    world.ok(migrate(&at), &[]);
    assert_eq!(world.lamports(&at), 1);
    assert_eq!(
        bytes(&world, &at)[8..],
        *bytemuck::bytes_of(&old.migrated(world.now()))
    );
}

/// Instructions of the program that take an existing node, but `migrate_node`: from its IDL.
fn takers() -> BTreeSet<String> {
    let idl: serde_json::Value =
        serde_json::from_str(include_str!("../../idl/lode_staking.json")).unwrap();
    let all = idl["instructions"].as_array().unwrap().iter();
    all.filter(|instruction| {
        let mut accounts = instruction["accounts"].as_array().unwrap().iter();
        accounts.any(|account| account["name"] == "node")
    })
    .map(|instruction| instruction["name"].as_str().unwrap().to_string())
    .filter(|name| !["register_node", "migrate_node"].contains(&name.as_str()))
    .collect()
}

#[test]
fn every_instruction_refuses_a_node_of_another_layout() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 200 * TOKENS);
    let (at, owner) = (operator.node, operator.owner.pubkey());
    let delegator = staking.delegator(&mut world, &at, 300 * TOKENS);
    let wallet = delegator.pubkey();
    world.ok(
        staking.unstake(&at, &wallet, 0, 100 * TOKENS),
        &[&delegator],
    );
    let description = node_args(&operator.worker.pubkey()).description;
    let (by_owner, by_wallet): (&[&Keypair], &[&Keypair]) = (&[&operator.owner], &[&delegator]);
    let payer = world.payer.pubkey();
    let calls: Vec<(&str, Instruction, &[&Keypair])> = vec![
        (
            "set_worker",
            build::set_worker(&owner, &at, &wallet),
            by_owner,
        ),
        (
            "set_payout",
            build::set_payout(&owner, &at, &operator.wallet),
            by_owner,
        ),
        (
            "update_node",
            update_node(&owner, &at, description),
            by_owner,
        ),
        ("set_commission", set_commission(&owner, &at, 0), by_owner),
        (
            "stake",
            staking.stake(&world, &at, &owner, TOKENS),
            by_owner,
        ),
        ("unstake", staking.unstake(&at, &wallet, 1, 1), by_wallet),
        ("restake", staking.restake(&at, &wallet, 0), by_wallet),
        (
            "force_unstake",
            staking.force_unstake(&at, &wallet, 1, &payer),
            &[],
        ),
        ("withdraw", staking.withdraw(&world, &at, &wallet, 0), &[]),
        ("sweep_rewards", staking.sweep_rewards(&at), &[]),
        (
            "claim_rewards",
            staking.claim_rewards(&world, &at, &wallet),
            &[],
        ),
        (
            "claim_commission",
            staking.claim_commission(&at, &operator.wallet),
            &[],
        ),
        ("slash", staking.slash(&at, 1, START), &[]),
        ("unjail", unjail(&owner, &at), by_owner),
        ("exit_node", exit_node(&owner, &at), by_owner),
        (
            "close_delegation",
            close_delegation(&at, &wallet, &wallet),
            &[],
        ),
        (
            "close_node",
            staking.close_node(&world, &at, &owner),
            by_owner,
        ),
    ];
    let tried: BTreeSet<String> = calls.iter().map(|(name, ..)| (*name).into()).collect();
    assert_eq!(tried, takers());
    let present: Node = world.read(&at);
    for version in [0, 2, u8::MAX] {
        let mut other = present;
        other.version = version;
        world.write(&at, &other);
        for (name, call, signers) in &calls {
            println!("{name} of version {version}");
            let sent = match *name {
                // does not ask, but migrates
                "slash" if version == 0 => continue,
                "slash" => world.send_as_program(call.clone()),
                _ => world.send_one(call.clone(), signers),
            };
            assert_error(sent, StakingError::UnknownVersion);
        }
        assert_eq!(bytes(&world, &at)[8..], *bytemuck::bytes_of(&other));
    }
    let anchor_lang::Error::Custom(unknown) = StakingError::UnknownVersion.into() else {
        panic!("not an error of a program's own");
    };
    // the control: of the present layout most go through, and none fails for that
    world.write(&at, &present);
    for (name, call, signers) in calls {
        let sent = match name {
            "slash" => world.send_as_program(call),
            _ => world.send_one(call, signers),
        };
        let code = sent.err().and_then(|failure| failure.code());
        assert_ne!(code, Some(unknown), "{name}");
    }
}

#[test]
fn a_slash_waits_for_no_migration() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let [first, second] = [0, 1].map(|_| staking.staked_operator(&mut world, 200 * TOKENS));
    let change = |old: &mut NodeV0| {
        (old.jailed_at, old.jailed_until) = (START, START + 7 * DAY);
        (old.slash_window_start, old.slash_window_used) = (START - 6 * DAY, 300);
    };
    world.pass_seconds(DAY);
    let slash = |world: &mut World, at: &Address| {
        let old = world.read::<Node>(at).version == 0;
        let meta = world
            .send_as_program(staking.slash(at, 1_000, START + 1))
            .unwrap();
        // what is migrated on the way is told as by `migrate_node`
        let events = told(&meta.logs);
        let migrated = events.iter().find_map(|it| it.read::<NodeMigrated>());
        assert_eq!(
            migrated.map(|it| (it.node, it.from)),
            old.then_some((*at, 0))
        );
        let state: Node = world.read(at);
        (
            state.version,
            state.stake,
            state.slash_window_used,
            state.incident_bps,
        )
    };
    // the same as if it had been migrated before
    age(&mut world, &first.node, change);
    world.ok(migrate(&first.node), &[]);
    let expected = (1, 186 * TOKENS, 1_000, 1_000);
    assert_eq!(slash(&mut world, &first.node), expected);
    age(&mut world, &second.node, change);
    assert_eq!(slash(&mut world, &second.node), expected);
}

#[test]
fn the_sister_programs_take_no_node_of_another_layout() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let at = jobs.open(&mut world);
    let second = jobs.staking.staked_operator(&mut world, 200 * TOKENS);
    let owner = second.owner.pubkey();
    for node in [jobs.node.node, second.node] {
        age(&mut world, &node, |_| {});
    }
    let accept = jobs.accept(&jobs.node, &at);
    assert_error(
        world.send_one(accept.clone(), &[&jobs.node.worker]),
        JobsError::NodeNotActive,
    );
    let open = jobs.open_node_ledger(&owner, &second.node, TOKENS);
    assert_error(
        world.send_one(open.clone(), &[&second.owner]),
        JobsError::UnknownVersion,
    );
    let both = [migrate(&jobs.node.node), migrate(&second.node)];
    jobs::expect(world.send(&both, &[]));
    world.ok(accept, &[&jobs.node.worker]);
    world.ok(open, &[&second.owner]);
}

#[test]
fn a_migrated_node_lives_on() {
    let mut world = World::new();
    let mut jobs = Jobs::new(&mut world, 3);
    let job = jobs.open(&mut world);
    let staking = &jobs.staking;
    let (at, owner) = (jobs.node.node, jobs.node.owner.pubkey());
    let delegator = staking.delegator(&mut world, &at, 300 * TOKENS);
    let wallet = delegator.pubkey();
    staking.reward(&mut world, &at, 14_000);
    age(&mut world, &at, |_| {});
    // in one transaction with what it is needed for
    let first = [
        migrate(&at),
        staking.stake(&world, &at, &owner, 100 * TOKENS),
    ];
    jobs::expect(world.send(&first, &[&jobs.node.owner]));
    assert_eq!(world.read::<Node>(&at).stake, 1_400 * TOKENS);
    world.ok(jobs.accept(&jobs.node, &job), &[&jobs.node.worker]);
    world.pass_seconds(DAY);
    world.ok(staking.claim_rewards(&world, &at, &wallet), &[]);
    let home = world.associated(&wallet, &staking.mint);
    let claimed = world.amount(&home);
    assert!((2_999..=3_000).contains(&claimed), "{claimed}");
    world
        .send_as_program(staking.slash(&at, 500, world.now()))
        .unwrap();
    let state: Node = world.read(&at);
    assert_eq!(
        (state.stake, state.is_jailed(), state.incident_bps),
        (1_330 * TOKENS, true, 500)
    );
    world.ok(exit_node(&owner, &at), &[&jobs.node.owner]);
    world.ok(
        staking.unstake(&at, &owner, 0, 1_100 * TOKENS),
        &[&jobs.node.owner],
    );
    let payer = world.payer.pubkey();
    let push = staking.force_unstake(&at, &wallet, 0, &payer);
    assert_error(
        world.send_one(push.clone(), &[]),
        StakingError::ExitTooFresh,
    );
    world.pass_seconds(12 * DAY);
    world.ok(push, &[]);
    world.pass_seconds(14 * DAY);
    world.ok(staking.withdraw(&world, &at, &owner, 0), &[]);
    let mut pushed = staking.withdraw(&world, &at, &wallet, 0);
    pushed.accounts[2].pubkey = payer;
    world.ok(pushed, &[]);
    assert_eq!(world.amount(&home), claimed + 285 * TOKENS);
    world.ok(staking.claim_rewards(&world, &at, &owner), &[]);
    for who in [&owner, &wallet] {
        world.ok(close_delegation(&at, who, who), &[]);
    }
    world.ok(staking.close_node(&world, &at, &owner), &[&jobs.node.owner]);
    assert!(!world.exists(&at) && !world.exists(&vault(&at)));
}

#[test]
fn what_an_old_incident_cost_stays_counted() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 200 * TOKENS);
    let at = operator.node;
    // slashed by 700 in a window that began a week before its last slash
    let jailed_at = START + 8 * DAY;
    world.set_time(START + 9 * DAY, START_SLOT);
    age(&mut world, &at, |old| {
        (old.jailed_at, old.jailed_until) = (jailed_at, jailed_at + 7 * DAY);
        (old.slash_window_start, old.slash_window_used) = (START + DAY, 700);
    });
    world.ok(migrate(&at), &[]);
    let slash = |world: &mut World, bps, accepted_at| {
        world
            .send_as_program(staking.slash(&at, bps, accepted_at))
            .unwrap();
        world.read::<Node>(&at)
    };
    // the incident was punished with at most that
    let punished = slash(&mut world, 700, jailed_at);
    assert_eq!(
        (punished.stake, punished.jailed_until),
        (200 * TOKENS, jailed_at + 7 * DAY)
    );
    // of a tenth in 28 days, 300 are left, until as long after the last slash
    let again = slash(&mut world, 500, jailed_at + 1);
    assert_eq!(again.stake, 194 * TOKENS);
    world.set_time(jailed_at + 28 * DAY, START_SLOT);
    let now = world.now();
    assert_eq!(slash(&mut world, 500, now).stake, 194 * TOKENS);
    world.set_time(jailed_at + 64 * DAY, START_SLOT);
    let now = world.now();
    assert_eq!(
        slash(&mut world, 500, now).stake,
        194 * TOKENS - 194 * TOKENS / 20
    );
}

#[test]
fn delegators_of_a_node_that_left_in_the_old_layout_have_their_grace_from_the_migration_on() {
    let mut world = World::new();
    let staking = Staking::new(&mut world);
    let operator = staking.staked_operator(&mut world, 200 * TOKENS);
    let at = operator.node;
    let delegator = staking.delegator(&mut world, &at, 300 * TOKENS);
    let wallet = delegator.pubkey();
    age(&mut world, &at, |old| {
        old.status = NodeStatus::Exiting as u8;
    });
    world.pass_seconds(30 * DAY);
    world.ok(migrate(&at), &[]);
    let payer = world.payer.pubkey();
    let push = staking.force_unstake(&at, &wallet, 0, &payer);
    world.pass_seconds(12 * DAY - 1);
    assert_error(
        world.send_one(push.clone(), &[]),
        StakingError::ExitTooFresh,
    );
    world.pass_seconds(1);
    world.ok(push, &[]);
}
