//! A record that makes every call fail becomes a dead letter; if an account fails or refuses everything, records do
//! not.

use std::{collections::VecDeque, time::Duration};

use contract::{Clock, source::Urgency, store::Admin as _};
use model::Kind;
use tokio::task::yield_now;

use super::{
    Ended, Rig, calls, flow_name,
    histories::Edit,
    limits, runtime,
    shop::{Goods, Nature},
    steady::wait,
};

impl Rig {
    /// Reads products of these natures.
    fn turn(&self, natures: &[(usize, Nature)], urgency: Urgency) {
        let changes = {
            let mut shop = self.shop();
            let change = |(product, nature): &(usize, Nature)| {
                shop.set(*product, Some(Goods { nature: *nature, ..Goods::new(0) }));
                shop.product(*product)
            };
            natures.iter().map(change).collect()
        };
        self.read(changes, urgency);
    }

    fn dead(&self) -> u64 {
        wait(self.store.tally(&flow_name())).unwrap().dead
    }

    fn pending(&self) -> u64 {
        wait(self.store.tally(&flow_name())).unwrap().pending
    }
}

#[test]
fn a_record_at_which_every_call_fails_stops_no_other_and_is_set_aside() {
    const PRODUCTS: usize = 56;
    for granular in [false, true] {
        runtime().block_on(async {
            let rig = Rig::new(PRODUCTS, limits(100), granular);
            let all: Vec<_> =
                (0..PRODUCTS).map(|it| (it, if it == 17 { Nature::Toxic } else { Nature::Good })).collect();
            rig.turn(&all, Urgency::Backfill);
            let began = rig.clock.now();
            rig.settle().await;
            rig.is_right().unwrap();
            let letters = wait(rig.store.dead(&flow_name(), 10)).unwrap();
            assert_eq!((letters[0].id.as_str(), letters[0].fault.code.as_ref()), ("p17", "C0997"));
            assert_eq!(letters[0].items.len(), 1, "the dead letter has the payload");
            let took = began.until(rig.clock.now());
            assert!((Duration::from_mins(2)..Duration::from_mins(10)).contains(&took), "{took:?}");
            assert!(calls(&rig.fake) < 60, "{} calls", calls(&rig.fake));
            // Once corrected, it arrives.
            rig.turn(&[(17, Nature::Good)], Urgency::Live);
            rig.settle().await;
            rig.is_right().unwrap();
            assert_eq!(rig.dead(), 0);
        });
    }
}

#[test]
fn where_nothing_else_is_sent_an_item_that_is_accepted_shows_whose_fault_it_is() {
    runtime().block_on(async {
        let rig = Rig::new(3, limits(100), false);
        rig.turn(&[(0, Nature::Good), (1, Nature::Good), (2, Nature::Good)], Urgency::Backfill);
        rig.settle().await;
        rig.turn(&[(1, Nature::Toxic), (2, Nature::Toxic)], Urgency::Live);
        // As after a restart: the account has no history.
        let rig = rig.reopen();
        rig.settle().await;
        rig.is_right().unwrap();
        assert_eq!(rig.dead(), 2);
    });
}

#[test]
fn an_account_that_is_down_for_hours_blames_no_record() {
    runtime().block_on(async {
        for seed in 0..6 {
            let rig = Rig::new(40, limits(10), seed % 2 == 0);
            let all: Vec<_> = (0..40).map(|it| (it, Nature::Good)).collect();
            rig.turn(&all, Urgency::Backfill);
            rig.settle().await;
            let changes = (0..40).flat_map(|product| rig.edit(Edit::Name(product, 2))).collect();
            rig.read(changes, Urgency::Live);
            for round in 0..40 {
                rig.fake.behave(seed * 100 + round, 100);
                let ended = rig.run(seed * 100 + round, None, VecDeque::new()).await;
                assert!(matches!(ended, Ended::Idle(_)));
                rig.clock.advance(Duration::from_mins(5));
            }
            assert_eq!(rig.dead(), 0, "seed {seed}");
            rig.settle().await;
            rig.is_right().unwrap();
        }
    });
}

#[test]
fn an_account_that_refuses_everything_sets_few_aside_whatever_its_calls_carry() {
    const PRODUCTS: usize = 1_200;
    for (items, granular) in [(1, false), (1, true), (10, true), (500, true), (500, false)] {
        runtime().block_on(async {
            let rig = Rig::new(PRODUCTS, limits(items), granular);
            let all: Vec<_> = (0..PRODUCTS).map(|it| (it, Nature::Poison)).collect();
            rig.turn(&all, Urgency::Live);
            rig.fake.behave(0, 0);
            let Ended::Idle(pushed) = rig.run(1, None, VecDeque::new()).await else { panic!("nothing was cut") };
            assert_eq!(pushed.paused.unwrap().code, "C0603");
            assert!(rig.dead() < 50, "{} are dead, with calls of {items}", rig.dead());
            assert_eq!(
                rig.pending() + rig.dead(),
                (PRODUCTS + super::shop::CATEGORIES) as u64 - wait(rig.store.tally(&flow_name())).unwrap().in_sync
            );
            // It was the account.
            let changes = (0..PRODUCTS).flat_map(|product| rig.edit(Edit::Nature(product, Nature::Good))).collect();
            rig.read(changes, Urgency::Live);
            rig.settle().await;
            rig.is_right().unwrap();
        });
    }
}

