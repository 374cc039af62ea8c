//! Customers and orders of commercetools, against the emulator.

mod mapping;

use std::collections::{BTreeMap, BTreeSet};

use contract::{Change, FaultClass, Position, Ref, Source};
use model::{ConsentTo, Customer, Kind, Money, Order, OrderStatus, Record, RecordId};
use sandbox::{
    catalogue::{
        Catalogue,
        generate::{Options, generate},
    },
    commercetools::{Change as Act, Settings},
    people::{self, People, words},
};
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path},
};

use super::{
    emulator::{Mirror, Shop},
    source, walk,
};

fn catalogue() -> Catalogue {
    generate(&Options { products: 40, ..Options::default() })
}

pub(super) fn generated() -> People {
    people::generate(&people::Options::default(), &catalogue())
}

async fn peopled(settings: Settings) -> Shop {
    let shop = Shop::of(&catalogue(), settings).await;
    shop.emulator.seed_people(&generated()).unwrap();
    shop.wait(3_600_000);
    shop
}

/// Reads people, and consent by the fields that the emulated shop has.
pub(super) fn settings(more: &Value) -> Value {
    let mut settings = json!({
        "lanes": { "customers": true, "orders": true },
        "consent": [
            { "to": "email", "field": "custom.newsletterOptIn", "at": "custom.newsletterSince" },
            { "to": "sms", "field": "custom.smsConsent", "granted": ["YES"], "denied": ["NO"] },
        ],
    });
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    settings
}

async fn everybody(shop: &Shop, more: &Value) -> Mirror {
    let source = shop.source(settings(more));
    let mut mirror = Mirror::default();
    for lane in ["customers", "orders"] {
        mirror.take(&walk(&source, lane, Position::Full).await.unwrap());
    }
    mirror
}

fn id(shown: &Value) -> RecordId {
    shown["id"].as_str().unwrap().into()
}

fn customer<'a>(mirror: &'a Mirror, shop: &Shop, key: &str) -> &'a Customer {
    let id = id(&shop.emulator.customer(key).unwrap());
    let Some(Record::Customer(customer)) = mirror.0.get(&(Kind::Customer, id)) else { panic!("no customer {key}") };
    customer
}

fn order<'a>(mirror: &'a Mirror, shop: &Shop, key: &str) -> &'a Order {
    let id = id(&shop.emulator.order(key).unwrap());
    let Some(Record::Order(order)) = mirror.0.get(&(Kind::Order, id)) else { panic!("no order {key}") };
    order
}

#[tokio::test]
async fn everybody_is_read_whatever_the_page_size() {
    let shop = peopled(Settings::default()).await;
    let mirror = everybody(&shop, &json!({})).await;
    assert_eq!((mirror.count(Kind::Customer), mirror.count(Kind::Order)), (60, 120));
    let small = json!({ "page_size": { "first_products": 7, "products": 13, "others": 11 } });
    assert_eq!(everybody(&shop, &small).await, mirror);
    let kept = serde_json::to_string(&mirror.0.values().collect::<Vec<_>>()).unwrap();
    assert!(kept.contains(words::EMAIL) && !kept.contains("****"), "a password was read");
}

#[tokio::test]
async fn nobody_is_read_where_that_is_not_asked_for() {
    let shop = peopled(Settings::default()).await;
    let source = shop.source(json!({}));
    assert!(source.lanes().iter().all(|lane| !lane.reads(Kind::Customer) && !lane.reads(Kind::Order)));
    assert!(source.fetches().iter().all(|kind| !kind.is_personal()));
    let customer = id(&shop.emulator.customer("customer-000001").unwrap());
    let fetched = source.fetch(&[Ref { kind: Kind::Product, id: customer }]).await.unwrap();
    assert!(matches!(&fetched.changes[..], [Change::Gone { kind: Kind::Product, .. }]));
    assert!(shop.emulator.counters().keys().all(|call| !call.contains("customers") && !call.contains("orders")));
}

