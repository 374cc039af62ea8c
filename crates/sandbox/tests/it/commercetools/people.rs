//! Customers and orders.

use std::collections::BTreeSet;

use sandbox::{
    commercetools::Change,
    people::{self, Customer, Options, People, words},
};

use super::*;

fn own(text: &str) -> String {
    text.to_owned()
}

fn generated() -> People {
    people::generate(&Options::default(), &catalogue())
}

/// The small shop with generated people.
async fn peopled(settings: Settings) -> Shop {
    let shop = Shop::with(settings).await;
    let seeded = shop.emulator.seed_people(&generated()).unwrap();
    assert_eq!((seeded.customers, seeded.orders), (60, 120));
    shop
}

fn cents(money: &Json) -> i64 {
    money["centAmount"].as_i64().unwrap_or_else(|| panic!("{money} is no money"))
}

fn all(list: &Json) -> impl Iterator<Item = &Json> {
    list.as_array().into_iter().flatten()
}

/// Of each part of an order what it costs, without and with tax.
fn parts(order: &Json) -> Vec<(i64, Option<(i64, i64)>)> {
    let taxed = |taxed: &Json| (!taxed.is_null()).then(|| (cents(&taxed["totalNet"]), cents(&taxed["totalGross"])));
    let lines = all(&order["lineItems"]).chain(all(&order["customLineItems"]));
    let mut parts: Vec<_> = lines.map(|line| (cents(&line["totalPrice"]), taxed(&line["taxedPrice"]))).collect();
    let shipping = &order["shippingInfo"];
    if !shipping.is_null() {
        parts.push((cents(&shipping["price"]), taxed(&order["taxedShippingPrice"])));
        assert_eq!(shipping.get("taxedPrice"), order.get("taxedShippingPrice"));
    }
    let off = &order["discountOnTotalPrice"];
    if !off.is_null() {
        let (net, gross) = (off.get("discountedNetAmount"), off.get("discountedGrossAmount"));
        parts.push((-cents(&off["discountedAmount"]), net.zip(gross).map(|(net, gross)| (-cents(net), -cents(gross)))));
    }
    parts
}

#[tokio::test]
async fn amounts_of_every_order_add_up() {
    let shop = peopled(Settings::default()).await;
    let (mut kinds, mut currencies) = (BTreeSet::new(), BTreeSet::new());
    for order in shop.list("/orders", &[("limit", "500")]).await {
        for line in all(&order["lineItems"]) {
            let price = line["discountedPricePerQuantity"]
                .get(0)
                .map_or(&line["price"]["value"], |it| &it["discountedPrice"]["value"]);
            assert_eq!(cents(price) * line["quantity"].as_i64().unwrap(), cents(&line["totalPrice"]), "{line:#}");
        }
        let parts = parts(&order);
        assert_eq!(parts.iter().map(|(cost, _)| cost).sum::<i64>(), cents(&order["totalPrice"]), "{order:#}");
        let rate = &order["lineItems"][0]["taxRate"];
        match order.get("taxedPrice") {
            None => assert!(parts.iter().all(|(_, taxed)| taxed.is_none()), "{order:#}"),
            Some(whole) => {
                let sum = |of: fn((i64, i64)) -> i64| parts.iter().map(|(_, taxed)| of(taxed.unwrap())).sum::<i64>();
                assert_eq!(sum(|(net, _)| net), cents(&whole["totalNet"]));
                assert_eq!(sum(|(_, gross)| gross), cents(&whole["totalGross"]));
                assert_eq!(cents(&whole["totalNet"]) + cents(&whole["totalTax"]), cents(&whole["totalGross"]));
                // Taxes are what the rate makes of the net amount, but for half a unit for each part.
                let net = cents(&whole["totalNet"]);
                let percent = if rate["includedInPrice"] == true { 19 } else { 8 };
                let away = (cents(&whole["totalTax"]) * 100 - net * percent).abs();
                assert!(rate.is_null() || away <= 119 * i64::try_from(parts.len()).unwrap(), "{order:#}");
            }
        }
        let digits = match order["totalPrice"]["currencyCode"].as_str().unwrap() {
            "JPY" => 0,
            "KWD" => 3,
            _ => 2,
        };
        assert_eq!(order["totalPrice"]["fractionDigits"], digits);
        currencies.insert(order["totalPrice"]["currencyCode"].to_string());
        for (kind, is) in [
            ("guest", order.get("customerId").is_none() && order.get("customerEmail").is_some()),
            ("anonymous", order.get("customerEmail").is_none()),
            ("of a customer", order.get("customerId").is_some()),
            ("with a coupon", !order["discountCodes"].as_array().unwrap().is_empty()),
            ("reduced as a whole", order.get("discountOnTotalPrice").is_some()),
            ("tax included", rate["includedInPrice"] == true),
            ("tax on top", rate["includedInPrice"] == false),
            ("tax unknown", order.get("taxedPrice").is_none()),
            ("voucher", all(&order["customLineItems"]).any(|fee| cents(&fee["money"]) < 0)),
            ("partly returned", all(&order["returnInfo"][0]["items"]).count() == 2),
            ("cancelled", order["orderState"] == "Cancelled"),
            ("without lines", order["lineItems"] == json!([])),
            ("without a number", order.get("orderNumber").is_none()),
            (
                "of a product that is gone",
                all(&order["lineItems"]).any(|line| line["productKey"] == "product-of-last-year"),
            ),
        ] {
            kinds.extend(is.then_some(kind));
        }
    }
    assert_eq!((kinds.len(), currencies.len()), (14, 5), "{kinds:?} {currencies:?}");
}

