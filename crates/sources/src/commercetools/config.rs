//! Settings of a commercetools source. The doc comments are the reference text.

use contract::{BadSetting, SecretRef};
use model::ConsentTo;
use schemars::JsonSchema;
use serde::Deserialize;
use wire::{Checks, Url};

use super::map;

/// A commercetools project (Composable Commerce) that is read, whether its catalogue is Classic or Modular.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "commercetools")]
pub struct Config {
    /// Key of the project.
    pub project_key: String,
    /// Id of the API client. Write `env:NAME` or `file:/path`.
    pub client_id: SecretRef,
    /// Secret of the API client. Write `env:NAME` or `file:/path`; never the secret itself.
    pub client_secret: SecretRef,
    /// Region of the project: `europe-west1.gcp`, `eu-central-1.aws`, `us-central1.gcp`, `us-east-2.aws` or
    /// `australia-southeast1.gcp`. Left out where `api_url` and `auth_url` are set.
    pub region: Option<String>,
    /// Where the API is, without the project key, with its path prefix if there is one: for proxies and for other
    /// servers of the same API. Default: the region's host.
    pub api_url: Option<String>,
    /// Where `/oauth/token` is, with its path prefix if there is one. Default: the region's host.
    pub auth_url: Option<String>,
    /// Scopes to ask for, without the project key, such as `view_products`. Default: the narrowest that the lanes need, those of
    /// customers, of orders and of webhooks apart, so that a missing one stops nothing else. An empty list asks for whatever the API client has.
    pub scopes: Option<Vec<String>>,
    /// What is read besides products, product types, categories and channels.
    #[serde(default)]
    pub lanes: Lanes,
    /// Where stock is taken from. Products of a Modular project hold none.
    #[serde(default)]
    pub stock_from: StockFrom,
    /// Attribute of a variant that holds its GTIN (EAN, UPC). Default: `gtin`, else `ean`.
    pub gtin_attribute: Option<String>,
    /// Custom fields of customers that say whether they may be written to: the platform has no field of its own for that.
    /// Of a channel that none names, and of a customer without a value there, consent is unknown, which is never granted. A
    /// channel may have several, such as one that grants and one that holds when it was withdrawn: what denies counts, unless
    /// the times say that it was granted later.
    #[serde(default)]
    pub consent: Vec<ConsentField>,
    /// Ask for un-published products along with changed ones. Without this setting and without messages, the next full
    /// read removes them. Needs the scope `view_products`. A Modular project gives them with the changed ones.
    #[serde(default = "wire::settings::yes")]
    pub detect_unpublished: bool,
    /// How the products of a product selection are paged. The vendor documents paging by offset, which ends at 10,500
    /// products.
    #[serde(default)]
    pub selection_paging: SelectionPaging,
    /// Webhooks: a cloud's queue pushes what a subscription of the project delivers, so that changes arrive within
    /// seconds. Needs `server.public_url`, and the scope `manage_subscriptions`.
    pub webhooks: Option<Box<Webhooks>>,
    /// Records per call.
    #[serde(default)]
    pub page_size: PageSize,
    /// Calls under way at once. Range 1–50.
    #[serde(default = "defaults::max_concurrency")]
    pub max_concurrency: u16,
    /// Most calls per minute. Default: as many as there are to make; the vendor publishes no limit.
    pub max_calls_per_minute: Option<u32>,
    /// How far a read of changes stays behind the server's clock, in seconds: timestamps are set on several machines
    /// and stock is counted late.
    #[serde(default = "defaults::lag_seconds")]
    pub lag_seconds: u32,
    /// How far a read of messages stays behind the server's clock, in seconds: they are written late.
    #[serde(default = "defaults::message_lag_seconds")]
    pub message_lag_seconds: u32,
    /// How far a read of changes goes back behind the end of the one before, in seconds. Records that did not change
    /// cost nothing further.
    #[serde(default = "defaults::overlap_seconds")]
    pub overlap_seconds: u32,
    /// Longest wait for an answer, in seconds; the vendor cuts calls off after 60. Range 1–600.
    #[serde(default = "wire::settings::timeout_seconds")]
    pub request_timeout_seconds: u16,
    /// Most attempts of a call that fails for a temporary reason. Range 1–10.
    #[serde(default = "defaults::attempts")]
    pub attempts: u16,
    /// Wait before the second attempt, in milliseconds; it doubles with each further attempt.
    #[serde(default = "defaults::retry_wait_milliseconds")]
    pub retry_wait_milliseconds: u32,
    /// Ask for gzip answers. Switch it off where the network is faster than the processor.
    #[serde(default = "wire::settings::yes")]
    pub compressed: bool,
}

