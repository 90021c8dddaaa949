//! Action lines of `_bulk`: which operation, on which index, with which parameters.
//!
//! Held to what Elasticsearch 8 accepts, in its words: a malformed action line refuses the whole
//! request, since nobody can say any more which line is which.

use super::json::{JsonError, Scanner, Token};

/// The operation an action line names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Store, overwriting a document of the same `_id`.
    Index,
    /// Store unless there is a document of the same `_id`.
    Create,
    /// Change a stored document: refused, the gateway has none.
    Update,
    /// Delete a stored document: refused; it has no source line.
    Delete,
}

impl Op {
    /// Every operation.
    pub const ALL: [Self; 4] = [Self::Index, Self::Create, Self::Update, Self::Delete];

    /// Its key in action lines and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// One action line, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct Action<'a> {
    /// The key it stood under, and is answered under.
    pub key: Op,
    /// The operation meant: `index` with `"op_type":"create"` is [`Op::Create`].
    pub op: Op,
    /// `_index`, if given.
    pub index: Option<Token<'a>>,
    /// `_id`, if given.
    pub id: Option<Token<'a>>,
    /// Whether `pipeline` was given.
    pub has_pipeline: bool,
    /// Whether `routing` was given.
    pub has_routing: bool,
    /// Whether a version or sequence number was given.
    pub has_version: bool,
    /// The parameters' object as it stands.
    pub parameters: &'a [u8],
    /// Whether there are parameters that an exporter has to carry over.
    pub has_extra: bool,
}

/// Parameters that take one simple value and travel on to the store.
const CARRIED: [&[u8]; 8] = [
    b"\"routing\"",
    b"\"pipeline\"",
    b"\"version\"",
    b"\"version_type\"",
    b"\"if_seq_no\"",
    b"\"if_primary_term\"",
    b"\"require_alias\"",
    b"\"require_data_stream\"",
];

/// Parameters that are taken and not carried over: `_type` left Elasticsearch with version 8, the
/// others speak of operations that are refused or of the answer.
const TOLERATED: [&[u8]; 4] = [b"\"_type\"", b"\"retry_on_conflict\"", b"\"_source\"", b"\"list_executed_pipelines\""];

/// Parses one action line, the `number`th (from 1) of the request. `Ok(None)` for an empty line.
/// Answers the action and the bytes read; what follows them is the caller's to check.
///
/// # Errors
/// Elasticsearch's own sentence on what is malformed.
pub fn parse(line: &[u8], number: usize, nesting_max: usize) -> Result<Option<(Action<'_>, usize)>, String> {
    let mut scanner = Scanner::new(line, nesting_max);
    let malformed = |rest: String| format!("Malformed action/metadata line [{number}], {rest}");
    let broken = |error: JsonError| malformed(error.to_string());
    let Some(first) = scanner.peek() else { return Ok(None) };
    if first != b'{' {
        return Err(malformed(format!("expected START_OBJECT but found [{}]", token_name(first))));
    }
    scanner.expect(b'{').map_err(broken)?;
    let Some(key) = scanner.key(true).map_err(broken)? else {
        return Err(malformed("expected FIELD_NAME but found [END_OBJECT]".to_owned()));
    };
    let Some(op) = Op::ALL.into_iter().find(|op| key.text() == op.name()) else {
        return Err(malformed(format!(
            "expected field [create], [delete], [index] or [update] but found [{}]",
            key.text()
        )));
    };
    let first = scanner.peek().unwrap_or_default();
    if first != b'{' {
        return Err(malformed(format!("expected START_OBJECT but found [{}]", token_name(first))));
    }
    let start = scanner.at();
    let mut action = Action {
        key: op,
        op,
        index: None,
        id: None,
        has_pipeline: false,
        has_routing: false,
        has_version: false,
        parameters: b"",
        has_extra: false,
    };
    parameters(&mut scanner, &mut action, number)?;
    action.parameters = &line[start..scanner.at()];
    scanner.expect(b'}').map_err(|_| malformed("expected END_OBJECT but found [FIELD_NAME]".to_owned()))?;
    Ok(Some((action, scanner.at())))
}

fn parameters<'a>(scanner: &mut Scanner<'a>, action: &mut Action<'a>, number: usize) -> Result<(), String> {
    let broken = |error: JsonError| format!("Malformed action/metadata line [{number}], {error}");
    scanner.expect(b'{').map_err(broken)?;
    let mut first = true;
    while let Some(key) = scanner.key(first).map_err(broken)? {
        first = false;
        let value = scanner.value(2).map_err(broken)?;
        if value.is_container() && !matches!(key.0, b"\"dynamic_templates\"" | b"\"_source\"") {
            let found = token_name(value.0[0]);
            return Err(format!(
                "Malformed action/metadata line [{number}], expected a simple value for field [{}] but found [{found}]",
                key.text()
            ));
        }
        let given = Some(value).filter(|value| !value.is_null());
        match key.0 {
            b"\"_index\"" => action.index = given,
            b"\"_id\"" => action.id = given,
            b"\"op_type\"" if value.text() == "create" => action.op = Op::Create,
            b"\"op_type\"" => {}
            b"\"dynamic_templates\"" => action.has_extra = true,
            name if CARRIED.contains(&name) => {
                action.has_extra = true;
                action.has_pipeline |= name == b"\"pipeline\"";
                action.has_routing |= name == b"\"routing\"";
                action.has_version |= name.starts_with(b"\"version") || name.starts_with(b"\"if_");
            }
            name if TOLERATED.contains(&name) => {}
            _ => {
                return Err(format!("Action/metadata line [{number}] contains an unknown parameter [{}]", key.text()));
            }
        }
    }
    Ok(())
}

/// Appends `,"routing":…` and so on: every parameter that the store has to see beside `_index` and `_id`.
pub fn write_carried(parameters: &[u8], out: &mut Vec<u8>) {
    let mut scanner = Scanner::new(parameters, usize::MAX);
    let mut first = true;
    if scanner.expect(b'{').is_err() {
        return;
    }
    while let Ok(Some(key)) = scanner.key(first) {
        first = false;
        let Ok(value) = scanner.value(0) else { return };
        if key.0 == b"\"dynamic_templates\"" || CARRIED.contains(&key.0) {
            out.push(b',');
            out.extend_from_slice(key.0);
            out.push(b':');
            out.extend_from_slice(value.0);
        }
    }
}

/// What Elasticsearch's parser calls the token that starts with `byte`.
const fn token_name(byte: u8) -> &'static str {
    match byte {
        b'{' => "START_OBJECT",
        b'[' => "START_ARRAY",
        b'"' => "VALUE_STRING",
        b't' | b'f' => "VALUE_BOOLEAN",
        b'n' => "VALUE_NULL",
        b'-' | b'0'..=b'9' => "VALUE_NUMBER",
        _ => "null",
    }
}
