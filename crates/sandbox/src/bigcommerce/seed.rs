//! Fills the store from a catalogue.
//!
//! The catalogue knows more than the platform does; what has no place is left out or put where a merchant would put it:
//!
//! | catalogue | here |
//! |---|---|
//! | store | channel with a site and a category tree of its own; without stores, the default channel alone |
//! | selections of a store | which products are assigned to its channel |
//! | texts | those of the first language that has one, because REST shows one; the others are for GraphQL |
//! | attribute `brand` or `manufacturer` | brand |
//! | other attributes of a product | custom fields, a set as several of one name; nested ones and references are left out |
//! | option attributes of variants | options; variants that are alike get an option `Variant` |
//! | attribute `gtin` or `ean` of a variant | `gtin`; other attributes of variants are left out |
//! | price in the first currency | price of the product where all variants agree, else of the variant |
//! | its discounted amount | sale price |
//! | prices in other currencies, and those of a store's channels | price list of the channel |
//! | prices of a customer group | price list of the group |
//! | price of a country | only where there is none for all; windows are left out |
//! | tiers | bulk pricing of the product where all variants agree, and of price records |
//! | no price at all | hidden price, which the platform has only for what can't be bought |
//! | stock in no channel, or else in the first supply channel | default location; other supply channels are locations |

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    SeedError, Seeded,
    amount::Amount,
    state::{
        Category, Channel, Choice, Currency, DEFAULT_CHANNEL, DEFAULT_LOCATION, ListAssignment, Location, PriceList,
        PriceRecord, Prices, Product, Rule, State, Stock, Tracking, Variant, Words,
    },
};
use crate::catalogue::{self, AttributeDefinition, AttributeKind, Catalogue, Head, Localized, Value};

/// Age of what is seeded.
const AGE_MS: i64 = 24 * 60 * 60 * 1000;
/// Most custom fields of a product, and their longest text.
const MOST_FIELDS: usize = 200;
const LONGEST_FIELD: usize = 250;
/// Attributes that hold the brand.
const BRANDS: [&str; 2] = ["brand", "manufacturer"];
/// Attributes of a variant that hold its GTIN.
const GTINS: [&str; 2] = ["gtin", "ean"];
/// Ids begin here, so that none is taken for a number of rows.
const FIRST_ID: u64 = 100;

/// What seeding keeps, for products that are added later.
#[derive(Debug, Default)]
pub(super) struct Plan {
    definitions: HashMap<String, Vec<AttributeDefinition>>,
    /// Categories by the catalogue's key, one for each tree.
    categories: HashMap<String, Vec<u64>>,
    /// Group's list by key.
    group_lists: BTreeMap<String, u64>,
    /// Each channel with its list, its distribution channels, and its selections: excludes, products.
    channels: Vec<Shop>,
    /// Locations by the key of the supply channel; none: stock of no channel.
    locations: HashMap<Option<String>, u64>,
}

#[derive(Debug)]
struct Shop {
    channel: u64,
    list: Option<u64>,
    distribution: Vec<String>,
    selections: Vec<(bool, BTreeSet<String>)>,
}

impl Plan {
    pub(super) fn group_list(&self, key: &str) -> Option<u64> {
        self.group_lists.get(key).copied()
    }

    /// Lists that hold a price of this distribution channel, or of none.
    pub(super) fn channel_lists(&self, channel: Option<&str>) -> Vec<u64> {
        let of = |shop: &&Shop| channel.is_none_or(|key| shop.distribution.iter().any(|known| known == key));
        self.channels.iter().filter(of).filter_map(|shop| shop.list).collect()
    }

    /// Channels that show this distribution channel.
    pub(super) fn channels_of(&self, distribution: &str) -> Vec<u64> {
        let of = |shop: &&Shop| shop.distribution.iter().any(|known| known == distribution);
        self.channels.iter().filter(of).map(|shop| shop.channel).collect()
    }

    pub(super) fn categories(&self, key: &str) -> &[u64] {
        self.categories.get(key).map_or(&[], Vec::as_slice)
    }

    pub(super) fn location(&self, key: Option<&str>) -> Option<u64> {
        self.locations.get(&key.map(str::to_owned)).copied()
    }
}

