//! One record in several markets at once, for destinations that keep one item for all of them.

use contract::Fault;
use model::{
    Category, CategoryListing, Customer, Filtered, Listing, Market, Order, PricePolicy, Product, Record, Timestamp,
    Window,
};

use super::{Projection, Reference, View};

/// The markets of a flow, in the order of the configuration.
#[derive(Clone, Debug)]
pub struct Views(Vec<View>);

/// A record as projected into each market, and how long that holds.
#[derive(Clone, Debug)]
pub struct Projections<'a, T> {
    /// The listing in each market, or the rule that filters it there; in the order of the markets.
    pub markets: Vec<(&'a Market, Result<T, Filtered>)>,
    /// The span around the instant in which no market's result changes by time alone.
    pub holds: Window,
}

impl Views {
    /// Looks up all names in the settings of the markets.
    ///
    /// # Errors
    /// As [`View::new`], for the first market that has one.
    pub fn new(markets: &[Market], reference: &Reference, policy: PricePolicy) -> Result<Self, Fault> {
        markets.iter().map(|market| View::new(market, reference, policy)).collect::<Result<_, _>>().map(Self)
    }

    /// The views of the single markets.
    pub fn each(&self) -> &[View] {
        &self.0
    }

    /// The product in every market at `at`; `joined` as in [`View::product`].
    pub fn product<'a>(
        &'a self,
        product: &'a Product,
        joined: &'a [Record],
        at: Timestamp,
    ) -> Projections<'a, Listing<'a>> {
        self.project(|view| view.product(product, joined, at))
    }

    /// The category in every market at `at`.
    pub fn category<'a>(&'a self, category: &'a Category, at: Timestamp) -> Projections<'a, CategoryListing<'a>> {
        self.project(|view| view.category(category, at))
    }

    /// The customer in every market.
    pub fn customer<'a>(&'a self, customer: &'a Customer) -> Projections<'a, &'a Customer> {
        self.project(|view| view.customer(customer))
    }

    /// The order in every market.
    pub fn order<'a>(&'a self, order: &'a Order) -> Projections<'a, &'a Order> {
        self.project(|view| view.order(order))
    }

    fn project<'a, T>(&'a self, mut of: impl FnMut(&'a View) -> Projection<T>) -> Projections<'a, T> {
        let mut holds = Window::OPEN;
        let mut project = |view: &'a View| {
            let projection = of(view);
            holds = holds.and(projection.holds);
            (view.market(), projection.listing)
        };
        let markets = self.0.iter().map(&mut project).collect();
        Projections { markets, holds }
    }
}

impl<'a, T> Projections<'a, T> {
    /// The rule that keeps it out of every market: that of the first market. `None` if any market shows it.
    pub fn filtered(&self) -> Option<&Filtered> {
        let shown = self.markets.iter().any(|(_, listing)| listing.is_ok());
        self.markets.first().filter(|_| !shown).and_then(|(_, listing)| listing.as_ref().err())
    }

    /// The markets that show it.
    pub fn shown(&self) -> impl Iterator<Item = (&'a Market, &T)> {
        self.markets.iter().filter_map(|(market, listing)| Some((*market, listing.as_ref().ok()?)))
    }
}