/// What the shop counts, in integers of its own, is what was read.
#[tokio::test]
async fn amounts_are_exactly_those_of_the_shop_in_every_currency() {
    let shop = peopled(Settings::default()).await;
    let mirror = everybody(&shop, &json!({})).await;
    let mut seen = BTreeMap::<String, usize>::new();
    for made in &generated().orders {
        let read = order(&mirror, &shop, &made.key);
        let (sums, money) = (made.sums(), |minor| Money::new(minor, made.currency.parse().unwrap()));
        let totals = &read.totals;
        assert_eq!(read.currency.code(), made.currency);
        assert_eq!(totals.total, money(sums.taxed.map_or(sums.total, |taxed| taxed.gross)), "{}", made.key);
        assert_eq!(totals.gross, sums.taxed.map(|taxed| money(taxed.gross)));
        assert_eq!(totals.net, sums.taxed.map(|taxed| money(taxed.net)));
        assert_eq!(totals.tax, sums.taxed.map(|taxed| money(taxed.gross - taxed.net)));
        assert_eq!(totals.discount, (sums.off > 0).then(|| money(sums.off)), "{}", made.key);
        let shipping = made.shipping.map(|cost| made.tax.of(cost).map_or(cost, |taxed| taxed.gross));
        assert_eq!(totals.shipping, shipping.map(money));
        assert_eq!(read.lines.len(), made.lines.len() + made.fees.len());
        for (line, made) in read.lines.iter().zip(&made.lines) {
            assert_eq!((line.total, line.unit_price), (money(made.total()), Some(money(made.unit))));
            assert_eq!(line.sku.as_ref().map_or("", |sku| sku.as_str()), made.sku);
            assert_eq!(line.quantity, u64::try_from(made.quantity).unwrap());
            assert_eq!(line.variant.as_ref().unwrap().as_str(), made.variant.to_string());
            assert!(line.product.is_some());
        }
        for (line, fee) in read.lines.iter().skip(made.lines.len()).zip(&made.fees) {
            assert_eq!((line.total, &line.product), (money(fee.amount), &None));
        }
        for (line, cost) in read
            .lines
            .iter()
            .zip(made.lines.iter().map(people::Line::total).chain(made.fees.iter().map(|fee| fee.amount)))
        {
            let taxed = made.tax.of(cost);
            assert_eq!(line.tax, taxed.map(|taxed| money(taxed.gross - taxed.net)));
            let included = match made.tax {
                people::Tax::Unknown => None,
                people::Tax::Included(_) => Some(true),
                people::Tax::OnTop(_) => Some(false),
            };
            assert_eq!(line.tax_included, included);
        }
        // Parts with their taxes are the whole, for whoever adds them up.
        if let Some(gross) = totals.gross {
            let lines = read.lines.iter().map(|line| {
                let on_top = if line.tax_included == Some(false) { line.tax.unwrap().minor } else { 0 };
                line.total.minor + on_top
            });
            let off = made.tax.of(made.off_total).unwrap().gross;
            assert_eq!(lines.sum::<i64>() + totals.shipping.map_or(0, |cost| cost.minor) - off, gross.minor);
        }
        assert_eq!(read.coupons, made.coupons);
        *seen.entry(made.currency.clone()).or_default() += 1;
    }
    assert!(seen["JPY"] == 20 && seen["KWD"] == 20 && seen.len() == 5, "{seen:?}");
}

#[tokio::test]
async fn an_order_is_whose_it_is_and_as_far_as_it_is() {
    let shop = peopled(Settings::default()).await;
    let mirror = everybody(&shop, &json!({})).await;
    for made in &generated().orders {
        let read = order(&mirror, &shop, &made.key);
        let of = made.customer.as_ref().map(|key| id(&shop.emulator.customer(key).unwrap()));
        assert_eq!(read.customer.as_ref().map(|id| RecordId::from(id.as_str())), of);
        let email = made.email.as_deref().filter(|email| email.contains('@'));
        assert_eq!(read.email.as_ref().map(model::Email::as_str), email);
        assert_eq!(read.number, made.number);
        assert_eq!(read.store.as_ref().map(model::StorefrontKey::as_str), made.store.as_deref());
        let status = match made.state {
            people::State::Open => OrderStatus::Open,
            people::State::Confirmed => OrderStatus::Confirmed,
            people::State::Shipped => OrderStatus::Shipped,
            people::State::Complete => OrderStatus::Complete,
            people::State::Cancelled => OrderStatus::Cancelled,
        };
        assert_eq!(read.status, status);
        let returned: Vec<_> =
            read.returns.iter().map(|it| (it.line.clone(), it.quantity, it.is_back, it.is_refunded)).collect();
        let made: Vec<_> = made
            .returns
            .iter()
            .map(|it| (read.lines[it.line].id.clone(), u64::try_from(it.quantity).unwrap(), it.is_back, it.is_refunded))
            .collect();
        assert_eq!(returned, made);
    }
}

