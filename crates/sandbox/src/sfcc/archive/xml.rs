//! Writes XML element by element, as the platform's exports are laid out.

use std::io::{self, Write};

use super::super::state::{DEFAULT_LOCALE, Texts};

/// Attributes of an element.
type Attributes<'a> = &'a [(&'a str, &'a str)];

/// A document that is being written.
pub(super) struct Xml<'w> {
    out: &'w mut dyn Write,
    open: Vec<&'static str>,
}

impl<'w> Xml<'w> {
    /// Begins a document with its root element.
    pub(super) fn begin(
        out: &'w mut dyn Write,
        root: &'static str,
        namespace: &str,
        attributes: Attributes,
    ) -> io::Result<Self> {
        out.write_all(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")?;
        let mut xml = Self { out, open: Vec::new() };
        let mut all = vec![("xmlns", namespace)];
        all.extend(attributes);
        xml.open(root, &all)?;
        Ok(xml)
    }

    /// Begins an element.
    pub(super) fn open(&mut self, name: &'static str, attributes: Attributes) -> io::Result<()> {
        self.start(name, attributes)?;
        self.out.write_all(b">\n")?;
        self.open.push(name);
        Ok(())
    }

    /// Ends the innermost element.
    pub(super) fn close(&mut self) -> io::Result<()> {
        if let Some(name) = self.open.pop() {
            self.indent()?;
            writeln!(self.out, "</{name}>")?;
        }
        Ok(())
    }

    /// Ends the document.
    pub(super) fn end(mut self) -> io::Result<()> {
        while !self.open.is_empty() {
            self.close()?;
        }
        Ok(())
    }

    /// An element with a text; an empty one without.
    pub(super) fn leaf(&mut self, name: &str, attributes: Attributes, text: &str) -> io::Result<()> {
        self.start(name, attributes)?;
        if text.is_empty() {
            return self.out.write_all(b"/>\n");
        }
        self.out.write_all(b">")?;
        escape(&mut *self.out, text)?;
        writeln!(self.out, "</{name}>")
    }

    /// An element without attributes.
    pub(super) fn text(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.leaf(name, &[], text)
    }

    /// An element for each locale.
    pub(super) fn texts(&mut self, name: &str, texts: &Texts) -> io::Result<()> {
        for (locale, text) in by_locale(texts) {
            self.leaf(name, &[("xml:lang", locale)], text)?;
        }
        Ok(())
    }

    /// An element, and only if its text is not empty.
    pub(super) fn filled(&mut self, name: &str, text: &str) -> io::Result<()> {
        if text.is_empty() { Ok(()) } else { self.text(name, text) }
    }

    fn start(&mut self, name: &str, attributes: Attributes) -> io::Result<()> {
        self.indent()?;
        write!(self.out, "<{name}")?;
        for (name, value) in attributes {
            write!(self.out, " {name}=\"")?;
            escape(&mut *self.out, value)?;
            self.out.write_all(b"\"")?;
        }
        Ok(())
    }

    fn indent(&mut self) -> io::Result<()> {
        for _ in &self.open {
            self.out.write_all(b"    ")?;
        }
        Ok(())
    }
}

/// Texts with their locale as XML names it, `x-default` first.
pub(super) fn by_locale(texts: &Texts) -> impl Iterator<Item = (&str, &str)> {
    let main = texts.get(DEFAULT_LOCALE).map(|text| ("x-default", text.as_str()));
    let others = texts.iter().filter(|(locale, _)| *locale != DEFAULT_LOCALE);
    main.into_iter().chain(others.map(|(locale, text)| (locale.as_str(), text.as_str())))
}

/// Writes text with what XML reserves as entities. What XML 1.0 can't hold is left out, as the platform does with
/// "Filter invalid XML characters during export".
fn escape(out: &mut dyn Write, text: &str) -> io::Result<()> {
    let mut plain = 0;
    for (at, character) in text.char_indices() {
        let instead = match character {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => "&quot;",
            '\r' => "&#13;",
            '\t' | '\n' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'.. => continue,
            _ => "",
        };
        out.write_all(text.get(plain..at).unwrap_or_default().as_bytes())?;
        out.write_all(instead.as_bytes())?;
        plain = at + character.len_utf8();
    }
    out.write_all(text.get(plain..).unwrap_or_default().as_bytes())
}

/// `2026-11-01T06:00:00.000Z`.
pub(in super::super) fn time(milliseconds: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(milliseconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{at:.3}")
}
