//! Text into tokens, each with its byte offset.

use super::duration;
use super::expr::ExprError;

/// One token and where it starts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) at: usize,
    pub(super) kind: Kind,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A name: metric, function, label or keyword; the parser tells which.
    Word(String),
    /// A number or a duration in seconds.
    Number(f64),
    /// A string, unquoted.
    Text(String),
    /// An operator or a bracket.
    Symbol(&'static str),
    /// The end of the text.
    End,
}

impl Kind {
    /// The token as messages name it.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Word(word) => format!("`{word}`"),
            Self::Number(number) => format!("number {number}"),
            Self::Text(text) => format!("string {text:?}"),
            Self::Symbol(symbol) => format!("`{symbol}`"),
            Self::End => "end of expression".to_owned(),
        }
    }
}

/// Longest first: the first that fits is taken.
const SYMBOLS: [&str; 27] = [
    "==", "!=", "=~", "!~", "<=", ">=", "</", ">/", "=", "<", ">", "+", "-", "*", "/", "%", "^", "(", ")", "{", "}",
    "[", "]", ",", "@", ":", ";",
];

/// Splits `text` into tokens; the last is [`Kind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, ExprError> {
    let mut lexer = Lexer { text, at: 0, in_brackets: false };
    let mut found = Vec::new();
    loop {
        lexer.skip_blank();
        let at = lexer.at;
        let kind = lexer.next()?;
        let end = kind == Kind::End;
        found.push(Token { at, kind });
        if end {
            return Ok(found);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    in_brackets: bool,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_blank(&mut self) {
        loop {
            let trimmed = self.rest().trim_start_matches([' ', '\t', '\n', '\r']);
            self.at = self.text.len() - trimmed.len();
            if !trimmed.starts_with('#') {
                return;
            }
            self.at += trimmed.find(['\n', '\r']).unwrap_or(trimmed.len());
        }
    }

    fn next(&mut self) -> Result<Kind, ExprError> {
        let Some(first) = self.rest().chars().next() else {
            return Ok(Kind::End);
        };
        let second_is_digit = self.rest()[first.len_utf8()..].starts_with(|c: char| c.is_ascii_digit());
        match first {
            '"' | '\'' | '`' => self.string(first),
            '0'..='9' => self.number(),
            '.' if second_is_digit => self.number(),
            ':' if self.in_brackets => {
                self.at += 1;
                Ok(Kind::Symbol(":"))
            }
            'a'..='z' | 'A'..='Z' | '_' | ':' => Ok(self.word()),
            _ => self.symbol(first),
        }
    }

    fn word(&mut self) -> Kind {
        let colon = !self.in_brackets;
        let inside = |c: char| c.is_ascii_alphanumeric() || c == '_' || (c == ':' && colon);
        let len = self.rest().find(|c| !inside(c)).unwrap_or(self.rest().len());
        let word = self.rest()[..len].to_owned();
        self.at += len;
        Kind::Word(word)
    }

    fn symbol(&mut self, first: char) -> Result<Kind, ExprError> {
        let Some(symbol) = SYMBOLS.into_iter().find(|symbol| self.rest().starts_with(symbol)) else {
            return Err(ExprError { at: self.at, message: format!("unexpected character {first:?}") });
        };
        match symbol {
            "[" => self.in_brackets = true,
            "]" => self.in_brackets = false,
            _ => {}
        }
        self.at += symbol.len();
        Ok(Kind::Symbol(symbol))
    }

    /// Digits, letters, `.` and `_`, and a sign after the `e` of a decimal number.
    fn number(&mut self) -> Result<Kind, ExprError> {
        let text = self.rest();
        let is_hex = text.starts_with("0x") || text.starts_with("0X");
        let mut previous = ' ';
        let mut seen = String::new();
        for c in text.chars() {
            let is_exponent_sign = matches!(c, '+' | '-')
                && matches!(previous, 'e' | 'E')
                && !is_hex
                && seen.trim_end_matches(['e', 'E']).chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '_'));
            if !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_') || is_exponent_sign) {
                break;
            }
            seen.push(c);
            previous = c;
        }
        let start = self.at;
        self.at += seen.len();
        let parsed = number_value(&seen).or_else(|| duration::parse(&seen));
        parsed.map(Kind::Number).ok_or_else(|| ExprError {
            at: start,
            message: format!("`{seen}` is neither a number nor a duration, write one like 1.5, 1e3, 0x1f, 5m or 1h30m"),
        })
    }

    fn string(&mut self, quote: char) -> Result<Kind, ExprError> {
        let start = self.at;
        let fail = |at: usize, message: &str| Err(ExprError { at, message: message.to_owned() });
        self.at += 1;
        let mut bytes = Vec::new();
        loop {
            let Some(c) = self.rest().chars().next() else {
                return fail(start, "string without its closing quote");
            };
            match c {
                _ if c == quote => {
                    self.at += 1;
                    break;
                }
                '\n' if quote != '`' => return fail(start, "string without its closing quote on the same line"),
                '\\' if quote != '`' => {
                    let at = self.at;
                    let Some((len, unescaped)) = escape(self.rest(), quote) else {
                        return fail(at, "unknown escape sequence in a string, write `\\\\` for a backslash");
                    };
                    bytes.extend(unescaped);
                    self.at += len;
                }
                _ => {
                    bytes.extend(c.to_string().into_bytes());
                    self.at += c.len_utf8();
                }
            }
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Kind::Text(text)),
            Err(_) => fail(start, "string is not UTF-8 once its escapes are resolved"),
        }
    }
}

