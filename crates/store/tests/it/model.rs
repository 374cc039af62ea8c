//! Random histories, with crashes, against the naive model.

use std::{fs, path::Path, sync::Arc};

use conformance::store::samples;
use contract::{
    Change, Item, Threads,
    destination::Ids,
    source::{Unread, Urgency},
    store::{
        Admin as _, Claim, Declared, Held, HeldItem, Hold, Intake, Ledger as _, Mirror as _, Number, Settled, State,
        Step, Sweep, Take, Wake, Which, Work, Workload,
    },
};
use model::{FlowName, Kind, Record, RecordId, RemoteId};
use proptest::{collection::vec, option, prelude::*};
use store::sqlite::{OperatorKey, OperatorKeys, Options, Sqlite};
use tempfile::TempDir;

use super::{
    naive::{Naive, Seen},
    seal::found_in,
};

const FLOWS: [&str; 2] = ["one", "two"];
/// Whether records may claim the same item in them.
const IDS: [Ids; 2] = [Ids::Own, Ids::Shared];

#[derive(Clone, Debug)]
struct Said {
    kind: u8,
    id: u8,
    /// Content; `None`: it is gone.
    content: Option<(u8, u8)>,
    version: u64,
    /// It can't be understood.
    broken: bool,
}

#[derive(Clone, Debug)]
struct Page {
    said: Vec<Said>,
    pass: Option<u64>,
    urgency: usize,
}

#[derive(Clone, Debug)]
enum Act {
    Intake(Page),
    Sweep {
        pass: u64,
        guard: Option<f64>,
    },
    Spread(u64),
    Wake(i64),
    Push {
        flow: usize,
        fresh: [usize; 3],
        outcomes: Vec<u8>,
        meanwhile: Option<Page>,
        cut_off: bool,
    },
    Release {
        flow: usize,
        back: u64,
    },
    Replay {
        flow: usize,
        number: Option<u64>,
    },
    Discard {
        flow: usize,
        number: u64,
    },
    Doubt {
        flow: usize,
        number: u64,
    },
    Restart {
        flow: usize,
        fingerprint: u8,
    },
    /// An earlier settlement arrives a second time, late.
    Late {
        flow: usize,
    },
    Crash,
    Reopen,
}

fn page() -> impl Strategy<Value = Page> {
    let said = (0..8_u8, 0..4_u8, option::weighted(0.8, (0..3_u8, 0..3_u8)), 0..4_u64);
    let said = (said, prop::bool::weighted(0.1)).prop_map(|((kind, id, content, version), broken)| Said {
        kind,
        id,
        content,
        version,
        broken,
    });
    (vec(said, 0..6), option::weighted(0.3, 1..3_u64), 0..3_usize).prop_map(|(said, pass, urgency)| Page {
        said,
        pass,
        urgency,
    })
}

fn act() -> impl Strategy<Value = Act> {
    let flow = || 0..FLOWS.len();
    prop_oneof![
        6 => page().prop_map(Act::Intake),
        1 => (1..3_u64, option::weighted(0.7, 0.2..1.0)).prop_map(|(pass, guard)| Act::Sweep { pass, guard }),
        1 => (0..5_u64).prop_map(Act::Spread),
        1 => (0..12_i64).prop_map(Act::Wake),
        8 => (flow(), [0..4_usize, 0..4_usize, 0..6_usize], vec(0..13_u8, 8), option::weighted(0.2, page()), any::<bool>())
            .prop_map(|(flow, fresh, outcomes, meanwhile, odd)| {
                let cut_off = odd && outcomes.first().is_some_and(|first| *first < 3);
                Act::Push { flow, fresh, outcomes, meanwhile, cut_off }
            }),
        1 => (flow(), 0..6_u64).prop_map(|(flow, back)| Act::Release { flow, back }),
        1 => (flow(), option::of(1..12_u64)).prop_map(|(flow, number)| Act::Replay { flow, number }),
        1 => (flow(), 1..12_u64).prop_map(|(flow, number)| Act::Discard { flow, number }),
        1 => (flow(), 1..12_u64).prop_map(|(flow, number)| Act::Doubt { flow, number }),
        1 => (flow(), 0..2_u8).prop_map(|(flow, fingerprint)| Act::Restart { flow, fingerprint }),
        1 => flow().prop_map(|flow| Act::Late { flow }),
        1 => Just(Act::Crash),
        1 => Just(Act::Reopen),
    ]
}

