//! The store itself: its settings, currencies, customer groups, channels with their sites, locations and stock.

use serde_json::{Value, json};

use super::{
    error::ApiError,
    query::{Paging, Parameters, date_v2, date_z, put},
    state::{Channel, Currency, DEFAULT_LOCATION, State, Stock},
};

/// Most rows of a page.
const MOST: u64 = 250;
/// Most rows of a page of stock.
const MOST_STOCK: u64 = 1000;

/// `GET /v2/store`
pub(super) fn store(state: &State, hash: &str) -> Value {
    let url = state.channels.values().next().map_or_else(String::new, |channel| channel.url.clone());
    json!({
        "id": hash, "account_uuid": "00000000-0000-4000-8000-000000000001", "domain": url.trim_start_matches("https://"),
        "secure_url": url, "control_panel_base_url": format!("https://store-{hash}.mybigcommerce.com"), "status": "live",
        "name": "Sandbox", "first_name": "", "last_name": "", "address": "", "country": "Germany", "country_code": "DE",
        "phone": "", "admin_email": "shop@shop.example", "order_email": "shop@shop.example",
        "timezone": { "name": "Europe/Berlin", "raw_offset": 3600, "dst_offset": 7200, "dst_correction": true },
        "language": state.languages.first(), "currency": state.currency, "weight_units": "KGS",
        "dimension_units": "Centimeters", "decimal_places": 2, "is_price_entered_with_tax": state.tax_inclusive,
        "plan_name": "Enterprise", "plan_level": "Enterprise", "plan_is_trial": false, "default_channel_id": 1,
        "default_site_id": 1000,
        "features": { "stencil_enabled": true, "multi_storefront_enabled": state.channels.len() > 1 },
    })
}

/// A v2 page: none is an empty answer. A larger `limit` is refused.
fn v2<T>(parameters: &Parameters, rows: &[T], show: impl FnMut(&T) -> Value) -> Result<Option<Value>, ApiError> {
    if parameters.number("limit")?.is_some_and(|limit| limit > MOST) {
        let mut error = ApiError::new(413, format!("The limit exceeds the maximum of {MOST}."));
        error.details.push(("max_limit", json!(MOST)));
        return Err(error);
    }
    let part: Vec<Value> = Paging::read(parameters, MOST)?.cut(rows).iter().map(show).collect();
    Ok((!part.is_empty()).then_some(Value::Array(part)))
}

/// `GET /v2/currencies`
pub(super) fn currencies(state: &State, parameters: &Parameters) -> Result<Option<Value>, ApiError> {
    parameters.only(&["page", "limit"])?;
    v2(parameters, &state.currencies, |it: &Currency| {
        let (units, digits) = it.rate;
        let scale = 10_i64.pow(digits);
        let rate = format!("{}.{:0width$}", units / scale, units % scale, width = digits as usize);
        json!({
            "id": it.id, "is_default": it.is_default, "country_iso2": "", "default_for_country_codes": [],
            "currency_code": it.code, "currency_exchange_rate": rate, "name": it.code, "token": it.code,
            "auto_update": false, "token_location": "right", "decimal_token": ".", "thousands_token": ",",
            "decimal_places": crate::catalogue::fraction_digits(&it.code), "enabled": it.enabled,
            "is_transactional": it.transactional, "last_updated": date_v2(it.modified),
        })
    })
}

/// `GET /v2/customer_groups`
pub(super) fn groups(state: &State, parameters: &Parameters) -> Result<Option<Value>, ApiError> {
    parameters.only(&["page", "limit", "name", "is_default"])?;
    let rows: Vec<_> = state.groups.iter().collect();
    v2(parameters, &rows, |(id, name)| {
        let list = state.list_assignments.values().find(|it| it.group == Some(**id) && it.channel.is_none());
        let rules: Vec<Value> =
            list.iter().map(|it| json!({ "type": "price_list", "price_list_id": it.list })).collect();
        json!({
            "id": id, "name": name, "is_default": false, "is_group_for_guests": false,
            "category_access": { "type": "all" }, "discount_rules": rules,
            "date_created": date_v2(0), "date_modified": date_v2(0),
        })
    })
}

