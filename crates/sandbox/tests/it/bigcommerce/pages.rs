//! Pages, filters and what moves a product's date.

use sandbox::bigcommerce::{Change, Whose};
use serde_json::{Value, json};

use super::{START, Shop, ids};

const HOUR: i64 = 3_600_000;

#[tokio::test]
async fn a_page_says_how_it_goes_on() {
    let shop = Shop::of(30).await;
    let page = shop.get("v3/catalog/products?page=2&limit=12&sort=id").await.json();
    assert_eq!(
        page["meta"]["pagination"],
        json!({
            "total": 30, "count": 12, "per_page": 12, "current_page": 2, "total_pages": 3,
            "links": { "current": "?page=2&limit=12", "previous": "?page=1&limit=12", "next": "?page=3&limit=12" },
        })
    );
    let first = shop.rows("v3/catalog/products?limit=1000").await;
    assert_eq!(first.len(), 30);
    assert_eq!(shop.get("v3/catalog/products?limit=1000").await.json()["meta"]["pagination"]["per_page"], 250);
    let [.., last] = ids(&first)[..12] else { panic!() };
    let rest = shop.rows(&format!("v3/catalog/products?sort=id&direction=asc&id:greater={last}&limit=250")).await;
    assert_eq!(ids(&rest), ids(&first)[12..]);
}

#[tokio::test]
async fn options_and_modifiers_cut_the_page_of_products_to_ten() {
    let shop = Shop::of(30).await;
    for include in ["options", "modifiers", "variants,options"] {
        let page = shop.get(&format!("v3/catalog/products?limit=250&include={include}")).await.json();
        assert_eq!(page["data"].as_array().unwrap().len(), 10, "{include}");
        assert_eq!(page["meta"]["pagination"]["per_page"], 10, "{include}");
    }
    assert_eq!(shop.rows("v3/catalog/products?limit=250&include=variants,images").await.len(), 30);
}

#[tokio::test]
async fn only_what_was_asked_for_is_shown_and_the_id() {
    let shop = Shop::of(3).await;
    let rows = shop.rows("v3/catalog/products?include_fields=sku,inventory_tracking&include=images").await;
    let mut names: Vec<_> = rows[0].as_object().unwrap().keys().cloned().collect();
    names.sort();
    assert_eq!(names, ["id", "images", "inventory_tracking", "sku"]);
}

#[tokio::test]
async fn a_date_without_a_time_gets_the_time_of_the_request() {
    let shop = Shop::of(3).await;
    let at_nine = START - HOUR;
    shop.emulator.set_clock_offset(-HOUR);
    let key = shop.emulator.product_keys().into_values().next().unwrap();
    shop.emulator.change(Change::SetName { product: key, name: "Changed at nine".to_owned() }).unwrap();
    shop.emulator.set_clock_offset(0);
    let count = async |from: &str| shop.rows(&format!("v3/catalog/products?date_modified:min={from}")).await.len();
    assert_eq!(count("2026-05-01").await, 0, "it is ten o'clock");
    assert_eq!(count("2026-05-01T00:00:00%2B00:00").await, 1);
    assert_eq!(count("2026-05-01T09:00:00Z").await, 1, "the first second counts");
    assert_eq!(count("2026-05-01T09:00:01Z").await, 0);
    assert_eq!(count(&(at_nine / 1000).to_string()).await, 1);
}

