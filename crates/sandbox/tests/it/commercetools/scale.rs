//! Many products at once, on a real connection.

use super::*;
use crate::host::{Host, client};

#[tokio::test]
async fn every_product_arrives_over_a_connection_with_gzip() {
    let products = 1200_usize;
    let make = |number: usize| {
        let sku = format!("sku-{number}");
        let mut made = product(&format!("p{number}"), vec![variant(&sku, vec![price(100, "EUR")], vec![])]);
        made.description = texts(&[("en", &"Viele Wörter 漢字 🎉 ".repeat(40))]);
        made
    };
    let head = Head { product_types: vec![main_type(), part_type()], ..Head::default() };
    let catalogue =
        Catalogue { head, product_count: products, products: Box::new(move || Box::new((0..products).map(make))) };
    let shop = Shop::seeded(Settings::default(), &catalogue).await;
    let mut host = Host::start(axum::Router::new().nest("/ct", shop.emulator.router())).await;
    let client = client();
    let mut seen = 0;
    let mut after = String::new();
    loop {
        let path = url(
            "/ct/sandbox/product-projections",
            &[("limit", "500"), ("sort", "id asc"), ("withTotal", "false"), ("where", &format!("version > 0{after}"))],
        );
        let request = client.get(host.url(&path)).bearer_auth(&shop.token).header("accept-encoding", "gzip");
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["date"], "Fri, 01 May 2026 10:00:00 GMT");
        let page: Json = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        let results = page["results"].as_array().unwrap();
        let Some(last) = results.last() else { break };
        assert!(last["description"]["en"].as_str().unwrap().ends_with("🎉 "));
        seen += results.len();
        after = format!(" and id > {}", last["id"]);
    }
    assert_eq!(seen, products);
    host.stop().await;
}
