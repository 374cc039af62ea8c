//! What is answered about contacts, and what is kept of it; what is sent, byte by byte.

use contract::{Destination, FaultClass, Item, Op, Outcome, Parcel};
use model::{ConsentTo, Customer, Kind, Phone};
use sandbox::dotdigital::{Ending, Refused};
use serde_json::json;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

use super::{Desk, UNSUBSCRIBED, ann, company, delivered, desk, email, ended, item, outcomes, put, with};
use crate::dotdigital::{PASSWORD, connector};

fn two(desk: &Desk) -> Vec<Item> {
    company(&with(&ann(), &[(ConsentTo::Email, true)]), true).iter().map(|customer| desk.item(customer)).collect()
}

#[tokio::test]
async fn an_import_tells_what_became_of_each_contact() {
    let desk = desk(UNSUBSCRIBED).await;
    desk.bench.account.refuse_contact("ann@example.com", Some(Refused::Whole));
    desk.bench.account.refuse_contact("zoe@example.com", Some(Refused::InPart));
    let receipt = desk.send(Op::Put, two(&desk).iter().map(put).collect()).await;
    let outcomes = outcomes(&receipt);
    let Outcome::Rejected(fault) = &outcomes[0] else { panic!("{outcomes:?}") };
    assert_eq!(fault.to_string(), "Dotdigital refused the contact: invalidEmail");
    let Outcome::DeliveredWith(remarks) = &outcomes[1] else { panic!("{outcomes:?}") };
    assert_eq!(remarks.warnings[0].to_string(), "Dotdigital refused the contact: consentRecordsNotApplied");
    assert!(!format!("{receipt:?}").contains('@'), "{receipt:?}");
}

#[tokio::test]
async fn after_a_restart_a_report_with_refusals_is_not_taken_for_a_delivery() {
    for refuses in [false, true] {
        let desk = desk(UNSUBSCRIBED).await;
        if refuses {
            desk.bench.account.refuse_contact("zoe@example.com", Some(Refused::Whole));
        }
        let items = two(&desk);
        let ids: Vec<_> = items.iter().map(|item| item.id.clone()).collect();
        let parcels = items.iter().map(put).collect();
        let call = contract::Call { account: desk.account.clone(), kind: Kind::Customer, op: Op::Put, parcels };
        let begun = desk.bench.connector.send(&call).await;
        let url = desk.bench.account.settings().api_endpoint.clone().unwrap();
        let (other, _secrets) = connector(url.trim_end_matches('/'), UNSUBSCRIBED, PASSWORD);
        let receipt = ended(&other, &ids, begun).await;
        for outcome in outcomes(&receipt) {
            assert_eq!(matches!(outcome, Outcome::Unknown(_)), refuses, "{outcome:?}");
        }
    }
}

#[tokio::test]
async fn an_import_that_needs_a_person_pauses_the_flow_and_loses_no_customer() {
    for (ending, class) in [
        (Ending::RejectedByWatchdog, Some(FaultClass::Config)),
        (Ending::TooManyContacts, Some(FaultClass::Credentials)),
        (Ending::Failed, None),
    ] {
        let desk = desk(UNSUBSCRIBED).await;
        desk.bench.account.end_imports(ending);
        let receipt = desk.send(Op::Put, two(&desk).iter().map(put).collect()).await;
        for outcome in outcomes(&receipt) {
            match (&outcome, class) {
                (Outcome::Deferred(fault), Some(class)) => assert_eq!(fault.class, class),
                (Outcome::Unknown(fault), None) => assert_eq!(fault.class, FaultClass::Transient),
                _ => panic!("{ending:?} gave {outcome:?}"),
            }
        }
        assert!(desk.bench.account.contacts().is_empty());
        desk.bench.account.end_imports(Ending::Normal);
        delivered(&desk.send(Op::Put, two(&desk).iter().map(put).collect()).await);
    }
}

