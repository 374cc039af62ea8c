//! Stock.

use serde::{Deserialize, Serialize};

use crate::{ChannelId, ItemKey, StockId, Timestamp};

/// A stock entry that is a record of its own: one item in one place.
///
/// Two entries of one item in one place are both kept: a shop deleted one and created the other, and the deletion is not
/// known yet. The one created later counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    /// Id at the source.
    pub id: StockId,
    /// What is counted; a product with it need not exist yet.
    pub item: ItemKey,
    /// How much there is, and where.
    pub level: StockLevel,
    /// When the entry was created.
    pub created_at: Option<Timestamp>,
}

/// How much there is of something in one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockLevel {
    /// The supply channel; `None`: stock that is assigned to no channel. It is no sum over the channels.
    pub channel: Option<ChannelId>,
    /// Pieces that can be sold now; may be negative where a shop sells on.
    pub available: i64,
    /// When more is expected.
    pub expected: Option<Timestamp>,
    /// Whether it can be ordered when no piece is left.
    pub supply: Supply,
}

/// Whether it can be ordered when no piece is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Supply {
    /// It can't be ordered.
    #[default]
    Limited,
    /// It can still be ordered: it is delivered later.
    Backorder,
    /// There is always more: the number of pieces says nothing.
    Perpetual,
}

impl StockLevel {
    /// So many pieces and no more.
    pub const fn limited(channel: Option<ChannelId>, available: i64) -> Self {
        Self { channel, available, expected: None, supply: Supply::Limited }
    }
}
