//! Checks a store before anything is sent.

use contract::{Fault, source::Finding};
use model::RemoteId;

use super::client::{Client, Resource};

/// Checks the keys. The account endpoint checks both at once but is not published, so if its answer is not clear, each
/// key is tried by itself: the public one with a recommendation, the private one by reading an object that does not
/// exist.
pub async fn check(client: &Client) -> Vec<Finding> {
    if client.account().await.is_ok() {
        return vec![Finding::new("keys", Ok("the store accepts both".to_owned()))];
    }
    let public = client.popular().await;
    if let Err(fault) = &public
        && fault.code.starts_with("C03")
    {
        return vec![Finding::new("url", Err(fault.clone()))];
    }
    let nothing = [RemoteId::from("0")];
    let private = client.read(Resource::Products, &nothing).await.map(drop);
    vec![
        Finding::new("public_key", public.map(|()| "the store accepts it".to_owned()).map_err(named)),
        Finding::new("private_key", private.map(|()| "the store accepts it".to_owned()).map_err(named)),
    ]
}

/// So many products are looked at.
const LOOKED_AT: u16 = 20;

/// The addresses of the products that the store recommends most.
pub async fn addresses(client: &Client) -> Result<Vec<String>, Fault> {
    let ids = client.recommended(LOOKED_AT).await?;
    let products = client.read(Resource::Products, &ids).await?;
    let url = |product: &serde_json::Value| product.get("url")?.as_str().map(str::to_owned);
    Ok(products.iter().filter_map(|(_, product)| url(product)).collect())
}

fn named(fault: Fault) -> Fault {
    if fault.hint.is_some() {
        return fault;
    }
    fault.hint("compare the keys with the store's API Keys in my.clerk.io; a private key is shown once, when it is made")
}
