//! Lode jobs: markets, ledgers, jobs from posting to payment.
