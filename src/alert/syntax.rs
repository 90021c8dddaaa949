//! The two syntaxes of matchers that Alertmanager reads: UTF-8 (since 0.27) and classic.
//!
//! Both are tried, as in Alertmanager's default mode: what only one takes is read by it; where
//! both take it and disagree, the classic reading counts.

use super::matcher::{Matcher, Op, is_reserved};

/// The matchers in `text`.
pub(super) fn parse(text: &str) -> Result<Vec<Matcher>, String> {
    match (utf8(text), classic(text)) {
        (Ok(new), Ok(old)) if new != old => Ok(old),
        (Ok(new), _) => Ok(new),
        (Err(_), Ok(old)) => Ok(old),
        (Err(error), Err(_)) => Err(error),
    }
}

/// A cursor over the UTF-8 syntax: `{name op value, …}`, names and values quoted or bare.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn accept(&mut self, token: &str) -> bool {
        self.skip_space();
        self.rest.strip_prefix(token).inspect(|rest| self.rest = rest).is_some()
    }

    fn at_end(&mut self) -> bool {
        self.skip_space();
        self.rest.is_empty()
    }

    fn operator(&mut self) -> Result<Op, String> {
        let found = [Op::Regex, Op::NotRegex, Op::NotEqual, Op::Equal].into_iter().find(|op| self.accept(op.text()));
        found.ok_or_else(|| format!("expected one of = != =~ !~ before `{}`", self.rest))
    }

    fn word(&mut self, what: &str) -> Result<String, String> {
        self.skip_space();
        if self.rest.starts_with('"') {
            return self.quoted();
        }
        let end = self.rest.find(is_reserved).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        if word.is_empty() {
            return Err(format!("expected {what} before `{rest}`"));
        }
        self.rest = rest;
        Ok(word.to_owned())
    }

    fn quoted(&mut self) -> Result<String, String> {
        let body = &self.rest[1..];
        let mut escaped = false;
        let end = body.char_indices().find(|&(_, c)| {
            let closes = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            closes
        });
        let (end, _) = end.ok_or_else(|| format!("missing end quote of `{}`", self.rest))?;
        self.rest = &body[end + 1..];
        unquote(&body[..end]).ok_or_else(|| format!("`\"{}\"` is not a quoted string", &body[..end]))
    }
}

fn utf8(text: &str) -> Result<Vec<Matcher>, String> {
    let mut reader = Reader { rest: text };
    let mut matchers = Vec::new();
    let braced = reader.accept("{");
    let mut more = !reader.at_end() && !reader.rest.starts_with('}');
    while more {
        let name = reader.word("a label name")?;
        let op = reader.operator()?;
        let value = reader.word("a value")?;
        matchers.push(Matcher::new(name, op, value)?);
        let comma = reader.accept(",");
        more = comma && !reader.at_end() && !reader.rest.starts_with('}');
        if !comma && !reader.at_end() && !reader.rest.starts_with('}') {
            return Err(format!("expected a comma or a closing brace before `{}`", reader.rest));
        }
    }
    if braced != reader.accept("}") {
        return Err(format!("`{text}` opens and closes no pair of braces"));
    }
    if reader.at_end() { Ok(matchers) } else { Err(format!("unexpected `{}` at the end", reader.rest)) }
}

/// Go's `strconv.Unquote` of the inside of a double-quoted literal.
fn unquote(body: &str) -> Option<String> {
    let mut out = String::with_capacity(body.len());
    let mut chars = body.chars();
    while let Some(c) = chars.next() {
        if c == '\n' {
            return None;
        }
        if c != '\\' {
            out.push(c);
            continue;
        }
        out.push(match chars.next()? {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            '\\' => '\\',
            '"' => '"',
            'u' => hex(&mut chars, 4)?,
            'U' => hex(&mut chars, 8)?,
            'x' => hex(&mut chars, 2).filter(char::is_ascii)?,
            _ => return None,
        });
    }
    Some(out)
}

fn hex(chars: &mut std::str::Chars<'_>, digits: usize) -> Option<char> {
    let code = (0..digits).try_fold(0, |code, _| Some(code * 16 + chars.next()?.to_digit(16)?))?;
    char::from_u32(code)
}

fn classic(text: &str) -> Result<Vec<Matcher>, String> {
    let text = text.strip_prefix('{').unwrap_or(text);
    let text = text.strip_suffix('}').unwrap_or(text);
    let (mut inside_quotes, mut escaped) = (false, false);
    let mut tokens = vec![String::new()];
    for c in text.chars() {
        match c {
            ',' if !inside_quotes => {
                tokens.push(String::new());
                continue;
            }
            '"' if !escaped => inside_quotes = !inside_quotes,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
        if c == '"' {
            escaped = false;
        }
        if let Some(token) = tokens.last_mut() {
            token.push(c);
        }
    }
    if tokens.last().is_some_and(|token| token.trim().is_empty()) {
        tokens.pop();
    }
    tokens.iter().map(|token| classic_matcher(token)).collect()
}

fn classic_matcher(token: &str) -> Result<Matcher, String> {
    let bad = || format!("`{}` is not of the form name=\"value\"", token.trim());
    let token = token.trim();
    let name_end = token.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':').ok_or_else(bad)?;
    let (name, rest) = token.split_at(name_end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(bad());
    }
    let rest = rest.trim_start();
    let ops = [Op::Regex, Op::Equal, Op::NotEqual, Op::NotRegex];
    let (op, raw) = ops.into_iter().find_map(|op| Some((op, rest.strip_prefix(op.text())?))).ok_or_else(bad)?;
    let value = classic_value(raw.trim_start()).ok_or_else(|| format!("unescaped double quote in `{token}`"))?;
    Matcher::new(name, op, value)
}

/// OpenMetrics escapes; a spurious backslash is literal, an inner unescaped quote is refused.
fn classic_value(raw: &str) -> Option<String> {
    let (body, mut quote_open) = raw.strip_prefix('"').map_or((raw, false), |body| (body, true));
    let mut out = String::with_capacity(body.len());
    let mut chars = body.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => out.push('\n'),
                Some(quoted @ ('"' | '\\')) => out.push(quoted),
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
            '"' if quote_open && chars.peek().is_none() => quote_open = false,
            '"' => return None,
            _ => out.push(c),
        }
    }
    (!quote_open).then_some(out)
}
