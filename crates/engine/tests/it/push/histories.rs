//! Random histories of a shop, its pushes, their faults and their crashes.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use contract::{Admin as _, Clock, Mirror as _, source::Urgency};
use proptest::{collection::vec, prelude::*, test_runner::TestCaseError};

use super::{
    Ended, Rig, calls, flow_name, limits, runtime,
    script::Hook,
    shop::{CATEGORIES, Goods, Nature, page},
    steady::wait,
};

const PRODUCTS: usize = 14;
/// So few that products often have the same SKU.
const FEW: usize = 5;

/// An event.
#[derive(Clone, Debug)]
enum Act {
    /// The shop changes, and the change is read.
    Change(Vec<Edit>, Urgency),
    /// Everything is read again.
    ReadAll,
    /// A push; the shop changes while it is under way.
    Push { seed: u64, faults: u32, cut: Option<u32>, meanwhile: Vec<(u32, Edit)> },
    /// Seconds pass.
    Wait(u64),
    /// The process is restarted.
    Reopen,
    /// The items of a product are marked as in doubt.
    Doubt(usize),
    /// Dead letters are replayed.
    Replay,
    /// The mapping changes.
    Remap,
}

/// A change to the shop.
#[derive(Clone, Copy, Debug)]
pub(super) enum Edit {
    New(usize),
    Gone(usize),
    Name(usize, u32),
    Price(usize, Option<i64>),
    Stock(usize, i64),
    Variants(usize, usize),
    Nature(usize, Nature),
    Category(usize, u32),
    /// A variant gets a SKU that others may have too, or one of its own.
    Sku(usize, usize, Option<usize>),
}

/// `sharing`: products may have the same SKU.
fn edit(sharing: bool) -> impl Strategy<Value = Edit> {
    let product = move || 0..(if sharing { FEW } else { PRODUCTS });
    let sku = (product(), 0..3usize, proptest::option::weighted(0.8, 0..3usize));
    prop_oneof![
        8 => sku.prop_map(move |(product, variant, sku)| {
            if sharing { Edit::Sku(product, variant, sku) } else { Edit::Name(product, 3) }
        }),
        4 => product().prop_map(Edit::New),
        2 => product().prop_map(Edit::Gone),
        // Few values, so that records often return to an earlier form.
        4 => (product(), 0..3u32).prop_map(|(product, name)| Edit::Name(product, name)),
        2 => (product(), prop_oneof![Just(None), (1..3i64).prop_map(Some)]).prop_map(|(it, price)| Edit::Price(it, price)),
        3 => (product(), 0..3i64).prop_map(|(product, stock)| Edit::Stock(product, stock)),
        2 => (product(), 1..4usize).prop_map(|(product, variants)| Edit::Variants(product, variants)),
        2 => (product(), prop_oneof![3 => Just(Nature::Good), 1 => Just(Nature::Poison), 1 => Just(Nature::Unmakeable)])
            .prop_map(|(product, nature)| Edit::Nature(product, nature)),
        1 => (0..CATEGORIES, 0..3u32).prop_map(|(category, name)| Edit::Category(category, name)),
    ]
}

fn urgency() -> impl Strategy<Value = Urgency> {
    prop_oneof![Just(Urgency::Urgent), Just(Urgency::Live), Just(Urgency::Backfill)]
}

fn act(sharing: bool) -> impl Strategy<Value = Act> {
    let push = (any::<u64>(), prop_oneof![Just(0), Just(20), Just(60)], proptest::option::weighted(0.5, 0..60u32));
    let meanwhile = vec((0..60u32, edit(sharing)), 0..4);
    prop_oneof![
        6 => (vec(edit(sharing), 1..6), urgency()).prop_map(|(edits, urgency)| Act::Change(edits, urgency)),
        1 => Just(Act::ReadAll),
        6 => (push, meanwhile).prop_map(|((seed, faults, cut), mut meanwhile)| {
            meanwhile.sort_by_key(|(at, _)| *at);
            Act::Push { seed, faults, cut, meanwhile }
        }),
        2 => (0..4u64).prop_map(Act::Wait),
        1 => Just(Act::Reopen),
        1 => (0..PRODUCTS).prop_map(Act::Doubt),
        1 => Just(Act::Replay),
        1 => Just(Act::Remap),
    ]
}

impl Rig {
    /// Changes the shop; returns the changes of a page.
    pub(super) fn edit(&self, edit: Edit) -> Vec<contract::Change> {
        edit_shop(&mut self.shop(), edit)
    }

