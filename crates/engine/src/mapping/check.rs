//! Checks an expression before it is evaluated: every variable, field and function it names must be known. Fields of
//! attributes and options are the shop's own names, so any name is accepted there, and noted.

use std::collections::{BTreeMap, BTreeSet};

use cel::{
    IdedExpr,
    common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, operators},
};

use super::{
    error::meant,
    function::{self, FUNCTIONS},
    shape::{Record, Shape, Variable},
    value::{ELEMENT, Used},
};

/// The result of a check.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Mistakes, each with its node.
    pub(super) faults: Vec<Finding>,
    /// Parts used, by variable.
    pub(super) used: BTreeMap<&'static str, Used>,
    /// Names used on attributes, and on options.
    pub(super) attributes: BTreeSet<String>,
    pub(super) options: BTreeSet<String>,
}

/// A mistake.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) code: &'static str,
    pub(super) node: u64,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// Checks a whole expression.
pub(super) fn look_over(expression: &IdedExpr, variables: &'static [Variable]) -> Findings {
    let mut walk = Walk { variables, bound: Vec::new(), findings: Findings::default() };
    walk.type_of(expression);
    walk.findings
}

/// The type of a value, as far as it is known.
#[derive(Clone, Debug)]
enum Type {
    /// A part of a variable.
    Part(Shape, Way),
    /// A list that a macro or a literal makes.
    List(Box<Type>),
    Unknown,
}

/// The path from a variable to a part of it.
#[derive(Clone, Debug)]
struct Way {
    variable: &'static str,
    steps: Vec<String>,
}

impl Way {
    fn to(&self, step: &str) -> Self {
        let steps = self.steps.iter().cloned().chain([step.to_owned()]).collect();
        Self { variable: self.variable, steps }
    }
}

struct Walk {
    variables: &'static [Variable],
    /// Variables of the enclosing macros, innermost last.
    bound: Vec<(String, Type)>,
    findings: Findings,
}

impl Walk {
    /// The type of a value that is used as it is.
    fn type_of(&mut self, node: &IdedExpr) -> Type {
        let of = self.part_of(node);
        if let Type::Part(_, way) = &of {
            *self.used(way) = Used::All;
        }
        of
    }

    fn used(&mut self, way: &Way) -> &mut Used {
        self.findings.used.entry(way.variable).or_insert(Used::NOTHING).at(&way.steps)
    }

