//! Changes that the staff of a store, its customers and its other apps make.
//!
//! Which of them move a product's `date_modified` follows the reference: fields of the product itself do; its variants,
//! records of price lists, assignments to channels, brands, categories and stock of variants do not.

use super::{
    amount::Amount,
    seed,
    state::{
        DEFAULT_LOCATION, ListAssignment, Metafield, Modifier, PriceList, PriceRecord, Prices, Product, Resource,
        Route, State, Stock, Tracking, Variant,
    },
};
use crate::catalogue;

/// One change.
#[derive(Clone, Debug)]
pub enum Change {
    /// Pieces on hand of a variant from now on.
    SetStock {
        /// Which variant.
        sku: String,
        /// The catalogue's key of the supply channel whose location it is; none: the default location.
        channel: Option<String>,
        /// Pieces.
        quantity: i64,
    },
    /// The price of a variant.
    SetPrice {
        /// Which variant.
        sku: String,
        /// Where and for whom.
        whose: Whose,
        /// ISO 4217 code.
        currency: String,
        /// Minor units.
        minor: i64,
        /// Sale price in minor units.
        sale: Option<i64>,
    },
    /// The product has another name.
    SetName {
        /// Key of the product.
        product: String,
        /// The name.
        name: String,
    },
    /// The product has another name in a language that is not the default one.
    SetText {
        /// Key of the product.
        product: String,
        /// Id of the channel; none: every channel.
        channel: Option<u64>,
        /// The language.
        locale: String,
        /// The name.
        name: String,
    },
    /// A category has another name in a language that is not the default one, in every tree.
    SetCategoryText {
        /// Key of the category.
        category: String,
        /// The language.
        locale: String,
        /// The name.
        name: String,
    },
    /// A product has other related products.
    SetRelated {
        /// Key of the product.
        product: String,
        /// Keys of those that are related; none: the platform chooses.
        related: Vec<String>,
    },
    /// A product can only be ordered in advance until an instant.
    SetPreorder {
        /// Key of the product.
        product: String,
        /// Milliseconds since 1970.
        release: i64,
    },
    /// A product has one video more.
    AddVideo {
        /// Key of the product.
        product: String,
        /// Its id at YouTube.
        video: String,
    },
    /// A product has one more choice without variants of its own.
    AddModifier {
        /// Key of the product.
        product: String,
        /// Shown name.
        name: String,
        /// What can be chosen, each with minor units that it adds to the price; empty: shoppers write a text.
        values: Vec<(String, Option<i64>)>,
    },
    /// A metafield of a product or variant has this value.
    SetMetafield {
        /// Key of the product, or SKU of the variant.
        of: String,
        /// The namespace.
        namespace: String,
        /// Name within the namespace.
        key: String,
        /// The value.
        value: String,
    },
    /// A product has this place in a category of every tree.
    SetPlace {
        /// Key of the category.
        category: String,
        /// Key of the product.
        product: String,
        /// Lowest first.
        place: i64,
    },
    /// The channel is a headless storefront that has this route.
    AddRoute {
        /// Id of the channel.
        channel: u64,
        /// `product`, `category` and others.
        kind: String,
        /// The id of one record, or `*`.
        matching: String,
        /// The path with variables.
        route: String,
    },
    /// Storefronts hide products that are sold out, or show them.
    HideSoldOut(bool),
    /// The product is shown to shoppers, or no longer.
    SetVisible {
        /// Key of the product.
        product: String,
        /// Whether it is shown.
        visible: bool,
    },
    /// A category has another name, in every tree.
    RenameCategory {
        /// Key of the category.
        category: String,
        /// The name.
        name: String,
    },
    /// A brand has another name.
    RenameBrand {
        /// Its present name.
        brand: String,
        /// The name.
        name: String,
    },
    /// A product is assigned to a channel, or no longer.
    Assign {
        /// Key of the product.
        product: String,
        /// Id of the channel.
        channel: u64,
        /// Whether it is assigned.
        assigned: bool,
    },
    /// A variant can't be bought, or can again.
    SetPurchasable {
        /// Which variant.
        sku: String,
        /// Whether it can be bought.
        purchasable: bool,
    },
    /// A price list is switched on or off.
    SetListActive {
        /// Its id.
        list: u64,
        /// Whether it counts.
        active: bool,
    },
    /// A record of a price list is deleted.
    DeletePriceRecord {
        /// Which variant.
        sku: String,
        /// ISO 4217 code.
        currency: String,
    },
    /// A product is new.
    AddProduct(Box<catalogue::Product>),
    /// A product is deleted.
    DeleteProduct {
        /// Key of the product.
        product: String,
    },
}

