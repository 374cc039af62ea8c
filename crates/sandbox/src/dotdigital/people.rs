//! The calls about contacts: single ones, imports, deletions; and the data fields and lists of version 2.

use serde_json::{Map, Value, json};

use super::contact::{Contacts, DataType, Failure, Mode};
use super::error::Refusal;
use super::import::Ending;
use super::insight::{Answer, Call};
use super::{Settings, State};

/// Imports of contacts that an account may have under way.
const AT_ONCE: usize = 25;
/// Contacts per deletion.
const MOST_DELETED: usize = 5_000;
/// Lists per page.
const MOST_LISTS: usize = 1_000;

/// An import of contacts.
#[derive(Debug)]
pub(super) struct ContactImport {
    pub(super) id: String,
    at: i64,
    ending: Ending,
    contacts: Vec<Map<String, Value>>,
    /// The last answer, once it is over.
    report: Option<Value>,
}

/// Whether a refused contact is created or changed nonetheless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Nothing of it is kept.
    Whole,
    /// The contact is; what is attached to it is not.
    InPart,
}

fn refusal((code, words): Failure) -> Refusal {
    let status = if matches!(code, "idAlreadyExists" | "duplicateIdentifier") { 409 } else { 400 };
    let code = if code == "duplicateIdentifier" { "idAlreadyExists" } else { code };
    Refusal::contacts(status, code, words)
}

fn not_found(identifier: &str, value: &str) -> Refusal {
    let detail = format!("Not found using the identifier '{identifier}'");
    Refusal::contacts(404, "contactNotFound", "The contact could not be found").about(value, &detail)
}

