//! One product of the catalogue as master and variants, or as a single product, with its prices, stock and assignments.

use std::collections::{BTreeMap, BTreeSet};

use super::SeedError;
use super::amount::Amount;
use super::seed::{LONGEST_ID, Plan, Selection, attribute_id};
use super::state::{
    Assignment, Custom, DEFAULT_LOCALE, ImageGroup, Master, Product, Record, Role, State, Table, Texts, Variation, id,
};
use crate::catalogue::{self, AttributeDefinition, AttributeKind, Value};

/// Longest id of a product.
const LONGEST_PRODUCT: usize = 100;
/// Attributes that hold the brand.
const BRANDS: [&str; 2] = ["brand", "manufacturer"];
/// Attributes of a variant that hold its GTIN.
const GTINS: [&str; 2] = ["gtin", "ean"];
/// The variation attribute of variants that differ by nothing else.
const ALIKE: &str = "variant";

/// Adds a product.
pub(super) fn add(state: &mut State, given: &catalogue::Product, at: i64) -> Result<(), SeedError> {
    if state.keys.contains_key(&given.key) {
        return Err(SeedError::Twice { product: given.key.clone() });
    }
    if given.variants.is_empty() {
        return Err(SeedError::NoVariant { product: given.key.clone() });
    }
    let mut assigned = BTreeMap::new();
    for (place, key) in given.categories.iter().enumerate() {
        let category = state.plan.categories.get(key);
        let category = category.ok_or_else(|| SeedError::unknown("product", &given.key, "category", key))?;
        assigned.entry(category.clone()).or_insert(Assignment { primary: place == 0 });
    }
    let definitions = state.plan.definitions.get(&given.product_type).cloned().unwrap_or_default();
    let chosen = chosen(state, given, &definitions);
    let sold_alone = given.variants.len() == 1 && chosen.iter().all(Vec::is_empty);
    let mut ids = Vec::new();
    for (number, variant) in (1..).zip(&given.variants) {
        let wanted = match &variant.sku {
            Some(sku) => sku.clone(),
            None if sold_alone => given.key.clone(),
            None => format!("{}-{number}", given.key),
        };
        let own = free(state, &ids, id(&wanted, LONGEST_PRODUCT));
        ids.push(own);
    }
    let mut main = blank(state, given, at);
    describe(state, given, &definitions, &mut main);
    let mut products = Vec::new();
    for (variant, own) in given.variants.iter().zip(&ids) {
        let mut product = if sold_alone { main.clone() } else { blank(state, given, at) };
        product.id.clone_from(own);
        for (name, value) in &variant.attributes {
            set(&state.plan, &definitions, &mut product, name, value);
        }
        products.push(product);
    }
    if sold_alone {
        let paths = given.variants.iter().flat_map(|variant| &variant.images).map(|url| path(state, url)).collect();
        if let Some(only) = products.first_mut() {
            only.images = group(Vec::new(), paths).into_iter().collect();
            main.id.clone_from(&only.id);
        }
    } else {
        main.id = free(state, &ids, id(&given.key, LONGEST_PRODUCT));
        main.role = Role::Master(Master { variations: variations(&chosen), variants: ids.clone() });
        main.images = images(state, given, &chosen);
        for (product, values) in products.iter_mut().zip(&chosen) {
            product.role = Role::Variant(main.id.clone());
            for (variation, value, _, _) in values {
                product.custom.insert(variation.clone(), Custom::One(value.clone()));
            }
        }
    }
    prices(state, given, &main.id, &ids, at);
    stock(state, given, &ids, at);
    for (variant, own) in given.variants.iter().zip(&ids) {
        if let Some(sku) = &variant.sku {
            state.skus.entry(sku.clone()).or_insert_with(|| own.clone());
        }
    }
    state.keys.insert(given.key.clone(), main.id.clone());
    if !assigned.is_empty() {
        state.assignments.insert(main.id.clone(), assigned);
    }
    if !sold_alone {
        products.push(main);
    }
    for product in products {
        state.products.insert(product.id.clone(), product);
    }
    Ok(())
}

