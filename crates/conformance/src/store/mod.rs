//! What any [`Store`] must do, as named checks that each start from an empty one.
//!
//! Run it from the store's own tests: `conformance::store::store(|| async { … }).await`. It reports all failed checks,
//! each with the expected and the actual value.

mod flow;
mod mirror;
mod owners;
mod prices;
mod reading;
pub mod samples;
mod upkeep;
mod workers;

use std::{fmt::Debug, pin::Pin};

use contract::{Fault, Store, destination::Ids, store::Workload};
use model::{FlowName, Kind};

/// Why a check failed.
#[derive(Debug)]
pub struct Failed(String);

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self(format!("the store refused: {} {fault}", fault.code))
    }
}

type Verdict = Result<(), Failed>;
type Running<'a> = Pin<Box<dyn Future<Output = Verdict> + Send + 'a>>;
/// A check with its name.
type Check = (&'static str, for<'a> fn(&'a dyn Store) -> Running<'a>);

/// The named checks of a module.
macro_rules! checks {
    ($($name:ident),* $(,)?) => {
        /// The checks of this module.
        pub(super) const CHECKS: &[crate::store::Check] = &[$((stringify!($name), |store| Box::pin($name(store)))),*];
    };
}
use checks;

/// Runs every check, each on a store of its own made by `make`.
///
/// # Panics
/// Where a check fails; the message names each that did.
pub async fn store<S, F>(make: impl Fn() -> F)
where
    S: Store,
    F: Future<Output = S>,
{
    run(Kind::Product, make).await;
}

/// As [`store`], with customers in place of products, so that the store has to seal what it keeps. Checks of what only
/// products have are left out.
///
/// # Panics
/// As [`store`].
pub async fn store_of_people<S, F>(make: impl Fn() -> F)
where
    S: Store,
    F: Future<Output = S>,
{
    run(Kind::Customer, make).await;
}

async fn run<S, F>(kind: Kind, make: impl Fn() -> F)
where
    S: Store,
    F: Future<Output = S>,
{
    let mut failures = String::new();
    let checks = [
        mirror::CHECKS,
        reading::CHECKS,
        flow::CHECKS,
        prices::CHECKS,
        owners::CHECKS,
        workers::CHECKS,
        upkeep::CHECKS,
    ];
    let of_catalogue = |name: &str| kind != Kind::Product && OF_PRODUCTS.contains(&name);
    for (name, check) in checks.concat().into_iter().filter(|(name, _)| !of_catalogue(name)) {
        let store = make().await;
        if let Err(Failed(why)) = samples::PLAIN.scope(kind, check(&store)).await {
            failures.extend(["\n", name, ": ", &why]);
        }
    }
    assert!(failures.is_empty(), "a store must pass all checks, but:{failures}");
}

/// Checks that need products: their parts, keys and prices, and where they come in the order of kinds.
const OF_PRODUCTS: &[&str] = &[
    "a_long_first_walk_takes_in_each_record_once",
    "a_category_touches_its_products_and_nothing_else",
    "what_changed_is_not_touched_once_more",
    "stock_touches_its_product_as_urgent",
    "stock_that_moves_touches_both_products",
    "an_assignment_touches_its_product",
    "parts_read_before_any_product_are_joined_to_it",
    "the_offer_touches_all_products_by_spreading",
    "a_wide_fan_out_is_spread_as_backfill",
    "records_are_found_by_id_key_and_sku",
    "records_are_counted_by_kind",
    "records_with_details_left_out_are_reported",
    "two_records_with_one_natural_key_are_both_kept",
    "unread_records_are_passed_over_until_they_can_be_read",
    "a_scan_goes_in_the_order_of_numbers",
    "prices_come_with_the_settlement_that_they_were_seen_in",
    "an_older_settlement_does_not_bring_back_its_prices",
    "a_flow_that_keeps_no_prices_has_none",
    "prices_go_with_their_record_and_their_flow",
    "tombstones_go_once_every_flow_has_settled_them",
];

/// Fails unless the two are equal.
#[expect(clippy::needless_pass_by_value, reason = "a check reads better without borrows")]
fn same<T: PartialEq + Debug>(what: &str, got: T, wanted: T) -> Verdict {
    if got == wanted { Ok(()) } else { Err(Failed(format!("{what}: expected {wanted:?}, got {got:?}"))) }
}

/// Fails unless it holds.
fn must(what: &str, truth: bool) -> Verdict {
    if truth { Ok(()) } else { Err(Failed(format!("{what}: it is not so"))) }
}

/// Fails unless there is a value.
fn some<T>(what: &str, it: Option<T>) -> Result<T, Failed> {
    it.ok_or_else(|| Failed(format!("{what}: there is none")))
}

/// A registered flow, with the operations that checks use.
struct Push<'a> {
    store: &'a dyn Store,
    flow: FlowName,
}

impl<'a> Push<'a> {
    async fn new(store: &'a dyn Store, flow: &str) -> Result<Self, Failed> {
        Self::with(store, flow, Ids::Own).await
    }

    async fn with(store: &'a dyn Store, flow: &str, ids: Ids) -> Result<Self, Failed> {
        let flow = FlowName::from(flow);
        samples::register(store, &flow, &samples::source(), "1", ids).await?;
        Ok(Self { store, flow })
    }

    async fn workload(&self) -> Result<Workload, Failed> {
        Ok(self.store.workload(&self.flow, samples::wide(samples::at(300))).await?)
    }

    /// Settles every record of the workload as in sync.
    async fn settle_all(&self) -> Result<Workload, Failed> {
        let workload = self.workload().await?;
        let settled = workload.work.iter().map(samples::in_sync).collect();
        self.store.advance(samples::step(&self.flow, settled, Some(workload.cursor))).await?;
        Ok(workload)
    }

    /// Ids in the workload, in its order.
    async fn ids(&self) -> Result<Vec<String>, Failed> {
        Ok(self.workload().await?.work.into_iter().map(|work| work.id.into_string()).collect())
    }

    /// Fails unless the flow's states are these and add up: (in sync, pending, filtered, dead, gone).
    async fn stands(&self, what: &str, wanted: (u64, u64, u64, u64, u64)) -> Verdict {
        let tally = self.store.tally(&self.flow).await?;
        same(what, (tally.in_sync, tally.pending, tally.filtered, tally.dead, tally.gone), wanted)?;
        same("the states add up to the mirror", tally.sum(), tally.mirror)?;
        same("the reasons add up to what is held", tally.holds.values().sum(), tally.held)?;
        same("the rules add up to what is filtered", tally.rules.values().sum(), tally.filtered)
    }
}