#[tokio::test]
async fn all_that_is_about_people_can_be_searched_for() {
    let people = generated();
    assert_eq!(format!("{people:?}"), format!("{:?}", generated()));
    let known = words::all();
    for customer in &people.customers {
        assert!(customer.email == "nobody knows it" || customer.email.ends_with(words::EMAIL), "{}", customer.email);
        for text in [&customer.given, &customer.family, &customer.company].into_iter().flatten() {
            assert!(known.contains(&text.as_str()), "{text}");
        }
        for address in &customer.addresses {
            assert!(known.contains(&address.street.as_str()) && known.contains(&address.city.as_str()), "{address:?}");
            for number in [&address.phone, &address.mobile].into_iter().flatten() {
                assert!(number.starts_with(words::PHONE) || number.starts_with(words::NATIONAL_PHONE), "{number}");
            }
        }
    }
    let consents: BTreeSet<_> = people.customers.iter().map(|it| (it.agrees_to_email, it.agrees_to_sms)).collect();
    assert!(consents.len() >= 5, "{consents:?}");
    let catalogue = sandbox::catalogue::generate(&sandbox::catalogue::Options { products: 60, ..Default::default() });
    let people = people::generate(&Options::default(), &catalogue);
    let twice = |it: &&Customer| people.customers.iter().filter(|other| other.email == it.email).count() == 2;
    let twins: Vec<&Customer> = people.customers.iter().filter(twice).collect();
    assert_eq!(twins.len(), 12);
    assert!(twins.chunks(2).all(|twins| twins[0].stores != twins[1].stores));
}

