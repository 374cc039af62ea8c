//! Customers.

use contract::{
    Facet, Fault,
    destination::{Made, Mapped},
};
use model::{ConsentTo, Customer};

use super::{
    id::{integer, not_integer},
    sheet::Sheet,
};
use crate::clerk::{
    config::{Config, IdType},
    schema::{CONSENT, IDENTITY},
};

/// The item of a customer. Every member of the facet `content` is always there, because a customer who exists is changed by
/// PATCH, which can't remove a member; `subscribed` is there only where the source knows it.
///
/// # Errors
/// `C0411` for an id that does not fit. No value of the customer is in it.
pub fn customer(config: &Config, customer: &Customer, taken: &dyn Fn(&str) -> bool) -> Result<Mapped, Fault> {
    let name = || "customer".to_owned();
    let id = customer.id.as_str();
    if config.id_type == IdType::Integer && integer(id).is_none() {
        return Err(not_integer(&name(), "its id is no whole number"));
    }
    let address = customer.addresses.first();
    let mut sheet = Sheet::new(taken, &name);
    let mut text = |name: &str, value: Option<&str>| sheet.put(Facet::CONTENT, name, value.unwrap_or_default());
    text("name", customer.name.full().as_deref())?;
    text("zip", address.and_then(|it| it.postal_code.as_deref()))?;
    text("country", address.and_then(|it| it.country).map(|it| it.to_string()).as_deref())?;
    text("language", customer.locale.as_ref().map(model::Locale::as_str))?;
    sheet.maybe(CONSENT, "subscribed", customer.consent(ConsentTo::Email))?;
    sheet.maybe(IDENTITY, "email", customer.email.as_ref().map(model::Email::as_str))?;
    Ok(Mapped::Items(vec![Made::whole(sheet.finish(id))]))
}
