//! Product projections.

use contract::Change;
use model::{
    Attribute, Image, Keywords, Kind, Notice, Online, PerStorefront, PriceHome, Product, Rating, Record, RecordId, StockLevel,
    Tailored, Tailoring, Value, Variant, VariantEntry,
};

use super::{Settings, Unfit, address, attribute::attributes, is, kept, locale, localized, price, since, some};
use crate::commercetools::api;

/// A published `ProductProjection`.
pub fn projection(settings: &Settings, product: api::ProductProjection<'_>) -> Result<Change, Unfit> {
    let others = product.variants.unwrap_or_default();
    let mut notices = Vec::new();
    let mut variants = Vec::with_capacity(1 + others.len());
    for of in std::iter::once(product.master_variant).chain(others) {
        variants.push(variant(settings, of, &mut notices)?);
    }
    let data = api::ProductData {
        name: product.name,
        slug: product.slug,
        description: product.description,
        meta_title: product.meta_title,
        meta_description: product.meta_description,
        meta_keywords: product.meta_keywords,
        search_keywords: product.search_keywords,
        categories: product.categories,
        attributes: product.attributes,
        default_variant: None,
        master_variant: None,
    };
    let record = Product {
        key: some(product.key),
        product_type: product.product_type.map(|it| String::from(it.id).into()),
        online: PerStorefront::everywhere(if product.published.unwrap_or(true) { Online::ALWAYS } else { Online::NEVER }),
        variants,
        price_home: match product.price_mode.as_deref() {
            Some("Standalone") => PriceHome::Entries,
            _ => PriceHome::Variant,
        },
        rating: product.review_rating_statistics.map(rating),
        created_at: since("createdAt", product.created_at.as_ref(), &mut notices)?,
        ..described(String::from(product.id), data, &mut notices)?
    };
    let record = Product { notices, ..record };
    Ok(is(Record::Product(Box::new(record)), product.version, product.last_modified_at.as_ref()))
}

/// A `Product` of a Modular project: its variants are records of their own, and all of its prices standalone ones.
pub fn modular(product: api::Product<'_>) -> Result<Change, Unfit> {
    if !product.master_data.published {
        let id = RecordId::from(&*product.id);
        return Ok(Change::Gone { kind: Kind::Product, id, version: Some(product.version) });
    }
    let data = product.master_data.current;
    // Read without them, the product would be empty: the project is no longer Modular.
    if data.master_variant.is_some() {
        return Err(Unfit::new("it holds variants, as no product of a Modular project does"));
    }
    let main_variant = data.default_variant.as_ref().map(|it| RecordId::from(&*it.id));
    let mut notices = Vec::new();
    let record = Product {
        key: some(product.key),
        product_type: product.product_type.map(|it| String::from(it.id).into()),
        main_variant,
        price_home: PriceHome::Entries,
        rating: product.review_rating_statistics.map(rating),
        created_at: since("createdAt", product.created_at.as_ref(), &mut notices)?,
        ..described(String::from(product.id), data, &mut notices)?
    };
    let record = Product { notices, ..record };
    Ok(is(Record::Product(Box::new(record)), product.version, product.last_modified_at.as_ref()))
}

/// A product with this id that holds what `ProductData` says, and nothing else.
fn described(id: String, data: api::ProductData<'_>, notices: &mut Vec<Notice>) -> Result<Product, Unfit> {
    Ok(Product {
        name: localized("name", data.name, notices)?,
        slug: localized("slug", data.slug, notices)?,
        description: localized("description", data.description, notices)?,
        meta_title: localized("metaTitle", data.meta_title, notices)?,
        meta_description: localized("metaDescription", data.meta_description, notices)?,
        keywords: keywords(data.search_keywords, data.meta_keywords, notices)?,
        categories: data.categories.unwrap_or_default().into_iter().map(|it| String::from(it.id).into()).collect(),
        attributes: attributes(data.attributes, "", notices)?,
        ..Product::new(id)
    })
}

/// A `Variant` of a Modular project. One that is not published counts for nothing. Its number within the product is the id
/// that a Classic project would give it, and that tailoring names.
pub fn variant_record(settings: &Settings, of: api::Variant<'_>) -> Result<Change, Unfit> {
    let id: RecordId = String::from(of.id).into();
    if !of.published {
        return Ok(Change::Gone { kind: Kind::Variant, id, version: Some(of.version) });
    }
    let (now, mut notices) = (of.current, Vec::new());
    let embedded = api::ProductVariant {
        id: of.variant_id,
        sku: now.sku,
        key: of.key,
        prices: None,
        attributes: now.attributes,
        images: now.images,
        availability: None,
    };
    let variant = variant(settings, embedded, &mut notices)?;
    let product = Some(String::from(of.product.id).into());
    let record = Record::Variant(VariantEntry { id, product, position: of.variant_id, variant, notices });
    Ok(is(record, of.version, of.last_modified_at.as_ref()))
}

/// An unpublished `Product`: it no longer has a published projection.
pub fn unpublished(product: &api::UnpublishedProduct<'_>) -> Change {
    Change::Gone { kind: Kind::Product, id: (&*product.id).into(), version: Some(product.version) }
}

