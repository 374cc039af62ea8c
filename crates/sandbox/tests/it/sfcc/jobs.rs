//! The job that exports site archives.

use sandbox::sfcc::JobEnd;

use super::*;

fn request(file: &str) -> Value {
    json!({ "export_file": file, "data_units": { "catalogs": { "master-catalog": true } } })
}

#[tokio::test]
async fn an_execution_goes_through_its_states_and_leaves_an_archive() {
    let instance = Instance::of(3).await;
    let started = instance.data("POST", EXPORT, &request("a.zip")).await.json();
    assert_eq!((started["execution_status"].as_str(), started["status"].as_str()), (Some("pending"), Some("PENDING")));
    assert_eq!(
        (started["client_id"].as_str(), started["job_id"].as_str()),
        (Some(OCAPI_CLIENT), Some("sfcc-site-archive-export"))
    );
    let path = format!("{EXPORT}/{}", started["id"].as_str().unwrap());
    instance.pass(500);
    let running = instance.get(&path).await;
    assert_eq!((running["execution_status"].as_str(), running.get("exit_status")), (Some("running"), None));
    assert_eq!(instance.dav("HEAD", "Impex/src/instance/a.zip", &[]).await.status, 404);
    let early = instance.data("DELETE", &path, &Value::Null).await;
    assert_eq!(early.fault(), "403 JobExecutionNotFinishedException");
    let again = instance.data("POST", EXPORT, &request("b.zip")).await;
    assert_eq!(again.fault(), "400 JobAlreadyRunningException");
    instance.pass(500);
    let finished = instance.get(&path).await;
    assert_eq!(
        (finished["execution_status"].as_str(), finished["exit_status"]["code"].as_str()),
        (Some("finished"), Some("OK"))
    );
    assert_eq!((finished["duration"].as_i64(), finished["status"].as_str()), (Some(1000), Some("OK")));
    assert_eq!(instance.dav("HEAD", "Impex/src/instance/a.zip", &[]).await.status, 200);
    let next = instance.data("POST", EXPORT, &request("b.zip")).await.json();
    assert_ne!(next["id"], started["id"]);
    assert_eq!(instance.data("DELETE", &path, &Value::Null).await.status, 204);
    assert_eq!(instance.data("GET", &path, &Value::Null).await.fault(), "404 JobExecutionNotFoundException");
}

#[tokio::test]
async fn an_execution_takes_as_long_where_the_clock_is_set_back() {
    const FAR: i64 = 100 * 24 * 3_600_000;
    let instance = Instance::of(1).await;
    let started = instance.data("POST", EXPORT, &request("a.zip")).await.json();
    let path = format!("{EXPORT}/{}", started["id"].as_str().unwrap());
    instance.pass(400);
    assert_eq!(instance.get(&path).await["execution_status"], "running");
    instance.pass(-FAR);
    assert_eq!(instance.get(&path).await["execution_status"], "running");
    instance.pass(600);
    let finished = instance.get(&path).await;
    assert_eq!((finished["execution_status"].as_str(), finished["duration"].as_i64()), (Some("finished"), Some(1_000)));
    instance.pass(-FAR);
    assert_eq!(instance.get(&path).await, finished);
    assert!(!unzip(&instance.dav("GET", "Impex/src/instance/a.zip", &[]).await.body).is_empty());
    assert_eq!(instance.data("POST", EXPORT, &request("b.zip")).await.status, 200);
}

#[tokio::test]
async fn an_archive_shows_the_instance_as_it_was_at_the_start() {
    let instance = Instance::of(3).await;
    instance.data("POST", EXPORT, &request("a.zip")).await;
    let edit = sandbox::shop::Edit::Name { product: "p-000001".into(), locale: "en".into(), text: "Too late".into() };
    instance.emulator.edit(edit).unwrap();
    instance.pass(1_000);
    let file = instance.dav("GET", "Impex/src/instance/a.zip", &[]).await;
    let entries = unzip(&file.body);
    assert_eq!(entries.keys().collect::<Vec<_>>(), ["a/catalogs/master-catalog/catalog.xml", "a/version.txt"]);
    assert!(!entries["a/catalogs/master-catalog/catalog.xml"].contains("Too late"));
}

#[tokio::test]
async fn an_execution_that_fails_leaves_no_file() {
    let instance = Instance::of(1).await;
    instance.emulator.end_jobs([JobEnd::Error, JobEnd::Aborted]);
    for (state, file) in [("finished", "a.zip"), ("aborted", "b.zip")] {
        let started = instance.data("POST", EXPORT, &request(file)).await.json();
        instance.pass(1_000);
        let ended = instance.get(&format!("{EXPORT}/{}", started["id"].as_str().unwrap())).await;
        assert_eq!(ended["execution_status"], state);
        assert_eq!(
            (ended["exit_status"]["code"].as_str(), ended["exit_status"]["status"].as_str()),
            (Some("ERROR"), Some("error"))
        );
    }
    let units = json!({ "catalogs": { "none": true } });
    let unknown = json!({ "export_file": "c.zip", "data_units": units });
    let started = instance.data("POST", EXPORT, &unknown).await.json();
    instance.pass(1_000);
    let ended = instance.get(&format!("{EXPORT}/{}", started["id"].as_str().unwrap())).await;
    assert_eq!(ended["status"], "ERROR");
    assert!(ended["exit_status"]["message"].as_str().unwrap().contains("catalogs/none"));
    assert_eq!(instance.emulator.file_paths(), Vec::<String>::new());
}

