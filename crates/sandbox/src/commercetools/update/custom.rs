//! Update actions of custom fields, which customers and orders have alike.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::input::{given, need_text};
use super::super::rules::custom;
use super::super::state::{Object, State};
use super::super::write::Edit;

/// Messages of an action: a type was set or removed, a field was added, changed or removed.
pub(super) struct Told {
    pub(super) type_set: &'static str,
    pub(super) type_removed: &'static str,
    pub(super) added: &'static str,
    pub(super) changed: &'static str,
    pub(super) removed: &'static str,
}

/// `setCustomType` of a resource of this type.
pub(super) fn set_type(state: &State, edit: &mut Edit, action: &Object, of: &str, told: &Told) -> Result<(), ApiError> {
    let before = edit.members.get("custom").and_then(|custom| custom.pointer("/type/id").cloned());
    let Some(identifier) = given(action, "type") else {
        edit.set("custom", None);
        edit.message(told.type_removed, json!({ "previousTypeId": before }));
        return Ok(());
    };
    let custom = custom::typed(state, identifier, given(action, "fields"), of)?;
    edit.set("custom", Some(&custom));
    edit.message(told.type_set, json!({ "customFields": custom, "previousTypeId": before }));
    Ok(())
}

/// `setCustomField` of a resource of this type.
pub(super) fn set_field(
    state: &State,
    edit: &mut Edit,
    action: &Object,
    of: &str,
    told: &Told,
) -> Result<(), ApiError> {
    let name = need_text(action, "name")?;
    let custom = edit.members.get_mut("custom").and_then(Value::as_object_mut);
    let custom = custom.ok_or_else(|| ApiError::operation("The resource has no custom type."))?;
    let of_type = custom.get("type").cloned().unwrap_or_default();
    let value = given(action, "value");
    if let Some(value) = value {
        custom::check(state, &of_type, of, name, value)?;
    }
    let Some(fields) = custom.get_mut("fields").and_then(Value::as_object_mut) else { return Ok(()) };
    let before = match value {
        Some(value) => fields.insert(name.to_owned(), value.clone()),
        None => fields.remove(name),
    };
    match (value, before) {
        (Some(value), None) => edit.message(told.added, json!({ "name": name, "value": value })),
        (Some(value), Some(before)) => {
            edit.message(told.changed, json!({ "name": name, "value": value, "previousValue": before }));
        }
        (None, Some(_)) => edit.message(told.removed, json!({ "name": name })),
        (None, None) => {}
    }
    Ok(())
}
