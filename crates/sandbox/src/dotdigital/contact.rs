//! Contacts: what one is found by, its data fields, channels and lists, and what the service refuses of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{MobileDefault, Settings};

/// Most characters of a data field of text.
const LONGEST_FIELD: usize = 1_000;

/// Type of a data field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataType {
    /// Text.
    String,
    /// A number.
    Numeric,
    /// A time.
    Date,
    /// Yes or no.
    Boolean,
}

impl DataType {
    pub(super) const ALL: [Self; 4] = [Self::String, Self::Numeric, Self::Date, Self::Boolean];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::String => "String",
            Self::Numeric => "Numeric",
            Self::Date => "Date",
            Self::Boolean => "Boolean",
        }
    }

    fn admits(self, value: &Value) -> bool {
        match (self, value) {
            (_, Value::Null) | (Self::Numeric, Value::Number(_)) | (Self::Boolean, Value::Bool(_)) => true,
            (Self::String, Value::String(text)) => text.chars().count() <= LONGEST_FIELD,
            (Self::Date, Value::String(text)) => text.parse::<Timestamp>().is_ok(),
            _ => false,
        }
    }
}

/// A contact, as a test sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Contact {
    /// Its id.
    pub id: u64,
    /// Its address, in lower case.
    pub email: String,
    /// Its phone number.
    pub mobile: Option<String>,
    /// Its data fields, by name in capitals.
    pub fields: BTreeMap<String, Value>,
    /// Status of its channels: e-mail, SMS, WhatsApp.
    pub email_status: String,
    /// The same of SMS.
    pub sms: String,
    /// The same of WhatsApp.
    pub whats_app: String,
    /// How it agreed to e-mail.
    pub opt_in: String,
    /// Ids of its lists.
    pub lists: BTreeSet<u64>,
    /// How often it was asked whether it wants mails again.
    pub challenges: u32,
    created: i64,
    updated: i64,
}

/// The contacts of an account, with its data fields and lists.
#[derive(Debug)]
pub(super) struct Contacts {
    all: BTreeMap<u64, Contact>,
    pub(super) fields: BTreeMap<String, DataType>,
    pub(super) lists: BTreeMap<u64, String>,
    sequence: u64,
}

impl Default for Contacts {
    fn default() -> Self {
        let names = ["FIRSTNAME", "LASTNAME", "FULLNAME", "GENDER", "POSTCODE"];
        let fields = names.into_iter().map(|name| (name.to_owned(), DataType::String)).collect();
        Self { all: BTreeMap::new(), fields, lists: BTreeMap::new(), sequence: 1_000 }
    }
}

/// A name and words for what is refused.
pub(super) type Failure = (&'static str, String);

/// What a write came to.
pub(super) struct Written {
    pub(super) id: u64,
    pub(super) is_new: bool,
    /// Attached things that were left out.
    pub(super) failures: Vec<Failure>,
}

/// How a write finds its contact.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// It creates one, or is refused.
    Create,
    /// It changes one, or creates it.
    Upsert,
}

