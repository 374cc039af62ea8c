//! Products, at either grain.

use std::borrow::Cow;

use contract::{
    Constraint, Facet, Fault,
    destination::{Made, Mapped},
};
use model::{
    Filtered, Listing, Money, Offer,
    listing::{CategoryName, Plain},
};

use super::{
    field::{self, Named},
    id::{self, JsonId},
    sheet::{Each, Sheet},
};
use crate::{
    clerk::config::{Config, Description, Grain, MissingImage, OutOfStock},
    markup::plain_text,
    options::options_text,
};


/// The items of a product.
///
/// # Errors
/// `C0410` for a value that Clerk.io can't use, `C0411` for an id that does not fit, `C0412` for two variants with one id, `C0413` for an item without image where the settings reject it.
pub fn product(config: &Config, listing: &Listing<'_>, taken: &dyn Fn(&str) -> bool) -> Result<Mapped, Fault> {
    let removed = |offer: &Offer<'_>| config.out_of_stock == OutOfStock::Remove && !offer.in_stock;
    if listing.variants.iter().all(removed) {
        return Ok(Mapped::Filtered(Filtered::OutOfStock));
    }
    let parent = id::of_product(config, listing)?;
    let product = Product { config, listing, taken, parent, description: description(config, listing.description) };
    let items = match config.grain {
        Grain::Product => vec![Made::whole(product.whole()?)],
        Grain::Variant => {
            let sold = listing.variants.iter().filter(|offer| !removed(offer));
            let mut items: Vec<Made> = Vec::with_capacity(listing.variants.len());
            for offer in sold {
                let item = product.variant(offer)?;
                if items.iter().any(|made| made.item.id == item.id) {
                    return Err(twice(listing, item.id.as_str()));
                }
                items.push(Made::of_variant(item, offer.id.clone()));
            }
            items
        }
    };
    Ok(Mapped::Items(items))
}

fn twice(listing: &Listing<'_>, id: &str) -> Fault {
    Fault::record("C0412", format!("product {}: two of its variants would both be item {id:?}", listing.id))
        .hint("give each variant a SKU of its own, or use grain = \"product\"")
}

/// A description in the configured form; empty if there is none.
pub(super) fn description<'a>(config: &Config, text: Option<&'a str>) -> Cow<'a, str> {
    let text = text.unwrap_or_default();
    match config.description {
        Description::Text => plain_text(text),
        Description::Html => Cow::Borrowed(text),
    }
}

struct Product<'l, 'a> {
    config: &'l Config,
    listing: &'l Listing<'a>,
    taken: &'l dyn Fn(&str) -> bool,
    parent: &'a str,
    description: Cow<'a, str>,
}

