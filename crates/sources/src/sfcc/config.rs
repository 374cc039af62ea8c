//! Settings of an SFCC source. The doc comments are the reference text.

use std::collections::BTreeMap;

use contract::{BadSetting, Fault, SecretRef};
use model::Currency;
use schemars::JsonSchema;
use serde::Deserialize;
use wire::Url;

use super::{map, place::Unit};

/// A Salesforce B2C Commerce instance that is read by exporting site archives, or by its APIs.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "sfcc")]
pub struct Config {
    /// Host of the instance, such as `zzte-053.dx.commercecloud.salesforce.com` or
    /// `production-realm-customer.demandware.net`.
    pub host: String,
    /// How it is read. An export reads everything at once, needs one client, and knows price books with their times; the
    /// APIs need three clients, and know the prices that the sites show.
    #[serde(default)]
    pub route: Route,
    /// Id of the API client in Account Manager, for OCAPI and WebDAV. Write `env:NAME` or `file:/path`.
    pub client_id: SecretRef,
    /// Its password. Write `env:NAME` or `file:/path`; never the password itself.
    pub client_secret: SecretRef,
    /// Where tokens are granted. Default: `https://account.demandware.com/dwsso/oauth2/access_token`.
    pub token_url: Option<String>,
    /// Where OCAPI is, without `/s/-/dw/…`: for proxies and for other servers of the same API. Default: the host.
    pub api_url: Option<String>,
    /// Where WebDAV is, without `/on/demandware.servlet/…`, if it is on another host. Default: as `api_url`.
    pub webdav_url: Option<String>,
    /// Version of OCAPI, as in its addresses.
    #[serde(default = "defaults::api_version")]
    pub api_version: String,
    /// Catalogues that are exported: those that own products and those that sites show. Default: all.
    pub catalogs: Option<Vec<String>>,
    /// Price books that are exported, with the parents of those that sites use. Default: all.
    pub price_books: Option<Vec<String>>,
    /// Inventory lists that are exported. Default: all.
    pub inventory_lists: Option<Vec<String>>,
    /// Sites, by the id that a market names as its `store`, and what they show where it is not to be read from their
    /// preferences. Default: all sites of the instance, with what their preferences say.
    #[serde(default)]
    pub sites: BTreeMap<String, Site>,
    /// Price books with list prices of all sites, which need not be books that sites sell from: the first by id that has a price
    /// in the market's currency counts. Default: the list price is that of the book that the sale book is based on.
    #[serde(default)]
    pub list_price_books: Vec<String>,
    /// View types of images, the preferred one first: the first one that a product has an image of is read.
    #[serde(default = "defaults::image_views")]
    pub image_views: Vec<String>,
    /// Address of images that the instance keeps, with `{catalog}` and `{path}` (the base path of the catalogue). Default:
    /// `https://HOST/on/demandware.static/-/Sites-{catalog}/default/{path}`.
    pub image_url: Option<String>,
    /// The export.
    #[serde(default)]
    pub export: Box<Export>,
    /// SCAPI, for the route `api`.
    pub scapi: Option<Box<Scapi>>,
    /// Events of replication, for instances that take part in the pilot: what is published is read at once. Without them it is
    /// read at intervals.
    pub webhooks: Option<Webhooks>,
    /// Records per page at most. Range 1–10000.
    #[serde(default = "defaults::page_size")]
    pub page_size: u16,
    /// Longest wait for an answer or for the next piece of a download, in seconds. Range 1–600.
    #[serde(default = "defaults::request_timeout_seconds")]
    pub request_timeout_seconds: u32,
    /// Most attempts of a call that fails for a temporary reason. Range 1–10.
    #[serde(default = "defaults::attempts")]
    pub attempts: u16,
    /// Wait before the second attempt, in milliseconds; it doubles with each further attempt.
    #[serde(default = "defaults::retry_wait_milliseconds")]
    pub retry_wait_milliseconds: u32,
}

