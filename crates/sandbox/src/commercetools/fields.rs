//! The fields each resource has, as far as predicates and sorting need to know them.
//!
//! A query with an unknown field is refused, as on the platform.

/// The type of a resource's field.
#[derive(Debug)]
pub(super) enum Shape {
    /// A string.
    Text,
    /// An id; compared in the platform's order.
    Id,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A date and time; compared as an instant.
    Instant,
    /// An object with known fields.
    Object(&'static [(&'static str, Shape)]),
    /// A list of one shape.
    List(&'static Shape),
    /// An object whose keys are data (locales).
    Map(&'static Shape),
    /// Anything (attribute values, custom fields).
    Open,
}

impl Shape {
    /// The field `name` of an object.
    pub(super) fn field(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => fields.iter().find(|(known, _)| *known == name).map(|(_, shape)| shape),
            Self::List(element) => element.field(name),
            Self::Map(element) => Some(element),
            Self::Open => Some(&Self::Open),
            Self::Text | Self::Id | Self::Number | Self::Boolean | Self::Instant => None,
        }
    }
}

use Shape::{Boolean, Id, Instant, List, Map, Number, Object, Open, Text};

const LOCALIZED: Shape = Map(&Text);
const REFERENCE: Shape = Object(&[("typeId", Text), ("id", Id)]);
const KEY_REFERENCE: Shape = Object(&[("typeId", Text), ("key", Text)]);
const CUSTOM: Shape = Object(&[("type", REFERENCE), ("fields", Open)]);
const MONEY: Shape = Object(&[
    ("type", Text),
    ("currencyCode", Text),
    ("centAmount", Number),
    ("preciseAmount", Number),
    ("fractionDigits", Number),
]);
const DISCOUNTED: Shape = Object(&[("value", MONEY), ("discount", REFERENCE)]);
const TIER: Shape = Object(&[("minimumQuantity", Number), ("value", MONEY)]);
const ATTRIBUTE: Shape = Object(&[("name", Text), ("value", Open)]);
const PRICE: Shape = Object(&[
    ("id", Id),
    ("key", Text),
    ("value", MONEY),
    ("country", Text),
    ("customerGroup", REFERENCE),
    ("channel", REFERENCE),
    ("validFrom", Instant),
    ("validUntil", Instant),
    ("discounted", DISCOUNTED),
    ("tiers", List(&TIER)),
    ("custom", CUSTOM),
    ("recurrencePolicy", REFERENCE),
]);
const IMAGE: Shape = Object(&[("url", Text), ("label", Text), ("dimensions", Object(&[("w", Number), ("h", Number)]))]);
const AVAILABILITY: Shape = Object(&[
    ("isOnStock", Boolean),
    ("availableQuantity", Number),
    ("restockableInDays", Number),
    ("id", Id),
    ("version", Number),
    ("channels", Open),
]);
const ASSET: Shape = Object(&[
    ("id", Id),
    ("key", Text),
    ("name", LOCALIZED),
    ("description", LOCALIZED),
    ("sources", List(&Open)),
    ("tags", List(&Text)),
    ("custom", CUSTOM),
]);
const VARIANT: Shape = Object(&[
    ("id", Number),
    ("sku", Text),
    ("key", Text),
    ("prices", List(&PRICE)),
    ("attributes", List(&ATTRIBUTE)),
    ("images", List(&IMAGE)),
    ("assets", List(&ASSET)),
    ("availability", AVAILABILITY),
]);
const PRODUCT_DATA: Shape = Object(&[
    ("name", LOCALIZED),
    ("slug", LOCALIZED),
    ("description", LOCALIZED),
    ("categories", List(&REFERENCE)),
    ("categoryOrderHints", Map(&Text)),
    ("metaTitle", LOCALIZED),
    ("metaDescription", LOCALIZED),
    ("metaKeywords", LOCALIZED),
    ("searchKeywords", Open),
    ("attributes", List(&ATTRIBUTE)),
    ("masterVariant", VARIANT),
    ("variants", List(&VARIANT)),
    ("defaultVariant", REFERENCE),
]);

macro_rules! resource {
    ($($rest:tt)*) => {
        Object(&[
            ("id", Id),
            ("version", Number),
            ("createdAt", Instant),
            ("lastModifiedAt", Instant),
            ("createdBy", Open),
            ("lastModifiedBy", Open),
            ("key", Text),
            $($rest)*
        ])
    };
}

