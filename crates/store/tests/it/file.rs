//! Properties of a file: its program, its other users, a full disk, and the release that wrote it.

use std::{fs, path::Path, process::Command, time::Duration};

use conformance::store::samples::{self, is, page, plain, product, stock};
use contract::{
    Admin as _, Fault, FaultClass, Ledger as _, Mirror as _,
    destination::Ids,
    store::{Held, Intake, Number, Settled, State, Step, Take, Taken},
};
use model::{FlowName, Kind, RemoteId};
use rusqlite::Connection;
use store::{Options, Sqlite};
use tempfile::tempdir;

fn refused(opened: Result<Sqlite, Fault>) -> Fault {
    opened.err().expect("it must be refused")
}

fn quick() -> Options {
    Options { durable: false, ..Options::default() }
}

async fn settle_all(store: &Sqlite, flow: &FlowName) -> usize {
    let workload = store.workload(flow, samples::wide(samples::at(300))).await.unwrap();
    let settled: Vec<Settled> = workload.work.iter().map(samples::in_sync).collect();
    let count = settled.len();
    store.advance(samples::step(flow, settled, Some(workload.cursor))).await.unwrap();
    count
}

#[tokio::test]
async fn what_was_committed_is_there_after_reopening() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("cartage.db");
    let flow = FlowName::from("to");
    let store = Sqlite::open(&path).unwrap();
    samples::register(&store, &flow, &samples::source(), "1", Ids::Own).await.unwrap();
    store.intake(page(vec![is(plain("a", "A"), 1)])).await.unwrap();
    settle_all(&store, &flow).await;
    drop(store);
    assert!(!folder.path().join("cartage.db-wal").exists(), "a clean end folds the log in");
    let store = Sqlite::open(&path).unwrap();
    assert_eq!(store.tally(&flow).await.unwrap().in_sync, 1);
    let taken = store.intake(page(vec![is(plain("b", "B"), 1)])).await.unwrap();
    assert_eq!(taken, Taken { new: 1, ..Taken::default() });
    assert_eq!(store.revision(&samples::source()).await.unwrap().0, 2);
}

#[tokio::test]
async fn a_second_writer_is_refused_and_readers_are_not() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("cartage.db");
    let store = Sqlite::open(&path).unwrap();
    let fault = refused(Sqlite::open(&path));
    assert_eq!((fault.class, fault.code.as_ref()), (FaultClass::Config, "C0103"));
    assert!(fault.message.contains("cartage.db"), "{fault}");
    assert!(fault.hint.is_some());
    store.intake(page(vec![is(plain("a", "A"), 1)])).await.unwrap();
    let beside = Sqlite::open_read_only(&path).unwrap();
    assert_eq!(beside.find(&samples::source(), "a").await.unwrap().len(), 1);
    store.intake(page(vec![is(plain("b", "B"), 1)])).await.unwrap();
    assert_eq!(beside.find(&samples::source(), "b").await.unwrap().len(), 1, "it sees what is committed later");
    let fault = beside.intake(page(Vec::new())).await.unwrap_err();
    assert_eq!(fault.code, "C0107");
    drop(store);
    assert_eq!(beside.revision(&samples::source()).await.unwrap().0, 2, "it outlives the writer");
    drop(Sqlite::open(&path).unwrap());
}

/// Symbolic and hard links are other names of one file; a lock file is often deleted because it looks stale.
#[cfg(unix)]
#[test]
fn a_second_writer_is_refused_under_whatever_name() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("cartage.db");
    let store = Sqlite::open(&path).unwrap();
    let deep = folder.path().join("deep");
    fs::create_dir(&deep).unwrap();
    let (soft, hard, way) = (deep.join("soft.db"), deep.join("hard.db"), deep.join("../cartage.db"));
    std::os::unix::fs::symlink(&path, &soft).unwrap();
    for path in [&soft, &way] {
        assert_eq!(refused(Sqlite::open(path)).code, "C0103", "{}", path.display());
    }
    if cfg!(target_os = "linux") {
        fs::hard_link(&path, &hard).unwrap();
        assert_eq!(refused(Sqlite::open(&hard)).code, "C0103");
        fs::remove_file(folder.path().join("cartage.db.lock")).unwrap();
        assert_eq!(refused(Sqlite::open(&path)).code, "C0103");
    }
    drop(store);
    drop(Sqlite::open(&soft).unwrap());
}