#[tokio::test]
async fn people_are_queried_like_everything_else() {
    let shop = peopled(Settings::default()).await;
    let ids = |list: &[Json]| list.iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let by_id = shop.list("/orders", &[("sort", "id asc"), ("limit", "500")]).await;
    let mut walked = Vec::new();
    loop {
        let after = walked.last().map_or_else(|| "version > 0".to_owned(), |id| format!("id > \"{id}\""));
        let page = shop
            .list("/orders", &[("sort", "id asc"), ("limit", "7"), ("where", &after), ("withTotal", "false")])
            .await;
        walked.extend(ids(&page));
        if page.len() < 7 {
            break;
        }
    }
    assert_eq!(walked, ids(&by_id));
    for (path, filter, count) in [
        ("/orders", r#"totalPrice(currencyCode = "JPY")"#, 20),
        ("/orders", r#"orderState = "Cancelled" and customerEmail is defined"#, 15),
        ("/orders", r#"returnInfo(items(paymentState = "Refunded")) or custom(fields(source = "app"))"#, 10),
        ("/customers", "custom(fields(newsletterOptIn = true))", 24),
        ("/customers", r#"addresses(country = "DE") and stores(key = "de") and version > 1"#, 0),
        ("/types", r#"resourceTypeIds contains any ("customer")"#, 1),
        ("/discount-codes", r#"code in ("SUMMER", "OTHER")"#, 1),
    ] {
        let found = shop.list(path, &[("where", filter), ("limit", "500")]).await;
        assert_eq!(found.len(), count, "{path} {filter}");
    }
    for (path, name, value) in [
        ("/customers", "where", r#"password = "****aGg=""#),
        ("/customers", "where", r#"mail = "a""#),
        ("/customers", "sort", "password asc"),
        ("/orders", "where", "key = 1"),
        ("/orders", "sort", "lineItems asc"),
        ("/orders", "expand", "discountCodes[]"),
        ("/orders", "limit", "501"),
    ] {
        let (status, answer) = shop.get(path, &[(name, value)]).await;
        assert_eq!((status, error_code(&answer)), (400, "InvalidInput"), "{path} {name}={value}");
    }
    let order = shop.emulator.order("order-000001").unwrap();
    let number = order["orderNumber"].as_str().unwrap();
    assert_eq!(shop.get(&format!("/orders/order-number={number}"), &[]).await.1["id"], order["id"]);
    assert_eq!(shop.get("/orders/order-number=none", &[]).await.0, 404);
    let (status, answer) = shop.call(Method::POST, "/orders", Some(&json!({}))).await;
    assert_eq!((status, error_code(&answer)), (405, "InvalidOperation"));
}

#[tokio::test]
async fn codes_are_shown_where_the_reference_is_expanded() {
    let shop = peopled(Settings::default()).await;
    let order = shop.emulator.order("order-000001").unwrap();
    let path = format!("/orders/{}", order["id"].as_str().unwrap());
    let states: Vec<&Json> = all(&order["discountCodes"]).map(|it| &it["state"]).collect();
    assert_eq!(states, ["MatchesCart", "DoesNotMatchCart"]);
    let (_, plain) = shop.get(&path, &[]).await;
    assert!(plain["discountCodes"][0]["discountCode"].get("obj").is_none());
    let (_, expanded) = shop.get(&path, &[("expand", "discountCodes[*].discountCode")]).await;
    assert_eq!(expanded["discountCodes"][0]["discountCode"]["obj"]["code"], "WELCOME10");
}

#[tokio::test]
async fn people_need_scopes_of_their_own() {
    let shop = peopled(Settings::default()).await;
    for (path, scope, others) in [
        ("/customers", "view_customers", "manage_orders"),
        ("/orders", "view_orders", "manage_customers"),
        ("/types", "view_types", "view_customers"),
        ("/discount-codes", "view_discount_codes", "view_orders"),
    ] {
        for (scope, expected) in [(scope, 200), (others, 403), ("view_products", 403), ("manage_project", 200)] {
            let token = shop.new_token(&format!("{scope}:sandbox")).await;
            let status = shop.raw(Method::GET, path, &token, None).await.status();
            assert_eq!(status, expected, "{path} with {scope}");
        }
    }
}

#[tokio::test]
async fn each_change_to_people_tells_its_message() {
    let shop = peopled(Settings { messages_enabled: true, ..Settings::default() }).await;
    let people = generated();
    let (customer, order) = (own("customer-000003"), own("order-000001"));
    let guest = people.orders.iter().find(|it| it.customer.is_none() && it.email.is_some()).unwrap();
    let registered = Customer::of_guest(guest).unwrap();
    let another = people::Order { key: own("another"), number: Some(own("4711")), ..people.orders[1].clone() };
    for (change, expected) in [
        (Change::AddCustomer(Box::new(registered.clone())), vec!["CustomerCreated"]),
        (
            Change::SetCustomerOfOrder { order: guest.key.clone(), customer: registered.key.clone() },
            vec!["OrderCustomerSet"],
        ),
        (
            Change::ChangeEmail { customer: customer.clone(), email: own("new@shop.example") },
            vec!["CustomerEmailChanged"],
        ),
        (Change::SetGivenName { customer: customer.clone(), name: None }, vec!["CustomerFirstNameSet"]),
        (
            Change::SetCustomerField { customer: customer.clone(), field: own("newsletterOptIn"), value: json!(false) },
            vec!["CustomerCustomFieldChanged"],
        ),
        (
            Change::SetCustomerField { customer: customer.clone(), field: own("loyaltyTier"), value: json!("gold") },
            vec!["CustomerCustomFieldAdded"],
        ),
        (
            Change::SetCustomerField { customer: customer.clone(), field: own("loyaltyTier"), value: Json::Null },
            vec!["CustomerCustomFieldRemoved"],
        ),
        (Change::PlaceOrder(Box::new(another.clone())), vec!["OrderCreated"]),
        (Change::EditOrder(Box::new(another.edited())), vec!["OrderEditApplied"]),
        (Change::SetOrderState { order: order.clone(), state: own("Complete") }, vec!["OrderStateChanged"]),
        (Change::SetShipmentState { order: order.clone(), state: own("Delivered") }, vec!["OrderShipmentStateChanged"]),
        (Change::ReturnPieces { order: order.clone(), line: 0, quantity: 1, refunded: true }, vec!["ReturnInfoAdded"]),
        (Change::DeleteOrder { order }, vec!["OrderDeleted"]),
        (Change::DeleteCustomer { customer }, vec!["CustomerDeleted"]),
    ] {
        let before = shop.list("/messages", &[("limit", "500")]).await.len();
        shop.wait(1);
        let shown = format!("{change:?}");
        shop.emulator.change(change).unwrap();
        let told = shop.list("/messages", &[("limit", "500"), ("sort", "createdAt asc")]).await;
        let told: Vec<&str> = told[before..].iter().map(|it| it["type"].as_str().unwrap()).collect();
        assert_eq!(told, expected, "{shown}");
        if let Some(checker) = spec::checker() {
            for message in shop.list("/messages", &[("limit", "500")]).await {
                checker.assert(&message, &format!("{}Message", message["type"].as_str().unwrap()));
            }
        }
    }
}

#[tokio::test]
async fn an_address_is_of_one_account_in_each_store() {
    let shop = peopled(Settings::default()).await;
    let draft = |email: &str, stores: Json| json!({ "email": email, "password": "very secret", "stores": stores });
    let in_store = || json!([{ "typeId": "store", "key": "de" }]);
    for (email, stores, expected) in [
        ("one@shop.example", json!([]), 201),
        ("ONE@shop.example", json!([]), 400),
        ("one@shop.example", in_store(), 201),
        ("one@shop.example", in_store(), 400),
        ("none", json!([]), 400),
    ] {
        let (status, answer) = shop.call(Method::POST, "/customers", Some(&draft(email, stores))).await;
        assert_eq!(status, expected, "{answer}");
        assert!(!answer.to_string().contains("very secret"), "{answer}");
        if status == 201 {
            assert_eq!(answer["customer"]["password"], "****aGg=");
        }
    }
    let (_, mine) = shop.call(Method::POST, "/customers", Some(&draft("two@shop.example", json!([])))).await;
    let path = format!("/customers/{}", mine["customer"]["id"].as_str().unwrap());
    let change = |email: &str| json!({ "version": 1, "actions": [{ "action": "changeEmail", "email": email }] });
    let (status, answer) = shop.call(Method::POST, &path, Some(&change("one@shop.example"))).await;
    assert_eq!((status, error_code(&answer)), (400, "DuplicateField"));
    let (status, answer) = shop.call(Method::POST, &path, Some(&change("three@shop.example"))).await;
    assert_eq!((status, &answer["email"], &answer["version"]), (200, &json!("three@shop.example"), &json!(2)));
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let shop = peopled(Settings::default()).await;
    let path = |kind: &str, of: &Json| format!("/{kind}/{}", of["id"].as_str().unwrap());
    let (customer, order) =
        (shop.emulator.customer("customer-000000").unwrap(), shop.emulator.order("order-000000").unwrap());
    let (customer, order, line) = (path("customers", &customer), path("orders", &order), order["lineItems"][0].clone());
    let item = |quantity: i64, state: &str| json!({ "action": "addReturnInfo", "items": [{ "lineItemId": line["id"], "quantity": quantity, "shipmentState": state }] });
    let pieces = line["quantity"].as_i64().unwrap();
    let field = |name: &str, value: Json| json!({ "action": "setCustomField", "name": name, "value": value });
    for (path, action, code) in [
        (&customer, field("newsletterOptIn", json!("true")), "InvalidField"),
        (&customer, field("newsletterSince", json!("yesterday")), "InvalidField"),
        (&customer, field("smsConsent", json!("MAYBE")), "InvalidField"),
        (&customer, field("newsletter", json!(true)), "InvalidField"),
        (
            &customer,
            json!({ "action": "setCustomType", "type": { "key": "order-fields" } , "fields": { "source": "web" } }),
            "InvalidOperation",
        ),
        (&customer, json!({ "action": "addAddress", "address": { "city": "x" } }), "RequiredField"),
        (&customer, json!({ "action": "changePassword" }), "InvalidJsonInput"),
        (&order, item(pieces + 1, "Returned"), "InvalidField"),
        (&order, item(0, "Returned"), "InvalidField"),
        (&order, item(1, "Unusable"), "InvalidJsonInput"),
        (&order, json!({ "action": "changeOrderState", "orderState": "Canceled" }), "InvalidJsonInput"),
        (&order, json!({ "action": "setOrderNumber", "orderNumber": "x" }), "InvalidOperation"),
        (&order, json!({ "action": "setCustomerId", "customerId": "nobody" }), "ReferencedResourceNotFound"),
    ] {
        let body = json!({ "version": 1, "actions": [action] });
        let (status, answer) = shop.call(Method::POST, path, Some(&body)).await;
        assert_eq!((status, error_code(&answer)), (400, code), "{action} {answer}");
    }
    let twice = json!({ "version": 1, "actions": [item(pieces, "Advised"), item(1, "Advised")] });
    assert_eq!(shop.call(Method::POST, &order, Some(&twice)).await.0, 400, "all pieces are on their way back");
    assert_eq!(shop.get(&order, &[]).await.1["version"], 1, "and nothing of it was applied");
    let body = json!({ "version": 1, "actions": [item(pieces, "Advised")] });
    let (status, announced) = shop.call(Method::POST, &order, Some(&body)).await;
    let returned = &announced["returnInfo"][0]["items"][0];
    assert_eq!((status, &returned["paymentState"]), (200, &json!("NonRefundable")));
    let refund =
        json!({ "action": "setReturnPaymentState", "returnItemId": returned["id"], "paymentState": "Refunded" });
    let back =
        json!({ "action": "setReturnShipmentState", "returnItemId": returned["id"], "shipmentState": "BackInStock" });
    let update = |actions: Json| json!({ "version": 2, "actions": actions });
    assert_eq!(shop.call(Method::POST, &order, Some(&update(json!([refund])))).await.0, 400, "nothing came back yet");
    let (status, done) = shop.call(Method::POST, &order, Some(&update(json!([back, refund])))).await;
    assert_eq!((status, &done["returnInfo"][0]["items"][0]["paymentState"]), (200, &json!("Refunded")));
}

#[tokio::test]
async fn people_of_a_living_shop_do_what_the_platform_allows() {
    let shop = peopled(Settings::default()).await;
    let edits = || people::LivingPeople::new(&generated(), 7).take(600);
    let kind = |edit: &people::Edit| format!("{edit:?}").split([' ', '(']).next().unwrap().to_owned();
    let mut kinds = BTreeSet::new();
    for (edit, again) in edits().zip(edits()) {
        assert_eq!(format!("{edit:?}"), format!("{again:?}"));
        kinds.insert(kind(&edit));
        for change in edit.into_changes() {
            let shown = format!("{change:?}");
            shop.wait(10);
            shop.emulator.change(change).unwrap_or_else(|error| panic!("{shown}: {error}"));
        }
    }
    assert_eq!(kinds.len(), 7, "{kinds:?}");
    for order in shop.list("/orders", &[("limit", "500")]).await {
        assert_eq!(parts(&order).iter().map(|(cost, _)| cost).sum::<i64>(), cents(&order["totalPrice"]));
    }
    assert_eq!(people::LivingPeople::new(&People::default(), 7).count(), 0);
}

#[test]
fn who_has_ordered_can_keep_an_address() {
    let generated = generated();
    let has_ordered = |key: &str| generated.orders.iter().any(|order| order.customer.as_deref() == Some(key));
    let moved = |people: people::LivingPeople| {
        let edits = people.take(600);
        edits.filter(|edit| matches!(edit, people::Edit::Email { customer, .. } if has_ordered(customer))).count()
    };
    let living = || people::LivingPeople::new(&generated, 7);
    assert!(moved(living()) > 0);
    assert_eq!(moved(living().keeping_addresses()), 0);
}

#[test]
fn addresses_are_shared_only_where_they_may_be() {
    let shop = sandbox::catalogue::generate(&sandbox::catalogue::Options { products: 9, ..Default::default() });
    assert!(shop.head.stores.len() > 1);
    let shared = |shared_addresses: bool| {
        let people = people::generate(&Options { shared_addresses, ..Options::default() }, &shop);
        let addresses: BTreeSet<&str> = people.customers.iter().map(|customer| customer.email.as_str()).collect();
        people.customers.len() - addresses.len()
    };
    assert_eq!(shared(false), 0);
    assert!(shared(true) > 0);
}
