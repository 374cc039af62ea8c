//! Fidelity: small shops as answers of commercetools, and the items that Clerk.io is sent for them.

use contract::{Change, destination::Mapped};
use destinations::clerk;
use engine::{
    mapping::{Expression, Mapping, Place},
    market::{Reference, View},
};
use model::{Filtered, Market, Record, Timestamp, market::Untracked};
use serde_json::{Value as Json, json};
use sources::commercetools::{self, decode::decode, map::Settings, place::Stage};

const NOW: &str = "2026-06-01T12:00:00Z";

/// A shop: resources by the endpoint that gives them.
pub(crate) struct Small {
    records: Vec<Record>,
    market: Market,
    settings: String,
}

/// The result for a record.
type Outcome = Result<Vec<Json>, Filtered>;

impl Small {
    pub(crate) fn new(shop: &Json) -> Self {
        let settings =
            Settings { gtin_attributes: vec!["gtin".to_owned()], stock_from_products: false, ..Settings::default() };
        let mut records = Vec::new();
        for (endpoint, list) in shop.as_object().unwrap() {
            let stage = match endpoint.as_str() {
                "product-types" => Stage::ProductTypes,
                "categories" => Stage::Categories,
                "channels" => Stage::Channels,
                "customer-groups" => Stage::CustomerGroups,
                "stores" => Stage::Stores,
                "standalone-prices" => Stage::StandalonePrices,
                "inventory" => Stage::Inventory,
                "product-projections" => Stage::Projections,
                other => panic!("{other}"),
            };
            let page = json!({ "limit": 500, "offset": 0, "count": list.as_array().unwrap().len(), "results": list });
            let decoded = decode(stage, &settings, "", page.to_string().as_bytes()).unwrap();
            assert!(decoded.unread.is_empty(), "{:?}", decoded.unread);
            records.extend(decoded.changes.into_iter().map(|change| match change {
                Change::Is { record, .. } => record,
                Change::Gone { .. } => panic!("{change:?}"),
            }));
        }
        let market = Market {
            key: "de".into(),
            locales: ["de", "en"].map(|tag| model::Locale::parse(tag).unwrap()).to_vec(),
            currency: "EUR".parse().unwrap(),
            country: "DE".parse().ok(),
            customer_group: None,
            price_channel: None,
            supply_channels: Vec::new(),
            store: None,
            time_zone: "Europe/Berlin".into(),
            product_url: "https://shop.example/de/p/{slug}".into(),
            category_url: "https://shop.example/de/c/{slug}".into(),
            untracked: Untracked::Available,
        };
        Self { records, market, settings: String::new() }
    }

    pub(crate) fn market(mut self, change: impl FnOnce(&mut Market)) -> Self {
        change(&mut self.market);
        self
    }

    pub(crate) fn settings(mut self, toml: &str) -> Self {
        toml.clone_into(&mut self.settings);
        self
    }

    fn view(&self) -> View {
        let policy = commercetools::DESCRIPTOR.price_policy;
        View::new(&self.market, &Reference::new(self.records.clone()), policy).unwrap()
    }

    fn config(&self) -> clerk::Config {
        let keys = "public_key = \"env:A\"\nprivate_key = \"env:B\"\n";
        toml::from_str(&format!("{keys}{}", self.settings)).unwrap()
    }

    fn product(&self, id: &str) -> Outcome {
        let (view, config) = (self.view(), self.config());
        let found = self.records.iter().find_map(|record| match record {
            Record::Product(product) if product.id.as_str() == id => Some(product),
            _ => None,
        });
        let projection = view.product(found.unwrap(), &self.records, Timestamp::parse(NOW).unwrap());
        items(clerk::map::product(&config, &projection.listing?, &|_| false).unwrap())
    }

    fn category(&self, id: &str) -> Outcome {
        let (view, config) = (self.view(), self.config());
        let found = self.records.iter().find_map(|record| match record {
            Record::Category(category) if category.id.as_str() == id => Some(category),
            _ => None,
        });
        let projection = view.category(found.unwrap(), Timestamp::parse(NOW).unwrap());
        items(clerk::map::category(&config, &projection.listing?, &|_| false).unwrap())
    }