/// `GET /v3/channels`
pub(super) fn channels(state: &State, parameters: &Parameters) -> Result<Value, ApiError> {
    parameters.only(&["include", "available", "status", "status:in", "type:in", "page", "limit"])?;
    let include = parameters.words("include", &["currencies"])?;
    let statuses: Option<Vec<&str>> = parameters.one("status:in").map(|list| list.split(',').collect());
    let paging = Paging::read(parameters, MOST)?;
    let fits = |it: &&Channel| statuses.as_ref().is_none_or(|known| known.contains(&it.status));
    let rows: Vec<_> = state.channels.values().filter(fits).collect();
    Ok(paging.answer(&rows, |channel| {
        let mut shown = json!({
            "id": channel.id, "external_id": "", "name": channel.name, "platform": "bigcommerce", "type": "storefront",
            "status": channel.status, "is_visible": true, "is_listable_from_ui": true, "is_enabled": true,
            "icon_url": "", "date_created": date_z(channel.created), "date_modified": date_z(channel.modified),
        });
        if !include.is_empty() {
            put(&mut shown, "currencies", currencies_of(state, channel.id));
        }
        shown
    }))
}

fn currencies_of(state: &State, channel: u64) -> Value {
    let enabled: Vec<&str> = state.currencies.iter().filter(|it| it.enabled).map(|it| it.code.as_str()).collect();
    json!({ "channel_id": channel, "enabled_currencies": enabled, "default_currency": state.currency })
}

/// `GET /v3/channels/{id}/site`
pub(super) fn site(state: &State, channel: u64) -> Result<Value, ApiError> {
    let channel = state.channels.get(&channel).ok_or_else(ApiError::not_found)?;
    let urls = ["primary", "canonical", "checkout"].map(|of| json!({ "url": channel.url, "type": of, "created_at": date_z(channel.created), "updated_at": date_z(channel.modified) }));
    Ok(json!({
        "data": { "id": channel.site, "url": channel.url, "channel_id": channel.id, "is_checkout_url_customized": false,
            "created_at": date_z(channel.created), "updated_at": date_z(channel.modified), "ssl_status": "dedicated",
            "urls": urls },
        "meta": {},
    }))
}

/// `GET /v3/sites/{id}/routes`
pub(super) fn routes(state: &State, site: u64, parameters: &Parameters) -> Result<Value, ApiError> {
    parameters.only(&["type", "page", "limit"])?;
    let paging = Paging::read(parameters, MOST)?;
    let channel = state.channels.values().find(|channel| channel.site == site).ok_or_else(ApiError::not_found)?;
    let kind = parameters.one("type");
    let rows: Vec<_> = channel.routes.iter().filter(|route| kind.is_none_or(|kind| route.kind == kind)).collect();
    Ok(paging.answer(&rows, |it| json!({ "id": it.id, "type": it.kind, "matching": it.matching, "route": it.path })))
}

/// `GET /v3/settings/inventory`. A channel has no settings of its own here.
pub(super) fn inventory_settings(state: &State, parameters: &Parameters) -> Result<Value, ApiError> {
    parameters.only(&["channel_id"])?;
    if let Some(channel) = parameters.number("channel_id")? {
        if !state.channels.contains_key(&channel) {
            return Err(ApiError::invalid("channel_id", "is not known"));
        }
        let inherited = json!({
            "product_out_of_stock_behavior": null, "option_out_of_stock_behavior": null, "update_stock_behavior": null,
            "edit_order_stock_adjustment": null, "refund_order_stock_adjustment": null, "stock_level_display": null,
            "default_out_of_stock_message": null, "hide_in_product_filtering": null, "show_pre_order_stock_levels": null,
            "show_out_of_stock_message": null,
        });
        return Ok(json!({ "data": inherited, "meta": {} }));
    }
    let behaviour = if state.sold_out.is_empty() { "do_nothing" } else { state.sold_out };
    Ok(json!({
        "data": {
            "product_out_of_stock_behavior": behaviour, "option_out_of_stock_behavior": "do_nothing",
            "update_stock_behavior": "order_placed", "edit_order_stock_adjustment": true,
            "refund_order_stock_adjustment": true, "stock_level_display": "dont_show",
            "default_out_of_stock_message": "Currently out of stock", "hide_in_product_filtering": false,
            "show_pre_order_stock_levels": false, "show_out_of_stock_message": false,
        },
        "meta": {},
    }))
}

