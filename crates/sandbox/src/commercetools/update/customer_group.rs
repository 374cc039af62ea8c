//! Update actions of customer groups.

use serde_json::json;

use super::super::draft::check_group_name;
use super::super::error::ApiError;
use super::super::input::{key, need_text};
use super::super::state::Object;
use super::super::write::{Edit, Writer};
use super::{set_key, unknown};

pub(super) fn apply(writer: &Writer<'_>, edit: &mut Edit, name: &str, action: &Object) -> Result<(), ApiError> {
    match name {
        "changeName" => {
            let new = need_text(action, "name")?;
            check_group_name(writer.state, Some(edit.id), new)?;
            edit.set("name", Some(&json!(new)));
        }
        "setKey" => set_key(writer, edit, key(action)?)?,
        _ => return Err(unknown(name)),
    }
    Ok(())
}