#[test]
fn refusals_after_something_was_accepted_once_set_nothing_more_aside_until_it_is_accepted_again() {
    runtime().block_on(async {
        let rig = Rig::new(301, limits(100), true);
        rig.turn(&[(300, Nature::Good)], Urgency::Backfill);
        rig.settle().await;
        // The account refuses everything, also items that it accepted before.
        let changes = rig.edit(Edit::Nature(300, Nature::Good));
        rig.read(changes, Urgency::Backfill);
        rig.fake.refuse_all(true);
        let all: Vec<_> = (0..300).map(|it| (it, Nature::Good)).collect();
        rig.turn(&all, Urgency::Live);
        for round in 0..20 {
            rig.run(round, None, VecDeque::new()).await;
            rig.clock.advance(Duration::from_mins(5));
        }
        assert_eq!(rig.dead(), 0);
        rig.fake.refuse_all(false);
        rig.settle().await;
        rig.is_right().unwrap();
    });
}

#[test]
fn where_a_call_refuses_all_of_its_records_alike_the_flow_pauses_and_none_is_set_aside() {
    for (products, asynchronous) in [(2, false), (7, false), (49, false), (240, false), (30, true)] {
        runtime().block_on(async {
            let rig = Rig::new(products, limits(40), true);
            if asynchronous {
                rig.fake.be_lazy();
            }
            rig.fake.refuse_all(true);
            let all: Vec<_> = (0..products).map(|it| (it, Nature::Good)).collect();
            rig.turn(&all, Urgency::Backfill);
            for round in 0..4 {
                rig.fake.behave(round, 0);
                let Ended::Idle(pushed) = rig.run(round, None, VecDeque::new()).await else {
                    panic!("nothing was cut")
                };
                let code = pushed.paused.map(|fault| fault.code);
                assert!(asynchronous || code.as_deref() == Some("C0603"), "{products}: {code:?}");
                assert_eq!(rig.dead(), 0, "{products}");
                rig.clock.advance(Duration::from_mins(1));
            }
            // Once the account accepts them, nobody has to replay anything.
            rig.fake.refuse_all(false);
            rig.settle().await;
            rig.is_right().unwrap();
            assert_eq!(rig.dead(), 0, "{products}");
        });
    }
}

#[test]
fn records_that_are_refused_alike_are_set_aside_once_the_account_accepted_another() {
    for granular in [false, true] {
        runtime().block_on(async {
            let rig = Rig::new(20, limits(100), granular);
            rig.turn(&(0..20).map(|it| (it, Nature::Good)).collect::<Vec<_>>(), Urgency::Backfill);
            rig.settle().await;
            // As after a restart: the account has no history.
            let rig = rig.reopen();
            rig.turn(&[(3, Nature::Poison), (4, Nature::Poison)], Urgency::Live);
            rig.fake.behave(0, 0);
            let before = calls(&rig.fake);
            let Ended::Idle(pushed) = rig.run(1, None, VecDeque::new()).await else { panic!("nothing was cut") };
            assert_eq!((rig.dead(), rig.pending(), pushed.paused), (2, 0, None), "{granular}");
            assert!(calls(&rig.fake) - before <= 3, "{} calls", calls(&rig.fake) - before);
        });
    }
}

#[test]
fn a_product_that_comes_alone_is_set_aside_at_once_however_many_items_of_it_are_refused() {
    runtime().block_on(async {
        let rig = Rig::new(1, limits(100), true);
        rig.settle().await;
        let change = {
            let mut shop = rig.shop();
            shop.set(0, Some(Goods { stock: vec![1, 2, 3], ..Goods::new(0) }));
            shop.product(0)
        };
        rig.read(vec![change], Urgency::Live);
        rig.fake.refuse_all(true);
        let Ended::Idle(pushed) = rig.run(1, None, VecDeque::new()).await else { panic!("nothing was cut") };
        assert_eq!((rig.dead(), pushed.paused), (1, None));
    });
}

#[test]
fn a_stock_change_that_is_retried_waits_for_no_first_read() {
    runtime().block_on(async {
        let rig = Rig::new(20, limits(100), false);
        rig.turn(&(0..20).map(|it| (it, Nature::Good)).collect::<Vec<_>>(), Urgency::Backfill);
        rig.settle().await;
        // The first attempt of a stock change fails.
        let changes = rig.edit(Edit::Stock(3, 2));
        rig.read(changes, Urgency::Urgent);
        rig.fake.fail_next();
        rig.run(1, None, VecDeque::new()).await;
        assert_eq!(rig.pending(), 1);
        rig.clock.advance(Duration::from_secs(5));
        rig.filling.send_replace(1);
        let before = calls(&rig.fake);
        let reading = async {
            for _ in 0..2_000 {
                if calls(&rig.fake) > before {
                    break;
                }
                yield_now().await;
            }
            let sent = calls(&rig.fake) > before;
            rig.filling.send_replace(0);
            sent
        };
        let (ended, sent) = tokio::join!(rig.run(1, None, VecDeque::new()), reading);
        assert!(matches!(ended, Ended::Idle(_)));
        assert!(sent, "it waited for the read to end");
        rig.is_right().unwrap();
    });
}

