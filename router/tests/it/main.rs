//! The router against a cluster in memory, with scripted failures.

mod answers;
mod bad_input;
mod by_age;
mod catalog;
mod development;
mod durable;
mod exactly_once;
mod fake;
mod faults;
mod held;
mod http;
mod keys;
mod keys_surfaces;
mod lease;
mod lease_answers;
mod moorcheh;
mod pinecone;
mod reads;
mod sparse;
mod update_where;
