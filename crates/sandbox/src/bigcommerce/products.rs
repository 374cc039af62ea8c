//! Products, variants, brands, categories, and the assignments between products and channels and categories.

use serde_json::{Map, Value, json};

use super::{
    amount::or_null,
    error::ApiError,
    query::{Paging, Parameters, by_cursor, date},
    state::{Category, Metafield, Modifier, Prices, Product, Resource, Rule, State, Tracking, Variant},
};

/// Most rows of a page.
const MOST: u64 = 250;
/// Most products of a page that shows options or modifiers.
const MOST_WITH_OPTIONS: u64 = 10;

const INCLUDES: [&str; 11] = [
    "bulk_pricing_rules",
    "channels",
    "custom_fields",
    "images",
    "modifiers",
    "options",
    "parent_relations",
    "primary_image",
    "reviews",
    "variants",
    "videos",
];

const SORTS: [&str; 4] = ["id", "name", "sku", "date_modified"];

const PRODUCT_PARAMETERS: [&str; 27] = [
    "availability",
    "brand_id",
    "categories",
    "categories:in",
    "channel_id:in",
    "date_modified",
    "date_modified:max",
    "date_modified:min",
    "direction",
    "exclude_fields",
    "id",
    "id:greater",
    "id:in",
    "id:less",
    "id:max",
    "id:min",
    "id:not_in",
    "include",
    "include_fields",
    "is_visible",
    "limit",
    "name",
    "page",
    "sku",
    "sku:in",
    "sort",
    "type",
];

/// Which members of a product are shown.
struct Shown {
    include: Vec<String>,
    only: Option<Vec<String>>,
    without: Vec<String>,
}

impl Shown {
    fn read(parameters: &Parameters) -> Result<Self, ApiError> {
        let list = |name: &str| parameters.one(name).map(|list| list.split(',').map(str::to_owned).collect());
        Ok(Self {
            include: parameters.words("include", &INCLUDES)?,
            only: list("include_fields"),
            without: list("exclude_fields").unwrap_or_default(),
        })
    }

    fn includes(&self, what: &str) -> bool {
        self.include.iter().any(|word| word == what)
    }

    /// Removes fields that were not asked for. The id and what was included stay.
    fn trim(&self, product: &mut Map<String, Value>) {
        product.retain(|name, _| {
            let named = |list: &[String]| list.iter().any(|word| word == name);
            let asked = self.only.as_deref().is_none_or(named) && !named(&self.without);
            name == "id" || INCLUDES.contains(&name.as_str()) || asked
        });
    }
}

/// `GET /catalog/products`
pub(super) fn list(state: &State, parameters: &Parameters, now: i64) -> Result<Value, ApiError> {
    parameters.only(&PRODUCT_PARAMETERS)?;
    let shown = Shown::read(parameters)?;
    let most = if shown.includes("options") || shown.includes("modifiers") { MOST_WITH_OPTIONS } else { MOST };
    let paging = Paging::read(parameters, most)?;
    let mut rows = selected(state, parameters, now)?;
    let sort = parameters.one("sort").unwrap_or("id");
    match sort {
        "name" => rows.sort_by(|left, right| left.name.cmp(&right.name)),
        "sku" => rows.sort_by(|left, right| left.sku.cmp(&right.sku)),
        "date_modified" => rows.sort_by_key(|product| product.modified),
        _ if SORTS.contains(&sort) => {}
        _ => return Err(ApiError::invalid("sort", format!("{sort} is not known"))),
    }
    match parameters.one("direction") {
        None | Some("asc") => {}
        Some("desc") => rows.reverse(),
        Some(_) => return Err(ApiError::invalid("direction", "is asc or desc")),
    }
    Ok(paging.answer(&rows, |product| product_json(state, product, &shown)))
}

