//! Bounds the cost of an expression. CEL itself has no bound: a loop within a loop over a long list takes minutes, and
//! a text that is doubled again and again all memory.
//!
//! Every loop and every operand of a function is charged during the evaluation, before it is processed: a loop by its
//! turns times the parts of its body, an operand by its size. An evaluation that would take more than [`MOST_STEPS`]
//! stops there. The expression is rewritten for it once, when it is loaded; its result stays the same.
//!
//! **Invariant:** the same expression on the same record takes the same steps, on any machine: no clock is asked.

use std::cell::Cell;

use cel::{
    Context, DeclarationError, Env, ExecutionError, IdedExpr, Value,
    common::{
        ast::{CallExpr, EntryExpr, Expr, LiteralValue, operators},
        types::{CelBytes, CelInt, CelList, CelMap, CelOptional, CelString, DYN_TYPE},
        value::{CowVal, Val},
    },
};

use super::{function, tree::size};

/// Most steps of one evaluation: about a million values read or 16 MB of text made, well below a second.
pub(super) const MOST_STEPS: u64 = 1_000_000;

/// So many bytes of text are a step.
const BYTES_PER_STEP: u64 = 16;
/// An item of a list that is made takes so many steps.
const PER_ITEM: u64 = 4;

/// Names of the metering functions: a user's expression can't contain them.
const OPERAND: &str = "@operand";
const LOOP: &str = "@loop";
const COUNT: &str = "@count";
const LETTERS: &str = "@letters";
const PAIRS: &str = "@pairs";
const PATTERN: &str = "@pattern";
const REPLACE: &str = "@replace";
const JOIN: &str = "@join";

thread_local! {
    /// Steps that the evaluation under way has left. An evaluation never leaves its thread.
    static LEFT: Cell<u64> = const { Cell::new(0) };
}

/// The evaluation takes more steps than it may.
#[derive(Debug)]
pub(super) struct Exhausted;

/// Evaluates an expression that was [`metered`].
pub(super) fn evaluate(
    expression: &IdedExpr,
    context: &Context<'_, '_>,
) -> Result<Result<Value, ExecutionError>, Exhausted> {
    LEFT.set(MOST_STEPS);
    let value = Value::resolve(expression, context);
    // `||` and `exists` go on after an error; their result is then ignored.
    if LEFT.get() == 0 { Err(Exhausted) } else { Ok(value) }
}

fn spend(steps: u64) -> Result<(), ExecutionError> {
    let left = LEFT.get().saturating_sub(steps);
    LEFT.set(left);
    if left == 0 { Err(ExecutionError::function_error("expression", "takes too many steps")) } else { Ok(()) }
}

// ── weights ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/// How large a value is, in steps. Stops counting beyond `most`.
#[expect(clippy::iter_over_hash_type, reason = "a sum, of which only counts whether it is more than `most`")]
fn weight(value: &dyn Val, most: u64) -> u64 {
    let mut sum = 1;
    let add = |part: &dyn Val, sum: &mut u64| {
        if *sum <= most {
            *sum = sum.saturating_add(weight(part, most - *sum));
        }
    };
    if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        sum += text.inner().len() as u64 / BYTES_PER_STEP;
    } else if let Some(bytes) = value.downcast_ref::<CelBytes<'_>>() {
        sum += bytes.inner().len() as u64 / BYTES_PER_STEP;
    } else if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        for item in list.inner() {
            add(item.as_ref(), &mut sum);
        }
    } else if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        for (key, item) in map.inner() {
            add(key.inner(), &mut sum);
            add(item.as_ref(), &mut sum);
        }
    } else if let Some(inner) = value.downcast_ref::<CelOptional<'_>>().and_then(CelOptional::option) {
        add(inner, &mut sum);
    }
    sum
}

/// Items of a list or members of a map; none for what can't be walked over.
fn length(value: &dyn Val) -> u64 {
    if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        list.inner().len() as u64
    } else {
        value.downcast_ref::<CelMap<'_>>().map_or(0, |map| map.inner().len() as u64)
    }
}

fn text<'a>(value: &'a CowVal<'_, '_>) -> Option<&'a str> {
    value.downcast_ref::<CelString<'_>>().map(CelString::inner)
}

/// The approximate cost of compiling a regular expression: repetitions multiply, classes are large.
fn pattern_weight(pattern: &str) -> u64 {
    let class = if pattern.is_ascii() && !pattern.contains('\\') { 1 } else { 10 };
    let numbers = pattern.split(|letter: char| !letter.is_ascii_digit()).filter_map(|digits| digits.parse().ok());
    let repeats = numbers.fold(1_u64, |product, number: u64| product.saturating_mul(number.max(1)));
    (100 + pattern.len() as u64).saturating_mul(class).saturating_mul(repeats)
}

// ── what is called while evaluating ─────────────────────────────────────────────────────────────────────────────────