    pub(super) fn hook(&self, edit: Edit) -> Hook {
        let (shop, store, clock, news) =
            (Arc::clone(&self.shop), Arc::clone(&self.store), Arc::clone(&self.clock), self.news.clone());
        Box::new(move || {
            let changes = edit_shop(&mut shop.lock().unwrap(), edit);
            wait(store.intake(page(changes, Urgency::Live, clock.now()))).unwrap();
            news.send_modify(|news| *news += 1);
        })
    }

    async fn act(self, act: Act) -> Result<Self, TestCaseError> {
        let mut rig = self;
        match act {
            Act::Change(edits, urgency) => {
                let changes = edits.into_iter().flat_map(|edit| rig.edit(edit)).collect();
                rig.read(changes, urgency);
            }
            Act::ReadAll => {
                let all = rig.shop().all();
                rig.read(all, Urgency::Backfill);
            }
            Act::Push { seed, faults, cut, meanwhile } => {
                rig.fake.behave(seed, faults);
                let hooks: VecDeque<(u32, Hook)> =
                    meanwhile.into_iter().map(|(at, edit)| (at, rig.hook(edit))).collect();
                if matches!(rig.run(seed, cut, hooks).await, Ended::Cut) {
                    rig = rig.reopen();
                }
            }
            Act::Wait(seconds) => rig.clock.advance(Duration::from_secs(seconds)),
            Act::Reopen => rig = rig.reopen(),
            Act::Doubt(product) => {
                let id = format!("p{product}");
                let number = rig.works().into_iter().find(|work| work.id.as_str() == id).map(|work| work.number);
                if let Some(number) = number {
                    wait(rig.store.doubt(&flow_name(), &[number])).unwrap();
                }
            }
            Act::Replay => drop(wait(rig.store.replay(&flow_name(), contract::store::Which::All)).unwrap()),
            Act::Remap => {
                let mapping = {
                    let mut shop = rig.shop();
                    shop.mapping += 1;
                    shop.mapping
                };
                rig.fake.remap(mapping);
                rig = rig.reopen();
            }
        }
        rig.spread();
        rig.is_sound().map_err(TestCaseError::fail)?;
        Ok(rig)
    }

    /// Converges to the right state; a further push makes no call.
    async fn finish(self) -> Result<(), TestCaseError> {
        let fail = |what: &str| {
            let what = what.to_owned();
            move |why| TestCaseError::fail(format!("{what}: {why}"))
        };
        self.settle().await;
        self.is_right().map_err(fail("at rest"))?;

        let before = calls(&self.fake);
        self.settle().await;
        let all = self.shop().all();
        self.read(all, Urgency::Backfill);
        self.spread();
        self.settle().await;
        let rig = self.reopen();
        rig.settle().await;
        prop_assert_eq!(calls(&rig.fake), before, "an unchanged shop costs calls");

        for product in 0..PRODUCTS {
            let changes = rig.edit(Edit::Nature(product, Nature::Good));
            rig.read(changes, Urgency::Live);
        }
        rig.settle().await;
        rig.is_right().map_err(fail("once all is good"))?;
        for (product, variant) in (0..PRODUCTS).flat_map(|product| (0..3).map(move |variant| (product, variant))) {
            let changes = rig.edit(Edit::Sku(product, variant, None));
            rig.read(changes, Urgency::Live);
        }
        rig.settle().await;
        rig.is_right().map_err(fail("once all have SKUs of their own"))?;
        let (dead, held) = (wait(rig.store.tally(&flow_name())).unwrap().dead, rig.fake.held());
        prop_assert_eq!((dead, held), (0, rig.shop().wanted()));
        Ok(())
    }
}

fn edit_shop(shop: &mut super::Shop, edit: Edit) -> Vec<contract::Change> {
    let change = |shop: &mut super::Shop, product: usize, change: &dyn Fn(&mut Goods)| {
        let Some(mut goods) = shop.products[product].clone() else { return Vec::new() };
        change(&mut goods);
        shop.set(product, Some(goods));
        vec![shop.product(product)]
    };
    match edit {
        Edit::New(product) => {
            if shop.products[product].is_none() {
                shop.set(product, Some(Goods { stock: vec![1; 1 + product % 3], ..Goods::new(0) }));
            }
            vec![shop.product(product)]
        }
        Edit::Gone(product) => {
            if !shop.ever[product] {
                return Vec::new();
            }
            shop.set(product, None);
            vec![shop.product(product)]
        }
        Edit::Name(product, name) => change(shop, product, &|goods| goods.name = name),
        Edit::Price(product, price) => change(shop, product, &|goods| goods.price = price),
        Edit::Stock(product, stock) => change(shop, product, &|goods| goods.stock[0] = stock),
        Edit::Variants(product, variants) => change(shop, product, &|goods| {
            goods.stock.resize(variants, 5);
            goods.skus.truncate(variants);
        }),
        Edit::Nature(product, nature) => change(shop, product, &|goods| goods.nature = nature),
        Edit::Sku(product, variant, sku) => change(shop, product, &|goods| {
            let (variant, variants) = (variant % goods.stock.len(), goods.stock.len());
            goods.skus.resize(variants, None);
            if sku.is_none() || !goods.skus.contains(&sku) {
                goods.skus[variant] = sku;
            }
        }),
        Edit::Category(category, name) => {
            shop.categories[category] = name;
            vec![shop.category(category)]
        }
    }
}