fn record(kind: u8, id: u8, (a, b): (u8, u8)) -> Record {
    let name = format!("name {a}");
    match kind {
        0 | 1 => samples::product(
            &format!("p{}", id + 4 * kind),
            &name,
            &[&format!("c{a}"), &format!("c{b}")],
            &[&format!("sku-{b}"), &format!("sku-{}", id % 2)],
        ),
        2 => samples::category(&format!("c{id}"), &name, (b > 0).then(|| format!("c{b}")).as_deref()),
        3 => samples::stock(&format!("s{id}"), &format!("sku-{b}"), i64::from(a)),
        4 => samples::selection(&format!("sel{id}")),
        6 => samples::customer(&format!("{MARK}-c{id}"), &format!("{MARK} {name}"), &format!("{MARK}{b}@example.com")),
        // An order changes between its customer and a guest, and between customers.
        7 => {
            let customer = (a > 0).then(|| format!("{MARK}-c{b}"));
            samples::order(&format!("{MARK}-o{id}"), customer.as_deref(), &format!("{MARK}{b}@example.com"))
        }
        _ => samples::assignment(&format!("sel{}", a % 2), &format!("p{id}")),
    }
}

fn change(said: &Said) -> Change {
    let record = record(said.kind, said.id, said.content.unwrap_or_default());
    if said.content.is_some() {
        return samples::is(record, said.version);
    }
    let version = (said.version > 0).then_some(said.version);
    Change::Gone { kind: record.kind(), id: record.id(), version }
}

fn intake(page: &Page) -> Intake {
    let (broken, said): (Vec<&Said>, Vec<&Said>) = page.said.iter().partition(|said| said.broken);
    let changes = said.into_iter().map(change).collect();
    let broken = broken.into_iter().map(|said| {
        let record = record(said.kind, said.id, said.content.unwrap_or_default());
        let what = format!("{} is broken", record.id());
        Unread { kind: record.kind(), ..samples::unread(Some(record.id().as_str()), &what) }
    });
    Intake { unread: broken.collect(), pass: page.pass, urgency: Urgency::ALL[page.urgency], ..samples::page(changes) }
}

fn settled(work: &Work, outcome: u8) -> Settled {
    let id = work.id.as_str();
    let is = |state, items| samples::settled(work, state, items);
    let retry = State::Retry(samples::at(i64::from(outcome)));
    let mut settled = match outcome {
        0 | 1 => is(State::InSync, Held::Items(vec![samples::held(id, &format!("{id} sent at {}", work.revision.0))])),
        2 => is(State::Filtered("no_price".to_owned()), Held::Items(Vec::new())),
        3 => Settled {
            refused: vec![Item { id: id.into(), payload: samples::payload(&format!("{id} is refused")) }],
            fault: Some(contract::Fault::record("C0999", format!("{id} is refused"))),
            ..is(State::Dead, Held::Same)
        },
        4 | 5 => is(retry, Held::Same),
        6 => is(State::AwaitsFeed, Held::Same),
        7 => {
            let kept = HeldItem { payload: None, ..samples::held(id, "kept") };
            is(State::InSync, Held::Items(vec![samples::held("extra", "extra"), kept]))
        }
        8 => is(State::Gone, Held::Items(Vec::new())),
        9 => is(State::Held(Hold::Removal), Held::Same),
        10 => is(State::AwaitsImport, Held::Same),
        _ => is(State::Filtered("another's".to_owned()), Held::Same),
    };
    let second = i64::try_from(work.number.0 % 10).unwrap();
    settled.holds = match outcome {
        1 => samples::until(second),
        2 => model::Window { from: Some(samples::at(second)), until: None },
        _ => model::Window::OPEN,
    };
    settled
}

/// The claims of a record in this state, with its rank; `None`: not known.
fn claimed(work: &Work, outcome: u8) -> Option<(u64, i64, Vec<String>)> {
    let id = work.id.to_string();
    let items = match outcome {
        2 | 6 | 8 => Vec::new(),
        3 => return None,
        7 => vec!["extra".to_owned(), id],
        11 => vec!["extra".to_owned(), "p0".to_owned()],
        12 => vec!["extra".to_owned(), "p1".to_owned()],
        _ => vec![id],
    };
    Some((work.number.0, i64::try_from(work.revision.0 % 3).unwrap(), items))
}

/// The store and what it must agree with.
struct Pair {
    store: Option<Sqlite>,
    folder: TempDir,
    naive: Naive,
    fingerprints: [u8; 2],
    /// The operator's key in use.
    key: u8,
    /// What each flow settled in its last but one step.
    late: [Vec<Settled>; 2],
    last: [Vec<Settled>; 2],
}

/// In everything that tells of people.
const MARK: &str = "markedperson";

