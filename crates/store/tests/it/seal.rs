//! What is about people is kept in no readable form, opens with the operator's key only, and stands where it was written.

use std::{fmt::Write as _, fs, path::Path, sync::Arc};

use conformance::store::samples::{self, at, customer, is, order, page, wide};
use contract::{
    Fault, FaultClass, Threads,
    destination::Ids,
    source::{Token, Unread},
    store::{
        Admin as _, Claim, Closed, Declared, Found, Held, Hint, Hints as _, Intake, KeptBy, LaneState, Ledger as _,
        Leftovers as _, Mirror as _, Number, Open, Settled, State, Step, Ticket, Work,
    },
};
use model::{FlowName, Kind, Record, RecordId, RemoteId};
use rusqlite::Connection;
use store::sqlite::{OperatorKey, OperatorKeys, Options, Sqlite};
use tempfile::{TempDir, tempdir};

const FLOW: &str = "to";

fn keys(keys: &[u8]) -> OperatorKeys {
    keys.iter().map(|key| OperatorKey::parse(&format!("{key:064x}").into()).unwrap()).collect()
}

fn open_with(folder: &Path, given: &[u8]) -> Result<Sqlite, Fault> {
    let options = Options { dictionary_after: 20, durable: false, ..Options::default() };
    Sqlite::sealed(&folder.join("cartage.db"), options, Arc::new(Threads), keys(given))
}

fn open(folder: &Path) -> Sqlite {
    open_with(folder, &[1]).unwrap()
}

fn refused(opened: Result<Sqlite, Fault>) -> Fault {
    opened.err().expect("it must be refused")
}

/// The database without its program.
fn raw(folder: &Path) -> Connection {
    Connection::open(folder.join("cartage.db")).unwrap()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// Those of the texts that can be read in a file of the folder, as they are or in hexadecimal, whatever their case.
pub(crate) fn found_in(folder: &Path, texts: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let Ok(bytes) = fs::read(&path) else { continue };
        for text in texts {
            let hexadecimal = hexadecimal(text.as_bytes());
            for form in [text.as_bytes(), hexadecimal.as_bytes()] {
                if bytes.windows(form.len()).any(|window| window.eq_ignore_ascii_case(form)) {
                    found.push(format!("{text} in {}", path.file_name().unwrap().to_string_lossy()));
                }
            }
        }
    }
    found
}

async fn register(store: &Sqlite, flow: &str, ids: Ids) {
    let declared =
        Declared { carries: Kind::CARRIED.to_vec(), ..samples::declared(&flow.into(), &samples::source(), "1", ids) };
    store.declare(&declared).await.unwrap();
    store.recover(&flow.into()).await.unwrap();
}

async fn works(store: &Sqlite) -> Vec<Work> {
    store.workload(&FLOW.into(), wide(at(300))).await.unwrap().work
}

async fn work(store: &Sqlite, id: &str) -> Work {
    works(store).await.into_iter().find(|work| work.id.as_str() == id).unwrap()
}

/// Settles it as dead, with what was refused.
fn dead(work: &Work, what: &str) -> Settled {
    let held = samples::held(&format!("{what}-item"), what);
    let items = vec![contract::Item { id: held.id.clone(), payload: held.payload.clone().unwrap() }];
    Settled {
        fault: Some(Fault::record("C0002", format!("{what} is refused"))),
        refused: items,
        ..samples::settled(work, State::Dead, Held::Items(vec![held]))
    }
}

async fn settle(store: &Sqlite, settled: Vec<Settled>) {
    store.advance(samples::step(&FLOW.into(), settled, None)).await.unwrap();
}

fn anna() -> Record {
    customer("id-of-anna", "Karenina", "Anna@example.org")
}

/// A folder with a database in which Anna is dead and Levin is in sync, and a readable product.
async fn people() -> (TempDir, Number) {
    let folder = tempdir().unwrap();
    let store = open(folder.path());
    register(&store, FLOW, Ids::Own).await;
    let levin = customer("id-of-levin", "Levin", "levin@example.org");
    let product = samples::plain("readable id", "readable name");
    store.intake(page(vec![is(anna(), 1), is(levin, 1), is(product, 1)])).await.unwrap();
    let anna = work(&store, "id-of-anna").await;
    let others = [work(&store, "id-of-levin").await, work(&store, "readable id").await];
    let mut settled = vec![dead(&anna, "vronsky")];
    settled.extend(others.iter().map(samples::in_sync));
    settle(&store, settled).await;
    (folder, anna.number)
}

