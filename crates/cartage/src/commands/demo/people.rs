//! Customers and orders as the emulated services hold them, held against what the emulated shop has.
//!
//! **Invariant:** no code of the product is used here. What is expected is worked out from the shop's own JSON, and what is there is
//! read from the emulators: a mistake of a connector can't hide, and what a service lets nobody read back is compared as well.

use std::collections::BTreeMap;

use sandbox::{
    catalogue::Market,
    clerk::{Resource, StoreSettings, StoreView},
    dotdigital::{self, Contact},
};
use serde::Serialize;
use serde_json::Value;

use super::{args::Service, shops::Shop, world::World};

/// What comparing one kind of record at a service gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub(crate) struct Compared {
    /// Those that should be there, and those that are and should not.
    pub expected: u64,
    /// Those of them that are as the shop has them.
    pub right: u64,
}

impl Compared {
    /// Holds what is there against what should be, both by id.
    fn of<H>(
        wanted: &BTreeMap<String, &Value>,
        held: &BTreeMap<String, H>,
        is_right: impl Fn(&Value, &H) -> bool,
    ) -> Self {
        let extra = held.keys().filter(|id| !wanted.contains_key(*id)).count();
        let is_right = |(id, own): &(&String, &&Value)| held.get(*id).is_some_and(|held| is_right(own, held));
        Self { expected: (wanted.len() + extra) as u64, right: wanted.iter().filter(is_right).count() as u64 }
    }

    fn add(&mut self, other: Self) {
        self.expected += other.expected;
        self.right += other.right;
    }
}

/// What comparing both kinds at a service gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub(crate) struct Both {
    /// Customers.
    pub customers: Compared,
    /// Orders.
    pub orders: Compared,
}

impl Both {
    /// Whether all of them are as the shop has them.
    pub(super) fn are_right(&self) -> bool {
        // Nothing to compare shows nothing.
        [self.customers, self.orders].iter().all(|it| it.expected > 0 && it.right == it.expected)
    }
}

/// Compares the people of the shop at each service that takes them; none where the shop has no people.
pub(super) fn compare(world: &World) -> BTreeMap<&'static str, Both> {
    let (Shop::Commercetools(project), Some(_)) = (&world.on, world.people) else { return BTreeMap::new() };
    let shop = Had { customers: project.customers(), orders: project.orders() };
    let mut compared = BTreeMap::new();
    for service in &world.to {
        match service {
            Service::Clerk => {
                let mut both = Both::default();
                for market in &world.markets {
                    let keys = StoreSettings::sandbox(&market.key, "", "");
                    let Some(store) = world.clerk.store(&keys.public_key) else { continue };
                    both.customers.add(shop.customers_of_clerk(market, &store));
                    both.orders.add(shop.orders_of_clerk(market, &store));
                }
                compared.insert(service.title(), both);
            }
            Service::Dotdigital => {
                compared.extend(world.dotdigital.iter().map(|account| {
                    let customers = shop.contacts(&world.markets, &account.emulator);
                    let orders = shop.orders_of_contacts(&world.markets, &account.emulator);
                    (service.title(), Both { customers, orders })
                }));
            }
            Service::Acp | Service::Insider | Service::Merchant => {}
        }
    }
    compared
}

/// What the shop has, as its API shows it.
struct Had {
    customers: Vec<Value>,
    orders: Vec<Value>,
}

impl Had {
    fn customers_of_clerk(&self, market: &Market, store: &StoreView) -> Compared {
        let wanted = self.customers.iter().filter(|customer| is_sold_to(market, customer));
        let wanted = wanted.map(|customer| (id(customer), customer)).collect();
        Compared::of(&wanted, &store.objects(Resource::Customers), |own, held| {
            held["email"] == own["email"] && held.get("subscribed").and_then(Value::as_bool) == agrees(own)
        })
    }

    fn orders_of_clerk(&self, market: &Market, store: &StoreView) -> Compared {
        let wanted = self.orders.iter().filter(|order| is_of(market, order) && bought(order).next().is_some());
        let wanted = wanted.map(|order| (id(order), order)).collect();
        Compared::of(&wanted, &store.objects(Resource::Orders), |own, held| {
            let sent = held["products"].as_array().map(Vec::as_slice).unwrap_or_default();
            let is_line = |(line, sent): (&Value, &Value)| {
                let quantity = &line["quantity"];
                let pieces = quantity.as_f64().unwrap_or(1.0);
                let each = amount(&line["totalPrice"]) / pieces;
                // To the minor unit of the currency.
                let near =
                    (sent["price"].as_f64().unwrap_or(f64::NAN) - each).abs() <= 0.51 * unit(&line["totalPrice"]);
                sent["id"] == line["productId"] && sent["quantity"] == *quantity && near
            };
            let is_cancelled = own["orderState"] == "Cancelled";
            sent.len() == bought(own).count()
                && bought(own).zip(sent).all(is_line)
                && held.get("email") == own.get("customerEmail")
                && held.get("customer") == own.get("customerId")
                && (held["status"] == "CANCELLED") == is_cancelled
        })
    }

    /// Contacts of customers; nobody else may be subscribed.
    fn contacts(&self, markets: &[Market], account: &dotdigital::Emulator) -> Compared {
        let wanted = self.customers.iter().filter(|customer| markets.iter().any(|it| is_sold_to(it, customer)));
        let wanted: BTreeMap<String, &Value> = wanted.map(|customer| (email(&customer["email"]), customer)).collect();
        let contacts = account.contacts().into_iter();
        let contacts = contacts.filter(|it| wanted.contains_key(&it.email) || it.email_status == "subscribed");
        let held: BTreeMap<String, Contact> = contacts.map(|contact| (contact.email.clone(), contact)).collect();
        Compared::of(&wanted, &held, |own, contact| {
            let is_subscribed = contact.email_status == "subscribed";
            // Who was unsubscribed before is asked by Dotdigital first.
            let consents = match agrees(own) {
                Some(true) => is_subscribed || contact.challenges > 0,
                Some(false) | None => !is_subscribed,
            };
            consents && contact.fields.get("CUSTOMER_ID") == own.get("id")
        })
    }