#[tokio::test]
async fn consent_is_what_the_named_fields_say() {
    let shop = peopled(Settings::default()).await;
    let mirror = everybody(&shop, &json!({})).await;
    let without = everybody(&shop, &json!({ "consent": [] })).await;
    for made in &generated().customers {
        let read = customer(&mirror, &shop, &made.key);
        assert_eq!(read.consent(ConsentTo::Email), made.agrees_to_email, "{}", made.key);
        assert_eq!(read.consent(ConsentTo::Sms), made.agrees_to_sms);
        assert_eq!(read.consent(ConsentTo::Push), None);
        let email = read.consents.iter().find(|it| it.to == ConsentTo::Email);
        let at = made.said_at.as_deref().and_then(model::Timestamp::parse);
        assert_eq!(email.and_then(|it| it.at), at.filter(|_| email.is_some()));
        assert!(email.is_none_or(|it| it.field == "custom.newsletterOptIn"));
        assert!(customer(&without, &shop, &made.key).consents.is_empty());
    }
}

#[tokio::test]
async fn what_is_wrong_about_a_person_is_named_and_never_repeated() {
    let shop = peopled(Settings::default()).await;
    let mirror = everybody(&shop, &json!({})).await;
    let noted = |key| {
        customer(&mirror, &shop, key).notices.iter().map(|it| format!("{}: {}", it.field, it.what)).collect::<Vec<_>>()
    };
    assert_eq!(noted("customer-000049"), ["email: is no e-mail address"]);
    let national = "is no phone number in international form, such as +49 30 901820";
    assert_eq!(noted("customer-000008"), [format!("addresses.phone: {national}")]);
    assert_eq!(customer(&mirror, &shop, "customer-000049").email, None);
    let mut told = 0;
    for record in mirror.0.values() {
        for notice in record.notices() {
            let text = format!("{notice:?}");
            assert!(words::all().iter().all(|word| !text.contains(word)) && !text.contains("nobody"), "{text}");
            told += 1;
        }
    }
    assert!(told >= 8, "{told}");
}

#[tokio::test]
async fn changes_of_people_arrive_and_nothing_else_does() {
    let shop = peopled(Settings { messages_enabled: true, ..Settings::default() }).await;
    let source = shop.source(settings(&json!({})));
    let mut mirror = everybody(&shop, &json!({})).await;
    let mut ends = BTreeMap::new();
    for lane in ["customers", "orders", "deletions"] {
        ends.insert(lane, walk(&source, lane, Position::Full).await.unwrap().end);
    }
    shop.wait(600_000);
    for lane in ["customers", "orders", "deletions"] {
        let calm = walk(&source, lane, Position::Delta(ends[lane].clone())).await.unwrap();
        assert!(calm.changes.is_empty(), "{lane}: {:?}", calm.changes);
    }
    let made = generated();
    let guest = made.orders.iter().find(|it| it.customer.is_none() && it.email.is_some()).unwrap();
    let registered = people::Customer::of_guest(guest).unwrap();
    let edited = made.orders.iter().find(|it| it.key == "order-000004").unwrap().clone().edited();
    let (renamed, deleted) = ("customer-000003".to_owned(), "customer-000002".to_owned());
    let gone: [RecordId; 2] =
        [id(&shop.emulator.customer(&deleted).unwrap()), id(&shop.emulator.order("order-000007").unwrap())];
    for act in [
        Act::AddCustomer(Box::new(registered.clone())),
        Act::SetCustomerOfOrder { order: guest.key.clone(), customer: registered.key.clone() },
        Act::ChangeEmail { customer: renamed.clone(), email: "new@shop.example".to_owned() },
        Act::SetCustomerField { customer: renamed.clone(), field: "newsletterOptIn".to_owned(), value: json!(false) },
        Act::EditOrder(Box::new(edited.clone())),
        Act::SetOrderState { order: "order-000012".to_owned(), state: "Cancelled".to_owned() },
        Act::ReturnPieces { order: "order-000001".to_owned(), line: 0, quantity: 1, refunded: true },
        Act::DeleteCustomer { customer: deleted },
        Act::DeleteOrder { order: "order-000007".to_owned() },
    ] {
        shop.act(act);
    }
    shop.wait(61_000);
    let mut came = Vec::new();
    for (lane, count) in [("customers", 2), ("orders", 4), ("deletions", 2)] {
        let delta = walk(&source, lane, Position::Delta(ends[lane].clone())).await.unwrap();
        assert_eq!(delta.changes.len(), count, "{lane}: {:?}", delta.changes);
        mirror.take(&delta);
        came.extend(delta.changes);
    }
    assert_eq!(mirror, everybody(&shop, &json!({})).await);
    for id in gone {
        assert!(mirror.0.keys().all(|(_, known)| *known != id));
    }
    let read = customer(&mirror, &shop, &renamed);
    assert_eq!(read.email.as_ref().unwrap().as_str(), "new@shop.example");
    assert_eq!(read.consent(ConsentTo::Email), Some(false));
    let order_of_guest = order(&mirror, &shop, &guest.key);
    let same = customer(&mirror, &shop, &registered.key);
    assert_eq!(
        (order_of_guest.customer.as_ref(), order_of_guest.email.as_ref()),
        (Some(&same.id), same.email.as_ref())
    );
    let read = order(&mirror, &shop, "order-000004");
    assert_eq!(read.lines[0].quantity, u64::try_from(edited.lines[0].quantity).unwrap());
    assert_eq!(order(&mirror, &shop, "order-000012").status, OrderStatus::Cancelled);
    assert!(order(&mirror, &shop, "order-000001").returns.iter().any(|it| it.is_back && it.is_refunded));
}

