//! SCAPI's admin APIs for products and catalogues: documents with the values of all locales.

use http::Method;
use serde_json::{Map, Value, json};

use super::archive::time;
use super::ocapi::decimal;
use super::price::range;
use super::query::{Clause, Field, Reader, Style};
use super::scapi::{Call, Problem, put};
use super::seed::CATALOGS;
use super::state::{
    Category, Custom, DEFAULT_LOCALE, ImageGroup, Kind, List, MASTER_CATALOG, Product, ROOT, Role, STOREFRONT_CATALOG,
    Site, State, Texts, Variation,
};

/// Most rows of a search, and of a list.
const MOST_HITS: u64 = 200;
const MOST_ROWS: usize = 50;
/// Rows without `limit`.
const ROWS: u64 = 25;
/// Fields of a search with the bucket that each is in: only within one may a query choose.
const FIELDS: [(&str, &str); 11] = [
    ("id", "main"),
    ("name", "main"),
    ("online", "main"),
    ("searchable", "main"),
    ("validFrom", "main"),
    ("validTo", "main"),
    ("creationDate", "main"),
    ("lastModified", "main"),
    ("catalogId", "catalog"),
    ("categoryId", "category"),
    ("type", "special"),
];
const SORTABLE: [&str; 3] = ["id", "name", "creationDate"];

/// Answers what is behind the organization.
pub(super) fn answer(call: &Call, api: &str, rest: &[&str]) -> Result<Value, Problem> {
    let none = || Problem::not_found("not-found", "Not Found", "The requested resource does not exist.");
    match (api, call.method, rest) {
        ("products", &Method::POST, ["product-search"]) => {
            call.admin("products/product-search", "sfcc.products")?;
            call.only(&["siteId"])?;
            search(call)
        }
        ("products", &Method::GET, ["products", id]) => {
            call.admin("products/products/{id}", "sfcc.products")?;
            call.only(&["siteId"])?;
            let state = call.emulator.state();
            let site = site(call, &state)?;
            let product = state.products.get(*id).ok_or_else(|| {
                let detail = format!("No product with ID '{id}' could be found.");
                Problem::not_found("product-not-found", "Product Not Found", detail).with("productId", *id)
            })?;
            Ok(document(&state, product, site, call.now))
        }
        ("catalogs", &Method::GET, ["catalogs"]) => {
            call.admin("catalogs/catalogs", "sfcc.catalogs")?;
            call.only(&["limit", "offset"])?;
            let state = call.emulator.state();
            page(call, CATALOGS.to_vec(), |id| catalog(&state, id))
        }
        ("catalogs", &Method::GET, ["catalogs", id]) => {
            call.admin("catalogs/catalogs/{id}", "sfcc.catalogs")?;
            known_catalog(id)?;
            Ok(catalog(&call.emulator.state(), id))
        }
        ("catalogs", &Method::GET, ["catalogs", id, "categories"]) => {
            call.admin("catalogs/catalogs/{id}/categories", "sfcc.catalogs")?;
            call.only(&["limit", "offset"])?;
            known_catalog(id)?;
            let state = call.emulator.state();
            let rows = state.categories.values().filter(|_| *id == STOREFRONT_CATALOG).collect();
            page(call, rows, |it| category(&state, it))
        }
        ("catalogs", &Method::GET, ["catalogs", id, "categories", which]) => {
            call.admin("catalogs/catalogs/{id}/categories/{id}", "sfcc.catalogs")?;
            call.only(&["levels"])?;
            known_catalog(id)?;
            let state = call.emulator.state();
            let known = state.categories.get(*which).filter(|_| *id == STOREFRONT_CATALOG);
            let known = known.ok_or_else(|| {
                let detail = format!("No category with ID '{which}' could be found.");
                Problem::not_found("category-not-found", "Category Not Found", detail).with("categoryId", *which)
            })?;
            Ok(category(&state, known))
        }
        _ => Err(none()),
    }
}

fn known_catalog(id: &str) -> Result<(), Problem> {
    if CATALOGS.contains(&id) {
        return Ok(());
    }
    let detail = format!("No catalog with ID '{id}' could be found.");
    Err(Problem::not_found("catalog-not-found", "Catalog Not Found", detail).with("catalogId", id))
}

fn page<T>(call: &Call, rows: Vec<T>, show: impl Fn(T) -> Value) -> Result<Value, Problem> {
    let (limit, offset) = call.window(usize::try_from(ROWS).unwrap_or(usize::MAX), MOST_ROWS)?;
    let total = rows.len();
    let data: Vec<Value> = rows.into_iter().skip(offset).take(limit).map(show).collect();
    Ok(json!({ "limit": limit, "offset": offset, "total": total, "data": data }))
}

