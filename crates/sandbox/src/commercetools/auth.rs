//! Tokens and scopes.
//!
//! A token is asked for with HTTP Basic and `grant_type=client_credentials`; it carries the scopes asked for, which must
//! be among the client's, or all of the client's when none are named. Endpoints accept any of a few scopes; `manage_x`
//! includes `view_x`, `view_products` includes `view_published_products`, and `manage_project` includes everything.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};

use super::Settings;
use super::error::ApiError;
use super::order::Id;
use super::query::Parameters;

/// What a client may have `view_` and `manage_` scopes of.
const VIEWED_AND_MANAGED: [&str; 36] = [
    "api_clients",
    "approval_flows",
    "approval_rules",
    "associate_roles",
    "attribute_groups",
    "business_units",
    "cart_discounts",
    "categories",
    "channels",
    "customer_groups",
    "customers",
    "discount_codes",
    "mcp_servers",
    "key_value_documents",
    "orders",
    "order_edits",
    "payment_methods",
    "payments",
    "product_discounts",
    "products",
    "product_selections",
    "product_types",
    "project_settings",
    "quote_requests",
    "quotes",
    "recurring_orders",
    "recurrence_policies",
    "shipping_methods",
    "shopping_lists",
    "staged_quotes",
    "standalone_prices",
    "states",
    "stores",
    "tax_categories",
    "types",
    "zones",
];

/// Scopes that don't come in pairs.
const OTHER_SCOPES: [&str; 16] = [
    "view_audit_log",
    "manage_my_business_units",
    "manage_my_profile",
    "manage_extensions",
    "view_messages",
    "manage_my_orders",
    "manage_locked_carts",
    "manage_my_payments",
    "view_published_products",
    "manage_project",
    "manage_my_quote_requests",
    "manage_my_quotes",
    "manage_my_shopping_lists",
    "manage_subscriptions",
    "create_anonymous_token",
    "introspect_oauth_tokens",
];

/// All scopes of the platform for a whole project, without project key.
pub(super) fn known_scopes() -> impl Iterator<Item = String> {
    let pairs = VIEWED_AND_MANAGED.iter().flat_map(|what| [format!("view_{what}"), format!("manage_{what}")]);
    pairs.chain(OTHER_SCOPES.iter().map(|scope| (*scope).to_owned()))
}

/// Tokens given out.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    given: HashMap<String, Grant>,
    count: u64,
}

#[derive(Debug)]
struct Grant {
    scopes: Vec<String>,
    /// Milliseconds since 1970.
    expires: i64,
}

impl Tokens {
    /// Answers a token request; `form` holds the body's and the URL's parameters.
    pub(super) fn issue(
        &mut self,
        settings: &Settings,
        headers: &HeaderMap,
        form: &Parameters,
        now: i64,
    ) -> Result<Value, ApiError> {
        check_client(settings, headers)?;
        match form.one("grant_type") {
            Some("client_credentials") => {}
            None => return Err(ApiError::auth(400, "invalid_request", "The parameter 'grant_type' is missing.")),
            Some(other) => {
                return Err(ApiError::auth(
                    400,
                    "unsupported_grant_type",
                    format!("Invalid parameter: grant_type: Invalid grant type: '{other}'."),
                ));
            }
        }
        let allowed = settings.scopes();
        let asked: Vec<String> = form.one("scope").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        if let Some(missing) = asked.iter().find(|scope| !allowed.contains(scope)) {
            return Err(ApiError::auth(
                400,
                "invalid_scope",
                format!("Malformed parameter: scope: The scope '{missing}' is not allowed for this client."),
            ));
        }
        let scopes = if asked.is_empty() { allowed } else { asked };
        self.given.retain(|_, grant| grant.expires > now);
        self.count += 1;
        let token = Id::of("token", &format!("{}\0{now}", self.count)).to_string().replace('-', "");
        let lifetime = settings.token_lifetime_seconds;
        let expires = now.saturating_add(i64::try_from(lifetime.saturating_mul(1000)).unwrap_or(i64::MAX));
        let answer = json!({
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": lifetime,
            "scope": scopes.join(" "),
        });
        self.given.insert(token, Grant { scopes, expires });
        Ok(answer)
    }

