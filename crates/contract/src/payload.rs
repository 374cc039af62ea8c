//! What is sent for an item: a JSON object per facet, and its digest.

use std::fmt;

use model::RemoteId;
use serde::{Deserialize, Serialize};

/// How many facets a kind of record has at most. Stored digests and payloads have a place for each: another number needs a
/// migration.
pub const MOST_FACETS: usize = 3;

/// A part of a payload that changes at a pace of its own, as an index into the destination's facets of the kind
/// ([`DestinationDescriptor::facets`](crate::DestinationDescriptor::facets)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Facet(u8);

impl Facet {
    /// Texts, images, categories, attributes of a product: the first of [`FacetSpec::CATALOGUE`].
    pub const CONTENT: Self = Self(0);
    /// Price of a product: the second of [`FacetSpec::CATALOGUE`].
    pub const PRICE: Self = Self(1);
    /// Stock of a product: the third of [`FacetSpec::CATALOGUE`].
    pub const AVAILABILITY: Self = Self(2);
    /// All facets that there can be, in the order in which a whole payload holds them.
    pub const ALL: [Self; MOST_FACETS] = [Self(0), Self(1), Self(2)];

    const fn place(self) -> usize {
        self.0 as usize
    }
}

/// A destination's description of a facet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FacetSpec {
    /// Its name in reports and in the documentation.
    pub name: &'static str,
    /// Priority of a change that is sent alone: the lowest number is sent first.
    pub urgency: u8,
    /// Whether it can be changed alone, with the other facets left as they are.
    pub patchable: bool,
}

impl FacetSpec {
    /// The facets of products where a destination has no reason for others: [`Facet::CONTENT`], [`Facet::PRICE`],
    /// [`Facet::AVAILABILITY`].
    pub const CATALOGUE: [Self; 3] = [
        Self { name: "content", urgency: 2, patchable: false },
        Self { name: "price", urgency: 1, patchable: true },
        Self { name: "availability", urgency: 0, patchable: true },
    ];
    /// One facet, which is sent as a whole.
    pub const WHOLE: [Self; 1] = [Self { name: "content", urgency: 2, patchable: false }];
}

/// A set of facets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Facets(u8);

impl Facets {
    /// Every facet.
    pub const ALL: Self = Self((1 << MOST_FACETS) - 1);
    /// No facet.
    pub const NONE: Self = Self(0);

    /// Whether `facet` is in the set.
    pub const fn has(self, facet: Facet) -> bool {
        self.0 & (1 << facet.0) != 0
    }

    /// The set with `facet` in it.
    #[must_use]
    pub const fn with(self, facet: Facet) -> Self {
        Self(self.0 | (1 << facet.0))
    }

