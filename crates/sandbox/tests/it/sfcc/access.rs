//! Tokens of Account Manager, and who may call the Data API.

use sandbox::sfcc::{Client, SCAPI_CLIENT, SCAPI_SECRET};

use super::*;

#[tokio::test]
async fn a_token_needs_the_client_and_scopes_that_it_has() {
    let instance = Instance::of(1).await;
    let ask = |id, secret, form| instance.token_answer(id, secret, form);
    let grant = "grant_type=client_credentials";
    for (id, secret, form, status, error) in [
        (OCAPI_CLIENT, "wrong", grant, 401, "invalid_client"),
        ("unknown", OCAPI_SECRET, grant, 401, "invalid_client"),
        (OCAPI_CLIENT, OCAPI_SECRET, "", 400, "invalid_request"),
        (OCAPI_CLIENT, OCAPI_SECRET, "grant_type=password", 400, "unsupported_grant_type"),
        (OCAPI_CLIENT, OCAPI_SECRET, "grant_type=client_credentials&scope=sfcc.products", 400, "invalid_scope"),
        (SCAPI_CLIENT, SCAPI_SECRET, "grant_type=client_credentials&scope=sfcc.orders", 400, "invalid_scope"),
        (
            SCAPI_CLIENT,
            SCAPI_SECRET,
            "grant_type=client_credentials&scope=SALESFORCE_COMMERCE_API:zzte_prd",
            400,
            "invalid_scope",
        ),
    ] {
        let answer = ask(id, secret, form).await;
        assert_eq!((answer.status, answer.json()["error"].as_str()), (status, Some(error)), "{form}");
    }
    let scope = "SALESFORCE_COMMERCE_API:zzte_053 sfcc.products";
    let answer = ask(SCAPI_CLIENT, SCAPI_SECRET, &format!("{grant}&scope={}", scope.replace(' ', "+"))).await;
    let token = answer.json();
    assert_eq!((token["expires_in"].as_i64(), token["scope"].as_str()), (Some(1799), Some(scope)));
    assert_eq!(token["token_type"], "Bearer");
    assert_eq!(token["access_token"].as_str().unwrap().split('.').count(), 3, "a JWT");
    let posted = format!("{grant}&client_id={OCAPI_CLIENT}&client_secret={OCAPI_SECRET}");
    assert_eq!(instance.ask("POST", "/dwsso/oauth2/access_token", &[], &posted).await.status, 200);
}

#[tokio::test]
async fn a_call_needs_a_client_a_token_and_a_permission() {
    let instance = Instance::of(1).await;
    let path = "/s/-/dw/data/v25_6/sites";
    let fault = async |headers: &[(&str, &str)]| instance.ask("GET", path, headers, "").await.fault();
    assert_eq!(fault(&[]).await, "403 MissingClientIdException");
    assert_eq!(fault(&[("x-dw-client-id", "unknown")]).await, "403 UnknownClientIdException");
    assert_eq!(fault(&[("x-dw-client-id", OCAPI_CLIENT)]).await, "401 AuthorizationHeaderMissingException");
    assert_eq!(fault(&[("authorization", "Bearer x")]).await, "401 InvalidAccessTokenException");
    let token = format!("Bearer {}", instance.token);
    let other = [("authorization", token.as_str()), ("x-dw-client-id", SCAPI_CLIENT)];
    assert_eq!(fault(&other).await, "401 InvalidAccessTokenException");
    let both = [("authorization", token.as_str()), ("x-dw-client-id", OCAPI_CLIENT)];
    assert_eq!(instance.ask("GET", path, &both, "").await.status, 200);
    let scapi = instance.new_token(SCAPI_CLIENT, SCAPI_SECRET, "").await;
    assert_eq!(instance.with(&scapi, "GET", path, "").await.fault(), "403 ClientAccessForbiddenException");
    assert_eq!(instance.data("GET", "customer_lists", &Value::Null).await.fault(), "404 ResourcePathNotFoundException");
    assert_eq!(instance.data("DELETE", "sites", &Value::Null).await.fault(), "403 ClientAccessForbiddenException");
    let version = instance.with(&instance.token, "GET", "/s/-/dw/data/v99_1/sites", "").await;
    assert_eq!(version.fault(), "404 ResourcePathNotFoundException");
    instance.pass(1_799_000);
    assert_eq!(fault(&[("authorization", token.as_str())]).await, "401 InvalidAccessTokenException");
}

#[tokio::test]
async fn a_revoked_token_is_refused_and_a_new_one_is_not() {
    let instance = Instance::of(1).await;
    instance.emulator.revoke_tokens();
    assert_eq!(instance.data("GET", "sites", &Value::Null).await.fault(), "401 InvalidAccessTokenException");
    let token = instance.new_token(OCAPI_CLIENT, OCAPI_SECRET, "").await;
    assert_eq!(instance.with(&token, "GET", "/s/-/dw/data/v25_6/sites", "").await.status, 200);
}

