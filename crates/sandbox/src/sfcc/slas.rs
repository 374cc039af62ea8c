//! SLAS: tokens of guests, one for each site.

use http::HeaderMap;
use serde_json::{Value, json};

use super::Emulator;
use super::access::{self, Answer, Token, refused};

/// How long a token of a guest is valid, and how long it can be refreshed.
const TOKEN_SECONDS: i64 = 1800;
const REFRESH_SECONDS: i64 = 2_592_000;

/// A private client of SLAS.
#[derive(Clone)]
pub struct SlasClient {
    /// Its id.
    pub id: String,
    /// Its password.
    pub secret: String,
    /// Scopes of its tokens, such as `sfcc.shopper-products`.
    pub scopes: Vec<String>,
}

impl std::fmt::Debug for SlasClient {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("SlasClient").field("id", &self.id).field("secret", &"***").finish_non_exhaustive()
    }
}

impl SlasClient {
    /// A client with the scopes that a catalogue connector needs.
    pub fn catalogue(id: &str, secret: &str) -> Self {
        let scopes = ["sfcc.shopper-products", "sfcc.shopper-categories", "sfcc.shopper-availability"];
        Self { id: id.to_owned(), secret: secret.to_owned(), scopes: scopes.map(str::to_owned).to_vec() }
    }
}

/// `POST /shopper/auth/v1/organizations/{organization}/oauth2/token`
pub(super) fn token(emulator: &Emulator, headers: &HeaderMap, body: &[u8], now: i64) -> Answer {
    let form = access::form(body);
    let text = |name: &str| form.get(name).map(String::as_str).filter(|text| !text.is_empty());
    let given = access::basic(headers);
    let client = given.and_then(|(id, secret)| {
        emulator.settings().slas.iter().find(|client| client.id == id && client.secret == secret)
    });
    let Some(client) = client else { return refused(401, "invalid_client", "Client credentials are invalid.") };
    let Some(channel) = text("channel_id") else { return refused(400, "invalid_request", "channel_id is required") };
    if !emulator.site_ids().iter().any(|site| site == channel) {
        return refused(400, "invalid_request", "channel_id is invalid");
    }
    let serial = emulator.serial();
    let usid = match text("grant_type") {
        Some("client_credentials") => text("usid").map_or_else(|| usid(serial), str::to_owned),
        Some("refresh_token") => {
            let known = text("refresh_token").and_then(|token| emulator.refreshes().take(token, now));
            match known {
                Some(token) if token.client == client.id && token.site.as_deref() == Some(channel) => usid(serial),
                _ => return refused(400, "invalid_grant", "Invalid refresh token."),
            }
        }
        Some(_) => return refused(400, "unsupported_grant_type", "grant_type is not supported."),
        None => return refused(400, "invalid_request", "grant_type is required."),
    };
    let dnt = if text("dnt") == Some("true") { "1" } else { "0" };
    let (issued, organization) = (now.div_euclid(1000), emulator.organization());
    let access = access::jwt(&json!({
        "aut": "GUID", "scp": client.scopes.join(" "), "sub": format!("cc-slas::{organization}::scid:{}::usid:{usid}", client.id),
        "ctx": "slas", "iss": format!("slas/prod/{organization}"), "ist": 1, "dnt": dnt, "aud": "commercecloud/prod",
        "nbf": issued, "sty": "User", "iat": issued, "exp": issued + TOKEN_SECONDS, "jti": serial.to_string(),
        "isb": format!("uido:slas::upn:Guest::uidn:Guest User::gcid:{usid}::chid:{channel}"),
    }));
    let refresh = access::jwt(&json!({ "refresh": serial, "usid": usid }));
    let kept = Token::new(&client.id, client.scopes.clone(), Some(channel.to_owned()));
    emulator.shoppers().keep(access.clone(), kept.clone(), TOKEN_SECONDS, now);
    emulator.refreshes().keep(refresh.clone(), kept, REFRESH_SECONDS, now);
    let hash = blake3::hash(usid.as_bytes()).to_hex().to_uppercase();
    let answer: Value = json!({
        "access_token": access, "id_token": access::jwt(&json!({ "usid": usid })), "refresh_token": refresh,
        "expires_in": TOKEN_SECONDS, "refresh_token_expires_in": REFRESH_SECONDS, "token_type": "Bearer",
        "usid": usid, "customer_id": format!("ab{}", hash.get(..26).unwrap_or_default().to_lowercase()),
        "enc_user_id": hash.get(..32), "idp_access_token": "", "dnt": if dnt == "1" { "true" } else { "false" },
    });
    (200, answer)
}

fn usid(serial: u64) -> String {
    super::outbox::uuid(&format!("usid {serial}"))
}