#[tokio::test]
async fn people_are_read_by_id_as_they_are_now() {
    let shop = peopled(Settings::default()).await;
    let source = shop.source(settings(&json!({})));
    let mirror = everybody(&shop, &json!({})).await;
    let refs: Vec<Ref> = mirror.0.keys().map(|(kind, id)| Ref { kind: *kind, id: id.clone() }).collect();
    shop.act(Act::DeleteCustomer { customer: "customer-000001".to_owned() });
    let fetched = source.fetch(&refs).await.unwrap();
    let mut again = Mirror::default();
    let gone = fetched.changes.iter().filter(|it| matches!(it, Change::Gone { kind: Kind::Customer, .. })).count();
    assert_eq!((gone, fetched.changes.len()), (1, 180));
    again.take(&super::Walked {
        changes: fetched.changes,
        unread: fetched.unread,
        pages: 1,
        end: contract::Token(String::new()),
    });
    let mut expected = mirror;
    expected.0.retain(|(_, id), _| {
        shop.emulator.customer_ids().iter().chain(&shop.emulator.order_ids()).any(|it| it == id.as_str())
    });
    // Also the codes of coupons, whose references are expanded there as well.
    assert_eq!(again, expected);
}

#[tokio::test]
async fn a_scope_that_is_missing_for_people_stops_no_other_lane() {
    let needed =
        ["products", "product_types", "categories", "channels", "project_settings", "standalone_prices", "stores"];
    let all = [&needed[..], &["product_selections", "messages", "customers", "orders", "types"]].concat();
    let lacking = async |lacks: &[&str]| {
        let scopes = all.iter().filter(|it| !lacks.contains(it)).map(|it| format!("view_{it}"));
        peopled(Settings { client_scopes: scopes.collect(), ..Settings::default() }).await
    };
    let lanes = ["categories", "products", "customers", "orders"];
    let shop = lacking(&["customers", "orders", "types"]).await;
    let source = shop.source(settings(&json!({})));
    for (lane, is_read) in lanes.into_iter().zip([true, true, false, false]) {
        let walked = walk(&source, lane, Position::Full).await;
        assert_eq!(
            walked.as_ref().err().map(|fault| fault.class),
            (!is_read).then_some(FaultClass::Credentials),
            "{lane}"
        );
    }
    let product = shop.emulator.product(&shop.emulator.product_keys()[0]).unwrap();
    let refs = [(Kind::Customer, "c".into()), (Kind::Product, id(&product))].map(|(kind, id)| Ref { kind, id });
    let fetched = source.fetch(&refs).await.unwrap();
    assert_eq!(fetched.changes.len(), 1, "nothing is known of the customer, least of all that it is gone");
    let found = source.check().await;
    let missing: Vec<String> = found.iter().filter_map(|it| Some(it.result.as_ref().err()?.to_string())).collect();
    for scope in ["view_customers:shop", "view_types:shop", "view_orders:shop"] {
        assert!(missing.iter().any(|text| text.contains(scope)), "{missing:?}");
    }
    assert!(missing.iter().all(|text| !text.contains("view_products:shop")), "{missing:?}");
    // Each of them by itself.
    let shop = lacking(&["orders", "types"]).await;
    let source = shop.source(settings(&json!({})));
    assert!(
        walk(&source, "customers", Position::Full).await.is_ok()
            && walk(&source, "orders", Position::Full).await.is_err()
    );
    // What the settings name is asked for as it stands there.
    let named = shop.source(settings(&json!({ "scopes": ["view_products", "view_orders"] })));
    assert!(walk(&named, "products", Position::Full).await.is_err());
}

