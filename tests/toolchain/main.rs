//! Shows that the toolchain that compiled the programs can be trusted: a program of random functions, shapes and
//! number tables computes on the SVM what the same code computes on the host (`xtask/sbf/selftest`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use anchor_lang::{InstructionData, ToAccountMetas};
use litesvm::{types::TransactionMetadata, LiteSVM};
use selftest_program as p;
use solana_address::Address;
use solana_instruction::{AccountMeta, Instruction};
use solana_keypair::Keypair;
use solana_message::Message;
use solana_signer::Signer;
use solana_transaction::Transaction;

struct Test {
    svm: LiteSVM,
    payer: Keypair,
    passed: u32,
    failed: u32,
}

impl Test {
    fn new() -> Self {
        let mut svm = LiteSVM::new()
            .with_sigverify(false)
            .with_transaction_history(0);
        svm.add_program(p::ID, &lode_tests::program_bytes("selftest_program.so"))
            .unwrap();
        let payer = Keypair::new_from_array([7; 32]);
        svm.airdrop(&payer.pubkey(), 100_000_000_000).unwrap();
        Test {
            svm,
            payer,
            passed: 0,
            failed: 0,
        }
    }
    /// Ends the test: nothing failed, and no fewer than `least` comparisons were made.
    fn verdict(self, least: u32) {
        println!("{} comparisons passed, {} failed", self.passed, self.failed);
        assert_eq!(self.failed, 0);
        assert!(self.passed >= least, "only {} comparisons", self.passed);
    }
    /// The outcome, or the error with the log.
    fn send(&mut self, instructions: &[Instruction]) -> Result<TransactionMetadata, String> {
        let limit = [&[2u8][..], &1_400_000u32.to_le_bytes()].concat();
        let mut all = vec![Instruction {
            program_id: "ComputeBudget111111111111111111111111111111"
                .parse()
                .unwrap(),
            accounts: vec![],
            data: limit,
        }];
        all.extend_from_slice(instructions);
        self.svm.expire_blockhash();
        let message = Message::new(&all, Some(&self.payer.pubkey()));
        let transaction = Transaction::new(&[&self.payer], message, self.svm.latest_blockhash());
        self.svm
            .send_transaction(transaction)
            .map_err(|e| format!("{:?}\n    {}", e.err, e.meta.logs.join("\n    ")))
    }
    fn call(
        &mut self,
        accounts: Vec<AccountMeta>,
        data: Vec<u8>,
    ) -> Result<TransactionMetadata, String> {
        self.send(&[Instruction {
            program_id: p::ID,
            accounts,
            data,
        }])
    }
    fn check(&mut self, label: &str, good: Result<(), String>) {
        match good {
            Ok(()) => self.passed += 1,
            Err(why) => {
                self.failed += 1;
                if self.failed <= 30 {
                    println!("FAILED {label}: {why}")
                }
            }
        }
    }
    fn nothing(&self) -> Vec<AccountMeta> {
        vec![AccountMeta::new_readonly(self.payer.pubkey(), true)]
    }
}

/// Return data comes without its trailing zeros.
fn returns(r: Result<TransactionMetadata, String>, want: &[u8]) -> Result<(), String> {
    let mut got = r?.return_data.data;
    got.resize(want.len().max(got.len()), 0);
    same("returned", got, want.to_vec())
}
fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: T, want: T) -> Result<(), String> {
    if got == want {
        Ok(())
    } else {
        Err(format!("{what} {got:x?}, the host has {want:x?}"))
    }
}
fn fails(r: Result<TransactionMetadata, String>, with: &str) -> Result<(), String> {
    match r {
        Ok(_) => Err("went through".into()),
        Err(e) if e.contains(with) => Ok(()),
        Err(e) => Err(format!("failed, but without '{with}': {e}")),
    }
}

