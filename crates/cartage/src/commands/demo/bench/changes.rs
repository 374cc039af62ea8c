//! Changes of a shop that deltas are measured with, spread over the catalogue.

use anyhow::{Context as _, ensure};
use sandbox::commercetools::{Change, Emulator, PriceScope};
use serde_json::Value;

use super::super::world::World;

/// What changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Stock,
    Price,
    Text,
    Category,
}

impl By {
    /// Name of the step.
    pub(super) const fn step(self) -> &'static str {
        match self {
            Self::Stock => "delta by stock",
            Self::Price => "delta by price",
            Self::Text => "delta by text",
            Self::Category => "delta by category",
        }
    }

    /// Makes so many changes, or as many as there are records; gives how many.
    pub(super) fn make(self, world: &World, wanted: usize) -> anyhow::Result<usize> {
        let shop = &world.shop;
        let keys = match self {
            Self::Stock => shop.skus(),
            Self::Price | Self::Text => shop.product_keys(),
            Self::Category => shop.category_keys(),
        };
        let mut made = 0;
        // More candidates than needed: an unpublished product, for example, has no price to change.
        for key in keys.iter().step_by((keys.len() / (2 * wanted.max(1))).max(1)) {
            let Some(change) = self.change(world, key, wanted).filter(|_| made < wanted) else { continue };
            shop.change(change).with_context(|| format!("{key} can't be changed"))?;
            made += 1;
        }
        ensure!(made > 0, "the shop has nothing for a {}", self.step());
        Ok(made)
    }

    fn change(self, world: &World, key: &str, wanted: usize) -> Option<Change> {
        let market = world.markets.first()?;
        Some(match self {
            Self::Stock => {
                let channel = market.supply_channels.first().cloned();
                Change::SetStock { sku: key.to_owned(), channel, quantity: 1_000 + i64::try_from(wanted).ok()? }
            }
            Self::Price => price(&world.shop, key, i64::try_from(wanted).ok()?)?,
            Self::Text => Change::SetName {
                product: key.to_owned(),
                locale: market.locale.clone(),
                text: Some(format!("{key}, change {wanted}")),
            },
            Self::Category => Change::RenameCategory {
                category: key.to_owned(),
                locale: market.locale.clone(),
                name: format!("{key}, change {wanted}"),
            },
        })
    }
}

/// Another amount for a price that the product has for everybody; one more price where it has none.
fn price(shop: &Emulator, product: &str, wanted: i64) -> Option<Change> {
    let product = shop.product(product)?;
    let variant = product.pointer("/masterData/current/masterVariant")?;
    let sku = variant.get("sku")?.as_str()?.to_owned();
    let text = |value: &Value, path: &str| value.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let prices = variant.get("prices").and_then(Value::as_array);
    let common = prices.into_iter().flatten().find(|price| {
        ["channel", "customerGroup", "validFrom", "validUntil"].iter().all(|member| price.get(member).is_none())
    });
    let scope = PriceScope {
        currency: common.and_then(|price| text(price, "/value/currencyCode")).unwrap_or_else(|| "EUR".to_owned()),
        country: common.and_then(|price| text(price, "/country")),
        ..PriceScope::default()
    };
    let minor = common.and_then(|price| price.pointer("/value/centAmount")?.as_i64()).unwrap_or(1_000);
    Some(Change::SetPrice { sku, scope, minor: minor + wanted, discounted: None })
}
