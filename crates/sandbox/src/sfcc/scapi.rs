//! SCAPI: organization, token and scope, and which API a path belongs to.

use http::{HeaderMap, Method};
use serde_json::{Map, Value, json};

use super::access::{self, Token};
use super::query::Parameters;
use super::select::Select;
use super::state::Site;
use super::{Emulator, admin, shopper, slas};

const ERRORS: &str = "https://api.commercecloud.salesforce.com/documentation/error/v1/errors";

/// An error of SCAPI, as RFC 7807 writes them.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    status: u16,
    kind: &'static str,
    title: &'static str,
    detail: String,
    more: Vec<(String, Value)>,
}

impl Problem {
    pub(super) fn new(status: u16, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, kind, title, detail: detail.into(), more: Vec::new() }
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.push((name.to_owned(), value.into()));
        self
    }

    pub(super) fn parameter(name: &str, why: impl std::fmt::Display) -> Self {
        let detail = format!("The query parameter '{name}' {why}.");
        Self::new(400, "invalid-query-parameter", "Invalid Query Parameter", detail).with("parameter", name)
    }

    pub(super) fn request(detail: impl Into<String>) -> Self {
        Self::new(400, "invalid-request", "Invalid Request", detail)
    }

    fn unauthorized() -> Self {
        Self::new(
            401,
            "unauthorized",
            "Unauthorized",
            "Your access-token is invalid or could not be used to identify an API user.",
        )
    }

    pub(super) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(403, "forbidden", "Forbidden", detail)
    }

    pub(super) fn not_found(kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self::new(404, kind, title, detail)
    }

    fn body(self) -> Value {
        let mut members: Map<String, Value> = self.more.into_iter().collect();
        members.insert("type".to_owned(), json!(format!("{ERRORS}/{}", self.kind)));
        members.insert("title".to_owned(), json!(self.title));
        members.insert("detail".to_owned(), json!(self.detail));
        Value::Object(members)
    }
}

/// One call.
pub(super) struct Call<'a> {
    pub(super) emulator: &'a Emulator,
    pub(super) method: &'a Method,
    pub(super) headers: &'a HeaderMap,
    pub(super) parameters: Parameters,
    pub(super) body: &'a [u8],
    pub(super) now: i64,
}

