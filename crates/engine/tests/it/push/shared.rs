//! Products that claim the same item: the one created last is sent, the others are filtered, in whatever order events
//! happen.

use std::collections::{BTreeMap, VecDeque};

use contract::{
    Admin as _, Change, Ledger as _,
    source::Urgency,
    store::{Number, State, Work},
};
use model::Kind;

use super::{
    Ended, Rig, calls, flow_name,
    histories::Edit,
    limits, runtime,
    shop::{Goods, Nature, product_id},
    steady::wait,
};

impl Rig {
    /// Invariants at rest if products may claim the same item.
    pub(super) fn is_shared_right(&self) -> Result<(), String> {
        let works: BTreeMap<String, Work> = self.works().into_iter().map(|it| (it.id.to_string(), it)).collect();
        let mut dead = 0;
        let products = self.shop().products.len();
        for number in 0..products {
            if let Some(work) = works.get(&product_id(number)) {
                dead += u64::from(self.stands_right(number, work, &works)?);
            }
        }
        let letters = wait(self.store.dead(&flow_name(), 1000)).unwrap();
        let tally = wait(self.store.tally(&flow_name())).unwrap();
        if tally.pending > 0 || tally.dead != dead || letters.len() as u64 != dead {
            return Err(format!("it is not at rest, or has not {dead} dead, or not as many letters: {tally:?}"));
        }
        Ok(())
    }

    /// The owner of an item, computed from the products alone: the highest number of those that claim it. A product
    /// that can't be mapped may have owned it before, and keeps it as long as that lasts.
    fn owns(&self, item: &str, work: &Work, works: &BTreeMap<String, Work>) -> Result<bool, String> {
        let shop = self.shop();
        let number = |product: usize| works.get(&product_id(product)).map_or(Number(0), |work| work.number);
        let nature = |product: usize| shop.products[product].as_ref().map(|goods| goods.nature);
        let wants = |product: &usize| shop.wanted_of(*product).contains_key(item);
        let (unmakeable, makeable): (Vec<usize>, Vec<usize>) =
            (0..shop.products.len()).partition(|product| nature(*product) == Some(Nature::Unmakeable));
        let highest = makeable.into_iter().filter(wants).map(number).max();
        let owner = wait(self.store.owners(&flow_name(), Kind::Product, &[item.into()])).unwrap();
        let owner = owner.first().map(|owner| owner.number);
        if owner != highest && !unmakeable.into_iter().map(number).any(|it| Some(it) == owner && owner > highest) {
            return Err(format!("{item} is {owner:?}'s rather than {highest:?}'s"));
        }
        Ok(owner == Some(work.number))
    }

    /// Checks a product; returns whether it is dead.
    fn stands_right(&self, number: usize, work: &Work, works: &BTreeMap<String, Work>) -> Result<bool, String> {
        let id = product_id(number);
        let entry = work.entry.as_ref().ok_or(format!("{id} was never looked at"))?;
        let goods = self.shop().products[number].clone();
        let wanted = self.shop().wanted_of(number);
        let mut own = BTreeMap::new();
        for (item, members) in &wanted {
            if self.owns(item, work, works)? {
                own.insert(item.clone(), members.clone());
            }
        }
        let first = goods.as_ref().is_some_and(|goods| own.contains_key(&goods.item(number, 0)));
        let state = match goods.as_ref().map(|goods| goods.nature).filter(|_| !wanted.is_empty()) {
            Some(Nature::Unmakeable) => State::Dead,
            Some(Nature::Poison) if first => State::Dead,
            Some(Nature::Toxic) if !own.is_empty() => State::Dead,
            Some(_) if own.len() < wanted.len() => State::Filtered("item_of_another".to_owned()),
            Some(_) => State::InSync,
            None if goods.is_some() => State::Filtered("no_price".to_owned()),
            None => State::Gone,
        };
        if entry.state != state {
            return Err(format!(
                "{id} is {:?} rather than {state:?}, and has {:?} of {wanted:?}",
                entry.state,
                own.keys()
            ));
        }
        for item in entry.items.iter().map(|item| item.id.to_string()) {
            if !self.owns(&item, work, works)? {
                return Err(format!("{id} holds {item}, which is another's"));
            }
        }
        let held = self.fake.held();
        for (item, members) in own.iter().filter(|_| state != State::Dead) {
            let holds = entry.items.iter().any(|held| held.id.as_str() == item);
            if !holds || held.get(&(Kind::Product, item.clone())) != Some(members) {
                return Err(format!("{item} of {id} is not as it should be"));
            }
        }
        if state != State::Dead && entry.items.len() != own.len() {
            return Err(format!("{id} holds {:?} rather than {:?}", entry.items, own.keys()));
        }
        Ok(state == State::Dead)
    }