/// What is read besides products, product types, categories and channels.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the configuration file")]
pub struct Lanes {
    /// Inventory entries. Scope `view_products`. Off where `stock_from = "products"`.
    pub inventory: bool,
    /// Standalone prices. Scope `view_standalone_prices`.
    pub standalone_prices: bool,
    /// Stores, product selections and their members. Scopes `view_stores`, `view_product_selections`.
    pub stores: bool,
    /// Customer groups, for markets that show a group's prices. Scope `view_customer_groups`.
    pub customer_groups: bool,
    /// Texts, slugs, images and attributes that single stores show in place of a product's own (Product Tailoring), for
    /// markets of those stores. Scope `view_products`.
    pub tailoring: bool,
    /// Customers: where a flow carries them, which is no setting of the source. Scopes `view_customers`, and `view_types`
    /// for `cartage check`.
    #[serde(skip)]
    pub customers: bool,
    /// Orders, in the same way. Scope `view_orders`.
    #[serde(skip)]
    pub orders: bool,
    /// Deletions and un-publications from messages, where the project has them switched on. Scope `view_messages`.
    pub messages: bool,
}

impl Default for Lanes {
    fn default() -> Self {
        Self {
            inventory: true,
            standalone_prices: true,
            stores: true,
            customer_groups: false,
            tailoring: false,
            customers: false,
            orders: false,
            messages: true,
        }
    }
}

/// A custom field of customers that holds consent to one channel, or that holds that it was denied.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentField {
    /// The channel: `email`, `sms`, `whatsapp`, `push`, or `profiling` for what people do being kept and used.
    pub to: ConsentTo,
    /// The custom field, such as `custom.newsletterOptIn`.
    pub field: String,
    /// Values that grant it: of an enumeration its keys, of a switch `true`. `*`: any date, or date with a time, such as the day
    /// on which it was granted. Empty: the field only denies.
    #[serde(default = "defaults::granted")]
    pub granted: Vec<String>,
    /// Values that deny it, in the same way. They count before those that grant. Any other value leaves it unknown.
    #[serde(default = "defaults::denied")]
    pub denied: Vec<String>,
    /// The custom field that holds when it was said, such as `custom.newsletterSince`: a date, or a date with a time.
    pub at: Option<String>,
}

/// A subscription of the project, and the cloud that pushes what it delivers: one of `pubsub`, `sns` and `event_grid`.
/// `cartage hooks apply` makes the subscription; queue and push are set up in the cloud.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    /// Key of the subscription. Each Cartage that reads the project needs one of its own.
    #[serde(default = "defaults::subscription")]
    pub subscription: String,
    /// Subscribe to changes of the variants of a Modular project. The vendor's list of what can be subscribed to does not
    /// have them (August 2026): where that is so, the subscription is refused. Without this setting, their changes come
    /// with the next read.
    #[serde(default)]
    pub variants: bool,
    /// Google Pub/Sub with a push subscription.
    pub pubsub: Option<PubSub>,
    /// Amazon SNS with an HTTPS subscription.
    pub sns: Option<Sns>,
    /// Azure Event Grid with an event subscription of the kind webhook.
    pub event_grid: Option<EventGrid>,
}

/// Google Pub/Sub. The push subscription has authentication switched on, and no payload unwrapping.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PubSub {
    /// Id of the Google Cloud project.
    pub project: String,
    /// Name of the topic, into which `subscriptions@commercetools-platform.iam.gserviceaccount.com` may publish.
    pub topic: String,
    /// E-mail address of the service account of the push subscription.
    pub service_account: String,
    /// Audience of the push subscription. Google takes the address of the endpoint if none is set there.
    pub audience: String,
    /// Where Google's public keys are. Default: `https://www.googleapis.com/oauth2/v3/certs`.
    pub keys_url: Option<String>,
}

