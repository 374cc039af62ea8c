//! Products with their variants.

use contract::Change;
use model::{
    Attribute, Image, ItemKey, Keywords, Kind, Locale, Money, Notice, Online, PerStorefront, Product, Rating, Record, Stock,
    StockLevel, Supply, Timestamp, Value, Variant,
};

use super::{
    Settings, Unfit, address, is, path, plain,
    price::{Amounts, price},
    some,
};
use crate::bigcommerce::{api, config::DisabledProducts};

/// The location that every store has. The documents show it with this id.
const DEFAULT_LOCATION: u64 = 1;

/// A product with its variants.
pub fn product(settings: &Settings, of: api::Product) -> Result<Change, Unfit> {
    let mut notices = Vec::new();
    let id = of.id.to_string();
    let modified_at = of.date_modified.clone();
    let attributes = attributes(settings, &of);
    adjusted(&of, &mut notices);
    let images = images(of.images.iter(), &mut notices);
    let whole = Amounts::new(of.price, of.sale_price, of.retail_price);
    let hidden = of.is_price_hidden || (of.availability == "disabled" && settings.disabled_products == DisabledProducts::LeaveOut);
    let mut record = Product::new(id.as_str());
    record.online = PerStorefront::everywhere(if of.is_visible && !hidden { Online::ALWAYS } else { Online::NEVER });
    let base_gtin = some(of.gtin.clone()).or_else(|| some(of.upc.clone()));
    let tracking = of.inventory_tracking.as_str();
    let mut seen = Vec::with_capacity(of.variants.len());
    for (place, variant) in of.variants.into_iter().enumerate() {
        let mut mine = Notes { of: label(&variant), notices: Vec::new() };
        let amounts = Amounts::new(variant.price, variant.sale_price, variant.retail_price).or(whole);
        let price = price(settings, amounts, &of.bulk_pricing_rules, settings.currency, &mut mine.notices);
        let price = price.map_err(|unfit| Unfit { what: format!("{}{}", mine.of, unfit.what), ..unfit })?;
        let own = variant.image_url.as_deref().and_then(|url| address("image_url", &mine.of, url, &mut mine.notices));
        let own = own.map(|url| Image { url, label: None });
        let level = match tracking {
            "variant" => Some(variant.inventory_level),
            "product" => Some(of.inventory_level),
            _ => None,
        };
        let is_base = variant.option_values.is_empty();
        let mut shown = Variant::new(variant.id.to_string());
        shown.sku = some(variant.sku).map(Into::into);
        shown.gtin = some(variant.gtin).or_else(|| some(variant.upc)).or_else(|| base_gtin.clone().filter(|_| is_base));
        shown.online = PerStorefront::everywhere(if variant.purchasing_disabled { Online::NEVER } else { Online::ALWAYS });
        shown.axes = variant.option_values.iter().map(|value| value.option_display_name.clone()).collect();
        shown.attributes = variant.option_values.into_iter().map(option).collect();
        shown.attributes.extend(some(variant.mpn).map(|mpn| Attribute { name: "mpn".to_owned(), value: Value::Text(mpn) }));
        shown.prices = price.into_iter().collect();
        // The product's images are those of its main variant; the others show their own, or else the product's first.
        shown.images = if place == 0 {
            let own = own.into_iter().filter(|own| images.iter().all(|image| image.url != own.url));
            images.iter().cloned().chain(own).collect()
        } else {
            own.or_else(|| images.first().cloned()).into_iter().collect()
        };
        if settings.stock_from_products {
            shown.stock = level.map(|level| StockLevel::limited(None, level)).into_iter().collect();
        }
        notices.append(&mut mine.notices);
        seen.push(shown);
    }
    record.variants = seen;
    record.sku = some(of.sku).map(Into::into);
    record.brand = of.brand_id.filter(|brand| *brand != 0).map(|brand| brand.to_string().into());
    record.name = plain(Some(of.name));
    record.slug = path(of.custom_url.and_then(|it| it.url));
    record.description = plain(of.description);
    record.meta_title = plain(of.page_title);
    record.meta_description = plain(of.meta_description);
    record.keywords = keywords(of.search_keywords.as_deref().unwrap_or_default());
    record.categories = of.categories.iter().map(|category| category.to_string().into()).collect();
    record.attributes = attributes;
    record.rating = rating(of.reviews_rating_sum, of.reviews_count);
    record.created_at = of.date_created.as_deref().and_then(Timestamp::parse);
    record.notices = notices;
    Ok(is(Record::Product(Box::new(record)), modified_at.as_deref()))
}

