//! Commands that only look: they need no secrets, and what they show to helpers has none.

use std::{fs, process::Stdio, time::Duration};

use cartage::{assemble, config};
use sandbox::{
    clerk::{Rejection, Resource},
    commercetools::Change,
};
use serde_json::{Value, json};
use tokio::{io::AsyncReadExt as _, process::Command};

use crate::harness::{Ran, Shop, cartage};

const NAME: &str = "Umhängetasche \"Wald & Wiese\"";

/// A shop of which one product was refused with an answer that quotes its name; the id of that product.
async fn refused() -> (Shop, String) {
    let shop = Shop::uniform(20).await;
    let (product, locale) = ("p-000004".to_owned(), "de".to_owned());
    shop.change(Change::SetName { product, locale, text: Some(NAME.to_owned()) });
    shop.store("de").reject(Rejection { resource: Resource::Products, field: "name".to_owned(), equals: json!(NAME) });
    shop.cartage(&["sync"]).await.ended(1);
    let id = shop.id("p-000004");
    (shop, id)
}

/// The secrets of a shop by the name of their file.
fn secrets(shop: &Shop) -> Vec<(std::path::PathBuf, String)> {
    let files = fs::read_dir(shop.config.parent().unwrap()).unwrap().map(|file| file.unwrap().path());
    let secrets = files.filter(|file| file.extension().is_some_and(|extension| extension == "secret"));
    secrets.map(|file| (file.clone(), fs::read_to_string(file).unwrap().trim().to_owned())).collect()
}

