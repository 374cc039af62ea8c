//! Attributes: of the system by their names, custom ones with the types that the metadata gives them.

use std::collections::BTreeMap;

use model::{
    Attribute, AttributeDefinition, AttributeType, Localized, Notice, ProductType, Spread, StorefrontKey, Tailored,
    Value,
};

use super::text::{instant, localized, locale};
use crate::sfcc::xml::Element;

/// Id of the one type of products that an instance has.
pub const PRODUCT_TYPE: &str = "Product";

/// Attributes of the system that are kept: our name, the element.
const SYSTEM: [(&str, &str); 11] = [
    ("brand", "brand"),
    ("manufacturer_name", "manufacturer-name"),
    ("manufacturer_sku", "manufacturer-sku"),
    ("unit", "unit"),
    ("unit_measure", "unit-measure"),
    ("tax_class_id", "tax-class-id"),
    ("classification_category", "classification-category"),
    ("unit_quantity", "unit-quantity"),
    ("min_order_quantity", "min-order-quantity"),
    ("step_quantity", "step-quantity"),
    ("search_rank", "search-rank"),
];
/// Those of them that are numbers.
const NUMBERS: [&str; 4] = ["unit_quantity", "min_order_quantity", "step_quantity", "search_rank"];

/// Definitions of custom attributes by id.
#[derive(Clone, Debug, Default)]
pub struct Definitions(BTreeMap<String, Definition>);

#[derive(Clone, Debug)]
struct Definition {
    label: Localized,
    of: Of,
    localizable: bool,
    multiple: bool,
    /// Keys with their labels.
    values: Vec<(String, Localized)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Text,
    Integer,
    Number,
    Boolean,
    Date,
    DateTime,
    Enum,
}

impl Definitions {
    /// Reads `attribute-definition`s; of two of one attribute the first counts.
    pub fn new<'e>(elements: impl IntoIterator<Item = &'e Element>) -> Self {
        let mut all = BTreeMap::new();
        for element in elements {
            let Some(id) = element.attribute("attribute-id") else { continue };
            let of = element.value_of("type").unwrap_or_default();
            let is = |name| element.value_of(name) == Some("true");
            let values = element.list("value-definitions", "value-definition").filter_map(|value| {
                Some((value.value_of("value")?.to_owned(), localized(value.all("display"), &mut Vec::new())))
            });
            let definition = Definition {
                label: localized(element.all("display-name"), &mut Vec::new()),
                of: match of.trim_start_matches("set-of-") {
                    "int" => Of::Integer,
                    "double" => Of::Number,
                    "boolean" => Of::Boolean,
                    "date" => Of::Date,
                    "datetime" => Of::DateTime,
                    "enum-of-string" | "enum-of-int" => Of::Enum,
                    _ => Of::Text,
                },
                localizable: is("localizable-flag"),
                multiple: of.starts_with("set-of-") || is("select-multiple-flag"),
                values: values.collect(),
            };
            all.entry(id.to_owned()).or_insert(definition);
        }
        Self(all)
    }

    /// The type of products with these attributes; `None`: nothing is known of them.
    pub fn product_type(&self) -> Option<ProductType> {
        let definition = |(name, it): (&String, &Definition)| {
            let one = match it.of {
                Of::Text if it.localizable => AttributeType::Localized,
                Of::Text => AttributeType::Text,
                Of::Integer | Of::Number => AttributeType::Number,
                Of::Boolean => AttributeType::Boolean,
                Of::Date => AttributeType::Date,
                Of::DateTime => AttributeType::DateTime,
                Of::Enum => AttributeType::LocalizedEnum(it.values.clone()),
            };
            let of = if it.multiple { AttributeType::Set(Box::new(one)) } else { one };
            AttributeDefinition { name: name.clone(), label: it.label.clone(), of, spread: Spread::Variant }
        };
        let attributes: Vec<_> = self.0.iter().map(definition).collect();
        (!attributes.is_empty()).then(|| ProductType {
            id: PRODUCT_TYPE.into(),
            key: None,
            name: PRODUCT_TYPE.to_owned(),
            attributes,
            notices: Vec::new(),
        })
    }
}

impl Definition {
    fn value(&self, text: &str) -> Value {
        let whole = || Value::Text(text.to_owned());
        match self.of {
            Of::Text => whole(),
            Of::Integer => text.parse().map_or_else(|_| number(text), Value::Integer),
            Of::Number => number(text),
            Of::Boolean => super::text::boolean(text).map_or_else(whole, Value::Boolean),
            Of::Date => Value::Date(text.get(..10).unwrap_or(text).to_owned()),
            // One form, whichever the instance writes.
            Of::DateTime => Value::DateTime(instant(text).map_or_else(|| text.to_owned(), |at| at.to_string())),
            Of::Enum => {
                let label = self.values.iter().find(|(key, _)| key == text).map(|(_, label)| label.clone());
                labelled(text, label.unwrap_or_default())
            }
        }
    }
}

/// A key with its labels; without one the key is shown.
pub fn labelled(key: &str, label: Localized) -> Value {
    let label = if label.is_empty() { Localized::plain(key) } else { label };
    Value::LocalizedEnum { key: key.to_owned(), label }
}

