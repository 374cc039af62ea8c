//! What a flow needs of an account: the host of its region, collections with the types of their columns, data fields and a
//! list.

use std::collections::BTreeMap;

use contract::{Fault, destination::Need};
use model::Kind;

use super::{
    api,
    client::{Client, Holds, LISTS_AT_ONCE},
    column::{self, Columns},
    config::{Config, OWN_FIELDS},
};

/// What was found in the account.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Columns of the collections that were there, by name.
    pub columns: BTreeMap<String, Columns>,
    /// Id of the list that contacts are added to.
    pub list: Option<u64>,
    /// Whether the flow carries customers, so that orders can wait for them.
    pub customers: bool,
}

/// Finds the account's host and the list, creates the collections and data fields that are missing if it may, and reads the
/// columns of collections that exist.
///
/// # Errors
/// `C0444` for a collection of another scope or type, `C0450` for a data field of another type or a list that is not there;
/// otherwise the fault of the call that failed.
pub async fn prepare(client: &Client, config: &Config, need: &Need) -> Result<Facts, Fault> {
    client.discover().await?;
    let carries = |kind: Kind| need.fields.contains_key(&kind);
    let mut facts = Facts { customers: carries(Kind::Customer), ..Facts::default() };
    if carries(Kind::Customer) || carries(Kind::Order) {
        facts.list = list(client, config).await?;
    }
    let mut collections: Vec<(String, Holds)> = Vec::new();
    if carries(Kind::Product) || need.fields.is_empty() {
        collections.extend(need.markets.iter().map(|market| (config.collection_of(market), Holds::Products)));
    }
    if carries(Kind::Order) {
        collections.push((config.order_collection.clone(), Holds::Orders));
    }
    if !collections.is_empty() {
        let there = client.collections().await?;
        for (name, holds) in collections {
            facts.columns.extend(collection(client, &there, &name, holds, need.creates).await?.map(|it| (name, it)));
        }
    }
    if carries(Kind::Customer) {
        data_fields(client, config, need.creates).await?;
    }
    Ok(facts)
}

/// The columns of a collection that is there.
async fn collection(
    client: &Client,
    there: &[api::Collection],
    name: &str,
    holds: Holds,
    creates: bool,
) -> Result<Option<Columns>, Fault> {
    let Some(found) = there.iter().find(|collection| collection.collection_name == name) else {
        if creates {
            client.create(name, holds).await?;
        }
        return Ok(None);
    };
    let scope = found.collection_scope.as_deref().unwrap_or("account");
    let is_fit = scope.eq_ignore_ascii_case(holds.scope()) && found.collection_type.eq_ignore_ascii_case(holds.type_name());
    if !is_fit {
        let of = &found.collection_type;
        let message = format!("the collection {name} exists with scope {scope} and type {of}");
        let setting = if holds == Holds::Products { "collection" } else { "order_collection" };
        return Err(Fault::config("C0444", message).hint(format!(
            "it must have scope {} and type {}: choose another name with the setting {setting}",
            holds.scope(),
            holds.type_name()
        )));
    }
    Ok(Some(column::columns(&client.schema(name).await?)))
}

/// Every data field must be there before a contact that has it.
async fn data_fields(client: &Client, config: &Config, creates: bool) -> Result<(), Fault> {
    let there = client.data_fields().await?;
    let own = OWN_FIELDS.iter().map(|name| (*name, if *name == "DOB" { "Date" } else { "String" }));
    for (name, of) in own.chain([(config.customer_id_field.as_str(), "String")]) {
        match there.iter().find(|field| field.name.eq_ignore_ascii_case(name)) {
            None if creates => client.create_data_field(name, of).await?,
            None => {}
            Some(field) if field.of.eq_ignore_ascii_case(of) => {}
            Some(field) => {
                let message = format!("the data field {name} holds {} in Dotdigital, and {of} is needed", field.of);
                let hint = if name == config.customer_id_field {
                    "choose another name with the setting customer_id_field"
                } else {
                    "have it removed in Dotdigital, under Contacts > Data fields, and created anew"
                };
                return Err(Fault::config("C0450", message).hint(hint));
            }
        }
    }
    Ok(())
}

/// The list that the settings name, by its id or its name.
async fn list(client: &Client, config: &Config) -> Result<Option<u64>, Fault> {
    let Some(wanted) = &config.list else { return Ok(None) };
    let mut skip = 0;
    loop {
        let page = client.lists(skip).await?;
        let is_it = |list: &&api::List| list.name == *wanted || list.id.to_string() == *wanted;
        if let Some(found) = page.iter().find(is_it) {
            return Ok(Some(found.id));
        }
        if page.len() < LISTS_AT_ONCE {
            return Err(Fault::config("C0450", format!("Dotdigital has no list of the name or id {wanted:?}"))
                .hint("create it in Dotdigital, or correct the setting list"));
        }
        skip += page.len();
    }
}
