//! The classification of answers.

use std::time::Duration;

use contract::Outcome;
use destinations::clerk::classify;
use wire::{HeaderMap, Redactor, Response};

fn outcome(status: u16, body: &str, retry_after: Option<&str>) -> Outcome {
    let mut headers = HeaderMap::new();
    if let Some(wait) = retry_after {
        headers.insert("retry-after", wait.parse().unwrap());
    }
    let body = body.to_owned().into_bytes().into();
    let response = Response { status, headers, body, date: None, took: Duration::ZERO };
    classify::answered("POST /products", &response, &Redactor::new([&"PRIVATE-KEY-1".to_owned().into()]))
}

fn brief(outcome: &Outcome) -> String {
    let (word, fault) = match outcome {
        Outcome::DeliveredWith(_) | Outcome::Blocked(_) => panic!("{outcome:?}"),
        Outcome::Delivered => return "delivered".to_owned(),
        Outcome::Rejected(fault) => ("rejected", fault),
        Outcome::Deferred(fault) => ("deferred", fault),
        Outcome::Unknown(fault) => ("unknown", fault),
    };
    let wait = fault.retry_after.map(|wait| format!(" after {} s", wait.as_secs())).unwrap_or_default();
    format!("{word} {} {}{wait}", fault.class, fault.code)
}

#[test]
fn the_body_decides_and_not_the_code() {
    let error =
        |of: &str| format!(r#"{{"status":"error","message":"Missing Argument limit","type":"{of}","id":"9f3c"}}"#);
    let html = "<html><body>502 Bad Gateway</body></html>";
    let table: &[(u16, &str, Option<&str>, &str)] = &[
        (200, r#"{"status":"ok"}"#, None, "delivered"),
        (201, r#"{"status":"ok","more":[1]}"#, None, "delivered"),
        (500, r#"{"status":"ok"}"#, None, "delivered"),
        (200, r#"{"status":"ok","id":7,"type":{},"message":["Hi"]}"#, None, "delivered"),
        (200, r#"{"status":"error","type":"ParsingError","id":7,"message":null}"#, None, "rejected record C0403"),
        (429, r#"{"status":"ok"}"#, None, "delivered"),
        (200, &error("AuthenticationError"), None, "deferred credentials C0402"),
        (401, &error("AuthenticationError"), None, "deferred credentials C0402"),
        (200, &error("ParsingError"), None, "rejected record C0403"),
        (400, &error("LogicalError"), None, "rejected record C0403"),
        (500, &error("ParsingError"), None, "rejected record C0403"),
        (200, &error("InternalError"), None, "unknown transient C0405"),
        (503, &error("InternalError"), Some("9"), "unknown transient C0405 after 9 s"),
        (400, &error("NewError"), None, "unknown protocol C0406"),
        (400, r#"{"status":"error"}"#, None, "unknown protocol C0406"),
        (200, r#"{"status":"queued"}"#, None, "unknown protocol C0406"),
        (429, &error("InternalError"), Some("3"), "deferred throttled C0404 after 3 s"),
        (429, "", None, "deferred throttled C0404"),
        (429, html, Some("12"), "deferred throttled C0404 after 12 s"),
        (429, "{}", None, "deferred throttled C0404"),
        (502, html, None, "unknown transient C0405"),
        (503, "", Some("30"), "unknown transient C0405 after 30 s"),
        (200, html, None, "unknown transient C0405"),
        (200, "", None, "unknown transient C0405"),
        (200, r#"{"status":"ok""#, None, "unknown transient C0405"),
        (403, html, None, "unknown transient C0405"),
        (302, "", None, "unknown transient C0405"),
        (200, "{}", None, "unknown protocol C0406"),
        (200, "[]", None, "unknown protocol C0406"),
        (200, "\"ok\"", None, "unknown protocol C0406"),
        (200, r#"{"status":1}"#, None, "unknown protocol C0406"),
        (413, html, None, "rejected record C0403"),
        (414, "", None, "rejected record C0403"),
    ];
    for (status, body, retry_after, expected) in table {
        assert_eq!(brief(&outcome(*status, body, *retry_after)), *expected, "{status} {body}");
    }
}

#[test]
fn a_refusal_says_what_clerk_said_without_secrets() {
    let body = r#"{"status":"error","message":"Invalid Syntax In Argument: products for PRIVATE-KEY-1 of ann@shop.example","type":"ParsingError","id":"9f3c"}"#;
    let Outcome::Rejected(fault) = outcome(200, body, None) else { panic!("not rejected") };
    assert_eq!(
        fault.message,
        "Clerk.io refused POST /products: Invalid Syntax In Argument: products for [redacted] of [redacted] (error report 9f3c)"
    );
    assert!(!format!("{fault:?}").contains("PRIVATE-KEY-1"));
    let long = format!(r#"{{"status":"error","message":"{}","type":"ParsingError"}}"#, "é".repeat(9000));
    let Outcome::Rejected(fault) = outcome(200, &long, None) else { panic!("not rejected") };
    assert!(fault.message.chars().count() < 400);
    assert!(fault.response.unwrap().len() <= 4096);
}
