//! From the job to the records: exports, restarts, faults.

use std::{path::Path, time::Duration};

use contract::{Change, Fault, FaultClass, Lane, Next, Position, Source as _, Token};
use model::Record;
use serde_json::{Value, json};
use sources::sfcc::Sfcc;
use tempfile::TempDir;

use super::{instance::Instance, zipped};

const CATALOG: &str = "<catalog xmlns='http://www.demandware.com/xml/impex/catalog/2006-10-31' catalog-id='c'>\
    <category category-id='k'><online-flag>true</online-flag><parent>root</parent></category>\
    <product product-id='p'><online-flag>true</online-flag></product>\
    <category-assignment category-id='k' product-id='p'/></catalog>";
const BOOK: &str = "<pricebooks xmlns='http://www.demandware.com/xml/impex/pricebook/2006-10-31'><pricebook>\
    <header pricebook-id='b'><currency>EUR</currency></header><price-tables><price-table product-id='p'>\
    <amount quantity='1'>9.99</amount></price-table></price-tables></pricebook></pricebooks>";
const LIST: &str = "<inventory xmlns='http://www.demandware.com/xml/impex/inventory/2007-05-31'><inventory-list>\
    <header list-id='i'><default-instock>false</default-instock></header><records><record product-id='p'>\
    <allocation>3</allocation></record></records></inventory-list></inventory>";
const SITE: &str = "<site xmlns='http://www.demandware.com/xml/impex/site/2007-04-30' site-id='s'><name>S</name>\
    <currency>EUR</currency><taxation>gross</taxation></site>";

fn archive() -> Vec<u8> {
    archive_of(CATALOG)
}

fn archive_of(catalog: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.zip");
    let noise: String = (0..20_000_u32).map(|it| char::from(b'a' + (it.wrapping_mul(it) % 23) as u8)).collect();
    let more = format!("<x xmlns='urn:y'>{noise}</x>");
    zipped(
        &path,
        &[
            ("a/catalogs/c/catalog.xml", catalog),
            ("a/pricebooks/b.xml", BOOK),
            ("a/inventory-lists/i.xml", LIST),
            ("a/sites/s/site.xml", SITE),
            ("a/other.xml", &more),
        ],
    );
    std::fs::read(path).unwrap()
}

struct Tried {
    instance: Instance,
    host: String,
    folder: TempDir,
}

impl Tried {
    async fn new() -> Self {
        let instance = Instance::default();
        instance.world().archive = archive();
        let host = instance.serve().await;
        Self { instance, host, folder: tempfile::tempdir().unwrap() }
    }

    fn source(&self) -> Sfcc {
        self.source_with(json!({}), self.folder.path())
    }

    fn source_with(&self, settings: Value, folder: &Path) -> Sfcc {
        super::source(&self.host, settings, folder)
    }
}

fn lane(source: &Sfcc, name: &str) -> Lane {
    source.lanes().into_iter().find(|lane| lane.name == name).unwrap()
}

/// What a walk brings from here, and how often it had to wait.
async fn walk_from(source: &Sfcc, name: &str, from: Position) -> Result<(Vec<Change>, usize), Fault> {
    let lane = lane(source, name);
    let (mut position, mut changes, mut waits) = (from, Vec::new(), 0);
    for _ in 0..1_000 {
        let page = source.page(&lane, &position).await?;
        assert!(page.unread.is_empty(), "{:?}", page.unread);
        changes.extend(page.changes);
        position = Position::Within(match page.next {
            Next::End(_) => return Ok((changes, waits)),
            Next::Within(token) => token,
            Next::Later(token, _) => {
                waits += 1;
                token
            }
            Next::Everything => panic!("the walk was over everything"),
        });
    }
    panic!("the walk of {name} does not end");
}

async fn walk(source: &Sfcc, name: &str) -> (Vec<Change>, usize) {
    walk_from(source, name, Position::Full).await.unwrap()
}

async fn step(source: &Sfcc, position: &Position) -> Result<Next, Fault> {
    step_of(source, "products", position).await
}

async fn step_of(source: &Sfcc, name: &str, position: &Position) -> Result<Next, Fault> {
    source.page(&lane(source, name), position).await.map(|page| page.next)
}

