//! Attributes of the Luma shop: definitions from its files, completed by what its products use.

use std::{collections::BTreeMap, path::Path};

use super::both;
use crate::catalogue::{
    AttributeDefinition, AttributeKind, ProductType, Value,
    load::{LoadError, Skipped, add_once, table::Row, table::Table},
    slugify,
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Input {
    Select,
    Multiselect,
    Boolean,
}

struct Definition {
    label: String,
    input: Input,
    options: Vec<String>,
}

struct Set {
    name: String,
    codes: Vec<String>,
}

/// Definitions by code, and the sets of attributes that become product types.
#[derive(Default)]
pub(super) struct Attributes {
    definitions: BTreeMap<String, Definition>,
    /// By the key of the product type that they become; sets whose names differ in punctuation only are one.
    sets: BTreeMap<String, Set>,
}

impl Attributes {
    /// Reads an `attributes.csv`. An attribute that is in both files has the options of both.
    pub(super) fn read(&mut self, file: &Path, skipped: &mut Vec<Skipped>) -> Result<(), LoadError> {
        let needed = ["attribute_code", "frontend_label", "frontend_input", "option", "attribute_set"];
        let table = Table::read(file, &needed, skipped)?;
        for row in &table.rows {
            let code = row.cell("attribute_code");
            let input = match row.cell("frontend_input") {
                "select" => Input::Select,
                "multiselect" => Input::Multiselect,
                "boolean" => Input::Boolean,
                other => {
                    skipped.push(row.skip(format!("attributes of input {other:?} aren't known; {code:?} left out")));
                    continue;
                }
            };
            if code.len() < 2 {
                skipped.push(row.skip("the attribute has no code; left out"));
                continue;
            }
            // The label for shoppers stands below that for the staff.
            let label = row.cell("frontend_label").lines().last().unwrap_or(code).to_owned();
            let known = Definition { label, input, options: Vec::new() };
            let definition = self.definitions.entry(code.to_owned()).or_insert(known);
            for option in row.cell("option").lines().filter(|option| !option.is_empty()) {
                add_once(&mut definition.options, option.to_owned());
            }
            for set in row.cell("attribute_set").lines().filter(|set| !set.is_empty()) {
                self.add(set, code);
            }
        }
        Ok(())
    }

    /// Makes sure that there is a set.
    pub(super) fn add_set(&mut self, set: &str) {
        self.set(set);
    }

    fn add(&mut self, set: &str, code: &str) {
        add_once(&mut self.set(set).codes, code.to_owned());
    }

    fn set(&mut self, name: &str) -> &mut Set {
        let new = || Set { name: name.to_owned(), codes: Vec::new() };
        self.sets.entry(slugify(name)).or_insert_with(new)
    }

    /// Whether an attribute is set on the product rather than on its variants.
    pub(super) fn on_product(&self, code: &str) -> bool {
        self.definitions.get(code).is_none_or(|definition| definition.input != Input::Select)
    }

    /// All attributes of a row: from `additional_attributes`, or from columns of their own.
    pub(super) fn of_product(&mut self, row: &Row, set: &str, skipped: &mut Vec<Skipped>) -> Vec<(String, Value)> {
        let packed = row.cell("additional_attributes").split(',').filter_map(|pair| pair.split_once('='));
        let mut attributes = Vec::new();
        for (code, text) in packed.chain(row.filled()) {
            if attributes.iter().all(|(known, _)| known != code)
                && let Some(value) = self.value(row, set, code, text, skipped)
            {
                attributes.push((code.to_owned(), value));
            }
        }
        attributes
    }

    /// The value that a text stands for; none if the attribute isn't defined. The set gets the attribute.
    pub(super) fn value(
        &mut self,
        row: &Row,
        set: &str,
        code: &str,
        text: &str,
        skipped: &mut Vec<Skipped>,
    ) -> Option<Value> {
        if self.definitions.contains_key(code) {
            self.add(set, code);
        }
        let definition = self.definitions.get_mut(code)?;
        match definition.input {
            Input::Select => {
                add_once(&mut definition.options, text.to_owned());
                Some(Value::Key(text.to_owned()))
            }
            Input::Multiselect => {
                let mut keys: Vec<String> = Vec::new();
                for key in text.split(['|', '\n']).map(str::trim).filter(|key| !key.is_empty()) {
                    add_once(&mut definition.options, key.to_owned());
                    add_once(&mut keys, key.to_owned());
                }
                Some(Value::Set(keys.into_iter().map(Value::Key).collect()))
            }
            Input::Boolean => match text {
                "Yes" | "1" => Some(Value::Boolean(true)),
                "No" | "0" => Some(Value::Boolean(false)),
                _ => {
                    skipped.push(row.skip(format!("{code} is {text:?}, neither Yes nor No; attribute left out")));
                    None
                }
            },
        }
    }

    /// One product type per set.
    pub(super) fn product_types(&self) -> Vec<ProductType> {
        let of_set = |(key, set): (&String, &Set)| ProductType {
            key: key.clone(),
            name: set.name.clone(),
            attributes: set.codes.iter().filter_map(|code| self.definition(code)).collect(),
        };
        self.sets.iter().map(of_set).collect()
    }

    fn definition(&self, code: &str) -> Option<AttributeDefinition> {
        let definition = self.definitions.get(code)?;
        let options = || AttributeKind::Enum(definition.options.iter().map(|key| (key.clone(), key.clone())).collect());
        Some(AttributeDefinition {
            name: code.to_owned(),
            label: both(&definition.label),
            kind: match definition.input {
                Input::Select => options(),
                Input::Multiselect => AttributeKind::Set(Box::new(options())),
                Input::Boolean => AttributeKind::Boolean,
            },
            product_level: definition.input != Input::Select,
            option: definition.input == Input::Select,
        })
    }
}
