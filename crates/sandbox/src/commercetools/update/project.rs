//! Update actions of the project.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::input::{
    is_country, is_currency, is_locale, need, need_flag, need_text, number_in, object, texts, wrong,
};
use super::super::state::{Kind, Object, Project, State};
use super::unknown;

/// Applies `actions` to the project when its version is `expected`.
pub(in super::super) fn update(state: &mut State, expected: Option<u64>, actions: &[Value]) -> Result<(), ApiError> {
    let mut project = state.project.clone();
    if let Some(expected) = expected
        && expected != u64::from(project.version)
    {
        return Err(ApiError::conflict(&project.key, expected, project.version));
    }
    for action in actions {
        let action = object(action, "actions")?;
        match need_text(action, "action")? {
            "changeMessagesConfiguration" => {
                messages(&mut project, object(need(action, "messagesConfiguration")?, "messagesConfiguration")?)?;
            }
            "changeMessagesEnabled" => {
                project.messages_enabled = need_flag(action, "messagesEnabled")?;
            }
            "changeLanguages" => {
                project.languages = codes(action, "languages", is_locale)?;
                check_languages(state, &project.languages)?;
            }
            "changeCurrencies" => project.currencies = codes(action, "currencies", is_currency)?,
            "changeCountries" => project.countries = codes(action, "countries", is_country)?,
            name => return Err(unknown(name)),
        }
    }
    project.version += 1;
    state.project = project;
    Ok(())
}

fn messages(project: &mut Project, configuration: &Object) -> Result<(), ApiError> {
    project.messages_enabled = need_flag(configuration, "enabled")?;
    if let Some(days) = number_in(configuration, "deleteDaysAfterCreation", 1..=90)? {
        project.messages_days = u32::try_from(days).unwrap_or(90);
    }
    Ok(())
}

/// The codes of a list, which can't be empty.
fn codes(action: &Object, name: &str, fits: fn(&str) -> bool) -> Result<Vec<String>, ApiError> {
    need(action, name)?;
    let codes = texts(action, name)?;
    if codes.is_empty() {
        return Err(ApiError::operation(format!("'{name}' can't be empty.")));
    }
    match codes.iter().find(|code| !fits(code)) {
        Some(code) => Err(wrong(name, &format!("codes, of which '{code}' is none"))),
        None => Ok(codes.into_iter().map(str::to_owned).collect()),
    }
}

/// Refuses to take away a language that a store uses.
fn check_languages(state: &State, languages: &[String]) -> Result<(), ApiError> {
    let table = state.table(Kind::Store);
    let used = table.slots().filter_map(|slot| table.row(slot)).any(|row| {
        let members = State::members_of(&row.body);
        let used = members.get("languages").and_then(Value::as_array);
        used.into_iter().flatten().any(|used| !languages.iter().any(|language| *used == json!(language)))
    });
    if used {
        return Err(ApiError::new(
            400,
            "LanguageUsedInStores",
            "Language(s) in use by a store cannot be deleted. Remove them in all the stores of this project first.",
        ));
    }
    Ok(())
}
