//! The user's expressions: accepted ones, refused ones with their messages, and their values.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod any_text;
mod apply;
mod hostile;
mod refused;

use contract::{Constraint, Facet, FieldSpec, FieldType};
use engine::mapping::{Expression, Mapping, MappingError, Place};
use model::Kind;

const fn field(name: &'static str, of: FieldType, required: bool, facet: Facet, constraint: Constraint) -> FieldSpec {
    FieldSpec { name, of, required, facet, default: "", constraint, note: "" }
}

static FIELDS: [FieldSpec; 8] = [
    field("id", FieldType::Id, true, Facet::CONTENT, Constraint::None),
    field("name", FieldType::Text, true, Facet::CONTENT, Constraint::NotBlank),
    field("url", FieldType::Text, false, Facet::CONTENT, Constraint::AbsoluteUrl),
    field("price", FieldType::Number, true, Facet::PRICE, Constraint::NotNegative),
    field("stock", FieldType::Integer, false, Facet::AVAILABILITY, Constraint::None),
    field("skus", FieldType::TextList, false, Facet::CONTENT, Constraint::None),
    field("created_at", FieldType::Integer, false, Facet::CONTENT, Constraint::UnixSeconds),
    field("active", FieldType::Boolean, false, Facet::CONTENT, Constraint::None),
];

fn extra(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// As if it were at line 12, column 11.
fn expression(name: &str, text: &str) -> Expression {
    let at = Place { file: "cartage.toml".to_owned(), line: 12, column: 11 };
    Expression { name: name.to_owned(), text: text.to_owned(), at }
}

fn compile_all(kind: Kind, texts: &[(&str, &str)]) -> Result<Mapping, Vec<MappingError>> {
    let expressions: Vec<_> = texts.iter().map(|(name, text)| expression(name, text)).collect();
    Mapping::compile(kind, &FIELDS, Some(extra), &expressions)
}

fn compile(name: &str, text: &str) -> Result<Mapping, Vec<MappingError>> {
    compile_all(Kind::Product, &[(name, text)])
}
