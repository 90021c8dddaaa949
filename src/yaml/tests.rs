//! Stories of files: what they say, and every line that is printed about what they say wrongly.

use super::*;

fn tree(text: &str) -> Node {
    parse(text).unwrap_or_else(|problem| panic!("{text:?}: {problem}"))
}

/// Reads `labels`-like text mappings, for a compact look at what a document holds.
fn pairs(text: &str) -> Vec<(String, String)> {
    let mut problems = Problems::new();
    let pairs = tree(text).text_map("", &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    pairs
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn refusal(text: &str) -> String {
    parse(text).expect_err(text).to_string()
}

#[test]
fn nodes_know_their_place() {
    let root = tree("groups:\n  - name: a\n    rules:\n      - alert: X\n        expr: |\n          up == 0\n");
    let mut problems = Problems::new();
    let groups = root.map("", &mut problems).expect("a mapping").list("groups", &mut problems);
    assert_eq!(groups[0].place, Place { line: 2, column: 5 });
    let mut group = groups[0].map("groups[0]", &mut problems).expect("a mapping");
    let rules = group.list("rules", &mut problems);
    let mut rule = rules[0].map("groups[0].rules[0]", &mut problems).expect("a mapping");
    let expr = rule.take("expr").expect("present");
    assert_eq!((expr.place, expr.text("expr", &mut problems)), (Place { line: 6, column: 11 }, Some("up == 0\n")));
    assert_eq!(rule.entry("alert").map(|entry| entry.place), Some(Place { line: 4, column: 9 }));
    assert!(problems.is_empty());
}

#[test]
fn empty_documents_and_null_collections_are_absent() {
    for text in ["", "# only a comment\n", "---\n", "~", "null\n", "---\n...\n", "\u{feff}"] {
        assert!(tree(text).is_null(), "{text:?}");
    }
    let mut problems = Problems::new();
    let root = tree("groups:\nrules: ~\nname: null\nquoted: \"\"\n");
    let mut map = root.map("", &mut problems).expect("a mapping");
    assert!(map.list("groups", &mut problems).is_empty());
    assert!(map.take("rules").is_none() && map.take("name").is_none());
    assert_eq!(map.text("quoted", &mut problems), Some(""));
    map.finish(&mut problems);
    assert!(problems.is_empty(), "{problems:?}");
}

#[test]
fn any_scalar_is_text() {
    let text = "a: 5\nb: true\nc: 1.50\nd: \"x\\ty\"\ne: 'it''s'\nf: yes\ng:\nh: 0x10\n";
    let want = [
        ("a", "5"),
        ("b", "true"),
        ("c", "1.50"),
        ("d", "x\ty"),
        ("e", "it's"),
        ("f", "yes"),
        ("g", ""),
        ("h", "0x10"),
    ];
    assert_eq!(pairs(text), owned(&want));
}

#[test]
fn line_ends_of_windows_mean_the_same() {
    let unix = "a: 1\nb: |\n  one\n  two\nc: >\n  x\n  y\nd: \"p\n  q\"\n";
    assert_eq!(pairs(unix), pairs(&unix.replace('\n', "\r\n")));
    assert_eq!(pairs(unix)[1].1, "one\ntwo\n");
}

#[test]
fn anchors_and_merge_keys_as_go_reads_them() {
    let cases: [(&str, &[(&str, &str)]); 5] = [
        ("a: &x 1\nb: *x\n", &[("a", "1"), ("b", "1")]),
        // The mapping's own key wins, wherever `<<` stands.
        ("<<: {a: 1, b: 2}\nb: 3\n", &[("b", "3"), ("a", "1")]),
        ("b: 3\n<<: {a: 1, b: 2}\n", &[("b", "3"), ("a", "1")]),
        // Of several, the first wins.
        ("<<: [{a: 1}, {a: 2, c: 3}]\n", &[("a", "1"), ("c", "3")]),
        // Quoted, it is an ordinary key.
        ("\"<<\": 1\n", &[("<<", "1")]),
    ];
    for (text, want) in cases {
        assert_eq!(pairs(text), owned(want), "{text}");
    }
    let root = tree("d: &d {severity: page, team: a}\nlabels:\n  <<: *d\n  team: b\n");
    let mut problems = Problems::new();
    let mut map = root.map("", &mut problems).expect("a mapping");
    let labels = map.take("labels").expect("present").text_map("labels", &mut problems);
    assert_eq!(labels, owned(&[("team", "b"), ("severity", "page")]));
    for (text, message) in [
        ("<<: 5\n", "1:5: `<<` takes a mapping or a list of mappings, such as <<: *defaults"),
        ("<<: [{a: 1}, b]\n", "1:14: `<<` takes a mapping or a list of mappings, such as <<: *defaults"),
        ("<<: {a: 1}\n<<: {b: 1}\n", "2:1: second `<<` in one mapping, write one with a list: <<: [*a, *b]"),
    ] {
        assert_eq!(refusal(text), message);
    }
}

#[test]
fn what_grows_without_bound_is_refused() {
    let mut laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..12 {
        let alias = format!("*a{}", level - 1);
        laughs.push_str(&format!("a{level}: &a{level} [{}]\n", [alias.as_str(); 10].join(", ")));
    }
    assert!(refusal(&laughs).contains("aliases expand to more than 16 MiB"), "{}", refusal(&laughs));
    assert!(refusal(&"[".repeat(5_000)).contains("nested deeper than 64 levels"), "{}", refusal(&"[".repeat(5_000)));
    assert!(refusal(&"- ".repeat(5_000)).contains("nested deeper than 64 levels"));
    let flow_in_block = format!("a:\n  - {}{}", "[".repeat(64), "]".repeat(64));
    assert!(refusal(&flow_in_block).contains("nested deeper than 64 levels"));
    let by_alias = format!("a: &a {}{}\nb: {}*a{}\n", "[".repeat(40), "]".repeat(40), "[".repeat(40), "]".repeat(40));
    assert!(refusal(&by_alias).starts_with("2:44: nested deeper"), "{}", refusal(&by_alias));
    assert_eq!(refusal("a: &a [*a]\n"), "1:8: alias stands inside its own anchor, write the value out");
    // A shared value that is merely used often is fine.
    let often = format!("a: &a {{x: 1}}\nb: [{}]\n", vec!["*a"; 2_000].join(", "));
    assert!(!tree(&often).is_null());
}

#[test]
fn what_is_not_yaml_is_named_with_its_place() {
    for (text, start) in [
        ("a:\n\tb: 1\n", "2:2: not valid yaml: "),
        ("a: [1, 2\nb: 3\n", "2:2: not valid yaml: "),
        ("a: *nobody\n", "1:4: not valid yaml: "),
        ("a: \"x\n", "1:4: not valid yaml: "),
        ("a: b: c\n", "1:5: not valid yaml: "),
        ("a: 1\n---\nb: 2\n", "3:1: a second document begins here, only one is read: put it into a file of its own"),
    ] {
        let message = refusal(text);
        assert!(message.starts_with(start), "{text:?}: {message}");
    }
    assert!(refusal("a:\n\tb: 1\n").contains("indent with spaces"), "{}", refusal("a:\n\tb: 1\n"));
}

#[test]
fn every_problem_of_a_file_is_collected() {
    let text = "intervall: 15s\nname: [x]\ncount: \"5\"\nratio: much\nfor: 5 minutes\nsize: 5 parrots\nok: maybe\nlist: {}\n\
                name: again\n? [odd]\n: 1\nneg: -1\nfine: yes\n";
    let root = tree(text);
    let mut problems = Problems::new();
    let mut map = root.map("", &mut problems).expect("a mapping");
    assert_eq!(map.duration("interval", &mut problems), None);
    assert_eq!(map.text("name", &mut problems), None);
    assert_eq!(map.uint("count", &mut problems), None);
    assert_eq!(map.take("ratio").and_then(|node| node.float("ratio", &mut problems)), None);
    assert_eq!(map.duration("for", &mut problems), None);
    assert_eq!(map.bytes("size", &mut problems), None);
    assert_eq!(map.bool("ok", &mut problems), None);
    assert!(map.list("list", &mut problems).is_empty());
    assert_eq!(map.uint("neg", &mut problems), None);
    assert_eq!(map.bool("fine", &mut problems), Some(true));
    assert!(map.require("groups", &mut problems).is_none());
    map.finish(&mut problems);
    problems.warn(Place { line: 13, column: 1 }, "`yes` is old style");
    let want = "\
f.yml:1:1: unknown key `intervall`, did you mean `interval`?
f.yml:1:1: `groups` is missing, write `groups: …`
f.yml:2:7: `name` must be text, found a list, write one value, quoted if need be
f.yml:3:8: `count` must be a whole number of 0 or more, found the quoted text \"5\", remove the quotes
f.yml:4:8: `ratio` must be a number, found `much`, write digits such as 0.5
f.yml:5:6: `for` must be a duration, found `5 minutes`, write whole numbers with units ms, s, m, h, d, w, y such as 1h30m
f.yml:6:7: `size` must be a size, found `5 parrots`, write bytes or a unit such as 64MiB, 2GiB, 10MB
f.yml:7:5: `ok` must be a boolean, found `maybe`, write true or false
f.yml:8:7: `list` must be a list, found a mapping, write `[a, b]` or lines of `- a`
f.yml:9:1: duplicate key `name`, first at line 2: remove one
f.yml:10:3: a key must be text, found a list
f.yml:12:6: `neg` must be a whole number of 0 or more, found `-1`, write digits such as 100
f.yml:13:1: warning: `yes` is old style
";
    let mut lines: Vec<String> = problems.print("f.yml").lines().map(str::to_owned).collect();
    lines[..2].sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(lines.join("\n") + "\n", want);
    assert_eq!((problems.errors(), problems.has_errors()), (12, true));
}

#[test]
fn unknown_keys_name_the_nearest_or_all() {
    for (word, known) in
        [("intervall", Some("interval")), ("Interval", Some("interval")), ("fro", Some("for")), ("zzz", None)]
    {
        assert_eq!(nearest(word, ["interval", "for", "expr"]), known, "{word}");
    }
    let mut problems = Problems::new();
    let root = tree("zzz: 1\n");
    let mut map = root.map("groups[0]", &mut problems).expect("a mapping");
    let _ = (map.take("name"), map.take("rules"));
    map.finish(&mut problems);
    assert_eq!(problems.print("f"), "f:1:1: unknown key `zzz` in `groups[0]`, known are name, rules\n");
}

#[test]
fn typed_scalars_as_go_accepts_them() {
    let mut problems = Problems::new();
    let mut uint = |text: &str| tree(text).uint("n", &mut problems);
    assert_eq!([uint("5.0"), uint("1e3"), uint("0x10"), uint("!!int \"7\"")], [Some(5), Some(1000), Some(16), Some(7)]);
    assert_eq!(uint("!!str 5"), None);
    assert_eq!(problems.errors(), 1);
    let mut problems = Problems::new();
    assert_eq!(tree("\"1h\"").duration("d", &mut problems), Some(3_600_000));
    assert_eq!(tree("0").duration("d", &mut problems), Some(0));
    assert_eq!(tree("[a, 1, true]").texts("l", &mut problems), Some(vec!["a", "1", "true"]));
    assert!(problems.is_empty());
    assert_eq!(tree("[a, ]").texts("l", &mut problems), Some(vec!["a"]));
    assert_eq!(tree("[a, ~]").texts("l", &mut problems), Some(vec!["a"]));
    assert_eq!(problems.errors(), 1);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 512, failure_persistence: None, ..Default::default() })]

    /// Whatever the bytes are, reading ends, without a panic, in a tree or in one printable line.
    #[test]
    fn any_text_is_a_tree_or_a_problem(text in "([-a-z:?&*!|>'\"%@`#{}\\[\\], \n\t<]|\\PC){0,60}") {
        match parse(&text) {
            Ok(node) => {
                let mut problems = Problems::new();
                if let Some(map) = node.map("", &mut problems) {
                    map.finish(&mut problems);
                }
                let _ = (node.duration("", &mut problems), node.list("", &mut problems), node.text_map("", &mut problems));
                proptest::prop_assert!(problems.print("f").lines().count() == problems.iter().count(), "{text:?}");
            }
            Err(problem) => proptest::prop_assert_eq!(problem.line("f").lines().count(), 1),
        }
    }
}