fn selected<'s>(state: &'s State, parameters: &Parameters, now: i64) -> Result<Vec<&'s Product>, ApiError> {
    let number = |name: &str| parameters.number(name);
    let (id, least, most) = (number("id")?, number("id:min")?, number("id:max")?);
    let (above, below) = (number("id:greater")?, number("id:less")?);
    let (wanted, unwanted) = (parameters.numbers("id:in")?, parameters.numbers("id:not_in")?);
    let category = number("categories")?;
    let categories = parameters.numbers("categories:in")?;
    let channels = parameters.numbers("channel_id:in")?;
    let brand = number("brand_id")?;
    let visible = parameters.flag("is_visible")?;
    let at = parameters.instant("date_modified", now)?;
    let since = parameters.instant("date_modified:min", now)?;
    let until = parameters.instant("date_modified:max", now)?;
    let skus: Option<Vec<&str>> = parameters.one("sku:in").map(|list| list.split(',').collect());
    let from = above.map_or(0, |id| id + 1).max(least.unwrap_or(0));
    let fits = |product: &&Product| {
        id.is_none_or(|id| product.id == id)
            && most.is_none_or(|most| product.id <= most)
            && below.is_none_or(|below| product.id < below)
            && wanted.as_ref().is_none_or(|ids| ids.contains(&product.id))
            && unwanted.as_ref().is_none_or(|ids| !ids.contains(&product.id))
            && category.is_none_or(|category| product.categories.contains(&category))
            && categories.as_ref().is_none_or(|ids| ids.iter().any(|id| product.categories.contains(id)))
            && channels.as_ref().is_none_or(|ids| ids.iter().any(|id| state.assigned.contains(&(product.id, *id))))
            && brand.is_none_or(|brand| product.brand == brand)
            && visible.is_none_or(|visible| product.visible == visible)
            && at.is_none_or(|at| product.modified == at)
            && since.is_none_or(|since| product.modified >= since)
            && until.is_none_or(|until| product.modified <= until)
            && parameters.one("name").is_none_or(|name| product.name == name)
            && parameters.one("sku").is_none_or(|sku| product.sku == sku)
            && skus.as_ref().is_none_or(|skus| skus.contains(&product.sku.as_str()))
            && parameters.one("availability").is_none_or(|it| product.availability == it)
            && parameters.one("type").is_none_or(|it| it == "physical")
    };
    Ok(state.products.range(from..).map(|(_, product)| product).filter(fits).collect())
}

/// `GET /catalog/products/{id}`
pub(super) fn one(state: &State, id: u64, parameters: &Parameters) -> Result<Value, ApiError> {
    parameters.only(&["include", "include_fields", "exclude_fields"])?;
    let shown = Shown::read(parameters)?;
    let product = state.products.get(&id).ok_or_else(ApiError::not_found)?;
    Ok(json!({ "data": product_json(state, product, &shown), "meta": {} }))
}

