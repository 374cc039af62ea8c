//! XML of exports, element by element: a file of any size is read in the memory of its largest element.
//!
//! **Invariants:** no element is held that is larger than [`Bounds::element`], and no piece of one (a text, a tag) that is
//! larger than [`Bounds::piece`]. Characters that XML forbids are left out and counted; the two halves of a character that
//! an export wrote as two references (`&#55357;&#56832;`) are put together. No entity is expanded but the five of XML.

use std::io::{self, BufRead, Read};

use quick_xml::{
    NsReader,
    events::{BytesStart, Event},
    name::ResolveResult,
};
use serde::{Deserialize, Serialize};

/// Most levels of elements within elements.
const DEEPEST: usize = 32;

/// An element with all that is in it. Names have no prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Element {
    /// Its name.
    pub name: String,
    /// Its attributes.
    pub attributes: Vec<(String, String)>,
    /// The text in it; empty where it has elements.
    pub text: String,
    /// The elements in it.
    pub children: Vec<Self>,
}

impl Element {
    /// An attribute that is not empty.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str()).filter(|it| !it.is_empty())
    }

    /// The elements of this name in it.
    pub fn all<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first element of this name in it.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The elements of one name in the element of another name in it.
    pub fn list<'e>(&'e self, name: &str, each: &'e str) -> impl Iterator<Item = &'e Self> {
        self.child(name).into_iter().flat_map(move |list| list.all(each))
    }

    /// Its text without space around it; `None`: it is empty, which stands for a value that is not set.
    pub fn value(&self) -> Option<&str> {
        Some(self.text.trim()).filter(|text| !text.is_empty())
    }

    /// The text of the first element of this name in it.
    pub fn value_of(&self, name: &str) -> Option<&str> {
        self.child(name)?.value()
    }

    /// Whether it says that what it names is deleted.
    pub fn is_deletion(&self) -> bool {
        self.attribute("mode") == Some("delete")
    }
}

/// Sizes in bytes that are read at most.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Of an element; larger ones are passed over.
    pub element: usize,
    /// Of a text, tag or comment; a file with a larger one is not read further.
    pub piece: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { element: 8 << 20, piece: 16 << 20 }
    }
}

/// A file that can't be read further.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at byte {at}: {why}")]
pub struct Broken {
    /// Where.
    pub at: u64,
    /// Why.
    pub why: String,
    /// The file itself can't be read, whatever is in it.
    pub damaged: bool,
}

impl Broken {
    fn new(at: u64, error: &quick_xml::Error) -> Self {
        let damaged = matches!(error, quick_xml::Error::Io(error) if error.kind() != TOO_LARGE);
        Self { at, why: error.to_string(), damaged }
    }

    fn of(at: u64, why: &str) -> Self {
        Self { at, why: why.to_owned(), damaged: false }
    }
}

/// A piece of XML is larger than the bound.
const TOO_LARGE: io::ErrorKind = io::ErrorKind::FileTooLarge;

/// What a file gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The beginning of a container, such as a price book.
    Begins(Element),
    /// An element that was read.
    Is {
        /// The element.
        element: Element,
        /// Characters that no XML may hold and were left out.
        unfit: u32,
    },
    /// An element that is too large or too deep: its beginning, and why.
    Unread(Element, &'static str),
}

/// Reads a file.
pub struct Reader<R> {
    xml: NsReader<Metered<R>>,
    buffer: Vec<u8>,
    bounds: Bounds,
    /// Namespace and beginning of the root.
    namespace: String,
    root: Element,
    /// Names of elements that are not read as a whole, but element by element.
    containers: &'static [&'static str],
    /// How many containers are open, the root included.
    open: usize,
}