/// However another process came to write the database: who wrote before writes no more, and says why.
#[tokio::test]
async fn a_writer_that_was_overtaken_commits_nothing_more() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("cartage.db");
    let flow = FlowName::from("to");
    let store = Sqlite::open(&path).unwrap();
    samples::register(&store, &flow, &samples::source(), "1", Ids::Own).await.unwrap();
    store.intake(page(vec![is(plain("a", "A"), 1)])).await.unwrap();
    Connection::open(&path).unwrap().execute("UPDATE meta SET value = value + 1 WHERE name = 'writer'", []).unwrap();
    let faults = [
        store.intake(page(vec![is(plain("b", "B"), 1)])).await.unwrap_err(),
        store.recover(&flow).await.unwrap_err(),
        store.take_over(&contract::store::Leased::Flow(flow)).await.unwrap_err(),
    ];
    for fault in faults {
        assert_eq!((fault.class, fault.code.as_ref()), (FaultClass::Config, "C0103"), "{fault}");
    }
    assert_eq!(store.revision(&samples::source()).await.unwrap().0, 1);
    drop(store);
    let store = Sqlite::open(&path).unwrap();
    store.intake(page(vec![is(plain("b", "B"), 1)])).await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_may_read_a_database() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempdir().unwrap();
    let path = folder.path().join("cartage.db");
    let store = Sqlite::open(&path).unwrap();
    store.intake(page(vec![is(plain("a", "A"), 1)])).await.unwrap();
    let mut files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap()).collect();
    files.sort_by_key(fs::DirEntry::file_name);
    assert_eq!(files.len(), 4, "{files:?}");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
}

#[tokio::test]
async fn a_database_that_nobody_writes_can_be_read() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("cartage.db");
    assert_eq!(refused(Sqlite::open_read_only(&path)).code, "C0105");
    assert!(!path.exists(), "reading makes no database");
    drop(Sqlite::open(&path).unwrap());
    assert_eq!(Sqlite::open_read_only(&path).unwrap().revision(&samples::source()).await.unwrap().0, 0);
}

#[test]
fn a_newer_database_is_refused_and_left_alone() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("cartage.db");
    drop(Sqlite::open(&path).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 9999).unwrap();
    let before = fs::read(&path).unwrap();
    for fault in [refused(Sqlite::open(&path)), refused(Sqlite::open_read_only(&path))] {
        assert_eq!((fault.class, fault.code.as_ref()), (FaultClass::Config, "C0101"));
        assert!(fault.message.contains("written by a newer release"), "{fault}");
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_file_of_another_program_is_refused_and_left_alone() {
    let folder = tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    fs::write(&text, "not a database at all, but long enough to be looked at as one").unwrap();
    let other = folder.path().join("other.db");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE theirs (it); PRAGMA user_version = 1").unwrap();
    for path in [&text, &other] {
        let before = fs::read(path).unwrap();
        for fault in [refused(Sqlite::open(path)), refused(Sqlite::open_read_only(path))] {
            assert_eq!((fault.class, fault.code.as_ref()), (FaultClass::Config, "C0102"), "{fault}");
        }
        assert_eq!(fs::read(path).unwrap(), before);
    }
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = tempdir().unwrap();
    let fault = refused(Sqlite::open(&folder.path().join("missing").join("cartage.db")));
    assert_eq!(fault.code, "C0105");
    assert!(fault.message.contains("missing"), "{fault}");
}

/// Another format of bodies: the source has to be read again, but nothing is sent twice and nothing counts as deleted.
#[tokio::test]
async fn bodies_of_another_format_are_forgotten_and_the_ledger_kept() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("cartage.db");
    let flow = FlowName::from("to");
    let store = Sqlite::with_options(&path, quick()).unwrap();
    samples::register(&store, &flow, &samples::source(), "1", Ids::Own).await.unwrap();
    let all = || vec![is(product("a", "A", &["c"], &["x"]), 3), is(plain("b", "B"), 3), is(stock("s", "x", 1), 3)];
    store.intake(page(all())).await.unwrap();
    settle_all(&store, &flow).await;
    store.intake(page(vec![is(plain("new", "never settled"), 1)])).await.unwrap();
    drop(store);
    Connection::open(&path).unwrap().execute("UPDATE meta SET value = value + 1 WHERE name = 'format'", []).unwrap();
    assert_eq!(refused(Sqlite::open_read_only(&path)).code, "C0107");

    let store = Sqlite::with_options(&path, quick()).unwrap();
    assert!(store.lanes(&samples::source()).await.unwrap().is_empty(), "everything is to be read again");
    let tally = store.tally(&flow).await.unwrap();
    assert_eq!((tally.mirror, tally.in_sync, tally.pending), (3, 2, 1));
    samples::register(&store, &flow, &samples::source(), "2", Ids::Own).await.unwrap();
    let workload = store.workload(&flow, samples::wide(samples::at(300))).await.unwrap();
    assert!(workload.work.is_empty(), "what is not known is not shown as gone");
    let feed = store.scan(&flow, Kind::Product, Number(0), 10).await.unwrap_err();
    assert_eq!((feed.class, feed.code.as_ref()), (FaultClass::Transient, "C0109"));

    let taken = store.intake(page(all())).await.unwrap();
    assert_eq!(taken, Taken { changed: 3, ..Taken::default() });
    store.intake(page(vec![is(plain("new", "never settled"), 1)])).await.unwrap();
    let workload = store.workload(&flow, samples::wide(samples::at(300))).await.unwrap();
    let held = |id: &str| {
        let work = workload.work.iter().find(|work| work.id.as_str() == id).unwrap();
        work.entry.as_ref().map(|entry| entry.items[0].digests)
    };
    assert_eq!(held("a"), Some(Some(samples::payload("a").digests())), "the ledger still knows what is held");
    assert_eq!(held("new"), None);
    assert_eq!(store.scan(&flow, Kind::Product, Number(0), 10).await.unwrap()[0].joined().len(), 1, "links are back");
}

