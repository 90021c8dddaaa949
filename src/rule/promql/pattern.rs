//! Go's RE2 syntax for Rust's `regex`: the same text, the same language.
//!
//! The two differ where Rust knows more (Unicode `\d`, `\w`, `\s`, `\b`; `&&`, `--`, `~~` and nested
//! sets in a class; `\<`) or less (`\Q…\E`, octal escapes, a `{` that opens no repetition). Every
//! construct is therefore rewritten into one that both read alike.

use regex::Regex;

/// The pattern that matches whole values, as Prometheus anchors it; `.` matches a newline too.
///
/// # Errors
/// What `pattern` uses that cannot be had, or what is wrong with it.
pub(super) fn anchored(pattern: &str) -> Result<Regex, String> {
    let translated = translate(pattern)?;
    Regex::new(&format!("^(?s:{translated})$")).map_err(|error| {
        let reason = error.to_string();
        let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        format!("invalid regular expression {pattern:?}: {reason}")
    })
}

fn translate(pattern: &str) -> Result<String, String> {
    let mut reader = Reader { pattern, rest: pattern, out: String::with_capacity(pattern.len() + 8) };
    while let Some(c) = reader.rest.chars().next() {
        match c {
            '\\' => reader.escape()?,
            '[' => reader.class()?,
            '{' => reader.brace(),
            _ => {
                reader.out.push(c);
                reader.skip(c.len_utf8());
            }
        }
    }
    Ok(reader.out)
}

struct Reader<'a> {
    pattern: &'a str,
    rest: &'a str,
    out: String,
}

/// What one escape stands for.
enum Escaped {
    /// One character.
    Literal(char),
    /// The inside of a class, and whether it is negated.
    Class(String, bool),
    /// Anything else, already in Rust's syntax; not allowed in a class.
    Outside(&'static str),
}

impl Reader<'_> {
    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    fn invalid<T>(&self, what: &str) -> Result<T, String> {
        Err(format!("invalid regular expression {:?}: {what}", self.pattern))
    }

    fn literal(&mut self, c: char) {
        if c.is_ascii_alphanumeric() {
            self.out.push(c);
        } else {
            self.out.push_str(&format!("\\x{{{:X}}}", u32::from(c)));
        }
    }

    /// A `{` that opens no `{n}`, `{n,}` or `{n,m}` is a plain character in Go.
    fn brace(&mut self) {
        let inside = self.rest[1..].split_once('}').map(|(inside, _)| inside);
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let repeats = inside.is_some_and(|inside| match inside.split_once(',') {
            None => is_number(inside),
            Some((least, most)) => is_number(least) && (most.is_empty() || is_number(most)),
        });
        self.out.push_str(if repeats { "{" } else { "\\{" });
        self.skip(1);
    }

    fn escape(&mut self) -> Result<(), String> {
        if let Some(quoted) = self.rest.strip_prefix("\\Q") {
            let (quoted, rest) = quoted.split_once("\\E").unwrap_or((quoted, ""));
            quoted.chars().for_each(|c| self.literal(c));
            self.rest = rest;
            return Ok(());
        }
        match self.escaped()? {
            Escaped::Literal(c) => self.literal(c),
            Escaped::Class(inside, negated) => {
                self.out.push_str(&format!("[{}{inside}]", if negated { "^" } else { "" }));
            }
            Escaped::Outside(text) => self.out.push_str(text),
        }
        Ok(())
    }

    /// Takes one escape, in a class or outside.
    fn escaped(&mut self) -> Result<Escaped, String> {
        let Some(kind) = self.rest.chars().nth(1) else {
            return self.invalid("trailing backslash");
        };
        let class = |inside: &str, negated: bool| Escaped::Class(inside.to_owned(), negated);
        let found = match kind {
            'a' => Escaped::Literal('\x07'),
            'f' => Escaped::Literal('\x0c'),
            'n' => Escaped::Literal('\n'),
            'r' => Escaped::Literal('\r'),
            't' => Escaped::Literal('\t'),
            'v' => Escaped::Literal('\x0b'),
            'd' | 'D' => class("0-9", kind == 'D'),
            's' | 'S' => class("\\t\\n\\x0C\\r\\x20", kind == 'S'),
            'w' | 'W' => class("0-9A-Za-z_", kind == 'W'),
            'A' => Escaped::Outside("\\A"),
            'z' => Escaped::Outside("\\z"),
            'b' => Escaped::Outside("(?-u:\\b)"),
            'B' => Escaped::Outside("(?-u:\\B)"),
            'C' => return self.invalid("`\\C` (any byte) is not supported, write `.` for any character"),
            'p' | 'P' => return self.property(kind == 'P'),
            'x' | '0'..='7' => return self.code_point(kind),
            _ if kind.is_ascii() && !kind.is_ascii_alphanumeric() => Escaped::Literal(kind),
            _ => return self.invalid(&format!("unknown escape `\\{kind}`")),
        };
        self.skip(1 + kind.len_utf8());
        Ok(found)
    }

    /// `\pL`, `\p{Greek}`, `\p{^Greek}` and their negations.
    fn property(&mut self, negated: bool) -> Result<Escaped, String> {
        let after = &self.rest[2..];
        let (name, len) = match after.strip_prefix('{') {
            Some(braced) => match braced.split_once('}') {
                Some((name, _)) => (name, name.len() + 2),
                None => return self.invalid("`\\p{` without its `}`"),
            },
            None => match after.chars().next() {
                Some(c) => (&after[..c.len_utf8()], c.len_utf8()),
                None => return self.invalid("`\\p` without a class name"),
            },
        };
        let (name, inverted) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
        let name = format!("\\p{{{name}}}");
        self.skip(2 + len);
        Ok(Escaped::Class(name, negated != inverted))
    }

