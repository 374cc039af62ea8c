//! A flow that would remove many of its items, for whatever reason, holds the removals and goes on with the rest.

use std::{collections::VecDeque, time::Duration};

use contract::{
    source::Urgency,
    store::{Admin as _, Ledger as _, Tally},
};
use model::Kind;
use tokio::task::yield_now;

use super::{Ended, Guard, Rig, flow_name, limits, runtime, shop::Goods, steady::wait};

const PRODUCTS: usize = 56;

impl Rig {
    fn guarded(products: usize) -> Self {
        let rig = Self { guard: Some(Guard::default()), ..Self::new(products, limits(10), false) };
        rig.have(0..products, Some(100));
        rig
    }

    /// Sets the price of these products; `None`: they are not sold.
    fn have(&self, products: std::ops::Range<usize>, price: Option<i64>) {
        let changes = {
            let mut shop = self.shop();
            let change = |product| {
                shop.set(product, Some(Goods { price, ..Goods::new(0) }));
                shop.product(product)
            };
            products.map(change).collect()
        };
        self.read(changes, Urgency::Live);
    }

    fn products_held(&self) -> usize {
        self.fake.held().keys().filter(|(kind, _)| *kind == Kind::Product).count()
    }

    fn tally(&self) -> Tally {
        wait(self.store.tally(&flow_name())).unwrap()
    }

    fn approve(&self) -> u64 {
        use contract::Clock as _;
        wait(self.store.approve_removals(&flow_name(), self.clock.now())).unwrap()
    }
}

#[test]
fn a_setting_that_filters_everything_removes_nothing_before_it_is_approved() {
    runtime().block_on(async {
        let rig = Rig::guarded(PRODUCTS);
        rig.settle().await;
        rig.have(0..PRODUCTS, None);
        rig.settle().await;
        let tally = rig.tally();
        assert_eq!((rig.products_held(), tally.held, tally.pending, tally.filtered), (PRODUCTS, PRODUCTS as u64, 0, 0));
        assert_eq!(tally.holds["removal"], PRODUCTS as u64);
        // A restart and further passes change nothing.
        let rig = rig.reopen();
        rig.settle().await;
        assert_eq!(rig.products_held(), PRODUCTS);
        rig.is_sound().unwrap();
        assert_eq!(rig.approve(), PRODUCTS as u64);
        rig.settle().await;
        rig.is_right().unwrap();
        assert_eq!((rig.products_held(), rig.tally().filtered), (0, PRODUCTS as u64));
    });
}

#[test]
fn everything_but_the_removals_goes_on() {
    runtime().block_on(async {
        let rig = Rig::guarded(PRODUCTS);
        rig.settle().await;
        rig.have(0..40, None);
        rig.have(40..PRODUCTS, Some(70));
        rig.settle().await;
        let changed = rig.fake.held().values().filter(|item| item["price"] == 70).count();
        assert_eq!((changed, rig.products_held(), rig.tally().held), (16, PRODUCTS, 40));
        // A product that is sold again needs no approval.
        rig.have(0..40, Some(100));
        rig.settle().await;
        rig.is_right().unwrap();
        assert_eq!(rig.tally().held, 0);
    });
}

#[test]
fn removals_that_trickle_in_are_held_too_also_over_restarts_and_until_a_day_has_passed() {
    runtime().block_on(async {
        let mut rig = Rig::guarded(PRODUCTS);
        rig.settle().await;
        for product in 0..30 {
            rig.have(product..product + 1, None);
            rig.settle().await;
            rig = rig.reopen();
        }
        assert_eq!((rig.products_held(), rig.tally().held), (PRODUCTS - 20, 10));
        // Old removals no longer count, held ones do.
        rig.clock.advance(Duration::from_hours(26));
        rig.have(30..35, None);
        rig.settle().await;
        assert_eq!((rig.products_held(), rig.tally().held), (PRODUCTS - 25, 10));
        assert_eq!(rig.approve(), 10);
        rig.settle().await;
        rig.is_right().unwrap();
        // The approval reset the count.
        rig.have(35..55, None);
        rig.settle().await;
        assert_eq!(rig.tally().held, 0);
        rig.have(55..56, None);
        rig.settle().await;
        assert_eq!(rig.tally().held, 1);
    });
}

#[test]
fn a_removal_that_failed_and_is_made_again_counts_once() {
    runtime().block_on(async {
        let rig = Rig::guarded(PRODUCTS);
        rig.settle().await;
        rig.have(0..18, None);
        rig.fake.fail_next();
        // The source is being read meanwhile, so that all attempts are made by one push.
        rig.filling.send_replace(1);
        let reading = async {
            while rig.products_held() > PRODUCTS - 18 && rig.tally().held == 0 {
                yield_now().await;
                if let Some(retry) = wait(rig.store.next_wake(&flow_name())).unwrap().retry {
                    rig.clock.advance_to(retry);
                    rig.news.send_modify(|news| *news += 1);
                }
            }
            rig.filling.send_replace(0);
        };
        let (ended, ()) = tokio::join!(rig.run(0, None, VecDeque::new()), reading);
        let Ended::Idle(pushed) = ended else { panic!("nothing was cut") };
        assert!(pushed.calls > 2, "{pushed:?}");
        assert_eq!((rig.products_held(), rig.tally().held), (PRODUCTS - 18, 0));
        rig.is_right().unwrap();
    });
}

#[test]
fn a_flow_without_a_guard_removes_what_was_held() {
    runtime().block_on(async {
        let rig = Rig::guarded(PRODUCTS);
        rig.settle().await;
        rig.have(0..PRODUCTS, None);
        rig.settle().await;
        let rig = Rig { guard: None, ..rig };
        rig.settle().await;
        rig.is_right().unwrap();
        // It no longer counts afterwards.
        let rig = Rig { guard: Some(Guard::default()), ..rig };
        let removals = wait(rig.store.removals(&flow_name(), contract::Clock::now(rig.clock.as_ref()))).unwrap();
        assert!(removals.removed <= 0, "{removals:?}");
    });
}