/// The value of a number as Go reads it: base prefix, leading zero for octal, `_` between digits.
pub(super) fn number_value(text: &str) -> Option<f64> {
    let pieces_fit = |digits: fn(&u8) -> bool| {
        text.as_bytes().windows(3).all(|three| three[1] != b'_' || (digits(&three[0]) && digits(&three[2])))
            && !text.ends_with('_')
    };
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        let digits = hex.replace('_', "");
        let value = i64::from_str_radix(&digits, 16).ok()?;
        let underscores_fit = pieces_fit(|b| b.is_ascii_hexdigit() || matches!(b, b'x' | b'X'));
        return underscores_fit.then_some(value as f64);
    }
    if !pieces_fit(u8::is_ascii_digit) {
        return None;
    }
    let digits = text.replace('_', "");
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        let octal = digits.len() > 1 && digits.starts_with('0');
        let whole = if octal { i64::from_str_radix(&digits, 8).ok() } else { digits.parse::<i64>().ok() };
        if let Some(whole) = whole {
            return Some(whole as f64);
        }
    }
    let decimal = digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    digits.parse::<f64>().ok().filter(|value| decimal && value.is_finite())
}

/// One escape sequence at the start of `text`: its length and its bytes.
fn escape(text: &str, quote: char) -> Option<(usize, Vec<u8>)> {
    let mut chars = text.chars().skip(1);
    let kind = chars.next()?;
    let simple = |byte: u8| Some((2, vec![byte]));
    let digits = |from: usize, count: usize, radix: u32| {
        text.get(from..from + count)
            .filter(|digits| digits.chars().all(|c| c.is_digit(radix)))
            .and_then(|digits| u32::from_str_radix(digits, radix).ok())
    };
    match kind {
        'a' => simple(7),
        'b' => simple(8),
        'f' => simple(12),
        'n' => simple(b'\n'),
        'r' => simple(b'\r'),
        't' => simple(b'\t'),
        'v' => simple(11),
        '\\' => simple(b'\\'),
        '0'..='7' => Some((4, vec![u8::try_from(digits(1, 3, 8)?).ok()?])),
        'x' => Some((4, vec![u8::try_from(digits(2, 2, 16)?).ok()?])),
        'u' => Some((6, char::from_u32(digits(2, 4, 16)?)?.to_string().into_bytes())),
        'U' => Some((10, char::from_u32(digits(2, 8, 16)?)?.to_string().into_bytes())),
        _ if kind == quote => Some((1 + quote.len_utf8(), quote.to_string().into_bytes())),
        _ => None,
    }
}
