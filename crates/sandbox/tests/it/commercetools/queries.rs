//! Lists: predicates, order, paging, limits, totals, expansion, compression.

use std::collections::BTreeSet;
use std::io::Read as _;

use super::*;

/// An id in the form in which the platform stores it, written independently of the emulator.
fn stored(id: &str) -> Vec<u8> {
    let hex: String = id.chars().filter(|letter| *letter != '-').collect();
    let bytes: Vec<u8> = (0..16).map(|place| u8::from_str_radix(&hex[2 * place..2 * place + 2], 16).unwrap()).collect();
    bytes[..8].iter().rev().chain(bytes[8..].iter().rev()).copied().collect()
}

fn ids(results: &[Json]) -> Vec<String> {
    results.iter().map(|found| found["id"].as_str().unwrap().to_owned()).collect()
}

/// A catalogue of plain products.
fn many(count: usize) -> Catalogue {
    let head =
        Head { languages: vec!["en".to_owned()], product_types: vec![main_type(), part_type()], ..Head::default() };
    let make = move |number: usize| {
        let sku = format!("sku-{number}");
        product(&format!("p{number}"), vec![variant(&sku, vec![price(100, "EUR")], vec![stock(None, 1)])])
    };
    Catalogue { head, product_count: count, products: Box::new(move || Box::new((0..count).map(make))) }
}

#[tokio::test]
async fn ids_are_ordered_and_compared_as_they_are_stored() {
    let shop = Shop::seeded(Settings::default(), &many(300)).await;
    let ascending = ids(&shop.list("/product-projections", &[("sort", "id asc"), ("limit", "500")]).await);
    assert!(ascending.is_sorted_by_key(|id| stored(id)));
    assert!(!ascending.is_sorted(), "string order would hide a client's mistake");
    let descending = ids(&shop.list("/product-projections", &[("sort", "id desc"), ("limit", "500")]).await);
    assert!(descending.iter().rev().eq(&ascending));
    let after = format!("id > \"{}\"", ascending[99]);
    let rest =
        ids(&shop.list("/product-projections", &[("where", &after), ("sort", "id asc"), ("limit", "500")]).await);
    assert_eq!(rest, ascending[100..]);
    let until = format!("id <= \"{}\"", ascending[99]);
    let first =
        ids(&shop.list("/product-projections", &[("where", &until), ("sort", "id asc"), ("limit", "500")]).await);
    assert_eq!(first, ascending[..100]);
}

#[tokio::test]
async fn a_keyset_walk_sees_every_product_once() {
    let shop = Shop::seeded(Settings::default(), &many(57)).await;
    let mut seen = Vec::new();
    loop {
        let after = seen.last().map_or("version > 0".to_owned(), |id| format!("id > \"{id}\""));
        let page = [("where", after.as_str()), ("sort", "id asc"), ("limit", "10"), ("withTotal", "false")];
        let found = ids(&shop.list("/product-projections", &page).await);
        if found.is_empty() {
            break;
        }
        seen.extend(found);
    }
    assert_eq!(seen.len(), 57);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 57);
}

#[tokio::test]
async fn a_delta_walk_by_time_and_id_sees_every_change_once() {
    let shop = Shop::seeded(Settings::default(), &many(40)).await;
    shop.wait(1000);
    for number in 0..25 {
        let (status, _) = shop
            .update("/products", &format!("p{number}"), json!([{ "action": "changeName", "name": { "en": "new" } }]))
            .await;
        assert_eq!(status, 200);
    }
    let (mut time, mut id) = ("2026-05-01T10:00:00.500Z".to_owned(), "00000000-0000-0000-0000-000000000000".to_owned());
    let mut seen = BTreeSet::new();
    loop {
        let after = format!(
            "lastModifiedAt <= \"2026-05-01T10:00:09Z\" and (lastModifiedAt > \"{time}\" or (lastModifiedAt = \"{time}\" and id > \"{id}\"))"
        );
        let page = [
            ("where", after.as_str()),
            ("sort", "lastModifiedAt asc"),
            ("sort", "id asc"),
            ("limit", "10"),
            ("withTotal", "false"),
        ];
        let found = shop.list("/product-projections", &page).await;
        let Some(last) = found.last() else { break };
        time = last["lastModifiedAt"].as_str().unwrap().to_owned();
        id = last["id"].as_str().unwrap().to_owned();
        for found in &found {
            assert!(seen.insert(found["key"].as_str().unwrap().to_owned()), "seen twice");
        }
    }
    assert_eq!(seen.len(), 25);
}

