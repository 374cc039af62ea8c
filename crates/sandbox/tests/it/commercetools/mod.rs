//! The commercetools emulator as a client meets it.

mod auth;
mod changes;
mod edges;
mod messages;
mod modular;
mod people;
mod queries;
mod recreated;
mod refusals;
mod scale;
mod shapes;
mod spec;
mod updates;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::body::{Body, to_bytes};
use axum::response::Response;
use base64::Engine as _;
use http::{Method, Request};
use sandbox::catalogue::{
    AttributeDefinition, AttributeKind, Catalogue, Category, Channel, Head, Localized, Price, Product, ProductType,
    Selection, Stock, Store, Value, Variant,
};
use sandbox::commercetools::{Emulator, Settings};
use serde_json::{Value as Json, json};
use tower::ServiceExt as _;

/// 2026-05-01T10:00:00Z.
const START_MS: i64 = 1_777_629_600_000;

/// An emulator with a clock that stands still until it is moved, and a token for everything.
struct Shop {
    emulator: Emulator,
    clock: Arc<AtomicI64>,
    token: String,
}

impl Shop {
    async fn open() -> Self {
        Self::with(Settings::default()).await
    }

    async fn with(settings: Settings) -> Self {
        Self::seeded(settings, &catalogue()).await
    }

    async fn seeded(settings: Settings, catalogue: &Catalogue) -> Self {
        let emulator = Emulator::new(settings);
        let clock = Arc::new(AtomicI64::new(START_MS));
        let told = Arc::clone(&clock);
        emulator.set_clock(Arc::new(move || jiff::Timestamp::from_millisecond(told.load(Ordering::Relaxed)).unwrap()));
        emulator.seed(catalogue).unwrap();
        let mut shop = Self { emulator, clock, token: String::new() };
        shop.token = shop.new_token("").await;
        shop
    }

    fn wait(&self, milliseconds: i64) {
        self.clock.fetch_add(milliseconds, Ordering::Relaxed);
    }

    async fn new_token(&self, scopes: &str) -> String {
        let (status, answer) =
            self.ask_token(&self.basic(), &format!("grant_type=client_credentials&scope={scopes}")).await;
        assert_eq!(status, 200, "{answer}");
        answer["access_token"].as_str().unwrap().to_owned()
    }

    fn basic(&self) -> String {
        let settings = self.emulator.settings();
        let pair = format!("{}:{}", settings.client_id, settings.client_secret);
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
    }

    async fn ask_token(&self, authorization: &str, form: &str) -> (u16, Json) {
        let request = Request::builder()
            .method(Method::POST)
            .uri("/oauth/token")
            .header("authorization", authorization)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()))
            .unwrap();
        read(self.emulator.router().oneshot(request).await.unwrap()).await
    }

    async fn raw(&self, method: Method, path: &str, token: &str, body: Option<&Json>) -> Response {
        let mut request = Request::builder().method(method).uri(format!("/sandbox{path}"));
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.emulator.router().oneshot(request.body(body).unwrap()).await.unwrap()
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Json>) -> (u16, Json) {
        read(self.raw(method, path, &self.token, body).await).await
    }

    /// GET with parameters that are encoded here.
    async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> (u16, Json) {
        self.call(Method::GET, &url(path, parameters), None).await
    }

    /// The results of a list.
    async fn list(&self, path: &str, parameters: &[(&str, &str)]) -> Vec<Json> {
        let (status, answer) = self.get(path, parameters).await;
        assert_eq!(status, 200, "{path} {parameters:?}: {answer}");
        let results = answer["results"].as_array().unwrap().clone();
        assert_eq!(answer["count"], results.len());
        results
    }

    /// Keys of the results of a list.
    async fn keys(&self, path: &str, parameters: &[(&str, &str)]) -> Vec<String> {
        let results = self.list(path, parameters).await;
        results.iter().map(|found| found["key"].as_str().unwrap_or("-").to_owned()).collect()
    }

    async fn by_key(&self, path: &str, key: &str) -> Json {
        let (status, answer) = self.get(&format!("{path}/key={key}"), &[]).await;
        assert_eq!(status, 200, "{path} {key}: {answer}");
        answer
    }

    async fn projection(&self, key: &str) -> Json {
        self.by_key("/product-projections", key).await
    }

    /// Applies actions to the resource with this key, at its present version.
    async fn update(&self, path: &str, key: &str, actions: Json) -> (u16, Json) {
        let version = self.by_key(path, key).await["version"].clone();
        let body = json!({ "version": version, "actions": actions });
        self.call(Method::POST, &format!("{path}/key={key}"), Some(&body)).await
    }
}

