//! Every function of PromQL: those we have with their types, those we refuse with the reason.

use super::tree::{Node, Type};

/// A function that reads a window of each series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rule) enum WindowFn {
    Rate,
    Increase,
    Delta,
    Irate,
    Idelta,
    Deriv,
    PredictLinear,
    Changes,
    Resets,
    Avg,
    Min,
    Max,
    Sum,
    Count,
    Last,
    Present,
    Stddev,
    Stdvar,
    Quantile,
    First,
    Mad,
    DoubleExponentialSmoothing,
    TsOfFirst,
    TsOfLast,
    TsOfMax,
    TsOfMin,
}

/// A function of each element's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rule) enum MathFn {
    Abs,
    Ceil,
    Floor,
    Exp,
    Ln,
    Log2,
    Log10,
    Sqrt,
    Sgn,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Sinh,
    Cosh,
    Tanh,
    Asinh,
    Acosh,
    Atanh,
    Deg,
    Rad,
}

/// A function of each element's value, or of the instant, as a date in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rule) enum DateFn {
    Minute,
    Hour,
    DayOfWeek,
    DayOfMonth,
    DayOfYear,
    DaysInMonth,
    Month,
    Year,
}

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rule) enum Function {
    Window(WindowFn),
    Math(MathFn),
    Date(DateFn),
    Absent,
    AbsentOverTime,
    Clamp,
    ClampMin,
    ClampMax,
    Round,
    HistogramQuantile,
    HistogramFraction,
    LabelReplace,
    LabelJoin,
    MaxOf,
    MinOf,
    Pi,
    Scalar,
    Sort,
    SortByLabel,
    SortByLabelDesc,
    SortDesc,
    Time,
    Timestamp,
    Vector,
}

impl Function {
    pub(in crate::rule) const fn yields(self) -> Type {
        match self {
            Self::MaxOf | Self::MinOf | Self::Pi | Self::Scalar | Self::Time => Type::Scalar,
            _ => Type::Vector,
        }
    }

    /// Whether a result depends on several series at once.
    pub(super) const fn joins_series(self) -> bool {
        matches!(
            self,
            Self::Absent | Self::AbsentOverTime | Self::Scalar | Self::HistogramQuantile | Self::HistogramFraction
        )
    }

    /// Whether it can yield without any series.
    pub(super) fn always_yields(self, arguments: &[Node]) -> bool {
        match self {
            Self::Absent
            | Self::AbsentOverTime
            | Self::MaxOf
            | Self::MinOf
            | Self::Pi
            | Self::Scalar
            | Self::Time
            | Self::Vector => true,
            Self::Date(_) => arguments.iter().all(Node::always_yields),
            Self::Window(_) => {
                arguments.iter().any(|argument| argument.kind() == Type::Range && argument.always_yields())
            }
            Self::HistogramQuantile | Self::HistogramFraction => arguments.last().is_some_and(Node::always_yields),
            _ => arguments.first().is_some_and(Node::always_yields),
        }
    }
}

/// How a function is called.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signature {
    pub(super) function: Function,
    pub(super) takes: &'static [Type],
    /// Prometheus' notion: 0 = exactly these; n = the last may be left out, and be there n times at
    /// most; -1 = it may be left out or repeated.
    pub(super) variadic: i8,
}

const WINDOW: [(&str, WindowFn); 19] = [
    ("rate", WindowFn::Rate),
    ("increase", WindowFn::Increase),
    ("delta", WindowFn::Delta),
    ("irate", WindowFn::Irate),
    ("idelta", WindowFn::Idelta),
    ("deriv", WindowFn::Deriv),
    ("predict_linear", WindowFn::PredictLinear),
    ("changes", WindowFn::Changes),
    ("resets", WindowFn::Resets),
    ("avg_over_time", WindowFn::Avg),
    ("min_over_time", WindowFn::Min),
    ("max_over_time", WindowFn::Max),
    ("sum_over_time", WindowFn::Sum),
    ("count_over_time", WindowFn::Count),
    ("last_over_time", WindowFn::Last),
    ("present_over_time", WindowFn::Present),
    ("stddev_over_time", WindowFn::Stddev),
    ("stdvar_over_time", WindowFn::Stdvar),
    ("quantile_over_time", WindowFn::Quantile),
];