/// After a change of format passes are counted from 1 again: what was last seen by the pass of that number is not there
/// because of that, and what can't be understood shuts nothing.
#[tokio::test]
async fn the_first_pass_after_a_change_of_format_removes_what_it_did_not_see() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("cartage.db");
    let flow = FlowName::from("to");
    let store = Sqlite::with_options(&path, quick()).unwrap();
    samples::register(&store, &flow, &samples::source(), "1", Ids::Own).await.unwrap();
    let all = ["a", "b", "c", "d"].map(|id| is(plain(id, "P"), 1));
    store.intake(samples::full(1, all.to_vec())).await.unwrap();
    settle_all(&store, &flow).await;
    drop(store);
    Connection::open(&path).unwrap().execute("UPDATE meta SET value = value + 1 WHERE name = 'format'", []).unwrap();

    let store = Sqlite::with_options(&path, quick()).unwrap();
    let unread = vec![samples::unread(Some("c"), "it has no name")];
    store.intake(Intake { unread, ..samples::full(1, all[..2].to_vec()) }).await.unwrap();
    let swept = store.sweep(samples::sweep(1, Some(0.3))).await.unwrap();
    assert_eq!((swept.missing, swept.live, swept.held), (1, 4, false));
    let work = store.scan(&flow, Kind::Product, Number(0), 10).await.unwrap();
    let stand: Vec<_> = work.iter().map(|work| (work.id.as_str(), work.record().is_some(), work.unread)).collect();
    assert_eq!(stand, [("a", true, false), ("b", true, false), ("c", false, true), ("d", false, false)]);
    let due = store.workload(&flow, samples::wide(samples::at(300))).await.unwrap().work;
    let gone: Vec<_> = due.iter().filter(|work| work.record().is_none()).map(|work| work.id.as_str()).collect();
    assert_eq!(gone, ["d"]);
}