/// Opens it with this key of the operator, and the one before.
fn open(folder: &Path, key: u8) -> Sqlite {
    let options = Options { durable: false, readers: 1, dictionary_after: 8, ..Options::default() };
    let keys = [key, key.wrapping_sub(1)].map(|key| OperatorKey::parse(&format!("{key:064x}").into()).unwrap());
    let keys = OperatorKeys::from_iter(keys);
    Sqlite::sealed(&folder.join("cartage.db"), options, Arc::new(Threads), keys).unwrap()
}

impl Pair {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Some(open(folder.path(), 1));
        let mut pair = Self {
            store,
            folder,
            naive: Naive::default(),
            fingerprints: [0; 2],
            key: 1,
            late: Default::default(),
            last: Default::default(),
        };
        pair.register_all().await;
        pair
    }

    fn store(&self) -> &Sqlite {
        self.store.as_ref().unwrap()
    }

    async fn register_all(&mut self) {
        for flow in 0..FLOWS.len() {
            self.register(flow).await;
        }
    }

    async fn register(&mut self, flow: usize) {
        let fingerprint = self.fingerprints[flow].to_string();
        let (name, ids) = (FLOWS[flow], IDS[flow]);
        let declared = Declared {
            carries: Kind::CARRIED.to_vec(),
            ..samples::declared(&name.into(), &samples::source(), &fingerprint, ids)
        };
        let restarts = self.store().declare(&declared).await.unwrap().restarted;
        let cut_off = self.store().recover(&name.into()).await.unwrap().in_doubt;
        let registered = samples::Registered { restarted: restarts, in_doubt: cut_off };
        let (restarted, in_doubt) = self.naive.register(name, &fingerprint, ids == Ids::Shared);
        assert_eq!(registered, samples::Registered { restarted, in_doubt });
    }

    async fn take_in(&mut self, page: &Page) {
        let intake = intake(page);
        let wanted = self.naive.intake(&intake);
        assert_eq!(self.store().intake(intake).await.unwrap(), wanted);
    }

    /// As if the process had been killed: only the files remain.
    async fn crash(&mut self) {
        let left = tempfile::tempdir().unwrap();
        for file in ["cartage.db", "cartage.db-wal"] {
            let from = self.folder.path().join(file);
            if from.exists() {
                fs::copy(from, left.path().join(file)).unwrap();
            }
        }
        self.store = None;
        self.folder = left;
        self.store = Some(open(self.folder.path(), self.key));
        self.register_all().await;
    }

    async fn act(&mut self, act: &Act) {
        match act {
            Act::Intake(page) => self.take_in(page).await,
            Act::Sweep { pass, guard } => {
                let kinds = [Kind::Product, Kind::Category, Kind::Stock, Kind::Customer, Kind::Order];
                let sweeps = kinds.map(|kind| (kind, None)).to_vec();
                let sweep = Sweep { sweeps, ..samples::sweep(*pass, *guard) };
                let wanted = self.naive.sweep(&sweep);
                assert_eq!(self.store().sweep(sweep).await.unwrap(), wanted);
            }
            Act::Spread(limit) => {
                let wanted = self.naive.spread(*limit);
                assert_eq!(
                    self.store()
                        .spread(&samples::touch(samples::at(150)), usize::try_from(*limit).unwrap())
                        .await
                        .unwrap(),
                    wanted
                );
            }
            Act::Wake(now) => {
                let wanted = self.naive.wake(samples::at(*now));
                assert_eq!(self.store().wake(&samples::touch(samples::at(*now)), 1000).await.unwrap(), wanted);
            }
            Act::Push { flow, fresh, outcomes, meanwhile, cut_off } => {
                self.push(*flow, *fresh, outcomes, meanwhile.as_ref(), *cut_off).await;
            }
            Act::Crash => self.crash().await,
            Act::Reopen => {
                self.store = None;
                self.key += 1;
                self.store = Some(open(self.folder.path(), self.key));
                self.register_all().await;
            }
            Act::Restart { flow, fingerprint } => {
                self.fingerprints[*flow] = *fingerprint;
                self.register(*flow).await;
            }
            Act::Late { flow } => {
                let late = self.late[*flow].clone();
                for settled in &late {
                    self.naive.settle(FLOWS[*flow], settled);
                }
                self.store().advance(samples::step(&FLOWS[*flow].into(), late, None)).await.unwrap();
            }
            Act::Release { .. } | Act::Replay { .. } | Act::Discard { .. } | Act::Doubt { .. } => self.hand(act).await,
        }
    }

    /// Actions of a person or the feed.
    async fn hand(&mut self, act: &Act) {
        let (got, wanted) = match act {
            Act::Release { flow, back } => {
                let up_to = contract::store::Revision(self.naive.revision.saturating_sub(*back));
                let got = self.store().release(&FLOWS[*flow].into(), Kind::Product, up_to).await.unwrap();
                (got, self.naive.release(FLOWS[*flow], Kind::Product, up_to))
            }
            Act::Replay { flow, number } => {
                let numbers: Vec<_> = number.map(Number).into_iter().collect();
                let which = if numbers.is_empty() { Which::All } else { Which::These(&numbers) };
                let got = self.store().replay(&FLOWS[*flow].into(), which).await.unwrap();
                (got, self.naive.replay(FLOWS[*flow], &numbers))
            }
            Act::Discard { flow, number } => {
                let got = self.store().discard(&FLOWS[*flow].into(), Which::These(&[Number(*number)])).await.unwrap();
                (got, self.naive.discard(FLOWS[*flow], &[Number(*number)]))
            }
            Act::Doubt { flow, number } => {
                let got = self.store().doubt(&FLOWS[*flow].into(), &[Number(*number)]).await.unwrap();
                (got, self.naive.doubt(FLOWS[*flow], &[Number(*number)]))
            }
            _ => (0, 0),
        };
        assert_eq!(got, wanted);
    }

    async fn push(&mut self, at: usize, fresh: [usize; 3], outcomes: &[u8], meanwhile: Option<&Page>, cut_off: bool) {
        let flow = FlowName::from(FLOWS[at]);
        let take = Take { now: samples::at(6), fresh, retries: 3, after: None };
        let workload = self.store().workload(&flow, take).await.unwrap();
        let (wanted, cursor) = self.naive.workload(FLOWS[at], &take);
        assert_eq!((seen(&workload), workload.cursor), (wanted, cursor));
        let claims: Vec<_> = workload.work.iter().zip(outcomes).filter_map(|(work, it)| claimed(work, *it)).collect();
        self.naive.claim(FLOWS[at], &claims);
        let claims = claims.into_iter().map(|(n, rank, items)| Claim {
            number: Number(n),
            created_at: Some(model::Timestamp::from_millis(rank)),
            items: items.iter().map(|id| RemoteId::from(id.as_str())).collect(),
        });
        self.store().claim(&flow, samples::NEWEST, claims.collect()).await.unwrap();
        // One that it may be held under already, and one that is new.
        let carried = |work: &Work| [(work.number, work.id.to_string()), (work.number, format!("{}-x", work.id))];
        let mut items: Vec<(Number, String)> = workload.work.iter().flat_map(carried).collect();
        // And one that may be another's.
        items.extend(workload.work.first().map(|work| (work.number, "extra".to_owned())));
        let open: Vec<(Number, &str)> = items.iter().map(|(number, id)| (*number, id.as_str())).collect();
        // A call is about people if one of its records is.
        let kind = workload.work.iter().map(|work| work.kind).max().unwrap_or(Kind::Product);
        let opening = contract::store::Open { kind, ..samples::open(&open) };
        let open = Step { open: vec![opening], ..samples::step(&flow, Vec::new(), None) };
        let call = self.store().advance(open).await.unwrap()[0];
        self.naive.opened(FLOWS[at], call, items);
        if let Some(page) = meanwhile {
            self.take_in(page).await;
        }
        if cut_off {
            return self.crash().await;
        }
        // The cursor must not pass a record that is settled in part. Some settlements ignore the result of the claims.
        let mut work = workload.work.clone();
        if outcomes.last().is_none_or(|last| last % 4 > 0) {
            for work in &mut work {
                *work = self
                    .store()
                    .work(&flow, work.number)
                    .await
                    .unwrap()
                    .map(|now| Work { entry: now.entry, ..work.clone() })
                    .unwrap();
            }
        }
        let settled: Vec<Settled> = work.iter().zip(outcomes).map(|(work, outcome)| settled(work, *outcome)).collect();
        let whole = settled.len() == workload.work.len();
        for settled in &settled {
            self.naive.settle(FLOWS[at], settled);
        }
        self.naive.closed(FLOWS[at], call);
        if whole {
            self.naive.advance(FLOWS[at], workload.cursor);
        }
        self.late[at] = std::mem::replace(&mut self.last[at], settled.clone());
        let response = items_text(&workload);
        let close = vec![contract::store::Closed { response, ..samples::closed(call) }];
        let step = Step { close, ..samples::step(&flow, settled, whole.then_some(workload.cursor)) };
        self.store().advance(step).await.unwrap();
    }

    async fn compare(&self) {
        let store = self.store();
        assert_eq!(store.revision(&samples::source()).await.unwrap().0, self.naive.revision);
        for flow in FLOWS {
            let tally = store.tally(&flow.into()).await.unwrap();
            assert_eq!(tally.sum(), tally.mirror);
            assert_eq!(tally, self.naive.tally(flow));
        }
        for count in store.counts(&samples::source()).await.unwrap() {
            assert_eq!(count.live, self.naive.live(count.kind), "live records of kind {}", count.kind);
        }
    }

    async fn compare_owners(&self, flow: &str) {
        let others = ["c0".to_owned(), "extra".to_owned(), format!("{MARK}-c0"), format!("{MARK}-o1")];
        let ids: Vec<String> = (0..8).map(|n| format!("p{n}")).chain(others).collect();
        let items: Vec<RemoteId> = ids.iter().map(|id| RemoteId::from(id.as_str())).collect();
        for kind in Kind::CARRIED {
            let owners = self.store().owners(&flow.into(), kind, &items).await.unwrap();
            let owners: Vec<_> = owners.into_iter().map(|owner| (owner.item.into_string(), owner.number.0)).collect();
            let wanted = ids.iter().filter_map(|id| Some((id.clone(), self.naive.owner(flow, kind, id)?)));
            assert_eq!(owners, wanted.collect::<Vec<_>>(), "whose the items of {flow} are");
        }
    }

    async fn compare_entries(&self) {
        for flow in FLOWS {
            self.compare_owners(flow).await;
            let name = FlowName::from(flow);
            let mut wake = Wake::default();
            let mut dead = 0;
            for n in self.naive.numbers() {
                let got = self.store().entry(&name, Number(n)).await.unwrap();
                let work = self.store().work(&name, Number(n)).await.unwrap().unwrap();
                let wanted = self.naive.entry(flow, n).cloned();
                let got = got.map(|got| super::naive::Entry {
                    state: got.state,
                    revision: got.revision.0,
                    attempts: got.attempts,
                    holds: model::Window { from: got.since, until: got.due },
                    items: work
                        .entry
                        .clone()
                        .unwrap()
                        .items
                        .into_iter()
                        .map(|it| (it.id.into_string(), it.digests))
                        .collect(),
                    payloads: got.items.iter().map(|it| (it.id.as_str().to_owned(), it.payload.object())).collect(),
                    turn: work.entry.as_ref().unwrap().turn,
                });
                // In whatever order the items are.
                let [got, wanted] = [got, wanted].map(|entry| {
                    entry.map(|mut entry| {
                        entry.items.sort_by(|(one, _), (other, _)| one.cmp(other));
                        entry
                    })
                });
                assert_eq!(got, wanted, "what {flow} holds of {n}");
                let Some(wanted) = wanted else { continue };
                if let State::Retry(at) = wanted.state
                    && !work.unread
                {
                    wake.retry = Some(wake.retry.map_or(at, |earlier| earlier.min(at)));
                }
                if let Some(at) = wanted.holds.until {
                    wake.due = Some(wake.due.map_or(at, |earlier| earlier.min(at)));
                }
                dead += usize::from(wanted.state == State::Dead);
            }
            assert_eq!(self.store().next_wake(&name).await.unwrap(), wake);
            assert_eq!(self.store().dead(&name, 100).await.unwrap().len(), dead);
        }
    }
}

/// Number of cases: `PROPTEST_CASES`, if set, to look for more.
#[expect(clippy::disallowed_methods, reason = "how much a test looks for is no setting of the product")]
fn cases(usual: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(usual)
}

/// An answer that names what it is about.
fn items_text(workload: &Workload) -> String {
    workload.work.iter().map(|work| work.id.as_str()).collect::<Vec<_>>().join(", ")
}

fn seen(workload: &Workload) -> Vec<Seen> {
    let seen = workload.work.iter().map(|work| Seen {
        number: work.number.0,
        revision: work.revision.0,
        urgency: work.urgency,
        id: RecordId::from(work.id.as_str()),
        record: work.record().cloned(),
        joined: work.joined().to_vec(),
        state: work.entry.as_ref().map(|entry| entry.state.clone()),
    });
    seen.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(64), max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_history_ends_as_the_naive_model_says(acts in vec(act(), 1..50)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut pair = Pair::new().await;
            for act in &acts {
                pair.act(act).await;
                pair.compare().await;
            }
            pair.compare_entries().await;
            assert_eq!(found_in(pair.folder.path(), &[MARK]), Vec::<String>::new(), "people can be read in the files");
        });
    }
}
