//! Lode jobs
use anchor_lang::prelude::*;
declare_id!("Fj4LXRkdHfx2775yE5VfeJQSnfrhECF9szYNktPywK6D");
