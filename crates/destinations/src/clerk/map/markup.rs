//! Plain text out of HTML.
//!
//! No parser of HTML: descriptions come from editors of all kinds, are often broken, and only their words matter here.
//! What looks like a tag goes; tags that separate words leave a space; `script` and `style` go with what they hold;
//! entities are decoded; white space is drawn together. A text without `<` and `&` is left exactly as it is.

use std::borrow::Cow;

/// The text that a reader of this HTML would see, in one line.
pub fn plain_text(html: &str) -> Cow<'_, str> {
    if !html.contains('<') && !html.contains('&') {
        return Cow::Borrowed(html);
    }
    let mut text = Text { out: String::with_capacity(html.len()), space: false };
    let mut rest = html;
    while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'<' | b'&')) {
        let (before, from) = rest.split_at(at);
        text.words(before);
        rest = match from.as_bytes().first() {
            Some(b'<') => text.markup(from),
            _ => text.entity(from),
        };
    }
    text.words(rest);
    Cow::Owned(text.out)
}

struct Text {
    out: String,
    space: bool,
}

impl Text {
    /// Text without markup; white space at its ends counts.
    fn words(&mut self, text: &str) {
        // Most text is ASCII, and that is told apart byte by byte.
        if text.is_ascii() {
            let spaces = text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_whitespace());
            self.between(text, spaces.map(|(at, _)| (at, 1)));
        } else {
            let spaces = text.char_indices().filter(|(_, c)| c.is_whitespace());
            self.between(text, spaces.map(|(at, c)| (at, c.len_utf8())));
        }
    }

    /// The words between spaces, each of which begins at a place and has a length.
    fn between(&mut self, text: &str, spaces: impl Iterator<Item = (usize, usize)>) {
        let mut from = 0;
        for (at, length) in spaces {
            self.word(text.get(from..at).unwrap_or_default());
            self.space = true;
            from = at + length;
        }
        self.word(text.get(from..).unwrap_or_default());
    }

    fn word(&mut self, word: &str) {
        if word.is_empty() {
            return;
        }
        if self.space && !self.out.is_empty() {
            self.out.push(' ');
        }
        self.space = false;
        self.out.push_str(word);
    }

    /// What starts with `<`; gives what follows the markup.
    fn markup<'a>(&mut self, from: &'a str) -> &'a str {
        let after = from.get(1..).unwrap_or_default();
        if let Some(comment) = after.strip_prefix("!--") {
            return comment.split_once("-->").map_or("", |(_, rest)| rest);
        }
        let closing = after.strip_prefix('/').unwrap_or(after);
        if !closing.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '!' | '?')) {
            // A sign, not a tag: "a < b".
            self.word("<");
            return after;
        }
        let length = closing.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(closing.len());
        let name = closing.get(..length).unwrap_or_default();
        let is = |other: &&str| name.eq_ignore_ascii_case(other);
        let rest = tag_end(closing.get(length..).unwrap_or_default());
        if !INLINE.iter().any(is) {
            self.space = true;
        }
        let opens = closing.len() == after.len();
        if opens && ["script", "style"].iter().any(is) { beyond_close(rest, name) } else { rest }
    }

    /// What starts with `&`; gives what follows the entity.
    fn entity<'a>(&mut self, from: &'a str) -> &'a str {
        let after = from.get(1..).unwrap_or_default();
        let length = after.bytes().take(LONGEST_ENTITY + 1).position(|byte| byte == b';');
        let Some((name, rest)) = length.and_then(|length| Some((after.get(..length)?, after.get(length + 1..)?))) else {
            self.word("&");
            return after;
        };
        match decoded(name) {
            Some(c) if c.is_whitespace() => self.space = true,
            Some(c) => self.word(c.encode_utf8(&mut [0; 4])),
            None => {
                self.word("&");
                return after;
            }
        }
        rest
    }
}

/// Tags within a word.
const INLINE: [&str; 22] = [
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "del", "dfn", "em", "font", "i", "ins", "mark", "s",
    "small", "span", "strong", "sub", "sup",
];

/// What follows the `>` that ends a tag; one within quotes does not. A tag without an end reaches to the end.
fn tag_end(rest: &str) -> &str {
    let mut quote = None;
    for (at, byte) in rest.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return rest.get(at + 1..).unwrap_or_default(),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    // An odd quote would swallow the text: the first `>` is meant then.
    rest.split_once('>').map_or("", |(_, rest)| rest)
}

/// What follows `</name>`.
fn beyond_close<'a>(rest: &'a str, name: &str) -> &'a str {
    let mut from = rest;
    while let Some((_, after)) = from.split_once("</") {
        if after.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)) {
            return tag_end(after.get(name.len()..).unwrap_or_default());
        }
        from = after;
    }
    ""
}

const LONGEST_ENTITY: usize = 10;

