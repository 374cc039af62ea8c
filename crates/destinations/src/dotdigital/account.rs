//! What a flow needs of an account: the host of its region, a collection per market, and the types of its columns.

use std::collections::BTreeMap;

use contract::{Fault, destination::Need};

use super::{
    client::Client,
    column::{self, Columns},
    config::Config,
};

/// What was found in the account.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Columns of the collections that were there, by name.
    pub columns: BTreeMap<String, Columns>,
}

/// Finds the account's host, creates the collections that are missing if it may, and reads the columns of those that exist.
///
/// # Errors
/// `C0444` for a collection of another scope or type; otherwise the fault of the call that failed.
pub async fn prepare(client: &Client, config: &Config, need: &Need) -> Result<Facts, Fault> {
    client.discover().await?;
    let there = client.collections().await?;
    let mut facts = Facts::default();
    for market in &need.markets {
        let name = config.collection_of(market);
        let Some(found) = there.iter().find(|collection| collection.collection_name == name) else {
            if need.creates {
                client.create(&name).await?;
            }
            continue;
        };
        let scope = found.collection_scope.as_deref().unwrap_or("account");
        if !scope.eq_ignore_ascii_case("account") || !found.collection_type.eq_ignore_ascii_case("catalog") {
            let of = &found.collection_type;
            let message = format!("the collection {name} exists with scope {scope} and type {of}");
            return Err(Fault::config("C0444", message)
                .hint("it must have scope account and type catalog: choose another name with the setting collection"));
        }
        facts.columns.insert(name.clone(), column::columns(&client.schema(&name).await?));
    }
    Ok(facts)
}
