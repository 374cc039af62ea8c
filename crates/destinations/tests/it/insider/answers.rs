//! Answers, as outcomes.

use contract::{FaultClass, Outcome};
use destinations::insider::classify::{Answer, answered};
use serde_json::{Value as Json, json};
use wire::{HeaderMap, Redactor, Response};

fn response(status: u16, body: &str) -> Response {
    Response {
        status,
        headers: HeaderMap::new(),
        body: body.to_owned().into_bytes().into(),
        date: None,
        took: std::time::Duration::ZERO,
    }
}

fn judged(status: u16, body: &str, items: &[(&str, u64)]) -> Answer {
    answered("POST /ingest", &response(status, body), items, true, &Redactor::new(&[]))
}

fn whole(status: u16, body: &str) -> Outcome {
    match judged(status, body, &[("A", 1), ("B", 1)]) {
        Answer::Whole { outcome, .. } => outcome,
        Answer::Each(each) => panic!("{each:?}"),
    }
}

fn report(valid: u64, invalid: u64, details: &Json) -> String {
    json!({ "success": true, "message": {
        "valid": { "count": valid }, "invalid": { "count": invalid, "details": details },
        "warnings": { "count": 0, "details": [] }, "invalidRatio": 0.5,
    } })
    .to_string()
}

#[test]
fn the_published_answers_mean_what_they_say() {
    let class = |outcome: &Outcome| outcome.fault().map(|fault| (fault.class, fault.code.to_string()));
    let said = |text: &str| json!({ "success": false, "message": text }).to_string();
    for (status, body, expected) in [
        (400, said("Partner is invalid."), (FaultClass::Credentials, "C0422")),
        (
            403,
            said("Access Denied. You do not have sufficient access to perform this action."),
            (FaultClass::Credentials, "C0422"),
        ),
        (401, said("Partner token authentication failed."), (FaultClass::Credentials, "C0422")),
        (
            403,
            said("Too many attempts, please slow down the request. 30 Requests/minute is allowed."),
            (FaultClass::Throttled, "C0424"),
        ),
        (429, said("Rate exceeded."), (FaultClass::Throttled, "C0424")),
        (429, String::new(), (FaultClass::Throttled, "C0424")),
        (400, said("The request is denied. More than 10000 records were sent."), (FaultClass::Record, "C0427")),
        (400, said("Maximum allowed size is 100."), (FaultClass::Record, "C0427")),
        (
            400,
            json!({ "error": "request body is bigger than maximum allowed size 5,000,000 bytes" }).to_string(),
            (FaultClass::Record, "C0427"),
        ),
        (413, "<html>".to_owned(), (FaultClass::Record, "C0427")),
        (400, said("Request data is not in valid JSON format."), (FaultClass::Record, "C0423")),
        (500, said("The request processing has failed because of an unknown error."), (FaultClass::Transient, "C0425")),
        (502, "<html>Bad gateway</html>".to_owned(), (FaultClass::Transient, "C0425")),
        (403, "<html>blocked</html>".to_owned(), (FaultClass::Transient, "C0425")),
        (200, String::new(), (FaultClass::Transient, "C0425")),
        (200, "{}".to_owned(), (FaultClass::Protocol, "C0426")),
        (200, report(0, 0, &json!([])), (FaultClass::Protocol, "C0426")),
    ] {
        let outcome = whole(status, &body);
        assert_eq!(class(&outcome), Some((expected.0, expected.1.to_owned())), "{status} {body}");
        let effect_is_unknown = matches!(outcome, Outcome::Unknown(_));
        assert_eq!(
            effect_is_unknown,
            expected.0.is_passing() && expected.0 != FaultClass::Throttled,
            "{status} {body}"
        );
    }
}

#[test]
fn a_throttled_call_keeps_the_wait_it_was_told() {
    let mut throttled = response(429, "");
    throttled.headers.insert("retry-after", "17".parse().unwrap());
    let Answer::Whole { outcome: Outcome::Deferred(fault), .. } =
        answered("POST /update", &throttled, &[("A", 1)], false, &Redactor::new(&[]))
    else {
        panic!("it is deferred")
    };
    assert_eq!(fault.retry_after, Some(std::time::Duration::from_secs(17)));
}

#[test]
fn details_are_about_the_items_that_they_name_however_many_records_they_count() {
    let detail = |ids: &[&str], count: u64| json!([{ "field": "url", "message": "Field is invalidated: 'url' must match pattern", "count": count, "document_ids": ids }]);
    let each = |body: String, items: &[(&str, u64)]| match judged(200, &body, items) {
        Answer::Each(each) => each.iter().map(Outcome::is_delivered).collect::<Vec<_>>(),
        Answer::Whole { outcome, .. } => panic!("{outcome:?}"),
    };
    let items = [("A", 3), ("B", 3)];
    assert_eq!(each(report(6, 0, &json!([])), &items), [true, true]);
    assert_eq!(each(report(4, 2, &detail(&["A"], 2)), &items), [false, true]);
    assert_eq!(each(report(3, 3, &detail(&["A", "stranger"], 3)), &items), [false, true]);
    assert_eq!(each(report(0, 6, &detail(&["A", "B"], 6)), &items), [false, false]);
    // Four records, and only three of them can be those of A.
    let unnamed = judged(200, &report(2, 4, &detail(&["A"], 4)), &items);
    assert!(matches!(unnamed, Answer::Whole { outcome: Outcome::Rejected(_), .. }), "{unnamed:?}");
    // Alone it must be this one.
    assert_eq!(each(report(2, 1, &json!([])), &items[..1]), [false]);
    assert_eq!(each(report(2, 1, &detail(&[], 1)), &items[..1]), [false]);
}

#[test]
fn what_insider_says_is_cut_and_holds_no_key() {
    let text = format!("{} key-123", "x".repeat(10_000));
    let body = json!({ "success": false, "message": format!("key-123 {text}") }).to_string();
    let redactor = Redactor::new([&"key-123".to_owned().into()]);
    let Answer::Whole { outcome, .. } = answered("POST /ingest", &response(400, &body), &[("A", 1)], true, &redactor)
    else {
        panic!("it is refused")
    };
    let fault = outcome.fault().unwrap();
    assert!(fault.message.len() < 500 && !format!("{fault:?}").contains("key-123"), "{fault:?}");
}
