//! The emulator of Dotdigital: contacts, whoever writes them, and what a call may not do to them.

use sandbox::dotdigital::{DataType, Emulator, Ending, MobileDefault, Refused, Settings};
use serde_json::{Value, json};

use crate::dotdigital::{Account, IMPORT_MS, account};

fn person(email: &str, channels: Value) -> Value {
    let mut person = json!({ "identifiers": { "email": email }, "dataFields": { "firstname": "Ann" } });
    if !channels.is_null() {
        person["channelProperties"] = channels;
    }
    person
}

async fn import(account: &Account, contacts: Value) -> Value {
    let body = json!({ "mergeOption": "overwrite", "contacts": contacts });
    let begun = account.call("PUT", "/contacts/v3/import", body).await;
    assert_eq!(begun.status, 202, "{}", begun.body);
    begun.body["importId"].clone()
}

async fn report(account: &Account, id: &Value) -> Value {
    account.call("GET", &format!("/contacts/v3/import/{}", id.as_str().unwrap()), Value::Null).await.body
}

fn matched(mut person: Value) -> Value {
    person["matchIdentifier"] = "email".into();
    person
}

fn status(emulator: &Emulator, email: &str) -> String {
    emulator.contact(email).unwrap().email_status
}

#[tokio::test]
async fn a_new_contact_is_subscribed_unless_a_call_says_otherwise_and_so_may_its_phone_be() {
    for (default, sms) in [(MobileDefault::NoSubscription, "noSubscription"), (MobileDefault::Subscribed, "subscribed")]
    {
        let account = account(|settings| settings.mobile_default = default);
        let mut ann = person("Ann@Example.com", Value::Null);
        ann["identifiers"]["mobileNumber"] = "+491701234567".into();
        let made = account.call("PATCH", "/contacts/v3/email/ann%40example.com?merge-option=overwrite", ann).await;
        assert_eq!((made.status, &made.body["status"]), (201, &json!("subscribed")));
        let email = &made.body["channelProperties"]["email"];
        assert_eq!(*email, json!({ "emailType": "Html", "optInType": "Unknown", "status": "subscribed" }));
        assert_eq!(made.body["channelProperties"]["sms"]["status"], sms);
        let said = person("bo@example.com", json!({ "email": { "status": "unsubscribed" } }));
        assert_eq!(account.call("POST", "/contacts/v3", said.clone()).await.status, 201);
        assert_eq!(status(&account.emulator, "bo@example.com"), "unsubscribed");
        assert_eq!(account.call("POST", "/contacts/v3", said).await.refusal(), (409, "contacts:idAlreadyExists"));
    }
    let account = account(|settings| settings.enforce_double_opt_in = true);
    account.call("POST", "/contacts/v3", person("ann@example.com", Value::Null)).await;
    assert_eq!(status(&account.emulator, "ann@example.com"), "pendingOptIn");
}

#[tokio::test]
async fn who_left_is_asked_first_where_the_call_says_so() {
    let account = account(|_| {});
    let path = "/contacts/v3/email/ann@example.com?merge-option=overwrite";
    account.call("PATCH", path, person("ann@example.com", Value::Null)).await;
    account.emulator.unsubscribe("ann@example.com");
    let again = |challenge: bool| {
        let options = json!({ "resubscribeWithNoChallenge": !challenge });
        person("ann@example.com", json!({ "email": { "status": "subscribed", "resubscribeOptions": options } }))
    };
    assert_eq!(account.call("PATCH", path, again(true)).await.status, 200);
    let contact = account.emulator.contact("ann@example.com").unwrap();
    assert_eq!((contact.email_status.as_str(), contact.challenges), ("unsubscribed", 1));
    // A call that says nothing leaves it, and one that changes data is no consent.
    account.call("PATCH", path, person("ann@example.com", Value::Null)).await;
    assert_eq!(status(&account.emulator, "ann@example.com"), "unsubscribed");
    account.call("PATCH", path, again(false)).await;
    assert_eq!(status(&account.emulator, "ann@example.com"), "subscribed");
}

#[tokio::test]
async fn a_contact_has_one_address_and_a_new_one_keeps_its_id() {
    let account = account(|_| {});
    for email in ["ann@example.com", "bo@example.com"] {
        account.call("POST", "/contacts/v3", person(email, Value::Null)).await;
    }
    let id = account.emulator.contact("ann@example.com").unwrap().id;
    let rename = |to: &str| person(to, Value::Null);
    let path = "/contacts/v3/email/ann%40example.com";
    assert_eq!(
        account.call("PATCH", path, rename("bo@example.com")).await.refusal(),
        (409, "contacts:idAlreadyExists")
    );
    assert_eq!(account.call("PATCH", path, rename("ann+2@example.com")).await.status, 200);
    assert_eq!(account.emulator.contact("ann+2@example.com").unwrap().id, id);
    assert_eq!(account.call("GET", path, Value::Null).await.refusal(), (404, "contacts:contactNotFound"));
    assert_eq!(account.call("GET", &format!("/contacts/v3/contactId/{id}"), Value::Null).await.status, 200);
    assert_eq!(
        account.call("GET", "/contacts/v3/email/nobody", Value::Null).await.refusal(),
        (400, "contacts:invalidId")
    );
}

