//! `cartage hooks`: what would have to be changed about webhooks at the platforms, or change it.

use contract::{Fault, source::Reach};
use engine::run::Origin;
use serde::Serialize;

use super::Session;
use crate::{
    cli::HooksArgs,
    output::{self, Exit, Failure, Output, fault_text},
};

/// How the webhooks of a source stand.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct Hooked {
    /// The source.
    source: String,
    /// Where they deliver to.
    address: String,
    /// How they stand at the platform.
    state: Option<String>,
    /// What was changed, or would be.
    steps: Vec<String>,
    /// Why that could not be done.
    fault: Option<Fault>,
}

pub(super) async fn carry_out(
    session: &Session,
    args: &HooksArgs,
    reach: Reach,
    output: Output<'_>,
) -> Result<Exit, Failure> {
    let engine = &session.engine;
    let hooked = |origin: &&std::sync::Arc<Origin>| origin.hooks.is_some();
    let names: Vec<&str> = engine.origins.iter().filter(hooked).map(|origin| origin.pull.name.as_str()).collect();
    if let Some(unknown) = args.source.iter().find(|name| !names.contains(&name.as_str())) {
        let known = if names.is_empty() { "none has".to_owned() } else { format!("these have: {}", names.join(", ")) };
        return Err(Fault::config("C0626", format!("there is no source {unknown:?} with webhooks"))
            .hint(format!("webhooks are switched on by the section [sources.NAME.webhooks]; {known}"))
            .into());
    }
    let mut all = Vec::new();
    for origin in engine.origins.iter().filter(hooked) {
        let (name, Some(address)) = (origin.pull.name.as_str(), &origin.hooks) else { continue };
        if !args.source.is_empty() && !args.source.iter().any(|wanted| wanted == name) {
            continue;
        }
        let result = engine.ensure_hooks(origin, address, reach).await?;
        let (source, address) = (name.to_owned(), address.clone());
        all.push(match result {
            Ok(found) => Hooked { source, address, state: Some(found.state), steps: found.steps, fault: None },
            Err(fault) => Hooked { source, address, state: None, steps: Vec::new(), fault: Some(fault) },
        });
    }
    output.document(&all)?;
    for Hooked { source, address, state, steps, fault } in &all {
        output.line(format!("{source}: {address}: {}", state.as_deref().unwrap_or("not known")))?;
        for step in steps {
            output.line(format!("  {}{step}", if reach == Reach::Look { "would " } else { "" }))?;
        }
        if let Some(fault) = fault {
            output.line(format!("  {}", fault_text(fault).replace('\n', "\n  ")))?;
        }
    }
    if all.is_empty() {
        output.line("no source has webhooks: a section [sources.NAME.webhooks] switches them on")?;
    }
    Ok(all.iter().filter_map(|hooked| hooked.fault.as_ref()).map(output::exit_of).max().unwrap_or(Exit::Done))
}
