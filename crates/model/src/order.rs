//! Orders.

use serde::{Deserialize, Serialize};

use crate::{
    Address, Attribute, Country, Currency, CustomerId, Email, Locale, Localized, Money, Notice, OrderId, ProductId,
    Sku, StorefrontKey, Timestamp, VariantId, person::hidden,
};

/// What was bought at once. An order is one thing however often it changes: an edit or a cancellation is a new state of it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// Id at the source.
    pub id: OrderId,
    /// Number shown to people.
    pub number: Option<String>,
    /// The customer; `None`: a guest.
    pub customer: Option<CustomerId>,
    /// E-mail address of the customer or guest, as it was then.
    pub email: Option<Email>,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// Currency of all amounts.
    pub currency: Currency,
    /// The store that it was placed in.
    pub store: Option<StorefrontKey>,
    /// The country whose prices and taxes it has.
    pub country: Option<Country>,
    /// The language it was placed in.
    pub locale: Option<Locale>,
    /// How far it is.
    pub status: OrderStatus,
    /// The source's own words for its states, such as `paymentState` and `Paid`.
    pub states: Vec<(String, String)>,
    /// What was bought. Lines without a product are fees and the like.
    pub lines: Vec<OrderLine>,
    /// Amounts of the whole order.
    pub totals: Totals,
    /// Codes of coupons that were used.
    pub coupons: Vec<String>,
    /// Where it goes.
    pub shipping: Option<Address>,
    /// Who pays.
    pub billing: Option<Address>,
    /// What came back, or is to come back.
    pub returns: Vec<ReturnedLine>,
    /// Further fields of the shop.
    pub attributes: Vec<Attribute>,
    /// Details that were left out.
    pub notices: Vec<Notice>,
}

/// How far an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Placed.
    Open,
    /// Accepted by the shop.
    Confirmed,
    /// On its way.
    Shipped,
    /// Delivered, or finished otherwise.
    Complete,
    /// Cancelled.
    Cancelled,
}

/// A line of an order.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderLine {
    /// Id, unique within the order.
    pub id: String,
    /// The product; `None`: a fee, a voucher, or something else that is no product.
    pub product: Option<ProductId>,
    /// The variant, where the source names it.
    pub variant: Option<VariantId>,
    /// SKU.
    pub sku: Option<Sku>,
    /// Name at that time.
    pub name: Localized,
    /// Pieces.
    pub quantity: u64,
    /// What one piece cost before reductions of this order.
    pub unit_price: Option<Money>,
    /// What the line cost, after reductions.
    pub total: Money,
    /// Tax in the total, or to be added to it.
    pub tax: Option<Money>,
    /// Whether the tax is in the total; `None` if the source does not say.
    pub tax_included: Option<bool>,
}

/// Amounts of an order. What the source does not say is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// What was to be paid: lines and shipping after reductions; with tax where `gross` is known, otherwise as the
    /// source counts.
    pub total: Money,
    /// With tax.
    pub gross: Option<Money>,
    /// Without tax.
    pub net: Option<Money>,
    /// Tax.
    pub tax: Option<Money>,
    /// Shipping.
    pub shipping: Option<Money>,
    /// Reductions of the order, at least zero.
    pub discount: Option<Money>,
}

/// Pieces of a line that came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnedLine {
    /// Id of this return, unique within the order.
    pub id: String,
    /// Id of the line.
    pub line: String,
    /// Pieces.
    pub quantity: u64,
    /// Whether the pieces are back at the shop; otherwise they were only announced.
    pub is_back: bool,
    /// Whether they were paid back.
    pub is_refunded: bool,
    /// When.
    pub at: Option<Timestamp>,
}

hidden!(Order, OrderLine);

impl OrderLine {
    /// What one piece cost after reductions, as exactly as its currency's minor unit allows: the total divided by the
    /// quantity, rounded half away from zero.
    pub fn paid_per_piece(&self) -> Money {
        let quantity = i64::try_from(self.quantity).unwrap_or(i64::MAX).max(1);
        let (minor, half) = (self.total.minor, quantity / 2);
        let rounded = if minor < 0 { minor.saturating_sub(half) } else { minor.saturating_add(half) };
        Money::new(rounded / quantity, self.total.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(quantity: u64, minor: i64) -> OrderLine {
        OrderLine {
            id: "l".to_owned(),
            product: None,
            variant: None,
            sku: None,
            name: Localized::empty(),
            quantity,
            unit_price: None,
            total: Money::new(minor, "EUR".parse().unwrap()),
            tax: None,
            tax_included: None,
        }
    }

    #[test]
    fn what_the_pieces_cost_is_the_total_but_for_half_a_unit_each() {
        for quantity in [1_u64, 2, 3, 7, 12, 999, 5_000] {
            for minor in [0_i64, 1, 2, 999, 1_000, 12_345, -1, -999, 10_000_001] {
                let sum = line(quantity, minor).paid_per_piece().minor * i64::try_from(quantity).unwrap();
                assert!(2 * (sum - minor).unsigned_abs() <= quantity, "{quantity} pieces: {sum} of {minor}");
            }
        }
    }

    #[test]
    fn a_line_without_pieces_costs_its_total() {
        assert_eq!(line(0, 500).paid_per_piece().minor, 500);
    }
}
