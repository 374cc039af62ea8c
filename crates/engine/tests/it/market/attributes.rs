use model::{
    Attribute, AttributeDefinition, AttributeType, Kind, Localized, Money, Product, ProductType, Record, Spread, Value,
    Variant,
    listing::{Field, Plain, ProductOption},
};

use super::build::*;

fn definition(name: &str, of: AttributeType, option: bool) -> AttributeDefinition {
    let spread = if option { Spread::Option } else { Spread::Variant };
    AttributeDefinition { name: name.into(), label: texts(&[("de", &format!("Titel {name}"))]), of, spread }
}

fn clothing(attributes: Vec<AttributeDefinition>) -> ProductType {
    ProductType { id: "clothing".into(), key: None, name: "Kleidung".into(), attributes, notices: Vec::new() }
}

fn with(attributes: Vec<Attribute>) -> Product {
    Product { attributes, product_type: Some("clothing".into()), ..product(vec![variant("S")]) }
}

/// `title / value / label` of the only attribute; empty where it is left out.
fn read(value: Value, of: Option<AttributeType>) -> String {
    let types = vec![clothing(of.into_iter().map(|of| definition("x", of, false)).collect()), inner_type()];
    let view = view(&market(), types.into_iter().map(Record::ProductType).collect());
    let product = with(vec![attribute("x", value)]);
    let listing = view.product(&product, &[], NOW).listing.unwrap();
    listing.attributes.first().map_or(String::new(), told)
}

fn inner_type() -> ProductType {
    let sizes = AttributeType::Enum(vec![("s".into(), "Small".into())]);
    ProductType { id: "inner".into(), attributes: vec![definition("size", sizes, false)], ..clothing(Vec::new()) }
}

fn told(field: &Field<'_>) -> String {
    format!("{} / {} / {}", field.title.unwrap_or("-"), json(&field.value), json(&field.label))
}

fn json(plain: &Plain<'_>) -> String {
    serde_json::to_string(plain).unwrap()
}