/// When ids become shared, every held item has an owner at once, also if a damaged ledger gives an item to two records.
#[tokio::test]
async fn who_owns_what_is_held_is_known_once_ids_are_shared() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("cartage.db");
    let flow = FlowName::from("to");
    let store = Sqlite::with_options(&path, quick()).unwrap();
    samples::register(&store, &flow, &samples::source(), "1", Ids::Own).await.unwrap();
    store.intake(page((0..1500).map(|n| is(plain(&format!("p{n}"), "P"), 1)).collect())).await.unwrap();
    let take = Take { fresh: [2000; 3], ..samples::wide(samples::at(300)) };
    let workload = store.workload(&flow, take).await.unwrap();
    let holds = |work, item: &str| samples::settled(work, State::InSync, Held::Items(vec![samples::held(item, item)]));
    let settled = workload.work.iter().map(|work| holds(work, work.id.as_str()));
    store.advance(samples::step(&flow, settled.collect(), Some(workload.cursor))).await.unwrap();
    let unfinished = samples::open(&[(workload.work[7].number, "p7"), (workload.work[7].number, "new")]);
    store.advance(Step { open: vec![unfinished], ..samples::step(&flow, Vec::new(), None) }).await.unwrap();
    drop(store);
    // The last record holds the first one's item too.
    let key = |work: &contract::store::Work| (1_i64 << 40) + i64::try_from(work.number.0).unwrap();
    let (first, last) = (key(&workload.work[0]), key(workload.work.last().unwrap()));
    let db = Connection::open(&path).unwrap();
    db.execute("UPDATE ledger SET items = (SELECT items FROM ledger WHERE key = ?1) WHERE key = ?2", (first, last))
        .unwrap();
    assert_eq!(db.query_row("SELECT count(*) FROM claim", [], |row| row.get::<_, u64>(0)).unwrap(), 0);
    drop(db);

    let store = Sqlite::with_options(&path, quick()).unwrap();
    let registered = samples::register(&store, &flow, &samples::source(), "1", Ids::Shared).await.unwrap();
    assert_eq!((registered.restarted, registered.in_doubt), (true, 1));
    let items: Vec<RemoteId> = (0..1500).map(|n| RemoteId::new(format!("p{n}"))).chain(["new".into()]).collect();
    let owners = store.owners(&flow, Kind::Product, &items).await.unwrap();
    assert_eq!(owners.len(), 1500, "all but p1499, which nobody holds");
    for owner in owners {
        let wanted = match owner.item.as_str() {
            "p0" => "p1499",
            "new" => "p7",
            item => item,
        };
        assert_eq!(owner.id.as_str(), wanted, "{:?} is the higher number's", owner.item);
    }
    let due = store.workload(&flow, Take { fresh: [0; 3], ..take }).await.unwrap().work;
    let due: Vec<_> = due.iter().map(|work| work.id.as_str()).collect();
    assert_eq!(due, ["p0", "p7", "p1499"]);
}

/// A clock that was once ahead must not silence a record until the date that it told.
#[tokio::test]
async fn a_retry_that_waits_for_years_is_due() {
    let folder = tempdir().unwrap();
    let flow = FlowName::from("to");
    let store = Sqlite::with_options(&folder.path().join("cartage.db"), quick()).unwrap();
    samples::register(&store, &flow, &samples::source(), "1", Ids::Own).await.unwrap();
    store.intake(page(vec![is(plain("a", "A"), 1), is(plain("b", "B"), 1)])).await.unwrap();
    let now = samples::at(300);
    let workload = store.workload(&flow, samples::wide(now)).await.unwrap();
    let until = [now.plus(Duration::from_mins(9)), now.plus(Duration::from_hours(24 * 365))];
    let settled = workload
        .work
        .iter()
        .zip(until)
        .map(|(work, until)| samples::settled(work, State::Retry(until), Held::Items(Vec::new())));
    store.advance(samples::step(&flow, settled.collect(), Some(workload.cursor))).await.unwrap();
    let due = async |now| -> Vec<String> {
        let workload = store.workload(&flow, samples::wide(now)).await.unwrap();
        workload.work.iter().map(|work| work.id.to_string()).collect()
    };
    assert!(due(now).await.is_empty(), "what waits for minutes waits");
    assert_eq!(due(now.plus(Duration::from_mins(10))).await, ["a"]);
    let work = store.workload(&flow, samples::wide(now.plus(Duration::from_mins(10)))).await.unwrap().work;
    store.advance(samples::step(&flow, vec![samples::in_sync(&work[0])], None)).await.unwrap();
    assert_eq!(due(now.plus(Duration::from_mins(10))).await, ["b"]);
}