type Weighed<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

/// Registers the metering functions.
pub(super) fn declare(env: &mut Env) -> Result<(), DeclarationError> {
    env.add_overload(OPERAND, OPERAND, vec![DYN_TYPE], |args| one(args, |_| 0))?;
    env.add_overload(LOOP, LOOP, vec![DYN_TYPE, DYN_TYPE], walk)?;
    env.add_overload(COUNT, COUNT, vec![DYN_TYPE], |args| {
        one(args, |value| {
            value.downcast_ref::<CelInt>().map_or(0, |count| count.inner().unsigned_abs().saturating_mul(PER_ITEM))
        })
    })?;
    env.add_overload(LETTERS, LETTERS, vec![DYN_TYPE], |args| {
        one(args, |value| {
            value.downcast_ref::<CelString<'_>>().map_or(0, |text| (text.inner().len() as u64).saturating_mul(PER_ITEM))
        })
    })?;
    env.add_overload(PAIRS, PAIRS, vec![DYN_TYPE], |args| {
        // A comparison of two values is quick.
        one(args, |value| length(value).saturating_mul(weight(value, MOST_STEPS)) / BYTES_PER_STEP)
    })?;
    env.add_overload(PATTERN, PATTERN, vec![DYN_TYPE], |args| {
        one(args, |value| value.downcast_ref::<CelString<'_>>().map_or(0, |text| pattern_weight(text.inner())))
    })?;
    env.add_overload(REPLACE, "@replace3", vec![DYN_TYPE, DYN_TYPE, DYN_TYPE], replace)?;
    env.add_overload(REPLACE, "@replace4", vec![DYN_TYPE, DYN_TYPE, DYN_TYPE, DYN_TYPE], replace)?;
    env.add_overload(JOIN, JOIN, vec![DYN_TYPE, DYN_TYPE], join)
}

/// Returns its argument, after charging its weight and an extra cost.
fn one<'b, 'v>(args: Vec<CowVal<'b, 'v>>, more: fn(&dyn Val) -> u64) -> Weighed<'b, 'v> {
    let value = args.into_iter().next().ok_or_else(|| ExecutionError::invalid_argument_count(1, 0))?;
    let weight = weight(value.as_ref(), LEFT.get());
    spend(weight.saturating_add(more(value.as_ref())))?;
    Ok(value)
}

/// Returns the list that is looped over, after charging all turns. The second argument is the cost of one turn.
fn walk<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Weighed<'b, 'v> {
    let mut args = args.into_iter();
    let (Some(range), Some(turn)) = (args.next(), args.next()) else {
        return Err(ExecutionError::invalid_argument_count(2, 0));
    };
    let turn = turn.downcast_ref::<CelInt>().map_or(1, |turn| turn.inner().unsigned_abs());
    let weight = weight(range.as_ref(), LEFT.get());
    spend(weight.saturating_add(length(range.as_ref()).saturating_mul(turn)))?;
    Ok(range)
}

/// `replace`: its result may be as large as the product of two texts.
#[expect(clippy::needless_pass_by_value, reason = "the shape CEL asks for")]
fn replace<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Weighed<'b, 'v> {
    let (of, from, to, most) = match args.as_slice() {
        [of, from, to] => (text(of), text(from), text(to), Some(-1)),
        [of, from, to, most] => (text(of), text(from), text(to), most.downcast_ref::<CelInt>().map(|it| *it.inner())),
        _ => (None, None, None, None),
    };
    let (Some(of), Some(from), Some(to), Some(most)) = (of, from, to, most) else {
        return Err(not_for("replace", &args));
    };
    // A negative number means all of them.
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let times = of.matches(from).take(most).count() as u64;
    spend((of.len() as u64).saturating_add(times.saturating_mul(to.len() as u64)) / BYTES_PER_STEP)?;
    Ok(CowVal::owned(CelString::from(of.replacen(from, to, most))))
}

/// `join`: its result may be as large as the separator times the items.
#[expect(clippy::needless_pass_by_value, reason = "the shape CEL asks for")]
fn join<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Weighed<'b, 'v> {
    let [of, separator] = args.as_slice() else { return Err(not_for("join", &args)) };
    let (Some(list), Some(separator)) = (of.downcast_ref::<CelList<'_>>(), text(separator)) else {
        return Err(not_for("join", &args));
    };
    let texts = list.inner().iter().map(|item| item.downcast_ref::<CelString<'_>>().map(CelString::inner));
    let Some(texts) = texts.collect::<Option<Vec<&str>>>() else { return Err(not_for("join", &args)) };
    spend((texts.len() as u64).saturating_mul(separator.len() as u64) / BYTES_PER_STEP)?;
    Ok(CowVal::owned(CelString::from(texts.join(separator))))
}

/// The same error as CEL's own.
fn not_for(function: &str, args: &[CowVal<'_, '_>]) -> ExecutionError {
    let types = args.iter().skip(1).map(|arg| arg.get_type().name().to_owned()).collect();
    ExecutionError::no_such_member_overload(function, types)
}

// ── the rewriting ───────────────────────────────────────────────────────────────────────────────────────────────────

/// The expression with metering.
pub(super) fn metered(node: IdedExpr) -> IdedExpr {
    operand(node)
}

/// The node with everything in it metered, except its own result.
fn inside(node: IdedExpr) -> IdedExpr {
    let IdedExpr { id, expr } = node;
    let expr = match expr {
        Expr::Select(mut select) => {
            select.operand = Box::new(inside(*select.operand));
            Expr::Select(select)
        }
        Expr::List(mut list) => {
            list.elements = list.elements.into_iter().map(operand).collect();
            Expr::List(list)
        }
        Expr::Map(mut map) => {
            for entry in &mut map.entries {
                if let EntryExpr::MapEntry(it) = &mut entry.expr {
                    it.key = operand(std::mem::take(&mut it.key));
                    it.value = operand(std::mem::take(&mut it.value));
                }
            }
            Expr::Map(map)
        }
        Expr::Comprehension(mut it) => {
            let parts = size(&it.loop_cond) + size(&it.loop_step);
            let turn = IdedExpr {
                id,
                expr: Expr::Literal(LiteralValue::Int(i64::try_from(parts).unwrap_or(i64::MAX).into())),
            };
            it.iter_range = weighed(id, LOOP, vec![inside(std::mem::take(&mut it.iter_range)), turn]);
            it.accu_init = operand(std::mem::take(&mut it.accu_init));
            for part in [&mut it.loop_cond, &mut it.loop_step, &mut it.result] {
                *part = inside(std::mem::take(part));
            }
            Expr::Comprehension(it)
        }
        Expr::Call(call) => return called(id, call),
        other => other,
    };
    IdedExpr { id, expr }
}

fn called(id: u64, mut it: CallExpr) -> IdedExpr {
    let own = |it: CallExpr| IdedExpr { id, expr: Expr::Call(it) };
    match it.func_name.as_str() {
        // They pass their operand on, and read no more than a part of it.
        operators::CONDITIONAL
        | operators::LOGICAL_AND
        | operators::LOGICAL_OR
        | operators::LOGICAL_NOT
        | operators::NOT_STRICTLY_FALSE
        | operators::INDEX => {
            it.args = it.args.into_iter().map(inside).collect();
            return own(it);
        }
        operators::OPT_SELECT | operators::OPT_INDEX => {
            it.args = it.args.into_iter().map(inside).collect();
            return weighed(id, OPERAND, vec![own(it)]);
        }
        _ => {}
    }
    it.args = it.args.into_iter().map(operand).collect();
    let Some(target) = it.target.take() else { return own(it) };
    if let Expr::Ident(namespace) = &target.expr
        && function::is_namespaced(namespace, &it.func_name)
    {
        if it.func_name == "range" {
            it.args = it.args.into_iter().map(|count| weighed(id, COUNT, vec![count])).collect();
        }
        it.target = Some(target);
        return own(it);
    }
    let target = operand(*target);
    let together = |target, args: Vec<IdedExpr>| [target].into_iter().chain(args).collect();
    it.target = Some(Box::new(match (it.func_name.as_str(), it.args.len()) {
        ("replace", 2 | 3) => return weighed(id, REPLACE, together(target, it.args)),
        ("join", 1) => return weighed(id, JOIN, together(target, it.args)),
        ("split", _) => weighed(id, LETTERS, vec![target]),
        ("distinct", _) => weighed(id, PAIRS, vec![target]),
        ("matches", _) => {
            it.args = it.args.into_iter().map(|pattern| weighed(id, PATTERN, vec![pattern])).collect();
            target
        }
        _ => target,
    }));
    own(it)
}

/// The node with everything in it metered, and its result as well if nothing in it was: a part of the record, a part of
/// another value. The result of a function is no larger than the operands that were charged for it.
fn operand(node: IdedExpr) -> IdedExpr {
    let is_part = match &node.expr {
        // The accumulator of a loop: CEL appends to it in place, but only if the node is not wrapped.
        Expr::Ident(name) => !name.starts_with('@'),
        Expr::Select(select) => !select.test,
        Expr::Call(call) => match call.func_name.as_str() {
            // Nested quotation doubles the quotation marks each time.
            operators::CONDITIONAL | operators::INDEX | "quote" => true,
            _ => false,
        },
        _ => false,
    };
    let id = node.id;
    let node = inside(node);
    if is_part { weighed(id, OPERAND, vec![node]) } else { node }
}

fn weighed(id: u64, name: &str, args: Vec<IdedExpr>) -> IdedExpr {
    IdedExpr { id, expr: Expr::Call(CallExpr { func_name: name.to_owned(), target: None, args }) }
}
