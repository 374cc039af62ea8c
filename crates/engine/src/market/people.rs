//! Customers and orders of a market.
//!
//! A market has the orders that were placed in its currency, in its country and in its store, as far as it names these:
//! one that names no store or country has those of all. The language of an order says nothing: two markets that differ in
//! it alone have the same orders. A customer belongs to the stores that the account is for, or to all markets.

use model::{Customer, Filtered, Order, Window};

use super::{Projection, View};

impl View {
    /// The customer, if it is one of this market.
    pub fn customer<'a>(&self, customer: &'a Customer) -> Projection<&'a Customer> {
        let is_of = |store| customer.stores.is_empty() || customer.stores.contains(store);
        always(customer, self.market.store.as_ref().is_none_or(is_of))
    }

    /// The order, if it was placed in this market.
    pub fn order<'a>(&self, order: &'a Order) -> Projection<&'a Order> {
        let market = &self.market;
        let in_store = market.store.is_none() || market.store == order.store;
        // An order that names no country was placed in any.
        let in_country = market.country.is_none() || order.country.is_none() || market.country == order.country;
        always(order, market.currency == order.currency && in_store && in_country)
    }
}

fn always<T>(of: T, is_of_market: bool) -> Projection<T> {
    Projection { listing: is_of_market.then_some(of).ok_or(Filtered::OtherMarket), holds: Window::OPEN }
}