/// An id that no product has.
fn free(state: &State, also: &[String], wanted: String) -> String {
    let taken = |id: &String| state.products.contains_key(id) || also.contains(id);
    if !taken(&wanted) {
        return wanted;
    }
    let short: String = wanted.chars().take(LONGEST_PRODUCT - 8).collect();
    let others = std::iter::once(format!("{short}M")).chain((2_u32..).map(|number| format!("{short}-{number}")));
    others.into_iter().find(|id| !taken(id)).unwrap_or(wanted)
}

/// A product without anything of its own but its flags.
fn blank(state: &State, given: &catalogue::Product, at: i64) -> Product {
    let sold = |selections: &[Selection]| {
        selections.is_empty()
            || selections.iter().any(|(excludes, products)| products.contains(&given.key) != *excludes)
    };
    let offline = state.plan.selections.iter().filter(|(_, selections)| !sold(selections));
    Product {
        id: String::new(),
        key: given.key.clone(),
        role: Role::Item,
        name: Texts::new(),
        description: Texts::new(),
        page_url: Texts::new(),
        brand: String::new(),
        ean: String::new(),
        online: given.published,
        offline_on: offline.map(|(site, _)| site.clone()).collect(),
        images: Vec::new(),
        custom: BTreeMap::new(),
        created: at,
        modified: at,
    }
}

/// Texts and attributes of the product as a whole.
fn describe(state: &State, given: &catalogue::Product, definitions: &[AttributeDefinition], product: &mut Product) {
    let cut = |texts: Texts| -> Texts {
        texts.into_iter().map(|(locale, text)| (locale, text.chars().take(4_000).collect())).collect()
    };
    product.name = cut(state.plan.texts(&given.name));
    product.page_url = cut(state.plan.texts(&given.slug));
    product.description = state.plan.texts(&given.description);
    for (name, value) in &given.attributes {
        set(&state.plan, definitions, product, name, value);
    }
}

/// Sets an attribute where the platform has a place for it.
fn set(plan: &Plan, definitions: &[AttributeDefinition], product: &mut Product, name: &str, value: &Value) {
    let definition = definitions.iter().find(|definition| definition.name == name);
    let kind = definition.map(|definition| &definition.kind);
    if BRANDS.contains(&name) && product.brand.is_empty() {
        let (_, label) = option(plan, value, kind).unwrap_or_default();
        let label = label.get(DEFAULT_LOCALE).or_else(|| label.values().next()).cloned().unwrap_or_default();
        product.brand = label.chars().take(LONGEST_ID).collect();
        return;
    }
    if GTINS.contains(&name) && product.ean.is_empty() {
        product.ean = one(value).map(|text| text.chars().take(LONGEST_ID).collect()).unwrap_or_default();
        return;
    }
    if definition.is_none_or(|definition| definition.option) {
        return;
    }
    let custom = match value {
        Value::Localized(texts) => Custom::Localized(plan.texts(texts)),
        Value::Set(values) => Custom::Many(values.iter().filter_map(one).collect()),
        value => match one(value) {
            Some(text) => Custom::One(text),
            None => return,
        },
    };
    product.custom.insert(attribute_id(name), custom);
}

/// A value as one text, keys as they are.
fn one(value: &Value) -> Option<String> {
    Some(match value {
        Value::Text(text) | Value::Time(text) => text.clone(),
        Value::Key(key) => id(key, LONGEST_ID),
        // An instant, as the platform keeps it.
        Value::Date(date) => format!("{date}Z"),
        Value::DateTime(at) => at.trim_end_matches('Z').to_owned() + "+0000",
        Value::Number(number) => number.to_string(),
        Value::Money { minor, currency } => format!("{} {currency}", Amount::minor(*minor, currency).text()),
        Value::Boolean(truth) => truth.to_string(),
        Value::Product(key) => key.clone(),
        Value::Localized(_) | Value::Nested(_) | Value::Set(_) => return None,
    })
    .filter(|text| !text.trim().is_empty())
}