impl Contacts {
    pub(super) fn all(&self) -> impl Iterator<Item = &Contact> {
        self.all.values()
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Contact> {
        self.all.get_mut(&id)
    }

    pub(super) fn get(&self, id: u64) -> Option<&Contact> {
        self.all.get(&id)
    }

    pub(super) fn remove(&mut self, id: u64) {
        self.all.remove(&id);
    }

    pub(super) fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// The contact that this identifier has this value at; `Err`: there is no such identifier, or the value can't be one.
    pub(super) fn find(&self, identifier: &str, value: &str) -> Result<Option<u64>, Failure> {
        let invalid = || ("invalidId", format!("The id value '{value}' is invalid for the identifier '{identifier}'"));
        match identifier {
            "email" if is_email(value) => Ok(self.by_email(value)),
            "contactId" => Ok(value.parse().ok().filter(|id| self.all.contains_key(id))),
            "mobileNumber" if is_mobile(value) => Ok(self.by_mobile(value)),
            _ => Err(invalid()),
        }
    }

    fn by_email(&self, email: &str) -> Option<u64> {
        let email = email.to_lowercase();
        self.all.values().find(|contact| contact.email == email).map(|contact| contact.id)
    }

    fn by_mobile(&self, mobile: &str) -> Option<u64> {
        let mobile = mobile.trim_start_matches('+');
        self.all.values().find(|contact| contact.mobile.as_deref() == Some(mobile)).map(|contact| contact.id)
    }

    /// Creates or changes a contact. `target`: the one that the call names. `lenient`: what is attached and can't be is left
    /// out, as by an import.
    pub(super) fn write(
        &mut self,
        settings: &Settings,
        body: &Map<String, Value>,
        (target, mode, lenient): (Option<u64>, Mode, bool),
        now: i64,
    ) -> Result<Written, Failure> {
        let body = Body::read(body)?;
        if target.is_some() && mode == Mode::Create {
            return Err(("idAlreadyExists", "A contact with the identifier already exists".to_owned()));
        }
        let taken = |id: Option<u64>| id.is_some() && id != target;
        let duplicate = || ("duplicateIdentifier", "The identifier belongs to another contact".to_owned());
        if body.email.is_some_and(|email| taken(self.by_email(email)))
            || body.mobile.is_some_and(|mobile| taken(self.by_mobile(mobile)))
        {
            return Err(duplicate());
        }
        let mut fields = BTreeMap::new();
        for (name, value) in body.fields.into_iter().flatten() {
            let name = name.to_uppercase();
            let of = self.fields.get(&name);
            if !of.is_some_and(|of| of.admits(value)) {
                return Err(("invalidDataField", format!("Invalid value for '{name}'")));
            }
            fields.insert(name, value.clone());
        }
        let (known, unknown): (Vec<u64>, Vec<u64>) =
            body.lists.iter().copied().partition(|id| self.lists.contains_key(id));
        let failures: Vec<Failure> =
            unknown.iter().map(|id| ("invalidList", format!("There is no list '{id}'"))).collect();
        if let Some(first) = failures.first().filter(|_| !lenient) {
            return Err(first.clone());
        }
        let (id, is_new) = match target {
            Some(id) => (id, false),
            None => (self.next(), true),
        };
        let contact = self.all.entry(id).or_insert_with(|| Contact::new(id, now));
        contact.updated = now;
        if let Some(email) = body.email {
            contact.email = email.to_lowercase();
        }
        let had_mobile = contact.mobile.is_some();
        if let Some(mobile) = body.mobile {
            contact.mobile = Some(mobile.trim_start_matches('+').to_owned());
        }
        for (name, value) in fields {
            if value.is_null() { drop(contact.fields.remove(&name)) } else { drop(contact.fields.insert(name, value)) }
        }
        contact.lists.extend(known);
        contact.channels(settings, &body.channels, is_new, contact.mobile.is_some() && !had_mobile);
        Ok(Written { id, is_new, failures })
    }
}

impl Contact {
    fn new(id: u64, now: i64) -> Self {
        Self {
            id,
            email: String::new(),
            mobile: None,
            fields: BTreeMap::new(),
            email_status: "noSubscription".to_owned(),
            sms: "noSubscription".to_owned(),
            whats_app: "noSubscription".to_owned(),
            opt_in: "unknown".to_owned(),
            lists: BTreeSet::new(),
            challenges: 0,
            created: now,
            updated: now,
        }
    }

    fn channels(&mut self, settings: &Settings, said: &Channels<'_>, is_new: bool, new_mobile: bool) {
        if let Some(opt_in) = said.opt_in {
            opt_in.clone_into(&mut self.opt_in);
        }
        let asks = settings.enforce_double_opt_in || said.opt_in == Some("verifiedDouble");
        let was_left = matches!(self.email_status.as_str(), "unsubscribed" | "suppressed");
        match said.email.or(is_new.then_some("subscribed")) {
            Some("subscribed") if is_new && asks => "pendingOptIn".clone_into(&mut self.email_status),
            Some("subscribed") if was_left && !said.no_challenge => self.challenges += 1,
            Some(status) => status.clone_into(&mut self.email_status),
            None => {}
        }
        let default = match settings.mobile_default {
            MobileDefault::NoSubscription => "noSubscription",
            MobileDefault::Subscribed => "subscribed",
        };
        for (channel, said) in [(&mut self.sms, said.sms), (&mut self.whats_app, said.whats_app)] {
            if let Some(status) = said.or(new_mobile.then_some(default)) {
                status.clone_into(channel);
            }
        }
    }

    /// As the service tells it.
    pub(super) fn told(&self, lists: &BTreeMap<u64, String>) -> Value {
        let time = |millis: i64| Timestamp::from_millisecond(millis).map(|at| at.to_string()).unwrap_or_default();
        let list = |id: &u64| json!({ "id": id, "name": lists.get(id), "status": "subscribed" });
        json!({
            "contactId": self.id,
            "status": self.email_status,
            "created": time(self.created),
            "updated": time(self.updated),
            "identifiers": self.identifiers(),
            "dataFields": self.fields,
            "channelProperties": {
                "email": { "emailType": "Html", "optInType": pascal(&self.opt_in), "status": self.email_status },
                "sms": { "status": self.sms },
                "whatsApp": { "status": self.whats_app },
            },
            "lists": self.lists.iter().map(list).collect::<Vec<_>>(),
            "preferences": [],
            "consentRecords": [],
        })
    }

    pub(super) fn identifiers(&self) -> Value {
        match &self.mobile {
            None => json!({ "email": self.email }),
            Some(mobile) => json!({ "email": self.email, "mobileNumber": mobile }),
        }
    }
}

fn pascal(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// What a call says of the channels.
#[derive(Default)]
struct Channels<'b> {
    email: Option<&'b str>,
    opt_in: Option<&'b str>,
    no_challenge: bool,
    sms: Option<&'b str>,
    whats_app: Option<&'b str>,
}

/// A contact as a call says it.
struct Body<'b> {
    email: Option<&'b str>,
    mobile: Option<&'b str>,
    fields: Option<&'b Map<String, Value>>,
    lists: Vec<u64>,
    channels: Channels<'b>,
}

