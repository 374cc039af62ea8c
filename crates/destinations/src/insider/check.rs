//! Checks an account before anything is sent.

use contract::{Fault, source::Finding};

use super::{
    client::Client,
    config::{Categories, Config},
};

/// Checks the key with a change of an item that does not exist. What the panel sets can't be read: it is said what these
/// settings expect of it.
pub async fn check(config: &Config, client: &Client) -> Vec<Finding> {
    let accepted = client.probe().await;
    let works = accepted.is_ok();
    let mut found = vec![Finding::new("token", accepted.map(|()| "the account accepts it".to_owned()).map_err(named))];
    if works {
        found.push(Finding::new("panel", Ok(expected(config))));
    }
    found
}

fn expected(config: &Config) -> String {
    let categories = match config.categories {
        Categories::Hierarchical => "hierarchical",
        Categories::Flat => "flat",
    };
    let attributes = match config.attributes.as_slice() {
        [] => "no attributes".to_owned(),
        names => format!("the attributes {} (others are dropped there)", names.join(", ")),
    };
    format!(
        "Insider does not show its settings; compare them in its panel: feed type Stock & Revenue or Availability, {categories} \
         categories, {attributes}"
    )
}

fn named(fault: Fault) -> Fault {
    if fault.hint.is_some() {
        return fault;
    }
    fault.hint("compare url, partner_name and token with the panel: the key is of the type \"Product Catalog\"")
}