/// Puts `catalogue` into an empty state at the instant `now`.
pub(super) fn seed(state: &mut State, catalogue: &Catalogue, now: i64) -> Result<Seeded, SeedError> {
    let start = (now - AGE_MS).div_euclid(1000) * 1000;
    let head = &catalogue.head;
    state.last_id = FIRST_ID;
    state.languages.clone_from(&head.languages);
    state.currency = head.currencies.first().cloned().unwrap_or_else(|| "EUR".to_owned());
    state.tax_inclusive = true;
    let mut plan = Plan::default();
    for kind in &head.product_types {
        plan.definitions.insert(kind.key.clone(), kind.attributes.clone());
    }
    currencies(state, head, start);
    channels(state, head, &mut plan, start);
    categories(state, head, &mut plan)?;
    lists(state, head, &mut plan, start);
    locations(state, head, &mut plan);
    state.plan = plan;
    let mut seeded = Seeded { categories: state.categories.len(), ..Seeded::default() };
    for (at, product) in (start..).zip((catalogue.products)()) {
        seeded.products += 1;
        seeded.variants += product.variants.len();
        add(state, &product, (at).div_euclid(1000) * 1000)?;
    }
    seeded.price_records = state.records.len();
    Ok(seeded)
}

/// Made-up units for one euro, in hundredths.
fn worth(currency: &str) -> i64 {
    match currency {
        "GBP" => 85,
        "USD" => 110,
        "CHF" => 95,
        "SEK" | "NOK" | "DKK" => 1100,
        "JPY" | "KRW" => 16_000,
        _ => 100,
    }
}

fn currencies(state: &mut State, head: &Head, at: i64) {
    const DIGITS: u32 = 10;
    let own = worth(&state.currency);
    let others: Vec<&String> = head.currencies.iter().filter(|code| **code != state.currency).collect();
    let all = std::iter::once(state.currency.clone()).chain(others.into_iter().cloned());
    state.currencies = (1..)
        .zip(all)
        .map(|(id, code)| Currency {
            id,
            rate: (worth(&code) * 10_i64.pow(DIGITS) / own, DIGITS),
            is_default: id == 1,
            transactional: true,
            enabled: true,
            modified: at,
            code,
        })
        .collect();
}

fn channels(state: &mut State, head: &Head, plan: &mut Plan, at: i64) {
    let mut add = |key: &str, name: String, distribution: Vec<String>, selections| {
        let id = if state.channels.is_empty() { DEFAULT_CHANNEL } else { state.next_id() };
        let site = 999 + id;
        let url = format!("https://{key}.shop.example");
        let key = key.to_owned();
        let (status, routes) = ("active", Vec::new());
        let channel = Channel { id, key, name, status, site, routes, url, created: at, modified: at };
        state.channels.insert(id, channel);
        plan.channels.push(Shop { channel: id, list: None, distribution, selections });
    };
    if head.stores.is_empty() {
        add("www", "Storefront".to_owned(), Vec::new(), Vec::new());
    }
    for store in &head.stores {
        let named = |key: &String| head.selections.iter().find(|selection| selection.key == *key);
        let active = store.selections.iter().filter(|(_, active)| *active).filter_map(|(key, _)| named(key));
        let selections = active.map(|it| (it.excludes, it.products.iter().cloned().collect())).collect();
        add(&store.key, text(&head.languages, &store.name), store.distribution_channels.clone(), selections);
    }
}

fn categories(state: &mut State, head: &Head, plan: &mut Plan) -> Result<(), SeedError> {
    let languages = state.languages.clone();
    for channel in state.channels.keys().copied().collect::<Vec<_>>() {
        let tree = state.next_id();
        state.trees.insert(tree, channel);
        let mut ids: HashMap<&str, u64> = HashMap::new();
        for (order, given) in (0..).zip(&head.categories) {
            let parent = match given.parent.as_deref() {
                None => 0,
                Some(key) => {
                    *ids.get(key).ok_or_else(|| SeedError::unknown("category", &given.key, "category", key))?
                }
            };
            let id = state.next_id();
            ids.insert(&given.key, id);
            plan.categories.entry(given.key.clone()).or_default().push(id);
            let slug = text(&languages, &given.slug);
            let slug = if slug.is_empty() { given.key.clone() } else { slug };
            let category = Category {
                id,
                tree,
                parent,
                name: text(&languages, &given.name),
                path: format!("/{slug}/"),
                sort_order: order,
                visible: true,
                texts: others(&languages, &given.name, &Localized::new(), &Localized::new()),
            };
            state.categories.insert(id, category);
        }
    }
    Ok(())
}