    /// Tells about a token.
    pub(super) fn introspect(
        &self,
        settings: &Settings,
        headers: &HeaderMap,
        form: &Parameters,
        now: i64,
    ) -> Result<Value, ApiError> {
        check_client(settings, headers)?;
        let grant = form.one("token").and_then(|token| self.given.get(token)).filter(|grant| grant.expires > now);
        Ok(match grant {
            Some(grant) => json!({
                "active": true,
                "scope": grant.scopes.join(" "),
                "exp": grant.expires,
                "client_id": settings.client_id,
            }),
            None => json!({ "active": false }),
        })
    }

    /// Makes a token invalid (RFC 7009): one that is not known is as good as revoked.
    pub(super) fn revoke(
        &mut self,
        settings: &Settings,
        headers: &HeaderMap,
        form: &Parameters,
    ) -> Result<(), ApiError> {
        check_client(settings, headers)?;
        let token = form.one("token").unwrap_or_default();
        if token.is_empty() {
            return Err(ApiError::auth(400, "invalid_request", "The parameter 'token' is missing."));
        }
        self.given.remove(token);
        Ok(())
    }

    /// Makes all tokens given out so far invalid.
    pub(super) fn revoke_all(&mut self) {
        self.given.clear();
    }

    /// Checks that the request's token is valid, whatever it allows.
    pub(super) fn check_valid(&self, headers: &HeaderMap, now: i64) -> Result<(), ApiError> {
        self.grant(headers, now).map(drop)
    }

    fn grant(&self, headers: &HeaderMap, now: i64) -> Result<&Grant, ApiError> {
        let token = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let grant = token.and_then(|token| self.given.get(token.trim())).filter(|grant| grant.expires > now);
        grant.ok_or_else(|| ApiError::auth(401, "invalid_token", "invalid_token"))
    }

    /// Checks that the request's token is valid and has one of `accepted` (scopes without project key).
    pub(super) fn check(
        &self,
        project: &str,
        headers: &HeaderMap,
        accepted: &[&str],
        now: i64,
    ) -> Result<(), ApiError> {
        let grant = self.grant(headers, now)?;
        let includes = |scope: &str| {
            let Some(name) = scope.strip_suffix(project).and_then(|scope| scope.strip_suffix(':')) else {
                return false;
            };
            name == "manage_project" || accepted.iter().any(|accepted| covers(name, accepted))
        };
        if grant.scopes.iter().any(|scope| includes(scope)) {
            return Ok(());
        }
        let missing: Vec<String> = accepted.iter().map(|scope| format!("{scope}:{project}")).collect();
        Err(ApiError::auth(
            403,
            "insufficient_scope",
            format!("Insufficient scope. One of the following scopes is missing: {}.", missing.join(", ")),
        ))
    }
}

/// Whether a granted scope includes the wanted one.
fn covers(granted: &str, wanted: &str) -> bool {
    let manage = |view: &str| view.strip_prefix("view_").map(|rest| format!("manage_{rest}"));
    granted == wanted
        || manage(wanted).as_deref() == Some(granted)
        || wanted == "view_published_products" && matches!(granted, "view_products" | "manage_products")
}

fn check_client(settings: &Settings, headers: &HeaderMap) -> Result<(), ApiError> {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Basic "));
    let decoded = given.and_then(|given| STANDARD.decode(given.trim()).ok());
    let expected = format!("{}:{}", settings.client_id, settings.client_secret);
    if decoded.as_deref() == Some(expected.as_bytes()) {
        return Ok(());
    }
    Err(ApiError::auth(
        401,
        "invalid_client",
        "Please provide valid client credentials using HTTP Basic Authentication.",
    ))
}
