//! Checks the client, its permissions and the settings, without exporting anything.

use contract::{Fault, Profile, StoreProfile, source::Finding};

use super::{
    api::{Execution, Named, Rows},
    classify::{Refusal, Remedy},
    config::Config,
    deltas,
    export::JOBS,
    read::Reader,
};

/// Rows asked for at once.
const COUNT: (&str, &str) = ("count", "200");

/// One line per finding, in the order in which they matter.
pub(super) async fn check(reader: &Reader, config: &Config) -> Vec<Finding> {
    let mut found = Vec::new();
    let sites = reader.exports.sites(&reader.api).await;
    if let Err(fault) = &sites
        && matches!(fault.code.as_ref(), "C0201" | "C0307" | "C0308")
    {
        found.push(Finding::new("credentials", Err(fault.clone())));
        return found;
    }
    found.push(Finding::new("sites", sites.map(|sites| sites.join(", "))));
    found.push(Finding::new("jobs", jobs(reader, config).await));
    let archives = reader.api.look().await.map_err(|refusal| refusal.fault);
    found.push(Finding::new("archives", archives.map(|()| format!("{} can be read", reader.api.archives().path()))));
    found.extend(named(reader, "catalogs", "catalogs", config.catalogs.as_deref()).await);
    found.extend(named(reader, "inventory lists", "inventory_lists", config.inventory_lists.as_deref()).await);
    found.push(deltas::check(&reader.api, &config.export.deltas).await);
    found.extend(reader.api.clock().difference().map(|difference| Finding::new("clock", Ok(difference))));
    found
}

/// Asks for a run that does not exist: an answer that there is none shows that runs may be seen.
async fn jobs(reader: &Reader, config: &Config) -> Result<String, Fault> {
    let job = config.export.job.as_str();
    let asked: Result<Execution, Refusal> = reader.api.get(&["jobs", job, "executions", "0"], &[], JOBS).await;
    match asked {
        Err(refusal) if refusal.remedy != Remedy::Missing => Err(refusal.fault),
        _ => Ok(format!("runs of {job} can be read; whether it may be started shows with the first export")),
    }
}

/// Whether what the configuration names exists. The permission for these lists is needed for nothing else.
async fn named(reader: &Reader, what: &str, path: &str, wanted: Option<&[String]>) -> Option<Finding> {
    let wanted = wanted?;
    let right = format!("give the client get on /{path} in the OCAPI Data settings; only this check needs it");
    let listed: Result<Rows<Named>, Refusal> = reader.api.get(&[path], &[COUNT], &right).await;
    let Ok(listed) = listed else {
        return Some(Finding::new(what, Ok(format!("{} (not checked: {right})", wanted.join(", ")))));
    };
    let is_there = |name: &&String| listed.data.iter().any(|it| it.id == **name);
    let missing: Vec<&str> = wanted.iter().filter(|name| !is_there(name)).map(String::as_str).collect();
    // The list may go on.
    let is_whole = listed.total.is_none_or(|total| total <= listed.data.len() as u64);
    Some(Finding::new(what, if missing.is_empty() || !is_whole {
        Ok(wanted.join(", "))
    } else {
        let message = format!("there is no {} among the {what} of the instance", missing.join(", "));
        Err(Fault::config("C0213", message).hint(format!("check the setting {path}")))
    }))
}

/// The sites. Currencies, languages and attributes are in the exports only.
pub(super) async fn profile(reader: &Reader) -> Result<Profile, Fault> {
    let sites = reader.exports.sites(&reader.api).await?;
    let store = |key: String| StoreProfile { key, ..StoreProfile::default() };
    Ok(Profile { stores: Some(sites.into_iter().map(store).collect()), groups: Some(Vec::new()), ..Profile::default() })
}