/// Where a walk that begins now goes on.
async fn begun(source: &Sfcc, name: &str) -> Position {
    Position::Within(token(step_of(source, name, &Position::Full).await.unwrap()))
}

/// Ids of the categories that a walk brings from here.
async fn categories(source: &Sfcc, from: Position) -> Vec<String> {
    let (changes, _) = walk_from(source, "categories", from).await.unwrap();
    let id = |change: &Change| match change {
        Change::Is { record: Record::Category(category), .. } => Some(category.id.to_string()),
        Change::Is { .. } | Change::Gone { .. } => None,
    };
    changes.iter().filter_map(id).collect()
}

fn token(next: Next) -> Token {
    match next {
        Next::Later(token, _) | Next::Within(token) | Next::End(token) => token,
        Next::Everything => panic!("the walk was over everything"),
    }
}

#[tokio::test]
async fn one_job_serves_all_lanes_and_its_archive_is_deleted() {
    let tried = Tried::new().await;
    tried.instance.world().looks = 3;
    let source = tried.source();
    let mut kinds = Vec::new();
    for lane in source.lanes() {
        let (changes, _) = walk(&source, &lane.name).await;
        kinds.extend(changes.iter().filter_map(|change| match change {
            Change::Is { record, .. } => Some(record.kind().name()),
            Change::Gone { .. } => None,
        }));
    }
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        [
            "assignment",
            "book",
            "category",
            "channel",
            "placement",
            "price",
            "product",
            "selection",
            "stock",
            "store",
            "tree"
        ]
    );
    let count = |begins| tried.instance.count(begins);
    assert_eq!((count("POST /token"), count("POST /s/"), count("GET /on/"), count("DELETE /on/")), (1, 1, 1, 1));
    assert_eq!(
        tried.instance.world().exports,
        [json!({
            "sites": { "s": { "site_descriptor": true, "site_preferences": true } },
            "catalogs": { "all": true }, "global_data": { "meta_data": true },
            "price_books": { "all": true }, "inventory_lists": { "all": true },
        })]
    );
}

#[tokio::test]
async fn a_lane_that_has_read_an_export_asks_for_another_of_its_kind() {
    let tried = Tried::new().await;
    let source = tried.source_with(json!({ "inventory_lists": ["i"] }), tried.folder.path());
    walk(&source, "inventory").await;
    walk(&source, "inventory").await;
    let exports = tried.instance.world().exports.clone();
    assert_eq!(exports.len(), 2);
    assert_eq!(exports[1]["inventory_lists"], json!({ "i": true }));
    assert!(exports[1].get("catalogs").is_none(), "{}", exports[1]);
    // The other lanes still read the first one.
    let (changes, waits) = walk(&source, "products").await;
    assert_eq!((changes.len(), waits, tried.instance.world().exports.len()), (1, 1, 2));
}

