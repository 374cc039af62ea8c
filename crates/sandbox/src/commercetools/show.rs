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
    store: Option<StoreView>,
    attributes: Vec<String>,
}

/// What a store shows of products: `storeProjection`. An empty list shows all.
///
/// Which products it sells is not asked. Prices without a country, without a channel, and stock without a channel are always
/// shown. The description names what is filtered, and nothing of the cases where a list is empty: those are a guess.
#[derive(Debug)]
struct StoreView {
    languages: Vec<String>,
    countries: Vec<String>,
    /// Ids of the channels whose prices are shown.
    distribution: Vec<String>,
    /// Ids of the channels whose stock is shown.
    supply: Vec<String>,
}

/// One step of an expansion path: a member, and whether to go into each element of its list.
#[derive(Debug)]
struct Step {
    name: String,
    each: bool,
}

impl Show {
    /// Reads the parameters of a request for `kind`.
    pub(super) fn read(state: &State, parameters: &Parameters, view: View) -> Result<Self, ApiError> {
        let mut show =
            Self { expand: parameters.all("expand").map(path).collect::<Result<_, _>>()?, ..Self::default() };
        if view.kind() == Kind::Product {
            show.prices = Selection::read(parameters)?;
        }
        if let View::Projection { .. } = view {
            show.store = parameters.one("storeProjection").map(|key| StoreView::of(state, key)).transpose()?;
            show.locales = parameters.all("localeProjection").map(str::to_owned).collect();
            show.attributes = parameters.all("filter[attributes]").map(str::to_owned).collect();
        }
        Ok(show)
    }

    /// Whether resources are shown as they are kept.
    pub(super) fn nothing(&self) -> bool {
        self.expand.is_empty()
            && self.prices.is_none()
            && self.locales.is_empty()
            && self.store.is_none()
            && self.attributes.is_empty()
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
            // Before a price is selected among those that are shown.
            if let Some(store) = &self.store {
                store.keep(side);
            }
            if let Some(prices) = &self.prices {
                prices.fill(state, side, standalone, now);
            }
            if !self.attributes.is_empty() {
                self.keep_attributes(side);
            }
            for locales in
                [Some(&self.locales), self.store.as_ref().map(|store| &store.languages)].into_iter().flatten()
            {
                if !locales.is_empty() {
                    keep_locales(locales, side);
                }
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
}

impl StoreView {
    fn of(state: &State, key: &str) -> Result<Self, ApiError> {
        let row = state.table(Kind::Store).find_key(key);
        let row = row.ok_or_else(|| ApiError::malformed("storeProjection", format!("There is no store '{key}'.")))?;
        let store = State::members_of(&row.body);
        let texts = |list: &str, member: &str| -> Vec<String> {
            let values = store.get(list).and_then(Value::as_array).into_iter().flatten();
            values.filter_map(|value| value.pointer(member)?.as_str().map(str::to_owned)).collect()
        };
        Ok(Self {
            languages: texts("languages", ""),
            countries: texts("countries", "/code"),
            distribution: texts("distributionChannels", "/id"),
            supply: texts("supplyChannels", "/id"),
        })
    }

    fn keep(&self, side: &mut Object) {
        for variant in variants_mut(side) {
            if let Some(prices) = variant.get_mut("prices").and_then(Value::as_array_mut) {
                prices.retain(|price| {
                    let text = |pointer: &str| price.pointer(pointer).and_then(Value::as_str);
                    shows(&self.countries, text("/country")) && shows(&self.distribution, text("/channel/id"))
                });
            }
            let availability = variant.get_mut("availability").and_then(Value::as_object_mut);
            let channels = availability.and_then(|it| it.get_mut("channels")?.as_object_mut());
            if let Some(channels) = channels {
                channels.retain(|channel, _| shows(&self.supply, Some(channel)));
            }
        }
    }
}

/// A list shows what has no place of its own, and without an entry everything.
fn shows(list: &[String], place: Option<&str>) -> bool {
    list.is_empty() || place.is_none_or(|place| list.iter().any(|known| known == place))
}

fn keep_locales(locales: &[String], side: &mut Object) {
    for name in ["name", "slug", "description", "metaTitle", "metaDescription", "metaKeywords", "searchKeywords"] {
        if let Some(texts) = side.get_mut(name).and_then(Value::as_object_mut) {
            keep(locales, texts);
        }
    }
    let keep_attributes = |holder: &mut Object| {
        let attributes = holder.get_mut("attributes").and_then(Value::as_array_mut);
        for value in attributes.into_iter().flatten().filter_map(|attribute| attribute.get_mut("value")) {
            keep_in_value(locales, value);
        }
    };
    keep_attributes(side);
    variants_mut(side).for_each(keep_attributes);
}

/// Localised texts, labels of localised enums, and sets of them.
fn keep_in_value(locales: &[String], value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| keep_in_value(locales, value)),
        // References and money.
        Value::Object(object) if object.contains_key("typeId") || object.contains_key("currencyCode") => {}
        Value::Object(object) if object.contains_key("key") => {
            if let Some(Value::Object(label)) = object.get_mut("label") {
                keep(locales, label);
            }
        }
        // An attribute of a nested value.
        Value::Object(object) if object.contains_key("name") => {
            if let Some(inner) = object.get_mut("value") {
                keep_in_value(locales, inner);
            }
        }
        Value::Object(texts) => keep(locales, texts),
        _ => {}
    }
}

fn keep(locales: &[String], texts: &mut Object) {
    texts.retain(|locale, _| locales.iter().any(|wanted| wanted == locale));
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
