//! The OCAPI Data API: client and token, the permission document, lists and documents, jobs.

use http::{HeaderMap, Method};
use serde_json::{Value, json};

use super::Emulator;
use super::access::{self, Client};
use super::archive::time;
use super::definitions;
use super::error::Fault;
use super::jobs::{MOST_ROWS, ROWS};
use super::query::Parameters;
use super::seed::CATALOGS;
use super::select::Select;
use super::state::{DEFAULT_LOCALE, List, MASTER_CATALOG, ROOT, Record, STOREFRONT_CATALOG, Site, State};
use super::uptime::Moment;

/// Where the API is.
pub(super) const PREFIX: &str = "/s/-/dw/data/";
/// The newest version that exists.
const NEWEST: (u32, u32) = (25, 6);
/// The oldest that is answered.
const OLDEST: u32 = 15;

/// One call.
pub(super) struct Call<'a> {
    pub(super) emulator: &'a Emulator,
    pub(super) method: &'a Method,
    pub(super) headers: &'a HeaderMap,
    pub(super) query: &'a str,
    pub(super) body: &'a [u8],
    pub(super) moment: Moment,
}

/// Status and body. No body is an answer without one.
type Answered = (u16, Option<Value>);

/// `25.6` of `v25_6`, if there is such a version.
fn version(text: &str) -> Option<String> {
    let (year, number) = text.strip_prefix('v')?.split_once('_')?;
    let plain =
        |part: &str| part.len() <= 2 && part.bytes().all(|byte| byte.is_ascii_digit()) && !part.starts_with('0');
    if !plain(year) || !plain(number) {
        return None;
    }
    let (year, number): (u32, u32) = (year.parse().ok()?, number.parse().ok()?);
    let exists = (OLDEST..=NEWEST.0).contains(&year) && number <= 10 && (year, number) <= NEWEST;
    exists.then(|| format!("{year}.{number}"))
}

