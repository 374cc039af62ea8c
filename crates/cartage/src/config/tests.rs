//! Each mistake has its message; no text does harm.

use proptest::prelude::*;

use super::*;

const WORKING: &str = r#"
[sources.shop]
kind = "commercetools"
project_key = "my-project"
region = "europe-west1.gcp"
client_id = "env:CTP_CLIENT_ID"
client_secret = "env:CTP_CLIENT_SECRET"

[destinations.clerk-de]
kind = "clerk"
public_key = "env:CLERK_PUBLIC"
private_key = "env:CLERK_PRIVATE"

[markets.de]
locale = "de-DE"
fallback = ["de-AT", "en"]
currency = "EUR"
country = "DE"
time_zone = "Europe/Berlin"
product_url = "https://shop.example/de/p/{slug}"
category_url = "https://shop.example/de/c/{slug}"

[flows.clerk-de]
source = "shop"
destination = "clerk-de"
market = "de"
"#;

/// The errors of a text, as they are shown.
fn errors(text: &str) -> String {
    let errors = Config::parse(text, "cartage.toml").expect_err("something is wrong in it");
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The errors of the working configuration after one line was exchanged.
fn with(line: &str, other: &str) -> String {
    assert!(WORKING.contains(line), "the working configuration has no line {line}");
    errors(&WORKING.replacen(line, other, 1))
}

#[test]
fn a_working_configuration_becomes_settings() {
    let config = Config::parse(WORKING, "cartage.toml").unwrap().config;
    let market = &config.markets["de"];
    let locales: Vec<_> = market.locales.iter().map(model::Locale::as_str).collect();
    assert_eq!(locales, ["de-DE", "de-AT", "en"]);
    assert_eq!(market.currency.code(), "EUR");
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8470");
    assert_eq!(config.store.path, PathBuf::from("cartage.db"));
    let shop = &config.sources[&SourceName::from("shop")];
    assert_eq!(shop.full_every, Duration::from_hours(24));
    assert!((shop.sweep_guard - 0.1).abs() < f64::EPSILON);
    assert_eq!(config.flows[&FlowName::from("clerk-de")].markets, ["de"]);
}

#[test]
fn an_empty_file_is_a_configuration_with_nothing_to_do() {
    assert!(Config::parse("", "cartage.toml").unwrap().config.flows.is_empty());
}

#[test]
fn starter_example_and_examples_parse() {
    for (text, file) in [
        (starter(), "starter.toml"),
        (EXAMPLE.to_owned(), "example.toml"),
        (include_str!("../../../../examples/commercetools-to-clerk.toml").to_owned(), "commercetools-to-clerk.toml"),
        (include_str!("../../../../examples/bigcommerce-to-clerk.toml").to_owned(), "bigcommerce-to-clerk.toml"),
        (
            include_str!("../../../../examples/commercetools-to-insider.toml").to_owned(),
            "commercetools-to-insider.toml",
        ),
    ] {
        if let Err(errors) = Config::parse(&text, file) {
            panic!("{}", ConfigErrors(errors));
        }
    }
}

#[test]
fn lines_of_the_starter_that_are_switched_on_parse_too() {
    let is_setting = |line: &str| line.contains(" = ") || line.starts_with('[');
    let on: Vec<_> = include_str!("starter.toml")
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|rest| is_setting(rest)).unwrap_or(line))
        .collect();
    let loaded =
        Config::parse(&on.join("\n"), "starter.toml").map_err(ConfigErrors).unwrap_or_else(|it| panic!("{it}"));
    assert_eq!(loaded.config.flows.len(), 2);
}

#[test]
fn the_scopes_that_the_starter_names_are_those_that_are_asked_for() {
    let loaded = Config::parse(&starter(), "starter.toml").unwrap();
    let sources::Config::Commercetools(shop) = &loaded.config.sources[&SourceName::from("shop")].connector else {
        panic!("the starter reads commercetools");
    };
    let asked: std::collections::BTreeSet<_> = shop.needed_scopes().into_iter().map(|(scope, _)| scope).collect();
    for text in [starter(), include_str!("../../../../docs/guides/getting-started.md").to_owned()] {
        let words = text.split(|letter: char| !letter.is_ascii_lowercase() && letter != '_');
        let told: std::collections::BTreeSet<_> = words.filter(|word| word.starts_with("view_")).collect();
        assert_eq!(told, asked);
    }
}

