//! Calls about people: contacts, orders, and the contacts that orders need. What is answered is kept without its words.

use std::collections::{BTreeMap, BTreeSet};

use contract::{Call, Facet, Fault, Op, Outcome, Parcel, Receipt, destination::Verdict};
use model::{Kind, RemoteId};
use wire::Response;

use super::{
    Connector,
    contact::{self, Statement},
    ids::Place,
    import::{self, Import, Of},
    order::{self, Owned},
    unsent,
};

impl Connector {
    /// Creates, changes, unsubscribes or deletes contacts.
    pub(super) async fn send_contacts(&self, call: &Call) -> Receipt {
        if call.op == Op::Remove {
            return self.delete_contacts(&call.parcels).await;
        }
        let statements = call.parcels.iter().map(|parcel| contact::statement(&self.config, call.op, parcel));
        let statements: Vec<Statement> = match statements.collect::<Result<_, Fault>>() {
            Ok(statements) => statements,
            // The call is halved until the one at fault is alone.
            Err(fault) => return unsent(Outcome::Rejected(fault)),
        };
        let mut seen = BTreeSet::new();
        if statements.iter().flat_map(Statement::addresses).any(|address| !seen.insert(address)) {
            let message = "two customers of a call have one address: what was said last of it would be said at random";
            return unsent(Outcome::Rejected(Fault::record("C0450", message)));
        }
        match <[Statement; 1]>::try_from(statements) {
            Ok([statement]) if statement.others.is_empty() => self.change_contact(statement).await,
            Ok([statement]) => self.import_contacts(call, vec![statement]).await,
            Err(statements) if statements.iter().any(|statement| statement.moves) => {
                let fault = Fault::record("C0450", "dotdigital: one address is changed in a call");
                unsent(Outcome::Rejected(fault))
            }
            Err(statements) => self.import_contacts(call, statements).await,
        }
    }

    async fn change_contact(&self, statement: Statement) -> Receipt {
        let body = serde_json::json!(statement.body).to_string();
        match self.client.patch_contact(&statement.address, body).await {
            Ok(response) if response.status == 201 && statement.is_change => {
                let outcome = Outcome::Unknown(import::created_by_change());
                Receipt { verdict: Verdict::Whole(outcome), status: response.status, response: String::new() }
            }
            Ok(response) => answered(&response),
            Err(outcome) => unsent(outcome),
        }
    }

    async fn import_contacts(&self, call: &Call, statements: Vec<Statement>) -> Receipt {
        let is_change = matches!(call.op, Op::Patch(_));
        let ids = call.parcels.iter().map(|parcel| parcel.id.clone());
        let addresses: BTreeMap<RemoteId, Vec<String>> =
            ids.zip(statements.iter().map(Statement::addresses)).collect();
        match self.client.import_contacts(statements.into_iter().flat_map(Statement::imported)).await {
            Ok((id, response)) => {
                self.carried.contacts(&id, addresses);
                self.begun(if is_change { Of::Changes } else { Of::Contacts }, id, &response)
            }
            Err(outcome) => unsent(outcome),
        }
    }

    async fn delete_contacts(&self, parcels: &[Parcel]) -> Receipt {
        self.delete(parcels.iter().map(contact::addresses).collect()).await
    }

    async fn delete(&self, addresses: Vec<Vec<String>>) -> Receipt {
        if addresses.iter().any(Vec::is_empty) {
            let fault = Fault::record("C0450", "nobody knows which address the contact of a customer who is gone has")
                .hint("look for the customer's id in Dotdigital, delete the contact there, and drop the dead letter");
            return unsent(Outcome::Rejected(fault));
        }
        match self.client.delete_contacts(&addresses.concat()).await {
            Ok((id, response)) => self.begun(Of::Deletion, id, &response),
            Err(outcome) => unsent(outcome),
        }
    }

    /// Puts and deletes orders, and creates the contacts that they need.
    pub(super) async fn send_orders(&self, call: &Call) -> Receipt {
        match (call.op, call.parcels.as_slice()) {
            (Op::Report, [parcel]) => match self.client.create_contact(parcel.payload.object()).await {
                Ok(response) => answered(&response),
                Err(outcome) => unsent(outcome),
            },
            (Op::Put, parcels) => self.put_orders(parcels).await,
            (Op::Remove, [parcel]) if matches!(Place::of(&parcel.id), Some(Place::Owner(_))) => {
                let created = parcel.before.as_ref().and_then(order::created);
                self.delete(vec![created.into_iter().collect()]).await
            }
            (Op::Remove, [parcel]) => self.delete_order(parcel).await,
            (op, parcels) => {
                let message = format!("dotdigital: there is no call to {} {} orders", op.name(), parcels.len());
                unsent(Outcome::Deferred(Fault::config("C0440", message)))
            }
        }
    }

    async fn put_orders(&self, parcels: &[Parcel]) -> Receipt {
        let collection = self.config.order_collection.as_str();
        let owned: Vec<Owned> = parcels.iter().map(|parcel| Owned::of(&parcel.payload)).collect();
        let record = |parcel: &Parcel| format!("{{{}}}", parcel.payload.members(Facet::CONTENT));
        let key = |parcel: &Parcel| Place::of(&parcel.id).map_or("", Place::key).to_owned();
        if let ([parcel], [owner]) = (parcels, owned.as_slice())
            && !self.client.is_missing(collection)
        {
            return match self.client.put_owned((collection, &key(parcel)), &owner.email, record(parcel)).await {
                Ok(Some(response)) => {
                    self.carried.arrived(&parcel.id);
                    answered(&response)
                }
                Ok(None) => {
                    let outcome = self.carried.without_contact(&parcel.id, owner.customer.as_deref());
                    Receipt { verdict: Verdict::Whole(outcome), status: 404, response: String::new() }
                }
                Err(outcome) => unsent(outcome),
            };
        }
        let records = parcels.iter().zip(&owned).map(|(parcel, owner)| (key(parcel), owner.email.clone(), record(parcel)));
        match self.client.import_owned(collection, records).await {
            Ok((id, response)) => {
                let owners = parcels.iter().map(|parcel| parcel.id.clone()).zip(owned.into_iter().map(|it| it.customer));
                self.carried.orders(&id, owners.collect());
                self.begun(Of::Orders, id, &response)
            }
            Err(outcome) => unsent(outcome),
        }
    }

    async fn delete_order(&self, parcel: &Parcel) -> Receipt {
        let key = Place::of(&parcel.id).map_or("", Place::key);
        match self.client.delete_owned(&self.config.order_collection, key).await {
            Ok(response) => answered(&response),
            Err(outcome) => unsent(outcome),
        }
    }

    fn begun(&self, of: Of, id: String, response: &Response) -> Receipt {
        let verdict = Import::begun(of, id, self.client.now()).pending();
        Receipt { verdict, status: response.status, response: String::new() }
    }
}

fn answered(response: &Response) -> Receipt {
    Receipt { verdict: Verdict::Whole(Outcome::Delivered), status: response.status, response: String::new() }
}

/// Whether calls of this kind are about people.
pub(super) const fn is_personal(kind: Kind) -> bool {
    matches!(kind, Kind::Customer | Kind::Order)
}
