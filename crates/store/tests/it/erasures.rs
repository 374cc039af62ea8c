//! Who belongs to a person, when an erasure ends, and that nothing is left of it.

use std::{collections::BTreeSet, fs, path::Path, sync::Arc};

use conformance::store::samples::{self, at, customer, is, order, page, wide};
use contract::{
    Threads,
    destination::Ids,
    store::{Admin as _, Declared, Erasures as _, Held, Ledger as _, Mirror as _, ReadBack, State, Who, Work},
};
use model::{Email, Kind, Record};
use rusqlite::Connection;
use store::sqlite::{OperatorKey, OperatorKeys, Options, Sqlite};
use tempfile::tempdir;

const FLOW: &str = "to";

async fn open(folder: &Path) -> Sqlite {
    let keys: OperatorKeys = [OperatorKey::parse(&format!("{:064x}", 7).into()).unwrap()].into_iter().collect();
    let options = Options { durable: false, ..Options::default() };
    let store = Sqlite::sealed(&folder.join("cartage.db"), options, Arc::new(Threads), keys).unwrap();
    let declared = Declared {
        carries: Kind::CARRIED.to_vec(),
        ..samples::declared(&FLOW.into(), &samples::source(), "1", Ids::Own)
    };
    store.declare(&declared).await.unwrap();
    store.recover(&FLOW.into()).await.unwrap();
    store
}

fn email(text: &str) -> Who {
    Who::Email(Email::parse(text).unwrap())
}

fn account(id: &str) -> Who {
    Who::Customer { source: None, id: id.into() }
}

async fn take(store: &Sqlite, records: &[Record]) -> contract::store::Taken {
    store.intake(page(records.iter().map(|record| is(record.clone(), 0)).collect())).await.unwrap()
}

async fn ids(store: &Sqlite, who: &Who) -> Vec<String> {
    let found = store.of_person(who).await.unwrap();
    found.into_iter().map(|(_, found)| found.id.as_str().to_owned()).collect::<BTreeSet<_>>().into_iter().collect()
}

async fn works(store: &Sqlite) -> Vec<Work> {
    store.workload(&FLOW.into(), wide(at(300))).await.unwrap().work
}

async fn settle_all(store: &Sqlite, settle: impl Fn(&Work) -> contract::store::Settled) {
    let workload = store.workload(&FLOW.into(), wide(at(300))).await.unwrap();
    let settled = workload.work.iter().map(settle).collect();
    store.advance(samples::step(&FLOW.into(), settled, Some(workload.cursor))).await.unwrap();
}

fn gone(work: &Work) -> contract::store::Settled {
    samples::settled(work, State::Gone, Held::Items(Vec::new()))
}

#[tokio::test]
async fn a_person_is_accounts_their_orders_and_orders_with_an_address_that_nobody_else_has() {
    let folder = tempdir().unwrap();
    let store = open(folder.path()).await;
    take(
        &store,
        &[
            customer("ann", "Ann", "ann@new.example"),
            customer("ann-2", "Ann", "Ann@New.example"),
            customer("bob", "Bob", "bob@x.example"),
            // Ann had another address. Whether the guest was she, nobody knows.
            order("old", Some("ann"), "ann@old.example"),
            order("guest", None, "ann@old.example"),
            // Ann ordered with Bob's address, and Bob with Ann's.
            order("for-bob", Some("ann"), "bob@x.example"),
            order("of-bob", Some("bob"), "ann@new.example"),
            order("bob-guest", None, "bob@x.example"),
        ],
    )
    .await;
    let ann = ["ann", "ann-2", "for-bob", "of-bob", "old"];
    assert_eq!(ids(&store, &email("ANN@new.example")).await, ann);
    // No account has it now: whoever ordered with it stays.
    assert_eq!(ids(&store, &email("ann@old.example")).await, ["guest", "old"]);
    assert_eq!(ids(&store, &email("bob@x.example")).await, ["bob", "bob-guest", "for-bob", "of-bob"]);
    assert_eq!(ids(&store, &account("ann-2")).await, ["ann-2"], "another account has its address, too");
    assert!(ids(&store, &email("carl@x.example")).await.is_empty());
    assert_eq!(store.erase(&email("carl@x.example"), at(5)).await.unwrap(), None);
    assert_eq!(store.erase(&email("ann@new.example"), at(5)).await.unwrap(), Some(1));
    let taken =
        take(&store, &[customer("bob", "Robert", "bob@x.example"), order("more", Some("bob"), "bob@x.example")]).await;
    assert_eq!((taken.erased, taken.changed, taken.new), (0, 1, 1), "others go on");
    let back = [
        customer("ann", "Ann", "ann@third.example"),
        customer("ann-3", "Ann", "ann@OLD.example"),
        order("another", Some("ann-2"), "x@y.example"),
        order("of-bob", Some("bob"), "bob@x.example"),
    ];
    let taken = take(&store, &back).await;
    assert_eq!((taken.erased, taken.changed, taken.new), (3, 0, 1));
    assert!(!store.lift(&email("ann@new.example")).await.unwrap(), "it has not ended");
    settle_all(&store, gone).await;
    assert!(store.end_erasure(1, &[], at(12)).await.unwrap());
    assert!(store.lift(&email("ann@new.example")).await.unwrap());
    assert!(!store.lift(&email("ann@new.example")).await.unwrap());
    assert_eq!(take(&store, &back).await.erased, 0);
}

