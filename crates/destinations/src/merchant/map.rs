//! The items of a product: one for each variant. Pure: no call, no clock, no secret.
//!
//! **Invariants:** the same listing and settings give the same bytes; no member is `null` or blank; an item's id depends
//! on neither price, stock, language nor market.

use contract::{
    Facet, Fault, Item, Writer,
    destination::{Made, Mapped},
    schema::is_absolute_url,
};
use model::{Filtered, Listing, Money, Offer, listing::Plain};

use super::config::{Config, ItemId, OutOfStock};
use crate::{gtin::is_gtin, markup::plain_text, options::options_text};

/// Most characters of a title, a description and an id.
const TITLE: usize = 150;
const DESCRIPTION: usize = 5_000;
const ID: usize = 50;
/// Most images besides the main one.
const IMAGES: usize = 10;

/// The settings that change payloads, and the version of this mapping, as text.
pub(super) fn fingerprint(config: &Config, mapping: u32) -> String {
    format!("merchant {mapping} {:?} {:?}", config.item_id, config.out_of_stock)
}

/// The items of a product.
///
/// # Errors
/// `C0452` for a variant that lacks what every item needs, `C0453` for an id that does not fit, `C0454` for two variants
/// with one id.
pub(super) fn product(config: &Config, listing: &Listing<'_>, taken: &dyn Fn(&str) -> bool) -> Result<Mapped, Fault> {
    let sold = |offer: &&Offer<'_>| offer.in_stock || config.out_of_stock == OutOfStock::Keep;
    let mut items: Vec<Made> = Vec::with_capacity(listing.variants.len());
    for offer in listing.variants.iter().filter(sold) {
        let item = Row { config, listing, offer, taken }.item()?;
        if items.iter().any(|made| made.item.id == item.id) {
            let message = format!("product {}: two of its variants would both be item {:?}", listing.id, item.id.as_str());
            let hint = "give each variant a SKU of its own, or use item_id = \"variant\"";
            return Err(Fault::record("C0454", message).hint(hint));
        }
        items.push(Made::of_variant(item, offer.id.clone()));
    }
    Ok(if items.is_empty() { Mapped::Filtered(Filtered::OutOfStock) } else { Mapped::Items(items) })
}

struct Row<'l, 'a> {
    config: &'l Config,
    listing: &'l Listing<'a>,
    offer: &'l Offer<'a>,
    taken: &'l dyn Fn(&str) -> bool,
}