#[tokio::test]
async fn only_changes_of_the_product_itself_move_its_date() {
    let shop = Shop::of(5).await;
    let (id, key) = shop.emulator.product_keys().into_iter().next().unwrap();
    let product = async || shop.rows(&format!("v3/catalog/products?id={id}&include=variants")).await.remove(0);
    let before = product().await;
    let sku = before["variants"][1]["sku"].as_str().unwrap().to_owned();
    let channel = shop.emulator.channel_id("de").unwrap();
    let brand = shop.rows("v3/catalog/brands").await[0]["name"].as_str().unwrap().to_owned();
    let price = |whose, currency: &str| Change::SetPrice {
        sku: sku.clone(),
        whose,
        currency: currency.to_owned(),
        minor: 100,
        sale: None,
    };
    for still in [
        price(Whose::Everyone, "EUR"),
        price(Whose::Everyone, "GBP"),
        price(Whose::Group("b2b".to_owned()), "EUR"),
        Change::SetStock { sku: sku.clone(), channel: None, quantity: 1 },
        Change::SetPurchasable { sku: sku.clone(), purchasable: false },
        Change::Assign { product: key.clone(), channel, assigned: false },
        Change::RenameBrand { brand, name: "Another".to_owned() },
    ] {
        shop.emulator.change(still.clone()).unwrap();
        assert_eq!(product().await["date_modified"], before["date_modified"], "{still:?}");
    }
    let now = product().await;
    assert_eq!((&now["variants"][1]["price"], &now["variants"][1]["purchasing_disabled"]), (&json!(1.0), &json!(true)));
    for moved in [
        Change::SetName { product: key.clone(), name: "Other".to_owned() },
        Change::SetVisible { product: key, visible: false },
    ] {
        shop.emulator.set_clock_offset(HOUR);
        shop.emulator.change(moved.clone()).unwrap();
        assert_eq!(product().await["date_modified"], "2026-05-01T11:00:00+00:00", "{moved:?}");
    }
}

#[tokio::test]
async fn records_of_a_price_list_are_paged_by_cursor() {
    let shop = Shop::of(12).await;
    let lists = shop.rows("v3/pricelists").await;
    let path = format!("v3/pricelists/{}/records", lists[0]["id"]);
    let all = shop.rows(&format!("{path}?limit=250")).await;
    assert!(all.len() > 20 && all.iter().all(|row| row["currency"] == "gbp" || row["currency"] == "eur"));
    let mut met: Vec<Value> = Vec::new();
    let mut next = format!("{path}?limit=7");
    loop {
        let page = shop.get(&next).await.json();
        let (meta, first) = (&page["meta"], met.is_empty());
        assert_eq!(meta["pagination"].is_object(), first, "only the first page has both");
        met.extend(page["data"].as_array().unwrap().iter().cloned());
        let cursor = &meta["cursor_pagination"];
        if cursor["links"]["next"].is_null() {
            break;
        }
        next = format!("{path}?limit=7&after={}", cursor["end_cursor"].as_str().unwrap());
    }
    assert_eq!(met, all);
}

#[tokio::test]
async fn version_two_answers_with_bare_lists_and_with_nothing_at_all() {
    let shop = Shop::of(1).await;
    let all = shop.get("v2/currencies").await.json();
    assert_eq!(all[0]["currency_code"], "EUR");
    assert_eq!(all[1]["currency_exchange_rate"], "0.8500000000");
    let none = shop.get("v2/currencies?page=2").await;
    assert_eq!((none.status, none.text.as_str()), (204, ""));
    let many = shop.get("v2/customer_groups?limit=251").await;
    assert_eq!((many.status, &many.json()[0]["details"]["max_limit"]), (413, &json!(250)));
}

#[tokio::test]
async fn stock_has_a_row_for_every_variant_also_where_nothing_is_counted() {
    let shop = Shop::of(50).await;
    let products = shop.rows("v3/catalog/products?limit=250&include_fields=inventory_tracking&include=variants").await;
    let rows = shop.rows("v3/inventory/items?limit=1000").await;
    let variants: usize = products.iter().map(|product| product["variants"].as_array().unwrap().len()).sum();
    assert_eq!(rows.len(), variants);
    assert!(products.iter().any(|product| product["inventory_tracking"] == "none"));
    let one = shop.rows(&format!("v3/inventory/items?product_id:in={}", products[0]["id"])).await;
    assert_eq!(one.len(), products[0]["variants"].as_array().unwrap().len());
    assert_eq!(one[0]["locations"][0]["location_code"], "BC-LOCATION-1");
}
