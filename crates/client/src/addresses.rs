//! Every address that the programs derive.
//!
//! The seeds stand in `protocol.md`; a test compares each with the constant of the program that uses it.
use solana_address::Address;

/// The classic token program.
pub const TOKEN: Address = spl_token_interface::ID;
/// Token-2022.
pub const TOKEN_2022: Address =
    Address::from_str_const("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");
/// The program of associated token accounts.
pub const ASSOCIATED_TOKEN: Address = spl_associated_token_account_interface::program::ID;
/// The system program.
pub const SYSTEM: Address = Address::from_str_const("11111111111111111111111111111111");
/// The upgradeable loader.
pub const LOADER: Address = Address::from_str_const("BPFLoaderUpgradeab1e11111111111111111111111");
/// The sysvar of the instructions of the running transaction.
pub const INSTRUCTIONS: Address =
    Address::from_str_const("Sysvar1nstructions1111111111111111111111111");
/// The sysvar of recent slot hashes.
pub const SLOT_HASHES: Address =
    Address::from_str_const("SysvarS1otHashes111111111111111111111111111");
/// The clock sysvar.
pub const CLOCK: Address = Address::from_str_const("SysvarC1ock11111111111111111111111111111111");

fn find(program: &Address, seeds: &[&[u8]]) -> Address {
    Address::find_program_address(seeds, program).0
}

/// The account that holds a program's code and upgrade authority.
pub fn program_data(program: &Address) -> Address {
    find(&LOADER, &[program.as_ref()])
}

/// A wallet's associated token account of a mint that `token_program` owns.
pub fn associated_token(wallet: &Address, mint: &Address, token_program: &Address) -> Address {
    find(
        &ASSOCIATED_TOKEN,
        &[wallet.as_ref(), token_program.as_ref(), mint.as_ref()],
    )
}

/// Addresses of the staking program.
pub mod staking {
    use super::{find, Address};
    use lode_staking::ID;

    /// The one `StakingConfig`.
    pub fn config() -> Address {
        find(&ID, &[b"config"])
    }

    /// An operator's `index`th node.
    pub fn node(owner: &Address, index: u32) -> Address {
        find(&ID, &[b"node", owner.as_ref(), &index.to_le_bytes()])
    }

    /// The token account that holds all stake and stake rewards of a node.
    pub fn vault(node: &Address) -> Address {
        find(&ID, &[b"vault", node.as_ref()])
    }

    /// A wallet's stake on a node.
    pub fn delegation(node: &Address, owner: &Address) -> Address {
        find(&ID, &[b"delegation", node.as_ref(), owner.as_ref()])
    }

    /// A delegation's `index`th unbonding ticket.
    pub fn unbonding(delegation: &Address, index: u32) -> Address {
        find(
            &ID,
            &[b"unbonding", delegation.as_ref(), &index.to_le_bytes()],
        )
    }
}

/// Addresses of the oracle program.
pub mod oracle {
    use super::{find, Address};
    use lode_oracle::ID;

    /// A creator's committee of number `id`.
    pub fn committee(creator: &Address, id: u16) -> Address {
        find(&ID, &[b"committee", creator.as_ref(), &id.to_le_bytes()])
    }

    /// An owner's membership of a committee.
    pub fn oracle(committee: &Address, owner: &Address) -> Address {
        find(&ID, &[b"oracle", committee.as_ref(), owner.as_ref()])
    }

    /// The token account that holds an oracle's bond.
    pub fn bond(oracle: &Address) -> Address {
        find(&ID, &[b"bond", oracle.as_ref()])
    }
}

/// Addresses of the jobs program.
pub mod jobs {
    use super::{find, Address};
    use lode_jobs::ID;

    /// The one `JobsConfig`.
    pub fn config() -> Address {
        find(&ID, &[b"config"])
    }

    /// The address that signs slashes, and nothing else.
    pub fn slasher() -> Address {
        find(&ID, &[b"slasher"])
    }

    /// An authority's market of number `id`.
    pub fn market(authority: &Address, id: u32) -> Address {
        find(&ID, &[b"market", authority.as_ref(), &id.to_le_bytes()])
    }

    /// The token account that holds all money of a market.
    pub fn vault(market: &Address) -> Address {
        find(&ID, &[b"vault", market.as_ref()])
    }

    /// A party's account with a market: the party is a wallet or a node.
    pub fn ledger(market: &Address, party: &Address) -> Address {
        find(&ID, &[b"ledger", market.as_ref(), party.as_ref()])
    }

    /// A node's points, over all markets.
    pub fn work(node: &Address) -> Address {
        find(&ID, &[b"work", node.as_ref()])
    }

