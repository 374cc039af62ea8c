//! Histories in which the order of events matters, each cut off at every point.

use std::{collections::VecDeque, time::Duration};

use contract::{Ledger as _, source::Urgency};

use super::{Ended, Rig, flow_name, histories::Edit, limits, runtime, shop::Goods, steady::wait};

/// Reads a product in this form.
fn read(rig: &Rig, goods: Option<Goods>) {
    let change = {
        let mut shop = rig.shop();
        shop.set(0, goods);
        shop.product(0)
    };
    rig.read(vec![change], Urgency::Live);
}

/// Pushes, cut off at `cut`; true if the push came to an end before.
async fn cut_off_at(rig: Rig, cut: u32) -> (Rig, bool) {
    rig.fake.behave(0, 0);
    match rig.run(u64::from(cut), Some(cut), VecDeque::new()).await {
        Ended::Cut => (rig.reopen(), false),
        Ended::Idle(_) => (rig, true),
    }
}

/// The shop is `first`, which arrives, then `second`, whose push is cut off, and then `third`.
fn in_order(first: Option<&Goods>, second: &Goods, third: Option<&Goods>) {
    runtime().block_on(async {
        for cut in 0.. {
            let rig = Rig::new(1, limits(10), false);
            read(&rig, first.cloned());
            rig.settle().await;
            read(&rig, Some(second.clone()));
            let (rig, ended) = cut_off_at(rig, cut).await;
            rig.is_sound().unwrap();
            read(&rig, third.cloned());
            rig.settle().await;
            rig.is_right().unwrap_or_else(|why| panic!("cut off at point {cut}: {why}"));
            if ended {
                assert!(cut > 10, "a push has more points than {cut}");
                return;
            }
        }
    });
}

#[test]
fn what_becomes_again_what_it_was_while_nobody_looked_is_so_at_the_destination() {
    in_order(Some(&Goods::new(1)), &Goods::new(2), Some(&Goods::new(1)));
}

#[test]
fn what_was_new_and_goes_while_nobody_looked_is_not_left_behind() {
    in_order(None, &Goods::new(1), None);
}

#[test]
fn what_was_new_and_is_not_sold_while_nobody_looked_is_not_left_behind() {
    in_order(None, &Goods::new(1), Some(&Goods { price: None, ..Goods::new(1) }));
}

#[test]
fn variants_that_came_and_went_while_nobody_looked_are_not_left_behind() {
    let more = Goods { stock: vec![1, 1, 1], ..Goods::new(1) };
    in_order(Some(&Goods::new(1)), &more, Some(&Goods::new(1)));
    in_order(Some(&more), &Goods::new(1), Some(&more));
}

#[test]
fn what_becomes_again_what_it_was_while_it_is_sent_is_so_at_the_destination() {
    runtime().block_on(async {
        let mut before_the_end = true;
        let mut at = 0;
        while before_the_end {
            for seed in 0..4 {
                let rig = Rig::new(1, limits(10), false);
                read(&rig, Some(Goods::new(1)));
                rig.settle().await;
                read(&rig, Some(Goods::new(2)));
                rig.fake.behave(seed, 0);
                let back = rig.hook(Edit::Name(0, 1));
                rig.run(seed, None, VecDeque::from([(at, back)])).await;
                // After the end there are no more disturbances.
                before_the_end = rig.shop().products[0] == Some(Goods::new(1));
                rig.settle().await;
                rig.is_right().unwrap_or_else(|why| panic!("changed back at point {at}, seed {seed}: {why}"));
            }
            at += 1;
        }
        assert!(at > 10, "a push has more points than {at}");
    });
}

#[test]
fn a_retry_that_changed_meanwhile_does_not_keep_a_push_from_ending() {
    runtime().block_on(async {
        let mut retries = 0;
        for seed in 0..12 {
            let rig = Rig::new(1, limits(10), false);
            read(&rig, Some(Goods::new(1)));
            // Every call fails; after most failures the record waits for its retry.
            rig.fake.behave(seed, 100);
            rig.run(seed, None, VecDeque::new()).await;
            retries += u32::from(wait(rig.store.next_wake(&flow_name())).unwrap().retry.is_some());
            rig.clock.advance(Duration::from_hours(2));
            read(&rig, Some(Goods::new(2)));
            rig.settle().await;
            rig.is_right().unwrap();
        }
        assert!(retries > 4, "{retries}");
    });
}

#[test]
fn what_was_delivered_in_part_is_known_whatever_stops_the_rest() {
    runtime().block_on(async {
        let mut stopped = 0;
        for seed in 0..40 {
            let rig = Rig::new(1, limits(1), false);
            read(&rig, Some(Goods { stock: vec![1; 6], ..Goods::new(1) }));
            rig.fake.behave(seed, 30);
            let Ended::Idle(pushed) = rig.run(seed, None, VecDeque::new()).await else { panic!("nothing was cut") };
            stopped += u32::from(pushed.paused.is_some() && !rig.fake.held().is_empty());
            rig.is_sound().unwrap();
            read(&rig, None);
            rig.settle().await;
            rig.is_right().unwrap();
        }
        assert!(stopped > 4, "{stopped}");
    });
}

#[test]
fn a_destination_that_asks_for_quiet_gets_it() {
    runtime().block_on(async {
        for seed in 0..40 {
            let rig = Rig::new(8, limits(1), false);
            for product in 0..8 {
                let changes = rig.edit(Edit::New(product));
                rig.read(changes, Urgency::Live);
            }
            rig.fake.behave(seed, 50);
            rig.run(seed, None, VecDeque::new()).await;
            rig.is_sound().unwrap();
        }
    });
}