const MATH: [(&str, MathFn); 23] = [
    ("abs", MathFn::Abs),
    ("ceil", MathFn::Ceil),
    ("floor", MathFn::Floor),
    ("exp", MathFn::Exp),
    ("ln", MathFn::Ln),
    ("log2", MathFn::Log2),
    ("log10", MathFn::Log10),
    ("sqrt", MathFn::Sqrt),
    ("sgn", MathFn::Sgn),
    ("sin", MathFn::Sin),
    ("cos", MathFn::Cos),
    ("tan", MathFn::Tan),
    ("asin", MathFn::Asin),
    ("acos", MathFn::Acos),
    ("atan", MathFn::Atan),
    ("sinh", MathFn::Sinh),
    ("cosh", MathFn::Cosh),
    ("tanh", MathFn::Tanh),
    ("asinh", MathFn::Asinh),
    ("acosh", MathFn::Acosh),
    ("atanh", MathFn::Atanh),
    ("deg", MathFn::Deg),
    ("rad", MathFn::Rad),
];

const DATE: [(&str, DateFn); 8] = [
    ("minute", DateFn::Minute),
    ("hour", DateFn::Hour),
    ("day_of_week", DateFn::DayOfWeek),
    ("day_of_month", DateFn::DayOfMonth),
    ("day_of_year", DateFn::DayOfYear),
    ("days_in_month", DateFn::DaysInMonth),
    ("month", DateFn::Month),
    ("year", DateFn::Year),
];

const OTHER: [(&str, Signature); 17] = {
    use Function as F;
    use Type::{Range, Scalar, Text, Vector};
    [
        ("absent", Signature { function: F::Absent, takes: &[Vector], variadic: 0 }),
        ("absent_over_time", Signature { function: F::AbsentOverTime, takes: &[Range], variadic: 0 }),
        ("clamp", Signature { function: F::Clamp, takes: &[Vector, Scalar, Scalar], variadic: 0 }),
        ("clamp_max", Signature { function: F::ClampMax, takes: &[Vector, Scalar], variadic: 0 }),
        ("clamp_min", Signature { function: F::ClampMin, takes: &[Vector, Scalar], variadic: 0 }),
        (
            "histogram_fraction",
            Signature { function: F::HistogramFraction, takes: &[Scalar, Scalar, Vector], variadic: 0 },
        ),
        ("histogram_quantile", Signature { function: F::HistogramQuantile, takes: &[Scalar, Vector], variadic: 0 }),
        ("label_join", Signature { function: F::LabelJoin, takes: &[Vector, Text, Text, Text], variadic: -1 }),
        (
            "label_replace",
            Signature { function: F::LabelReplace, takes: &[Vector, Text, Text, Text, Text], variadic: 0 },
        ),
        ("pi", Signature { function: F::Pi, takes: &[], variadic: 0 }),
        ("round", Signature { function: F::Round, takes: &[Vector, Scalar], variadic: 1 }),
        ("scalar", Signature { function: F::Scalar, takes: &[Vector], variadic: 0 }),
        ("sort", Signature { function: F::Sort, takes: &[Vector], variadic: 0 }),
        ("sort_desc", Signature { function: F::SortDesc, takes: &[Vector], variadic: 0 }),
        ("time", Signature { function: F::Time, takes: &[], variadic: 0 }),
        ("timestamp", Signature { function: F::Timestamp, takes: &[Vector], variadic: 0 }),
        ("vector", Signature { function: F::Vector, takes: &[Scalar], variadic: 0 }),
    ]
};

