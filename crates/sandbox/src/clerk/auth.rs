//! Authorization: the public key names a store, the private key allows writing to it, and a token proves to a shop that
//! a feed request comes from here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::sync::Arc;

use super::Emulator;
use super::envelope::Problem;
use super::store::Store;

/// How long a token is valid, in seconds.
const TOKEN_SECONDS: i64 = 300;

impl Emulator {
    /// The store of a public key.
    pub(super) fn public(&self, key: Option<&str>) -> Result<&Arc<Store>, Problem> {
        let store = key.and_then(|key| self.inner.stores.get(key));
        store.filter(|store| !store.read().disabled).ok_or_else(|| Problem::authentication("Invalid API key"))
    }

    /// The store of a key pair.
    pub(super) fn private(&self, key: Option<&str>, private_key: Option<&str>) -> Result<&Arc<Store>, Problem> {
        let store = self.public(key)?;
        if private_key == Some(store.settings.private_key.as_str()) {
            Ok(store)
        } else {
            Err(Problem::authentication("Invalid private API key"))
        }
    }
}

impl Store {
    /// A token for a request to this store's shop, made at `now` (unix seconds).
    pub(super) fn token(&self, now: i64) -> String {
        let header = URL_SAFE_NO_PAD.encode(json!({ "typ": "JWT", "alg": "BLAKE3" }).to_string());
        let payload =
            json!({ "iss": "clerk.io", "sub": self.settings.public_key, "iat": now, "exp": now + TOKEN_SECONDS });
        let payload = URL_SAFE_NO_PAD.encode(payload.to_string());
        let signature = self.signature(&header, &payload);
        format!("{header}.{payload}.{signature}")
    }

    /// The payload of a token this store made and that is still good at `now`.
    pub(super) fn verified(&self, token: &str, now: i64) -> Option<Value> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        if self.signature(header, payload) != signature {
            return None;
        }
        let payload = serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        let expires = payload.get("exp").and_then(Value::as_i64)?;
        (now <= expires).then_some(payload)
    }

    /// Only this emulator checks it, so it need not be a standard algorithm.
    fn signature(&self, header: &str, payload: &str) -> String {
        let key = blake3::derive_key("clerk emulator feed tokens", self.settings.private_key.as_bytes());
        URL_SAFE_NO_PAD.encode(blake3::keyed_hash(&key, format!("{header}.{payload}").as_bytes()).as_bytes())
    }
}
