//! Walking over the syntax tree of an expression.

use cel::{
    IdedExpr,
    common::ast::{EntryExpr, Expr},
};

/// How deep it is nested. A loop counts twice, as its evaluation needs the room of two.
pub(super) fn depth(node: &IdedExpr) -> usize {
    let own = if matches!(node.expr, Expr::Comprehension(_)) { 2 } else { 1 };
    own + below(node).into_iter().map(depth).max().unwrap_or(0)
}

/// What a node is directly made of.
pub(super) fn below(node: &IdedExpr) -> Vec<&IdedExpr> {
    match &node.expr {
        Expr::Select(select) => vec![&select.operand],
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).collect(),
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => map.entries.iter().flat_map(|entry| parts(&entry.expr)).collect(),
        Expr::Struct(it) => it.entries.iter().flat_map(|entry| parts(&entry.expr)).collect(),
        Expr::Comprehension(it) => vec![&it.iter_range, &it.accu_init, &it.loop_cond, &it.loop_step, &it.result],
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => Vec::new(),
    }
}

fn parts(entry: &EntryExpr) -> Vec<&IdedExpr> {
    match entry {
        EntryExpr::MapEntry(it) => vec![&it.key, &it.value],
        EntryExpr::StructField(it) => vec![&it.value],
    }
}

/// How many nodes there are: what one evaluation without loops takes.
pub(super) fn size(node: &IdedExpr) -> usize {
    1 + below(node).into_iter().map(size).sum::<usize>()
}
