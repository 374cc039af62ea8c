//! Tokens in which an issuer says who someone is (JWT, RFC 7519), signed with RS256.
//!
//! **Invariants:** no other algorithm counts, whatever a token's header says; a token whose key is not known, that is out of
//! time, or that can't be read is refused.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use contract::Fault;
use model::Timestamp;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde::Deserialize;

/// How far clocks may differ.
const LEEWAY: Duration = Duration::from_mins(1);
/// Longest token.
const LONGEST: usize = 8192;

/// Public keys of an issuer, by their ids.
#[derive(Clone, Debug, Default)]
pub struct Keys(BTreeMap<String, (Vec<u8>, Vec<u8>)>);

/// A set of keys (RFC 7517).
#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    #[serde(default)]
    kid: String,
    kty: String,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
}

impl Keys {
    /// Reads a set of keys; those that are not for RSA are left out.
    ///
    /// # Errors
    /// `C0312` when it is none, or holds no key.
    pub fn read(body: &[u8]) -> Result<Self, Fault> {
        let no_keys = |why: &str| Fault::protocol("C0312", format!("the issuer's keys can't be read: {why}"));
        let set: KeySet = serde_json::from_slice(body).map_err(|error| no_keys(&error.to_string()))?;
        let rsa = set.keys.into_iter().filter(|key| key.kty == "RSA");
        let keys: BTreeMap<_, _> = rsa
            .filter_map(|key| {
                Some((key.kid, (URL_SAFE_NO_PAD.decode(key.n).ok()?, URL_SAFE_NO_PAD.decode(key.e).ok()?)))
            })
            .collect();
        if keys.is_empty() { Err(no_keys("there is none")) } else { Ok(Self(keys)) }
    }
}

/// What a token says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Claims {
    /// Who issued it.
    #[serde(default)]
    pub iss: String,
    /// For whom it is.
    #[serde(default)]
    pub aud: String,
    /// Whose it is.
    #[serde(default)]
    pub email: String,
    /// Whether the issuer has verified that.
    #[serde(default)]
    pub email_verified: bool,
    /// Until when it counts, in seconds since the epoch.
    pub exp: i64,
    /// When it was issued, in seconds since the epoch.
    #[serde(default)]
    pub iat: i64,
}

/// Why a token does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotVerified {
    /// It is no token of this kind.
    #[error("it is no token that is signed with RS256")]
    Form,
    /// It is signed with a key that is not known.
    #[error("it is signed with a key that the issuer does not have")]
    UnknownKey,
    /// The signature does not fit.
    #[error("its signature does not fit")]
    Wrong,
    /// It no longer counts, or not yet.
    #[error("it is out of time")]
    OutOfTime,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: String,
}

