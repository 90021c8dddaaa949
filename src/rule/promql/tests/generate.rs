//! Random expressions and random series, from a seed: the same seed, the same data.
//!
//! Needs nothing but the standard library, so that the integration tests include it too.

/// A small generator of random numbers (xorshift64*).
pub(crate) struct Random(u64);

impl Random {
    /// A generator whose numbers follow from `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 11) % bound
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        let at = self.below(choices.len() as u64);
        choices[usize::try_from(at).unwrap_or(0)]
    }
}

/// One series: its labels sorted by name, and its samples.
pub(crate) type Series = (Vec<(String, String)>, Vec<(i64, f64)>);

/// The newest instant the data reaches.
pub(crate) const NOW: i64 = 1_700_000_000_000;

/// The bit pattern that ends a series.
const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// Random series over the 15 minutes before [`NOW`] and a minute after: counters with resets,
/// gauges with NaN and infinities, a classic histogram; gaps, ends and lone samples among them.
pub(crate) fn series(random: &mut Random) -> Vec<Series> {
    let mut found: Vec<Series> = Vec::new();
    let mut add = |labels: &[(&str, &str)], samples: Vec<(i64, f64)>| {
        let mut labels: Vec<_> = labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        labels.retain(|(_, value)| !value.is_empty());
        labels.sort();
        if !samples.is_empty() && found.iter().all(|(known, _)| *known != labels) {
            found.push((labels, samples));
        }
    };
    for metric in ["c_total", "d_total", "g", "k", "info"] {
        for job in ["a", "b"] {
            for instance in ["1", "2", "3"] {
                let zone = random.pick(&["", "x", "y"]);
                if random.chance(20) {
                    continue;
                }
                let labels = [("__name__", metric), ("job", job), ("instance", instance), ("zone", zone)];
                let samples = if metric.ends_with("total") { counter(random) } else { gauge(random) };
                add(&labels, samples);
            }
        }
    }
    for job in ["a", "b"] {
        for instance in ["1", "2"] {
            let times = timestamps(random);
            let mut counts = vec![0.0; times.len()];
            for le in ["0.1", "0.5", "1", "2.5", "+Inf", "odd"] {
                if random.chance(8) {
                    continue;
                }
                let mut grown = 0.0;
                for count in &mut counts {
                    grown += random.below(9) as f64;
                    *count += grown;
                }
                let labels = [("__name__", "h_bucket"), ("job", job), ("instance", instance), ("le", le)];
                add(&labels, times.iter().copied().zip(counts.iter().copied()).collect());
            }
        }
    }
    found
}

fn timestamps(random: &mut Random) -> Vec<i64> {
    let step = [15_000, 15_000, 30_000, 60_000, 5_000][random.below(5) as usize];
    let mut time = NOW - 900_000 + random.below(400_000) as i64;
    let end = if random.chance(20) { NOW - random.below(600_000) as i64 } else { NOW + 60_000 };
    let mut times = Vec::new();
    while time <= end {
        if !random.chance(5) {
            times.push(time);
        }
        time += step + if random.chance(30) { random.below(2000) as i64 } else { 0 };
    }
    times
}

fn counter(random: &mut Random) -> Vec<(i64, f64)> {
    let mut value = random.below(1000) as f64;
    let fractional = random.chance(40);
    let times = timestamps(random);
    let grow = |random: &mut Random, time: i64| {
        if random.chance(4) {
            value = random.below(5) as f64;
        } else if !random.chance(15) {
            value += random.below(50) as f64 + if fractional { random.below(1000) as f64 / 997.0 } else { 0.0 };
        }
        (time, if random.chance(2) { STALE } else { value })
    };
    let mut grow = grow;
    times.into_iter().map(|time| grow(random, time)).collect()
}

