//! Checks credentials, rights and settings, without reading the catalogue.

use contract::{Fault, source::Finding};
use wire::NotGranted;

use super::{
    api::{Project, people::FieldType},
    catalog_model::CatalogModel,
    client::Api,
    config::{Config, custom},
    map::consent::ANY,
    profile,
};

/// One line per finding, in the order in which they matter.
pub(super) async fn check(api: &Api, config: &Config) -> Vec<Finding> {
    let granted = match api.scope().await {
        Ok(scope) => {
            let found = vec![Finding::new("credentials", Ok("a token was granted".to_owned()))];
            (found, scope)
        }
        Err(NotGranted::Scopes(fault)) => match api.full_scope().await {
            // The client is known but lacks a scope that was asked for: name it.
            Ok(scope) => {
                let found = vec![Finding::new("credentials", Ok("the API client is known".to_owned()))];
                let mut found = [found, scopes(config, scope.as_deref())].concat();
                if found.iter().all(|finding| finding.result.is_ok()) {
                    found.push(Finding::new("scopes", Err(fault)));
                }
                return found;
            }
            Err(_) => return vec![Finding::new("scopes", Err(fault))],
        },
        Err(NotGranted::Other(fault)) => return vec![Finding::new("credentials", Err(fault))],
    };
    let (mut found, scope) = granted;
    found.extend(scopes(config, scope.as_deref()));
    match api.project().await {
        Ok(project) => found.extend(project_findings(config, &project)),
        Err(refusal) => found.push(Finding::new("project", Err(refusal.fault))),
    }
    if config.lanes.customers {
        found.push(Finding::new("consent", consent(api, config).await));
    }
    found.extend(api.clock().difference().map(|difference| Finding::new("clock", Ok(difference))));
    found
}

/// Types of custom fields that may hold consent, or when it was said.
const MAY_HOLD_CONSENT: [&str; 6] = ["Boolean", "Enum", "LocalizedEnum", "Date", "DateTime", "Set"];

/// Whether values of this type may be dates or times.
fn may_hold_times(of: &FieldType) -> bool {
    let of = of.element_type.as_deref().unwrap_or(of);
    matches!(of.name.as_str(), "Date" | "DateTime" | "String")
}

/// Which custom fields of customers hold consent, as far as that is set; those that may where nothing is.
async fn consent(api: &Api, config: &Config) -> Result<String, Fault> {
    let fields = profile::customer_fields(api).await?;
    let named = config.consent.iter().flat_map(|it| [Some(&it.field), it.at.as_ref()]).flatten();
    let mut named = named.filter_map(|field| custom(field));
    if let Some(missing) = named.find(|name| fields.iter().all(|field| field.name != *name)) {
        let message = format!("customers have no custom field {missing}, which the setting consent names");
        return Err(Fault::config("C0213", message).hint("correct its name: without the field, consent is unknown"));
    }
    for it in config.consent.iter().filter(|it| [&it.granted, &it.denied].into_iter().flatten().any(|value| value == ANY)) {
        let mut types = fields.iter().filter(|field| custom(&it.field) == Some(&field.name)).map(|field| &field.of);
        if let Some(of) = types.find(|of| !may_hold_times(of)) {
            let message =
                format!("{} is a {} and never holds a date, but the setting consent has \"*\" for it, which matches dates only", it.field, of.name);
            return Err(Fault::config("C0213", message).hint("list its values in granted or denied: without that, consent is unknown"));
        }
    }
    if !config.consent.is_empty() {
        let told = config.consent.iter().map(|it| format!("{} ({:?})", it.field, it.to));
        return Ok(told.collect::<Vec<_>>().join(", "));
    }
    let mut may: Vec<String> = fields
        .iter()
        .filter(|field| MAY_HOLD_CONSENT.contains(&field.of.name.as_str()))
        .map(|field| format!("custom.{} ({})", field.name, field.of.name))
        .collect();
    may.sort();
    may.dedup();
    let candidates = match may.as_slice() {
        [] => "customers have no custom field that could hold it".to_owned(),
        _ => format!("custom fields that may hold it: {}", may.join(", ")),
    };
    Ok(format!("warning: the setting consent names no field, so that consent of every customer is unknown; {candidates}"))
}

