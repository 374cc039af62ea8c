//! Commands that write: carried out here, or by the process that runs on the database.

use std::{path::Path, sync::Arc, time::Duration};

use contract::{Fault, source::Reach};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::{Session, dead, erase, forget, hooks, load, load_with_flows, pause, plan, sync, verify};
use crate::{
    cli::{DropArgs, EraseArgs, FlowsArgs, ForgetArgs, HooksArgs, PlanArgs, ReplayArgs, SyncArgs, VerifyArgs},
    output::{Exit, Failure, Kept, Output, failure_document, failure_text},
};

/// A process that ends waits at most this long for a command under way.
#[cfg(unix)]
const DRAIN: Duration = Duration::from_secs(30);

/// A command that writes, as it is sent to the process that runs.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "command", content = "arguments", rename_all = "snake_case")]
pub(super) enum Command {
    Plan(PlanArgs),
    Sync(SyncArgs),
    Verify(VerifyArgs),
    Forget(ForgetArgs),
    Erase(EraseArgs),
    DeadReplay(ReplayArgs),
    DeadDrop(DropArgs),
    Pause(FlowsArgs),
    Resume(FlowsArgs),
    HooksPlan(HooksArgs),
    HooksApply(HooksArgs),
    Reload(Reload),
}

/// Arguments of `reload`: there are none.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reload {}

/// What `reload` did.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(super) struct Reloaded {
    /// Always true: a configuration that is refused is a failure.
    reloaded: bool,
}

impl Command {
    const fn allows_deletes(&self) -> bool {
        matches!(self, Self::Sync(args) if args.allow_deletes)
    }

    /// Without a flow it would do nothing. The others may be about flows that are no longer configured.
    const fn needs_flows(&self) -> bool {
        matches!(self, Self::Plan(_) | Self::Sync(_) | Self::Verify(_))
    }

    /// Carries it out.
    pub(super) async fn carry_out(&self, session: &Session, output: Output<'_>) -> Result<Exit, Failure> {
        match self {
            Self::Plan(args) => plan::carry_out(session, args, output).await,
            Self::Sync(args) => sync::carry_out(session, args, output).await,
            Self::Verify(args) => verify::carry_out(session, args, output).await,
            Self::Forget(args) => forget::carry_out(session, args, output).await,
            Self::Erase(args) => erase::carry_out(session, args, output).await,
            Self::DeadReplay(args) => dead::replay(session, args, output).await,
            Self::DeadDrop(args) => dead::drop(session, args, output).await,
            Self::Pause(args) => pause::pause(session, args, output).await,
            Self::Resume(args) => pause::resume(session, args, output).await,
            Self::HooksPlan(args) => hooks::carry_out(session, args, Reach::Look, output).await,
            Self::HooksApply(args) => hooks::carry_out(session, args, Reach::Apply, output).await,
            Self::Reload(_) => Err(nothing_runs().into()),
        }
    }
}

/// Carries out a command: where a process runs on the database, there.
pub(super) async fn run(path: &Path, command: Command, output: Output<'_>) -> Result<Exit, Failure> {
    let loaded = if command.needs_flows() { load_with_flows(path)? } else { load(path)? };
    #[cfg(unix)]
    if let Some(answer) = server::control::ask(&loaded.config.store.path, &as_sent(&command)?).await? {
        return show(answer, output);
    }
    if matches!(command, Command::Reload(_)) {
        return Err(nothing_runs().into());
    }
    let session = Session::open(loaded, output, command.allows_deletes()).await?;
    let done = command.carry_out(&session, output).await;
    session.progress.finish();
    done
}

fn as_sent(command: &Command) -> Result<Value, Failure> {
    serde_json::to_value(command).map_err(|error| anyhow::Error::from(error).into())
}

#[cfg(unix)]
fn show(answer: server::control::Answer, output: Output<'_>) -> Result<Exit, Failure> {
    let exit = Exit::of(answer.exit);
    if !answer.failure.is_empty() {
        let server::control::Answer { failure, document, .. } = answer;
        return Err(Failure::There { text: failure, document, exit });
    }
    output.document(&answer.document)?;
    if !answer.text.is_empty() {
        output.line(answer.text.trim_end())?;
    }
    Ok(exit)
}

fn nothing_runs() -> Fault {
    Fault::config("C0829", "no `cartage run` works on the database of this configuration")
        .hint("start it with `cartage run`; it reads the configuration when it starts")
}

/// Asks for the configuration to be read again; answered with what came of it.
pub(super) type AskReload = oneshot::Sender<Result<(), Failure>>;

/// Serves the control socket until `stop` completes; what is returned ends once no command is under way, or some time later.
/// Where there can be no socket, commands have to wait until the process that runs is stopped.
#[cfg(unix)]
pub(super) fn serve(
    session: Session,
    reload: mpsc::Sender<AskReload>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> impl Future<Output = ()> {
    let served = server::control::Socket::bind(&session.loaded.config.store.path).map(|socket| {
        let end = session.stop.clone();
        (tokio::spawn(socket.serve(Arc::new(Running { session, reload }), stop)), end)
    });
    async move {
        let (mut served, mut end) = match served {
            Ok(served) => served,
            Err(error) => {
                tracing::warn!(%error, "there is no control socket: commands that write can't be carried out meanwhile");
                return;
            }
        };
        let _ended = end.wait_for(|end| *end).await.is_ok();
        if tokio::time::timeout(DRAIN, &mut served).await.is_err() {
            tracing::warn!("a command was under way for longer than the process waits for it");
            served.abort();
        }
    }
}

#[cfg(not(unix))]
pub(super) async fn serve(_: Session, reload: mpsc::Sender<AskReload>, stop: impl Future<Output = ()>) {
    stop.await;
    drop(reload);
}

/// The process that runs, as its control socket reaches it.
#[cfg(unix)]
struct Running {
    session: Session,
    reload: mpsc::Sender<AskReload>,
}

#[cfg(unix)]
impl Running {
    async fn read_again(&self, output: Output<'_>) -> Result<Exit, Failure> {
        let (ask, answer) = oneshot::channel();
        if self.reload.send(ask).await.is_err() {
            return Err(nothing_runs().into());
        }
        answer.await.map_err(|_| nothing_runs())??;
        output.document(&Reloaded { reloaded: true })?;
        output.line("the configuration was read again")?;
        Ok(Exit::Done)
    }
}

#[cfg(unix)]
#[async_trait::async_trait]
impl server::control::Control for Running {
    async fn carry_out(&self, command: Value) -> Result<server::control::Answer, String> {
        let asked = command.to_string();
        let command: Command = serde_json::from_value(command).map_err(|error| error.to_string())?;
        // A log names nobody.
        let asked = if matches!(command, Command::Erase(_)) { "erase" } else { &asked };
        tracing::info!(command = asked, "a command is carried out");
        let kept = Kept::default();
        let output = Output::keeping(&kept);
        let done = match &command {
            Command::Reload(_) => self.read_again(output).await,
            command if command.allows_deletes() => command.carry_out(&self.session.unguarded(), output).await,
            command => command.carry_out(&self.session, output).await,
        };
        let (text, document) = kept.take();
        let (exit, document, failure) = match done {
            Ok(exit) => (exit, document, String::new()),
            Err(failure) => (failure.exit(), failure_document(&failure), failure_text(&failure)),
        };
        Ok(server::control::Answer { exit: exit as u8, text, document, failure })
    }
}
