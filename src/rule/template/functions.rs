//! The functions that Prometheus adds to Go's templates.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::Mutex;

use gotmpl::{FuncMap, TemplateError, Value};

use super::query::{self, Queries};
use super::{humanize, print};
use crate::yaml::parse_duration;

/// Go's own functions, which `gotmpl` brings.
pub(super) const BUILT_IN: [&str; 19] = [
    "and", "or", "not", "call", "html", "index", "slice", "js", "len", "print", "printf", "println", "urlquery", "eq",
    "ne", "lt", "le", "gt", "ge",
];

/// What every printed value goes through; no template can name it.
pub(super) const PRINT: &str = "print as go";

type Answer = gotmpl::Result<Value>;

/// What functions without arguments answer during one expansion.
#[derive(Debug, Default)]
pub(super) struct Moment {
    /// The instant of the expansion, for `now`.
    pub(super) instant: AtomicI64,
    /// `external_url` of the configuration.
    pub(super) external_url: Mutex<String>,
    /// What the template asks.
    pub(super) queries: Mutex<Queries>,
}

/// Ours, by name.
pub(super) fn all(moment: &Arc<Moment>) -> FuncMap {
    let mut map = FuncMap::new();
    let mut number = |name: &str, function: fn(f64) -> String| {
        let called = move |args: &[Value]| Ok(text(&function(float(args, 0)?)));
        map.insert(name.to_owned(), Arc::new(called));
    };
    number("humanize", humanize::humanize);
    number("humanize1024", humanize::humanize1024);
    number("humanizeDuration", humanize::duration);
    number("humanizePercentage", humanize::percentage);
    let mut add = |name: &str, function: fn(&[Value]) -> Answer| {
        map.insert(name.to_owned(), Arc::new(function));
    };
    add("humanizeTimestamp", |args| humanize::timestamp(float(args, 0)?).map(|time| text(&time)).map_err(fail));
    add("toUpper", |args| Ok(text(&string(args, 0)?.to_uppercase())));
    add("toLower", |args| Ok(text(&string(args, 0)?.to_lowercase())));
    add("title", |args| Ok(text(&title(&string(args, 0)?))));
    add("safeHtml", |args| Ok(text(&string(args, 0)?)));
    add("match", |args| Ok(Value::Bool(pattern(args)?.is_match(&string(args, 1)?))));
    add("reReplaceAll", |args| {
        let (with, inside) = (string(args, 1)?, string(args, 2)?);
        Ok(text(&pattern(args)?.replace_all(&inside, with.as_str())))
    });
    add("stripPort", |args| {
        let address = string(args, 0)?;
        Ok(text(split_port(&address).map_or(address.as_str(), |(host, _)| host)))
    });
    add("stripDomain", |args| Ok(text(&strip_domain(&string(args, 0)?))));
    add("urlQueryEscape", |args| Ok(text(&gotmpl::url_encode(&string(args, 0)?))));
    add("parseDuration", |args| {
        let written = string(args, 0)?;
        let (sign, magnitude) = written.strip_prefix('-').map_or((1.0, written.as_str()), |rest| (-1.0, rest));
        let millis =
            parse_duration(magnitude).ok_or_else(|| fail(format!("not a valid duration string: {written:?}")))?;
        #[expect(clippy::cast_precision_loss, reason = "durations are far below 2^53 ms")]
        Ok(Value::Float(sign * millis as f64 / 1000.0))
    });
    add("args", |args| {
        let named = args.iter().enumerate().map(|(index, value)| (format!("arg{index}"), value.clone()));
        Ok(Value::from(named.collect::<std::collections::BTreeMap<String, Value>>()))
    });
    add(PRINT, |args| Ok(print::as_go(argument(args, 0)?)));
    query::all(moment, &mut map);
    print::all(&mut map);
    let (url, path, clock) = (Arc::clone(moment), Arc::clone(moment), Arc::clone(moment));
    map.insert("externalURL".to_owned(), Arc::new(move |_: &[Value]| Ok(text(&url.external_url.lock()))));
    map.insert("pathPrefix".to_owned(), Arc::new(move |_: &[Value]| Ok(text(url_path(&path.external_url.lock())))));
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since the epoch are below 2^53")]
    let now = move |_: &[Value]| Ok(Value::Float(clock.instant.load(Ordering::Relaxed) as f64 / 1000.0));
    map.insert("now".to_owned(), Arc::new(now));
    map
}

fn url_path(url: &str) -> &str {
    let behind_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    behind_scheme.find('/').map_or("", |at| behind_scheme[at..].split(['?', '#']).next().unwrap_or(""))
}

pub(super) fn fail(message: String) -> TemplateError {
    TemplateError::Exec(message)
}

pub(super) fn text(value: &str) -> Value {
    Value::from(value)
}

pub(super) fn argument(args: &[Value], index: usize) -> Result<&Value, TemplateError> {
    args.get(index)
        .ok_or_else(|| fail(format!("wrong number of args: want at least {}, got {}", index + 1, args.len())))
}

pub(super) fn string(args: &[Value], index: usize) -> Result<String, TemplateError> {
    match argument(args, index)? {
        Value::String(text) => Ok(text.to_string()),
        Value::Nil => Ok(String::new()),
        other => Err(fail(format!("wrong type for value; expected string; got {}", other.type_name()))),
    }
}

pub(super) fn float(args: &[Value], index: usize) -> Result<f64, TemplateError> {
    let argument = argument(args, index)?;
    if let Value::String(written) = argument {
        return match written.trim_start_matches(['+', '-']) {
            "Inf" | "inf" if written.starts_with('-') => Ok(f64::NEG_INFINITY),
            "Inf" | "inf" => Ok(f64::INFINITY),
            "NaN" | "nan" => Ok(f64::NAN),
            _ => written.parse().map_err(|_| fail(format!("strconv.ParseFloat: parsing {written:?}: invalid syntax"))),
        };
    }
    #[expect(clippy::cast_precision_loss, reason = "Go converts likewise")]
    match argument {
        Value::Float(number) => Ok(*number),
        Value::Int(number) => Ok(*number as f64),
        Value::Uint(number) => Ok(*number as f64),
        other => Err(fail(format!("can't convert {} to float", other.type_name()))),
    }
}

fn pattern(args: &[Value]) -> Result<regex::Regex, TemplateError> {
    let pattern = string(args, 0)?;
    regex::Regex::new(&pattern).map_err(|error| fail(format!("error parsing regexp {pattern:?}: {error}")))
}

/// Every word with a capital, the rest of it as it is.
fn title(text: &str) -> String {
    let mut titled = String::with_capacity(text.len());
    let mut inside = false;
    for letter in text.chars() {
        if inside {
            titled.push(letter);
        } else {
            titled.extend(letter.to_uppercase());
        }
        inside = letter.is_alphanumeric() || letter == '\'' || letter == '_';
    }
    titled
}

fn split_port(address: &str) -> Option<(&str, &str)> {
    let (host, port) = address.rsplit_once(':')?;
    match host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(inner) => Some((inner, port)),
        None if host.contains(':') => None,
        None => Some((host, port)),
    }
}

fn strip_domain(address: &str) -> String {
    let (host, port) = split_port(address).unwrap_or((address, ""));
    if host.parse::<std::net::IpAddr>().is_ok() {
        return address.to_owned();
    }
    let name = host.split('.').next().unwrap_or(host);
    if port.is_empty() { name.to_owned() } else { format!("{name}:{port}") }
}
