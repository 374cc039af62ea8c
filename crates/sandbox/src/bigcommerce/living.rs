//! The living shop on BigCommerce: its edits as changes, and a driver that makes them at a rate.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::{Change, ChangeError, Emulator, Whose};
use crate::{catalogue::Price, shop::Edit};

impl Emulator {
    /// Makes an edit of the living shop.
    ///
    /// # Errors
    /// [`ChangeError::NoPlace`] for prices of a country, for windows, and for texts of other languages than the first, because
    /// the REST API has one language; those of [`Emulator::change`].
    pub fn edit(&self, edit: Edit) -> Result<(), ChangeError> {
        let main = self.state().languages.first().cloned().unwrap_or_default();
        let change = match edit {
            Edit::Stock { sku, channel, quantity } => Change::SetStock { sku, channel, quantity },
            Edit::Price { sku, price, .. } => set_price(sku, price)?,
            Edit::PriceWindow { .. } => return Err(ChangeError::NoPlace("a price that holds for a time")),
            Edit::Name { locale, .. } | Edit::Category { locale, .. } if locale != main => {
                return Err(ChangeError::NoPlace("a text of another language"));
            }
            Edit::Name { product, text, .. } => Change::SetName { product, name: text },
            Edit::Category { category, text, .. } => Change::RenameCategory { category, name: text },
            Edit::Published { product, published } => Change::SetVisible { product, visible: published },
            Edit::Added(product) => Change::AddProduct(product),
            Edit::Removed { product } => Change::DeleteProduct { product },
        };
        self.change(change)
    }
}

fn set_price(sku: String, price: Price) -> Result<Change, ChangeError> {
    if price.country.is_some() || price.valid_from.is_some() || price.valid_until.is_some() {
        return Err(ChangeError::NoPlace("a price of a country or for a time"));
    }
    let whose = match (price.customer_group, price.channel) {
        (Some(group), _) => Whose::Group(group),
        (None, Some(channel)) => Whose::Channel(channel),
        (None, None) => Whose::Everyone,
    };
    Ok(Change::SetPrice { sku, whose, currency: price.currency, minor: price.minor, sale: price.discounted })
}

/// Counts of a living shop's edits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Driven {
    /// Edits that were made.
    pub made: u64,
    /// Edits that the platform has no place for.
    pub without_place: u64,
    /// Edits that were refused.
    pub refused: u64,
}

/// Makes one edit on the emulator every `pace` (a millisecond at least) until `shutdown`, and passes each that was made to
/// `told`. One that the platform has no place for is left out at once; one that is refused is logged and counted, and the
/// next one follows.
pub async fn drive(
    emulator: &Emulator,
    shop: impl Iterator<Item = Edit>,
    pace: Duration,
    told: impl Fn(&Edit),
    shutdown: impl Future<Output = ()>,
) -> Driven {
    let mut driven = Driven::default();
    let mut ticks = interval(pace.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shutdown = std::pin::pin!(shutdown);
    for edit in shop {
        tokio::select! {
            biased;
            () = &mut shutdown => return driven,
            _ = ticks.tick() => {},
        }
        match emulator.edit(edit.clone()) {
            Ok(()) => {
                told(&edit);
                driven.made += 1;
            }
            Err(ChangeError::NoPlace(_)) => {
                driven.without_place += 1;
                ticks.reset_immediately();
            }
            Err(error) => {
                tracing::warn!(%error, "the platform refused an edit of the living shop");
                driven.refused += 1;
            }
        }
    }
    // Nothing in the shop can be edited.
    shutdown.await;
    driven
}