/// Notices of a variant.
struct Notes {
    /// Names it, with a comma.
    of: String,
    notices: Vec<Notice>,
}

fn label(variant: &api::Variant) -> String {
    match variant.sku.as_deref().filter(|sku| !sku.trim().is_empty()) {
        Some(sku) => format!("SKU {sku}, "),
        None => format!("variant {}, ", variant.id),
    }
}

fn option(value: api::OptionValue) -> Attribute {
    Attribute { name: value.option_display_name, value: Value::Text(value.label) }
}

/// The main image first, then in their order.
fn images<'a>(given: impl Iterator<Item = &'a api::Image>, notices: &mut Vec<Notice>) -> Vec<Image> {
    let mut sorted: Vec<&api::Image> = given.collect();
    sorted.sort_by_key(|image| (!image.is_thumbnail, image.sort_order));
    let image = |it: &api::Image| {
        let url = it.url_zoom.as_deref().filter(|url| !url.trim().is_empty()).or(it.url_standard.as_deref())?;
        let url = address("images", "", url, notices)?;
        Some(Image { url, label: some(it.description.clone()) })
    };
    sorted.into_iter().filter_map(image).collect()
}

/// The vendor's own fields that merchandising needs, then the custom fields: one that repeats is a set. A custom field
/// with the name of one of the vendor's own stands in its place.
fn attributes(settings: &Settings, of: &api::Product) -> Vec<Attribute> {
    let attribute = |name: &str, value| Attribute { name: name.to_owned(), value };
    let text = |text: &Option<String>| some(text.clone()).map(Value::Text);
    let retail = of.retail_price.0.filter(|retail| retail.units != 0);
    let own = [
        ("condition", text(&of.condition)),
        ("is_featured", Some(Value::Boolean(of.is_featured))),
        ("is_free_shipping", Some(Value::Boolean(of.is_free_shipping))),
        ("availability", some(Some(of.availability.clone())).map(Value::Text)),
        ("availability_description", text(&of.availability_description)),
        ("preorder_release_date", text(&of.preorder_release_date)),
        ("preorder_message", text(&of.preorder_message)),
        ("is_preorder_only", of.is_preorder_only.then_some(Value::Boolean(true))),
        ("warranty", text(&of.warranty)),
        ("mpn", text(&of.mpn)),
        ("retail_price", retail.and_then(|retail| Money::of(retail, settings.currency)).map(Value::Money)),
        ("related_products", related(of)),
        ("videos", videos(of)),
    ];
    let mut custom: Vec<Attribute> = Vec::with_capacity(of.custom_fields.len());
    for field in of.custom_fields.iter().filter(|field| !field.value.trim().is_empty()) {
        let value = Value::Text(field.value.clone());
        let Some(known) = custom.iter_mut().find(|known| known.name == field.name) else {
            custom.push(attribute(&field.name, value));
            continue;
        };
        match &mut known.value {
            Value::Set(values) if !values.contains(&value) => values.push(value),
            Value::Set(_) => {}
            single => {
                let first = std::mem::replace(single, Value::Boolean(false));
                *single = Value::Set(vec![first, value]);
            }
        }
    }
    let own = own.into_iter().filter_map(|(name, value)| Some(attribute(name, value?)));
    let mut all: Vec<Attribute> = own.filter(|own| custom.iter().all(|it| it.name != own.name)).collect();
    all.append(&mut custom);
    for modifier in &of.modifiers {
        let name = modifier.display_name.trim();
        if !name.is_empty() && all.iter().all(|known| known.name != name) {
            all.push(attribute(name, choices(modifier)));
        }
    }
    all
}

