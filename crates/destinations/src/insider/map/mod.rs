//! The payload of a product for Insider. Pure: no call, no clock, no secret.
//!
//! A member of a payload is a field with its values by place: by locale (`{"de_DE":"Schuh"}`) or, where stores have values
//! of their own, by locale and store (`{"de_DE:berlin":1}`). `compose` makes records of them.
//!
//! **Invariants:**
//! - the same listings and settings give the same bytes;
//! - where markets share a locale, the first that shows the product gives its texts and stock, and each its price;
//! - members whose names begin with `$` are not sent: places of the markets, and notes of what was cut.

use std::borrow::Cow;

use contract::{
    Facet, Fault, Item, Writer,
    destination::{Made, Mapped, Shown},
};
use model::{Listing, Market, Money, Offer, VariantId, listing::Plain};
use serde_json::{Map, Value as Json, json};

use super::{
    compose::{LOCALES, NOTES},
    config::{Categories, Config, Grain},
    place::{Place, Places},
};
use crate::markup::plain_text;

pub mod fit;
mod id;

use fit::{unfit, unfit_text, unfit_url, within_limits};

/// What one market shows of an item.
#[derive(Clone, Copy)]
struct View<'l, 'a> {
    market: &'l Market,
    place: &'l Place,
    listing: &'l Listing<'a>,
    /// The variant; `None`: the item is the product.
    offer: Option<&'l Offer<'a>>,
}

/// The items of a product.
///
/// # Errors
/// `C0428` for a value that Insider can't use, `C0429` for an id that does not fit, `C0430` for two variants with one id.
pub fn product(
    config: &Config,
    shown: &Shown<'_, Listing<'_>>,
    places: &Places,
    taken: &dyn Fn(&str) -> bool,
) -> Result<Mapped, Fault> {
    let mut views = Vec::new();
    for (market, listing) in shown.iter() {
        let place = places.of(market).ok_or_else(|| {
            Fault::config("C0421", format!("insider: the account was not prepared for market {}", market.key))
        })?;
        views.push(View { market, place, listing, offer: None });
    }
    let (_, first) = shown.first;
    let made = match config.grain {
        Grain::Product => {
            let id = id::of_product(config, first)?;
            vec![Made::whole(item(config, id.to_owned(), &views, taken)?)]
        }
        Grain::Variant => {
            let mut variants: Vec<(&VariantId, String, Vec<View<'_, '_>>)> = Vec::new();
            for view in views {
                for offer in &view.listing.variants {
                    let of_variant = View { offer: Some(offer), ..view };
                    if let Some((.., views)) = variants.iter_mut().find(|(id, ..)| *id == offer.id) {
                        views.push(of_variant);
                        continue;
                    }
                    let id = id::of_variant(config, view.listing, offer)?;
                    if variants.iter().any(|(_, other, _)| *other == id) {
                        return Err(twice(first, &id));
                    }
                    variants.push((offer.id, id, vec![of_variant]));
                }
            }
            let of = |(variant, id, views): (&VariantId, String, Vec<View<'_, '_>>)| {
                Ok(Made::of_variant(item(config, id, &views, taken)?, variant.clone()))
            };
            variants.into_iter().map(of).collect::<Result<_, Fault>>()?
        }
    };
    Ok(Mapped::Items(made))
}

fn twice(listing: &Listing<'_>, id: &str) -> Fault {
    Fault::record("C0430", format!("product {}: two of its variants would both be item {id:?}", listing.id))
        .hint("give each variant a SKU of its own, or use variant_id = \"id\"")
}

/// Writes the members of one item.
struct Sheet<'l, 'a, 'w> {
    name: String,
    views: &'l [View<'l, 'a>],
    writer: Writer<'w>,
    taken: &'w dyn Fn(&str) -> bool,
    notes: Vec<String>,
}

