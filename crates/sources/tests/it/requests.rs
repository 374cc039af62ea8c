//! What is asked of the platform, held against its own description where that is at hand: no path and no parameter that the
//! description does not have.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, Mutex},
};

use axum::{extract::Request, middleware::Next, response::Response};
use contract::{Position, Source};
use sandbox::commercetools::{CatalogModel, Change as Act, Settings};
use serde_json::json;

use super::{
    emulator::{Shop, published},
    source, walk,
};

/// Parameters of the query by path below the project, of GET.
type Operations = BTreeMap<String, BTreeSet<String>>;

/// The operations of the description; `None` where it is not here.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn operations() -> Option<Operations> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/specs/commercetools/api-openapi.yaml");
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("skipped: the OpenAPI description of the platform is not here");
        return None;
    };
    let (mut all, mut path, mut is_get) = (Operations::new(), String::new(), false);
    let lines = text.lines().skip_while(|line| *line != "paths:").skip(1).take_while(|line| *line != "components:");
    for line in lines {
        let (depth, text) = (line.len() - line.trim_start().len(), line.trim());
        match depth {
            2 => {
                text.trim_end_matches(':').clone_into(&mut path);
                is_get = false;
            }
            4 => {
                is_get = text == "get:";
                if is_get {
                    all.entry(path.clone()).or_default();
                }
            }
            8 if is_get => {
                let name = text.strip_prefix("- name: ").map(str::to_owned);
                all.entry(path.clone()).or_default().extend(name);
            }
            _ => {}
        }
    }
    Some(all)
}

/// The path as the description writes it.
fn described(path: &str) -> String {
    let segments: Vec<&str> = path.split('/').filter(|it| !it.is_empty()).collect();
    let mut out = "/{projectKey}".to_owned();
    for segment in segments.into_iter().skip(1) {
        let is_id = segment.len() == 36 && segment.matches('-').count() == 4;
        out.push('/');
        out.push_str(if is_id { "{ID}" } else { segment });
    }
    out
}

async fn asked(settings: Settings) -> BTreeSet<(String, String)> {
    let is_modular = settings.catalog_model == CatalogModel::Modular;
    let shop = Shop::open(30, settings).await;
    shop.emulator.seed_people(&super::people::generated()).unwrap();
    let kept = Arc::new(Mutex::new(BTreeSet::new()));
    let record = {
        let kept = Arc::clone(&kept);
        move |request: Request, next: Next| {
            let path = described(request.uri().path());
            let query = request.uri().query().unwrap_or_default().split('&').filter(|it| !it.is_empty());
            let names = query.map(|it| it.split('=').next().unwrap_or_default().to_owned());
            if !request.uri().path().starts_with("/oauth") {
                kept.lock().unwrap().extend(names.chain([String::new()]).map(|name| (path.clone(), name)));
            }
            async move {
                let response: Response = next.run(request).await;
                let status = response.status();
                assert!(status.is_success(), "{status}");
                response
            }
        }
    };
    let router = shop.emulator.router().layer(axum::middleware::from_fn(record));
    let host = sandbox::serve::Port::free().await.unwrap().serve(router);
    let all = json!({ "tailoring": true, "customer_groups": true, "customers": true, "orders": true });
    let source =
        source(&host, json!({ "page_size": { "first_products": 7, "products": 7, "others": 11 }, "lanes": all }));
    let mut refs = Vec::new();
    for lane in source.lanes() {
        let walked = walk(&source, &lane.name, Position::Full).await.unwrap();
        for change in walked.changes {
            if let contract::Change::Is { record, .. } = change {
                refs.push(contract::Ref { kind: record.kind(), id: record.id() });
            }
        }
        let key = published(&shop).into_iter().next().unwrap();
        shop.act(Act::SetName { product: key, locale: "de".to_owned(), text: Some("Neu".to_owned()) });
        drop(walk(&source, &lane.name, Position::Delta(walked.end)).await.unwrap());
    }
    refs.retain(|it| source.fetches().contains(&it.kind));
    refs.sort();
    refs.dedup_by_key(|it| it.kind);
    assert_eq!(refs.iter().any(|it| it.kind == model::Kind::Variant), is_modular);
    drop(source.fetch(&refs).await.unwrap());
    drop(source.profile().await.unwrap());
    kept.lock().unwrap().clone()
}

#[tokio::test]
async fn every_request_is_one_that_the_description_has() {
    let Some(operations) = operations() else { return };
    for (model, needed) in [
        (CatalogModel::Classic, "/{projectKey}/product-projections"),
        (CatalogModel::Modular, "/{projectKey}/variants"),
    ] {
        let asked = asked(Settings { catalog_model: model, messages_enabled: true, ..Settings::default() }).await;
        assert!(asked.iter().any(|(path, name)| path == needed && name == "where"), "{asked:?}");
        for (path, name) in asked {
            let known = operations.get(&path).unwrap_or_else(|| panic!("no GET {path}"));
            assert!(name.is_empty() || known.contains(&name), "GET {path} has no parameter {name}");
        }
    }
}