/// Number of cases: `PROPTEST_CASES`, if set, to look for more.
#[expect(clippy::disallowed_methods, reason = "how much a test looks for is no setting of the product")]
fn cases(usual: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(usual)
}

fn live(rig: impl FnOnce() -> Rig, acts: Vec<Act>) -> Result<(), TestCaseError> {
    runtime().block_on(async {
        let mut rig = rig();
        for act in acts {
            rig = rig.act(act).await?;
        }
        rig.finish().await
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(96),
        failure_persistence: None,
        max_shrink_time: 20_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_happens_it_comes_to_hold_what_it_should(
        acts in vec(act(false), 1..24),
        items in 1..6usize,
        granular: bool,
    ) {
        live(|| Rig::new(PRODUCTS, limits(items), granular), acts)?;
    }

    #[test]
    fn whatever_happens_what_it_imports_in_its_own_time_comes_to_be_what_it_should(
        acts in vec(act(false), 1..24),
        items in 1..6usize,
        granular: bool,
    ) {
        let rig = || {
            let rig = Rig::new(PRODUCTS, limits(items), granular);
            rig.fake.be_lazy();
            rig
        };
        live(rig, acts)?;
    }

    #[test]
    fn whatever_happens_what_no_call_changes_is_removed_and_put_again(
        acts in vec(act(false), 1..24),
        items in 1..6usize,
        granular: bool,
        lazy: bool,
    ) {
        let rig = || {
            let rig = Rig::fixing_prices(PRODUCTS, limits(items), granular);
            if lazy {
                rig.fake.be_lazy();
            }
            rig
        };
        live(rig, acts)?;
    }

    #[test]
    fn whatever_happens_no_product_takes_what_is_another_s(
        acts in vec(act(true), 1..24),
        items in 1..6usize,
        granular: bool,
        lazy: bool,
    ) {
        let rig = || {
            let rig = Rig::sharing(PRODUCTS, limits(items), granular);
            if lazy {
                rig.fake.be_lazy();
            }
            let begins = (0..FEW).flat_map(|product| [Edit::New(product), Edit::Sku(product, 0, Some(product % 3))]);
            rig.read(begins.flat_map(|edit| rig.edit(edit)).collect(), Urgency::Live);
            rig
        };
        live(rig, acts)?;
    }
}

/// Product 4 gets the SKU of product 2 and loses it again. While its removal waits for the guard, product 2 owns the
/// item again: the removal must not be made.
#[test]
fn an_item_that_is_taken_back_while_its_removal_waits_is_not_removed() {
    let meanwhile = vec![(3, Edit::Sku(4, 2, Some(2))), (29, Edit::Sku(4, 0, None))];
    let rig = || {
        let rig = Rig::sharing(PRODUCTS, limits(4), false);
        let begins = (0..FEW).flat_map(|product| [Edit::New(product), Edit::Sku(product, 0, Some(product % 3))]);
        rig.read(begins.flat_map(|edit| rig.edit(edit)).collect(), Urgency::Live);
        rig
    };
    live(rig, vec![Act::Push { seed: 0, faults: 0, cut: None, meanwhile }]).unwrap();
}

/// Product 4 is in two imports that end at the same time, and one of its two items is refused.
#[test]
fn two_imports_of_a_product_that_end_together_are_both_settled() {
    let rig = || {
        let rig = Rig::sharing(PRODUCTS, limits(4), false);
        rig.fake.be_lazy();
        let begins = (0..FEW).flat_map(|product| [Edit::New(product), Edit::Sku(product, 0, Some(product % 3))]);
        rig.read(begins.flat_map(|edit| rig.edit(edit)).collect(), Urgency::Live);
        rig
    };
    let acts = vec![
        Act::Change(vec![Edit::Sku(2, 0, Some(0)), Edit::Stock(4, 2)], Urgency::Urgent),
        Act::Change(vec![Edit::Sku(3, 0, None)], Urgency::Urgent),
        Act::Push { seed: 14_621_463_186_701_094_169, faults: 0, cut: None, meanwhile: vec![] },
        Act::Change(vec![Edit::Nature(4, Nature::Poison), Edit::Price(1, Some(1)), Edit::New(3)], Urgency::Urgent),
    ];
    live(rig, acts).unwrap();
}

/// A product changes while its put waits for the import of an item that another product had: the push ends, and goes on
/// when the import has ended.
#[test]
fn a_record_that_changes_while_it_waits_for_an_import_keeps_no_push_from_ending() {
    let rig = || {
        let rig = Rig::sharing(PRODUCTS, limits(4), true);
        rig.fake.be_lazy();
        let begins = (0..FEW).flat_map(|product| [Edit::New(product), Edit::Sku(product, 0, Some(product % 3))]);
        rig.read(begins.flat_map(|edit| rig.edit(edit)).collect(), Urgency::Live);
        rig
    };
    let acts = vec![
        Act::Change(
            vec![
                Edit::Sku(2, 2, Some(0)),
                Edit::Sku(4, 2, None),
                Edit::Category(2, 2),
                Edit::Name(0, 0),
                Edit::Nature(1, Nature::Poison),
            ],
            Urgency::Backfill,
        ),
        Act::Remap,
        Act::Replay,
        Act::Remap,
        Act::Push {
            seed: 12_963_846_600_021_820_331,
            faults: 20,
            cut: None,
            meanwhile: vec![(5, Edit::New(4)), (44, Edit::Sku(0, 0, Some(2)))],
        },
        Act::Change(vec![Edit::Name(1, 2)], Urgency::Backfill),
        Act::Push {
            seed: 1_818_950_608_061_663_222,
            faults: 60,
            cut: Some(38),
            meanwhile: vec![(8, Edit::Sku(0, 2, Some(0))), (55, Edit::Nature(2, Nature::Unmakeable))],
        },
        Act::Push {
            seed: 15_503_106_819_632_495_037,
            faults: 20,
            cut: Some(50),
            meanwhile: vec![(18, Edit::New(0)), (32, Edit::New(2)), (46, Edit::Name(0, 0))],
        },
        Act::Change(
            vec![Edit::Sku(4, 1, Some(0)), Edit::Name(0, 1), Edit::Stock(4, 0), Edit::Price(2, None), Edit::Gone(1)],
            Urgency::Live,
        ),
        Act::Reopen,
        Act::Push {
            seed: 12_183_612_058_132_772_742,
            faults: 60,
            cut: Some(16),
            meanwhile: vec![(32, Edit::Gone(3)), (43, Edit::New(1))],
        },
        Act::Push {
            seed: 4_703_028_662_013_208_687,
            faults: 60,
            cut: Some(16),
            meanwhile: vec![
                (10, Edit::Nature(4, Nature::Good)),
                (15, Edit::Sku(3, 0, Some(1))),
                (26, Edit::Nature(0, Nature::Poison)),
            ],
        },
        Act::Push {
            seed: 1_229_490_477_816_241_422,
            faults: 60,
            cut: Some(44),
            meanwhile: vec![
                (8, Edit::Sku(0, 2, None)),
                (9, Edit::Nature(4, Nature::Good)),
                (9, Edit::Nature(2, Nature::Unmakeable)),
            ],
        },
        Act::Push {
            seed: 1_210_905_314_142_390_347,
            faults: 20,
            cut: None,
            meanwhile: vec![(2, Edit::New(1)), (3, Edit::Name(4, 1)), (47, Edit::Stock(3, 0))],
        },
        Act::Wait(1),
        Act::Push {
            seed: 14_602_245_328_903_044_458,
            faults: 60,
            cut: None,
            meanwhile: vec![(13, Edit::Sku(0, 0, Some(2))), (20, Edit::Category(0, 1))],
        },
        Act::Change(vec![Edit::Nature(3, Nature::Poison), Edit::New(2)], Urgency::Live),
        Act::Wait(3),
        Act::Push {
            seed: 17_012_884_632_201_521_837,
            faults: 20,
            cut: None,
            meanwhile: vec![(43, Edit::Sku(2, 2, Some(2)))],
        },
        Act::Change(
            vec![Edit::Category(1, 0), Edit::Name(2, 0), Edit::Sku(2, 2, Some(0)), Edit::Name(2, 1)],
            Urgency::Urgent,
        ),
    ];
    live(rig, acts).unwrap();
}