fn product_json(state: &State, product: &Product, shown: &Shown) -> Value {
    let Prices { price, sale, retail } = product.prices;
    let number = |amount: Option<super::amount::Amount>| amount.unwrap_or(super::amount::Amount::ZERO).json();
    let calculated = sale.filter(|sale| !sale.is_zero()).or(price);
    let level: i64 = product.variants.iter().map(|variant| state.level(variant.id)).sum();
    let level = if product.tracking == Tracking::None { 0 } else { level };
    let base = if product.options.is_empty() { product.variants.first().map(|variant| variant.id) } else { None };
    let mut value = json!({
        "id": product.id, "name": product.name, "type": "physical", "sku": product.sku,
        "description": product.description, "weight": 1, "width": 0, "depth": 0, "height": 0,
        "price": number(price), "cost_price": 0, "retail_price": number(retail), "sale_price": number(sale),
        "map_price": 0, "calculated_price": number(calculated),
        "tax_class_id": 0, "product_tax_code": "", "categories": product.categories, "brand_id": product.brand,
        "related_products": related(product), "inventory_level": level, "inventory_warning_level": 0,
        "inventory_tracking": product.tracking.name(), "reviews_rating_sum": 0, "reviews_count": 0, "total_sold": 0,
        "fixed_cost_shipping_price": 0, "is_free_shipping": false, "is_visible": product.visible,
        "is_featured": false, "warranty": "", "bin_picking_number": "", "layout_file": "product.html", "upc": "",
        "mpn": "", "gtin": product.gtin, "date_last_imported": null, "search_keywords": "",
        "availability": product.availability, "availability_description": "", "condition": "New",
    });
    if let Some(members) = value.as_object_mut() {
        let more = json!({
            "is_condition_shown": false, "order_quantity_minimum": 0, "order_quantity_maximum": 0, "page_title": "",
            "meta_keywords": [], "meta_description": "", "date_created": date(product.created),
            "date_modified": date(product.modified), "view_count": 0, "preorder_release_date": product.release.map(date),
            "preorder_message": "", "is_preorder_only": false, "is_price_hidden": product.price_hidden,
            "price_hidden_label": "", "custom_url": { "url": product.url, "is_customized": false },
            "base_variant_id": base, "open_graph_type": "product", "open_graph_title": "",
            "open_graph_description": "", "option_set_id": null, "option_set_display": "right", "sort_order": 0,
            "gift_wrapping_options_type": "any", "gift_wrapping_options_list": [],
        });
        members.extend(more.as_object().cloned().unwrap_or_default());
        for what in &shown.include {
            members.insert(what.clone(), included(state, product, what));
        }
        shown.trim(members);
    }
    value
}

fn included(state: &State, product: &Product, what: &str) -> Value {
    match what {
        "variants" => product.variants.iter().map(|variant| variant_json(state, product, variant)).collect(),
        "images" => (0..).zip(&product.images).map(|(place, (id, url))| image(product, place, *id, url)).collect(),
        "primary_image" => product.images.first().map_or(Value::Null, |(id, url)| image(product, 0, *id, url)),
        "custom_fields" => product
            .custom_fields
            .iter()
            .map(|(id, name, value)| json!({ "id": id, "name": name, "value": value }))
            .collect(),
        "bulk_pricing_rules" => product.rules.iter().map(rule).collect(),
        "channels" => {
            state.assigned.range((product.id, 0)..(product.id + 1, 0)).map(|(_, channel)| json!(channel)).collect()
        }
        "options" => product
            .options
            .iter()
            .map(|option| {
                let values = (0..).zip(&option.values).map(|(place, (id, label))| {
                json!({ "id": id, "label": label, "sort_order": place, "value_data": null, "is_default": false })
            });
                json!({
                    "id": option.id, "product_id": product.id, "name": format!("{}{}", option.name, option.id),
                    "display_name": option.name, "type": "dropdown", "sort_order": 0, "config": [],
                    "option_values": values.collect::<Vec<_>>(),
                })
            })
            .collect(),
        "videos" => (0..).zip(&product.videos).map(|(place, it)| video(product, place, it)).collect(),
        "modifiers" => (0..).zip(&product.modifiers).map(|(place, it)| modifier(product, place, it)).collect(),
        // Reviews and relations: there are none here.
        _ => json!([]),
    }
}

/// What is related; the platform chooses where nothing is.
fn related(product: &Product) -> Value {
    if product.related.is_empty() { json!([-1]) } else { json!(product.related) }
}

fn video(product: &Product, place: usize, (id, title, video): &(u64, String, String)) -> Value {
    json!({
        "id": id, "product_id": product.id, "title": title, "description": "", "sort_order": place, "type": "youtube",
        "video_id": video, "length": "01:00",
    })
}

