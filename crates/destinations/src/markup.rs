//! Turns HTML into plain text.
//!
//! It is no HTML parser: descriptions come from many editors, are often broken, and only their words matter here. Text
//! that looks like a tag is removed; tags that separate words leave a space; `script`, `style` and similar elements are
//! removed with their content; entities are decoded as HTML defines them; white space is collapsed. A text without `<`
//! and `&` is left exactly as it is.

use std::borrow::Cow;

/// The text that a reader of this HTML would see, in one line.
pub fn plain_text(html: &str) -> Cow<'_, str> {
    if !html.contains('<') && !html.contains('&') {
        return Cow::Borrowed(html);
    }
    let mut text = Text { out: String::with_capacity(html.len()), space: false, unclosed: Vec::new() };
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
    /// Elements of [`UNSEEN`] that are not closed in the rest of the text.
    unclosed: Vec<String>,
}

impl Text {
    /// Text without markup; white space at its ends counts.
    fn words(&mut self, text: &str) {
        // Most text is ASCII, which is checked byte by byte.
        if text.is_ascii() {
            let spaces = text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_whitespace());
            self.between(text, spaces.map(|(at, _)| (at, 1)));
        } else {
            let spaces = text.char_indices().filter(|(_, c)| c.is_whitespace());
            self.between(text, spaces.map(|(at, c)| (at, c.len_utf8())));
        }
    }

    /// The words between spaces, each with its start and length.
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

    /// Handles text that starts with `<`; returns the text after the markup.
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
        let length = closing.find(|c: char| !is_of_name(c)).unwrap_or(closing.len());
        let (name, tag) = closing.split_at(length);
        let is = |other: &&str| name.eq_ignore_ascii_case(other);
        let rest = tag_end(tag);
        // Elements of other vocabularies (`o:p`, `my-label`) have no form of their own, so they do not separate words.
        if !INLINE.iter().any(is) && !name.contains([':', '-']) {
            self.space = true;
        }
        let opens = closing.len() == after.len();
        if !opens || !UNSEEN.iter().any(is) {
            return rest;
        }
        if let Some(beyond) = self.beyond_close(rest, name) {
            return beyond;
        }
        let is_closed = tag.get(..tag.len() - rest.len()).is_some_and(|tag| tag.ends_with("/>"));
        if ["script", "style"].iter().any(is) && !is_closed { "" } else { rest }
    }

    /// Handles text that starts with `&`; returns the text after the entity. An entity without its semicolon is decoded
    /// only at the end of a word, so that `&region=` in an address is unchanged.
    fn entity<'a>(&mut self, from: &'a str) -> &'a str {
        let after = from.get(1..).unwrap_or_default();
        let length = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '#').unwrap_or(after.len());
        let end = match after.as_bytes().get(length) {
            Some(b';' | b'=') => length + 2,
            _ => length + 1,
        };
        let (entity, rest) = from.split_at(end);
        let decoded = htmlize::unescape_attribute(entity);
        if decoded == entity {
            self.word("&");
            return after;
        }
        if decoded.chars().any(is_control) {
            self.words(&decoded.replace(is_control, ""));
        } else {
            self.words(&decoded);
        }
        rest
    }

    /// The text after `</name>`; `None` if the element is never closed. Each name is searched once.
    fn beyond_close<'a>(&mut self, rest: &'a str, name: &str) -> Option<&'a str> {
        if self.unclosed.iter().any(|known| name.eq_ignore_ascii_case(known)) {
            return None;
        }
        let mut from = rest;
        while let Some((_, after)) = from.split_once("</") {
            if let Some((start, tag)) = after.split_at_checked(name.len())
                && start.eq_ignore_ascii_case(name)
                && !tag.starts_with(is_of_name)
            {
                return Some(tag_end(tag));
            }
            from = after;
        }
        self.unclosed.push(name.to_owned());
        None
    }
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, ':' | '-')
}

/// Control characters never belong to a shop's text.
fn is_control(c: char) -> bool {
    c.is_control() && !c.is_whitespace()
}

/// Tags within a word.
const INLINE: [&str; 37] = [
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins",
    "kbd", "label", "mark", "nobr", "output", "q", "ruby", "s", "samp", "small", "span", "strike", "strong", "sub",
    "sup", "time", "tt", "u", "var", "wbr", "blink",
];

/// Elements whose content a reader does not see: code, and fallback text for old browsers.
const UNSEEN: [&str; 11] =
    ["script", "style", "template", "title", "noscript", "iframe", "noembed", "noframes", "video", "audio", "canvas"];

/// The text after the `>` that ends a tag; one within quotes does not end it. An unclosed tag reaches to the end of the
/// text.
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
    // An unclosed quote would hide the rest of the text: the first `>` then ends the tag.
    rest.split_once('>').map_or("", |(_, rest)| rest)
}

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
            ("<u>under</u>lined <kbd>C</kbd>trl<o:p></o:p>.", "underlined Ctrl."),
            ("<tr><td>Size</td><td>M</td></tr><h2>Care</h2>wash<hr>dry", "Size M Care wash dry"),
            ("a<video src=x>Your browser is old.</video>b<noscript>no</noscript>c", "a b c"),
            ("a<iframe src=x/>b", "a b"),
            ("a<script src='x'/>b", "a b"),
            ("a<style>p{}</styles>x</style >b", "a b"),
            ("<title>Shop</title><template><p>no</p></template>yes", "yes"),
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
            ("&#0;&#xD800;&#99999999;", "\u{fffd}\u{fffd}\u{fffd}"),
            ("&euro; 5 &ndash; 7&hellip;", "€ 5 – 7…"),
            ("&ü;", "&ü;"),
            ("&amp;lt;", "&lt;"),
            // Names beyond those of HTML 4, of two characters, in capitals, and without a semicolon.
            ("&check; &NotEqualTilde; &AMP; &fjlig;", "✓ ≂̸ & fj"),
            ("Caf&eacute au lait &copy 2026", "Café au lait © 2026"),
            ("?id=1&region=de&copy=2&currency=EUR", "?id=1&region=de&copy=2&currency=EUR"),
            // Numbers of Windows-1252.
            ("&#128;5 &#147;x&#148; &#x92;&#0153;", "€5 “x” ’™"),
            ("a&#7;b&#10;c&NewLine;d&Tab;e&zwnj;", "ab c d e\u{200c}"),
        ] {
            assert_eq!(plain_text(html), text, "{html}");
        }
    }

    #[test]
    fn a_megabyte_of_anything_are_read_in_one_go() {
        for part in [
            "<",
            "&",
            "<p ",
            "&#",
            "<!--",
            "<script>",
            "<video>",
            "<title/>",
            "&x",
            "&copy;",
            "</",
            "\"<a '",
            "é<b>&amp;",
        ] {
            let html = part.repeat((1 << 20) / part.len());
            assert!(plain_text(&html).len() <= html.len());
        }
    }
}
