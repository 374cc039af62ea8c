//! Customers.

use contract::Change;
use model::{Customer, Date, GroupId, Notice, Phone, Record, Timestamp};

use super::{Settings, Unfit, consent::consents, is, person, some};
use crate::commercetools::api::people;

/// A `Customer`. Whatever of it can't be represented is left out with a notice: a person is never lost for a detail.
pub fn customer(settings: &Settings, it: people::Customer<'_>) -> Result<Change, Unfit> {
    let mut notices = Vec::new();
    let fields = it.custom.as_ref().and_then(|custom| custom.fields.as_ref());
    let consents = fields.map(|fields| consents(&settings.consents, fields, &mut notices)).unwrap_or_default();
    let birth_date = some(it.date_of_birth).and_then(|text| {
        let date = Date::parse(text.trim());
        if date.is_none() {
            notices.push(Notice::new("dateOfBirth", "is no date"));
        }
        date
    });
    let assigned = it.customer_group_assignments.unwrap_or_default().into_iter().map(|it| it.customer_group);
    let groups = it.customer_group.into_iter().chain(assigned);
    let mut addresses = it.addresses.unwrap_or_default();
    let ships_to = it.shipping_address_ids.unwrap_or_default();
    addresses.sort_by_key(|address| {
        let is_default = address.id.is_some() && address.id == it.default_shipping_address_id;
        (!is_default, !address.id.as_ref().is_some_and(|id| ships_to.contains(id)))
    });
    let phones = phones(&addresses);
    let record = Customer {
        number: some(it.customer_number),
        external_id: some(it.external_id),
        email: person::email("email", it.email, &mut notices),
        phones,
        name: person::name(it.title, it.salutation, it.first_name, it.middle_name, it.last_name),
        birth_date,
        company: some(it.company_name),
        addresses: addresses.into_iter().map(|it| person::address("addresses", it, &mut notices)).collect(),
        locale: person::locale(it.locale, &mut notices),
        groups: each_once(groups.map(|group| GroupId::from(String::from(group.id)))),
        stores: it.stores.unwrap_or_default().into_iter().map(|store| String::from(store.key).into()).collect(),
        attributes: person::attributes(it.custom, &mut notices),
        consents,
        created_at: it.created_at.as_ref().and_then(|at| Timestamp::parse(at)),
        ..Customer::new(String::from(it.id).into())
    };
    let record = Customer { notices, ..record };
    Ok(is(Record::Customer(Box::new(record)), it.version, it.last_modified_at.as_ref()))
}

/// The numbers of these addresses, mobile ones first. Only addresses have numbers on this platform.
fn phones(addresses: &[people::Address<'_>]) -> Vec<Phone> {
    let mobile = addresses.iter().map(|address| &address.mobile);
    let others = addresses.iter().map(|address| &address.phone);
    each_once(mobile.chain(others).filter_map(|number| Phone::parse(number.as_deref()?).ok()))
}

fn each_once<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut once = Vec::new();
    for it in all {
        if !once.contains(&it) {
            once.push(it);
        }
    }
    once
}