#[tokio::test]
async fn an_erasure_waits_neither_for_what_was_removed_by_hand_nor_for_a_flow_that_has_nothing() {
    let folder = tempdir().unwrap();
    let store = open(folder.path()).await;
    let declare = async |flow: &str, kinds: Vec<Kind>| {
        let declared = samples::declared(&flow.into(), &samples::source(), "1", Ids::Own);
        store.declare(&Declared { carries: kinds, ..declared }).await.unwrap();
        store.recover(&flow.into()).await.unwrap();
    };
    declare("other", Kind::CARRIED.to_vec()).await;
    take(&store, &[customer("ann", "Ann", "ann@x.example")]).await;
    settle_all(&store, samples::in_sync).await;
    // The other flow filtered it, and carries no customers any more.
    let workload = store.workload(&"other".into(), wide(at(300))).await.unwrap();
    let filtered = |work| samples::settled(work, State::Filtered("rule".to_owned()), Held::Items(Vec::new()));
    let settled = workload.work.iter().map(filtered).collect();
    store.advance(samples::step(&"other".into(), settled, Some(workload.cursor))).await.unwrap();
    declare("other", vec![Kind::Product]).await;
    let erasure = store.erase(&account("ann"), at(5)).await.unwrap().unwrap();
    let left = async || {
        let open = store.open_erasures().await.unwrap();
        open[0].flows.iter().map(|from| (from.flow.as_str().to_owned(), from.left)).collect::<Vec<_>>()
    };
    assert_eq!(left().await, [(FLOW.to_owned(), 1), ("other".to_owned(), 0)]);
    // The destination refuses to remove it; somebody does so by hand.
    settle_all(&store, |work| samples::settled(work, State::Dead, Held::Same)).await;
    assert!(!store.end_erasure(erasure, &[], at(6)).await.unwrap());
    assert_eq!(store.discard(&FLOW.into(), contract::store::Which::All).await.unwrap(), 1);
    assert_eq!(left().await, [(FLOW.to_owned(), 0), ("other".to_owned(), 0)]);
    assert!(store.end_erasure(erasure, &[], at(7)).await.unwrap());
}

