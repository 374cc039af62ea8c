//! What is referenced can't be deleted.

use serde_json::Value;

use super::super::error::ApiError;
use super::super::order::Id;
use super::super::state::{Kind, State};

/// Kinds that may reference a kind so that it can't be deleted.
fn referrers(kind: Kind) -> &'static [Kind] {
    match kind {
        Kind::Channel => &[Kind::Store, Kind::InventoryEntry, Kind::StandalonePrice, Kind::Product],
        Kind::CustomerGroup => &[Kind::StandalonePrice, Kind::Product, Kind::Customer],
        Kind::ProductSelection => &[Kind::Store],
        _ => &[],
    }
}

/// Refuses to delete a resource that another one references.
pub(in super::super) fn check(state: &State, kind: Kind, id: Id) -> Result<(), ApiError> {
    let wanted = id.to_string();
    let by_variant = (kind == Kind::Product && state.variants_of(id).next().is_some()).then_some(&Kind::Variant);
    let Some(by) = by_variant.or_else(|| referrers(kind).iter().find(|by| any_references(state, **by, kind, &wanted)))
    else {
        return Ok(());
    };
    let message =
        format!("Can not delete a {} while it is referenced by at least one {}.", kind.type_id(), by.type_id());
    Err(ApiError::new(400, "ReferenceExists", message).with("referencedBy", by.type_id()))
}

/// Whether any row of kind `by` has a reference to the resource. Rows that don't contain its id are not parsed.
fn any_references(state: &State, by: Kind, kind: Kind, id: &str) -> bool {
    let table = state.table(by);
    let mut text = Vec::new();
    table.slots().filter_map(|slot| table.row(slot)).any(|row| {
        let staged = row.product.as_ref().and_then(|product| product.staged.as_ref());
        std::iter::once(&row.body).chain(staged).any(|body| {
            text.clear();
            body.write(&mut text);
            contains(&text, id.as_bytes()) && State::members_of(body).values().any(|value| references(value, kind, id))
        })
    })
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|window| window == wanted)
}

fn references(value: &Value, kind: Kind, id: &str) -> bool {
    match value {
        Value::Array(values) => values.iter().any(|value| references(value, kind, id)),
        Value::Object(members) => {
            let is = |name: &str, wanted: &str| members.get(name).and_then(Value::as_str) == Some(wanted);
            is("typeId", kind.type_id()) && is("id", id) || members.values().any(|value| references(value, kind, id))
        }
        _ => false,
    }
}