fn decoded(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code).filter(|c| !c.is_control() || c.is_whitespace());
    }
    if let Some((_, c)) = NAMED.iter().find(|(it, _)| *it == name) {
        return Some(*c);
    }
    let at = LATIN.iter().position(|it| *it == name)?;
    char::from_u32(u32::try_from(at).ok()? + 0xa0)
}

/// Entities that are not of [`LATIN`].
const NAMED: [(&str, char); 24] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("euro", '€'),
    ("trade", '™'),
    ("hellip", '…'),
    ("ndash", '–'),
    ("mdash", '—'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("sbquo", '‚'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("bdquo", '„'),
    ("lsaquo", '‹'),
    ("rsaquo", '›'),
    ("bull", '•'),
    ("ensp", ' '),
    ("emsp", ' '),
    ("thinsp", ' '),
    ("oelig", 'œ'),
    ("OElig", 'Œ'),
];

/// Entities of U+00A0 to U+00FF, in order.
const LATIN: [&str; 96] = [
    "nbsp", "iexcl", "cent", "pound", "curren", "yen", "brvbar", "sect", "uml", "copy", "ordf", "laquo", "not", "shy",
    "reg", "macr", "deg", "plusmn", "sup2", "sup3", "acute", "micro", "para", "middot", "cedil", "sup1", "ordm",
    "raquo", "frac14", "frac12", "frac34", "iquest", "Agrave", "Aacute", "Acirc", "Atilde", "Auml", "Aring", "AElig",
    "Ccedil", "Egrave", "Eacute", "Ecirc", "Euml", "Igrave", "Iacute", "Icirc", "Iuml", "ETH", "Ntilde", "Ograve",
    "Oacute", "Ocirc", "Otilde", "Ouml", "times", "Oslash", "Ugrave", "Uacute", "Ucirc", "Uuml", "Yacute", "THORN",
    "szlig", "agrave", "aacute", "acirc", "atilde", "auml", "aring", "aelig", "ccedil", "egrave", "eacute", "ecirc",
    "euml", "igrave", "iacute", "icirc", "iuml", "eth", "ntilde", "ograve", "oacute", "ocirc", "otilde", "ouml",
    "divide", "oslash", "ugrave", "uacute", "ucirc", "uuml", "yacute", "thorn", "yuml",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_goes_and_the_words_stay_apart() {
        for (html, text) in [
            ("Light shell\nfor trails", "Light shell\nfor trails"),
            ("", ""),
            ("<p>Light <b>shell</b></p><p>for trails</p>", "Light shell for trails"),
            ("<b>bold</b>ly <i>said</i>.", "boldly said."),
            ("one<br/>two<br>three", "one two three"),
            ("<ul>\n <li>one</li>\n <li>two</li>\n</ul>", "one two"),
            ("before<!-- <p>no</p> -->after", "beforeafter"),
            ("x<script>if (a < b) alert('</p>')</script>y", "x y"),
            ("<STYLE type=\"text/css\">p > a {}</STYLE >words", "words"),
            ("<a title=\"2 > 1\" href='/x'>link</a>", "link"),
            ("a < b and c > d", "a < b and c > d"),
            ("5 <6", "5 <6"),
            ("<<b>>", "<>"),
            ("open <b", "open"),
            ("<p title=\"odd>text", "text"),
            ("<!DOCTYPE html><p>x", "x"),
            ("<?xml version='1.0'?>x", "x"),
            ("never closed <script>x", "never closed"),
            ("قميص <b>أحمر</b> 👕", "قميص أحمر 👕"),
        ] {
            assert_eq!(plain_text(html), text, "{html}");
        }
    }

    #[test]
    fn entities_are_decoded_and_unknown_ones_stay() {
        for (html, text) in [
            ("Fish &amp; Chips", "Fish & Chips"),
            ("&lt;b&gt; isn&#39;t a tag&#x21;", "<b> isn't a tag!"),
            ("Gr&ouml;&szlig;e&nbsp;M", "Größe M"),
            ("&yuml;&nbsp;&iexcl;", "ÿ ¡"),
            ("AT&T", "AT&T"),
            ("a &unknown; b && c &", "a &unknown; b && c &"),
            ("&#0;&#xD800;&#99999999;", "&#0;&#xD800;&#99999999;"),
            ("&euro; 5 &ndash; 7&hellip;", "€ 5 – 7…"),
            ("&ü;", "&ü;"),
            ("&amp;lt;", "&lt;"),
        ] {
            assert_eq!(plain_text(html), text, "{html}");
        }
    }

    #[test]
    fn a_megabyte_of_anything_are_read_in_one_go() {
        for part in ["<", "&", "<p ", "&#", "<!--", "<script>", "</", "\"<a '", "é<b>&amp;"] {
            let html = part.repeat((1 << 20) / part.len());
            assert!(plain_text(&html).len() <= html.len());
        }
    }
}