fn modifier(product: &Product, place: usize, of: &Modifier) -> Value {
    let value = |(place, (id, label, more)): (usize, &(u64, String, Option<super::amount::Amount>))| {
        let price = more.map(|more| json!({ "adjuster": "relative", "adjuster_value": more.json() }));
        let image = json!({ "status": false, "image_url": "" });
        let disabled = json!({ "status": false, "message": "" });
        json!({
            "id": id, "option_id": of.id, "label": label, "sort_order": place, "value_data": null, "is_default": false,
            "adjusters": { "price": price, "weight": null, "image_url": "", "image": image, "purchasing_disabled": disabled },
        })
    };
    json!({
        "id": of.id, "product_id": product.id, "name": format!("{}{}", of.name, of.id), "display_name": of.name,
        "type": of.kind, "required": false, "sort_order": place, "config": {},
        "option_values": of.values.iter().enumerate().map(value).collect::<Vec<_>>(),
    })
}

/// `GET /catalog/products/metafields`, `/catalog/variants/metafields`
pub(super) fn metafields(state: &State, of: Resource, parameters: &Parameters, now: i64) -> Result<Value, ApiError> {
    let known = [
        "key",
        "key:in",
        "namespace",
        "namespace:in",
        "direction",
        "include_fields",
        "date_modified:min",
        "date_modified:max",
        "date_created:min",
        "date_created:max",
        "page",
        "limit",
        "after",
        "before",
    ];
    parameters.only(&known)?;
    let either = |name: &str| -> Option<Vec<&str>> {
        let list = parameters.one(&format!("{name}:in")).map(|list| list.split(',').collect());
        parameters.one(name).map(|one| vec![one]).or(list)
    };
    let (keys, namespaces) = (either("key"), either("namespace"));
    let (since, until) = (parameters.instant("date_modified:min", now)?, parameters.instant("date_modified:max", now)?);
    let fits = |it: &&Metafield| {
        it.of == of
            && keys.as_ref().is_none_or(|keys| keys.contains(&it.key.as_str()))
            && namespaces.as_ref().is_none_or(|known| known.contains(&it.namespace.as_str()))
            && since.is_none_or(|since| it.modified >= since)
            && until.is_none_or(|until| it.modified <= until)
    };
    let rows: Vec<_> = state.metafields.values().filter(fits).map(|it| (format!("{:012}", it.id), it)).collect();
    let name = if of == Resource::Product { "product" } else { "variant" };
    by_cursor(parameters, MOST, &rows, |it| {
        json!({
            "id": it.id, "key": it.key, "value": it.value, "namespace": it.namespace, "permission_set": "read",
            "resource_type": name, "resource_id": it.resource, "description": "", "date_created": date(it.created),
            "date_modified": date(it.modified), "owner_client_id": "another-app",
        })
    })
}

fn image(product: &Product, place: usize, id: u64, url: &str) -> Value {
    json!({
        "id": id, "product_id": product.id, "is_thumbnail": place == 0, "sort_order": place, "description": "",
        "image_file": url, "url_zoom": url, "url_standard": url, "url_thumbnail": url, "url_tiny": url,
        "date_modified": date(product.modified),
    })
}

fn rule(rule: &Rule) -> Value {
    // The amount of a percentage is text.
    let amount = if rule.kind == "percent" { json!(rule.amount.number().to_string()) } else { rule.amount.json() };
    json!({ "id": rule.id, "quantity_min": rule.from, "quantity_max": rule.until, "type": rule.kind, "amount": amount })
}