#[tokio::test]
async fn a_request_that_the_platform_does_not_know_is_refused() {
    let instance = Instance::of(1).await;
    let fault = async |body: Value| instance.data("POST", EXPORT, &body).await.fault();
    assert_eq!(fault(json!({ "data_units": {} })).await, "400 MissingPropertyException");
    assert_eq!(fault(json!({ "export_file": "a.zip" })).await, "400 MissingPropertyException");
    assert_eq!(
        fault(json!({ "export_file": "../a.zip", "data_units": {} })).await,
        "400 InvalidPropertyFormatException"
    );
    assert_eq!(
        fault(json!({ "export_file": "a.zip", "data_units": {}, "x": 1 })).await,
        "400 UnknownPropertyException"
    );
    for units in [
        json!({ "pricebooks": {} }),
        json!({ "sites": { "de": { "prices": true } } }),
        json!({ "global_data": { "metadata": true } }),
    ] {
        assert_eq!(fault(json!({ "export_file": "a.zip", "data_units": units })).await, "400 UnknownPropertyException");
    }
    let unknown = instance.data("POST", "jobs/other/executions", &request("a.zip")).await;
    assert_eq!(unknown.fault(), "404 JobNotFoundException");
}

#[tokio::test]
async fn some_instances_take_parameters_only() {
    let settings = Settings { jobs_take_parameters: true, ..Settings::default() };
    let instance = Instance::open(settings, &generate(&Options { products: 1, ..Options::default() })).await;
    let refused = instance.data("POST", EXPORT, &request("a.zip")).await;
    assert_eq!(refused.fault(), "400 UnknownPropertyException");
    assert_eq!(refused.json()["fault"]["arguments"]["document"], "job_execution_request");
    let parameters = json!({ "parameters": [
        { "name": "ExportFile", "value": "a.zip" },
        { "name": "DataUnits", "value": "{\"catalogs\":{\"all\":true}}" },
    ] });
    assert_eq!(instance.data("POST", EXPORT, &parameters).await.status, 200);
    instance.pass(1_000);
    assert_eq!(instance.emulator.file_paths(), ["Impex/src/instance/a.zip"]);
}

#[tokio::test]
async fn a_file_is_overwritten_unless_that_is_forbidden() {
    let instance = Instance::of(1).await;
    for (overwrite, status) in [(Value::Null, "OK"), (json!(true), "OK"), (json!(false), "ERROR")] {
        let mut body = request("a");
        if !overwrite.is_null() {
            body["overwrite_export_file"] = overwrite;
        }
        let started = instance.data("POST", EXPORT, &body).await.json();
        instance.pass(1_000);
        let ended = instance.get(&format!("{EXPORT}/{}", started["id"].as_str().unwrap())).await;
        assert_eq!(ended["status"], status);
        assert_eq!(instance.emulator.file_paths(), ["Impex/src/instance/a.zip"], "the ending is added");
    }
}

#[tokio::test]
async fn executions_are_searched() {
    let instance = Instance::of(1).await;
    for file in ["a.zip", "b.zip"] {
        instance.data("POST", EXPORT, &request(file)).await;
        instance.pass(1_000);
    }
    instance.data("POST", EXPORT, &request("c.zip")).await;
    let search = async |query: Value| {
        let body = json!({ "query": query, "sorts": [{ "field": "start_time", "sort_order": "desc" }] });
        instance.data("POST", "job_execution_search", &body).await
    };
    let ids = |answer: Answer| -> Vec<String> {
        let hits = answer.json()["hits"].as_array().unwrap().clone();
        hits.iter().map(|hit| hit["id"].as_str().unwrap().to_owned()).collect()
    };
    let term = |field: &str, operator: &str, values: Value| json!({ "term_query": { "fields": [field], "operator": operator, "values": values } });
    assert_eq!(ids(search(json!({ "match_all_query": {} })).await), ["3", "2", "1"]);
    let running = json!({ "bool_query": { "must": [
        term("job_id", "is", json!(["sfcc-site-archive-export"])),
        term("status", "one_of", json!(["RUNNING", "PENDING"])),
    ] } });
    assert_eq!(ids(search(running).await), ["3"]);
    assert_eq!(ids(search(term("status", "is", json!(["OK"]))).await), ["2", "1"]);
    for wrong in [
        term("client_id", "is", json!(["x"])),
        term("status", "like", json!(["x"])),
        term("status", "is", json!(["x", "y"])),
        json!({ "match_all_query": {}, "term_query": {} }),
        json!({ "termQuery": {} }),
    ] {
        assert_eq!(search(wrong).await.fault(), "400 MalformedSearchParameterException");
    }
}
