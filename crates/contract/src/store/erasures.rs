//! Persons who are to be erased, or are.

use std::{collections::BTreeMap, fmt};

use async_trait::async_trait;
use model::{CustomerId, Email, FlowName, Kind, SourceName, Timestamp};
use serde::{Deserialize, Serialize};

use super::{FlowId, Found};
use crate::Fault;

/// Erases persons, and keeps them out afterwards.
///
/// A person is found by an address or by the id of an account. What belongs to one is: the accounts that have the address
/// now; all orders of these accounts; and, whoever ordered, the orders with an address of the person: the one asked for, and
/// that of an account unless another account has it, too.
///
/// **Invariants:** from the transaction that begins an erasure on, no page of a source brings a record of the person back; an
/// erasure ends only once every flow has settled the removal of every record; what is kept of it then names nobody.
#[async_trait]
pub trait Erasures: Send + Sync {
    /// The records of a person, of all sources.
    async fn of_person(&self, who: &Who) -> Result<Vec<(SourceName, Found)>, Fault>;

    /// What will go with a person: records and items by flow and kind.
    async fn to_erase(&self, who: &Who) -> Result<Vec<ErasedFrom>, Fault>;

    /// Begins an erasure: the person's records are deleted from the mirror, so that every flow removes what its destination
    /// holds of them, and none of them comes back. Returns its number; `None`: nothing is known of the person, and nothing
    /// was done.
    async fn erase(&self, who: &Who, at: Timestamp) -> Result<Option<u64>, Fault>;

    /// The erasures that have not ended, in the order in which they began.
    async fn open_erasures(&self) -> Result<Vec<Erasure>, Fault>;

    /// How many erasures have ended and keep somebody out.
    async fn ended_erasures(&self) -> Result<u64, Fault>;

    /// The last erasure that keeps this address or account out.
    async fn erasure_of(&self, who: &Who) -> Result<Option<Erasure>, Fault>;

    /// The records of an erasure that has not ended.
    async fn erasing(&self, erasure: u64) -> Result<Vec<Erasing>, Fault>;

    /// Ends an erasure whose removals are all settled: deletes what is left of its records, with the keys that sealed them,
    /// and the answers of calls about customers and orders. `read_back`: what destinations said when they were asked
    /// afterwards. False, without effect: something is not settled.
    async fn end_erasure(&self, erasure: u64, read_back: &[ReadBack], at: Timestamp) -> Result<bool, Fault>;

    /// Lets a person in again, with everything that the erasure kept out; returns whether it did. Not before the erasure has
    /// ended.
    async fn lift(&self, who: &Who) -> Result<bool, Fault>;
}

/// By what a person is found.
#[derive(Clone, PartialEq, Eq)]
pub enum Who {
    /// An e-mail address.
    Email(Email),
    /// An account.
    Customer {
        /// Where it is; `None`: in whichever source has it.
        source: Option<SourceName>,
        /// Its id there.
        id: CustomerId,
    },
}

impl fmt::Debug for Who {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Email(_) => "Email(..)",
            Self::Customer { .. } => "Customer(..)",
        })
    }
}

/// A record of a person who is being erased.
#[derive(Clone, Debug)]
pub struct Erasing {
    /// Where it comes from.
    pub source: SourceName,
    /// The record, which the mirror does not have any more.
    pub found: Found,
}

/// An erasure. Nothing in it names the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Erasure {
    /// Its number in this database.
    pub erasure: u64,
    /// What stands for the address or account that was asked for: a hash with a key of this database.
    pub person: String,
    /// What stands for each address, account and order that is kept out since.
    pub kept_out: Vec<String>,
    /// Whether the person was let in again, or erased once more.
    pub lifted: bool,
    /// When it began.
    pub asked_at: Timestamp,
    /// When it ended; `None`: something is not removed yet.
    pub done_at: Option<Timestamp>,
    /// Records that the mirror had, by kind.
    pub records: BTreeMap<Kind, u64>,
    /// What each flow had to remove.
    pub flows: Vec<ErasedFrom>,
}

/// What is removed from the destination of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ErasedFrom {
    /// The flow.
    pub flow: FlowName,
    /// Where its records come from.
    pub source: SourceName,
    /// The account that it fills; empty where that is not known.
    pub account: String,
    /// Its markets, by key.
    pub markets: Vec<String>,
    /// The kind of records.
    pub kind: Kind,
    /// Records of the person that it knew.
    pub records: u64,
    /// Items that the destination held of them, or may have held.
    pub items: u64,
    /// Records whose removal is not settled.
    pub left: u64,
    /// Whether the flow was forgotten meanwhile, so that nobody knows whether its destination still has something.
    #[serde(default)]
    pub forgotten: bool,
    /// The calls that were made for them, also those that the destination refused.
    pub calls: Vec<Acknowledged>,
    /// What the destination said when it was asked for them afterwards; `None`: it can't be asked.
    pub read_back: Option<ReadBack>,
}

impl ErasedFrom {
    /// What tells the flow from others.
    pub fn id(&self) -> FlowId {
        FlowId { flow: self.flow.clone(), source: self.source.clone(), account: self.account.clone() }
    }
}

/// A call that was made to remove something, as the destination answered it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Acknowledged {
    /// Its number in this database.
    pub call: u64,
    /// The operation's name.
    pub op: String,
    /// HTTP status.
    pub status: u16,
    /// When it ended.
    pub at: Timestamp,
}

/// What a destination said when it was asked for what it had removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ReadBack {
    /// The flow.
    pub flow: FlowName,
    /// The kind of records.
    pub kind: Kind,
    /// Items that were asked for.
    pub asked: u64,
    /// Those of them that are there.
    pub found: u64,
    /// When.
    pub at: Timestamp,
}
