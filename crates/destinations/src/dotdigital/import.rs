//! Tickets of imports and deletions, and what the answers to them mean.
//!
//! A ticket holds no address. What an import carried of people is kept in memory while it goes on ([`Carried`]); after a
//! restart a report without refusals is understood without it, and contacts or orders of any other are sent again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use contract::{
    Fault, Outcome, Receipt, Ref,
    destination::{Remarks, Ticket, Verdict},
};
use model::{Kind, RemoteId, Timestamp};

use super::{api, classify, client::Client, ids::Place};

/// When an import is asked for first; later it is asked for less often.
const FIRST_ASK: Duration = Duration::from_secs(5);
/// Longest time between two questions.
const LONGEST_ASK: Duration = Duration::from_secs(30);
/// Orders of which it is remembered that their contact was not there.
const MOST_MISSED: usize = 50_000;

/// What a ticket is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Records of a catalogue.
    Records,
    /// Orders.
    Orders,
    /// Contacts, created or changed.
    Contacts,
    /// Contacts that are there, as far as is known.
    Changes,
    /// Contacts that are deleted.
    Deletion,
}

impl Of {
    const ALL: [(Self, &str); 4] = [
        (Self::Orders, "orders:"),
        (Self::Contacts, "contacts:"),
        (Self::Changes, "changes:"),
        (Self::Deletion, "deletion:"),
    ];

    /// Stands before the id in a ticket; nothing for records, as in tickets of earlier versions.
    fn prefix(self) -> &'static str {
        Self::ALL.iter().find(|(of, _)| *of == self).map_or("", |(_, prefix)| prefix)
    }
}

/// An import under way: what it is of, its id, when it began, and how often it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    of: Of,
    id: String,
    began: Timestamp,
    asked: u32,
}

impl Import {
    /// An import that began now.
    pub const fn begun(of: Of, id: String, now: Timestamp) -> Self {
        Self { of, id, began: now, asked: 0 }
    }

    /// The verdict that it goes on.
    pub fn pending(&self) -> Verdict {
        let ticket = Ticket(format!("{} {} {}{}", self.began.millis(), self.asked, self.of.prefix(), self.id));
        Verdict::Pending { ticket, ask_in: self.ask_in() }
    }

    fn read(ticket: &Ticket) -> Option<Self> {
        let mut parts = ticket.0.splitn(3, ' ');
        let began = Timestamp::from_millis(parts.next()?.parse().ok()?);
        let asked = parts.next()?.parse().ok()?;
        let rest = parts.next()?;
        let of = Of::ALL.iter().find_map(|(of, prefix)| Some((*of, rest.strip_prefix(prefix)?)));
        let (of, id) = of.unwrap_or((Of::Records, rest));
        Some(Self { of, id: id.to_owned(), began, asked })
    }

    /// 5 s, and half as long again each time, up to 30 s.
    fn ask_in(&self) -> Duration {
        FIRST_ASK.mul_f64(1.5_f64.powi(i32::try_from(self.asked.min(8)).unwrap_or(8))).min(LONGEST_ASK)
    }
}

/// What items under way are found by in a report.
#[derive(Default)]
pub struct Carried {
    /// By import and item: the addresses of a contact, that of the item first.
    contacts: Mutex<BTreeMap<String, BTreeMap<RemoteId, Vec<String>>>>,
    /// By import and item: the customer that an order waits for.
    owners: Mutex<BTreeMap<String, BTreeMap<RemoteId, Option<String>>>>,
    /// Orders whose contact was not there when they were sent last.
    missed: Mutex<BTreeSet<RemoteId>>,
}

impl std::fmt::Debug for Carried {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Carried").finish_non_exhaustive()
    }
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Carried {
    /// Notes the addresses of the contacts of an import.
    pub fn contacts(&self, import: &str, addresses: BTreeMap<RemoteId, Vec<String>>) {
        locked(&self.contacts).insert(import.to_owned(), addresses);
    }

    /// Notes the customers that the orders of an import wait for.
    pub fn orders(&self, import: &str, owners: BTreeMap<RemoteId, Option<String>>) {
        locked(&self.owners).insert(import.to_owned(), owners);
    }

    fn forget(&self, import: &str) {
        locked(&self.contacts).remove(import);
        locked(&self.owners).remove(import);
    }

    /// The outcome of an order whose contact is not there. The customer's contact may have another address than the order:
    /// an order that was refused before, and waited for its customer since, would be refused again and again.
    pub fn without_contact(&self, item: &RemoteId, customer: Option<&str>) -> Outcome {
        let Some(customer) = customer else {
            let fault = Fault::record("C0442", "no contact has the address of this order");
            return Outcome::Rejected(fault.hint(
                "with order_contacts = \"guests\" or \"all\" one is created when an order is sent first; create one that was \
                 deleted in Dotdigital since there, then `cartage dead replay`",
            ));
        };
        let mut missed = locked(&self.missed);
        if missed.remove(item) {
            let fault = Fault::record("C0442", "no contact has the address of this order, though its customer has a contact");
            return Outcome::Rejected(fault.hint(
                "if the customer's address has changed since, the record is at the contact with the new address and keeps what \
                 it says; if the order was placed with another address, order_contacts = \"all\" creates a contact for it",
            ));
        }
        if missed.len() >= MOST_MISSED {
            missed.clear();
        }
        missed.insert(item.clone());
        Outcome::Blocked(Ref { kind: Kind::Customer, id: customer.into() })
    }

    /// Notes that an order arrived.
    pub fn arrived(&self, item: &RemoteId) {
        locked(&self.missed).remove(item);
    }
}