/// The site that `siteId` names, if it is there.
fn site<'s>(call: &Call, state: &'s State) -> Result<Option<&'s Site>, Problem> {
    let Some(id) = call.parameters.one("siteId") else { return Ok(None) };
    state.sites.get(id).map(Some).ok_or_else(|| Problem::parameter("siteId", format_args!("names no site: '{id}'")))
}

fn catalog(state: &State, id: &str) -> Value {
    let storefront = id == STOREFRONT_CATALOG;
    let sites = state.sites.values().filter(|_| storefront);
    let sites: Vec<Value> = sites.map(|it| json!({ "id": it.id, "displayName": { "default": it.name } })).collect();
    json!({
        "id": id, "name": { "default": id }, "online": true, "rootCategory": ROOT, "assignedSites": sites,
        "ownedProductCount": if id == MASTER_CATALOG { state.products.len() } else { 0 },
        "assignedProductCount": if storefront { state.assignments.len() } else { 0 },
        "categoryCount": if storefront { state.categories.len() } else { 1 }, "recommendationCount": 0,
        "creationDate": time(state.created), "lastModified": time(state.catalogs_modified),
    })
}

fn category(state: &State, it: &Category) -> Value {
    let mut shown = json!({
        "id": it.id, "catalogId": STOREFRONT_CATALOG, "name": it.name, "online": it.online,
        "position": f64::from(it.position), "paths": path(state, it), "creationDate": time(state.created),
        "lastModified": time(it.modified),
    });
    if let Some(parent) = &it.parent {
        put(&mut shown, "parentCategoryId", parent.as_str());
    }
    shown
}

/// From below the root to the category itself.
fn path(state: &State, it: &Category) -> Vec<Value> {
    let mut path = Vec::new();
    let mut next = Some(it);
    while let Some(known) = next.filter(|known| known.parent.is_some()) {
        path.push(json!({ "id": known.id, "name": known.name }));
        next = known.parent.as_ref().and_then(|parent| state.categories.get(parent));
    }
    path.reverse();
    path
}

/// What a search is asked for.
struct Request {
    limit: usize,
    offset: usize,
    clause: Clause,
    sorts: Vec<(String, bool)>,
    query: Value,
}

fn read(body: &[u8]) -> Result<Request, Problem> {
    let body: Value = serde_json::from_slice(body).map_err(|_| Problem::request("The body is no JSON."))?;
    let members = body.as_object().ok_or_else(|| Problem::request("The body is no object."))?;
    let known = ["limit", "offset", "query", "sorts"];
    if let Some(name) = members.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(Problem::request(format!("The property '{name}' is not known.")));
    }
    let number = |name: &str, otherwise: u64| members.get(name).map_or(Some(otherwise), Value::as_u64);
    let (Some(limit @ 1..=MOST_HITS), Some(offset)) = (number("limit", ROWS), number("offset", 0)) else {
        return Err(Problem::request(format!("'limit' is from 1 to {MOST_HITS}, 'offset' from 0.")));
    };
    let query = members.get("query").ok_or_else(|| Problem::request("The query is missing."))?;
    let clause = Reader { style: Style::Camel }.clause(query).map_err(Problem::request)?;
    let bucket = |field: &&str| FIELDS.iter().find(|(name, _)| name == field).map(|(_, bucket)| *bucket);
    if let Some(field) = clause.fields().into_iter().find(|field| bucket(field).is_none()) {
        return Err(Problem::request(format!("The field '{field}' can't be searched.")));
    }
    for choice in clause.choices() {
        let mut buckets: Vec<&str> = choice.iter().filter_map(bucket).collect();
        buckets.dedup();
        if buckets.len() > 1 {
            return Err(Problem::request(format!("Fields of several buckets can't be joined by OR: {choice:?}.")));
        }
    }
    let mut sorts = Vec::new();
    for sort in members.get("sorts").and_then(Value::as_array).into_iter().flatten() {
        let field = sort.get("field").and_then(Value::as_str).unwrap_or_default();
        if !SORTABLE.contains(&field) {
            return Err(Problem::request(format!("The field '{field}' can't be sorted by.")));
        }
        match sort.get("sortOrder").and_then(Value::as_str) {
            None | Some("asc") => sorts.push((field.to_owned(), false)),
            Some("desc") => sorts.push((field.to_owned(), true)),
            Some(other) => return Err(Problem::request(format!("'{other}' is no sort order."))),
        }
    }
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    Ok(Request { limit: size(limit), offset: size(offset), clause, sorts, query: query.clone() })
}