#[tokio::test]
async fn predicates_choose_what_is_listed() {
    let shop = Shop::open().await;
    let category = shop.by_key("/categories", "shirts").await["id"].as_str().unwrap().to_owned();
    let in_category = format!("categories(id = \"{category}\")");
    let in_data = format!("masterData(current({in_category}))");
    for (path, predicate, expected) in [
        ("/product-projections", r#"key = "shirt""#, vec!["shirt"]),
        ("/product-projections", r#"key in ("shirt", "boot", "hidden")"#, vec!["shirt", "boot"]),
        ("/product-projections", r#"slug(en = "boot")"#, vec!["boot"]),
        ("/product-projections", r#"name(de = "boot (de)" and en = "boot (en)")"#, vec!["boot"]),
        (
            "/product-projections",
            r#"masterVariant(sku in ("shirt-l","boot-1")) or variants(sku in ("shirt-l","boot-1"))"#,
            vec!["shirt", "boot"],
        ),
        ("/product-projections", r#"not(key = "shirt") and not(key = "boot")"#, vec!["sandal", "bare"]),
        ("/product-projections", "masterVariant(sku is not defined)", vec!["bare"]),
        ("/product-projections", "categories is empty", vec!["bare"]),
        ("/product-projections", &in_category, vec!["shirt"]),
        ("/product-projections", "masterVariant(prices(value(centAmount > 5000)))", vec![]),
        ("/product-projections", "masterVariant(prices(value(centAmount >= 5000)))", vec!["sandal"]),
        ("/product-projections", r#"masterVariant(attributes(name = "size" and value(key = "m")))"#, vec!["shirt"]),
        ("/product-projections", r#"masterVariant(attributes(name = "weight" and value < 13))"#, vec!["shirt"]),
        ("/product-projections", r#"priceMode = "Standalone""#, vec!["boot"]),
        ("/products", "masterData(published = false)", vec!["hidden"]),
        ("/products", r#"masterData(current(slug(en = "hidden")) and published = false)"#, vec!["hidden"]),
        ("/products", &in_data, vec!["shirt"]),
        ("/categories", r#"name(de = "Leinen")"#, vec!["linen"]),
        ("/categories", "parent is not defined", vec!["clothes", "shoes"]),
        ("/channels", r#"roles contains any ("ProductDistribution")"#, vec!["online"]),
        ("/channels", r#"roles contains all ("InventorySupply")"#, vec!["berlin", "online"]),
        ("/stores", r#"countries(code = "DE")"#, vec!["de"]),
        ("/product-selections", r#"mode = "IndividualExclusion""#, vec!["not-here"]),
        ("/product-types", r#"attributes(name = "width")"#, vec!["part"]),
        ("/customer-groups", r#"name = "vip""#, vec!["vip"]),
    ] {
        assert_eq!(shop.keys(path, &[("where", predicate)]).await, expected, "{path} {predicate}");
    }
    let two = [("where", "key is defined"), ("where", r#"key = "boot""#)];
    assert_eq!(shop.keys("/product-projections", &two).await, ["boot"]);
    let stock = shop.list("/inventory", &[("where", r#"sku in ("shirt-m") and quantityOnStock > 3"#)]).await;
    assert_eq!((stock.len(), &stock[0]["quantityOnStock"]), (1, &json!(5)));
    let prices = shop.list("/standalone-prices", &[("where", r#"sku = "boot-1" and country = "DE""#)]).await;
    assert_eq!((prices.len(), &prices[0]["value"]["centAmount"]), (1, &json!(8000)));
}

#[tokio::test]
async fn variables_fill_predicates() {
    let shop = Shop::open().await;
    let list = [("where", "key in :keys"), ("var.keys", "shirt"), ("var.keys", "boot")];
    assert_eq!(shop.keys("/product-projections", &list).await, ["shirt", "boot"]);
    let time = [("where", "lastModifiedAt > :t and version = :v"), ("var.t", "2026-05-01T10:00:00Z"), ("var.v", "1")];
    assert!(shop.keys("/product-projections", &time).await.is_empty());
}

#[tokio::test]
async fn what_can_not_be_understood_is_refused_with_the_parameter() {
    let shop = Shop::open().await;
    for (path, name, value, part) in [
        ("/product-projections", "where", "id >", "Malformed parameter: where: unexpected end of input"),
        ("/product-projections", "where", r#"colour = "red""#, "The field 'colour' does not exist."),
        ("/categories", "where", r#"masterVariant(sku = "a")"#, "The field 'masterVariant' does not exist."),
        ("/product-projections", "where", r#"id = "shirt""#, "must be a UUID"),
        ("/product-projections", "where", r#"createdAt > "now""#, "must be a date and time"),
        ("/product-projections", "where", "masterData.published = true", "unexpected '.'"),
        ("/channels", "where", "geoLocation within circle(13, 52)", "','"),
        ("/product-projections", "sort", "colour asc", "Malformed parameter: sort: The field 'colour' does not exist."),
        ("/product-projections", "sort", "id up", "Malformed parameter: sort:"),
        ("/product-projections", "sort", "name asc", "can't be sorted by"),
        ("/product-projections", "limit", "501", "The limit parameter must be in the range of [0..500]."),
        ("/product-projections", "limit", "-1", "The limit parameter must be in the range of [0..500]."),
        ("/product-projections", "limit", "many", "Malformed parameter: limit:"),
        (
            "/product-projections",
            "offset",
            "10001",
            "Malformed parameter: offset: The offset parameter must be in the range of [0..10000].",
        ),
        ("/product-projections", "withTotal", "maybe", "Malformed parameter: withTotal:"),
        ("/product-projections", "staged", "1", "Malformed parameter: staged:"),
        ("/product-projections", "expand", "categories[0]", "Malformed parameter: expand:"),
        ("/product-projections", "priceCountry", "DE", "Malformed parameter: priceCountry:"),
    ] {
        let (status, answer) = shop.get(path, &[(name, value)]).await;
        assert_eq!((status, error_code(&answer)), (400, "InvalidInput"), "{name}={value}");
        assert_eq!(answer["statusCode"], 400);
        assert!(answer["message"].as_str().unwrap().contains(part), "{name}={value}: {answer}");
    }
    let (status, answer) = shop.call(Method::GET, "/product-projections?where=%zz", None).await;
    assert_eq!((status, error_code(&answer)), (400, "InvalidInput"));
}

#[tokio::test]
async fn pages_have_a_limit_an_offset_and_a_total_unless_it_is_not_wanted() {
    let shop = Shop::open().await;
    let (_, answer) = shop.get("/product-projections", &[]).await;
    assert_eq!(
        (&answer["limit"], &answer["offset"], &answer["count"], &answer["total"]),
        (&json!(20), &json!(0), &json!(4), &json!(4))
    );
    let (_, answer) = shop.get("/product-projections", &[("limit", "0")]).await;
    assert_eq!((&answer["count"], &answer["total"]), (&json!(0), &json!(4)));
    let (_, answer) = shop.get("/product-projections", &[("withTotal", "false")]).await;
    assert!(answer.get("total").is_none());
    let all = shop.keys("/product-projections", &[("sort", "key desc")]).await;
    assert_eq!(all, ["shirt", "sandal", "boot", "bare"]);
    let page = [("sort", "key desc"), ("limit", "2"), ("offset", "1"), ("where", "version = 1")];
    assert_eq!(shop.keys("/product-projections", &page).await, ["sandal", "boot"]);
    let (_, answer) = shop.get("/product-projections", &page).await;
    assert_eq!(answer["total"], 4);
    let unpublished_too = [("staged", "true"), ("sort", "key asc")];
    assert_eq!(
        shop.keys("/product-projections", &unpublished_too).await,
        ["bare", "boot", "hidden", "sandal", "shirt"]
    );
}

#[tokio::test]
async fn a_total_counts_no_further_than_ten_thousand_when_there_is_a_predicate() {
    let shop = Shop::seeded(Settings::default(), &many(10_050)).await;
    let (_, answer) = shop.get("/product-projections", &[("limit", "0")]).await;
    assert_eq!(answer["total"], 10_050);
    let (_, answer) = shop.get("/product-projections", &[("limit", "1"), ("where", "version = 1")]).await;
    assert_eq!(answer["total"], 10_000);
    let last = [("offset", "10000"), ("limit", "500"), ("where", "version = 1")];
    assert_eq!(shop.list("/product-projections", &last).await.len(), 50);
}

#[tokio::test]
async fn several_sorts_apply_in_turn_and_nested_fields_sort_too() {
    let shop = Shop::open().await;
    let stock =
        shop.list("/inventory", &[("sort", "quantityOnStock desc"), ("sort", "sku asc"), ("sort", "id asc")]).await;
    let told: Vec<(i64, &str)> = stock
        .iter()
        .map(|entry| (entry["quantityOnStock"].as_i64().unwrap(), entry["sku"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [(5, "shirt-m"), (3, "shirt-m"), (2, "boot-1"), (1, "unknown-sku"), (0, "shirt-l"), (0, "shirt-m")]
    );
    assert_eq!(shop.keys("/categories", &[("sort", "name.de desc")]).await, ["shoes", "linen", "clothes", "shirts"]);
    let newest = shop.keys("/product-projections", &[("sort", "lastModifiedAt desc"), ("limit", "1")]).await;
    assert_eq!(newest, ["bare"]);
}

#[tokio::test]
async fn head_tells_whether_anything_matches() {
    let shop = Shop::open().await;
    for (path, predicate, status) in [
        ("/products", r#"key = "shirt""#, 200),
        ("/products", r#"key = "none""#, 404),
        ("/product-projections", r#"key = "hidden""#, 404),
        ("/messages", "version = 1", 404),
        ("/products", "nonsense = 1", 400),
    ] {
        let response = shop.raw(Method::HEAD, &url(path, &[("where", predicate)]), &shop.token, None).await;
        assert_eq!(response.status(), status, "{path} {predicate}");
    }
    for (path, status) in [("/products/key=shirt", 200), ("/products/key=none", 404), ("", 200)] {
        assert_eq!(shop.raw(Method::HEAD, path, &shop.token, None).await.status(), status, "{path}");
    }
}

#[tokio::test]
async fn references_expand_as_deep_as_asked() {
    let shop = Shop::open().await;
    let parameters = [
        ("where", r#"key = "boot""#),
        ("expand", "productType"),
        ("expand", "categories[*].ancestors[*]"),
        ("expand", "categories[*].parent.parent"),
    ];
    let boot = &shop.list("/product-projections", &parameters).await[0];
    assert_eq!(boot["productType"]["obj"]["key"], "main");
    let linen = &boot["categories"][1]["obj"];
    assert_eq!(linen["key"], "linen");
    let ancestors: Vec<&str> =
        linen["ancestors"].as_array().unwrap().iter().map(|above| above["obj"]["key"].as_str().unwrap()).collect();
    assert_eq!(ancestors, ["clothes", "shirts"]);
    assert_eq!(linen["parent"]["obj"]["parent"]["obj"]["key"], "clothes");
    let entry = &shop.list("/inventory", &[("where", r#"sku = "boot-1""#), ("expand", "supplyChannel")]).await[0];
    assert_eq!(entry["supplyChannel"]["obj"]["key"], "berlin");
    let (_, shirt) = shop.get("/product-projections/key=shirt", &[("expand", "masterVariant.prices[*].channel")]).await;
    assert_eq!(shirt["masterVariant"]["prices"][3]["channel"]["obj"]["key"], "online");
    let plain = shop.projection("boot").await;
    assert!(plain["categories"][0].get("obj").is_none());
    let (status, _) = shop.get("/product-projections", &[("expand", "nothing.there")]).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn resources_are_found_by_id_and_by_key() {
    let shop = Shop::open().await;
    for path in [
        "/product-projections",
        "/products",
        "/categories",
        "/product-types",
        "/stores",
        "/channels",
        "/customer-groups",
        "/product-selections",
    ] {
        let first = shop.list(path, &[("limit", "1")]).await.remove(0);
        let by_id = shop.get(&format!("{path}/{}", first["id"].as_str().unwrap()), &[]).await;
        let by_key = shop.get(&format!("{path}/key={}", first["key"].as_str().unwrap()), &[]).await;
        assert_eq!((by_id, by_key), ((200, first.clone()), (200, first)), "{path}");
    }
    let entry = shop.list("/inventory", &[("limit", "1")]).await.remove(0);
    assert_eq!(shop.get(&format!("/inventory/{}", entry["id"].as_str().unwrap()), &[]).await, (200, entry));
    let id = "00010203-0405-4007-8009-0a0b0c0d0e0f";
    let (status, answer) = shop.get(&format!("/product-projections/{id}"), &[]).await;
    assert_eq!((status, error_code(&answer)), (404, "ResourceNotFound"));
    assert_eq!(answer["message"], format!("The Resource with ID '{id}' was not found."));
    assert_eq!(shop.get("/product-projections/key=hidden", &[]).await.0, 404);
    assert_eq!(shop.get("/product-projections/key=hidden", &[("staged", "true")]).await.0, 200);
    assert_eq!(shop.get("/products/key=hidden", &[]).await.0, 200);
    for path in ["/nonsense", "/products/a/b/c", "/product-selections/key=none/products"] {
        assert_eq!(shop.get(path, &[]).await.0, 404, "{path}");
    }
    let bearer = format!("Bearer {}", shop.token);
    let other = Request::builder().uri("/other/products").header("authorization", bearer);
    let other = other.body(Body::empty()).unwrap();
    assert_eq!(shop.emulator.router().oneshot(other).await.unwrap().status(), 404);
}

#[tokio::test]
async fn answers_carry_the_servers_date_and_a_correlation_id() {
    let shop = Shop::open().await;
    let response = shop.raw(Method::GET, "/categories", &shop.token, None).await;
    assert_eq!(response.headers()["date"], "Fri, 01 May 2026 10:00:00 GMT");
    assert!(response.headers()["x-correlation-id"].to_str().unwrap().starts_with("sandbox/"));
    assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");
    shop.emulator.set_clock_offset(90_000);
    let request = Request::builder()
        .uri("/sandbox/categories")
        .header("authorization", format!("Bearer {}", shop.token))
        .header("x-correlation-id", "my-own")
        .body(Body::empty());
    let response = shop.emulator.router().oneshot(request.unwrap()).await.unwrap();
    assert_eq!(response.headers()["x-correlation-id"], "my-own");
    assert_eq!(response.headers()["date"], "Fri, 01 May 2026 10:01:30 GMT");
}

#[tokio::test]
async fn gzip_is_given_to_those_who_accept_it_and_says_the_same() {
    let shop = Shop::seeded(Settings::default(), &many(120)).await;
    let ask = |encoding: Option<&str>| {
        let mut request = Request::builder()
            .uri("/sandbox/product-projections?limit=500&sort=id+asc")
            .header("authorization", format!("Bearer {}", shop.token));
        if let Some(encoding) = encoding {
            request = request.header("accept-encoding", encoding);
        }
        shop.emulator.router().oneshot(request.body(Body::empty()).unwrap())
    };
    let plain = ask(None).await.unwrap();
    assert!(plain.headers().get("content-encoding").is_none());
    let plain = to_bytes(plain.into_body(), usize::MAX).await.unwrap();
    assert!(ask(Some("br, gzip;q=0")).await.unwrap().headers().get("content-encoding").is_none());
    let packed = ask(Some("br, gzip;q=0.8")).await.unwrap();
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    let packed = to_bytes(packed.into_body(), usize::MAX).await.unwrap();
    assert!(packed.len() * 2 < plain.len());
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(packed.as_ref()).read_to_end(&mut text).unwrap();
    assert_eq!(text, plain);
}

#[tokio::test]
async fn an_answer_too_large_and_a_url_too_long_are_refused() {
    let limits = sandbox::commercetools::Limits { max_response_bytes: 20_000, ..Default::default() };
    let shop = Shop::seeded(Settings { limits, ..Settings::default() }, &many(100)).await;
    let (status, answer) = shop.get("/product-projections", &[("limit", "500")]).await;
    assert_eq!((status, error_code(&answer)), (413, "ContentTooLarge"));
    assert_eq!(shop.get("/product-projections", &[("limit", "5")]).await.0, 200);
    let long = format!("key in ({})", vec!["\"0123456789\""; 700].join(","));
    let response = shop.raw(Method::GET, &url("/products", &[("where", &long)]), &shop.token, None).await;
    assert_eq!(response.status(), 414);
    assert_eq!(response.headers()["content-type"], "text/html");
}

#[tokio::test]
async fn members_and_assignments_are_listed() {
    let shop = Shop::open().await;
    let id = async |key: &str| shop.by_key("/products", key).await["id"].clone();
    let (shirt, sandal) = (id("shirt").await, id("sandal").await);
    let members = shop.list("/product-selections/key=summer/products", &[]).await;
    let products: BTreeSet<&str> = members.iter().map(|member| member["product"]["id"].as_str().unwrap()).collect();
    assert_eq!(products, BTreeSet::from([shirt.as_str().unwrap(), sandal.as_str().unwrap()]));
    let (_, answer) = shop.get("/product-selections/key=summer/products", &[("limit", "1"), ("offset", "1")]).await;
    assert_eq!((&answer["count"], &answer["total"]), (&json!(1), &json!(2)));
    let path = "/in-store/key=de/product-selection-assignments";
    let (_, answer) = shop.get(path, &[("expand", "product")]).await;
    assert!(answer.get("total").is_none(), "withTotal is false unless asked for");
    assert_eq!(answer["count"], 2, "winter is not active");
    assert!(answer["results"][0]["product"]["obj"]["masterData"].is_object());
    let summer = shop.by_key("/product-selections", "summer").await["id"].clone();
    assert_eq!(answer["results"][0]["productSelection"], json!({ "typeId": "product-selection", "id": summer }));
    let of_shirt = format!("product(id = {shirt})");
    assert_eq!(shop.list(path, &[("where", &of_shirt)]).await.len(), 1);
    let selections = shop.list("/products/key=shirt/product-selections", &[]).await;
    assert_eq!((selections.len(), &selections[0]["productSelection"]["id"]), (1, &summer));
}

#[tokio::test]
async fn calls_are_counted_by_endpoint() {
    let shop = Shop::open().await;
    shop.emulator.reset_counters();
    shop.list("/product-projections", &[]).await;
    shop.list("/product-projections", &[("staged", "true")]).await;
    shop.projection("shirt").await;
    shop.new_token("").await;
    let counted: Vec<(String, u64)> = shop.emulator.counters().into_iter().collect();
    let expected =
        [("GET /product-projections", 2), ("GET /product-projections/key={key}", 1), ("POST /oauth/token", 1)];
    assert_eq!(counted, expected.map(|(endpoint, count)| (endpoint.to_owned(), count)));
}
