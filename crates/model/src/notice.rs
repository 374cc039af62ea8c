//! Details of a record that were left out.

use serde::{Deserialize, Serialize};

/// Most bytes of each text.
const LONGEST: usize = 1000;

/// A detail that could not be represented and was left out, so that the rest of the record is not lost with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Notice {
    /// The field, in the source's words, such as `prices` or `name`.
    pub field: String,
    /// What was left out and why, naming the SKU or key it belongs to; lower case, no full stop.
    pub what: String,
}

impl Notice {
    /// What was left out of a field. What is quoted of the source may be anything: it is cut, and becomes one line.
    pub fn new(field: impl Into<String>, what: impl Into<String>) -> Self {
        let short = |text| crate::fitting_line(text, LONGEST);
        Self { field: short(field.into()), what: short(what.into()) }
    }
}