/// What a site shows.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Site {
    /// Its catalogue. Default: the preference `SiteCatalog`.
    pub catalog: Option<String>,
    /// Its price books. Default: the preference `SitePriceBooks`.
    pub price_books: Option<Vec<String>>,
    /// Its inventory list. Default: the preference `SiteInventoryList`.
    pub inventory_list: Option<String>,
    /// Price books with its list prices, in place of those of the source.
    pub list_price_books: Option<Vec<String>>,
    /// For the route `api`: the currencies in which it has prices. Default: those of the markets.
    pub currencies: Option<Vec<String>>,
    /// For the route `api`, which can't read it: whether tax is in its prices. Default: it is not said.
    pub taxation: Option<Taxation>,
}

/// Whether tax is in prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Taxation {
    /// It is in them.
    Gross,
    /// It is added to them.
    Net,
}

/// How an instance is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// By site archives, which a job exports and WebDAV delivers.
    #[default]
    Export,
    /// By SCAPI, and by OCAPI where SCAPI has no way.
    Api,
}

/// How SCAPI is reached, and how often it is read.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scapi {
    /// Short code of the customer, eight characters (Business Manager, Administration, Site Development, Salesforce Commerce
    /// API Settings).
    pub short_code: String,
    /// Tenant, such as `zzte_prd`: the organization without `f_ecom_`.
    pub tenant: String,
    /// Id of the API client in Account Manager, for SCAPI: another one than that of OCAPI. Write `env:NAME` or `file:/path`.
    pub client_id: SecretRef,
    /// Its password. Write `env:NAME` or `file:/path`; never the password itself.
    pub client_secret: SecretRef,
    /// Id of the private client in SLAS, for the Shopper APIs. Write `env:NAME` or `file:/path`.
    pub slas_client_id: SecretRef,
    /// Its password. Write `env:NAME` or `file:/path`; never the password itself.
    pub slas_client_secret: SecretRef,
    /// Where SCAPI is: for proxies and for other servers of the same API. Default:
    /// `https://SHORT_CODE.api.commercecloud.salesforce.com`.
    pub url: Option<String>,
    /// Products that are searched at once. Fewer are, for a while, after a search that took too long. Range 1–200.
    #[serde(default = "defaults::search_size")]
    pub search_size: u8,
    /// Where stock comes from.
    #[serde(default)]
    pub stock: StockFrom,
    /// Seconds between two reads at least, for each kind of data; between two of prices or stock at most four times as many,
    /// because the clock and orders change them without a trace. Range 30–86400.
    #[serde(default)]
    pub shortest_interval: Reads,
}

/// Where the route by APIs has stock from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StockFrom {
    /// From the records of inventory lists, by OCAPI.
    #[default]
    Lists,
    /// From what each site shows, by Shopper Availability: for clients of OCAPI that may not read inventory lists. The
    /// configuration names the `inventory_list` of each site, and what a site does not show has no stock.
    Sites,
}

/// Seconds between two reads at least.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Reads {
    /// Of sites, categories and products.
    pub catalogs: u32,
    /// Of prices.
    pub prices: u32,
    /// Of stock.
    pub stock: u32,
}

impl Default for Reads {
    fn default() -> Self {
        Self { catalogs: 300, prices: 1_800, stock: 600 }
    }
}

/// Events of replication.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    /// A key of your choice, 24 characters or more, that the endpoint in Business Manager sends as the header `X-Cartage-Key`.
    /// Write `env:NAME` or `file:/path`; never the key itself.
    pub key: SecretRef,
}

