//! Customers as contacts: what is kept of one, and what is said of it in a call.
//!
//! An item of a customer has three facets: the data fields and lists, what the customer has agreed to, and the addresses by
//! which Dotdigital finds the contact. Of an item in doubt the last one holds every address that the contact may have.
//!
//! **Invariants:** nothing is sent that subscribes anybody who has not agreed, but for a new contact where the setting
//! `unknown_consent` says so; a consent that was sent and is not known any more is withdrawn; what subscribed an address that
//! is not the customer's any more is taken back together with the change.

use std::collections::BTreeMap;

use contract::{
    Digest, Facet, Facets, Fault, Item, Op, Parcel, Payload, Writer,
    destination::{Made, Mapped},
};
use model::{ConsentTo, Customer, Filtered};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    account::Facts,
    config::{Config, OWN_FIELDS, RemovedCustomers, UnknownConsent},
    ids::Place,
    map::cut,
    schema::{CONSENT, IDENTITY},
};

/// Most characters of a data field of text.
const LONGEST_FIELD: u32 = 1_000;

/// Members of an object, in an order of their own, so that a payload always has the same digest.
type Members = BTreeMap<String, Value>;

/// What is known about the consent to each channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Consents {
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sms: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    whats_app: Option<bool>,
}

/// What a contact is found by.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Identifiers {
    email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mobile_number: Option<String>,
}

/// A payload, read back.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Person {
    data_fields: Option<Members>,
    lists: Vec<u64>,
    /// To e-mail.
    consent: Consents,
    identifiers: Identifiers,
    /// To what reaches a phone. It goes with the number, whose status Dotdigital decides where nothing is said.
    phone_consent: Consents,
    /// Every address that the contact may have, by its digest: names of members are shown where values are hidden.
    addresses: BTreeMap<String, String>,
}

impl Person {
    fn of(payload: &Payload) -> Self {
        serde_json::from_str(&payload.object()).unwrap_or_default()
    }

    fn consents(&self) -> Consents {
        Consents { email: self.consent.email, ..self.phone_consent }
    }

    /// Every address that it may have, but for this one.
    fn others(&self, address: &str) -> Vec<String> {
        self.addresses.values().filter(|other| *other != address).cloned().collect()
    }
}

/// The item of a customer.
///
/// # Errors
/// `C0445` for a value that is no JSON. No value of the customer is in it.
pub fn customer(config: &Config, facts: Option<&Facts>, customer: &Customer) -> Result<Mapped, Fault> {
    let Some(email) = customer.email.as_ref().map(model::Email::key) else {
        return Ok(Mapped::Filtered(Filtered::NoEmail));
    };
    if customer.consent(ConsentTo::Email).is_none() && config.unknown_consent == Some(UnknownConsent::Filtered) {
        return Ok(Mapped::Filtered(Filtered::UnknownConsent));
    }
    let phone = customer.phones.first().filter(|_| config.phones);
    let of_phone = |to| phone.and_then(|_| customer.consent(to));
    let consent = Consents { email: customer.consent(ConsentTo::Email), ..Consents::default() };
    let (sms, whats_app) = (of_phone(ConsentTo::Sms), of_phone(ConsentTo::WhatsApp));
    let phone_consent = Consents { sms, whats_app, ..Consents::default() };
    let text = |text: Option<&str>| text.map(|text| Value::from(cut(text, LONGEST_FIELD)));
    let name = &customer.name;
    let birth = customer.birth_date.map(|date| Value::from(format!("{date}T00:00:00Z")));
    let values =
        [text(name.given.as_deref()), text(name.family.as_deref()), text(name.full().as_deref()), birth];
    // null clears a field.
    let mut fields: Members =
        OWN_FIELDS.iter().zip(values).map(|(name, value)| ((*name).to_owned(), value.unwrap_or_default())).collect();
    fields.insert(config.customer_id_field.clone(), Value::from(customer.id.as_str()));
    let mut writer = Writer::new(&|_| false);
    let lists: Vec<u64> = facts.and_then(|facts| facts.list).into_iter().collect();
    let address = BTreeMap::from([(format!("{:?}", Digest::of(email.as_bytes())), email.as_str())]);
    let identifiers = Identifiers { mobile_number: phone.map(|phone| digits(phone.as_str())), email: email.clone() };
    let mut put = |facet: Facet, name: &str, value: Value| {
        // What serde_json says may quote a value.
        let unfit = |_| Fault::record("C0445", "a customer has a value that is no JSON");
        writer.put(facet, name, &value).map_err(unfit)
    };
    put(Facet::CONTENT, "dataFields", json!(fields))?;
    if !lists.is_empty() {
        put(Facet::CONTENT, "lists", json!(lists))?;
    }
    if consent != Consents::default() {
        put(CONSENT, "consent", json!(consent))?;
    }
    put(IDENTITY, "identifiers", json!(identifiers))?;
    put(IDENTITY, "addresses", json!(address))?;
    if phone_consent != Consents::default() {
        put(IDENTITY, "phoneConsent", json!(phone_consent))?;
    }
    let id = Place::Contact(customer.id.as_str()).id();
    Ok(Mapped::Items(vec![Made::whole(Item { id, payload: writer.finish() })]))
}

