//! Delta exports of the instance: what a look at them leads to.

use std::collections::BTreeMap;

use contract::{Change, Fault, Next, Position, Source as _, Token, source::Finding};
use model::Record;
use sandbox::{
    catalogue::{Options, generate},
    sfcc::{Client, Deltas, Emulator, Settings},
    shop::Edit,
};
use serde_json::{Value, json};
use sources::sfcc::{Config, Sfcc};
use tempfile::TempDir;

const OUTBOX: &str = "Impex/src/platform/outbox/cartage/shop-delta";

/// An emulated instance whose delta export runs when the test says so.
struct Watched {
    emulator: Emulator,
    host: String,
    folder: TempDir,
}

impl Watched {
    async fn open(settings: Settings) -> Self {
        let emulator = Emulator::new(Settings { job_duration_ms: 0, ..settings });
        emulator.seed(&generate(&Options { products: 12, ..Options::default() })).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(sandbox::serve::serve(emulator.router(), listener, std::future::pending()));
        Self { emulator, host, folder: tempfile::tempdir().unwrap() }
    }

    async fn with_deltas() -> Self {
        let deltas = Deltas { every_ms: 1 << 40, write_ms: 0, ..Deltas::default() };
        Self::open(Settings { deltas: Some(deltas), ..clients(Client::ocapi("id", "very-secret")) }).await
    }

    /// A new process with these delta exports.
    fn source(&self, deltas: &Value) -> Sfcc {
        let token_url = format!("{}/dwsso/oauth2/access_token", self.host);
        super::source(&self.host, json!({ "token_url": token_url, "export": { "deltas": deltas } }), self.folder.path())
    }

    fn rename(&self, text: &str) {
        let product = self.emulator.product_keys().into_values().next().unwrap();
        self.emulator.edit(Edit::Name { product, locale: "en".to_owned(), text: text.to_owned() }).unwrap();
    }
}

fn clients(client: Client) -> Settings {
    Settings { clients: vec![client], ..Settings::default() }
}

/// The delta export for catalogues, and the same for price books.
fn both() -> Value {
    json!({ "catalogs": "cartage/shop-delta", "price_books": "cartage/shop-delta" })
}

/// What a walk brings, as the engine walks; none, where nothing was read.
async fn walk(source: &Sfcc, name: &str, from: Position) -> Result<(Option<Vec<Record>>, Token), Fault> {
    let lane = source.lanes().into_iter().find(|lane| lane.name == name).unwrap();
    let (mut position, mut read) = (from, None::<Vec<Record>>);
    for _ in 0..1_000 {
        if position == Position::Full {
            read = Some(Vec::new());
        }
        let page = source.page(&lane, &position).await?;
        for change in page.changes {
            let Change::Is { record, .. } = change else { panic!("{change:?}") };
            read.as_mut().expect("nothing is read before everything is").push(record);
        }
        position = match page.next {
            Next::End(token) => return Ok((read, token)),
            Next::Within(token) | Next::Later(token, _) => Position::Within(token),
            Next::Everything => {
                assert!(matches!(position, Position::Delta(_)), "{position:?}");
                Position::Full
            }
        };
    }
    panic!("the walk of {name} does not end");
}

async fn whole(source: &Sfcc, name: &str) -> Token {
    walk(source, name, Position::Full).await.unwrap().1
}

/// What the next walk over changes brings, and where the one after it starts.
async fn then(source: &Sfcc, name: &str, token: &Token) -> (Option<Vec<Record>>, Token) {
    walk(source, name, Position::Delta(token.clone())).await.unwrap()
}

fn names(records: &[Record]) -> Vec<String> {
    let name = |record: &Record| match record {
        Record::Product(product) => product.name.iter().map(|(_, text)| text.to_string()).collect::<Vec<_>>(),
        _ => Vec::new(),
    };
    records.iter().flat_map(name).collect()
}

