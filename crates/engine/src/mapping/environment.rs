//! The environment of expressions: the known functions and macros, and those that meter an expression.

use std::sync::{Arc, LazyLock};

use cel::{
    Env, ExecutionError,
    common::{
        types::{CelDouble, CelInt, CelList, LIST_TYPE},
        value::{CowVal, Val},
    },
    extensions,
};

use super::meter;

/// The functions and macros of [`super::function::FUNCTIONS`].
pub(super) fn environment() -> Arc<Env> {
    static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
        let mut env = Env::stdlib();
        let strings = extensions::strings(&mut env);
        let extended = strings
            .and_then(|()| extensions::lists(&mut env))
            .and_then(|()| extensions::math(&mut env))
            .and_then(|()| env.add_overload("sum", "sum(list)", vec![LIST_TYPE], sum))
            .and_then(|()| meter::declare(&mut env));
        debug_assert!(extended.is_ok(), "an extension declares what is declared already");
        Arc::new(env)
    });
    Arc::clone(&ENVIRONMENT)
}

/// The sum of a list of numbers: an integer where all of them are, and 0 of none.
#[expect(clippy::needless_pass_by_value, reason = "the shape CEL asks for")]
fn sum<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let not_for =
        |what: &dyn Val| ExecutionError::no_such_overload("sum", vec![format!("list of {}", what.get_type().name())]);
    let list = args.first().ok_or_else(|| ExecutionError::invalid_argument_count(1, 0))?;
    let list = list.downcast_ref::<CelList<'_>>().ok_or_else(|| not_for(list.as_ref()))?;
    let (mut whole, mut number, mut is_whole) = (Some(0_i64), 0.0, true);
    for item in list.inner() {
        if let Some(integer) = item.downcast_ref::<CelInt>().map(|it| *it.inner()) {
            whole = whole.and_then(|sum| sum.checked_add(integer));
            #[expect(clippy::cast_precision_loss, reason = "the sum of a list that has fractions is one")]
            let integer = integer as f64;
            number += integer;
        } else {
            let fraction = item.downcast_ref::<CelDouble>();
            let fraction = fraction.ok_or_else(|| not_for(item.as_ref()))?;
            number += *fraction.inner();
            is_whole = false;
        }
    }
    if is_whole {
        let too_large = || ExecutionError::function_error("sum", "it is too large for an integer");
        let whole = whole.ok_or_else(too_large)?;
        return Ok(CowVal::owned(CelInt::from(whole)));
    }
    Ok(CowVal::owned(CelDouble::from(number)))
}
