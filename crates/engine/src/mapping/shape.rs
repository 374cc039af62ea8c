//! The names that a user's expressions can use: variables, their fields and types. One list checks expressions when
//! they are loaded and prints the reference; a test compares it with the serde form of a full listing.

use model::Kind;
use serde::Serialize;

/// The type of a value that expressions see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A string.
    Text,
    /// A number without a fraction.
    Integer,
    /// A number with a fraction.
    Number,
    /// `true` or `false`.
    Boolean,
    /// Text, a number, a boolean, or a list of them, depending on the attribute.
    Plain,
    /// Named fields.
    Record(&'static Record),
    /// A list.
    List(&'static Shape),
    /// Values by name, where the names are the shop's own.
    Map(&'static Shape),
}

/// Named fields.
#[derive(Debug, PartialEq, Eq)]
pub struct Record {
    /// Name in messages.
    pub name: &'static str,
    /// The fields.
    pub members: &'static [Member],
}

/// A field.
#[derive(Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub of: Shape,
    /// Whether it may be missing.
    pub optional: bool,
    /// Its meaning, one line.
    pub note: &'static str,
}

/// A variable of expressions.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Its fields.
    pub of: &'static Record,
    /// Its meaning, one line.
    pub note: &'static str,
}

/// One line of the reference: a name that an expression can use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Known {
    /// How it is written, such as `product.variants[].sku` or `variant.attributes.<name>.label`.
    pub path: String,
    /// Its type in words.
    pub of: String,
    /// Whether it may be missing.
    pub optional: bool,
    /// Its meaning.
    pub note: &'static str,
}

/// Members of a variant that are there only where the flow keeps a history of prices, and that make it keep one.
pub(super) const FROM_HISTORY: [&str; 2] = ["lowest_price_30d", "price_seen_since"];

const fn always(name: &'static str, of: Shape, note: &'static str) -> Member {
    Member { name, of, optional: false, note }
}

const fn maybe(name: &'static str, of: Shape, note: &'static str) -> Member {
    Member { name, of, optional: true, note }
}

static PRODUCT: Record = Record {
    name: "product",
    members: &[
        always("id", Shape::Text, "id at the source"),
        maybe("key", Shape::Text, "key given by the shop"),
        maybe("sku", Shape::Text, "SKU of its main variant, whether that is sold in the market or not"),
        maybe("product_type", Shape::Text, "name of its product type"),
        always("name", Shape::Text, "shown name, never blank"),
        maybe("description", Shape::Text, "description, may hold HTML"),
        maybe("slug", Shape::Text, "part of a URL"),
        maybe("meta_title", Shape::Text, "title for search engines"),
        maybe("meta_description", Shape::Text, "description for search engines"),
        always("keywords", Shape::List(&Shape::Text), "search keywords"),
        maybe("brand", Shape::Text, "name of its brand, where the shop has brands as records"),
        always("searchable", Shape::Boolean, "whether the shop's search may find it"),
        always("url", Shape::Text, "absolute URL of its page"),
        always(
            "images",
            Shape::List(&Shape::Text),
            "absolute URLs of its images, without repeats: the main one, then those of the variants sold",
        ),
        always(
            "categories",
            Shape::List(&Shape::Record(&CATEGORY_NAME)),
            "categories it is directly in that the market shows",
        ),
        always("attributes", Shape::Map(&Shape::Record(&ATTRIBUTE)), "attributes of the product as a whole, by name"),
        always("options", Shape::Map(&Shape::Record(&OPTION)), "options by which its variants differ, by name"),
        always("variants", Shape::List(&Shape::Record(&VARIANT)), "variants sold in the market, main one first"),
        maybe("rating", Shape::Record(&RATING), "reviews in short"),
        maybe("created_at", Shape::Integer, "when it was created, in seconds since the epoch"),
    ],
};

static VARIANT: Record = Record {
    name: "variant",
    members: &[
        always("id", Shape::Text, "id within the product"),
        maybe("sku", Shape::Text, "stock keeping unit"),
        maybe("key", Shape::Text, "key given by the shop"),
        maybe("gtin", Shape::Text, "global trade item number (EAN, UPC)"),
        always("price", Shape::Number, "what one piece costs now, zero or more"),
        always("list_price", Shape::Number, "what it costs without the discount"),
        always("on_sale", Shape::Boolean, "whether price is below list_price"),
        maybe(
            "lowest_price_30d",
            Shape::Number,
            "the lowest price in the market in the 30 days before the reduction that holds now, as far as prices were seen; \
             missing where the price is not reduced or none was seen before",
        ),
        maybe(
            "price_seen_since",
            Shape::Integer,
            "since when its prices in the market were seen, in seconds since the epoch",
        ),
        maybe("tax", Shape::Text, "whether tax is in the price: gross or net; missing where the shop does not say"),
        always("tiers", Shape::List(&Shape::Record(&TIER)), "lower prices for larger quantities, by rising quantity"),
        maybe("stock", Shape::Integer, "pieces that can be sold now; missing where the shop does not track them"),
        always("in_stock", Shape::Boolean, "whether it can be bought now"),
        always("attributes", Shape::Map(&Shape::Record(&ATTRIBUTE)), "attributes of the variant, by name"),
        always("images", Shape::List(&Shape::Text), "absolute URLs of its images"),
    ],
};