#[test]
fn the_svm_computes_what_the_host_computes() {
    const INPUTS: u64 = 8;
    let mut t = Test::new();
    type Host = fn(u32, u64, u32) -> u64;
    let groups: [(&str, u32, u64, Host); 3] = [
        ("gen", p::gen::COUNT, INPUTS, p::gen::run),
        ("shapes", p::shapes::COUNT, INPUTS * 4, p::shapes::run),
        // u128 multiplication, division and remainder among them
        ("maths", p::maths::COUNT, 20, p::maths::run),
    ];
    for (group, (name, count, seeds, host)) in groups.into_iter().enumerate() {
        for i in 0..count {
            for s in 0..seeds {
                let seed = if name == "maths" {
                    s
                } else {
                    s.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ i as u64
                };
                let want = host(i, seed, 4);
                let r = t.call(
                    t.nothing(),
                    p::instruction::Run {
                        group: group as u8,
                        i,
                        seed,
                        rounds: 4,
                    }
                    .data(),
                );
                t.check(
                    &format!("{name} {i} seed {s}"),
                    returns(r, &want.to_le_bytes()),
                );
            }
        }
    }
    t.verdict(1_000);
}

#[test]
fn accounts_calls_sysvars_events_and_panics_work_as_on_the_host() {
    let mut t = Test::new();
    runtime(&mut t);
    t.verdict(30);
}