    /// Where the values of a product come from, as `field of variant: value, from`.
    fn origins(&self, id: &str) -> Vec<String> {
        let view = self.view();
        let record = self.records.iter().find(|record| record.id().as_str() == id).unwrap();
        let origins = view.origins(record, &self.records, None, Timestamp::parse(NOW).unwrap()).into_iter();
        let told = |it: engine::market::Origin| {
            format!("{} {}: {} | {}", it.field, it.variant.unwrap_or_default(), it.value.unwrap_or_default(), it.from)
        };
        origins.map(told).collect()
    }

    /// The one item of a record that is sent.
    fn sent(&self, id: &str) -> Json {
        let mut items = self.product(id).unwrap();
        assert_eq!(items.len(), 1, "{items:?}");
        items.remove(0)
    }
}

fn items(mapped: Mapped) -> Outcome {
    match mapped {
        Mapped::Items(made) => Ok(made
            .into_iter()
            .map(|made| {
                let mut item: Json = serde_json::from_str(&made.item.payload.object()).unwrap();
                item["id"] = json!(made.item.id.as_str());
                item
            })
            .collect()),
        Mapped::Filtered(rule) => Err(rule),
    }
}

/// A variant for 10.00 EUR with one image, and these members.
fn variant(id: u32, sku: &str, members: Json) -> Json {
    let mut variant = json!({
        "id": id, "sku": sku, "attributes": [],
        "prices": [{ "id": "x", "value": { "currencyCode": "EUR", "centAmount": 1000, "fractionDigits": 2 } }],
        "images": [{ "url": format!("https://img.example/{sku}.jpg") }],
    });
    merge(&mut variant, members);
    variant
}

/// A product of these variants, and these members.
fn product(id: &str, mut variants: Vec<Json>, members: Json) -> Json {
    let main = variants.remove(0);
    let mut product = json!({
        "id": id, "version": 1, "key": id, "productType": { "typeId": "product-type", "id": "pt" },
        "name": { "de": format!("Artikel {id}") }, "slug": { "de": id }, "categories": [],
        "masterVariant": main, "variants": variants,
    });
    merge(&mut product, members);
    product
}

fn merge(into: &mut Json, members: Json) {
    let Json::Object(members) = members else { panic!("{members}") };
    into.as_object_mut().unwrap().extend(members);
}

/// A product type with attributes: name, type, constraint.
fn product_type(definitions: &[(&str, Json, &str)]) -> Json {
    let attributes: Vec<_> = definitions
        .iter()
        .map(|(name, of, constraint)| json!({ "name": name, "type": of, "attributeConstraint": constraint, "label": { "de": name } }))
        .collect();
    json!([{ "id": "pt", "version": 1, "key": "pt", "name": "pt", "attributes": attributes }])
}

fn attributes(values: Json) -> Json {
    let Json::Object(values) = values else { panic!("{values}") };
    json!({ "attributes": values.into_iter().map(|(name, value)| json!({ "name": name, "value": value })).collect::<Vec<_>>() })
}

fn text() -> Json {
    json!({ "name": "text" })
}

const USD: &str = r#"{"prices":[{"id":"u","value":{"currencyCode":"USD","centAmount":900,"fractionDigits":2}}]}"#;

/// Members of a variant that this market can't sell, besides these.
fn unsold(mut members: Json) -> Json {
    merge(&mut members, serde_json::from_str(USD).unwrap());
    members
}

#[test]
fn what_belongs_to_the_product_does_not_depend_on_what_is_sold() {
    let types =
        product_type(&[("brand", text(), "SameForAll"), ("care", text(), "SameForAll"), ("size", text(), "None")]);
    let of = |values| attributes(values);
    let both = Small::new(&json!({ "product-types": types, "product-projections": [product("k", vec![
        variant(1, "K-1", of(json!({ "brand": "Acme", "care": "wash" }))),
        variant(2, "K-2", of(json!({ "size": "M" }))),
    ], json!({}))] }))
    .settings("product_id = \"sku\"");
    let one = Small::new(&json!({ "product-types": types, "product-projections": [product("k", vec![
        variant(1, "K-1", unsold(of(json!({ "brand": "Acme", "care": "wash" })))),
        variant(2, "K-2", of(json!({ "size": "M" }))),
    ], json!({}))] }))
    .settings("product_id = \"sku\"");
    let (both, one) = (both.sent("k"), one.sent("k"));
    for name in ["id", "sku", "image", "brand", "care"] {
        assert_eq!(one[name], both[name], "{name}");
    }
    assert_eq!((&one["id"], &one["brand"], &one["care"]), (&json!("K-1"), &json!("Acme"), &json!("wash")));
    assert_eq!(one["image"], "https://img.example/K-1.jpg");
    assert_eq!(
        (&one["variant_skus"], &one["variant_images"]),
        (&json!(["K-2"]), &json!(["https://img.example/K-2.jpg"]))
    );
}