/// Amazon SNS. The subscription of the topic has the protocol HTTPS, and no raw message delivery; Cartage confirms it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sns {
    /// ARN of the topic, such as `arn:aws:sns:eu-west-1:123456789012:commercetools`. Only its messages are accepted, and
    /// only with certificates of the SNS of its region.
    pub topic_arn: String,
    /// Access key with which commercetools publishes into the topic. Write `env:NAME` or `file:/path`. Default: none, and
    /// the topic lets `arn:aws:iam::362576667341:user/subscriptions` publish, as the vendor recommends.
    pub access_key: Option<SecretRef>,
    /// Secret of the access key. Write `env:NAME` or `file:/path`; never the secret itself.
    pub access_secret: Option<SecretRef>,
    /// Where SNS is, for an emulated one. Default: the SNS of the topic's region.
    pub url: Option<String>,
}

/// Azure Event Grid. It takes CloudEvents, and proves itself by a secret of the webhook's address.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventGrid {
    /// Endpoint of the topic, into which commercetools publishes.
    pub uri: String,
    /// Access key of the topic. Write `env:NAME` or `file:/path`; never the key itself.
    pub access_key: SecretRef,
    /// What the webhook's address ends with, as `?token=…`. Write `env:NAME` or `file:/path`; never the token itself.
    pub token: SecretRef,
}

/// Where stock is taken from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StockFrom {
    /// Inventory entries: seconds old, read on their own.
    #[default]
    Inventory,
    /// The availability inside products: saves calls, and may lag by minutes.
    Products,
}

/// How the products of a product selection are paged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SelectionPaging {
    /// By offset where the selection is small enough for that, else by product id.
    #[default]
    Auto,
    /// By offset.
    Offset,
    /// By product id, for any number of products.
    Keyset,
}

/// Records per call. Pages shrink by themselves where answers are too large or too slow, and grow back. What is said of
/// products holds for orders, which may be as large.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PageSize {
    /// Products of the first page. Range 1–500.
    pub first_products: u16,
    /// Most products. Range 1–500.
    pub products: u16,
    /// Most of anything else. Range 1–500.
    pub others: u16,
}

impl Default for PageSize {
    fn default() -> Self {
        Self { first_products: 100, products: 250, others: 500 }
    }
}

mod defaults {
    pub(super) const fn max_concurrency() -> u16 {
        5
    }
    pub(super) fn subscription() -> String {
        "cartage".to_owned()
    }
    pub(super) fn granted() -> Vec<String> {
        vec!["true".to_owned()]
    }
    pub(super) fn denied() -> Vec<String> {
        vec!["false".to_owned()]
    }
    pub(super) const fn lag_seconds() -> u32 {
        5
    }
    pub(super) const fn message_lag_seconds() -> u32 {
        60
    }
    pub(super) const fn overlap_seconds() -> u32 {
        120
    }
    pub(super) const fn attempts() -> u16 {
        5
    }
    pub(super) const fn retry_wait_milliseconds() -> u32 {
        300
    }
}

/// Paths of resources without which products are read all the same, and their scopes. A token with a scope that the API client
/// does not have is refused as a whole, so each of these has one of its own.
const APART: [(&str, &str); 4] = [
    ("customers", "view_customers"),
    ("orders", "view_orders"),
    ("types", "view_types"),
    ("subscriptions", "manage_subscriptions"),
];

const CHECKS: Checks = Checks::of("commercetools", "C0213");

impl Config {
    /// Checks bounds that no type expresses.
    ///
    /// # Errors
    /// `C0213`, naming the setting.
    pub fn check(&self) -> Result<(), BadSetting> {
        self.addresses().map(drop)
    }