fn variant_json(state: &State, product: &Product, variant: &Variant) -> Value {
    let own = variant.prices;
    let sale = own.sale.or(product.prices.sale).filter(|sale| !sale.is_zero());
    let is_base = variant.values.is_empty();
    let values = variant.values.iter().filter_map(|(option, value)| {
        let option = product.options.iter().find(|known| known.id == *option)?;
        let (id, label) = option.values.iter().find(|(id, _)| id == value)?;
        Some(json!({ "id": id, "label": label, "option_id": option.id, "option_display_name": option.name }))
    });
    json!({
        "id": variant.id, "product_id": product.id, "sku": variant.sku,
        "sku_id": if is_base { Value::Null } else { json!(variant.id + 1_000_000) },
        "price": or_null(own.price), "sale_price": or_null(own.sale), "retail_price": or_null(own.retail),
        "cost_price": null, "map_price": {}, "calculated_price": or_null(sale.or(own.price).or(product.prices.price)),
        "weight": null, "calculated_weight": 1, "width": null, "height": null, "depth": null,
        "is_free_shipping": false, "fixed_cost_shipping_price": null,
        "purchasing_disabled": variant.purchasing_disabled, "purchasing_disabled_message": "",
        "image_url": variant.image, "upc": "", "mpn": "", "gtin": variant.gtin,
        "inventory_level": if product.tracking == Tracking::Variant { state.level(variant.id) } else { 0 },
        "inventory_warning_level": 0, "bin_picking_number": "", "option_values": values.collect::<Vec<_>>(),
    })
}

/// `GET /catalog/variants`
pub(super) fn variants(state: &State, parameters: &Parameters) -> Result<Value, ApiError> {
    parameters.only(&["id", "sku", "upc", "product_id:in", "page", "limit", "include_fields", "exclude_fields"])?;
    let paging = Paging::read(parameters, MOST)?;
    let (id, products) = (parameters.number("id")?, parameters.numbers("product_id:in")?);
    let shown = Shown::read(parameters)?;
    let all =
        state.products.values().flat_map(|product| product.variants.iter().map(move |variant| (product, variant)));
    let fits = |(product, variant): &(&Product, &Variant)| {
        id.is_none_or(|id| variant.id == id)
            && products.as_ref().is_none_or(|ids| ids.contains(&product.id))
            && parameters.one("sku").is_none_or(|sku| variant.sku == sku)
            && parameters.one("upc").is_none_or(str::is_empty)
    };
    let rows: Vec<_> = all.filter(fits).collect();
    Ok(paging.answer(&rows, |(product, variant)| {
        let mut value = variant_json(state, product, variant);
        if let Some(members) = value.as_object_mut() {
            shown.trim(members);
        }
        value
    }))
}

/// `GET /catalog/brands`
pub(super) fn brands(state: &State, parameters: &Parameters) -> Result<Value, ApiError> {
    parameters.only(&["id", "id:in", "name", "page", "limit", "include_fields", "exclude_fields"])?;
    let paging = Paging::read(parameters, MOST)?;
    let (id, ids) = (parameters.number("id")?, parameters.numbers("id:in")?);
    let fits = |(brand, name): &(&u64, &String)| {
        id.is_none_or(|id| **brand == id)
            && ids.as_ref().is_none_or(|ids| ids.contains(brand))
            && parameters.one("name").is_none_or(|it| it == name.as_str())
    };
    let rows: Vec<_> = state.brands.iter().filter(fits).collect();
    Ok(paging.answer(&rows, |(id, name)| {
        json!({
            "id": id, "name": name, "page_title": "", "meta_keywords": [], "meta_description": "",
            "search_keywords": "", "image_url": "", "custom_url": { "url": format!("/brand-{id}/"), "is_customized": false },
        })
    }))
}

/// `GET /catalog/trees`
pub(super) fn trees(state: &State, parameters: &Parameters) -> Result<Value, ApiError> {
    parameters.only(&["id:in", "channel_id:in", "page", "limit"])?;
    let paging = Paging::read(parameters, MOST)?;
    let (ids, channels) = (parameters.numbers("id:in")?, parameters.numbers("channel_id:in")?);
    let fits = |(tree, channel): &(&u64, &u64)| {
        ids.as_ref().is_none_or(|ids| ids.contains(tree)) && channels.as_ref().is_none_or(|ids| ids.contains(channel))
    };
    let rows: Vec<_> = state.trees.iter().filter(fits).collect();
    Ok(paging.answer(&rows, |(id, channel)| json!({ "id": id, "name": format!("Tree {id}"), "channels": [channel] })))
}

