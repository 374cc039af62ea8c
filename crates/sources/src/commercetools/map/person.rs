//! What customers and orders have in common: addresses, phone numbers, names, custom fields.
//!
//! **Invariant:** notices name fields and never repeat what stands in them: it is about people.

use model::{Address, Attribute, Country, Email, Locale, Notice, PersonName, Phone};

use super::{attribute, some};
use crate::commercetools::api::{
    self, Text,
    people::{self, CustomFields},
};

/// The value, if it can be read; a notice about its field if not.
fn read<T, E>(field: &str, value: Option<Text<'_>>, parse: impl Fn(&str) -> Result<T, E>, notices: &mut Vec<Notice>) -> Option<T>
where
    E: std::fmt::Display,
{
    let text = some(value)?;
    parse(text.trim()).map_err(|error| notices.push(Notice::new(field, error.to_string()))).ok()
}

/// An e-mail address.
pub(super) fn email(field: &str, text: Option<Text<'_>>, notices: &mut Vec<Notice>) -> Option<Email> {
    read(field, text, Email::parse, notices)
}

/// A language.
pub(super) fn locale(text: Option<Text<'_>>, notices: &mut Vec<Notice>) -> Option<Locale> {
    read("locale", text, |tag| Locale::parse(tag).map_err(|_| "is no locale"), notices)
}

/// A country.
pub(super) fn country(field: &str, text: Option<Text<'_>>, notices: &mut Vec<Notice>) -> Option<Country> {
    read(field, text, |code| code.parse().map_err(|_| "is no ISO 3166-1 country code"), notices)
}

/// An address. `of` is the field that holds it.
pub(super) fn address(of: &str, it: people::Address<'_>, notices: &mut Vec<Notice>) -> Address {
    let street = [some(it.street_name), some(it.street_number)];
    let street: Vec<String> = street.into_iter().flatten().collect();
    let within = [it.additional_street_info, it.building, it.apartment, it.department, it.po_box, it.additional_address_info];
    let mut lines = Vec::from_iter((!street.is_empty()).then(|| street.join(" ")));
    lines.extend(within.into_iter().filter_map(some));
    let phones = [("mobile", it.mobile), ("phone", it.phone)];
    let mut phones: Vec<Phone> = phones
        .into_iter()
        .filter_map(|(name, number)| read(&format!("{of}.{name}"), number, Phone::parse, notices))
        .collect();
    phones.dedup();
    Address {
        name: name(it.title, it.salutation, it.first_name, None, it.last_name),
        company: some(it.company),
        lines,
        postal_code: some(it.postal_code),
        city: some(it.city),
        region: some(it.region).or(some(it.state)),
        country: country(&format!("{of}.country"), it.country, notices),
        phones,
    }
}

/// A name. The platform has a title (`Dr.`) and a salutation (`Ms.`); the former counts.
pub(super) fn name(
    title: Option<Text<'_>>,
    salutation: Option<Text<'_>>,
    given: Option<Text<'_>>,
    middle: Option<Text<'_>>,
    family: Option<Text<'_>>,
) -> PersonName {
    PersonName { title: some(title).or(some(salutation)), given: some(given), middle: some(middle), family: some(family) }
}

/// Custom fields as attributes. One that can't be represented is left out.
pub(super) fn attributes(custom: Option<CustomFields<'_>>, notices: &mut Vec<Notice>) -> Vec<Attribute> {
    let fields = custom.and_then(|custom| custom.fields).unwrap_or_default().0;
    let mut attributes = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        let field = format!("custom.{name}");
        match attribute::attribute(api::Attribute { name, value }) {
            Ok(attribute) => attributes.extend(attribute),
            Err(_) => notices.push(Notice::new(field, "holds what can't be represented")),
        }
    }
    attributes
}