#[test]
fn every_type_of_value_has_a_machine_form_and_a_shown_form() {
    let euros = Money::new(1999, "EUR".parse().unwrap());
    let yen = Money::new(1999, "JPY".parse().unwrap());
    let nested = || {
        Value::Nested(vec![
            attribute("size", Value::Enum { key: "s".into(), label: "S".into() }),
            attribute("tags", Value::Set(vec![Value::Text("a".into()), Value::Integer(1)])),
            attribute("fr", Value::Localized(texts(&[("fr", "oui")]))),
        ])
    };
    let cases = [
        (Value::Text("x".into()), r#"- / "x" / "x""#),
        (Value::Localized(texts(&[("de", "Blau"), ("en", "Blue")])), r#"- / "Blau" / "Blau""#),
        (Value::Localized(texts(&[("fr", "Bleu")])), ""),
        (Value::Enum { key: "m".into(), label: "M".into() }, r#"- / "m" / "M""#),
        (Value::Enum { key: "m".into(), label: " ".into() }, r#"- / "m" / "m""#),
        (Value::LocalizedEnum { key: "r".into(), label: texts(&[("en", "Red")]) }, r#"- / "r" / "Red""#),
        (Value::LocalizedEnum { key: "r".into(), label: texts(&[("fr", "Rouge")]) }, r#"- / "r" / "r""#),
        (Value::Integer(-5), "- / -5 / -5"),
        (Value::Number(12.5), "- / 12.5 / 12.5"),
        (Value::Number(f64::NAN), ""),
        (Value::Money(euros), "- / 19.99 / 19.99"),
        (Value::Money(yen), "- / 1999.0 / 1999.0"),
        (Value::Date("2026-05-01".into()), r#"- / "2026-05-01" / "2026-05-01""#),
        (Value::Time("12:00:00.000".into()), r#"- / "12:00:00.000" / "12:00:00.000""#),
        (Value::DateTime("2026-05-01T10:00:00Z".into()), r#"- / "2026-05-01T10:00:00Z" / "2026-05-01T10:00:00Z""#),
        (Value::Boolean(true), "- / true / true"),
        (Value::Reference { of: "product".into(), kind: Some(Kind::Product), id: "7".into() }, r#"- / "7" / """#),
        (Value::Reference { of: "state".into(), kind: None, id: "7".into() }, r#"- / "7" / """#),
        (nested(), r#"- / ["size: s","tags: a, 1"] / ["size: S","tags: a, 1"]"#),
        (Value::Set(vec![nested()]), r#"- / ["size: s","tags: a, 1"] / ["size: S","tags: a, 1"]"#),
        (Value::Set(Vec::new()), ""),
        (Value::Text(" \n".into()), ""),
        (Value::Nested(Vec::new()), ""),
    ];
    for (value, expected) in cases {
        assert_eq!(read(value.clone(), None), expected, "{value:?}");
    }
}

#[test]
fn labels_come_from_the_product_type_so_that_a_change_reaches_products() {
    let sizes = || AttributeType::Enum(vec![("z".into(), "Zett".into()), ("m".into(), "Mittel".into())]);
    let red = |label: Localized| AttributeType::LocalizedEnum(vec![("r".into(), label)]);
    let medium = || Value::Enum { key: "m".into(), label: "M".into() };
    let rot = || Value::LocalizedEnum { key: "r".into(), label: texts(&[("de", "Rot")]) };
    assert_eq!(read(medium(), Some(sizes())), r#"Titel x / "m" / "Mittel""#);
    assert_eq!(
        read(Value::Set(vec![medium()]), Some(AttributeType::Set(Box::new(sizes())))),
        r#"Titel x / ["m"] / ["Mittel"]"#
    );
    assert_eq!(read(Value::Enum { key: "gone".into(), label: "G".into() }, Some(sizes())), r#"Titel x / "gone" / "G""#);
    assert_eq!(
        read(rot(), Some(red(texts(&[("de-AT", "Feuerrot"), ("de", "Knallrot")])))),
        r#"Titel x / "r" / "Feuerrot""#
    );
    assert_eq!(read(rot(), Some(red(texts(&[("fr", "Rouge")])))), r#"Titel x / "r" / "Rot""#);
    let inner = Value::Nested(vec![attribute("size", Value::Enum { key: "s".into(), label: "old".into() })]);
    assert_eq!(
        read(inner, Some(AttributeType::Nested("inner".into()))),
        r#"Titel x / ["size: s"] / ["Titel size: Small"]"#
    );
    assert_eq!(
        read(Value::Text("m".into()), Some(sizes())),
        r#"Titel x / "m" / "m""#,
        "a type that does not fit does no harm"
    );
}

#[test]
fn deep_nesting_is_cut_off() {
    let nested = |depth| (0..depth).fold(Value::Integer(1), |inner, _| Value::Set(vec![inner]));
    assert_eq!(read(nested(3), None), "- / [1] / [1]", "no list lies within another");
    assert_eq!(read(nested(100), None), "");
}

#[test]
fn of_two_attributes_with_one_name_the_first_counts() {
    let names = ["xx", "xyx", "xy", "yxy", "x", "xyzy", "zz"];
    let variant = |names: &str| {
        let attributes = names.chars().zip(0..).map(|(name, at)| attribute(&name.to_string(), Value::Integer(at)));
        Variant { attributes: attributes.collect(), ..variant(names) }
    };
    let product = product(names.map(variant).to_vec());
    let view = plain_view();
    let listing = view.product(&product, &[], NOW).listing.unwrap();
    let read = |offer: &model::Offer<'_>| -> String {
        offer.attributes.iter().flat_map(|field| [field.name.to_owned(), json(&field.value)]).collect()
    };
    let told: Vec<_> = listing.variants.iter().map(read).collect();
    assert_eq!(told, ["x0", "x0y1", "x0y1", "y0x1", "x0", "x0y1z2", "z0"]);
}

fn sized(sku: &str, attributes: &[(&str, Value)]) -> Variant {
    let attributes = attributes.iter().map(|(name, value)| attribute(name, value.clone())).collect();
    Variant { attributes, ..variant(sku) }
}

fn options(definitions: Vec<AttributeDefinition>, variants: Vec<Variant>) -> Vec<(String, Vec<String>)> {
    let view = view(&market(), vec![Record::ProductType(clothing(definitions))]);
    let product = Product { product_type: Some("clothing".into()), ..product(variants) };
    let listing = view.product(&product, &[], NOW).listing.unwrap();
    let own =
        |option: &ProductOption<'_>| (option.name.to_owned(), option.values.iter().map(ToString::to_string).collect());
    listing.options.iter().map(own).collect()
}

fn entry(name: &str, values: &[&str]) -> (String, Vec<String>) {
    (name.into(), values.iter().map(|it| (*it).to_owned()).collect())
}

#[test]
fn options_are_those_the_type_declares_in_its_order() {
    let text = |it: &str| Value::Text(it.into());
    let variants = vec![
        sized("1", &[("size", text("M")), ("colour", text("red")), ("ean", text("1"))]),
        sized("2", &[("size", text("S")), ("colour", text("red")), ("ean", text("2"))]),
        sized("3", &[("size", text("M")), ("ean", text("3"))]),
    ];
    let declared = |option| {
        vec![
            definition("colour", AttributeType::Text, option),
            definition("size", AttributeType::Text, option),
            definition("unused", AttributeType::Text, option),
            definition("ean", AttributeType::Text, false),
        ]
    };
    assert_eq!(options(declared(true), variants.clone()), [entry("colour", &["red"]), entry("size", &["M", "S"])]);
    assert_eq!(
        options(declared(false), variants),
        [entry("size", &["M", "S"]), entry("colour", &["red"])],
        "else whatever differs, but for what only repeats the SKU"
    );
}

#[test]
fn only_what_differs_is_an_option() {
    let variants = vec![
        sized("1", &[("same", Value::Integer(1)), ("number", Value::Integer(1)), ("flag", Value::Boolean(true))]),
        sized("2", &[("same", Value::Integer(1)), ("number", Value::Number(1.5)), ("flag", Value::Boolean(false))]),
    ];
    assert_eq!(options(Vec::new(), variants.clone()), [entry("number", &["1", "1.5"])]);
    assert_eq!(options(Vec::new(), variants[..1].to_vec()), []);
    let set = |it: &[&str]| Value::Set(it.iter().map(|it| Value::Text((*it).into())).collect());
    let lists = vec![sized("1", &[("fit", set(&["a", "b"]))]), sized("2", &[("fit", set(&["b", "c"]))])];
    let fit = definition("fit", AttributeType::Set(Box::new(AttributeType::Text)), true);
    assert_eq!(options(vec![fit], lists), [entry("fit", &["a", "b", "c"])]);
}
