//! Bounds of a push: calls, halvings, memory.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use contract::{
    Ledger as _,
    source::Urgency,
    store::{Held, Settled, State, Step, Take},
};
use engine::push::read_ahead;
use model::Timestamp;
use tokio::task::yield_now;

use super::{
    Ended, Rig, calls, flow_name,
    histories::Edit,
    limits, runtime,
    script::Hook,
    shop::{CATEGORIES, Goods, Nature},
    steady::wait,
};

const BATCH: usize = 100;

/// Reads so many products, from the number `from` on.
fn fill(rig: &Rig, from: usize, count: usize, urgency: Urgency, nature: impl Fn(usize) -> Nature) {
    let changes = {
        let mut shop = rig.shop();
        let change = |product| {
            shop.set(product, Some(Goods { nature: nature(product), ..Goods::new(0) }));
            shop.product(product)
        };
        (from..from + count).map(change).collect()
    };
    rig.read(changes, urgency);
}

fn good(_: usize) -> Nature {
    Nature::Good
}

#[test]
fn a_clean_first_push_makes_full_calls() {
    const PRODUCTS: usize = 4_950;
    runtime().block_on(async {
        let rig = Rig::new(PRODUCTS, limits(BATCH), false);
        fill(&rig, 0, PRODUCTS, Urgency::Backfill, good);
        rig.settle().await;
        rig.is_right().unwrap();
        let fewest = (PRODUCTS.div_ceil(BATCH) + CATEGORIES.div_ceil(BATCH)) as u64;
        assert!((fewest..=fewest + 1).contains(&calls(&rig.fake)), "{} calls", calls(&rig.fake));
        assert_eq!(rig.fake.most_items(), BATCH);
    });
}

#[test]
fn records_are_prepared_once_though_asynchronous_calls_take_all_places() {
    const PRODUCTS: usize = 3_000;
    runtime().block_on(async {
        let rig = Rig::new(PRODUCTS, limits(BATCH), false);
        rig.fake.be_lazy();
        fill(&rig, 0, PRODUCTS, Urgency::Backfill, good);
        rig.settle().await;
        rig.is_right().unwrap();
        let prepared = rig.fake.prepared.load(Ordering::SeqCst);
        assert!(prepared < PRODUCTS as u64 * 3 / 2, "{PRODUCTS} products were prepared {prepared} times");
    });
}

#[test]
fn records_of_many_items_are_read_ahead_as_far_as_calls_can_carry_their_items() {
    const PRODUCTS: usize = 1_000;
    const VARIANTS: usize = 20;
    const LARGE: usize = 2_000;
    runtime().block_on(async {
        let rig = Rig::new(PRODUCTS, limits(LARGE), false);
        let changes = {
            let mut shop = rig.shop();
            let change = |product| {
                shop.set(product, Some(Goods { stock: vec![1; VARIANTS], ..Goods::new(0) }));
                shop.product(product)
            };
            (0..PRODUCTS).map(change).collect()
        };
        rig.read(changes, Urgency::Backfill);
        rig.settle().await;
        rig.is_right().unwrap();
        let ahead = rig.fake.prepared_first();
        // As many items as the calls under way and one more carry, or a few hundred records.
        let most = (read_ahead(&limits(LARGE)) / VARIANTS).max(450) as u64;
        assert!((1..=most).contains(&ahead), "{ahead} records of {VARIANTS} items were prepared before the first call");
    });
}

#[test]
fn while_a_first_read_goes_on_calls_wait_until_they_are_full() {
    const PRODUCTS: usize = 2_000;
    const PAGE: usize = 130;
    runtime().block_on(async {
        let rig = Rig::new(PRODUCTS, limits(BATCH), false);
        rig.filling.send_replace(1);
        let reading = async {
            for from in (0..PRODUCTS).step_by(PAGE) {
                for _ in 0..40 {
                    yield_now().await;
                }
                fill(&rig, from, PAGE.min(PRODUCTS - from), Urgency::Backfill, good);
            }
            rig.filling.send_replace(0);
        };
        let (ended, ()) = tokio::join!(rig.run(1, None, VecDeque::new()), reading);
        assert!(matches!(ended, Ended::Idle(_)));
        rig.is_right().unwrap();
        let fewest = (PRODUCTS.div_ceil(BATCH) + 1) as u64;
        assert!((fewest..=fewest + 1).contains(&calls(&rig.fake)), "{} calls", calls(&rig.fake));
    });
}