impl Call<'_> {
    fn contact_body(&self) -> Result<Map<String, Value>, Refusal> {
        serde_json::from_slice(self.body)
            .map_err(|_| Refusal::contacts(400, "badJson", "The request JSON is badly formed"))
    }

    pub(super) fn create_contact(&self, state: &mut State) -> Answer {
        let body = self.contact_body()?;
        let email = body.get("identifiers").and_then(|it| it.get("email")).and_then(Value::as_str);
        let required = || Refusal::contacts(400, "badRequest", "The Identifiers field is required");
        let target = state.contacts.find("email", email.ok_or_else(required)?).map_err(refusal)?;
        let written = state.contacts.write(self.settings, &body, (target, Mode::Create, false), self.now);
        let written = written.map_err(refusal)?;
        Ok((201, told(&state.contacts, written.id)))
    }

    pub(super) fn contact(&self, state: &mut State, method: &str, identifier: &str, value: &str) -> Answer {
        let target = state.contacts.find(identifier, value).map_err(refusal)?;
        match method {
            "GET" => target.map(|id| (200, told(&state.contacts, id))).ok_or_else(|| not_found(identifier, value)),
            "DELETE" => {
                let id = target.ok_or_else(|| not_found(identifier, value))?;
                state.forget_contact(id);
                Ok((200, Some(json!({ "contactId": id }))))
            }
            "PATCH" => self.patch(state, (identifier, value), target),
            _ => Err(Refusal::contacts(405, "methodNotAllowed", "The method is not allowed here")),
        }
    }

    fn patch(&self, state: &mut State, (identifier, value): (&str, &str), target: Option<u64>) -> Answer {
        let merge = self.query.get("merge-option").map_or("overwrite", String::as_str);
        if merge != "overwrite" {
            return Err(Refusal::contacts(400, "badRequest", "This emulator knows the merge-option overwrite alone"));
        }
        let mut body = self.contact_body()?;
        if target.is_none() {
            if identifier == "contactId" {
                return Err(not_found(identifier, value));
            }
            // The value in the path is the contact's, unless the body says another.
            let identifiers = body.entry("identifiers").or_insert_with(|| json!({}));
            if let Some(identifiers) = identifiers.as_object_mut() {
                identifiers.entry(identifier).or_insert_with(|| value.into());
            }
        }
        let written = state.contacts.write(self.settings, &body, (target, Mode::Upsert, false), self.now);
        let written = written.map_err(refusal)?;
        Ok((if written.is_new { 201 } else { 200 }, told(&state.contacts, written.id)))
    }

    pub(super) fn import_contacts(&self, state: &mut State) -> Answer {
        let mut body = self.contact_body()?;
        let bad = |words: &str| Refusal::contacts(400, "badRequest", words);
        match body.remove("mergeOption").as_ref().and_then(Value::as_str) {
            Some("overwrite") => {}
            _ => return Err(bad("The MergeOption field is required, and this emulator knows overwrite alone")),
        }
        let contacts = match body.remove("contacts") {
            Some(Value::Array(contacts)) if !contacts.is_empty() => contacts,
            _ => return Err(bad("The Contacts field is required")),
        };
        if !body.is_empty() {
            return Err(bad("There are fields that are not known"));
        }
        let as_contact = |contact: Value| match contact {
            Value::Object(contact) if !contact.contains_key("identifiers") => {
                Err(bad("The Identifiers field is required"))
            }
            Value::Object(contact) if contact.get("matchIdentifier").and_then(Value::as_str) == Some("email") => {
                Ok(contact)
            }
            _ => Err(bad("The MatchIdentifier field is required, and this emulator knows email alone")),
        };
        let contacts = contacts.into_iter().map(as_contact).collect::<Result<Vec<_>, _>>()?;
        if state.contact_imports.iter().filter(|import| import.report.is_none()).count() >= AT_ONCE {
            return Err(Refusal::contacts(429, "tooManyActiveImports", "The account has too many active imports"));
        }
        let (id, ending) = (state.guid(), state.imports.ending);
        state.contact_imports.push(ContactImport { id: id.clone(), at: self.now, ending, contacts, report: None });
        Ok((202, Some(json!({ "importId": id }))))
    }

    pub(super) fn contact_import(state: &State, id: &str) -> Answer {
        let Some(import) = state.contact_imports.iter().find(|import| import.id == id) else {
            let words = format!("The import request '{id}' could not be found!");
            return Err(Refusal::contacts(404, "importNotFound", words));
        };
        let goes_on = || json!({ "importId": id, "status": "NotFinished" });
        Ok((200, Some(import.report.clone().unwrap_or_else(goes_on))))
    }

    pub(super) fn delete_contacts(&self, state: &mut State) -> Answer {
        let none = || Refusal::contacts(400, "noContactsSpecified", "You must specify the contacts to be deleted");
        let named: Vec<Map<String, Value>> = serde_json::from_slice(self.body).map_err(|_| none())?;
        if !(1..=MOST_DELETED).contains(&named.len()) || named.iter().any(|one| one.len() != 1) {
            return Err(none());
        }
        let (mut deleted, mut unknown, mut invalid) = (0, 0, 0);
        for (identifier, value) in named.iter().flatten() {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            match state.contacts.find(identifier, &value) {
                Ok(Some(id)) => {
                    state.forget_contact(id);
                    deleted += 1;
                }
                Ok(None) => unknown += 1,
                Err(_) => invalid += 1,
            }
        }
        let id = state.guid();
        let summary = json!({
            "requestedContacts": named.len(), "deletedContacts": deleted, "unknownContacts": unknown,
            "invalidEntries": invalid,
        });
        let told = json!({ "deleteId": id, "status": "Finished", "summary": summary });
        state.deletions.insert(id.clone(), told);
        Ok((202, Some(json!({ "deleteId": id }))))
    }

    pub(super) fn deletion(state: &State, id: &str) -> Answer {
        let told = state.deletions.get(id).cloned();
        told.map(|told| (200, Some(told)))
            .ok_or_else(|| Refusal::contacts(404, "deleteNotFound", "The deletion could not be found"))
    }

    // ── version 2 ───────────────────────────────────────────────────────────────────────────────────────────────────

    pub(super) fn data_fields(state: &State) -> (u16, Option<Value>) {
        let told = |(name, of): (&String, &DataType)| json!({ "name": name, "type": of.name(), "visibility": "Public", "defaultValue": null });
        (200, Some(state.contacts.fields.iter().map(told).collect()))
    }

    pub(super) fn create_data_field(&self, state: &mut State) -> Answer {
        let body: Value = serde_json::from_slice(self.body)
            .map_err(|_| Refusal::v2("The request is invalid. ERROR_INVALID_REQUEST"))?;
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let name = text("name").to_uppercase();
        let is_name = (1..=20).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        let of = DataType::ALL.into_iter().find(|of| of.name() == text("type"));
        let (Some(of), true, true) = (of, is_name, matches!(text("visibility"), "Private" | "Public")) else {
            return Err(Refusal::v2("The data field is invalid. ERROR_INVALID_DATAFIELD"));
        };
        if state.contacts.fields.contains_key(&name) {
            return Err(Refusal::v2("Field already exists. ERROR_NON_UNIQUE_DATAFIELD"));
        }
        state.contacts.fields.insert(name.clone(), of);
        Ok((201, Some(json!({ "name": name, "type": of.name() }))))
    }

    pub(super) fn lists(&self, state: &State) -> Answer {
        let number = |name: &str, usual: usize| match self.query.get(name).map(|text| text.parse::<usize>()) {
            None => Ok(usual),
            Some(Ok(number)) => Ok(number),
            Some(Err(_)) => Err(Refusal::v2("The paging is invalid. ERROR_INVALID_REQUEST")),
        };
        let (select, skip) = (number("select", MOST_LISTS)?, number("skip", 0)?);
        if select > MOST_LISTS {
            return Err(Refusal::v2("At most 1000 can be selected. ERROR_INVALID_REQUEST"));
        }
        let told = |(id, name): (&u64, &String)| {
            let contacts = state.contacts.all().filter(|contact| contact.lists.contains(id)).count();
            json!({ "id": id, "name": name, "visibility": "Private", "contacts": contacts })
        };
        Ok((200, Some(state.contacts.lists.iter().skip(skip).take(select).map(told).collect())))
    }

    // ── orders of contacts ──────────────────────────────────────────────────────────────────────────────────────────

    /// `…/contacts/{identifier}/{value}/{collection}/{key}`.
    pub(super) fn owned(&self, state: &mut State, method: &str, [identifier, value, name, key]: [&str; 4]) -> Answer {
        let owner = state.contacts.find(identifier, value).map_err(refusal)?;
        let missing = || {
            let detail = format!("Not found using the identifier '{identifier}'");
            Refusal::of(404, "contactNotFound", "The contact could not be found", value, &detail)
        };
        self.record_of(state, method, (name, key), owner.ok_or_else(missing)?)
    }
}