/// What does not change from one second to the next.
fn lasting(ran: &Ran) -> Vec<&str> {
    ran.out.lines().filter(|line| !line.contains(" ms") && !line.contains(" s")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_only_look_need_no_secrets() {
    let (shop, id) = refused().await;
    let looking: [(&[&str], i32); 15] = [
        (&["status"], 1),
        (&["status", "--json"], 1),
        (&["status", "--records", "no_price"], 0),
        (&["explain", &id], 0),
        (&["plan", "--offline"], 0),
        (&["plan", "--offline", &id], 0),
        (&["dead", "list"], 1),
        (&["dead", "show", &id], 1),
        (&["support-bundle"], 0),
        (&["help"], 0),
        (&["help", "C0211"], 0),
        (&["help", "operations"], 0),
        (&["schema"], 0),
        (&["init"], 0),
        (&["completions", "bash"], 0),
    ];
    let mut before = Vec::new();
    for (command, code) in looking {
        before.push(shop.cartage(command).await.ended(code));
    }
    shop.forget_calls();
    for (file, _) in secrets(&shop) {
        fs::remove_file(file).unwrap();
    }
    for ((command, code), before) in looking.into_iter().zip(&before) {
        let ran = shop.cartage(command).await.ended(code);
        if command[0] != "support-bundle" {
            assert_eq!((lasting(&ran), &ran.err), (lasting(before), &before.err), "{command:?}");
        }
    }
    assert_eq!(shop.source_calls() + shop.destination_calls(), 0);
    // Those that read or write a platform do, and name all that is missing.
    for command in [&["check"][..], &["sync"], &["verify"], &["plan"], &["run"]] {
        shop.cartage(command).await.ended(2).says(&[
            "C0214",
            "C0401",
            "sandbox-client-id.secret",
            "clerk-de",
            "clerk-uk",
        ]);
    }
}

#[test]
fn no_platform_needs_its_secrets_to_be_looked_at() {
    let loaded = config::Config::parse(config::EXAMPLE, "cartage.example.toml").unwrap();
    let parts = assemble::parts_offline(&loaded).unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(parts.sources.len(), loaded.config.sources.len());
    assert_eq!(parts.keyless.len(), loaded.config.flows.len());
    assert!(assemble::parts(&loaded).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_data_about_people_is_checked_and_needed_by_who_writes() {
    let shop = Shop::uniform(3).await;
    let key = shop.write("data.key", "c2hvcnQ=");
    let text = fs::read_to_string(&shop.config).unwrap();
    fs::write(&shop.config, format!("{text}\n[personal_data]\nkeys = [\"file:{}\"]\n", key.display())).unwrap();
    for command in ["check", "sync"] {
        let ran = shop.cartage(&[command]).await.ended(2).says(&["C0117", "data.key", "openssl rand -base64 32"]);
        holds_none(&ran, &["c2hvcnQ"]);
    }
    shop.write("data.key", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
    shop.cartage(&["sync"]).await.ended(0);
    fs::remove_file(&key).unwrap();
    shop.cartage(&["sync"]).await.ended(2).says(&["C0117", "data.key"]);
    // Nothing in the database is about people, so that who only looks needs no key.
    shop.cartage(&["status"]).await.ended(0);
}

/// Fails if any of these stands in what was printed, also as JSON writes it.
#[track_caller]
fn holds_none(ran: &Ran, texts: &[&str]) {
    for text in texts {
        let written = json!(text).to_string();
        for form in [*text, written.trim_matches('"')] {
            assert!(!ran.out.contains(form) && !ran.err.contains(form), "{form:?} is in\n{}\n{}", ran.out, ran.err);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_support_bundle_says_what_is_and_holds_no_secret_and_no_text_of_a_record() {
    let (shop, id) = refused().await;
    shop.replace("uk-private.secret\"", "uk-private.secret\" # jane@example.org");
    shop.configure("[telemetry]\notlp_endpoint = \"http://127.0.0.1:1/otlp?key=hunter2\"\n");
    // A flow that has stopped, a lane that failed, and a secret that is missing.
    shop.store("uk").disable(true);
    let (product, locale) = ("p-000005".to_owned(), "en".to_owned());
    shop.age();
    shop.change(Change::SetName { product, locale, text: Some("Satchel".to_owned()) });
    shop.cartage(&["sync"]).await.ended(3);
    let known = secrets(&shop);
    assert_eq!(known.len(), 6, "{known:?}");
    let missing = shop.config.with_file_name("sandbox-uk-public.secret");
    fs::remove_file(&missing).unwrap();

    let ran = shop.cartage(&["support-bundle"]).await.ended(0);
    let bundle = ran.json();
    let current = shop.current("p-000004");
    let skus = shop.skus("p-000004");
    let folder = shop.config.parent().unwrap().display().to_string();
    let mut absent = vec![NAME, "Umhängetasche", "LogicalError", "Satchel", "jane", "hunter2", &id, &folder];
    // The emulated client's id is a word that stands elsewhere, too.
    absent.extend(known.iter().map(|(_, secret)| secret.as_str()).filter(|secret| *secret != "sandbox"));
    absent.extend(skus.iter().map(String::as_str));
    absent.extend(["slug", "description"].iter().filter_map(|text| current[text]["de"].as_str()));
    holds_none(&ran, &absent);

    let configuration = &bundle["configuration"];
    assert_eq!(configuration["sources"]["shop"]["client_secret"], "file:sandbox-client-secret.secret (present)");
    assert_eq!(
        configuration["destinations"]["clerk-uk"]["public_key"],
        "file:sandbox-uk-public.secret (entity not found)"
    );
    assert_eq!(configuration["telemetry"]["otlp_endpoint"], "http://127.0.0.1:1/otlp");
    assert_eq!(configuration["store"]["path"], "sandbox.db");
    assert_eq!(bundle["program"]["version"], env!("CARGO_PKG_VERSION"));
    let [de, uk] = [&bundle["flows"][0], &bundle["flows"][1]];
    assert_eq!((&de["dead"][0]["code"], &de["dead"][0]["count"]), (&json!("C0403"), &json!(1)));
    assert_eq!(de["states"]["dead"], json!(1));
    assert!(de["dead"][0]["title"].as_str().is_some_and(|title| !title.is_empty()), "{de}");
    assert_eq!((&uk["stopped"]["code"], &uk["states"]["pending"]), (&json!("C0402"), &json!(1)));
    assert_eq!(bundle["sources"][0]["records"].as_array().unwrap().len(), shop_kinds(&shop).await);
    assert!(bundle["database"]["bytes"].as_u64().unwrap() > 0);
    assert_eq!(bundle["mistakes"], json!([]));
}

/// So many kinds of records has the source.
async fn shop_kinds(shop: &Shop) -> usize {
    shop.cartage(&["status", "--json"]).await.json()["sources"][0]["records"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_support_bundle_is_made_whatever_is_wrong() {
    let none = cartage(&["--config", "/nowhere/cartage.toml", "support-bundle"]).await.ended(0).json();
    assert_eq!((&none["mistakes"][0]["code"], &none["configuration"]), (&json!("C0801"), &Value::Null));
    let shop = Shop::uniform(1).await;
    let never = shop.cartage(&["support-bundle"]).await.ended(0).json();
    assert_eq!((&never["database"]["error"]["code"], &never["database"]["bytes"]), (&json!("C0825"), &Value::Null));
    // A secret in place of its reference, in a configuration that can't be read for it.
    shop.replace("client_secret = \"file:", "client_secret = \"hunter2");
    let ran = shop.cartage(&["support-bundle"]).await.ended(0);
    holds_none(&ran, &["hunter2"]);
    let wrong = &ran.json()["mistakes"][0];
    assert_eq!((&wrong["code"], wrong["line"].as_u64().is_some_and(|line| line > 1)), (&json!("C0806"), true));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_watched_status_goes_on_until_it_is_interrupted_and_ends_well() {
    let shop = Shop::uniform(3).await;
    shop.cartage(&["sync"]).await.ended(0);
    let mut command = Command::new(env!("CARGO_BIN_EXE_cartage"));
    command.args(["--config", &shop.config.display().to_string(), "status", "--watch"]).kill_on_drop(true);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let (mut text, mut chunk) = (String::new(), [0; 4096]);
    while text.matches("clerk-uk").count() < 3 * 2 {
        let read = tokio::time::timeout(Duration::from_mins(1), out.read(&mut chunk)).await.unwrap().unwrap();
        assert!(read > 0, "it ended by itself: {text}");
        text.push_str(std::str::from_utf8(&chunk[..read]).unwrap());
    }
    assert!(!text.contains('\x1b'), "{text:?}");
    let pid = child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().await.unwrap().success());
    let ended = tokio::time::timeout(Duration::from_secs(30), child.wait()).await.unwrap().unwrap();
    assert_eq!(ended.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn status_says_when_the_last_call_was_acknowledged_and_how_long_the_oldest_record_is_pending() {
    let shop = Shop::uniform(5).await;
    shop.cartage(&["sync"]).await.ended(0).says(&["in sync"]);
    let flow = async || shop.cartage(&["status", "--json"]).await.json()["flows"][0].clone();
    let synced = flow().await;
    let acknowledged = synced["acknowledged_at"].as_u64().unwrap();
    assert_eq!(synced["pending_since"], Value::Null);
    let shown = shop.cartage(&["status"]).await.ended(0);
    let line = shown.out.lines().find(|line| line.starts_with("clerk-de") && line.ends_with("none")).unwrap();
    assert!(line.contains("20") && line.contains('T'), "{line}");
    shop.store("de").disable(true);
    shop.age();
    let (product, locale) = ("p-000003".to_owned(), "de".to_owned());
    shop.change(Change::SetName { product, locale, text: Some("Neu".to_owned()) });
    shop.cartage(&["sync"]).await.ended(3);
    let waiting = flow().await;
    assert_eq!(waiting["acknowledged_at"].as_u64(), Some(acknowledged), "no call was acknowledged since");
    assert!(waiting["pending_since"].as_u64().unwrap() >= acknowledged, "{waiting}");
}