async fn read(response: Response) -> (u16, Json) {
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let json = if body.is_empty() { Json::Null } else { serde_json::from_slice(&body).unwrap() };
    (status, json)
}

fn url(path: &str, parameters: &[(&str, &str)]) -> String {
    let encode = |text: &str| -> String {
        text.bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
                other => format!("%{other:02X}"),
            })
            .collect()
    };
    let pairs: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

fn error_code(answer: &Json) -> &str {
    assert_eq!(answer["message"], answer["errors"][0]["message"], "{answer}");
    answer["errors"][0]["code"].as_str().unwrap()
}

fn texts(pairs: &[(&str, &str)]) -> Localized {
    pairs.iter().map(|(locale, text)| ((*locale).to_owned(), (*text).to_owned())).collect::<BTreeMap<_, _>>()
}

/// A small shop with one of everything.
fn catalogue() -> Catalogue {
    let head = Head {
        languages: vec!["de".to_owned(), "en".to_owned()],
        currencies: vec!["EUR".to_owned(), "GBP".to_owned()],
        countries: vec!["DE".to_owned(), "GB".to_owned()],
        product_types: vec![main_type(), part_type()],
        categories: vec![
            category("clothes", None, "Kleidung", "Clothes"),
            category("shirts", Some("clothes"), "Hemden", "Shirts"),
            category("linen", Some("shirts"), "Leinen", "Linen"),
            category("shoes", None, "Schuhe", "Shoes"),
        ],
        channels: vec![channel("berlin", true, false), channel("online", true, true)],
        customer_groups: vec!["vip".to_owned()],
        stores: vec![Store {
            key: "de".to_owned(),
            name: texts(&[("de", "Laden")]),
            languages: vec!["de".to_owned()],
            countries: vec!["DE".to_owned()],
            distribution_channels: vec!["online".to_owned()],
            supply_channels: vec!["berlin".to_owned()],
            selections: vec![("summer".to_owned(), true), ("winter".to_owned(), false)],
        }],
        selections: vec![
            selection("summer", false, &["shirt", "sandal"]),
            selection("winter", false, &["boot"]),
            selection("not-here", true, &["hidden"]),
        ],
        loose_stock: vec![
            ("shirt-m".to_owned(), Stock { channel: Some("berlin".to_owned()), quantity: 3 }),
            ("unknown-sku".to_owned(), Stock { channel: None, quantity: 1 }),
        ],
    };
    let products = products();
    Catalogue {
        head,
        product_count: products.len(),
        products: Box::new(move || Box::new(products.clone().into_iter())),
    }
}

fn attribute(name: &str, kind: AttributeKind) -> AttributeDefinition {
    let label = texts(&[("en", name)]);
    let (product_level, option) = (name == "brand", name == "size");
    AttributeDefinition { name: name.to_owned(), label, kind, product_level, option }
}

fn main_type() -> ProductType {
    let sizes = ["s", "m", "l"].map(|size| (size.to_owned(), size.to_uppercase())).to_vec();
    let colours = vec![
        ("red".to_owned(), texts(&[("de", "Rot"), ("en", "Red")])),
        ("blue".to_owned(), texts(&[("de", "Blau"), ("en", "Blue")])),
    ];
    ProductType {
        key: "main".to_owned(),
        name: "Main".to_owned(),
        attributes: vec![
            attribute("brand", AttributeKind::Text),
            attribute("size", AttributeKind::Enum(sizes.clone())),
            attribute("colour", AttributeKind::LocalizedEnum(colours)),
            attribute("material", AttributeKind::LocalizedText),
            attribute("weight", AttributeKind::Number),
            attribute("deposit", AttributeKind::Money),
            attribute("launch-date", AttributeKind::Date),
            attribute("launch-time", AttributeKind::Time),
            attribute("launch", AttributeKind::DateTime),
            attribute("vegan", AttributeKind::Boolean),
            attribute("goes-with", AttributeKind::Set(Box::new(AttributeKind::ProductReference))),
            attribute("also-in", AttributeKind::Set(Box::new(AttributeKind::Enum(sizes)))),
            attribute("part", AttributeKind::Nested("part".to_owned())),
        ],
    }
}

fn part_type() -> ProductType {
    ProductType {
        key: "part".to_owned(),
        name: "Part".to_owned(),
        attributes: vec![attribute("width", AttributeKind::Number)],
    }
}

fn category(key: &str, parent: Option<&str>, de: &str, en: &str) -> Category {
    Category {
        key: key.to_owned(),
        parent: parent.map(str::to_owned),
        name: texts(&[("de", de), ("en", en)]),
        slug: texts(&[("de", key), ("en", key)]),
        order_hint: "0.5".to_owned(),
    }
}