/// Behind Prometheus' feature flag `promql-experimental-functions` in 3.13.
const EXPERIMENTAL: [(&str, Signature); 11] = {
    use Function as F;
    use Type::{Range, Scalar, Text, Vector};
    const fn window(function: WindowFn) -> Signature {
        Signature { function: F::Window(function), takes: &[Range], variadic: 0 }
    }
    let smoothing = F::Window(WindowFn::DoubleExponentialSmoothing);
    [
        (
            "double_exponential_smoothing",
            Signature { function: smoothing, takes: &[Range, Scalar, Scalar], variadic: 0 },
        ),
        ("first_over_time", window(WindowFn::First)),
        ("mad_over_time", window(WindowFn::Mad)),
        ("max_of", Signature { function: F::MaxOf, takes: &[Scalar, Scalar], variadic: 0 }),
        ("min_of", Signature { function: F::MinOf, takes: &[Scalar, Scalar], variadic: 0 }),
        ("sort_by_label", Signature { function: F::SortByLabel, takes: &[Vector, Text], variadic: -1 }),
        ("sort_by_label_desc", Signature { function: F::SortByLabelDesc, takes: &[Vector, Text], variadic: -1 }),
        ("ts_of_first_over_time", window(WindowFn::TsOfFirst)),
        ("ts_of_last_over_time", window(WindowFn::TsOfLast)),
        ("ts_of_max_over_time", window(WindowFn::TsOfMax)),
        ("ts_of_min_over_time", window(WindowFn::TsOfMin)),
    ]
};

/// Behind the same flag, and not here.
const MISSING: [&str; 6] = ["end", "histogram_quantiles", "info", "range", "start", "step"];

/// Only for native histograms, which the engine does not read.
const NATIVE: [&str; 5] = ["histogram_avg", "histogram_count", "histogram_stddev", "histogram_stdvar", "histogram_sum"];

fn find<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    table.iter().find(|(known, _)| *known == name).map(|(_, function)| *function)
}

/// The function called `name`, or why there is none.
pub(super) fn lookup(name: &str, experimental: bool) -> Result<Signature, String> {
    if let Some(signature) = find(&EXPERIMENTAL, name).filter(|_| experimental) {
        return Ok(signature);
    }
    if let Some(function) = find(&WINDOW, name) {
        let takes: &[Type] = match function {
            WindowFn::PredictLinear => &[Type::Range, Type::Scalar],
            WindowFn::Quantile => &[Type::Scalar, Type::Range],
            _ => &[Type::Range],
        };
        return Ok(Signature { function: Function::Window(function), takes, variadic: 0 });
    }
    if let Some(function) = find(&MATH, name) {
        return Ok(Signature { function: Function::Math(function), takes: &[Type::Vector], variadic: 0 });
    }
    if let Some(function) = find(&DATE, name) {
        return Ok(Signature { function: Function::Date(function), takes: &[Type::Vector], variadic: 1 });
    }
    find(&OTHER, name).ok_or_else(|| refusal(name))
}

fn refusal(name: &str) -> String {
    if find(&EXPERIMENTAL, name).is_some() {
        return format!(
            "function `{name}` is experimental in Prometheus (behind a feature flag), \
             write `rules: {{ experimental: true }}` into the configuration to use it"
        );
    }
    if MISSING.contains(&name) {
        return format!(
            "function `{name}` is experimental in Prometheus (behind a feature flag) and not supported yet, \
             write the expression without it"
        );
    }
    if NATIVE.contains(&name) {
        return format!(
            "function `{name}` is for native histograms, which are not supported yet, \
             use the _count, _sum and _bucket series of a classic histogram"
        );
    }
    let names = WINDOW.iter().map(|(name, _)| *name);
    let names = names.chain(MATH.iter().map(|(name, _)| *name)).chain(DATE.iter().map(|(name, _)| *name));
    let names =
        names.chain(OTHER.iter().map(|(name, _)| *name)).chain(super::parse::AGGREGATIONS.map(|(name, _)| name));
    let nearest = names.map(|known| (strsim::damerau_levenshtein(known, name), known)).min();
    match nearest {
        Some((distance, known)) if distance <= 3 => {
            format!("unknown function `{name}`, did you mean `{known}`?")
        }
        _ => format!("unknown function `{name}`, use one of Prometheus' functions"),
    }
}