    /// Sets products to this form; returns the changes of a page.
    fn become_so(&self, goods: &[(usize, Option<Goods>)]) -> Vec<Change> {
        let mut shop = self.shop();
        let become_so = |(product, goods): &(usize, Option<Goods>)| {
            shop.set(*product, goods.clone());
            shop.product(*product)
        };
        goods.iter().map(become_so).collect()
    }

    /// Reads products in this form, in one page.
    fn becomes(&self, goods: &[(usize, Option<Goods>)]) {
        let changes = self.become_so(goods);
        self.read(changes, Urgency::Live);
    }

    fn number(&self, product: usize) -> Number {
        self.works().into_iter().find(|work| work.id.as_str() == product_id(product)).unwrap().number
    }

    /// The product's item is what it should be, and the product in sync.
    fn has(&self, product: usize, item: &str) {
        let wanted = self.shop().wanted_of(product).remove(item);
        assert!(wanted.is_some(), "{product} is not to be {item}");
        assert_eq!(self.fake.held().get(&(Kind::Product, item.to_owned())), wanted.as_ref(), "{item} of {product}");
        let entry = wait(self.store.entry(&flow_name(), self.number(product))).unwrap().unwrap();
        assert_eq!(entry.state, State::InSync, "{:?}", entry.fault);
    }
}

/// A product with these SKUs; empty: one of its own.
fn is(product: usize, name: u32, skus: &[Option<usize>]) -> (usize, Option<Goods>) {
    (product, Some(Goods { stock: vec![1; skus.len()], skus: skus.to_vec(), ..Goods::new(name) }))
}

/// How many products are not sent with all their items.
fn outranked(rig: &Rig) -> u64 {
    wait(rig.store.tally(&flow_name())).unwrap().rules.get("item_of_another").copied().unwrap_or(0)
}

/// The first product has the SKU, the second does not.
fn at_first(granular: bool) -> Rig {
    let rig = Rig::sharing(3, limits(10), granular);
    rig.becomes(&[is(0, 1, &[None, Some(7)]), is(1, 1, &[None])]);
    rig
}

#[test]
fn a_sku_that_moves_ends_right_whichever_change_is_seen_first() {
    runtime().block_on(async {
        let (old, new) = (is(0, 1, &[None]), is(1, 1, &[None, Some(7)]));
        let orders = [
            vec![vec![old.clone(), new.clone()]],
            vec![vec![new.clone(), old.clone()]],
            vec![vec![old.clone()], vec![new.clone()]],
            vec![vec![new.clone()], vec![old.clone()]],
            vec![vec![new.clone()], vec![(0, None)]],
            vec![vec![new], vec![(0, Some(Goods { price: None, ..Goods::new(1) }))]],
        ];
        for (pages, granular) in orders.iter().flat_map(|pages| [(pages, false), (pages, true)]) {
            let rig = at_first(granular);
            rig.settle().await;
            rig.has(0, "sku 7");
            for page in pages {
                rig.becomes(page);
                rig.settle().await;
                rig.is_right().unwrap();
            }
            rig.has(1, "sku 7");
            assert_eq!(outranked(&rig), 0);
            // No needless calls: the first put, the removal, and the put again.
            assert!(calls(&rig.fake) <= 2 + 2 + 2, "{} calls", calls(&rig.fake));
        }
    });
}

#[test]
fn a_move_that_is_seen_at_once_sets_nothing_aside() {
    runtime().block_on(async {
        let rig = at_first(false);
        rig.settle().await;
        rig.becomes(&[is(1, 1, &[None, Some(7)]), is(0, 1, &[None])]);
        let pushed = rig.settle().await;
        assert_eq!(pushed.dead, 0);
        assert_eq!(outranked(&rig), 0);
        rig.has(1, "sku 7");
    });
}