/// Where and for whom a price holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Everyone: the catalogue in the default currency, else the price lists of all channels.
    Everyone,
    /// The channels that show this distribution channel of the catalogue.
    Channel(String),
    /// A customer group of the catalogue.
    Group(String),
    /// A customer group in the channels that show this distribution channel: a list for both, which is made where there is
    /// none.
    GroupInChannel(String, String),
}

/// Why a change can't be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// There is no such thing.
    #[error("there is no {what} {key}")]
    Unknown {
        /// What it would be.
        what: &'static str,
        /// Its key.
        key: String,
    },
    /// The platform has no place for it.
    #[error("BigCommerce has no place for {0}")]
    NoPlace(&'static str),
}

fn unknown(what: &'static str, key: &str) -> ChangeError {
    ChangeError::Unknown { what, key: key.to_owned() }
}

/// Makes a change at the instant `now`. Dates have whole seconds.
#[expect(clippy::too_many_lines, reason = "an arm for each kind of change")]
pub(super) fn apply(state: &mut State, change: Change, now: i64) -> Result<(), ChangeError> {
    let now = now.div_euclid(1000) * 1000;
    match change {
        Change::SetStock { sku, channel, quantity } => set_stock(state, &sku, channel.as_deref(), quantity, now),
        Change::SetPrice { sku, whose, currency, minor, sale } => {
            let price = catalogue::Price { minor, discounted: sale, currency, ..catalogue::Price::default() };
            set_price(state, &sku, &whose, &price, now)
        }
        Change::SetName { product, name } => {
            let of = product_of(state, &product)?;
            (of.name, of.modified) = (name, now);
            Ok(())
        }
        // Whether an override moves a date is published nowhere.
        Change::SetText { product, channel, locale, name } => {
            let of = product_of(state, &product)?;
            let words = match channel {
                None => of.texts.entry(locale).or_default(),
                Some(channel) => {
                    let shared = of.texts.get(&locale).cloned().unwrap_or_default();
                    of.own_texts.entry((channel, locale)).or_insert(shared)
                }
            };
            words.name = Some(name);
            Ok(())
        }
        Change::SetCategoryText { category, locale, name } => {
            let ids = state.plan.categories(&category).to_vec();
            for id in &ids {
                let category = state.categories.get_mut(id).ok_or_else(|| unknown("category", &category))?;
                category.texts.entry(locale.clone()).or_default().name = Some(name.clone());
            }
            if ids.is_empty() { Err(unknown("category", &category)) } else { Ok(()) }
        }
        Change::SetRelated { product, related } => {
            let id = |key: &String| state.keys.get(key).copied().ok_or_else(|| unknown("product", key));
            let related = related.iter().map(id).collect::<Result<_, _>>()?;
            let of = product_of(state, &product)?;
            (of.related, of.modified) = (related, now);
            Ok(())
        }
        Change::SetPreorder { product, release } => {
            let of = product_of(state, &product)?;
            (of.availability, of.release, of.modified) = ("preorder", Some(release), now);
            Ok(())
        }
        // Neither videos nor modifiers are fields of the product itself.
        Change::AddVideo { product, video } => {
            let id = state.next_id();
            product_of(state, &product)?.videos.push((id, "A video".to_owned(), video));
            Ok(())
        }
        Change::AddModifier { product, name, values } => add_modifier(state, &product, name, values),
        Change::SetMetafield { of, namespace, key, value } => {
            let product = state.keys.get(&of).map(|id| (Resource::Product, *id));
            let variant = || state.skus.get(&of).map(|(_, variant)| (Resource::Variant, *variant));
            let (kind, resource) = product.or_else(variant).ok_or_else(|| unknown("product or SKU", &of))?;
            let same = |it: &&mut Metafield| {
                (it.of, it.resource, &it.namespace, &it.key) == (kind, resource, &namespace, &key)
            };
            if let Some(known) = state.metafields.values_mut().find(same) {
                (known.value, known.modified) = (value, now);
                return Ok(());
            }
            let id = state.next_id();
            let (created, modified) = (now, now);
            state.metafields.insert(id, Metafield { id, of: kind, resource, namespace, key, value, created, modified });
            Ok(())
        }
        Change::SetPlace { category, product, place } => {
            let id = product_of(state, &product)?.id;
            let ids = state.plan.categories(&category).to_vec();
            state.places.extend(ids.iter().map(|category| ((*category, id), place)));
            if ids.is_empty() { Err(unknown("category", &category)) } else { Ok(()) }
        }
        Change::AddRoute { channel, kind, matching, route } => {
            let id = state.next_id();
            let of = state.channels.get_mut(&channel).ok_or_else(|| unknown("channel", &channel.to_string()))?;
            of.routes.push(Route { id, kind, matching, path: route });
            Ok(())
        }
        Change::HideSoldOut(hide) => {
            state.sold_out = if hide { "hide_product" } else { "do_nothing" };
            Ok(())
        }
        Change::SetVisible { product, visible } => {
            let of = product_of(state, &product)?;
            (of.visible, of.modified) = (visible, now);
            Ok(())
        }
        Change::RenameCategory { category, name } => {
            let ids = state.plan.categories(&category).to_vec();
            for id in &ids {
                let category = state.categories.get_mut(id).ok_or_else(|| unknown("category", &category))?;
                category.name.clone_from(&name);
            }
            if ids.is_empty() { Err(unknown("category", &category)) } else { Ok(()) }
        }
        Change::RenameBrand { brand, name } => {
            let id = state.brand_ids.remove(&brand).ok_or_else(|| unknown("brand", &brand))?;
            state.brand_ids.insert(name.clone(), id);
            state.brands.insert(id, name);
            Ok(())
        }
        Change::Assign { product, channel, assigned } => {
            let id = product_of(state, &product)?.id;
            if !state.channels.contains_key(&channel) {
                return Err(unknown("channel", &channel.to_string()));
            }
            let _changed =
                if assigned { state.assigned.insert((id, channel)) } else { state.assigned.remove(&(id, channel)) };
            Ok(())
        }
        Change::SetPurchasable { sku, purchasable } => {
            variant_of(state, &sku)?.1.purchasing_disabled = !purchasable;
            Ok(())
        }
        Change::SetListActive { list, active } => {
            let list = state.lists.get_mut(&list).ok_or_else(|| unknown("price list", &list.to_string()))?;
            (list.active, list.modified) = (active, now);
            Ok(())
        }
        Change::DeletePriceRecord { sku, currency } => {
            let (_, variant) = *state.skus.get(&sku).ok_or_else(|| unknown("SKU", &sku))?;
            state.records.retain(|(_, of, code), _| *of != variant || *code != currency);
            Ok(())
        }
        Change::AddProduct(product) => {
            let added = seed::add(state, &product, now);
            added.map(drop).map_err(|_| ChangeError::NoPlace("a product that is there already or lacks a variant"))
        }
        Change::DeleteProduct { product } => delete(state, &product),
    }
}

