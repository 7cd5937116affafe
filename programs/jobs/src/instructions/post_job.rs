//! `post_job`: a customer offers a job and locks its price.

use crate::constants::*;
use crate::error::JobsError;
use crate::state::{flag, Job, JobState, JobsConfig, Ledger, Market};
use anchor_lang::address_eq;
use anchor_lang::cpi::InstructionAccount;
use anchor_lang::prelude::*;
use anchor_lang::unchecked_invoke_signed_fixed;

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
}

/// Accounts of `post_job`.
#[derive(Accounts)]
#[instruction(args: PostArgs)]
pub struct PostJob {
    /// The customer; pays rent and crank deposit.
    #[account(mut)]
    pub customer: Signer,
    /// The configuration: not paused. Of this program and type there is only one.
    pub config: Account<JobsConfig>,
    /// The market of the ledger.
    #[account(address = ledger.market @ JobsError::ForeignAccount)]
    pub market: Account<Market>,
    /// The customer's ledger; bound to him by the stored key.
    #[account(mut, constraint = anchor_lang::address_eq(&ledger.authority, customer.address()) @ JobsError::NotLedgerAuthority)]
    pub ledger: Account<Ledger>,
    /// The new job.
    #[account(init, payer = customer, space = 8 + core::mem::size_of::<Job>(), seeds = [JOB_SEED, ledger.address().as_ref(), &args.nonce.to_le_bytes()], bump)]
    pub job: Account<Job>,
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
        Ok(())
    }

    /// Checks, locks the escrow, writes the job, then moves the crank deposit.
    pub fn handle(&mut self, bump: u8, args: &PostArgs, now: i64, slot: u64) -> Result<()> {
        self.validate(args, now)?;
        let (at, market, ledger, payer) = (
            *self.job.address(),
            *self.market.address(),
            *self.ledger.address(),
            *self.customer.address(),
        );
        let job = &mut *self.job;
        job.version = VERSION;
        job.state = JobState::Open as u8;
        job.bump = bump;
        job.market = market;
        job.customer = ledger;
        job.payer = payer;
        job.spec = args.spec;
        job.price = args.price;
        job.units_limit = args.units_limit;
        if args.checked {
            job.flags |= flag::CHECKED;
        }
        if !address_eq(&args.target, &Address::default()) {
            require!(!self.market.is_auction(), JobsError::WrongMarketKind);
            job.flags |= flag::TARGETED;
            job.node = args.target;
        }
        job.deadline = slot
            .checked_add(self.market.accept_window)
            .ok_or(JobsError::Overflow)?;
        let escrow = job.escrow(&self.market)?;
        self.market.require_escrow(escrow)?;
        let ledger = &mut *self.ledger;
        ledger.take_nonce(args.nonce)?;
        ledger.lock(escrow)?;
        ledger.open_job()?;
        self.job.tell(&at, slot, escrow);
        self.leave_deposit();
        Ok(())
    }

    /// The system program's transfer of the crank deposit, from the customer to the job.
    fn leave_deposit(&self) {
        let mut data = [2u8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        data[4..].copy_from_slice(&CRANK_DEPOSIT.to_le_bytes());
        let metas = [
            InstructionAccount::writable_signer(self.customer.address()),
            InstructionAccount::writable(self.job.address()),
        ];
        let handles = [self.customer.cpi_handle(), self.job.cpi_handle()];
        unchecked_invoke_signed_fixed(self.system_program.address(), &data, &metas, &handles, &[]);
    }
}
