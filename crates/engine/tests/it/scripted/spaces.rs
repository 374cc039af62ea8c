//! Several flows into one destination, as far as they fill different spaces of it.

use std::sync::Arc;

use conformance::destination::scripted::{Events, Nested, events::Service, nested};
use contract::{Destination, destination::Repeat};
use engine::{
    Flow,
    flow::{Clash, clashes},
};
use model::{Kind, Record};

use super::{Side, market, open, product};

fn flow(side: &Side, name: &str, key: &str, destination: &Arc<dyn Destination>) -> Arc<Flow> {
    let (locale, currency) = if key == "de" { ("de", "EUR") } else { ("en", "GBP") };
    side.flow(name.into(), vec![market(key, locale, currency)], Arc::clone(destination))
}

fn events(service: &Arc<Service>) -> Events {
    Events::new(service, Repeat::AtMostOnce)
}

#[test]
fn flows_that_fill_one_space_are_reported_and_others_are_not() {
    let (side, service) = (Side::new(), Arc::default());
    let clash = |first: &str, second: &str, one_destination| {
        vec![Clash { first: first.into(), second: second.into(), one_destination }]
    };
    let by_market: Arc<dyn Destination> = Arc::new(events(&service).by_market());
    let to = |name, key| flow(&side, name, key, &by_market);
    assert_eq!(clashes(&[to("a", "de"), to("b", "uk")]), []);
    assert_eq!(clashes(&[to("a", "de"), to("b", "uk"), to("c", "de")]), clash("a", "c", true));
    // The same account under another name.
    let copy: Arc<dyn Destination> = Arc::new(events(&service).by_market());
    assert_eq!(clashes(&[to("a", "de"), flow(&side, "b", "de", &copy)]), clash("a", "b", false));
    assert_eq!(clashes(&[to("a", "de"), flow(&side, "b", "uk", &copy)]), []);
    let whole: Arc<dyn Destination> = Arc::new(events(&service));
    assert_eq!(clashes(&[flow(&side, "a", "de", &whole), flow(&side, "b", "uk", &whole)]), clash("a", "b", true));
    // Where spaces are not known, a destination takes one flow, and two destinations are two.
    let nested = || -> Arc<dyn Destination> { Arc::new(Nested::new(&Arc::<nested::Service>::default())) };
    let unknown = nested();
    assert_eq!(clashes(&[flow(&side, "a", "de", &unknown), flow(&side, "b", "uk", &unknown)]), clash("a", "b", true));
    assert_eq!(clashes(&[flow(&side, "a", "de", &unknown), flow(&side, "b", "de", &nested())]), []);
}

#[tokio::test]
async fn flows_into_spaces_of_their_own_leave_each_other_s_items_alone() {
    let (side, service) = (Side::new(), Arc::default());
    let destination: Arc<dyn Destination> = Arc::new(events(&service).by_market());
    let store = open(side.folder.path());
    let de = side.begin(Arc::clone(&store), flow(&side, "a", "de", &destination)).await;
    let uk = side.begin(store, flow(&side, "b", "uk", &destination)).await;
    let mut dear = product("q", "Skirt");
    dear.variants[0].prices.retain(|price| price.value.currency.to_string() == "GBP");
    let records = vec![Record::Product(Box::new(product("p", "Shirt"))), Record::Product(Box::new(dear))];
    de.read(side.is(records)).await;
    de.settle().await;
    uk.settle().await;
    let there = |id: &str| service.profile(id).is_some();
    assert_eq!(["de/p", "uk/p", "de/q", "uk/q"].map(there), [true, true, false, true]);
    assert_eq!((service.events("de/p"), service.events("uk/p")), (1, 1));
    de.is_gone(Kind::Product, "p").await;
    de.settle().await;
    assert_eq!(["de/p", "uk/p"].map(there), [false, true]);
    uk.settle().await;
    assert_eq!(["uk/p", "uk/q"].map(there), [false, true]);
}
