//! Categories as a market shows them.
//!
//! A category is shown if it is in a tree of the market's store, neither it nor one above it is hidden, it has a name
//! in one of the market's locales and a value for every placeholder of its URL, and it is not below itself. Parents,
//! children and paths hold only categories that are shown; categories below one without a name are still shown.

use model::{Category, CategoryListing, Filtered, Online, Timestamp, Window, listing::CategoryRef};

use super::{Projection, View, url::Parts};

impl View {
    /// The category in this market at `at`.
    pub fn category<'a>(&'a self, category: &'a Category, at: Timestamp) -> Projection<CategoryListing<'a>> {
        let mut holds = Window::OPEN;
        let listing = self.category_listing(category, at, &mut holds);
        Projection { listing, holds }
    }

    fn category_listing<'a>(
        &'a self,
        category: &'a Category,
        at: Timestamp,
        holds: &mut Window,
    ) -> Result<CategoryListing<'a>, Filtered> {
        if self.reference.is_cyclic(&category.id) {
            return Err(Filtered::CategoryCycle);
        }
        self.stands(category, at, holds)?;
        let name = self.language.pick(&category.name).ok_or(Filtered::NoText)?;
        let parts = self.parts(category);
        let url = self.category_url.fill(&parts).ok_or(Filtered::NoUrl)?;
        let children: Vec<CategoryRef<'_>> = self
            .reference
            .children(&category.id)
            .filter(|it| self.is_shown(it, at, holds))
            .map(CategoryRef::from)
            .collect();
        let parent = category.parent.as_ref().and_then(|id| self.reference.category(id));
        Ok(CategoryListing {
            id: &category.id,
            key: parts.key,
            external_id: category.external_id.as_deref(),
            parent: parent.filter(|parent| self.is_shown(parent, at, holds)).map(CategoryRef::from),
            name,
            description: self.language.pick(&category.description),
            slug: parts.slug,
            url,
            image: category.image.as_deref().filter(|url| contract::schema::is_absolute_url(url)),
            children,
            path: self.path(category, name),
        })
    }

    /// Whether a category is shown, apart from its name: it belongs to the store, and nothing hides it.
    fn stands(&self, category: &Category, at: Timestamp, holds: &mut Window) -> Result<(), Filtered> {
        if let Some(id) = &category.tree {
            let tree = self.reference.tree(id).ok_or(Filtered::OtherTree)?;
            if self.market.store.as_ref().is_some_and(|store| !tree.stores.contains(store)) {
                return Err(Filtered::OtherTree);
            }
            if tree.root.as_ref() == Some(&category.id) {
                return Err(Filtered::TreeRoot);
            }
        }
        let mut stands = true;
        let mut look = |online: &Online| {
            *holds = holds.and(online.steady(at));
            stands &= online.at(at);
        };
        look(&category.online);
        for above in self.above(category) {
            look(&above.online);
        }
        if stands { Ok(()) } else { Err(Filtered::Unpublished) }
    }

    /// Whether the market has the category.
    pub(super) fn is_shown(&self, category: &Category, at: Timestamp, holds: &mut Window) -> bool {
        !self.reference.is_cyclic(&category.id)
            && self.stands(category, at, holds).is_ok()
            && self.language.pick(&category.name).is_some()
            && self.category_url.fits(&self.parts(category))
    }

    pub(super) fn parts<'a>(&'a self, category: &'a Category) -> Parts<'a> {
        let slug = self.language.pick(&category.slug);
        Parts { id: category.id.as_str(), key: category.key.as_deref(), slug, sku: None, locale: self.locale() }
    }

    /// The categories above, nearest first. Stops where a cycle begins.
    fn above<'a>(&'a self, category: &'a Category) -> impl Iterator<Item = &'a Category> {
        let parent = |category: &Category| {
            let parent = category.parent.as_ref().and_then(|id| self.reference.category(id))?;
            (!self.reference.is_cyclic(&parent.id)).then_some(parent)
        };
        std::iter::successors(parent(category), move |category| parent(category))
    }

    pub(super) fn path<'a>(&'a self, category: &'a Category, name: &'a str) -> Vec<&'a str> {
        let is_root = |it: &Category| {
            let tree = it.tree.as_ref().and_then(|id| self.reference.tree(id));
            tree.is_some_and(|tree| tree.root.as_ref() == Some(&it.id))
        };
        let above = self.above(category).filter(|it| !is_root(it));
        let mut path: Vec<&str> =
            std::iter::once(name).chain(above.filter_map(|it| self.language.pick(&it.name))).collect();
        path.reverse();
        path
    }
}