#[test]
fn what_the_destination_lost_is_sent_whole_where_it_refuses_to_change_it() {
    const PRODUCTS: usize = 200;
    for (granular, lazy) in [(false, false), (true, false), (false, true), (true, true)] {
        runtime().block_on(async {
            let rig = Rig::new(PRODUCTS, limits(100), granular);
            let all: Vec<_> = (0..PRODUCTS).map(|it| (it, Nature::Good)).collect();
            rig.turn(&all, Urgency::Backfill);
            rig.settle().await;
            rig.fake.lose_all();
            if lazy {
                rig.fake.be_lazy();
            }
            let before = calls(&rig.fake);
            let changes = (0..PRODUCTS).flat_map(|product| rig.edit(Edit::Stock(product, 7))).collect();
            rig.read(changes, Urgency::Live);
            let pushed = rig.settle().await;
            let products = |held: super::Held| held.into_iter().filter(|((kind, _), _)| *kind == Kind::Product);
            let wanted = rig.shop().wanted();
            assert!(products(rig.fake.held()).eq(products(wanted)), "{granular} {lazy}");
            assert_eq!((rig.dead(), rig.pending(), pushed.paused), (0, 0, None));
            // A call that changes and one that puts, for every hundred.
            assert!(lazy || calls(&rig.fake) - before == 4, "{} calls", calls(&rig.fake) - before);
        });
    }
}

#[test]
fn of_products_whose_change_is_refused_only_those_are_set_aside_that_are_refused_as_a_whole() {
    for granular in [false, true] {
        runtime().block_on(async {
            let rig = Rig::new(20, limits(100), granular);
            let all: Vec<_> = (0..20).map(|it| (it, Nature::Good)).collect();
            rig.turn(&all, Urgency::Backfill);
            rig.settle().await;
            rig.fake.lose_all();
            let mut changes: Vec<_> = (0..20).flat_map(|product| rig.edit(Edit::Stock(product, 7))).collect();
            changes.extend(rig.edit(Edit::Nature(3, Nature::Poison)));
            rig.read(changes, Urgency::Live);
            rig.settle().await;
            assert_eq!((rig.dead(), rig.pending()), (1, 0));
            assert_eq!(rig.fake.held().len(), 19);
        });
    }
}

#[test]
fn what_keeps_a_flow_from_sending_is_known_until_it_is_over() {
    runtime().block_on(async {
        let rig = Rig::new(60, limits(10), true);
        let trouble = || wait(rig.store.trouble(&flow_name())).unwrap();
        let all: Vec<_> = (0..60).map(|it| (it, Nature::Good)).collect();
        rig.turn(&all, Urgency::Backfill);
        rig.fake.behave(0, 0);
        rig.fake.fail_next();
        let Ended::Idle(_) = rig.run(1, None, VecDeque::new()).await else { panic!("nothing was cut") };
        let freshness = || wait(rig.store.freshness(&flow_name())).unwrap();
        let retrying = trouble().retrying.unwrap();
        assert!(freshness().pending_since.is_some_and(|at| at <= rig.clock.now()), "{:?}", freshness());
        assert_eq!((retrying.fault.code.as_ref(), trouble().stopped), ("C0998", None));
        assert!(retrying.records > 0 && retrying.next > rig.clock.now(), "{retrying:?}");
        rig.settle().await;
        assert_eq!(trouble(), contract::store::Trouble::default());
        assert_eq!(freshness().pending_since, None);
        assert!(freshness().acknowledged_at.is_some_and(|at| at <= rig.clock.now()), "{:?}", freshness());
        rig.fake.refuse_all(true);
        let changes = (0..60).flat_map(|product| rig.edit(Edit::Name(product, 2))).collect();
        rig.read(changes, Urgency::Live);
        let Ended::Idle(pushed) = rig.run(1, None, VecDeque::new()).await else { panic!("nothing was cut") };
        let before = trouble().stopped.unwrap();
        assert!(freshness().pending_since.is_some(), "{:?}", freshness());
        assert_eq!(Some(&before.fault), pushed.paused.as_ref());
        // Also after a restart.
        let rig = rig.reopen();
        let stopped = wait(rig.store.trouble(&flow_name())).unwrap().stopped.unwrap();
        assert_eq!(stopped, before);
        rig.fake.refuse_all(false);
        rig.settle().await;
        assert_eq!(wait(rig.store.trouble(&flow_name())).unwrap().stopped, None);
    });
}