    /// `\x7F`, `\x{10FFFF}`, `\0`, `\07`, `\123`.
    fn code_point(&mut self, kind: char) -> Result<Escaped, String> {
        let after = &self.rest[2..];
        let (code, len) = if kind == 'x' {
            let (digits, len) = match after.strip_prefix('{').and_then(|braced| braced.split_once('}')) {
                Some((digits, _)) => (digits, digits.len() + 2),
                None => (after.get(..2).unwrap_or_default(), 2),
            };
            (u32::from_str_radix(digits, 16).ok(), 2 + len)
        } else {
            let octal = self.rest[1..].bytes().take(3).take_while(|b| (b'0'..=b'7').contains(b)).count();
            if kind != '0' && octal < 2 {
                return self.invalid(&format!("back-references like `\\{kind}` are not supported"));
            }
            (u32::from_str_radix(&self.rest[1..=octal], 8).ok(), 1 + octal)
        };
        let Some(c) = code.and_then(char::from_u32) else {
            return self.invalid("an escape that is no character");
        };
        self.skip(len);
        Ok(Escaped::Literal(c))
    }

    /// A bracketed class: rewritten item by item, every character escaped.
    fn class(&mut self) -> Result<(), String> {
        self.skip(1);
        self.out.push('[');
        if let Some(rest) = self.rest.strip_prefix('^') {
            self.rest = rest;
            self.out.push('^');
        }
        let mut first = true;
        loop {
            if self.rest.is_empty() {
                return self.invalid("a class without its `]`");
            }
            if !first && self.rest.starts_with(']') {
                self.skip(1);
                self.out.push(']');
                return Ok(());
            }
            first = false;
            if self.rest.starts_with("[:")
                && let Some(end) = self.rest.find(":]")
            {
                let named = &self.rest[..end + 2];
                self.out.push_str(named);
                self.skip(named.len());
                continue;
            }
            let Some(low) = self.class_character()? else {
                continue;
            };
            self.literal(low);
            let is_range = self.rest.starts_with('-') && !self.rest.starts_with("-]") && self.rest.len() > 1;
            if is_range {
                self.skip(1);
                let Some(high) = self.class_character()? else {
                    return self.invalid("a range in a class that ends in a class");
                };
                self.out.push('-');
                self.literal(high);
            }
        }
    }

    /// One character of a class; `None` when it was a class itself, which is already written.
    fn class_character(&mut self) -> Result<Option<char>, String> {
        let Some(c) = self.rest.chars().next() else {
            return self.invalid("a class without its `]`");
        };
        if c != '\\' {
            self.skip(c.len_utf8());
            return Ok(Some(c));
        }
        match self.escaped()? {
            Escaped::Literal(c) => Ok(Some(c)),
            Escaped::Class(inside, negated) => {
                self.out.push_str(&format!("[{}{inside}]", if negated { "^" } else { "" }));
                Ok(None)
            }
            Escaped::Outside(text) => self.invalid(&format!("`{text}` stands in a class")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::anchored;

    /// Patterns with what they match and what they do not, as Go's `regexp` answers.
    #[test]
    fn reads_patterns_as_go_does() {
        let cases: [(&str, &[&str], &[&str]); 26] = [
            ("a.c", &["abc", "a\nc"], &["xabc", "abcx"]),
            ("foo|bar", &["foo", "bar"], &["foobar", "xbar"]),
            ("", &[""], &["a"]),
            ("(?i)GET", &["get", "Get"], &["got"]),
            (r"\Qa.b|c\E+", &["a.b|c", "a.b|ccc"], &["axb|c"]),
            (r"\Q1+1", &["1+1"], &["11"]),
            (r"\d+", &["12"], &["٣"]),
            (r"\w+", &["a_1"], &["é"]),
            (r"\D", &["é", "a"], &["1"]),
            (r"[\d]+x", &["1x"], &["٣x"]),
            (r"[^\d]", &["é"], &["5"]),
            (r"[a[b]+", &["a", "[", "b", "ab["], &["c"]),
            (r"[a&&b]+", &["a&b"], &["c"]),
            (r"[a~~b]+", &["a~b"], &["c"]),
            (r"[]a]+", &["]", "a]"], &["b"]),
            (r"[^]a]", &["b"], &["]"]),
            (r"[a-c-]+", &["a-b"], &["d"]),
            (r"[[:alpha:]_]+", &["ab_"], &["1"]),
            ("a{b}", &["a{b}"], &["ab"]),
            ("a{,2}", &["a{,2}"], &["aa"]),
            ("a{2}", &["aa"], &["a{2}"]),
            ("a{2,}", &["aaa"], &["a"]),
            (r"\x41\x{1F600}", &["A😀"], &["A"]),
            (r"\101\_\<", &["A_<"], &["A"]),
            (r"\p{Greek}\p{^Greek}\PN", &["αbc"], &["ααc", "αb1"]),
            (r"(?P<x>a)+?b\z", &["aab"], &["b"]),
        ];
        for (pattern, matching, others) in cases {
            let regex = anchored(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
            for text in matching {
                assert!(regex.is_match(text), "{pattern} matches {text:?}");
            }
            for text in others {
                assert!(!regex.is_match(text), "{pattern} does not match {text:?}");
            }
        }
    }

    #[test]
    fn refuses_by_name() {
        for (pattern, reason) in [
            (r"\C", "any byte"),
            (r"(a)\1", "back-references"),
            (r"a\", "trailing backslash"),
            ("[a", "without its `]`"),
            ("(a", "unclosed group"),
            (r"\y", "unknown escape"),
            ("*a", "repetition operator"),
        ] {
            let error = anchored(pattern).expect_err(pattern);
            assert!(error.contains(reason), "{pattern}: {error}");
        }
    }
}