/// Verifies a token and returns what it says.
///
/// # Errors
/// Why it does not count.
pub fn verify(token: &str, keys: &Keys, now: Timestamp) -> Result<Claims, NotVerified> {
    if token.len() > LONGEST {
        return Err(NotVerified::Form);
    }
    let (content, signature) = token.rsplit_once('.').ok_or(NotVerified::Form)?;
    let (header, claims) = content.split_once('.').ok_or(NotVerified::Form)?;
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| NotVerified::Form);
    let header: Header = serde_json::from_slice(&decoded(header)?).map_err(|_| NotVerified::Form)?;
    if header.alg != "RS256" {
        return Err(NotVerified::Form);
    }
    let (n, e) = keys.0.get(&header.kid).ok_or(NotVerified::UnknownKey)?;
    let key = RsaPublicKeyComponents { n, e };
    key.verify(&RSA_PKCS1_2048_8192_SHA256, content.as_bytes(), &decoded(signature)?)
        .map_err(|_| NotVerified::Wrong)?;
    let claims: Claims = serde_json::from_slice(&decoded(claims)?).map_err(|_| NotVerified::Form)?;
    let at = |seconds: i64| Timestamp::from_millis(seconds.saturating_mul(1000));
    if at(claims.exp).plus(LEEWAY) < now || at(claims.iat) > now.plus(LEEWAY) {
        return Err(NotVerified::OutOfTime);
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;
    use ring::{
        rand::SystemRandom,
        rsa::{KeyPair, PublicKeyComponents},
        signature::RSA_PKCS1_SHA256,
    };
    use serde_json::{Value, json};

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn pair() -> KeyPair {
        KeyPair::from_pkcs8(include_bytes!("../../../fixtures/push-key.pk8")).unwrap()
    }

    fn keys(kid: &str) -> Keys {
        let pair = pair();
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let public = PublicKeyComponents::<Vec<u8>>::from(pair.public());
        let (n, e) = (part(&public.n), part(&public.e));
        let set = json!({ "keys": [{ "kid": kid, "kty": "RSA", "n": n, "e": e }, { "kid": "other", "kty": "EC" }] });
        Keys::read(set.to_string().as_bytes()).unwrap()
    }

    fn token(header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let content = format!("{}.{}", part(header), part(claims));
        let pair = pair();
        let mut signature = vec![0; pair.public().modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), content.as_bytes(), &mut signature).unwrap();
        format!("{content}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn checked(header: &Value, claims: &Value) -> Result<Claims, NotVerified> {
        verify(&token(header, claims), &keys("one"), Timestamp::from_millis(NOW * 1000))
    }

    #[test]
    fn a_token_counts_only_with_its_key_algorithm_and_time() {
        let header = json!({ "alg": "RS256", "kid": "one" });
        let claims =
            json!({ "iss": "i", "aud": "a", "email": "e", "email_verified": true, "exp": NOW + 60, "iat": NOW });
        let said = checked(&header, &claims).unwrap();
        assert_eq!((said.iss.as_str(), said.aud.as_str(), said.email_verified), ("i", "a", true));
        assert_eq!(checked(&json!({ "alg": "RS256", "kid": "two" }), &claims), Err(NotVerified::UnknownKey));
        for alg in ["none", "HS256", "RS384"] {
            assert_eq!(checked(&json!({ "alg": alg, "kid": "one" }), &claims), Err(NotVerified::Form), "{alg}");
        }
        for times in [json!({ "exp": NOW - 61 }), json!({ "exp": NOW + 60, "iat": NOW + 61 })] {
            assert_eq!(checked(&header, &times), Err(NotVerified::OutOfTime), "{times}");
        }
        assert_eq!(checked(&header, &json!({ "iat": NOW })), Err(NotVerified::Form), "it would count for ever");
        let (now, whole) = (Timestamp::from_millis(NOW * 1000), token(&header, &claims));
        let forged = token(&header, &json!({ "exp": NOW + 3600 }));
        let (_, signature) = whole.rsplit_once('.').unwrap();
        let (content, _) = forged.rsplit_once('.').unwrap();
        assert_eq!(verify(&format!("{content}.{signature}"), &keys("one"), now), Err(NotVerified::Wrong));
        for text in ["", ".", "a.b", "a.b.c", "....", &"x".repeat(9000)] {
            assert_eq!(verify(text, &keys("one"), now), Err(NotVerified::Form));
        }
    }

    #[test]
    fn an_empty_set_of_keys_is_none() {
        for body in ["", "{}", r#"{"keys":[]}"#, r#"{"keys":[{"kid":"a","kty":"EC"}]}"#] {
            assert_eq!(Keys::read(body.as_bytes()).unwrap_err().code, "C0312");
        }
    }

    proptest! {
        #[test]
        fn an_altered_token_does_not_count(at in any::<prop::sample::Index>(), put in "[ -~]{0,3}", less in 0..4_usize) {
            let header = json!({ "alg": "RS256", "kid": "one" });
            let whole = token(&header, &json!({ "iss": "i", "exp": NOW + 60 }));
            let from = at.index(whole.len());
            let altered = format!("{}{put}{}", &whole[..from], &whole[(from + less).min(whole.len())..]);
            prop_assume!(altered != whole);
            prop_assert!(verify(&altered, &keys("one"), Timestamp::from_millis(NOW * 1000)).is_err());
        }

        #[test]
        fn any_text_is_no_token(text in "[ -~]{0,60}|[A-Za-z0-9_-]{0,40}[.][A-Za-z0-9_-]{0,40}[.][A-Za-z0-9_-]{0,40}|\\PC{0,40}") {
            prop_assert!(verify(&text, &keys("one"), Timestamp::from_millis(NOW * 1000)).is_err());
        }

        #[test]
        fn any_times_that_are_signed_are_judged(exp in any::<i64>(), iat in any::<i64>(), now in any::<i64>()) {
            let token = token(&json!({ "alg": "RS256", "kid": "one" }), &json!({ "exp": exp, "iat": iat }));
            let result = verify(&token, &keys("one"), Timestamp::from_millis(now));
            prop_assert!(matches!(result, Ok(_) | Err(NotVerified::OutOfTime)));
        }

        #[test]
        fn any_bytes_are_keys_or_refused(body in prop::collection::vec(any::<u8>(), 0..100), n in "\\PC{0,20}") {
            prop_assert!(Keys::read(&body).is_err());
            drop(Keys::read(json!({ "keys": [{ "kid": n, "kty": "RSA", "n": n, "e": n }] }).to_string().as_bytes()));
        }
    }
}
