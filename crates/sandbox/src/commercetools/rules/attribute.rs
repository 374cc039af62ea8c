//! Attributes: what a product type defines decides on which level one stands and which values it takes.

use jiff::civil::{Date, Time};
use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::input::{need, need_text, object, resolve};
use super::super::state::{Kind, Object, State};
use super::super::time;
use super::money::money;

/// Where an attribute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Level {
    Product,
    Variant,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Product => "Product",
            Self::Variant => "Variant",
        }
    }
}

/// The definitions of a product type.
struct Definitions(Vec<Value>);

impl Definitions {
    /// Of the product type that a reference names.
    fn of(state: &State, product_type: Option<&Value>) -> Self {
        let row = product_type.and_then(|kind| state.identified(Kind::ProductType, kind));
        let members = row.map(|row| State::members_of(&row.body)).unwrap_or_default();
        Self(members.get("attributes").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    fn named(&self, name: &str) -> Result<&Value, ApiError> {
        let text = |known: &Value| known.get("name").and_then(Value::as_str) == Some(name);
        self.0.iter().find(|known| text(known)).ok_or_else(|| {
            let message = format!("Attribute definition for '{name}' does not exist on the product type.");
            ApiError::new(400, "AttributeNameDoesNotExist", message).with("invalidAttributeName", name)
        })
    }
}

/// The attributes of a draft as kept.
pub(in super::super) fn attributes(
    state: &State,
    fixed: &Object,
    level: Level,
    given: &[Value],
) -> Result<Vec<Value>, ApiError> {
    let definitions = Definitions::of(state, fixed.get("productType"));
    let kept = given.iter().map(|given| {
        let given = object(given, "attributes")?;
        let (name, given) = (need_text(given, "name")?, need(given, "value")?);
        let value = at_level(state, &definitions, level, name, given)?;
        Ok(json!({ "name": name, "value": value }))
    });
    kept.collect()
}

/// The value of one attribute as kept.
pub(in super::super) fn value(
    state: &State,
    fixed: &Object,
    level: Level,
    name: &str,
    given: &Value,
) -> Result<Value, ApiError> {
    at_level(state, &Definitions::of(state, fixed.get("productType")), level, name, given)
}

/// Refuses an attribute that isn't defined, or is for the other level.
pub(in super::super) fn check_level(state: &State, fixed: &Object, level: Level, name: &str) -> Result<(), ApiError> {
    on_level(Definitions::of(state, fixed.get("productType")).named(name)?, level, name)
}

fn at_level(
    state: &State,
    definitions: &Definitions,
    level: Level,
    name: &str,
    given: &Value,
) -> Result<Value, ApiError> {
    let definition = definitions.named(name)?;
    on_level(definition, level, name)?;
    kept(state, definition.get("type").unwrap_or(&Value::Null), name, given)
}

fn on_level(definition: &Value, level: Level, name: &str) -> Result<(), ApiError> {
    match definition.get("level").and_then(Value::as_str) {
        Some(defined) if defined != level.name() => Err(ApiError::operation(format!(
            "The attribute '{name}' is defined on level '{defined}' and can't be set on level '{}'.",
            level.name()
        ))),
        _ => Ok(()),
    }
}

/// A value of a type as kept: enum keys become key and label, money is typed, instants have the platform's form.
fn kept(state: &State, kind: &Value, name: &str, given: &Value) -> Result<Value, ApiError> {
    let invalid = || ApiError::field(name, given);
    let given_if = |fits: bool| if fits { Ok(given.clone()) } else { Err(invalid()) };
    let parsed = |text: Option<String>| text.map(Value::String).ok_or_else(invalid);
    match kind.get("name").and_then(Value::as_str).unwrap_or_default() {
        "boolean" => given_if(given.is_boolean()),
        "text" => given_if(given.is_string()),
        "number" => given_if(given.is_number()),
        "ltext" => given_if(given.as_object().is_some_and(|texts| texts.values().all(Value::is_string))),
        "date" => parsed(given.as_str().and_then(|text| text.parse::<Date>().ok()).map(|date| date.to_string())),
        "time" => parsed(given.as_str().and_then(|text| text.parse::<Time>().ok()).map(|time| format!("{time:.3}"))),
        "datetime" => parsed(given.as_str().and_then(time::milliseconds).map(time::print)),
        "money" => money(given).map_err(|_| invalid()),
        "enum" | "lenum" => enum_value(kind, name, given),
        "reference" => {
            let fits = given.is_object() && given.get("typeId") == kind.get("referenceTypeId");
            match kind.get("referenceTypeId").and_then(Value::as_str).and_then(Kind::of_type_id) {
                Some(target) if fits => resolve(state, target, given),
                _ => Err(invalid()),
            }
        }
        "nested" => {
            let attributes = given.as_array().ok_or_else(invalid)?;
            let definitions = Definitions::of(state, kind.get("typeReference"));
            let values = attributes.iter().map(|attribute| {
                let attribute = attribute.as_object().ok_or_else(invalid)?;
                let (inner, value) = (need_text(attribute, "name")?, need(attribute, "value")?);
                let kind = definitions.named(inner)?.get("type").unwrap_or(&Value::Null);
                Ok(json!({ "name": inner, "value": kept(state, kind, inner, value)? }))
            });
            values.collect::<Result<Vec<_>, ApiError>>().map(Value::Array)
        }
        "set" => {
            let element = kind.get("elementType").unwrap_or(&Value::Null);
            let values = given.as_array().ok_or_else(invalid)?;
            values.iter().map(|value| kept(state, element, name, value)).collect::<Result<_, _>>().map(Value::Array)
        }
        _ => Err(invalid()),
    }
}

fn enum_value(kind: &Value, name: &str, given: &Value) -> Result<Value, ApiError> {
    let key = given.as_str().or_else(|| given.get("key").and_then(Value::as_str));
    let known = kind.get("values").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let key_of = |value: &Value| value.get("key").cloned().unwrap_or_default();
    known.iter().find(|value| value.get("key").and_then(Value::as_str) == key && key.is_some()).cloned().ok_or_else(
        || {
            let allowed: Vec<Value> = known.iter().map(key_of).collect();
            ApiError::field(name, given).with("allowedValues", allowed)
        },
    )
}
