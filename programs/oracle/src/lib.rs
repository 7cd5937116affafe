//! Lode oracle
use anchor_lang::prelude::*;
declare_id!("5Aiz8vYSMYLG3RMwgxyC9cunoGpytrRScoTd7QJJSbom");
