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
    #[msg("This mint is native SOL, or has an extension other than metadata (of the mint of the emission) or metadata and groups (of a market): choose another mint")]
    MintNotAccepted,
    /// 6003
    #[msg(
        "Only the governor of jobs may do this: sign with the key that `lode network show` names"
    )]
    NotGovernor,
    /// 6004
    #[msg("Only the pending governor may accept: the governor must propose this wallet first")]
    NotPendingGovernor,
    /// 6005
    #[msg("Only the guardian of jobs may pause: sign with that key, which the governor names with `lode network set --jobs-guardian`")]
    NotGuardian,
    /// 6006
    #[msg("A pause runs, or ended less than 7 days ago: wait until it may be renewed")]
    PauseTooSoon,
    /// 6007
    #[msg("New exposure is paused: wait until the pause ends; running jobs and withdrawals are not affected")]
    Paused,
    /// 6008
    #[msg("The market's terms ask more of the committee than its members promised, or leave it too little time: lower units, memory or blobs, or raise the slots, to what `lode oracle show` says")]
    BeyondPromise,
    /// 6009
    #[msg("The windows do not fit: make attest at least twice the run window, accept at least twice the ramp, and all together (in an auction with accept twice) less than seven days")]
    Windows,
    /// 6010
    #[msg(
        "The surcharge does not pay for the checks: make it at least check_bps times the panel size"
    )]
    ChecksUnpaid,
    /// 6011
    #[msg("Only the committee's governor can agree to a market: have that key sign, too (`lode market create --governor`)")]
    CommitteeDisagrees,
    /// 6012
    #[msg(
        "Only the market's authority may do this: sign with the key that `lode market show` names"
    )]
    NotMarketAuthority,
    /// 6013
    #[msg("This market takes no new jobs: choose another (`lode market list`), or wait until its authority opens it again")]
    MarketClosed,
    /// 6014
    #[msg("Only the ledger's authority may do this, its wallet or the node's owner: sign with the key that `lode account show` names")]
    NotLedgerAuthority,
    /// 6015
    #[msg("This account belongs to another market, job, node or wallet: pass those that the job or the ledger names")]
    ForeignAccount,
    /// 6016
    #[msg("The ledger holds too little available money: deposit more with `lode account deposit`, or choose a smaller amount")]
    InsufficientFunds,
    /// 6017
    #[msg("This would lock more of the node's money than its owner allows: raise the cap with `lode account cap`, or wait for running jobs")]
    CapExceeded,
    /// 6018
    #[msg("The ledger is not empty: finish its jobs, sweep what it owes (`lode market fees --sweep`) and withdraw the rest first")]
    LedgerNotEmpty,
    /// 6019
    #[msg("This nonce was used, or lies too far from the newest one: take the next")]
    NonceTaken,
    /// 6020
    #[msg("The units must lie between 1 and the limit, the market's for a job and the job's for a result: choose a number in between (`lode market show`, `lode job show`)")]
    UnitsOutOfRange,
    /// 6021
    #[msg("The escrow must lie between the market's least and most: change price or units")]
    EscrowOutOfRange,
    /// 6022
    #[msg("The job's state does not allow this step: look where it stands with `lode job show`; another may have taken the step already")]
    IllegalTransition,
    /// 6023
    #[msg("The window for this is over: look where the job stands with `lode job show`; what is due now anyone may take, also `lode crank run --once`")]
    WindowOver,
    /// 6024
    #[msg("The window is still open: wait until it is over")]
    WindowOpen,
    /// 6025
    #[msg("Only the node's worker may do this: sign with the key that `lode node show` names, or have the owner set this one with `lode node worker`")]
    NotWorker,
    /// 6026
    #[msg("The node is jailed, leaving, or has a layout this program does not know: see which with `lode node show`; `lode node unjail` ends a jail whose time is up, `lode node migrate` brings an older layout up to date, a node that is leaving takes no more jobs")]
    NodeNotActive,
    /// 6027
    #[msg("The owner's stake on this node is below the minimum, or does not support what others delegated: its owner must stake more with `lode node stake`; `lode network show` has the minimum and the ratio")]
    SkinNotIn,
    /// 6028
    #[msg("This job is meant for another node: choose another job; `lode job list --for` lists those that take this node")]
    AnotherNodesJob,
    /// 6029
    #[msg(
        "It is not this node's turn yet: wait; the lottery lets everyone in by the end of the ramp"
    )]
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
    #[msg("The result does not fit the commitment: pass the hash and the units that the node committed to")]
    WrongResult,
    /// 6034
    #[msg("This result was drawn for a check: its committee must attest it")]
    MustBeAttested,
    /// 6035
    #[msg("This result was not drawn for a check: reveal it")]
    NotDrawn,
    /// 6036
    #[msg("There is no such verdict, or it must not name a result: pass 1 (match) with result and units, or 2 (mismatch) or 3 (unrunnable) with zeros for both")]
    BadVerdict,
    /// 6037
    #[msg("No signer is named, or one that is not in the panel: name only seats of the job's panel, and none that was freed since")]
    NotInPanel,
    /// 6038
    #[msg("A seat has signed already: leave it out; its signature counts")]
    AlreadySigned,
    /// 6039
    #[msg("A drawn panel's signatures count only when they complete a majority, or in the last quarter of the window: bring more of them at once, or wait for that quarter")]
    MajorityIncomplete,
    /// 6040
    #[msg("The instruction directly before is not the Ed25519 program's in the canonical layout: put one there as `lode_attestation::instruction_data` makes it")]
    NotAProof,
    /// 6041
    #[msg("The proof holds another number of signatures than seats were named: name exactly the seats whose signatures it holds")]
    WrongProofCount,
    /// 6042
    #[msg("A signature is by another key than its seat's: bring signatures in the order of their seats, and ask a seat that changed its key (`lode oracle show`) to sign again")]
    WrongSigner,
    /// 6043
    #[msg("A signature is over another message, of another job, attempt, seal, verdict, result or seat: leave it out, or ask the seat to sign this one")]
    WrongMessage,
    /// 6044
    #[msg("The job is not over, its retention runs, or something is left to punish: wait; what nobody punishes keeps it open for 14 days more at most")]
    NotClosable,
    /// 6045
    #[msg("The rent goes back to whoever paid it: pass that wallet")]
    WrongPayer,
    /// 6046
    #[msg("The mint is not the market's: pass the one that `lode market show` names")]
    WrongMint,
    /// 6047
    #[msg("Money goes only to a token account of the ledger's authority, fees only to the treasury owner's associated one: pass that account")]
    WrongDestination,
    /// 6048
    #[msg("A sum does not fit 64 bits: choose a smaller amount")]
    Overflow,
    /// 6049
    #[msg("A wallet's ledger is needed here, or a node's: pass the other kind")]
    WrongLedgerKind,
    /// 6050
    #[msg("This is not the Work account of the job's node: pass the one whose address is derived from that node")]
    WrongWork,
    /// 6051
    #[msg("The slot hashes or the slot of the last restart could not be read: try again; on a cluster that does not have them this program cannot be used")]
    SlotHashes,
    /// 6052
    #[msg("The node has a ledger in this market already: nothing has to be opened; `lode account cap` changes its cap")]
    LedgerExists,
    /// 6053
    #[msg("The node, the committee or the staking configuration has a layout that this program does not know: `lode node migrate` brings an older node up to date, which anyone may; a newer layout waits for the program's upgrade")]
    UnknownVersion,
    /// 6054
    #[msg("Nodes accept in first-come markets and bid in auctions, and a job for one node is posted in first-come markets only: choose a market of the right kind (`lode market show`)")]
    WrongMarketKind,
    /// 6055
    #[msg("A bid stands, so the terms stay as they are: wait; the job is awarded after the accept window, or cancelled by anyone one accept window later")]
    BidStands,
    /// 6056
    #[msg("Nobody has bid: wait for a bid while the accept window runs; after it anyone may cancel the job (`lode job cancel`)")]
    NoBid,
    /// 6057
    #[msg("A bid is at least 1, the first at most the posted price, a further one at most 99 % of the best: choose one in between; `lode job bids` has the best")]
    BidTooHigh,
    /// 6058
    #[msg(
        "The best bid is this node's own already: wait for the award; there is nobody to underbid"
    )]
    OwnBid,
    /// 6059
    #[msg("These are not the ledgers that the job names: pass the displaced bidder's, the challenger's and the appellant's where it names one, and no other")]
    NamedLedger,
    /// 6060
    #[msg("This verdict is final, as a majority of the whole committee signed it or it was appealed against before: nothing can be contested any more; the job is settled by it")]
    NotChallengeable,
    /// 6061
    #[msg("The whole committee decides already: wait for its verdict; without one the job is voided after the window")]
    WholeCommitteeDecides,
    /// 6062
    #[msg("Only a part of the committee was asked: escalate first")]
    EscalateFirst,
    /// 6063
    #[msg("The seat did not sign the final verdict, or has collected, or pool or credits are empty: nothing can be collected now; see `lode oracle credits`")]
    NothingToCollect,
    /// 6064
    #[msg("No penalty is due, or it was taken already: nothing has to be done")]
    NothingToPunish,
    /// 6065
    #[msg("The node still exists, or its last points may still be recorded: wait until two epochs after them")]
    WorkInUse,
    /// 6066
    #[msg("The new limit is not above the present one: choose a higher one")]
    LimitNotRaised,
    /// 6067
    #[msg("Half of this penalty is the appellant's where he won: pass his wallet and its associated account of the bond mint then, and neither otherwise")]
    WrongReward,
    /// 6068
    #[msg("A filter of nodes is not well-formed: name countries by codes of two capital letters, first to last without gaps, and deny nothing but them")]
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
    /// 6075
    #[msg("A job was posted from this account within this second, and its address must never return: close the account a second later")]
    PostedJustNow,
}
