//! Checks an account before anything is sent.

use contract::source::Finding;

use super::client::Client;

/// Checks the credentials, the region, and that Insight data can be read.
pub async fn check(client: &Client) -> Vec<Finding> {
    let region = match client.discover().await {
        Ok(region) => region.host_str().unwrap_or_default().to_owned(),
        Err(fault) => return vec![Finding::new("user", Err(fault))],
    };
    let collections = client.collections().await;
    vec![
        Finding::new("user", Ok(format!("the account is at {region}"))),
        Finding::new("insight_data", collections.map(|all| format!("the account has {} collections", all.len()))),
    ]
}
