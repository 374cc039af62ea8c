//! Custom fields: a type of the resource, fields that it defines, values that fit.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::input::{given, need, object, resolve};
use super::super::state::{Kind, Object, State};
use super::super::time;

/// The `custom` of a body as kept, for a resource of this type.
pub(in super::super) fn custom(state: &State, body: &Object, of: &str) -> Result<Option<Value>, ApiError> {
    let Some(custom) = given(body, "custom") else { return Ok(None) };
    let custom = object(custom, "custom")?;
    typed(state, need(custom, "type")?, given(custom, "fields"), of).map(Some)
}

/// Custom fields of a type that is named.
pub(in super::super) fn typed(
    state: &State,
    identifier: &Value,
    fields: Option<&Value>,
    of: &str,
) -> Result<Value, ApiError> {
    let reference = resolve(state, Kind::Type, identifier)?;
    let fields = fields.map_or(Ok(Object::new()), |fields| object(fields, "fields").cloned())?;
    for (name, value) in &fields {
        check(state, &reference, of, name, value)?;
    }
    Ok(json!({ "type": reference, "fields": fields }))
}

/// Refuses a field that the type does not define, or a value that does not fit it.
pub(in super::super) fn check(
    state: &State,
    of_type: &Value,
    of: &str,
    name: &str,
    value: &Value,
) -> Result<(), ApiError> {
    let row = state.identified(Kind::Type, of_type).ok_or_else(|| ApiError::required("type"))?;
    let members = State::members_of(&row.body);
    let list = |name: &str| members.get(name).and_then(Value::as_array).into_iter().flatten();
    if !list("resourceTypeIds").any(|id| id == of) {
        return Err(ApiError::operation(format!("The type is not one of the resource '{of}'.")));
    }
    let definition = list("fieldDefinitions").find(|field| field.get("name").and_then(Value::as_str) == Some(name));
    let definition = definition.ok_or_else(|| ApiError::field(name, value))?;
    let text = value.as_str();
    let fits = match definition.pointer("/type/name").and_then(Value::as_str) {
        Some("Boolean") => value.is_boolean(),
        Some("DateTime") => text.is_some_and(|text| time::milliseconds(text).is_some()),
        Some("Enum") => {
            let values = definition.pointer("/type/values").and_then(Value::as_array).into_iter().flatten();
            text.is_some_and(|text| values.filter_map(|it| it.get("key")?.as_str()).any(|key| key == text))
        }
        _ => value.is_string(),
    };
    if fits { Ok(()) } else { Err(ApiError::field(name, value)) }
}
