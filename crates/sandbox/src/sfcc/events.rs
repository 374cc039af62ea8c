//! Events of replication, as the pilot sends them to an endpoint: bodies and headers. Whoever tests posts them; the platform
//! delivers each once and never again.

use serde_json::{Value, json};

use super::Emulator;

/// A call to an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its headers, names in lower case, without those that the endpoint was set up with.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

impl Emulator {
    /// Single products, and price tables named `SKU@book`, were published.
    pub fn published(&self, products: &[&str], price_tables: &[&str]) -> Event {
        let named = |ids: &[&str]| ids.iter().map(|id| json!({ "id": id })).collect::<Value>();
        let body = json!({
            "processId": self.serial().to_string(), "type": "GRANULAR", "state": "COMPLETED", "success": true,
            "objects": { "products": named(products), "priceTables": named(price_tables), "contentAssets": [] },
        });
        self.event("sf.cc.replication.granular.completed", &body)
    }

    /// A replication ended; these groups, such as `ORGANIZATION_CATALOG`, were published, or would have been.
    pub fn replicated(&self, groups: &[&str], success: bool) -> Event {
        let groups: Value =
            groups.iter().map(|id| json!({ "id": id, "type": "ORGANIZATION", "domain": "shop" })).collect();
        let name = if success { "sf.cc.replication.completed" } else { "sf.cc.replication.failed" };
        let body = json!({
            "eventType": name, "timestamp": self.now(), "tenantId": self.settings().tenant,
            "payload": {
                "processId": self.serial().to_string(), "type": "ReplicationPublication", "targetSystem": "Production",
                "state": if success { "COMPLETED" } else { "FAILED" }, "isDataReplication": true, "success": success,
                "replicationGroups": groups,
            },
        });
        self.event(name, &body)
    }

    fn event(&self, name: &str, body: &Value) -> Event {
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("x-sf-cc-timestamp", self.now().to_string()),
            ("x-sf-cc-instance-id", self.settings().tenant.to_lowercase()),
            ("x-sf-cc-site-id", String::new()),
            ("x-sf-cc-correlation-id", format!("correlation-{}", self.serial())),
            ("x-sf-cc-event-id", name.to_owned()),
        ];
        Event { headers: headers.map(|(name, value)| (name.to_owned(), value)).to_vec(), body: body.to_string() }
    }
}