/// `GET /catalog/trees/categories`
pub(super) fn categories(state: &State, parameters: &Parameters) -> Result<Value, ApiError> {
    parameters.only(&[
        "category_id:in",
        "tree_id:in",
        "parent_id:in",
        "page",
        "limit",
        "include_fields",
        "exclude_fields",
    ])?;
    let paging = Paging::read(parameters, MOST)?;
    let ids = parameters.numbers("category_id:in")?;
    let (trees, parents) = (parameters.numbers("tree_id:in")?, parameters.numbers("parent_id:in")?);
    let fits = |category: &&Category| {
        ids.as_ref().is_none_or(|ids| ids.contains(&category.id))
            && trees.as_ref().is_none_or(|ids| ids.contains(&category.tree))
            && parents.as_ref().is_none_or(|ids| ids.contains(&category.parent))
    };
    let rows: Vec<_> = state.categories.values().filter(fits).collect();
    Ok(paging.answer(&rows, |category| {
        json!({
            "category_id": category.id, "category_uuid": format!("00000000-0000-4000-8000-{:012}", category.id),
            "parent_id": category.parent, "tree_id": category.tree, "name": category.name, "description": "",
            "views": 0, "sort_order": category.sort_order, "page_title": "", "search_keywords": "",
            "meta_keywords": [], "meta_description": "", "layout_file": "category.html", "image_url": "",
            "is_visible": category.visible, "default_product_sort": "use_store_settings",
            "url": { "path": category.path, "is_customized": false },
        })
    }))
}

/// `GET /catalog/categories/{id}/products/sort-order`: those with a place first, in its order.
pub(super) fn sort_order(state: &State, category: u64, parameters: &Parameters) -> Result<Value, ApiError> {
    parameters.only(&["page", "limit"])?;
    let paging = Paging::read(parameters, MOST)?;
    if !state.categories.contains_key(&category) {
        return Err(ApiError::not_found());
    }
    let here = state.products.values().filter(|product| product.categories.contains(&category));
    let mut rows: Vec<_> = here.map(|product| (state.places.get(&(category, product.id)), product.id)).collect();
    rows.sort_by_key(|(place, product)| (place.is_none(), *place, *product));
    Ok(paging.answer(&rows, |(place, product)| json!({ "product_id": product, "sort_order": place })))
}

/// `GET /catalog/products/channel-assignments`
pub(super) fn channel_assignments(state: &State, parameters: &Parameters) -> Result<Value, ApiError> {
    parameters.only(&["product_id:in", "channel_id:in", "page", "limit"])?;
    let paging = Paging::read(parameters, MOST)?;
    let (products, channels) = (parameters.numbers("product_id:in")?, parameters.numbers("channel_id:in")?);
    let fits = |(product, channel): &&(u64, u64)| {
        products.as_ref().is_none_or(|ids| ids.contains(product))
            && channels.as_ref().is_none_or(|ids| ids.contains(channel))
    };
    let rows: Vec<_> = state.assigned.iter().filter(fits).collect();
    Ok(paging.answer(&rows, |(product, channel)| json!({ "product_id": product, "channel_id": channel })))
}

/// `GET /catalog/products/category-assignments`
pub(super) fn category_assignments(state: &State, parameters: &Parameters) -> Result<Value, ApiError> {
    parameters.only(&["product_id:in", "category_id:in", "page", "limit"])?;
    let paging = Paging::read(parameters, MOST)?;
    let (products, categories) = (parameters.numbers("product_id:in")?, parameters.numbers("category_id:in")?);
    let all = state.products.values().flat_map(|product| product.categories.iter().map(move |it| (product.id, *it)));
    let fits = |(product, category): &(u64, u64)| {
        products.as_ref().is_none_or(|ids| ids.contains(product))
            && categories.as_ref().is_none_or(|ids| ids.contains(category))
    };
    let rows: Vec<_> = all.filter(fits).collect();
    Ok(paging.answer(&rows, |(product, category)| json!({ "product_id": product, "category_id": category })))
}