    /// A job of a customer's ledger, and its bump (255 for every nonce of [`crate::nonce::next_nonce`]).
    pub fn job(ledger: &Address, nonce: u64) -> (Address, u8) {
        Address::find_program_address(&[b"job", ledger.as_ref(), &nonce.to_le_bytes()], &ID)
    }
}

/// Addresses of the emissions program.
pub mod emissions {
    use super::{find, Address};
    use lode_emissions::ID;

    /// The one `Schedule`.
    pub fn schedule() -> Address {
        find(&ID, &[b"schedule"])
    }

    /// The address that signs every mint, and nothing else.
    pub fn mint_authority() -> Address {
        find(&ID, &[b"mint-authority"])
    }

    /// An epoch.
    pub fn epoch(index: u64) -> Address {
        find(&ID, &[b"epoch", &index.to_le_bytes()])
    }

    /// A node's part of an epoch.
    pub fn share(node: &Address, epoch: u64) -> Address {
        find(&ID, &[b"share", node.as_ref(), &epoch.to_le_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lode_emissions::constants as of_emissions;
    use lode_jobs::constants as of_jobs;
    use lode_oracle::constants as of_oracle;
    use lode_staking::constants as of_staking;

    const A: Address = Address::new_from_array([1; 32]);
    const B: Address = Address::new_from_array([2; 32]);

    #[test]
    fn every_address_of_staking_is_the_programs_own() {
        let at = |seeds: &[&[u8]]| find(&lode_staking::ID, seeds);
        assert_eq!(staking::config(), at(&[of_staking::CONFIG_SEED]));
        assert_eq!(
            staking::node(&A, 7),
            at(&[of_staking::NODE_SEED, A.as_ref(), &[7, 0, 0, 0]])
        );
        assert_eq!(
            staking::vault(&A),
            at(&[of_staking::VAULT_SEED, A.as_ref()])
        );
        assert_eq!(
            staking::delegation(&A, &B),
            at(&[of_staking::DELEGATION_SEED, A.as_ref(), B.as_ref()])
        );
        assert_eq!(
            staking::unbonding(&A, 7),
            at(&[of_staking::UNBONDING_SEED, A.as_ref(), &[7, 0, 0, 0]])
        );
    }

    #[test]
    fn every_address_of_oracle_is_the_programs_own() {
        let at = |seeds: &[&[u8]]| find(&lode_oracle::ID, seeds);
        assert_eq!(
            oracle::committee(&A, 7),
            at(&[of_oracle::COMMITTEE_SEED, A.as_ref(), &[7, 0]])
        );
        assert_eq!(
            oracle::oracle(&A, &B),
            at(&[of_oracle::ORACLE_SEED, A.as_ref(), B.as_ref()])
        );
        assert_eq!(oracle::bond(&A), at(&[of_oracle::BOND_SEED, A.as_ref()]));
    }

    #[test]
    fn every_address_of_jobs_is_the_programs_own() {
        let at = |seeds: &[&[u8]]| find(&lode_jobs::ID, seeds);
        assert_eq!(jobs::config(), at(&[of_jobs::CONFIG_SEED]));
        assert_eq!(
            jobs::market(&A, 7),
            at(&[of_jobs::MARKET_SEED, A.as_ref(), &[7, 0, 0, 0]])
        );
        assert_eq!(jobs::vault(&A), at(&[of_jobs::VAULT_SEED, A.as_ref()]));
        assert_eq!(
            jobs::ledger(&A, &B),
            at(&[of_jobs::LEDGER_SEED, A.as_ref(), B.as_ref()])
        );
        assert_eq!(jobs::work(&A), at(&[of_jobs::WORK_SEED, A.as_ref()]));
        assert_eq!(
            jobs::job(&A, 7).0,
            at(&[of_jobs::JOB_SEED, A.as_ref(), &[7, 0, 0, 0, 0, 0, 0, 0]])
        );
    }

    #[test]
    fn every_address_of_emissions_is_the_programs_own() {
        let at = |seeds: &[&[u8]]| find(&lode_emissions::ID, seeds);
        assert_eq!(emissions::schedule(), at(&[of_emissions::SCHEDULE_SEED]));
        assert_eq!(
            emissions::mint_authority(),
            at(&[of_emissions::MINT_AUTHORITY_SEED])
        );
        let seven = [7, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(emissions::epoch(7), at(&[of_emissions::EPOCH_SEED, &seven]));
        assert_eq!(
            emissions::share(&A, 7),
            at(&[of_emissions::SHARE_SEED, A.as_ref(), &seven])
        );
    }

    #[test]
    fn the_slasher_is_the_one_that_staking_and_oracle_obey() {
        assert_eq!(jobs::slasher(), of_staking::SLASHER);
        assert_eq!(jobs::slasher(), of_oracle::SLASHER);
    }
}