#[test]
fn a_changed_mapping_of_few_records_makes_full_calls() {
    // Most records are settled without a call; that must not split the calls of the others.
    const PRODUCTS: usize = 4_000;
    runtime().block_on(async {
        let rig = Rig::new(PRODUCTS, limits(BATCH), false);
        fill(&rig, 0, PRODUCTS, Urgency::Backfill, good);
        rig.settle().await;
        let before = calls(&rig.fake);
        for product in (0..PRODUCTS).step_by(8) {
            let changes = rig.edit(Edit::Stock(product, 7));
            rig.read(changes, Urgency::Backfill);
        }
        // The cursor goes back, as after a change of the mapping: every record is processed.
        let declared = contract::store::Declared { fingerprint: "another".to_owned(), ..rig.flow().declared() };
        wait(rig.store.declare(&declared)).unwrap();
        rig.settle().await;
        rig.is_right().unwrap();
        let made = calls(&rig.fake) - before;
        let fewest = PRODUCTS.div_ceil(8).div_ceil(BATCH) as u64;
        assert!((fewest..=fewest + 1).contains(&made), "{made} calls rather than {fewest}");
    });
}

#[test]
fn a_refused_record_costs_as_many_calls_as_its_batch_can_be_halved() {
    const PRODUCTS: usize = 3_000;
    for bad in [1, 7, 29] {
        runtime().block_on(async {
            let rig = Rig::new(PRODUCTS, limits(BATCH), false);
            let nature = |product: usize| if product % (PRODUCTS / bad) == 5 { Nature::Poison } else { Nature::Good };
            fill(&rig, 0, PRODUCTS, Urgency::Live, nature);
            rig.settle().await;
            rig.is_right().unwrap();
            let dead = rig.shop().dead();
            // Each halving makes two calls of one.
            let halvings = u64::from(BATCH.next_power_of_two().ilog2());
            let most = (PRODUCTS.div_ceil(BATCH) + 2) as u64 + dead * 2 * halvings;
            assert!(calls(&rig.fake) <= most, "{} calls for {dead} bad records, at most {most}", calls(&rig.fake));
        });
    }
}

#[test]
fn never_are_more_records_prepared_than_may_be() {
    const EACH: usize = 1_500;
    let most_ahead = read_ahead(&limits(BATCH)) as u64;
    runtime().block_on(async {
        let rig = Rig::new(4 * EACH, limits(BATCH), false);
        // All records of one kind wait for their retry, so that there is work of every urgency at once.
        fill(&rig, 0, EACH, Urgency::Backfill, good);
        let take = Take { now: Timestamp::from_millis(0), fresh: [4 * EACH; 3], retries: 0, after: None };
        let workload = wait(rig.store.workload(&flow_name(), take)).unwrap();
        let retry = workload.work.iter().map(|work| Settled {
            number: work.number,
            revision: work.revision,
            state: State::Retry(Timestamp::from_millis(0)),
            items: Held::Same,
            holds: model::Window::OPEN,
            call: None,
            fault: None,
            refused: Vec::new(),
            turn: 0,
            trial: None,
            prices: None,
        });
        let step = Step {
            flow: flow_name(),
            lease: super::shop::NEWEST,
            close: Vec::new(),
            settled: retry.collect(),
            cursor: Some(workload.cursor),
            open: Vec::new(),
            removed: 0,
            tickets: Vec::new(),
            at: Timestamp::from_millis(0),
        };
        wait(rig.store.advance(step)).unwrap();
        fill(&rig, EACH, EACH, Urgency::Backfill, good);
        fill(&rig, 2 * EACH, EACH, Urgency::Live, good);
        fill(&rig, 3 * EACH, EACH, Urgency::Urgent, good);
        let most = Arc::new(AtomicU64::new(0));
        let hooks = (0..20_000).map(|at| {
            let (fake, ears, most) = (Arc::clone(&rig.fake), Arc::clone(&rig.ears), Arc::clone(&most));
            let look: Hook = Box::new(move || {
                let prepared = fake.prepared.load(Ordering::SeqCst);
                let settled = ears.settled.load(Ordering::SeqCst);
                most.fetch_max(prepared.saturating_sub(settled), Ordering::SeqCst);
            });
            (at, look)
        });
        let ended = rig.run(1, None, hooks.collect()).await;
        assert!(matches!(ended, Ended::Idle(_)));
        rig.is_right().unwrap();
        let most = most.load(Ordering::SeqCst);
        assert!((most_ahead / 2..=most_ahead).contains(&most), "{most} records were prepared at once");
    });
}

#[test]
fn what_products_refer_to_is_loaded_once_for_all_pushes_until_its_content_changes() {
    runtime().block_on(async {
        let rig = Rig::new(20, limits(BATCH), false);
        fill(&rig, 0, 20, Urgency::Live, good);
        // Each push belongs to a flow of its own; they share the loaded reference records of the source.
        for product in 0..5 {
            rig.settle().await;
            fill(&rig, product, 1, Urgency::Urgent, good);
        }
        rig.settle().await;
        rig.is_right().unwrap();
        assert_eq!(rig.asked.of("reference"), 1);
        rig.shop().categories[0] += 1;
        let renamed = rig.shop().category(0);
        rig.read(vec![renamed], Urgency::Live);
        rig.settle().await;
        rig.is_right().unwrap();
        assert_eq!(rig.asked.of("reference"), 2);
    });
}