impl Call<'_> {
    /// Answers a path behind [`PREFIX`], which is still encoded.
    pub(super) fn answer(&self, path: &str) -> Answered {
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        let Some(version) = version(first) else {
            return (404, Some(Fault::no_resource(path).body("25.6")));
        };
        match self.document(first, rest) {
            Ok(None) => (204, None),
            Ok(Some(mut document)) => {
                if let Some(members) = document.as_object_mut() {
                    members.insert("_v".to_owned(), json!(version));
                }
                (200, Some(document))
            }
            Err(fault) => (fault.status, Some(fault.body(&version))),
        }
    }

    fn document(&self, version: &str, path: &str) -> Result<Option<Value>, Fault> {
        let client = self.client()?;
        let settings = self.emulator.settings();
        let segments: Vec<String> = path
            .split('/')
            .map(|segment| percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned())
            .collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let endpoint = endpoint(&segments).ok_or_else(|| Fault::no_resource(path))?;
        self.emulator.count(&format!("{} /data/{endpoint}", self.method));
        let Some(resource) = access::resource(client, self.method.as_str(), path) else {
            let message = format!(
                "Access to the resource '/{path}' with the method '{}' isn't allowed for the client '{}'.",
                self.method, client.id
            );
            return Err(Fault::new(403, "ClientAccessForbiddenException", message, json!({ "clientId": client.id })));
        };
        let parameters = Parameters::read(self.query).ok_or_else(|| Fault::malformed("query"))?;
        let base = format!("{PREFIX}{version}/{path}");
        let lists = Lists { parameters: &parameters, link: self.link(&base) };
        let state = &*self.emulator.state();
        let mut answer = match (self.method.as_str(), segments.as_slice()) {
            ("GET", ["sites"]) => {
                let rows: Vec<&Site> = state.sites.values().collect();
                lists.page("sites", rows, &["start", "count", "select"], |it| self.site(state, version, it))?
            }
            ("GET", ["sites", id]) => self.site(state, version, site(state, id)?),
            ("GET", ["sites", id, "locale_info", "locales"]) => Self::locales(state, site(state, id)?, &lists)?,
            ("GET", ["catalogs"]) => {
                let known = ["start", "count", "select", "expand"];
                lists.page("catalogs", CATALOGS.to_vec(), &known, |id| self.catalog(state, version, id))?
            }
            ("GET", ["catalogs", id]) => {
                let known = CATALOGS.contains(id);
                if !known {
                    return Err(Fault::not_found("CatalogNotFoundException", "catalog", "catalogId", id));
                }
                self.catalog(state, version, id)
            }
            ("GET", ["inventory_lists"]) => {
                let rows: Vec<&List> = state.lists.values().collect();
                let known = ["start", "count", "select"];
                lists.page("inventory_lists", rows, &known, |it| self.inventory_list(state, version, it))?
            }
            ("GET", ["inventory_lists", id]) => self.inventory_list(state, version, list(state, id)?),
            ("GET", ["inventory_lists", id, "product_inventory_records"]) => {
                let list = list(state, id)?;
                let rows: Vec<(&String, &Record)> = list.records.iter().collect();
                let known = ["start", "count", "select"];
                lists.page("product_inventory_records", rows, &known, |(product, it)| {
                    self.record(state, version, list, product, *it)
                })?
            }
            ("GET", ["inventory_lists", id, "product_inventory_records", product]) => {
                let list = list(state, id)?;
                let found = list.records.get_key_value(*product);
                let (product, it) = found.ok_or_else(|| {
                    let kind = "ProductInventoryRecordNotFoundException";
                    Fault::not_found(kind, "product inventory record", "productId", product)
                })?;
                self.record(state, version, list, product, *it)
            }
            ("GET", ["system_object_definitions", of, "attribute_definitions"]) => {
                self.definitions(state, version, of, &lists)?
            }
            ("POST", ["jobs", job, "executions"]) => {
                let (mut jobs, files) = (self.emulator.jobs(), self.emulator.files());
                jobs.start((settings, state, &files), job, &client.id, self.body, self.moment)?
            }
            ("GET", ["jobs", job, "executions", id]) => self.emulator.jobs().show(job, id, self.moment.uptime)?,
            ("DELETE", ["jobs", job, "executions", id]) => {
                self.emulator.jobs().delete(job, id, self.moment.uptime)?;
                return Ok(None);
            }
            ("POST", ["job_execution_search"]) => self.emulator.jobs().search(self.body, self.moment.uptime)?,
            _ => {
                let message = format!("The method '{}' isn't allowed for the resource.", self.method);
                return Err(Fault::new(
                    405,
                    "MethodNotAllowedException",
                    message,
                    json!({ "method": self.method.as_str() }),
                ));
            }
        };
        let readable = resource.get("read_attributes").and_then(Value::as_str).and_then(Select::read);
        if let Some(readable) = readable {
            readable.apply(&mut answer);
        }
        Ok(Some(answer))
    }

    /// The client of the call, which its token names.
    fn client(&self) -> Result<&Client, Fault> {
        let parameters = Parameters::read(self.query).unwrap_or_default();
        let header = self.headers.get("x-dw-client-id").and_then(|id| id.to_str().ok());
        let named = header.or_else(|| parameters.one("client_id"));
        if access::bearer(self.headers).is_none() {
            return Err(match named {
                None => Fault::new(403, "MissingClientIdException", "The client ID is missing.", json!({})),
                Some(id) if !self.emulator.settings().clients.iter().any(|client| client.id == id) => {
                    Fault::new(403, "UnknownClientIdException", "The client ID is unknown.", json!({ "clientId": id }))
                }
                Some(_) => {
                    let message = "The authorization header is missing.";
                    Fault::new(401, "AuthorizationHeaderMissingException", message, json!({}))
                }
            });
        }
        let tokens = self.emulator.tokens();
        let invalid = || {
            Fault::new(
                401,
                "InvalidAccessTokenException",
                "Unauthorized request! The access token is invalid.",
                json!({}),
            )
        };
        let token = tokens.valid(self.headers, self.moment.now).ok_or_else(invalid)?;
        if named.is_some_and(|id| id != token.client) {
            return Err(invalid());
        }
        let known = self.emulator.settings().clients.iter().find(|client| client.id == token.client);
        known.filter(|client| client.data.is_some()).ok_or_else(|| {
            let message = format!("The client '{}' isn't allowed to use the API.", token.client);
            Fault::new(403, "ClientAccessForbiddenException", message, json!({ "clientId": token.client }))
        })
    }

    /// An address of the instance.
    fn link(&self, path: &str) -> String {
        let host = self.headers.get(http::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        format!("https://{host}{path}")
    }

    fn object(&self, version: &str, path: &str) -> String {
        self.link(&format!("{PREFIX}{version}/{path}"))
    }

    fn site(&self, state: &State, version: &str, it: &Site) -> Value {
        json!({
            "_type": "site", "id": it.id, "display_name": { "default": it.name }, "in_deletion": false,
            "cartridges": "app_storefront_base", "storefront_status": "online",
            "creation_date": time(state.created), "last_modified": time(state.created),
            "customer_list_link": {
                "_type": "customer_list_link", "customer_list_id": it.id, "title": { "default": it.id },
                "link": self.object(version, &format!("customer_lists/{}", it.id)),
            },
            "link": self.object(version, &format!("sites/{}", it.id)),
        })
    }

    /// The attributes of products: those that every instance has, and the custom ones.
    fn definitions(&self, state: &State, version: &str, of: &str, lists: &Lists) -> Result<Value, Fault> {
        if of != "Product" {
            return Err(Fault::not_found("ObjectTypeNotFoundException", "object type", "objectType", of));
        }
        let all = state.attributes.iter().map(|(id, it)| (id.clone(), definitions::custom(id, it)));
        let mut rows: Vec<(String, Value)> = definitions::system().chain(all).collect();
        rows.sort_by(|(one, _), (other, _)| one.cmp(other));
        lists.page("object_attribute_definitions", rows, &["start", "count", "select"], |(id, mut document)| {
            let path = format!("system_object_definitions/{of}/attribute_definitions/{id}");
            if let Some(members) = document.as_object_mut() {
                members.insert("link".to_owned(), json!(self.object(version, &path)));
            }
            document
        })
    }

    /// The locales of a site, `default` among them; all that the instance has with `include_all`.
    fn locales(state: &State, site: &Site, lists: &Lists) -> Result<Value, Fault> {
        lists.only(&["include_all", "id", "select", "start", "count"])?;
        let all = lists.parameters.one("include_all") == Some("true");
        let wanted = lists.parameters.one("id");
        let of_site = |locale: &&String| all || *locale == DEFAULT_LOCALE || site.locales.contains(locale);
        let rows: Vec<&String> =
            state.locales.iter().filter(of_site).filter(|locale| wanted.is_none_or(|id| id == *locale)).collect();
        let (start, count) = lists.window()?;
        let total = rows.len();
        let hits: Vec<Value> = rows
            .into_iter()
            .skip(start)
            .take(count)
            .map(|locale| {
                let (language, country) = locale.split_once('-').unwrap_or((locale, ""));
                let language = if locale == DEFAULT_LOCALE { "" } else { language };
                json!({
                    "_type": "locale", "id": locale, "active": true, "language": language, "country": country,
                    "display_name": locale, "name": locale,
                })
            })
            .collect();
        let mut answer = json!({
            "_type": "locale_result", "include_all": all, "count": hits.len(), "start": start, "total": total,
            "hits": hits,
        });
        let select = lists.select()?.unwrap_or_else(|| {
            // The description names it: only the id.
            let hits = Select::Members(vec![("id".to_owned(), Select::Everything)]);
            let plain = |name: &str| (name.to_owned(), Select::Everything);
            Select::Members(vec![plain("count"), plain("start"), plain("total"), ("hits".to_owned(), hits)])
        });
        select.apply(&mut answer);
        Ok(answer)
    }

    fn catalog(&self, state: &State, version: &str, id: &str) -> Value {
        let sites: Vec<Value> = if id == STOREFRONT_CATALOG {
            state.sites.values().map(|it| json!({ "_type": "site", "id": it.id })).collect()
        } else {
            Vec::new()
        };
        let (owned, assigned) =
            if id == MASTER_CATALOG { (state.products.len(), 0) } else { (0, state.assignments.len()) };
        json!({
            "_type": "catalog", "id": id, "name": { "default": id }, "online": true, "root_category": ROOT,
            "assigned_sites": sites, "owned_product_count": owned, "assigned_product_count": assigned,
            "category_count": if id == STOREFRONT_CATALOG { state.categories.len() } else { 1 },
            "recommendation_count": 0, "creation_date": time(state.created),
            "last_modified": time(state.catalogs_modified), "link": self.object(version, &format!("catalogs/{id}")),
        })
    }

    fn inventory_list(&self, state: &State, version: &str, it: &List) -> Value {
        let sites: Vec<&String> = state.sites.values().filter(|site| site.list == it.id).map(|site| &site.id).collect();
        json!({
            "_type": "inventory_list", "id": it.id, "description": it.description,
            "default_in_stock": it.default_in_stock, "use_bundle_inventory_only": false,
            "on_order_inventory_enabled": false, "assigned_sites": sites, "creation_date": time(state.created),
            "last_modified": time(it.modified), "link": self.object(version, &format!("inventory_lists/{}", it.id)),
        })
    }

    fn record(&self, state: &State, version: &str, list: &List, product: &str, it: Record) -> Value {
        let name = state.products.get(product).and_then(|it| it.name.get(DEFAULT_LOCALE));
        let mut shown = json!({
            "_type": "product_inventory_record", "product_id": product, "inventory_list_id": list.id,
            "allocation": { "_type": "product_inventory_record_allocation", "amount": decimal(it.allocation), "reset_date": time(it.reset) },
            "ats": decimal(it.level()), "stock_level": decimal(it.level()), "perpetual_flag": it.perpetual,
            "pre_order_back_order_handling": "none", "pre_order_back_order_allocation": 0.0,
            "quantity_on_order": 0.0, "inventory_turnover": decimal(it.turnover),
            "creation_date": time(it.reset), "last_modified": time(it.modified),
            "link": self.object(version, &format!("inventory_lists/{}/product_inventory_records/{product}", list.id)),
        });
        if let (Some(members), Some(name)) = (shown.as_object_mut(), name) {
            members.insert("product_name".to_owned(), json!(name));
        }
        shown
    }
}

