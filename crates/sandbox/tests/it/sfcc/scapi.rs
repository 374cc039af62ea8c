//! SCAPI's admin and shopper APIs, against the platform's descriptions where they are at hand.

use sandbox::{
    catalogue::Price,
    sfcc::{SCAPI_CLIENT, SCAPI_SECRET, SLAS_CLIENT, SLAS_SECRET},
    shop::Edit,
};

use super::*;

const ADMIN: &str = "SALESFORCE_COMMERCE_API:zzte_053 sfcc.products sfcc.catalogs";

impl Instance {
    async fn admin(&self, method: &str, path: &str, body: &Value) -> Answer {
        let token = self.new_token(SCAPI_CLIENT, SCAPI_SECRET, ADMIN).await;
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.with(&token, method, &path.replace("ORG", "v1/organizations/f_ecom_zzte_053"), &body).await
    }

    async fn slas(&self, form: &str) -> Answer {
        let url = self.host.url("/shopper/auth/v1/organizations/f_ecom_zzte_053/oauth2/token");
        let request = client().post(url).basic_auth(SLAS_CLIENT, Some(SLAS_SECRET)).body(form.to_owned());
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answer { status, headers, body: answer.bytes().await.unwrap().to_vec() }
    }

    async fn shopper(&self, site: &str, path: &str) -> Answer {
        let token = self.slas(&format!("grant_type=client_credentials&channel_id={site}")).await.json();
        let path = path.replace("ORG", "v1/organizations/f_ecom_zzte_053");
        self.with(token["access_token"].as_str().unwrap(), "GET", &path, "").await
    }

