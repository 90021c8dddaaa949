//! What templates ask with `query`: over every series that it selects, not only those of a partition.
//!
//! The selectors of queries written out in a template are indexed for its rule, as one more partition
//! that is never evaluated. A text that is made up at run time sees the series that any rule reads.

use super::Engine;
use super::rules::Definition;
use super::store::Store;
use crate::model::labels::Labels;
use crate::model::time::Millis;
use crate::rule::promql::{Dialect, Element, Expr, Inputs, SeriesView, Value, compile_as, eval};

/// The series behind one query.
struct View<'a> {
    store: &'a Store,
    expr: &'a Expr,
    /// Those of each selector; all that match where it is not known.
    inputs: Option<&'a [Vec<u32>]>,
}

impl Inputs for View<'_> {
    fn each(&self, selector: usize, visit: &mut dyn FnMut(SeriesView<'_>)) {
        match self.inputs {
            Some(inputs) => {
                for series in inputs[selector].iter().filter_map(|id| self.store.get(*id)) {
                    visit(SeriesView { labels: &series.labels, samples: series.window.settled() });
                }
            }
            None => {
                let wanted = &self.expr.selectors[selector];
                for series in self.store.series.iter().flatten().filter(|series| wanted.matches(&series.labels)) {
                    visit(SeriesView { labels: &series.labels, samples: series.window.settled() });
                }
            }
        }
    }
}

impl Engine {
    /// The result of a query of a rule's template.
    pub(super) fn ask(
        &self,
        definition: &Definition,
        aside: Option<u32>,
        text: &str,
        at: Millis,
    ) -> Result<Vec<Element>, String> {
        let mut first = definition.rule.expr.selectors.len();
        for (known, expr) in &definition.rule.queries {
            let end = first + expr.selectors.len();
            if known == text {
                let none = vec![Vec::new(); expr.selectors.len()];
                let inputs =
                    aside.and_then(|id| self.partitions.get(id)).and_then(|aside| aside.inputs.get(first..end));
                return result(&View { store: &self.store, expr, inputs: Some(inputs.unwrap_or(&none)) }, at);
            }
            first = end;
        }
        let dialect = Dialect { step_ms: self.settings.evaluation_interval, ..Dialect::default() };
        let expr = compile_as(text, dialect).map_err(|error| error.to_string())?;
        result(&View { store: &self.store, expr: &expr, inputs: None }, at)
    }
}

fn result(view: &View<'_>, at: Millis) -> Result<Vec<Element>, String> {
    match eval(view.expr, view, at).map_err(|error| error.to_string())? {
        Value::Scalar(value) => Ok(vec![Element { labels: Labels::default(), value }]),
        Value::Vector(elements) => Ok(elements),
    }
}