async fn find(store: &Sqlite, text: &str) -> Vec<Found> {
    store.find(&samples::source(), text).await.unwrap()
}

/// What was said of hints, unread records and the lane comes back as it was.
async fn tells_of_the_source(store: &Sqlite, hint: &Hint, state: &LaneState) {
    assert_eq!(store.hints(&samples::source(), 9).await.unwrap()[0].hint, *hint);
    let unread = store.unread(&samples::source(), 9).await.unwrap();
    let unread: Vec<_> =
        unread.iter().map(|row| (row.id.as_ref().map(RecordId::as_str), row.fault.message.as_str())).collect();
    assert!(unread.contains(&(Some("id-of-konstantin"), "Konstantin has no name")), "{unread:?}");
    assert!(unread.contains(&(None, "Betsy's order has no name")), "{unread:?}");
    let lane = store.lane(&samples::source(), "catalogue").await.unwrap();
    assert_eq!(lane.watermark, state.watermark);
    assert_eq!(store.lanes(&samples::source()).await.unwrap()["catalogue"], lane);
}

/// No file tells of people, and the database still tells of products.
#[track_caller]
fn hides_people(folder: &Path) {
    let hidden = [
        "id-of-",
        "Karenina",
        "anna@",
        "Konstantin",
        "Betsy",
        "vronsky",
        "Oblonsky",
        "Petritsky",
        "item-of",
        "dolly",
        "Grisha",
        "Lidia",
    ];
    assert_eq!(found_in(folder, &hidden), Vec::<String>::new(), "people can be read");
    let shown = ["readable id", "readable name", "readable product", "readable fault"];
    let readable = found_in(folder, &shown);
    assert!(shown.iter().all(|text| readable.iter().any(|found| found.starts_with(text))), "{readable:?}");
}

