//! The words and the rules of Lacuna: types in, types out; no I/O, no clock, no locks.
