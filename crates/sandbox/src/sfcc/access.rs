//! Account Manager: clients, their tokens, and what Business Manager lets each do.
//!
//! A token is a JWT. The instance keeps the tokens it gave rather than verifying their signature, so that they can be
//! revoked.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, header::AUTHORIZATION};
use serde_json::{Value, json};

use super::Settings;

/// How long a token is valid.
pub(super) const TOKEN_SECONDS: i64 = 1799;
/// How the scope of the tenant begins.
const TENANT: &str = "SALESFORCE_COMMERCE_API:";

/// A client of Account Manager.
#[derive(Clone)]
pub struct Client {
    /// Its id.
    pub id: String,
    /// Its password.
    pub secret: String,
    /// Scopes that it may ask for, such as `sfcc.products`. Without any it is no client of SCAPI.
    pub scopes: Vec<String>,
    /// Its `resources` in the settings of the OCAPI Data API; none: it is not listed there.
    pub data: Option<Value>,
    /// Its `permissions` in the WebDAV client permissions; none: it is not listed there.
    pub webdav: Option<Value>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Client").field("id", &self.id).field("secret", &"***").finish_non_exhaustive()
    }
}

impl Client {
    /// A client of the OCAPI Data API and of WebDAV with the permissions that a catalogue connector asks a merchant for.
    pub fn ocapi(id: &str, secret: &str) -> Self {
        let reads = |resource: &str, methods: &[&str]| json!({ "resource_id": resource, "methods": methods, "read_attributes": "(**)", "write_attributes": "(**)" });
        Self {
            id: id.to_owned(),
            secret: secret.to_owned(),
            scopes: Vec::new(),
            data: Some(json!([
                reads("/catalogs", &["get"]),
                reads("/catalogs/**", &["get", "post"]),
                reads("/inventory_lists", &["get"]),
                reads("/inventory_lists/**", &["get"]),
                reads("/sites", &["get"]),
                reads("/sites/**", &["get"]),
                reads("/system_object_definitions/*/attribute_definitions", &["get"]),
                reads("/jobs/*/executions", &["post"]),
                reads("/jobs/*/executions/*", &["get", "delete"]),
                reads("/job_execution_search", &["post"]),
            ])),
            webdav: Some(json!([
                { "path": "/impex/src/instance", "operations": ["read_write"] },
                { "path": "/impex/src/platform", "operations": ["read"] },
                { "path": "/catalogs", "operations": ["read"] },
            ])),
        }
    }

    /// A client of SCAPI's admin APIs for products and catalogues.
    pub fn scapi(id: &str, secret: &str) -> Self {
        let scopes = ["sfcc.products", "sfcc.catalogs"].map(str::to_owned).to_vec();
        Self { id: id.to_owned(), secret: secret.to_owned(), scopes, data: None, webdav: None }
    }
}

/// What a token is for.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) client: String,
    pub(super) scopes: Vec<String>,
    /// The site that a shopper's token is for.
    pub(super) site: Option<String>,
    expires: i64,
}

impl Token {
    /// One that is not kept yet.
    pub(super) fn new(client: &str, scopes: Vec<String>, site: Option<String>) -> Self {
        Self { client: client.to_owned(), scopes, site, expires: 0 }
    }
}

/// The tokens that are valid.
#[derive(Debug, Default)]
pub(super) struct Tokens(HashMap<String, Token>);

impl Tokens {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Keeps a token that is valid for so many seconds.
    pub(super) fn keep(&mut self, text: String, mut token: Token, seconds: i64, now: i64) {
        self.0.retain(|_, token| token.expires > now);
        token.expires = now + seconds * 1000;
        self.0.insert(text, token);
    }

    /// Takes a token away.
    pub(super) fn take(&mut self, text: &str, now: i64) -> Option<Token> {
        self.0.remove(text).filter(|token| token.expires > now)
    }

    /// The token of a request, if it is valid.
    pub(super) fn valid(&self, headers: &HeaderMap, now: i64) -> Option<&Token> {
        self.0.get(bearer(headers)?).filter(|token| token.expires > now)
    }
}

/// The text behind `Bearer`.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    credentials(headers, "bearer")
}

fn credentials<'h>(headers: &'h HeaderMap, scheme: &str) -> Option<&'h str> {
    let (given, rest) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    given.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}

/// Name and password of `Basic`.
pub(super) fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(credentials(headers, "basic")?).ok()?).ok()?;
    text.split_once(':').map(|(name, password)| (name.to_owned(), password.to_owned()))
}

/// The members of a form.
pub(super) fn form(body: &[u8]) -> HashMap<String, String> {
    let text = String::from_utf8_lossy(body);
    let url = reqwest::Url::parse(&format!("http://localhost/?{text}"));
    url.map(|url| url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
        .unwrap_or_default()
}

/// Status and body of an answer about tokens.
pub(super) type Answer = (u16, Value);

/// An error of OAuth 2.
pub(super) fn refused(status: u16, error: &str, description: &str) -> Answer {
    (status, json!({ "error": error, "error_description": description }))
}

/// A JWT of these claims, signed with a key of the emulator.
pub(super) fn jwt(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&json!({ "typ": "JWT", "alg": "HS256", "kid": "sandbox" })), part(claims));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"the key of the sandbox");
    let signature = ring::hmac::sign(&key, text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}

