//! Writing: versions, timestamps, messages and background effects.
//!
//! Every write goes through [`Writer`]: it loads a row as JSON members, the caller edits them, and `commit` puts the row
//! back with a higher version, a new `lastModifiedAt`, its messages, and whatever follows in the background.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::body::Body;
use super::error::ApiError;
use super::order::{Id, scramble};
use super::render;
use super::rules;
use super::state::{Effect, Kind, Member, Object, State, View, members_text, terms, variants_mut};
use super::table::{ProductPart, Row, Table, Term, term};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Settings that decide how writes behave.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Time until background effects happen.
    pub(super) availability_lag_ms: i64,
    /// Background stock updates move `lastModifiedAt` of products.
    pub(super) availability_moves_modified: bool,
    /// Timestamps lie up to this far behind the clock.
    pub(super) timestamp_behind_ms: u64,
    /// Messages kept at most.
    pub(super) message_capacity: usize,
}

/// A row under change.
#[derive(Debug)]
pub(super) struct Edit {
    pub(super) kind: Kind,
    pub(super) id: Id,
    pub(super) version: u32,
    created: i64,
    modified: i64,
    pub(super) key: Option<String>,
    /// Members of the resource; of a product, its current data.
    pub(super) members: Object,
    pub(super) product: Option<ProductEdit>,
    /// Products of a selection, when they change.
    pub(super) assigned: Option<BTreeMap<Id, Member>>,
    /// Messages to send: type and own members.
    pub(super) messages: Vec<(&'static str, Object)>,
    /// Background effects.
    pub(super) effects: Vec<Effect>,
    /// No notification of a change tells of it, only its messages.
    pub(super) is_told_by_message: bool,
}

/// The part of a product besides its current data.
#[derive(Debug)]
pub(super) struct ProductEdit {
    pub(super) fixed: Object,
    pub(super) published: bool,
    pub(super) staged: Object,
}

impl Edit {
    /// Notes a message. Members that are null are left out.
    pub(super) fn message(&mut self, kind: &'static str, members: Value) {
        let mut members = if let Value::Object(members) = members { members } else { Map::new() };
        members.retain(|_, value| !value.is_null());
        self.messages.push((kind, members));
    }

    /// Sets a member, or removes it when the value is null.
    pub(super) fn set(&mut self, name: &str, value: Option<&Value>) {
        set(&mut self.members, name, value);
    }
}

/// Sets a member, or removes it when there is no value.
pub(super) fn set(object: &mut Object, name: &str, value: Option<&Value>) {
    match value {
        None | Some(Value::Null) => {
            object.remove(name);
        }
        Some(value) => {
            object.insert(name.to_owned(), value.clone());
        }
    }
}

/// Access to the state for a write at an instant.
pub(super) struct Writer<'a> {
    pub(super) state: &'a mut State,
    pub(super) now: i64,
    pub(super) rules: Rules,
}

