//! `cartage init --from-project`: asks the sources of a configuration what they sell, and prints a configuration that sells it.

use std::path::Path;

use contract::{Demand, Fault};
use sources::Setup;
use store::Scratch;
use wire::Environment;

use super::load;
use crate::{
    config::{Config, ConfigErrors, draft},
    output::{Exit, Failure, Output},
};

pub(super) async fn run(path: &Path, output: Output<'_>) -> Result<Exit, Failure> {
    let loaded = load(path)?;
    if loaded.config.sources.is_empty() {
        return Err(Failure::Config(ConfigErrors(loaded.no_source())));
    }
    // What is read here needs no space on disk.
    let scratch = Scratch::new()?;
    let (environment, demand) = (Environment::machine(), Demand::default());
    let setup = Setup { environment: &environment, demand: &demand, scratch: scratch.path() };
    let mut profiles = Vec::new();
    for (name, settings) in &loaded.config.sources {
        let named = |mut fault: Fault| {
            fault.message = format!("source {name}: {}", fault.message);
            fault
        };
        let source = settings.connector.build(&setup).map_err(named)?;
        profiles.push((name.clone(), source.profile().await.map_err(named)?));
    }
    let text = draft::text(&loaded, &profiles)?;
    // What is printed can be read, whatever the sources call their stores.
    Config::parse(&text, "the drafted configuration").map_err(|errors| Failure::Config(ConfigErrors(errors)))?;
    output.line(text.trim_end())?;
    Ok(Exit::Done)
}