/// How archives are exported.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Export {
    /// The job that exports a site archive.
    pub job: String,
    /// How the request of the job names what to export.
    pub request: Form,
    /// Seconds between two looks at a job that runs. Range 3–600.
    pub poll_seconds: u32,
    /// Minutes after which a job that does not end counts as failed. Range 1–1440.
    pub longest_minutes: u32,
    /// Seconds between two exports at least, for each kind of data. Range 30–86400.
    pub shortest_interval: Intervals,
    /// Delta exports of the instance, which Support has to switch on: after the shortest interval it is only looked whether they
    /// have written a new archive, or whether sites have other settings than before, and exported if so; and at least as often as
    /// everything is read. While one has no archive, what it watches is exported at intervals as ever. `check` says which there are.
    pub deltas: Deltas,
    /// Largest archive that is downloaded, in MiB. The platform's own limit is about 200.
    pub max_archive_mib: u32,
    /// Most MiB that an archive may hold, unpacked. They are needed on disk beside the database, up to three times.
    pub max_unpacked_mib: u32,
}

/// Delta exports of the instance.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Deltas {
    /// The one that holds all catalogues that are read, as `CONSUMER/NAME`. Default: catalogues are exported at intervals.
    pub catalogs: Option<String>,
    /// The one that holds all price books that are read, as `CONSUMER/NAME`. Default: price books are exported at intervals.
    pub price_books: Option<String>,
}

impl Deltas {
    /// The consumer and the name of the delta export that watches this data. Inventory lists have none: no delta export tells
    /// what orders take.
    pub(super) fn of(&self, unit: Unit) -> Option<(&str, &str)> {
        let named = match unit {
            Unit::Catalogs => self.catalogs.as_ref(),
            Unit::PriceBooks => self.price_books.as_ref(),
            Unit::InventoryLists => None,
        };
        named?.split_once('/')
    }
}

/// Seconds between two exports at least.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Intervals {
    /// Of catalogues and sites.
    pub catalogs: u32,
    /// Of price books.
    pub price_books: u32,
    /// Of inventory lists.
    pub inventory_lists: u32,
}

impl Intervals {
    /// That of this data.
    pub(super) const fn of(&self, unit: Unit) -> u32 {
        match unit {
            Unit::Catalogs => self.catalogs,
            Unit::PriceBooks => self.price_books,
            Unit::InventoryLists => self.inventory_lists,
        }
    }
}

impl Default for Intervals {
    fn default() -> Self {
        Self { catalogs: 900, price_books: 600, inventory_lists: 300 }
    }
}

impl Default for Export {
    fn default() -> Self {
        Self {
            job: "sfcc-site-archive-export".to_owned(),
            request: Form::Auto,
            poll_seconds: 10,
            longest_minutes: 120,
            shortest_interval: Intervals::default(),
            deltas: Deltas::default(),
            max_archive_mib: 2_048,
            max_unpacked_mib: 16_384,
        }
    }
}

/// How the request of a job names what to export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// By the properties of the request; by parameters of the job where the instance does not know the properties.
    #[default]
    Auto,
    /// By the properties `export_file` and `data_units`.
    Properties,
    /// By the job's parameters `ExportFile` and `DataUnits`.
    Parameters,
}

mod defaults {
    pub(super) fn api_version() -> String {
        "v25_6".to_owned()
    }
    pub(super) fn image_views() -> Vec<String> {
        ["large", "hi-res", "medium"].map(str::to_owned).to_vec()
    }
    pub(super) const fn search_size() -> u8 {
        100
    }
    pub(super) const fn page_size() -> u16 {
        2_000
    }
    pub(super) const fn request_timeout_seconds() -> u32 {
        60
    }
    pub(super) const fn attempts() -> u16 {
        5
    }
    pub(super) const fn retry_wait_milliseconds() -> u32 {
        500
    }
}

/// Where calls go.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// Tokens.
    pub token: Url,
    /// OCAPI Data.
    pub api: Url,
    /// The folder of archives.
    pub archives: Url,
    /// The folder of delta exports.
    pub outbox: Url,
    /// SCAPI.
    pub scapi: Option<Url>,
}

impl Config {
    /// Checks bounds that no type expresses.
    ///
    /// # Errors
    /// `C0213`, naming the setting.
    pub fn check(&self) -> Result<(), BadSetting> {
        self.addresses().map(drop)
    }