fn lists(state: &mut State, head: &Head, plan: &mut Plan, at: i64) {
    let mut add = |name: String, group: Option<u64>, channel: Option<u64>| {
        let id = state.next_id();
        state.lists.insert(id, PriceList { id, name, active: true, created: at, modified: at });
        let assignment = state.next_id();
        state.list_assignments.insert(assignment, ListAssignment { id: assignment, list: id, group, channel });
        id
    };
    let foreign = head.currencies.len() > 1;
    for shop in &mut plan.channels {
        if foreign || !shop.distribution.is_empty() {
            shop.list = Some(add(format!("Prices of channel {}", shop.channel), None, Some(shop.channel)));
        }
    }
    let groups: Vec<(u64, &String)> = (1..).zip(&head.customer_groups).collect();
    for (group, key) in &groups {
        plan.group_lists.insert((*key).clone(), add(format!("Prices of {key}"), Some(*group), None));
    }
    state.groups = groups.into_iter().map(|(id, key)| (id, key.clone())).collect();
}

fn locations(state: &mut State, head: &Head, plan: &mut Plan) {
    let supply: Vec<&catalogue::Channel> = head.channels.iter().filter(|channel| channel.supply).collect();
    let mut add = |key: Option<&str>, label: String| {
        let id = DEFAULT_LOCATION + state.locations.len() as u64;
        let code = format!("BC-LOCATION-{id}");
        state.locations.insert(id, Location { id, code, label, enabled: true });
        plan.locations.insert(key.map(str::to_owned), id);
    };
    match supply.split_first() {
        None => add(None, "Default location".to_owned()),
        Some(_) => supply.iter().for_each(|channel| add(Some(&channel.key), text(&head.languages, &channel.name))),
    }
    // Stock of no channel is that of the default location.
    plan.locations.entry(None).or_insert(DEFAULT_LOCATION);
}

/// The text of the first language that has one.
pub(super) fn text(languages: &[String], texts: &Localized) -> String {
    let in_order = languages.iter().filter_map(|language| texts.get(language));
    in_order.chain(texts.values()).find(|text| !text.trim().is_empty()).cloned().unwrap_or_default()
}

/// Texts in the languages after the first.
fn others(
    languages: &[String],
    name: &Localized,
    description: &Localized,
    slug: &Localized,
) -> BTreeMap<String, Words> {
    let of = |texts: &Localized, language: &String| texts.get(language).filter(|text| !text.trim().is_empty()).cloned();
    let words = |language: &String| Words {
        name: of(name, language),
        description: of(description, language),
        path: of(slug, language).map(|slug| format!("/{slug}/")),
        ..Words::default()
    };
    let all = languages.iter().skip(1).map(|language| (language.clone(), words(language)));
    all.filter(|(_, words)| *words != Words::default()).collect()
}

