//! How items are written: RSS 2.0 with the namespace of Google's attributes, and tab-separated values.

use contract::{Item, destination::Form};
use serde_json::{Map, Value};

use super::{config::Config, schema};

/// A feed of this destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Rss,
    Tsv,
}

impl Format {
    /// The names of the feeds.
    pub(super) const FEEDS: [&str; 2] = ["products.xml", "products.tsv"];

    /// The format of the feed of this name.
    pub(super) fn of(feed: &str) -> Option<Self> {
        match feed {
            "products.xml" => Some(Self::Rss),
            "products.tsv" => Some(Self::Tsv),
            _ => None,
        }
    }

    /// What stands around the items.
    pub(super) fn around(self, config: &Config) -> Form {
        match self {
            Self::Rss => {
                let mut head = String::from(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
                     <rss version=\"2.0\" xmlns:g=\"http://base.google.com/ns/1.0\"><channel>\n",
                );
                for (name, text) in [("title", &config.title), ("link", &config.shop_url), ("description", &config.title)] {
                    element(&mut head, name, text);
                }
                head.push('\n');
                Form { media_type: "application/rss+xml; charset=utf-8", head, between: "", end: "\n", tail: "</channel></rss>\n" }
            }
            Self::Tsv => {
                let names = std::iter::once("id").chain(schema::fields(model::Kind::Product).iter().map(|field| field.name));
                let head = names.collect::<Vec<_>>().join("\t") + "\n";
                Form { media_type: "text/tab-separated-values; charset=utf-8", head, between: "", end: "\n", tail: "" }
            }
        }
    }

    /// An item, in one line as far as its texts are.
    pub(super) fn item(self, item: &Item) -> String {
        // The payload was written as JSON by the mapping beside this file.
        let members: Map<String, Value> = serde_json::from_str(&item.payload.object()).unwrap_or_default();
        match self {
            Self::Rss => {
                let mut text = String::from("<item>");
                element(&mut text, "g:id", item.id.as_str());
                for (name, value) in &members {
                    for one in texts(value) {
                        element(&mut text, &format!("g:{name}"), &one);
                    }
                }
                text.push_str("</item>");
                text
            }
            Self::Tsv => {
                let mut text = cell(item.id.as_str());
                for field in schema::fields(model::Kind::Product) {
                    text.push('\t');
                    let values = members.get(field.name).map(texts).unwrap_or_default();
                    // A list is separated by commas, so that a comma of its own has to be written another way.
                    let several = values.len() > 1;
                    let values = values.iter().map(|value| if several { value.replace(',', "%2C") } else { value.clone() });
                    text.push_str(&cell(&values.collect::<Vec<_>>().join(",")));
                }
                text
            }
        }
    }
}

/// The texts of a member: those of a list, or one.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        other => vec![other.to_string()],
    }
}

/// `<name>text</name>`, without the characters that XML 1.0 does not have.
fn element(to: &mut String, name: &str, text: &str) {
    to.extend(["<", name, ">"]);
    for c in text.chars() {
        match c {
            '&' => to.push_str("&amp;"),
            '<' => to.push_str("&lt;"),
            '>' => to.push_str("&gt;"),
            '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => to.push(c),
            _ => {}
        }
    }
    to.extend(["</", name, ">"]);
}

/// A value without tabs and line breaks; one with quotation marks is quoted, as spreadsheets read it.
fn cell(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.contains('"') { format!("\"{}\"", line.replace('"', "\"\"")) } else { line }
}