    fn orders_of_contacts(&self, markets: &[Market], account: &dotdigital::Emulator) -> Compared {
        let is_sold = |customer: &Value| markets.iter().any(|market| is_sold_to(market, customer));
        let has_contact = |order: &Value| {
            let whose = order.get("customerId");
            let customer = self.customers.iter().find(|customer| whose.is_some() && customer.get("id") == whose);
            order["customerEmail"].is_string() && customer.is_none_or(is_sold)
        };
        let is_wanted = |order: &&Value| {
            markets.iter().any(|market| is_of(market, order)) && bought(order).next().is_some() && has_contact(order)
        };
        let wanted = self.orders.iter().filter(is_wanted).map(|order| (id(order), order)).collect();
        Compared::of(&wanted, &account.records("Orders"), |own, held| {
            let gross = own.pointer("/taxedPrice/totalGross").unwrap_or(&own["totalPrice"]);
            let near = (held["order_total"].as_f64().unwrap_or(f64::NAN) - amount(gross)).abs() <= 0.006;
            let pieces = held["products"].as_array().into_iter().flatten().map(|product| &product["qty"]);
            near && pieces.eq(bought(own).map(|line| &line["quantity"]))
                && held["currency"] == own.pointer("/totalPrice/currencyCode").cloned().unwrap_or_default()
                && account.owner("Orders", &id(own)) == Some(email(&own["customerEmail"]))
                && (held["order_status"] == "Cancelled") == (own["orderState"] == "Cancelled")
        })
    }
}

fn id(record: &Value) -> String {
    record["id"].as_str().unwrap_or_default().to_owned()
}

fn email(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_lowercase()
}

/// What a customer said of e-mails.
fn agrees(customer: &Value) -> Option<bool> {
    customer.pointer("/custom/fields/newsletterOptIn")?.as_bool()
}

/// Whether an account is for the store of a market, or for all.
fn is_sold_to(market: &Market, customer: &Value) -> bool {
    let mut stores = customer["stores"].as_array().into_iter().flatten().map(|store| &store["key"]).peekable();
    stores.peek().is_none() || market.store.as_ref().is_none_or(|own| stores.any(|key| key == own))
}

/// Whether an order was placed in a market.
fn is_of(market: &Market, order: &Value) -> bool {
    let is = |member: &str, text: &str| order.pointer(member).is_some_and(|value| value == text);
    let in_store = market.store.as_ref().is_none_or(|own| is("/store/key", own));
    // An order that names no country is of the one that it is sent to.
    let country = order.get("country").or_else(|| order.pointer("/shippingAddress/country"));
    let in_country = country.is_none_or(|country| *country == market.country);
    is("/totalPrice/currencyCode", &market.currency) && in_store && in_country
}

/// Lines of products that were bought.
fn bought(order: &Value) -> impl Iterator<Item = &Value> {
    let lines = order["lineItems"].as_array().into_iter().flatten();
    lines.filter(|line| line["quantity"].as_u64().is_some_and(|quantity| quantity > 0))
}

/// The smallest amount of a currency.
fn unit(money: &Value) -> f64 {
    0.1_f64.powi(money["fractionDigits"].as_i64().and_then(|digits| digits.try_into().ok()).unwrap_or(2))
}

fn amount(money: &Value) -> f64 {
    money["centAmount"].as_f64().unwrap_or(f64::NAN) * unit(money)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_missing_wrong_or_too_much_is_not_right() {
        let records = [json!({ "id": "a" }), json!({ "id": "b" }), json!({ "id": "c" })];
        let wanted = records.iter().map(|record| (id(record), record)).collect();
        let held = ["a", "b", "z"].map(|id| (id.to_owned(), id)).into();
        let compared = Compared::of(&wanted, &held, |own, held| own["id"] == **held && *held != "b");
        assert_eq!(compared, Compared { expected: 4, right: 1 });
    }

    #[test]
    fn people_are_in_the_markets_that_they_shop_in() {
        let market = |store: Option<&str>| Market {
            key: "de".to_owned(),
            locale: "de".to_owned(),
            currency: "EUR".to_owned(),
            country: "DE".to_owned(),
            store: store.map(str::to_owned),
            supply_channels: Vec::new(),
        };
        let (of_one, of_all) = (market(Some("one")), market(None));
        let of = |store: &str| json!({ "stores": [{ "key": store }] });
        assert!(is_sold_to(&of_one, &json!({ "stores": [] })) && is_sold_to(&of_one, &of("one")));
        assert!(!is_sold_to(&of_one, &of("two")) && is_sold_to(&of_all, &of("two")));
        let order = |currency: &str, country: Option<&str>| {
            let mut order = json!({ "totalPrice": { "currencyCode": currency }, "store": { "key": "one" } });
            if let Some(country) = country {
                order["country"] = country.into();
            }
            order
        };
        assert!(is_of(&of_one, &order("EUR", None)) && is_of(&of_all, &order("EUR", Some("DE"))));
        assert!(!is_of(&of_one, &order("GBP", None)) && !is_of(&of_one, &order("EUR", Some("AT"))));
        assert!(!is_of(&market(Some("two")), &order("EUR", None)));
        let mut sent = order("EUR", None);
        sent["shippingAddress"] = json!({ "country": "AT" });
        assert!(!is_of(&of_one, &sent));
    }
}