fn channel(key: &str, supply: bool, distribution: bool) -> Channel {
    Channel { key: key.to_owned(), name: texts(&[("en", key)]), supply, distribution }
}

fn selection(key: &str, excludes: bool, products: &[&str]) -> Selection {
    let products = products.iter().map(|key| (*key).to_owned()).collect();
    Selection { key: key.to_owned(), name: texts(&[("en", key)]), excludes, products }
}

fn price(minor: i64, currency: &str) -> Price {
    Price { minor, currency: currency.to_owned(), ..Price::default() }
}

fn stock(channel: Option<&str>, quantity: i64) -> Stock {
    Stock { channel: channel.map(str::to_owned), quantity }
}

fn variant(sku: &str, prices: Vec<Price>, stock: Vec<Stock>) -> Variant {
    Variant {
        sku: Some(sku.to_owned()),
        attributes: Vec::new(),
        prices,
        images: vec![format!("https://shop.example/{sku}.jpg")],
        stock,
    }
}

fn product(key: &str, variants: Vec<Variant>) -> Product {
    Product {
        key: key.to_owned(),
        product_type: "main".to_owned(),
        name: texts(&[("de", &format!("{key} (de)")), ("en", &format!("{key} (en)"))]),
        slug: texts(&[("en", key)]),
        description: Localized::new(),
        categories: Vec::new(),
        attributes: Vec::new(),
        variants,
        published: true,
        standalone_prices: false,
    }
}

fn products() -> Vec<Product> {
    let mut shirt = product(
        "shirt",
        vec![
            variant(
                "shirt-m",
                vec![
                    Price { discounted: Some(1599), tiers: vec![(10, 1499)], ..price(1999, "EUR") },
                    Price { country: Some("GB".to_owned()), ..price(1799, "GBP") },
                    Price { customer_group: Some("vip".to_owned()), ..price(999, "EUR") },
                    Price { channel: Some("online".to_owned()), ..price(1899, "EUR") },
                    Price {
                        valid_from: Some("2026-05-01T11:00:00Z".to_owned()),
                        valid_until: Some("2026-05-01T12:00:00+00:00".to_owned()),
                        ..price(1, "EUR")
                    },
                ],
                vec![stock(None, 5), stock(Some("online"), 0)],
            ),
            variant("shirt-l", vec![price(2099, "EUR")], vec![stock(None, 0)]),
        ],
    );
    shirt.categories = vec!["shirts".to_owned()];
    shirt.description = texts(&[("en", "<p>A shirt</p>")]);
    shirt.attributes = vec![("brand".to_owned(), Value::Text("Acme".to_owned()))];
    shirt.variants[0].attributes = [
        ("size", Value::Key("m".to_owned())),
        ("colour", Value::Key("red".to_owned())),
        ("material", Value::Localized(texts(&[("de", "Leinen"), ("en", "Linen")]))),
        ("weight", Value::Number(12.5)),
        ("deposit", Value::Money { minor: 100, currency: "JPY".to_owned() }),
        ("launch-date", Value::Date("2026-05-01".to_owned())),
        ("launch-time", Value::Time("12:34:56.000".to_owned())),
        ("launch", Value::DateTime("2026-05-01T12:34:56.000Z".to_owned())),
        ("vegan", Value::Boolean(true)),
        ("goes-with", Value::Set(vec![Value::Product("sandal".to_owned())])),
        ("also-in", Value::Set(vec![Value::Key("s".to_owned())])),
        ("part", Value::Nested(vec![("width".to_owned(), Value::Number(3.0))])),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec();
    let mut sandal = product("sandal", vec![variant("sandal-1", vec![price(5000, "EUR")], vec![])]);
    sandal.categories = vec!["shoes".to_owned()];
    let mut boot = product(
        "boot",
        vec![variant(
            "boot-1",
            vec![price(9000, "EUR"), Price { country: Some("DE".to_owned()), ..price(8000, "EUR") }],
            vec![stock(Some("berlin"), 2)],
        )],
    );
    boot.standalone_prices = true;
    boot.categories = vec!["shoes".to_owned(), "linen".to_owned()];
    let mut hidden = product("hidden", vec![variant("hidden-1", vec![price(1, "EUR")], vec![])]);
    hidden.published = false;
    let mut bare = product("bare", vec![variant("x", vec![], vec![])]);
    bare.variants[0].sku = None;
    vec![shirt, sandal, boot, hidden, bare]
}
