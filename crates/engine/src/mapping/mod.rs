//! The user's own fields: CEL expressions over a listing, laid over the destination's built-in mapping.
//!
//! Expressions are checked when they are loaded: syntax, variables, fields, functions, the name of the target field,
//! and the type of what they give on sample records. Everything else is checked per record: a missing value leaves the
//! field out; a value of the wrong type makes the record a dead letter, and so does an expression that takes too many
//! steps.
//!
//! **Missing** means: a field that a listing does not have (`product.key` of a product without one), an attribute that
//! a product does not have, and an index beyond the end of a list. An expression that reads a missing value gives
//! nothing, unless it asks first: `has(product.key) ? product.key : product.id`, or `product.key != null`. Both work
//! for whole paths.

mod check;
mod environment;
mod error;
pub mod function;
mod meter;
mod rewrite;
mod sample;
pub mod shape;
mod tree;
mod trial;
mod value;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use cel::{Context, ExecutionError, IdedExpr};
use contract::{Constraint, Facet, Facets, Fault, FieldSpec, FieldType, Writer};
use model::{CategoryListing, Kind, Listing, Market};
use serde::Serialize;
use serde_json::Value as Json;

pub(crate) use error::meant;
pub use error::{MappingError, Place};
pub use shape::{Known, shape};
use value::Used;

/// A field that the user adds or overrides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    /// Name of the field at the destination.
    pub name: String,
    /// The CEL text.
    pub text: String,
    /// Where the text begins in the configuration.
    pub at: Place,
}

/// A user's fields for one kind of record, checked and ready. Cloning is cheap; the default has no field.
#[derive(Clone, Debug, Default)]
pub struct Mapping(Arc<Rules>);

#[derive(Debug, Default)]
struct Rules {
    rules: Vec<Rule>,
    used: BTreeMap<&'static str, Used>,
}

#[derive(Debug)]
struct Rule {
    field: FieldSpec,
    name: String,
    text: String,
    at: Place,
    /// Names of the shop's attributes in it.
    attributes: BTreeSet<String>,
    /// Whether it names a member that comes from the history of prices.
    price_history: bool,
    expression: IdedExpr,
}

/// Why an expression gave no result.
#[derive(Debug)]
enum Failure {
    /// It can't be evaluated with values of these types.
    Evaluation(String),
    /// It can't be evaluated with these values: `int('x')`, a division by zero.
    Data(String),
    /// It takes too many steps.
    Excess,
    /// Its result is not of the field's type.
    Type(String),
    /// Its result has the field's type, but violates the vendor's constraint.
    Constraint(String),
}

impl Mapping {
    /// Checks `expressions` against the fields of a destination. `extra_name` says which names may be added; `None`:
    /// the schema is closed.
    ///
    /// # Errors
    /// All mistakes, in the order of the expressions.
    pub fn compile(
        kind: Kind,
        fields: &'static [FieldSpec],
        extra_name: Option<fn(&str) -> bool>,
        expressions: &[Expression],
    ) -> Result<Self, Vec<MappingError>> {
        trial::compile(kind, fields, extra_name, expressions)
    }

    /// Whether there is no expression.
    pub fn is_empty(&self) -> bool {
        self.0.rules.is_empty()
    }

    /// Whether the user's mapping gives this field, so that the built-in one must not.
    pub fn taken(&self, name: &str) -> bool {
        self.0.rules.iter().any(|rule| rule.name == name)
    }

    /// Whether some expression needs the prices of the past.
    pub fn uses_price_history(&self) -> bool {
        self.0.rules.iter().any(|rule| rule.price_history)
    }

    /// Names of the user's fields.
    pub fn names(&self) -> Vec<String> {
        self.0.rules.iter().map(|rule| rule.name.clone()).collect()
    }

    /// The shop's attributes in expressions, each with the field that it is for.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.rules.iter().flat_map(|rule| rule.attributes.iter().map(|name| (rule.name.as_str(), name.as_str())))
    }

    /// The facets that the user's fields are in. Such a field may appear and disappear, and a partial change can't
    /// remove a member, so these facets are only sent with the whole payload.
    pub fn facets(&self) -> Facets {
        self.0.rules.iter().fold(Facets::NONE, |facets, rule| facets.with(rule.field.facet))
    }

    /// A text that changes when the mapping does.
    pub fn fingerprint(&self) -> String {
        self.0.rules.iter().flat_map(|rule| [&rule.name, "=", &rule.text, "\n"]).collect()
    }

    /// Writes the fields of a product's item. `variant`: the variant of the item; `None`: the main one.
    ///
    /// # Errors
    /// [`contract::FaultClass::Record`]: `C0521` could not be evaluated, `C0522` does not fit the field, `C0523` gives
    /// nothing for a field that the destination requires, `C0524` takes too much.
    pub fn apply_product(
        &self,
        listing: &Listing<'_>,
        variant: Option<usize>,
        market: &Market,
        writer: &mut Writer<'_>,
    ) -> Result<(), Fault> {
        if self.is_empty() {
            return Ok(());
        }
        let mut context = Context::with_env(environment::environment());
        self.0.bind(&mut context, "product", listing)?;
        if let Some(offer) = listing.variants.get(variant.unwrap_or(0)) {
            self.0.bind(&mut context, "variant", offer)?;
        }
        self.0.bind(&mut context, "market", market)?;
        self.0.write(&context, Kind::Product, listing.id.as_str(), writer)
    }

    /// Writes the fields of a category's item.
    ///
    /// # Errors
    /// As [`Mapping::apply_product`].
    pub fn apply_category(
        &self,
        category: &CategoryListing<'_>,
        market: &Market,
        writer: &mut Writer<'_>,
    ) -> Result<(), Fault> {
        if self.is_empty() {
            return Ok(());
        }
        let mut context = Context::with_env(environment::environment());
        self.0.bind(&mut context, "category", category)?;
        self.0.bind(&mut context, "market", market)?;
        self.0.write(&context, Kind::Category, category.id.as_str(), writer)
    }
}

