//! The environment of a connector: hosts, time, random numbers.

use std::{fmt, sync::Arc};

use contract::{Clock, Fault, Random, SystemClock};
use model::Timestamp;

use crate::{Client, Options, Transport, transport::Internet};

/// Where a connector's calls go, and where its time and its random numbers come from. Cheap to clone.
#[derive(Clone)]
pub struct Environment {
    transport: Option<Arc<dyn Transport>>,
    clock: Arc<dyn Clock>,
    random: Random,
}

impl Environment {
    /// The network, clock and entropy of this machine.
    pub fn machine() -> Self {
        Self { transport: None, clock: Arc::new(SystemClock), random: Random::of_machine() }
    }

    /// The same environment with another clock: for a test about clocks that disagree.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Another environment: for a simulated run.
    pub fn new(transport: Arc<dyn Transport>, clock: Arc<dyn Clock>, random: Random) -> Self {
        Self { transport: Some(transport), clock, random }
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
}

impl fmt::Debug for Environment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Environment")
    }
}