/// A phone number as Dotdigital takes it: without its `+`.
fn digits(phone: &str) -> String {
    phone.trim_start_matches('+').to_owned()
}

/// What a call says of a contact.
#[derive(Clone, PartialEq)]
pub struct Statement {
    /// The address that the contact has before the call.
    pub address: String,
    /// What it is to have.
    pub body: Members,
    /// Other addresses that it may have had.
    pub others: Vec<String>,
    /// What becomes of the channels of contacts with these: they are unsubscribed.
    of_others: Members,
    /// Whether the contact is there already, as far as is known.
    pub is_change: bool,
    /// Whether its address changes.
    pub moves: bool,
}

impl Statement {
    /// The addresses of all contacts that it is about.
    pub fn addresses(&self) -> Vec<String> {
        std::iter::once(&self.address).chain(&self.others).cloned().collect()
    }

    /// As contacts of a bulk import.
    pub fn imported(self) -> impl Iterator<Item = Value> {
        let of_others = self.of_others;
        let others = self.others.into_iter().map(move |other| {
            json!({ "channelProperties": of_others, "identifiers": { "email": other }, "matchIdentifier": "email" })
        });
        let mut own = self.body;
        own.insert("matchIdentifier".to_owned(), "email".into());
        std::iter::once(json!(own)).chain(others)
    }
}

/// The addresses that the contact of this item may have, for removing it.
pub fn addresses(parcel: &Parcel) -> Vec<String> {
    parcel.before.as_ref().map(Person::of).unwrap_or_default().addresses.into_values().collect()
}

/// When something is said of a contact.
#[derive(Clone, Copy)]
enum Moment {
    /// Nothing of it was sent before.
    New,
    /// What it has is not known: a call for it may or may not have had its effect.
    Doubt,
    /// It is there. `consent`: what the customer agreed to has changed.
    Change { consent: bool },
}

const SUBSCRIBED: &str = "subscribed";
const UNSUBSCRIBED: &str = "unsubscribed";
const NO_SUBSCRIPTION: &str = "noSubscription";

/// What a call of this operation says of the contact of this item.
///
/// # Errors
/// `C0450`: its address is not known, or not for certain. No address is in it.
pub fn statement(config: &Config, op: Op, parcel: &Parcel) -> Result<Statement, Fault> {
    let before = parcel.before.as_ref().map(Person::of);
    match op {
        Op::Patch(facets) => change(config, facets, &Person::of(&parcel.payload), &before.unwrap_or_default()),
        Op::Hide => hidden(&before.unwrap_or_default()),
        Op::Put | Op::Remove | Op::Report => Ok(whole(config, Person::of(&parcel.payload), before.as_ref())),
    }
}

fn whole(config: &Config, now: Person, before: Option<&Person>) -> Statement {
    let moment = if before.is_some() { Moment::Doubt } else { Moment::New };
    let was = before.map(Person::consents).unwrap_or_default();
    let channels = Channels { config, now: now.consents(), before: was, of_email: moment, of_phone: moment };
    let channels = channels.said(now.identifiers.mobile_number.is_some());
    let (address, lists) = (now.identifiers.email.clone(), now.lists);
    let others = before.map(|before| before.others(&address)).unwrap_or_default();
    let of_others = left(before);
    let body = body(&now.identifiers, now.data_fields, &lists, &channels);
    Statement { address, body, others, of_others, is_change: false, moves: false }
}

fn change(config: &Config, facets: Facets, now: &Person, before: &Person) -> Result<Statement, Fault> {
    let address = before.identifiers.email.clone();
    let identified = facets.has(IDENTITY);
    if address.is_empty() || (identified && !before.others(&address).is_empty()) {
        return Err(Fault::record("C0450", "the address that a contact has is not known for certain; it is sent whole"));
    }
    let kept = Identifiers { email: address.clone(), mobile_number: None };
    let identifiers = if identified { &now.identifiers } else { &kept };
    let was = before.consents();
    let email = if facets.has(CONSENT) { now.consent.email } else { was.email };
    let consents = if identified { Consents { email, ..now.phone_consent } } else { Consents { email, ..was } };
    let of_phone = |person: &Person| (person.phone_consent, person.identifiers.mobile_number.clone());
    // Another address says nothing of the phone, which may have been unsubscribed at Dotdigital.
    let phone_changes = identified && of_phone(now) != of_phone(before);
    let of_email = Moment::Change { consent: facets.has(CONSENT) };
    let of_phone = Moment::Change { consent: phone_changes };
    let channels = Channels { config, now: consents, before: was, of_email, of_phone };
    let channels = channels.said(identifiers.mobile_number.is_some());
    let moves = identifiers.email != address;
    let body = body(identifiers, now.data_fields.clone(), &now.lists, &channels);
    Ok(Statement { address, body, others: Vec::new(), of_others: Members::new(), is_change: true, moves })
}

