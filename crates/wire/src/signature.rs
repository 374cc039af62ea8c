//! Signatures of deliveries from other sides.
//!
//! **Invariants:** what can't be verified for any reason is refused; codes are compared in constant time.

use std::{fmt::Write as _, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use contract::source::Delivery;
use model::Timestamp;
use ring::hmac;

/// How far the time of a signature may be from ours (Standard Webhooks).
pub const TOLERANCE: Duration = Duration::from_mins(5);
/// Most signatures of one delivery that are tried.
const MOST_SIGNATURES: usize = 16;

/// Why a signature does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotVerified {
    /// A header of the signature is absent or has another form.
    #[error("the headers webhook-id, webhook-timestamp and webhook-signature are missing, or one of them is")]
    Unsigned,
    /// It was made too long ago, or is of the future.
    #[error("the signature is more than {} s old, or the clocks differ by more", TOLERANCE.as_secs())]
    OutOfTime,
    /// It was made with another secret, or for other content.
    #[error("the signature does not fit the secret and the content")]
    Wrong,
}

/// A header of a delivery as text.
pub fn header<'a>(delivery: &Delivery<'a>, name: &str) -> Option<&'a str> {
    let value = delivery.headers.iter().find(|(known, _)| *known == name)?.1;
    std::str::from_utf8(value).ok()
}

/// Verifies a delivery that is signed as Standard Webhooks says (<https://www.standardwebhooks.com>): one of the
/// signatures of `v1` is the HMAC with SHA-256 of id, time and body. Returns the delivery's id, which repetitions share.
///
/// # Errors
/// Why it is not verified.
pub fn standard_webhook<'a>(secret: &[u8], delivery: &Delivery<'a>) -> Result<&'a str, NotVerified> {
    let of = |name| header(delivery, name).filter(|text| !text.is_empty()).ok_or(NotVerified::Unsigned);
    let (id, sent, signatures) = (of("webhook-id")?, of("webhook-timestamp")?, of("webhook-signature")?);
    let seconds: i64 = sent.parse().map_err(|_| NotVerified::Unsigned)?;
    let at = Timestamp::from_millis(seconds.saturating_mul(1000));
    let (earlier, later) = if at < delivery.at { (at, delivery.at) } else { (delivery.at, at) };
    if earlier.until(later) > TOLERANCE {
        return Err(NotVerified::OutOfTime);
    }
    let content = [id.as_bytes(), b".", sent.as_bytes(), b".", delivery.body].concat();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let codes = signatures.split(' ').take(MOST_SIGNATURES).filter_map(|signature| signature.strip_prefix("v1,"));
    let fits = |code: &str| STANDARD.decode(code).is_ok_and(|code| hmac::verify(&key, &content, &code).is_ok());
    if codes.into_iter().any(fits) { Ok(id) } else { Err(NotVerified::Wrong) }
}

/// A word that only those know who know the secret, for this purpose: hexadecimal, 64 digits.
pub fn derived(secret: &[u8], purpose: &str) -> String {
    let code = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), purpose.as_bytes());
    code.as_ref().iter().fold(String::new(), |mut text, byte| {
        // Writing into a String can't fail.
        let _written = write!(text, "{byte:02x}").is_ok();
        text
    })
}

/// Whether two texts are the same, in a time that does not depend on where they differ.
pub fn same(left: &[u8], right: &[u8]) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"compared");
    hmac::verify(&key, right, hmac::sign(&key, left).as_ref()).is_ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const BODY: &[u8] = br#"{"scope":"store/product/updated"}"#;
    const NOW: i64 = 1_761_479_233;

    fn signature(secret: &[u8], id: &str, at: i64, body: &[u8]) -> String {
        let content = [format!("{id}.{at}.").as_bytes(), body].concat();
        let code = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), &content);
        format!("v1,{}", STANDARD.encode(code.as_ref()))
    }

    fn verified(id: Option<&str>, at: &str, signatures: &str, body: &[u8]) -> Result<String, NotVerified> {
        let named = [("webhook-timestamp", at.as_bytes()), ("webhook-signature", signatures.as_bytes())];
        let headers: Vec<_> = id.map(|id| ("webhook-id", id.as_bytes())).into_iter().chain(named).collect();
        let at = Timestamp::from_millis(NOW * 1000);
        let delivery = Delivery { method: "POST", path: "", headers: &headers, body, at };
        standard_webhook(b"secret", &delivery).map(str::to_owned)
    }

    #[test]
    fn the_example_of_the_specification_is_verified() {
        // https://github.com/standard-webhooks/standard-webhooks, test vector of its libraries.
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let headers: [(&str, &[u8]); 3] = [
            ("webhook-id", b"msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", b"1614265330"),
            ("webhook-signature", b"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ];
        let at = Timestamp::from_millis(1_614_265_330_000);
        let body = br#"{"test": 2432232314}"#;
        let delivery = Delivery { method: "POST", path: "", headers: &headers, body, at };
        assert_eq!(standard_webhook(&secret, &delivery), Ok("msg_p5jXN8AQM9LWM0D4loKWxJek"));
    }

    #[test]
    fn one_fitting_signature_of_several_is_enough() {
        let (right, wrong) = (signature(b"secret", "id", NOW, BODY), signature(b"former", "id", NOW, BODY));
        let at = NOW.to_string();
        assert_eq!(verified(Some("id"), &at, &format!("{wrong} v2,AAAA {right}"), BODY), Ok("id".to_owned()));
        assert_eq!(verified(Some("id"), &at, &wrong, BODY), Err(NotVerified::Wrong));
    }

    #[test]
    fn what_is_missing_altered_or_out_of_time_is_refused() {
        let right = signature(b"secret", "id", NOW, BODY);
        let now = NOW.to_string();
        assert_eq!(verified(None, &now, &right, BODY), Err(NotVerified::Unsigned));
        assert_eq!(verified(Some("id"), "", &right, BODY), Err(NotVerified::Unsigned));
        assert_eq!(verified(Some("id"), &now, "", BODY), Err(NotVerified::Unsigned));
        assert_eq!(verified(Some("id"), "soon", &right, BODY), Err(NotVerified::Unsigned));
        assert_eq!(verified(Some("other"), &now, &right, BODY), Err(NotVerified::Wrong));
        assert_eq!(verified(Some("id"), &now, &right, b"{}"), Err(NotVerified::Wrong));
        assert_eq!(verified(Some("id"), &(NOW + 1).to_string(), &right, BODY), Err(NotVerified::Wrong));
        for (away, counts) in [(-301, false), (-300, true), (300, true), (301, false)] {
            let signed = signature(b"secret", "id", NOW + away, BODY);
            let result = verified(Some("id"), &(NOW + away).to_string(), &signed, BODY);
            assert_eq!(result, if counts { Ok("id".to_owned()) } else { Err(NotVerified::OutOfTime) }, "{away}");
        }
    }

    #[test]
    fn a_derived_word_depends_on_secret_and_purpose() {
        let word = derived(b"secret", "one");
        assert!(word.len() == 64 && word != derived(b"secret", "other") && word != derived(b"other", "one"));
        assert!(same(word.as_bytes(), word.as_bytes()) && !same(word.as_bytes(), b"") && !same(b"a", b"b"));
    }
}
