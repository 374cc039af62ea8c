//! Comparing a destination with what should be there.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use conformance::destination::scripted::{Events, events::Service};
use contract::{Admin as _, Clock as _, Fault, destination::Repeat, store::Which};
use engine::verify::{Verified, repair, repaired, verify};
use model::Record;

use super::{Process, Side, product};

/// A process that has sent these products, by id and name.
async fn with(side: &Side, service: &Arc<Service>, products: &[(&str, &str)]) -> Process {
    let process = side.start(Events::new(service, Repeat::AtMostOnce)).await;
    read(side, &process, products).await;
    process.settle().await;
    process
}

async fn read(side: &Side, process: &Process, products: &[(&str, &str)]) {
    let records = products.iter().map(|(id, name)| Record::Product(Box::new(product(id, name))));
    process.read(side.is(records.collect())).await;
}

impl Process {
    async fn verified(&self) -> Verified {
        verify(&self.push.flow, self.store.as_ref(), self.clock.as_ref(), true).await.unwrap()
    }

    /// Repairs and pushes; tells how many records are as they should be again.
    async fn repaired(&self, verified: &Verified) -> u64 {
        repair(&self.push.flow, self.store.as_ref(), self.clock.as_ref(), verified).await.unwrap();
        self.settle().await;
        repaired(&self.push.flow, self.store.as_ref(), verified).await.unwrap()
    }
}

fn counts(verified: &Verified) -> (u64, u64, BTreeMap<&'static str, u64>) {
    (verified.expected, verified.right, verified.unacknowledged.clone())
}

#[tokio::test]
async fn every_item_that_should_be_there_is_counted() {
    let (side, service) = (Side::new(), Arc::new(Service::default()));
    service.refuse(Some("Bad"));
    let process = with(&side, &service, &[("p", "Shirt"), ("q", "Bad"), ("r", "Skirt")]).await;
    assert_eq!(counts(&process.verified().await), (3, 2, BTreeMap::from([("dead", 1)])));
    // It was changed for the worse: what the destination has is what it acknowledged.
    read(&side, &process, &[("r", "Bad")]).await;
    assert_eq!(counts(&process.verified().await), (3, 2, BTreeMap::from([("dead", 1)])));
    process.settle().await;
    assert_eq!(counts(&process.verified().await), (3, 2, BTreeMap::from([("dead", 1)])));
    // What is new was never sent.
    read(&side, &process, &[("s", "Sock")]).await;
    assert_eq!(counts(&process.verified().await), (4, 2, BTreeMap::from([("dead", 1), ("pending", 1)])));
    service.refuse(None);
    process.store.replay(&process.push.flow.name, Which::All).await.unwrap();
    process.settle().await;
    assert_eq!(counts(&process.verified().await), (4, 4, BTreeMap::new()));
}

#[tokio::test]
async fn what_a_dead_record_had_there_and_the_destination_lost_is_missed_and_sent_again() {
    let (side, service) = (Side::new(), Arc::new(Service::default()));
    service.refuse(Some("Bad"));
    let process = with(&side, &service, &[("p", "Shirt"), ("q", "Skirt")]).await;
    read(&side, &process, &[("q", "Bad")]).await;
    process.settle().await;
    service.lose_profile("q");
    let verified = process.verified().await;
    assert_eq!(counts(&verified), (2, 1, BTreeMap::new()));
    assert_eq!((verified.drift[0].item.as_str(), verified.drift[0].missing), ("q", true));
    assert_eq!(process.repaired(&verified).await, 0, "it is refused still");
    service.refuse(None);
    let verified = process.verified().await;
    assert_eq!(counts(&verified), (2, 1, BTreeMap::from([("dead", 1)])));
    process.store.replay(&process.push.flow.name, Which::All).await.unwrap();
    process.settle().await;
    assert_eq!(counts(&process.verified().await), (2, 2, BTreeMap::new()));
    // An event is reported once, whatever was lost.
    assert_eq!((service.events("p"), service.events("q")), (1, 1));
}

#[tokio::test]
async fn a_read_that_fails_is_tried_again_and_ends_only_what_it_can_t_read() {
    let (side, service) = (Side::new(), Arc::new(Service::default()));
    let process = with(&side, &service, &[("p", "Shirt"), ("q", "Skirt")]).await;
    let (began, wait) = (process.clock.now(), Duration::from_secs(30));
    let throttled = Fault::throttled("C0998", "too many calls").after(Some(wait));
    service.fail_reads([throttled, Fault::protocol("C0998", "a page of a proxy")]);
    let verified = process.verified().await;
    assert_eq!((verified.right, &verified.stopped), (2, &None));
    assert!(began.until(process.clock.now()) >= wait, "the destination is given the quiet it asks for");
    // Keys that are refused are not tried again, and a destination that is down not for ever.
    for (fault, times) in [(Fault::credentials("C0997", "no"), 1), (Fault::transient("C0996", "down"), 6)] {
        service.fail_reads(vec![fault.clone(); times]);
        let verified = process.verified().await;
        assert_eq!(verified.stopped.unwrap().code, fault.code);
        assert_eq!(verified.right, 0);
        assert_eq!(process.verified().await.right, 2);
    }
}

#[tokio::test]
async fn items_that_no_record_owns_are_found_where_the_destination_lists_them() {
    let (side, service) = (Side::new(), Arc::new(Service::default()));
    let process = with(&side, &service, &[("p", "Shirt"), ("q", "Skirt"), ("r", "Sock")]).await;
    assert_eq!(process.verified().await.orphans, []);
    for id in ["a", "pp", "z"] {
        service.add_profile(id);
    }
    let verified = process.verified().await;
    let orphans: Vec<&str> = verified.orphans.iter().map(|orphan| orphan.item.as_str()).collect();
    assert_eq!((orphans, verified.right, verified.drift.len()), (vec!["a", "pp", "z"], 3, 0));
    let verified = verify(&process.push.flow, process.store.as_ref(), process.clock.as_ref(), false).await.unwrap();
    assert_eq!(verified.orphans, [], "that was not asked for");
}
