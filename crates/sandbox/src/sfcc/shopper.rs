//! SCAPI's shopper APIs for products, categories and availability: one site, one locale, one currency.

use http::Method;
use serde_json::{Map, Value, json};

use super::admin::{address, ats, ats_in, json_value, values};
use super::ocapi::decimal;
use super::price::{Prices, range};
use super::scapi::{Call, Problem, put};
use super::state::{Category, Custom, ImageGroup, List, Product, Role, Site, State, Texts, localized};

/// Most ids of products, of categories and of inventory lists in a call.
const MOST_PRODUCTS: usize = 24;
const MOST_CATEGORIES: usize = 50;
const MOST_LISTS: usize = 5;
const EXPANSIONS: [&str; 14] = [
    "none",
    "availability",
    "bundled_products",
    "links",
    "promotions",
    "options",
    "images",
    "prices",
    "variations",
    "set_products",
    "recommendations",
    "shipping_methods",
    "page_meta_tags",
    "primary_category",
];

/// Answers what is behind the organization.
pub(super) fn answer(call: &Call, api: &str, rest: &[&str]) -> Result<Value, Problem> {
    let none = || Problem::not_found("not-found", "Not Found", "The requested resource does not exist.");
    if call.method != Method::GET {
        return Err(none());
    }
    match (api, rest) {
        ("shopper-products", ["products"]) => {
            let site = call.shopper("shopper-products/products", "sfcc.shopper-products")?;
            products(call, &site)
        }
        ("shopper-products", ["products", id]) => {
            let site = call.shopper("shopper-products/products/{id}", "sfcc.shopper-products")?;
            product(call, &site, id)
        }
        ("shopper-products", ["categories"]) => {
            let site = call.shopper("shopper-products/categories", "sfcc.shopper-categories")?;
            categories(call, &site)
        }
        ("shopper-products", ["categories", id]) => {
            let site = call.shopper("shopper-products/categories/{id}", "sfcc.shopper-categories")?;
            one_category(call, &site, id)
        }
        ("shopper-availability", ["availability"]) => {
            let site = call.shopper("shopper-availability/availability", "sfcc.shopper-availability")?;
            availability(call, &site)
        }
        _ => Err(none()),
    }
}

/// What a product is shown with.
struct View<'v> {
    state: &'v State,
    site: &'v Site,
    locale: String,
    currency: String,
    expand: Vec<String>,
    all_images: bool,
    image_types: Vec<String>,
    per_book: bool,
    /// Inventory lists that are asked for.
    lists: Vec<String>,
    now: i64,
}

impl View<'_> {
    /// Everything but meta tags is there without `expand`.
    fn expands(&self, name: &str) -> bool {
        self.expand.is_empty() || self.expand.iter().any(|known| known == name)
    }

    fn text(&self, texts: &Texts) -> Option<String> {
        localized(texts, &self.locale).cloned()
    }

    /// A text of the product, or else of its master.
    fn inherited(&self, it: &Product, of: fn(&Product) -> &Texts) -> Option<String> {
        self.text(of(it)).or_else(|| self.text(of(self.state.master_of(it)?)))
    }
}

/// Whether a site shows a product: online and, itself or its master, in a category that is shown.
fn is_shown(state: &State, it: &Product, site: &Site) -> bool {
    let assigned = state.categories_of(it);
    it.online_on(&site.id) && assigned.is_some_and(|all| all.keys().any(|category| state.is_shown(category)))
}

fn site<'s>(state: &'s State, id: &str) -> Result<&'s Site, Problem> {
    state.sites.get(id).ok_or_else(|| Problem::parameter("siteId", "names no site"))
}

fn view<'v>(call: &Call, state: &'v State, id: &str) -> Result<View<'v>, Problem> {
    let site = site(state, id)?;
    let expand = call.parameters.list("expand");
    if let Some(unknown) = expand.iter().find(|name| !EXPANSIONS.contains(&name.as_str())) {
        return Err(Problem::parameter("expand", format_args!("has an unknown value: '{unknown}'")));
    }
    Ok(View {
        state,
        site,
        locale: call.locale(site)?,
        currency: call.currency(site)?,
        expand,
        all_images: call.flag("allImages")?,
        image_types: call.parameters.list("imgTypes"),
        per_book: call.flag("perPricebook")?,
        lists: call.list("inventoryIds", MOST_LISTS)?,
        now: call.now,
    })
}