/// A number of pieces, which the API has as a decimal.
#[expect(clippy::cast_precision_loss, reason = "stock is far below 2^53 pieces")]
pub(super) fn decimal(pieces: i64) -> f64 {
    pieces as f64
}

fn site<'s>(state: &'s State, id: &str) -> Result<&'s Site, Fault> {
    state.sites.get(id).ok_or_else(|| Fault::not_found("SiteNotFoundException", "site", "siteId", id))
}

fn list<'s>(state: &'s State, id: &str) -> Result<&'s List, Fault> {
    let kind = "InventoryListNotFoundException";
    state.lists.get(id).ok_or_else(|| Fault::not_found(kind, "inventory list", "inventoryListId", id))
}

/// The pattern of a path, if the API has it.
fn endpoint(segments: &[&str]) -> Option<&'static str> {
    Some(match segments {
        ["sites"] => "sites",
        ["sites", _] => "sites/{site_id}",
        ["sites", _, "locale_info", "locales"] => "sites/{site_id}/locale_info/locales",
        ["catalogs"] => "catalogs",
        ["catalogs", _] => "catalogs/{catalog_id}",
        ["inventory_lists"] => "inventory_lists",
        ["inventory_lists", _] => "inventory_lists/{id}",
        ["inventory_lists", _, "product_inventory_records"] => "inventory_lists/{id}/product_inventory_records",
        ["inventory_lists", _, "product_inventory_records", _] => {
            "inventory_lists/{id}/product_inventory_records/{product_id}"
        }
        ["system_object_definitions", _, "attribute_definitions"] => {
            "system_object_definitions/{object_type}/attribute_definitions"
        }
        ["jobs", _, "executions"] => "jobs/{job_id}/executions",
        ["jobs", _, "executions", _] => "jobs/{job_id}/executions/{id}",
        ["job_execution_search"] => "job_execution_search",
        _ => return None,
    })
}

