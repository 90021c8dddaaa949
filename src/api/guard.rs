//! Who may ask: requests whose `Host` is this machine's or the configured one, and from a browser
//! only our own pages.
//!
//! A loopback listener alone is no protection: any web page may resolve its own name to 127.0.0.1
//! (DNS rebinding) or post to it blindly. The first shows in `Host`, the second in `Origin`.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::Response;

use super::answer::failure;

/// The names by which this gateway may be called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// `scheme://host[:port]` of `external_url`, lower case.
    origin: Option<String>,
    /// Its host, without the port.
    host: Option<String>,
}

impl Allowed {
    /// Loopback names and addresses, and the host of `external_url`.
    #[must_use]
    pub fn new(external_url: &str) -> Self {
        let url = external_url.to_ascii_lowercase();
        let Some((scheme, rest)) = url.split_once("://") else { return Self::default() };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = (!authority.is_empty()).then(|| host_of(authority).to_owned());
        Self { origin: host.is_some().then(|| format!("{scheme}://{authority}")), host }
    }

    /// Why a request with this host and origin is refused, if it is.
    fn refuse(&self, authority: Option<&str>, origin: Option<&str>) -> Option<String> {
        let Some(authority) = authority.map(str::to_ascii_lowercase) else {
            return Some("the request names no host".to_owned());
        };
        let host = host_of(&authority);
        if !is_loopback(host) && self.host.as_deref() != Some(host) {
            return Some(format!(
                "host `{host}` is not this gateway's, call it by a loopback name or set external_url"
            ));
        }
        let origin = origin?.to_ascii_lowercase();
        let own = ["http", "https"].iter().any(|scheme| origin == format!("{scheme}://{authority}"));
        let external = self.origin.as_deref() == Some(&*origin);
        (!own && !external).then(|| format!("origin `{origin}` may not call this gateway"))
    }
}

/// `host` of `host:port`, brackets of IPv6 kept.
fn host_of(authority: &str) -> &str {
    let end = if authority.starts_with('[') { authority.find(']').map(|at| at + 1) } else { authority.find(':') };
    authority[..end.unwrap_or(authority.len())].trim_end_matches('.')
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || bare.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Lets a request pass, or answers 403.
pub(super) async fn check(State(allowed): State<Arc<Allowed>>, request: Request, next: Next) -> Response {
    let origin = header(request.headers(), ORIGIN.as_str());
    match allowed.refuse(authority(request.uri(), request.headers()), origin) {
        None => next.run(request).await,
        Some(why) => failure(StatusCode::FORBIDDEN, "forbidden", why),
    }
}

fn authority<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    header(headers, HOST.as_str()).or_else(|| uri.authority().map(|authority| authority.as_str()))
}

/// A header's value; one that is no text is there all the same, and matches nothing.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_and_pages() {
        let allowed = Allowed::new("https://Gate.example:8443/watch");
        let cases = [
            (Some("localhost:9480"), None, true),
            (Some("LOCALHOST."), None, true),
            (Some("127.0.0.1:9480"), None, true),
            (Some("127.1.2.3"), None, true),
            (Some("[::1]:9480"), None, true),
            (Some("gate.example:8443"), None, true),
            (Some("gate.example"), None, true),
            (None, None, false),
            (Some(""), None, false),
            (Some("evil.example"), None, false),
            (Some("10.0.0.1:9480"), None, false),
            (Some("127.0.0.1.evil.example"), None, false),
            (Some("localhost.evil.example:9480"), None, false),
            (Some("localhost:9480"), Some("http://localhost:9480"), true),
            (Some("localhost:9480"), Some("https://gate.example:8443"), true),
            (Some("localhost:9480"), Some("http://localhost:3000"), false),
            (Some("localhost:9480"), Some("http://evil.example"), false),
            (Some("localhost:9480"), Some("null"), false),
            (Some("127.0.0.1:9480"), Some("http://localhost:9480"), false),
        ];
        for (host, origin, passes) in cases {
            assert_eq!(allowed.refuse(host, origin).is_none(), passes, "{host:?} {origin:?}");
        }
        assert_eq!(Allowed::new(""), Allowed::default());
        assert!(Allowed::default().refuse(Some("localhost"), None).is_none());
    }
}