const PARAMETERS: [&str; 11] = [
    "ids",
    "siteId",
    "expand",
    "allImages",
    "imgTypes",
    "perPricebook",
    "inventoryIds",
    "locale",
    "currency",
    "select",
    "personalized",
];

/// Several products. Those that the site does not show are absent.
fn products(call: &Call, site: &str) -> Result<Value, Problem> {
    call.only(&PARAMETERS)?;
    let ids = call.list("ids", MOST_PRODUCTS)?;
    if ids.is_empty() {
        return Err(Problem::parameter("ids", "is required"));
    }
    let state = call.emulator.state();
    let view = view(call, &state, site)?;
    let known = ids.iter().filter_map(|id| state.products.get(id)).filter(|it| is_shown(&state, it, view.site));
    let data: Vec<Value> = known.map(|it| document(&view, it)).collect();
    let mut answer = json!({ "limit": data.len(), "total": data.len(), "data": data });
    call.select(&mut answer)?;
    Ok(answer)
}

fn product(call: &Call, site: &str, id: &str) -> Result<Value, Problem> {
    call.only(PARAMETERS.get(1..).unwrap_or_default())?;
    let state = call.emulator.state();
    let view = view(call, &state, site)?;
    let known = state.products.get(id).filter(|it| is_shown(&state, it, view.site));
    let known = known.ok_or_else(|| {
        let detail = format!("No product with ID '{id}' for site '{site}' could be found.");
        let problem = Problem::not_found("product-not-found", "Product Not Found", detail);
        problem.with("productId", id).with("siteId", site)
    })?;
    let mut answer = document(&view, known);
    call.select(&mut answer)?;
    Ok(answer)
}

fn document(view: &View, it: &Product) -> Value {
    let state = view.state;
    let master = state.master_of(it);
    let kind = match it.role {
        Role::Item => "item",
        Role::Master(_) => "master",
        Role::Variant(_) => "variant",
    };
    let mut shown = json!({
        "id": it.id, "type": { kind: true }, "currency": view.currency, "minOrderQuantity": 1.0, "stepQuantity": 1.0,
        "unit": "",
    });
    let texts = [
        ("name", view.inherited(it, |product| &product.name)),
        ("longDescription", view.inherited(it, |product| &product.description)),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            put(&mut shown, name, text);
        }
    }
    let slug = view.inherited(it, |product| &product.page_url).unwrap_or_else(|| it.id.clone());
    put(
        &mut shown,
        "slugUrl",
        format!("https://{}.shop.example/s/{}/{slug}/{}.html", view.site.id, view.site.id, it.id),
    );
    let brand = if it.brand.is_empty() { master.map_or("", |master| &master.brand) } else { &it.brand };
    for (name, text) in [("brand", brand), ("ean", it.ean.as_str())] {
        if !text.is_empty() {
            put(&mut shown, name, text);
        }
    }
    let primary = state.categories_of(it).and_then(|all| all.iter().find(|(_, it)| it.primary));
    if let Some((category, _)) = primary {
        put(&mut shown, "primaryCategoryId", category.as_str());
    }
    // A variant has the attributes of its master where it has none of its own.
    for (name, value) in master.into_iter().chain([it]).flat_map(|product| &product.custom) {
        let kind = state.attributes.get(name).map(|attribute| attribute.kind);
        let value = match value {
            Custom::One(text) => Some(json_value(kind, text)),
            Custom::Localized(texts) => view.text(texts).map(Value::from),
            Custom::Many(values) => Some(json!(values)),
        };
        if let Some(value) = value {
            put(&mut shown, &format!("c_{name}"), value);
        }
    }
    if view.expands("images") {
        put(&mut shown, "imageGroups", images(view, master.unwrap_or(it), it));
    }
    if view.expands("prices") {
        prices(view, it, &mut shown);
    }
    if view.expands("availability") {
        if let Some(list) = state.lists.get(&view.site.list) {
            put(&mut shown, "inventory", inventory(list, it));
        }
        let lists = view.lists.iter().filter_map(|id| state.lists.get(id));
        if !view.lists.is_empty() {
            put(&mut shown, "inventories", lists.map(|list| inventory(list, it)).collect::<Vec<Value>>());
        }
    }
    if view.expands("variations") {
        variations(view, it, &mut shown);
    }
    if let Some(master) = master {
        put(&mut shown, "master", json!({ "masterId": master.id, "orderable": ats(state, master, view.site) > 0 }));
        let of = master.master().map_or(&[][..], |master| &master.variations);
        put(&mut shown, "variationValues", Value::Object(values(of, it)));
    }
    shown
}

