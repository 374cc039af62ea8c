//! What the commands print and how they end.

use axum::{body::Body, extract::Request};
use sandbox::{
    clerk::{Rejection, Resource},
    commercetools::Change,
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::harness::{Shop, cartage, serve};

#[tokio::test(flavor = "multi_thread")]
async fn help_tells_commands_examples_and_exit_codes() {
    let help = cartage(&["--help"]).await.ended(0);
    let commands = [
        "demo",
        "sandbox",
        "init",
        "check",
        "plan",
        "sync",
        "run",
        "status",
        "explain",
        "verify",
        "forget",
        "dead",
        "pause",
        "resume",
        "reload",
        "hooks",
        "help",
        "completions",
        "man",
        "schema",
    ];
    let help = help.says(&commands).says(&["Exit codes:", "Examples:"]);
    assert!(!help.out.contains("bench"), "what only developers need is not shown");
    for command in commands {
        let help = cartage(&[command, "--help"]).await.ended(0);
        assert!(help.out.contains("Usage: cartage"), "{}", help.out);
        assert!(help.out.contains("--config") && help.out.contains("--json"), "{command}: {}", help.out);
    }
    for command in ["demo", "sandbox", "init", "plan", "sync", "explain"] {
        cartage(&[command, "--help"]).await.says(&["Example"]);
    }
    cartage(&[]).await.ended(2).says(&["Usage"]);
    cartage(&["snyc"]).await.ended(2).says(&["'sync'"]);
    cartage(&["sync", "--fast"]).await.ended(2).says(&["--fast"]);
    cartage(&["demo", "--products", "5", "--data", "x"]).await.ended(2);
    cartage(&["--version"]).await.ended(0).says(&[env!("CARGO_PKG_VERSION")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_binary_explains_errors_commands_and_itself() {
    cartage(&["help", "c0211"]).await.ended(0).says(&["# C0211", "**Remedy.**"]);
    cartage(&["help", "sync"]).await.ended(0).says(&["Usage: cartage sync", "--allow-deletes"]);
    cartage(&["help", "operations"]).await.ended(0).says(&["# Running it"]);
    cartage(&["help", "nosuch"]).await.ended(2).says(&["error[C0831]", "nosuch"]);
    let all = cartage(&["help"]).await.ended(0).says(&["Usage: cartage", "C0101", "operations", "metrics"]);
    assert!(!all.out.contains("README"), "{}", all.out);
    for shell in ["bash", "zsh", "fish"] {
        cartage(&["completions", shell]).await.ended(0).says(&["cartage", "allow-deletes"]);
    }
    let folder = tempfile::tempdir().unwrap();
    cartage(&["man", "--out", &folder.path().display().to_string()]).await.ended(0);
    let page = std::fs::read_to_string(folder.path().join("cartage-sync.1")).unwrap();
    assert!(page.starts_with(".ie") && page.contains("allow\\-deletes"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_configuration_can_be_checked_and_says_what_it_still_needs() {
    let shop = Shop::uniform(1).await;
    let init = cartage(&["init"]).await.ended(0);
    assert!(init.out.lines().filter(|line| line.starts_with('#')).count() > 5, "it explains itself: {}", init.out);
    let file = shop.write("mine.toml", &init.out).display().to_string();
    // Its only mistake is that the secrets are not set yet.
    let needed = [
        "error[C0214]",
        "CTP_CLIENT_ID is not set",
        "CTP_CLIENT_SECRET is not set",
        "error[C0401]",
        "CLERK_DE_PUBLIC_KEY is not set",
        "CLERK_DE_PRIVATE_KEY is not set",
    ];
    cartage(&["--config", &file, "check"]).await.ended(2).says(&needed);
    cartage(&["--config", "nowhere.toml", "check"]).await.ended(2).says(&[
        "error[C0801]",
        "nowhere.toml",
        "cartage init",
    ]);

    let ran = shop.cartage(&["check"]).await.ended(0);
    ran.says(&[
        "every secret",
        "source shop",
        "ok    credentials",
        "ok    scopes",
        "ok    project",
        "ok    catalogue",
        "flow clerk-de (market de)",
        "ok    keys",
    ]);
    let found = shop.cartage(&["check", "--json"]).await.ended(0).json();
    // The source, its two markets, its products, two flows, and this machine.
    assert_eq!(found.as_array().unwrap().len(), 7);
    assert!(shop.store("de").operations().is_empty(), "a check sends nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_only_look_say_when_there_is_nothing_to_look_at() {
    let shop = Shop::uniform(1).await;
    for command in [&["status"][..], &["explain", "x"], &["dead", "list"]] {
        shop.cartage(command).await.ended(2).says(&["error[C0825]", "sandbox.db", "cartage sync"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_counts_and_shows_fields_and_sends_nothing() {
    let shop = Shop::uniform(20).await;
    let categories = shop.world.shop.category_keys().len();
    let plan = shop.cartage(&["plan", "--json"]).await.ended(0).json();
    for flow in plan.as_array().unwrap() {
        let counts = ["create", "change", "remove", "keep"].map(|count| flow[count].as_u64().unwrap());
        assert_eq!(counts, [20 + categories as u64, 0, 0, 0]);
        assert_eq!(flow["calls"], json!({ "put": 2 }));
        assert_eq!(
            flow["basis"],
            json!({ "call_seconds": 0.3, "measured_calls": 0, "at_once": 2, "pace_seconds": 0.0 })
        );
        assert!((flow["seconds"].as_f64().unwrap() - 0.3).abs() < 1e-9, "two calls at once");
    }
    shop.cartage(&["plan"]).await.ended(0).says(&["create", "clerk-de", "would create, for example", "cartage sync"]);
    let estimate = "clerk-de would take about 300 ms: assuming 300 ms a call, as none was made yet; 2 at once";
    shop.cartage(&["plan"]).await.ended(0).says(&[estimate]);
    assert!(shop.held().values().all(|[products, _]| products.is_empty()), "a plan was sent");

    let latency_ms = Some(sandbox::fault::Latency { min: 400, max: 400 });
    shop.world.clerk_faults.set(sandbox::fault::FaultPlan { latency_ms, ..Default::default() }).unwrap();
    shop.cartage(&["sync"]).await.ended(0);
    let plan = shop.cartage(&["plan", "--json", "--flow", "clerk-de"]).await.ended(0).json();
    assert_eq!(
        (plan.as_array().unwrap().len(), &plan[0]["keep"], &plan[0]["calls"]),
        (1, &json!(20 + categories), &json!({}))
    );

    let sku = shop.skus("p-000003")[0].clone();
    let before = shop.store("de").products()[&shop.id("p-000003")]["name"].clone();
    shop.change(Change::SetName {
        product: "p-000003".to_owned(),
        locale: "de".to_owned(),
        text: Some("Neu".to_owned()),
    });
    shop.change(Change::DeleteProduct { product: "p-000004".to_owned() });
    let plan = shop.cartage(&["plan", "--json"]).await.ended(0).json();
    assert_eq!((&plan[0]["change"], &plan[1]["change"]), (&json!(1), &json!(0)));
    let example = &plan[0]["examples"]["change"][0];
    assert_eq!((&example["id"], &example["key"]), (&json!(shop.id("p-000003")), &json!(shop.skus("p-000003")[0])));
    let basis = &plan[0]["basis"];
    assert!(basis["call_seconds"].as_f64().unwrap() >= 0.4, "calls took 400 ms: {basis}");
    assert_eq!(plan[0]["seconds"], basis["call_seconds"], "one call");
    shop.cartage(&["plan"]).await.ended(0).says(&[" a call, the median of 2 made before; 2 at once"]);
    let one = shop.cartage(&["plan", &sku, "--json"]).await.ended(0).json();
    let changes = one[0]["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{changes:#?}");
    assert_eq!(
        (&changes[0]["field"], &changes[0]["before"], &changes[0]["after"]),
        (&json!("name"), &before, &json!("Neu"))
    );
    assert_eq!(one[1]["changes"], json!([]));
    let ran = shop.cartage(&["plan", "p-000003"]).await.ended(0);
    ran.says(&["name", "- \"", "+ \"Neu\"", "nothing would change"]);
    shop.cartage(&["plan", "nobody"]).await.ended(1).says(&["error[C0822]", "\"nobody\"", "cartage sync"]);
    shop.cartage(&["plan", "--flow", "clerk-fr"]).await.ended(2).says(&["error[C0821]", "clerk-de, clerk-uk"]);
    // The pass does what the plan showed.
    shop.forget_calls();
    shop.cartage(&["sync"]).await.ended(0);
    assert_eq!((shop.sent("de").len(), shop.sent("uk").len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_s_journey_is_reported_from_source_to_answer() {
    let shop = Shop::odd(60).await;
    shop.cartage(&["sync"]).await.ended(0);
    let (sku, id) = (shop.skus("p-000002")[0].clone(), shop.id("p-000002"));
    for name in [sku.as_str(), id.as_str(), "p-000002"] {
        let ran = shop.cartage(&["explain", name]).await.ended(0);
        let texts = [
            "product",
            id.as_str(),
            "version",
            "revision",
            "clerk-de (market de): in_sync",
            "payload",
            "\"variant_skus\"",
            "ledger",
            "put product",
            "HTTP 200",
        ];
        ran.says(&texts);
    }
    let journey = shop.cartage(&["explain", &sku, "--json"]).await.ended(0).json();
    let products: Vec<&Value> =
        journey.as_array().unwrap().iter().filter(|it| it["kind"] == json!("product")).collect();
    assert_eq!(products.len(), 1);
    let german = &products[0]["flows"][0];
    let held = &shop.store("de").products()[&id];
    assert_eq!((&german["items"][0]["price"], &german["ledger"]["call"]["status"]), (&held["price"], &json!(200)));
    assert_eq!(german["pending"], json!([]));
    // Kept out: by which rule.
    let ran = shop.cartage(&["explain", "p-000003"]).await.ended(0);
    ran.says(&["clerk-uk (market uk): filtered, rule no_price keeps it out", "clerk-de (market de): in_sync"]);
    // Prices that will change by the clock: when.
    shop.cartage(&["explain", "p-000021"]).await.ended(0).says(&["may change by time alone at 20"]);
    let category = shop.world.shop.category_keys()[0].clone();
    shop.cartage(&["explain", &category]).await.ended(0).says(&["category", "\"subcategories\""]);
    shop.cartage(&["explain", "nobody"]).await.ended(1).says(&["error[C0822]", "\"nobody\""]);
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_tells_a_record_of_each_source_once() {
    let shop = Shop::uniform(3).await;
    let text = std::fs::read_to_string(&shop.config).unwrap();
    let copied = |name: &str, copy: &str| {
        let section = text.split("\n[").find(|section| section.starts_with(&format!("{name}]"))).unwrap();
        format!("[{}", section.replacen(name, copy, 1))
    };
    // The flows of one source are not next to each other.
    let flow = copied("flows.clerk-de", "flows.last").replace("\"clerk-de\"", "\"last\"");
    // Reached at another address, it counts as another store.
    let elsewhere = serve(shop.world.clerk.router()).await + "/v2";
    let last = copied("destinations.clerk-de", "destinations.last").replace(&shop.world.clerk_url, &elsewhere);
    shop.configure(&[copied("sources.shop", "sources.other"), last, flow].join("\n"));
    shop.replace("[flows.clerk-uk]\nsource = \"shop\"", "[flows.clerk-uk]\nsource = \"other\"");
    shop.cartage(&["sync"]).await;
    let journeys = shop.cartage(&["explain", "p-000001", "--json"]).await.ended(0).json();
    let flows: Vec<usize> =
        journeys.as_array().unwrap().iter().map(|journey| journey["flows"].as_array().unwrap().len()).collect();
    assert_eq!(flows.len(), 2, "{journeys:#}");
    assert_eq!(flows.iter().sum::<usize>(), 3);
}

/// Writes to a Clerk.io store without Cartage.
async fn write(shop: &Shop, method: &str, objects: &Value) {
    let body = json!({ "key": "sandboxDEpublic", "private_key": "sandboxDEprivate", "products": objects });
    let request = Request::builder().method(method).uri("/v2/products").body(Body::from(body.to_string())).unwrap();
    let response = shop.world.clerk.router().oneshot(request).await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_behind_our_back_is_found_and_repaired() {
    let shop = Shop::uniform(20).await;
    shop.cartage(&["sync"]).await.ended(0);
    let before = shop.held();
    let items = 20 + shop.world.shop.category_keys().len();
    shop.cartage(&["verify"])
        .await
        .ended(0)
        .says(&[&format!("clerk-de: {items} of {items} items are as acknowledged")]);
    let (changed, missing) = (shop.id("p-000003"), shop.id("p-000004"));
    write(&shop, "PATCH", &json!([{ "id": changed, "name": "Somebody else", "price": 1 }])).await;
    write(&shop, "DELETE", &json!([missing])).await;
    // Fields that others add are ignored.
    write(&shop, "PATCH", &json!([{ "id": shop.id("p-000005"), "boost": 3 }])).await;
    // A pass has nothing to do: the shop did not change.
    shop.forget_calls();
    shop.cartage(&["sync", "--full"]).await.ended(0);
    assert_eq!(shop.destination_calls(), 0);

    let ran = shop.cartage(&["verify"]).await.ended(1);
    let ran =
        ran.says(&[&format!("product {missing} is missing"), &format!("product {changed} differs in name, price")]);
    ran.says(&[&format!("{} of {items}", items - 2), "cartage verify --repair"]);
    let found = shop.cartage(&["verify", "--json", "--flow", "clerk-de"]).await.ended(1).json();
    assert_eq!((found.as_array().unwrap().len(), found[0]["drift"].as_array().unwrap().len()), (1, 2));
    shop.forget_calls();
    shop.cartage(&["verify", "--repair"]).await.ended(0).says(&["2 records were sent again in full"]);
    let sent = shop.sent("de");
    assert_eq!((sent.len(), sent[0].items, shop.sent("uk").len()), (1, 2, 0));
    shop.cartage(&["verify"]).await.ended(0);
    let mut held = shop.held();
    held.get_mut("de").unwrap()[0].get_mut(&shop.id("p-000005")).unwrap().as_object_mut().unwrap().remove("boost");
    assert_eq!(held, before);
    shop.cartage(&["status"]).await.ended(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_should_not_be_there_is_found_and_removed() {
    let shop = Shop::uniform(20).await;
    shop.cartage(&["sync"]).await.ended(0);
    let id = shop.id("p-000003");
    let deleted = shop.store("de").products()[&id].clone();
    shop.change(Change::DeleteProduct { product: "p-000003".to_owned() });
    shop.cartage(&["sync", "--full"]).await.ended(0);
    let before = shop.held();
    shop.cartage(&["verify"]).await.ended(0);
    // Something, such as an import of an older feed, puts back what was removed.
    write(&shop, "POST", &json!([deleted])).await;
    let found = format!("product {id} is there, and should not be");
    shop.cartage(&["verify"]).await.ended(1).says(&[&found, "cartage verify --repair"]);
    shop.cartage(&["verify", "--repair"]).await.ended(0);
    assert_eq!(shop.held(), before);
    shop.cartage(&["verify"]).await.ended(0);
    shop.cartage(&["status"]).await.ended(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repair_that_is_refused_is_not_called_one() {
    let shop = Shop::uniform(20).await;
    shop.cartage(&["sync"]).await.ended(0);
    let ids = [shop.id("p-000003"), shop.id("p-000004")];
    write(&shop, "DELETE", &json!(ids)).await;
    let equals = shop.current("p-000004")["name"]["de"].clone();
    shop.store("de").reject(Rejection { resource: Resource::Products, field: "name".to_owned(), equals });
    let ran = shop.cartage(&["verify", "--repair"]).await.ended(1);
    ran.says(&["1 records were sent again in full", "1 records could not be sent again", "cartage dead list"]);
    shop.store("de").accept_all();
    shop.cartage(&["dead", "replay"]).await.ended(0);
    shop.cartage(&["sync"]).await.ended(0);
    write(&shop, "DELETE", &json!(ids)).await;
    let found = shop.cartage(&["verify", "--repair", "--json"]).await.ended(0).json();
    assert_eq!((&found[0]["repaired"], &found[1]["repaired"]), (&json!(2), &json!(0)));
    // A store that is empty, such as another one under new keys, is filled.
    let held = shop.held();
    shop.store("de").clear();
    shop.cartage(&["verify", "--repair"]).await.ended(0);
    assert_eq!(shop.held(), held);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_shows_the_addresses_of_the_feeds() {
    let shop = Shop::uniform(1).await;
    shop.cartage(&["check"])
        .await
        .ended(0)
        .says(&["http://127.0.0.1:8470/feed/clerk-de/products", "server.public_url"]);
    shop.configure("[server]\npublic_url = \"https://cartage.shop.example/\"");
    let ran = shop.cartage(&["check"]).await.ended(0);
    ran.says(&["feed categories: https://cartage.shop.example/feed/clerk-uk/categories"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_flows_sources_and_lanes() {
    let shop = Shop::odd(60).await;
    let report = shop.cartage(&["sync", "--json"]).await.ended(0).json();
    let status = shop.cartage(&["status", "--json"]).await.ended(0).json();
    assert_eq!(status["flows"], report["flows"]);
    for flow in status["flows"].as_array().unwrap() {
        let count = |name: &str| flow[name].as_u64().unwrap();
        let sum: u64 = ["in_sync", "pending", "waiting", "held", "filtered", "dead", "unread", "gone"]
            .into_iter()
            .map(count)
            .sum();
        assert_eq!(sum, count("mirror"));
        let rules: u64 = flow["rules"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(rules, count("filtered"));
    }
    let source = &status["sources"][0];
    let lanes: Vec<&str> =
        source["lanes"].as_array().unwrap().iter().map(|lane| lane["lane"].as_str().unwrap()).collect();
    for lane in ["products", "categories", "inventory", "standalone_prices", "stores", "deletions"] {
        assert!(lanes.contains(&lane), "{lane} is not among {lanes:?}");
    }
    shop.cartage(&["status"]).await.ended(0).says(&[
        "in sync",
        "pending",
        "filtered: ",
        "no_price",
        "source shop: ",
        "last read in full",
    ]);
    // Text goes to standard output, progress to standard error; JSON is alone.
    let ran = shop.cartage(&["sync"]).await.ended(0);
    assert!(
        ran.out.contains("clerk-de") && !ran.out.contains("shop stores: ") && ran.err.contains("shop stores: "),
        "{ran:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_flow_that_is_named_is_pushed() {
    let shop = Shop::uniform(5).await;
    let report = shop.cartage(&["sync", "--flow", "clerk-uk", "--json"]).await.ended(0).json();
    assert_eq!(report["flows"].as_array().unwrap().len(), 1);
    assert_eq!((shop.store("de").products().len(), shop.store("uk").products().len()), (0, 5));
    shop.cartage(&["status"]).await.ended(1);
    shop.cartage(&["sync", "--flow", "clerk-fr"]).await.ended(2).says(&["error[C0821]"]);
    shop.cartage(&["sync"]).await.ended(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_written_by_another_process_is_left_alone() {
    let shop = Shop::uniform(5).await;
    let process = shop.synced().await;
    shop.cartage(&["sync"]).await.says(&["error[C0103]", "hint: "]);
    shop.cartage(&["status"]).await.ended(0);
    shop.cartage(&["plan", "--offline"]).await.ended(0).says(&["clerk-de", "keep"]);
    shop.cartage(&["plan"]).await.ended(1).says(&["error[C0103]"]);
    drop(process);
    shop.cartage(&["sync"]).await.ended(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_flow_carries_is_no_defect_to_a_plan() {
    let shop = Shop::uniform(5).await;
    let process = shop.synced().await;
    let records = process.store.reference(&"shop".into()).await.unwrap();
    let reference = records.iter().find(|record| record.kind() == model::Kind::ProductType).unwrap();
    let id = reference.id().to_string();
    drop(process);
    let ran = shop.cartage(&["plan", "--offline", &id]).await.ended(1).says(&["error[C0822]", &id]);
    assert!(!ran.out.contains("C0602"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_is_json_schema_and_knows_every_section() {
    let schema = cartage(&["schema"]).await.ended(0).json();
    assert!(schema["$schema"].as_str().unwrap().contains("json-schema.org"));
    for section in ["store", "server", "telemetry", "sources", "destinations", "markets", "flows"] {
        assert!(schema["properties"].get(section).is_some(), "{section}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_ends_with_one_json_object_that_has_all_that_is_promised() {
    let report = cartage(&["demo", "--once", "--json", "--products", "60"]).await.ended(0).json();
    for flow in report["flows"].as_array().unwrap() {
        for name in [
            "flow",
            "market",
            "mirror",
            "in_sync",
            "pending",
            "waiting",
            "held",
            "filtered",
            "dead",
            "unread",
            "gone",
            "converged",
        ] {
            assert!(flow.get(name).is_some(), "{name} of {flow}");
        }
        assert_eq!((&flow["converged"], &flow["dead"]), (&json!(true), &json!(0)));
    }
    for name in ["source_calls", "destination_calls", "seconds", "peak_rss_bytes"] {
        assert!(report[name].as_f64().unwrap() > 0.0, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_syncs_serves_and_ends_cleanly_when_told() {
    let shop = Shop::uniform(10).await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    shop.configure(&format!("[server]\nlisten = \"127.0.0.1:{port}\"\n"));
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_cartage"));
    command.args(["--config", &shop.config.display().to_string(), "run"]).kill_on_drop(true);
    let child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let full = || shop.store("uk").products().len() == 10 && shop.store("de").products().len() == 10;
    crate::harness::until("the first sync", full).await;
    let sku = shop.skus("p-000003")[0].clone();
    shop.change(Change::SetStock { sku, channel: None, quantity: 0 });
    let id = shop.id("p-000003");
    crate::harness::until("the stock to arrive", || shop.store("de").products()[&id]["variant_stocks"][0] == json!(0))
        .await;
    let asked = |path: &str| {
        let url = format!("http://127.0.0.1:{port}{path}");
        async move { get(&url).await }
    };
    assert!(asked("/healthz").await.contains("ok"));
    // Once every flow agrees with its source; that is looked at every few seconds.
    let mut ready = answer(&format!("http://127.0.0.1:{port}/readyz")).await;
    for _ in 0..200 {
        if ready.contains("\"ready\":true") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        ready = answer(&format!("http://127.0.0.1:{port}/readyz")).await;
    }
    assert!(ready.starts_with("HTTP/1.1 200") && ready.contains("\"ready\":true"), "{ready}");
    let metrics = asked("/metrics").await;
    for line in [
        "# HELP cartage_calls_total Calls made to a destination.",
        "# TYPE cartage_call_seconds histogram",
        "cartage_call_seconds_bucket{flow=\"clerk-de\",le=\"+Inf\"} ",
        "cartage_walk_seconds_bucket{source=\"shop\",lane=\"products\",le=\"60\"} ",
        concat!("cartage_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        "cartage_records{flow=\"clerk-de\",kind=\"product\",state=\"in_sync\"} 10",
        "cartage_records{flow=\"clerk-de\",kind=\"customer\",state=\"in_sync\"} 0",
        "cartage_flow_paused{flow=\"clerk-de\"} 0",
        "cartage_flow_failing{flow=\"clerk-de\"} 0",
        "cartage_flow_pending_since_timestamp_seconds{flow=\"clerk-de\"} 0",
        "cartage_flow_acknowledged_timestamp_seconds{flow=\"clerk-de\"} 1",
        "cartage_lane_read_timestamp_seconds{source=\"shop\",lane=\"products\"} 1",
        "cartage_source_unread{source=\"shop\"} 0",
        // Counters exist before there is anything to count.
        "cartage_pauses_total{flow=\"clerk-uk\"} 0",
        "cartage_sweeps_held_total{source=\"shop\",lane=\"products\"} 0",
        "cartage_calls_total{flow=\"clerk-de\",op=\"put\",outcome=\"credentials\"} 0",
        "cartage_feed_requests_total{flow=\"clerk-de\",feed=\"products\",status=\"403\"} 0",
        "cartage_store_failures_total 0",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    // Without a token, a feed is refused, and that is counted.
    assert!(answer(&format!("http://127.0.0.1:{port}/feed/clerk-de/products")).await.starts_with("HTTP/1.1 403"));
    let refused = "cartage_feed_requests_total{flow=\"clerk-de\",feed=\"products\",status=\"403\"} 1";
    assert!(asked("/metrics").await.contains(refused));
    // A second process would write the same database.
    shop.cartage(&["run"]).await.ended(1).says(&["is another `cartage run` there?"]);
    shop.cartage(&["status"]).await.ended(0);

    let pid = child.id().unwrap().to_string();
    assert!(tokio::process::Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
    let ended = tokio::time::timeout(std::time::Duration::from_mins(3), child.wait_with_output()).await;
    let ended = ended.expect("it does not end").unwrap();
    let log = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(0), "{log}");
    assert!(log.contains(" INFO ") && log.contains(" read ") && log.contains(" pushed "), "{log}");
    shop.cartage(&["sync"]).await.ended(0);
}

/// A successful answer, over a plain connection.
async fn get(url: &str) -> String {
    let answer = answer(url).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}

/// An answer, over a plain connection.
async fn answer(url: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let request = format!("GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_printed_logged_or_kept() {
    let shop = Shop::uniform(5).await;
    shop.configure("[telemetry]\nlog = \"trace\"\n");
    let plan = sandbox::fault::FaultPlan {
        error_rate: [(500, 0.3)].into(),
        reset_after_effect_rate: 0.2,
        ..sandbox::fault::FaultPlan::default()
    };
    shop.world.clerk_faults.set(plan.clone()).unwrap();
    shop.world.shop_faults.set(plan).unwrap();
    let mut printed = String::new();
    for command in [
        &["sync", "--patience", "20"][..],
        &["check"],
        &["status"],
        &["verify"],
        &["explain", "p-000001"],
        &["dead", "list"],
    ] {
        let ran = shop.cartage(command).await;
        printed += &ran.out;
        printed += &ran.err;
    }
    assert!(printed.contains("TRACE") || printed.contains("DEBUG"), "the log is not as wordy as it was asked to be");
    let folder = shop.config.parent().unwrap();
    let database: Vec<u8> = ["sandbox.db", "sandbox.db-wal"]
        .iter()
        .flat_map(|name| std::fs::read(folder.join(name)).unwrap_or_default())
        .collect();
    assert!(!database.is_empty());
    for secret in ["sandbox-secret", "sandboxDEpublic", "sandboxDEprivate", "sandboxUKprivate"] {
        assert!(!printed.contains(secret), "{secret} is printed");
        assert!(!database.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()), "{secret} is kept");
    }
    // Nor is what was made of them.
    assert!(!printed.contains("Basic c2FuZGJveDpz") && !printed.to_lowercase().contains("authorization: bearer"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_leaves_early_is_nothing_to_complain_of() {
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_cartage"))
        .arg("schema")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
    child.wait().unwrap();
    assert_eq!(said, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_are_none_are_refused_by_name() {
    for (command, name) in [
        (&["demo", "--rate", "nan"][..], "--rate"),
        (&["demo", "--rate", "inf"], "--rate"),
        (&["demo", "--rate=-1"], "--rate"),
        (&["demo", "--seconds", "1e999"], "--seconds"),
        (&["demo", "--products=-1"], "--products"),
        (&["sandbox", "--products", "99999999999999999999999"], "--products"),
        (&["sync", "--patience", "nan"], "--patience"),
        (&["sync", "--patience=-1"], "--patience"),
    ] {
        let ran = cartage(command).await.ended(2).says(&["invalid value", name]);
        assert!(!ran.err.contains("panicked"), "{ran:?}");
    }
    // The longest patience is one.
    let shop = Shop::uniform(1).await;
    shop.cartage(&["sync", "--patience", &u64::MAX.to_string()]).await.ended(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn help_fits_into_eighty_columns() {
    for command in [&["--help"][..], &["sandbox", "--help"], &["dead", "drop", "--help"]] {
        let help = tokio::process::Command::new(env!("CARGO_BIN_EXE_cartage")).args(command).output().await.unwrap();
        let help = String::from_utf8(help.stdout).unwrap();
        // Text that is laid out by hand is not wrapped.
        let own = help.split("Exit codes:").nth(1).or_else(|| help.split("Example").nth(1)).unwrap_or_default();
        assert!(own.lines().all(|line| line.chars().count() <= 80), "{own}");
    }
}
