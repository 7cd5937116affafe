//! Lode oracle: committees, bonded seats.
