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
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or_else(|| unknown(text, setting, names, "{ without }"))?;
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
            rest = after;
        }
        if rest.contains('}') {
            return Err(unknown(text, setting, names, "} without {"));
        }
        pieces.push(Piece::Text(rest.to_owned()));
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