/// Adds a product with its prices, stock and assignments.
pub(super) fn add(state: &mut State, given: &catalogue::Product, at: i64) -> Result<u64, SeedError> {
    if state.keys.contains_key(&given.key) {
        return Err(SeedError::Twice { product: given.key.clone() });
    }
    if given.variants.is_empty() {
        return Err(SeedError::NoVariant { product: given.key.clone() });
    }
    let languages = state.languages.clone();
    let definitions = state.plan.definitions.get(&given.product_type).cloned().unwrap_or_default();
    let id = state.next_id();
    let mut categories = Vec::new();
    for key in &given.categories {
        let known = state.plan.categories(key);
        if known.is_empty() {
            return Err(SeedError::unknown("product", &given.key, "category", key));
        }
        categories.extend_from_slice(known);
    }
    let (brand, custom_fields) = attributes(state, given, &definitions);
    let slug = text(&languages, &given.slug);
    let slug = if slug.is_empty() { given.key.clone() } else { slug };
    let mut images: Vec<String> = Vec::new();
    for image in given.variants.iter().flat_map(|variant| &variant.images) {
        if !images.contains(image) {
            images.push(image.clone());
        }
    }
    let images = images.into_iter().map(|url| (state.next_id(), url)).collect();
    let mut product = Product {
        id,
        key: given.key.clone(),
        name: text(&languages, &given.name),
        sku: String::new(),
        description: text(&languages, &given.description),
        prices: Prices::default(),
        categories,
        brand,
        tracking: Tracking::None,
        availability: "available",
        visible: given.published,
        price_hidden: false,
        gtin: String::new(),
        url: format!("/{slug}/"),
        images,
        custom_fields,
        rules: Vec::new(),
        options: Vec::new(),
        variants: Vec::new(),
        related: Vec::new(),
        videos: Vec::new(),
        modifiers: Vec::new(),
        release: None,
        texts: others(&languages, &given.name, &given.description, &given.slug),
        own_texts: BTreeMap::new(),
        created: at,
        modified: at,
    };
    variants(state, given, &definitions, &mut product);
    prices(state, given, &mut product);
    stock(state, given, &mut product);
    records(state, given, &product, at);
    for shop in &state.plan.channels {
        let sold = shop.selections.is_empty()
            || shop.selections.iter().any(|(excludes, products)| products.contains(&given.key) != *excludes);
        if sold {
            state.assigned.insert((id, shop.channel));
        }
    }
    for variant in product.variants.iter().filter(|variant| !variant.sku.is_empty()) {
        state.skus.insert(variant.sku.clone(), (id, variant.id));
    }
    state.keys.insert(given.key.clone(), id);
    state.products.insert(id, product);
    Ok(id)
}

/// The brand and the custom fields.
fn attributes(
    state: &mut State,
    given: &catalogue::Product,
    definitions: &[AttributeDefinition],
) -> (u64, Vec<(u64, String, String)>) {
    let (mut brand, mut fields) = (0, Vec::new());
    for (name, value) in &given.attributes {
        let kind = definitions.iter().find(|definition| definition.name == *name).map(|definition| &definition.kind);
        for text in texts(&state.languages, value, kind) {
            if BRANDS.contains(&name.as_str()) && brand == 0 {
                brand = brand_of(state, text);
            } else if fields.len() < MOST_FIELDS && text.chars().count() <= LONGEST_FIELD {
                fields.push((state.next_id(), name.clone(), text));
            }
        }
    }
    (brand, fields)
}

fn brand_of(state: &mut State, name: String) -> u64 {
    if let Some(id) = state.brand_ids.get(&name) {
        return *id;
    }
    let id = state.next_id();
    state.brand_ids.insert(name.clone(), id);
    state.brands.insert(id, name);
    id
}

/// A value as texts.
fn texts(languages: &[String], value: &Value, kind: Option<&AttributeKind>) -> Vec<String> {
    let one = match value {
        Value::Text(text) | Value::Date(text) | Value::Time(text) | Value::DateTime(text) => text.clone(),
        Value::Localized(texts) => text(languages, texts),
        Value::Key(key) => label(languages, key, kind),
        Value::Number(number) => number.to_string(),
        Value::Money { minor, currency } => format!("{} {currency}", Amount::minor(*minor, currency).json()),
        Value::Boolean(truth) => truth.to_string(),
        Value::Product(_) | Value::Nested(_) => return Vec::new(),
        Value::Set(values) => {
            let element = if let Some(AttributeKind::Set(element)) = kind { Some(element.as_ref()) } else { None };
            return values.iter().flat_map(|value| texts(languages, value, element)).collect();
        }
    };
    if one.trim().is_empty() { Vec::new() } else { vec![one] }
}

fn label(languages: &[String], key: &str, kind: Option<&AttributeKind>) -> String {
    let found = match kind {
        Some(AttributeKind::Enum(values)) => {
            values.iter().find(|(known, _)| known == key).map(|(_, label)| label.clone())
        }
        Some(AttributeKind::LocalizedEnum(values)) => {
            values.iter().find(|(known, _)| known == key).map(|(_, label)| text(languages, label))
        }
        _ => None,
    };
    found.filter(|label| !label.is_empty()).unwrap_or_else(|| key.to_owned())
}

