//! Bulk imports: accepted at once, carried out later, with an answer per refused record.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::collection::{Collection, Scope, Type};
use super::contact::Contacts;
use super::rules::Reason;
use super::{Complete, Settings, State};

/// Imports that an account may have under way.
pub(super) const AT_ONCE: usize = 5;

/// How an import ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// Each record is stored or refused.
    #[default]
    Normal,
    /// It fails as a whole and stores nothing.
    Failed,
    /// It never ends.
    Never,
    /// The vendor's watchdog over data rejects it: of contacts alone.
    RejectedByWatchdog,
    /// The account has no room for further contacts. Only imports of contacts end with this status.
    TooManyContacts,
}

/// An import, as a test sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportSeen {
    /// Its id.
    pub id: String,
    /// The collection.
    pub collection: String,
    /// Keys of its records.
    pub keys: Vec<String>,
    /// How many of them were refused; `None` while it is under way.
    pub rejected: Option<usize>,
    /// How often its status was asked for.
    pub asked: u32,
}

/// The imports of an account, in the order of submission.
#[derive(Debug, Default)]
pub(super) struct Imports {
    all: Vec<Import>,
    /// How those that are submitted from now on end.
    pub(super) ending: Ending,
}

#[derive(Debug)]
pub(super) struct Import {
    pub(super) id: String,
    at: i64,
    ending: Ending,
    collection: String,
    scope: Scope,
    of: Type,
    records: Vec<Submitted>,
    keys: Vec<String>,
    report: Option<Report>,
    asked: u32,
}

/// A record of an import.
#[derive(Clone, Debug)]
pub(super) struct Submitted {
    pub(super) key: String,
    pub(super) json: Value,
    /// The contact that it names: identifier and value.
    pub(super) owner: Option<(String, String)>,
}

#[derive(Debug)]
enum Report {
    Failed,
    Done { total: usize, failures: Vec<Value> },
}

impl Imports {
    pub(super) fn begin(
        &mut self,
        (id, at): (String, i64),
        (collection, scope, of): (String, Scope, Type),
        records: Vec<Submitted>,
    ) {
        let (ending, keys) = (self.ending, records.iter().map(|record| record.key.clone()).collect());
        self.all.push(Import { id, at, ending, collection, scope, of, records, keys, report: None, asked: 0 });
    }

    pub(super) fn under_way(&self) -> usize {
        self.all.iter().filter(|import| import.report.is_none()).count()
    }

    pub(super) fn seen(&self) -> Vec<ImportSeen> {
        let seen = |import: &Import| ImportSeen {
            id: import.id.clone(),
            collection: import.collection.clone(),
            keys: import.keys.clone(),
            rejected: import.report.as_ref().map(|report| match report {
                Report::Failed => import.keys.len(),
                Report::Done { failures, .. } => failures.len(),
            }),
            asked: import.asked,
        };
        self.all.iter().map(seen).collect()
    }

    /// The answer to a question for its status; `None`: there is no such import.
    pub(super) fn status(&mut self, id: &str, settings: &Settings, now: i64) -> Option<Value> {
        let import = self.all.iter_mut().find(|import| import.id == id)?;
        import.asked += 1;
        let took = now - import.at;
        Some(match &import.report {
            None if took * 3 < duration(settings) => json!({ "importId": id, "status": "NotStarted" }),
            None => json!({ "importId": id, "status": "Processing" }),
            Some(Report::Failed) => {
                json!({ "importId": id, "status": "Failed", "collectionName": import.collection })
            }
            Some(Report::Done { total, failures }) => {
                let status = match settings.complete {
                    Complete::Finished => "Finished",
                    Complete::Complete => "Complete",
                };
                let rejected = failures.len();
                let summary =
                    json!({ "totalRecords": total, "totalImported": total - rejected, "totalRejected": rejected });
                let mut told = Map::from_iter([
                    ("importId".to_owned(), json!(id)),
                    ("status".to_owned(), json!(status)),
                    ("collectionName".to_owned(), json!(import.collection)),
                    ("summary".to_owned(), summary),
                ]);
                if rejected > 0 {
                    told.insert("failures".to_owned(), Value::Array(failures.clone()));
                }
                Value::Object(told)
            }
        })
    }
}

fn duration(settings: &Settings) -> i64 {
    i64::try_from(settings.import_ms).unwrap_or(i64::MAX)
}

/// Carries out the imports that are due.
pub(super) fn settle(state: &mut State, settings: &Settings, now: i64) {
    let State { imports, collections, contacts, refused, .. } = state;
    for import in imports.all.iter_mut().filter(|import| import.report.is_none()) {
        let due = import.at.saturating_add(duration(settings));
        if due > now || import.ending == Ending::Never {
            continue;
        }
        import.report = Some(match import.ending {
            Ending::Normal => carry_out(import, collections, (contacts, refused), (settings.longest_text, due)),
            Ending::Failed | Ending::Never | Ending::RejectedByWatchdog | Ending::TooManyContacts => Report::Failed,
        });
        import.records = Vec::new();
    }
}

fn carry_out(
    import: &mut Import,
    collections: &mut BTreeMap<String, Collection>,
    (contacts, refused): (&Contacts, &[String]),
    (longest_text, at): (usize, i64),
) -> Report {
    let new = || Collection::new(import.scope, import.of);
    let collection = collections.entry(import.collection.clone()).or_insert_with(new);
    let (mut keys, mut failures) = (BTreeSet::new(), Vec::new());
    let total = import.records.len();
    for Submitted { key, json, owner } in std::mem::take(&mut import.records) {
        let found = owner.as_ref().map(|(identifier, value)| contacts.find(identifier, value));
        let reason: Option<Reason> = if let Some(Err(_)) = found {
            Some(("InvalidContactIdentifier", "The contact identifier is invalid".to_owned()))
        } else if let Some(Ok(None)) = found {
            let by_email = owner.as_ref().is_some_and(|(identifier, _)| identifier == "email");
            let reason = if by_email { "ContactEmailDoesNotExist" } else { "ContactIdDoesNotExist" };
            Some((reason, "There is no such contact".to_owned()))
        } else if !keys.insert(key.clone()) {
            Some(("DuplicateKey", format!("The key '{key}' is there twice")))
        } else if refused.contains(&key) {
            Some(("Unknown", "The record could not be imported".to_owned()))
        } else {
            let owner = found.and_then(Result::ok).flatten();
            collection.put(&key, owner, json.clone(), longest_text, at).err()
        };
        let owned_by = match &owner {
            None => json!({ "ownerType": "account" }),
            Some((identifier, value)) => {
                json!({ "ownerType": "contact", "contactIdentity": { "identifier": identifier, "value": value } })
            }
        };
        if let Some((reason, detail)) = reason {
            failures.push(json!({
                "collectionOwner": owned_by,
                "failureReason": reason,
                "details": [detail],
                "key": key,
                "json": json,
            }));
        }
    }
    Report::Done { total, failures }
}
