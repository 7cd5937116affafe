//! Typed client over RPC: addresses, decoding, builders, sending.
