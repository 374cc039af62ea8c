//! Update actions of the project.

use serde_json::Value;

use super::super::draft::{list, need, need_text, object, wrong};
use super::super::error::ApiError;
use super::super::state::{Object, Project};
use super::unknown;

/// Applies `actions` to the project when its version is `expected`.
pub(in super::super) fn update(
    project: &mut Project,
    expected: Option<u64>,
    actions: &[Value],
) -> Result<(), ApiError> {
    if let Some(expected) = expected
        && expected != u64::from(project.version)
    {
        return Err(ApiError::conflict(&project.key, expected, project.version));
    }
    for action in actions {
        let action = object(action, "actions")?;
        match need_text(action, "action")? {
            "changeMessagesConfiguration" => {
                messages(project, object(need(action, "messagesConfiguration")?, "messagesConfiguration")?)?;
            }
            "changeMessagesEnabled" => {
                project.messages_enabled = flag(action, "messagesEnabled")?;
            }
            "changeLanguages" => project.languages = texts(action, "languages"),
            "changeCurrencies" => project.currencies = texts(action, "currencies"),
            "changeCountries" => project.countries = texts(action, "countries"),
            name => return Err(unknown(name)),
        }
    }
    project.version += 1;
    Ok(())
}

fn messages(project: &mut Project, configuration: &Object) -> Result<(), ApiError> {
    let enabled = flag(configuration, "enabled")?;
    let days = match configuration.get("deleteDaysAfterCreation") {
        None => project.messages_days,
        Some(days) => days
            .as_u64()
            .and_then(|days| u32::try_from(days).ok())
            .filter(|days| (1..=90).contains(days))
            .ok_or_else(|| ApiError::invalid("deleteDaysAfterCreation must be from 1 to 90."))?,
    };
    project.messages_enabled = enabled;
    project.messages_days = days;
    Ok(())
}

fn flag(object: &Object, name: &str) -> Result<bool, ApiError> {
    need(object, name)?.as_bool().ok_or_else(|| wrong(name, "true or false"))
}

fn texts(action: &Object, name: &str) -> Vec<String> {
    list(action, name).filter_map(Value::as_str).map(str::to_owned).collect()
}