fn told(contacts: &Contacts, id: u64) -> Option<Value> {
    contacts.get(id).map(|contact| contact.told(&contacts.lists))
}

impl State {
    /// Deletes a contact, with its records.
    pub(super) fn forget_contact(&mut self, id: u64) {
        self.contacts.remove(id);
        for collection in self.collections.values_mut() {
            collection.records.retain(|_, held| held.owner != Some(id));
        }
    }
}

/// Carries out the imports of contacts that are due.
pub(super) fn settle(state: &mut State, settings: &Settings, now: i64) {
    let took = i64::try_from(settings.import_ms).unwrap_or(i64::MAX);
    let State { contact_imports, contacts, refused_contacts, .. } = state;
    for import in contact_imports.iter_mut().filter(|import| import.report.is_none()) {
        let due = import.at.saturating_add(took);
        if due > now || import.ending == Ending::Never {
            continue;
        }
        let whole = |status: &str| json!({ "importId": import.id, "status": status });
        import.report = Some(match import.ending {
            Ending::Failed | Ending::Never => whole("Failed"),
            Ending::RejectedByWatchdog => whole("RejectedByWatchdog"),
            Ending::TooManyContacts => whole("ExceedsAllowedContactLimit"),
            Ending::Normal => carry_out(import, contacts, refused_contacts, (settings, due)),
        });
        import.contacts = Vec::new();
    }
}

fn carry_out(
    import: &ContactImport,
    contacts: &mut Contacts,
    refused: &std::collections::BTreeMap<String, Refused>,
    (settings, at): (&Settings, i64),
) -> Value {
    let (mut created, mut updated, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    let (mut invalid, mut duplicates) = (0, 0);
    let mut seen = std::collections::BTreeSet::new();
    for contact in &import.contacts {
        let mut body = contact.clone();
        body.remove("matchIdentifier");
        let identifiers = body.get("identifiers").cloned().unwrap_or_default();
        let email = identifiers.get("email").and_then(Value::as_str).unwrap_or_default().to_lowercase();
        let refusal = refused.get(&email).copied();
        let written = if refusal == Some(Refused::Whole) {
            Err(("invalidEmail", format!("Invalid value for 'email': {email}")))
        } else if !seen.insert(email.clone()) {
            Err(("duplicateIdentifier", format!("'{email}' is there twice")))
        } else {
            let target = contacts
                .find("email", &email)
                .map_err(|_| ("invalidEmail", format!("Invalid value for 'email': {email}")));
            target.and_then(|target| contacts.write(settings, &body, (target, Mode::Upsert, true), at))
        };
        let mut why: Vec<Failure> = Vec::new();
        let mut contact_id = Value::Null;
        match written {
            Ok(written) => {
                contact_id = written.id.into();
                let told = json!({ "contactId": written.id, "identifiers": { "email": email } });
                if written.is_new {
                    created.push(told);
                } else {
                    updated.push(told);
                }
                why.extend(written.failures);
                if refusal == Some(Refused::InPart) {
                    why.push(("consentRecordsNotApplied", format!("The consent of {email} was not applied")));
                }
            }
            Err(failure) => {
                if failure.0 == "duplicateIdentifier" {
                    duplicates += 1;
                } else {
                    invalid += 1;
                }
                why.push(failure);
            }
        }
        if !why.is_empty() {
            let why: Vec<Value> =
                why.iter().map(|(code, words)| json!({ "failureCode": code, "description": words })).collect();
            failures.push(json!({
                "contactId": contact_id, "matchIdentifier": "email", "identifiers": identifiers, "failures": why,
            }));
        }
    }
    json!({
        "importId": import.id,
        "status": "Finished",
        "summary": {
            "newContacts": created.len(), "updatedContacts": updated.len(), "globallySuppressed": 0,
            "invalidEntries": invalid, "duplicateIdentifiers": duplicates,
        },
        "created": created, "updated": updated, "failures": failures,
    })
}