/// A `ProductTailoring`: what a store shows of a product in place of its own values. One that is not published counts for
/// nothing.
pub fn tailoring(of: api::ProductTailoring<'_>) -> Result<Change, Unfit> {
    let id: RecordId = String::from(of.id).into();
    if !of.published {
        return Ok(Change::Gone { kind: Kind::Tailoring, id, version: Some(of.version) });
    }
    let (now, mut notices) = (of.current, Vec::new());
    let values = Tailored {
        store: String::from(of.store.key).into(),
        name: localized("name", now.name, &mut notices)?,
        slug: localized("slug", now.slug, &mut notices)?,
        description: localized("description", now.description, &mut notices)?,
        meta_title: localized("metaTitle", now.meta_title, &mut notices)?,
        meta_description: localized("metaDescription", now.meta_description, &mut notices)?,
        attributes: attributes(now.attributes, "", &mut notices)?,
    };
    let mut images = Vec::new();
    for variant in now.variants.unwrap_or_default() {
        if let Some(own) = variant.images {
            let of = format!("variant {}, ", variant.id);
            images.push((variant.id.to_string().into(), own.into_iter().filter_map(|it| image(&of, it, &mut notices)).collect()));
        }
    }
    let product = String::from(of.product.id).into();
    let record = Record::Tailoring(Box::new(Tailoring { id, product, values, images, notices }));
    Ok(is(record, of.version, of.last_modified_at.as_ref()))
}

fn image(of: &str, it: api::Image<'_>, notices: &mut Vec<Notice>) -> Option<Image> {
    let url = address("images", of, it.url.as_deref().unwrap_or_default(), notices)?;
    Some(Image { url, label: some(it.label) })
}

fn variant(
    settings: &Settings,
    variant: api::ProductVariant<'_>,
    notices: &mut Vec<Notice>,
) -> Result<Variant, Unfit> {
    let sku = some(variant.sku);
    let of = sku.as_ref().map_or(String::new(), |sku| format!("SKU {sku}, "));
    let attributes = attributes(variant.attributes, &of, notices)?;
    let stock = variant.availability.filter(|_| settings.stock_from_products).map(levels).unwrap_or_default();
    let embedded = variant.prices.unwrap_or_default();
    let mut prices = Vec::with_capacity(embedded.len());
    for price in embedded {
        let price = price::embedded(price, notices);
        prices.extend(kept("prices", price.map_err(|unfit| of_sku(unfit, &of)), notices)?);
    }
    let images = variant.images.unwrap_or_default().into_iter().filter_map(|it| image(&of, it, notices)).collect();
    Ok(Variant {
        id: variant.id.to_string().into(),
        sku: sku.map(Into::into),
        key: some(variant.key),
        gtin: gtin(settings, &attributes),
        online: PerStorefront::everywhere(Online::ALWAYS),
        attributes,
        axes: Vec::new(),
        prices,
        images,
        stock,
    })
}

/// Names the variant that a price belongs to.
fn of_sku(unfit: Unfit, of: &str) -> Unfit {
    if unfit.is_detail { Unfit { what: format!("{of}{}", unfit.what), ..unfit } } else { unfit }
}

/// The first of the configured attributes that holds text or a whole number.
fn gtin(settings: &Settings, attributes: &[Attribute]) -> Option<String> {
    settings.gtin_attributes.iter().find_map(|wanted| {
        let attribute = attributes.iter().find(|attribute| attribute.name == *wanted)?;
        match &attribute.value {
            Value::Text(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            Value::Integer(number) => Some(number.to_string()),
            _ => None,
        }
    })
}

/// Search keywords by locale; meta keywords where a locale has none.
fn keywords(
    search: Option<api::Members<'_, Vec<api::SearchKeyword<'_>>>>,
    meta: Option<api::LocalizedString<'_>>,
    notices: &mut Vec<Notice>,
) -> Result<Keywords, Unfit> {
    let mut lists = Vec::new();
    for (tag, words) in search.unwrap_or_default().0 {
        let words = words.iter().map(|word| word.text.trim().to_owned()).collect();
        let locale = kept("searchKeywords", locale("searchKeywords", &tag), notices)?;
        lists.extend(locale.map(|locale| (locale, words)));
    }
    // Of several lists for a locale the first with words is kept, so that search keywords win.
    for (tag, words) in meta.unwrap_or_default().0 {
        // Commas of several scripts.
        let words = words.split([',', '،', '、', '，']).map(|word| word.trim().to_owned()).collect();
        let locale = kept("metaKeywords", locale("metaKeywords", &tag), notices)?;
        lists.extend(locale.map(|locale| (locale, words)));
    }
    Ok(lists.into_iter().collect())
}

fn rating(statistics: api::ReviewRatingStatistics) -> Rating {
    Rating { average: statistics.average_rating, count: u32::try_from(statistics.count).unwrap_or(u32::MAX) }
}

/// Availability inside the product: without a channel, and per channel. Neither is a sum of the other.
fn levels(availability: api::ProductVariantAvailability<'_>) -> Vec<StockLevel> {
    // Without a number, `isOnStock: false` means no pieces, and `true` means not tracked.
    let count = |on_stock: Option<bool>, quantity: Option<i64>| quantity.or((on_stock == Some(false)).then_some(0));
    let own = count(availability.is_on_stock, availability.available_quantity).map(|available| StockLevel::limited(None, available));
    let channels = availability.channels.unwrap_or_default().0.into_iter().filter_map(|(channel, of)| {
        count(of.is_on_stock, of.available_quantity)
            .map(|available| StockLevel::limited(Some(String::from(channel).into()), available))
    });
    own.into_iter().chain(channels).collect()
}
