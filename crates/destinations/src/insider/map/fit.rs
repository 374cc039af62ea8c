//! Limits of values: what is cut with a note, and what is refused.

use contract::Fault;
use serde_json::Value as Json;

/// Longest text unless a field says otherwise, in characters.
pub(super) const LONGEST: usize = 512;

/// Texts that Insider takes for a missing value.
const MISSING: [&str; 3] = ["undefined", "unknown", "null"];

/// The longest text of a field; `None`: a text of this field can't be cut without harm, or has no limit.
const fn longest(name: &str) -> Option<usize> {
    match name.as_bytes() {
        b"description" => Some(1024),
        b"name" | b"brand" | b"sku" | b"color" | b"size" | b"gender" => Some(LONGEST),
        _ => None,
    }
}

/// The longest list of a field, all its texts together.
const fn longest_list(name: &str) -> Option<usize> {
    match name.as_bytes() {
        b"category" => Some(1024),
        b"tags" => Some(4096),
        b"variants" => Some(usize::MAX),
        _ => None,
    }
}

/// A field's value within its limits, with a note if something was cut off. `place` names where in messages.
pub fn within_limits(name: &str, place: &str, value: Json, notes: &mut Vec<String>) -> Json {
    match (value, longest(name), longest_list(name)) {
        (Json::String(text), Some(most), _) => match text.char_indices().nth(most) {
            None => Json::String(text),
            Some((end, _)) => {
                let had = text.chars().count();
                notes.push(format!("{name} of {place} was cut from {had} to {most} characters"));
                Json::String(text.get(..end).unwrap_or_default().to_owned())
            }
        },
        (Json::Array(texts), _, Some(most)) => {
            let (had, mut room, mut kept) = (texts.len(), most, Vec::with_capacity(texts.len()));
            for text in texts {
                let length = text.as_str().map_or(0, |text| text.chars().count());
                if length <= LONGEST && length <= room {
                    room -= length;
                    kept.push(text);
                } else if name == "category" {
                    // What is left of a path is the path of a category above.
                    break;
                }
            }
            if kept.len() < had {
                notes.push(format!("{name} of {place} holds {} of {had} texts: the others are too long", kept.len()));
            }
            Json::Array(kept)
        }
        (value, ..) => value,
    }
}

/// Why a required text can't be used; `None` if it can.
pub(super) fn unfit_text(text: &str) -> Option<&'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Some("is blank");
    }
    MISSING.contains(&text).then_some("is a word that Insider takes for a missing value")
}

/// Why a URL can't be used; `None` if it can. An image's may lack its scheme.
pub(super) fn unfit_url(url: &str, of_image: bool) -> Option<&'static str> {
    let is_absolute = contract::schema::is_absolute_url(url) || (of_image && url.starts_with("//") && url.len() > 2);
    if !is_absolute {
        return Some("is no absolute http(s) URL");
    }
    (url.chars().count() > LONGEST).then_some("is longer than 512 characters, and a URL can't be cut")
}

/// A value that Insider can't use.
pub(super) fn unfit(item: &str, name: &str, what: &str) -> Fault {
    let hint = match name {
        "url" => "check the market's URL template",
        "image_url" => {
            "Insider requires an image: give the product one at the source, or map a placeholder, such as image_url = \
             \"size(product.images) > 0 ? product.images[0] : 'https://shop.example/none.jpg'\""
        }
        _ => "correct it at the source, or map this field yourself",
    };
    Fault::record("C0428", format!("{item}: {name} {what}")).hint(hint)
}
