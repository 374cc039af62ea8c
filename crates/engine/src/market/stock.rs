//! How many pieces of a variant a market can sell.
//!
//! Levels come from stock records of the variant or its SKU, or, where there are none, from the variant itself, or else
//! from stock records of the product as a whole. A variant without any level is **untracked**: it has no figure, and the
//! market's setting says whether it can be bought. A variant that is tracked only in places from which this
//! market does not sell has 0. Levels of the market's places are added up, oversold ones included, and a sum below zero
//! counts as 0. Of two records for one place the one created later counts: the other is a deletion that is not known yet.

use std::collections::HashSet;

use model::{ChannelId, StockLevel, Supply};

/// The places a market sells from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Places {
    /// Stock that is assigned to no channel.
    Unassigned,
    /// Stock of these channels.
    Channels(HashSet<ChannelId>),
}

impl Places {
    /// The market's own channels, else the store's, else what is assigned to none.
    pub fn new(market: Vec<ChannelId>, store: &[ChannelId]) -> Self {
        let channels: HashSet<ChannelId> =
            if market.is_empty() { store.iter().cloned().collect() } else { market.into_iter().collect() };
        if channels.is_empty() { Self::Unassigned } else { Self::Channels(channels) }
    }

    pub(super) fn has(&self, level: &StockLevel) -> bool {
        match (self, &level.channel) {
            (Self::Unassigned, None) => true,
            (Self::Channels(channels), Some(channel)) => channels.contains(channel),
            _ => false,
        }
    }
}

/// The stock of a variant in a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Available {
    /// The shop does not count it.
    Untracked,
    /// There is always more stock.
    Perpetual,
    /// So many pieces.
    Pieces {
        /// At least 0.
        count: i64,
        /// Whether it can be ordered when no piece is left.
        backorder: bool,
    },
}

impl Available {
    /// The pieces, where they are counted.
    pub fn pieces(self) -> Option<i64> {
        match self {
            Self::Pieces { count, .. } => Some(count),
            Self::Untracked | Self::Perpetual => None,
        }
    }

    /// Whether it can be bought now; `untracked`: whether a variant whose stock is not counted can be.
    pub fn in_stock(self, untracked: bool) -> bool {
        match self {
            Self::Untracked => untracked,
            Self::Perpetual => true,
            Self::Pieces { count, backorder } => backorder || count > 0,
        }
    }
}

/// Adds up the levels of a market's places.
pub fn available<'a>(levels: impl IntoIterator<Item = &'a StockLevel>, places: &Places) -> Available {
    let mut sum = None;
    let (mut backorder, mut perpetual) = (false, false);
    for level in levels {
        let mut here = 0;
        if places.has(level) {
            match level.supply {
                Supply::Limited => here = level.available,
                Supply::Backorder => (here, backorder) = (level.available, true),
                Supply::Perpetual => perpetual = true,
            }
        }
        sum = Some(sum.unwrap_or(0_i64).saturating_add(here));
    }
    match sum {
        _ if perpetual => Available::Perpetual,
        None => Available::Untracked,
        Some(sum) => Available::Pieces { count: sum.max(0), backorder },
    }
}