#[tokio::test]
async fn nothing_is_exported_before_a_delta_export_has_a_new_archive() {
    let shop = Watched::with_deltas().await;
    shop.rename("First");
    shop.emulator.export_deltas();
    let source = shop.source(&both());
    let token = whole(&source, "products").await;
    shop.emulator.reset_counters();
    let (read, token) = then(&source, "products", &token).await;
    assert_eq!((read, shop.emulator.executions()), (None, 1));
    assert_eq!(shop.emulator.counters().values().sum::<u64>(), 1, "{:?}", shop.emulator.counters());
    // The instance has not told of it yet.
    shop.rename("Second");
    assert_eq!(then(&source, "products", &token).await.0, None);
    shop.emulator.export_deltas();
    let (read, token) = then(&source, "products", &token).await;
    assert!(names(&read.unwrap()).contains(&"Second".to_owned()));
    assert_eq!(shop.emulator.executions(), 2);
    let (read, token) = then(&source, "products", &token).await;
    assert_eq!((read, shop.emulator.executions()), (None, 2));
    // A deletion: everything is read, so that what is missing is gone.
    let product = shop.emulator.product_keys().into_values().next().unwrap();
    let before = shop.emulator.product_keys().len();
    shop.emulator.edit(Edit::Removed { product }).unwrap();
    shop.emulator.export_deltas();
    let (read, _) = then(&source, "products", &token).await;
    assert_eq!(read.unwrap().len(), before - 1);
}

#[tokio::test]
async fn a_later_process_knows_which_archive_was_the_last() {
    let shop = Watched::with_deltas().await;
    shop.rename("First");
    shop.emulator.export_deltas();
    let token = whole(&shop.source(&both()), "prices").await;
    let (read, token) = then(&shop.source(&both()), "prices", &token).await;
    assert_eq!((read, shop.emulator.executions()), (None, 1));
    shop.rename("Second");
    shop.emulator.export_deltas();
    let (read, token) = then(&shop.source(&both()), "prices", &token).await;
    assert!(read.is_some_and(|read| !read.is_empty()));
    assert_eq!(then(&shop.source(&both()), "prices", &token).await.0, None);
    assert_eq!(shop.emulator.executions(), 2);
}

#[tokio::test]
async fn archives_that_are_lost_or_numbered_anew_lead_to_reading_everything() {
    let shop = Watched::with_deltas().await;
    shop.rename("First");
    shop.emulator.export_deltas();
    let source = shop.source(&both());
    let token = whole(&source, "products").await;
    // Those from 2 to 6 were deleted before anybody saw them.
    shop.emulator.put_file(&format!("{OUTBOX}/000007.zip"), b"").unwrap();
    let (read, token) = then(&source, "products", &token).await;
    assert!(read.is_some());
    assert_eq!(then(&source, "products", &token).await.0, None);
    // The export was deleted and set up again.
    let other = Watched::with_deltas().await;
    other.rename("First");
    other.emulator.export_deltas();
    let source = other.source(&both());
    let (read, token) = then(&source, "products", &token).await;
    assert!(read.is_some());
    assert_eq!(then(&source, "products", &token).await.0, None);
    // What another release wrote says nothing.
    assert!(then(&source, "products", &Token("{}".to_owned())).await.0.is_some());
}

#[tokio::test]
async fn what_joins_an_export_is_as_far_as_that_export() {
    let shop = Watched::with_deltas().await;
    shop.rename("First");
    shop.emulator.export_deltas();
    let source = shop.source(&both());
    whole(&source, "products").await;
    // It may be about what changed while that export was written.
    shop.rename("Second");
    shop.emulator.export_deltas();
    let token = whole(&source, "categories").await;
    assert_eq!(shop.emulator.executions(), 2);
    assert_eq!(then(&source, "categories", &token).await.0, None);
    // Nothing was changed since that one was started.
    let token = whole(&source, "assignments").await;
    assert_eq!(then(&source, "assignments", &token).await.0, None);
    // A walk that finds an archive, and another that was told of the one before.
    shop.rename("Third");
    shop.emulator.export_deltas();
    assert!(then(&source, "assignments", &token).await.0.is_some());
    assert!(then(&source, "products", &token).await.0.is_some());
    assert_eq!(shop.emulator.executions(), 3);
}

/// A file of an archive in this namespace.
fn file(of: &str, root: &str, within: &str) -> Vec<u8> {
    let name = root.split(' ').next().unwrap_or_default();
    format!("<{root} xmlns='http://www.demandware.com/xml/impex/{of}'>{within}</{name}>").into_bytes()
}

