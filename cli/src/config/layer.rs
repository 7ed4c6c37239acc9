//! Layers of settings that know where their values came from.

use std::collections::BTreeMap;

use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};

/// Name of the flags' layer.
pub(super) const FLAGS: &str = "flag";
/// Name of the environment's layer.
pub(super) const ENVIRONMENT: &str = "environment";
/// Name of the layer of values nobody gave.
pub(super) const DEFAULT: &str = "default";

/// One layer of values.
pub(super) struct Layer {
    name: &'static str,
    values: Dict,
}

impl Layer {
    pub(super) fn new(name: &'static str, values: BTreeMap<&'static str, Value>) -> Self {
        Self { name, values: values.into_iter().map(|(key, value)| (key.to_owned(), value)).collect() }
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name)
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}

/// What was given by flags: the strongest layer. A flag that wasn't given leaves the setting alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overrides(BTreeMap<&'static str, Value>);

impl Overrides {
    /// A value given by a flag, if it was.
    #[must_use]
    pub(crate) fn set<T: Into<Value>>(mut self, key: &'static str, value: Option<T>) -> Self {
        if let Some(value) = value {
            self.0.insert(key, value.into());
        }
        self
    }

    /// A flag that can only switch something on.
    #[must_use]
    pub(crate) fn switch(self, key: &'static str, on: bool) -> Self {
        self.set(key, on.then_some(true))
    }

    pub(super) fn into_layer(self) -> Layer {
        Layer::new(FLAGS, self.0)
    }
}
