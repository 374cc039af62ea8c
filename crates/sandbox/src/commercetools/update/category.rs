//! Update actions of categories. None of them touches the products in a category.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::input::{key, localized, need, need_localized, resolve, text};
use super::super::rules::{product::check_order_hint, slug};
use super::super::state::{Effect, Kind, Object};
use super::super::write::{Edit, Writer};
use super::{set_key, unknown};

pub(super) fn apply(writer: &Writer<'_>, edit: &mut Edit, name: &str, action: &Object) -> Result<(), ApiError> {
    match name {
        "changeName" => edit.set("name", Some(need_localized(action, "name")?)),
        "changeSlug" => {
            let old = edit.members.get("slug").cloned();
            let slug = need_localized(action, "slug")?;
            slug::check(writer.state, Kind::Category, Some(edit.id), slug)?;
            edit.set("slug", Some(slug));
            edit.message("CategorySlugChanged", json!({ "slug": slug, "oldSlug": old }));
        }
        "changeOrderHint" => {
            let hint = need(action, "orderHint")?;
            check_order_hint(hint)?;
            edit.set("orderHint", Some(hint));
        }
        "changeParent" => change_parent(writer, edit, action)?,
        "setKey" => set_key(writer, edit, key(action)?)?,
        "setExternalId" => edit.set("externalId", text(action, "externalId")?.map(|id| json!(id)).as_ref()),
        "setDescription" => edit.set("description", localized(action, "description")?),
        "setMetaTitle" => edit.set("metaTitle", localized(action, "metaTitle")?),
        "setMetaDescription" => edit.set("metaDescription", localized(action, "metaDescription")?),
        "setMetaKeywords" => edit.set("metaKeywords", localized(action, "metaKeywords")?),
        _ => return Err(unknown(name)),
    }
    Ok(())
}

fn change_parent(writer: &Writer<'_>, edit: &mut Edit, action: &Object) -> Result<(), ApiError> {
    let parent = resolve(writer.state, Kind::Category, need(action, "parent")?)?;
    let ancestors = writer.ancestors(Some(&parent));
    let own = edit.id.to_string();
    let below_itself = ancestors
        .as_array()
        .into_iter()
        .flatten()
        .any(|ancestor| ancestor.get("id").and_then(Value::as_str) == Some(&own));
    if below_itself {
        return Err(ApiError::operation("A category can't be moved below itself."));
    }
    edit.set("parent", Some(&parent));
    edit.set("ancestors", Some(&ancestors));
    edit.effects.push(Effect::Ancestors(edit.id));
    Ok(())
}