#[test]
fn a_brand_that_only_an_unsold_variant_has_is_the_products() {
    for constraint in ["None", "SameForAll"] {
        let types = product_type(&[("brand", text(), constraint), ("gender", text(), constraint)]);
        let shop = json!({ "product-types": types, "product-projections": [product("k", vec![
            variant(1, "K-1", unsold(attributes(json!({ "brand": "Acme", "gender": "w" })))),
            variant(2, "K-2", json!({ "images": [] })),
        ], json!({}))] });
        let sent = Small::new(&shop).sent("k");
        assert_eq!((&sent["brand"], &sent["gender"]), (&json!("Acme"), &json!("w")), "{constraint}");
        assert_eq!(sent["image"], "https://img.example/K-1.jpg", "the variant that is sold has none");
        assert_eq!(sent["variant_images"], json!(["https://img.example/K-1.jpg"]));
        let each = Small::new(&shop).settings("grain = \"variant\"").sent("k");
        assert_eq!((&each["brand"], &each["id"], &each["parent_id"]), (&json!("Acme"), &json!("K-2"), &json!("k")));
    }
}

#[test]
fn a_field_has_one_type_over_the_whole_catalogue() {
    let texts = json!({ "name": "set", "elementType": text() });
    let types = product_type(&[
        ("weight", json!({ "name": "number" }), "None"),
        ("size", json!({ "name": "number" }), "CombinationUnique"),
        ("tags", texts.clone(), "None"),
        ("care", texts, "SameForAll"),
        ("material", text(), "SameForAll"),
        ("organic", json!({ "name": "boolean" }), "None"),
    ]);
    let of = |weight: f64, size: u32, tags: Json| {
        attributes(json!({
            "weight": weight, "size": size, "tags": tags, "care": ["wash"], "material": "wool", "organic": true,
        }))
    };
    let small = Small::new(&json!({ "product-types": types, "product-projections": [
        product("one", vec![variant(1, "A", of(1.5, 38, json!(["new"])))], json!({})),
        product("two", vec![variant(1, "B", of(2.0, 38, json!(["new"]))), variant(2, "C", of(3.0, 39, json!(["old", "new"])))], json!({})),
        product("same", vec![variant(1, "D", of(2.0, 38, json!([]))), variant(2, "E", of(2.0, 39, json!([])))], json!({})),
    ] }));
    let fields = |id: &str| {
        let sent = small.sent(id);
        ["weight", "size", "tags", "care", "material", "organic"].map(|name| sent[name].clone())
    };
    assert_eq!(
        fields("one"),
        [json!([1.5]), json!([38]), json!(["new"]), json!(["wash"]), json!("wool"), json!([true])]
    );
    assert_eq!(
        fields("two"),
        [json!([2.0, 3.0]), json!([38, 39]), json!(["new", "old"]), json!(["wash"]), json!("wool"), json!([true])]
    );
    assert_eq!(
        fields("same"),
        [json!([2.0]), json!([38, 39]), json!(null), json!(["wash"]), json!("wool"), json!([true])]
    );
    // An item of one variant has its own values.
    let config = small.settings("grain = \"variant\"");
    let sent = config.product("two").unwrap();
    assert_eq!(
        (&sent[1]["weight"], &sent[1]["size"], &sent[1]["tags"]),
        (&json!(3.0), &json!(39), &json!(["old", "new"]))
    );
}

