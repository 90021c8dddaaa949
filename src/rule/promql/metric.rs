//! A metric with its labels as tests write them: `up{job="a"}`, `{"a name", job="a"}`.

use super::expr::ExprError;
use super::lex::{Kind, tokens};
use crate::model::labels::METRIC_NAME;

/// The labels of `text`, in the order written, the metric name among them.
pub(in crate::rule) fn metric(text: &str) -> Result<Vec<(String, String)>, ExprError> {
    let mut tokens = tokens(text)?.into_iter().peekable();
    let mut labels = Vec::new();
    if let Some(token) = tokens.next_if(|token| matches!(token.kind, Kind::Word(_)))
        && let Kind::Word(name) = token.kind
    {
        labels.push((METRIC_NAME.to_owned(), name));
    }
    let mut next = || tokens.next().map_or((text.len(), Kind::End), |token| (token.at, token.kind));
    let fail = |at: usize, found: &Kind, wanted: &str| {
        Err(ExprError { at, message: format!("unexpected {}, expected {wanted}", found.describe()) })
    };
    let (mut at, mut kind) = next();
    if kind == Kind::Symbol("{") {
        (at, kind) = next();
        while kind != Kind::Symbol("}") {
            let (name, quoted) = match kind {
                Kind::Word(name) if !name.contains(':') => (name, false),
                Kind::Text(name) => (name, true),
                other => return fail(at, &other, "a label name or `}`"),
            };
            (at, kind) = next();
            if kind == Kind::Symbol("=") {
                match next() {
                    (_, Kind::Text(value)) => labels.push((name, value)),
                    (at, other) => return fail(at, &other, "a label value in quotes"),
                }
                (at, kind) = next();
            } else if quoted && labels.iter().all(|(known, _)| known != METRIC_NAME) {
                labels.push((METRIC_NAME.to_owned(), name));
            } else {
                return fail(at, &kind, "`=`");
            }
            match kind {
                Kind::Symbol(",") => (at, kind) = next(),
                Kind::Symbol("}") => {}
                other => return fail(at, &other, "`,` or `}`"),
            }
        }
        (at, kind) = next();
    } else if labels.is_empty() {
        return fail(at, &kind, "a metric such as `up{job=\"a\"}`");
    }
    if kind == Kind::End { Ok(labels) } else { fail(at, &kind, "the end of the metric") }
}

/// The value of a number as PromQL reads it.
pub(in crate::rule) fn number(text: &str) -> Option<f64> {
    super::lex::number_value(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_metrics_as_prometheus_does() {
        let cases = [
            ("up", r#"[("__name__", "up")]"#),
            ("{}", "[]"),
            (r#"up{job="a",}"#, r#"[("__name__", "up"), ("job", "a")]"#),
            (r#"{"a name", "b.c"='d'}"#, r#"[("__name__", "a name"), ("b.c", "d")]"#),
        ];
        for (text, labels) in cases {
            assert_eq!(format!("{:?}", metric(text).expect(text)), labels, "{text}");
        }
        for text in
            ["", "up{", "up{job}", "up{job=~\"a\"}", "up{job=a}", "up 1", "up{\"x\"}", "1", "{job=\"a\" x=\"b\"}"]
        {
            assert!(metric(text).is_err(), "{text}");
        }
    }
}
