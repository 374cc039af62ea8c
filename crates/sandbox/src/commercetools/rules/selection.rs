//! Product selections: their modes, and which variants of a product are meant.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::input::{given, need, object, one_of, texts, wrong};
use super::super::state::Object;

/// How a selection names products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Mode {
    /// Those that are in.
    Individual,
    /// Those that are out.
    IndividualExclusion,
}

impl Mode {
    const NAMES: [&'static str; 2] = ["Individual", "IndividualExclusion"];

    /// The `mode` of a body or of a selection as kept.
    pub(in super::super) fn of(body: &Object) -> Result<Self, ApiError> {
        Ok(match one_of(body, "mode", &Self::NAMES)? {
            Some("IndividualExclusion") => Self::IndividualExclusion,
            _ => Self::Individual,
        })
    }

    pub(in super::super) fn name(self) -> &'static str {
        let [individual, exclusion] = Self::NAMES;
        if self == Self::Individual { individual } else { exclusion }
    }

    /// The member that says which variants of a product are meant.
    pub(in super::super) fn variants(self) -> &'static str {
        match self {
            Self::Individual => "variantSelection",
            Self::IndividualExclusion => "variantExclusion",
        }
    }

    /// What stands for all variants of a product.
    fn all_variants(self) -> Value {
        match self {
            Self::Individual => json!({ "type": "includeAllExcept", "skus": [] }),
            Self::IndividualExclusion => json!({ "skus": [] }),
        }
    }

    /// Which variants a body means, as kept; none for all.
    pub(in super::super) fn variants_in(self, body: &Object) -> Result<Option<Value>, ApiError> {
        let field = self.variants();
        let Some(variants) = given(body, field) else { return Ok(None) };
        let variants = object(variants, field)?;
        need(variants, "skus")?;
        let skus = texts(variants, "skus")?;
        if skus.is_empty() {
            return Err(wrong(field, "at least one SKU"));
        }
        if self == Self::IndividualExclusion {
            return Ok(Some(json!({ "skus": skus })));
        }
        need(variants, "type")?;
        let kind = one_of(variants, "type", &["includeOnly", "includeAllExcept", "inclusion", "exclusion"])?;
        Ok(Some(json!({ "type": kind, "skus": skus })))
    }

    /// The refusal of a product that the selection has already, with other variants.
    pub(in super::super) fn present(self, product: Value, existing: Option<Value>) -> ApiError {
        let message = format!("Product is already present with the following different {}s.", self.variants());
        ApiError::new(400, "ProductPresentWithDifferentVariantSelection", message)
            .with("product", product)
            .with("existingVariantSelection", existing.unwrap_or_else(|| self.all_variants()))
    }

    /// The refusal of a product that the selection lacks.
    pub(in super::super) fn missing(self, product: Value) -> ApiError {
        let message = match self {
            Self::Individual => {
                "A Product Variant Selection can only be set for a Product that has previously been added to the \
                 Product Selection."
            }
            Self::IndividualExclusion => {
                "A Variant Exclusion can only be set for a Product that has previously been added to the Product \
                 Selection of type Individual Exclusion."
            }
        };
        ApiError::new(400, "ProductAssignmentMissing", message).with("product", product)
    }
}
