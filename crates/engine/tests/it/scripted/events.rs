//! Calls that may not be repeated, and signals.

use std::sync::Arc;

use conformance::{
    destination::scripted::{
        Events,
        events::{Loses, Service},
    },
    source::script::Script,
};
use contract::{
    Clock as _, Destination as _, Ledger as _, Mirror as _, Source,
    destination::Repeat,
    store::{Leased, Open, State, Step},
};
use engine::{
    Decision, Turns,
    pull::{Mode, Pull},
    signals::WithSignals,
};
use model::{Kind, Record};
use tokio::sync::watch;

use super::{Deaf, Process, Side, flow_name, product, source};

/// A process that has read one product.
async fn with_one(side: &Side, service: &Arc<Service>, report: Repeat) -> Process {
    let process = side.start(Events::new(service, report)).await;
    process.read(side.is(vec![Record::Product(Box::new(product("p", "Shirt")))])).await;
    process
}

#[tokio::test]
async fn what_is_reported_is_reported_once_whatever_becomes_of_the_record() {
    let (side, service) = (Side::new(), Arc::new(Service::default()));
    let process = with_one(&side, &service, Repeat::AtMostOnce).await;
    process.settle().await;
    let first = service.profile("p").unwrap();
    process.read(side.is(vec![Record::Product(Box::new(product("p", "Skirt")))])).await;
    process.settle().await;
    assert_ne!(service.profile("p").unwrap(), first);
    process.is_gone(Kind::Product, "p").await;
    process.settle().await;
    assert_eq!((service.profile("p"), process.tally().await.gone), (None, 1));
    process.read(side.is(vec![Record::Product(Box::new(product("p", "Skirt")))])).await;
    process.settle().await;
    assert!(service.profile("p").is_some());
    assert_eq!((service.events("p"), process.tally().await.in_sync), (1, 1));
}

#[tokio::test]
async fn an_event_that_may_have_been_reported_is_held_and_never_reported_again() {
    for (loses, reported) in [(Loses::Before, 0), (Loses::After, 1)] {
        let (side, service) = (Side::new(), Arc::new(Service::default()));
        service.lose(loses);
        let mut process = with_one(&side, &service, Repeat::AtMostOnce).await;
        for _ in 0..3 {
            process.settle().await;
            let tally = process.tally().await;
            assert_eq!((tally.held, &tally.holds["unknown_outcome"]), (1, &1), "{tally:?}");
            drop(process);
            process = side.start(Events::new(&service, Repeat::AtMostOnce)).await;
        }
        // A change of the record does not report the event again, and is sent as far as possible.
        process.read(side.is(vec![Record::Product(Box::new(product("p", "Skirt")))])).await;
        process.settle().await;
        assert_eq!((service.events("p"), process.tally().await.held), (reported, 1), "{loses:?}");
        assert!(service.profile("p").unwrap().to_string().contains("Skirt"));
    }
}

#[tokio::test]
async fn a_person_decides_whether_an_event_of_unknown_outcome_is_reported_again() {
    // What the destination can't say is asked of a person too.
    for (report, mute) in [(Repeat::AtMostOnce, false), (Repeat::Lookup, true)] {
        for (loses, before) in [(Loses::Before, 0), (Loses::After, 1)] {
            for (decision, more) in [(Decision::SendAgain, 1), (Decision::TakeAsDelivered, 0)] {
                let (side, service) = (Side::new(), Arc::new(Service::default()));
                if mute {
                    service.be_mute();
                }
                service.lose(loses);
                let process = with_one(&side, &service, report).await;
                process.settle().await;
                let held = process.held().await;
                let [it] = held.as_slice() else { panic!("{held:?}") };
                assert_eq!((it.id.as_str(), it.fault.as_ref().unwrap().code.as_ref()), ("p", "C0635"));
                assert_eq!(process.decide(&[it.number], decision).await, 1);
                process.settle().await;
                let tally = process.tally().await;
                assert_eq!(
                    (service.events("p"), tally.in_sync, tally.held),
                    (before + more, 1, 0),
                    "{report:?} {loses:?}"
                );
                // Decided once, and only what is held.
                assert_eq!((process.held().await.len(), process.decide(&[it.number], decision).await), (0, 0));
                process.read(side.is(vec![Record::Product(Box::new(product("p", "Skirt")))])).await;
                process.settle().await;
                assert_eq!((service.events("p"), process.tally().await.in_sync), (before + more, 1));
            }
        }
    }
}

