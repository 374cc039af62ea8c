//! An order as the API shows it. Its amounts are those of [`Order::sums`], part by part.

use serde_json::{Value, json};

use super::super::order::Id;
use super::super::render::money;
use super::super::state::{Kind, Object, State, reference};
use super::super::write::set;
use super::super::{SeedError, change::object_of, time};
use super::customer::address;
use super::{COUPON_DISCOUNT, ORDER_FIELDS, custom, discount_code_id};
use crate::shared::people::{Fee, Line, Order, Return, State as Progress, Tax, Taxed};

/// The members of an order but the common ones.
pub(super) fn members(state: &State, given: &Order, at: i64) -> Result<Object, SeedError> {
    let order = Of { given, state };
    let lines: Vec<Value> = given.lines.iter().enumerate().map(|(place, line)| order.line(place, line)).collect();
    let fees: Vec<Value> = given.fees.iter().enumerate().map(|(place, fee)| order.fee(place, fee)).collect();
    let sums = given.sums();
    let (order_state, shipment_state, payment_state) = match given.state {
        Progress::Open => ("Open", None, "Pending"),
        Progress::Confirmed => ("Confirmed", Some("Pending"), "Paid"),
        Progress::Shipped => ("Confirmed", Some("Shipped"), "Paid"),
        Progress::Complete => ("Complete", Some("Delivered"), "Paid"),
        Progress::Cancelled => ("Cancelled", Some("Canceled"), "CreditOwed"),
    };
    let mut codes = Vec::new();
    for code in &given.coupons {
        if state.table(Kind::DiscountCode).slot(discount_code_id(code)).is_none() {
            return Err(SeedError::unknown("order", &given.key, "discount code", code));
        }
        codes.push(
            json!({ "discountCode": reference(Kind::DiscountCode, discount_code_id(code)), "state": "MatchesCart" }),
        );
    }
    // One that was typed in and did nothing.
    let other = (!codes.is_empty()).then(|| discount_code_id("SUMMER"));
    let other = other.filter(|id| state.table(Kind::DiscountCode).slot(*id).is_some());
    codes.extend(
        other.map(|id| json!({ "discountCode": reference(Kind::DiscountCode, id), "state": "DoesNotMatchCart" })),
    );
    let mut members = object_of(json!({
        "lineItems": lines,
        "customLineItems": fees,
        "totalPrice": order.money(sums.total),
        "taxMode": "Platform",
        "taxRoundingMode": "HalfEven",
        "taxCalculationMode": "LineItemLevel",
        "priceRoundingMode": "HalfEven",
        "inventoryMode": "None",
        "shippingMode": "Single",
        "shipping": [],
        "discountCodes": codes,
        "refusedGifts": [],
        "directDiscounts": [],
        "origin": "Customer",
        "orderState": order_state,
        "paymentState": payment_state,
        "syncInfo": [],
    }));
    let customer = given.customer.as_ref().map(|key| Id::of(Kind::Customer.type_id(), key).to_string());
    let is_anonymous = customer.is_none();
    let text = |value: &Option<String>| value.as_ref().map(|it| json!(it));
    let fields = object_of(json!({ "source": "web" }));
    let where_to = given.address.as_ref().map(|it| address(&given.key, 0, it));
    let returns = order.returns(at);
    for (name, value) in [
        ("orderNumber", text(&given.number)),
        ("customerId", customer.map(|id| json!(id))),
        ("customerEmail", text(&given.email)),
        ("anonymousId", is_anonymous.then(|| json!(order.id("anonymous", 0)))),
        ("store", given.store.as_ref().map(|key| json!({ "typeId": "store", "key": key }))),
        ("country", text(&given.country)),
        ("locale", text(&given.locale)),
        ("taxedPrice", sums.taxed.map(|taxed| order.taxed(taxed))),
        ("shippingInfo", given.shipping.map(|cost| order.shipping(cost))),
        ("taxedShippingPrice", given.shipping.and_then(|cost| given.tax.of(cost)).map(|taxed| order.taxed(taxed))),
        ("discountOnTotalPrice", (given.off_total > 0).then(|| order.off_total())),
        ("shipmentState", shipment_state.map(|state| json!(state))),
        ("shippingAddress", where_to.clone()),
        ("billingAddress", where_to),
        ("returnInfo", (!returns.is_empty()).then(|| json!(returns))),
        ("custom", custom(ORDER_FIELDS, &fields)),
    ] {
        set(&mut members, name, value.as_ref());
    }
    Ok(members)
}

struct Of<'a> {
    given: &'a Order,
    state: &'a State,
}