    /// The type of a value of which only a part may be used.
    fn part_of(&mut self, node: &IdedExpr) -> Type {
        match &node.expr {
            Expr::Ident(name) => self.ident(node.id, name),
            Expr::Select(select) => {
                let of = self.part_of(&select.operand);
                self.member(node.id, of, &select.field)
            }
            Expr::Call(call) => self.call(node.id, call),
            Expr::Comprehension(it) => self.comprehension(it),
            Expr::List(list) => {
                let mut types = list.elements.iter().map(|element| self.type_of(element)).collect::<Vec<_>>();
                Type::List(Box::new(if types.len() == 1 { types.remove(0) } else { Type::Unknown }))
            }
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(it) = &entry.expr {
                        self.type_of(&it.key);
                        self.type_of(&it.value);
                    }
                }
                Type::Unknown
            }
            Expr::Struct(it) => {
                self.fault(
                    "C0511",
                    node.id,
                    format!("{} {{…}} makes a message, and there are none", it.type_name),
                    None,
                );
                Type::Unknown
            }
            Expr::Unspecified => {
                self.fault("C0511", node.id, "it is empty".to_owned(), None);
                Type::Unknown
            }
            Expr::Literal(_) => Type::Unknown,
        }
    }

    fn fault(&mut self, code: &'static str, node: u64, message: String, hint: Option<String>) {
        self.findings.faults.push(Finding { code, node, message, hint });
    }

    fn bound(&self, name: &str) -> Option<Type> {
        self.bound.iter().rev().find(|(known, _)| known == name).map(|(_, of)| of.clone())
    }

    /// The variable, unless an enclosing macro has a variable of the same name.
    fn variable(&self, name: &str) -> Option<Variable> {
        let plain = name.strip_prefix('.').unwrap_or(name);
        let hidden = plain == name && self.bound(name).is_some();
        self.variables.iter().find(|variable| variable.name == plain && !hidden).copied()
    }

    fn ident(&mut self, node: u64, name: &str) -> Type {
        if let Some(variable) = self.variable(name) {
            return Type::Part(Shape::Record(variable.of), Way { variable: variable.name, steps: Vec::new() });
        }
        if let Some(of) = self.bound(name) {
            return of;
        }
        if !name.starts_with('@') && !function::TYPES.contains(&name) {
            self.unknown_variable(node, name);
        }
        Type::Unknown
    }

    fn unknown_variable(&mut self, node: u64, name: &str) {
        let known: Vec<_> = self.variables.iter().map(|variable| variable.name).collect();
        let bound = self.bound.iter().map(|(name, _)| name.as_str()).filter(|name| !name.starts_with('@'));
        let close = meant(name, known.iter().copied().chain(bound)).map(ToOwned::to_owned);
        let member = self.variables.iter().find(|it| it.of.members.iter().any(|member| member.name == name));
        let hint = match (close, member) {
            (Some(close), _) => format!("did you mean `{close}`?"),
            (None, Some(variable)) => format!("did you mean `{}.{name}`?", variable.name),
            (None, None) => format!("known: {}", known.join(", ")),
        };
        self.fault("C0512", node, format!("unknown variable `{name}`"), Some(hint));
    }

    fn member(&mut self, node: u64, of: Type, field: &str) -> Type {
        let (shape, way) = match of {
            Type::Part(shape, way) => (shape, way),
            Type::List(_) => {
                self.member_of_list(node, field);
                return Type::Unknown;
            }
            Type::Unknown => return Type::Unknown,
        };
        match shape {
            Shape::Record(record) => {
                if let Some(member) = record.members.iter().find(|member| member.name == field) {
                    return Type::Part(member.of, way.to(field));
                }
                self.unknown_field(node, record, field);
                Type::Unknown
            }
            Shape::Map(of) => {
                self.note_name(*of, field);
                Type::Part(*of, way.to(field))
            }
            Shape::Plain => {
                *self.used(&way) = Used::All;
                Type::Unknown
            }
            Shape::List(_) => {
                self.member_of_list(node, field);
                Type::Unknown
            }
            scalar => {
                self.fault("C0514", node, format!("`.{field}` is asked of {}", scalar.words()), None);
                Type::Unknown
            }
        }
    }

    fn member_of_list(&mut self, node: u64, field: &str) {
        let hint = format!("a list has no fields: use `.map(it, it.{field})` for all of it, or `[0].{field}`");
        self.fault("C0514", node, format!("`.{field}` is asked of a list"), Some(hint));
    }

    fn note_name(&mut self, of: Shape, name: &str) {
        // Options are the ones with values; attributes have a value and a label.
        let is_option = matches!(of, Shape::Record(record) if record.members.iter().any(|it| it.name == "values"));
        let names = if is_option { &mut self.findings.options } else { &mut self.findings.attributes };
        names.insert(name.to_owned());
    }

    fn unknown_field(&mut self, node: u64, record: &Record, field: &str) {
        let members = record.members.iter().map(|member| member.name);
        let elsewhere = self.variables.iter().find(|it| it.of.members.iter().any(|member| member.name == field));
        let has_attributes = members.clone().any(|name| name == "attributes");
        let known = members.clone().collect::<Vec<_>>().join(", ");
        let hint = match (meant(field, members), elsewhere) {
            (Some(close), _) => format!("did you mean `{}.{close}`?", record.name),
            (None, Some(variable)) => format!("did you mean `{}.{field}`?", variable.name),
            (None, None) if has_attributes => {
                format!("an attribute is written `{}.attributes.{field}.label`; known fields: {known}", record.name)
            }
            (None, None) => format!("known fields: {known}"),
        };
        self.fault("C0514", node, format!("{} has no field `{field}`", record.name), Some(hint));
    }

    fn call(&mut self, node: u64, call: &CallExpr) -> Type {
        match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::INDEX, [of, index]) => return self.index(node, of, index),
            (operators::OPT_SELECT | operators::OPT_INDEX, [of, index]) => {
                if let Type::Part(_, way) = self.index(node, of, index) {
                    *self.used(&way) = Used::All;
                }
                return Type::Unknown;
            }
            (operators::CONDITIONAL, [condition, yes, no]) => {
                self.type_of(condition);
                self.type_of(no);
                return self.part_of(yes);
            }
            _ => {}
        }
        let target = call.target.as_deref();
        if let Some(name) = target.and_then(|target| self.namespaced(target, &call.func_name)) {
            if !FUNCTIONS.iter().any(|function| function.name == name) {
                self.unknown_function(node, &name);
            }
        } else {
            if let Some(target) = target {
                self.type_of(target);
            }
            let known = FUNCTIONS.iter().any(|function| function.name == call.func_name);
            if !known && !function::is_internal(&call.func_name) {
                self.unknown_function(node, &call.func_name);
            }
        }
        let types: Vec<_> = call.args.iter().map(|argument| self.type_of(argument)).collect();
        match (call.func_name.as_str(), types.as_slice()) {
            // What `map` and `filter` do in each step: add to the list so far.
            (operators::ADD, [_, Type::List(of)]) => Type::List(of.clone()),
            _ => Type::Unknown,
        }
    }

    /// `math.round`: a function whose name has a dot.
    fn namespaced(&self, target: &IdedExpr, name: &str) -> Option<String> {
        match &target.expr {
            Expr::Ident(namespace) if self.bound(namespace).is_none() && self.variable(namespace).is_none() => {
                let prefix = format!("{namespace}.");
                let is_namespace = FUNCTIONS.iter().any(|function| function.name.starts_with(&prefix));
                is_namespace.then(|| format!("{prefix}{name}"))
            }
            _ => None,
        }
    }

    fn unknown_function(&mut self, node: u64, name: &str) {
        let names = FUNCTIONS.iter().map(|function| function.name);
        let lower = name.to_lowercase();
        let related = names.clone().find(|known| {
            let last = known.rsplit_once('.').map_or(*known, |(_, last)| last);
            last == name || (lower.len() >= 4 && last.to_lowercase().starts_with(&lower))
        });
        let hint = match meant(name, names).or(related) {
            Some(close) => format!("did you mean `{close}`?"),
            None => "the mapping reference lists all functions".to_owned(),
        };
        self.fault("C0513", node, format!("unknown function `{name}`"), Some(hint));
    }

    fn index(&mut self, node: u64, of: &IdedExpr, index: &IdedExpr) -> Type {
        let of = self.part_of(of);
        if let Expr::Literal(LiteralValue::String(name)) = &index.expr {
            return self.member(node, of, name.inner());
        }
        self.type_of(index);
        match of {
            Type::List(of) => *of,
            Type::Part(Shape::List(of), way) => Type::Part(*of, way.to(ELEMENT)),
            // Which element it is depends on the record.
            Type::Part(_, way) => {
                *self.used(&way) = Used::All;
                Type::Unknown
            }
            Type::Unknown => Type::Unknown,
        }
    }

    fn comprehension(&mut self, it: &ComprehensionExpr) -> Type {
        let item = match self.part_of(&it.iter_range) {
            Type::List(of) => *of,
            Type::Part(Shape::List(of), way) => {
                let way = way.to(ELEMENT);
                self.used(&way);
                Type::Part(*of, way)
            }
            // Walking over a map gives its names.
            Type::Part(_, way) => {
                *self.used(&way) = Used::All;
                Type::Unknown
            }
            Type::Unknown => Type::Unknown,
        };
        let start = self.type_of(&it.accu_init);
        let before = self.bound.len();
        self.bound.push((it.iter_var.clone(), item));
        self.bound.extend(it.iter_var2.iter().map(|name| (name.clone(), Type::Unknown)));
        self.bound.push((it.accu_var.clone(), Type::Unknown));
        self.type_of(&it.loop_cond);
        let step = self.type_of(&it.loop_step);
        if let Some(accumulated) = self.bound.last_mut() {
            accumulated.1 = if matches!(start, Type::List(_)) { step } else { start };
        }
        let result = self.type_of(&it.result);
        self.bound.truncate(before);
        result
    }
}