#[tokio::test]
async fn a_check_names_fields_that_may_hold_consent_and_those_that_are_not_there() {
    let shop = peopled(Settings::default()).await;
    let told = async |consent: Value| {
        let found = shop.source(settings(&json!({ "consent": consent }))).check().await;
        let found = found.into_iter().find(|it| it.what == "consent").unwrap();
        found.result.map_err(|fault| (fault.class, fault.message.clone()))
    };
    let warning = told(json!([])).await.unwrap();
    for part in [
        "warning",
        "unknown",
        "custom.newsletterOptIn (Boolean)",
        "custom.newsletterSince (DateTime)",
        "custom.smsConsent (Enum)",
    ] {
        assert!(warning.contains(part), "{warning}");
    }
    assert!(!warning.contains("loyaltyTier") && !warning.contains("source"), "{warning}");
    let (class, message) = told(json!([{ "to": "email", "field": "custom.newsletter" }])).await.unwrap_err();
    assert!(class == FaultClass::Config && message.contains("newsletter"), "{message}");
    let right = told(json!([{ "to": "email", "field": "custom.newsletterOptIn" }])).await.unwrap();
    assert!(right.contains("custom.newsletterOptIn") && !right.contains("warning"), "{right}");
    // No value of a switch is a date.
    let star = |field: &str| json!([{ "to": "email", "field": field, "granted": ["*"] }]);
    let (class, message) = told(star("custom.newsletterOptIn")).await.unwrap_err();
    assert!(class == FaultClass::Config && message.contains("Boolean") && message.contains('*'), "{message}");
    assert!(told(star("custom.newsletterSince")).await.is_ok() && told(star("custom.loyaltyTier")).await.is_ok());
    let without = shop.source(json!({})).check().await;
    assert!(without.iter().all(|it| it.what != "consent"));
}

#[tokio::test]
async fn rights_to_people_are_asked_for_where_they_are_read() {
    let of = |lanes: Value| super::config("http://127.0.0.1:1", &json!({ "lanes": lanes })).needed_scopes();
    let names = |lanes: Value| of(lanes).into_iter().map(|(scope, _)| scope).collect::<BTreeSet<_>>();
    let without = names(json!({}));
    let added = |lanes: Value| names(lanes).difference(&without).copied().collect::<Vec<_>>();
    assert_eq!(added(json!({ "customers": true })), ["view_customers", "view_types"]);
    assert_eq!(added(json!({ "orders": true })), ["view_orders"]);
    let scopes = [
        "view_products",
        "view_categories",
        "view_channels",
        "view_product_types",
        "view_project_settings",
        "view_messages",
        "view_stores",
        "view_product_selections",
        "view_standalone_prices",
        "view_customers",
        "view_types",
    ];
    let client_scopes = scopes.map(str::to_owned).to_vec();
    let shop = peopled(Settings { client_scopes, ..Settings::default() }).await;
    let found = shop.source(settings(&json!({}))).check().await;
    let wrong: Vec<String> = found.iter().filter_map(|it| Some(it.result.as_ref().err()?.message.clone())).collect();
    assert!(matches!(&wrong[..], [only] if only.contains("view_orders:shop")), "{wrong:?}");
}

/// A server of one page of customers.
async fn answering(body: &str) -> MockServer {
    let host = MockServer::start().await;
    let token = json!({ "access_token": "t", "expires_in": 100 });
    Mock::given(path("/oauth/token")).respond_with(ResponseTemplate::new(200).set_body_json(token)).mount(&host).await;
    let project = ResponseTemplate::new(200).set_body_json(json!({ "key": "shop" }));
    Mock::given(method("GET")).and(path("/shop")).respond_with(project).mount(&host).await;
    for resource in ["customers", "orders"] {
        let answer = ResponseTemplate::new(200).set_body_string(body);
        Mock::given(path(format!("/shop/{resource}"))).respond_with(answer).mount(&host).await;
    }
    host
}