/// Image groups: all of the master, or those that are for the product.
fn images(view: &View, owner: &Product, it: &Product) -> Vec<Value> {
    let wanted = |group: &&ImageGroup| {
        let fits = |(id, value): &(String, String)| it.value(id) == Some(value);
        let known = view.image_types.is_empty() || view.image_types.iter().any(|kind| kind.starts_with("large"));
        known && (view.all_images || group.values.iter().all(fits))
    };
    let mut groups: Vec<&ImageGroup> = owner.images.iter().filter(wanted).collect();
    if !view.all_images && groups.iter().any(|group| !group.values.is_empty()) {
        // What is for the product itself stands instead of what is for all others.
        groups.retain(|group| !group.values.is_empty());
    }
    let show = |group: &ImageGroup| {
        let link =
            |path: &String| json!({ "link": address(view.state, path), "disBaseLink": address(view.state, path) });
        let mut shown = json!({ "viewType": "large", "images": group.paths.iter().map(link).collect::<Vec<Value>>() });
        if !group.values.is_empty() {
            let of = |(id, value): &(String, String)| json!({ "id": id, "values": [{ "value": value }] });
            put(&mut shown, "variationAttributes", group.values.iter().map(of).collect::<Vec<Value>>());
        }
        shown
    };
    groups.into_iter().map(show).collect()
}

fn prices(view: &View, it: &Product, shown: &mut Value) {
    let View { state, site, currency, now, .. } = view;
    if let Some((lowest, highest)) = range(state, site, currency, it, *now) {
        put(shown, "price", lowest.number());
        if it.master().is_some() && highest > lowest {
            put(shown, "priceMax", highest.number());
        }
    }
    let of = Prices::of(state, site, currency, it, *now);
    let books: Map<String, Value> =
        of.by_book().map(|(book, amount)| (book.to_owned(), json!(amount.number()))).collect();
    if !books.is_empty() {
        put(shown, "prices", Value::Object(books));
    }
    if view.per_book {
        put(shown, "tieredPrices", tiers(&of));
    }
}

fn tiers(of: &Prices) -> Vec<Value> {
    let row = |(book, quantity, amount): (&str, u32, super::amount::Amount)| json!({ "pricebook": book, "quantity": f64::from(quantity), "price": amount.number() });
    of.tiers().map(row).collect()
}

fn inventory(list: &List, it: &Product) -> Value {
    let ats = ats_in(list, it);
    json!({
        "id": list.id, "ats": decimal(ats), "stockLevel": decimal(ats), "orderable": ats > 0, "preorderable": false,
        "backorderable": false,
    })
}

/// Variants and variation attributes, which a variant has too.
fn variations(view: &View, it: &Product, shown: &mut Value) {
    let state = view.state;
    let Some(master) = it.master().or_else(|| state.master_of(it)?.master()) else { return };
    let known =
        || master.variants.iter().filter_map(|id| state.products.get(id)).filter(|it| it.online_on(&view.site.id));
    let variants = known().map(|variant| {
        let of = Prices::of(state, view.site, &view.currency, variant, view.now);
        let mut row = json!({
            "productId": variant.id, "orderable": ats(state, variant, view.site) > 0,
            "variationValues": values(&master.variations, variant),
        });
        if let Some(price) = of.effective() {
            put(&mut row, "price", price.number());
        }
        if view.per_book {
            put(&mut row, "tieredPrices", tiers(&of));
        }
        row
    });
    put(shown, "variants", variants.collect::<Vec<Value>>());
    let attributes = master.variations.iter().map(|variation| {
        let values = variation.values.iter().map(|(value, name)| {
            let sold = known().filter(|it| it.value(&variation.id) == Some(value));
            let orderable = sold.into_iter().any(|it| ats(state, it, view.site) > 0);
            json!({ "value": value, "name": view.text(name).unwrap_or_else(|| value.clone()), "orderable": orderable })
        });
        let name = view.text(&variation.name).unwrap_or_else(|| variation.id.clone());
        json!({ "id": variation.id, "name": name, "values": values.collect::<Vec<Value>>() })
    });
    put(shown, "variationAttributes", attributes.collect::<Vec<Value>>());
}

/// How deep a category is shown, 1 without the parameter.
fn levels(call: &Call) -> Result<u8, Problem> {
    match call.parameters.one("levels") {
        None | Some("1") => Ok(1),
        Some("0") => Ok(0),
        Some("2") => Ok(2),
        Some(_) => Err(Problem::parameter("levels", "is a number from 0 to 2")),
    }
}