#[tokio::test]
async fn what_is_about_people_is_kept_in_no_readable_form_and_comes_back_as_it_was() {
    let folder = tempdir().unwrap();
    let flow = FlowName::from(FLOW);
    let store = open(folder.path());
    register(&store, FLOW, Ids::Shared).await;
    let unread = |kind, id: Option<&str>, what: &str| Unread {
        kind,
        id: id.map(RecordId::from),
        fault: Fault::record("C0001", format!("{what} has no name")),
    };
    let state = LaneState { watermark: Some(Token("after id-of-anna".to_owned())), ..LaneState::default() };
    let intake = Intake {
        state: state.clone(),
        unread: vec![
            unread(Kind::Customer, Some("id-of-konstantin"), "Konstantin"),
            unread(Kind::Order, None, "Betsy's order"),
            unread(Kind::Product, Some("readable product"), "readable fault"),
        ],
        ..page(vec![
            is(anna(), 1),
            is(order("order-of-dolly", None, "dolly@example.org"), 1),
            is(samples::plain("readable id", "readable name"), 1),
        ])
    };
    store.intake(intake).await.unwrap();
    // What a later page of the lane says names a person too, even if it brings none.
    let later = LaneState { watermark: Some(Token("after id-of-serpuhovskoy".to_owned())), ..state };
    store.intake(Intake { state: later.clone(), ..page(Vec::new()) }).await.unwrap();
    let hint = Hint { kind: Kind::Customer, id: Some("id-of-kitty".into()) };
    store.deliver(&samples::source(), std::slice::from_ref(&hint), false, at(1)).await.unwrap();

    let anna = work(&store, "id-of-anna").await;
    assert_eq!(anna.record(), Some(&self::anna()));
    let claim = Claim { number: anna.number, created_at: None, items: vec!["item-of-stepan".into()] };
    store.claim(&flow, samples::NEWEST, vec![claim]).await.unwrap();
    let opening = |item: &str| Open { kind: Kind::Customer, ..samples::open(&[(anna.number, item)]) };
    let open_calls = Step {
        open: vec![opening("item-of-stepan"), opening("item-of-agafya")],
        ..samples::step(&flow, Vec::new(), None)
    };
    let calls = store.advance(open_calls).await.unwrap();
    let ticket = Ticket { call: calls[1], ticket: "7".to_owned(), ask_at: at(900) };
    let failed = Fault::record("C0002", "Petritsky is refused");
    let closed = Closed {
        response: "Stiva Oblonsky is not known".to_owned(),
        fault: Some(failed.clone()),
        ..samples::closed(calls[0])
    };
    let settled = Settled { call: Some(calls[0]), ..dead(&anna, "vronsky") };
    let (items, fault) = (settled.refused.clone(), settled.fault.clone().unwrap());
    let step = Step { close: vec![closed], tickets: vec![ticket], ..samples::step(&flow, vec![settled], None) };
    store.advance(step).await.unwrap();
    let dolly = work(&store, "order-of-dolly").await;
    let retry = Settled {
        fault: Some(Fault::transient("C0003", "Grisha is late")),
        ..samples::settled(&dolly, State::Retry(at(400)), Held::Same)
    };
    settle(&store, vec![retry]).await;
    store.note_stop(&flow, Some(&Fault::config("C0004", "Countess Lidia")), at(1)).await.unwrap();

    for store in [store, open_read_only(folder.path())] {
        let owners = store.owners(&flow, Kind::Customer, &["item-of-stepan".into()]).await.unwrap();
        assert_eq!(owners[0].id.as_str(), "id-of-anna");
        let entry = store.entry(&flow, anna.number).await.unwrap().unwrap();
        assert_eq!((entry.items, entry.fault), (items.clone(), Some(fault.clone())));
        assert_eq!(entry.call.unwrap().response, "Stiva Oblonsky is not known");
        let letters = [store.dead_of(&flow, &"id-of-anna".into()).await.unwrap(), store.dead(&flow, 9).await.unwrap()];
        for letter in letters.iter().flatten() {
            assert_eq!((letter.id.as_str(), &letter.items, &letter.fault), ("id-of-anna", &items, &fault));
        }
        let tickets = store.tickets(&flow).await.unwrap();
        assert_eq!(tickets[0].items, [(anna.number, RemoteId::from("item-of-agafya"))]);
        let stuck = store.trouble(&flow).await.unwrap();
        assert_eq!(stuck.stopped.unwrap().fault.message, "Countess Lidia");
        let retrying = stuck.retrying.unwrap();
        assert_eq!((retrying.records, retrying.fault.message.as_str()), (1, "Grisha is late"));
        tells_of_the_source(&store, &hint, &later).await;
        for text in ["id-of-anna", "readable id", "order-of-dolly"] {
            assert_eq!(find(&store, text).await[0].id.as_str(), text);
        }
        for (text, id) in [("ANNA@example.org", "id-of-anna"), ("number-order-of-dolly", "order-of-dolly")] {
            assert_eq!(find(&store, text).await[0].id.as_str(), id, "{text}");
        }
        let id = samples::declared(&flow, &samples::source(), "1", Ids::Shared).id();
        let held = store.held_items(&id, Number(0), 9);
        assert_eq!(held.await.unwrap()[0].items, [items[0].id.clone()]);
        hides_people(folder.path());
    }
    let store = open(folder.path());
    let again = store.intake(page(vec![is(self::anna(), 1)])).await.unwrap();
    assert_eq!(again.unchanged, 1, "it is found by its id");
}

fn open_read_only(folder: &Path) -> Sqlite {
    let path = folder.join("cartage.db");
    Sqlite::read_only_sealed(&path, Options::default(), Arc::new(Threads), keys(&[1])).unwrap()
}

#[tokio::test]
async fn what_is_about_people_trains_no_dictionary_and_is_compressed_before_it_is_sealed() {
    let folder = tempdir().unwrap();
    let store = open(folder.path());
    let long = |n: usize| format!("{n} {}", "a long description of it, and nothing else ".repeat(90));
    for round in 0..6 {
        let changes = (0..50).map(|n| is(customer(&format!("c{round}-{n}"), &long(n), "a@example.org"), 1));
        store.intake(page(changes.collect())).await.unwrap();
    }
    drop(store);
    let dictionaries =
        || -> u64 { raw(folder.path()).query_row("SELECT count(*) FROM dictionary", [], |row| row.get(0)).unwrap() };
    assert_eq!(dictionaries(), 0);
    let longest: usize =
        raw(folder.path()).query_row("SELECT max(length(bytes)) FROM body", [], |row| row.get(0)).unwrap();
    assert!(longest < long(0).len() / 4, "{longest} bytes");
    let store = open(folder.path());
    for round in 0..6 {
        let changes = (0..50).map(|n| is(samples::plain(&format!("p{round}-{n}"), &long(n)), 1));
        store.intake(page(changes.collect())).await.unwrap();
    }
    drop(store);
    assert!(dictionaries() > 0, "other kinds do");
}

