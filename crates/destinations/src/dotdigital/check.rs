//! Checks an account before anything is sent.

use contract::source::Finding;

use super::client::Client;

/// Checks the credentials, the region, that Insight data can be read, and, with `people`, that contacts can.
pub async fn check(client: &Client, people: bool) -> Vec<Finding> {
    let region = match client.discover().await {
        Ok(region) => region.host_str().unwrap_or_default().to_owned(),
        Err(fault) => return vec![Finding::new("user", Err(fault))],
    };
    let collections = client.collections().await;
    let mut findings = vec![
        Finding::new("user", Ok(format!("the account is at {region}"))),
        Finding::new("insight_data", collections.map(|all| format!("the account has {} collections", all.len()))),
    ];
    if people {
        let told = |fields: usize| format!("contacts have {fields} data fields");
        findings.push(Finding::new("contacts", client.data_fields().await.map(|all| told(all.len()))));
    }
    findings
}
