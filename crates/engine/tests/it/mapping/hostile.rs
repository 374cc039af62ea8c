//! Expressions that would take hours or all memory: each ends soon with an error that names it.

use contract::{FaultClass, Writer};
use engine::mapping::Mapping;
use model::Localized;

use super::{compile, compile_all};
use crate::market::build::*;

/// Maps a product with a description of so many letters.
fn map(mapping: &Mapping, letters: usize) -> Result<String, contract::Fault> {
    let market = market();
    let long = market.locales.iter().map(|locale| (locale.clone(), "ab ".repeat(letters / 3)));
    let mut product = product(vec![variant("S")]);
    product.description = long.collect::<Localized>();
    let view = plain_view();
    let listing = view.product(&product, &[], NOW).listing.unwrap();
    let mut writer = Writer::new(&|_| false);
    mapping.apply_product(&listing, None, &market, &mut writer)?;
    Ok(writer.finish().joined())
}

#[test]
fn what_can_never_end_in_time_is_refused_when_it_is_loaded() {
    let doubled = format!("['xxxxxxxxxxxxxxxx']{}", ".map(x, x + x + x + x)".repeat(14));
    let quoted = format!("{}'\"\"\"\"'{}", "strings.quote(".repeat(22), ")".repeat(22));
    let replaced = format!("'xx'{}", ".replace('x', 'xxxxxxxxxxxxxxxx')".repeat(12));
    let swallowed = "lists.range(2000).exists(a, lists.range(2000).exists(b, a + b < 0)) || true";
    for text in [
        "size(lists.range(1000).map(a, lists.range(1000).map(b, a * b)))",
        "lists.range(1000).all(a, lists.range(1000).all(b, lists.range(1000).all(c, a + b + c >= 0)))",
        "lists.range(200).filter(a, lists.range(200).exists(b, lists.range(200).exists(c, a == b + c))).size()",
        "size(lists.range(900000))",
        "size(lists.range(100000).map(a, string(a)).distinct())",
        "lists.range(5000).map(a, lists.range(5000)).flatten().size()",
        "size(lists.range(20000).map(a, 'x').join(lists.range(20000).map(a, 'xxxx').join(',')))",
        "lists.range(1000).exists(a, 'x'.matches('(\\\\pL{50})y{' + string(a) + '}'))",
        "lists.range(1000).sortBy(a, lists.range(1000).sortBy(b, b - a)[0])",
        &doubled,
        &quoted,
        &replaced,
        swallowed,
    ] {
        let errors = compile("x", text).map(|_| ()).expect_err(text);
        assert_eq!(errors[0].code, "C0524", "{text}: {}", errors[0]);
        assert!(errors[0].message.contains("1000000 steps"), "{}", errors[0]);
    }
}

#[test]
fn what_a_large_record_makes_endless_sets_it_aside() {
    let hostile = "product.description.split('').map(a, product.description.split('').map(b, a + b))";
    let mapping = compile("pairs", hostile).unwrap();
    assert!(map(&mapping, 30).unwrap().contains("\"aa\""));
    let fault = map(&mapping, 60_000).unwrap_err();
    assert_eq!((fault.class, fault.code.as_ref()), (FaultClass::Record, "C0524"));
    assert!(fault.message.starts_with("field pairs of product p: it takes more than 1000000 steps: `product.desc"));
    assert!(fault.hint.as_deref().unwrap().contains("cartage.toml:12:11"), "{fault:?}");
    for text in [
        "product.description.replace('', product.description)",
        "product.description.split('').join(product.description)",
        "product.description.split('').exists(a, product.description.contains(a + 'q'))",
        "product.description.split('').map(a, product.description)",
        "product.description.split('').map(a, {'all': product.description})",
        "product.description.split('').exists(a, product.description != product.description)",
        "product.description.split('').map(a, product.?description)",
        "product.description.split('').map(a, true ? product.description : a)",
        "product.description.split('').map(a, [product.description, a][0])",
    ] {
        let mapping = compile("x", text).unwrap_or_else(|errors| panic!("{}", errors[0]));
        let fault = map(&mapping, 60_000).expect_err(text);
        assert_eq!(fault.code, "C0524", "{text}: {fault}");
    }
}

#[test]
fn what_people_write_is_far_from_the_bound() {
    let fields = [
        ("words", "product.description.split(' ').filter(w, size(w) > 1).distinct()"),
        ("clean", "product.description.replace('a', 'e').replace('b', '').lowerAscii().trim()"),
        ("pairs", "product.variants.map(a, product.variants.filter(b, b.price >= a.price).size())"),
        ("sum", "sum(lists.range(100).map(a, a * 2))"),
        ("number", "sum([1, 0.5])"),
        ("none", "sum([])"),
    ];
    let mapping = compile_all(model::Kind::Product, &fields).unwrap();
    let made = map(&mapping, 3_000).unwrap();
    assert!(made.contains("\"sum\":9900") && made.contains("\"number\":1.5") && made.contains("\"none\":0"), "{made}");
    // The next evaluation has the full number of steps.
    assert_eq!(map(&mapping, 3_000).unwrap(), made);
}

#[test]
fn sums_are_of_numbers() {
    for text in ["sum(['a'])", "sum(product.variants.map(v, v.id))", "sum([1]) + product.name"] {
        assert_eq!(compile("x", text).map(|_| ()).unwrap_err()[0].code, "C0517", "{text}");
    }
}
