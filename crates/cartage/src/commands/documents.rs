//! The JSON documents that commands print with `--json`, as schemas.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Value as Json, json};

use super::{
    access, check, control, dead, erase, explain, forget, help, hooks, listed, pause, plan, status, support, sync,
    verify,
};
use crate::output;

/// The version of the documents. A member that is renamed, removed, or gets another type makes a new one; a member that is
/// added does not.
pub const VERSION: u64 = 1;

/// A document.
pub struct Document {
    /// Its name, which is that of its command, where this prints one.
    pub name: &'static str,
    /// The commands that print it.
    pub printed_by: &'static str,
    /// Its JSON Schema.
    pub schema: Json,
}

/// All documents.
pub fn all() -> Vec<Document> {
    #[cfg_attr(not(feature = "demo"), expect(unused_mut, reason = "the demo adds one"))]
    let mut all = vec![
        of::<Vec<check::Checked>>("check", "check"),
        of::<Vec<plan::FlowPlan>>("plan", "plan"),
        of::<Vec<plan::RecordPlan>>("plan-record", "plan SKU"),
        of::<sync::Report>("sync", "sync, demo --once"),
        of::<status::Status>("status", "status"),
        of::<Vec<listed::Listed>>("status-records", "status --records RULE"),
        of::<Vec<explain::Known>>("explain", "explain SKU"),
        of::<Vec<verify::FlowVerified>>("verify", "verify"),
        of::<Vec<forget::Done>>("forget", "forget"),
        of::<erase::Report>("erase", "erase"),
        of::<access::Held>("access", "access"),
        of::<Vec<pause::Done>>("pause", "pause, resume"),
        of::<Vec<hooks::Hooked>>("hooks", "hooks plan, hooks apply"),
        of::<control::Reloaded>("reload", "reload"),
        of::<Vec<dead::Row>>("dead", "dead list, dead show"),
        of::<Vec<dead::Done>>("dead-change", "dead replay, dead drop"),
        of::<support::Bundle>("support-bundle", "support-bundle"),
        of::<help::Page>("help", "help"),
        of::<output::Failed>("failure", "every command that fails"),
    ];
    #[cfg(feature = "demo")]
    all.insert(3, of::<super::demo::Shown>("demo", "demo"));
    all
}

fn of<T: JsonSchema>(name: &'static str, printed_by: &'static str) -> Document {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("title".to_owned(), json!(format!("{printed_by} --json")));
        schema.insert("x-version".to_owned(), json!(VERSION));
    }
    Document { name, printed_by, schema }
}