    /// Checks bounds that no type expresses, and returns the addresses of API (with the project) and token endpoint.
    ///
    /// # Errors
    /// `C0213`, naming the setting.
    pub fn addresses(&self) -> Result<(Url, Url), BadSetting> {
        self.check_numbers()?;
        let key = &self.project_key;
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
            let must = "it is letters, digits, - and _, as in the Merchant Center";
            return Err(CHECKS.refused("project_key", format_args!("is {key:?}"), must));
        }
        let api = self.address("api_url", self.api_url.as_deref(), "api")?;
        let auth = self.address("auth_url", self.auth_url.as_deref(), "auth")?;
        let token = wire::query::with_segment(&wire::query::with_segment(&auth, "oauth"), "token");
        Ok((wire::query::with_segment(&api, key), token))
    }

    fn address(&self, setting: &'static str, explicit: Option<&str>, host: &str) -> Result<Url, BadSetting> {
        let text = match (explicit, &self.region) {
            (Some(url), _) => url.to_owned(),
            (None, Some(region)) => {
                let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
                if region.is_empty() || !region.bytes().all(fits) {
                    let must = "name a region such as europe-west1.gcp";
                    return Err(CHECKS.refused("region", format_args!("is {region:?}"), must));
                }
                format!("https://{host}.{region}.commercetools.com")
            }
            (None, None) => {
                return Err(CHECKS.refused(setting, "is not set", "set region, or the addresses of API and token endpoint"));
            }
        };
        CHECKS.base_url(setting, &text, "https://api.host/prefix")
    }

    fn check_numbers(&self) -> Result<(), BadSetting> {
        let sizes = [
            ("page_size.first_products", self.page_size.first_products),
            ("page_size.products", self.page_size.products),
            ("page_size.others", self.page_size.others),
        ];
        for (setting, size) in sizes {
            CHECKS.within(setting, size, 1..=500)?;
        }
        CHECKS.within("max_concurrency", self.max_concurrency, 1..=50)?;
        CHECKS.within("request_timeout_seconds", self.request_timeout_seconds, 1..=600)?;
        CHECKS.within("attempts", self.attempts, 1..=10)?;
        if let Some(webhooks) = &self.webhooks {
            let clouds = [webhooks.pubsub.is_some(), webhooks.sns.is_some(), webhooks.event_grid.is_some()];
            if clouds.into_iter().filter(|is_set| *is_set).count() != 1 {
                let must = "it has one of the sections pubsub, sns and event_grid";
                return Err(CHECKS.refused("webhooks", "has several of its sections or none", must));
            }
            if let Some(topic) = &webhooks.sns {
                if super::sns::region(&topic.topic_arn).is_none() {
                    let must = "name the ARN of a topic such as arn:aws:sns:eu-west-1:123456789012:name";
                    return Err(CHECKS.refused("webhooks.sns.topic_arn", format_args!("is {:?}", topic.topic_arn), must));
                }
                if topic.access_key.is_some() != topic.access_secret.is_some() {
                    let must = "set it together with access_secret";
                    return Err(CHECKS.refused("webhooks.sns.access_key", "stands alone", must));
                }
            }
        }
        self.check_consent()?;
        if self.max_calls_per_minute == Some(0) {
            return Err(CHECKS.refused("max_calls_per_minute", "is 0", "it is at least 1"));
        }
        Ok(())
    }

    fn check_consent(&self) -> Result<(), BadSetting> {
        for (place, consent) in self.consent.iter().enumerate() {
            if self.consent.iter().take(place).any(|other| (other.to, &other.field) == (consent.to, &consent.field)) {
                let must = "each field of a channel is named once";
                let what = format_args!("names {} of the channel {:?} twice", consent.field, consent.to);
                return Err(CHECKS.refused("consent", what, must));
            }
            if consent.granted.is_empty() && consent.denied.is_empty() {
                let must = "it has values that grant or that deny";
                return Err(CHECKS.refused("consent", format_args!("has no values for {}", consent.field), must));
            }
            if let Some(other) = [Some(&consent.field), consent.at.as_ref()].into_iter().flatten().find(|it| custom(it).is_none()) {
                let must = "it names a custom field of customers, such as custom.newsletterOptIn";
                return Err(CHECKS.refused("consent", format_args!("names {other:?}"), must));
            }
        }
        Ok(())
    }

    /// Whether inventory entries are read.
    pub fn reads_inventory(&self) -> bool {
        self.lanes.inventory && self.stock_from == StockFrom::Inventory
    }

    /// Scopes that the enabled lanes need, without the project key, each with what it is for.
    pub fn needed_scopes(&self) -> Vec<(&'static str, &'static str)> {
        let products = match (self.reads_inventory() || self.lanes.tailoring, self.detect_unpublished) {
            (true, _) if self.lanes.tailoring => ("view_products", "products, tailoring and inventory"),
            (true, _) => ("view_products", "products and inventory"),
            (false, true) => ("view_products", "products, and those that were un-published"),
            (false, false) => ("view_published_products", "products"),
        };
        let mut scopes = vec![
            products,
            ("view_product_types", "product types"),
            ("view_categories", "categories"),
            ("view_channels", "channels"),
            ("view_project_settings", "the project's languages, currencies and catalogue model"),
        ];
        let mut when = |on: bool, scope, purpose| scopes.extend(on.then_some((scope, purpose)));
        when(self.lanes.standalone_prices, "view_standalone_prices", "standalone prices");
        when(self.lanes.stores, "view_stores", "stores");
        when(self.lanes.stores, "view_product_selections", "product selections");
        when(self.lanes.customer_groups, "view_customer_groups", "customer groups");
        when(self.lanes.customers, "view_customers", "customers");
        when(self.lanes.customers, "view_types", "the custom fields of customers, which may hold consent");
        when(self.lanes.orders, "view_orders", "orders");
        when(self.lanes.messages, "view_messages", "messages that tell of deletions");
        when(self.webhooks.is_some(), "manage_subscriptions", "the subscription of webhooks");
        scopes
    }

    /// The `scope` parameter of the token request; `None`: all scopes of the API client. Without those of [`APART`].
    pub fn scope(&self) -> Option<String> {
        let named: Vec<String> = match &self.scopes {
            Some(scopes) if scopes.is_empty() => return None,
            Some(scopes) => scopes.clone(),
            None => {
                let needed = self.needed_scopes().into_iter().map(|(scope, _)| scope);
                needed.filter(|scope| APART.iter().all(|(_, apart)| apart != scope)).map(str::to_owned).collect()
            }
        };
        Some(named.iter().map(|scope| self.with_key(scope)).collect::<Vec<_>>().join(" "))
    }

    /// Resources that are read with a token of their own, each with its `scope`; none where the settings name scopes.
    pub fn scopes_apart(&self) -> Vec<(&'static str, String)> {
        if self.scopes.is_some() {
            return Vec::new();
        }
        let needed = self.needed_scopes();
        let is_needed = |scope: &str| needed.iter().any(|(it, _)| *it == scope);
        APART.into_iter().filter(|(_, scope)| is_needed(scope)).map(|(path, scope)| (path, self.with_key(scope))).collect()
    }

    fn with_key(&self, scope: &str) -> String {
        if scope.contains(':') { scope.to_owned() } else { format!("{scope}:{}", self.project_key) }
    }

    /// The settings of the mapping.
    pub fn mapping(&self) -> map::Settings {
        let gtin_attributes = match &self.gtin_attribute {
            Some(name) => vec![name.clone()],
            None => vec!["gtin".to_owned(), "ean".to_owned()],
        };
        let name = |field: &str| custom(field).unwrap_or(field).to_owned();
        let rule = |it: &ConsentField| map::consent::Rule {
            to: it.to,
            field: name(&it.field),
            granted: it.granted.clone(),
            denied: it.denied.clone(),
            at: it.at.as_deref().map(name),
        };
        map::Settings {
            gtin_attributes,
            stock_from_products: self.stock_from == StockFrom::Products,
            consents: self.consent.iter().map(rule).collect(),
        }
    }
}

/// The name of a custom field, from the form `custom.name`.
pub(super) fn custom(field: &str) -> Option<&str> {
    field.strip_prefix("custom.").filter(|name| !name.is_empty())
}
