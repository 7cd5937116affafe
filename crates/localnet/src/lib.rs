//! The embedded network: Surfpool in process, programs deployed, bootstrapped from a migration plan.