/// Records of 2 MB: what is read at once is bounded by bytes, and nothing is passed over for it.
#[tokio::test]
async fn large_records_are_read_in_smaller_workloads() {
    let folder = tempdir().unwrap();
    let flow = FlowName::from("to");
    let store = Sqlite::with_options(&folder.path().join("cartage.db"), quick()).unwrap();
    samples::register(&store, &flow, &samples::source(), "1", Ids::Own).await.unwrap();
    for n in 0..30 {
        // They pack well: what is counted is what they take in memory.
        store.intake(page(vec![is(plain(&format!("p{n}"), &"x".repeat(2 << 20)), 1)])).await.unwrap();
    }
    let (mut after, mut scanned) = (Number(0), 0);
    loop {
        let page = store.scan(&flow, Kind::Product, after, 200).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 10, "{} records at once", page.len());
        (after, scanned) = (last.number, scanned + page.len());
    }
    assert_eq!(scanned, 30);
    let mut settled = 0;
    loop {
        let count = settle_all(&store, &flow).await;
        assert!(count <= 10, "{count} records at once");
        if count == 0 {
            break;
        }
        settled += count;
    }
    assert_eq!(settled, 30);
    assert_eq!(store.tally(&flow).await.unwrap().in_sync, 30);
}

#[tokio::test]
async fn a_full_disk_takes_back_the_step_and_says_so() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("cartage.db");
    let flow = FlowName::from("to");
    let store = Sqlite::with_options(&path, Options { most_pages: Some(90), ..quick() }).unwrap();
    samples::register(&store, &flow, &samples::source(), "1", Ids::Own).await.unwrap();
    let many =
        |from: usize| (from..from + 100).map(|n| is(product(&format!("p{n}"), &"name ".repeat(9), &["c"], &["x"]), 1));
    let mut taken = 0;
    let fault = loop {
        match store.intake(page(many(taken).collect())).await {
            Ok(_) => taken += 100,
            Err(fault) => break fault,
        }
    };
    assert_eq!((fault.class, fault.code.as_ref()), (FaultClass::Transient, "C0104"), "{fault}");
    assert!(fault.message.starts_with("the disk is full"), "{fault}");
    assert!(taken > 0);
    let mirror = u64::try_from(taken).unwrap();
    assert_eq!(store.tally(&flow).await.unwrap().mirror, mirror, "all of a page or nothing of it");
    assert_eq!(store.revision(&samples::source()).await.unwrap().0, mirror);
    assert_eq!(store.counts(&samples::source()).await.unwrap()[0].live, mirror);
    drop(store);
    let store = Sqlite::with_options(&path, quick()).unwrap();
    store.intake(page(many(taken).collect())).await.unwrap();
    assert_eq!(store.tally(&flow).await.unwrap().mirror, mirror + 100, "with room it goes on");
}

#[tokio::test]
async fn a_damaged_body_is_reported_and_not_taken_for_something_else() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("cartage.db");
    let store = Sqlite::with_options(&path, quick()).unwrap();
    store.intake(page(vec![is(plain("a", &"long enough to be compressed ".repeat(20)), 1)])).await.unwrap();
    drop(store);
    for damage in ["x'ff'", "x''", "x'01ffffffffffffffffff'", "x'05aabbcc'", "substr(bytes, 1, 20)"] {
        let db = Connection::open(&path).unwrap();
        let saved: Vec<u8> = db.query_row("SELECT bytes FROM body", [], |row| row.get(0)).unwrap();
        db.execute(&format!("UPDATE body SET bytes = {damage}"), []).unwrap();
        let store = Sqlite::with_options(&path, quick()).unwrap();
        let fault = store.find(&samples::source(), "a").await.unwrap_err();
        assert_eq!(fault.code, "C0106", "{damage}: {fault}");
        drop(store);
        db.execute("UPDATE body SET bytes = ?1", [saved]).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dictionaries_are_trained_and_used_here_and_beside() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("cartage.db");
    let flow = FlowName::from("to");
    let store = Sqlite::with_options(&path, Options { dictionary_after: 200, ..quick() }).unwrap();
    let beside = Sqlite::open_read_only(&path).unwrap();
    samples::register(&store, &flow, &samples::source(), "1", Ids::Own).await.unwrap();
    let skus: Vec<String> = (0..9).map(|n| format!("some-long-sku-{n}")).collect();
    let skus: Vec<&str> = skus.iter().map(String::as_str).collect();
    let many = |from: usize| {
        let each = |n| is(product(&format!("p{n}"), &format!("a product with the number {n}"), &["c"], &skus), 1);
        page((from..from + 100).map(each).collect())
    };
    for round in 0..6 {
        store.intake(many(round * 100)).await.unwrap();
        settle_all(&store, &flow).await;
    }
    let db = Connection::open(&path).unwrap();
    let books: u64 = db.query_row("SELECT count(*) FROM dictionary", [], |row| row.get(0)).unwrap();
    assert!(books >= 1);
    let length = |order: &str| -> f64 {
        let of = format!("SELECT avg(length(bytes)) FROM (SELECT bytes FROM body ORDER BY n {order} LIMIT 100)");
        db.query_row(&of, [], |row| row.get(0)).unwrap()
    };
    assert!(length("DESC") < length("ASC"), "{} < {}", length("DESC"), length("ASC"));
    drop(db);
    let found = beside.find(&samples::source(), "p599").await.unwrap();
    assert_eq!(found[0].record, Some(product("p599", "a product with the number 599", &["c"], &skus)));
    drop((store, beside));
    let store = Sqlite::with_options(&path, quick()).unwrap();
    assert_eq!(store.find(&samples::source(), "p0").await.unwrap().len(), 1);
    let again = store.intake(many(500)).await.unwrap();
    assert_eq!(again.unchanged, 100, "a digest does not depend on how a body is packed");
}

