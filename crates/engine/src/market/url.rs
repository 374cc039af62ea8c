//! URL templates of a market.

use contract::Fault;

/// What a placeholder is replaced by.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// Id at the source: stands in for any other that is missing.
    pub id: &'a str,
    /// Stands in for a missing slug or SKU.
    pub key: Option<&'a str>,
    /// Part of a URL.
    pub slug: Option<&'a str>,
    /// Of the main variant.
    pub sku: Option<&'a str>,
    /// The market's first locale.
    pub locale: &'a str,
}

/// A template, read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Slug,
    Id,
    Key,
    Sku,
    Locale,
}

impl Template {
    /// Reads a template in which only `names` are placeholders. `setting` says where it stands in the configuration.
    ///
    /// # Errors
    /// `C0504`: another placeholder, or a brace without its counterpart.
    pub fn parse(text: &str, setting: &str, names: &[&str]) -> Result<Self, Fault> {
        let Placeholders { found, end } = placeholders(text).map_err(|brace| {
            let what = if brace == '{' { "{ without }" } else { "} without {" };
            unknown(text, setting, names, what)
        })?;
        let mut pieces = Vec::new();
        for (before, name) in found {
            let piece = match name {
                "slug" => Piece::Slug,
                "id" => Piece::Id,
                "key" => Piece::Key,
                "sku" => Piece::Sku,
                "locale" => Piece::Locale,
                _ => return Err(unknown(text, setting, names, &format!("{{{name}}}"))),
            };
            if !names.contains(&name) {
                return Err(unknown(text, setting, names, &format!("{{{name}}}")));
            }
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(piece);
        }
        pieces.push(Piece::Text(end.to_owned()));
        Ok(Self(pieces))
    }

    /// The URL, each part percent-encoded as one segment of a path.
    pub fn fill(&self, parts: &Parts<'_>) -> String {
        let mut url = String::with_capacity(96);
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => url.push_str(text),
                Piece::Slug => encode(parts.slug.or(parts.key).unwrap_or(parts.id), &mut url),
                Piece::Sku => encode(parts.sku.or(parts.key).unwrap_or(parts.id), &mut url),
                Piece::Key => encode(parts.key.unwrap_or(parts.id), &mut url),
                Piece::Id => encode(parts.id, &mut url),
                Piece::Locale => encode(parts.locale, &mut url),
            }
        }
        url
    }
}

/// The placeholders of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholders<'t> {
    /// Each with the text before it: (text, name).
    pub found: Vec<(&'t str, &'t str)>,
    /// The text after the last.
    pub end: &'t str,
}

/// Finds the placeholders of a template, whatever their names.
///
/// # Errors
/// The brace without its counterpart.
pub fn placeholders(template: &str) -> Result<Placeholders<'_>, char> {
    let mut found = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        let Some(inside) = from.strip_prefix('{') else { return Err('}') };
        let (name, after) = inside.split_once('}').ok_or('{')?;
        if name.contains('{') {
            return Err('{');
        }
        found.push((before, name));
        rest = after;
    }
    Ok(Placeholders { found, end: rest })
}

fn unknown(text: &str, setting: &str, names: &[&str], what: &str) -> Fault {
    let names: Vec<_> = names.iter().map(|name| format!("{{{name}}}")).collect();
    Fault::config("C0504", format!("{setting} {text:?} holds {what}, which is no placeholder"))
        .hint(format!("use {}", names.join(", ")))
}

/// Everything but the unreserved characters of RFC 3986, so that a part stays one segment, or one query value.
fn encode(text: &str, url: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            url.push(char::from(byte));
        } else {
            let hex = |four_bits: u8| char::from_digit(u32::from(four_bits), 16).unwrap_or('0').to_ascii_uppercase();
            url.extend(['%', hex(byte >> 4), hex(byte & 15)]);
        }
    }
}
