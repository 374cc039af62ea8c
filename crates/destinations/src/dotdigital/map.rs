//! Products as catalogue records.

use std::{borrow::Cow, collections::BTreeSet};

use contract::{
    Constraint, Facet, Fault, Item, Writer,
    destination::{Made, Mapped},
    schema::is_absolute_url,
};
use model::{Filtered, Listing, Market, Money, Offer, listing::Field, listing::Plain};
use serde::Serialize;

use super::{
    config::{Config, OutOfStock, Variants, is_name_char},
    ids::Place,
    schema,
};

/// The text of all settings that payloads depend on.
pub fn fingerprint(config: &Config, version: u32) -> String {
    let Config { collection, variants, product_id, out_of_stock, untracked_quantity, attributes, longest_text, .. } =
        config;
    let catalogue = format!(
        "{version}|{collection}|{variants:?}|{product_id:?}|{out_of_stock:?}|{untracked_quantity}|{attributes:?}|{longest_text}"
    );
    // Only where people are taken, so that databases from before that send nothing again.
    if config.takes_people() { format!("{catalogue}|{}", of_people(config)) } else { catalogue }
}

fn of_people(config: &Config) -> String {
    let Config { unknown_consent, list, opt_in_type, customer_id_field, phones, removed_customers, .. } = config;
    let Config { order_collection, order_id, order_contacts, order_status, .. } = config;
    format!(
        "{unknown_consent:?}|{list:?}|{opt_in_type:?}|{customer_id_field}|{phones}|{removed_customers:?}|{order_collection}|\
         {order_id:?}|{order_contacts:?}|{order_status:?}"
    )
}

/// The records of a product.
///
/// # Errors
/// `C0445` for a value that Dotdigital can't use, `C0446` for a key that does not fit.
pub fn product(
    config: &Config,
    market: &Market,
    listing: &Listing<'_>,
    taken: &dyn Fn(&str) -> bool,
) -> Result<Mapped, Fault> {
    let removed = |offer: &Offer<'_>| config.out_of_stock == OutOfStock::Remove && !offer.in_stock;
    let offers: Vec<&Offer<'_>> = listing.variants.iter().filter(|offer| !removed(offer)).collect();
    if offers.is_empty() {
        return Ok(Mapped::Filtered(Filtered::OutOfStock));
    }
    let collection = config.collection_of(market);
    let parent = key(config, listing)?;
    let with_children = config.variants == Variants::ParentAndChildren && offers.len() > 1;
    let product = Product { config, market, listing, taken, collection: &collection, parent };
    let mut items = vec![Made::whole(product.whole(&offers, with_children)?)];
    if with_children {
        for offer in offers {
            items.push(Made::of_variant(product.child(offer)?, offer.id.clone()));
        }
    }
    let mut ids = BTreeSet::new();
    if let Some(twice) = items.iter().find(|made| !ids.insert(made.item.id.as_str())) {
        let message = format!("product {}: two of its records would both be {:?}", listing.id, twice.item.id.as_str());
        return Err(Fault::record("C0446", message).hint("use variants = \"parents\", or give its variants other ids"));
    }
    Ok(Mapped::Items(items))
}

/// The key of a product's own record.
fn key<'a>(config: &Config, listing: &Listing<'a>) -> Result<&'a str, Fault> {
    let key = config.product_id.of(listing).map_err(|what| {
        Fault::record("C0446", format!("product {} has no {what} to make its key from", listing.id))
            .hint("give it one at the source, or choose another product_id")
    })?;
    fitting(listing, key)?;
    Ok(key)
}

/// Which keys Dotdigital takes is not published; these characters stand in all of its examples.
fn fitting(listing: &Listing<'_>, key: &str) -> Result<(), Fault> {
    if key.len() <= 255 && key.chars().all(is_name_char) {
        return Ok(());
    }
    Err(Fault::record("C0446", format!("product {}: {key:?} can't be the key of a record", listing.id))
        .hint("a key has letters, digits, - and _, at most 255: choose another product_id, or correct it at the source"))
}

