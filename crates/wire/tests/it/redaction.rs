//! What may be shown of an answer.

use secrecy::SecretString;
use wire::Redactor;

fn redactor() -> Redactor {
    Redactor::new([&SecretString::from("hunter2/hunter2".to_owned()), &SecretString::from("short".to_owned())])
}

#[test]
fn secrets_tokens_keys_and_addresses_go() {
    for (text, shown) in [
        ("the key hunter2/hunter2 is wrong", "the key [redacted] is wrong"),
        ("aHVudGVyMi9odW50ZXIy and hunter2%2Fhunter2", "[redacted] and [redacted]"),
        ("Authorization: Bearer abc.def-123", "Authorization: [redacted]"),
        ("sent Bearer abc.def-123, refused", "sent Bearer [redacted], refused"),
        ("?key=public&private_key=abc123&limit=1", "?key=public&private_key=[redacted]&limit=1"),
        (r#"{"access_token":"abc","expires_in":1}"#, r#"{"access_token":"[redacted]","expires_in":1}"#),
        (r#"{"private_key" : "a \" b"}"#, r#"{"private_key" : "[redacted]"}"#),
        ("mail ann.lee+x@mail.example.com now", "mail [redacted] now"),
        ("<b>ann@example.com</b>, zoë@exämple.de.", "<b>[redacted]</b>, [redacted]."),
        ("a@b @home 5 @ 3 user@localhost", "a@b @home 5 @ 3 user@localhost"),
        ("the word short stays, and so does Bearer of news", "the word short stays, and so does Bearer of news"),
        ("token: x", "token: [redacted]"),
        ("", ""),
    ] {
        assert_eq!(redactor().redact(text), shown);
    }
}

#[test]
fn a_secret_is_known_in_every_form_that_json_and_urls_give_it() {
    let secret = r#"a"b\c%d/eé+f"#;
    let redactor = Redactor::new([&SecretString::from(secret.to_owned())]);
    for form in [
        secret,
        r#"a\"b\\c%d/eé+f"#,
        r#"a\"b\\c%d\/eé+f"#,
        "a%22b%5Cc%25d%2Fe%C3%A9%2Bf",
        "a%22b%5cc%25d%2fe%c3%a9%2bf",
        "YSJiXGMlZC9lw6krZg==",
        "YSJiXGMlZC9lw6krZg",
    ] {
        assert_eq!(redactor.redact(&format!("the key {form} is wrong")), "the key [redacted] is wrong", "{form}");
    }
}

#[test]
fn tokens_that_are_learnt_later_go_too_and_clones_know_them() {
    let known = redactor();
    let clone = known.clone();
    clone.learn("an-opaque-token");
    assert_eq!(known.redact("an-opaque-token expired"), "[redacted] expired");
    clone.learn("another-token");
    assert_eq!(known.redact("an-opaque-token, another-token"), "[redacted], [redacted]");
}

#[test]
fn of_a_text_without_end_only_its_beginning_is_shown() {
    let shown = redactor().redact(&format!("{}hunter2/hunter2", "word ".repeat(10_000_000)));
    assert!(shown.len() < 9000 && !shown.contains("hunter2"));
}

#[test]
fn an_excerpt_is_short_and_cuts_no_secret_in_half() {
    let body = format!("{}hunter2/hunter2", " ".repeat(4090));
    let shown = redactor().excerpt(body.as_bytes());
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.len() < 4200 && shown.ends_with('…'));
    assert_eq!(redactor().excerpt(b"\xffok"), "\u{fffd}ok");
    assert!(redactor().excerpt(&[b'x'; 10_000]).len() < 4200);
}

#[test]
fn it_does_not_show_what_it_hides() {
    let shown = format!("{:?}", redactor());
    assert!(shown.starts_with("Redactor(") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn large_text_without_anything_to_hide_is_quick() {
    let text = "@ = : Bearer token ".repeat(50_000);
    let began = tokio::time::Instant::now();
    redactor().redact(&text);
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}