impl Writer<'_> {
    /// A timestamp for a write now: on the platform's many nodes clocks differ.
    fn stamp(&mut self) -> i64 {
        if self.rules.timestamp_behind_ms == 0 {
            return self.now;
        }
        let behind = scramble(self.state.next_number()) % (self.rules.timestamp_behind_ms + 1);
        self.now - i64::try_from(behind).unwrap_or(0)
    }

    /// Starts a new resource.
    pub(super) fn create(&mut self, kind: Kind, key: Option<String>, members: Object) -> Result<Edit, ApiError> {
        if let Some(key) = &key
            && self.state.table(kind).find_key(key).is_some()
        {
            return Err(ApiError::duplicate("key", key.as_str()));
        }
        let id = self.state.new_id(kind, key.as_deref());
        let stamp = self.stamp();
        Ok(Edit {
            kind,
            id,
            version: 0,
            created: stamp,
            modified: stamp,
            key,
            members,
            product: None,
            assigned: None,
            messages: Vec::new(),
            effects: Vec::new(),
            is_told_by_message: false,
        })
    }

    /// Loads a row to change it.
    pub(super) fn load(&self, kind: Kind, id: Id) -> Result<Edit, ApiError> {
        let Some(row) = self.state.table(kind).find(id) else {
            return Err(ApiError::not_found("id", &id.to_string()));
        };
        let members = State::members_of(&row.body);
        let product = row.product.as_ref().map(|part| ProductEdit {
            fixed: State::fixed_of(part),
            published: part.published,
            staged: part.staged.as_ref().map_or_else(|| members.clone(), State::members_of),
        });
        Ok(Edit {
            kind,
            id,
            version: row.version,
            created: row.created,
            modified: row.modified,
            key: row.key.as_deref().map(str::to_owned),
            members,
            product,
            assigned: None,
            messages: Vec::new(),
            effects: Vec::new(),
            is_told_by_message: false,
        })
    }

    /// Puts a changed row back: higher version, new timestamp, messages, background effects.
    pub(super) fn commit(&mut self, mut edit: Edit) -> Id {
        edit.modified = edit.modified.max(self.stamp());
        self.commit_silently(edit)
    }

    /// As [`Writer::commit`] without a new timestamp.
    fn commit_silently(&mut self, mut edit: Edit) -> Id {
        edit.version += 1;
        let (messages, effects) = (std::mem::take(&mut edit.messages), std::mem::take(&mut edit.effects));
        let (kind, id) = (edit.kind, edit.id);
        if let Some(members) = edit.assigned.take() {
            self.state.members.insert(id, members);
        }
        let (version, is_told_by_message) = (edit.version, edit.is_told_by_message);
        self.put(edit);
        if !is_told_by_message {
            self.notify(kind, id, if version == 1 { "ResourceCreated" } else { "ResourceUpdated" }, version);
        }
        for (message, members) in messages {
            self.emit(kind, id, message, members);
        }
        for effect in effects {
            self.schedule(effect);
        }
        id
    }

    fn put(&mut self, edit: Edit) {
        let key = edit.key.as_deref();
        let (terms, product) = match edit.product {
            None => (terms(key, [&edit.members]), None),
            Some(product) => {
                let fixed = String::from_utf8(members_text(&product.fixed)).unwrap_or_default();
                let differs = product.staged != edit.members;
                let part = ProductPart {
                    fixed: self.state.share(&fixed),
                    published: product.published,
                    staged: differs.then(|| Body::new(&members_text(&product.staged))),
                };
                (terms(key, [&edit.members, &product.staged]), Some(Box::new(part)))
            }
        };
        self.state.table_mut(edit.kind).put(Row {
            id: edit.id,
            version: edit.version,
            created: edit.created,
            modified: edit.modified,
            key: key.map(Into::into),
            body: Body::new(&members_text(&edit.members)),
            product,
            terms,
        });
    }

    /// Removes a row and gives back how it looked.
    pub(super) fn delete(&mut self, kind: Kind, id: Id) -> Result<Value, ApiError> {
        rules::deletion::check(self.state, kind, id)?;
        let Some(row) = self.state.table(kind).find(id) else {
            return Err(ApiError::not_found("id", &id.to_string()));
        };
        let (shown, row_version) = (self.state.value(row, View::Resource(kind)), row.version);
        let message = match kind {
            Kind::Product => {
                let mut members = json!({ "removedImageUrls": [] });
                if (View::Projection { staged: false }).shows(row)
                    && let Some(members) = members.as_object_mut()
                {
                    let projection = self.state.value(row, View::Projection { staged: false });
                    members.insert("currentProjection".to_owned(), projection);
                }
                Some(("ProductDeleted", members))
            }
            Kind::InventoryEntry => {
                let mut members = json!({ "sku": shown.get("sku") });
                if let (Some(members), Some(channel)) = (members.as_object_mut(), shown.get("supplyChannel")) {
                    members.insert("supplyChannel".to_owned(), channel.clone());
                }
                Some(("InventoryEntryDeleted", members))
            }
            Kind::StandalonePrice => Some(("StandalonePriceDeleted", json!({ "sku": shown.get("sku") }))),
            Kind::ProductSelection => Some(("ProductSelectionDeleted", json!({}))),
            Kind::Store => Some(("StoreDeleted", json!({}))),
            Kind::ProductTailoring => {
                let members = json!({ "store": shown.get("store"), "product": shown.get("product") });
                Some(("ProductTailoringDeleted", members))
            }
            Kind::Variant => Some(("VariantDeleted", json!({}))),
            Kind::Customer => Some(("CustomerDeleted", json!({}))),
            Kind::Order => Some(("OrderDeleted", json!({ "order": shown }))),
            Kind::Category
            | Kind::ProductType
            | Kind::Channel
            | Kind::CustomerGroup
            | Kind::DiscountCode
            | Kind::Type
            | Kind::Message => None,
        };
        if let Some((message, Value::Object(members))) = message {
            self.emit(kind, id, message, members);
        }
        self.notify(kind, id, "ResourceDeleted", row_version);
        self.state.table_mut(kind).remove(id);
        self.state.sequences.remove(&id);
        self.state.gone.insert(id);
        self.after_delete(kind, id, &shown);
        Ok(shown)
    }

    fn after_delete(&mut self, kind: Kind, id: Id, shown: &Value) {
        match kind {
            Kind::InventoryEntry => {
                if let Some(sku) = shown.get("sku").and_then(Value::as_str) {
                    self.schedule(Effect::Availability(sku.to_owned()));
                }
            }
            Kind::Category => {
                self.schedule(Effect::CategoryGone(id));
                for child in self.children(id) {
                    drop(self.delete(Kind::Category, child));
                }
            }
            Kind::ProductSelection => {
                self.state.members.remove(&id);
            }
            Kind::Variant => self.after_variant(id, shown),
            Kind::Product => {
                let mut without = Vec::new();
                for (selection, members) in &mut self.state.members {
                    without.extend(members.remove(&id).map(|_| *selection));
                }
                for selection in without {
                    self.schedule(Effect::ProductCount(selection));
                }
            }
            _ => {}
        }
    }

    /// Its product no longer names it as its default, and gives its number to no other.
    fn after_variant(&mut self, id: Id, shown: &Value) {
        let Some(product) = shown.pointer("/product/id").and_then(Value::as_str).and_then(Id::parse) else { return };
        let number = shown.get("variantId").and_then(Value::as_i64).unwrap_or(0);
        let highest = self.state.variant_numbers.entry(product).or_default();
        *highest = number.max(*highest);
        let Ok(mut edit) = self.load(Kind::Product, product) else { return };
        let is_it = Some(super::state::reference(Kind::Variant, id));
        let mut was_default = false;
        for side in [Some(&mut edit.members), edit.product.as_mut().map(|part| &mut part.staged)].into_iter().flatten()
        {
            if side.get("defaultVariant") == is_it.as_ref() {
                side.remove("defaultVariant");
                was_default = true;
            }
        }
        if was_default {
            self.commit(edit);
        }
    }

    /// Adds a message about a resource when messages are enabled.
    fn emit(&mut self, kind: Kind, id: Id, message: &'static str, members: Object) {
        // Subscriptions get messages also where they can't be queried.
        if !self.state.project.messages_enabled && !self.state.listens {
            return;
        }
        let Some(row) = self.state.table(kind).find(id) else { return };
        let mut body = self.identifiers(kind, id);
        let version = row.version;
        if let Some(name) = embedded_as(message) {
            let view = if kind == Kind::Product { View::Projection { staged: false } } else { View::Resource(kind) };
            body.insert(name.to_owned(), self.state.value(row, view));
        }
        if message == "StoreCreated" {
            body.extend(State::members_of(&row.body));
        }
        body.extend(members);
        let sequence = self.state.sequences.entry(id).or_insert(0);
        *sequence += 1;
        body.insert("sequenceNumber".to_owned(), json!(*sequence));
        body.insert("resource".to_owned(), super::state::reference(kind, id));
        body.insert("resourceVersion".to_owned(), json!(version));
        body.insert("type".to_owned(), json!(message));
        let stamp = self.stamp();
        let message_id = self.state.next_id(Kind::Message);
        if self.state.listens {
            let mut notification = body.clone();
            let at = super::time::print(stamp);
            notification.extend([
                ("notificationType".to_owned(), json!("Message")),
                ("projectKey".to_owned(), json!(self.state.project.key)),
                ("id".to_owned(), json!(message_id.to_string())),
                ("version".to_owned(), json!(1)),
                ("createdAt".to_owned(), json!(at)),
                ("lastModifiedAt".to_owned(), json!(at)),
            ]);
            self.state.note(Value::Object(notification));
        }
        if !self.state.project.messages_enabled {
            return;
        }
        let row = render::row(message_id, None, stamp, &body);
        self.state.table_mut(Kind::Message).put(row);
        self.forget_old_messages();
    }

    /// Notes a change for subscriptions.
    fn notify(&mut self, kind: Kind, id: Id, notification: &'static str, version: u32) {
        if !self.state.listens || kind == Kind::Message {
            return;
        }
        let mut body = self.identifiers(kind, id);
        body.extend([
            ("notificationType".to_owned(), json!(notification)),
            ("projectKey".to_owned(), json!(self.state.project.key)),
            ("resource".to_owned(), super::state::reference(kind, id)),
            ("version".to_owned(), json!(version)),
            ("modifiedAt".to_owned(), json!(super::time::print(self.now))),
        ]);
        if notification == "ResourceUpdated" {
            body.insert("oldVersion".to_owned(), json!(version - 1));
        }
        self.state.note(Value::Object(body));
    }

    fn identifiers(&self, kind: Kind, id: Id) -> Object {
        let mut identifiers = Map::new();
        if let Some(row) = self.state.table(kind).find(id) {
            if let Some(key) = &row.key {
                identifiers.insert("key".to_owned(), json!(key));
            }
            let members = match kind {
                Kind::Product
                | Kind::Category
                | Kind::InventoryEntry
                | Kind::StandalonePrice
                | Kind::Customer
                | Kind::Order => State::members_of(&row.body),
                Kind::Variant => {
                    let mut members = State::members_of(&row.body);
                    if let Some(Value::Object(current)) = members.remove("current") { current } else { members }
                }
                _ => Map::new(),
            };
            for name in ["slug", "sku", "customerNumber", "externalId", "orderNumber"] {
                if let Some(value) = members.get(name) {
                    identifiers.insert(name.to_owned(), value.clone());
                }
            }
        }
        let mut body = Map::new();
        body.insert("resourceUserProvidedIdentifiers".to_owned(), Value::Object(identifiers));
        body
    }

    /// Messages are deleted after their retention, or if there are more than the capacity.
    fn forget_old_messages(&mut self) {
        let oldest_kept = self.now - i64::from(self.state.project.messages_days) * DAY_MS;
        let (capacity, table) = (self.rules.message_capacity, self.state.table_mut(Kind::Message));
        while let Some(oldest) = table.oldest() {
            if table.len() <= capacity && oldest.created >= oldest_kept {
                return;
            }
            let id = oldest.id;
            table.remove(id);
        }
    }

    /// Does `effect` after the lag, or at once when there is none.
    pub(super) fn schedule(&mut self, effect: Effect) {
        if self.rules.availability_lag_ms <= 0 {
            self.apply(&effect);
            return;
        }
        let number = self.state.next_number();
        self.state.effects.insert((self.now + self.rules.availability_lag_ms, number), effect);
    }

    /// Carries out due effects.
    pub(super) fn settle(&mut self) {
        while let Some(entry) = self.state.effects.first_entry() {
            if entry.key().0 > self.now {
                return;
            }
            let effect = entry.remove();
            self.apply(&effect);
        }
    }

    fn apply(&mut self, effect: &Effect) {
        match effect {
            Effect::Availability(sku) => self.refresh_availability(sku),
            Effect::Ancestors(id) => self.rewrite_ancestors(*id),
            Effect::CategoryGone(id) => self.remove_category_everywhere(*id),
            Effect::ProductCount(id) => self.count_products(*id),
        }
    }

    /// The stock of `sku` as inventory entries tell it now.
    pub(super) fn availability(&self, sku: &str) -> Option<Value> {
        let table = self.state.table(Kind::InventoryEntry);
        let entries: Vec<(Option<String>, i64, String, u32)> = table
            .with_term(term(Term::Sku, sku))
            .filter_map(|slot| table.row(slot))
            .filter_map(|row| {
                let members = State::members_of(&row.body);
                if members.get("sku")?.as_str()? != sku {
                    return None;
                }
                let channel = members.get("supplyChannel").and_then(|channel| channel.get("id")?.as_str());
                let quantity = members.get("availableQuantity")?.as_i64()?;
                Some((channel.map(str::to_owned), quantity, row.id.to_string(), row.version))
            })
            .collect();
        render::availability(&entries)
    }

    fn refresh_availability(&mut self, sku: &str) {
        let availability = self.availability(sku);
        for id in with_term(self.state.table(Kind::Product), Term::Sku, sku) {
            let Ok(mut edit) = self.load(Kind::Product, id) else { continue };
            let mut changed = false;
            let Some(product) = &mut edit.product else { continue };
            for side in [&mut edit.members, &mut product.staged] {
                for variant in variants_mut(side) {
                    let same = variant.get("availability") == availability.as_ref();
                    if variant.get("sku").and_then(Value::as_str) == Some(sku) && !same {
                        set(variant, "availability", availability.as_ref());
                        changed = true;
                    }
                }
            }
            if changed && self.rules.availability_moves_modified {
                self.commit(edit);
            } else if changed {
                self.commit_silently(edit);
            }
        }
    }

    fn rewrite_ancestors(&mut self, moved: Id) {
        let mut rows: Vec<Id> = self.children(moved);
        // Seeded categories may form a cycle.
        let mut seen = BTreeSet::from([moved]);
        while let Some(id) = rows.pop() {
            if !seen.insert(id) {
                continue;
            }
            let Ok(mut edit) = self.load(Kind::Category, id) else { continue };
            let ancestors = self.ancestors(edit.members.get("parent"));
            if edit.members.get("ancestors") == Some(&ancestors) {
                continue;
            }
            edit.set("ancestors", Some(&ancestors));
            self.commit(edit);
            rows.extend(self.children(id));
        }
    }

    /// Ids of the categories right below `parent`.
    pub(super) fn children(&self, parent: Id) -> Vec<Id> {
        let (table, parent) = (self.state.table(Kind::Category), parent.to_string());
        table
            .slots()
            .filter_map(|slot| table.row(slot))
            .filter(|row| {
                let members = State::members_of(&row.body);
                members.get("parent").and_then(|parent| parent.get("id")?.as_str()) == Some(&parent)
            })
            .map(|row| row.id)
            .collect()
    }

    /// The `ancestors` of a category with this `parent`, root first.
    pub(super) fn ancestors(&self, parent: Option<&Value>) -> Value {
        let Some(parent) = parent else { return json!([]) };
        let above = self.state.identified(Kind::Category, parent).map(|row| State::members_of(&row.body));
        let mut ancestors = above.and_then(|members| members.get("ancestors")?.as_array().cloned()).unwrap_or_default();
        ancestors.push(parent.clone());
        Value::Array(ancestors)
    }

    fn count_products(&mut self, selection: Id) {
        let count = json!(self.state.members.get(&selection).map_or(0, BTreeMap::len));
        let Ok(mut edit) = self.load(Kind::ProductSelection, selection) else { return };
        if edit.members.get("productCount") != Some(&count) {
            edit.set("productCount", Some(&count));
            self.commit(edit);
        }
    }

    fn remove_category_everywhere(&mut self, category: Id) {
        let category = category.to_string();
        for id in with_term(self.state.table(Kind::Product), Term::Category, &category) {
            let Ok(mut edit) = self.load(Kind::Product, id) else { continue };
            let Some(product) = &mut edit.product else { continue };
            for side in [&mut edit.members, &mut product.staged] {
                leave_category(side, &category);
            }
            self.commit(edit);
        }
    }

    /// A new product: both sides alike.
    pub(super) fn create_product(
        &mut self,
        key: Option<String>,
        fixed: Object,
        side: Object,
    ) -> Result<Edit, ApiError> {
        let mut edit = self.create(Kind::Product, key, side)?;
        edit.product = Some(ProductEdit { fixed, published: false, staged: edit.members.clone() });
        edit.message("ProductCreated", json!({}));
        Ok(edit)
    }

    /// Adds rendered rows that a catalogue product brings along, as new resources of now.
    pub(super) fn add_rendered(&mut self, rendered: render::Rendered) -> Result<(), ApiError> {
        let render::Rendered { product, variants, others } = rendered;
        let side = State::members_of(&product.body);
        if let Some(slug) = side.get("slug") {
            rules::slug::check_unique(self.state, Kind::Product, None, slug)?;
        }
        for sku in super::state::variants(&side).filter_map(|variant| variant.get("sku")?.as_str()) {
            rules::product::check_sku(self.state, None, sku)?;
        }
        let variants: Vec<(Id, Object)> = variants.iter().map(|row| (row.id, State::members_of(&row.body))).collect();
        for sku in variants.iter().filter_map(|(_, variant)| variant.get("current")?.get("sku")?.as_str()) {
            rules::product::check_sku(self.state, None, sku)?;
        }
        let key = product.key.as_deref().map(str::to_owned);
        for (kind, row) in others {
            let mut edit = self.create(kind, None, State::members_of(&row.body))?;
            if self.state.table(kind).slot(row.id).is_some() {
                continue;
            }
            if !self.state.gone.contains(&row.id) {
                edit.id = row.id;
            }
            match kind {
                Kind::StandalonePrice => edit.message("StandalonePriceCreated", json!({})),
                _ => edit.message("InventoryEntryCreated", json!({})),
            }
            self.commit(edit);
        }
        let Some(part) = &product.product else { return Ok(()) };
        let mut edit = self.create_product(key, State::fixed_of(part), side)?;
        if part.published {
            publish(&mut edit, "All");
        }
        let product = super::state::reference(Kind::Product, self.commit(edit));
        for (id, members) in variants {
            let mut edit = self.create(Kind::Variant, None, members)?;
            if !self.state.gone.contains(&id) {
                edit.id = id;
            }
            // One with the key of a deleted product has another id.
            edit.set("product", Some(&product));
            super::draft::created(&mut edit);
            self.commit(edit);
        }
        Ok(())
    }
}