/// What can be chosen; the form of the choice where shoppers write or upload something.
fn choices(of: &api::Modifier) -> Value {
    let labels = of.option_values.iter().map(|value| value.label.as_str());
    let labels: Vec<Value> =
        labels.filter(|label| !label.trim().is_empty()).map(|label| Value::Text(label.to_owned())).collect();
    if labels.is_empty() { Value::Text(of.of.clone()) } else { Value::Set(labels) }
}

/// Related products, unless BigCommerce chooses them.
fn related(of: &api::Product) -> Option<Value> {
    let ids = of.related_products.iter().filter(|id| **id > 0);
    let reference =
        |id: &i64| Value::Reference { of: "product".to_owned(), kind: Some(Kind::Product), id: id.to_string().into() };
    let references: Vec<Value> = ids.map(reference).collect();
    (!references.is_empty()).then_some(Value::Set(references))
}

/// Addresses of videos, in their order. YouTube is the only host.
fn videos(of: &api::Product) -> Option<Value> {
    let mut sorted: Vec<&api::Video> = of.videos.iter().collect();
    sorted.sort_by_key(|video| video.sort_order);
    let ids = sorted.into_iter().filter_map(|video| video.video_id.as_deref().map(str::trim));
    let addresses: Vec<Value> = ids
        .filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)))
        .map(|id| Value::Text(format!("https://www.youtube.com/watch?v={id}")))
        .collect();
    (!addresses.is_empty()).then_some(Value::Set(addresses))
}

/// Choices that change the price: which of them a shopper makes is not known, so no price says it.
fn adjusted(of: &api::Product, notices: &mut Vec<Notice>) {
    let changes = |it: &&api::Modifier| it.option_values.iter().any(|value| value.adjusters.price.is_some());
    for modifier in of.modifiers.iter().filter(changes) {
        let what = format!("the choice {:?} changes the price, which is shown without it", modifier.display_name);
        notices.push(Notice::new("modifiers", what));
    }
}

fn keywords(words: &str) -> Keywords {
    let words = words.split(',').map(|word| word.trim().to_owned()).collect();
    std::iter::once((Locale::undetermined(), words)).collect()
}

fn rating(sum: f64, count: u32) -> Option<Rating> {
    (count > 0).then(|| Rating { average: sum / f64::from(count), count })
}

/// The stock of a product that is counted as a whole though it has options.
pub fn whole(of: &api::Tracked) -> Change {
    let product = of.id.to_string();
    let level = StockLevel::limited(None, of.inventory_level);
    let id = format!("product-{product}").into();
    is(Record::Stock(Stock { id, item: ItemKey::Product(product.into()), level, created_at: None }), None)
}

/// The stock of a variant: what can be sold at the locations that count.
pub fn item(settings: &Settings, of: &api::Item) -> Change {
    let counts = |level: &&api::Level| match &settings.stock_locations {
        Some(codes) => codes.contains(&level.location_code),
        None => level.location_id == DEFAULT_LOCATION,
    };
    let sold = |level: &api::Level| level.location_enabled && level.settings.is_in_stock;
    let here = of.locations.iter().filter(counts).filter(|level| sold(level));
    let available = here.fold(0_i64, |sum, level| sum.saturating_add(level.available_to_sell.max(0)));
    let (product, variant) = (of.identity.product_id.to_string(), of.identity.variant_id.to_string());
    let record = Stock {
        id: variant.as_str().into(),
        item: ItemKey::Variant(product.into(), variant.into()),
        level: StockLevel { channel: None, available, expected: None, supply: Supply::Limited },
        created_at: None,
    };
    is(Record::Stock(record), None)
}
