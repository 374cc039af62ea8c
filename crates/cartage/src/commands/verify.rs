//! `cartage verify`: is the destination as it acknowledged.

use std::path::Path;

use engine::verify::{Verified, repair, verify};
use serde::Serialize;

use super::{Session, chosen, until_interrupted};
use crate::{
    cli::VerifyArgs,
    output::{Exit, Failure, Output},
};

#[derive(Serialize)]
struct FlowVerified {
    flow: String,
    #[serde(flatten)]
    verified: Verified,
    repaired: Option<u64>,
}

pub(super) async fn run(path: &Path, args: &VerifyArgs, output: Output) -> Result<Exit, Failure> {
    let session = Session::open(path, output, false).await?;
    let engine = &session.engine;
    let mut all = Vec::new();
    for flow in chosen(&engine.flows, &args.flow)? {
        let verified = verify(&flow, engine.store.as_ref()).await?;
        let repaired = if args.repair {
            let doubted = repair(&flow, engine.store.as_ref(), &verified).await?;
            engine.push(&flow, &until_interrupted()).until_idle().await?;
            Some(doubted)
        } else {
            None
        };
        all.push(FlowVerified { flow: flow.name.to_string(), verified, repaired });
    }
    session.progress.finish();
    output.document(&all)?;
    for FlowVerified { flow, verified, repaired } in &all {
        output.line(format!("{flow}: {} of {} items are as acknowledged", verified.right, verified.expected))?;
        for drift in verified.drift.iter().take(50) {
            let what =
                if drift.missing { "is missing".to_owned() } else { format!("differs in {}", drift.fields.join(", ")) };
            output.line(format!("  {} {} {what}", drift.kind, drift.item))?;
        }
        for kind in &verified.unreadable {
            output.line(format!("  {kind}: this destination does not let it be read back"))?;
        }
        match repaired {
            Some(records) => output.line(format!("  {records} records were sent again in full"))?,
            None if !verified.drift.is_empty() => output.line("  send it again with `cartage verify --repair`")?,
            None => {}
        }
    }
    let drifted = all.iter().any(|flow| !flow.verified.drift.is_empty() && flow.repaired.is_none());
    Ok(if drifted { Exit::Left } else { Exit::Done })
}
