//! Events of replication from the emulated Salesforce B2C Commerce: what is published is read at once.

use std::fs;

use axum::{Router, body::Body, extract::Request, http::StatusCode};
use sandbox::{
    sfcc::{Emulator, Event},
    shop::Edit,
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::{
    feeds::edges,
    harness::{Process, Shop, catalogue},
    sfcc::{Route, move_to_sfcc},
};

const KEY: &str = "a-key-that-only-two-sides-know";
const PRODUCTS: usize = 10;

/// An instance whose events arrive at a hub that has read everything by its APIs.
struct Published {
    shop: Shop,
    instance: Emulator,
    process: Process,
    edges: Router,
}

impl Published {
    async fn start() -> Self {
        let shop = Shop::uniform(PRODUCTS).await;
        let (instance, _) = move_to_sfcc(&shop, PRODUCTS, Route::Apis).await;
        let key = shop.write("events-key", KEY);
        let text = fs::read_to_string(&shop.config).unwrap();
        let hooked = format!(
            "{text}\n[server]\npublic_url = \"https://cartage.example\"\n[sources.shop.webhooks]\nkey = \"file:{}\"\n",
            key.display()
        );
        fs::write(&shop.config, hooked).unwrap();
        let process = Process { database: shop.config.with_file_name("sfcc.db"), ..shop.open().await };
        assert!(process.sync().await.converged());
        let edges = edges(&process);
        Self { shop, instance, process, edges }
    }

    async fn post(&self, event: &Event, key: Option<&str>) -> StatusCode {
        let mut request = Request::post("/hooks/shop");
        for (name, value) in &event.headers {
            request = request.header(name, value);
        }
        request = key.into_iter().fold(request, |request, key| request.header("x-cartage-key", key));
        let request = request.body(Body::from(event.body.clone())).unwrap();
        self.edges.clone().oneshot(request).await.unwrap().status()
    }

    /// The kinds and ids of hints that wait.
    async fn hints(&self) -> Vec<(String, Option<String>)> {
        let waiting = self.process.engine.store.hints(&"shop".into(), 100).await.unwrap();
        waiting.into_iter().map(|it| (it.hint.kind.to_string(), it.hint.id.map(|id| id.to_string()))).collect()
    }

    /// Renames the first product; its key.
    fn rename(&self, text: &str) -> String {
        let product = (catalogue(PRODUCTS, |_, _| {}).products)().next().unwrap().key;
        self.instance.edit(Edit::Name { product: product.clone(), locale: "de".into(), text: text.into() }).unwrap();
        product
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_that_is_published_is_read_by_its_id_also_if_the_event_names_a_variant() {
    let published = Published::start().await;
    let product = published.rename("Eben veröffentlicht");
    let master = published.instance.product_id(&product).unwrap();
    let sku = published.shop.skus(&product)[0].clone();
    let variant = published.instance.sku_id(&sku).unwrap();
    assert_ne!(master, variant);
    let event = published.instance.published(&[&variant], &[]);
    assert_eq!(published.post(&event, Some(KEY)).await, StatusCode::OK);
    assert_eq!(published.hints().await, [("product".to_owned(), Some(variant))]);
    let taken = published.process.engine.origins[0].pull.refresh().await.map_err(engine::pull::Stopped::fault).unwrap();
    assert_eq!((taken.changed, taken.gone), (1, 0), "{taken:?}");
    assert_eq!(published.hints().await, []);
    // The platform repeats nothing; a proxy may.
    assert_eq!(published.post(&event, Some(KEY)).await, StatusCode::OK);
    assert_eq!(published.hints().await, []);
    assert!(published.process.sync().await.converged());
    let names: Vec<Value> = published.shop.store("de").products().into_values().map(|it| it["name"].clone()).collect();
    assert!(names.contains(&json!("Eben veröffentlicht")), "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replication_has_its_lanes_read_and_one_that_failed_or_is_forged_has_none() {
    let published = Published::start().await;
    let prices = published.instance.replicated(&["ORGANIZATION_PRICEBOOK"], true);
    for key in [None, Some("another-key-of-the-same-length"), Some("")] {
        assert_eq!(published.post(&prices, key).await, StatusCode::UNAUTHORIZED, "{key:?}");
    }
    let failed = published.instance.replicated(&["ORGANIZATION_CATALOG"], false);
    assert_eq!(published.post(&failed, Some(KEY)).await, StatusCode::OK);
    assert_eq!(published.hints().await, []);
    assert_eq!(published.post(&prices, Some(KEY)).await, StatusCode::OK);
    assert_eq!(published.hints().await, [("price".to_owned(), None), ("book".to_owned(), None)]);
    assert!(published.process.sync().await.converged());
    assert_eq!(published.hints().await, [], "the lane was read");
}