fn number(text: &str) -> Value {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Value::Number(number),
        _ => Value::Text(text.to_owned()),
    }
}

/// A number as JSON would write it: `1.0` is one.
fn quantity(text: &str) -> Value {
    let whole = text.trim_end_matches('0').trim_end_matches('.');
    match if text.contains('.') { whole.parse::<i64>() } else { text.parse() } {
        Ok(number) => Value::Integer(number),
        Err(_) => number(text),
    }
}

/// Attributes of a product or variant, and those that single sites have in place of them.
pub fn attributes(
    element: &Element,
    definitions: &Definitions,
    notices: &mut Vec<Notice>,
) -> (Vec<Attribute>, Vec<Tailored>) {
    let mut all = Vec::new();
    for (name, of) in SYSTEM {
        let value = element.all(of).find(|it| it.attribute("site-id").is_none()).and_then(Element::value);
        if let Some(text) = value {
            let value = if NUMBERS.contains(&name) { quantity(text) } else { Value::Text(text.to_owned()) };
            all.push(Attribute { name: name.to_owned(), value });
        }
    }
    let short = localized(element.all("short-description"), notices);
    if !short.is_empty() {
        all.push(Attribute { name: "short_description".to_owned(), value: Value::Localized(short) });
    }
    let ids = |list, each| {
        let ids = element.list(list, each).filter_map(|it| it.attribute("product-id"));
        ids.map(|id| Value::Text(id.to_owned())).collect::<Vec<_>>()
    };
    let members = [
        ("bundled_products", ids("bundled-products", "bundled-product")),
        ("set_products", ids("product-set-products", "product-set-product")),
        ("set_products", ids("retail-set-products", "retail-set-product")),
    ];
    for (name, ids) in members {
        if !ids.is_empty() && !all.iter().any(|it| it.name == name) {
            all.push(Attribute { name: name.to_owned(), value: Value::Set(ids) });
        }
    }
    let (custom, sites) = custom(element, definitions, notices);
    // A custom attribute may have the name of one of the system.
    all.extend(custom.into_iter().filter(|it| !SYSTEM.iter().any(|(name, _)| *name == it.name)));
    (all, sites)
}

/// An attribute, of all sites or of one.
type Key<'e> = (&'e str, Option<&'e str>);

/// Custom attributes in the order of the export.
fn custom(
    element: &Element,
    definitions: &Definitions,
    notices: &mut Vec<Notice>,
) -> (Vec<Attribute>, Vec<Tailored>) {
    let mut groups: Vec<(Key<'_>, Vec<&Element>)> = Vec::new();
    for it in element.list("custom-attributes", "custom-attribute") {
        let Some(id) = it.attribute("attribute-id") else { continue };
        let key = (id, it.attribute("site-id"));
        match groups.iter_mut().find(|(of, _)| *of == key) {
            Some((_, elements)) => elements.push(it),
            None => groups.push((key, vec![it])),
        }
    }
    let (mut all, mut sites) = (Vec::new(), BTreeMap::<StorefrontKey, Vec<Attribute>>::new());
    for ((id, site), elements) in groups {
        let Some(value) = custom_value(&elements, definitions.0.get(id), notices) else { continue };
        let attribute = Attribute { name: id.to_owned(), value };
        match site {
            None => all.push(attribute),
            Some(site) => sites.entry(StorefrontKey::new(site)).or_default().push(attribute),
        }
    }
    let tailored = |(store, attributes)| Tailored {
        store,
        name: Localized::empty(),
        slug: Localized::empty(),
        description: Localized::empty(),
        meta_title: Localized::empty(),
        meta_description: Localized::empty(),
        attributes,
    };
    (all, sites.into_iter().map(tailored).collect())
}

/// The value of an attribute whose elements may repeat with `xml:lang`; `None`: it is not set.
fn custom_value(elements: &[&Element], of: Option<&Definition>, notices: &mut Vec<Notice>) -> Option<Value> {
    let one = |text: &str| of.map_or_else(|| Value::Text(text.to_owned()), |of| of.value(text));
    // Without a definition a language says that there may be others.
    let by_language = of.map_or_else(
        || elements.iter().any(|it| it.attribute("lang").is_some()),
        |of| of.localizable && of.of == Of::Text,
    );
    let undetermined = |it: &&&Element| locale(it.attribute("lang")) == locale(None);
    let main = elements.iter().find(undetermined).or_else(|| elements.first())?;
    let several: Vec<Value> = main.all("value").filter_map(Element::value).map(one).collect();
    if !several.is_empty() {
        if elements.len() > 1 {
            notices.push(Notice::new(
                main.attribute("attribute-id").unwrap_or_default(),
                "a list of values in another language: the values of the default language are kept",
            ));
        }
        return Some(Value::Set(several));
    }
    if by_language {
        let texts = localized(elements.iter().copied(), notices);
        return (!texts.is_empty()).then_some(Value::Localized(texts));
    }
    let value = one(main.value()?);
    Some(if of.is_some_and(|of| of.multiple) { Value::Set(vec![value]) } else { value })
}