impl<'a> Row<'_, 'a> {
    fn item(&self) -> Result<Item, Fault> {
        let (listing, offer) = (self.listing, self.offer);
        let mut writer = Writer::new(self.taken);
        let mut put = |name: &str, value: Option<&str>| match value.map(str::trim).filter(|text| !text.is_empty()) {
            Some(text) => write(&mut writer, name, text),
            None => Ok(()),
        };
        put("title", Some(&self.title()))?;
        put("description", Some(&self.description()))?;
        put("link", Some(&listing.url))?;
        let images = self.images();
        match images.first() {
            Some(image) => put("image_link", Some(image))?,
            None if (self.taken)("image_link") => {}
            None => return Err(self.unfit("image_link", "is missing: neither the variant nor its product has an image")),
        }
        put("availability", Some(if offer.in_stock { "in_stock" } else { "out_of_stock" }))?;
        put("price", Some(&self.money("price", offer.list_price)?))?;
        if offer.on_sale {
            put("sale_price", Some(&self.money("sale_price", offer.price)?))?;
            put("sale_price_effective_date", self.window().as_deref())?;
        }
        // What belongs to the product does not depend on which variants a market sells.
        if listing.product.variants.len().max(listing.variants.len()) > 1 {
            put("item_group_id", Some(listing.id.as_str()))?;
        }
        put("brand", self.attribute(&["brand"]).as_deref().or(listing.brand))?;
        put("gtin", offer.gtin.filter(|gtin| is_gtin(gtin)))?;
        put("mpn", self.attribute(&["mpn"]).as_deref())?;
        put("condition", self.one_of("condition", &["new", "refurbished", "used"]))?;
        let main = listing.categories.iter().find(|it| it.primary).or_else(|| listing.categories.first());
        put("product_type", main.map(|it| it.path.join(" > ")).as_deref())?;
        put("color", self.attribute(&["color", "colour"]).as_deref())?;
        for name in ["size", "material", "pattern"] {
            put(name, self.attribute(&[name]).as_deref())?;
        }
        put("gender", self.one_of("gender", &["male", "female", "unisex"]))?;
        put("age_group", self.one_of("age_group", &["newborn", "infant", "toddler", "kids", "adult"]))?;
        let others: Vec<&str> = images.into_iter().skip(1).take(IMAGES).collect();
        if !others.is_empty() {
            write(&mut writer, "additional_image_link", &others)?;
        }
        Ok(Item { id: self.id()?.into(), payload: writer.finish() })
    }

    fn name(&self) -> String {
        format!("product {}, variant {}", self.listing.id, self.offer.id)
    }

    fn unfit(&self, field: &str, what: &str) -> Fault {
        Fault::record("C0452", format!("{}: {field} {what}", self.name()))
            .hint("correct it at the source, or map this field yourself")
    }

    /// # Errors
    /// `C0453` where it is longer than product data allows.
    fn id(&self) -> Result<String, Fault> {
        let (product, variant) = (self.listing.id.as_str(), self.offer.id.as_str());
        let id = match (self.config.item_id, self.offer.sku) {
            (ItemId::Sku, Some(sku)) => sku.as_str().trim().to_owned(),
            (ItemId::Sku, None) | (ItemId::Variant, _) => format!("{product}_{variant}"),
        };
        if id.is_empty() || id.chars().count() > ID {
            let message = format!("{}: its id {id:?} has {} characters, and may have 1 to {ID}", self.name(), id.chars().count());
            return Err(Fault::record("C0453", message).hint("shorten it at the source, or use another item_id"));
        }
        Ok(id)
    }

    fn title(&self) -> String {
        let options = options_text(self.listing, self.offer);
        let name = self.listing.name.trim();
        if options.is_empty() { cut(name, TITLE) } else { cut(&format!("{name} – {options}"), TITLE) }
    }

    fn description(&self) -> String {
        let listing = self.listing;
        let texts = [listing.description, listing.meta_description, Some(listing.name)].into_iter().flatten();
        let plain = texts.map(plain_text).find(|text| !text.trim().is_empty()).unwrap_or_default();
        cut(plain.trim(), DESCRIPTION)
    }

    /// The variant's own images, then the main one of the product where it has none.
    fn images(&self) -> Vec<&'a str> {
        let own = self.offer.images.iter().copied().filter(|url| is_absolute_url(url));
        let images: Vec<&str> = own.collect();
        if images.is_empty() { self.listing.images.iter().copied().take(1).collect() } else { images }
    }

    /// # Errors
    /// `C0452` for an amount below zero, or above zero and finer than what the currency can be paid in.
    fn money(&self, field: &str, money: Money) -> Result<String, Fault> {
        let paid = Money::new(money.minor, money.currency);
        if !(self.taken)(field) && (money.is_negative() || (paid.minor == 0 && money.amount().units != 0)) {
            return Err(self.unfit(field, &format!("{money} can't be a price")));
        }
        Ok(paid.to_string())
    }

    /// When the price holds, where both ends are known.
    fn window(&self) -> Option<String> {
        let window = self.offer.basis?.price.window;
        let second = |at: model::Timestamp| model::Timestamp::from_millis(at.seconds() * 1000).to_string().replace(".000Z", "Z");
        Some(format!("{}/{}", second(window.from?), second(window.until?)))
    }

    /// The shown value of the first of these attributes that is not blank, of the variant or its product.
    fn attribute(&self, names: &[&str]) -> Option<String> {
        let fields = || self.offer.attributes.iter().chain(&self.listing.attributes);
        let of = |name: &&str| fields().find(|field| field.name.eq_ignore_ascii_case(name) && !field.label.is_blank());
        names.iter().find_map(of).map(|field| joined(&field.label))
    }

    /// The value of an attribute whose values Google names.
    fn one_of(&self, name: &str, values: &[&'static str]) -> Option<&'static str> {
        let fields = self.offer.attributes.iter().chain(&self.listing.attributes);
        let texts = fields.filter(|field| field.name.eq_ignore_ascii_case(name)).flat_map(|field| [&field.value, &field.label]);
        texts.filter_map(Plain::text).find_map(|text| values.iter().find(|value| value.eq_ignore_ascii_case(text.trim())).copied())
    }
}

/// A member; only a map with odd keys is unfit for JSON.
fn write<T: serde::Serialize + ?Sized>(writer: &mut Writer<'_>, name: &str, value: &T) -> Result<(), Fault> {
    writer.put(Facet::CONTENT, name, value).map_err(|error| Fault::record("C0452", format!("{name}: {error}")))
}

/// Several values as one text.
fn joined(value: &Plain<'_>) -> String {
    match value {
        Plain::List(values) => values.iter().filter_map(Plain::text).collect::<Vec<_>>().join("/"),
        single => single.text().unwrap_or_default().into_owned(),
    }
}

/// The text with at most so many characters, cut between words where that leaves at least half of it.
fn cut(text: &str, most: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(most) else { return text.to_owned() };
    let (head, rest) = text.split_at(end);
    let between = rest.starts_with(char::is_whitespace);
    let word = head.rfind(char::is_whitespace).filter(|at| !between && *at > end / 2);
    head.get(..word.unwrap_or(end)).unwrap_or(head).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_words() {
        assert_eq!(cut("a short one", 50), "a short one");
        assert_eq!(cut("red shoes with laces", 16), "red shoes with");
        assert_eq!(cut("red shoes with laces", 14), "red shoes with");
        assert_eq!(cut("Donaudampfschifffahrt am See", 10), "Donaudampf");
        assert_eq!(cut("größere Schuhe", 7), "größere");
    }
}