/// `POST …/product-search`
fn search(call: &Call) -> Result<Value, Problem> {
    let request = read(call.body)?;
    let state = call.emulator.state();
    let site = site(call, &state)?;
    let mut found: Vec<&Product> = state
        .products
        .values()
        .filter(|product| request.clause.fits(&|name| field(&state, product, site, name)))
        .collect();
    for (name, descending) in request.sorts.iter().rev() {
        found.sort_by_cached_key(|it| match name.as_str() {
            "name" => (it.name.get(DEFAULT_LOCALE).cloned().unwrap_or_default(), 0),
            "creationDate" => (String::new(), it.created),
            _ => (it.id.clone(), 0),
        });
        if *descending {
            found.reverse();
        }
    }
    let total = found.len();
    let hits = found.into_iter().skip(request.offset).take(request.limit);
    let hits: Vec<Value> = hits.map(|it| document(&state, it, site, call.now)).collect();
    let mut answer = json!({
        "limit": request.limit, "offset": request.offset, "total": total, "hits": hits, "query": request.query,
    });
    if !request.sorts.is_empty() {
        let sorts = request.sorts.iter().map(
            |(field, descending)| json!({ "field": field, "sortOrder": if *descending { "desc" } else { "asc" } }),
        );
        put(&mut answer, "sorts", sorts.collect::<Vec<Value>>());
    }
    Ok(answer)
}

/// Only assignments of the product itself count for catalogue and category.
fn field(state: &State, it: &Product, site: Option<&Site>, name: &str) -> Field {
    let assigned = || state.assignments.get(&it.id);
    match name {
        "id" => Field::text(&it.id),
        "name" if it.name.is_empty() => Field::Nothing,
        "name" => Field::Texts(it.name.values().cloned().collect()),
        "online" => Field::Flag(site.map_or(it.online, |site| it.online_on(&site.id))),
        "searchable" => Field::Flag(true),
        "creationDate" => Field::Time(it.created),
        "lastModified" => Field::Time(it.modified),
        "catalogId" if assigned().is_some() => Field::text(STOREFRONT_CATALOG),
        "categoryId" => assigned().map_or(Field::Nothing, |all| Field::Texts(all.keys().cloned().collect())),
        "type" => Field::text(role(it)),
        _ => Field::Nothing,
    }
}

fn role(it: &Product) -> &'static str {
    match it.role {
        Role::Item => "item",
        Role::Master(_) => "master",
        Role::Variant(_) => "variant",
    }
}

/// A custom attribute as its type is in JSON.
pub(super) fn json_value(kind: Option<Kind>, text: &str) -> Value {
    match kind {
        Some(Kind::Double) => text.parse::<f64>().map_or_else(|_| json!(text), |number| json!(number)),
        Some(Kind::Boolean) => json!(text == "true"),
        Some(Kind::Date) => json!(format!("{}T00:00:00.000Z", text.trim_end_matches('Z'))),
        Some(Kind::DateTime) => json!(format!("{}Z", text.trim_end_matches("+0000"))),
        _ => json!(text),
    }
}

fn markup(texts: &Texts) -> Value {
    let rows = texts.iter().map(|(locale, text)| (locale.clone(), json!({ "markup": text, "source": text })));
    Value::Object(rows.collect::<Map<String, Value>>())
}

/// A product. Without a site, what is computed for one is left out.
fn document(state: &State, it: &Product, site: Option<&Site>, now: i64) -> Value {
    let mut flags = Map::from_iter([(DEFAULT_LOCALE.to_owned(), json!(it.online))]);
    for site in it.offline_on.iter().filter(|_| it.online) {
        flags.insert(format!("{DEFAULT_LOCALE}@{site}"), json!(false));
    }
    let kind = role(it);
    let mut types = json!({ "master": kind == "master" });
    put(&mut types, kind, true);
    let mut shown = json!({
        "id": it.id, "type": types, "owningCatalogId": MASTER_CATALOG, "owningCatalogName": { "default": MASTER_CATALOG },
        "ean": it.ean, "upc": "", "unit": "", "taxClassId": "standard", "creationDate": time(it.created),
        "lastModified": time(it.modified), "onlineFlag": flags, "searchable": { "default": true },
        "imageGroups": image_groups(state, &it.images),
    });
    if !it.name.is_empty() {
        put(&mut shown, "name", json!(it.name));
    }
    if !it.description.is_empty() {
        put(&mut shown, "longDescription", markup(&it.description));
    }
    if !it.brand.is_empty() {
        put(&mut shown, "brand", it.brand.as_str());
    }
    if let Some(path) = it.images.first().and_then(|group| group.paths.first()) {
        put(&mut shown, "image", media(state, path));
    }
    if let Some(assigned) = state.assignments.get(&it.id) {
        let row = |category: &String| json!({ "catalogId": STOREFRONT_CATALOG, "categoryId": category });
        put(&mut shown, "assignedCategories", assigned.keys().map(row).collect::<Vec<Value>>());
        let primary: Vec<&String> = assigned.iter().filter(|(_, it)| it.primary).map(|(id, _)| id).collect();
        if let Some(first) = primary.first() {
            put(&mut shown, "primaryCategoryId", first.as_str());
            put(&mut shown, "classificationCategory", row(first));
        }
        put(&mut shown, "primaryCategories", primary.into_iter().map(row).collect::<Vec<Value>>());
    }
    for (name, value) in &it.custom {
        let kind = state.attributes.get(name).map(|attribute| attribute.kind);
        let value = match value {
            Custom::One(text) => json_value(kind, text),
            Custom::Localized(texts) => json!(texts),
            Custom::Many(values) => json!(values),
        };
        put(&mut shown, &format!("c_{name}"), value);
    }
    relations(state, it, site, now, &mut shown);
    if let Some(site) = site {
        put(&mut shown, "online", it.online_on(&site.id));
        let ats = ats(state, it, site);
        put(&mut shown, "ats", decimal(ats));
        put(&mut shown, "inStock", ats > 0);
        if let Some((lowest, _)) = range(state, site, &site.currency, it, now) {
            put(&mut shown, "price", lowest.number());
            put(&mut shown, "priceCurrency", site.currency.as_str());
        }
    }
    shown
}