/// What a question for an import was answered with.
enum Report {
    Records(api::Import),
    Contacts(api::ContactImport),
    Deletion,
}

/// What an import is asked with.
pub struct Asking<'a> {
    /// The account.
    pub client: &'a Client,
    /// What is known of imports of this process.
    pub carried: &'a Carried,
    /// After so long an import is given up.
    pub longest: Duration,
}

impl Asking<'_> {
    /// Asks for the outcome of an import that carried these items.
    pub async fn poll(&self, ticket: &Ticket, items: &[RemoteId]) -> Receipt {
        let Some(import) = Import::read(ticket) else {
            let fault = Fault::protocol("C0447", format!("{:?} is no ticket of an import", ticket.0));
            return receipt(Verdict::Whole(Outcome::Unknown(fault)), 0, String::new());
        };
        let receipt = self.asked(&import, items).await;
        let goes_on = matches!(receipt.verdict, Verdict::Pending { .. } | Verdict::Whole(Outcome::Deferred(_)));
        if !goes_on {
            self.carried.forget(&import.id);
        }
        receipt
    }

    async fn asked(&self, import: &Import, items: &[RemoteId]) -> Receipt {
        let (state, report, http, shown) = match self.state(import).await {
            Ok(state) => state,
            // Nobody knows the import any more: its records are sent again.
            Err(Outcome::Rejected(fault)) => {
                let fault = Fault::transient("C0448", format!("the import is lost: {fault}"));
                return receipt(Verdict::Whole(Outcome::Unknown(fault)), 404, String::new());
            }
            Err(outcome) => {
                return receipt(Verdict::Whole(Outcome::Deferred(classify::fault(outcome))), 0, String::new());
            }
        };
        let verdict = match state.as_str() {
            "Finished" | "Complete" => Verdict::Each(self.outcomes(import, &report, items)),
            "RejectedByWatchdog" => every(items, &Fault::config("C0450", "Dotdigital's watchdog over data rejected an import of contacts")
                .hint("a person at the vendor has to release it: ask Dotdigital's support, then synchronise again")),
            "ExceedsAllowedContactLimit" => every(items, &Fault::credentials("C0441", "the account may have no more contacts")
                .hint("delete contacts that nobody needs in Dotdigital, or ask the vendor for a larger allowance")),
            failed if failed.contains("Fail") || failed.contains("Rejected") => {
                let message = format!("the import {} ended as {failed}", import.id);
                Verdict::Whole(Outcome::Unknown(Fault::transient("C0448", message).response(shown.clone())))
            }
            _ if import.began.until(self.client.now()) > self.longest => {
                let message = format!("the import {} was not over after {} minutes", import.id, self.longest.as_secs() / 60);
                let hint = "its records are sent again; look at the imports in Dotdigital";
                Verdict::Whole(Outcome::Unknown(Fault::transient("C0448", message).hint(hint)))
            }
            _ => Import { asked: import.asked.saturating_add(1), ..import.clone() }.pending(),
        };
        receipt(verdict, http, shown)
    }

    /// State, report, HTTP status, and what may be shown of the answer.
    async fn state(&self, import: &Import) -> Result<(String, Report, u16, String), Outcome> {
        let client = self.client;
        Ok(match import.of {
            Of::Records | Of::Orders => {
                let is_personal = import.of == Of::Orders;
                let (answer, response) = client.import_status(&import.id, is_personal).await?;
                let shown = if is_personal { String::new() } else { client.redactor().excerpt(&response.body) };
                (answer.status.clone(), Report::Records(answer), response.status, shown)
            }
            Of::Contacts | Of::Changes => {
                let (answer, response) = client.contact_import(&import.id).await?;
                (answer.status.clone(), Report::Contacts(answer), response.status, String::new())
            }
            Of::Deletion => {
                let (answer, response) = client.deletion(&import.id).await?;
                (answer.status, Report::Deletion, response.status, String::new())
            }
        })
    }

    /// One outcome per item: those that the report names were refused.
    fn outcomes(&self, import: &Import, report: &Report, items: &[RemoteId]) -> Vec<Outcome> {
        match report {
            Report::Records(report) => items.iter().map(|item| self.of_record(import, report, item)).collect(),
            Report::Contacts(report) => {
                let known = locked(&self.carried.contacts).get(&import.id).cloned();
                let of = |item: &RemoteId| {
                    let addresses = known.as_ref().and_then(|known| known.get(item));
                    of_contact(report, addresses.map(Vec::as_slice), import.of == Of::Changes)
                };
                items.iter().map(of).collect()
            }
            Report::Deletion => vec![Outcome::Delivered; items.len()],
        }
    }

    fn of_record(&self, import: &Import, report: &api::Import, item: &RemoteId) -> Outcome {
        let key = |failure: &api::Failure| match &failure.key {
            serde_json::Value::String(key) => key.clone(),
            other => other.to_string(),
        };
        let own = Place::of(item).map_or("", Place::key);
        match report.failures.iter().find(|failure| key(failure) == own) {
            Some(failure) if import.of == Of::Orders => return self.of_order(import, failure, item),
            Some(failure) => return classify::rejected(failure, self.client.redactor()),
            None => {}
        }
        let named = u64::try_from(report.failures.len()).unwrap_or(u64::MAX);
        let unnamed = report.summary.map_or(0, |summary| summary.total_rejected).saturating_sub(named);
        if unnamed > 0 {
            let message = format!("the import refused {unnamed} records that its report does not name");
            return Outcome::Unknown(Fault::protocol("C0447", message));
        }
        self.carried.arrived(item);
        Outcome::Delivered
    }

    fn of_order(&self, import: &Import, failure: &api::Failure, item: &RemoteId) -> Outcome {
        let missing = ["ContactEmailDoesNotExist", "ContactIdDoesNotExist"];
        if !missing.contains(&failure.failure_reason.as_str()) {
            return classify::rejected_order(failure);
        }
        let owner = locked(&self.carried.owners).get(&import.id).and_then(|owners| owners.get(item)).cloned();
        let Some(owner) = owner else {
            let message = "the contact of an order is not there, and it is not known any more which one it is";
            return Outcome::Unknown(Fault::transient("C0448", message));
        };
        self.carried.without_contact(item, owner.as_deref())
    }
}