impl Call<'_> {
    /// Answers a path such as `product/products/v1/organizations/f_ecom_zzte_053/product-search`.
    pub(super) fn answer(&self, path: &str) -> (u16, Value) {
        let decoded = |segment: &str| percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned();
        let segments: Vec<String> = path.split('/').map(decoded).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let none = || Problem::not_found("not-found", "Not Found", "The requested resource does not exist.");
        let answered = match segments.as_slice() {
            [family, api, "v1", "organizations", organization, rest @ ..] => {
                if *organization != self.emulator.organization() {
                    let problem = Problem::forbidden("The organization is none of the token's.");
                    return (problem.status, problem.body());
                }
                match (*family, *api, rest) {
                    ("shopper", "auth", ["oauth2", "token"]) if self.method == Method::POST => {
                        self.emulator.count("POST /shopper/auth/token");
                        return slas::token(self.emulator, self.headers, self.body, self.now);
                    }
                    ("product", "products" | "catalogs", rest) => admin::answer(self, api, rest),
                    ("product", "shopper-products" | "shopper-availability", rest) => shopper::answer(self, api, rest),
                    _ => Err(none()),
                }
            }
            _ => Err(none()),
        };
        match answered {
            Ok(document) => (200, document),
            Err(problem) => (problem.status, problem.body()),
        }
    }

    /// Counts the call and checks the token of a client.
    pub(super) fn admin(&self, endpoint: &str, scope: &str) -> Result<(), Problem> {
        self.emulator.count(&format!("{} /{endpoint}", self.method));
        let tokens = self.emulator.tokens();
        let token = tokens.valid(self.headers, self.now).ok_or_else(Problem::unauthorized)?;
        if access::has_scope(token, self.emulator.settings(), scope) {
            Ok(())
        } else {
            Err(Problem::forbidden(format!("The scope '{scope}' or that of the tenant is missing.")))
        }
    }

    /// Counts the call and checks the token of a shopper; returns its site.
    pub(super) fn shopper(&self, endpoint: &str, scope: &str) -> Result<String, Problem> {
        self.emulator.count(&format!("{} /{endpoint}", self.method));
        let tokens = self.emulator.shoppers();
        let token: &Token = tokens.valid(self.headers, self.now).ok_or_else(Problem::unauthorized)?;
        let has = token.scopes.iter().any(|it| it == scope || it == "sfcc.shopper-standard");
        if !has {
            return Err(Problem::forbidden(format!("The scope '{scope}' is missing.")));
        }
        let site = self.parameters.one("siteId").ok_or_else(|| Problem::parameter("siteId", "is required"))?;
        if token.site.as_deref() == Some(site) {
            Ok(site.to_owned())
        } else {
            Err(Problem::forbidden("The token is for another site."))
        }
    }

    /// Refuses every other parameter.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Problem> {
        match self.parameters.stranger(known) {
            Some(name) => Err(Problem::parameter(name, "is not one of the resource")),
            None => Ok(()),
        }
    }

    /// `limit` and `offset` of a list.
    pub(super) fn window(&self, otherwise: usize, most: usize) -> Result<(usize, usize), Problem> {
        let number = |name: &str, otherwise: usize, least: usize, most: usize| {
            let wrong = || Problem::parameter(name, format_args!("is a number from {least} to {most}"));
            let number = self.parameters.one(name).map_or(Ok(otherwise), |text| text.parse().map_err(|_| wrong()))?;
            if (least..=most).contains(&number) { Ok(number) } else { Err(wrong()) }
        };
        Ok((number("limit", otherwise, 1, most)?, number("offset", 0, 0, usize::MAX)?))
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.parameters.one(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Problem::parameter(name, "is neither true nor false")),
        }
    }

    /// Values of a list, at most so many.
    pub(super) fn list(&self, name: &str, most: usize) -> Result<Vec<String>, Problem> {
        let all = self.parameters.list(name);
        if all.len() > most {
            let detail = format!("'{name}' has {} values, at most {most} are allowed.", all.len());
            return Err(Problem::new(400, "validation", "Validation Error", detail));
        }
        // A value may itself be encoded, so that it can hold a comma.
        let decoded = |text: String| percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned();
        Ok(all.into_iter().map(decoded).collect())
    }

    pub(super) fn select(&self, document: &mut Value) -> Result<(), Problem> {
        if let Some(text) = self.parameters.one("select") {
            let select = Select::read(text);
            let malformed = || {
                Problem::new(
                    400,
                    "malformed-selector",
                    "Malformed Selector",
                    format!("The selector '{text}' is malformed."),
                )
            };
            select.ok_or_else(malformed)?.apply(document);
        }
        Ok(())
    }

    /// A locale of the site, its default one without the parameter.
    pub(super) fn locale(&self, site: &Site) -> Result<String, Problem> {
        let default = site.locales.first().map_or("default", String::as_str);
        let locale = self.parameters.one("locale").unwrap_or(default);
        if locale == "default" || site.locales.iter().any(|known| known == locale) {
            Ok(locale.to_owned())
        } else {
            Err(Problem::new(
                400,
                "unsupported-locale",
                "Unsupported Locale",
                format!("The site does not have the locale '{locale}'."),
            ))
        }
    }

    /// A currency of the site, its default one without the parameter.
    pub(super) fn currency(&self, site: &Site) -> Result<String, Problem> {
        let currency = self.parameters.one("currency").unwrap_or(&site.currency);
        if site.currencies.iter().any(|known| known == currency) {
            Ok(currency.to_owned())
        } else {
            Err(Problem::new(
                400,
                "unsupported-currency",
                "Unsupported Currency",
                format!("The site does not have the currency '{currency}'."),
            ))
        }
    }
}

/// Sets a member of an object.
pub(super) fn put(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value.into());
    }
}