/// ProductProjection.
pub(super) const PROJECTION: Shape = resource![
    ("productType", REFERENCE),
    ("taxCategory", REFERENCE),
    ("state", REFERENCE),
    ("priceMode", Text),
    ("published", Boolean),
    ("hasStagedChanges", Boolean),
    ("reviewRatingStatistics", Open),
    ("name", LOCALIZED),
    ("slug", LOCALIZED),
    ("description", LOCALIZED),
    ("categories", List(&REFERENCE)),
    ("categoryOrderHints", Map(&Text)),
    ("metaTitle", LOCALIZED),
    ("metaDescription", LOCALIZED),
    ("metaKeywords", LOCALIZED),
    ("searchKeywords", Open),
    ("attributes", List(&ATTRIBUTE)),
    ("masterVariant", VARIANT),
    ("variants", List(&VARIANT)),
];

/// Product.
pub(super) const PRODUCT: Shape = resource![
    ("productType", REFERENCE),
    ("taxCategory", REFERENCE),
    ("state", REFERENCE),
    ("priceMode", Text),
    ("reviewRatingStatistics", Open),
    (
        "masterData",
        Object(&[
            ("published", Boolean),
            ("hasStagedChanges", Boolean),
            ("current", PRODUCT_DATA),
            ("staged", PRODUCT_DATA),
        ])
    ),
];

/// Category.
pub(super) const CATEGORY: Shape = resource![
    ("externalId", Text),
    ("name", LOCALIZED),
    ("slug", LOCALIZED),
    ("description", LOCALIZED),
    ("ancestors", List(&REFERENCE)),
    ("parent", REFERENCE),
    ("orderHint", Text),
    ("metaTitle", LOCALIZED),
    ("metaDescription", LOCALIZED),
    ("metaKeywords", LOCALIZED),
    ("custom", CUSTOM),
    ("assets", List(&ASSET)),
];

/// ProductType.
pub(super) const PRODUCT_TYPE: Shape = resource![
    ("name", Text),
    ("description", Text),
    (
        "attributes",
        List(&Object(&[
            ("name", Text),
            ("type", Open),
            ("label", LOCALIZED),
            ("isRequired", Boolean),
            ("isSearchable", Boolean),
            ("level", Text),
            ("attributeConstraint", Text),
            ("inputHint", Text),
            ("inputTip", LOCALIZED),
        ]))
    ),
];

/// InventoryEntry.
pub(super) const INVENTORY_ENTRY: Shape = resource![
    ("sku", Text),
    ("supplyChannel", REFERENCE),
    ("quantityOnStock", Number),
    ("availableQuantity", Number),
    ("minCartQuantity", Number),
    ("maxCartQuantity", Number),
    ("restockableInDays", Number),
    ("expectedDelivery", Instant),
    ("reservationExpirationInMinutes", Number),
    ("stockLevels", Open),
    ("custom", CUSTOM),
];

/// StandalonePrice.
pub(super) const STANDALONE_PRICE: Shape = resource![
    ("sku", Text),
    ("value", MONEY),
    ("country", Text),
    ("customerGroup", REFERENCE),
    ("channel", REFERENCE),
    ("validFrom", Instant),
    ("validUntil", Instant),
    ("tiers", List(&TIER)),
    ("discounted", DISCOUNTED),
    ("active", Boolean),
    ("staged", Object(&[("value", MONEY), ("discounted", DISCOUNTED)])),
    ("custom", CUSTOM),
    ("recurrencePolicy", REFERENCE),
];

/// Store.
pub(super) const STORE: Shape = resource![
    ("name", LOCALIZED),
    ("languages", List(&Text)),
    ("countries", List(&Object(&[("code", Text)]))),
    ("distributionChannels", List(&REFERENCE)),
    ("supplyChannels", List(&REFERENCE)),
    ("productSelections", List(&Object(&[("productSelection", REFERENCE), ("active", Boolean)]))),
    ("custom", CUSTOM),
];

/// Channel.
pub(super) const CHANNEL: Shape = resource![
    ("roles", List(&Text)),
    ("name", LOCALIZED),
    ("description", LOCALIZED),
    ("address", Open),
    ("geoLocation", Open),
    ("reviewRatingStatistics", Open),
    ("custom", CUSTOM),
];

/// CustomerGroup.
pub(super) const CUSTOMER_GROUP: Shape = resource![("name", Text), ("custom", CUSTOM)];

