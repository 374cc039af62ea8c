//! Channels, assignments, groups, price lists and rates.

use contract::Change;
use model::{
    Assignment, Book, BookId, Currency, CustomerGroup, Members, Rate, Record, Storefront, Window, price::Audience,
};

use super::{Settings, is, plain};
use crate::bigcommerce::api;

/// Channels that are gone, though they are still listed.
const GONE: [&str; 3] = ["deleted", "terminated", "archived"];

/// Whether shoppers buy in it, and its texts may be in languages of its own.
pub fn is_storefront(of: &api::Channel) -> bool {
    !GONE.contains(&of.status.as_str()) && of.of == "storefront"
}

/// A channel is a store, and the assortment of that store is what is assigned to the channel. Its key is its id.
pub fn channel(of: api::Channel) -> Option<Change> {
    if GONE.contains(&of.status.as_str()) {
        return None;
    }
    let key = of.id.to_string();
    let record = Storefront {
        selections: vec![(key.as_str().into(), true)],
        key: key.into(),
        name: plain(Some(of.name)),
        locales: Vec::new(),
        countries: Vec::new(),
        distribution: Vec::new(),
        supply: Vec::new(),
        notices: Vec::new(),
    };
    Some(is(Record::Storefront(record), None))
}

/// A product that is assigned to a channel.
pub fn assignment(of: &api::Assignment) -> Change {
    let (selection, product) = (of.channel_id.to_string().into(), of.product_id.to_string().into());
    is(Record::Assignment(Assignment { selection, product, members: Members::All }), None)
}

/// A customer group. Its key is its id.
pub fn group(of: api::Group) -> Change {
    let id = of.id.to_string();
    is(Record::CustomerGroup(CustomerGroup { key: Some(id.clone()), id: id.into(), name: of.name }), None)
}

/// A price list with those it is assigned to.
pub fn list(of: &api::PriceList, assignments: &[api::ListAssignment]) -> Change {
    let mut assigned: Vec<Audience> = assignments
        .iter()
        .filter(|it| it.price_list_id == of.id)
        .map(|it| Audience {
            store: it.channel_id.map(|channel| channel.to_string().into()),
            group: it.customer_group_id.map(|group| group.to_string().into()),
        })
        .collect();
    assigned.sort_by(|left, right| (&left.store, &left.group).cmp(&(&right.store, &right.group)));
    let record = Book {
        id: of.id.to_string().into(),
        currency: None,
        active: of.active,
        window: Window::OPEN,
        parent: None,
        assigned,
        lists: Vec::new(),
    };
    is(Record::Book(record), of.date_modified.as_deref())
}

/// A book with the prices that the calculator gives in a channel to everyone, or to a group.
pub fn calculated(id: BookId, channel: u64, group: Option<u64>) -> Change {
    let audience = Audience {
        store: Some(channel.to_string().into()),
        group: group.map(|group| group.to_string().into()),
    };
    let record = Book {
        id,
        currency: None,
        active: true,
        window: Window::OPEN,
        parent: None,
        assigned: vec![audience],
        lists: Vec::new(),
    };
    is(Record::Book(record), None)
}

/// The rate of a currency that shoppers can choose. One that ISO 4217 does not know is none: no market has it.
pub fn rate(settings: &Settings, of: &api::Currency) -> Option<Change> {
    let to = of.currency_code.to_uppercase().parse::<Currency>().ok()?;
    let rate = of.currency_exchange_rate.0?;
    let counts = of.enabled && !of.is_default && to != settings.currency;
    counts.then(|| is(Record::Rate(Rate { from: settings.currency, to, rate }), None))
}
