//! `products.csv` of the Sunrise shop.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use super::localized;
use crate::catalogue::{
    AttributeKind, Head, Localized, Price, Product, Value, Variant,
    load::{LoadError, Skipped, add_once, slugs::Slugs, table::Row, table::Table},
};

/// Reads the products. `paths` has the keys of categories by the path of their names.
pub(super) fn read(
    file: &Path,
    head: &Head,
    paths: &HashMap<String, String>,
    skipped: &mut Vec<Skipped>,
) -> Result<Vec<Product>, LoadError> {
    let table = Table::read(file, &["productType", "sku", "prices", "categories", "images", "name.en"], skipped)?;
    let reader = Reader { head, paths, locales: table.suffixes("name.") };
    let mut products: Vec<Product> = Vec::new();
    let (mut skus, mut slugs) = (HashSet::new(), Slugs::default());
    // Variants of a product that was left out are left out with it.
    let mut usable = false;
    for row in &table.rows {
        let sku = row.cell("sku");
        let begins = !row.cell("productType").is_empty();
        if sku.is_empty() || !skus.insert(sku) {
            skipped.push(row.skip(format!("SKU {sku:?} is empty or there already; row left out")));
            usable &= !begins;
            continue;
        }
        if begins {
            usable = head.product_types.iter().any(|known| known.key == row.cell("productType"));
            if usable {
                let mut product = reader.product(row, skipped);
                skipped.extend(slugs.take(&mut product.slug).into_iter().map(|why| row.skip(why)));
                products.push(product);
            }
        }
        match products.last_mut().filter(|_| usable) {
            Some(product) => {
                let variant = reader.variant(row, &product.product_type, skipped);
                product.variants.push(variant);
            }
            None => skipped.push(row.skip(format!("SKU {sku} belongs to no product of a known type; row left out"))),
        }
    }
    Ok(products)
}

struct Reader<'a> {
    head: &'a Head,
    paths: &'a HashMap<String, String>,
    locales: Vec<String>,
}