/// The same for every item: the flow pauses, and nothing becomes a dead letter.
fn every(items: &[RemoteId], fault: &Fault) -> Verdict {
    Verdict::Each(vec![Outcome::Deferred(fault.clone()); items.len()])
}

/// The outcome of a contact with these addresses, the first of them its own; `None`: they are not known any more.
fn of_contact(report: &api::ContactImport, addresses: Option<&[String]>, is_change: bool) -> Outcome {
    let has = |among: &[api::Identified], address: &str| among.iter().any(|it| is_of(&it.identifiers, address));
    let Some(addresses) = addresses else {
        if report.failures.is_empty() && (!is_change || report.created.is_empty()) {
            return Outcome::Delivered;
        }
        let message = "an import refused some contacts, and it is not known any more which ones: they are sent again";
        return Outcome::Unknown(Fault::transient("C0448", message));
    };
    let mut remarks = Remarks::default();
    for address in addresses {
        let Some(failure) = report.failures.iter().find(|failure| is_of(&failure.identifiers, address)) else { continue };
        let fault = refusal(failure);
        // A contact is there although something of it was refused.
        if !has(&report.created, address) && !has(&report.updated, address) {
            return Outcome::Rejected(fault);
        }
        remarks.warnings.push(fault);
    }
    let named = u64::try_from(report.failures.len()).unwrap_or(u64::MAX);
    let unnamed = report.summary.map_or(0, |summary| summary.invalid_entries).saturating_sub(named);
    if unnamed > 0 {
        let message = format!("the import refused {unnamed} contacts that its report does not name");
        return Outcome::Unknown(Fault::protocol("C0447", message));
    }
    if is_change && addresses.first().is_some_and(|address| has(&report.created, address)) {
        return Outcome::Unknown(created_by_change());
    }
    if remarks.warnings.is_empty() { Outcome::Delivered } else { Outcome::DeliveredWith(Box::new(remarks)) }
}

/// Somebody had deleted a contact, and a change has created it without what it says of new contacts.
pub fn created_by_change() -> Fault {
    Fault::transient("C0448", "a contact was gone in Dotdigital, and a change has created it: it is sent whole")
}

fn is_of(identifiers: &api::Identifiers, address: &str) -> bool {
    identifiers.email.as_deref().is_some_and(|email| email.to_lowercase() == address)
}

/// Names the reasons, and nothing of the contact.
fn refusal(failure: &api::ContactFailure) -> Fault {
    let codes = failure.failures.iter().map(|reason| reason.failure_code.as_str()).filter(|code| classify::is_code(code));
    let codes: Vec<&str> = codes.collect();
    let codes = if codes.is_empty() { "a reason without a name".to_owned() } else { codes.join(", ") };
    Fault::record("C0442", format!("Dotdigital refused the contact: {codes}"))
        .hint("correct the customer at the source; `explain --reveal` shows what was sent")
}

const fn receipt(verdict: Verdict, status: u16, response: String) -> Receipt {
    Receipt { verdict, status, response }
}
