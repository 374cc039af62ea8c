//! Stock, channels, groups, stores and assortments.

use contract::Change;
use model::{
    Assignment, Channel, CustomerGroup, Kind, Members, Record, RecordId, Selection, SelectionId, Sku, Stock,
    StockLevel, Storefront, Supply, Timestamp,
};

use super::{Unfit, is, kept, locale, localized, some};
use crate::commercetools::api;

/// An `InventoryEntry`.
pub fn inventory(entry: api::InventoryEntry<'_>) -> Result<Change, Unfit> {
    let available = entry.available_quantity.or(entry.quantity_on_stock);
    let record = Stock {
        id: String::from(entry.id).into(),
        item: Sku::from(String::from(entry.sku)).into(),
        level: StockLevel {
            channel: entry.supply_channel.map(|it| String::from(it.id).into()),
            available: available.ok_or_else(|| Unfit::new("it has no availableQuantity"))?,
            expected: entry.expected_delivery.and_then(|at| Timestamp::parse(&at)),
            supply: Supply::Limited,
        },
        created_at: entry.created_at.and_then(|at| Timestamp::parse(&at)),
    };
    Ok(is(Record::Stock(record), entry.version, entry.last_modified_at.as_ref()))
}

/// A `Channel`.
pub fn channel(channel: api::Channel<'_>) -> Result<Change, Unfit> {
    let record = Channel {
        id: String::from(channel.id).into(),
        key: channel.key.into(),
        name: localized("name", channel.name, &mut Vec::new())?,
        untracked: None,
    };
    Ok(is(Record::Channel(record), channel.version, channel.last_modified_at.as_ref()))
}

/// A `CustomerGroup`.
pub fn customer_group(group: api::CustomerGroup<'_>) -> Result<Change, Unfit> {
    let record = CustomerGroup { id: String::from(group.id).into(), key: some(group.key), name: group.name.into() };
    Ok(is(Record::CustomerGroup(record), group.version, group.last_modified_at.as_ref()))
}

/// A `Store`.
pub fn store(store: api::Store<'_>) -> Result<Change, Unfit> {
    let channels = |list: Option<Vec<api::Reference<'_>>>| {
        list.unwrap_or_default().into_iter().map(|it| String::from(it.id).into()).collect()
    };
    let languages = store.languages.unwrap_or_default();
    let mut notices = Vec::new();
    let locales = languages.iter().map(|tag| kept("languages", locale("languages", tag), &mut notices));
    let locales = locales.filter_map(Result::transpose).collect::<Result<_, _>>()?;
    let countries = store.countries.unwrap_or_default();
    let countries = countries.iter().map(|country| {
        let code = country.code.parse().map_err(|unknown| Unfit::new(format!("{unknown}")).detail());
        kept("countries", code, &mut notices)
    });
    let countries = countries.filter_map(Result::transpose).collect::<Result<_, _>>()?;
    let record = Storefront {
        key: String::from(store.key).into(),
        name: localized("name", store.name, &mut notices)?,
        locales,
        countries,
        distribution: channels(store.distribution_channels),
        supply: channels(store.supply_channels),
        selections: store
            .product_selections
            .unwrap_or_default()
            .into_iter()
            .map(|setting| (String::from(setting.product_selection.id).into(), setting.active))
            .collect(),
        notices,
    };
    Ok(is(Record::Storefront(record), store.version, store.last_modified_at.as_ref()))
}

/// A `ProductSelection`.
pub fn selection(selection: api::ProductSelection<'_>) -> Result<Change, Unfit> {
    let excludes = match selection.mode.as_deref() {
        None | Some("Individual") => false,
        Some("IndividualExclusion") => true,
        Some(other) => return Err(Unfit::new(format!("its mode {other:?} is not known"))),
    };
    let record = Selection { id: String::from(selection.id).into(), key: some(selection.key), excludes };
    Ok(is(Record::Selection(record), selection.version, selection.last_modified_at.as_ref()))
}

/// A product's place in an assortment. An exclusion of SKUs narrows an excluding assortment.
pub fn assignment(selection: &SelectionId, of: api::AssignedProductReference<'_>) -> Result<Change, Unfit> {
    let skus = |list: Option<Vec<api::Text<'_>>>| -> Vec<Sku> {
        list.unwrap_or_default().into_iter().map(|sku| String::from(sku).into()).collect()
    };
    let members = match (of.variant_selection, of.variant_exclusion) {
        (Some(chosen), _) => match &*chosen.of {
            "includeOnly" | "inclusion" => Members::Only(skus(chosen.skus)),
            "includeAllExcept" | "exclusion" => Members::Except(skus(chosen.skus)),
            other => return Err(Unfit::new(format!("its variant selection {other:?} is not known"))),
        },
        (None, Some(excluded)) => Members::Only(skus(excluded.skus)),
        (None, None) => Members::All,
    };
    let record = Assignment { selection: selection.clone(), product: String::from(of.product.id).into(), members };
    Ok(is(Record::Assignment(record), 0, None))
}

/// The deletion that a `Message` reports; `None` for other messages.
pub fn gone(message: &api::Message<'_>) -> Option<Change> {
    let kind = match &*message.of {
        "ProductDeleted" | "ProductUnpublished" => Kind::Product,
        "VariantDeleted" | "VariantUnpublished" => Kind::Variant,
        "InventoryEntryDeleted" => Kind::Stock,
        "StandalonePriceDeleted" => Kind::Price,
        "ProductTailoringDeleted" => Kind::Tailoring,
        "CustomerDeleted" => Kind::Customer,
        "OrderDeleted" => Kind::Order,
        _ => return None,
    };
    let id = RecordId::from(&*message.resource.id);
    Some(Change::Gone { kind, id, version: message.resource_version })
}