#[test]
fn what_identifies_a_variant_is_no_option() {
    let shop = |types: &Json| {
        let of = |ean: &str, code: &str, colour: &str| {
            attributes(json!({ "ean": ean, "code": code, "gtin": ean, "colour": colour }))
        };
        json!({ "product-types": types, "product-projections": [product("u", vec![
            variant(1, "U-1", of("4006381333931", "a", "red")), variant(2, "U-2", of("4006381333948", "b", "blue")),
        ], json!({}))] })
    };
    let defined = product_type(&[
        ("ean", text(), "None"),
        ("code", text(), "Unique"),
        ("gtin", text(), "None"),
        ("colour", text(), "None"),
    ]);
    let sent = Small::new(&shop(&defined)).sent("u");
    assert_eq!(sent["variant_options"], json!(["red", "blue"]));
    assert_eq!((&sent["code"], &sent["ean"]), (&json!(["a", "b"]), &json!(["4006381333931", "4006381333948"])));
}

#[test]
fn values_that_say_nothing_are_left_out() {
    let set_of = |of: Json| json!({ "name": "set", "elementType": of });
    let types = product_type(&[
        ("allergens", set_of(text()), "SameForAll"),
        ("blank", set_of(text()), "None"),
        ("note", text(), "None"),
        ("title", json!({ "name": "ltext" }), "None"),
        ("none", set_of(json!({ "name": "ltext" })), "None"),
    ]);
    let shop = json!({ "product-types": types, "product-projections": [product("e", vec![variant(1, "E-1", attributes(json!({
        "allergens": [], "blank": [" ", ""], "note": " \t ", "title": { "de": " ", "fr": "x" }, "none": [{ "fr": "x" }], "loose": "\n", "parts": [],
    })))], json!({}))] });
    for grain in ["product", "variant"] {
        let sent = Small::new(&shop).settings(&format!("grain = \"{grain}\"")).sent("e");
        for name in ["allergens", "blank", "note", "title", "none", "loose", "parts", "brand", "keywords"] {
            assert_eq!(sent.get(name), None, "{grain} {name}");
        }
    }
}

#[test]
fn lists_within_lists_are_flat_however_many_variants_there_are() {
    let nested = json!({ "name": "set", "elementType": { "name": "nested", "typeReference": { "typeId": "product-type", "id": "dim" } } });
    let mut types = product_type(&[("dims", nested.clone(), "None"), ("box", nested, "SameForAll")]);
    let number = json!({ "name": "number" });
    let dim = json!({ "id": "dim", "version": 1, "name": "dim", "attributes": [
        { "name": "w", "type": number, "label": { "de": "w" } }, { "name": "h", "type": number, "label": { "de": "h" } },
        { "name": "l", "type": { "name": "set", "elementType": number }, "label": { "de": "l" } },
    ] });
    types.as_array_mut().unwrap().push(dim);
    let size = |w: u32, h: u32| json!([{ "name": "w", "value": w }, { "name": "h", "value": h }]);
    let dims = json!([size(1, 2), [{ "name": "w", "value": 3 }, { "name": "l", "value": [4, 5] }]]);
    let small = Small::new(&json!({ "product-types": types, "product-projections": [
        product("n", vec![variant(1, "N-1", attributes(json!({ "dims": dims, "box": dims })))], json!({})),
        product("m", vec![variant(1, "M-1", attributes(json!({ "dims": dims }))), variant(2, "M-2", attributes(json!({ "dims": [size(6, 7)] })))], json!({})),
    ] }));
    assert_eq!(small.sent("n")["dims"], json!(["w: 1", "h: 2", "w: 3", "l: 4, 5"]));
    assert_eq!(small.sent("n")["box"], json!(["w: 1", "h: 2", "w: 3", "l: 4, 5"]));
    assert_eq!(small.sent("m")["dims"], json!(["w: 1", "h: 2", "w: 3", "l: 4, 5", "w: 6", "h: 7"]));
}