    /// Checks bounds that no type expresses, and returns where calls go.
    ///
    /// # Errors
    /// `C0213`, naming the setting.
    pub fn addresses(&self) -> Result<Addresses, BadSetting> {
        self.check_numbers()?;
        let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        if self.host.is_empty() || !self.host.chars().all(is_host) {
            return Err(wrong("host", "is a host name, without https:// and path"));
        }
        let version = self.api_version.strip_prefix('v').and_then(|it| it.split_once('_'));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
        if !version.is_some_and(|(year, number)| is_number(year) && is_number(number)) {
            return Err(wrong("api_version", "is a version such as v25_6"));
        }
        if self.export.job.is_empty() || self.export.job.contains(['/', '?', '#', '%']) {
            return Err(wrong("export.job", "is the id of a job, such as sfcc-site-archive-export"));
        }
        let host = format!("https://{}", self.host);
        let api = address("api_url", self.api_url.as_deref().unwrap_or(&host))?;
        let webdav = match &self.webdav_url {
            Some(url) => address("webdav_url", url)?,
            None => api.clone(),
        };
        let scapi = self.check_scapi()?;
        let impex = below(&webdav, &["on", "demandware.servlet", "webdav", "Sites", "Impex", "src"]);
        let token = self.token_url.as_deref().unwrap_or("https://account.demandware.com/dwsso/oauth2/access_token");
        Ok(Addresses {
            token: address("token_url", token)?,
            api: below(&api, &["s", "-", "dw", "data", &self.api_version]),
            archives: below(&impex, &["instance"]),
            outbox: below(&impex, &["platform", "outbox"]),
            scapi,
        })
    }

