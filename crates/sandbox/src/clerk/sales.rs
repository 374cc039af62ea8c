//! Sales, from the orders: the only source of popularity here.

use std::collections::HashMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::arguments::id_text;
use super::json;

/// The lines of all orders.
#[derive(Default)]
pub(super) struct Sales {
    baskets: Vec<Basket>,
}

struct Basket {
    time: i64,
    lines: Vec<(String, i64)>,
}

impl Sales {
    pub(super) fn of<'a>(orders: impl Iterator<Item = &'a RawValue>) -> Self {
        let baskets = orders.map(|order| {
            let order = json::attributes(order, &|name| matches!(name, "products" | "time"));
            let lines = order.get("products").and_then(Value::as_array).into_iter().flatten();
            let line = |line: &Value| {
                let quantity = line.get("quantity").and_then(Value::as_i64).unwrap_or(1);
                line.get("id").and_then(id_text).map(|id| (id, quantity))
            };
            Basket {
                time: order.get("time").and_then(Value::as_i64).unwrap_or_default(),
                lines: lines.filter_map(line).collect(),
            }
        });
        Self { baskets: baskets.collect() }
    }

    /// Quantity by product in orders since `second`.
    pub(super) fn quantities(&self, since: i64) -> HashMap<&str, i64> {
        let mut quantities = HashMap::new();
        for (id, quantity) in self.baskets.iter().filter(|basket| basket.time >= since).flat_map(|basket| &basket.lines)
        {
            *quantities.entry(id.as_str()).or_default() += quantity;
        }
        quantities
    }

    /// Time of the newest order by product.
    pub(super) fn last_bought(&self) -> HashMap<&str, i64> {
        let mut last = HashMap::new();
        for basket in &self.baskets {
            for (id, _) in &basket.lines {
                let time = last.entry(id.as_str()).or_insert(basket.time);
                *time = basket.time.max(*time);
            }
        }
        last
    }

    /// In how many orders a product stood beside one of `products`.
    pub(super) fn together(&self, products: &[String]) -> HashMap<&str, i64> {
        let mut together = HashMap::new();
        for basket in &self.baskets {
            if basket.lines.iter().any(|(id, _)| products.contains(id)) {
                for (id, _) in basket.lines.iter().filter(|(id, _)| !products.contains(id)) {
                    *together.entry(id.as_str()).or_default() += 1;
                }
            }
        }
        together
    }
}
