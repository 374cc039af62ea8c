use contract::{Facet, Fault, FaultClass, Payload, Writer};
use engine::mapping::{Mapping, function::FUNCTIONS};
use model::{Kind, Listing, Product, Rating, Record, Value};

use super::{compile, compile_all};
use crate::market::build::*;

/// Two variants, S and M, with what a real product has.
fn shirt() -> Product {
    let sized = |sku: &str, price| {
        let mut it = variant(sku);
        it.prices = vec![euros(price)];
        it.attributes = vec![attribute("color", Value::Enum { key: "red".into(), label: "Rot".into() })];
        it
    };
    let mut medium = sized("M", 2499);
    medium.attributes.push(attribute("weight", Value::Number(1.5)));
    Product {
        attributes: vec![attribute("brand", Value::Text("Acme".into()))],
        categories: vec!["Hemden".into()],
        rating: Some(Rating { average: 4.5, count: 3 }),
        ..product(vec![sized("S", 1999), medium])
    }
}

fn bare() -> Product {
    let mut nameless = variant("x");
    nameless.sku = None;
    Product { key: None, ..product(vec![nameless]) }
}

fn with<T>(product: &Product, look: impl FnOnce(&Listing<'_>) -> T) -> T {
    let view = view(&market(), vec![Record::Category(category("Hemden", None))]);
    look(&view.product(product, &[stock("S", None, 7)], NOW).listing.unwrap())
}

fn apply(mapping: &Mapping, product: &Product, variant: Option<usize>) -> Result<Payload, Fault> {
    with(product, |listing| {
        let taken = |name: &str| mapping.taken(name);
        let mut writer = Writer::new(&taken);
        mapping.apply_product(listing, variant, &market(), &mut writer)?;
        Ok(writer.finish())
    })
}

/// The JSON that an expression gives; empty where the field is left out.
fn gives(text: &str, product: &Product) -> String {
    let mapping = compile("x", text).unwrap_or_else(|errors| panic!("{}", errors[0]));
    let payload = apply(&mapping, product, None).unwrap_or_else(|fault| panic!("{text}: {fault}"));
    payload.joined().strip_prefix("\"x\":").unwrap_or_default().to_owned()
}

#[test]
fn expressions_see_the_listing() {
    let shirt = shirt();
    for (text, expected) in [
        ("product.name", r#""Hemd""#),
        ("product.key", r#""shirt""#),
        ("variant.price", "19.99"),
        ("variant.stock", "7"),
        ("variant.in_stock", "true"),
        ("variant.attributes.color.label", r#""Rot""#),
        ("variant.attributes['color'].value", r#""red""#),
        ("product.attributes.brand.label", r#""Acme""#),
        ("product.variants.map(v, v.sku)", r#"["S","M"]"#),
        ("product.variants[1].attributes.weight.value", "1.5"),
        ("product.variants.filter(v, v.price > 20.0).map(v, v.sku)", r#"["M"]"#),
        ("product.variants.exists(v, v.sku == 'M')", "true"),
        ("product.variants.map(v, v.price).sort()", "[19.99,24.99]"),
        ("math.least(product.variants.map(v, v.price))", "19.99"),
        ("product.categories.map(c, c.name).join(', ')", r#""Hemden""#),
        ("size(product.variants)", "2"),
        ("product.rating.count + 1", "4"),
        ("product.options.weight.values", r#"["1.5"]"#),
        ("market.locales[0] + ' ' + market.currency", r#""de-AT EUR""#),
        ("market.untracked", r#""available""#),
        ("'%s (%s)'.format([product.name, variant.sku])", r#""Hemd (S)""#),
        ("product.variants.map(product, product.sku)", r#"["S","M"]"#),
        ("(variant.in_stock ? variant : product.variants[1]).sku", r#""S""#),
        ("product.?key.orValue('none')", r#""shirt""#),
        ("{'b': 1, 'a': [true, null], 3: 'x'}", r#"{"3":"x","a":[true,null],"b":1}"#),
        ("variant.attributes.map(name, name).sort()", r#"["color"]"#),
        ("'color' in variant.attributes", "true"),
        ("[variant][0].sku", r#""S""#),
    ] {
        assert_eq!(gives(text, &shirt), expected, "{text}");
    }
    let whole = gives("variant", &shirt);
    assert!(whole.contains(r#""on_sale":false"#) && !whole.contains("gtin"), "{whole}");
    assert_eq!(gives("product", &shirt), gives("product", &shirt), "the same text every time");
}

#[test]
fn what_is_missing_leaves_the_field_out_unless_it_is_asked_for() {
    let (shirt, bare) = (shirt(), bare());
    for (text, full, missing) in [
        ("product.key", r#""shirt""#, ""),
        ("null", "", ""),
        ("product.key.upperAscii()", r#""SHIRT""#, ""),
        ("product.rating.average > 4.0", "true", ""),
        ("variant.attributes.color.label", r#""Rot""#, ""),
        ("product.variants[1].sku", r#""M""#, ""),
        ("product.variants.map(v, v.sku)", r#"["S","M"]"#, ""),
        ("product.variants.filter(v, has(v.sku)).map(v, v.sku)", r#"["S","M"]"#, "[]"),
        ("has(product.key)", "true", "false"),
        ("has(product.rating.average)", "true", "false"),
        ("has(variant.attributes.color.label)", "true", "false"),
        ("has(variant.attributes['color'].label)", "true", "false"),
        ("product.key == null", "false", "true"),
        ("null != product.rating.average", "true", "false"),
        ("variant.attributes['color'] != null", "true", "false"),
        ("has(product.key) ? product.key : product.id", r#""shirt""#, r#""p""#),
        ("product.key != null ? product.key : product.id", r#""shirt""#, r#""p""#),
        ("product.?key.orValue('none')", r#""shirt""#, r#""none""#),
        ("optional.none()", "", ""),
        ("product.?key", r#""shirt""#, ""),
        ("product.key == 'shirt' || product.name == 'Hemd'", "true", "true"),
        ("product.key == 'shirt' && product.name == 'Hemd'", "true", ""),
    ] {
        assert_eq!(gives(text, &shirt), full, "{text}");
        assert_eq!(gives(text, &bare), missing, "{text}, of a bare product");
    }
}

#[test]
fn fields_go_into_their_facets_and_take_over_the_built_in_ones() {
    let mapping = compile_all(
        Kind::Product,
        &[
            ("price", "variant.price * 2.0"),
            ("stock", "has(variant.stock) ? variant.stock : 0"),
            ("colour", "variant.attributes.color.label"),
            ("gone", "product.meta_title"),
        ],
    )
    .unwrap();
    assert!(mapping.taken("price") && mapping.taken("gone") && !mapping.taken("name"));
    let payload = apply(&mapping, &shirt(), Some(1)).unwrap();
    assert_eq!(payload.members(Facet::PRICE), r#""price":49.98"#);
    assert_eq!(payload.members(Facet::AVAILABILITY), r#""stock":0"#);
    assert_eq!(payload.members(Facet::CONTENT), r#""colour":"Rot""#);
    assert_ne!(mapping.fingerprint(), compile("price", "variant.price").unwrap().fingerprint());
    let empty = Mapping::default();
    assert!(empty.is_empty() && empty.fingerprint().is_empty());
    assert!(apply(&empty, &shirt(), None).unwrap().is_empty());
}

#[test]
fn categories_are_mapped_as_well() {
    let root = category("Damen", None);
    let leaf = category("Hemden", Some("Damen"));
    let view = view(&market(), vec![Record::Category(root), Record::Category(leaf.clone())]);
    let listing = view.category(&leaf, NOW).listing.unwrap();
    let mapping =
        compile_all(Kind::Category, &[("title", "category.path.join(' > ')"), ("top", "category.parent == null")]);
    let mut writer = Writer::new(&|_| false);
    mapping.unwrap().apply_category(&listing, &market(), &mut writer).unwrap();
    assert_eq!(writer.finish().object(), r#"{"title":"Damen > Hemden","top":false}"#);
}

#[test]
fn a_value_of_the_wrong_type_sets_the_record_aside_and_says_why() {
    let mut heavy = shirt();
    heavy.variants[0].attributes.push(attribute("weight", Value::Text("1,5 kg".into())));
    let fault = |name: &str, text: &str| {
        let fault = apply(&compile(name, text).unwrap(), &heavy, None).unwrap_err();
        assert_eq!(fault.class, FaultClass::Record);
        assert_eq!(fault.hint.as_deref(), Some("its expression stands at cartage.toml:12:11"));
        format!("{} {fault}", fault.code)
    };
    assert_eq!(
        fault("stock", "variant.attributes.weight.value"),
        "C0522 field stock of product p: it must be an integer, and is \"1,5 kg\""
    );
    assert_eq!(
        fault("url", "variant.attributes.weight.value"),
        "C0522 field url of product p: it is no absolute http(s) URL: \"1,5 kg\""
    );
    assert_eq!(
        fault("heavy", "variant.attributes.weight.value > 1.0"),
        "C0521 field heavy of product p: found no matching overload for '_>_' applied to '(string, double)'"
    );
    let long =
        fault("heavy", "int(variant.attributes.color.label + ' ' + product.name + ' '.split(' ').join('x')) > 1");
    assert!(long.len() < 200, "{long}");
}

#[test]
fn an_expression_that_gives_nothing_for_a_required_field_sets_the_record_aside() {
    let beyond = "product.name == 'Hemd' ? product.variants[70].id : product.name";
    let fault = apply(&compile("name", beyond).unwrap(), &shirt(), None).unwrap_err();
    assert_eq!((fault.class, fault.code.as_ref()), (FaultClass::Record, "C0523"));
    assert_eq!(fault.message, "product p: the required field name is missing: its expression gives nothing");
    assert_eq!(
        fault.hint.as_deref(),
        Some("give the expression at cartage.toml:12:11 a fallback, such as `has(a) ? a : b`")
    );
    assert_eq!(gives(beyond, &shirt()), "", "a field that is not required is left out");
}

#[test]
fn every_function_of_the_reference_does_what_it_says() {
    for function in FUNCTIONS {
        assert_eq!(gives(function.example, &shirt()), function.gives, "{}", function.example);
        let called = function.name.rsplit_once('.').map_or(function.name, |(_, last)| last);
        assert!(function.example.contains(&format!("{called}(")), "{}", function.name);
    }
}
