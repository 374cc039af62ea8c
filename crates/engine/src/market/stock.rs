//! How many pieces of a variant a market can sell.
//!
//! Levels come from stock records of the variant or its SKU, or, where there are none, from the variant itself, or else
//! from stock records of the product as a whole. A variant without any level is **untracked**: it has no figure, and the
//! market's setting says whether it can be bought. A variant that is tracked only in places from which this
//! market does not sell has 0. Levels of the market's places are added up, oversold ones included, and a sum below zero
//! counts as 0. Where all of the market's places say how they take what they do not list, a variant that none of them lists
//! is untracked, and can be bought if one of them says so, whatever the market's setting is and other places list. Of two records for one place the one created later counts: the other is a deletion that is not known yet.

use std::collections::HashSet;

use model::{ChannelId, StockLevel, Supply, market::Untracked};

/// The places a market sells from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Places {
    /// Stock that is assigned to no channel.
    Unassigned,
    /// Stock of these channels.
    Channels {
        /// The channels.
        ids: HashSet<ChannelId>,
        /// How they take what they do not list, if all of them say so.
        unlisted: Option<Untracked>,
    },
}

impl Places {
    /// The market's own channels, else the store's, else what is assigned to none. `says`: how a channel takes what it does
    /// not list.
    pub fn new(market: Vec<ChannelId>, store: &[ChannelId], says: impl Fn(&ChannelId) -> Option<Untracked>) -> Self {
        let listed = if market.is_empty() { store.to_vec() } else { market };
        if listed.is_empty() {
            return Self::Unassigned;
        }
        let said: Option<Vec<Untracked>> = listed.iter().map(says).collect();
        let is_available = |all: Vec<Untracked>| all.contains(&Untracked::Available);
        let unlisted = said.map(|all| if is_available(all) { Untracked::Available } else { Untracked::Unavailable });
        Self::Channels { ids: listed.into_iter().collect(), unlisted }
    }

    /// How these places take what they do not list; `None`: they don't say.
    pub const fn unlisted(&self) -> Option<Untracked> {
        match self {
            Self::Unassigned => None,
            Self::Channels { unlisted, .. } => *unlisted,
        }
    }

    pub(super) fn has(&self, level: &StockLevel) -> bool {
        match (self, &level.channel) {
            (Self::Unassigned, None) => true,
            (Self::Channels { ids, .. }, Some(channel)) => ids.contains(channel),
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
        let counts = places.has(level);
        if counts {
            match level.supply {
                Supply::Limited => here = level.available,
                Supply::Backorder => (here, backorder) = (level.available, true),
                Supply::Perpetual => perpetual = true,
            }
        }
        if counts || places.unlisted().is_none() {
            sum = Some(sum.unwrap_or(0_i64).saturating_add(here));
        }
    }
    match sum {
        _ if perpetual => Available::Perpetual,
        None => Available::Untracked,
        Some(sum) => Available::Pieces { count: sum.max(0), backorder },
    }
}
