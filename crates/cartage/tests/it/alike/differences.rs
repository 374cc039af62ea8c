//! Differences between the items that two sources lead to, and the list of those that are known.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::{Map, Value, json};

use super::Items;

/// Where a difference may be.
#[derive(Clone, Copy)]
struct Place<'a> {
    service: &'a str,
    buyer: &'a str,
    product: &'a str,
}

/// A field in which an item differs; `*`: one of the sources has no such item.
struct Difference<'a> {
    at: Place<'a>,
    field: &'a str,
    one: Option<&'a Value>,
    other: Option<&'a Value>,
}

/// A line of the list: `shops | source | services | fields | buyers | products | how | why`.
struct Known {
    line: String,
    /// Empty: all of them.
    services: Vec<String>,
    fields: Vec<String>,
    /// Empty: all of them.
    buyers: Vec<String>,
    /// Kinds of products; empty: all of them.
    products: Vec<String>,
    how: How,
}

/// How the other source differs from the first.
enum How {
    /// It has none.
    Missing,
    /// Only it has one.
    Added,
    /// The same texts in the same order, apart from white space around them: numbers, truths and single values are texts
    /// and lists there.
    Texts,
    /// The same texts in another order.
    Order,
    /// A decimal number is a text with the currency behind it.
    Money,
    /// A date or a time in another form: the digits are the same.
    Digits,
    /// The first source has this for one of these buyers.
    As(Vec<String>),
    /// The values have nothing to do with each other.
    Other,
}

impl How {
    fn parse(text: &str) -> Self {
        match text {
            "missing" => Self::Missing,
            "added" => Self::Added,
            "texts" => Self::Texts,
            "order" => Self::Order,
            "money" => Self::Money,
            "digits" => Self::Digits,
            "other" => Self::Other,
            _ => {
                let buyers = text.strip_prefix("as ").unwrap_or_else(|| panic!("{text:?} is no way to differ"));
                Self::As(words(buyers))
            }
        }
    }

    fn explains(&self, it: &Difference<'_>, first: &Items) -> bool {
        match (self, it.one, it.other) {
            (Self::Missing, Some(_), None) | (Self::Added, None, Some(_)) | (Self::Other, Some(_), Some(_)) => true,
            (Self::Texts, Some(one), Some(other)) => texts(one) == texts(other),
            (Self::Order, Some(one), Some(other)) => {
                texts(one).into_iter().collect::<BTreeSet<_>>() == texts(other).into_iter().collect()
            }
            (Self::Money, Some(one), Some(other)) => {
                let amount = other.as_str().and_then(|text| text.split_once(' ')).map(|(amount, _)| amount);
                amount.and_then(|text| text.parse::<f64>().ok()) == one.as_f64()
            }
            (Self::Digits, Some(one), Some(other)) => {
                let digits = |value: &Value| -> Vec<String> {
                    let digits = |text: String| text.chars().filter(char::is_ascii_digit).collect::<String>();
                    texts(value).into_iter().map(|text| digits(text).trim_end_matches('0').to_owned()).collect()
                };
                digits(one) == digits(other)
            }
            (Self::As(buyers), _, Some(other)) => buyers.iter().any(|buyer| {
                let there = first[buyer].get(it.at.product).and_then(|item| item.get(it.field));
                there.is_some_and(|there| texts(there) == texts(other))
            }),
            _ => false,
        }
    }
}

/// A value as texts without white space around them, one for each of its parts.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.trim().to_owned()],
        Value::Number(number) => vec![number.as_f64().map_or_else(|| number.to_string(), |it| it.to_string())],
        other => vec![other.to_string()],
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().filter(|word| *word != "*").map(str::to_owned).collect()
}

impl Known {
    fn is_about(&self, it: &Difference<'_>, class: &str) -> bool {
        let names = |list: &[String], name: &str| list.is_empty() || list.iter().any(|known| known == name);
        self.fields.iter().any(|field| field == it.field)
            && names(&self.services, it.at.service)
            && names(&self.buyers, it.at.buyer)
            && names(&self.products, class)
    }

    /// What it names: each of them must occur.
    fn named(&self) -> impl Iterator<Item = &String> {
        [&self.services, &self.fields, &self.buyers, &self.products].into_iter().flatten()
    }
}

/// The lines of the list about one shop from one source.
fn known(shop: &str, source: &str) -> Vec<Known> {
    let list = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/alike/differences.txt")).unwrap();
    let lines = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let known = lines.filter_map(|line| {
        let cells: Vec<&str> = line.splitn(8, '|').map(str::trim).collect();
        let [shops, of, services, fields, buyers, products, how, why] =
            <[&str; 8]>::try_from(cells).unwrap_or_else(|_| panic!("{line}"));
        cites(why);
        let is_meant = words(shops).iter().any(|it| it == shop) && of == source;
        is_meant.then(|| Known {
            line: line.to_owned(),
            services: words(services),
            fields: fields.split_whitespace().map(str::to_owned).collect(),
            buyers: words(buyers),
            products: words(products),
            how: How::parse(how),
        })
    });
    known.collect()
}