struct Product<'l, 'a> {
    config: &'l Config,
    market: &'l Market,
    listing: &'l Listing<'a>,
    taken: &'l dyn Fn(&str) -> bool,
    collection: &'l str,
    parent: &'a str,
}

impl<'a> Product<'_, 'a> {
    /// The record of the product.
    fn whole(&self, offers: &[&Offer<'a>], with_children: bool) -> Result<Item, Fault> {
        let listing = self.listing;
        let mut sheet = Sheet::new(self, format!("product {}", listing.id));
        let Some(cheapest) = cheapest(offers) else {
            return Err(sheet.unfit("price", "is missing: no variant is on offer", Constraint::None));
        };
        let sku = match (self.config.variants, with_children) {
            (Variants::Parents, _) => listing.sku.map(|sku| Cow::Borrowed(sku.as_str())),
            (Variants::ParentAndChildren, true) => Some(Cow::Borrowed(listing.key.unwrap_or(listing.id.as_str()))),
            (Variants::ParentAndChildren, false) => cheapest.sku.map(|sku| Cow::Borrowed(sku.as_str())),
        };
        let stocks = offers.iter().map(|offer| self.stock(offer));
        // A quantity that all variants share is not added up.
        let stock = if listing.shares_stock { stocks.max().unwrap_or(0) } else { stocks.fold(0, i64::saturating_add) };
        sheet.put("id", self.parent)?;
        let image = listing.images.first().copied();
        sheet.common(cheapest, (sku.as_deref(), stock, offers.iter().any(|offer| offer.in_stock)), image)?;
        if self.config.variants == Variants::ParentAndChildren {
            sheet.put("type", if with_children { "Configurable" } else { "Simple" })?;
        }
        let own = offers.first().filter(|_| offers.len() == 1).map_or(&[][..], |offer| &offer.attributes);
        sheet.attributes(own, &listing.attributes)?;
        Ok(sheet.finish(self.parent))
    }

    /// The record of a variant.
    fn child(&self, offer: &Offer<'a>) -> Result<Item, Fault> {
        let mut sheet = Sheet::new(self, format!("product {}, variant {}", self.listing.id, offer.id));
        let key = format!("{}-{}", self.parent, offer.id);
        fitting(self.listing, &key)?;
        sheet.put("id", &key)?;
        let image = offer.images.first().or(self.listing.images.first()).copied();
        let sku = offer.sku.map(model::Sku::as_str);
        sheet.common(offer, (sku, self.stock(offer), offer.in_stock), image)?;
        sheet.put("type", "Variant")?;
        sheet.put("parent_id", self.parent)?;
        sheet.attributes(&offer.attributes, &self.listing.attributes)?;
        Ok(sheet.finish(&key))
    }

    fn stock(&self, offer: &Offer<'_>) -> i64 {
        offer.stock.unwrap_or(if offer.in_stock { self.config.untracked_quantity.into() } else { 0 })
    }
}

/// The variant with the lowest price among those that can be bought, or among all if none can; of equal prices the
/// first.
fn cheapest<'o, 'a>(offers: &[&'o Offer<'a>]) -> Option<&'o Offer<'a>> {
    let by_price = |left: &&Offer<'_>, right: &&Offer<'_>| left.price.compare(right.price);
    let can = offers.iter().copied().filter(|it| it.in_stock).min_by(by_price);
    can.or_else(|| offers.iter().copied().min_by(by_price))
}

/// The members of one record.
struct Sheet<'p, 'l, 'a> {
    product: &'p Product<'l, 'a>,
    writer: Writer<'p>,
    name: String,
}

impl<'p, 'l, 'a> Sheet<'p, 'l, 'a> {
    fn new(product: &'p Product<'l, 'a>, name: String) -> Self {
        Self { product, writer: Writer::new(product.taken), name }
    }

    fn put<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Fault> {
        let written = self.writer.put(Facet::CONTENT, name, value);
        written.map_err(|error| self.unfit(name, &error.to_string(), Constraint::None))
    }