// ── killed ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/// The folder in which the killed process works; without it the test does nothing.
const VICTIM: &str = "CARTAGE_TEST_VICTIM";

/// Writes as fast as it can until it is killed.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "tells this process of the test that it is to be killed")]
async fn victim() {
    let Ok(folder) = std::env::var(VICTIM) else { return };
    let store =
        Sqlite::with_options(&Path::new(&folder).join("cartage.db"), Options { log_pages: 50, ..Options::default() });
    let store = store.unwrap();
    let flow = FlowName::from("to");
    samples::register(&store, &flow, &samples::source(), "1", Ids::Own).await.unwrap();
    for round in store.revision(&samples::source()).await.unwrap().0.. {
        let changes =
            (0..40).map(|n| is(product(&format!("p{n}"), &format!("{round}"), &["c"], &[&format!("{n}")]), 0));
        store.intake(page(changes.collect())).await.unwrap();
        let take = Take { fresh: [10, 10, 10], ..samples::wide(samples::at(300)) };
        let workload = store.workload(&flow, take).await.unwrap();
        let items: Vec<_> = workload.work.iter().map(|work| (work.number, work.id.as_str())).collect();
        let open = Step { open: vec![samples::open(&items)], ..samples::step(&flow, Vec::new(), None) };
        let call = store.advance(open).await.unwrap()[0];
        let settled = workload.work.iter().map(samples::in_sync).collect();
        let close = vec![samples::closed(call)];
        store.advance(Step { close, ..samples::step(&flow, settled, Some(workload.cursor)) }).await.unwrap();
        store.intake(page(vec![is(stock("s", &format!("{}", round % 40), 1), 0)])).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_instant_the_file_is_whole() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("cartage.db");
    let flow = FlowName::from("to");
    let mut revision = 0;
    for life in 0..12_u64 {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "file::victim"])
            .env(VICTIM, folder.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // Its log shows that it has begun to write, however long that takes on a busy machine.
        let log = folder.path().join("cartage.db-wal");
        let began = tokio::time::Instant::now();
        while !fs::metadata(&log).is_ok_and(|log| log.len() > 0) && began.elapsed() < Duration::from_mins(1) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(life * 37 % 101)).await;
        victim.kill().unwrap();
        victim.wait().unwrap();
        let store = Sqlite::open(&path).unwrap();
        let registered = samples::register(&store, &flow, &samples::source(), "1", Ids::Own).await.unwrap();
        assert!(registered.in_doubt <= 30);
        let tally = store.tally(&flow).await.unwrap();
        assert_eq!(tally.in_sync + tally.pending + tally.filtered + tally.dead + tally.gone, tally.mirror);
        assert_eq!(tally.mirror % 40, 0, "a page is there or not");
        assert!(store.revision(&samples::source()).await.unwrap().0 >= revision);
        revision = store.revision(&samples::source()).await.unwrap().0;
        let scan = store.scan(&flow, Kind::Product, Number(0), 100).await.unwrap();
        assert!(scan.iter().all(|work| work.record().is_some() && work.revision.0 <= revision));
        drop(store);
        let db = Connection::open(&path).unwrap();
        let check: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(check, "ok");
    }
    assert!(revision > 0, "the victims have lived");
}
