//! The local control socket: what a process that runs can be asked to do, by the command line and by consoles on this
//! machine.
//!
//! HTTP/1.1 over a Unix socket beside the database. `POST /v1/commands` carries a command with its arguments as JSON, and is
//! answered with an [`Answer`].
//!
//! **Invariants:** only the user who runs Cartage can connect (mode 0600); a command that has begun goes on when whoever asked
//! for it leaves.

use std::{
    fs::{self, File, Permissions},
    io,
    os::{
        fd::AsRawFd as _,
        unix::{ffi::OsStrExt as _, fs::PermissionsExt as _},
    },
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use axum::{
    Json, Router,
    body::{Body, to_bytes},
    extract::State,
    http::{Method, Request, StatusCode},
    response::{IntoResponse as _, Response},
    routing::post,
};
use contract::Fault;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::net::{UnixListener, UnixStream};

/// Where commands are sent to.
const COMMANDS: &str = "/v1/commands";

/// The kernel takes 107 bytes of path (see unix(7)); some are left for the name that a socket has at first.
const LONGEST_PATH: usize = 100;

/// No answer is longer, in bytes.
const LONGEST_ANSWER: usize = 256 << 20;

/// What came of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The exit code of the command.
    pub exit: u8,
    /// What it says, for people.
    pub text: String,
    /// The same as a JSON document; null where it could not be carried out.
    pub document: Value,
    /// Why it could not be carried out, for people; empty where it could.
    pub failure: String,
}

/// Carries out what is asked for.
#[async_trait]
pub trait Control: Send + Sync + 'static {
    /// Carries out a command; an error says why it can't be understood.
    async fn carry_out(&self, command: Value) -> Result<Answer, String>;
}

/// The routes.
pub fn router(control: Arc<dyn Control>) -> Router {
    Router::new().route(COMMANDS, post(carry_out)).with_state(control)
}

async fn carry_out(State(control): State<Arc<dyn Control>>, Json(command): Json<Value>) -> Response {
    match tokio::spawn(async move { control.carry_out(command).await }).await {
        Ok(Ok(answer)) => Json(answer).into_response(),
        Ok(Err(why)) => (StatusCode::BAD_REQUEST, why).into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the command was cut off inside").into_response(),
    }
}

/// The socket of a database.
pub fn path(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".sock");
    name.into()
}

/// A socket that listens; its file goes when it is dropped.
#[derive(Debug)]
pub struct Socket {
    listener: Option<UnixListener>,
    path: PathBuf,
}

impl Socket {
    /// Listens at the socket of a database, which no other process may be writing: a socket that is there is left over.
    ///
    /// # Errors
    /// The file system's.
    pub fn bind(database: &Path) -> io::Result<Self> {
        let path = path(database);
        // Under its name it is never there with other rights.
        let mut first = path.clone().into_os_string();
        first.push("~");
        let first = PathBuf::from(first);
        match fs::remove_file(&first) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(Short::of(&first)?.path)?;
        fs::set_permissions(&first, Permissions::from_mode(0o600))?;
        fs::rename(&first, &path)?;
        Ok(Self { listener: Some(listener), path })
    }

    /// Serves what is asked for until `stop` completes, then lets commands under way end.
    ///
    /// # Errors
    /// The socket's.
    pub async fn serve(
        mut self,
        control: Arc<dyn Control>,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let Some(listener) = self.listener.take() else { return Ok(()) };
        axum::serve(listener, router(control)).with_graceful_shutdown(stop).await
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(path = %self.path.display(), %error, "the control socket stays");
        }
    }
}

/// A path that is short enough for the kernel: a longer one is named by its folder's descriptor.
struct Short {
    path: PathBuf,
    _folder: Option<File>,
}

impl Short {
    fn of(path: &Path) -> io::Result<Self> {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a socket has a name"));
        };
        if path.as_os_str().as_bytes().len() <= LONGEST_PATH {
            return Ok(Self { path: path.to_owned(), _folder: None });
        }
        let folder = File::open(folder)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name);
        Ok(Self { path, _folder: Some(folder) })
    }
}

