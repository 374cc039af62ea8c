//! Query strings, percent-encoded throughout.

use reqwest::Url;

/// `base` with a query of these pairs. Everything but the unreserved characters of RFC 3986 is percent-encoded, a
/// space as `%20`: a plus sign is not read as a space by every server.
pub fn with_query<'a>(base: &Url, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Url {
    let mut query = String::new();
    for (name, value) in pairs {
        if !query.is_empty() {
            query.push('&');
        }
        encode(&mut query, name);
        query.push('=');
        encode(&mut query, value);
    }
    let mut url = base.clone();
    url.set_query((!query.is_empty()).then_some(&query));
    url
}

/// `base` with one more path segment after its own path, percent-encoded.
pub fn with_segment(base: &Url, segment: &str) -> Url {
    let mut path = base.path().trim_end_matches('/').to_owned();
    path.push('/');
    encode(&mut path, segment);
    let mut url = base.clone();
    url.set_path(&path);
    url
}

/// Text as a form field or query value.
pub fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    encode(&mut out, text);
    out
}

fn encode(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let digit = |nibble: u8| char::from_digit(nibble.into(), 16).map_or('0', |c| c.to_ascii_uppercase());
            out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
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
