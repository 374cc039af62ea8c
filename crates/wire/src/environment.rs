//! The environment of a connector: hosts, time, random numbers, threads.

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use contract::{Clock, Executor, Fault, Random, SecretRef, SystemClock, Threads, executor, secret::SecretError};
use model::Timestamp;
use secrecy::SecretString;

use crate::{
    Broken, Client, Options, Request, Transport,
    client::{Effect, Reason},
    transport::{Answer, Internet},
};

type Lacking = Mutex<Vec<String>>;

/// Where a connector's calls go, where its secrets, its time and its random numbers come from, and where its blocking work
/// is done. Cheap to clone.
#[derive(Clone)]
pub struct Environment {
    transport: Option<Arc<dyn Transport>>,
    clock: Arc<dyn Clock>,
    random: Random,
    executor: Arc<dyn Executor>,
    /// Relative paths of files with secrets count from here; empty: from the working directory.
    folder: PathBuf,
    /// Why secrets could not be read, in the order of asking; `None` where that is an error.
    lacking: Option<Arc<Lacking>>,
}

impl Environment {
    /// The network, clock, entropy and threads of this machine.
    pub fn machine() -> Self {
        Self {
            transport: None,
            clock: Arc::new(SystemClock),
            random: Random::of_machine(),
            executor: Arc::new(Threads),
            folder: PathBuf::new(),
            lacking: None,
        }
    }

    /// The same environment with another clock: for a test about clocks that disagree.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Another environment: for a simulated run.
    pub fn new(
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        random: Random,
        executor: Arc<dyn Executor>,
    ) -> Self {
        Self { transport: Some(transport), clock, random, executor, folder: PathBuf::new(), lacking: None }
    }

    /// The same environment, with relative paths of files with secrets counting from this folder.
    #[must_use]
    pub fn in_folder(self, folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), ..self }
    }

    /// An environment for one connector that is only asked for what it knows without a call: secrets may be missing, and no
    /// call is made then.
    #[must_use]
    pub fn offline(&self) -> Self {
        Self { lacking: Some(Arc::default()), ..self.clone() }
    }

    /// Fetches a secret. In an [`Environment::offline`], the reference stands for a secret that can't be read.
    ///
    /// # Errors
    /// The variable is not set, the file can't be read, or the value is empty.
    #[expect(clippy::disallowed_methods, reason = "this is the one way by which connectors read secrets")]
    pub fn secret(&self, secret: &SecretRef) -> Result<SecretString, SecretError> {
        match (secret.resolve(&self.folder), &self.lacking) {
            (Err(error), Some(lacking)) => {
                lacking.lock().unwrap_or_else(PoisonError::into_inner).push(error.to_string());
                Ok(secret.to_string().into())
            }
            (read, _) => read,
        }
    }

    /// Why secrets that were asked for could not be read, in the order of asking. Empty outside [`Environment::offline`].
    pub fn lacking(&self) -> Vec<String> {
        let lacking = self.lacking.as_ref();
        lacking.map(|lacking| lacking.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap_or_default()
    }

    /// A client with limits and counters of its own.
    ///
    /// # Errors
    /// `C0305` when the TLS settings or the user agent can't be used.
    pub fn client(&self, options: &Options) -> Result<Client, Fault> {
        let transport = match &self.transport {
            Some(transport) => Arc::clone(transport),
            None => Arc::new(Internet::new(options)?),
        };
        let transport = match &self.lacking {
            Some(lacking) => Arc::new(Offline { lacking: Arc::clone(lacking), transport }),
            None => transport,
        };
        Ok(Client::over(transport, options, self.random.clone()))
    }

    /// The instant now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Random numbers for jitter.
    pub fn random(&self) -> &Random {
        &self.random
    }

    /// Does work that blocks its thread and returns its result; `None` if it panicked.
    pub async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        executor::execute(self.executor.as_ref(), work).await
    }
}

/// Makes no call once a secret is lacking: what stands for it must not be sent.
struct Offline {
    lacking: Arc<Lacking>,
    transport: Arc<dyn Transport>,
}

#[async_trait]
impl Transport for Offline {
    async fn carry(&self, request: Request) -> Result<Answer, Broken> {
        let first = self.lacking.lock().unwrap_or_else(PoisonError::into_inner).first().cloned();
        match first {
            None => self.transport.carry(request).await,
            Some(error) => {
                let fault = Fault::config("C0311", format!("no call can be made: {error}"))
                    .hint("set the secrets that the configuration names for this command too");
                Err(Broken::new(Effect::None, Reason::Request, fault))
            }
        }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Environment")
    }
}