/// What a list is asked for.
struct Lists<'p> {
    parameters: &'p Parameters,
    /// Its address.
    link: String,
}

impl Lists<'_> {
    fn only(&self, known: &[&str]) -> Result<(), Fault> {
        let all: Vec<&str> = known.iter().copied().chain(["client_id"]).collect();
        match self.parameters.stranger(&all) {
            Some(name) => {
                let message = format!("The parameter '{name}' isn't one of the resource.");
                Err(Fault::new(400, "UnknownParameterException", message, json!({ "parameter": name })))
            }
            None => Ok(()),
        }
    }

    fn number(&self, name: &'static str, otherwise: u64, most: u64, least: u64) -> Result<usize, Fault> {
        let wrong = || {
            let message = format!("The value of the parameter '{name}' must be from {least} to {most}.");
            Fault::new(400, "ParameterValueConstraintViolationException", message, json!({ "parameter": name }))
        };
        let number = self.parameters.one(name).map_or(Ok(otherwise), |text| text.parse().map_err(|_| wrong()))?;
        if !(least..=most).contains(&number) {
            return Err(wrong());
        }
        usize::try_from(number).map_err(|_| wrong())
    }

    /// `start` and `count`.
    fn window(&self) -> Result<(usize, usize), Fault> {
        Ok((self.number("start", 0, u64::from(u32::MAX), 0)?, self.number("count", ROWS, MOST_ROWS, 1)?))
    }

    fn select(&self) -> Result<Option<Select>, Fault> {
        let Some(text) = self.parameters.one("select") else { return Ok(None) };
        Select::read(text).map(Some).ok_or_else(|| {
            let message = format!("The selector '{text}' is malformed.");
            Fault::new(400, "MalformedSelectorException", message, json!({ "selector": text }))
        })
    }

    /// A page. Without a selector, rows have little more than their id.
    fn page<T>(&self, kind: &str, rows: Vec<T>, known: &[&str], show: impl Fn(T) -> Value) -> Result<Value, Fault> {
        self.only(known)?;
        let (start, count) = self.window()?;
        let total = rows.len();
        let mut data: Vec<Value> = rows.into_iter().skip(start).take(count).map(show).collect();
        let select = self.select()?;
        if select.is_none() {
            let short = ["id", "product_id", "inventory_list_id", "link"];
            let short = Select::Members(short.map(|name| (name.to_owned(), Select::Everything)).to_vec());
            for row in &mut data {
                short.apply(row);
            }
        }
        let shown = data.len();
        let mut answer = json!({ "_type": kind, "count": shown, "start": start, "total": total, "data": data });
        if let Some(members) = answer.as_object_mut() {
            let page = |from: usize| json!(format!("{}?start={from}&count={count}", self.link));
            if start + shown < total && shown > 0 {
                members.insert("next".to_owned(), page(start + count));
            }
            if start > 0 {
                members.insert("previous".to_owned(), page(start.saturating_sub(count)));
            }
        }
        if let Some(select) = select {
            select.apply(&mut answer);
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_version_is_answered_as_itself() {
        for (text, wanted) in [("v25_6", Some("25.6")), ("v19_5", Some("19.5")), ("v23_10", Some("23.10"))] {
            assert_eq!(version(text).as_deref(), wanted);
        }
        for text in ["v25_7", "v26_1", "25_6", "v25", "v25_06", "v9_1", "v25_11", "vx_y"] {
            assert_eq!(version(text), None, "{text}");
        }
    }
}
