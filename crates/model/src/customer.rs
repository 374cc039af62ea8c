//! Customers.

use serde::{Deserialize, Serialize};

use crate::{
    Address, Attribute, Consent, ConsentTo, CustomerId, Date, Email, GroupId, Locale, Notice, PersonName, Phone,
    StorefrontKey, Timestamp, person::hidden,
};

/// A person with an account at the shop.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Customer {
    /// Id at the source. It stays when the e-mail address changes.
    pub id: CustomerId,
    /// Number shown to people.
    pub number: Option<String>,
    /// Id in a system beside the source, such as a CRM.
    pub external_id: Option<String>,
    /// E-mail address; `None` where there is none, or none that can be one.
    pub email: Option<Email>,
    /// Phone numbers, mobile ones first, each once.
    pub phones: Vec<Phone>,
    /// Name.
    pub name: PersonName,
    /// Birthday.
    pub birth_date: Option<Date>,
    /// Company.
    pub company: Option<String>,
    /// Addresses, that of deliveries first.
    pub addresses: Vec<Address>,
    /// The language that the shop writes to it in.
    pub locale: Option<Locale>,
    /// Groups.
    pub groups: Vec<GroupId>,
    /// Stores that the account is for. Empty: all.
    pub stores: Vec<StorefrontKey>,
    /// Further fields of the shop.
    pub attributes: Vec<Attribute>,
    /// What was said about channels, each at most once.
    pub consents: Vec<Consent>,
    /// When the account was made.
    pub created_at: Option<Timestamp>,
    /// Details that were left out.
    pub notices: Vec<Notice>,
}

hidden!(Customer);

impl Customer {
    /// A customer of whom nothing is known but the id.
    pub fn new(id: CustomerId) -> Self {
        Self {
            id,
            number: None,
            external_id: None,
            email: None,
            phones: Vec::new(),
            name: PersonName::default(),
            birth_date: None,
            company: None,
            addresses: Vec::new(),
            locale: None,
            groups: Vec::new(),
            stores: Vec::new(),
            attributes: Vec::new(),
            consents: Vec::new(),
            created_at: None,
            notices: Vec::new(),
        }
    }

    /// Whether a channel was granted or denied; `None`: unknown, which is never granted.
    pub fn consent(&self, to: ConsentTo) -> Option<bool> {
        self.consents.iter().find(|consent| consent.to == to).map(|consent| consent.granted)
    }
}
