//! Settings: defaults, then a file, then the environment, then flags; the later is the stronger.

mod layer;
pub(crate) mod network;
pub(crate) mod secret;
mod settings;

pub(crate) use layer::Overrides;
pub(crate) use settings::{KEYS, Kind, Layered, Settings, load};
