//! Slugs of products and categories: unique in the project whatever the locale; one resource may have its own in several.

use serde_json::Value;

use super::super::error::ApiError;
use super::super::input::is_identifier;
use super::super::order::Id;
use super::super::state::{Kind, Object, State};
use super::super::table::Term;
use super::super::write::with_term;

/// Refuses slugs of the wrong form, and such as another resource of the kind has.
pub(in super::super) fn check(state: &State, kind: Kind, own: Option<Id>, slug: &Value) -> Result<(), ApiError> {
    let texts = slug.as_object().filter(|texts| !texts.is_empty()).ok_or_else(|| ApiError::field("slug", slug))?;
    if !texts.values().all(|text| text.as_str().is_some_and(is_identifier)) {
        return Err(ApiError::field("slug", slug));
    }
    check_unique(state, kind, own, slug)
}

/// Refuses a slug that another resource of the kind has. `own` is the resource's id when it is known.
pub(in super::super) fn check_unique(state: &State, kind: Kind, own: Option<Id>, slug: &Value) -> Result<(), ApiError> {
    let texts = slug.as_object().into_iter().flatten();
    for (locale, text) in texts.filter_map(|(locale, text)| Some((locale, text.as_str()?))) {
        let owners = with_term(state.table(kind), Term::Slug, text);
        if owners.into_iter().any(|id| Some(id) != own && has(state, kind, id, text)) {
            return Err(ApiError::duplicate(&format!("slug.{locale}"), text));
        }
    }
    Ok(())
}

/// Whether the resource has `slug` in any locale, a product on either side.
fn has(state: &State, kind: Kind, id: Id, slug: &str) -> bool {
    let Some(row) = state.table(kind).find(id) else { return false };
    let in_side = |side: &Object| {
        let texts = side.get("slug").and_then(Value::as_object);
        texts.is_some_and(|texts| texts.values().any(|text| text.as_str() == Some(slug)))
    };
    let staged = row.product.as_ref().and_then(|product| product.staged.as_ref());
    in_side(&State::members_of(&row.body)) || staged.is_some_and(|staged| in_side(&State::members_of(staged)))
}
