//! What the draws of the jobs program rest on, over random histories of a committee.

use lode_oracle::state::Committee;
use lode_tests::oracle::*;
use lode_tests::*;
use solana_address::Address;
use solana_signer::Signer;

/// A small generator: the histories are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

#[test]
fn nothing_that_members_or_the_governor_do_moves_a_seat_of_a_past_submission() {
    let mut went_through = [0u32; 5];
    for seed in 0..2 {
        let mut dice = Dice(seed);
        let mut world = World::new();
        let mut panel = Panel::founded(&mut world, 3, 6);
        for _ in 0..6 {
            let newcomer = Panel::wallet(&mut world, &panel.mint);
            world.ok(panel.admit(&newcomer.owner.pubkey()), &[&panel.governor]);
            panel.members.push(newcomer);
        }
        // second -> who was eligible then
        let mut past: Vec<(i64, u32)> = vec![];
        for round in 0..60 {
            let now = world.now();
            let kind = [0, 0, 0, 1, 2, 3, 3, 4][dice.roll(8) as usize];
            let member = &panel.members[dice.roll(12) as usize];
            let (instruction, signer) = match kind {
                0 => (panel.join(&world, member, MINIMUM_BOND), &member.owner),
                1 => (panel.leave(member), &member.owner),
                2 => (panel.retire(member), &panel.governor),
                3 => (
                    panel.set_attester(member, &Address::new_unique()),
                    &member.owner,
                ),
                _ => {
                    let committee: Committee = world.read(&panel.committee);
                    let seat = committee
                        .seats
                        .iter()
                        .position(|seat| seat.owner == member.owner.pubkey())
                        .unwrap_or(31) as u8;
                    let slash = Slash {
                        seat,
                        submitted_at: now,
                        fault: false,
                        bps: 20,
                        reward_bps: 0,
                    };
                    let sent = world.send_as_program(panel.slash(member, slash, None));
                    went_through[4] += u32::from(sent.is_ok());
                    (panel.leave(member), &member.owner)
                }
            };
            let sent = world.send_one(instruction, &[signer]);
            if kind < 4 {
                went_through[kind] += u32::from(sent.is_ok());
            }
            let committee: Committee = world.read(&panel.committee);
            past.push((now, committee.eligible(now)));
            for (second, eligible) in &past {
                assert_eq!(
                    committee.eligible(*second),
                    *eligible,
                    "seed {seed}, second {second}, seen from {now}"
                );
            }
            // the founding day at first, then weeks: those who were admitted come to serve too. No bond is withdrawn, so
            // no seat is freed.
            let longest = if round < 30 { 3_000 } else { 100_000 };
            world.pass_seconds(dice.roll(longest) as i64);
        }
        assert!(past.iter().any(|(_, eligible)| *eligible != 0));
    }
    assert!(
        went_through.iter().all(|times| *times >= 2),
        "a kind of change hardly ever went through: {went_through:?}"
    );
}
