//! Price lists with their assignments and records, and the calculator of prices.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    amount::{Amount, or_null},
    error::ApiError,
    query::{Parameters, by_cursor, date_z, put},
    state::{Currency, ListAssignment, PriceList, PriceRecord, Prices, State},
};

/// Most rows of a page.
const MOST: u64 = 250;
/// Most items of one calculation.
const MOST_ITEMS: usize = 50;

/// `GET /pricelists`
pub(super) fn lists(state: &State, parameters: &Parameters) -> Result<Value, ApiError> {
    parameters.only(&["id", "id:in", "name", "page", "limit", "after", "before"])?;
    let (id, ids) = (parameters.number("id")?, parameters.numbers("id:in")?);
    let fits = |list: &&PriceList| {
        id.is_none_or(|id| list.id == id)
            && ids.as_ref().is_none_or(|ids| ids.contains(&list.id))
            && parameters.one("name").is_none_or(|name| list.name == name)
    };
    let rows: Vec<_> = state.lists.values().filter(fits).map(|list| (format!("{:012}", list.id), list)).collect();
    by_cursor(parameters, MOST, &rows, |list| {
        json!({
            "id": list.id, "name": list.name, "active": list.active, "date_created": date_z(list.created),
            "date_modified": date_z(list.modified),
        })
    })
}

/// `GET /pricelists/assignments`
pub(super) fn assignments(state: &State, parameters: &Parameters) -> Result<Value, ApiError> {
    let known = [
        "id",
        "id:in",
        "price_list_id",
        "price_list_id:in",
        "customer_group_id",
        "customer_group_id:in",
        "channel_id",
        "channel_id:in",
        "page",
        "limit",
        "after",
        "before",
    ];
    parameters.only(&known)?;
    let either = |name: &str| -> Result<Option<Vec<u64>>, ApiError> {
        Ok(match parameters.number(name)? {
            Some(number) => Some(vec![number]),
            None => parameters.numbers(&format!("{name}:in"))?,
        })
    };
    let (ids, lists) = (either("id")?, either("price_list_id")?);
    let (groups, channels) = (either("customer_group_id")?, either("channel_id")?);
    let holds = |wanted: &Option<Vec<u64>>, value: Option<u64>| {
        wanted.as_ref().is_none_or(|wanted| value.is_some_and(|value| wanted.contains(&value)))
    };
    let fits = |it: &&ListAssignment| {
        holds(&ids, Some(it.id))
            && holds(&lists, Some(it.list))
            && holds(&groups, it.group)
            && holds(&channels, it.channel)
    };
    let rows: Vec<_> = state.list_assignments.values().filter(fits).map(|it| (format!("{:012}", it.id), *it)).collect();
    by_cursor(
        parameters,
        MOST,
        &rows,
        |it| json!({ "id": it.id, "price_list_id": it.list, "customer_group_id": it.group, "channel_id": it.channel }),
    )
}

/// `GET /pricelists/{id}/records`
pub(super) fn records(state: &State, list: u64, parameters: &Parameters, now: i64) -> Result<Value, ApiError> {
    let known = [
        "variant_id:in",
        "product_id:in",
        "currency",
        "currency:in",
        "include",
        "date_modified:min",
        "date_modified:max",
        "page",
        "limit",
        "after",
        "before",
    ];
    parameters.only(&known)?;
    if !state.lists.contains_key(&list) {
        return Err(ApiError::not_found());
    }
    let include = parameters.words("include", &["bulk_pricing_tiers", "sku"])?;
    let (variants, products) = (parameters.numbers("variant_id:in")?, parameters.numbers("product_id:in")?);
    let currencies = parameters.one("currency").or_else(|| parameters.one("currency:in"));
    let currencies: Option<Vec<String>> = currencies.map(|list| list.split(',').map(str::to_uppercase).collect());
    let since = parameters.instant("date_modified:min", now)?;
    let until = parameters.instant("date_modified:max", now)?;
    let of_list = state.records.range((list, 0, String::new())..(list + 1, 0, String::new()));
    let fits = |((_, variant, currency), record): &(&(u64, u64, String), &PriceRecord)| {
        variants.as_ref().is_none_or(|ids| ids.contains(variant))
            && products.as_ref().is_none_or(|ids| ids.contains(&record.product))
            && currencies.as_ref().is_none_or(|codes| codes.contains(currency))
            && since.is_none_or(|since| record.modified >= since)
            && until.is_none_or(|until| record.modified <= until)
    };
    let rows: Vec<_> = of_list
        .filter(fits)
        .map(|((_, variant, currency), record)| (format!("{variant:012}-{currency}"), (*variant, currency, record)))
        .collect();
    by_cursor(parameters, MOST, &rows, |(variant, currency, record)| {
        let Prices { price, sale, retail } = record.prices;
        let mut shown = json!({
            "price_list_id": list, "variant_id": variant, "product_id": record.product,
            "currency": currency.to_lowercase(), "price": or_null(price), "sale_price": or_null(sale),
            "retail_price": or_null(retail), "map_price": null,
            "calculated_price": or_null(sale.filter(|sale| !sale.is_zero()).or(price)),
            "date_created": date_z(record.created), "date_modified": date_z(record.modified),
        });
        if include.iter().any(|word| word == "bulk_pricing_tiers") {
            let tier = |it: &super::state::Rule| {
                let until = (it.until != 0).then_some(it.until);
                json!({ "quantity_min": it.from, "quantity_max": until, "type": it.kind, "amount": it.amount.json() })
            };
            put(&mut shown, "bulk_pricing_tiers", record.tiers.iter().map(tier).collect());
        }
        if include.iter().any(|word| word == "sku") {
            let product = state.products.get(&record.product);
            let sku = product.and_then(|it| it.variants.iter().find(|it| it.id == *variant)).map(|it| it.sku.as_str());
            put(&mut shown, "sku", json!(sku.unwrap_or_default()));
        }
        shown
    })
}

