//! `post_job`: a customer offers a job and locks its price.

use crate::constants::*;
use crate::error::JobsError;
use crate::state::{add, flag, Job, JobState, JobsConfig, Ledger, Market, NodeFilter};
use anchor_lang::address_eq;
use anchor_lang::prelude::*;
use lode_program::{bump_of, create, CpiSeed, ReadOnly};

/// What is posted.
#[derive(Clone, Copy, AnchorSerialize, AnchorDeserialize, IdlType)]
pub struct PostArgs {
    /// The ledger's next nonce, or one near it.
    pub nonce: u64,
    /// SHA-256 of the spec.
    pub spec: [u8; 32],
    /// Base units per million units.
    pub price: u64,
    /// Most units that are paid.
    pub units_limit: u64,
    /// The only node that may run it; zero for any.
    pub target: Address,
    /// Checked for certain, at the customer's expense.
    pub checked: bool,
    /// Which nodes may run it, beside what the market asks of all. A target that does not pass is refused when it
    /// accepts, as what it declares may change until then.
    pub nodes: NodeFilter,
}

/// Accounts of `post_job`.
#[derive(Accounts)]
#[instruction(args: PostArgs)]
pub struct PostJob {
    /// The customer; pays rent and crank deposit.
    #[account(mut)]
    pub customer: Signer,
    /// The configuration: not paused. Of this program and type there is only one.
    pub config: ReadOnly<JobsConfig>,
    /// The market of the ledger.
    #[account(address = ledger.market @ JobsError::ForeignAccount)]
    pub market: ReadOnly<Market>,
    /// The customer's ledger; bound to him by the stored key.
    #[account(mut, constraint = anchor_lang::address_eq(&ledger.authority, customer.address()) @ JobsError::NotLedgerAuthority)]
    pub ledger: Account<Ledger>,
    /// The new job.
    // Its address is checked by the handler, where that costs less; the seeds here are for the IDL.
    #[cfg_attr(not(feature = "idl-build"), account(mut))]
    #[cfg_attr(feature = "idl-build", account(mut, seeds = [JOB_SEED, ledger.address().as_ref(), &args.nonce.to_le_bytes()], bump))]
    pub job: UncheckedAccount,
    /// The system program.
    pub system_program: Program<System>,
}

impl PostJob {
    fn validate(&self, args: &PostArgs, now: i64) -> Result<()> {
        self.config.require_running(now)?;
        require!(self.market.is_open(), JobsError::MarketClosed);
        self.ledger.require_wallet()?;
        require!(
            args.units_limit >= 1 && args.units_limit <= self.market.units_limit,
            JobsError::UnitsOutOfRange
        );
        args.nodes.require_valid()
    }

    /// Checks, creates the job with its crank deposit, writes it and locks the escrow.
    pub fn handle(&mut self, args: &PostArgs, now: i64, slot: u64) -> Result<()> {
        self.validate(args, now)?;
        let nonce = args.nonce.to_le_bytes();
        let ledger = self.ledger.address();
        let bump = bump_of(
            [JOB_SEED, ledger.as_ref(), &nonce],
            &crate::ID,
            self.job.address(),
        )?;
        let mut job = create::<Job>(
            self.customer.account(),
            self.job.account(),
            CRANK_DEPOSIT,
            &[
                CpiSeed::from(JOB_SEED),
                CpiSeed::from(ledger.as_array()),
                CpiSeed::from(&nonce),
                CpiSeed::from(&[bump]),
            ],
        )?;
        let state = &mut *job;
        state.version = VERSION;
        state.state = JobState::Open as u8;
        state.bump = bump;
        state.slices = CRANK_SLICES;
        state.market = *self.market.address();
        state.customer = *ledger;
        state.payer = *self.customer.address();
        state.spec = args.spec;
        state.price = args.price;
        state.units_limit = args.units_limit;
        state.nodes = args.nodes;
        let mut flags = 0;
        if args.checked {
            flags |= flag::CHECKED;
        }
        if !address_eq(&args.target, &Address::default()) {
            require!(!self.market.is_auction(), JobsError::WrongMarketKind);
            flags |= flag::TARGETED;
            state.node = args.target;
        }
        state.flags = flags;
        state.deadline = add(slot, self.market.accept_window)?;
        let escrow = state.escrow(&self.market)?;
        self.market.require_escrow(escrow)?;
        let ledger = &mut *self.ledger;
        ledger.take_nonce(args.nonce)?;
        ledger.lock(escrow)?;
        ledger.open_job()?;
        state.tell(self.job.address(), escrow);
        Ok(())
    }
}