/// A shop of one product: how its site is taxed, what it sells from, and which attribute products have.
fn small(taxation: &str, books: &str, attribute: &str) -> BTreeMap<String, Vec<u8>> {
    let preference = |id: &str, value: &str| format!("<preference preference-id='{id}'>{value}</preference>");
    let preferences = preference("SiteCatalog", "c") + &preference("SitePriceBooks", books);
    let definition =
        format!("<attribute-definition attribute-id='{attribute}'><type>string</type></attribute-definition>");
    let catalog = "<category category-id='root'/><product product-id='p'><online-flag>true</online-flag></product>\
                   <category-assignment category-id='root' product-id='p'/>";
    let book = "<pricebook><header pricebook-id='b'><currency>EUR</currency></header><price-tables>\
                <price-table product-id='p'><amount quantity='1'>2</amount></price-table></price-tables></pricebook>";
    let all = format!("<standard-preferences><all-instances>{preferences}</all-instances></standard-preferences>");
    let type_extension = format!(
        "<type-extension type-id='Product'><custom-attribute-definitions>{definition}</custom-attribute-definitions></type-extension>"
    );
    [
        ("sites/s/site.xml", file("site/2007-04-30", "site site-id='s'", &format!("<taxation>{taxation}</taxation>"))),
        ("sites/s/preferences.xml", file("preferences/2007-03-31", "preferences", &all)),
        ("meta/system-objecttype-extensions.xml", file("metadata/2006-10-31", "metadata", &type_extension)),
        ("catalogs/c/catalog.xml", file("catalog/2006-10-31", "catalog catalog-id='c'", catalog)),
        ("pricebooks/b.xml", file("pricebook/2006-10-31", "pricebooks", book)),
    ]
    .map(|(name, content)| (name.to_owned(), content))
    .into()
}

/// Lanes that delta exports watch, with the tokens of walks over everything.
async fn all_watched(source: &Sfcc) -> Vec<(&'static str, Token)> {
    let mut tokens = Vec::new();
    for name in ["categories", "price_books", "assignments", "prices", "products"] {
        tokens.push((name, whole(source, name).await));
    }
    tokens
}