/// One finding per missing scope; one positive finding if none is missing.
fn scopes(config: &Config, granted: Option<&str>) -> Vec<Finding> {
    let Some(granted) = granted else {
        return vec![Finding::new("scopes", Ok("the server does not say which were granted".to_owned()))];
    };
    let granted: Vec<&str> = granted.split_whitespace().collect();
    let needed = config.needed_scopes();
    let missing = needed.iter().filter(|(scope, _)| !granted.iter().any(|it| covers(it, scope, &config.project_key)));
    let missing: Vec<Finding> = missing
        .map(|(scope, purpose)| {
            let message =
                format!("the scope {scope}:{} is not granted; it is needed for {purpose}", config.project_key);
            let fault = Fault::credentials("C0202", message)
                .hint("create an API client with this scope, or switch off the lane that needs it");
            Finding::new("scopes", Err(fault))
        })
        .collect();
    if missing.is_empty() {
        return vec![Finding::new("scopes", Ok(format!("all {} that are needed were granted", needed.len())))];
    }
    missing
}

/// Whether a granted scope includes a needed one: `manage_…` includes `view_…`, `manage_project` includes all, and a right
/// to products or customers includes the resources that they refer to.
fn covers(granted: &str, needed: &str, project_key: &str) -> bool {
    let mut parts = granted.splitn(3, ':');
    let (scope, key, store) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    if key != Some(project_key) || store.is_some() {
        return false;
    }
    let of = needed.strip_prefix("view_").unwrap_or(needed);
    let included = match scope {
        "view_products" | "manage_products" => {
            matches!(of, "published_products" | "product_types" | "categories" | "channels")
        }
        "view_customers" | "manage_customers" => of == "customer_groups",
        _ => false,
    };
    scope == needed || scope == "manage_project" || scope.strip_prefix("manage_") == Some(of) || included
}

fn project_findings(config: &Config, project: &Project) -> Vec<Finding> {
    let name = project.name.as_deref().unwrap_or(&project.key);
    let list = |what: &str, items: &[String]| {
        format!("{what} {}", if items.is_empty() { "none".to_owned() } else { items.join(", ") })
    };
    let text = [
        format!("{name} ({})", project.key),
        list("languages", &project.languages),
        list("currencies", &project.currencies),
        list("countries", &project.countries),
    ];
    let mut found = vec![Finding::new("project", Ok(text.join(" · ")))];
    found.push(Finding::new("catalogue", CatalogModel::of(project, config).map(|model| model.told(project))));
    if config.lanes.messages {
        found.push(Finding::new("messages", Ok(messages(project))));
    }
    found
}

fn messages(project: &Project) -> String {
    match project.messages {
        Some(messages) if messages.enabled => match messages.delete_days_after_creation {
            Some(days) => format!("switched on, kept for {days} days"),
            None => "switched on".to_owned(),
        },
        _ => "switched off in the project: deletions are noticed by full reads only; switch them on in the project's \
              settings (changeMessagesConfiguration) to have them at once"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_covers_what_it_includes_and_nothing_else() {
        for granted in ["view_products:p", "manage_products:p", "manage_project:p"] {
            assert!(covers(granted, "view_products", "p"), "{granted}");
            assert!(covers(granted, "view_published_products", "p"), "{granted}");
        }
        for granted in
            ["view_products", "view_products:other", "view_products:p:store", "view_published_products:p", ""]
        {
            assert!(!covers(granted, "view_products", "p"), "{granted}");
        }
        for needed in ["view_categories", "view_channels", "view_product_types"] {
            assert!(covers("view_products:p", needed, "p"), "{needed}");
            assert!(covers("manage_products:p", needed, "p"), "{needed}");
            assert!(!covers("view_published_products:p", needed, "p"), "{needed}");
        }
        assert!(covers("view_customers:p", "view_customer_groups", "p"));
        for needed in ["view_standalone_prices", "view_stores", "view_product_selections", "view_messages"] {
            assert!(!covers("view_products:p", needed, "p"), "{needed}");
        }
    }
}
