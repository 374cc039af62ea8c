//! Compiles expressions and tries them out, so that what can be known before the first record is told before it.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use cel::{
    Context, Program,
    parser::{ParseError, ParseErrors},
};
use contract::{FieldSpec, FieldType};
use model::Kind;
use serde::Serialize;
use serde_json::Value as Json;

use super::{
    Expression, Failure, Mapping, Rule, Rules,
    check::{self, Findings},
    error::{MappingError, Place, line_and_column, meant},
    function, rewrite,
    sample::{Holds, Sample, samples},
    shape::variables,
    target,
    value::{self, Used},
};

pub(super) fn compile(
    kind: Kind,
    fields: &'static [FieldSpec],
    extra_name: Option<fn(&str) -> bool>,
    expressions: &[Expression],
) -> Result<Mapping, Vec<MappingError>> {
    let mut rules = Rules::default();
    let mut errors = Vec::new();
    let mut names = HashSet::new();
    for expression in expressions {
        errors.extend(name_fault(expression, fields, extra_name));
        if !names.insert(&expression.name) {
            errors.push(wrong(expression, "C0515", 0, "the field has two expressions", Some("keep one")));
        }
        match rule(kind, fields, expression) {
            Ok((rule, findings)) => {
                for (name, used) in &findings.used {
                    rules.used.entry(name).or_insert_with(Used::nothing).merge(used);
                }
                rules.rules.push(rule);
            }
            Err(faults) => errors.extend(faults),
        }
    }
    if errors.is_empty() { Ok(Mapping(Arc::new(rules))) } else { Err(errors) }
}

fn name_fault(
    expression: &Expression,
    fields: &'static [FieldSpec],
    extra_name: Option<fn(&str) -> bool>,
) -> Option<MappingError> {
    let name = expression.name.as_str();
    let field = fields.iter().find(|field| field.name == name);
    if field.is_some_and(|field| field.required && field.of == FieldType::Id) {
        let hint = "the settings of the destination decide what identifies a record";
        return Some(wrong(expression, "C0515", 0, "it identifies the record and can't be overridden", Some(hint)));
    }
    if field.is_some() || extra_name.is_some_and(|allowed| allowed(name)) {
        return None;
    }
    let known = fields.iter().map(|field| field.name);
    let hint = match meant(name, known.clone()) {
        Some(close) => format!("did you mean `{close}`?"),
        None => format!("known fields: {}", known.collect::<Vec<_>>().join(", ")),
    };
    let message = match extra_name {
        Some(_) => "the destination does not allow this name",
        None => "the destination has no such field, and takes no others",
    };
    Some(wrong(expression, "C0515", 0, message, Some(&hint)))
}

fn rule(
    kind: Kind,
    fields: &'static [FieldSpec],
    expression: &Expression,
) -> Result<(Rule, Findings), Vec<MappingError>> {
    let program = parse(expression)?;
    let findings = check::look_over(program.expression(), variables(kind));
    if !findings.faults.is_empty() {
        let offset = |node| program.source_info().offset_for(node).map_or(0, |(start, _)| start as usize);
        let faults = findings.faults.iter();
        return Err(faults
            .map(|it| wrong(expression, it.code, offset(it.node), &it.message, it.hint.as_deref()))
            .collect());
    }
    let rule = Rule {
        field: target(fields, &expression.name),
        name: expression.name.clone(),
        text: expression.text.clone(),
        at: expression.at.clone(),
        expression: rewrite::forgiving(program.expression().clone()),
    };
    match try_out(kind, &rule, &findings) {
        None => Ok((rule, findings)),
        Some((code, message, hint)) => Err(vec![wrong(expression, code, 0, &message, hint)]),
    }
}

fn parse(expression: &Expression) -> Result<Program, Vec<MappingError>> {
    /// Longer than anything a person writes, short enough to read in no time.
    const LONGEST: usize = 10_000;
    if expression.text.trim().is_empty() {
        let hint = "write an expression such as `product.name`, or remove the field";
        return Err(vec![wrong(expression, "C0511", 0, "the expression is empty", Some(hint))]);
    }
    if expression.text.len() > LONGEST {
        let message = format!("the expression is longer than {LONGEST} bytes");
        return Err(vec![wrong(expression, "C0511", 0, &message, None)]);
    }
    function::environment().compile(&expression.text).map_err(|ParseErrors { errors }| {
        // One slip makes the parser stumble several times; the first says most.
        errors.iter().take(1).map(|error| syntax(expression, error)).collect()
    })
}

