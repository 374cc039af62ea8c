//! What the OCAPI Data API answers with, as far as it is read (version 25.6).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An error.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Faulty {
    /// The error.
    pub fault: Fault,
}

/// What is wrong.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Fault {
    /// Name of the exception, such as `JobAlreadyRunningException`.
    #[serde(rename = "type")]
    pub of: String,
    /// For people.
    pub message: String,
    /// What it is about.
    pub arguments: Map<String, Value>,
}

/// An execution of a job.
#[derive(Clone, Debug, Deserialize)]
pub struct Execution {
    /// Its id.
    #[serde(deserialize_with = "text")]
    pub id: String,
    /// `pending`, `running`, … `finished`.
    pub execution_status: Option<String>,
    /// How it ended.
    pub exit_status: Option<Exit>,
    /// Path of its log.
    pub log_file_path: Option<String>,
}

/// How a job ended.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Exit {
    /// `OK` or `ERROR`.
    pub code: Option<String>,
    /// For people.
    pub message: Option<String>,
    /// `ok` or `error`.
    pub status: Option<String>,
}

/// Ids are texts; some instances write numbers.
fn text<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    match Value::deserialize(from)? {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        other => Err(serde::de::Error::custom(format!("an id is {other}"))),
    }
}

/// A list.
#[derive(Debug, Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub struct Rows<T> {
    /// The rows; left out where there are none.
    #[serde(default = "Vec::new")]
    pub data: Vec<T>,
    /// How many there are in all.
    pub total: Option<u64>,
}

/// A site, a catalogue, or an inventory list.
#[derive(Clone, Debug, Deserialize)]
pub struct Named {
    /// Its id.
    pub id: String,
    /// Of an inventory list: whether what has no record is in stock.
    pub default_in_stock: Option<bool>,
}

/// A request that starts an export, by properties.
#[derive(Debug, Serialize)]
pub struct Properties<'a> {
    /// Name of the archive.
    pub export_file: &'a str,
    /// What is exported.
    pub data_units: &'a Value,
}

/// The same by parameters.
#[derive(Debug, Serialize)]
pub struct Parameters<'a> {
    /// The parameters.
    pub parameters: [Parameter<'a>; 2],
}

/// A parameter of a job.
#[derive(Debug, Serialize)]
pub struct Parameter<'a> {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: &'a str,
}