fn item(config: &Config, id: String, views: &[View<'_, '_>], taken: &dyn Fn(&str) -> bool) -> Result<Item, Fault> {
    let name = match views.first() {
        Some(View { listing, offer: Some(offer), .. }) => format!("product {}, variant {}", listing.id, offer.id),
        Some(View { listing, .. }) => format!("product {}", listing.id),
        None => id.clone(),
    };
    let mut sheet = Sheet { name, views, writer: Writer::new(taken), taken, notes: Vec::new() };
    sheet.content(config)?;
    sheet.prices()?;
    sheet.stock()?;
    let Sheet { mut writer, notes, .. } = sheet;
    if !notes.is_empty() {
        put(&mut writer, Facet::CONTENT, NOTES, &json!(notes))?;
    }
    Ok(Item { id: id.into(), payload: writer.finish() })
}

/// A member. Values made here always fit JSON.
fn put(writer: &mut Writer<'_>, facet: Facet, name: &str, value: &Json) -> Result<(), Fault> {
    writer.put(facet, name, value).map_err(|wrong| Fault::record("C0428", format!("{name} is no JSON: {wrong}")))
}

impl<'a> Sheet<'_, 'a, '_> {
    /// A field of the content, with a value for each locale that has one.
    fn field(
        &mut self,
        name: &str,
        value: impl Fn(&View<'_, 'a>) -> Result<Option<Json>, Fault>,
    ) -> Result<(), Fault> {
        if (self.taken)(name) {
            return Ok(());
        }
        let mut values = Map::new();
        let mut seen: Vec<&str> = Vec::new();
        for view in self.views {
            let locale = view.place.locale.as_str();
            if seen.contains(&locale) {
                continue;
            }
            seen.push(locale);
            if let Some(value) = value(view)? {
                values.insert(locale.to_owned(), within_limits(name, locale, value, &mut self.notes));
            }
        }
        if values.is_empty() { Ok(()) } else { put(&mut self.writer, Facet::CONTENT, name, &Json::Object(values)) }
    }

    fn content(&mut self, config: &Config) -> Result<(), Fault> {
        let mut places: Map<String, Json> = Map::new();
        for view in self.views {
            let markets = places.entry(view.place.to_string()).or_insert_with(|| json!([]));
            if let Json::Array(markets) = markets {
                markets.push(json!(view.market.key));
            }
        }
        put(&mut self.writer, Facet::CONTENT, LOCALES, &Json::Object(places))?;
        let item = self.name.clone();
        let required = |name: &str, text: &str| match unfit_text(text) {
            Some(what) => Err(unfit(&item, name, what)),
            None => Ok(Some(json!(text))),
        };
        let url = |name: &str, url: &str| match unfit_url(url, name == "image_url") {
            Some(what) => Err(unfit(&item, name, &format!("{what}: {url:?}"))),
            None => Ok(Some(json!(url))),
        };
        self.field("name", |view| required("name", view.listing.name))?;
        self.field("url", |view| url("url", &view.listing.url))?;
        self.field("image_url", |view| {
            let own = view.offer.and_then(|offer| offer.images.first());
            match own.or(view.listing.images.first()) {
                Some(image) => url("image_url", image),
                None => Err(unfit(&item, "image_url", "is missing")),
            }
        })?;
        self.field("category", |view| Ok(list(categories(config, view.listing))))?;
        self.field("brand", |view| Ok(text_of(view, &["brand"]).or_else(|| view.listing.brand.map(|it| json!(it)))))?;
        self.field("sku", |view| {
            let sku = view.offer.map_or(view.listing.sku, |offer| offer.sku);
            Ok(sku.map(|sku| json!(sku.as_str())))
        })?;
        self.field("color", |view| Ok(text_of(view, &["color", "colour"])))?;
        self.field("size", |view| Ok(text_of(view, &["size"])))?;
        self.field("gender", |view| Ok(text_of(view, &["gender"])))?;
        self.field("tags", |view| Ok(list(view.listing.keywords.iter().map(String::as_str))))?;
        match config.grain {
            Grain::Variant => {
                self.field("groupcode", |view| Ok(Some(json!(id::of_product(config, view.listing)?))))?;
            }
            Grain::Product => self.field("variants", |view| {
                let ids = view.listing.variants.iter().map(|offer| id::of_variant(config, view.listing, offer));
                let ids = ids.collect::<Result<Vec<_>, _>>()?;
                Ok(list(ids.iter().map(String::as_str)))
            })?,
        }
        self.field("rating", |view| {
            let average = view.listing.rating.map(|rating| rating.average);
            Ok(average.filter(|average| (0.0..=10.0).contains(average)).map(|average| json!(average)))
        })?;
        self.field("product_attributes", |view| Ok(attributes(config, view)))?;
        // It comes last: it is long, and members after it would be written more slowly.
        self.field("description", |view| {
            let text = plain_text(view.listing.description.unwrap_or_default());
            let text = text.trim();
            Ok((!text.is_empty()).then(|| json!(text)))
        })
    }

