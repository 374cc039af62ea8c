//! Stock.

use serde::{Deserialize, Serialize};

use crate::{ChannelId, Sku, StockId, Timestamp};

/// A stock entry that is a resource of its own: one SKU in one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    /// Id at the source.
    pub id: StockId,
    /// What is counted; a product with it need not exist yet.
    pub sku: Sku,
    /// How much there is, and where.
    pub level: Level,
}

/// How much there is of something in one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// The supply channel; none: stock that is assigned to no channel. It is no sum over the channels.
    pub channel: Option<ChannelId>,
    /// Pieces that can be sold now; may be negative where a shop sells on.
    pub available: i64,
    /// When more is expected.
    pub expected: Option<Timestamp>,
}
