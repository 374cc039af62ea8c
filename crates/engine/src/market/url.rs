//! URL templates of a market.

use contract::Fault;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All bytes but the unreserved characters of RFC 3986, so that a part stays one segment, or one query value.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The same, and what a path of several segments is made of. A path that is percent-encoded already stays as it is.
const RESERVED_IN_PATHS: &AsciiSet = &RESERVED.remove(b'/').remove(b'%');

/// The values of placeholders.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// Id at the source.
    pub id: &'a str,
    /// Key given by the shop.
    pub key: Option<&'a str>,
    /// Part of a URL.
    pub slug: Option<&'a str>,
    /// SKU of the main variant.
    pub sku: Option<&'a str>,
    /// The market's first locale.
    pub locale: &'a str,
}

/// A parsed template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// The first of these that has a value.
    Part(Vec<Part>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Slug,
    /// The slug as a path of its own.
    Path,
    Id,
    Key,
    Sku,
    Locale,
}

impl Template {
    /// Reads a template in which only `names` are placeholders. `setting` names its place in the configuration.
    ///
    /// # Errors
    /// `C0504`: another placeholder, or a brace without its counterpart.
    pub fn parse(text: &str, setting: &str, names: &[&str]) -> Result<Self, Fault> {
        let Placeholders { found, end } = placeholders(text).map_err(|brace| {
            let what = if brace == '{' { "{ without }" } else { "} without {" };
            unknown(text, setting, names, what)
        })?;
        let mut pieces = Vec::new();
        for (before, placeholder) in found {
            let part = |name| match name {
                _ if !names.contains(&name) => None,
                "slug" => Some(Part::Slug),
                "path" => Some(Part::Path),
                "id" => Some(Part::Id),
                "key" => Some(Part::Key),
                "sku" => Some(Part::Sku),
                "locale" => Some(Part::Locale),
                _ => None,
            };
            let parts: Option<Vec<Part>> = alternatives(placeholder).map(part).collect();
            let unknown = || unknown(text, setting, names, &format!("{{{placeholder}}}"));
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Part(parts.ok_or_else(unknown)?));
        }
        pieces.push(Piece::Text(end.to_owned()));
        Ok(Self(pieces))
    }

    /// The URL, each part percent-encoded as one segment of a path, except `{path}`, which is the slug with its slashes;
    /// `None` where a placeholder has no value.
    pub fn fill(&self, parts: &Parts<'_>) -> Option<String> {
        let mut url = String::with_capacity(96);
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => url.push_str(text),
                Piece::Part(alternatives) => {
                    let (part, value) = first(alternatives, parts)?;
                    let reserved = if part == Part::Path { RESERVED_IN_PATHS } else { RESERVED };
                    url.extend(utf8_percent_encode(value, reserved));
                }
            }
        }
        Some(url)
    }

    /// The first placeholder without a value, as it is written.
    pub fn lacking(&self, parts: &Parts<'_>) -> String {
        let lacking = self.0.iter().find_map(|piece| match piece {
            Piece::Part(alternatives) if first(alternatives, parts).is_none() => Some(alternatives),
            _ => None,
        });
        let names: Vec<_> = lacking.into_iter().flatten().map(|part| part.name()).collect();
        format!("{{{}}}", names.join("|"))
    }

    /// Whether each placeholder has a value.
    pub fn fits(&self, parts: &Parts<'_>) -> bool {
        self.0.iter().all(|piece| match piece {
            Piece::Text(_) => true,
            Piece::Part(alternatives) => first(alternatives, parts).is_some(),
        })
    }
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Slug => "slug",
            Self::Path => "path",
            Self::Id => "id",
            Self::Key => "key",
            Self::Sku => "sku",
            Self::Locale => "locale",
        }
    }
}

fn first<'p>(alternatives: &[Part], parts: &Parts<'p>) -> Option<(Part, &'p str)> {
    let value = |part: &Part| match part {
        Part::Slug | Part::Path => parts.slug,
        Part::Sku => parts.sku,
        Part::Key => parts.key,
        Part::Id => Some(parts.id),
        Part::Locale => Some(parts.locale),
    };
    let values = alternatives.iter().filter_map(|part| Some((*part, value(part)?)));
    values.into_iter().find(|(_, value)| !value.trim().is_empty())
}

/// The names within a placeholder: `{slug|key}` is the slug, or else the key.
pub fn alternatives(placeholder: &str) -> impl Iterator<Item = &str> {
    placeholder.split('|')
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
        .hint(format!("use {}, or several in one, such as {{slug|key}}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_one_segment_and_a_path_keeps_its_slashes() {
        let fill = |template: &str, slug: &str| {
            let template = Template::parse(template, "product_url", &["slug", "path", "id"]).ok()?;
            template.fill(&Parts { id: "7", key: None, slug: Some(slug), sku: None, locale: "de" })
        };
        assert_eq!(fill("https://x/{slug}", "shirts/blau ü/").as_deref(), Some("https://x/shirts%2Fblau%20%C3%BC%2F"));
        assert_eq!(fill("https://x/{path}", "shirts/blau ü/").as_deref(), Some("https://x/shirts/blau%20%C3%BC/"));
        assert_eq!(fill("https://x/{path}?a=1", "blau%20?b#c").as_deref(), Some("https://x/blau%20%3Fb%23c?a=1"));
        assert_eq!(fill("https://x/{path|id}", " ").as_deref(), Some("https://x/7"));
        assert_eq!(fill("https://x/{path}", ""), None);
    }
}