    /// Prices by place and currency.
    fn prices(&mut self) -> Result<(), Fault> {
        type Amount = fn(&Offer<'_>) -> Option<Money>;
        let fields: [(&str, Amount); 3] = [
            ("price", |offer| Some(offer.price)),
            ("original_price", |offer| Some(offer.list_price)),
            ("omnibus_price", |offer| offer.lowest_price_30d),
        ];
        for (name, amount) in fields {
            let mut places: Map<String, Json> = Map::new();
            for view in self.views {
                let Some(offer) = view.offer.or_else(|| cheapest(&view.listing.variants)) else { continue };
                let Some(money) = amount(offer) else { continue };
                if money.minor < 0 && !(self.taken)(name) {
                    return Err(unfit(&self.name, name, &format!("is below zero: {}", money.decimal())));
                }
                let prices = places.entry(view.place.to_string()).or_insert_with(|| json!({}));
                if let Json::Object(prices) = prices {
                    prices.entry(view.market.currency.to_string()).or_insert_with(|| json!(money.decimal()));
                }
            }
            if !places.is_empty() {
                put(&mut self.writer, Facet::PRICE, name, &Json::Object(places))?;
            }
        }
        Ok(())
    }

    /// Stock by place.
    fn stock(&mut self) -> Result<(), Fault> {
        let (mut in_stock, mut count) = (Map::new(), Map::new());
        for view in self.views {
            let place = view.place.to_string();
            if in_stock.contains_key(&place) {
                continue;
            }
            let (available, pieces) = view.offer.map_or_else(|| of_all(view.listing), |offer| (offer.in_stock, offer.stock));
            in_stock.insert(place.clone(), json!(i32::from(available)));
            if let Some(pieces) = pieces {
                count.insert(place, json!(pieces.max(0)));
            }
        }
        put(&mut self.writer, Facet::AVAILABILITY, "in_stock", &Json::Object(in_stock))?;
        put(&mut self.writer, Facet::AVAILABILITY, "stock_count", &Json::Object(count))
    }
}

/// Whether some variant can be bought, and the pieces of all, if all are counted.
fn of_all(listing: &Listing<'_>) -> (bool, Option<i64>) {
    let variants = &listing.variants;
    let stocks = || variants.iter().filter_map(|offer| offer.stock);
    let counted = variants.iter().all(|offer| offer.stock.is_some());
    // A quantity that all variants share is not added up.
    let sum = if listing.shares_stock { stocks().max() } else { Some(stocks().fold(0, i64::saturating_add)) };
    (variants.iter().any(|offer| offer.in_stock), sum.filter(|_| counted))
}

/// The variant that a product's price is that of: the cheapest that can be bought; of all where none can.
fn cheapest<'l, 'a>(variants: &'l [Offer<'a>]) -> Option<&'l Offer<'a>> {
    let any = variants.iter().any(|offer| offer.in_stock);
    let sold = variants.iter().filter(|offer| offer.in_stock || !any);
    sold.min_by(|left, right| left.price.decimal().total_cmp(&right.price.decimal()))
}