#[test]
fn products_that_swap_skus_end_right() {
    runtime().block_on(async {
        let rig = Rig::sharing(2, limits(10), false);
        rig.becomes(&[is(0, 1, &[Some(7)]), is(1, 1, &[Some(8)])]);
        rig.settle().await;
        rig.becomes(&[is(0, 2, &[Some(8)]), is(1, 2, &[Some(7)])]);
        rig.settle().await;
        rig.has(0, "sku 8");
        rig.has(1, "sku 7");
        rig.is_right().unwrap();
    });
}

#[test]
fn of_two_with_one_sku_the_one_created_last_has_it_until_it_gives_it_up() {
    runtime().block_on(async {
        let rig = Rig::sharing(3, limits(10), false);
        rig.becomes(&[is(0, 1, &[Some(7), None]), is(1, 1, &[Some(7), None])]);
        rig.settle().await;
        rig.has(1, "sku 7");
        // A product that is created later owns it from then on.
        rig.becomes(&[is(2, 1, &[Some(7)])]);
        rig.settle().await;
        rig.has(2, "sku 7");
        rig.is_right().unwrap();
        for product in [0, 1] {
            let entry = wait(rig.store.entry(&flow_name(), rig.number(product))).unwrap().unwrap();
            let fault = entry.fault.unwrap();
            assert_eq!((fault.code.as_ref(), entry.state), ("C0608", State::Filtered("item_of_another".to_owned())));
            let (says, id) = (fault.to_string(), product_id(product));
            assert!(says.contains(&format!("\"sku 7\" of product {id} belongs to product p")), "{says}");
            assert!(fault.hint.unwrap().contains("at the source"));
        }
        // Other products, and its own other items, are sent.
        assert!(rig.fake.held().contains_key(&(Kind::Product, "p1.1".to_owned())));
        // A change of another product does not change the owner.
        let before = calls(&rig.fake);
        rig.becomes(&[is(1, 2, &[Some(7)])]);
        rig.settle().await;
        rig.has(2, "sku 7");
        assert_eq!(calls(&rig.fake), before + 1, "p1.1 is removed");
        // The owner is no longer sold, then the next one is deleted.
        rig.becomes(&[(2, Some(Goods { price: None, skus: vec![Some(7)], ..Goods::new(1) }))]);
        rig.settle().await;
        rig.has(1, "sku 7");
        rig.is_right().unwrap();
        rig.becomes(&[(1, None)]);
        rig.settle().await;
        rig.has(0, "sku 7");
        assert_eq!(outranked(&rig), 0);
    });
}

#[test]
fn who_has_an_item_depends_neither_on_order_nor_on_what_was_held_first() {
    runtime().block_on(async {
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let rig = Rig::sharing(3, limits(10), true);
            // The mirror reads them in this order.
            rig.becomes(&[is(0, 1, &[None]), is(1, 1, &[None]), is(2, 1, &[None])]);
            rig.settle().await;
            for product in order {
                rig.becomes(&[is(product, 2, &[Some(7)])]);
                rig.settle().await;
            }
            rig.has(2, "sku 7");
            rig.is_right().unwrap();
            assert_eq!(outranked(&rig), 2, "{order:?}");
        }
    });
}

#[test]
fn an_item_in_doubt_is_taken_over_and_never_left_behind() {
    runtime().block_on(async {
        let mut in_doubt = 0;
        for seed in 0..30 {
            let rig = Rig::sharing(2, limits(10), false);
            rig.becomes(&[is(0, 1, &[Some(7)])]);
            rig.fake.behave(seed, 100);
            rig.run(seed, None, VecDeque::new()).await;
            let doubted = wait(rig.store.entry(&flow_name(), rig.number(0))).unwrap().is_some_and(|it| it.in_doubt);
            in_doubt += u32::from(doubted);
            rig.becomes(&[is(1, 2, &[Some(7)])]);
            rig.settle().await;
            rig.has(1, "sku 7");
            rig.becomes(&[(0, None), (1, None)]);
            rig.settle().await;
            rig.is_right().unwrap();
            assert!(!rig.fake.held().keys().any(|(kind, _)| *kind == Kind::Product));
        }
        assert!(in_doubt > 5, "{in_doubt}");
    });
}