/// Variants with their options.
fn variants(state: &mut State, given: &catalogue::Product, definitions: &[AttributeDefinition], product: &mut Product) {
    let languages = state.languages.clone();
    let mut chosen: Vec<Vec<(String, String)>> = Vec::new();
    for variant in &given.variants {
        let options = definitions.iter().filter(|definition| definition.option);
        let of = |definition: &AttributeDefinition| {
            let (_, value) = variant.attributes.iter().find(|(name, _)| *name == definition.name)?;
            Some((definition.name.clone(), texts(&languages, value, Some(&definition.kind)).into_iter().next()?))
        };
        chosen.push(options.filter_map(of).collect());
    }
    let whole = chosen.first().map_or(0, Vec::len);
    let distinct: BTreeSet<&Vec<(String, String)>> = chosen.iter().collect();
    if distinct.len() < chosen.len() || chosen.iter().any(|values| values.len() != whole) {
        for (number, (values, variant)) in (1..).zip(chosen.iter_mut().zip(&given.variants)) {
            *values = vec![("Variant".to_owned(), variant.sku.clone().unwrap_or_else(|| number.to_string()))];
        }
    }
    for (given, values) in given.variants.iter().zip(chosen) {
        let values = values.into_iter().map(|(name, label)| choice(state, &mut product.options, name, label)).collect();
        let gtin = given.attributes.iter().find(|(name, _)| GTINS.contains(&name.as_str()));
        let gtin = gtin.and_then(|(_, value)| texts(&languages, value, None).into_iter().next());
        product.variants.push(Variant {
            id: state.next_id(),
            sku: given.sku.clone().unwrap_or_default(),
            prices: Prices::default(),
            gtin: gtin.filter(|gtin| gtin.len() <= 14).unwrap_or_default(),
            image: given.images.first().cloned().unwrap_or_default(),
            purchasing_disabled: false,
            values,
        });
    }
    if product.options.is_empty()
        && let [only] = product.variants.as_mut_slice()
    {
        product.sku.clone_from(&only.sku);
        product.gtin.clone_from(&only.gtin);
        // The base variant shows the images of its product.
        only.image.clear();
    }
}

fn choice(state: &mut State, options: &mut Vec<Choice>, name: String, label: String) -> (u64, u64) {
    let at = options.iter().position(|option| option.name == name).unwrap_or_else(|| {
        options.push(Choice { id: state.next_id(), name, values: Vec::new() });
        options.len() - 1
    });
    let Some(option) = options.get_mut(at) else { return (0, 0) };
    let known = option.values.iter().find(|(_, known)| *known == label).map(|(id, _)| *id);
    let value = known.unwrap_or_else(|| {
        let id = state.next_id();
        option.values.push((id, label));
        id
    });
    (option.id, value)
}

/// The price of everyone in a currency.
fn of_everyone<'p>(prices: &'p [catalogue::Price], currency: &str) -> Option<&'p catalogue::Price> {
    let fits = |price: &&catalogue::Price| {
        price.currency == currency
            && price.customer_group.is_none()
            && price.channel.is_none()
            && price.valid_from.is_none()
            && price.valid_until.is_none()
    };
    let all = || prices.iter().filter(fits);
    all().find(|price| price.country.is_none()).or_else(|| all().next())
}

fn shown(price: &catalogue::Price) -> Prices {
    let value = match price.precise {
        Some((units, digits)) => Amount::precise(units, digits),
        None => Amount::minor(price.minor, &price.currency),
    };
    let sale = price.discounted.map(|minor| Amount::minor(minor, &price.currency));
    Prices { price: Some(value), sale, retail: None }
}