    async fn product(&self, site: &str, id: &str, more: &str) -> Value {
        let answer =
            self.shopper(site, &format!("/product/shopper-products/ORG/products/{id}?siteId={site}{more}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }
}

/// The end of `type`, behind the status.
fn problem(answer: &Answer) -> String {
    let document = answer.json();
    assert!(document["title"].is_string() && document["detail"].is_string(), "{document}");
    format!("{} {}", answer.status, document["type"].as_str().unwrap().rsplit('/').next().unwrap())
}

const SEARCH: &str = "/product/products/ORG/product-search";

fn search(query: Value) -> Value {
    let mut body = json!({ "limit": 200, "offset": 0, "sorts": [{ "field": "id", "sortOrder": "asc" }] });
    body["query"] = query;
    body
}

#[tokio::test]
async fn admin_answers_are_as_the_descriptions_say() {
    let instance = Instance::of(100).await;
    let found =
        instance.admin("POST", &format!("{SEARCH}?siteId=de"), &search(json!({ "matchAllQuery": {} }))).await.json();
    assert_eq!(found["hits"].as_array().unwrap().len(), 200);
    instance.admin("POST", SEARCH, &json!({})).await;
    instance.admin("GET", "/product/catalogs/ORG/catalogs", &Value::Null).await;
    let path = "/product/catalogs/ORG/catalogs/storefront-catalog/categories?limit=50";
    let categories = instance.admin("GET", path, &Value::Null).await.json();
    assert_eq!((categories["limit"].as_i64(), categories["data"].as_array().unwrap().len()), (Some(50), 41));
    for limit in [0, 51] {
        let path = format!("/product/catalogs/ORG/catalogs?limit={limit}");
        assert_eq!(problem(&instance.admin("GET", &path, &Value::Null).await), "400 invalid-query-parameter");
    }
    let none = instance.admin("GET", "/product/catalogs/ORG/catalogs/x/categories", &Value::Null).await;
    assert_eq!(problem(&none), "404 catalog-not-found");
    instance.assert_described();
}

#[tokio::test]
async fn a_call_needs_the_scope_and_the_tenant() {
    let instance = Instance::of(1).await;
    let path = SEARCH.replace("ORG", "v1/organizations/f_ecom_zzte_053");
    let body = search(json!({ "matchAllQuery": {} })).to_string();
    for (scope, wanted) in [
        (ADMIN, 200),
        ("sfcc.products", 403),
        ("SALESFORCE_COMMERCE_API:zzte_053", 403),
        ("SALESFORCE_COMMERCE_API:zzte_053 sfcc.catalogs", 403),
    ] {
        let token = instance.new_token(SCAPI_CLIENT, SCAPI_SECRET, scope).await;
        assert_eq!(instance.with(&token, "POST", &path, &body).await.status, wanted, "{scope}");
    }
    assert_eq!(problem(&instance.with("x", "POST", &path, &body).await), "401 unauthorized");
    let other = instance.admin("POST", &path.replace("zzte_053", "zzte_prd"), &Value::Null).await;
    assert_eq!(problem(&other), "403 forbidden");
}

#[tokio::test]
async fn a_window_of_time_is_searched_and_sorted_by_id() {
    let instance = Instance::of(60).await;
    let window = |from: &str, to: &str| {
        let range = json!({ "field": "lastModified", "from": from, "to": to, "toInclusive": false });
        search(json!({ "filteredQuery": { "query": { "matchAllQuery": {} }, "filter": { "rangeFilter": range } } }))
    };
    let now = ("2026-05-01T10:00:00.000Z", "2026-05-01T11:00:00.000Z");
    let ids = async |body: Value| -> Vec<String> {
        let answer = instance.admin("POST", SEARCH, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["hits"].as_array().unwrap().iter().map(|hit| hit["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(window(now.0, now.1)).await, Vec::<String>::new());
    let edit = Edit::Name { product: "p-000001".into(), locale: "en".into(), text: "New".into() };
    instance.emulator.edit(edit).unwrap();
    assert_eq!(ids(window(now.0, now.1)).await, ["p-000001"], "its variants are not changed");
    assert_eq!(ids(window(now.1, "2026-05-01T12:00:00.000Z")).await, Vec::<String>::new());
    let term =
        |field: &str, value: &str| json!({ "termQuery": { "fields": [field], "operator": "is", "values": [value] } });
    let all = ids(search(term("type", "master"))).await;
    assert!(all.len() > 50 && all.is_sorted());
    assert_eq!(ids(search(term("categoryId", "none"))).await, Vec::<String>::new());
    let assigned = ids(search(term("catalogId", "storefront-catalog"))).await;
    assert!(assigned.iter().all(|id| id.starts_with("p-")), "variants are assigned by their master alone");
    let refused = async |body: Value| problem(&instance.admin("POST", SEARCH, &body).await);
    let any = |one: Value, other: Value| search(json!({ "boolQuery": { "should": [one, other] } }));
    assert_eq!(ids(any(term("id", "p-000001"), term("id", "p-000002"))).await.len(), 2);
    assert_eq!(refused(any(term("id", "x"), term("catalogId", "y"))).await, "400 invalid-request", "two buckets");
    for sort in ["lastModified", "online"] {
        let mut body = window(now.0, now.1);
        body["sorts"] = json!([{ "field": sort }]);
        assert_eq!(refused(body).await, "400 invalid-request", "{sort}");
    }
    let mut body = window(now.0, now.1);
    body["limit"] = json!(201);
    assert_eq!(refused(body).await, "400 invalid-request");
    assert_eq!(refused(search(json!({ "match_all_query": {} }))).await, "400 invalid-request");
    assert_eq!(refused(search(term("brand", "x"))).await, "400 invalid-request");
    assert_eq!(refused(json!({ "query": { "matchAllQuery": {} }, "expand": ["all"] })).await, "400 invalid-request");
}

#[tokio::test]
async fn a_guest_has_a_token_for_one_site() {
    let instance = Instance::of(1).await;
    let token = instance.slas("grant_type=client_credentials&channel_id=de&dnt=true").await;
    let token = token.json();
    assert_eq!((token["expires_in"].as_i64(), token["dnt"].as_str()), (Some(1800), Some("true")));
    for form in [
        "grant_type=client_credentials",
        "grant_type=client_credentials&channel_id=none",
        "grant_type=password&channel_id=de",
        "grant_type=refresh_token&channel_id=de&refresh_token=x",
    ] {
        let refused = instance.slas(form).await;
        assert_eq!(refused.status, 400, "{form}");
    }
    let refresh =
        format!("grant_type=refresh_token&channel_id=de&refresh_token={}", token["refresh_token"].as_str().unwrap());
    assert_eq!(instance.slas(&refresh).await.status, 200);
    assert_eq!(instance.slas(&refresh).await.status, 400, "it was used");
    let path = "/product/shopper-products/v1/organizations/f_ecom_zzte_053/products?ids=x&siteId=uk";
    let other = instance.with(token["access_token"].as_str().unwrap(), "GET", path, "").await;
    assert_eq!(problem(&other), "403 forbidden", "the token is for another site");
    instance.pass(1_800_000);
    let late = instance.with(token["access_token"].as_str().unwrap(), "GET", &path.replace("uk", "de"), "").await;
    assert_eq!(problem(&late), "401 unauthorized");
    instance.assert_described();
}

#[tokio::test]
async fn shopper_products_are_of_one_site_locale_and_currency() {
    let instance = Instance::of(100).await;
    let product = (generate(&Options { products: 100, ..Options::default() }).products)().nth(1).unwrap();
    let german = instance.product("de", "p-000001", "").await;
    assert_eq!(
        (german["name"].as_str(), german["currency"].as_str()),
        (product.name.get("de").map(String::as_str), Some("EUR"))
    );
    let english = instance.product("uk", "p-000001", "&currency=GBP&locale=en").await;
    assert_eq!(
        (english["name"].as_str(), english["currency"].as_str()),
        (product.name.get("en").map(String::as_str), Some("GBP"))
    );
    let variant = &product.variants[0];
    let shown = instance
        .product("de", variant.sku.as_ref().unwrap(), "&expand=prices,availability,images&perPricebook=true")
        .await;
    let price = variant.prices.iter().find(|price| price.currency == "EUR").unwrap();
    let amount = |minor: i64| f64::from(i32::try_from(minor).unwrap()) / 100.0;
    assert_eq!(shown["price"].as_f64(), Some(amount(price.discounted.unwrap_or(price.minor))));
    assert_eq!(shown["prices"]["eur-list-prices"].as_f64(), Some(amount(price.minor)));
    assert_eq!(shown["master"]["masterId"], "p-000001");
    assert_eq!(shown.get("variants"), None, "it was not asked for");
    let stock = variant.stock.iter().find(|stock| stock.channel.as_deref() == Some("warehouse-de")).unwrap();
    assert_eq!(shown["inventory"]["ats"].as_f64(), Some(amount(stock.quantity * 100)));
    assert_eq!(shown["imageGroups"][0]["images"][0]["link"], variant.images[0].as_str());
    // 11 has no English text, and the default locale is German; 7 is offline; 45 is not sold in Germany.
    assert_eq!(
        instance.product("uk", "p-000011", "").await["name"],
        instance.product("de", "p-000011", "").await["name"]
    );
    for (site, id) in [("de", "p-000007"), ("de", "p-000045"), ("de", "p-000041"), ("de", "none")] {
        let answer =
            instance.shopper(site, &format!("/product/shopper-products/ORG/products/{id}?siteId={site}")).await;
        assert_eq!(problem(&answer), "404 product-not-found", "{id}");
    }
    instance.product("uk", "p-000045", "").await;
    instance.assert_described();
}

#[tokio::test]
async fn ids_that_are_not_shown_are_absent_and_too_many_are_refused() {
    let instance = Instance::of(60).await;
    let path = |ids: &str| format!("/product/shopper-products/ORG/products?siteId=de&ids={ids}");
    let found = instance.shopper("de", &path("p-000001,none,p-000007,p-000002")).await.json();
    let ids: Vec<&str> = found["data"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["p-000001", "p-000002"]);
    let many: Vec<String> = (0..25).map(|number| format!("p-{number:06}")).collect();
    assert_eq!(problem(&instance.shopper("de", &path(&many.join(","))).await), "400 validation");
    assert_eq!(instance.shopper("de", &path(&many[..24].join(","))).await.status, 200);
    for (more, wanted) in [
        ("&expand=everything", "400 invalid-query-parameter"),
        ("&locale=fr", "400 unsupported-locale"),
        ("&currency=USD", "400 unsupported-currency"),
        ("&select=(id", "400 malformed-selector"),
        ("&page=2", "400 invalid-query-parameter"),
    ] {
        assert_eq!(problem(&instance.shopper("de", &format!("{}{more}", path("p-000001"))).await), wanted, "{more}");
    }
    let selected = instance.shopper("de", &format!("{}&select=(data.(id,price))", path("p-000001"))).await.json();
    let members: Vec<&String> = selected["data"][0].as_object().unwrap().keys().collect();
    assert!(selected.get("total").is_none() && members.iter().all(|name| ["id", "price"].contains(&name.as_str())));
    let availability = "/product/shopper-availability/ORG/availability?siteId=de&productIds=p-000001,none";
    let availability = instance.shopper("de", availability).await.json();
    assert_eq!(
        (availability["total"].as_i64(), availability["data"][0]["inventories"][0]["id"].as_str()),
        (Some(1), Some("inventory-warehouse-de"))
    );
    let more = "/product/shopper-availability/ORG/availability?siteId=de&productIds=p-000001&expand=variations&inventoryIds=inventory,none";
    let more = instance.shopper("de", more).await.json();
    let variants =
        (generate(&Options { products: 60, ..Options::default() }).products)().nth(1).unwrap().variants.len();
    assert_eq!(more["total"].as_u64(), Some(1 + variants as u64), "the master and its variants");
    assert_eq!(more["data"][1]["inventories"].as_array().unwrap().len(), 1);
    assert_eq!(more["data"][1]["inventories"][0]["id"], "inventory");
    instance.assert_described();
}

#[tokio::test]
async fn a_price_window_opens_by_the_clock_and_moves_no_date() {
    let instance = Instance::of(5).await;
    let product = (generate(&Options { products: 5, ..Options::default() }).products)().next().unwrap();
    let sku = product.variants[0].sku.clone().unwrap();
    let second = std::time::Duration::from_secs(1);
    let price = Price { minor: 101, currency: "EUR".into(), ..Price::default() };
    let (opens_in, lasts) = (10 * second, 60 * second);
    instance
        .emulator
        .edit(Edit::PriceWindow { product: product.key, sku: sku.clone(), price, opens_in, lasts })
        .unwrap();
    let modified = async || {
        instance.admin("GET", &format!("/product/products/ORG/products/{sku}"), &Value::Null).await.json()["lastModified"].clone()
    };
    let before = modified().await;
    let price = async || instance.product("de", &sku, "&expand=prices").await["price"].as_f64();
    let usual = price().await;
    assert_ne!(usual, Some(1.01));
    instance.pass(10_000);
    assert_eq!(price().await, Some(1.01));
    instance.pass(60_000);
    assert_eq!(price().await, usual);
    assert_eq!(modified().await, before);
}

#[tokio::test]
async fn shopper_categories_begin_at_the_root() {
    let instance = Instance::of(1).await;
    let path = |id: &str, more: &str| format!("/product/shopper-products/ORG/categories/{id}?siteId=uk{more}");
    let root = instance.shopper("uk", &path("root", "&levels=2")).await.json();
    let departments = root["categories"].as_array().unwrap();
    assert_eq!(root["onlineSubCategoriesCount"].as_u64(), Some(departments.len() as u64));
    let below = &departments[0]["categories"][0];
    assert!(below["id"].is_string() && below.get("categories").is_none(), "two levels");
    let id = below["id"].as_str().unwrap();
    let one = instance.shopper("uk", &path(id, "&levels=0")).await.json();
    assert_eq!(one["parentCategoryTree"].as_array().unwrap().len(), 2);
    assert_eq!(problem(&instance.shopper("uk", &path("none", "")).await), "404 category-not-found");
    assert_eq!(problem(&instance.shopper("uk", &path("root", "&levels=3")).await), "400 invalid-query-parameter");
    let many = format!("/product/shopper-products/ORG/categories?siteId=uk&ids={}", vec!["root"; 51].join(","));
    assert_eq!(problem(&instance.shopper("uk", &many).await), "400 validation");
    instance.assert_described();
}