#[test]
fn what_is_referred_to_is_shown_by_its_name_or_not_at_all() {
    let reference = |of: &str| json!({ "name": "reference", "referenceTypeId": of });
    let set_of = |of: Json| json!({ "name": "set", "elementType": of });
    let types = product_type(&[
        ("brand", reference("category"), "SameForAll"),
        ("lines", set_of(reference("category")), "SameForAll"),
        ("hidden", reference("category"), "SameForAll"),
        ("gone", reference("category"), "None"),
        ("shop", reference("channel"), "SameForAll"),
        ("state", reference("state"), "SameForAll"),
        ("likes", reference("product"), "SameForAll"),
        ("group", reference("customer-group"), "None"),
    ]);
    let to = |of: &str, id: &str| json!({ "typeId": of, "id": id });
    let small = Small::new(&json!({
        "product-types": types,
        "categories": [
            { "id": "b-1", "version": 1, "name": { "de": "Acme" }, "slug": { "de": "acme" } },
            { "id": "b-2", "version": 1, "name": { "en": "Zenith" }, "slug": { "en": "zenith" } },
            { "id": "b-fr", "version": 1, "name": { "fr": "Tricot" }, "slug": { "fr": "tricot" } },
            { "id": "b-no-slug", "version": 1, "name": { "de": "Ohne" }, "slug": { "fr": "sans" } },
        ],
        "channels": [{ "id": "ch", "version": 1, "key": "mitte", "name": { "de": "Filiale Mitte" } }],
        "customer-groups": [{ "id": "cg", "version": 1, "key": "vip", "name": "VIP" }],
        "product-projections": [product("b", vec![variant(1, "B-1", attributes(json!({
            "brand": to("category", "b-1"), "lines": [to("category", "b-2"), to("category", "b-fr"), to("category", "b-1")],
            "hidden": to("category", "b-fr"), "gone": to("category", "nowhere"), "shop": to("channel", "ch"),
            "state": to("state", "s-1"), "likes": to("product", "b"), "group": to("customer-group", "cg"),
        })))], json!({ "categories": [to("category", "b-1"), to("category", "b-fr"), to("category", "b-no-slug"), to("category", "nowhere")] }))],
    }));
    let sent = small.sent("b");
    assert_eq!((&sent["brand"], &sent["lines"]), (&json!("Acme"), &json!(["Zenith", "Acme"])));
    assert_eq!((&sent["shop"], &sent["group"]), (&json!("Filiale Mitte"), &json!(["VIP"])));
    for name in ["hidden", "gone", "state", "likes"] {
        assert_eq!(sent.get(name), None, "{name}");
    }
    assert_eq!(
        (&sent["categories"], &sent["category_names"]),
        (&json!(["b-1"]), &json!(["Acme"])),
        "only what the market has"
    );
}

#[test]
fn an_address_that_lacks_a_part_is_not_made_of_another() {
    let shop = json!({
        "product-projections": [product("shirt-1", vec![variant(1, "SH-1", json!({}))], json!({ "slug": { "fr": "chemise" } })),
            product("bare", vec![variant(1, "", json!({ "sku": null })), variant(2, "B-2", json!({}))], json!({ "key": null, "slug": { "de": " " } }))],
        "categories": [
            { "id": "c", "version": 1, "name": { "de": "Hemden" }, "slug": { "fr": "chemises" } },
            { "id": "sub", "version": 1, "name": { "de": "Kurz" }, "slug": { "de": "kurz" }, "parent": { "typeId": "category", "id": "c" } },
        ],
    });
    let small = Small::new(&shop);
    assert_eq!(small.product("shirt-1").unwrap_err(), Filtered::NoUrl);
    assert_eq!(small.category("c").unwrap_err(), Filtered::NoUrl);
    assert_eq!(small.category("sub").unwrap()[0].get("parent"), None, "a category that the market does not have");
    let url = |template: &str, id: &str| {
        let small = Small::new(&shop).market(|market| market.product_url = format!("https://shop.example/{template}"));
        small.product(id).map(|items| items[0]["url"].clone())
    };
    assert_eq!(url("p/{slug|key}", "shirt-1"), Ok(json!("https://shop.example/p/shirt-1")));
    assert_eq!(url("p/{slug|key|id}?l={locale}", "bare"), Ok(json!("https://shop.example/p/bare?l=de")));
    for template in ["p/{slug|key}", "p/{key}", "p/{id}/{sku}"] {
        assert_eq!(url(template, "bare"), Err(Filtered::NoUrl), "{template}");
    }
    let fallback = Small::new(&shop).market(|market| market.category_url = "https://shop.example/c/{slug|id}".into());
    assert_eq!(fallback.category("c").unwrap()[0]["url"], "https://shop.example/c/c");
    assert_eq!(fallback.category("sub").unwrap()[0]["parent"], "c");
}

