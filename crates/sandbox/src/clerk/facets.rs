//! Facets: how many of a set of products have which values.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use super::arguments::id_text;
use super::entry::Entry;
use super::json::attributes;
use super::resource::Resource;
use super::store::State;

/// Ranges a numeric facet is cut into, at most.
const RANGES: f64 = 6.0;

/// Counts the values of the attributes `names` over `products`; an attribute nobody has gets an empty list.
pub(super) fn of<'a>(state: &State, products: impl Iterator<Item = &'a Entry>, names: &[String]) -> Value {
    let mut values = names.iter().map(|name| (name.as_str(), Vec::new())).collect::<HashMap<_, _>>();
    for product in products {
        for (name, value) in attributes(&product.raw, &|name| names.iter().any(|wanted| wanted == name)) {
            if let Some(values) = values.get_mut(name.as_str()) {
                values.push(value);
            }
        }
    }
    let facet = |(name, values): (&str, Vec<Value>)| (name.to_owned(), Value::Array(facet(state, name, &values)));
    Value::Object(values.into_iter().map(facet).collect::<Map<_, _>>())
}

fn facet(state: &State, name: &str, values: &[Value]) -> Vec<Value> {
    let numbers = values.iter().filter_map(Value::as_f64).collect::<Vec<_>>();
    if !values.is_empty() && numbers.len() == values.len() { ranges(&numbers) } else { units(state, name, values) }
}

/// Each distinct value with its count, the most frequent first.
fn units(state: &State, name: &str, values: &[Value]) -> Vec<Value> {
    let mut counts = BTreeMap::<String, (usize, &Value)>::new();
    for value in values {
        let elements = match value {
            Value::Array(elements) => elements.as_slice(),
            single => std::slice::from_ref(single),
        };
        let mut seen = Vec::new();
        for element in elements.iter().filter(|element| !element.is_object() && !element.is_array()) {
            let text = element.as_str().map_or_else(|| element.to_string(), str::to_owned);
            if !seen.contains(&text) {
                counts.entry(text.clone()).or_insert((0, element)).0 += 1;
                seen.push(text);
            }
        }
    }
    let mut counts = counts.into_iter().collect::<Vec<_>>();
    counts.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    let unit = |(text, (count, value)): (String, (usize, &Value))| {
        let label = (name == "categories").then(|| category_name(state, value)).flatten().unwrap_or(text);
        json!({ "count": count, "type": "unit", "name": label, "value": value })
    };
    counts.into_iter().map(unit).collect()
}

fn category_name(state: &State, id: &Value) -> Option<String> {
    let category = state.entry(Resource::Categories, &id_text(id)?)?;
    match attributes(&category.raw, &|name| name == "name").remove("name") {
        Some(Value::String(name)) => Some(name),
        _ => None,
    }
}

/// Equal ranges of a round width that are not empty.
fn ranges(numbers: &[f64]) -> Vec<Value> {
    let low = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    let high = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let width = round_width((high - low) / RANGES);
    let mut counts = BTreeMap::<i64, usize>::new();
    for number in numbers {
        // A quotient too large for an i64 saturates, which does no harm in a facet.
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        let range = (number / width).floor() as i64;
        *counts.entry(range).or_default() += 1;
    }
    let range = |(range, count): (i64, usize)| {
        #[expect(clippy::cast_precision_loss, reason = "a label")]
        let min = range as f64 * width;
        let max = if width >= 1.0 { min + width - 1.0 } else { min + width };
        json!({ "count": count, "type": "range", "name": format!("{min} - {max}"), "min": min, "max": max })
    };
    counts.into_iter().map(range).collect()
}

/// The next of 1, 2.5, 5 and 10 times a power of ten.
fn round_width(width: f64) -> f64 {
    if !width.is_finite() || width <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(width.log10().floor());
    [1.0, 2.5, 5.0].into_iter().map(|step| step * power).find(|step| *step >= width).unwrap_or(10.0 * power)
}