#[test]
fn the_example_shows_every_setting() {
    let schema = schema::flat(&schema::schema());
    let mut missing = Vec::new();
    let mut walk = vec![&schema];
    while let Some(part) = walk.pop() {
        let inner = [&part["additionalProperties"], &part["items"]];
        let kinds = ["oneOf", "anyOf"].into_iter().flat_map(|key| part[key].as_array().into_iter().flatten());
        walk.extend(inner.into_iter().filter(|inner| inner.is_object()).chain(kinds));
        for (key, property) in part["properties"].as_object().into_iter().flatten() {
            let is_table = EXAMPLE.lines().any(|line| line.starts_with('[') && line.contains(key.as_str()));
            let is_set = EXAMPLE.lines().any(|line| line.trim_start_matches("# ").starts_with(&format!("{key} =")));
            if !is_table && !is_set {
                missing.push(key.clone());
            }
            walk.push(property);
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn unknown_keys_are_named_with_what_was_meant() {
    insta::assert_snapshot!(with("currency =", "curency ="), @r#"
    error[C0803]: unknown key "curency"
      --> cartage.toml:17:1
       |
    17 | curency = …
       | ^^^^^^^
      hint: did you mean "currency"?
    "#);
    insta::assert_snapshot!(with("[markets.de]", "[marktes.de]"), @r#"
    error[C0803]: unknown key "marktes"
      --> cartage.toml:14:2
       |
    14 | [marktes.de]
       |  ^^^^^^^
      hint: did you mean "markets"?

    error[C0807]: the flow clerk-de names a market "de" that is not configured
      --> cartage.toml:26:10
       |
    26 | market = "de"
       |          ^^^^
      hint: add [markets.de]
    "#);
}

#[test]
fn missing_keys_are_reported_together() {
    insta::assert_snapshot!(errors("[markets.uk]\nlocale = \"en-GB\"\nproduct_url = \"https://a.example/{id}\"\n"), @r#"
    error[C0804]: markets.uk has no currency or category_url
     --> cartage.toml:1:1
      |
    1 | [markets.uk]
      | ^^^^^^^^^^^^
      hint: currency: Its currency, an ISO 4217 code such as `EUR`.
            category_url: Address of a category's page. `{slug}`, `{path}`, `{id}`, `{key}` and `{locale}` are replaced, as in `product_url`.
    "#);
    insta::assert_snapshot!(errors("[sources.shop]\nproject_key = \"p\"\n"), @r#"
    error[C0804]: sources.shop has no kind
     --> cartage.toml:1:1
      |
    1 | [sources.shop]
      | ^^^^^^^^^^^^^^
      hint: kind: which platform it is; possible: bigcommerce, commercetools or sfcc
    "#);
}

#[test]
fn wrong_types_and_words_are_reported() {
    insta::assert_snapshot!(with("locale = \"de-DE\"", "locale = 5"), @r#"
    error[C0805]: markets.de.locale must be text in quotes; this is 5
      --> cartage.toml:15:10
       |
    15 | locale = 5
       |          ^
      hint: Its locale, a language tag such as `de-DE`.
    "#);
    insta::assert_snapshot!(with("kind = \"clerk\"", "kind = \"clark\""), @r#"
    error[C0805]: destinations.clerk-de.kind can't be "clark"
      --> cartage.toml:10:8
       |
    10 | kind = "clark"
       |        ^^^^^^^
      hint: did you mean "clerk"? Possible: "acp", "clerk", "dotdigital", "insider" or "merchant"
    "#);
    insta::assert_snapshot!(with("kind = \"clerk\"", "kind = \"clerk\"\nbatch_items = 900"), @r#"
    error[C0805]: destinations.clerk-de.batch_items must be from 1 to 500; this is 900
      --> cartage.toml:11:15
       |
    11 | batch_items = 900
       |               ^^^
      hint: Items per call. The limit is not published.
    "#);
    insta::assert_snapshot!(with("kind = \"clerk\"", "kind = \"clerk\"\ngrain = \"variants\""), @r#"
    error[C0805]: destinations.clerk-de.grain can't be "variants"
      --> cartage.toml:11:9
       |
    11 | grain = "variants"
       |         ^^^^^^^^^^
      hint: did you mean "variant"? Possible: "product" or "variant"
    "#);
    insta::assert_snapshot!(errors("[server]\nlisten = \"localhost\"\n[telemetry]\nlog = \"engine=loud\"\n"), @r#"
    error[C0805]: server.listen can't be "localhost"
     --> cartage.toml:2:10
      |
    2 | listen = "localhost"
      |          ^^^^^^^^^^^
      hint: write an IP address and a port, such as "127.0.0.1:8470"

    error[C0805]: telemetry.log can't be "engine=loud": "loud" is no level
     --> cartage.toml:4:7
      |
    4 | log = "engine=loud"
      |       ^^^^^^^^^^^^^
      hint: write off, error, warn, info, debug or trace, also for one part of the program: info,engine=debug
    "#);
}

#[test]
fn the_markets_of_a_flow_are_written_once() {
    let several = with("market = \"de\"", "markets = [\"de\", \"at\"]");
    assert!(several.contains("names a market \"at\" that is not configured"), "{several}");
    insta::assert_snapshot!(with("market = \"de\"", "markets = [\"de\", \"de\"]"), @r#"
    error[C0805]: flows.clerk-de.markets names "de" twice
      --> cartage.toml:26:11
       |
    26 | markets = ["de", "de"]
       |           ^^^^^^^^^^^^
      hint: name it once
    "#);
    insta::assert_snapshot!(with("market = \"de\"", "market = \"de\"\nmarkets = [\"de\"]"), @r#"
    error[C0805]: flows.clerk-de has both market and markets
      --> cartage.toml:27:11
       |
    27 | markets = ["de"]
       |           ^^^^^^
      hint: keep one of them
    "#);
    insta::assert_snapshot!(with("market = \"de\"", ""), @r#"
    error[C0804]: flows.clerk-de has no market
      --> cartage.toml:23:1
       |
    23 | [flows.clerk-de]
       | ^^^^^^^^^^^^^^^^
      hint: market: Name of the market
    "#);
    let one = WORKING.replacen("market = \"de\"", "markets = [\"de\"]", 1);
    assert_eq!(Config::parse(&one, "cartage.toml").unwrap().config.flows[&FlowName::from("clerk-de")].markets, ["de"]);
}

#[test]
fn a_connector_s_own_objection_stands_at_its_setting() {
    insta::assert_snapshot!(with("project_key = \"my-project\"", "project_key = \"my project\""), @r#"
    error[C0213]: commercetools: project_key is "my project"
     --> cartage.toml:4:15
      |
    4 | project_key = "my project"
      |               ^^^^^^^^^^^^
      hint: it is letters, digits, - and _, as in the Merchant Center
    "#);
}

#[test]
fn secrets_in_the_file_are_refused_and_not_shown() {
    let shown = with("client_secret = \"env:CTP_CLIENT_SECRET\"", "client_secret = \"hunter2\"");
    assert!(!shown.contains("hunter2"));
    insta::assert_snapshot!(shown, @r#"
    error[C0806]: sources.shop.client_secret must say where the secret is kept, not hold it
     --> cartage.toml:7:17
      |
    7 | client_secret = "…"
      |                 ^^^
      hint: keep it in an environment variable and write client_secret = "env:SHOP_CLIENT_SECRET", or in a file and write client_secret = "file:/run/secrets/client_secret"
    "#);
    for line in
        ["client_secret = 20771", "client_secret = [\"20771\"]", "client_secrt = \"20771\"", "client_secret = 20771x"]
    {
        let shown = with("client_secret = \"env:CTP_CLIENT_SECRET\"", line);
        assert!(!shown.contains("20771"), "{shown}");
    }
}

#[test]
fn keys_for_data_about_people_are_named_and_never_held() {
    let keyed = |keys: &str| format!("[personal_data]\n{keys}\n\n{}", starter());
    let loaded = Config::parse(&keyed("keys = [\"env:NEW\", \"file:/run/secrets/old\"]"), "cartage.toml").unwrap();
    assert_eq!(
        loaded.config.data_keys.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["env:NEW", "file:/run/secrets/old"]
    );
    let told = |keys: &str| ConfigErrors(Config::parse(&keyed(keys), "cartage.toml").unwrap_err()).to_string();
    insta::assert_snapshot!(told("keys = [\"env:NEW\", \"hunter2hunter2\"]"), @r#"
    error[C0806]: personal_data.keys.1 must say where the secret is kept, not hold it
     --> cartage.toml:2:20
      |
    2 | keys = ["env:NEW", "…"
      |                    ^^^
      hint: keep it in an environment variable and write keys = ["env:KEYS"], or in a file and write keys = ["file:/run/secrets/keys"]

    1 error in the configuration
    "#);
    for keys in [
        "keys = \"hunter2\"",
        "keys = [hunter2]",
        "keys = [\"hunter2\"",
        "keys = [42, \"hunter2\"]",
        "key = [\"hunter2\"]",
    ] {
        assert!(!told(keys).contains("hunter2"), "{}", told(keys));
    }
}

#[test]
fn a_flow_that_carries_people_needs_a_key() {
    let carrying =
        starter().replacen("[flows.clerk-de]\n", "[flows.clerk-de]\ncarry = [\"products\", \"orders\"]\n", 1);
    assert_ne!(carrying, starter());
    let error = Config::parse(&carrying, "cartage.toml").unwrap_err().remove(0);
    assert_eq!((error.code.as_ref(), error.excerpt.as_str()), ("C0114", "carry = [\"products\", \"orders\"]"));
    assert!(error.hint.unwrap().contains("[personal_data]"));
    Config::parse(&format!("{carrying}\n[personal_data]\nkeys = [\"env:KEY\"]\n"), "cartage.toml").unwrap();
}

#[test]
fn what_no_market_can_be_is_reported() {
    insta::assert_snapshot!(with("currency = \"EUR\"", "currency = \"EURO\""), @r#"
    error[C0809]: "EURO" is no currency
      --> cartage.toml:17:12
       |
    17 | currency = "EURO"
       |            ^^^^^^
      hint: did you mean "EUR"?
    "#);
    insta::assert_snapshot!(with("country = \"DE\"", "country = \"UK\""), @r#"
    error[C0809]: "UK" is no ISO country code
      --> cartage.toml:18:11
       |
    18 | country = "UK"
       |           ^^^^
      hint: did you mean "GB"? That is the ISO code of the United Kingdom
    "#);
    insta::assert_snapshot!(with("fallback = [\"de-AT\", \"en\"]", "fallback = [\"de_AT\", \"english\"]"), @r#"
    error[C0809]: "de_AT" is no language tag
      --> cartage.toml:16:13
       |
    16 | fallback = ["de_AT", "english"]
       |             ^^^^^^^
      hint: did you mean "de-AT"?

    error[C0809]: "english" is no language tag
      --> cartage.toml:16:22
       |
    16 | fallback = ["de_AT", "english"]
       |                      ^^^^^^^^^
      hint: write the language, and the country if it matters: "de" or "de-AT"
    "#);
    insta::assert_snapshot!(with("Europe/Berlin", "Europe/Berln"), @r#"
    error[C0809]: there is no time zone "Europe/Berln"
      --> cartage.toml:19:13
       |
    19 | time_zone = "Europe/Berln"
       |             ^^^^^^^^^^^^^^
      hint: did you mean "Europe/Berlin"?
    "#);
}

#[test]
fn currencies_are_guessed_from_what_people_write() {
    for (written, meant) in [("eur", "EUR"), ("Euro", "EUR"), ("GBR", "GBP"), ("USDT", "USD")] {
        let shown = with("currency = \"EUR\"", &format!("currency = \"{written}\""));
        assert!(shown.contains(&format!("did you mean \"{meant}\"?")), "{shown}");
    }
}

#[test]
fn templates_must_make_an_address_of_its_own_for_each_record() {
    let template = "https://shop.example/de/p/{slug}";
    insta::assert_snapshot!(with(template, "/de/p/{slug}"), @r#"
    error[C0810]: markets.de.product_url is no absolute address
      --> cartage.toml:20:15
       |
    20 | product_url = "/de/p/{slug}"
       |               ^^^^^^^^^^^^^^
      hint: begin it with https:// and the host, such as "https://shop.example/p/{slug}"
    "#);
    insta::assert_snapshot!(with(template, "https://shop.example/{locale}/p"), @r#"
    error[C0810]: markets.de.product_url gives every record the same address
      --> cartage.toml:20:15
       |
    20 | product_url = "https://shop.example/{locale}/p"
       |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: put in what tells them apart: {slug}, {path}, {id}, {key}, {sku} or {locale}
    "#);
    insta::assert_snapshot!(with(template, "https://shop.example/{slg}"), @r#"
    error[C0810]: markets.de.product_url has an unknown placeholder {slg}
      --> cartage.toml:20:15
       |
    20 | product_url = "https://shop.example/{slg}"
       |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: did you mean {slug}?
    "#);
    insta::assert_snapshot!(with(template, "https://shop.example/{slug"), @r#"
    error[C0810]: markets.de.product_url has a "{" without its partner
      --> cartage.toml:20:15
       |
    20 | product_url = "https://shop.example/{slug"
       |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      hint: write a placeholder as {slug}, {path}, {id}, {key}, {sku} or {locale}
    "#);
}

#[test]
fn flows_name_what_is_configured() {
    insta::assert_snapshot!(with("market = \"de\"", "market = \"dee\""), @r#"
    error[C0807]: the flow clerk-de names a market "dee" that is not configured
      --> cartage.toml:26:10
       |
    26 | market = "dee"
       |          ^^^^^
      hint: did you mean "de"?
    "#);
}

#[test]
fn names_are_plain() {
    insta::assert_snapshot!(with("[flows.clerk-de]", "[flows.\"Clerk DE\"]"), @r#"
    error[C0808]: "Clerk DE" can't be a name: names have a-z, 0-9 and -, at most 60 of them
      --> cartage.toml:23:8
       |
    23 | [flows."Clerk DE"]
       |        ^^^^^^^^^^
      hint: call it [flows.clerk-de]
    "#);
}

#[test]
fn all_errors_of_a_file_come_at_once() {
    let text = "[sources.shop]\nkind = \"commercetools\"\nclient_id = 1\nbogus = 1\nfull_every = \"often\"\n\n\
                [markets.de]\nlocale = \"x\"\ncurrency = \"y\"\nproduct_url = \"z\"\ncategory_url = \"z\"\n\n\
                [flows.a]\nsource = \"shp\"\ndestination = \"none\"\nmarket = \"de\"\n";
    let codes: Vec<_> =
        Config::parse(text, "f").unwrap_err().into_iter().map(|error| (error.line, error.code)).collect();
    let codes: Vec<_> = codes.iter().map(|(line, code)| (*line, code.as_ref())).collect();
    insta::assert_debug_snapshot!(codes, @r#"
    [
        (
            1,
            "C0804",
        ),
        (
            3,
            "C0806",
        ),
        (
            4,
            "C0803",
        ),
        (
            5,
            "C0805",
        ),
        (
            8,
            "C0809",
        ),
        (
            9,
            "C0809",
        ),
        (
            10,
            "C0810",
        ),
        (
            10,
            "C0810",
        ),
        (
            11,
            "C0810",
        ),
        (
            11,
            "C0810",
        ),
        (
            14,
            "C0807",
        ),
        (
            15,
            "C0807",
        ),
    ]
    "#);
}

#[test]
fn broken_toml_is_reported_line_by_line() {
    insta::assert_snapshot!(errors("a = \nb = \"x\n[c\nd = 1\nd = 2\n"), @r#"
    error[C0802]: the value is missing, or is text without quotes
     --> cartage.toml:1:5
      |
    1 | a =
      |     ^
      hint: put text into quotes, such as name = "value"

    error[C0802]: the text has no closing quote
     --> cartage.toml:2:7
      |
    2 | b = "x
      |       ^
      hint: close it on the same line

    error[C0802]: this is no TOML: unclosed table, expected `]`
     --> cartage.toml:3:3
      |
    3 | [c
      |   ^
      hint: see https://toml.io for how it is written
    "#);
}

#[cfg(unix)]
#[test]
fn a_file_without_end_is_refused() {
    let errors = Config::load(Path::new("/dev/zero")).unwrap_err();
    assert!(errors[0].message.contains("a configuration has at most"), "{errors:?}");
}

#[test]
fn a_missing_file_says_how_to_get_one() {
    let errors = Config::load(Path::new("no-such-folder/cartage.toml")).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].code, code::FILE);
    assert!(errors[0].to_string().contains("cartage init"), "{}", errors[0]);
}

#[test]
fn paths_count_from_the_folder_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cartage.toml");
    std::fs::write(&file, WORKING).unwrap();
    let loaded = Config::load(&file).unwrap();
    assert_eq!(loaded.config.store.path, folder.path().join("cartage.db"));
}

#[test]
fn expressions_know_where_they_stand() {
    let text = format!("{WORKING}\n[flows.clerk-de.fields]\ncolour = \"variant.color\"\nlong = '''\nproduct.name'''\n");
    let loaded = Config::parse(&text, "cartage.toml").unwrap();
    let fields = loaded.fields(&FlowName::from("clerk-de"));
    let line = |needle: &str| text.lines().position(|line| line.contains(needle)).unwrap() + 1;
    let places: Vec<_> = fields.iter().map(|field| (field.name.as_str(), field.at.line, field.at.column)).collect();
    assert_eq!(places, [("colour", line("colour"), 11), ("long", line("product.name"), 1)]);

    let error = MappingError {
        code: "C0511",
        field: "colour".to_owned(),
        at: mapping::Place { file: "cartage.toml".to_owned(), line: line("colour"), column: 19 },
        expression: "variant.color".to_owned(),
        offset: 8,
        message: "a variant has no field color".to_owned(),
        hint: None,
    };
    insta::assert_snapshot!(loaded.mapping_error(&error), @r#"
    error[C0511]: field colour: a variant has no field color
      --> cartage.toml:29:19
       |
    29 | colour = "variant.color"
       |                   ^
    "#);
}

#[test]
fn cadences_are_of_lanes_that_are_read() {
    let text = format!("{WORKING}\n[sources.shop.cadence]\nprodcts = \"5s\"\nstock = \"5s\"\ncategories = \"5s\"\n");
    let loaded = Config::parse(&text, "cartage.toml").unwrap();
    let found = loaded.unknown_lanes(&SourceName::from("shop"), &["categories", "inventory", "products"]);
    insta::assert_snapshot!(found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"), @r#"
    error[C0803]: shop reads no lane "prodcts"
      --> cartage.toml:29:1
       |
    29 | prodcts = "5s"
       | ^^^^^^^
      hint: did you mean "products"?
            it reads: categories, inventory, products

    error[C0803]: shop reads no lane "stock"
      --> cartage.toml:30:1
       |
    30 | stock = "5s"
       | ^^^^^
      hint: it reads: categories, inventory, products
    "#);
    let all = loaded.unknown_lanes(&SourceName::from("shop"), &["categories", "prodcts", "stock"]);
    assert_eq!(all, Vec::new());
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*") {
        let read = Config::parse(&text, "any");
        prop_assert!(read.is_ok() || read.is_err_and(|errors| !errors.is_empty()));
    }

    #[test]
    fn any_damage_to_an_example_is_read_or_refused(
        at in 0..EXAMPLE.len(),
        length in 0..40_usize,
        put in "[\\PC\n]{0,20}",
    ) {
        let boundary = |at: usize| (at..=EXAMPLE.len()).find(|at| EXAMPLE.is_char_boundary(*at)).unwrap();
        let (start, end) = (boundary(at), boundary((at + length).min(EXAMPLE.len())));
        let text = format!("{}{put}{}", &EXAMPLE[..start], &EXAMPLE[end..]);
        if let Err(errors) = Config::parse(&text, "any") {
            prop_assert!(!errors.is_empty());
            for error in errors {
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }
}
