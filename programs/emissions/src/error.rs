//! Every error, with what to do about it. Codes are never renumbered: new ones go to the end.

use anchor_lang::prelude::*;

/// Errors of the emissions program, from 6000 on.
#[error_code]
pub enum EmissionsError {
    /// 6000
    #[msg("Only the program's upgrade authority may initialise it: sign with that key and pass the program's own ProgramData account")]
    NotUpgradeAuthority,
    /// 6001
    #[msg(
        "A parameter lies outside of its compiled bounds: see the bounds in the emissions constants"
    )]
    OutOfBounds,
    /// 6002
    #[msg("This mint has an extension other than metadata and the pointer to it: choose another mint for the emission")]
    MintNotPlain,
    /// 6003
    #[msg("The mint's authority must be this program's mint authority: hand it over before the schedule starts")]
    WrongMintAuthority,
    /// 6004
    #[msg("The mint has a freeze authority: remove it before the schedule starts")]
    MintCanBeFrozen,
    /// 6005
    #[msg("The supply and the cap together do not fit 64 bits: choose a lower cap")]
    CapTooHigh,
    /// 6006
    #[msg("Staking, jobs and the schedule must use one mint: pass the mint that both configurations name")]
    MintsDiffer,
    /// 6007
    #[msg("The stream of staking is not as long as the epoch of jobs: choose one length for both, before the two are initialised")]
    ClocksDiffer,
    /// 6008
    #[msg("Two epochs do not fit the shortest unbonding of 14 days: choose a shorter epoch before jobs are initialised")]
    EpochTooLong,
    /// 6009
    #[msg("The account has a layout that this program does not know: `lode node migrate` brings an older node up to date, which anyone may; a newer layout waits for the program's upgrade")]
    UnknownVersion,
    /// 6010
    #[msg("An epoch is recorded while the next one runs, and only then: record the epoch that ended last")]
    NotRecordTime,
    /// 6011
    #[msg("This node has no points of that epoch: nothing has to be recorded")]
    NothingToRecord,
    /// 6012
    #[msg("This account belongs to another node or epoch: pass the node, points, share and epoch that belong together")]
    ForeignAccount,
    /// 6013
    #[msg("Nodes may still be recorded: finalise the epoch when the one after next has begun")]
    StillRecording,
    /// 6014
    #[msg("The epoch's claims are over, 26 epochs after it: what was not claimed is never minted; close it with `lode epoch close`")]
    EpochLapsed,
    /// 6015
    #[msg("This epoch is final already: claim what it owes with `lode epoch claim`")]
    AlreadyFinal,
    /// 6016
    #[msg("The breaker has no room for this epoch's amount: finalise it when earlier amounts have left the window")]
    BreakerTripped,
    /// 6017
    #[msg("The epoch is not final yet: finalise it first; anyone may")]
    NotFinal,
    /// 6018
    #[msg("Only the node's payout account, the owner's or the treasury owner's associated token account can receive this: create it first")]
    WrongDestination,
    /// 6019
    #[msg("The mint is not the schedule's: pass the emission mint that `lode network show` names")]
    WrongMint,
    /// 6020
    #[msg("Only the treasury's owner may do this: sign with the key that the schedule names")]
    NotTreasuryOwner,
    /// 6021
    #[msg("Only the pending owner of the treasury may accept: its owner must propose this wallet first")]
    NotPendingTreasuryOwner,
    /// 6022
    #[msg("This share has unclaimed parts: claim both, or wait until the epoch's claims are over")]
    StillClaimable,
    /// 6023
    #[msg("The epoch's claims still run: close it from 27 epochs after it on")]
    ClaimsRunning,
    /// 6024
    #[msg("Shares of this epoch are open: close them first; anyone may")]
    SharesOpen,
    /// 6025
    #[msg("The rent goes back to whoever paid it: pass that wallet")]
    WrongPayer,
    /// 6026
    #[msg("A sum does not fit 64 bits: choose a smaller amount")]
    Overflow,
}