impl<R: BufRead> Reader<R> {
    /// Reads up to the root.
    ///
    /// # Errors
    /// There is none.
    pub fn new(file: R, bounds: Bounds) -> Result<Self, Broken> {
        let mut xml = NsReader::from_reader(Metered { file, since: 0, most: bounds.piece });
        xml.config_mut().expand_empty_elements = true;
        let mut buffer = Vec::new();
        loop {
            buffer.clear();
            xml.get_mut().since = 0;
            let at = xml.buffer_position();
            let (space, event) =
                xml.read_resolved_event_into(&mut buffer).map_err(|error| Broken::new(at, &error))?;
            match event {
                Event::Start(tag) => {
                    let namespace = match space {
                        ResolveResult::Bound(namespace) => namespace.as_ref().to_owned(),
                        ResolveResult::Unbound | ResolveResult::Unknown(_) => String::new(),
                    };
                    let root = begun(&tag, &mut Text::default());
                    return Ok(Self { xml, buffer, bounds, namespace, root, containers: &[], open: 1 });
                }
                Event::Eof => return Err(Broken::of(at, "there is no element in it")),
                _ => {}
            }
        }
    }

    /// Namespace of the root.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The root without what is in it.
    pub fn root(&self) -> &Element {
        &self.root
    }

    /// Reads the elements of these names element by element, as the root.
    pub fn descend(&mut self, containers: &'static [&'static str]) {
        self.containers = containers;
    }

    /// The next piece; `None` at the end of the root.
    ///
    /// # Errors
    /// The file can't be read further: it is no XML from there on, or ends too early.
    pub fn piece(&mut self) -> Result<Option<Piece>, Broken> {
        let mut stack: Vec<Element> = Vec::new();
        let mut text = Text::default();
        let mut size = 0;
        // The reason for which the element is passed over, and how many levels of it are open.
        let mut over: Option<(&'static str, usize)> = None;
        loop {
            self.buffer.clear();
            self.xml.get_mut().since = 0;
            let at = self.xml.buffer_position();
            let event = self.xml.read_event_into(&mut self.buffer).map_err(|error| Broken::new(at, &error))?;
            match event {
                Event::Start(tag) => {
                    if let Some((_, depth)) = &mut over {
                        *depth += 1;
                        continue;
                    }
                    let element = begun(&tag, &mut text);
                    if stack.is_empty() && self.containers.contains(&element.name.as_str()) {
                        self.open += 1;
                        return Ok(Some(Piece::Begins(element)));
                    }
                    size += tag.len() + size_of::<Element>();
                    stack.push(element);
                    // What is around elements is no text of theirs.
                    text.whole.clear();
                    if stack.len() > DEEPEST {
                        over = Some(("it is too deep", stack.len()));
                        stack.truncate(1);
                    }
                }
                Event::End(_) => {
                    if let Some((why, depth)) = &mut over {
                        *depth -= 1;
                        if *depth == 0 {
                            let mut begun = stack.swap_remove(0);
                            begun.children.clear();
                            return Ok(Some(Piece::Unread(begun, why)));
                        }
                        continue;
                    }
                    let Some(mut element) = stack.pop() else {
                        self.open -= 1;
                        if self.open == 0 {
                            return Ok(None);
                        }
                        continue;
                    };
                    let said = text.take();
                    if element.children.is_empty() {
                        element.text = said;
                    }
                    match stack.last_mut() {
                        Some(parent) => parent.children.push(element),
                        None => return Ok(Some(Piece::Is { element, unfit: text.unfit })),
                    }
                }
                Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) if over.is_some() || stack.is_empty() => {}
                Event::Text(content) => {
                    size += content.len();
                    text.push(&content.xml10_content());
                }
                Event::CData(content) => {
                    size += content.len();
                    text.push(&content.xml10_content());
                }
                Event::GeneralRef(name) => {
                    size += name.len();
                    text.refer(&name);
                }
                Event::Eof => return Err(Broken::of(at, "it ends too early")),
                Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
            if size > self.bounds.element && over.is_none() {
                over = Some(("it is too large", stack.len()));
                stack.truncate(1);
                text.whole.clear();
            }
        }
    }
}

/// An element without what is in it.
fn begun(tag: &BytesStart<'_>, text: &mut Text) -> Element {
    let mut attributes = Vec::new();
    let mut tag_attributes = tag.attributes();
    tag_attributes.with_checks(false);
    for attribute in tag_attributes.flatten() {
        let mut value = Text::default();
        let mut rest: &str = &attribute.value;
        while let Some((before, after)) = rest.split_once('&') {
            value.push(before);
            let (name, after) = after.split_once(';').unwrap_or((after, ""));
            value.refer(name);
            rest = after;
        }
        value.push(rest);
        attributes.push((attribute.key.local_name().as_ref().to_owned(), value.take()));
        text.unfit += value.unfit;
    }
    Element { name: tag.local_name().as_ref().to_owned(), attributes, ..Element::default() }
}

