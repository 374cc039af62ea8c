//! Categories.

use contract::{
    Facet, Fault,
    destination::{Made, Mapped},
};
use model::{CategoryListing, listing::CategoryRef};

use super::{
    id::{JsonId, integer, not_integer, of_category},
    product::description,
    sheet::{Each, Sheet},
};
use crate::clerk::config::{Config, IdType};

/// The item of a category. It has only the facet `content`: a category is always replaced as a whole.
///
/// # Errors
/// `C0410` for a value that Clerk.io can't use, `C0411` for an id that does not fit.
pub fn category(config: &Config, listing: &CategoryListing<'_>, taken: &dyn Fn(&str) -> bool) -> Result<Mapped, Fault> {
    let name = || format!("category {}", listing.id);
    let id_type = config.id_type;
    let own = CategoryRef { id: listing.id, key: listing.key, external_id: listing.external_id };
    let Some(id) = of_category(config, own) else {
        return Err(Fault::record("C0411", format!("{} has nothing to make its Clerk.io id from", name()))
            .hint("give it a key or external id at the source, or choose another category_id"));
    };
    if id_type == IdType::Integer && integer(&id).is_none() {
        return Err(not_integer(&name(), "its id is no whole number"));
    }
    let of = |category: CategoryRef<'_>| Some(JsonId::new(of_category(config, category)?.into_owned(), id_type));
    let mut sheet = Sheet::new(taken, &name);
    sheet.text("name", listing.name)?;
    sheet.url("url", &listing.url)?;
    sheet.put(Facet::CONTENT, "subcategories", &Each(|| listing.children.iter().filter_map(|it| of(*it))))?;
    sheet.maybe(Facet::CONTENT, "parent", listing.parent.and_then(of))?;
    sheet.put(Facet::CONTENT, "path", &listing.path)?;
    if let Some(image) = listing.image {
        sheet.url("image", image)?;
    }
    if listing.description.is_some() {
        sheet.put(Facet::CONTENT, "description", &*description(config, listing.description))?;
    }
    Ok(Mapped::Items(vec![Made::whole(sheet.finish(&*id))]))
}
