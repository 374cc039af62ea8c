//! Tickets of bulk imports, and what the answers to them mean.

use std::time::Duration;

use contract::{
    Fault, Outcome, Receipt,
    destination::{Ticket, Verdict},
};
use model::{RemoteId, Timestamp};

use super::{api, classify, client::Client, map};

/// When an import is asked for first; later it is asked for less often.
const FIRST_ASK: Duration = Duration::from_secs(5);
/// Longest time between two questions.
const LONGEST_ASK: Duration = Duration::from_secs(30);

/// An import under way: its id, when it began, and how often it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    id: String,
    began: Timestamp,
    asked: u32,
}

impl Import {
    /// An import that began now.
    pub const fn begun(id: String, now: Timestamp) -> Self {
        Self { id, began: now, asked: 0 }
    }

    /// The verdict that it goes on.
    pub fn pending(&self) -> Verdict {
        let ticket = Ticket(format!("{} {} {}", self.began.millis(), self.asked, self.id));
        Verdict::Pending { ticket, ask_in: self.ask_in() }
    }

    fn of(ticket: &Ticket) -> Option<Self> {
        let mut parts = ticket.0.splitn(3, ' ');
        let began = Timestamp::from_millis(parts.next()?.parse().ok()?);
        let asked = parts.next()?.parse().ok()?;
        Some(Self { id: parts.next()?.to_owned(), began, asked })
    }

    /// 5 s, and half as long again each time, up to 30 s.
    fn ask_in(&self) -> Duration {
        FIRST_ASK.mul_f64(1.5_f64.powi(i32::try_from(self.asked.min(8)).unwrap_or(8))).min(LONGEST_ASK)
    }
}

/// Asks for the outcome of an import that carried these items. `longest`: after so long it is given up.
pub async fn poll(client: &Client, ticket: &Ticket, items: &[RemoteId], longest: Duration) -> Receipt {
    let Some(import) = Import::of(ticket) else {
        let fault = Fault::protocol("C0447", format!("{:?} is no ticket of an import", ticket.0));
        return receipt(Verdict::Whole(Outcome::Unknown(fault)), 0, String::new());
    };
    let (status, response) = match client.import_status(&import.id).await {
        Ok(answer) => answer,
        // Nobody knows the import any more: its records are sent again.
        Err(Outcome::Rejected(fault)) => {
            let fault = Fault::transient("C0448", format!("the import is lost: {fault}"));
            return receipt(Verdict::Whole(Outcome::Unknown(fault)), 404, String::new());
        }
        Err(outcome) => {
            return receipt(Verdict::Whole(Outcome::Deferred(classify::fault(outcome))), 0, String::new());
        }
    };
    let shown = client.redactor().excerpt(&response.body);
    let verdict = match status.status.as_str() {
        "Finished" | "Complete" => Verdict::Each(outcomes(client, &status, items)),
        failed if failed.contains("Fail") || failed.contains("Rejected") => {
            let message = format!("the import {} ended as {failed}", import.id);
            Verdict::Whole(Outcome::Unknown(Fault::transient("C0448", message).response(shown.clone())))
        }
        _ if import.began.until(client.now()) > longest => {
            let message = format!("the import {} was not over after {} minutes", import.id, longest.as_secs() / 60);
            let hint = "its records are sent again; look at the imports in Dotdigital";
            Verdict::Whole(Outcome::Unknown(Fault::transient("C0448", message).hint(hint)))
        }
        _ => Import { asked: import.asked.saturating_add(1), ..import }.pending(),
    };
    receipt(verdict, response.status, shown)
}

/// One outcome per item: those that the report names were refused.
fn outcomes(client: &Client, import: &api::Import, items: &[RemoteId]) -> Vec<Outcome> {
    let key = |failure: &api::Failure| match &failure.key {
        serde_json::Value::String(key) => key.clone(),
        other => other.to_string(),
    };
    let named = u64::try_from(import.failures.len()).unwrap_or(u64::MAX);
    let unnamed = import.summary.map_or(0, |summary| summary.total_rejected).saturating_sub(named);
    let of = |item: &RemoteId| {
        let own = map::parts(item).map_or("", |(_, key)| key);
        if let Some(failure) = import.failures.iter().find(|failure| key(failure) == own) {
            return classify::rejected(failure, client.redactor());
        }
        if unnamed > 0 {
            let message = format!("the import refused {unnamed} records that its report does not name");
            return Outcome::Unknown(Fault::protocol("C0447", message));
        }
        Outcome::Delivered
    };
    items.iter().map(of).collect()
}

const fn receipt(verdict: Verdict, status: u16, response: String) -> Receipt {
    Receipt { verdict, status, response }
}
