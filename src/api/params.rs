//! Parameters of queries: from the address, and from a form where one is posted, which goes first.

use axum::Form;
use axum::extract::{FromRequest, Query, Request};
use axum::http::{Method, StatusCode};
use axum::response::Response;

use super::answer::{failure, invalid_parameter};
use crate::model::time::Millis;
use crate::yaml::parse_duration;

/// Names and values, as they come.
type Pairs = Vec<(String, String)>;

/// The parameters of one request.
pub(super) struct Params(Pairs);

impl<S: Send + Sync> FromRequest<S> for Params {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let unreadable = |error: String| failure(StatusCode::BAD_REQUEST, "bad_data", error);
        let Query(address) =
            Query::<Pairs>::try_from_uri(request.uri()).map_err(|error| unreadable(error.to_string()))?;
        if request.method() != Method::POST {
            return Ok(Self(address));
        }
        let form = Form::<Pairs>::from_request(request, state).await;
        let Form(mut pairs) = form.map_err(|error| unreadable(format!("error parsing form values: {error}")))?;
        pairs.extend(address);
        Ok(Self(pairs))
    }
}

impl Params {
    /// The first value of `name`, or the empty string.
    pub(super) fn get(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    /// Every value of `name`.
    pub(super) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A time in seconds or as RFC 3339; `default` if it is not given.
    pub(super) fn time(&self, name: &str, default: Option<Millis>) -> Result<Millis, Response> {
        match (self.get(name), default) {
            ("", Some(default)) => Ok(default),
            (text, _) => {
                time(text).ok_or_else(|| invalid_parameter(name, format!("cannot parse {text:?} to a valid timestamp")))
            }
        }
    }

    /// A length of time in seconds or as `5m`, in milliseconds.
    pub(super) fn duration(&self, name: &str) -> Result<Millis, Response> {
        let text = self.get(name);
        let seconds = text.parse::<f64>().ok().filter(|seconds| seconds.is_finite());
        let millis = seconds.map(|seconds| whole(seconds * 1000.0)).or_else(|| parse_duration(text));
        millis.ok_or_else(|| invalid_parameter(name, format!("cannot parse {text:?} to a valid duration")))
    }

    /// `limit`: how many results at most.
    pub(super) fn limit(&self) -> Result<usize, Response> {
        match self.get("limit") {
            "" | "0" => Ok(usize::MAX),
            text => match text.parse::<i64>() {
                Ok(limit) => {
                    usize::try_from(limit).map_err(|_| invalid_parameter("limit", "limit must be non-negative"))
                }
                Err(_) => Err(invalid_parameter("limit", format!("strconv.Atoi: parsing {text:?}: invalid syntax"))),
            },
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "saturates")]
fn whole(number: f64) -> i64 {
    number as i64
}

fn time(text: &str) -> Option<Millis> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds.is_finite() => Some(whole((seconds * 1000.0).round())),
        Ok(_) => None,
        Err(_) => text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_and_durations_as_prometheus_does() {
        for (text, millis) in [
            ("1700000000", Some(1_700_000_000_000)),
            ("1700000000.1234", Some(1_700_000_000_123)),
            ("1.7e9", Some(1_700_000_000_000)),
            ("2023-11-14T22:13:20Z", Some(1_700_000_000_000)),
            ("2023-11-14T23:13:20.5+01:00", Some(1_700_000_000_500)),
            ("NaN", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(time(text), millis, "{text}");
        }
        let params = Params(vec![("step".into(), "1m30s".into()), ("wait".into(), "0.5".into())]);
        assert_eq!((params.duration("step").ok(), params.duration("wait").ok()), (Some(90_000), Some(500)));
        assert!(params.duration("none").is_err());
    }
}