#[tokio::test]
async fn what_dotdigital_says_of_people_is_not_kept() {
    let server = MockServer::start().await;
    let echo = "ann@example.com (Ann Lee, +491701234567) is unknown";
    let info = json!({ "properties": [{ "name": "ApiEndpoint", "value": server.uri() }] });
    for (status, body) in [
        (400, json!({ "errorCode": "contacts:badRequest", "description": echo, "details": [{ "item": echo }] })),
        (400, json!({ "errorCode": echo, "description": echo })),
        (400, json!({ "message": format!("{echo} ERROR_EMAIL_BANNED") })),
        (404, json!({ "errorCode": "contacts:contactNotFound", "description": echo })),
        (409, json!({ "errorCode": "contacts:idAlreadyExists", "description": echo })),
        (500, json!({ "description": echo })),
        (401, json!({ "message": echo })),
        (429, json!({ "errorCode": "contacts:tooMany", "description": echo })),
        (200, json!([echo])),
        (202, json!({ "importId": 17, "words": echo })),
        (200, json!({ "status": 5, "failures": echo })),
    ] {
        server.reset().await;
        let answer = ResponseTemplate::new(200).set_body_json(&info);
        Mock::given(matchers::path("/v2/account-info")).respond_with(answer).mount(&server).await;
        Mock::given(matchers::any())
            .respond_with(ResponseTemplate::new(status).set_body_json(&body))
            .mount(&server)
            .await;
        let (connector, _secrets) = connector(&server.uri(), UNSUBSCRIBED, PASSWORD);
        let account = contract::Account::default();
        let items: Vec<Item> = company(&ann(), true).iter().map(|one| item(&connector, &account, one)).collect();
        let before = |item: &Item| Parcel { before: Some(item.payload.clone()), ..Parcel::named(item.id.clone()) };
        let order = super::orders::items(&connector, &account, &super::orders::order());
        for (kind, op, parcels) in [
            (Kind::Customer, Op::Put, vec![put(&items[0])]),
            (Kind::Customer, Op::Put, items.iter().map(put).collect()),
            (Kind::Customer, Op::Hide, vec![before(&items[0])]),
            (Kind::Customer, Op::Remove, vec![before(&items[0])]),
            (Kind::Order, Op::Put, vec![put(&order[0])]),
            (Kind::Order, Op::Put, vec![put(&order[0]), put(&order[0])]),
            (Kind::Order, Op::Remove, vec![before(&order[0])]),
            (Kind::Order, Op::Report, vec![put(&order[1])]),
        ] {
            let ids: Vec<_> = parcels.iter().map(|parcel| parcel.id.clone()).collect();
            let call = contract::Call { account: account.clone(), kind, op, parcels };
            let receipt = connector.send(&call).await;
            let ticket = contract::destination::Ticket("1000 0 contacts:17".to_owned());
            let polled = connector.poll(&ticket, &ids).await;
            for text in [format!("{receipt:?}"), format!("{polled:?}")] {
                assert!(!text.contains("ann@") && !text.contains("Lee") && !text.contains("4917"), "{text}");
            }
        }
    }
}

/// Method, path and body of every call but the first, which asks where the account is.
async fn said(settings: &str, customer: &Customer) -> Vec<String> {
    let server = MockServer::start().await;
    let begun = json!({ "importId": "i-1", "deleteId": "d-1" });
    Mock::given(matchers::any()).respond_with(ResponseTemplate::new(200).set_body_json(begun)).mount(&server).await;
    let (connector, _secrets) = connector(&server.uri(), settings, PASSWORD);
    let account = contract::Account::default();
    let items: Vec<Item> = company(customer, true).iter().map(|one| item(&connector, &account, one)).collect();
    let first = &items[0];
    let moved = item(&connector, &account, &Customer { email: email("ann/lee+1@example.com"), ..customer.clone() });
    let all = contract::Facets::ALL;
    let change =
        Parcel { before: Some(first.payload.clone()), ..Parcel::new(moved.id.clone(), moved.payload.only(all)) };
    let before = Parcel { before: Some(first.payload.clone()), ..Parcel::named(first.id.clone()) };
    let union = first.payload.overlaid(&moved.payload);
    let doubt = Parcel { before: Some(union), ..put(&moved) };
    for (op, parcels) in [
        (Op::Put, vec![put(first)]),
        (Op::Put, items.iter().map(put).collect()),
        (Op::Patch(all), vec![change]),
        (Op::Put, vec![doubt]),
        (Op::Hide, vec![before.clone()]),
        (Op::Remove, vec![before]),
    ] {
        connector.send(&contract::Call { account: account.clone(), kind: Kind::Customer, op, parcels }).await;
    }
    let said = |request: &wiremock::Request| {
        let query = request.url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let body = String::from_utf8_lossy(&request.body).into_owned();
        format!("{} {}{query}\n{body}", request.method, request.url.path())
    };
    server.received_requests().await.unwrap().iter().map(said).collect()
}

#[tokio::test]
async fn what_is_said_of_a_customer_byte_by_byte() {
    let granted = with(&ann(), &[(ConsentTo::Email, true), (ConsentTo::Sms, false)]);
    let phone = Customer { phones: vec![Phone::parse("+49 170 1234567").unwrap()], ..granted };
    insta::assert_snapshot!(said(&format!("{UNSUBSCRIBED}opt_in_type = \"double\""), &ann()).await.join("\n\n"));
    insta::assert_snapshot!(
        said(&format!("{UNSUBSCRIBED}phones = true\nopt_in_type = \"double\""), &phone).await.join("\n\n")
    );
}