/// Lanes that read everything again at their next look, whose tokens are those of afterwards.
async fn that_read(source: &Sfcc, tokens: &mut [(&'static str, Token)]) -> Vec<&'static str> {
    let mut read = Vec::new();
    for (name, token) in tokens {
        let (records, end) = then(source, name, token).await;
        read.extend(records.map(|_| *name));
        *token = end;
    }
    read
}

#[tokio::test]
async fn what_is_mapped_with_settings_of_sites_is_read_again_once_a_site_has_others() {
    let shop = Watched::with_deltas().await;
    shop.rename("First");
    shop.emulator.export_deltas();
    shop.emulator.set_export(Some(small("gross", "a", "colour")));
    let source = shop.source(&both());
    whole(&source, "sites").await;
    let mut tokens = all_watched(&source).await;
    assert_eq!(shop.emulator.executions(), 1);
    assert_eq!(that_read(&source, &mut tokens).await, Vec::<&str>::new());
    // No delta export tells of this.
    shop.emulator.set_export(Some(small("net", "a:b", "colour")));
    whole(&source, "sites").await;
    let (read, _) = then(&source, "price_books", &tokens[1].1).await;
    let Some([Record::Book(book)]) = read.as_deref() else { panic!("{read:?}") };
    assert_eq!(book.assigned.len(), 1);
    let (read, _) = then(&source, "prices", &tokens[3].1).await;
    let Some([Record::Price(price)]) = read.as_deref() else { panic!("{read:?}") };
    assert_eq!(price.price.tax, Some(model::TaxMode::Net));
    let behind = that_read(&source, &mut tokens).await;
    assert_eq!(behind, ["categories", "price_books", "assignments", "prices", "products"]);
    assert_eq!(that_read(&source, &mut tokens).await, Vec::<&str>::new());
    // Prices say nothing of attributes.
    shop.emulator.set_export(Some(small("net", "a:b", "size")));
    whole(&source, "sites").await;
    assert_eq!(that_read(&source, &mut tokens).await, ["categories", "assignments", "products"]);
    assert_eq!(that_read(&source, &mut tokens).await, Vec::<&str>::new());
    // A later process finds the same once it has read sites.
    shop.emulator.set_export(Some(small("gross", "a", "size")));
    let source = shop.source(&both());
    assert_eq!(that_read(&source, &mut tokens).await, Vec::<&str>::new());
    whole(&source, "sites").await;
    assert_eq!(that_read(&source, &mut tokens).await.len(), tokens.len());
    assert_eq!(that_read(&source, &mut tokens).await, Vec::<&str>::new());
}

#[tokio::test]
async fn an_export_that_breaks_off_has_not_read_what_its_archive_tells() {
    let shop = Watched::with_deltas().await;
    shop.rename("First");
    shop.emulator.export_deltas();
    let catalogs = ["categories", "assignments", "products"];
    let price_books = ["price_books", "prices"];
    let odd = |content: &[u8]| ("odd/odd.xml".to_owned(), content.to_vec());
    for (cut, behind) in [
        ("catalogs/c/catalog.xml", &catalogs[..]),
        ("pricebooks/b.xml", &price_books),
        ("odd/odd.xml", &["categories", "price_books", "assignments", "prices", "products"]),
    ] {
        let mut files = small("gross", "b", "colour");
        files.extend([odd(b"<odd/>")]);
        let whole_files = files.clone();
        let content = files.get_mut(cut).unwrap();
        content.truncate(content.len() - 3);
        shop.emulator.set_export(Some(files));
        let source = shop.source(&both());
        let mut tokens = all_watched(&source).await;
        assert_eq!(that_read(&source, &mut tokens).await, behind, "{cut}");
        assert_eq!(that_read(&source, &mut tokens).await, behind, "{cut}");
        shop.emulator.set_export(Some(whole_files));
        assert_eq!(that_read(&source, &mut tokens).await, behind, "{cut}");
        assert_eq!(that_read(&source, &mut tokens).await, Vec::<&str>::new(), "{cut}");
    }
}

#[tokio::test]
async fn an_outbox_that_can_not_be_listed_stops_no_read() {
    let mut client = Client::ocapi("id", "very-secret");
    client.webdav = Some(json!([{ "path": "/impex/src/instance", "operations": ["read_write"] }]));
    let closed = Watched::open(clients(client)).await;
    let source = closed.source(&both());
    let (read, token) = walk(&source, "products", Position::Full).await.unwrap();
    assert!(read.is_some_and(|read| !read.is_empty()));
    // It tells nothing, so everything is read.
    assert!(then(&source, "products", &token).await.0.is_some());
    // Others join what was exported.
    whole(&source, "prices").await;
    assert_eq!(closed.emulator.executions(), 2);
    // Stock asks for no delta export, once all was exported.
    whole(&source, "inventory").await;
    closed.emulator.reset_counters();
    whole(&source, "inventory").await;
    let counters = closed.emulator.counters();
    assert!(counters.keys().all(|call| !call.starts_with("PROPFIND")), "{counters:?}");
    assert_eq!(closed.emulator.executions(), 3);
}

#[tokio::test]
async fn a_look_is_as_frequent_as_can_be_only_where_there_is_something_to_look_at() {
    let shop = Watched::with_deltas().await;
    let source = shop.source(&both());
    let intervals = |source: &Sfcc, name: &str| {
        source.lanes().into_iter().find(|lane| lane.name == name).map(|lane| lane.interval_seconds).unwrap()
    };
    // Each look at what has no archive is an export.
    let token = whole(&source, "products").await;
    assert_eq!(intervals(&source, "products"), (900, 7_200));
    shop.rename("First");
    shop.emulator.export_deltas();
    let (_, token) = then(&source, "products", &token).await;
    assert_eq!(intervals(&source, "products"), (900, 900));
    assert_eq!((intervals(&source, "sites"), intervals(&source, "inventory")), ((900, 7_200), (300, 3_600)));
    // A later process knows it after its first look.
    let source = shop.source(&both());
    assert_eq!(intervals(&source, "products"), (900, 7_200));
    then(&source, "products", &token).await;
    assert_eq!(intervals(&source, "products"), (900, 900));
}

#[tokio::test]
async fn an_instance_without_archives_is_exported_each_time() {
    let without = Watched::open(clients(Client::ocapi("id", "very-secret"))).await;
    let not_yet = Watched::with_deltas().await;
    for shop in [without, not_yet] {
        let source = shop.source(&both());
        let mut token = whole(&source, "products").await;
        for exports in 2..4 {
            let (read, end) = then(&source, "products", &token).await;
            assert!(read.is_some());
            assert_eq!(shop.emulator.executions(), exports);
            token = end;
        }
    }
}

#[tokio::test]
async fn only_what_a_delta_export_watches_is_read_by_it() {
    let shop = Watched::open(clients(Client::ocapi("id", "very-secret"))).await;
    let by_deltas = |deltas: Value| {
        let lanes = shop.source(&deltas).lanes().into_iter().filter(|lane| lane.delta);
        lanes.map(|lane| lane.name.into_owned()).collect::<Vec<_>>()
    };
    assert_eq!(by_deltas(json!({})), Vec::<String>::new());
    assert_eq!(by_deltas(json!({ "price_books": "a/b" })), ["price_books", "prices"]);
    // What orders take is in no delta, and sites are in none.
    assert_eq!(by_deltas(both()), ["categories", "price_books", "assignments", "prices", "products"]);
}

#[test]
fn a_delta_export_is_named_by_its_consumer_and_its_name() {
    let check = |named: &str| {
        let all = json!({ "host": "i.example", "client_id": "env:ID", "client_secret": "env:SECRET",
                          "export": { "deltas": { "catalogs": named } } });
        serde_json::from_value::<Config>(all).unwrap().check()
    };
    assert!(check("cartage/shop-delta_2").is_ok());
    for named in ["", "shop", "/shop", "shop/", "a/b/c", "../b", "a/..", "a/b c", "a/%2e", "a\\b"] {
        let bad = check(named).unwrap_err();
        assert!(bad.to_string().contains("export.deltas.catalogs"), "{named}: {bad}");
    }
}

/// What `check` says of delta exports.
async fn said(shop: &Watched, deltas: Value) -> Result<String, Fault> {
    let found: Vec<Finding> = shop.source(&deltas).check().await;
    found.into_iter().find(|it| it.what == "delta exports").unwrap().result
}

#[tokio::test]
async fn check_says_which_delta_exports_there_are_and_what_they_are_for() {
    let without = Watched::open(clients(Client::ocapi("id", "very-secret"))).await;
    for deltas in [json!({}), both()] {
        let said = said(&without, deltas).await.unwrap();
        assert!(said.contains("there are none") && said.contains("Support") && said.contains("at intervals"), "{said}");
    }
    let shop = Watched::with_deltas().await;
    shop.rename("First");
    shop.emulator.export_deltas();
    let there = said(&shop, json!({})).await.unwrap();
    assert!(
        there.contains("cartage/shop-delta (1 archives)") && there.contains("export.deltas.catalogs is not set"),
        "{there}"
    );
    let used = said(&shop, json!({ "catalogs": "cartage/shop-delta", "price_books": "cartage/other" })).await.unwrap();
    assert!(used.contains("catalogs are exported once cartage/shop-delta has a new archive"), "{used}");
    assert!(used.contains("price_books are exported at intervals, because cartage/other has no archive"), "{used}");
    assert_eq!(shop.emulator.executions(), 0, "a check exports nothing");
    // A client that may only fetch archives.
    let mut client = Client::ocapi("id", "very-secret");
    client.webdav = Some(json!([{ "path": "/impex/src/instance", "operations": ["read_write"] }]));
    let closed = Watched::open(clients(client)).await;
    let unseen = said(&closed, json!({})).await.unwrap();
    assert!(unseen.contains("are not looked for") && unseen.contains("/impex/src/platform"), "{unseen}");
    let fault = said(&closed, both()).await.unwrap_err();
    assert_eq!(fault.code, "C0202");
    assert!(fault.hint.as_deref().unwrap_or_default().contains("/impex/src/platform"), "{fault:?}");
}