/// `POST /dwsso/oauth2/access_token`
pub(super) fn token(
    settings: &Settings,
    tokens: &mut Tokens,
    serial: u64,
    headers: &HeaderMap,
    body: &[u8],
    now: i64,
) -> Answer {
    let form = form(body);
    let posted = || Some((form.get("client_id")?.clone(), form.get("client_secret")?.clone()));
    let Some((id, secret)) = basic(headers).or_else(posted) else {
        return refused(401, "invalid_client", "Client authentication is missing.");
    };
    let client = settings.clients.iter().find(|client| client.id == id && client.secret == secret);
    let Some(client) = client else { return refused(401, "invalid_client", "Client authentication failed") };
    match form.get("grant_type").map(String::as_str) {
        Some("client_credentials") => {}
        Some(_) => return refused(400, "unsupported_grant_type", "The grant type is not supported."),
        None => return refused(400, "invalid_request", "The grant type is missing."),
    }
    let asked: Vec<String> = form
        .get("scope")
        .map(|scope| scope.split(' ').filter(|it| !it.is_empty()).map(str::to_owned).collect())
        .unwrap_or_default();
    let tenant = format!("{TENANT}{}", settings.tenant);
    let allowed = |scope: &String| match scope.strip_prefix(TENANT) {
        Some(_) => !client.scopes.is_empty() && *scope == tenant,
        // A scope that writes comes with the one that reads.
        None => client.scopes.iter().any(|known| known == scope || known.strip_suffix(".rw") == Some(scope)),
    };
    if let Some(scope) = asked.iter().find(|scope| !allowed(scope)) {
        return refused(400, "invalid_scope", &format!("Unknown/invalid scope(s): [{scope}]"));
    }
    let (issued, expires) = (now.div_euclid(1000), now.div_euclid(1000) + TOKEN_SECONDS);
    let text = jwt(&json!({
        "sub": client.id, "aud": client.id, "client_id": client.id, "grant_type": "client_credentials",
        "iss": "https://account.demandware.com:443/dwsso/oauth2", "scope": asked, "tenantFilter": tenant,
        "iat": issued, "exp": expires, "expires_in": TOKEN_SECONDS, "jti": serial.to_string(),
    }));
    let token = Token::new(&client.id, asked.clone(), None);
    tokens.keep(text.clone(), token, TOKEN_SECONDS, now);
    let mut answer = json!({ "access_token": text, "expires_in": TOKEN_SECONDS, "token_type": "Bearer" });
    if let (false, Some(members)) = (asked.is_empty(), answer.as_object_mut()) {
        members.insert("scope".to_owned(), json!(asked.join(" ")));
    }
    (200, answer)
}

/// Whether a token has the tenant and the scope, or the one that writes too.
pub(super) fn has_scope(token: &Token, settings: &Settings, scope: &str) -> bool {
    let has = |wanted: &str| token.scopes.iter().any(|it| it == wanted);
    has(&format!("{TENANT}{}", settings.tenant)) && (has(scope) || has(&format!("{scope}.rw")))
}

/// The resource of a permission document that a call falls under, if there is one.
pub(super) fn resource<'c>(client: &'c Client, method: &str, path: &str) -> Option<&'c Value> {
    let resources = client.data.as_ref()?.as_array()?;
    resources.iter().find(|it| {
        let methods = it.get("methods").and_then(Value::as_array);
        let fits = |pattern: &str| matches(pattern.trim_start_matches('/'), path.trim_start_matches('/'));
        it.get("resource_id").and_then(Value::as_str).is_some_and(fits)
            && methods.is_some_and(|methods| methods.iter().any(|it| it == &json!(method.to_lowercase())))
    })
}

/// Whether a path fits a pattern: `*` is one segment, `**` are one or more.
fn matches(pattern: &str, path: &str) -> bool {
    let (first, pattern) = pattern.split_once('/').map_or((pattern, None), |(first, rest)| (first, Some(rest)));
    if first == "**" {
        return !path.is_empty();
    }
    let (segment, path) = path.split_once('/').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let fits = first == "*" || first == segment;
    match (pattern, path) {
        (None, None) => fits,
        (Some(pattern), Some(path)) => fits && matches(pattern, path),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// Whether a client may do this to a path below `Sites`, such as `impex/src/instance/a.zip`. Case does not matter.
pub(super) fn webdav(client: &Client, path: &str, writes: bool) -> bool {
    let path = format!("/{}", path.to_lowercase());
    let permissions = client.webdav.as_ref().and_then(Value::as_array).into_iter().flatten();
    permissions.into_iter().any(|permission| {
        let below = permission.get("path").and_then(Value::as_str).is_some_and(|allowed| {
            let allowed = allowed.to_lowercase();
            path == allowed || path.strip_prefix(&allowed).is_some_and(|rest| rest.starts_with('/'))
        });
        let operations = permission.get("operations").and_then(Value::as_array);
        below && operations.is_some_and(|all| all.iter().any(|it| it == "read_write" || (!writes && it == "read")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_one_segment_or_for_more() {
        for (pattern, path, fits) in [
            ("sites", "sites", true),
            ("sites/*", "sites", false),
            ("sites/*", "sites/a", true),
            ("sites/*", "sites/a/b", false),
            ("catalogs/**", "catalogs/a/categories", true),
            ("catalogs/**", "catalogs", false),
            ("jobs/*/executions/*", "jobs/a/executions/1", true),
            ("jobs/*/executions/*", "jobs/a/executions", false),
        ] {
            assert_eq!(matches(pattern, path), fits, "{pattern} {path}");
        }
    }
}