/// A reason begins with a section of a page of the documentation that there is, or with a page of the vendor.
fn cites(why: &str) {
    let page = why.split_whitespace().next().unwrap_or_default().trim_end_matches(':');
    if page.starts_with("https://") {
        return;
    }
    let (file, section) = page.split_once('#').unwrap_or_else(|| panic!("{why:?} cites nothing"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let headings = text.lines().filter_map(|line| line.strip_prefix("## "));
    let anchors: Vec<String> = headings.map(|heading| heading.to_lowercase().replace(' ', "-")).collect();
    assert!(anchors.iter().any(|anchor| anchor == section), "{file} has no section {section}: {anchors:?}");
}

/// What speaks against two sources being alike, by what services hold: differences that are not on the list, and names on it
/// that name none.
pub(super) fn faults(
    shop: &str,
    source: &str,
    first: &BTreeMap<&'static str, Items>,
    other: &BTreeMap<&'static str, Items>,
    class: &dyn Fn(&str) -> String,
) -> Vec<String> {
    let known = known(shop, source);
    let mut seen: Vec<BTreeSet<String>> = vec![BTreeSet::new(); known.len()];
    let mut unknown: BTreeMap<(&str, &str, String), Unknown> = BTreeMap::new();
    let there = json!("an item");
    for ((service, first), other) in first.iter().zip(other.values()) {
        for (buyer, left) in first {
            let right = &other[buyer];
            let products: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for product in products {
                let at = Place { service, buyer, product };
                for it in differences(&at, left.get(product), right.get(product), &there) {
                    let class = class(product);
                    let line =
                        known.iter().position(|known| known.is_about(&it, &class) && known.how.explains(&it, first));
                    match line {
                        Some(line) => seen[line].extend([*service, buyer, it.field, &class].map(str::to_owned)),
                        None => unknown.entry((*service, it.field, class)).or_default().add(&it),
                    }
                }
            }
        }
    }
    let unknown =
        unknown.iter().map(|((service, field, class), it)| format!("{source} at {service}: {field} of {class} {it}"));
    let in_vain = known.iter().zip(&seen).filter_map(|(known, seen)| {
        let named: Vec<&str> = known.named().filter(|name| !seen.contains(*name)).map(String::as_str).collect();
        (!named.is_empty()).then(|| format!("no longer: {} of {}", named.join(" "), known.line))
    });
    unknown.chain(in_vain).collect()
}

fn differences<'a>(
    at: &Place<'a>,
    one: Option<&'a Map<String, Value>>,
    other: Option<&'a Map<String, Value>>,
    there: &'a Value,
) -> Vec<Difference<'a>> {
    let (Some(left), Some(right)) = (one, other) else {
        let (one, other) = (one.map(|_| there), other.map(|_| there));
        return vec![Difference { field: "*", at: *at, one, other }];
    };
    let names: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    let differing = names.into_iter().filter(|name| left.get(*name) != right.get(*name));
    differing.map(|field| Difference { field, at: *at, one: left.get(field), other: right.get(field) }).collect()
}

/// Differences of one field of one kind of products that are not on the list.
#[derive(Default)]
struct Unknown {
    buyers: BTreeMap<String, usize>,
    example: String,
}

impl Unknown {
    fn add(&mut self, it: &Difference<'_>) {
        *self.buyers.entry(it.at.buyer.to_owned()).or_default() += 1;
        if self.example.is_empty() {
            let shown = |value: Option<&Value>| {
                value.map_or("none".to_owned(), |value| value.to_string().chars().take(200).collect::<String>())
            };
            self.example = format!("{} for {}: {} and {}", it.at.product, it.at.buyer, shown(it.one), shown(it.other));
        }
    }
}

impl std::fmt::Display for Unknown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "differs for {:?}, such as {}", self.buyers, self.example)
    }
}

#[test]
fn what_is_not_on_the_list_and_what_is_on_it_in_vain_are_faults() {
    let named = |name: &str| -> BTreeMap<&'static str, Items> {
        let item = json!({ "name": name }).as_object().unwrap().clone();
        let items = [("de".to_owned(), [("p-000000".to_owned(), item)].into())].into();
        [("clerk", items)].into()
    };
    let faults = |other: &str| faults("generated", "sfcc", &named("Bowl"), &named(other), &|_| "None".to_owned());
    let in_vain = faults("Bowl");
    assert_eq!(in_vain.len(), known("generated", "sfcc").len());
    assert!(in_vain.iter().all(|fault| fault.starts_with("no longer: ")), "{in_vain:#?}");
    let differs = faults("Dish");
    assert_eq!(differs.len(), in_vain.len() + 1);
    assert!(differs[0].starts_with("sfcc at clerk: name of None differs"), "{differs:#?}");
}
