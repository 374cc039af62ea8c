//! Functions and macros of expressions.

use serde::Serialize;

/// A function or macro that expressions can call.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Function {
    /// How it is called: `size`, `math.round`.
    pub name: &'static str,
    /// An expression that calls it.
    pub example: &'static str,
    /// The value of the example, as JSON.
    pub gives: &'static str,
}

const fn function(name: &'static str, example: &'static str, gives: &'static str) -> Function {
    Function { name, example, gives }
}

/// All of them, in the order of the reference. A test evaluates every example.
pub static FUNCTIONS: &[Function] = &[
    function("has", "has({'a': 1}.a)", "true"),
    function("size", "size('abc')", "3"),
    function("all", "[1, 2].all(x, x > 0)", "true"),
    function("exists", "[1, 2].exists(x, x > 1)", "true"),
    function("exists_one", "[1, 2].exists_one(x, x > 1)", "true"),
    function("map", "[1, 2].map(x, x * 2)", "[2,4]"),
    function("filter", "[1, 2].filter(x, x > 1)", "[2]"),
    function("sortBy", "[3, 1, 2].sortBy(x, -x)", "[3,2,1]"),
    function("sort", "[3, 1, 2].sort()", "[1,2,3]"),
    function("distinct", "[1, 1, 2].distinct()", "[1,2]"),
    function("flatten", "[[1], [2, 3]].flatten()", "[1,2,3]"),
    function("slice", "[1, 2, 3].slice(0, 2)", "[1,2]"),
    function("reverse", "[1, 2].reverse()", "[2,1]"),
    function("join", "['a', 'b'].join(', ')", "\"a, b\""),
    function("sum", "sum([1, 2, 3])", "6"),
    function("lists.range", "lists.range(3)", "[0,1,2]"),
    function("contains", "'shirt'.contains('hi')", "true"),
    function("startsWith", "'shirt'.startsWith('sh')", "true"),
    function("endsWith", "'shirt'.endsWith('rt')", "true"),
    function("matches", "'shirt'.matches('^s.*t$')", "true"),
    function("charAt", "'abc'.charAt(1)", "\"b\""),
    function("indexOf", "'abc'.indexOf('c')", "2"),
    function("lastIndexOf", "'abca'.lastIndexOf('a')", "3"),
    function("lowerAscii", "'ABC'.lowerAscii()", "\"abc\""),
    function("upperAscii", "'abc'.upperAscii()", "\"ABC\""),
    function("trim", "' a '.trim()", "\"a\""),
    function("replace", "'a-b'.replace('-', ' ')", "\"a b\""),
    function("split", "'a,b'.split(',')", "[\"a\",\"b\"]"),
    function("substring", "'abc'.substring(1)", "\"bc\""),
    function("format", "'%s: %d'.format(['a', 1])", "\"a: 1\""),
    function("strings.quote", "strings.quote('a')", "\"\\\"a\\\"\""),
    function("string", "string(1)", "\"1\""),
    function("int", "int('1')", "1"),
    function("uint", "uint(1)", "1"),
    function("double", "double('1.5')", "1.5"),
    function("bool", "bool('true')", "true"),
    function("bytes", "size(bytes('ab'))", "2"),
    function("dyn", "dyn(1)", "1"),
    function("type", "type(1) == int", "true"),
    function("math.abs", "math.abs(-1)", "1"),
    function("math.ceil", "math.ceil(1.2)", "2.0"),
    function("math.floor", "math.floor(1.8)", "1.0"),
    function("math.round", "math.round(1.5)", "2.0"),
    function("math.trunc", "math.trunc(1.8)", "1.0"),
    function("math.sign", "math.sign(-3)", "-1"),
    function("math.sqrt", "math.sqrt(4.0)", "2.0"),
    function("math.greatest", "math.greatest(1, 2, 3)", "3"),
    function("math.least", "math.least([1, 2, 3])", "1"),
    function("math.isNaN", "math.isNaN(0.0)", "false"),
    function("math.isInf", "math.isInf(0.0)", "false"),
    function("math.isFinite", "math.isFinite(0.0)", "true"),
    function("math.bitAnd", "math.bitAnd(3, 1)", "1"),
    function("math.bitOr", "math.bitOr(2, 1)", "3"),
    function("math.bitXor", "math.bitXor(3, 1)", "2"),
    function("math.bitNot", "math.bitNot(0)", "-1"),
    function("math.bitShiftLeft", "math.bitShiftLeft(1, 2)", "4"),
    function("math.bitShiftRight", "math.bitShiftRight(4, 2)", "1"),
    function("optional.of", "optional.of(1).value()", "1"),
    function("optional.none", "optional.none().hasValue()", "false"),
    function("optional.ofNonZeroValue", "optional.ofNonZeroValue(0).hasValue()", "false"),
    function("hasValue", "optional.of(1).hasValue()", "true"),
    function("value", "optional.of(1).value()", "1"),
    function("or", "optional.none().or(optional.of(2)).value()", "2"),
    function("orValue", "optional.none().orValue(3)", "3"),
];

/// Names of types, which are used without arguments: `type(x) == string`.
pub(super) const TYPES: [&str; 12] =
    ["bool", "bytes", "double", "dyn", "int", "list", "map", "null_type", "optional_type", "string", "type", "uint"];

/// `math.round`: a function whose name has a dot.
pub(super) fn is_namespaced(namespace: &str, name: &str) -> bool {
    FUNCTIONS.iter().any(|function| function.name.split_once('.') == Some((namespace, name)))
}

/// Operators and expanded macros, which a user does not call by name.
pub(super) fn is_internal(name: &str) -> bool {
    !name.chars().all(|letter| letter.is_alphanumeric() || letter == '_' || letter == '.')
}
