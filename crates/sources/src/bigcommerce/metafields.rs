//! Reads the metafields of chosen namespaces. The API gives them for the whole store only, not by product, so they are read
//! before a walk over products and kept.
//!
//! **Invariant:** what is kept is bounded, and whole: a walk over products meets all metafields there were when it began, or
//! fails.

use std::{collections::BTreeMap, sync::Arc};

use contract::{Change, Fault};
use model::{Attribute, Record, Value};
use tokio::sync::Mutex;

use super::{api, classify::Refusal, decode, map::some, read::Reader};

/// Text that is kept at most.
const MOST_BYTES: usize = 64 << 20;
/// Rows per page.
const ROWS: &str = "250";

/// The metafields of products and of variants, by id.
#[derive(Debug, Default)]
pub(super) struct Metafields {
    products: BTreeMap<u64, Vec<Attribute>>,
    variants: BTreeMap<u64, Vec<Attribute>>,
}

/// The metafields that were read last.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<Option<Arc<Metafields>>>);

impl Reader {
    /// Adds metafields to products. `anew`: they are read again first, because a walk begins.
    ///
    /// # Errors
    /// Those of the calls; `C0213` when there are more than are kept.
    pub(super) async fn add_metafields(&self, changes: &mut [Change], anew: bool) -> Result<(), Refusal> {
        let has_products = changes.iter().any(|it| matches!(it, Change::Is { record: Record::Product(_), .. }));
        if self.config.metafields.is_empty() || !has_products {
            return Ok(());
        }
        let known = {
            let mut kept = self.metafields.0.lock().await;
            if let Some(known) = kept.as_ref().filter(|_| !anew) {
                Arc::clone(known)
            } else {
                let read = Arc::new(self.read_metafields().await?);
                *kept = Some(Arc::clone(&read));
                read
            }
        };
        for change in changes {
            let Change::Is { record: Record::Product(product), .. } = change else { continue };
            let of = |all: &BTreeMap<u64, Vec<Attribute>>, id: &str| {
                id.parse().ok().and_then(|id: u64| all.get(&id)).cloned().unwrap_or_default()
            };
            product.attributes.extend(of(&known.products, product.id.as_str()));
            for variant in &mut product.variants {
                variant.attributes.extend(of(&known.variants, variant.id.as_str()));
            }
        }
        Ok(())
    }

    async fn read_metafields(&self) -> Result<Metafields, Refusal> {
        let mut bytes = 0;
        let products = self.metafields_of("v3/catalog/products/metafields", &mut bytes).await?;
        let variants = self.metafields_of("v3/catalog/variants/metafields", &mut bytes).await?;
        Ok(Metafields { products, variants })
    }

    async fn metafields_of(&self, path: &str, bytes: &mut usize) -> Result<BTreeMap<u64, Vec<Attribute>>, Refusal> {
        let namespaces = self.config.metafields.join(",");
        let mut all: BTreeMap<u64, Vec<Attribute>> = BTreeMap::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut query = vec![("namespace:in", namespaces.as_str()), ("limit", ROWS)];
            query.extend(cursor.as_deref().map(|cursor| ("after", cursor)));
            let response = self.api.get(path, &query).await?;
            let (rows, meta) = decode::whole::<api::Metafield>(&response.body)?;
            for row in rows {
                let Some(value) = some(Some(row.value)) else { continue };
                *bytes += row.namespace.len() + row.key.len() + value.len();
                let attribute = Attribute { name: format!("{}.{}", row.namespace, row.key), value: Value::Text(value) };
                all.entry(row.resource_id).or_default().push(attribute);
            }
            if *bytes > MOST_BYTES {
                let message = format!("the metafields of {namespaces} are more than {} MiB", MOST_BYTES >> 20);
                return Err(Fault::config("C0213", message).hint("name fewer namespaces under metafields").into());
            }
            let next = meta.cursor_pagination.filter(|it| it.links.next.is_some()).and_then(|it| it.end_cursor);
            if next.is_none() || next == cursor {
                break;
            }
            cursor = next;
        }
        for attributes in all.values_mut() {
            attributes.sort_by(|left, right| left.name.cmp(&right.name));
            // Two apps may use one name: the first stays.
            attributes.dedup_by(|later, earlier| later.name == earlier.name);
        }
        Ok(all)
    }
}
