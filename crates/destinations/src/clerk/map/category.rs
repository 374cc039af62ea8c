//! Categories.

use contract::{
    Facet, Fault,
    destination::{Made, Mapped},
};
use model::CategoryListing;

use super::{
    id::{JsonId, integer, not_integer},
    product::description,
    sheet::{Each, Sheet},
};
use crate::clerk::config::{Config, IdType};

/// The item of a category. All of it is content: a category is always replaced as a whole.
///
/// # Errors
/// `C0410` for a field Clerk.io has no use for, `C0411` for an id that does not fit.
pub fn category(config: &Config, listing: &CategoryListing<'_>, taken: &dyn Fn(&str) -> bool) -> Result<Mapped, Fault> {
    let name = || format!("category {}", listing.id);
    let id_type = config.id_type;
    if id_type == IdType::Integer && integer(listing.id.as_str()).is_none() {
        return Err(not_integer(&name(), "its id is no whole number"));
    }
    let mut sheet = Sheet::new(taken, &name);
    sheet.text("name", listing.name)?;
    sheet.url("url", &listing.url)?;
    sheet.put(Facet::CONTENT, "subcategories", &Each(|| listing.children.iter().map(|id| JsonId(id.as_str(), id_type))))?;
    sheet.maybe(Facet::CONTENT, "parent", listing.parent.map(|id| JsonId(id.as_str(), id_type)))?;
    sheet.put(Facet::CONTENT, "path", &listing.path)?;
    if let Some(image) = listing.image {
        sheet.url("image", image)?;
    }
    if listing.description.is_some() {
        sheet.put(Facet::CONTENT, "description", &*description(config, listing.description))?;
    }
    Ok(Mapped::Items(vec![Made::whole(sheet.finish(listing.id.as_str()))]))
}
