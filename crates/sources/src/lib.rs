//! Connectors that read: a folder per platform, none importing a sibling.
//!
//! [`KINDS`] is the one list: configuration, schema, documentation and command line iterate it. Adding a platform is a
//! folder and a line here.

pub mod commercetools;

use contract::{Fault, Source, SourceDescriptor};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A platform that can be read.
#[derive(Clone, Copy, Debug)]
pub struct SourceKind {
    /// What it is; its name is the `kind` of a source in the configuration.
    pub descriptor: &'static SourceDescriptor,
    /// Schema of its settings.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// Settings that a person can start from, as TOML.
    pub example: &'static str,
    /// Builds a source of these settings (without `kind`). Fetches secrets, makes no call.
    pub build: fn(Value) -> Result<Box<dyn Source>, Fault>,
}

/// All platforms that can be read.
pub const KINDS: &[SourceKind] = &[SourceKind {
    descriptor: &commercetools::DESCRIPTOR,
    schema: schema::<commercetools::Config>,
    example: commercetools::config::EXAMPLE,
    build: |settings| Ok(Box::new(commercetools::Commercetools::new(parse(settings)?)?)),
}];

/// The platform of this name.
pub fn kind(name: &str) -> Option<&'static SourceKind> {
    KINDS.iter().find(|kind| kind.descriptor.name == name)
}

fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

fn parse<T: DeserializeOwned>(settings: Value) -> Result<T, Fault> {
    serde_json::from_value(settings)
        .map_err(|error| Fault::config("C0213", format!("the settings can't be used: {error}")))
}
