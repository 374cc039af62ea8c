//! Delta exports of the instance: what a look at them leads to.

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
    assert_eq!(shop.emulator.executions(), 1);
    assert!(then(&source, "categories", &token).await.0.is_some());
    assert_eq!(shop.emulator.executions(), 2);
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
    for fault in [
        said(&closed, both()).await,
        walk(&closed.source(&both()), "products", Position::Full).await.map(|_| String::new()),
    ] {
        let fault = fault.unwrap_err();
        assert_eq!(fault.code, "C0202");
        assert!(fault.hint.as_deref().unwrap_or_default().contains("/impex/src/platform"), "{fault:?}");
    }
    assert!(walk(&closed.source(&json!({})), "products", Position::Full).await.is_ok());
}
