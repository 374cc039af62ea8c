//! Canonical addresses.

use std::borrow::Cow;

use crate::Url;

/// The address in canonical form: absolute, `http` or `https` in lower case, without white space around it, and with
/// everything else encoded that an address may not hold. `//host/…` becomes `https`. An address in this form stays
/// unchanged.
///
/// # Errors
/// Why it can't be used, in words that follow the address.
pub fn canonical(address: &str) -> Result<Cow<'_, str>, &'static str> {
    if is_canonical(address) {
        return Ok(Cow::Borrowed(address));
    }
    let trimmed = address.trim_matches(|c: char| c.is_whitespace() || c.is_control());
    if trimmed.is_empty() {
        return Err("is empty");
    }
    let is_slash = |c: char| matches!(c, '/' | '\\');
    let after = match trimmed.split_once(':') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http") => rest,
        _ if trimmed.starts_with("//") => trimmed,
        _ => return Err("is no absolute http(s) address"),
    };
    let host = after.strip_prefix(is_slash).and_then(|rest| rest.strip_prefix(is_slash));
    if host.is_none_or(|host| host.starts_with(is_slash)) {
        return Err("names no host");
    }
    let scheme = if after.len() == trimmed.len() { "https:" } else { "" };
    let url = Url::parse(&format!("{scheme}{}", lone_percents_encoded(trimmed))).map_err(|_| "names no host")?;
    Ok(Cow::Owned(url.into()))
}

/// RFC 3986, with the scheme in lower case.
fn is_canonical(address: &str) -> bool {
    let Some(rest) = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://")) else { return false };
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
        && rest.bytes().all(is_fit)
        && !has_lone_percent(rest)
}

fn has_lone_percent(text: &str) -> bool {
    text.match_indices('%').any(|(at, _)| !is_encoded(text, at))
}

/// Whether the percent sign at this place begins an encoded byte.
fn is_encoded(text: &str, at: usize) -> bool {
    text.get(at + 1..at + 3).is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn lone_percents_encoded(text: &str) -> Cow<'_, str> {
    if !has_lone_percent(text) {
        return Cow::Borrowed(text);
    }
    let mut encoded = String::with_capacity(text.len() + 2);
    for (at, c) in text.char_indices() {
        encoded.push(c);
        if c == '%' && !is_encoded(text, at) {
            encoded.push_str("25");
        }
    }
    Cow::Owned(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_used_is_put_into_one_form() {
        for (written, canonical_form) in [
            ("https://img.example/a.jpg?w=1&h=2#x", "https://img.example/a.jpg?w=1&h=2#x"),
            ("http://IMG.example:80/../a%20b.jpg", "http://IMG.example:80/../a%20b.jpg"),
            ("//img.example/a.jpg", "https://img.example/a.jpg"),
            (" \thttps://img.example/a.jpg\r\n", "https://img.example/a.jpg"),
            ("HTTPS://Img.example/A.jpg", "https://img.example/A.jpg"),
            ("HtTp://img.example/a.jpg", "http://img.example/a.jpg"),
            ("https://img.example/a b.jpg", "https://img.example/a%20b.jpg"),
            ("https://img.example/a.jpg?t=a b", "https://img.example/a.jpg?t=a%20b"),
            ("https://img.example/größe/É.jpg", "https://img.example/gr%C3%B6%C3%9Fe/%C3%89.jpg"),
            ("https://bücher.example/a.jpg", "https://xn--bcher-kva.example/a.jpg"),
            ("https://img.example/100%.jpg", "https://img.example/100%25.jpg"),
            ("https://img.example/100%25 %zz.jpg", "https://img.example/100%25%20%25zz.jpg"),
            ("https://img.example\\a\\b.jpg", "https://img.example/a/b.jpg"),
            ("https:\\\\img.example\\b.jpg", "https://img.example/b.jpg"),
            ("https://img.example/a\nb.jpg", "https://img.example/ab.jpg"),
            ("https://img.example/\"a\".jpg", "https://img.example/%22a%22.jpg"),
            ("https://img.example/\u{a0}a.jpg", "https://img.example/%C2%A0a.jpg"),
            ("https://[2001:db8::1]/a.jpg", "https://[2001:db8::1]/a.jpg"),
            ("https://img.example", "https://img.example"),
        ] {
            let found = canonical(written);
            assert_eq!(found.as_deref(), Ok(canonical_form), "{written:?}");
            assert_eq!(canonical(canonical_form).as_deref(), Ok(canonical_form), "twice: {written:?}");
        }
    }

    #[test]
    fn what_can_t_be_used_is_refused() {
        for address in [
            "",
            " \n",
            "/a.jpg",
            "a.jpg",
            "img.example/a.jpg",
            "ftp://img.example/a.jpg",
            "data:image/png;base64,AAAA",
            "https:",
            "https://",
            "https:///a.jpg",
            "https:a.jpg",
            "//",
            "///a.jpg",
            "https://a b.example/c.jpg",
            "https://?a.jpg",
            "javascript:alert(1)",
            "file:///a.jpg",
        ] {
            assert!(canonical(address).is_err(), "{address:?}: {:?}", canonical(address));
        }
    }
}
