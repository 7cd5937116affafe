//! Every error, with what to do about it. Codes are never renumbered: new ones go to the end.

use anchor_lang::prelude::*;

/// Errors of the oracle program, from 6000 on.
#[error_code]
pub enum OracleError {
    /// 6000
    #[msg("No committee has a panel of this size: choose 3, 5, 7 or 9")]
    PanelSize,
    /// 6001
    #[msg("A promise lies outside of its bounds: choose memory of 1 to 4 096 MiB, units of 1 to 9 000 000 000, blobs of at least 1 byte, at least one slot")]
    OutOfBounds,
    /// 6002
    #[msg("This mint has an extension that vaults cannot take: choose one without extensions but metadata and groups")]
    MintNotPlain,
    /// 6003
    #[msg("The founders are not 1 to 16 different wallets: name at least one, and each once")]
    Founders,
    /// 6004
    #[msg(
        "Only the committee's governor may do this: sign with the key that `lode oracle show` names"
    )]
    NotGovernor,
    /// 6005
    #[msg("Only the pending governor may accept: the governor must propose this wallet first")]
    NotPendingGovernor,
    /// 6006
    #[msg("This oracle belongs to another committee or wallet: pass the one of this committee and of the wallet that signs")]
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
    #[msg("This wallet or number has no seat: `lode oracle show` lists the seats; a wallet must join first (`lode oracle join`)")]
    NotSeated,
    /// 6014
    #[msg("The bond answers until 14 days after the seat was left: withdraw then")]
    BondStillAnswers,
    /// 6015
    #[msg("The mint is not the committee's bond mint: pass the one that the committee names (`lode oracle show --all`)")]
    WrongMint,
    /// 6016
    #[msg("A sum does not fit 64 bits: choose a smaller amount")]
    Overflow,
    /// 6017
    #[msg("This wallet is no founder, or the founding day is over: ask the governor to admit it (`lode oracle admit`)")]
    NotAFounder,
    /// 6018
    #[msg("The bond goes only to a token account of the bond mint that the oracle's owner owns: pass such a one, his associated account where he does not sign")]
    WrongDestination,
    /// 6019
    #[msg("The rent goes back to whoever paid it: pass that wallet")]
    WrongPayer,
    /// 6020
    #[msg("The native mint cannot be burned, so it cannot be a bond: use another mint")]
    NativeMint,
    /// 6021
    #[msg("Only the jobs program slashes bonds: have it do so by its instruction `penalise_oracle`, which anyone may send")]
    NotSlasher,
    /// 6022
    #[msg("The admission still runs: close it when its 30 days are over")]
    AdmissionRuns,
    /// 6023
    #[msg("This wallet still has its seat or its bond: it must leave and withdraw its bond first (`lode oracle withdraw`)")]
    StillSeated,
}
