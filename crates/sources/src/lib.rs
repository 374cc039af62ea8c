//! Sources: a folder per platform, and the one list of platforms.
//!
//! **Invariants:** no platform imports another; code outside a platform's folder knows only its [`Kind`].

use std::{path::Path, sync::Arc};

use contract::{Demand, Fault, Source, SourceDescriptor};
use schemars::{JsonSchema, Schema, schema_for};
use serde::Deserialize;
use wire::Environment;

/// A platform that can be read.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// What it is.
    pub descriptor: &'static SourceDescriptor,
    /// JSON Schema of its settings, without `kind`.
    pub schema: fn() -> Schema,
    /// Its page of the documentation, Markdown.
    pub readme: &'static str,
}

/// What a source needs besides its settings.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// Network, clock and random numbers.
    pub environment: &'a Environment,
    /// What the flows need of it.
    pub demand: &'a Demand,
    /// A folder of its own for data too large for memory. It may not exist yet, and may be emptied between two starts.
    pub scratch: &'a Path,
}

macro_rules! registry {
    ($($(#[$doc:meta])* $name:ident = $module:ident),* $(,)?) => {
        $(pub mod $module;)*

        /// All platforms.
        pub const KINDS: &[Kind] = &[$(Kind {
            descriptor: &$module::DESCRIPTOR,
            schema: || schema_for!($module::Config),
            readme: include_str!(concat!(stringify!($module), "/README.md")),
        }),*];

        /// Settings of a source: `kind` says which platform, the rest is that platform's own.
        #[derive(Clone, Debug, Deserialize, JsonSchema)]
        #[serde(tag = "kind", rename_all = "lowercase")]
        pub enum Config {
            $($(#[$doc])* $name($module::Config)),*
        }

        impl Config {
            /// Has the settings of the platform of this name read, and checks them: the second value is the problem
            /// that the platform's own check found. `None` if there is no such platform or the reader could not read
            /// them.
            pub fn read<R: contract::ReadSettings>(kind: &str, reader: &mut R) -> Option<(Self, Option<contract::BadSetting>)> {
                $(if kind == $module::DESCRIPTOR.name {
                    let config: $module::Config = reader.read()?;
                    let refused = config.check().err();
                    return Some((Self::$name(config), refused));
                })*
                None
            }

            /// Its platform.
            pub fn descriptor(&self) -> &'static SourceDescriptor {
                match self {
                    $(Self::$name(_) => &$module::DESCRIPTOR),*
                }
            }

            /// The source with these settings. Fetches its secrets; makes no call.
            ///
            /// # Errors
            /// A setting that can't be used, or a secret that can't be read.
            pub fn build(&self, setup: &Setup<'_>) -> Result<Arc<dyn Source>, Fault> {
                match self {
                    $(Self::$name(config) => Ok(Arc::new($module::build(config.clone(), setup)?))),*
                }
            }
        }
    };
}

registry! {
    /// A BigCommerce store.
    BigCommerce = bigcommerce,
    /// A commercetools project.
    Commercetools = commercetools,
    /// A Salesforce B2C Commerce instance.
    Sfcc = sfcc,
}
