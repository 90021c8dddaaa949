//! The HTTP client that exporters and notifiers call out with.

use std::time::Duration;

/// Time for a TCP and TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Below nginx' and Elasticsearch's keep-alive of 60 s and more, so that we close first.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// A pooled client whose every request ends within `timeout`.
///
/// Redirects are not followed: a store that moved is a configuration to mend, and a body must not
/// be sent to a place nobody named.
///
/// # Errors
/// When TLS cannot be set up, such as without a crypto provider or root certificates.
pub fn client(timeout: Duration) -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .timeout(timeout)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("watchgate/", env!("CARGO_PKG_VERSION")))
        .build()
}
