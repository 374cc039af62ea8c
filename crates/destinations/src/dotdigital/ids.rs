//! Ids of items: what an item is, and its key there. A collection's name can't hold `:`, so none is taken for another.

use model::RemoteId;

/// Begins the id of a contact that stands for a customer.
const CONTACT: &str = "contact:";
/// Begins the id of an order.
const ORDER: &str = "order:";
/// Begins the id of a contact that an order asks for.
const OWNER: &str = "owner:";
/// Separates the name of a collection from the key of a record.
const BETWEEN: char = '/';

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'i> {
    /// A record of a market's collection.
    Record {
        /// The collection.
        collection: &'i str,
        /// The record's key.
        key: &'i str,
    },
    /// The contact of the customer of this id. Its address may change.
    Contact(&'i str),
    /// The order of this key.
    Order(&'i str),
    /// The contact that the order of this key needs.
    Owner(&'i str),
}

impl<'i> Place<'i> {
    /// What the item of this id is.
    pub fn of(id: &'i RemoteId) -> Option<Self> {
        let text = id.as_str();
        let named = |prefix: &str| text.strip_prefix(prefix);
        named(CONTACT)
            .map(Self::Contact)
            .or_else(|| named(ORDER).map(Self::Order))
            .or_else(|| named(OWNER).map(Self::Owner))
            .or_else(|| text.split_once(BETWEEN).map(|(collection, key)| Self::Record { collection, key }))
    }

    /// The id of this item.
    pub fn id(self) -> RemoteId {
        RemoteId::from(match self {
            Self::Record { collection, key } => format!("{collection}{BETWEEN}{key}"),
            Self::Contact(customer) => format!("{CONTACT}{customer}"),
            Self::Order(key) => format!("{ORDER}{key}"),
            Self::Owner(key) => format!("{OWNER}{key}"),
        })
    }

    /// Its key in the collection that it is in; of a contact the customer.
    pub const fn key(self) -> &'i str {
        match self {
            Self::Record { key, .. } | Self::Contact(key) | Self::Order(key) | Self::Owner(key) => key,
        }
    }

    /// What items of one call have in common.
    pub const fn group(self) -> &'i str {
        match self {
            Self::Record { collection, .. } => collection,
            Self::Contact(_) => CONTACT,
            Self::Order(_) => ORDER,
            Self::Owner(_) => OWNER,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_item_is_taken_for_another_whatever_its_key() {
        for place in [
            Place::Record { collection: "Catalog_de", key: "order:1" },
            Place::Contact("a/b"),
            Place::Contact("order:1"),
            Place::Order("contact:1"),
            Place::Owner(""),
        ] {
            assert_eq!(Place::of(&place.id()), Some(place));
        }
        assert_eq!(Place::of(&"nothing".into()), None);
    }
}