/// The value of a variation attribute and what is shown for it.
fn option(plan: &Plan, value: &Value, kind: Option<&AttributeKind>) -> Option<(String, Texts)> {
    if let Value::Localized(texts) = value {
        let texts = plan.texts(texts);
        let first = texts.get(DEFAULT_LOCALE).or_else(|| texts.values().next())?;
        return Some((id(first, LONGEST_ID), texts.clone()));
    }
    let key = one(value)?;
    let everywhere = |text: &str| Texts::from([(DEFAULT_LOCALE.to_owned(), text.to_owned())]);
    let is_key = |known: &String| id(known, LONGEST_ID) == key;
    let shown = match kind {
        Some(AttributeKind::Enum(values)) => {
            values.iter().find(|(known, _)| is_key(known)).map(|(_, label)| everywhere(label))
        }
        Some(AttributeKind::LocalizedEnum(values)) => {
            values.iter().find(|(known, _)| is_key(known)).map(|(_, label)| plan.texts(label))
        }
        _ => None,
    };
    let shown = shown.filter(|texts| !texts.is_empty()).unwrap_or_else(|| everywhere(&key));
    Some((id(&key, LONGEST_ID), shown))
}

/// Attribute, value, what is shown for it, and the attribute's name.
type Choice = (String, String, Texts, Texts);

/// What each variant has for the options.
fn chosen(state: &State, given: &catalogue::Product, definitions: &[AttributeDefinition]) -> Vec<Vec<Choice>> {
    let of = |variant: &catalogue::Variant| -> Vec<Choice> {
        let options = definitions.iter().filter(|definition| definition.option);
        let choice = |definition: &AttributeDefinition| {
            let (_, value) = variant.attributes.iter().find(|(name, _)| *name == definition.name)?;
            let (value, shown) = option(&state.plan, value, Some(&definition.kind))?;
            Some((attribute_id(&definition.name), value, shown, state.plan.texts(&definition.label)))
        };
        options.filter_map(choice).collect()
    };
    let mut all: Vec<Vec<Choice>> = given.variants.iter().map(of).collect();
    let whole = all.first().map_or(0, Vec::len);
    let distinct: BTreeSet<Vec<&String>> =
        all.iter().map(|values| values.iter().map(|(_, value, ..)| value).collect()).collect();
    if distinct.len() < all.len() || all.iter().any(|values| values.len() != whole) {
        for (number, (values, variant)) in (1..).zip(all.iter_mut().zip(&given.variants)) {
            let value = variant.sku.clone().unwrap_or_else(|| format!("{number}"));
            let plain = |text: &str| Texts::from([(DEFAULT_LOCALE.to_owned(), text.to_owned())]);
            *values = vec![(ALIKE.to_owned(), id(&value, LONGEST_ID), plain(&value), plain("Variant"))];
        }
    }
    all
}

fn variations(chosen: &[Vec<Choice>]) -> Vec<Variation> {
    let mut all: Vec<Variation> = Vec::new();
    for (attribute, value, shown, name) in chosen.iter().flatten() {
        let at = all.iter().position(|known| known.id == *attribute).unwrap_or_else(|| {
            all.push(Variation { id: attribute.clone(), name: name.clone(), values: Vec::new() });
            all.len() - 1
        });
        let Some(variation) = all.get_mut(at) else { continue };
        if !variation.values.iter().any(|(known, _)| known == value) {
            variation.values.push((value.clone(), shown.clone()));
        }
    }
    all
}

fn path(state: &State, url: &str) -> String {
    let below = url.strip_prefix(&state.image_base).map(|rest| rest.trim_start_matches('/'));
    id(below.unwrap_or(url), 1_800)
}

fn group(values: Vec<(String, String)>, paths: Vec<String>) -> Option<ImageGroup> {
    (!paths.is_empty()).then_some(ImageGroup { values, paths })
}

/// Groups by the first option that images follow, else by all; before them those for all others.
fn images(state: &State, given: &catalogue::Product, chosen: &[Vec<Choice>]) -> Vec<ImageGroup> {
    let of = |variant: &catalogue::Variant| variant.images.iter().map(|url| path(state, url)).collect::<Vec<_>>();
    let rows: Vec<ImageGroup> = given
        .variants
        .iter()
        .zip(chosen)
        .map(|(variant, values)| {
            let values = values.iter().map(|(attribute, value, ..)| (attribute.clone(), value.clone()));
            ImageGroup { values: values.collect(), paths: of(variant) }
        })
        .collect();
    let first = rows.iter().map(|row| &row.paths).find(|paths| !paths.is_empty()).cloned().unwrap_or_default();
    let mut groups: Vec<ImageGroup> = group(Vec::new(), first.clone()).into_iter().collect();
    if rows.iter().all(|row| row.paths == first) {
        return groups;
    }
    let follows = |place: usize| {
        let mut known: BTreeMap<&(String, String), &Vec<String>> = BTreeMap::new();
        rows.iter().all(|ImageGroup { values, paths }| {
            values.get(place).is_some_and(|value| *known.entry(value).or_insert(paths) == paths)
        })
    };
    let place = (0..rows.first().map_or(0, |row| row.values.len())).find(|place| follows(*place));
    for ImageGroup { values, paths } in &rows {
        let values = match place {
            Some(place) => values.get(place).cloned().into_iter().collect(),
            None => values.clone(),
        };
        if !groups.iter().any(|known| known.values == values) {
            groups.extend(group(values, paths.clone()));
        }
    }
    groups
}