    /// The members that every record has, with SKU, stock and whether it can be bought.
    fn common(
        &mut self,
        offer: &Offer<'_>,
        (sku, stock, in_stock): (Option<&str>, i64, bool),
        image: Option<&str>,
    ) -> Result<(), Fault> {
        let (listing, market) = (self.product.listing, self.product.market);
        if listing.name.trim().is_empty() && !self.is_taken("name") {
            return Err(self.unfit("name", "is blank", Constraint::NotBlank));
        }
        self.put("name", cut(listing.name, self.product.config.longest_text))?;
        self.money("price", offer.list_price)?;
        if offer.on_sale {
            self.money("specialPrice", offer.price)?;
        }
        self.url("url", &listing.url)?;
        if let Some(sku) = sku.filter(|sku| !sku.is_empty()) {
            self.put("sku", sku)?;
        }
        self.put("stock", &stock.max(0))?;
        self.put("status", if in_stock { "In stock" } else { "Out of stock" })?;
        if let Some(image) = image {
            self.url("image_path", image)?;
        }
        self.put("currency", market.currency.code())
    }

    fn money(&mut self, name: &str, money: Money) -> Result<(), Fault> {
        if money.is_negative() && !self.is_taken(name) {
            return Err(self.unfit(name, &format!("{money} is below zero"), Constraint::NotNegative));
        }
        self.put(name, &money.decimal())
    }

    fn url(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        if !is_absolute_url(value) && !self.is_taken(name) {
            return Err(self.unfit(name, &format!("{value:?} is no absolute http(s) URL"), Constraint::AbsoluteUrl));
        }
        self.put(name, value)
    }

    /// The attributes that the settings name: of the variant before those of the product.
    fn attributes(&mut self, own: &[Field<'a>], of_product: &[Field<'a>]) -> Result<(), Fault> {
        let mut used: Vec<String> = Vec::new();
        let config = self.product.config;
        for wanted in &config.attributes {
            let is_wanted = |field: &&Field<'_>| field.name == wanted && !field.label.is_blank();
            let Some(field) = own.iter().chain(of_product).find(is_wanted) else { continue };
            let name = restricted(wanted);
            if !used.contains(&name) {
                self.attribute(&name, &field.label)?;
                used.push(name);
            }
        }
        Ok(())
    }

    /// A set becomes one text: a list must have been one from the first record on.
    fn attribute(&mut self, name: &str, label: &Plain<'_>) -> Result<(), Fault> {
        match label {
            Plain::List(values) => {
                let texts: Vec<_> = values.iter().filter(|it| !it.is_blank()).filter_map(Plain::text).collect();
                self.put(name, &texts.join(", "))
            }
            single => self.put(name, single),
        }
    }

    fn is_taken(&self, name: &str) -> bool {
        (self.product.taken)(name)
    }

    fn unfit(&self, name: &str, what: &str, constraint: Constraint) -> Fault {
        let hint = match constraint {
            Constraint::AbsoluteUrl => "check the market's URL template and the image at the source",
            Constraint::None | Constraint::NotBlank | Constraint::NotNegative | Constraint::UnixSeconds => {
                "correct it at the source, or map this field yourself"
            }
        };
        Fault::record("C0445", format!("{}: {name} {what}", self.name)).hint(hint)
    }

    fn finish(self, key: &str) -> Item {
        Item { id: Place::Record { collection: self.product.collection, key }.id(), payload: self.writer.finish() }
    }
}

/// The first so many characters.
pub(super) fn cut(text: &str, most: u32) -> &str {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    text.char_indices().nth(most).map_or(text, |(at, _)| text.get(..at).unwrap_or(text))
}

/// The name of the field for an attribute of this name: what a name can't hold becomes `_`, and an attribute never has
/// the name of a field of the schema.
pub fn restricted(name: &str) -> String {
    let fit: String = name.chars().map(|c| if is_name_char(c) { c } else { '_' }).take(90).collect();
    let is_own = schema::fields(model::Kind::Product).iter().any(|field| field.name.eq_ignore_ascii_case(&fit));
    if is_own || fit.is_empty() { format!("attr_{fit}") } else { fit }
}
