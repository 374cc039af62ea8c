//! The living shop on BigCommerce: its edits as changes, and a driver that makes them at a rate.

use std::time::Duration;

use super::{Change, ChangeError, Emulator, Localization, Whose};
use crate::{
    catalogue::Price,
    shared::living::{self, Driven, Edited},
    shop::Edit,
};

impl Emulator {
    /// Makes an edit of the living shop.
    ///
    /// # Errors
    /// [`ChangeError::NoPlace`] for prices of a country, for windows, and for texts of other languages than the first where
    /// the store has only one; those of [`Emulator::change`].
    pub fn edit(&self, edit: Edit) -> Result<(), ChangeError> {
        let main = self.state().languages.first().cloned().unwrap_or_default();
        let change = match edit {
            Edit::Stock { sku, channel, quantity } => Change::SetStock { sku, channel, quantity },
            Edit::Price { sku, price, .. } => set_price(sku, price)?,
            Edit::PriceWindow { .. } => return Err(ChangeError::NoPlace("a price that holds for a time")),
            Edit::Name { locale, .. } | Edit::Category { locale, .. }
                if locale != main && self.settings().localization == Localization::None =>
            {
                return Err(ChangeError::NoPlace("a text of another language"));
            }
            Edit::Name { product, locale, text } if locale != main => {
                Change::SetText { product, channel: None, locale, name: text }
            }
            // Overrides are of products only.
            Edit::Category { locale, .. }
                if locale != main && self.settings().localization == Localization::Overrides =>
            {
                return Err(ChangeError::NoPlace("a category's text of another language"));
            }
            Edit::Category { category, locale, text } if locale != main => {
                Change::SetCategoryText { category, locale, name: text }
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

/// Makes the edits on the emulator ([`living::drive`]).
pub async fn drive(
    emulator: &Emulator,
    shop: impl Iterator<Item = Edit>,
    pace: Duration,
    told: impl Fn(&Edit),
    shutdown: impl Future<Output = ()>,
) -> Driven {
    let make = |edit: &Edit| match emulator.edit(edit.clone()) {
        Ok(()) => Edited::Made,
        Err(ChangeError::NoPlace(_)) => Edited::NoPlace,
        Err(error) => Edited::Refused(error.to_string()),
    };
    living::drive(make, shop, pace, told, shutdown).await
}