fn list<'t>(texts: impl IntoIterator<Item = &'t str>) -> Option<Json> {
    let texts: Vec<Json> = texts.into_iter().map(|text| json!(text)).collect();
    (!texts.is_empty()).then_some(Json::Array(texts))
}

/// The path of the main category, or the names of all.
fn categories<'a>(config: &Config, listing: &Listing<'a>) -> Vec<&'a str> {
    match config.categories {
        Categories::Flat => listing.categories.iter().filter_map(|category| category.name).collect(),
        Categories::Hierarchical => {
            let primary = listing.categories.iter().find(|category| category.primary);
            let deepest = || listing.categories.iter().rev().max_by_key(|category| category.path.len());
            primary.or_else(deepest).map(|category| category.path.clone()).unwrap_or_default()
        }
    }
}

/// The values of an attribute: of the variant, of the product, or of all variants where the item is the product.
fn values<'l, 'a>(view: &View<'l, 'a>, name: &str) -> Vec<&'l Plain<'a>> {
    let listing = view.listing;
    let own = view.offer.and_then(|offer| offer.attributes.iter().find(|field| field.name == name));
    if let Some(field) = own.or_else(|| listing.attributes.iter().find(|field| field.name == name)) {
        return vec![&field.label];
    }
    let offers = if view.offer.is_none() { listing.variants.as_slice() } else { &[] };
    let mut distinct: Vec<&Plain<'_>> = Vec::new();
    for field in offers.iter().flat_map(|offer| &offer.attributes).filter(|field| field.name == name) {
        if !distinct.contains(&&field.label) {
            distinct.push(&field.label);
        }
    }
    if distinct.is_empty() {
        distinct.extend(listing.unsold.iter().find(|field| field.name == name).map(|field| &field.label));
    }
    distinct
}

/// Texts of a value; lists are flattened.
fn texts<'l>(plain: &'l Plain<'_>) -> Vec<Cow<'l, str>> {
    match plain {
        Plain::List(values) => values.iter().flat_map(texts).collect(),
        single if single.is_blank() => Vec::new(),
        single => single.text().into_iter().collect(),
    }
}

/// The first of these attributes as one text.
fn text_of(view: &View<'_, '_>, names: &[&str]) -> Option<Json> {
    let text = |name: &&str| {
        let all: Vec<Cow<'_, str>> = values(view, name).into_iter().flat_map(texts).collect();
        (!all.is_empty()).then(|| all.join(", "))
    };
    names.iter().find_map(text).map(Json::String)
}

/// The configured attributes: one value, or a list where the item has several.
fn attributes(config: &Config, view: &View<'_, '_>) -> Option<Json> {
    let mut own = Map::new();
    for name in &config.attributes {
        let found = values(view, name);
        let value = match found.as_slice() {
            [Plain::Integer(number)] => json!(number),
            [Plain::Number(number)] if number.is_finite() => json!(number),
            [Plain::Boolean(truth)] => json!(truth),
            [single] if !matches!(single, Plain::List(_)) => match texts(single).first() {
                Some(text) => json!(text),
                None => continue,
            },
            several => {
                let texts: Vec<Cow<'_, str>> = several.iter().flat_map(|it| texts(it)).collect();
                if texts.is_empty() {
                    continue;
                }
                json!(texts)
            }
        };
        own.insert(name.clone(), value);
    }
    (!own.is_empty()).then_some(Json::Object(own))
}

/// The settings that change payloads or how they are sent, and the version of this mapping, as text.
pub fn fingerprint(config: &Config, mapping: u32) -> String {
    format!(
        "insider {mapping} {:?} {:?} {:?} {} {:?} {:?} {:?} {:?}",
        config.grain,
        config.product_id,
        config.variant_id,
        config.longest_id,
        config.locales,
        config.categories,
        config.attributes,
        config.form,
    )
}
