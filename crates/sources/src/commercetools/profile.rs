//! What a project is set up with: its own settings, and the keys that markets may name.

use contract::{Fault, Profile};
use serde::Deserialize;

use super::{client::Api, config::Config};

/// Resources per page, the most that the API gives.
const PAGE: usize = 500;
/// Pages read at most. Of what has more, nothing is said.
const MOST_PAGES: usize = 20;

/// Reads the settings of the project, and the keys of what its API client may read.
pub(super) async fn read(api: &Api, config: &Config) -> Result<Profile, Fault> {
    let project = api.project().await.map_err(|refusal| refusal.fault)?;
    let types = all(api, "product-types").await?;
    let attributes = types.map(|types| types.into_iter().flat_map(|of| of.attributes).map(|it| it.name).collect());
    Ok(Profile {
        languages: Some(project.languages),
        currencies: Some(project.currencies),
        countries: Some(project.countries),
        stores: if config.lanes.stores { keys(api, "stores").await? } else { None },
        channels: keys(api, "channels").await?,
        groups: if config.lanes.customer_groups { keys(api, "customer-groups").await? } else { None },
        attributes,
    })
}

#[derive(Deserialize)]
struct Page {
    results: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
    key: Option<String>,
    /// Of a product type.
    #[serde(default)]
    attributes: Vec<Attribute>,
}

#[derive(Deserialize)]
struct Attribute {
    name: String,
}

/// Keys of all resources of a kind, sorted; none when there are too many to read.
async fn keys(api: &Api, path: &str) -> Result<Option<Vec<String>>, Fault> {
    let Some(all) = all(api, path).await? else { return Ok(None) };
    let mut keys: Vec<String> = all.into_iter().filter_map(|named| named.key).collect();
    keys.sort_unstable();
    Ok(Some(keys))
}

/// All resources of a kind; none when there are too many to read.
async fn all(api: &Api, path: &str) -> Result<Option<Vec<Named>>, Fault> {
    let mut found = Vec::new();
    let mut after: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let limit = PAGE.to_string();
        let mut query = vec![("limit", limit.as_str()), ("withTotal", "false"), ("sort", "id asc")];
        query.extend(after.as_deref().map(|after| ("where", after)));
        let response = api.get(path, &query).await.map_err(|refusal| refusal.fault)?;
        let page: Page = serde_json::from_slice(&response.body).map_err(|error| {
            Fault::protocol("C0207", format!("GET /{path} was answered with something that is no list: {error}"))
                .hint("check api_url and project_key")
        })?;
        let is_last = page.results.len() < PAGE;
        after = page.results.last().map(|last| format!("id > \"{}\"", last.id));
        found.extend(page.results);
        if is_last {
            return Ok(Some(found));
        }
    }
    Ok(None)
}
