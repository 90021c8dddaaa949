//! Results of queries as Prometheus writes them, to the byte.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::number::exponent;
use crate::model::labels::Labels;
use crate::model::time::Millis;
use crate::rule::promql::Element;

/// The values of each series of a range query.
pub(super) type Matrix = BTreeMap<Labels, Vec<(Millis, f64)>>;

/// The `data` of a query's answer.
#[derive(Debug)]
pub(super) enum Data {
    /// One number.
    Scalar(Millis, f64),
    /// One number a series.
    Vector(Millis, Vec<Element>),
    /// Numbers over time by series.
    Matrix(Matrix),
}

impl Data {
    /// Keeps `limit` series at most; whether some had to go.
    pub(super) fn truncate(&mut self, limit: usize) -> bool {
        match self {
            Self::Scalar(..) => false,
            Self::Vector(_, elements) => {
                let more = elements.len() > limit;
                elements.truncate(limit);
                more
            }
            Self::Matrix(matrix) => {
                let more = matrix.len() > limit;
                while matrix.len() > limit {
                    matrix.pop_last();
                }
                more
            }
        }
    }

    fn json(&self) -> Result<String, serde_json::Error> {
        let mut out = String::new();
        match self {
            Self::Scalar(at, value) => {
                out.push_str(r#"{"resultType":"scalar","result":"#);
                point(*at, *value, &mut out);
            }
            Self::Vector(at, elements) => {
                out.push_str(r#"{"resultType":"vector","result":["#);
                for (index, element) in elements.iter().enumerate() {
                    series(index, &element.labels, "value", &mut out)?;
                    point(*at, element.value, &mut out);
                    out.push('}');
                }
                out.push(']');
            }
            Self::Matrix(matrix) => {
                out.push_str(r#"{"resultType":"matrix","result":["#);
                for (index, (labels, values)) in matrix.iter().enumerate() {
                    series(index, labels, "values", &mut out)?;
                    for (index, (at, value)) in values.iter().enumerate() {
                        out.push(if index == 0 { '[' } else { ',' });
                        point(*at, *value, &mut out);
                    }
                    out.push_str("]}");
                }
                out.push(']');
            }
        }
        out.push('}');
        Ok(out)
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = self.json().and_then(RawValue::from_string).map_err(S::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// The beginning of a series: its labels, and the key of what follows.
fn series(index: usize, labels: &Labels, key: &str, out: &mut String) -> Result<(), serde_json::Error> {
    if index > 0 {
        out.push(',');
    }
    let labels = serde_json::to_string(labels)?;
    let _ = write!(out, r#"{{"metric":{labels},"{key}":"#);
    Ok(())
}

/// `[1700000000.123,"0.5"]`
fn point(at: Millis, value: f64, out: &mut String) {
    let sign = if at < 0 { "-" } else { "" };
    let (seconds, millis) = (at.unsigned_abs() / 1000, at.unsigned_abs() % 1000);
    let _ = write!(out, "[{sign}{seconds}");
    if millis > 0 {
        let _ = write!(out, ".{millis:03}");
    }
    out.push_str(",\"");
    let size = value.abs();
    if value.is_finite() && (size == 0.0 || (1e-6..1e21).contains(&size)) {
        let _ = write!(out, "{value}");
    } else {
        out.push_str(&exponent(value));
    }
    out.push_str("\"]");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_written_as_go_writes_them() {
        for (at, value, text) in [
            (1_700_000_000_000, 1.0, r#"[1700000000,"1"]"#),
            (1_700_000_000_120, 0.1, r#"[1700000000.120,"0.1"]"#),
            (-1, -0.0, r#"[-0.001,"-0"]"#),
            (0, 1e-7, r#"[0,"1e-07"]"#),
            (0, 1e-6, r#"[0,"0.000001"]"#),
            (0, 123_456_789_012_345_680_000.0, r#"[0,"123456789012345680000"]"#),
            (0, 1e21, r#"[0,"1e+21"]"#),
            (0, f64::NAN, r#"[0,"NaN"]"#),
            (0, f64::NEG_INFINITY, r#"[0,"-Inf"]"#),
        ] {
            let mut out = String::new();
            point(at, value, &mut out);
            assert_eq!(out, text);
        }
    }
}
