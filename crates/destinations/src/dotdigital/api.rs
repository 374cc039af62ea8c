//! What Dotdigital answers, as far as it is read here.

use serde::Deserialize;
use serde_json::Value;

/// Answer to `GET /v2/account-info`.
#[derive(Debug, Deserialize)]
pub struct AccountInfo {
    /// Facts about the account.
    #[serde(default)]
    pub properties: Vec<Property>,
}

/// A fact about an account.
#[derive(Debug, Deserialize)]
pub struct Property {
    /// Its name.
    pub name: String,
    /// Its value.
    #[serde(default)]
    pub value: Value,
}

/// A collection in the list of all.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Collection {
    /// Its name.
    pub collection_name: String,
    /// What it is for.
    #[serde(default)]
    pub collection_type: String,
    /// Whose records it holds.
    #[serde(default)]
    pub collection_scope: Option<String>,
}

/// Answer to `GET …/schema`.
#[derive(Debug, Deserialize)]
pub struct Schema {
    /// The columns; those of the records are below `json`.
    #[serde(default)]
    pub schema: Vec<Column>,
}

/// A column.
#[derive(Debug, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// `NULLABLE`, `REQUIRED` or `REPEATED`.
    #[serde(default)]
    pub mode: Option<String>,
    /// Its type.
    #[serde(rename = "type")]
    pub of: String,
    /// Columns of a record.
    #[serde(default)]
    pub fields: Vec<Self>,
}

/// Answer to `PUT /insightData/v3/import`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    /// The id to ask with.
    pub import_id: String,
}

/// Answer to `GET /insightData/v3/import/{id}`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Import {
    /// Its state.
    pub status: String,
    /// Counts, once it is over.
    #[serde(default)]
    pub summary: Option<Summary>,
    /// The records that were refused.
    #[serde(default)]
    pub failures: Vec<Failure>,
}

/// Counts of an import.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Records that were refused.
    #[serde(default)]
    pub total_rejected: u64,
}

/// A record that was refused.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Its key.
    #[serde(default)]
    pub key: Value,
    /// Why, as a name.
    #[serde(default)]
    pub failure_reason: String,
    /// Why, in words.
    #[serde(default)]
    pub details: Vec<String>,
}

/// A record as it is read.
#[derive(Debug, Deserialize)]
pub struct Record {
    /// Its key.
    pub key: String,
    /// The record.
    pub json: Value,
}

/// A page of records.
#[derive(Debug, Deserialize)]
pub struct Page {
    /// Links to other pages.
    #[serde(rename = "_links")]
    pub links: Links,
    /// The records.
    #[serde(rename = "_items")]
    pub items: Vec<Record>,
}

/// Links of a page.
#[derive(Debug, Deserialize)]
pub struct Links {
    /// The next page; `None` at the end.
    #[serde(default)]
    pub next: Option<Link>,
}

/// A link to a page.
#[derive(Debug, Deserialize)]
pub struct Link {
    /// Where the page begins.
    pub marker: String,
}

/// An error: `errorCode` and `description` in v3, `message` in v2.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Code of v3, such as `insightData:badRequest`.
    #[serde(default)]
    pub error_code: Option<String>,
    /// What is wrong.
    #[serde(default)]
    pub description: Option<String>,
    /// About single items.
    #[serde(default)]
    pub details: Vec<Detail>,
    /// What is wrong, in v2; ends with a code in capitals.
    #[serde(default)]
    pub message: Option<String>,
}

/// What is wrong with an item.
#[derive(Debug, Deserialize)]
pub struct Detail {
    /// The item.
    #[serde(default)]
    pub item: Option<String>,
    /// What is wrong; one example calls it `error`.
    #[serde(default, alias = "error")]
    pub description: Option<String>,
}

/// A data field.
#[derive(Clone, Debug, Deserialize)]
pub struct DataField {
    /// Its name.
    pub name: String,
    /// `String`, `Numeric`, `Date` or `Boolean`.
    #[serde(rename = "type")]
    pub of: String,
}

/// A list of contacts.
#[derive(Clone, Debug, Deserialize)]
pub struct List {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
}

/// Answer to `GET /contacts/v3/import/{id}`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContactImport {
    /// Its state.
    pub status: String,
    /// Counts, once it is over.
    #[serde(default)]
    pub summary: Option<ContactSummary>,
    /// Contacts that were created.
    #[serde(default)]
    pub created: Vec<Identified>,
    /// Contacts that were changed.
    #[serde(default)]
    pub updated: Vec<Identified>,
    /// Contacts of which something was refused; these may have been created or changed nonetheless.
    #[serde(default)]
    pub failures: Vec<ContactFailure>,
}

/// Counts of an import of contacts.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContactSummary {
    /// Contacts that were refused.
    #[serde(default)]
    pub invalid_entries: u64,
}

/// A contact in a report.
#[derive(Deserialize)]
pub struct Identified {
    /// What it is found by.
    #[serde(default)]
    pub identifiers: Identifiers,
}

/// What a contact in a report is found by.
#[derive(Default, Deserialize)]
pub struct Identifiers {
    /// Its address.
    #[serde(default)]
    pub email: Option<String>,
}

/// What was refused of a contact.
#[derive(Deserialize)]
pub struct ContactFailure {
    /// What it is found by.
    #[serde(default)]
    pub identifiers: Identifiers,
    /// Why.
    #[serde(default)]
    pub failures: Vec<Reason>,
}

/// Why something of a contact was refused.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// As a name.
    #[serde(default)]
    pub failure_code: String,
}

/// Answer to `POST /contacts/v3/delete`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deleting {
    /// The id to ask with.
    pub delete_id: String,
}

/// Answer to `GET /contacts/v3/delete/{id}`.
#[derive(Deserialize)]
pub struct Deletion {
    /// Its state.
    pub status: String,
}