fn syntax(expression: &Expression, error: &ParseError) -> MappingError {
    let (line, column) = error.pos;
    let line = usize::try_from(line).unwrap_or(1).saturating_sub(1);
    let column = usize::try_from(column).unwrap_or(1).saturating_sub(1);
    let before: usize = expression.text.split('\n').take(line).map(|text| text.chars().count() + 1).sum();
    let message = error.msg.strip_prefix("Syntax error: ").unwrap_or(&error.msg);
    let offset = (before + column).min(expression.text.chars().count());
    wrong(expression, "C0511", offset, &format!("syntax: {message}"), None)
}

fn wrong(
    expression: &Expression,
    code: &'static str,
    offset: usize,
    message: &str,
    hint: Option<&str>,
) -> MappingError {
    let (line, column) = line_and_column(&expression.text, offset);
    let column = if line == 0 { expression.at.column + column } else { column + 1 };
    MappingError {
        code,
        field: expression.name.clone(),
        at: Place { file: expression.at.file.clone(), line: expression.at.line + line, column },
        expression: expression.text.clone(),
        offset,
        message: message.to_owned(),
        hint: hint.map(ToOwned::to_owned),
    }
}

type Fault = (&'static str, String, Option<&'static str>);

/// Evaluates on the samples: as they are, and with the shop's own attributes as each of the types they may have.
fn try_out(kind: Kind, rule: &Rule, findings: &Findings) -> Option<Fault> {
    let mut given = false;
    let mut missing = false;
    for sample in samples() {
        match evaluate(kind, rule, sample, &[], &BTreeSet::new()) {
            Ok(Some(_)) => given = true,
            Ok(None) => missing = true,
            Err(failure) => return Some(told(failure)),
        }
    }
    if !given && !(findings.attributes.is_empty() && findings.options.is_empty()) {
        let fault = try_attributes(kind, rule, findings);
        if fault.is_some() {
            return fault;
        }
    }
    (missing && rule.field.required).then(|| {
        let hint = "give it a fallback, such as `has(a) ? a : b`";
        ("C0516", "the destination requires the field, and the expression may give nothing".to_owned(), Some(hint))
    })
}

/// One way of giving attributes types that works is enough.
fn try_attributes(kind: Kind, rule: &Rule, findings: &Findings) -> Option<Fault> {
    let full = samples().last()?;
    let mut last = None;
    for types in combinations(&findings.attributes) {
        match evaluate(kind, rule, full, &types, &findings.options) {
            Ok(_) => return None,
            // That a result does not fit says more than that another type could not be evaluated.
            Err(Failure::Evaluation(_)) if last.is_some() => {}
            Err(failure) => last = Some(failure),
        }
    }
    // Types may be mixed in a way that was not tried.
    let untried = findings.attributes.len() > MIXED && matches!(last, Some(Failure::Evaluation(_)));
    last.filter(|_| !untried).map(told)
}

/// Up to so many attributes are tried in every combination of types.
const MIXED: usize = 3;

/// Attributes with a type each: every combination, or, of many, all of one type.
fn combinations(names: &BTreeSet<String>) -> Vec<Vec<(&str, Holds)>> {
    if names.len() > MIXED {
        return Holds::ALL.iter().map(|holds| names.iter().map(|name| (name.as_str(), *holds)).collect()).collect();
    }
    names.iter().fold(vec![Vec::new()], |so_far, name| {
        let with = |types: &Vec<(_, _)>, holds| types.iter().copied().chain([(name.as_str(), holds)]).collect();
        so_far.iter().flat_map(|types| Holds::ALL.map(|holds| with(types, holds))).collect()
    })
}

fn evaluate(
    kind: Kind,
    rule: &Rule,
    sample: &Sample,
    attributes: &[(&str, Holds)],
    options: &BTreeSet<String>,
) -> Result<Option<Json>, Failure> {
    let mut context = Context::with_env(function::environment());
    bind(&mut context, "market", sample.view.market());
    if kind == Kind::Category {
        bind(&mut context, "category", &sample.category());
    } else if let Some(listing) = sample.listing(attributes, options) {
        bind(&mut context, "product", &listing);
        bind(&mut context, "variant", &listing.variants.first());
    }
    rule.evaluate(&context)
}

fn bind<T: Serialize>(context: &mut Context<'_, '_>, name: &str, sample: &T) {
    if let Ok(value) = value::record(sample, &Used::All) {
        context.add_variable_from_value(name, value);
    }
}

fn told(failure: Failure) -> Fault {
    match failure {
        Failure::Evaluation(what) => ("C0517", format!("it fails on a sample record: {what}"), None),
        Failure::Fit(what) => ("C0516", what, Some("`int(…)`, `double(…)` and `string(…)` turn one type into another")),
    }
}
