//! Arithmetic as Go does it, special cases and rounding steps included.

use std::f64::consts::{LN_2, LN_10, PI};

use super::super::function::MathFn;
use super::super::tree::BinaryOp;

/// Go's `math.Max`: NaN unless the other is +∞; +0 above -0.
pub(super) fn go_max(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        f64::INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a == 0.0 && b == 0.0 {
        if a.is_sign_negative() { b } else { a }
    } else if a > b {
        a
    } else {
        b
    }
}

/// Go's `math.Min`.
pub(super) fn go_min(a: f64, b: f64) -> f64 {
    -go_max(-a, -b)
}

/// A fraction in [0.5, 1) and an exponent of two.
fn frexp(value: f64) -> (f64, i32) {
    if value == 0.0 || !value.is_finite() {
        return (value, 0);
    }
    let (value, extra) = if value.is_subnormal() { (value * 2f64.powi(52), -52) } else { (value, 0) };
    let bits = value.to_bits();
    let exponent = i32::try_from(bits >> 52 & 0x7ff).unwrap_or(0) - 1022;
    (f64::from_bits(bits & !(0x7ff << 52) | 1022 << 52), exponent + extra)
}

/// `fraction · 2^exponent`
fn ldexp(fraction: f64, exponent: i64) -> f64 {
    let exponent = i32::try_from(exponent.clamp(-5000, 5000)).unwrap_or(0);
    let mut value = fraction;
    let mut left = exponent;
    while left > 1000 {
        value *= 2f64.powi(1000);
        left -= 1000;
    }
    // One rounding only where the result is subnormal: reach its range in exact steps first.
    while left < -1000 {
        let step = if left < -1900 { 900 } else { -left - 1000 };
        value *= 2f64.powi(-step.min(900));
        left += step.min(900);
    }
    value * 2f64.powi(left)
}

/// Go's `math.Pow`: whole exponents by repeated multiplication.
fn pow(x: f64, y: f64) -> f64 {
    if y == 0.0 || x == 1.0 {
        return 1.0;
    }
    if y == 1.0 || x == 0.0 || x.is_infinite() || y.is_infinite() || x.is_nan() || y.is_nan() {
        return x.powf(y);
    }
    if y == 0.5 {
        return x.sqrt();
    }
    if y == -0.5 {
        return 1.0 / x.sqrt();
    }
    let (mut whole, mut part) = (y.abs().trunc(), y.abs().fract());
    if part != 0.0 && x < 0.0 {
        return f64::NAN;
    }
    if whole >= i64::MAX as f64 {
        return x.powf(y);
    }
    let (mut result, mut exponent) = (1.0, 0i64);
    if part != 0.0 {
        if part > 0.5 {
            part -= 1.0;
            whole += 1.0;
        }
        result = (part * x.ln()).exp();
    }
    let (mut base, base_exponent) = frexp(x);
    let mut base_exponent = i64::from(base_exponent);
    let mut bits = whole as i64;
    while bits != 0 {
        if !(-4096..=4096).contains(&base_exponent) {
            exponent += base_exponent;
            break;
        }
        if bits & 1 == 1 {
            result *= base;
            exponent += base_exponent;
        }
        base *= base;
        base_exponent <<= 1;
        if base < 0.5 {
            base += base;
            base_exponent -= 1;
        }
        bits >>= 1;
    }
    if y < 0.0 {
        result = 1.0 / result;
        exponent = -exponent;
    }
    ldexp(result, exponent)
}

fn log2(value: f64) -> f64 {
    let (fraction, exponent) = frexp(value);
    if fraction == 0.5 { f64::from(exponent - 1) } else { fraction.ln() * (1.0 / LN_2) + f64::from(exponent) }
}

/// An operator on two numbers; comparisons answer 1 or 0.
pub(super) fn scalar(op: BinaryOp, left: f64, right: f64) -> f64 {
    match op {
        BinaryOp::Add => left + right,
        BinaryOp::Sub => left - right,
        BinaryOp::Mul => left * right,
        BinaryOp::Div => left / right,
        BinaryOp::Mod => left % right,
        BinaryOp::Pow => pow(left, right),
        BinaryOp::Atan2 => left.atan2(right),
        _ => f64::from(u8::from(holds(op, left, right))),
    }
}

/// Whether a comparison holds.
pub(super) fn holds(op: BinaryOp, left: f64, right: f64) -> bool {
    match op {
        BinaryOp::Equal => left == right,
        BinaryOp::NotEqual => left != right,
        BinaryOp::Greater => left > right,
        BinaryOp::Less => left < right,
        BinaryOp::GreaterEqual => left >= right,
        BinaryOp::LessEqual => left <= right,
        _ => false,
    }
}

/// A function of one number.
pub(super) fn math(function: MathFn, value: f64) -> f64 {
    match function {
        MathFn::Abs => value.abs(),
        MathFn::Ceil => value.ceil(),
        MathFn::Floor => value.floor(),
        MathFn::Exp => value.exp(),
        MathFn::Ln => value.ln(),
        MathFn::Log2 => log2(value),
        MathFn::Log10 => log2(value) * (LN_2 / LN_10),
        MathFn::Sqrt => value.sqrt(),
        MathFn::Sgn => match value {
            _ if value < 0.0 => -1.0,
            _ if value > 0.0 => 1.0,
            _ => value,
        },
        MathFn::Sin => value.sin(),
        MathFn::Cos => value.cos(),
        MathFn::Tan => value.tan(),
        MathFn::Asin => value.asin(),
        MathFn::Acos => value.acos(),
        MathFn::Atan => value.atan(),
        MathFn::Sinh => value.sinh(),
        MathFn::Cosh => value.cosh(),
        MathFn::Tanh => value.tanh(),
        MathFn::Asinh => value.asinh(),
        MathFn::Acosh => value.acosh(),
        MathFn::Atanh => value.atanh(),
        MathFn::Deg => value * 180.0 / PI,
        MathFn::Rad => value * PI / 180.0,
    }
}

#[cfg(test)]
mod tests {
    use super::{frexp, ldexp, log2, pow};

    #[test]
    fn powers_are_exact_where_go_is() {
        for (x, y, z) in [
            (3.0, 2.0, 9.0),
            (-2.0, 3.0, -8.0),
            (2.0, -2.0, 0.25),
            (10.0, 3.0, 1000.0),
            (4.0, 0.5, 2.0),
            (0.0, -1.0, f64::INFINITY),
            (2.0, 1024.0, f64::INFINITY),
            (2.0, -1074.0, 5e-324),
            (f64::NEG_INFINITY, 3.0, f64::NEG_INFINITY),
        ] {
            assert_eq!(pow(x, y), z, "{x} ^ {y}");
        }
        assert_eq!(pow(f64::NAN, 0.0), 1.0);
        assert!(pow(-8.0, 1.0 / 3.0).is_nan());
    }

    #[test]
    fn splits_and_joins() {
        for value in [1.0, -0.75, 1e300, 5e-324, 123.456] {
            let (fraction, exponent) = frexp(value);
            assert!((0.5..1.0).contains(&fraction.abs()), "{value}");
            assert_eq!(ldexp(fraction, i64::from(exponent)), value);
        }
        assert_eq!(log2(8.0), 3.0);
        assert!(log2(-1.0).is_nan());
        assert_eq!(log2(0.0), f64::NEG_INFINITY);
    }
}