impl Of<'_> {
    fn id(&self, of: &str, place: usize) -> String {
        Id::of(of, &format!("{}\0{place}", self.given.key)).to_string()
    }

    fn money(&self, minor: i64) -> Value {
        money(minor, &self.given.currency)
    }

    fn percent(&self) -> Option<i64> {
        match self.given.tax {
            Tax::Unknown => None,
            Tax::Included(percent) | Tax::OnTop(percent) => Some(percent),
        }
    }

    fn taxed(&self, taxed: Taxed) -> Value {
        let tax = self.money(taxed.gross - taxed.net);
        json!({
            "totalNet": self.money(taxed.net),
            "totalGross": self.money(taxed.gross),
            "totalTax": tax,
            "taxPortions": [{ "name": "VAT", "rate": rate(self.percent().unwrap_or(0)), "amount": tax }],
        })
    }

    fn tax_rate(&self) -> Option<Value> {
        Some(json!({
            "name": "VAT", "amount": rate(self.percent()?), "includedInPrice": matches!(self.given.tax, Tax::Included(_)),
            "country": "DE", "subRates": [],
        }))
    }

    /// Adds what lines of both kinds and shipping have of taxes.
    fn with_tax(&self, members: &mut Object, amount: i64) {
        set(members, "taxedPrice", self.given.tax.of(amount).map(|taxed| self.taxed(taxed)).as_ref());
        set(members, "taxRate", self.tax_rate().as_ref());
    }

    fn discount(amount: &Value) -> Value {
        let discount = json!({ "typeId": "cart-discount", "id": Id::of("cart-discount", COUPON_DISCOUNT).to_string() });
        json!([{ "discount": discount, "discountedAmount": amount }])
    }

    fn line(&self, place: usize, line: &Line) -> Value {
        let product = Id::of(Kind::Product.type_id(), &line.product);
        let row = self.state.table(Kind::Product).find(product);
        let fixed = row.and_then(|row| row.product.as_ref()).map(|part| State::fixed_of(part));
        let product_type = fixed.and_then(|fixed| fixed.get("productType").cloned());
        let forgotten = reference(Kind::ProductType, Id::of(Kind::ProductType.type_id(), "forgotten"));
        let price = json!({ "id": self.id("line-price", place), "value": self.money(line.unit) });
        let reduced = json!([{
            "quantity": line.quantity,
            "discountedPrice": {
                "value": self.money(line.unit - line.off_each),
                "includedDiscounts": Self::discount(&self.money(line.off_each)),
            },
        }]);
        let mut variant = object_of(json!({
            "id": line.variant, "prices": [&price], "attributes": [], "images": [], "assets": [],
        }));
        set(&mut variant, "sku", (!line.sku.is_empty()).then(|| json!(line.sku)).as_ref());
        let mut members = object_of(json!({
            "id": self.id("line-item", place),
            "productId": product.to_string(),
            "productKey": line.product,
            "name": line.name,
            "productType": product_type.unwrap_or(forgotten),
            "variant": variant,
            "price": price,
            "quantity": line.quantity,
            "totalPrice": self.money(line.total()),
            "discountedPricePerQuantity": if line.off_each == 0 { json!([]) } else { reduced },
            "taxedPricePortions": [],
            "state": [{ "quantity": line.quantity, "state": Self::initial() }],
            "perMethodTaxRate": [],
            "priceMode": "Platform",
            "lineItemMode": "Standard",
        }));
        self.with_tax(&mut members, line.total());
        Value::Object(members)
    }

    fn initial() -> Value {
        json!({ "typeId": "state", "id": Id::of("state", "initial").to_string() })
    }

    fn fee(&self, place: usize, fee: &Fee) -> Value {
        let mut members = object_of(json!({
            "id": self.id("custom-line-item", place),
            "name": { "en": fee.name },
            "money": self.money(fee.amount),
            "slug": format!("fee-{place}"),
            "quantity": 1,
            "totalPrice": self.money(fee.amount),
            "discountedPricePerQuantity": [],
            "taxedPricePortions": [],
            "state": [{ "quantity": 1, "state": Self::initial() }],
            "perMethodTaxRate": [],
            "priceMode": "Standard",
        }));
        self.with_tax(&mut members, fee.amount);
        Value::Object(members)
    }

    fn shipping(&self, cost: i64) -> Value {
        let mut members = object_of(json!({
            "shippingMethodName": "Parcel",
            "price": self.money(cost),
            "shippingRate": { "price": self.money(cost), "tiers": [] },
            "deliveries": [],
            "shippingMethodState": "MatchesCart",
        }));
        self.with_tax(&mut members, cost);
        Value::Object(members)
    }

    fn off_total(&self) -> Value {
        let amount = self.money(self.given.off_total);
        let mut members =
            object_of(json!({ "discountedAmount": amount, "includedDiscounts": Self::discount(&amount) }));
        if let Some(taxed) = self.given.tax.of(self.given.off_total) {
            set(&mut members, "discountedNetAmount", Some(&self.money(taxed.net)));
            set(&mut members, "discountedGrossAmount", Some(&self.money(taxed.gross)));
        }
        Value::Object(members)
    }

    fn returns(&self, at: i64) -> Vec<Value> {
        let item = |(place, it): (usize, &Return)| {
            json!({
                "id": self.id("return-item", place),
                "type": "LineItemReturnItem",
                "lineItemId": self.id("line-item", it.line),
                "quantity": it.quantity,
                "shipmentState": if it.is_back { "Returned" } else { "Advised" },
                "paymentState": match (it.is_back, it.is_refunded) {
                    (true, true) => "Refunded",
                    (true, false) => "Initial",
                    (false, _) => "NonRefundable",
                },
                "createdAt": time::print(at),
                "lastModifiedAt": time::print(at),
            })
        };
        let items: Vec<Value> = self.given.returns.iter().enumerate().map(item).collect();
        if items.is_empty() { Vec::new() } else { vec![json!({ "items": items, "returnDate": time::print(at) })] }
    }
}

/// Percent as the fraction that the API writes.
#[expect(clippy::cast_precision_loss, reason = "percent are small")]
fn rate(percent: i64) -> f64 {
    percent as f64 / 100.0
}