#[test]
fn a_move_cut_off_anywhere_ends_right() {
    runtime().block_on(async {
        for together in [true, false] {
            for cut in 0.. {
                let rig = at_first(false);
                rig.settle().await;
                rig.becomes(&[is(1, 2, &[None, Some(7)])]);
                if !together {
                    rig.settle().await;
                }
                rig.becomes(&[is(0, 2, &[None])]);
                rig.fake.behave(0, 0);
                let (rig, ended) = match rig.run(u64::from(cut), Some(cut), VecDeque::new()).await {
                    Ended::Cut => (rig.reopen(), false),
                    Ended::Idle(_) => (rig, true),
                };
                rig.is_sound().unwrap();
                rig.settle().await;
                rig.is_right().unwrap_or_else(|why| panic!("cut off at point {cut}: {why}"));
                rig.has(1, "sku 7");
                if ended {
                    assert!(cut > 10, "a push has more points than {cut}");
                    break;
                }
            }
        }
    });
}

#[test]
fn a_sku_that_moves_while_it_is_sent_ends_right() {
    runtime().block_on(async {
        for at in 0.. {
            let rig = Rig::sharing(3, limits(1), false);
            rig.becomes(&[is(0, 1, &[None, Some(7)]), is(1, 1, &[None])]);
            let hooks = [(at, rig.hook(Edit::Sku(1, 0, Some(7)))), (at + 2, rig.hook(Edit::Sku(0, 1, None)))];
            rig.fake.behave(u64::from(at), 0);
            rig.run(u64::from(at), None, hooks.into()).await;
            rig.settle().await;
            rig.is_right().unwrap_or_else(|why| panic!("disturbed at point {at}: {why}"));
            if (0, rig.shop().products[0].clone()) == is(0, 1, &[None, Some(7)]) {
                assert!(at > 10, "a push has more points than {at}");
                return;
            }
            rig.has(1, "sku 7");
        }
    });
}

#[test]
fn an_item_that_moves_during_a_first_read_is_not_removed_and_costs_no_busy_loop() {
    runtime().block_on(async {
        let rig = Rig::sharing(3, limits(10), false);
        rig.becomes(&[is(0, 1, &[Some(7)])]);
        rig.settle().await;
        let changes = rig.become_so(&[is(0, 1, &[None]), is(1, 1, &[Some(7)])]);
        rig.read(changes, Urgency::Backfill);
        rig.filling.send_replace(1);
        let reading = async {
            for _ in 0..2_000 {
                tokio::task::yield_now().await;
            }
            rig.filling.send_replace(0);
        };
        let (ended, ()) = tokio::join!(rig.run(1, None, VecDeque::new()), reading);
        assert!(matches!(ended, Ended::Idle(_)));
        rig.settle().await;
        rig.has(1, "sku 7");
        assert_eq!(calls(&rig.fake), 2 + 1, "one put for both");
    });
}

#[test]
fn many_with_one_sku_that_go_one_after_the_other_cost_no_more_than_they_are() {
    const MANY: usize = 300;
    runtime().block_on(async {
        let rig = Rig::sharing(MANY, limits(50), false);
        let all: Vec<_> = (0..MANY).map(|product| is(product, 1, &[Some(7)])).collect();
        rig.becomes(&all);
        rig.settle().await;
        assert_eq!(outranked(&rig), MANY as u64 - 1);
        let before = rig.fake.prepared.load(std::sync::atomic::Ordering::SeqCst);
        for product in (MANY - 20..MANY).rev() {
            rig.becomes(&[is(product, 1, &[None])]);
            rig.settle().await;
            rig.has(product - 1, "sku 7");
        }
        let prepared = rig.fake.prepared.load(std::sync::atomic::Ordering::SeqCst) - before;
        assert!(prepared < 20 * 40, "{prepared} listings were looked at");
        let none: Vec<_> = (0..MANY).map(|product| (product, None)).collect();
        rig.becomes(&none);
        rig.settle().await;
        rig.is_right().unwrap();
        assert_eq!(wait(rig.store.tally(&flow_name())).unwrap().gone, MANY as u64);
    });
}
