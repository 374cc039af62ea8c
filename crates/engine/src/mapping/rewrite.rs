//! Rewrites questions for missing values.
//!
//! In CEL, `has(product.rating.average)` fails where there is no rating, and a comparison with `null` fails where the
//! field is missing. After the rewrite each step of the path is checked in turn, and a missing field equals `null`.

use cel::{
    IdedExpr,
    common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, operators},
};

/// The rewritten expression.
pub(super) fn forgiving(node: IdedExpr) -> IdedExpr {
    let IdedExpr { id, expr } = node;
    match expr {
        Expr::Select(select) if select.test => {
            let mut select = select;
            let steps = select.operand.as_ref().clone();
            select.operand = Box::new(forgiving(*select.operand));
            let asked = IdedExpr { id, expr: Expr::Select(select) };
            present(&steps).map_or(asked.clone(), |before| call(id, operators::LOGICAL_AND, vec![before, asked]))
        }
        Expr::Call(mut call_expr) => {
            if let Some(asked) = null_comparison(id, &call_expr) {
                return asked;
            }
            call_expr.args = call_expr.args.into_iter().map(forgiving).collect();
            call_expr.target = call_expr.target.map(|target| Box::new(forgiving(*target)));
            IdedExpr { id, expr: Expr::Call(call_expr) }
        }
        other => IdedExpr { id, expr: within(other) },
    }
}

/// Keeps the node and rewrites its children.
fn within(expr: Expr) -> Expr {
    match expr {
        Expr::Select(mut select) => {
            select.operand = Box::new(forgiving(*select.operand));
            Expr::Select(select)
        }
        Expr::Comprehension(mut it) => {
            for part in [&mut it.iter_range, &mut it.accu_init, &mut it.loop_cond, &mut it.loop_step, &mut it.result] {
                *part = forgiving(std::mem::take(part));
            }
            Expr::Comprehension(it)
        }
        Expr::List(mut list) => {
            list.elements = list.elements.into_iter().map(forgiving).collect();
            Expr::List(list)
        }
        Expr::Map(mut map) => {
            for entry in &mut map.entries {
                if let EntryExpr::MapEntry(it) = &mut entry.expr {
                    it.key = forgiving(std::mem::take(&mut it.key));
                    it.value = forgiving(std::mem::take(&mut it.value));
                }
            }
            Expr::Map(map)
        }
        other => other,
    }
}

/// `path == null` and `path != null`.
fn null_comparison(id: u64, it: &CallExpr) -> Option<IdedExpr> {
    let path = match it.args.as_slice() {
        [path, null] if is_null(null) => path,
        [null, path] if is_null(null) => path,
        _ => return None,
    };
    let asked = present(path)?;
    match it.func_name.as_str() {
        operators::NOT_EQUALS => Some(asked),
        operators::EQUALS => Some(call(id, operators::LOGICAL_NOT, vec![asked])),
        _ => None,
    }
}

/// Whether each step of a path exists; `None` if the node is no path, or a variable alone.
fn present(node: &IdedExpr) -> Option<IdedExpr> {
    let (above, asked) = match &node.expr {
        Expr::Select(select) if !select.test => {
            let mut select = select.clone();
            select.test = true;
            let above = select.operand.as_ref().clone();
            select.operand = Box::new(forgiving(*select.operand));
            (above, IdedExpr { id: node.id, expr: Expr::Select(select) })
        }
        Expr::Call(it) if it.func_name == operators::INDEX => match it.args.as_slice() {
            [map, key] if matches!(key.expr, Expr::Literal(LiteralValue::String(_))) => {
                let asked = call(node.id, operators::IN, vec![key.clone(), forgiving(map.clone())]);
                (map.clone(), asked)
            }
            _ => return None,
        },
        _ => return None,
    };
    match present(&above) {
        Some(before) => Some(call(node.id, operators::LOGICAL_AND, vec![before, asked])),
        None => Some(asked),
    }
}

fn is_null(node: &IdedExpr) -> bool {
    matches!(node.expr, Expr::Literal(LiteralValue::Null))
}

fn call(id: u64, function: &str, args: Vec<IdedExpr>) -> IdedExpr {
    IdedExpr { id, expr: Expr::Call(CallExpr { func_name: function.to_owned(), target: None, args }) }
}