const MEMBERS: [&str; 6] = ["identifiers", "dataFields", "channelProperties", "lists", "preferences", "consentRecords"];
const EMAIL_STATUS: [&str; 3] = ["subscribed", "unsubscribed", "suppressed"];
const PHONE_STATUS: [&str; 4] = ["noSubscription", "subscribed", "unsubscribed", "suppressed"];
const OPT_IN: [&str; 4] = ["unknown", "single", "double", "verifiedDouble"];
const EMAIL_TYPE: [&str; 2] = ["plainText", "html"];

fn bad(words: impl Into<String>) -> Failure {
    ("badRequest", words.into())
}

fn object<'b>(value: &'b Value, name: &str) -> Result<&'b Map<String, Value>, Failure> {
    value.as_object().ok_or_else(|| bad(format!("The {name} field must be an object")))
}

/// Refuses members that the vendor's schema does not have.
fn only(object: &Map<String, Value>, known: &[&str]) -> Result<(), Failure> {
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(bad(format!("The field '{name}' is not known"))),
        None => Ok(()),
    }
}

fn one_of<'b>(value: Option<&'b Value>, name: &str, known: &[&str]) -> Result<Option<&'b str>, Failure> {
    let Some(value) = value else { return Ok(None) };
    let text = value.as_str().filter(|text| known.contains(text));
    text.map(Some).ok_or_else(|| bad(format!("The value of '{name}' is invalid")))
}

impl<'b> Body<'b> {
    fn read(body: &'b Map<String, Value>) -> Result<Self, Failure> {
        only(body, &MEMBERS)?;
        let (mut email, mut mobile) = (None, None);
        if let Some(identifiers) = body.get("identifiers") {
            let identifiers = object(identifiers, "identifiers")?;
            only(identifiers, &["email", "mobileNumber"])?;
            let text = |name: &str| match identifiers.get(name) {
                None | Some(Value::Null) => Ok(None),
                Some(value) => value.as_str().map(Some).ok_or_else(|| bad(format!("The {name} field must be a text"))),
            };
            (email, mobile) = (text("email")?, text("mobileNumber")?);
        }
        if email.is_some_and(|email| !is_email(email)) {
            return Err(("invalidEmail", "Invalid value for 'email'".to_owned()));
        }
        if mobile.is_some_and(|mobile| !is_mobile(mobile)) {
            return Err(("invalidMobileNumber", "Invalid value for 'mobileNumber'".to_owned()));
        }
        let fields = body.get("dataFields").map(|fields| object(fields, "dataFields")).transpose()?;
        let lists = match body.get("lists") {
            None => Vec::new(),
            Some(lists) => serde_json::from_value::<Vec<u64>>(lists.clone())
                .ok()
                .filter(|lists| (1..=100).contains(&lists.len()))
                .ok_or_else(|| bad("The lists field must hold 1 to 100 ids"))?,
        };
        let channels = match body.get("channelProperties") {
            None => Channels::default(),
            Some(channels) => Channels::read(object(channels, "channelProperties")?)?,
        };
        Ok(Self { email, mobile, fields, lists, channels })
    }
}

impl<'b> Channels<'b> {
    fn read(channels: &'b Map<String, Value>) -> Result<Self, Failure> {
        only(channels, &["email", "sms", "whatsApp"])?;
        // Without a word about it nobody is asked.
        let mut said = Self { no_challenge: true, ..Self::default() };
        if let Some(email) = channels.get("email") {
            let email = object(email, "email")?;
            only(email, &["emailType", "optInType", "status", "resubscribeOptions"])?;
            one_of(email.get("emailType"), "emailType", &EMAIL_TYPE)?;
            said.opt_in = one_of(email.get("optInType"), "optInType", &OPT_IN)?;
            said.email = one_of(email.get("status"), "status", &EMAIL_STATUS)?;
            if let Some(options) = email.get("resubscribeOptions") {
                let options = object(options, "resubscribeOptions")?;
                only(options, &["resubscribeWithNoChallenge", "preferredLocale", "redirectUrlAfterChallenge"])?;
                said.no_challenge = match options.get("resubscribeWithNoChallenge") {
                    None => true,
                    Some(value) => {
                        value.as_bool().ok_or_else(|| bad("resubscribeWithNoChallenge must be a boolean"))?
                    }
                };
            }
        }
        let phone = |name: &str| -> Result<Option<&'b str>, Failure> {
            let Some(channel) = channels.get(name) else { return Ok(None) };
            let channel = object(channel, name)?;
            only(channel, &["status"])?;
            one_of(channel.get("status"), "status", &PHONE_STATUS)
        };
        (said.sms, said.whats_app) = (phone("sms")?, phone("whatsApp")?);
        Ok(said)
    }
}

fn is_email(text: &str) -> bool {
    let parts: Vec<&str> = text.split('@').collect();
    let is_part = |part: &&str| !part.is_empty() && !part.chars().any(char::is_whitespace);
    text.len() <= 256
        && parts.len() == 2
        && parts.iter().all(is_part)
        && parts.last().is_some_and(|it| it.contains('.'))
}

fn is_mobile(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}
