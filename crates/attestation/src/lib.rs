//! Commitment, seal, panel, the signed digest and the Ed25519 instruction that proves it: one reading for programs and clients.
#![no_std]
