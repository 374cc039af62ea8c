//! Compiles expressions and evaluates them on samples, so that mistakes are reported before the first record.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use cel::{
    Context, IdedExpr, Program,
    parser::{ParseError, ParseErrors},
};
use contract::{FieldSpec, FieldType};
use model::Kind;
use serde::Serialize;
use serde_json::Value as Json;

use super::{
    Expression, Failure, Mapping, Rule, Rules,
    check::{self, Findings},
    environment,
    error::{MappingError, Place, line_and_column, meant},
    excess, meter, rewrite,
    sample::{Holds, Sample, samples},
    shape::{FROM_HISTORY, variables},
    target, tree,
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
                    rules.used.entry(name).or_insert(Used::NOTHING).merge(used);
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
    let (program, metered) = parse(expression)?;
    let findings = check::look_over(program.expression(), variables(kind));
    if !findings.faults.is_empty() {
        let offset = |node| {
            let bytes = program.source_info().offset_for(node).map_or(0, |(start, _)| start as usize);
            expression.text.char_indices().take_while(|(at, _)| *at < bytes).count()
        };
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
        attributes: findings.attributes.clone(),
        price_history: FROM_HISTORY.iter().any(|name| expression.text.contains(name)),
        expression: metered,
    };
    match try_out(kind, &rule, &findings) {
        None => Ok((rule, findings)),
        Some((code, message, hint)) => Err(vec![wrong(expression, code, 0, &message, hint)]),
    }
}

/// The program as it was written, and as it is evaluated.
fn parse(expression: &Expression) -> Result<(Program, IdedExpr), Vec<MappingError>> {
    if expression.text.trim().is_empty() {
        let hint = "write an expression such as `product.name`, or remove the field";
        return Err(vec![wrong(expression, "C0511", 0, "the expression is empty", Some(hint))]);
    }
    let refused =
        |message: &str| Err(vec![wrong(expression, "C0511", 0, message, Some("split it into several fields"))]);
    if expression.text.len() > LONGEST {
        return refused(&format!("the expression is longer than {LONGEST} bytes"));
    }
    match on_a_large_stack(&expression.text) {
        Some(Ok(Some(parsed))) => Ok(parsed),
        Some(Ok(None)) => refused(&format!("the expression is nested deeper than {DEEPEST} levels")),
        // One mistake causes several errors of the parser; the first is the most useful.
        Some(Err(errors)) => Err(errors.errors.iter().take(1).map(|error| syntax(expression, error)).collect()),
        None => refused("the expression is more than the parser can take"),
    }
}

/// Longest expression: longer than anything a person writes.
const LONGEST: usize = 5_000;

/// Deepest nesting: evaluation recurses as deep as an expression is nested, metering included, on the stack of its
/// caller.
const DEEPEST: usize = 48;

/// Parses on a thread whose stack holds the deepest nesting that fits into [`LONGEST`], and drops there what is too
/// deep.
fn on_a_large_stack(text: &str) -> Option<Result<Option<(Program, IdedExpr)>, ParseErrors>> {
    const STACK: usize = 512 << 20;
    let parse = || {
        let program = environment::environment().compile(text)?;
        if tree::depth(program.expression()) > DEEPEST {
            return Ok(None);
        }
        let metered = meter::metered(rewrite::forgiving(program.expression().clone()));
        Ok((tree::depth(&metered) <= DEEPEST).then_some((program, metered)))
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, parse);
        thread.ok()?.join().ok()
    })
}

fn syntax(expression: &Expression, error: &ParseError) -> MappingError {
    let (line, column) = error.pos;
    let line = usize::try_from(line).unwrap_or(1).saturating_sub(1);
    let column = usize::try_from(column).unwrap_or(1).saturating_sub(1);
    let before: usize = expression.text.split('\n').take(line).map(|text| text.chars().count() + 1).sum();
    let offset = (before + column).min(expression.text.chars().count());
    let hint = "expressions are written in CEL, such as `product.name` or `variant.price > 20.0 ? 'dear' : 'fair'`";
    wrong(expression, "C0511", offset, &unexpected(&error.msg), Some(hint))
}

/// The parser's message without its grammar.
fn unexpected(message: &str) -> String {
    let message = message.strip_prefix("Syntax error: ").unwrap_or(message);
    let message = message.split(" expecting ").next().unwrap_or(message);
    let input = ["mismatched input ", "extraneous input ", "no viable alternative at input "]
        .iter()
        .find_map(|prefix| message.strip_prefix(prefix))
        .map(|input| input.trim_matches('\''));
    match input {
        Some("<EOF>") => "the expression ends too early".to_owned(),
        Some(input) => format!("unexpected `{input}`"),
        None => format!("it can't be read: {message}"),
    }
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

/// Evaluates on the samples: unchanged, and with the shop's own attributes in each type that they may have.
fn try_out(kind: Kind, rule: &Rule, findings: &Findings) -> Option<Fault> {
    let mut given = false;
    let mut missing = false;
    for sample in samples() {
        match evaluate(kind, rule, sample, &[], &BTreeSet::new()) {
            Ok(None) => missing = true,
            // Amounts and texts of a sample are not the shop's.
            Ok(Some(_)) | Err(Failure::Data(_)) => given = true,
            Err(Failure::Constraint(_)) if rule.field.of != FieldType::Text => given = true,
            Err(failure) => return Some(evaluation_fault(failure)),
        }
    }
    let names_the_shops = !findings.attributes.is_empty() || !findings.options.is_empty();
    if !given && names_the_shops {
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

/// One combination of attribute types that works is enough.
fn try_attributes(kind: Kind, rule: &Rule, findings: &Findings) -> Option<Fault> {
    let full = samples().last()?;
    let mut first_failure = None;
    for types in combinations(&findings.attributes) {
        match evaluate(kind, rule, full, &types, &findings.options) {
            Ok(_) | Err(Failure::Constraint(_) | Failure::Data(_)) => return None,
            // A result that does not fit is more useful than an evaluation that failed with another type.
            Err(failure) => match (&first_failure, &failure) {
                (None, _) | (Some(Failure::Evaluation(_)), Failure::Type(_)) => first_failure = Some(failure),
                _ => {}
            },
        }
    }
    // A combination of types that was not tried may work.
    let untried = findings.attributes.len() > MIXED && matches!(first_failure, Some(Failure::Evaluation(_)));
    first_failure.filter(|_| !untried).map(evaluation_fault)
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
    let mut context = Context::with_env(environment::environment());
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
    if let Ok(Some(made)) = value::make(sample, &Used::All) {
        context.add_variable_as_val(name, made);
    }
}

fn evaluation_fault(failure: Failure) -> Fault {
    match failure {
        Failure::Evaluation(what) | Failure::Data(what) => {
            ("C0517", format!("it fails on a sample record: {what}"), None)
        }
        Failure::Excess => (
            "C0524",
            format!("{} on a sample record", excess()),
            Some("loop over shorter lists, and not within a loop"),
        ),
        Failure::Type(what) => {
            ("C0516", what, Some("`int(…)`, `double(…)` and `string(…)` turn one type into another"))
        }
        Failure::Constraint(what) => ("C0516", what, None),
    }
}