impl<'a> Product<'_, 'a> {
    fn whole(&self) -> Result<contract::Item, Fault> {
        let name = || format!("product {}", self.listing.id);
        let mut sheet = Sheet::new(self.taken, &name);
        let offers = || self.listing.variants.iter();
        self.common(&mut sheet, self.listing.images.first().copied())?;
        sheet.maybe(Facet::CONTENT, "sku", self.listing.sku)?;
        sheet.put(Facet::CONTENT, "variant_ids", &Each(|| offers().map(|it| JsonId::new(it.id.as_str(), self.config.id_type))))?;
        sheet.put(Facet::CONTENT, "variant_skus", &Each(|| offers().map(|it| it.sku.map_or("", |sku| sku.as_str()))))?;
        sheet.put(Facet::CONTENT, "variant_images", &Each(|| offers().map(|it| self.image(it).unwrap_or_default())))?;
        if !self.listing.options.is_empty() {
            sheet.put(Facet::CONTENT, "variant_options", &Each(|| offers().map(|it| options_text(self.listing, it))))?;
        }
        self.attributes(&mut sheet, field::of_listing(self.listing))?;
        sheet.put(Facet::CONTENT, "description", &*self.description)?;

        let Some(cheapest) = cheapest(&self.listing.variants) else {
            return Err(sheet.unfit("price", "is missing: no variant is on offer", Constraint::None));
        };
        Self::price(&mut sheet, cheapest)?;
        for offer in offers() {
            not_negative(&sheet, "variant_prices", offer.price)?;
            not_negative(&sheet, "variant_list_prices", offer.list_price)?;
        }
        sheet.put(Facet::PRICE, "variant_prices", &Each(|| offers().map(|it| it.price.decimal())))?;
        sheet.put(Facet::PRICE, "variant_list_prices", &Each(|| offers().map(|it| it.list_price.decimal())))?;

        let stocks = offers().map(|offer| self.stock(offer));
        // A quantity that all variants share is not added up.
        let stock = if self.listing.shares_stock { stocks.max().unwrap_or(0) } else { stocks.fold(0, i64::saturating_add) };
        self.availability(&mut sheet, stock, offers().any(|it| it.in_stock))?;
        sheet.put(Facet::AVAILABILITY, "variant_stocks", &Each(|| offers().map(|it| self.stock(it))))?;
        Ok(sheet.finish(self.parent))
    }

    fn variant(&self, offer: &Offer<'a>) -> Result<contract::Item, Fault> {
        let name = || format!("product {}, variant {}", self.listing.id, offer.id);
        let id = id::of_offer(self.config, self.listing, self.parent, offer)?;
        let mut sheet = Sheet::new(self.taken, &name);
        self.common(&mut sheet, self.image(offer))?;
        sheet.maybe(Facet::CONTENT, "sku", offer.sku)?;
        sheet.put(Facet::CONTENT, "parent_id", &JsonId::new(self.parent, self.config.id_type))?;
        let options = options_text(self.listing, offer);
        sheet.maybe(Facet::CONTENT, "options", Some(options).filter(|text| !text.is_empty()))?;
        self.attributes(&mut sheet, field::of_offer(self.listing, offer))?;
        sheet.put(Facet::CONTENT, "description", &*self.description)?;
        Self::price(&mut sheet, offer)?;
        self.availability(&mut sheet, self.stock(offer), offer.in_stock)?;
        Ok(sheet.finish(id))
    }

    /// Members of both grains. The description comes last: it is long, and members after it would be written more
    /// slowly.
    fn common(&self, sheet: &mut Sheet<'_>, image: Option<&str>) -> Result<(), Fault> {
        let it = self.listing;
        sheet.text("name", it.name)?;
        sheet.url("url", &it.url)?;
        match image {
            Some(image) => sheet.url("image", image)?,
            None if self.config.missing_image == MissingImage::Reject && !sheet.is_taken("image") => {
                return Err(no_image(&sheet.name(), it));
            }
            None => {}
        }
        let id_type = self.config.id_type;
        let of = |category: &CategoryName<'a>| id::of_category(self.config, category.reference());
        let categories = || it.categories.iter().filter_map(of).map(|id| JsonId::new(id, id_type));
        sheet.put(Facet::CONTENT, "categories", &Each(categories))?;
        sheet.put(Facet::CONTENT, "category_names", &Each(|| it.categories.iter().filter_map(|it| it.name)))?;
        sheet.maybe(Facet::CONTENT, "created_at", it.created_at.map(model::Timestamp::seconds))?;
        if !it.keywords.is_empty() {
            sheet.put(Facet::CONTENT, "keywords", &Each(|| it.keywords.iter()))?;
        }
        if let Some(rating) = it.rating.filter(|rating| rating.average.is_finite()) {
            sheet.put(Facet::CONTENT, "rating", &rating.average)?;
            sheet.put(Facet::CONTENT, "rating_count", &rating.count)?;
        }
        Ok(())
    }

    fn attributes(&self, sheet: &mut Sheet<'_>, all: Vec<Named<'_, 'a>>) -> Result<(), Fault> {
        for name in ["brand", "gender"] {
            let text = all.iter().find(|(it, _)| *it == name).map(|(_, shown)| shown.text());
            let record = self.listing.brand.filter(|_| name == "brand").map(str::to_owned);
            // It belongs to the product, whichever variant holds it in the shop.
            let unsold = || self.listing.unsold.iter().find(|it| it.name == name).map(|it| field::joined(&it.label));
            let is_text = |text: &String| !text.is_empty();
            sheet.maybe(Facet::CONTENT, name, text.filter(is_text).or(record).or_else(|| unsold().filter(is_text)))?;
        }
        for (name, shown) in field::named(all, &self.config.attributes) {
            match shown {
                // Clerk.io accepts text or a list for these two.
                field::Shown::One(Plain::Integer(_) | Plain::Number(_) | Plain::Boolean(_))
                    if matches!(&*name, "color" | "colors") =>
                {
                    sheet.put(Facet::CONTENT, &name, &shown.text())?;
                }
                _ => sheet.put(Facet::CONTENT, &name, &shown)?,
            }
        }
        Ok(())
    }

    fn price(sheet: &mut Sheet<'_>, offer: &Offer<'_>) -> Result<(), Fault> {
        not_negative(sheet, "price", offer.price)?;
        not_negative(sheet, "list_price", offer.list_price)?;
        sheet.put(Facet::PRICE, "price", &offer.price.decimal())?;
        sheet.put(Facet::PRICE, "list_price", &offer.list_price.decimal())?;
        sheet.put(Facet::PRICE, "on_sale", &offer.on_sale)
    }

    fn availability(&self, sheet: &mut Sheet<'_>, stock: i64, in_stock: bool) -> Result<(), Fault> {
        sheet.put(Facet::AVAILABILITY, "stock", &stock)?;
        sheet.put(Facet::AVAILABILITY, "in_stock", &in_stock)?;
        // Always sent: otherwise an item hidden under another setting of `out_of_stock` would stay hidden.
        sheet.put(Facet::AVAILABILITY, "index", &(in_stock || self.config.out_of_stock != OutOfStock::Hide))
    }

    fn stock(&self, offer: &Offer<'_>) -> i64 {
        match offer.stock {
            Some(pieces) => pieces,
            None if offer.in_stock => self.config.untracked_quantity.into(),
            None => 0,
        }
    }

    /// The image of a variant.
    fn image(&self, offer: &Offer<'a>) -> Option<&'a str> {
        let parent = self.listing.images.first().filter(|_| self.config.parent_image);
        offer.images.first().or(parent).copied()
    }
}

