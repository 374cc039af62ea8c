//! Writes the members of one item and refuses values that Clerk.io can't use.

use contract::{Constraint, Facet, Fault, Item, Writer, schema::is_absolute_url};
use model::RemoteId;
use serde::{Serialize, Serializer};

use super::id::not_integer;

/// The members of one item.
pub(super) struct Sheet<'a> {
    writer: Writer<'a>,
    taken: &'a dyn Fn(&str) -> bool,
    item: &'a dyn Fn() -> String,
}

impl<'a> Sheet<'a> {
    /// An empty sheet. `item` names the record in messages.
    pub(super) fn new(taken: &'a dyn Fn(&str) -> bool, item: &'a dyn Fn() -> String) -> Self {
        Self { writer: Writer::new(taken), taken, item }
    }

    /// A member. Only an id can be unfit for JSON.
    pub(super) fn put<T: Serialize + ?Sized>(&mut self, facet: Facet, name: &str, value: &T) -> Result<(), Fault> {
        self.writer.put(facet, name, value).map_err(|error| not_integer(&(self.item)(), &format!("{name}: {error}")))
    }

    /// A member, if there is a value.
    pub(super) fn maybe<T: Serialize>(&mut self, facet: Facet, name: &str, value: Option<T>) -> Result<(), Fault> {
        value.map_or(Ok(()), |value| self.put(facet, name, &value))
    }

    /// A text that must not be blank.
    pub(super) fn text(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        if value.trim().is_empty() && !(self.taken)(name) {
            return Err(self.unfit(name, "is blank", Constraint::NotBlank));
        }
        self.put(Facet::CONTENT, name, value)
    }

    /// An absolute URL.
    pub(super) fn url(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        if !is_absolute_url(value) && !(self.taken)(name) {
            return Err(self.unfit(name, &format!("{value:?} is no absolute http(s) URL"), Constraint::AbsoluteUrl));
        }
        self.put(Facet::CONTENT, name, value)
    }

    /// The item's name in messages.
    pub(super) fn name(&self) -> String {
        (self.item)()
    }

    /// Whether the user maps this field.
    pub(super) fn is_taken(&self, name: &str) -> bool {
        (self.taken)(name)
    }

    /// A value that Clerk.io can't use.
    pub(super) fn unfit(&self, name: &str, what: &str, constraint: Constraint) -> Fault {
        let hint = match constraint {
            Constraint::AbsoluteUrl => "check the market's URL template and the image at the source",
            Constraint::None | Constraint::NotBlank | Constraint::NotNegative | Constraint::UnixSeconds => {
                "correct it at the source, or map this field yourself"
            }
        };
        Fault::record("C0410", format!("{}: {name} {what}", (self.item)())).hint(hint)
    }

    /// The item, once everything is written.
    pub(super) fn finish(self, id: impl Into<RemoteId>) -> Item {
        Item { id: id.into(), payload: self.writer.finish() }
    }
}

/// A JSON list written from an iterator, without being collected first.
pub(super) struct Each<F>(pub(super) F);

impl<F, I> Serialize for Each<F>
where
    F: Fn() -> I,
    I: Iterator<Item: Serialize>,
{
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_seq((self.0)())
    }
}
