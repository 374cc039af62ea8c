//! GraphQL Admin: texts in other languages, and what is refused.

use sandbox::{
    bigcommerce::{Localization, Settings},
    catalogue::{Options, generate},
};
use serde_json::{Value, json};

use super::Shop;

async fn speaking(settings: Settings) -> Shop {
    Shop::open(settings, &generate(&Options { products: 60, ..Options::default() })).await
}

impl Shop {
    async fn query(&self, query: &str) -> Value {
        let answer = self.ask("POST", "graphql", "sandbox-token", &json!({ "query": query }).to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(answer.header("x-rate-limit-requests-left").is_some());
        answer.json()
    }

    async fn refused(&self, query: &str) -> String {
        let answer = self.query(query).await;
        assert_eq!(answer["data"], Value::Null, "{query}");
        answer["errors"][0]["message"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn overrides_are_by_channel_and_locale_and_the_query_is_the_documents() {
    let shop = speaking(Settings { localization: Localization::Overrides, ..Settings::default() }).await;
    let (id, given) =
        (shop.emulator.product_id("p-000000").unwrap(), generate(&Options { products: 60, ..Options::default() }));
    let given = (given.products)().next().unwrap();
    let query = format!(
        "query {{ store {{ products (filters: {{ids: [\"bc/store/product/{id}\"]}}) {{ edges {{ node {{ id basicInformation {{ name \
         }} overridesForLocale (localeContext: {{ channelId: \"bc/store/channel/1\", locale: \"en\" }}) {{ basicInformation {{ \
         name description }} }} }} }} }} }} }}"
    );
    let answer = shop.query(&query).await;
    let expected = json!({ "id": format!("bc/store/product/{id}"), "basicInformation": { "name": given.name["de"] },
        "overridesForLocale": { "basicInformation": { "name": given.name["en"], "description": given.description["en"] } } });
    assert_eq!(answer, json!({ "data": { "store": { "products": { "edges": [{ "node": expected }] } } } }));
    let locales = "query { store { locales(input: { channelId: \"bc/store/channel/1\"}) { edges { node { code status isDefault } } } } }";
    let locale =
        |code: &str, is_default: bool| json!({ "node": { "code": code, "status": "ACTIVE", "isDefault": is_default } });
    let expected =
        json!({ "data": { "store": { "locales": { "edges": [locale("de", true), locale("en", false)] } } } });
    assert_eq!(shop.query(locales).await, expected);
}

#[tokio::test]
async fn pages_have_ten_rows_unless_more_are_asked_for_and_fifty_at_most() {
    let shop = speaking(Settings { localization: Localization::Translations, ..Settings::default() }).await;
    let query = |rest: &str| {
        format!(
            "query {{ store {{ translations(filters: {{ resourceType: PRODUCTS, channelId: \"bc/store/channel/1\", localeId: \
             \"bc/store/locale/en\" }} {rest}) {{ edges {{ node {{ resourceId fields {{ fieldName original translation }} }} cursor }} \
             pageInfo {{ hasNextPage }} }} }} }}"
        )
    };
    let rows = |answer: &Value| answer["data"]["store"]["translations"]["edges"].as_array().unwrap().clone();
    assert_eq!(rows(&shop.query(&query("")).await).len(), 10);
    let page = shop.query(&query("first: 50")).await;
    assert_eq!(
        (rows(&page).len(), &page["data"]["store"]["translations"]["pageInfo"]["hasNextPage"]),
        (50, &json!(true))
    );
    let cursor = rows(&page)[49]["cursor"].as_str().unwrap().to_owned();
    assert_eq!(rows(&shop.query(&query(&format!("first: 50 after: \"{cursor}\""))).await).len(), 10);
    assert!(shop.refused(&query("first: 51")).await.contains("between 1 and 50"));
    // What has no translation has the default language's text.
    let fields = rows(&page).into_iter().flat_map(|row| row["node"]["fields"].as_array().unwrap().clone());
    assert!(fields.into_iter().all(|field| !field["translation"].is_null()));
}

#[tokio::test]
async fn what_the_store_the_account_or_the_schema_lacks_is_refused() {
    let without = speaking(Settings::default()).await;
    let overrides = "query { store { product(id: \"bc/store/product/101\") { overridesForLocale(localeContext: { channelId: \
                     \"bc/store/channel/1\", locale: \"en\" }) { urlPath { path } } } } }";
    let id = without.emulator.product_id("p-000000").unwrap();
    let overrides = overrides.replace("101", &id.to_string());
    assert!(without.refused(&overrides).await.contains("not enabled"));
    let shop = speaking(Settings { localization: Localization::Overrides, ..Settings::default() }).await;
    let wrong = [
        ("query { store { nothing { id } } }", "Cannot query field \"nothing\" on type \"Store\""),
        ("query { store { products { edges { node { id { x } } } } } }", "must not have a selection"),
        ("query { store { products(limit: 3) { edges { node { id } } } } }", "Unknown argument \"limit\""),
        ("query { store { products(filters: {ids: [\"111\"]}) { edges { node { id } } } } }", "Invalid ID: 111"),
        (
            "query { store { locales(input: {}) { edges { node { code } } } } }",
            "\"channelId\" of the input is required",
        ),
        (
            "query { store { locales(input: {channelId: \"bc/store/channel/999\"}) { edges { node { code } } } } }",
            "not found",
        ),
        ("query { store }", "must have a selection"),
        ("mutation { product { x } }", "Syntax Error"),
    ];
    for (query, why) in wrong {
        let message = shop.refused(query).await;
        assert!(message.contains(why), "{query}: {message}");
    }
    let unknown = overrides.replace("\"en\"", "\"it\"");
    assert!(shop.refused(&unknown).await.contains("Locale it not found"));
    let scopes = vec!["store_v2_information_read_only".to_owned()];
    let poor = speaking(Settings { localization: Localization::Overrides, scopes, ..Settings::default() }).await;
    assert!(poor.refused(&overrides).await.contains("scope"));
    assert_eq!(poor.ask("POST", "graphql", "wrong", "{}").await.status, 401);
    assert_eq!(poor.get("graphql").await.status, 405);
}
