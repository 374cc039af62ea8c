//! How much of what a market needs the products of a shop have: counted for each need by itself, so that one does not hide
//! another.

use model::{Product, Record, Timestamp, Variant};
use serde::Serialize;

use super::{View, parts::Parts, product::images, stock::available};

/// How many of the published products of a market have what it needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// All products.
    pub products: u64,
    /// Those of them that are published in the market.
    pub published: u64,
    /// Of the published ones, those with a name in one of its languages.
    pub name: u64,
    /// Those with a variant that has a price for it.
    pub price: u64,
    /// Those with a variant that is in stock where it sells from.
    pub stock: u64,
    /// Those that its store's assortment includes.
    pub assortment: u64,
    /// Those without any image.
    pub no_image: u64,
}

impl Coverage {
    /// Counts a product as the view shows it at `at`; `joined` as for [`View::product`].
    pub fn count(&mut self, view: &View, product: &Product, joined: &[Record], at: Timestamp) {
        self.products += 1;
        let store = view.market().store.as_ref();
        if !product.online.in_store(store).at(at) {
            return;
        }
        let parts = Parts::new(product, joined);
        let is_shown = |variant: &&Variant| variant.online.in_store(store).at(at);
        let shown: Vec<&Variant> = parts.variants().filter(is_shown).collect();
        if shown.is_empty() {
            return;
        }
        let tailored = parts.tailored(store);
        let name = view.text(tailored.map(|it| &it.name), &product.name);
        let has_price = |variant: &&Variant| view.price(product, variant, &parts, at).amounts().is_some();
        let has_stock =
            |variant: &&Variant| available(parts.levels(variant).0, &view.places).in_stock(view.sells_untracked());
        let is_held = |variant: &&Variant| view.assortment.holds(variant.sku.as_ref(), joined);
        self.published += 1;
        self.name += u64::from(name.is_some());
        self.price += u64::from(shown.iter().any(has_price));
        self.stock += u64::from(shown.iter().any(has_stock));
        self.assortment += u64::from(shown.iter().any(is_held));
        self.no_image += u64::from(parts.variants().all(|variant| images(parts.images(variant, store)).is_empty()));
    }
}