fn product_of<'s>(state: &'s mut State, key: &str) -> Result<&'s mut Product, ChangeError> {
    state.product_by_key(key).ok_or_else(|| unknown("product", key))
}

fn add_modifier(
    state: &mut State,
    product: &str,
    name: String,
    values: Vec<(String, Option<i64>)>,
) -> Result<(), ChangeError> {
    let (id, currency) = (state.next_id(), state.currency.clone());
    let amount = |minor| Amount::minor(minor, &currency);
    let values = values.into_iter().map(|(label, more)| (state.next_id(), label, more.map(amount))).collect::<Vec<_>>();
    let kind = if values.is_empty() { "text" } else { "dropdown" };
    product_of(state, product)?.modifiers.push(Modifier { id, name, kind, values });
    Ok(())
}

/// A variant and its product's tracking.
fn variant_of<'s>(state: &'s mut State, sku: &str) -> Result<(Tracking, &'s mut Variant), ChangeError> {
    let (product, variant) = *state.skus.get(sku).ok_or_else(|| unknown("SKU", sku))?;
    let product = state.products.get_mut(&product).ok_or_else(|| unknown("SKU", sku))?;
    let found = product.variants.iter_mut().find(|it| it.id == variant).ok_or_else(|| unknown("SKU", sku))?;
    Ok((product.tracking, found))
}

