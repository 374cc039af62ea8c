//! `cartage pause` and `cartage resume`: flows that send nothing for a while.

use contract::Fault;
use model::Timestamp;
use serde::Serialize;

use super::{Session, chosen};
use crate::{
    cli::FlowsArgs,
    output::{Exit, Failure, Output},
};

#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct Done {
    flow: String,
    /// It was not so already.
    changed: bool,
}

pub(super) async fn pause(session: &Session, args: &FlowsArgs, output: Output<'_>) -> Result<Exit, Failure> {
    for Done { flow, changed } in set(session, args, Some(session.engine.clock.now()), output).await? {
        let line = if changed { "is paused: it sends nothing until `cartage resume`" } else { "was paused already" };
        output.line(format!("{flow} {line}"))?;
    }
    Ok(Exit::Done)
}

pub(super) async fn resume(session: &Session, args: &FlowsArgs, output: Output<'_>) -> Result<Exit, Failure> {
    for Done { flow, changed } in set(session, args, None, output).await? {
        output.line(format!("{flow} {}", if changed { "goes on" } else { "was not paused" }))?;
    }
    for origin in &session.engine.origins {
        origin.pull.ring();
    }
    Ok(Exit::Done)
}

async fn set(
    session: &Session,
    args: &FlowsArgs,
    since: Option<Timestamp>,
    output: Output<'_>,
) -> Result<Vec<Done>, Failure> {
    if args.flow.is_empty() {
        return Err(Fault::config("C0821", "no flow is named").hint("name flows of the configuration").into());
    }
    let engine = &session.engine;
    let mut done = Vec::new();
    for flow in chosen(&engine.flows, &args.flow)? {
        let changed = engine.store.pause(&flow.name, since).await?;
        done.push(Done { flow: flow.name.to_string(), changed });
    }
    output.document(&done)?;
    Ok(done)
}
