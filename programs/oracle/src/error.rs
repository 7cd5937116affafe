//! Every error, with what to do about it. Codes are never renumbered: new ones go to the end.

use anchor_lang::prelude::*;

/// Errors of the oracle program, from 6000 on.
#[error_code]
pub enum OracleError {
    /// 6000
    #[msg("The panel size must be 3, 5, 7 or 9")]
    PanelSize,
    /// 6001
    #[msg("A promise lies outside of its bounds: memory 1 to 4 096 MiB, units 1 to 9 000 000 000, blobs at least 1 byte, at least one slot")]
    OutOfBounds,
    /// 6002
    #[msg("This mint has an extension that vaults cannot take: only metadata and group extensions are accepted")]
    MintNotPlain,
    /// 6003
    #[msg("The founders must be 1 to 16 different wallets")]
    Founders,
    /// 6004
    #[msg("Only the committee's governor may do this")]
    NotGovernor,
    /// 6005
    #[msg("Only the pending governor may accept: the governor must propose this wallet first")]
    NotPendingGovernor,
    /// 6006
    #[msg("This oracle belongs to another committee or wallet")]
    ForeignAccount,
    /// 6007
    #[msg("This wallet sits in the committee already, or has a bond there from a seat that was freed: withdraw it first")]
    AlreadySeated,
    /// 6008
    #[msg("The admission has lapsed: ask the governor to admit this wallet again")]
    AdmissionLapsed,
    /// 6009
    #[msg("The bond is below the committee's minimum: bond more")]
    BondTooSmall,
    /// 6010
    #[msg("All 32 seats are taken: wait until one is freed")]
    CommitteeFull,
    /// 6011
    #[msg("Eight members are waiting to serve: join when one of them does")]
    TooManyWaiting,
    /// 6012
    #[msg("The attester must be another key than the owner's, and not zero: make a key for the machine")]
    WrongAttester,
    /// 6013
    #[msg("This wallet has no seat")]
    NotSeated,
    /// 6014
    #[msg("The bond answers until 14 days after the seat was left: withdraw then")]
    BondStillAnswers,
    /// 6015
    #[msg("The mint is not the committee's bond mint")]
    WrongMint,
    /// 6016
    #[msg("A sum does not fit: the amount is too large")]
    Overflow,
    /// 6017
    #[msg("The founding day is over: only the governor's `admit_oracle` lets this wallet in")]
    NotAFounder,
    /// 6018
    #[msg("The bond goes to a token account of the bond mint that the oracle's owner owns")]
    WrongDestination,
    /// 6019
    #[msg("The rent goes back to whoever paid it: pass that wallet")]
    WrongPayer,
    /// 6020
    #[msg("The native mint cannot be burned, so it cannot be a bond: use another mint")]
    NativeMint,
    /// 6021
    #[msg("Only the jobs program slashes bonds")]
    NotSlasher,
    /// 6022
    #[msg("The admission still runs: close it when its 30 days are over")]
    AdmissionRuns,
    /// 6023
    #[msg("This wallet still has its seat or its bond: it must leave and withdraw its bond first (`lode oracle withdraw`)")]
    StillSeated,
}
