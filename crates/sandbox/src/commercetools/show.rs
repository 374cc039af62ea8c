//! Transformations of a resource that a request asks for: expansion, price selection, locale projection and attribute
//! filters.

use serde_json::Value;

use super::error::ApiError;
use super::order::Id;
use super::price::Selection;
use super::query::Parameters;
use super::state::{Kind, Object, State, View, variants_mut};

/// Expansion goes at most this deep.
const DEEPEST: usize = 8;

/// Transformations of shown resources.
#[derive(Debug, Default)]
pub(super) struct Show {
    expand: Vec<Vec<Step>>,
    prices: Option<Selection>,
    locales: Vec<String>,
    attributes: Vec<String>,
}

/// One step of an expansion path: a member, and whether to go into each element of its list.
#[derive(Debug)]
struct Step {
    name: String,
    each: bool,
}

impl Show {
    /// Reads the parameters of a request for `kind`.
    pub(super) fn read(parameters: &Parameters, view: View) -> Result<Self, ApiError> {
        let mut show =
            Self { expand: parameters.all("expand").map(path).collect::<Result<_, _>>()?, ..Self::default() };
        if view.kind() == Kind::Product {
            show.prices = Selection::read(parameters)?;
        }
        if let View::Projection { .. } = view {
            // Ignored, it would show all languages and prices as if they were the store's.
            if parameters.one("storeProjection").is_some() {
                return Err(ApiError::malformed("storeProjection", "This server does not project by store."));
            }
            show.locales = parameters.all("localeProjection").map(str::to_owned).collect();
            show.attributes = parameters.all("filter[attributes]").map(str::to_owned).collect();
        }
        Ok(show)
    }

    /// Whether resources are shown as they are kept.
    pub(super) fn nothing(&self) -> bool {
        self.expand.is_empty() && self.prices.is_none() && self.locales.is_empty() && self.attributes.is_empty()
    }

    /// Changes a resource as asked.
    pub(super) fn apply(&self, state: &State, value: &mut Value, now: i64) {
        if let Some(object) = value.as_object_mut() {
            self.apply_to_product(state, object, now);
        }
        for path in &self.expand {
            expand(state, value, path, 0);
        }
    }

    fn apply_to_product(&self, state: &State, object: &mut Object, now: i64) {
        let standalone = object.get("priceMode").and_then(Value::as_str) == Some("Standalone");
        let change = |side: &mut Object| {
            if let Some(prices) = &self.prices {
                prices.fill(state, side, standalone, now);
            }
            if !self.attributes.is_empty() {
                self.keep_attributes(side);
            }
            if !self.locales.is_empty() {
                self.keep_locales(side);
            }
        };
        match object.get_mut("masterData").and_then(Value::as_object_mut) {
            Some(data) => {
                for name in ["current", "staged"] {
                    if let Some(side) = data.get_mut(name).and_then(Value::as_object_mut) {
                        change(side);
                    }
                }
            }
            None => change(object),
        }
    }

    fn keep_attributes(&self, side: &mut Object) {
        let (hidden, shown): (Vec<&str>, Vec<&str>) =
            self.attributes.iter().map(String::as_str).partition(|name| name.starts_with('-'));
        let keep = |holder: &mut Object| {
            if let Some(attributes) = holder.get_mut("attributes").and_then(Value::as_array_mut) {
                attributes.retain(|attribute| {
                    let name = attribute.get("name").and_then(Value::as_str).unwrap_or_default();
                    (shown.is_empty() || shown.contains(&name))
                        && !hidden.iter().any(|hidden| hidden.strip_prefix('-') == Some(name))
                });
            }
        };
        keep(side);
        variants_mut(side).for_each(keep);
    }

    fn keep_locales(&self, side: &mut Object) {
        for name in ["name", "slug", "description", "metaTitle", "metaDescription", "metaKeywords", "searchKeywords"] {
            if let Some(texts) = side.get_mut(name).and_then(Value::as_object_mut) {
                self.keep(texts);
            }
        }
        let keep = |holder: &mut Object| {
            let attributes = holder.get_mut("attributes").and_then(Value::as_array_mut);
            for value in attributes.into_iter().flatten().filter_map(|attribute| attribute.get_mut("value")) {
                self.keep_in_value(value);
            }
        };
        keep(side);
        variants_mut(side).for_each(keep);
    }

    /// Localised texts, labels of localised enums, and sets of them.
    fn keep_in_value(&self, value: &mut Value) {
        match value {
            Value::Array(values) => values.iter_mut().for_each(|value| self.keep_in_value(value)),
            // References and money.
            Value::Object(object) if object.contains_key("typeId") || object.contains_key("currencyCode") => {}
            Value::Object(object) if object.contains_key("key") => {
                if let Some(Value::Object(label)) = object.get_mut("label") {
                    self.keep(label);
                }
            }
            // An attribute of a nested value.
            Value::Object(object) if object.contains_key("name") => {
                if let Some(inner) = object.get_mut("value") {
                    self.keep_in_value(inner);
                }
            }
            Value::Object(texts) => self.keep(texts),
            _ => {}
        }
    }

    fn keep(&self, texts: &mut Object) {
        texts.retain(|locale, _| self.locales.iter().any(|wanted| wanted == locale));
    }
}

fn path(text: &str) -> Result<Vec<Step>, ApiError> {
    let steps: Vec<Step> = text
        .split('.')
        .map(|step| match step.strip_suffix("[*]") {
            Some(name) => Step { name: name.to_owned(), each: true },
            None => Step { name: step.to_owned(), each: false },
        })
        .collect();
    let name_fits = |name: &str| {
        !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-'))
    };
    if steps.len() > DEEPEST || !steps.iter().all(|step| name_fits(&step.name)) {
        return Err(ApiError::malformed("expand", format!("'{text}' is not an expansion path.")));
    }
    Ok(steps)
}

/// Puts the objects that references along `path` name into their `obj`.
fn expand(state: &State, value: &mut Value, path: &[Step], depth: usize) {
    let Some((step, rest)) = path.split_first() else { return };
    let holder = match value.get_mut("obj") {
        Some(expanded) => expanded,
        None => value,
    };
    let Some(member) = holder.get_mut(&step.name) else { return };
    let targets = match member {
        Value::Array(elements) if step.each => elements.as_mut_slice(),
        Value::Array(_) => return,
        other => std::slice::from_mut(other),
    };
    for target in targets {
        fill(state, target);
        if depth < DEEPEST {
            expand(state, target, rest, depth + 1);
        }
    }
}

/// Adds `obj` to a reference whose resource is here.
fn fill(state: &State, reference: &mut Value) {
    let Some(members) = reference.as_object_mut() else { return };
    if members.contains_key("obj") {
        return;
    }
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let Some(kind) = text("typeId").and_then(Kind::of_type_id) else { return };
    let row = match (text("id"), text("key")) {
        (Some(id), _) => Id::parse(id).and_then(|id| state.table(kind).find(id)),
        (None, Some(key)) => state.table(kind).find_key(key),
        (None, None) => None,
    };
    if let Some(row) = row {
        members.insert("obj".to_owned(), state.value(row, View::Resource(kind)));
    }
}