/// Text that is put together.
#[derive(Debug, Default)]
struct Text {
    whole: String,
    /// The first half of a character beyond the first 65,536.
    half: Option<u32>,
    unfit: u32,
}

impl Text {
    fn push(&mut self, part: &str) {
        if part.is_empty() {
            return;
        }
        self.flush();
        if part.chars().all(is_fit) {
            self.whole.push_str(part);
        } else {
            part.chars().for_each(|c| self.put(c));
        }
    }

    fn put(&mut self, c: char) {
        if is_fit(c) {
            self.whole.push(c);
        } else {
            self.unfit += 1;
        }
    }

    /// A half without its other half is no character.
    fn flush(&mut self) {
        if self.half.take().is_some() {
            self.unfit += 1;
        }
    }

    /// `&name;`
    fn refer(&mut self, name: &str) {
        let number = name.strip_prefix('#').and_then(|digits| match digits.strip_prefix('x') {
            Some(digits) => u32::from_str_radix(digits, 16).ok(),
            None => digits.parse().ok(),
        });
        match (self.half, number) {
            (Some(high), Some(low @ 0xdc00..=0xdfff)) => {
                self.half = None;
                let whole = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                match char::from_u32(whole) {
                    Some(c) => self.put(c),
                    None => self.unfit += 1,
                }
            }
            (_, Some(high @ 0xd800..=0xdbff)) => {
                self.flush();
                self.half = Some(high);
            }
            (_, number) => {
                self.flush();
                let named = match name {
                    "amp" => Some('&'),
                    "lt" => Some('<'),
                    "gt" => Some('>'),
                    "quot" => Some('"'),
                    "apos" => Some('\''),
                    _ => number.and_then(char::from_u32),
                };
                match named {
                    Some(c) => self.put(c),
                    None => self.unfit += 1,
                }
            }
        }
    }

    fn take(&mut self) -> String {
        self.flush();
        std::mem::take(&mut self.whole)
    }
}

/// What XML 1.0 allows (section 2.2).
const fn is_fit(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{1_0000}'..)
}

/// Counts what one piece of XML takes.
struct Metered<R> {
    file: R,
    since: u64,
    most: u64,
}

