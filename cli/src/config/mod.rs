//! Settings: defaults, then a file, then the environment, then flags; the later is the stronger.

mod layer;
pub(crate) mod network;
mod settings;

pub(crate) use layer::Overrides;
pub(crate) use settings::{KEYS, Kind, Layered, Settings, load};