#[tokio::test]
async fn what_can_be_looked_up_is_reported_exactly_once() {
    for loses in [Loses::Before, Loses::After] {
        let (side, service) = (Side::new(), Arc::new(Service::default()));
        service.lose(loses);
        let process = with_one(&side, &service, Repeat::Lookup).await;
        process.settle().await;
        assert_eq!((service.events("p"), process.tally().await.in_sync), (1, 1), "{loses:?}");
    }
}

#[tokio::test]
async fn an_event_that_the_destination_does_not_know_of_is_held() {
    let (side, service) = (Side::new(), Arc::new(Service::default()));
    service.be_mute();
    service.lose(Loses::After);
    let process = with_one(&side, &service, Repeat::Lookup).await;
    process.settle().await;
    assert_eq!((service.events("p"), process.tally().await.held), (1, 1));
}

#[tokio::test]
async fn a_crash_before_the_answer_is_an_unknown_outcome() {
    for (report, reported, state) in [
        (Repeat::AtMostOnce, 0, State::Held(contract::store::Hold::UnknownOutcome)),
        (Repeat::Lookup, 1, State::InSync),
        (Repeat::Safe, 1, State::InSync),
    ] {
        let (side, service) = (Side::new(), Arc::new(Service::default()));
        let process = with_one(&side, &service, report).await;
        let number = process.number(Kind::Product, "p").await;
        let open = Open { kind: Kind::Product, op: "report", items: vec![(number, "launch:p".into())] };
        let step = Step {
            flow: flow_name(),
            lease: process.store.lease(&Leased::Flow(flow_name())).await.unwrap(),
            close: Vec::new(),
            settled: Vec::new(),
            cursor: None,
            open: vec![open],
            tickets: Vec::new(),
            removed: 0,
            at: process.clock.now(),
        };
        process.store.advance(step).await.unwrap();
        drop(process);
        let process = side.start(Events::new(&service, report)).await;
        assert_eq!(process.in_doubt, 1);
        process.settle().await;
        assert_eq!(
            (service.events("p"), process.entry(Kind::Product, "p").await.state),
            (reported, state),
            "{report:?}"
        );
        assert!(service.profile("p").is_some());
    }
}

#[tokio::test]
async fn what_people_say_there_comes_back_as_records_of_the_source() {
    let (side, service) = (Side::new(), Arc::new(Service::default()));
    let events = Events::new(&service, Repeat::AtMostOnce);
    let shop: Arc<dyn Source> = Arc::new(Script::new(Vec::new(), Vec::new()));
    let whole = WithSignals::of(shop, vec![("newsletter".to_owned(), events.signals().unwrap())]);
    let process = side.start(events).await;
    let [lane] = <[_; 1]>::try_from(whole.lanes()).unwrap();
    assert_eq!(lane.name, "newsletter/suppressions");
    let pull = Pull {
        name: source(),
        source: whole,
        store: Arc::<store::sqlite::Sqlite>::clone(&process.store),
        clock: Arc::<crate::push::clock::FakeClock>::clone(&process.clock),
        observer: Arc::new(Deaf),
        guard: None,
        news: watch::channel(0).0,
        hinted: watch::channel(0).0,
        turns: Turns::default(),
    };
    service.signal("anna");
    pull.walk(&lane, Mode::Changes).await.unwrap();
    service.signal("ben");
    pull.walk(&lane, Mode::Changes).await.unwrap();
    let counts = process.store.counts(&source()).await.unwrap();
    let signals = counts.iter().find(|count| count.kind == Kind::Brand).unwrap();
    assert_eq!((signals.live, process.store.find(&source(), "ben").await.unwrap().len()), (2, 1));
}
