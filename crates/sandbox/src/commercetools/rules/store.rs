//! Stores: languages of the project, channels with their roles, and the URLs of the storefront.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::input::{country, list, need, object, resolve, texts, wrong};
use super::super::state::{Kind, Object, State};
use super::channel::{DISTRIBUTION, SUPPLY, need_role};

/// The `languages` of a body: such as the project has.
pub(in super::super) fn languages(state: &State, body: &Object) -> Result<Value, ApiError> {
    let languages = texts(body, "languages")?;
    if languages.iter().all(|language| state.project.languages.iter().any(|known| known == language)) {
        return Ok(json!(languages));
    }
    Err(ApiError::new(400, "ProjectNotConfiguredForLanguages", "The project is not configured for given languages.")
        .with("languages", languages))
}

/// A country of a store as kept.
pub(in super::super) fn country_of(given: &Value) -> Result<Value, ApiError> {
    let code = country(object(given, "countries")?, "code")?.ok_or_else(|| ApiError::required("code"))?;
    Ok(json!({ "code": code }))
}

/// The `countries` of a body as kept.
pub(in super::super) fn countries(body: &Object) -> Result<Value, ApiError> {
    Ok(Value::Array(list(body, "countries")?.iter().map(country_of).collect::<Result<_, _>>()?))
}

/// The role that the channels of a list need.
fn role_in(field: &str) -> &'static str {
    if field == "supplyChannels" { SUPPLY } else { DISTRIBUTION }
}

/// A channel for `field` (`distributionChannels` or `supplyChannels`), as a reference.
pub(in super::super) fn channel(state: &State, field: &str, given: &Value) -> Result<Value, ApiError> {
    let channel = resolve(state, Kind::Channel, given)?;
    need_role(state, &channel, role_in(field))?;
    Ok(channel)
}

/// The channels of `field` in a body, as references.
pub(in super::super) fn channels(state: &State, body: &Object, field: &str) -> Result<Value, ApiError> {
    let channels = list(body, field)?.iter().map(|given| channel(state, field, given));
    Ok(Value::Array(channels.collect::<Result<_, _>>()?))
}

/// The `productSelections` of a body as kept.
pub(in super::super) fn selections(state: &State, body: &Object) -> Result<Value, ApiError> {
    let selections = list(body, "productSelections")?.iter().map(|setting| {
        let setting = object(setting, "productSelections")?;
        let selection = resolve(state, Kind::ProductSelection, need(setting, "productSelection")?)?;
        let active = super::super::input::flag(setting, "active")?.unwrap_or(false);
        Ok(json!({ "productSelection": selection, "active": active }))
    });
    Ok(Value::Array(selections.collect::<Result<_, ApiError>>()?))
}

/// Members of a storefront, the message that tells of their change, and the variable that a template needs.
const URLS: [(&str, &str, Option<&str>); 10] = [
    ("checkoutUrlTemplate", "StoreCheckoutUrlTemplateSet", Some("{checkoutId}")),
    ("orderUrlTemplate", "StoreOrderUrlTemplateSet", Some("{orderId}")),
    ("termsOfServiceUrl", "StoreTermsOfServiceUrlSet", None),
    ("privacyPolicyUrl", "StorePrivacyPolicyUrlSet", None),
    ("refundPolicyUrl", "StoreRefundPolicyUrlSet", None),
    ("shippingPolicyUrl", "StoreShippingPolicyUrlSet", None),
    ("cookiePolicyUrl", "StoreCookiePolicyUrlSet", None),
    ("imprintUrl", "StoreImprintUrlSet", None),
    ("faqUrl", "StoreFaqUrlSet", None),
    ("contactUrl", "StoreContactUrlSet", None),
];

/// The member of the storefront that an action such as `setFaqUrl` sets, and its message.
pub(in super::super) fn url_of(action: &str) -> Option<(&'static str, &'static str)> {
    let rest = action.strip_prefix("set")?;
    let (field, message, _) = URLS.iter().find(|(field, ..)| same_but_first(field, rest))?;
    Some((field, message))
}

/// Whether two names differ at most in the case of their first letter.
fn same_but_first(one: &str, other: &str) -> bool {
    one.get(1..) == other.get(1..) && one.get(..1).is_some_and(|first| first.eq_ignore_ascii_case(&other[..1]))
}

/// A URL for a member of the storefront; an empty one stands for none.
pub(in super::super) fn url<'a>(field: &str, body: &'a Object) -> Result<Option<&'a str>, ApiError> {
    let Some(url) = super::super::input::text(body, field)?.filter(|url| !url.is_empty()) else { return Ok(None) };
    let variable = URLS.iter().find(|(known, ..)| *known == field).and_then(|(_, _, variable)| *variable);
    let fits = match variable {
        Some(variable) => url.contains(variable),
        None => url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/')),
    };
    if fits { Ok(Some(url)) } else { Err(ApiError::field(field, &json!(url))) }
}

/// The `storefront` of a draft as kept.
pub(in super::super) fn storefront(draft: &Object) -> Result<Option<Value>, ApiError> {
    let Some(given) = super::super::input::given(draft, "storefront") else { return Ok(None) };
    let given = object(given, "storefront")?;
    if let Some(unknown) = given.keys().find(|name| !URLS.iter().any(|(field, ..)| field == name)) {
        return Err(wrong("storefront", &format!("known members, of which '{unknown}' is none")));
    }
    let mut kept = Object::new();
    for (field, ..) in URLS {
        if let Some(url) = url(field, given)? {
            kept.insert(field.to_owned(), json!(url));
        }
    }
    Ok(Some(Value::Object(kept)).filter(|_| !given.is_empty()))
}