#[tokio::test]
async fn the_permission_document_decides_on_resources_and_attributes() {
    let mut client = Client::ocapi("c", "s");
    client.data = Some(json!([
        { "resource_id": "/sites", "methods": ["get"], "read_attributes": "(total,data.(id))" },
        { "resource_id": "/catalogs/*", "methods": ["get"], "read_attributes": "(**)" },
    ]));
    let settings = Settings { clients: vec![client, Client::ocapi(OCAPI_CLIENT, OCAPI_SECRET)], ..Settings::default() };
    let instance = Instance::open(settings, &generate(&Options { products: 1, ..Options::default() })).await;
    let token = instance.new_token("c", "s", "").await;
    let get = async |path: &str| instance.with(&token, "GET", &format!("/s/-/dw/data/v25_6/{path}"), "").await;
    let sites = get("sites?select=(**)").await.json();
    assert_eq!(sites["total"], 2);
    assert_eq!(sites["data"][0], json!({ "_type": "site", "id": "de" }));
    assert_eq!(sites.get("count"), None, "it is not readable");
    assert_eq!(get("catalogs/master-catalog").await.status, 200);
    for path in ["catalogs", "sites/de", "inventory_lists", "job_execution_search"] {
        assert_eq!(get(path).await.fault(), "403 ClientAccessForbiddenException", "{path}");
    }
}

#[tokio::test]
async fn lists_are_short_without_a_selector_and_paged() {
    let instance = Instance::of(20).await;
    let sites = instance.get("sites").await;
    assert_eq!(
        (sites["_v"].as_str(), sites["_type"].as_str(), sites["count"].as_i64()),
        (Some("25.6"), Some("sites"), Some(2))
    );
    let mut members: Vec<&String> = sites["data"][0].as_object().unwrap().keys().collect();
    members.sort();
    assert_eq!(members, ["_type", "id", "link"]);
    let whole = instance.get("sites?select=(**)").await;
    assert_eq!(whole["data"][1]["display_name"]["default"], "Großbritannien");
    let old = instance.with(&instance.token, "GET", "/s/-/dw/data/v19_5/sites/uk", "").await.json();
    assert_eq!((old["_v"].as_str(), old["id"].as_str()), (Some("19.5"), Some("uk")));
    assert_eq!(instance.data("GET", "sites/fr", &Value::Null).await.fault(), "404 SiteNotFoundException");
    for query in ["count=0", "count=201", "start=-1", "count=x"] {
        let answer = instance.data("GET", &format!("sites?{query}"), &Value::Null).await;
        assert_eq!(answer.fault(), "400 ParameterValueConstraintViolationException", "{query}");
    }
    assert_eq!(instance.data("GET", "sites?select=(id", &Value::Null).await.fault(), "400 MalformedSelectorException");
    assert_eq!(instance.data("GET", "sites?page=2", &Value::Null).await.fault(), "400 UnknownParameterException");
    let locales = instance.get("sites/uk/locale_info/locales?select=(**)").await;
    let ids: Vec<&str> = locales["hits"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["default", "en"]);
    let catalogs = instance.get("catalogs?select=(total,data.(id,assigned_sites))").await;
    assert_eq!(catalogs["total"], 2);
    assert_eq!(catalogs["data"][1]["id"], "storefront-catalog");
    assert_eq!(catalogs["data"][1]["assigned_sites"].as_array().unwrap().len(), 2);
    assert_eq!(instance.data("GET", "catalogs/x", &Value::Null).await.fault(), "404 CatalogNotFoundException");
}

#[tokio::test]
async fn inventory_records_are_listed_page_by_page_and_one_by_one() {
    let instance = Instance::of(20).await;
    let list = instance.emulator.inventory_list_id("de").unwrap();
    assert_eq!(list, "inventory-warehouse-de");
    let path = format!("inventory_lists/{list}/product_inventory_records");
    let mut ids = Vec::new();
    let mut start = 0;
    loop {
        let page = instance.get(&format!("{path}?start={start}&count=7&select=(**)")).await;
        let rows = page["data"].as_array().unwrap();
        ids.extend(rows.iter().map(|row| row["product_id"].as_str().unwrap().to_owned()));
        assert_eq!(page.get("next").is_some(), ids.len() < usize::try_from(page["total"].as_u64().unwrap()).unwrap());
        start += rows.len();
        if page.get("next").is_none() {
            break;
        }
    }
    let mut sorted = ids.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(ids, sorted);
    let one = instance.get(&format!("{path}/{}", ids[0])).await;
    let (allocation, turnover) =
        (one["allocation"]["amount"].as_f64().unwrap(), one["inventory_turnover"].as_f64().unwrap());
    assert!((one["stock_level"].as_f64().unwrap() - (allocation - turnover)).abs() < 1e-9);
    let none = instance.data("GET", &format!("{path}/none"), &Value::Null).await;
    assert_eq!(none.fault(), "404 ProductInventoryRecordNotFoundException");
    let none = instance.data("GET", "inventory_lists/none", &Value::Null).await;
    assert_eq!(none.fault(), "404 InventoryListNotFoundException");
}