impl<R: BufRead> Read for Metered<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let there = self.fill_buf()?;
        let count = there.len().min(into.len());
        if let (Some(into), Some(there)) = (into.get_mut(..count), there.get(..count)) {
            into.copy_from_slice(there);
        }
        self.consume(count);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Metered<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.since > self.most {
            let message = format!("a text or tag has more than {} bytes", self.most);
            return Err(io::Error::new(TOO_LARGE, message));
        }
        self.file.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.since += count as u64;
        self.file.consume(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { element: 4_000, piece: 2_000 };

    fn pieces(xml: &str, containers: &'static [&'static str]) -> (Vec<Piece>, Option<Broken>) {
        let file = io::BufReader::with_capacity(256, xml.as_bytes());
        let mut reader = Reader::new(file, BOUNDS).unwrap();
        reader.descend(containers);
        let mut all = Vec::new();
        loop {
            match reader.piece() {
                Ok(Some(piece)) => all.push(piece),
                Ok(None) => return (all, None),
                Err(broken) => return (all, Some(broken)),
            }
        }
    }

    fn only(xml: &str) -> (Element, u32) {
        match pieces(xml, &[]) {
            (all, None) => match all.as_slice() {
                [Piece::Is { element, unfit }] => (element.clone(), *unfit),
                other => panic!("{other:?}"),
            },
            (_, broken) => panic!("{broken:?}"),
        }
    }

    #[test]
    fn elements_come_one_by_one_whatever_the_prefix_of_their_names() {
        let xml = "<?xml version='1.0'?><!-- x --><p:books xmlns:p='urn:b' id='1'>\n<p:book><p:head a='1&amp;2'/><p:rows>\
                   <p:row><p:x>1</p:x></p:row><p:row/></p:rows></p:book></p:books>";
        let reader = Reader::new(xml.as_bytes(), BOUNDS).unwrap();
        assert_eq!((reader.namespace(), reader.root().attribute("id")), ("urn:b", Some("1")));
        let (all, broken) = pieces(xml, &["book", "rows"]);
        let named: Vec<String> = all
            .iter()
            .map(|piece| match piece {
                Piece::Begins(element) => format!("in {}", element.name),
                Piece::Is { element, .. } => format!("{} {:?}", element.name, element.value_of("x")),
                Piece::Unread(element, why) => format!("{} {why}", element.name),
            })
            .collect();
        assert_eq!(named, ["in book", "head None", "in rows", "row Some(\"1\")", "row None"]);
        assert_eq!(broken, None);
        let Some(Piece::Is { element, .. }) = all.get(1) else { panic!() };
        assert_eq!(element.attribute("a"), Some("1&2"));
    }

    #[test]
    fn characters_that_xml_forbids_are_left_out_and_halves_put_together() {
        let text = |inner: &str| {
            let (element, unfit) = only(&format!("<r><a>{inner}</a></r>"));
            (element.text, unfit)
        };
        assert_eq!(text("a&#55357;&#56832;b"), ("a😀b".to_owned(), 0));
        assert_eq!(text("a&#xD83D;b&#xDE00;c"), ("abc".to_owned(), 2));
        assert_eq!(text("a&#11;b&#0;\u{1}&nbsp;c&#1114112;"), ("abc".to_owned(), 5));
        assert_eq!(text("&lt;p&gt; x &amp;amp; <![CDATA[<b>&amp;]]>"), ("<p> x &amp; <b>&amp;".to_owned(), 0));
        let (element, unfit) = only("<r><a b='1&#55357;&#56832;&#11;'/></r>");
        assert_eq!((element.attribute("b"), unfit), (Some("1😀"), 1));
    }

    #[test]
    fn what_is_too_large_or_too_deep_is_passed_over_and_the_rest_arrives() {
        let large = format!("<large id='7'>{}</large>", "<x>1234567890</x>".repeat(300));
        let deep = format!("<deep id='8'>{}{}</deep>", "<x>".repeat(60), "</x>".repeat(60));
        let (all, broken) = pieces(&format!("<r>{large}<a/>{deep}<b/></r>"), &[]);
        let named: Vec<_> = all
            .iter()
            .map(|piece| match piece {
                Piece::Is { element, .. } => (element.name.as_str(), None, ""),
                Piece::Unread(element, why) => (element.name.as_str(), element.attribute("id"), *why),
                Piece::Begins(_) => panic!(),
            })
            .collect();
        assert_eq!(
            named,
            [
                ("large", Some("7"), "it is too large"),
                ("a", None, ""),
                ("deep", Some("8"), "it is too deep"),
                ("b", None, "")
            ]
        );
        assert_eq!(broken, None);
    }

    #[test]
    fn a_file_that_is_cut_off_or_no_xml_gives_what_is_before() {
        for (xml, count) in [
            ("<r><a/><b>", 1),
            ("<r><a/><b", 1),
            ("<r><a/><b></c></r>", 1),
            ("<r><a/>", 1),
            ("<r><a/><b x='1></b></r>", 1),
        ] {
            let (all, broken) = pieces(xml, &[]);
            assert_eq!((all.len(), broken.is_some()), (count, true), "{xml}");
        }
        let (_, broken) = pieces(&format!("<r><a/><b>{}</b></r>", "x".repeat(20_000)), &[]);
        assert!(broken.unwrap().why.contains("more than 2000 bytes"));
        assert!(Reader::new(&b""[..], BOUNDS).is_err());
        assert!(Reader::new(&b"not xml"[..], BOUNDS).is_err());
    }

    #[test]
    fn no_entity_is_expanded() {
        let (element, unfit) = only("<!DOCTYPE r [<!ENTITY e 'xxxx'>]><r><a>1&e;2</a></r>");
        assert_eq!((element.text.as_str(), unfit), ("12", 1));
    }
}
