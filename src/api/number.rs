//! Numbers and times in the forms that Go's JSON has.

use serde::{Serialize, Serializer};

use crate::alert::text::{ZERO_TIME, rfc3339_nano};
use crate::model::time::Millis;

/// Go's `FormatFloat(value, 'e', -1, 64)`: `1e+00`, as Prometheus prints an alert's value.
pub(super) fn exponent(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// A number without a needless fraction: `15`, `0.5`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Number(pub(super) f64);

impl Number {
    /// Milliseconds as seconds.
    pub(super) fn seconds(millis: Millis) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "durations are far below 2^52 ms")]
        let seconds = millis as f64 / 1000.0;
        Self(seconds)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let whole = self.0.fract() == 0.0 && self.0.abs() < 1e15;
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
        if whole { serializer.serialize_i64(self.0 as i64) } else { serializer.serialize_f64(self.0) }
    }
}

/// A time that may never have come.
pub(super) fn time(at: Option<Millis>) -> String {
    at.map_or_else(|| ZERO_TIME.to_owned(), rfc3339_nano)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_go_does() {
        let cases = [
            (1.0, "1e+00"),
            (0.0, "0e+00"),
            (-0.0, "-0e+00"),
            (0.05, "5e-02"),
            (123_456.789, "1.23456789e+05"),
            (1e100, "1e+100"),
            (5e-324, "5e-324"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ];
        for (value, printed) in cases {
            assert_eq!(exponent(value), printed);
        }
        let json = serde_json::to_string(&[Number(15.0), Number(0.0005), Number::seconds(1500)]);
        assert_eq!(json.expect("JSON"), "[15,0.0005,1.5]");
    }
}