/// Asks the process that runs on a database to carry out a command; none where no process runs on it.
///
/// # Errors
/// `C0828`: it runs, and does not answer as it should.
pub async fn ask(database: &Path, command: &Value) -> Result<Option<Answer>, Fault> {
    let path = path(database);
    let connected = match Short::of(&path) {
        Ok(short) => UnixStream::connect(&short.path).await,
        Err(error) => Err(error),
    };
    let stream = match connected {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(unanswered(&path, &error)),
    };
    answer(stream, command).await.map(Some).map_err(|why| unanswered(&path, &why))
}

async fn answer(stream: UnixStream, command: &Value) -> Result<Answer, String> {
    let text = |error: &dyn std::error::Error| error.to_string();
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| text(&error))?;
    let connection = tokio::spawn(connection);
    let request = Request::builder()
        .method(Method::POST)
        .uri(COMMANDS)
        .header("host", "cartage")
        .header("content-type", "application/json")
        .body(Body::from(command.to_string()))
        .map_err(|error| text(&error))?;
    let response = sender.send_request(request).await.map_err(|error| text(&error))?;
    let status = response.status();
    let body = to_bytes(Body::new(response.into_body()), LONGEST_ANSWER).await.map_err(|error| text(&error))?;
    connection.abort();
    if !status.is_success() {
        return Err(format!("{status}: {}", String::from_utf8_lossy(&body)));
    }
    serde_json::from_slice(&body).map_err(|error| text(&error))
}

fn unanswered(path: &Path, why: &dyn std::fmt::Display) -> Fault {
    Fault::transient("C0828", format!("the process that runs did not answer at {}: {why}", path.display()))
        .hint("look at its log; the command line and the process must be of the same release and user")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;
    use tokio::sync::{Notify, oneshot};

    use super::*;

    /// Answers with what it was asked, once it may.
    #[derive(Default)]
    struct Echo {
        may: Notify,
        done: Notify,
    }

    #[async_trait]
    impl Control for Echo {
        async fn carry_out(&self, command: Value) -> Result<Answer, String> {
            if command.is_null() {
                return Err("nothing is asked for".to_owned());
            }
            if command == "wait" {
                self.may.notified().await;
                self.done.notify_one();
            }
            Ok(Answer { exit: 1, document: command, ..Answer::default() })
        }
    }

    fn serve(database: &Path, control: &Arc<Echo>) -> (oneshot::Sender<()>, tokio::task::JoinHandle<io::Result<()>>) {
        let (stop, stopped) = oneshot::channel::<()>();
        let control: Arc<dyn Control> = Arc::<Echo>::clone(control);
        let served = Socket::bind(database).unwrap().serve(control, async move { drop(stopped.await) });
        (stop, tokio::spawn(served))
    }

    #[tokio::test]
    async fn a_command_is_answered_wherever_the_database_lies_and_by_its_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        for folder in [folder.path().to_owned(), folder.path().join("long/".repeat(50))] {
            fs::create_dir_all(&folder).unwrap();
            let database = folder.join("cartage.db");
            assert_eq!(ask(&database, &json!("hello")).await.unwrap(), None, "nobody listens");
            fs::write(path(&database), "left over").unwrap();
            let (stop, served) = serve(&database, &Arc::default());
            let mode = fs::metadata(path(&database)).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600);
            let answer = ask(&database, &json!({ "command": "sync" })).await.unwrap().unwrap();
            assert_eq!((answer.exit, answer.document), (1, json!({ "command": "sync" })));
            let fault = ask(&database, &Value::Null).await.unwrap_err();
            assert!(fault.code == "C0828" && fault.message.contains("nothing is asked for"), "{fault}");
            stop.send(()).unwrap();
            served.await.unwrap().unwrap();
            assert!(!path(&database).exists(), "the file goes with the socket");
            assert_eq!(ask(&database, &json!("hello")).await.unwrap(), None, "nobody listens any more");
        }
    }

    #[tokio::test]
    async fn a_command_goes_on_when_its_caller_leaves() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("cartage.db");
        let echo = Arc::<Echo>::default();
        let (_stop, _served) = serve(&database, &echo);
        let asking = tokio::spawn({
            let database = database.clone();
            async move { ask(&database, &json!("wait")).await }
        });
        // Answered later, so the first has begun by now.
        tokio::task::yield_now().await;
        ask(&database, &json!("hello")).await.unwrap();
        asking.abort();
        echo.may.notify_one();
        echo.done.notified().await;
    }
}