#[tokio::test]
async fn products_of_a_flow_that_carries_people_are_kept_as_those_of_others() {
    let (folder, _) = people().await;
    let sealed: Vec<bool> = {
        let db = raw(folder.path());
        let mut query = db.prepare("SELECT bytes FROM payload ORDER BY key").unwrap();
        let blobs = query.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
        blobs.map(|blob| blob.unwrap().starts_with(&[0xff; 4])).collect()
    };
    assert_eq!(sealed, [true, true, false], "Anna, Levin, the product");
}

#[tokio::test]
async fn without_a_key_nothing_about_people_is_taken() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("cartage.db");
    let store = Sqlite::open(&path).unwrap();
    let mixed = vec![is(samples::plain("p", "P"), 1), is(anna(), 1)];
    let hint = [Hint { kind: Kind::Order, id: Some("order-of-anna".into()) }];
    let unread = Unread { kind: Kind::Customer, ..samples::unread(Some("id-of-anna"), "Anna has no name") };
    let people = Declared {
        carries: vec![Kind::Customer],
        ..samples::declared(&FLOW.into(), &samples::source(), "1", Ids::Own)
    };
    let faults = [
        store.intake(page(mixed)).await.unwrap_err(),
        store.intake(Intake { unread: vec![unread], ..page(Vec::new()) }).await.unwrap_err(),
        store.intake(page(vec![samples::gone(Kind::Customer, "id-of-anna", None)])).await.unwrap_err(),
        store.hint(&samples::source(), &hint, at(1)).await.unwrap_err(),
        store.deliver(&samples::source(), &hint, false, at(1)).await.unwrap_err(),
        store.declare(&people).await.map(|_| ()).unwrap_err(),
    ];
    for fault in faults {
        assert_eq!((fault.class, fault.code.as_ref()), (FaultClass::Config, "C0114"), "{fault}");
        assert!(
            fault.message.contains("cartage.db") && fault.hint.as_deref().unwrap().contains("personal_data"),
            "{fault}"
        );
    }
    assert!(find(&store, "id-of-anna").await.is_empty());
    assert!(store.read(&samples::source(), Kind::Customer, None, 9).await.unwrap().is_empty());
    // What is not about people goes on, also for who looks.
    store.intake(page(vec![is(samples::plain("p", "P"), 1)])).await.unwrap();
    assert_eq!(find(&Sqlite::open_read_only(&path).unwrap(), "p").await.len(), 1);
    assert_eq!(found_in(folder.path(), &["id-of-anna", "Karenina", "order-of"]), Vec::<String>::new());
    drop(store);
    drop(Sqlite::open(&path).expect("it still needs no key"));
    // Nor does one that was given a key and took no people.
    let store = open(folder.path());
    store.intake(page(vec![is(samples::plain("q", "Q"), 1)])).await.unwrap();
    drop(store);
    drop(Sqlite::open(&path).expect("it needs no key"));
}

/// The flow carried customers when an import of them began, and does not when the import ends.
#[tokio::test]
async fn what_a_flow_carried_before_is_sealed_when_it_is_settled() {
    let (folder, _) = people().await;
    let store = open(folder.path());
    let anna = work(&store, "id-of-anna").await;
    let narrowed = samples::declared(&FLOW.into(), &samples::source(), "1", Ids::Own);
    let kinds = Kind::CARRIED.into_iter().filter(|kind| !kind.is_personal());
    store.declare(&Declared { carries: kinds.collect(), ..narrowed }).await.unwrap();
    store.recover(&FLOW.into()).await.unwrap();
    let mut step = samples::step(&FLOW.into(), Vec::new(), None);
    step.open = vec![Open { kind: Kind::Customer, op: "put", items: vec![(anna.number, "item-of-anna".into())] }];
    let call = store.advance(step).await.unwrap()[0];
    let mut step = samples::step(&FLOW.into(), vec![dead(&anna, "Oblonsky")], None);
    let (took, fault) = (std::time::Duration::from_millis(1), Some(Fault::record("C0002", "dolly")));
    step.close = vec![Closed { id: call, status: 400, took, response: "Petritsky".into(), fault }];
    store.advance(step).await.unwrap();
    store.note_stop(&FLOW.into(), Some(&Fault::transient("C0003", "Grisha")), at(5)).await.unwrap();
    let entry = store.entry(&FLOW.into(), anna.number).await.unwrap().unwrap();
    assert_eq!(entry.fault.unwrap().message, "Oblonsky is refused");
    drop(store);
    let hidden = ["id-of-", "Oblonsky", "Petritsky", "dolly", "Grisha", "item-of"];
    assert_eq!(found_in(folder.path(), &hidden), Vec::<String>::new());
}

