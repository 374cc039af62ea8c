use engine::mapping::{Mapping, shape};
use model::Kind;

use super::{FIELDS, compile, compile_all, expression, extra};

/// Code, place in the file, message and hint of the first mistake.
fn told(name: &str, text: &str) -> String {
    match compile(name, text) {
        Ok(_) => "fine".to_owned(),
        Err(errors) => {
            let error = &errors[0];
            let hint = error.hint.as_deref().map_or(String::new(), |hint| format!(" ({hint})"));
            format!("{} {}:{} {}{hint}", error.code, error.at.line, error.at.column, error.message)
        }
    }
}

#[test]
fn a_report_points_into_the_configuration() {
    let errors = compile("skus", "product.variants.map(v,\n    v.skuu)").unwrap_err();
    let report = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert_eq!(
        report,
        "cartage.toml:13:6: field skus: variant has no field `skuu` [C0514]\n        \
         v.skuu)\n         ^\n  hint: did you mean `variant.sku`?"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn every_mistake_is_named_where_it_stands() {
    let cases = [
        (
            "colour",
            "",
            "C0511 12:11 the expression is empty (write an expression such as `product.name`, or remove the field)",
        ),
        (
            "colour",
            "product.name +",
            "C0511 12:25 the expression ends too early (expressions are written in CEL, such as `product.name` or `variant.price > 20.0 ? 'dear' : 'fair'`)",
        ),
        (
            "colour",
            "product.name) + 1",
            "C0511 12:23 unexpected `)` (expressions are written in CEL, such as `product.name` or `variant.price > 20.0 ? 'dear' : 'fair'`)",
        ),
        (
            "colour",
            "'a",
            "C0511 12:11 it can't be read: token recognition error at: ''a' (expressions are written in CEL, such as `product.name` or `variant.price > 20.0 ? 'dear' : 'fair'`)",
        ),
        ("colour", "Product{name: 1}", "C0511 12:18 Product {…} makes a message, and there are none"),
        ("colour", "prodct.name", "C0512 12:11 unknown variable `prodct` (did you mean `product`?)"),
        ("colour", "sku", "C0512 12:11 unknown variable `sku` (did you mean `product.sku`?)"),
        ("colour", "category.name", "C0512 12:11 unknown variable `category` (known: product, variant, market)"),
        ("skus", "product.variants.map(v, w.sku)", "C0512 12:35 unknown variable `w` (did you mean `v`?)"),
        ("colour", "upper(product.name)", "C0513 12:16 unknown function `upper` (did you mean `upperAscii`?)"),
        ("colour", "product.name.lower()", "C0513 12:29 unknown function `lower` (did you mean `lowerAscii`?)"),
        ("colour", "math.rond(variant.price)", "C0513 12:20 unknown function `math.rond` (did you mean `math.round`?)"),
        ("colour", "round(variant.price)", "C0513 12:16 unknown function `round` (did you mean `math.round`?)"),
        ("colour", "product.nam", "C0514 12:18 product has no field `nam` (did you mean `product.name`?)"),
        ("colour", "product['nam']", "C0514 12:18 product has no field `nam` (did you mean `product.name`?)"),
        ("colour", "product.gtin", "C0514 12:18 product has no field `gtin` (did you mean `variant.gtin`?)"),
        ("colour", "'ä😀' + product.nam", "C0514 12:25 product has no field `nam` (did you mean `product.name`?)"),
        ("colour", "has(product.nam)", "C0514 12:14 product has no field `nam` (did you mean `product.name`?)"),
        ("colour", "product.?nam", "C0514 12:18 product has no field `nam` (did you mean `product.name`?)"),
        ("colour", "product.variants[0].skuu", "C0514 12:30 variant has no field `skuu` (did you mean `variant.sku`?)"),
        (
            "colour",
            "product.rating.avg",
            "C0514 12:25 product.rating has no field `avg` (known fields: average, count)",
        ),
        (
            "colour",
            "variant.attributes.color.labl",
            "C0514 12:35 attribute has no field `labl` (did you mean `attribute.label`?)",
        ),
        ("colour", "product.name.de", "C0514 12:23 `.de` is asked of text"),
        (
            "colour",
            "product.variants.sku",
            "C0514 12:27 `.sku` is asked of a list (a list has no fields: use `.map(it, it.sku)` for all of it, or `[0].sku`)",
        ),
        (
            "skus",
            "product.variants.filter(v, v.in_stock).map(v, v.skuu)",
            "C0514 12:58 variant has no field `skuu` (did you mean `variant.sku`?)",
        ),
        (
            "no-such name",
            "1",
            "C0515 12:11 the destination does not allow this name (known fields: id, name, url, price, stock, skus, created_at, active)",
        ),
        (
            "id",
            "product.id",
            "C0515 12:11 it identifies the record and can't be overridden (the settings of the destination decide what identifies a record)",
        ),
        (
            "price",
            "product.name",
            "C0516 12:11 it must be a number, and is \"Shirt\" (`int(…)`, `double(…)` and `string(…)` turn one type into another)",
        ),
        (
            "stock",
            "variant.price",
            "C0516 12:11 it must be an integer, and is 14.99 (`int(…)`, `double(…)` and `string(…)` turn one type into another)",
        ),
        (
            "skus",
            "product.variants.map(v, v.price)",
            "C0516 12:11 it must be a list of texts, and is [14.99] (`int(…)`, `double(…)` and `string(…)` turn one type into another)",
        ),
        (
            "skus",
            "variant.attributes.color",
            "C0516 12:11 it must be a list of texts, and is {\"label\":\"2026-05-01\",\"title\":\"Title\",\"value\":\"2026-05-01\"} (`int(…)`, `double(…)` and `string(…)` turn one type into another)",
        ),
        (
            "active",
            "product.options.size.values",
            "C0516 12:11 it must be true or false, and is [\"first\",\"second\"] (`int(…)`, `double(…)` and `string(…)` turn one type into another)",
        ),
        ("url", "product.slug", "C0516 12:11 it is no absolute http(s) URL: \"shirt\""),
        (
            "colour",
            "b'abc'",
            "C0516 12:11 it gives bytes, which JSON has no form for (`int(…)`, `double(…)` and `string(…)` turn one type into another)",
        ),
        (
            "colour",
            "1.0 / 0.0",
            "C0516 12:11 it gives a number that is not finite, which JSON has no form for (`int(…)`, `double(…)` and `string(…)` turn one type into another)",
        ),
        (
            "name",
            "product.key",
            "C0516 12:11 the destination requires the field, and the expression may give nothing (give it a fallback, such as `has(a) ? a : b`)",
        ),
        (
            "colour",
            "product.name + 1",
            "C0517 12:11 it fails on a sample record: Unsupported binary operator 'add': String(\"Shirt\"), Int(1)",
        ),
        ("colour", "variant.attributes.color + 'x'", "C0517 12:11 it fails on a sample record"),
        ("colour", "product.key < 1", "C0517 12:11 it fails on a sample record"),
    ];
    for (name, text, expected) in cases {
        let told = told(name, text);
        let shown = if expected.ends_with("record") { &told[..expected.len().min(told.len())] } else { &told };
        assert_eq!(shown, expected, "{name} = {text}");
    }
}

#[test]
fn everything_that_is_wrong_is_reported_at_once() {
    let errors = compile_all(
        Kind::Product,
        &[("a", "product.nam + prodct.name"), ("name", "product.name"), ("name", "product.slug"), ("b", "+")],
    )
    .unwrap_err();
    let codes: Vec<_> = errors.iter().map(|error| (error.field.as_str(), error.code)).collect();
    assert_eq!(codes, [("a", "C0514"), ("a", "C0512"), ("name", "C0515"), ("name", "C0516"), ("b", "C0511")]);
}

#[test]
fn a_closed_schema_takes_no_other_fields() {
    let refused = Mapping::compile(Kind::Product, &FIELDS, None, &[expression("colour", "product.name")]).unwrap_err();
    assert_eq!(refused[0].message, "the destination has no such field, and takes no others");
    assert!(Mapping::compile(Kind::Product, &FIELDS, None, &[expression("url", "product.url")]).is_ok());
    let near = Mapping::compile(Kind::Product, &FIELDS, None, &[expression("nmae", "product.name")]).unwrap_err();
    assert!(near[0].hint.as_deref().unwrap().starts_with("known fields: id"), "two letters apart is too far");
    let nearer = Mapping::compile(Kind::Product, &FIELDS, Some(|_| false), &[expression("Name", "1")]).unwrap_err();
    assert_eq!(nearer[0].hint.as_deref(), Some("did you mean `name`?"));
    assert!(extra("colour"));
}

#[test]
fn expressions_without_end_are_refused() {
    let many = |part: &str, end: &str| format!("{}{end}", part.repeat(4_990 / part.len()));
    let long = format!("'{}'", "x".repeat(5_000));
    assert!(told("colour", &long).starts_with("C0511 12:11 the expression is longer than 5000 bytes"));
    for text in [
        format!("{}1{}", "(".repeat(2_400), ")".repeat(2_400)),
        format!("{}1{}", "[".repeat(2_400), "]".repeat(2_400)),
        format!("{}1{}", "size(".repeat(800), ")".repeat(800)),
        format!("{}1{}", "[1].map(x,".repeat(400), ")".repeat(400)),
        many("(", ""),
        many("!", "true"),
        many("- ", "1"),
        many("1+", "1"),
        many("true?1:", "1"),
        many("true||", "true"),
        format!("product{}", many(".a", "")),
        format!("product{}", many("[0]", "")),
        format!("product{}", many(".trim()", "")),
    ] {
        let told = told("colour", &text);
        // The parser turns some of them into a flat tree.
        assert!(told == "fine" || told.starts_with("C05"), "{told}");
    }
}

#[test]
fn what_only_the_shop_knows_is_not_refused() {
    for (name, text) in [
        ("url", "variant.attributes.link.value"),
        ("url", "'https://cdn.example/' + product.attributes.picture.value"),
        ("price", "variant.price - 1000.0"),
        ("created_at", "int(variant.attributes.year.value)"),
        ("stock", "variant.attributes.pieces.value"),
        ("stock", "int(product.key)"),
        ("stock", "int(product.name.split('-')[3])"),
        ("stock", "100 / size(product.categories)"),
        ("skus", "variant.attributes.fits.value"),
        ("active", "variant.attributes.a.value > variant.attributes.b.value && variant.attributes.c.value == 'x'"),
        ("active", "[1, 2].exists(x, x == variant.attributes.a.value) || 'x' in variant.attributes.b.value"),
        (
            "colour",
            "variant.attributes.a.value + string(variant.attributes.b.value * 2.0) + variant.attributes.c.value[0] + \
             string(variant.attributes.d.value ? 1 : 2)",
        ),
        ("skus", "product.options.size.values"),
        ("x", "product.attributes"),
    ] {
        assert_eq!(told(name, text), "fine", "{text}");
    }
}

#[test]
fn the_deepest_expression_that_is_taken_can_be_evaluated() {
    let deepest = |open: &str, inner: &str, close: &str| {
        let nested = |depth| format!("{}{inner}{}", open.repeat(depth), close.repeat(depth));
        let depths: Vec<usize> = (1..100).collect();
        nested(depths.partition_point(|depth| compile("colour", &nested(*depth)).is_ok()))
    };
    assert!(deepest("1+", "1", "").len() > 80);
    assert!(deepest("true?1:", "1", "").len() > 80);
    assert!(deepest("[1].map(x,", "1", ")").len() > 80);
    assert!(deepest("", "product.name", ".trim()").len() > 80);
    assert!(deepest("", "[1]", ".map(x, x)").len() > 80);
    assert!(deepest("", "product.name", ".replace('a', 'b')").len() > 80);
    assert!(deepest("strings.quote(", "product.name", ")").len() > 80);
    assert!(deepest("[true ? ", "product.name", " : 'b'][0]").len() > 80);
}

#[test]
fn categories_have_variables_of_their_own() {
    assert!(compile_all(Kind::Category, &[("title", "category.path.join(' > ') + market.key")]).is_ok());
    let errors = compile_all(Kind::Category, &[("title", "product.name")]).unwrap_err();
    assert_eq!(errors[0].hint.as_deref(), Some("known: category, market"));
    assert!(compile_all(Kind::Stock, &[("title", "1")]).is_ok());
}

#[test]
fn the_reference_lists_what_can_be_named() {
    let paths: Vec<_> = shape(Kind::Product).into_iter().map(|known| format!("{}: {}", known.path, known.of)).collect();
    for expected in [
        "product.name: text",
        "product.categories: list of product.categories[]",
        "product.categories[].name: text",
        "product.variants[].attributes.<name>.label: text, number, boolean or list",
        "variant.price: number",
        "market.currency: text",
    ] {
        assert!(paths.iter().any(|path| path == expected), "{expected}");
    }
    assert_eq!(shape(Kind::Category).len(), 23);
    assert!(shape(Kind::Stock).is_empty());
}
