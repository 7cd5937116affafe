//! Every error, with what to do about it. Codes are never renumbered: new ones go to the end.

use anchor_lang::prelude::*;

/// Errors of the staking program, from 6000 on.
#[error_code]
pub enum StakingError {
    /// 6000
    #[msg("Only the program's upgrade authority may initialise it: sign with that key and pass the program's own ProgramData account")]
    NotUpgradeAuthority,
    /// 6001
    #[msg(
        "A parameter lies outside of its compiled bounds: see the bounds in the staking constants"
    )]
    OutOfBounds,
    /// 6002
    #[msg("This mint has an extension other than metadata and the pointer to it: choose another for the stake, which is that of the emission")]
    MintNotPlain,
    /// 6003
    #[msg(
        "Only the governor of staking may do this: sign with the key that `lode network show` names"
    )]
    NotGovernor,
    /// 6004
    #[msg("Only the pending governor may accept: the governor must propose this wallet first")]
    NotPendingGovernor,
    /// 6005
    #[msg("Only the guardian of staking may pause: sign with that key, which the governor names with `lode network set --staking-guardian`")]
    NotGuardian,
    /// 6006
    #[msg("A pause runs, or ended less than 7 days ago: wait until it may be renewed")]
    PauseTooSoon,
    /// 6007
    #[msg(
        "New stake and new nodes are paused: wait until the pause ends; leaving is not affected"
    )]
    Paused,
    /// 6008
    #[msg("Only the node's owner may do this: sign with the key that `lode node show` names")]
    NotOwner,
    /// 6009
    #[msg("The payout account is no token account of the stake mint that the node's owner owns: choose such a one, or create his associated account first")]
    WrongPayout,
    /// 6010
    #[msg(
        "The worker must be another key than the owner's, and not zero: make a key for the machine"
    )]
    WrongWorker,
    /// 6011
    #[msg(
        "This node is jailed: its owner must unjail it when the time is up (`lode node unjail`)"
    )]
    NodeJailed,
    /// 6012
    #[msg("This node is leaving and takes no stake: choose another node")]
    NodeExiting,
    /// 6013
    #[msg("The amount is 0 or makes no share: choose a larger one")]
    AmountTooSmall,
    /// 6014
    #[msg("A slash left too little behind this node's shares to price new ones: stake on another node")]
    PoolRuined,
    /// 6015
    #[msg("The node would hold more delegated stake than its owner's stake supports: its owner must stake first, or stake less")]
    RatioExceeded,
    /// 6016
    #[msg(
        "There are fewer active shares than that: unstake less, at most what the delegation holds"
    )]
    NotEnoughShares,
    /// 6017
    #[msg("Unbonding is not over: withdraw at the ticket's release time")]
    UnbondingNotOver,
    /// 6018
    #[msg(
        "This account belongs to another node: pass the ticket, delegation and vault of one node"
    )]
    ForeignAccount,
    /// 6019
    #[msg("The mint is not the stake mint: pass the one that `lode network show` names")]
    WrongMint,
    /// 6020
    #[msg("Only the wallet's own associated token account can receive this: create it first")]
    WrongDestination,
    /// 6021
    #[msg("A sum does not fit 64 bits: choose a smaller amount")]
    Overflow,
    /// 6022
    #[msg("Only the wallet that owns the delegation may do this: sign with that wallet; `lode stake show` lists what a wallet has")]
    NotDelegator,
    /// 6023
    #[msg("The node's layout is not this program's: `lode node migrate` brings an older one up to date, which anyone may; a newer one waits for the program's upgrade")]
    UnknownVersion,
    /// 6024
    #[msg("The ticket's rent goes back to whoever paid it: pass that wallet")]
    WrongPayer,
    /// 6025
    #[msg("A rise of the commission is announced already: wait until it is in effect, or lower the commission to cancel it")]
    CommissionPending,
    /// 6026
    #[msg("The commission would pass its cap or rise by more than one step: see the configuration's cap and step")]
    CommissionTooHigh,
    /// 6027
    #[msg("This node is not jailed: nothing has to be done")]
    NotJailed,
    /// 6028
    #[msg("The jail is not over: unjail at the node's jailed-until time")]
    JailNotOver,
    /// 6029
    #[msg("Only the jobs program may slash: have it do so by its instruction `slash_job`, which anyone may send")]
    NotSlasher,
    /// 6030
    #[msg("This node is not leaving: its owner must exit it first (`lode node exit`); until then only a wallet itself takes its stake off")]
    NodeNotExiting,
    /// 6031
    #[msg("Stake or tickets are left: unstake and withdraw first")]
    StillStaked,
    /// 6032
    #[msg("Rewards are left: claim them first")]
    RewardsUnclaimed,
    /// 6033
    #[msg("Delegations or tickets are open: withdraw and close them first; anyone may")]
    ChildrenOpen,
    /// 6034
    #[msg("Native SOL cannot be stake: a slash could not burn it; choose another mint")]
    NativeMint,
    /// 6035
    #[msg("The node left only lately and its stake may still earn: wait; four stream periods and eight days after the exit anyone may unstake it, its owner may at once")]
    ExitTooFresh,
    /// 6036
    #[msg("This is no region: choose two capital letters, an ISO 3166 country code such as DE, or nothing")]
    BadRegion,
    /// 6037
    #[msg("This node has the present layout already: nothing has to be done")]
    NothingToMigrate,
}