#[tokio::test]
async fn a_database_with_people_is_opened_with_its_key_only() {
    let (folder, anna) = people().await;
    let path = folder.path().join("cartage.db");
    let without = [Sqlite::open(&path), Sqlite::open_read_only(&path)].map(refused);
    for fault in without {
        assert_eq!((fault.class, fault.code.as_ref()), (FaultClass::Config, "C0114"), "{fault}");
    }
    let other = keys(&[2]);
    let others = [
        open_with(folder.path(), &[2, 3]),
        Sqlite::read_only_sealed(&path, Options::default(), Arc::new(Threads), keys(&[2])),
    ];
    for fault in others.map(refused) {
        assert_eq!((fault.class, fault.code.as_ref()), (FaultClass::Config, "C0115"), "{fault}");
        let shown = format!("{other:?}");
        let fingerprint = shown.split('"').nth(1).unwrap();
        assert!(fault.message.contains(fingerprint) && !fault.message.contains(&format!("{:064x}", 2)), "{fault}");
    }
    let store = open(folder.path());
    assert_eq!(store.entry(&FLOW.into(), anna).await.unwrap().unwrap().fault.unwrap().message, "vronsky is refused");
}

#[tokio::test]
async fn who_looks_sees_people_that_were_taken_since_it_opened_the_database() {
    let folder = tempdir().unwrap();
    let store = open(folder.path());
    let beside = open_read_only(folder.path());
    assert!(find(&beside, "id-of-anna").await.is_empty());
    store.intake(page(vec![is(anna(), 1)])).await.unwrap();
    assert_eq!(find(&beside, "id-of-anna").await[0].record, Some(anna()));
}

