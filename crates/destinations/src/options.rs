//! The options of a variant in one text, as a shopper reads them.

use std::borrow::Cow;

use model::{Listing, Offer, listing::Plain};

/// Joins the values of one variant's options.
const BETWEEN: &str = " / ";

/// A variant's options in one text: `S / red`. Options without a value are left out.
pub fn options_text(listing: &Listing<'_>, offer: &Offer<'_>) -> String {
    let mut text = String::new();
    for option in &listing.options {
        let Some(field) = offer.attributes.iter().find(|field| field.name == option.name) else { continue };
        let value = match &field.label {
            Plain::List(values) => Cow::Owned(values.iter().filter_map(Plain::text).collect::<Vec<_>>().join(", ")),
            single => single.text().unwrap_or_default(),
        };
        if !value.is_empty() {
            if !text.is_empty() {
                text.push_str(BETWEEN);
            }
            text.push_str(&value);
        }
    }
    text
}