#[tokio::test]
async fn an_account_is_one_of_its_source() {
    let folder = tempdir().unwrap();
    let store = open(folder.path()).await;
    for source in ["shop", "other"] {
        let declared = samples::declared(&format!("{FLOW}-{source}").as_str().into(), &source.into(), "1", Ids::Own);
        store.declare(&Declared { carries: Kind::CARRIED.to_vec(), ..declared }).await.unwrap();
        let page = page(vec![is(customer("42", source, &format!("{source}@x.example")), 0)]);
        store.intake(contract::store::Intake { source: source.into(), ..page }).await.unwrap();
    }
    let of = |source: &str| Who::Customer { source: Some(source.into()), id: "42".into() };
    assert_eq!(store.of_person(&account("42")).await.unwrap().len(), 2);
    assert_eq!(store.of_person(&of("other")).await.unwrap().len(), 1);
    assert!(store.erase(&of("other"), at(5)).await.unwrap().is_some());
    assert!(store.erasure_of(&of("other")).await.unwrap().is_some());
    assert_eq!(store.erasure_of(&of("shop")).await.unwrap(), None);
    assert_eq!(store.of_person(&of("shop")).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_erasure_ends_once_all_is_settled_and_leaves_nothing_of_the_person_not_even_to_who_has_the_key() {
    let folder = tempdir().unwrap();
    let store = open(folder.path()).await;
    let bob = customer("bob", "Bob", "bob@x.example");
    let person = [customer("ann", "Ann", "ann@x.example"), order("first", Some("ann"), "ann@x.example")];
    take(&store, &person).await;
    take(&store, std::slice::from_ref(&bob)).await;
    settle_all(&store, samples::in_sync).await;
    let secrets: Vec<Vec<u8>> = {
        let db = Connection::open(folder.path().join("cartage.db")).unwrap();
        let all = |query: &str| -> Vec<Vec<u8>> {
            let mut query = db.prepare(query).unwrap();
            query.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
        };
        let mut secrets =
            all("SELECT k.wrapped FROM data_key k JOIN about a ON a.person = k.id JOIN record r ON r.n = a.n
             WHERE r.n <> (SELECT max(n) FROM record)");
        secrets.extend(all("SELECT CAST(id AS BLOB) FROM record WHERE n <> (SELECT max(n) FROM record)"));
        secrets
    };
    assert_eq!(secrets.len(), 4);
    let erasure = store.erase(&email("ann@x.example"), at(9)).await.unwrap().unwrap();
    assert_eq!(store.erase(&email("ann@x.example"), at(9)).await.unwrap(), None, "it is under way");
    let tally = store.tally(&FLOW.into()).await.unwrap();
    assert_eq!((tally.mirror, tally.pending, tally.in_sync, tally.sum()), (3, 2, 1, 3));
    let works = works(&store).await;
    assert!(works.len() == 2 && works.iter().all(|work| work.erased && work.whole.is_none()));
    assert!(!store.end_erasure(erasure, &[], at(10)).await.unwrap(), "nothing is removed yet");
    let view = store.open_erasures().await.unwrap().remove(0);
    assert_eq!(store.ended_erasures().await.unwrap(), 0);
    assert_eq!(
        view.flows.iter().map(|from| (from.kind, from.items, from.left)).collect::<Vec<_>>(),
        [(Kind::Customer, 1, 1), (Kind::Order, 1, 1)]
    );
    settle_all(&store, gone).await;
    assert_eq!(store.erasing(erasure).await.unwrap().len(), 2);
    let read_back = ReadBack { flow: FLOW.into(), kind: Kind::Order, asked: 1, found: 0, at: at(11) };
    assert!(store.end_erasure(erasure, std::slice::from_ref(&read_back), at(12)).await.unwrap());
    assert!(!store.end_erasure(erasure, &[], at(13)).await.unwrap(), "it ends once");
    assert!(store.open_erasures().await.unwrap().is_empty());
    assert_eq!(store.ended_erasures().await.unwrap(), 1);
    let view = store.erasure_of(&email("ann@x.example")).await.unwrap().unwrap();
    assert_eq!((view.done_at, view.flows[1].read_back.clone()), (Some(at(12)), Some(read_back)));
    let tally = store.tally(&FLOW.into()).await.unwrap();
    assert_eq!((tally.mirror, tally.in_sync, tally.sum()), (1, 1, 1));
    assert_eq!(take(&store, &person).await.erased, 2);
    assert!(ids(&store, &email("ann@x.example")).await.is_empty());
    drop(store);
    for file in fs::read_dir(folder.path()).unwrap() {
        let path = file.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        for secret in &secrets {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{}", path.display());
        }
    }
}