#[tokio::test]
async fn an_answer_about_people_that_can_not_be_read_is_not_quoted() {
    for body in [
        "<html>Ann Secretperson, ann@secret.example</html>",
        r#"{"results": "Ann Secretperson"}"#,
        r#"{"limit": "Ann Secretperson", "results": []}"#,
        r#"{"results": [{"email": "ann@secret.example", "lastName": "Secretperson"}]}"#,
        r#"{"results": [{"id": "a", "email": "ann@secret.example""#,
    ] {
        let host = answering(body).await;
        for lane in ["customers", "orders"] {
            let read = walk(&source(&host.uri(), settings(&json!({ "attempts": 1 }))), lane, Position::Full).await;
            let fault = read.err().unwrap_or_else(|| panic!("{body} was read"));
            let told = format!("{fault:?} {fault} {}", serde_json::to_string(&fault).unwrap()).to_lowercase();
            assert!(!told.contains("secret"), "{told}");
        }
    }
}

/// The sample orders of the vendor's storefront, where they are at hand. The totals that the file has beside its lines are not
/// the sums of them in a fifth of the orders, so the lines count.
#[tokio::test]
async fn the_orders_of_the_sample_shop_cost_what_their_lines_do() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/commercetools-sunrise/full/orders.csv");
    let Ok(text) = std::fs::read_to_string(&file) else {
        println!("skipped: the sample orders are not here");
        return;
    };
    let minor = |amount: &str| {
        let (whole, cents) = amount.split_once('.').unwrap_or((amount, ""));
        format!("{whole}{cents:0<2}").parse::<i64>().unwrap()
    };
    let mut orders = BTreeMap::<String, (people::Order, i64)>::new();
    for row in text.lines().skip(1) {
        let cells: Vec<&str> = row.split(',').collect();
        let [email, number, sku, price, quantity, _] = cells[..] else { panic!("{row}") };
        let made = || people::Order {
            key: format!("sample-{number}"),
            number: Some(number.to_owned()),
            email: Some(email.to_owned()),
            currency: "EUR".to_owned(),
            ..people::Order::default()
        };
        let (order, total) = orders.entry(number.to_owned()).or_insert_with(|| (made(), 0));
        *total += minor(price) * quantity.parse::<i64>().unwrap();
        order.lines.push(people::Line {
            product: format!("of-{sku}"),
            variant: 1,
            sku: sku.to_owned(),
            quantity: quantity.parse().unwrap(),
            unit: minor(price),
            ..people::Line::default()
        });
    }
    assert!(orders.len() > 300, "{}", orders.len());
    let shop = Shop::of(&catalogue(), Settings::default()).await;
    let all = orders.values().map(|(order, _)| order.clone()).collect();
    shop.emulator.seed_people(&People { orders: all, ..People::default() }).unwrap();
    shop.wait(3_600_000);
    let mirror = everybody(&shop, &json!({ "page_size": { "first_products": 50, "products": 50 } })).await;
    assert_eq!(mirror.count(Kind::Order), orders.len());
    for (made, total) in orders.values() {
        let read = order(&mirror, &shop, &made.key);
        assert_eq!(read.totals.total.minor, *total, "{}", made.key);
        assert_eq!(read.lines.iter().map(|line| line.total.minor).sum::<i64>(), *total);
        // Their e-mail addresses are numbers.
        assert!(
            read.email.is_none() && matches!(&read.notices[..], [only] if only.field == "customerEmail"),
            "{:?}",
            read.notices
        );
    }
}

#[tokio::test]
async fn a_living_shop_is_followed_change_by_change() {
    let shop = peopled(Settings { messages_enabled: true, timestamp_behind_ms: 3_000, ..Settings::default() }).await;
    let source = shop.source(settings(&json!({ "page_size": { "first_products": 5, "products": 5, "others": 5 } })));
    let mut mirror = Mirror::default();
    let mut ends = BTreeMap::new();
    let mut edits = people::LivingPeople::new(&generated(), 3);
    for round in 0..12 {
        for lane in ["customers", "orders"] {
            let from = ends.remove(lane).map_or(Position::Full, Position::Delta);
            let walked = walk(&source, lane, from).await.unwrap();
            mirror.take(&walked);
            ends.insert(lane, walked.end);
        }
        for change in edits.by_ref().take(if round < 11 { 20 } else { 0 }).flat_map(people::Edit::into_changes) {
            shop.act(change);
            shop.wait(700);
        }
        shop.wait(10_000);
    }
    assert_eq!(mirror, everybody(&shop, &json!({})).await);
}