#[test]
fn a_price_keeps_its_amount_however_fine_it_is() {
    let price = |units: i64, digits: u32, discounted: Option<i64>| {
        let money = |units: i64| json!({ "type": "highPrecision", "currencyCode": "EUR", "centAmount": 0, "preciseAmount": units, "fractionDigits": digits });
        let mut price = json!({ "id": "p", "value": money(units) });
        if let Some(units) = discounted {
            price["discounted"] = json!({ "value": money(units) });
        }
        json!({ "prices": [price] })
    };
    let small = Small::new(&json!({ "product-projections": [
        product("tenth", vec![variant(1, "A", price(4, 3, None))], json!({})),
        product("less", vec![variant(1, "B", price(12_345, 4, Some(12_341)))], json!({})),
        product("finest", vec![variant(1, "C", price(12_345_678_901, 10, None))], json!({})),
    ] }));
    let told = |id: &str| {
        let sent = small.sent(id);
        [sent["price"].clone(), sent["list_price"].clone(), sent["on_sale"].clone()]
    };
    assert_eq!(told("tenth"), [json!(0.004), json!(0.004), json!(false)]);
    assert_eq!(told("less"), [json!(1.2341), json!(1.2345), json!(true)]);
    assert_eq!(told("finest"), [json!(1.234_567_890_1), json!(1.234_567_890_1), json!(false)]);
}

#[test]
fn keywords_are_a_list_end_to_end() {
    let small = Small::new(&json!({ "product-projections": [
        product("kw", vec![variant(1, "KW-1", json!({}))], json!({ "searchKeywords": { "de": [{ "text": "hemd, blau" }, { "text": "bluse" }] } })),
        product("mk", vec![variant(1, "MK-1", json!({}))], json!({ "metaKeywords": { "de": "hemd,blau, baumwolle" } })),
    ] }));
    assert_eq!(small.sent("kw")["keywords"], json!(["hemd, blau", "bluse"]));
    assert_eq!(small.sent("mk")["keywords"], json!(["hemd", "blau", "baumwolle"]));
}

#[test]
fn a_detail_that_no_market_needs_takes_no_product_away() {
    let eur = json!({ "currencyCode": "EUR", "centAmount": 1000, "fractionDigits": 2 });
    for other in [
        json!({ "id": "o", "value": { "currencyCode": "ANG", "centAmount": 3500 } }),
        json!({ "id": "o", "value": { "currencyCode": "???", "centAmount": 3500 } }),
        json!({ "id": "o", "value": eur, "country": "AT", "validUntil": "+12026-01-01T00:00:00.000Z" }),
        json!({ "id": "o", "value": eur, "country": "AT", "tiers": [{ "minimumQuantity": -1, "value": eur }] }),
        json!({ "id": "o", "value": eur, "country": "Austria" }),
        json!({ "id": "o", "value": eur, "country": "AT", "recurrencePolicy": { "typeId": "recurrence-policy", "id": "m" } }),
    ] {
        let shop = json!({ "product-projections": [product("y", vec![variant(1, "Y-1", json!({ "prices": [{ "id": "p", "value": eur }, other] }))], json!({}))] });
        assert_eq!(Small::new(&shop).sent("y")["price"], 10.0, "{other}");
    }
    let only = json!({ "prices": [{ "id": "p", "value": eur, "recurrencePolicy": { "typeId": "recurrence-policy", "id": "m" } }] });
    let shop = json!({ "product-projections": [product("plan", vec![variant(1, "PL-1", only)], json!({}))] });
    assert_eq!(
        Small::new(&shop).product("plan").unwrap_err(),
        Filtered::NoPrice,
        "a price for subscriptions is never the price"
    );
}

#[test]
fn stock_is_that_of_the_markets_channels_only() {
    let entry = |id: &str, quantity: i64, channel: Option<&str>| {
        let mut entry = json!({ "id": id, "version": 1, "sku": "5299", "quantityOnStock": quantity, "availableQuantity": quantity });
        if let Some(channel) = channel {
            entry["supplyChannel"] = json!({ "typeId": "channel", "id": channel });
        }
        entry
    };
    let shop = json!({
        "channels": [{ "id": "a", "version": 1, "key": "store-a" }, { "id": "b", "version": 1, "key": "store-b" }],
        "product-projections": [product("s", vec![variant(1, "5299", json!({}))], json!({}))],
        "inventory": [entry("i0", 0, None), entry("ia", 12, Some("a")), entry("ib", 99, Some("b"))],
    });
    let sent = Small::new(&shop).sent("s");
    assert_eq!((&sent["stock"], &sent["in_stock"]), (&json!(0), &json!(false)));
    let sent = Small::new(&shop).market(|market| market.supply_channels = vec!["store-a".into()]).sent("s");
    assert_eq!((&sent["stock"], &sent["in_stock"]), (&json!(12), &json!(true)));
}

