//! What a project is set up with: its own settings, and the keys that markets may name.

use contract::{Fault, Profile, StoreProfile};
use serde::Deserialize;

use super::{
    api::people::{FieldDefinition, Type},
    client::Api,
    config::Config,
};

/// Resources per page, the most that the API gives.
const PAGE: usize = 500;
/// Pages read at most. Of what has more, nothing is said.
const MOST_PAGES: usize = 20;

/// Reads the settings of the project, and the keys of what its API client may read.
pub(super) async fn read(api: &Api, config: &Config) -> Result<Profile, Fault> {
    let project = api.project().await.map_err(|refusal| refusal.fault)?;
    let types = all::<Named>(api, "product-types").await?;
    let attributes = types.map(|types| types.into_iter().flat_map(|of| of.attributes).map(|it| it.name).collect());
    let channels = all::<Named>(api, "channels").await?;
    let stores = if config.lanes.stores { all::<Named>(api, "stores").await? } else { None };
    let known = channels.as_deref().unwrap_or_default();
    let stores = stores.map(|stores| stores.into_iter().filter_map(|store| store.profile(known)).collect());
    Ok(Profile {
        languages: Some(project.languages),
        currencies: Some(project.currencies),
        countries: Some(project.countries),
        stores,
        channels: channels.map(keys),
        groups: if config.lanes.customer_groups { all::<Named>(api, "customer-groups").await?.map(keys) } else { None },
        attributes,
    })
}

#[derive(Deserialize)]
struct Page<T> {
    results: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    id: String,
    key: Option<String>,
    /// Of a store, as are the countries and channels.
    languages: Option<Vec<String>>,
    countries: Option<Vec<Country>>,
    distribution_channels: Option<Vec<Referred>>,
    /// Of a product type.
    #[serde(default)]
    attributes: Vec<Attribute>,
}

#[derive(Deserialize)]
struct Attribute {
    name: String,
}

#[derive(Deserialize)]
struct Country {
    code: String,
}

#[derive(Deserialize)]
struct Referred {
    id: String,
}

impl Named {
    /// A store, with the keys of its channels; none for one without a key.
    fn profile(self, channels: &[Self]) -> Option<StoreProfile> {
        let key_of = |referred: &Referred| channels.iter().find(|channel| channel.id == referred.id)?.key.clone();
        Some(StoreProfile {
            key: self.key?,
            name: None,
            languages: self.languages.unwrap_or_default(),
            countries: self.countries.into_iter().flatten().map(|country| country.code).collect(),
            price_channels: self.distribution_channels.iter().flatten().filter_map(key_of).collect(),
        })
    }
}

/// The custom fields that customers may have.
pub(super) async fn customer_fields(api: &Api) -> Result<Vec<FieldDefinition>, Fault> {
    let types = all::<Type>(api, "types").await?.unwrap_or_default().into_iter();
    let of_customers = types.filter(|of| of.resource_type_ids.iter().any(|id| id == "customer"));
    Ok(of_customers.flat_map(|of| of.field_definitions).collect())
}

/// What is listed by pages, the next one after the id of the last.
trait Listed: serde::de::DeserializeOwned {
    fn id(&self) -> &str;
}

impl Listed for Named {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Listed for Type {
    fn id(&self) -> &str {
        &self.id
    }
}

/// The keys of resources, sorted.
fn keys(all: Vec<Named>) -> Vec<String> {
    let mut keys: Vec<String> = all.into_iter().filter_map(|named| named.key).collect();
    keys.sort_unstable();
    keys
}

/// All resources of a kind; none when there are too many to read.
async fn all<T: Listed>(api: &Api, path: &str) -> Result<Option<Vec<T>>, Fault> {
    let mut found = Vec::new();
    let mut after: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let limit = PAGE.to_string();
        let mut query = vec![("limit", limit.as_str()), ("withTotal", "false"), ("sort", "id asc")];
        query.extend(after.as_deref().map(|after| ("where", after)));
        let response = api.get(path, &query).await.map_err(|refusal| refusal.fault)?;
        let page: Page<T> = serde_json::from_slice(&response.body).map_err(|error| {
            Fault::protocol("C0207", format!("GET /{path} was answered with something that is no list: {error}"))
                .hint("check api_url and project_key")
        })?;
        let is_last = page.results.len() < PAGE;
        after = page.results.last().map(|last| format!("id > \"{}\"", last.id()));
        found.extend(page.results);
        if is_last {
            return Ok(Some(found));
        }
    }
    Ok(None)
}