/// A time of the catalogue in milliseconds.
pub(super) fn instant(text: Option<&String>) -> Option<i64> {
    text?.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}

/// The tables of a catalogue's prices in a pair of books: list and sale.
pub(super) fn tables(
    prices: &[catalogue::Price],
    books: &super::seed::Books,
    currency: &str,
) -> (Vec<Table>, Vec<Table>) {
    let (mut list, mut sale): (Vec<Table>, Vec<Table>) = (Vec::new(), Vec::new());
    for price in prices.iter().filter(|price| price.currency == currency && price.customer_group.is_none()) {
        let Some(rank) = books.rank(price.country.as_ref(), price.channel.as_ref()) else { continue };
        let (from, to) = (instant(price.valid_from.as_ref()), instant(price.valid_until.as_ref()));
        let known = list.iter().position(|table| (table.from, table.to) == (from, to));
        if let Some(known) = known {
            if list.get(known).is_some_and(|table| table.rank >= rank) {
                continue;
            }
            list.remove(known);
            sale.retain(|table| (table.from, table.to) != (from, to));
        }
        let amount = |minor| Amount::minor(minor, currency);
        let first = price.precise.map_or(amount(price.minor), |(units, digits)| Amount::precise(units, digits));
        let mut amounts = vec![(1, first)];
        amounts.extend(price.tiers.iter().map(|(from, minor)| (*from, amount(*minor))));
        list.push(Table { from, to, amounts, rank });
        if let Some(discounted) = price.discounted {
            sale.push(Table { from, to, amounts: vec![(1, amount(discounted))], rank });
        }
    }
    (list, sale)
}

/// Price tables: of the master where all variants agree in every book, else of the variants.
fn prices(state: &mut State, given: &catalogue::Product, master: &str, ids: &[String], at: i64) {
    let mut planned: Vec<(String, Vec<Vec<Table>>)> = Vec::new();
    for (currency, pairs) in &state.plan.books {
        for pair in pairs {
            let both = given.variants.iter().map(|variant| tables(&variant.prices, pair, currency));
            let (list, sale): (Vec<_>, Vec<_>) = both.unzip();
            planned.push((pair.list.clone(), list));
            planned.push((pair.sale.clone(), sale));
        }
    }
    let agree = ids.len() > 1
        && planned.iter().all(|(_, rows)| {
            let first = rows.first().map_or(&[][..], Vec::as_slice);
            let same = |(one, other): (&Table, &Table)| {
                (one.from, one.to, &one.amounts) == (other.from, other.to, &other.amounts)
            };
            rows.iter().all(|tables| tables.len() == first.len() && tables.iter().zip(first).all(same))
        });
    for (book, rows) in planned {
        let Some(book) = state.books.get_mut(&book) else { continue };
        let owners = if agree { vec![master.to_owned()] } else { ids.to_vec() };
        for (owner, tables) in owners.into_iter().zip(rows).filter(|(_, tables)| !tables.is_empty()) {
            book.tables.insert(owner, tables);
            book.modified = book.modified.max(at);
        }
    }
}

fn stock(state: &mut State, given: &catalogue::Product, ids: &[String], at: i64) {
    for (variant, own) in given.variants.iter().zip(ids) {
        let record = |perpetual, allocation| Record { perpetual, allocation, reset: at, turnover: 0, modified: at };
        if variant.stock.is_empty() {
            for list in state.lists.values_mut() {
                list.records.insert(own.clone(), record(true, 0));
            }
        }
        for level in &variant.stock {
            let list = state.plan.lists.get(&level.channel).and_then(|id| state.lists.get_mut(id));
            if let Some(list) = list {
                list.records.insert(own.clone(), record(false, level.quantity.max(0)));
            }
        }
    }
}