fn categories(call: &Call, id: &str) -> Result<Value, Problem> {
    call.only(&["ids", "levels", "locale", "siteId", "personalized"])?;
    let ids = call.list("ids", MOST_CATEGORIES)?;
    if ids.is_empty() {
        return Err(Problem::parameter("ids", "is required"));
    }
    let state = call.emulator.state();
    let locale = call.locale(site(&state, id)?)?;
    let levels = levels(call)?;
    let known = ids.iter().filter_map(|id| state.categories.get(id)).filter(|it| state.is_shown(&it.id));
    let data: Vec<Value> = known.map(|it| category(&state, it, &locale, levels)).collect();
    Ok(json!({ "limit": data.len(), "total": data.len(), "data": data }))
}

fn one_category(call: &Call, id: &str, which: &str) -> Result<Value, Problem> {
    call.only(&["levels", "locale", "siteId", "personalized"])?;
    let state = call.emulator.state();
    let locale = call.locale(site(&state, id)?)?;
    let known = state.categories.get(which).filter(|it| state.is_shown(&it.id));
    let known = known.ok_or_else(|| {
        let detail = format!("No category with ID '{which}' for site '{id}' could be found.");
        let problem = Problem::not_found("category-not-found", "Category Not Found", detail);
        problem.with("categoryId", which).with("siteId", id)
    })?;
    Ok(category(&state, known, &locale, levels(call)?))
}

/// A category with those below it that are online, so many levels down.
fn category(state: &State, it: &Category, locale: &str, levels: u8) -> Value {
    let mut below: Vec<&Category> =
        state.categories.values().filter(|child| child.online && child.parent.as_ref() == Some(&it.id)).collect();
    below.sort_by_key(|child| child.position);
    let mut shown = json!({ "id": it.id, "onlineSubCategoriesCount": below.len() });
    if let Some(name) = localized(&it.name, locale) {
        put(&mut shown, "name", name.as_str());
    }
    if let Some(parent) = &it.parent {
        put(&mut shown, "parentCategoryId", parent.as_str());
        let mut tree = Vec::new();
        let mut next = Some(it);
        while let Some(known) = next.filter(|known| known.parent.is_some()) {
            tree.push(json!({ "id": known.id, "name": localized(&known.name, locale).unwrap_or(&known.id) }));
            next = known.parent.as_ref().and_then(|parent| state.categories.get(parent));
        }
        tree.reverse();
        put(&mut shown, "parentCategoryTree", tree);
    }
    if levels > 0 && !below.is_empty() {
        let children = below.into_iter().map(|child| category(state, child, locale, levels - 1));
        put(&mut shown, "categories", children.collect::<Vec<Value>>());
    }
    shown
}

fn availability(call: &Call, id: &str) -> Result<Value, Problem> {
    call.only(&["productIds", "inventoryIds", "siteId", "expand", "personalized"])?;
    let ids = call.list("productIds", MOST_PRODUCTS)?;
    if ids.is_empty() {
        return Err(Problem::parameter("productIds", "is required"));
    }
    let mut lists = call.list("inventoryIds", MOST_LISTS)?;
    let expand = call.parameters.list("expand");
    if let Some(unknown) = expand.iter().find(|name| !["variations", "set_products"].contains(&name.as_str())) {
        return Err(Problem::parameter("expand", format_args!("has an unknown value: '{unknown}'")));
    }
    let state = call.emulator.state();
    let site = site(&state, id)?;
    if lists.is_empty() {
        lists.push(site.list.clone());
    }
    let known = ids.iter().filter_map(|id| state.products.get(id)).filter(|it| is_shown(&state, it, site));
    let deep = expand.iter().any(|name| name == "variations");
    // Variants follow their master, in the same list.
    let with_variants = known.flat_map(|it| {
        let below = it.master().map_or(&[][..], |master| &master.variants);
        let below = below.iter().filter(|_| deep).filter_map(|id| state.products.get(id));
        std::iter::once(it).chain(below.filter(|it| it.online_on(&site.id)))
    });
    let row = |it: &Product| {
        let known = lists.iter().filter_map(|id| state.lists.get(id));
        json!({ "id": it.id, "inventories": known.map(|list| inventory(list, it)).collect::<Vec<Value>>() })
    };
    let data: Vec<Value> = with_variants.map(row).collect();
    Ok(json!({ "limit": data.len(), "total": data.len(), "data": data }))
}
