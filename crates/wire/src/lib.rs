//! The HTTP kit of the connectors: one client, tokens, quotas, repeats, redaction.
//!
//! Calls go through a [`Transport`]: the network, or a simulation of it. It knows no platform. It decides how a call is
//! made (bounds, time limits, concurrency), what is known when a call breaks ([`Effect`]), and which part of an answer
//! may be shown ([`Redactor`]). The connector decides what an answer *means*.
//!
//! **Invariants:** no body is read without a bound; no request or response body, query string, token or secret is
//! logged; nothing is repeated unless the caller asks through [`retry`].

pub mod address;
pub mod certificate;
pub mod client;
mod clocks;
pub mod download;
pub mod environment;
pub mod jwt;
pub mod query;
pub mod quota;
pub mod redact;
pub mod retry;
pub mod settings;
pub mod signature;
pub mod token;
pub mod transport;
pub mod when;

pub use address::canonical;
pub use client::{Broken, Client, Effect, Options, Reason, Request, Response};
pub use clocks::{Instants, ServerClock};
pub use download::Progress;
pub use environment::Environment;
pub use http::{HeaderMap, HeaderName, HeaderValue, Method};
pub use query::with_query;
pub use quota::Quota;
pub use redact::Redactor;
pub use reqwest::Url;
pub use retry::{Retry, retry};
pub use settings::Checks;
pub use token::{ClientCredentials, Grant, NotGranted, TokenCache};
pub use transport::{Answer, Body, Transport, install_tls, is_this_machine};
