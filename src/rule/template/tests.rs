//! What templates expand to, and what is refused at load.

use super::*;
use crate::rule::promql::Element;

/// Two series answer to `up`, an error to `broken`, nothing to the rest.
fn asked(query: &str) -> Result<Vec<Element>, String> {
    let element = |job: &str, value| Element { labels: Labels::from_pairs([("job", job)]), value };
    match query {
        "up" => Ok(vec![element("b", 0.0), element("a", 1.0)]),
        "broken" => Err("many-to-many matching not allowed".to_owned()),
        _ => Ok(Vec::new()),
    }
}

fn expand(source: &str, labels: &[(&str, &str)], value: f64) -> String {
    let around = Surroundings {
        external_labels: Labels::from_pairs([("env", "dev")]),
        external_url: "https://gate.example/watch".to_owned(),
    };
    let template = Template::parse(source).unwrap_or_else(|error| panic!("{source}: {error}"));
    template.expand(&Labels::from_pairs(labels.iter().copied()), value, 1_423_105_597_000, &around, &mut asked)
}

#[test]
fn expands_as_prometheus_does() {
    let cases = [
        ("plain", "plain"),
        ("{{ $labels.job }} at {{ $value }}", "api at 0.05123"),
        ("{{ .Labels.job }} {{ .Value | humanizePercentage }}", "api 5.123%"),
        ("[{{ $labels.missing }}]", "[]"),
        ("{{ if eq $labels.missing \"\" }}none{{ end }}", "none"),
        ("{{ $labels.missing | toUpper }}x", "x"),
        ("{{ range $k, $v := $labels }}{{ $k }}={{ $v }} {{ end }}", "instance=db-1.example.com:9100 job=api "),
        ("{{ index $labels \"job\" }}{{ index $labels \"nope\" }}", "api"),
        ("{{ $externalLabels.env }}{{ .ExternalLabels.env }} {{ $externalURL }}", "devdev https://gate.example/watch"),
        ("{{ externalURL }} {{ pathPrefix }}", "https://gate.example/watch /watch"),
        ("{{ printf \"%.2f\" $value }}", "0.05"),
        ("{{ 1234567.0 | humanize }} {{ 0.00012 | humanize }} {{ humanize 0.0 }}", "1.235M 120u 0"),
        ("{{ humanize1024 1048576.0 }} {{ humanize1024 1.0 }}", "1Mi 1"),
        (
            "{{ humanizeDuration 90061.0 }} {{ humanizeDuration .12345 }} {{ humanizeDuration 12.345 }}",
            "1d 1h 1m 1s 123.5ms 12.35s",
        ),
        ("{{ humanizeDuration \"899.99\" }} {{ humanizeDuration 0 }} {{ humanizeDuration -1 }}", "14m 59s 0s -1s"),
        (
            "{{ humanizeTimestamp 1423105597 }} {{ 1435065584.128 | humanizeTimestamp }}",
            "2015-02-05 03:06:37 +0000 UTC 2015-06-23 13:19:44.128 +0000 UTC",
        ),
        (
            "{{ 1234567.0 }} {{ 123456.5 }} {{ .00001 }} {{ 0.0 }}{{ if true }} {{ 2000000.0 }}{{ end }}",
            "1.234567e+06 123456.5 1e-05 0 2e+06",
        ),
        ("{{ now }}", "1.423105597e+09"),
        ("{{ \"aa bb-cc\" | title }} {{ toUpper \"x\" }} {{ toLower \"X\" }}", "Aa Bb-Cc X x"),
        ("{{ match \"a+\" \"baa\" }} {{ reReplaceAll \"(b)a\" \"x$1\" \"bac\" }}", "true xbc"),
        (
            "{{ stripPort $labels.instance }} {{ stripDomain $labels.instance }} {{ stripPort \"[::1]:80\" }}",
            "db-1.example.com db-1:9100 ::1",
        ),
        ("{{ parseDuration \"1h30m\" }} {{ parseDuration \"-90s\" }}", "5400 -90"),
        ("{{ urlQueryEscape \"a b&c\" }}", "a+b%26c"),
        ("{{ define \"t\" }}<{{ .arg0 }}>{{ end }}{{ template \"t\" (args 1) }}", "<1>"),
    ];
    for (source, text) in cases {
        let labels = [("job", "api"), ("instance", "db-1.example.com:9100")];
        assert_eq!(expand(source, &labels, 0.05123), text, "{source}");
    }
}

#[test]
fn queries_and_prints_as_prometheus_does() {
    let cases = [
        (r#"{{ query "up" | first | value }} {{ with query "up" }}{{ . | first | label "job" }}{{ end }}"#, "1 a"),
        (r#"{{ range query "up" | sortByLabel "job" }}{{ .Labels.job }}:{{ .Value }} {{ end }}"#, "a:1 b:0 "),
        (
            r#"{{ with printf "u%s" "p" | query }}{{ len . }}{{ end }}{{ with query "no" }}x{{ else }}none{{ end }}"#,
            "2none",
        ),
        (
            r#"{{ query "up" | first | strvalue }}|{{ toTime 1.5 }}|{{ toDuration 3661.25 }} {{ toDuration 0.0015 }}"#,
            "|1970-01-01 00:00:01.5 +0000 UTC|1h1m1.25s 1.5ms",
        ),
        (
            r#"{{ graphLink "up{a='b'} > 1" }} {{ tableLink "up" }}"#,
            "/graph?g0.expr=up%7Ba%3D%27b%27%7D+%3E+1&g0.tab=0 /graph?g0.expr=up&g0.tab=1",
        ),
        (
            r#"{{ printf "%v %s %.1f %d%% %v" 1234567.0 "x" 0.25 7 $labels.job }} {{ print 2000000.0 1 "a" }}"#,
            "1.234567e+06 x 0.2 7% api 2e+06 1a",
        ),
    ];
    for (source, text) in cases {
        assert_eq!(expand(source, &[("job", "api")], 0.0), text, "{source}");
    }
    assert!(expand(r#"{{ query "broken" }}"#, &[], 0.0).contains("many-to-many"));
    assert!(expand(r#"{{ query "no" | first }}"#, &[], 0.0).contains("first() called on vector with no elements"));
    let template = Template::parse(r#"{{ query "up" }}{{ "x" | query }}{{ query $labels.job }}"#).expect("parses");
    assert_eq!((template.queries().collect::<Vec<_>>(), template.computes_queries()), (vec!["up", "x"], true));
}

#[test]
fn refuses_at_load_what_cannot_work() {
    let cases = [
        ("{{ $labels.job", "unclosed action"),
        ("{{ nope 1 }}", "function \"nope\" not defined"),
        ("{{ if $lables.job }}{{ end }}", "undefined variable \"$lables\""),
        ("{{ if true }}", "unexpected EOF"),
    ];
    for (source, part) in cases {
        let error = Template::parse(source).expect_err(source);
        assert!(error.contains(part), "{source}: {error}");
    }
}

#[test]
fn an_error_is_shown_in_place_and_endless_output_is_cut() {
    assert!(expand("{{ humanize \"one\" }}", &[], 0.0).starts_with("<error expanding template: "));
    assert!(expand("{{ len 3 }}", &[], 0.0).starts_with("<error expanding template: "));
    let endless = expand("{{ range 9999 }}0123456789{{ end }}", &[], 0.0);
    assert_eq!(endless.len(), OUTPUT_BYTES_MAX);
    assert!(expand("{{ range 999999 }}{{ end }}", &[], 0.0).starts_with("<error expanding template: "));
}
