//! The Data API's answers against the platform's own description, where it is at hand.
//!
//! Account Manager, WebDAV and the archives' files have no OpenAPI description; the schemas of the latter are in `xsd.rs`.

use sandbox::sfcc::JobEnd;

use super::*;

#[tokio::test]
async fn answers_of_the_data_api_are_as_the_description_says() {
    let instance = Instance::of(60).await;
    let list = instance.emulator.inventory_list_id("de").unwrap();
    let records = format!("inventory_lists/{list}/product_inventory_records");
    let first = instance.get(&format!("{records}?count=1")).await["data"][0]["product_id"].as_str().unwrap().to_owned();
    for path in [
        "sites",
        "sites?select=(**)&start=1&count=1",
        "sites/de",
        "sites/uk/locale_info/locales",
        "sites/uk/locale_info/locales?select=(**)",
        "catalogs",
        "catalogs?select=(**)",
        "catalogs/storefront-catalog",
        "inventory_lists",
        "inventory_lists?select=(**)",
        &format!("inventory_lists/{list}"),
        &records,
        &format!("{records}?select=(**)&count=200"),
        &format!("{records}/{first}"),
        "system_object_definitions/Product/attribute_definitions",
        "system_object_definitions/Product/attribute_definitions?select=(**)&count=200",
    ] {
        instance.get(path).await;
    }
    for (path, status) in [
        ("sites/none", 404),
        ("sites?count=0", 400),
        ("catalogs/none", 404),
        ("inventory_lists/none", 404),
        (format!("{records}/none").as_str(), 404),
        ("system_object_definitions/None/attribute_definitions", 404),
    ] {
        assert_eq!(instance.data("GET", path, &Value::Null).await.status, status, "{path}");
    }
    if let Some(operations) = instance.assert_described() {
        assert_eq!(operations, 10);
    }
}

#[tokio::test]
async fn answers_about_jobs_are_as_the_description_says() {
    let instance = Instance::of(3).await;
    instance.emulator.end_jobs([JobEnd::Error, JobEnd::Aborted, JobEnd::Ok]);
    let units = json!({ "catalogs": { "all": true } });
    for file in ["a.zip", "b.zip", "c.zip"] {
        let started = instance.data("POST", EXPORT, &json!({ "export_file": file, "data_units": units })).await;
        assert_eq!(started.status, 200);
        let path = format!("{EXPORT}/{}", started.json()["id"].as_str().unwrap());
        instance.get(&path).await;
        instance.pass(500);
        instance.get(&path).await;
        let again = instance.data("POST", EXPORT, &json!({ "export_file": "d.zip", "data_units": units })).await;
        assert_eq!(again.fault(), "400 JobAlreadyRunningException");
        instance.pass(1_000);
        instance.get(&path).await;
        let search = json!({ "query": { "term_query": { "fields": ["job_id"], "operator": "is", "values": ["sfcc-site-archive-export"] } } });
        assert_eq!(instance.data("POST", "job_execution_search", &search).await.status, 200);
        assert_eq!(instance.data("DELETE", &path, &Value::Null).await.status, 204);
        assert_eq!(instance.data("GET", &path, &Value::Null).await.status, 404);
    }
    if let Some(operations) = instance.assert_described() {
        assert_eq!(operations, 4);
    }
}