fn gauge(random: &mut Random) -> Vec<(i64, f64)> {
    let kind = random.below(4);
    let times = timestamps(random);
    let value = |random: &mut Random| match (kind, random.below(100)) {
        (_, 0..2) => STALE,
        (3, 2..6) => f64::NAN,
        (3, 6..9) => f64::INFINITY,
        (3, 9..11) => f64::NEG_INFINITY,
        (3, 11..14) => 1e308,
        (3, 14..16) => 0.0,
        (0, _) => 1.0,
        (1, _) => random.below(4) as f64,
        _ => random.below(200_000) as f64 / 777.0 - 100.0,
    };
    times.into_iter().map(|time| (time, value(random))).collect()
}

/// A random expression that yields an instant vector.
pub(crate) fn vector(random: &mut Random, depth: u32) -> String {
    if depth == 0 {
        return selector(random, false);
    }
    match random.below(20) {
        0..2 => selector(random, false),
        2..7 => over_window(random, depth),
        7..11 => aggregation(random, depth),
        11..17 => binary(random, depth),
        17 => histogram(random),
        _ => function(random, depth),
    }
}

fn selector(random: &mut Random, wants_range: bool) -> String {
    let metric = random.pick(&["c_total", "d_total", "g", "k", "g", "k", "info", "h_bucket", "nothing"]);
    let matchers = random.pick(&[
        "",
        "",
        "",
        r#"{job="a"}"#,
        r#"{job!="a"}"#,
        r#"{instance=~"1|2"}"#,
        r#"{zone!~"x.*"}"#,
        r#"{zone=""}"#,
        r#"{job="a",instance="1"}"#,
        r#"{le=~"0\\.5|1|"}"#,
    ]);
    let named = random.chance(5);
    let head = if named {
        let inside = matchers.trim_start_matches('{');
        let separator = if inside.is_empty() { "}" } else { "," };
        format!(r#"{{__name__=~"{metric}|g"{separator}{inside}"#)
    } else {
        format!("{metric}{matchers}")
    };
    let range =
        if wants_range { random.pick(&["[1m]", "[2m]", "[5m]", "[30s]", "[90s]", "[10m]", "[75]"]) } else { "" };
    format!("{head}{range}{}", modifiers(random))
}

/// `offset` and `@`, in either order.
fn modifiers(random: &mut Random) -> String {
    let offset =
        if random.chance(12) { random.pick(&[" offset 1m", " offset -30s", " offset 7m", " offset 45"]) } else { "" };
    let at = match random.below(40) {
        0 => " @ start()".to_owned(),
        1 => " @ end()".to_owned(),
        2..5 => format!(" @ {}", (NOW - random.below(800_000) as i64 + 100_000) as f64 / 1000.0),
        _ => String::new(),
    };
    if random.chance(50) { format!("{offset}{at}") } else { format!("{at}{offset}") }
}

/// A subquery, nested at times.
fn subquery(random: &mut Random, depth: u32) -> String {
    let body = match random.below(6) {
        0 | 1 => selector(random, false),
        2 | 3 => over_window(random, depth.saturating_sub(1)),
        _ => vector(random, depth.saturating_sub(1)),
    };
    let body = if random.chance(30) && depth == 0 { body } else { format!("({body})") };
    let range = random.pick(&["1m", "2m", "5m", "90s", "10m"]);
    let step = random.pick(&["", "", "15s", "30s", "7s", "1m", "2m"]);
    format!("{body}[{range}:{step}]{}", modifiers(random))
}

fn over_window(random: &mut Random, depth: u32) -> String {
    let range = if depth > 0 && random.chance(25) { subquery(random, depth - 1) } else { selector(random, true) };
    let function = random.pick(&[
        "rate",
        "rate",
        "rate",
        "increase",
        "increase",
        "delta",
        "irate",
        "idelta",
        "deriv",
        "changes",
        "resets",
        "avg_over_time",
        "min_over_time",
        "max_over_time",
        "sum_over_time",
        "count_over_time",
        "last_over_time",
        "present_over_time",
        "stddev_over_time",
        "stdvar_over_time",
        "quantile_over_time",
        "predict_linear",
        "absent_over_time",
        "mad_over_time",
        "first_over_time",
        "double_exponential_smoothing",
        "ts_of_first_over_time",
        "ts_of_last_over_time",
        "ts_of_max_over_time",
        "ts_of_min_over_time",
    ]);
    match function {
        "quantile_over_time" => {
            format!("{function}({}, {range})", random.pick(&["0.5", "0.9", "0", "1", "-1", "2", "NaN"]))
        }
        "double_exponential_smoothing" => {
            format!("{function}({range}, {}, 0.{})", random.pick(&["0.5", "0.9", "0.1", "1", "NaN"]), random.below(10))
        }
        "predict_linear" => format!("{function}({range}, {})", random.pick(&["60", "3600", "-10", "0"])),
        _ => format!("{function}({range})"),
    }
}

fn labels(random: &mut Random) -> String {
    let mut chosen: Vec<&str> = ["job", "instance", "zone", "le"].into_iter().filter(|_| random.chance(40)).collect();
    if random.chance(3) {
        chosen.push("__name__");
    }
    chosen.join(", ")
}

fn aggregation(random: &mut Random, depth: u32) -> String {
    let op = random.pick(&[
        "sum",
        "sum",
        "avg",
        "min",
        "max",
        "count",
        "group",
        "stddev",
        "stdvar",
        "topk",
        "bottomk",
        "quantile",
        "count_values",
        "limitk",
        "limit_ratio",
    ]);
    let grouping = match random.below(5) {
        0 => String::new(),
        1 => format!(" without ({})", labels(random)),
        _ => format!(" by ({})", labels(random)),
    };
    let body = vector(random, depth - 1);
    match op {
        "limit_ratio" => format!("{op}{grouping} ({}, {body})", random.pick(&["0.5", "-0.5", "0.2", "-0.8", "0", "7"])),
        "topk" | "bottomk" | "limitk" => {
            format!("{op}{grouping} ({}, {body})", random.pick(&["1", "2", "3", "0", "1e3"]))
        }
        "quantile" => format!("{op}{grouping} ({}, {body})", random.pick(&["0.5", "0.25", "1", "0", "7"])),
        "count_values" => format!(r#"{op}{grouping} ("{}", {body})"#, random.pick(&["v", "job", "zone"])),
        _ => format!("{op}{grouping} ({body})"),
    }
}

fn scalar(random: &mut Random, depth: u32) -> String {
    match random.below(10) {
        8 => format!("{}({}, 3)", random.pick(&["max_of", "min_of"]), scalar(random, depth)),
        0..5 => random.pick(&["1", "2.5", "0", "-3", "100", "1e-3", "Inf", "NaN", "1_000"]).to_owned(),
        5 => "time()".to_owned(),
        6 => format!("scalar({})", vector(random, depth.saturating_sub(1))),
        7 => "(2 + 3 * 4 - 1)".to_owned(),
        _ => "(7 % 4 > bool 2)".to_owned(),
    }
}

fn binary(random: &mut Random, depth: u32) -> String {
    let left = vector(random, depth - 1);
    let arithmetic = ["+", "-", "*", "/", "%", "^", "atan2"];
    let comparison = ["==", "!=", ">", "<", ">=", "<="];
    let kind = random.below(10);
    let op = match kind {
        0..4 => random.pick(&arithmetic[..5]),
        4..7 => random.pick(&comparison),
        _ => random.pick(&["and", "or", "unless"]),
    };
    let compares = (4..7).contains(&kind);
    let modifier = if compares && random.chance(30) { " bool" } else { "" };
    if kind < 7 && random.chance(45) {
        let number = scalar(random, depth);
        let (a, b) = if random.chance(50) { (left, number) } else { (number, left) };
        return format!("({a}) {op}{modifier} ({b})");
    }
    let right = match random.below(12) {
        0 => "vector(1)".to_owned(),
        1 => "vector(time())".to_owned(),
        2..6 => left.clone(),
        _ => vector(random, depth - 1),
    };
    let mut matching = match random.below(4) {
        0 | 1 => String::new(),
        2 => format!(" on ({})", labels(random)),
        _ => format!(" ignoring ({})", labels(random)),
    };
    if kind < 7 && !matching.is_empty() && random.chance(50) {
        let include = random.pick(&["", "(zone)", "()", "(version)"]);
        let side = random.pick(&["group_left", "group_right"]);
        if !(matching.contains("on (")
            && !matching.contains("ignoring")
            && matching.contains("zone")
            && include == "(zone)")
        {
            matching.push_str(&format!(" {side} {include}"));
        }
    }
    format!("({left}) {op}{modifier}{matching} ({right})")
}

fn histogram(random: &mut Random) -> String {
    let inner = match random.below(4) {
        0 => "h_bucket".to_owned(),
        1 => format!("rate(h_bucket[{}])", random.pick(&["1m", "5m"])),
        2 => format!("sum by (le, job) (rate(h_bucket[{}]))", random.pick(&["2m", "5m"])),
        _ => format!("sum by ({}) (h_bucket)", labels(random)),
    };
    if random.chance(25) {
        return format!(
            "histogram_fraction({}, {}, {inner})",
            random.pick(&["0", "-1", "0.2", "NaN"]),
            random.pick(&["0.7", "1", "Inf"])
        );
    }
    format!("histogram_quantile({}, {inner})", random.pick(&["0.5", "0.9", "0.99", "0", "1", "-1", "3", "NaN"]))
}

fn function(random: &mut Random, depth: u32) -> String {
    let body = vector(random, depth - 1);
    match random.below(16) {
        0..2 => format!("{}({body})", random.pick(&["abs", "ceil", "floor", "sgn", "sqrt"])),
        2 => format!("round({body})"),
        3 => format!("round({body}, {})", random.pick(&["0.5", "10", "0"])),
        4 => format!("clamp({body}, {}, {})", random.pick(&["0", "-5", "NaN"]), random.pick(&["3", "100", "-9"])),
        5 => format!("{}({body}, {})", random.pick(&["clamp_min", "clamp_max"]), scalar(random, depth)),
        6 => format!("absent({body})"),
        7 => format!("vector({})", scalar(random, depth)),
        8 => format!("timestamp({body})"),
        9 => format!("-({body})"),
        10 => format!(
            r#"label_replace({body}, "{}", "{}", "{}", "{}")"#,
            random.pick(&["zone", "new", "job", "__name__"]),
            random.pick(&["$1", "n-$1$$", "${1}x", "", "$x", "$9", "$"]),
            random.pick(&["job", "instance", "zone", "none"]),
            random.pick(&["(.*)", "(a|1)", "(?P<x>[0-9]+)", "b", ""])
        ),
        11 => format!(
            r#"label_join({body}, "{}", "{}", "job", "{}")"#,
            random.pick(&["zone", "new"]),
            random.pick(&["-", ""]),
            random.pick(&["instance", "none", "__name__"])
        ),
        12 if random.chance(50) => {
            format!("{}({body}, \"instance\", \"le\")", random.pick(&["sort_by_label", "sort_by_label_desc"]))
        }
        12 => format!("{}({body})", random.pick(&["sort", "sort_desc"])),
        13 | 14 => format!(
            "{}({body})",
            random.pick(&[
                "minute",
                "hour",
                "day_of_week",
                "day_of_month",
                "day_of_year",
                "days_in_month",
                "month",
                "year"
            ])
        ),
        _ => random.pick(&["hour()", "minute()", "absent(nothing{job=\"a\"})", "vector(pi())"]).to_owned(),
    }
}
