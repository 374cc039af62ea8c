//! What crosses a boundary between crates: the traits [`Source`], [`Destination`], [`Store`], [`Clock`] and [`Executor`],
//! and the words they share.
//!
//! **Invariants:** no behaviour beyond what a word means (a digest, a merge of JSON members, the machine's clock and threads); no platform's name. A
//! connector classifies what happened; the engine alone retries, pauses, bisects and dead-letters.

pub mod clock;
pub mod destination;
pub mod executor;
pub mod fault;
pub mod payload;
pub mod random;
pub mod schema;
pub mod secret;
pub mod settings;
pub mod source;
pub mod store;

pub use clock::{Clock, SystemClock};
pub use destination::{
    Account, Call, Carry, Destination, DestinationDescriptor, Importer, Limits, Op, Outcome, Parcel, Receipt, Removal,
    Subject,
};
pub use executor::{Executor, Threads};
pub use fault::{BadSetting, Fault, FaultClass};
pub use payload::{Digest, Digests, Facet, FacetSpec, Facets, Item, Payload, Writer};
pub use random::Random;
pub use schema::{Constraint, FieldSpec, FieldType};
pub use secret::SecretRef;
pub use settings::ReadSettings;
pub use source::{
    Change, Demand, Fetched, Lack, Lane, Next, Page, Position, Profile, Ref, Scope, Source, SourceDescriptor,
    StoreProfile, Token,
};
pub use store::{Admin, Erasures, Hints, Ledger, Leftovers, Mirror, Store};