#[tokio::test]
async fn what_is_unknown_or_of_another_type_is_refused() {
    let account = account(|_| {});
    account.emulator.add_data_field("DOB", DataType::Date);
    account.emulator.add_data_field("AGE", DataType::Numeric);
    let of = |fields: Value| json!({ "identifiers": { "email": "ann@example.com" }, "dataFields": fields });
    for (body, code) in [
        (of(json!({ "NOPE": "x" })), "contacts:invalidDataField"),
        (of(json!({ "AGE": "36" })), "contacts:invalidDataField"),
        (of(json!({ "DOB": "in May" })), "contacts:invalidDataField"),
        (json!({ "identifiers": { "email": "no address" } }), "contacts:invalidId"),
        (json!({ "identifiers": { "email": "a@b.c", "contactId": 1 } }), "contacts:badRequest"),
        (json!({ "identifiers": { "email": "a@b.c" }, "status": "subscribed" }), "contacts:badRequest"),
        (person("a@b.c", json!({ "email": { "status": "Subscribed" } })), "contacts:badRequest"),
        (person("a@b.c", json!({ "sms": { "optInType": "single" } })), "contacts:badRequest"),
        (json!({ "identifiers": { "email": "a@b.c" }, "lists": [5] }), "contacts:invalidList"),
        (json!({ "dataFields": {} }), "contacts:badRequest"),
    ] {
        assert_eq!(account.call("POST", "/contacts/v3", body.clone()).await.refusal(), (400, code), "{body}");
    }
    assert!(account.emulator.contacts().is_empty());
    let good = of(json!({ "DOB": "1990-02-03T00:00:00Z", "AGE": 36, "FIRSTNAME": "Ann" }));
    assert_eq!(account.call("POST", "/contacts/v3", good).await.status, 201);
    account.call("PATCH", "/contacts/v3/email/ann@example.com", of(json!({ "AGE": null }))).await;
    let fields = account.emulator.contact("ann@example.com").unwrap().fields;
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["DOB", "FIRSTNAME"], "null clears, and what is not named stays");
}

#[tokio::test]
async fn an_import_of_contacts_takes_its_time_and_reports_each() {
    let account = account(|_| {});
    let list = account.emulator.add_list("Shop");
    account.call("POST", "/contacts/v3", person("ann@example.com", Value::Null)).await;
    account.emulator.refuse_contact("cy@example.com", Some(Refused::InPart));
    let mut listed = person("bo@example.com", Value::Null);
    listed["lists"] = json!([list, 77]);
    let contacts = [
        person("ann@example.com", Value::Null),
        listed,
        person("cy@example.com", Value::Null),
        person("b@@x", Value::Null),
        person("ANN@example.com", Value::Null),
    ];
    let id = import(&account, contacts.map(matched).into_iter().collect()).await;
    assert_eq!(report(&account, &id).await["status"], "NotFinished");
    assert_eq!(account.emulator.contacts().len(), 1, "nothing before its end");
    account.wait(IMPORT_MS);
    let told = report(&account, &id).await;
    assert_eq!(told["status"], "Finished");
    assert_eq!(
        told["summary"],
        json!({ "newContacts": 2, "updatedContacts": 1, "globallySuppressed": 0, "invalidEntries": 1, "duplicateIdentifiers": 1 })
    );
    let codes: Vec<_> =
        told["failures"].as_array().unwrap().iter().map(|it| it["failures"][0]["failureCode"].clone()).collect();
    assert_eq!(codes, ["invalidList", "consentRecordsNotApplied", "invalidEmail", "duplicateIdentifier"]);
    assert_eq!(account.emulator.contact("bo@example.com").unwrap().lists, [list].into());
    assert_eq!(
        account.call("GET", "/contacts/v3/import/none", Value::Null).await.refusal(),
        (404, "contacts:importNotFound")
    );
}

#[tokio::test]
async fn imports_of_contacts_end_as_they_are_told_to_and_there_are_not_too_many() {
    for (ending, status) in [
        (Ending::Failed, "Failed"),
        (Ending::RejectedByWatchdog, "RejectedByWatchdog"),
        (Ending::TooManyContacts, "ExceedsAllowedContactLimit"),
        (Ending::Never, "NotFinished"),
    ] {
        let account = account(|_| {});
        account.emulator.end_imports(ending);
        let id = import(&account, json!([matched(person("ann@example.com", Value::Null))])).await;
        account.wait(IMPORT_MS * 3);
        assert_eq!(report(&account, &id).await["status"], status);
        assert!(account.emulator.contacts().is_empty());
    }
    let account = account(|_| {});
    for _ in 0..25 {
        import(&account, json!([matched(person("ann@example.com", Value::Null))])).await;
    }
    let body = json!({ "mergeOption": "overwrite", "contacts": [matched(person("ann@example.com", Value::Null))] });
    let refused = account.call("PUT", "/contacts/v3/import", body).await;
    assert_eq!(refused.refusal(), (429, "contacts:tooManyActiveImports"));
    for body in
        [json!({ "contacts": [] }), json!({ "mergeOption": "overwrite", "contacts": [{ "matchIdentifier": "email" }] })]
    {
        assert_eq!(account.call("PUT", "/contacts/v3/import", body).await.refusal(), (400, "contacts:badRequest"));
    }
}