    /// Whether some facet is in both.
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether every facet of `other` is in the set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The facets of the set with their `specs`.
    pub fn among(self, specs: &[FacetSpec]) -> impl Iterator<Item = &FacetSpec> {
        Facet::ALL.into_iter().zip(specs).filter(move |(facet, _)| self.has(*facet)).map(|(_, spec)| spec)
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
pub struct Digests([Digest; MOST_FACETS]);

impl Digests {
    /// The facets in which the two differ.
    pub fn differing(&self, other: &Self) -> Facets {
        let pairs = Facet::ALL.into_iter().zip(self.0.iter().zip(&other.0));
        pairs.filter(|(_, (left, right))| left != right).fold(Facets::NONE, |facets, (facet, _)| facets.with(facet))
    }

    /// The digest of one facet.
    pub fn of(&self, facet: Facet) -> Digest {
        self.0.get(facet.place()).copied().unwrap_or_default()
    }
}

/// The facets of an item. Each is a JSON object, kept as its members without braces (`"name":"Shirt","price":19.9`). What
/// stands in them is the destination's own: it wrote them and composes the bodies of its calls of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload([String; MOST_FACETS]);

impl Payload {
    /// The members of one facet.
    pub fn members(&self, facet: Facet) -> &str {
        self.0.get(facet.place()).map_or("", String::as_str)
    }

    /// A copy that holds these facets alone.
    #[must_use]
    pub fn only(&self, facets: Facets) -> Self {
        let mut only = Self::default();
        for (facet, (to, from)) in Facet::ALL.into_iter().zip(only.0.iter_mut().zip(&self.0)) {
            if facets.has(facet) {
                to.clone_from(from);
            }
        }
        only
    }

    /// Writes the members of all facets in one piece, for a destination whose facets share no member.
    pub fn push_members(&self, to: &mut String) {
        let mut first = true;
        for part in self.0.iter().filter(|part| !part.is_empty()) {
            if !std::mem::take(&mut first) {
                to.push(',');
            }
            to.push_str(part);
        }
    }

    /// The members of all facets in one piece.
    pub fn joined(&self) -> String {
        let mut members = String::with_capacity(self.len() + MOST_FACETS);
        self.push_members(&mut members);
        members
    }

    /// The whole as one JSON object.
    pub fn object(&self) -> String {
        format!("{{{}}}", self.joined())
    }

    /// Everything that stands in this or in `over`: of what stands in both, that of `over`. Objects are laid over each other
    /// member by member, at any depth.
    #[must_use]
    pub fn overlaid(&self, over: &Self) -> Self {
        let mut writer = Writer::resume(Self::default());
        for facet in Facet::ALL {
            let object = |payload: &Self| -> serde_json::Map<String, serde_json::Value> {
                serde_json::from_str(&format!("{{{}}}", payload.members(facet))).unwrap_or_default()
            };
            for (name, value) in laid_over(object(self), object(over)) {
                // What was read as JSON can be written as JSON.
                let _written = writer.force(facet, &name, &value).is_ok();
            }
        }
        writer.finish()
    }

    /// A digest per facet.
    pub fn digests(&self) -> Digests {
        Digests(self.0.each_ref().map(|members| Digest::of(members.as_bytes())))
    }

    /// Bytes of all members.
    pub fn len(&self) -> usize {
        self.0.iter().map(String::len).sum()
    }

    /// Whether it has no member.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Member in which an item that is for several markets ([`Markets::Many`](crate::destination::Markets::Many)) holds the
/// user's own fields: an object of objects, by the key of the market. The destination places them when it composes a
/// body.
pub const OWN_FIELDS: &str = "$own";

/// One item of the destination: its id there and its payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Id at the destination.
    pub id: RemoteId,
    /// The payload.
    pub payload: Payload,
}

impl Item {
    /// The item as one JSON object, with its id.
    pub fn json(&self) -> serde_json::Value {
        let mut object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&self.payload.object()).unwrap_or_default();
        object.insert("id".to_owned(), serde_json::Value::String(self.id.as_str().to_owned()));
        serde_json::Value::Object(object)
    }
}

fn laid_over(
    mut under: serde_json::Map<String, serde_json::Value>,
    over: serde_json::Map<String, serde_json::Value>,
) -> serde_json::Map<String, serde_json::Value> {
    use serde_json::Value::Object;
    for (name, value) in over {
        let value = match (under.remove(&name), value) {
            (Some(Object(under)), Object(over)) => Object(laid_over(under, over)),
            (_, value) => value,
        };
        under.insert(name, value);
    }
    under
}

/// Usual size of the members of the first facets, in bytes.
const USUAL: [usize; 2] = [2048, 256];

/// Writes the members of a [`Payload`]; leaves out the names that the user's own mapping takes over.
pub struct Writer<'a> {
    taken: &'a dyn Fn(&str) -> bool,
    facets: [Vec<u8>; MOST_FACETS],
}

impl<'a> Writer<'a> {
    /// A writer that leaves out every name for which `taken` is true.
    pub fn new(taken: &'a dyn Fn(&str) -> bool) -> Self {
        let mut facets = [const { Vec::new() }; MOST_FACETS];
        for (members, usual) in facets.iter_mut().zip(USUAL) {
            members.reserve(usual);
        }
        Self { taken, facets }
    }

    /// A writer that goes on with a payload and leaves out nothing.
    pub fn resume(payload: Payload) -> Self {
        Self { taken: &|_| false, facets: payload.0.map(String::into_bytes) }
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
        let Some(members) = self.facets.get_mut(facet.place()) else { return Ok(()) };
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
        Payload(self.facets.map(text))
    }
}

/// serde_json writes UTF-8; if it ever did not, only the invalid bytes would be replaced.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(content: &serde_json::Value, price: &serde_json::Value) -> Payload {
        let mut writer = Writer::resume(Payload::default());
        assert!(writer.force(Facet::CONTENT, "content", content).is_ok());
        assert!(writer.force(Facet::PRICE, "price", price).is_ok());
        writer.finish()
    }

    #[test]
    fn what_stands_in_either_payload_stands_in_both_laid_over_each_other() {
        use serde_json::json;
        let under = payload(&json!({ "de": { "name": "Hemd", "old": 1 }, "uk": { "name": "Shirt" } }), &json!([1, 2]));
        let over = payload(&json!({ "de": { "name": "Bluse" }, "fr": { "name": "Chemise" } }), &json!([3]));
        let laid = under.overlaid(&over);
        let content =
            json!({ "de": { "name": "Bluse", "old": 1 }, "uk": { "name": "Shirt" }, "fr": { "name": "Chemise" } });
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&laid.object()).ok(),
            Some(json!({ "content": content, "price": [3] }))
        );
        assert!(laid.members(Facet::PRICE).starts_with("\"price\""));
    }
}
