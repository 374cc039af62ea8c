//! Traverses the syntax tree of an expression.

use cel::{
    IdedExpr,
    common::ast::{EntryExpr, Expr},
};

/// The depth of nesting. A loop counts twice, as its evaluation needs two stack frames.
pub(super) fn depth(node: &IdedExpr) -> usize {
    let own = if matches!(node.expr, Expr::Comprehension(_)) { 2 } else { 1 };
    own + below(node).into_iter().map(depth).max().unwrap_or(0)
}

/// The children of a node.
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

/// The number of nodes: the steps of one evaluation without loops.
pub(super) fn size(node: &IdedExpr) -> usize {
    1 + below(node).into_iter().map(size).sum::<usize>()
}
