use contract::Writer;
use model::Value;
use proptest::prelude::*;

use super::compile;
use crate::market::build::*;

/// Compiles the text, and applies it if that works: neither may panic.
fn run(text: &str) {
    let Ok(mapping) = compile("x", text) else { return };
    let mut shirt = variant("S");
    shirt.attributes = vec![attribute("a", Value::Integer(i64::MAX)), attribute("b", Value::Text("ä😀".into()))];
    let product = product(vec![shirt]);
    let view = plain_view();
    let listing = view.product(&product, &[], NOW).listing.unwrap();
    let mut writer = Writer::new(&|_| false);
    if let Err(fault) = mapping.apply_product(&listing, None, &market(), &mut writer) {
        assert!(fault.message.contains("field x of product p"), "{fault}");
    }
}

/// Tokens of expressions, so that many random sequences are programs.
const TOKENS: &[&str] = &[
    "product",
    "variant",
    "market",
    "category",
    ".name",
    ".key",
    ".price",
    ".attributes",
    ".a",
    ".b",
    ".label",
    ".value",
    ".variants",
    ".rating",
    ".average",
    ".options",
    "['a']",
    "[0]",
    "[1]",
    ".map(v, v",
    ".filter(v, v",
    ".exists(v,",
    "v",
    "has(",
    "size(",
    "string(",
    "int(",
    "double(",
    "math.abs(",
    ".join(', ')",
    ".substring(1)",
    ".split('')",
    ".matches('(')",
    ".format([1])",
    ".replace('', 'x')",
    ".slice(1, 0)",
    ".?key",
    ".orValue(1)",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "{'a': 1}",
    ",",
    ":",
    "?",
    "+",
    "-",
    "*",
    "/",
    "%",
    "==",
    "!=",
    "<",
    "&&",
    "||",
    "!",
    "in",
    "null",
    "true",
    "1",
    "0",
    "-9223372036854775808",
    "9223372036854775807",
    "1u",
    "1.5",
    "1e309",
    "'x'",
    "\"ä😀\"",
    "b'x'",
    "r'\\'",
    "'\\u{d800}'",
    "'\\",
    "// c",
    "\n",
    " ",
    "`x`",
    "@result",
    "__x",
    ".x",
    "a{b: 1}",
    "optional.of(",
    "lists.range(1000000)",
    ".sortBy(v, v",
    "type(",
    "int",
    "%s",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_text_panics(text in "\\PC{0,40}") {
        run(&text);
    }

    #[test]
    fn no_soup_of_tokens_panics(tokens in proptest::collection::vec(proptest::sample::select(TOKENS), 1..12)) {
        run(&tokens.concat());
    }
}

#[test]
fn known_oddities_do_not_panic() {
    for text in [
        "\u{0}",
        "\u{feff}product.name",
        "'\\x",
        "'\\u{110000}'",
        "'\\U00110000'",
        "\"\\400\"",
        "-(-9223372036854775808)",
        "-9223372036854775808 / -1",
        "-9223372036854775808 % -1",
        "9223372036854775807 + variant.attributes.a.value",
        "variant.attributes.a.value * 2",
        "[1][-1]",
        "[1][9223372036854775807]",
        "'abc'.substring(2, 1)",
        "'abc'.substring(-1)",
        "'abc'.charAt(99)",
        "'%d'.format([])",
        "'%'.format([1])",
        "'%.99999f'.format([1.0])",
        "'x'.matches('(((((((((((((((((((((')",
        "lists.range(99999999999)",
        "lists.range(-1)",
        "{1: 1, 1: 2}",
        "{[1]: 2}",
        "math.bitShiftLeft(1, 64)",
        "math.bitShiftLeft(1, -1)",
        "int(1e300)",
        "uint(-1)",
        "double('x')",
        "dyn(null)",
        "product.variants.map(v, v.x.y.z)",
        "product.variants.all(v, v)",
        "[].map(x, y, z)",
        "[1].map(1, 2)",
        "x.map(product.y, 1)",
        "has(1)",
        "has(product)",
        "has(product.name.x)",
        "[[1, 'a']].flatten(-1)",
        "[1, 'a'].sort()",
        "type(product) == map",
        "math.greatest()",
        "math.greatest('a')",
        "[1, 'a'].sortBy(v, v)",
        ".product.name",
        "cel.bind(x, 1, x)",
        "1 ? 2 : 3",
        "product == product",
        "product < product",
        "product + product",
        "!product",
        "-product",
        "product in product",
    ] {
        run(text);
    }
}
