//! `cartage forget`: flows and sources that are no longer configured, and kinds that a flow no longer carries.

use std::sync::Arc;

use contract::{
    Destination, Fault,
    store::{Declared, Leftover},
};
use engine::forget::{Forgotten, forget, remove};
use model::{FlowName, Kind, SourceName};
use serde::Serialize;

use super::{Session, configured};
use crate::{
    assemble,
    cli::ForgetArgs,
    config::Loaded,
    output::{Exit, Failure, Output, exit_of, fault_text},
};

#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct Done {
    flow: FlowName,
    source: SourceName,
    /// The kind of record that the flow no longer carries; none: all of them.
    kind: Option<Kind>,
    #[serde(flatten)]
    forgotten: Forgotten,
}

pub(super) async fn carry_out(session: &Session, args: &ForgetArgs, output: Output<'_>) -> Result<Exit, Failure> {
    let (loaded, engine, store) = (&*session.loaded, &session.engine, session.engine.store.as_ref());
    let all = store.left_behind(&configured(&engine.flows)).await?;
    let is_meant = |leftover: &&Leftover| {
        leftover.id.flow.as_str() == args.flow
            && args.source.as_ref().is_none_or(|source| leftover.id.source.as_str() == source)
    };
    let meant: Vec<&Leftover> = all.iter().filter(is_meant).collect();
    if meant.is_empty() {
        return Err(
            nothing_left(args, &all, loaded.config.flows.contains_key(&FlowName::new(args.flow.as_str()))).into()
        );
    }
    let target = if args.remove_items { Some(destination(loaded, args)?) } else { None };
    let mut done = Vec::new();
    for leftover in meant {
        let forgotten = match &target {
            None => Forgotten { records: forget(leftover, store).await?, ..Forgotten::default() },
            Some((name, destination)) => {
                let account = destination.account_id();
                let is_elsewhere = !leftover.id.account.is_empty() && leftover.id.account != account;
                let into_it = engine.flows.iter().filter(|flow| {
                    let settings = loaded.config.flows.get(&flow.name);
                    let same = !account.is_empty() && flow.destination.account_id() == account;
                    same || settings.is_some_and(|settings| settings.destination == *name)
                });
                let configured: Vec<Declared> = into_it.map(|flow| flow.declared()).collect();
                if is_elsewhere {
                    let fault = Some(another_account(&leftover.id.flow, name));
                    Forgotten { left: leftover.items, fault, ..Forgotten::default() }
                } else {
                    remove(leftover, destination.as_ref(), &configured, store, engine.clock.as_ref()).await?
                }
            }
        };
        let (flow, source) = (leftover.id.flow.clone(), leftover.id.source.clone());
        done.push(Done { flow, source, kind: leftover.kind, forgotten });
    }
    session.progress.finish();
    output.document(&done)?;
    let mut exit = Exit::Done;
    for Done { flow, source, kind, forgotten } in &done {
        let Forgotten { records, removed, shared, left, fault } = forgotten;
        let of_kind = kind.map(|kind| format!(" of kind {kind}")).unwrap_or_default();
        output.line(format!("{flow} (source {source}): {records} records{of_kind} were forgotten"))?;
        if args.remove_items {
            output.line(format!("  {removed} items were removed at the destination"))?;
        }
        if *shared > 0 {
            output.line(format!("  {shared} items stay, because a configured flow holds them too"))?;
        }
        if *left > 0 {
            output.line(format!("  {left} items could not be removed and are not forgotten"))?;
            exit = exit.max(Exit::Left);
        }
        if let Some(fault) = fault {
            output.line(format!("  {}", fault_text(fault).replace('\n', "\n  ")))?;
            exit = exit.max(exit_of(fault));
        }
    }
    Ok(exit)
}

/// The destination that the items are removed from: that of the flow, or, where the flow is not configured, the one that is
/// named.
fn destination(loaded: &Loaded, args: &ForgetArgs) -> Result<(String, Arc<dyn Destination>), Failure> {
    let of_flow = loaded.config.flows.get(&FlowName::new(args.flow.as_str())).map(|flow| flow.destination.as_str());
    let Some(name) = args.destination.as_deref().or(of_flow) else {
        let known: Vec<&str> = loaded.config.destinations.keys().map(String::as_str).collect();
        let message = format!("the flow {} is not configured, so its destination is not known", args.flow);
        let hint = format!("name it with --destination; the configuration has: {}", known.join(", "));
        return Err(Fault::config("C0827", message).hint(hint).into());
    };
    Ok((name.to_owned(), assemble::destination(loaded, name)?))
}

/// Removing by the ids of a former account would remove what another one holds.
fn another_account(flow: &FlowName, destination: &str) -> Fault {
    let message = format!("what is left of flow {flow} is in another account than the destination {destination}");
    Fault::config("C0827", message).hint(
        "configure a destination with the keys of that account and name it with --destination; without --remove-items it is \
         only forgotten",
    )
}

fn nothing_left(args: &ForgetArgs, all: &[Leftover], is_configured: bool) -> Fault {
    let names: Vec<String> = all.iter().map(|it| format!("{} (source {})", it.id.flow, it.id.source)).collect();
    let hint = if !names.is_empty() {
        format!("what is left of others: {}", names.join(", "))
    } else if is_configured {
        "it is configured: take it, or a kind that it carries, out of the configuration first, or give it another source".to_owned()
    } else {
        "nothing is left of any flow that is not configured".to_owned()
    };
    Fault::config("C0826", format!("nothing is left of a flow {:?} that is not configured", args.flow)).hint(hint)
}
