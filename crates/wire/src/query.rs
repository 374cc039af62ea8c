//! Query strings, percent-encoded throughout.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;

/// All bytes but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `base` with a query of these pairs. Everything but the unreserved characters of RFC 3986 is percent-encoded, a
/// space as `%20`: a plus sign is not read as a space by every server.
pub fn with_query<'a>(base: &Url, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Url {
    let mut query = String::new();
    for (name, value) in pairs {
        if !query.is_empty() {
            query.push('&');
        }
        query.extend(utf8_percent_encode(name, RESERVED));
        query.push('=');
        query.extend(utf8_percent_encode(value, RESERVED));
    }
    let mut url = base.clone();
    url.set_query((!query.is_empty()).then_some(&query));
    url
}

/// `base` with one more path segment after its own path, percent-encoded.
pub fn with_segment(base: &Url, segment: &str) -> Url {
    let mut path = base.path().trim_end_matches('/').to_owned();
    path.push('/');
    path.extend(utf8_percent_encode(segment, RESERVED));
    let mut url = base.clone();
    url.set_path(&path);
    url
}

/// Text as a form field or query value.
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn spaces_quotes_and_signs_are_percent_encoded() {
        let base = Url::parse("http://host/prefix/products").unwrap();
        let url = with_query(&base, [("where", r#"id > "a+b&c=ü""#), ("sort", "id asc")]);
        assert_eq!(url.as_str(), "http://host/prefix/products?where=id%20%3E%20%22a%2Bb%26c%3D%C3%BC%22&sort=id%20asc");
    }

    #[test]
    fn a_segment_goes_after_the_path_prefix() {
        let base = Url::parse("http://host/prefix/").unwrap();
        assert_eq!(with_segment(&base, "a/b").as_str(), "http://host/prefix/a%2Fb");
    }
}