/// Publishes the staged data of a product.
pub(super) fn publish(edit: &mut Edit, scope: &str) {
    let Some(product) = &mut edit.product else { return };
    if scope == "Prices" {
        for variant in variants_mut(&mut edit.members) {
            let staged = super::state::variants(&product.staged).find(|staged| staged.get("id") == variant.get("id"));
            let prices = staged.and_then(|staged| staged.get("prices"));
            set(variant, "prices", prices);
        }
    } else {
        edit.members = product.staged.clone();
    }
    product.published = true;
    edit.message("ProductPublished", json!({ "removedImageUrls": [], "scope": scope }));
}

/// Takes a side of a product out of a category.
pub(super) fn leave_category(side: &mut Object, category: &str) -> bool {
    if let Some(hints) = side.get_mut("categoryOrderHints").and_then(Value::as_object_mut) {
        hints.remove(category);
    }
    let Some(categories) = side.get_mut("categories").and_then(Value::as_array_mut) else { return false };
    let before = categories.len();
    categories.retain(|known| known.get("id").and_then(Value::as_str) != Some(category));
    categories.len() < before
}

/// Ids of the rows indexed under a value.
pub(super) fn with_term(table: &Table, field: Term, value: &str) -> Vec<Id> {
    table.with_term(term(field, value)).filter_map(|slot| table.row(slot)).map(|row| row.id).collect()
}

/// The member in which a message carries its resource.
fn embedded_as(message: &str) -> Option<&'static str> {
    match message {
        "ProductCreated" | "ProductPublished" => Some("productProjection"),
        "CategoryCreated" => Some("category"),
        "InventoryEntryCreated" => Some("inventoryEntry"),
        "StandalonePriceCreated" => Some("standalonePrice"),
        "ProductSelectionCreated" => Some("productSelection"),
        "CustomerCreated" => Some("customer"),
        "OrderCreated" => Some("order"),
        _ => None,
    }
}
