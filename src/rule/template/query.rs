//! `query` in templates and the functions of its results.
//!
//! A template cannot reach the engine while it is executed: a query whose result is not known yet ends
//! the execution, is answered, and the template is executed again.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use gotmpl::{FuncMap, TemplateError, Value};

use super::functions::{Moment, argument, fail, float, string, text};
use super::humanize;
use crate::rule::promql::Element;

/// Distinct queries of one expansion.
pub(super) const QUERIES_MAX: usize = 100;

/// Answers the queries of templates: the text of an expression, its result.
pub type Ask<'a> = &'a mut dyn FnMut(&str) -> Result<Vec<Element>, String>;

/// The queries of one expansion.
#[derive(Debug, Default)]
pub(super) struct Queries {
    /// The one that ended the last execution.
    pub(super) wanted: Option<String>,
    /// Those that are answered.
    pub(super) known: HashMap<String, Result<Value, String>>,
}

impl Queries {
    /// Keeps the answer to `query`, in order of labels.
    pub(super) fn learn(&mut self, query: String, answer: Result<Vec<Element>, String>) {
        let answer = answer.map(|mut elements| {
            elements.sort_by(|a, b| a.labels.cmp(&b.labels));
            Value::List(elements.into_iter().map(sample).collect())
        });
        self.known.insert(query, answer);
    }
}

/// Prometheus' `sample`: `.Labels` and `.Value`.
fn sample(element: Element) -> Value {
    let labels = element.labels.iter().map(|(name, value)| (Arc::from(name), Value::from(value)));
    Value::Map(Arc::new(BTreeMap::from([
        ("Labels".into(), Value::Map(Arc::new(labels.collect()))),
        ("Value".into(), Value::Float(element.value)),
    ])))
}

/// `query` and what takes its results, by name.
pub(super) fn all(moment: &Arc<Moment>, map: &mut FuncMap) {
    let moment = Arc::clone(moment);
    let query = move |args: &[Value]| {
        let asked = string(args, 0)?;
        let mut queries = moment.queries.lock();
        if let Some(known) = queries.known.get(&asked) {
            return known.clone().map_err(fail);
        }
        queries.wanted = Some(asked);
        Err(fail("not answered yet".to_owned()))
    };
    map.insert("query".to_owned(), Arc::new(query));
    let mut add = |name: &str, function: fn(&[Value]) -> gotmpl::Result<Value>| {
        map.insert(name.to_owned(), Arc::new(function));
    };
    add("first", |args| {
        let first = list(args, 0)?.first().cloned();
        first.ok_or_else(|| fail("first() called on vector with no elements".to_owned()))
    });
    add("label", |args| Ok(text(&label(argument(args, 1)?, &string(args, 0)?)?)));
    add("strvalue", |args| Ok(text(&label(argument(args, 0)?, "__value__")?)));
    add("value", |args| field(argument(args, 0)?, "Value"));
    add("sortByLabel", |args| {
        let by = string(args, 0)?;
        let mut samples = Vec::new();
        for sample in list(args, 1)? {
            samples.push((label(sample, &by)?, sample.clone()));
        }
        samples.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(Value::List(samples.into_iter().map(|(_, sample)| sample).collect()))
    });
    add("toTime", |args| match float(args, 0)? {
        special if !special.is_finite() => Err(fail("value is NaN or Inf".to_owned())),
        seconds => humanize::timestamp(seconds).map(|time| text(&time)).map_err(fail),
    });
    add("toDuration", |args| Ok(text(&humanize::go_duration(float(args, 0)?))));
    add("graphLink", |args| Ok(text(&link(&string(args, 0)?, 0))));
    add("tableLink", |args| Ok(text(&link(&string(args, 0)?, 1))));
}

fn link(expr: &str, tab: u8) -> String {
    format!("/graph?g0.expr={}&g0.tab={tab}", gotmpl::url_encode(expr))
}

fn list(args: &[Value], index: usize) -> Result<&[Value], TemplateError> {
    match argument(args, index)? {
        Value::List(samples) => Ok(samples),
        other => Err(fail(format!("wrong type for value; expected template.queryResult; got {}", other.type_name()))),
    }
}

fn field(sample: &Value, name: &str) -> Result<Value, TemplateError> {
    let found = match sample {
        Value::Map(fields) => fields.get(name).cloned(),
        _ => None,
    };
    found.ok_or_else(|| fail(format!("wrong type for value; expected *template.sample; got {}", sample.type_name())))
}

fn label(sample: &Value, name: &str) -> Result<String, TemplateError> {
    match field(sample, "Labels")? {
        Value::Map(labels) => Ok(labels.get(name).map(ToString::to_string).unwrap_or_default()),
        _ => Ok(String::new()),
    }
}