fn hidden(before: &Person) -> Result<Statement, Fault> {
    let mut addresses = before.addresses.values().cloned();
    let Some(address) = addresses.next() else {
        return Err(Fault::record("C0450", "nobody knows which address the contact of a customer who is gone has")
            .hint("look for the customer's id in Dotdigital, unsubscribe the contact there, and drop the dead letter"));
    };
    let channels = left(Some(before));
    let identifiers = Identifiers { email: address.clone(), mobile_number: None };
    let body = body(&identifiers, None, &[], &channels);
    Ok(Statement { address, body, others: addresses.collect(), of_others: channels, is_change: false, moves: false })
}

/// The channels of a contact that is not the customer's any more, if it was one of `before`: nobody is to write to it. Which of
/// several addresses the contact with the phone has is not known, so it is said of each.
fn left(before: Option<&Person>) -> Members {
    let has_phone = before.is_some_and(|before| before.identifiers.mobile_number.is_some());
    let channels: &[&str] = if has_phone { &["email", "sms", "whatsApp"] } else { &["email"] };
    channels.iter().map(|channel| ((*channel).to_owned(), json!({ "status": UNSUBSCRIBED }))).collect()
}

fn body(
    identifiers: &Identifiers,
    fields: Option<Members>,
    lists: &[u64],
    channels: &Members,
) -> Members {
    let mut body = Members::from_iter([("identifiers".to_owned(), json!(identifiers))]);
    body.extend(fields.map(|fields| ("dataFields".to_owned(), json!(fields))));
    if !lists.is_empty() {
        body.insert("lists".to_owned(), json!(lists));
    }
    if !channels.is_empty() {
        body.insert("channelProperties".to_owned(), json!(channels));
    }
    body
}

/// What is said about the channels of a contact.
struct Channels<'c> {
    config: &'c Config,
    now: Consents,
    before: Consents,
    of_email: Moment,
    of_phone: Moment,
}

impl Channels<'_> {
    /// `phone`: whether its phone number is sent.
    fn said(&self, phone: bool) -> Members {
        let (now, before) = (self.now, self.before);
        let mut said = Members::new();
        if let Some(status) = self.email(now.email, before.email) {
            said.insert("email".to_owned(), self.with_how(status));
        }
        for (channel, now, before) in [("sms", now.sms, before.sms), ("whatsApp", now.whats_app, before.whats_app)] {
            if let Some(status) = self.phone(now, before, phone) {
                said.insert(channel.to_owned(), json!({ "status": status }));
            }
        }
        said
    }

    fn email(&self, now: Option<bool>, before: Option<bool>) -> Option<&'static str> {
        let is_change = matches!(self.of_email, Moment::Change { .. });
        // A new contact is subscribed if nothing is said, and any other keeps what it has.
        let may_be_left = is_change || self.config.unknown_consent == Some(UnknownConsent::Subscribed);
        match now {
            Some(true) => (!matches!(self.of_email, Moment::Change { consent: false })).then_some(SUBSCRIBED),
            // It never was known.
            None if before.is_none() && may_be_left => None,
            // Every change states a denial: where the contact was deleted at Dotdigital, the change creates it, and without a
            // status it would be subscribed.
            Some(false) | None => Some(UNSUBSCRIBED),
        }
    }

    /// Without a status Dotdigital may subscribe a new phone number.
    fn phone(&self, now: Option<bool>, before: Option<bool>, phone: bool) -> Option<&'static str> {
        match (now, self.of_phone) {
            (Some(false), _) => Some(UNSUBSCRIBED),
            (Some(true), Moment::Change { consent: false }) => None,
            (Some(true), _) => Some(SUBSCRIBED),
            (None, _) if before.is_some() => Some(UNSUBSCRIBED),
            (None, Moment::Change { consent: false }) => None,
            (None, _) if phone => Some(NO_SUBSCRIPTION),
            (None, _) => None,
        }
    }

    /// Who left Dotdigital's mails is asked before getting them again, never subscribed at once.
    fn with_how(&self, status: &'static str) -> Value {
        if status != SUBSCRIBED {
            return json!({ "status": status });
        }
        json!({
            "optInType": self.config.opt_in_type.name(),
            "resubscribeOptions": { "resubscribeWithNoChallenge": false },
            "status": status,
        })
    }
}

/// The contact that an order needs, for a call that creates it if it is not there and otherwise does nothing. Only of a guest
/// is it certain that the shop knows of no consent: a customer may have denied it.
pub fn owner(config: &Config, facts: Option<&Facts>, email: &str, is_guest: bool) -> Value {
    let subscribed = is_guest && config.unknown_consent == Some(UnknownConsent::Subscribed);
    let status = if subscribed { SUBSCRIBED } else { UNSUBSCRIBED };
    let channels = Members::from_iter([("email".to_owned(), json!({ "status": status }))]);
    let lists: Vec<u64> = facts.and_then(|facts| facts.list).into_iter().collect();
    json!(body(&Identifiers { email: email.to_owned(), mobile_number: None }, None, &lists, &channels))
}

/// Whether a customer who is gone is hidden rather than removed.
pub const fn hides(config: &Config) -> bool {
    matches!(config.removed_customers, RemovedCustomers::Unsubscribe)
}
