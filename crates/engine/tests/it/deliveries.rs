//! Deliveries of webhooks: forged, repeated, late, lost, and in floods.

use std::sync::Arc;

use conformance::source::script::SIGNATURE;
use contract::{Fault, source::Delivery, store::Hint};
use engine::pull::{Receiver, Stopped};
use model::Kind;
use tokio::task::JoinSet;

use crate::{
    hints::{channel, hint},
    pull::{Reading, lane},
};

/// The source's receiver, and what it was given.
struct Address<'s> {
    shop: &'s Reading,
    receiver: Receiver,
}

impl<'s> Address<'s> {
    fn of(shop: &'s Reading) -> Self {
        Self { shop, receiver: Receiver::new(shop.pull.clone()) }
    }

    async fn deliver(&self, signature: &[u8], number: Option<u64>, body: &str) -> Result<(), Fault> {
        let number = number.map(|number| number.to_string());
        let numbers = number.iter().map(|number| ("number", number.as_bytes()));
        let headers: Vec<(&str, &[u8])> = [("signature", signature)].into_iter().chain(numbers).collect();
        let (body, at) = (body.as_bytes(), contract::Clock::now(&*self.shop.clock));
        let delivery = Delivery { method: "POST", path: "/", headers: &headers, body, at };
        self.receiver.receive(&delivery).await.map(drop).map_err(Stopped::fault)
    }

    async fn delivers(&self, number: u64, channel: &str) {
        self.deliver(SIGNATURE, Some(number), &format!(r#"[["channel", "{channel}"]]"#)).await.unwrap();
    }

    async fn gap(&self) -> bool {
        self.shop.pull.store.hook(&self.shop.pull.name).await.unwrap().unwrap().gap_at.is_some()
    }
}

#[tokio::test]
async fn a_delivery_is_kept_until_it_is_answered() {
    let shop = Reading::new(vec![lane()]);
    let address = Address::of(&shop);
    assert!(address.deliver(b"forged", None, r#"[["channel", "a"]]"#).await.is_err());
    assert!(address.deliver(SIGNATURE, None, "not JSON").await.is_err());
    assert_eq!(shop.waiting().await, []);
    assert_eq!(shop.pull.store.hook(&shop.pull.name).await.unwrap(), None, "no delivery came");
    for _ in 0..3 {
        address.deliver(SIGNATURE, None, r#"[["channel", "a"], ["channel", "b"]]"#).await.unwrap();
    }
    assert_eq!(shop.waiting().await, [hint(Kind::Channel, "a"), hint(Kind::Channel, "b")]);

    shop.script.put(channel("a", "hinted", 0));
    shop.script.refuse(true);
    assert!(shop.pull.refresh().await.is_err());
    assert_eq!(shop.waiting().await.len(), 2, "they wait");
    shop.script.refuse(false);
    assert_eq!(shop.refresh().await.new, 1);
    assert_eq!((shop.waiting().await, shop.shown("a").await), (Vec::new(), Some(("hinted".to_owned(), 0))));
    assert_eq!(shop.script.fetched().len(), 2);
    // A lane under way is not disturbed.
    assert!(shop.pull.store.lanes(&shop.pull.name).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_repeated_or_late_delivery_is_accepted_and_costs_no_read() {
    let shop = Reading::new(vec![lane()]);
    let address = Address::of(&shop);
    for number in 1..=3 {
        address.delivers(number, "a").await;
    }
    shop.refresh().await;
    assert_eq!(shop.script.fetched().len(), 1);
    for number in [3, 1, 2, 3] {
        address.delivers(number, "a").await;
    }
    assert_eq!((shop.waiting().await, address.gap().await), (Vec::new(), false));
}

#[tokio::test]
async fn a_lost_delivery_has_its_lane_read() {
    let shop = Reading::new(vec![lane()]);
    let address = Address::of(&shop);
    address.delivers(7, "a").await;
    assert!(!address.gap().await, "what came before the first is not known");
    address.delivers(9, "a").await;
    assert!(address.gap().await && shop.pull.is_hinted(&lane()).await.unwrap());
    assert!(shop.waiting().await.contains(&Hint { kind: Kind::Channel, id: None }));
    shop.refresh().await;
    shop.reads_everything(Vec::new()).await;
    assert_eq!(shop.waiting().await, []);
    // It was late rather than lost, and nothing is to be read for it.
    address.delivers(8, "a").await;
    address.delivers(10, "a").await;
    assert_eq!(shop.waiting().await, [hint(Kind::Channel, "a")]);
}

#[tokio::test]
async fn a_flood_of_deliveries_is_few_reads() {
    let shop = Reading::new(vec![lane()]);
    let (receiver, at) = (Arc::new(Receiver::new(shop.pull.clone())), contract::Clock::now(&*shop.clock));
    let mut flood = JoinSet::new();
    for _ in 0..1000 {
        let receiver = Arc::clone(&receiver);
        flood.spawn(async move {
            let (headers, body) = ([("signature", SIGNATURE)], br#"[["channel", "a"]]"#);
            let delivery = Delivery { method: "POST", path: "/", headers: &headers, body, at };
            receiver.receive(&delivery).await.map_err(Stopped::fault)
        });
    }
    for delivered in flood.join_all().await {
        delivered.unwrap();
    }
    shop.refresh().await;
    assert_eq!(shop.script.fetched().len(), 1, "a thousand hints of one record are one read");
    assert_eq!(shop.waiting().await, []);
}
