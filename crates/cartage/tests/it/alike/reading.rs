//! Another reading of the catalogue: it goes neither through a connector nor through the model.

use sandbox::catalogue::{Catalogue, Price, Product, Variant};

use super::Buyer;
use crate::shelf::{NO_IMAGE, Shelf, Sold, amount, digits};

/// What a buyer is shown, by product and SKU: name, address, image, prices with and without a discount, and stock where it is
/// counted. Variants without a SKU are counted.
pub(super) fn shelf(catalogue: &Catalogue, buyer: &Buyer) -> Shelf {
    let mut shelf = Shelf::new();
    for product in (catalogue.products)().filter(|product| is_sold(catalogue, product, buyer)) {
        let Some(name) = product.name.get(&buyer.market.locale) else { continue };
        let image = product.variants.iter().find_map(|variant| variant.images.first());
        let mut unnamed = 0;
        for variant in &product.variants {
            let Some(price) = price(variant, buyer) else { continue };
            let pieces = pieces(variant, buyer);
            let pay = |minor: i64| amount(minor, &buyer.market.currency);
            let sold = Sold {
                name: name.clone(),
                link: format!("https://shop.example/{}", product.slug[&buyer.market.locale]),
                image: image.cloned().unwrap_or_else(|| NO_IMAGE.to_owned()),
                prices: (pay(price.discounted.unwrap_or(price.minor)), pay(price.minor)),
                in_stock: pieces.is_none_or(|pieces| pieces > 0),
                pieces,
            };
            let sku = variant.sku.clone().unwrap_or_else(|| {
                unnamed += 1;
                format!("{}", unnamed - 1)
            });
            shelf.insert(format!("{}/{sku}", product.key), sold);
        }
    }
    shelf
}

/// The same with prices as they can be paid: some services show finer ones.
pub(super) fn to_pay(shelf: &Shelf, buyer: &Buyer) -> Shelf {
    let digits = 10_f64.powi(digits(&buyer.market.currency).cast_signed());
    let paid = |price: f64| (price * digits).round() / digits;
    let rounded = |sold: &Sold| Sold { prices: (paid(sold.prices.0), paid(sold.prices.1)), ..sold.clone() };
    shelf.iter().map(|(key, sold)| (key.clone(), rounded(sold))).collect()
}

/// Whether a product is published and in an assortment of the market's store.
fn is_sold(catalogue: &Catalogue, product: &Product, buyer: &Buyer) -> bool {
    let store = catalogue.head.stores.iter().find(|store| Some(&store.key) == buyer.market.store.as_ref());
    let active = store.iter().flat_map(|store| &store.selections).filter(|(_, active)| *active);
    let mut selections =
        active.filter_map(|(key, _)| catalogue.head.selections.iter().find(|it| it.key == *key)).peekable();
    let in_one = selections.peek().is_none() || selections.any(|it| it.products.contains(&product.key) != it.excludes);
    product.published && in_one
}

/// The price with the narrowest scope of those that hold now: group before channel before country before time.
fn price<'a>(variant: &'a Variant, buyer: &Buyer) -> Option<&'a Price> {
    // The windows of the catalogue are over, hold, or are to come for decades.
    let now: jiff::Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
    let at = |text: &Option<String>| text.as_ref().map(|text| text.parse::<jiff::Timestamp>().unwrap());
    let fits = |scope: &Option<String>, own: Option<&str>| scope.is_none() || scope.as_deref() == own;
    let holds = |price: &&Price| {
        price.currency == buyer.market.currency
            && fits(&price.country, Some(&buyer.market.country))
            && fits(&price.customer_group, buyer.group)
            && fits(&price.channel, buyer.price_channel)
            && at(&price.valid_from).is_none_or(|from| from <= now)
            && at(&price.valid_until).is_none_or(|until| now < until)
    };
    variant.prices.iter().filter(holds).max_by_key(|price| {
        (price.customer_group.is_some(), price.channel.is_some(), price.country.is_some(), price.valid_from.is_some())
    })
}

/// The pieces that the market's warehouses have; `None`: nobody counts them.
fn pieces(variant: &Variant, buyer: &Buyer) -> Option<i64> {
    let here = |channel: &Option<String>| match channel {
        None => buyer.market.supply_channels.is_empty(),
        Some(key) => buyer.market.supply_channels.contains(key),
    };
    let counted = variant.stock.iter().filter(|stock| here(&stock.channel)).map(|stock| stock.quantity);
    (!variant.stock.is_empty()).then(|| counted.sum())
}
