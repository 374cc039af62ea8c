//! The living shop on commercetools: its edits as changes, and a driver that makes them at a rate.

use std::time::Duration;

use super::{Change, Emulator, PriceScope};
use crate::{
    catalogue::Price,
    clock::Clock,
    shared::{
        living::{self, Driven, Edited},
        people,
    },
    shop::Edit,
};
use jiff::{SignedDuration, Timestamp};

impl Edit {
    /// The same change on commercetools; price windows count from `now`.
    pub fn into_change(self, now: Timestamp) -> Change {
        match self {
            Self::Stock { sku, channel, quantity } => Change::SetStock { sku, channel, quantity },
            Self::Price { sku, price, .. } => set_price(sku, price),
            Self::PriceWindow { sku, price, opens_in, lasts, .. } => {
                let from = after(now, opens_in);
                let until = after(from, lasts);
                let text = |at: Timestamp| Some(format!("{at:.3}"));
                set_price(sku, Price { valid_from: text(from), valid_until: text(until), ..price })
            }
            Self::Name { product, locale, text } => Change::SetName { product, locale, text: Some(text) },
            Self::Category { category, locale, text } => Change::RenameCategory { category, locale, name: text },
            Self::Published { product, published: true } => Change::Publish { product },
            Self::Published { product, published: false } => Change::Unpublish { product },
            Self::Added(product) => Change::AddProduct(product),
            Self::Removed { product } => Change::DeleteProduct { product },
        }
    }
}

impl people::Edit {
    /// The same on commercetools, by one change or two.
    pub fn into_changes(self) -> Vec<Change> {
        match self {
            Self::Registered { customer, order } => {
                let whose = Change::SetCustomerOfOrder { order, customer: customer.key.clone() };
                vec![Change::AddCustomer(customer), whose]
            }
            Self::Email { customer, email } => vec![Change::ChangeEmail { customer, email }],
            Self::Consent { customer, agrees } => {
                let (field, value) = ("newsletterOptIn".to_owned(), agrees.into());
                vec![Change::SetCustomerField { customer, field, value }]
            }
            Self::Placed(order) => vec![Change::PlaceOrder(order)],
            Self::Edited(order) => vec![Change::EditOrder(order)],
            Self::Moved { order, state } => {
                let to = |state: &str| (order.clone(), state.to_owned());
                let of_order = |(order, state)| vec![Change::SetOrderState { order, state }];
                match state {
                    people::State::Open => of_order(to("Open")),
                    people::State::Confirmed => of_order(to("Confirmed")),
                    people::State::Shipped => {
                        let (order, state) = to("Shipped");
                        vec![Change::SetShipmentState { order, state }]
                    }
                    people::State::Complete => of_order(to("Complete")),
                    people::State::Cancelled => of_order(to("Cancelled")),
                }
            }
            Self::Returned { order, line, quantity, refunded } => {
                vec![Change::ReturnPieces { order, line, quantity, refunded }]
            }
        }
    }
}

/// The instant later by a time, or the last there is.
fn after(at: Timestamp, time: Duration) -> Timestamp {
    SignedDuration::try_from(time).ok().and_then(|time| at.checked_add(time).ok()).unwrap_or(Timestamp::MAX)
}

fn set_price(sku: String, price: Price) -> Change {
    let scope = PriceScope {
        currency: price.currency,
        country: price.country,
        customer_group: price.customer_group,
        channel: price.channel,
        valid_from: price.valid_from,
        valid_until: price.valid_until,
    };
    Change::SetPrice { sku, scope, minor: price.minor, discounted: price.discounted }
}

/// Makes the edits on the emulator ([`living::drive`]). Price windows count from what `clock` says when they are set.
pub async fn drive(
    emulator: &Emulator,
    shop: impl Iterator<Item = Edit>,
    pace: Duration,
    clock: &Clock,
    told: impl Fn(&Edit),
    shutdown: impl Future<Output = ()>,
) -> Driven {
    let make = |edit: &Edit| match emulator.change(edit.clone().into_change(clock())) {
        Ok(()) => Edited::Made,
        Err(error) => Edited::Refused(error.to_string()),
    };
    living::drive(make, shop, pace, told, shutdown).await
}

/// The same for what people do.
pub async fn drive_people(
    emulator: &Emulator,
    people: impl Iterator<Item = people::Edit>,
    pace: Duration,
    told: impl Fn(&people::Edit),
    shutdown: impl Future<Output = ()>,
) -> Driven {
    let make = |edit: &people::Edit| {
        let mut changes = edit.clone().into_changes().into_iter();
        match changes.try_for_each(|change| emulator.change(change)) {
            Ok(()) => Edited::Made,
            Err(error) => Edited::Refused(error.to_string()),
        }
    };
    living::drive(make, people, pace, told, shutdown).await
}
