//! The item of a product, with all its variants. Pure: no call, no clock, no secret.
//!
//! **Invariants:** the same listing and settings give the same bytes; no member is `null`, empty or blank; ids depend on
//! neither price, stock nor language.

use contract::{
    Facet, Fault, Item, Writer,
    destination::{Made, Mapped},
    schema::is_absolute_url,
};
use model::{Listing, Money, Offer, listing::Plain};
use serde_json::{Map, Value as Json, json};

use super::{
    api::{Availability, Barcode, Category, Description, Media, Price, Seller, Variant, VariantOption},
    config::{Config, VariantIds},
};
use crate::{gtin::is_gtin, markup::plain_text, options::options_text};

/// The settings that change payloads, and the version of this mapping, as text.
pub(super) fn fingerprint(config: &Config, mapping: u32) -> String {
    let Config { product_id, variant_id, limited_stock, seller, .. } = config;
    format!("acp {mapping} {product_id:?} {variant_id:?} {limited_stock} {seller:?}")
}

/// The item of a product.
///
/// # Errors
/// `C0462` for a price that can't be paid or a product without what its id is made of, `C0463` for two variants with one id.
pub(super) fn product(config: &Config, listing: &Listing<'_>, taken: &dyn Fn(&str) -> bool) -> Result<Mapped, Fault> {
    let mut variants: Vec<Variant<'_>> = Vec::with_capacity(listing.variants.len());
    for offer in &listing.variants {
        let variant = variant(config, listing, offer, taken)?;
        if variants.iter().any(|other| other.id == variant.id) {
            let message = format!("product {}: two of its variants would both be {:?}", listing.id, variant.id);
            return Err(Fault::record("C0463", message)
                .hint("give each variant a SKU of its own, or use variant_id = \"variant\""));
        }
        variants.push(variant);
    }
    let mut writer = Writer::new(taken);
    put(&mut writer, "title", listing.name.trim())?;
    if let Some(description) = listing.description.and_then(description) {
        put(&mut writer, "description", &description)?;
    }
    put(&mut writer, "url", &listing.url)?;
    let media = media(&listing.images);
    if !media.is_empty() {
        put(&mut writer, "media", &media)?;
    }
    put(&mut writer, "variants", &variants)?;
    let id = config.product_id.of(listing).map_err(|what| {
        Fault::record("C0462", format!("product {} has no {what}, which its id in the feed is made of", listing.id))
            .hint("give it one at the source, or set product_id = \"id\" before the first sync")
    })?;
    Ok(Mapped::Items(vec![Made::whole(Item { id: id.into(), payload: writer.finish() })]))
}

fn variant<'a>(
    config: &'a Config,
    listing: &'a Listing<'a>,
    offer: &'a Offer<'a>,
    taken: &dyn Fn(&str) -> bool,
) -> Result<Variant<'a>, Fault> {
    let options = options_text(listing, offer);
    let name = listing.name.trim();
    let (product, variant) = (listing.id.as_str(), offer.id.as_str());
    let id = match (config.variant_id, offer.sku) {
        (VariantIds::Sku, Some(sku)) => sku.as_str().trim().to_owned(),
        (VariantIds::Sku, None) | (VariantIds::Variant, _) => format!("{product}_{variant}"),
    };
    let price = |money: Money| {
        let paid = Money::new(money.minor, money.currency);
        let is_lost = paid.minor == 0 && money.amount().units != 0;
        if (money.is_negative() || is_lost) && !taken("variants") {
            let message = format!("product {product}, variant {variant}: {money} can't be a price");
            return Err(Fault::record("C0462", message).hint("correct it at the source"));
        }
        Ok(Price { amount: paid.minor, currency: paid.currency.code() })
    };
    Ok(Variant {
        id,
        title: if options.is_empty() { name.to_owned() } else { format!("{name} – {options}") },
        url: &listing.url,
        barcodes: offer.gtin.filter(|gtin| is_gtin(gtin)).map(|value| Barcode { r#type: "GTIN", value }).into_iter().collect(),
        price: price(offer.price)?,
        list_price: if offer.on_sale { Some(price(offer.list_price)?) } else { None },
        availability: availability(config, offer),
        categories: listing.categories.iter().filter_map(|it| category(&it.path)).collect(),
        condition: condition(listing, offer).into_iter().collect(),
        variant_options: chosen(listing, offer),
        media: media(&offer.images),
        seller: config.seller.as_deref().map(|name| Seller { name }),
    })
}

fn availability(config: &Config, offer: &Offer<'_>) -> Availability {
    let is_low = |stock: i64| stock <= config.limited_stock.into();
    let status = match offer.stock {
        _ if !offer.in_stock => "out_of_stock",
        Some(stock) if config.limited_stock > 0 && is_low(stock) => "limited_stock",
        _ => "in_stock",
    };
    Availability { available: offer.in_stock, status }
}

fn category(path: &[&str]) -> Option<Category> {
    (!path.is_empty()).then(|| Category { value: path.join(" > "), taxonomy: "merchant" })
}

/// The attribute of that name.
fn condition(listing: &Listing<'_>, offer: &Offer<'_>) -> Option<String> {
    let mut fields = offer.attributes.iter().chain(&listing.attributes);
    let field = fields.find(|field| field.name.eq_ignore_ascii_case("condition") && !field.value.is_blank())?;
    field.value.text().map(std::borrow::Cow::into_owned)
}

/// What a buyer chooses to have this variant.
fn chosen(listing: &Listing<'_>, offer: &Offer<'_>) -> Vec<VariantOption> {
    let of = |option: &model::listing::ProductOption<'_>| {
        let field = offer.attributes.iter().find(|field| field.name == option.name && !field.label.is_blank())?;
        let value = match &field.label {
            Plain::List(values) => values.iter().filter_map(Plain::text).collect::<Vec<_>>().join(", "),
            single => single.text()?.into_owned(),
        };
        Some(VariantOption { name: option.title.unwrap_or(option.name).to_owned(), value })
    };
    listing.options.iter().filter_map(of).collect()
}

fn media<'a>(urls: &[&'a str]) -> Vec<Media<'a>> {
    let usable = urls.iter().filter(|url| is_absolute_url(url));
    usable.map(|url| Media { r#type: "image", url }).collect()
}

fn description(text: &str) -> Option<Description> {
    let plain = plain_text(text).trim().to_owned();
    let is_markup = text.contains('<') && text.contains('>');
    (!plain.is_empty()).then(|| Description { plain: Some(plain), html: is_markup.then(|| text.trim().to_owned()) })
}

/// A member; only a map with odd keys is unfit for JSON.
fn put<T: serde::Serialize + ?Sized>(writer: &mut Writer<'_>, name: &str, value: &T) -> Result<(), Fault> {
    writer.put(Facet::CONTENT, name, value).map_err(|error| Fault::record("C0462", format!("{name}: {error}")))
}

/// The product that a feed shows instead of one that is gone: the same variants, none of which can be bought. The protocol
/// has no deletion. `before`: what the agent acknowledged.
pub(super) fn discontinued(id: &str, before: Option<&Map<String, Json>>) -> Json {
    let variants = before.and_then(|before| before.get("variants")).and_then(Json::as_array);
    let variants = variants.into_iter().flatten().filter_map(|variant| {
        let gone = json!({ "available": false, "status": "discontinued" });
        Some(json!({ "id": variant.get("id")?, "title": variant.get("title")?, "availability": gone }))
    });
    json!({ "id": id, "variants": variants.collect::<Vec<_>>() })
}