/// A request to the calculator.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    channel_id: u64,
    currency_code: String,
    #[serde(default)]
    customer_group_id: u64,
    /// Decides about taxes only, and there are none here.
    #[serde(default)]
    country_code: Option<String>,
    items: Vec<Item>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    product_id: u64,
    #[serde(default)]
    variant_id: Option<u64>,
}

/// `POST /pricing/products`
pub(super) fn calculate(state: &State, body: &[u8]) -> Result<Value, ApiError> {
    let wanted: Wanted = serde_json::from_slice(body).map_err(|error| ApiError::invalid("body", error.to_string()))?;
    let code = wanted.country_code.as_deref();
    if code.is_some_and(|code| code.len() != 2) {
        return Err(ApiError::invalid("country_code", "must have two letters"));
    }
    if !state.channels.contains_key(&wanted.channel_id) {
        return Err(ApiError::invalid("channel_id", "is not known"));
    }
    if wanted.items.is_empty() || wanted.items.len() > MOST_ITEMS {
        return Err(ApiError::invalid("items", format!("must be 1 to {MOST_ITEMS}")));
    }
    let currency = state.currencies.iter().find(|it| it.code == wanted.currency_code && it.enabled);
    let currency = currency.ok_or_else(|| ApiError::invalid("currency_code", "is not enabled"))?;
    let items: Result<Vec<Value>, ApiError> =
        wanted.items.iter().map(|item| price_of(state, &wanted, currency, item)).collect();
    Ok(json!({ "data": items?, "meta": {} }))
}

fn price_of(state: &State, wanted: &Wanted, currency: &Currency, item: &Item) -> Result<Value, ApiError> {
    let product =
        state.products.get(&item.product_id).ok_or_else(|| ApiError::invalid("product_id", "is not known"))?;
    let variant = match item.variant_id {
        None => product.variants.first(),
        Some(id) => product.variants.iter().find(|variant| variant.id == id),
    };
    let variant = variant.ok_or_else(|| ApiError::invalid("variant_id", "is not known"))?;
    let group = (wanted.customer_group_id != 0).then_some(wanted.customer_group_id);
    let channel = Some(wanted.channel_id);
    let mut levels = vec![];
    if group.is_some() {
        levels.extend([(group, channel), (group, None)]);
    }
    levels.push((None, channel));
    let listed = levels.into_iter().find_map(|(group, channel)| {
        let assigned = state.list_assignments.values().filter(|it| it.group == group && it.channel == channel);
        let mut active = assigned.filter(|it| state.lists.get(&it.list).is_some_and(|list| list.active));
        active.find_map(|it| state.records.get(&(it.list, variant.id, currency.code.clone())))
    });
    let in_catalogue = || {
        let own = variant.prices;
        let of = |own: Option<Amount>, product: Option<Amount>| {
            let amount = own.or(product)?;
            let (units, digits) = currency.rate;
            Some(if currency.is_default { amount } else { amount.times(units, digits, &currency.code) })
        };
        Prices {
            price: of(own.price, product.prices.price),
            sale: of(own.sale, product.prices.sale),
            retail: of(own.retail, product.prices.retail),
        }
    };
    let prices = listed.map_or_else(in_catalogue, |record| record.prices);
    let sale = prices.sale.filter(|sale| !sale.is_zero());
    let calculated = sale.or(prices.price);
    let saved = match (prices.price, calculated) {
        (Some(price), Some(calculated)) => Some(price.less(calculated, &currency.code)),
        _ => None,
    };
    // A price of a list comes with its own prices for quantities.
    let rules = listed.map_or(&product.rules, |record| &record.tiers);
    let bulk = rules.iter().map(|rule| {
        let as_it_is = listed.is_some() || currency.is_default || rule.kind == "percent";
        let (units, digits) = currency.rate;
        let amount = if as_it_is { rule.amount } else { rule.amount.times(units, digits, &currency.code) };
        json!({
            "minimum": rule.from, "maximum": rule.until, "discount_amount": amount.json(), "discount_type": rule.kind,
            "tax_discount_amount": [],
        })
    });
    let bulk: Vec<Value> = bulk.collect();
    let show = |amount: Option<Amount>| match amount {
        None => Value::Null,
        Some(amount) => json!({
            "as_entered": amount.json(), "entered_inclusive": state.tax_inclusive, "tax_exclusive": amount.json(),
            "tax_inclusive": amount.json(),
        }),
    };
    Ok(json!({
        "product_id": product.id, "variant_id": variant.id, "options": [], "price": show(prices.price),
        "sale_price": show(sale), "retail_price": show(prices.retail.filter(|it| !it.is_zero())),
        "minimum_advertised_price": null, "saved": show(saved), "calculated_price": show(calculated),
        "price_range": { "minimum": show(calculated), "maximum": show(calculated) }, "retail_price_range": null,
        "bulk_pricing": bulk,
    }))
}