#[tokio::test]
async fn pages_are_as_old_as_the_start_of_their_export() {
    let tried = Tried::new().await;
    let source = tried.source();
    let lane = lane(&source, "products");
    let mut position = Position::Full;
    loop {
        let page = source.page(&lane, &position).await.unwrap();
        if !page.changes.is_empty() {
            assert!(page.age >= Duration::from_millis(50), "{:?}", page.age);
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        position = Position::Within(token(page.next));
    }
}

#[tokio::test]
async fn a_restart_goes_on_with_the_export_that_runs() {
    let tried = Tried::new().await;
    tried.instance.world().looks = 2;
    let mut position = Position::Full;
    let mut starts = 0;
    // A new source before each page, the second half of them in an empty folder.
    for number in 0..20 {
        let empty = tempfile::tempdir().unwrap();
        let folder = if number % 2 == 0 { tried.folder.path() } else { empty.path() };
        let source = tried.source_with(json!({}), folder);
        starts += 1;
        match step(&source, &position).await.unwrap() {
            Next::End(_) => break,
            next => position = Position::Within(token(next)),
        }
    }
    assert!(starts > 3, "{starts}");
    assert_eq!((tried.instance.count("POST /s/"), tried.instance.world().exports.len()), (1, 1));
}

#[tokio::test]
async fn what_an_earlier_process_exported_is_read_by_the_walks_that_had_begun_alone() {
    let tried = Tried::new().await;
    let before = tried.source();
    let mut left = Position::Full;
    for _ in 0..2 {
        left = Position::Within(token(step(&before, &left).await.unwrap()));
    }
    let source = tried.source();
    assert_eq!(walk_from(&source, "products", left).await.unwrap().0.len(), 1);
    // The next walk shows the shop as it is now, and what other lanes read is exported along with it.
    for lane in ["inventory", "products", "prices"] {
        walk(&source, lane).await;
    }
    let exports = tried.instance.world().exports.clone();
    assert_eq!(exports.len(), 2, "{exports:?}");
    assert_eq!(exports[0], exports[1]);
}

#[tokio::test]
async fn a_walk_does_not_go_back_to_an_export_that_was_started_before_the_one_it_has_read() {
    let tried = Tried::new().await;
    let source = tried.source();
    // Products and categories wait for the first export; products ask for a second one.
    let first = begun(&source, "products").await;
    let of_categories = begun(&source, "categories").await;
    let second = begun(&source, "products").await;
    // A stranger's run delays the first, so that the second is started and read before it.
    tried.instance.world().busy = 1;
    assert!(matches!(step(&source, &first).await.unwrap(), Next::Later(..)));
    assert_eq!(tried.instance.world().exports.len(), 0);
    assert_eq!(walk_from(&source, "products", second).await.unwrap().0.len(), 1);
    assert_eq!(tried.instance.world().exports.len(), 1);
    // The shop has changed when the first one is started.
    tried.instance.world().archive = archive_of(&CATALOG.replace("category-id='k'", "category-id='new'"));
    assert_eq!(categories(&source, of_categories).await, ["c/new"]);
    assert_eq!(tried.instance.world().exports.len(), 2);
    // What the next walk shows is newer still, and not the second export, which categories have never read.
    assert_eq!(categories(&source, Position::Full).await, ["c/new"]);
    assert_eq!(tried.instance.world().exports.len(), 3);
}

#[tokio::test]
async fn an_export_that_an_earlier_process_only_named_is_as_new_as_its_start() {
    let tried = Tried::new().await;
    let named = begun(&tried.source(), "products").await;
    let source = tried.source();
    assert_eq!(categories(&source, Position::Full).await, ["c/k"]);
    tried.instance.world().archive = archive_of(&CATALOG.replace("category-id='k'", "category-id='new'"));
    assert_eq!(walk_from(&source, "products", named).await.unwrap().0.len(), 1);
    assert_eq!(tried.instance.world().exports.len(), 2);
    // It was started by this process after the one that categories have read: they join it.
    assert_eq!(categories(&source, Position::Full).await, ["c/new"]);
    assert_eq!(tried.instance.world().exports.len(), 2);
}

#[tokio::test]
async fn an_archive_that_was_not_deleted_is_deleted_after_a_restart() {
    let tried = Tried::new().await;
    tried.instance.world().keeps = 1;
    let mut position = Position::Full;
    for _ in 0..2 {
        position = Position::Within(token(step(&tried.source(), &position).await.unwrap()));
    }
    let mut deleted = Vec::new();
    for _ in 0..3 {
        assert_eq!(walk_from(&tried.source(), "products", position.clone()).await.unwrap().0.len(), 1);
        deleted.push(tried.instance.count("DELETE /on/"));
    }
    assert_eq!(deleted, [1, 2, 2]);
    assert_eq!(tried.instance.count("GET /on/"), 1);
}

#[tokio::test]
async fn a_walk_whose_archive_is_gone_begins_anew() {
    let tried = Tried::new().await;
    let source = tried.source();
    let mut position = Position::Full;
    for _ in 0..2 {
        position = Position::Within(token(step(&source, &position).await.unwrap()));
    }
    let (changes, _) = walk_from(&source, "products", position.clone()).await.unwrap();
    assert_eq!(changes.len(), 1);
    // Its rows are lost with the folder, and its archive was deleted.
    let empty = tempfile::tempdir().unwrap();
    let again = tried.source_with(json!({}), empty.path());
    for (code, class) in [("C0222", FaultClass::Transient), ("C0216", FaultClass::Config)] {
        let fault = step(&again, &position).await.unwrap_err();
        assert_eq!((fault.code.as_ref(), fault.class), (code, class), "{fault:?}");
    }
    assert_eq!(walk(&again, "products").await.0.len(), 1);
}

#[tokio::test]
async fn another_run_of_the_job_is_waited_for() {
    let tried = Tried::new().await;
    tried.instance.world().busy = 2;
    let (changes, waits) = walk(&tried.source(), "products").await;
    assert_eq!((changes.len(), tried.instance.count("POST /s/")), (1, 3));
    assert!(waits >= 4, "{waits}");
}

/// How long a place is to be waited for, and what follows it.
async fn waits(source: &Sfcc, position: &Position) -> (Duration, Position) {
    match step(source, position).await.unwrap() {
        Next::Later(token, wait) => (wait, Position::Within(token)),
        other => panic!("nothing is waited for: {other:?}"),
    }
}

#[tokio::test]
async fn a_run_that_may_be_its_own_is_looked_for_sooner_than_a_stranger() {
    let (poll, busy) = (Duration::from_secs(10), Duration::from_secs(30));
    let tried = Tried::new().await;
    let source = tried.source();
    let (_, place) = waits(&source, &Position::Full).await;
    // Nothing of this process was started yet.
    tried.instance.world().busy = 1;
    assert_eq!(waits(&source, &place).await.0, busy);
    // A process that ended may have started it.
    tried.instance.world().busy = 1;
    assert_eq!(waits(&tried.source(), &place).await.0, poll);
    // The answer to the start is lost, and what runs is found at the next attempt.
    let lost = Tried::new().await;
    let source = lost.source();
    let (_, place) = waits(&source, &Position::Full).await;
    lost.instance.world().lost = 1;
    let (wait, place) = waits(&source, &place).await;
    assert_eq!((wait, lost.instance.count("POST /s/")), (poll, 2));
    assert_eq!(walk_from(&source, "products", place).await.unwrap().0.len(), 1);
}

#[tokio::test]
async fn a_job_that_fails_is_a_fault_and_the_walk_begins_anew() {
    let tried = Tried::new().await;
    tried.instance.world().fails = true;
    let source = tried.source();
    let fault = walk_from(&source, "products", Position::Full).await.unwrap_err();
    assert_eq!((fault.code.as_ref(), fault.class), ("C0222", FaultClass::Transient));
    assert!(fault.message.contains("no such catalog"), "{fault}");
    tried.instance.world().fails = false;
    // The engine goes on from the place that it kept, and is told that it leads nowhere.
    let mut position = Position::Full;
    for _ in 0..2 {
        position = Position::Within(token(step(&source, &position).await.unwrap()));
    }
    assert_eq!(tried.instance.world().exports.len(), 2, "a failed export is not joined");
    assert_eq!(walk_from(&source, "products", position).await.unwrap().0.len(), 1);
}

#[tokio::test]
async fn an_instance_that_knows_parameters_only_is_told_by_them() {
    let tried = Tried::new().await;
    tried.instance.world().by_parameters = true;
    assert_eq!(walk(&tried.source(), "products").await.0.len(), 1);
    assert_eq!(tried.instance.count("POST /s/"), 2);
    assert_eq!(tried.instance.world().exports[0]["catalogs"], json!({ "all": true }));
}

#[tokio::test]
async fn a_download_that_breaks_off_goes_on_where_it_broke() {
    let tried = Tried::new().await;
    tried.instance.world().breaks = 5;
    // More breaks than attempts: what goes on is not given up.
    assert_eq!(walk(&tried.source(), "products").await.0.len(), 1);
    let world = tried.instance.world();
    let ranges: Vec<&str> =
        world.calls.iter().filter_map(|it| it.split_once(".zip bytes=")).map(|(_, it)| it).collect();
    assert_eq!(ranges.len(), 5, "{:?}", world.calls);
    assert!(ranges.iter().all(|it| *it != "0-"));
}

#[tokio::test]
async fn a_download_whose_rest_is_refused_begins_anew() {
    let tried = Tried::new().await;
    tried.instance.world().breaks = 1;
    tried.instance.world().is_another = true;
    assert_eq!(walk(&tried.source(), "products").await.0.len(), 1);
    let world = tried.instance.world();
    let asked: Vec<bool> =
        world.calls.iter().filter(|it| it.contains(".zip")).map(|it| it.contains("bytes=")).collect();
    // The part that is refused, then the whole; and the deletion.
    assert_eq!(asked, [false, true, false, false], "{:?}", world.calls);
}

#[tokio::test]
async fn an_archive_that_is_too_large_or_damaged_is_refused() {
    let tried = Tried::new().await;
    tried.instance.world().archive = vec![b'x'; 2 << 20];
    let small = json!({ "export": { "max_archive_mib": 1 } });
    let fault =
        walk_from(&tried.source_with(small, tried.folder.path()), "products", Position::Full).await.unwrap_err();
    assert_eq!((fault.code.as_ref(), fault.class), ("C0220", FaultClass::Config));
    assert!(fault.hint.as_deref().unwrap().contains("max_archive_mib"));
    let fault = walk_from(&tried.source(), "products", Position::Full).await.unwrap_err();
    assert_eq!((fault.code.as_ref(), fault.class), ("C0220", FaultClass::Transient));
}

#[tokio::test]
async fn what_is_lacking_is_named() {
    for (path, right) in
        [("/sites", "/sites"), ("/executions", "/jobs/*/executions"), ("/webdav", "/impex/src/instance")]
    {
        let tried = Tried::new().await;
        tried.instance.world().forbidden = Some(path);
        let fault = walk_from(&tried.source(), "products", Position::Full).await.unwrap_err();
        assert_eq!((fault.code.as_ref(), fault.class), ("C0202", FaultClass::Credentials), "{fault:?}");
        assert!(fault.hint.as_deref().unwrap_or_default().contains(right), "{fault:?}");
        let found = tried.source().check().await;
        let refused: Vec<&str> = found.iter().filter(|it| it.result.is_err()).map(|it| it.what.as_str()).collect();
        assert_eq!(refused.len(), 1, "{found:?}");
    }
}

#[tokio::test]
async fn a_token_that_is_refused_is_renewed_once() {
    let tried = Tried::new().await;
    let source = tried.source();
    walk(&source, "products").await;
    tried.instance.world().refused = 1;
    walk(&source, "products").await;
    assert_eq!(tried.instance.count("POST /token"), 2);
    tried.instance.world().refused = 99;
    let fault = walk_from(&source, "products", Position::Full).await.unwrap_err();
    assert_eq!((fault.code.as_ref(), fault.class), ("C0201", FaultClass::Credentials));
    let found = source.check().await;
    assert_eq!(found.iter().map(|it| it.what.as_str()).collect::<Vec<_>>(), ["credentials"]);
}

#[tokio::test]
async fn check_says_what_there_is() {
    let tried = Tried::new().await;
    let found = tried.source().check().await;
    let said: Vec<(&str, bool)> = found.iter().map(|it| (it.what.as_str(), it.result.is_ok())).collect();
    assert_eq!(said, [("sites", true), ("jobs", true), ("archives", true), ("delta exports", true)]);
    assert_eq!(tried.instance.count("POST /s/"), 0, "a check exports nothing");
    let profile = tried.source().profile().await.unwrap();
    assert_eq!(profile.stores.unwrap().into_iter().map(|it| it.key).collect::<Vec<_>>(), ["s"]);
}

#[tokio::test]
async fn what_the_configuration_says_of_a_site_counts() {
    let tried = Tried::new().await;
    let of_site = json!({ "sites": { "s": { "catalog": "c", "price_books": ["b"], "inventory_list": "i" } } });
    let source = tried.source_with(of_site, tried.folder.path());
    let (changes, _) = walk(&source, "sites").await;
    let store = changes.iter().find_map(|it| match it {
        Change::Is { record: Record::Storefront(store), .. } => Some(store),
        _ => None,
    });
    let store = store.unwrap();
    assert_eq!((store.selections.len(), store.supply.len()), (1, 1));
    let (changes, _) = walk(&source, "prices").await;
    let Some(Change::Is { record: Record::Price(price), .. }) = changes.first() else { panic!("{changes:?}") };
    assert_eq!(price.price.tax, Some(model::TaxMode::Gross));
    assert_eq!(tried.instance.count("GET /s/-/dw/data/v25_6/sites"), 0);
}
