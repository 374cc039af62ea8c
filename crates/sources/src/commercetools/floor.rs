//! What any reader of these pages has to spend: receive and parse them, and keep nothing. Benchmarks measure a whole
//! pass against it.

use contract::Fault;

use super::{
    Commercetools,
    api::{self, ProductProjection},
    client::quoted,
};

/// Products per page, the most that the vendor gives.
const LIMIT: &str = "500";

/// Receives and parses every page of published products; tells how many products there were.
///
/// # Errors
/// A call that fails, or a page that can't be parsed.
pub async fn receive_and_parse(source: &Commercetools) -> Result<u64, Fault> {
    let mut last = String::new();
    let mut products = 0;
    loop {
        let after = format!("id > {}", quoted(&last));
        let mut query = vec![("staged", "false"), ("limit", LIMIT), ("withTotal", "false"), ("sort", "id asc")];
        if !last.is_empty() {
            query.push(("where", &after));
        }
        let response = source.reader.api.get("product-projections", &query).await.map_err(|refusal| refusal.fault)?;
        let body = str::from_utf8(&response.body).map_err(|error| not_parsed(&error))?;
        let mut next = String::new();
        let page = api::page(body, |product: ProductProjection<'_>| {
            next.clear();
            next.push_str(&product.id);
        });
        let count = page.map_err(|error| not_parsed(&error))?.count as u64;
        products += count;
        if count == 0 {
            return Ok(products);
        }
        last = next;
    }
}

fn not_parsed(error: &dyn std::error::Error) -> Fault {
    Fault::protocol("C0207", format!("a page of products can't be parsed: {error}"))
}
