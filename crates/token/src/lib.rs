//! SPL Token and Token-2022 instructions as fixed-array calls.
#![no_std]