/// Why an item without an image is kept back here, with the addresses that were left out when the product was read.
fn no_image(item: &str, listing: &Listing<'_>) -> Fault {
    let dropped = listing.product.notices.iter().filter(|notice| notice.field == "images");
    let dropped: Vec<&str> = dropped.map(|notice| notice.what.as_str()).collect();
    let why = if dropped.is_empty() {
        "the source gives none".to_owned()
    } else {
        format!("left out when it was read: {}", dropped.join("; "))
    };
    let other = "map `image` yourself, or use missing_image = \"send_without\"";
    let hint = if dropped.is_empty() {
        format!("add an image at the source, {other}")
    } else {
        format!("correct the address at the source, {other}")
    };
    let message = format!("{item} has no image that can be used, and missing_image is reject: it was not sent; {why}");
    Fault::record("C0413", message).hint(hint)
}

fn not_negative(sheet: &Sheet<'_>, name: &str, money: Money) -> Result<(), Fault> {
    if money.is_negative() && !sheet.is_taken(name) {
        return Err(sheet.unfit(name, &format!("{money} is below zero"), Constraint::NotNegative));
    }
    Ok(())
}

/// The variant with the lowest price among those that can be bought, or among all if none can; of equal prices the
/// first.
fn cheapest<'l, 'a>(offers: &'l [Offer<'a>]) -> Option<&'l Offer<'a>> {
    let by_price = |left: &&Offer<'_>, right: &&Offer<'_>| left.price.compare(right.price);
    offers.iter().filter(|it| it.in_stock).min_by(by_price).or_else(|| offers.iter().min_by(by_price))
}