impl Rules {
    fn bind<T: Serialize>(&self, context: &mut Context<'_, '_>, name: &'static str, value: &T) -> Result<(), Fault> {
        if let Some(used) = self.used.get(name) {
            let made = value::make(value, used).map_err(|wrong| {
                Fault::record("C0521", format!("{name} holds {wrong}, which expressions can't see"))
            })?;
            if let Some(made) = made {
                context.add_variable_as_val(name, made);
            }
        }
        Ok(())
    }

    fn write(&self, context: &Context<'_, '_>, kind: Kind, id: &str, writer: &mut Writer<'_>) -> Result<(), Fault> {
        for rule in &self.rules {
            match rule.evaluate(context).map_err(|failure| rule.fault(&failure, kind, id))? {
                Some(made) => writer
                    .force(rule.field.facet, &rule.name, &made)
                    .map_err(|wrong| rule.fault(&Failure::Type(wrong.to_string()), kind, id))?,
                None if rule.field.required => return Err(rule.missing(kind, id)),
                None => {}
            }
        }
        Ok(())
    }
}

impl Rule {
    /// The value for the field; `None` where it is missing.
    fn evaluate(&self, context: &Context<'_, '_>) -> Result<Option<Json>, Failure> {
        let value = match meter::evaluate(&self.expression, context).map_err(|meter::Exhausted| Failure::Excess)? {
            Ok(value) => value,
            Err(ExecutionError::NoSuchKey(_) | ExecutionError::IndexOutOfBounds(_)) => return Ok(None),
            Err(error) => return Err(failure(&error)),
        };
        let made = value::json(&value).map_err(|wrong| Failure::Type(format!("it gives {wrong}")))?;
        if made.is_null() {
            return Ok(None);
        }
        self.fit(&made)?;
        Ok(Some(made))
    }

    fn fit(&self, made: &Json) -> Result<(), Failure> {
        let shown = || short(&made.to_string());
        if !self.field.of.admits(made) {
            return Err(Failure::Type(format!("it must be {}, and is {}", self.field.of.name(), shown())));
        }
        match self.field.constraint.violation(made) {
            Some(violation) => Err(Failure::Constraint(format!("it {violation}: {}", shown()))),
            None => Ok(()),
        }
    }

    /// The fault of a record without a required field.
    fn missing(&self, kind: Kind, id: &str) -> Fault {
        let message = format!("{kind} {id}: the required field {} is missing: its expression gives nothing", self.name);
        Fault::record("C0523", message)
            .hint(format!("give the expression at {} a fallback, such as `has(a) ? a : b`", self.at))
    }

    fn fault(&self, failure: &Failure, kind: Kind, id: &str) -> Fault {
        let (code, what) = match failure {
            Failure::Evaluation(what) | Failure::Data(what) => ("C0521", what.clone()),
            Failure::Type(what) | Failure::Constraint(what) => ("C0522", what.clone()),
            Failure::Excess => ("C0524", format!("{}: `{}`", excess(), short(&self.text))),
        };
        Fault::record(code, format!("field {} of {kind} {id}: {what}", self.name))
            .hint(format!("its expression stands at {}", self.at))
    }
}

/// The beginning of a text that may be long.
fn short(text: &str) -> String {
    const MOST: usize = 80;
    if text.chars().count() <= MOST { text.to_owned() } else { text.chars().take(MOST).chain(['…']).collect() }
}

/// The fault of an expression that takes too many steps.
fn excess() -> String {
    format!("it takes more than {} steps", meter::MOST_STEPS)
}

fn failure(error: &ExecutionError) -> Failure {
    let what = short(&error.to_string());
    match error {
        ExecutionError::FunctionError { .. }
        | ExecutionError::DivisionByZero(_)
        | ExecutionError::RemainderByZero(_)
        | ExecutionError::Overflow(..) => Failure::Data(what),
        _ => Failure::Evaluation(what),
    }
}

/// The field that an expression is for: one of the destination's, or one that the user adds.
fn target(fields: &'static [FieldSpec], name: &str) -> FieldSpec {
    fields.iter().find(|field| field.name == name).copied().unwrap_or(FieldSpec {
        name: "",
        of: FieldType::Any,
        required: false,
        facet: Facet::CONTENT,
        default: "",
        constraint: Constraint::None,
        note: "",
    })
}
