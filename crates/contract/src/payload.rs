//! What is sent for an item: JSON members per facet, and their digests.

use std::fmt;

use model::RemoteId;
use serde::{Deserialize, Serialize};

/// A part of a payload that changes at a pace of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Facet {
    /// Texts, images, categories, attributes.
    Content,
    /// What it costs.
    Price,
    /// How much there is.
    Availability,
}

impl Facet {
    /// All facets, in the order in which a whole payload holds them.
    pub const ALL: [Self; 3] = [Self::Content, Self::Price, Self::Availability];
}

/// A set of facets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Facets {
    content: bool,
    price: bool,
    availability: bool,
}

impl Facets {
    /// Every facet.
    pub const ALL: Self = Self { content: true, price: true, availability: true };
    /// No facet.
    pub const NONE: Self = Self { content: false, price: false, availability: false };

    /// Whether `facet` is in the set.
    pub const fn has(self, facet: Facet) -> bool {
        match facet {
            Facet::Content => self.content,
            Facet::Price => self.price,
            Facet::Availability => self.availability,
        }
    }

    /// The set with `facet` in it.
    #[must_use]
    pub const fn with(mut self, facet: Facet) -> Self {
        match facet {
            Facet::Content => self.content = true,
            Facet::Price => self.price = true,
            Facet::Availability => self.availability = true,
        }
        self
    }

    /// Some facet is in both.
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        (self.content && other.content) || (self.price && other.price) || (self.availability && other.availability)
    }

    /// Every facet of `other` is in the set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        (self.content || !other.content) && (self.price || !other.price) && (self.availability || !other.availability)
    }

    /// No facet is in the set.
    pub fn is_empty(self) -> bool {
        self == Self::NONE
    }
}

/// The first 16 bytes of a BLAKE3 hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Digest([u8; 16]);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut short = [0; 16];
        for (to, from) in short.iter_mut().zip(blake3::hash(bytes).as_bytes()) {
            *to = *from;
        }
        Self(short)
    }

    /// The bytes.
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// From stored bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

/// A digest per facet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
pub struct Digests {
    /// Of [`Facet::Content`].
    pub content: Digest,
    /// Of [`Facet::Price`].
    pub price: Digest,
    /// Of [`Facet::Availability`].
    pub availability: Digest,
}

impl Digests {
    /// The facets in which the two differ.
    pub fn differing(&self, other: &Self) -> Facets {
        Facets {
            content: self.content != other.content,
            price: self.price != other.price,
            availability: self.availability != other.availability,
        }
    }
}

/// The members of a JSON object without its braces (`"name":"Shirt","price":19.9`), by facet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    content: String,
    price: String,
    availability: String,
}

impl Payload {
    /// The members of one facet.
    pub fn members(&self, facet: Facet) -> &str {
        match facet {
            Facet::Content => &self.content,
            Facet::Price => &self.price,
            Facet::Availability => &self.availability,
        }
    }

    /// The members of these facets in one piece.
    pub fn only(&self, facets: Facets) -> String {
        let mut members = String::with_capacity(self.len() + 2);
        for facet in Facet::ALL.into_iter().filter(|facet| facets.has(*facet)) {
            let part = self.members(facet);
            if !part.is_empty() {
                if !members.is_empty() {
                    members.push(',');
                }
                members.push_str(part);
            }
        }
        members
    }

    /// The whole as one JSON object.
    pub fn object(&self) -> String {
        format!("{{{}}}", self.only(Facets::ALL))
    }

    /// A digest per facet.
    pub fn digests(&self) -> Digests {
        Digests {
            content: Digest::of(self.content.as_bytes()),
            price: Digest::of(self.price.as_bytes()),
            availability: Digest::of(self.availability.as_bytes()),
        }
    }

    /// Bytes of all members.
    pub fn len(&self) -> usize {
        self.content.len() + self.price.len() + self.availability.len()
    }

    /// It has no member.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One thing at the destination: its id there and what it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Id at the destination.
    pub id: RemoteId,
    /// What it should be.
    pub payload: Payload,
}

/// Writes the members of a [`Payload`]; leaves out the names that the user's own mapping takes over.
pub struct Writer<'a> {
    taken: &'a dyn Fn(&str) -> bool,
    content: Vec<u8>,
    price: Vec<u8>,
    availability: Vec<u8>,
}

impl<'a> Writer<'a> {
    /// A writer that leaves out every name for which `taken` is true.
    pub fn new(taken: &'a dyn Fn(&str) -> bool) -> Self {
        Self { taken, content: Vec::with_capacity(2048), price: Vec::with_capacity(256), availability: Vec::new() }
    }

    /// A writer that goes on with a payload and leaves out nothing.
    pub fn resume(payload: Payload) -> Self {
        let Payload { content, price, availability } = payload;
        let [content, price, availability] = [content, price, availability].map(String::into_bytes);
        Self { taken: &|_| false, content, price, availability }
    }

    /// Writes a member unless its name is taken.
    ///
    /// # Errors
    /// A value that JSON can't hold (a map with keys that are no strings).
    pub fn put<T: Serialize + ?Sized>(&mut self, facet: Facet, name: &str, value: &T) -> Result<(), serde_json::Error> {
        if (self.taken)(name) { Ok(()) } else { self.force(facet, name, value) }
    }

    /// Writes a member whether or not its name is taken: for the user's own.
    ///
    /// # Errors
    /// A value that JSON can't hold.
    pub fn force<T: Serialize + ?Sized>(
        &mut self,
        facet: Facet,
        name: &str,
        value: &T,
    ) -> Result<(), serde_json::Error> {
        let members = match facet {
            Facet::Content => &mut self.content,
            Facet::Price => &mut self.price,
            Facet::Availability => &mut self.availability,
        };
        let before = members.len();
        if before > 0 {
            members.push(b',');
        }
        let written = serde_json::to_writer(&mut *members, name).and_then(|()| {
            members.push(b':');
            serde_json::to_writer(&mut *members, value)
        });
        if written.is_err() {
            members.truncate(before);
        }
        written
    }

    /// What was written.
    pub fn finish(self) -> Payload {
        let [content, price, availability] = [self.content, self.price, self.availability].map(text);
        Payload { content, price, availability }
    }
}

/// What serde_json wrote is UTF-8; should it ever not be, the rest of it stays legible.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
