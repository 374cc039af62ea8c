//! How many pieces of a variant a market can sell.
//!
//! Levels come from stock records of the SKU, or, where there are none, from the variant itself. A variant without any
//! level is **untracked**: it has no figure, and the market's setting says whether it can be bought. One that is tracked
//! only in places this market does not sell from has 0. Levels of the market's places are added up, oversold ones
//! included, and a sum below zero counts as 0.

use std::collections::HashSet;

use model::{ChannelId, Level};

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

    fn has(&self, level: &Level) -> bool {
        match (self, &level.channel) {
            (Self::Unassigned, None) => true,
            (Self::Channels(channels), Some(channel)) => channels.contains(channel),
            _ => false,
        }
    }
}

/// Pieces that can be sold, at least 0; none where the variant is untracked.
pub fn pieces<'a>(levels: impl IntoIterator<Item = &'a Level>, places: &Places) -> Option<i64> {
    let mut sum = None;
    for level in levels {
        let here = if places.has(level) { level.available } else { 0 };
        sum = Some(sum.unwrap_or(0_i64).saturating_add(here));
    }
    sum.map(|sum| sum.max(0))
}