/// How many keys of data there are, by the operator's key that wrapped them.
fn wrapped(folder: &Path) -> Vec<u64> {
    let db = raw(folder);
    let mut query = db.prepare("SELECT count(*) FROM data_key GROUP BY operator ORDER BY 1").unwrap();
    query.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn a_new_key_replaces_the_old_one_even_if_the_start_is_cut_off() {
    let folder = tempdir().unwrap();
    let store = open(folder.path());
    let all: Vec<Record> =
        (0..1300).map(|n| customer(&format!("id-{n}"), &format!("Name {n}"), &format!("{n}@example.org"))).collect();
    store.intake(page(all.iter().map(|record| is(record.clone(), 1)).collect())).await.unwrap();
    drop(store);
    assert_eq!(wrapped(folder.path()), [1302], "each person, one for all, one for names");
    // Stops in the middle of a batch, as a kill does.
    let stop = "CREATE TRIGGER stop BEFORE UPDATE ON data_key
                WHEN (SELECT count(*) FROM data_key WHERE operator = NEW.operator) >= 700
                BEGIN SELECT RAISE(ABORT, 'killed'); END";
    raw(folder.path()).execute_batch(stop).unwrap();
    refused(open_with(folder.path(), &[2, 1]));
    let mut counts = wrapped(folder.path());
    counts.sort_unstable();
    assert_eq!(counts.len(), 2, "some are wrapped by the new key: {counts:?}");
    assert!(counts[0] > 0 && counts.iter().sum::<u64>() == 1302, "{counts:?}");
    raw(folder.path()).execute_batch("DROP TRIGGER stop").unwrap();
    for alone in [[1], [2]] {
        assert_eq!(refused(open_with(folder.path(), &alone)).code, "C0115", "neither key alone opens all");
    }
    drop(open_with(folder.path(), &[2, 1]).unwrap());
    assert_eq!(wrapped(folder.path()), [1302]);
    assert_eq!(refused(open_with(folder.path(), &[1])).code, "C0115", "the old key is of no use any more");
    let store = open_with(folder.path(), &[2]).unwrap();
    let mut after = None;
    let mut read = 0;
    loop {
        let found = store.read(&samples::source(), Kind::Customer, after.as_ref(), 400).await.unwrap();
        let Some(last) = found.last() else { break };
        after = Some(last.id.clone());
        read += found.len();
        assert!(found.iter().all(|found| all.contains(found.record.as_ref().unwrap())));
    }
    assert_eq!(read, all.len());
}

/// The stored ids of customers and orders, and of hints.
fn stored_ids(folder: &Path) -> Vec<String> {
    let db = raw(folder);
    let mut query = db.prepare("SELECT id FROM record UNION ALL SELECT id FROM hint ORDER BY 1").unwrap();
    query.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn a_name_is_always_stored_alike_with_one_key_and_otherwise_with_another() {
    let mut stored = Vec::new();
    for _ in 0..2 {
        let folder = tempdir().unwrap();
        let store = open(folder.path());
        store.intake(page(vec![is(customer("7", "A", "a@example.org"), 1)])).await.unwrap();
        store.intake(page(vec![is(order("7", None, "a@example.org"), 1)])).await.unwrap();
        drop(store);
        let store = open_with(folder.path(), &[2, 1]).unwrap();
        let hint = Hint { kind: Kind::Customer, id: Some("7".into()) };
        store.hint(&samples::source(), &[hint], at(1)).await.unwrap();
        drop(store);
        stored.push(stored_ids(folder.path()));
    }
    let distinct = |ids: &[Vec<String>]| {
        let mut ids = ids.concat();
        ids.sort();
        ids.dedup();
        ids.len()
    };
    assert_eq!(stored[0].len(), 3);
    assert_eq!(distinct(&stored[..1]), 2, "a customer and its hint are alike, an order of this id is not");
    assert_eq!(distinct(&stored), 4, "another database has another key");
}

#[tokio::test]
async fn what_was_changed_or_moved_does_not_open() {
    for change in [
        "UPDATE body SET bytes = (SELECT bytes FROM body b WHERE b.n <> body.n AND b.n < 3)",
        "UPDATE body SET bytes = CAST(bytes || x'00' AS BLOB) WHERE n = 1",
        "UPDATE body SET bytes = x'ffffffff0f'",
        "UPDATE data_key SET wrapped = (SELECT wrapped FROM data_key k WHERE k.id = 4) WHERE id = 3",
        "UPDATE record SET id = substr(id, 2) WHERE n = 1",
    ] {
        let (folder, _) = people().await;
        raw(folder.path()).execute_batch(change).unwrap();
        let store = open(folder.path());
        let all = store.read(&samples::source(), Kind::Customer, None, 9).await;
        assert_eq!(all.unwrap_err().code, "C0106", "{change}");
    }
    let (folder, anna) = people().await;
    let swap =
        "UPDATE payload SET bytes = (SELECT bytes FROM payload p WHERE p.key <> payload.key ORDER BY key LIMIT 1)
                WHERE (key & 1099511627775) = 1";
    raw(folder.path()).execute_batch(swap).unwrap();
    let entry = open(folder.path()).entry(&FLOW.into(), anna).await;
    assert_eq!(entry.unwrap_err().code, "C0106");
}

#[tokio::test]
async fn what_is_left_of_a_person_whose_key_was_deleted_is_told_from_damage() {
    let (folder, anna) = people().await;
    raw(folder.path()).execute_batch("DELETE FROM data_key WHERE id = (SELECT person FROM about WHERE n = 1)").unwrap();
    let store = open(folder.path());
    let flow = FlowName::from(FLOW);
    let found = find(&store, "id-of-anna").await;
    assert_eq!((found.len(), &found[0].record), (1, &None), "the row is there, and what it held is not");
    let entry = store.entry(&flow, anna).await.unwrap().unwrap();
    assert_eq!((entry.items, entry.fault.unwrap().code.as_ref()), (Vec::new(), "C0116"));
    let letter = &store.dead(&flow, 9).await.unwrap()[0];
    assert_eq!((letter.fault.class, letter.fault.code.as_ref()), (FaultClass::Record, "C0116"));
    assert_eq!(letter.items, []);
    // It stops nobody else, and its record can be deleted and settled.
    let levin = customer("id-of-levin", "Konstantin", "levin@example.org");
    store.intake(page(vec![is(levin.clone(), 2)])).await.unwrap();
    let due = works(&store).await;
    assert_eq!(due.iter().map(|work| work.id.as_str()).collect::<Vec<_>>(), ["readable id", "id-of-levin"]);
    assert_eq!(due[1].record(), Some(&levin));
    store.intake(page(vec![samples::gone(Kind::Customer, "id-of-anna", None)])).await.unwrap();
    let gone = work(&store, "id-of-anna").await;
    settle(&store, vec![samples::in_sync(&gone)]).await;
    assert_eq!(store.entry(&flow, anna).await.unwrap().unwrap().state, State::Gone);
    // Who comes back gets a new key.
    store.intake(page(vec![is(self::anna(), 3)])).await.unwrap();
    assert_eq!(work(&store, "id-of-anna").await.record(), Some(&self::anna()));
}

/// Ids of the keys of persons.
fn persons(folder: &Path) -> Vec<u64> {
    let db = raw(folder);
    let mut query = db.prepare("SELECT id FROM data_key WHERE length(owner) > 1 ORDER BY id").unwrap();
    query.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn an_order_that_gets_a_customer_is_sealed_with_the_customer_s_key() {
    let folder = tempdir().unwrap();
    let store = open(folder.path());
    register(&store, FLOW, Ids::Own).await;
    store.intake(page(vec![is(order("o", None, "anna@example.org"), 1)])).await.unwrap();
    let before = work(&store, "o").await;
    settle(&store, vec![dead(&before, "vronsky")]).await;
    let guest = persons(folder.path());
    store.intake(page(vec![is(order("o", Some("id-of-anna"), "anna@example.org"), 2)])).await.unwrap();
    let customer = persons(folder.path());
    assert!(guest.len() == 1 && customer.len() == 1 && guest != customer, "{guest:?} {customer:?}");
    drop(store);
    let store = open(folder.path());
    let letter = &store.dead(&FLOW.into(), 9).await.unwrap()[0];
    assert_eq!((letter.fault.message.as_str(), letter.items.len()), ("vronsky is refused", 1));
    let entry = store.entry(&FLOW.into(), before.number).await.unwrap().unwrap();
    assert_eq!(entry.items[0].id.as_str(), "vronsky-item");
    // The key of whom several records are about stays with the last of them.
    let two = [order("p", None, "b@example.org"), order("q", None, "B@example.org")];
    store.intake(page(two.map(|order| is(order, 1)).to_vec())).await.unwrap();
    assert_eq!(persons(folder.path()).len(), 2, "an address is one person's, whatever its case");
    store.intake(page(vec![is(order("p", Some("id-of-anna"), "b@example.org"), 2)])).await.unwrap();
    assert_eq!(persons(folder.path()).len(), 2);
    assert_eq!(store.read(&samples::source(), Kind::Order, None, 9).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_person_s_key_is_deleted_with_the_last_record() {
    let (folder, _) = people().await;
    let key = |n: u64| -> Vec<u8> {
        let read = "SELECT wrapped FROM data_key WHERE id = (SELECT person FROM about WHERE n = ?1)";
        raw(folder.path()).query_row(read, [n], |row| row.get(0)).unwrap()
    };
    let anna = key(1);
    let store = open(folder.path());
    store.intake(page(vec![samples::gone(Kind::Customer, "id-of-anna", None)])).await.unwrap();
    let gone = work(&store, "id-of-anna").await;
    let workload = store.workload(&FLOW.into(), wide(at(300))).await.unwrap();
    store.advance(samples::step(&FLOW.into(), vec![samples::in_sync(&gone)], Some(workload.cursor))).await.unwrap();
    assert_eq!(persons(folder.path()).len(), 2, "the tombstone is about her");
    let retention = contract::store::Retention { tombstones: std::time::Duration::from_secs(1), ..Default::default() };
    assert_eq!(store.prune(at(1_000_000), &retention, 10).await.unwrap().tombstones, 1);
    assert_eq!(persons(folder.path()).len(), 1);
    for file in fs::read_dir(folder.path()).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(anna.len()).any(|window| window == anna), "the deleted key is still in the file");
    }
}

#[tokio::test]
async fn keys_of_a_page_that_was_not_committed_seal_nothing() {
    let folder = tempdir().unwrap();
    let store = open(folder.path());
    store.intake(page(vec![is(anna(), 1)])).await.unwrap();
    let fail = "CREATE TRIGGER fail BEFORE INSERT ON lane BEGIN SELECT RAISE(ABORT, 'no'); END";
    raw(folder.path()).execute_batch(fail).unwrap();
    let levin = |name: &str| customer("id-of-levin", name, "levin@example.org");
    // Its second form makes the store read the first one, and so its key.
    let twice = vec![is(levin("Levin"), 1), is(levin("Konstantin"), 2)];
    store.intake(page(twice)).await.unwrap_err();
    raw(folder.path()).execute_batch("DROP TRIGGER fail").unwrap();
    // These get the numbers that the keys before had.
    let kitty = customer("id-of-kitty", "Kitty", "kitty@example.org");
    store.intake(page(vec![is(kitty.clone(), 1), is(levin("Levin"), 1)])).await.unwrap();
    drop(store);
    let store = open(folder.path());
    for (id, record) in [("id-of-anna", anna()), ("id-of-kitty", kitty), ("id-of-levin", levin("Levin"))] {
        assert_eq!(find(&store, id).await[0].record, Some(record), "{id}");
    }
}

#[tokio::test]
async fn equal_faults_of_several_persons_are_counted_together() {
    let folder = tempdir().unwrap();
    let store = open(folder.path());
    register(&store, FLOW, Ids::Own).await;
    let people = (0..7).map(|n| is(customer(&format!("id-{n}"), "A", "a@example.org"), 1));
    store.intake(page(people.collect())).await.unwrap();
    let due = works(&store).await;
    let settled = due.iter().zip(0_i64..).map(|(work, n)| Settled {
        fault: Some(Fault::transient("C0003", if n < 3 { "seldom" } else { "often" })),
        ..samples::settled(work, State::Retry(at(400 + n)), Held::Same)
    });
    settle(&store, settled.collect()).await;
    let retrying = store.trouble(&FLOW.into()).await.unwrap().retrying.unwrap();
    assert_eq!((retrying.records, retrying.next, retrying.fault.message.as_str()), (7, at(400), "often"));
    let rule = KeptBy::Rule("no_consent".to_owned());
    let filtered = Settled {
        fault: Some(Fault::record("C0005", "kept back")),
        ..samples::settled(&due[0], State::Filtered("no_consent".to_owned()), Held::Items(Vec::new()))
    };
    settle(&store, vec![filtered]).await;
    assert_eq!(store.kept(&FLOW.into(), rule, 9).await.unwrap()[0].fault.as_ref().unwrap().message, "kept back");
}

#[test]
fn a_key_is_read_in_each_of_its_forms_and_never_repeated() {
    let bytes: [u8; 32] = std::array::from_fn(|at| u8::try_from(at).unwrap().wrapping_mul(37).wrapping_add(251));
    let hexadecimal = hexadecimal(&bytes);
    let fingerprint = |text: &str| {
        let key = OperatorKey::parse(&text.into()).unwrap();
        format!("{:?}", OperatorKeys::from_iter([key]))
    };
    let same = fingerprint(&hexadecimal);
    assert!(!same.contains(&hexadecimal[..8]), "{same}");
    let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
    let for_urls = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, bytes);
    for text in [
        hexadecimal.to_uppercase(),
        base64.clone(),
        base64.trim_end_matches('=').to_owned(),
        for_urls,
        format!(" {base64}\n"),
    ] {
        assert_eq!(fingerprint(&text), same, "{text}");
    }
    for text in
        ["", "short", &hexadecimal[2..], &base64[4..], &format!("{hexadecimal}00"), &"g".repeat(64), &"+a".repeat(32)]
    {
        let fault = OperatorKey::parse(&text.into()).err().unwrap_or_else(|| panic!("{text} is no key"));
        assert_eq!(fault.code, "C0117");
        let told = format!("{fault:?}");
        assert!(text.is_empty() || text == "short" || !told.contains(text), "{told}");
    }
}
