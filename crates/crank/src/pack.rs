//! Which instructions share a transaction.

use lode_client::send::{size, MOST_BYTES};
use solana_address::Address;
use solana_instruction::Instruction;
use solana_message::Message;
use solana_transaction::Transaction;

/// What the compute budget's own instructions add, bytes.
const BUDGET_BYTES: usize = 64;
/// Instructions in one transaction at most: one that fails takes the others with it.
const MOST_INSTRUCTIONS: usize = 8;

/// Whether instructions fit one transaction that `payer` alone signs.
pub fn fits(instructions: &[Instruction], payer: &Address) -> bool {
    let message = Message::new(instructions, Some(payer));
    size(&Transaction::new_unsigned(message)) + BUDGET_BYTES <= MOST_BYTES
}

/// Puts bundles together, each whole and in their order: the places of those that share a transaction.
pub(crate) fn pack(bundles: &[&[Instruction]], payer: &Address) -> Vec<Vec<usize>> {
    let mut packs: Vec<Vec<usize>> = Vec::new();
    let mut last: Vec<Instruction> = Vec::new();
    for (i, bundle) in bundles.iter().enumerate() {
        let mut together = last.clone();
        together.extend_from_slice(bundle);
        match packs.last_mut() {
            Some(pack) if together.len() <= MOST_INSTRUCTIONS && fits(&together, payer) => {
                pack.push(i);
                last = together;
            }
            _ => {
                packs.push(vec![i]);
                last = bundle.to_vec();
            }
        }
    }
    packs
}

#[cfg(test)]
mod tests {
    use super::*;
    use solana_instruction::AccountMeta;

    const PAYER: Address = Address::new_from_array([1; 32]);

    fn instruction(number: u8, accounts: u8) -> Instruction {
        let accounts = (0..accounts).map(|i| {
            let mut key = [number; 32];
            key[0] = i;
            AccountMeta::new(Address::new_from_array(key), false)
        });
        Instruction {
            program_id: Address::new_from_array([9; 32]),
            accounts: accounts.collect(),
            data: vec![0; 8],
        }
    }

    #[test]
    fn bundles_share_transactions_up_to_their_size_and_number_and_none_is_torn() {
        let small: Vec<_> = (0..20).map(|i| vec![instruction(i, 2)]).collect();
        let bundles: Vec<_> = small.iter().map(Vec::as_slice).collect();
        let packs = pack(&bundles, &PAYER);
        assert_eq!(packs.concat(), Vec::from_iter(0..20));
        assert!(packs.iter().all(|pack| pack.len() <= MOST_INSTRUCTIONS));
        assert_eq!(packs[0].len(), MOST_INSTRUCTIONS);

        let large: Vec<_> = (0..6).map(|i| vec![instruction(i, 12)]).collect();
        let bundles: Vec<_> = large.iter().map(Vec::as_slice).collect();
        let packs = pack(&bundles, &PAYER);
        assert_eq!(packs, [vec![0, 1], vec![2, 3], vec![4, 5]]);

        let pairs: Vec<_> = (0..5).map(|i| vec![instruction(i, 1); 3]).collect();
        let bundles: Vec<_> = pairs.iter().map(Vec::as_slice).collect();
        assert_eq!(pack(&bundles, &PAYER), [vec![0, 1], vec![2, 3], vec![4]]);
        assert!(pack(&[], &PAYER).is_empty());
    }

    #[test]
    fn one_that_is_too_large_stands_alone() {
        let huge = [instruction(0, 40)];
        let small = [instruction(1, 1)];
        assert!(!fits(&huge, &PAYER));
        assert_eq!(
            pack(&[&small, &huge, &small], &PAYER),
            [vec![0], vec![1], vec![2]]
        );
    }
}
