//! Pure arithmetic of the protocol: bills, shares, reward streams, windows. No accounts, no clock, no allocation.
#![no_std]
