//! Tests over several programs, run on the SVM, and end to end with the real binary.