#[test]
fn explain_says_where_each_value_comes_from() {
    let money =
        |currency: &str, cents: u32| json!({ "currencyCode": currency, "centAmount": cents, "fractionDigits": 2 });
    let channel = |id: &str| json!({ "typeId": "channel", "id": id });
    let prices = json!({ "prices": [
        { "id": "1", "value": money("EUR", 2000), "discounted": { "value": money("EUR", 1500) }, "country": "DE",
          "validUntil": "2027-01-01T00:00:00.000Z" },
        { "id": "2", "value": money("EUR", 1900) },
    ] });
    let others = json!({ "images": [], "prices": [
        { "id": "3", "value": money("USD", 900) },
        { "id": "4", "value": money("EUR", 800), "country": "AT" },
        { "id": "5", "value": money("EUR", 700), "channel": channel("b") },
        { "id": "6", "value": money("EUR", 600), "validFrom": "2027-01-01T00:00:00.000Z" },
        { "id": "7", "value": money("EUR", 500), "recurrencePolicy": { "typeId": "recurrence-policy", "id": "m" } },
    ] });
    let small = Small::new(&json!({
        "channels": [{ "id": "a", "version": 1, "key": "store-a" }, { "id": "b", "version": 1, "key": "store-b" }],
        "categories": [{ "id": "c", "version": 1, "name": { "de": "Hemden" }, "slug": { "fr": "x" } }],
        "inventory": [
            { "id": "i1", "version": 1, "sku": "A", "availableQuantity": 12, "supplyChannel": channel("a") },
            { "id": "i2", "version": 1, "sku": "A", "availableQuantity": 99, "supplyChannel": channel("b") },
            { "id": "i3", "version": 1, "sku": "A", "availableQuantity": 1 },
        ],
        "product-projections": [product("x", vec![variant(1, "A", prices), variant(2, "B", others)], json!({
            "name": { "en": "Shirt" }, "description": { "fr": "Chemise" }, "categories": [{ "typeId": "category", "id": "c" }],
        }))],
    }))
    .market(|market| market.supply_channels = vec!["store-a".into()]);
    assert_eq!(
        small.origins("x"),
        [
            "name : Shirt | in en, because there is none in what comes before it: de",
            "slug : x | in de",
            "description :  | none in a language of the market; there is fr",
            "url : https://shop.example/de/p/x | the market's template",
            "image : https://img.example/A.jpg | variant A",
            "categories :  | category c is left out: a placeholder of the market's URL template, such as the slug, has no value",
            "price A: 15.00 EUR instead of 20.00 EUR | price in the product for DE, until 2027-01-01T00:00:00.000Z; the narrowest scope \
         with a price that holds now: country",
            "stock A: 12 | 12 in store-a; not of this market: 1 in no channel, 99 in store-b",
            "price B:  | wanted EUR for DE; there is 9.00 USD (another currency); 8.00 EUR for AT (another country); 7.00 EUR, \
         channel store-b (another channel); 6.00 EUR, from 2027-01-01T00:00:00.000Z (not now); 5.00 EUR (for recurring orders)",
            "stock B:  | the source does not count it",
        ]
    );
    let none = Small::new(
        &json!({ "product-projections": [product("n", vec![variant(1, "N", json!({ "prices": [] }))], json!({ "slug": {} }))] }),
    );
    let told = none.origins("n");
    assert!(told.contains(&"url :  | the market's template needs {slug}, which has no value".to_owned()), "{told:?}");
    assert!(told.contains(&"price N:  | the source has no price for it".to_owned()), "{told:?}");
}

