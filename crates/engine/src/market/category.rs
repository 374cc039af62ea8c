//! Categories as a market shows them.
//!
//! A category is shown if it has a name along the market's locales and does not hang below itself. Parents, children and
//! paths hold only categories that are shown; what hangs below a hidden one is shown as far down as it goes.

use model::{Category, CategoryId, CategoryListing, Filtered};

use super::{Projection, View, url::Parts};

impl View {
    /// The category in this market. Time never changes it.
    pub fn category<'a>(&'a self, category: &'a Category) -> Projection<CategoryListing<'a>> {
        Projection { listing: self.category_listing(category), next: None }
    }

    fn category_listing<'a>(&'a self, category: &'a Category) -> Result<CategoryListing<'a>, Filtered> {
        if self.reference.is_cyclic(&category.id) {
            return Err(Filtered::CategoryCycle);
        }
        let name = self.tongue.say(&category.name).ok_or(Filtered::NoText)?;
        let key = category.key.as_deref();
        let slug = self.tongue.say(&category.slug);
        let parts = Parts { id: category.id.as_str(), key, slug, sku: None, locale: self.locale() };
        let children = self.reference.children(&category.id).filter(|child| self.shown(child).is_some());
        let above = category.parent.as_ref().filter(|parent| self.named(parent).is_some());
        Ok(CategoryListing {
            id: &category.id,
            key,
            parent: above,
            name,
            description: self.tongue.say(&category.description),
            slug,
            url: self.category_url.fill(&parts),
            image: category.image.as_deref().filter(|url| contract::schema::is_absolute_url(url)),
            children: children.map(|child| &child.id).collect(),
            path: self.path(category, name),
        })
    }

    /// The name of a category that is shown.
    fn shown<'a>(&self, category: &'a Category) -> Option<&'a str> {
        if self.reference.is_cyclic(&category.id) { None } else { self.tongue.say(&category.name) }
    }

    fn named(&self, id: &CategoryId) -> Option<&str> {
        self.reference.category(id).and_then(|category| self.shown(category))
    }

    /// Ends, because it stops where a ring begins.
    fn path<'a>(&'a self, category: &'a Category, name: &'a str) -> Vec<&'a str> {
        let mut path = vec![name];
        let mut above = category.parent.as_ref();
        while let Some(parent) = above.and_then(|id| self.reference.category(id))
            && !self.reference.is_cyclic(&parent.id)
        {
            path.extend(self.tongue.say(&parent.name));
            above = parent.parent.as_ref();
        }
        path.reverse();
        path
    }
}