/// `GET /v3/inventory/locations`
pub(super) fn locations(state: &State, parameters: &Parameters) -> Result<Value, ApiError> {
    parameters.only(&[
        "location_id:in",
        "location_code:in",
        "is_default",
        "type_id:in",
        "is_active",
        "page",
        "limit",
    ])?;
    let ids = parameters.numbers("location_id:in")?;
    let paging = Paging::read(parameters, MOST_STOCK)?;
    let rows: Vec<_> =
        state.locations.values().filter(|it| ids.as_ref().is_none_or(|ids| ids.contains(&it.id))).collect();
    Ok(paging.answer(&rows, |it| {
        json!({
            "id": it.id, "code": it.code, "label": it.label, "description": "", "managed_by_external_source": false,
            "type_id": "PHYSICAL", "enabled": it.enabled, "storefront_visibility": it.id == DEFAULT_LOCATION,
        })
    }))
}

/// `GET /v3/inventory/items`
pub(super) fn items(state: &State, parameters: &Parameters) -> Result<Value, ApiError> {
    let known = ["product_id:in", "variant_id:in", "sku:in", "location_id:in", "location_code:in", "page", "limit"];
    parameters.only(&known)?;
    let paging = Paging::read(parameters, MOST_STOCK)?;
    let (products, variants) = (parameters.numbers("product_id:in")?, parameters.numbers("variant_id:in")?);
    let skus: Option<Vec<&str>> = parameters.one("sku:in").map(|list| list.split(',').collect());
    let places = parameters.numbers("location_id:in")?;
    let codes: Option<Vec<&str>> = parameters.one("location_code:in").map(|list| list.split(',').collect());
    let asked = products.as_ref().map(|ids| ids.iter().filter_map(|id| state.products.get(id)).collect::<Vec<_>>());
    let of = asked.unwrap_or_else(|| state.products.values().collect());
    let all = of.into_iter().flat_map(|product| product.variants.iter().map(move |variant| (product.id, variant)));
    let rows: Vec<_> = all
        .filter(|(_, variant)| variants.as_ref().is_none_or(|ids| ids.contains(&variant.id)))
        .filter(|(_, variant)| skus.as_ref().is_none_or(|skus| skus.contains(&variant.sku.as_str())))
        .collect();
    Ok(paging.answer(&rows, |(product, variant)| {
        let levels = state.stock.range((variant.id, 0)..(variant.id + 1, 0));
        let here =
            levels.filter_map(|((_, place), stock)| Some((state.locations.get(place)?, stock))).filter(|(place, _)| {
                places.as_ref().is_none_or(|ids| ids.contains(&place.id))
                    && codes.as_ref().is_none_or(|codes| codes.contains(&place.code.as_str()))
            });
        let sku_id = if variant.values.is_empty() { Value::Null } else { json!(variant.id + 1_000_000) };
        let identity = json!({ "sku": variant.sku, "variant_id": variant.id, "product_id": product, "sku_id": sku_id });
        let locations: Vec<Value> = here.map(|(place, stock)| level(place, *stock)).collect();
        json!({ "identity": identity, "locations": locations })
    }))
}

fn level(place: &super::state::Location, stock: Stock) -> Value {
    json!({
        "location_id": place.id, "location_code": place.code, "location_name": place.label,
        "location_enabled": place.enabled, "available_to_sell": stock.available(), "total_inventory_onhand": stock.on_hand,
        "settings": {
            "safety_stock": stock.safety, "is_in_stock": stock.sold, "warning_level": 0, "bin_picking_number": "",
        },
    })
}