/// Variants and variation attributes of a master; master and values of a variant.
fn relations(state: &State, it: &Product, site: Option<&Site>, now: i64, shown: &mut Value) {
    match &it.role {
        Role::Item => {}
        Role::Master(master) => {
            let attributes: Vec<Value> = master.variations.iter().map(variation).collect();
            put(shown, "variationAttributes", attributes);
            let variants = master.variants.iter().filter_map(|id| state.products.get(id)).map(|variant| {
                let mut row =
                    json!({ "productId": variant.id, "variationValues": values(&master.variations, variant) });
                if let Some(site) = site {
                    put(&mut row, "orderable", ats(state, variant, site) > 0);
                    if let Some((price, _)) = range(state, site, &site.currency, variant, now) {
                        put(&mut row, "price", price.number());
                        put(&mut row, "priceCurrency", site.currency.as_str());
                    }
                }
                row
            });
            put(shown, "variants", variants.collect::<Vec<Value>>());
            if let Some(first) = master.variants.first() {
                put(shown, "defaultVariantId", first.as_str());
            }
        }
        Role::Variant(id) => {
            put(shown, "master", json!({ "masterId": id }));
            if let Some(master) = state.products.get(id).and_then(Product::master) {
                put(shown, "variationValues", json!(values(&master.variations, it)));
            }
        }
    }
}

/// A variant's values for the variation attributes of its master.
pub(super) fn values(variations: &[Variation], variant: &Product) -> Map<String, Value> {
    let of = |variation: &Variation| Some((variation.id.clone(), json!(variant.value(&variation.id)?)));
    variations.iter().filter_map(of).collect()
}

fn variation(it: &Variation) -> Value {
    let values: Vec<Value> = it.values.iter().map(|(value, name)| json!({ "value": value, "name": name })).collect();
    json!({ "id": it.id, "attributeDefinitionId": it.id, "name": it.name, "shared": false, "values": values })
}

fn image_groups(state: &State, groups: &[ImageGroup]) -> Vec<Value> {
    let group = |it: &ImageGroup| {
        let images: Vec<Value> = it.paths.iter().map(|path| media(state, path)).collect();
        let mut shown = json!({ "viewType": "large", "images": images });
        if !it.values.is_empty() {
            let of = |(id, value): &(String, String)| json!({ "id": id, "attributeDefinitionId": id, "values": [{ "value": value }] });
            put(&mut shown, "variationAttributes", it.values.iter().map(of).collect::<Vec<Value>>());
        }
        shown
    };
    groups.iter().map(group).collect()
}

/// The whole address of an image.
pub(super) fn address(state: &State, path: &str) -> String {
    if path.contains("://") { path.to_owned() } else { format!("{}/{path}", state.image_base) }
}

fn media(state: &State, path: &str) -> Value {
    json!({ "path": path, "absUrl": address(state, path) })
}

/// What can be sold of a product on a site: of its variants together if it is a master.
pub(super) fn ats(state: &State, it: &Product, site: &Site) -> i64 {
    state.lists.get(&site.list).map_or(0, |list| ats_in(list, it))
}

/// What can be sold of a product from an inventory list.
pub(super) fn ats_in(list: &List, it: &Product) -> i64 {
    let of =
        |id: &String| list.records.get(id).map_or(0, |record| if record.perpetual { INFINITE } else { record.level() });
    it.sold_as().iter().map(of).fold(0, i64::saturating_add).min(INFINITE)
}

/// What the platform shows for stock without an end.
pub(super) const INFINITE: i64 = 999_999;