static CATEGORY: Record = Record {
    name: "category",
    members: &[
        always("id", Shape::Text, "id at the source"),
        maybe("key", Shape::Text, "key given by the shop"),
        maybe("external_id", Shape::Text, "id in a system beside the source, such as an ERP"),
        maybe("parent", Shape::Text, "id of the category above"),
        always("name", Shape::Text, "shown name, never blank"),
        maybe("description", Shape::Text, "description"),
        maybe("slug", Shape::Text, "part of a URL"),
        always("url", Shape::Text, "absolute URL of its page"),
        maybe("image", Shape::Text, "absolute image URL"),
        always("children", Shape::List(&Shape::Text), "ids of immediate children, in the shop's order"),
        always("path", Shape::List(&Shape::Text), "names from the root down to it"),
    ],
};

static MARKET: Record = Record {
    name: "market",
    members: &[
        always("key", Shape::Text, "name in the configuration"),
        always("locales", Shape::List(&Shape::Text), "the locale and its fallbacks"),
        always("currency", Shape::Text, "ISO 4217 code"),
        maybe("country", Shape::Text, "ISO 3166 code"),
        maybe("customer_group", Shape::Text, "key of the customer group"),
        maybe("price_channel", Shape::Text, "key of the distribution channel"),
        always("supply_channels", Shape::List(&Shape::Text), "keys of the supply channels"),
        maybe("store", Shape::Text, "key of the store"),
        always("time_zone", Shape::Text, "IANA name"),
        always("product_url", Shape::Text, "template of product URLs"),
        always("category_url", Shape::Text, "template of category URLs"),
        always("untracked", Shape::Text, "how untracked stock counts: available or unavailable"),
    ],
};

static CATEGORY_NAME: Record = Record {
    name: "product.categories[]",
    members: &[
        always("id", Shape::Text, "id at the source"),
        maybe("key", Shape::Text, "key given by the shop"),
        maybe("external_id", Shape::Text, "id in a system beside the source, such as an ERP"),
        maybe("name", Shape::Text, "shown name"),
    ],
};

static TIER: Record = Record {
    name: "variant.tiers[]",
    members: &[
        always("minimum", Shape::Integer, "from this many pieces, at least 2"),
        always("price", Shape::Number, "what one piece costs then"),
    ],
};

static ATTRIBUTE: Record = Record {
    name: "attribute",
    members: &[
        maybe("title", Shape::Text, "label of the attribute itself"),
        always(
            "value",
            Shape::Plain,
            "machine form: the key of an enum value, the number, the text, the id of a reference",
        ),
        always(
            "label",
            Shape::Plain,
            "shown form: the label of an enum value, the name of what is referred to (blank without one), else as value",
        ),
    ],
};

static OPTION: Record = Record {
    name: "option",
    members: &[
        maybe("title", Shape::Text, "shown name"),
        always("values", Shape::List(&Shape::Text), "distinct shown values, in the order of the variants"),
    ],
};

static RATING: Record = Record {
    name: "product.rating",
    members: &[
        always("average", Shape::Number, "mean rating, in the shop's scale"),
        always("count", Shape::Integer, "number of ratings"),
    ],
};

static PRODUCT_VARIABLES: [Variable; 3] = [
    Variable { name: "product", of: &PRODUCT, note: "the product as the market sells it" },
    Variable {
        name: "variant",
        of: &VARIANT,
        note: "the variant an item stands for; the main one where it stands for all",
    },
    Variable { name: "market", of: &MARKET, note: "the market" },
];

static CATEGORY_VARIABLES: [Variable; 2] = [
    Variable { name: "category", of: &CATEGORY, note: "the category as the market shows it" },
    Variable { name: "market", of: &MARKET, note: "the market" },
];

/// Variables of expressions for a kind of record; empty for kinds that are not carried.
pub fn variables(kind: Kind) -> &'static [Variable] {
    match kind {
        Kind::Product => &PRODUCT_VARIABLES,
        Kind::Category => &CATEGORY_VARIABLES,
        _ => &[],
    }
}

/// All names that an expression for this kind of record can use, in the order of the reference.
pub fn shape(kind: Kind) -> Vec<Known> {
    let mut known = Vec::new();
    for variable in variables(kind) {
        list(variable.name, variable.of, &mut known);
    }
    known
}

fn list(prefix: &str, record: &'static Record, known: &mut Vec<Known>) {
    for member in record.members {
        let path = format!("{prefix}.{}", member.name);
        known.push(Known { path: path.clone(), of: member.of.words(), optional: member.optional, note: member.note });
        match member.of {
            Shape::Record(inner) => list(&path, inner, known),
            Shape::List(Shape::Record(inner)) => list(&format!("{path}[]"), inner, known),
            Shape::Map(Shape::Record(inner)) => list(&format!("{path}.<name>"), inner, known),
            _ => {}
        }
    }
}

impl Shape {
    /// The type in words.
    pub fn words(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Integer => "integer".to_owned(),
            Self::Number => "number".to_owned(),
            Self::Boolean => "boolean".to_owned(),
            Self::Plain => "text, number, boolean or list".to_owned(),
            Self::Record(record) => record.name.to_owned(),
            Self::List(of) => format!("list of {}", of.words()),
            Self::Map(of) => format!("{} by name", of.words()),
        }
    }
}