impl Reader<'_> {
    fn product(&self, row: &Row, skipped: &mut Vec<Skipped>) -> Product {
        let mut categories = Vec::new();
        for path in row.cell("categories").split(';').filter(|path| !path.is_empty()) {
            match self.paths.get(path) {
                Some(key) => add_once(&mut categories, key.clone()),
                None => skipped.push(row.skip(format!("there is no category {path:?}; the product isn't put there"))),
            }
        }
        Product {
            key: row.cell("sku").to_owned(),
            product_type: row.cell("productType").to_owned(),
            name: localized(row, "name", &self.locales),
            slug: localized(row, "slug", &self.locales),
            description: localized(row, "description", &self.locales),
            categories,
            attributes: Vec::new(),
            variants: Vec::new(),
            published: true,
            standalone_prices: false,
        }
    }

    fn variant(&self, row: &Row, product_type: &str, skipped: &mut Vec<Skipped>) -> Variant {
        let mut prices = Vec::new();
        for text in row.cell("prices").split(';').filter(|text| !text.is_empty()) {
            match self.price(text) {
                Ok(price) => prices.push(price),
                Err(why) => skipped.push(row.skip(format!("price {text:?}: {why}; price left out"))),
            }
        }
        let definitions = self.head.product_types.iter().filter(|known| known.key == product_type);
        let mut attributes = Vec::new();
        for definition in definitions.flat_map(|known| &known.attributes) {
            match self.attribute(row, &definition.name, &definition.kind) {
                Ok(value) => attributes.extend(value.map(|value| (definition.name.clone(), value))),
                Err(why) => skipped.push(row.skip(format!("{}: {why}; attribute left out", definition.name))),
            }
        }
        Variant {
            sku: Some(row.cell("sku").to_owned()),
            attributes,
            prices,
            images: row.cell("images").split(';').filter(|url| !url.is_empty()).map(str::to_owned).collect(),
            stock: Vec::new(),
        }
    }

    /// `DE-EUR 15450 b2b#sunrise-store-berlin`, of which country, group and channel may be missing.
    fn price(&self, text: &str) -> Result<Price, String> {
        let (money, channel) = text.split_once('#').map_or((text, None), |(money, channel)| (money, Some(channel)));
        let mut words = money.split(' ');
        let (place, amount, group) = (words.next().unwrap_or_default(), words.next().unwrap_or_default(), words.next());
        let (country, currency) =
            place.split_once('-').map_or((None, place), |(country, currency)| (Some(country), currency));
        let capitals = |code: &str, length: usize| code.len() == length && code.bytes().all(|b| b.is_ascii_uppercase());
        if !capitals(currency, 3) || !country.is_none_or(|country| capitals(country, 2)) || words.next().is_some() {
            return Err("expected [country-]currency amount[ group][#channel]".to_owned());
        }
        if let Some(group) = group.filter(|group| !self.head.customer_groups.iter().any(|known| known == group)) {
            return Err(format!("there is no customer group {group}"));
        }
        if let Some(channel) = channel.filter(|key| self.head.channels.iter().all(|known| known.key != *key)) {
            return Err(format!("there is no channel {channel}"));
        }
        let minor = amount.parse().ok().filter(|minor| *minor >= 0);
        Ok(Price {
            minor: minor.ok_or_else(|| format!("{amount:?} isn't a whole number of minor units"))?,
            currency: currency.to_owned(),
            country: country.map(str::to_owned),
            customer_group: group.map(str::to_owned),
            channel: channel.map(str::to_owned),
            ..Price::default()
        })
    }

    /// The value of an attribute; none if its cells are empty.
    fn attribute(&self, row: &Row, name: &str, kind: &AttributeKind) -> Result<Option<Value>, String> {
        match kind {
            AttributeKind::LocalizedText => {
                let texts = localized(row, name, &self.locales);
                Ok((!texts.is_empty()).then_some(Value::Localized(texts)))
            }
            AttributeKind::Set(element) if matches!(**element, AttributeKind::LocalizedText) => {
                let texts = self.set_of_texts(row, name);
                Ok((!texts.is_empty()).then_some(Value::Set(texts)))
            }
            AttributeKind::Set(element) => {
                let cells = row.cell(name).split(';').filter(|text| !text.is_empty());
                let values = cells.map(|text| value(element, text)).collect::<Result<Vec<_>, _>>()?;
                Ok((!values.is_empty()).then_some(Value::Set(values)))
            }
            _ if row.cell(name).is_empty() => Ok(None),
            _ => value(kind, row.cell(name)).map(Some),
        }
    }

    /// The members of each locale's cell belong together by their position.
    fn set_of_texts(&self, row: &Row, name: &str) -> Vec<Value> {
        let mut members: Vec<Localized> = Vec::new();
        for (locale, texts) in localized(row, name, &self.locales) {
            for (position, text) in texts.split(';').enumerate() {
                if position == members.len() {
                    members.push(Localized::new());
                }
                if let Some(member) = members.get_mut(position) {
                    member.insert(locale.clone(), text.to_owned());
                }
            }
        }
        members.into_iter().map(Value::Localized).collect()
    }
}

/// The value that a text stands for.
fn value(kind: &AttributeKind, text: &str) -> Result<Value, String> {
    let known = |found: bool| {
        if found { Ok(Value::Key(text.to_owned())) } else { Err(format!("{text:?} isn't one of its keys")) }
    };
    match kind {
        AttributeKind::Text => Ok(Value::Text(text.to_owned())),
        AttributeKind::Enum(keys) => known(keys.iter().any(|(key, _)| key == text)),
        AttributeKind::LocalizedEnum(keys) => known(keys.iter().any(|(key, _)| key == text)),
        AttributeKind::Date => Ok(Value::Date(text.to_owned())),
        AttributeKind::Time => Ok(Value::Time(text.to_owned())),
        AttributeKind::DateTime => Ok(Value::DateTime(text.to_owned())),
        AttributeKind::ProductReference => Ok(Value::Product(text.to_owned())),
        AttributeKind::Number => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::Number(number)),
            _ => Err(format!("{text:?} isn't a number")),
        },
        AttributeKind::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" => Ok(Value::Boolean(true)),
            "false" => Ok(Value::Boolean(false)),
            _ => Err(format!("{text:?} is neither true nor false")),
        },
        AttributeKind::LocalizedText | AttributeKind::Money | AttributeKind::Nested(_) | AttributeKind::Set(_) => {
            Err("a cell can't hold a value of its type".to_owned())
        }
    }
}