#[test]
fn categories_have_the_ids_that_are_asked_for_wherever_they_are_named() {
    let category = |id: &str, key: Option<&str>, external: Option<&str>, parent: Option<&str>| {
        let parent = parent.map(|id| json!({ "typeId": "category", "id": id }));
        json!({ "id": id, "version": 1, "key": key, "externalId": external, "name": { "de": id }, "slug": { "de": id }, "parent": parent })
    };
    let in_category = |id: &str| json!({ "typeId": "category", "id": id });
    let shop = json!({
        "categories": [
            category("9c0e9f9e-0001", Some("10"), Some("110"), None),
            category("9c0e9f9e-0002", Some("11"), Some("111"), Some("9c0e9f9e-0001")),
            category("9c0e9f9e-0003", None, None, Some("9c0e9f9e-0001")),
            category("12", Some("x"), Some("112"), None),
        ],
        "product-projections": [product("7", vec![variant(1, "7", json!({}))],
            json!({ "categories": [in_category("9c0e9f9e-0002"), in_category("9c0e9f9e-0003"), in_category("12")] }))],
    });
    let of = |setting: &str| Small::new(&shop).settings(&format!("category_id = \"{setting}\""));
    assert_eq!(of("id").sent("7")["categories"], json!(["9c0e9f9e-0002", "9c0e9f9e-0003", "12"]));
    assert_eq!(of("key").sent("7")["categories"], json!(["11", "x"]), "one without a key is not sent");
    assert_eq!(of("external_id").sent("7")["categories"], json!(["111", "112"]));
    let root = of("key").category("9c0e9f9e-0001").unwrap().remove(0);
    assert_eq!((&root["id"], &root["subcategories"]), (&json!("10"), &json!(["11"])));
    assert_eq!(of("key").category("9c0e9f9e-0002").unwrap()[0]["parent"], "10");

    let numbers = Small::new(&shop).settings("category_id = \"number\"\nid_type = \"integer\"");
    let ids = ["9c0e9f9e-0001", "9c0e9f9e-0002", "9c0e9f9e-0003", "12"]
        .map(|id| numbers.category(id).unwrap()[0]["id"].as_str().unwrap().parse::<u64>().unwrap());
    assert!(ids.iter().all(|id| *id < 1 << 53) && ids[3] == 12, "{ids:?}");
    assert_eq!(numbers.sent("7")["categories"], json!([ids[1], ids[2], ids[3]]));
    assert_eq!(numbers.category("9c0e9f9e-0001").unwrap()[0]["subcategories"], json!([ids[1], ids[2]]));
    assert_eq!(ids[0], 2_032_705_629_907_005, "the number of an id never changes");
}

#[test]
fn prices_for_larger_quantities_are_there_for_mappings() {
    let money = |cents: u32| json!({ "currencyCode": "EUR", "centAmount": cents, "fractionDigits": 2 });
    let tiers =
        json!([{ "minimumQuantity": 100, "value": money(700) }, { "minimumQuantity": 10, "value": money(850) }]);
    let prices = json!({ "prices": [{ "id": "p", "value": money(1000), "tiers": tiers }] });
    let small = Small::new(&json!({ "product-projections": [product("t", vec![variant(1, "T", prices)], json!({}))] }));
    let view = small.view();
    let Some(Record::Product(product)) = small.records.first() else { panic!() };
    let listing = view.product(product, &[], Timestamp::parse(NOW).unwrap()).listing.unwrap();
    let seen = serde_json::to_value(&listing).unwrap();
    assert_eq!(
        seen["variants"][0]["tiers"],
        json!([{ "minimum": 10, "price": 8.5 }, { "minimum": 100, "price": 7.0 }])
    );
}

#[test]
fn the_fields_of_clerks_own_modules_can_be_mapped_as_the_guide_says() {
    let guide = include_str!("../../../../docs/guides/from-a-clerk-module.md");
    let block = guide.split("```toml").nth(1).unwrap().split("```").next().unwrap();
    let config: toml::Table = toml::from_str(block).unwrap();
    let flow = &config["flows"]["clerk-de"];
    for (kind, section) in [(model::Kind::Product, "fields"), (model::Kind::Category, "category_fields")] {
        let fields = flow[section].as_table().unwrap();
        let expressions: Vec<_> = fields
            .iter()
            .map(|(name, text)| Expression {
                name: name.clone(),
                text: text.as_str().unwrap().to_owned(),
                at: Place { file: "guide".into(), line: 1, column: 1 },
            })
            .collect();
        let described = clerk::DESCRIPTOR;
        let compiled = Mapping::compile(kind, (described.fields)(kind), described.extra_name, &expressions);
        assert!(compiled.is_ok(), "{:?}", compiled.err());
        assert!(!expressions.is_empty());
    }
}