fn set_stock(state: &mut State, sku: &str, channel: Option<&str>, quantity: i64, now: i64) -> Result<(), ChangeError> {
    let (product, variant) = *state.skus.get(sku).ok_or_else(|| unknown("SKU", sku))?;
    let location =
        state.plan.location(channel).ok_or_else(|| unknown("supply channel", channel.unwrap_or_default()))?;
    let none = Stock { on_hand: 0, safety: 0, sold: true };
    state.stock.entry((variant, location)).or_insert(none).on_hand = quantity.max(0);
    let product = state.products.get_mut(&product).ok_or_else(|| unknown("SKU", sku))?;
    if product.tracking == Tracking::Product && location == DEFAULT_LOCATION {
        product.modified = now;
    }
    Ok(())
}

fn set_price(
    state: &mut State,
    sku: &str,
    whose: &Whose,
    price: &catalogue::Price,
    now: i64,
) -> Result<(), ChangeError> {
    let amount = |minor| Amount::minor(minor, &price.currency);
    let set = Prices { price: Some(amount(price.minor)), sale: price.discounted.map(amount), retail: None };
    let lists = match whose {
        Whose::Everyone if price.currency == state.currency => return set_catalogue_price(state, sku, set, now),
        Whose::Everyone => state.plan.channel_lists(None),
        Whose::Channel(key) => state.plan.channel_lists(Some(key)),
        Whose::Group(key) => state.plan.group_list(key).into_iter().collect(),
        Whose::GroupInChannel(group, channel) => lists_for_both(state, group, channel, now),
    };
    if lists.is_empty() {
        return Err(ChangeError::NoPlace("a price of this scope"));
    }
    let (product, variant) = *state.skus.get(sku).ok_or_else(|| unknown("SKU", sku))?;
    for list in lists {
        let key = (list, variant, price.currency.clone());
        let known = state.records.get(&key);
        let (tiers, created) = known.map_or((Vec::new(), now), |it| (it.tiers.clone(), it.created));
        state.records.insert(key, PriceRecord { product, prices: set, tiers, created, modified: now });
    }
    Ok(())
}

/// The lists for a group in each channel of a distribution channel.
fn lists_for_both(state: &mut State, group: &str, channel: &str, now: i64) -> Vec<u64> {
    let Some(group) = state.groups.iter().find(|(_, name)| *name == group).map(|(id, _)| *id) else {
        return Vec::new();
    };
    let mut lists = Vec::new();
    for channel in state.plan.channels_of(channel) {
        let known = |it: &&ListAssignment| (it.group, it.channel) == (Some(group), Some(channel));
        if let Some(known) = state.list_assignments.values().find(known) {
            lists.push(known.list);
            continue;
        }
        let (list, id) = (state.next_id(), state.next_id());
        let name = format!("Prices of group {group} in channel {channel}");
        state.lists.insert(list, PriceList { id: list, name, active: true, created: now, modified: now });
        state.list_assignments.insert(id, ListAssignment { id, list, group: Some(group), channel: Some(channel) });
        lists.push(list);
    }
    lists
}

/// A price of the catalogue: of the product where it has one variant, else of the variant, which moves no date.
fn set_catalogue_price(state: &mut State, sku: &str, set: Prices, now: i64) -> Result<(), ChangeError> {
    let (product, variant) = *state.skus.get(sku).ok_or_else(|| unknown("SKU", sku))?;
    let product = state.products.get_mut(&product).ok_or_else(|| unknown("SKU", sku))?;
    if product.options.is_empty() {
        (product.prices, product.modified) = (set, now);
        return Ok(());
    }
    let shared = product.prices.sale;
    if let Some(variant) = product.variants.iter_mut().find(|it| it.id == variant) {
        // Without a sale price of its own it would have that of the product.
        variant.prices = Prices { sale: set.sale.or(shared.map(|_| Amount::ZERO)), ..set };
    }
    Ok(())
}

fn delete(state: &mut State, key: &str) -> Result<(), ChangeError> {
    let id = state.keys.remove(key).ok_or_else(|| unknown("product", key))?;
    let Some(product) = state.products.remove(&id) else { return Ok(()) };
    state.skus.retain(|_, (of, _)| *of != id);
    state.assigned.retain(|(of, _)| *of != id);
    state.records.retain(|_, record| record.product != id);
    state.stock.retain(|(variant, _), _| product.variants.iter().all(|it| it.id != *variant));
    Ok(())
}