/// ProductSelection.
pub(super) const PRODUCT_SELECTION: Shape =
    resource![("name", LOCALIZED), ("productCount", Number), ("mode", Text), ("type", Text), ("custom", CUSTOM),];

/// ProductTailoringData.
const TAILORED: Shape = Object(&[
    ("name", LOCALIZED),
    ("description", LOCALIZED),
    ("slug", LOCALIZED),
    ("metaTitle", LOCALIZED),
    ("metaDescription", LOCALIZED),
    ("metaKeywords", LOCALIZED),
    ("attributes", List(&ATTRIBUTE)),
    ("variants", Open),
]);

/// ProductTailoring.
pub(super) const PRODUCT_TAILORING: Shape = resource![
    ("store", KEY_REFERENCE),
    ("product", REFERENCE),
    ("published", Boolean),
    ("current", TAILORED),
    ("staged", TAILORED),
    ("hasStagedChanges", Boolean),
];

/// VariantData.
const VARIANT_DATA: Shape =
    Object(&[("sku", Text), ("images", List(&IMAGE)), ("attributes", List(&ATTRIBUTE)), ("assets", List(&ASSET))]);

/// Variant of a Modular project.
pub(super) const VARIANT_RESOURCE: Shape = resource![
    ("variantId", Number),
    ("product", REFERENCE),
    ("published", Boolean),
    ("current", VARIANT_DATA),
    ("staged", VARIANT_DATA),
];

const ADDRESS: Shape = Object(&[
    ("id", Text),
    ("key", Text),
    ("country", Text),
    ("title", Text),
    ("salutation", Text),
    ("firstName", Text),
    ("lastName", Text),
    ("streetName", Text),
    ("streetNumber", Text),
    ("additionalStreetInfo", Text),
    ("postalCode", Text),
    ("city", Text),
    ("region", Text),
    ("state", Text),
    ("company", Text),
    ("department", Text),
    ("building", Text),
    ("apartment", Text),
    ("pOBox", Text),
    ("phone", Text),
    ("mobile", Text),
    ("email", Text),
    ("fax", Text),
    ("additionalAddressInfo", Text),
    ("externalId", Text),
    ("custom", CUSTOM),
]);

/// Customer. Nobody can ask for a password.
pub(super) const CUSTOMER: Shape = resource![
    ("customerNumber", Text),
    ("externalId", Text),
    ("email", Text),
    ("firstName", Text),
    ("lastName", Text),
    ("middleName", Text),
    ("title", Text),
    ("salutation", Text),
    ("dateOfBirth", Text),
    ("companyName", Text),
    ("vatId", Text),
    ("addresses", List(&ADDRESS)),
    ("defaultShippingAddressId", Text),
    ("shippingAddressIds", List(&Text)),
    ("defaultBillingAddressId", Text),
    ("billingAddressIds", List(&Text)),
    ("isEmailVerified", Boolean),
    ("customerGroup", REFERENCE),
    ("customerGroupAssignments", List(&Object(&[("customerGroup", REFERENCE)]))),
    ("custom", CUSTOM),
    ("locale", Text),
    ("stores", List(&KEY_REFERENCE)),
    ("authenticationMode", Text),
];

const TAXED: Shape =
    Object(&[("totalNet", MONEY), ("totalGross", MONEY), ("totalTax", MONEY), ("taxPortions", List(&Open))]);
const SHIPPING_INFO: Shape = Object(&[
    ("shippingMethodName", Text),
    ("price", MONEY),
    ("shippingRate", Open),
    ("taxedPrice", TAXED),
    ("taxRate", Open),
    ("taxCategory", REFERENCE),
    ("shippingMethod", REFERENCE),
    ("deliveries", List(&Open)),
    ("discountedPrice", Open),
    ("shippingMethodState", Text),
]);
const LINE_ITEM: Shape = Object(&[
    ("id", Id),
    ("key", Text),
    ("productId", Id),
    ("productKey", Text),
    ("name", LOCALIZED),
    ("productSlug", LOCALIZED),
    ("productType", REFERENCE),
    ("variant", VARIANT),
    ("price", PRICE),
    ("quantity", Number),
    ("totalPrice", MONEY),
    ("taxedPrice", TAXED),
    ("taxRate", Open),
    ("state", List(&Object(&[("quantity", Number), ("state", REFERENCE)]))),
    ("supplyChannel", REFERENCE),
    ("distributionChannel", REFERENCE),
    ("priceMode", Text),
    ("lineItemMode", Text),
    ("custom", CUSTOM),
]);
const CUSTOM_LINE_ITEM: Shape = Object(&[
    ("id", Id),
    ("key", Text),
    ("name", LOCALIZED),
    ("slug", Text),
    ("money", MONEY),
    ("quantity", Number),
    ("totalPrice", MONEY),
    ("taxedPrice", TAXED),
    ("priceMode", Text),
    ("custom", CUSTOM),
]);
const RETURN_ITEM: Shape = Object(&[
    ("id", Id),
    ("key", Text),
    ("type", Text),
    ("lineItemId", Id),
    ("customLineItemId", Id),
    ("quantity", Number),
    ("comment", Text),
    ("shipmentState", Text),
    ("paymentState", Text),
    ("createdAt", Instant),
    ("lastModifiedAt", Instant),
]);

