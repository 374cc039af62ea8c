//! What a product may hold: the schemas of the description, with `additionalProperties` false everywhere, and addresses
//! checked as addresses.

use serde_json::{Map, Value};

/// Where it is wrong, and how.
type Wrong = (String, String);

/// What a member must be.
enum Rule {
    Text,
    /// An absolute address.
    Address,
    Truth,
    /// A whole number, zero or more.
    Amount,
    Whole,
    Number,
    /// Three capital letters.
    Currency,
    Object(&'static Object),
    List(&'static Rule),
}

/// An object: its members, whether each must be there, and how many it needs at least.
struct Object {
    members: &'static [(&'static str, bool, Rule)],
    least: usize,
}

const DESCRIPTION: Object = Object {
    members: &[("plain", false, Rule::Text), ("html", false, Rule::Text), ("markdown", false, Rule::Text)],
    least: 1,
};
const PRICE: Object =
    Object { members: &[("amount", true, Rule::Amount), ("currency", true, Rule::Currency)], least: 0 };
const AVAILABILITY: Object =
    Object { members: &[("available", false, Rule::Truth), ("status", false, Rule::Text)], least: 0 };
const BARCODE: Object = Object { members: &[("type", true, Rule::Text), ("value", true, Rule::Text)], least: 0 };
const MEDIA: Object = Object {
    members: &[
        ("type", true, Rule::Text),
        ("url", true, Rule::Address),
        ("alt_text", false, Rule::Text),
        ("width", false, Rule::Whole),
        ("height", false, Rule::Whole),
    ],
    least: 0,
};
const OPTION: Object = Object { members: &[("name", true, Rule::Text), ("value", true, Rule::Text)], least: 0 };
const CATEGORY: Object = Object { members: &[("value", true, Rule::Text), ("taxonomy", false, Rule::Text)], least: 0 };
const LINK: Object = Object {
    members: &[("type", true, Rule::Text), ("title", false, Rule::Text), ("url", true, Rule::Address)],
    least: 0,
};
const SELLER: Object =
    Object { members: &[("name", false, Rule::Text), ("links", false, Rule::List(&Rule::Object(&LINK)))], least: 0 };
const MEASURE: Object = Object { members: &[("value", true, Rule::Number), ("unit", true, Rule::Text)], least: 0 };
const REFERENCE: Object = Object { members: &[("value", true, Rule::Whole), ("unit", true, Rule::Text)], least: 0 };
const UNIT_PRICE: Object = Object {
    members: &[
        ("amount", true, Rule::Amount),
        ("currency", true, Rule::Currency),
        ("measure", true, Rule::Object(&MEASURE)),
        ("reference", true, Rule::Object(&REFERENCE)),
    ],
    least: 0,
};
const VARIANT: Object = Object {
    members: &[
        ("id", true, Rule::Text),
        ("title", true, Rule::Text),
        ("description", false, Rule::Object(&DESCRIPTION)),
        ("url", false, Rule::Address),
        ("barcodes", false, Rule::List(&Rule::Object(&BARCODE))),
        ("price", false, Rule::Object(&PRICE)),
        ("list_price", false, Rule::Object(&PRICE)),
        ("unit_price", false, Rule::Object(&UNIT_PRICE)),
        ("availability", false, Rule::Object(&AVAILABILITY)),
        ("categories", false, Rule::List(&Rule::Object(&CATEGORY))),
        ("condition", false, Rule::List(&Rule::Text)),
        ("variant_options", false, Rule::List(&Rule::Object(&OPTION))),
        ("media", false, Rule::List(&Rule::Object(&MEDIA))),
        ("seller", false, Rule::Object(&SELLER)),
        ("marketplace", false, Rule::Object(&SELLER)),
    ],
    least: 0,
};
const PRODUCT: Object = Object {
    members: &[
        ("id", true, Rule::Text),
        ("title", false, Rule::Text),
        ("description", false, Rule::Object(&DESCRIPTION)),
        ("url", false, Rule::Address),
        ("media", false, Rule::List(&Rule::Object(&MEDIA))),
        ("variants", true, Rule::List(&Rule::Object(&VARIANT))),
    ],
    least: 0,
};
const REQUEST: Object = Object { members: &[("products", true, Rule::List(&Rule::Object(&PRODUCT)))], least: 0 };

/// The products of a request by id.
pub(super) fn of_request(body: &Value) -> Result<Vec<(String, Value)>, Wrong> {
    object(&REQUEST, body, "")?;
    let products = body.get("products").and_then(Value::as_array).into_iter().flatten();
    let named = |product: &Value| Some((product.get("id")?.as_str()?.to_owned(), product.clone()));
    let products: Vec<_> = products.filter_map(named).collect();
    if products.is_empty() {
        return Err(("products".to_owned(), "products must contain at least one valid Product".to_owned()));
    }
    Ok(products)
}

fn object(of: &Object, value: &Value, at: &str) -> Result<(), Wrong> {
    let members: &Map<String, Value> = value.as_object().ok_or_else(|| wrong(at, "must be an object"))?;
    if members.len() < of.least {
        return Err(wrong(at, "must not be empty"));
    }
    let path = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    for (name, value) in members {
        let rule = of.members.iter().find(|(known, ..)| known == name);
        let (.., rule) = rule.ok_or_else(|| wrong(&path(name), "is not allowed"))?;
        check(rule, value, &path(name))?;
    }
    match of.members.iter().find(|(name, needed, _)| *needed && !members.contains_key(*name)) {
        Some((name, ..)) => Err(wrong(&path(name), "is required")),
        None => Ok(()),
    }
}

fn check(rule: &Rule, value: &Value, at: &str) -> Result<(), Wrong> {
    let is_address = |text: &str| {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace))
    };
    let is_currency = |text: &str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    let (fits, must) = match rule {
        Rule::Text => (value.is_string(), "must be a string"),
        Rule::Address => (value.as_str().is_some_and(is_address), "must be an absolute URI"),
        Rule::Truth => (value.is_boolean(), "must be a boolean"),
        Rule::Amount => (value.is_u64(), "must be an integer of at least 0"),
        Rule::Whole => (value.is_i64() || value.is_u64(), "must be an integer"),
        Rule::Number => (value.is_number(), "must be a number"),
        Rule::Currency => (value.as_str().is_some_and(is_currency), "must match ^[A-Z]{3}$"),
        Rule::Object(of) => return object(of, value, at),
        Rule::List(of) => {
            let values = value.as_array().ok_or_else(|| wrong(at, "must be an array"))?;
            return values
                .iter()
                .enumerate()
                .try_for_each(|(place, value)| check(of, value, &format!("{at}[{place}]")));
        }
    };
    if fits { Ok(()) } else { Err(wrong(at, must)) }
}

fn wrong(at: &str, what: &str) -> Wrong {
    (at.to_owned(), format!("{at} {what}"))
}