fn runtime(t: &mut Test) {
    use p::instruction as i;
    let me = t.payer.pubkey();
    let system_program = Address::default();
    let pda = |seeds: &[&[u8]]| Address::find_program_address(seeds, &p::ID);

    // zero-copy account with unaligned fields and rows, reward per share
    let (pool, bump) = pda(&[b"pool", me.as_ref()]);
    let r = t.call(
        p::accounts::Open {
            payer: me,
            pool,
            system_program,
        }
        .to_account_metas(None),
        i::Open {}.data(),
    );
    t.check("open", r.map(drop));
    let (mut per_share, mut delta, mut rate, mut rows) =
        (0u128, -7i128, 0u16, Vec::<p::Row>::new());
    for (n, (reward, shares)) in [
        (1_000_000u64, [1u64, 2, 3]),
        (u64::MAX, [u64::MAX / 100, 7, 1 << 50]),
        (12_345, [0, 0, 1]),
        (0, [9, 9, 9]),
        (77, [1 << 60, 1, 5]),
    ]
    .into_iter()
    .enumerate()
    {
        for (k, share) in shares.iter().enumerate() {
            rows.push(p::Row {
                kind: k as u8 + 1,
                owed: 0.into(),
                tick: (-(k as i32)).into(),
                share: (*share).into(),
            });
        }
        let total: u64 = rows.iter().map(|r| r.share.get()).sum();
        let mut all = 0u128;
        for row in &mut rows {
            row.owed = (row.owed.get()
                + p::accrue(per_share, reward, total, row.share.get())
                    .unwrap()
                    .1 as u128)
                .into();
            row.tick = (row.tick.get().wrapping_mul(3) - 1).into();
            all += row.owed.get();
        }
        per_share = p::accrue(per_share, reward, total, 0).unwrap().0;
        delta = delta.wrapping_mul(1 << 70) / 3 - per_share as i128;
        rate = rate.wrapping_sub(1);
        let r = t.call(
            p::accounts::Use {
                authority: me,
                pool,
            }
            .to_account_metas(None),
            i::Spread { reward, shares }.data(),
        );
        t.check(&format!("spread {n}"), returns(r, &all.to_le_bytes()));
        let data = t.svm.get_account(&pool).unwrap().data;
        let end = 8 + size_of::<p::Pool>();
        let got: p::Pool = bytemuck::pod_read_unaligned(&data[8..end]);
        let fields = (
            got.authority,
            got.per_share.get(),
            got.flag,
            got.stake.get(),
            got.delta.get(),
            got.rate.get(),
            got.bump,
        );
        t.check(
            &format!("pool {n}"),
            same(
                "the account holds",
                fields,
                (
                    me,
                    per_share,
                    if n % 2 == 0 { 0x81 } else { 0 },
                    total,
                    delta,
                    rate,
                    bump,
                ),
            ),
        );
        let bytes: &[u8] = bytemuck::cast_slice(&rows);
        t.check(
            &format!("rows {n}"),
            same("the rows are", &data[end + 4..end + 4 + bytes.len()], bytes),
        );
    }
    let r = t.call(
        p::accounts::Use {
            authority: me,
            pool,
        }
        .to_account_metas(None),
        i::Spread {
            reward: 1,
            shares: [1; 3],
        }
        .data(),
    );
    t.check("pool full", fails(r, "Custom(6000)"));

    // CPI signed by PDAs
    let (vault, _) = pda(&[b"vault"]);
    t.svm.airdrop(&vault, 5_000_000_000).unwrap();
    let to = Keypair::new().pubkey();
    let r = t.call(
        p::accounts::Pay {
            vault,
            to,
            system_program,
        }
        .to_account_metas(None),
        i::Pay {
            amount: 1_234_567_890,
        }
        .data(),
    );
    t.check(
        "pay",
        r.and(same(
            "recipient has",
            t.svm.get_balance(&to),
            Some(1_234_567_890),
        )),
    );
    let r = t.call(
        p::accounts::Pay {
            vault: to,
            to: vault,
            system_program,
        }
        .to_account_metas(None),
        i::Pay { amount: 1 }.data(),
    );
    t.check("pay from another account", fails(r, "InvalidSeeds"));
    for (group, i, seed) in [(0u8, 3u32, 9u64), (1, 6, 1 << 40), (1, 12, 5), (2, 1, 17)] {
        let want = [p::gen::run, p::shapes::run, p::maths::run][group as usize](i, seed, 2);
        let (signer, _) = pda(&[b"nest", &seed.to_le_bytes()]);
        let r = t.call(
            p::accounts::Nest {
                pda: signer,
                this: p::ID,
            }
            .to_account_metas(None),
            i::Nest { group, i, seed }.data(),
        );
        t.check(
            &format!("nest {group} {i}"),
            returns(r, &want.to_le_bytes()),
        );
    }
    let r = t.call(
        p::accounts::Nest {
            pda: vault,
            this: p::ID,
        }
        .to_account_metas(None),
        i::Nest {
            group: 0,
            i: 0,
            seed: 1,
        }
        .data(),
    );
    t.check("nest with another PDA", fails(r, "Custom(6001)"));

    // borsh account
    let (profile, _) = pda(&[b"profile", me.as_ref()]);
    let (name, mut tags, best) = (
        "Ann Ōsaka".to_string(),
        vec![
            "zeta".to_string(),
            "".into(),
            "alpha, with a long text that takes more than forty-eight bytes".into(),
        ],
        1u128 << 40,
    );
    let r = t.call(
        p::accounts::OpenProfile {
            payer: me,
            profile,
            system_program,
        }
        .to_account_metas(None),
        i::Profile {
            name: name.clone(),
            tags: tags.clone(),
            best,
        }
        .data(),
    );
    tags.sort();
    let text = |s: &str| [&(s.len() as u32).to_le_bytes(), s.as_bytes()].concat();
    let tags = tags.iter().map(|s| text(s)).collect::<Vec<_>>().concat();
    let bytes = [
        text(&name),
        3u32.to_le_bytes().to_vec(),
        tags,
        vec![1],
        (best * best).to_le_bytes().to_vec(),
        vec![2],
        (-3i16).to_le_bytes().to_vec(),
        (best / 7).to_le_bytes().to_vec(),
    ]
    .concat();
    let data = t.svm.get_account(&profile).map_or(vec![], |a| a.data);
    t.check(
        "profile",
        r.and(same(
            "the account holds",
            data.get(8..8 + bytes.len()),
            Some(&bytes[..]),
        )),
    );

    // system calls
    let mut clock: solana_clock::Clock = t.svm.get_sysvar();
    (clock.unix_timestamp, clock.slot) = (-1_700_000_000_123, 0x1122_3344_5566);
    t.svm.set_sysvar(&clock);
    let mut want = [
        0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22,
        0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00,
        0x15, 0xadu8,
    ];
    for (k, b) in clock
        .unix_timestamp
        .to_le_bytes()
        .iter()
        .chain(&clock.slot.to_be_bytes())
        .enumerate()
    {
        want[k] ^= b
    }
    for (k, b) in t
        .svm
        .minimum_balance_for_rent_exemption(3)
        .to_le_bytes()
        .iter()
        .enumerate()
    {
        want[16 + k] ^= b
    }
    let accounts = p::accounts::Sysvars {
        clock: "SysvarC1ock11111111111111111111111111111111"
            .parse()
            .unwrap(),
        rent: "SysvarRent111111111111111111111111111111111"
            .parse()
            .unwrap(),
    };
    let r = t.call(
        accounts.to_account_metas(None),
        i::Sysvars {
            data: b"abc".to_vec(),
        }
        .data(),
    );
    t.check("sysvars and sha256", returns(r, &want));
    let first = Instruction {
        program_id: p::ID,
        accounts: t.nothing(),
        data: i::Run {
            group: 2,
            i: 0,
            seed: 1,
            rounds: 1,
        }
        .data(),
    };
    let want = p::ID
        .as_ref()
        .iter()
        .chain(me.as_ref())
        .chain(&first.data)
        .fold(1u64, |h, b| h.wrapping_mul(31) ^ *b as u64);
    let accounts = p::accounts::LookBack {
        instructions: "Sysvar1nstructions1111111111111111111111111"
            .parse()
            .unwrap(),
    };
    let second = Instruction {
        program_id: p::ID,
        accounts: accounts.to_account_metas(None),
        data: i::LookBack {}.data(),
    };
    let r = t.send(&[first, second]);
    t.check("instructions sysvar", returns(r, &want.to_le_bytes()));

    // events in the log and by CPI
    let (authority, _) = pda(&[b"__event_authority"]);
    let accounts = vec![
        AccountMeta::new_readonly(me, true),
        AccountMeta::new_readonly(authority, false),
        AccountMeta::new_readonly(p::ID, false),
    ];
    let amount = u128::MAX - 5;
    let r = t.call(accounts, i::Events { amount }.data());
    let want = [me.as_ref(), &amount.to_le_bytes()].concat();
    t.check(
        "events",
        r.and_then(|m| {
            let inner = m
                .inner_instructions
                .iter()
                .flatten()
                .next()
                .ok_or("no inner instruction")?;
            same(
                "the event ends with",
                inner.instruction.data.get(16..),
                Some(&want[..]),
            )?;
            same(
                "log lines with data",
                m.logs
                    .iter()
                    .filter(|l| l.starts_with("Program data: "))
                    .count(),
                1,
            )
        }),
    );

    // errors and panics
    for (which, x, text) in [
        (0u8, 0u64, "Custom(6000)"),
        (1, 0, "Custom(6001)"),
        (2, 0, "literal message"),
        (3, 9, "src/lib.rs"),
        (4, 0, "attempt to divide by zero"),
        (5, 3, "called `Option::unwrap()` on a `None` value"),
        (6, 1, "attempt to add with overflow"),
        (7, 1, "src/lib.rs"),
        (8, 0, "out of memory"),
    ] {
        let r = t.call(t.nothing(), i::Fail { which, x }.data());
        t.check(&format!("fail {which}"), fails(r, text));
    }
    let r = t.call(t.nothing(), i::Fail { which: 9, x: 0 }.data());
    t.check("fail 9", returns(r, &5u64.to_le_bytes()));
    let r = t.call(t.nothing(), vec![9, 9, 9]);
    t.check("unknown instruction", fails(r, "InstructionError"));
}

#[test]
fn every_program_says_whom_to_tell_of_a_hole() {
    for program in lode_tests::PROGRAMS {
        let bytes = lode_tests::program_bytes(program.file);
        let said = solana_security_txt::find_and_parse(&bytes).unwrap();
        assert_eq!(
            format!("lode_{}.so", said.name.trim_start_matches("Lode ")),
            program.file
        );
        assert_eq!(said.contacts.len(), 1, "{}", said.name);
    }
}