fn prices(state: &mut State, given: &catalogue::Product, product: &mut Product) {
    let currency = state.currency.clone();
    let of = |variant: &catalogue::Variant| -> Option<Prices> {
        if let Some(price) = of_everyone(&variant.prices, &currency) {
            return Some(shown(price));
        }
        // The platform wants a price in the default currency: that of another one, converted.
        let mut others = state.currencies.iter().filter(|it| !it.is_default);
        let (other, price) = others.find_map(|it| Some((it, of_everyone(&variant.prices, &it.code)?)))?;
        let minor = i128::from(price.minor) * 10_i128.pow(other.rate.1) / i128::from(other.rate.0).max(1);
        let price = catalogue::Price {
            minor: i64::try_from(minor).ok()?,
            currency: currency.clone(),
            ..catalogue::Price::default()
        };
        Some(shown(&price))
    };
    let all: Vec<Option<Prices>> = given.variants.iter().map(of).collect();
    let Some(main) = all.iter().flatten().next().copied() else {
        product.prices.price = Some(Amount::ZERO);
        product.price_hidden = true;
        product.availability = "disabled";
        return;
    };
    product.prices = main;
    for (variant, own) in product.variants.iter_mut().zip(&all) {
        match own {
            Some(own) if (own.price, own.sale) != (main.price, main.sale) => {
                // Without a sale price of its own it would have that of the product.
                variant.prices = Prices { sale: own.sale.or(main.sale.map(|_| Amount::ZERO)), ..*own };
            }
            Some(_) => {}
            None => variant.purchasing_disabled = true,
        }
    }
    let tiers = |variant: &catalogue::Variant| of_everyone(&variant.prices, &currency).map(|it| it.tiers.clone());
    let first = given.variants.first().and_then(tiers).unwrap_or_default();
    if given.variants.iter().all(|variant| tiers(variant).as_ref() == Some(&first)) {
        product.rules = rules(state, &first, &currency);
    }
}

/// Ranges of quantities.
fn rules(state: &mut State, tiers: &[(u32, i64)], currency: &str) -> Vec<Rule> {
    let next = tiers.iter().skip(1).map(|(from, _)| from - 1).chain(std::iter::once(0));
    let rule = |((from, minor), until): (&(u32, i64), u32)| Rule {
        id: state.next_id(),
        from: *from,
        until,
        kind: "fixed",
        amount: Amount::minor(*minor, currency),
    };
    tiers.iter().zip(next).map(rule).collect()
}

fn stock(state: &mut State, given: &catalogue::Product, product: &mut Product) {
    let tracked = given.variants.iter().any(|variant| !variant.stock.is_empty());
    product.tracking = match (tracked, product.options.is_empty()) {
        (false, _) => Tracking::None,
        (true, true) => Tracking::Product,
        (true, false) => Tracking::Variant,
    };
    for (given, variant) in given.variants.iter().zip(&product.variants) {
        // Every variant has a row at the default location, also where nothing is counted.
        let none = Stock { on_hand: 0, safety: 0, sold: true };
        state.stock.insert((variant.id, DEFAULT_LOCATION), none);
        for level in &given.stock {
            let Some(location) = state.plan.location(level.channel.as_deref()) else { continue };
            let row = Stock { on_hand: level.quantity.max(0), safety: 0, sold: true };
            state.stock.insert((variant.id, location), row);
        }
    }
}

/// Records of price lists.
fn records(state: &mut State, given: &catalogue::Product, product: &Product, at: i64) {
    let foreign: Vec<String> = state.currencies.iter().filter(|it| !it.is_default).map(|it| it.code.clone()).collect();
    let lasting = |price: &&catalogue::Price| price.valid_from.is_none() && price.valid_until.is_none();
    for (of, variant) in given.variants.iter().zip(&product.variants) {
        // Of several for one list and currency the last stays.
        let mut planned: Vec<(u64, &catalogue::Price)> = Vec::new();
        for shop in &state.plan.channels {
            let Some(list) = shop.list else { continue };
            let of_shop = |price: &&catalogue::Price| {
                let channel = price.channel.as_ref();
                price.customer_group.is_none() && channel.is_some_and(|key| shop.distribution.contains(key))
            };
            planned.extend(foreign.iter().filter_map(|code| of_everyone(&of.prices, code)).map(|price| (list, price)));
            planned.extend(of.prices.iter().filter(lasting).filter(of_shop).map(|price| (list, price)));
        }
        for (key, list) in &state.plan.group_lists {
            let of_group = |price: &&catalogue::Price| price.customer_group.as_ref() == Some(key);
            planned.extend(of.prices.iter().filter(lasting).filter(of_group).map(|price| (*list, price)));
        }
        for (list, price) in planned {
            let tiers = rules(state, &price.tiers, &price.currency);
            let record = PriceRecord { product: product.id, prices: shown(price), tiers, created: at, modified: at };
            state.records.insert((list, variant.id, price.currency.clone()), record);
        }
    }
}
