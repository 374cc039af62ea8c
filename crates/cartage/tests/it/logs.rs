//! What is logged: how much, in which form, and about which record.

use sandbox::clerk::{Rejection, Resource};
use serde_json::Value;

use crate::harness::{Shop, cartage_with};

/// Sets the section `[telemetry]`.
fn log(shop: &Shop, lines: &str) {
    shop.configure(&format!("[telemetry]\n{lines}\n"));
}

/// The log lines of a text, as JSON.
#[track_caller]
fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

fn message(line: &Value) -> &str {
    line["fields"]["message"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_logs_a_line_for_each_lane_and_flow_with_counts_and_names_what_is_refused() {
    let shop = Shop::uniform(20).await;
    log(&shop, "format = \"json\"");
    let name = shop.current("p-000003")["name"]["de"].clone();
    shop.store("de").reject(Rejection { resource: Resource::Products, field: "name".to_owned(), equals: name });
    let ran = shop.cartage(&["sync"]).await.ended(1);
    let logged = lines(&ran.err);
    let read = logged.iter().find(|line| message(line) == "read" && line["fields"]["lane"] == "products").unwrap();
    assert_eq!((&read["level"], &read["fields"]["new"]), (&Value::from("INFO"), &Value::from(20)));
    let pushed = logged.iter().filter(|line| message(line) == "pushed" && line["fields"]["flow"] == "clerk-de");
    let sums: [u64; 2] = pushed.fold([0, 0], |[settled, dead], line| {
        let count = |name: &str| line["fields"][name].as_u64().unwrap();
        [settled + count("settled"), dead + count("dead")]
    });
    assert!(sums[0] >= 20 && sums[1] == 1, "{sums:?}");
    let refused: Vec<_> = logged.iter().filter(|line| message(line) == "record refused").collect();
    let fields = &refused[0]["fields"];
    assert_eq!((refused.len(), &refused[0]["level"]), (1, &Value::from("WARN")));
    assert_eq!(fields["id"], Value::from(shop.id("p-000003")));
    assert_eq!(fields["key"], Value::from(shop.skus("p-000003")[0].clone()));
}

#[tokio::test(flavor = "multi_thread")]
async fn switches_log_more_and_less_and_calls_can_be_seen() {
    let shop = Shop::uniform(3).await;
    let ran = shop.cartage(&["sync"]).await.ended(0);
    assert!(!ran.err.contains(" INFO ") && ran.err.contains("shop products: 3 new"), "{}", ran.err);
    shop.age();
    shop.cartage(&["sync", "-v", "--full"]).await.ended(0).says(&[" INFO ", "DEBUG", "walk began"]);
    let quiet = shop.cartage(&["sync", "-q", "--full"]).await.ended(0);
    assert!(!quiet.err.contains(" INFO "), "{}", quiet.err);
    shop.cartage(&["status", "-v", "-q"]).await.ended(2);
    // A part of the program alone.
    log(&shop, "format = \"json\"\nlog = \"off,engine::pull=debug\"");
    let logged = lines(&shop.cartage(&["sync", "--full"]).await.ended(0).err);
    assert!(!logged.is_empty() && logged.iter().all(|line| line["target"] == "engine::pull"), "{logged:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_log_says_what_is_logged_before_the_configuration_does() {
    let shop = Shop::uniform(3).await;
    log(&shop, "format = \"json\"\nlog = \"off\"");
    let config = shop.config.display().to_string();
    let sync = async |levels: &str, more: &[&str]| {
        let arguments = [&["--config", &config, "sync", "--full"], more].concat();
        cartage_with(&arguments, &[("RUST_LOG", levels)]).await
    };
    let logged = lines(&sync("warn,engine::pull=debug", &[]).await.ended(0).err);
    assert!(!logged.is_empty() && logged.iter().all(|line| line["target"] == "engine::pull"), "{logged:?}");
    assert_eq!(sync("", &[]).await.ended(0).err, "", "an empty one says nothing");
    sync("verbose", &[]).await.ended(2).says(&["RUST_LOG", "\"verbose\" is no level"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_level_that_is_none_is_refused_rather_than_silencing_the_log() {
    let shop = Shop::uniform(1).await;
    log(&shop, "log = \"verbose\"");
    shop.cartage(&["check"]).await.ended(2).says(&["C0805", "\"verbose\" is no level", "hint: write off, error"]);
    shop.cartage(&["run"]).await.ended(2).says(&["\"verbose\" is no level"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fatal_error_is_a_log_line_where_these_are_json() {
    let shop = Shop::uniform(1).await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    shop.configure(&format!("[telemetry]\nformat = \"json\"\n[server]\nlisten = \"127.0.0.1:{port}\"\n"));
    let logged = lines(&shop.cartage(&["run"]).await.ended(1).err);
    let last = logged.last().unwrap();
    assert_eq!((message(last), &last["level"]), ("cartage can't go on", &Value::from("ERROR")));
    assert!(last["fields"]["error"].as_str().unwrap().contains("can't be listened on"), "{last}");
    // Also where the configuration is wrong, and so says nothing that can be relied on.
    shop.replace("currency = \"EUR\"", "currency = \"EURO\"");
    let logged = lines(&shop.cartage(&["run"]).await.ended(2).err);
    assert_eq!(logged[0]["fields"]["code"], "C0809");
    assert!(logged[0]["fields"]["line"].is_u64() && logged[0]["fields"]["hint"].is_string(), "{logged:?}");
}
