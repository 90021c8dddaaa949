//! Labels and annotations of alerts as Prometheus expands them: Go templates over `$labels`,
//! `$value` and `$externalLabels`.
//!
//! A template is parsed and checked when its file is loaded: unknown functions and variables are
//! refused there by name. Expansion never
//! fails an alert: an error becomes `<error expanding template: …>`. A label that is missing is
//! empty, and output beyond [`OUTPUT_BYTES_MAX`] is cut off.

mod check;
mod functions;
mod humanize;
mod print;
mod query;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use gotmpl::{MissingKey, Value};
pub use query::Ask;
use query::QUERIES_MAX;

use crate::model::labels::Labels;
use crate::model::time::Millis;

/// Bytes of one expanded label or annotation: it travels in every notification.
const OUTPUT_BYTES_MAX: usize = 64 << 10;

/// Iterations of all `range`s of one expansion.
const RANGE_MAX: u64 = 10_000;

/// The template's name in errors.
const NAME: &str = "__alert";

/// What Prometheus puts before every template.
const DEFINITIONS: &str = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}\
                           {{$externalURL := .ExternalURL}}{{$value := .Value}}";

/// A parsed label value or annotation.
#[derive(Clone)]
pub struct Template {
    source: Box<str>,
    /// Without one, the source is the result.
    dynamic: Option<Arc<Dynamic>>,
}

struct Dynamic {
    template: gotmpl::Template,
    /// Names of labels that are read: those an element lacks are given as empty texts.
    names: Vec<Box<str>>,
    /// What it asks with `query`, where the text is written out, and whether it asks more.
    queries: (Vec<Box<str>>, bool),
    moment: Arc<functions::Moment>,
}

/// What a template may look at, beside the alert itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// `external_labels` of the configuration.
    pub external_labels: Labels,
    /// `external_url` of the configuration.
    pub external_url: String,
}

impl Template {
    /// Parses `source`.
    ///
    /// # Errors
    /// Why it cannot be a template, or what of it is not supported.
    pub fn parse(source: &str) -> Result<Self, String> {
        if !source.contains("{{") {
            return Ok(Self { source: source.into(), dynamic: None });
        }
        check::blocks(source)?;
        let moment = Arc::<functions::Moment>::default();
        let template = gotmpl::Template::new(NAME)
            .funcs(functions::all(&moment))
            .missing_key(MissingKey::ZeroValue)
            .max_range_iters(RANGE_MAX)
            .parse(&format!("{DEFINITIONS}{source}"))
            .map_err(|error| error.to_string().trim_start_matches("template: ").to_owned())?;
        let found = check::check(&template)?;
        let template = check::print_as_go(template);
        let dynamic = Dynamic { template, names: found.names, queries: (found.queries, found.computed), moment };
        Ok(Self { source: source.into(), dynamic: Some(Arc::new(dynamic)) })
    }

    /// The template as written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The queries that are written out in it.
    pub fn queries(&self) -> impl Iterator<Item = &str> {
        self.dynamic.iter().flat_map(|dynamic| dynamic.queries.0.iter().map(|query| &**query))
    }

    /// Whether it asks something whose text is made up when it is expanded.
    #[must_use]
    pub fn computes_queries(&self) -> bool {
        self.dynamic.as_ref().is_some_and(|dynamic| dynamic.queries.1)
    }

    /// Whether it asks anything.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.computes_queries() || self.queries().next().is_some()
    }

    /// The text for an element with these labels and this value. `ask` answers its queries.
    #[must_use]
    pub fn expand(&self, labels: &Labels, value: f64, at: Millis, around: &Surroundings, ask: Ask<'_>) -> String {
        let Some(dynamic) = &self.dynamic else { return self.source.to_string() };
        dynamic.moment.instant.store(at, Ordering::Relaxed);
        dynamic.moment.external_url.lock().clone_from(&around.external_url);
        let data = Value::Map(Arc::new(BTreeMap::from([
            ("Labels".into(), map(labels, &dynamic.names)),
            ("ExternalLabels".into(), map(&around.external_labels, &dynamic.names)),
            ("ExternalURL".into(), Value::from(around.external_url.as_str())),
            ("Value".into(), Value::Float(value)),
        ])));
        dynamic.moment.queries.lock().known.clear();
        loop {
            let mut output = Output { text: String::new(), full: false };
            let done = dynamic.template.execute_template_fmt(&mut output, NAME, &data);
            let wanted = dynamic.moment.queries.lock().wanted.take();
            match (done, wanted) {
                (Ok(()), _) => return output.text,
                (Err(_), _) if output.full => return output.text,
                (Err(_), Some(query)) if dynamic.moment.queries.lock().known.len() < QUERIES_MAX => {
                    let answer = ask(&query);
                    dynamic.moment.queries.lock().learn(query, answer);
                }
                (Err(error), _) => return format!("<error expanding template: {error}>"),
            }
        }
    }
}

fn map(labels: &Labels, names: &[Box<str>]) -> Value {
    let missing = names.iter().map(|name| (Arc::from(&**name), Value::from("")));
    let present = labels.iter().map(|(name, value)| (Arc::from(name), Value::from(value)));
    Value::Map(Arc::new(missing.chain(present).collect()))
}

/// Collects what is printed, up to the bound; a missing value prints as nothing.
struct Output {
    text: String,
    full: bool,
}

impl Write for Output {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text == "<no value>" {
            return Ok(());
        }
        let room = OUTPUT_BYTES_MAX - self.text.len();
        if text.len() <= room {
            self.text.push_str(text);
            return Ok(());
        }
        let end = (0..=room).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        self.text.push_str(&text[..end]);
        self.full = true;
        Err(fmt::Error)
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.source, f)
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}