/// Order.
pub(super) const ORDER: Shape = resource![
    ("orderNumber", Text),
    ("purchaseOrderNumber", Text),
    ("customerId", Id),
    ("customerEmail", Text),
    ("customerGroup", REFERENCE),
    ("anonymousId", Text),
    ("store", KEY_REFERENCE),
    ("lineItems", List(&LINE_ITEM)),
    ("customLineItems", List(&CUSTOM_LINE_ITEM)),
    ("totalPrice", MONEY),
    ("taxedPrice", TAXED),
    ("taxedShippingPrice", TAXED),
    ("discountOnTotalPrice", Object(&[("discountedAmount", MONEY), ("includedDiscounts", List(&Open))])),
    ("taxMode", Text),
    ("billingAddress", ADDRESS),
    ("shippingAddress", ADDRESS),
    ("shippingMode", Text),
    ("shippingInfo", SHIPPING_INFO),
    ("shipping", List(&Open)),
    ("discountCodes", List(&Object(&[("discountCode", REFERENCE), ("state", Text)]))),
    ("paymentInfo", Object(&[("payments", List(&REFERENCE))])),
    ("country", Text),
    ("locale", Text),
    ("origin", Text),
    ("cart", REFERENCE),
    ("orderState", Text),
    ("shipmentState", Text),
    ("paymentState", Text),
    ("state", REFERENCE),
    ("syncInfo", List(&Open)),
    (
        "returnInfo",
        List(&Object(&[("returnTrackingId", Text), ("returnDate", Instant), ("items", List(&RETURN_ITEM))]))
    ),
    ("custom", CUSTOM),
    ("completedAt", Instant),
];

/// DiscountCode.
pub(super) const DISCOUNT_CODE: Shape = resource![
    ("name", LOCALIZED),
    ("code", Text),
    ("cartDiscounts", List(&REFERENCE)),
    ("stores", List(&KEY_REFERENCE)),
    ("cartPredicate", Text),
    ("isActive", Boolean),
    ("references", List(&REFERENCE)),
    ("maxApplications", Number),
    ("maxApplicationsPerCustomer", Number),
    ("groups", List(&Text)),
    ("validFrom", Instant),
    ("validUntil", Instant),
];

/// Type of custom fields.
pub(super) const TYPE: Shape = resource![
    ("name", LOCALIZED),
    ("description", LOCALIZED),
    ("resourceTypeIds", List(&Text)),
    (
        "fieldDefinitions",
        List(&Object(&[
            ("name", Text),
            ("type", Open),
            ("label", LOCALIZED),
            ("required", Boolean),
            ("inputHint", Text),
        ]))
    ),
];

/// Message.
pub(super) const MESSAGE: Shape = resource![
    ("sequenceNumber", Number),
    ("resource", REFERENCE),
    ("resourceVersion", Number),
    ("type", Text),
    ("resourceUserProvidedIdentifiers", Open),
    ("sku", Text),
    ("supplyChannel", REFERENCE),
    ("product", REFERENCE),
    ("category", REFERENCE),
];

/// Members of a selection and assignments of a store.
pub(super) const ASSIGNMENT: Shape = Object(&[
    ("product", REFERENCE),
    ("productSelection", REFERENCE),
    ("variantSelection", Object(&[("type", Text), ("skus", List(&Text))])),
    ("variantExclusion", Object(&[("skus", List(&Text))])),
    ("createdAt", Instant),
    ("store", KEY_REFERENCE),
]);
