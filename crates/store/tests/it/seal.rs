//! What tells of people is sealed where it is kept. No kind is personal yet: categories stand for one.

use std::{fs, path::Path, sync::Arc};

use conformance::store::samples::{self, at, category, is, page, wide};
use contract::{
    Fault, Threads,
    destination::Ids,
    source::Unread,
    store::{
        Admin as _, Claim, Closed, Held, Hint, Hints as _, Intake, Ledger as _, Mirror as _, Settled, State, Step,
    },
};
use model::{FlowName, Kind, Record};
use store::sqlite::{Options, Seal, Sqlite};

/// Not a seal that anyone should use: what it hides is turned over.
struct Turned;

impl Seal for Turned {
    fn is_personal(&self, kind: Kind) -> bool {
        kind == Kind::Category
    }

    fn seal(&self, plain: &[u8]) -> Vec<u8> {
        plain.iter().map(|byte| !byte).collect()
    }

    fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        Some(self.seal(sealed))
    }

    fn seal_name(&self, name: &str) -> String {
        name.chars().rev().collect()
    }

    fn open_name(&self, sealed: &str) -> Option<String> {
        Some(self.seal_name(sealed))
    }

    fn hash_key(&self) -> [u8; 32] {
        [7; 32]
    }
}

fn open(path: &Path) -> Sqlite {
    let options = Options { dictionary_after: 20, durable: false, ..Options::default() };
    Sqlite::sealed(path, options, Arc::new(Threads), Arc::new(Turned)).unwrap()
}

fn anna() -> Record {
    category("anna@example.org", "Anna Karenina", None)
}

/// Whether the database holds the text anywhere.
fn holds(path: &Path, text: &str) -> bool {
    let log = path.with_extension("db-wal");
    let files = [fs::read(path).unwrap(), fs::read(log).unwrap_or_default()];
    files.iter().any(|file| file.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes())))
}

#[tokio::test]
async fn what_tells_of_people_is_kept_in_no_readable_form_and_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cartage.db");
    let flow = FlowName::from("to");
    let store = open(&path);
    samples::register(&store, &flow, &samples::source(), "1", Ids::Shared).await.unwrap();
    let unread = |kind, id: &str, what: &str| Unread {
        kind,
        id: Some(id.into()),
        fault: Fault::record("C0001", format!("{what} has no name")),
    };
    let intake = Intake {
        unread: vec![
            unread(Kind::Category, "levin@example.org", "Konstantin Levin"),
            unread(Kind::Product, "readable product", "readable fault"),
        ],
        ..page(vec![is(anna(), 1), is(samples::plain("readable id", "readable name"), 1)])
    };
    store.intake(intake).await.unwrap();
    let hint = Hint { kind: Kind::Category, id: Some("kitty@example.org".into()) };
    store.hint(&samples::source(), std::slice::from_ref(&hint), at(1)).await.unwrap();

    let workload = store.workload(&flow, wide(at(300))).await.unwrap();
    let work = workload.work.iter().find(|work| work.kind == Kind::Category).unwrap();
    assert_eq!((work.id.as_str(), work.record()), ("anna@example.org", Some(&anna())));
    let claim = Claim { number: work.number, created_at: None, items: vec!["stepan@example.org".into()] };
    store.claim(&flow, samples::NEWEST, vec![claim]).await.unwrap();
    let opening =
        contract::store::Open { kind: Kind::Category, ..samples::open(&[(work.number, "stepan@example.org")]) };
    let open_call = Step { open: vec![opening], ..samples::step(&flow, Vec::new(), None) };
    let call = store.advance(open_call).await.unwrap()[0];
    let refused = Fault::record("C0002", "Alexei Vronsky is refused");
    let closed = Closed {
        response: "Stiva Oblonsky is not known".to_owned(),
        fault: Some(refused.clone()),
        ..samples::closed(call)
    };
    let held = samples::held("stepan@example.org", "Dolly Oblonskaya");
    let items = vec![contract::Item { id: held.id.clone(), payload: held.payload.clone().unwrap() }];
    let settled = Settled {
        call: Some(call),
        fault: Some(refused.clone()),
        refused: items.clone(),
        ..samples::settled(work, State::Dead, Held::Items(vec![held]))
    };
    store.advance(Step { close: vec![closed], ..samples::step(&flow, vec![settled], None) }).await.unwrap();

    let number = work.number;
    let owners = store.owners(&flow, Kind::Category, &["stepan@example.org".into()]).await.unwrap();
    assert_eq!(owners[0].id.as_str(), "anna@example.org");
    let entry = store.entry(&flow, number).await.unwrap().unwrap();
    assert_eq!((entry.items, entry.fault), (items.clone(), Some(refused.clone())));
    assert_eq!(entry.call.unwrap().response, "Stiva Oblonsky is not known");
    let dead = &store.dead_of(&flow, &"anna@example.org".into()).await.unwrap()[0];
    assert_eq!((dead.id.as_str(), &dead.items, &dead.fault), ("anna@example.org", &items, &refused));
    assert_eq!(store.hints(&samples::source(), 9).await.unwrap()[0].hint, hint);
    let unread = store.unread(&samples::source(), 9).await.unwrap();
    let unread: Vec<_> =
        unread.iter().map(|row| (row.id.as_ref().unwrap().as_str(), row.fault.message.as_str())).collect();
    assert!(unread.contains(&("levin@example.org", "Konstantin Levin has no name")), "{unread:?}");
    for text in ["anna@example.org", "readable id"] {
        assert_eq!(store.find(&samples::source(), text).await.unwrap()[0].id.as_str(), text);
    }
    let again = store.intake(page(vec![is(anna(), 1)])).await.unwrap();
    assert_eq!(again.unchanged, 1, "it is found by its id");
    drop(store);
    for hidden in ["anna@", "Karenina", "levin@", "Levin", "kitty@", "stepan@", "Vronsky", "Oblonsky", "Oblonskaya"] {
        assert!(!holds(&path, hidden), "{hidden} can be read in the database");
    }
    for shown in ["readable id", "readable name", "readable product", "readable fault"] {
        assert!(holds(&path, shown), "{shown} should be there");
    }
}

#[tokio::test]
async fn what_tells_of_people_trains_no_dictionary() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cartage.db");
    let store = open(&path);
    let long = |n: usize| format!("{n} {}", "a long description of it, and nothing else ".repeat(9));
    for round in 0..6 {
        let changes = (0..50).map(|n| is(category(&format!("c{round}-{n}"), &long(n), None), 1));
        store.intake(page(changes.collect())).await.unwrap();
    }
    drop(store);
    let dictionaries = || -> u64 {
        let db = rusqlite::Connection::open(&path).unwrap();
        db.query_row("SELECT count(*) FROM dictionary", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(dictionaries(), 0);
    let store = open(&path);
    for round in 0..6 {
        let changes = (0..50).map(|n| is(samples::plain(&format!("p{round}-{n}"), &long(n)), 1));
        store.intake(page(changes.collect())).await.unwrap();
    }
    drop(store);
    assert!(dictionaries() > 0, "other kinds do");
}