    /// Where SCAPI is, if it is read.
    fn check_scapi(&self) -> Result<Option<Url>, BadSetting> {
        let mut currencies = self.sites.values().flat_map(|site| site.currencies.iter().flatten());
        if currencies.any(|code| code.parse::<Currency>().is_err()) {
            return Err(wrong("sites", "names currencies by their codes, such as EUR"));
        }
        let Some(scapi) = &self.scapi else {
            return match self.route {
                Route::Export => Ok(None),
                Route::Api => Err(wrong("scapi", "is set where the route is api")),
            };
        };
        let intervals = &scapi.shortest_interval;
        check_ranges([
            ("scapi.search_size", scapi.search_size.into(), 1, 200),
            ("scapi.shortest_interval.catalogs", intervals.catalogs, 30, 86_400),
            ("scapi.shortest_interval.prices", intervals.prices, 30, 86_400),
            ("scapi.shortest_interval.stock", intervals.stock, 30, 86_400),
        ])?;
        if scapi.short_code.is_empty() || !scapi.short_code.bytes().all(|it| it.is_ascii_alphanumeric()) {
            return Err(wrong("scapi.short_code", "is a code of letters and digits, such as kv7kzm78"));
        }
        let tenant = scapi.tenant.split_once('_');
        let is_instance = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit());
        let is_realm = |it: &str| it.len() == 4 && it.bytes().all(|it| it.is_ascii_lowercase());
        if !tenant.is_some_and(|(realm, instance)| is_realm(realm) && is_instance(instance)) {
            return Err(wrong("scapi.tenant", "is a realm and an instance, such as zzte_prd"));
        }
        let is_without = |site: &Site| site.inventory_list.is_none();
        if scapi.stock == StockFrom::Sites && (self.sites.is_empty() || self.sites.values().any(is_without)) {
            return Err(wrong("scapi.stock", "is sites only where each site under sites has its inventory_list"));
        }
        let host = || format!("https://{}.api.commercecloud.salesforce.com", scapi.short_code);
        address("scapi.url", &scapi.url.clone().unwrap_or_else(host)).map(Some)
    }

    fn check_numbers(&self) -> Result<(), BadSetting> {
        let export = &self.export;
        let intervals = &export.shortest_interval;
        let numbers = [
            ("export.poll_seconds", export.poll_seconds, 3, 600),
            ("export.longest_minutes", export.longest_minutes, 1, 1_440),
            ("export.shortest_interval.catalogs", intervals.catalogs, 30, 86_400),
            ("export.shortest_interval.price_books", intervals.price_books, 30, 86_400),
            ("export.shortest_interval.inventory_lists", intervals.inventory_lists, 30, 86_400),
            ("export.max_archive_mib", export.max_archive_mib, 1, 1 << 20),
            ("export.max_unpacked_mib", export.max_unpacked_mib, 1, 1 << 24),
            ("page_size", self.page_size.into(), 1, 10_000),
            ("request_timeout_seconds", self.request_timeout_seconds, 1, 600),
            ("attempts", self.attempts.into(), 1, 10),
        ];
        check_ranges(numbers)?;
        let deltas = [
            ("export.deltas.catalogs", export.deltas.catalogs.as_deref()),
            ("export.deltas.price_books", export.deltas.price_books.as_deref()),
        ];
        // Both are names of folders, so the platform takes no special characters in them.
        let is_name = |name: &str| {
            let is_plain = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_');
            !name.is_empty() && name.bytes().all(is_plain)
        };
        let is_export = |named: &str| named.split_once('/').is_some_and(|(of, name)| is_name(of) && is_name(name));
        if let Some((setting, _)) = deltas.into_iter().find(|(_, named)| named.is_some_and(|named| !is_export(named))) {
            return Err(wrong(setting, "is a consumer and the name of a delta export, such as cartage/catalogs"));
        }
        let lists = [
            ("catalogs", self.catalogs.as_ref()),
            ("price_books", self.price_books.as_ref()),
            ("inventory_lists", self.inventory_lists.as_ref()),
            ("image_views", Some(&self.image_views)),
        ];
        match lists.into_iter().find(|(_, list)| list.is_some_and(Vec::is_empty)) {
            Some((setting, _)) => Err(wrong(setting, "names at least one, or is left out")),
            None => Ok(()),
        }
    }

    /// Where the route by APIs has stock from.
    pub fn stock_from(&self) -> StockFrom {
        self.scapi.as_ref().map_or(StockFrom::Lists, |scapi| scapi.stock)
    }

    /// Settings of the mapping.
    pub fn mapping(&self) -> map::Settings {
        let site = |(id, it): (&String, &Site)| {
            let (catalog, price_books) = (it.catalog.clone(), it.price_books.clone());
            let list_price_books = it.list_price_books.clone();
            (id.clone(), map::SiteSettings {
                catalog,
                price_books,
                inventory_list: it.inventory_list.clone(),
                list_price_books,
            })
        };
        let on_instance = || format!("https://{}/on/demandware.static/-/Sites-{{catalog}}/default/{{path}}", self.host);
        map::Settings {
            image_views: self.image_views.clone(),
            image_url: self.image_url.clone().unwrap_or_else(on_instance),
            sites: self.sites.iter().map(site).collect(),
            list_price_books: self.list_price_books.clone(),
        }
    }
}

fn check_ranges<const N: usize>(numbers: [(&'static str, u32, u32, u32); N]) -> Result<(), BadSetting> {
    let wrong_one = numbers.into_iter().find(|(_, number, least, most)| !(least..=most).contains(&number));
    wrong_one.map_or(Ok(()), |(setting, _, least, most)| {
        Err(wrong(setting, &format!("is a number from {least} to {most}")))
    })
}

fn address(setting: &'static str, text: &str) -> Result<Url, BadSetting> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let url = url.ok_or_else(|| wrong(setting, "is an http or https address such as https://host/prefix"))?;
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(setting, "holds no user, password, query or fragment"));
    }
    Ok(url)
}

/// An address with further segments of its path.
pub(super) fn below(url: &Url, segments: &[&str]) -> Url {
    segments.iter().fold(url.clone(), |url, segment| wire::query::with_segment(&url, segment))
}

fn wrong(setting: &'static str, must: &str) -> BadSetting {
    Fault::config("C0213", format!("the setting {setting} can't be used: it {must}")).of_setting(setting)
}
