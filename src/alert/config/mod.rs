//! Alertmanager's configuration file: what of it we do, and by name what we do not do yet.
//!
//! [`load`] takes the text of `alerting.config`. Whatever Alertmanager refuses is refused here;
//! what it accepts and we do not have yet is refused as "not yet supported". [`read`] holds the
//! top level and receivers, [`tree`] the routes, [`http`] authentication.

mod http;
mod read;
#[cfg(test)]
mod tests;
mod tree;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use read::{check_url, load};

use super::route::{Options, Route};

/// Routes and receivers. The default sends nothing anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The route tree.
    pub route: Route,
    /// Where notifications can go.
    pub receivers: Vec<Receiver>,
}

impl Default for Config {
    fn default() -> Self {
        Self { route: Route::root(Options::new("")), receivers: Vec::new() }
    }
}

impl Config {
    /// The receiver called `name`.
    #[must_use]
    pub fn receiver(&self, name: &str) -> Option<&Receiver> {
        self.receivers.iter().find(|receiver| *receiver.name == *name)
    }
}

/// A named set of targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receiver {
    /// Its name.
    pub name: Arc<str>,
    /// Its webhooks; none: alerts that come here are not notified.
    pub webhooks: Vec<Arc<Webhook>>,
}

/// One entry of `webhook_configs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// The URL to post to.
    pub url: Source,
    /// Whether resolved alerts are told.
    pub send_resolved: bool,
    /// Alerts in one payload; 0: all of them.
    pub max_alerts: usize,
    /// Longest wait for one answer.
    pub timeout: Option<Duration>,
    /// How to reach it.
    pub http: Http,
}

/// The part of `http_config` that we have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// What goes into the `Authorization` header.
    pub authorization: Option<Authorization>,
    /// Whether redirects are followed.
    pub follow_redirects: bool,
}

impl Default for Http {
    fn default() -> Self {
        Self { authorization: None, follow_redirects: true }
    }
}

/// How a request proves who sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// `basic_auth`.
    Basic {
        /// The user.
        username: Source,
        /// The password; may be empty.
        password: Source,
    },
    /// `authorization`, `bearer_token`.
    Scheme {
        /// The scheme, `Bearer` unless given.
        scheme: String,
        /// What follows it.
        credentials: Source,
    },
}

/// A secret that stands in the file, or in a file of its own that is read at each use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The secret itself.
    Inline(Secret),
    /// Where it is.
    File(PathBuf),
}

/// Text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the request that needs it and nothing else.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}
