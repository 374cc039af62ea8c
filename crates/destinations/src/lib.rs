//! Destinations: a folder per platform, and the one list of platforms.
//!
//! **Invariants:** no platform imports another; code outside a platform's folder knows only its [`Kind`].

mod gtin;
mod id;
mod markup;
mod options;

use std::sync::Arc;

use contract::{Destination, DestinationDescriptor, Fault};
use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Serialize};
use wire::Environment;

/// A platform that can be written to.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// What it is.
    pub descriptor: &'static DestinationDescriptor,
    /// JSON Schema of its settings, without `kind`.
    pub schema: fn() -> Schema,
    /// Its page of the documentation, Markdown.
    pub readme: &'static str,
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

        /// Settings of a destination: `kind` says which platform, the rest is that platform's own.
        #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
        #[serde(tag = "kind", rename_all = "lowercase")]
        #[expect(clippy::large_enum_variant, reason = "a configuration has a few of them")]
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
            pub fn descriptor(&self) -> &'static DestinationDescriptor {
                match self {
                    $(Self::$name(_) => &$module::DESCRIPTOR),*
                }
            }

            /// The destination with these settings in this environment. Fetches its secrets; makes no call.
            ///
            /// # Errors
            /// A setting out of its range, or a secret that can't be read.
            pub fn build(&self, environment: &Environment) -> Result<Arc<dyn Destination>, Fault> {
                match self {
                    $(Self::$name(config) => Ok(Arc::new($module::Connector::new(config, environment)?))),*
                }
            }
        }
    };
}

registry! {
    /// A product feed of the Agentic Commerce Protocol.
    Acp = acp,
    /// A Clerk.io store.
    Clerk = clerk,
    /// A Dotdigital account.
    Dotdigital = dotdigital,
    /// The product catalogue of an Insider account.
    Insider = insider,
    /// Product data feeds for merchant accounts.
    Merchant = merchant,
}
