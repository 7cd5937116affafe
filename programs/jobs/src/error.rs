//! Every error, with what to do about it. Codes are never renumbered: new ones go to the end.

use anchor_lang::prelude::*;

/// Errors of the jobs program, from 6000 on.
#[error_code]
pub enum JobsError {
    /// 6000
    #[msg("Only the program's upgrade authority may initialise it: sign with that key and pass the program's own ProgramData account")]
    NotUpgradeAuthority,
    /// 6001
    #[msg("A term lies outside of its bounds: see the bounds of markets in the protocol")]
    OutOfBounds,
    /// 6002
    #[msg("This mint cannot be used: it is native SOL, or has an extension other than metadata (of the mint of the emission) or metadata and groups (of a market)")]
    MintNotAccepted,
    /// 6003
    #[msg("Only the governor may do this")]
    NotGovernor,
    /// 6004
    #[msg("Only the pending governor may accept: the governor must propose this wallet first")]
    NotPendingGovernor,
    /// 6005
    #[msg("Only the guardian may pause")]
    NotGuardian,
    /// 6006
    #[msg("A pause runs, or ended less than 7 days ago: wait until it may be renewed")]
    PauseTooSoon,
    /// 6007
    #[msg("New exposure is paused: wait until the pause ends; running jobs and withdrawals are not affected")]
    Paused,
    /// 6008
    #[msg("The market's terms ask more of the committee than its members promised, or leave it too little time")]
    BeyondPromise,
    /// 6009
    #[msg("The windows do not fit: attest at least twice the run window, accept at least twice the ramp, all together (in an auction with accept twice) under seven days")]
    Windows,
    /// 6010
    #[msg("The surcharge must pay for the checks: at least check_bps times the panel size")]
    ChecksUnpaid,
    /// 6011
    #[msg("Only the committee's governor can agree to a market: it must sign")]
    CommitteeDisagrees,
    /// 6012
    #[msg("Only the market's authority may do this")]
    NotMarketAuthority,
    /// 6013
    #[msg("This market takes no new jobs")]
    MarketClosed,
    /// 6014
    #[msg("Only the ledger's authority may do this: the wallet, or the node's owner")]
    NotLedgerAuthority,
    /// 6015
    #[msg("This account belongs to another market, job, node or wallet")]
    ForeignAccount,
    /// 6016
    #[msg("The ledger holds too little available money: deposit more")]
    InsufficientFunds,
    /// 6017
    #[msg("This would lock more of the node's money than its owner allows: raise the locked cap or wait for running jobs")]
    CapExceeded,
    /// 6018
    #[msg("The ledger is not empty: finish its jobs and withdraw first")]
    LedgerNotEmpty,
    /// 6019
    #[msg("This nonce was used, or lies too far from the newest one: take the next")]
    NonceTaken,
    /// 6020
    #[msg("The units must be between 1 and the market's limit")]
    UnitsOutOfRange,
    /// 6021
    #[msg("The escrow must lie between the market's least and most: change price or units")]
    EscrowOutOfRange,
    /// 6022
    #[msg("The job's state does not allow this step")]
    IllegalTransition,
    /// 6023
    #[msg("The window for this is over")]
    WindowOver,
    /// 6024
    #[msg("The window is still open: wait until it is over")]
    WindowOpen,
    /// 6025
    #[msg("Only the node's worker may do this")]
    NotWorker,
    /// 6026
    #[msg("The node is jailed, leaving, or of a version this program does not know")]
    NodeNotActive,
    /// 6027
    #[msg("The owner's stake on this node is below the minimum, or does not support what others delegated")]
    SkinNotIn,
    /// 6028
    #[msg("This job is meant for another node")]
    AnotherNodesJob,
    /// 6029
    #[msg("It is not this node's turn yet: the lottery lets everyone in by the end of the ramp")]
    NotDrawnYet,
    /// 6030
    #[msg("The job's terms are not the expected ones: read the job again")]
    UnexpectedTerms,
    /// 6031
    #[msg("It is too early to seal: wait until the second slot after the submission")]
    SealTooEarly,
    /// 6032
    #[msg("No seat of the committee serves this submission: wait until the job can be voided")]
    NobodyEligible,
    /// 6033
    #[msg("The result does not fit the commitment")]
    WrongResult,
    /// 6034
    #[msg("This result was drawn for a check: its committee must attest it")]
    MustBeAttested,
    /// 6035
    #[msg("This result was not drawn for a check: reveal it")]
    NotDrawn,
    /// 6036
    #[msg("There is no such verdict, or it must not name a result")]
    BadVerdict,
    /// 6037
    #[msg("A signer is not in the panel")]
    NotInPanel,
    /// 6038
    #[msg("A seat has signed already")]
    AlreadySigned,
    /// 6039
    #[msg("A drawn panel's signatures count only when they complete a majority, or in the last quarter of the window")]
    MajorityIncomplete,
    /// 6040
    #[msg(
        "The instruction directly before must be the Ed25519 program's, in the canonical layout"
    )]
    NotAProof,
    /// 6041
    #[msg("The proof holds another number of signatures than seats were named")]
    WrongProofCount,
    /// 6042
    #[msg("A signature is by another key than its seat's")]
    WrongSigner,
    /// 6043
    #[msg(
        "A signature is over another message: another job, attempt, seal, verdict, result or seat"
    )]
    WrongMessage,
    /// 6044
    #[msg("The job may not be closed yet: retention runs, or something is left to punish")]
    NotClosable,
    /// 6045
    #[msg("The rent goes back to whoever paid it: pass that wallet")]
    WrongPayer,
    /// 6046
    #[msg("The mint is not the market's")]
    WrongMint,
    /// 6047
    #[msg("Money goes only to a token account that the ledger's authority owns")]
    WrongDestination,
    /// 6048
    #[msg("A sum does not fit: the amount is too large")]
    Overflow,
    /// 6049
    #[msg("A wallet's ledger is needed here, or a node's: pass the other kind")]
    WrongLedgerKind,
    /// 6050
    #[msg("The account must be the node's own Work account")]
    WrongWork,
    /// 6051
    #[msg("Slot hashes could not be read")]
    SlotHashes,
    /// 6052
    #[msg("The node has a ledger in this market already")]
    LedgerExists,
    /// 6053
    #[msg("The node or committee has a layout of a version this program does not know: it must be upgraded first")]
    UnknownVersion,
    /// 6054
    #[msg("Nodes accept in first-come markets and bid in auctions; a job for one node is posted in first-come markets only")]
    WrongMarketKind,
    /// 6055
    #[msg("A bid stands: the job is awarded after the accept window, or cancelled by anyone one accept window later")]
    BidStands,
    /// 6056
    #[msg("Nobody has bid: there is nothing to award, and the job may be cancelled")]
    NoBid,
    /// 6057
    #[msg("A bid is at least 1; the first is at most the posted price, a further one at most 99 % of the best")]
    BidTooHigh,
    /// 6058
    #[msg("The best bid is this node's own already")]
    OwnBid,
    /// 6059
    #[msg("Pass the ledgers that the job names, and only those: the displaced bidder's, the challenger's, the appellant's")]
    NamedLedger,
    /// 6060
    #[msg("This verdict is final: a majority of the whole committee signed it, or it was appealed against before")]
    NotChallengeable,
    /// 6061
    #[msg("The whole committee decides already: after the window the job is voided")]
    WholeCommitteeDecides,
    /// 6062
    #[msg("Only a part of the committee was asked: escalate first")]
    EscalateFirst,
    /// 6063
    #[msg("There is nothing to collect: the seat did not sign the final verdict, has collected, or pool or credits are empty")]
    NothingToCollect,
    /// 6064
    #[msg("There is nothing to punish: nothing is due, or it was done already")]
    NothingToPunish,
    /// 6065
    #[msg("The node still exists, or its last points may still be recorded: wait until two epochs after them")]
    WorkInUse,
    /// 6066
    #[msg("The new limit must be higher than the present one")]
    LimitNotRaised,
    /// 6067
    #[msg("Half of this penalty is the appellant's: pass his wallet and its associated account of the bond mint")]
    WrongReward,
    /// 6068
    #[msg("A filter of nodes is not well-formed: country codes are two capital letters each, first to last without gaps, and only they can be denied")]
    BadFilter,
    /// 6069
    #[msg("The job or its market takes no node of this class: its owner may declare the right class with `lode node update --class`")]
    ClassNotTaken,
    /// 6070
    #[msg("The job or its market asks for more cores than the node declares: its owner may declare more with `lode node update --cores`")]
    TooFewCores,
    /// 6071
    #[msg("The job or its market asks for more memory than the node declares: its owner may declare more with `lode node update --memory-mib`")]
    TooLittleMemory,
    /// 6072
    #[msg("The job or its market takes no node of this region, or the node declares none: its owner may declare it with `lode node update --region`")]
    RegionNotTaken,
    /// 6073
    #[msg("The bid's escrow would be below the market's least: bid more")]
    BidTooLow,
    /// 6074
    #[msg("Only the pending owner of the treasury may accept: the governor must propose this wallet first")]
    NotPendingTreasuryOwner,
}