#[tokio::test]
async fn a_contact_that_is_deleted_takes_its_orders_with_it() {
    let account = account(|_| {});
    for email in ["ann@example.com", "bo@example.com"] {
        account.call("POST", "/contacts/v3", person(email, Value::Null)).await;
    }
    let of = |email: &str| format!("/insightData/v3/contacts/email/{email}/Orders/o-1");
    let order = json!({ "id": "o-1", "order_total": 5.0 });
    assert_eq!(
        account.call("PUT", &of("ann@example.com"), order.clone()).await.refusal(),
        (404, "insightData:collectionNotFound")
    );
    let create = "/insightData/v3/collections/Orders?collectionScope=contact&collectionType=orders";
    assert_eq!(account.call("POST", create, Value::Null).await.status, 201);
    assert_eq!(
        account.call("PUT", &of("cy@example.com"), order.clone()).await.refusal(),
        (404, "insightData:contactNotFound")
    );
    assert_eq!(account.call("PUT", &of("ann@example.com"), order.clone()).await.status, 201);
    assert_eq!(account.call("PUT", &of("ann@example.com"), order.clone()).await.status, 204);
    let other = account.call("PUT", &of("bo@example.com"), order.clone()).await;
    assert_eq!(other.status, 400);
    assert!(other.body["details"][0]["description"].as_str().unwrap().starts_with("KeyExistingForDifferentContact"));
    assert_eq!(
        account.call("DELETE", &of("bo@example.com"), Value::Null).await.refusal(),
        (404, "insightData:recordNotFound")
    );
    let record = |email: &str, key: &str| json!({ "contactIdentity": { "identifier": "email", "value": email }, "key": key, "json": order.clone() });
    let records =
        json!([record("ann@example.com", "o-2"), record("cy@example.com", "o-3"), record("bo@example.com", "o-1")]);
    let body = json!({ "collectionName": "Orders", "collectionScope": "contact", "collectionType": "orders", "records": records });
    let begun = account.call("PUT", "/insightData/v3/import", body).await;
    account.wait(IMPORT_MS);
    let told = account.report(&begun).await;
    let reasons: Vec<_> = told["failures"].as_array().unwrap().iter().map(|it| it["failureReason"].clone()).collect();
    assert_eq!(reasons, ["ContactEmailDoesNotExist", "KeyExistingForDifferentContact"]);
    assert_eq!(told["failures"][0]["collectionOwner"]["contactIdentity"]["value"], "cy@example.com");
    let named = json!([{ "email": "ann@example.com" }, { "email": "cy@example.com" }, { "email": "no" }]);
    let begun = account.call("POST", "/contacts/v3/delete", named).await;
    let path = format!("/contacts/v3/delete/{}", begun.body["deleteId"].as_str().unwrap());
    let told = account.call("GET", &path, Value::Null).await.body;
    let summary = json!({ "requestedContacts": 3, "deletedContacts": 1, "unknownContacts": 1, "invalidEntries": 1 });
    assert_eq!((&told["status"], &told["summary"]), (&json!("Finished"), &summary));
    assert!(account.emulator.records("Orders").is_empty());
    let none = account.call("POST", "/contacts/v3/delete", json!([])).await;
    assert_eq!(none.refusal(), (400, "contacts:noContactsSpecified"));
}

#[tokio::test]
async fn data_fields_have_a_type_and_lists_come_in_pages() {
    let account = account(|_: &mut Settings| {});
    let field =
        |name: &str, of: &str| json!({ "name": name, "type": of, "visibility": "Private", "defaultValue": null });
    assert_eq!(account.call("POST", "/v2/data-fields", field("dob", "Date")).await.status, 201);
    let twice = account.call("POST", "/v2/data-fields", field("DOB", "String")).await;
    assert_eq!(
        (twice.status, &twice.body["message"]),
        (400, &json!("Field already exists. ERROR_NON_UNIQUE_DATAFIELD"))
    );
    for (name, of) in [("A B", "String"), ("A", "Text"), (&*"X".repeat(21), "String")] {
        assert_eq!(account.call("POST", "/v2/data-fields", field(name, of)).await.status, 400, "{name} {of}");
    }
    let told = account.call("GET", "/v2/data-fields", Value::Null).await.body;
    assert!(told.as_array().unwrap().iter().any(|it| it["name"] == "DOB" && it["type"] == "Date"));
    for number in 0..3 {
        account.emulator.add_list(&format!("List {number}"));
    }
    let page = account.call("GET", "/v2/address-books?select=2&skip=1", Value::Null).await.body;
    let names: Vec<_> = page.as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
    assert_eq!(names, ["List 1", "List 2"]);
    assert_eq!(account.call("GET", "/v2/address-books?select=1001", Value::Null).await.status, 400);
}
